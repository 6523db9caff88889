from collections.abc import Callable

import librosa
import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sounds import melody

from cambiata.errors import MissingExtraError
from cambiata.evaluate.metrics import (
    METRIC_RATE_HZ,
    SILENT_LOUDNESS_DB,
    bootstrap_interval,
    cosine_distance,
    log_spectral_distance,
    loudness_error_db,
    multi_scale_spectral_distance,
    note_onset_f1,
    pad_or_trim,
    paper_lsd,
    pitch_jaccard_distance,
)
from cambiata.score.midi import Note

Distance = Callable[[np.ndarray, np.ndarray], float]


def _floored(output: np.ndarray, reference: np.ndarray) -> float:
    return multi_scale_spectral_distance(output, reference, floor_db=-80.0)


SPECTRAL: list[Distance] = [
    paper_lsd,
    log_spectral_distance,
    multi_scale_spectral_distance,
    _floored,
]
DISTANCES: list[Distance] = [*SPECTRAL, loudness_error_db]
RNG = np.random.default_rng(0)
TONES = melody([60, 64, 67], rate=METRIC_RATE_HZ)
OTHER = melody([62, 65, 69], partials=12, rate=METRIC_RATE_HZ)
NOISE = RNG.normal(0, 0.1, TONES.size).astype(np.float32)
SILENCE = np.zeros(TONES.size, np.float32)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("sound", [TONES, NOISE, SILENCE, NOISE[:100], NOISE[:1]])
def test_equal_sounds_are_at_no_distance(distance: Distance, sound: np.ndarray) -> None:
    assert distance(sound, sound.copy()) == 0


@pytest.mark.parametrize("distance", DISTANCES)
def test_silence_is_far_from_sound_and_never_undefined(distance: Distance) -> None:
    near = distance(TONES + 1e-4 * NOISE, TONES)
    for silent in (SILENCE, np.full(TONES.size, 1e-42, np.float32), np.zeros(0, np.float32)):
        far = distance(silent, TONES)
        assert np.isfinite(far)
        assert far > max(1.0, 3 * near)
    back = distance(TONES, SILENCE)
    assert np.isfinite(back)
    assert back > 1


@pytest.mark.parametrize("distance", DISTANCES)
def test_outputs_are_fitted_to_the_reference(distance: Distance) -> None:
    padded = np.concatenate([TONES[:15000], np.zeros(TONES.size - 15000, np.float32)])
    assert distance(TONES[:15000], TONES) == distance(padded, TONES) > 0
    assert distance(np.concatenate([TONES, OTHER]), TONES) == 0


@pytest.mark.parametrize("distance", SPECTRAL)
def test_gain_does_not_count_but_timbre_and_notes_do(distance: Distance) -> None:
    assert distance(TONES / 4, TONES) < 1e-3
    duller = scipy.signal.lfilter([0.2], [1, -0.8], TONES).astype(np.float32)
    assert 1e-1 < distance(duller, TONES) < distance(NOISE, TONES)


@pytest.mark.parametrize("distance", DISTANCES)
def test_sounds_are_not_changed(distance: Distance) -> None:
    output, reference = OTHER.copy(), TONES.copy()
    distance(output, reference)
    assert np.array_equal(output, OTHER)
    assert np.array_equal(reference, TONES)


def test_fitting_refuses_what_is_no_sound() -> None:
    with pytest.raises(ValueError, match="mono"):
        pad_or_trim(np.zeros((2, 9), np.float32), TONES)
    with pytest.raises(ValueError, match="not empty"):
        pad_or_trim(TONES, TONES[:0])
    with pytest.raises(ValueError, match="finite"):
        pad_or_trim(np.full(9, np.nan, np.float32), TONES)


def _librosa_db(sound: np.ndarray) -> np.ndarray:
    """The paper's steps, through the library it used, with the padding that was its default."""
    unit = sound / (np.sqrt(np.mean(sound**2)) + np.finfo(np.float32).eps)
    power = librosa.feature.melspectrogram(y=unit, sr=METRIC_RATE_HZ, pad_mode="reflect")
    return librosa.power_to_db(power)


def test_the_papers_distance_is_what_librosa_gives() -> None:
    for output in (OTHER, NOISE, SILENCE):
        output = pad_or_trim(output, TONES)
        squares = (_librosa_db(output) - _librosa_db(TONES)) ** 2
        assert paper_lsd(output, TONES) == pytest.approx(np.sqrt(squares.mean(1)).mean(), abs=1e-2)


