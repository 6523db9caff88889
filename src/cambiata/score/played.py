"""Bars as they are written, in ABC or MusicXML, and the notes that are played of them."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from cambiata.score.midi import Metre
from cambiata.score.repeats import (
    Form,
    Marks,
    TooManyRepeatsError,
    part_order,
    playing_order,
)

QPM = 120.0  # quarter notes a minute where a score says nothing: what abc2midi takes
MAX_PLAYED = 500_000  # notes of a tune, repeats written out: several times the longest symphony
LONGEST = 200_000  # quarter notes of a tune: a day at 138 a minute
# Velocities of dynamics, as abc2midi has them but for the outermost.
DYNAMICS = {
    "pppp": 20,
    "ppp": 30,
    "pp": 45,
    "p": 60,
    "mp": 75,
    "mf": 90,
    "f": 105,
    "ff": 115,
    "fff": 122,
    "ffff": 127,
}


@dataclass(slots=True)
class WrittenNote:
    """A note of a bar; lengths in quarter notes."""

    at: Fraction
    length: Fraction
    pitch: int
    velocity: int
    tied: bool = False  # to the next of its pitch


@dataclass(slots=True)
class Bar:
    """What lies between two bar lines, or between two places where repeats may part."""

    metre: Metre | None
    notes: list[WrittenNote] = field(default_factory=list)
    length: Fraction = Fraction(0)
    marks: Marks = field(default_factory=Marks)
    label: str = ""  # of the part that begins with it
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    pedal: list[tuple[Fraction, bool]] = field(default_factory=list)  # where it goes down, or up


@dataclass(frozen=True)
class WrittenVoice:
    """The bars of one voice."""

    bars: list[Bar]
    name: str = ""
    program: int = 0
    is_drum: bool = False
    first_key: str = ""  # signature, as it sounds, where its first note is


@dataclass(frozen=True, order=True, slots=True)
class PlayedNote:
    """A note as it is played, in quarter notes from the beginning."""

    start: Fraction
    length: Fraction
    pitch: int
    velocity: int


@dataclass(frozen=True)
class PlayedVoice:
    """The notes of one voice."""

    notes: tuple[PlayedNote, ...]
    name: str = ""
    program: int = 0
    is_drum: bool = False
    pedal: tuple[tuple[Fraction, Fraction], ...] = ()  # when it is down


@dataclass(frozen=True)
class PlayedTune:
    """A tune as it is played."""

    title: str
    voices: tuple[PlayedVoice, ...]
    metres: tuple[tuple[Fraction, Metre], ...]  # with the quarter note where each begins
    tempos: tuple[tuple[Fraction, float], ...]
    key: str
    pickup: Fraction
    end: Fraction
    problems: tuple[str, ...] = ()
    composer: str = ""
    form: Form | None = None  # of all voices, where it is one

    @property
    def main_metre(self) -> Metre:
        """The metre that governs most of it."""
        if not self.metres:
            return Metre()
        lengths: Counter[Metre] = Counter()
        ends = [*(start for start, _ in self.metres[1:]), self.end]
        for (start, metre), end in zip(self.metres, ends, strict=True):
            lengths[metre] += end - start  # type: ignore[assignment]
        return max(lengths, key=lambda metre: lengths[metre], default=Metre())


def printable(text: str) -> str:
    """A name on one line, without control characters."""
    return " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in text).split())


def play_voices(
    voices: Sequence[WrittenVoice],
    *,
    parts: str = "",
    qpm: float = QPM,
    title: str = "",
    composer: str = "",
    problems: Sequence[str] = (),
) -> PlayedTune:
    """A tune with its repeats written out; `parts` is ABC's order of parts, "AABA".

    TooManyRepeatsError or another ValueError where it is longer than any music.
    """
    orders = _find_orders([voice.bars for voice in voices], parts)
    played = []
    for voice, (order, lengths) in zip(voices, orders, strict=True):
        notes = _play_bars(voice.bars, order, lengths)
        pedal = _play_pedal(voice.bars, order, lengths)
        played.append(PlayedVoice(notes, voice.name, voice.program, voice.is_drum, pedal))
    if sum(len(voice.notes) for voice in played) > MAX_PLAYED:
        raise TooManyRepeatsError
    tempos: dict[Fraction, float] = {Fraction(0): qpm}
    end = Fraction(0)
    for voice, (order, lengths) in zip(voices, orders, strict=True):
        begin = Fraction(0)
        for i in order:
            if i < len(voice.bars):
                tempos.update((begin + at, bar_qpm) for at, bar_qpm in voice.bars[i].tempos)
            begin += lengths[i]
        end = max(end, begin)
    if end > LONGEST:
        raise ValueError(f"lasts {int(end)} quarter notes")
    metres, pickup = _find_metres(voices[0].bars, *orders[0]) if voices else ([], Fraction(0))
    together = bool(orders) and all(order is orders[0] for order in orders)
    return PlayedTune(
        title,
        tuple(played),
        tuple(metres),
        tuple(sorted(tempos.items())),
        next((each.first_key for each in voices if any(bar.notes for bar in each.bars)), ""),
        pickup,
        end,
        tuple(problems),
        composer,
        _form_of([voice.bars for voice in voices], *orders[0]) if together else None,
    )


_Order = tuple[list[int], list[Fraction]]


def _find_orders(voices: list[list[Bar]], parts: str) -> list[_Order]:
    """Order and lengths of each voice's bars: one for all where their signs allow it."""
    if not voices:
        return []
    longest = max(voices, key=len)
    together = all(
        len(bars) == len(longest) or not any(bar.marks.repeats for bar in bars) for bars in voices
    )
    if not together:
        return [_find_order([bars], parts) for bars in voices]
    return [_find_order(voices, parts)] * len(voices)


