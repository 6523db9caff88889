"""Distances of an output from a reference: spectra, loudness, pitches, notes, embeddings.

Metrics of sound take mono samples [T] at `METRIC_RATE_HZ` unless they ask for a rate, cut or pad
the output to the length of the reference, and are 0 for equal sounds.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio import source
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.mel import Features, mel_power, power_db, stft_power
from cambiata.audio.stft import Stft
from cambiata.errors import MissingExtraError
from cambiata.score.midi import Note

METRIC_RATE_HZ = 16_000
"""Sample rate at which the published metrics are defined."""

SILENT_LOUDNESS_DB = -120.0
"""Loudness of a sound that has none: far below the -70 LUFS of BS.1770's gate."""

# Windows and offset of Engel et al. 2020, as in their code.
_DDSP_WINDOWS = (2048, 1024, 512, 256, 128, 64)
_DDSP_EPSILON = 1e-5


def pad_or_trim(output: Samples, reference: Samples) -> Samples:
    """Output cut, or filled up with silence, to the length of a reference, [T]."""
    if output.ndim != 1 or reference.ndim != 1 or not reference.size:
        raise ValueError("sounds must be mono, [T], and the reference not empty")
    if not (np.isfinite(output).all() and np.isfinite(reference).all()):
        raise ValueError("sounds must be finite")
    return source.pad_or_trim(output.astype(np.float32, copy=False), reference.size)


def paper_lsd(output: Samples, reference: Samples) -> float:
    """Log-spectral distance in dB, as the SS-VQ-VAE paper's code computes it.

    Cifka et al., ICASSP 2021: both sounds at unit RMS, power in 128 mel bands (2048/512) in dB
    with a floor 80 dB below each one's loudest, ``mean_mel sqrt(mean_time difference ** 2)``. The
    usual distance has the axes the other way round (`log_spectral_distance`); this one is for
    comparison with the published figures.
    """
    output = pad_or_trim(output, reference)
    difference_db = _mel_db(output) - _mel_db(reference)
    return float(np.sqrt(np.mean(difference_db**2, axis=1)).mean())


def log_spectral_distance(output: Samples, reference: Samples) -> float:
    """Log-spectral distance in dB: spectra compared frame by frame.

    ``mean_time sqrt(mean_bins difference ** 2)`` (Gray & Markel 1976) between powers in dB of a
    2048/512 Hann transform, both sounds at unit RMS, with a floor 80 dB below each one's loudest.
    """
    output = pad_or_trim(output, reference)
    output_db, reference_db = (
        power_db(stft_power(_scale_to_unit_rms(sound))) for sound in (output, reference)
    )
    return float(np.sqrt(np.mean((output_db - reference_db) ** 2, axis=0)).mean())


def multi_scale_spectral_distance(
    output: Samples, reference: Samples, floor_db: float | None = None
) -> float:
    """Spectral distance of DDSP, at six resolutions, in linear and logarithmic magnitude.

    Engel et al., ICLR 2020, section 4.2.2, as in their code: for windows of 2048 down to 64 with
    75 % overlap, ``mean |S - S'| + mean |ln(S + 1e-5) - ln(S' + 1e-5)|``, summed. Unlike there,
    the output is first brought to the RMS of the reference (unless either is silent).

    The logarithm makes near-silence weigh as much as sound: with a floor, magnitudes below it
    count as the floor instead of having 1e-5 added.
    """
    if floor_db is not None and not floor_db < 0:
        raise ValueError("floor_db must be below 0")
    output = pad_or_trim(output, reference)
    output_rms, reference_rms = _rms(output), _rms(reference)
    if output_rms and reference_rms:
        # In float64: the gain of a barely sounding output would overflow.
        output = (output.astype(np.float64) * (reference_rms / output_rms)).astype(np.float32)
    distance = 0.0
    for n_fft in _DDSP_WINDOWS:
        ours, theirs = _ddsp_magnitude(output, n_fft), _ddsp_magnitude(reference, n_fft)
        distance += float(np.abs(ours - theirs).mean())
        distance += float(np.abs(_log_difference(ours, theirs, floor_db)).mean())
    return distance


