"""Two recurrent networks a genre, of pitches and of durations: Pati's melodies of 2018."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cambiata.data.scores import SCORE_CACHE
from cambiata.data.tunes import Split, read_tunes
from cambiata.melody.pati2018 import N_INTERVALS, encode_notes
from cambiata.system import Progress
from cambiata.train.task import Task
from cambiata.train.tasks.melody import STYLES, parse_lines

_N_NOTES = 64  # notes of an example


@dataclass(frozen=True)
class NotesConfig:
    """Which notes are learnt from."""

    least: int = 20  # How often a duration must occur to be a class of its own


@dataclass(frozen=True)
class Pati2018Training:
    """Sizes of the networks; the post names none."""

    n_embedded: int = 16  # Size of embeddings
    width: int = 64  # Of each recurrent network


class TuneNotes:
    """Stretches of tunes as intervals and duration classes."""

    def __init__(self, folder: Path, split: Split) -> None:
        self.folder = folder
        self.facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
        self._notes = np.load(folder / f"{split}.npy")

    def __len__(self) -> int:
        return len(self._notes)

    def __getitem__(self, index: int) -> npt.NDArray[np.int16]:
        """A stretch [_LENGTH, 3]: interval and duration, both from 1, 0 for none; and genre."""
        stretch: npt.NDArray[np.int16] = self._notes[index]
        return stretch

    def validation(self) -> "TuneNotes":
        """Stretches of other families."""
        return TuneNotes(self.folder, "validation")


def record_notes(
    config: NotesConfig, folder: str | Path | None = None, *, progress: Progress | None = None
) -> TuneNotes:
    """Notes of the old collections' tunes whose dance is known, kept in a folder."""
    place = Path(folder) if folder else SCORE_CACHE / "examples" / f"notes-{config.least}"
    if (place / "facts.json").exists():
        return TuneNotes(place, "train")
    tunes = [
        (tune, encode_notes(line))
        for tune, line in parse_lines(read_tunes(progress=progress))
        if tune.dance in STYLES
    ]
    counts = Counter(
        duration for tune, notes in tunes if tune.split == "train" for _, duration in notes
    )
    durations = sorted(duration for duration, n in counts.items() if n >= config.least)
    duration_classes = np.array(durations)
    place.mkdir(parents=True, exist_ok=True)
    by_split: dict[str, list[npt.NDArray[np.int16]]] = {"train": [], "validation": [], "test": []}
    for tune, notes in tunes:
        rows = np.array(
            [
                (
                    interval + N_INTERVALS // 2 + 1,
                    1 + int(np.abs(duration_classes - duration).argmin()),
                )
                for interval, duration in notes
            ]
        )
        genre = STYLES.index(tune.dance)
        for start in range(0, max(1, len(rows) - _N_NOTES // 2), _N_NOTES // 2):
            stretch = np.zeros((_N_NOTES, 3), np.int16)
            stretch[:, 2] = genre
            part = rows[start : start + _N_NOTES]
            stretch[: len(part), :2] = part
            by_split[tune.split].append(stretch)
    for split, stretches in by_split.items():
        np.save(place / f"{split}.npy", np.stack(stretches))
    facts = {
        "durations": durations,
        "banks": {"tunes": {split: len(stretches) for split, stretches in by_split.items()}},
    }
    (place / "facts.json").write_text(json.dumps(facts))
    return TuneNotes(place, "train")


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

    def __init__(self, config: Pati2018Training, durations: list[int] | None = None) -> None:
        super().__init__()
        self.config = config
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
