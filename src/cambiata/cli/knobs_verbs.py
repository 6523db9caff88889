"""The command line's verbs for knobs of a set of sounds."""

from collections.abc import Mapping
from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import (
    print_json,
    print_report,
    printable,
    progress_bar,
    shown_path,
    silence_warnings,
)
from cambiata.cli.groups import VerbGroup
from cambiata.cli.instrument_verb import parse_keys
from cambiata.cli.options import (
    HELP,
    ApiOptions,
    force_option,
    list_as_json_option,
    output_options,
    seed_option,
    sound_option,
    strict_option,
)
from cambiata.cli.values import SECONDS, parse_share
from cambiata.knobs.collection import SetKind

_fit_option = ApiOptions(cambiata.fit_knobs)
_play_option = ApiOptions(cambiata.Knobs.play_file)
_export_option = ApiOptions(cambiata.Knobs.export)


def parse_positions(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    """Positions by knob, of texts like brightness=.7 or brightness=70%.

    >>> parse_positions(None, None, ("brightness=.7", "main-1=20%"))
    {'brightness': 0.7, 'main-1': 0.2}
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, share = text.partition("=")
        try:
            position = parse_share(share)
        except ValueError:
            likeness = f"write it as {name or 'brightness'}=0.7"
            raise click.BadParameter(f"{text!r} has no position; {likeness}") from None
        if name in found:
            raise click.BadParameter(f"{name} is named twice")
        found[name] = position
    return found


_knob_option = click.option(
    "--knob",
    "values",
    multiple=True,
    metavar="NAME=0..1",
    callback=parse_positions,
    help="Where a knob stands, else .5; may be repeated. See `cambiata knobs show`.",
)


@click.group(cls=VerbGroup, context_settings=HELP)
def knobs() -> None:
    """Knobs found in a set of sounds: main directions, and brightness, attack, warmth, ..."""


@knobs.command("fit", context_settings=HELP)
@click.argument("sounds", nargs=-1, required=True, metavar="FOLDER|SOUND...")
@click.option("-o", "--output", required=True, metavar="X.knobs", help="File to write.")
@_fit_option(
    "--kind",
    "kind",
    type=click.Choice(get_args(SetKind)),
    help="What recordings are: single notes or phrases; auto asks them.",
)
@_fit_option("--picture", "picture", metavar="OUT.png|svg", help="Write a map of the set.")
@strict_option(_fit_option, also=", or that cannot be used")
@output_options
def fit(sounds: tuple[str, ...], output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Find the knobs of a set of sounds.

    A FOLDER's recordings, .timbre files and folders of an instrument's notes are the sounds; or
    name three SOUNDs and more.
    """
    silence_warnings(quiet)
    given: Any = sounds[0] if len(sounds) == 1 else sounds
    with progress_bar(hidden=quiet) as progress:
        made = cambiata.fit_knobs(given, output, progress=progress, **options)
    facts = {"output": output, **made.facts()}
    sentence = f"{output}: {', '.join(made.names)} of {len(made.sounds)} sounds"
    print_report(facts, sentence, quiet=quiet, as_json=as_json)


@knobs.command("show", context_settings=HELP)
@click.argument("path", metavar="X.knobs")
@_knob_option
@click.option("--picture", metavar="OUT.png|svg", help="Write a map of the set and the knobs.")
@force_option
@list_as_json_option
def show(
    path: str, values: dict[str, float], picture: str | None, force: bool, as_json: bool
) -> None:
    """Show the knobs: names, ranges, where the set's sounds lie; and the sound at --knob."""
    made = cambiata.load_knobs(path)
    facts = made.facts() | {"at": {"knobs": values, "descriptors": made.describe(values)}}
    if picture is not None:
        made.draw(picture, values, force=force)
    if as_json:
        print_json(facts)
        return
    click.echo(printable(f"{len(made.sounds)} sounds: {', '.join(made.sounds)}"))
    for knob in facts["knobs"]:
        ends = sorted(knob["sounds"].items(), key=lambda item: item[1])
        click.echo(printable(f"{knob['name']:<14} {_range(knob)}; {ends[0][0]} to {ends[-1][0]}"))
    for name, value in facts["at"]["descriptors"].items():
        click.echo(f"  here {name:<14} {value:.3g}")


def _range(knob: Mapping[str, Any]) -> str:
    if "unit" not in knob:
        return f"{knob['explained']:.0%} of the set's variance"
    low, mean, high = (f"{knob[end]:.3g}" for end in ("low", "mean", "high"))
    lowest, highest = (f"{value:.3g}" for value in knob["set"])
    return f"{low} .. {mean} .. {high} ({knob['unit']}); the set {lowest} .. {highest}"


@knobs.command("play", context_settings=HELP)
@click.argument("path", metavar="X.knobs")
@click.argument("score", required=False)
@sound_option
@_knob_option
@click.option("--notes", metavar="C3,E3,C4+G4", help="Notes one after the other; + makes chords.")
@_play_option("--duration", "duration_s", type=SECONDS, metavar="TIME", help="Of each of --notes.")
@_play_option("--velocity", "velocity", type=int, metavar="N", help="Of --notes, 1 to 127.")
@_play_option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else 44100.")
@_play_option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ...")
@seed_option(_play_option)
@output_options
def play(
    path: str,
    score: str | None,
    output: str,
    notes: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Play notes, or a SCORE, with the sound at positions of knobs."""
    silence_warnings(quiet)
    if (notes is None) == (score is None):
        raise click.UsageError("give --notes, as in --notes C3,E3,G3, or a SCORE, one of them")
    made = cambiata.load_knobs(path)
    given: Any = notes
    if score is not None:
        given = cambiata.load_score(score, keys=True)
    with progress_bar(hidden=quiet) as progress:
        report = made.play_file(given, output, progress=progress, **options)
    sentence = f"{shown_path(output)}: {report.n_notes} note{'s' * (report.n_notes != 1)}, "
    sentence += f"{report.duration_s:.1f} s, in {report.elapsed_s:.1f} s; {_measured(report)}"
    print_report(report, sentence, quiet=quiet, as_json=as_json, on_stdout=output == "-")


@knobs.command("export", context_settings=HELP)
@click.argument("path", metavar="X.knobs")
@click.option("-o", "--output", required=True, metavar="X.timbre|sfz|sf2", help="File to write.")
@_knob_option
@click.option(
    "--keys",
    default="36-96",
    show_default=True,
    metavar="N-M",
    callback=parse_keys,
    help="First and last key, MIDI numbers.",
)
@_export_option("--velocities", "velocities", type=int, metavar="N", help="Velocity layers.")
@_export_option("--step", "step", type=int, metavar="N", help="Semitones between samples at most.")
@_export_option("--hold", "hold_s", type=float, metavar="S", help="Seconds that notes last.")
@seed_option(_export_option)
@output_options
def export(path: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Make a timbre for transfer and play, or an instrument for samplers."""
    silence_warnings(quiet)
    made = cambiata.load_knobs(path)
    with progress_bar(hidden=quiet) as progress:
        report = made.export(output, progress=progress, **options)
    beside = f"; its samples in {shown_path(report.samples)}" if report.samples else ""
    sentence = f"{shown_path(output)}: {report.made} of {report.n_notes} notes, "
    sentence += f"in {report.elapsed_s:.1f} s; {_measured(report)}{beside}"
    print_report(report, sentence, quiet=quiet, as_json=as_json)


def _measured(report: cambiata.KnobsReport) -> str:
    """Descriptors in a sentence."""
    found = report.descriptors
    return (
        f"centroid {found['brightness']:.0f} Hz, attack {1000 * found['attack']:.0f} ms, warmth "
        f"{found['warmth']:.0f} dB, noise {found['noisiness']:.0f} dB"
    )
