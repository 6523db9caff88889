"""A part of a MusicXML score: the bars of its staves, with their notes and signs."""

import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Literal
from xml.etree.ElementTree import Element

from cambiata.score.midi import Metre
from cambiata.score.musicxml.dynamics import Dynamics, velocity_of_percent
from cambiata.score.played import Bar, WrittenNote, WrittenVoice, printable
from cambiata.score.repeats import MAX_TURNS, Marks
from cambiata.score.spelling import STEPS, key_name

_LONGEST = 4096  # quarter notes of one note; longer ones are slips
_FINEST = 2**15  # denominator of a length in quarter notes: programs count with up to 10,080
# Quarter notes by which a duration may differ from its note value: a triplet's eighth in 32 steps
# of a quarter differs by 1/96. A sixty-fourth's half is more.
_ROUNDED = Fraction(1, 90)
_MOST_STAVES = 16
_SNARE = 38  # what a drum is taken for that the list of instruments does not name
_TYPES = {
    "maxima": Fraction(32),
    "long": Fraction(16),
    "breve": Fraction(8),
    "whole": Fraction(4),
    "half": Fraction(2),
    "quarter": Fraction(1),
    "eighth": Fraction(1, 2),
    **{f"{2**power}th": Fraction(4, 2**power) for power in (4, 6, 7, 8, 9, 10)},
    "32nd": Fraction(1, 8),
}


@dataclass(frozen=True)
class _Transposition:
    """How much higher a staff sounds than it is written."""

    semitones: int = 0  # octaves among them
    fifths: int = 0  # of its key

    @classmethod
    def of(cls, transpose: Element) -> "_Transposition":
        chromatic = _number(transpose.findtext("chromatic"))
        octaves = _number(transpose.findtext("octave-change"))
        # A tone is two fifths; of enharmonic keys the one with fewer signs.
        fifths = (7 * chromatic + 5) % 12 - 5
        if transpose.find("diatonic") is not None:
            fifths = 7 * chromatic - 12 * _number(transpose.findtext("diatonic"))
        return cls(chromatic + 12 * octaves, fifths)


def _number(text: str | None) -> int:
    """Whole number that a text begins with; 0 where there is none."""
    found = re.match(r"\s*([+-]?\d{1,4})", text or "")
    return int(found[1]) if found else 0


# A score has few lengths, each of them thousands of times; fractions are most of the reader's time.
@lru_cache(maxsize=4096)
def _fraction(text: str | None) -> Fraction | None:
    try:
        value = Fraction((text or "").strip())
    except (ValueError, ZeroDivisionError):
        return None
    return value if abs(value) < 10**9 else None


def _written_length(note: Element) -> Fraction:
    """Length that a note's value, dots and tuplet say, in quarter notes; 0 where it has none."""
    return _length_of_value(
        note.findtext("type") or "",
        min(4, len(note.findall("dot"))),
        _number(note.findtext("time-modification/actual-notes")),
        _number(note.findtext("time-modification/normal-notes")),
    )


@lru_cache(maxsize=4096)
def _length_of_value(name: str, n_dots: int, actual: int, normal: int) -> Fraction:
    length = _TYPES.get(name, Fraction(0)) * (2 - Fraction(1, 2**n_dots))
    return length * Fraction(normal, actual) if 0 < actual < 100 and 0 < normal < 100 else length


@lru_cache(maxsize=4096)
def _length_of_duration(duration: Fraction, divisions: Fraction, written: Fraction) -> Fraction:
    """Length in quarter notes of a duration, or as it is written where it is rounded from that."""
    length = (duration / divisions).limit_denominator(_FINEST)
    if 0 < abs(length - written) <= _ROUNDED:
        return written  # a triplet in divisions that are no multiple of three
    return length if 0 < length <= _LONGEST else Fraction(0)


