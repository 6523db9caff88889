"""What a batch is to do: its items with their words and outputs, checked before any work."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cambiata.batches import places
from cambiata.batches.inputs import expand, is_table, read_table
from cambiata.batches.manifest import BatchItem, Manifest, same_options
from cambiata.batches.templates import check_outputs, fields_of, fill
from cambiata.batches.verbs import SIDES, Call, Verb
from cambiata.batches.work import Task
from cambiata.errors import InputError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Planned:
    """An item: its row of the manifest, and its task."""

    item: BatchItem
    task: Task


def plan_items(
    verb: Verb,
    inputs: Sequence[Any],
    output: str | None,
    options: Mapping[str, Any] | Sequence[str],
    version: str,
) -> list[Planned]:
    """Items in order; refused where one cannot be written, or two would be one file."""
    planned = []
    for index, (row, name) in enumerate(_rows(verb, inputs), 1):
        row = dict(row)
        own = row.pop("output", None) or output
        if own is None:
            raise InputError(name, "has no output", "name one, as in -o {stem}-out.wav")
        planned.append(_plan(verb, row, options, str(own), index, name, version))
    written = [(each, one.item.input) for one in planned for each in one.task.writes]
    check_outputs(written, {place for one in planned for place in one.task.reads})
    return planned


def _rows(verb: Verb, inputs: Sequence[Any]) -> Iterator[tuple[Row, str]]:
    """Values by name of each item, and what messages call it."""
    if is_table(inputs):
        path = str(inputs[0])
        yield from ((row, f"{path}, row {n}") for n, row in enumerate(read_table(path), 1))
        return
    mappings = [isinstance(each, Mapping) for each in inputs]
    if not inputs:
        raise InputError("inputs", "are none", "name files, a folder, a pattern or a .csv file")
    if any(mappings):
        if not all(mappings):
            raise InputError("inputs", "are rows and files", "give all as rows, or all as files")
        yield from ((row, f"row {n}") for n, row in enumerate(inputs, 1))
        return
    given = [places.as_path(str(each)) for each in inputs]
    for path in expand(given, verb.suffixes, "files that the verb reads"):
        yield {verb.first: [path] if verb.takes_several else path}, path


def _plan(
    verb: Verb,
    row: Row,
    options: Mapping[str, Any] | Sequence[str],
    output: str,
    index: int,
    name: str,
    version: str,
) -> Planned:
    if isinstance(options, Mapping):
        words = verb.words_of({**options, **row}, name)
    else:
        words = [*verb.words_of(row, name), *options]
    call = verb.parse(words, name)
    first = call.first or name
    if first == "-":
        raise InputError("-", "goes with one input alone", "name files")
    fields = fields_of(first, index, call.fields)
    place = places.as_path(fill(output, fields))
    words, sides = _with_sides(call, fields)
    whole = (*verb.words, *words, "-o", place, *(["--force"] if verb.takes_force else []))
    task = Task(index - 1, whole, call.places, (place, *sides))
    item = BatchItem(first, place, verb=verb.name, options=call.options, version=version)
    return Planned(item, task)


def _with_sides(call: Call, fields: Mapping[str, str | int]) -> tuple[list[str], list[str]]:
    """Words whose pictures and pages are named by the item, and these names."""
    words, sides = list(call.words), []
    for name in SIDES:
        template = call.options.get(name)
        if template is None:
            continue
        filled = places.as_path(fill(str(template), fields))
        sides.append(filled)
        for i, word in enumerate(words):
            if word == template or word.endswith(f"={template}"):
                words[i] = word.removesuffix(str(template)) + filled
    return words, sides


def left_to_do(planned: Sequence[Planned], manifest: Manifest, *, force: bool) -> list[Planned]:
    """Items that are not done yet; rows of all are put into the manifest.

    An output that is there and of which the manifest does not know is refused: its item has failed.
    """
    todo = []
    for each in planned:
        row = manifest.before.get(places.identity(each.item.output))
        if row is not None and _is_done(each, row):
            manifest.put(row)
            continue
        foreign = None if force else _foreign(each, row)
        if foreign is not None:
            cure = "choose another name, or replace it with `force=True`"
            manifest.put(replace(each.item, status="failed", message=f"{foreign}; {cure}"))
            continue
        manifest.put(each.item)
        todo.append(each)
    return todo


def _is_done(planned: Planned, row: BatchItem) -> bool:
    """Whether an item was done with these options, of these inputs, and its output is there."""
    item = planned.item
    if row.status != "done" or row.verb != item.verb:
        return False
    if not same_options(row.options, item.options) or set(row.inputs) != set(planned.task.reads):
        return False
    prints = {**row.inputs, item.output: row.output_sha256}
    return all(_has_print(place, value) for place, value in prints.items())


def _has_print(place: str, value: str) -> bool:
    try:
        return places.fingerprint(place) == value
    except OSError:
        return False


def _foreign(planned: Planned, row: BatchItem | None) -> str | None:
    """What is wrong with what lies in an item's place, unless it is this batch's own."""
    output, *sides = planned.task.writes
    if row is not None and row.status == "pending":
        return None
    if row is not None and places.exists(output) and not _has_print(output, row.output_sha256):
        return f"{output}: is not as this batch has left it"
    if row is not None:
        return None
    there = next((each for each in (output, *sides) if places.exists(each)), None)
    return None if there is None else f"{there}: exists"
