"""Kinds of values of the command line as people write them: shares in percent, times as m:ss."""

import math
import re
from typing import Any

import click

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

    >>> parse_seconds("90.5"), parse_seconds("1:30"), parse_seconds("1:02:03.5")
    (90.5, 90.0, 3723.5)
    """
    clock = _CLOCK.fullmatch(text.strip())
    if clock is None:
        return float(text)
    hours, minutes, seconds = clock.groups()
    if float(seconds) >= 60 or (hours is not None and int(minutes) >= 60):
        raise ValueError
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)


class Share(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """A share between 0 and 1, also in percent."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The share; whether it is in range is the API's to say."""
        if not isinstance(value, str):
            return float(value)
        try:
            return parse_share(value)
        except ValueError:
            self.fail(f"{value!r} is no share; write it like 0.5 or 50%", param, ctx)


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
            self.fail(f"{value!r} is no time; write it like 90, 1:30 or 1:02:03.5", param, ctx)
        return seconds


SHARE, SECONDS = Share(), Seconds()
