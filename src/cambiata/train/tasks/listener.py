"""``listener``: which notes sound when, how loud and how far off their pitch, of any instrument.

One network for transfers, players and transcriptions (`train.listener_network`). It learns from
clips that are mixed while it trains (`train.note_mixing`), so that it never meets one twice.
Onsets and offsets are regressed between frames (Kong et al. 2021).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from cambiata.data.clip_examples import PACK_FOLDER, ClipExamples, ClipsConfig
from cambiata.partials.note_bands import N_ROWS
from cambiata.partials.posteriors import BANDS, FLOOR_DB, LEVEL_SCALE_DB, MIDDLE_DB, pick_onsets
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.listener_network import HEADS, Listener
from cambiata.train.note_mixing import NoteMixer
from cambiata.train.note_targets import Targets, losses, make_targets
from cambiata.train.onnx import OnnxPart
from cambiata.train.task import Progress, Recorded, Task, TrainingExamples
from cambiata.train.tensors import to_numpy
from cambiata.train.torch_bands import TorchNoteBands

# Onset thresholds of which validation finds the best, and the tolerance of mir_eval's onset F1.
_THRESHOLDS = tuple(round(0.1 + 0.05 * i, 2) for i in range(15))
_TOLERANCE_S = 0.05


@dataclass(frozen=True)
class ListenerTraining:
    """Settings of `ListenerTask`."""

    width: int = 48  # channels
    narrow: int = 16  # of them that look at harmonics: a multiple of what processors take at once
    n_blocks: int = 5  # residual blocks, of dilations 1, 2, 4, ...
    causal: bool = False  # whether it may look ahead no further than its windows: 46 ms
    # Frames at both ends of a clip that nothing is learnt from.
    skip_frames: int = 4
    gain_db: float = 6.0  # levels are moved by so much at most


class _Shared(list[Any]):
    """What copies of a task have in common: sounds, which no average is taken of."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class ListenerTask(Task):
    """The listener with its losses."""

    settings, system, card = ListenerTraining, "listener", "transcription"
    config: ListenerTraining

    def __init__(self, config: ListenerTraining) -> None:
        super().__init__(config)
        self.network = Listener(config.width, config.narrow, config.n_blocks, causal=config.causal)
        self._mixing = _Shared()

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """The pack of notes that clips are mixed of."""
        return ClipExamples(Path(folder) if folder else PACK_FOLDER, config.examples)

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """Rows that say what is mixed."""
        n_samples = round(recorded.config.clips.duration_s * BANDS.sample_rate)
        self._mixing += [NoteMixer(recorded.pack, recorded.rooms, n_samples), TorchNoteBands()]
        dataset: TrainingExamples = recorded.dataset()
        return dataset

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """Bands to all rolls."""
        bands = torch.zeros(1, N_ROWS, 64)
        return {"": OnnxPart(self.network, {"bands": bands}, {"bands": {2: "frames"}}, ["heard"])}

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """The onset threshold that validation found best, and what the outputs are."""
        return {
            "threshold": figures["threshold"],
            "heads": list(HEADS),
            "causal": self.config.causal,
        }

    @torch.no_grad()
    def _mix(self, rows: Tensor, *, gain_db: float) -> tuple[Tensor, Targets]:
        """Scaled bands of clips [B, 520, L], and their targets."""
        for each in self._mixing:
            each.to(rows.device)
        mixer, bands = self._mixing
        with torch.autocast(rows.device.type, enabled=False):
            mixed = mixer(rows)
            level_db = bands(mixed.sound)
            gain = (2 * torch.rand(len(rows), 1, 1, device=rows.device) - 1) * gain_db
            scaled = ((level_db + gain).clamp_min(FLOOR_DB) + MIDDLE_DB) / LEVEL_SCALE_DB
            return scaled, make_targets(mixed)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of rows of clips [B, R]."""
        bands, targets = self._mix(batch, gain_db=self.config.gain_db)
        outputs, targets = self._inner(self.network(bands), targets)
        return losses(outputs, targets)

    def _inner(self, outputs: Tensor, targets: Targets) -> tuple[Tensor, Targets]:
        """Without the frames at both ends."""
        inner = slice(self.config.skip_frames, -self.config.skip_frames)
        return outputs[..., inner], Targets(*(x[..., inner] for x in targets))

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Losses, and note onset F1 at the best threshold."""
        totals: dict[str, list[float]] = {}
        counts = np.zeros((len(_THRESHOLDS), 2))
        n_both, n_hits = 0, 0
        torch.manual_seed(0)  # the same noise every time; the loop keeps its own state
        with torch.no_grad():
            for batch in batches:
                bands, targets = self._mix(batch, gain_db=0.0)
                outputs, targets = self._inner(self.network(bands).float(), targets)
                for name, value in losses(outputs, targets).items():
                    totals.setdefault(name, []).append(float(value))
                predicted, true = outputs[:, 1] > 0, targets.active > 0
                n_both += int(predicted.sum() + true.sum())
                n_hits += int((predicted & true).sum())
                onsets = to_numpy(torch.sigmoid(outputs[:, 0]))
                for posterior, target in zip(onsets, to_numpy(targets.onset), strict=True):
                    _count_onsets(posterior, target, counts)
        f1 = 2 * counts[:, 0] / np.maximum(counts[:, 1], 1)
        best = int(f1.argmax())
        return {name: float(np.mean(values)) for name, values in totals.items()} | {
            "frame_f1": 2 * n_hits / max(1, n_both),
            "onset_f1": float(f1[best]),
            "threshold": _THRESHOLDS[best],
        }


def _count_onsets(posterior: Any, target: Any, counts: Any) -> None:
    """Add matches, and onsets on both sides, for every threshold."""
    reference = pick_onsets(target, 0.7)  # peaks between frames are 0.8 at least
    for i, threshold in enumerate(_THRESHOLDS):
        detected = pick_onsets(posterior, threshold)
        counts[i] += (
            count_matches(detected, reference),
            len(reference[0]) + len(detected[0]),
        )


def count_matches(detected: tuple[Any, Any, Any], reference: tuple[Any, Any, Any]) -> int:
    """Onsets of one pitch within the tolerance of each other, each matched once, in order."""
    count = 0
    for pitch in np.unique(reference[0]):
        times_s = np.sort(detected[1][detected[0] == pitch]) * BANDS.frame_s
        i = 0
        for true_s in np.sort(reference[1][reference[0] == pitch]) * BANDS.frame_s:
            while i < len(times_s) and times_s[i] < true_s - _TOLERANCE_S:
                i += 1
            if i < len(times_s) and times_s[i] <= true_s + _TOLERANCE_S:
                count += 1
                i += 1
    return count


def _listener() -> TrainingConfig:
    """Of the weights that ship (docs/models/transcription.md)."""
    loop = LoopConfig(
        batch_size=48,
        learning_rate=2e-3,
        # Three thousand steps are too few for an average: it was worse than the last weights.
        ema_decay=0.0,
        report_every_steps=50,
        validate_every_s=150.0,
        save_every_s=60.0,
        minutes=7.4,
        n_workers=4,
        warmup_steps=200,
    )
    return TrainingConfig(ListenerTraining(), ClipsConfig(), loop)


def _causal() -> TrainingConfig:
    """Of the variant for live use, begun from a listener."""
    config = _listener()
    return TrainingConfig(ListenerTraining(causal=True), config.examples, config.loop)


PRESETS = {"listener": _listener, "listener-causal": _causal}
