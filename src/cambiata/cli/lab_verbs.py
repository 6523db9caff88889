"""The command line's verbs for what systems learn from, how they learn, how they are judged."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from cambiata.cli.console import (
    Interruption,
    print_json,
    print_report,
    progress_bar,
    silence_warnings,
    stage_bars,
)
from cambiata.cli.groups import ExtraGroup
from cambiata.cli.options import (
    HELP,
    force_option,
    jobs_option,
    list_as_json_option,
    output_options,
    parse_names,
    parse_numbers,
    parse_settings,
    quiet_option,
    report_options,
    runs_on_engine,
    without_unset,
)
from cambiata.cli.values import SEED

_run_folder = click.option("-o", "--output", required=True, metavar="RUN", help="The run's folder.")
_tables_folder = click.option(
    "-o", "--output", required=True, metavar="DIR", help="Folder for the tables."
)
_report_option = click.option("--report", metavar="DIR", help="Write the report there afterwards.")
_seed_of_draws = click.option("--seed", type=SEED, metavar="N", help="Seed of everything random.")
_minutes = click.option(
    "--minutes", type=float, metavar="N", help="Minutes to train in all; else the preset's own."
)


@click.group(cls=ExtraGroup, extra="train", context_settings=HELP)
def data() -> None:
    """Make what networks learn from: banks of notes, scores rendered as many instruments."""


@data.command(context_settings=HELP)
@click.option("--banks", metavar="DIR", help="Folder of banks.")
@list_as_json_option
def check(banks: str | None, as_json: bool) -> None:
    """Show what is here, what is missing, and how to get it."""
    from cambiata.data.inventory import inventory

    items = inventory(**without_unset(bank_folder=banks))
    if as_json:
        print_json([asdict(item) for item in items])
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
    "--programs", metavar="LIST", callback=parse_numbers, help="0-7,40; else all melodic."
)
@click.option("--velocities", metavar="LIST", callback=parse_numbers, help="Ascending, 1 to 127.")
@click.option("--timbres", "n_timbres", type=int, metavar="N", help="Of a synthesiser; else 24.")
@click.option("--seed", type=SEED, metavar="N", help="Of a synthesiser's random timbres; else 0.")
@click.option("--licence", metavar="TEXT", help="Licence of recordings or a font of your own.")
@click.option("--use", type=click.Choice(["train", "test"]), help="What those are for.")
@runs_on_engine
@output_options
def bank(
    source: str,
    output: str | None,
    licence: str | None,
    use: str | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Render every note of SOURCE: a sound font, a synthesiser, a folder of recorded notes.

    A font is named by its path or, where its package is installed, by its short name. Synthesisers
    are amsynth, vital, dx7, stk and faust (the extra `synths`); procedural-pianos are pianos
    computed by formula.
    """
    from cambiata.data.bank_building import build_bank

    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        built = build_bank(
            source,
            **without_unset(folder=output, licence=licence, use=use),
            **without_unset(**options),
            progress=progress,
        )
    facts = {
        "bank": str(built.folder),
        "source": asdict(built.source),
        "instruments": len(built.instruments),
        "notes": sum(len(instrument.table) for instrument in built.instruments),
    }
    sentence = (
        f"{built.folder}: {facts['notes']} notes of {facts['instruments']} instruments; "
        f"{built.source.licence}; for {built.source.use}"
    )
    print_report(facts, sentence, quiet=quiet, as_json=as_json)


@data.command(context_settings=HELP)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("-o", "--output", metavar="DIR", help="The pack's folder; else in the cache folder.")
@click.option("--drums", metavar="DIR", help="Drum hits, which sound in clips and are no notes.")
@click.option("--rooms", metavar="DIR", help="Impulse responses.")
@click.option("--scores/--no-scores", default=None, help="Excerpts of music21's scores (default).")
@click.option("--timbres", "n_timbres", type=int, metavar="N", help="Of each synthesiser.")
@click.option("--seed", type=SEED, metavar="N", help="Of synthesisers' random timbres; else 0.")
@click.option("--licence", metavar="TEXT", help="Licence of fonts and folders of your own.")
@jobs_option
@output_options
def pack(
    output: str | None, sources: tuple[str, ...], quiet: bool, as_json: bool, **options: Any
) -> None:
    """Make the pack of single notes that the listener's training mixes its clips of.

    SOURCE is a sound font, a bank, a folder of recorded notes, another pack, a synthesiser or
    procedural-pianos (see `cambiata data bank --help`); else all that are here and may be trained
    on. What shares samples with the test set's font is left out.
    """
    from cambiata.data.clip_examples import PACK_FOLDER
    from cambiata.data.pack_building import build_pack

    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        built = build_pack(output, sources, **without_unset(**options), progress=progress)
    facts = {"pack": str(output or PACK_FOLDER), **built.facts}
    where = f" --examples {output}" if output else ""
    sentence = (
        f"{facts['pack']}: {facts['notes']} notes of {facts['timbres']} timbres, "
        f"{facts['held_out']} of them held out, {facts['duration_s'] / 60:.1f} minutes; "
        f"train with `cambiata train run listener -o RUN{where}`"
    )
    print_report(facts, sentence, quiet=quiet, as_json=as_json)


