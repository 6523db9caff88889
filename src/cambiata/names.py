"""Names that people type: compared loosely, and the nearest of those there are."""

from collections.abc import Iterable, Sequence


def plain_name(name: str) -> str:
    """A name as it is compared: capitals, dashes, underscores and spaces do not count.

    >>> plain_name("Nylon_guitar") == plain_name("nylon-guitar")
    True
    """
    return " ".join(name.lower().replace("-", " ").replace("_", " ").split())


def nearest_names(name: str, names: Iterable[str], *, most: int = 1, cutoff: float = 0.7) -> str:
    """Question whether one of the names most like one was meant; nothing where none is like it.

    >>> nearest_names("oneshoot", ["oneshot"]), nearest_names("convert", ["counterpoint"])
    ('did you mean oneshot?', '')
    """
    from difflib import get_close_matches  # seldom needed

    # 0.7 is one wrong letter of four; at difflib's 0.6, "convert" is like "counterpoint".
    return did_you_mean(get_close_matches(name, list(names), most, cutoff))


def did_you_mean(names: Sequence[str]) -> str:
    """Question whether one of some names was meant; nothing where there are none.

    >>> did_you_mean(["cello", "cellos"])
    'did you mean cello or cellos?'
    """
    return f"did you mean {' or '.join(names)}?" if names else ""
