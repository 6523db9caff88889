"""Keyword arguments: type checkers know them, and a wrong one names the right one."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import cambiata
from cambiata.errors import KeywordError
from cambiata.keywords import checked_keywords, keywords_of
from cambiata.melody.api import RestyleKeywords
from cambiata.performance.api import PlayKeywords
from cambiata.timbre_transfer.api import ContentKeywords, TransferKeywords

JOBS = (
    *("timbre_transfer", "performance", "transcription", "translation"),
    *("melody", "groove", "counterpoint", "reverb", "ensemble", "transposition"),
)


def _public_functions() -> Iterator[Callable[..., Any]]:
    """Functions with keyword arguments that `cambiata` exports or an `api` module defines."""
    found = {name: getattr(cambiata, name) for name in cambiata.__all__}
    for job in JOBS:
        name = f"cambiata.{job}.api"
        for key, thing in vars(import_module(name)).items():
            if not key.startswith("_") and getattr(thing, "__module__", None) == name:
                found[f"{job}.{key}"] = thing
    for function in dict.fromkeys(found.values()):
        if inspect.isfunction(function) and keywords_of(function):
            yield function


PUBLIC = list(_public_functions())


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__name__)
def test_a_wrong_keyword_names_the_nearest_and_all(function: Callable[..., Any]) -> None:
    keyword = keywords_of(function)[0]
    wrong = f"{keyword}x"
    with pytest.raises(KeywordError) as caught:
        function(**{wrong: 1})
    line = str(caught.value)
    assert line.startswith(f"{function.__name__}: has no keyword {wrong} (did you mean {keyword}?)")
    assert line.endswith("; it takes " + ", ".join(keywords_of(function)))
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, cambiata.InputError)


def test_something_was_checked() -> None:
    names = {function.__name__ for function in PUBLIC}
    assert {"transfer", "play_file", "transcribe", "groove_file", "capture_timbre"} <= names
    assert len(PUBLIC) > 18


def test_options_and_their_keywords_are_the_same() -> None:
    """A field of the options is a key of the keywords, of the same type, and nothing else is."""
    for options, keywords in (
        (cambiata.Options, TransferKeywords),
        (cambiata.PlayOptions, PlayKeywords),
    ):
        assert {each.name for each in fields(options)} == set(keywords.__annotations__)
        assert get_type_hints(options) == get_type_hints(keywords)
    not_of_translate = {"dynamics", "style_start_s", "style_end_s", "transpose", "to_key"}
    own = set(TransferKeywords.__annotations__) - set(ContentKeywords.__annotations__)
    assert own == not_of_translate


def test_keywords_of_a_melody_in_a_file_are_those_of_one_in_memory() -> None:
    parameters = inspect.signature(cambiata.restyle).parameters.values()
    keywords = {each.name: each.annotation for each in parameters if each.kind == each.KEYWORD_ONLY}
    assert keywords == get_type_hints(RestyleKeywords)


def test_a_checked_function_looks_like_itself() -> None:
    def double(x: int, *, times: int = 2) -> int:
        """Twice."""
        return x * times

    checked = checked_keywords(double)
    assert (checked(3), checked(3, times=3), checked(x=4)) == (6, 9, 8)
    assert (checked.__doc__, checked.__name__) == ("Twice.", "double")
    assert inspect.signature(checked) == inspect.signature(double)
    assert checked.__globals__ is double.__globals__  # or doctest would not run its examples
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        checked()  # type: ignore[call-arg]
    with pytest.raises(KeywordError, match="double: has no keyword y; it takes times"):
        checked(1, y=1)  # type: ignore[call-arg]


CALLS = """
from cambiata import *

sound, score, sheet = load("a"), Score(()), Sheet(())
transfer(sound, sound, amount=0.5, octave="auto", dynamics="style", settings={"chunk_s": 5})
transfer(sound, sound, amout=0.5)
transfer(sound, sound, amount="half")
transfer_file("a", "b", "c", amount=0.5, sample_rate=44100)
transfer_file("a", "b", "c", sample_rte=44100)
translate(sound, {"sitar": 1.0}, amount=0.5)
translate(sound, "sitar", dynamics="style")
translate_file("a", "sitar", "c", to_="sitar")
play(score, sound, tempo=0.5)
play(score, sound, speed=0.5)
play_file("a", "b", "c", midi="d.mid", tail_s=1.0)
play_file("a", "b", "c", tail=1.0)
transcribe(sound, instrument="piano")
transcribe(sound, instrument="lute")
restyle(sheet, "reel", rhythm=0.5)
restyle(sheet, "reel", rythm=0.5)
restyle_file("a", "b", style="reel", rhythm=0.5)
restyle_file("a", "b", style="reel", rythm=0.5)
morph_groove(score, score, hits=1)
morph_groove(score, score, hit=1)
solve_counterpoint(sheet, species=2)
solve_counterpoint(sheet, specie=2)
capture_timbre([sound], force=True)
capture_timbre([sound], forced=True)
"""
# Numbers of the lines above that are wrong: every second one from `transfer` on, and one more.
WRONG = [6, 7, 9, 11, 12, 14, 16, 18, 20, 22, 24, 26, 28]


@pytest.mark.slow  # mypy reads the whole package
def test_type_checkers_find_wrong_keywords(tmp_path: Path) -> None:
    path = tmp_path / "calls.py"
    path.write_text(CALLS)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), str(path)],
        cwd=Path(__file__).parent.parent,  # of pyproject.toml
        env={"MYPYPATH": str(Path(cambiata.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [int(line.split(":")[1]) for line in errors] == WRONG, done.stdout
