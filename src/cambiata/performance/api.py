"""A score played with the sound of a recording; the promises kept here are every player's."""

import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import join, split
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import BLOCK_SAMPLES, Audio, AudioFile, Destination, Source
from cambiata.errors import CambiataWarning, InputError
from cambiata.files import MIDI, check_not_input, check_output
from cambiata.registry import DEFAULT_PLAYER, play_system
from cambiata.score.midi import Score, load, save
from cambiata.score.piano_roll import split_at_keyboard
from cambiata.system import PlaySystem, Progress, configure, read_style
from cambiata.timbre import SUFFIX, Timbre, load_timbre
from cambiata.transcription.api import transcribe

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".smf")
_RATE_HZ, _LOUDNESS_LUFS = 44100, -23.0
_RING_S = 1.0
_FADE_S = 0.02
_LONGEST_S = 24 * 3600.0


@dataclass(frozen=True)
class PlayOptions:
    """How a score is played.

    Parameters
    ----------
    system : str
        A player; ``cambiata systems`` lists them.
    preset : str, optional
        Named settings of it; its first where not given.
    settings : mapping of str to object
        Changes to them.
    track : int, optional
        Which part of the score, from 1; all but drums where not given.
    tempo : float
        How many times as fast as written.
    pedal : bool
        Whether the sustain pedal counts.
    strict : bool
        Refuse notes that no piano has, instead of leaving them out.
    tail_s : float, optional
        How long the last note rings; a second where not given, and nothing after a recording.
    instrument : {"any", "piano"}
        What is listened for in a recording that is transcribed first.
    seed : int
        Same seed, same output.

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
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tail_s is not None and not 0 <= self.tail_s <= 60:
            raise InputError(f"tail {self.tail_s:g} s", "is out of range", "use 0 to 60 seconds")
        if self.seed < 0:
            raise InputError(f"seed {self.seed}", "is negative", "use 0 or more")


@dataclass(frozen=True)
class PlayReport:
    """What `play_file` did.

    Parameters
    ----------
    output : str
        The file written.
    system : str
        Who played.
    config : dict
        Its settings.
    n_notes : int
        How many notes were played.
    left_out : int
        How many lie off the keyboard.
    transcribed : bool
        Whether the notes were first heard in a recording.
    midi : str or None
        Where those notes were kept.
    seed : int
        Of everything random.
    duration_s : float
        Length of the output.
    sample_rate, n_channels : int
        Of the output.
    subtype : str
        How its samples are stored.
    elapsed_s : float
        Seconds that it took.
    real_time_factor : float
        `elapsed_s` over `duration_s`.

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


