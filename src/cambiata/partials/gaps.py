"""Gaps in and between notes, as deep in what is played as in its content, and silences."""

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from cambiata.arrays import Samples
from cambiata.partials.expression import NO_DECAY, Expression, decay_at_db
from cambiata.partials.posteriors import BANDS, NoteEvents

# Levels are those of 23 ms every 5.8 ms: shorter than a staccato's gap, and of two periods of the
# lowest keys' partials.
_WINDOW, _HOP = 1024, 256
_FLOOR = 1e-13  # power of what is silent, -130 dB
# The level that an output has beside its content's, note by note, is the median over 0.5 s of what
# sounds: longer than a gap, shorter than a phrase. In what is 40 dB down there is no such level.
_BASELINE_HOPS, _RANGE_DB = 87, 40.0
# Beyond that the output may be louder by 1 dB between notes, where nothing but the content's level
# is right, and by 2 within one: notes of two instruments decay and beat in their own ways.
_BETWEEN_DB, _WITHIN_DB = 1.0, 2.0
# Within 0.15 s of a note a dry content is silent where a style may still ring: there the output
# need be no more than 40 dB below the loudest of 0.5 s. A bass played by strings then keeps some of
# their release; below that a gap is a silence. 32 dB would gain .01 dB of LSD on training fonts.
_RELEASE_HOPS, _RELEASE_DB = 26, 40.0
# For 58 ms the attack is the style's. It begins where the content is softest within 46 ms of the
# onset: what is before that is the gap. A slower one than the content's is raised by 6 dB at most,
# to 3 below it.
_NEAR_HOPS, _ATTACK_HOPS = 8, 10
_RISE_HOPS, _LEAST_DIP_DB = 2.0, 3.0  # the window's half, in which the level begins to rise
_MAX_ATTACK_DB, _BELOW_ATTACK_DB = 6.0, 3.0
# Between notes what is softer than the content is raised to 2 dB below it: by 20 dB at most where
# that is 40 dB down, which is its room's sound, and by none where it is 20 dB down. That is a note
# which was not detected, and there would be nothing to raise but noise.
_MAX_RAISE_DB, _RAISED_DB, _BELOW_DB = (20.0, 0.0), (-40.0, -20.0), 2.0
# That level wanders where registers of the two are not alike in loudness: half of it is taken back,
# and no more than 6 dB are looked at.
_FOLLOWED, _MAX_DRIFT_DB = 0.5, 6.0
_SMOOTH_HOPS = 3  # 17 ms: a gain that passes faster would click

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def with_gaps(
    sound: Samples,
    content: Samples,
    events: NoteEvents,
    expression: Expression,
    share: float = 1.0,
    own_decay_db: Floats = NO_DECAY,
) -> Samples:
    """A sound [T] that is as soft between the notes as its content [T] and falls where that does.

    Levels are compared with those that both have nearby, so that what one instrument does slowly
    and the other does not is left; so is the decay that the content's notes have in common, and
    that of the sound's own, `own_decay_db`. Within notes a share of it is done.
    """
    content_db, sound_db = _levels_db(content), _levels_db(sound)
    excess_db = sound_db - content_db
    held, attack = _is_held(events, content_db)
    known = held & ~attack & (content_db > content_db.max() - _RANGE_DB)
    if not known.any():
        return sound
    decayed_db = _decayed_db(events, expression.decay_db, len(excess_db))
    own_db = _decayed_db(events, own_decay_db, len(excess_db))
    # Gaps lie below what notes have decayed to; what a note does is seen from where it began.
    steady_db = _steady_db(excess_db + decayed_db, known)
    begun_db = _steady_db(excess_db + decayed_db - own_db, known)
    within_db = excess_db - begun_db + decayed_db - own_db - _WITHIN_DB
    excess_db -= steady_db
    cut_db = np.maximum(excess_db - _BETWEEN_DB, 0)
    # How much louder than the content a release may be, so that it is no further down than that.
    near_db = scipy.ndimage.maximum_filter1d(content_db, _BASELINE_HOPS)
    above_db = np.maximum(near_db - _RELEASE_DB - content_db, 0)
    released = scipy.ndimage.maximum_filter1d(held, 2 * _RELEASE_HOPS + 1)
    cut_db = np.where(released, np.maximum(cut_db - above_db, 0), cut_db)
    # What is struck rings on as it does: only what is sustained is damped by its player.
    most_db = np.interp(content_db - content_db.max(), _RAISED_DB, _MAX_RAISE_DB)
    raise_db = np.clip(-_BELOW_DB - excess_db, 0, most_db) * expression.sustains
    within_db = np.maximum(within_db, 0) * (share * expression.sustains)
    gain_db = np.where(held, -within_db, raise_db - cut_db)
    attack_db = np.clip(-_BELOW_ATTACK_DB - excess_db, 0, _MAX_ATTACK_DB) * expression.sustains
    gain_db = np.where(attack, attack_db, gain_db)
    # The deepest of neighbours, so that smoothing leaves a gap its depth.
    gain_db = scipy.ndimage.minimum_filter1d(gain_db, _SMOOTH_HOPS, mode="nearest")
    gain_db = scipy.ndimage.uniform_filter1d(gain_db, _SMOOTH_HOPS, mode="nearest")
    drift_db = np.clip(begun_db - np.median(begun_db[known]), -_MAX_DRIFT_DB, _MAX_DRIFT_DB)
    gain_db -= _FOLLOWED * expression.sustains * share * drift_db
    at = np.arange(len(sound), dtype=np.float32) / np.float32(_HOP)
    gain = np.interp(at, np.arange(len(gain_db)), 10 ** (gain_db / 20)).astype(np.float32)
    return np.asarray(sound * gain, np.float32)


