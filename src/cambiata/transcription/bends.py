"""Pitch bends of notes: each sounding note has a MIDI channel of its own, as in MPE.

A channel bends all of its notes, so that notes that sound together need several. A note goes to the
channel that has been free for longest, for its last note may still ring.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, NoteEvents
from cambiata.score.midi import Controls, Note, Part

Curve = npt.NDArray[np.float32]

_MOST_CHANNELS = 15  # of a MIDI port, but for drums
# A deviation below 10 cents is how a player or a detector is out of tune, and is not written: half
# of what listeners notice in a melody (Vurma & Ross 2006). Bends change in steps of 2 cents, every
# 10 ms at most: finer ones are not heard, and make files large.
_LEAST_CENTS, _STEP_CENTS, _STEP_S = 10.0, 2.0, 0.01
# Nor is the first and last moment of a note trusted: 20 ms, of which the curve's value is kept.
_EDGE_S = 0.02
_RINGS_S = 0.15  # a channel's last note rings so long
_OVERLAP_SHARE = 0.2  # of a note's time in which others may sound, legato, for it to be alone


def deviation_curves(notes: Sequence[Note], events: NoteEvents) -> list[Curve]:
    """Cents that each note is off its pitch, frame by frame from its onset on.

    Those that the detector gives, and the wide vibrato that was taken out before, if the note
    sounds alone.
    """
    alone = _alone(notes)
    curves = []
    for note, is_alone in zip(notes, alone, strict=True):
        first, last = round(note.start_s / BANDS.frame_s), round(note.end_s / BANDS.frame_s) + 1
        curve = np.zeros(len(events.level_db[0, first:last]), np.float32)
        row = note.pitch - LOWEST_PITCH
        if events.deviation_cents is not None and 0 <= row < len(events.deviation_cents):
            curve = curve + events.deviation_cents[row, first:last]
        if events.vibrato_cents is not None and is_alone:
            curve = curve + events.vibrato_cents[first:last]
        curves.append(curve)
    return curves


def _alone(notes: Sequence[Note]) -> npt.NDArray[np.bool_]:
    """Which notes have hardly another in their time [N]."""
    start_s, end_s = np.array([(note.start_s, note.end_s) for note in notes]).T
    shared_s = [
        np.clip(np.minimum(end_s, end) - np.maximum(start_s, start), 0, None).sum()
        for start, end in zip(start_s, end_s, strict=True)
    ]
    return np.asarray(np.array(shared_s) < (1 + _OVERLAP_SHARE) * (end_s - start_s))


def with_bends(
    part: Part, played: Sequence[Note], curves_cents: Sequence[Curve], frame_s: float
) -> Part:
    """A part whose notes bend as their curves of cents say, one value a frame from the onset on.

    Curves are those of the notes as they were played; the part has the notes in the same order,
    which may have been moved.
    """
    curves = [_bend(curve, frame_s) for curve in curves_cents]
    if not any(len(curve) for curve in curves):
        return part
    n_channels = min(_channels_needed(part.notes), _MOST_CHANNELS)
    free_s = np.zeros(n_channels)
    bends: list[list[tuple[float, float]]] = [[] for _ in range(n_channels)]
    notes = []
    for note, before, curve in zip(part.notes, played, curves, strict=True):
        channel = int(free_s.argmin())
        free_s[channel] = note.end_s
        notes.append(replace(note, channel=channel))
        own = bends[channel]
        at_s = note.start_s
        stretch = note.duration_s / before.duration_s
        # What holds from the onset on, so that no note begins with the last one's bend.
        first = float(curve[0, 1]) if len(curve) else 0.0
        if first or (own and own[-1][1]):
            own.append((at_s, first))
        own += [(at_s + s * stretch, bend) for s, bend in curve[1:].tolist()]
    controls = tuple(Controls(bend=tuple(each)) for each in bends)
    return replace(part, notes=tuple(notes), controls=controls)


def _channels_needed(notes: Sequence[Note]) -> int:
    """The most notes that sound together, those that ring among them."""
    edges = sorted(
        [(note.start_s, 1) for note in notes] + [(note.end_s + _RINGS_S, -1) for note in notes]
    )
    n, most = 0, 1
    for _, change in edges:
        n += change
        most = max(most, n)
    return most


def _bend(cents: Curve, frame_s: float) -> npt.NDArray[np.float64]:
    """Seconds after the onset at which a bend changes, and semitones [S, 2]; none if small."""
    times_s = np.arange(len(cents)) * frame_s
    if len(cents) < 2:
        return np.zeros((0, 2))
    end_s = float(times_s[-1])
    edge_s = min(_EDGE_S, end_s / 4)
    at_s = np.arange(0.0, end_s, _STEP_S)
    values = np.interp(np.clip(at_s, edge_s, end_s - edge_s), times_s, cents)
    if np.abs(values).max() < _LEAST_CENTS:
        return np.zeros((0, 2))
    steps = [(0.0, float(values[0]))]
    for at, value in zip(at_s[1:].tolist(), values[1:].tolist(), strict=True):
        if abs(value - steps[-1][1]) >= _STEP_CENTS:
            steps.append((at, value))
    return np.array(steps) * (1.0, 0.01)
