"""Pitches and notes of a recording by others' trackers, which the metrics are computed from.

`PitchTracker` runs the pitch tracker of the SS-VQ-VAE paper where it cannot hang the evaluation;
`Transcriber` runs the network of basic-pitch on ONNX Runtime, without TensorFlow.
"""

import importlib.util
import math
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio import source
from cambiata.errors import CambiataError, InputError, MissingExtraError
from cambiata.score.midi import Note
from cambiata.weights import open_session

Posteriors = npt.NDArray[np.float32]
"""Probability that each piano key sounds (or begins to) at each frame, [L, 88]."""

Pitches = list[list[int]]
"""MIDI numbers at each frame."""

Track = Callable[[Samples, int], Pitches]
"""From a mono sound [T] and its sample rate to its pitches."""

# The paper's rates: its sounds', and the only low one that EqualLoudness has a filter for.
_PAPER_RATE_HZ, _MELODIA_RATE_HZ = 16_000, 8_000
_MELODIA_NOISE = 1e-4

# basic_pitch/constants.py and inference.py: what the network was trained for.
_RATE_HZ = 22_050
_HOP_SAMPLES = 256
_WINDOW_SAMPLES = 2 * _RATE_HZ - _HOP_SAMPLES
_WINDOW_FRAMES = 2 * (_RATE_HZ // _HOP_SAMPLES)
_OVERLAP_FRAMES = 30
_STEP_SAMPLES = _WINDOW_SAMPLES - _OVERLAP_FRAMES * _HOP_SAMPLES
_CENTRAL_FRAMES = _WINDOW_FRAMES - _OVERLAP_FRAMES
_LOWEST_KEY_MIDI = 21
# basic_pitch/inference.py: defaults of `predict`.
_ONSET_THRESHOLD, _FRAME_THRESHOLD = 0.5, 0.3
_MIN_NOTE_MS = 127.7
# basic_pitch/note_creation.py, energy_tol: a note ends after so many frames below the threshold.
_ENERGY_TOLERANCE_FRAMES = 11

# Longer than the parent's limit, so that it only ends what a dead parent left behind.
_ORPHAN_GRACE_S = 10

_CHILD = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "from cambiata.evaluate.tracking import _serve; _serve()"
)


class TrackerError(CambiataError):
    """A tracker took too long, died, or failed on a sound."""


class MissingTranscriberError(MissingExtraError):
    """The transcriber's package is missing, and no extra of Cambiata's can bring it.

    Its metadata ask for TensorFlow, which running its ONNX file does not need.
    """

    def __init__(self) -> None:
        InputError.__init__(
            self,
            "transcription",
            "basic-pitch is not installed",
            "pip install --no-deps basic-pitch==0.4.0",
        )


def track_melodia(samples: Samples, sample_rate: int) -> Pitches:
    """Pitches of a sound by essentia's MultiPitchMelodia, as the SS-VQ-VAE paper finds them.

    Cifka et al., ICASSP 2021: 16 kHz, down to 8 kHz, equal-loudness filter, noise of standard
    deviation 1e-4 (its seed the number of positive samples) that keeps the tracker from crashing
    on silence, and the nearest MIDI number of every frequency found. The noise is tracked too: a
    silent sound has pitches.

    On some sounds the tracker never returns (MTG/essentia#1054): use `PitchTracker`.
    """
    _check_mono(samples)
    if not samples.size:
        return []
    try:
        import essentia
    except ImportError as error:
        raise MissingExtraError("pitch tracking", "eval") from error
    # Before the algorithms are imported: that logs, too.
    essentia.log.infoActive = essentia.log.warningActive = False
    from essentia import standard

    sound = source.resample(samples.astype(np.float32, copy=False), sample_rate, _PAPER_RATE_HZ)
    to_low_rate = standard.Resample(
        inputSampleRate=_PAPER_RATE_HZ, outputSampleRate=_MELODIA_RATE_HZ
    )
    filtered = standard.EqualLoudness(sampleRate=_MELODIA_RATE_HZ)(
        to_low_rate(np.ascontiguousarray(sound))
    )
    rng = np.random.default_rng(seed=np.count_nonzero(filtered > 0))
    filtered = rng.normal(filtered, _MELODIA_NOISE).astype(np.float32)
    f0_hz = standard.MultiPitchMelodia(sampleRate=_MELODIA_RATE_HZ)(filtered)
    return [_nearest_keys(frame_hz[frame_hz > 0]) for frame_hz in f0_hz]


