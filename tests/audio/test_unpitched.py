import numpy as np
import pytest
from drums import drums
from sounds import melody

from cambiata.audio.unpitched import unpitched_part

RATE = 22050


def _level_db(samples: np.ndarray) -> float:
    return 10 * float(np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_a_melody_goes_and_drums_stay(rate: int) -> None:
    tune = melody([72, 76, 79, 72, 76, 79, 72], rate=rate)
    beat = drums(len(tune) / rate, rate)[0][: len(tune)]
    rest = unpitched_part(tune, rate)
    assert len(rest) == len(tune)
    # Attacks of the notes are strokes, too: they stay.
    assert _level_db(rest) < _level_db(tune) - 9
    assert _level_db(unpitched_part(beat, rate)) > _level_db(beat) - 5


def test_of_a_mix_the_strokes_stay_where_they_were() -> None:
    tune = melody([72, 76, 79, 84, 72, 76, 79], rate=RATE)
    beat, strikes = drums(len(tune) / RATE, RATE)
    rest = unpitched_part(tune + beat[: len(tune)], RATE)
    for strike in strikes:
        at = round(strike * RATE)
        before, after = rest[at - 600 : at - 100], rest[at : at + 500]
        assert _level_db(after) > _level_db(before) + 6


def test_noise_stays_and_silence_is_silent() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert _level_db(unpitched_part(noise, RATE)) > _level_db(noise) - 2
    assert not unpitched_part(np.zeros(RATE, np.float32), RATE).any()


def test_a_long_sound_is_its_pieces() -> None:
    long = np.tile(drums(5.0, 8000)[0] + melody([72] * 13, rate=8000)[:40000], 5)
    rest = unpitched_part(long, 8000)
    assert len(rest) == len(long)
    np.testing.assert_allclose(
        rest[8000:16000], unpitched_part(long[:40000], 8000)[8000:16000], atol=1e-5
    )
