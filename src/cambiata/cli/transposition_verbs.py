"""The command line's verbs for another pitch and another speed."""

from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import print_report, shown_path, silence_warnings
from cambiata.cli.options import (
    HELP,
    KEY_HELP,
    ApiOptions,
    changed_sound_options,
    sound_option,
)
from cambiata.cli.values import SECONDS
from cambiata.transposition.api import Formant

_transpose_option = ApiOptions(cambiata.transpose_file)
_stretch_option = ApiOptions(cambiata.stretch_file)


def parse_tempos(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    """Two tempos of a text like 120=90.

    >>> parse_tempos(None, None, "120=90")
    (120.0, 90.0)
    """
    if text is None:
        return None
    before, _, after = text.partition("=")
    try:
        return float(before), float(after)
    except ValueError:
        raise click.BadParameter(f"{text!r} are not two tempos; write them like 120=90") from None


@click.command(context_settings=HELP)
@click.argument("recording")
@sound_option
@_transpose_option("--semitones", "semitones", type=float, metavar="N", help="Up, -24 to 24.")
@_transpose_option("--to", "key", metavar="KEY", help=KEY_HELP)
@_transpose_option("--from", "from_key", metavar="KEY", help="Its key, else by its notes.")
@_transpose_option(
    "--formant",
    "formant",
    type=click.Choice(get_args(Formant)),
    help="Whether the spectral envelope stays or moves along.",
)
@changed_sound_options(_transpose_option)
def transpose(recording: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Move RECORDING, of any instruments and voices, to another pitch or key."""
    silence_warnings(quiet)
    done = cambiata.transpose_file(recording, output, **options)
    keys = "" if done.from_key is None else f" from {done.from_key} to {done.to_key}"
    sentence = (
        f"{shown_path(done.output)}: {done.duration_s:.1f} s, moved by {done.semitones:+g} "
        f"semitones{keys}, in {done.elapsed_s:.1f} s (real-time factor {done.real_time_factor:.2f})"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json, on_stdout=done.output == "-")


@click.command(context_settings=HELP)
@click.argument("recording")
@sound_option
@_stretch_option("--factor", "factor", type=float, metavar="X", help="Times as long, 0.25 to 4.")
@_stretch_option(
    "--to-duration", "duration_s", type=SECONDS, metavar="TIME", help="Its new length."
)
@_stretch_option(
    "--tempo", "tempo", metavar="A=B", callback=parse_tempos, help="From a tempo to another."
)
@changed_sound_options(_stretch_option)
def stretch(recording: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Make RECORDING longer or shorter, at the pitch that it has."""
    silence_warnings(quiet)
    done = cambiata.stretch_file(recording, output, **options)
    sentence = (
        f"{shown_path(done.output)}: {done.duration_s:.1f} s, {done.factor:.4g} times as long, in "
        f"{done.elapsed_s:.1f} s (real-time factor {done.real_time_factor:.2f})"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json, on_stdout=done.output == "-")