def _merge_marks(voices: Sequence[Sequence[Bar]]) -> list[Marks]:
    """Signs of each bar, in whichever voice they stand."""
    marks = []
    for i in range(max(map(len, voices))):
        merged = Marks()
        for bar in (bars[i] for bars in voices if i < len(bars)):
            merged = merged.merged(bar.marks)
        marks.append(merged)
    return marks


def _find_order(voices: list[list[Bar]], parts: str) -> _Order:
    marks = _merge_marks(voices)
    n = len(marks)
    labels, lengths = [""] * n, [Fraction(0)] * n
    for bars in voices:
        for i, bar in enumerate(bars):
            labels[i] = labels[i] or bar.label
            lengths[i] = max(lengths[i], bar.length)
    starts: Mapping[str, int] = {
        label: i for i, label in reversed(list(enumerate(labels))) if label
    }
    sequence = part_order(parts, starts)
    if not sequence:
        return playing_order(marks), lengths
    edges = sorted({*starts.values(), *(i for i, label in enumerate(labels) if label), n})
    order = playing_order(marks[: edges[0]])
    for label in sequence:
        if label in starts:
            start = starts[label]
            end = next(edge for edge in edges if edge > start)
            order += [start + i for i in playing_order(marks[start:end])]
        if len(order) > LONGEST:
            raise TooManyRepeatsError
    return order, lengths


def _find_metres(
    bars: Sequence[Bar], order: Sequence[int], lengths: Sequence[Fraction]
) -> tuple[list[tuple[Fraction, Metre]], Fraction]:
    """Metres of a voice with the quarter notes where they begin, and the length of its pickup."""
    metres: list[tuple[Fraction, Metre]] = []
    begin = Fraction(0)
    for i in order:
        metre = (bars[i].metre if i < len(bars) else None) or Metre()
        if not metres or metres[-1][1] != metre:
            metres.append((begin, metre))
        begin += lengths[i]
    if len(order) > 1 and order[0] < len(bars):
        first, short = bars[order[0]].metre, lengths[order[0]]
        if first is not None and short < first.bar:
            return metres, short
    return metres, Fraction(0)


def _form_of(
    voices: Sequence[Sequence[Bar]], order: Sequence[int], lengths: Sequence[Fraction]
) -> Form | None:
    """How it was written, where signs alone say in which order it is played."""
    marks = _merge_marks(voices)
    if playing_order(marks) != list(order):
        return None
    return Form(tuple(marks), tuple(order), tuple(lengths))


def _play_bars(
    bars: Sequence[Bar], order: Sequence[int], lengths: Sequence[Fraction]
) -> tuple[PlayedNote, ...]:
    """Notes of bars in the order they are played, ties made one."""
    notes: list[PlayedNote] = []
    open_ties: dict[int, int] = {}  # where the note is that goes on, by pitch
    begin = Fraction(0)
    for number in order:
        written = bars[number].notes if number < len(bars) else []
        for note in sorted(written, key=lambda note: note.at):
            start, before = begin + note.at, open_ties.get(note.pitch)
            place = len(notes)
            if before is not None and notes[before].start + notes[before].length == start:
                place = before
                notes[place] = replace(notes[place], length=notes[place].length + note.length)
                del open_ties[note.pitch]
            elif note.length:
                notes.append(PlayedNote(start, note.length, note.pitch, note.velocity))
            if note.tied and place < len(notes):
                open_ties[note.pitch] = place
        if len(notes) > MAX_PLAYED:
            raise TooManyRepeatsError
        begin += lengths[number]
        if begin.denominator > 10**6:
            begin = begin.limit_denominator(10**6)
    return tuple(sorted(notes))


def _play_pedal(
    bars: Sequence[Bar], order: Sequence[int], lengths: Sequence[Fraction]
) -> tuple[tuple[Fraction, Fraction], ...]:
    """When the pedal is down."""
    spans: list[tuple[Fraction, Fraction]] = []
    begin, since = Fraction(0), None
    for number in order:
        for at, is_down in bars[number].pedal if number < len(bars) else ():
            if since is not None and begin + at > since:
                spans.append((since, begin + at))
            since = begin + at if is_down else None
        begin += lengths[number]
    if since is not None and begin > since:
        spans.append((since, begin))
    return tuple(spans)
