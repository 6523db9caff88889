"""Music style transfer: the notes of one recording, played with the sound of another.

Examples
--------
>>> import cambiata
>>> content, style = cambiata.load("content.wav"), cambiata.load("style.wav")  # doctest: +SKIP
>>> cambiata.transfer(content, style).save("out.wav")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cambiata.audio.sound import Audio, load
    from cambiata.batches.api import BatchItem, BatchReport, batch
    from cambiata.counterpoint.api import check as check_counterpoint
    from cambiata.counterpoint.api import solve as solve_counterpoint
    from cambiata.ensemble.api import ChoirReport, choir, choir_file
    from cambiata.errors import CambiataError, CambiataWarning, InputError
    from cambiata.groove.api import GrooveReport, groove_file, morph_groove
    from cambiata.instrument.api import InstrumentReport, make_instrument
    from cambiata.knobs.api import Knobs, KnobsReport, fit_knobs, load_knobs
    from cambiata.melody.api import MelodyReport, restyle, restyle_file
    from cambiata.morphing.api import MorphReport, morph, morph_file
    from cambiata.morphing.streaming import Morph
    from cambiata.named_timbres.named import NamedTimbre, timbre_named, timbres
    from cambiata.performance.api import PlayOptions, PlayReport, play, play_file
    from cambiata.registry import (
        available_systems,
        play_system,
        system_named,
        transfer_system,
        translate_system,
    )
    from cambiata.reverb.api import apply as reverb_apply
    from cambiata.reverb.api import apply_file as reverb_apply_file
    from cambiata.reverb.api import capture as reverb_capture
    from cambiata.reverb.api import capture_file as reverb_capture_file
    from cambiata.reverb.api import estimate as reverb_estimate
    from cambiata.reverb.api import estimate_file as reverb_estimate_file
    from cambiata.reverb.api import match as reverb_match
    from cambiata.reverb.api import match_file as reverb_match_file
    from cambiata.reverb.api import remove as reverb_remove
    from cambiata.reverb.api import remove_file as reverb_remove_file
    from cambiata.reverb.api import room as reverb_room
    from cambiata.reverb.api import room_file as reverb_room_file
    from cambiata.reverb.api import sweep as reverb_sweep
    from cambiata.reverb.api import sweep_file as reverb_sweep_file
    from cambiata.reverb.reports import MeasuredRoom, ReverbReport, SweepReport
    from cambiata.score.midi import Controls, Note, Part, Score
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
    from cambiata.transcription.api import Transcription, transcribe, transcribe_file
    from cambiata.translation.api import DomainFacts, domains, translate, translate_file
    from cambiata.transposition.api import (
        StretchReport,
        TransposeReport,
        stretch,
        stretch_file,
        transpose,
        transpose_file,
    )

    __version__: str

# Where everything is, by module, for a name is imported when it is first used (PEP 562): `import
# cambiata` takes hundredths of a second, and a command loads what it needs. The same as the imports
# above, which type checkers and editors read; public=name where the two differ.
_PLACES = {
    "audio.sound": "Audio load",
    "ensemble.api": "ChoirReport choir choir_file",
    "batches.api": "BatchItem BatchReport batch",
    "counterpoint.api": "check_counterpoint=check solve_counterpoint=solve",
    "errors": "CambiataError CambiataWarning InputError",
    "groove.api": "GrooveReport groove_file morph_groove",
    "instrument.api": "InstrumentReport make_instrument",
    "knobs.api": "Knobs KnobsReport fit_knobs load_knobs",
    "melody.api": "MelodyReport restyle restyle_file",
    "morphing.api": "MorphReport morph morph_file",
    "morphing.streaming": "Morph",
    "performance.api": "PlayOptions PlayReport play play_file",
    "registry": "available_systems play_system system_named transfer_system translate_system",
    "reverb.api": (
        "reverb_apply=apply reverb_apply_file=apply_file "
        "reverb_capture=capture reverb_capture_file=capture_file "
        "reverb_estimate=estimate reverb_estimate_file=estimate_file "
        "reverb_match=match reverb_match_file=match_file "
        "reverb_remove=remove reverb_remove_file=remove_file "
        "reverb_room=room reverb_room_file=room_file "
        "reverb_sweep=sweep reverb_sweep_file=sweep_file"
    ),
    "reverb.reports": "MeasuredRoom ReverbReport SweepReport",
    "score.midi": "Controls Note Part Score save_score=save",
    "score.notation": "load_sheet=read load_score=read_score save_sheet=write",
    "score.sheet": "Sheet",
    "system": "PlaySystem System SystemFacts TransferConfig TransferSystem TranslateSystem",
    "timbre": "Timbre capture_timbre load_timbre mix_timbres",
    "timbre_transfer.api": "Options Report transfer transfer_file",
    "named_timbres.named": "NamedTimbre timbre_named timbres",
    "transcription.api": "Transcription transcribe transcribe_file",
    "transposition.api": (
        "StretchReport TransposeReport stretch stretch_file transpose transpose_file"
    ),
    "translation.api": "DomainFacts domains translate translate_file",
}
_HOMES = {
    public: (f"cambiata.{module}", name or public)
    for module, names in _PLACES.items()
    for public, _, name in (each.partition("=") for each in names.split())
}

__all__ = [
    "Audio",
    "BatchItem",
    "BatchReport",
    "CambiataError",
    "CambiataWarning",
    "ChoirReport",
    "Controls",
    "DomainFacts",
    "GrooveReport",
    "InputError",
    "InstrumentReport",
    "Knobs",
    "KnobsReport",
    "MeasuredRoom",
    "MelodyReport",
    "Morph",
    "MorphReport",
    "NamedTimbre",
    "Note",
    "Options",
    "Part",
    "PlayOptions",
    "PlayReport",
    "PlaySystem",
    "Report",
    "ReverbReport",
    "Score",
    "Sheet",
    "StretchReport",
    "SweepReport",
    "System",
    "SystemFacts",
    "Timbre",
    "Transcription",
    "TransferConfig",
    "TransferSystem",
    "TranslateSystem",
    "TransposeReport",
    "available_systems",
    "batch",
    "capture_timbre",
    "check_counterpoint",
    "choir",
    "choir_file",
    "domains",
    "fit_knobs",
    "groove_file",
    "load",
    "load_knobs",
    "load_score",
    "load_sheet",
    "load_timbre",
    "make_instrument",
    "mix_timbres",
    "morph",
    "morph_file",
    "morph_groove",
    "play",
    "play_file",
    "play_system",
    "restyle",
    "restyle_file",
    "reverb_apply",
    "reverb_apply_file",
    "reverb_capture",
    "reverb_capture_file",
    "reverb_estimate",
    "reverb_estimate_file",
    "reverb_match",
    "reverb_match_file",
    "reverb_remove",
    "reverb_remove_file",
    "reverb_room",
    "reverb_room_file",
    "reverb_sweep",
    "reverb_sweep_file",
    "save_score",
    "save_sheet",
    "solve_counterpoint",
    "stretch",
    "stretch_file",
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
    "transpose",
    "transpose_file",
]


def __getattr__(name: str) -> Any:
    """A public name, imported at its first use."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("cambiata")
    elif name in _HOMES:
        module, attribute = _HOMES[name]
        value = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Public names, whether they were used or not."""
    own = {"Any", "TYPE_CHECKING", "import_module"}  # what this file itself needs
    return sorted({*globals(), *__all__} - own)
