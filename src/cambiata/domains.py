"""The domains that music is translated to: those that ship, and the user's own."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cambiata.errors import InputError, MissingExtraError
from cambiata.systems.base import Progress
from cambiata.systems.translation import (
    Translation,
    domains_folder,
    own_domain,
    own_names,
    shipped_domains,
)
from cambiata.weights import load_model


@dataclass(frozen=True)
class DomainFacts:
    """What is known of a domain.

    Parameters
    ----------
    name : str
        What ``--to`` calls it.
    own : bool
        Whether the user added it.
    sources : tuple of str
        What it was learnt from.
    licence : str
        Of its weights.
    presets : tuple of str
        Presets of ``translation`` that can play it.
    problem : str
        Why it cannot be played; empty where it can.

    Examples
    --------
    >>> domains()[0].own
    False
    """

    name: str
    own: bool
    sources: tuple[str, ...]
    licence: str
    presets: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True)
class AddedDomain:
    """What `add_domain` did.

    Parameters
    ----------
    name : str
        Of the domain.
    path : str
        Its file.
    n_files : int
        Recordings it was learnt from.
    duration_s : float
        Seconds of them.
    skipped : tuple of str
        Files that were not used, and why.
    begun_from : str
        The domain that ships that it began as.
    lsd_db : float
        How far what it plays of recordings that it has not learnt from is from them.
    lsd_before_db : float
        The same, before it learnt.
    elapsed_s : float
        Seconds that it took.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(AddedDomain)[0].name
    'name'
    """

    name: str
    path: str
    n_files: int
    duration_s: float
    skipped: tuple[str, ...]
    begun_from: str
    lsd_db: float
    lsd_before_db: float
    elapsed_s: float


def domains() -> list[DomainFacts]:
    """All domains that can be translated to.

    Returns
    -------
    list of DomainFacts
        Those that ship, then the user's own.

    Examples
    --------
    >>> "string-quartet" in [domain.name for domain in domains()]
    True
    """
    presets: dict[str, list[str]] = {}
    for preset, config in Translation.presets.items():
        for domain in shipped_domains(config):
            presets.setdefault(domain.name, []).append(preset)
    found = [
        DomainFacts(
            each.name,
            False,
            tuple(each.about["sources"]),
            str(each.about["licence"]),
            tuple(presets[each.name]),
        )
        for each in shipped_domains()
    ]
    encoder = load_model(Translation.presets["default"].weights, Translation.name).sha256
    for name in own_names():
        try:
            about = own_domain(name, encoder).about
        except InputError as error:
            found.append(DomainFacts(name, True, (), "", (), str(error)))
            continue
        sources, licence = tuple(about["sources"]), str(about["licence"])
        found.append(DomainFacts(name, True, sources, licence, ("default",)))
    return found


def add_domain(
    name: str,
    folder: str | Path,
    *,
    minutes: float = 5.0,
    licence: str = "the user's own",
    seed: int = 0,
    force: bool = False,
    progress: Progress | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
) -> AddedDomain:
    """Learn a domain from recordings of it: the encoder stays as it is, a decoder is trained.

    Mor et al. 2018: with the encoder frozen, a new domain needs a new decoder and nothing else.

    Parameters
    ----------
    name : str
        What to call it: letters, digits, - and _.
    folder : str or pathlib.Path
        Recordings, in any folder below it, of one instrument or ensemble: wav, flac, ogg, mp3 or
        aiff, half a minute in all at least, and better ten.
    minutes : float
        Time to train.
    licence : str
        Of the decoder, for its card.
    seed : int
        Of everything random.
    force : bool
        Replace a domain of that name.
    progress : callable, optional
        Called with the share of the recordings that were heard.
    report : callable, optional
        Called with every line of metrics of the training.

    Returns
    -------
    AddedDomain
        What was done.

    Raises
    ------
    MissingExtraError
        The packages for training are not installed.
    InputError
        The name is taken or none, or the recordings are too few, silent or broken.

    Examples
    --------
    >>> add_domain("sitar", "/nowhere")
    Traceback (most recent call last):
    cambiata.errors.InputError: sitar: ships with cambiata; choose another name
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise InputError(name, "is no name of a domain", "use letters, digits, - and _")
    if name in [domain.name for domain in shipped_domains()]:
        raise InputError(name, "ships with cambiata", "choose another name")
    if (domains_folder() / f"{name}.onnx").exists() and not force:
        raise InputError(name, "is there already", "choose another name, or --force")
    if not 0 < minutes <= 24 * 60:
        raise InputError(f"{minutes:g} minutes", "is out of range", "train for up to a day")
    try:
        from cambiata.train.own import add
    except ModuleNotFoundError as error:
        raise MissingExtraError("domains add", "train") from error
    return add(name, Path(folder), minutes, licence, seed, progress, report)
