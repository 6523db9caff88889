"""What a style lacks when it plays itself is given back to it, as far as its notes tell."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sounds import melody

from cambiata.partials.bands import band_hz
from cambiata.partials.correction import (
    measure_corrected_style,
    noise_correction_db,
    shrunk_mean_db,
)
from cambiata.partials.note_frames import N_NOISE, NOISE_CENTRES_HZ, note_frames
from cambiata.partials.posteriors import BANDS, detect_notes
from cambiata.partials.predictor import StyleNotes, measure_notes, predict
from cambiata.weights import Model, load_model

DULLED_DB = -12.0


class Dulled:
    """A model that plays everything above 2 kHz too softly."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def part(self, name: str = "") -> Any:
        call = self.model.part(name)
        if name != "refine":
            return call

        def refine(*arrays: Any) -> Any:
            gain, residual = call(*arrays)
            too_soft = np.where(band_hz() > 2000, np.float32(DULLED_DB), 0)[:, None]
            return gain + too_soft, residual + too_soft

        return refine


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("oneshot", "oneshot")


@pytest.fixture(scope="module")
def style() -> StyleNotes:
    rng = np.random.default_rng(1)
    sound = melody(2 * [60, 64, 67, 62, 65, 69, 71, 72], 20, BANDS.sample_rate)
    return measure_notes(
        sound + 1e-3 * rng.standard_normal(len(sound)).astype(np.float32), "listener"
    )


def test_what_a_model_lacks_of_a_style_is_given_back_to_other_notes(
    model: Model, style: StyleNotes
) -> None:
    dulled: Any = Dulled(model)
    plain_db, dulled_db = (noise_correction_db(each, style) for each in (model, dulled))
    change_db = dulled_db - plain_db
    assert 0.25 * -DULLED_DB < change_db[NOISE_CENTRES_HZ > 4000].mean() < -DULLED_DB
    assert abs(change_db[NOISE_CENTRES_HZ < 1000].mean()) < 1
    # An octave above the style, where nothing that it has is recalled as it was measured.
    content = detect_notes(melody([84, 86, 88], 6, BANDS.sample_rate), "listener")
    frames = note_frames(content, 60)
    without, corrected = (
        predict(dulled, ((1.0, replace(style.memory, noise_correction_db=x)),), frames, 60)
        for x in (None, dulled_db)
    )
    np.testing.assert_allclose(
        corrected.noise_db - without.noise_db, np.tile(dulled_db, (len(frames), 1)), atol=1e-3
    )
    rise_db = (corrected.residual_db - without.residual_db)[:, 0]
    assert abs(rise_db[band_hz() > 6000].mean() - dulled_db[NOISE_CENTRES_HZ > 6000].mean()) < 0.5
    np.testing.assert_array_equal(corrected.partials_db, without.partials_db)


def test_one_note_corrects_nothing(model: Model) -> None:
    memory = measure_corrected_style(melody([60], 6, BANDS.sample_rate), "listener", model)
    assert memory.noise_correction_db is not None
    assert not memory.noise_correction_db.any()


def test_few_notes_or_wavering_residuals_correct_little() -> None:
    residual = np.full((N_NOISE, 256), 6.0, np.float32)
    corrections = [shrunk_mean_db(residual, n).mean() for n in (1, 2, 8, 100)]
    assert corrections[0] == 0
    assert corrections == sorted(corrections)
    assert corrections[1] < 2 < 3 < corrections[3] < 6
    swings = np.where(np.arange(256) // 32 % 2, 20.0, -20.0)[None]
    assert shrunk_mean_db(residual + swings.astype(np.float32), 100).mean() < corrections[3] / 3


def test_no_correction_is_beyond_reason() -> None:
    assert shrunk_mean_db(np.full((N_NOISE, 256), 300.0, np.float32), 100).max() == 18
