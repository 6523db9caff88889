"""Evidence of pitch: how much of a sound lies at the notes that were detected in it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# The power at the notes of 61 recordings of music is 0.64 of all or more, of 11 recordings of drums
# (five kits of two fonts) and of noise 0.27 or less; of a tutti with cymbals 0.1. Detected notes of
# drums are few and short: they fill 5 % of the time and last 0.26 s at most, those of the tutti
# fill 30 % and last 0.56 s.
_MIN_SHARE, _MIN_COVERED, _MIN_LONGEST_S = 0.3, 0.25, 0.4
# Below, half of a content's power is something else than the notes that were detected.
_MIXED_SHARE = 0.5
N_MIDI = 128


@dataclass(frozen=True)
class PitchEvidence:
    """Notes of a sound against all of it; that of several stretches is their sum.

    Parameters
    ----------
    energy : float
        Sum of squares of all samples.
    energy_at_notes : float
        What of it lies at the partials of the notes detected.
    n_frames, n_covered : float
        Frames, and those in which a note sounds.
    longest_s : float
        Seconds that the longest note lasts.
    frames_of_pitch : numpy.ndarray
        Frames in which each MIDI number sounds [128].

    Examples
    --------
    >>> drums = PitchEvidence(1.0, 0.1, 100, 4, 0.05)
    >>> drums.is_pitched, (drums + PitchEvidence(1.0, 0.9, 100, 90, 0.5)).is_pitched
    (False, True)
    """

    energy: float = 0.0
    energy_at_notes: float = 0.0
    n_frames: float = 0.0
    n_covered: float = 0.0
    longest_s: float = 0.0
    frames_of_pitch: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(N_MIDI))

    def __add__(self, other: "PitchEvidence") -> "PitchEvidence":
        """Evidence of two stretches together."""
        return PitchEvidence(
            self.energy + other.energy,
            self.energy_at_notes + other.energy_at_notes,
            self.n_frames + other.n_frames,
            self.n_covered + other.n_covered,
            max(self.longest_s, other.longest_s),
            self.frames_of_pitch + other.frames_of_pitch,
        )

    @property
    def share(self) -> float:
        """Share of the power that lies at notes, 0 to 1."""
        return self.energy_at_notes / self.energy if self.energy else 0.0

    @property
    def median_pitch(self) -> float:
        """The MIDI number above and below which notes sound as long; NaN without any."""
        total = np.cumsum(self.frames_of_pitch)
        return float(np.searchsorted(total, total[-1] / 2)) if total[-1] > 0 else np.nan

    @property
    def pitch_classes(self) -> npt.NDArray[np.float64]:
        """Frames in which each pitch class sounds, from C [12]."""
        pad = -N_MIDI % 12
        return np.asarray(np.pad(self.frames_of_pitch, (0, pad)).reshape(-1, 12).sum(axis=0))

    @property
    def is_pitched(self) -> bool:
        """Whether there are notes in it: no, for drums, noise and clicks."""
        return (
            self.share >= _MIN_SHARE
            or self.n_covered >= _MIN_COVERED * max(1.0, self.n_frames)
            or self.longest_s >= _MIN_LONGEST_S
        )

    @property
    def is_mixed(self) -> bool:
        """Whether most of it is something else than its notes."""
        return self.share < _MIXED_SHARE
