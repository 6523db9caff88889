"""Measures of a restyled melody: its likeness to the content, and to a dance type."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cambiata.melody.bars import STEPS, MelodyLine
from cambiata.score.sheet import Voice

Values = npt.NDArray[np.float64]

_FRAMES = 8  # of a bar: half beats in 4/4. Finer frames would punish a dotted rhythm as other notes
_TINY = 1e-9  # twelfths of a beat are not exact in floating point
# Of the dance classifier, by sizes of its features: profiles sum to 1 each, and a beat's count is
# but a hint (0.1), as reels and hornpipes have it in common.
_METRE_WEIGHT = 0.1
# Inverse strength of the classifier's penalty: its accuracy on held-out tunes is in every table.
_C = 20.0


def chroma_similarity(a: MelodyLine, b: MelodyLine, *, window: int = 4) -> float:
    """Likeness of two melodies' pitch classes over time.

    Chroma of every half beat, averaged over a moving window, compared by cosine column by column,
    averaged over columns where either sounds (Lu & Su, ISMIR 2018; Cífka et al. 2020). We differ:
    frames are half beats as counted, so that bars of unlike metres are compared place by place.
    """
    chroma = [_smooth(_chroma(line, a.bar_starts[-1] / a.metre.bar), window) for line in (a, b)]
    dots = (chroma[0] * chroma[1]).sum(axis=0)
    norms = np.linalg.norm(chroma[0], axis=0) * np.linalg.norm(chroma[1], axis=0)
    either = (chroma[0].sum(axis=0) > 0) | (chroma[1].sum(axis=0) > 0)
    return float((dots / np.maximum(norms, 1e-9))[either].mean())


def _frame_spans(line: MelodyLine, n_bars: Fraction) -> Iterator[tuple[int, int, int]]:
    """Tones as first frame, frame after the last and pitch, in eighths of a frame."""
    for tone in line.voice(Voice(())).tones:
        start, end = (round(each / line.metre.bar * _FRAMES * 8) for each in (tone.start, tone.end))
        yield start, min(end, round(n_bars * _FRAMES * 8)), tone.pitch


def _chroma(line: MelodyLine, n_bars: Fraction) -> Values:
    fine = np.zeros((12, round(n_bars * _FRAMES) * 8))
    for start, end, pitch in _frame_spans(line, n_bars):
        fine[pitch % 12, start:end] += 1
    return np.asarray(fine.reshape(12, -1, 8).sum(axis=2))


def _smooth(chroma: Values, window: int) -> Values:
    kernel = np.ones(window) / window
    return np.stack([np.convolve(row, kernel, mode="same") for row in chroma])


def contour_similarity(a: MelodyLine, b: MelodyLine) -> float:
    """Correlation of two melodies' pitches over time."""
    n_bars = a.bar_starts[-1] / a.metre.bar
    curves = []
    for line in (a, b):
        curve = np.full(round(n_bars * _FRAMES) * 8, np.nan)
        for start, end, pitch in _frame_spans(line, n_bars):
            curve[start:end] = pitch
        curves.append(curve[4::8])
    both = np.isfinite(curves[0]) & np.isfinite(curves[1])
    x, y = (curve[both] for curve in curves)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


def repetition_f1(content: MelodyLine, output: MelodyLine) -> float:
    """F1 of pairs of equal bars in the content that are equal in the output; NaN without any."""
    expected, repeated = (
        {
            (i, j)
            for i in line.full_bars
            for j in line.full_bars
            if i < j and line.bars[i] == line.bars[j]
        }
        for line in (content, output)
    )
    if not expected:
        return float("nan")
    return 2 * len(expected & repeated) / (len(expected) + len(repeated))


def style_profile(line: MelodyLine) -> Values:
    """Histogram of intervals in time and pitch of tones that are near each other, [12 * 41].

    Of all pairs of tones less than two beats apart: difference of onsets in sixths of a beat, of
    pitches in semitones to 20 (Cífka et al. 2020, time-pitch profile).
    """
    tones = line.voice(Voice(())).tones
    beat = Fraction(line.counting.beat_steps, STEPS) / line.counting.scale
    starts = np.array([float(tone.start / beat) for tone in tones])
    pitches = np.array([tone.pitch for tone in tones])
    counts = np.zeros((12, 41))
    for lag in range(1, len(tones)):
        sixths = ((starts[lag:] - starts[:-lag] + _TINY) * 6).astype(np.int64)
        steps = pitches[lag:] - pitches[:-lag]
        in_range = (sixths < 12) & (np.abs(steps) <= 20)
        if sixths.min() >= 12:
            break
        np.add.at(counts, (sixths[in_range], steps[in_range] + 20), 1)
    total = counts.sum()
    return np.asarray(counts / max(1.0, float(total))).ravel()


def rhythm_profile(line: MelodyLine) -> Values:
    """Histogram of places in the bar at which tones begin, and of their lengths, [48 * 12]."""
    beat = Fraction(line.counting.beat_steps, STEPS) / line.counting.scale
    counts = np.zeros((48, 12))
    for tone in line.voice(Voice(())).tones:
        place = (tone.start - line.pickup) % line.metre.bar
        counts[
            min(47, int(place / beat * 12)), min(11, max(0, int(tone.length / beat * 6) - 1))
        ] += 1
    return np.asarray(counts / max(1.0, float(counts.sum()))).ravel()


def _features(line: MelodyLine) -> Values:
    """Features of the classifier: both profiles, transitions of rhythms, metre."""
    lengths = [
        min(12, max(1, round(tone.length * line.counting.scale * 6)))
        for tone in line.voice(Voice(())).tones
    ]
    transitions = np.zeros((13, 13))
    for a, b in pairwise(lengths):
        transitions[a, b] += 1
    metre_one_hot = np.zeros(8)
    metre_one_hot[line.counting.n_beats - 2 + 4 * line.counting.is_compound] = _METRE_WEIGHT
    parts = [
        style_profile(line),
        rhythm_profile(line),
        transitions.ravel() / max(1, len(lengths)),
        metre_one_hot,
    ]
    return np.sqrt(np.concatenate(parts))


class DanceClassifier:
    """Dance type of a tune, by logistic regression on profiles of tunes of other families."""

    def __init__(self, tunes: Sequence[tuple[MelodyLine, str]]) -> None:
        from sklearn.linear_model import LogisticRegression

        self._model = LogisticRegression(C=_C, max_iter=2000, class_weight="balanced")
        self._model.fit([_features(line) for line, _ in tunes], [dance for _, dance in tunes])

    def probabilities(self, line: MelodyLine) -> dict[str, float]:
        """Probability of each dance type."""
        probabilities = self._model.predict_proba([_features(line)])[0]
        return dict(zip(map(str, self._model.classes_), map(float, probabilities), strict=True))

    def predict(self, line: MelodyLine) -> str:
        """The likeliest dance type."""
        probabilities = self.probabilities(line)
        return max(probabilities, key=lambda dance: probabilities[dance])


def cosine_similarity(a: Values, b: Values) -> float:
    """Cosine of the angle between two profiles; 0 where one is empty."""
    return float(a @ b) / max(1e-12, float(np.linalg.norm(a)) * float(np.linalg.norm(b)))
