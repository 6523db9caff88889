"""The notes of an instrument, its pedal, and what its controllers do to its notes."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

_USUAL_VOLUME = 100.0  # General MIDI's, after a reset
# Controllers at 0 are silence: so much less that it stays silent where levels are matched, and yet
# a number that can be added and compared.
_SILENT_DB = -300.0
_SILENT_SHARE = 10 ** (_SILENT_DB / 40)


@dataclass(frozen=True, order=True, slots=True)
class Note:
    """A note of a score.

    Parameters
    ----------
    start_s : float
        Onset in seconds.
    end_s : float
        Offset in seconds, later than the onset.
    pitch : int
        MIDI number, 0 to 127; 69 is A4.
    velocity : int
        How hard it is struck, 1 to 127.
    channel : int
        Which of its part's `Part.controls` bend it and change its level, from 0.

    Raises
    ------
    ValueError
        A time, pitch or velocity out of its range.

    Examples
    --------
    >>> Note(0.0, 0.5, 60).shifted(1.0, semitones=2)
    Note(start_s=1.0, end_s=1.5, pitch=62, velocity=100)
    """

    start_s: float
    end_s: float
    pitch: int
    velocity: int = 100
    channel: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.start_s < self.end_s:
            raise ValueError("a note must end after it begins, and begin at 0 or later")
        if not 0 <= self.pitch <= 127 or not 1 <= self.velocity <= 127:
            raise ValueError("pitch must be 0 to 127, velocity 1 to 127")

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return self.end_s - self.start_s

    def shifted(self, seconds: float, *, semitones: int = 0) -> "Note":
        """Note moved in time and pitch.

        Parameters
        ----------
        seconds : float
            How much later.
        semitones : int
            How much higher.

        Returns
        -------
        Note
            The note moved.
        """
        return replace(
            self,
            start_s=self.start_s + seconds,
            end_s=self.end_s + seconds,
            pitch=self.pitch + semitones,
        )


Times = npt.NDArray[np.float64]
Curve = tuple[tuple[float, float], ...]
"""A value that changes in steps: from which second on it has which value."""


@dataclass(frozen=True)
class Controls:
    """Pitch bend, volume and expression of a MIDI channel as time goes on.

    Parameters
    ----------
    bend : tuple of tuple
        From which second on the pitch is bent by how many semitones; by none before.
    volume : tuple of tuple
        Likewise, controller 7, 0 to 127; 100 before, the value of General MIDI.
    expression : tuple of tuple
        Likewise, controller 11; 127 before.

    Examples
    --------
    >>> controls = Controls(bend=((1.0, 2.0),), expression=((0.5, 0.0), (1.5, 127.0)))
    >>> controls.bend_semitones(np.array([0.0, 1.0, 9.0])).tolist()
    [0.0, 2.0, 2.0]
    >>> controls.level_db(np.array([0.0, 1.0, 1.5])).tolist()
    [0.0, -300.0, 0.0]
    """

    bend: Curve = ()
    volume: Curve = ()
    expression: Curve = ()

    def bend_semitones(self, times_s: Times) -> Times:
        """Pitch bend at some moments.

        Parameters
        ----------
        times_s : numpy.ndarray
            The moments in seconds, of any shape.

        Returns
        -------
        numpy.ndarray
            Semitones, of the same shape.
        """
        return _values(*self._steps[0], times_s)

    def level_db(self, times_s: Times) -> Times:
        """Level that volume and expression give at some moments.

        Amplitudes go with the square of both controllers: ``40 log10(volume * expression)``
        (General MIDI Level 1 Developer Guidelines, 1998; General MIDI 2, 3.3.6).

        Parameters
        ----------
        times_s : numpy.ndarray
            The moments in seconds, of any shape.

        Returns
        -------
        numpy.ndarray
            In dB of volume 100 and expression 127, -300 and more, of the same shape.
        """
        level = np.zeros(np.shape(times_s))
        for steps, usual in zip(self._steps[1:], (_USUAL_VOLUME, 127.0), strict=True):
            level += 40 * np.log10(np.maximum(_values(*steps, times_s) / usual, _SILENT_SHARE))
        return np.maximum(level, _SILENT_DB)

    @cached_property
    def _steps(self) -> tuple[tuple[Times, Times], ...]:
        """Beginnings [S] and values [S + 1] of each curve, what holds before the first included."""
        usual = (0.0, _USUAL_VOLUME, 127.0)
        return tuple(
            (np.array([at_s for at_s, _ in curve]), np.array([before, *(x for _, x in curve)]))
            for curve, before in zip((self.bend, self.volume, self.expression), usual, strict=True)
        )

    def moved(self, start_s: float, speed: float = 1.0) -> "Controls":
        """The same with another beginning, and slower or faster.

        Parameters
        ----------
        start_s : float
            What becomes second 0.
        speed : float
            How many times as fast.

        Returns
        -------
        Controls
            The value that held at the new beginning holds from there on.
        """
        return Controls(
            *(_moved(curve, start_s, speed) for curve in (self.bend, self.volume, self.expression))
        )


def _values(begins_s: Times, values: Times, times_s: Times) -> Times:
    """Values that hold at some moments."""
    return np.asarray(values[np.searchsorted(begins_s, times_s, side="right")])


def _moved(curve: Curve, start_s: float, speed: float) -> Curve:
    moved: dict[float, float] = {}
    for at_s, value in curve:
        moved[max(at_s - start_s, 0.0) / speed] = value
    return tuple(moved.items())


@dataclass(frozen=True)
class Part:
    """The notes of one instrument.

    Parameters
    ----------
    notes : tuple of Note
        In the order of their beginnings.
    program : int
        General MIDI program, 0 to 127.
    is_drum : bool
        Whether pitches mean drums.
    name : str
        What the score calls it.
    pedal : tuple of tuple
        When the sustain pedal is down: begin and end of each time in seconds.
    controls : tuple of Controls
        What bends the notes and changes their level, by `Note.channel`; none where nothing does.
    tuning_cents : float
        How far its A lies above 440 Hz; files of notes do not say.

    Examples
    --------
    >>> Part((Note(0, 1, 60), Note(0.5, 1, 64))).mean_voices
    1.5
    """

    notes: tuple[Note, ...]
    program: int = 0
    is_drum: bool = False
    name: str = ""
    pedal: tuple[tuple[float, float], ...] = ()
    controls: tuple[Controls, ...] = ()
    tuning_cents: float = 0.0

    @property
    def end_s(self) -> float:
        """When the last note ends, in seconds; 0 without notes."""
        return max((note.end_s for note in self.notes), default=0.0)

    @property
    def mean_pitch(self) -> float:
        """Mean MIDI number, each note weighing as long as it lasts."""
        total = sum(note.duration_s for note in self.notes)
        return sum(note.pitch * note.duration_s for note in self.notes) / total

    @property
    def sounding_s(self) -> float:
        """Time in which any note sounds, in seconds."""
        edges: defaultdict[float, int] = defaultdict(int)
        for note in self.notes:
            edges[note.start_s] += 1
            edges[note.end_s] -= 1
        voices, sounding_s, last_s = 0, 0.0, 0.0
        for at_s in sorted(edges):
            sounding_s += (at_s - last_s) * (voices > 0)
            voices, last_s = voices + edges[at_s], at_s
        return sounding_s

    @property
    def mean_voices(self) -> float:
        """Notes that sound at a time, averaged over the time in which any does."""
        return sum(note.duration_s for note in self.notes) / self.sounding_s

    def with_pedal(self) -> "Part":
        """Part whose notes last as long as they sound, held by the pedal.

        Returns
        -------
        Part
            Notes whose key is let go while the pedal is down end when it is lifted or their pitch
            is struck again; its `pedal` is as it was.
        """
        if not self.pedal:
            return self
        begins, ends = zip(*sorted(self.pedal), strict=True)
        next_onset_s: dict[tuple[int, int], float] = {}
        lengthened = []
        for note in sorted(self.notes, reverse=True):
            at = bisect_right(begins, note.end_s) - 1
            end_s = note.end_s
            if at >= 0 and end_s < ends[at]:
                key = note.channel, note.pitch
                end_s = max(end_s, min(ends[at], next_onset_s.get(key, ends[at])))
            next_onset_s[note.channel, note.pitch] = note.start_s
            lengthened.append(replace(note, end_s=end_s))
        return replace(self, notes=tuple(reversed(lengthened)))

    def nearest_pitches(self) -> "Part":
        """Part whose notes have the pitch that is nearest to how they begin.

        Returns
        -------
        Part
            A note that is bent when it begins has the pitch that it is bent to, and its controls
            the bend from there, of half a semitone at most when it begins.
        """
        shifts = np.zeros(len(self.notes), np.int64)
        for index, own in enumerate(self.controls):
            if own.bend:
                chosen = [i for i, note in enumerate(self.notes) if note.channel == index]
                begins_s = np.array([self.notes[i].start_s for i in chosen])
                shifts[chosen] = np.round(own.bend_semitones(begins_s))
        if not shifts.any():
            return self
        controls, notes = list(self.controls), []
        indices: dict[tuple[int, int], int] = {}
        for note, bent in zip(self.notes, shifts.tolist(), strict=True):
            shift = min(max(bent, -note.pitch), 127 - note.pitch)
            key = note.channel, shift
            if shift and key not in indices:
                own = self.controls[note.channel]
                bend = tuple((at_s, semitones - shift) for at_s, semitones in own.bend)
                indices[key] = len(controls)
                controls.append(replace(own, bend=bend))
            notes.append(
                replace(note, pitch=note.pitch + shift, channel=indices.get(key, note.channel))
            )
        return replace(self, notes=tuple(sorted(notes)), controls=tuple(controls))

    def window(self, start_s: float, end_s: float) -> "Part":
        """Part of it that sounds between two times.

        Parameters
        ----------
        start_s : float
            Where the window begins; it becomes time 0.
        end_s : float
            Where it ends.

        Returns
        -------
        Part
            Notes cut to the window. Those that began before it begin with it.

        Raises
        ------
        ValueError
            The window does not end after it begins.
        """
        if not start_s < end_s:
            raise ValueError("a window must end after it begins")
        inside = [note for note in self.notes if note.start_s < end_s and note.end_s > start_s]
        return replace(
            self,
            controls=tuple(each.moved(start_s) for each in self.controls),
            pedal=tuple(
                (max(begin - start_s, 0.0), min(end, end_s) - start_s)
                for begin, end in self.pedal
                if begin < end_s and end > start_s
            ),
            notes=tuple(
                Note(
                    max(note.start_s - start_s, 0.0),
                    min(note.end_s, end_s) - start_s,
                    note.pitch,
                    note.velocity,
                    note.channel,
                )
                for note in inside
            ),
        )


def track_list(tracks: Iterable[tuple[str, int]]) -> str:
    """Tracks by their numbers, for messages.

    Parameters
    ----------
    tracks : iterable of tuple of str and int
        Names and programs of all tracks, the first of which is 1.

    Returns
    -------
    str
        What may be chosen.

    Examples
    --------
    >>> track_list([("flute", 73), ("", 0)])
    '1 (flute) or 2 (no name, program 0)'
    """
    return " or ".join(
        f"{i} ({name or f'no name, program {program}'})"
        for i, (name, program) in enumerate(tracks, 1)
    )
