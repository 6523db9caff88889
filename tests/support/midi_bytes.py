"""MIDI files as bytes, so that tests can write what no library writes."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
END = b"\0\xff\x2f\0"

Event = tuple[int, Iterable[int]]
"""Ticks since the last event, and a message's bytes."""


def number(value: int) -> bytes:
    """A number as MIDI writes lengths: seven bits a byte."""
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127 | 128)
    return bytes(reversed(groups))


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    """A chunk, its length another one where it is given."""
    return name + struct.pack(">I", len(body) if length is None else length) + body


def events(*pairs: Event) -> bytes:
    """A track's body without its end."""
    return b"".join(number(ticks) + bytes(message) for ticks, message in pairs)


def track(*pairs: Event, end: bytes = END, length: int | None = None) -> bytes:
    """A track."""
    return chunk(b"MTrk", events(*pairs) + end, length)


def midi(*chunks: bytes, kind: int = 1, division: int = 480, n_tracks: int | None = None) -> bytes:
    """A MIDI file of chunks."""
    stated = len(chunks) if n_tracks is None else n_tracks
    return chunk(b"MThd", struct.pack(">HHH", kind, stated, division)) + b"".join(chunks)


def on(pitch: int, velocity: int = 100, channel: int = 0) -> tuple[int, ...]:
    """Note on."""
    return 0x90 | channel, pitch, velocity


def off(pitch: int, channel: int = 0) -> tuple[int, ...]:
    """Note off."""
    return 0x80 | channel, pitch, 0


def control(number_: int, value: int, channel: int = 0) -> tuple[int, ...]:
    """Control change."""
    return 0xB0 | channel, number_, value


def bend(value: int, channel: int = 0) -> tuple[int, ...]:
    """Pitch bend, 0 to 16383; 8192 is none."""
    return 0xE0 | channel, value & 127, value >> 7


def meta(kind: int, data: Iterable[int]) -> bytes:
    """Meta event."""
    body = bytes(data)
    return bytes([0xFF, kind]) + number(len(body)) + body


def parameter(number_: int, value: int, channel: int = 0) -> list[Event]:
    """A registered parameter's coarse value."""
    pairs = ((101, 0), (100, number_), (6, value), (38, 0))
    return [(0, control(*pair, channel)) for pair in pairs]


def scale(pitches: Sequence[int] = SCALE, channel: int = 0, ticks: int = 480) -> list[Event]:
    """Notes one after another."""
    pairs = ([(0, on(p, 100, channel)), (ticks, off(p, channel))] for p in pitches)
    return [event for pair in pairs for event in pair]


def written(path: Path, data: bytes) -> Path:
    """The bytes in a file."""
    path.write_bytes(data)
    return path
