"""Velocities of notes by their levels, relative to the recording's loud notes, and their register.

How hard a recording was played on the whole cannot be heard in it: its level depends on the room
and the knob. So the mean of what is usual is written, and what is found are the differences.
"""

import numpy as np
import numpy.typing as npt

from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.score.piano_roll import MAX_VELOCITY
from cambiata.transcription.onset_events import CHORD_S

Array = npt.NDArray[np.float64]

# Velocity of a dB below the recording's loud notes, of a dB that its notes get louder by their
# pitch, of an octave above middle C, of the logarithm of how many notes are struck together, and a
# constant. Least squares, a recording weighing by the root of its notes, over 188 renders of
# phrases with velocities of 30 to 120 by 32 General MIDI programs of three training fonts. On 57
# renders of 10 further programs the mean error is 21.2 of 127 (22.2 for a constant, 22.4 for the
# network's own velocities), and 6.1 where the recording's mean is given (7.2 and 6.8).
_PER_DB, _PER_TREND_DB, _PER_OCTAVE, _PER_CHORD, _LOUD = 4.33, -5.93, -1.55, 5.71, 87.7
_LOUD_SHARE = 0.9  # quantile of the levels that is a loud note's
_LOWEST_DB = -30.0  # below the loud notes: what lies lower is a ghost or noise
_MIDDLE_C, _OCTAVE = 60, 12
# The trend of levels over pitch is pulled to none, as if 30 more semitones squared were known.
_PULL = 30.0


def velocities(events: NoteEvents) -> npt.NDArray[np.int64]:
    """Velocity of each note [N], 1 to 127."""
    if not events.n_notes:
        return np.zeros(0, np.int64)
    level_db = events.strength_db
    below_db = np.maximum(level_db - np.quantile(level_db, _LOUD_SHARE), _LOWEST_DB)
    beside = events.pitch - events.pitch.mean()
    slope = (beside * (level_db - level_db.mean())).mean() / ((beside**2).mean() + _PULL)
    velocity = (
        _LOUD
        + _PER_DB * below_db
        + _PER_TREND_DB * slope * beside
        + _PER_OCTAVE * (events.pitch - _MIDDLE_C) / _OCTAVE
        + _PER_CHORD * np.log(_struck_together(events.start * BANDS.frame_s))
    )
    return np.asarray(np.clip(np.round(velocity), 1, MAX_VELOCITY), np.int64)


def _struck_together(start_s: Array) -> npt.NDArray[np.int64]:
    """How many notes begin when each does, itself among them [N]."""
    ordered = np.sort(start_s)
    first = np.searchsorted(ordered, start_s - CHORD_S, side="right")
    return np.asarray(np.searchsorted(ordered, start_s + CHORD_S) - first)
