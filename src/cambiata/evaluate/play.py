"""`cambiata evaluate play`: scores played with the sound of pianos that nothing was trained on.

Pairs of a score and a reference, their exact targets, baselines and ceilings; run and scored by
`cambiata.evaluate.run` as transfers are, and by which of all pianos an output is nearest to.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.audio.mel import log_mel
from cambiata.audio.sound import Audio, load
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert
from cambiata.data.bank import BANK_FOLDER, Bank, Instrument
from cambiata.data.examples import open_composer
from cambiata.data.phrases import sample_pedal, sample_phrase
from cambiata.data.scored_examples import PianoConfig
from cambiata.data.scores import load_corpus
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.errors import InputError
from cambiata.evaluate.rows import Row
from cambiata.evaluate.run import run
from cambiata.evaluate.runfolder import file_stem
from cambiata.evaluate.scoring import add_scores
from cambiata.evaluate.testset import (
    CLIP_S,
    TEST_FONT,
    Clips,
    Entry,
    cut_notes,
    find_windows,
    normalize_loudness,
    render_clip,
)
from cambiata.performance.api import PlayOptions, play
from cambiata.registry import play_system, system_names
from cambiata.score.midi import Note, Part, Score
from cambiata.system import configure

REAL_PIANO = "headroom-piano"
ROWS = (
    "target",
    "vocoded-target",
    "nearest-piano",
    "nearest-piano-eq",
    "mean-piano",
    *system_names("play"),
)
_PROGRAMS = range(8)  # General MIDI pianos, electric pianos, harpsichord and clavinet
_MIN_NOTES = 10  # of a window: fewer hardly tell one piano from another
_N_WINDOWS = 6  # of a work, at most, to draw from
_STFT = Stft()
_N_MEAN = 8  # pianos of the row "mean-piano"
# Thirds of an octave from 30 Hz: finer curves would draw the notes of the reference.
_N_BANDS, _LOWEST_HZ, _MAX_GAIN_DB = 30, 30, 30
_MEL_FLOOR = -18.4  # natural logarithm of power: 80 dB down, as in the table's distances
# A piano of the training set that has these pitches plays most keyboard music.
_LOW_PITCH, _HIGH_PITCH = 36, 90

Curve = npt.NDArray[np.float64]


# --- pianos ---------------------------------------------------------------------------------------


@cache
def _bank(name: str) -> Bank:
    return Bank(BANK_FOLDER / name)


def render_piano(piano: str, notes: Sequence[Note]) -> Audio:
    """Notes played by a piano, as a clip of a test set."""
    source, _, program = piano.partition(":")
    if source == TEST_FONT:
        return render_clip(source, notes, int(program))
    instrument = _bank(source).instrument(int(program))
    playable = [note for note in notes if note.pitch in instrument.pitches]
    sound = instrument.play(playable, round(CLIP_S * RENDER_RATE_HZ))
    return normalize_loudness(Audio(sound, RENDER_RATE_HZ, name=piano))


@lru_cache(maxsize=1)
def find_training_pianos() -> tuple[str, ...]:
    """Pianos that the shipped players were trained on, without those that are computed."""
    config = PianoConfig()
    return tuple(
        f"{each.source.name}:{each.program}"
        for each in open_composer(config, False).instruments
        if each.source.name != "procedural-pianos" and _has_wide_range(each)
    )


def _has_wide_range(instrument: Instrument) -> bool:
    return instrument.pitches[0] <= _LOW_PITCH and instrument.pitches[-1] >= _HIGH_PITCH


def _long_term_spectrum_db(sound: Audio) -> Curve:
    """Mean power in mel bands, in dB about their mean."""
    level = 10 / np.log(10) * log_mel(sound.samples[0], sound.sample_rate)
    curve = 10 * np.log10((10 ** (level.astype(np.float64) / 10)).mean(axis=1))
    return np.asarray(curve - curve.mean())


@lru_cache(maxsize=1)
def _training_spectra() -> dict[str, Curve]:
    """Long-term spectra of the training pianos, all playing the same phrases."""
    rng = np.random.default_rng(0)
    phrases = [
        sample_phrase(rng, range(_LOW_PITCH, _HIGH_PITCH), float(CLIP_S)).notes for _ in range(3)
    ]
    return {
        piano: np.mean(
            [_long_term_spectrum_db(render_piano(piano, notes)) for notes in phrases], axis=0
        )
        for piano in find_training_pianos()
    }


def find_nearest_piano(reference: Audio) -> str:
    """The training piano whose long-term spectrum is most like a reference's."""
    curve = _long_term_spectrum_db(reference)
    return min(
        _training_spectra(),
        key=lambda piano: float(((_training_spectra()[piano] - curve) ** 2).mean()),
    )


