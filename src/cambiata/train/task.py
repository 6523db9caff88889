"""A network that is trained: everything that loop, run and export ask of it.

A network is one file in `cambiata.train.tasks`: a frozen dataclass of settings, a `Task`, and
``PRESETS``, which give a `TrainingConfig` by name. `cambiata.train.tasks.registry` finds them; no
other file names a task.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy.typing as npt
from torch import Tensor, nn

from cambiata.train.config import TrainingConfig
from cambiata.train.onnx import OnnxPart, largest_difference

Progress = Callable[[float], None] | None


class Recorded(Protocol):
    """Examples on disk."""

    @property
    def folder(self) -> Path:
        """Their folder."""

    @property
    def facts(self) -> dict[str, Any]:
        """Their settings, and under "banks" their sources."""


class TrainingExamples(Protocol):
    """Arrays of one shape, by number, and others to validate with."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> npt.NDArray[Any]: ...

    def validation(self) -> "TrainingExamples":
        """Those to validate with."""
        ...


class Task(nn.Module, ABC):
    """A network with its losses; everything in it that learns, learns.

    Called with a batch it returns the losses, of which the one named "loss" is minimised.
    """

    settings: ClassVar[type]
    """Its settings, a frozen dataclass; by their type the registry finds the task of a run."""
    system: ClassVar[str]
    """The system that plays the exported network."""
    card: ClassVar[str]
    """Its model card: docs/models/NAME.md."""

    keeps_float32: ClassVar[bool] = False
    """Whether it is exported without rounding large arrays to float16."""

    examples_folder: str | None = None
    """Folder of the examples of the run that is exported; None where they lie by default."""
    turns: int = 1
    """Steps of the optimiser for every batch; `turn` says which of them is being made."""
    turn: int = 0
    begun: bool = False
    """Whether its weights are another training's: the statistics among them are not measured."""
    optional_weights: tuple[str, ...] = ()
    """Beginnings of names of weights that may be lacking in a run that this one begins from."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def record(cls, config: TrainingConfig, folder: str | None, progress: Progress) -> Recorded:
        """The examples that the settings ask for, composed where they are missing."""
        raise NotImplementedError

    def dataset(self, recorded: Any, progress: Progress) -> TrainingExamples:
        """The recorded examples as the network takes them, precomputed where that pays.

        Called once, before training begins: statistics of the examples that belong to the network
        are measured here, unless it has `begun`.
        """
        examples: TrainingExamples = recorded
        return examples

    @abstractmethod
    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a batch of the dataset's arrays; `share` of the training is done, 0 to 1."""

    @abstractmethod
    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Figures of merit on fixed batches; nothing that is learnt may change."""

    def validated(self, figures: Mapping[str, float], share: float) -> None:
        """See the figures of a validation, for a task that keeps the best of its weights."""

    @property
    def n_parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())

    def onnx_parts(self) -> dict[str, OnnxPart]:
        """The networks that are exported, by the name of the part; the main one's is empty."""
        raise NotImplementedError

    def onnx_facts(
        self,
        config: TrainingConfig,
        figures: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Everything else that the system must know to use them; from the last validation too."""
        return {}

    def onnx_companions(
        self,
        main_sha256: str,
    ) -> dict[str, tuple[dict[str, Any], dict[str, OnnxPart]]]:
        """Further files, NAME-SUFFIX.onnx, by suffix: their facts, and their parts."""
        return {}

    def parity(self, parts: Mapping[str, OnnxPart], place: Path) -> dict[str, float]:
        """How far exported files are from torch: "max_difference", and what else is of interest."""
        return {"max_difference": largest_difference(parts, place)}

    def load_parts(self, arrays: Mapping[str, Mapping[str, Tensor]]) -> bool | None:
        """Whether the arrays of an export's parts were taken; None: they are, by their names."""
        return None

    def arrange_exported(self, parameter: Tensor, array: Tensor) -> Tensor:
        """An array of an export in the shape of its parameter; most are the same, or flattened."""
        return array.reshape(parameter.shape)

    def load_folded(self, arrays: Mapping[str, Tensor]) -> None:
        """Take parameters that the main file holds as what is computed of them."""

    def load_companion(self, suffix: str, arrays: Mapping[str, Tensor]) -> bool:
        """Whether the arrays of NAME-SUFFIX.onnx were taken, the inverse of `onnx_companions`."""
        return False

    @classmethod
    def load_published(cls, path: str | Path) -> "tuple[Task, dict[str, Any]] | None":
        """A checkpoint of the network's authors, and its facts; None where there is none."""
        return None
