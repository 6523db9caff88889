"""`cambiata morph`."""

import json
from pathlib import Path

import pytest
from commands import run
from tiny_notes import recording


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    for name, key in (("one.wav", 60), ("other.wav", 64)):
        recording(name, key, duration_s=0.6).save(tmp_path / name)
    return tmp_path


def test_an_amount_that_moves(notes: Path) -> None:
    typed = ("one.wav", "other.wav", "--amount", "0..100%", "--over", "0.4s", "-o", "x.wav")
    done = run("morph", *typed, "--json", folder=notes)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["amount"], report["amount_end"], report["over_s"]) == (0, 1, 0.4)
    again = run("morph", *typed, folder=notes)
    assert (again.returncode, again.stderr.count(b"\n")) == (2, 1)
    assert b"x.wav: exists" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--amount", "some"), "'some' is not an amount; write it like 0.3 or 0..1"),
        (("--amount", "1.5"), "amount 1.5: is out of range; use 0 to 1"),
        (("--over", "2"), "over 2 s: goes with an amount that moves; give two amounts, as in"),
        (("--amount", "0..1", "--over", "9"), "over 9 s: is longer than the result"),
    ],
)
def test_bad_input_is_one_line(notes: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("morph", "one.wav", "other.wav", "-o", "x.wav", *arguments, folder=notes)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr.decode()
    assert not (notes / "x.wav").exists()
