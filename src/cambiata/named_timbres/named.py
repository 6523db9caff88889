"""Named timbres: short recordings of solo instruments that ship, opened by their names.

They are recordings rather than captured timbres, so that one serves every system, whatever weights
it has: it is captured when it is used, as any style is (0.3 s).
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path

from cambiata.audio.codecs.opening import score_refused
from cambiata.audio.sound import Audio, AudioFile, load
from cambiata.errors import CambiataError, InputError
from cambiata.names import did_you_mean, plain_name

_FOLDER = "cambiata.named_timbres"


@dataclass(frozen=True)
class NamedTimbre:
    """Facts about a timbre that ships.

    Parameters
    ----------
    name : str
        Name that stands for it wherever a style's file may stand.
    instrument : str
        The instrument, in plain words.
    lowest : int
        Lowest pitch in the recording, a MIDI number; notes beyond the range are played, too, with
        the sound of the nearest.
    highest : int
        Highest pitch in it.
    duration_s : float
        Length of the recording, in seconds.
    source : str
        Samples or recordings that it was made of, and by whom.
    licence : str
        Their licence; the texts are in the package, ``named_timbres/LICENCES.md``.
    sha256 : str
        Hash of its file.

    Examples
    --------
    >>> timbres()[0].name
    'bass'
    """

    name: str
    instrument: str
    lowest: int
    highest: int
    duration_s: float
    source: str
    licence: str
    sha256: str


@lru_cache(maxsize=1)
def _table() -> dict[str, NamedTimbre]:
    rows = json.loads(files(_FOLDER).joinpath("table.json").read_text("utf-8"))
    return {row["name"]: NamedTimbre(**row) for row in rows}


def timbres() -> list[NamedTimbre]:
    """Facts about all timbres that ship.

    Returns
    -------
    list of NamedTimbre
        In the order of their names.

    Examples
    --------
    >>> "cello" in [timbre.name for timbre in timbres()]
    True
    """
    return list(_table().values())


def find_timbre(name: str) -> NamedTimbre:
    """Facts about a timbre that ships.

    Parameters
    ----------
    name : str
        Its name; capitals, spaces and underscores do not matter.

    Returns
    -------
    NamedTimbre
        Facts about it.

    Raises
    ------
    InputError
        There is no timbre of that name.

    Examples
    --------
    >>> find_timbre("Nylon guitar").licence
    'MIT'
    >>> find_timbre("chello")
    Traceback (most recent call last):
    cambiata.errors.InputError: chello: neither a file nor a timbre has this name; did you ...
    """
    key = plain_name(name).replace(" ", "-")
    if key in _table():
        return _table()[key]
    cure = f"{did_you_mean(_nearest(key))} `cambiata timbre list` shows all"
    raise InputError(name, "neither a file nor a timbre has this name", cure.strip())


def _nearest(key: str) -> list[str]:
    """Names that begin as this one does or hold one of its words, then those spelt like it."""
    from difflib import get_close_matches

    words = [word for word in key.split("-") if len(word) > 2]
    alike = [name for name in _table() if any(word in name.split("-") for word in words)]
    alike += [name for name in _table() if len(key) > 1 and name.startswith(key)]
    alike += get_close_matches(key, _table(), 3, 0.6)
    return list(dict.fromkeys(alike))[:3]


def timbre_named(name: str) -> Audio:
    """Recording of an instrument that ships, to be used as a style.

    Parameters
    ----------
    name : str
        As `timbres` lists it.

    Returns
    -------
    Audio
        Notes over the instrument's range, one channel at 44.1 kHz and -23 LUFS.

    Raises
    ------
    InputError
        There is no timbre of that name.

    Examples
    --------
    >>> timbre_named("cello").n_channels
    1
    """
    facts = find_timbre(name)
    with as_file(files(_FOLDER).joinpath(f"{facts.name}.ogg")) as path:
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != facts.sha256:
            raise CambiataError(
                f"{facts.name}.ogg: is not the file that was shipped; install cambiata again"
            )
        sound = load(path)
    return Audio(sound.samples, sound.sample_rate, name=facts.name)


def open_recording(path: str | Path, *, strict: bool = False) -> AudioFile | Audio:
    """Recording of a style: a file, or one that ships by its name; a file of that name wins.

    Parameters
    ----------
    path : str or pathlib.Path
        A sound file, or a name without a folder or an extension.
    strict : bool
        Refuse a file that is unfinished or damaged.

    Returns
    -------
    AudioFile or Audio
        The file as it is read, or the recording that ships.

    Raises
    ------
    InputError
        There is neither such a file nor such a name.

    Examples
    --------
    >>> open_recording("flute").name
    'flute'
    """
    if not stands_for_file(path):
        return timbre_named(str(path))
    with score_refused("give a recording, or a timbre"):
        return AudioFile(path, strict=strict)


def stands_for_file(path: str | Path) -> bool:
    """Whether a path means a file, be it missing, rather than a name.

    Parameters
    ----------
    path : str or pathlib.Path
        What was given for a style.

    Returns
    -------
    bool
        False for a text without folder and extension, unless a file is called so; a folder of
        that name counts only where no timbre is called so.

    Examples
    --------
    >>> stands_for_file("cello"), stands_for_file("./cello"), stands_for_file("cello.wav")
    (False, True, True)
    """
    text, place = str(path), Path(path)
    if text == "-" or set("/\\.") & set(text):
        return True
    if not place.is_dir():
        return place.exists()
    try:
        find_timbre(text)
    except InputError:
        return True
    return False
