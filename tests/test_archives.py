"""Archives of arrays: whole ones come back, and what no archive of ours has is refused unread."""

import io
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest

from cambiata.archives import ArchiveError, read_arrays

LIMIT = 1 << 20


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def _header(words: str) -> bytes:
    body = words.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


def _archive(*members: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def test_arrays_come_back() -> None:
    arrays = {
        "levels": np.arange(6, dtype=np.float16).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "swapped": np.arange(3, dtype=">i4"),
        "flags": np.array([True, False]),
        "one": np.float32(3),
        "none": np.zeros((0, 4)),
    }
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, **arrays)
        found = read_arrays(file.getvalue(), most_bytes=LIMIT)
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            assert np.array_equal(found[name], array)
            assert found[name].dtype == np.asarray(array).dtype.newbyteorder("=")
            assert found[name].flags.writeable


class _Runs:
    """What a pickle would run: it must never be."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a file has run code",)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"PK", "not readable"),
        (_archive(("a.npy", _npy(np.array([_Runs()], object)))), "of object, not of numbers"),
        (_archive(("a.npy", _npy(np.array(["text"])))), "not of numbers"),
        (_archive(("a.npy", _npy(np.zeros(2, [("x", "f4")])))), "not of numbers"),
        (_archive(("a.npy", _npy(np.zeros(2, complex)))), "not of numbers"),
        (_archive(("a.npy", _npy(np.array([1.0, np.nan])))), "NaN or infinite"),
        (_archive(("a.npy", _npy(np.zeros(9))[:-8])), "another size"),
        (_archive(("a.npy", _npy(np.zeros(9)) + bytes(8))), "another size"),
        (_archive(("a.npy", b"text")), "not readable"),
        (_archive(("a.txt", b"text")), "not an array"),
        (_archive(("../a.npy", _npy(np.zeros(9)))), "not an array"),
        (_archive(("/a.npy", _npy(np.zeros(9)))), "not an array"),
        (_archive(("a\\b.npy", _npy(np.zeros(9)))), "not an array"),
        (_archive(("a.npy", _npy(np.zeros(9))), compression=zipfile.ZIP_LZMA), "unusual way"),
        (_archive(("a.npy", _npy(np.zeros(LIMIT)))), "more than 1 MiB"),
        (_archive(*((f"{i}.npy", b"") for i in range(5000))), "more than 4096 members"),
        (_archive(("a.npy", _npy(np.zeros((1,) * 9)))), "no usual shape"),
        (
            _archive(
                ("a.npy", _header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -8)}"))
            ),
            "no usual shape",
        ),
        (_archive(("a.npy", _header("{'descr': '<f8'}"))), "not readable"),
        (_archive(("a.npy", _header("(" * 100))), "not readable"),
    ],
)
def test_other_archives_are_refused(data: bytes, match: str) -> None:
    with pytest.raises(ArchiveError, match=match):
        read_arrays(data, most_bytes=LIMIT)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused() -> None:
    data = _archive(("a.npy", _npy(np.zeros(9))), ("a.npy", _npy(np.ones(9))))
    with pytest.raises(ArchiveError, match="two members of one name"):
        read_arrays(data, most_bytes=LIMIT)


def test_a_claim_allocates_nothing() -> None:
    claims = _header("{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,)}")
    honest = _archive(("a.npy", claims + bytes(64)))
    size = len(claims) + 64
    # The archive's directory claims much less than the member has, too.
    lying = _archive(("a.npy", _npy(np.zeros(4 * LIMIT)))).replace(
        (4 * LIMIT * 8 + 128).to_bytes(4, "little"), size.to_bytes(4, "little")
    )
    tracemalloc.start()
    for data in (honest, lying):
        with pytest.raises(ArchiveError):
            read_arrays(data, most_bytes=LIMIT)
    assert tracemalloc.get_traced_memory()[1] < LIMIT
    tracemalloc.stop()
