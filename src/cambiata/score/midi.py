"""Scores in and out of MIDI files: the only place through which MIDI is read or written."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import array_of, from_end
from cambiata.errors import InputError, warn
from cambiata.files import MIDI, check_output, is_sound, write_bytes
from cambiata.inputs import read_input
from cambiata.keywords import checked_keywords
from cambiata.score.clock import Clock, Metre
from cambiata.score.midi_bytes import faults_of, read_content
from cambiata.score.midi_events import read_clock, read_parts
from cambiata.score.midi_writing import to_mido
from cambiata.score.parts import Controls, Note, Part, track_list

__all__ = ["Clock", "Controls", "Metre", "Note", "Part", "Score", "load", "save"]

# Damaged times and divisions give lengths that no verb could work through. A day is longer than
# any piece that is played; 200,000 quarter notes are a day at 139 a minute.
_LONGEST_S, _MOST_QUARTERS = 24 * 3600.0, 200_000
_LONGEST_REST_S = 3600.0  # or note: a damaged delta time, which would be played for minutes
# The largest MIDI files of music have a few MiB; in RIFF, with sounds of their own (.rmi), tens.
_LARGEST_BYTES = 64 * 2**20


@dataclass(frozen=True, repr=False)
class Score:
    """Parts that play together.

    A notebook shows it as a piano roll. ``score[1.0:2.5]`` is what sounds from 1 to 2.5 seconds;
    ``np.asarray(score)`` has a row for each note: start and end in seconds, pitch, velocity; and
    ``len(score)`` is the number of notes.

    Parameters
    ----------
    parts : tuple of Part
        At least one note among them.
    name : str
        Name for messages.
    clock : Clock
        Its tempos and metres, for those who count in beats.

    Examples
    --------
    >>> score = Score((Part((Note(0, 2.5, 60),)),))
    >>> score.end_s
    2.5
    >>> score[1:], np.asarray(score).tolist()
    (<Score score: 1 note in 1 part, 1.5 s>, [[0.0, 2.5, 60.0, 100.0]])
    """

    parts: tuple[Part, ...]
    name: str = field(default="score", compare=False)
    clock: Clock = field(default=Clock(), compare=False)

    def __repr__(self) -> str:
        return f"<Score {self._description}>"

    def _repr_html_(self) -> str:
        # Where it is needed: a notebook draws, and other programs need not load what draws.
        from cambiata.score.notebook import score_html

        return score_html(self, self._description)

    @property
    def _description(self) -> str:
        counted = ((len(self), "note"), (len(self.parts), "part"))
        notes, parts = (f"{n} {word}{'s' * (n != 1)}" for n, word in counted)
        return f"{self.name}: {notes} in {parts}, {self.end_s:.4g} s"

    def __len__(self) -> int:
        return sum(len(part.notes) for part in self.parts)

    def __bool__(self) -> bool:
        return True  # without a note, too: it is a score

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        notes = sorted(note for part in self.parts for note in part.notes)
        rows = [(note.start_s, note.end_s, note.pitch, note.velocity) for note in notes]
        return array_of(np.array(rows, np.float64).reshape(-1, 4), dtype, copy)

    def __getitem__(self, region_s: slice) -> "Score":
        if not isinstance(region_s, slice) or region_s.step is not None:
            raise TypeError(
                "a score is cut by seconds, as in score[1.0:2.5]; its notes are score.notes"
            )
        start_s, end_s = from_end(region_s, self.end_s)
        start_s = start_s or 0.0
        end_s = self.end_s if end_s is None else end_s
        if not start_s < end_s:
            raise InputError(
                self.name,
                f"has no region from {start_s:g} to {end_s:g} s",
                f"choose a start before the end, within its {self.end_s:g} s",
            )
        return replace(
            self,
            parts=tuple(part.window(start_s, end_s) for part in self.parts),
            clock=self.clock.moved(start_s),
        )

    @property
    def end_s(self) -> float:
        """When the last note ends, in seconds."""
        return max((part.end_s for part in self.parts), default=0.0)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes of all parts but drums, in the order of their beginnings."""
        melodic = (part.notes for part in self.parts if not part.is_drum)
        return tuple(sorted(note for notes in melodic for note in notes))

    def merged(self, track: int | None = None, *, pedal: bool = True, tempo: float = 1.0) -> Part:
        """One part of all that has a pitch, or of one track.

        Parameters
        ----------
        track : int, optional
            Which part, from 1; all but drums where not given.
        pedal : bool
            Whether the sustain pedal counts.
        tempo : float
            How many times as fast.

        Returns
        -------
        Part
            Notes that end with their keys. Where parts have pedals of their own, notes last as
            long as they sound, and there is no pedal.

        Raises
        ------
        InputError
            There is no such track, it has no notes, or only drums are left; or the tempo is none.

        Examples
        --------
        >>> Score((Part((Note(0, 1, 60),)),)).merged(tempo=2.0).end_s
        0.5
        """
        # Twenty times slower or faster than written: a slip of the decimal point beyond that.
        if not 0.05 <= tempo <= 20:
            cure = "it says how many times as fast; use 0.05 to 20 (2: twice)"
            raise InputError(f"tempo {tempo:g}", "is out of range", cure)
        chosen = [part for part in self.parts if not part.is_drum and part.notes]
        if track is not None:
            if not 1 <= track <= len(self.parts):
                tracks = track_list((part.name, part.program) for part in self.parts)
                raise InputError(self.name, f"has no track {track}", f"use {tracks}")
            chosen = [self.parts[track - 1]]
        elif not chosen:
            chosen = list(self.parts)
        if not any(part.notes for part in chosen):
            raise InputError(self.name, "has no notes there", "choose a score that plays something")
        if all(part.is_drum for part in chosen):
            raise InputError(self.name, "has only drums", "choose a score with pitches")
        pedals = {part.pedal for part in chosen} if pedal else {()}
        if len(pedals) > 1:
            chosen, pedals = [part.with_pedal() for part in chosen], {()}
        controls, notes = _joined(chosen)
        return Part(
            tuple(
                replace(note, start_s=note.start_s / tempo, end_s=note.end_s / tempo)
                for note in notes
            ),
            chosen[0].program,
            name=chosen[0].name,
            pedal=tuple((a / tempo, b / tempo) for a, b in pedals.pop()),
            controls=tuple(each.moved(0.0, tempo) for each in controls),
            tuning_cents=chosen[0].tuning_cents,
        )

    @classmethod
    def of(cls, other: Any, name: str = "score") -> "Score":
        """Score of what another MIDI library holds.

        Parameters
        ----------
        other : object
            A ``mido.MidiFile``, or anything that writes itself as a MIDI file with ``write(file)``
            (pretty_midi), ``dump(file=)`` (miditoolkit) or ``dumps_midi()`` (symusic).
        name : str
            Name for messages.

        Returns
        -------
        Score
            Its notes end with their keys; `Part.with_pedal` lengthens them.

        Raises
        ------
        TypeError
            It is none of these.
        InputError
            Its unit of time is none.

        Examples
        --------
        >>> Score.of(Score((Part((Note(0.0, 1.0, 60),)),)).to_mido()).notes[0].pitch
        60
        """
        data = io.BytesIO()
        if hasattr(other, "dumps_midi"):
            data = io.BytesIO(other.dumps_midi())
        elif hasattr(other, "write"):
            other.write(data)
        elif hasattr(other, "dump"):
            other.dump(file=data)
        elif hasattr(other, "save") and hasattr(other, "tracks"):
            other.save(file=data)
        else:
            raise TypeError(f"{type(other).__name__} is not a score of a known library")
        content = read_content(data.getvalue())
        _check_division(name, content.division, content.seconds_per_tick, beats=False)
        clock = read_clock(content)
        return cls(tuple(read_parts(content, clock)), name, clock)

    def to_mido(self) -> Any:
        """The score as mido has it, each part a track.

        Returns
        -------
        mido.MidiFile
            Its tempos and metres in a track of their own.
        """
        return to_mido(self.parts, self.clock)

    def to_bytes(self) -> bytes:
        """The score as a MIDI file, which any library reads.

        Returns
        -------
        bytes
            As `save` writes them.

        Examples
        --------
        >>> Score((Part((Note(0.0, 1.0, 60),)),)).to_bytes()[:4]
        b'MThd'
        """
        data = io.BytesIO()
        self.to_mido().save(file=data)
        return data.getvalue()


