"""The command line's verbs for sound: play, translate, transcribe, domains, timbre."""

from dataclasses import asdict
from typing import Any, get_args

import click

import cambiata
from cambiata.cli.console import (
    print_json,
    print_report,
    progress_bar,
    shown_path,
    silence_warnings,
)
from cambiata.cli.groups import VerbGroup
from cambiata.cli.options import (
    HELP,
    KEY_HELP,
    TUNE_HELP,
    ApiOptions,
    bar_options,
    list_as_json_option,
    output_options,
    parse_shares,
    parse_tempo,
    preset_option,
    report_options,
    set_option,
    shown_options,
    sound_option,
    strict_option,
    system_options,
    without_unset,
    written_sound_options,
)
from cambiata.cli.transfer_verb import describe, describe_move, transfer_option, unpitched_option
from cambiata.cli.values import SECONDS, SEED, SHARE, parse_share, resolve_bars
from cambiata.errors import MissingExtraError
from cambiata.registry import DEFAULT_TRANSLATOR
from cambiata.transcription.api import InstrumentKind, PitchedKind

_play_option = ApiOptions(cambiata.play_file, cambiata.PlayOptions)
_transcribe_option = ApiOptions(cambiata.transcribe_file)
_timbre_option = ApiOptions(cambiata.capture_timbre)


