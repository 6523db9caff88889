"""Notes through files: against mido's own clock, pretty_midi, and bytes written by hand."""

import io
import random
import struct
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambiata.errors import InputError
from cambiata.score import midi
from cambiata.score.midi import Clock, Metre, Note, Part, Score

TICK_S = 0.5 / 960  # of the files that `save` writes


def _pretty_midi() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources
        return pytest.importorskip("pretty_midi", exc_type=ImportError)


def _saved(path: Path, *tracks: list[Any], ticks_per_beat: int = 480, kind: int = 1) -> Path:
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat, type=kind)
    file.tracks = [mido.MidiTrack(track) for track in tracks]
    file.save(path)
    return path


def _on(pitch: int, time: int = 0, velocity: int = 100, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=pitch, velocity=velocity, time=time, channel=channel)


def _off(pitch: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


def _pedal(value: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=64, value=value, time=time, channel=channel)


def _tempo(beat_us: int, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=beat_us, time=time)


def _times(score: Score) -> list[tuple[float, float, int]]:
    return [(round(n.start_s, 9), round(n.end_s, 9), n.pitch) for n in score.notes]


def _bytes(*tracks: bytes, kind: int = 0, division: int = 480) -> bytes:
    """A MIDI file of tracks given as bytes, their ends added."""
    ended = [track + b"\0\xff\x2f\0" for track in tracks]
    chunks = [b"MTrk" + struct.pack(">I", len(track)) + track for track in ended]
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), division) + b"".join(chunks)


# --- round trips ---------------------------------------------------------------------------------


@st.composite
def _parts(draw: st.DrawFn) -> Part:
    notes = []
    for pitch in draw(st.lists(st.integers(0, 127), min_size=1, max_size=6, unique=True)):
        at = 0  # notes of one pitch follow one another
        for gap, length in draw(
            st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 4000)), min_size=1, max_size=4)
        ):
            velocity = draw(st.integers(1, 127))
            notes.append(Note((at + gap) * TICK_S, (at + gap + length) * TICK_S, pitch, velocity))
            at += gap + length
    return Part(
        tuple(sorted(notes)),
        draw(st.integers(0, 127)),
        draw(st.booleans()),
        draw(st.text("aZ1éßÃ¼Жя笛ピ", max_size=9)),
    )


@given(st.lists(_parts(), min_size=1, max_size=20))
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, parts: list) -> None:
    path = tmp_path_factory.mktemp("round") / "a.mid"
    score = Score(tuple(parts))
    midi.save(score, path)
    loaded = midi.load(path)
    assert len(loaded.parts) == len(parts)  # more than the 16 channels, too
    for ours, theirs in zip(loaded.parts, parts, strict=True):
        assert (ours.program, ours.is_drum, ours.name) == (
            theirs.program,
            theirs.is_drum,
            theirs.name,
        )
        assert [(n.pitch, n.velocity) for n in ours.notes] == [
            (n.pitch, n.velocity) for n in theirs.notes
        ]
        for a, b in zip(ours.notes, theirs.notes, strict=True):
            assert a.start_s == pytest.approx(b.start_s, abs=1e-9)
            assert a.end_s == pytest.approx(b.end_s, abs=1e-9)


def test_times_are_kept_to_half_a_tick_and_short_notes_last_one(tmp_path: Path) -> None:
    notes = (Note(0.1234567, 0.7654321, 60), Note(1.0, 1.0 + 1e-5, 61))
    midi.save(Score((Part(notes),)), tmp_path / "a.mid")
    loaded = midi.load(tmp_path / "a.mid").notes
    for ours, theirs in zip(loaded, notes, strict=True):
        assert ours.start_s == pytest.approx(theirs.start_s, abs=TICK_S / 2)
    assert loaded[0].end_s == pytest.approx(notes[0].end_s, abs=TICK_S / 2)
    assert loaded[1].duration_s == pytest.approx(TICK_S)


