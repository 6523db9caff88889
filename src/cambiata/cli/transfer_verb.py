"""The command line's first verb: transfer.

In a file of its own, so that the commonest call need not import what the others stand on.
"""

from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import (
    print_report,
    progress_bar,
    shown_path,
    silence_warnings,
)
from cambiata.cli.contents import (
    check_many,
    expand,
    is_folder,
    make_folder,
    name_beside,
    refuse_output_as_style,
    work_on_all,
)
from cambiata.cli.options import (
    HELP,
    KEY_HELP,
    ApiOptions,
    bar_options,
    preset_option,
    set_option,
    shown_options,
    strict_option,
    written_sound_options,
)
from cambiata.cli.values import SECONDS, SHARE, resolve_bars
from cambiata.timbre_transfer.api import UnpitchedPart

transfer_option = ApiOptions(cambiata.transfer_file, cambiata.Options)
unpitched_option = transfer_option(
    "--unpitched",
    "unpitched",
    type=click.Choice(get_args(UnpitchedPart)),
    help="What becomes of the part without pitch: drums, breath, noise.",
)


@click.command(context_settings=HELP)
@click.argument("contents", nargs=-1, metavar="CONTENT...")
@click.argument("style")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    help="File to write, or a folder; else CONTENT-STYLE beside each, of the content's "
    "extension (.wav where that is lossy); - for stdout.",
)
@transfer_option("--system", "system", metavar="NAME", help="See `cambiata systems`.")
@transfer_option("--amount", "amount", type=SHARE, help="0 is the content, 1 the full transfer.")
@preset_option(transfer_option)
@set_option
@click.option(
    "--dynamics",
    type=click.Choice(["content", "style"]),
    help="Take loud and soft from the content or the style; else from the content.",
)
@click.option("--octave", metavar="auto|N", help="Move the notes by octaves; else not.")
@transfer_option("--transpose", "transpose", type=int, metavar="N", help="Move by semitones.")
@transfer_option("--to-key", "to_key", metavar="KEY", help=KEY_HELP)
@transfer_option(
    "--start", "start_s", type=SECONDS, metavar="TIME", help="Start of the content's region."
)
@transfer_option(
    "--end", "end_s", type=SECONDS, metavar="TIME", help="End of the content's region."
)
@bar_options
@transfer_option(
    "--style-start", "style_start_s", type=SECONDS, metavar="TIME", help="Start of the style's."
)
@transfer_option(
    "--style-end", "style_end_s", type=SECONDS, metavar="TIME", help="End of the style's region."
)
@transfer_option("--in-place", "in_place", is_flag=True, help="Keep the content around the region.")
@unpitched_option
@strict_option(transfer_option)
@shown_options(transfer_option)
@written_sound_options(transfer_option, "the content's")
def transfer(
    contents: tuple[str, ...],
    style: str,
    output: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Play CONTENT's notes and timing with STYLE's sound.

    Any sound file, with ffmpeg also m4a, webm, video ...; - is standard input. STYLE may be a
    .timbre file, too. Several contents, folders and patterns are worked on one after the other.
    """
    silence_warnings(quiet)
    options = resolve_bars(options)
    if output is None and len(contents) > 1:
        refuse_output_as_style(style)
    found = expand(contents, style)
    folder = output if is_folder(output, len(found)) else None
    if list(contents) == found and len(found) == 1:
        if folder is not None:
            make_folder(folder)
        beside = output is None or folder is not None
        place = name_beside(found[0], style, folder, options["force"]) if beside else str(output)
        with progress_bar(hidden=quiet) as progress:
            report = cambiata.transfer_file(found[0], style, place, progress=progress, **options)
        print_report(report, describe(report), quiet=quiet, as_json=as_json, on_stdout=place == "-")
        return
    check_many(found, style, output, options)
    made: set[str] = set()

    def work(content: str) -> cambiata.Report:
        place = name_beside(content, style, output, options["force"], made)
        made.add(place)
        with progress_bar(hidden=quiet) as progress:
            return cambiata.transfer_file(content, style, place, progress=progress, **options)

    work_on_all(found, work, describe, quiet=quiet, as_json=as_json)


def describe(report: cambiata.Report) -> str:
    """What was done, in a line."""
    used = ""
    if report.style_used_s < report.style_s - 0.01:
        used = f"; {report.style_used_s:.0f} s of the style's {report.style_s:.0f} were used"
    speed = "" if report.amount == 0 else f" (real-time factor {report.real_time_factor:.2f})"
    return (
        f"{shown_path(report.output)}: {report.duration_s:.1f} s by {report.system}, "
        f"amount {report.amount:g}, in {report.elapsed_s:.1f} s{speed}{used}"
        f"{describe_move(report.transposed, report.key)}{_octave_hint(report.octaves_above_style)}"
    )


def describe_move(semitones: int, key: str | None) -> str:
    """By how much notes were moved, and from which key."""
    octaves, rest = divmod(semitones, 12)
    if not semitones:
        return "" if key is None else f"; in {key} already"
    if key is None and not rest:
        return f"; moved by {octaves:+d} octave{'s' * (abs(octaves) != 1)}"
    from_key = "" if key is None else f" from {key}"
    return f"; moved by {semitones:+d} semitone{'s' * (abs(semitones) != 1)}{from_key}"


def _octave_hint(octaves: int) -> str:
    """What would bring notes into the range of the style."""
    if not octaves:
        return ""
    distance = "an octave" if abs(octaves) == 1 else f"{abs(octaves)} octaves"
    side = "above" if octaves > 0 else "below"
    return f"; its notes lie {distance} {side} the style's: --octave auto moves them there"
