"""Ogg (RFC 3533): files that hold one stream after the other, and files that end early.

libsndfile decodes the first stream of a chain only; each is given to it by itself. It writes a
stream with a number that it draws: what we write has one and the same.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path

from cambiata.audio.codecs.layout import Layout, Part, Window

_BEGINS, _ENDS = 2, 4  # flags of a page
_SEARCHED_BYTES = 65_307  # as long as a page can be
_SERIAL = bytes(4)  # of a stream that we write
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass
class _Link:
    """Streams that begin together, and all their pages."""

    start: int
    stop: int
    serials: set[bytes]
    is_whole: bool = False


def examine(window: Window) -> Layout | None:
    """Layout of an Ogg file; None where it is none."""
    if window.at(0, 4) != b"OggS":
        return None
    links = _links(window)
    if not links:
        return None
    if len(links) == 1 and links[0].is_whole:
        return Layout()
    parts = tuple(Part(((link.start, link.stop),)) for link in links)
    return Layout(parts, breaks_off=not links[-1].is_whole)


def _page(window: Window, at: int) -> tuple[int, bytes, int] | None:
    """Flags, serial number and length of the page that begins at a byte."""
    head = window.at(at, 27)
    if len(head) < 27 or head[:5] != b"OggS\0":
        return None
    table = window.at(at + 27, head[26])
    return head[5], head[14:18], 27 + len(table) + sum(table)


def _links(window: Window) -> list[_Link]:
    links: list[_Link] = []
    at, beginning = 0, False
    while at < window.size:
        page = _page(window, at)
        if page is None:
            following = _next_page(window, at + 1)
            if following is None:
                break
            at = following
            continue
        flags, serial, length = page
        if at + length > window.size:
            break
        if flags & _BEGINS and not beginning:
            links.append(_Link(at, at, set()))
        beginning = bool(flags & _BEGINS)
        if links:
            link = links[-1]
            link.stop = at + length
            if beginning:
                link.serials.add(serial)
            elif flags & _ENDS and serial in link.serials:
                link.is_whole = True
        at += length
    return links


def _next_page(window: Window, at: int) -> int | None:
    while at < window.size:
        data = window.at(at, _SEARCHED_BYTES)
        found = data.find(b"OggS\0")
        if found >= 0:
            return at + found
        at += max(1, len(data) - 4)
    return None


def number_stream(path: Path) -> None:
    """Give the only stream of a file one and the same number: same sound, same bytes."""
    with path.open("r+b") as file:
        at = 0
        while len(head := file.read(27)) == 27 and head[:4] == b"OggS":
            table = file.read(head[26])
            body = file.read(sum(table))
            head = head[:14] + _SERIAL + head[18:22] + bytes(4) + head[26:]
            page = head + table + body
            file.seek(at + 14)
            file.write(head[14:22] + _checksum(page).to_bytes(4, "little"))
            at += len(page)
            file.seek(at)


def _checksum(page: bytes) -> int:
    """Checksum of a page: zlib's polynomial, with the bits the other way round, from 0."""
    reversed_sum = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reversed_sum:032b}"[::-1], 2)
