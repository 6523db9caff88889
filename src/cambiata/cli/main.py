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
from cambiata.cli.options import (
    HELP,
    as_json_option,
    force_option,
    parse_settings,
    quiet_option,
    set_option,
)
from cambiata.cli.score_verbs import counterpoint, groove, melody
from cambiata.errors import MissingExtraError
from cambiata.performance.api import PlayOptions
from cambiata.registry import DEFAULT_TRANSLATOR, system_rows
from cambiata.system import Progress
from cambiata.timbre_transfer.api import Options, Report


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
    except (_InterruptedError, click.Abort) as error:
        code = _fail(f"interrupted; {str(error) or 'nothing was written'}", 130)
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


@click.group(cls=_Group, context_settings=HELP)
@click.version_option(cambiata.__version__, prog_name="cambiata")
def cli() -> None:
    """Play the notes of one recording with the sound of another."""


for command in (melody, groove, counterpoint):
    cli.add_command(command)


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


@cli.command(context_settings=HELP)
@click.argument("content")
@click.argument("style")
@click.option("-o", "--output", required=True, metavar="OUT", help="File to write; - for stdout.")
@_option("--system", "system", metavar="NAME", help="See `cambiata systems`.")
@_option("--amount", "amount", type=float, help="0 is the content, 1 the full transfer.")
@_option("--preset", "preset", metavar="NAME", help="Named settings of the system.")
@set_option
@click.option(
    "--dynamics",
    type=click.Choice(["content", "style"]),
    help="Whose loud and soft notes; else the content's.",
)
@click.option("--octave", metavar="auto|N", help="Move the notes by octaves; else not.")
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

    wav, flac, ogg, mp3 and aiff; - is a wav on standard input. STYLE may be a .timbre file, too.
    """
    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _progress_bar(hidden=quiet) as progress:
        report = cambiata.transfer_file(content, style, output, progress=progress, **options)
    if as_json:
        # Sound on standard output leaves standard error for the rest.
        click.echo(json.dumps(asdict(report), indent=2), err=output == "-")
    elif not quiet:
        click.echo(_describe(report), err=True)


def _describe(report: Report) -> str:
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


def _of(function: Callable[..., Any], name: str) -> Any:
    """The API's own default of a keyword argument of a function, or of its options."""
    for each in fields(PlayOptions):
        if each.name == name:
            return None if each.default is MISSING else each.default
    return inspect.signature(function).parameters[name].default


def _play_option(flag: str, name: str, **attributes: Any) -> Callable[[Any], Any]:
    default = _of(cambiata.play_file, name)
    return click.option(
        flag, name, default=default, show_default=default not in (None, False, True), **attributes
    )


