"""Options of the command line: their defaults are the API's own, read from it."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_args

import click

from cambiata.cli.values import SECONDS, parse_share
from cambiata.engines.engine import EngineName, opened, using

HELP = {"help_option_names": ["-h", "--help"]}

Decorator = Callable[[Any], Any]


class ApiOptions:
    """Options with the defaults of functions' keyword arguments or of dataclasses' fields."""

    def __init__(self, *sources: Any) -> None:
        self._defaults: dict[str, Any] = {}
        for source in sources:
            if is_dataclass(source):
                defaults = {field.name: field.default for field in fields(source)}
                unset: Any = MISSING
            else:
                parameters = inspect.signature(source).parameters.values()
                defaults = {parameter.name: parameter.default for parameter in parameters}
                unset = inspect.Parameter.empty
            self._defaults |= {k: None if v is unset else v for k, v in defaults.items()}

    def __call__(self, flag: str, name: str, **attributes: Any) -> Decorator:
        """An option; help shows its default, but for flags and what is not set."""
        default = self._defaults[name]
        is_shown = default is not None and not isinstance(default, bool)
        return click.option(flag, name, default=default, show_default=is_shown, **attributes)


def without_unset(**options: Any) -> dict[str, Any]:
    """Options that were given; the others keep the API's own defaults.

    For functions that are only imported when they are called, as those that need torch are.
    """
    return {name: value for name, value in options.items() if value not in (None, ())}


def combined(*decorators: Decorator) -> Decorator:
    """Options one after the other, in the order in which help lists them."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def parse_settings(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str]:
    """Values by key; dashes in keys are underscores.

    >>> parse_settings(None, None, ("chunk-s=5",))
    {'chunk_s': '5'}
    """
    pairs = [text.partition("=") for text in texts]
    for key, equals, _value in pairs:
        if not equals:
            raise click.BadParameter(f"{key} has no value; write it as {key}=VALUE")
    return {key.replace("-", "_"): value for key, _, value in pairs}


def parse_shares(
    _context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, float]:
    """Shares by name, of texts like NAME or NAME=0.6; 1 where none is given."""
    shares: dict[str, float] = {}
    for text in texts:
        name, equals, share = text.partition("=")
        if name in shares:
            raise click.BadParameter(f"{name} is named twice")
        try:
            shares[name] = parse_share(share) if equals else 1.0
        except ValueError:
            raise click.BadParameter(f"{text}: {share} is not a number") from None
    return shares