class PartReader:
    """A part while it is read, measure by measure."""

    def __init__(self, entry: Element) -> None:
        self.name = printable(entry.findtext("part-name") or "")
        midi = entry.findall("midi-instrument")
        self._drums = {
            each.get("id", ""): _number(each.findtext("midi-unpitched")) - 1
            for each in midi
            if each.find("midi-unpitched") is not None
        }
        programs = [_number(each.findtext("midi-program")) for each in midi]
        self.program = next((each - 1 for each in programs if 1 <= each <= 128), 0)
        self._drum_notes: set[int] = set()  # ids of those without pitch
        self._is_drum = any(_number(each.findtext("midi-channel")) == 10 for each in midi)
        self._staves: list[list[Bar]] = [[]]
        self._first_keys = [""]
        self._starts: list[Fraction] = []  # of measures, as they are written
        self._begin = Fraction(0)  # of the measure that is read, and the place in it
        self._at = self._previous_at = self._end = Fraction(0)
        self._divisions = Fraction(1)
        self._metre: Metre | None = None
        self._fifths: int | None = None
        self._is_minor = False
        self._transpositions = {0: _Transposition()}  # by staff, 0 where none of its own is said
        self._dynamics = Dynamics()
        self._endings: tuple[int, ...] = ()
        self._closes_ending = False
        self._next_marks = Marks()
        self._n_notes = 0
        self._repeated_bars = 0  # how many are played again, where a sign says so

    def read(self, measure: Element) -> None:
        """Read the next measure."""
        self._starts.append(self._begin)
        self._at = self._previous_at = self._end = Fraction(0)
        for bars in self._staves:
            bars.append(Bar(self._metre))
        self._bar.marks = self._next_marks
        self._next_marks = Marks()
        for element in measure:
            if element.tag == "note":
                self._read_note(element)
            elif element.tag == "backup":
                self._at = max(Fraction(0), self._at - self._duration(element))
            elif element.tag == "forward":
                self._move(self._duration(element))
            elif element.tag == "attributes":
                self._read_attributes(element)
            elif element.tag == "direction":
                self._read_direction(element)
            elif element.tag == "sound":
                self._read_sound(element, self._at)
            elif element.tag == "barline":
                self._read_barline(element)
        self._end_measure()

    def _end_measure(self) -> None:
        if self._repeated_bars and len(self._starts) > self._repeated_bars:
            for bars in self._staves:
                before = bars[-1 - self._repeated_bars]
                if not bars[-1].notes:
                    bars[-1].notes = [replace(note) for note in before.notes]
                    self._end = max(self._end, before.length)
        if self._metre and self._end > self._metre.bar:
            # Too long a rest, a slip of programs, does not lengthen a bar.
            ends = (n.at + n.length for bars in self._staves for n in bars[-1].notes)
            self._end = max(self._metre.bar, *ends, Fraction(0))
        if self._endings:
            self._bar.marks.endings = self._endings
        if self._closes_ending:
            self._endings, self._closes_ending = (), False
        for bars in self._staves:
            bars[-1].length = self._end
        self._begin += self._end

    @property
    def _bar(self) -> Bar:
        """The measure in the first staff, which has its signs."""
        return self._staves[0][-1]

    def _duration(self, element: Element) -> Fraction:
        """Duration of a note, or of a way forward or back, in quarter notes."""
        duration = _fraction(element.findtext("duration"))
        written = _written_length(element)
        if duration is None:
            return written
        return _length_of_duration(duration, self._divisions, written)

    def _move(self, length: Fraction) -> None:
        self._previous_at = self._at
        self._at += length
        self._end = max(self._end, self._at)

    # Attributes ---------------------------------------------------------------------------------

    def _read_attributes(self, attributes: Element) -> None:
        divisions = _fraction(attributes.findtext("divisions"))
        if divisions is not None and divisions > 0:
            self._divisions = divisions
        for time in attributes.findall("time")[:1]:
            self._read_time(time)
        for key in attributes.findall("key")[:1]:
            has_fifths = key.find("fifths") is not None
            self._fifths = _number(key.findtext("fifths")) if has_fifths else None
            self._is_minor = key.findtext("mode") in ("minor", "aeolian")
        for transpose in attributes.findall("transpose"):
            staff = _number(transpose.get("number"))
            self._transpositions[staff] = _Transposition.of(transpose)
        for sign in attributes.findall("measure-style/measure-repeat"):
            self._repeated_bars = max(1, _number(sign.text)) if sign.get("type") == "start" else 0

    def _read_time(self, time: Element) -> None:
        units = [_number(each.text) for each in time.findall("beat-type")]
        beats = [
            sum(_number(each) for each in (count.text or "").split("+"))
            for count in time.findall("beats")
        ]
        pairs = [(n, unit) for n, unit in zip(beats, units, strict=False) if n > 0 and unit > 0]
        pairs = [(n, unit) for n, unit in pairs if n <= 1000 and unit in (1, 2, 4, 8, 16, 32, 64)]
        if not pairs:
            return  # free time, or none that can be counted
        finest = max(unit for _, unit in pairs)
        self._metre = Metre(sum(n * finest // unit for n, unit in pairs), finest)
        for bars in self._staves:
            bars[-1].metre = self._metre

    def _key(self, staff: int) -> str:
        """Name of the key that sounds in a staff; empty where the score says nothing."""
        if self._fifths is None:
            return ""
        return key_name(self._fifths + self._transposition(staff).fifths, is_minor=self._is_minor)

    def _transposition(self, staff: int) -> _Transposition:
        return self._transpositions.get(staff, self._transpositions[0])

    # Notes --------------------------------------------------------------------------------------

    def _read_note(self, note: Element) -> None:
        if note.find("grace") is not None:
            return
        at = self._previous_at if note.find("chord") is not None else self._at
        length = self._duration(note)
        rest = note.find("rest")
        if rest is not None and rest.get("measure") == "yes" and not length and self._metre:
            length = self._metre.bar
        if note.find("chord") is None:
            self._move(length)
        if rest is not None or not length or note.find("cue") is not None:
            return
        staff = min(max(1, _number(note.findtext("staff")) or 1), _MOST_STAVES)
        pitch = self._pitch(note, staff)
        if pitch is None or not 0 <= pitch <= 127:
            return
        self._n_notes += 1
        while len(self._staves) < staff:
            self._staves.append([Bar(self._metre, length=bar.length) for bar in self._staves[0]])
            self._first_keys.append("")
        self._first_keys[staff - 1] = self._first_keys[staff - 1] or self._key(staff)
        velocity = velocity_of_percent(note.get("dynamics", "")) or 0
        # Ties that sound; where none are, those that are drawn.
        ties = note.findall("tie") or note.findall("notations/tied")
        is_tied = any(tie.get("type") == "start" for tie in ties)
        written = WrittenNote(at, length, pitch, velocity, is_tied)
        self._staves[staff - 1][-1].notes.append(written)
        if note.find("unpitched") is not None:
            self._drum_notes.add(id(written))

    def _pitch(self, note: Element, staff: int) -> int | None:
        """MIDI number that a note sounds at; None where it has none."""
        pitch = note.find("pitch")
        if pitch is not None:
            step = STEPS.get((pitch.findtext("step") or "").strip())
            if step is None:
                return None
            alter = float(_fraction(pitch.findtext("alter")) or 0)
            octave = _number(pitch.findtext("octave"))
            sounding = self._transposition(staff).semitones
            return 12 * (octave + 1) + math.floor(step + alter + 0.5) + sounding
        if note.find("unpitched") is None:
            return None
        instrument = note.find("instrument")
        key = instrument.get("id", "") if instrument is not None else ""
        return self._drums.get(key, next(iter(self._drums.values()), _SNARE))

    # Signs --------------------------------------------------------------------------------------

    def _read_barline(self, barline: Element) -> None:
        marks = self._bar.marks
        for ending in barline.findall("ending"):
            kind = ending.get("type")
            if kind == "start":
                self._endings = _turns(ending.get("number", ""))
                marks.begins_ending = True
            else:
                # The bar is in it; the next is not.
                self._closes_ending = True
        for repeat in barline.findall("repeat"):
            times = min(MAX_TURNS, _number(repeat.get("times")) or 2)
            if repeat.get("direction") == "forward":
                marks.opens = max(marks.opens, 1)
            elif times > 1:
                marks.closes = max(marks.closes, times - 1)
        for name in ("segno", "coda"):
            if barline.find(name) is not None:
                self._put_sign(name, at_end=barline.get("location", "right") != "left")

    def _put_sign(self, name: str, *, at_end: bool) -> None:
        setattr(self._next_marks if at_end else self._bar.marks, name, True)

    def _read_direction(self, direction: Element) -> None:
        offset = _fraction(direction.findtext("offset")) or Fraction(0)
        place = max(Fraction(0), self._at + (offset / self._divisions).limit_denominator(_FINEST))
        written = self._begin + place
        for dynamics in direction.findall("direction-type/dynamics"):
            for mark in dynamics:
                self._dynamics.mark(written, mark.tag)
        for wedge in direction.findall("direction-type/wedge"):
            self._dynamics.wedge(written, wedge.get("type", ""), wedge.get("number", "1"))
        for pedal in direction.findall("direction-type/pedal"):
            self._press_pedal(place, pedal.get("type", ""))
        sound = direction.find("sound")
        jumps = sound is not None and self._read_sound(sound, place)
        if not jumps:
            self._read_words(direction)
        if sound is None or sound.get("tempo") is None:
            for metronome in direction.findall("direction-type/metronome"):
                if qpm := _tempo_of(metronome):
                    self._bar.tempos.append((place, qpm))

    def _press_pedal(self, place: Fraction, kind: str) -> None:
        for bars in self._staves:
            if kind in ("start", "resume", "sostenuto"):
                bars[-1].pedal.append((place, True))
            elif kind in ("stop", "discontinue"):
                bars[-1].pedal.append((place, False))
            elif kind == "change":
                bars[-1].pedal += [(place, False), (place, True)]

    def _read_sound(self, sound: Element, place: Fraction) -> bool:
        """Obey a sound element; whether it says where to go on."""
        tempo = _fraction(sound.get("tempo"))
        if tempo is not None and 0 < tempo < 10**5:
            self._bar.tempos.append((place, float(tempo)))
        if sound.get("dynamics") is not None:
            self._dynamics.percent(self._begin + place, sound.get("dynamics", ""))
        if (damper := sound.get("damper-pedal")) is not None:
            self._press_pedal(place, "stop" if damper in ("no", "0") else "start")
        marks = self._bar.marks
        at_end = self._at > 0
        found = False
        for name, jump in _JUMPS.items():
            if sound.get(name) not in (None, "no"):
                marks.jump, found = jump, True
        for name in ("segno", "coda"):
            if sound.get(name) is not None:
                self._put_sign(name, at_end=at_end)
                found = True
        if sound.get("tocoda") is not None:
            marks.to_coda = found = True
        if sound.get("fine") not in (None, "no"):
            marks.fine = found = True
        return found

    def _read_words(self, direction: Element) -> None:
        """Obey what is written where no sound element says it for programs."""
        marks, at_end = self._bar.marks, self._at > 0
        words = " ".join(each.text or "" for each in direction.findall("direction-type/words"))
        words = " ".join(words.lower().split())
        if re.search(r"\bd\. ?c\.|\bda capo\b|^dc\b", words):
            marks.jump = "capo"
        elif re.search(r"\bd\. ?s\.|\b(?:dal|del) segno\b|^ds\b", words):
            marks.jump = "segno"
        elif re.fullmatch(r"\W*fine\W*", words):
            marks.fine = True
        elif re.search(r"\bto coda\b", words):
            marks.to_coda = True
        else:
            for name in ("segno", "coda"):
                if direction.find(f"direction-type/{name}") is not None:
                    self._put_sign(name, at_end=at_end)

    def finish(self) -> list[WrittenVoice]:
        """Its staves, with the velocities that its dynamics give.

        A part that has pitches is no drum's: what else it strikes is left out.
        """
        if self._n_notes and len(self._drum_notes) == self._n_notes:
            self._is_drum = True
        elif not self._is_drum:
            for bar in (bar for bars in self._staves for bar in bars):
                bar.notes = [note for note in bar.notes if id(note) not in self._drum_notes]
        notes = [
            (start + note.at, note)
            for bars in self._staves
            for start, bar in zip(self._starts, bars, strict=True)
            for note in bar.notes
            if not note.velocity
        ]
        velocities = self._dynamics.velocities([place for place, _ in notes])
        for (_, note), velocity in zip(notes, velocities, strict=True):
            note.velocity = velocity
        return [
            WrittenVoice(bars, self.name, self.program, self._is_drum, key)
            for bars, key in zip(self._staves, self._first_keys, strict=True)
        ]


_JUMPS: dict[str, Literal["capo", "segno"]] = {"dacapo": "capo", "dalsegno": "segno"}


def _turns(text: str) -> tuple[int, ...]:
    """Turns of a repeat that an ending's number names, "1, 2" or "1-3"."""
    turns: set[int] = set()
    for first, last in re.findall(r"(\d{1,2})(?:\s*-\s*(\d{1,2}))?", text):
        turns.update(range(int(first), min(MAX_TURNS, int(last or first)) + 1))
    return tuple(sorted(turns - {0}))


def _tempo_of(metronome: Element) -> float | None:
    """Quarter notes a minute of a metronome mark; None where it gives no number."""
    number = re.search(r"\d+(?:\.\d+)?", metronome.findtext("per-minute") or "")
    unit = _TYPES.get(metronome.findtext("beat-unit") or "")
    if number is None or unit is None or not 0 < float(number[0]) < 10**5:
        return None
    n_dots = min(4, len(metronome.findall("beat-unit-dot")))
    return float(number[0]) * float(unit * (2 - Fraction(1, 2**n_dots)))