def test_saved_twice_is_saved_alike(tmp_path: Path) -> None:
    score = Score((Part((Note(0.3, 0.9, 60), Note(0.3, 0.6, 64, 7)), 5, name="oboe"),))
    midi.save(score, tmp_path / "a.mid")
    midi.save(midi.load(tmp_path / "a.mid"), tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_a_note_ends_before_the_next_of_its_pitch_begins(tmp_path: Path) -> None:
    # In the other order, most synthesizers would let go of the new one.
    midi.save(Score((Part((Note(0, 0.5, 60), Note(0.5, 1, 60))),)), tmp_path / "a.mid")
    kinds = [m.type for m in mido.MidiFile(tmp_path / "a.mid").tracks[1] if not m.is_meta]
    assert kinds == ["program_change", "note_on", "note_off", "note_on", "note_off"]


def test_names_beyond_the_formats_alphabet_are_saved_in_utf_8(tmp_path: Path) -> None:
    names = ["Flöte", "Flöte 笛", "Контрабас", "Ã¼", "a\x1b[31mred\r\n"]
    parts = tuple(Part((Note(0, 1, 60),), name=name) for name in names)
    midi.save(Score(parts), tmp_path / "a.mid")
    loaded = [part.name for part in midi.load(tmp_path / "a.mid").parts]
    assert loaded == [*names[:-1], "a [31mred"]
    written = mido.MidiFile(tmp_path / "a.mid", charset="latin-1")
    assert written.tracks[1][0].name == "Flöte"  # as the format asks for, where it can


# --- time ----------------------------------------------------------------------------------------


def _changing_tempo(path: Path, seed: int) -> Path:
    rng = random.Random(seed)
    conductor = [
        _tempo(rng.randrange(200_000, 1_500_000), rng.randrange(0, 900)) for _ in range(12)
    ]
    tracks: list[list[Any]] = [conductor]
    for _ in range(3):
        track: list[Any] = []
        for _ in range(20):
            pitch = rng.randrange(30, 90)
            track += [_on(pitch, rng.randrange(0, 500), rng.randrange(1, 128))]
            track += [_off(pitch, rng.randrange(1, 900))]
        tracks.append(track)
    return _saved(path, *tracks, ticks_per_beat=rng.choice([96, 220, 480]))


@pytest.mark.parametrize("seed", range(5))
def test_tempo_changes_follow_midos_clock(tmp_path: Path, seed: int) -> None:
    path = _changing_tempo(tmp_path / "a.mid", seed)
    at_s, begun, ended = 0.0, [], []
    for message in mido.MidiFile(path):  # merges its tracks and counts seconds
        at_s += message.time
        if message.type == "note_on":
            begun.append((at_s, message.note, message.velocity))
        elif message.type == "note_off":
            ended.append((at_s, message.note))
    score = midi.load(path)
    ours = sorted((n.start_s, n.pitch, n.velocity) for n in score.notes)
    assert [x[1:] for x in ours] == [x[1:] for x in sorted(begun)]
    assert [x[0] for x in ours] == pytest.approx([x[0] for x in sorted(begun)])
    ends = sorted(n.end_s for n in score.notes)
    assert ends == pytest.approx(sorted(x[0] for x in ended))
    assert score.end_s == pytest.approx(mido.MidiFile(path).length)


@pytest.mark.parametrize("seed", range(3))
def test_notes_are_pretty_midis(tmp_path: Path, seed: int) -> None:
    pretty_midi = _pretty_midi()
    path = _changing_tempo(tmp_path / "a.mid", seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = pretty_midi.PrettyMIDI(str(path))
    expected = sorted(
        (note.start, note.end, note.pitch, note.velocity)
        for instrument in theirs.instruments
        for note in instrument.notes
    )
    ours = midi.load(path).notes
    assert len(ours) == len(expected) == 60
    for note, (start_s, end_s, pitch, velocity) in zip(ours, expected, strict=True):
        assert note.start_s == pytest.approx(start_s)
        assert note.end_s == pytest.approx(end_s)
        assert (note.pitch, note.velocity) == (pitch, velocity)


def test_of_two_tempos_at_once_the_later_counts(tmp_path: Path) -> None:
    track = [_tempo(1_000_000), _tempo(250_000), _on(60), _off(60, 480)]
    assert midi.load(_saved(tmp_path / "a.mid", track)).end_s == pytest.approx(0.25)


def test_a_tempo_of_nothing_is_passed_over(tmp_path: Path) -> None:
    track = [_on(60), _off(60, 480), _tempo(0), _on(62), _off(62, 480)]
    loaded = midi.load(_saved(tmp_path / "a.mid", track))
    assert _times(loaded) == [(0, 0.5, 60), (0.5, 1.0, 62)]


def test_without_a_tempo_beats_are_half_a_second(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.mid", [_on(60, 96), _off(60, 96)], ticks_per_beat=96)
    assert _times(midi.load(path)) == [(0.5, 1.0, 60)]


# --- notes ---------------------------------------------------------------------------------------


def test_the_pedal_holds_until_it_is_lifted(tmp_path: Path) -> None:
    track = [
        _pedal(127),
        _on(60),
        _off(60, 480),
        _on(64),
        _pedal(63, 480),  # below 64 it is up: 60 ends here, 64 is still struck
        _off(64, 480),
    ]
    assert _times(midi.load(_saved(tmp_path / "a.mid", track))) == [(0, 1, 60), (0.5, 1.5, 64)]


def test_the_pedal_lets_go_of_what_is_struck_again(tmp_path: Path) -> None:
    track = [_pedal(64), _on(60), _off(60, 240), _on(60, 240), _off(60, 240), _pedal(0, 240)]
    assert _times(midi.load(_saved(tmp_path / "a.mid", track))) == [(0, 0.5, 60), (0.5, 1, 60)]


def test_the_pedal_is_its_channels_own_and_may_never_be_lifted(tmp_path: Path) -> None:
    track = [
        _pedal(127, channel=1),
        _on(60, channel=0),
        _on(72, channel=1),
        _off(60, 480, channel=0),
        _off(72, channel=1),
        _pedal(0, 480, channel=0),
        mido.MetaMessage("end_of_track", time=480),
    ]
    assert _times(midi.load(_saved(tmp_path / "a.mid", track))) == [(0, 0.5, 60), (0, 1.5, 72)]


def test_overlapping_notes_of_one_pitch_end_in_the_order_they_began(tmp_path: Path) -> None:
    track = [_on(60, 0, 30), _on(60, 240, 90), _off(60, 240), _off(60, 480)]
    loaded = midi.load(_saved(tmp_path / "a.mid", track))
    assert _times(loaded) == [(0, 0.5, 60), (0.25, 1, 60)]
    assert [note.velocity for note in loaded.notes] == [30, 90]


def test_struck_without_velocity_is_let_go(tmp_path: Path) -> None:
    track = [_on(60), _on(60, 480, velocity=0), _on(60, 480), _on(60, 480, velocity=0)]
    assert _times(midi.load(_saved(tmp_path / "a.mid", track))) == [(0, 0.5, 60), (1, 1.5, 60)]


def test_running_status_by_hand(tmp_path: Path) -> None:
    # 0x90 is said once; then key, velocity pairs follow, each after its delta time.
    track = b"\0\x90\x3c\x40\0\x40\x41\x83\x60\x3c\0\0\x40\0"
    (tmp_path / "a.mid").write_bytes(_bytes(track))
    loaded = midi.load(tmp_path / "a.mid")
    assert _times(loaded) == [(0, 0.5, 60), (0, 0.5, 64)]
    assert [note.velocity for note in loaded.notes] == [0x40, 0x41]


def test_notes_without_end_last_as_long_as_their_track(tmp_path: Path) -> None:
    other = [_on(40), _off(40, 4800)]
    track = [_on(60), _on(62, 480), mido.MetaMessage("end_of_track", time=480)]
    path = _saved(tmp_path / "a.mid", track, other)
    assert _times(midi.load(path)) == [(0, 1, 60), (0, 5, 40), (0.5, 1, 62)]


def test_ends_without_notes_and_notes_without_length_are_passed_over(tmp_path: Path) -> None:
    track = [_off(60, 480), _on(61), _off(61), _on(62), _off(62, 480)]
    assert _times(midi.load(_saved(tmp_path / "a.mid", track))) == [(0.5, 1, 62)]


# --- parts ---------------------------------------------------------------------------------------


def test_one_track_of_many_channels_and_programs_makes_a_part_of_each(tmp_path: Path) -> None:
    def program(number: int, channel: int, time: int = 0) -> mido.Message:
        return mido.Message("program_change", program=number, channel=channel, time=time)

    track = [
        mido.MetaMessage("track_name", name="all"),
        program(40, 0),
        program(56, 3),
        _on(60, channel=0),
        _on(64, channel=3),
        _on(36, channel=9),
        program(41, 0, time=240),  # while 60 sounds, which stays what it began as
        _off(60, 240, channel=0),
        _on(67, channel=0),
        _off(64, channel=3),
        _off(36, channel=9),
        _off(67, 480, channel=0),
    ]
    loaded = midi.load(_saved(tmp_path / "a.mid", track, kind=0))
    found = [(p.program, p.is_drum, [n.pitch for n in p.notes]) for p in loaded.parts]
    assert found == [(40, False, [60]), (41, False, [67]), (56, False, [64]), (0, True, [36])]
    assert {part.name for part in loaded.parts} == {"all"}
    assert [note.pitch for note in loaded.notes] == [60, 64, 67]  # no drums among them
    assert _times(loaded)[0] == (0, 0.5, 60)
    assert loaded.end_s == 1


def test_one_channel_in_two_tracks_makes_two_parts(tmp_path: Path) -> None:
    path = _saved(tmp_path / "a.mid", [_on(60), _off(60, 480)], [_on(60, 240), _off(60, 480)])
    assert [part.notes[0].start_s for part in midi.load(path).parts] == [0, 0.25]


def test_a_window_cuts_what_sounds_in_it() -> None:
    part = Part((Note(0, 2, 60, 50), Note(1, 3, 62), Note(2.5, 4, 64), Note(5, 6, 65)), 7, name="x")
    cut = part.window(1.5, 3.5)
    assert cut.notes == (Note(0, 0.5, 60, 50), Note(0, 1.5, 62), Note(1, 2, 64))
    assert (cut.program, cut.name) == (7, "x")
    assert part.window(0, 6) == part
    assert part.window(4, 5).notes == ()  # what ends or begins at its edges is outside


@pytest.mark.parametrize(("start_s", "end_s"), [(1, 1), (2, 1)])
def test_windows_of_no_length_are_refused(start_s: float, end_s: float) -> None:
    for notes in ((Note(0, 3, 60),), ()):
        with pytest.raises(ValueError, match="window must end after it begins"):
            Part(notes).window(start_s, end_s)


def test_mean_voices_counts_only_while_something_sounds() -> None:
    assert Part((Note(0, 1, 60), Note(5, 6, 60))).mean_voices == 1
    assert Part((Note(0, 1, 60), Note(0, 1, 64), Note(0, 1, 67))).mean_voices == 3
    # 2 s of one, 1 s of two, a rest, 1 s of one: 5 / 4.
    assert Part((Note(0, 2, 60), Note(1, 3, 64), Note(7, 8, 60))).mean_voices == 1.25
    assert Part((Note(0, 1, 60), Note(1, 2, 60))).mean_voices == 1


def test_mean_pitch_weighs_notes_by_their_length() -> None:
    assert Part((Note(0, 3, 60), Note(0, 1, 72))).mean_pitch == 63
    assert Part((Note(4, 5, 60), Note(5, 6, 61))).mean_pitch == 60.5


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ((1.0, 1.0, 60, 9), "end after it begins"),
        ((-0.1, 1.0, 60, 9), "end after it begins"),
        ((float("nan"), 1.0, 60, 9), "end after it begins"),
        ((0.0, 1.0, 128, 9), "pitch must be"),
        ((0.0, 1.0, 60, 0), "velocity 1"),
    ],
)
def test_notes_out_of_range_are_refused(wrong: tuple[Any, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Note(*wrong)


# --- bad input -----------------------------------------------------------------------------------

VALID = _bytes(b"\0\xff\x51\3\7\xa1\x20\0\x90\x3c\x40\x83\x60\x3c\0\0\xff\x59\2\1\0")
LONG = b"\0\x90\x3c\x40\xff\xff\xff\x7f\x3c\0"  # a note of 2**28 - 1 ticks


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "is not readable as MIDI"),
        (bytes(range(256)) * 8, "is not readable as MIDI"),
        (b"MThd\0\0\0\2\0\0", "is not readable as MIDI"),
        (VALID[:20], "has no notes that can be read"),
        (_bytes(b"\0\x90\x3c\x40\0\x3c\0", division=480), "has no notes"),
        (_bytes(), "has no notes"),
        (_bytes(b"\0\x90\x3c\x40\x60\x3c\0", division=0), "its division is 0 ticks in a quarter"),
        (_bytes(b"\0\x90\x3c\x40\x60\x3c\0", division=0xE700), "0xe700, is not an SMPTE time"),
        (_bytes(b"\0\x90\x3c\x40\x60\x3c\0", division=0xF028), "0xf028, is not an SMPTE time"),
        (_bytes(LONG), "lasts 78 hours"),
        (_bytes(b"\0\xff\x51\3\0\0\1" + LONG, division=1), r"\(268,435,455 quarter notes\)"),
        (_bytes(b"\0\x90\x3c\x40\x82\x80\x80\0\x3c\0"), "has a note of 1.2 hours"),
        (_bytes(b"\x82\x80\x80\0\x90\x3c\x40\x60\x3c\0"), "is silent for 1.2 hours"),
    ],
)
def test_what_is_no_score_is_refused(tmp_path: Path, data: bytes, match: str) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(InputError, match=match) as refusal:
        midi.load(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_what_is_too_large_for_a_score_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "big.mid").open("wb") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(InputError, match=r"big\.mid: has more than 64 MiB, too much for a score"):
        midi.load(tmp_path / "big.mid")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("nowhere.mid", "no such file"),
        ("", "is a folder"),
        ("valid.mid/inside.mid", "no such file"),
        ("x" * 400, "cannot be read"),
        ("nul\0.mid", "no such file"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, match: str) -> None:
    (tmp_path / "valid.mid").write_bytes(VALID)
    with pytest.raises(InputError, match=match):
        midi.load(tmp_path / name)