def track_posteriors(samples: Samples, sample_rate: int) -> Pitches:
    """Pitches of a sound by basic-pitch: the keys whose frame posterior is at least 0.3.

    The substitute where essentia is missing. Its figures are not comparable with those of
    `track_melodia`.
    """
    _check_mono(samples)
    if not samples.size:
        return []
    posteriors = _shared_transcriber().frames(samples, sample_rate)
    return [
        [int(key) + _LOWEST_KEY_MIDI for key in np.flatnonzero(frame >= _FRAME_THRESHOLD)]
        for frame in posteriors
    ]


class PitchTracker:
    """A pitch tracker in a process of its own, which is killed when it takes too long.

    MultiPitchMelodia where essentia is installed, else frames of basic-pitch; `name` says which,
    because the two are not comparable. The process starts with the first sound and serves all
    that follow; after a time-out the next sound gets a fresh one. Not for use by several threads
    at once: give each its own.
    """

    def __init__(self, time_limit_s: float = 60.0, track: Track | None = None) -> None:
        self.time_limit_s = time_limit_s
        self._track = track or _choose_tracker()
        self.name = _NAMES.get(self._track) or getattr(self._track, "__name__", "tracker")
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def pitches(self, samples: Samples, sample_rate: int) -> Pitches:
        """Pitches of a mono sound [T], frame by frame."""
        _check_mono(samples)
        # Pickled before anything is sent: what cannot be must not leave the child half a job.
        job = pickle.dumps((self._track, samples, sample_rate, self.time_limit_s))
        child = self._child or self._start()
        jobs, answers = _open_pipes(child)
        timed_out = threading.Event()

        def end() -> None:
            timed_out.set()
            child.kill()

        timer = threading.Timer(self.time_limit_s, end)
        timer.daemon = True
        try:
            timer.start()
            jobs.write(job)
            jobs.flush()
            problem, result = pickle.load(answers)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            self.close()
            if timed_out.is_set():
                raise TrackerError(
                    f"{self.name} took longer than {self.time_limit_s:g} s and was stopped"
                ) from error
            raise TrackerError(f"{self.name} died (exit status {child.returncode})") from error
        except BaseException:
            # Interrupted while an answer is under way: the next would be taken for it.
            self.close()
            raise
        finally:
            timer.cancel()
        if timed_out.is_set():  # it answered, and was killed all the same
            self.close()
        if problem is not None:
            raise TrackerError(f"{self.name} failed: {problem}")
        pitches: Pitches = result
        return pitches

    def close(self) -> None:
        """End the process; a later sound starts another."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in _open_pipes(child):
            with suppress(BrokenPipeError):  # what was still to be sent has no reader any more
                stream.close()

    def _start(self) -> subprocess.Popen[bytes]:
        # A program of its own rather than a fork, which threads do not survive, or multiprocessing,
        # which would run the caller's script again and cannot be used inside a pool's worker.
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._child = child
        jobs, answers = _open_pipes(child)
        try:
            pickle.dump(sys.path, jobs)
            jobs.flush()
            pickle.load(answers)  # it is up: starting must not count against the limit
        except (EOFError, BrokenPipeError) as error:
            self.close()
            raise TrackerError(
                f"{self.name} did not start (exit status {child.returncode})"
            ) from error
        except BaseException:
            self.close()
            raise
        return child


class Transcriber:
    """Notes of a recording by basic-pitch 0.4.0, its network run on ONNX Runtime.

    Bittner et al., ICASSP 2022. The network comes with the package, of which nothing is imported:
    that would ask for TensorFlow, resampy and scikit-learn. Windows, decoding and times are those
    of its ``predict``; sounds at 22.05 kHz give exactly its notes, others differ as our resampler
    differs from librosa's.
    """

    name = "basic-pitch"
    frame_rate_hz = _RATE_HZ * _CENTRAL_FRAMES / _STEP_SAMPLES

    def __init__(self, n_threads: int = 1) -> None:
        self._session = open_session(str(_network_path()), n_threads)

    def frames(self, samples: Samples, sample_rate: int) -> Posteriors:
        """Posteriors of each piano key at each frame [L, 88], of a mono sound [T]."""
        return self._posteriors(samples, sample_rate)[0]

    def notes(
        self,
        samples: Samples,
        sample_rate: int,
        onset_threshold: float = _ONSET_THRESHOLD,
        frame_threshold: float = _FRAME_THRESHOLD,
        min_note_ms: float = _MIN_NOTE_MS,
    ) -> list[Note]:
        """Notes of a mono sound [T]."""
        frames, onsets = self._posteriors(samples, sample_rate)
        min_frames = round(min_note_ms / 1000 * _RATE_HZ / _HOP_SAMPLES)
        return decode_notes(frames, onsets, onset_threshold, frame_threshold, min_frames)

    def _posteriors(self, samples: Samples, sample_rate: int) -> tuple[Posteriors, Posteriors]:
        """Posteriors of frames and of onsets, [L, 88] each."""
        _check_mono(samples)
        sound = source.resample(samples.astype(np.float32, copy=False), sample_rate, _RATE_HZ)
        # Half the overlap is cut off both ends of every window, so the first begins that earlier.
        lead = _OVERLAP_FRAMES // 2 * _HOP_SAMPLES
        n_windows = -(-(lead + sound.size) // _STEP_SAMPLES)
        n_padded = (n_windows - 1) * _STEP_SAMPLES + _WINDOW_SAMPLES
        padded = source.pad_or_trim(np.pad(sound, (lead, 0)), n_padded)
        edge = _OVERLAP_FRAMES // 2
        collected: tuple[list[Posteriors], list[Posteriors]] = ([], [])
        for start in range(0, n_windows * _STEP_SAMPLES, _STEP_SAMPLES):
            window = padded[None, start : start + _WINDOW_SAMPLES, None]
            # One window at a time: batches are no faster on a CPU, and take more memory.
            outputs = self._session.run(
                ["StatefulPartitionedCall:1", "StatefulPartitionedCall:2"],
                {"serving_default_input_2:0": window},
            )
            for pieces, output in zip(collected, outputs, strict=True):
                pieces.append(output[0, edge:-edge])
        n_frames = int(sound.size * ((_RATE_HZ // _HOP_SAMPLES) / _RATE_HZ))
        frames, onsets = (np.concatenate(pieces)[:n_frames] for pieces in collected)
        return frames, onsets


def decode_notes(
    frames: Posteriors,
    onsets: Posteriors,
    onset_threshold: float = _ONSET_THRESHOLD,
    frame_threshold: float = _FRAME_THRESHOLD,
    min_frames: int = 11,
) -> list[Note]:
    """Notes of the posteriors of frames and onsets [L, 88], the latest onset first.

    Bittner et al. 2022, section 2.3, as basic-pitch 0.4.0 does it and with the same result. Onsets
    are peaks in time of the onset posteriors, or of sudden rises of the frame posteriors where
    those are higher. A note lasts until its key has been below the threshold for 11 frames, and
    takes the energy of its key and both neighbours with it. What energy is left then makes notes
    of its own, the strongest first.
    """
    if not len(frames):
        return []
    last = len(frames) - 1  # never looked at
    energy = frames.astype(np.float64)
    spans: list[tuple[int, int, int]] = []
    for begin, key in _pick_onsets(frames, onsets, onset_threshold):
        if begin < last:
            _, n_sounding = _follow_note(energy[begin + 1 : last, key], frame_threshold)
            end = begin + 1 + n_sounding
            if end - begin > min_frames:
                energy[begin:end, _with_neighbours(key)] = 0
                spans.append((begin, end, key))
    # Energy is only ever taken away: sorted once, the strongest left is always the next.
    remaining = energy.ravel()
    loud = np.flatnonzero(remaining > frame_threshold)
    for place in loud[np.argsort(-remaining[loud], kind="stable")].tolist():
        if remaining[place]:
            middle, key = divmod(place, energy.shape[1])
            n_after, n_sounding_after = _follow_note(
                energy[middle + 1 : last, key], frame_threshold
            )
            n_before, n_sounding_before = _follow_note(energy[1:middle, key][::-1], frame_threshold)
            energy[middle, key] = 0
            energy[middle + 1 : middle + 1 + n_after, _with_neighbours(key)] = 0
            energy[middle - n_before : middle, _with_neighbours(key)] = 0
            begin, end = middle - n_sounding_before, middle + n_sounding_after
            if end - begin > min_frames:
                spans.append((begin, end, key))
    times_s = _frame_times_s(len(frames))
    return sorted(
        Note(
            float(times_s[begin]),
            float(times_s[end]),
            key + _LOWEST_KEY_MIDI,
            max(1, round(127 * float(frames[begin:end, key].mean()))),
        )
        for begin, end, key in spans
    )


def _pick_onsets(frames: Posteriors, onsets: Posteriors, threshold: float) -> list[tuple[int, int]]:
    """Frame and key of each onset, the latest first."""
    level = frames.astype(np.float64)
    rise = np.zeros_like(level)
    # Over one and over two frames, so that a single outlier is no onset.
    rise[2:] = np.minimum(level[2:] - level[1:-1], level[2:] - level[:-2]).clip(min=0)
    onset_posteriors = onsets.astype(np.float64)
    if rise.any():
        onset_posteriors = np.maximum(onset_posteriors, onset_posteriors.max() * rise / rise.max())
    peaks = np.zeros(onset_posteriors.shape, bool)
    inner = onset_posteriors[1:-1]
    peaks[1:-1] = (
        (inner > onset_posteriors[:-2]) & (inner > onset_posteriors[2:]) & (inner >= threshold)
    )
    return [(int(frame), int(key)) for frame, key in np.argwhere(peaks)[::-1]]


def _follow_note(energy: npt.NDArray[np.float64], threshold: float) -> tuple[int, int]:
    """Frames until too many in a row were quiet, and frames up to the last that was not."""
    n_sounding = 0
    for i, loud in enumerate((energy >= threshold).tolist(), 1):
        if loud:
            n_sounding = i
        elif i - n_sounding == _ENERGY_TOLERANCE_FRAMES:
            return i, n_sounding
    return len(energy), n_sounding


def _with_neighbours(key: int) -> slice:
    return slice(max(0, key - 1), key + 2)


def _frame_times_s(n_frames: int) -> npt.NDArray[np.float64]:
    """Times of frames as basic-pitch has them, its correction of 1.8 ms a window included."""
    n = np.arange(n_frames)
    shift_s = _HOP_SAMPLES / _RATE_HZ * (_WINDOW_FRAMES - _WINDOW_SAMPLES / _HOP_SAMPLES) + 0.0018
    times_s: npt.NDArray[np.float64] = n * _HOP_SAMPLES / _RATE_HZ - shift_s * (n // _WINDOW_FRAMES)
    return times_s


def _check_mono(samples: Samples) -> None:
    if samples.ndim != 1:
        raise ValueError("the sound must be mono, [T]")


def _nearest_keys(frequency_hz: npt.NDArray[np.float32]) -> list[int]:
    keys = 12 * np.log2(frequency_hz.astype(np.float64) / 440) + 69
    return [int(key + 0.5) for key in keys]


_NAMES: dict[Track, str] = {
    track_melodia: "MultiPitchMelodia",
    track_posteriors: "basic-pitch frames",
}


def _open_pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Pipes that the child reads from and writes to."""
    assert child.stdin
    assert child.stdout
    return child.stdin, child.stdout


