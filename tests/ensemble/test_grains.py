"""Voices of grains: themselves, other pitches with the same vowels, consonants that stay."""

import numpy as np
import pytest
from singing import RATE, contour, hiss, vowel

from cambiata.arrays import Samples
from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.grains import Excerpt, Line, VoiceGrains
from cambiata.ensemble.marks import find_marks


def sung(
    sound: Samples,
    semitones: float = 0.0,
    formant_ratio: float = 1.0,
    delay_s: float = 0.0,
    breath: float = 0.0,
    block_s: float = 10.0,
) -> Samples:
    track = track_pitch(sound, RATE, float(np.abs(sound).max()))
    ratio = 2 ** (semitones / 12)
    line = Line(lambda t: t - delay_s, lambda t: np.full(len(t), ratio), formant_ratio, breath)
    voice = VoiceGrains(find_marks(sound, RATE, track), line)
    out = np.zeros(len(sound))
    duration_s = len(sound) / RATE
    for begin_s in np.arange(0, duration_s, block_s):
        grains = voice.grains(begin_s, min(duration_s, begin_s + block_s))
        grains.add_to(out, 0.0, Excerpt(sound, 0, RATE))
    return out.astype(np.float32)


def level_db(sound: Samples, reference: Samples) -> float:
    return float(10 * np.log10((sound**2).mean() / (reference**2).mean()))


def envelope_distance_db(a: Samples, b: Samples) -> float:
    """Between the spectra of two sounds, over bands of 200 Hz up to 4 kHz."""
    bands = []
    for sound in (a, b):
        power = np.abs(np.fft.rfft(sound)) ** 2
        hz = np.fft.rfftfreq(len(sound), 1 / RATE)
        rows = [power[(hz >= low) & (hz < low + 200)].sum() for low in range(200, 4000, 200)]
        bands.append(10 * np.log10(np.array(rows)))
    off = bands[0] - bands[1]
    return float(np.sqrt(((off - off.mean()) ** 2).mean()))


def test_a_voice_at_its_own_pitch_is_itself() -> None:
    sound = np.concatenate([hiss(0.2), vowel(contour([57, 60], vibrato_cents=30)), hiss(0.1)])
    assert level_db(sung(sound) - sound, sound) < -35


def test_blocks_do_not_matter() -> None:
    sound = vowel(contour([57, 62, 60]))
    whole, pieces = sung(sound, 3.0), sung(sound, 3.0, block_s=0.31)
    assert level_db(whole - pieces, whole) < -30


@pytest.mark.parametrize("semitones", [-12, -5, 4, 7])
def test_the_pitch_is_the_one_asked_for(semitones: int) -> None:
    line = contour([57, 60], vibrato_cents=30)
    moved = sung(vowel(line), semitones)
    track = track_pitch(moved, RATE, float(np.abs(moved).max()))
    frames = (np.arange(10, len(track.hz) - 10) * 0.01 * RATE).astype(int)
    error = 100 * (track.midi[10:-10] - line[frames] - semitones)
    assert np.nanmedian(np.abs(error)) < 5


@pytest.mark.parametrize("semitones", [-12, -5, 4, 7])
def test_the_vowel_stays(semitones: int) -> None:
    line = contour([55, 57])
    true = vowel(line + semitones)
    moved = sung(vowel(line), semitones)
    # Read faster, as a tape is, its formants would move with its pitch.
    resampled = vowel(line + semitones, 2 ** (semitones / 12))
    assert envelope_distance_db(moved, true) < 3.0
    assert envelope_distance_db(moved, true) < 0.6 * envelope_distance_db(resampled, true)


def test_formants_move_alone() -> None:
    line = contour([55, 57])
    moved = sung(vowel(line), 0.0, formant_ratio=0.85)
    assert envelope_distance_db(moved, vowel(line, 0.85)) < 3.0
    assert envelope_distance_db(moved, vowel(line)) > 5.0


def test_consonants_are_moved_in_time_alone() -> None:
    sound = np.concatenate([np.zeros(2000, np.float32), hiss(0.4), np.zeros(2000, np.float32)])
    with_voice = np.concatenate([sound, vowel(contour([60]))])
    n, late = len(sound), round(0.02 * RATE)
    moved = sung(with_voice, 7.0, formant_ratio=1.2, delay_s=late / RATE)
    assert level_db(moved[late:n] - sound[: n - late], sound) < -30


def test_breath_changes_noise_alone() -> None:
    rng = np.random.default_rng(0)
    clean = vowel(contour([57], 1.0))
    noise = (0.02 * rng.standard_normal(len(clean))).astype(np.float32)
    middle = slice(2000, len(clean) - 2000)
    as_it_was = sung(clean + noise)[middle] - clean[middle]
    for breath, least, most in ((0.5, -4.5, -1.5), (-0.25, 0.8, 3.0)):
        changed = sung(clean + noise, breath=breath)[middle] - clean[middle]
        assert least < level_db(changed, as_it_was) < most
