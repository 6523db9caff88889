"""Tunes: families of variants, and dance types by field and title."""

import pytest
from tiny_tunes import sheet

from cambiata.data.tunes import Tune, _find_dance, group_families
from cambiata.score.sheet import Sheet, Tone, Voice


def test_variants_are_one_family_whatever_their_key_and_name() -> None:
    original = sheet("reel", 1)
    moved = Sheet(
        (Voice(tuple(Tone(t.start, t.length, t.pitch + 5) for t in original.voices[0].tones)),)
    )
    variants = [
        Tune("ryansMammoth/1 The Rose", "", original),
        Tune("oneills1850/7 Another Name", "", moved),
        Tune("airdsAirs/3 Rose, The", "", sheet("reel", 2)),
        Tune("airdsAirs/4 Thistle", "", sheet("reel", 3)),
    ]
    found = group_families(variants)
    assert found[0] == found[1] == found[2] != found[3]


@pytest.mark.parametrize(
    ("rhythm_field", "title", "dance"),
    [
        ("reel", "Anything", "reel"),
        ("slip jig", "", "slip jig"),
        ("Highland Fling", "", "strathspey"),
        ("", "THE BEE -- HORNPIPE", "hornpipe"),
        ("", "Quick March 19th. Regt.", "march"),
        ("", "The Reelers' Pride", ""),
        ("", "A Scotch Air", "air"),
    ],
)
def test_dances_are_read_off(rhythm_field: str, title: str, dance: str) -> None:
    assert _find_dance(rhythm_field, title) == dance
