"""Inputs of a batch: files, folders, patterns, or the rows of a CSV file."""

import csv
import glob
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cambiata.batches.places import found_in, is_remote, matches
from cambiata.errors import InputError
from cambiata.inputs import read_input

_MOST_CSV_BYTES = 1 << 28  # a million rows of 250 characters


def expand(
    given: Sequence[str],
    suffixes: Sequence[str],
    kind: str = "sound files",
    is_left_out: Callable[[str], bool] = lambda _file: False,
) -> list[str]:
    """Files as they are named; of folders and of patterns, the files in them, sorted."""
    found: list[str] = []
    for text in given:
        inside = found_in(text, suffixes)
        if inside is not None:
            inside = [each for each in inside if not is_left_out(each)]
            if not inside:
                problem = f"is a folder without {kind}"
                raise InputError(text, problem, "name a file, or another folder")
            found += inside
        elif glob.has_magic(text) and (is_remote(text) or not Path(text).exists()):
            # Not Path.glob, which takes no absolute pattern.
            named = matches(text) if is_remote(text) else glob.glob(text, recursive=True)  # noqa: PTH207
            if not named:
                raise InputError(text, "matches no file", "check the pattern")
            found += sorted(named)
        else:
            found.append(text)
    return list(dict.fromkeys(found))


def is_table(inputs: Sequence[Any]) -> bool:
    """Whether inputs are a CSV file: one that is named so, alone."""
    return len(inputs) == 1 and str(inputs[0]).lower().endswith(".csv")


def read_table(path: str, *, errors: str = "strict") -> list[Mapping[str, str]]:
    """Rows of a CSV file by its first line's names; `errors`: of what is not in UTF-8."""
    data = read_input(path, "a CSV file", most_bytes=_MOST_CSV_BYTES)
    try:
        text = data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise InputError(path, "is not text in UTF-8", "save it as CSV in UTF-8") from error
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
        rows = list(reader)
    except csv.Error as error:
        raise InputError(path, f"is not a CSV file ({error})", "save it as CSV") from error
    if not rows:
        raise InputError(path, "holds no rows", "write a line of names, then a line an item")
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            problem = f"row {number} has more or fewer cells than the first line has names"
            raise InputError(path, problem, "put cells with commas in quotes")
    return list(rows)
