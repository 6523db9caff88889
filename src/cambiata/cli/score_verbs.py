"""The command line's verbs for notes: melody, groove, counterpoint."""

import json
from dataclasses import asdict
from typing import Any

import click

from cambiata.cli.console import print_report, silence_warnings
from cambiata.cli.groups import VerbGroup
from cambiata.cli.options import (
    HELP,
    TUNE_HELP,
    ApiOptions,
    Decorator,
    as_json_option,
    force_option,
    output_options,
    parse_tempo,
    seed_option,
    set_option,
    strict_option,
)
from cambiata.cli.values import SHARE
from cambiata.counterpoint.api import check_file, solve_file
from cambiata.groove.api import groove_file
from cambiata.melody.api import restyle, restyle_file
from cambiata.registry import system_names

_melody_option = ApiOptions(restyle, restyle_file)
_groove_option = ApiOptions(groove_file)
_solve_option = ApiOptions(solve_file)
_check_option = ApiOptions(check_file)


def _one_of(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}."


def _tune_option(option: ApiOptions) -> Decorator:
    return option("--tune", "tune_number", type=int, metavar="N", help=TUNE_HELP)


def _listen_option(option: ApiOptions) -> Decorator:
    return option(
        "--listen",
        "listen",
        metavar="OUT.wav|html",
        help="Write how it sounds, as a sketch; .html: a page of before and after.",
    )


