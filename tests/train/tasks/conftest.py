"""Recorded examples that the trainings of networks on notes share."""

import pytest
from tiny_scored import tiny_scored

from cambiata.data.scored_examples import PianoConfig, ScoredExamples


@pytest.fixture(scope="session")
def scored_examples(tmp_path_factory: pytest.TempPathFactory) -> ScoredExamples:
    """Four examples of tones with their notes."""
    return tiny_scored(tmp_path_factory.mktemp("scored"))


@pytest.fixture(scope="session")
def roll_examples(tmp_path_factory: pytest.TempPathFactory) -> ScoredExamples:
    """The same as keyboards, for networks on piano rolls."""
    return tiny_scored(
        tmp_path_factory.mktemp("pianos"),
        PianoConfig(
            banks=(),
            collections=(),
            held_out=(),
            n_examples=4,
            n_validation=2,
            n_shard=2,
            duration_s=2.0,
        ),
    )
