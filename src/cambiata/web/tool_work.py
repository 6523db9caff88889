"""A sound tool's job done in a worker: inputs and options by their names, whatever the tool."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from zipfile import ZIP_STORED, ZipFile

from cambiata.keywords import keywords_of
from cambiata.system import Progress
from cambiata.timbre import SUFFIX
from cambiata.web.limits import Limits
from cambiata.web.verb import Tool, named
from cambiata.web.verb_work import described, plain, timbre_file_facts
from cambiata.web.verbs import VERBS

PICTURE = "picture.svg"


def do(task: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Report of a tool, and facts of what it wrote; the current folder is the job's own."""
    tool = cast("Tool", VERBS[task["verb"]])
    function = named(tool.function)
    options = _tuples(task["options"])
    for each in tool.inputs:
        if each.argument not in options:
            options[each.argument or each.name] = task["inputs"][each.name]
    if tool.makes != "report":
        options["output"] = task["output"]
    keywords = keywords_of(function)
    if "progress" in keywords:
        options["progress"] = progress
    if "picture" in keywords:
        options["picture"] = PICTURE
    opened = [named(tool.opened_by)(options.pop(tool.inputs[0].name))] if tool.opened_by else []
    report = _facts(function(*opened, **options))
    limits = Limits(**task["limits"])
    sounds, files, timbre = {}, {}, {}
    if tool.makes == "sound":
        sounds["output"] = described(Path(task["output"]), "output", limits)
    elif task["output"].endswith(SUFFIX):
        timbre = {"timbre": timbre_file_facts(Path(task["output"]))}
    elif tool.makes == "file":
        files["output"] = _one_file(Path(task["output"]), report)
    if "picture" in keywords:
        files["picture"] = PICTURE
    return {"report": _finite(report), "sounds": sounds, "files": files, "breaches": None, **timbre}


def _facts(made: Any) -> Mapping[str, Any]:
    """A report as `--json` prints it; of what is more than a report, its own facts."""
    facts: Mapping[str, Any] = made.facts() if hasattr(made, "facts") else plain(made)
    return facts


def _one_file(output: Path, report: Mapping[str, Any]) -> str:
    """Name of what was written; with a folder beside it, of an archive of both."""
    if report.get("samples") is None:
        return output.name
    archive = output.with_suffix(".zip")
    with ZipFile(archive, "w", ZIP_STORED) as packed:  # samples hardly get smaller
        for path in (output, *sorted(Path(report["samples"]).iterdir())):
            packed.write(path)
    return archive.name


def _tuples(value: Any) -> Any:
    """Options as they were before they were stored as JSON, which has no tuples."""
    if isinstance(value, Mapping):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value


def _finite(facts: Any) -> Any:
    """Facts without what JSON has no number for."""
    if isinstance(facts, float) and not math.isfinite(facts):
        return None
    if isinstance(facts, Mapping):
        return {str(name): _finite(value) for name, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [_finite(value) for value in facts]
    return facts
