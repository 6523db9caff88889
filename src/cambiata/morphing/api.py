"""Morphing: two sounds in, the sound between them out; no cross-fade.

`morph` works on sounds in memory, `morph_file` from file to file, and `cambiata.Morph` gives the
same block by block while the amount moves.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, AudioFile, load
from cambiata.audio.writing import Destination
from cambiata.errors import SOUND, InputError, check_type, warn
from cambiata.files import check_not_inputs
from cambiata.keywords import checked_keywords
from cambiata.morphing.partials import PitchSource
from cambiata.morphing.picture import draw
from cambiata.morphing.ramp import Amount, Ramp
from cambiata.morphing.sounds import LONGEST_S, find_notes
from cambiata.morphing.streaming import Morph, check_pitch, models_of, named, why_not
from cambiata.page.comparison import Comparison
from cambiata.render import OutputShape
from cambiata.system import Progress
from cambiata.timbre_transfer.api import transfer, transfer_file

_BLOCK_STEPS = 256  # 1.5 s: bounds memory


@dataclass(frozen=True)
class MorphReport:
    """Report of `morph_file`.

    Parameters
    ----------
    output : str
        The file written.
    kind : {"notes", "timbre"}
        Whether notes were morphed one by one, or the first sound's notes were played with a timbre
        between both.
    n_notes : int
        Number of notes morphed; 0 where it was the timbre.
    amount, amount_end : float
        Where the amount begins and ends; the same where it does not move.
    over_s : float or None
        Seconds in which it moves; None where it does not.
    pitch : {"between", "a", "b"}
        Whose pitch it has.
    duration_s : float
        Length of the output, in seconds.
    sample_rate : int
        Samples per second of the output.
    n_channels : int
        Channels of the output.
    elapsed_s : float
        Seconds of work.
    real_time_factor : float
        `elapsed_s` over `duration_s`; below 1 is faster than real time.
    picture : str or None
        Path of the picture that was written.

    Examples
    --------
    >>> from dataclasses import fields
    >>> [field.name for field in fields(MorphReport)][:3]
    ['output', 'kind', 'n_notes']
    """

    output: str
    kind: str
    n_notes: int
    amount: float
    amount_end: float
    over_s: float | None
    pitch: str
    duration_s: float
    sample_rate: int
    n_channels: int
    elapsed_s: float
    real_time_factor: float
    picture: str | None = None


@checked_keywords
def morph(
    a: Audio,
    b: Audio,
    *,
    amount: Amount = 0.5,
    over_s: float | None = None,
    pitch: PitchSource = "between",
    seed: int = 0,
    progress: Progress | None = None,
) -> Audio:
    """Sound between two others: partials, noise, envelopes and length lie between theirs.

    Both sounds are taken apart into notes. Partial k of one goes with partial k of the other: pitch
    and stiffness are interpolated by ratio, levels in dB, vibrato and beats by their size; noise in
    third octaves, in dB; attacks, sustained parts and releases each by their length, so that both
    attacks are one. Phrases of as many notes are morphed note by note. Of other music (chords,
    another number of notes, more than a minute), the first sound's notes are played with a
    timbre between both, as by `transfer` (a `CambiataWarning` says so).

    Parameters
    ----------
    a : Audio
        The first sound.
    b : Audio
        The second sound; it is brought to the first one's rate.
    amount : float or tuple of float
        0 is the first sound, 1 the second; two numbers: from one to the other.
    over_s : float, optional
        Seconds in which an amount of two numbers moves, from the beginning; then it stays. All of
        the sound where not given.
    pitch : {"between", "a", "b"}
        Whose pitch the result has: between both by the amount, or one sound's throughout.
    seed : int
        Seed of what is random, where the timbre is between both.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.

    Returns
    -------
    Audio
        At the first sound's rate, with the channels of the one that has more.

    Raises
    ------
    InputError
        A sound is silent, too short or a loop of drums, or an option does not fit.

    Examples
    --------
    >>> t = np.arange(22050) / 22050
    >>> low, high = (np.sin(2 * np.pi * hz * t) * np.minimum(1, 50 * t) / 2 for hz in (220, 440))
    >>> between = morph(Audio(low, 22050), Audio(high, 22050))
    >>> spectrum = np.abs(np.fft.rfft(between.samples[0]))
    >>> int(spectrum.argmax())  # Hz, as it lasts a second: six semitones above 220
    311
    """
    check_type("a", a, Audio, SOUND)
    check_type("b", b, Audio, SOUND)
    check_pitch(pitch)
    ramp = Ramp.of(amount, over_s)
    a, b = named(a, b)
    player = _player(a, b, pitch, ramp)
    if player is None:
        return transfer(a, b, amount=ramp.start, seed=seed, progress=progress)
    ramp, n_samples = ramp.fitted(player)
    samples = np.concatenate(list(_blocks(player, ramp, n_samples, progress)), axis=1)
    return replace(a, samples=samples, name=f"between {Path(a.name).stem} and {Path(b.name).stem}")


@checked_keywords
def morph_file(
    a: str | Path,
    b: str | Path,
    output: str | Path,
    *,
    amount: Amount = 0.5,
    over_s: float | None = None,
    pitch: PitchSource = "between",
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
) -> MorphReport:
    """Like `morph`, from file to file.

    Parameters
    ----------
    a : str or pathlib.Path
        Sound file; "-" is a wav on standard input.
    b : str or pathlib.Path
        The other one.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output. It
        appears whole or not at all.
    amount : float or tuple of float
        See `morph`.
    over_s : float, optional
        Likewise.
    pitch : {"between", "a", "b"}
        Likewise.
    sample_rate : int, optional
        Samples per second of the output; the first sound's where not given.
    n_channels : int, optional
        Channels of the output; those of the sound that has more where not given.
    subtype : str, optional
        How samples are stored; as in the first sound where not given.
    picture : str or pathlib.Path, optional
        Picture to write, .png or .svg: both sounds, the result, and the path of its partials.
    strict : bool
        Refuse files that are unfinished or damaged, rather than use what is there of them.
    seed : int
        See `morph`.
    force : bool
        Replace outputs that exist.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.

    Returns
    -------
    MorphReport
        Facts about the output and the work.

    Raises
    ------
    InputError
        An input, the output or an option cannot be used; nothing has been written then.

    Examples
    --------
    >>> morph_file("nowhere.wav", "other.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    began = time.perf_counter()
    check_pitch(pitch)
    ramp = Ramp.of(amount, over_s)
    if str(a) == "-" and str(b) == "-":
        raise InputError("-", "is both sounds at once", "give a file for one of them")
    files = [AudioFile(each, strict=strict) for each in (a, b)]
    inputs = {"the first sound": a, "the second sound": b}
    check_not_inputs(output, inputs)
    comparison = Comparison(picture, None, output=output, inputs=inputs, force=force)
    destination = Destination(
        output,
        like=_shape(*files),
        sample_rate=sample_rate,
        n_channels=n_channels,
        subtype=subtype,
        force=force,
    )
    player = _file_player(files[0], files[1], pitch, ramp)
    if player is None:
        done = transfer_file(
            files[0].path,  # what was piped in was kept there
            files[1].path,
            output,
            sample_rate=sample_rate,
            n_channels=n_channels,
            subtype=subtype,
            picture=picture,
            amount=ramp.start,
            strict=strict,
            seed=seed,
            force=force,
            progress=progress,
        )
        n_notes, made = 0, (done.duration_s, done.sample_rate, done.n_channels)
    else:
        ramp, n_samples = ramp.fitted(player)
        written = destination.write(_blocks(player, ramp, n_samples, progress))
        length_s = written.n_samples / written.sample_rate
        n_notes, made = player.n_notes, (length_s, written.sample_rate, written.n_channels)
        if comparison.picture is not None:
            draw(player, ramp.amounts, n_samples, files, str(output)).write(comparison.picture)
    elapsed_s = time.perf_counter() - began
    return MorphReport(
        str(output),
        "notes" if n_notes else "timbre",
        n_notes,
        ramp.start,
        ramp.end,
        ramp.over_s if ramp.moves else None,
        pitch,
        *made,
        elapsed_s,
        elapsed_s / made[0],
        None if picture is None else str(picture),
    )


def _shape(a: AudioFile, b: AudioFile) -> OutputShape:
    """What the output is like before a sample of it exists; at most as long as the longer sound."""
    n_samples = max(a.n_samples, round(b.n_samples * a.sample_rate / b.sample_rate))
    n_channels = max(a.n_channels, b.n_channels)
    return OutputShape(a.name, a.sample_rate, n_channels, n_samples, a.subtype)


def _file_player(a: AudioFile, b: AudioFile, pitch: PitchSource, ramp: Ramp) -> Morph | None:
    """Both files taken apart; None, and a warning, where that cannot be."""
    problem = _too_long(a, b)
    if problem is not None:
        _say_timbre(problem, ramp)
        return None
    first, second = (replace(load(each.path), name=each.name) for each in (a, b))
    return _player(*named(first, second), pitch, ramp)


def _too_long(a: Audio | AudioFile, b: Audio | AudioFile) -> InputError | None:
    for each in (a, b):
        duration_s = each.n_samples / each.sample_rate
        if duration_s > LONGEST_S:
            cure = f"cut it to {LONGEST_S:g} s"
            return InputError(each.name, f"lasts {duration_s:.0f} s", cure)
    return None


def _player(a: Audio, b: Audio, pitch: PitchSource, ramp: Ramp) -> Morph | None:
    """Both sounds taken apart; None, and a warning, where their notes do not go together."""
    refusal = _too_long(a, b)
    if refusal is None:
        b = b if b.sample_rate == a.sample_rate else b.resampled(a.sample_rate)
        notes = find_notes(a), find_notes(b)
        refusal = why_not(a.name, b.name, *notes)
    if refusal is not None:
        _say_timbre(refusal, ramp)
        return None
    unpitched = [x.spans[0].midi is None for x in notes]
    if all(unpitched):
        warn(f"{a.name}, {b.name}: have no pitch; their noise alone is morphed")
    elif any(unpitched):
        name = a.name if unpitched[0] else b.name
        warn(f"{name}: has no pitch; the other sound's pitch is kept")
    return Morph.of_models(*models_of((a, b), notes), pitch)


def _say_timbre(problem: InputError, ramp: Ramp) -> None:
    """Say that a timbre is between both, not notes; refused where the amount moves."""
    if ramp.moves:
        cure = "give one amount"
        raise InputError(problem.subject, f"{problem.problem}: no amount can move", cure)
    warn(
        f"{problem.subject}: {problem.problem}; the first sound's notes are played with a timbre "
        "between both"
    )


def _blocks(
    player: Morph, ramp: Ramp, n_samples: int, progress: Progress | None
) -> Iterator[Samples]:
    """The whole sound, block by block."""
    size = _BLOCK_STEPS * player.step
    for first in range(0, n_samples, size):
        last = min(n_samples, first + size)
        yield player.process(last - first, ramp.amounts(np.arange(first, last), player.sample_rate))
        if progress is not None:
            progress(last / n_samples)
