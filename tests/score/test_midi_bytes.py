"""MIDI files as sequencers, recorders and broken discs leave them."""

import io
import struct
from pathlib import Path

import mido
import pytest
from midi_bytes import END, SCALE, chunk, events, meta, midi, number, off, on, scale, track, written

from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import load
from cambiata.score.midi_bytes import META, faults_of, read_content

PLAIN = midi(track(*scale()))
FRAMES = ((-25 & 0xFF) << 8) | 40  # of SMPTE, a millisecond each


def _pitches(data: bytes, tmp_path: Path) -> list[tuple[float, int]]:
    return [(note.start_s, note.pitch) for note in load(written(tmp_path / "a.mid", data)).notes]


SCALE_NOTES = [(0.5 * i, pitch) for i, pitch in enumerate(SCALE)]


def _riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _damaged_key(*data: int) -> bytes:
    return midi(track((0, meta(0x59, data)), *scale()))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_riff(b"RIFF", b"RMID" + _riff(b"data", PLAIN)), id="RMID"),
        pytest.param(
            _riff(b"RIFF", b"RMID" + _riff(b"LIST", b"odd") + _riff(b"data", PLAIN)),
            id="RMID, LIST",
        ),
        pytest.param(midi(chunk(b"XFIH", b"abcd"), track(*scale()), n_tracks=1), id="chunk before"),
        pytest.param(midi(track(*scale()), chunk(b"XFKM", b"abc"), n_tracks=1), id="chunk after"),
        pytest.param(PLAIN + bytes(45), id="padding"),
        pytest.param(
            midi(chunk(b"MTrk", b"\x80" * 6 + events(*scale()) + END)), id="zeros before a delta"
        ),
        pytest.param(
            chunk(b"MThd", struct.pack(">HHH", 1, 1, 480) + b"more") + track(*scale()), id="header"
        ),
        pytest.param(_damaged_key(0xFE, 0xFF), id="key of mode 255"),
        pytest.param(_damaged_key(0x11, 0), id="key of 17 sharps"),
        pytest.param(_damaged_key(1), id="key of one byte"),
        pytest.param(midi(track((0, meta(0x51, (7, 0xA1))), *scale())), id="tempo of two bytes"),
        pytest.param(midi(track((0, meta(0x51, (0, 0, 0))), *scale())), id="tempo of nothing"),
        pytest.param(midi(track((0, meta(0x58, (4,))), *scale())), id="metre of one byte"),
        pytest.param(midi(track((0, meta(0x58, (4, 200, 0, 0))), *scale())), id="metre of 4/2^200"),
        pytest.param(midi(track(*scale()), kind=7), id="format 7"),
    ],
)
def test_what_is_only_odd_is_read_without_a_word(tmp_path: Path, data: bytes) -> None:
    assert _pitches(data, tmp_path) == SCALE_NOTES


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(PLAIN[:-3], "its end is missing", id="cut in its end"),
        pytest.param(PLAIN[:-4], "its end is missing", id="cut before its end"),
        pytest.param(2 * PLAIN, "another MIDI file behind it", id="two files"),
        pytest.param(bytes(128) + PLAIN, "not MIDI before its header", id="MacBinary"),
        pytest.param(
            b"Content-Type: audio/midi\r\n\r\n" + PLAIN, "not MIDI before its header", id="mail"
        ),
        pytest.param(
            midi(track(*scale()), n_tracks=0), "counts 0 tracks, and it has 1", id="count"
        ),
        pytest.param(
            midi(track(*scale(), length=5), track()), "1 track with a wrong length", id="too short"
        ),
        pytest.param(
            midi(track(*scale(), length=0), track()), "1 track with a wrong length", id="no length"
        ),
        pytest.param(
            midi(track(*scale(), length=2**32 - 1), track(), n_tracks=2),
            "1 track with a wrong length",
            id="endless",
        ),
        pytest.param(
            midi(track((0, (0xF4,)), (0, (0xFD,)), *scale())), "2 undefined status bytes", id="F4"
        ),
        pytest.param(midi(track((0, (0x40,)), *scale())), "1 stray byte left out", id="stray"),
        pytest.param(
            midi(track(*scale()), track((0, (0x90, 0x3C, 0xFF)), (0, off(60)), (0, off(60)))),
            "1 value above 127 taken as 127",
            id="velocity 255",
        ),
        pytest.param(
            midi(track(*scale()), chunk(b"MTrk", b"\xff" * 9), track()), "a part of it", id="number"
        ),
        pytest.param(
            b"MThd" + struct.pack(">IHHH", 99, 1, 1, 480) + track(*scale()),
            "its header has a wrong length",
            id="header",
        ),
    ],
)
def test_what_is_damaged_is_read_and_named(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.warns(CambiataWarning, match=rf"a\.mid: is damaged: .*{words}") as caught:
        assert _pitches(data, tmp_path) == SCALE_NOTES
    assert len(caught) == 1
    [fault] = faults_of([words])
    with pytest.raises(InputError, match=rf"a\.mid: is damaged \(.*{fault}.*\); export it again"):
        load(tmp_path / "a.mid", strict=True)


def test_a_refusal_does_not_say_what_would_be_done(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(midi(track(*scale()))[:-3])
    with pytest.raises(InputError, match=r"is damaged \(its end is missing\); export it again"):
        load(tmp_path / "a.mid", strict=True)


def test_of_too_many_events_the_first_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cambiata.score.midi_bytes._MOST_EVENTS", 6)
    with pytest.warns(CambiataWarning, match="more than 500,000 events, and the rest is left"):
        read = _pitches(midi(track(*scale(SCALE[:2])), track(*scale())), tmp_path)
    assert read == sorted([*SCALE_NOTES[:2], SCALE_NOTES[0]])


def test_cut_anywhere_what_came_before_is_read(tmp_path: Path) -> None:
    first = PLAIN.index(bytes(off(60))) + 3  # here one note is whole
    for length in range(first, len(PLAIN)):
        with pytest.warns(CambiataWarning, match="its end is missing"):
            read = _pitches(PLAIN[:length], tmp_path)
        assert read == SCALE_NOTES[: len(read)]
        assert len(read) >= (length - first) // 9 + 1  # bytes of a note, its two deltas included


@pytest.mark.parametrize("between", [(0xF0, 3, 0x7E, 0x7F, 0xF7), meta(1, b"words"), (0xF8,)])
@pytest.mark.filterwarnings("ignore::cambiata.CambiataWarning")
def test_running_status_goes_on(tmp_path: Path, between: bytes) -> None:
    data = midi(track((0, on(60)), (480, between), (0, (60, 0)), (0, (64, 90)), (480, (64, 0))))
    assert _pitches(data, tmp_path) == [(0, 60), (0.5, 64)]


def test_a_wrong_length_that_ends_in_events_is_seen(tmp_path: Path) -> None:
    # Two bytes on lie 3C 64 60 3C, "<d`<", which is no chunk's name.
    notes = [(0, on(60)), (96, (60, 0)), (0, (62, 100)), (96, (62, 0))]
    with pytest.warns(CambiataWarning, match="1 track with a wrong length"):
        assert _pitches(midi(track(*notes, length=2)), tmp_path) == [(0, 60), (0.1, 62)]


def test_events_are_midos() -> None:
    data = midi(track((0, meta(3, b"name")), *scale(), (7, (0xC3, 5)), (9, (0xE1, 1, 2))), kind=0)
    ours = [(e.tick, e.kind) for e in read_content(data).tracks[0].events]
    theirs, tick = [], 0
    for message in mido.MidiFile(file=io.BytesIO(data)).tracks[0][:-1]:
        tick += message.time
        theirs.append((tick, META + 3 if message.is_meta else message.bytes()[0]))
    assert ours == theirs


def test_patterns_of_format_2_follow_one_another(tmp_path: Path) -> None:
    data = midi(track(*scale(SCALE[:2])), track(*scale(SCALE[2:]), (480, meta(6, b""))), kind=2)
    assert _pitches(data, tmp_path) == SCALE_NOTES
    data = midi(track(*scale(SCALE[:2]), (480, meta(6, b""))), track(*scale(SCALE[2:])), kind=2)
    assert _pitches(data, tmp_path)[2] == (1.5, 64)


@pytest.mark.parametrize(
    ("division", "tick_s"),
    [
        (FRAMES, 1e-3),
        (0xE850, 1 / (24 * 80)),
        (0xE350, 1001 / (30000 * 80)),
        (0xE250, 1 / (30 * 80)),
    ],
)
def test_smpte_time_is_seconds(tmp_path: Path, division: int, tick_s: float) -> None:
    data = midi(track((0, meta(0x51, (1, 0, 0))), *scale(ticks=1000)), division=division)
    score = load(written(tmp_path / "a.mid", data))
    assert [n.start_s for n in score.notes] == pytest.approx([1000 * i * tick_s for i in range(8)])
    with pytest.raises(InputError, match="SMPTE frames, not in beats"):
        load(tmp_path / "a.mid", beats=True)


def test_a_number_of_four_bytes_is_a_delta(tmp_path: Path) -> None:
    data = midi(chunk(b"MTrk", number(2**21) + bytes(on(60)) + events((480, off(60))) + END))
    assert _pitches(data, tmp_path) == [(2**21 / 960, 60)]
