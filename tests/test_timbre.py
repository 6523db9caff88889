"""Timbres in files: what is captured comes back, is mixed, and is refused where it does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import run
from sounds import RATE, melody

import cambiata
from cambiata import Audio, Timbre
from cambiata.registry import transfer_system
from cambiata.system import make_system

STYLE = Audio(melody([60, 62, 64, 65, 67, 69, 71, 72], partials=20), RATE)
DULL = Audio(melody([60, 62, 64, 65, 67, 69, 71, 72], partials=2), RATE)
CONTENT = Audio(melody([60, 64, 67, 72]), RATE)


@pytest.fixture(scope="module")
def bright() -> Timbre:
    return cambiata.capture_timbre([STYLE])


@pytest.fixture(scope="module")
def dull() -> Timbre:
    return cambiata.capture_timbre([DULL])


def test_a_kept_timbre_plays_as_its_recording_does(bright: Timbre, tmp_path: Path) -> None:
    bright.save(tmp_path / "bright.timbre")
    loaded = cambiata.load_timbre(tmp_path / "bright.timbre")
    direct, played = (cambiata.transfer(CONTENT, x).samples for x in (STYLE, loaded))
    # Capturing brings the recording to one level and keeps float16.
    assert np.abs(played - direct).max() < 0.02 * np.abs(direct).max()
    assert (tmp_path / "bright.timbre").stat().st_size < 300_000


def test_a_file_is_plain_arrays(bright: Timbre, tmp_path: Path) -> None:
    bright.save(tmp_path / "bright.timbre")
    with np.load(tmp_path / "bright.timbre", allow_pickle=False) as archive:
        about = json.loads(archive["about"].tobytes())
        assert archive["0/features"].dtype == np.float16
    assert about["system"] == "oneshot"
    assert len(about["weights"]) == 64
    assert about["voices"] == [1.0]


def brightness_hz(audio: Audio) -> float:
    power = np.abs(np.fft.rfft(audio.samples[0])) ** 2
    return float((power * np.fft.rfftfreq(audio.n_samples, 1 / RATE)).sum() / power.sum())


def test_a_mix_lies_between(bright: Timbre, dull: Timbre) -> None:
    shares = (0.0, 0.5, 1.0)
    mixed = [cambiata.mix_timbres([(bright, share), (dull, 1 - share)]) for share in shares]
    low, between, high = (brightness_hz(cambiata.transfer(CONTENT, timbre)) for timbre in mixed)
    assert low < between < high


def test_a_mix_of_mixes_is_a_mix(bright: Timbre, dull: Timbre) -> None:
    half = cambiata.mix_timbres([(bright, 2), (dull, 2)])
    again = cambiata.mix_timbres([(half, 1), (dull, 1)])
    assert [weight for weight, _ in again.voices] == [0.25, 0.25, 0.5]


def test_several_clips_are_one_timbre(tmp_path: Path) -> None:
    paths = []
    for i, clip in enumerate((STYLE, replace(STYLE, samples=0.01 * STYLE.samples))):
        paths.append(tmp_path / f"{i}.wav")
        clip.save(paths[-1])
    captured = cambiata.capture_timbre(paths, tmp_path / "both.timbre")
    assert len(captured.voices) == 1
    strengths = captured.voices[0][1]["strengths_db"]
    # As loud as each other, whatever the files' levels were.
    half = len(strengths) // 2
    assert abs(np.median(strengths[:half]) - np.median(strengths[half:])) < 6


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"system": "vqvae"}, 'is of vqvae; use `system="vqvae"`'),
        ({"weights": "0" * 64}, "belongs to other weights; capture it again"),
        ({"voices": ((1.0, {}),)}, "is not whole; capture it again"),
    ],
)
def test_what_does_not_fit_is_refused(
    bright: Timbre, changes: dict[str, object], match: str
) -> None:
    with pytest.raises(cambiata.InputError, match=match):
        cambiata.transfer(CONTENT, replace(bright, **changes))


def test_regions_of_a_timbre_are_refused(bright: Timbre) -> None:
    with pytest.raises(cambiata.InputError, match="has no regions"):
        cambiata.transfer(CONTENT, bright, style_start_s=1.0)


def test_systems_without_timbres_say_so() -> None:
    with pytest.raises(cambiata.InputError, match="musaicing: keeps no timbres"):
        cambiata.capture_timbre([STYLE], system="musaicing")


def test_files_that_are_none(bright: Timbre, tmp_path: Path) -> None:
    bright.save(tmp_path / "good.timbre")
    good = (tmp_path / "good.timbre").read_bytes()
    (tmp_path / "half.timbre").write_bytes(good[: len(good) // 2])
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    (tmp_path / "other.npz").rename(tmp_path / "other.timbre")
    for name in ("half", "other"):
        with pytest.raises(cambiata.InputError, match=r"is not a \.timbre file; capture it again"):
            cambiata.load_timbre(tmp_path / f"{name}.timbre")
    with pytest.raises(cambiata.InputError, match="exists; choose another name, or replace it"):
        bright.save(tmp_path / "good.timbre")
    bright.save(tmp_path / "good.timbre", force=True)
    with pytest.raises(cambiata.InputError, match="does not exist; create it first"):
        bright.save(tmp_path / "no" / "good.timbre")


def _archive(bright: Timbre, folder: Path, **changes: object) -> Path:
    """A file of a timbre, some of whose arrays are others."""
    bright.save(folder / "good.timbre", force=True)
    with np.load(folder / "good.timbre") as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(arrays["about"].tobytes())
    about |= {name: value for name, value in changes.items() if name in about}
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    arrays |= {f"0/{name}": value for name, value in changes.items() if name not in about}
    place = folder / "changed.timbre"
    with place.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return place


def test_a_file_of_version_1_plays_uncorrected(bright: Timbre, tmp_path: Path) -> None:
    [(weight, arrays)] = bright.voices
    old = {name: array for name, array in arrays.items() if name != "noise_correction_db"}
    place = _archive(replace(bright, voices=((weight, old),)), tmp_path, version=1)
    system = make_system(transfer_system("oneshot"))
    [(_, memory)] = cambiata.load_timbre(place).for_system(system)
    assert memory.noise_correction_db is None
    [(_, memory)] = bright.for_system(system)
    assert memory.noise_correction_db.shape == (24,)
    assert cambiata.transfer(CONTENT, cambiata.load_timbre(place)).samples.any()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"features": np.float16(1)}, "is not whole"),
        ({"features": np.zeros((0, 18), np.float16)}, "is not whole"),
        ({"partials_db": np.full((5, 48), np.nan, np.float16)}, "is not a .timbre file"),
        ({"quantiles": np.full((3, 210), 6e4, np.float16)}, "is not whole"),
        ({"quantiles": np.array(["loud"])}, "is not a .timbre file"),
        ({"stiffness": np.float32(np.nan)}, "is not a .timbre file"),
        ({"stiffness": np.zeros(2)}, "is not whole"),
        ({"pitches": np.array([60, 62, 64])}, "is not whole"),
        ({"noise_correction_db": np.zeros(3)}, "is not whole"),
        ({"noise_correction_db": np.full(24, np.inf)}, "is not a .timbre file"),
        ({"version": 3}, "is of version 3, not 1 or 2"),
        ({"voices": [float("nan")]}, "has voices whose shares do not add up to 1"),
        ({"voices": []}, "has voices whose shares do not add up to 1"),
        ({"voices": [-1, 2]}, "has voices whose shares do not add up to 1"),
        ({"voices": [1e300]}, "has voices whose shares do not add up to 1"),
        ({"voices": 3}, "is not a .timbre file"),
        ({"voices": [1.0, 1e-9]}, "is not whole"),
    ],
)
def test_damaged_arrays_are_refused(
    bright: Timbre, tmp_path: Path, changes: dict[str, object], match: str
) -> None:
    system = make_system(transfer_system("oneshot"))
    with pytest.raises(cambiata.InputError, match=f"{match}; capture it again"):
        cambiata.load_timbre(_archive(bright, tmp_path, **changes)).for_system(system)


def test_a_file_takes_no_more_memory_than_a_style_needs(bright: Timbre, tmp_path: Path) -> None:
    system = make_system(transfer_system("oneshot"))
    [(_, arrays)] = bright.voices
    many = {
        name: np.resize(arrays[name], (5000, *arrays[name].shape[1:]))
        for name in ("features", "partials_db", "clean", "noise_db")
    }
    notes = {name: np.resize(arrays[name], 10**6) for name in ("pitches", "strengths_db")}
    partials = {"inharmonic": np.zeros((1000, 10), np.float16)}
    for changes in (many, notes, partials):
        with pytest.raises(cambiata.InputError, match="is not whole"):
            cambiata.load_timbre(_archive(bright, tmp_path, **changes)).for_system(system)
    large = _archive(bright, tmp_path, pitches=np.zeros(10**7))
    assert large.stat().st_size < 10**6
    with pytest.raises(cambiata.InputError, match=r"is not a \.timbre file"):
        cambiata.load_timbre(large)
    with pytest.raises(cambiata.InputError, match="has 200 voices; mix 128 at most"):
        cambiata.load_timbre(_archive(bright, tmp_path, voices=[1 / 200] * 200))
    with pytest.raises(cambiata.InputError, match="has 200 voices; mix 128 at most"):
        cambiata.mix_timbres([(bright, 1.0)] * 200)


def test_damaged_archives_are_refused(bright: Timbre, tmp_path: Path) -> None:
    bright.save(tmp_path / "good.timbre")
    good = (tmp_path / "good.timbre").read_bytes()
    middle = len(good) // 2
    # The flag of encryption and the method of compression, in the first member's two headers.
    local, central = good.index(b"PK\3\4"), good.index(b"PK\1\2")
    for name, at, new in [
        ("stream", middle, bytes(64)),
        ("locked", central + 8, b"\1"),
        ("method", central + 10, b"\x63"),
        ("size", central + 24, b"\xff\xff\xff\x7f"),
        ("name", local + 30, b"\xff\xfe"),
        ("header", 0, b"PK"),
    ]:
        damaged = good[:at] + new + good[at + len(new) :]
        (tmp_path / f"{name}.timbre").write_bytes(damaged)
        if name == "header":
            assert cambiata.load_timbre(tmp_path / f"{name}.timbre").system == "oneshot"
            continue
        with pytest.raises(cambiata.InputError, match=f"{name}.timbre: is not a "):
            cambiata.load_timbre(tmp_path / f"{name}.timbre")


def test_a_region_is_captured(tmp_path: Path) -> None:
    both = Audio(np.concatenate([STYLE.samples, 0.2 * DULL.samples], axis=1), RATE, "FLOAT")
    both.save(tmp_path / "both.wav")
    end_s = STYLE.duration_s
    first = cambiata.capture_timbre([tmp_path / "both.wav"], end_s=end_s)
    second = cambiata.capture_timbre([tmp_path / "both.wav"], start_s=end_s)
    for captured, alone in ((first, STYLE), (second, DULL)):
        expected = cambiata.capture_timbre([alone]).voices[0][1]
        for name, array in captured.voices[0][1].items():
            np.testing.assert_allclose(array, expected[name], atol=1.0)  # dB
    with pytest.raises(cambiata.InputError, match=r"both\.wav: has no region from 9 to"):
        cambiata.capture_timbre([tmp_path / "both.wav"], start_s=9.0)


@pytest.mark.parametrize(
    ("shares", "match"), [((-1, 2), "its share is -1"), ((0, 0), "no share is above 0")]
)
def test_shares_that_are_none(bright: Timbre, dull: Timbre, shares: tuple, match: str) -> None:
    with pytest.raises(cambiata.InputError, match=match):
        cambiata.mix_timbres(list(zip((bright, dull), shares, strict=True)))


def test_instruments_that_ship_are_mixed_by_their_names(tmp_path: Path) -> None:
    call = ["timbre", "mix", "flute=1", "cello=3", "-o", "mix.timbre"]
    done = run(*call, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    mixed = cambiata.load_timbre(tmp_path / "mix.timbre")
    assert [share for share, _ in mixed.voices] == [0.25, 0.75]
    assert mixed.sources == ("flute", "cello")
    done = run("timbre", "mix", "flut=1", "-o", "other.timbre", folder=tmp_path)
    assert done.returncode == 2
    assert b"flut: neither a file nor a timbre has this name; did you mean flute?" in done.stderr


def test_a_timbre_of_nothing_is_refused() -> None:
    with pytest.raises(cambiata.InputError, match="styles: are none; give at least one"):
        cambiata.capture_timbre([])


def test_a_timbre_is_not_written_over_what_it_is_mixed_of(bright: Timbre, tmp_path: Path) -> None:
    bright.save(tmp_path / "a.timbre")
    before = (tmp_path / "a.timbre").read_bytes()
    with pytest.raises(cambiata.InputError, match="is also one of the timbres"):
        cambiata.mix_timbres(
            [(tmp_path / "a.timbre", 1), (bright, 1)], tmp_path / "a.timbre", force=True
        )
    assert (tmp_path / "a.timbre").read_bytes() == before