def _steady_db(excess_db: Floats, known: Mask) -> Floats:
    """Median of known excesses [H] over half a second."""
    hops = np.arange(len(excess_db))
    known_db = np.interp(hops, hops[known], excess_db[known])
    return np.asarray(scipy.ndimage.median_filter(known_db, _BASELINE_HOPS, mode="nearest"))


def _decayed_db(events: NoteEvents, decay_db: Floats, n_hops: int) -> Floats:
    """How far the notes that are held have decayed together, in every hop [H]; 0 without any."""
    per_frame = BANDS.hop_length // _HOP
    first = np.clip(np.round(events.start * per_frame), 0, n_hops).astype(np.int64)
    last = np.clip(np.round(events.end * per_frame), 0, n_hops).astype(np.int64)
    n = np.maximum(last - first, 0)
    note = np.repeat(np.arange(events.n_notes), n)
    hop = np.arange(len(note)) - np.repeat(np.cumsum(n) - n, n) + first[note]
    age_s = (hop - first[note]) * (_HOP / BANDS.sample_rate)
    struck = 10 ** (events.strength_db[note] / 10)
    left = struck * 10 ** (decay_at_db(decay_db, age_s) / 10)
    powers = (np.bincount(hop, weights, n_hops) for weights in (left, struck))
    now, before = (power + _FLOOR for power in powers)
    return np.asarray(10 * np.log10(now / before))


def _levels_db(sound: Samples) -> Floats:
    """Level of a sound [T] about every hop."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    at = np.arange(0, len(sound) + 1, _HOP)
    first, last = np.maximum(at - _WINDOW // 2, 0), np.minimum(at + _WINDOW // 2, len(sound))
    power = np.maximum(energy[last] - energy[first], 0) / np.maximum(last - first, 1)
    return np.asarray(10 * np.log10(power + _FLOOR))


def _is_held(events: NoteEvents, content_db: Floats) -> tuple[Mask, Mask]:
    """Hops [H] in which any note is held, and those of attacks."""
    per_frame, n_hops = BANDS.hop_length // _HOP, len(content_db)
    start, end = events.start * per_frame, events.end * per_frame
    near = np.round(start).astype(np.int64)[:, None] + np.arange(-_NEAR_HOPS, _NEAR_HOPS + 1)
    near = np.clip(near, 0, n_hops - 1)
    # The last of the softest: where a gap is even, the attack is at its end. Without one it is
    # where the note begins.
    around_db = content_db[near]
    softest = near.shape[1] - 1 - around_db[:, ::-1].argmin(axis=1)
    begins = near[np.arange(len(near)), softest] + _RISE_HOPS
    is_even = (
        around_db.max(axis=1, initial=-np.inf) - around_db.min(axis=1, initial=np.inf)
        < _LEAST_DIP_DB
    )
    begins = np.where(is_even, start, begins).astype(np.float64)
    struck = np.ones(len(start), bool) if events.slurred is None else ~events.slurred
    held = _covered(np.minimum(start, begins), end, n_hops)
    return held, _covered(begins[struck], (begins + _ATTACK_HOPS)[struck], n_hops)


def _covered(start: Floats, end: Floats, n_hops: int) -> Mask:
    """Hops [H] that any stretch [N] covers."""
    change = np.zeros(n_hops + 1, np.int64)
    np.add.at(change, np.clip(np.round(start).astype(np.int64), 0, n_hops), 1)
    np.add.at(change, np.clip(np.round(end).astype(np.int64), 0, n_hops), -1)
    return np.asarray(np.cumsum(change)[:n_hops] > 0)