# --- the set --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlayPair:
    """A score, and the piano that is to play it."""

    name: str
    piano: str  # of target and reference
    work: str  # that the notes are of
    reference_work: str
    notes: tuple[Note, ...]  # as long as they sound
    reference_notes: tuple[Note, ...]
    nearest: str = ""  # the training piano nearest to the reference
    reference_piano: str = ""  # another one, where the reference is to be wrong


@dataclass(frozen=True)
class PlaySet:
    """Pairs, rendered when they are used."""

    pairs: tuple[PlayPair, ...]
    seed: int
    wrong: bool = False  # references are of other pianos than the targets

    @property
    def name(self) -> str:
        """Name of its folder."""
        return "wrong-reference" if self.wrong else "pianos"

    @property
    def title(self) -> str:
        """Name of the set in tables."""
        return "Unseen pianos, the reference of another" if self.wrong else "Unseen pianos"

    @property
    def about(self) -> str:
        """A paragraph on the set."""
        pianos = len({pair.piano for pair in self.pairs})
        other = " of another of these pianos (drawn)" if self.wrong else ""
        return (
            f"{len(self.pairs)} windows of 8 s of keyboard works that no training score is of, "
            f"with drawn dynamics and pedal, by {pianos} pianos whose samples no training piano "
            f"has (TimGM6mb's programs 0-7, and Headroom's Yamaha C3 where its bank is here); the "
            f"reference is 8 s of another work{other}. All mono, 44.1 kHz, -30 LUFS."
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Facts that identify the set."""
        identity = json.dumps([[p.name, p.piano, p.reference_piano, p.work] for p in self.pairs])
        return {"seed": self.seed, "pairs": hashlib.sha256(identity.encode()).hexdigest()[:12]}

    @property
    def entries(self) -> list[Entry]:
        """Pairs of the set, for tables."""
        return [
            Entry(
                p.name,
                p.piano,
                {"label": f"nearest: {p.nearest}", "source": p.work},
                {"label": p.reference_piano or p.piano, "source": p.reference_work},
            )
            for p in self.pairs
        ]

    def clips(self, name: str) -> Clips:
        """The sounds of a pair; its content is the nearest training piano's."""
        pair = next(pair for pair in self.pairs if pair.name == name)
        return Clips(
            render_piano(pair.nearest, pair.notes),
            render_piano(pair.reference_piano or pair.piano, pair.reference_notes),
            render_piano(pair.piano, pair.notes),
            pair.notes,
        )


def perform(rng: np.random.Generator, notes: Sequence[Note]) -> tuple[Note, ...]:
    """A written window as a pianist might play it: dynamics, and every other time the pedal.

    The corpus has neither. Both are random; higher notes are a little louder, as melodies are.
    """
    mean_velocity, swell, phase = rng.uniform(50, 100), rng.uniform(0, 20), rng.uniform(0, 1)
    played = []
    for note in sorted(notes):
        swell_now = swell * np.sin(2 * np.pi * (note.start_s / CLIP_S + phase))
        velocity = mean_velocity + swell_now + rng.normal(0, 6) + (note.pitch - 62) / 4
        played.append(replace(note, velocity=int(np.clip(velocity, 15, 125))))
    pedal = sample_pedal(rng, float(CLIP_S)) if rng.random() < 0.5 else ()
    sustained = Part(tuple(played), pedal=pedal).with_pedal().notes
    return tuple(replace(note, end_s=min(note.end_s, float(CLIP_S))) for note in sustained)


def make_play_set(n_each: int = 6, *, seed: int = 0, wrong: bool = False) -> PlaySet:
    """The test set."""
    rng = np.random.default_rng([seed, 6])
    notes_by_work = []
    for work in load_corpus(("keyboard",)):
        whole = Part(tuple(sorted(n for p in work.parts[:2] for n in p.notes)))
        starts = [s for s in find_windows(whole) if len(cut_notes(whole, s)) >= _MIN_NOTES]
        chosen = [int(start) for start in rng.permutation(starts)[:_N_WINDOWS]]
        notes_by_work.append((work.name, [cut_notes(whole, start) for start in chosen]))
    notes_by_work = [each for each in notes_by_work if each[1]]
    if len(notes_by_work) < 2:
        raise InputError("keyboard", "has too few works", "install music21's corpus")
    pianos = [f"{TEST_FONT}:{program}" for program in _PROGRAMS]
    if (BANK_FOLDER / REAL_PIANO / "bank.json").exists():
        pianos.append(f"{REAL_PIANO}:0")
    pairs = []
    for i, piano in enumerate(pianos):
        for j in range(n_each):
            first, second = (
                notes_by_work[int(k)] for k in rng.choice(len(notes_by_work), 2, replace=False)
            )
            notes = perform(rng, first[1][int(rng.integers(len(first[1])))])
            other = perform(rng, second[1][int(rng.integers(len(second[1])))])
            by = int(rng.integers(1, len(pianos)))
            reference_piano = pianos[(i + by) % len(pianos)] if wrong else ""
            pair = PlayPair(
                f"{piano.replace(':', '-')}-{j}",
                piano,
                first[0],
                second[0],
                notes,
                other,
                "",
                reference_piano,
            )
            nearest = find_nearest_piano(render_piano(reference_piano or piano, other))
            pairs.append(replace(pair, nearest=nearest))
    return PlaySet(tuple(pairs), seed, wrong)


# --- rows -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Play:
    """A score as a user would have it played; a class, so that processes can be sent it."""

    options: PlayOptions

    def __call__(self, clips: Clips) -> Audio:
        assert clips.notes is not None
        played = play(Score((Part(clips.notes),)), clips.style, **vars(self.options))
        n_samples = clips.content.n_samples
        samples = played.samples[:, :n_samples]
        samples = np.pad(samples, ((0, 0), (0, n_samples - samples.shape[1])))
        return normalize_loudness(Audio(samples, played.sample_rate, name=played.name))


def _nearest(clips: Clips) -> Audio:
    return clips.content


def _equalize(clips: Clips) -> Audio:
    """The nearest piano with the reference's long-term spectrum."""
    n = clips.content.n_samples
    spectra = [_STFT.analyse(x.samples[0]) for x in (clips.content, clips.style)]
    curves = [10 * np.log10(np.mean(np.abs(x) ** 2, axis=1) + 1e-12) for x in spectra]
    hz = np.arange(_STFT.n_bins) * RENDER_RATE_HZ / _STFT.n_fft
    edges = np.geomspace(_LOWEST_HZ, RENDER_RATE_HZ / 2, _N_BANDS + 1)
    band = np.clip(np.searchsorted(edges, hz) - 1, 0, _N_BANDS - 1)
    means = [
        np.array([c[band == b].mean() if (band == b).any() else np.nan for b in range(_N_BANDS)])
        for c in curves
    ]
    gain_db = means[1] - means[0]
    measured = np.isfinite(gain_db)
    centres = np.sqrt(edges[1:] * edges[:-1])
    curve = np.interp(
        np.log(np.maximum(hz, _LOWEST_HZ)),
        np.log(centres[measured]),
        np.clip(gain_db[measured], -_MAX_GAIN_DB, _MAX_GAIN_DB),
    )
    sound = _STFT.synthesise(spectra[0] * (10 ** (curve / 20))[:, None].astype(np.float32), n)
    return normalize_loudness(Audio(sound, RENDER_RATE_HZ))


def _mean(clips: Clips) -> Audio:
    """Several training pianos at once."""
    assert clips.notes is not None
    pianos = find_training_pianos()
    chosen = [pianos[int(i)] for i in np.linspace(0, len(pianos) - 1, _N_MEAN)]
    sound = np.sum([render_piano(piano, clips.notes).samples for piano in chosen], axis=0)
    return normalize_loudness(Audio(sound, RENDER_RATE_HZ))


def _target(clips: Clips) -> Audio:
    assert clips.target is not None
    return clips.target


def _resynthesize(clips: Clips) -> Audio:
    target = _target(clips)
    magnitude = np.abs(_STFT.analyse(target.samples[0]))
    return replace(target, samples=invert(magnitude, _STFT, target.n_samples, seed=0)[None])


_BASELINES = (
    Row("target", "true render", "the piano itself plays the score", "ceiling", _target),
    Row(
        "vocoded-target",
        "true spectrogram, our vocoder",
        "magnitudes of the true render, phases found again",
        "ceiling",
        _resynthesize,
    ),
    Row(
        "nearest-piano",
        "nearest training piano",
        "the training piano of the most similar long-term spectrum, sampled",
        "copy",
        _nearest,
    ),
    Row(
        "nearest-piano-eq",
        "nearest training piano, EQ match",
        "the same with the reference's long-term spectrum in thirds of an octave",
        "copy",
        _equalize,
    ),
    Row("mean-piano", "mean piano", "eight training pianos at once", "copy", _mean),
)


def find_play_row(name: str) -> Row:
    """The row of a name."""
    for baseline in _BASELINES:
        if baseline.name == name:
            return baseline
    chosen, at, changes = name.partition("@")
    if chosen not in system_names("play"):
        names = ", ".join([*(row.name for row in _BASELINES), *system_names("play")])
        raise InputError(name, "is not a row", f"use one of {names}")
    system = play_system(chosen)
    settings = dict(change.split("=", 1) for change in changes.split(";") if "=" in change)
    if at and not settings:
        raise InputError(name, "has no setting after @", "write it as PLAYER@KEY=VALUE")
    configure(chosen, system.presets, None, settings)
    return Row(
        name,
        f"{chosen} ({changes})" if at else chosen,
        f"{system.summary}; {system.paper}",
        "system",
        _Play(PlayOptions(system=chosen, settings=settings)),
    )


# --- the run --------------------------------------------------------------------------------------


def evaluate_play(
    output: str | Path,
    *,
    rows: Sequence[str] = ROWS,
    n_each: int = 6,
    seed: int = 0,
    n_workers: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Rows over unseen pianos, and players with wrong references, in a run folder."""
    chosen = [find_play_row(name) for name in dict.fromkeys(rows)]
    if not chosen:
        raise InputError("rows", "none is named", "name one, like player")
    if n_each < 1:
        raise InputError(f"{n_each} windows", "leave nothing", "give at least 1")
    failures = []
    right = make_play_set(n_each, seed=seed)
    failures += run(output, [right], chosen, n_workers=n_workers, seed=seed, progress=progress)
    players = [row for row in chosen if row.name == "player"]
    if players:
        wrong = make_play_set(n_each, seed=seed, wrong=True)
        failures += run(output, [wrong], players, n_workers=n_workers, seed=seed, progress=progress)
    for test_set in (right, *([wrong] if players else [])):
        here = Path(output) / test_set.name
        score = partial(_identify_pianos, here, test_set)
        failures += add_scores(here, "piano_found", score, n_workers or 2)
    return failures


def _identify_pianos(
    here: Path, test_set: PlaySet, rows: Sequence[str], name: str
) -> dict[str, float]:
    """1 for each row whose output is nearest to the true piano's render, of all pianos'."""
    pair = next(pair for pair in test_set.pairs if pair.name == name)
    pianos = sorted({each.piano for each in test_set.pairs})
    renders = [_mel(render_piano(piano, pair.notes)) for piano in pianos]
    hits = {}
    for row in rows:
        place = here / "audio" / name / f"{file_stem(row)}.flac"
        if place.exists():
            output_mel = _mel(load(place))
            distances = [
                float(np.abs(output_mel - each[:, : output_mel.shape[1]]).mean())
                for each in renders
            ]
            hits[row] = float(pianos[int(np.argmin(distances))] == pair.piano)
    return hits


def _mel(sound: Audio) -> npt.NDArray[np.float32]:
    return np.maximum(log_mel(sound.samples[0], sound.sample_rate), np.float32(_MEL_FLOOR))
