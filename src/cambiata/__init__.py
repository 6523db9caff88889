"""Music style transfer: the notes of one recording, played with the sound of another.

Examples
--------
>>> import cambiata
>>> content, style = cambiata.load("content.wav"), cambiata.load("style.wav")  # doctest: +SKIP
>>> cambiata.transfer(content, style).save("out.wav")  # doctest: +SKIP
"""

from importlib.metadata import version as _version

from cambiata.audio.sound import Audio, load
from cambiata.counterpoint.api import check as check_counterpoint
from cambiata.counterpoint.api import solve as solve_counterpoint
from cambiata.errors import CambiataError, CambiataWarning, InputError
from cambiata.groove.api import GrooveReport, groove_file, morph_groove
from cambiata.melody.api import MelodyReport, restyle, restyle_file
from cambiata.performance.api import PlayOptions, PlayReport, play, play_file
from cambiata.registry import (
    available_systems,
    play_system,
    system_named,
    transfer_system,
    translate_system,
)
from cambiata.score.midi import Note, Part, Score
from cambiata.score.midi import save as save_score
from cambiata.score.notation import read as load_sheet
from cambiata.score.notation import read_score as load_score
from cambiata.score.notation import write as save_sheet
from cambiata.score.sheet import Sheet
from cambiata.system import (
    PlaySystem,
    System,
    SystemFacts,
    TransferConfig,
    TransferSystem,
    TranslateSystem,
)
from cambiata.timbre import Timbre, capture_timbre, load_timbre, mix_timbres
from cambiata.timbre_transfer.api import Options, Report, transfer, transfer_file
from cambiata.timbres.named import NamedTimbre, timbre_named, timbres
from cambiata.transcription.api import Transcription, transcribe, transcribe_file
from cambiata.translation.api import DomainFacts, domains, translate, translate_file

__version__ = _version("cambiata")

__all__ = [
    "Audio",
    "CambiataError",
    "CambiataWarning",
    "DomainFacts",
    "GrooveReport",
    "InputError",
    "MelodyReport",
    "NamedTimbre",
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
    "SystemFacts",
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
    "timbre_named",
    "timbres",
    "transcribe",
    "transcribe_file",
    "transfer",
    "transfer_file",
    "transfer_system",
    "translate",
    "translate_file",
    "translate_system",
]
