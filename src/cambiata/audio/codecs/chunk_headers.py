"""Headers made of chunks (WAV, RF64, BW64, AIFF, CAF) and AU: the sound's true place and size.

A recorder that crashes leaves a size of zero, a pipe leaves the highest number, a download that
broke off promises more than there is: the file's own size decides. Formats: EBU Tech 3306 (RF64),
ITU-R BS.2088 (BW64), Apple's AIFF-C draft of 1991 and Core Audio Format specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cambiata.audio.codecs import mpeg_frames
from cambiata.audio.codecs.layout import Layout, Part, Window, patched
from cambiata.audio.codecs.spliced import Piece

_MPEG_TAGS = (0x50, 0x55)  # MPEG layers I and II, layer III
# Codecs of fixed blocks: Microsoft's and IMA's ADPCM, GSM 6.10.
_BLOCK_TAGS = (0x02, 0x11, 0x31)
# A plain header counts 4 GiB; programs that go on all the same leave the size modulo that.
_WRAP_BYTES = 2**32
_MAX_CHUNKS = 10_000  # hostile files


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    at: int  # where its size is written
    start: int  # of its content
    size: int  # as it is written


def examine(window: Window) -> Layout | None:
    """Layout of a file whose header is made of chunks; None where it is of another kind."""
    head = window.at(0, 16)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _wav(window, head[:4])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(window)
    if head[:4] == b"caff":
        return _caf(window)
    if head[:4] == b".snd":
        return _au(window)
    if head[:12] == b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb":
        return _w64(window)
    return None


def _chunks(
    window: Window, at: int, order: Literal["big", "little"], size_bytes: int, even: bool
) -> Iterator[_Chunk]:
    for _ in range(_MAX_CHUNKS):
        head = window.at(at, 4 + size_bytes)
        if len(head) < 4 + size_bytes:
            return
        start = at + 4 + size_bytes
        size = int.from_bytes(head[4:], order)
        yield _Chunk(head[:4], at + 4, start, size)
        at = start + size + (size % 2 if even else 0)


def _is_endless(size: int) -> bool:
    """Whether a program that could not go back wrote this size: the most, signed or not."""
    return size >= 0xFFFFF000 or 0x7FFFE000 <= size <= 0x80001000


def _judge(
    stated: int, available: int, *, followed: bool = False, second: int = 0
) -> tuple[int, Layout]:
    """Bytes of sound, and a layout that says what is wrong with the header.

    Sound that is `followed` by another chunk ends where the header says, and one that more than a
    `second` of bytes follow which are no chunk goes on to the end: its header was last written
    before the recorder crashed.
    """
    if available <= 0:
        return 0, Layout()
    if stated == 0 and not followed:
        return available, Layout(problem="its header gives no length, as if it was never finished")
    if _is_endless(stated):
        return available, Layout()
    if stated > available:
        return available, Layout(breaks_off=True, missing_share=(stated - available) / available)
    if stated < available and (available - stated) % _WRAP_BYTES == 0:
        return available, Layout()
    if second and available - stated > second and not followed:
        more_s = (available - stated) / second
        return available, Layout(problem=f"{more_s:.2f} s follow that its header does not count")
    return stated, Layout()


def _with_part(layout: Layout, part: Part) -> Layout:
    return Layout((part,), layout.problem, layout.breaks_off, layout.missing_share)


def _wav(window: Window, magic: bytes) -> Layout | None:
    order: Literal["big", "little"] = "big" if magic == b"RIFX" else "little"
    tag = block_samples = second = 0
    fact: int | None = None
    ds64: _Chunk | None = None
    for chunk in _chunks(window, 12, order, 4, even=True):
        body = window.at(chunk.start, 40)
        if chunk.kind == b"ds64":
            ds64 = chunk
        elif chunk.kind == b"fmt ":
            tag = int.from_bytes(body[:2], order)
            second = int.from_bytes(body[8:12], order)
            tag = int.from_bytes(body[24:26], order) if tag == 0xFFFE else tag
            block_samples = int.from_bytes(body[18:20], order) if chunk.size >= 20 else 0
        elif chunk.kind == b"fact":
            fact = int.from_bytes(body[:4], order)
        elif chunk.kind == b"data":
            break
    else:
        return None
    stated = chunk.size
    if ds64 and stated == 0xFFFFFFFF:
        long_size = int.from_bytes(window.at(ds64.start + 8, 8), "little")
        stated = long_size if 0 < long_size < 2**63 else stated * bool(long_size)
    followed = _is_chunk(window, chunk.start + stated + stated % 2, order)
    available = window.size - chunk.start
    size, layout = _judge(stated, available, followed=followed, second=second)
    if tag in _MPEG_TAGS:
        inside = mpeg_frames.examine(window, chunk.start, chunk.start + size)
        return inside or layout
    if tag not in _BLOCK_TAGS or not fact:
        fact, block_samples = None, 0
    pieces: tuple[Piece, ...] = ()
    if magic == b"BW64" or (size != stated and not layout.breaks_off):
        pieces = _wav_mended(window, magic, chunk, size, ds64)
    part = Part(pieces, n_before_filling=fact, block_samples=block_samples)
    return _with_part(layout, part)


def _is_chunk(window: Window, at: int, order: Literal["big", "little"]) -> bool:
    """Whether another chunk that ends within the file begins here."""
    head = window.at(at, 8) if at < window.size else b""
    is_name = head[:4].isascii() and head[:4].decode("ascii").isprintable()
    return len(head) == 8 and is_name and at + 8 + int.from_bytes(head[4:], order) <= window.size


def _wav_mended(
    window: Window, magic: bytes, data: _Chunk, size: int, ds64: _Chunk | None
) -> tuple[Piece, ...]:
    """The file with a header that gives its sound's true size."""
    order: Literal["big", "little"] = "big" if magic == b"RIFX" else "little"
    end = data.start + size
    if magic in (b"RIFF", b"RIFX") and end < _WRAP_BYTES:
        sizes = {4: (end - 8).to_bytes(4, order), data.at: size.to_bytes(4, order)}
        return patched(window, sizes, end)
    kept_from = ds64.start + ds64.size + ds64.size % 2 if ds64 else 12
    numbers = b"".join(number.to_bytes(8, "little") for number in (end, size, 0))
    head = b"RF64\xff\xff\xff\xffWAVEds64" + (28).to_bytes(4, "little") + numbers + bytes(4)
    return head, (kept_from, data.at), b"\xff\xff\xff\xff", (data.start, end)