def play(
    score: Score | Audio, sound: Audio | Timbre, *, progress: Progress | None = None, **options: Any
) -> Audio:
    """A score's notes, played with a recording's sound.

    Parameters
    ----------
    score : Score or Audio
        What is played; a recording is transcribed first.
    sound : Audio or Timbre
        What it should sound like: at least half a second with notes in it. Several recordings of
        one sound are captured as one timbre first.
    progress : callable, optional
        Called with the share of the work that is done.
    **options : object
        The fields of `PlayOptions`: ``system``, ``preset``, ``settings``, ``track``, ``tempo``,
        ``pedal``, ``strict``, ``tail_s``, ``instrument``, ``seed``.

    Returns
    -------
    Audio
        One channel at 44.1 kHz, as loud as the sound.

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
    if not isinstance(score, Score | Audio) or not isinstance(sound, Audio | Timbre):
        raise TypeError("play takes a Score (or Audio) and an Audio (or Timbre)")
    if isinstance(sound, Audio) and sound.name == "audio":
        sound = replace(sound, name="sound")
    job = _Job(score, sound, _options(options))
    blocks = list(job.levelled(progress or (lambda _share: None), None))
    return Audio(np.concatenate(blocks, axis=1), job.rate, score.name).resampled(_RATE_HZ)


def play_file(
    score: str | Path,
    sound: str | Path,
    output: str | Path,
    *,
    midi: str | Path | None = None,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> PlayReport:
    """Like `play`, from file to file: an hour needs little more memory than a minute.

    Parameters
    ----------
    score : str or pathlib.Path
        A MIDI file, or a recording to be transcribed first.
    sound : str or pathlib.Path
        A sound file, or a ".timbre" file.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output.
    midi : str or pathlib.Path, optional
        Where to keep the notes heard in a recording.
    sample_rate, n_channels : int, optional
        Of the output; those of the recording played, else of the sound, where not given.
    subtype : str, optional
        How samples are stored, likewise.
    force : bool
        Replace outputs that exist.
    progress : callable, optional
        Called with the share of the work that is done.
    **options : object
        The fields of `PlayOptions`.

    Returns
    -------
    PlayReport
        What was done.

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
    chosen = _options(options)
    is_score = _is_midi(score)
    if str(score) == "-" and str(sound) == "-":
        raise InputError("-", "is score and sound at once", "give a file for one of them")
    if is_score and midi is not None:
        raise InputError(str(midi), "is what the score is already", "leave --midi out")
    for path in (score, sound):
        check_not_input(output, "an input", path)
    what: Score | Source
    like: Any = _Plain()
    if is_score:
        what = load(score, keys=True)
    else:
        what = like = AudioFile(score)
    if midi is not None:
        check_output(midi, MIDI, force=force)
    kept = Path(sound).suffix == SUFFIX
    with_sound = load_timbre(sound) if kept else AudioFile(sound)
    if is_score and isinstance(with_sound, AudioFile):
        like = with_sound

    def destination(rate: int, n_samples: int) -> Destination:
        return Destination(
            output,
            like=_Shape(like.name, rate, 1, n_samples, like.subtype),
            sample_rate=like.sample_rate if sample_rate is None else sample_rate,
            n_channels=like.n_channels if n_channels is None else n_channels,
            subtype=subtype,
            force=force,
        )

    destination(_RATE_HZ, 1)  # refused before anything is heard
    job = _Job(what, with_sound, chosen)
    place = destination(job.rate, job.n_samples)
    written = place.write(job.levelled(progress or (lambda _share: None), place.scratch))
    if midi is not None:
        save(job.score, midi, force=force)
    elapsed_s = time.perf_counter() - began
    duration_s = written.n_samples / written.sample_rate
    return PlayReport(
        output=written.path,
        system=chosen.system,
        config=asdict(job.system.config),
        n_notes=len(job.part.notes),
        left_out=len(job.left_out),
        transcribed=not is_score,
        midi=None if midi is None else str(midi),
        seed=chosen.seed,
        duration_s=duration_s,
        sample_rate=written.sample_rate,
        n_channels=written.n_channels,
        subtype=written.subtype,
        elapsed_s=elapsed_s,
        real_time_factor=elapsed_s / duration_s,
    )


def _is_midi(path: str | Path) -> bool:
    """By its name, or by its first four bytes where the name says nothing."""
    if Path(path).suffix.lower() in MIDI_SUFFIXES:
        return True
    with suppress(OSError, ValueError), Path(path).open("rb") as file:
        return file.read(4) == b"MThd"
    return False


def _options(given: dict[str, Any]) -> PlayOptions:
    try:
        return PlayOptions(**given)
    except TypeError as error:
        raise TypeError(f"play: {error}") from None


@dataclass(frozen=True)
class _Plain:
    """What an output is like where no recording says so."""

    name: str = "score"
    sample_rate: int = _RATE_HZ
    n_channels: int = 1
    subtype: str = "PCM_24"


@dataclass(frozen=True)
class _Shape:
    name: str
    sample_rate: int
    n_channels: int
    n_samples: int
    subtype: str


