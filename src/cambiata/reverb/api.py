"""Reverb: a room measured, put on a sound, estimated, matched, simulated, taken away.

Each verb is a function of sounds in memory and one from file to file.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, AudioFile, load
from cambiata.audio.source import Source
from cambiata.audio.writing import Destination
from cambiata.errors import SOUND, InputError, check_numbers, check_seed, check_type
from cambiata.files import check_not_inputs
from cambiata.keywords import checked_keywords
from cambiata.page.sound_output import SoundOutput, in_memory
from cambiata.reverb.blind import BlindEstimate, estimate_source
from cambiata.reverb.decay import OctaveDecay, measure_octaves
from cambiata.reverb.deconvolution import direct_start
from cambiata.reverb.dereverberation import Dereverberated
from cambiata.reverb.image_source import EARS_M, Point, Shoebox
from cambiata.reverb.impulse import Room, room_by_clap, room_by_sweep
from cambiata.reverb.outputs import check_picture, write_reverberant
from cambiata.reverb.pictures import draw_decays, draw_lines
from cambiata.reverb.rendering import InRoom, OnPath
from cambiata.reverb.reports import MeasuredRoom, ReverbReport, SweepReport, mean_time_s
from cambiata.reverb.sweep import Sweep, make_sweep, read_sweep
from cambiata.reverb.tail import decaying_noise, with_direct

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
        plain = re.sub(r"_(s|hz|db)$", "", name)  # as the command line has it
        raise InputError(f"{plain} {value:g}", "is out of range", f"use {least:g} to {most:g}")


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
    place = check_picture(picture, inputs, force)
    check_not_inputs(output, inputs)
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
    return in_memory(InRoom(sound, room, amount, tail_s))


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
    writer = SoundOutput(output, inputs, picture, sample_rate, n_channels, subtype, force)
    source = AudioFile(recording, strict=strict)
    return write_reverberant(writer, InRoom(source, AudioFile(room, strict=strict), amount, tail_s))


@checked_keywords
def estimate(sound: Audio) -> MeasuredRoom:
    """Reverberation time of the room that a recording of music or speech was made in.

    By the free decays after sounds that stop; without the source, so far less exact than `capture`:
    its median error was 9 % an octave on synthetic rooms and sounds (`benchmarks/README.md`).

    Parameters
    ----------
    sound : Audio
        Music or speech with pauses or short notes, some seconds of it at least.

    Returns
    -------
    MeasuredRoom
        Times of the octaves from 125 Hz to 4 kHz, None where too little dies away; no `sound`.

    Raises
    ------
    InputError
        The sound is silent, or no decay is found.

    Examples
    --------
    >>> estimate(Audio(np.zeros(8000), 8000, name="a.wav"))
    Traceback (most recent call last):
    cambiata.errors.InputError: a.wav: no decay is found in it; ...
    """
    check_type("sound", sound, Audio, SOUND)
    started = time.perf_counter()
    estimated = _measured_blind(_estimate(sound))
    return replace(estimated, elapsed_s=time.perf_counter() - started)


def _estimate(source: Source) -> BlindEstimate:
    estimate = estimate_source(source)
    if all(time_s is None for time_s in estimate.times_s.values()):
        raise InputError(
            source.name,
            "no decay is found in it",
            "choose a recording with pauses or short notes, of ten seconds or more",
        )
    return estimate


def _measured_blind(estimate: BlindEstimate) -> MeasuredRoom:
    octaves = tuple(
        OctaveDecay(centre_hz, time_s, None, None, None, None, 0.0)
        for centre_hz, time_s in estimate.times_s.items()
    )
    return MeasuredRoom(octaves, mean_time_s(octaves))


@checked_keywords
def estimate_file(
    recording: str | Path,
    *,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> MeasuredRoom:
    """Like `estimate`, of a file of any length, in bounded memory.

    Parameters
    ----------
    recording : str or pathlib.Path
        The recording; "-" is standard input.
    picture : str or pathlib.Path, optional
        Draw the decays there, .svg or .png.
    strict : bool
        Refuse a file that is damaged.
    force : bool
        Replace a picture that exists.

    Returns
    -------
    MeasuredRoom
        As `estimate` gives it.

    Raises
    ------
    InputError
        The file cannot be used, or no decay is found.

    Examples
    --------
    >>> estimate_file("nowhere.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    started = time.perf_counter()
    place = check_picture(picture, {"the recording": recording}, force)
    estimated = _measured_blind(_estimate(AudioFile(recording, strict=strict)))
    if place is not None:
        draw_lines(estimated.times_s, f"{Path(recording).name}: decay, estimated", place)
    return replace(
        estimated,
        picture=None if place is None else str(place),
        elapsed_s=time.perf_counter() - started,
    )


@checked_keywords
def match(
    dry: Audio,
    reference: Audio,
    *,
    amount: float = 1.0,
    direct_db: float = 0.0,
    tail_s: float = 0.0,
    seed: int = 0,
) -> Audio:
    """A dry sound with the reverb of a reference: noise that decays as its octaves do.

    The decays are estimated blind, as by `estimate`. How loud the reverb is against the direct
    sound is not: no statistic of falls that we tried told it better than a guess.

    Parameters
    ----------
    dry : Audio
        The sound; what reverb it has stays.
    reference : Audio
        Music or speech in the room that is meant.
    amount : float
        0 returns the dry sound, 1 all of the reference's reverb.
    direct_db : float
        Level of the direct sound against the reverb, in dB, -40 to 40.
    tail_s : float
        Seconds by which the result is longer, for the reverb to ring out.
    seed : int
        Seed of the noise.

    Returns
    -------
    Audio
        Of the dry sound's rate, channels and loudness.

    Raises
    ------
    InputError
        A sound is silent, or no decay is found in the reference.

    Examples
    --------
    >>> silence = Audio(np.zeros(8000), 8000, name="a.wav")
    >>> match(silence, silence)
    Traceback (most recent call last):
    cambiata.errors.InputError: a.wav: no decay is found in it; ...
    """
    check_type("dry", dry, Audio, SOUND)
    check_type("reference", reference, Audio, SOUND)
    check_numbers(_NUMBER, amount=amount, direct_db=direct_db, tail_s=tail_s)
    room, _ = _matching_room(dry, reference, direct_db, seed)
    return in_memory(InRoom(dry, room, amount, tail_s))


def _matching_room(
    dry: Source, reference: Source, direct_db: float, seed: int
) -> tuple[Audio, dict[float, float]]:
    """Room of noise with the reference's decays, and what they are."""
    _check_range("direct_db", direct_db, -40, 40)
    check_seed(seed)
    estimate = _estimate(reference)
    known = {c: t for c, t in estimate.times_s.items() if t is not None}
    # Octaves where nothing was found are as their neighbours are; the one above 4 kHz as that.
    times_s = {
        c: float(np.interp(np.log2(c), np.log2(list(known)), list(known.values())))
        for c in (*estimate.times_s, 8000.0)
        if c < 0.45 * dry.sample_rate
    }
    noise = decaying_noise(times_s, dry.sample_rate, dry.n_channels, seed)
    return Audio(with_direct(noise, direct_db), dry.sample_rate, name="room"), times_s


@checked_keywords
def match_file(
    dry: str | Path,
    reference: str | Path,
    output: str | Path,
    *,
    amount: float = 1.0,
    direct_db: float = 0.0,
    tail_s: float = 0.0,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    seed: int = 0,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> ReverbReport:
    """Like `match`, from files to a file; any length in bounded memory.

    Parameters
    ----------
    dry : str or pathlib.Path
        The dry sound.
    reference : str or pathlib.Path
        Music or speech in the room that is meant.
    output : str or pathlib.Path
        Sound file to write; "-" is standard output.
    amount : float
        See `match`.
    direct_db : float
        Likewise.
    tail_s : float
        Likewise.
    sample_rate : int, optional
        Samples per second of the output; else the dry sound's.
    n_channels : int, optional
        Channels of the output; likewise.
    subtype : str, optional
        Storage of its samples.
    seed : int
        See `match`.
    picture : str or pathlib.Path, optional
        Draw spectrograms of before and after there, .svg or .png.
    strict : bool
        Refuse files that are damaged.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    ReverbReport
        The output and what was laid on it.

    Raises
    ------
    InputError
        A file cannot be used; nothing has been written then.

    Examples
    --------
    >>> match_file("nowhere.wav", "hall.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    check_numbers(_NUMBER, amount=amount, direct_db=direct_db, tail_s=tail_s)
    inputs = {"the dry sound": dry, "the reference": reference}
    writer = SoundOutput(output, inputs, picture, sample_rate, n_channels, subtype, force)
    source = AudioFile(dry, strict=strict)
    there = AudioFile(reference, strict=strict)
    room, times_s = _matching_room(source, there, direct_db, seed)
    return write_reverberant(writer, InRoom(source, room, amount, tail_s), times_s)


@checked_keywords
def room(
    size: Point,
    listener: Point,
    source: Point,
    *,
    rt60_s: float | None = None,
    absorption: float | None = None,
    n_channels: int = 1,
    sample_rate: int = 48000,
    seed: int = 0,
) -> Audio:
    """A simulated rectangular room, for `apply`: single early reflections, then decaying noise.

    Parameters
    ----------
    size : tuple of float
        Length, width and height in metres, 0.5 to 200 each.
    listener : tuple of float
        Where it is heard: x, y and z in metres, within the room.
    source : tuple of float
        Where the sound comes from, likewise.
    rt60_s : float, optional
        Reverberation time in seconds, 0.05 to 20.
    absorption : float, optional
        Share of the energy that the walls take at each reflection, 0.01 to 0.99, instead; 0.3,
        as of a furnished room, where neither is given. The time follows by Eyring's formula.
    n_channels : int
        1, or 2: two receivers 17 cm apart, along the room's width.
    sample_rate : int
        Samples per second, 8,000 to 192,000.
    seed : int
        Seed of the noise.

    Returns
    -------
    Audio
        The response, the direct sound late by its way.

    Raises
    ------
    InputError
        A number is out of range, a point is outside of the room, or both times are given.

    Examples
    --------
    >>> room((8, 5, 3), (2, 2, 1.5), (6, 3, 1.5), rt60_s=0.4, sample_rate=8000).n_channels
    1
    """
    _check_range("sample_rate", sample_rate, 8000, 192000)
    box = _shoebox(size, rt60_s, absorption)
    _check_point("source", source, size)
    listeners = _listeners(listener, size, n_channels)
    check_seed(seed)
    response = box.response(source, listeners, int(sample_rate), seed)
    return Audio(response / np.abs(response).max(), int(sample_rate), "FLOAT", "room")


def _shoebox(size: Point, rt60_s: float | None, absorption: float | None) -> Shoebox:
    _check_triple("size", size)
    for length_m in size:
        _check_range("size", length_m, 0.5, 200)
    if rt60_s is not None and absorption is not None:
        raise InputError("rt60_s", "is given with the absorption", "leave out one of them")
    if rt60_s is None:
        absorption = 0.3 if absorption is None else absorption
        _check_range("absorption", absorption, 0.01, 0.99)
        return Shoebox(size, absorption)
    _check_range("rt60_s", rt60_s, 0.05, 20)
    return Shoebox.of_time(size, rt60_s)


def _check_triple(name: str, point: Point) -> None:
    if len(point) != 3:
        raise InputError(
            name, f"has {len(point)} numbers", "give three, in metres: 8x5x3 or 2,2,1.5"
        )


def _check_point(name: str, point: Point, size: Point) -> None:
    _check_triple(name, point)
    if not all(0 <= at <= length_m for at, length_m in zip(point, size, strict=True)):
        place, most = (",".join(f"{x:g}" for x in each) for each in (point, size))
        raise InputError(name, f"{place} is outside of the room", f"use 0,0,0 to {most}")


def _listeners(listener: Point, size: Point, n_channels: int) -> list[Point]:
    _check_point("listener", listener, size)
    if n_channels not in (1, 2):
        raise InputError(f"n_channels {n_channels}", "is out of range", "use 1 or 2")
    x, y, z = listener
    if n_channels == 1:
        return [listener]
    return [(x, float(np.clip(y + side * EARS_M / 2, 0, size[1])), z) for side in (1, -1)]


@checked_keywords
def room_file(
    output: str | Path,
    size: Point,
    listener: Point,
    source: Point,
    *,
    recording: str | Path | None = None,
    path: Sequence[Point] = (),
    rt60_s: float | None = None,
    absorption: float | None = None,
    n_channels: int = 1,
    sample_rate: int | None = None,
    amount: float = 1.0,
    tail_s: float = 0.0,
    seed: int = 0,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> MeasuredRoom | ReverbReport:
    """Like `room`, to a file; or a recording in that room, where its source may move.

    Parameters
    ----------
    output : str or pathlib.Path
        Sound file to write: the room's response, or the recording in the room.
    size : tuple of float
        See `room`.
    listener : tuple of float
        Likewise.
    source : tuple of float
        Likewise; where a path begins.
    recording : str or pathlib.Path, optional
        Sound to put into the room.
    path : sequence of tuple of float
        Points that the source then moves to, at an even speed over the recording.
    rt60_s : float, optional
        See `room`.
    absorption : float, optional
        Likewise.
    n_channels : int
        Likewise.
    sample_rate : int, optional
        Samples per second; else 48,000, or the recording's.
    amount : float
        0 is the recording, 1 it in the room.
    tail_s : float
        Seconds by which it is longer.
    seed : int
        Seed of the noise.
    picture : str or pathlib.Path, optional
        Draw the room's decay there, or spectrograms of before and after, .svg or .png.
    strict : bool
        Refuse a recording that is damaged.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    MeasuredRoom or ReverbReport
        Of the response, or of the recording in the room.

    Raises
    ------
    InputError
        As for `room`, or a file cannot be used.

    Examples
    --------
    >>> room_file("/nowhere/room.wav", (8, 5, 3), (2, 2, 1.5), (6, 3, 1.5))
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere/room.wav: the folder /nowhere does not exist; ...
    """
    started = time.perf_counter()
    if recording is None:
        if path:
            raise InputError("path", "needs a sound that moves along it", "name a `recording`")
        place = check_picture(picture, {}, force)
        made = room(
            size,
            listener,
            source,
            rt60_s=rt60_s,
            absorption=absorption,
            n_channels=n_channels,
            sample_rate=48000 if sample_rate is None else sample_rate,
            seed=seed,
        )
        Destination(output, like=made, force=force).write(made.blocks())
        measured = _measured_simulation(made)
        if place is not None:
            loudest = _loudest(made.samples)
            title = f"{Path(output).name}: decay by octaves"
            draw_decays(loudest, made.sample_rate, measured.times_s, title, place)
        written = None if place is None else str(place)
        elapsed_s = time.perf_counter() - started
        return replace(measured, output=str(output), picture=written, elapsed_s=elapsed_s)
    inputs = {"the recording": recording}
    writer = SoundOutput(output, inputs, picture, sample_rate, None, None, force)
    box = _shoebox(size, rt60_s, absorption)
    points = [source, *path]
    for point in points:
        _check_point("source", point, size)
    listeners = _listeners(listener, size, n_channels)
    sound = AudioFile(recording, strict=strict)
    check_seed(seed)
    return write_reverberant(writer, OnPath(sound, box, points, listeners, amount, tail_s, seed))


def _measured_simulation(made: Audio) -> MeasuredRoom:
    loudest = _loudest(made.samples)
    start = direct_start(loudest[None], made.sample_rate)
    octaves = tuple(measure_octaves(loudest, made.sample_rate, start))
    return MeasuredRoom(octaves, mean_time_s(octaves))


@checked_keywords
def remove(sound: Audio, *, amount: float = 1.0) -> Audio:
    """A sound with less reverb: what its past predicts of it is taken out (WPE).

    Nakatani et al. 2010: late reverb, from 35 ms on, that a linear filter of 140 ms predicts.
    Long notes are predicted, too: it is meant for speech and for music of short notes.

    Parameters
    ----------
    sound : Audio
        Of one or several channels; several microphones in one room serve better than one.
    amount : float
        0 returns the sound, 1 all that is taken out.

    Returns
    -------
    Audio
        As long and as loud.

    Raises
    ------
    InputError
        The sound is silent.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> remove(Audio(rng.standard_normal(8000) / 9, 8000))
    <Audio audio: 1 s, 1 channel at 8000 Hz>
    """
    check_type("sound", sound, Audio, SOUND)
    check_numbers(_NUMBER, amount=amount)
    return in_memory(Dereverberated(sound, amount))


@checked_keywords
def remove_file(
    recording: str | Path,
    output: str | Path,
    *,
    amount: float = 1.0,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> ReverbReport:
    """Like `remove`, from a file to a file; any length in bounded memory.

    Parameters
    ----------
    recording : str or pathlib.Path
        The sound; "-" is standard input.
    output : str or pathlib.Path
        Sound file to write; "-" is standard output.
    amount : float
        See `remove`.
    sample_rate : int, optional
        Samples per second of the output; else the recording's.
    n_channels : int, optional
        Channels of the output; likewise.
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
    >>> remove_file("nowhere.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    check_numbers(_NUMBER, amount=amount)
    inputs = {"the recording": recording}
    writer = SoundOutput(output, inputs, picture, sample_rate, n_channels, subtype, force)
    return write_reverberant(writer, Dereverberated(AudioFile(recording, strict=strict), amount))
