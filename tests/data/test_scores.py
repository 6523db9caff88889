"""Scores of MIDI folders and of music21's corpus, and what is made of their parts."""

import gzip
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cambiata.caches import write_cached
from cambiata.data import scores
from cambiata.data.scores import (
    COLLECTIONS,
    Collection,
    Work,
    add_reductions,
    load_corpus,
    load_midi_works,
    merge_parts,
    notes_digest,
)
from cambiata.errors import CambiataWarning, InputError
from cambiata.score import midi
from cambiata.score.midi import Note, Part, Score

NOTES = st.lists(
    st.builds(
        lambda start, length, pitch, velocity: Note(
            start / 8, (start + length) / 8, pitch, velocity
        ),
        st.integers(0, 40),
        st.integers(1, 24),
        st.integers(60, 63),
        st.integers(1, 127),
    ),
    max_size=12,
)


def _part(*notes: Note, name: str = "", is_drum: bool = False) -> Part:
    return Part(tuple(sorted(notes)), name=name, is_drum=is_drum)


# --- parts ---------------------------------------------------------------------------------------


@given(NOTES, NOTES)
def test_merged_is_what_one_keyboard_plays(first: list[Note], second: list[Note]) -> None:
    given_notes = first + second
    part = merge_parts([_part(*first), _part(*second)])
    assert list(part.notes) == sorted(part.notes)
    # Every key that is struck is struck, and at one time once.
    struck = {(note.start_s, note.pitch) for note in given_notes}
    assert sorted((n.start_s, n.pitch) for n in part.notes) == sorted(struck)
    for pitch in range(60, 64):
        same = [note for note in part.notes if note.pitch == pitch]
        assert all(before.end_s <= after.start_s for before, after in pairwise(same))
        # None lasts longer than it was given.
        for note in same:
            ends = [n.end_s for n in given_notes if (n.start_s, n.pitch) == (note.start_s, pitch)]
            assert note.end_s <= max(ends)
    assert merge_parts([part]).notes == part.notes


def test_merged_cuts_no_more_than_it_must() -> None:
    part = merge_parts(
        [_part(Note(0, 2, 60), Note(3, 4, 60)), _part(Note(1, 3, 60), Note(0, 9, 64))]
    )
    assert part.notes == (Note(0, 1, 60), Note(0, 9, 64), Note(1, 3, 60), Note(3, 4, 60))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", []),
        ("S", ["S"]),
        ("SB", ["S", "B", "S+B"]),
        ("SAB", ["S", "A", "B", "S+A", "A+B", "S+A+B"]),
        ("SATB", ["S", "A", "T", "B", "S+A", "T+B", "S+A+T+B"]),
        ("abcdef", list("abcdef")),
    ],
)
def test_reductions(names: str, expected: list[str]) -> None:
    parts = [_part(Note(0, 1, 60 + i), name=name) for i, name in enumerate(names)]
    assert [part.name for part in add_reductions(parts)] == expected
    assert add_reductions(parts)[: len(parts)] == tuple(parts)


# --- works ---------------------------------------------------------------------------------------


def test_digest_is_of_the_notes_to_the_millisecond() -> None:
    notes = (Note(0, 1, 60), Note(1, 2, 62))
    same = (Note(0.0001, 1.0002, 60), Note(1, 2, 62))
    assert notes_digest(notes) == notes_digest(same)
    for other in (Note(1.002, 2, 62), Note(1, 2.001, 62), Note(1, 2, 63), Note(1, 2, 62, 99)):
        assert notes_digest((notes[0], other)) != notes_digest(notes)
    assert Work("a", "midi", (Part(notes),)).digest == notes_digest(notes)


def test_splits_keep_an_opus_together() -> None:
    works = [Work(f"folk/song{n}.mid", "midi", ()) for n in range(400)]
    share = sum(work.split == "test" for work in works) / len(works)
    assert 0.18 < share < 0.32
    for number in range(40):
        movements = [Work(f"x/opus{number}/movement{m}.mxl", "chorales", ()) for m in range(4)]
        assert len({work.split for work in movements}) == 1
        assert movements[0].opus == f"x/opus{number}"
    held = [collection for collection in COLLECTIONS if collection.use == "test"]
    assert held
    for collection in held:
        splits = {Work(f"x{n}.mxl", collection.name, ()).split for n in range(40)}
        assert splits == {"test"}


# --- folders of MIDI files -----------------------------------------------------------------------


