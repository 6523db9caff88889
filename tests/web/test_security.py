"""Requests from other sites and without the token are refused, whatever they ask."""

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cambiata.web.security import COOKIE, Guard, host_name


def _client(token: str | None = None, host: str = "127.0.0.1") -> TestClient:
    def answer(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("inside")

    methods = ["GET", "POST", "DELETE"]
    paths = ("/", "/api/sounds", "/static/a.js", "/health")
    app = Starlette(routes=[Route(path, answer, methods=methods) for path in paths])
    app.add_middleware(Guard, host=host, token=token)
    return TestClient(app, base_url="http://127.0.0.1:8321")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8321", 200),
        ("localhost:1", 200),
        ("[::1]:8321", 200),
        ("LOCALHOST", 200),
        ("evil.example", 421),
        ("evil.example:8321", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("localhost:80:80", 421),
        ("localhost, evil.example", 421),
        ("", 421),
    ],
)
def test_only_our_own_host_is_answered(host: str, status: int) -> None:
    answer = _client().get("/api/sounds", headers={"Host": host})
    assert answer.status_code == status
    assert (answer.text == "inside") == (status == 200)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://127.0.0.1:8321"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),  # another program on this machine
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_sites_are_refused(method: str, headers: dict[str, str], status: int) -> None:
    is_visit = headers.get("Sec-Fetch-Mode") == "navigate"
    wanted = 403 if is_visit and method == "POST" else status  # a form of another site
    assert _client().request(method, "/api/sounds", headers=headers).status_code == wanted


@pytest.mark.parametrize(
    ("request_parts", "status"),
    [
        ({}, 401),
        ({"headers": {"Authorization": "Bearer right-token"}}, 200),
        ({"headers": {"Authorization": "bearer right-token"}}, 200),
        ({"headers": {"Authorization": "Bearer wrong-token"}}, 401),
        ({"headers": {"Authorization": "Basic right-token"}}, 401),
        ({"headers": {"Authorization": "Bearer"}}, 401),
        ({"headers": {"Cookie": f"{COOKIE}=right-token"}}, 200),
        ({"headers": {"Cookie": f"{COOKIE}=wrong"}}, 401),
        ({"params": {"token": "right-token"}}, 200),
        ({"params": {"token": "wrong\u00e9"}}, 401),
    ],
)
def test_token(request_parts: dict[str, Any], status: int) -> None:
    client = _client("right-token")
    answer = client.get("/api/sounds", **request_parts)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["what"] == "token"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/static/a.js", "/health"])
def test_page_itself_needs_no_token(path: str) -> None:
    assert _client("right-token").get(path, headers={}).status_code in (200, 404)


def test_every_answer_is_guarded() -> None:
    for answer in (_client().get("/"), _client().get("/", headers={"Host": "evil.example"})):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::"])
def test_other_hosts_have_any_name_and_ask_for_the_token(host: str) -> None:
    client = _client("right-token", host=host)
    headers = {"Host": "studio.lan", "Authorization": "Bearer right-token"}
    assert client.get("/api/sounds", headers=headers).status_code == 200
    assert client.get("/api/sounds", headers={"Host": "studio.lan"}).status_code == 401
    # Without a token nothing but our own names is answered, even then; with one neither, here.
    assert _client("right-token").get("/", headers={"Host": "studio.lan"}).status_code == 421
    assert _client(host=host).get("/", headers={"Host": "studio.lan"}).status_code == 421


@pytest.mark.parametrize("text", ["a b", "[::1", "x]:1", "//", "a:b:c", "user@host", "\x00"])
def test_odd_hosts_have_no_name(text: str) -> None:
    assert host_name(text) not in ("localhost", "127.0.0.1", "::1")