@pytest.mark.filterwarnings("ignore::cambiata.CambiataWarning")
def test_corrupted_files_load_or_are_refused(tmp_path: Path) -> None:
    path = _changing_tempo(tmp_path / "a.mid", 0)
    whole = path.read_bytes() + VALID[14:]
    loaded = 0
    for seed in range(200):
        rng = random.Random(seed)
        data = bytearray(whole)
        for _ in range(rng.choice([1, 2, 8, 40])):
            at = rng.randrange(len(data))
            change = rng.randrange(4)
            if change == 0:
                data[at] = rng.randrange(256)
            elif change == 1:
                data[at] ^= 1 << rng.randrange(8)
            elif change == 2:
                del data[at : at + rng.randrange(1, 9)]
            else:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
        path.write_bytes(data)
        try:
            score = midi.load(path)
        except InputError:
            continue
        loaded += 1
        assert score.end_s > 0
        assert all(note.end_s > note.start_s for part in score.parts for note in part.notes)
    assert 120 < loaded < 200  # most are played


# --- save ----------------------------------------------------------------------------------------

SCORE = Score((Part((Note(0, 1, 60),)),))


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(b"dear to me")
    with pytest.raises(InputError, match="exists; choose another name, or replace it"):
        midi.save(SCORE, path)
    assert path.read_bytes() == b"dear to me"
    midi.save(SCORE, path, force=True)
    assert midi.load(path).notes == SCORE.notes
    assert [found.name for found in tmp_path.iterdir()] == ["a.mid"]


