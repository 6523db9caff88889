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
    """The notes of a sound.

    Parameters
    ----------
    pitch : numpy.ndarray
        MIDI number of each note [N].
    start : numpy.ndarray
        Where each begins, in frames of `BANDS` and not whole [N].
    end : numpy.ndarray
        Where its key is let go [N].
    confidence : numpy.ndarray
        How surely it was heard, 0 to 1 [N].
    strength_db : numpy.ndarray
        Its loudest level soon after it begins, in dB of the sound's mean power [N].
    level_db : numpy.ndarray
        Level of every pitch in every frame, likewise, [88, L].

    Examples
    --------
    >>> nothing = np.zeros(0)
    >>> NoteEvents(*[nothing] * 5, np.zeros((88, 3), np.float32)).n_notes
    0
    """

    pitch: npt.NDArray[np.int64]
    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    strength_db: npt.NDArray[np.float64]
    level_db: Roll

    @property
    def n_notes(self) -> int:
        """How many notes."""
        return len(self.pitch)

    def transposed(self, semitones: int) -> tuple["NoteEvents", npt.NDArray[np.int64]]:
        """The same notes higher or lower; those that leave the keyboard are left out.

        Parameters
        ----------
        semitones : int
            By how much.

        Returns
        -------
        tuple
            The notes moved, and which of them are left [N'].

        Examples
        --------
        >>> one, rolls = np.full(1, 100.0), np.zeros((88, 3), np.float32)
        >>> NoteEvents(one.astype(int), one, one, one, one, rolls).transposed(12)[0].n_notes
        0
        """
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

    Parameters
    ----------
    samples : numpy.ndarray
        Mono sound [T] at the rate of `BANDS`.
    weights : str
        The listener's weights: shipped ones by name, or the path of a file of your own.
    threshold : float, optional
        Least height of an onset, 0 to 1; what served best in validation where not given.

    Returns
    -------
    Heard
        In order of pitch and time.

    Examples
    --------
    >>> t = np.arange(44100) / 44100
    >>> tone = sum(np.sin(2 * np.pi * 440 * k * t) / k for k in range(1, 7)).astype(np.float32)
    >>> detect_notes(tone).pitch.tolist()
    [69]
    """
    model = load_model(weights, "listener")
    onset, activation, level_db = posteriors(BANDS.level_db(samples), model.part(""))
    onset_threshold = float(model.about["threshold"]) if threshold is None else threshold
    return decode_notes(onset, activation, level_db, onset_threshold)


def posteriors(bands_db: Roll, network: Any) -> tuple[Roll, ...]:
    """What the listener says of bands of any length.

    Parameters
    ----------
    bands_db : numpy.ndarray
        [312, L], as `LogFrequency.level_db` gives them.
    network : callable
        From bands [1, 312, L] to what is heard [1, K, 88, L].

    Returns
    -------
    tuple of numpy.ndarray
        Onsets and held keys, 0 to 1, and levels in dB; further ones, 0 to 1, where the network
        says more; [88, L] each.

    Examples
    --------
    >>> silent = np.full((312, 20), -80, np.float32)
    >>> network = lambda bands: [np.zeros((1, 3, 88, bands.shape[2]), np.float32)]
    >>> [roll.shape for roll in posteriors(silent, network)]
    [(88, 20), (88, 20), (88, 20)]
    """
    onset, activation, level, *more = logits(bands_db, network)
    probabilities = [sigmoid(x) for x in (onset, activation, *more)]
    return *probabilities[:2], level * np.float32(LEVEL_SCALE_DB), *probabilities[2:]


def logits(bands_db: Roll, network: Any) -> npt.NDArray[np.float32]:
    """What a network says of bands of any length, as it says it.

    Parameters
    ----------
    bands_db : numpy.ndarray
        [312, L], as `LogFrequency.level_db` gives them.
    network : callable
        From bands [1, 312, L] to arrays of which the first is [1, K, 88, L].

    Returns
    -------
    numpy.ndarray
        [K, 88, L].

    Examples
    --------
    >>> silent = np.full((312, 20), -80, np.float32)
    >>> network = lambda bands: [np.zeros((1, 3, 88, bands.shape[2]), np.float32)]
    >>> logits(silent, network).shape
    (3, 88, 20)
    """
    bands = (np.maximum(bands_db, -80) + 40) / np.float32(LEVEL_SCALE_DB)
    n_frames, chunks = bands.shape[1], []
    for at in range(0, n_frames, _CHUNK_FRAMES):
        first, last = max(0, at - _CONTEXT_FRAMES), at + _CHUNK_FRAMES + _CONTEXT_FRAMES
        chunk_logits = network(np.ascontiguousarray(bands[None, :, first:last]))[0][0]
        chunks.append(chunk_logits[:, :, at - first : at - first + _CHUNK_FRAMES])
    return np.concatenate(chunks, axis=2)


def sigmoid(x: Roll) -> Roll:
    """Logits as likelihoods.

    Parameters
    ----------
    x : numpy.ndarray
        Of any shape.

    Returns
    -------
    numpy.ndarray
        0 to 1.

    Examples
    --------
    >>> sigmoid(np.array([0.0], np.float32)).tolist()
    [0.5]
    """
    return (1 / (1 + np.exp(-np.clip(x, -30, 30)))).astype(np.float32)


def decode_notes(
    onset: Roll, activation: Roll, level_db: Roll, threshold: float, *, soft_onsets: bool = True
) -> NoteEvents:
    """Notes out of what the listener says of every pitch and frame.

    Parameters
    ----------
    onset, activation : numpy.ndarray
        [88, L], 0 to 1.
    level_db : numpy.ndarray
        [88, L].
    threshold : float
        Least height of an onset.
    soft_onsets : bool
        Whether notes may begin without an onset that was heard.

    Returns
    -------
    Heard
        Every onset is a note, which ends where its key is held no more or where the same pitch
        begins anew; and so is every long time of a held key without one, unless none is `soft_onsets`.

    Examples
    --------
    >>> activation = np.zeros((88, 20), np.float32)
    >>> activation[39, 4:10] = 1
    >>> notes = decode_notes(np.zeros_like(activation), activation, np.zeros_like(activation), 0.5)
    >>> notes.pitch.tolist(), notes.start.tolist(), notes.end.tolist()
    ([60], [4.0], [10.0])
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

    Parameters
    ----------
    onset : numpy.ndarray
        [88, L], 0 to 1.
    threshold : float
        Least height of a peak.

    Returns
    -------
    tuple of numpy.ndarray
        Rows, frames (not whole), heights; in order of row and frame.

    Examples
    --------
    >>> rows, frames, heights = pick_onsets(np.array([[0, 0.6, 1.0, 0.8, 0.2]], np.float32), 0.5)
    >>> rows.tolist(), frames.round(2).tolist()
    ([0], [2.25])
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