def _choose_tracker() -> Track:
    if importlib.util.find_spec("essentia"):
        return track_melodia
    if importlib.util.find_spec("basic_pitch"):
        return track_posteriors
    raise MissingExtraError("pitch tracking", "eval")


def _network_path() -> Path:
    package = importlib.util.find_spec("basic_pitch")  # not imported: see `Transcriber`
    if package is None or not package.submodule_search_locations:
        raise MissingTranscriberError
    path = Path(package.submodule_search_locations[0], "saved_models", "icassp_2022", "nmp.onnx")
    if not path.is_file():
        raise MissingTranscriberError
    return path


@cache
def _shared_transcriber() -> Transcriber:
    return Transcriber()


def _serve() -> None:
    """Answer one job after another until the parent closes the pipe; runs in the child."""
    import os

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends us
    # What a library prints must not end up among the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def answer(thing: Any) -> None:
        pickle.dump(thing, answers)
        answers.flush()

    answer("ready")
    while True:
        try:
            track, samples, sample_rate, time_limit_s = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        # A tracker that hangs holds the interpreter; only the kernel could end it if the parent,
        # whose task that is, were gone.
        if hasattr(signal, "alarm"):
            signal.alarm(math.ceil(time_limit_s) + _ORPHAN_GRACE_S)
        try:
            reply: tuple[str | None, Pitches] = None, track(samples, sample_rate)
        except Exception as error:  # whatever it is, the parent should hear of it
            reply = f"{type(error).__name__}: {error}", []
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        answer(reply)
