"""The command line's verb for sounds between two others."""

from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import print_report, progress_bar, shown_path, silence_warnings
from cambiata.cli.options import (
    HELP,
    ApiOptions,
    force_option,
    report_options,
    seed_option,
    sound_option,
    strict_option,
)
from cambiata.cli.values import SECONDS, parse_shares_over_time
from cambiata.morphing.partials import PitchSource

_option = ApiOptions(cambiata.morph_file)


def _parse_amount(
    _context: click.Context, _parameter: click.Parameter, text: str | float
) -> float | tuple[float, float]:
    if not isinstance(text, str):
        return text
    try:
        return parse_shares_over_time(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an amount; write it like 0.3 or 0..1") from None


@click.command(context_settings=HELP)
@click.argument("a")
@click.argument("b")
@sound_option
@_option(
    "--amount",
    "amount",
    type=click.UNPROCESSED,
    metavar="X|X..Y",
    callback=_parse_amount,
    help="0 is A, 1 is B; 0..1 moves from one to the other.",
)
@_option(
    "--over", "over_s", type=SECONDS, metavar="TIME", help="Until when it moves, else to the end."
)
@_option("--pitch", "pitch", type=click.Choice(get_args(PitchSource)), help="Whose pitch it has.")
@_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else A's.")
@_option("--channels", "n_channels", type=int, metavar="N", help="Channels, else as they are.")
@_option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ...")
@_option(
    "--picture",
    "picture",
    metavar="OUT.svg|png",
    help="Draw both sounds, the result and the path of its partials.",
)
@strict_option(_option)
@seed_option(_option)
@force_option
@report_options
def morph(a: str, b: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Make the sound between A and B: its partials, noise and time lie between theirs.

    A and B are notes, or phrases of as many notes; of any other music, A's notes are played with a
    timbre between both.
    """
    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        done = cambiata.morph_file(a, b, output, progress=progress, **options)
    on_stdout = done.output == "-"
    print_report(done, _describe(done), quiet=quiet, as_json=as_json, on_stdout=on_stdout)


def _describe(done: cambiata.MorphReport) -> str:
    amount = f"amount {done.amount:g}"
    if done.amount_end != done.amount:
        amount += f" to {done.amount_end:g} over {done.over_s:.4g} s"
    what = f"{done.n_notes} note{'s' * (done.n_notes != 1)} morphed"
    if done.kind == "timbre":
        what = "A's notes with a timbre between"
    return (
        f"{shown_path(done.output)}: {done.duration_s:.2f} s, {what}, {amount}, in "
        f"{done.elapsed_s:.1f} s (real-time factor {done.real_time_factor:.2f})"
    )
