"""Clock and parts of a MIDI file's events."""

import re
import unicodedata
from collections.abc import Iterator

from cambiata.score.clock import Clock, Metre
from cambiata.score.midi_bytes import META, SYSTEM_EXCLUSIVE, Event, MidiContent
from cambiata.score.midi_channels import Channels, read_channels
from cambiata.score.parts import Part
from cambiata.score.spelling import key_name

# Meta events by their numbers.
_TRACK_NAME, _TEMPO, _METRE, _KEY = (META + number for number in (0x03, 0x51, 0x58, 0x59))
_SEQUENCER_SPECIFIC = META + 0x7F
# What a file for Windows 3.0 says of itself (Microsoft's number among manufacturers): all is there
# twice, on channels 1 to 10 for large synthesizers, and on 13 to 16 for small ones, with drums on
# 16 (Windows 3.1 SDK, Multimedia Programmer's Reference, "Authoring Guidelines for MIDI files").
_WINDOWS_3 = bytes([0x00, 0x00, 0x41])
_LARGE, _SMALL, _SMALL_DRUMS = range(10), range(12, 16), 15
_DRUMS = 9  # General MIDI's drum channel, from 0
_LARGEST_UNIT = 6  # as a power of two: sixty-fourths; finer metres are damage
_C1 = re.compile(rb"[\x81-\x9f]")
_ALL_HIGH_WORD = re.compile(rb"(?<![A-Za-z\x80-\xff])[\xc0-\xff]{3,}(?![A-Za-z\x80-\xff])")
_LONGEST_NAME = 80  # letters: what fits into a line of a message


def read_clock(content: MidiContent) -> Clock:
    """Tempos, metres and key of a file.

    Of two at one tick, the last counts. What is damaged (a tempo of two bytes or of nothing, a
    metre of finer notes than sixty-fourths, a key of another mode) is passed over.

    Parameters
    ----------
    content : MidiContent
        The file.

    Returns
    -------
    Clock
        Where a file counts SMPTE frames, quarter notes of half a second.

    Examples
    --------
    >>> read_clock(MidiContent([], 480)).tempos
    ((0.0, 120.0),)
    """
    tempos, metres, key = {0.0: 120.0}, {}, ""
    for track in content.tracks:
        for event in track.events:
            if event.kind < META:
                continue
            at, data = event.tick / ticks_per_quarter(content), event.data
            if event.kind == _TEMPO and len(data) == 3 and any(data):
                tempos[at] = 60e6 / int.from_bytes(data)
            elif event.kind == _METRE and len(data) >= 2 and data[0] and data[1] <= _LARGEST_UNIT:
                metres[at] = Metre(data[0], 2 ** data[1])
            elif event.kind == _KEY and not key:
                key = _key(data)
    if content.seconds_per_tick is not None:
        return Clock(has_beats=False)
    return Clock(
        tuple(sorted(tempos.items())),
        tuple(sorted(metres.items(), key=lambda change: change[0])),
        key,
    )


def _key(data: bytes) -> str:
    """Name of a key signature, empty for what is none."""
    if len(data) < 2 or data[1] > 1:
        return ""
    sharps = data[0] - 256 * (data[0] > 127)
    return key_name(sharps, is_minor=bool(data[1])) if -7 <= sharps <= 7 else ""


def ticks_per_quarter(content: MidiContent) -> float:
    """Ticks of what `read_clock` takes for a quarter note.

    Parameters
    ----------
    content : MidiContent
        A file with a division that is not 0.

    Returns
    -------
    float
        Ticks.

    Examples
    --------
    >>> ticks_per_quarter(MidiContent([], 0xE728))
    500.0
    """
    seconds = content.seconds_per_tick
    return float(content.division) if seconds is None else 0.5 / seconds