def loudness_error_db(
    output: Samples, reference: Samples, sample_rate: int = METRIC_RATE_HZ
) -> float:
    """Difference in integrated loudness, in LU.

    ITU-R BS.1770-4 through `cambiata.audio.loudness.LoudnessMeter`. A sound that has no
    loudness, silent or below the standard's gate of -70 LUFS, counts as `SILENT_LOUDNESS_DB`: a
    silent output is about 100 LU from music, and two silences are 0 apart.
    """
    output = pad_or_trim(output, reference)
    return abs(_loudness_db(output, sample_rate) - _loudness_db(reference, sample_rate))


def pitch_jaccard_distance(
    pitches: Sequence[Iterable[int]], reference_pitches: Sequence[Iterable[int]]
) -> float:
    """Share of pitches that only one of two sounds has, frame by frame, 0 to 1.

    Cifka et al., ICASSP 2021: ``1 - |A & B| / |A | B|`` between the sets of MIDI numbers of a
    frame, 0 where both are empty, averaged over frames. `cambiata.evaluate.tracking` finds the
    pitches.
    """
    if len(pitches) != len(reference_pitches) or not len(pitches):
        raise ValueError("both must have the same number of frames, and at least one")
    distances = []
    for ours, theirs in zip(map(set, pitches), map(set, reference_pitches), strict=True):
        either = ours | theirs
        distances.append(1 - len(ours & theirs) / len(either) if either else 0.0)
    return float(np.mean(distances))


def note_onset_f1(notes: Sequence[Note], reference_notes: Sequence[Note]) -> float:
    """F-measure of notes, 0 to 1: right pitch, onset within 50 ms; offsets are ignored.

    ``mir_eval.transcription.precision_recall_f1_overlap`` with 50 cents and no offsets, the
    measure of note transcription that agrees best with listeners (Ycart et al., TISMIR 2020).
    """
    if not notes and not reference_notes:
        return float("nan")
    if not notes or not reference_notes:
        return 0.0
    try:
        from mir_eval.transcription import precision_recall_f1_overlap
    except ImportError as error:
        raise MissingExtraError("note F-measure", "eval") from error

    scores = precision_recall_f1_overlap(
        *_intervals_and_hz(reference_notes),
        *_intervals_and_hz(notes),
        onset_tolerance=0.05,
        pitch_tolerance=50.0,
        offset_ratio=None,
    )
    return float(scores[2])


def note_f1s(notes: Sequence[Note], reference_notes: Sequence[Note]) -> dict[str, float]:
    """F-measures of notes by onset, by offset too, and by velocity too.

    As mir_eval's transcription and transcription_velocity modules: 50 ms, 50 cents; offsets within
    a fifth of the note or 50 ms; velocities within a tenth after the best straight line between
    those found and those true (Hawthorne et al. 2018).
    """
    names = ("onset_f1", "offset_f1", "velocity_f1")
    if not notes:
        return dict.fromkeys(names, 0.0)
    try:
        from mir_eval.transcription import precision_recall_f1_overlap
        from mir_eval.transcription_velocity import precision_recall_f1_overlap as with_velocity
    except ImportError as error:
        raise MissingExtraError("note F-measure", "eval") from error

    reference, estimated = (_intervals_and_hz(each) for each in (reference_notes, notes))
    velocities = [np.array([n.velocity for n in each], float) for each in (reference_notes, notes)]
    scores = (
        precision_recall_f1_overlap(*reference, *estimated, offset_ratio=None),
        precision_recall_f1_overlap(*reference, *estimated),
        with_velocity(*reference, velocities[0], *estimated, velocities[1]),
    )
    return {name: float(each[2]) for name, each in zip(names, scores, strict=True)}