class _Job:
    """One score and one sound: checked when made, played when asked."""

    def __init__(self, what: Score | Source, sound: Source | Timbre, options: PlayOptions) -> None:
        self.options = options
        kind = play_system(options.system)
        self.system: PlaySystem[Any, Any] = kind(
            configure(options.system, kind.presets, options.preset, options.settings)
        )
        self.rate = self.system.config.sample_rate
        self._timbre, self._loudness_db = self._captured(sound)
        if isinstance(what, Score):
            self.score = what
            length_s = None
        else:
            self.score = transcribe(what, instrument=options.instrument)  # type: ignore[arg-type]
            length_s = what.n_samples / what.sample_rate / options.tempo
            loudness_db = _loudness(what)
            self._loudness_db = loudness_db if np.isfinite(loudness_db) else self._loudness_db
        part = self.score.merged(options.track, pedal=options.pedal, tempo=options.tempo)
        self.part, self.left_out = split_at_keyboard(part)
        self._name_left_out()
        self.duration_s = self._duration(length_s)

    @property
    def n_samples(self) -> int:
        """Length of the output at the system's rate."""
        return int(round(self.duration_s * self.rate))  # noqa: RUF046 (the rate is Any to mypy)

    def _captured(self, sound: Source | Timbre) -> tuple[Any, float]:
        if isinstance(sound, Timbre):
            return sound.for_system(self.system), _LOUDNESS_LUFS
        samples, _ = read_style(sound, self.system, None, None)
        loudness_db = _loudness(Audio(samples, self.rate))
        return (
            self.system.capture(samples),
            loudness_db if np.isfinite(loudness_db) else _LOUDNESS_LUFS,
        )

    def _name_left_out(self) -> None:
        if not self.left_out:
            return
        pitches = ", ".join(str(pitch) for pitch in sorted({n.pitch for n in self.left_out}))
        told = f"{len(self.left_out)} of its notes lie off the keyboard (pitches {pitches})"
        if self.options.strict or not self.part.notes:
            raise InputError(self.score.name, told, "transpose it to 21-108, or leave --strict out")
        warnings.warn(f"{self.score.name}: {told} and are left out", CambiataWarning, stacklevel=4)

    def _duration(self, length_s: float | None) -> float:
        tail_s = self.options.tail_s
        if length_s is None:
            ring_s = _RING_S if tail_s is None else tail_s
            length_s = self.part.with_pedal().end_s + ring_s
        else:
            length_s += tail_s or 0.0
        if length_s > _LONGEST_S:
            raise InputError(
                self.score.name, f"lasts {length_s / 3600:.0f} hours", "cut it to a day at most"
            )
        return length_s

    def played(self, progress: Progress) -> Iterator[Samples]:
        """The score as the system plays it, [1, T] each, level as it comes."""
        progress(0.0)
        read = self.system.read(self.part)
        config = self.system.config
        spans = split(
            self.n_samples, int(config.chunk_s * self.rate), int(config.overlap_s * self.rate)
        )

        def pieces() -> Iterator[Samples]:
            for start, stop in spans:
                yield self.system.render(
                    read, self._timbre, start, stop - start, seed=self.options.seed
                )[None]
                progress(stop / self.n_samples)

        # What is cut off while it rings ends softly.
        n_fade = min(round(_FADE_S * self.rate), self.n_samples)
        at = 0
        for block in join(pieces(), spans):
            left = self.n_samples - at - np.arange(block.shape[1])
            yield block * np.minimum(1, left / n_fade).astype(np.float32)
            at += block.shape[1]

    def levelled(self, progress: Progress, scratch: str | None) -> Iterator[Samples]:
        """The same, as loud as the sound; kept on disk until its loudness is known."""
        meter = LoudnessMeter(self.rate)
        with tempfile.TemporaryFile(dir=scratch) as file:
            for block in self.played(progress):
                meter.add(block)
                file.write(np.ascontiguousarray(block[0], np.float32).tobytes())
            loudness_db = meter.loudness_db()
            difference = self._loudness_db - loudness_db
            if not np.isfinite(difference):  # shorter than what the standard measures
                difference = self._loudness_db - meter.rms_db()
            gain = np.float32(10 ** (np.clip(difference, -80, 80) / 20))
            file.seek(0)
            while raw := file.read(BLOCK_SAMPLES * 4):
                yield gain * np.frombuffer(raw, np.float32)[None]


def _loudness(sound: Source) -> float:
    meter = LoudnessMeter(sound.sample_rate)
    for block in sound.blocks():
        meter.add(block)
    loudness_db = meter.loudness_db()
    return loudness_db if np.isfinite(loudness_db) else meter.rms_db()
