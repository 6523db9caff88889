"""The artificial set: the paper's rules restated, draws from a tiny font, the manifest."""

import json
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import Program, Zone, fluidsynth, plucked, write_font

from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio
from cambiata.data import scores
from cambiata.data.scores import COLLECTIONS, Work, notes_digest
from cambiata.data.soundfont import MELODIC_PROGRAMS, SoundFont, find_font
from cambiata.errors import InputError
from cambiata.evaluate.testset import (
    CLIP_S,
    LOUDNESS_LUFS,
    N_PAIRS,
    ArtificialSet,
    assign_median_bins,
    cut_notes,
    find_windows,
    load_artificial_set,
    normalize_loudness,
    open_renderer,
    parse_set,
    render_clip,
    sample_set,
    spread_evenly,
)
from cambiata.score.midi import Note, Part

# --- windows and bins -----------------------------------------------------------------------------

_notes = st.lists(
    st.tuples(
        # Never at a whole second: there the paper's histogram counts an onset to two windows.
        st.integers(0, 20),
        st.sampled_from([0.1, 0.35, 0.6, 0.85]),
        st.floats(0.05, 3),
        st.integers(40, 80),
    ),
    min_size=1,
    max_size=40,
)


def _part(rows: list[tuple[int, float, float, int]]) -> Part:
    return Part(tuple(sorted(Note(s + f, s + f + d, pitch) for s, f, d, pitch in rows)))


def _papers_windows(part: Part) -> list[int]:
    """As the paper's notebook has it, line by line."""
    boundaries = np.arange(0.0, part.end_s, 1.0)
    onset_counts, _ = np.histogram([n.start_s for n in part.notes], bins=boundaries)
    cumsum = np.cumsum(onset_counts > 0)
    [candidates] = np.nonzero(
        (onset_counts[:-7] > 0) & (cumsum[7:] - np.pad(cumsum[:-8], (1, 0)) >= 4)
    )
    return candidates.tolist()


@given(_notes)
def test_windows_are_the_paper_s(rows: list[tuple[int, float, float, int]]) -> None:
    part = _part(rows)
    if part.end_s != int(part.end_s):
        assert find_windows(part) == _papers_windows(part)


@given(_notes)
def test_windows_begin_with_an_onset_and_have_them_in_half_their_seconds(
    rows: list[tuple[int, float, float, int]],
) -> None:
    part = _part(rows)
    expected = []
    for at in range(30):
        seconds = [[n for n in part.notes if at + k <= n.start_s < at + k + 1] for k in range(8)]
        active = sum(bool(second) for second in seconds)
        if seconds[0] and active >= 4 and at + 8 <= part.end_s:
            expected.append(at)
    assert find_windows(part) == expected
    for at in expected:
        notes = cut_notes(part, at)
        assert notes
        assert all(0 <= n.start_s < n.end_s <= CLIP_S for n in notes)


def test_a_part_without_notes_has_no_window() -> None:
    assert find_windows(Part(())) == []


def test_a_window_has_the_notes_that_begin_in_it_cut_at_its_end() -> None:
    part = Part((Note(0, 3, 50, 9), Note(2, 4, 60, 1), Note(9.5, 20, 62, 2), Note(10, 11, 64, 3)))
    assert cut_notes(part, 2) == (Note(0, 2, 60, 1), Note(7.5, 8, 62, 2))


def test_bins_split_at_both_medians() -> None:
    voices, pitches = [1.0, 1.2, 1.4, 3.0], [70.0, 50.0, 71.0, 52.0]
    assert assign_median_bins(voices, pitches) == [
        *("voices1_pitch2", "voices1_pitch1", "voices2_pitch2", "voices2_pitch1")
    ]
    # The paper's `np.digitize`: the median itself is in the upper half ...
    assert assign_median_bins([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])[1] == "voices2_pitch2"
    # ... but where that left nothing below, one voice stays below.
    assert assign_median_bins([1.0, 1.0, 1.0, 2.0], [1.0] * 4) == ["voices1_pitch1"] * 3 + [
        "voices2_pitch1"
    ]
    assert assign_median_bins([], []) == []


@given(st.integers(1, 200), st.integers(1, 200))
def test_a_subset_is_spread_evenly(n_all: int, n: int) -> None:
    subset = spread_evenly(range(n_all), n)
    assert len(subset) == min(n, n_all)
    steps = np.diff(subset)
    assert (steps >= 1).all()
    assert not len(steps) or steps.max() - steps.min() <= 1


