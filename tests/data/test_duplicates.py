"""Near-duplicates: a sample known again in another font, and other samples told apart."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, lfilter
from tiny_fonts import Program, Zone, fluidsynth, plucked, write_font

from cambiata.data.bank import Bank
from cambiata.data.bank_building import build_from_font
from cambiata.data.duplicates import (
    THRESHOLD,
    Duplicate,
    find_duplicates,
    read_exclusions,
    similarities,
    similarity,
    write_exclusions,
)
from cambiata.data.soundfont import KNOWN_FONTS

RATE_HZ = 16000


def _struck(seed: int, n_samples: int = 4000, f0_hz: float = 220.0) -> np.ndarray:
    """A note of a struck instrument: partials of their own phases and decays, and a thump."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) / RATE_HZ
    sound = sum(
        rng.uniform(0.3, 1)
        / k
        * np.sin(2 * np.pi * f0_hz * k * t + rng.uniform(0, 2 * np.pi))
        * np.exp(-t * rng.uniform(2, 10))
        for k in range(1, 16)
    )
    return (sound + 0.05 * rng.standard_normal(n_samples) * np.exp(-t / 0.02)).astype(np.float32)


def test_same_sample_is_known_again() -> None:
    note = _struck(0)
    delayed = np.concatenate([np.zeros(120, np.float32), note])[: len(note)]
    muffled = lfilter(*butter(1, 5000, fs=RATE_HZ), note).astype(np.float32)
    changed = {"gain": -0.02 * note, "delay": delayed, "filter": muffled}
    for name, other in changed.items():
        assert similarity(note, other) > THRESHOLD, name
        assert similarity(note, other) == pytest.approx(similarity(other, note), abs=1e-3)


def test_other_notes_of_one_pitch_are_told_apart() -> None:
    notes = [_struck(seed) for seed in range(8)]
    between = [similarity(a, b) for i, a in enumerate(notes) for b in notes[:i]]
    assert max(between) < THRESHOLD
    assert similarity(notes[0], np.zeros(4000, np.float32)) == 0


def test_delays_beyond_the_search_are_not_found() -> None:
    note = _struck(1, 3000)
    delayed = np.concatenate([np.zeros(700, np.float32), note])
    assert similarity(note, delayed) < similarity(note, delayed[500:])


def _noisy(seed: int, pitch: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    tone = plucked(pitch, 0.6)
    thump = np.convolve(rng.standard_normal(len(tone)), np.hanning(8), "same")
    return 0.5 * tone * rng.uniform(0.5, 1) + 0.05 * thump * np.exp(-np.arange(len(tone)) / 4000)


def _bank(folder: Path, name: str, *sounds: np.ndarray) -> Bank:
    programs = [Program(n, f"p{n}", (Zone(s, 63, (61, 66)),)) for n, s in enumerate(sounds)]
    font = write_font(folder / f"{name}.sf2", programs)
    return build_from_font(font, folder / name, velocities=(100,), n_workers=1)


def test_shared_samples_of_two_fonts_are_found(tmp_path: Path) -> None:
    fluidsynth()
    shared, own, other = (_noisy(seed, 63) for seed in range(3))
    ours = _bank(tmp_path, "ours", own, shared)
    padded = np.concatenate([np.zeros(300), 0.3 * shared])
    theirs = _bank(tmp_path, "theirs", padded, other)
    scores = similarities(ours, theirs)
    assert scores.shape == (2, 2)
    assert scores[1, 0] > 0.85
    assert np.array_equal(scores > THRESHOLD, [[False, False], [True, False]])
    (found,) = find_duplicates(ours, [theirs])
    assert (found.source, found.program, found.name) == ("ours", 1, "p1")
    assert found.other == "theirs: p0 (program 0)"
    assert found.similarity == pytest.approx(scores[1, 0], abs=0.001)
    assert find_duplicates(ours, [theirs], threshold=1.01) == []
    # Of several that are alike, the most alike is named, and each instrument once.
    both = find_duplicates(ours, [theirs, ours])
    assert [each.program for each in both] == [0, 1]
    assert both[0].other == "ours: p0 (program 0)"


def test_fonts_without_a_pitch_in_common(tmp_path: Path) -> None:
    fluidsynth()
    ours = _bank(tmp_path, "ours", _noisy(0, 63))
    high = write_font(
        tmp_path / "high.sf2", [Program(0, "x", (Zone(_noisy(0, 80), 80, (78, 82)),))]
    )
    theirs = build_from_font(high, tmp_path / "high", velocities=(100,), n_workers=1)
    assert similarities(ours, theirs).tolist() == [[0.0]]
    assert find_duplicates(ours, [theirs]) == []


def test_exclusions_are_written_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Duplicate("a", 3, "Päno", "b: x (program 1)", 0.9), Duplicate("c", 0, "y", "z", 0.8)]
    path = tmp_path / "exclusions.json"
    write_exclusions(found, path)
    assert [Duplicate(**row) for row in json.loads(path.read_text())] == found
    assert path.read_text().count("\n") == 4  # one a line, so that changes can be read
    monkeypatch.setattr("cambiata.data.duplicates.files", lambda _: tmp_path)
    assert read_exclusions() == {("a", 3), ("c", 0)}


def test_list_in_the_package_is_of_fonts_for_training() -> None:
    excluded = read_exclusions()
    training = {source.name for source in KNOWN_FONTS.values() if source.use == "train"}
    assert excluded
    assert {source for source, _ in excluded} <= training
