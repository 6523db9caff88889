"""SS-VQ-VAE at run time: its shipped weights, its codes, its level, and files that are not its."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sounds import melody

import cambiata
from cambiata.audio.source import resample
from cambiata.errors import InputError
from cambiata.timbre_transfer.vqvae import SAMPLE_RATE_HZ, VqVae, VqVaeConfig
from cambiata.weights import WEIGHTS, load_model

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parent / "vqvae_golden.json"
BANDS_HZ = (125, 250, 500, 1000, 2000, 4000)
CONTENT = melody([60, 64, 67, 72], rate=SAMPLE_RATE_HZ)
STYLE = melody([62, 65, 69, 71], partials=20, rate=SAMPLE_RATE_HZ)


@pytest.fixture(scope="module", params=list(VqVae.presets))
def system(request: pytest.FixtureRequest) -> VqVae:
    return VqVae(VqVae.presets[request.param])


def test_the_examples_sound_as_they_did_when_it_was_trained(system: VqVae) -> None:
    """The shipped weights, end to end.

    ``PYTHONPATH=tests/support python tests/timbre_transfer/test_vqvae.py`` writes what is expected.
    """
    expected = json.loads(GOLDEN.read_text())[system.config.weights]
    actual = _golden(system)
    # Another processor may let a tie fall to the other side.
    equal = np.mean(np.array(actual["codes"]) == expected["codes"])
    assert equal > 0.95
    levels_db = np.array(expected["levels_db"])
    # Within half a decibel; of what is next to silence, where rounding is heard first, within two.
    near = np.abs(np.array(actual["levels_db"]) - levels_db) < np.where(levels_db > -40, 0.5, 2.0)
    assert near.all()


def _golden(system: VqVae) -> dict[str, list[Any]]:
    """Codes of the trumpet; levels, by octave and half second, of it played by the cello."""
    content = cambiata.load(EXAMPLES / "trumpet.ogg", end_s=4.0)
    style = cambiata.load(EXAMPLES / "cello.flac")
    preset = next(name for name, config in VqVae.presets.items() if config == system.config)
    out = cambiata.transfer(content, style, system="vqvae", preset=preset)
    low = resample(content.samples.mean(axis=0), content.sample_rate, SAMPLE_RATE_HZ)
    n = out.sample_rate // 2
    pieces = out.samples[0][: 8 * n].reshape(8, n)
    power = np.square(np.abs(np.fft.rfft(pieces, axis=1)))
    hz = np.fft.rfftfreq(n, 1 / out.sample_rate)
    bands = [power[:, (hz >= low_hz) & (hz < 2 * low_hz)].mean(1) for low_hz in BANDS_HZ]
    levels = 10 * np.log10(np.array(bands) / power.mean())
    return {
        "codes": system.codes(low).tolist(),
        "levels_db": np.round(np.maximum(levels, -60), 2).tolist(),
    }


def test_eight_codes_a_second_at_most_88_bits(system: VqVae) -> None:
    sound = np.tile(CONTENT, 5)[: 8 * SAMPLE_RATE_HZ]
    codes = system.codes(sound)
    assert codes.shape == (65,)
    about = load_model(system.config.weights, "vqvae").about
    assert 0 <= codes.min() <= codes.max() < about["n_codes"]
    assert 8 * np.log2(about["n_codes"]) <= 88
    assert len(set(codes.tolist())) > 8


def test_codes_do_not_depend_on_the_level(system: VqVae) -> None:
    assert np.array_equal(system.codes(CONTENT), system.codes(np.float32(0.01) * CONTENT))


def test_a_long_style_is_the_mean_of_its_clips(system: VqVae) -> None:
    clip = np.tile(STYLE, 6)[: 8 * SAMPLE_RATE_HZ]
    other = clip[::-1].copy()
    both = system.capture(np.concatenate([clip, other]))
    mean = (system.capture(clip) + system.capture(other)) / 2
    np.testing.assert_allclose(both, mean, atol=1e-5)
    silence = np.zeros_like(clip)
    np.testing.assert_allclose(
        system.capture(np.concatenate([clip, silence])), system.capture(clip), atol=1e-5
    )


def test_the_style_is_heard(system: VqVae) -> None:
    def played(style: np.ndarray) -> np.ndarray:
        timbre = system.capture(style)
        return system.render(CONTENT, timbre, amount=1.0, seed=0, progress=lambda _share: None)

    plain = melody([62, 65, 69, 71], partials=1, rate=SAMPLE_RATE_HZ)

    def brightness(sound: np.ndarray) -> float:
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float((power * np.arange(len(power))).sum() / power.sum())

    assert brightness(played(STYLE)) > 1.1 * brightness(played(plain))


def test_weights_stay_small_and_tell_where_they_come_from() -> None:
    total = sum(
        file.stat().st_size for file in Path(str(files("cambiata").joinpath("shipped"))).iterdir()
    )
    assert total < 95e6
    for name in ("vqvae", "vqvae-self-supervised"):
        main = files("cambiata").joinpath("shipped", WEIGHTS[name].file).read_bytes()
        about = load_model(name, "vqvae").about
        style = files("cambiata").joinpath("shipped", about["parts"]["style"][0]).read_bytes()
        assert len(main) + len(style) <= 25e6
        assert all(source["use"] == "train" for source in about["data"])
        assert {source["name"] for source in about["data"]} & {"fluid-r3", "musescore-general"}
        assert about["licence"] == WEIGHTS[name].licence


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ("/nowhere.onnx", r"/nowhere\.onnx: cannot be read; give a file of `cambiata train"),
        ("timbre-metric", r"timbre-metric: is not of vqvae; choose weights of vqvae"),
    ],
)
def test_weights_that_are_none_are_refused(weights: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        VqVae(VqVaeConfig(weights=weights))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("no")
    with pytest.raises(InputError, match=r"x\.onnx: is not a model; give a file of"):
        VqVae(VqVaeConfig(weights=str(tmp_path / "x.onnx")))


def test_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="sample_rate must be 16000"):
        VqVaeConfig(sample_rate=22050)


if __name__ == "__main__":
    golden = {config.weights: _golden(VqVae(config)) for config in VqVae.presets.values()}
    GOLDEN.write_text(json.dumps(golden) + "\n")
