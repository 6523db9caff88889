"""Effects against SoX itself, its algorithms written out sample by sample, and closed forms."""

import json
import shutil
import subprocess
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import hilbert, lfilter
from sounds import RATE, melody

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import resample
from cambiata.data.effects import (
    Band,
    Chain,
    Detune,
    Effect,
    Equalizer,
    Noise,
    Overdrive,
    Phaser,
    Reverb,
    Room,
    Tremolo,
    Vibrato,
    sample_paper_chain,
    sample_wide_chain,
)

PAPER = [Overdrive, Phaser, Reverb, Tremolo]
KINDS = [*PAPER, Equalizer, Room, Noise, Detune, Vibrato]


def _noise(n: int, level: float = 0.1, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(n)).astype(np.float32)


def _sine(freq_hz: float, n: int, rate: int = RATE, level: float = 0.5) -> Samples:
    return (level * np.sin(2 * np.pi * freq_hz * np.arange(n) / rate)).astype(np.float32)


def _rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _gain_db(effect: Effect, freq_hz: np.ndarray, rate: int) -> np.ndarray:
    """Gain of a linear effect, from its answer to a click."""
    click = np.zeros(2**15, np.float32)
    click[0] = 1
    answer = effect(click, rate).astype(np.float64)
    turns = np.outer(freq_hz / rate, np.arange(click.shape[0]))
    return 20 * np.log10(np.abs(np.exp(-2j * np.pi * turns) @ answer))


# --- SoX -----------------------------------------------------------------------------------------

SOX = [
    (Overdrive(25.0), "overdrive 25 20"),
    (Overdrive(12.0, colour=0.0), "overdrive 12 0"),
    (Phaser(0.8, 0.7, 3.3, 0.4, 1.3), "phaser 0.8 0.7 3.3 0.4 1.3 -s"),
    (Phaser(0.65, 0.7, 2.1, 0.45, 0.7, triangular=True), "phaser 0.65 0.7 2.1 0.45 0.7 -t"),
    (Reverb(), "gain -3 reverb 50 50 100 100 20 0"),
    (Reverb(0.0, 80.0, 20.0, 40.0, 0.0), "reverb 80 20 40 100 0 0"),
    (Tremolo(5.3, 37.0), "tremolo 5.3 37"),
]


@pytest.mark.skipif(shutil.which("sox") is None, reason="SoX is not installed")
@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize(("effect", "words"), SOX)
def test_the_papers_effects_are_soxs(effect: Effect, words: str, rate: int, tmp_path: Path) -> None:
    given, answer = tmp_path / "given.wav", tmp_path / "answer.wav"
    sound = _noise(3 * rate, level=0.05)
    Audio(sound, rate, "FLOAT").save(given)
    subprocess.run(
        ["sox", "-D", given, "-e", "floating-point", "-b", "32", answer, *words.split()],
        check=True,
        capture_output=True,
    )
    theirs = next(AudioFile(answer).blocks())[0]
    ours = effect(sound, rate)[: theirs.shape[0]]
    # SoX begins an overdrive with a thump that is down to nothing after a fifth of a second.
    start = rate // 5 if isinstance(effect, Overdrive) else 0
    np.testing.assert_allclose(ours[start:], theirs[start:], atol=1e-6)


@pytest.mark.parametrize("colour", [0.0, 20.0, 100.0])
@pytest.mark.parametrize("gain_db", [10.0, 40.0])
def test_overdrive_sample_by_sample(gain_db: float, colour: float) -> None:
    sound = _noise(2000, level=0.2)
    gain, offset = 10 ** (gain_db / 20), colour / 200

    def clip(x: float) -> float:
        return -2 / 3 if x < -1 else 2 / 3 if x > 1 else x - x**3 / 3

    expected, last_in, last_out = [], clip(offset), 0.0
    for x in sound.tolist():
        driven = clip(gain * x + offset)
        last_in, last_out = driven, driven - last_in + 0.995 * last_out
        expected.append(0.5 * x + 0.75 * last_out)
    np.testing.assert_allclose(Overdrive(gain_db, colour)(sound, RATE), expected, atol=1e-6)


