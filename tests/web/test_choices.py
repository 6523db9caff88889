"""Choices that no job could fulfil are refused at once, and those that one can are not."""

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")

from cambiata.web.choices import check_choices
from cambiata.web.refusals import Refusal
from cambiata.web.schemas import request_models
from cambiata.web.verbs import VERBS

RECORDING, SCORE, TIMBRE = (
    f"{kind}_{number:020x}" for kind, number in (("snd", 1), ("snd", 2), ("tim", 3))
)
ROWS: dict[str, dict[str, Any]] = {
    RECORDING: {
        "id": RECORDING,
        **{"name": "tune.wav", "kind": "recording", "duration_s": 5.0, "subtype": "PCM_16"},
        **{"sample_rate": 44100, "n_channels": 2, "tracks": []},
    },
    SCORE: {"name": "reel.mid", "kind": "score", "duration_s": 8.0, "tracks": [{}, {}]},
    TIMBRE: {"id": TIMBRE, "name": "my violin", "system": "oneshot"},
}
INPUTS: dict[str, dict[str, Any]] = {
    "transfer": {"content": RECORDING, "style": TIMBRE},
    "play": {"score": SCORE, "sound": "cello"},
    "transcribe": {"recording": RECORDING},
    "translate": {"content": RECORDING, "to": {"sitar": 1}},
    "melody": {"tune": SCORE, "style": "slip jig"},
    "groove": {"a": SCORE, "b": SCORE},
    "counterpoint-solve": {"cantus": SCORE},
    "timbre-capture": {"styles": [RECORDING]},
    "edit": {"recording": RECORDING, "score": SCORE, "start_s": 1, "end_s": 2},
}


def _check(verb: str, **options: Any) -> None:
    request = request_models()[verb](**INPUTS[verb] | options).model_dump()
    output = f"out.{request.get('output_format') or 'wav'}"
    check_choices(VERBS[verb], request, ROWS, output)


@pytest.mark.parametrize(
    ("verb", "options", "words"),
    [
        ("melody", {"style": "tango"}, "tango is not a dance type.*hornpipe"),
        ("melody", {"style": "src"}, "src is not a dance type"),  # a folder, but no folder's name
        ("melody", {"settings": {"tango": 1}}, "tango: is not a setting"),
        ("melody", {"metre": "17/3"}, "metre 17/3: is not a metre"),
        ("melody", {"pickup": "1/0"}, "pickup 1/0: is not a length"),
        ("groove", {"metre": "7"}, "metre 7: is not a metre"),
        ("translate", {"to": {"sitar": 1, "tango": 1}}, "tango is not a domain; use .*sitar"),
        ("translate", {"preset": "tango"}, "has no preset tango"),
        ("transfer", {"preset": "tango"}, "has no preset tango"),
        ("transfer", {"settings": {"tango": 1}}, "has no setting tango"),
        ("transfer", {"settings": {"weights": "tango"}}, "tango: cannot be read"),
        ("transfer", {"to_key": "H"}, "key H: is not a key"),
        ("transfer", {"system": "musaicing"}, "my violin: is a timbre of oneshot"),
        ("transfer", {"style_end_s": 1}, "my violin: has no regions"),
        ("transfer", {"start_s": 5}, "start_s: 5 s is beyond the end of tune.wav"),
        ("transfer", {"start_s": 2, "end_s": 2}, "end_s: 2 s is not after the start"),
        ("transfer", {"subtype": "PCM_99"}, "WAV does not store PCM_99"),
        ("transfer", {"n_channels": 7}, "cannot make 7 channels of 2"),
        ("play", {"subtype": "PCM_16", "output_format": "mp3"}, "MP3 does not store PCM_16"),
        ("play", {"track": 3}, "track: reel.mid has 2 parts; use 1 to 2"),
        ("transcribe", {"quantise": "1/5"}, "quantise 1/5: is not a note value"),
        ("timbre-capture", {"system": "musaicing"}, "musaicing: keeps no timbres"),
        ("timbre-capture", {"start_s": 6}, "start_s: 6 s is beyond"),
        ("edit", {"end_s": 0.5}, "end_s: 0.5 s is not after the start"),
    ],
)
def test_what_no_job_could_do_is_refused(verb: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        _check(verb, **options)
    assert refused.value.status == 422


def test_what_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cambiata.web.choices.find_spec", lambda _name: None)
    with pytest.raises(Refusal, match=r'ulyanov: needs packages .*pip install "cambiata\[lab\]"'):
        _check("transfer", system="ulyanov", style="cello")
    with pytest.raises(Refusal, match=r'pip install "cambiata\[notes\]"'):
        _check("counterpoint-solve")
    _check("transfer")


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        *((verb, {}) for verb in INPUTS),
        ("melody", {"style": "Slip-Jig", "metre": "style", "pickup": "1/2"}),
        ("melody", {"style": [SCORE], "system": "retrieval", "metre": "6/8"}),
        ("transfer", {"style": "cello", "to_key": "F#m", "octave": -1, "dynamics": "style"}),
        ("transfer", {"start_s": 1, "end_s": 9, "subtype": "FLOAT", "n_channels": 1}),
        ("play", {"track": 2, "to_key": "Bb", "sample_rate": 22050}),
        ("transcribe", {"quantise": "1/8T"}),
    ],
)
def test_what_a_job_can_do_is_not(verb: str, options: dict[str, Any]) -> None:
    _check(verb, **options)
