"""Dynamics: crescendi, gaps and silences of known level, kept, flattened and filled."""

import numpy as np
import pytest
from voices import RATE, sung, white

from cambiata import Audio
from cambiata.evaluate.dynamics import (
    LOWEST_DB,
    active_range_db,
    frame_levels_db,
    gap_fill_db,
    range_ratio,
    silence_excess_db,
)

ATTACKS_S = np.array([0.1, 0.6, 1.1, 1.6])


def crescendo(range_db: float) -> Audio:
    sound = sung(440)
    curve = np.linspace(-range_db, 0, len(sound))
    return Audio((sound * 10 ** (curve / 20)).astype(np.float32), RATE)


def staccato(gap_db: float) -> Audio:
    """Notes of 0.4 s whose level falls by so much for 0.1 s between them."""
    sound = sung(440)
    t = np.arange(len(sound)) / RATE
    for start_s in ATTACKS_S[1:]:
        sound[(t >= start_s - 0.1) & (t < start_s)] *= 10 ** (gap_db / 20)
    return Audio(sound, RATE)


def pausing(silence_db: float) -> Audio:
    """Half a second of noise so far below the note to both sides."""
    sound = sung(440)
    level = float(np.sqrt(np.mean(sound**2)))
    sound[RATE // 2 : RATE] = level * 10 ** (silence_db / 20) * white(RATE // 2)
    return Audio(sound, RATE)


def test_a_crescendo_reads_nine_tenths_of_its_range() -> None:
    levels_db = frame_levels_db(crescendo(30))
    assert active_range_db(levels_db[1:-1], np.ones(155, bool)) == pytest.approx(26.5, abs=1)


@pytest.mark.parametrize(("range_db", "ratio"), [(20, 1), (10, 0.5), (30, 1.5)])
def test_a_range_over_the_content_s(range_db: float, ratio: float) -> None:
    assert range_ratio(crescendo(20), crescendo(range_db)) == pytest.approx(ratio, abs=0.06)


def test_notes_that_are_cut_away_make_the_range_larger() -> None:
    content = crescendo(30)
    gated = content.samples.copy()
    gated[:, : RATE // 2] *= 1e-3
    assert range_ratio(content, Audio(gated, RATE)) > 1.5


def test_a_steady_content_has_no_range_to_keep() -> None:
    held = Audio(sung(440)[RATE // 4 : -RATE // 4], RATE)
    assert np.isnan(range_ratio(held, held))


@pytest.mark.parametrize(("gap_db", "filled_db"), [(-26, 0), (-16, 10), (0, 26)])
def test_gaps_are_filled_by_so_much(gap_db: float, filled_db: float) -> None:
    filled = gap_fill_db(staccato(-26), staccato(gap_db), ATTACKS_S)
    assert filled == pytest.approx(filled_db, abs=1)


def test_deep_gaps_may_be_as_deep_as_one_hears() -> None:
    assert gap_fill_db(staccato(-60), staccato(-42), ATTACKS_S) == pytest.approx(0, abs=0.5)


def test_without_gaps_or_attacks_there_is_nothing_to_fill() -> None:
    held = Audio(sung(440), RATE)
    assert np.isnan(gap_fill_db(held, held, ATTACKS_S))
    assert np.isnan(gap_fill_db(staccato(-26), held, ATTACKS_S[:1]))


@pytest.mark.parametrize("silence_db", [-79.0, -60.0])
def test_a_silence_reads_its_level(silence_db: float) -> None:
    assert frame_levels_db(pausing(silence_db))[60] == pytest.approx(silence_db, abs=1)
    louder_db = silence_excess_db(pausing(-79), pausing(silence_db))
    assert louder_db == pytest.approx(silence_db + 79, abs=1)


def test_silences_that_are_too_short_or_too_loud_are_none() -> None:
    assert np.isnan(silence_excess_db(pausing(-30), pausing(-79)))
    assert np.isnan(silence_excess_db(staccato(-79), staccato(-79)))


def test_digital_silence_is_a_level_and_no_error() -> None:
    nothing = Audio(np.zeros(2 * RATE, np.float32), RATE)
    assert (frame_levels_db(nothing) == LOWEST_DB).all()
    assert silence_excess_db(pausing(-79), nothing) == pytest.approx(LOWEST_DB + 79, abs=1)
    assert range_ratio(crescendo(20), nothing) == 0
    assert gap_fill_db(staccato(-26), nothing, ATTACKS_S) == pytest.approx(26, abs=1)
    assert np.isnan(range_ratio(nothing, nothing))
