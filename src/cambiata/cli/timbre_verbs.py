"""The command line's verbs for timbres that ship, and for what a timbre holds."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

import cambiata
from cambiata.cli.audio_verbs import timbre
from cambiata.cli.console import print_json, printable
from cambiata.cli.options import HELP, list_as_json_option
from cambiata.named_timbres.named import find_timbre, stands_for_file
from cambiata.registry import system_named
from cambiata.score.notation import SUFFIXES as SCORE_SUFFIXES
from cambiata.score.rolls import note_name
from cambiata.system import StyleSystem, make_system
from cambiata.timbre import SUFFIX

__all__ = ["timbre"]


@timbre.command("list", context_settings=HELP)
@list_as_json_option
def timbre_list(as_json: bool) -> None:
    """Show the instruments that come with Cambiata.

    Their names stand wherever a style or a sound may stand.
    """
    facts = cambiata.timbres()
    if as_json:
        print_json([asdict(each) for each in facts])
        return
    width = max(len(each.name) for each in facts)
    for each in facts:
        span = f"{note_name(each.lowest)} to {note_name(each.highest)}"
        click.echo(f"{each.name:<{width}}  {each.instrument}, {span}; {each.licence}")


@timbre.command("show", context_settings=HELP)
@click.argument("name", metavar="NAME|FILE")
@list_as_json_option
def timbre_show(name: str, as_json: bool) -> None:
    """Show what is known of a timbre: one that ships, or a .timbre file."""
    is_file = Path(name).suffix == SUFFIX
    if not is_file and stands_for_file(name):
        _refuse_other_file(Path(name))
    facts: dict[str, Any] = _file_facts(name) if is_file else asdict(find_timbre(name))
    if as_json:
        print_json(facts)
        return
    for key, value in _readable(facts).items():
        click.echo(printable(f"{key:<10}  {value}"))


def _refuse_other_file(path: Path) -> None:
    """Refuse a file that holds no timbre; one that is missing is refused by its name."""
    if path.is_dir():
        raise cambiata.InputError(str(path), "is a folder", "name a .timbre file in it")
    if path.suffix.lower() in SCORE_SUFFIXES and path.exists():
        cure = "name a .timbre file, or a timbre of `cambiata timbre list`"
        raise cambiata.InputError(str(path), "is not a .timbre file", cure)
    if path.exists():
        cure = "capture it first with `cambiata.capture_timbre`"
        raise cambiata.InputError(str(path), "is not a .timbre file", cure)


def _file_facts(path: str) -> dict[str, Any]:
    """Facts about a .timbre file."""
    loaded = cambiata.load_timbre(path)
    pitches = [int(pitch) for _, arrays in loaded.voices for pitch in arrays.get("pitches", ())]
    return {
        "name": loaded.name,
        "sources": list(loaded.sources),
        "duration_s": loaded.duration_s,
        "system": loaded.system,
        "fits_this_version": _fits(loaded),
        "voices": [weight for weight, _ in loaded.voices],
        "n_notes": len(pitches),
        "lowest": min(pitches, default=None),
        "highest": max(pitches, default=None),
        "weights": loaded.weights,
    }


def _fits(loaded: cambiata.Timbre) -> bool:
    """Whether a timbre belongs to a system and to weights that are installed."""
    try:
        system = make_system(system_named(loaded.system))
    except cambiata.InputError:
        return False
    return isinstance(system, StyleSystem) and system.weights_sha256 == loaded.weights


def _readable(facts: Mapping[str, Any]) -> dict[str, str]:
    """Facts in words; what is not known is left out."""
    lines = {"name": facts["name"], "instrument": facts.get("instrument")}
    lines["source"] = facts.get("source") or ", ".join(facts.get("sources", ()))
    lines["licence"] = facts.get("licence")
    if facts["duration_s"]:
        lines["length"] = f"{facts['duration_s']:.1f} s"
    if facts["lowest"] is not None:
        lines["range"] = f"{note_name(facts['lowest'])} to {note_name(facts['highest'])}"
    if "system" in facts:
        shares = ", ".join(f"{share:.2g}" for share in facts["voices"])
        lines["notes"] = str(facts["n_notes"])
        lines["voices"] = f"{len(facts['voices'])} ({shares})"
        lines["system"] = f"{facts['system']}, weights {facts['weights'][:12]}"
        if not facts["fits_this_version"]:
            lines["problem"] = "belongs to other weights; capture it again: cambiata timbre capture"
    else:
        lines["system"] = "any: it is a recording, captured when it is used"
        lines["sha256"] = facts["sha256"]
    return {key: value for key, value in lines.items() if value}
