"""Rows of the table: every transfer system, and what it must beat or cannot beat."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from cambiata.audio.sound import Audio
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import griffin_lim, random_phase
from cambiata.errors import InputError
from cambiata.evaluate.testset import Clips
from cambiata.registry import system_names, transfer_system
from cambiata.system import configure
from cambiata.timbre_transfer.api import Options, transfer

Kind = Literal["copy", "ceiling", "system"]

_PAPER_RATE_HZ = 16000
_N_ITERATIONS = 32  # of Griffin-Lim: librosa's default


@dataclass(frozen=True)
class Row:
    """A row: a name, and an output for every pair of inputs."""

    name: str  # "musaicing:cifka2021": a system and a preset, or a baseline's name
    label: str  # in tables
    about: str  # one line
    kind: Kind  # copies of an input are floors, outputs made of the target are ceilings
    output: Callable[[Clips], Audio]  # as long as the content
    single: bool = False  # uses all cores itself, so that pairs are done one by one
    # Of translations: what it can play, where pairs of other domains are to be left out.
    domains: tuple[str, ...] | None = None

    def applies_to(self, pair: str) -> bool:
        """Whether it makes an output of the pair of a name, which begins with its domain."""
        return self.domains is None or pair.partition(".")[0] in self.domains


def find_row(name: str) -> Row:
    """The row of a name."""
    for baseline in _BASELINES:
        if baseline.name == name:
            return baseline
    chosen, at, changes = name.partition("@")
    system_name, colon, preset = chosen.partition(":")
    if system_name not in system_names("transfer"):
        names = ", ".join([*(row.name for row in _BASELINES), *system_names("transfer")])
        raise InputError(name, "is not a row", f"use one of {names} (a preset after a colon)")
    system = transfer_system(system_name)
    preset = preset if colon else next(iter(system.presets))
    if preset not in system.presets:
        raise InputError(
            system_name, f"has no preset {preset}", "use one of " + ", ".join(system.presets)
        )
    settings = dict(change.split("=", 1) for change in changes.split(";") if "=" in change)
    if at and not settings:
        raise InputError(name, "has no setting after @", "write it as SYSTEM@KEY=VALUE")
    configure(system_name, system.presets, preset, settings)
    return Row(
        name,
        f"{system_name} ({', '.join([preset, *changes.split(';')]) if at else preset})",
        f"{system.summary}; {system.paper}",
        "system",
        _Transfer(Options(system=system_name, preset=preset, settings=settings)),
        # torch takes all cores; two such processes at once would wait for each other.
        single=system.extra is not None,
    )


@dataclass(frozen=True)
class _Transfer:
    """A transfer as a user would ask for it; a class, so that processes can be sent it."""

    options: Options

    def __call__(self, clips: Clips) -> Audio:
        return transfer(clips.content, clips.style, **vars(self.options))


def _content(clips: Clips) -> Audio:
    return clips.content


def _style(clips: Clips) -> Audio:
    return clips.style


def _target(clips: Clips) -> Audio:
    if clips.target is None:
        raise InputError("target", "this set has none", "leave the row out")
    return clips.target


def _griffin_lim_target(clips: Clips) -> Audio:
    target = _target(clips).resampled(_PAPER_RATE_HZ)
    stft = Stft(n_fft=2048, hop_length=512, window="hann")
    magnitude = abs(stft.analyse(target.samples[0]))
    phase = random_phase(magnitude, seed=0)
    sound = griffin_lim(magnitude, stft, target.n_samples, phase=phase, iterations=_N_ITERATIONS)
    return replace(target, samples=sound[None])


_BASELINES = (
    Row("target", "target", "the exact target itself: the metrics' ceiling", "ceiling", _target),
    Row(
        "griffin-lim-target",
        "Griffin-Lim of the target",
        "the target's magnitudes at 16 kHz with phases by 32 iterations: what phases alone cost",
        "ceiling",
        _griffin_lim_target,
    ),
    Row("copy-content", "copy content", "right notes, wrong timbre", "copy", _content),
    Row("copy-style", "copy style", "right timbre, wrong notes", "copy", _style),
)
