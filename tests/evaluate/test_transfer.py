"""`evaluate_transfer`: which sets and rows a call means, and one call from end to end."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from tiny import Program, Zone, fluidsynth, in_place, lines, plucked, steady, write_font

from cambiata.audio.sound import load
from cambiata.data.scores import Work
from cambiata.errors import CambiataWarning, InputError
from cambiata.evaluate import run as running
from cambiata.evaluate import transfer
from cambiata.evaluate.rows import Row
from cambiata.evaluate.runfolder import read_run
from cambiata.evaluate.table import count_pairs
from cambiata.evaluate.testset import ArtificialSet, load_artificial_set, sample_set
from cambiata.evaluate.transfer import evaluate_transfer
from cambiata.score.midi import Note, Part


@pytest.fixture
def font(tmp_path: Path) -> Path:
    programs = [
        Program(n, f"Program {n}", (Zone(plucked(60, decay_s=0.1 + 0.2 * n), 60),))
        for n in range(4)
    ]
    return write_font(tmp_path / "tiny.sf2", programs)


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """Scores in place of music21's."""
    keyboard_works = [
        Work(
            f"keyboard/{n}",
            "keyboard",
            (Part(tuple(Note(t, t + 0.4, 52 + (t * (n + 1)) % 12) for t in range(30))),),
        )
        for n in range(8)
    ]
    monkeypatch.setattr(transfer, "load_corpus", lambda: keyboard_works)
    return keyboard_works


