"""The contract of systems: what each job's systems provide, and how they are configured.

A system is a frozen configuration and a class of its job: `TransferSystem`, `TranslateSystem` or
`PlaySystem`. It works on one channel at its own rate; `cambiata.render` sees to everything else.
CONTRIBUTING.md adds a system in five steps.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from cambiata.aliases import current_name
from cambiata.arrays import Samples
from cambiata.audio.downmix import mono
from cambiata.audio.loudness import SILENCE
from cambiata.audio.sounding import best_start_s, sounds_enough, step_levels
from cambiata.audio.source import MAX_RATE_HZ, Source, crop_blocks, region, resample
from cambiata.errors import InputError, MissingExtraError, warn
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.score.keys import Key
from cambiata.score.midi import Part
from cambiata.weights import weights_checked

# Lower than any sound's own rate: WaveNets that are trained in an hour know no higher ones.
_MIN_WORKING_RATE_HZ = 2_000

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


@dataclasses.dataclass(frozen=True)
class TransferConfig:
    """Settings that every system has.

    Parameters
    ----------
    sample_rate : int
        Rate at which the system works, in Hz; its inputs are resampled to it and its output is
        resampled back.
    chunk_s : float
        Longest stretch rendered at once, in seconds; longer inputs are split.
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
    # Longer chunks cost memory, shorter ones more crossfades and more work done twice.
    chunk_s: float = 20.0
    # Twice the longest analysis window (125 ms, `vqvae`).
    overlap_s: float = 0.25
    # Bounds the time and memory that a long style costs.
    style_s: float = 60.0

    def __post_init__(self) -> None:
        if not _MIN_WORKING_RATE_HZ <= self.sample_rate <= MAX_RATE_HZ:
            raise ValueError(f"sample_rate must be {_MIN_WORKING_RATE_HZ} to {MAX_RATE_HZ}")
        if not 1 <= self.chunk_s <= 3600 or not 1 <= self.style_s <= 3600:
            raise ValueError("chunk_s and style_s must be 1 to 3600 s")
        if not 0 <= 3 * self.overlap_s <= self.chunk_s:
            raise ValueError("overlap_s must be at least 0 and at most a third of chunk_s")


Arrays = Mapping[str, npt.NDArray[Any]]
ConfigT = TypeVar("ConfigT", bound="TransferConfig")
TimbreT = TypeVar("TimbreT")
SystemT = TypeVar("SystemT", bound="System[Any]")


class SystemFacts:
    """Facts about a system of any job, as `cambiata.registry` lists them.

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
    presets : dict of str to object
        Named configurations, the first the default; empty where it has none.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    trained: ClassVar[bool] = False
    weights_licence: ClassVar[str] = "none needed"
    extra: ClassVar[str | None] = None
    presets: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    @classmethod
    def needs(cls) -> str:
        """What has to be installed for it.

        Returns
        -------
        str
            The extra, or "base install".
        """
        return f"cambiata[{cls.extra}]" if cls.extra else "base install"


class System(SystemFacts, ABC, Generic[ConfigT]):
    """A system that is set by a configuration.

    The abstract class of its job says what it does: `TransferSystem`, `PlaySystem`,
    `TranslateSystem`.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.
    """

    def __init__(self, config: ConfigT) -> None:
        self.config = config


class StyleSystem(System[ConfigT], Generic[ConfigT, TimbreT]):
    """A system that captures the timbre of a style and renders with it.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.
    """

    timbre_system: ClassVar[str] = ""
    """Name of the system whose timbre files it plays; its own where empty."""

    @property
    @abstractmethod
    def min_samples(self) -> int:
        """Shortest content and style, in samples at the system's rate, that it can work with."""

    @abstractmethod
    def capture(self, style: Samples) -> TimbreT:
        """Timbre of a style.

        Parameters
        ----------
        style : numpy.ndarray
            One channel [T] at the system's rate.

        Returns
        -------
        TimbreT
            Whatever `render` needs; a plain value, computed once and used for every chunk.
        """

    def is_pitched(self, timbre: TimbreT) -> bool:  # noqa: ARG002
        """Whether a timbre has notes to play with, where the system distinguishes that.

        Parameters
        ----------
        timbre : TimbreT
            As `capture` returns it.

        Returns
        -------
        bool
            False for drums or noise whose hits are played instead.
        """
        return True

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights that a timbre in a file belongs to; empty where there are none."""
        return ""

    def timbre_arrays(self, timbre: TimbreT) -> Sequence[tuple[float, Arrays]]:  # noqa: ARG002
        """A timbre as weighted sets of arrays, to be stored in a file.

        Parameters
        ----------
        timbre : TimbreT
            As `capture` returns it.

        Returns
        -------
        sequence of tuple
            Weights, which add up to 1, and arrays by name.

        Raises
        ------
        InputError
            The system stores no timbres.
        """
        raise InputError(self.name, "keeps no timbres", 'use `system="oneshot"`')

    def timbre_from_arrays(self, weighted_arrays: Sequence[tuple[float, Arrays]]) -> TimbreT:  # noqa: ARG002
        """Timbre of what `timbre_arrays` returned, or of several of them mixed.

        Parameters
        ----------
        weighted_arrays : sequence of tuple
            Weights, which add up to 1, and arrays by name.

        Returns
        -------
        TimbreT
            As `capture` returns it.

        Raises
        ------
        InputError
            The system stores no timbres.
        """
        raise InputError(self.name, "keeps no timbres", 'use `system="oneshot"`')


class PlaySystem(StyleSystem[ConfigT, TimbreT], Generic[ConfigT, TimbreT]):
    """A system that plays a score with the sound of a recording.

    It renders any span of the score, and what two spans share alike, so that an hour is played
    span by span; `cambiata.render` sees to channels, rates, loudness and length.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.
    """

    follows_controls: ClassVar[bool] = False
    """Whether it plays a part's pitch bends, volumes and expression (`Part.controls`)."""

    @abstractmethod
    def prepare(self, part: Part) -> Any:
        """Score as `render` needs it, computed once before any of it is played.

        Parameters
        ----------
        part : Part
            Notes on the keyboard that end with their keys, and the pedal.

        Returns
        -------
        object
            Anything.
        """

    @abstractmethod
    def render(
        self, prepared: Any, timbre: TimbreT, start: int, n_samples: int, *, seed: int
    ) -> Samples:
        """Sound of a span of the score.

        Parameters
        ----------
        prepared : object
            As `prepare` returns it.
        timbre : TimbreT
            As `capture` returns it.
        start : int
            First sample of the span, at the system's rate.
        n_samples : int
            Its length.
        seed : int
            Seed of everything random.

        Returns
        -------
        numpy.ndarray
            One channel [n_samples].
        """


