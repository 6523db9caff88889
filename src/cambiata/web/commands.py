"""The command line that does the same as a job: read from the command line's own options."""

import shlex
from collections.abc import Mapping
from typing import Any

import click

from cambiata.cli import audio_verbs, score_verbs, transfer_verb
from cambiata.web.verb import Tool, Verb, named

_COMMANDS: Mapping[str, click.Command] = {
    "transfer": transfer_verb.transfer,
    "play": audio_verbs.play,
    "transcribe": audio_verbs.transcribe,
    "translate": audio_verbs.translate,
    "melody": score_verbs.melody,
    "groove": score_verbs.groove,
    "counterpoint-solve": score_verbs.solve,
    "counterpoint-check": score_verbs.check,
    "timbre-capture": audio_verbs.capture,
    "timbre-mix": audio_verbs.mix,
}


def command_line(
    verb: Verb,
    given: Mapping[str, Any],
    options: Mapping[str, Any],
    output: str,
    midi: str | None = None,
    to: Mapping[str, float] | None = None,
) -> str:
    """A line to copy into a terminal, in the folder where the files are."""
    if verb.name == "edit":
        return _edit_lines(given, options, output)
    command, separators = _COMMANDS.get(verb.name), {}
    if isinstance(verb, Tool):
        command, separators = named(verb.command), dict(verb.separators)
    assert command is not None
    words = ["cambiata", *verb.name.split("-")]
    before: list[str] = []
    for each in verb.inputs:
        value = given[each.name]
        if verb.name == "melody" and each.name == "style":
            folder = isinstance(value, list)
            words += ["--style", "style/" if folder else value]
            before += _into_folder("style", value) if folder else []
        elif verb.name == "groove" and isinstance(value, list):
            words.append("drummer/")
            before += _into_folder("drummer", value)
        elif each.many == "shares":
            words += [f"{name}={_number(share)}" for name, share in value.items()]
        elif isinstance(value, list):
            words += value
        elif value is not None:
            words.append(value)
    for name, share in (to or {}).items():
        words += ["--to", name if len(to or {}) == 1 else f"{name}={_number(share)}"]
    if output:
        words += ["-o", output]
    if midi is not None:
        words += ["--midi", midi]
    parameters = {parameter.name: parameter for parameter in command.params}
    for name, value in options.items():
        parameter = parameters.get(name)
        value = _texts(value, separators.get(name, ","))
        if isinstance(parameter, click.Option) and value != parameter.default:
            words += _flag(parameter, value)
    return "\n".join([*before, shlex.join(words)])


def _flag(option: click.Option, value: Any) -> list[str]:
    """An option with its value, as it is typed; nothing for what is not set."""
    if value is None or value in ({}, (), []):
        return []
    flag = option.opts[0]
    if isinstance(value, bool):
        if value:
            return [flag]
        return [option.secondary_opts[0]] if option.secondary_opts else []
    if isinstance(value, list):
        return [word for each in value for word in (flag, each)]
    if isinstance(value, Mapping):
        return [word for key, each in value.items() for word in (flag, f"{key}={each}")]
    return [flag, _number(value)]


def _texts(value: Any, separator: str) -> Any:
    """Numbers as one text, several of these as a list of texts; else what is given.

    >>> _texts((21, 108), "-"), _texts([(7, 4, 1.5)], ",")
    ('21-108', ['7,4,1.5'])
    """
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        return [_texts(each, separator) for each in value]
    if isinstance(value, list | tuple) and value:
        return separator.join(_number(each) for each in value)
    return value


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _into_folder(folder: str, files: list[str]) -> list[str]:
    return [shlex.join(["mkdir", folder]), shlex.join(["cp", *files, f"{folder}/"])]


def _edit_lines(given: Mapping[str, Any], options: Mapping[str, Any], output: str) -> str:
    """The nearest that the terminal has: the notes played with the recording's sound."""
    line = ["cambiata", "play", given["score"], given["recording"], "-o", output]
    if options["seed"]:
        line += ["--seed", str(options["seed"])]
    return shlex.join(line)
