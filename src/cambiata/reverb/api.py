"""Reverb: a room measured, put on a sound, estimated, matched, simulated, taken away.

Each verb is a function of sounds in memory and one from file to file.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, AudioFile, load
from cambiata.audio.writing import Destination
from cambiata.errors import SOUND, InputError, check_numbers, check_type
from cambiata.files import PICTURE, check_not_input, check_output
from cambiata.keywords import checked_keywords
from cambiata.page.comparison import Comparison, Exhibit, draw
from cambiata.reverb.decay import measure_octaves
from cambiata.reverb.impulse import Room, room_by_clap, room_by_sweep
from cambiata.reverb.pictures import draw_decays
from cambiata.reverb.rendering import InRoom, Reverberant
from cambiata.reverb.reports import MeasuredRoom, ReverbReport, SweepReport, mean_time_s
from cambiata.reverb.sweep import Sweep, make_sweep, read_sweep

_NUMBER = "a number"


@checked_keywords
def sweep(
    *,
    duration_s: float = 10.0,
    low_hz: float = 20.0,
    high_hz: float = 20000.0,
    sample_rate: int = 48000,
    tail_s: float = 5.0,
    level_db: float = -6.0,
) -> Audio:
    """Sound to play in a room that is to be measured: an exponential sweep (Farina 2000).

    A short chirp comes before it and after the silence that follows: by these `capture` finds how
    far the clocks of player and recorder run apart.

    Parameters
    ----------
    duration_s : float
        Length of the sweep, 1 to 120 seconds: twice as long is 3 dB more above the noise.
    low_hz : float
        Its lowest frequency; a phone's loudspeaker plays little below 200 Hz.
    high_hz : float
        Its highest, at least two octaves above, and at most 48 % of the rate.
    sample_rate : int
        Samples per second, 8,000 to 192,000.
    tail_s : float
        Silence for the room to ring in, 0.5 to 30 seconds: longer than its reverberation time.
    level_db : float
        Level in dB of full scale, -60 to 0.

    Returns
    -------
    Audio
        One channel.

    Raises
    ------
    InputError
        A number is out of range.

    Examples
    --------
    >>> sweep(duration_s=2, tail_s=1).duration_s
    6.4
    """
    check_numbers(
        _NUMBER,
        duration_s=duration_s,
        low_hz=low_hz,
        high_hz=high_hz,
        sample_rate=sample_rate,
        tail_s=tail_s,
        level_db=level_db,
    )
    _check_range("duration_s", duration_s, 1, 120)
    _check_range("sample_rate", sample_rate, 8000, 192000)
    _check_range("low_hz", low_hz, 1, sample_rate / 10)
    _check_range("high_hz", high_hz, 4 * low_hz, 0.48 * sample_rate)
    _check_range("tail_s", tail_s, 0.5, 30)
    _check_range("level_db", level_db, -60, 0)
    samples = make_sweep(duration_s, low_hz, high_hz, int(sample_rate), tail_s, level_db)
    return Audio(samples, int(sample_rate), name="sweep")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InputError(name, f"{value:g} is out of range", f"use {least:g} to {most:g}")


@checked_keywords
def sweep_file(
    output: str | Path,
    *,
    duration_s: float = 10.0,
    low_hz: float = 20.0,
    high_hz: float = 20000.0,
    sample_rate: int = 48000,
    tail_s: float = 5.0,
    level_db: float = -6.0,
    force: bool = False,
) -> SweepReport:
    """Like `sweep`, to a file.

    Parameters
    ----------
    output : str or pathlib.Path
        Sound file to write; lossless ones measure best.
    duration_s : float
        See `sweep`.
    low_hz : float
        Likewise.
    high_hz : float
        Likewise.
    sample_rate : int
        Likewise.
    tail_s : float
        Likewise.
    level_db : float
        Likewise.
    force : bool
        Replace an output that exists.

    Returns
    -------
    SweepReport
        The output and its measures.

    Raises
    ------
    InputError
        The output cannot be written, or a number is out of range.

    Examples
    --------
    >>> sweep_file("/nowhere/sweep.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere/sweep.wav: the folder /nowhere does not exist; ...
    """
    sound = sweep(
        duration_s=duration_s,
        low_hz=low_hz,
        high_hz=high_hz,
        sample_rate=sample_rate,
        tail_s=tail_s,
        level_db=level_db,
    )
    Destination(output, like=sound, force=force).write(sound.blocks())
    return SweepReport(
        str(output), sound.duration_s, duration_s, low_hz, high_hz, sound.sample_rate
    )


@checked_keywords
def capture(recording: Audio, sweep: Audio | None = None) -> MeasuredRoom:
    """A room by a recording of a sweep in it, or of a clap, a balloon or a starting pistol.

    The sweep's start is found, the drift of the two clocks taken out, and the loudspeaker's
    harmonics cut off; noise is shaped to go on as the decay does. Octaves are measured by ISO
    3382-1 with the noise compensated (Lundeby et al. 1995, Chu 1978), before that shaping.

    Parameters
    ----------
    recording : Audio
        What was recorded in the room: one channel, or several for a room of as many.
    sweep : Audio, optional
        The sweep that was played; without it, the recording has a clap.

    Returns
    -------
    MeasuredRoom
        The room, at the recording's rate: its `sound` is for `apply`.

    Raises
    ------
    InputError
        A recording is silent, clipped, or shorter than the sweep; it is of another sweep; no decay
        is found.

    Examples
    --------
    >>> t = np.arange(24000) / 16000
    >>> clap = np.random.default_rng(0).standard_normal(24000) * np.exp(-6.9 * t / 0.4)
    >>> silence = np.zeros(8000)
    >>> capture(Audio(np.concatenate([silence, 0.1 * clap]), 16000)).rt60_s.__round__(1)
    0.4
    """
    check_type("recording", recording, Audio, SOUND)
    check_type("sweep", sweep, Audio | None, SOUND)
    started = time.perf_counter()
    rate, name = recording.sample_rate, recording.name
    if sweep is None:
        room = room_by_clap(recording.samples, rate, name)
    else:
        room = room_by_sweep(recording.samples, rate, _read_sweep(sweep), name)
    measured = _measured(room, rate, name)
    return replace(measured, elapsed_s=time.perf_counter() - started)


def _read_sweep(sound: Audio) -> Sweep:
    first = sound.samples[0]
    if any(not np.array_equal(first, other) for other in sound.samples[1:]):
        raise InputError(
            sound.name,
            f"has {sound.n_channels} channels that differ, and a sweep has one",
            "give the file that was played, and the recording first",
        )
    return read_sweep(first, sound.sample_rate, sound.name)


def _measured(room: Room, sample_rate: int, name: str) -> MeasuredRoom:
    # Of several channels, the loudest: a mean would add noise, and cancel reflections.
    loudest = int(np.argmax((room.raw**2).sum(axis=1)))
    octaves = tuple(measure_octaves(room.raw[loudest], sample_rate, room.start))
    rt60_s = mean_time_s(octaves)
    if rt60_s is None:
        raise InputError(
            name, "no decay is found in it", "record nearer to the source, louder, or longer"
        )
    return MeasuredRoom(
        octaves,
        rt60_s,
        Audio(room.response, sample_rate, "FLOAT", "room"),
        room.onset_s,
        room.drift_ppm,
        room.harmonics_db,
    )


@checked_keywords
def capture_file(
    recording: str | Path,
    sweep: str | Path | None,
    output: str | Path,
    *,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> MeasuredRoom:
    """Like `capture`, from files to a file with the impulse response.

    Parameters
    ----------
    recording : str or pathlib.Path
        What was recorded in the room.
    sweep : str, pathlib.Path or None
        The sweep that was played; None for a clap or a balloon.
    output : str or pathlib.Path
        Sound file to write; it appears whole or not at all.
    picture : str or pathlib.Path, optional
        Draw the decay of every octave there, .svg or .png.
    strict : bool
        Refuse files that are damaged, instead of using what is there.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    MeasuredRoom
        The room and what was written; without its `sound`.

    Raises
    ------
    InputError
        A file cannot be used, as `capture` says; nothing has been written then.

    Examples
    --------
    >>> capture_file("nowhere.wav", None, "room.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    started = time.perf_counter()
    inputs = {"the recording": recording} | ({} if sweep is None else {"the sweep": sweep})
    place = _check_picture(picture, inputs, force)
    for role, path in inputs.items():
        check_not_input(output, role, path)
    recorded = load(recording, strict=strict)
    played = None if sweep is None else load(sweep, strict=strict)
    target = Destination(output, like=replace(recorded, subtype="FLOAT"), force=force)
    measured = capture(recorded, played)
    assert measured.sound is not None
    target.write(measured.sound.blocks())
    if place is not None:
        loudest = _loudest(measured.sound.samples)
        title = f"{Path(recording).name}: decay by octaves"
        draw_decays(loudest, recorded.sample_rate, measured.times_s, title, place)
    return replace(
        measured,
        sound=None,
        output=str(output),
        picture=None if place is None else str(place),
        elapsed_s=time.perf_counter() - started,
    )


def _loudest(samples: Samples) -> Samples:
    loudest: Samples = samples[int(np.argmax((samples**2).sum(axis=1)))]
    return loudest


def _check_picture(
    picture: str | Path | None, inputs: dict[str, str | Path], force: bool
) -> Path | None:
    if picture is None:
        return None
    place = check_output(picture, PICTURE, force=force)
    for role, path in inputs.items():
        check_not_input(place, role, path)
    return place


@checked_keywords
def apply(sound: Audio, room: Audio, *, amount: float = 1.0, tail_s: float = 0.0) -> Audio:
    """A sound in a room, at the loudness that it had.

    The room's direct sound falls on the sound itself, so that nothing comes late and the two mix.

    Parameters
    ----------
    sound : Audio
        Any.
    room : Audio
        An impulse response of any rate: of one channel, of two (a mono sound becomes stereo), of
        four ("true stereo": from left to left and right, then from right), or of as many as the
        sound has.
    amount : float
        0 returns the sound, 1 what is heard in the room; between, a mix.
    tail_s : float
        Seconds by which the result is longer, for the reverb to ring out.

    Returns
    -------
    Audio
        At the sound's rate.

    Raises
    ------
    InputError
        The sound or the room is silent, the room is longer than a minute, or the channels do not
        go together.

    Examples
    --------
    >>> sound, room = Audio(np.ones(8000) / 2, 8000), Audio(np.ones((2, 1)), 8000)
    >>> apply(sound, room, tail_s=0.5)
    <Audio audio: 1.5 s, 2 channels at 8000 Hz>
    """
    check_type("sound", sound, Audio, SOUND)
    check_type("room", room, Audio, SOUND)
    check_numbers(_NUMBER, amount=amount, tail_s=tail_s)
    return _in_memory(InRoom(sound, room, amount, tail_s))


def _in_memory(made: Reverberant) -> Audio:
    samples = np.concatenate(list(made.blocks()), axis=1)
    return Audio(samples, made.sample_rate, made.subtype, made.name)


@checked_keywords
def apply_file(
    recording: str | Path,
    room: str | Path,
    output: str | Path,
    *,
    amount: float = 1.0,
    tail_s: float = 0.0,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> ReverbReport:
    """Like `apply`, from files to a file; any length in bounded memory.

    Parameters
    ----------
    recording : str or pathlib.Path
        The sound; "-" is standard input.
    room : str or pathlib.Path
        The room, as `capture_file` writes it, or any impulse response.
    output : str or pathlib.Path
        Sound file to write; "-" is standard output.
    amount : float
        See `apply`.
    tail_s : float
        Likewise.
    sample_rate : int, optional
        Samples per second of the output; else the recording's.
    n_channels : int, optional
        Channels of the output; else the recording's, or two for a stereo room.
    subtype : str, optional
        Storage of its samples.
    picture : str or pathlib.Path, optional
        Draw spectrograms of before and after there, .svg or .png.
    strict : bool
        Refuse files that are damaged.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    ReverbReport
        The output and its measures.

    Raises
    ------
    InputError
        A file cannot be used; nothing has been written then.

    Examples
    --------
    >>> apply_file("nowhere.wav", "room.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    check_numbers(_NUMBER, amount=amount, tail_s=tail_s)
    inputs = {"the recording": recording, "the room": room}
    writer = _Writer(output, inputs, picture, sample_rate, n_channels, subtype, force)
    source = AudioFile(recording, strict=strict)
    return writer.write(InRoom(source, AudioFile(room, strict=strict), amount, tail_s))


class _Writer:
    """An output that is a sound, and its picture; refused before any work."""

    def __init__(
        self,
        output: str | Path,
        inputs: dict[str, str | Path],
        picture: str | Path | None,
        sample_rate: int | None,
        n_channels: int | None,
        subtype: str | None,
        force: bool,
    ) -> None:
        self.output, self.started = output, time.perf_counter()
        self.stored = {"sample_rate": sample_rate, "n_channels": n_channels}
        self.subtype, self.force = subtype, force
        for role, path in inputs.items():
            check_not_input(output, role, path)
        self.comparison = Comparison(picture, None, output=output, inputs=inputs, force=force)

    def write(
        self,
        made: Reverberant,
        rt60_s: dict[float, float] | None = None,
        direct_db: float | None = None,
    ) -> ReverbReport:
        """Write the sound and its picture."""
        target = Destination(
            self.output, like=made, subtype=self.subtype, force=self.force, **self.stored
        )
        written = target.write(made.blocks())
        picture = self.comparison.picture
        if picture is not None:
            exhibits = [
                Exhibit("before", made.name, made.source),
                Exhibit("after", str(self.output), AudioFile(self.output)),
            ]
            draw(exhibits, f"{Path(made.name).name}, before and after").write(picture)
        return ReverbReport(
            str(self.output),
            written.n_samples / written.sample_rate,
            written.n_channels,
            made.amount,
            rt60_s,
            direct_db,
            None if picture is None else str(picture),
            time.perf_counter() - self.started,
        )
