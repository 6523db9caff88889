"""Notes in and out of files: the only place that reads or writes MIDI."""

import io
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from cambiata.errors import InputError
from cambiata.files import check_output, write_bytes
from cambiata.keywords import checked_keywords

_TICKS_PER_BEAT = 960  # half a millisecond at 120 a minute; thirds, fifths and 64ths are whole
_QPM = 120.0  # quarter notes a minute where a file says nothing: the standard's default
_SUSTAIN_PEDAL = 64
_DRUM_CHANNEL = 9
_MAX_DELTA_TICKS = 2**28 - 1  # four bytes of seven bits, says the format


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
        next_onset_s: dict[int, float] = {}
        lengthened = []
        for note in sorted(self.notes, reverse=True):
            at = bisect_right(begins, note.end_s) - 1
            end_s = note.end_s
            if at >= 0 and end_s < ends[at]:
                end_s = max(end_s, min(ends[at], next_onset_s.get(note.pitch, ends[at])))
            next_onset_s[note.pitch] = note.start_s
            lengthened.append(replace(note, end_s=end_s))
        return replace(self, notes=tuple(reversed(lengthened)))

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
                )
                for note in inside
            ),
        )


@dataclass(frozen=True)
class Metre:
    """Time signature: how a bar is counted.

    Parameters
    ----------
    beats : int
        Upper number of the signature.
    unit : int
        Lower number, a power of two.

    Examples
    --------
    >>> Metre(6, 8).bar, str(Metre(6, 8))
    (Fraction(3, 1), '6/8')
    """

    beats: int = 4
    unit: int = 4

    @property
    def bar(self) -> Fraction:
        """Length of a bar in quarter notes."""
        return Fraction(4 * self.beats, self.unit)

    @property
    def is_compound(self) -> bool:
        """Whether its beats divide into three: 6/8, 9/8, 12/8."""
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    @property
    def beat(self) -> Fraction:
        """Length of a beat in quarter notes; dotted in compound metres."""
        return Fraction(4 * (3 if self.is_compound else 1), self.unit)

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True)
class Clock:
    """Tempos, metres and key of a score: when its quarter notes fall, and how they are counted.

    Parameters
    ----------
    tempos : tuple of tuple
        Where a tempo begins in quarter notes, the first at 0, and how many quarter notes a minute
        it has.
    metres : tuple of tuple
        Where a metre begins in quarter notes, and the metre; none where the score says nothing.
    key : str
        Key signature as MIDI has it ("Bb", "F#m"); empty where the score says nothing.

    Examples
    --------
    >>> clock = Clock(((0.0, 60.0), (4.0, 120.0)))
    >>> clock.seconds(6.0), clock.quarters(5.0)
    (5.0, 6.0)
    """

    tempos: tuple[tuple[float, float], ...] = ((0.0, _QPM),)
    metres: tuple[tuple[float, Metre], ...] = ()
    key: str = ""

    @cached_property
    def _tempo_starts_s(self) -> list[float]:
        starts_s = [0.0]
        for (start, qpm), (end, _) in zip(self.tempos, self.tempos[1:], strict=False):
            starts_s.append(starts_s[-1] + (end - start) * 60 / qpm)
        return starts_s

    def seconds(self, quarters: float) -> float:
        """Time at which a place in the score is reached.

        Parameters
        ----------
        quarters : float
            The place, in quarter notes from the beginning.

        Returns
        -------
        float
            In seconds.
        """
        at = max(bisect_right(self.tempos, quarters, key=lambda tempo: tempo[0]) - 1, 0)
        start, qpm = self.tempos[at]
        return self._tempo_starts_s[at] + (quarters - start) * 60 / qpm

    def quarters(self, seconds: float) -> float:
        """Place in the score that is reached at a time.

        Parameters
        ----------
        seconds : float
            The time.

        Returns
        -------
        float
            In quarter notes from the beginning.
        """
        at = max(bisect_right(self._tempo_starts_s, seconds) - 1, 0)
        start, qpm = self.tempos[at]
        past_s = seconds - self._tempo_starts_s[at]
        return start + (past_s * qpm / 60 if past_s else 0.0)  # a tempo may be infinite


