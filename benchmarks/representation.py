"""How far notes as they are represented are from sound: ``python benchmarks/representation.py``.

Sounds whose notes are known are analysed and drawn again, without a network: 32 targets of the
artificial test set (TimGM6mb), or, with ``--font FONT``, the same notes and programs by a training
font, for choosing. The last two rows are floors.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.evaluate.metrics import bootstrap_interval, log_spectral_distance, paper_lsd
from cambiata.evaluate.testset import (
    CLIP_S,
    Segment,
    load_artificial_set,
    open_renderer,
    render_clip,
)
from cambiata.partials.analysis import measure, power_spectrum
from cambiata.partials.bands import band_hz
from cambiata.partials.note_frames import (
    BIN_HZ,
    HIGHEST_HZ,
    N_NOISE,
    WINDOW,
    NoteFrames,
    coverage,
    events_from_part,
    partial_hz,
)
from cambiata.partials.oscillators import LONG, play_noise
from cambiata.partials.posteriors import BANDS, N_PITCHES, NoteEvents
from cambiata.partials.separation import separated, solve_together
from cambiata.partials.synthesis import Prediction, synthesize
from cambiata.score.midi import Part
from machine import machine, table

METRIC_RATE_HZ = 16000
# The joint solution: steps of multiplicative updates; noise in bands of 1/24 octave, no narrower
# than a bin. Noise is drawn 2 dB softer than its power: where it is not noise but beating, its
# level varies more.
STEPS, NOISE_STEP, SOFTER_DB = 5, 2 ** (1 / 24), -2.0
MIN_COVERAGE = 0.25  # of the window by a note, as in `analysis.measure`

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Target:
    """A sound of unit RMS, its notes, and what plays them."""

    sound: Samples
    power: Array  # [L, F]
    events: NoteEvents
    segment: Segment
    font: str

    @property
    def n_samples(self) -> int:
        """Length of the sound."""
        return len(self.sound)


def load_target(segment: Segment, font: str) -> Target:
    """The target of a pair."""
    sound = render_clip(font, segment.notes, segment.program).samples[0]
    sound = sound / np.float32(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    power = power_spectrum(sound)
    events = events_from_part(Part(segment.notes))
    levels = np.zeros((N_PITCHES, len(power)), np.float32)  # all notes count alike
    return Target(sound, power, replace(events, level_db=levels), segment, font)


# --- as measured ----------------------------------------------------------------------------------


def at_half_frames(
    frames: NoteFrames,
) -> tuple[NoteFrames, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Note frames at whole frames and between; indices of those before and after each."""
    n = len(frames)
    same = np.append(frames.note[1:] == frames.note[:-1], False)[:n]
    first = np.flatnonzero(np.append(True, ~same[:-1])[:n])
    source = np.concatenate([first, np.arange(n), np.arange(n)])
    following = np.concatenate([first, np.arange(n), np.arange(n) + same])
    shift = np.repeat([-0.5, 0.0, 0.5], [len(first), n, n])
    order = np.argsort(source + shift / 2, kind="stable")
    order = order[frames.frame[source[order]] + shift[order] >= 0]
    source, following, shift = source[order], following[order], shift[order]
    chosen = frames[source]
    moved = replace(chosen, frame=chosen.frame + shift, age_s=chosen.age_s + shift * BANDS.frame_s)
    return moved, source, following


def drawn(target: Target, separate: bool = False) -> Samples:
    """Partials and noise as they are measured, drawn again."""
    power, events = target.power, target.events
    measured, frames, inharmonicity = measure(power, events)
    if separate:
        measured = separated(measured, frames, events, power, inharmonicity)
    moved, source, following = at_half_frames(frames)
    n_frames = len(target.power)
    nothing = np.full((len(band_hz()), n_frames), -130, np.float32)
    prediction = Prediction(
        (measured.partials_db[source] + measured.partials_db[following]) * np.float32(0.5),
        (measured.noise_db[source] + measured.noise_db[following]) * np.float32(0.5),
        np.full(N_NOISE, -130, np.float32),
        inharmonicity,
        0 * nothing,
        nothing,
    )
    straight = np.zeros((target.events.n_notes, n_frames), np.float32)
    return synthesize(moved, prediction, straight, target.n_samples, 0)


# --- all that sounds solved together --------------------------------------------------------------