def test_overdrive_is_bounded_and_odd_without_colour() -> None:
    loud = _noise(20000, level=30)
    driven = Overdrive(40.0)(loud, RATE)
    # The clip is within 2/3; a blocker of constants at most doubles that.
    assert np.abs(driven - 0.5 * loud).max() <= 0.75 * 4 / 3 + 1e-5
    odd = Overdrive(30.0, colour=0.0)
    np.testing.assert_allclose(odd(-loud, RATE), -odd(loud, RATE), atol=1e-6)


def test_overdrive_adds_odd_harmonics_and_with_colour_even_ones() -> None:
    n = 16000
    tone = _sine(500, n, n)

    def level_db(effect: Overdrive, harmonic: int) -> float:
        spectrum = np.abs(np.fft.rfft(effect(tone, n)[n // 2 :]))
        return float(20 * np.log10(spectrum[250 * harmonic] / spectrum[250] + 1e-9))

    plain, coloured = Overdrive(20.0, colour=0.0), Overdrive(20.0)
    assert level_db(plain, 3) > -20
    assert level_db(plain, 2) < -80
    assert level_db(coloured, 2) > -40
    assert _rms(Overdrive(20.0)(np.zeros(5000, np.float32), RATE)) == 0


@pytest.mark.parametrize("triangular", [False, True])
@pytest.mark.parametrize(
    ("delay_ms", "decay", "speed_hz"), [(4.0, 0.45, 2.0), (1.0, 0.2, 0.5), (3.0, 0.95, 5.0)]
)
def test_phaser_sample_by_sample(
    delay_ms: float, decay: float, speed_hz: float, triangular: bool
) -> None:
    rate, sound = 8000, _noise(6000)
    longest, period = round(delay_ms * rate / 1000), round(rate / speed_hz)
    past = np.zeros(longest)  # a ring, written one place after where reading counts from
    expected, place = [], 0
    for i, x in enumerate(sound):
        turn = (i + period // 4) % period / period
        if triangular:
            wave = 0.5 + 2 * turn if turn < 0.25 else 1.5 - 2 * turn
            wave = turn * 2 - 1.5 if turn >= 0.75 else wave
        else:
            wave = 0.5 + 0.5 * np.sin(2 * np.pi * turn)
        ahead = int(1 + wave * (longest - 1) + 0.5)
        y = 0.8 * x + decay * past[(place + ahead) % longest]
        place = (place + 1) % longest
        past[place] = y
        expected.append(0.7 * y)
    phaser = Phaser(0.8, 0.7, delay_ms, decay, speed_hz, triangular)
    np.testing.assert_allclose(phaser(sound, rate), expected, atol=1e-6)


def test_phaser_of_one_sample_is_a_one_pole_filter() -> None:
    sound = _noise(5000)
    expected = lfilter([0.8 * 0.7], [1, -0.45], sound)
    phased = Phaser(0.8, 0.7, 0.1, 0.45, 1.0)(sound, 8000)
    np.testing.assert_allclose(phased, expected, atol=1e-6)


def test_a_slow_phaser_has_a_combs_notches() -> None:
    # Just after half a swing the delay has long been at its longest, D samples: peaks at
    # multiples of rate / D, notches halfway, their ratio (1 + decay) / (1 - decay).
    rate, decay = 8000, 0.45
    phaser = Phaser(1.0, 1.0, 2.0, decay, 0.001)  # D = 16, half a swing takes 500 s
    n = 64000

    def level(freq_hz: float) -> float:
        late = np.zeros(505 * rate, np.float32)
        late[-n:] = _sine(freq_hz, n, rate)
        return _rms(phaser(late, rate)[-n // 2 :]) / _rms(late[-n // 2 :])

    assert level(1000) == pytest.approx(1 / (1 - decay), rel=1e-3)
    assert level(1250) == pytest.approx(1 / (1 + decay), rel=1e-3)


def test_phaser_without_echo_is_its_gains() -> None:
    sound = _noise(500)
    np.testing.assert_allclose(Phaser(0.5, 0.8, 3.0, 0.0, 1.0)(sound, RATE), 0.4 * sound, rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"decay": 1.0}, {"decay": -0.1}, {"speed_hz": 0.0}])
def test_phasers_that_would_never_end_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="decay must be 0 to below 1"):
        Phaser(**{"gain_in": 1, "gain_out": 1, "delay_ms": 2, "decay": 0.4, "speed_hz": 1} | wrong)


def test_reverb_sample_by_sample() -> None:
    rate, n = 8000, 4000
    sound = _noise(n)
    feedback = 1 - np.exp((50 - _b()) / (_a() * _b()))
    damping, wet = 0.5 * 0.3 + 0.2, np.zeros(n)
    for spread in (0, 12):
        combs = [1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617]
        signs = [1, -1] * 4
        out = np.zeros(n)
        for length, sign in zip(combs, signs, strict=True):
            ring = deque([0.0] * int(rate / 44100 * (length + sign * spread) + 0.5))
            store = 0.0
            for i, x in enumerate(sound.tolist()):
                late = ring.popleft()
                store = late + (store - late) * damping
                ring.append(x + feedback * store)
                out[i] += late
        for length, sign in zip([225, 341, 441, 556], signs[:4], strict=True):
            ring = deque([0.0] * int(rate / 44100 * (length + sign * spread) + 0.5))
            for i, x in enumerate(out.tolist()):
                late = ring.popleft()
                ring.append(x + 0.5 * late)
                out[i] = late - x
        wet += 0.5 * 0.015 * out
    expected = sound + np.concatenate([np.zeros(160), wet])[:n]  # 20 ms later
    ours = Reverb(gain_db=0.0)(sound, rate)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    np.testing.assert_allclose(Reverb()(sound, rate), 10**-0.15 * ours, atol=1e-6)  # -3 dB


def _a() -> float:
    return float(-1 / np.log(0.7))


def _b() -> float:
    return float(100 / (np.log(0.02) * _a() + 1))


def test_a_reverbs_tail_decays_at_the_combs_rate() -> None:
    # The longest comb, 36.7 ms a round, at low frequencies, where damping takes nothing.
    rate = 16000
    sound = np.zeros(3 * rate, np.float32)
    sound[:4000] = _noise(4000)
    sound = np.convolve(sound, np.ones(160) / 160)[: 3 * rate].astype(np.float32)
    tail = Reverb()(sound, rate)[5000:]
    levels_db = [20 * np.log10(_rms(tail[i : i + rate // 2])) for i in (0, rate, 2 * rate)]
    feedback = 1 - np.exp((50 - _b()) / (_a() * _b()))
    at_least = -20 * np.log10(feedback) / (1617 / 44100)
    assert levels_db[0] - levels_db[1] > 0.9 * at_least
    assert levels_db[1] - levels_db[2] > 0.9 * at_least
    assert levels_db[2] > levels_db[0] - 100  # not cut off


# --- closed forms --------------------------------------------------------------------------------


def test_tremolo_swings_as_asked() -> None:
    envelope = Tremolo(7.0, 40.0)(np.ones(2 * 8000, np.float32), 8000)
    assert envelope[0] == envelope.max() == 1
    assert envelope.min() == pytest.approx(0.6, abs=1e-4)
    spectrum = np.abs(np.fft.rfft(envelope - envelope.mean()))
    assert spectrum.argmax() == 14  # 7 Hz over 2 s
    np.testing.assert_allclose(np.delete(spectrum, 14), 0, atol=1e-2)


@pytest.mark.parametrize("gain_db", [-12.0, -3.0, 6.0, 12.0])
@pytest.mark.parametrize("rate", [16000, 44100])
def test_peaks_have_their_gain_at_their_centre(gain_db: float, rate: int) -> None:
    equalizer = Equalizer((Band("peak", 1500.0, gain_db, 1.2),))
    at_db = _gain_db(equalizer, np.array([0.0, 1500.0, rate / 2]), rate)
    np.testing.assert_allclose(at_db, [0, gain_db, 0], atol=1e-3)


@pytest.mark.parametrize("gain_db", [-12.0, 9.0])
def test_shelves_have_their_gain_on_the_shelf_and_half_of_it_at_the_middle(gain_db: float) -> None:
    hz = np.array([0.0, 1000.0, 8000.0])
    low = _gain_db(Equalizer((Band("low_shelf", 1000.0, gain_db),)), hz, 16000)
    high = _gain_db(Equalizer((Band("high_shelf", 1000.0, gain_db),)), hz, 16000)
    np.testing.assert_allclose(low, [gain_db, gain_db / 2, 0], atol=1e-3)
    np.testing.assert_allclose(high, [0, gain_db / 2, gain_db], atol=1e-3)


def test_a_narrow_peak_has_the_width_that_its_q_says() -> None:
    # RBJ: the band between the points of half the gain in dB is centre / q wide, for low centres.
    hz = np.linspace(80, 120, 401)
    gain_db = _gain_db(Equalizer((Band("peak", 100.0, 6.0, 10.0),)), hz, 16000)
    assert np.ptp(hz[gain_db >= 3]) == pytest.approx(100 / 10, abs=0.3)


def test_bands_add_up_and_stay_below_the_highest_frequency() -> None:
    bands = (Band("peak", 500.0, 6.0), Band("high_shelf", 7000.0, -9.0))
    hz = np.array([100.0, 500.0, 2000.0])
    alone = [_gain_db(Equalizer((band,)), hz, 8000) for band in bands]
    both = _gain_db(Equalizer(bands), hz, 8000)
    np.testing.assert_allclose(both, sum(alone), atol=1e-3)
    assert np.isfinite(both).all()


def test_a_room_is_a_convolution_from_its_loudest_sample() -> None:
    sound, echo = _noise(3000), np.array([0.1, -0.2, 2.0, 0.0, 1.0], np.float32)
    wet = np.convolve(sound, np.array([2, 0, 1]) / np.sqrt(5))[:3000]
    room = Room(echo, 8000, wet=0.3)
    np.testing.assert_allclose(room(sound, 8000), 0.7 * sound + 0.3 * wet, atol=1e-6)
    np.testing.assert_array_equal(Room(echo, 8000, wet=0.0)(sound, 8000), sound)


def test_a_room_sounds_alike_at_every_rate() -> None:
    echo = np.zeros(2000, np.float32)
    echo[[0, 1600]] = 1, 0.8  # 100 ms
    sound = np.zeros(8000, np.float32)
    sound[100] = 1
    wet = Room(echo, 16000, wet=1.0)(sound, 8000)
    assert wet.argmax() == 100
    assert 200 + wet[200:].argmax() == 900


@pytest.mark.parametrize("bad", [np.zeros(5), np.ones((1, 5)), np.array([1.0, np.nan])])
def test_rooms_that_are_none_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="mono, finite and not silent"):
        Room(bad.astype(np.float32), 8000, 0.5)
    with pytest.raises(ValueError, match="wet must be"):
        Room(np.ones(4, np.float32), 8000, 1.5)


def test_noise_without_a_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="colour must be one of white, pink, hum"):
        Noise(-40.0, "brown")


@pytest.mark.parametrize("colour", ["white", "pink", "hum"])
@pytest.mark.parametrize("level_db", [-70.0, -35.0])
def test_noise_has_its_level(colour: str, level_db: float) -> None:
    sound = melody([60, 64, 67])
    noise = Noise(level_db, colour)(sound, RATE).astype(np.float64) - sound
    assert 20 * np.log10(_rms(noise) / _rms(sound)) == pytest.approx(level_db, abs=0.01)


def test_noise_has_its_colour() -> None:
    rate, n = 32000, 8 * 32000
    # A level so high that the sound beneath is a rounding error.
    power = {
        colour: np.abs(np.fft.rfft(Noise(120.0, colour)(_sine(100, n, rate), rate))) ** 2
        for colour in ("white", "pink", "hum")
    }

    def octave_db(colour: str, low_hz: int) -> float:
        return float(10 * np.log10(power[colour][8 * low_hz : 16 * low_hz].sum()))

    assert octave_db("white", 8000) - octave_db("white", 500) == pytest.approx(12.04, abs=0.3)
    assert octave_db("pink", 8000) - octave_db("pink", 500) == pytest.approx(0, abs=0.3)
    lines = 8 * 50 * np.arange(1, 9)  # eight seconds: bins of 1/8 Hz
    assert power["hum"][lines].sum() > 0.999 * power["hum"].sum()
    np.testing.assert_allclose(
        power["hum"][lines] / power["hum"][400], 1 / np.arange(1, 9) ** 2, rtol=1e-2
    )


@pytest.mark.parametrize("cents", [-50.0, -7.0, 20.0, 50.0])
def test_detuning_moves_a_sine_by_its_cents(cents: float) -> None:
    n = 2 * RATE
    detuned = Detune(cents)(_sine(600, n), RATE)
    middle = slice(n // 4, 3 * n // 4)
    phase = np.unwrap(np.angle(hilbert(detuned.astype(np.float64))))[middle]
    freq_hz = np.polyfit(np.arange(phase.shape[0]), phase, 1)[0] * RATE / (2 * np.pi)
    assert 1200 * np.log2(freq_hz / 600) == pytest.approx(cents, abs=0.02)


def test_vibrato_swings_as_asked() -> None:
    n = 2 * RATE
    swung = Vibrato(5.0, 40.0)(_sine(600, n), RATE)
    freq_hz = np.diff(np.unwrap(np.angle(hilbert(swung.astype(np.float64))))) * RATE / (2 * np.pi)
    cents = 1200 * np.log2(freq_hz[n // 10 : -n // 10] / 600)
    assert cents.max() == pytest.approx(40, abs=0.5)
    # Speeds swing evenly, cents very nearly: 2 - 2^(40/1200) below is 40.9.
    assert cents.min() == pytest.approx(1200 * np.log2(2 - 2 ** (40 / 1200)), abs=0.5)
    t = np.arange(cents.shape[0]) / RATE
    expected = np.cos(2 * np.pi * 5 * (t + (n // 10) / RATE))
    assert np.corrcoef(cents, expected)[0, 1] > 0.999


def test_vibrato_keeps_high_notes_clean() -> None:
    n = RATE // 2
    swung = Vibrato(6.0, 50.0)(_sine(9000, n), RATE).astype(np.float64)
    # Read between its samples, the sine stays one: its envelope is level to 0.1 dB.
    envelope = np.abs(hilbert(swung))[n // 10 : -n // 10]
    assert 20 * np.log10(envelope.max() / envelope.min()) < 0.15
    assert envelope.mean() == pytest.approx(0.5, rel=0.01)


def test_vibrato_without_depth_changes_nothing() -> None:
    sound = _noise(1000)
    np.testing.assert_array_equal(Vibrato(5.0, 0.0)(sound, RATE), sound)
    np.testing.assert_array_equal(Detune(0.0)(sound, RATE), sound)


# --- what all of them keep -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 2, 300, 9000])
def test_effects_keep_length_and_type_and_leave_their_input_alone(
    kind: type[Effect], n: int
) -> None:
    sound = _noise(n)
    original = sound.copy()
    for seed in range(4):
        treated = kind.sample(np.random.default_rng(seed))(sound, 8000)
        assert treated.shape == (n,)
        assert treated.dtype == np.float32
        assert np.isfinite(treated).all()
        assert not np.shares_memory(treated, sound)
        np.testing.assert_array_equal(sound, original)


@pytest.mark.parametrize("kind", KINDS)
def test_effects_treat_alike_and_leave_silence_silent(kind: type[Effect]) -> None:
    sound = melody([60, 64])
    first, second = (kind.sample(np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert first(sound, RATE).tobytes() == second(sound, RATE).tobytes()
    assert _rms(first(sound, RATE) - sound) > 0
    assert first != kind.sample(np.random.default_rng(8)) or kind is Reverb
    silence = np.zeros(4000, np.float32)
    assert not first(silence, RATE).any()
    assert not np.shares_memory(first(silence, RATE), silence)


@pytest.mark.parametrize("kind", KINDS)
def test_effects_that_say_so_move_pitch_or_time(kind: type[Effect]) -> None:
    # A note of a sine that begins at 1.5 s: where it begins, and its pitch, after 8 draws.
    n, start = 2 * RATE, 3 * RATE // 2
    sound = np.zeros(n, np.float32)
    sound[start:] = _sine(1000, n - start)
    cents, delays_s = [], []
    for seed in range(8):
        treated = kind.sample(np.random.default_rng(seed))(sound, RATE)
        onset = int((np.abs(treated) > 0.2 * np.abs(treated).max()).argmax())
        phase = np.unwrap(np.angle(hilbert(treated.astype(np.float64))))[
            onset + RATE // 8 : onset + RATE // 4
        ]
        freq_hz = np.polyfit(np.arange(phase.shape[0]), phase, 1)[0] * RATE / (2 * np.pi)
        cents.append(abs(1200 * np.log2(freq_hz / 1000)))
        delays_s.append(abs(onset - start) / RATE)
    assert (max(cents) > 4) == kind.changes_pitch
    assert (max(delays_s) > 0.005) == kind.changes_timing


# --- chance --------------------------------------------------------------------------------------


def _draws(kind: type[Effect], name: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array([getattr(kind.sample(rng), name) for _ in range(2000)], float)


@pytest.mark.parametrize(
    ("kind", "name", "low", "high", "mean"),
    [
        (Overdrive, "gain_db", 10, 40, 25),
        (Phaser, "gain_in", 0.6, 0.9, 0.75),
        (Phaser, "gain_out", 0.66, 0.85, 0.755),
        (Phaser, "delay_ms", 1, 4, 1 + 3 * 0.4 / 1.4),  # the mean of power(a) is a / (a + 1)
        (Phaser, "decay", 0.2, 0.45, 0.325),
        (Phaser, "speed_hz", 0.5, 2, 1.25),
        (Phaser, "triangular", 0, 1, 0.5),
        (Tremolo, "freq_hz", 1, 15, 1 + 14 * 0.5 / 1.5),
        (Tremolo, "depth", 20, 60, 40),
        (Noise, "level_db", -70, -35, -52.5),
        (Detune, "cents", -50, 50, 0),
        (Vibrato, "rate_hz", 4, 7, 5.5),
        (Vibrato, "depth_cents", 5, 50, 27.5),
    ],
)
def test_parameters_have_their_ranges(
    kind: type[Effect], name: str, low: float, high: float, mean: float
) -> None:
    sample = _draws(kind, name)
    assert low <= sample.min()
    assert sample.max() <= high
    assert np.ptp(sample) > 0.95 * (high - low)
    assert sample.mean() == pytest.approx(mean, abs=0.03 * (high - low))


def test_equalizers_have_one_to_four_bands_in_range() -> None:
    rng = np.random.default_rng(0)
    sample = [Equalizer.sample(rng).bands for _ in range(400)]
    assert {len(bands) for bands in sample} == {1, 2, 3, 4}
    every = [band for bands in sample for band in bands]
    assert {band.kind for band in every} == {"peak", "low_shelf", "high_shelf"}
    assert all(60 <= band.freq_hz <= 8000 and 0.5 <= band.q <= 2 for band in every)
    assert max(abs(band.gain_db) for band in every) == pytest.approx(12, abs=0.2)


def test_the_papers_chains_are_as_long_as_the_paper_says() -> None:
    rng = np.random.default_rng(0)
    chains = [sample_paper_chain(rng) for _ in range(2000)]
    shares = Counter(len(chain.effects) for chain in chains)
    for count, share in enumerate([0.35, 0.40, 0.20, 0.05]):
        # Four standard errors of a share among 2000.
        assert shares[count] / 2000 == pytest.approx(
            share, abs=4 * np.sqrt(share * (1 - share) / 2000)
        )
    kinds = Counter(type(effect) for chain in chains for effect in chain.effects)
    assert set(kinds) == set(PAPER)
    assert all(n / kinds.total() == pytest.approx(0.25, abs=0.05) for n in kinds.values())
    assert any(len({type(e) for e in c.effects}) < len(c.effects) for c in chains)  # replacement
    assert not any(chain.changes_pitch or chain.changes_timing for chain in chains)


def test_wide_chains_hold_everything_by_its_chance_and_in_order() -> None:
    rng = np.random.default_rng(0)
    chains = [sample_wide_chain(rng) for _ in range(1000)]
    counts = Counter(kind for chain in chains for kind in {type(e) for e in chain.effects})
    for kind, share in [(Detune, 0.2), (Vibrato, 0.15), (Equalizer, 0.5), (Room, 0.3)]:
        assert counts[kind] / 1000 == pytest.approx(share, abs=0.06)
    assert counts[Noise] / 1000 == pytest.approx(0.4, abs=0.06)
    order = [Detune, Vibrato, None, Equalizer, Room, Noise]
    for chain in chains:
        places = [order.index(None if type(e) in PAPER else type(e)) for e in chain.effects]
        assert places == sorted(places)
        assert chain.changes_timing == (Detune in map(type, chain.effects))
        assert chain.changes_pitch == bool({Detune, Vibrato} & set(map(type, chain.effects)))


def test_wide_chains_take_the_rooms_given() -> None:
    rooms = [Audio(_noise(500, seed=i), 8000 * (i + 1), name=f"hall {i}") for i in range(2)]
    rng = np.random.default_rng(0)
    sample = [
        e for _ in range(60) for e in sample_wide_chain(rng, rooms).effects if isinstance(e, Room)
    ]
    assert {(room.name, room.impulse_rate) for room in sample} == {
        ("hall 0", 8000),
        ("hall 1", 16000),
    }
    assert all(np.isin(room.impulse, rooms[int(room.name[-1])].samples).all() for room in sample)


@pytest.mark.parametrize("draw", [sample_paper_chain, sample_wide_chain])
def test_the_same_seed_gives_the_same_bytes(draw: Callable[..., Chain]) -> None:
    sound = melody([60, 67])
    for seed in range(12):
        first, second = (draw(np.random.default_rng(seed)) for _ in range(2))
        assert first == second
        assert first(sound, RATE).tobytes() == second(sound, RATE).tobytes()
    assert len({draw(np.random.default_rng(seed)) for seed in range(12)}) > 6


def test_chains_describe_themselves_in_json() -> None:
    rng = np.random.default_rng(1)
    described: set[str] = set()
    for _ in range(60):
        chain = sample_wide_chain(rng)
        back = json.loads(json.dumps(chain.describe()))
        assert [effect["effect"] for effect in back] == [
            type(effect).__name__.lower() for effect in chain.effects
        ]
        described |= {effect["effect"] for effect in back}
    assert described == {kind.__name__.lower() for kind in KINDS}
    assert Tremolo(3.0, 20.0).describe() == {"effect": "tremolo", "freq_hz": 3.0, "depth": 20.0}
    bands = json.loads(json.dumps(Equalizer((Band("peak", 99.0, 3.0, 1.0),)).describe()))["bands"]
    assert bands == [{"kind": "peak", "freq_hz": 99.0, "gain_db": 3.0, "q": 1.0}]


# --- chains --------------------------------------------------------------------------------------


def test_chains_act_in_order_and_keep_the_level() -> None:
    sound = melody([60, 64, 67])
    effects = (Tremolo(5.0), Overdrive(30.0))
    by_hand = effects[1](effects[0](sound, RATE), RATE)
    by_hand *= _rms(sound) / _rms(by_hand)
    np.testing.assert_allclose(Chain(effects)(sound, RATE), by_hand, rtol=1e-5, atol=1e-7)
    assert _rms(Chain(effects[::-1])(sound, RATE) - by_hand) > 1e-3


def test_no_effects_leave_a_copy() -> None:
    sound = _noise(100)
    same = Chain()(sound, RATE)
    np.testing.assert_array_equal(same, sound)
    assert not np.shares_memory(same, sound)


@given(
    st.integers(0, 10_000),
    st.sampled_from(["noise", "click", "constant", "whisper", "roar", "silence", "short", "none"]),
    st.sampled_from([4000, 16000, 44100]),
)
def test_whatever_comes_chains_keep_length_level_and_silence(
    seed: int, kind: str, rate: int
) -> None:
    sound = _noise(3 if kind == "short" else 0 if kind == "none" else 2000, seed=seed)
    sound *= {"whisper": 1e-20, "roar": 1e6, "silence": 0}.get(kind, 1)
    sound = np.clip(sound, -1e6, 1e6)
    if kind == "click":
        sound[:] = 0
        sound[-1] = 1
    if kind == "constant":
        sound[:] = 1
    treated = sample_wide_chain(np.random.default_rng(seed))(sound, rate)
    assert treated.shape == sound.shape
    assert treated.dtype == np.float32
    assert np.isfinite(treated).all()
    if kind == "silence":
        assert not treated.any()
    elif sound.size and treated.any():
        assert _rms(treated) == pytest.approx(_rms(sound), rel=1e-3)


@pytest.mark.parametrize(
    "bad", [np.array([0, np.nan]), np.array([np.inf, 0]), np.array([2e6]), np.zeros((2, 5))]
)
def test_what_is_no_mono_sound_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="mono sound"):
        Chain((Tremolo(3.0),))(bad.astype(np.float32), RATE)


def test_the_pitch_of_a_detuned_sound_agrees_with_resampling() -> None:
    sound = melody([60, 64])
    ratio = 2 ** (30 / 1200)
    expected = resample(sound, RATE * ratio, RATE)
    detuned = Detune(30.0)(sound, RATE)
    np.testing.assert_array_equal(detuned[: expected.shape[0]], expected)
    assert not detuned[expected.shape[0] :].any()
