"""The domains that music is translated to: those that ship, and the user's own."""

from dataclasses import dataclass

from cambiata.errors import InputError


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
    # Where it is needed, so that `import cambiata` stays light.
    from cambiata.translation.domains import (
        added_domain_names,
        load_added_domain,
        shipped_domains,
    )
    from cambiata.translation.notes import Translation
    from cambiata.weights import load_model

    presets: dict[str, list[str]] = {}
    for preset, config in Translation.presets.items():
        for domain in shipped_domains(config):
            presets.setdefault(domain.name, []).append(preset)
    facts = [
        DomainFacts(
            entry.name,
            False,
            tuple(entry.about["sources"]),
            str(entry.about["licence"]),
            tuple(presets[entry.name]),
        )
        for entry in shipped_domains()
    ]
    encoder = load_model(Translation.presets["default"].weights, Translation.name).sha256
    for name in added_domain_names():
        try:
            about = load_added_domain(name, encoder).about
        except InputError as error:
            facts.append(DomainFacts(name, True, (), "", (), str(error)))
            continue
        sources, licence = tuple(about["sources"]), str(about["licence"])
        facts.append(DomainFacts(name, True, sources, licence, ("default",)))
    return facts
