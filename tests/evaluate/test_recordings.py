"""The real set, of synthetic recordings in a folder."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tiny import RATE, Failing, Tracker, steady

from cambiata import Audio
from cambiata.audio.loudness import LoudnessMeter
from cambiata.errors import CambiataWarning, InputError
from cambiata.evaluate.recordings import (
    LONGEST_S,
    MAX_PER_FILE,
    SHORTEST_S,
    RealSet,
    Window,
    guess_instrument,
    real_set,
)
from cambiata.evaluate.testset import LOUDNESS_LUFS, assign_median_bins


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings of four instruments, low and high, in folders and not."""
    place = tmp_path / "recordings"
    (place / "deep").mkdir(parents=True)
    steady(50, 60).save(place / "cello-long.wav")
    steady(49, 9).save(place / "deep" / "piano.flac")
    steady(70, 4).save(place / "flute.ogg")
    steady(72, 41).save(place / "violin 2.wav")
    return place


def _windows(found: RealSet) -> set[Window]:
    return {window for _, _, content, style in found.pairs for window in (content, style)}


def test_windows_are_of_3_to_8_s_and_at_most_four_a_file(folder: Path) -> None:
    found = real_set(folder, Tracker())
    assert found.skipped == ()
    assert found.n_files == 4
    by_file = Counter(Path(window.path).name for window in _windows(found))
    assert by_file == {
        "cello-long.wav": MAX_PER_FILE,
        "piano.flac": 1,
        "flute.ogg": 1,
        "violin 2.wav": MAX_PER_FILE,
    }
    for window in _windows(found):
        shortest = 3.9 if "flute" in window.path else LONGEST_S
        assert shortest <= window.end_s - window.start_s <= LONGEST_S + 1e-6
    for name in by_file:
        spans = sorted((w.start_s, w.end_s) for w in _windows(found) if Path(w.path).name == name)
        assert all(end <= start + 1e-6 for (_, end), (start, _) in pairwise(spans))


def test_every_window_is_a_content_once_with_a_style_of_its_bin_by_another(folder: Path) -> None:
    found = real_set(folder, Tracker())
    contents = [content for _, _, content, _ in found.pairs]
    assert len(contents) == len(set(contents)) == 10
    windows = sorted(_windows(found), key=lambda w: (w.path, w.start_s))
    bins = dict(
        zip(
            windows,
            assign_median_bins([w.voices for w in windows], [w.pitch for w in windows]),
            strict=True,
        )
    )
    for name, bin_, content, style in found.pairs:
        assert content.instrument != style.instrument
        assert bins[content] == bins[style] == bin_
        assert name.isdecimal()
    # The tracker's pitches: 49 and 50 are below the median, 70 and 72 above.
    assert {w.instrument for w in windows if bins[w].endswith("pitch1")} == {"cello", "piano"}
    styles = Counter(style for *_, style in found.pairs if style.instrument == "cello")
    assert styles.total() == 1


def test_the_same_seed_gives_the_same_pairs_wherever_the_folder_is_named_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = real_set(folder, Tracker())
    assert real_set(folder, Tracker()) == found
    assert real_set(folder, Tracker(), seed=1).pairs != found.pairs
    (folder / "bad.wav").write_text("no sound")
    with pytest.warns(CambiataWarning):
        absolute = real_set(folder, Tracker())
    monkeypatch.chdir(folder.parent)
    with pytest.warns(CambiataWarning):
        relative = real_set("recordings", Tracker())
    assert relative.entries == absolute.entries
    assert relative.facts == absolute.facts


def test_n_and_class_counts_are_stated(folder: Path) -> None:
    found = real_set(folder, Tracker())
    assert found.facts == {
        "target": False,
        "seed": 0,
        "windows of each instrument": {"cello": 4, "flute": 1, "piano": 1, "violin": 4},
        "not used": [],
    }
    assert found.about.startswith("10 pairs of windows of 3 to 8 s of 4 recordings, ")
    assert "There is no target" in found.about
    entry = found.entries[0]
    assert entry.content["label"] in ("cello", "piano")
    assert " s" in entry.content["source"]


def test_clips_are_the_windows_at_one_loudness(folder: Path) -> None:
    found = real_set(folder, Tracker())
    for name, _, content, _ in found.pairs[::3]:
        clips = found.clips(name)
        assert (clips.target, clips.notes) == (None, None)
        assert clips.content.duration_s == pytest.approx(content.end_s - content.start_s, abs=1e-3)
        for clip in (clips.content, clips.style):
            assert clip.samples.shape[0] == 1
            meter = LoudnessMeter(clip.sample_rate)
            meter.add(clip.samples)
            assert meter.loudness_db() == pytest.approx(LOUDNESS_LUFS, abs=0.1)


