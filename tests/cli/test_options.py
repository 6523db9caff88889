"""Options of the command line: defaults read from the API, texts read as values."""

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from cambiata.cli.main import cli
from cambiata.cli.options import ApiOptions, combined, parse_names, parse_numbers, parse_shares


@dataclass(frozen=True)
class Settings:
    required: str
    amount: float = 0.5
    seed: int = 0
    strict: bool = False


def convert(path: str, *, rate: int | None = None, tail_s: float = 1.5) -> None:
    """Takes a path and two options."""


def test_defaults_are_those_of_the_function_and_of_its_dataclass() -> None:
    option = ApiOptions(convert, Settings)
    names = ("required", "amount", "seed", "strict", "rate", "tail_s")

    @click.command()
    @combined(*(option(f"--{name}", name) for name in names))
    def command(**given: object) -> None:
        click.echo(given)

    defaults = {parameter.name: parameter.default for parameter in command.params}
    assert defaults == {
        "required": None, "amount": 0.5, "seed": 0, "strict": False, "rate": None, "tail_s": 1.5
    }  # fmt: skip
    shown = CliRunner().invoke(command, ["--help"]).output
    assert [text for text in ("0.5", "0]", "1.5", "None", "False") if text in shown] == [
        "0.5",
        "0]",
        "1.5",
    ]


def test_a_name_that_the_api_does_not_have_is_a_bug() -> None:
    with pytest.raises(KeyError):
        ApiOptions(convert)("--other", "other")


@pytest.mark.parametrize(
    ("parse", "text", "values"),
    [
        (parse_shares, ("a", "b=0.5"), {"a": 1.0, "b": 0.5}),
        (parse_numbers, "0-2, 40", [0, 1, 2, 40]),
        (parse_numbers, None, None),
        (parse_names, "one, other", ["one", "other"]),
    ],
)
def test_texts_are_read(parse, text, values) -> None:  # type: ignore[no-untyped-def]
    assert parse(None, None, text) == values


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_shares, ("a", "a=2"), "a is named twice"),
        (parse_shares, ("a=b",), "a=b: b is not a number"),
        (parse_numbers, "7-", "is not a number or a range|7-"),
        (parse_numbers, "40-0", "the lesser number first"),
        (parse_numbers, "128", "is not within 0-127"),
        (parse_names, "one,,other", "lacks a name"),
    ],
)
def test_texts_that_cannot_be_read_are_refused(parse, text, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(click.BadParameter, match=message):
        parse(None, None, text)


def _commands(group: click.Group, path: str = "") -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        found.append((f"{path}{name}", command))
        if isinstance(command, click.Group):
            found += _commands(command, f"{path}{name} ")
    return found


@pytest.mark.parametrize(
    ("name", "command"), _commands(cli), ids=[name for name, _ in _commands(cli)]
)
def test_every_command_and_every_option_says_what_it_does(
    name: str, command: click.Command
) -> None:
    assert command.help, name
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name