class TransferSystem(StyleSystem[ConfigT, TimbreT], Generic[ConfigT, TimbreT]):
    """A system that plays a content with the sound of a style.

    A system takes and returns one channel at its own rate and knows nothing of files, channels,
    rates, loudness, silence, length, chunks or regions: `cambiata.render` sees to those for every
    system alike.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.
    """

    plays_at_once: ClassVar[bool] = False
    """Whether several threads may call `capture`, `listen` and `render` at once."""

    hears_pitches: ClassVar[bool] = False
    """Whether `render` takes `tuning_cents`, too: how far the content's A lies above 440 Hz."""

    @abstractmethod
    def render(
        self, content: Samples, timbre: TimbreT, *, amount: float, seed: int, progress: Progress
    ) -> Samples:
        """Sound of a content played with a captured timbre.

        Parameters
        ----------
        content : numpy.ndarray
            One channel [T] at the system's rate, at least `min_samples` long. It must not be
            changed.
        timbre : TimbreT
            As `capture` returns it.
        amount : float
            Above 0 and up to 1: how far towards the style. The docstring of each system says how
            it goes part of the way; near 0 the result must approach the content.
        seed : int
            Seed of everything random: same input and seed, same output.
        progress : callable
            To be called with the share of this content's work that is done.

        Returns
        -------
        numpy.ndarray
            One channel [T], as long as the content, at a level that follows it.
        """

    def listen(self, content: Samples, tuning_cents: float = 0.0) -> PitchEvidence | None:  # noqa: ARG002
        """Notes that it hears in a content, where it plays by notes.

        `cambiata.render` calls it before `render` with the same array, so that what was computed
        here need not be computed again there.

        Parameters
        ----------
        content : numpy.ndarray
            As `render` takes it.
        tuning_cents : float
            How far its A lies above 440 Hz.

        Returns
        -------
        PitchEvidence or None
            None for a system that plays whatever sounds.
        """
        return None

    listens_ahead: ClassVar[bool] = False
    """Whether it can settle something by the whole content before it plays any of it."""

    semitones: ClassVar[int] = 0
    """By how many semitones it moves the content's notes."""

    key: Key | None = None
    """Key that the content was found in, where it is moved to another."""

    def settled(self, timbre: TimbreT, evidence: PitchEvidence) -> "TransferSystem[Any, Any]":  # noqa: ARG002
        """The system with what depends on the whole content decided: octave, key.

        Parameters
        ----------
        timbre : TimbreT
            As `capture` returns it.
        evidence : PitchEvidence
            Notes of the whole content.

        Returns
        -------
        TransferSystem
            One that moves all notes by the same interval.
        """
        return self

    def octaves_above(self, timbre: TimbreT, evidence: PitchEvidence) -> int:  # noqa: ARG002
        """How many octaves the content's notes, as they are played, lie above the style's.

        Parameters
        ----------
        timbre : TimbreT
            As `capture` returns it.
        evidence : PitchEvidence
            Notes of the content.

        Returns
        -------
        int
            0 where they lie in one range, or where the system does not play by notes.
        """
        return 0


