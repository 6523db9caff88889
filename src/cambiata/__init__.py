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
from cambiata.systems import SYSTEMS as _SYSTEMS
from cambiata.systems import system_named, transfer_system
from cambiata.systems.base import System, TransferConfig, TransferSystem
from cambiata.timbre import Timbre, capture_timbre, load_timbre, mix_timbres

__version__ = _version("cambiata")

__all__ = [
    "Audio",
    "CambiataError",
    "CambiataWarning",
    "InputError",
    "Options",
    "Report",
    "System",
    "Timbre",
    "TransferConfig",
    "TransferSystem",
    "available_systems",
    "capture_timbre",
    "load",
    "load_timbre",
    "mix_timbres",
    "system_named",
    "transfer",
    "transfer_file",
    "transfer_system",
]


def available_systems() -> list[type[System[TransferConfig]]]:
    """Every system there is.

    Returns
    -------
    list of type of System
        Their classes, the default first.

    Examples
    --------
    >>> [system.name for system in available_systems()]
    ['oneshot', 'musaicing', 'ulyanov', 'vqvae']
    """
    return [system_named(name) for name in _SYSTEMS]
