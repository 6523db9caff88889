from pathlib import Path

import pytest
from click.testing import CliRunner

from cambiata.cli.main import cli
from cambiata.cli.values import parse_seconds, parse_share


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
        (("--start", "1:75"), "'1:75' is no time; write it like 90, 1:30 or 1:02:03.5"),
        (("--end", "later"), "'later' is no time"),
        (("--tail", "nan"), "'nan' is no time"),
        (("--amount", "half"), "'half' is no share; write it like 0.5 or 50%"),
    ],
)
def test_what_is_neither_is_refused(arguments: tuple[str, str], line: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out.wav")
    done = CliRunner().invoke(cli, ["transfer", "a.wav", "b.wav", "-o", out, *arguments])
    assert done.exit_code == 2
    assert line in done.output


@pytest.mark.parametrize("verb", ["transfer", "translate", "groove", "melody"])
def test_every_amount_is_a_share(verb: str) -> None:
    [amount] = [each for each in cli.commands[verb].params if each.name == "amount"]
    assert amount.type.convert("25%", amount, None) == 0.25