@dataclasses.dataclass(frozen=True)
class DomainMix:
    """Domains to translate to, each with its share.

    Parameters
    ----------
    shares : tuple of tuple
        Names and shares, which add up to 1.

    Examples
    --------
    >>> DomainMix.of({"a": 3, "b": 1}).shares
    (('a', 0.75), ('b', 0.25))
    """

    shares: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, domains: "str | Mapping[str, float] | DomainMix") -> "DomainMix":
        """Mix of one domain, or of several by any shares.

        Parameters
        ----------
        domains : str, mapping or DomainMix
            A name, or shares by name; they are scaled to a sum of 1.

        Returns
        -------
        DomainMix
            Those with a share above 0.

        Raises
        ------
        InputError
            A share is negative, or there is none.

        Examples
        --------
        >>> DomainMix.of("a").shares
        (('a', 1.0),)
        """
        if isinstance(domains, DomainMix):
            return domains
        shares = {domains: 1.0} if isinstance(domains, str) else dict(domains)
        for name, share in shares.items():
            if not 0 <= share < float("inf"):
                raise InputError(
                    f"{name}={share:g}",
                    "is not a share",
                    'use 0 or more, as in `to={"NAME": 0.6}`',
                )
        total = float(sum(shares.values()))
        if not total:
            raise InputError("to", "names no domain", "name one; see `cambiata.domains()`")
        return cls(tuple((name, share / total) for name, share in shares.items() if share))


