"""Piano rolls: a score as arrays, 88 keys by 250 frames a second."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cambiata.score.midi import Note, Part

# Hawthorne et al. 2019 (MAESTRO's WaveNet). Networks on rolls were trained at this rate.
FRAME_RATE_HZ = 250.0
LOWEST_KEY, N_KEYS = 21, 88  # A0 to C8
MAX_VELOCITY = 127

Roll = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PianoRoll:
    """A score as arrays.

    The onsets are those of Hawthorne et al. 2019 (MAESTRO's WaveNet): a key's strike is its
    velocity in the one frame where it falls. Held keys, offsets and the pedal are ours.

    Parameters
    ----------
    onset : numpy.ndarray
        Velocity, 0 to 1, in the frame of an onset, else 0 [88, L].
    active : numpy.ndarray
        1 while a key is down [88, L].
    offset : numpy.ndarray
        1 in the frame where a key is let go [88, L].
    pedal : numpy.ndarray
        1 while the sustain pedal is down [L].
    left_out : tuple of Note
        Notes outside the keyboard.
    first : int
        Frame of the score that is its first.

    Examples
    --------
    >>> from cambiata.score.midi import Note, Part
    >>> roll = piano_roll(Part((Note(0.0, 0.02, 60, 127),)), 0.04)
    >>> roll.onset[39].tolist(), roll.active[39].sum()
    ([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], np.float32(5.0))
    """

    onset: Roll
    active: Roll
    offset: Roll
    pedal: npt.NDArray[np.float32]
    left_out: tuple[Note, ...] = ()
    first: int = 0

    @property
    def array(self) -> Roll:
        """All of it, [3 * 88 + 1, L]: strikes, held keys, offsets, pedal."""
        return np.concatenate([self.onset, self.active, self.offset, self.pedal[None]])


def resample_roll(roll: PianoRoll, frame_rate_hz: float, first: int, n_frames: int) -> Roll:
    """Piano roll at another frame rate.

    Parameters
    ----------
    roll : PianoRoll
        At `FRAME_RATE_HZ`.
    frame_rate_hz : float
        Frames a second of the result.
    first : int
        First frame of the result; what lies before the roll and after it is silent.
    n_frames : int
        How many.

    Returns
    -------
    numpy.ndarray
        [3 * 88 + 1, n_frames]: a strike and an offset fall in the frame nearest to them, held keys
        and the pedal are read where a frame has its middle.

    Examples
    --------
    >>> roll = piano_roll(Part((Note(0.5, 1.0, 60, 127),)), 1.0)
    >>> resample_roll(roll, 50.0, 20, 10)[39].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    length = roll.onset.shape[1]
    out = np.zeros((3 * N_KEYS + 1, n_frames), np.float32)
    for first_row, events in ((0, roll.onset), (2 * N_KEYS, roll.offset)):
        keys, frames = np.nonzero(events)
        frames_of_score = roll.first + frames
        at = np.round(frames_of_score * (frame_rate_hz / FRAME_RATE_HZ)).astype(np.int64) - first
        inside = (at >= 0) & (at < n_frames)
        place = first_row + keys[inside], at[inside]
        np.maximum.at(out, place, events[keys[inside], frames[inside]])
    middles = np.floor((first + np.arange(n_frames)) * (FRAME_RATE_HZ / frame_rate_hz) + 1e-6)
    middles -= roll.first
    within = np.flatnonzero((middles >= 0) & (middles < length))
    frames_read = middles[within].astype(np.int64)
    out[N_KEYS : 2 * N_KEYS, within] = roll.active[:, frames_read]
    out[-1, within] = roll.pedal[frames_read]
    return out


def split_at_keyboard(part: Part) -> tuple[Part, tuple[Note, ...]]:
    """Part on the keyboard, and the notes outside it.

    Parameters
    ----------
    part : Part
        Any.

    Returns
    -------
    tuple
        The part, and the notes below 21 and above 108.

    Examples
    --------
    >>> _, out_of_range = split_at_keyboard(Part((Note(0, 1, 12), Note(0, 1, 60))))
    >>> [note.pitch for note in out_of_range]
    [12]
    """
    inside = range(LOWEST_KEY, LOWEST_KEY + N_KEYS)
    playable = tuple(note for note in part.notes if note.pitch in inside)
    out_of_range = tuple(note for note in part.notes if note.pitch not in inside)
    return replace(part, notes=playable), out_of_range


def piano_roll(part: Part, duration_s: float | None = None, *, start_s: float = 0.0) -> PianoRoll:
    """Piano roll of a part whose notes end with their keys.

    Two strikes of a key in one frame leave the louder; a key struck again while it is down has an
    offset in the frame before.

    Parameters
    ----------
    part : Part
        Part to play, its pedal apart from its notes.
    duration_s : float, optional
        Where the roll ends; at the last note's end where not given.
    start_s : float
        Where the roll begins: an hour of it takes a gigabyte.

    Returns
    -------
    PianoRoll
        Notes that begin within that time.

    Examples
    --------
    >>> piano_roll(Part((Note(0, 1, 60),), pedal=((0.5, 2.0),)), 1.0).pedal.sum()
    np.float32(125.0)
    """
    part, left_out = split_at_keyboard(part)
    begin = int(start_s * FRAME_RATE_HZ)
    end_s = part.end_s if duration_s is None else duration_s
    n_frames = max(int(np.ceil(end_s * FRAME_RATE_HZ)) - begin, 0)
    onset, active, offset = (np.zeros((N_KEYS, n_frames), np.float32) for _ in range(3))
    pedal = np.zeros(n_frames, np.float32)
    for note in part.notes:
        key, first = note.pitch - LOWEST_KEY, round(note.start_s * FRAME_RATE_HZ) - begin
        last = max(first + 1, round(note.end_s * FRAME_RATE_HZ) - begin)
        if first >= n_frames or last < 0:
            continue
        if first > 0 and active[key, first - 1] and not offset[key, first - 1]:
            offset[key, first - 1] = 1
        if first >= 0:
            onset[key, first] = max(onset[key, first], note.velocity / MAX_VELOCITY)
        active[key, max(first, 0) : last] = 1
        if last < n_frames:
            offset[key, last] = 1
    for begin_s, lift_s in part.pedal:
        down, up = (max(round(at_s * FRAME_RATE_HZ) - begin, 0) for at_s in (begin_s, lift_s))
        pedal[down:up] = 1
    return PianoRoll(onset, active, offset, pedal, left_out, begin)
