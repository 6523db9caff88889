"""The contract of every system for melodies."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cambiata.errors import InputError
from cambiata.melody.bars import MelodyLine
from cambiata.system import SystemFacts


@dataclass(frozen=True)
class MelodyAmounts:
    """Shares of the changes of rhythm and of pitch that are made, 0 to 1."""

    rhythm: float = 1.0
    pitch: float = 1.0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is changed."""
        return self.rhythm == self.pitch == 0


class MelodySystem(SystemFacts, ABC):
    """A system that turns a melody towards a style."""

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, str]) -> "MelodySystem":
        """The system with some settings changed; refuses a setting or a value that there is not."""

    @abstractmethod
    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Styles by name, each with the kinds of bars (`Counting.kind`) that it is at home in."""

    @abstractmethod
    def restyle(
        self,
        line: MelodyLine,
        style: str | Sequence[MelodyLine],
        amounts: MelodyAmounts,
        seed: int,
        source: MelodyLine | None = None,
    ) -> MelodyLine:
        """A melody turned towards a style (one of `styles`, or melodies that show it).

        As many bars, in the same metre. `source` is the melody in its own metre, where `line` is it
        in another; `seed` is for systems that sample.
        """


def weights_setting(settings: Mapping[str, str]) -> dict[str, str]:
    """The one setting of baselines, `weights`; any other is refused."""
    for name in settings:
        if name != "weights":
            raise InputError(name, "is not a setting", "use weights")
    return dict(settings)
