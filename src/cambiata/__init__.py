"""Music style transfer: the notes of one recording, played with the sound of another.

Examples
--------
>>> import cambiata
>>> content, style = cambiata.load("content.wav"), cambiata.load("style.wav")  # doctest: +SKIP
>>> cambiata.transfer(content, style).save("out.wav")  # doctest: +SKIP
"""

from importlib.metadata import version as _version

from cambiata.audio import Audio, load
from cambiata.conversion import Options, Report, transfer, transfer_file
from cambiata.errors import CambiataError, CambiataWarning, InputError
from cambiata.systems import TRANSFER as _TRANSFER
from cambiata.systems import transfer_system
from cambiata.systems.base import TransferConfig, TransferSystem

__version__ = _version("cambiata")

__all__ = [
    "Audio",
    "CambiataError",
    "CambiataWarning",
    "InputError",
    "Options",
    "Report",
    "TransferConfig",
    "TransferSystem",
    "available_systems",
    "load",
    "transfer",
    "transfer_file",
    "transfer_system",
]


def available_systems() -> list[type[TransferSystem[TransferConfig, object]]]:
    """Every transfer system there is.

    Returns
    -------
    list of type of TransferSystem
        Their classes, the default first.

    Examples
    --------
    >>> [system.name for system in available_systems()]
    ['musaicing', 'ulyanov']
    """
    return [transfer_system(name) for name in _TRANSFER]
