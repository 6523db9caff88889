from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pyloudnorm
import pytest
from sounds import RATE, melody

import cambiata
from cambiata import Audio, transfer, transfer_file

FAST = {"n_fft": 1024, "hop_length": 256, "iterations": 8, "phase_iterations": 4}
FAST |= {"sample_rate": 16000}
QUICKLY = {"system": "musaicing", "settings": FAST}
Save = Callable[[Audio, str], Path]


def _transfer(content: Audio, style: Audio, **options: object) -> Audio:
    """By a system that has settings to make it fast; all keep the same promises."""
    return transfer(content, style, **{"system": "musaicing", "settings": FAST, **options})


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_rate_channels_and_length_are_the_contents(
    rate: int, n_channels: int, style: Audio
) -> None:
    sound = melody([60, 64, 67], rate=rate)[: 3 * rate // 4 + 13]
    gains = np.array([1.0, -0.5, 0.25])[:n_channels]
    content = Audio(gains[:, None] * sound, rate, "PCM_16")
    out = _transfer(content, style)
    assert out.samples.shape == content.samples.shape
    assert (out.sample_rate, out.subtype) == (rate, "PCM_16")
    assert np.abs(out.samples).max() > 0.01


def test_loudness_is_the_contents(content: Audio, style: Audio) -> None:
    for level in (1.0, 0.05):
        scaled = replace(content, samples=content.samples * np.float32(level))
        out = _transfer(scaled, replace(style, samples=style.samples * 0.3))
        meter = pyloudnorm.Meter(RATE)
        expected_db, actual_db = (
            meter.integrated_loudness(a.samples.T.astype(np.float64)) for a in (scaled, out)
        )
        assert actual_db == pytest.approx(expected_db, abs=0.05)


def test_inputs_are_not_changed(content: Audio, style: Audio) -> None:
    before = content.samples.copy(), style.samples.copy()
    _transfer(content, style, amount=0.5)
    assert np.array_equal(content.samples, before[0])
    assert np.array_equal(style.samples, before[1])


def test_whispers_below_what_the_standard_measures_are_transferred_too(
    style: Audio, saved: Save, tmp_path: Path
) -> None:
    whisper = Audio(1e-3 * melody([60, 64, 67]), RATE)
    report = transfer_file(
        saved(whisper, "content.wav"), saved(style, "style.wav"), tmp_path / "a.wav", **QUICKLY
    )
    assert report.content_loudness_db is None
    out = cambiata.load(tmp_path / "a.wav").samples
    level_db = 20 * np.log10(np.linalg.norm(out) / np.linalg.norm(whisper.samples))
    assert level_db == pytest.approx(0, abs=0.1)


def test_a_style_with_nothing_to_play_is_said(content: Audio) -> None:
    class Mute(cambiata.transfer_system("musaicing")):
        def render(self, content: np.ndarray, *_timbre: object, **_rest: object) -> np.ndarray:
            return 1e-4 * content

    mute = Audio(melody([60]), RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cambiata.timbre_transfer.api.transfer_system", lambda _name: Mute)
        with pytest.warns(cambiata.CambiataWarning, match="next to nothing to play"):
            out = transfer(content, mute, **QUICKLY)
    assert np.abs(out.samples).max() < 0.05 * np.abs(content.samples).max()


def test_amount_zero_is_the_content_to_the_bit(
    content: Audio, style: Audio, saved: Save, tmp_path: Path
) -> None:
    assert np.array_equal(_transfer(content, style, amount=0).samples, content.samples)
    path = saved(content, "content.wav")
    transfer_file(path, saved(style, "style.wav"), tmp_path / "out.wav", amount=0)
    assert (tmp_path / "out.wav").read_bytes() == path.read_bytes()


def test_a_small_amount_is_nearly_the_content_above_the_systems_band_too(style: Audio) -> None:
    rng = np.random.default_rng(0)
    content = Audio(0.1 * rng.normal(size=44100), 44100)  # half its power lies above 8 kHz
    out = _transfer(content, style, amount=0.01)
    error = np.linalg.norm(out.samples - content.samples) / np.linalg.norm(content.samples)
    assert error < 0.2


def test_silence_stays_silent(style: Audio) -> None:
    rate = 44100
    note = melody([60, 67], rate=rate)
    rest = np.zeros(rate // 2, np.float32)
    sound = np.concatenate([rest, note, rest, note, rest])
    out = _transfer(Audio(sound, rate), style).samples[0]
    margin = rate // 100
    for start in (0, len(rest) + len(note), 2 * (len(rest) + len(note))):
        assert not out[start + margin : start + len(rest) - margin].any()
    assert np.abs(out).max() > 0.01


def test_a_silent_channel_stays_silent_and_equal_channels_stay_equal(style: Audio) -> None:
    sound = melody([60, 67])
    out = _transfer(Audio(np.stack([sound, 0 * sound, sound]), RATE), style).samples
    assert not out[1].any()
    assert np.array_equal(out[0], out[2])
    assert out[0].any()


def test_styles_of_any_shape_will_do(content: Audio, style: Audio) -> None:
    opposed = Audio(np.stack([style.samples[0], -style.samples[0]]), RATE)
    plain = _transfer(content, style).samples
    np.testing.assert_allclose(_transfer(content, opposed).samples, plain, atol=1e-5)
    assert _transfer(content, style.resampled(48000)).samples.shape == plain.shape


def test_regions(content: Audio, style: Audio) -> None:
    part = _transfer(content, style, start_s=0.4, end_s=1.2)
    assert part.n_samples == round(0.8 * RATE)
    everything = _transfer(content, style, start_s=0.0, end_s=content.duration_s)
    assert np.array_equal(everything.samples, _transfer(content, style).samples)
    whole = _transfer(content, style, start_s=0.4, end_s=1.2, in_place=True)
    assert whole.n_samples == content.n_samples
    start, stop = round(0.4 * RATE), round(1.2 * RATE)
    fade = round(0.01 * RATE)
    assert np.array_equal(whole.samples[:, :start], content.samples[:, :start])
    assert np.array_equal(whole.samples[:, stop:], content.samples[:, stop:])
    inner = slice(start + fade, stop - fade)
    assert np.array_equal(whole.samples[:, inner], part.samples[:, fade:-fade])


def test_the_styles_region_is_all_that_is_heard(content: Audio, style: Audio) -> None:
    part = _transfer(content, style, style_start_s=0.4, style_end_s=1.2)
    alone = _transfer(content, style.cut(0.4, 1.2))
    assert np.array_equal(part.samples, alone.samples)


@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
def test_the_tail_adds_its_length_and_ends_in_silence(
    content: Audio, style: Audio, amount: float
) -> None:
    out = _transfer(content, style, tail_s=0.5, amount=amount)
    assert out.n_samples == content.n_samples + round(0.5 * RATE)
    assert np.abs(out.samples[:, -10:]).max() < 1e-4


@pytest.mark.parametrize("n_channels", [1, 2])
def test_cuts_are_not_played_as_attacks(n_channels: int) -> None:
    # A steady organ cut anywhere, played by a style with loud attacks and quiet decays.
    t = np.arange(4 * RATE) / RATE
    organ = 0.3 * sum(np.sin(2 * np.pi * 261.6 * k * t) / k for k in range(1, 6))
    content = Audio(np.tile(organ, (n_channels, 1)), RATE)
    plucked = Audio(4 * melody([60, 48, 60, 72, 60], partials=20), RATE)
    usual = _transfer(content, plucked).samples[:, RATE:-RATE]
    usual_peak = np.abs(usual).max()
    for options in (
        {"start_s": 0.91, "end_s": 2.13},
        {"start_s": 0.91, "end_s": 2.13, "in_place": True},
        {"start_s": 0.91, "end_s": 2.13, "tail_s": 1.0},
        {"tail_s": 1.0},
    ):
        out = _transfer(content, plucked, **options).samples
        assert np.abs(out).max() < 1.6 * usual_peak, options


def test_a_tail_falls_steadily(content: Audio, style: Audio) -> None:
    out = _transfer(content, style, end_s=1.5, tail_s=1.0).samples[0]
    ring = out[round(1.5 * RATE) :]
    levels = np.sqrt(np.square(ring[: 10 * (len(ring) // 10)].reshape(10, -1)).mean(axis=1))
    before = np.sqrt(np.square(out[round(1.2 * RATE) : round(1.5 * RATE)]).mean())
    assert levels[0] > 0.05 * before
    assert levels[0] < 1.5 * before
    assert (levels[1:] < 1.2 * levels[:-1]).all()


def test_what_fell_silent_before_the_end_does_not_ring_in_the_tail(style: Audio) -> None:
    sound = np.concatenate([melody([60, 67]), np.zeros(RATE // 2, np.float32)])
    out = _transfer(Audio(sound, RATE), style, tail_s=0.5).samples[0]
    assert not out[len(sound) - RATE // 5 :].any()


def test_long_content_in_chunks_is_the_same_length_and_seamless(style: Audio) -> None:
    content = Audio(np.tile(melody([60, 64, 67, 72]), 5), RATE)
    whole = _transfer(content, style)
    chunked = _transfer(content, style, settings={**FAST, "chunk_s": 3.0})
    assert chunked.n_samples == content.n_samples
    # No click at a border: sample steps as large as the whole's, no larger.
    steps = [np.abs(np.diff(a.samples[0])).max() for a in (whole, chunked)]
    assert steps[1] < 1.5 * steps[0]


def test_file_to_file_equals_memory_to_memory(
    content: Audio, style: Audio, saved: Save, tmp_path: Path
) -> None:
    long = Audio(np.tile(content.samples, 4), RATE, "FLOAT")
    settings = {**FAST, "chunk_s": 2.0}
    options = {"system": "musaicing", "settings": settings, "seed": 3, "amount": 0.7}
    in_memory = transfer(long, style, **options)
    report = transfer_file(
        saved(long, "content.wav"),
        saved(replace(style, subtype="FLOAT"), "style.wav"),
        tmp_path / "out.wav",
        **options,
    )
    assert np.array_equal(cambiata.load(tmp_path / "out.wav").samples, in_memory.samples)
    assert report.duration_s == pytest.approx(long.duration_s)
    assert report.config["chunk_s"] == 2.0
    assert report.real_time_factor == pytest.approx(report.elapsed_s / report.duration_s)


def test_the_output_may_have_another_shape(
    content: Audio, style: Audio, saved: Save, tmp_path: Path
) -> None:
    report = transfer_file(
        saved(content, "content.wav"),
        saved(style, "style.wav"),
        tmp_path / "out.flac",
        **QUICKLY,
        sample_rate=48000,
        n_channels=2,
        subtype="pcm_24",
    )
    out = cambiata.load(tmp_path / "out.flac")
    assert (out.sample_rate, out.n_channels, out.subtype) == (48000, 2, "PCM_24")
    assert out.n_samples == round(content.n_samples * 48000 / RATE)
    assert (report.sample_rate, report.n_channels, report.subtype) == (48000, 2, "PCM_24")


def test_no_more_of_a_long_style_is_used_than_said(
    content: Audio, saved: Save, tmp_path: Path
) -> None:
    long = Audio(np.tile(melody([60, 62, 64]), 3), RATE)
    report = transfer_file(
        saved(content, "content.wav"),
        saved(long, "style.wav"),
        tmp_path / "out.wav",
        system="musaicing",
        settings={**FAST, "style_s": 1.0},
    )
    assert report.style_s == pytest.approx(long.duration_s)
    assert report.style_used_s == pytest.approx(1.0, abs=1e-3)


def test_progress_rises_from_nothing_to_all(content: Audio, style: Audio) -> None:
    shares: list[float] = []
    _transfer(
        Audio(np.tile(content.samples, (2, 4)), RATE),
        style,
        system="musaicing",
        settings={**FAST, "chunk_s": 2.0},
        progress=shares.append,
    )
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    assert len(set(shares)) > 10


def test_same_seed_same_bytes(content: Audio, style: Audio) -> None:
    first, again, other = (_transfer(content, style, seed=seed).samples for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("amount", [0.5, 1.0])
@pytest.mark.parametrize(
    "system", ["oneshot", "musaicing", pytest.param("ulyanov", marks=pytest.mark.slow)]
)
def test_timing_stays_what_it_is(system: str, amount: float) -> None:
    pitches = [60, 67, 64, 72, 62, 69, 65, 60]
    content = Audio(melody(pitches), RATE)
    style = Audio(melody([60, 62, 64, 65, 67, 69, 71, 72], partials=20), RATE)
    out = transfer(content, style, system=system, amount=amount)

    # Where the two onset envelopes fit best; single onsets are benchmarks/onsets.py's business.
    ours, theirs = (
        librosa.onset.onset_strength(y=a.samples[0], sr=RATE, hop_length=64) for a in (out, content)
    )
    fit = np.correlate(ours - ours.mean(), theirs - theirs.mean(), "full")
    lag_s = (int(np.argmax(fit)) - (len(theirs) - 1)) * 64 / RATE
    assert abs(lag_s) <= 0.010


def test_transfer_to_itself_stays_near_itself(content: Audio, style: Audio) -> None:
    def distance(a: Audio, b: Audio) -> float:
        spectra = [np.abs(np.fft.rfft(x.samples[0].reshape(-1, 441), axis=1)) for x in (a, b)]
        return float(np.linalg.norm(spectra[0] - spectra[1]) / np.linalg.norm(spectra[1]))

    settings = {**FAST, "iterations": 40}
    to_itself = _transfer(content, content, settings=settings)
    to_other = _transfer(content, style, settings=settings)
    assert distance(to_itself, content) < 0.85 * distance(to_other, content)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"amount": 1.5}, r"amount: 1\.5 is out of range; use 0 to 1"),
        ({"amount": float("nan")}, "amount: nan is out of range"),
        ({"tail_s": -1}, "tail: -1 s is out of range"),
        ({"tail_s": 1, "in_place": True}, "tail: does not go with in-place"),
        ({"seed": -1}, "seed: -1 is out of range"),
        ({"system": "nope"}, "nope: is not a system"),
        ({"start_s": 5, "end_s": 4}, "content: has no region from 5 to 4 s"),
        (
            {"end_s": 0.01},
            r"content: what is used of it lasts 0\.01 s, less than one window of musaicing",
        ),
        (
            {"style_end_s": 0.01},
            r"style: what is used of it lasts 0\.01 s, less than one window",
        ),
    ],
)
def test_wrong_options_are_refused(
    content: Audio, style: Audio, options: dict[str, object], match: str
) -> None:
    with pytest.raises(cambiata.InputError, match=match):
        _transfer(content, style, **options)


def test_a_path_where_a_sound_is_asked_for_is_a_programming_error(style: Audio) -> None:
    with pytest.raises(TypeError, match=r"cambiata\.load"):
        transfer("content.wav", style)


def test_an_unknown_keyword_is_a_programming_error(content: Audio, style: Audio) -> None:
    with pytest.raises(TypeError, match=r"transfer: has no keyword amout \(did you mean amount\?"):
        transfer(content, style, amout=1)


def test_silence_is_refused(content: Audio) -> None:
    silent = Audio(np.zeros(RATE), RATE)
    with pytest.raises(cambiata.InputError, match="style: is silent"):
        _transfer(content, silent)
    with pytest.raises(cambiata.InputError, match="content: is silent"):
        _transfer(silent, content)


def test_a_result_is_named_by_content_and_style() -> None:
    t = np.arange(22050, dtype=np.float32) / 22050
    tone = Audio(np.sin(2 * np.pi * 220 * t), 22050, name="takes/trumpet.ogg")
    assert transfer(tone, replace(tone, name="cello.wav"), amount=0).name == "trumpet by cello"
    assert transfer(replace(tone, name="audio"), tone, amount=0).name == "content by trumpet"
