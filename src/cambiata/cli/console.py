"""Output of the command line: reports, warnings, progress."""

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import click

from cambiata.errors import CambiataWarning
from cambiata.system import Progress


class Interruption(Exception):  # noqa: N818
    """An interrupt; its text says how to go on, else nothing was written."""


def silence_warnings(quiet: bool) -> None:
    """Keep warnings to oneself, where that is asked for."""
    if quiet:
        warnings.simplefilter("ignore", CambiataWarning)


def printable(text: str) -> str:
    r"""Text that a terminal only shows: a file's name may hold anything, even control characters.

    >>> printable("odd\x1b[2J name.wav")
    'odd?[2J name.wav'
    """
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def shown_path(output: str) -> str:
    """An output's path in a sentence: "-" is standard output."""
    return "standard output" if output == "-" else output


def one_line(text: str) -> str:
    r"""Text as one printable line.

    >>> one_line("odd\n name.wav")
    'odd name.wav'
    """
    return printable(" ".join(text.split()))


def print_report(
    report: Any, sentence: str, *, quiet: bool, as_json: bool, on_stdout: bool = False
) -> None:
    """Print a report as JSON, or as a sentence on standard error.

    `on_stdout` says that standard output has the sound: then all else goes to standard error.
    """
    if as_json:
        facts = report if isinstance(report, dict) else asdict(report)
        click.echo(json.dumps(facts, indent=2), err=on_stdout)
    elif not quiet:
        click.echo(printable(sentence), err=True)


def print_json(facts: Any) -> None:
    """Print facts as JSON, names in their own letters where the terminal has them."""
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    try:
        text.encode((sys.stdout and sys.stdout.encoding) or "utf-8")
    except UnicodeEncodeError:  # a name that is no Unicode, or a terminal that is not in UTF-8
        text = json.dumps(facts, indent=2)
    click.echo(text)


def _is_watched() -> bool:
    """Whether standard error is a terminal; there may be none at all."""
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress_bar(hidden: bool) -> Iterator[Progress | None]:
    """A progress bar on a terminal, nothing in a pipe."""
    if hidden or not _is_watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    bar = Progress(
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=1.0)
        yield lambda share: bar.update(task, completed=share)


@contextmanager
def stage_bars(hidden: bool) -> Iterator[Callable[[str, float], None] | None]:
    """A progress bar for each stage on a terminal, nothing in a pipe."""
    if hidden or not _is_watched():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    stages: dict[str, TaskID] = {}

    def show(stage: str, share: float) -> None:
        if stage not in stages:
            stages[stage] = bar.add_task(stage, total=1.0)
        bar.update(stages[stage], completed=share)

    with bar:
        yield show
