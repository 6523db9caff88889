"""Note frames: single moments of notes, and the features by which two of them are compared.

The partials and the noise of a style's note frames are measured (`analysis`); those of a content's
note frames are predicted (`predictor`). The predictor's attention compares them by their features.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.audio.log_frequency import midi_to_hz
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, N_PITCHES, NoteEvents
from cambiata.score.midi import Note, Part
from cambiata.score.piano_roll import split_at_keyboard

# The numbers of this block are part of what the shipped networks learnt (oneshot, player,
# translation): with any other value they must be trained anew.
# Of pitches up to F#4 all 48 partials lie below HIGHEST_HZ; 24 bands of noise from 60 Hz on are a
# third of an octave wide each. Both numbers were chosen by hand.
N_PARTIALS, N_NOISE = 48, 24
NOISE_HZ: npt.NDArray[np.float64] = np.geomspace(60, 18000, N_NOISE + 1)
NOISE_CENTRES_HZ = np.sqrt(NOISE_HZ[1:] * NOISE_HZ[:-1])
HIGHEST_HZ = 18000.0  # above, lossy recordings hold nothing and few people hear anything
# After its offset a note may ring for a second; two frames before its onset the window of analysis
# (four hops long) begins to see it.
RELEASE_S, LEAD_FRAMES = 1.0, 2
# The main lobe of a Hann window of 4096 samples (93 ms) is 43 Hz wide: harmonics of pitches down to
# F1 lie apart. A longer one would smear attacks further.
WINDOW, HOP = 4096, BANDS.hop_length
BIN_HZ = BANDS.sample_rate / WINDOW
# A slur joins a note to what ends within 4 frames (93 ms) of its onset, of the 8 notes before it.
_SLUR_FRAMES, _SLUR_NOTES = 4.0, 8
FLOOR_DB = -100.0  # level of a partial that is not there

# Inharmonicity grows with pitch, twofold in 7.5 semitones, as it does on the plain strings of all
# pianos (Rigaud et al. 2013: exp(.0926) a semitone); it is given for middle C. The shipped networks
# learnt with 10 semitones, which differs within an octave of it by less than the steps that were
# then told apart.
INHARMONICITY_PITCH, INHARMONICITY_SEMITONES = 60, 7.5
# 40 dB a decade of velocity is SoundFont 2's curve; velocity 80, mezzo-forte, is 0 dB.
_VELOCITY_0_DB, _DB_PER_VELOCITY_DECADE = 80, 40

FEATURES = (
    "pitch",
    "pitch_distance",
    "log_age",
    "age_20ms",
    "age_80ms",
    "age_300ms",
    "age_1200ms",
    "released",
    "log_release",
    "release_50ms",
    "release_300ms",
    "log_duration",
    "strength",
    "relative_strength",
    "level",
    "confidence",
    "lead",
    "long_duration",
)
N_FEATURES = len(FEATURES)
RELEASED = FEATURES.index("released")
_RELATIVE_STRENGTH = FEATURES.index("relative_strength")
_LEVEL = FEATURES.index("level")
_LOG_RELEASE = FEATURES.index("log_release")
_RELEASE_UNIT_S, _RELEASE_SCALE = 0.03, 4
_MIDDLE_PITCH, _PITCH_SCALE = 64, 24
_LOG_AGE, _LEAD = FEATURES.index("log_age"), FEATURES.index("lead")
_AGE_UNIT_S, _AGE_SCALE, _LEAD_SCALE = 0.02, 4, 20

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NoteFrames:
    """Single moments of notes."""

    note: npt.NDArray[np.int64]  # index of the note [M]
    frame: npt.NDArray[np.float64]  # the moment in frames of `BANDS`, maybe between two [M]
    pitch: npt.NDArray[np.int64]  # MIDI number [M]
    age_s: npt.NDArray[np.float64]  # seconds since the note's onset, negative before it [M]
    strength_db: npt.NDArray[np.float64]  # strength of the note [M]
    features: Array  # [M, N_FEATURES]
    tuning_cents: float = 0.0  # of the recording

    @property
    def tuned_pitch(self) -> npt.NDArray[Any]:
        """MIDI numbers as the recording is tuned, whole ones where its A is 440 Hz [M]."""
        return self.pitch + self.tuning_cents / 100 if self.tuning_cents else self.pitch

    @property
    def released_s(self) -> npt.NDArray[np.float64]:
        """Seconds since the note's offset, 0 before it [M]."""
        scaled = self.features[:, _LOG_RELEASE].astype(np.float64)
        return np.asarray(_RELEASE_UNIT_S * np.expm1(_RELEASE_SCALE * scaled))

    def __len__(self) -> int:
        return len(self.note)

    def __getitem__(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "NoteFrames":
        """Some of them."""
        return NoteFrames(
            self.note[chosen],
            self.frame[chosen],
            self.pitch[chosen],
            self.age_s[chosen],
            self.strength_db[chosen],
            self.features[chosen],
            self.tuning_cents,
        )


def last_frames(events: NoteEvents, n_frames: int) -> npt.NDArray[np.float64]:
    """Frame in which each note has died away [N]: after its release, or at its pitch's next onset.

    `events` are in order of pitch and time.
    """
    last = np.minimum(events.end + RELEASE_S / BANDS.frame_s, n_frames)
    same = np.flatnonzero(events.pitch[1:] == events.pitch[:-1])
    last[same] = np.minimum(last[same], np.maximum(events.start[same + 1], events.end[same]))
    return last


def note_frames(events: NoteEvents, n_frames: int, per_frame: int = 1) -> NoteFrames:
    """All moments of all notes on one grid, in order of note and time.

    `per_frame` moments lie in each frame of `BANDS`.
    """
    last = last_frames(events, n_frames)
    first = np.maximum(0, np.ceil((events.start - LEAD_FRAMES) * per_frame)).astype(np.int64)
    stop = np.minimum(np.ceil(last * per_frame), n_frames * per_frame).astype(np.int64)
    counts = np.maximum(stop - first, 0)
    note = np.repeat(np.arange(events.n_notes), counts)
    offset = np.repeat(first - (np.cumsum(counts) - counts), counts)
    frame = (np.arange(len(note)) + offset) / per_frame
    return describe_frames(events, note, frame)


def describe_frames(
    events: NoteEvents, note: npt.NDArray[np.int64], frame: npt.NDArray[np.float64]
) -> NoteFrames:
    """Moments `frame` [M] of the notes `note` [M], with their features."""
    if not events.n_notes:
        none = np.zeros(0)
        index = none.astype(np.int64)
        return NoteFrames(index, none, index, none, none, np.zeros((0, N_FEATURES), np.float32))
    pitch = events.pitch[note]
    age_s = (frame - events.start[note]) * BANDS.frame_s
    released_s = (frame - events.end[note]) * BANDS.frame_s
    duration_s = (events.end - events.start)[note] * BANDS.frame_s
    strength = events.strength_db[note]
    at = np.clip(np.round(frame), 0, events.level_db.shape[1] - 1).astype(np.int64)
    level = events.level_db[pitch - LOWEST_PITCH, at] - strength
    age, release = np.maximum(age_s, 0), np.maximum(released_s, 0)
    if events.slurred is not None:
        # A slurred note has no attack: it is as old as what it is joined to.
        age = np.where(age_s >= 0, age + slurred_for_s(events)[note], age)
    # Scaled so that common values lie within about -2 and 2, where a network's first layer learns
    # well. The scalings were chosen by hand and never compared; the shipped networks learnt with
    # them, so that after a change of any of them all three must be trained anew.
    columns = [
        # The middle of the keyboard (E4) is 0, two octaves are 1.
        (pitch - _MIDDLE_PITCH) / _PITCH_SCALE,
        np.abs(pitch - _MIDDLE_PITCH) / _PITCH_SCALE,
        # A logarithm for long times, from 20 ms (one frame) on: 1 s is 0.98.
        np.log1p(age / _AGE_UNIT_S) / _AGE_SCALE,
        # What decays within an attack, a pluck, a struck note, and a string that rings.
        np.exp(-age / 0.02),
        np.exp(-age / 0.08),
        np.exp(-age / 0.3),
        np.exp(-age / 1.2),
        released_s >= 0,
        # The same of the time since the offset: dampers act within 50 ms, rooms within 300.
        np.log1p(release / _RELEASE_UNIT_S) / _RELEASE_SCALE,
        np.exp(-release / 0.05),
        np.exp(-release / 0.3),
        # Notes of 0.3 s are 0, of 2.2 s are 1.
        np.log(np.maximum(duration_s, 0.02) / 0.3) / 2,
        # 20 dB are 1, of the sound's mean power and of its own notes' median.
        strength / 20,
        (strength - np.median(events.strength_db)) / 20,
        # How far the pitch has decayed from its strength: below -60 dB all is silence.
        np.clip(level / 20, -3, 1),
        events.confidence[note],
        # 50 ms before the onset (the lead is 46 ms at most) are -1.
        np.minimum(age_s, 0) * _LEAD_SCALE,
        # Duration again: here notes of seconds differ most, above those of tenths.
        np.log1p(duration_s),
    ]
    features = np.stack(columns, axis=1).astype(np.float32)
    return NoteFrames(note, frame, pitch, age_s, strength, features, events.tuning_cents)


def pitch_of_features(features: Array) -> npt.NDArray[np.float64]:
    """MIDI numbers of note frames of which the features [M, N_FEATURES] are known, [M]."""
    scaled = features[:, FEATURES.index("pitch")].astype(np.float64)
    return np.asarray(_PITCH_SCALE * scaled + _MIDDLE_PITCH)


def age_of_features(features: Array) -> npt.NDArray[np.float64]:
    """Ages in seconds of note frames of which the features [M, N_FEATURES] are known, [M]."""
    scaled = features.astype(np.float64)
    after_s = _AGE_UNIT_S * np.expm1(_AGE_SCALE * scaled[:, _LOG_AGE])
    return np.asarray(after_s + scaled[:, _LEAD] / _LEAD_SCALE)


def slurred_for_s(events: NoteEvents) -> npt.NDArray[np.float64]:
    """For how long what each note is joined to has sounded [N]; 0 where it is struck."""
    joined = np.zeros(events.n_notes)
    if events.slurred is None:
        return joined
    order = np.argsort(events.start, kind="stable")
    for place, i in enumerate(order):
        if not events.slurred[i]:
            continue
        earlier = order[max(0, place - _SLUR_NOTES) : place]
        apart = np.abs(events.end[earlier] - events.start[i])
        if len(earlier) and apart.min() <= _SLUR_FRAMES:
            before = earlier[int(apart.argmin())]
            lasted_s = (events.start[i] - events.start[before]) * BANDS.frame_s
            joined[i] = joined[before] + lasted_s
    return joined


def keyboard_notes(part: Part) -> list[Note]:
    """The notes of a part that a piano has, in order of pitch and time."""
    return sorted(split_at_keyboard(part)[0].notes, key=lambda n: (n.pitch, n.start_s))


def events_from_part(part: Part) -> NoteEvents:
    """The notes of a score, as a listener that misses nothing would detect them."""
    pedalled = split_at_keyboard(part.with_pedal())[0]
    notes = keyboard_notes(pedalled)
    columns = [(n.pitch, n.start_s, n.end_s, n.velocity) for n in notes]
    pitch, start_s, end_s, velocity = np.array(columns, np.float64).reshape(-1, 4).T
    strength = _DB_PER_VELOCITY_DECADE * np.log10(np.maximum(velocity, 1) / _VELOCITY_0_DB)
    # Strengths are relative to the mean power. Long notes decay: after a second they add nothing.
    power = float((10 ** (strength / 10) * np.minimum(end_s - start_s, 1.0)).sum())
    strength = strength - 10 * np.log10(max(power, 1e-9) / max(pedalled.sounding_s, 1e-9))
    return NoteEvents(
        pitch.astype(np.int64),
        start_s / BANDS.frame_s,
        end_s / BANDS.frame_s,
        np.ones(len(notes)),
        strength,
        np.zeros((N_PITCHES, 1), np.float32),
        part.tuning_cents,
    )


def score_note_frames(
    events: NoteEvents, n_frames: int, per_frame: int = 1, middle_db: float | None = None
) -> NoteFrames:
    """All moments of a score's notes; the level, which only a recording has, stays 0.

    `middle_db` is the median strength of the whole score where `events` are a stretch of it.
    """
    frames = note_frames(events, n_frames, per_frame)
    frames.features[:, _LEVEL] = 0
    if middle_db is not None:
        frames.features[:, _RELATIVE_STRENGTH] = (frames.strength_db - middle_db) / 20
    return frames


def partial_hz(
    pitch: npt.NDArray[np.int64] | npt.NDArray[np.float64], inharmonicity: float
) -> npt.NDArray[np.float64]:
    """Frequencies of the partials of pitches [M], [M, N_PARTIALS].

    Those of a stiff string (Fletcher 1964): ``f_h = h f_1 sqrt((1 + B h^2) / (1 + B))``.
    """
    h = np.arange(1, N_PARTIALS + 1)
    b = inharmonicity_at(pitch, inharmonicity)[:, None]
    ratio = h * np.sqrt((1 + b * h**2) / (1 + b))
    return np.asarray(midi_to_hz(pitch)[:, None] * ratio)


def inharmonicity_at(
    pitch: npt.NDArray[np.int64] | npt.NDArray[np.float64], inharmonicity: float
) -> npt.NDArray[np.float64]:
    """Inharmonicity of the strings of pitches [M], of that of middle C."""
    doublings = (np.asarray(pitch, np.float64) - INHARMONICITY_PITCH) / INHARMONICITY_SEMITONES
    return np.asarray(inharmonicity * 2**doublings)


def coverage(age_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the (Hann) analysis window's weight that lies after a note's onset."""
    x = np.clip(age_s * BANDS.sample_rate / WINDOW, -0.5, 0.5)
    return np.asarray(np.clip(0.5 + x + np.sin(2 * np.pi * x) / (2 * np.pi), 0, 1))
