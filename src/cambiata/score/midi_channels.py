"""What MIDI's channels play: notes, pedals and curves, whichever tracks their messages are in.

Pedal, volume, expression, pitch bend and the messages that end notes belong to a channel, as
players read them; a program belongs to the channel too, unless the notes' own track has set one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cambiata.score.midi_bytes import META, Event, MidiContent
from cambiata.score.parts import Controls, Curve, Note, Part

_PORT = META + 0x21  # which of several cables with 16 channels each the track's events are for
_NOTE_OFF, _NOTE_ON, _CONTROL, _PROGRAM, _BEND = 0x80, 0x90, 0xB0, 0xC0, 0xE0
_DATA, _VOLUME, _EXPRESSION, _DATA_FINE = 6, 7, 11, 38
_SUSTAIN, _SOSTENUTO = 64, 66
_NRPN_FINE, _NRPN, _RPN_FINE, _RPN = 98, 99, 100, 101
_ALL_SOUND_OFF, _RESET, _ALL_NOTES_OFF = 120, 121, 123  # 124 to 127 end notes as well
_BEND_RANGE, _FINE_TUNING, _COARSE_TUNING, _MPE = 0, 1, 2, 6  # registered parameters
_NO_PARAMETER = 0x3FFF
_MIDDLE = 8192  # a bend of none
# Semitones that a bend of all the way goes: General MIDI's, and that of the channels of single
# notes in MPE (MIDI Polyphonic Expression 1.0, 2.4).
_USUAL_RANGE, _MPE_RANGE = 2.0, 48.0
_DOWN = 64  # from this value on a pedal is down

Changes = list[tuple[int, float]]
"""From which tick on a value holds."""


@dataclass(eq=False)
class Voice:
    """A note of a channel.

    Parameters
    ----------
    track : int
        Index of its track.
    channel : int
        From 0; 16 more for every further port.
    program, pitch, velocity : int
        As MIDI has them.
    start, end : int
        Ticks.

    Examples
    --------
    >>> Voice(0, 0, 0, 60, 100, 480).pitch
    60
    """

    track: int
    channel: int
    program: int
    pitch: int
    velocity: int
    start: int
    end: int = -1


@dataclass
class _State:
    """A channel as it is at a moment, and what it was before."""

    program: int = 0
    value: int = _MIDDLE  # of the bend
    range: float = _USUAL_RANGE
    has_own_range: bool = False
    fine: float = 0.0  # semitones of tuning
    coarse: float = 0.0
    parameter: int = _NO_PARAMETER
    data: int = 0  # coarse and fine byte of the parameter, as one number
    pedal_down: int | None = None  # since which tick
    is_sostenuto_down: bool = False
    sounding: dict[tuple[int, int], list[Voice]] = field(default_factory=dict)  # track, pitch
    sustained: set[Voice] = field(default_factory=set)  # by sostenuto, once their keys are let go
    released: list[Voice] = field(default_factory=list)  # keys let go, held by sostenuto
    pedal: list[tuple[int, int]] = field(default_factory=list)
    bend: Changes = field(default_factory=list)
    volume: Changes = field(default_factory=list)
    expression: Changes = field(default_factory=list)

    def note_bend(self, tick: int) -> None:
        """Write down how far notes are off their pitch from now on."""
        semitones = (self.value - _MIDDLE) / _MIDDLE * self.range + self.fine + self.coarse
        _note(self.bend, tick, semitones)

    def lift_pedal(self, tick: int) -> None:
        if self.pedal_down is not None:
            if tick > self.pedal_down:
                self.pedal.append((self.pedal_down, tick))
            self.pedal_down = None


def _note(changes: Changes, tick: int, value: float) -> None:
    """Write down a value that holds from a tick on."""
    if changes and changes[-1][0] == tick:
        changes.pop()
    if not changes or changes[-1][1] != value:
        changes.append((tick, value))


@dataclass(eq=False)
class Channels:
    """Notes of all channels, and what their controllers did.

    Parameters
    ----------
    voices : list of Voice
        All notes.
    states : dict
        Every channel's state, when all is over.
    masters : dict
        Master channel of the channels of MPE zones, itself among them.

    Examples
    --------
    >>> list(Channels().parts(float, set(), []))
    []
    """

    voices: list[Voice] = field(default_factory=list)
    states: dict[int, _State] = field(default_factory=dict)
    masters: dict[int, int] = field(default_factory=dict)

    def parts(
        self, seconds: Callable[[int], float], drums: set[int], names: Sequence[str]
    ) -> Iterator[Part]:
        """A part for every track, channel or zone, and program.

        Parameters
        ----------
        seconds : callable
            When a tick is reached.
        drums : set of int
            Channels of drums, from 0.
        names : sequence of str
            Of the tracks.

        Yields
        ------
        Part
            With notes.
        """
        grouped: defaultdict[tuple[int, int, int], list[tuple[Voice, float, float]]]
        grouped = defaultdict(list)
        for voice in self.voices:
            start_s, end_s = seconds(voice.start), seconds(voice.end)
            if end_s > start_s:
                home = self.masters.get(voice.channel, voice.channel)
                grouped[voice.track, home, voice.program].append((voice, start_s, end_s))
        controls = {channel: self._controls(channel, seconds) for channel in self.states}
        for (track, home, program), voices in sorted(grouped.items(), key=lambda item: item[0]):
            used = sorted({voice.channel for voice, _, _ in voices})
            own = tuple(controls[channel] for channel in used)
            if all(each == Controls() for each in own):
                own = ()
            place = {channel: i if own else 0 for i, channel in enumerate(used)}
            notes = [
                Note(start_s, end_s, voice.pitch, voice.velocity, place[voice.channel])
                for voice, start_s, end_s in voices
            ]
            is_drum = home % 16 in drums and home not in self.masters
            pedal = () if is_drum else self._pedal({*used, home}, seconds)
            yield Part(tuple(sorted(notes)), program, is_drum, names[track], pedal, own)

    def _controls(self, channel: int, seconds: Callable[[int], float]) -> Controls:
        """Curves of a channel; in an MPE zone its master's count as well."""
        state = self.states[channel]
        master = self.states.get(self.masters.get(channel, channel), state)
        bend, volume, expression = state.bend, state.volume, state.expression
        if master is not state:
            bend = _sum(bend, master.bend)
            volume, expression = volume or master.volume, expression or master.expression

        def curve(changes: Changes, usual: float) -> Curve:
            if all(value == usual for _, value in changes):
                return ()
            return tuple((seconds(tick), value) for tick, value in changes)

        return Controls(curve(bend, 0.0), curve(volume, 100.0), curve(expression, 127.0))

    def _pedal(
        self, channels: Iterable[int], seconds: Callable[[int], float]
    ) -> tuple[tuple[float, float], ...]:
        """When the pedal of any of some channels is down, in seconds."""
        joined: list[tuple[int, int]] = []
        spans = [self.states[c].pedal for c in channels if c in self.states]
        if len(spans) == 1:
            joined = spans[0]
        else:
            for begin, end in sorted(span for each in spans for span in each):
                if joined and begin <= joined[-1][1]:
                    joined[-1] = joined[-1][0], max(end, joined[-1][1])
                else:
                    joined.append((begin, end))
        return tuple(
            (begin_s, end_s)
            for begin, end in joined
            if (end_s := seconds(end)) > (begin_s := seconds(begin))
        )


