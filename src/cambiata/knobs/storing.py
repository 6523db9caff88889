"""Knobs in files: a zip archive of NumPy arrays, nothing in it code.

``numpy.load`` opens it. The array ``about`` is JSON in UTF-8: format, version, names, and the
SHA-256 of the other arrays.
"""

import hashlib
import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.archives import read_arrays
from cambiata.errors import InputError
from cambiata.files import OutputKind, write_bytes
from cambiata.inputs import read_input
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
    data = read_input(path, "a .knobs file", most_bytes=_MOST_BYTES)
    try:
        about, arrays = _read_archive(data)
    except _OtherVersionError as error:
        raise InputError(str(path), f"is of version {error}, not {_VERSION}", _CURE) from error
    except MemoryError:
        raise
    except Exception as error:  # whatever NumPy and json make of damaged bytes
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
    found = read_arrays(data, most_bytes=_MOST_BYTES)
    text = found.pop("about")
    if text.nbytes > _MOST_ABOUT_BYTES:
        raise ValueError("text without end")
    about = json.loads(text.tobytes().decode())
    if about["format"] != _FORMAT:
        raise ValueError("another format")
    if about["version"] != _VERSION:
        raise _OtherVersionError(int(about["version"]))
    n, knobs, n_main = len(about["sounds"]), about["knobs"], len(found["explained"])
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
    arrays = {name: found[name] for name in shapes}
    for name, array in arrays.items():
        if array.shape != shapes[name] or array.dtype != np.float64:
            raise ValueError(f"{name} of another shape")
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
