"""`cambiata timbre list` and `timbre show`."""

import json
from pathlib import Path

from commands import run

import cambiata


def test_list_names_every_timbre_that_ships(tmp_path: Path) -> None:
    done = run("timbre", "list", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == [each.name for each in cambiata.timbres()]
    assert any(line.startswith("cello ") and "C2 to C5; MIT" in line for line in lines)
    rows = json.loads(run("timbre", "list", "--json", folder=tmp_path).stdout)
    assert {"name", "instrument", "source", "licence", "sha256"} <= rows[0].keys()


def test_show_says_what_a_timbre_holds(tmp_path: Path) -> None:
    done = run("timbre", "show", "piano", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"Salamander Grand Piano (Alexander Holm)" in done.stdout
    assert b"CC BY 3.0" in done.stdout
    cambiata.capture_timbre(["cello"], tmp_path / "mine.timbre")
    facts = json.loads(run("timbre", "show", "mine.timbre", "--json", folder=tmp_path).stdout)
    assert facts["sources"] == ["cello"]
    assert facts["fits_this_version"]
    # The listener hears the notes that the recording was made of.
    assert (facts["lowest"], facts["highest"], facts["n_notes"]) == (36, 72, 14)
    shown = run("timbre", "show", "mine.timbre", folder=tmp_path).stdout.decode()
    assert "range       C2 to C5" in shown
    assert "problem" not in shown


def test_an_unknown_name_is_one_line(tmp_path: Path) -> None:
    for call in (["timbre", "show", "sax"], ["play", "a.mid", "sax", "-o", "b.wav"]):
        (tmp_path / "a.mid").write_bytes(b"")
        cambiata.save_score(
            cambiata.Score((cambiata.Part((cambiata.Note(0.0, 0.4, 60),)),)),
            tmp_path / "a.mid",
            force=True,
        )
        done = run(*call, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr.count(b"\n") == 1
        assert b"did you mean saxophone?" in done.stderr