class TranslateSystem(TransferSystem[ConfigT, TimbreT], Generic[ConfigT, TimbreT]):
    """A system that plays a content as the domains that it was trained on would.

    Its timbres come from names (`blend`), not from recordings.

    Parameters
    ----------
    config : TransferConfig
        The system's own configuration.
    """

    @abstractmethod
    def domain_names(self) -> list[str]:
        """Names of all domains that it plays."""

    @abstractmethod
    def blend(self, mix: DomainMix) -> TimbreT:
        """Timbre of a mix of domains.

        Parameters
        ----------
        mix : DomainMix
            Names and shares.

        Returns
        -------
        TimbreT
            As `render` takes it.

        Raises
        ------
        InputError
            There is no such domain.
        """

    def capture(self, style: Samples) -> TimbreT:  # noqa: ARG002
        """Refuse a recording.

        Parameters
        ----------
        style : numpy.ndarray
            Not used.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(
            self.name, "plays domains, not recordings", 'use `cambiata.translate` with `to="NAME"`'
        )


def refuse_short(name: str, duration_s: float, system: StyleSystem[Any, Any]) -> None:
    """Refuse a sound of less than one window of a system.

    Parameters
    ----------
    name : str
        Of the sound.
    duration_s : float
        What is used of it, in seconds.
    system : StyleSystem
        The system that is to use it.

    Raises
    ------
    InputError
        It is too short.

    Examples
    --------
    >>> from cambiata.timbre_transfer.musaicing import Musaicing
    >>> refuse_short("click.wav", 0.001, Musaicing(Musaicing.presets["cifka2021"]))
    Traceback (most recent call last):
    cambiata.errors.InputError: click.wav: what is used of it lasts 0.001 s, less than ...
    """
    least_s = system.min_samples / system.config.sample_rate
    if duration_s < least_s:
        raise InputError(
            name,
            f"what is used of it lasts {duration_s:.2g} s, less than one window of {system.name}",
            f"give at least {least_s:.2g} s",
        )


def warn_of_no_pitch(name: str, system: StyleSystem[Any, TimbreT], timbre: TimbreT) -> None:
    """Say that a style has no notes, where the system plays its hits instead.

    Parameters
    ----------
    name : str
        Its file.
    system : StyleSystem
        The system that captured it.
    timbre : TimbreT
        What was captured.

    Examples
    --------
    >>> from cambiata.registry import system_named
    >>> warn_of_no_pitch("noise.wav", make_system(system_named("musaicing")), ())
    """
    if not system.is_pitched(timbre):
        warn(
            f"{name}: has no pitch that could be heard (drums? noise?): notes will sound as its "
            "hits do"
        )


def read_style(
    style: Source,
    system: StyleSystem[Any, Any],
    start_s: float | None,
    end_s: float | None,
) -> tuple[Samples, float]:
    """Samples of a style that a system uses: one channel at its rate, no longer than `style_s`.

    Parameters
    ----------
    style : Source
        A recording.
    system : StyleSystem
        The system that uses it.
    start_s, end_s : float or None
        A region of it.

    Returns
    -------
    tuple
        One channel [T] at the system's rate, and the seconds of the region.

    Raises
    ------
    InputError
        The region is silent or too short.

    Examples
    --------
    >>> from cambiata.audio.sound import Audio
    >>> from cambiata.timbre_transfer.musaicing import Musaicing
    >>> system = Musaicing(Musaicing.presets["cifka2021"])
    >>> read_style(Audio(np.ones(44100), 44100), system, None, 0.5)[1]
    0.5
    """
    config, rate = system.config, style.sample_rate
    start, stop = region(style, start_s, end_s)
    region_s = (stop - start) / rate
    refuse_short(style.name, region_s, system)
    n_used = round(config.style_s * rate)
    samples = _samples(style, start, min(stop, start + n_used))
    if stop - start > n_used and not sounds_enough(samples, rate):
        levels = step_levels(crop_blocks(style.blocks(), start, stop), rate)
        later_s = best_start_s(levels, config.style_s)
        if later_s > 0:
            start += round(later_s * rate)
            samples = _samples(style, start, min(stop, start + n_used))
            warn(f"{style.name}: hardly sounds at first; used from {start / rate:.1f} s on")
    used = mono(samples, rate)[0]
    if float(np.abs(used).max()) < SILENCE:
        raise InputError(style.name, "is silent", "choose a recording or a region with sound")
    return resample(used, rate, config.sample_rate), region_s


def _samples(source: Source, start: int, stop: int) -> Samples:
    """Samples [C, T] of a region."""
    return np.concatenate(list(crop_blocks(source.blocks(), start, stop)), axis=1)


def make_system(
    system_class: type[SystemT],
    preset: str | None = None,
    settings: Mapping[str, object] | None = None,
) -> SystemT:
    """A system, configured by a preset and changes to it.

    Parameters
    ----------
    system_class : type of System
        Its class, as `cambiata.registry` finds it.
    preset : str, optional
        Named configuration; its first where not given.
    settings : mapping of str to object, optional
        Changes to that configuration, by name.

    Returns
    -------
    System
        Ready to capture and render.

    Raises
    ------
    InputError
        An unknown preset or setting, or a value that does not fit it.
    MissingExtraError
        It needs an extra that is not installed.

    Examples
    --------
    >>> from cambiata.timbre_transfer.musaicing import Musaicing
    >>> make_system(Musaicing, "driedger2015", {"iterations": "7"}).config.iterations
    7
    """
    name = system_class.name
    config = configure(name, system_class.presets, preset, settings or {})
    try:
        with weights_checked():
            return system_class(config)
    except ModuleNotFoundError as error:
        if system_class.extra is None:
            raise
        raise MissingExtraError(name, system_class.extra) from error


def configure(
    system: str,
    presets: Mapping[str, ConfigT],
    preset: str | None,
    overrides: Mapping[str, object],
) -> ConfigT:
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
    chosen = next(iter(presets)) if preset is None else current_name("preset", preset)
    if chosen not in presets:
        raise InputError(system, f"has no preset {chosen}", "use one of " + ", ".join(presets))
    config = presets[chosen]
    types = {field.name: type(getattr(config, field.name)) for field in dataclasses.fields(config)}
    values: dict[str, Any] = {}
    for key, value in overrides.items():
        if key not in types:
            raise InputError(system, f"has no setting {key}", "use one of " + ", ".join(types))
        try:
            values[key] = _parse_setting(types[key], value)
        except (TypeError, ValueError):
            raise InputError(
                system, f"{key}={value} is not of type {types[key].__name__}", "correct the value"
            ) from None
    try:
        return dataclasses.replace(config, **values)
    except ValueError as error:
        raise InputError(system, str(error), "correct the value") from None


def _parse_setting(expected: type, value: object) -> object:
    """A setting as its own type; text is parsed, and anything else must fit (an int as a float)."""
    if expected is bool and isinstance(value, str):
        if value.lower() not in ("true", "false"):
            raise ValueError
        return value.lower() == "true"
    if isinstance(value, str) or expected is float:
        return expected(value)
    if not isinstance(value, expected):
        raise ValueError
    return value