@data.command(context_settings=HELP)
@click.argument("scores")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder to make.")
@click.option(
    "--fonts", metavar="LIST", callback=parse_names, help="Paths or names; else all here."
)
@click.option("--programs", metavar="LIST", callback=parse_numbers, help="0-7,40; else the pianos.")
@click.option("--limit", type=click.IntRange(1), help="Most scores to render.")
@output_options
def render(scores: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Render SCORES as many different-sounding instruments.

    SCORES is a MIDI file, a folder of them, or one of music21's collections: chorales, tunes,
    quartets, keyboard.
    """
    from cambiata.data.rendering import render_scores

    silence_warnings(quiet)
    with progress_bar(hidden=quiet) as progress:
        manifest = render_scores(scores, output, **without_unset(**options), progress=progress)
    sentence = (
        f"{output}: {len(manifest['sounds'])} sounds of {len(manifest['voices'])} instruments; "
        f"{len(manifest['left out'])} programs left out as alike or missing, "
        f"{len(manifest['not playable'])} sounds not playable (see manifest.json)"
    )
    print_report(manifest, sentence, quiet=quiet, as_json=as_json)


@click.group(cls=ExtraGroup, extra="train", context_settings=HELP)
def train() -> None:
    """Train the systems' networks, and export them as weights that need no torch."""


@train.command("run", context_settings=HELP)
@click.argument("preset")
@_run_folder
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
@click.option(
    "--from",
    "begin_from",
    metavar="RUN|ONNX",
    help="Begin with the weights of another run, or of an exported network.",
)
@output_options
def train_run(preset: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Train PRESET in a folder of its own; an unknown name lists all presets.

    What it learns from is composed first, once, from the banks that the preset names; the listener
    learns from a pack (`cambiata data pack`).
    """
    from cambiata.train.run import start

    _run_training(
        lambda **callbacks: start(preset, output, **without_unset(**options), **callbacks),
        quiet,
        as_json,
    )


@train.command("resume", context_settings=HELP)
@click.argument("run")
@_minutes
@click.option(
    "--devices",
    "n_devices",
    type=int,
    metavar="N",
    help="Go on with so many processes, each on a device of its own; else as many as before.",
)
@report_options
def train_resume(run: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Go on with RUN, which was stopped or has run out of its time."""
    from cambiata.train.run import resume

    _run_training(
        lambda **callbacks: resume(run, **without_unset(**options), **callbacks), quiet, as_json
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
        with progress_bar(hidden=quiet) as progress:
            summary = job(progress=progress, report=None if quiet else print_line)
    except KeyboardInterrupt:
        raise Interruption("go on with `cambiata train resume`") from None
    if as_json:
        click.echo(json.dumps(summary, indent=2))


@train.command("export", context_settings=HELP)
@click.argument("run")
@click.option("-o", "--output", required=True, metavar="NAME.onnx", help="File to write.")
@click.option("--half/--full", default=None, help="Keep arrays as float16 (default) or float32.")
@output_options
def train_export(run: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Write the network of RUN as ONNX, checked against torch.

    RUN may also be the checkpoint that the authors of SS-VQ-VAE publish.
    """
    from cambiata.train.export import export

    facts = export(run, output, **without_unset(**options))
    if as_json:
        print_json(facts)
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


@click.group(cls=ExtraGroup, extra="eval", context_settings=HELP)
def evaluate() -> None:
    """Judge systems on test sets with exact targets, and on recordings."""


@evaluate.command("transfer", context_settings=HELP)
@_run_folder
@click.option(
    "--rows", metavar="LIST", callback=parse_names, help="Baselines, systems, system:preset."
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
@_report_option
@click.option("--seed", type=SEED, metavar="N", help="Seed of draws and pairings.")
@runs_on_engine
@output_options
def evaluate_transfer(
    output: str, report: str | None, force: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Run rows over test sets; a run that stopped goes on.

    A pair that fails is named, costs no other, and makes the exit code 1.
    """
    from cambiata.evaluate.transfer import evaluate_transfer as run_rows

    silence_warnings(quiet)
    _run_rows(run_rows, output, report, force, quiet, as_json, options)


def _run_rows(
    run_rows: Callable[..., list[str]],
    output: str,
    report: str | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    """Run rows in a run's folder, then print its tables and what failed."""
    from cambiata.evaluate.runfolder import read_run
    from cambiata.evaluate.table import collect_results

    try:
        with stage_bars(hidden=quiet) as progress:
            failures = run_rows(output, **without_unset(**options), progress=progress)
    except KeyboardInterrupt:
        raise Interruption("what is done is kept, the same call goes on") from None
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
@_run_folder
@click.option("--rows", metavar="LIST", callback=parse_names, help="Baselines and players.")
@click.option("--each", "n_each", type=int, metavar="N", help="Windows for every piano.")
@_report_option
@_seed_of_draws
@runs_on_engine
@output_options
def evaluate_play_command(
    output: str, report: str | None, force: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Play unseen scores with the sound of unseen pianos; a run that stopped goes on."""
    from cambiata.evaluate.play import evaluate_play

    _run_rows(evaluate_play, output, report, force, quiet, as_json, options)


@evaluate.command("translate", context_settings=HELP)
@_run_folder
@click.option("--rows", metavar="LIST", callback=parse_names, help="Baselines and systems.")
@click.option("--limit", type=int, metavar="N", help="Most pairs of each of the first two sets.")
@click.option("--rendered", "n_rendered", type=int, metavar="N", help="Pairs of the third.")
@_report_option
@runs_on_engine
@output_options
def evaluate_translate_command(
    output: str, report: str | None, force: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Translate an unseen font's music to the domains; a run that stopped goes on."""
    from cambiata.evaluate.translate import evaluate_translate

    _run_rows(evaluate_translate, output, report, force, quiet, as_json, options)


@evaluate.command("transcribe", context_settings=HELP)
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the table.")
@click.option("--pairs", "n_pairs", type=int, metavar="N", help="Clips of the unseen font.")
@click.option("--each", "n_each", type=int, metavar="N", help="Windows for every unseen piano.")
@click.option("--real", metavar="DIR", help="Recordings, of which bach-violin's notes are known.")
@click.option("--rival/--no-rival", default=None, help="Whether basic-pitch is run beside ours.")
@_seed_of_draws
@report_options
def evaluate_transcribe_command(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Transcribe what is known: unseen fonts, pianos, recordings with scores."""
    from cambiata.evaluate.transcription import evaluate_transcribe, markdown

    with stage_bars(hidden=quiet) as progress:
        results = evaluate_transcribe(output, **without_unset(**options), progress=progress)
    tables = markdown(results["summary"], results["contours"])
    _print_results(results["summary"], tables, quiet, as_json)


@evaluate.command("melody", context_settings=HELP)
@_tables_folder
@click.option("--rows", metavar="LIST", callback=parse_names, help="Restylers, content, real.")
@click.option("--each", "n_each", type=int, metavar="N", help="Tunes of each pair of dances.")
@click.option("--nottingham", metavar="DIR", help="ABC files of a collection never learnt from.")
@_seed_of_draws
@report_options
def evaluate_melody_command(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn tunes of held-out families towards dance types."""
    from cambiata.evaluate.melody import evaluate_melody, markdown

    with stage_bars(hidden=quiet) as progress:
        results = evaluate_melody(output, **without_unset(**options), progress=progress)
    _print_results(results, markdown(results), quiet, as_json)


@evaluate.command("groove", context_settings=HELP)
@click.argument("data")
@_tables_folder
@click.option("--pairs", "n_pairs", type=int, metavar="N", help="Pairs of grooves.")
@_seed_of_draws
@report_options
def evaluate_groove_command(
    data: str, output: str, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Turn grooves of held-out sessions towards others'; DATA is the Groove MIDI Dataset."""
    from cambiata.evaluate.groove import evaluate_groove, markdown

    with stage_bars(hidden=quiet) as progress:
        results = evaluate_groove(output, data, **without_unset(**options), progress=progress)
    _print_results(results, markdown(results), quiet, as_json)


@evaluate.command("counterpoint", context_settings=HELP)
@_tables_folder
@_seed_of_draws
@report_options
def evaluate_counterpoint_command(output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Solve worksheets and let music21 judge them; plant breaches and let our checker find them."""
    from cambiata.evaluate.counterpoint import evaluate_counterpoint, markdown

    with stage_bars(hidden=quiet) as progress:
        results = evaluate_counterpoint(output, **without_unset(**options), progress=progress)
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
@click.option("--seed", type=SEED, metavar="N", help="Seed of that choice.")
@force_option
@quiet_option
def evaluate_report(run: str, output: str, force: bool, quiet: bool, **options: Any) -> None:
    """Write a run's web page, tables and examples into one folder."""
    _write_report(run, output, force=force, quiet=quiet, **without_unset(**options))
    if not quiet:
        _print_tables(run)


def _write_report(run: str, output: str, *, force: bool, quiet: bool, **options: Any) -> None:
    from cambiata.evaluate.report import write_report

    with progress_bar(hidden=quiet) as progress:
        page = write_report(run, output, force=force, progress=progress, **options)
    if not quiet:
        click.echo(f"{page}", err=True)


def _print_tables(run: str) -> None:
    from cambiata.evaluate.runfolder import read_run
    from cambiata.evaluate.table import format_page, summarize

    read = read_run(run)
    click.echo(format_page(read, summarize(read)))
