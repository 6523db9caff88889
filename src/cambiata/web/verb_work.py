"""A job done in a worker: the API called in the job's own folder, its outputs described."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from cambiata.system import Progress
from cambiata.timbre import Timbre, load_timbre
from cambiata.timbre_transfer.api import Report
from cambiata.web.limits import Limits
from cambiata.web.score_notes import play_in_place
from cambiata.web.sound_facts import sound_facts, write_views
from cambiata.web.verb import named
from cambiata.web.verbs import VERBS

# Verbs that can say how far they are.
_WITH_PROGRESS = ("transfer", "play", "translate", "transcribe")


def do(task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Report of a verb, and facts of what it wrote; the current folder is the job's own.

    Inputs lie there under the names that people know, so that messages name these.
    """
    verb, inputs, options = task["verb"], task["inputs"], dict(task["options"])
    output = task["output"]
    limits = Limits(**task["limits"])
    if options.get("settings", ...) is None:
        del options["settings"]
    function = named(VERBS[verb].function)
    if verb == "timbre-capture":
        return _timbre_result(function(inputs["styles"], output, **options), output)
    if verb == "timbre-mix":
        return _timbre_result(function(list(inputs["shares"].items()), output), output)
    if verb == "counterpoint-check":
        report = function(inputs["score"], output=output, **options)
        outputs = {"marked": output}
    elif verb == "counterpoint-solve":
        report = function(inputs["cantus"], output, **options)
        outputs = {f"output-{i}": path for i, path in enumerate(report.outputs, 1)}
    elif verb == "edit":
        paths = (Path(inputs["recording"]), Path(inputs["score"]), Path(output))
        report = play_in_place(*paths, progress=progress, **options)
        outputs = {"output": output}
    else:
        if verb in _WITH_PROGRESS:
            options["progress"] = progress
        report, outputs = _files_of(verb, function, inputs, output, options, task)
    return {
        "report": plain(report),
        "sounds": {role: described(Path(path), role, limits) for role, path in outputs.items()},
        "breaches": _breaches(report) if verb == "counterpoint-check" else None,
    }


def _files_of(
    verb: str,
    function: Any,
    inputs: Mapping[str, Any],
    output: str,
    options: dict[str, Any],
    task: Mapping[str, Any],
) -> tuple[Any, dict[str, str]]:
    """Report of a verb that goes from files to a file, and the files by their roles."""
    outputs = {"output": output}
    if verb == "transfer":
        return function(inputs["content"], inputs["style"], output, **options), outputs
    if verb == "translate":
        return function(inputs["content"], task["to"], output, **options), outputs
    if verb == "transcribe":
        return function(inputs["recording"], output, **options), outputs
    if verb == "melody":
        style = _one_or_folder(inputs["style"], "style")
        return function(inputs["tune"], output, style=style, **options), outputs
    if verb == "groove":
        b = _one_or_folder(inputs["b"], "drummer")
        return function(inputs["a"], b, output, **options), outputs
    if task["midi"] is not None:
        options["midi"] = outputs["midi"] = task["midi"]
    return function(inputs["score"], inputs["sound"], output, **options), outputs


def _one_or_folder(given: Any, name: str) -> str:
    """A file or a name as it is; of several files the folder that they are put into."""
    if isinstance(given, str):
        return given
    folder = Path(name)
    folder.mkdir()
    for each in given:
        shutil.copyfile(each, folder / each)  # it may be another input as well
    return name


def described(path: Path, role: str, limits: Limits) -> dict[str, Any]:
    """Facts about a file, and the folder with what the page asks for first."""
    views = Path(f"views of {role}")
    views.mkdir()
    facts = sound_facts(path, limits)
    write_views(path, views)
    return {"path": str(path), "views": str(views), "bytes": path.stat().st_size, **facts}


def plain(report: Any) -> dict[str, Any]:
    """A report as `--json` prints it, but for files that are the studio's affair."""
    is_report = is_dataclass(report) and not isinstance(report, type)
    facts: dict[str, Any] = asdict(report) if is_report else dict(report)
    if isinstance(report, Report):
        facts.pop("config")  # names of weights, and settings: the request has what was given
    return {name: value for name, value in facts.items() if name not in ("picture", "listen")}


def _breaches(report: Any) -> list[dict[str, Any]]:
    return [
        {"rule": each.rule, "bar": each.bar, "words": str(each.words)} for each in report.breaches
    ]


def _timbre_result(timbre: Timbre, path: str) -> dict[str, Any]:
    return {"report": {"output": path}, "sounds": {}, "breaches": None, "timbre": facts_of(timbre)}


def facts_of(timbre: Timbre) -> dict[str, Any]:
    """Facts about a timbre, and whether it belongs to the weights that are installed."""
    from cambiata.errors import CambiataError
    from cambiata.registry import system_named
    from cambiata.system import StyleSystem, make_system

    pitches = [int(pitch) for _, arrays in timbre.voices for pitch in arrays.get("pitches", ())]
    try:
        system = make_system(system_named(timbre.system))
        fits = isinstance(system, StyleSystem) and system.weights_sha256 == timbre.weights
    except CambiataError:
        fits = False
    return {
        "system": timbre.system,
        "fits": fits,
        "voices": [float(share) for share, _ in timbre.voices],
        "sources": list(timbre.sources),
        "duration_s": timbre.duration_s,
        "n_notes": len(pitches),
        "lowest": min(pitches, default=None),
        "highest": max(pitches, default=None),
    }


def timbre_file_facts(path: Path) -> dict[str, Any]:
    """Facts about a .timbre file."""
    return facts_of(load_timbre(path))


def write_named_timbre(name: str, output: Path) -> None:
    """Write the recording of a timbre that ships, for a browser to play."""
    from cambiata.audio.writing import Destination
    from cambiata.named_timbres.named import timbre_named

    sound = timbre_named(name)
    Destination(output, like=sound, subtype="PCM_16", force=True).write(sound.blocks())
