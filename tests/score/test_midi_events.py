"""Clock, names and drums of MIDI files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_bytes import meta, midi, scale, track, written

from cambiata.errors import InputError
from cambiata.score.midi import load
from cambiata.score.midi_events import readable_text

GS_RHYTHM_2 = (0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x12, 0x15, 1, 0x18, 0xF7)  # on channel 2
GS_NO_RHYTHM = (0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0x1B, 0xF7)  # on channel 10
XG_RHYTHM_2 = (0xF0, 8, 0x43, 0x10, 0x4C, 0x08, 1, 0x07, 2, 0xF7)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Flöte".encode("latin-1"), "Flöte"),
        ("Märchen, Übung, “solo”".encode("cp1252"), "Märchen, Übung, “solo”"),
        ("Märchen".encode("latin-1"), "Märchen"),  # in Shift-JIS, M, a rare sign and chen
        ("Flöte".encode(), "Flöte"),
        ("笛 ピアノ".encode(), "笛 ピアノ"),
        ("\ufeff笛".encode(), "笛"),
        ("笛".encode("utf-16"), "笛"),
        ("ピアノ 1".encode("shift-jis"), "ピアノ 1"),
        ("Контрабас".encode("cp1251"), "Контрабас"),
        (b"\x1b[31mred\x1b[0m\r\nsecond\0line\x07", "[31mred [0m second line"),
        ("a\u202eevil\u200b\x9b2J".encode(), "aevil 2J"),
        (b"\x81\x8d\x8f\x90\x9d", ""),
        (b"x" * 500, "x" * 80),
        (b"", ""),
    ],
)
def test_names_in_any_encoding(data: bytes, text: str) -> None:
    assert readable_text(data) == text


@given(st.binary(max_size=60))
def test_no_name_has_what_a_terminal_obeys(data: bytes) -> None:
    assert readable_text(data).isprintable()


def _drums(tmp_path: Path, *tracks: bytes, drums: int | None = None) -> list[bool]:
    path = written(tmp_path / "a.mid", midi(*tracks))
    return [part.is_drum for part in load(path, drums=drums).parts]


def test_drums_are_in_channel_10_or_where_they_are_said_to_be(tmp_path: Path) -> None:
    tracks = [track(*scale(channel=channel)) for channel in (0, 1, 9)]
    assert _drums(tmp_path, *tracks) == [False, False, True]
    assert _drums(tmp_path, *tracks, drums=2) == [False, True, False]
    assert _drums(tmp_path, *tracks, drums=0) == [False, False, False]
    for drums in (-1, 17):
        with pytest.raises(InputError, match=f"drums {drums}: is not a MIDI channel; use 1 to 16"):
            _drums(tmp_path, *tracks, drums=drums)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([GS_RHYTHM_2], [False, True, True]),
        ([GS_RHYTHM_2, GS_NO_RHYTHM], [False, True, False]),
        ([XG_RHYTHM_2], [False, True, True]),
    ],
)
def test_rolands_and_yamahas_messages_name_drums(
    tmp_path: Path, messages: list[tuple[int, ...]], expected: list[bool]
) -> None:
    setup = track(*((0, message) for message in messages))
    tracks = [track(*scale(channel=channel)) for channel in (0, 1, 9)]
    assert _drums(tmp_path, setup, *tracks) == expected


def test_of_a_windows_3_file_one_set_is_played(tmp_path: Path) -> None:
    mark = track((0, meta(0x7F, (0, 0, 0x41))))
    large, small, bass_drum = (track(*scale((60, 62), channel=c)) for c in (0, 12, 15))
    path = written(tmp_path / "a.mid", midi(mark, large, small, bass_drum))
    assert [(n.start_s, n.pitch) for n in load(path).notes] == [(0, 60), (0.5, 62)]
    assert _drums(tmp_path, mark, large, small, bass_drum) == [False]
    assert _drums(tmp_path, mark, small, bass_drum) == [False, True]
    assert _drums(tmp_path, large, small, bass_drum) == [False] * 3
