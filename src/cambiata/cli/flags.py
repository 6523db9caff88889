"""Messages of the API in the words of the command line: keywords as flags, functions as verbs."""

import ast
import re
import shlex
from collections.abc import Iterator

import click

# Functions that messages name, and the verbs that do the same.
_VERBS = {
    "cambiata.capture_timbre": "cambiata timbre capture",
    "cambiata.domains()": "cambiata domains list",
    "cambiata.fit_knobs": "cambiata knobs fit",
    "cambiata.mix_timbres": "cambiata timbre mix",
    "cambiata.reverb_capture": "cambiata reverb capture",
    "cambiata.reverb_sweep": "cambiata reverb sweep",
    "cambiata.play": "cambiata play",
    "cambiata.transcribe": "cambiata transcribe",
    "cambiata.translate": "cambiata translate",
}
_IN_BACKTICKS = re.compile(r"`([^`]+)`")
_KEYWORD = re.compile(r"(\w+)(?:=(.+))?", re.DOTALL)


def in_flags(message: str, root: click.Command) -> str:
    """A message whose keywords, in backticks, are written as flags of a command's tree.

    >>> from cambiata.cli.main import cli
    >>> in_flags('use `system="oneshot"`, or leave out `in_place`', cli)
    'use --system oneshot, or leave out --in-place'
    """
    if not _IN_BACKTICKS.search(message):
        return message  # a tree is read by loading the modules of all verbs: 0.8 s and 32 MiB
    parameters = {parameter.name: parameter for parameter in _parameters(root)}

    def replace(match: re.Match[str]) -> str:
        text = match[1]
        if text in _VERBS:
            return f"`{_VERBS[text]}`"
        keyword = _KEYWORD.fullmatch(text)
        if keyword is None or keyword[1] not in parameters:
            return match[0]
        return _flag(parameters[keyword[1]], keyword[2])

    return _IN_BACKTICKS.sub(replace, message)


def _parameters(command: click.Command) -> Iterator[click.Parameter]:
    """Parameters of a command and all below it, options last: they win where a name is both."""
    commands, found = [command], []
    while commands:
        each = commands.pop()
        found += each.params
        if isinstance(each, click.Group):
            commands += each.commands.values()
    return iter(sorted(found, key=lambda parameter: isinstance(parameter, click.Option)))


def _flag(parameter: click.Parameter, value: str | None) -> str:
    """A parameter as it is typed, with the value that Python would be given."""
    if isinstance(parameter, click.Argument):
        return (parameter.name or "").upper()
    flag = parameter.opts[0]
    if value in (None, "True", "None"):
        return flag
    if value == "False":
        return parameter.secondary_opts[0] if parameter.secondary_opts else flag
    try:
        plain = ast.literal_eval(str(value))
    except (ValueError, SyntaxError):  # a placeholder, NAME or FOLDER
        plain = value
    if isinstance(plain, dict):
        return " ".join(f"{flag} {key}={each}" for key, each in plain.items())
    return f"{flag} {shlex.quote(str(plain))}"
