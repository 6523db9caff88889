"""Every verb's help ends in two examples, and each of them can be typed."""

import shlex

import click
import pytest

from cambiata.cli.examples import EXAMPLES, verbs
from cambiata.cli.main import cli

VERBS = dict(verbs(cli))


@pytest.mark.parametrize("name", VERBS)
def test_two_examples_are_understood(name: str) -> None:
    for typed in EXAMPLES[name]:
        with VERBS[name].make_context(name, shlex.split(typed)) as context:
            assert context.args == []
    last = VERBS[name].get_help(click.Context(VERBS[name], info_name=name)).splitlines()[-3:]
    assert last == ["  Examples:", *(f"    cambiata {name} {x}".rstrip() for x in EXAMPLES[name])]


def test_examples_are_of_verbs() -> None:
    assert EXAMPLES.keys() == VERBS.keys()
