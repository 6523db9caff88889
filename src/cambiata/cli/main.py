"""The entry point of the command line: its verbs, its errors and its exit codes."""

import ctypes
import io
import os
import signal
import sys
import warnings
from contextlib import suppress
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
    "serve": "serve_verb",
    "data": "lab_verbs",
    "train": "lab_verbs",
    "evaluate": "lab_verbs",
}


def main() -> None:
    """Run the command line; exit codes: 0 done, 2 bad input, 130 interrupted, 1 anything else."""
    if sys.platform == "linux":
        # Heaps of their own the threads keep: a transfer of two minutes took 1.1 GB instead of 0.6.
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    _mend_streams()
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    for name in ("SIGTERM", "SIGHUP"):  # leave as by an error: scratch files go
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _frame: sys.exit(128 + number))
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        code = _fail(error.format_message(), 2)
    except cambiata.InputError as error:
        code = _fail(str(error), 2)
    except (Interruption, click.Abort) as error:
        code = _fail(f"interrupted; {str(error) or _what_was_written()}", 130)
    except cambiata.CambiataError as error:
        code = _fail(str(error), 1)
    except OSError as error:
        code = _fail(f"{error.filename or 'output'}: {error.strerror or error}", 1)
    except MemoryError:
        code = _fail(f"out of memory; {_less_memory()}", 1)
    sys.exit(code)


def _less_memory() -> str:
    """How the verb that was called would do with less memory."""
    plays_sounds = sys.argv[1:2] in (["transfer"], ["translate"])
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


def _fail(message: str, code: int) -> int:
    click.echo(f"cambiata: {one_line(in_flags(message, cli))}", err=True)
    return code


def _show_warning(message: Warning | str, category: type[Warning], *_rest: Any) -> None:
    # A warning about the sound is one line; what concerns programmers is not shown.
    if issubclass(category, cambiata.CambiataWarning):
        click.echo(f"cambiata: {one_line(in_flags(str(message), cli))}", err=True)


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
