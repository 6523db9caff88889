"""A worksheet: a cantus and its counterpoint, read from a score and written into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from cambiata.counterpoint import rules
from cambiata.counterpoint.cantus import Cantus, has_equal_notes
from cambiata.counterpoint.rules import FIFTH, FIRST, FOURTH, SECOND, THIRD
from cambiata.errors import InputError
from cambiata.score.sheet import Sheet, Tone, Voice

Position = Literal["above", "below"]
POSITIONS: tuple[Position, Position] = ("above", "below")
BAR = 4  # quarters of a bar: the unit of all places here, whatever the cantus' note values are
# Of a line of quarters and longer notes, so many are quarters where it is third species, with a
# slip or two in its rhythm, and not fifth. Chosen; the worksheets of the tests are told apart by
# it.
_QUARTERS_OF_THIRD = 0.9


@dataclass(frozen=True, order=True)
class Breach:
    """A place where a rule is not kept."""

    bar: int  # from 1
    rule: str  # its name in `docs/counterpoint.md`
    words: str  # what happens there

    def __str__(self) -> str:
        return f"bar {self.bar}: {self.rule}: {self.words}"


@dataclass(frozen=True)
class LineNote:
    """A note of a counterpoint, counted in quarters of a bar whatever the cantus' length."""

    start: Fraction  # 4 is where the second bar begins
    length: Fraction  # over bar lines if it is tied
    pitch: int  # MIDI number in white notes

    @property
    def end(self) -> Fraction:
        """Where it ends."""
        return self.start + self.length

    @property
    def bar(self) -> int:
        """Bar in which it begins, from 0."""
        return int(self.start // BAR)

    @property
    def beat(self) -> Fraction:
        """Where it begins in its bar, from 0."""
        return self.start % BAR

    @property
    def is_tied(self) -> bool:
        """Whether it sounds on in the next bar."""
        return self.end > (self.bar + 1) * BAR


Line = tuple[LineNote, ...]


@dataclass(frozen=True)
class Worksheet:
    """A cantus with one or two counterpoints."""

    cantus: Cantus
    cantus_name: str  # of its voice, or the voice's number
    lines: tuple[Line, ...]  # the higher first
    species: int
    position: Position

    @classmethod
    def of(
        cls, sheet: Sheet, *, species: int | None = None, position: str | None = None
    ) -> "Worksheet":
        """The worksheet that a score is; species and position are told from it where not given."""
        refuse_unknown(species=species, position=position)
        voices = [voice for voice in sheet.voices if voice.tones]
        _refuse_no_worksheet(voices, sheet.name)
        if species is None and len(voices) > 2:
            species = FIRST
        index = _cantus_index(voices, sheet, position)
        cantus = Cantus.of(voices[index], sheet.name, sheet.key)
        lines = [_line_of(voice, cantus) for i, voice in enumerate(voices) if i != index]
        lines.sort(key=lambda line: -sum(note.pitch * note.length for note in line))
        if species is None:
            species = _guess_species(lines[0], len(cantus.pitches))
        if len(lines) == 2 and species != FIRST:
            raise InputError(
                sheet.name, "has three voices", "three voices are checked in first species only"
            )
        is_above = _mean_pitch(lines[0]) >= _mean_pitch(whole_notes(cantus.pitches))
        return cls(
            cantus,
            voices[index].name or f"voice {index + 1}",
            tuple(lines),
            species,
            position_named(position or ("above" if is_above else "below")),
        )


def position_named(name: str) -> Position:
    """A position that `refuse_unknown` has let pass."""
    return "above" if name == "above" else "below"


def refuse_unknown(
    *, species: int | None = None, position: str | None = None, voices: int = 2
) -> None:
    """Refuse a species, position or number of voices that there is none of."""
    if species is not None and species not in rules.SPECIES:
        raise InputError(f"species {species}", "is out of range", "use 1 to 5")
    if position is not None and position not in POSITIONS:
        raise InputError(f"position {position}", "is not known", "use above or below")
    if voices not in (2, 3):
        raise InputError(f"{voices} voices", "cannot be written", "use 2 or 3")
    if voices == 3 and species not in (None, FIRST):
        raise InputError("3 voices", "are written in first species only", "use species 1")


def _refuse_no_worksheet(voices: Sequence[Voice], name: str) -> None:
    if not 2 <= len(voices) <= 3:
        problem = f"has {len(voices)} voice{'s' * (len(voices) != 1)}"
        raise InputError(name, problem, "give a cantus and one or two voices, each a part of it")
    for number, voice in enumerate(voices, 1):
        if not voice.is_melody:
            raise InputError(
                name,
                f"{voice.name or f'voice {number}'} sounds several notes at once",
                "write each voice as a part of its own",
            )


def _cantus_index(voices: Sequence[Voice], sheet: Sheet, position: str | None) -> int:
    """Which voice is the cantus: named so, else of equal notes that end like one."""
    even = [index for index, voice in enumerate(voices) if has_equal_notes(voice)]
    if not even:
        raise InputError(
            sheet.name, "no voice has notes of one length", "give the cantus in equal long notes"
        )
    slowest = max(voices[index].tones[0].length for index in even)
    even = [index for index in even if voices[index].tones[0].length == slowest]

    def order(index: int) -> tuple[int, int, float]:
        name = voices[index].name.lower().replace(".", "")
        named = "cantus" in name or name.split()[:1] == ["cf"]
        try:
            pitches = Cantus.of(voices[index], sheet.name, sheet.key).pitches
            likeness = 2 if pitches[-2] > pitches[-1] else 1
        except InputError:
            likeness = 0
        tones = voices[index].tones
        height = sum(tone.pitch for tone in tones) / len(tones)
        return (named, likeness, height if position == "below" else -height)

    return max(even, key=order)


def _mean_pitch(line: Line) -> float:
    """Mean of a line's pitches, each weighed by its length."""
    return float(sum(n.pitch * n.length for n in line) / sum(n.length for n in line))


def whole_notes(pitches: Sequence[int]) -> Line:
    """A line of one note a bar."""
    bars = range(len(pitches))
    return tuple(LineNote(Fraction(BAR * i), Fraction(BAR), pitches[i]) for i in bars)


def _line_of(voice: Voice, cantus: Cantus) -> Line:
    """A voice in white notes and quarters of a bar; the last bar has no end of its own."""
    end = Fraction(BAR * len(cantus.pitches))
    notes = []
    for tone in voice.tones:
        start, stop = cantus.bars(tone.start), cantus.bars(tone.end)
        if start < 0 or start >= end:
            raise InputError(
                cantus.name, "a voice sounds outside the cantus", "let them begin and end together"
            )
        if start >= end - BAR and stop > end:
            stop = end
        notes.append(LineNote(start, stop - start, tone.pitch + cantus.shift))
    return tuple(notes)


def _guess_species(line: Line, n_bars: int) -> int:
    """Species whose note values a line has."""
    inner = [note for note in line if note.bar < n_bars - 1]
    lengths = {note.length for note in inner}
    ties = any(note.is_tied for note in inner)
    if lengths <= {4} and not ties:
        return FIRST
    if lengths <= {1}:
        return THIRD
    if min(lengths) < 2:
        n_quarters = sum(note.length == 1 for note in inner)
        is_third = min(lengths) == 1 and n_quarters >= _QUARTERS_OF_THIRD * len(inner)
        return THIRD if is_third else FIFTH
    return FOURTH if ties else SECOND


def read_cantus(sheet: Sheet) -> Cantus:
    """The cantus that a score of one voice is."""
    voices = [voice for voice in sheet.voices if voice.tones]
    if len(voices) > 1:
        raise InputError(sheet.name, f"has {len(voices)} voices", "give the cantus alone")
    if not voices:
        raise InputError(sheet.name, "has no notes", "choose a cantus with notes")
    return Cantus.of(voices[0], sheet.name, sheet.key)


def sheet_of(cantus: Cantus, lines: Sequence[Line], position: Position, template: Sheet) -> Sheet:
    """Score of a cantus and its counterpoints, in the cantus' own key and note values."""
    unit = cantus.length / BAR
    end = BAR * (len(cantus.pitches) - 1)

    def tones(line: Line, shift: int) -> tuple[Tone, ...]:
        return tuple(
            Tone(
                cantus.start + note.start * unit,
                cantus.last if note.start == end else note.length * unit,
                note.pitch - shift,
            )
            for note in line
        )

    number = ("",) if len(lines) == 1 else (" I", " II")
    added = [
        Voice(tones(line, cantus.shift), f"Counterpoint{suffix}")
        for line, suffix in zip(lines, number, strict=True)
    ]
    own = Voice(tones(whole_notes(cantus.pitches), cantus.shift), "Cantus")
    voices = (*added, own) if position == "above" else (own, *added)
    return replace(template, voices=voices)
