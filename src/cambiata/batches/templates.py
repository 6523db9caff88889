"""Names of outputs, by a template like "{stem}-{style}.wav"; checked before any work is done."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Formatter

from cambiata.batches.places import folder_of, identity, name_of
from cambiata.errors import InputError
from cambiata.names import nearest_names

# Of every item: its input without and with its extension, where that lies, the extension, which
# one it is (from 1).
FIELDS = ("stem", "name", "folder", "suffix", "index")


def fields_of(first: str, index: int, named: Mapping[str, str]) -> dict[str, str | int]:
    """Values of a template's fields for one item.

    >>> fields_of("songs/a.wav", 1, {"style": "cello"})["style"]
    'cello'
    """
    name = name_of(first)
    own: dict[str, str | int] = {
        "stem": Path(name).stem,
        "name": name,
        "folder": folder_of(first),
        "suffix": Path(name).suffix,
        "index": index,
    }
    return {**named, **own}


def fill(template: str, fields: Mapping[str, str | int]) -> str:
    """A template with its fields filled in; an unknown field is refused.

    >>> fill("{index:03d}-{stem}.wav", {"index": 7, "stem": "a"})
    '007-a.wav'
    """
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        problem = f"is not a template ({error})"
        raise InputError(template, problem, "write fields like {stem}, braces twice") from error
    for name in names:
        if name not in fields:
            near = nearest_names(name, sorted(fields))
            hint = f" ({near})" if near else ""
            problem = f"has the unknown field {{{name}}}{hint}"
            raise InputError(template, problem, f"use {', '.join(sorted(fields))}")
    try:
        return template.format_map(fields)
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        problem = f"cannot be filled in ({error})"
        raise InputError(template, problem, "write fields like {stem} or {index:04d}") from error


def check_outputs(written: Iterable[tuple[str, str]], read: Iterable[str]) -> None:
    """Refuse outputs, each with its item's input, that are two items' or an input."""
    inputs = {identity(place) for place in read}
    owners: dict[str, str] = {}
    for output, item in written:
        if output == "-":
            raise InputError("-", "goes with one input alone", "name files, as in {stem}.wav")
        key = identity(output)
        if key in owners:
            both = f"would be written for {owners[key]} and for {item}"
            cure = "add {index} or {folder} to the output's name"
            raise InputError(output, both, cure)
        if key in inputs:
            raise InputError(output, "is also an input", "choose another output")
        owners[key] = item
