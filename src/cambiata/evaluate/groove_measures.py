"""Measures of an interpolation between two grooves: its ends, its steps, its middle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.groove.grid import N_DRUMS, STRAIGHT, Groove, Strike, drum_strikes, replace_drums
from cambiata.groove.system import GrooveAmounts, Interpolator
from cambiata.score.midi import Clock, Note, Part, Score

Array = npt.NDArray[np.float32]

AMOUNTS = tuple(i / 10 for i in range(11))
_TICKS = 960  # a quarter note in the files written
_N_LOUD = 8  # bins of velocity in a style profile


@dataclass(frozen=True)
class GroovePair:
    """Two beats by different drummers."""

    a: Groove  # at most 16 bars
    b: Groove  # in as many bars
    drummers: tuple[str, str]
    genre: str  # of both
    same_music: bool  # both play one notated groove (the dataset's evaluation sessions)


def groove_of_strikes(pair: GroovePair, strikes: Sequence[Strike]) -> Groove:
    """Strikes as a groove in the pair's bars."""
    seconds = Clock(metres=((0.0, pair.a.metres[0]),))
    notes = [
        Note(seconds.seconds(s.onset), seconds.seconds(s.onset + s.duration), s.pitch, s.velocity)
        for s in strikes
    ]
    if not notes:
        return replace(pair.a, hits=())
    score = Score((Part(tuple(notes), is_drum=True),), clock=seconds)
    groove = Groove.of(score, steps_per_quarter=pair.a.steps_per_quarter)
    hits = tuple(hit for hit in groove.hits if hit.bar < pair.a.n_bars)
    return replace(groove, metres=pair.a.metres, hits=hits)


def has_exact_ends(pair: GroovePair, interpolator: Interpolator) -> float:
    """1 where a file at 0 holds A's notes and at 1 B's, to the tick, else 0."""
    clock = Clock(((0.0, pair.a.quarters_per_minute),), ((0.0, pair.a.metres[0]),))
    empty = Score((Part((Note(0.0, 1.0, 36),), is_drum=True),), clock=clock)

    for amount, expected in ((0.0, pair.a), (1.0, pair.b)):
        written = replace_drums(empty, interpolator.at(GrooveAmounts.of(amount))).to_mido()
        if _ticks(drum_strikes(Score.of(written))) != _ticks(expected.strikes):
            return 0.0
    return 1.0


def _ticks(strikes: Sequence[Strike]) -> list[tuple[int, int, int]]:
    return sorted((round(s.onset * _TICKS), s.pitch, s.velocity) for s in strikes)


def _profile(groove: Groove) -> Array:
    """Style profile: which drum on which sixteenth of the bar, and which drum how loud.

    After Cífka et al. 2020 (Groove2Groove), who use onsets by pitch and by velocity.
    """
    per_bar = int(groove.metres[0].bar * STRAIGHT)
    places, velocities = np.zeros((per_bar, N_DRUMS)), np.zeros((_N_LOUD, N_DRUMS))
    for hit in groove.hits:
        if hit.drum < N_DRUMS:
            places[groove.cell(hit) % per_bar, hit.drum] += 1
            velocities[hit.velocity * _N_LOUD // 128, hit.drum] += 1
    parts = [each.ravel() / (np.linalg.norm(each) or 1.0) for each in (places, velocities)]
    return np.concatenate(parts).astype(np.float32)


def _bar_similarity(groove: Groove) -> float:
    """Mean share of hits that two bars of a groove have in common."""
    bars = groove.straight_hits.reshape(groove.n_bars, -1)
    bars = bars[bars.any(1)]
    if len(bars) < 2:
        return 1.0
    common, n_hits = bars @ bars.T, bars.sum(1)
    dice = 2 * common / (n_hits[:, None] + n_hits)
    return float(dice[~np.eye(len(bars), dtype=bool)].mean())


def _cosine(one: Groove, other: Groove) -> float:
    a, b = _profile(one), _profile(other)
    return float(a @ b / ((np.linalg.norm(a) * np.linalg.norm(b)) or 1.0))


def measure_path(
    pair: GroovePair, grooves: Sequence[Groove], posteriors: Sequence[float]
) -> dict[str, Any]:
    """Measures of one interpolation, of its grooves and p(B) at each of `AMOUNTS`."""
    from scipy.stats import spearmanr

    arrays = [groove.arrays() for groove in grooves]
    (hits_a, loud_a, late_a), (hits_b, loud_b, late_b) = (g.arrays() for g in (pair.a, pair.b))
    common = (hits_a > 0) & (hits_b > 0)
    hit_changes = [float(np.abs(x[0] - y[0]).sum()) for x, y in pairwise(arrays)]
    velocity_changes = [float(np.abs(x[1] - y[1]).sum()) for x, y in pairwise(arrays)]
    timing_changes = [
        float(np.abs(x[2] - y[2])[common & (x[0] > 0) & (y[0] > 0)].sum())
        for x, y in pairwise(arrays)
    ]
    whole = [
        float(np.abs(hits_a - hits_b).sum()),
        float(np.abs(loud_a - loud_b).sum()),
        float(np.abs(late_a - late_b)[common].sum()),
    ]
    p = np.array(posteriors)
    line = p[0] + (p[-1] - p[0]) * np.array(AMOUNTS)
    middle = grooves[len(grooves) // 2]
    ends = (len(pair.a.hits) + len(pair.b.hits)) / 2
    steps = {
        name: max(moved) / total if total > 0 else None
        for name, moved, total in zip(
            ("hits_step", "velocity_step", "timing_step"),
            (hit_changes, velocity_changes, timing_changes),
            whole,
            strict=True,
        )
    }
    return steps | {
        "order": float(spearmanr(AMOUNTS, p).statistic) if np.ptp(p) > 0 else 0.0,
        "rising": float((np.diff(p) >= -1e-9).mean()),
        "bend": float(np.abs(p - line).mean()),
        "density": len(middle.hits) / ends,
        "hits_path": sum(hit_changes) / whole[0] if whole[0] else None,
        "structure": _bar_similarity(middle)
        / ((_bar_similarity(pair.a) + _bar_similarity(pair.b)) / 2 or 1.0),
        "to_a": _cosine(middle, pair.a),
        "to_b": _cosine(middle, pair.b),
        "p_at_a": float(p[0]),
        "p_at_b": float(p[-1]),
        "ends_cosine": _cosine(pair.a, pair.b),
    }
