"""The command line's verb for samplers' instruments."""

from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import print_report, progress_bar, shown_path, silence_warnings
from cambiata.cli.options import HELP, ApiOptions, output_options, seed_option, strict_option
from cambiata.instrument.api import SoundKind
from cambiata.score.rolls import note_name

_option = ApiOptions(cambiata.make_instrument)


def parse_keys(
    _context: click.Context, _parameter: click.Parameter, text: str | tuple[int, int]
) -> tuple[int, int]:
    """First and last key of a text like 21-108; whether they are in range is the API's to say.

    >>> parse_keys(None, None, "36-96")
    (36, 96)
    """
    if not isinstance(text, str):
        return text
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (not dash or last.isdecimal())):
        raise click.BadParameter(f"{text!r} are not keys; write them like 21-108")
    return int(first), int(last or first)


@click.command(context_settings=HELP)
@click.argument("sounds", nargs=-1, required=True, metavar="SOUND|NOTES...")
@click.option("-o", "--output", required=True, metavar="OUT.sfz|sf2", help="File to write.")
@_option(
    "--kind",
    "kind",
    type=click.Choice(get_args(SoundKind)),
    help="What the sounds are: one timbre, or notes; auto asks them.",
)
@click.option(
    "--keys",
    default="21-108",
    show_default=True,
    metavar="N-M",
    callback=parse_keys,
    help="First and last key, MIDI numbers.",
)
@_option("--velocities", "velocities", type=int, metavar="N", help="Velocity layers, 1 to 16.")
@_option("--step", "step", type=int, metavar="N", help="Semitones between samples at most.")
@_option("--hold", "hold_s", type=float, metavar="S", help="Seconds that a timbre's notes last.")
@_option(
    "--picture",
    "picture",
    metavar="OUT.png|svg",
    help="Write a picture of keys, velocities and spectra.",
)
@strict_option(_option)
@seed_option(_option)
@output_options
def instrument(
    sounds: tuple[str, ...], output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Make an instrument for samplers, of a timbre or of recordings of single notes.

    SOUND is a .timbre file, a name of `cambiata timbre list` or a recording of a phrase; NOTES are
    recordings of one note each, or a folder of them.
    """
    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        report = cambiata.make_instrument(sounds, output, progress=progress, **options)
    print_report(report, _describe(report), quiet=quiet, as_json=as_json)


def _describe(report: cambiata.InstrumentReport) -> str:
    recorded = f", {report.n_recorded} as recorded" if report.n_recorded else ""
    beside = f"; its samples in {shown_path(report.samples)}" if report.samples else ""
    layers = f"{report.velocities} velocity layer{'s' * (report.velocities != 1)}"
    return (
        f"{shown_path(report.output)}: {note_name(report.keys[0])} to {note_name(report.keys[1])}, "
        f"{layers}, {report.n_samples} samples ({report.n_looped} looped{recorded}) of "
        f"{report.duration_s:.0f} s, in {report.elapsed_s:.1f} s{beside}"
    )
