"""Events of a MIDI file's bytes, read as players read them: what is damaged is passed over.

Sequencers write files that the standard forbids and every player plays. No library was found that
does: of the damaged files of our tests mido 1.3 refuses or misreads all, symusic 0.6 half.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

META, SYSTEM_EXCLUSIVE = 0x100, 0xF0
"""Kinds of events: META and the number of a meta event; else the status byte of a message."""
END_OF_TRACK = META + 0x2F

# Junk before the header (MacBinary: 128 bytes; mail and web headers) is searched so far.
_SEARCHED_BYTES = 1 << 16
# More are left out: a symphony has a tenth of it, and this many take three seconds and 250 MiB.
_MOST_EVENTS = 500_000
_SMPTE_HZ = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}
# Data bytes of system messages, which belong on cables; F4, F5, F9 and FD are not even defined.
_SYSTEM_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1}
# Length, format, number of tracks, division.
_HEADER_FIELDS = ((4, 8), (8, 10), (10, 12), (12, 14))
_LARGEST_NUMBER = 2**28 - 1  # four bytes of seven bits, says the format; zeros may lead it


class Event(NamedTuple):
    """A message or meta event of a track.

    Parameters
    ----------
    tick : int
        When, from the beginning.
    kind : int
        A status byte, or `META` and the number of a meta event.
    data : bytes
        What follows it.

    Examples
    --------
    >>> Event(0, 0x90, bytes([60, 100])).channel
    0
    """

    tick: int
    kind: int
    data: bytes

    @property
    def channel(self) -> int:
        """Channel of a message, from 0."""
        return self.kind & 15


@dataclass(frozen=True)
class Track:
    """Events of a track.

    Parameters
    ----------
    events : list of Event
        In their order.
    end : int
        Tick at which it ends.

    Examples
    --------
    >>> Track([], 480).end
    480
    """

    events: list[Event]
    end: int


@dataclass(frozen=True)
class MidiContent:
    """What a MIDI file says.

    Parameters
    ----------
    tracks : list of Track
        Its tracks, those of format 2 one after another.
    division : int
        As the header has it: ticks of a quarter note, or above 0x7fff SMPTE time.
    repairs : tuple of str
        What was wrong with the file and what was done about it, for messages.

    Examples
    --------
    >>> MidiContent([], 0xE728).seconds_per_tick
    0.001
    """

    tracks: list[Track]
    division: int
    repairs: tuple[str, ...] = ()

    @property
    def seconds_per_tick(self) -> float | None:
        """Of a file that counts SMPTE frames; None where it counts beats."""
        if self.division < 0x8000:
            return None
        frames_hz, ticks = _SMPTE_HZ.get(256 - (self.division >> 8)), self.division & 0xFF
        return 1 / (frames_hz * ticks) if frames_hz and ticks else 0.0


@dataclass
class _Damage:
    """What is wrong with a file, counted."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, problem: str) -> None:
        self.counts[problem] += 1

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(text.format(n=n, s="s" * (n > 1)) for text, n in self.counts.items())


_CUT = "its end is missing, and what is there is used"
_UNREADABLE = "a part of it is damaged and left out"
_UNDEFINED = "{n} undefined status byte{s} left out"
_STRAY = "{n} stray byte{s} left out"
_CLIPPED = "{n} value{s} above 127 taken as 127"
_TOO_MANY = f"it has more than {_MOST_EVENTS:,} events, and the rest is left out"
_ANOTHER = "another MIDI file behind it is left out"
_JUNK = "what is not MIDI before its header is left out"
_HEADER = "its header has a wrong length"
_LENGTH = "{n} track{s} with a wrong length read to where the events end"
_COUNT = "its header counts {} track{}, and it has {}"
# What was done about damage, at the end of the texts above: untrue where a file is refused.
_REMEDY = re.compile(
    r",? (and what is there is used|and the rest is left out|and left out|is left out|left out"
    r"|taken as 127|read to where the events end)$"
)


def faults_of(repairs: Iterable[str]) -> tuple[str, ...]:
    """`MidiContent.repairs` without what was done about them, for a file that is refused.

    Parameters
    ----------
    repairs : iterable of str
        Texts that say what is damaged and what was done about it.

    Returns
    -------
    tuple of str
        What is damaged.

    Examples
    --------
    >>> faults_of(("its end is missing, and what is there is used", "3 stray bytes left out"))
    ('its end is missing', '3 stray bytes')
    """
    return tuple(_REMEDY.sub("", repair) for repair in repairs)