@click.command(context_settings=HELP)
@click.argument("score")
@click.argument("sound")
@sound_option
@system_options(_play_option)
@_play_option(
    "--track", "track", type=int, metavar="N", help="Part of the score, from 1; else all."
)
@_play_option(
    "--drums", "drums", type=int, metavar="N", help="MIDI channel that is drums; else 10; 0: none."
)
@_play_option("--tune", "tune_number", type=int, metavar="N", help=TUNE_HELP)
@_play_option("--tempo", "tempo", type=float, metavar="X", help="How many times as fast.")
@_play_option("--transpose", "transpose", type=int, metavar="N", help="Move by semitones.")
@_play_option("--to-key", "to_key", metavar="KEY", help=KEY_HELP)
@_play_option("--pedal/--no-pedal", "pedal", help="Whether the sustain pedal counts (it does).")
@strict_option(_play_option, also=", and notes off the keyboard")
@_play_option(
    "--instrument",
    "instrument",
    type=click.Choice(get_args(PitchedKind)),
    help="What is heard in a recording given as SCORE.",
)
@_play_option("--midi", "midi", metavar="OUT.mid", help="Keep the notes heard in a recording.")
@shown_options(_play_option)
@written_sound_options(_play_option, "SOUND's")
def play(score: str, sound: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Play SCORE, a MIDI, MusicXML or ABC file, with the sound of SOUND.

    SCORE may be a recording, too: its notes are transcribed first. SOUND may be a .timbre file.
    """
    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        report = cambiata.play_file(score, sound, output, progress=progress, **options)
    saved_notes = f"; its notes in {report.midi}" if report.midi else ""
    sentence = (
        f"{shown_path(report.output)}: {report.n_notes} notes, {report.duration_s:.1f} s by "
        f"{report.system}, in {report.elapsed_s:.1f} s "
        f"(real-time factor {report.real_time_factor:.2f}){saved_notes}"
        f"{describe_move(report.transposed, report.key)}"
    )
    print_report(report, sentence, quiet=quiet, as_json=as_json, on_stdout=output == "-")


@click.command(context_settings=HELP)
@click.argument("recording")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT.mid",
    help="File to write: .mid, .musicxml or .mxl.",
)
@_transcribe_option(
    "--instrument",
    "instrument",
    type=click.Choice(get_args(InstrumentKind)),
    help="What plays: a piano's notes all have an onset; drums go on channel 10.",
)
@_transcribe_option(
    "--onset-threshold",
    "onset_threshold",
    type=SHARE,
    metavar="X",
    help="Between 0 and 1: less finds more notes; else what served best.",
)
@click.option(
    "--tempo",
    metavar="auto|BPM",
    callback=parse_tempo,
    help="Beats a minute, or auto to find them, changes of tempo too; else 120 is written.",
)
@_transcribe_option(
    "--quantise",
    "quantise",
    metavar="1/16[T]",
    help="Grid that notes are moved to, by the beats; T: triplets. Else none.",
)
@_transcribe_option("--pedal", "pedal", is_flag=True, help="Find the sustain pedal (CC 64).")
@_transcribe_option("--bends", "bends", is_flag=True, help="Write bends and vibrato.")
@strict_option(_transcribe_option)
@output_options
def transcribe(recording: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write the notes of RECORDING as MIDI, or as MusicXML with bars and staves."""
    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        notes = cambiata.transcribe_file(recording, output, progress=progress, **options)
    sentence = (
        f"{notes.output}: {notes.n_notes} notes of {notes.duration_s:.1f} s, in "
        f"{notes.elapsed_s:.1f} s (real-time factor {notes.real_time_factor:.2f})"
    )
    if notes.first_beat_s is not None:
        sentence += (
            f"; {notes.metre} at {notes.tempo:.4g} quarter notes a minute, the first beat at "
            f"{notes.first_beat_s:.2f} s, the first bar at {notes.first_bar_s:.2f} s"
        )
    print_report(notes, sentence, quiet=quiet, as_json=as_json)


@click.command(context_settings=HELP)
@click.argument("recording")
@click.option(
    "--to",
    "to",
    multiple=True,
    required=True,
    metavar="NAME[=SHARE]",
    callback=parse_shares,
    help="A domain (see `cambiata domains list`); several are blended by their shares.",
)
@sound_option
@click.option(
    "--system",
    default=DEFAULT_TRANSLATOR,
    show_default=True,
    metavar="NAME",
    help="See `cambiata systems`.",
)
@transfer_option("--amount", "amount", type=SHARE, help="0 is the recording, 1 the translation.")
@preset_option(transfer_option)
@set_option
@click.option("--octave", type=int, metavar="N", help="Move the notes by octaves; else not.")
@transfer_option("--start", "start_s", type=SECONDS, metavar="TIME", help="Start of the region.")
@transfer_option("--end", "end_s", type=SECONDS, metavar="TIME", help="End of the region.")
@bar_options
@transfer_option(
    "--in-place", "in_place", is_flag=True, help="Keep the recording around the region."
)
@unpitched_option
@strict_option(transfer_option)
@shown_options(transfer_option)
@written_sound_options(transfer_option, "the recording's")
def translate(
    recording: str, to: dict[str, float], output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Play RECORDING as a domain would: an instrument or ensemble learnt beforehand.

    `cambiata domains list` names those that ship; `cambiata domains add` learns your own.
    """
    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        report = cambiata.translate_file(
            recording, to, output, progress=progress, **resolve_bars(options)
        )
    blended = " + ".join(
        f"{share:.2g} {name}" if len(report.to) > 1 else name for name, share in report.to.items()
    )
    print_report(
        report,
        f"{describe(report)}; to {blended}",
        quiet=quiet,
        as_json=as_json,
        on_stdout=output == "-",
    )


@click.group(cls=VerbGroup, context_settings=HELP)
def domains() -> None:
    """List, or add to, what music can be translated to: domains that ship, and your own."""


@domains.command("list", context_settings=HELP)
@list_as_json_option
def domains_list(as_json: bool) -> None:
    """List every domain: its name, where it is from, what it was learnt from."""
    domain_facts = cambiata.domains()
    if as_json:
        print_json([asdict(each) for each in domain_facts])
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
@click.option("--minutes", type=float, metavar="N", help="Minutes to train; else 5.")
@click.option("--licence", metavar="TEXT", help="Of what is learnt; else: the user's own.")
@click.option("--seed", type=SEED, metavar="N", help="Seed of everything random.")
@click.option("--strict", is_flag=True, help="Refuse recordings that cannot be used, or not whole.")
@click.option("--force", is_flag=True, help="Replace a domain of that name.")
@report_options
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
    with progress_bar(hidden=quiet) as progress:
        added = add_domain(
            name,
            folder,
            progress=progress,
            report=None if quiet else print_line,
            **without_unset(**options),
        )
    for line in added.skipped if not quiet else ():
        click.echo(f"cambiata: not used: {line}", err=True)
    if as_json:
        print_json(asdict(added))
    elif not quiet:
        click.echo(
            f"{added.name}: learnt from {added.n_files} recordings of {added.duration_s:.0f} s, "
            f"begun as {added.begun_from}: {added.lsd_before_db:.2f} -> {added.lsd_db:.2f} dB, in "
            f"{added.elapsed_s:.0f} s; {added.path}",
            err=True,
        )


@click.group(cls=VerbGroup, context_settings=HELP)
def timbre() -> None:
    """Capture the sound of recordings in files, mix it, list what ships."""


@timbre.command(context_settings=HELP)
@click.argument("styles", nargs=-1, required=True, metavar="STYLE...")
@click.option("-o", "--output", required=True, metavar="X.timbre", help="File to write.")
@_timbre_option("--system", "system", metavar="NAME", help="The system that will play it.")
@preset_option(_timbre_option)
@_timbre_option(
    "--start", "start_s", type=SECONDS, metavar="TIME", help="Start of the region to use."
)
@_timbre_option("--end", "end_s", type=SECONDS, metavar="TIME", help="End of it.")
@strict_option(_timbre_option)
@output_options
def capture(
    styles: tuple[str, ...], output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Keep the sound of one or more recordings of it in a file."""
    _print_timbre(cambiata.capture_timbre(styles, output, **options), quiet, as_json)


@timbre.command(context_settings=HELP)
@click.argument("shares", nargs=-1, required=True, metavar="A.timbre=SHARE...")
@click.option("-o", "--output", required=True, metavar="X.timbre", help="File to write.")
@output_options
def mix(shares: tuple[str, ...], output: str, quiet: bool, as_json: bool, force: bool) -> None:
    """A sound between others: a.timbre=0.3 b.timbre=0.7 lies 70 % of the way from a to b."""
    parts = []
    for text in shares:
        path, _, share = text.rpartition("=")
        try:
            number = parse_share(share)
        except ValueError:
            path = ""
        if not path:
            raise click.BadParameter(f"{text!r} has no share; write it as {text.split('=')[0]}=0.5")
        parts.append((path, number))
    _print_timbre(cambiata.mix_timbres(parts, output, force=force), quiet, as_json)


def _print_timbre(captured: cambiata.Timbre, quiet: bool, as_json: bool) -> None:
    facts = {
        "output": captured.name,
        "system": captured.system,
        "weights": captured.weights,
        "voices": [weight for weight, _ in captured.voices],
    }
    n = len(captured.voices)
    sentence = f"{captured.name}: {n} voice{'s' * (n != 1)} for {captured.system}"
    print_report(facts, sentence, quiet=quiet, as_json=as_json)
