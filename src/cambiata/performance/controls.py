"""A score's notes with what bends them and makes them louder, moment by moment."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.partials.note_frames import NoteFrames, events_from_part, keyboard_notes
from cambiata.partials.posteriors import BANDS, NoteEvents
from cambiata.score.midi import Controls, Part

# A fade is drawn as straight lines of so many samples (5.8 ms): what changes in steps, as
# controllers do, does not click.
_FADE_SAMPLES = 256
_CENTS = 100.0
_INSTANT = 1e-6  # frames: more than rounding, far less than a tick


@dataclass(frozen=True, eq=False)
class ControlledNotes:
    """Notes, and the controls of each."""

    events: NoteEvents
    channel: npt.NDArray[np.int64]  # index of each note's controls [N]
    controls: tuple[Controls, ...]

    @classmethod
    def of(cls, part: Part) -> "ControlledNotes":
        """Those of a part without a pedal."""
        channel = [note.channel for note in keyboard_notes(part)]
        return cls(events_from_part(part), np.array(channel, np.int64), part.controls)

    def deviation_cents(
        self, chosen: npt.NDArray[np.int64], first: int, n_frames: int
    ) -> npt.NDArray[np.float32]:
        """How far some notes are off their pitch in the frames from `first` on [N, L].

        A note has the bend that it begins with before its onset, and when it has been let go the
        last one: what a player bends back for the next note does not move what rings.
        """
        cents = np.full((len(chosen), n_frames), self.events.tuning_cents, np.float32)
        frames = first + np.arange(n_frames)
        for index, controls in enumerate(self.controls):
            rows = np.flatnonzero(self.channel[chosen] == index)
            if not (controls.bend and len(rows)):
                continue
            start, end = self.events.start[chosen[rows]], self.events.end[chosen[rows]]
            # A bend at a note's onset is its own, one where it ends is not.
            at = np.clip(frames, start[:, None] + _INSTANT, end[:, None] - _INSTANT)
            times_s = np.asarray(at * BANDS.frame_s, np.float64)
            cents[rows] += _CENTS * controls.bend_semitones(times_s)
        return cents

    def level_db(
        self, chosen: npt.NDArray[np.int64], first: int, frames: NoteFrames
    ) -> npt.NDArray[np.float64] | None:
        """Level of note frames [Q] where channels differ; None where all are alike (`faded`)."""
        if self._common is not None or not self.controls:
            return None
        level = np.zeros(len(frames))
        times_s = (first + frames.frame) * BANDS.frame_s
        channel = self.channel[chosen][frames.note]
        for index, controls in enumerate(self.controls):
            own = np.flatnonzero(channel == index)
            level[own] = controls.level_db(times_s[own])
        return level

    def faded(self, sound: Samples, start: int) -> Samples:
        """A stretch from sample `start` on [T] at the level that all channels have."""
        if self._common is None or not (self._common.volume or self._common.expression):
            return sound
        at = np.arange(0, len(sound) + _FADE_SAMPLES, _FADE_SAMPLES)
        level_db = self._common.level_db((start + at) / BANDS.sample_rate)
        gain = np.interp(np.arange(len(sound)), at, 10 ** (level_db / 20))
        return sound * gain.astype(np.float32)

    @property
    def _common(self) -> Controls | None:
        """Controls whose volume and expression are those of every note."""
        used = [self.controls[i] for i in np.unique(self.channel)] if self.controls else []
        alike = len({(each.volume, each.expression) for each in used}) == 1
        return used[0] if alike else None
