"""Note detection: what the network says of every pitch and frame, and note events of that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.partials.bent_notes import with_bends
from cambiata.partials.note_bands import PITCH_BANDS, note_bands_db
from cambiata.weights import load_model

# Their frames are those of all note models; with other bands these must be trained anew.
BANDS = PITCH_BANDS
LOWEST_PITCH, N_PITCHES = 21, 88  # a piano's keys, A0 to C8
# Levels of -80 to 0 dB become -2 to 2, and predicted levels come back in the same unit.
LEVEL_SCALE_DB = 20.0
FLOOR_DB, MIDDLE_DB = -80, 40
# The training target of an onset falls to 0 over 2.5 frames (58 ms) at either side, as in Kong et
# al. 2021 (J = 5), so that its peak can be placed between frames.
ONSET_REACH_FRAMES = 2.5

# A frame is active from one half on. Activation for 8 frames (186 ms) that reaches 0.9 is a note
# where the onset's posterior reaches 0.2, half of what a note needs by itself: a slow attack. With
# 5 frames, 0.7 and no such bound, clips that no test set has lost .01 of onset F1.
_ACTIVATION_THRESHOLD = 0.5
_MIN_ACTIVE_FRAMES, _SURE_ACTIVATION, _LEAST_ONSET = 8, 0.9, 0.2
# What begins so within 12 frames (0.28 s) of the end of its pitch's last note, at most 3 dB louder
# than that was in its last 4 frames and 8 dB above what lies between, is the same note: of 515 such
# (of any dip), in clips that no test set has, 66 were notes of their own.
_JOIN_FRAMES, _END_FRAMES, _RISE_DB, _DIP_DB = 12, 4, 3.0, 8.0
# A ghost begins within two frames of a note an octave, a twelfth or two octaves below and is active
# by less than 0.7 on average: of 101 such, in clips that no test set has, 32 were notes. Of those
# higher, fifth to eighth partials, 72 of 79 were; but beside one lower note alone, and active by
# less than 0.78, one of four.
_GHOST_SEMITONES, _GHOST_FRAMES, _GHOST_ACTIVE = (12, 19, 24), 2.0, 0.7
_HIGH_GHOST_SEMITONES, _HIGH_GHOST_ACTIVE = (28, 31, 34, 36), 0.78
_EARLY_FRAMES = 3  # an onset may come so long before the activation that it belongs to
_MIN_NOTE_FRAMES = 2
# A tone alone: within 30 dB of the recording's mean power, and nothing that is not within four
# semitones of it comes within 20 dB. Cymbals and hiss are wider, music has more below.
_TONE_BINS, _TONE_ABOVE_DB, _TONE_LEAST_DB = 12, 20.0, -30.0
_ONSET_CONTEXT_FRAMES = 2  # an onset is looked for so far around where the activation begins
# The strength of a note is its highest level within 0.28 s, when even slow attacks are over.
_STRENGTH_FRAMES = 12
_SILENCE_DB = -60.0
# A note's end moves to the highest posterior of an offset within 4 frames (93 ms), where that
# reaches 0.15: offsets are never as sure as onsets. Chosen by hand.
_OFFSET_REACH_FRAMES, _OFFSET_THRESHOLD = 4, 0.15
_SLURRED = 0.5  # posterior from which a note is joined to the one before
_CENTS = 100.0  # the network gives deviations in semitones
# Bounded memory: 24 s at a time, with 2.2 s around it. That is more than the convolutions see (five
# blocks, dilations 1 to 16): 39 frames to either side, or 84 into the past where they are causal.
_CHUNK_FRAMES, _CONTEXT_FRAMES = 1024, 96
_MAX_LOGIT = 30  # beyond, the sigmoid is 0 or 1 in float32 and exp would overflow

Roll = npt.NDArray[np.float32]
_Event = tuple[int, float, float, float]  # row, start, end, confidence


@dataclass(frozen=True, eq=False)
class Heard:
    """What the network says of every pitch and frame, [88, L] each."""

    onset: Roll  # posterior
    active: Roll  # posterior
    offset: Roll  # posterior
    level_db: Roll  # of the recording's mean power
    deviation_cents: Roll  # from the pitch, where one is active
    slurred: Roll  # posterior, near onsets: joined to the note before

    @property
    def rolls(self) -> tuple[Roll, ...]:
        """All of them, in order."""
        heads = (self.onset, self.active, self.offset, self.level_db)
        return (*heads, self.deviation_cents, self.slurred)

    def frames(self, chosen: slice) -> "Heard":
        """Some of the frames."""
        return Heard(*(roll[:, chosen] for roll in self.rolls))

    @classmethod
    def joined(cls, parts: Sequence["Heard"]) -> "Heard":
        """Stretches one after another."""
        rolls = zip(*(part.rolls for part in parts), strict=True)
        return cls(*(np.concatenate(each, axis=1) for each in rolls))


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
    deviation_cents: Roll | None = None  # of every pitch from its own, where it sounds [88, L]
    slurred: npt.NDArray[np.bool_] | None = None  # joined to the note before [N]

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
            slurred=None if self.slurred is None else self.slurred[which],
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
        if self.deviation_cents is not None:
            cents = np.zeros_like(self.deviation_cents)
            cents[rows] = self.deviation_cents[rows - semitones]
            moved = replace(moved, deviation_cents=cents)
        return moved, np.flatnonzero(on_keyboard)


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
    heard = hear(note_bands_db(samples, tuning_cents), model.part(""))
    onset_threshold = float(model.about["threshold"]) if threshold is None else threshold
    return replace(decode_notes(heard, onset_threshold), tuning_cents=tuning_cents)


def is_above_keyboard(bands_db: Roll) -> npt.NDArray[np.bool_]:
    """Frames [L] of bands [312, L] in which nothing sounds but one tone above the highest key."""
    first = 3 * N_PITCHES + 1  # the highest key's bins reach to the one before
    loudest = bands_db.argmax(axis=0)
    peak_db = bands_db.max(axis=0)
    beside = np.abs(np.arange(len(bands_db))[:, None] - loudest) > _TONE_BINS
    others_db = np.where(beside, bands_db, -np.inf).max(axis=0)
    alone = others_db < peak_db - _TONE_ABOVE_DB
    return np.asarray((loudest >= first) & (peak_db > _TONE_LEAST_DB) & alone)


def hear(bands_db: Roll, network: Any) -> Heard:
    """What a network says of bands [520, L] as `note_bands_db` gives them.

    `network` turns scaled bands [1, 520, L] into outputs [1, 6, 88, L].
    """
    onset, active, offset, level, deviation, slurred = logits(bands_db, network)
    return Heard(
        sigmoid(onset),
        sigmoid(active),
        sigmoid(offset),
        level * np.float32(LEVEL_SCALE_DB),
        deviation * np.float32(_CENTS),
        sigmoid(slurred),
    )


def logits(bands_db: Roll, network: Any) -> npt.NDArray[np.float32]:
    """Outputs [K, 88, L] of a network for bands of any length, computed chunk by chunk."""
    bands = (np.maximum(bands_db, FLOOR_DB) + MIDDLE_DB) / np.float32(LEVEL_SCALE_DB)
    n_frames, chunks = bands.shape[1], []
    for at in range(0, n_frames, _CHUNK_FRAMES):
        first, last = max(0, at - _CONTEXT_FRAMES), at + _CHUNK_FRAMES + _CONTEXT_FRAMES
        chunk = network(np.ascontiguousarray(bands[None, :, first:last]))[0][0]
        chunks.append(chunk[:, :, at - first : at - first + _CHUNK_FRAMES])
    return np.concatenate(chunks, axis=2)


def sigmoid(x: Roll) -> Roll:
    """Logits as probabilities."""
    return (1 / (1 + np.exp(-np.clip(x, -_MAX_LOGIT, _MAX_LOGIT)))).astype(np.float32)


def decode_notes(heard: Heard, threshold: float, *, soft_onsets: bool = True) -> NoteEvents:
    """Note events of what the network said.

    Every peak of the onsets is a note, which ends where its pitch is active no more or has its next
    onset. With `soft_onsets`, so is every long activation with half an onset.
    """
    onset, activation, level_db = heard.onset, heard.active, heard.level_db
    rows, starts, heights = pick_onsets(onset, threshold)
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
    events.sort(key=lambda event: event[1])
    ghosts = _ghosts(events, activation)
    kept = [event for event, ghost in zip(events, ghosts, strict=True) if not ghost]
    longer, cents = with_bends(sorted(kept), activation, heard.deviation_cents)
    return _as_events(longer, replace(heard, deviation_cents=cents))


def _ghosts(events: list[_Event], activation: Roll) -> Iterator[bool]:
    """Of events in order of time: which are partials of lower ones, and hardly active."""
    rows = np.array([event[0] for event in events], np.int64)
    starts = np.array([event[1] for event in events], np.float64)
    for row, begin, end, _ in events:
        first, last = np.searchsorted(starts, (begin - _GHOST_FRAMES, begin + _GHOST_FRAMES))
        above = row - rows[first:last]
        mean = activation[row, int(begin) : int(end) + 1].mean()
        low = np.isin(above, _GHOST_SEMITONES).any() and mean < _GHOST_ACTIVE
        # Two of them: the note itself is among those that begin near it.
        alone = len(above) == 2 and np.isin(above, _HIGH_GHOST_SEMITONES).any()
        yield bool(low or (alone and mean < _HIGH_GHOST_ACTIVE))


def _as_events(events: list[_Event], heard: Heard) -> NoteEvents:
    """Events in order of row and time, with all that is known of each."""
    level_db = heard.level_db
    last = level_db.shape[1] - 1
    strength = [
        level_db[row, int(begin) : max(int(begin) + 1, int(min(end + 1, begin + _STRENGTH_FRAMES)))]
        for row, begin, end, _ in events
    ]
    ends = [_refine_offset(heard.offset[row], begin, end) for row, begin, end, _ in events]
    slurred = [
        bool(heard.slurred[row, min(round(begin), last)] > _SLURRED) for row, begin, _, _ in events
    ]
    columns = np.array(events, np.float64).reshape(-1, 4)
    return NoteEvents(
        columns[:, 0].astype(np.int64) + LOWEST_PITCH,
        columns[:, 1],
        np.array(ends, np.float64),
        columns[:, 3],
        np.array([float(x.max()) for x in strength], np.float64),
        level_db,
        deviation_cents=heard.deviation_cents,
        slurred=np.array(slurred, bool),
    )


def _refine_offset(offset: Roll, start: float, end: float) -> float:
    """A note's end in frames, moved to the peak of the offsets' posterior [L] near it."""
    first = max(int(start) + 2, int(end) - _OFFSET_REACH_FRAMES)
    near = offset[first : int(end) + _OFFSET_REACH_FRAMES + 1]
    if not len(near) or near.max() < _OFFSET_THRESHOLD:
        return end
    at = int(near.argmax())
    # The centre of the peak and its neighbours lies between frames.
    around = near[max(0, at - 1) : at + 2]
    places = np.arange(max(0, at - 1), max(0, at - 1) + len(around))
    return first + float(places @ around / around.sum())


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
            if near.max() > _LEAST_ONSET:
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