def test_midi_folder(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    melody = _part(Note(0, 1, 60), name="flute")
    drums = _part(Note(0, 1, 36), name="drums", is_drum=True)
    midi.save(Score((melody, drums)), tmp_path / "deep" / "er" / "b.MID")
    midi.save(Score((melody,)), tmp_path / "a.midi")
    midi.save(Score((drums,)), tmp_path / "beat.mid")
    midi.save(Score(()), tmp_path / "empty.mid")
    (tmp_path / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\0")
    (tmp_path / "notes.txt").write_text("no score")
    with pytest.warns(CambiataWarning, match="3 of 5 scores not used") as caught:
        works = load_midi_works(tmp_path)
    message = str(caught[0].message)
    assert caught[0].filename == __file__
    for words in ("beat.mid: plays drums only", "empty.mid: has no notes", "broken.mid: is not"):
        assert words in message
    assert [work.name for work in works] == ["a.midi", "deep/er/b.MID"]
    assert all(work.collection == "midi" for work in works)
    assert [len(work.parts) for work in works] == [1, 1]
    assert works[0].parts[0].notes == melody.notes


def test_single_midi_file(tmp_path: Path) -> None:
    midi.save(Score((_part(Note(0, 1, 60)),)), tmp_path / "a.mid")
    assert [work.name for work in load_midi_works(tmp_path / "a.mid")] == ["a.mid"]
    (tmp_path / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken\.mid: is not readable as MIDI"):
        load_midi_works(tmp_path / "broken.mid")


def test_folder_without_a_readable_score_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no readable MIDI file with notes"):
        load_midi_works(tmp_path)
    (tmp_path / "broken.mid").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no readable MIDI file with notes"):
        load_midi_works(tmp_path)


# --- music21's corpus ----------------------------------------------------------------------------


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection of one chorale, one that holds nothing, and an empty cache."""
    pytest.importorskip("music21")
    collections = (
        Collection("few", ("bach/bwv269.mxl",), "train", "public domain"),
        Collection("none", ("bach/nothing*.mxl",), "train", "public domain"),
    )
    monkeypatch.setattr(scores, "COLLECTIONS", collections)
    monkeypatch.setattr(scores, "SCORE_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def test_chorale_of_the_corpus(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (work,) = load_corpus(["few"], n_workers=1)
    assert work.name == "bach/bwv269.mxl"
    assert [part.name for part in work.parts[:4]] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert len(work.parts) == 7
    soprano, bass = work.parts[0], work.parts[3]
    # "Aus meines Herzens Grunde" begins on G4, D4, B3 and G2, and its first bar is an upbeat.
    assert [part.notes[0].pitch for part in work.parts[:4]] == [67, 62, 59, 43]
    assert soprano.mean_pitch > bass.mean_pitch
    ((quarter_s, _),) = Counter(round(n.duration_s, 2) for n in soprano.notes).most_common(1)
    assert quarter_s / 0.95 + 0.01 > 60 / 132
    assert quarter_s / 0.95 - 0.01 < 60 / 72
    assert len({note.velocity for note in soprano.notes}) > 3
    # The second time out of the cache.
    assert list(corpus.rglob("*bwv269*"))
    monkeypatch.setattr(scores, "_parse_all", None)
    assert load_corpus(["few"])[0].digest == work.digest
    assert load_corpus(["few"], names=["bach/bwv269.mxl"])[0].digest == work.digest
    assert load_corpus(["few"], names=["bach/bwv1.6.mxl"]) == []


def test_scores_that_are_stored_wrongly_are_read_again(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = gzip.compress(b'[["Soprano", [[0.0, 1.0, 60, 64]]]]')
    parsed = []

    def parse(tasks: list[tuple[Path, Path]], *_rest: object) -> list[bytes]:
        parsed.extend(tasks)
        for _, place in tasks:
            write_cached(place, data)
        return [data for _ in tasks]

    monkeypatch.setattr(scores, "_parse_all", parse)
    works = load_corpus(["few"])
    [place] = [path for path in corpus.rglob("*") if path.is_file()]
    whole = place.read_bytes()
    for damaged in (b"", data, whole[:-1], whole[:-1] + b"?"):
        place.write_bytes(damaged)
        assert load_corpus(["few"])[0].digest == works[0].digest
        assert place.read_bytes() == whole
    assert len(parsed) == 5


def test_collections_that_hold_nothing_are_refused(corpus: Path) -> None:
    with pytest.raises(InputError, match="none: music21 reads nothing of it"):
        load_corpus(["none"], n_workers=1)
    assert not corpus.exists()


def test_unreadable_scores_of_the_corpus_are_counted(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    music21 = pytest.importorskip("music21")
    # A corpus of our own, of one score that music21 reads and one that it does not.
    own = tmp_path / "music21"
    (own / "corpus" / "bach").mkdir(parents=True)
    real = Path(music21.__file__).parent / "corpus" / "bach" / "bwv269.mxl"
    (own / "corpus" / "bach" / "bwv1.mxl").write_bytes(b"nothing")
    (own / "corpus" / "bach" / "bwv2.mxl").write_bytes(real.read_bytes())
    monkeypatch.setattr(music21, "__file__", str(own / "__init__.py"))
    both = Collection("both", ("bach/bwv*.mxl",), "train", "public domain")
    monkeypatch.setattr(scores, "COLLECTIONS", (both,))
    with pytest.warns(CambiataWarning, match=r"1 of 2 scores not used: bach/bwv1\.mxl") as caught:
        works = load_corpus(["both"], n_workers=1)
    assert [work.name for work in works] == ["bach/bwv2.mxl"]
    assert caught[0].filename == __file__
    assert corpus.exists()
