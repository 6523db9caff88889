"""What the processes of one training, its ranks, agree on; one process agrees with itself."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed

T = TypeVar("T")


class Ranks:
    """The processes of a training, each of which calls everything here at the same moment."""

    def __init__(self, fabric: Fabric) -> None:
        self.fabric, self.n, self.rank = fabric, fabric.world_size, fabric.global_rank

    def first_number(self, value: float) -> float:
        """The first process's value; by its clock all end, validate and save at the same step."""
        if self.n == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=self.fabric.device)
        distributed.broadcast(shared, 0)
        return float(shared)

    def first(self, value: T) -> T:
        """The first process's value, of any kind that can be pickled."""
        return value if self.n == 1 else self.fabric.broadcast(value)

    def means(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Means over the processes, each of which sees its own part of every batch.

        A figure that only some of them have, of a kind of example say, is the mean over those.
        """
        if self.n == 1:
            return dict(figures)
        found: list[Mapping[str, float]] = self._gathered(figures)
        names = dict.fromkeys(name for each in found for name in each)
        values = {name: [each[name] for each in found if name in each] for name in names}
        return {name: sum(own) / len(own) for name, own in values.items()}

    def random_states(self) -> list[dict[str, Tensor | None]]:
        """States of every process's generators of random numbers, of its device's too."""
        return self._gathered({"random": torch.get_rng_state(), "device random": self._on_device()})

    def _on_device(self) -> Tensor | None:
        """State of the generator that tasks draw from on a GPU."""
        device = self.fabric.device
        return torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def go_on(self, states: list[Mapping[str, Tensor | None]], seed: tuple[int, int]) -> None:
        """Draw on from states that were kept; beyond those of fewer processes, from a seed's own.

        Two processes that went on from one state would draw the same dropout for each half of a
        batch. `seed` is the run's and the step.
        """
        if self.rank >= len(states):
            own = np.random.SeedSequence([*seed, self.rank]).generate_state(1)[0]
            torch.manual_seed(int(own))
            return
        state, device = states[self.rank], self.fabric.device
        if (cpu := state["random"]) is not None:
            torch.set_rng_state(cpu)
        if (own_device := state.get("device random")) is not None and device.type == "cuda":
            torch.cuda.set_rng_state(own_device, device)

    def _gathered(self, value: Any) -> list[Any]:
        """Every process's value, in their order."""
        if self.n == 1:
            return [value]
        found: list[Any] = [None] * self.n
        distributed.all_gather_object(found, value)
        return found
