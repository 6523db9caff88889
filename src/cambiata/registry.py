"""The systems of the field, one file each, found here by name."""

from importlib import import_module
from typing import Any

from cambiata.errors import InputError
from cambiata.system import PlaySystem, System, TransferSystem, TranslateSystem

# Where each lives; imported when asked for, so that `import cambiata` stays light.
SYSTEMS = {
    "oneshot": "cambiata.timbre_transfer.oneshot:OneShot",
    "musaicing": "cambiata.timbre_transfer.musaicing:Musaicing",
    "ulyanov": "cambiata.timbre_transfer.ulyanov:Ulyanov",
    "vqvae": "cambiata.timbre_transfer.vqvae:VqVae",
}
PLAYERS = {
    "player": "cambiata.performance.player:Player",
    "performancenet": "cambiata.performance.performancenet:PerformanceNet",
    "wavenet": "cambiata.performance.wavenet:WaveNet",
}
TRANSLATORS = {
    "translation": "cambiata.translation.notes:Translation",
}
DEFAULT_TRANSFER, DEFAULT_PLAYER, DEFAULT_TRANSLATOR = "oneshot", "player", "translation"


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
    paths = SYSTEMS | PLAYERS | TRANSLATORS
    if name not in paths:
        raise InputError(name, "is no system", "use one of " + ", ".join(paths))
    module, _, attribute = paths[name].partition(":")
    system_class: type[System[Any]] = getattr(import_module(module), attribute)
    return system_class


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
    system_class = system_named(name)
    if not issubclass(system_class, TransferSystem):
        raise InputError(name, "does not transfer", "use one of " + ", ".join(SYSTEMS))
    return system_class


def play_system(name: str) -> type[PlaySystem[Any, Any]]:
    """The system of a name that plays scores.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of PlaySystem
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> play_system("player").trained
    True
    """
    system_class = system_named(name)
    if not issubclass(system_class, PlaySystem):
        raise InputError(name, "does not play scores", "use one of " + ", ".join(PLAYERS))
    return system_class


def translate_system(name: str) -> type[TranslateSystem[Any, Any]]:
    """The translator of a name.

    Parameters
    ----------
    name : str
        What ``cambiata systems`` calls it.

    Returns
    -------
    type of TranslateSystem
        Its class.

    Raises
    ------
    InputError
        There is no such system, or it has another job.

    Examples
    --------
    >>> translate_system("translation").trained
    True
    """
    system_class = system_named(name)
    if not issubclass(system_class, TranslateSystem):
        raise InputError(name, "does not translate", "use one of " + ", ".join(TRANSLATORS))
    return system_class
