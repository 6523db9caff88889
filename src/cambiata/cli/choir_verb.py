"""The command line's verb for choirs and ensembles."""

from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import print_report, shown_path, silence_warnings
from cambiata.cli.options import (
    HELP,
    ApiOptions,
    force_option,
    report_options,
    seed_option,
    sound_option,
    strict_option,
)
from cambiata.cli.values import SECONDS, SHARE
from cambiata.ensemble.api import RoomName

_option = ApiOptions(cambiata.choir_file)


@click.command(context_settings=HELP)
@click.argument("recording")
@sound_option
@_option("--voices", "voices", type=int, metavar="N", help="How many, 1 to 64.")
@_option("--parts", "parts", metavar="SATB", help="Parts by their letters; else all sing the tune.")
@_option("--key", "key", metavar="KEY", help="Key of the parts: D, Bb, F#m; else the tune's.")
@_option(
    "--spread", "spread", type=SHARE, help="How far they differ and how wide they stand, 0 to 1."
)
@_option("--room", "room", type=click.Choice(get_args(RoomName)), help="Where they stand.")
@_option("--lead", "lead", type=SHARE, help="Share of the singer as recorded, in the middle.")
@_option("--tail", "tail_s", type=SECONDS, metavar="TIME", help="Let the room ring out.")
@_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else as it is.")
@_option(
    "--channels", "n_channels", type=int, metavar="N", help="1 or 2, which it is if not given."
)
@_option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ...")
@_option(
    "--picture",
    "picture",
    metavar="OUT.svg|png",
    help="Draw the voices' pitches, times and places, and spectrograms.",
)
@strict_option(_option)
@seed_option(_option)
@force_option
@report_options
def choir(recording: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Make a choir of RECORDING, one voice, or a section of one instrument.

    With --parts it sings in parts below the tune, in its key.
    """
    silence_warnings(quiet)
    done = cambiata.choir_file(recording, output, **options)
    sung = f" in parts {done.parts}, {done.key}," if done.parts else ""
    sentence = (
        f"{shown_path(done.output)}: {done.duration_s:.1f} s, {done.voices} "
        f"voice{'s' * (done.voices != 1)}{sung} in {done.elapsed_s:.1f} s "
        f"(real-time factor {done.real_time_factor:.2f})"
    )
    print_report(done, sentence, quiet=quiet, as_json=as_json, on_stdout=done.output == "-")
