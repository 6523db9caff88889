"""Knobs in files: a zip archive of NumPy arrays, nothing in it code.

``numpy.load`` opens it. The array ``about`` is JSON in UTF-8: format, version, names, and the
SHA-256 of the other arrays. Before an array is read its header is: one of another shape or kind
than it has to be takes no memory.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.files import OutputKind, write_bytes
from cambiata.knobs.descriptors import NAMES
from cambiata.knobs.directions import POSITIONS, Directions, NamedPath
from cambiata.knobs.knob_set import KnobSet
from cambiata.knobs.parameters import N_PARAMETERS, Array

SUFFIX = ".knobs"
KNOBS = OutputKind(
    (SUFFIX,),
    ("is not a .knobs file", f"name it NAME{SUFFIX}"),
    no_folder=("the folder {folder} does not exist", "create it first"),
    ignores_case=False,
)
_FORMAT, _VERSION = "cambiata knobs", 1
_MOST_BYTES, _MOST_ABOUT_BYTES = 64 * 2**20, 2**20
_MOST_SOUNDS, _MOST_MAIN = 10_000, 100
_CURE = "fit it again with `cambiata.fit_knobs`"


def write_set(place: Path, found: KnobSet, *, force: bool = False) -> None:
    """Write knobs to a file, which appears whole or not at all."""
    arrays = {
        "parameters": found.parameters,
        "described": found.described,
        "mean": found.main.mean,
        "directions": found.main.directions,
        "scores": found.main.scores,
        "explained": found.main.explained,
        "paths": np.array([path.parameters for path in found.paths]).reshape(
            -1, len(POSITIONS), N_PARAMETERS
        ),
        "paths_described": np.array([path.described for path in found.paths]).reshape(
            -1, len(POSITIONS), len(NAMES)
        ),
    }
    arrays = {name: np.ascontiguousarray(array, np.float64) for name, array in arrays.items()}
    about = {
        "format": _FORMAT,
        "version": _VERSION,
        "sounds": list(found.sounds),
        "keys": list(found.keys),
        "knobs": [path.name for path in found.paths],
        "sha256": _hash(arrays),
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, about=text, **arrays)
    write_bytes(place, buffer.getvalue(), force=force)


def _hash(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(arrays[name], "<f8").tobytes())
    return digest.hexdigest()


def read_set(path: str | Path) -> KnobSet:
    """Knobs of a file; refused where it is not one, or not whole."""
    place = Path(path)
    try:
        if place.stat().st_size > _MOST_BYTES:
            raise InputError(str(path), "is not a .knobs file", "name one that `fit_knobs` wrote")
        data = place.read_bytes()
    except FileNotFoundError as error:
        raise InputError(str(path), "no such file", "check the path") from error
    except OSError as error:
        problem = "is a folder" if place.is_dir() else "cannot be read"
        raise InputError(str(path), problem, "name a .knobs file") from error
    try:
        about, arrays = _read_archive(data)
    except _OtherVersionError as error:
        raise InputError(str(path), f"is of version {error}, not {_VERSION}", _CURE) from error
    except Exception as error:  # whatever zipfile, zlib, NumPy and json make of damaged bytes
        raise InputError(str(path), "is not a .knobs file, or damaged", _CURE) from error
    paths = tuple(
        NamedPath(name, parameters, described)
        for name, parameters, described in zip(
            about["knobs"], arrays["paths"], arrays["paths_described"], strict=True
        )
    )
    main = Directions(arrays["mean"], arrays["directions"], arrays["scores"], arrays["explained"])
    return KnobSet(
        tuple(str(name) for name in about["sounds"]),
        arrays["parameters"],
        arrays["described"],
        tuple(int(key) for key in about["keys"]),
        paths,
        main,
    )


class _OtherVersionError(Exception):
    """A file of another version."""


def _read_archive(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """What a file says about itself, and its arrays, all checked."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        if sum(sizes.values()) > _MOST_BYTES or sizes["about.npy"] > _MOST_ABOUT_BYTES:
            raise ValueError("arrays without end")
        text = _read_member(archive, "about", (None,), "u1")
        about = json.loads(text.tobytes().decode())
        if about["format"] != _FORMAT:
            raise ValueError("another format")
        if about["version"] != _VERSION:
            raise _OtherVersionError(int(about["version"]))
        n, knobs = len(about["sounds"]), about["knobs"]
        n_main = _shape_of(archive, "explained")[0]
        _check_about(about, n, n_main)
        shapes: dict[str, tuple[int, ...]] = {
            "parameters": (n, N_PARAMETERS),
            "described": (n, len(NAMES)),
            "mean": (N_PARAMETERS,),
            "directions": (n_main, N_PARAMETERS),
            "scores": (n, n_main),
            "explained": (n_main,),
            "paths": (len(knobs), len(POSITIONS), N_PARAMETERS),
            "paths_described": (len(knobs), len(POSITIONS), len(NAMES)),
        }
        arrays = {name: _read_member(archive, name, shape) for name, shape in shapes.items()}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("numbers that are none")
    if _hash(arrays) != about["sha256"]:
        raise ValueError("other numbers than were written")
    return about, arrays


def _check_about(about: Mapping[str, Any], n: int, n_main: int) -> None:
    knobs, keys = about["knobs"], about["keys"]
    if not 1 <= n <= _MOST_SOUNDS or not 0 <= n_main <= _MOST_MAIN:
        raise ValueError("sizes")
    if len(set(knobs)) != len(knobs) or not set(knobs) <= set(NAMES):
        raise ValueError("knobs")
    if len(keys) != 3 or not all(0 <= int(key) <= 127 for key in keys):
        raise ValueError("keys")


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read(file)
    return shape, dtype


def _shape_of(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(f"{name}.npy") as file:
        return _header(file)[0]


def _read_member(
    archive: zipfile.ZipFile, name: str, shape: tuple[int | None, ...], kind: str = "f8"
) -> npt.NDArray[Any]:
    """An array of the archive, read once its header is as it has to be."""
    with archive.open(f"{name}.npy") as file:
        found, dtype = _header(file)
    fits = len(found) == len(shape) and all(
        wanted in (None, size) for wanted, size in zip(shape, found, strict=True)
    )
    size = int(np.prod(found, dtype=np.int64)) * dtype.itemsize
    if not fits or dtype != np.dtype(kind) or size > archive.getinfo(f"{name}.npy").file_size:
        raise ValueError(f"{name} of another shape")
    with archive.open(f"{name}.npy") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
