"""Which peaks of the onsets' posterior are notes: a string that rings on, a key that is repeated.

The network gives each pitch's onset by itself. Beside a louder onset of another pitch, a string
that rings on under the pedal seems to be struck again; and a key that is struck ten times a second
has onsets that are lower than those of single notes. What lies around them tells both.

All numbers were chosen on 343 clips of 8 s that no test set has: phrases, chords of four to seven
notes, repeats of 5 to 12 a second, pianos with pedal; by two training fonts, by the programs of a
third that are held out from training, and by computed instruments.
"""

import numpy as np
import numpy.typing as npt
import scipy.ndimage

Roll = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
Frames = npt.NDArray[np.float64]

# A pitch sounds already where its activation two and three frames before is above this on average:
# onsets reach 2.5 frames to either side.
_SOUNDING = 0.4
# Levels are compared over four frames from the onset on, activation is over the four after it.
_LEVEL_FRAMES, _ACTIVE_FRAMES = 4, 4
# Not struck again: another onset within a frame has log odds higher by 1.5, and the loudest pitch
# is 3 dB louder. Of 140 such onsets 17 were notes; with 1.0 for 1.5 it was 42 of 221.
_ODDS_ABOVE, _LEVEL_BELOW_DB = 1.5, 3.0
# A repeat: down to a fifth of the threshold, where no other pitch begins, the pitch is the loudest
# and stays active, and it lies evenly between, after or before two other peaks of its own, 80 to
# 255 ms apart. 297 of 350 such were notes; without evenness 316 of 492, most of the others in music
# that repeats nothing.
_FAINTEST_SHARE, _HIGHEST_OTHER, _LOUDEST_WITHIN_DB, _STAYS_ACTIVE = 0.2, 0.2, 1.0, 0.8
_SHORTEST, _LONGEST, _UNEVEN = 3.4, 11.0, 1.2  # frames
# A partial's ghost: an onset as many semitones above another within two frames as its fifth, sixth,
# seventh or eighth partial, and not active for long. Of 23 such onsets 4 were notes; of those at
# its second to fourth, which are left alone, half to a fifth.
_PARTIAL_SEMITONES, _GHOST_FRAMES, _GHOST_ACTIVE = (28, 31, 34, 36), 2.0, 0.7


def faintest(threshold: float) -> float:
    """Height below which no peak is a note."""
    return _FAINTEST_SHARE * threshold


def confirm_onsets(
    rows: Index,
    at: Frames,
    heights: Roll,
    activation: Roll,
    level_db: Roll,
    threshold: float,
) -> npt.NDArray[np.bool_]:
    """Which of the peaks at `rows` and frames `at`, `faintest` ones too, are onsets of notes.

    Activation and levels are [88, L]; a peak counts from `threshold` on.
    """
    n_frames = activation.shape[1]
    frame = np.clip(np.round(at).astype(np.int64), 0, n_frames - 1)
    before = (_at(activation, rows, frame - 2) + _at(activation, rows, frame - 3)) / 2
    sounding = before > _SOUNDING
    # The highest level from each frame on: the filter's origin turns its window to what follows.
    level = scipy.ndimage.maximum_filter1d(
        level_db, _LEVEL_FRAMES, axis=1, origin=-(_LEVEL_FRAMES // 2), mode="nearest"
    )
    below_db = level.max(axis=0)[frame] - level[rows, frame]
    other = _highest_other(rows, frame, heights, activation.shape)
    high = heights >= threshold
    rings_on = (_log_odds(other) - _log_odds(heights) > _ODDS_ABOVE) & (below_db > _LEVEL_BELOW_DB)
    stays = np.mean([_at(activation, rows, frame + 1 + k) for k in range(_ACTIVE_FRAMES)], axis=0)
    alone = (other <= _HIGHEST_OTHER) & (below_db <= _LOUDEST_WITHIN_DB) & (stays >= _STAYS_ACTIVE)
    faint = ~high & sounding & alone
    repeated = np.zeros(len(rows), bool)
    for i in np.flatnonzero(faint):
        repeated[i] = _is_even(at[rows == rows[i]] - at[i])
    ghost = np.zeros(len(rows), bool)
    for i in np.flatnonzero(high & ~sounding & (stays < _GHOST_ACTIVE)):
        below = np.isin(rows[i] - rows, _PARTIAL_SEMITONES) & high
        ghost[i] = bool((below & (np.abs(at - at[i]) < _GHOST_FRAMES)).any())
    return np.where(high, ~(sounding & rings_on) & ~ghost, repeated)


def _is_even(apart: Frames) -> bool:
    """Whether two of the distances to other peaks are those of an even pace."""
    near = apart[(np.abs(apart) >= _SHORTEST) & (np.abs(apart) <= _LONGEST)]
    earlier, later = -near[near < 0], near[near > 0]
    between = np.abs(earlier[:, None] - later) <= _UNEVEN
    second = np.abs(apart[:, None] - 2 * near) <= 2 * _UNEVEN
    return bool(between.any() or second.any())


def _at(roll: Roll, rows: Index, frames: Index) -> Roll:
    """Values at rows and frames, 0 outside."""
    inside = (frames >= 0) & (frames < roll.shape[1])
    return np.where(inside, roll[rows, np.clip(frames, 0, roll.shape[1] - 1)], np.float32(0))


def _highest_other(rows: Index, frame: Index, heights: Roll, shape: tuple[int, ...]) -> Roll:
    """The highest peak of another row within a frame of each."""
    peaks = np.zeros(shape, np.float32)
    np.maximum.at(peaks, (rows, frame), heights)
    peaks = scipy.ndimage.maximum_filter1d(peaks, 3, axis=1, mode="constant")
    second, first = np.partition(peaks, -2, axis=0)[-2:]
    is_own = peaks[rows, frame] >= first[frame]
    return np.asarray(np.where(is_own, second[frame], first[frame]), np.float32)


def _log_odds(share: Roll) -> Frames:
    share = np.clip(share.astype(np.float64), 0.02, 0.98)
    return np.asarray(np.log(share / (1 - share)))
