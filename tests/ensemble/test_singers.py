"""Singers: how far they differ, and that nothing differs at spread 0."""

import numpy as np
from singing import RATE, contour, vowel

from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.notes import Tune, read_tune
from cambiata.ensemble.singers import make_copy, make_singer, part_target


def tune_of(pitches: list[float], vibrato_cents: float = 50.0) -> Tune:
    sound = vowel(contour(pitches, 0.6, vibrato_cents))
    return read_tune(track_pitch(sound, RATE, float(np.abs(sound).max())))


TUNE = tune_of([57, 60, 59, 62])


def test_without_spread_all_sing_the_same() -> None:
    singer = make_singer(TUNE, 0, TUNE.pitch, 1.0, 0.0, [0, 1])
    t = np.linspace(0, 2.3, 50)
    assert np.allclose(singer.pitch, TUNE.pitch)
    assert np.allclose(singer.line.source_s(t), t)
    assert singer.line.formant_ratio == 1.0
    assert singer.gain == 1.0


def test_singers_scatter_as_choirs_do() -> None:
    singers = [make_singer(TUNE, 0, TUNE.pitch, 1.0, 0.5, [0, i]) for i in range(40)]
    steady = TUNE.steadiness > 0.99
    slow = TUNE.pitch - TUNE.vibrato
    cents = np.array([100 * (s.pitch - slow)[steady].mean() for s in singers])
    assert 4 < cents.std() < 16
    onsets_s = [note.first * 0.01 for note in TUNE.notes[1:]]
    late = np.array([np.array(onsets_s) - s.line.source_s(np.array(onsets_s)) for s in singers])
    assert 0.015 < late.std() < 0.045
    # Nobody goes back in time, nor runs.
    t = np.linspace(0, 2.4, 2000)
    speed = np.array([np.diff(s.line.source_s(t)) / np.diff(t) for s in singers])
    assert 0.5 < speed.min() < speed.max() < 1.5


def test_vibratos_are_each_ones_own() -> None:
    pitches = np.array(
        [make_singer(TUNE, 0, TUNE.pitch, 1.0, 0.5, [0, i]).pitch for i in range(12)]
    )
    alone = TUNE.vibrato[TUNE.steadiness > 0.99].std()
    section = (pitches.mean(axis=0) - TUNE.pitch + TUNE.vibrato)[TUNE.steadiness > 0.99].std()
    assert section < 0.7 * alone  # they do not waver together
    assert pitches.std(axis=0).mean() > 0.05


def test_parts_glide_between_their_own_notes() -> None:
    held = part_target(TUNE, [52, 52, 52, 52])
    frames = slice(5, len(held) - 5)
    slow = held - TUNE.vibrato
    assert np.abs(slow[frames] - 52).max() < 0.4  # the source's glides are not heard in it
    moved = part_target(TUNE, [50, 53, 52, 55])
    assert np.allclose(moved[:40], TUNE.pitch[:40] - 7, atol=0.2)


def test_copies_of_a_whole_sound_stay_in_time() -> None:
    copy = make_copy(20.0, 0.5, [0, 0])
    t = np.linspace(0.5, 19.5, 4000)
    late_s = t - copy.line.source_s(t)
    assert np.abs(late_s).max() < 0.08
    cents = 1200 * np.log2(np.diff(copy.line.source_s(t)) / np.diff(t))
    assert 5 < cents.std() < 40