def _sum(one: Changes, other: Changes) -> Changes:
    """Sum of two values that change."""
    total: Changes = []
    values = [0.0, 0.0]
    changes = [(tick, i, value) for i, each in enumerate((one, other)) for tick, value in each]
    for tick, i, value in sorted(changes):
        values[i] = value
        _note(total, tick, sum(values))
    return total


def read_channels(content: MidiContent) -> Channels:
    """What a file's channels play.

    Parameters
    ----------
    content : MidiContent
        The file.

    Returns
    -------
    Channels
        Its notes and curves, in ticks.

    Examples
    --------
    >>> from cambiata.score.midi_bytes import Track
    >>> events = [Event(0, 0x90, bytes([60, 100])), Event(480, 0x80, bytes([60, 0]))]
    >>> [voice.end for voice in read_channels(MidiContent([Track(events, 480)], 480)).voices]
    [480]
    """
    reader = _Reader()
    order = [
        (event.tick, number, place)
        for number, track in enumerate(content.tracks)
        for place, event in enumerate(track.events)
        if event.kind < 0xF0 or event.kind == _PORT
    ]
    for _, number, place in sorted(order):
        reader.read(number, content.tracks[number].events[place])
    reader.finish([track.end for track in content.tracks])
    return reader.channels


class _Reader:
    """Messages in the order of time, one after another."""

    def __init__(self) -> None:
        self.channels = Channels()
        self._ports: dict[int, int] = {}  # of tracks
        self._programs: dict[tuple[int, int], int] = {}  # by track and channel
        self._tracks: defaultdict[int, set[int]] = defaultdict(set)  # of channels

    def read(self, track: int, event: Event) -> None:
        """One message of a track."""
        if event.kind >= META:
            self._ports[track] = event.data[0] if event.data else 0
            return
        channel = event.kind & 15 | self._ports.get(track, 0) << 4
        state = self._state(channel)
        self._tracks[channel].add(track)
        kind, first, second, tick = event.kind & 0xF0, event.data[0], event.data[-1], event.tick
        if kind == _NOTE_ON and second:
            program = self._programs.get((track, channel), state.program)
            voice = Voice(track, channel, program, first, second, tick)
            self.channels.voices.append(voice)
            self._release(state, first, tick)
            state.sounding.setdefault((track, first), []).append(voice)
        elif kind in (_NOTE_ON, _NOTE_OFF):
            # The oldest is let go first, as synthesizers do.
            if sounding := state.sounding.get((track, first)):
                self._let_go(state, sounding.pop(0), tick)
        elif kind == _PROGRAM:
            state.program = self._programs[track, channel] = first
        elif kind == _BEND:
            state.value = first | second << 7
            state.note_bend(tick)
        elif kind == _CONTROL:
            self._control(track, channel, first, second, tick)

    def finish(self, ends: Sequence[int]) -> None:
        """What never ended ends with its track; pedals, with the last track of their channel."""
        for channel, state in self.channels.states.items():
            last = max((ends[track] for track in self._tracks[channel]), default=0)
            for sounding in state.sounding.values():
                for voice in sounding:
                    voice.end = ends[voice.track]
            self._release(state, None, last)
            state.lift_pedal(last)

    def _state(self, channel: int) -> _State:
        states = self.channels.states
        if channel not in states:
            states[channel] = _State()
        return states[channel]

    def _let_go(self, state: _State, voice: Voice, tick: int) -> None:
        """A key is let go; sostenuto may hold its note."""
        voice.end = tick
        if voice in state.sustained:
            state.released.append(voice)

    def _release(self, state: _State, pitch: int | None, tick: int) -> None:
        """What sostenuto holds ends, all of it or a pitch that is struck again."""
        if state.released:
            for voice in state.released:
                if pitch in (None, voice.pitch):
                    voice.end = tick
                    state.sustained.discard(voice)
            state.released = [v for v in state.released if pitch not in (None, v.pitch)]

    def _control(self, track: int, channel: int, number: int, value: int, tick: int) -> None:
        state = self._state(channel)
        if number == _SUSTAIN and value >= _DOWN:
            state.pedal_down = tick if state.pedal_down is None else state.pedal_down
        elif number == _SUSTAIN:
            state.lift_pedal(tick)
        elif number == _SOSTENUTO:
            self._sostenuto(state, value >= _DOWN, tick)
        elif number == _VOLUME:
            _note(state.volume, tick, float(value))
        elif number == _EXPRESSION:
            _note(state.expression, tick, float(value))
        elif number in (_RPN, _NRPN):
            state.parameter = (
                value << 7 | state.parameter & 127 if number == _RPN else _NO_PARAMETER
            )
        elif number in (_RPN_FINE, _NRPN_FINE):
            state.parameter = (
                state.parameter & 0x3F80 | value if number == _RPN_FINE else _NO_PARAMETER
            )
        elif number in (_DATA, _DATA_FINE):
            state.data = value << 7 if number == _DATA else state.data & 0x3F80 | value
            self._parameter(channel, state, tick)
        elif number == _RESET:
            self._reset(state, tick)
        elif number == _ALL_SOUND_OFF or number >= _ALL_NOTES_OFF:
            for each in self._zone(channel):
                self._end_notes(self._state(each), track, tick, number == _ALL_SOUND_OFF)

    def _sostenuto(self, state: _State, is_down: bool, tick: int) -> None:
        """The keys that are down when the pedal goes down sound until it comes up."""
        if is_down and not state.is_sostenuto_down:
            state.sustained = {voice for each in state.sounding.values() for voice in each}
        elif not is_down:
            self._release(state, None, tick)
            state.sustained = set()
        state.is_sostenuto_down = is_down

    def _end_notes(self, state: _State, track: int, tick: int, at_once: bool) -> None:
        """All keys are let go; at once: no pedal holds anything."""
        for key, sounding in list(state.sounding.items()):
            # What another track strikes at that moment is not meant.
            ended = [v for v in sounding if v.start < tick or v.track == track]
            state.sounding[key] = [v for v in sounding if v not in ended]
            for voice in ended:
                self._let_go(state, voice, tick)
            if not state.sounding[key]:
                del state.sounding[key]
        if at_once:
            self._release(state, None, tick)
            if state.pedal_down is not None:
                state.lift_pedal(tick)
                state.pedal_down = tick + 1  # it stays down, but does not hold what has ended

    def _reset(self, state: _State, tick: int) -> None:
        """Controllers as they were, but volume (MIDI Association, RP-015)."""
        state.lift_pedal(tick)
        self._sostenuto(state, False, tick)
        if state.expression:
            _note(state.expression, tick, 127.0)
        state.parameter, state.value = _NO_PARAMETER, _MIDDLE
        if state.bend:
            state.note_bend(tick)

    def _parameter(self, channel: int, state: _State, tick: int) -> None:
        """A registered parameter has a new value."""
        coarse, fine = state.data >> 7, state.data & 127
        if state.parameter == _BEND_RANGE:
            # In an MPE zone, the range of one note's channel is that of all.
            home = self.channels.masters.get(channel, channel)
            for each in self._zone(home)[1:] if home != channel else [channel]:
                member = self._state(each)
                member.range, member.has_own_range = coarse + fine / 100, True
                if member.bend:
                    member.note_bend(tick)
        elif state.parameter == _FINE_TUNING:
            state.fine = (state.data - _MIDDLE) / _MIDDLE
            state.note_bend(tick)
        elif state.parameter == _COARSE_TUNING:
            state.coarse = coarse - 64
            state.note_bend(tick)
        elif state.parameter == _MPE and channel % 16 in (0, 15):
            self._set_zone(channel, min(coarse, 15))

    def _set_zone(self, master: int, n_members: int) -> None:
        """An MPE zone begins: channels above the first or below the last are single notes'."""
        masters = self.channels.masters
        for channel in [each for each, home in masters.items() if home == master]:
            del masters[channel]
        step = 1 if master % 16 == 0 else -1
        if n_members:
            masters[master] = master
        for i in range(1, n_members + 1):
            channel = master + step * i
            masters[channel] = master
            state = self._state(channel)
            if not state.has_own_range:
                state.range = _MPE_RANGE

    def _zone(self, channel: int) -> list[int]:
        """A channel, and those of its zone where it is their master."""
        members = [each for each, home in self.channels.masters.items() if home == channel]
        return [channel, *(each for each in members if each != channel)]
