"""Partials between those of two notes: an oscillator each, whose phase goes on through everything.

A partial of one note goes with the other's of the same number; levels lie between both in dB and
frequencies in cents, and so do vibrato and beats.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.instrument.moving import BY_FREQUENCY, beyond_db
from cambiata.instrument.note_model import MOST_PARTIALS, Array, partials_hz
from cambiata.morphing.analysis import (
    RANGE_DB,
    NoteTracks,
    SoundModel,
    deviations,
    top_fade,
)

PitchSource = Literal["between", "a", "b"]

# A partial that is 60 dB below the note's loudest turns as the others do, not as its noise.
_OWN_TURN_DB = -60.0
_OWN_WAY = 0.1  # of the amount, until which faint partials come to do so
_BATCH = 128  # hops of a note at once, which bounds memory
_TAPS = 16  # a wave of a hop is a product of two shorter ones
_NEPERS_PER_DB = np.log(10) / 20

Complex = npt.NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of the output, a hop apart, and where both sounds are then; [L + 1] for L hops."""

    note: npt.NDArray[np.int64]  # number of the note; -1 before the first
    place_a: Array  # in samples
    place_b: Array
    amount: Array


def pitch_share(amount: Array, pitch: PitchSource) -> Array:
    """How far the pitch is on its way to the second sound."""
    return {"between": amount, "a": np.zeros_like(amount), "b": np.ones_like(amount)}[pitch]


def fundamental(
    one: NoteTracks | None, other: NoteTracks | None, amount: Array, pitch: PitchSource
) -> tuple[Array, Array]:
    """Fundamental between two notes, and its share; a note without pitch takes the other's."""
    share = pitch_share(amount, pitch)
    if one is None or other is None:
        known = one or other
        share = np.full_like(share, 1.0 if one is None else 0.0)
        return np.full_like(share, 1.0 if known is None else known.hz), share
    return one.hz * (other.hz / one.hz) ** share, share


