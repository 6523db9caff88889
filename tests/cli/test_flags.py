"""The command line says in flags what the API says in keywords."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import cambiata
from cambiata.cli.flags import in_flags
from cambiata.cli.main import cli

SOURCE = Path(cambiata.__file__).parent


@pytest.mark.parametrize(
    ("keywords", "flags"),
    [
        ('use `system="oneshot"`', "use --system oneshot"),
        ("replace it with `force=True`", "replace it with --force"),
        ("or leave out `strict`", "or leave out --strict"),
        ("`pedal=False`", "--no-pedal"),
        ("`sample_rate=44100` and `n_channels=1`", "--rate 44100 and --channels 1"),
        ("`style_start_s=80`", "--style-start 80"),
        ('as in `to={"a": 0.6, "b": 0.4}`', "as in --to a=0.6 --to b=0.4"),
        ('`settings={"examples.source": "FOLDER"}`', "--set examples.source=FOLDER"),
        ("`metre='a b'`", "--metre 'a b'"),
        ("give `real=FOLDER`", "give --real FOLDER"),
        ("`recording` is silent", "RECORDING is silent"),
        ("with `cambiata.capture_timbre`", "with `cambiata timbre capture`"),
        ("a file `odd name.wav`", "a file `odd name.wav`"),
        ("`cambiata data bank FONT --force`", "`cambiata data bank FONT --force`"),
    ],
)
def test_keywords_in_flags(keywords: str, flags: str) -> None:
    assert in_flags(keywords, cli) == flags


def test_a_message_without_keywords_loads_no_other_verb() -> None:
    class Unread:
        @property
        def params(self) -> None:
            raise AssertionError

    assert in_flags("a.wav: is 25 cents sharp", Unread()) == "a.wav: is 25 cents sharp"
    with pytest.raises(AssertionError):
        in_flags("use `force=True`", Unread())


def _texts() -> Iterator[tuple[str, str]]:
    """Where each text of the package stands, but for docstrings, and the text; names are {}."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        inside: set[int] = set()
        for node in ast.walk(tree):
            where = f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                inside |= {id(each) for each in ast.walk(node) if each is not node}
                pieces = (
                    each.value if isinstance(each, ast.Constant) else "{}" for each in node.values
                )
                yield where, "".join(str(piece) for piece in pieces)
            elif isinstance(node, ast.Constant) and id(node) not in docs | inside:
                yield where, str(node.value)


TEXTS = list(_texts())
_COMMAND = re.compile(r"`(cambiata|pip) [^`]*`|pip install .*|git .*")


def test_messages_of_the_api_speak_of_keywords() -> None:
    """No flag in them but in whole commands in backticks, of which there is no function."""
    flags = [
        (where, text)
        for where, text in TEXTS
        if not where.startswith("cli/")
        and " " in text  # a lone "--always" is an argument of git's
        and re.search(r"(?<![\w-])--[a-z]", _COMMAND.sub("", text))
    ]
    assert not flags


def test_messages_of_the_command_line_speak_of_flags() -> None:
    keywords = [
        (where, text)
        for where, text in TEXTS
        if where.startswith("cli/") and re.search(r"`\w+=[^`]*`|cambiata\.\w+ ", text)
    ]
    assert not keywords


def test_keywords_in_messages_exist() -> None:
    """A keyword that a message names is one of the command line's, which can say its flag."""
    unknown = [
        (where, text)
        for where, text in TEXTS
        if not where.startswith("cli/")
        for keyword in re.findall(r"`\w+=[^`]+`", text)
        if keyword in in_flags(keyword, cli)
    ]
    assert not unknown


def test_messages_are_plain_english() -> None:
    odd = re.compile(r"(?<!there )\b(is no (?!longer)[a-z]|is none\b|mend\b|begin of)", re.I)
    found = [(where, text) for where, text in TEXTS if odd.search(text)]
    assert not found
