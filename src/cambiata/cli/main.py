"""The entry point of the command line: its verbs, its errors and its exit codes."""

import ctypes
import io
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

import cambiata
from cambiata.cli.console import Interruption, one_line, print_json
from cambiata.cli.flags import in_flags
from cambiata.cli.groups import TopGroup
from cambiata.cli.options import HELP, list_as_json_option
from cambiata.files import finished_files
from cambiata.registry import system_rows

_M_ARENA_MAX = -8  # malloc.h of glibc
# Where each verb is.
_MODULES = {
    "transfer": "transfer_verb",
    "play": "audio_verbs",
    "translate": "audio_verbs",
    "transcribe": "audio_verbs",
    "domains": "audio_verbs",
    "timbre": "timbre_verbs",
    "instrument": "instrument_verb",
    "knobs": "knobs_verbs",
    "morph": "morph_verb",
    "melody": "score_verbs",
    "groove": "score_verbs",
    "counterpoint": "score_verbs",
    "choir": "choir_verb",
    "reverb": "reverb_verbs",
    "transpose": "transposition_verbs",
    "stretch": "transposition_verbs",
    "batch": "batch_verb",
    "serve": "serve_verb",
    "data": "lab_verbs",
    "train": "lab_verbs",
    "evaluate": "lab_verbs",
}


def main() -> None:
    """Run the command line; exit codes: 0 done, 2 bad input, 130 interrupted, 1 anything else."""
    limit_heaps()
    _mend_streams()
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    for name in ("SIGTERM", "SIGHUP"):  # leave as by an error: scratch files go
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _frame: sys.exit(128 + number))
    code, message = outcome()
    if message:
        click.echo(f"cambiata: {message}", err=True)
    sys.exit(code)


def limit_heaps() -> None:
    """Let threads share one heap: with their own, two minutes of sound took 1.1 GB, not 0.6."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def outcome(words: Sequence[str] | None = None) -> tuple[int, str]:
    """Exit code of a command, of the process's own words by default, and its line if it failed."""
    try:
        return cli.main(words, standalone_mode=False) or 0, ""
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0, ""
    except click.ClickException as error:
        code, message = 2, error.format_message()
    except cambiata.InputError as error:
        code, message = 2, str(error)
    except (Interruption, click.Abort) as error:
        code, message = 130, f"interrupted; {str(error) or _what_was_written()}"
    except cambiata.CambiataError as error:
        code, message = 1, str(error)
    except OSError as error:
        if _is_nowhere():
            return 2, "the folder that this was begun in was removed; go to another"
        code, message = 1, f"{error.filename or 'output'}: {error.strerror or error}"
    except MemoryError:
        code, message = 1, f"out of memory; {_less_memory(words or sys.argv[1:])}"
    return code, in_line(message)


def _is_nowhere() -> bool:
    """Whether the current folder is gone."""
    try:
        return not Path.cwd().exists()
    except OSError:
        return True


def _less_memory(words: Sequence[str]) -> str:
    """How the verb that was called would do with less memory."""
    plays_sounds = list(words[:1]) in (["transfer"], ["translate"])
    return "use a shorter style or --set chunk_s=5" if plays_sounds else "give less at once"


def _mend_streams() -> None:
    """Let no output be opened in the place of a closed stream, and no letter end the program."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed, as for a daemon: the next file that is opened would get it
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal in Latin-1, a name that is no text
            stream.reconfigure(errors="backslashreplace")


def _what_was_written() -> str:
    """Files that an interrupt has left whole, in words: the last one may have been done already."""
    names = [str(place) for place in finished_files()]
    verb = "is" if len(names) == 1 else "are"
    return f"{' and '.join(names)} {verb} written" if names else "nothing was written"


def in_line(message: str) -> str:
    """A message of the API in the words of the command line, on one line."""
    return one_line(in_flags(message, cli))


def _show_warning(message: Warning | str, category: type[Warning], *_rest: Any) -> None:
    # A warning about the sound is one line; what concerns programmers is not shown.
    if issubclass(category, cambiata.CambiataWarning):
        click.echo(f"cambiata: {in_line(str(message))}", err=True)


@click.group(cls=TopGroup, modules=_MODULES, context_settings=HELP)
@click.version_option(cambiata.__version__, prog_name="cambiata")
def cli() -> None:
    """Play the notes of one recording with the sound of another."""


@cli.command(context_settings=HELP)
@list_as_json_option
def systems(as_json: bool) -> None:
    """List the systems: name, one line, paper, trained or not, licence of the weights."""
    rows = list(system_rows())
    if as_json:
        print_json(rows)
        return
    for row in rows:
        trained = "trained" if row["trained"] else "needs no training"
        click.echo(f"{row['name']}: {row['summary']}")
        click.echo(f"    paper    {row['paper']}")
        click.echo(f"    weights  {trained}; licence: {row['weights_licence']}")
        click.echo(f"    needs    {row['needs']}")
        if row["presets"]:
            click.echo(f"    presets  {', '.join(row['presets'])}")
        if row["settings"]:
            shown = (f"{name}={value}" for name, value in row["settings"].items())
            click.echo(f"    settings {', '.join(shown)}")
