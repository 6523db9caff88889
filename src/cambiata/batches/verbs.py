"""Verbs of the command line as a batch uses them: their parameters by name, their words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from cambiata.audio.source import SOUND_SUFFIXES
from cambiata.batches.places import is_remote
from cambiata.errors import InputError
from cambiata.files import MIDI_INPUT_SUFFIXES, MUSICXML_SUFFIXES
from cambiata.names import nearest_names

# Verbs that are no work on one input, or that go over many of their own accord.
_UNFIT = ("batch", "data", "domains", "evaluate", "serve", "systems", "train")
# Options that name what a verb writes beside its output.
SIDES = ("picture", "listen", "midi")
# What is printed, and what is replaced, is the batch's own to say.
_OWN = ("output", "force", "quiet", "as_json")
_SCORES = (*MIDI_INPUT_SUFFIXES, *MUSICXML_SUFFIXES, ".abc")
# What is taken of a folder, by the first argument's name; else sounds.
_SUFFIXES = {
    "score": _SCORES,
    "tune": _SCORES,
    "cantus": _SCORES,
    "a": (*_SCORES, *SOUND_SUFFIXES),
    "sounds": (*SOUND_SUFFIXES, ".timbre"),
    "shares": (".timbre",),
}
_FILE_URL = re.compile("(^|=)file://")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True)
class Call:
    """One call of a verb: its words, but for the output, and what they say."""

    words: tuple[str, ...]
    first: str  # the first argument's value, or its values
    options: dict[str, Any]  # by the API's names: what was given, and nothing else
    places: tuple[str, ...]  # files, folders and URLs that it reads
    fields: dict[str, str]  # what a name of an output may be made of


class Verb:
    """A verb by its name, which may be of two words: "reverb apply"."""

    def __init__(self, name: str) -> None:
        # Looked up by name, as the command line itself looks up its verbs: it stands above.
        command: click.Command = import_module("cambiata.cli.main").cli
        self.words = tuple(name.split())
        at = ""
        for word in self.words:
            if not isinstance(command, click.Group) or (not at and word in _UNFIT):
                raise self._unknown(name, None)
            found = command.commands.get(word)
            if found is None:
                raise self._unknown(name, command)
            command, at = found, f"{at} {word}".strip()
        self.name, self.command = name, command
        if isinstance(command, click.Group):
            raise self._unknown(name, command)
        self._by_name = {each.name or "": each for each in command.params}
        self._arguments = [each for each in command.params if isinstance(each, click.Argument)]
        if "output" not in self._by_name or not self._arguments:
            problem = "writes no output of an input"
            raise InputError(f"verb {name}", problem, "use one like transfer or transcribe")
        self.takes_force = "force" in self._by_name
        self.first = _singular(self._arguments[0])
        self.takes_several = self._arguments[0].nargs == -1
        self.suffixes = _SUFFIXES.get(self._arguments[0].name or "", SOUND_SUFFIXES)

    @staticmethod
    def _unknown(name: str, within: click.Command | None) -> InputError:
        names = list(within.commands) if isinstance(within, click.Group) else []
        names = [each for each in names if each not in _UNFIT]
        cure = f"use {', '.join(names)}" if names else "use one like transfer or transcribe"
        return InputError(f"verb {name}", "cannot be run in a batch", cure)

    @property
    def accepted(self) -> dict[str, click.Parameter]:
        """Parameters by each of the names that a column or an option may have."""
        found: dict[str, click.Parameter] = {}
        for each in self.command.params:
            if each.name in _OWN:
                continue
            named = {each.name or "", *(opt.lstrip("-") for opt in each.opts if len(opt) > 2)}
            if isinstance(each, click.Argument):
                named = {each.name or "", _singular(each)}
            for name in named:
                found[name] = found[name.replace("-", "_")] = each
        return found

    def words_of(self, given: Mapping[str, Any], subject: str) -> list[str]:
        """Words of values by name: arguments in the verb's order, then options."""
        accepted = self.accepted
        by_parameter: dict[str, Any] = {}
        for name, value in given.items():
            key = name.strip().lstrip("-").replace("-", "_")
            if key not in accepted:
                near = nearest_names(key, sorted(accepted))
                hint = f" ({near})" if near else ""
                problem = f"{self.name} takes no {name}{hint}"
                raise InputError(subject, problem, f"it takes {', '.join(sorted(self._by_name))}")
            if value is not None and value != "":
                by_parameter[accepted[key].name or ""] = value
        words: list[str] = []
        for parameter in self.command.params:
            if parameter.name in by_parameter:
                value = by_parameter[parameter.name]
                words += _words(parameter, value, subject)
        return words

    def parse(self, words: Sequence[str], subject: str) -> Call:
        """What words say; refused where the verb would not take them."""
        words = [_FILE_URL.sub(r"\1", word) for word in words]
        try:
            context = self.command.make_context(self.words[-1], ["-o", "-", *words])
        except click.exceptions.Exit:
            raise InputError(subject, "asks for help", f"see `cambiata {self.name} -h`") from None
        except click.ClickException as error:
            problem = " ".join(error.format_message().split()).rstrip(".")
            cure = f"see `cambiata {self.name} -h`"
            raise InputError(subject, problem, cure) from None
        given = {
            name: value
            for name, value in context.params.items()
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        }
        if given.pop("output", "-") != "-" or given.keys() & {"force", "quiet", "as_json"}:
            problem = "`output`, `force`, `quiet` and `as_json` are the batch's own"
            raise InputError(subject, problem, "give them to the batch instead")
        texts = [text for name in given if name not in SIDES for text in _texts(given[name])]
        texts += [text.rpartition("=")[0] for text in texts if "=" in text]  # a.timbre=0.3
        places = tuple(dict.fromkeys(text for text in texts if is_remote(text) or _is_here(text)))
        first = ";".join(_texts(given.get(self._arguments[0].name or "")))
        return Call(tuple(words), first, given, places, self._fields(given))

    def _fields(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Arguments and options by name: a file as its stem, a number as it is written."""
        fields: dict[str, str] = {}
        for name, value in given.items():
            parameter = self._by_name[name]
            texts = [_short(text) for text in _texts(value)]
            if not texts or name in SIDES:
                continue
            fields[name] = "-".join(texts)
            if isinstance(parameter, click.Argument):
                fields[_singular(parameter)] = fields[name]
        return fields


def is_group(word: str) -> bool:
    """Whether a word is the first of two: "reverb" of "reverb apply"."""
    root = import_module("cambiata.cli.main").cli
    return word not in _UNFIT and isinstance(root.commands.get(word), click.Group)


def _singular(argument: click.Argument) -> str:
    """Name of one of an argument's values: "contents" are many, "content" is one."""
    name = argument.name or ""
    return name.removesuffix("s") if argument.nargs == -1 else name


def _words(parameter: click.Parameter, value: Any, subject: str) -> list[str]:
    """A value as it is typed; of what may be repeated, texts are parted by semicolons."""
    several = parameter.multiple if isinstance(parameter, click.Option) else parameter.nargs == -1
    values = [value]
    if several and isinstance(value, str):
        values = [each.strip() for each in value.split(";") if each.strip()]
    elif several and isinstance(value, Mapping):
        values = [f"{key}={each}" for key, each in value.items()]
    elif several and isinstance(value, Sequence):
        values = list(value)
    if isinstance(parameter, click.Argument):
        return [_not_option(str(each)) for each in values]
    flag = max(parameter.opts, key=len)
    if not getattr(parameter, "is_flag", False):
        return [f"{flag}={each}" if flag.startswith("--") else str(each) for each in values]
    text = str(value).strip().lower()
    if text not in (*_TRUE, *_FALSE):
        raise InputError(subject, f"{flag} is {value!r}", "write it as true or false")
    if text in _TRUE:
        return [flag]
    return [max(parameter.secondary_opts, key=len)] if parameter.secondary_opts else []


def _not_option(text: str) -> str:
    """An argument that is not taken for an option, whatever its name.

    >>> _not_option("-odd.wav")
    './-odd.wav'
    """
    return f"./{text}" if text.startswith("-") and text != "-" else text


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value: it may hold several."""
    if isinstance(value, Mapping):
        yield from (str(key) for key in value)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)


def _is_here(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name
        return False


def _short(text: str) -> str:
    """A value as a part of a name: of files, their stems."""
    if is_remote(text) or Path(text).suffix.lower() in (*SOUND_SUFFIXES, *_SCORES, ".timbre"):
        return Path(text).stem
    if _is_here(text):
        return Path(text).name
    return text.replace("/", "-").replace("\\", "-")
