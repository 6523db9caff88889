"""Playing: a score (or a recording, transcribed first) in; its notes with a recording's sound out.

`play` works on scores and sounds in memory, `play_file` from file to file; how both keep length,
level and memory is `cambiata.render`'s affair.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from cambiata.audio.codecs.opening import score_refused
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.audio.writing import Destination, WrittenAudio
from cambiata.errors import (
    SCORE,
    SECONDS,
    SOUND,
    InputError,
    check_numbers,
    check_seed,
    check_type,
    warn,
)
from cambiata.files import MIDI, check_not_input, check_not_inputs, check_output
from cambiata.keywords import checked_keywords
from cambiata.page.comparison import Comparison
from cambiata.performance.exhibits import play_exhibits
from cambiata.registry import DEFAULT_PLAYER, play_system
from cambiata.render import OutputShape, ScoreRender
from cambiata.score.midi import Controls, Note, Part, Score, check_drums, save
from cambiata.score.notation import is_score, read_score
from cambiata.score.piano_roll import split_at_keyboard
from cambiata.score.transposition import check_move, move_of, transposed
from cambiata.style import Style, open_style
from cambiata.system import Progress, make_system
from cambiata.timbre import Timbre
from cambiata.transcription.api import transcribe

_RATE_HZ = 44100  # of what `play` returns
# Shape of an output where neither score nor sound is a recording, which would give it.
_NO_RECORDING = OutputShape("score", _RATE_HZ, n_channels=1, n_samples=1, subtype="PCM_24")
# Loudness of what is played with a timbre from a file, which has none of its own: EBU R 128's.
_LOUDNESS_LUFS = -23.0
# How long the last note of a score rings where `tail_s` is not given.
_RING_S = 1.0
# A score that lasts longer has lost its tempo, or a note its end.
_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True)
class PlayOptions:
    """Options of playing: the keyword arguments of `play` and `play_file`.

    A new one is a field here, a key of `PlayKeywords` and an option of the command line.

    Parameters
    ----------
    system : str
        Name of the player, as ``cambiata systems`` lists them.
    preset : str, optional
        Named configuration of it; its first where not given.
    settings : mapping of str to object
        Changes to that configuration, by name.
    track : int, optional
        Number of the part to play, from 1; all but drums where not given.
    tempo : float
        Speed relative to the written one.
    pedal : bool
        Whether the sustain pedal holds notes.
    strict : bool
        Whether notes off the keyboard (88 keys) are refused, instead of left out; and files that
        are unfinished or damaged, instead of used as far as they go.
    tail_s : float, optional
        Seconds that the last note rings; 1 where not given, and 0 after a recording.
    instrument : {"any", "piano"}
        Instrument that a recording is transcribed as.
    transpose : int
        Semitones by which the notes are moved, -48 to 48.
    to_key : str, optional
        Key that the notes are moved to, the shortest way: "D", "Bb", "F#m"; theirs is found by
        Krumhansl & Kessler's profiles (1982), among keys of the mode that is named, if any.
    seed : int
        Seed of everything random: the same input and seed give the same output.

    Examples
    --------
    >>> PlayOptions().system
    'player'
    """

    system: str = DEFAULT_PLAYER
    preset: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    track: int | None = None
    tempo: float = 1.0
    pedal: bool = True
    strict: bool = False
    tail_s: float | None = None
    instrument: str = "any"
    transpose: int = 0
    to_key: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_move(self.transpose, self.to_key)
        check_numbers("how many times as fast, as in 0.5", tempo=self.tempo)
        check_numbers(SECONDS, tail_s=self.tail_s)
        if self.tail_s is not None and not 0 <= self.tail_s <= 60:
            raise InputError(f"tail {self.tail_s:g} s", "is out of range", "use 0 to 60 seconds")
        check_seed(self.seed)


class PlayKeywords(TypedDict, total=False):
    """All fields of `PlayOptions`, for type checkers and editors.

    Examples
    --------
    >>> PlayKeywords(tempo=0.5)
    {'tempo': 0.5}
    """

    system: str
    preset: str | None
    settings: Mapping[str, object]
    track: int | None
    tempo: float
    pedal: bool
    strict: bool
    tail_s: float | None
    instrument: str
    transpose: int
    to_key: str | None
    seed: int


@dataclass(frozen=True)
class PlayReport:
    """Report of `play_file`.

    Parameters
    ----------
    output : str
        Path of the file that was written.
    system : str
        Name of the player.
    config : dict
        Its configuration.
    n_notes : int
        Number of notes played.
    left_out : int
        Number of notes off the keyboard.
    transcribed : bool
        Whether the notes come from a recording.
    midi : str or None
        Path of the MIDI file that those notes were written to.
    seed : int
        Seed of everything random.
    duration_s : float
        Length of the output, in seconds.
    sample_rate, n_channels : int
        Of the output.
    subtype : str
        Storage of its samples, as libsndfile names it.
    elapsed_s : float
        Seconds of work, the program's start not counted.
    real_time_factor : float
        `elapsed_s` over `duration_s`.
    transposed : int
        Semitones by which the notes were moved.
    key : str or None
        Key that they were found in, where they were moved to another.
    picture, listen : str or None
        Paths of the picture and of the page that were written.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(PlayReport)[0].name
    'output'
    """

    output: str
    system: str
    config: dict[str, Any]
    n_notes: int
    left_out: int
    transcribed: bool
    midi: str | None
    seed: int
    duration_s: float
    sample_rate: int
    n_channels: int
    subtype: str
    elapsed_s: float
    real_time_factor: float
    transposed: int = 0
    key: str | None = None
    picture: str | None = None
    listen: str | None = None


@checked_keywords
def play(
    score: Score | Audio,
    sound: Audio | Timbre,
    *,
    progress: Progress | None = None,
    **options: Unpack[PlayKeywords],
) -> Audio:
    """Sound of a score's notes, played with the timbre of a recording.

    Parameters
    ----------
    score : Score or Audio
        Notes to play; a recording is transcribed first.
    sound : Audio or Timbre
        Sound or timbre to play them with: at least half a second with notes in it. Several
        recordings of one sound make one timbre (`capture_timbre`).
    progress : callable, optional
        Called with the share of the work that is done.
    **options : object
        The fields of `PlayOptions`: ``system``, ``preset``, ``settings``, ``track``, ``tempo``,
        ``pedal``, ``strict``, ``tail_s``, ``instrument``, ``transpose``, ``to_key``, ``seed``.

    Returns
    -------
    Audio
        One channel at 44.1 kHz, as loud as the sound (or the recording that was transcribed).

    Raises
    ------
    InputError
        Score or sound has nothing to play, or an option does not fit.

    Examples
    --------
    >>> from cambiata.score.midi import Note, Part
    >>> t = np.arange(44100) / 44100
    >>> tone = sum(np.sin(2 * np.pi * 440 * k * t) / k for k in range(1, 7)) * np.exp(-3 * t)
    >>> score = Score((Part((Note(0.0, 0.5, 57), Note(0.5, 1.0, 64))),))
    >>> play(score, Audio(tone, 44100), tail_s=0.5).duration_s
    1.5
    """
    check_type("score", score, Score | Audio, f"{SCORE}, or Audio")
    check_type("sound", sound, Audio | Timbre, f"{SOUND}, or a Timbre")
    if isinstance(sound, Audio) and sound.name == "audio":
        sound = replace(sound, name="sound")
    ready = _prepare(score, sound, PlayOptions(**options))
    blocks = list(ready.render.blocks(progress))
    out = Audio(np.concatenate(blocks, axis=1), ready.render.sample_rate, score.name)
    return out.resampled(_RATE_HZ)


@checked_keywords
def play_file(
    score: str | Path,
    sound: str | Path,
    output: str | Path,
    *,
    drums: int | None = None,
    tune_number: int | None = None,
    midi: str | Path | None = None,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    listen: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Unpack[PlayKeywords],
) -> PlayReport:
    """Like `play`, from file to file: an hour needs little more memory than a minute.

    Parameters
    ----------
    score : str or pathlib.Path
        A MIDI, MusicXML or ABC file, or a recording to be transcribed first.
    sound : str or pathlib.Path
        A sound file, or a ".timbre" file.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output.
    drums : int, optional
        Channel of a MIDI file whose pitches are drums and left out, 1 to 16, or 0 for none; else
        the tenth.
    tune_number : int, optional
        X: number of the tune that is meant, where an ABC file holds several.
    midi : str or pathlib.Path, optional
        MIDI file for the notes of a recording.
    sample_rate, n_channels : int, optional
        Of the output; those of the recording played, else of the sound, where not given.
    subtype : str, optional
        Storage of samples, likewise.
    picture : str or pathlib.Path, optional
        Picture to write, .png or .svg: piano roll, and spectrograms of sound and result.
    listen : str or pathlib.Path, optional
        Web page to write, .html: the same with players, in one file.
    force : bool
        Replace outputs that exist.
    progress : callable, optional
        Called with the share of the work that is done.
    **options : object
        The fields of `PlayOptions`.

    Returns
    -------
    PlayReport
        Facts about the output and the work.

    Raises
    ------
    InputError
        An input, the output or an option cannot be used; nothing has been written then.

    Examples
    --------
    >>> play_file("nowhere.mid", "sound.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    began = time.perf_counter()
    chosen = PlayOptions(**options)
    check_drums(drums)
    from_score = is_score(score)
    _check_paths(score, sound, output, midi if from_score else None)
    strict = chosen.strict
    source = (
        read_score(score, keys=True, drums=drums, strict=strict, tune_number=tune_number)
        if from_score
        else _open_recording(score, strict)
    )
    if midi is not None:
        check_output(midi, MIDI, force=force)
        if Path(midi).absolute() == Path(output).absolute():
            raise InputError(str(midi), "is also the output", "choose another name")
        check_not_inputs(midi, {"the recording": score, "the sound": sound})
    inputs = {"the score": score, "the sound": sound}
    comparison = Comparison(picture, listen, output=output, inputs=inputs, force=force)
    style = open_style(sound, strict=strict)
    # The output has the shape of the recording that is played, else of the sound.
    recordings = (each for each in (source, style) if isinstance(each, AudioFile))
    like: OutputShape | AudioFile = next(recordings, _NO_RECORDING)

    destination = partial(
        Destination,
        output,
        sample_rate=like.sample_rate if sample_rate is None else sample_rate,
        n_channels=like.n_channels if n_channels is None else n_channels,
        subtype=subtype,
        force=force,
    )
    shape = OutputShape(like.name, _RATE_HZ, n_channels=1, n_samples=1, subtype=like.subtype)
    destination(like=shape)  # refused before anything is listened to
    ready = _prepare(source, style, chosen)
    render = ready.render
    place = destination(
        like=replace(shape, sample_rate=render.sample_rate, n_samples=render.n_samples)
    )
    written = place.write(render.blocks(progress, place.scratch))
    if midi is not None:
        save(ready.score, midi, force=force)
    elapsed_s = time.perf_counter() - began
    if comparison.is_wanted:
        exhibits = play_exhibits(render, source, str(sound), written.path, tempo=chosen.tempo)
        facts = {"system": chosen.system, "notes": str(len(render.part.notes))}
        comparison.write(exhibits, source.name, str(sound), facts)
    return _report(ready, written, chosen, comparison, elapsed_s, midi)


def _check_paths(
    score: str | Path, sound: str | Path, output: str | Path, superfluous_midi: str | Path | None
) -> None:
    """Refuse paths that cannot be what they are given as."""
    if str(score) == "-" and str(sound) == "-":
        raise InputError("-", "is score and sound at once", "give a file for one of them")
    if superfluous_midi is not None:
        raise InputError(str(superfluous_midi), "is what the score is already", "leave out `midi`")
    if Path(score).is_dir():
        raise InputError(str(score), "is a folder", "name a score or a recording in it")
    for path in (score, sound):
        check_not_input(output, "an input", path)


def _open_recording(path: str | Path, strict: bool) -> AudioFile:
    """A recording to be transcribed; a score comes here only through a pipe."""
    with score_refused("name its file instead of a pipe"):
        return AudioFile(path, strict=strict)


@dataclass(frozen=True)
class _Ready:
    """A score that is about to be played."""

    render: ScoreRender
    score: Score
    is_transcribed: bool
    n_left_out: int
    semitones: int
    key: str | None


def _prepare(
    source: Score | Audio | AudioFile, sound: Source | Timbre, options: PlayOptions
) -> _Ready:
    """Read the sound, transcribe a recording, and leave out what no piano has."""
    system = make_system(play_system(options.system), options.preset, options.settings)
    style = Style(sound, system)
    loudness_db = _LOUDNESS_LUFS
    if style.samples is not None:
        loudness_db = _loudness(Audio(style.samples, system.config.sample_rate), loudness_db)
    if isinstance(source, Score):
        score, recorded_s = source, None
    else:
        score = transcribe(source, instrument=options.instrument)  # type: ignore[arg-type]
        recorded_s = source.n_samples / source.sample_rate / options.tempo
        loudness_db = _loudness(source, loudness_db)
    merged = score.merged(options.track, pedal=options.pedal, tempo=options.tempo)
    semitones, key = move_of(merged, options.transpose, options.to_key)
    merged = transposed(merged, semitones)
    part, left_out = split_at_keyboard(merged.nearest_pitches())
    if not system.follows_controls and any(map(_is_heard, part.controls)):
        warn(
            f"{score.name}: {system.name} follows no pitch bends, volume or expression; "
            f"{DEFAULT_PLAYER} does"
        )
    _name_left_out(score.name, left_out, strict=options.strict, is_all=not part.notes)
    render = ScoreRender(
        part,
        style,
        system,
        duration_s=_duration_s(score.name, part, recorded_s, options.tail_s),
        loudness_db=loudness_db,
        seed=options.seed,
    )
    is_transcribed = not isinstance(source, Score)
    named = None if key is None else str(key)
    return _Ready(render, score, is_transcribed, len(left_out), semitones, named)


def _is_heard(controls: Controls) -> bool:
    """Whether controls do more than give a part one pitch and one level."""
    return any(len(each) > 1 for each in (controls.bend, controls.volume, controls.expression))


def _name_left_out(name: str, notes: Sequence[Note], *, strict: bool, is_all: bool) -> None:
    """Warn of notes that no piano has, or refuse them."""
    if not notes:
        return
    pitches = ", ".join(str(pitch) for pitch in sorted({note.pitch for note in notes}))
    problem = f"{len(notes)} of its notes lie off the keyboard (pitches {pitches})"
    if strict or is_all:
        or_not = "" if is_all else ", or leave out `strict`"
        raise InputError(name, problem, f"transpose it to 21-108{or_not}")
    warn(f"{name}: {problem} and are left out")


def _duration_s(name: str, part: Part, recorded_s: float | None, tail_s: float | None) -> float:
    """Length of the output: as long as the recording, or until the last note has rung."""
    if recorded_s is None:
        duration_s = part.with_pedal().end_s + (_RING_S if tail_s is None else tail_s)
    else:
        duration_s = recorded_s + (tail_s or 0.0)
    if duration_s > _LONGEST_S:
        raise InputError(name, f"lasts {duration_s / 3600:.0f} hours", "cut it to a day at most")
    return duration_s


def _loudness(sound: Source, fallback_db: float) -> float:
    """Integrated loudness of a sound, its RMS below what the standard measures, or a fallback."""
    meter = LoudnessMeter(sound.sample_rate)
    for block in sound.blocks():
        meter.add(block)
    for level_db in (meter.loudness_db(), meter.rms_db()):
        if np.isfinite(level_db):
            return level_db
    return fallback_db


def _report(
    ready: _Ready,
    written: WrittenAudio,
    options: PlayOptions,
    comparison: Comparison,
    elapsed_s: float,
    midi: str | Path | None,
) -> PlayReport:
    duration_s = written.n_samples / written.sample_rate
    return PlayReport(
        output=written.path,
        system=options.system,
        config=asdict(ready.render.system.config),
        n_notes=len(ready.render.part.notes),
        left_out=ready.n_left_out,
        transcribed=ready.is_transcribed,
        midi=None if midi is None else str(midi),
        seed=options.seed,
        duration_s=duration_s,
        sample_rate=written.sample_rate,
        n_channels=written.n_channels,
        subtype=written.subtype,
        elapsed_s=elapsed_s,
        real_time_factor=elapsed_s / duration_s,
        transposed=ready.semitones,
        key=ready.key,
        picture=None if comparison.picture is None else str(comparison.picture),
        listen=None if comparison.page is None else str(comparison.page),
    )
