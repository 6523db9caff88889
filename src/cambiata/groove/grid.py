"""Drums on a grid: hits by bar and step, their velocities, and their offsets from the step."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.score.midi import Metre, Note, Score

Array = npt.NDArray[np.float32]

DRUMS = (
    "kick",
    "snare",
    "closed hi-hat",
    "open hi-hat",
    "low tom",
    "mid tom",
    "high tom",
    "crash",
    "ride",
)
N_DRUMS = len(DRUMS)
# General MIDI's number first, which stands for the class; then those of the Groove MIDI Dataset's
# kit (Gillick et al. 2019, appendix) and General MIDI's other drums of the kind.
_PITCHES = (
    (36, 35),
    (38, 40, 37, 39),
    (42, 22, 44),
    (46, 26),
    (43, 58, 41),
    (47, 45),
    (50, 48),
    (49, 55, 57, 52),
    (51, 59, 53),
)
_CLASSES = {pitch: drum for drum, pitches in enumerate(_PITCHES) for pitch in pitches}

STRAIGHT = 4
"""Steps of a quarter note on the grid of sixteenths, in compound metres too."""
_TRIPLETS = (3, 6)
# The choice of a grid (`_likely_grid`):
_TIMING_STD = 0.05  # quarters, of notes from their steps: Groove MIDI's standard deviation
# Share of notes expected on beats, whatever the grid, so that drums that keep to beats speak for
# none.
_ON_BEAT_SHARE = 0.5
_OFF_GRID_SHARE = 0.1  # of notes that are on no grid: one ornament cannot rule a grid out
# Nats that each note must be likelier on a grid of triplets than on sixteenths, since finer grids
# and loose playing look alike. Chosen; higher: loose triplets are taken for sixteenths.
_GRID_PENALTY = {STRAIGHT: 0.0, 3: 0.1, 6: 0.2}
# Longest: nearly three hours of 4/4 at 120 a minute, and ten seconds of work; damaged times give
# hundreds of thousands.
_MAX_BARS = 5000
_TOLERANCE = 1e-6  # quarters: rounding of times in seconds, far below a tick
_ARRAY_DURATION = 0.125  # quarters: of notes made from arrays, which have none; half a sixteenth


class Strike(NamedTuple):
    """A note of drums, in quarter notes."""

    onset: float
    duration: float
    pitch: int  # MIDI number
    velocity: int  # 1 to 127


@dataclass(frozen=True, slots=True)
class Hit:
    """A strike on the grid."""

    bar: int  # from 0
    step: int  # in the bar, from 0
    # In quarter notes from its bar's beginning; a little before 0 for one that comes early.
    onset: float
    duration: float  # in quarter notes
    pitch: int  # MIDI number
    velocity: int  # 1 to 127

    @property
    def drum(self) -> int:
        """Index in `DRUMS`, or `N_DRUMS` and its pitch for what is none of them (a conga)."""
        return drum_class(self.pitch)


def drum_class(pitch: int) -> int:
    """Index in `DRUMS` of a pitch, or `N_DRUMS` and the pitch for what is none of them.

    Nine classes as Gillick et al. 2019 reduce the pitches of the Groove MIDI Dataset to; drums of
    General MIDI that are none of them stay by themselves, each its own drum.
    """
    return _CLASSES.get(pitch, N_DRUMS + pitch)


def drum_pitch(drum: int) -> int:
    """The pitch that stands for a drum in General MIDI."""
    return _PITCHES[drum][0] if drum < N_DRUMS else drum - N_DRUMS


@dataclass(frozen=True)
class Groove:
    """A drum part in bars, on a grid of equal steps, every note kept as it was played."""

    metres: tuple[Metre, ...]  # one for every bar
    steps_per_quarter: int  # 4: sixteenths; 3 or 6: triplets of eighths or sixteenths
    hits: tuple[Hit, ...]  # by bar, step and place
    name: str = "groove"  # for messages
    quarters_per_minute: float = 120.0  # where it begins

    @classmethod
    def of(
        cls, score: Score, *, metre: Metre | None = None, steps_per_quarter: int | None = None
    ) -> "Groove":
        """The drums of a score."""
        strikes = drum_strikes(score)
        if not strikes:
            raise InputError(
                score.name, "has no drums", "choose a file that has notes on MIDI's channel 10"
            )
        changes = score.clock.metres or (((0.0, metre),) if metre else ())
        if not changes:
            raise InputError(
                score.name,
                "has no time signature",
                "write its time signature into the file, or name one (4/4)",
            )
        metres, bar_starts = _bars(changes, strikes[-1].onset + 1, score.name)
        if steps_per_quarter is None:
            # Where eighths are beats or parts of uneven ones, triplets of quarters are no grid.
            quarters = all(each.unit <= 4 for each in metres)
            steps_per_quarter = _likely_grid([s.onset for s in strikes]) if quarters else STRAIGHT
        hits = []
        for strike in strikes:
            step = int(np.floor(strike.onset * steps_per_quarter + 0.5))
            # Bars begin on steps: a note just before one belongs to it.
            bar = bisect_right(bar_starts, step / steps_per_quarter + _TOLERANCE) - 1
            hits.append(
                Hit(
                    bar,
                    step - round(bar_starts[bar] * steps_per_quarter),
                    strike.onset - bar_starts[bar],
                    *strike[1:],
                )
            )
        hits.sort(key=lambda hit: (hit.bar, hit.step, hit.onset, hit.pitch))
        return cls(
            metres[: hits[-1].bar + 1],
            steps_per_quarter,
            tuple(hits),
            score.name,
            score.clock.tempos[0][1],
        )

    @classmethod
    def of_arrays(
        cls,
        hits: npt.ArrayLike,
        velocity: npt.ArrayLike,
        offset: npt.ArrayLike,
        *,
        metre: Metre | None = None,
        steps_per_quarter: int = STRAIGHT,
    ) -> "Groove":
        """A groove of hits (above a half), velocities (0 to 1), offsets (in steps), each [L, 9]."""
        metre = metre or Metre()
        hit_array, velocity_array, offset_array = (
            np.asarray(x, np.float64) for x in (hits, velocity, offset)
        )
        per_bar = int(metre.bar * steps_per_quarter)
        groove_hits = []
        for at, drum in zip(*np.nonzero(hit_array > 0.5), strict=True):
            bar, step = divmod(int(at), per_bar)
            place = (step + offset_array[at, drum]) / steps_per_quarter
            midi_velocity = int(np.clip(round(velocity_array[at, drum] * 127), 1, 127))
            if bar == 0:
                place = max(place, 0.0)
            pitch = drum_pitch(int(drum))
            groove_hits.append(Hit(bar, step, float(place), _ARRAY_DURATION, pitch, midi_velocity))
        groove_hits.sort(key=lambda hit: (hit.bar, hit.step, hit.onset, hit.pitch))
        n_bars = -(-len(hit_array) // per_bar)
        return cls((metre,) * n_bars, steps_per_quarter, tuple(groove_hits))

    @cached_property
    def bar_starts(self) -> tuple[float, ...]:
        """Where every bar begins, and the last one ends, in quarter notes."""
        return tuple(np.cumsum([0.0, *(float(metre.bar) for metre in self.metres)]).tolist())

    @cached_property
    def straight_hits(self) -> Array:
        """Hits on the grid of sixteenths [L, 9]."""
        return self.arrays(straight=True)[0]

    @property
    def n_bars(self) -> int:
        """How many bars it has."""
        return len(self.metres)

    @property
    def is_triplet(self) -> bool:
        """Whether its quarter notes divide into three."""
        return self.steps_per_quarter in _TRIPLETS

    @property
    def grid(self) -> str:
        """Name of its grid, for a report."""
        return {3: "triplets of eighths", 6: "triplets of sixteenths"}.get(
            self.steps_per_quarter, "sixteenths"
        )

    @property
    def strikes(self) -> tuple[Strike, ...]:
        """Its notes in quarter notes from the beginning, in their order."""
        return tuple(
            sorted(
                Strike(self.bar_starts[hit.bar] + hit.onset, hit.duration, hit.pitch, hit.velocity)
                for hit in self.hits
            )
        )

    def offset(self, hit: Hit) -> float:
        """How much later than its step a hit comes, in quarter notes."""
        return hit.onset - hit.step / self.steps_per_quarter

    def cell(self, hit: Hit) -> int:
        """The sixteenth of the bar that a hit is, were it played straight.

        The second and third of a triplet of eighths are the second and third sixteenth: a swung
        eighth is an eighth.
        """
        place = hit.step / self.steps_per_quarter
        return int(np.floor((straighten(place) if self.is_triplet else place) * STRAIGHT + 0.5))

    def arrays(self, *, straight: bool = False) -> tuple[Array, Array, Array]:
        """Hits (0 or 1), velocities (0 to 1) and offsets (in steps, later is more), each [L, 9].

        Of drums struck twice the louder counts; drums that are none of the nine are left out.
        `straight` is on the grid of sixteenths even where its own is of triplets (`cell`).
        """
        per_quarter = STRAIGHT if straight else self.steps_per_quarter
        bar_starts = [round(begin * per_quarter) for begin in self.bar_starts]
        hits, velocity, offset = np.zeros((3, bar_starts[-1], N_DRUMS), np.float32)
        for hit in self.hits:
            drum, at = hit.drum, bar_starts[hit.bar] + (self.cell(hit) if straight else hit.step)
            if drum < N_DRUMS and hit.velocity / 127 > velocity[at, drum]:
                hits[at, drum] = 1
                velocity[at, drum] = hit.velocity / 127
                offset[at, drum] = self.offset(hit) * per_quarter
        return hits, velocity, offset

    def salience(self, hit: Hit) -> int:
        """How strong a hit's step is in its metre, 0 to 4.

        After Lerdahl and Jackendoff's metrical grid: one for every pulse that falls on it, of
        sixteenths (or the shorter triplets), eighths (or triplets), beats, half bars and bars.
        """
        metre = self.metres[hit.bar]
        return sum(hit.step % period == 0 for period in _periods(metre, self.steps_per_quarter))

    def weight(self, hit: Hit) -> int:
        """The kind of place a hit has: 0 on a beat, 1 on its division, 2 between."""
        beat, division = _periods(self.metres[hit.bar], self.steps_per_quarter)[:2]
        return 0 if hit.step % beat == 0 else 1 if hit.step % division == 0 else 2

    def bars(self, order: Sequence[int]) -> "Groove":
        """Some of its bars in another order."""
        inside: dict[int, list[Hit]] = {}
        for hit in self.hits:
            inside.setdefault(hit.bar, []).append(hit)
        hits = [
            replace(hit, bar=bar) for bar, old in enumerate(order) for hit in inside.get(old, ())
        ]
        # What came before the beat cannot come before the beginning.
        hits = [replace(h, onset=max(h.onset, 0.0)) if h.bar == 0 else h for h in hits]
        return replace(self, metres=tuple(self.metres[bar] for bar in order), hits=tuple(hits))

    def in_bars_of(self, metre: Metre) -> "Groove":
        """The same notes counted in other bars."""
        per_bar = int(metre.bar * self.steps_per_quarter)
        hits = []
        for hit in self.hits:
            at = round(self.bar_starts[hit.bar] * self.steps_per_quarter) + hit.step
            bar, step = divmod(at, per_bar)
            place = hit.onset + self.bar_starts[hit.bar] - bar * float(metre.bar)
            hits.append(replace(hit, bar=bar, step=step, onset=place))
        n_bars = -(-round(self.bar_starts[-1] * self.steps_per_quarter) // per_bar)
        return replace(self, metres=(metre,) * n_bars, hits=tuple(hits))

    def in_quarters(self) -> "Groove":
        """A groove of compound metres with quarter notes for its dotted ones: 12/8 becomes 4/4."""
        return replace(
            self,
            metres=tuple(Metre(metre.beats // 3, metre.unit // 2) for metre in self.metres),
            steps_per_quarter=self.steps_per_quarter * 3 // 2,
            hits=tuple(
                replace(hit, onset=hit.onset / 1.5, duration=hit.duration / 1.5)
                for hit in self.hits
            ),
        )


def swing(place: float) -> float:
    """Where a place played straight falls when it is swung in triplets."""
    beat = float(np.floor(place))
    part = place - beat
    return beat + (part * 4 / 3 if part <= 0.5 else 2 / 3 + (part - 0.5) * 2 / 3)


def straighten(place: float) -> float:
    """Where a place swung in triplets falls when it is played straight: `swing` undone."""
    beat = float(np.floor(place))
    part = place - beat
    return beat + (part * 3 / 4 if part <= 2 / 3 else 0.5 + (part - 2 / 3) * 3 / 2)


def drum_strikes(score: Score) -> list[Strike]:
    """The drums of a score, in quarter notes."""
    quarters = score.clock.quarters
    return sorted(
        Strike(
            quarters(note.start_s),
            quarters(note.end_s) - quarters(note.start_s),
            note.pitch,
            note.velocity,
        )
        for part in score.parts
        if part.is_drum
        for note in part.notes
    )


def replace_drums(score: Score, strikes: Sequence[Strike]) -> Score:
    """A score with other drums."""
    notes = []
    ends: dict[int, float] = {}
    for strike in reversed(strikes):
        end = min(strike.onset + strike.duration, ends.get(strike.pitch, np.inf))
        ends[strike.pitch] = end
        start_s, end_s = (float(score.clock.seconds(at)) for at in (strike.onset, end))
        notes.append(Note(start_s, max(end_s, np.nextafter(start_s, np.inf)), *strike[2:]))
    drums = next(part for part in score.parts if part.is_drum)
    parts = [part for part in score.parts if not part.is_drum or part is drums]
    new = replace(drums, notes=tuple(sorted(notes)))
    return replace(score, parts=tuple(new if part is drums else part for part in parts))


@lru_cache
def _periods(metre: Metre, per_quarter: int) -> tuple[int, ...]:
    """Steps between the pulses of a metre: beats, their divisions, half bars, bars.

    The shortest, the steps themselves, falls everywhere and tells nothing.
    """
    bar, beat = int(metre.bar * per_quarter), int(metre.beat * per_quarter)
    beat = max(beat, 1)
    if metre.is_compound or per_quarter in _TRIPLETS:
        division = max(beat // 3, 1)
    else:
        division = max(beat // 2, 1)
    n_beats = max(bar // beat, 1)
    half = bar // 2 if n_beats % 2 == 0 else bar
    return beat, division, half, bar


def _bars(
    changes: Sequence[tuple[float, Metre]], until: float, name: str
) -> tuple[tuple[Metre, ...], list[float]]:
    """The metre and the beginning of every bar, as far as a place."""
    metres, bar_starts = [], []
    at = 0.0
    # Before the first change the metre is the one that it names.
    starts = [0.0, *(start for start, _ in changes[1:]), np.inf]
    for (begin, end), (_, metre) in zip(pairwise(starts), changes, strict=True):
        if metre.bar * STRAIGHT % 1:
            raise InputError(
                name, f"is in {metre}, which has no sixteenths", "write it in longer notes"
            )
        if abs(at - begin) > _TOLERANCE:
            raise InputError(
                name, "changes its metre inside a bar", "move the change to where a bar begins"
            )
        while at < min(end, until) - _TOLERANCE:
            metres.append(metre)
            bar_starts.append(at)
            at += float(metre.bar)
        if len(metres) > _MAX_BARS:
            raise InputError(
                name,
                f"has {len(metres):,} bars",
                f"cut it to {_MAX_BARS:,} at most, or correct its times",
            )
        if end >= until:
            break
    return tuple(metres), bar_starts


def _likely_grid(places: Sequence[float]) -> int:
    """The grid on which places are likeliest; sixteenths where it makes little difference."""
    parts = np.asarray(places) % 1

    def likelihood(per_quarter: int) -> float:
        steps = np.arange(per_quarter + 1) / per_quarter
        share = np.full(per_quarter + 1, (1 - _ON_BEAT_SHARE) / (per_quarter - 1))
        share[[0, -1]] = _ON_BEAT_SHARE
        densities = share * np.exp(-0.5 * ((parts[:, None] - steps) / _TIMING_STD) ** 2)
        density = densities.sum(1) / (_TIMING_STD * np.sqrt(2 * np.pi))
        log_likelihood = np.log(density * (1 - _OFF_GRID_SHARE) + _OFF_GRID_SHARE).mean()
        return float(log_likelihood) - _GRID_PENALTY[per_quarter]

    return max((STRAIGHT, *_TRIPLETS), key=likelihood)
