"""What a network might say of known notes: rolls that are drawn, for tests of what reads them."""

from collections.abc import Sequence

import numpy as np

from cambiata.partials.posteriors import BANDS, ONSET_REACH_FRAMES, Heard

SILENT_DB = -60.0


class Rolls:
    """Rolls [88, L] of notes that are drawn into them; nothing sounds in the others."""

    def __init__(self, n_frames: int) -> None:
        self.onset, self.active, self.offset = np.zeros((3, 88, n_frames), np.float32)
        self.cents, self.slurred = np.zeros((2, 88, n_frames), np.float32)
        self.level = np.full((88, n_frames), SILENT_DB, np.float32)

    def sounds(
        self, row: int, first: int, last: int, level_db: float = 0.0, active: float = 0.95
    ) -> None:
        """A pitch that is active from one frame to another."""
        self.active[row, first:last] = active
        self.level[row, first:last] = level_db

    def begins(self, row: int, at: float, height: float = 0.9) -> None:
        """An onset, which falls to both sides as those do that the network learns from."""
        self.onset[row] = np.maximum(self.onset[row], height * self._peak(at))

    def ends(self, row: int, at: float, height: float = 0.5) -> None:
        """An offset, likewise."""
        self.offset[row] = np.maximum(self.offset[row], height * self._peak(at))

    def heard(self) -> Heard:
        """All of it."""
        return Heard(
            self.onset, self.active, self.offset, self.level, 100 * self.cents, self.slurred
        )

    def _peak(self, at: float) -> np.ndarray:
        frames = np.arange(self.onset.shape[1])
        return np.maximum(0, 1 - np.abs(frames - at) / ONSET_REACH_FRAMES)


def heard_of(rows: Sequence[Sequence[float]], level_db: np.ndarray) -> Heard:
    """What a network that misses nothing says of notes: start and end in s, pitch, velocity."""
    rolls = Rolls(level_db.shape[1])
    for start_s, end_s, pitch, _ in rows:
        start, end = start_s / BANDS.frame_s, end_s / BANDS.frame_s
        rolls.begins(int(pitch) - 21, start, 1.0)
        first, last = int(np.ceil(start - 0.5)), int(np.floor(end + 0.5)) + 1
        rolls.active[int(pitch) - 21, first:last] = 1
    rolls.level = level_db
    return rolls.heard()
