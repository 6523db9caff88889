"""Files of knobs: there and back, and what is damaged is refused."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_sets import fitted

from cambiata.errors import InputError
from cambiata.knobs.storing import read_set, write_set


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_set(tmp_path / "x.knobs", fitted().fitted)
    return tmp_path / "x.knobs"


def members(place: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(place) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(place: Path, changed: dict[str, bytes]) -> None:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in changed.items():
            archive.writestr(name, data)


def array_bytes(array: np.ndarray, **how: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **how)
    return file.getvalue()


def test_there_and_back(place: Path) -> None:
    found, own = read_set(place), fitted().fitted
    assert found.sounds == own.sounds
    assert found.names == own.names
    values = {"brightness": 0.3, "main-2": 0.9}
    np.testing.assert_array_equal(found.at(values), own.at(values))
    assert found.facts() == own.facts()
    with np.load(place, allow_pickle=False) as arrays:  # nothing in it is code
        assert json.loads(arrays["about"].tobytes())["format"] == "cambiata knobs"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_cut_files_are_refused(place: Path, share: float) -> None:
    data = place.read_bytes()
    place.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"is not a .knobs file, or damaged; fit it again"):
        read_set(place)


def test_a_changed_number_is_refused(place: Path) -> None:
    parts = members(place)
    mean = np.load(io.BytesIO(parts["mean.npy"])) + 1.0
    rewrite(place, parts | {"mean.npy": array_bytes(mean)})
    with pytest.raises(InputError, match="damaged"):
        read_set(place)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("mean.npy", np.full(10, 0.0)),  # of another shape
        ("mean.npy", np.array([{}], dtype=object)),  # code, perhaps
    ],
)
def test_other_arrays_are_refused(place: Path, name: str, array: np.ndarray) -> None:
    rewrite(place, members(place) | {name: array_bytes(array, allow_pickle=True)})
    with pytest.raises(InputError, match="damaged"):
        read_set(place)


def test_numbers_that_are_none_are_refused(place: Path) -> None:
    found = fitted().fitted
    broken = found.parameters.copy()
    broken[2, 3] = np.nan
    write_set(place, replace(found, parameters=broken), force=True)  # its hash fits
    with pytest.raises(InputError, match="damaged"):
        read_set(place)


def test_headers_that_claim_more_than_there_is_take_no_memory(place: Path) -> None:
    parts = members(place)
    n = len(fitted().sounds)
    old = f"({n}, 5)".encode()
    huge = f"({10**9}, 5)".encode()
    padded = parts["described.npy"].replace(
        old + b", }" + b" " * (len(huge) - len(old)), huge + b", }"
    )
    assert padded != parts["described.npy"]
    assert len(padded) == len(parts["described.npy"])
    rewrite(place, parts | {"described.npy": padded})
    with pytest.raises(InputError, match="damaged"):
        read_set(place)
    about = np.load(io.BytesIO(parts["about.npy"]))
    file = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(file, header)
    rewrite(place, parts | {"about.npy": file.getvalue() + about.tobytes()})
    with pytest.raises(InputError, match="damaged") as refused:
        read_set(place)
    assert isinstance(refused.value.__cause__, ValueError)  # and no MemoryError
    assert "another size than it says" in str(refused.value.__cause__)


def test_other_versions_and_formats_are_named(place: Path) -> None:
    parts = members(place)
    about = json.loads(np.load(io.BytesIO(parts["about.npy"])).tobytes())
    for change, message in (
        ({"version": 9}, "is of version 9, not 1; fit it again"),
        ({"format": "other"}, "is not a .knobs file"),
        ({"knobs": ["loudness"] * 5}, "is not a .knobs file"),
    ):
        text = np.frombuffer(json.dumps(about | change).encode(), np.uint8)
        rewrite(place, parts | {"about.npy": array_bytes(text)})
        with pytest.raises(InputError, match=message):
            read_set(place)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; check the path"):
        read_set(tmp_path / "x.knobs")
    with pytest.raises(InputError, match=r"is a folder; name a .knobs file in it"):
        read_set(tmp_path)
