"""Hearing: the notes of a recording, with their beginnings, ends and levels from frame to frame."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import LogFrequency
from cambiata.weights import load_model

BANDS = LogFrequency()
LOWEST_PITCH, N_PITCHES = 21, 88
LEVEL_SCALE_DB = 20.0
ONSET_REACH_FRAMES = 2.5

# A key held without an onset that was heard: a slow attack.
_MIN_ACTIVE_FRAMES, _SURE_ACTIVATION = 5, 0.7
_ACTIVATION_THRESHOLD = 0.5
_STRENGTH_FRAMES = 12
_SILENCE_DB = -60.0
_CHUNK_FRAMES, _CONTEXT_FRAMES = 1024, 64

Roll = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NoteEvents:
    """The notes of a sound."""

    pitch: npt.NDArray[np.int64]  # MIDI number of each note [N]
    start: npt.NDArray[np.float64]  # Where each begins, in frames of `BANDS` and not whole [N]
    end: npt.NDArray[np.float64]  # Where its key is let go [N]
    confidence: npt.NDArray[np.float64]  # How surely it was heard, 0 to 1 [N]
    # Its loudest level soon after it begins, in dB of the sound's mean power [N]
    strength_db: npt.NDArray[np.float64]
    level_db: Roll  # Level of every pitch in every frame, likewise, [88, L]

    @property
    def n_notes(self) -> int:
        """How many notes."""
        return len(self.pitch)

    def transposed(self, semitones: int) -> tuple["NoteEvents", npt.NDArray[np.int64]]:
        """The same notes higher or lower; those that leave the keyboard are left out."""
        pitch = self.pitch + semitones
        on_keyboard = (pitch >= LOWEST_PITCH) & (pitch < LOWEST_PITCH + N_PITCHES)
        level = np.full_like(self.level_db, _SILENCE_DB)
        rows = np.arange(max(0, semitones), N_PITCHES + min(0, semitones))
        level[rows] = self.level_db[rows - semitones]
        events = NoteEvents(
            pitch[on_keyboard],
            self.start[on_keyboard],
            self.end[on_keyboard],
            self.confidence[on_keyboard],
            self.strength_db[on_keyboard],
            level,
        )
        return events, np.flatnonzero(on_keyboard)


def detect_notes(
    samples: Samples, weights: str = "listener", threshold: float | None = None
) -> NoteEvents:
    """The notes of a sound.

    samples: [T].
    """
    model = load_model(weights, "listener")
    onset, activation, level_db = posteriors(BANDS.level_db(samples), model.part(""))
    onset_threshold = float(model.about["threshold"]) if threshold is None else threshold
    return decode_notes(onset, activation, level_db, onset_threshold)


def posteriors(bands_db: Roll, network: Any) -> tuple[Roll, ...]:
    """What the listener says of bands of any length.

    bands_db: [312, L]; network: [1, 312, L] or [1, K, 88, L]; returns [88, L].
    """
    onset, activation, level, *more = logits(bands_db, network)
    probabilities = [sigmoid(x) for x in (onset, activation, *more)]
    return *probabilities[:2], level * np.float32(LEVEL_SCALE_DB), *probabilities[2:]


def logits(bands_db: Roll, network: Any) -> npt.NDArray[np.float32]:
    """What a network says of bands of any length, as it says it.

    bands_db: [312, L]; network: [1, 312, L] or [1, K, 88, L]; returns [K, 88, L].
    """
    bands = (np.maximum(bands_db, -80) + 40) / np.float32(LEVEL_SCALE_DB)
    n_frames, chunks = bands.shape[1], []
    for at in range(0, n_frames, _CHUNK_FRAMES):
        first, last = max(0, at - _CONTEXT_FRAMES), at + _CHUNK_FRAMES + _CONTEXT_FRAMES
        chunk_logits = network(np.ascontiguousarray(bands[None, :, first:last]))[0][0]
        chunks.append(chunk_logits[:, :, at - first : at - first + _CHUNK_FRAMES])
    return np.concatenate(chunks, axis=2)


def sigmoid(x: Roll) -> Roll:
    """Logits as likelihoods."""
    return (1 / (1 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)


def decode_notes(
    onset: Roll, activation: Roll, level_db: Roll, threshold: float, *, soft_onsets: bool = True
) -> NoteEvents:
    """Notes out of what the listener says of every pitch and frame.

    onset, activation: [88, L]; level_db: [88, L].
    """
    n_frames = onset.shape[1]
    rows, starts, heights = pick_onsets(onset, threshold)
    events: list[tuple[int, float, float, float]] = []
    for row in range(onset.shape[0]):
        own = np.flatnonzero(rows == row)
        changes = np.flatnonzero(
            np.diff(np.pad(activation[row] > _ACTIVATION_THRESHOLD, 1).astype(np.int8))
        )
        runs = list(zip(changes[::2], changes[1::2], strict=True))
        begins = [*starts[own], np.inf]
        for i, begin in enumerate(begins[:-1]):
            # An onset may come a moment before the key is known to be held.
            run_end = next((b for a, b in runs if a <= begin + 3 and b > begin), begin + 2)
            end = min(max(float(run_end), begin + 2), begins[i + 1], n_frames)
            events.append((row, float(begin), end, float(heights[own[i]])))
        for first, last in runs if soft_onsets else ():
            early = next((x for x in begins if first - 3 <= x < last), last)
            active = activation[row, first : int(np.ceil(early))]
            if len(active) >= _MIN_ACTIVE_FRAMES and active.max() > _SURE_ACTIVATION:
                confidence = float(onset[row, max(0, first - 2) : first + 3].max())
                events.append((row, float(first), float(early), confidence))
    events.sort()
    strength = [
        level_db[row, int(begin) : max(int(begin) + 1, int(min(end + 1, begin + _STRENGTH_FRAMES)))]
        for row, begin, end, _ in events
    ]
    columns = np.array(events, np.float64).reshape(-1, 4)
    return NoteEvents(
        columns[:, 0].astype(np.int64) + LOWEST_PITCH,
        columns[:, 1],
        columns[:, 2],
        columns[:, 3],
        np.array([float(x.max()) for x in strength], np.float64),
        level_db,
    )


def pick_onsets(onset: Roll, threshold: float) -> tuple[Any, Any, Any]:
    """Onsets as peaks of what the listener says, placed between frames.

    Kong et al. 2021, eq. 5: near an onset the listener's answer falls evenly to both sides, so
    that three values place its peak.

    onset: [88, L].
    """
    padded = np.pad(onset, ((0, 0), (1, 1)), constant_values=-1)
    before, after = padded[:, :-2], padded[:, 2:]
    rows, at = np.nonzero((onset >= threshold) & (onset > before) & (onset >= after))
    height = onset[rows, at]
    left = np.maximum(before[rows, at], 0)
    right = np.maximum(after[rows, at], 0)
    floor = np.minimum(left, right)
    shift = (right - left) / np.maximum(2 * (height - floor), 1e-6)
    return rows, at + np.clip(shift, -0.5, 0.5), height
