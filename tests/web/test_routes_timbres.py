"""Timbres through the interface: taken in, renamed, given out, deleted."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from starlette.testclient import TestClient

from cambiata import Timbre


@pytest.fixture
def timbre_bytes(tmp_path: Path) -> bytes:
    """A file of a timbre that belongs to weights that nobody has."""
    arrays = {"pitches": np.array([60, 64, 72], np.int16)}
    made = Timbre("x", "oneshot", "0" * 64, ((0.25, arrays), (0.75, arrays)), ("a.wav",), 2.5)
    made.save(tmp_path / "x.timbre")
    return (tmp_path / "x.timbre").read_bytes()


def test_a_timbre_comes_in_and_goes_out(still: TestClient, timbre_bytes: bytes) -> None:
    answer = still.post("/api/timbres?name=../My%20sound.timbre", content=timbre_bytes)
    assert answer.status_code == 201, answer.text
    timbre = answer.json()
    assert timbre["name"] == "My sound"
    assert (timbre["fits"], timbre["voices"], timbre["sources"]) == (False, [0.25, 0.75], ["a.wav"])
    assert (timbre["n_notes"], timbre["lowest"], timbre["highest"]) == (6, 60, 72)
    place = f"/api/timbres/{timbre['id']}"
    assert still.patch(place, json={"name": "dull"}).json()["name"] == "dull"
    assert still.patch(place, json={"name": ""}).status_code == 422
    saved = still.get(f"{place}/file")
    assert saved.content == timbre_bytes
    assert "dull.timbre" in saved.headers["Content-Disposition"]
    assert timbre["id"] in [each["id"] for each in still.get("/api/timbres").json()["timbres"]]
    assert still.delete(place).status_code == 204
    assert still.get(place).status_code == 404


@pytest.mark.parametrize("data", [b"", b"PK no timbre", b"RIFF\x00\x00\x00\x00WAVE"])
def test_what_is_no_timbre_is_refused(still: TestClient, data: bytes) -> None:
    answer = still.post("/api/timbres?name=x.timbre", content=data)
    assert answer.status_code == 422
    assert "is not a .timbre file" in answer.json()["wrong"]
