"""Rows and sets of `cambiata evaluate translate`."""

from dataclasses import replace

import numpy as np
import pytest
from sounds import melody

from cambiata.audio.sound import Audio
from cambiata.data.domains import DOMAINS
from cambiata.errors import InputError
from cambiata.evaluate.testset import ArtificialSet, Clips, Segment, SegmentPair
from cambiata.evaluate.translate import (
    PROGRAMS,
    TranslateSet,
    evaluate_translate,
    find_domain,
    find_translate_row,
    render_domain,
)
from cambiata.score.midi import Note


def _pair(number: int, program: int, other: int) -> SegmentPair:
    content = Segment("work", 0, 0, other, "", (Note(0.0, 1.0, 60),))
    return SegmentPair(f"{number:04d}-x", "bin", content, replace(content, program=program))


def test_every_domain_stands_for_programs_of_its_own() -> None:
    assert PROGRAMS.keys() == DOMAINS.keys()
    programs = [program for some in PROGRAMS.values() for program in some]
    assert len(programs) == len(set(programs))
    assert find_domain(42) == "string-quartet"
    assert find_domain(120) == ""


def test_pairs_are_named_by_their_domain() -> None:
    pairs = (_pair(7, 42, 80), _pair(9, 104, 0))
    composed = TranslateSet("unseen", "Unseen", ArtificialSet("timgm6mb", "", 0, pairs))
    assert composed.facts["rendered"] is False
    assert "2 pairs" in composed.about
    from cambiata.evaluate import translate

    assert [translate._pair_name(pair) for pair in pairs] == [
        "string-quartet.0007-x",
        "sitar.0009-x",
    ]


def test_a_translation_is_asked_for_by_the_pair_s_name() -> None:
    sound = Audio(melody([60, 64], rate=22050), 22050)
    row = find_translate_row("translation")
    assert row.kind == "system"
    first, second = (
        row.output(Clips(sound, sound, name=f"{domain}.0001-x"))
        for domain in ("church-organ", "sitar")
    )
    assert first.samples.shape == sound.samples.shape
    assert not np.allclose(first.samples, second.samples)
    small = find_translate_row("translation:mor2018-small")
    assert small.label == "translation (mor2018-small)"
    assert small.applies_to("wind-quintet.0001-x")
    assert not small.applies_to("sitar.0001-x")
    assert row.applies_to("sitar.0001-x")
    assert find_translate_row("copy-content").kind == "copy"
    assert find_translate_row("domain-render").kind == "ceiling"


def test_a_domain_s_own_players_play_the_true_notes() -> None:
    clips = Clips(
        Audio(np.zeros(44100), 44100),
        Audio(np.zeros(44100), 44100),
        notes=(Note(0.2, 0.8, 60, 90),),
        name="grand-piano.0001-x",
    )
    try:
        sound = render_domain("grand-piano", clips)
    except InputError as error:
        pytest.skip(str(error))
    assert sound.shape == (44100,)
    assert np.abs(sound[: round(0.19 * 44100)]).max() < 1e-3
    assert np.abs(sound).max() > 1e-3


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"rows": ["magic"]}, "magic: is not a row"),
        ({"rows": ["translation:fast"]}, "has no preset fast"),
        ({"rows": []}, "none is named"),
        ({"limit": 0}, "leaves no pair"),
    ],
)
def test_wrong_calls_are_refused(given: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        evaluate_translate("/tmp/never", **given)  # type: ignore[arg-type]
