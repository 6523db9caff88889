"""Two recurrent networks a genre, of pitches and of durations: Pati's melodies of 2018."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cambiata.data.melody_bars import STYLES
from cambiata.data.melody_notes import NotesConfig, record_notes
from cambiata.melody.pati2018 import N_INTERVALS
from cambiata.train.config import LoopConfig, TrainingConfig
from cambiata.train.onnx import Method, OnnxPart
from cambiata.train.task import Progress, Recorded, Task


@dataclass(frozen=True)
class Pati2018Training:
    """Sizes of the networks; the post names none."""

    n_embedded: int = 16  # Size of embeddings
    width: int = 64  # Of each recurrent network


class GenreLstm(nn.Module):
    """A recurrent network for every genre, of its own weights: Colombo et al. (2016)."""

    def __init__(self, sizes: tuple[int, int], n_out: int, config: Pati2018Training) -> None:
        super().__init__()
        n_genres, width, n_embedded = len(STYLES), config.width, config.n_embedded
        n_in = 2 * n_embedded + width
        self.n_embedded, self.width = n_embedded, width
        self.first = nn.Embedding(n_genres * sizes[0], n_embedded)
        self.second = nn.Embedding(n_genres * sizes[1], n_embedded)
        self.sizes = sizes
        self.gates = nn.Parameter(torch.randn(n_genres, 4 * width, n_in) / n_in**0.5)
        self.gates_bias = nn.Parameter(torch.zeros(n_genres, 4 * width))
        self.out = nn.Parameter(torch.randn(n_genres, n_out, width) / width**0.5)
        self.out_bias = nn.Parameter(torch.zeros(n_genres, n_out))

    def step(
        self,
        genre: Tensor,
        first: Tensor,
        second: Tensor,
        output: Tensor,
        cell: Tensor,
        counts: list[int] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One note.

        genre, first, second: [B]; output, cell: [B, width]; returns [B, n_out].
        """
        inputs = torch.cat(
            [
                self.first(genre * self.sizes[0] + first),
                self.second(genre * self.sizes[1] + second),
                output,
            ],
            1,
        )
        gates = _genre_linear(self.gates, self.gates_bias, inputs, genre, counts)
        input_gate, forget_gate, candidate, output_gate = gates.chunk(4, 1)
        cell = torch.sigmoid(forget_gate + 1) * cell + torch.sigmoid(input_gate) * torch.tanh(
            candidate
        )
        output = torch.sigmoid(output_gate) * torch.tanh(cell)
        return _genre_linear(self.out, self.out_bias, output, genre, counts), output, cell


def _genre_linear(
    weights: Tensor, bias: Tensor, x: Tensor, genre: Tensor, counts: list[int] | None
) -> Tensor:
    """A layer of each genre's own [n_genres, n_out, n_in], applied to what is of it [B, n_in]."""
    if counts is None:
        genre_weights = weights.index_select(0, genre)
        return torch.bmm(genre_weights, x[..., None])[..., 0] + bias.index_select(0, genre)
    parts = zip(torch.split(x, counts), weights, bias, strict=True)
    return torch.cat([nn.functional.linear(part, *layer) for part, *layer in parts])


class Pati2018Task(Task):
    """Pitches from the note before, durations from the next pitch and the duration before.

    "Neural Style Transfer for Musical Melodies" (Pati 2018), after Colombo et al. (2016): note =
    interval and duration class, two networks for every genre. The post gives no sizes; ours are
    small, and kept from learning tunes by heart by dropping a fifth of the states.
    """

    settings, system, card = Pati2018Training, "pati2018", "melody"
    config: Pati2018Training

    def __init__(self, config: Pati2018Training, durations: list[int] | None = None) -> None:
        super().__init__(config)
        self.durations = durations or record_notes(NotesConfig()).facts["durations"]
        n_durations = len(self.durations)
        sizes = N_INTERVALS + 1, n_durations + 1
        self.pitch = GenreLstm(sizes, N_INTERVALS, config)
        self.duration = GenreLstm(sizes, n_durations, config)
        self.dropout = nn.Dropout(0.2)

    def _logits(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of pitches and durations [B, L, n], and where there are notes [B, L].

        The batch is in the order of genres.
        """
        notes = batch.long()
        genre = notes[:, 0, 2]
        counts = torch.bincount(genre, minlength=len(STYLES)).tolist()
        n_batch, n_notes, _ = notes.shape
        states = [torch.zeros(n_batch, self.config.width) for _ in range(4)]
        previous = torch.zeros(n_batch, 2, dtype=torch.int64)
        pitches, durations = [], []
        for i in range(n_notes):
            pitch, *states[:2] = self.pitch.step(
                genre, previous[:, 0], previous[:, 1], self.dropout(states[0]), states[1], counts
            )
            duration, *states[2:] = self.duration.step(
                genre, notes[:, i, 0], previous[:, 1], self.dropout(states[2]), states[3], counts
            )
            previous = notes[:, i, :2]
            pitches.append(pitch)
            durations.append(duration)
        return torch.stack(pitches, 1), torch.stack(durations, 1), notes[..., 0] > 0

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Cross-entropy of pitches and durations, in nats a note.

        batch: [B, L, 3].
        """
        del share
        batch = batch[torch.argsort(batch[:, 0, 2], stable=True)]
        pitches, durations, mask = self._logits(batch)
        pitch_loss, duration_loss = (
            nn.functional.cross_entropy(logits[mask], batch[..., i].long()[mask] - 1)
            for i, logits in enumerate((pitches, durations))
        )
        return {"loss": pitch_loss + duration_loss, "pitch": pitch_loss, "duration": duration_loss}

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Cross-entropies on other families."""
        with torch.no_grad():
            losses = [self(batch, share) for batch in batches]
        return {
            name: float(np.mean([float(each[name]) for each in losses]))
            for name in ("pitch", "duration")
        }

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """Notes of the old collections' tunes whose dance is known."""
        return record_notes(config.examples, folder, progress=progress)

    def onnx_facts(self, config: TrainingConfig, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Genres and durations by their classes, and the size of the states."""
        return {
            "genres": list(STYLES),
            "durations": self.durations,
            "width": self.config.width,
        }

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """A step of each network."""
        width = self.config.width

        def part(network: GenreLstm) -> OnnxPart:
            inputs = {
                "genre": torch.full((3,), len(STYLES) - 1),
                "first": torch.full((3,), network.sizes[0] - 1),
                "second": torch.full((3,), network.sizes[1] - 1),
                # Two arrays: of one given twice, torch's exporter makes one input.
                "output": torch.zeros(3, width),
                "cell": torch.zeros(3, width),
            }
            lengths = {name: {0: "notes"} for name in inputs}
            outputs = ["logits", "output_after", "cell_after"]
            return OnnxPart(Method(network, "step"), inputs, lengths, outputs)

        return {"": part(self.duration), "pitch": part(self.pitch)}


def _pati2018() -> TrainingConfig:
    loop = LoopConfig(
        batch_size=64,
        learning_rate=3e-3,
        ema_decay=0.99,
        n_threads=1,
        report_every_steps=100,
        validate_every_s=60.0,
        minutes=4.0,
    )
    return TrainingConfig(Pati2018Training(), NotesConfig(), loop)


PRESETS = {"pati2018": _pati2018}
