import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import run
from sounds import RATE, melody

from cambiata import Audio
from cambiata.cli.main import cli
from cambiata.cli.values import bar_region, parse_seconds, parse_share


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1:30", 90), ("0:01.5", 1.5), ("1:02:03.5", 3723.5), ("75:00", 4500), ("-1", -1)],
)
def test_times_are_read_as_a_clock_shows_them(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "share"), [("50%", 0.5), ("0.5", 0.5), ("100 %", 1), ("150%", 1.5)]
)
def test_shares_are_read_in_percent_too(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--start", "1:75"), "'1:75' is not a time; write it like 90, 1:30 or 1:02:03.5"),
        (("--end", "later"), "'later' is not a time"),
        (("--tail", "nan"), "'nan' is not a time"),
        (("--amount", "half"), "'half' is not a share; write it like 0.5 or 50%"),
    ],
)
def test_what_is_neither_is_refused(arguments: tuple[str, str], line: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out.wav")
    done = CliRunner().invoke(cli, ["transfer", "a.wav", "b.wav", "-o", out, *arguments])
    assert done.exit_code == 2
    assert line in done.output


@pytest.mark.parametrize(
    ("bars", "bpm", "metre", "region"),
    [
        ("1", 60, "4/4", (0, 4)),
        ("3-6", 120, "4/4", (4, 12)),
        ("2-", 60, "3/4", (3, None)),
        ("2", 90, "6/8", (2, 4)),
    ],
)
def test_bars_are_seconds(bars: str, bpm: float, metre: str, region: tuple[float, float]) -> None:
    assert bar_region(bars, bpm, metre) == pytest.approx(region)


def test_a_bar_is_the_region_that_is_played(tmp_path: Path) -> None:
    Audio(melody([60, 64, 67, 72, 65]), RATE).save(tmp_path / "a.wav")
    call = ("transfer", "a.wav", "a.wav", "--amount", "0%", "--json", "--force", "-o", "b.wav")
    done = run(*call, "--bar", "2-", "--bpm", "240", "--metre", "2/4", folder=tmp_path)
    assert json.loads(done.stdout)["duration_s"] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--bar", "3"), "--bar needs a tempo"),
        (("--bpm", "96"), "--bpm says how fast bars are"),
        (("--bar", "3", "--bpm", "96", "--end", "2"), "--bar does not go with --start"),
        (("--bar", "0", "--bpm", "96"), "'0' is not a bar"),
        (("--bar", "6-3", "--bpm", "96"), "'6-3' is not a bar"),
        (("--bar", "3", "--bpm", "96", "--metre", "waltz"), "'waltz' is not a metre"),
        (("--bar", "3", "--bpm", "0"), "a tempo of 0 is out of range"),
    ],
)
def test_bars_that_cannot_be_are_refused(arguments: tuple[str, ...], line: str) -> None:
    done = CliRunner().invoke(cli, ["transfer", "a.wav", "b.wav", "-o", "c.wav", *arguments])
    assert done.exit_code == 2
    assert line in done.output


@pytest.mark.parametrize("verb", ["transfer", "translate", "groove", "melody"])
def test_every_amount_is_a_share(verb: str) -> None:
    [amount] = [each for each in cli.commands[verb].params if each.name == "amount"]
    assert amount.type.convert("25%", amount, None) == 0.25
