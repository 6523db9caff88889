"""The command line's verb for many inputs."""

from typing import Any

import click

from cambiata.batches import api
from cambiata.batches.api import BatchItem
from cambiata.batches.verbs import Verb, is_group
from cambiata.cli.console import (
    Interruption,
    one_line,
    print_report,
    progress_bar,
    silence_warnings,
)
from cambiata.cli.contents import SomeFailedError
from cambiata.cli.flags import in_flags
from cambiata.cli.options import HELP, ApiOptions, engine_options, output_options

_option = ApiOptions(api.batch)
_MOST_NAMES = 20  # of items that failed in the last line; each had a line of its own


class BatchCommand(click.Command):
    """A command whose words after -- are another's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words after -- apart."""
        at = args.index("--") if "--" in args else len(args)
        ctx.meta["cambiata.words"] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What the first line of the help says."""
        return [*super().collect_usage_pieces(ctx), "[-- VERB'S ARGUMENTS AND OPTIONS]"]


def split_verb(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Name of a verb, of one or two words, and the inputs after it.

    >>> split_verb(("reverb", "apply", "a.wav"))
    ('reverb apply', ('a.wav',))
    """
    n_words = 2 if is_group(words[0]) else 1
    return Verb(" ".join(words[:n_words])).name, words[n_words:]


@click.command(cls=BatchCommand, context_settings=HELP)
@click.argument("words", nargs=-1, required=True, metavar="VERB INPUTS...")
@click.option(
    "-o",
    "--output",
    metavar="TEMPLATE",
    help='What each is written to, as "out/{stem}-{style}.wav".',
)
@click.option(
    "-j",
    "--jobs",
    "n_workers",
    type=click.IntRange(1),
    metavar="N",
    help="Workers; else one a core.",
)
@_option(
    "--manifest",
    "manifest",
    metavar="RUN.csv",
    help="Record of all items, by which the same call goes on.",
)
@engine_options
@output_options
def batch(words: tuple[str, ...], quiet: bool, as_json: bool, **options: Any) -> None:
    """Run VERB on many INPUTS: files, folders, patterns, URLs, or the rows of one .csv file.

    INPUTS are values of the verb's first argument; what stands after -- goes to every item. Fields
    of the output's name: {stem} {name} {folder} {suffix} {index}, and what the verb is given by
    name, as {style}. Columns of a .csv file are the verb's arguments and options, and output.
    """
    silence_warnings(quiet)
    verb, inputs = split_verb(words)
    given = click.get_current_context().meta["cambiata.words"]
    n_done = [0]

    def show(item: BatchItem) -> None:
        n_done[0] += item.status == "done"
        if item.status == "failed":
            click.echo(f"cambiata: {one_line(_named(item))}", err=True)

    try:
        with progress_bar(hidden=quiet) as progress:
            report = api.batch(
                verb, inputs, arguments=given, progress=progress, report=show, **options
            )
    except KeyboardInterrupt:
        goes_on = "; the same call goes on" if options["manifest"] else ""
        raise Interruption(f"{n_done[0]} more done{goes_on}") from None
    sentence = f"{report.n_done} of {report.n_items} done"
    if report.n_skipped:
        sentence += f", {report.n_skipped} of them before"
    workers = f"{report.n_workers} worker{'s' * (report.n_workers != 1)}"
    sentence += f", in {report.elapsed_s:.1f} s by {workers}"
    print_report(report, sentence, quiet=quiet, as_json=as_json)
    failed = [item.input for item in report.items if item.status == "failed"]
    if failed:
        more = ", ..." if len(failed) > _MOST_NAMES else ""
        names = ", ".join(failed[:_MOST_NAMES]) + more
        raise SomeFailedError(f"{report.n_done} of {report.n_items} done; not done: {names}")


def _named(item: BatchItem) -> str:
    """A failed item's line, which begins with its input."""
    root = click.get_current_context().find_root().command
    message = in_flags(item.message, root)
    begins_so = message.startswith((item.input, item.output))
    return message if begins_so else f"{item.input}: {message}"
