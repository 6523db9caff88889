"""The systems of the field, one file each, found here by name."""

from importlib import import_module
from typing import Any

from cambiata.errors import InputError
from cambiata.systems.base import TransferSystem

# Where each lives; imported when asked for, so that `import cambiata` stays light.
TRANSFER = {
    "musaicing": "cambiata.systems.musaicing:Musaicing",
    "ulyanov": "cambiata.systems.ulyanov:Ulyanov",
}
DEFAULT_TRANSFER = "musaicing"


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
        There is no such system.

    Examples
    --------
    >>> transfer_system("musaicing").trained
    False
    """
    if name not in TRANSFER:
        raise InputError(name, "is no transfer system", "use one of " + ", ".join(TRANSFER))
    module, _, attribute = TRANSFER[name].partition(":")
    found: type[TransferSystem[Any, Any]] = getattr(import_module(module), attribute)
    return found
