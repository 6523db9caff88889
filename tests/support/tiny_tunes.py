"""Tunes of a few bars in dances' rhythms, for tests of learning and of evaluation."""

from fractions import Fraction

import numpy as np

from cambiata.data.tunes import Tune
from cambiata.score.midi import Metre
from cambiata.score.sheet import Sheet, Tone, Voice

DANCES = {
    "reel": (12, 12, 12, 12),
    "hornpipe": (18, 6, 18, 6),
    "strathspey": (6, 18, 18, 6),
    "jig": (12, 12, 12),
}


def sheet(dance: str, seed: int, n_bars: int = 8) -> Sheet:
    """A tune in a dance's rhythm, its pitches drawn, its second half like its first."""
    metre = Metre(6, 8) if dance == "jig" else Metre(4, 4)
    draws = np.random.default_rng(seed)
    at, pitch, tones = Fraction(0), 69, []
    while at < n_bars * metre.bar / 2:
        for step in DANCES[dance]:
            tones.append(Tone(at, Fraction(step, 24), pitch))
            at += Fraction(step, 24)
            pitch = int(np.clip(pitch + draws.choice([-3, -2, -1, 1, 2, 3]), 60, 80))
    again = [Tone(tone.start + at, tone.length, tone.pitch) for tone in tones]
    return Sheet((Voice((*tones, *again)),), metre)


def tunes(n: int) -> list[Tune]:
    """So many tunes of each dance, each a family of its own."""
    return [
        Tune(f"x/{seed} {dance}", dance, sheet(dance, seed), str(seed))
        for seed, dance in enumerate(list(DANCES) * n)
    ]
