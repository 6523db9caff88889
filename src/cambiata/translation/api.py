"""Translation: a content in, as a domain (an instrument or ensemble that was learnt) plays it out.

`translate` works on sounds in memory, `translate_file` from file to file, with the options and the
report of timbre transfer; `domains` lists what can be translated to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from cambiata.audio.sound import Audio
from cambiata.errors import SOUND, InputError, check_type
from cambiata.keywords import checked_keywords
from cambiata.registry import DEFAULT_TRANSLATOR, translate_system
from cambiata.system import DomainMix, Progress
from cambiata.timbre_transfer.api import ContentKeywords, Report, transfer, transfer_file


@checked_keywords
def translate(
    content: Audio,
    to: str | Mapping[str, float],
    *,
    progress: Progress | None = None,
    **options: Unpack[ContentKeywords],
) -> Audio:
    """Sound of a content's notes and timing, as a domain would play them.

    Parameters
    ----------
    content : Audio
        Sound whose notes are played.
    to : str or mapping of str to float
        Name of a domain (`cambiata.domains`), or shares of several, which are scaled to a sum of
        1.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        The fields of `Options` but those of a style: ``system``, ``amount``, ``preset``,
        ``settings``, ``octave``, ``start_s``, ``end_s``, ``in_place``, ``tail_s``,
        ``unpitched``, ``seed``.

    Returns
    -------
    Audio
        As `transfer` returns it.

    Raises
    ------
    InputError
        There is no such domain, the content is silent or too short, or an option does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(22050) / 22050
    >>> tone = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 7)) * np.exp(-t)
    >>> played = translate(Audio(tone, 22050), {"church-organ": 0.6, "sitar": 0.4})
    >>> played.samples.shape, played.sample_rate
    ((1, 22050), 22050)
    """
    check_type("content", content, Audio, SOUND)
    mix = DomainMix.of(to)
    return transfer(content, mix, progress=progress, **_options(options))


@checked_keywords
def translate_file(
    content: str | Path,
    to: str | Mapping[str, float],
    output: str | Path,
    *,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    listen: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Unpack[ContentKeywords],
) -> Report:
    """Like `translate`, from file to file: an hour needs little more memory than two minutes.

    Parameters
    ----------
    content : str or pathlib.Path
        Sound file whose notes are played; "-" is a wav on standard input.
    to : str or mapping of str to float
        Name of a domain, or shares of several.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output. It
        appears whole or not at all.
    sample_rate : int, optional
        Samples per second of the output; the content's where not given.
    n_channels : int, optional
        Channels of the output; the content's where not given.
    subtype : str, optional
        How samples are stored; as in the content where not given, 24 bit for lossy content.
    picture, listen : str or pathlib.Path, optional
        Picture and web page of content and result, as `transfer_file` writes them.
    force : bool
        Replace outputs that exist.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        As in `translate`.

    Returns
    -------
    Report
        Facts about the output and the work.

    Raises
    ------
    InputError
        The domain, the input, the output or an option cannot be used; nothing has been written
        then.

    Examples
    --------
    >>> translate_file("nowhere.wav", "church-organ", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    mix = DomainMix.of(to)
    return transfer_file(
        content,
        mix,
        output,
        sample_rate=sample_rate,
        n_channels=n_channels,
        subtype=subtype,
        picture=picture,
        listen=listen,
        force=force,
        progress=progress,
        **_options(options),
    )


def _options(options: ContentKeywords) -> ContentKeywords:
    """Options of a transfer from those of a translation."""
    system = options.get("system", DEFAULT_TRANSLATOR)
    translate_system(system)  # refused before anything is read
    return {**options, "system": system}


@dataclass(frozen=True)
class DomainFacts:
    """Facts about a domain.

    Parameters
    ----------
    name : str
        Name that ``--to`` takes.
    own : bool
        Whether the user added it.
    sources : tuple of str
        Recordings or sound fonts that it was trained on.
    licence : str
        Of its weights.
    presets : tuple of str
        Presets of ``translation`` that can play it.
    problem : str
        Reason why it cannot be played; empty where it can.

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
    """Facts about all domains that music can be translated to.

    Returns
    -------
    list of DomainFacts
        Of those that ship, then of those that the user added.

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