def test_the_usual_distance_is_what_librosa_gives() -> None:
    def level_db(sound: np.ndarray) -> np.ndarray:
        unit = sound / np.sqrt(np.mean(sound**2))
        return librosa.power_to_db(np.abs(librosa.stft(unit, pad_mode="reflect")) ** 2)

    squares = (level_db(OTHER) - level_db(TONES)) ** 2
    assert OTHER.size == TONES.size
    expected = np.sqrt(squares.mean(0)).mean()
    assert log_spectral_distance(OTHER, TONES) == pytest.approx(expected, abs=1e-2)


def test_the_two_log_spectral_distances_swap_axes() -> None:
    # The second half 20 dB down. At unit RMS, the halves are at +2.97 and -17.03 dB: over frames
    # their mean is 10, but inside a band, over time, their root mean square is 12.2.
    noise = RNG.normal(0, 0.1, 8 * METRIC_RATE_HZ).astype(np.float32)
    gain = np.where(np.arange(noise.size) < noise.size / 2, 1, 0.1).astype(np.float32)
    up_db = -10 * np.log10((1 + 0.01) / 2)
    halves_db = np.array([up_db, up_db - 20])
    usual, papers = log_spectral_distance(noise * gain, noise), paper_lsd(noise * gain, noise)
    assert usual == pytest.approx(np.abs(halves_db).mean(), abs=0.3)
    assert papers == pytest.approx(np.sqrt(np.mean(halves_db**2)), abs=0.3)
    assert papers > usual + 1.5


def _torch_distance(output: np.ndarray, reference: np.ndarray, floor_db: float | None) -> float:
    """Ours again, in float64, with the framing of `tf.signal.stft(pad_end=True)`."""
    torch = pytest.importorskip("torch", reason="the independent computation uses torch")
    output = output * np.sqrt(np.mean(reference**2) / np.mean(output**2))
    total = 0.0
    for n_fft in (2048, 1024, 512, 256, 128, 64):
        hop_length = n_fft // 4
        n_frames = int(np.ceil(reference.size / hop_length))
        padding = (n_frames - 1) * hop_length + n_fft - reference.size
        ours, theirs = (
            torch.stft(
                torch.from_numpy(np.pad(sound.astype(np.float64), (0, padding))),
                n_fft,
                hop_length,
                window=torch.hann_window(n_fft, dtype=torch.float64),
                center=False,
                return_complex=True,
            ).abs()
            for sound in (output, reference)
        )
        assert ours.shape[1] == n_frames
        total += float((ours - theirs).abs().mean())
        if floor_db is None:
            logs = [torch.log(magnitude + 1e-5) for magnitude in (ours, theirs)]
        else:
            floor = float(theirs.max()) * 10 ** (floor_db / 20)
            logs = [torch.log(magnitude.clamp(min=floor)) for magnitude in (ours, theirs)]
        total += float((logs[0] - logs[1]).abs().mean())
    return total


@pytest.mark.parametrize("floor_db", [None, -80.0, -40.0])
@pytest.mark.parametrize("n", [16000, 8191, 700])
def test_the_multi_scale_distance_is_what_torch_gives(floor_db: float | None, n: int) -> None:
    output, reference = OTHER[:n], TONES[:n]
    expected = _torch_distance(output, reference, floor_db)
    assert multi_scale_spectral_distance(output, reference, floor_db) == pytest.approx(
        expected, rel=1e-3
    )


def test_a_floor_keeps_near_silence_from_deciding() -> None:
    noise = (1e-5 * NOISE).astype(np.float32)  # 120 dB down
    gated = TONES * (np.abs(TONES) > 1e-3)
    noisy, clean = gated + noise, gated
    assert _floored(noisy, clean) < 0.1 * multi_scale_spectral_distance(noisy, clean)
    # Where one is silent, the floor is the other's, whichever it is.
    assert _floored(TONES, SILENCE) == pytest.approx(_floored(SILENCE, TONES))
    with pytest.raises(ValueError, match="below 0"):
        multi_scale_spectral_distance(TONES, TONES, floor_db=0.0)


def test_loudness_error_is_the_gain() -> None:
    assert loudness_error_db(TONES / 2, TONES) == pytest.approx(6.02, abs=0.01)
    assert loudness_error_db(TONES * 2, TONES, sample_rate=22050) == pytest.approx(6.02, abs=0.01)


def test_a_silent_output_is_about_a_hundred_units_off() -> None:
    loud = loudness_error_db(SILENCE, NOISE)
    assert 80 < loud < 120
    assert loud == loudness_error_db(NOISE, SILENCE)
    assert loud == pytest.approx(-SILENT_LOUDNESS_DB + 20 * np.log10(0.1), abs=3)