class PartialBank:
    """Oscillators of all partials, from moment to moment."""

    def __init__(self, model_a: SoundModel, model_b: SoundModel, pitch: PitchSource) -> None:
        self._models, self._pitch = (model_a, model_b), pitch
        self._hop, self._rate = model_a.hop, model_a.sample_rate
        self._n_channels = max(each.rest.shape[0] for each in self._models)
        self._note = -1
        self._phase: Array = np.zeros((self._n_channels, 0))

    def process(self, moments: Moments) -> Samples:
        """Sound [C, L * hop] between moments."""
        n_hops = len(moments.note) - 1
        out = np.zeros((n_hops, self._n_channels, self._hop), np.float32)
        borders = np.flatnonzero(np.diff(moments.note[:-1])) + 1
        for begin, end in pairwise([0, *borders.tolist(), n_hops]):
            number = int(moments.note[begin])
            pair = self._pair(number)
            if pair != [None, None]:
                goes_on = moments.note[end] == number
                out[begin:end] = self._play(pair, moments, begin, end, number, goes_on)
            self._note = number
        return out.transpose(1, 0, 2).reshape(self._n_channels, -1)

    def paths(self, moments: Moments) -> Iterator[tuple[slice, Array, Array]]:
        """Frequencies and amplitudes of partials [K, H] at moments, note by note."""
        borders = np.flatnonzero(np.diff(moments.note)) + 1
        for begin, end in pairwise([0, *borders.tolist(), len(moments.note)]):
            pair = self._pair(int(moments.note[begin]))
            if pair == [None, None]:
                continue
            here = slice(begin, end)
            places, amount = (moments.place_a[here], moments.place_b[here]), moments.amount[here]
            hz, share = fundamental(pair[0], pair[1], amount, self._pitch)
            frequencies, numbers = self._frequencies(pair, hz, amount)
            amplitude = self._amplitudes(pair, places, frequencies, numbers, amount)
            turned = self._deviation(pair, places, share, amount, amplitude.shape)
            yield here, frequencies * (1 + turned.mean(1)), amplitude.max(1)

    def _pair(self, number: int) -> list[NoteTracks | None]:
        return [
            each.notes[number] if 0 <= number < len(each.notes) else None for each in self._models
        ]

    def _play(
        self,
        pair: list[NoteTracks | None],
        moments: Moments,
        begin: int,
        end: int,
        number: int,
        goes_on: bool,
    ) -> Samples:
        """One note's sound [K, C, hop] over K hops; it ends with them unless it goes on."""
        amount = moments.amount[begin : end + 1]
        places = (moments.place_a[begin : end + 1], moments.place_b[begin : end + 1])
        hz, share = fundamental(pair[0], pair[1], amount, self._pitch)
        frequencies, numbers = self._frequencies(pair, hz, amount)
        amplitude = self._amplitudes(pair, places, frequencies, numbers, amount)
        if not goes_on:
            amplitude[-1] = 0
        steady = 2 * np.pi / self._rate * frequencies[:-1, None, :]
        turned = self._deviation(pair, places, share, amount, amplitude.shape)[:-1]
        omega = steady * (1 + turned)
        if number != self._note or self._phase.shape[1] != len(numbers):
            self._phase = self._first_phases(pair, places, amount[0], len(numbers))
        advanced = np.concatenate([self._phase[None], omega * self._hop]).cumsum(0) % (2 * np.pi)
        self._phase = advanced[-1]
        return _waves(amplitude, advanced[:-1], omega, self._hop)

    def _frequencies(
        self, pair: list[NoteTracks | None], hz: Array, amount: Array
    ) -> tuple[Array, Array]:
        """Frequencies [K + 1, H] of steady partials, and their numbers [H]."""
        known = [each for each in pair if each is not None]
        count = min(MOST_PARTIALS, max(each.n_partials for each in known))
        first, last = known[0].stiffness, known[-1].stiffness
        stiffness = (1 - amount) * first + amount * last
        frequencies = partials_hz(hz[:, None], stiffness[:, None], count)
        return frequencies, np.arange(1, count + 1, dtype=np.float64)

    def _amplitudes(
        self,
        pair: list[NoteTracks | None],
        places: tuple[Array, Array],
        frequencies: Array,
        numbers: Array,
        amount: Array,
    ) -> Array:
        """Amplitudes [K + 1, C, H] between both notes', in dB; silence counts as -80 dB."""
        shares = (1 - amount, amount)
        peaks = [1.0 if each is None else each.peak for each in pair]
        if pair[0] is None or pair[1] is None:
            peaks = [min(peaks)] * 2
        floors = [np.log(peak) - RANGE_DB * _NEPERS_PER_DB for peak in peaks]
        shape = (len(amount), self._n_channels, len(numbers))
        level, floor = np.zeros(shape), np.zeros(len(amount))
        for note, place, own_floor, share in zip(pair, places, floors, shares, strict=True):
            floor += share * own_floor
            own = np.full(shape, own_floor)
            if note is not None:
                own = self._log_levels(note, place, frequencies, numbers, own_floor)
            level += share[:, None, None] * own
        amplitude = np.maximum(0.0, np.exp(level) - np.exp(floor)[:, None, None])
        return np.asarray(amplitude * top_fade(frequencies, self._rate)[:, None, :])

    def _log_levels(
        self, note: NoteTracks, place: Array, frequencies: Array, numbers: Array, floor: float
    ) -> Array:
        """Levels [K + 1, C, H] in nepers that a note's partials have at other frequencies.

        Half by number and half by frequency, as in `cambiata.instrument.moving`.
        """
        at = place / self._hop - note.first
        low = np.clip(np.floor(at + 1e-6).astype(int), 0, len(note.amplitude) - 2)
        share = np.clip(at - low, 0, 1)[:, None, None]
        tracks = (1 - share) * note.amplitude[low] + share * note.amplitude[low + 1]
        tracks[(at < -1e-6) | (at > len(note.amplitude))] = 0
        own_level = np.log(tracks + np.exp(floor))
        own = note.frequencies
        by_number = own_level[..., np.minimum(numbers.astype(int), note.n_partials) - 1]
        number = np.interp(frequencies, own, np.arange(note.n_partials)) if len(own) > 1 else None
        if number is None:
            level = by_number
        else:
            below = np.minimum(np.floor(number + 1e-9).astype(int), note.n_partials - 2)
            between = (number - below)[:, None, :]
            rows, channels = np.ogrid[: len(below), : own_level.shape[1]]
            at_below = (rows[..., None], channels[..., None], below[:, None, :])
            by_frequency = (1 - between) * own_level[at_below]
            by_frequency += between * own_level[at_below[0], at_below[1], at_below[2] + 1]
            level = BY_FREQUENCY * by_frequency + (1 - BY_FREQUENCY) * by_number
        beyond = beyond_db(numbers, frequencies, own) * _NEPERS_PER_DB
        level = np.maximum(level + beyond[:, None, :], floor)
        return np.asarray(np.broadcast_to(level, (len(level), self._n_channels, len(numbers))))

    def _deviation(
        self,
        pair: list[NoteTracks | None],
        places: tuple[Array, Array],
        share: Array,
        amount: Array,
        shape: tuple[int, ...],
    ) -> Array:
        """Deviation of frequencies [K + 1, C, H] as shares of them: vibrato, glides, beats.

        What all partials have in common lies between both notes'; of what is a partial's own, most
        is that of the note in which it is louder.
        """
        out, own, weights = np.zeros(shape), np.zeros(shape), np.full(shape, 1e-30)
        shares, ways = (1 - share, share), (amount, 1 - amount)
        for note, place, part, way in zip(pair, places, shares, ways, strict=True):
            if note is None:
                continue
            frame = np.floor(place / self._hop - note.first + 1e-6).astype(int)
            frame = np.clip(frame, 0, len(note.phase) - 2)
            common = note.deviation[frame][:, None, None]
            out += part[:, None, None] * common
            count = min(note.n_partials, shape[2])
            each = deviations(note, frame, self._hop, self._rate)[..., :count] - common
            power = (note.amplitude[frame][..., :count] / note.peak) ** 2
            # At its own end of the way a note's partials turn as they are, wherever they are faint.
            clear = power / (power + 10 ** (_OWN_TURN_DB / 10))
            each *= 1 - np.minimum(way / _OWN_WAY, 1)[:, None, None] * (1 - clear)
            weight = part[:, None, None] * (power + 1e-12)
            own[..., :count] += weight * each
            weights[..., :count] += weight
        return np.asarray(out + own / weights)

    def _first_phases(
        self,
        pair: list[NoteTracks | None],
        places: tuple[Array, Array],
        amount: float,
        count: int,
    ) -> Array:
        """Phases [C, H] with which a note begins: between both notes' own."""
        sum_: Complex = np.zeros((self._n_channels, count), complex)
        for note, place, share in zip(pair, places, (1 - amount, amount), strict=True):
            if note is None:
                continue
            at = place[0] / self._hop - note.first
            frame = int(np.clip(np.floor(at + 1e-6), 0, len(note.phase) - 1))
            n = min(count, note.n_partials)
            turn = 2 * np.pi * (at - frame) * self._hop / self._rate * note.frequencies[:n]
            # A trace of the other note's, so that partials of its own have a phase, too.
            sum_[:, :n] += max(share, 1e-6) * np.exp(1j * (note.phase[frame][:, :n] + turn))
        return np.asarray(np.angle(sum_))