# --- drawing --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def font(tmp_path_factory: pytest.TempPathFactory) -> SoundFont:
    """Programs 0 to 11 play 48 to 72, 12 and 13 only 60 to 64; 115 is a sound effect."""
    sound = plucked(60)
    wide = [Program(n, f"Wide {n}", (Zone(sound, 60),)) for n in [*range(12), 115]]
    narrow = [Program(n, f"Narrow {n}", (Zone(sound, 62, (60, 64)),)) for n in (12, 13)]
    return SoundFont(write_font(tmp_path_factory.mktemp("font") / "tiny.sf2", [*wide, *narrow]))


@pytest.fixture(scope="module")
def works() -> list[Work]:
    """Works of three parts of 30 s: low, middle and high; half of them of two voices."""
    rng = np.random.default_rng(0)
    all_works = []
    for number in range(40):
        parts = []
        for lowest in (50, 58, 60):
            notes = [
                Note(t + 0.01 * number, t + 0.5, int(lowest + p), 60 + number)
                for t, p in zip(np.arange(0, 30, 0.75), rng.integers(0, 5, 40), strict=True)
            ]
            if number % 2:
                notes += [replace(n, pitch=n.pitch + 5) for n in notes]
            parts.append(Part(tuple(sorted(notes))))
        collection = ("keyboard", "chorales", "tunes")[number % 3]
        all_works.append(Work(f"{collection}/{number}", collection, tuple(parts)))
    return all_works


@pytest.fixture(scope="module")
def sampled(works: list[Work], font: SoundFont) -> ArtificialSet:
    return sample_set(works, font)


def test_draws_keep_the_paper_s_rules(
    sampled: ArtificialSet, works: list[Work], font: SoundFont
) -> None:
    by_name = {work.name: work for work in works}
    assert {work.split for work in works} == {"train", "test"}
    eligible = [p for w in works if w.split == "test" for p in w.parts if find_windows(p)]
    bins = assign_median_bins([p.mean_voices for p in eligible], [p.mean_pitch for p in eligible])
    bin_of = {notes_digest(p.notes): b for p, b in zip(eligible, bins, strict=True)}
    used: Counter[tuple[str, int]] = Counter()
    assert len(sampled.pairs) >= 20
    assert {pair.bin for pair in sampled.pairs} == set(bins)
    assert len({pair.name for pair in sampled.pairs}) == len(sampled.pairs)
    for pair in sampled.pairs:
        assert pair.content.program != pair.style.program
        assert pair.target.notes == pair.content.notes
        for segment in (pair.content, pair.style):
            work = by_name[segment.work]
            part = work.parts[segment.part]
            assert work.split == "test"
            assert bin_of[notes_digest(part.notes)] == pair.bin
            assert segment.start_s in find_windows(part)
            assert segment.notes == cut_notes(part, segment.start_s)
            assert segment.digest == notes_digest(segment.notes)
            assert segment.program in MELODIC_PROGRAMS
            used[pair.bin, segment.program] += 1
        for segment in (pair.content, pair.style, pair.target):
            playable = set(font.preset(segment.program).pitches)
            assert {note.pitch for note in segment.notes} <= playable
    assert max(used.values()) == 4
    # No window is used twice.
    windows_used = [
        (s.work, s.part, s.start_s) for p in sampled.pairs for s in (p.content, p.style)
    ]
    assert len(set(windows_used)) == len(windows_used)


def test_the_same_seed_draws_the_same_set(
    sampled: ArtificialSet, works: list[Work], font: SoundFont
) -> None:
    assert sample_set(works, font) == sampled
    other = sample_set(works, font, seed=1)
    assert {p.content.digest for p in other.pairs} != {p.content.digest for p in sampled.pairs}


def test_fewer_pairs_keep_the_bins_shares(
    sampled: ArtificialSet, works: list[Work], font: SoundFont
) -> None:
    whole = Counter(pair.bin for pair in sampled.pairs)
    # What is left over by rounding down in four bins goes to the first of them.
    for subset, slack in ((sample_set(works, font, n_pairs=16), 4), (sampled.quick(16), 1)):
        assert len(subset.pairs) == 16
        for name, count in Counter(pair.bin for pair in subset.pairs).items():
            assert abs(count - whole[name] * 16 / len(sampled.pairs)) <= slack
    assert set(sampled.quick(16).pairs) <= set(sampled.pairs)
    assert sampled.quick(10_000) == sampled


