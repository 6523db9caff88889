"""Drum parts that the tests of grooves share: made here, small."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from cambiata.groove.grid import Groove, Strike, drum_strikes, replace_drums
from cambiata.score.midi import Clock, Metre, Note, Part, Score, load

KICK, SNARE, RIM, HAT, EDGE, OPEN, RIDE, CONGA = 36, 38, 40, 42, 22, 46, 51, 63
TICKS = 480


def score_of(
    strikes: list[Strike], metre: Metre | None = None, qpm: float = 100.0, name: str = "score"
) -> Score:
    """A score of drums alone; without a metre where none is given."""
    clock = Clock(((0.0, qpm),), ((0.0, metre),) if metre else ())
    empty = Score((Part((Note(0.0, 1.0, 1),), is_drum=True, name="kit"),), name, clock)
    return replace_drums(empty, sorted(strikes))


def rock(n_bars: int = 2, velocity: int = 90, late: float = 0.0) -> list[Strike]:
    """Hi-hats on eighths, kick on one and three, snare on two and four."""
    found = []
    for bar in range(n_bars):
        for eighth in range(8):
            at = 4 * bar + eighth / 2
            found.append(Strike(at + late, 0.1, HAT, velocity - 20 * (eighth % 2)))
            if eighth % 2 == 0:
                drum = KICK if eighth % 4 == 0 else SNARE
                found.append(Strike(at + late, 0.1, drum, velocity + 10))
    return found


def shuffled(n_bars: int = 2) -> list[Strike]:
    """The ride in triplets, long and short, with kick and snare."""
    found = []
    for beat in range(4 * n_bars):
        found += [Strike(beat, 0.1, RIDE, 80), Strike(beat + 2 / 3, 0.1, RIDE, 60)]
        found.append(Strike(beat, 0.1, SNARE if beat % 2 else KICK, 100))
    return found


def jig(n_bars: int = 2) -> list[Strike]:
    """6/8: hi-hats on eighths, kick and snare on the dotted beats."""
    found = []
    for eighth in range(6 * n_bars):
        found.append(Strike(eighth / 2, 0.1, HAT, 70))
        if eighth % 3 == 0:
            found.append(Strike(eighth / 2, 0.1, SNARE if eighth % 6 else KICK, 100))
    return found


def ticks(strikes: list[Strike] | tuple[Strike, ...]) -> list[tuple[int, int, int, int]]:
    """Beginnings, ends, pitches and velocities, in whole ticks."""
    return sorted(
        (round(s.onset * TICKS), round((s.onset + s.duration) * TICKS), s.pitch, s.velocity)
        for s in strikes
    )


def read(path: Path) -> list[tuple[int, int, int, int]]:
    """What a file's drums are, in whole ticks."""
    return ticks(drum_strikes(load(path, keys=True)))


@st.composite
def played(draw: st.DrawFn, metre: Metre = Metre(4, 4)) -> Score:  # noqa: B008
    """Anything that could be played in at most three bars of a metre, on whole ticks."""
    length = int(metre.bar * TICKS)
    pitches = st.sampled_from([KICK, SNARE, RIM, HAT, EDGE, OPEN, RIDE, CONGA])
    one = st.tuples(
        st.integers(0, 3 * length - 1), st.integers(1, TICKS), pitches, st.integers(1, 127)
    )
    notes = draw(st.lists(one, max_size=30, unique_by=lambda note: (note[0], note[2])))
    strikes = [Strike(at / TICKS, held / TICKS, *rest) for at, held, *rest in notes]
    strikes.append(Strike(0.0, 0.1, 49, 100))  # so that the first bar is not silent
    return score_of(strikes, metre, draw(st.sampled_from([60.0, 100.0, 137.0])))


def random_arrays(rng: np.random.Generator, n_steps: int = 32) -> tuple[np.ndarray, ...]:
    """Hits, velocities and offsets, [L, 9], on whole values of MIDI."""
    hits = (rng.random((n_steps, 9)) < 0.3).astype(np.float32)
    hits[0, 0] = 1
    velocity = hits * rng.integers(1, 128, hits.shape) / 127
    offset = hits * rng.uniform(-0.4, 0.4, hits.shape)
    offset[0] = np.abs(offset[0])
    offset[hits == 0] = 0
    return hits, velocity.astype(np.float32), offset.astype(np.float32)


def groove(strikes: list[Strike], metre: Metre | None = None, **given: int) -> Groove:
    """Strikes on their grid."""
    return Groove.of(score_of(strikes, metre or Metre(4, 4)), **given)
