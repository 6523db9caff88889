"""The map of timbres: distances are kept, alike timbres lie together."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from cambiata.web.timbre_map import classical_scaling, timbre_map


def test_points_of_a_plane_are_found_again() -> None:
    points = np.random.default_rng(0).normal(size=(9, 2))
    found, kept = classical_scaling(list(points))
    distances, wanted = pdist(found), pdist(points)
    assert distances / distances.max() == pytest.approx(wanted / wanted.max(), rel=1e-6)
    assert np.abs(found).max() == pytest.approx(1.0)
    assert kept == pytest.approx(1.0)


def test_share_that_is_kept_falls_with_dimensions() -> None:
    corners = np.eye(6)  # all equally far apart: two of five axes
    assert classical_scaling(list(corners))[1] == pytest.approx(2 / 5)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_points(n: int) -> None:
    points, kept = classical_scaling([np.full(3, float(i)) for i in range(n)])
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()
    assert kept == pytest.approx(1.0)


def test_what_is_remembered_wrongly_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = {"a": np.zeros(3), "b": np.array([1.0, 0, 0]), "c": np.array([0, 2.0, 0])}
    measured = []

    def measure(name: str) -> np.ndarray:
        measured.append(name)
        return vectors[name]

    monkeypatch.setattr("cambiata.web.timbre_map.load_timbre", lambda name: name)
    monkeypatch.setattr("cambiata.web.timbre_map.timbre_vector", measure)
    wanted = [(name, name, "named", None) for name in vectors]
    found = timbre_map(wanted, tmp_path)
    assert timbre_map(wanted, tmp_path) == found
    assert measured == ["a", "b", "c"]
    for damage in (b"", b"\x93NUMPY", next(tmp_path.iterdir()).read_bytes()[:-1]):
        for place in tmp_path.iterdir():
            place.write_bytes(damage)
        assert timbre_map(wanted, tmp_path) == found
    assert len(measured) == 12


@pytest.mark.slow
def test_alike_timbres_lie_together(tmp_path: Path) -> None:
    names = ("violin", "cello", "piano")
    found = timbre_map([(name, name, "named", None) for name in names], tmp_path)
    assert found is not None
    assert [point["ref"] for point in found["points"]] == list(names)
    violin, cello, piano = (np.array([point["x"], point["y"]]) for point in found["points"])
    assert np.linalg.norm(violin - cello) < np.linalg.norm(violin - piano)
    assert np.linalg.norm(violin - cello) < np.linalg.norm(cello - piano)
    assert len(list(tmp_path.glob("*.vector"))) == 3
    wanted = [(name, name, "named", None) for name in names]
    assert timbre_map(wanted, tmp_path) == found
    # Without time each call measures one, and the next goes on.
    calls = [timbre_map(wanted, tmp_path / "other", limit_s=0.0) for _ in names]
    assert calls == [None, None, found]


def test_what_plays_no_notes_is_left_out(tmp_path: Path) -> None:
    bad = tmp_path / "bad.timbre"
    bad.write_text("no timbre")
    found = timbre_map([("tim_1", "bad", "own", bad)], tmp_path / "cache")
    assert found == {"points": [], "explained": 1.0}