@dataclass(frozen=True)
class Score:
    """Parts that play together.

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
    >>> Score((Part((Note(0, 2.5, 60),)),)).end_s
    2.5
    """

    parts: tuple[Part, ...]
    name: str = field(default="score", compare=False)
    clock: Clock = field(default=Clock(), compare=False)

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
            raise InputError(f"tempo {tempo:g}", "is none", "use 0.05 to 20; 1 is as written")
        chosen = [part for part in self.parts if not part.is_drum and part.notes]
        if track is not None:
            if not 1 <= track <= len(self.parts):
                tracks = "; ".join(
                    f"{i} {part.name or f'program {part.program}'}"
                    for i, part in enumerate(self.parts, 1)
                )
                raise InputError(self.name, f"has no track {track}", f"use one of: {tracks}")
            chosen = [self.parts[track - 1]]
        if not chosen or not any(part.notes for part in chosen):
            raise InputError(self.name, "has no notes there", "choose a score that plays something")
        if all(part.is_drum for part in chosen):
            raise InputError(self.name, "has only drums", "choose a score with pitches")
        pedals = {part.pedal for part in chosen} if pedal else {()}
        if len(pedals) > 1:
            chosen, pedals = [part.with_pedal() for part in chosen], {()}
        notes = sorted(note for part in chosen for note in part.notes)
        return Part(
            tuple(
                replace(note, start_s=note.start_s / tempo, end_s=note.end_s / tempo)
                for note in notes
            ),
            chosen[0].program,
            name=chosen[0].name,
            pedal=tuple((a / tempo, b / tempo) for a, b in pedals.pop()),
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

        Examples
        --------
        >>> Score.of(Score((Part((Note(0.0, 1.0, 60),)),)).to_mido()).notes[0].pitch
        60
        """
        import mido

        if not isinstance(other, mido.MidiFile):
            data = io.BytesIO()
            if hasattr(other, "dumps_midi"):
                data = io.BytesIO(other.dumps_midi())
            elif hasattr(other, "write"):
                other.write(data)
            elif hasattr(other, "dump"):
                other.dump(file=data)
            else:
                raise TypeError(f"{type(other).__name__} is no score of a library that is known")
            other = mido.MidiFile(file=io.BytesIO(data.getvalue()), clip=True)
        clock, parts = _read_clock_and_parts(other)
        return cls(tuple(parts), name, clock)

    def to_mido(self) -> Any:
        """The score as mido has it, each part a track.

        Returns
        -------
        mido.MidiFile
            Its tempos and metres in a track of their own.
        """
        import mido

        file = mido.MidiFile(ticks_per_beat=_TICKS_PER_BEAT)
        file.tracks.append(_tempo_track(self.clock))
        channels = [channel for channel in range(16) if channel != _DRUM_CHANNEL]
        for index, part in enumerate(self.parts):
            channel = _DRUM_CHANNEL if part.is_drum else channels[index % len(channels)]
            file.tracks.append(_write_track(part, channel, self.clock))
        return file

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


@checked_keywords
def load(path: str | Path, *, keys: bool = False) -> Score:
    """Score of a MIDI file.

    Notes held by the sustain pedal last until it is lifted or the pitch is struck again. A part is
    made for every track, channel and program that plays.

    Parameters
    ----------
    path : str or pathlib.Path
        A standard MIDI file of any type.
    keys : bool
        Let notes end with their keys, whatever the pedal does; `Part.pedal` says what it does.

    Returns
    -------
    Score
        Its notes in seconds, tempo changes followed.

    Raises
    ------
    InputError
        The file is missing, unreadable, no MIDI, damaged, or has no notes.

    Examples
    --------
    >>> load("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    import mido  # 30 ms that `import cambiata` need not spend

    try:
        data = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a null byte
        raise InputError(str(path), "no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(str(path), "is a folder", "name a MIDI file in it") from error
    except PermissionError as error:
        raise InputError(str(path), "may not be read", "change its permissions") from error
    except OSError as error:
        raise InputError(
            str(path), f"cannot be read ({error.strerror})", "check the path"
        ) from error
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        if any(message.time > _MAX_DELTA_TICKS for track in file.tracks for message in track):
            raise ValueError("a delta time of more than four bytes")
    except Exception as error:  # whatever mido stumbles over, KeySignatureError for one
        raise InputError(
            str(path), "is not readable as MIDI", "export it again as a standard MIDI file"
        ) from error
    if file.ticks_per_beat <= 0:
        raise InputError(str(path), "counts time in SMPTE frames", "export it again in beats")
    clock, parts = _read_clock_and_parts(file)
    if not keys:
        parts = [part.with_pedal() for part in parts]
    if not any(part.notes for part in parts):
        raise InputError(str(path), "has no notes", "choose a score that plays something")
    return Score(tuple(parts), str(path), clock)


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
        The file exists or is a folder, or its folder does not exist.

    Examples
    --------
    >>> save(Score((Part((Note(0, 1, 60),)),)), "/nowhere/out.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere/out.mid: its folder does not exist; make it first
    """
    write_bytes(check_output(path, force=force), score.to_bytes())


def _read_clock_and_parts(file: Any) -> tuple[Clock, list[Part]]:
    clock = _read_clock(file)

    def seconds(tick: int) -> float:
        return clock.seconds(tick / file.ticks_per_beat)

    return clock, [part for track in file.tracks for part in _read_parts(track, seconds)]


def _read_clock(file: Any) -> Clock:
    """Tempos, metres and key of a file; of two at one tick, the last counts."""
    tempos, metres, key = {0.0: _QPM}, {}, ""
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            at = tick / file.ticks_per_beat
            if message.type == "set_tempo":
                tempos[at] = 60e6 / message.tempo if message.tempo else math.inf
            elif message.type == "time_signature" and message.numerator:
                metres[at] = Metre(message.numerator, message.denominator)
            elif message.type == "key_signature" and not key:
                key = message.key
    return Clock(
        tuple(sorted(tempos.items())),
        tuple(sorted(metres.items(), key=lambda change: change[0])),
        key,
    )


def _tempo_track(clock: Clock) -> Any:
    """Track with a clock's changes."""
    import mido

    events: list[tuple[int, str, dict[str, Any]]] = [
        (round(at * _TICKS_PER_BEAT), "set_tempo", {"tempo": round(60e6 / qpm)})
        for at, qpm in clock.tempos
    ]
    for at, metre in clock.metres:
        signature = {"numerator": metre.beats, "denominator": metre.unit}
        events.append((round(at * _TICKS_PER_BEAT), "time_signature", signature))
    if clock.key:
        events.append((0, "key_signature", {"key": clock.key}))
    track, last = mido.MidiTrack(), 0
    for tick, kind, values in sorted(events, key=lambda event: event[0]):
        track.append(mido.MetaMessage(kind, time=tick - last, **values))
        last = tick
    return track


def _read_parts(track: Iterable[Any], seconds: Callable[[int], float]) -> list[Part]:
    """The parts of one track: one for each channel and program that plays in it.

    Notes end with their keys; the pedal is apart.
    """
    programs: defaultdict[int, int] = defaultdict(int)
    # Onset (tick, velocity, program) of the notes that sound, by channel and pitch.
    sounding: defaultdict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    notes_by_part: defaultdict[tuple[int, int], list[Note]] = defaultdict(list)
    pedal_down: dict[int, int] = {}
    pedal: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    tick, name = 0, ""

    def end_note(channel: int, pitch: int, onset: tuple[int, int, int]) -> None:
        start, velocity, program = onset
        start_s, end_s = seconds(start), seconds(tick)
        if end_s > start_s:
            notes_by_part[channel, program].append(Note(start_s, end_s, pitch, velocity))

    def lift_pedal(channel: int) -> None:
        begin_s, end_s = seconds(pedal_down.pop(channel)), seconds(tick)
        if end_s > begin_s:
            pedal[channel].append((begin_s, end_s))

    for message in track:
        tick += message.time
        kind = message.type
        if kind == "track_name":
            name = message.name
        if kind not in ("note_on", "note_off", "program_change", "control_change"):
            continue
        channel = message.channel
        if kind == "program_change":
            programs[channel] = message.program
        elif kind == "control_change":
            if message.control == _SUSTAIN_PEDAL and message.value >= 64:  # down, says the standard
                pedal_down.setdefault(channel, tick)
            elif message.control == _SUSTAIN_PEDAL and channel in pedal_down:
                lift_pedal(channel)
        else:
            key = channel, message.note
            if kind == "note_on" and message.velocity:
                sounding[key].append((tick, message.velocity, programs[channel]))
            elif sounding[key]:
                # The oldest is let go first, as synthesizers do.
                end_note(channel, message.note, sounding[key].pop(0))
    for (channel, pitch), onset in sounding.items():  # what never ended ends with the track
        for each in onset:
            end_note(channel, pitch, each)
    for channel in list(pedal_down):
        lift_pedal(channel)
    return [
        Part(
            tuple(sorted(notes)),
            program,
            channel == _DRUM_CHANNEL,
            name,
            () if channel == _DRUM_CHANNEL else tuple(pedal[channel]),
        )
        for (channel, program), notes in sorted(notes_by_part.items())
    ]


def _write_track(part: Part, channel: int, clock: Clock) -> Any:
    import mido

    def ticks(seconds: float) -> int:
        return round(clock.quarters(seconds) * _TICKS_PER_BEAT)

    events = []
    for note in part.notes:
        start = ticks(note.start_s)
        end = max(start + 1, ticks(note.end_s))
        # At one tick, notes end before others begin.
        events.append((start, 1, "note_on", note.pitch, note.velocity))
        events.append((end, 0, "note_off", note.pitch, 0))
    for begin_s, end_s in part.pedal:
        begin, end = ticks(begin_s), ticks(end_s)
        # Lifted before the notes that begin then, put down after them.
        events.append((max(begin + 1, end), 0, "control_change", _SUSTAIN_PEDAL, 0))
        events.append((begin, 2, "control_change", _SUSTAIN_PEDAL, 127))
    track = mido.MidiTrack()
    if part.name:
        # The format's text is Latin-1.
        name = part.name.encode("latin-1", "replace").decode("latin-1")
        track.append(mido.MetaMessage("track_name", name=name))
    track.append(mido.Message("program_change", channel=channel, program=part.program))
    last = 0
    for tick, simultaneous in groupby(sorted(events), key=lambda event: event[0]):
        for _, _, kind, number, value in simultaneous:
            names = ("control", "value") if kind == "control_change" else ("note", "velocity")
            values = dict(zip(names, (number, value), strict=True))
            track.append(mido.Message(kind, channel=channel, time=tick - last, **values))
            last = tick
    return track
