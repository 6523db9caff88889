"""A melody bar by bar: events and their onsets, and the rhythm of each beat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.score.keys import key_fits
from cambiata.score.midi import Metre
from cambiata.score.parts import track_list
from cambiata.score.sheet import Sheet, Tone, Voice

# Of a quarter note; a beat has 24 of them, or 36 where it divides into three: thirty-seconds and
# triplets fall on whole steps.
STEPS = 24

# 2/4 with a median tone of at most so many quarter notes moves in sixteenths.
_SIXTEENTH = 0.25
# Of a tune's length, what a pitch class must sound to belong to its scale: one passing accidental
# in a tune of eight bars of eighths does not.
_LEAST_OF_SCALE = 0.02
# Shortest melody: less shows neither a rhythm that repeats nor a key.
_MIN_BARS, _MIN_TONES = 2, 4
# Longest: more than an hour of 4/4 at 120 a minute, and ten seconds of work; damaged times give
# hundreds of thousands.
_MAX_BARS = 2048

# Metres as they are counted here: beats of a bar, whether a beat divides into three, and how many
# times longer notes are taken to be, so that the usual fast note is an eighth.
_COUNTINGS = {
    (4, 4): (4, False, Fraction(1)),
    (2, 2): (4, False, Fraction(1)),
    (2, 4): (2, False, Fraction(1)),
    (3, 4): (3, False, Fraction(1)),
    (3, 8): (3, False, Fraction(2)),
    (4, 8): (4, False, Fraction(2)),
    (3, 2): (3, False, Fraction(1, 2)),
    (4, 2): (4, False, Fraction(1, 2)),
    (6, 8): (2, True, Fraction(1)),
    (9, 8): (3, True, Fraction(1)),
    (12, 8): (4, True, Fraction(1)),
    (6, 4): (2, True, Fraction(1, 2)),
    (6, 16): (2, True, Fraction(2)),
}

Pattern = tuple[tuple[int, bool], ...]
"""A beat's rhythm: steps at which something begins, and whether it is a tone (or a rest)."""


@dataclass(frozen=True)
class Counting:
    """Beats of a bar as they are counted, whatever the signature."""

    n_beats: int  # of a bar, 2 to 4
    is_compound: bool  # whether a beat divides into three
    # How many times longer written notes are taken to be; 2 for the sixteenths of 2/4.
    scale: Fraction = Fraction(1)

    @classmethod
    def of(cls, metre: Metre, lengths: Sequence[Fraction], name: str = "tune") -> "Counting":
        """Counting of a tune, by its metre and the lengths of its tones in quarter notes.

        2/4 that moves in sixteenths is counted as 4/4 that moves in eighths.
        """
        counted = _COUNTINGS.get((metre.beats, metre.unit))
        if counted is None:
            metres = ", ".join(f"{beats}/{unit}" for beats, unit in _COUNTINGS)
            raise InputError(name, f"is in {metre}, a metre that is not known", f"use {metres}")
        if (
            metre == Metre(2, 4)
            and lengths
            and np.median([float(x) for x in lengths]) <= _SIXTEENTH
        ):
            return cls(4, False, Fraction(2))
        return cls(*counted)

    @property
    def beat_steps(self) -> int:
        """Steps of a beat."""
        return 36 if self.is_compound else 24

    @property
    def bar_steps(self) -> int:
        """Steps of a bar."""
        return self.beat_steps * self.n_beats

    @property
    def kind(self) -> tuple[int, bool]:
        """Beats of a bar and whether they divide into three: what tunes share whose rhythms fit."""
        return self.n_beats, self.is_compound

    def __str__(self) -> str:
        return f"{self.n_beats * 3}/8" if self.is_compound else f"{self.n_beats}/4"


@dataclass(frozen=True, slots=True)
class Event:
    """A tone or a rest that begins in a bar."""

    onset: Fraction  # in quarter notes as written, from the bar's beginning
    pitch: int | None  # MIDI number; None for a rest
    velocity: int = 100

    @property
    def is_tone(self) -> bool:
        """Whether it sounds."""
        return self.pitch is not None


Bar = tuple[Event, ...]
"""Events that begin in a bar; before the first of them the last bar's tone or rest goes on."""


