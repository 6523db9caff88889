"""The server as people start it: killed and started anew, and asking no other host for anything."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed")
from sounds import EXAMPLES

from cambiata.web.server import data_folder

# Long enough to be killed in the middle, short enough to be waited for.
_SECONDS_OF_WORK = {
    "system": "musaicing",
    "settings": {"sample_rate": 16000, "n_fft": 1024, "hop_length": 256, "iterations": 60},
    "end_s": 3.0,
}
# Written by every process of the server: whatever it connects to, and whatever name it looks up.
_AUDIT = """
import os, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        with open(os.environ["AUDIT"], "a") as file:
            file.write(f"{event} {arguments[-1] if event == 'socket.connect' else arguments}\\n")
    elif event in ("socket.bind",):
        with open(os.environ["AUDIT"], "a") as file:
            file.write(f"{event} {arguments[-1]}\\n")
sys.addaudithook(note)
"""


@contextmanager
def _server(folder: Path, *options: str, **environment: str) -> Iterator[tuple[str, Any]]:
    """A server on a free port: its address, and its process."""
    command = (sys.executable, "-m", "cambiata", "serve", "--no-open", "--port", "0")
    process = subprocess.Popen(
        [*command, "--data", str(folder), *options],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    try:
        found = re.search(r"http://\S+/", process.stderr.readline())
        assert found
        yield found[0], process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        process.stderr.close()


def _call(address: str, path: str, body: Any = None, **headers: str) -> Any:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    with urlopen(Request(address + path, data, headers)) as answer:
        return json.loads(answer.read())


def _wait(address: str, job: str, *states: str) -> Any:
    ends_at = time.monotonic() + 300
    while time.monotonic() < ends_at:
        found = _call(address, f"api/jobs/{job}")
        if found["state"] in states:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{job} is {found['state']}")


def test_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAMBIATA_STUDIO", str(tmp_path / "mine"))
    assert data_folder() == tmp_path / "mine"
    monkeypatch.delenv("CAMBIATA_STUDIO")
    assert data_folder().parts[-2:] == ("cambiata", "studio")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_server_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    with _server(tmp_path) as (address, process):
        name = "api/sounds?name=trumpet.ogg"
        content = _call(address, name, (EXAMPLES / "trumpet.ogg").read_bytes())["id"]
        request = {"content": content, "style": "cello", **_SECONDS_OF_WORK}
        jobs = [_call(address, "api/jobs/transfer", request)["id"] for _ in range(3)]
        _wait(address, jobs[0], "running")
        workers = _children(process.pid)
        process.kill()
        process.wait()
    ends_at = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < ends_at, "workers outlive the server"
        time.sleep(0.1)
    with _server(tmp_path) as (address, _):
        done = [_wait(address, job, "done", "failed") for job in jobs]
        assert [job["state"] for job in done] == ["done"] * 3
        assert done[0]["warnings"] == ["the studio was restarted: begun again"]
        assert done[2]["warnings"] == []
        assert _call(address, f"api/sounds/{content}")["name"] == "trumpet.ogg"
        # Each made the same sound: nothing is left of the first half.
        sounds = [job["result"]["sounds"]["output"]["peak"] for job in done]
        assert len(set(sounds)) == 1


def _children(process: int) -> list[int]:
    """Processes that a process has started."""
    place = Path(f"/proc/{process}/task/{process}/children")
    return [int(child) for child in place.read_text().split()] if place.exists() else []


@pytest.mark.slow
def test_no_other_host_is_asked_for_anything(tmp_path: Path) -> None:
    site, log = tmp_path / "site", tmp_path / "audit.txt"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_AUDIT)
    path = os.pathsep.join([str(site), *sys.path[:1], os.environ.get("PYTHONPATH", "")])
    environment = {"AUDIT": str(log), "PYTHONPATH": path}
    with _server(tmp_path / "data", **environment) as (address, _):
        ids: dict[str, str] = {}
        while len(ids) < 8:  # they are waited for, but not for ever
            examples = _call(address, "api/examples")["sounds"]
            ids = {sound["name"]: sound["id"] for sound in examples}
        jobs = [
            ("transfer", {"content": ids["trumpet.ogg"], "style": "cello"}),
            ("play", {"score": ids["tune.mid"], "sound": "flute"}),
            ("transcribe", {"recording": ids["trumpet.ogg"]}),
            ("translate", {"content": ids["trumpet.ogg"], "to": {"sitar": 1}}),
            ("melody", {"tune": ids["reel.mid"], "style": "strathspey"}),
            ("groove", {"a": ids["rock.mid"], "b": ids["funk.mid"]}),
            ("timbre-mix", {"shares": {"cello": 1, "flute": 1}}),
        ]
        for verb, request in jobs:
            job = _call(address, f"api/jobs/{verb}", request)
            assert _wait(address, job["id"], "done", "failed")["state"] == "done"
        for path in ("api/systems", "api/domains", "api/timbres", "health"):
            _call(address, path)
    seen = log.read_text().splitlines()
    assert [line for line in seen if line.startswith("socket.bind")]  # the hook was there
    elsewhere = [
        line
        for line in seen
        if not line.startswith("socket.bind") and "127.0.0.1" not in line and "'/" not in line
    ]
    assert elsewhere == []


@pytest.mark.slow
def test_a_token_is_asked_for(tmp_path: Path) -> None:
    with _server(tmp_path, "--token", "right-token") as (address, _):
        assert _call(address, "health")["token_wanted"] is True
        with pytest.raises(HTTPError, match="401"):
            _call(address, "api/sounds")
        found = _call(address, "api/sounds", Authorization="Bearer right-token")
        assert "sounds" in found
        with pytest.raises(HTTPError, match="421"):
            _call(address, "api/sounds", Host="evil.example")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_whatever_is_asked_the_answer_is_documented(tmp_path: Path) -> None:
    with _server(tmp_path) as (address, _):
        _call(address, "api/examples")
        _call(address, "api/timbres/map")  # the first takes longer than schemathesis waits
        checks = "not_a_server_error,status_code_conformance,content_type_conformance"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}api/openapi.json"),
                *("--checks", f"{checks},response_schema_conformance"),
                *("--max-examples", "25", "--seed", "1", "--phases", "examples,coverage,fuzzing"),
                # Streams without an end.
                *("--exclude-path", "/api/events"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        assert _call(address, "health")["status"] == "ok"
