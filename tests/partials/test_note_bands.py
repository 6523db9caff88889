"""What the note detector takes is what `LogFrequency` gives, and shows ten attacks a second."""

import numpy as np
from sounds import melody

from cambiata.audio.log_frequency import LogFrequency
from cambiata.partials.note_bands import ATTACK_BANDS, N_ROWS, PITCH_BANDS, note_bands_db, tuned

RATE = PITCH_BANDS.sample_rate
TUNE = melody([57, 64, 69], partials=8, rate=RATE)


def test_pitch_bands_and_two_attack_bands_a_frame() -> None:
    levels_db = note_bands_db(TUNE)
    n_frames = PITCH_BANDS.n_frames(len(TUNE))
    assert levels_db.shape == (N_ROWS, n_frames) == (520, n_frames)
    assert np.array_equal(levels_db[:312], LogFrequency().level_db(TUNE))
    attack_db = ATTACK_BANDS.level_db(TUNE)
    for i, rows in enumerate((slice(312, 416), slice(416, 520))):
        own = attack_db[:, i::2]
        assert np.array_equal(levels_db[rows, : own.shape[1]], own)
        # What the last frame lacks is as what is there.
        missing = levels_db[rows, own.shape[1] :]
        assert np.array_equal(missing, np.repeat(attack_db[:, -1:], missing.shape[1], axis=1))


def test_levels_are_relative_to_the_power_that_is_given() -> None:
    mean = float(np.mean(np.square(TUNE, dtype=np.float64)))
    louder = note_bands_db(TUNE, mean=mean / 100)
    loud = note_bands_db(TUNE) > -60
    np.testing.assert_allclose((louder - note_bands_db(TUNE))[loud], 20, atol=0.01)


def test_tuned_bands_see_a_detuned_tone_as_one_in_tune() -> None:
    t = np.arange(RATE) / RATE
    sharp, right = (np.sin(2 * np.pi * 440 * 2 ** (c / 1200) * t) for c in (40, 0))
    expected, plain = (note_bands_db(x.astype(np.float32))[:, 20] for x in (right, sharp))
    actual = note_bands_db(sharp.astype(np.float32), 40.0)[:, 20]
    loud = expected > -10  # the skirts beside are steep
    assert loud.sum() >= 4
    assert np.abs(actual - expected)[loud].max() < 1.5
    assert np.abs(plain - expected)[loud].max() > 4
    assert [bands.tuning_cents for bands in tuned(40.0)] == [40, 40]
    assert tuned(0.0) == (PITCH_BANDS, ATTACK_BANDS)


def test_ten_strikes_a_second_are_ten_rises_of_the_attack_bands() -> None:
    t = np.arange(round(0.1 * RATE)) / RATE
    strike = np.sin(2 * np.pi * 440 * t) * np.minimum(1, t / 0.005) * np.exp(-30 * t)
    sound = np.tile(strike, 10).astype(np.float32)
    row = 69 - 21
    attack_db = ATTACK_BANDS.level_db(sound)[row]
    pitch_db = PITCH_BANDS.level_db(sound)[3 * row + 1]

    def n_rises(level_db: np.ndarray) -> int:
        """How often it rises by 6 dB from a valley."""
        n, lowest, highest = 0, level_db[0], level_db[0]
        for x in level_db:
            lowest = min(lowest, x)
            if x > lowest + 6:
                n, lowest, highest = n + 1, x, x
            highest = max(highest, x)
            if x < highest - 6:
                lowest = x
        return n

    assert n_rises(attack_db) >= 9
    assert n_rises(pitch_db) <= 2
