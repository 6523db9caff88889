"""Names of earlier versions and what they are called now: they go on working, with a warning."""

from collections.abc import Mapping
from typing import Literal

from cambiata.errors import warn

Kind = Literal["system", "preset", "training preset", "setting"]

ALIASES: Mapping[Kind, Mapping[str, str]] = {
    "system": {},
    "preset": {},
    "training preset": {
        "play": "player",
        "vqvae": "vqvae-self-supervised",
        "transcriber": "listener",
    },
    "setting": {"least_wish": "min_gain"},
}


def current_name(kind: Kind, name: str) -> str:
    """Name in use today of something that may be called by an old name.

    >>> current_name("system", "oneshot")
    'oneshot'
    """
    if name not in ALIASES[kind]:
        return name
    new = ALIASES[kind][name]
    warn(f"the {kind} {name} is called {new} now")
    return new
