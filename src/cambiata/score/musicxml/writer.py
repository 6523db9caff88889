"""Sheets as MusicXML 4.0: at sounding pitch, with title, composer, part names and repeats."""

import io
import math
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from cambiata.score.musicxml.layers import Chord, beams_of, layers_of, signs_of
from cambiata.score.musicxml.lengths import NoteValue
from cambiata.score.musicxml.measures import Measure, Piece, measures_of
from cambiata.score.played import printable
from cambiata.score.sheet import Remark, Sheet
from cambiata.score.spelling import alteration, key_fifths, spell

_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles>'
    '<rootfile full-path="score.musicxml" media-type="application/vnd.recordare.musicxml+xml"/>'
    "</rootfiles></container>\n"
)
# Steps of a quarter note: what other programs take. Finer lengths are rounded to it.
_MOST_DIVISIONS = 10_080
_FORTE = 90  # velocity of 100 %, says MusicXML
_PLAIN = 100  # velocity of sheets that say nothing
_REMARK_COLOUR = "#C0392B"
_CHANNELS = (*range(1, 10), *range(11, 17))  # of MIDI: the tenth is that of drums
_MIDDLE_C = 60  # parts that lie lower on the whole have a bass clef


def musicxml_of(sheet: Sheet, remarks: Sequence[Remark] = ()) -> bytes:
    """MusicXML of a sheet; remarks are written in red above the first part."""
    root = Element("score-partwise", version="4.0")
    if sheet.title:
        SubElement(SubElement(root, "work"), "work-title").text = printable(sheet.title)
    identification = SubElement(root, "identification")
    if sheet.composer:
        creator = SubElement(identification, "creator", type="composer")
        creator.text = printable(sheet.composer)
    SubElement(SubElement(identification, "encoding"), "software").text = "Cambiata"
    measures = measures_of(sheet)
    parts = SubElement(root, "part-list")
    groups = _groups_of_staves(sheet)
    for number, group in enumerate(groups, 1):
        voice = sheet.voices[group[0]]
        _list_part(parts, number, voice.name, voice.program)
    for number, group in enumerate(groups):
        _PartWriter(sheet, number, group, measures, remarks).write(root)
    indent(root, " ")
    body: bytes = tostring(root, encoding="unicode").encode("utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + _DOCTYPE.encode() + body + b"\n"


def packed(score: bytes) -> bytes:
    """A score in a packed file, .mxl; the same score gives the same bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("META-INF/container.xml", _CONTAINER), ("score.musicxml", score)):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _groups_of_staves(sheet: Sheet) -> list[list[int]]:
    """Numbers of the voices of each part, one for each of its staves."""
    groups: list[list[int]] = []
    for number, voice in enumerate(sheet.voices):
        if voice.staff > 1 and groups:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _list_part(parts: Element, number: int, name: str, program: int) -> None:
    entry = SubElement(parts, "score-part", id=f"P{number}")
    name = printable(name)
    SubElement(entry, "part-name").text = name
    instrument = SubElement(entry, "score-instrument", id=f"P{number}-I1")
    SubElement(instrument, "instrument-name").text = name or f"Part {number}"
    midi = SubElement(entry, "midi-instrument", id=f"P{number}-I1")
    SubElement(midi, "midi-channel").text = str(_CHANNELS[(number - 1) % len(_CHANNELS)])
    SubElement(midi, "midi-program").text = str(program + 1)


class _PartWriter:
    """Writes one part, measure by measure."""

    def __init__(
        self,
        sheet: Sheet,
        number: int,
        staves: Sequence[int],
        measures: Sequence[Measure],
        remarks: Sequence[Remark],
    ) -> None:
        self.sheet, self.number, self.staves, self.measures = sheet, number, staves, measures
        self.remarks = remarks if number == 0 else ()
        self.fifths = key_fifths(sheet.key)
        fractions = [
            each.denominator
            for measure in measures
            for each in (
                measure.length,
                *(at for at, _ in measure.tempos),
                *(part for pieces in measure.voices for p in pieces for part in (p.at, p.length)),
            )
        ]
        values = math.lcm(*fractions) if fractions else 1
        self.divisions = min(values, _MOST_DIVISIONS)
        tones = [tone for staff in staves for tone in sheet.voices[staff].tones]
        # Velocities are written only where there are any: others play in their own default.
        self.has_dynamics = any(tone.velocity != _PLAIN for tone in tones)

    def write(self, root: Element) -> None:
        part = SubElement(root, "part", id=f"P{self.number + 1}")
        counted = 0
        for i, measure in enumerate(self.measures):
            is_short = measure.length < self.sheet.metre.bar
            goes_on = i > 0 and self._completes_bar(i)
            counted += not (goes_on or (is_short and i == 0))
            label = f"X{counted}" if goes_on else str(counted)
            element = SubElement(part, "measure", number=label)
            if goes_on or (is_short and i == 0):
                element.set("implicit", "yes")
            if i == 0:
                self._write_attributes(element)
            self._write_left(element, i)
            self._write_directions(element, measure)
            self._write_notes(element, measure)
            self._write_right(element, i)

    def _completes_bar(self, i: int) -> bool:
        """Whether a measure is the rest of a bar that a repeat parts."""
        before, measure = self.measures[i - 1], self.measures[i]
        return before.length + measure.length == self.sheet.metre.bar and i > 1

    def _units(self, quarters: Fraction) -> int:
        return round(quarters * self.divisions)

    def _write_attributes(self, measure: Element) -> None:
        attributes = SubElement(measure, "attributes")
        SubElement(attributes, "divisions").text = str(self.divisions)
        if self.sheet.key:
            key = SubElement(attributes, "key")
            SubElement(key, "fifths").text = str(self.fifths)
            SubElement(key, "mode").text = "minor" if self.sheet.key.endswith("m") else "major"
        time = SubElement(attributes, "time")
        SubElement(time, "beats").text = str(self.sheet.metre.beats)
        SubElement(time, "beat-type").text = str(self.sheet.metre.unit)
        if len(self.staves) > 1:
            SubElement(attributes, "staves").text = str(len(self.staves))
        for staff, number in enumerate(self.staves, 1):
            tones = self.sheet.voices[number].tones
            total = sum(tone.length for tone in tones)
            mean = sum(tone.pitch * tone.length for tone in tones) / total if total else _MIDDLE_C
            clef = SubElement(attributes, "clef")
            if len(self.staves) > 1:
                clef.set("number", str(staff))
            SubElement(clef, "sign").text = "G" if mean >= _MIDDLE_C else "F"
            SubElement(clef, "line").text = "2" if mean >= _MIDDLE_C else "4"

    # Signs --------------------------------------------------------------------------------------

    def _write_left(self, element: Element, i: int) -> None:
        marks = self.measures[i].marks
        if marks.opens or marks.begins_ending:
            barline = SubElement(element, "barline", location="left")
            if marks.opens:
                SubElement(barline, "bar-style").text = "heavy-light"
            if marks.begins_ending:
                self._write_ending(barline, i, "start")
            if marks.opens:
                SubElement(barline, "repeat", direction="forward")
        for name in ("segno", "coda"):
            if getattr(marks, name):
                self._write_direction(element, name, sound={name: name})

    def _write_ending(self, barline: Element, i: int, kind: str) -> None:
        turns = ", ".join(map(str, self.measures[i].marks.endings))
        SubElement(barline, "ending", number=turns, type=kind)

    def _write_right(self, element: Element, i: int) -> None:
        marks = self.measures[i].marks
        if marks.to_coda:
            self._write_direction(element, "words", "To Coda", {"tocoda": "coda"})
        if marks.fine:
            self._write_direction(element, "words", "Fine", {"fine": "yes"})
        if marks.jump == "capo":
            self._write_direction(element, "words", "D.C.", {"dacapo": "yes"})
        elif marks.jump == "segno":
            self._write_direction(element, "words", "D.S.", {"dalsegno": "segno"})
        is_last = i + 1 == len(self.measures)
        after = None if is_last else self.measures[i + 1].marks
        ends = bool(marks.endings) and (
            after is None or after.begins_ending or after.endings != marks.endings
        )
        if not (marks.closes or ends or is_last):
            return
        barline = SubElement(element, "barline", location="right")
        if marks.closes or is_last:
            SubElement(barline, "bar-style").text = "light-heavy"
        if ends:
            self._write_ending(barline, i, "stop" if marks.closes else "discontinue")
        if marks.closes:
            repeat = SubElement(barline, "repeat", direction="backward")
            if marks.closes > 1:
                repeat.set("times", str(marks.closes + 1))

    def _write_direction(
        self,
        element: Element,
        kind: str,
        text: str = "",
        sound: dict[str, str] | None = None,
        *,
        at: Fraction = Fraction(0),
        **attributes: str,
    ) -> Element:
        direction = SubElement(element, "direction", placement="above")
        inner = SubElement(SubElement(direction, "direction-type"), kind, attributes)
        if text:
            inner.text = text
        if at:
            SubElement(direction, "offset", sound="yes").text = str(self._units(at))
        if sound:
            SubElement(direction, "sound", sound)
        return inner

    def _write_directions(self, element: Element, measure: Measure) -> None:
        if self.number:
            return
        for at, qpm in measure.tempos:
            mark = self._write_direction(element, "metronome", sound={"tempo": f"{qpm:.6g}"}, at=at)
            SubElement(mark, "beat-unit").text = "quarter"
            SubElement(mark, "per-minute").text = f"{qpm:.4g}"
        for remark in self.remarks:
            for begin in measure.begins:
                if begin <= remark.at < begin + measure.length:
                    place = remark.at - begin
                    words = printable(remark.text)
                    self._write_direction(element, "words", words, at=place, color=_REMARK_COLOUR)

    # Notes --------------------------------------------------------------------------------------

    def _write_notes(self, element: Element, measure: Measure) -> None:
        voice = 0
        for staff, number in enumerate(self.staves, 1):
            altered: dict[tuple[str, int], int] = {}
            for layer in layers_of(measure.voices[number]) or [[]]:
                if voice:
                    backup = SubElement(element, "backup")
                    SubElement(backup, "duration").text = str(self._units(measure.length))
                voice += 1
                first = len(element)
                if layer:
                    self._write_layer(element, measure, layer, voice, altered)
                else:
                    self._write_empty_bar(element, measure, voice)
                if len(self.staves) > 1:
                    self._set_staff(element[first:], staff)

    def _set_staff(self, notes: Sequence[Element], staff: int) -> None:
        """Write the staff of some notes where the format wants it: before beams and notations."""
        for note in notes:
            names = [child.tag for child in note]
            after = ("beam", "notations")
            place = next((i for i, name in enumerate(names) if name in after), len(names))
            element = Element("staff")
            element.text = str(staff)
            note.insert(place, element)

    def _write_layer(
        self,
        element: Element,
        measure: Measure,
        layer: Sequence[Chord],
        voice: int,
        altered: dict[tuple[str, int], int],
    ) -> None:
        signs = list(signs_of(layer, measure.length))
        beams = beams_of(signs, self.sheet.metre)
        for (chord, value, at, is_first, is_last), beam in zip(signs, beams, strict=True):
            if not chord.pieces:
                self._write_rest(element, at, value, voice)
            for i, piece in enumerate(chord.pieces):
                ties = piece.comes_from if is_first else True, piece.goes_on if is_last else True
                note = self._write_note(
                    element, piece, at, value, voice, altered, is_chord=i > 0, ties=ties
                )
                self._finish_note(note, value, beam if i == 0 else [], ties, i == 0)

    def _write_empty_bar(self, element: Element, measure: Measure, voice: int) -> None:
        note = SubElement(element, "note")
        SubElement(note, "rest", measure="yes")
        SubElement(note, "duration").text = str(self._units(measure.length))
        SubElement(note, "voice").text = str(voice)

    def _duration(self, at: Fraction, value: NoteValue) -> str:
        # By its ends, so that rounded lengths do not add up to another bar.
        return str(self._units(at + value.length) - self._units(at))

    def _write_rest(self, element: Element, at: Fraction, value: NoteValue, voice: int) -> None:
        note = SubElement(element, "note")
        SubElement(note, "rest")
        SubElement(note, "duration").text = self._duration(at, value)
        SubElement(note, "voice").text = str(voice)
        self._finish_note(note, value, [], (False, False), True)

    def _write_note(
        self,
        element: Element,
        piece: Piece,
        at: Fraction,
        value: NoteValue,
        voice: int,
        altered: dict[tuple[str, int], int],
        *,
        is_chord: bool,
        ties: tuple[bool, bool],
    ) -> Element:
        note = SubElement(element, "note")
        if self.has_dynamics:
            note.set("dynamics", f"{100 * piece.velocity / _FORTE:.2f}")
        if is_chord:
            SubElement(note, "chord")
        spelling = spell(piece.pitch, self.fifths)
        pitch = SubElement(note, "pitch")
        SubElement(pitch, "step").text = spelling.step
        if spelling.alter:
            SubElement(pitch, "alter").text = str(spelling.alter)
        SubElement(pitch, "octave").text = str(spelling.octave)
        SubElement(note, "duration").text = self._duration(at, value)
        for is_tied, kind in zip(ties, ("stop", "start"), strict=True):
            if is_tied:
                SubElement(note, "tie", type=kind)
        SubElement(note, "voice").text = str(voice)
        place = spelling.step, spelling.octave
        before = altered.get(place, alteration(spelling.step, self.fifths))
        if spelling.alter != before and not ties[0]:
            altered[place] = spelling.alter
            note.set("_accidental", str(spelling.alter))
        return note

    def _finish_note(
        self,
        note: Element,
        value: NoteValue,
        beams: Sequence[str],
        ties: tuple[bool, bool],
        is_first: bool,
    ) -> None:
        """What follows the voice, in the order of the format."""
        SubElement(note, "type").text = value.name
        for _ in range(value.n_dots):
            SubElement(note, "dot")
        if (alter := note.attrib.pop("_accidental", None)) is not None:
            names = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
            SubElement(note, "accidental").text = names[int(alter)]
        if value.actual > 1:
            modification = SubElement(note, "time-modification")
            SubElement(modification, "actual-notes").text = str(value.actual)
            SubElement(modification, "normal-notes").text = str(value.normal)
        for level, beam in enumerate(beams, 1):
            SubElement(note, "beam", number=str(level)).text = beam
        tuplet = value.tuplet if is_first else ""
        if not (any(ties) or tuplet):
            return
        notations = SubElement(note, "notations")
        for is_tied, kind in zip(ties, ("stop", "start"), strict=True):
            if is_tied:
                SubElement(notations, "tied", type=kind)
        if tuplet:
            SubElement(notations, "tuplet", type=tuplet)
