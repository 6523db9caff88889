"""What the training loop asks of a system that is trained."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Task(nn.Module, ABC):
    """A network with its losses; everything in it that learns, learns.

    Called with a batch it returns the losses, of which the one named "loss" is minimised.

    Examples
    --------
    >>> issubclass(Task, nn.Module)
    True
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

        Parameters
        ----------
        batch : torch.Tensor
            Examples [B, 3, T] to learn from.
        """

    @property
    def kept(self) -> str:
        """Name of what is kept of the examples in their stead; none where that is nothing."""
        return ""

    def keep(self, batch: Tensor) -> Tensor:
        """What the network learns from, where it is computed once and kept on disk.

        Parameters
        ----------
        batch : torch.Tensor
            Examples [B, 3, T].

        Returns
        -------
        torch.Tensor
            [B, ...], kept as float16.
        """
        return batch

    @abstractmethod
    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a batch.

        Parameters
        ----------
        batch : torch.Tensor
            Examples [B, 3, T]: content, style and target; or what `keep` made of them.
        share : float
            Share of the training that is done, 0 to 1, for what changes on the way.

        Returns
        -------
        dict of str to torch.Tensor
            Scalars; "loss" is minimised, the others are recorded.
        """

    @abstractmethod
    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:
        """Figures of merit on fixed examples.

        Parameters
        ----------
        batches : list of torch.Tensor
            Examples [B, 3, T].
        share : float
            As above.

        Returns
        -------
        dict of str to float
            Names and values; must leave no trace in what is learnt.
        """
