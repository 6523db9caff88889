"""From MIDI files to a MIDI file: the ends to the tick, other parts kept, bad input in one line."""

from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from musicxml import score as musicxml_score
from tiny_grooves import (
    HAT,
    KICK,
    jig,
    played,
    read,
    rock,
    score_of,
    shuffled,
    ticks,
)

from cambiata import InputError
from cambiata.groove.api import groove_file, load_drummer, morph_groove
from cambiata.groove.grid import Strike, drum_strikes, replace_drums
from cambiata.score.midi import Clock, Metre, Note, Part, Score, load, save

FOUR = Metre(4, 4)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder with a.mid, b.mid, jig.mid, and a drummer in ``ann``."""
    save(score_of(rock(4), FOUR, 90), tmp_path / "a.mid")
    save(score_of(rock(3, 60, late=1 / 48)[:-5], FOUR, 120), tmp_path / "b.mid")
    save(score_of(jig(), Metre(6, 8)), tmp_path / "jig.mid")
    (tmp_path / "ann" / "session").mkdir(parents=True)
    save(score_of(rock(2, 50), FOUR), tmp_path / "ann" / "1.mid")
    save(score_of(shuffled(), FOUR), tmp_path / "ann" / "session" / "2.mid")
    return tmp_path


@pytest.mark.parametrize("system", ["exact", "vae"])
def test_ends_are_exact_to_the_tick(places: Path, system: str) -> None:
    a, b, output = (places / name for name in ("a.mid", "b.mid", "c.mid"))
    made = groove_file(a, b, output, amount=0.0, system=system)
    assert read(output) == read(a)
    assert (made.n_bars, made.grid, made.n_notes) == (4, "sixteenths", len(read(a)))
    groove_file(a, b, output, amount=1.0, system=system, force=True)
    # B's three bars, and the first again.
    bar = 4 * 480
    again = [(at + 3 * bar, end + 3 * bar, *rest) for at, end, *rest in read(b) if at < bar]
    assert read(output) == sorted(read(b) + again)


@settings(max_examples=12)
@given(a=played(), b=played())
def test_files_at_the_ends(a: Score, b: Score, tmp_path_factory: pytest.TempPathFactory) -> None:
    _check_files_at_the_ends("exact", a, b, tmp_path_factory.mktemp("ends"))


@settings(max_examples=4)  # its ends are exact by the same corrections in `test_vae`, many times
@given(a=played(), b=played())
def test_files_at_the_ends_by_vae(
    a: Score, b: Score, tmp_path_factory: pytest.TempPathFactory
) -> None:
    _check_files_at_the_ends("vae", a, b, tmp_path_factory.mktemp("ends"))


def _check_files_at_the_ends(system: str, a: Score, b: Score, place: Path) -> None:
    for amount, score in ((0.0, a), (1.0, b)):
        made = morph_groove(a, b, amount=amount, system=system)
        save(made, place / f"{amount}.mid")
        n_bars = 1 + max(s.onset + 0.125 for s in drum_strikes(a)) // 4
        length = min(n_bars, 1 + max(s.onset + 0.125 for s in drum_strikes(score)) // 4) * 4 - 0.125
        inside = [s for s in drum_strikes(score) if s.onset < length]
        heard = [s for s in drum_strikes(made) if s.onset < length]
        assert ticks(heard) == ticks(inside)
        assert read(place / f"{amount}.mid") == ticks(drum_strikes(made))


def test_tempo_metre_and_other_parts_are_as(places: Path) -> None:
    clock = Clock(((0.0, 80.0), (4.0, 160.0)), ((0.0, FOUR),), "Bb")
    bass = Part((Note(0.0, 1.0, 40),), 33, name="bass")
    empty = Score((bass, Part((Note(0.0, 1.0, 1),), is_drum=True, name="kit")), clock=clock)
    save(replace_drums(empty, rock(2)), places / "song.mid")
    groove_file(places / "song.mid", places / "b.mid", places / "c.mid", amount=0.4)
    made = load(places / "c.mid")
    assert made.clock.tempos == clock.tempos
    assert (made.clock.metres, made.clock.key) == (clock.metres, "Bb")
    assert [(p.name, p.program, p.is_drum) for p in made.parts] == [
        ("bass", 33, False),
        ("kit", 0, True),
    ]
    assert made.parts[0].notes == bass.notes


def test_half_way_where_nothing_is_said() -> None:
    a, b = score_of(rock(2, 60), FOUR), score_of(rock(2, 100), FOUR)
    assert morph_groove(a, b) == morph_groove(a, b, amount=0.5)
    assert {n.velocity for n in morph_groove(a, b).parts[0].notes} == {60, 80, 90}


def test_scores_are_not_changed_and_answers_equal() -> None:
    a, b = score_of(rock(2), FOUR), score_of(shuffled(), FOUR)
    before = drum_strikes(a), drum_strikes(b)
    for system in ("exact", "vae"):
        first, second = (morph_groove(a, b, amount=0.3, system=system) for _ in range(2))
        assert first.to_bytes() == second.to_bytes()
    assert (drum_strikes(a), drum_strikes(b)) == before


def test_compound_and_plain_metres_meet() -> None:
    compound = score_of([Strike(i / 2, 0.1, HAT, 80) for i in range(24)], Metre(12, 8))
    triplets = score_of([Strike(i / 3, 0.1, HAT, 60) for i in range(24)], FOUR)
    there = morph_groove(compound, triplets, amount=1.0)
    assert [s.onset for s in drum_strikes(there)] == pytest.approx([i / 2 for i in range(24)])
    assert {s.velocity for s in drum_strikes(there)} == {60}


def test_a_folder_is_a_drummer(places: Path) -> None:
    made = groove_file(places / "a.mid", places / "ann", places / "c.mid", amount=1.0)
    assert made.n_grooves == 2
    # The nearest is the rock; its hits, as often as A lasts.
    assert [(at, pitch) for at, _, pitch, _ in read(places / "c.mid")] == [
        (at, pitch) for at, _, pitch, _ in read(places / "a.mid")
    ]
    groove_file(places / "a.mid", places / "ann", places / "c.mid", amount=0.0, force=True)
    assert read(places / "c.mid") == read(places / "a.mid")
    groove_file(
        places / "a.mid", places / "ann", places / "c.mid", amount=1, system="vae", force=True
    )
    assert {velocity for *_, velocity in read(places / "c.mid")} == {30, 50, 60}


def test_scores_without_metre_may_be_told_one() -> None:
    a, b = score_of(rock(2)), score_of(rock(2, 50))
    with pytest.raises(InputError, match="has no time signature; write its time signature"):
        morph_groove(a, b)
    assert drum_strikes(morph_groove(a, b, amount=1.0, metre="4/4"))[0].velocity == 60
    with pytest.raises(InputError, match="metre waltz: is not known; write it as 4/4"):
        morph_groove(a, b, metre="waltz")
    with pytest.raises(InputError, match="metre ²/4: is not known; write it as 4/4"):
        morph_groove(a, b, metre="²/4")  # a digit that is no number of its own


@pytest.mark.parametrize(
    ("b", "output", "match"),
    [
        ("b.mid", "c.musicxml", "c.musicxml: is not the name of a MIDI file; name it NAME.mid"),
        ("b.mid", "a.mid", "a.mid: exists; choose another name, or replace it"),
        ("b.mid", "no/c.mid", "its folder does not exist; make it first"),
        ("none.mid", "c.mid", "none.mid: no such file; check the path"),
        ("empty", "c.mid", "empty: has no MIDI files with drums; choose a drummer's folder"),
        ("silent.mid", "c.mid", "silent.mid: has no notes; choose a score that plays something"),
        ("piano.mid", "c.mid", "piano.mid: has no drums; choose a file that has notes on MIDI's"),
        (
            "free.mid",
            "c.mid",
            "free.mid: has no time signature; write its time signature into",
        ),
        ("jig.mid", "c.mid", "jig.mid: is in 6/8 where .*a.mid is in 4/4; choose grooves of one"),
        ("text.mid", "c.mid", "text.mid: is not readable as MIDI; export it again"),
    ],
)
def test_bad_input_in_one_line(places: Path, b: str, output: str, match: str) -> None:
    (places / "empty").mkdir()
    mido.MidiFile().save(places / "silent.mid")
    save(Score((Part((Note(0.0, 1.0, 60),)),)), places / "piano.mid")
    save(score_of(rock()), places / "free.mid")
    (places / "text.mid").write_text("drums")
    before = sorted(places.iterdir())
    with pytest.raises(InputError, match=match) as caught:
        groove_file(places / "a.mid", places / b, places / output)
    assert "\n" not in str(caught.value)
    assert sorted(places.iterdir()) == before


@pytest.mark.parametrize(
    ("given_", "match"),
    [
        ({"amount": 1.5}, "amount 1.5: is out of range; use 0 to 1"),
        ({"velocity": -1}, "velocity -1: is out of range"),
        ({"system": "magic"}, "system magic: is not known; use exact or vae"),
        ({"system": "vae", "weights": "vqvae"}, "vqvae: is not of groove"),
    ],
)
def test_bad_options(places: Path, given_: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        groove_file(places / "a.mid", places / "b.mid", places / "c.mid", **given_)  # type: ignore[arg-type]


def test_a_drummers_damaged_file_is_named(places: Path) -> None:
    (places / "ann" / "x.mid").write_text("drums")
    with pytest.raises(InputError, match=r"x.mid: is not readable as MIDI"):
        load_drummer(places / "ann")
    (places / "ann" / "x.mid").unlink()
    save(Score((Part((Note(0.0, 1.0, 60),)),)), places / "ann" / "piano.mid")
    assert len(load_drummer(places / "ann")) == 2


def test_two_sounding_notes_end_in_their_order() -> None:
    a = score_of([Strike(0, 3.0, KICK, 90), Strike(1, 0.5, KICK, 80)], FOUR)
    assert ticks(drum_strikes(a)) == [(0, 720, KICK, 90), (480, 720, KICK, 80)]


def test_drum_parts_of_scores_are_grooves(places: Path) -> None:
    beat = "".join(
        f'<note><unpitched/><duration>1</duration><instrument id="P1-{key}"/></note>'
        for key in (36, 42, 38, 42) * 2
    )
    listed = "".join(
        f'<midi-instrument id="P1-{key}"><midi-channel>10</midi-channel>'
        f"<midi-unpitched>{key + 1}</midi-unpitched></midi-instrument>"
        for key in (36, 38, 42)
    )
    text = musicxml_score(*[beat] * 4, part=f"<part-name>Kit</part-name>{listed}")
    (places / "a.musicxml").write_text(text)
    (places / "a.abc").write_text(
        "X:1\nM:4/4\nL:1/8\nK:C\n%%MIDI channel 10\n" + "C,, ^F,, D,, ^F,, " * 2 + "|\n"
    )
    (places / "book.abc").write_text((places / "a.abc").read_text() * 2)
    with pytest.raises(InputError, match="holds 2 tunes; keep the one that is meant in a file"):
        groove_file(places / "book.abc", places / "b.mid", places / "out.mid")
    for name, n_bars in (("a.musicxml", 4), ("a.abc", 1)):
        done = groove_file(
            places / name, places / "b.mid", places / "out.mid", amount=0, force=True
        )
        assert done.n_bars == n_bars
        struck = [note.pitch for note in load(places / "out.mid").parts[-1].notes]
        assert struck == [36, 42, 38, 42] * 2 * n_bars