def test_pitch_distance_by_hand() -> None:
    # Frames: half of the union shared; both empty; only one empty; the same, in another order.
    mine = [[60, 64], [], [67], [55, 59, 62]]
    theirs = [[60, 67, 64, 64, 72], [], [], [62, 55, 59]]
    assert pitch_jaccard_distance(mine, theirs) == (0.5 + 0 + 1 + 0) / 4
    assert pitch_jaccard_distance(theirs, mine) == pitch_jaccard_distance(mine, theirs)
    assert pitch_jaccard_distance(mine, [set(frame) for frame in mine]) == 0


@pytest.mark.parametrize(("mine", "theirs"), [([], []), ([[60]], []), ([[60]], [[60], [60]])])
def test_pitches_of_other_frames_are_refused(mine: list, theirs: list) -> None:
    with pytest.raises(ValueError, match="same number of frames"):
        pitch_jaccard_distance(mine, theirs)


NOTES = [Note(0.5 * i, 0.5 * i + 0.4, 60 + i) for i in range(8)]


def test_note_f1_by_hand() -> None:
    pytest.importorskip("mir_eval", reason="the eval extra brings it")
    assert note_onset_f1(NOTES, NOTES) == 1
    late = [note.shifted(0.049) for note in NOTES]
    assert note_onset_f1(late, NOTES) == 1
    assert note_onset_f1([note.shifted(0.051) for note in NOTES], NOTES) == 0
    assert note_onset_f1([note.shifted(0, semitones=1) for note in NOTES], NOTES) == 0
    long = [Note(note.start_s, note.start_s + 3, note.pitch, 1) for note in NOTES]
    assert note_onset_f1(long, NOTES) == 1
    # 6 of 8 found, and 6 more that are wrong: precision 1/2, recall 3/4.
    wrong = [note.shifted(0, semitones=12) for note in NOTES[:6]]
    assert note_onset_f1(NOTES[:6] + wrong, NOTES) == pytest.approx(0.6)


def test_note_f1_without_notes() -> None:
    assert note_onset_f1([], NOTES) == 0
    assert note_onset_f1(NOTES, []) == 0
    assert np.isnan(note_onset_f1([], []))


def test_note_f1_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mir_eval.transcription", None)
    with pytest.raises(MissingExtraError, match=r"cambiata\[eval\]"):
        note_onset_f1(NOTES, NOTES)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9), st.integers(0, 9999))
def test_cosine_distance_is_scipys(a: list[float], seed: int) -> None:
    from scipy.spatial.distance import cosine

    b = np.random.default_rng(seed).normal(size=len(a))
    if np.linalg.norm(a) > 1e-100:
        assert cosine_distance(a, b) == pytest.approx(cosine(a, b), abs=1e-9)
        assert cosine_distance(a, np.multiply(a, 3)) == pytest.approx(0, abs=1e-12)
    assert cosine_distance(a, a) == 0
    assert cosine_distance(b, -b) == pytest.approx(2)


def test_vectors_without_direction() -> None:
    assert cosine_distance([0, 0], [1, 2]) == cosine_distance([1, 2], [0, 0]) == 1
    assert cosine_distance([0, 0], [0, 0]) == 0
    with pytest.raises(ValueError, match="equal length"):
        cosine_distance([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="finite"):
        cosine_distance([1, np.nan], [1, 2])


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("n", [2, 7, 100])
def test_intervals_are_scipys(level: float, n: int) -> None:
    values = np.random.default_rng(1).gamma(2.0, size=n)
    theirs = scipy.stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=level,
        n_resamples=2000,
        method="percentile",
        rng=np.random.default_rng(3),
    ).confidence_interval
    ours = bootstrap_interval(values, level=level, seed=3)
    assert ours == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert ours[0] <= values.mean() <= ours[1]


def test_intervals_cover_the_mean_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    intervals = [
        bootstrap_interval(rng.normal(size=50), level=0.9, n_resamples=300, seed=i)
        for i in range(400)
    ]
    covered = np.mean([low < 0 < high for low, high in intervals])
    assert covered == pytest.approx(0.9, abs=0.05)


def test_intervals_of_special_values() -> None:
    assert np.isnan(bootstrap_interval([3.0])).all()
    assert bootstrap_interval([3.0, 3.0, 3.0]) == (3.0, 3.0)
    assert bootstrap_interval([1.0, 2.0, 5.0]) == bootstrap_interval([1.0, 2.0, 5.0])
    assert bootstrap_interval(range(20)) != bootstrap_interval(range(20), seed=1)


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        ([], {}, "at least 1"),
        ([[1.0, 2.0]], {}, r"\[N\]"),
        ([1.0, np.nan], {}, "finite"),
        ([1.0, np.inf], {}, "finite"),
        ([1.0, 2.0], {"level": 1.0}, "level"),
        ([1.0, 2.0], {"n_resamples": 0}, "n_resamples"),
    ],
)
def test_what_has_no_interval_is_refused(values: list, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(values, **settings)