@pytest.mark.parametrize("name", ["a.wav", "a.musicxml", "a"])
def test_only_a_midi_file_s_name_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"is not the name of a MIDI file; name it NAME\.mid"):
        midi.save(SCORE, tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_is_not_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "a.mid").mkdir()
    with pytest.raises(InputError, match=r"a\.mid: is a folder"):
        midi.save(SCORE, tmp_path / "a.mid", force=force)
    assert [found.name for found in tmp_path.iterdir()] == ["a.mid"]


def test_nothing_is_left_of_a_save_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(b"dear to me")

    def full(_self: mido.MidiFile, file: Any) -> None:
        file.write(b"MThd")
        raise OSError("no space left on device")

    monkeypatch.setattr(mido.MidiFile, "save", full)
    with pytest.raises(OSError, match="no space left"):
        midi.save(SCORE, path, force=True)
    assert path.read_bytes() == b"dear to me"
    assert [found.name for found in tmp_path.iterdir()] == ["a.mid"]


# --- keys, pedal, other libraries -----------------------------------------------------------------


def test_keys_and_pedal_apart_come_together_again(tmp_path: Path) -> None:
    track = [_on(60), _pedal(127, 240), _off(60, 240), _on(60, 480), _off(60, 240), _pedal(0, 480)]
    path = _saved(tmp_path / "a.mid", track)
    keys, held = midi.load(path, keys=True), midi.load(path)
    assert _times(keys) == [(0.0, 0.5, 60), (1.0, 1.25, 60)]
    assert keys.parts[0].pedal == ((0.25, 1.75),)
    assert _times(held) == [(0.0, 1.0, 60), (1.0, 1.75, 60)]
    assert keys.parts[0].with_pedal() == held.parts[0]
    midi.save(keys, tmp_path / "b.mid")
    again = midi.load(tmp_path / "b.mid", keys=True)
    assert _times(again) == _times(keys)
    assert again.parts[0].pedal == keys.parts[0].pedal


