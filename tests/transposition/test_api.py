"""Sounds at another pitch, to a key; spectral envelopes that stay or move along."""

import numpy as np
import pytest
from sounds import melody

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.errors import InputError
from cambiata.transposition.api import Formant, stretch, transpose
from cambiata.transposition.formants import envelope_db

RATE = 22050
C_MAJOR = [60, 62, 64, 65, 67, 67, 69, 71, 72, 67, 64, 60]


def vowel(hz: float, formants_hz: tuple[float, ...] = (700, 2400), seconds: float = 1.0) -> Samples:
    """Partials up to 10 kHz under resonances."""
    t = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros(len(t))
    for k in range(1, int(10000 / hz)):
        level = sum(1 / (1 + ((k * hz - f) / 120) ** 2) for f in formants_hz)
        sound += level * np.sin(2 * np.pi * hz * k * t + k * k)
    return 0.2 * sound / np.abs(sound).max()


def envelope_peak_hz(sound: Samples, low_hz: float, high_hz: float) -> float:
    """Frequency at which the long-term envelope is highest."""
    part = sound[5000:-5000]
    power = (np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2)[: len(part) // 2]
    n = len(power) // 400
    bands = power[: 400 * n].reshape(400, n).sum(1)
    smooth = np.convolve(bands, np.hanning(25), "same")
    hz = (np.arange(400) + 0.5) * RATE / 2 / 400
    inside = (hz > low_hz) & (hz < high_hz)
    return float(hz[inside][smooth[inside].argmax()])


@pytest.mark.parametrize("semitones", [-12, -0.5, 0.25, 7, 24])
@pytest.mark.parametrize("formant", ["keep", "follow"])
def test_partials_move_by_the_interval_and_length_stays(semitones: float, formant: Formant) -> None:
    sound = vowel(220.0, seconds=1.2)[:-1]
    made = transpose(Audio(sound, RATE), semitones=semitones, formant=formant)
    assert made.n_samples == len(sound)
    assert np.isfinite(made.samples).all()
    part = made.samples[0, 4000:-4000]
    wanted_hz = 220 * 2 ** (semitones / 12)
    # The spacing of partials, by the autocorrelation of the spectrum's power, in cents.
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 17)) ** 2
    lags = np.fft.irfft(power)
    period = RATE / wanted_hz
    place = np.arange(round(0.9 * period), round(1.1 * period) + 1)
    i = int(place[lags[place].argmax()])
    a, b, c = lags[i - 1 : i + 2]
    found_hz = RATE / (i + 0.5 * (a - c) / (a - 2 * b + c))
    assert 1200 * np.log2(found_hz / wanted_hz) == pytest.approx(0, abs=3)


def test_formants_stay_or_move_along() -> None:
    sound = Audio(vowel(150.0), RATE)
    kept = transpose(sound, semitones=5).samples[0]
    moved = transpose(sound, semitones=5, formant="follow").samples[0]
    assert envelope_peak_hz(kept, 1500, 5000) == pytest.approx(2400, rel=0.06)
    assert envelope_peak_hz(moved, 1500, 5000) == pytest.approx(2400 * 2 ** (5 / 12), rel=0.06)


def test_the_envelope_follows_the_partials_not_what_lies_between() -> None:
    sound = vowel(150.0)
    power = np.abs(np.fft.rfft(sound[4000:6048] * np.hanning(2048))).astype(np.float32)[None] ** 2
    level = envelope_db(power, RATE)[0]
    bins = np.rint(150 * np.arange(2, 30) * 2048 / RATE).astype(int)
    partials = 10 * np.log10([power[0, i - 1 : i + 2].max() for i in bins])
    found = np.interp(bins, 2 * np.arange(len(level)) + 0.5, level)
    apart = found - partials
    assert np.std(apart) < 3.0  # of partials that are 45 dB apart
    assert np.abs(np.diff(level)).max() < 4.0  # no ripple from partial to partial