def own_waves(note: NoteTracks, hop: int, rate: int) -> Iterator[Samples]:
    """A note's partials as they are [C, T], block by block: what the oscillators give at its end.

    The first sample is that of its first frame.
    """
    n_frames = len(note.phase)
    amplitude = np.concatenate([note.amplitude, np.zeros_like(note.amplitude[:1])])
    amplitude = amplitude * top_fade(note.frequencies, rate)
    for begin in range(0, n_frames, _BATCH):
        frames = np.arange(begin, min(n_frames, begin + _BATCH))
        turned = deviations(note, np.clip(frames, 0, max(n_frames - 2, 0)), hop, rate)
        omega = 2 * np.pi / rate * note.frequencies * (1 + turned)
        rows = amplitude[begin : frames[-1] + 2]
        waves = _waves(rows, note.phase[frames], omega, hop)
        yield waves.transpose(1, 0, 2).reshape(waves.shape[1], -1)


def _waves(amplitude: npt.NDArray[Any], phase: npt.NDArray[Any], omega: Array, hop: int) -> Samples:
    """Sums of partials [K, C, hop] whose amplitudes [K + 1, C, H] run straight within a hop.

    A partial's wave of `hop` samples is the outer product of two shorter ones, so that the sum over
    partials is a product of matrices.
    """
    fine = _powers(_phasors(omega), _TAPS)
    coarse = _powers(_phasors(omega * _TAPS), hop // _TAPS)
    coarse *= _phasors(phase)
    level, rise = amplitude[:-1].astype(np.float32), np.diff(amplitude, axis=0).astype(np.float32)
    # [K, C, coarse, H] @ [K, C, H, fine]
    fine = fine.transpose(1, 2, 3, 0)
    coarse = coarse.transpose(1, 2, 0, 3)
    steady = ((coarse * level[:, :, None]) @ fine).real
    rising = ((coarse * rise[:, :, None]) @ fine).real
    shape = (*omega.shape[:2], hop)
    return np.asarray(
        steady.reshape(shape) + np.arange(hop, dtype=np.float32) / hop * rising.reshape(shape)
    )


def _phasors(turn: npt.NDArray[Any]) -> npt.NDArray[np.complex64]:
    """Unit phasors of angles."""
    turn = (turn % (2 * np.pi)).astype(np.float32)
    out = np.empty(turn.shape, np.complex64)
    out.real, out.imag = np.cos(turn), np.sin(turn)
    return out


def _powers(phasors: npt.NDArray[np.complex64], count: int) -> npt.NDArray[np.complex64]:
    """Powers 0 to `count` - 1 of unit phasors, [count, ...]; `count` is a power of two."""
    out = np.ones((count, *phasors.shape), np.complex64)
    filled, step = 1, phasors
    while filled < count:
        out[filled : 2 * filled] = out[:filled] * step
        filled, step = 2 * filled, step * step
    return out
