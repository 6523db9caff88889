"""The content's life in what is played: crescendi, decays, gaps and silences."""

from collections.abc import Sequence

import numpy as np
import pytest

import cambiata
from cambiata.partials.posteriors import BANDS
from cambiata.timbre_transfer.oneshot import OneShot, OneShotConfig

RATE = BANDS.sample_rate


def note(pitch: float, duration_s: float, decay_db_s: float = 0.0, partials: int = 8) -> np.ndarray:
    t = np.arange(round(duration_s * RATE)) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(np.sin(2 * np.pi * hz * k * t + k) / k for k in range(1, partials + 1))
    ramp = np.minimum(1, np.minimum(t, t[::-1]) / 0.01)
    return (0.2 * ramp * sound * 10 ** (-decay_db_s * t / 20)).astype(np.float32)


def tune(pitches: Sequence[float], duration_s: float, decay_db_s: float = 0.0) -> np.ndarray:
    return np.concatenate([note(p, duration_s, decay_db_s) for p in pitches])


ORGAN = tune([60, 62, 64, 65, 67, 69, 71, 72], 0.5)
PITCHES = [60, 64, 67, 72, 65, 62]


@pytest.fixture(scope="module")
def organ() -> object:
    return OneShot(OneShotConfig()).capture(ORGAN)


def played(content: np.ndarray, organ: object, **settings: str) -> np.ndarray:
    return OneShot(OneShotConfig(**settings)).render(
        content, organ, amount=1.0, seed=0, progress=lambda _share: None
    )


def level_db(sound: np.ndarray, start_s: float, end_s: float) -> float:
    part = sound[round(start_s * RATE) : round(end_s * RATE)].astype(np.float64)
    return float(10 * np.log10(np.mean(part**2) + 1e-13))


# A decay, which may be the instrument's, is believed to be by a half where one note has it.
@pytest.mark.parametrize(("change_db", "within_db"), [(20.0, 3.0), (-20.0, 8.0)])
def test_a_long_note_swells_and_fades_as_the_content_does(
    change_db: float, within_db: float, organ: object
) -> None:
    content = np.concatenate([tune([64, 60], 0.5), note(67, 3.0), tune([65, 60], 0.5)])
    shape_db = np.interp(np.arange(len(content)) / RATE, [1.0, 4.0], [0, change_db])
    content = (content * 10 ** ((shape_db - max(0.0, change_db)) / 20)).astype(np.float32)

    def rise(sound: np.ndarray) -> float:
        return level_db(sound, 3.6, 3.8) - level_db(sound, 1.2, 1.4)

    assert rise(played(content, organ)) == pytest.approx(rise(content), abs=within_db)
    # With the style's dynamics a note is as loud as its place among the notes.
    assert abs(rise(played(content, organ, dynamics="style"))) < abs(rise(content)) / 2


def test_an_organ_sustains_what_was_plucked(organ: object) -> None:
    content = tune(PITCHES, 0.8, 30.0)
    sound = played(content, organ)
    for i in range(len(PITCHES)):
        fall_db = level_db(sound, 0.8 * i + 0.1, 0.8 * i + 0.2) - level_db(
            sound, 0.8 * i + 0.55, 0.8 * i + 0.65
        )
        assert fall_db < 6  # of the content's 13.5


def test_gaps_are_as_deep_as_the_contents(organ: object) -> None:
    content = tune(PITCHES, 0.5)
    at = np.arange(len(content)) / RATE % 0.5
    content[at > 0.38] *= np.float32(10 ** (-30 / 20))
    sound = played(content, organ)

    def depth(sound: np.ndarray, i: int) -> float:
        return level_db(sound, i + 0.1, i + 0.3) - level_db(sound, i + 0.42, i + 0.46)

    for i in range(len(PITCHES) - 1):
        # The organ alone falls by 45 dB there; it is raised by 6 at most.
        assert -3 < depth(sound, 0.5 * i) - depth(content, 0.5 * i) < 12


def test_a_pause_stays_as_quiet_as_it_is() -> None:
    rng = np.random.default_rng(0)
    pause = np.float32(10 ** (-79 / 20)) * rng.standard_normal(RATE).astype(np.float32)
    content = np.concatenate([tune([60, 64], 0.5), pause, tune([67, 65], 0.5)])
    style = ORGAN + np.float32(10 ** (-50 / 20)) * rng.standard_normal(len(ORGAN)).astype(
        np.float32
    )
    out = cambiata.transfer(cambiata.Audio(content, RATE), cambiata.Audio(style, RATE)).samples[0]
    for start_s in (1.2, 1.5):
        assert level_db(out, start_s, start_s + 0.3) == pytest.approx(-79, abs=4)