def read_parts(content: MidiContent, clock: Clock, drums: int | None = None) -> list[Part]:
    """Parts of a file: one for every track, channel (or MPE zone) and program that plays.

    Notes end with their keys, or where sostenuto lets go of them; the sustain pedal is apart.

    Parameters
    ----------
    content : MidiContent
        The file.
    clock : Clock
        Its clock.
    drums : int, optional
        Channel whose pitches are drums, from 1; 0 for none; else the tenth, and those that system
        exclusive messages name.

    Returns
    -------
    list of Part
        In the order of tracks, channels and programs.

    Examples
    --------
    >>> read_parts(MidiContent([], 480), Clock())
    []
    """
    channels = read_channels(content)
    chosen = _drum_channels(content) if drums is None else {drums - 1}
    if _is_for_windows_3(content):
        has_large = any(voice.channel % 16 in _LARGE for voice in channels.voices)
        left_out = set(_SMALL if has_large else _LARGE)
        channels = Channels(
            [voice for voice in channels.voices if voice.channel % 16 not in left_out],
            channels.states,
        )
        if not has_large and drums is None:
            chosen = {_SMALL_DRUMS}
    names = [_track_name(track.events) for track in content.tracks]
    scale = ticks_per_quarter(content)
    return list(channels.parts(lambda tick: clock.seconds(tick / scale), chosen, names))


def _is_for_windows_3(content: MidiContent) -> bool:
    return any(
        event.kind == _SEQUENCER_SPECIFIC and event.data == _WINDOWS_3
        for track in content.tracks
        for event in track.events
    )


def _drum_channels(content: MidiContent) -> set[int]:
    """Channels of drums, from 0: the tenth, as changed by Roland's and Yamaha's messages."""
    drums = {_DRUMS}
    for message in _exclusive_messages(content):
        channel = is_drum = None
        # GS: F0 41 device 42 12 40 1p 15 map sum F7, p being 0 for channel 10, then 1 to 9, 11 ...
        if len(message) >= 8 and message[0] == 0x41 and message[2:5] == b"\x42\x12\x40":
            if message[5] >> 4 == 1 and message[6] == 0x15:
                block = message[5] & 15
                channel = _DRUMS if block == 0 else block - 1 if block <= _DRUMS else block
                is_drum = message[7] > 0
        # XG: F0 43 1n 4C 08 part 07 mode F7
        elif message[:1] == b"\x43" and message[2:4] == b"\x4c\x08" and message[5:6] == b"\x07":
            channel, is_drum = message[4], message[6:7] > b"\0"
        if channel is not None and is_drum is not None:
            (drums.add if is_drum else drums.discard)(channel)
    return drums


def _exclusive_messages(content: MidiContent) -> Iterator[bytes]:
    for track in content.tracks:
        for event in track.events:
            if event.kind == SYSTEM_EXCLUSIVE:
                yield event.data


def _track_name(events: list[Event]) -> str:
    names = [event.data for event in events if event.kind == _TRACK_NAME]
    return readable_text(names[-1]) if names else ""


def readable_text(data: bytes) -> str:
    """Text of a name in any usual encoding, without what a terminal would obey.

    Parameters
    ----------
    data : bytes
        UTF-8, UTF-16 with its mark, Shift-JIS, Windows' Russian, or the format's own Latin-1.

    Returns
    -------
    str
        One line of at most 80 letters.

    Examples
    --------
    >>> readable_text("Flöte".encode("latin-1")), readable_text("笛".encode("shift-jis"))
    ('Flöte', '笛')
    """
    return _cleaned(_decoded(data))


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "shift_jis", "cp1251", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "shift_jis":
            # Common signs begin with a byte that is a control character in Latin-1.
            strange = [letter for letter in text if letter > "\x7f"]
            if not (_C1.search(data) and all(_is_japanese(letter) for letter in strange)):
                continue
        # Words of nothing but accented letters are Russian.
        if encoding == "cp1251" and not _ALL_HIGH_WORD.search(data):
            continue
        return text
    return data.decode("latin-1")


def _is_japanese(letter: str) -> bool:
    """Kana of full width, ideographs, and their marks; half-width kana are Latin-1's letters."""
    return "\u3000" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uff60"


def _cleaned(text: str) -> str:
    """Text in one line, without control characters and marks of direction."""
    spaced = "".join(
        " " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter
        for letter in text[: 4 * _LONGEST_NAME]
        if unicodedata.category(letter) not in ("Cf", "Cs", "Co", "Cn")
    )
    return " ".join(spaced.split())[:_LONGEST_NAME]
