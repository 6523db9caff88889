"""Examples for predictors of partials: queries and tokens of detected notes, and true bands."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from cambiata.arrays import Samples
from cambiata.data.scored_examples import ScoredExamples
from cambiata.engines.engine import run_all
from cambiata.files import write_arrays
from cambiata.partials.analysis import choose_frames, measure, noise_floor_db, power_spectrum
from cambiata.partials.bands import band_quantiles_db, bands_db
from cambiata.partials.note_frames import (
    HOP,
    N_FEATURES,
    N_NOISE,
    NoteFrames,
    coverage,
    note_frames,
)
from cambiata.partials.posteriors import BANDS, NoteEvents, detect_notes
from cambiata.train.predictor import TOKEN_WIDTHS
from cambiata.weights import load_model

# Of a style at most 256 note frames are tokens (a third of those kept at run time: attention costs
# time and memory), of half a content 1536 are queries: all that most have. Chosen by hand.
_N_TOKENS, _N_QUERIES = 256, 1536
_EXAMPLES_PER_JOB = 16  # examples that a process computes in one go
# A query's row: its features, and by what it is rendered: frame, pitch, strength, coverage.
QUERY_WIDTH = N_FEATURES + 4
# Inharmonicities are below 1e-3, where float16 has few steps left.
_INHARMONICITY_SCALE = 1e4


class Example(NamedTuple):
    """Half an example, unpacked."""

    tokens: Tensor  # the style's note frames, measured [K, 138]
    queries: Tensor  # the content's note frames [Q, 22]
    target: Tensor  # levels of the target in the bands, in dB [bands, L]
    content: Tensor  # levels of the content [bands, L]
    floor: Tensor  # the style's quiet level [N_NOISE]
    quantiles: Tensor  # of the style's levels [3, bands]
    inharmonicity: Tensor  # of the style


class OneShotDataset(Sequence[npt.NDArray[np.float16]]):
    """Queries, tokens and targets: each half of every example, packed into one array."""

    def __init__(self, folder: Path, n: int, n_validation: int, validating: bool = False) -> None:
        self.folder, self.n, self.n_validation = folder, n, n_validation
        self._validating = validating

    def __len__(self) -> int:
        return 2 * (self.n_validation if self._validating else self.n)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half, for `unpack`."""
        number, half = divmod(range(len(self))[index], 2)
        with np.load(self.folder / features_file(self._validating, number)) as cached:
            target = cached["target"]
            middle = target.shape[1] // 2
            first = half * middle
            queries = self.queries(number, cached)
            frame = queries[:, N_FEATURES]
            inside = (frame >= first) & (frame < first + middle)
            queries = queries[inside][:_N_QUERIES].astype(np.float32)
            queries[:, N_FEATURES] -= first
            tokens = cached["tokens"]
            floor, inharmonicity = cached["floor"], cached["inharmonicity"]
            content, quantiles = cached["content"], cached["quantiles"]
        packed = [
            np.array([len(tokens), len(queries), float(inharmonicity) * _INHARMONICITY_SCALE]),
            floor,
            _padded(tokens, _N_TOKENS),
            _padded(queries, _N_QUERIES),
            target[:, first : first + middle],
            content[:, first : first + middle],
            quantiles,
        ]
        return np.concatenate([np.ravel(x).astype(np.float16) for x in packed])

    def queries(self, number: int, cached: Mapping[str, Any]) -> npt.NDArray[Any]:
        """Rows of the content's note frames [Q, 22] of an example."""
        queries: npt.NDArray[Any] = cached["queries"]
        return queries

    def validation(self) -> "OneShotDataset":
        """The examples to validate with."""
        return OneShotDataset(self.folder, self.n, self.n_validation, validating=True)