def _w64(window: Window) -> Layout | None:
    """Sony Wave64; libsndfile reads what is there, whatever the header says."""
    at = 40
    for _ in range(_MAX_CHUNKS):
        head = window.at(at, 24)
        if len(head) < 24:
            return None
        size = int.from_bytes(head[16:], "little")
        if head[:4] == b"data":
            stated = max(0, size - 24) if size < 2**62 else 0xFFFFFFFF
            return _judge(stated, window.size - at - 24)[1]
        at += max(24, size + -size % 8)
    return None


def _aiff(window: Window) -> Layout | None:
    common: _Chunk | None = None
    for chunk in _chunks(window, 12, "big", 4, even=True):
        if chunk.kind == b"COMM":
            common = chunk
        elif chunk.kind == b"SSND":
            break
    else:
        return None
    if common is None:
        return None
    start = chunk.start + 8  # an offset and a block size come first
    size, layout = _judge(max(0, chunk.size - 8), window.size - start)
    body = window.at(common.start, 8)
    width = int.from_bytes(body[:2], "big") * -(-int.from_bytes(body[6:8], "big") // 8)
    if not (layout.problem and width) or window.size >= _WRAP_BYTES:
        return layout
    sizes = {
        4: (window.size - 8).to_bytes(4, "big"),
        common.start + 2: (size // width).to_bytes(4, "big"),
        chunk.at: (size + 8).to_bytes(4, "big"),
    }
    return _with_part(layout, Part(patched(window, sizes)))


def _caf(window: Window) -> Layout | None:
    for chunk in _chunks(window, 8, "big", 8, even=False):
        if chunk.kind == b"data":
            break
    else:
        return None
    stated = max(0, chunk.size - 4) if chunk.size < 2**63 else 0xFFFFFFFF  # -1: to the end
    size, layout = _judge(stated, window.size - chunk.start - 4)
    if size == stated:
        return layout
    sizes = {chunk.at: (size + 4).to_bytes(8, "big")}
    return _with_part(layout, Part(patched(window, sizes)))


def _au(window: Window) -> Layout | None:
    head = window.at(0, 12)
    start, stated = int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big")
    _, layout = _judge(stated, window.size - start)
    if not layout.problem:
        return layout
    return _with_part(layout, Part(patched(window, {8: b"\xff\xff\xff\xff"})))