@click.command(context_settings=HELP)
@click.argument("tune")
@click.option("-o", "--output", required=True, metavar="OUT", help=".mid or .musicxml to write.")
@click.option(
    "--style",
    required=True,
    metavar="NAME|FILE|FOLDER",
    help="A dance type (reel, hornpipe, strathspey, jig, ...), a tune, or a folder of tunes.",
)
@_melody_option("--amount", "amount", type=SHARE, help="0 is the tune, 1 the whole turn.")
@_melody_option("--rhythm", "rhythm", type=SHARE, help="The same for the rhythm alone.")
@_melody_option("--pitch", "pitch", type=SHARE, help="The same for the pitches alone.")
@_melody_option("--metre", "metre", metavar="content|style|6/8", help="Whose metre, or which.")
@_melody_option(
    "--pickup", "pickup", metavar="1/2", help="Quarter notes before the first full bar; 0: none."
)
@_melody_option("--track", "track", type=int, metavar="N", help="Part with the melody, from 1.")
@_tune_option(_melody_option)
@_melody_option("--skyline", "skyline", is_flag=True, help="Take the highest tones of chords.")
@_melody_option("--system", "system", metavar="NAME", help=_one_of(system_names("melody")))
@set_option
@_listen_option(_melody_option)
@_melody_option(
    "--picture", "picture", metavar="OUT.svg|png", help="Draw piano rolls before and after."
)
@strict_option(_melody_option)
@seed_option(_melody_option)
@output_options
def melody(tune: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn TUNE towards a style: MIDI, MusicXML and ABC in, MIDI and MusicXML out.

    Key, metre, phrase lengths and repeated bars are kept.
    """
    silence_warnings(quiet)
    done = restyle_file(tune, output, **options)
    sentence = (
        f"{done.output}: {done.n_changed_bars} of {done.n_bars} bars turned towards {done.style} "
        f"(rhythm {done.rhythm:g}, pitch {done.pitch:g}), {done.metre}, by {done.system}, "
        f"in {done.elapsed_s:.1f} s{_list_sidecars(done.listen, done.picture)}"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json)


def _list_sidecars(*files: str | None) -> str:
    written = [file for file in files if file]
    return f"; also {' and '.join(written)}" if written else ""


@click.command(context_settings=HELP)
@click.argument("a")
@click.argument("b")
@click.option("-o", "--output", required=True, metavar="OUT.mid", help="MIDI file to write.")
@_groove_option("--amount", "amount", type=SHARE, help="0 is A, 1 is B.")
@_groove_option("--hits", "hits", type=SHARE, help="The same for what is struck.")
@_groove_option("--velocity", "velocity", type=SHARE, help="The same for how hard.")
@_groove_option("--timing", "timing", type=SHARE, help="The same for when.")
@_groove_option(
    "--system",
    "system",
    type=click.Choice(system_names("groove")),
    help="Without learning, or by an autoencoder.",
)
@_groove_option("--drums", "drums", type=int, metavar="N", help="MIDI channel of drums; else 10.")
@_groove_option("--metre", "metre", metavar="6/8", help="A's, where its file does not say.")
@_groove_option(
    "--tempo",
    "tempo",
    metavar="auto|BPM",
    callback=parse_tempo,
    help="Beats a minute of A, where it is a recording.",
)
@_groove_option(
    "--tempo-b",
    "tempo_b",
    metavar="auto|BPM",
    callback=parse_tempo,
    help="The same for B.",
)
@_listen_option(_groove_option)
@_groove_option("--picture", "picture", metavar="OUT.svg|png", help="Draw it: A and after.")
@strict_option(_groove_option)
@seed_option(_groove_option)
@output_options
def groove(a: str, b: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn the drum part A part of the way towards B: a drum part, or a folder, a drummer's.

    MIDI files with drums on channel 10, scores in MusicXML or ABC with a part of drums, or
    recordings of drums. The tempo stays A's.
    """
    silence_warnings(quiet)
    done = groove_file(a, b, output, **options)
    sentence = (
        f"{done.output}: {done.n_notes} notes in {done.n_bars} bars of {done.grid} "
        f"(hits {done.hits:g}, velocity {done.velocity:g}, timing {done.timing:g}), "
        f"by {done.system}, in {done.elapsed_s:.1f} s{_list_sidecars(done.listen, done.picture)}"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json)


@click.group(cls=VerbGroup, context_settings=HELP)
def counterpoint() -> None:
    """Species counterpoint: worksheets solved, and checked against the textbooks' rules."""


@counterpoint.command(context_settings=HELP)
@click.argument("cantus")
@click.option("-o", "--output", required=True, metavar="OUT", help=".mid or .musicxml to write.")
@_solve_option("--species", "species", type=click.IntRange(1, 5), help="1 to 5.")
@_solve_option(
    "--position",
    "position",
    type=click.Choice(["above", "below"]),
    help="Where the counterpoint lies.",
)
@_solve_option("--voices", "voices", type=click.IntRange(2, 3), help="3: species 1 only.")
@_tune_option(_solve_option)
@_solve_option("--best", "best", type=int, metavar="N", help="How many solutions.")
@_listen_option(_solve_option)
@_solve_option("--picture", "picture", metavar="OUT.svg|png", help="Draw cantus and solution.")
@seed_option(_solve_option)
@output_options
def solve(cantus: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write a counterpoint to CANTUS, the best by what real music does."""
    done = solve_file(cantus, output, **options)
    sentence = (
        f"{', '.join(done.outputs)}: species {done.species} {done.position}, {done.n_bars} bars "
        f"in {done.mode}, in {done.elapsed_s:.1f} s{_list_sidecars(done.listen, done.picture)}"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json)


@counterpoint.command(context_settings=HELP)
@click.argument("score")
@_check_option("--species", "species", type=click.IntRange(1, 5), help="Else by its rhythm.")
@_check_option(
    "--position",
    "position",
    type=click.Choice(["above", "below"]),
    help="Else where the cantus is not.",
)
@_tune_option(_check_option)
@click.option(
    "-o", "--output", metavar="MARKED.musicxml", help="Write the breaches into the score."
)
@force_option
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
            f"{score}: {'no breach' if not n else f'{n} breach' + 'es' * (n > 1)}; "
            f"species {checked.species} {checked.position}, {checked.n_bars} bars in "
            f"{checked.mode}, cantus: {checked.cantus}{_list_sidecars(options['output'])}",
            err=True,
        )
    if checked.breaches:
        click.get_current_context().exit(1)