def _padded(rows: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
    """Rows, and zeros below them, [n, ...]."""
    out = np.zeros((n, rows.shape[1]), np.float32)
    out[: len(rows)] = rows
    return out


def unpack(packed: Tensor, n_bands: int) -> Example:
    """The parts of an array of `OneShotDataset`."""
    x = packed.float()
    # A style without notes is one frame of zeros.
    n_tokens, n_queries = max(1, int(x[0])), int(x[1])
    inharmonicity = x[2] * (1 / _INHARMONICITY_SCALE)
    floor, rest = x[3 : 3 + N_NOISE], x[3 + N_NOISE :]
    width = sum(TOKEN_WIDTHS)
    tokens = rest[: _N_TOKENS * width].view(_N_TOKENS, width)[:n_tokens]
    rest = rest[_N_TOKENS * width :]
    queries = rest[: _N_QUERIES * QUERY_WIDTH].view(_N_QUERIES, QUERY_WIDTH)[:n_queries]
    rest = rest[_N_QUERIES * QUERY_WIDTH :]
    target, content = rest[: -3 * n_bands].view(2, n_bands, -1)
    quantiles = rest[-3 * n_bands :].view(3, -1)
    return Example(tokens, queries, target, content, floor, quantiles, inharmonicity)


def split_waveform(packed: Tensor, n_bands: int) -> tuple[Tensor, Tensor]:
    """An array for `unpack` and the waveform [L * HOP] that lies behind it."""
    n_before = 3 + N_NOISE + _N_TOKENS * sum(TOKEN_WIDTHS) + _N_QUERIES * QUERY_WIDTH
    # Behind them, of each frame: two levels a band, and its samples; and three quantiles a band.
    n_frames = (packed.numel() - n_before - 3 * n_bands) // (2 * n_bands + HOP)
    return packed[: -n_frames * HOP], packed[-n_frames * HOP :]


def features_file(validating: bool, number: int) -> str:
    """Name of an example's file."""
    return f"{'validation' if validating else 'training'}-{number:05d}.npz"


def precompute_features(
    examples: ScoredExamples,
    listener: str,
    *,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> OneShotDataset:
    """Features of every example as a listener detects its notes, computed where they are missing.

    The predictor learns from notes with the listener's mistakes, as it will be given them.
    """
    model = load_model(listener, "listener")
    folder = examples.folder / f"features-{model.sha256[:12]}"
    folder.mkdir(exist_ok=True)
    config = examples.config
    numbers = [(True, i) for i in range(config.n_validation)]
    numbers += [(False, i) for i in range(config.n_examples)]
    pending = [each for each in numbers if not (folder / features_file(*each)).exists()]
    starts = range(0, len(pending), _EXAMPLES_PER_JOB)
    jobs = [tuple(pending[i : i + _EXAMPLES_PER_JOB]) for i in starts]
    work = partial(_precompute_some, folder, examples, listener)
    run_all(work, jobs, n_workers, str(folder), progress)
    return OneShotDataset(folder, config.n_examples, config.n_validation)


def _precompute_some(
    folder: Path, examples: ScoredExamples, listener: str, numbers: tuple[tuple[bool, int], ...]
) -> None:
    parts = {False: examples, True: examples.validation()}
    for validating, number in numbers:
        example = parts[validating][number]
        content, style = (detect_notes(sound, listener) for sound in example.sounds[:2])
        rng = np.random.default_rng([number, int(validating)])
        place = folder / features_file(validating, number)
        write_arrays(place, **compute_features(content, style, example.sounds, rng))


def compute_features(
    content: NoteEvents, style: NoteEvents, sounds: Samples, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an `Example`, of the notes detected in it.

    sounds: content, style and target, [3, T].
    """
    power = power_spectrum(sounds[1])
    measured, frames, inharmonicity = measure(power, style)
    chosen = measured[choose_frames(frames, _N_TOKENS, rng)]
    tokens = np.concatenate(
        [chosen.features, chosen.partials_db, chosen.mask, chosen.noise_db], axis=1
    )
    queries = query_rows(note_frames(content, BANDS.n_frames(sounds.shape[1])))
    return {
        "tokens": tokens.astype(np.float16),
        "queries": queries.astype(np.float16),
        "target": bands_db(power_spectrum(sounds[2])).astype(np.float16),
        "content": bands_db(power_spectrum(sounds[0])).astype(np.float16),
        "quantiles": band_quantiles_db(power).astype(np.float16),
        "floor": noise_floor_db(power).astype(np.float16),
        "inharmonicity": np.array(inharmonicity, np.float32),
    }


def query_rows(frames: NoteFrames) -> npt.NDArray[np.float64]:
    """Features of note frames, frame, pitch, strength and coverage, [Q, 22], in order of time."""
    facts = [frames.frame, frames.pitch, frames.strength_db, coverage(frames.age_s)]
    queries = np.concatenate([frames.features, np.stack(facts, axis=1)], axis=1)
    return np.asarray(queries[np.argsort(frames.frame, kind="stable")])