def _joined(parts: Sequence[Part]) -> tuple[list[Controls], list[Note]]:
    """Controls of several parts, and their notes in order, with the indices of these."""
    if not any(part.controls for part in parts):
        return [], sorted(note for part in parts for note in part.notes)
    controls: list[Controls] = []
    notes: list[Note] = []
    for part in parts:
        own = part.controls or (Controls(),)
        notes += (replace(note, channel=note.channel + len(controls)) for note in part.notes)
        controls += own
    return controls, sorted(notes)


def check_drums(channel: int | None) -> None:
    """Refuse a channel of drums that MIDI has not.

    Parameters
    ----------
    channel : int or None
        1 to 16; 0 stands for none, None for the tenth.

    Raises
    ------
    InputError
        It is another number.

    Examples
    --------
    >>> check_drums(99)
    Traceback (most recent call last):
    cambiata.errors.InputError: drums 99: is not a MIDI channel; use 1 to 16, or 0: none
    """
    if channel is not None and not 0 <= channel <= 16:
        raise InputError(f"drums {channel}", "is not a MIDI channel", "use 1 to 16, or 0: none")


@checked_keywords
def load(
    path: str | Path,
    *,
    keys: bool = False,
    drums: int | None = None,
    strict: bool = False,
    beats: bool = False,
) -> Score:
    """Score of a MIDI file, read as players read it.

    Notes held by the sustain pedal last until it is lifted or the pitch is struck again. A part is
    made for every track, channel and program that plays; the channels of an MPE zone are one. What
    is damaged is left out or made good, with one warning.

    Parameters
    ----------
    path : str or pathlib.Path
        A standard MIDI file of any type, bare or in RIFF (.rmi).
    keys : bool
        Let notes end with their keys, whatever the pedal does; `Part.pedal` says what it does.
    drums : int, optional
        Channel whose pitches are drums, 1 to 16, or 0 for none; else the tenth.
    strict : bool
        Refuse what is damaged.
    beats : bool
        Refuse a file that does not say where beats are, since it counts SMPTE frames.

    Returns
    -------
    Score
        Its notes in seconds, tempo changes followed.

    Raises
    ------
    InputError
        The file is missing, unreadable, no MIDI, has no notes, or lasts more than a day, or a note
        or a rest of it more than an hour.

    Examples
    --------
    >>> load("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    data = read_input(path, "a score", most_bytes=_LARGEST_BYTES, too_large="choose a smaller one")
    try:
        content = read_content(data)
    except ValueError as error:
        if is_sound(data[:12]):
            raise recording_given(path) from error
        raise InputError(
            str(path), "is not readable as MIDI", "export it again as a standard MIDI file"
        ) from error
    check_drums(drums)
    _check_division(path, content.division, content.seconds_per_tick, beats)
    damage = "; ".join(content.repairs)
    if damage and strict:
        faults = "; ".join(faults_of(content.repairs))
        raise InputError(str(path), f"is damaged ({faults})", "export it again")
    clock = read_clock(content)
    parts = read_parts(content, clock, drums)
    if not parts:
        faults = "; ".join(faults_of(content.repairs))
        problem = f"has no notes that can be read ({faults})" if damage else "has no notes"
        raise InputError(str(path), problem, "choose a score that plays something")
    if damage:
        warn(f"{path}: is damaged: {damage}")
    _check_times(path, parts, clock)
    if not keys:
        parts = [part.with_pedal() for part in parts]
    return Score(tuple(parts), str(path), clock)


def _check_times(path: str | Path, parts: Sequence[Part], clock: Clock) -> None:
    """Refuse lengths that damage alone explains."""
    end_s = max(part.end_s for part in parts)
    problem = ""
    if not (end_s <= _LONGEST_S and clock.quarters(end_s) <= _MOST_QUARTERS):
        problem = f"lasts {end_s / 3600:,.0f} hours ({clock.quarters(end_s):,.0f} quarter notes)"
    last_s = 0.0
    for note in sorted(note for part in parts for note in part.notes):
        if note.duration_s > _LONGEST_REST_S and not problem:
            problem = f"has a note of {note.duration_s / 3600:.1f} hours"
        if note.start_s - last_s > _LONGEST_REST_S and not problem:
            problem = f"is silent for {(note.start_s - last_s) / 3600:.1f} hours"
        last_s = max(last_s, note.end_s)
    if problem:
        cure = "its times are damaged, or a note has no end: export it again"
        raise InputError(str(path), problem, cure)


def recording_given(path: str | Path) -> InputError:
    """Refusal of a recording in the place of a score.

    Parameters
    ----------
    path : str or pathlib.Path
        Its file.

    Returns
    -------
    InputError
        To be raised.

    Examples
    --------
    >>> print(recording_given("a.wav"))
    a.wav: is a recording, not a score; write its notes with `cambiata.transcribe` first
    """
    return InputError(
        str(path), "is a recording, not a score", "write its notes with `cambiata.transcribe` first"
    )


def _check_division(path: str | Path, division: int, tick_s: float | None, beats: bool) -> None:
    """Refuse a unit of time that is none, or that is not the one which is needed."""
    if division == 0 or tick_s == 0.0:
        problem = (
            "its division is 0 ticks in a quarter note"
            if division == 0
            else f"its division, {division:#x}, is not an SMPTE time"
        )
        raise InputError(str(path), problem, "export it again")
    if beats and tick_s is not None:
        raise InputError(
            str(path), "counts time in SMPTE frames, not in beats", "export it again in beats"
        )


@checked_keywords
def save(score: Score, path: str | Path, *, force: bool = False) -> None:
    """Write a score to a MIDI file, each part a track.

    MIDI does not say which of two sounding notes of one pitch ends: `load` takes the older.

    Parameters
    ----------
    score : Score
        Score to write.
    path : str or pathlib.Path
        File to write; it appears whole or not at all.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The file is not named .mid, exists or is a folder, or its folder does not exist.

    Examples
    --------
    >>> save(Score((Part((Note(0, 1, 60),)),)), "/nowhere/out.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere/out.mid: its folder does not exist; make it first
    """
    write_bytes(check_output(path, MIDI, force=force), score.to_bytes(), force=force)
