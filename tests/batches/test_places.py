"""Places by URL: fetched and published whole, told apart when they change."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sounds import RATE, melody

import cambiata
from cambiata.audio.sound import Audio
from cambiata.batches import places
from cambiata.errors import InputError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()


def _made_instrument(folder: Path) -> Path:
    made = folder / "made"
    (made / "x-samples").mkdir(parents=True)
    (made / "x.sfz").write_bytes(b"instrument")
    (made / "x-samples" / "C4.wav").write_bytes(b"sample")
    return made


def test_what_is_published_comes_back(tmp_path: Path, memory: Any) -> None:
    made = _made_instrument(tmp_path)
    places.publish(made, "memory://b/out", "x.sfz")
    assert sorted(memory.find("/b")) == ["/b/out/x-samples/C4.wav", "/b/out/x.sfz"]
    (tmp_path / "back").mkdir()
    back = places.fetch("memory://b/out", tmp_path / "back")
    assert (back / "x-samples" / "C4.wav").read_bytes() == b"sample"
    with pytest.raises(InputError, match=r"memory://b/gone\.wav: no such file"):
        places.fetch("memory://b/gone.wav", tmp_path)


def test_an_upload_that_fails_leaves_what_was_there(
    tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/out/x.wav", b"old")
    (tmp_path / "x.wav").write_bytes(b"new")

    def put_half(_self: Any, _local: str, path: str, **_options: Any) -> None:
        memory.pipe(path, b"n")
        raise OSError("the line is cut")

    monkeypatch.setattr(type(memory), "put_file", put_half)
    with pytest.raises(InputError, match=r"memory://out: .* \(the line is cut\)"):
        places.publish(tmp_path, "memory://out", "x.wav")
    assert memory.find("/out") == ["/out/x.wav"]
    assert memory.cat("/out/x.wav") == b"old"


def test_parts_of_killed_workers_are_removed(memory: Any) -> None:
    memory.pipe("/out/.cambiata-part-0123", b"half")
    memory.pipe("/out/x.wav", b"whole")
    places.remove_parts("memory://out")
    assert memory.find("/out") == ["/out/x.wav"]


def test_a_fingerprint_changes_with_the_content(tmp_path: Path, memory: Any) -> None:
    memory.pipe("/a", b"1")
    before = places.fingerprint("memory://a")
    assert places.fingerprint("memory://a") == before
    time.sleep(0.01)
    memory.pipe("/a", b"2")
    assert places.fingerprint("memory://a") != before
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a").write_bytes(b"1")
    before = places.fingerprint(str(tmp_path))
    (tmp_path / "x" / "a").write_bytes(b"22")
    assert places.fingerprint(str(tmp_path)) != before


def test_an_unknown_file_system_is_refused() -> None:
    with pytest.raises(InputError, match="nofs://a: is on no file system that is known"):
        places.exists("nofs://a")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two buckets of a server on this machine that speaks S3's protocol, found as a user's are."""
    server = pytest.importorskip("moto.server", reason="moto is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed")
    begun = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    begun.start()
    host, port = begun.get_host_and_port()
    given = {"endpoint_url": f"http://{host}:{port}", "key": "a", "secret": "b"}
    for name, value in given.items():  # workers are processes of their own
        monkeypatch.setenv(f"FSSPEC_S3_{name.upper()}", value)
    monkeypatch.setitem(fsspec.config.conf, "s3", given)
    s3fs.S3FileSystem.clear_instance_cache()
    files = fsspec.filesystem("s3")
    for bucket in ("masters", "made"):
        files.mkdir(bucket)
    yield files
    reset = urllib.request.Request(f"{given['endpoint_url']}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()
    s3fs.S3FileSystem.clear_instance_cache()
    begun.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the server and of aiobotocore
def test_places_on_s3(tmp_path: Path, s3: Any) -> None:
    made = _made_instrument(tmp_path)
    places.publish(made, "s3://made/out", "x.sfz")
    assert sorted(s3.find("made")) == ["made/out/x-samples/C4.wav", "made/out/x.sfz"]
    assert places.exists("s3://made/out/x.sfz")
    assert not places.exists("s3://made/out/y.sfz")
    assert places.found_in("s3://made/out", [".sfz"]) == ["s3://made/out/x.sfz"]
    assert places.found_in("s3://made/out/x.sfz", [".sfz"]) is None
    assert places.matches("s3://made/**/*.wav") == ["s3://made/out/x-samples/C4.wav"]
    (tmp_path / "back").mkdir()
    back = places.fetch("s3://made/out", tmp_path / "back")
    assert (back / "x-samples" / "C4.wav").read_bytes() == b"sample"
    with pytest.raises(InputError, match=r"s3://made/gone\.wav: no such file"):
        places.fetch("s3://made/gone.wav", tmp_path)
    before = places.fingerprint("s3://made/out/x.sfz")
    s3.pipe("made/out/x.sfz", b"Instrument")
    assert places.fingerprint("s3://made/out/x.sfz") != before
    s3.pipe("made/out/x.sfz", b"instrument")
    assert places.fingerprint("s3://made/out/x.sfz") == before
    s3.pipe("made/out/.cambiata-part-01", b"half")
    places.remove_parts("s3://made/out")
    assert sorted(s3.find("made")) == ["made/out/x-samples/C4.wav", "made/out/x.sfz"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_batch_on_s3(tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, pitches in {"a": [60], "b": [64], "c": [67], "style": [60, 64]}.items():
        Audio(melody(pitches), RATE, "PCM_16").save(f"{name}.wav")
        s3.put_file(f"{name}.wav", f"masters/{'' if name == 'style' else 'in/'}{name}.wav")
    s3.pipe("masters/in/broken.wav", b"RIFF no sound")
    words = ["batch", "transfer", "s3://masters/in", "s3://masters/gone.wav"]
    words += ["-o", "s3://made/out/{stem}.wav", "--manifest", "run.csv", "-j", "2"]
    words += ["--", "s3://masters/style.wav", "--amount=0.5"]

    def run() -> tuple[int, list[str]]:
        done = subprocess.run(
            [sys.executable, "-m", "cambiata", *words], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stderr.splitlines()

    code, lines = run()
    assert code == 1, lines
    assert [line for line in lines if line.startswith("cambiata: s3://masters/gone.wav: no such ")]
    assert [line for line in lines if line.startswith("cambiata: s3://masters/in/broken.wav: ")]
    assert sorted(s3.find("made")) == [f"made/out/{name}.wav" for name in "abc"]
    for name in "abc":
        cambiata.transfer_file(f"{name}.wav", "style.wav", f"{name}-out.wav", amount=0.5)
        assert s3.cat(f"made/out/{name}.wav") == Path(f"{name}-out.wav").read_bytes()
    times = {name: s3.info(f"made/out/{name}.wav")["LastModified"] for name in "abc"}
    s3.put_file("c.wav", "masters/in/b.wav")
    s3.rm(["masters/in/broken.wav"])
    words.remove("s3://masters/gone.wav")
    code, lines = run()
    assert code == 0, lines
    s3.invalidate_cache()
    now = {name: s3.info(f"made/out/{name}.wav")["LastModified"] for name in "abc"}
    assert [name for name in "abc" if now[name] != times[name]] == ["b"]
    assert s3.cat("made/out/b.wav") == s3.cat("made/out/c.wav")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_what_of_s3_cannot_be_reached_is_refused_in_one_line(
    tmp_path: Path, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"^s3://nowhere/\*\.wav: matches no file; check the"):
        cambiata.batch("transfer", "s3://nowhere/*.wav", "{stem}.mid", arguments={"style": "a"})
    Audio(melody([60]), RATE, "PCM_16").save(tmp_path / "a.wav")
    s3.put_file(str(tmp_path / "a.wav"), "masters/in/a.wav")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^s3://typo/out: its bucket typo does not exist; make"):
        cambiata.batch(
            *("transfer", "s3://masters/in/*.wav", "s3://typo/out/{stem}.wav"),
            arguments={"style": "a.wav"},
            manifest="run.csv",
        )
    assert s3.ls("") == ["made", "masters"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    endpoint = fsspec.config.conf["s3"]["endpoint_url"]
    monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": endpoint})
    type(s3).clear_instance_cache()
    with pytest.raises(InputError, match=r"^s3://masters/in: cannot be reached \(Unable to locate"):
        cambiata.batch("transfer", "s3://masters/in", "{stem}.wav", arguments={"style": "a"})