def test_scores_without_a_pair_are_refused(works: list[Work], font: SoundFont) -> None:
    training = [work for work in works if work.split == "train"]
    short = Work("keyboard/short", "keyboard", (Part((Note(0, 1, 60),)),))
    for given_works in ([], training, [short]):
        with pytest.raises(InputError, match="the scores give no pair; add longer or more"):
            sample_set(given_works, font)


# --- manifests ------------------------------------------------------------------------------------


def test_a_manifest_rebuilds_the_set_and_holds_no_notes(
    sampled: ArtificialSet, works: list[Work]
) -> None:
    text = json.dumps(sampled.manifest())
    assert parse_set(json.loads(text), works) == sampled
    assert "notes" not in text
    assert 'pitch"' not in text


def test_changed_or_missing_scores_are_refused_by_name(
    sampled: ArtificialSet, works: list[Work]
) -> None:
    manifest = sampled.manifest()
    name = sampled.pairs[0].content.work
    [work] = [work for work in works if work.name == name]
    others = [each for each in works if each is not work]
    shifted = tuple(
        Part(tuple(replace(note, pitch=note.pitch + 1) for note in part.notes))
        for part in work.parts
    )
    with pytest.raises(InputError, match=f"{name}: has other notes than the test set's manifest"):
        parse_set(manifest, [*others, replace(work, parts=shifted)])
    with pytest.raises(InputError, match=f"{name}: this score is missing; install music21"):
        parse_set(manifest, others)
    with pytest.raises(InputError, match=f"{name}: this score is missing"):
        parse_set(manifest, [*others, replace(work, parts=())])


def _collection(name: str) -> str:
    [found] = [
        collection.name
        for collection in COLLECTIONS
        if any(PurePosixPath(name).match(pattern) for pattern in collection.patterns)
    ]
    return found


def test_the_committed_manifest_is_of_works_held_out_and_within_the_caps() -> None:
    manifest = json.loads(files("cambiata.evaluate").joinpath("artificial.json").read_text())
    assert set(manifest) == {"font", "sha256", "seed", "pairs"}
    assert (manifest["font"], manifest["seed"]) == ("timgm6mb", 0)
    assert len(bytes.fromhex(manifest["sha256"])) == 32
    pairs = manifest["pairs"]
    assert len(pairs) == N_PAIRS == len({pair["name"] for pair in pairs}) == 721
    assert [pair["bin"] for pair in pairs] == sorted(pair["bin"] for pair in pairs)
    assert {pair["bin"] for pair in pairs} == {
        f"voices{v}_pitch{p}" for v in (1, 2) for p in (1, 2)
    }
    used: Counter[tuple[str, int]] = Counter()
    segments = set()
    for pair in pairs:
        assert pair["content"]["program"] != pair["style"]["program"]
        for side in (pair["content"], pair["style"]):
            assert set(side) == {"work", "part", "start_s", "program", "digest"}
            assert Work(side["work"], _collection(side["work"]), ()).split == "test"
            assert side["program"] in MELODIC_PROGRAMS
            assert len(bytes.fromhex(side["digest"])) == 32
            used[pair["bin"], side["program"]] += 1
            segments.add((side["work"], side["part"], side["start_s"]))
    assert max(used.values()) <= 4
    assert len(segments) == 2 * N_PAIRS


def test_a_subset_of_the_committed_set_is_rebuilt_from_its_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("music21", reason='pip install "cambiata[eval]"')
    monkeypatch.setattr(scores, "SCORE_CACHE", tmp_path)
    all_works = load_artificial_set(2)
    manifest = json.loads(files("cambiata.evaluate").joinpath("artificial.json").read_text())
    assert all_works.manifest()["pairs"] == [manifest["pairs"][0], manifest["pairs"][-1]]
    for pair in all_works.pairs:
        assert notes_digest(pair.content.notes) == pair.content.digest


@pytest.mark.slow
def test_the_committed_set_is_rebuilt_from_its_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("music21", reason='pip install "cambiata[eval]"')
    monkeypatch.setattr(scores, "SCORE_CACHE", tmp_path)
    all_works = load_artificial_set()
    assert len(all_works.pairs) == N_PAIRS
    try:
        font = SoundFont(find_font("timgm6mb"))
    except InputError as error:
        pytest.skip(str(error))
    for pair in all_works.pairs:
        for segment in (pair.content, pair.style, pair.target):
            playable = set(font.preset(segment.program).pitches)
            assert {note.pitch for note in segment.notes} <= playable


