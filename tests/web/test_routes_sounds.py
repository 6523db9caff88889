"""Recordings and scores through the interface: in, looked at, heard, changed, out again."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("fastapi", reason="fastapi is not installed")
from sounds import EXAMPLES, RATE, melody
from starlette.testclient import TestClient
from studio_sounds import LIMITS, wav_bytes

import cambiata


def _upload(client: TestClient, data: bytes, name: str = "a.wav") -> Any:
    return client.post("/api/sounds", params={"name": name}, content=data)


@pytest.fixture(scope="module")
def tune(still: TestClient) -> dict[str, Any]:
    """A recording."""
    answer = _upload(still, wav_bytes([60, 64, 67]), "../../my tune.mp3")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def score(still: TestClient) -> dict[str, Any]:
    """A score."""
    answer = _upload(still, (EXAMPLES / "tune.mid").read_bytes(), "tune.txt")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_recording_is_measured(tune: dict[str, Any]) -> None:
    samples = melody([60, 64, 67])
    assert tune["name"] == "my tune.wav"
    assert (tune["kind"], tune["format"], tune["origin"]) == ("recording", "wav", "upload")
    assert tune["duration_s"] == pytest.approx(len(samples) / RATE)
    assert tune["peak"] == pytest.approx(np.abs(samples).max(), abs=1e-4)
    assert (tune["sample_rate"], tune["n_channels"], tune["subtype"]) == (RATE, 1, "PCM_16")
    assert tune["expires_at"] - tune["created_at"] == pytest.approx(7 * 24 * 3600, abs=5)


def test_gain_brings_any_recording_to_one_loudness(still: TestClient) -> None:
    quiet = melody([60, 62, 64, 65]) / 3
    levels = []
    for factor in (1.0, 4.0):
        file = io.BytesIO()
        soundfile.write(file, factor * quiet, RATE, "PCM_24", format="WAV")
        sound = _upload(still, file.getvalue()).json()
        levels.append(sound["loudness_db"] + sound["playback_gain_db"])
        assert sound["peak"] * 10 ** (sound["playback_gain_db"] / 20) <= 1.0001
    assert levels == pytest.approx([levels[0], levels[0]], abs=0.05)


def test_score_is_counted(score: dict[str, Any]) -> None:
    assert (score["kind"], score["format"], score["n_notes"]) == ("score", "mid", 32)
    assert [track["name"] for track in score["tracks"]] == ["melody", "bass"]


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 422, "is empty"),
        (b"not a sound at all, only words about one", 415, ""),
        (b"\x00" * 3000, 415, ""),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", 422, ""),
        (b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60", 422, ""),
        (b"<?xml version='1.0'?><html/>", 422, ""),
        (b"fLaC" + b"\x01" * 500, 422, ""),
        (b"\x7fELF" + bytes(range(256)) * 20, 415, ""),
    ],
)
def test_what_is_no_sound_is_refused_in_words(
    still: TestClient, data: bytes, status: int, words: str
) -> None:
    before = still.get("/api/sounds").json()["total"]
    answer = _upload(still, data, "thing.bin")
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"what", "wrong", "cure", "message"}
    assert words in answer.json()["wrong"]
    assert "Traceback" not in answer.text
    assert str(still.app.state.studio.store.folder) not in answer.text  # type: ignore[attr-defined]
    assert still.get("/api/sounds").json()["total"] == before


def test_too_large_is_refused_before_it_is_read(still: TestClient) -> None:
    announced = {"Content-Length": str(2 * 2**30)}
    answer = still.post("/api/sounds", content=b"RIFF", headers=announced)
    assert answer.status_code == 413
    assert "2 MiB" in answer.json()["wrong"]

    pieces = (b"\x00" * 2**18 for _ in range(9))  # chunked: its length is never announced
    assert still.post("/api/sounds", content=pieces).status_code == 413


def test_too_long_is_refused_in_words(still: TestClient) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(3600 * 4000 // 10), 4000, "PCM_U8", format="WAV")
    answer = _upload(still, file.getvalue(), "hour.wav")
    assert answer.status_code == 413
    assert answer.json()["message"].startswith(
        "hour.wav: lasts 6 minutes, more than the 60 seconds"
    )


def test_silence_is_taken_in(still: TestClient) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(RATE), RATE, format="WAV")
    sound = _upload(still, file.getvalue()).json()
    assert (sound["loudness_db"], sound["peak"], sound["playback_gain_db"]) == (None, 0.0, 0.0)
    picture = still.get(f"/api/sounds/{sound['id']}/spectrogram")
    assert picture.status_code == 200


def test_peaks_are_the_extremes_of_columns(still: TestClient, tune: dict[str, Any]) -> None:
    found = still.get(f"/api/sounds/{tune['id']}/peaks", params={"columns": 50}).json()
    samples = melody([60, 64, 67])
    columns = np.arange(len(samples)) * 50 // len(samples)
    highest = [samples[columns == i].max() for i in range(50)]
    lowest = [samples[columns == i].min() for i in range(50)]
    assert found["max"] == pytest.approx(highest, abs=2e-4)
    assert found["min"] == pytest.approx(lowest, abs=2e-4)
    assert still.get(f"/api/sounds/{tune['id']}/peaks?columns=9").status_code == 422


def test_views_that_are_damaged_are_made_again(still: TestClient, tune: dict[str, Any]) -> None:
    folder = still.app.state.studio.store.folder / "sounds" / tune["id"]  # type: ignore[attr-defined]
    for view, name in (("peaks?columns=60", "peaks-60.json"), ("audio", "playable.wav")):
        address = f"/api/sounds/{tune['id']}/{view}"
        found = still.get(address).content
        for damaged in (b"", b"{", found[:-5], found[:-1] + b"?"):
            (folder / name).write_bytes(damaged)
            assert still.get(address).content == found
        (folder / f"{name}.sha256").unlink()
        assert still.get(address).content == found


def test_spectrogram_is_a_picture_of_its_partials(still: TestClient) -> None:
    t = np.arange(RATE) / RATE
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 2000 * t), RATE, format="WAV")
    sound = _upload(still, file.getvalue()).json()
    answer = still.get(f"/api/sounds/{sound['id']}/spectrogram", params={"columns": 40})
    assert answer.headers["Content-Type"] == "image/png"
    rows_hz = [float(each) for each in answer.headers["X-Frequencies-Hz"].split(",")]
    pixels = _palette_pixels(answer.content)
    assert pixels.shape == (160, 40)
    assert rows_hz[int(pixels[:, 20].argmax())] == pytest.approx(2000, rel=0.03)


def _palette_pixels(png: bytes) -> Any:
    """Indices [H, W] of a PNG with a palette."""
    width, height = struct.unpack(">II", png[16:24])
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, width + 1)
    return rows[:, 1:]


def test_audio_comes_in_ranges(still: TestClient, tune: dict[str, Any]) -> None:
    whole = still.get(f"/api/sounds/{tune['id']}/audio")
    assert whole.headers["Content-Type"] == "audio/wav"
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert whole.headers["ETag"]
    samples, rate = soundfile.read(io.BytesIO(whole.content))
    assert rate == RATE
    assert samples == pytest.approx(melody([60, 64, 67]), abs=1e-4)
    part = still.get(f"/api/sounds/{tune['id']}/audio", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == whole.content[100:200]


def test_a_score_is_heard_as_a_sketch(still: TestClient, score: dict[str, Any]) -> None:
    sound = still.get(f"/api/sounds/{score['id']}/audio")
    samples, rate = soundfile.read(io.BytesIO(sound.content))
    assert len(samples) / rate == pytest.approx(score["duration_s"] + 1, abs=0.1)
    assert np.abs(samples).max() > 0.5


@pytest.mark.parametrize(("wanted", "magic"), [("flac", b"fLaC"), ("ogg", b"OggS")])
def test_recording_is_saved_in_other_formats(
    still: TestClient, tune: dict[str, Any], wanted: str, magic: bytes
) -> None:
    answer = still.get(f"/api/sounds/{tune['id']}/file", params={"as": wanted})
    assert answer.content.startswith(magic)
    assert f"my%20tune.{wanted}" in answer.headers["Content-Disposition"]


def test_original_is_saved_as_it_came(still: TestClient, tune: dict[str, Any]) -> None:
    answer = still.get(f"/api/sounds/{tune['id']}/file")
    assert answer.content == wav_bytes([60, 64, 67])
    refused = still.get(f"/api/sounds/{tune['id']}/file", params={"as": "mid"})
    assert refused.status_code == 422
    assert "wav, flac" in refused.json()["cure"]


def test_score_is_saved_as_notation(still: TestClient, score: dict[str, Any]) -> None:
    answer = still.get(f"/api/sounds/{score['id']}/file", params={"as": "musicxml"})
    assert b"<score-partwise" in answer.content


def test_notes_come_out_and_go_in_again(still: TestClient, score: dict[str, Any]) -> None:
    notes = still.get(f"/api/sounds/{score['id']}/notes").json()
    assert sum(len(part["notes"]) for part in notes["parts"]) == 32
    assert notes["bars_s"][:3] == pytest.approx([0.0, *np.cumsum([notes["bars_s"][1]] * 2)])
    parts = [{k: v for k, v in part.items() if k != "number"} for part in notes["parts"]]
    del parts[0]["notes"][0]
    parts[0]["notes"].append([1.0, 1.5, 72, 100])
    answer = still.post("/api/scores", json={"name": "edited", "like": score["id"], "parts": parts})
    assert answer.status_code == 201, answer.text
    edited = answer.json()
    assert (edited["name"], edited["origin"], edited["n_notes"]) == ("edited.mid", "edit", 32)
    again = still.get(f"/api/sounds/{edited['id']}/notes").json()
    assert [1.0, 1.5, 72, 100] in [
        [round(x, 2) for x in note] for note in again["parts"][0]["notes"]
    ]
    assert again["tempos"] == notes["tempos"]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"notes": []}],
        [{"notes": [[1.0, 0.5, 60, 90]]}],
        [{"notes": [[0.0, 0.5, 200, 90]]}],
        [{"notes": [[0.0, 0.5, 60, 0]]}],
        [{"notes": [[0.0, 1e300, 60, 90]]}],
        [{"notes": [[0, 1, 60, 90]], "pedal": [[2, 1]]}],
        [{"notes": [[0, 1, 60, 90]], "secret": 1}],
    ],
)
def test_odd_notes_are_refused(still: TestClient, parts: list[Any]) -> None:
    assert still.post("/api/scores", json={"parts": parts}).status_code == 422


def test_too_many_notes_are_refused(still: TestClient) -> None:
    notes = [[i / 100, i / 100 + 0.005, 60, 90] for i in range(LIMITS.score_notes + 1)]
    answer = still.post("/api/scores", json={"parts": [{"notes": notes}]})
    assert answer.status_code == 413


def test_recording_has_no_notes(still: TestClient, tune: dict[str, Any]) -> None:
    assert still.get(f"/api/sounds/{tune['id']}/notes").status_code == 409
    like = {"like": tune["id"], "parts": [{"notes": [[0, 1, 60, 90]]}]}
    assert still.post("/api/scores", json=like).status_code == 422


def test_sound_is_renamed_kept_and_deleted(still: TestClient) -> None:
    sound = _upload(still, wav_bytes([60])).json()
    place = f"/api/sounds/{sound['id']}"
    changed = still.patch(place, json={"name": "../best.flac", "kept": True}).json()
    assert (changed["name"], changed["kept"], changed["expires_at"]) == ("best.wav", True, None)
    assert still.patch(place, json={"kept": False}).json()["expires_at"] is not None
    assert still.patch(place, json={"kind": "score"}).status_code == 422
    folder: Path = still.app.state.studio.store.folder  # type: ignore[attr-defined]
    assert (folder / "sounds" / sound["id"]).is_dir()
    assert still.delete(place).status_code == 204
    assert not (folder / "sounds" / sound["id"]).exists()
    for method in ("get", "delete"):
        assert getattr(still, method)(place).status_code == 404
    assert still.get(f"{place}/audio").status_code == 404


@pytest.mark.parametrize("identity", ["..", "snd_..%2f..", "%2e%2e%2fstudio.db", "snd_", "x" * 500])
def test_ids_are_no_paths(still: TestClient, identity: str) -> None:
    for view in ("", "/audio", "/file", "/peaks"):
        assert still.get(f"/api/sounds/{identity}{view}").status_code in (404, 405)


def test_list_is_paged_and_filtered(still: TestClient, score: dict[str, Any]) -> None:
    found = still.get("/api/sounds", params={"kind": "score", "limit": 1}).json()
    assert len(found["sounds"]) == 1
    assert found["total"] >= 1
    ids = [s["id"] for s in still.get("/api/sounds?kind=score").json()["sounds"]]
    assert score["id"] in ids
    assert still.get("/api/sounds?limit=100000").status_code == 422


def test_a_saved_sound_is_what_the_api_reads(
    still: TestClient, tune: dict[str, Any], tmp_path: Path
) -> None:
    place = tmp_path / "a.flac"
    place.write_bytes(still.get(f"/api/sounds/{tune['id']}/file?as=flac").content)
    expected = melody([60, 64, 67])
    assert cambiata.load(place).samples[0] == pytest.approx(expected, abs=1e-4)


def test_examples_that_are_not_in_place_yet(still: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert still.get("/api/examples").json()["complete"] is True
    monkeypatch.setattr("cambiata.web.routes_sounds._EXAMPLES_S", 0.01)
    ready = still.app.state.studio.examples_ready
    ready.clear()
    try:
        assert still.get("/api/examples").json()["complete"] is False
    finally:
        ready.set()
