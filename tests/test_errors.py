"""Warnings point to the caller's own line; arguments of another type are refused by name."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cambiata
from cambiata import Audio, Note, Part, Score, Sheet
from cambiata.aliases import current_name

SCORE = Score((Part(tuple(Note(i / 2, i / 2 + 0.5, 60 + i * i % 9) for i in range(32))),))
SHEET = Sheet.of(SCORE)
_T = np.arange(44100, dtype=np.float32) / 44100
SOUND = Audio(np.sin(2 * np.pi * 440 * _T) * np.exp(-3 * _T), 44100)


def test_a_warning_points_to_the_line_of_the_caller() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        current_name("setting", "least_wish")
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cambiata.transcribe("t.wav"), r"recording takes Audio, as from cambiata\.load"),
        (lambda: cambiata.transcribe(SCORE), "recording takes Audio, .*, not Score"),
        (lambda: cambiata.restyle("reel.mid", "jig"), r"tune takes a Sheet, .*load_sheet\(path\)"),
        (lambda: cambiata.restyle(SCORE, "jig"), r"tune takes .* Sheet\.of\(score\), not Score"),
        (lambda: cambiata.restyle(SHEET, [SCORE]), "style takes a dance type's name, or a Sheet"),
        (lambda: cambiata.restyle(SHEET, "jig", amount="1"), "amount takes a number from 0 to 1"),
        (lambda: cambiata.check_counterpoint("x.mid"), "sheet takes a Sheet, .*, not str"),
        (lambda: cambiata.solve_counterpoint(SCORE), "cantus_sheet takes a Sheet"),
        (
            lambda: cambiata.morph_groove("a.mid", "b.mid"),
            r"^a takes a Score, .*load_score\(path\)",
        ),
        (
            lambda: cambiata.morph_groove(SCORE, "b.mid"),
            "^b takes a Score, .*, or several, not str",
        ),
        (
            lambda: cambiata.morph_groove(SCORE, SCORE, amount="50%"),
            "amount takes a number from 0 to 1, as in 0.5, not str",
        ),
        (lambda: cambiata.mix_timbres([(SOUND, 1)]), r"takes a Timbre \(cambiata\.capture_timbre"),
        (lambda: cambiata.mix_timbres([("flute", "1")]), "share takes a number, as in 0.5"),
        (lambda: cambiata.capture_timbre([SCORE]), "styles takes sounds .*, not Score"),
        (
            lambda: cambiata.play(SHEET, SOUND),
            r"score takes .* \.to_score\(\), or Audio, not Sheet",
        ),
        (lambda: cambiata.play(SCORE, "cello"), "sound takes Audio, .*, or a Timbre, not str"),
        (lambda: cambiata.play(SCORE, SOUND, tempo="2"), "tempo takes how many times as fast"),
        (
            lambda: cambiata.transfer(SOUND, SOUND, amount="50%"),
            "amount takes a number from 0 to 1",
        ),
        (lambda: cambiata.transfer(SOUND, SOUND, end_s="0:01"), "end_s takes a number of seconds"),
    ],
)
def test_another_type_is_refused_by_what_is_taken(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_a_time_in_text_is_refused_by_what_is_taken(tmp_path: Path) -> None:
    SOUND.save(tmp_path / "t.wav")
    with pytest.raises(TypeError, match=r"start_s takes a number of seconds, as in 61\.5, not str"):
        cambiata.load(tmp_path / "t.wav", start_s="0:01")  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers() -> None:
    assert cambiata.Options(amount=np.float32(0.5), start_s=np.int64(1)).amount == 0.5  # type: ignore[arg-type]


def test_one_sound_is_captured_as_a_list_of_one() -> None:
    assert cambiata.capture_timbre(SOUND).sources == cambiata.capture_timbre([SOUND]).sources


def test_timbres_are_mixed_by_their_names() -> None:
    mixed = cambiata.mix_timbres([("flute", 0.5), (cambiata.load_timbre("cello"), 0.5)])
    assert mixed.sources == ("flute", "cello")