@cli.command(context_settings=HELP)
@click.argument("score")
@click.argument("sound")
@click.option("-o", "--output", required=True, metavar="OUT", help="File to write; - for stdout.")
@_play_option("--system", "system", metavar="NAME", help="See `cambiata systems`.")
@_play_option("--preset", "preset", metavar="NAME", help="Named settings of the system.")
@set_option
@_play_option(
    "--track", "track", type=int, metavar="N", help="Part of the score, from 1; else all."
)
@_play_option("--tempo", "tempo", type=float, metavar="X", help="How many times as fast.")
@_play_option("--pedal/--no-pedal", "pedal", help="Whether the sustain pedal counts (it does).")
@_play_option("--strict", "strict", is_flag=True, help="Refuse notes off the keyboard.")
@_play_option(
    "--instrument",
    "instrument",
    type=click.Choice(["any", "piano"]),
    help="What is heard in a recording given as SCORE.",
)
@_play_option("--midi", "midi", metavar="OUT.mid", help="Keep the notes heard in a recording.")
@_play_option("--tail", "tail_s", type=float, metavar="S", help="Let the last note ring so long.")
@_play_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else SOUND's.")
@_play_option("--channels", "n_channels", type=int, metavar="N", help="Channels, else SOUND's.")
@_play_option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ...")
@_play_option("--force", "force", is_flag=True, help="Replace an output that exists.")
@_play_option("--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def play(score: str, sound: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Play SCORE, a MIDI file, with the sound of SOUND.

    SCORE may be a recording, too: its notes are heard first. SOUND may be a .timbre file.
    """
    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _progress_bar(hidden=quiet) as progress:
        report = cambiata.play_file(score, sound, output, progress=progress, **options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2), err=output == "-")
    elif not quiet:
        saved_notes = f"; its notes in {report.midi}" if report.midi else ""
        click.echo(
            f"{report.output}: {report.n_notes} notes, {report.duration_s:.1f} s by "
            f"{report.system}, in {report.elapsed_s:.1f} s "
            f"(real-time factor {report.real_time_factor:.2f}){saved_notes}",
            err=True,
        )


@cli.command(context_settings=HELP)
@click.argument("recording")
@click.option("-o", "--output", required=True, metavar="OUT.mid", help="MIDI file to write.")
@click.option(
    "--instrument",
    default=_of(cambiata.transcribe_file, "instrument"),
    show_default=True,
    type=click.Choice(["any", "piano"]),
    help="What plays: a piano's notes all have an onset.",
)
@click.option(
    "--onset-threshold",
    type=float,
    metavar="X",
    help="0 to 1: less finds more notes; else what served best.",
)
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def transcribe(recording: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write the notes of RECORDING as a MIDI file."""
    with _progress_bar(hidden=quiet) as progress:
        transcription = cambiata.transcribe_file(recording, output, progress=progress, **options)
    if as_json:
        click.echo(json.dumps(asdict(transcription), indent=2))
    elif not quiet:
        click.echo(
            f"{transcription.output}: {transcription.n_notes} notes of {transcription.duration_s:.1f} s, in "
            f"{transcription.elapsed_s:.1f} s (real-time factor {transcription.real_time_factor:.2f})",
            err=True,
        )


def _parse_shares(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    """Domains and shares, as in NAME or NAME=0.6."""
    shares: dict[str, float] = {}
    for text in texts:
        name, equals, share = text.partition("=")
        if name in shares:
            raise click.BadParameter(f"{name} is named twice")
        try:
            shares[name] = float(share) if equals else 1.0
        except ValueError:
            raise click.BadParameter(f"{text}: {share} is no number") from None
    return shares


@cli.command(context_settings=HELP)
@click.argument("recording")
@click.option(
    "--to",
    "to",
    multiple=True,
    required=True,
    metavar="NAME[=SHARE]",
    callback=_parse_shares,
    help="A domain (see `cambiata domains list`); several are blended by their shares.",
)
@click.option("-o", "--output", required=True, metavar="OUT", help="File to write; - for stdout.")
@click.option(
    "--system",
    default=DEFAULT_TRANSLATOR,
    show_default=True,
    metavar="NAME",
    help="See `cambiata systems`.",
)
@_option("--amount", "amount", type=float, help="0 is the recording, 1 the translation.")
@_option("--preset", "preset", metavar="NAME", help="Named settings of the system.")
@set_option
@click.option("--octave", type=int, metavar="N", help="Move the notes by octaves; else not.")
@_option("--start", "start_s", type=float, metavar="S", help="Begin of the region.")
@_option("--end", "end_s", type=float, metavar="S", help="End of the region.")
@_option("--in-place", "in_place", is_flag=True, help="Keep the recording around the region.")
@_option("--tail", "tail_s", type=float, metavar="S", help="Let the last note ring so long.")
@_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else the recording's.")
@_option("--channels", "n_channels", type=int, metavar="N", help="Channels, else the recording's.")
@_option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ...")
@_option("--force", "force", is_flag=True, help="Replace an output that exists.")
@_option("--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def translate(
    recording: str, to: dict[str, float], output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Play RECORDING as a domain would: an instrument or ensemble learnt beforehand.

    `cambiata domains list` names those that ship; `cambiata domains add` learns your own.
    """
    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _progress_bar(hidden=quiet) as progress:
        report = cambiata.translate_file(recording, to, output, progress=progress, **options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2), err=output == "-")
    elif not quiet:
        blended = " + ".join(
            f"{share:.2g} {name}" if len(report.to) > 1 else name
            for name, share in report.to.items()
        )
        click.echo(f"{_describe(report)}; to {blended}", err=True)


@cli.group(context_settings=HELP)
def domains() -> None:
    """What music can be translated to: domains that ship, and your own."""


@domains.command("list", context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def domains_list(as_json: bool) -> None:
    """Every domain: name, where from, what it was learnt from."""
    domain_facts = cambiata.domains()
    if as_json:
        click.echo(
            json.dumps([asdict(each) for each in domain_facts], indent=2, ensure_ascii=False)
        )
        return
    for each in domain_facts:
        if each.problem:
            click.echo(f"{each.name}: cannot be played: {each.problem}")
            continue
        kind = "your own" if each.own else "ships"
        sources = ", ".join(each.sources[:6]) + (", ..." if len(each.sources) > 6 else "")
        click.echo(f"{each.name}: {kind}; learnt from {sources}; licence: {each.licence}")


@domains.command("add", context_settings=HELP)
@click.argument("name")
@click.argument("folder")
@click.option("--minutes", type=float, metavar="N", help="Time to train; else 5.")
@click.option("--licence", metavar="TEXT", help="Of what is learnt; else: the user's own.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws.")
@click.option("--force", is_flag=True, help="Replace a domain of that name.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def domains_add(name: str, folder: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Learn NAME from the recordings in FOLDER, to be used as any other domain.

    The encoder stays as it is; one decoder is trained. Needs the training extra.
    """

    def print_line(line: dict[str, Any]) -> None:
        if "validation" in line:
            click.echo(
                f"{line['elapsed_s']:.0f} s: {line['validation']['lsd_own']:.2f} dB from "
                "recordings that it does not learn from",
                err=True,
            )

    try:
        from cambiata.train.tasks.added_domain import add_domain
    except ModuleNotFoundError as error:
        raise MissingExtraError("domains add", "train") from error
    with _progress_bar(hidden=quiet) as progress:
        added = add_domain(
            name,
            folder,
            progress=progress,
            report=None if quiet else print_line,
            **_without_unset(**options),
        )
    for line in added.skipped if not quiet else ():
        click.echo(f"cambiata: not used: {line}", err=True)
    if as_json:
        click.echo(json.dumps(asdict(added), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(
            f"{added.name}: learnt from {added.n_files} recordings of {added.duration_s:.0f} s, "
            f"begun as {added.begun_from}: {added.lsd_before_db:.2f} -> {added.lsd_db:.2f} dB, in "
            f"{added.elapsed_s:.0f} s; {added.path}",
            err=True,
        )


@cli.command(context_settings=HELP)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def systems(as_json: bool) -> None:
    """What there is: name, one line, paper, trained or not, licence of the weights."""
    rows = list(system_rows())
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        trained = "trained" if row["trained"] else "needs no training"
        click.echo(f"{row['name']}: {row['summary']}")
        click.echo(f"    paper    {row['paper']}")
        click.echo(f"    weights  {trained}; licence: {row['weights_licence']}")
        click.echo(f"    needs    {row['needs']}")
        if row["presets"]:
            click.echo(f"    presets  {', '.join(row['presets'])}")


@cli.group(context_settings=HELP)
def timbre() -> None:
    """Sounds captured from recordings, kept in files, mixed."""


@timbre.command(context_settings=HELP)
@click.argument("styles", nargs=-1, required=True, metavar="STYLE...")
@click.option("-o", "--output", required=True, metavar="X.timbre", help="File to write.")
@_option("--system", "system", metavar="NAME", help="The system that will play it.")
@_option("--preset", "preset", metavar="NAME", help="Named settings of the system.")
@force_option
@quiet_option
@as_json_option
def capture(
    styles: tuple[str, ...], output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Keep the sound of one or more recordings of it in a file."""
    captured = cambiata.capture_timbre(styles, output, **options)
    _print_timbre(captured, quiet, as_json)


@timbre.command(context_settings=HELP)
@click.argument("shares", nargs=-1, required=True, metavar="A.timbre=SHARE...")
@click.option("-o", "--output", required=True, metavar="X.timbre", help="File to write.")
@force_option
@quiet_option
@as_json_option
def mix(shares: tuple[str, ...], output: str, quiet: bool, as_json: bool, force: bool) -> None:
    """A sound between others: a.timbre=0.3 b.timbre=0.7 lies 70 % of the way from a to b."""
    parts = []
    for text in shares:
        path, equals, share = text.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if not equals or number < 0:
            raise click.BadParameter(f"{text!r} has no share; write it as NAME.timbre=0.5")
        parts.append((cambiata.load_timbre(path), number))
    _print_timbre(cambiata.mix_timbres(parts, output, force=force), quiet, as_json)


def _print_timbre(captured: cambiata.Timbre, quiet: bool, as_json: bool) -> None:
    facts = {
        "output": captured.name,
        "system": captured.system,
        "weights": captured.weights,
        "voices": [weight for weight, _ in captured.voices],
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    elif not quiet:
        voices = "1 voice" if len(captured.voices) == 1 else f"{len(captured.voices)} voices"
        click.echo(f"{captured.name}: {voices} for {captured.system}", err=True)


def _without_unset(**options: Any) -> dict[str, Any]:
    """Options that were given; the others keep the API's own defaults."""
    return {name: value for name, value in options.items() if value not in (None, ())}


def _parse_numbers(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> list[int] | None:
    """Numbers and ranges: "0-7,40"."""
    if text is None:
        return None
    numbers: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise click.BadParameter(f"{piece!r} is no number or range; write it like 0-7,40")
        begin, end = int(first), int(last or first)
        if not begin <= end <= 127:
            raise click.BadParameter(f"{piece!r} is not within 0-127, the lesser number first")
        numbers += range(begin, end + 1)
    return numbers


def _parse_names(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise click.BadParameter(f"{text!r} lacks a name; write it like one,other")
    return names


_jobs = click.option("--jobs", "n_workers", type=click.IntRange(1), help="Processes; else cores.")


@cli.group(context_settings=HELP)
def data() -> None:
    """Sound fonts, banks of notes, scores rendered as many instruments."""


@data.command(context_settings=HELP)
@click.option("--banks", metavar="DIR", help="Folder of banks.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(banks: str | None, as_json: bool) -> None:
    """What is here, what is missing, and how to get it."""
    from cambiata.data.inventory import inventory

    items = inventory(**_without_unset(bank_folder=banks))
    if as_json:
        click.echo(json.dumps([asdict(item) for item in items], indent=2, ensure_ascii=False))
        return
    for item in items:
        mark = "have   " if item.present else "missing"
        click.echo(f"{mark} {item.kind} {item.name}: {item.about}")
        if item.cure:
            click.echo(f"        {item.cure}")


@data.command(context_settings=HELP)
@click.argument("source")
@click.option("-o", "--output", metavar="DIR", help="The bank's folder; else in the cache folder.")
@click.option(
    "--programs", metavar="LIST", callback=_parse_numbers, help="0-7,40; else all melodic."
)
@click.option("--velocities", metavar="LIST", callback=_parse_numbers, help="Ascending, 1 to 127.")
@click.option("--licence", metavar="TEXT", help="Licence of recordings or a font of your own.")
@click.option("--use", type=click.Choice(["train", "test"]), help="What those are for.")
@_jobs
@force_option
@quiet_option
@as_json_option
def bank(
    source: str,
    output: str | None,
    licence: str | None,
    use: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Render every note of SOURCE: a sound font, or a folder of recorded single notes.

    A font is named by its path or, where its package is installed, by its short name;
    procedural-pianos are pianos computed by formula.
    """
    from cambiata.data.bank_building import build_bank

    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _progress_bar(hidden=quiet) as progress:
        built = build_bank(
            source,
            **_without_unset(folder=output, licence=licence, use=use),
            **_without_unset(**options),
            progress=progress,
        )
    facts = {
        "bank": str(built.folder),
        "source": asdict(built.source),
        "instruments": len(built.instruments),
        "notes": sum(len(instrument.table) for instrument in built.instruments),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    elif not quiet:
        click.echo(
            f"{built.folder}: {facts['notes']} notes of {facts['instruments']} instruments; "
            f"{built.source.licence}; for {built.source.use}",
            err=True,
        )


@data.command(context_settings=HELP)
@click.argument("scores")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to make.")
@click.option(
    "--fonts", metavar="LIST", callback=_parse_names, help="Paths or names; else all here."
)
@click.option(
    "--programs", metavar="LIST", callback=_parse_numbers, help="0-7,40; else the pianos."
)
@click.option("--limit", type=click.IntRange(1), help="Most scores to render.")
@force_option
@quiet_option
@as_json_option
def render(scores: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Render SCORES as many different-sounding instruments.

    SCORES is a MIDI file, a folder of them, or one of music21's collections: chorales, tunes,
    quartets, keyboard.
    """
    from cambiata.data.rendering import render_scores

    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _progress_bar(hidden=quiet) as progress:
        manifest = render_scores(scores, output, **_without_unset(**options), progress=progress)
    if as_json:
        click.echo(json.dumps(manifest, indent=2))
    elif not quiet:
        sounds, silent = len(manifest["sounds"]), len(manifest["not playable"])
        click.echo(
            f"{output}: {sounds} sounds of {len(manifest['voices'])} instruments; "
            f"{len(manifest['left out'])} programs left out as alike or missing, "
            f"{silent} sounds not playable (see manifest.json)",
            err=True,
        )


@cli.group(context_settings=HELP)
def train() -> None:
    """Train the systems' networks, and export them as weights that need no torch."""


_minutes = click.option(
    "--minutes", type=float, metavar="N", help="Time to train in all; else the preset's own."
)


@train.command("run", context_settings=HELP)
@click.argument("preset")
@click.option("-o", "--output", required=True, metavar="RUN", help="The run's folder.")
@_minutes
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    callback=parse_settings,
    help="Change a setting, as in loop.batch_size=8; may be repeated.",
)
@click.option("--examples", metavar="DIR", help="Folder of the examples; else in the cache folder.")
@click.option("--from", "begin_from", metavar="RUN", help="Begin with the weights of another run.")
@force_option
@quiet_option
@as_json_option
def train_run(preset: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Train PRESET in a folder of its own; a name that is none lists them all.

    What it learns from is composed first, once, from the banks that the preset names.
    """
    from cambiata.train.run import start

    _run_training(
        lambda **callbacks: start(preset, output, **_without_unset(**options), **callbacks),
        quiet,
        as_json,
    )


@train.command("resume", context_settings=HELP)
@click.argument("run")
@_minutes
@quiet_option
@as_json_option
def train_resume(run: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Go on with RUN, which was stopped or has run out of its time."""
    from cambiata.train.run import resume

    _run_training(
        lambda **callbacks: resume(run, **_without_unset(**options), **callbacks), quiet, as_json
    )


def _run_training(job: Callable[..., dict[str, Any]], quiet: bool, as_json: bool) -> None:
    """Train, showing examples being composed and then one line for each line of metrics."""

    def print_line(line: dict[str, Any]) -> None:
        figures = line.get("validation", line)
        printed = ", ".join(
            f"{name} {value:.4g}"
            for name, value in figures.items()
            if name not in ("step", "elapsed_s")
        )
        kind = "validation: " if "validation" in line else ""
        click.echo(f"step {line['step']}, {line['elapsed_s']:.0f} s: {kind}{printed}", err=True)

    try:
        with _progress_bar(hidden=quiet) as progress:
            summary = job(progress=progress, report=None if quiet else print_line)
    except KeyboardInterrupt:
        raise _InterruptedError("go on with `cambiata train resume`") from None
    if as_json:
        click.echo(json.dumps(summary, indent=2))


@train.command("export", context_settings=HELP)
@click.argument("run")
@click.option("-o", "--output", required=True, metavar="NAME.onnx", help="File to write.")
@click.option("--half/--full", default=None, help="Keep arrays as float16 (default) or float32.")
@force_option
@quiet_option
@as_json_option
def train_export(run: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write the network of RUN as ONNX, checked against torch.

    RUN may also be the checkpoint that the authors of SS-VQ-VAE publish.
    """
    from cambiata.train.export import export

    facts = export(run, output, **_without_unset(**options))
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    elif not quiet:
        parity = facts["parity"]["max_difference"]
        use = {"listener": "--set listener"}.get(
            facts["system"], f"--system {facts['system']} --set weights"
        )
        click.echo(
            f"{output}: {facts['size_mb']} MB, {facts['n_parameters']} parameters, within "
            f"{parity:.1g} of torch; use it with {use}={output}",
            err=True,
        )


@cli.group(context_settings=HELP)
def evaluate() -> None:
    """Judge systems on test sets with exact targets, and on recordings."""


@evaluate.command("transfer", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="RUN", help="The run's folder.")
@click.option(
    "--rows", metavar="LIST", callback=_parse_names, help="Baselines, systems, system:preset."
)
@click.option("--quick", is_flag=True, help="The 64-pair subset of the artificial set.")
@click.option("--limit", type=int, metavar="N", help="Most pairs of each set.")
@click.option("--font", metavar="FONT", help="Sound font of the artificial set.")
@click.option("--real", metavar="DIR", help="Recordings to make the real set of.")
@click.option("--artificial/--no-artificial", default=None, help="Whether to run that set.")
@click.option("--lakh", type=(str, str), metavar="LIST DIR", help="The paper's own artificial set.")
@click.option(
    "--mixing-secrets", type=(str, str), metavar="LIST DIR", help="The paper's own real set."
)
@click.option("--report", metavar="DIR", help="Write the report there afterwards.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws and pairings.")
@_jobs
@force_option
@quiet_option
@as_json_option
def evaluate_transfer(
    output: str, report: str | None, force: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Run rows over test sets; a run that stopped goes on.

    A pair that fails is named, costs no other, and makes the exit code 1.
    """
    from cambiata.evaluate.transfer import evaluate_transfer as run_rows

    if quiet:
        warnings.simplefilter("ignore", cambiata.CambiataWarning)
    with _stages(hidden=quiet) as progress:
        failures = _resumable(
            lambda: run_rows(output, **_without_unset(**options), progress=progress)
        )
    _print_run(output, failures, report, force, quiet, as_json)


def _resumable(job: Callable[[], list[str]]) -> list[str]:
    """What failed in a run; one that is interrupted says how it goes on."""
    try:
        return job()
    except KeyboardInterrupt:
        raise _InterruptedError("what is done is kept, the same call goes on") from None


def _print_run(
    output: str, failures: list[str], report: str | None, force: bool, quiet: bool, as_json: bool
) -> None:
    """Say what a run found, and what failed in it."""
    from cambiata.evaluate.runfolder import read_run
    from cambiata.evaluate.table import collect_results

    for failure in failures:
        click.echo(f"cambiata: {failure}", err=True)
    if report is not None:
        _write_report(output, report, force=force, quiet=quiet)
    if as_json:
        click.echo(json.dumps(collect_results(read_run(output)), indent=2))
    elif not quiet:
        _print_tables(output)
    if failures:
        click.get_current_context().exit(1)


@evaluate.command("play", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="RUN", help="The run's folder.")
@click.option("--rows", metavar="LIST", callback=_parse_names, help="Baselines and players.")
@click.option("--each", "n_each", type=int, metavar="N", help="Windows for every piano.")
@click.option("--report", metavar="DIR", help="Write the report there afterwards.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws.")
@_jobs
@force_option
@quiet_option
@as_json_option
def evaluate_play_command(
    output: str, report: str | None, force: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Play unseen scores with the sound of unseen pianos; a run that stopped goes on."""
    from cambiata.evaluate.play import evaluate_play

    with _stages(hidden=quiet) as progress:
        failures = _resumable(
            lambda: evaluate_play(output, **_without_unset(**options), progress=progress)
        )
    _print_run(output, failures, report, force, quiet, as_json)


@evaluate.command("translate", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="RUN", help="The run's folder.")
@click.option("--rows", metavar="LIST", callback=_parse_names, help="Baselines and systems.")
@click.option("--limit", type=int, metavar="N", help="Most pairs of each of the first two sets.")
@click.option("--rendered", "n_rendered", type=int, metavar="N", help="Pairs of the third.")
@click.option("--report", metavar="DIR", help="Write the report there afterwards.")
@_jobs
@force_option
@quiet_option
@as_json_option
def evaluate_translate_command(
    output: str, report: str | None, force: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Translate an unseen font's music to the domains; a run that stopped goes on."""
    from cambiata.evaluate.translate import evaluate_translate

    with _stages(hidden=quiet) as progress:
        failures = _resumable(
            lambda: evaluate_translate(output, **_without_unset(**options), progress=progress)
        )
    _print_run(output, failures, report, force, quiet, as_json)


@evaluate.command("transcribe", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the table.")
@click.option("--pairs", "n_pairs", type=int, metavar="N", help="Clips of the unseen font.")
@click.option("--each", "n_each", type=int, metavar="N", help="Windows for every unseen piano.")
@click.option("--real", metavar="DIR", help="Recordings, of which bach-violin's notes are known.")
@click.option("--rival/--no-rival", default=None, help="Whether basic-pitch is run beside ours.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws.")
@quiet_option
@as_json_option
def evaluate_transcribe_command(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Transcribe what is known: unseen fonts, pianos, recordings with scores."""
    from cambiata.evaluate.transcription import evaluate_transcribe, markdown

    with _stages(hidden=quiet) as progress:
        results = evaluate_transcribe(output, **_without_unset(**options), progress=progress)
    _print_results(results["summary"], markdown(results["summary"]), quiet, as_json)


@evaluate.command("melody", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the tables.")
@click.option("--rows", metavar="LIST", callback=_parse_names, help="Restylers, content, real.")
@click.option("--each", "n_each", type=int, metavar="N", help="Tunes of each pair of dances.")
@click.option("--nottingham", metavar="DIR", help="ABC files of a collection never learnt from.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws.")
@quiet_option
@as_json_option
def evaluate_melody_command(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn tunes of held-out families towards dance types."""
    from cambiata.evaluate.melody import evaluate_melody, markdown

    with _stages(hidden=quiet) as progress:
        results = evaluate_melody(output, **_without_unset(**options), progress=progress)
    _print_results(results, markdown(results), quiet, as_json)


@evaluate.command("groove", context_settings=HELP)
@click.argument("data")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the tables.")
@click.option("--pairs", "n_pairs", type=int, metavar="N", help="Pairs of grooves.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws.")
@quiet_option
@as_json_option
def evaluate_groove_command(
    data: str, output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Turn grooves of held-out sessions towards others'; DATA is the Groove MIDI Dataset."""
    from cambiata.evaluate.groove import evaluate_groove, markdown

    with _stages(hidden=quiet) as progress:
        results = evaluate_groove(output, data, **_without_unset(**options), progress=progress)
    _print_results(results, markdown(results), quiet, as_json)


@evaluate.command("counterpoint", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the tables.")
@click.option("--seed", type=int, metavar="N", help="Seed of draws.")
@quiet_option
@as_json_option
def evaluate_counterpoint_command(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Solve worksheets and let music21 judge them; plant breaches and let our checker find them."""
    from cambiata.evaluate.counterpoint import evaluate_counterpoint, markdown

    with _stages(hidden=quiet) as progress:
        results = evaluate_counterpoint(output, **_without_unset(**options), progress=progress)
    _print_results(results, markdown(results), quiet, as_json)


def _print_results(results: Any, tables: str, quiet: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(results, indent=2))
    elif not quiet:
        click.echo(tables)


@evaluate.command("report", context_settings=HELP)
@click.argument("run")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to make.")
@click.option("--focus", metavar="ROW", help="Row whose best and worst outputs are shown.")
@click.option("--n-random", type=click.IntRange(0), metavar="N", help="Pairs shown at random.")
@click.option("--seed", type=int, metavar="N", help="Seed of that choice.")
@force_option
@quiet_option
def evaluate_report(run: str, output: str, force: bool, quiet: bool, **options: Any) -> None:
    """Write a run's web page, tables and examples into one folder."""
    _write_report(run, output, force=force, quiet=quiet, **_without_unset(**options))
    if not quiet:
        _print_tables(run)


def _write_report(run: str, output: str, *, force: bool, quiet: bool, **options: Any) -> None:
    from cambiata.evaluate.report import write_report

    with _progress_bar(hidden=quiet) as progress:
        page = write_report(run, output, force=force, progress=progress, **options)
    if not quiet:
        click.echo(f"{page}", err=True)


def _print_tables(run: str) -> None:
    from cambiata.evaluate.runfolder import read_run
    from cambiata.evaluate.table import format_page, summarize

    read = read_run(run)
    click.echo(format_page(read, summarize(read)))


@contextmanager
def _stages(hidden: bool) -> Iterator[Callable[[str, float], None] | None]:
    """A progress bar for each stage on a terminal, nothing in a pipe."""
    if hidden or not sys.stderr.isatty():
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
