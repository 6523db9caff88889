"""What every transfer system owes its caller, whatever is inside it."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from sounds import RATE, melody

import cambiata
from cambiata import Audio, CambiataWarning, InputError
from cambiata.audio.stft import Stft
from cambiata.registry import system_names, transfer_system
from cambiata.system import TransferConfig, TransferSystem, configure, make_system, read_style
from cambiata.timbre_transfer.musaicing import Musaicing

TINY: dict[str, dict[str, Any]] = {
    "oneshot": {},
    "musaicing": {"sample_rate": 16000, "n_fft": 1024, "hop_length": 256, "iterations": 10},
    "ulyanov": {"n_fft": 512, "hop_length": 128, "filters": 64, "kernel": 5, "iterations": 20},
    # Its network is what it is; the shipped one takes a tenth of a second.
    "vqvae": {"phase_iterations": 8},
}
CONTENT = melody([60, 64, 67, 72], rate=16000)
STYLE = melody([60, 62, 64, 65, 67, 69, 71, 72], partials=20, rate=16000)


@pytest.fixture(params=system_names("transfer"))
def system(request: pytest.FixtureRequest) -> TransferSystem[Any, Any]:
    system_class = cambiata.transfer_system(request.param)
    return system_class(configure(request.param, system_class.presets, None, TINY[request.param]))


def _render(system: TransferSystem[Any, Any], amount: float = 1.0, seed: int = 0) -> np.ndarray:
    return system.render(
        CONTENT, system.capture(STYLE), amount=amount, seed=seed, progress=lambda _share: None
    )


def test_says_what_it_is(system: TransferSystem[Any, Any]) -> None:
    assert transfer_system(system.name) is type(system)
    assert all((system.summary, system.paper, system.weights_licence))
    assert "amount" in (type(system).__doc__ or "")
    for preset in system.presets.values():
        assert dataclasses.is_dataclass(preset)
        assert isinstance(preset, TransferConfig)
        assert preset.__dataclass_params__.frozen


def test_keeps_the_length_and_the_input(system: TransferSystem[Any, Any]) -> None:
    before, style_before = CONTENT.copy(), STYLE.copy()
    sound = _render(system)
    assert sound.shape == CONTENT.shape
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert np.array_equal(CONTENT, before)
    assert np.array_equal(STYLE, style_before)


def test_same_seed_same_bytes(system: TransferSystem[Any, Any]) -> None:
    first, again, other = _render(system), _render(system), _render(system, seed=1)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_near_amount_zero_it_is_the_content(system: TransferSystem[Any, Any]) -> None:
    near = _render(system, amount=1e-3)
    error = np.linalg.norm(near - CONTENT) / np.linalg.norm(CONTENT)
    assert error < 0.05


def test_the_amount_moves_the_sound_steadily_away_from_the_content(
    system: TransferSystem[Any, Any],
) -> None:
    def levels(sound: np.ndarray) -> np.ndarray:
        return np.log(np.abs(Stft(1024, 512).analyse(sound)) + 1e-2)

    def distance(amount: float) -> float:
        return float(np.abs(levels(_render(system, amount)) - levels(CONTENT)).mean())

    distances = [distance(amount) for amount in (0.1, 0.4, 0.7, 1.0)]
    # Each step by an eighth at least: over seeds the distances of one amount differ by less.
    assert np.diff(distances).min() > 0.125 * distances[-1]
    assert distances[0] < 0.4 * distances[-1]


def test_the_level_follows_the_content(system: TransferSystem[Any, Any]) -> None:
    timbre = system.capture(STYLE)
    loud, quiet = (
        system.render(level * CONTENT, timbre, amount=1.0, seed=0, progress=lambda _share: None)
        for level in (np.float32(1), np.float32(0.1))
    )
    assert np.linalg.norm(quiet) / np.linalg.norm(loud) == pytest.approx(0.1, rel=0.05)
    # Loudness is matched by the caller; the system need only be somewhere near.
    assert 0.2 < np.linalg.norm(loud) / np.linalg.norm(CONTENT) < 2


def test_progress_rises_to_one(system: TransferSystem[Any, Any]) -> None:
    shares: list[float] = []
    system.render(CONTENT, system.capture(STYLE), amount=1.0, seed=0, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 2


def test_the_shortest_input_it_names_is_enough(system: TransferSystem[Any, Any]) -> None:
    n = system.min_samples
    sound = system.render(
        CONTENT[:n], system.capture(STYLE[:n]), amount=1.0, seed=0, progress=lambda _share: None
    )
    assert sound.shape == (n,)
    assert np.isfinite(sound).all()


@pytest.mark.parametrize(
    ("preset", "settings", "match"),
    [
        ("nope", {}, "has no preset nope; use one of full-band"),
        (None, {"nope": 1}, "has no setting nope; use one of sample_rate"),
        (None, {"iterations": "many"}, "iterations=many is not of type int"),
        (None, {"iterations": 1.5}, r"iterations=1\.5 is not of type int"),
        (None, {"iterations": [1]}, "is not of type int"),
        (None, {"n_fft": "1000"}, "n_fft must be even"),
        (None, {"n_fft": 0}, "n_fft must be 16"),
        (None, {"hop_length": 0}, "hop_length at least 1"),
        (None, {"chunk_s": "nan"}, "chunk_s and style_s must be 1"),
        (None, {"chunk_s": 0}, "chunk_s and style_s must be 1"),
        (None, {"overlap_s": 15}, "at most a third of chunk_s"),
        (None, {"sample_rate": 1}, "sample_rate must be 2000"),
    ],
)
def test_wrong_settings_are_refused(
    preset: str | None, settings: dict[str, object], match: str
) -> None:
    presets = cambiata.transfer_system("musaicing").presets
    with pytest.raises(cambiata.InputError, match=match):
        configure("musaicing", presets, preset, settings)


def test_settings_are_read_as_their_own_type() -> None:
    presets = cambiata.transfer_system("musaicing").presets
    config = configure("musaicing", presets, "shifted", {"iterations": "7", "chunk_s": 9})
    assert (config.iterations, config.chunk_s, config.pitch_shift) == (7, 9.0, 6)
    assert isinstance(config.chunk_s, float)


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(cambiata.InputError, match=r"did you mean oneshot\? use one of oneshot"):
        cambiata.transfer_system("oneshot9")


def _recording(*pieces: tuple[float, float]) -> Audio:
    """Noise at levels for seconds, at a low rate."""
    rng = np.random.default_rng(0)
    noise = [level * rng.standard_normal(round(s * 8000)) for level, s in pieces]
    return Audio(np.concatenate(noise), 8000, name="stem.wav")


def test_a_style_that_begins_late_is_found_and_said() -> None:
    system = make_system(Musaicing)
    late = _recording((0.0, 70), (0.1, 5))
    with pytest.warns(CambiataWarning, match=r"stem\.wav: hardly sounds at first.*from 69\.9 s on"):
        used, region_s = read_style(late, system, None, None)
    assert region_s == pytest.approx(75)
    assert len(used) == pytest.approx(5.1 * system.config.sample_rate, rel=1e-3)
    with pytest.warns(CambiataWarning, match=r"from 69\.9 s on"):
        read_style(late, system, 3.0, None)
    # A region that is short enough is the user's own wish, and so is one that sounds.
    for early, start_s, end_s in (
        (late, 30.0, 75.0),
        (_recording((0.1, 5), (0.1, 70)), None, None),
    ):
        read_style(early, system, start_s, end_s)
    with pytest.raises(InputError, match=r"stem\.wav: is silent"):
        read_style(_recording((0.0, 75)), system, None, None)


def test_a_style_out_of_phase_is_not_silent() -> None:
    tune = melody([60, 64, 67])
    system = make_system(Musaicing)
    one, two = (
        read_style(Audio(samples, RATE), system, None, None)[0]
        for samples in (tune, np.stack([tune, -tune]))
    )
    np.testing.assert_allclose(one, two, atol=1e-5)
