"""Note detection: posteriors of onsets and activation of every pitch, and note events of them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import LogFrequency
from cambiata.partials.onsets import confirm_onsets, faintest
from cambiata.weights import load_model

# The input of listener, transcriber and encoder: with other bands they must be trained anew.
BANDS = LogFrequency()
LOWEST_PITCH, N_PITCHES = 21, 88  # a piano's keys, A0 to C8
# Levels of -80 to 0 dB become -2 to 2, and predicted levels come back in the same unit.
LEVEL_SCALE_DB = 20.0
_FLOOR_DB, _MIDDLE_DB = -80, 40
# The training target of an onset falls to 0 over 2.5 frames (58 ms) at either side, as in Kong et
# al. 2021 (J = 5), so that its peak can be placed between frames.
ONSET_REACH_FRAMES = 2.5

# A frame is active from one half on. Activation for 5 frames (116 ms) that reaches 0.7 is a note
# even where no onset was detected: a slow attack. Chosen by hand.
_ACTIVATION_THRESHOLD = 0.5
_MIN_ACTIVE_FRAMES, _SURE_ACTIVATION = 5, 0.7
# What begins so within 12 frames (0.28 s) of the end of its pitch's last note, at most 3 dB louder
# than that was in its last 4 frames and 8 dB above what lies between, is the same note: of 515 such
# (of any dip), in clips that no test set has, 66 were notes of their own.
_JOIN_FRAMES, _END_FRAMES, _RISE_DB, _DIP_DB = 12, 4, 3.0, 8.0
_EARLY_FRAMES = 3  # an onset may come so long before the activation that it belongs to
_MIN_NOTE_FRAMES = 2
# A tone alone: within 30 dB of the recording's mean power, and nothing that is not within four
# semitones of it comes within 20 dB. Cymbals and hiss are wider, music has more below.
_TONE_BINS, _TONE_ABOVE_DB, _TONE_LEAST_DB = 12, 20.0, -30.0
_ONSET_CONTEXT_FRAMES = 2  # an onset is looked for so far around where the activation begins
# The strength of a note is its highest level within 0.28 s, when even slow attacks are over.
_STRENGTH_FRAMES = 12
_SILENCE_DB = -60.0
# Bounded memory: 24 s at a time, with 1.5 s around it. That is more than the convolutions see to
# either side (five blocks, dilations 1 to 16), so that chunks give what the whole would.
_CHUNK_FRAMES, _CONTEXT_FRAMES = 1024, 64
_MAX_LOGIT = 30  # beyond, the sigmoid is 0 or 1 in float32 and exp would overflow

Roll = npt.NDArray[np.float32]
_Event = tuple[int, float, float, float]  # row, start, end, confidence


@dataclass(frozen=True, eq=False)
class NoteEvents:
    """The notes of a recording, and the level of every pitch in every frame."""

    pitch: npt.NDArray[np.int64]  # MIDI numbers [N]
    start: npt.NDArray[np.float64]  # onsets in frames of `BANDS`, not whole [N]
    end: npt.NDArray[np.float64]  # offsets, likewise [N]
    confidence: npt.NDArray[np.float64]  # heights of the onsets' posteriors, 0 to 1 [N]
    strength_db: npt.NDArray[np.float64]  # highest level soon after the onset [N]
    level_db: Roll  # level in dB of the recording's mean power [88, L]
    tuning_cents: float = 0.0  # how far the recording's A lies above 440 Hz
    vibrato_cents: Roll | None = None  # what was taken out before they were detected [L]

    @property
    def n_notes(self) -> int:
        """How many notes."""
        return len(self.pitch)

    def chosen(
        self, which: npt.NDArray[np.integer | np.bool_], from_frame: float = 0.0
    ) -> "NoteEvents":
        """Some of the notes, in frames counted from another frame; levels stay as they are."""
        return replace(
            self,
            pitch=self.pitch[which],
            start=self.start[which] - from_frame,
            end=self.end[which] - from_frame,
            confidence=self.confidence[which],
            strength_db=self.strength_db[which],
        )

    def transposed(self, semitones: int) -> tuple["NoteEvents", npt.NDArray[np.int64]]:
        """The notes moved, without those that leave the keyboard, and which of them are left."""
        pitch = self.pitch + semitones
        on_keyboard = (pitch >= LOWEST_PITCH) & (pitch < LOWEST_PITCH + N_PITCHES)
        level = np.full_like(self.level_db, _SILENCE_DB)
        rows = np.arange(max(0, semitones), N_PITCHES + min(0, semitones))
        level[rows] = self.level_db[rows - semitones]
        left = self.chosen(on_keyboard)
        moved = replace(left, pitch=left.pitch + semitones, level_db=level)
        return moved, np.flatnonzero(on_keyboard)


@lru_cache(maxsize=4)  # of a content, a style, and of what was used before
def tuned_bands(tuning_cents: float) -> LogFrequency:
    """`BANDS` of a recording whose A lies off 440 Hz: its pitches look as if it did not."""
    return replace(BANDS, tuning_cents=tuning_cents) if tuning_cents else BANDS


def detect_notes(
    samples: Samples,
    weights: str = "listener",
    threshold: float | None = None,
    *,
    tuning_cents: float = 0.0,
) -> NoteEvents:
    """The notes of a sound [T] at the rate of `BANDS`, in order of pitch and time.

    `threshold` is the least height of an onset; the weights name the one that served best in
    validation.
    """
    model = load_model(weights, "listener")
    bands_db = tuned_bands(tuning_cents).level_db(samples)
    onset, activation, level_db = posteriors(bands_db, model.part(""))
    onset_threshold = float(model.about["threshold"]) if threshold is None else threshold
    events = decode_notes(onset, activation, level_db, onset_threshold)
    return replace(events, tuning_cents=tuning_cents)


def is_above_keyboard(bands_db: Roll) -> npt.NDArray[np.bool_]:
    """Frames [L] of bands [312, L] in which nothing sounds but one tone above the highest key."""
    first = 3 * N_PITCHES + 1  # the highest key's bins reach to the one before
    loudest = bands_db.argmax(axis=0)
    peak_db = bands_db.max(axis=0)
    beside = np.abs(np.arange(len(bands_db))[:, None] - loudest) > _TONE_BINS
    others_db = np.where(beside, bands_db, -np.inf).max(axis=0)
    alone = others_db < peak_db - _TONE_ABOVE_DB
    return np.asarray((loudest >= first) & (peak_db > _TONE_LEAST_DB) & alone)


def posteriors(bands_db: Roll, network: Any) -> tuple[Roll, ...]:
    """Posteriors of onsets and of activation, levels in dB, and any further posteriors, [88, L].

    `bands_db` [312, L] are as `LogFrequency.level_db` gives them; `network` turns bands
    [1, 312, L] into logits [1, K, 88, L].
    """
    onset, activation, level, *more = logits(bands_db, network)
    probabilities = [sigmoid(x) for x in (onset, activation, *more)]
    return *probabilities[:2], level * np.float32(LEVEL_SCALE_DB), *probabilities[2:]


def logits(bands_db: Roll, network: Any) -> npt.NDArray[np.float32]:
    """Outputs [K, 88, L] of a network for bands of any length, computed chunk by chunk."""
    bands = (np.maximum(bands_db, _FLOOR_DB) + _MIDDLE_DB) / np.float32(LEVEL_SCALE_DB)
    n_frames, chunks = bands.shape[1], []
    for at in range(0, n_frames, _CHUNK_FRAMES):
        first, last = max(0, at - _CONTEXT_FRAMES), at + _CHUNK_FRAMES + _CONTEXT_FRAMES
        chunk = network(np.ascontiguousarray(bands[None, :, first:last]))[0][0]
        chunks.append(chunk[:, :, at - first : at - first + _CHUNK_FRAMES])
    return np.concatenate(chunks, axis=2)


def sigmoid(x: Roll) -> Roll:
    """Logits as probabilities."""
    return (1 / (1 + np.exp(-np.clip(x, -_MAX_LOGIT, _MAX_LOGIT)))).astype(np.float32)


def decode_notes(
    onset: Roll, activation: Roll, level_db: Roll, threshold: float, *, soft_onsets: bool = True
) -> NoteEvents:
    """Note events from posteriors and levels of every pitch and frame, [88, L] each.

    Every onset that is confirmed (`confirm_onsets`) is a note, which ends where its pitch is active
    no more or has its next onset. With `soft_onsets`, so is every long activation without an onset.
    """
    rows, starts, heights = pick_onsets(onset, faintest(threshold))
    chosen = confirm_onsets(rows, starts, heights, activation, level_db, threshold)
    rows, starts, heights = rows[chosen], starts[chosen], heights[chosen]
    events: list[_Event] = []
    for row in range(onset.shape[0]):
        own = np.flatnonzero(rows == row)
        active = np.pad(activation[row] > _ACTIVATION_THRESHOLD, 1)
        changes = np.flatnonzero(np.diff(active.astype(np.int8)))
        runs = list(zip(changes[::2], changes[1::2], strict=True))
        begins = [*starts[own], np.inf]
        struck: list[_Event] = []
        for i, begin in enumerate(begins[:-1]):
            shortest = begin + _MIN_NOTE_FRAMES
            run_end = next(
                (b for a, b in runs if a <= begin + _EARLY_FRAMES and b > begin), shortest
            )
            end = min(max(float(run_end), shortest), begins[i + 1], onset.shape[1])
            struck.append((row, float(begin), end, float(heights[own[i]])))
        if soft_onsets:
            soft = _without_onset(row, onset[row], activation[row], runs, begins)
            struck = _join(struck, soft, level_db[row])
        events += struck
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


def _join(struck: list[_Event], soft: list[_Event], level_db: Roll) -> list[_Event]:
    """Notes of one pitch; those without an onset go on with what they follow, if hardly louder."""
    joined = list(struck)
    for row, begin, end, height in soft:
        earlier = [i for i, event in enumerate(joined) if event[1] < begin]
        last = max(earlier, key=lambda i: joined[i][1], default=None)
        if last is not None and begin - joined[last][2] < _JOIN_FRAMES:
            _, start, until, confidence = joined[last]
            before_db = level_db[max(0, int(until) - _END_FRAMES) : int(until) + 1]
            after_db = level_db[int(begin) : int(end) + 1][:_STRENGTH_FRAMES]
            gap_db = level_db[int(until) : int(begin) + 1]
            goes_on = after_db.max() - gap_db.min() <= _DIP_DB
            if goes_on and after_db.max() <= before_db.max() + _RISE_DB:
                joined[last] = (row, start, max(end, until), confidence)
                continue
        joined.append((row, begin, end, height))
    return joined


def _without_onset(
    row: int, onset: Roll, activation: Roll, runs: list[tuple[Any, Any]], begins: list[Any]
) -> list[tuple[int, float, float, float]]:
    """Events of a pitch that begin with an activation: row, start, end, confidence."""
    events = []
    for first, last in runs:
        end = next((x for x in begins if first - _EARLY_FRAMES <= x < last), last)
        alone = activation[first : int(np.ceil(end))]
        if len(alone) >= _MIN_ACTIVE_FRAMES and alone.max() > _SURE_ACTIVATION:
            near = onset[max(0, first - _ONSET_CONTEXT_FRAMES) : first + _ONSET_CONTEXT_FRAMES + 1]
            events.append((row, float(first), float(end), float(near.max())))
    return events


def pick_onsets(onset: Roll, threshold: float) -> tuple[Any, Any, Any]:
    """Peaks of onset posteriors [88, L]: rows, frames (not whole) and heights, in that order.

    Kong et al. 2021, eq. 5: near an onset the target falls evenly to both sides, so that three
    values place its peak.
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