def test_a_pedal_that_is_never_lifted_ends_with_its_track(tmp_path: Path) -> None:
    track = [_pedal(100), _on(60), _off(60, 480), _on(64, 480), _off(64, 480)]
    score = midi.load(_saved(tmp_path / "a.mid", track))
    assert _times(score) == [(0.0, 1.5, 60), (1.0, 1.5, 64)]


def test_a_window_has_its_part_of_the_pedal() -> None:
    part = Part((Note(0, 4, 60),), pedal=((0.5, 1.5), (3.0, 3.5)))
    assert part.window(1.0, 3.25).pedal == ((0.0, 0.5), (2.0, 2.25))


def test_other_libraries_scores() -> None:
    ours = Score((Part((Note(0.0, 0.5, 60, 90), Note(0.5, 1.0, 64, 50)), 40, False, "violin"),))
    assert Score.of(ours.to_mido()).parts == ours.parts
    pretty = _pretty_midi().PrettyMIDI(initial_tempo=120)
    instrument = sys.modules["pretty_midi"].Instrument(program=40, name="violin")
    for note in ours.notes:
        instrument.notes.append(
            sys.modules["pretty_midi"].Note(note.velocity, note.pitch, note.start_s, note.end_s)
        )
    pretty.instruments.append(instrument)
    assert _times(Score.of(pretty)) == _times(ours)
    back = sys.modules["pretty_midi"].PrettyMIDI(io.BytesIO(ours.to_bytes()))
    assert [n.pitch for n in back.instruments[0].notes] == [60, 64]
    with pytest.raises(TypeError, match="not a score of a known library"):
        Score.of(3)