def velocity_error(notes: Sequence[Note], reference_notes: Sequence[Note]) -> float:
    """Mean difference of velocities, of 127, of notes with the right pitch and onset (50 ms).

    Not a number where there is none.
    """
    if not notes or not reference_notes:
        return float("nan")
    try:
        from mir_eval.transcription import match_notes
    except ImportError as error:
        raise MissingExtraError("velocity error", "eval") from error

    reference, estimated = (_intervals_and_hz(each) for each in (reference_notes, notes))
    matched = match_notes(*reference, *estimated, offset_ratio=None)
    errors = [abs(reference_notes[i].velocity - notes[j].velocity) for i, j in matched]
    return float(np.mean(errors)) if errors else float("nan")


def cosine_distance(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """One minus the cosine of the angle between two vectors [D], 0 to 2.

    Computed as half the squared distance of the unit vectors, which is the same and exactly 0 for
    equal ones.
    """
    one, other = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError("vectors must be [D] of equal length")
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise ValueError("vectors must be finite")
    lengths = np.linalg.norm(one), np.linalg.norm(other)
    if not all(lengths):
        return float(any(lengths))
    return min(2.0, 0.5 * float(np.sum((one / lengths[0] - other / lengths[1]) ** 2)))


def bootstrap_interval(
    values: npt.ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    median: bool = False,
) -> tuple[float, float]:
    """Confidence interval of the mean (or median) of values [N], by the percentile bootstrap.

    Efron & Tibshirani 1993, section 13.3: quantiles of the means of samples drawn from the values
    with replacement.
    """
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size:
        raise ValueError("values must be [N] with N at least 1")
    if not np.isfinite(sample).all():
        raise ValueError("values must be finite: leave out examples without a value, and say so")
    if not 0 < level < 1 or n_resamples < 1:
        raise ValueError("level must lie between 0 and 1, n_resamples be at least 1")
    if sample.size == 1:
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    drawn = sample[rng.integers(0, sample.size, (n_resamples, sample.size))]
    middles = np.median(drawn, axis=1) if median else drawn.mean(axis=1)
    low, high = np.quantile(middles, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _scale_to_unit_rms(samples: Samples) -> Samples:
    # The paper's guard against dividing by zero, in the float32 its sounds have.
    unit: Samples = (samples / (_rms(samples) + np.finfo(np.float32).eps)).astype(np.float32)
    return unit


def _mel_db(samples: Samples) -> Features:
    return power_db(mel_power(_scale_to_unit_rms(samples), METRIC_RATE_HZ))


def _ddsp_magnitude(samples: Samples, n_fft: int) -> Features:
    """Magnitudes [F, L] of frames that begin with the sound and run over its end."""
    hop_length = n_fft // 4
    n_frames = -(-samples.size // hop_length)
    # `Stft` centres its frames on multiples of the hop: the third is the first to begin at 0.
    padded = source.pad_or_trim(samples, (n_frames + 1) * hop_length)
    magnitude: Features = np.abs(Stft(n_fft, hop_length, "hann").analyse(padded)[:, 2:])
    return magnitude


def _log_difference(ours: Features, theirs: Features, floor_db: float | None) -> Features:
    if floor_db is None:
        difference: Features = np.log(ours + _DDSP_EPSILON) - np.log(theirs + _DDSP_EPSILON)
        return difference
    floor = (theirs.max() or ours.max()) * 10 ** (floor_db / 20)
    if not floor:  # both silent
        return np.zeros_like(ours)
    ratio: Features = np.log(np.maximum(ours, floor)) - np.log(np.maximum(theirs, floor))
    return ratio


def _loudness_db(samples: Samples, sample_rate: int) -> float:
    meter = LoudnessMeter(sample_rate)
    meter.add(samples[None])
    loudness_db = meter.loudness_db()
    return loudness_db if np.isfinite(loudness_db) else SILENT_LOUDNESS_DB


def _intervals_and_hz(
    notes: Sequence[Note],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    intervals_s = np.array([(note.start_s, note.end_s) for note in notes])
    pitches = np.array([note.pitch for note in notes])
    return intervals_s, 440 * 2 ** ((pitches - 69) / 12)
