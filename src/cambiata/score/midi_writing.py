"""Parts and clock as mido's tracks: the only place that writes MIDI."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from cambiata.score.clock import Clock
from cambiata.score.midi_events import readable_text
from cambiata.score.parts import Controls, Part

TICKS_PER_BEAT = 960
"""Half a millisecond at 120 a minute; thirds, fifths and 64ths are whole."""
_DRUMS = 9  # channel, from 0
_MELODIC = [channel for channel in range(16) if channel != _DRUMS]
_VOLUME, _EXPRESSION, _SUSTAIN = 7, 11, 64
_USUAL_RANGE, _WIDEST_RANGE = 2, 127  # semitones of pitch bend
_LONGEST_BEAT_US = 2**24 - 1  # 3.6 beats a minute: a tempo has three bytes
_MOST_BEATS = 255  # of a bar: one byte
# At one tick: a pedal is lifted and notes end before others begin; what changes a note's sound
# comes before it, and a pedal goes down after it.
_END, _CHANGE, _BEGIN, _DOWN = range(4)

Event = tuple[int, int, str, dict[str, int]]
"""Tick, rank among those at one tick, kind and values of a message."""


def to_mido(parts: Sequence[Part], clock: Clock) -> Any:
    """A MIDI file of parts, each a track, after a track of tempos and metres.

    Parameters
    ----------
    parts : sequence of Part
        Each has a channel for every of its controls; beyond fifteen, on a further port.
    clock : Clock
        Where quarter notes fall.

    Returns
    -------
    mido.MidiFile
        Format 1.

    Examples
    --------
    >>> len(to_mido([], Clock()).tracks)
    1
    """
    import mido  # 30 ms that `import cambiata` need not spend

    file = mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_tempo_track(clock))
    n_channels = 0
    for part in parts:
        if part.is_drum:
            file.tracks.append(_write_track(part, [_DRUMS], 0, clock))
            continue
        n_own = max(1, len(part.controls))
        if n_channels % 15 + n_own > 15 and n_own <= 15:  # a part is on one port
            n_channels += -n_channels % 15
        channels = [_MELODIC[(n_channels + i) % 15] for i in range(n_own)]
        file.tracks.append(_write_track(part, channels, n_channels // 15, clock))
        n_channels += n_own
    return file


def _tempo_track(clock: Clock) -> Any:
    """Track with a clock's changes, as far as MIDI has them.

    Slower tempos become the slowest; bars of too many beats, or of beats that are no power of two
    (a pickup of a triplet's note), are not marked.
    """
    import mido

    events: list[tuple[int, str, dict[str, Any]]] = [
        (
            round(at * TICKS_PER_BEAT),
            "set_tempo",
            {"tempo": min(max(1, round(60e6 / qpm)), _LONGEST_BEAT_US)},
        )
        for at, qpm in clock.tempos
    ]
    for at, metre in clock.metres:
        if metre.beats > _MOST_BEATS or metre.unit & (metre.unit - 1):
            continue
        signature = {"numerator": metre.beats, "denominator": metre.unit}
        events.append((round(at * TICKS_PER_BEAT), "time_signature", signature))
    if clock.key:
        events.append((0, "key_signature", {"key": clock.key}))
    track, last = mido.MidiTrack(), 0
    for tick, kind, values in sorted(events, key=lambda event: event[0]):
        track.append(mido.MetaMessage(kind, time=tick - last, **values))
        last = tick
    return track


def _write_track(part: Part, channels: list[int], port: int, clock: Clock) -> Any:
    import mido

    track = mido.MidiTrack()
    if part.name:
        track.append(mido.MetaMessage("track_name", name=_encoded(part.name)))
    if port:
        track.append(mido.MetaMessage("midi_port", port=port))
    for channel in channels:
        track.append(mido.Message("program_change", channel=channel, program=part.program))
    # Several changes at one tick stay in their order, which counts for registered parameters.
    events = sorted(
        _events(part, channels, clock), key=lambda event: (*event[:2], event[3].get("note", 0))
    )
    last = 0
    for tick, kind, values in ((tick, kind, values) for tick, _, kind, values in events):
        track.append(mido.Message(kind, time=tick - last, **values))
        last = tick
    return track


def _events(part: Part, channels: list[int], clock: Clock) -> Iterator[Event]:
    def ticks(seconds: float) -> int:
        return round(clock.quarters(seconds) * TICKS_PER_BEAT)

    for note in part.notes:
        start = ticks(note.start_s)
        end = max(start + 1, ticks(note.end_s))
        where = {"channel": channels[note.channel % len(channels)], "note": note.pitch}
        yield start, _BEGIN, "note_on", {**where, "velocity": note.velocity}
        yield end, _END, "note_off", {**where, "velocity": 0}
    for channel in channels:
        for begin_s, end_s in part.pedal:
            begin, end = ticks(begin_s), ticks(end_s)
            where = {"channel": channel, "control": _SUSTAIN}
            yield max(begin + 1, end), _END, "control_change", {**where, "value": 0}
            yield begin, _DOWN, "control_change", {**where, "value": 127}
    for channel, controls in zip(channels, part.controls, strict=False):
        for at_s, kind, values in _control_events(controls):
            yield ticks(at_s), _CHANGE, kind, {"channel": channel, **values}


def _control_events(controls: Controls) -> Iterator[tuple[float, str, dict[str, int]]]:
    """Messages of a channel's curves, and when."""
    widest = max((abs(semitones) for _, semitones in controls.bend), default=0.0)
    semitones_range = min(max(_USUAL_RANGE, math.ceil(widest)), _WIDEST_RANGE)
    if semitones_range != _USUAL_RANGE:
        for control, value in ((101, 0), (100, 0), (6, semitones_range), (38, 0)):
            yield 0.0, "control_change", {"control": control, "value": value}
    for at_s, semitones in controls.bend:
        pitch = min(max(round(semitones / semitones_range * 8192), -8192), 8191)
        yield at_s, "pitchwheel", {"pitch": pitch}
    for control, curve in ((_VOLUME, controls.volume), (_EXPRESSION, controls.expression)):
        for at_s, level in curve:
            yield at_s, "control_change", {"control": control, "value": round(level)}


def _encoded(name: str) -> str:
    """A name in the format's Latin-1, or where it would be read as something else, in UTF-8."""
    try:
        if readable_text(name.encode("latin-1")) == name:
            return name
    except UnicodeEncodeError:
        pass
    return name.encode("utf-8").decode("latin-1")
