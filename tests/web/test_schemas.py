"""Schemas of requests say what the API says: its options, defaults and words."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from pydantic import ValidationError
from starlette.testclient import TestClient

import cambiata
from cambiata.counterpoint.api import solve_file
from cambiata.groove.api import groove_file
from cambiata.keywords import keywords_of
from cambiata.transcription.api import transcribe_file
from cambiata.web.schemas import option_names, request_models
from cambiata.web.verb import WITHHELD, named
from cambiata.web.verbs import VERBS

SOUND = "snd_" + "0" * 20


@pytest.mark.parametrize("verb", [name for name in VERBS if name != "edit"])
def test_every_keyword_is_offered_or_withheld(verb: str) -> None:
    keywords = {name for name in keywords_of(named(VERBS[verb].function)) if name != "options"}
    inputs = {each.name for each in VERBS[verb].inputs}
    offered = set(option_names(VERBS[verb]))
    assert keywords - offered <= {*WITHHELD, *VERBS[verb].without, *inputs}
    assert offered <= {*keywords, *getattr(VERBS[verb], "positional", ())}
    assert offered < set(request_models()[verb].model_fields)


@pytest.mark.parametrize(
    ("verb", "request_body", "source"),
    [
        ("transfer", {"content": SOUND, "style": "cello"}, cambiata.Options),
        ("play", {"score": SOUND, "sound": "cello"}, cambiata.PlayOptions),
        ("transcribe", {"recording": SOUND}, transcribe_file),
        ("groove", {"a": SOUND, "b": SOUND}, groove_file),
        ("counterpoint-solve", {"cantus": SOUND}, solve_file),
        ("instrument", {"sounds": "cello"}, cambiata.make_instrument),
        ("reverb-apply", {"recording": SOUND, "room": SOUND}, cambiata.reverb_apply_file),
        ("reverb-sweep", {}, cambiata.reverb_sweep_file),
    ],
)
def test_defaults_are_the_apis(verb: str, request_body: dict[str, Any], source: Any) -> None:
    model = request_models()[verb](**request_body).model_dump()
    if isinstance(source, type):
        made = source()
        defaults = {each.name: getattr(made, each.name) for each in fields(source)}
    else:
        defaults = {k: p.default for k, p in inspect.signature(source).parameters.items()}
    checked = [name for name in option_names(VERBS[verb]) if name in defaults]
    assert len(checked) > 5
    for name in checked:
        assert model[name] == defaults[name], name


@pytest.mark.parametrize("verb", VERBS)
def test_every_property_is_described(verb: str) -> None:
    schema = request_models()[verb].model_json_schema()
    assert schema["additionalProperties"] is False
    for name, each in schema["properties"].items():
        assert each.get("description"), name
        assert "`" not in each["description"]
        assert each["description"] != "Likewise.", name


def test_translation_has_its_own_system() -> None:
    assert request_models()["translate"](content=SOUND, to={"a": 1}).model_dump()["system"] == (
        "translation"
    )


@pytest.mark.parametrize("verb", VERBS)
def test_no_text_is_a_path(verb: str) -> None:
    """Texts are short, chosen from a list or held to a pattern that has no slash."""
    for name, each in request_models()[verb].model_json_schema()["properties"].items():
        for text in _texts_of(each):
            pattern = text.get("pattern")
            assert "enum" in text or "const" in text or pattern or text["maxLength"] <= 80, name
            for path in ("/etc/passwd", "../x.wav", "a/b"):
                assert not (pattern and re.search(pattern, path)), name


def _texts_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a text within another."""
    if isinstance(schema, list):
        for each in schema:
            yield from _texts_of(each)
    elif isinstance(schema, dict):
        if schema.get("type") == "string":
            yield schema
        for each in schema.values():
            yield from _texts_of(each)


@pytest.mark.parametrize("value", ["/a", "a/b", "..", "a\\b", "x.onnx", "~", "a\n", "C:x"])
def test_settings_are_no_paths(value: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        request_models()["transfer"](content=SOUND, style="cello", settings={"weights": value})


@pytest.mark.parametrize("value", ["oneshot", "mor2018-small", "0.5", "auto", 3, 0.5, True])
def test_settings_are_words_and_numbers(value: Any) -> None:
    made = request_models()["transfer"](content=SOUND, style="cello", settings={"a": value})
    assert made.model_dump()["settings"] == {"a": value}


def test_description_is_whole_and_names_no_other_host(still: TestClient) -> None:
    description = still.get("/api/openapi.json").json()
    for verb in VERBS:
        operation = description["paths"][f"/api/jobs/{verb}"]["post"]
        assert {"202", "422", "429"} <= set(operation["responses"])
    assert "http://" not in still.get("/api/openapi.json").text
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert still.get(path).status_code == 404
    listed = {each["verb"]: each["schema"] for each in still.get("/api/verbs").json()["verbs"]}
    assert set(listed) == set(VERBS)
    assert listed["transfer"]["properties"]["content"]["x-input"] == "recording"
