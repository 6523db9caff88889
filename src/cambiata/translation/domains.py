"""Domains that music is translated to: those that ship, and those that the user has added."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cambiata.errors import InputError
from cambiata.names import nearest_names
from cambiata.system import TransferConfig
from cambiata.weights import Model, load_model, weights_checked

DOMAIN_SYSTEM = "translation-domains"  # what files of decoders say that they are of
FOLDER_VARIABLE = "CAMBIATA_DOMAINS"
_OCTAVES = 4  # the keyboard has seven: further away hardly a note would be left on it
_COLDEST, _HOTTEST = 0.1, 2.0  # beyond, one level is drawn throughout, or all alike


@dataclass(frozen=True)
class TranslationConfig(TransferConfig):
    """Settings of `Translation`; the sample rate must be that of the weights."""

    # As for ``oneshot``: a minute bounds memory, half a second is longer than an attack.
    chunk_s: float = 60.0
    overlap_s: float = 0.5
    weights: str = "translation"  # shipped encoder by name, or the path of an ONNX file
    domains: str = "translation-domains"  # likewise, the decoders that belong to it
    octave: int = 0  # octaves up; not of ``mor2018-small``, which knows no notes
    compiled: bool = True  # whether Numba, where it is installed, samples ``mor2018-small``
    # Of its samples: below 1 likely ones are drawn more often, which is less noise.
    temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -_OCTAVES <= self.octave <= _OCTAVES:
            raise ValueError(f"octave must be -{_OCTAVES} to {_OCTAVES}")
        if not _COLDEST <= self.temperature <= _HOTTEST:
            raise ValueError(f"temperature must be {_COLDEST} to {_HOTTEST}")


@dataclass(frozen=True, eq=False)
class Domain:
    """A domain and its decoder."""

    name: str
    model: Model  # its decoder, maybe with those of other domains
    index: int  # which of the model's decoders it is
    about: Mapping[str, Any]  # sources, licence and what was measured, by the names in its file
    own: bool = False  # whether the user added it

    @property
    def inharmonicity(self) -> float:
        """Median of what was measured of its recordings."""
        return float(self.about["stiffness"])

    @property
    def vibrato_cents(self) -> float:
        """Mean distance of its notes' pitch from their median, the median of its recordings."""
        return float(self.about["wavering_cents"])


Domains = tuple[tuple[float, Domain], ...]
"""Domains with their shares, which add up to 1."""


def domains_folder() -> Path:
    """Folder of the domains that the user has added."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named).absolute()
    data: str | Path | None = os.environ.get("XDG_DATA_HOME")
    if not data:
        try:
            data = Path.home() / ".local" / "share"
        except RuntimeError as error:  # neither HOME nor an entry among the system's users
            problem, cure = "there is no home folder to keep them in", f"set {FOLDER_VARIABLE}"
            raise InputError("domains", problem, cure) from error
    return Path(data).absolute() / "cambiata" / "domains"


def shipped_domains(config: TranslationConfig | None = None) -> tuple[Domain, ...]:
    """Domains that ship with a preset, the default one where none is given."""
    model = load_model((config or TranslationConfig()).domains, DOMAIN_SYSTEM)
    return tuple(
        Domain(about["name"], model, index, about)
        for index, about in enumerate(model.about["domains"])
    )


def load_added_domain(name: str, encoder: str) -> Domain:
    """A domain that the user has added; refused where it is of another encoder."""
    place = domains_folder() / f"{name}.onnx"
    with weights_checked():
        model = load_model(str(place), DOMAIN_SYSTEM)
        if model.about.get("encoder") != encoder:
            raise InputError(
                str(place),
                "belongs to another version of the encoder",
                f"add it again: `cambiata domains add {name} FOLDER --force`",
            )
        about = model.about["domains"][0]
        domain = Domain(name, model, 0, about, own=True)
        # What it is listed and played by; types other than these are not what was exported.
        float(domain.inharmonicity), float(domain.vibrato_cents)
        if not all(isinstance(source, str) for source in about["sources"]):
            raise TypeError
    return domain


def added_domain_names() -> list[str]:
    """Names of the domains that the user has added, sorted."""
    try:
        paths = domains_folder().glob("*.onnx")
    except InputError:  # no place where any could have been added
        return []
    return sorted(p.stem for p in paths if not p.stem.endswith(".refine"))


def load_domain(name: str, config: TranslationConfig | None = None) -> Domain:
    """The domain of a name: among those added first, then among those that ship."""
    config = config or TranslationConfig()
    encoder = load_model(config.weights, "translation")
    added = [] if encoder.about["kind"] == "samples" else added_domain_names()
    if name in added:
        return load_added_domain(name, encoder.sha256)
    shipped = {domain.name: domain for domain in shipped_domains(config)}
    if name not in shipped:
        raise _unknown_domain(name, [*shipped, *added], config)
    return shipped[name]


def _unknown_domain(name: str, available: Sequence[str], config: TranslationConfig) -> InputError:
    # Three names at most, alike by half: enough for a typing error or a part of a name.
    near = nearest_names(name.lower(), available, most=3, cutoff=0.5)
    cure = f"{near} use one of {', '.join(available)}"
    is_default = config.domains == TranslationConfig.domains
    problem = "is not a domain" if is_default else f"is not a domain of {config.weights}"
    return InputError(name, problem, cure.strip())
