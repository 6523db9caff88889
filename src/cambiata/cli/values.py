"""Kinds of values of the command line as people write them: shares in percent, times as m:ss."""

import math
import re
from typing import Any

import click

_BAR_OPTIONS = ("bars", "bpm", "metre")
_BARS = re.compile(r"(\d+)(-(\d+)?)?")
_METRE = re.compile(r"(\d+)/(\d+)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)")


def parse_share(text: str) -> float:
    """A share, of a number or of percent.

    >>> parse_share("50%"), parse_share("0.25")
    (0.5, 0.25)
    """
    number = text.strip()
    return float(number[:-1]) / 100 if number.endswith("%") else float(number)


def parse_seconds(text: str) -> float:
    """Seconds, of a number or of a time as a clock shows it.

    >>> [parse_seconds(text) for text in ("90.5", "4s", "1:30", "1:02:03.5")]
    [90.5, 4.0, 90.0, 3723.5]
    """
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        return float(text.strip().removesuffix("s"))
    hours, minutes, seconds = clock.groups()
    if float(seconds) >= 60 or (hours is not None and int(minutes) >= 60):
        raise ValueError
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)


def bar_region(bars: str, bpm: float, metre: str) -> tuple[float, float | None]:
    """Seconds from the first to the end of the last of bars at a steady tempo; None: the end.

    `bars` is like 3, 3-6 or 3-; `bpm` counts quarter notes, of which a bar of 3/4 has three.

    >>> bar_region("3", 120, "4/4"), bar_region("2-", 60, "3/4")
    ((4.0, 6.0), (3.0, None))
    """
    match, signature = _BARS.fullmatch(bars.strip()), _METRE.fullmatch(metre.strip())
    if match is None or int(match[1]) < 1 or (match[3] and int(match[3]) < int(match[1])):
        raise click.BadParameter(f"{bars!r} is not a bar; write it like 3, 3-6 or 3-")
    if signature is None or not int(signature[1]) or not int(signature[2]):
        raise click.BadParameter(f"{metre!r} is not a metre; write it like 3/4")
    if not 0 < bpm < math.inf:
        raise click.BadParameter(
            f"a tempo of {bpm:g} is out of range; use 20 to 400 beats a minute"
        )
    bar_s = 4 * int(signature[1]) / int(signature[2]) * 60 / bpm
    first, last = int(match[1]), int(match[3] or match[1])
    return (first - 1) * bar_s, None if match[2] and not match[3] else last * bar_s


def resolve_bars(options: dict[str, Any]) -> dict[str, Any]:
    """Options whose bars have become seconds."""
    rest = {name: value for name, value in options.items() if name not in _BAR_OPTIONS}
    bars, bpm, metre = (options[name] for name in _BAR_OPTIONS)
    if bars is None:
        if bpm is not None:
            raise click.UsageError("--bpm says how fast bars are; name them with --bar")
        return rest
    if bpm is None:
        raise click.UsageError("--bar needs a tempo; add --bpm, as in --bar 3 --bpm 96")
    if rest["start_s"] is not None or rest["end_s"] is not None:
        raise click.UsageError("--bar does not go with --start and --end; leave one out")
    start_s, end_s = bar_region(bars, bpm, metre)
    return rest | {"start_s": start_s, "end_s": end_s}


def parse_shares_over_time(text: str) -> float | tuple[float, float]:
    """A share, or the shares from which and to which it moves.

    >>> parse_shares_over_time("30%"), parse_shares_over_time("0..1")
    (0.3, (0.0, 1.0))
    """
    first, dots, last = text.partition("..")
    return (parse_share(first), parse_share(last)) if dots else parse_share(first)


class Share(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """A share between 0 and 1, also in percent."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The share; whether it is in range is the API's to say, but where percent may be meant."""
        if not isinstance(value, str):
            return float(value)
        try:
            share = parse_share(value)
        except ValueError:
            self.fail(f"{value!r} is not a share; write it like 0.5 or 50%", param, ctx)
        if 1 < share <= 100 and "%" not in value:
            self.fail(f"{value} is out of range; use 0 to 1, or {value}%", param, ctx)
        return share


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """Seconds, also as m:ss or h:mm:ss."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds; whether they are in range is the API's to say."""
        if not isinstance(value, str):
            return float(value)
        try:
            seconds = parse_seconds(value)
        except ValueError:
            seconds = math.nan
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a time; write it like 90, 1:30 or 1:02:03.5", param, ctx)
        return seconds


SHARE, SECONDS = Share(), Seconds()
SEED = click.IntRange(0, 2**32 - 1)  # what every generator of random numbers takes
