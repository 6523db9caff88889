"""Tracks of one instrument each for the timbre metric, as MFCCs of two segments."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cambiata.audio.mel import mfcc
from cambiata.audio.source import resample
from cambiata.data.examples import EXAMPLES_FOLDER, open_bank, open_banks
from cambiata.data.pairs import PairComposer, PairConfig
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.engines.engine import n_cores, run_tasks
from cambiata.engines.failure import Failure
from cambiata.files import write_arrays, write_text
from cambiata.system import Progress

Features = npt.NDArray[np.float32]
Split = Literal["training", "validation", "test"]

# The metric's own, as published: MFCCs 2 to 13 of 16 kHz, 32 frames a second.
RATE_HZ = 16000
N_FEATURES = 12
HOP_SAMPLES = 500


@dataclass(frozen=True)
class TracksConfig:
    """Settings of a recording of tracks; the paper's numbers."""

    # By their names in the cache folder, or by paths.
    banks: tuple[str, ...] = (
        *("fluid-r3", "musescore-general", "generaluser-gs", "csound-gm", "salamander"),
    )
    n_tracks: int = 7381  # for training, of two segments each
    n_validation: int = 200  # for validation and, as many again, for the test
    n_passes: int = 2  # in which each is an anchor, with other negatives each time
    seed: int = 0


class TrackTriplets(Sequence[Features]):
    """Triplets of tracks' features: two segments of a track, and one of another instrument."""

    def __init__(self, folder: Path, config: TracksConfig, split: Split = "training") -> None:
        self.folder, self.config = folder, config
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        with np.load(folder / f"{split}.npz") as arrays:
            self.features, self.names = arrays["features"], arrays["names"]
        n_passes = config.n_passes if split == "training" else 1
        # Validation and test are the same whatever the training's seed.
        seed = config.seed if split == "training" else 0
        rng = np.random.default_rng(seed)
        self._negatives = np.concatenate(
            [choose_negatives(self.names, rng) for _ in range(n_passes)]
        )
        self._segments = (
            rng.integers(2, size=len(self._negatives))
            if split == "training"
            else np.ones(len(self._negatives), np.int64)
        )

    def __len__(self) -> int:
        return len(self._negatives)

    def __getitem__(self, index: Any) -> Features:  # type: ignore[override]
        """Anchor, positive and negative, [3, 12, L]."""
        negative = self.features[self._negatives[index], self._segments[index]]
        anchor, positive = self.features[index % len(self.features)]
        return np.stack([anchor, positive, negative])

    def validation(self) -> "TrackTriplets":
        """Triplets of tracks to validate with."""
        return TrackTriplets(self.folder, self.config, "validation")

    def test(self) -> "TrackTriplets":
        """Triplets of tracks that nothing is chosen by."""
        return TrackTriplets(self.folder, self.config, "test")


def record_tracks(
    config: TracksConfig,
    folder: str | Path | None = None,
    *,
    n_workers: int | None = None,
    progress: Progress | None = None,
) -> TrackTriplets:
    """Features of composed tracks, kept in a folder; by default in the cache."""
    settings = {"banks": config.banks, "seed": config.seed}
    settings |= {"n_tracks": config.n_tracks, "n_validation": config.n_validation}
    digest = sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    place = Path(folder) if folder else EXAMPLES_FOLDER / f"tracks-{digest}"
    if not (place / "facts.json").exists():
        banks = open_banks(config.banks)  # refused before anything is made
        n = config.n_tracks + 2 * config.n_validation
        features, names = compose_tracks(config.banks, config.seed, n, n_workers, progress)
        place.mkdir(parents=True, exist_ok=True)
        bounds = config.n_tracks, config.n_tracks + config.n_validation
        for split, which in zip(
            ("training", "validation", "test"), np.split(np.arange(n), bounds), strict=True
        ):
            write_arrays(place / f"{split}.npz", features=features[which], names=names[which])
        facts = {
            "config": asdict(config),
            "banks": [{"sha256": bank.facts["sha256"], **asdict(bank.source)} for bank in banks],
        }
        write_text(place / "facts.json", json.dumps(facts, indent=1))  # last: where it lies, all do
    return TrackTriplets(place, config)


@lru_cache(maxsize=1)
def _open_composer(banks: tuple[str, ...], seed: int) -> PairComposer:
    opened = [open_bank(bank) for bank in banks]
    return PairComposer(opened, config=PairConfig(), seed=seed)


def _compose_track(
    banks: tuple[str, ...], seed: int, number: int
) -> tuple[Features, Features, str]:
    example = _open_composer(banks, seed).self_supervised(number)
    first, second = (
        mfcc(resample(sound, RENDER_RATE_HZ, RATE_HZ), RATE_HZ, hop_length=HOP_SAMPLES)[1:]
        for sound in (example.content, example.style)
    )
    return first.astype(np.float32), second.astype(np.float32), str(example.facts["content"])


def compose_tracks(
    banks: tuple[str, ...],
    seed: int,
    n_tracks: int,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Features, npt.NDArray[np.str_]]:
    """Features of both segments of many tracks, [N, 2, 12, L], and their instruments, [N]."""
    by_number: dict[int, Any] = {}
    for number, track in run_tasks(
        partial(_compose_track, banks, seed), range(n_tracks), n_workers or n_cores()
    ):
        if isinstance(track, Failure):
            raise RuntimeError(track.message)
        by_number[number] = track
        if progress is not None:
            progress(len(by_number) / n_tracks)
    rows = [by_number[number] for number in range(n_tracks)]
    features = np.array([row[:2] for row in rows], np.float32)
    names = np.array([row[2] for row in rows], np.str_)
    return features.reshape(n_tracks, 2, N_FEATURES, -1 if n_tracks else 0), names


def choose_negatives(
    names: npt.NDArray[np.str_], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """For each track another one, of another instrument."""
    if len(np.unique(names)) < 2:
        raise ValueError("there is no negative without a second instrument")
    chosen = rng.integers(len(names), size=len(names))
    while (same := names[chosen] == names).any():
        chosen[same] = rng.integers(len(names), size=int(same.sum()))
    return chosen
