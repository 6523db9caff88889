"""Domains: both sounds of an example play the same notes, each within its ranges."""

import numpy as np
import pytest

from cambiata.errors import InputError

pytest.importorskip("lightning_fabric")
pytest.importorskip("onnx")
from cambiata.data.domains import (
    DOMAINS,
    DomainComposer,
    DomainsConfig,
    _remove_unisons,
)


def test_at_least_six_domains_ship_each_from_one_source() -> None:
    assert len(DOMAINS) >= 6
    assert all(len({member.bank for member in members}) == 1 for members in DOMAINS.values())


def test_both_play_the_same_notes_within_their_ranges() -> None:
    try:
        composer = DomainComposer(DomainsConfig(collections=()), False)
    except InputError as error:
        pytest.skip(str(error))
    for number in range(6):
        example = composer.example(number)
        assert example.domains[0] == number
        assert example.domains[0] != example.domains[1]
        assert example.sounds.shape == (2, composer.config.n_samples)
        assert np.isfinite(example.sounds).all()
        for domain in example.domains:
            members = DOMAINS[composer.config.domains[domain]]
            for note in example.notes:
                assert any(m.lowest <= note.pitch <= m.highest for m in members)
    again = composer.example(3)
    assert np.array_equal(again.sounds, composer.example(3).sounds)


def test_parts_share_no_pitch_at_one_time() -> None:
    from cambiata.score.midi import Note

    high = (Note(0.0, 1.0, 60), Note(1.0, 2.0, 62))
    low = (Note(0.5, 0.8, 60), Note(1.0, 2.0, 55))
    assert _remove_unisons([high, low]) == [high, (Note(1.0, 2.0, 55),)]


@pytest.mark.parametrize("domains", [("grand-piano",), ("grand-piano", "theremin")])
def test_wrong_domains_are_refused(domains: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="domains must be two or more of"):
        DomainsConfig(domains=domains)
