"""Examples of the translator's decoders: halves of sounds, with what the encoder makes of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from cambiata.arrays import Samples
from cambiata.data.domains import DomainExamples
from cambiata.data.effects import sample_wide_chain
from cambiata.engines.engine import run_all
from cambiata.errors import InputError
from cambiata.files import write_arrays
from cambiata.partials.analysis import measure, pitch_deviation_cents, power_spectrum
from cambiata.partials.bands import bands_db
from cambiata.partials.latent import (
    N_HIDDEN,
    encode_notes,
    hidden_at_frames,
)
from cambiata.partials.note_frames import N_FEATURES, note_frames
from cambiata.partials.posteriors import BANDS
from cambiata.train.note_dataset import query_rows
from cambiata.weights import Model, load_model, open_model

_N_QUERIES = 1536  # note frames in half a sound; denser ones lose their last
_WIDTH = N_FEATURES + 4  # of a query: features, and frame, pitch, strength, coverage
_N_PER_TASK = 8  # examples that a process computes at once; sets how finely progress is told
# Share of inputs that have gone through effects, their targets not; not tuned.
_EFFECTS_SHARE = 0.5
_N_MEASURED = (
    240  # examples of which strings and wavering are measured, for a median of each domain
)
# Old runs name the network that the encoder was cut from, which does not ship any more.
_OLD_ENCODERS = {"transcriber": "translation"}


class Excerpt(NamedTuple):
    """One half of a sound, unpacked."""

    queries: Tensor  # Note frames of the notes found in it [Q, 22]
    hidden: Tensor  # The encoder's last hidden layer at each [Q, N_HIDDEN]
    source_domain: int  # Of the input
    target_domain: int  # Of the target
    target: Tensor  # Levels in bands, in dB [bands, L]


class ExcerptDataset(Sequence[npt.NDArray[np.float16]]):
    """Halves of sounds, each with itself as the target, or the same piece in another domain."""

    def __init__(self, folder: Path, examples: DomainExamples, pairs: bool) -> None:
        self.folder, self.examples, self.pairs = folder, examples, pairs

    def __len__(self) -> int:
        return (8 if self.pairs else 4) * len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half, packed; `unpack_excerpt` is the inverse."""
        number, variant = divmod(range(len(self))[index], 8 if self.pairs else 4)
        half, content = variant % 2, variant // 2 % 2
        target = content if variant < 4 else 1 - content
        with np.load(
            self.folder / _file_name(self.examples.is_validation, number, content)
        ) as cached:
            queries, hidden = cached["queries"], cached["seen"]
            levels = cached["target"] if target == content else None
        if levels is None:
            with np.load(
                self.folder / _file_name(self.examples.is_validation, number, target)
            ) as cached:
                levels = cached["target"]
        domains = self.examples.stored(number)[1]["domains"]
        features = {"queries": queries, "seen": hidden}
        return pack_excerpt(features, levels, half, (domains[content], domains[target]))

    def validation(self) -> "ExcerptDataset":
        """Those to validate with."""
        return ExcerptDataset(self.folder, self.examples.validation(), True)

    def measurements(self) -> dict[int, list[tuple[float, float]]]:
        """Inharmonicity and wavering in cents of sounds, by their domain's number."""
        found: dict[int, list[tuple[float, float]]] = {}
        for number in range(min(_N_MEASURED, len(self.examples))):
            domains = self.examples.stored(number)[1]["domains"]
            for which, domain in enumerate(domains):
                with np.load(self.folder / _file_name(False, number, which)) as cached:
                    pair = float(cached["stiffness"]), float(cached["wavering_cents"])
                found.setdefault(domain, []).append(pair)
        return found


def pack_excerpt(
    features: Mapping[str, npt.NDArray[Any]],
    levels: npt.NDArray[Any],
    half: int,
    domain_pair: tuple[int, int],
) -> npt.NDArray[np.float16]:
    """Queries, hidden layer and target of half a sound in one row, the queries padded."""
    middle = levels.shape[1] // 2
    first = half * middle
    frame = features["queries"][:, N_FEATURES]
    rows_of_half = np.flatnonzero((frame >= first) & (frame < first + middle))[:_N_QUERIES]
    rows = np.zeros((_N_QUERIES, _WIDTH + N_HIDDEN), np.float32)
    rows[: len(rows_of_half), :_WIDTH] = features["queries"][rows_of_half]
    rows[: len(rows_of_half), N_FEATURES] -= first
    rows[: len(rows_of_half), _WIDTH:] = features["seen"][rows_of_half]
    packed = [np.array([len(rows_of_half), *domain_pair]), rows, levels[:, first : first + middle]]
    return np.concatenate([np.ravel(x).astype(np.float16) for x in packed])


