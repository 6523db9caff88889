"""Many contents of one verb: files, folders and patterns; what each result is called; a summary."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

import cambiata
from cambiata.audio.source import SOUND_SUFFIXES
from cambiata.batches import inputs
from cambiata.cli.console import one_line, print_json, printable
from cambiata.cli.flags import in_flags
from cambiata.style import open_style

# A result beside its content has its content's format where that loses nothing.
_LOSSLESS = (".wav", ".flac", ".aiff", ".aif")


class SomeFailedError(cambiata.CambiataError):
    """Some of many contents could not be worked on; the others were (exit code 1)."""


def expand(given: Sequence[str], style: str) -> list[str]:
    """Contents of what was typed: files as they are; sound files of folders and of patterns.

    Of a folder the style is left out, and what an earlier run with it left there.
    """
    if not given:
        raise click.UsageError("Missing argument 'STYLE'.")  # the one that is there is the content
    earlier = re.compile(rf".*-{re.escape(_stem(style))}(-\d+)?")

    def is_of_the_style(file: str) -> bool:
        path = Path(file)
        is_style = Path(style).exists() and path.samefile(style)
        return bool(earlier.fullmatch(path.stem)) or is_style

    return inputs.expand(given, SOUND_SUFFIXES, is_left_out=is_of_the_style)


def refuse_output_as_style(style: str) -> None:
    """Refuse a style that is not there and named like a sound: the output, without its -o."""
    if Path(style).suffix.lower() in SOUND_SUFFIXES and not Path(style).exists():
        raise cambiata.InputError(style, "no such file", "check the path (outputs go behind -o)")


def _stem(style: str) -> str:
    """What a style is called in the names of results."""
    return "stdin" if style == "-" else Path(style).stem


def name_beside(
    content: str, style: str, folder: str | None, force: bool, taken: Collection[str] = ()
) -> str:
    """Name of a result: CONTENT-STYLE beside the content, numbered where there is such a file.

    With `force` files are replaced, but for those of this call, which are `taken`.
    """
    if content == "-":
        raise cambiata.InputError("-", "has no place for a result beside it", "name an `output`")
    place = Path(content)
    suffix = place.suffix if place.suffix.lower() in _LOSSLESS else ".wav"
    parent = place.parent if folder is None else Path(folder)
    first = parent / f"{place.stem}-{_stem(style)}{suffix}"
    result, number = first, 1
    while str(result) in taken or (result.exists() and not force):
        number += 1
        result = first.with_stem(f"{first.stem}-{number}")
    return str(result)


def is_folder(output: str | None, n_contents: int) -> bool:
    """Whether an output names a folder: one that is there, or is to be made for many contents."""
    if output is None or output == "-":
        return False
    if n_contents > 1 or output.endswith(("/", "\\")):
        return True
    # A folder of a sound's name is more likely a mistake than meant.
    return Path(output).is_dir() and Path(output).suffix.lower() not in SOUND_SUFFIXES


def check_many(
    contents: Sequence[str], style: str, output: str | None, options: Mapping[str, Any]
) -> None:
    """Refuse, before anything is done, what would stop each of many contents; make their folder."""
    for name in ("picture", "listen"):
        if options.get(name) is not None and len(contents) > 1:
            raise cambiata.InputError(
                str(options[name]), "shows one content", f"leave out `{name}`, or name one content"
            )
    if "-" in contents or output == "-":
        raise cambiata.InputError("-", "goes with one content alone", "name files and a folder")
    open_style(style)
    keywords = {field.name for field in fields(cambiata.Options)}
    cambiata.Options(**{name: options[name] for name in keywords & options.keys()})
    if output is not None:
        make_folder(output)


def make_folder(output: str) -> None:
    """Make the folder of results where it is not there; refuse what is a file, or named so."""
    place = Path(output)
    if place.is_file() or (not place.exists() and place.suffix.lower() in SOUND_SUFFIXES):
        raise cambiata.InputError(
            output, "is a file, and there are several contents", "name a folder"
        )
    if not place.absolute().parent.is_dir():
        raise cambiata.InputError(output, "its folder does not exist", "create it first")
    place.mkdir(exist_ok=True)


def work_on_all(
    contents: Iterable[str],
    work: Callable[[str], Any],
    describe: Callable[[Any], str],
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Work on each content; one that cannot be used is named and does not stop the others."""
    root = click.get_current_context().find_root().command
    done: list[Any] = []
    failed: list[dict[str, str]] = []
    for content in contents:
        try:
            report = work(content)
        except (cambiata.CambiataError, OSError) as error:
            problem = one_line(in_flags(str(error), root))
            failed.append({"content": content, "problem": problem})
            click.echo(f"cambiata: {problem}", err=True)
            continue
        done.append(report)
        if not quiet and not as_json:
            click.echo(printable(describe(report)), err=True)
    if as_json:
        facts = {"done": [asdict(report) for report in done], "failed": failed}
        print_json(facts)
    n_contents = len(done) + len(failed)
    if failed:
        names = ", ".join(each["content"] for each in failed)
        raise SomeFailedError(f"{len(done)} of {n_contents} done; not done: {names}")
    if not quiet and not as_json:
        click.echo(f"{n_contents} of {n_contents} done", err=True)
