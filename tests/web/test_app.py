"""The application as a whole: the page, errors in one form, bodies that are too large."""

import json
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from starlette.testclient import TestClient

from cambiata.web.limits import Limits

WORDS = {"what", "wrong", "cure", "message"}


def test_health_and_facts(still: TestClient) -> None:
    health = still.get("/health").json()
    assert (health["status"], health["token_wanted"], health["workers"]) == ("ok", False, 0)
    systems = still.get("/api/systems").json()["systems"]
    assert "oneshot" in [system["name"] for system in systems]
    assert "sitar" in [each["name"] for each in still.get("/api/domains").json()["domains"]]
    styles = still.get("/api/melody-styles").json()["styles"]
    assert {"name": "reel", "metres": ["4/4"]} in styles or "reel" in [s["name"] for s in styles]
    assert still.get("/api/melody-styles?system=nothing").status_code == 422
    named = still.get("/api/named-timbres").json()["timbres"]
    assert "cello" in [each["name"] for each in named]
    assert "sha256" not in named[0]
    limits = still.get("/api/limits").json()
    assert set(Limits.__dataclass_fields__) - set(limits) <= {"json_bytes", "event_streams"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("GET", "/api/jobs?state=odd", 422),
        ("PUT", "/api/sounds", 405),
        ("GET", "/api/named-timbres/..", 404),
        ("GET", "/api/named-timbres/nothing/audio", 404),
        ("GET", "/api/timbres/tim_0", 404),
        ("DELETE", "/api/timbres/tim_0", 404),
        ("GET", "/api/timbres/tim_0/file", 404),
    ],
)
def test_every_error_has_one_form(still: TestClient, method: str, path: str, status: int) -> None:
    answer = still.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == WORDS
    assert answer.json()["message"].count("\n") == 0


def test_a_bug_is_said_without_its_inside(
    still: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("secret path /home/somebody")

    monkeypatch.setattr(still.app.state.studio.store, "rows", broken)  # type: ignore[attr-defined]
    client = TestClient(still.app, "http://127.0.0.1", raise_server_exceptions=False)
    answer = client.get("/api/sounds")
    assert answer.status_code == 500
    assert set(answer.json()) == WORDS
    assert "secret" not in answer.text


def test_large_bodies_are_refused(still: TestClient) -> None:
    most = Limits().json_bytes
    body = json.dumps({"parts": [], "name": "x" * most}).encode()
    assert still.post("/api/scores", content=body).status_code == 413
    pieces = (b" " * 2**20 for _ in range(6))  # chunked: its length is never announced
    assert still.post("/api/scores", content=pieces).status_code == 413
    headers = {"Content-Length": "99999999999"}
    assert still.post("/api/session", content=b"{}", headers=headers).status_code == 413


def test_a_session_without_a_token_sets_no_cookie(still: TestClient) -> None:
    answer = still.post("/api/session", json={"token": "anything"})
    assert answer.status_code == 204
    assert "Set-Cookie" not in answer.headers


def test_named_timbre_is_heard(still: TestClient) -> None:
    answer = still.get("/api/named-timbres/Cello/audio", headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, b"RIFF")
