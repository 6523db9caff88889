"""The command line's verbs for notes: melody, groove, counterpoint."""

import inspect
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from cambiata.cli_options import HELP, as_json_option, force_option, quiet_option, set_option
from cambiata.errors import CambiataWarning
from cambiata.melody import restyle, restyle_file


def _default(function: Callable[..., Any], name: str) -> Any:
    return inspect.signature(function).parameters[name].default


def _option_of(
    function: Callable[..., Any], flag: str, name: str, **attributes: Any
) -> Callable[[Any], Any]:
    """An option with the API's own default."""
    default = _default(function, name)
    shown = default is not None and not isinstance(default, bool)
    return click.option(flag, name, default=default, show_default=shown, **attributes)


_listen = click.option("--listen", metavar="OUT.wav", help="Write how it sounds, as a sketch.")
_picture = click.option("--picture", metavar="OUT.svg", help="Draw piano rolls before and after.")


@click.command(context_settings=HELP)
@click.argument("tune")
@click.option("-o", "--output", required=True, metavar="OUT", help=".mid or .musicxml to write.")
@click.option(
    "--style",
    required=True,
    metavar="NAME|FILE|FOLDER",
    help="A dance type (reel, hornpipe, strathspey, jig, ...), a tune, or a folder of tunes.",
)
@_option_of(restyle, "--amount", "amount", type=float, help="0 is the tune, 1 the whole turn.")
@_option_of(restyle, "--rhythm", "rhythm", type=float, help="The same for the rhythm alone.")
@_option_of(restyle, "--pitch", "pitch", type=float, help="The same for the pitches alone.")
@_option_of(restyle, "--metre", "metre", metavar="content|style|6/8", help="Whose metre, or which.")
@_option_of(
    restyle, "--track", "track", type=int, metavar="N", help="Part with the melody, from 1."
)
@_option_of(restyle, "--skyline", "skyline", is_flag=True, help="Take the highest tones of chords.")
@_option_of(restyle, "--system", "system", metavar="NAME", help="melody, pati2018 or retrieval.")
@set_option
@_listen
@_picture
@_option_of(restyle, "--seed", "seed", type=int, metavar="N", help="Same seed, same output.")
@force_option
@quiet_option
@as_json_option
def melody(tune: str, output: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Turn TUNE towards a style: MIDI, MusicXML and ABC in, MIDI and MusicXML out.

    Key, metre, phrase lengths and repeated bars are kept.
    """
    _hush(quiet)
    made = restyle_file(tune, output, **options)
    if as_json:
        click.echo(json.dumps(asdict(made), indent=2))
    elif not quiet:
        click.echo(
            f"{made.output}: {made.n_changed_bars} of {made.n_bars} bars turned towards "
            f"{made.style} (rhythm {made.rhythm:g}, pitch {made.pitch:g}), {made.metre}, by "
            f"{made.system}, in {made.elapsed_s:.1f} s{_besides(made.listen, made.picture)}",
            err=True,
        )


def _hush(quiet: bool) -> None:
    if quiet:
        warnings.simplefilter("ignore", CambiataWarning)


def _besides(*files: str | None) -> str:
    written = [file for file in files if file]
    return f"; also {' and '.join(written)}" if written else ""
