"""Verbs by name: their parameters as columns, their words."""

from typing import Any

import click
import pytest

from cambiata.batches.verbs import Verb
from cambiata.cli.examples import verbs
from cambiata.cli.main import cli
from cambiata.errors import InputError


@pytest.mark.parametrize(
    ("verb", "row", "words"),
    [
        ("transfer", {"content": "a.wav", "style": "b.wav"}, ["a.wav", "b.wav"]),
        (
            "transfer",
            {"style": "b", "contents": "-a", "amount": "0.5"},
            ["./-a", "b", "--amount=0.5"],
        ),
        (
            "transfer",
            {"content": "a", "style": "b", "in-place": "yes", "seed": ""},
            ["a", "b", "--in-place"],
        ),
        ("play", {"score": "a", "sound": "b", "pedal": "no"}, ["a", "b", "--no-pedal"]),
        ("translate", {"recording": "a", "to": "x=0.6; y=0.4"}, ["a", "--to=x=0.6", "--to=y=0.4"]),
        (
            "translate",
            {"recording": "a", "to": {"x": 1}, "start_s": 2.0},
            ["a", "--to=x=1", "--start=2.0"],
        ),
        ("timbre mix", {"shares": "a.timbre=1; b.timbre=2"}, ["a.timbre=1", "b.timbre=2"]),
    ],
)
def test_columns_are_arguments_and_options(
    verb: str, row: dict[str, Any], words: list[str]
) -> None:
    assert Verb(verb).words_of(row, "row 1") == words


def test_words_say_what_is_read_and_what_names_may_be_made_of() -> None:
    words = ["file:///x/a.wav", "s3://b/cello.flac", "--amount=0.5", "--set", "chunk_s=5"]
    call = Verb("transfer").parse(words, "a.wav")
    assert call.words == ("/x/a.wav", *words[1:])
    assert call.first == "/x/a.wav"
    assert call.places == ("s3://b/cello.flac",)  # /x/a.wav is not there: the verb will say so
    assert {"content": "a", "style": "cello", "amount": "0.5"}.items() <= call.fields.items()


@pytest.mark.parametrize(
    ("verb", "row", "message"),
    [
        ("transfer", {"contnt": "a"}, r"row 1: transfer takes no contnt \(did you mean content"),
        ("transfer", {"in_place": "maybe"}, "--in-place is 'maybe'; write it as true or false"),
        ("transfer", {"force": "yes"}, "transfer takes no force"),
    ],
)
def test_a_column_that_is_none_is_refused(verb: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Verb(verb).words_of(row, "row 1")


def test_every_verb_that_writes_an_output_of_an_input_can_be_used() -> None:
    fit = set()
    for name, command in verbs(cli):
        names = {parameter.name for parameter in command.params}
        reads = any(isinstance(each, click.Argument) for each in command.params)
        if "output" not in names or not reads:
            continue
        if name.split()[0] in ("batch", "data", "evaluate", "train"):
            with pytest.raises(InputError, match="cannot be run in a batch"):
                Verb(name)
            continue
        assert Verb(name).takes_force
        fit.add(name)
    assert {"transfer", "play", "reverb apply", "counterpoint solve", "timbre mix"} <= fit
