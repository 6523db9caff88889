"""The systems of the field, one file each, found here by name."""

from importlib import import_module
from typing import Any

from cambiata.errors import InputError
from cambiata.systems.base import System, TransferSystem

# Where each lives; imported when asked for, so that `import cambiata` stays light.
SYSTEMS = {
    "oneshot": "cambiata.systems.oneshot:OneShot",
    "musaicing": "cambiata.systems.musaicing:Musaicing",
    "ulyanov": "cambiata.systems.ulyanov:Ulyanov",
    "vqvae": "cambiata.systems.vqvae:VqVae",
}
DEFAULT_TRANSFER = "oneshot"


def system_named(name: str) -> type[System[Any]]:
    """The system of a name, whatever its job.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of System
        Its class.

    Raises
    ------
    InputError
        There is no such system.

    Examples
    --------
    >>> system_named("musaicing").trained
    False
    """
    if name not in SYSTEMS:
        raise InputError(name, "is no system", "use one of " + ", ".join(SYSTEMS))
    module, _, attribute = SYSTEMS[name].partition(":")
    found: type[System[Any]] = getattr(import_module(module), attribute)
    return found


def transfer_system(name: str) -> type[TransferSystem[Any, Any]]:
    """The transfer system of a name.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of TransferSystem
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> "shifted" in transfer_system("musaicing").presets
    True
    """
    found = system_named(name)
    if not issubclass(found, TransferSystem):
        raise InputError(name, "does not transfer", "see `cambiata systems`")
    return found
