"""Singers of a section, each with a pitch, time, vibrato, vocal tract and level of its own."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from cambiata.ensemble.f0 import FRAME_S
from cambiata.ensemble.grains import Line
from cambiata.ensemble.notes import Tune

Floats = npt.NDArray[np.float64]

# Standard deviations between the singers of a section, at spread 0.5; all grow with it.
# Intonation: 10 to 15 cents between choir singers (Ternstrom and Sundberg 1988), of which a half
# stays with a singer and a half wanders, within a second or two.
_DETUNE_CENTS, _WALK_CENTS, _WALK_S = 7.0, 9.0, 0.6
# Onsets in ensembles: 30 to 50 ms (Rasch 1979).
_ONSET_S = 0.03
# Vocal tracts: some percent between singers of one part; more would change the voice's kind.
_FORMANTS = 0.015
_LEVEL_DB = 1.5
# Vibrato of singers differs by half a hertz and a quarter of its depth (Prame 1994, 1997); those
# who sing without get a little, as no held note is quite still.
_VIBRATO_HZ, _VIBRATO_DEPTH, _ADDED_CENTS = 0.5, 0.3, 6.0
_MOST_DEVIATIONS = 2.5  # nobody is further off
# Standard deviation of a part's glides: some 80 ms in all.
_GLIDE_S = 0.025
# Of a sound that is moved as a whole, speed alone makes the pitch: 16 cents by 8 ms within 0.6 s.
_WHOLE_DELAY_S, _WHOLE_WALK_S = 0.015, 0.008
# A voice is never stretched by more than this.
_MOST_STRETCH = 0.2


@dataclass(frozen=True, eq=False)
class Singer:
    """One voice of a section."""

    part: int  # number of the part it sings
    line: Line
    gain: float
    detune_cents: float  # on the average
    delay_s: float  # likewise
    pitch: Floats  # MIDI numbers with fractions, at the source's frames [L]


def draw(rng: np.random.Generator, deviation: float) -> float:
    """A normal number that is not too far out."""
    return float(np.clip(rng.standard_normal(), -_MOST_DEVIATIONS, _MOST_DEVIATIONS)) * deviation


def timing(
    rng: np.random.Generator, anchors_s: Floats, duration_s: float, spread: float
) -> Callable[[Floats], Floats]:
    """Where in the source a singer is at a time: late or early at every onset, smoothly between."""
    deviation = 2 * spread * _ONSET_S
    times_s = [-1.0]
    delays_s = [draw(rng, deviation)]
    for at_s in [*anchors_s.tolist(), duration_s + 1.0]:
        gap_s = at_s - times_s[-1]
        if gap_s < 0.03:
            continue
        # Tempo between two onsets stays near the source's.
        most_s = _MOST_STRETCH * gap_s
        delay_s = draw(rng, deviation)
        delays_s.append(delays_s[-1] + float(np.clip(delay_s - delays_s[-1], -most_s, most_s)))
        times_s.append(at_s)
    curve = PchipInterpolator(times_s, delays_s)

    def source_s(time_s: Floats) -> Floats:
        return np.asarray(time_s - curve(np.clip(time_s, times_s[0], times_s[-1])))

    return source_s


def walk(rng: np.random.Generator, n_frames: int, frame_s: float = FRAME_S) -> Floats:
    """A slow random course [L] of unit deviation."""
    step = max(1, round(0.1 / frame_s))
    n = n_frames // step + 2
    noise = gaussian_filter1d(rng.standard_normal(n + 200), _WALK_S / (step * frame_s), mode="wrap")
    noise = noise[100 : 100 + n] / max(float(noise.std()), 1e-9)
    return np.asarray(np.interp(np.arange(n_frames), np.arange(n) * step, noise))


def make_singer(
    tune: Tune, part: int, target: Floats, formant_ratio: float, spread: float, seed: list[int]
) -> Singer:
    """A singer of a part, whose pitch but for its own deviations is `target` [L]."""
    rng = np.random.default_rng(seed)
    n_frames = len(tune.pitch)
    detune = draw(rng, 2 * spread * _DETUNE_CENTS)
    cents = detune + 2 * spread * _WALK_CENTS * walk(rng, n_frames)
    pitch = target + cents / 100 + _own_vibrato(tune, rng, spread)
    offset = pitch - tune.pitch
    times_s = np.arange(n_frames, dtype=np.float64) * FRAME_S

    def ratio(source_s: Floats) -> Floats:
        return np.asarray(2 ** (np.interp(source_s, times_s, offset) / 12))

    anchors_s = np.array([note.first * FRAME_S for note in tune.notes])
    source_s = timing(rng, anchors_s, n_frames * FRAME_S, spread)
    tract = float(np.exp(draw(rng, 2 * spread * _FORMANTS)))
    breath = float(np.clip(rng.uniform(-0.25, 0.5), -spread, spread))
    gain = 10 ** (draw(rng, 2 * spread * _LEVEL_DB) / 20)
    line = Line(source_s, ratio, formant_ratio * tract, breath)
    delay_s = float(np.mean(times_s - source_s(times_s)))
    return Singer(part, line, gain, detune, delay_s, pitch)


def make_copy(duration_s: float, spread: float, seed: list[int]) -> Singer:
    """A player of a sound of several notes: all of it, a little faster and slower in turns."""
    rng = np.random.default_rng(seed)
    n_frames = round(duration_s / FRAME_S) + 2
    late_s = draw(rng, 2 * spread * _WHOLE_DELAY_S)
    delays_s = late_s + 2 * spread * _WHOLE_WALK_S * walk(rng, n_frames)
    times_s = np.arange(n_frames) * FRAME_S

    def source_s(time_s: Floats) -> Floats:
        return np.asarray(time_s - np.interp(time_s, times_s, delays_s))

    gain = 10 ** (draw(rng, 2 * spread * _LEVEL_DB) / 20)
    line = Line(source_s, np.ones_like, 1.0)
    return Singer(0, line, gain, 0.0, float(delays_s.mean()), np.zeros(0))


def _own_vibrato(tune: Tune, rng: np.random.Generator, spread: float) -> Floats:
    """What takes the source's vibrato out, and another's in its place, in semitones [L]."""
    share = min(1.0, 2 * spread)
    n_frames = len(tune.pitch)
    rate_hz = max(3.0, tune.vibrato_hz + draw(rng, 2 * spread * _VIBRATO_HZ))
    rates = rate_hz * (1 + 0.06 * walk(rng, n_frames))
    phase = 2 * np.pi * (rng.uniform() + np.cumsum(rates) * FRAME_S)
    depth = tune.vibrato_depth * np.exp(draw(rng, _VIBRATO_DEPTH))
    depth = depth + abs(draw(rng, 2 * spread * _ADDED_CENTS)) / 100
    for note in tune.notes:  # every note begins at another point of it
        phase[note.first :] += rng.uniform(-1, 1)
    return np.asarray(share * (depth * tune.steadiness * np.sin(phase) - tune.vibrato))


def part_target(tune: Tune, pitches: list[int]) -> Floats:
    """Pitch of a part [L]: its notes, with the source's own course around them.

    Between bound notes a part glides its own way, as far as it goes, not as far as the source does.
    """
    n_frames = len(tune.pitch)
    sung, own = np.zeros(n_frames), np.zeros(n_frames)
    starts = [note.first for note in tune.notes]
    for i, (note, pitch) in enumerate(zip(tune.notes, pitches, strict=True)):
        # What comes before a note, its consonant, is moved with it.
        first = 0 if i == 0 else note.first if note.is_bound else _middle(tune, i)
        last = n_frames if i + 1 == len(starts) else starts[i + 1]
        sung[first:last], own[first:last] = note.pitch + tune.tuning, pitch + tune.tuning
    width = _GLIDE_S / FRAME_S
    sung, own = (gaussian_filter1d(line, width, mode="nearest") for line in (sung, own))
    moves = np.abs(own - sung - (own - sung)[0]).max() > 0.01
    weight = tune.steadiness if moves else 1.0
    return np.asarray(own + weight * (tune.pitch - sung))


def _middle(tune: Tune, i: int) -> int:
    """Frame in the middle of the rest before a note."""
    return (tune.notes[i - 1].last + tune.notes[i].first) // 2
