"""What a system of the field must provide; CONTRIBUTING.md adds one in five steps."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from cambiata.arrays import Samples
from cambiata.audio import MAX_RATE_HZ, MIN_RATE_HZ
from cambiata.errors import InputError

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """What every transfer system's configuration holds.

    Parameters
    ----------
    sample_rate : int
        Rate at which the system works, in Hz; content and style are brought to it and the
        result is brought back.
    chunk_s : float
        Longest content handled at once, in seconds; longer ones are split.
    overlap_s : float
        Overlap of neighbouring chunks, in seconds, over which they are crossfaded.
    style_s : float
        Most of a style recording that is used, in seconds, from its beginning.

    Examples
    --------
    >>> TransferConfig().chunk_s
    20.0
    """

    sample_rate: int = 44100
    chunk_s: float = 20.0
    overlap_s: float = 0.25
    style_s: float = 60.0

    def __post_init__(self) -> None:
        if not MIN_RATE_HZ <= self.sample_rate <= MAX_RATE_HZ:
            raise ValueError(f"sample_rate must be {MIN_RATE_HZ} to {MAX_RATE_HZ}")
        if not 1 <= self.chunk_s <= 3600 or not 1 <= self.style_s <= 3600:
            raise ValueError("chunk_s and style_s must be 1 to 3600 s")
        if not 0 <= 3 * self.overlap_s <= self.chunk_s:
            raise ValueError("overlap_s must be at least 0 and at most a third of chunk_s")


Config = TypeVar("Config", bound="TransferConfig")
Timbre = TypeVar("Timbre")


class System(ABC, Generic[Config]):
    """A system of the field: what it is, and how it is set.

    What it does is said by the abstract class of its job, of which `TransferSystem` is the first:
    a job to come (a score played by a sound, a melody turned towards a style) puts its own beside
    it here, with a promise of its own to be kept by a module like `cambiata.conversion`.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.

    Attributes
    ----------
    name : str
        What the command line calls it.
    summary : str
        One line on what it does.
    paper : str
        Where it comes from.
    trained : bool
        Whether it carries trained weights.
    weights_licence : str
        Licence of those weights; "none needed" without any.
    extra : str or None
        Extra of the package that brings what it needs; None for the base install.
    presets : dict of str to TransferConfig
        Named configurations; the first is the default.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    trained: ClassVar[bool] = False
    weights_licence: ClassVar[str] = "none needed"
    extra: ClassVar[str | None] = None
    presets: ClassVar[Mapping[str, Any]]

    def __init__(self, config: Config) -> None:
        self.config = config


class TransferSystem(System[Config], Generic[Config, Timbre]):
    """A system that plays a content with the sound of a style.

    A system hears and returns one channel at its own rate and knows nothing of files, channels,
    rates, loudness, silence, length, chunks or regions: `cambiata.conversion` keeps all those
    promises for every system alike.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.
    """

    @property
    @abstractmethod
    def min_samples(self) -> int:
        """Shortest content and style, in samples at the system's rate, that it can work with."""

    @abstractmethod
    def capture(self, style: Samples) -> Timbre:
        """What the system keeps of a style.

        Parameters
        ----------
        style : numpy.ndarray
            One channel [T] at the system's rate.

        Returns
        -------
        Timbre
            Whatever `render` needs; a plain value, computed once and used for every chunk.
        """

    @abstractmethod
    def render(
        self, content: Samples, timbre: Timbre, *, amount: float, seed: int, progress: Progress
    ) -> Samples:
        """Play a content with a captured timbre.

        Parameters
        ----------
        content : numpy.ndarray
            One channel [T] at the system's rate, at least `min_samples` long. It must not be
            changed.
        timbre : Timbre
            What `capture` returned.
        amount : float
            Above 0 and up to 1: how much of the way towards the style. Each system says in its
            docstring how it goes part of the way; near 0 the result must approach the content.
        seed : int
            Seed of everything random: same input and seed, same output.
        progress : callable
            To be called with the share of this content's work that is done.

        Returns
        -------
        numpy.ndarray
            One channel [T], as long as the content, at a level that follows it.
        """


def configure(
    system: str,
    presets: Mapping[str, Config],
    preset: str | None,
    overrides: Mapping[str, object],
) -> Config:
    """Configuration of a system: a preset with some settings changed.

    Parameters
    ----------
    system : str
        The system's name, for messages.
    presets : mapping of str to TransferConfig
        Its presets; the first is the default.
    preset : str or None
        The one to start from.
    overrides : mapping of str to object
        Settings by name; text is read as the setting's own type.

    Returns
    -------
    TransferConfig
        The configuration.

    Raises
    ------
    InputError
        An unknown preset or setting, or a value that does not fit it.

    Examples
    --------
    >>> configure("any", {"default": TransferConfig()}, None, {"chunk_s": "8"}).chunk_s
    8.0
    """
    chosen = next(iter(presets)) if preset is None else preset
    if chosen not in presets:
        raise InputError(system, f"has no preset {chosen}", "use one of " + ", ".join(presets))
    config = presets[chosen]
    known = {field.name: type(getattr(config, field.name)) for field in dataclasses.fields(config)}
    values: dict[str, Any] = {}
    for key, given in overrides.items():
        if key not in known:
            raise InputError(system, f"has no setting {key}", "use one of " + ", ".join(known))
        try:
            values[key] = _as(known[key], given)
        except (TypeError, ValueError):
            raise InputError(
                system, f"{key}={given} is not of type {known[key].__name__}", "correct the value"
            ) from None
    try:
        return dataclasses.replace(config, **values)
    except ValueError as error:
        raise InputError(system, str(error), "correct the value") from None


def _as(kind: type, given: object) -> object:
    if kind is bool and isinstance(given, str):
        if given.lower() not in ("true", "false"):
            raise ValueError
        return given.lower() == "true"
    if isinstance(given, str) or kind is float:
        return kind(given)
    if not isinstance(given, kind):
        raise ValueError
    return given