def test_what_cannot_be_used_is_named_counted_and_left_out(folder: Path) -> None:
    good = real_set(folder, Tracker())
    (folder / "text.wav").write_text("no sound at all")
    (folder / "deep/torn.wav").write_bytes((folder / "cello-long.wav").read_bytes()[:90_000])
    steady(60, 2.5).save(folder / "short.wav")
    steady(60, 10, (0, 10)).save(folder / "silent.wav")
    (folder / "notes.txt").write_text("not a recording, not named")
    with pytest.warns(CambiataWarning, match="4 recordings not used: ") as caught:
        found = real_set(folder, Tracker())
    assert found.skipped == (
        "deep/torn.wav: breaks off at 2.81 s: 57.19 s are missing",
        "short.wav: no window of 3 s that sounds",
        "silent.wav: no window of 3 s that sounds",
        "text.wav: is not readable as sound",
    )
    assert all(name in str(caught[0].message) for name in ("torn.wav", "text.wav", "silent.wav"))
    assert found.pairs == good.pairs
    assert found.facts["not used"] == list(found.skipped)


def test_windows_begin_with_sound_and_are_less_than_half_silent(tmp_path: Path) -> None:
    steady(60, 22, (0, 2.05), (6, 12.05)).save(tmp_path / "cello.wav")
    steady(60, 9).save(tmp_path / "piano.wav")
    found = real_set(tmp_path, Tracker())
    starts = sorted(w.start_s for w in _windows(found) if w.instrument == "cello")
    # 2.1 s would be half silent from 6 s on; the next that is not begins at 12.1 s.
    assert starts[-1] == pytest.approx(12.0, abs=0.11)
    assert all(start == pytest.approx(2.0, abs=0.11) or start > 12 - 0.11 for start in starts)


def test_a_hair_under_three_seconds_is_three(tmp_path: Path) -> None:
    steady(60, 65536 / 22050).save(tmp_path / "cello.wav")  # a file of Medley-solos-DB
    steady(60, 3).save(tmp_path / "piano.wav")
    found = real_set(tmp_path, Tracker())
    assert len(found.pairs) == 2
    assert min(w.end_s - w.start_s for w in _windows(found)) >= SHORTEST_S - 0.1


def test_a_folder_without_a_pair_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing: no such folder; name a folder of recordings"):
        real_set(tmp_path / "missing", Tracker())
    with pytest.raises(InputError, match="gives no pair; add recordings of other instruments"):
        real_set(tmp_path, Tracker())
    steady(60, 20).save(tmp_path / "cello.wav")
    with pytest.raises(InputError, match="gives no pair"):  # two windows, one instrument
        real_set(tmp_path, Tracker())


def test_where_the_tracker_fails_it_is_said(folder: Path) -> None:
    with (
        pytest.warns(CambiataWarning, match="4 recordings not used: .*took too long on"),
        pytest.raises(InputError, match="gives no pair"),
    ):
        real_set(folder, Failing())


@pytest.mark.parametrize(
    ("path", "instrument"),
    [
        ("cello-phrase.wav", "cello"),
        ("bach-violin/bwv1002.mp3", "violin"),
        ("Medley-solos-DB_test-0_ab.wav", "clarinet"),
        ("Medley-solos-DB_test-7_ab.wav", "violin"),
        ("Medley-solos-DB_test-9_ab.wav", "Medley-solos-DB_test-9_ab"),
        ("electric-piano.wav", "piano"),
        ("tenor_saxophone 3.flac", "tenor saxophone"),
        ("distorted electric guitar.wav", "guitar"),
        ("Pipe Organ.ogg", "organ"),
        ("celloist.wav", "celloist"),
        ("a/b/take 7.wav", "take 7"),
    ],
)
def test_instruments_are_told_by_names(path: str, instrument: str) -> None:
    assert guess_instrument(path) == instrument


def test_a_content_keeps_its_width_and_a_style_is_one_channel(tmp_path: Path) -> None:
    wide = np.vstack([steady(60, 4).samples, 0.5 * steady(60, 4).samples])
    Audio(wide, RATE).save(tmp_path / "cello.wav")
    Audio(wide, RATE).save(tmp_path / "flute.wav")
    found = real_set(tmp_path, Tracker())
    for name, *_ in found.pairs:
        clips = found.clips(name)
        assert (len(clips.content.samples), len(clips.style.samples)) == (2, 1)
        left, right = clips.content.samples
        np.testing.assert_allclose(right, 0.5 * left, atol=1e-3)
