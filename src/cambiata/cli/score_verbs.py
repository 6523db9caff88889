"""The command line's verbs for notes: melody, groove, counterpoint."""

import inspect
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from cambiata.cli.options import HELP, as_json_option, force_option, quiet_option, set_option
from cambiata.counterpoint.api import check_file, solve_file
from cambiata.errors import CambiataWarning
from cambiata.groove.api import groove_file, morph_groove
from cambiata.melody.api import restyle, restyle_file


def _default(function: Callable[..., Any], name: str) -> Any:
    return inspect.signature(function).parameters[name].default


def _option_of(
    function: Callable[..., Any], flag: str, name: str, **attributes: Any
) -> Callable[[Any], Any]:
    """An option with the API's own default."""
    default = _default(function, name)
    has_default = default is not None and not isinstance(default, bool)
    return click.option(flag, name, default=default, show_default=has_default, **attributes)


_listen = click.option("--listen", metavar="OUT.wav", help="Write how it sounds, as a sketch.")
_picture = click.option("--picture", metavar="OUT.svg", help="Draw piano rolls before and after.")


@click.command(context_settings=HELP)
@click.argument("tune")
@click.option("-o", "--output", required=True, metavar="OUT", help=".mid or .musicxml to write.")
@click.option(
    "--style",
    required=True,
    metavar="NAME|FILE|FOLDER",
    help="A dance type (reel, hornpipe, strathspey, jig, ...), a tune, or a folder of tunes.",
)
@_option_of(restyle, "--amount", "amount", type=float, help="0 is the tune, 1 the whole turn.")
@_option_of(restyle, "--rhythm", "rhythm", type=float, help="The same for the rhythm alone.")
@_option_of(restyle, "--pitch", "pitch", type=float, help="The same for the pitches alone.")
@_option_of(restyle, "--metre", "metre", metavar="content|style|6/8", help="Whose metre, or which.")
@_option_of(
    restyle, "--track", "track", type=int, metavar="N", help="Part with the melody, from 1."
)
@_option_of(restyle, "--skyline", "skyline", is_flag=True, help="Take the highest tones of chords.")
@_option_of(restyle, "--system", "system", metavar="NAME", help="melody, pati2018 or retrieval.")
@set_option
@_listen
@_picture
@_option_of(restyle, "--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@force_option
@quiet_option
@as_json_option
def melody(tune: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn TUNE towards a style: MIDI, MusicXML and ABC in, MIDI and MusicXML out.

    Key, metre, phrase lengths and repeated bars are kept.
    """
    _silence_warnings(quiet)
    report = restyle_file(tune, output, **options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    elif not quiet:
        click.echo(
            f"{report.output}: {report.n_changed_bars} of {report.n_bars} bars turned towards "
            f"{report.style} (rhythm {report.rhythm:g}, pitch {report.pitch:g}), {report.metre}, by "
            f"{report.system}, in {report.elapsed_s:.1f} s{_list_sidecars(report.listen, report.picture)}",
            err=True,
        )


def _silence_warnings(quiet: bool) -> None:
    if quiet:
        warnings.simplefilter("ignore", CambiataWarning)


def _list_sidecars(*files: str | None) -> str:
    written = [file for file in files if file]
    return f"; also {' and '.join(written)}" if written else ""


@click.command(context_settings=HELP)
@click.argument("a")
@click.argument("b")
@click.option("-o", "--output", required=True, metavar="OUT.mid", help="MIDI file to write.")
@_option_of(morph_groove, "--amount", "amount", type=float, help="0 is A, 1 is B.")
@_option_of(morph_groove, "--hits", "hits", type=float, help="The same for what is struck.")
@_option_of(morph_groove, "--velocity", "velocity", type=float, help="The same for how hard.")
@_option_of(morph_groove, "--timing", "timing", type=float, help="The same for when.")
@_option_of(
    morph_groove,
    "--system",
    "system",
    type=click.Choice(["exact", "vae"]),
    help="Without learning, or by an autoencoder.",
)
@_option_of(
    morph_groove, "--metre", "metre", metavar="6/8", help="A's, where its file does not say."
)
@_option_of(
    groove_file, "--listen", "listen", metavar="OUT.wav", help="Write a sketch of its sound."
)
@_option_of(groove_file, "--picture", "picture", metavar="OUT.svg", help="Draw it: A and after.")
@_option_of(groove_file, "--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@force_option
@quiet_option
@as_json_option
def groove(a: str, b: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn the drum part A part of the way towards B: a drum part, or a folder, a drummer's.

    MIDI files with drums on channel 10. The tempo stays A's.
    """
    _silence_warnings(quiet)
    report = groove_file(a, b, output, **options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    elif not quiet:
        click.echo(
            f"{report.output}: {report.n_notes} notes in {report.n_bars} bars of {report.grid} (hits "
            f"{report.hits:g}, velocity {report.velocity:g}, timing {report.timing:g}), by "
            f"{report.system}, in {report.elapsed_s:.1f} s{_list_sidecars(report.listen, report.picture)}",
            err=True,
        )


@click.group(context_settings=HELP)
def counterpoint() -> None:
    """Species counterpoint: worksheets solved, and checked against the textbooks' rules."""


@counterpoint.command(context_settings=HELP)
@click.argument("cantus")
@click.option("-o", "--output", required=True, metavar="OUT", help=".mid or .musicxml to write.")
@_option_of(solve_file, "--species", "species", type=click.IntRange(1, 5), help="1 to 5.")
@_option_of(
    solve_file,
    "--position",
    "position",
    type=click.Choice(["above", "below"]),
    help="Where the counterpoint lies.",
)
@_option_of(solve_file, "--voices", "voices", type=click.IntRange(2, 3), help="3: species 1 only.")
@_option_of(solve_file, "--best", "best", type=int, metavar="N", help="So many solutions.")
@_option_of(
    solve_file, "--listen", "listen", metavar="OUT.wav", help="Write a sketch of its sound."
)
@_option_of(solve_file, "--picture", "picture", metavar="OUT.svg", help="Draw cantus and solution.")
@_option_of(solve_file, "--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@force_option
@quiet_option
@as_json_option
def solve(cantus: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write a counterpoint to CANTUS, the best by what real music does."""
    report = solve_file(cantus, output, **options)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
    elif not quiet:
        click.echo(
            f"{', '.join(report.outputs)}: species {report.species} {report.position}, {report.n_bars} "
            f"bars in {report.mode}, in {report.elapsed_s:.1f} s{_list_sidecars(report.listen, report.picture)}",
            err=True,
        )


@counterpoint.command(context_settings=HELP)
@click.argument("score")
@_option_of(
    check_file, "--species", "species", type=click.IntRange(1, 5), help="Else by its rhythm."
)
@_option_of(
    check_file,
    "--position",
    "position",
    type=click.Choice(["above", "below"]),
    help="Else where the cantus is not.",
)
@as_json_option
def check(score: str, as_json: bool, **options: Any) -> None:
    """Say which rules SCORE breaks, bar by bar; the exit code is 1 where there are any."""
    checked = check_file(score, **options)
    if as_json:
        click.echo(json.dumps(asdict(checked), indent=2))
    else:
        for breach in checked.breaches:
            click.echo(str(breach))
        n = len(checked.breaches)
        click.echo(
            f"{score}: {'no breach' if not n else f'{n} breach' + 'es' * (n > 1)}; species "
            f"{checked.species} {checked.position}, {checked.n_bars} bars in {checked.mode}, cantus: "
            f"{checked.cantus}",
            err=True,
        )
    if checked.breaches:
        click.get_current_context().exit(1)