def test_merged_parts() -> None:
    drums = Part((Note(0, 1, 36),), is_drum=True)
    first = Part((Note(0, 1, 60),), name="right", pedal=((0.5, 2.0),))
    second = Part((Note(0.5, 1, 48),), name="left")
    score = Score((drums, first, second), "x.mid")
    both = score.merged()
    # Pedals of their own: the right hand's note lasts as long as it sounds.
    assert [(n.pitch, n.end_s) for n in both.notes] == [(60, 2.0), (48, 1)]
    assert both.pedal == ()
    assert score.merged(2).pedal == ((0.5, 2.0),)
    assert score.merged(2, tempo=2.0).pedal == ((0.25, 1.0),)
    assert score.merged(2, pedal=False).pedal == ()
    assert score.merged(3, tempo=0.5).notes == (Note(1.0, 2.0, 48),)
    for track, match in (
        (1, "only drums"),
        (4, r"has no track 4; use 1 \(no name, program 0\) or 2 \(right"),
    ):
        with pytest.raises(InputError, match=match):
            score.merged(track)
    with pytest.raises(InputError, match=r"x\.mid: has only drums"):
        Score((drums,), "x.mid").merged()
    with pytest.raises(InputError, match="no notes there"):
        Score((Part(()),), "x.mid").merged()
    with pytest.raises(InputError, match="tempo 0: is out of range"):
        score.merged(tempo=0.0)


@pytest.mark.parametrize(
    ("clock", "metres"),
    [
        (Clock(((0.0, 2.0),), ((0.0, Metre(3, 4)),)), [(0, 3, 4)]),
        (Clock(metres=((0.0, Metre(300, 4)),)), []),
        (Clock(metres=((0.0, Metre(1, 12)), (1 / 3, Metre(3, 4)))), [(320, 3, 4)]),
    ],
)
def test_what_midi_cannot_say_of_a_clock_is_left_out(
    clock: Clock, metres: list[tuple[int, int, int]]
) -> None:
    track = Score((Part((Note(0, 1, 60),)),), clock=clock).to_mido().tracks[0]
    slowest = next(message.tempo for message in track if message.type == "set_tempo")
    assert slowest == (2**24 - 1 if clock.tempos[0][1] == 2.0 else 500_000)
    at, found = 0, []
    for message in track:
        at += message.time
        if message.type == "time_signature":
            found.append((at, message.numerator, message.denominator))
    assert found == metres


def test_a_score_of_another_library_without_a_unit_of_time_is_refused() -> None:
    class Written:
        def write(self, file: io.BytesIO) -> None:
            file.write(_bytes(b"\0\x90\x3c\x40\x10\x80\x3c\0", division=0))

    with pytest.raises(InputError, match="its division is 0 ticks"):
        Score.of(Written())
