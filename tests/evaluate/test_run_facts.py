"""The facts of a run: pairs that are added, sets and tools that do not belong."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
import tiny
from tiny import SOFT, TinySet, in_place, lines

from cambiata.errors import InputError
from cambiata.evaluate import run as running_
from cambiata.evaluate.rows import find_row
from cambiata.evaluate.run import run
from cambiata.evaluate.runfolder import read_run
from cambiata.evaluate.table import count_pairs

pytest.importorskip("mir_eval", reason='pip install "cambiata[eval]"')
CONTENT, TARGET = find_row("copy-content"), find_row("target")


@pytest.fixture
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_, "run_tasks", in_place)


in_this_process = pytest.mark.usefixtures("without_processes")


@in_this_process
def test_more_and_fewer_pairs_of_a_set_are_added(tmp_path: Path) -> None:
    for n_pairs, n_known in ((1, 1), (3, 3), (2, 3)):
        # What is counted of a set may differ with the number of its pairs.
        tiny_set = TinySet(n_pairs, extra={"not used": ["x"] * n_pairs})
        run(tmp_path / "run", [tiny_set], [CONTENT], tools=tiny.tools)
        assert len(lines(tmp_path / "run/artificial")) == n_known
        counts = count_pairs(read_run(tmp_path / "run"))["artificial"]["copy-content"]
        assert (counts["done"], counts["missing"]) == (n_known, 0)
        [facts] = json.loads((tmp_path / "run/run.json").read_text())["sets"].values()
        assert (facts["n_pairs"], facts["about"]) == (n_known, f"{n_known} pairs.")
        assert facts["facts"]["not used"] == ["x"] * n_known
    # A row on fewer pairs than are known lacks the others.
    run(tmp_path / "run", [TinySet(2)], [SOFT], tools=tiny.tools)
    counts = count_pairs(read_run(tmp_path / "run"))["artificial"]["soft:half"]
    assert (counts["done"], counts["missing"]) == (2, 1)


@in_this_process
@pytest.mark.parametrize("extra", [{"seed": 1}, {"source": "there"}, {"font": "another"}])
def test_another_set_in_the_same_folder_is_refused(
    tmp_path: Path, extra: dict[str, object]
) -> None:
    run(tmp_path / "run", [TinySet(1)], [CONTENT], tools=tiny.tools)
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*.json*")}
    with pytest.raises(InputError, match=r"run: holds another artificial set; choose another"):
        run(tmp_path / "run", [TinySet(2, extra=extra)], [SOFT], tools=tiny.tools)
    assert {p: p.read_bytes() for p in (tmp_path / "run").rglob("*.json*")} == before


@in_this_process
def test_scores_by_other_tools_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "run", [TinySet(1)], [CONTENT], tools=tiny.tools)
    place = tmp_path / "run/run.json"
    facts = json.loads(place.read_text())
    facts["tools"] = {"pitch": "loudest peak", "transcriber": "numpy"}
    place.write_text(json.dumps(facts))
    run(tmp_path / "run", [TinySet(1)], [CONTENT], tools=tiny.tools)
    assert json.loads(place.read_text())["tools"]["transcriber"] == f"numpy {version('numpy')}"
    facts["tools"]["pitch"] = "MultiPitchMelodia"
    place.write_text(json.dumps(facts))
    with pytest.raises(InputError, match="was scored by MultiPitchMelodia, not loudest peak; ch"):
        run(tmp_path / "run", [TinySet(1)], [CONTENT], tools=tiny.tools)