def parse_tempo(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> float | str | None:
    """Beats a minute, or "auto"."""
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(f"{text} is not a number; write it like 96, or auto") from None


def parse_numbers(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> list[int] | None:
    """Numbers from 0 to 127 of a text of numbers and ranges, like "0-7,40"."""
    if text is None:
        return None
    numbers: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise click.BadParameter(f"{piece!r} is not a number or a range; write it like 0-7,40")
        begin, end = int(first), int(last or first)
        if not begin <= end <= 127:
            raise click.BadParameter(f"{piece!r} is not within 0-127, the lesser number first")
        numbers += range(begin, end + 1)
    return numbers


def parse_names(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> list[str] | None:
    """Names of a text that parts them by commas."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise click.BadParameter(f"{text!r} lacks a name; write it like one,other")
    return names


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    callback=parse_settings,
    help="Change one of the system's settings; may be repeated.",
)
quiet_option = click.option("--quiet", is_flag=True, help="Print nothing but errors.")
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print what was done as JSON."
)
list_as_json_option = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
# A mode that is named restricts what the music's key is taken for (`score.keys.move_to_key`).
KEY_HELP = (
    "Move to a key: D, Bb, F#m. D alone keeps the music's mode; with a mode (D major), the music's "
    "own key is sought among keys of that mode."
)
TUNE_HELP = "Tune of an ABC file that holds several, by its X: number."
force_option = click.option("--force", is_flag=True, help="Replace an output that exists.")
jobs_option = click.option(
    "--jobs",
    "n_workers",
    type=click.IntRange(1),
    help="Processes; else one a core.",
)
_engine_option = ApiOptions(opened)
engine_options = combined(
    _engine_option(
        "--engine",
        "engine",
        type=click.Choice(get_args(EngineName)),
        help="Processes of this machine, or a Ray cluster.",
    ),
    _engine_option(
        "--address", "address", metavar="A", help="Address of a Ray cluster; else one is started."
    ),
)
report_options = combined(quiet_option, as_json_option)
output_options = combined(force_option, report_options)
sound_option = click.option(
    "-o", "--output", required=True, metavar="OUT", help="File to write; - for stdout."
)


def runs_on_engine(command: Callable[..., Any]) -> Any:
    """A command's processes, with options for how many they are and what they run on."""

    @wraps(command)
    def run(engine: EngineName, address: str | None, **options: Any) -> Any:
        with opened(engine, address) as chosen, using(chosen):
            return command(**options)

    return combined(jobs_option, engine_options)(run)


def system_options(option: ApiOptions) -> Decorator:
    """Which system, and how it is set."""
    return combined(
        option("--system", "system", metavar="NAME", help="See `cambiata systems`."),
        preset_option(option),
        set_option,
    )


bar_options = combined(
    click.option("--bar", "bars", metavar="N[-M]", help="The region as bars, at a steady tempo."),
    click.option("--bpm", type=float, metavar="X", help="Quarter notes a minute, for --bar."),
    click.option(
        "--metre", default="4/4", show_default=True, metavar="N/M", help="Metre, for --bar."
    ),
)


def preset_option(option: ApiOptions) -> Decorator:
    """Which of the system's presets."""
    return option("--preset", "preset", metavar="NAME", help="Named settings of the system.")


def strict_option(option: ApiOptions, *, also: str = "") -> Decorator:
    """Whether damaged files are refused."""
    refused = f"Refuse files that are damaged or unfinished{also}."
    return option("--strict", "strict", is_flag=True, help=refused)


def seed_option(option: ApiOptions) -> Decorator:
    """Where chance begins."""
    return option("--seed", "seed", type=int, metavar="N", help="Same seed, same output.")


def shown_options(option: ApiOptions) -> Decorator:
    """A picture and a page of what was done."""
    return combined(
        option(
            "--picture",
            "picture",
            metavar="OUT.png|svg",
            help="Write a picture of what went in and came out, .png or .svg.",
        ),
        option(
            "--listen",
            "listen",
            metavar="OUT.html",
            help="Write a web page to compare them by ear, in one file.",
        ),
    )


def written_sound_options(option: ApiOptions, owner: str) -> Decorator:
    """How the output ends and is stored; where not given, as its owner (the content, ...) is."""
    return combined(
        option("--tail", "tail_s", type=SECONDS, metavar="TIME", help="Let the last note ring."),
        option(
            "--rate",
            "sample_rate",
            type=int,
            metavar="HZ",
            help=f"Sample rate, else {owner}.",
        ),
        option(
            "--channels",
            "n_channels",
            type=int,
            metavar="N",
            help=f"Channels, else {owner}; 2 folds 5.1.",
        ),
        option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ..."),
        force_option,
        seed_option(option),
        report_options,
    )


def changed_sound_options(option: ApiOptions) -> Decorator:
    """How a sound made of another is stored, and the picture of both."""
    return combined(
        option("--rate", "sample_rate", type=int, metavar="HZ", help="Sample rate, else as it is."),
        option("--channels", "n_channels", type=int, metavar="N", help="Channels, else as it is."),
        option("--subtype", "subtype", metavar="NAME", help="PCM_16, PCM_24, FLOAT, ..."),
        option(
            "--picture",
            "picture",
            metavar="OUT.svg|png",
            help="Draw spectrograms before and after.",
        ),
        strict_option(option),
        force_option,
        report_options,
    )
