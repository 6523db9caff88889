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
        with pytest.raises(cambiata.InputError, match="is no timbre; capture it again"):
            cambiata.load_timbre(tmp_path / f"{name}.timbre")
    with pytest.raises(cambiata.InputError, match="exists; choose another name, or replace it"):
        bright.save(tmp_path / "good.timbre")
    bright.save(tmp_path / "good.timbre", force=True)
    with pytest.raises(cambiata.InputError, match="does not exist; create it first"):
        bright.save(tmp_path / "no" / "good.timbre")


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
    assert b"flut: no timbre has this name; did you mean flute?" in done.stderr
