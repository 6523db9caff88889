"""The server as people start it: killed and started anew, and asking no other host for anything."""

import json
import os
import re
import shutil
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

from cambiata.web.schemas import PLAIN_NAME, SOUND_ID, SOUND_OR_NAME
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
def _server(
    folder: Path, *options: str, tracer: tuple[str, ...] = (), **environment: str
) -> Iterator[tuple[str, Any]]:
    """A server on a free port: its address, and its process."""
    command = (sys.executable, "-m", "cambiata", "serve", "--no-open", "--port", "0")
    process = subprocess.Popen(
        [*tracer, *command, "--data", str(folder), *options],
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
    calls = tmp_path / "strace.txt"
    with _server(tmp_path / "data", tracer=_tracer(calls), **environment) as (address, _):
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
    if calls.exists():
        sent = [line for line in calls.read_text().splitlines() if "sa_family=AF_INET" in line]
        assert [line for line in sent if "127.0.0.1" not in line] == []
        assert "bind(" in calls.read_text()  # it was traced


def _tracer(log: Path) -> tuple[str, ...]:
    """Command that notes what the kernel is asked for: libraries in C are not audited by Python.

    Nothing where strace is missing, or may not trace (containers may forbid it).
    """
    flags = ("-D", "-f", "--seccomp-bpf", "-e", "trace=bind,connect,sendto,sendmsg")
    command = ("strace", *flags, "-o", str(log))
    if shutil.which("strace") is None or subprocess.run([*command, "true"]).returncode:
        log.unlink(missing_ok=True)
        return ()
    return command


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


def _real_ids(address: str) -> dict[str, list[str]]:
    """Ids of what is there, by the kind; of what may be deleted there are several."""
    found: dict[str, list[str]] = {"snd": [], "tim": [], "job": []}
    while len(found["snd"]) < 8:  # examples are waited for, but not for ever
        found["snd"] = [each["id"] for each in _call(address, "api/examples")["sounds"]]
    for share in range(1, 4):
        shares = {"cello": share, "flute": 1}
        job = _call(address, "api/jobs/timbre-mix", {"shares": shares})["id"]
        found["tim"].append(_wait(address, job, "done")["result"]["timbre"]["id"])
        found["job"].append(job)
    return found


def _with_ids(description: Any, ids: dict[str, list[str]]) -> Any:
    """The interface's description, with real ids where it has patterns of ids."""
    references = [*ids["snd"], *ids["tim"], "cello", "flute"]
    names = {SOUND_ID: ids["snd"], SOUND_OR_NAME: references, PLAIN_NAME: ["default", "sitar"]}

    def replaced(node: Any) -> Any:
        if isinstance(node, list):
            return [replaced(each) for each in node]
        if not isinstance(node, dict):
            return node
        if node.get("pattern") in names:
            return {"type": "string", "enum": names[node["pattern"]]}
        return {name: replaced(each) for name, each in node.items()}

    for path, operations in description["paths"].items():
        kind = {"sounds": "snd", "timbres": "tim", "jobs": "job"}.get("".join(path.split("/")[2:3]))
        for method, operation in operations.items():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "identity" and kind is not None:
                    # The last is for deletion; examples are not deleted.
                    some = ids[kind][-1:] if method == "delete" else ids[kind][:-1]
                    parameter["schema"] = {"type": "string", "enum": [*some, f"{kind}_nobodys"]}
                if parameter["name"] == "name" and "named-timbres" in path:
                    parameter["schema"] = {"type": "string", "enum": ["cello", "nobody"]}
    return replaced(description)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_whatever_is_asked_the_answer_is_documented(tmp_path: Path) -> None:
    with _server(tmp_path / "data") as (address, _):
        ids = _real_ids(address)
        _call(address, "api/timbres/map")  # the first takes longer than schemathesis waits
        description = _call(address, "api/openapi.json")
        (tmp_path / "openapi.json").write_text(json.dumps(_with_ids(description, ids)))
        checks = "not_a_server_error,status_code_conformance,content_type_conformance"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", "openapi.json"),
                *("--url", address.rstrip("/")),
                *("--checks", f"{checks},response_schema_conformance"),
                *("--request-timeout", "300"),  # of a busy machine; its own are 10 s
                *("--max-examples", "12", "--seed", "1", "--phases", "examples,coverage,fuzzing"),
                # Streams without an end.
                *("--exclude-path", "/api/events"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        # It went deeper than ids that nobody knows: to jobs. Which ones depends on the machine: the
        # queue holds 32, instruments take seconds and fill it, and what comes then is refused.
        begun = {job["verb"] for job in _call(address, "api/jobs?limit=500")["jobs"]}
        assert len(begun) >= 5, begun
        assert _call(address, "health")["status"] == "ok"
