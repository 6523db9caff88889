"""Scores of counterpoints, and lines drawn at random that keep every rule."""

from fractions import Fraction

import pytest

from cambiata.counterpoint.cantus import Cantus
from cambiata.counterpoint.solver import sample_lines, score_counterpoint
from cambiata.counterpoint.two_voices import two_voice_breaches
from cambiata.counterpoint.worksheet import whole_notes

CANTUS = Cantus((60, 62, 64, 62, 60), Fraction(4), Fraction(4), Fraction(0), 0, 0)
SHORT = Cantus((62, 65, 64, 62, 64, 62), Fraction(4), Fraction(4), Fraction(0), 0, 0)


def test_scores_are_mean_log_probabilities() -> None:
    likely, unlikely = (
        score_counterpoint(CANTUS, whole_notes(line), "above")
        for line in ((67, 65, 67, 71, 72), (67, 74, 67, 74, 67))
    )
    assert -4 < likely < 0
    assert unlikely < likely


@pytest.mark.parametrize("species", [1, 2, 3])
def test_lines_at_random_keep_every_rule(species: int) -> None:
    lines = sample_lines(SHORT, "above", 2, species=species)
    assert len(lines) == 2
    assert not any(two_voice_breaches(SHORT, line, species, "above") for line in lines)
    assert lines == sample_lines(SHORT, "above", 2, species=species)
