"""Music style transfer: the notes of one recording, played with the sound of another.

Examples
--------
>>> import cambiata
>>> content, style = cambiata.load("content.wav"), cambiata.load("style.wav")  # doctest: +SKIP
>>> cambiata.transfer(content, style).save("out.wav")  # doctest: +SKIP
"""

from importlib.metadata import version as _version

from cambiata.audio import Audio, load
from cambiata.conversion import (
    Options,
    Report,
    transfer,
    transfer_file,
    translate,
    translate_file,
)
from cambiata.counterpoint import check as check_counterpoint
from cambiata.counterpoint import solve as solve_counterpoint
from cambiata.domains import DomainFacts, domains
from cambiata.errors import CambiataError, CambiataWarning, InputError
from cambiata.groove import GrooveReport, groove_file, morph_groove
from cambiata.melody import MelodyReport, restyle, restyle_file
from cambiata.midi import Note, Part, Score
from cambiata.midi import load as load_score
from cambiata.midi import save as save_score
from cambiata.notation import Sheet
from cambiata.notation import read as load_sheet
from cambiata.notation import write as save_sheet
from cambiata.performance import PlayOptions, PlayReport, play, play_file
from cambiata.systems import PLAYERS as _PLAYERS
from cambiata.systems import SYSTEMS as _SYSTEMS
from cambiata.systems import TRANSLATORS as _TRANSLATORS
from cambiata.systems import play_system, system_named, transfer_system, translate_system
from cambiata.systems.base import (
    PlaySystem,
    System,
    TransferConfig,
    TransferSystem,
    TranslateSystem,
)
from cambiata.timbre import Timbre, capture_timbre, load_timbre, mix_timbres
from cambiata.transcription import Transcription, transcribe, transcribe_file

__version__ = _version("cambiata")

__all__ = [
    "Audio",
    "CambiataError",
    "CambiataWarning",
    "DomainFacts",
    "GrooveReport",
    "InputError",
    "MelodyReport",
    "Note",
    "Options",
    "Part",
    "PlayOptions",
    "PlayReport",
    "PlaySystem",
    "Report",
    "Score",
    "Sheet",
    "System",
    "Timbre",
    "Transcription",
    "TransferConfig",
    "TransferSystem",
    "TranslateSystem",
    "available_systems",
    "capture_timbre",
    "check_counterpoint",
    "domains",
    "groove_file",
    "load",
    "load_score",
    "load_sheet",
    "load_timbre",
    "mix_timbres",
    "morph_groove",
    "play",
    "play_file",
    "play_system",
    "restyle",
    "restyle_file",
    "save_score",
    "save_sheet",
    "solve_counterpoint",
    "system_named",
    "transcribe",
    "transcribe_file",
    "transfer",
    "transfer_file",
    "transfer_system",
    "translate",
    "translate_file",
    "translate_system",
]


def available_systems() -> list[type[System[TransferConfig]]]:
    """Every system there is.

    Returns
    -------
    list of type of System
        Their classes, the default first.

    Examples
    --------
    >>> [system.name for system in available_systems()][::2]
    ['oneshot', 'ulyanov', 'player', 'wavenet']
    """
    return [system_named(name) for name in (*_SYSTEMS, *_PLAYERS, *_TRANSLATORS)]
