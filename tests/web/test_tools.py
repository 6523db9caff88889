"""Sound tools through the interface: inputs and options reach the API by their names."""

import inspect
import io
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="fastapi is not installed")
from sounds import EXAMPLES
from starlette.testclient import TestClient
from studio_sounds import LIMITS, wav_bytes

from cambiata.errors import InputError
from cambiata.web.app import create_app
from cambiata.web.schemas import option_names, request_models
from cambiata.web.studio import Studio
from cambiata.web.tools import TOOLS
from cambiata.web.verb import Tool, named

ROOM = {"size": [8, 5, 3], "listener": [2, 2, 1.5], "source": [6, 3, 1.5], "rt60_s": 0.5}
RATE = 22050
NOTE = wav_bytes([60])


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Client of a studio that works."""
    folder = tmp_path_factory.mktemp("tools")
    app = create_app(folder, limits=LIMITS, n_workers=1, examples=False, warm=False)
    with TestClient(app, base_url="http://127.0.0.1:8321") as client:
        yield client


@pytest.fixture(scope="module")
def note(busy: TestClient) -> str:
    """A recording of one note, which its name says is an F sharp."""
    t = np.arange(RATE // 2) / RATE
    tone = sum(np.sin(2 * np.pi * 185.0 * k * t) / k**2 for k in range(1, 9)) * np.exp(-6 * t)
    return _put(busy, _wav(0.3 * np.asarray(tone)), "F#3_v100.wav")


@pytest.fixture(scope="module")
def tune(busy: TestClient) -> str:
    return _put(busy, wav_bytes([60, 64]), "tune.wav")


def _wav(samples: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, "PCM_16", format="WAV")
    return file.getvalue()


def _put(client: Any, data: bytes, name: str) -> str:
    answer = client.post("/api/sounds", params={"name": name}, content=data)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _done(client: TestClient, verb: str, **request: Any) -> dict[str, Any]:
    """A job when it is finished."""
    begun = client.post(f"/api/jobs/{verb}", json=request)
    assert begun.status_code == 202, begun.text
    ends_at = time.monotonic() + 120
    while time.monotonic() < ends_at:
        job: dict[str, Any] = client.get(f"/api/jobs/{begun.json()['id']}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.02)
    raise AssertionError(f"{verb} is not finished")


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_api_is_given_all_that_it_needs(tool: Tool) -> None:
    arguments = {each.argument or each.name for each in tool.inputs} | {*option_names(tool)}
    if tool.makes != "report":
        arguments.add("output")
    opened = [None] if tool.opened_by else []
    arguments -= {tool.inputs[0].name} if tool.opened_by else set()
    inspect.signature(named(tool.function)).bind(*opened, **dict.fromkeys(arguments))


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        *(("instrument", name) for name in ("velocities", "step", "hold_s", "seed")),
        *(("choir", name) for name in ("voices", "spread", "lead", "seed")),
        ("transpose", "semitones"),
        *(("reverb-room", name) for name in ("rt60_s", "absorption", "n_channels")),
        *(("reverb-sweep", name) for name in ("duration_s", "tail_s", "level_db", "sample_rate")),
    ],
)
def test_ranges_are_the_apis(verb: str, name: str) -> None:
    """Just beyond what the schema takes, the API says that it is out of range."""
    tool = next(each for each in TOOLS if each.name == verb)
    points = {key: tuple(ROOM[key]) for key in tool.positional}  # type: ignore[call-overload]
    given = {each.name: None if each.is_optional else "nowhere.wav" for each in tool.inputs}
    extension = next(each for each in tool.formats if each)
    least, most = tool.ranges[name]
    step = 1 if isinstance(most, int) else 0.001
    for beyond in (least - step, most + step):
        with pytest.raises(InputError, match="out of range"):
            named(tool.function)(**given, **points, output=f"out.{extension}", **{name: beyond})


def test_an_instrument_is_a_file_and_a_picture(busy: TestClient, note: str) -> None:
    request = {"sounds": [note], "kind": "notes", "keys": [54, 55], "velocities": 1}
    job = _done(busy, "instrument", **request)
    assert job["state"] == "done", job["error"]
    assert job["command"] == (
        "cambiata instrument 'F#3_v100.wav' -o notes.sf2 --kind notes --keys 54-55 --velocities 1"
    )
    result = job["result"]
    assert result["report"]["n_recorded"] == 1  # by its name it is F#3, key 54
    assert result["sounds"] == {}
    place = f"/api/jobs/{job['id']}/files"
    made = busy.get(f"{place}/output")
    assert made.content[:4] + made.content[8:12] == b"RIFFsfbk"
    assert len(made.content) == result["files"]["output"]["bytes"]
    assert 'filename="notes.sf2"' in made.headers["Content-Disposition"]
    picture = busy.get(f"{place}/picture")
    assert picture.headers["Content-Type"].startswith("image/svg+xml")
    assert "notes.sf2" in picture.text
    assert busy.get(f"{place}/other").status_code == 404
    # It is counted, and goes with its job.
    studio: Studio = busy.app.state.studio  # type: ignore[attr-defined]
    before = studio.store.used_bytes()
    assert busy.delete(f"/api/jobs/{job['id']}").status_code == 204
    sizes = sum(each["bytes"] for each in result["files"].values())
    assert before - studio.store.used_bytes() == sizes
    assert busy.get(f"{place}/output").status_code == 404
    assert not studio.store.file_folder("job", job["id"]).exists()


def test_an_sfz_comes_with_its_samples(busy: TestClient, note: str) -> None:
    request = {"sounds": note, "keys": [54, 54], "velocities": 1, "output_format": "sfz"}
    job = _done(busy, "instrument", **request)
    assert job["result"]["files"]["output"]["name"] == "F#3_v100.zip"
    data = busy.get(f"/api/jobs/{job['id']}/files/output").content
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        text, *samples = packed.namelist()
        assert text == "F#3_v100.sfz"
        assert len(samples) == 1
        assert samples[0] in packed.read(text).decode()
        assert packed.read(samples[0])[:4] == b"RIFF"


def test_a_room_is_made_and_put_on_a_sound(busy: TestClient, tune: str) -> None:
    made = _done(busy, "reverb-room", **ROOM)
    assert made["state"] == "done", made["error"]
    assert made["result"]["report"]["rt60_s"] == pytest.approx(0.5, rel=0.2)
    assert made["inputs"] == {}
    room = made["result"]["sounds"]["output"]
    assert room["name"] == "room.wav"
    job = _done(busy, "reverb-apply", recording=tune, room=room["id"], tail_s=0.5, amount=0.5)
    assert job["command"] == (
        "cambiata reverb apply tune.wav room.wav -o tune-room.wav --amount 0.5 --tail 0.5"
    )
    sound = job["result"]["sounds"]["output"]
    lasts_s = busy.get(f"/api/sounds/{tune}").json()["duration_s"]
    assert sound["duration_s"] == pytest.approx(lasts_s + 0.5, abs=0.01)
    assert "picture" in job["result"]["files"]
    # The room again, by its response as a clap.
    again = _done(busy, "reverb-capture", recording=room["id"])
    assert again["result"]["report"]["rt60_s"] == pytest.approx(0.5, rel=0.2)
    assert again["inputs"] == {"recording": {"id": room["id"], "name": "room.wav"}}


@pytest.mark.slow
def test_a_source_moves(busy: TestClient, tune: str) -> None:
    request = {**ROOM, "recording": tune, "path": [[7, 4, 1.5]], "n_channels": 2}
    job = _done(busy, "reverb-room", **request)
    assert job["result"]["sounds"]["output"]["n_channels"] == 2
    assert "tune.wav -o tune-room.wav" in job["command"]
    assert "--path 7,4,1.5" in job["command"]


def test_an_estimate_is_a_report_and_a_picture(busy: TestClient) -> None:
    rng, t = np.random.default_rng(0), np.arange(RATE) / RATE
    burst = 0.2 * rng.standard_normal(RATE) * np.exp(-6.9 * t / 0.4)
    sound = _put(busy, _wav(np.tile(burst, 4)), "bursts.wav")
    job = _done(busy, "reverb-estimate", recording=sound)
    assert job["command"] == "cambiata reverb estimate bursts.wav"
    assert job["result"]["sounds"] == {}
    assert list(job["result"]["files"]) == ["picture"]
    assert job["result"]["report"]["rt60_s"] == pytest.approx(0.4, rel=0.3)


@pytest.mark.slow
def test_a_choir_is_made(busy: TestClient, tune: str) -> None:
    job = _done(busy, "choir", recording=tune, voices=3, room="none", parts="SA", key="C")
    assert job["state"] == "done", job["error"]
    assert job["command"] == (
        "cambiata choir tune.wav -o tune-choir.wav --voices 3 --parts SA --key C --room none"
    )
    assert job["result"]["report"]["parts"] == "SA"
    assert job["result"]["sounds"]["output"]["n_channels"] == 2
    assert "picture" in job["result"]["files"]


def test_a_note_becomes_another(busy: TestClient, note: str) -> None:
    t = np.arange(RATE // 2) / RATE
    bright = sum(np.sin(2 * np.pi * 370.0 * k * t) / k for k in range(1, 9)) * np.exp(-3 * t)
    other = _put(busy, _wav(0.1 * np.asarray(bright)), "other.wav")
    job = _done(busy, "morph", a=note, b=other, amount=[0, 0.5], pitch="a")
    assert job["state"] == "done", job["error"]
    assert job["command"] == (
        "cambiata morph 'F#3_v100.wav' other.wav -o 'F#3_v100-other.wav' --amount 0..0.5 --pitch a"
    )
    report = job["result"]["report"]
    assert (report["kind"], report["n_notes"], report["amount_end"]) == ("notes", 1, 0.5)
    assert "picture" in job["result"]["files"]


def test_pitch_and_speed_are_changed(busy: TestClient, tune: str) -> None:
    lasts_s = busy.get(f"/api/sounds/{tune}").json()["duration_s"]
    job = _done(busy, "transpose", recording=tune, semitones=2)
    assert job["command"] == "cambiata transpose tune.wav -o tune-moved.wav --semitones 2"
    assert job["result"]["sounds"]["output"]["duration_s"] == pytest.approx(lasts_s, abs=0.01)
    job = _done(busy, "stretch", recording=tune, tempo=[120, 60])
    assert job["command"] == "cambiata stretch tune.wav -o tune-stretched.wav --tempo 120=60"
    assert job["result"]["sounds"]["output"]["duration_s"] == pytest.approx(2 * lasts_s, abs=0.01)
    job = _done(busy, "transpose", recording=tune)
    assert job["error"]["message"].startswith("semitones: are not given, nor a key")


@pytest.fixture(scope="module")
def fitted(busy: TestClient) -> dict[str, Any]:
    """A job that has found the knobs of three notes."""
    t, sounds = np.arange(RATE) / RATE, []
    for i, (fall, attack_s) in enumerate(((1.0, 0.01), (2.2, 0.1), (1.5, 0.03))):
        tone = sum(np.sin(2 * np.pi * 261.63 * k * t + k * k) / k**fall for k in range(1, 30))
        tone = np.asarray(tone) * np.minimum(t / attack_s, 1) * np.exp(-2 * t)
        sounds.append(_put(busy, _wav(0.1 * tone), f"tone{i}.wav"))
    return _done(busy, "knobs-fit", sounds=sounds, kind="notes")


@pytest.mark.slow
def test_knobs_are_found_and_played(busy: TestClient, fitted: dict[str, Any]) -> None:
    assert fitted["state"] == "done", fitted["error"]
    assert fitted["command"].endswith("tone2.wav -o sounds.knobs --kind notes")
    report, files = fitted["result"]["report"], fitted["result"]["files"]
    assert {"brightness", "attack", "main-1"} <= {each["name"] for each in report["knobs"]}
    assert {role: facts["name"] for role, facts in files.items()} == {
        "output": "sounds.knobs",
        "picture": "picture.svg",
    }
    play = {"knobs": fitted["id"], "notes": "C4", "duration_s": 0.3}
    dark, bright = (
        _done(busy, "knobs-play", **play, values={"brightness": value}) for value in (0.1, 0.9)
    )
    assert bright["command"] == (
        "cambiata knobs play sounds.knobs -o sounds-played.wav "
        "--notes C4 --knob brightness=0.9 --duration 0.3"
    )
    heard = [job["result"]["report"]["descriptors"]["brightness"] for job in (dark, bright)]
    assert heard[1] > 1.2 * heard[0]
    assert bright["inputs"]["knobs"] == {"id": fitted["id"], "name": "sounds.knobs"}
    wrong = _done(busy, "knobs-play", **play, values={"sharpness": 0.5})
    assert "sharpness" in wrong["error"]["message"]


@pytest.mark.slow
def test_knobs_become_a_timbre(busy: TestClient, fitted: dict[str, Any]) -> None:
    job = _done(busy, "knobs-export", knobs=fitted["id"], keys=[60, 64])
    assert job["state"] == "done", job["error"]
    assert job["result"]["timbre"]["name"] == "sounds-sound"
    assert job["result"]["files"] == {}
    named = [each["id"] for each in busy.get("/api/timbres").json()["timbres"]]
    assert job["result"]["timbre"]["id"] in named


@pytest.fixture(scope="module")
def made(still: TestClient) -> dict[str, str]:
    """Jobs of the studio whose jobs stay in the queue: one that found knobs, and another."""
    studio: Studio = still.app.state.studio  # type: ignore[attr-defined]
    jobs = {}
    for name in ("sounds.knobs", "notes.sf2"):
        result = {"files": {"output": {"name": name, "bytes": 1}}, "sounds": {}}
        facts = {"plan": {"files": {}}, "result": result}
        jobs[name] = str(studio.store.add("job", facts, verb="knobs-fit", state="done")["id"])
    return jobs


@pytest.mark.parametrize(
    ("request_body", "status", "what"),
    [
        ({}, 422, "notes"),
        ({"notes": "tune.mid"}, 422, "notes"),
        ({"notes": "/etc"}, 422, "notes"),
        ({"notes": "C4", "values": {"brightness": 2}}, 422, "values.brightness"),
        ({"notes": "C4", "knobs": "job_" + "0" * 20}, 404, "job job_" + "0" * 20),
        ({"notes": "C4", "knobs": "snd_" + "0" * 20}, 422, "knobs"),
        ({"notes": "C4", "knobs": "notes.sf2"}, 422, "knobs"),
    ],
)
def test_knobs_that_do_not_fit(
    still: TestClient, made: dict[str, str], request_body: dict[str, Any], status: int, what: str
) -> None:
    request = {"knobs": "sounds.knobs", **request_body}
    request["knobs"] = made.get(request["knobs"], request["knobs"])
    answer = still.post("/api/jobs/knobs-play", json=request)
    assert answer.status_code == status, answer.text
    assert answer.json()["what"] == what


def test_a_score_stands_for_notes(still: TestClient, made: dict[str, str]) -> None:
    score = _put(still, (EXAMPLES / "tune.mid").read_bytes(), "tune.mid")
    request = {"knobs": made["sounds.knobs"], "notes": "C4", "score": score}
    job = still.post("/api/jobs/knobs-play", json=request).json()
    assert job["command"] == "cambiata knobs play sounds.knobs tune.mid -o sounds-played.wav"
    assert still.post(f"/api/jobs/{job['id']}/cancel").status_code == 200


def test_refusals_are_in_the_apis_words(busy: TestClient, tune: str) -> None:
    job = _done(busy, "reverb-room", **{**ROOM, "source": [9, 3, 1.5]})
    assert job["state"] == "failed"
    assert job["error"]["message"].startswith("source: 9,3,1.5 is outside of the room; use 0,0,0")
    job = _done(busy, "instrument", sounds=tune, kind="notes", keys=[48, 72])
    assert job["error"]["what"] == "tune.wav"
    assert "/" not in job["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "request_body", "status", "what"),
    [
        ("instrument", {"sounds": "/etc"}, 422, "sounds"),
        ("instrument", {"sounds": []}, 422, "sounds"),
        ("instrument", {"sounds": "chello"}, 422, "sounds"),
        ("instrument", {"sounds": "cello", "velocities": 99}, 422, "velocities"),
        ("instrument", {"sounds": "cello", "keys": [21]}, 422, "keys.1"),
        ("instrument", {"sounds": "cello", "picture": "/tmp/x.svg"}, 422, "picture"),
        ("instrument", {"sounds": "cello", "output_format": "exe"}, 422, "output_format"),
        ("reverb-room", {"size": [8, 5, 3]}, 422, "listener"),
        ("reverb-room", {**ROOM, "recording": "cello"}, 422, "recording"),
        ("reverb-sweep", {"sample_rate": None}, 422, "sample_rate"),
        ("choir", {"recording": "NOTE", "parts": "a/b"}, 422, "parts"),
        ("choir", {"recording": "NOTE", "key": "H"}, 422, "key H"),
        ("morph", {"a": "cello", "b": "cello"}, 422, "a"),
        ("morph", {"a": "snd_" + "0" * 20, "b": "cello"}, 422, "b"),
        ("transpose", {"recording": "NOTE", "from_key": "H"}, 422, "key H"),
        ("stretch", {"recording": "NOTE", "factor": 5}, 422, "factor"),
        ("stretch", {"recording": "NOTE", "tempo": [120]}, 422, "tempo.1"),
        ("stretch", {"recording": "NOTE", "duration_s": 61}, 413, "note.wav"),
        ("stretch", {"recording": "NOTE", "tempo": [300, 1]}, 413, "note.wav"),
        ("reverb-remove", {"recording": "snd_" + "0" * 20}, 404, "sound snd_" + "0" * 20),
        ("reverb-remove", {"recording": "NOTE", "subtype": "PCM_99"}, 422, "note-drier.wav"),
    ],
)
def test_requests_that_do_not_fit(
    still: TestClient, verb: str, request_body: dict[str, Any], status: int, what: str
) -> None:
    if request_body.get("recording") == "NOTE":
        request_body = {**request_body, "recording": _put(still, NOTE, "note.wav")}
    answer = still.post(f"/api/jobs/{verb}", json=request_body)
    assert answer.status_code == status, answer.text
    assert answer.json()["what"] == what
    assert still.get("/health").json()["queued"] == 0


def test_models_say_which_inputs_need_not_be_given() -> None:
    schema = request_models()["reverb-capture"].model_json_schema()
    assert schema["required"] == ["recording"]
    assert schema["properties"]["sweep"]["x-input"] == "recording"
