"""Keys: found from how long each pitch class sounds, read as people write them."""

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.score.spelling import STEPS

# How well each pitch class above the tonic fits (Krumhansl & Kessler 1982, table 1), major, minor.
_PROFILES = np.array(
    [
        [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
        [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
    ]
)
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_KEY = re.compile(r"([A-Ga-g])(#|b|♯|♭|)\s*(m|min|minor|maj|major|)", re.IGNORECASE)

Floats = npt.NDArray[np.float64]


class Key(NamedTuple):
    """A tonic and a mode.

    Parameters
    ----------
    tonic : int
        Its pitch class, from C.
    is_minor : bool or None
        Its mode; None for either.

    Examples
    --------
    >>> str(Key(10, is_minor=False))
    'Bb major'
    """

    tonic: int
    is_minor: bool | None

    def __str__(self) -> str:
        mode = {None: "", False: " major", True: " minor"}[self.is_minor]
        return _NAMES[self.tonic] + mode


class Move(NamedTuple):
    """A way from one key to another.

    Parameters
    ----------
    semitones : int
        By how many semitones music is moved.
    found : Key
        The key that it was found in.

    Examples
    --------
    >>> Move(2, Key(0, is_minor=False)).semitones
    2
    """

    semitones: int
    found: Key


def parse_key(text: str) -> Key:
    """A key as it is written.

    Parameters
    ----------
    text : str
        D, Bb, F#m, "d minor", ...

    Returns
    -------
    Key
        Without a mode where the text has none.

    Raises
    ------
    InputError
        It is no key.

    Examples
    --------
    >>> str(parse_key("Bb")), str(parse_key("f#m")), parse_key("D major").is_minor
    ('Bb', 'F# minor', False)
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        raise InputError(f"key {text}", "is not a key", "write it like D, Bb or F#m")
    step, accidental, mode = match.groups()
    alter = {"#": 1, "♯": 1, "b": -1, "♭": -1, "B": -1}.get(accidental, 0)
    is_minor = {"": None, "m": True}.get(mode.lower(), mode.lower().startswith("min"))
    return Key((STEPS[step.upper()] + alter) % 12, is_minor)


def key_fits(used: Floats) -> Floats:
    """Correlation of how long each pitch class sounds with every key's profile.

    Krumhansl & Kessler 1982 for the profiles, Krumhansl 1990 (chapter 4) for the method.

    Parameters
    ----------
    used : numpy.ndarray
        How long each pitch class sounds, from C, in any unit [12].

    Returns
    -------
    numpy.ndarray
        Correlations [2, 12]: rows are major and minor, columns tonics; 0 where every pitch class
        sounds alike.

    Examples
    --------
    >>> key_fits(np.array([3, 0, 1, 0, 2, 1, 0, 2.5, 0, 1, 0, 1.0])).argmax()
    np.int64(0)
    """
    if not np.ptp(used):
        return np.zeros((2, 12))
    return np.array(
        [
            [float(np.corrcoef(np.roll(used, -tonic), mode)[0, 1]) for tonic in range(12)]
            for mode in _PROFILES
        ]
    )


def move_to_key(used: Floats, key: str) -> Move:
    """Shortest way to a key, -5 to 6 semitones.

    A key without a mode keeps the music's own; with one, the music's tonic is that of its best key
    of this mode, so that music in C major is taken for A minor where it is to be in D minor.

    Parameters
    ----------
    used : numpy.ndarray
        How long each pitch class of the music sounds, from C, in any unit [12].
    key : str
        The key that it is to be in.

    Returns
    -------
    Move
        Semitones, and the key that it was found in.

    Raises
    ------
    InputError
        It is no key.

    Examples
    --------
    >>> move_to_key(np.array([3, 0, 1, 0, 2, 1, 0, 2.5, 0, 1, 0, 1.0]), "D").semitones
    2
    """
    wanted = parse_key(key)
    fits = key_fits(used)
    if wanted.is_minor is not None:
        fits[int(not wanted.is_minor)] = -2  # below any correlation
    mode, tonic = np.unravel_index(int(np.argmax(fits)), fits.shape)
    semitones = (wanted.tonic - int(tonic) + 5) % 12 - 5
    return Move(semitones, Key(int(tonic), bool(mode)))
