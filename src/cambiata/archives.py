"""Arrays in .npz archives that anybody may have made: nothing in them runs, or takes memory unseen.

`numpy.load` allocates what a member's header claims. Here every size is known before any array is
made: that of the archive's members together, and of each what its bytes and its shape say.
"""

import io
import math
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]

_SUFFIX = ".npy"
_MOST_MEMBERS = 4096  # central directories can list millions
_MOST_DIMENSIONS = 8
# What Python reads without another library; bzip2 and LZMA allocate by their own headers.
_KNOWN_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NUMBERS = "biuf"  # booleans, integers and floats: no objects, which could run code, and no text


class ArchiveError(ValueError):
    """An archive of arrays is damaged, or holds what it may not."""


def read_arrays(data: bytes, *, most_bytes: int) -> dict[str, npt.NDArray[Any]]:
    """Arrays of an .npz archive by their names, of `most_bytes` together at most.

    Raises ArchiveError where a member is no array of finite numbers, has a path for a name, is
    longer or shorter than its header says, or all are larger than `most_bytes`.

    >>> file = io.BytesIO()
    >>> np.savez(file, allow_pickle=False, levels_db=np.zeros((2, 3), np.float16))
    >>> read_arrays(file.getvalue(), most_bytes=10_000)["levels_db"].shape
    (2, 3)
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, most_bytes)
            return {
                member.filename.removesuffix(_SUFFIX): _read_member(archive, member)
                for member in members
            }
    except (ArchiveError, MemoryError):
        raise
    except Exception as error:  # zipfile, zlib, NumPy, tokenize and ast have a dozen kinds
        raise ArchiveError(f"not readable as arrays ({error})") from error


def _check_members(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    """Refuse members by what the archive's directory says of them, before any is read."""
    if len(members) > _MOST_MEMBERS:
        raise ArchiveError(f"more than {_MOST_MEMBERS} members")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ArchiveError("two members of one name")
    for name in names:
        parts = name.split("/")
        if not name.endswith(_SUFFIX) or "\\" in name or {"", ".", ".."} & set(parts):
            raise ArchiveError(f"a member that is not an array: {name[:40]!r}")
    if sum(member.file_size for member in members) > most_bytes:
        raise ArchiveError(f"more than {most_bytes / 2**20:g} MiB of arrays")
    if any(member.compress_type not in _KNOWN_COMPRESSIONS for member in members):
        raise ArchiveError("a member that is compressed in an unusual way")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ArchiveError("an array of an unknown version")
        read = np.lib.format.read_array_header_1_0
        if version == (2, 0):
            read = np.lib.format.read_array_header_2_0
        shape, in_columns, kind = read(file)
        if kind.kind not in _NUMBERS or kind.itemsize > 8:
            raise ArchiveError(f"an array of {kind}, not of numbers")
        if len(shape) > _MOST_DIMENSIONS or any(length < 0 for length in shape):
            raise ArchiveError("an array of no usual shape")
        n_bytes = math.prod(shape) * kind.itemsize
        # The archive's own count of a member's bytes is checked already, and bounds what is read.
        content = file.read() if n_bytes <= member.file_size else b""
    if len(content) != n_bytes:
        raise ArchiveError("an array of another size than it says")
    array = np.frombuffer(content, kind).reshape(shape, order="F" if in_columns else "C")
    if kind.kind == "f" and not np.isfinite(array).all():
        raise ArchiveError("numbers that are NaN or infinite")
    return array.astype(kind.newbyteorder("="))
