"""The command line: one subcommand is one call of the API; no defaults and no sound of its own."""

import inspect
import json
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, asdict, fields
from typing import Any

import click

import cambiata
from cambiata.conversion import Options, Report
from cambiata.systems.base import Progress

_HELP = {"help_option_names": ["-h", "--help"]}


def main() -> None:
    """Run the command line; exit codes: 0 done, 2 bad input, 130 interrupted, 1 anything else."""
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
    except (_InterruptedError, click.Abort):
        code = _fail("interrupted; nothing was written", 130)
    except cambiata.CambiataError as error:
        code = _fail(str(error), 1)
    except OSError as error:
        code = _fail(f"{error.filename or 'output'}: {error.strerror or error}", 1)
    except MemoryError:
        code = _fail("out of memory; use a shorter style or --set chunk_s=5", 1)
    sys.exit(code)


def _fail(message: str, code: int) -> int:
    click.echo("cambiata: " + " ".join(message.split()), err=True)
    return code


def _show_warning(message: Warning | str, category: type[Warning], *_rest: Any) -> None:
    # What concerns the sound is said in one line; what concerns programmers is not.
    if issubclass(category, cambiata.CambiataWarning):
        click.echo(f"cambiata: {message}", err=True)


class _Group(click.Group):
    """Keeps interrupts for `main`: click would print an empty line and lose the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _InterruptedError from None


class _InterruptedError(Exception):
    pass


@click.group(cls=_Group, context_settings=_HELP)
@click.version_option(cambiata.__version__, prog_name="cambiata")
def cli() -> None:
    """Play the notes of one recording with the sound of another."""


def _default(name: str) -> Any:
    """The API's own default of a keyword argument."""
    for field in fields(Options):
        if field.name == name:
            return None if field.default is MISSING else field.default
    return inspect.signature(cambiata.transfer_file).parameters[name].default


def _option(flag: str, name: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(
        flag, name, default=_default(name), show_default=_default(name) is not None, **attributes
    )


def _settings(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for key, equals, _value in pairs:
        if not equals:
            raise click.BadParameter(f"{key} has no value; write it as {key}=VALUE")
    return {key.replace("-", "_"): value for key, _, value in pairs}


@cli.command(context_settings=_HELP)
@click.argument("content")
@click.argument("style")
@click.option("-o", "--output", required=True, metavar="OUT", help="File to write; - for stdout.")
@_option("--system", "system", metavar="NAME", help="See `cambiata systems`.")
@_option("--amount", "amount", type=float, help="0 is the content, 1 the full transfer.")
@_option("--preset", "preset", metavar="NAME", help="Named settings of the system.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_settings,
    help="Change one of the system's settings; may be repeated.",
)
@_option("--start", "start_s", type=float, metavar="S", help="Begin of the content's region.")
@_option("--end", "end_s", type=float, metavar="S", help="End of the content's region.")
@_option("--style-start", "style_start_s", type=float, metavar="S", help="Begin of the style's.")
@_option("--style-end", "style_end_s", type=float, metavar="S", help="End of the style's region.")
@_option("--in-place", "in_place", is_flag=True, help="Keep the content around the region.")
@_option("--tail", "tail_s", type=float, metavar="S", help="Let the last note ring so long.")
@_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else the content's.")
@_option("--channels", "n_channels", type=int, metavar="N", help="Channels, else the content's.")
@_option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ...")
@_option("--force", "force", is_flag=True, help="Replace an output that exists.")
@_option("--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def transfer(
    content: str, style: str, output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Play CONTENT's notes and timing with STYLE's sound.

    wav, flac, ogg, mp3 and aiff; - is a wav on standard input.
    """
    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _progress_bar(hidden=quiet) as progress:
        report = cambiata.transfer_file(content, style, output, progress=progress, **options)
    if as_json:
        # Sound on standard output leaves standard error for the rest.
        click.echo(json.dumps(asdict(report), indent=2), err=output == "-")
    elif not quiet:
        click.echo(_sentence(report), err=True)


def _sentence(report: Report) -> str:
    used = ""
    if report.style_used_s < report.style_s - 0.01:
        used = f"; the style's first {report.style_used_s:.0f} s of {report.style_s:.0f} were used"
    speed = "" if report.amount == 0 else f" (real-time factor {report.real_time_factor:.2f})"
    return (
        f"{report.output}: {report.duration_s:.1f} s by {report.system}, "
        f"amount {report.amount:g}, in {report.elapsed_s:.1f} s{speed}{used}"
    )


@contextmanager
def _progress_bar(hidden: bool) -> Iterator[Progress | None]:
    """A progress bar on a terminal, nothing in a pipe."""
    if hidden or not sys.stderr.isatty():
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


@cli.command(context_settings=_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def systems(as_json: bool) -> None:
    """What there is: name, one line, paper, trained or not, licence of the weights."""
    rows: list[dict[str, Any]] = [
        {
            "name": system.name,
            "summary": system.summary,
            "paper": system.paper,
            "trained": system.trained,
            "weights_licence": system.weights_licence,
            "needs": f"cambiata[{system.extra}]" if system.extra else "base install",
            "presets": list(system.presets),
        }
        for system in cambiata.available_systems()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        trained = "trained" if row["trained"] else "needs no training"
        click.echo(f"{row['name']}: {row['summary']}")
        click.echo(f"    paper    {row['paper']}")
        click.echo(f"    weights  {trained}; licence: {row['weights_licence']}")
        click.echo(f"    needs    {row['needs']}")
        click.echo(f"    presets  {', '.join(row['presets'])}")