@pytest.fixture
def run_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Sets and rows that a run is asked for, in place of the run."""
    calls: list[Any] = []

    def record_call(_output: Any, sets: Any, rows: Any, **options: Any) -> list[str]:
        calls.append((sets, rows, options))
        return []

    monkeypatch.setattr(transfer, "run", record_call)
    monkeypatch.setattr(transfer, "PitchTracker", _Listening)
    return calls


class _Listening(tiny.Tracker):
    def __enter__(self) -> "_Listening":
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    place = tmp_path / "recordings"
    place.mkdir()
    for name, pitch in (("cello", 50), ("piano", 50), ("flute", 70), ("violin", 70)):
        steady(pitch, 8).save(place / f"{name}.wav")
    return place


def test_another_font_has_its_pairs_drawn_by_the_seed(
    font: Path, works: list[Work], run_calls: list[Any]
) -> None:
    fluidsynth()
    evaluate_transfer("run", font=str(font), seed=3, rows=["target"], n_workers=1)
    [([found], [row], options)] = run_calls
    expected = sample_set(works, transfer.SoundFont(font), seed=3)
    assert isinstance(found, ArtificialSet)
    assert found.pairs == expected.pairs
    assert (found.font, found.facts) == (str(font), expected.facts)
    assert row.name == "target"
    assert (options["n_workers"], options["seed"]) == (1, 3)


@pytest.mark.parametrize(
    ("options", "n_pairs"),
    [({"limit": 2}, 2), ({"quick": True, "limit": 3}, 3), ({"limit": 99}, None)],
)
@pytest.mark.usefixtures("works")
def test_limits(
    font: Path, run_calls: list[Any], options: dict[str, Any], n_pairs: int | None
) -> None:
    fluidsynth()
    evaluate_transfer("run", font=str(font))
    evaluate_transfer("run", font=str(font), **options)
    [whole], [some] = (sets for sets, _, _ in run_calls)
    assert len(some.pairs) == (n_pairs or len(whole.pairs))
    assert set(some.pairs) <= set(whole.pairs)


def test_the_test_font_has_the_committed_pairs(
    font: Path, run_calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fluidsynth()
    here = font.rename(font.with_name("TimGM6mb.sf2"))
    subsets: list[int | None] = []

    def committed(n_pairs: int | None) -> ArtificialSet:
        subsets.append(n_pairs)
        return ArtificialSet("timgm6mb", transfer.SoundFont(here).digest, 0, ())

    monkeypatch.setattr(transfer, "load_artificial_set", committed)
    for options in ({}, {"quick": True}, {"quick": True, "limit": 100}, {"limit": 100}):
        evaluate_transfer("run", font=str(here), **options)
    assert subsets == [None, 64, 64, 100]
    [found], _, _ = run_calls[0]
    # Rendered by the file that was named, called what it is on every machine.
    assert (found.font, found.facts["font"]) == (str(here), "timgm6mb")


def test_another_file_in_the_test_font_s_name_is_refused(
    font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fluidsynth()
    here = font.rename(font.with_name("TimGM6mb.sf2"))
    monkeypatch.setattr(
        transfer, "load_artificial_set", lambda _n: ArtificialSet("timgm6mb", "0" * 64, 0, ())
    )
    with pytest.raises(InputError, match=r"is not the TimGM6mb that the test set is of; use that"):
        evaluate_transfer("run", font=str(here))


def test_real_recordings_beside_and_alone(
    recordings: Path, run_calls: list[Any], font: Path, works: list[Work]
) -> None:
    assert works
    evaluate_transfer("run", real=recordings, artificial=False)
    evaluate_transfer("run", real=recordings, artificial=False, limit=2)
    [whole], [some] = (sets for sets, _, _ in run_calls)
    assert (len(whole.pairs), len(some.pairs)) == (4, 2)
    # Of both bins, and known by the same names.
    assert {pair[1] for pair in some.pairs} == {pair[1] for pair in whole.pairs}
    assert set(some.pairs) <= set(whole.pairs)
    fluidsynth()
    evaluate_transfer("run", real=recordings, font=str(font))
    assert [s.name for s in run_calls[-1][0]] == ["artificial", "real"]


def test_the_paper_s_sets_take_the_limit_and_the_font(
    tmp_path: Path, font: Path, run_calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fluidsynth()
    for name in ("LakhSet", "MixingSecretsSet"):
        monkeypatch.setattr(transfer, name, lambda *given: given)
    evaluate_transfer(
        "run", lakh=("a.json", "lmd"), mixing_secrets=("b.json", "stems"), font=str(font), limit=5
    )
    assert run_calls[0][0] == [("a.json", "lmd", str(font), 5), ("b.json", "stems", 5)]
    assert tmp_path in font.parents


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": ["magic"]}, "magic: is not a row"),
        ({"rows": []}, "rows: none is named; name one, like copy-content"),
        ({"limit": 0}, "limit 0: leaves no pair; give at least 1"),
        ({"artificial": False}, "evaluate: no set to run on; give `real=FOLDER`"),
        ({"font": "missing.sf2"}, "missing.sf2: no such sound font"),
        ({"font": "BROKEN"}, "broken.sf2: is not a whole sound font; name an intact"),
        ({"real": "missing", "artificial": False}, "missing: no such folder"),
        (
            {"lakh": ("no.json", "lmd"), "font": "FONT"},
            "no.json: is not the authors' list of pairs",
        ),
        (
            {"mixing_secrets": ("no.json", "x"), "artificial": False},
            "no.json: is not the authors' ",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_done(
    tmp_path: Path,
    font: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    fluidsynth()
    pytest.importorskip("pretty_midi")
    monkeypatch.setattr(transfer, "PitchTracker", _Listening)
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(font.read_bytes()[:2000])
    named = {"BROKEN": str(broken), "FONT": str(font)}
    if "font" in options:
        options = {**options, "font": named.get(options["font"], options["font"])}
    with pytest.raises(InputError) as refused:
        evaluate_transfer(tmp_path / "run", **options)
    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_without_fluidsynth_its_cure_is_told(
    tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(InputError, match=r'pyfluidsynth is not installed; pip install "cambiata'):
        evaluate_transfer(tmp_path / "run", font=str(font))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_from_scores_and_recordings_to_tables(
    tmp_path: Path,
    font: Path,
    works: list[Work],
    recordings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fluidsynth()
    pytest.importorskip("mir_eval")
    assert works
    (recordings / "torn.wav").write_bytes((recordings / "cello.wav").read_bytes()[:9000])
    monkeypatch.setattr(transfer, "PitchTracker", _Listening)
    monkeypatch.setattr(running, "run_tasks", in_place)
    monkeypatch.setattr(running, "load_tools", tiny.tools)
    fakes: dict[str, Row] = {row.name: row for row in (tiny.SOFT, tiny.SILENT)}
    real_row: Callable[[str], Row] = transfer.find_row
    monkeypatch.setattr(transfer, "find_row", lambda name: fakes.get(name) or real_row(name))
    rows = ["target", "copy-content", "copy-style", "soft:half"]
    with pytest.warns(CambiataWarning, match="1 recordings not used: torn.wav: breaks off at"):
        failures = evaluate_transfer(
            tmp_path / "run", rows=rows, font=str(font), real=recordings, limit=2
        )
    assert failures == []
    read = read_run(tmp_path / "run")
    assert [s.name for s in read.sets] == ["artificial", "real"]
    for name, n_rows in (("artificial", 4), ("real", 3)):
        counts = count_pairs(read)[name]
        done = {row: tally["done"] for row, tally in counts.items() if tally["done"]}
        assert done == dict.fromkeys(rows[-n_rows:], 2)
        assert not any(tally["failed"] for tally in counts.values())
    best = [line for line in lines(tmp_path / "run/artificial") if line["row"] == "target"]
    for line in best:
        scores = line["scores"]
        assert (scores["lsd"], scores["timbre"], scores["pitch"]) == (0, 0, 0)
    facts = json.loads((tmp_path / "run/run.json").read_text())["sets"]
    assert facts["artificial"]["facts"]["font"] == "tiny"
    assert "torn.wav" in facts["real"]["facts"]["not used"][0]
    clips = sorted((tmp_path / "run/artificial/audio").iterdir())[0]
    target, copied = (load(clips / f"{name}.flac").samples for name in ("content", "copy-content"))
    np.testing.assert_array_equal(target, copied)


def test_the_committed_set_needs_music21(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(InputError, match=r'music21 is not installed; pip install "cambiata'):
        load_artificial_set(1)
