"""Jobs through the interface: begun, followed, cancelled, refused; results as the API's own."""

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

pytest.importorskip("fastapi", reason="fastapi is not installed")
from sounds import EXAMPLES
from starlette.testclient import TestClient
from studio_sounds import LIMITS, wav_bytes

import cambiata
from cambiata.web.app import create_app
from cambiata.web.studio import Studio

# Quick, and without a network.
FAST = {
    "system": "musaicing",
    "settings": {
        "sample_rate": 16000,
        "n_fft": 1024,
        "hop_length": 256,
        "iterations": 5,
        "phase_iterations": 3,
    },
}
TUNE, STYLE = wav_bytes([60, 64]), wav_bytes([60, 62, 64, 65], partials=20)


def _put(client: Any, data: bytes, name: str) -> str:
    answer = client.post("/api/sounds", params={"name": name}, content=data)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Client of a studio that works, begun where another was killed in the middle of its jobs."""
    folder = tmp_path_factory.mktemp("busy")
    _leave_jobs(folder)
    app = create_app(folder, limits=LIMITS, n_workers=1, examples=False, warm=False)
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        yield client


def _leave_jobs(folder: Path) -> None:
    """Jobs as a server leaves them that is killed: one running the first time, one the second."""
    before = Studio(folder, LIMITS, n_workers=0, examples=False)
    cantus = folder / "cantus.mid"
    cantus.write_bytes((EXAMPLES / "worksheet.mid").read_bytes())
    score = before.sounds.take_in(cantus, "worksheet.mid", "upload")
    for attempts in (1, 2, 0):
        request = {"score": score["id"], "species": None, "position": None, "tune_number": None}
        job = before.jobs.submit("counterpoint-check", request)
        if attempts:
            before.store.update("job", job["id"], state="running", attempts=attempts)
    before._lane.close()
    before.store.close()


@pytest.fixture(scope="module")
def ids(busy: TestClient) -> dict[str, str]:
    """Sounds of the studio that works."""
    files = {name: (EXAMPLES / f"{name}.mid").read_bytes() for name in ("reel", "funk", "rock")}
    files["cantus"] = (EXAMPLES / "cantus.mid").read_bytes()
    found = {name: _put(busy, data, f"{name}.mid") for name, data in files.items()}
    found |= {"tune": _put(busy, TUNE, "tune.wav"), "style": _put(busy, STYLE, "style.wav")}
    return found


def _done(client: TestClient, verb: str, **request: Any) -> dict[str, Any]:
    """A job when it is finished."""
    begun = client.post(f"/api/jobs/{verb}", json=request)
    assert begun.status_code == 202, begun.text
    return _finished(client, begun.json()["id"])


def _finished(client: TestClient, identity: str) -> dict[str, Any]:
    ends_at = time.monotonic() + 120
    while time.monotonic() < ends_at:
        job: dict[str, Any] = client.get(f"/api/jobs/{identity}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"{identity} is not finished")


def test_restart_loses_nothing(busy: TestClient) -> None:
    jobs = list(reversed(busy.get("/api/jobs?verb=counterpoint-check").json()["jobs"]))[:3]
    again, twice, queued = (_finished(busy, job["id"]) for job in jobs)
    assert again["state"] == queued["state"] == "done"
    assert again["warnings"] == ["the studio was restarted: begun again"]
    assert queued["warnings"] == []
    assert twice["state"] == "failed"
    assert twice["error"]["wrong"] == "was interrupted twice"


def test_transfer_is_the_apis_own(busy: TestClient, ids: dict[str, str], tmp_path: Path) -> None:
    job = _done(busy, "transfer", content=ids["tune"], style=ids["style"], amount=0.7, **FAST)
    assert job["state"] == "done", job["error"]
    assert job["progress"] == 1.0
    assert job["inputs"]["content"] == {"id": ids["tune"], "name": "tune.wav"}
    assert job["result"]["report"]["output"] == "tune-style.wav"
    sound = job["result"]["sounds"]["output"]
    assert (sound["origin"], sound["job"], sound["kind"]) == ("job", job["id"], "recording")
    (tmp_path / "tune.wav").write_bytes(TUNE)
    (tmp_path / "style.wav").write_bytes(STYLE)
    places = (tmp_path / name for name in ("tune.wav", "style.wav", "out.wav"))
    cambiata.transfer_file(*places, amount=0.7, **FAST)  # type: ignore[arg-type]
    answer = busy.get(f"/api/sounds/{sound['id']}/file")
    assert answer.content == (tmp_path / "out.wav").read_bytes()


def test_two_jobs_at_once_do_not_mix(busy: TestClient, ids: dict[str, str]) -> None:
    requests = [{"content": ids["tune"], "style": ids["style"], "amount": x} for x in (0, 1, 0, 1)]
    begun = [busy.post("/api/jobs/transfer", json={**r, **FAST}).json() for r in requests]
    assert [job["position"] for job in begun][1:] != [None] * 3
    sounds = []
    for job in begun:
        made = _finished(busy, job["id"])["result"]["sounds"]["output"]
        sounds.append(busy.get(f"/api/sounds/{made['id']}/file").content)
    assert sounds[0] == sounds[2]
    assert sounds[1] == sounds[3]
    assert sounds[0] != sounds[1]
    content = soundfile.read(io.BytesIO(TUNE))[0]
    assert soundfile.read(io.BytesIO(sounds[0]))[0] == pytest.approx(content, abs=1e-4)


@pytest.mark.slow
def test_melody_and_counterpoint(busy: TestClient, ids: dict[str, str]) -> None:
    pytest.importorskip("ortools", reason="ortools is not installed")
    melody = _done(busy, "melody", tune=ids["reel"], style=[ids["reel"]], system="retrieval")
    solved = _done(busy, "counterpoint-solve", cantus=ids["cantus"], best=2, output_format="mid")
    for job in (melody, solved):
        assert job["state"] == "done", job["error"]
    assert list(solved["result"]["sounds"]) == ["output-1", "output-2"]
    assert solved["result"]["sounds"]["output-2"]["name"] == "cantus-counterpoint-2.mid"


def test_groove_towards_a_drummer(busy: TestClient, ids: dict[str, str]) -> None:
    job = _done(busy, "groove", a=ids["rock"], b=[ids["funk"], ids["rock"]], amount=0.3)
    assert job["state"] == "done", job["error"]
    assert job["result"]["sounds"]["output"]["kind"] == "score"
    line = "cambiata groove rock.mid drummer/ -o rock-drummer.mid --amount 0.3"
    assert job["command"].splitlines()[-1] == line


def test_breaches_are_said_in_words(busy: TestClient) -> None:
    bars = [[i, i + 1, p, 90] for i, p in enumerate([67, 71, 69, 71, 69, 72, 71, 72])]
    cantus = [[i, i + 1, p, 90] for i, p in enumerate([60, 64, 62, 67, 65, 64, 62, 60])]
    parts = [{"notes": bars, "name": "upper"}, {"notes": cantus, "name": "cantus"}]
    made = busy.post("/api/scores", json={"parts": parts, "tempo": 240}).json()
    job = _done(busy, "counterpoint-check", score=made["id"])
    assert job["state"] == "done", job["error"]
    rules = [breach["rule"] for breach in job["result"]["breaches"]]
    assert "parallel-fifths" in rules
    assert job["result"]["breaches"][0]["bar"] == 2
    assert list(job["result"]["sounds"]) == ["marked"]


@pytest.mark.slow
def test_timbres_are_captured_and_mixed(busy: TestClient, ids: dict[str, str]) -> None:
    captured = _done(busy, "timbre-capture", styles=[ids["style"]], name="../Bright one")
    assert captured["state"] == "done", captured["error"]
    one = captured["result"]["timbre"]
    assert (one["name"], one["sources"], one["fits"]) == ("../Bright one", ["style.wav"], True)
    assert "-o 'Bright one.timbre'" in captured["command"]
    mixed = _done(busy, "timbre-mix", shares={one["id"]: 1, "cello": 3}, name="between")
    assert mixed["result"]["timbre"]["voices"] == [0.25, 0.75]
    listed = busy.get("/api/timbres").json()["timbres"]
    assert [each["name"] for each in listed] == ["between", "../Bright one"]
    place = f"/api/timbres/{one['id']}"
    saved = busy.get(f"{place}/file")
    assert "Bright%20one.timbre" in saved.headers["Content-Disposition"]
    again = busy.post("/api/timbres?name=again.timbre", content=saved.content).json()
    assert again["n_notes"] == one["n_notes"] > 0
    assert busy.post("/api/timbres", content=b"PK no timbre").status_code == 422
    assert busy.patch(place, json={"name": "dull"}).json()["name"] == "dull"
    assert busy.delete(place).status_code == 204
    assert busy.get(place).status_code == 404
    refused = busy.post("/api/jobs/timbre-mix", json={"shares": {again["id"]: 0}})
    assert refused.json()["message"].startswith("shares: are all 0")


@pytest.mark.slow
def test_edit_plays_a_region_in_place(busy: TestClient, ids: dict[str, str]) -> None:
    notes = [[0.0, 0.38, 60, 90], [0.4, 0.78, 67, 90]]
    score = busy.post("/api/scores", json={"parts": [{"notes": notes}]}).json()
    request = {"recording": ids["tune"], "score": score["id"], "start_s": 0.4, "end_s": 0.7}
    job = _done(busy, "edit", **request)
    assert job["state"] == "done", job["error"]
    made = job["result"]["sounds"]["output"]
    after = soundfile.read(io.BytesIO(busy.get(f"/api/sounds/{made['id']}/file").content))[0]
    before, rate = soundfile.read(io.BytesIO(TUNE))
    assert len(after) == len(before)
    start, stop = round(0.4 * rate), round(0.7 * rate)
    assert after[:start] == pytest.approx(before[:start], abs=1e-4)
    assert after[stop:] == pytest.approx(before[stop:], abs=1e-4)
    assert abs(after - before)[start:stop].max() > 0.01


def test_refusals_of_the_api_are_said_in_its_words(busy: TestClient, ids: dict[str, str]) -> None:
    job = _done(busy, "melody", tune=ids["funk"], style="hornpipe")
    assert job["state"] == "failed"
    assert job["error"]["what"] == "funk.mid"
    assert job["result"] is None
    assert "/" not in job["error"]["message"]


def test_choices_are_refused_before_there_is_a_job(busy: TestClient, ids: dict[str, str]) -> None:
    before = busy.get("/api/jobs").json()["total"]
    answer = busy.post("/api/jobs/melody", json={"tune": ids["reel"], "style": "tango"})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("style: tango is not a dance type; use one of reel,")
    region = {"content": ids["tune"], "style": ids["style"], "start_s": 50.0, **FAST}
    assert busy.post("/api/jobs/transfer", json=region).json()["what"] == "start_s"
    assert busy.get("/api/jobs").json()["total"] == before


def test_events_tell_a_jobs_whole_story(busy: TestClient, ids: dict[str, str]) -> None:
    request = {"content": ids["tune"], "style": ids["style"], **FAST}
    job = busy.post("/api/jobs/transfer", json=request).json()
    text = busy.get(f"/api/jobs/{job['id']}/events").text  # until the stream ends
    events = [block for block in text.split("\n\n") if block.startswith("event")]
    names = [event.partition("\n")[0].removeprefix("event: ") for event in events]
    facts = [json.loads(event.partition("data: ")[2]) for event in events]
    assert names[-1] == "done"
    assert set(names[:-1]) <= {"progress"}
    assert facts[-1]["result"]["sounds"]["output"]["name"] == "tune-style.wav"
    shares = [each["progress"] for each in facts]
    assert shares == sorted(shares)
    # Who comes later, after a reload, is told the end at once.
    assert busy.get(f"/api/jobs/{job['id']}/events").text.startswith("event: done\n")


def test_a_running_job_is_cancelled(busy: TestClient, ids: dict[str, str]) -> None:
    slow = {"system": "musaicing", "settings": {"iterations": 100_000}}
    request = {"content": ids["tune"], "style": ids["style"], **slow}
    job = busy.post("/api/jobs/transfer", json=request).json()
    ends_at = time.monotonic() + 60
    while busy.get(f"/api/jobs/{job['id']}").json()["state"] != "running":
        assert time.monotonic() < ends_at
        time.sleep(0.02)
    assert busy.delete(f"/api/sounds/{ids['tune']}").status_code == 409
    assert busy.post(f"/api/jobs/{job['id']}/cancel").status_code == 200
    cancelled_at = time.monotonic()
    assert _finished(busy, job["id"])["state"] == "cancelled"
    assert time.monotonic() - cancelled_at < 10
    assert busy.post(f"/api/jobs/{job['id']}/cancel").status_code == 409
    # The studio works on, and nothing is left of it.
    assert _done(busy, "groove", a=ids["rock"], b=ids["funk"])["state"] == "done"
    studio: Studio = busy.app.state.studio  # type: ignore[attr-defined]
    assert list((studio.store.folder / "scratch").iterdir()) == []


def test_a_deleted_job_takes_its_sounds_along(busy: TestClient, ids: dict[str, str]) -> None:
    job = _done(busy, "groove", a=ids["rock"], b=ids["funk"], hits=1.0)
    sound = job["result"]["sounds"]["output"]["id"]
    assert busy.delete(f"/api/jobs/{job['id']}").status_code == 204
    for place in (f"/api/jobs/{job['id']}", f"/api/sounds/{sound}"):
        assert busy.get(place).status_code == 404
    assert busy.get(f"/api/sounds/{ids['rock']}").status_code == 200  # an input stays


def test_queue_is_bounded_and_cancelled_at_once(still: TestClient, queued: tuple[str, str]) -> None:
    request = {"content": queued[0], "style": "cello"}
    begun = [still.post("/api/jobs/transfer", json=request) for _ in range(LIMITS.queued_jobs)]
    assert [answer.status_code for answer in begun] == [202] * LIMITS.queued_jobs
    assert [answer.json()["position"] for answer in begun] == list(range(LIMITS.queued_jobs))
    full = still.post("/api/jobs/transfer", json=request)
    assert (full.status_code, full.headers["Retry-After"]) == (429, "5")
    assert still.get("/health").json()["queued"] == LIMITS.queued_jobs
    for answer in begun:
        place = f"/api/jobs/{answer.json()['id']}"
        assert still.post(f"{place}/cancel").json()["state"] == "cancelled"
        assert still.get(f"{place}/events").text.startswith("event: cancelled\n")
    assert still.get("/health").json()["queued"] == 0


@pytest.fixture(scope="module")
def queued(still: TestClient) -> tuple[str, str]:
    """A recording and a score of the studio whose jobs stay in the queue."""
    score = (EXAMPLES / "tune.mid").read_bytes()
    return _put(still, TUNE, "tune.wav"), _put(still, score, "tune.mid")


@pytest.mark.parametrize(
    ("verb", "changes", "status", "what"),
    [
        ("transfer", {"content": "SCORE"}, 422, "content"),
        ("transfer", {"style": "SCORE"}, 422, "style"),
        ("transfer", {"content": None}, 422, "content"),
        ("transfer", {"content": "snd_" + "0" * 20}, 404, "sound snd_" + "0" * 20),
        ("transfer", {"style": "tim_" + "0" * 20}, 404, "timbre tim_" + "0" * 20),
        ("transfer", {"content": "/etc/passwd"}, 422, "content"),
        ("transfer", {"style": "../../x"}, 422, "style"),
        ("transfer", {"style": "chello"}, 422, "style"),
        ("transfer", {"amount": 1.5}, 422, "amount"),
        ("transfer", {"amount": "NaN"}, 422, "amount"),
        ("transfer", {"system": "player"}, 422, "system"),
        ("transfer", {"settings": {"weights": "/tmp/evil.onnx"}}, 422, "settings.weights"),
        ("transfer", {"settings": {"weights": "..\\evil.onnx"}}, 422, "settings.weights"),
        ("transfer", {"settings": {"weights": "evil.onnx"}}, 422, "settings.weights"),
        ("transfer", {"in_place": True, "tail_s": 1}, 422, "tail"),
        ("transfer", {"output": "/tmp/x.wav"}, 422, "output"),
        ("transfer", {"force": True}, 422, "force"),
        ("transfer", {"weights": "x"}, 422, "weights"),
        ("transfer", {"output_format": "exe"}, 422, "output_format"),
        ("play", {"score": "SCORE", "sound": "cello", "tempo": 0.05}, 413, "tune.mid"),
    ],
)
def test_requests_that_do_not_fit(
    still: TestClient,
    queued: tuple[str, str],
    verb: str,
    changes: dict[str, Any],
    status: int,
    what: str,
) -> None:
    tune, score = queued
    request = {"content": tune, "style": "cello"} if verb == "transfer" else {}
    request |= {name: score if value == "SCORE" else value for name, value in changes.items()}
    answer = still.post(f"/api/jobs/{verb}", json=request)
    assert answer.status_code == status, answer.text
    assert answer.json()["what"] == what
    assert still.get("/health").json()["queued"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b"[" * 5000])
def test_odd_bodies_are_refused(still: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = still.post("/api/jobs/transfer", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"what", "wrong", "cure", "message"}


def test_unknown_jobs_and_verbs(still: TestClient) -> None:
    assert still.get("/api/jobs/job_0").status_code == 404
    assert still.get("/api/jobs/job_0/events").status_code == 404
    assert still.delete("/api/jobs/job_0").status_code == 404
    assert still.post("/api/jobs/destroy", json={}).status_code in (404, 405)


def test_a_result_is_ready_to_be_heard_and_seen(busy: TestClient, ids: dict[str, str]) -> None:
    job = _done(busy, "transfer", content=ids["tune"], style=ids["style"], **FAST)
    sound = job["result"]["sounds"]["output"]["id"]
    studio: Studio = busy.app.state.studio  # type: ignore[attr-defined]
    folder = studio.store.folder / "sounds" / sound
    made = sorted(path.name for path in folder.iterdir())
    views = ["peaks-1200.json", "playable.wav"]
    assert made == sorted([*views, *(f"{name}.sha256" for name in views), "sound.wav"])
    peaks = busy.get(f"/api/sounds/{sound}/peaks").json()
    heard = soundfile.read(io.BytesIO(busy.get(f"/api/sounds/{sound}/audio").content))[0]
    assert peaks["peak"] == pytest.approx(abs(heard).max(), abs=1e-3)