def read_content(data: bytes) -> MidiContent:
    """Tracks of a MIDI file.

    RIFF around it (.rmi) and chunks that are not known are passed over, as the standard says. What
    is damaged is left out or made good, and named in `MidiContent.repairs`.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    MidiContent
        Its tracks.

    Raises
    ------
    ValueError
        There is no header.

    Examples
    --------
    >>> header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96])
    >>> read_content(header + b"MTrk" + bytes([0, 0, 0, 0])).tracks[0].events
    []
    """
    damage = _Damage()
    data = _unwrapped(data)
    header = data.find(b"MThd", 0, _SEARCHED_BYTES)
    if header < 0 or len(data) < header + 14:
        raise ValueError("no MIDI header")
    if header:
        damage.add(_JUNK)
    length, kind, n_stated, division = (
        int.from_bytes(data[header + a : header + b]) for a, b in _HEADER_FIELDS
    )
    at = header + 8 + length
    if length < 6 or not (at == len(data) or _is_chunk(data, at)):
        at = header + 14
        if length != 6:
            damage.add(_HEADER)
    tracks = _read_tracks(data, at, damage)
    if n_stated != len(tracks) and not damage.counts[_CUT]:
        damage.add(_COUNT.format(n_stated, "s" * (n_stated != 1), len(tracks)))
    if kind == 2:
        tracks = _one_after_another(tracks)
    return MidiContent(tracks, division, damage.texts)


def _unwrapped(data: bytes) -> bytes:
    """The MIDI file in a RIFF file (.rmi), or the bytes as they are."""
    if not (data[:4] == b"RIFF" and data[8:12] == b"RMID"):
        return data
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + length] if length >= 14 else data[at + 8 :]
        at += 8 + length + length % 2
    return data


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a chunk can begin here: four letters, and a length."""
    name = data[at : at + 4].rstrip(b" ")
    return at + 8 <= len(data) and name.isalnum() and name.isascii()


def _read_tracks(data: bytes, at: int, damage: _Damage) -> list[Track]:
    tracks, n_left = [], _MOST_EVENTS
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8])
        is_sound = end == len(data) or _is_chunk(data, end)
        if data[at : at + 4] == b"MThd":
            damage.add(_ANOTHER)
            break
        if data[at : at + 4] == b"MTrk":
            limit = end
            if not is_sound:  # the length is wrong, or there is something else behind the track
                limit = data.find(b"MTrk", at + 8)
                limit = len(data) if limit < 0 else limit
            track, stop, ends = _read_track(data, at + 8, limit, n_left, damage)
            tracks.append(track)
            n_left -= len(track.events)
            if n_left <= 0:
                damage.add(_TOO_MANY)
                break
            if not ends and not is_sound and limit == len(data):
                damage.add(_CUT)
            elif not ends and stop < limit:
                damage.add(_UNREADABLE)
            elif not is_sound and stop != end:
                damage.add(_LENGTH)
            at = end if is_sound else stop if ends else limit
        else:
            at = end if is_sound else at + 4
        if at < len(data) and not _is_chunk(data, at):
            following = data.find(b"MTrk", at)
            at = len(data) if following < 0 else following
    return tracks


def _read_track(
    data: bytes, at: int, limit: int, n_most: int, damage: _Damage
) -> tuple[Track, int, bool]:
    """Events from a place on, where they stop, and whether an end of track says so."""
    events: list[Event] = []
    tick = status = 0
    while at < limit and len(events) < n_most:
        delta, at = _number(data, at, limit)
        if delta is None or at >= limit:
            break
        tick += delta
        kind = data[at]
        if kind >= 0xF0:
            at += 1
            event, at = _system_event(data, at, limit, kind, damage)
            if event is None:
                break
            number, body = event
            if number == END_OF_TRACK:
                return Track(events, tick), at, True
            if number >= META or number == SYSTEM_EXCLUSIVE:
                events.append(Event(tick, number, body))
            continue
        if kind >= 0x80:
            status, at = kind, at + 1
        elif not status:
            damage.add(_STRAY)
            at += 1
            continue
        # Program change and channel pressure have one data byte, all others two.
        stop = at + (1 if 0xC0 <= status < 0xE0 else 2)
        if stop > limit:
            break
        body = data[at:stop]
        if max(body) > 127:
            damage.add(_CLIPPED)
            body = bytes(min(value, 127) for value in body)
        events.append(Event(tick, status, body))
        at = stop
    return Track(events, tick), at, False


def _number(data: bytes, at: int, limit: int) -> tuple[int | None, int]:
    """A number of seven bits a byte, and what follows it; None where there is none."""
    value = 0
    for place in range(at, limit):
        value = value << 7 | data[place] & 127
        if value > _LARGEST_NUMBER:
            return None, at
        if data[place] < 128:
            return value, place + 1
    return None, limit


def _system_event(
    data: bytes, at: int, limit: int, kind: int, damage: _Damage
) -> tuple[tuple[int, bytes] | None, int]:
    """A meta event or a system message whose status byte was read; None where it is cut off.

    Running status goes on after it, although the standard says otherwise: sequencers write so.
    """
    number = kind
    if kind == 0xFF and at < limit:
        number, at = META + data[at], at + 1
    if kind in (0xF0, 0xF7, 0xFF):
        length, at = _number(data, at, limit)
        if length is None or at + length > limit:
            return None, at
        return (number, data[at : at + length]), at + length
    damage.add(_UNDEFINED)
    return (number, b""), at + _SYSTEM_LENGTHS.get(kind, 0)


def _one_after_another(tracks: list[Track]) -> list[Track]:
    """Tracks of format 2, which are patterns, each beginning where the one before ends."""
    moved, begin = [], 0
    for track in tracks:
        events = [event._replace(tick=event.tick + begin) for event in track.events]
        moved.append(Track(events, begin + track.end))
        begin += track.end
    return moved