# --- sounds ---------------------------------------------------------------------------------------


def _loudness_lufs(audio: Audio) -> float:
    meter = LoudnessMeter(audio.sample_rate)
    meter.add(audio.samples)
    return meter.loudness_db()


@pytest.mark.parametrize("gain", [0.003, 1.0])
def test_at_loudness_is_at_loudness_and_leaves_its_input(gain: float) -> None:
    noise = Audio(gain * np.random.default_rng(0).normal(0, 0.1, (2, 44100)), 44100)
    before = noise.samples.copy()
    assert _loudness_lufs(normalize_loudness(noise)) == pytest.approx(LOUDNESS_LUFS, abs=0.01)
    assert _loudness_lufs(normalize_loudness(noise, -23)) == pytest.approx(-23, abs=0.01)
    np.testing.assert_array_equal(noise.samples, before)


def test_at_loudness_keeps_peaks_and_refuses_silence() -> None:
    spiky = np.random.default_rng(0).normal(0, 1e-3, 44100)
    spiky[::9000] = 0.9
    loud = normalize_loudness(Audio(spiky, 44100))
    assert np.abs(loud.samples).max() == pytest.approx(0.99)
    assert _loudness_lufs(loud) < LOUDNESS_LUFS
    with pytest.raises(InputError, match=r"still\.wav: is silent; leave it out"):
        normalize_loudness(Audio(np.zeros(44100), 44100, name="still.wav"))


def test_clips_are_rendered_at_one_loudness_with_their_target(
    sampled: ArtificialSet, font: SoundFont
) -> None:
    fluidsynth()
    all_works = replace(sampled, font=str(font.path))
    pair = all_works.pairs[0]
    clips = all_works.clips(pair.name)
    assert clips.target is not None
    assert clips.notes == pair.content.notes
    for clip in (clips.content, clips.style, clips.target):
        assert clip.samples.shape == (1, CLIP_S * 44100)
        assert clip.sample_rate == 44100
        assert _loudness_lufs(clip) == pytest.approx(LOUDNESS_LUFS, abs=0.05)
    again = all_works.clips(pair.name)
    for first, second in ((clips.content, again.content), (clips.target, again.target)):
        np.testing.assert_array_equal(first.samples, second.samples)
    expected = render_clip(str(font.path), pair.content.notes, pair.style.program)
    np.testing.assert_array_equal(clips.target.samples, expected.samples)
    assert not np.array_equal(clips.style.samples, clips.target.samples)


def test_a_set_says_what_it_is(sampled: ArtificialSet, font: SoundFont) -> None:
    all_works = replace(sampled, font=str(font.path))
    # A path is this machine's; the file's hash is its name everywhere.
    assert all_works.facts == {"font": "tiny", "font_sha256": font.digest, "seed": 0}
    assert (all_works.name, all_works.title) == ("artificial", "Artificial: tiny")
    assert f"{len(sampled.pairs)} pairs" in all_works.about
    assert "held out of training" not in all_works.about
    assert "a sound font held out of training" in replace(all_works, font="timgm6mb").about
    entry, pair = all_works.entries[0], all_works.pairs[0]
    assert (entry.name, entry.bin) == (pair.name, pair.bin)
    assert entry.content["label"].endswith(f"({pair.content.program})")
    assert entry.style["source"] == (
        f"{pair.style.work} part {pair.style.part}, {pair.style.start_s} to "
        f"{pair.style.start_s + 8} s"
    )


def test_a_font_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    fluidsynth()
    open_renderer.cache_clear()
    (tmp_path / "broken.sf2").write_bytes(b"RIFF and no more")
    for name, problem in [
        ("missing.sf2", r"missing\.sf2: no such sound font; name"),
        ("broken.sf2", r"broken\.sf2: is not a whole sound font; name an intact"),
    ]:
        with pytest.raises(InputError, match=problem):
            render_clip(str(tmp_path / name), [Note(0, 1, 60)], 0)


def test_a_program_that_is_silent_or_missing_is_named(font: SoundFont) -> None:
    fluidsynth()
    with pytest.raises(InputError, match=r"tiny\.sf2 program 12: is silent"):
        render_clip(str(font.path), [Note(0, 1, 90)], 12)
    with pytest.raises(InputError, match="tiny: has no program 99"):
        render_clip(str(font.path), [Note(0, 1, 60)], 99)