def unpack_excerpt(packed: Tensor, n_bands: int) -> Excerpt:
    """Parts of what `pack_excerpt` packed."""
    x = packed.float()
    n, source_domain, target_domain = (int(value) for value in x[:3])
    rows = x[3 : 3 + _N_QUERIES * (_WIDTH + N_HIDDEN)].view(_N_QUERIES, -1)[:n]
    target = x[3 + _N_QUERIES * (_WIDTH + N_HIDDEN) :].view(n_bands, -1)
    return Excerpt(rows[:, :_WIDTH], rows[:, _WIDTH:], source_domain, target_domain, target)


def _file_name(validating: bool, number: int, which: int) -> str:
    return f"{'validation' if validating else 'training'}-{number:05d}-{which}.npz"


def precompute_excerpts(
    examples: DomainExamples,
    encoder: str,
    *,
    pairs: bool = True,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> ExcerptDataset:
    """Excerpts of examples of domains; features that are missing are computed and kept on disk."""
    model, _ = load_encoder(encoder)
    folder = examples.folder / f"features-{model.sha256[:12]}"
    folder.mkdir(exist_ok=True)
    config = examples.config
    every = [(True, i) for i in range(config.n_validation)]
    every += [(False, i) for i in range(config.n_examples)]
    left = [(v, i) for v, i in every if not (folder / _file_name(v, i, 1)).exists()]
    groups = [tuple(left[i : i + _N_PER_TASK]) for i in range(0, len(left), _N_PER_TASK)]
    work = partial(_precompute_some, folder, examples, encoder)
    run_all(work, groups, n_workers, str(folder), progress)
    return ExcerptDataset(folder, examples, pairs)


def _precompute_some(
    folder: Path, examples: DomainExamples, encoder: str, some: tuple[tuple[bool, int], ...]
) -> None:
    model, threshold = load_encoder(encoder)
    parts = {False: examples, True: examples.validation()}
    for validating, number in some:
        sounds = parts[validating][number].sounds
        for which, sound in enumerate(sounds):
            rng = np.random.default_rng([number, which, int(validating)])
            treated = sound
            if rng.random() < _EFFECTS_SHARE:
                treated = sample_wide_chain(rng).time_invariant()(sound, BANDS.sample_rate)
            file = folder / _file_name(validating, number, which)
            features = compute_features(
                treated, sound, model, threshold, measured=number < _N_MEASURED
            )
            write_arrays(file, **features)


def compute_features(
    audio: Samples, target_audio: Samples, model: Model, threshold: float, *, measured: bool = True
) -> dict[str, npt.NDArray[Any]]:
    """Queries and hidden layer of a sound, and levels of its target; with strings and wavering.

    audio: [T]; target_audio: [T]; returns "queries" [Q, 22], "seen" [Q, N_HIDDEN], "target"
    [bands, L] and, if `measured`, "stiffness" and "wavering_cents".
    """
    notes, hidden = encode_notes(BANDS.level_db(audio), model.part(""), threshold)
    n_frames, power = BANDS.n_frames(len(target_audio)), power_spectrum(target_audio)
    frames = note_frames(notes, n_frames)
    # In order of time, as `queries_of` sorts them.
    frames = frames[np.argsort(frames.frame, kind="stable")]
    features: dict[str, npt.NDArray[Any]] = {
        "queries": query_rows(frames).astype(np.float16),
        "seen": hidden_at_frames(hidden, frames).astype(np.float16),
        "target": bands_db(power).astype(np.float16),
    }
    if not measured:
        return features
    deviations = pitch_deviation_cents(power, notes, n_frames)
    wavering = [float(np.abs(row - np.median(row)).mean()) for row in deviations]
    return features | {
        "stiffness": np.array(measure(power, notes)[2], np.float32),
        "wavering_cents": np.array(np.median(wavering) if wavering else 0, np.float32),
    }


def load_encoder(weights: str) -> tuple[Model, float]:
    """The encoder of a translator, [1, 3 + N_HIDDEN, 88, L] of bands, and its onset threshold."""
    model = load_model(_OLD_ENCODERS.get(weights, weights), "translation")
    if model.about["kind"] != "notes":
        raise InputError(weights, "has no encoder of notes", "choose weights of `translation`")
    return model, float(model.about["threshold"])


def encoder_onnx(weights: str) -> bytes:
    """The encoder's file without what was known of the translator that it is part of."""
    import onnx

    model = onnx.load_from_string(open_model(_OLD_ENCODERS.get(weights, weights))[0])
    del model.metadata_props[:]
    serialized: bytes = model.SerializeToString()
    return serialized