@dataclass(frozen=True)
class MelodyLine:
    """A melody cut into bars; each tone lasts until something else begins."""

    bars: tuple[Bar, ...]  # the first is shorter where there is a pickup
    metre: Metre  # as written
    counting: Counting
    # Length of the incomplete first bar, in quarter notes; 0: there is none.
    pickup: Fraction = Fraction(0)

    @classmethod
    def of(
        cls, voice: Voice, metre: Metre, pickup: Fraction = Fraction(0), name: str = "tune"
    ) -> "MelodyLine":
        """A voice cut into bars; `voice` gives the same tones back."""
        counting = Counting.of(metre, [tone.length for tone in voice.tones], name)
        events: list[tuple[Fraction, Event]] = []
        last = Fraction(0)
        for tone in voice.tones:
            if tone.start > last or not events:
                events.append((last, Event(last, None)))
            events.append((tone.start, Event(tone.start, tone.pitch, tone.velocity)))
            last = tone.end
        events.append((last, Event(last, None)))
        if events[1][0] == 0:
            del events[0]
        first = pickup or metre.bar
        n_bars = 1 + max(0, -int((first - last) // metre.bar))
        bars: list[list[Event]] = [[] for _ in range(n_bars)]
        for onset, event in events:
            index = 0 if onset < first else 1 + int((onset - first) // metre.bar)
            if index < n_bars:  # the rest after a last full bar begins none
                begin = Fraction(0) if index == 0 else first + (index - 1) * metre.bar
                bars[index].append(replace(event, onset=onset - begin))
        return cls(tuple(tuple(bar) for bar in bars), metre, counting, pickup)

    @property
    def bar_starts(self) -> list[Fraction]:
        """Where each bar begins, in quarter notes, and where the last one ends."""
        first = self.pickup or self.metre.bar
        return [Fraction(0), *(first + i * self.metre.bar for i in range(len(self.bars)))]

    def voice(self, like: Voice) -> Voice:
        """Its tones, with another voice's name and program."""
        bar_starts = self.bar_starts
        events = [
            (begin + event.onset, event)
            for begin, bar in zip(bar_starts, self.bars, strict=False)
            for event in bar
        ]
        ends = [*(onset for onset, _ in events[1:]), bar_starts[-1]]
        return replace(
            like,
            tones=tuple(
                Tone(onset, end - onset, event.pitch, event.velocity)
                for (onset, event), end in zip(events, ends, strict=True)
                if event.pitch is not None and end > onset
            ),
        )

    @property
    def full_bars(self) -> range:
        """Indexes of the full bars: a pickup is left as it is."""
        return range(bool(self.pickup), len(self.bars))

    def groups(self) -> dict[Bar, list[int]]:
        """Indexes of the full bars that are equal, by the bar, in the order of their first."""
        indices: dict[Bar, list[int]] = {}
        for i in self.full_bars:
            indices.setdefault(self.bars[i], []).append(i)
        return indices

    @cached_property
    def tonic(self) -> int:
        """MIDI number of the tonic that lies next below the melody's mean."""
        tones = self.voice(Voice(())).tones
        pitch_class = estimate_tonic(tones)
        mean = np.average([tone.pitch for tone in tones], weights=[float(t.length) for t in tones])
        return int(np.floor((mean - pitch_class) / 12)) * 12 + pitch_class

    @cached_property
    def scale(self) -> npt.NDArray[np.float32]:
        """Mask of the pitch classes above the tonic that it uses [12]."""
        used = np.zeros(12)
        for tone in self.voice(Voice(())).tones:
            used[(tone.pitch - self.tonic) % 12] += float(tone.length)
        return np.asarray(used >= _LEAST_OF_SCALE * used.sum(), np.float32)

    def steps(self, bar: Bar) -> Iterator[tuple[int, Event]]:
        """A bar's events with the nearest steps at which they are counted."""
        for event in bar:
            step = round(event.onset * self.counting.scale * STEPS)
            yield min(step, self.counting.bar_steps - 1), event

    def patterns(self, bar: Bar) -> list[Pattern]:
        """The rhythm of each beat of a bar; an empty one where what sounded goes on."""
        beats: list[list[tuple[int, bool]]] = [[] for _ in range(self.counting.n_beats)]
        for step, event in self.steps(bar):
            beat, onset = divmod(step, self.counting.beat_steps)
            if not beats[beat] or beats[beat][-1][0] != onset:
                beats[beat].append((onset, event.is_tone))
        return [tuple(beat) for beat in beats]

    def sounding(self, index: int) -> int | None:
        """Pitch that goes on into a bar; None where a rest does, or at the beginning."""
        for bar in reversed(self.bars[:index]):
            if bar:
                return bar[-1].pitch
        return None


def melody_of_sheet(
    sheet: Sheet, *, track: int | None = None, skyline: bool = False
) -> tuple[int, MelodyLine]:
    """The melody of a sheet: the index of its voice, and the voice in bars.

    `track` is which voice, from 1; `skyline` takes the highest tones where several sound.
    """
    choices = track_list((voice.name, voice.program) for voice in sheet.voices)
    if track is None and len(sheet.voices) > 1:
        raise InputError(sheet.name, "has several parts", f"choose one with `track`: {choices}")
    number = 0 if track is None else track - 1
    if not 0 <= number < len(sheet.voices):
        raise InputError(sheet.name, f"has no track {track}", f"use {choices}")
    voice = sheet.voices[number]
    if skyline:
        voice = voice.skyline()
    if not voice.is_melody:
        raise InputError(
            sheet.name,
            "is polyphonic: tones sound together",
            "choose a melody with `track`, or take the highest tones with `skyline=True`",
        )
    if sheet.n_bars < _MIN_BARS or len(voice.tones) < _MIN_TONES:
        raise InputError(sheet.name, "is too short", "give a melody of two bars at least")
    if sheet.n_bars > _MAX_BARS:
        raise InputError(
            sheet.name,
            f"has {sheet.n_bars:,} bars, too many for a melody",
            f"cut it to {_MAX_BARS:,} at most, or correct its times",
        )
    return number, MelodyLine.of(voice, sheet.metre, sheet.pickup, sheet.name)


# What the last tone counts, of all lengths. Chosen: a tune that dwells on its fifth is not to be
# taken for one in that key. Higher: a tune that ends on another degree is.
_LAST_TONE_SHARE = 0.2


def estimate_tonic(tones: Sequence[Tone]) -> int:
    """Pitch class of a melody's tonic.

    The key whose profile (Krumhansl & Kessler 1982) correlates best with how long each pitch class
    sounds; the last tone counts as much as a fifth of the melody, since tunes end on their tonic.
    """
    used = np.zeros(12)
    for tone in tones:
        used[tone.pitch % 12] += float(tone.length)
    used[tones[-1].pitch % 12] += _LAST_TONE_SHARE * used.sum()
    return int(np.argmax(key_fits(used).max(axis=0)))