def jointly(target: Target) -> Samples:
    """Partials of all notes and noise in fine bands, of the greatest likelihood in every frame."""
    power = target.power
    _, frames, inharmonicity = measure(power, target.events)
    at = np.minimum(np.round(frames.frame).astype(np.int64), len(power) - 1)
    hz = partial_hz(frames.tuned_pitch, inharmonicity)
    bins = np.minimum(np.round(hz / BIN_HZ).astype(np.int64), power.shape[1] - 1)
    peaks = np.maximum(power[at[:, None], bins], 1e-12)
    filters = _noise_filters(power.shape[1])
    partials, noise = solve_together(power, at, hz, peaks, filters, STEPS)
    cover_db = 20 * np.log10(np.maximum(coverage(frames.age_s), MIN_COVERAGE))
    level_db = 10 * np.log10(partials + 1e-12) - (frames.strength_db + cover_db)[:, None]
    moved, source, following = at_half_frames(frames)
    between_db = (level_db[source] + level_db[following]) / 2
    nothing = np.full((len(band_hz()), len(power)), -130, np.float32)
    quiet = np.full((len(moved), N_NOISE), -150, np.float32)
    prediction = Prediction(
        between_db.astype(np.float32), quiet, quiet[0], inharmonicity, 0 * nothing, nothing
    )
    straight = np.zeros((target.events.n_notes, len(power)), np.float32)
    sound = synthesize(moved, prediction, straight, target.n_samples, 0)
    return sound + np.float32(10 ** (SOFTER_DB / 20)) * take(noise @ filters, target.n_samples, 1)


def _noise_filters(n_bins: int) -> Array:
    """Triangular filters [bands, bins]."""
    centres = [2.0]
    while centres[-1] * BIN_HZ < HIGHEST_HZ:
        centres.append(max(centres[-1] + 1, centres[-1] * NOISE_STEP))
    place = np.interp(np.arange(n_bins), centres, np.arange(len(centres)))
    distance = np.abs(place - np.arange(len(centres))[:, None])
    return np.asarray(np.maximum(0, 1 - distance), np.float32)


# --- floors ---------------------------------------------------------------------------------------


def take(power: Array, n_samples: int, seed: int) -> Samples:
    """A sound [T] of noise that has a power in every bin and frame [L, F]."""
    at = np.minimum(np.arange(LONG.n_frames(n_samples)), len(power) - 1)
    gain = np.sqrt(np.maximum(power, 0)[at].T * np.float32(WINDOW / 6))
    return play_noise(np.ascontiguousarray(gain), LONG, n_samples, seed)


def sampled(target: Target) -> Samples:
    """The very notes of the font, each rendered alone: a perfect sampler."""
    renderer, program = open_renderer(target.font), target.segment.program
    notes = [renderer.render([note], program, CLIP_S) for note in target.segment.notes]
    return np.asarray(np.sum(notes, axis=0).mean(axis=0), np.float32)


# --- the table ------------------------------------------------------------------------------------


def distances(output: Samples, reference: Samples) -> tuple[float, float]:
    """The paper's LSD and the standard one, in dB."""
    ours, theirs = (
        Audio(sound[None].astype(np.float32), BANDS.sample_rate)
        .resampled(METRIC_RATE_HZ)
        .samples[0]
        for sound in (output, reference)
    )
    return paper_lsd(ours, theirs), log_spectral_distance(ours, theirs)


def two_takes(target: Target) -> tuple[Samples, Samples]:
    """The target's spectrogram drawn as noise, twice."""
    return take(target.power, target.n_samples, 1), take(target.power, target.n_samples, 2)


ROWS: dict[str, Callable[[Target], tuple[Samples, Samples]]] = {
    "as measured: 48 partials, 24 bands of noise": lambda t: (drawn(t), t.sound),
    "the same, less what windows see of other notes": lambda t: (drawn(t, True), t.sound),
    "solved together, noise in 1/24 octaves": lambda t: (jointly(t), t.sound),
    "two takes of one noise (floor)": two_takes,
    "oracle sampler (floor)": lambda t: (sampled(t), t.sound),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", help="else that of the test set")
    parser.add_argument("--pairs", type=int, default=32)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    test_set = load_artificial_set(64).quick(arguments.pairs)
    font = arguments.font or test_set.font
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in ROWS}
    elapsed_s = dict.fromkeys(ROWS, 0.0)
    for pair in test_set.pairs:
        target = load_target(pair.target, font)
        for name, row in ROWS.items():
            began = time.perf_counter()
            sounds = row(target)
            elapsed_s[name] += time.perf_counter() - began
            scores[name].append(distances(*sounds))
    print(f"{machine()}; {len(test_set.pairs)} targets by {font}\n")
    cells = []
    for name, values in scores.items():
        row_cells = [name]
        for column in np.array(values).T:
            low, high = bootstrap_interval(column)
            row_cells.append(f"{column.mean():.2f} [{low:.2f}, {high:.2f}]")
        cells.append([*row_cells, f"{elapsed_s[name] / len(values):.2f}"])
    print(table(["drawn again", "LSD as in the paper, dB", "standard LSD, dB", "s each"], cells))


if __name__ == "__main__":
    main()
