"""Measures of a sheet as it is written: repeats are written as such where they are exact."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate

from cambiata.score.repeats import Form, Marks, TooManyRepeatsError, playing_order
from cambiata.score.sheet import Sheet

_COMES_FROM, _GOES_ON = 1, 2  # ties at a piece's ends


@dataclass(frozen=True, order=True)
class Piece:
    """What a measure has of a tone."""

    at: Fraction  # in the measure
    length: Fraction
    pitch: int
    velocity: int
    ties: int  # whether it comes from the measure before, and whether it goes on

    @property
    def end(self) -> Fraction:
        """Its end in the measure."""
        return self.at + self.length

    @property
    def comes_from(self) -> bool:
        """Whether it began before the measure."""
        return bool(self.ties & _COMES_FROM)

    @property
    def goes_on(self) -> bool:
        """Whether it sounds on in the next measure."""
        return bool(self.ties & _GOES_ON)


@dataclass
class Measure:
    """A written measure."""

    length: Fraction
    voices: list[list[Piece]]
    tempos: list[tuple[Fraction, float]]
    marks: Marks = field(default_factory=Marks)
    begins: tuple[Fraction, ...] = ()  # quarter notes at which it is played


def measures_of(sheet: Sheet) -> list[Measure]:
    """Measures to write: as they were written where each is played alike every time."""
    form = sheet.form
    if form is not None and form.order and min(form.lengths) > 0 and _has_pickup(form, sheet):
        begins = list(accumulate((form.lengths[i] for i in form.order), initial=Fraction(0)))
        if begins[-1] >= sheet.end:
            played = _played_measures(sheet, [form.lengths[i] for i in form.order])
            return _fold(played, form, by_tempo=bool(sheet.tempos)) or played
    lengths = [sheet.pickup] if sheet.pickup else []
    n_bars = max(sheet.n_bars, 0 if lengths else 1)
    return _played_measures(sheet, [*lengths, *[sheet.metre.bar] * n_bars])


def _has_pickup(form: Form, sheet: Sheet) -> bool:
    """Whether the first bar of a form is the sheet's pickup, which may have been changed."""
    first = form.lengths[form.order[0]]
    return sheet.pickup == (first if first < sheet.metre.bar and len(form.order) > 1 else 0)


def _played_measures(sheet: Sheet, lengths: list[Fraction]) -> list[Measure]:
    """Measures one after the other, no signs of repeats in them."""
    begins = list(accumulate(lengths, initial=Fraction(0)))
    measures = [
        Measure(length, [[] for _ in sheet.voices], [], begins=(begin,))
        for length, begin in zip(lengths, begins, strict=False)
    ]
    for number, voice in enumerate(sheet.voices):
        first = 0
        for tone in sorted(voice.tones):
            while begins[first + 1] <= tone.start:
                first += 1
            for i in range(first, len(measures)):
                if begins[i] >= tone.end:
                    break
                start, end = max(tone.start, begins[i]), min(tone.end, begins[i + 1])
                ties = _COMES_FROM * (start > tone.start) + _GOES_ON * (end < tone.end)
                piece = Piece(start - begins[i], end - start, tone.pitch, tone.velocity, ties)
                measures[i].voices[number].append(piece)
    for at, qpm in ((Fraction(0), sheet.qpm), *sheet.tempos):
        here = next((i for i in range(len(measures)) if begins[i] <= at < begins[i + 1]), None)
        if here is not None:
            measures[here].tempos.append((at - begins[here], qpm))
    return measures


def _fold(played: list[Measure], form: Form, *, by_tempo: bool) -> list[Measure] | None:
    """Written measures; None where one is not played alike each time, or its signs do not tell."""
    marks = [replace(each, double=False) for each in form.marks]
    for before, after in zip(form.order, form.order[1:], strict=False):
        if after <= before and marks[before].closes and after > 0:
            marks[after].opens = max(1, marks[after].opens)
    try:
        if playing_order(marks) != list(form.order):
            return None
    except TooManyRepeatsError:
        return None
    written: dict[int, Measure] = {}
    for measure, number in zip(played, form.order, strict=True):
        known = written.setdefault(number, measure)
        if known is measure:
            continue
        if measure.voices != known.voices or (by_tempo and measure.tempos != known.tempos):
            return None
        known.begins = (*known.begins, *measure.begins)
    if len(written) != len(marks):
        return None
    measures = [written[i] for i in range(len(marks))]
    for measure, each in zip(measures, marks, strict=True):
        measure.marks = each
    return measures
