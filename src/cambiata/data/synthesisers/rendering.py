"""Notes of a timbre, rendered and measured; timbres that have no clear pitch are refused."""

from dataclasses import dataclass

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers import measuring
from cambiata.data.synthesisers.timbres import Timbre, hz_of

# More than a quarter of a semitone out of tune is another pitch to a listener that hears cents.
_MAX_CENTS = 25.0
# A model that sounds up to this far off is asked for another frequency instead of refused.
_CORRECTABLE_CENTS, _N_TUNINGS = 500.0, 3
# Measured where attacks are over, and later, so that sounds that glide are found.
_MEASURED_AT_S = (0.12, 0.35, 0.9)
# Less of a fundamental than this, in dB, and the pitch may be another octave's.
_LOWEST_FUNDAMENTAL_DB = -35.0
_MAX_GLIDE = 0.35  # semitones between the places measured
_MAX_OFFSET = 24  # semitones: further off a model does not play what was asked
# Let go past most attacks; a second more is enough for all but pads.
_LET_GO_S, _RELEASE_LENGTH_S = 0.6, 1.6


@dataclass(frozen=True)
class SynthNote:
    """A note held down all the time, from just before its onset."""

    pitch: int  # that sounds
    velocity: int
    samples: Samples  # mono [T]
    onset: int  # sample at which it reaches -40 dB of its peak
    level_db: float  # its peak, in dB of full scale


def render_note(
    timbre: Timbre, pitch: int, velocity: int, hold_s: float, offset: int | None = None
) -> tuple[SynthNote, int] | None:
    """A note of a timbre, and by how many semitones it sounds apart; None of an unusable one.

    `offset`: what the timbre's other notes sound apart, which this one must agree with.
    """
    tuned = _render_in_tune(timbre, pitch, velocity, hold_s)
    if tuned is None:
        return None
    note, onset, found = tuned
    sounding = round(found)
    if abs(100 * (found - sounding)) > _MAX_CENTS:
        return None
    apart = sounding - pitch
    if abs(apart) > _MAX_OFFSET or apart != (apart if offset is None else offset):
        return None
    if not measuring.is_one_note(note):
        return None
    level_db = float(20 * np.log10(np.abs(note).max()))
    return SynthNote(sounding, velocity, note, onset, level_db), apart


def _render_in_tune(
    timbre: Timbre, pitch: int, velocity: int, hold_s: float
) -> tuple[Samples, int, float] | None:
    """A note, its onset, and the MIDI number with its fraction that was measured.

    Physical models are out of tune by their loops' delays: they are asked for what corrects that.
    """
    hz = hz_of(pitch)
    for _ in range(1 if timbre.in_semitones else _N_TUNINGS):
        trimmed = measuring.trim(timbre.render(hz, velocity, hold_s, hold_s))
        found = _measure(*trimmed, pitch) if trimmed else None
        if trimmed is None or found is None:
            return None
        best = (*trimmed, found)
        cents = 100 * (found - pitch)
        if abs(cents) >= _CORRECTABLE_CENTS:  # another octave or mode: only what is beside it
            cents = 100 * (found - round(found))
        if abs(cents) < _MAX_CENTS / 5:
            break
        hz *= 2 ** (-cents / 1200)
    return best


def _measure(note: Samples, onset: int, pitch: int) -> float | None:
    """MIDI number of a note, with its fraction; None where it has none or does not keep it."""
    periodic = _measure_period(note, onset, pitch)
    # A bar's partials are in no whole ratio: its pitch is that of the strongest and lowest.
    barlike = periodic is None or abs(periodic - pitch) > 0.15
    start = onset + round(0.05 * RENDER_RATE_HZ)
    if barlike and measuring.has_partial(note, start, hz_of(pitch)):
        return float(pitch)
    return periodic


def _measure_period(note: Samples, onset: int, pitch: int) -> float | None:
    found: list[float] = []
    clear: list[bool] = []
    for at_s in _MEASURED_AT_S:
        measured = measuring.measure_pitch(note, onset + round(at_s * RENDER_RATE_HZ))
        if measured is None:
            break  # has died away
        if measured.aperiodicity > measuring.MOST_APERIODICITY:
            # What is left of a note that has decayed may be noise; its beginning may not.
            if found:
                break
            return None
        expected = abs(measured.midi - pitch) < 0.5
        if not expected and measured.fundamental_db < _LOWEST_FUNDAMENTAL_DB:
            continue  # an attack, or a common period of things that make none together
        found.append(measured.midi)
        clear.append(measured.clear)
    if not found or not all(clear[:2]) or np.ptp(found) > _MAX_GLIDE:
        return None
    return float(np.median(found))


def measure_release(timbre: Timbre, pitch: int, velocity: int) -> float:
    """How fast a timbre's note dies once let go, in dB a second."""
    held = timbre.render(hz_of(pitch), velocity, _RELEASE_LENGTH_S, _RELEASE_LENGTH_S)
    released = timbre.render(hz_of(pitch), velocity, _LET_GO_S, _RELEASE_LENGTH_S)
    return measuring.release_db_s(held, released, _LET_GO_S)
