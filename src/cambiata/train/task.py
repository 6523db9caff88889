"""What the training loop asks of a system that is trained."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Task(nn.Module, ABC):
    """A network with its losses; everything in it that learns, learns.

    Called with a batch it returns the losses, of which the one named "loss" is minimised.
    """

    turns: int = 1
    """Steps of the optimiser for every batch; `turn` says which of them is being made."""
    turn: int = 0
    optional_weights: tuple[str, ...] = ()
    """What names of weights begin with that a run whose weights it begins with may lack."""

    def __init__(self) -> None:
        super().__init__()

    def prepare(self, batch: Tensor) -> None:
        """See some examples before training begins.

        batch: [B, 3, T].
        """

    @property
    def kept(self) -> str:
        """Name of what is kept of the examples in their stead; none where that is nothing."""
        return ""

    def keep(self, batch: Tensor) -> Tensor:
        """What the network learns from, where it is computed once and kept on disk.

        batch: [B, 3, T]; returns [B, ...].
        """
        return batch

    @abstractmethod
    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a batch.

        batch: [B, 3, T].
        """

    @abstractmethod
    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Figures of merit on fixed examples.

        batches: [B, 3, T].
        """