def test_not_moved_means_not_touched() -> None:
    sound = Audio(melody(C_MAJOR[:3]), RATE)
    np.testing.assert_array_equal(transpose(sound, semitones=0).samples, sound.samples)
    np.testing.assert_array_equal(stretch(sound, factor=1).samples, sound.samples)


def test_up_and_down_again_is_the_same_music() -> None:
    sound = Audio(melody(C_MAJOR[:4]), RATE)
    back = transpose(transpose(sound, semitones=4), semitones=-4).samples[0]
    n = 4096
    levels = [
        np.abs(np.fft.rfft(x[i : i + n] * np.hanning(n)))[:600]
        for x in (sound.samples[0], back)
        for i in range(4000, 30000, 4000)
    ]
    half = len(levels) // 2
    for a, b in zip(levels[:half], levels[half:], strict=True):
        assert np.linalg.norm(a - b) < 0.3 * np.linalg.norm(a)


def test_two_rates_one_sound() -> None:
    for rate in (44100, 48000):
        sound = Audio(np.stack([melody([60, 64], rate=rate)] * 2), rate)
        made = transpose(sound, semitones=3)
        assert (made.sample_rate, made.n_channels, made.n_samples) == (rate, 2, sound.n_samples)
        np.testing.assert_allclose(made.samples[0], made.samples[1], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "semitones: are not given, nor a key; give one of them"),
        ({"semitones": 2, "key": "D"}, "semitones: are given, and a key; give one of them"),
        ({"semitones": 24.5}, "semitones 24.5: is out of range; use -24 to 24"),
        ({"semitones": float("nan")}, "semitones nan: is out of range"),
        ({"key": "H"}, "key H: is not a key; write it like D, Bb or F#m"),
        ({"key": "D", "from_key": "X"}, "key X: is not a key"),
        ({"semitones": 1, "from_key": "C"}, "from_key: says where a move to a key begins"),
        ({"semitones": 1, "formant": "bend"}, "formant bend: is unknown; use keep or follow"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError) as caught:
        transpose(Audio(melody([60]), RATE), **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "factor: is not given, nor a duration or tempos; give one"),
        ({"factor": 2, "duration_s": 2}, "factor: is not alone; give one"),
        ({"factor": 0.2}, "factor 0.2: is out of range; use 0.25 to 4"),
        ({"duration_s": 1.7}, "factor 4.25: is out of range"),
        ({"tempo": (120, 0)}, "tempo 0: is out of range; use 1 to 1000"),
        ({"tempo": (120,)}, "tempo: has 1 numbers; give two"),
    ],
)
def test_lengths_that_cannot_be(options: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError) as caught:
        stretch(Audio(melody([60]), RATE), **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(problem)


def test_sounds_that_cannot_be_moved() -> None:
    with pytest.raises(InputError, match="a: is silent; choose a recording with sound"):
        transpose(Audio(np.zeros(RATE), RATE, name="a"), semitones=1)
    with pytest.raises(InputError, match=r"a: lasts 0\.045 s; give 0\.1 s or more"):
        stretch(Audio(np.ones(1000), RATE, name="a"), factor=2)


def test_a_tempo_and_a_duration_are_lengths() -> None:
    sound = Audio(melody([60, 64]), RATE)
    assert stretch(sound, tempo=(120, 90)).n_samples == round(sound.n_samples * 4 / 3)
    assert stretch(sound, duration_s=1.0).n_samples == RATE


@pytest.mark.parametrize(
    ("key", "from_key", "semitones"),
    [("D", "C", 2), ("Bb", "C major", -2), ("A", "Eb", 6), ("Am", "C major", 0), ("E", "C#m", 3)],
)
def test_keys_that_are_said(key: str, from_key: str, semitones: int) -> None:
    from cambiata.transposition.keys import find_move

    assert find_move(Audio(melody([60]), RATE), key, from_key).semitones == semitones
