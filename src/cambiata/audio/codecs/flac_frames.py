"""FLAC (RFC 9639): the last whole frame says how long a file is, whatever its header says."""

from dataclasses import dataclass

from cambiata.audio.codecs.layout import Layout, Part, Window, patched
from cambiata.audio.codecs.mpeg_frames import tag_length

# Where the header does not say how large a frame is: 4,608 samples of 8 channels of 24 bits,
# stored as they are, are 111 kB.
_USUAL_FRAME_BYTES = 1 << 17
_MAX_FRAME_BYTES = 1 << 21
# Header, one constant of four bits and checksum: a frame that is all silence.
_LEAST_FRAME_BYTES = 10
_MOST_FRAME_SAMPLES = 0xFFFF
# Sound may look like a header: one in 2,000 frames of 10 kB has such a place, hardly any has three.
_MOST_LIKENESSES = 3


def _table(polynomial: int, bits: int) -> list[int]:
    """Remainders of all bytes, for a checksum of 8 or 16 bits."""
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    rows = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
        rows.append(value)
    return rows


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)  # RFC 9639, sections 9.1.8 and 9.3


@dataclass(frozen=True)
class _Frame:
    start_sample: int
    n_samples: int


def examine(window: Window) -> Layout | None:
    """Layout of a FLAC file; None where it is none."""
    at = tag_length(window, 0) if window.at(0, 3) == b"ID3" else 0
    if window.at(at, 4) != b"fLaC":
        return None
    info = at + 8
    first = _first_frame(window, at + 4)
    body = window.at(info, 18)
    if len(body) < 18:
        return Layout()
    fixed = int.from_bytes(body[2:4], "big")  # the most samples of a frame: all but the last's
    largest = int.from_bytes(body[7:10], "big") or _USUAL_FRAME_BYTES
    stated = int.from_bytes(body[13:18], "big") & 0xFFFFFFFFF
    possible = (window.size // _LEAST_FRAME_BYTES + 1) * (fixed or _MOST_FRAME_SAMPLES)
    found = None
    if first is not None:
        found = _last_whole_frame(window, first, fixed, min(largest, _MAX_FRAME_BYTES))
    if found is None and 0 < stated <= possible:
        return Layout()
    # Nothing whole is there to go by, and a damaged header may claim days, which are not tried.
    n_samples, end = found or (possible, window.size)
    if n_samples == stated:
        return Layout()
    five = int.from_bytes(body[13:18], "big") >> 36 << 36 | n_samples
    pieces = patched(window, {info + 13: five.to_bytes(5, "big")}, end)
    if found is None:
        claim = f"its header gives {stated} samples, more than it can hold"
        return Layout((Part(pieces),), claim if stated else "holds no whole frame")
    if n_samples < stated:
        share = (stated - n_samples) / max(1, n_samples)
        return Layout((Part(pieces),), breaks_off=True, missing_share=share)
    problem = f"its header gives {stated} samples, but {n_samples} are there" if stated else ""
    return Layout((Part(pieces),), problem)


def _first_frame(window: Window, at: int) -> int | None:
    """Where the blocks of metadata end."""
    for _ in range(1000):
        head = window.at(at, 4)
        if len(head) < 4:
            return None
        at += 4 + int.from_bytes(head[1:], "big")
        if head[0] & 0x80:
            return at
    return None


def _last_whole_frame(
    window: Window, first: int, fixed: int, largest: int
) -> tuple[int, int] | None:
    """Samples up to the end of the last frame whose checksum holds, and the byte behind it."""
    # Three frames: a cut one at the end, a whole one, and whatever tags follow.
    from_byte = max(first, window.size - 3 * largest - (1 << 12))
    data = window.at(from_byte, window.size - from_byte)
    end = len(data)
    places: list[tuple[int, _Frame]] = []
    at = data.find(b"\xff")
    while at >= 0:
        if at + 1 < end and data[at + 1] & 0xFE == 0xF8 and (frame := _frame(data, at, fixed)):
            places.append((at, frame))
        at = data.find(b"\xff", at + 1)
    starts = [place for place, _ in places]
    for i in reversed(range(len(places))):
        place, frame = places[i]
        for stop in _possible_ends(data, starts[i + 1 : i + 1 + _MOST_LIKENESSES]):
            if stop - place <= largest + 16 and _crc16(data[place:stop]) == 0:
                return frame.start_sample + frame.n_samples, from_byte + stop
    return None


def _possible_ends(data: bytes, following: list[int]) -> list[int]:
    """Where a frame may end: at one of the next, or before a tag at the end of the file."""
    ends = list(following)
    if len(ends) < _MOST_LIKENESSES:
        marks = (data.rfind(mark) for mark in (b"TAG", b"APETAGEX", b"ID3"))
        ends += [len(data), *(place for place in marks if place > max(following, default=0))]
    return ends


def _crc16(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _CRC16[value >> 8 ^ byte]
    return value


def _frame(data: bytes, at: int, fixed: int) -> _Frame | None:
    """The frame whose header begins here; None where the header's checksum does not hold."""
    head = data[at : at + 16]
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] >> 4 > 10 or head[3] & 1:
        return None
    # The number is coded as UTF-8 codes a character, up to seven bytes.
    n_ones = next((i for i in range(8) if not head[4] & 0x80 >> i), 8)
    n_number = max(1, n_ones)
    if n_ones == 1 or n_ones == 8:
        return None
    number = head[4] & (0xFF >> (n_ones + 1) if n_ones else 0x7F)
    for byte in head[5 : 4 + n_number]:
        number = number << 6 | byte & 0x3F
    i = 4 + n_number
    code = head[2] >> 4
    if code in (6, 7):  # one or two bytes of its own
        n_samples = int.from_bytes(head[i : i + code - 5], "big") + 1
        i += code - 5
    else:
        n_samples = 256 << (code - 8) if code > 7 else 192 if code == 1 else 576 << (code - 2)
    i += {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if len(head) <= i:
        return None
    value = 0
    for byte in head[: i + 1]:
        value = _CRC8[value ^ byte]
    if value:
        return None
    is_variable = head[1] & 1
    return _Frame(number if is_variable else number * fixed, n_samples)
