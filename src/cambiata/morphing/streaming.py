"""The sound between two others, block by block, while the amount moves."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.errors import SHARE, SOUND, InputError, check_numbers, check_type
from cambiata.instrument.note_model import Array
from cambiata.keywords import checked_keywords
from cambiata.morphing.analysis import FRAMES_A_STEP, SoundModel, take_apart, with_rest
from cambiata.morphing.clock import Clock
from cambiata.morphing.noise import Grains, RestBank
from cambiata.morphing.partials import Moments, PartialBank, PitchSource, fundamental, own_waves
from cambiata.morphing.sounds import Notes, find_notes

_MARKS_A_NOTE = 4  # begin, onset, end of the attack, release
_MOST_STEPS = 64  # made at once, which bounds memory and changes nothing else

Amounts = Callable[[npt.NDArray[np.int64], int], Array]
"""Amounts [S] of samples' numbers [S] and of the rate."""


class Morph:
    """Two sounds, taken apart, and the sound between them as it plays.

    Nothing goes in but the amount, so there is no delay of the sound: the first block begins with
    its first sample. A new amount begins to be heard within 5.8 ms and has arrived 5.8 ms later
    (256 samples each at 44.1 and 48 kHz); the noise needs as much again.

    Parameters
    ----------
    a : Audio
        The first sound: one note, or notes one after the other.
    b : Audio
        The second sound, with as many notes; it is brought to the first one's rate.
    pitch : {"between", "a", "b"}
        Whose pitch the result has: between both by the amount, in cents, or one sound's throughout.

    Raises
    ------
    InputError
        A sound is silent, too short or a loop of drums; it has other than the other's number of
        notes, or notes that sound together (`morph` then plays the first sound's notes with a
        timbre between both).

    Examples
    --------
    >>> t = np.arange(22050) / 22050
    >>> soft = Audio(0.3 * np.sin(2 * np.pi * 220 * t), 22050)
    >>> bright = Audio(0.3 * np.sign(np.sin(2 * np.pi * 330 * t)), 22050)
    >>> player = Morph(soft, bright)
    >>> player.process(480, 0.2).shape, player.process(480, 0.3).shape, player.has_ended
    ((1, 480), (1, 480), False)
    """

    @checked_keywords
    def __init__(self, a: Audio, b: Audio, *, pitch: PitchSource = "between") -> None:
        check_type("a", a, Audio, SOUND)
        check_type("b", b, Audio, SOUND)
        check_pitch(pitch)
        a, b = named(a, b)
        b = b if b.sample_rate == a.sample_rate else b.resampled(a.sample_rate)
        notes = find_notes(a), find_notes(b)
        problem = why_not(a.name, b.name, *notes)
        if problem is not None:
            raise problem
        self._set_models(*models_of((a, b), notes), pitch)

    @classmethod
    def of_models(cls, a: SoundModel, b: SoundModel, pitch: PitchSource) -> "Morph":
        """The same of sounds that have been taken apart."""
        player = cls.__new__(cls)
        player._set_models(a, b, pitch)
        return player

    def _set_models(self, a: SoundModel, b: SoundModel, pitch: PitchSource) -> None:
        self.models, self._pitch = (a, b), pitch
        self.sample_rate, self.step = a.sample_rate, a.step
        self.n_channels = max(a.rest.shape[0], b.rest.shape[0])
        self.n_notes = len(a.notes)
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning, as for the next time that a key is struck."""
        a, b = self.models
        self._clock = Clock(a.marks, b.marks)
        self._partials, self._rest = PartialBank(a, b, self._pitch), RestBank(a, b)
        self._amount: float | None = None  # at the end of what was made
        self._made: Samples = np.zeros((self.n_channels, 0), np.float32)

    @property
    def has_ended(self) -> bool:
        """Whether both sounds are over; what follows is silence."""
        return self._clock.has_ended

    def n_left(self, amount: float) -> int:
        """Samples until the end if the amount stays.

        Parameters
        ----------
        amount : float
            0 to 1.

        Returns
        -------
        int
            Samples, from the next one that `process` gives.
        """
        return int(self._made.shape[1]) + round(self._clock.remaining(amount))

    def duration(self, amounts: Amounts) -> int:
        """Length of the whole sound whose amount moves.

        Parameters
        ----------
        amounts : callable
            Amounts [S] of samples' numbers [S] and of the rate.

        Returns
        -------
        int
            Samples from the beginning to the end.
        """
        clock = Clock(*(model.marks for model in self.models))
        hop, step = self.step // FRAMES_A_STEP, 0
        [before] = amounts(np.array([0]), self.sample_rate).tolist()
        clock.advance(0.0, before)
        while True:
            [target] = amounts(np.array([step * self.step]), self.sample_rate).tolist()
            for i, share in enumerate(_shares(before, target)):
                left = clock.remaining(share)
                if left <= hop:
                    return step * self.step + i * hop + round(left)
                clock.advance(hop, share)
            before, step = target, step + 1

    def process(self, n_samples: int, amount: float | Array) -> Samples:
        """The next block of the sound.

        Blocks of any sizes are the same sound: only the amounts and their times matter.

        Parameters
        ----------
        n_samples : int
            Length of the block T.
        amount : float or numpy.ndarray
            0 is the first sound, 1 the second; one number for the block, or one a sample [T].

        Returns
        -------
        numpy.ndarray
            Samples [C, T]; silence once both sounds are over.

        Raises
        ------
        InputError
            An amount is out of range.
        """
        amounts = _checked_amounts(amount, n_samples)
        parts, n_made = [self._made], self._made.shape[1]
        # Steps begin at samples of this block, each with the amount there.
        starts = range(n_made, n_samples, self.step)
        for first in range(0, len(starts), _MOST_STEPS):
            at = list(starts[first : first + _MOST_STEPS])
            parts.append(self._steps(amounts[at]))
        made = np.concatenate(parts, axis=1)
        self._made = made[:, n_samples:]
        return made[:, :n_samples]

    def partial_paths(
        self, amounts: Amounts, n_samples: int, n_moments: int
    ) -> Iterator[tuple[slice, Array, Array]]:
        """Frequencies in Hz and amplitudes of the result's partials, note by note.

        Parameters
        ----------
        amounts : callable
            Amounts [S] of samples' numbers [S] and of the rate.
        n_samples : int
            Samples from the beginning on over which the moments are spread.
        n_moments : int
            How many moments.

        Yields
        ------
        tuple of slice and numpy.ndarray
            Moments of a note, frequencies [K, H] and amplitudes [K, H] of its partials then.
        """
        a, b = self.models
        clock, rows = Clock(a.marks, b.marks), list[tuple[float, ...]]()
        step = n_samples / n_moments
        at = (np.arange(n_moments) * step).astype(int)
        for amount in amounts(at, self.sample_rate).tolist():
            note = (clock.stretch - 1) // _MARKS_A_NOTE
            rows.append((note, *clock.places(), amount))
            clock.advance(step, amount)
        yield from PartialBank(a, b, self._pitch).paths(_moments(rows))

    def _steps(self, amounts: Array) -> Samples:
        """Steps of sound [C, S * step] that arrive at amounts [S]."""
        before = float(amounts[0]) if self._amount is None else self._amount
        is_first = self._amount is None
        hop = self.step // FRAMES_A_STEP
        if is_first:
            self._clock.advance(0.0, before)  # over what is empty at this amount
        moments, grains = [self._moment(before)], []
        if is_first:
            grains.append(self._grain(before, 0.0))
        for amount in amounts.tolist():
            grains.append(self._grain(amount, float(self.step)))
            for share in _shares(before, amount):
                self._clock.advance(hop, share)
                moments.append(self._moment(share))
            before = amount
        self._amount = before
        tonal = self._partials.process(_moments(moments))
        return tonal + self._noise(grains, is_first)

    def _noise(self, grains: list[tuple[float, ...]], is_first: bool) -> Samples:
        columns = np.array(grains).T
        note, (a, b, here_a, here_b, amount) = columns[0].astype(int), columns[1:]
        ratio = (np.ones(len(grains)), np.ones(len(grains)))
        for number in set(note.tolist()) & set(range(self.n_notes)):
            pair = [model.notes[number] for model in self.models]
            here = note == number
            hz, _ = fundamental(pair[0], pair[1], amount[here], self._pitch)
            for i, tracks in enumerate(pair):
                ratio[i][here] = 1.0 if tracks is None else hz / tracks.hz
        # A window's middle is a step ahead; what the first one reaches back to is read as the next.
        pace = ((a - here_a) / self.step, (b - here_b) / self.step)
        if is_first:
            for each in pace:
                each[0] = each[1]
        sound = self._rest.process(Grains((a, b), pace, ratio, amount))
        return sound[:, self.step :] if is_first else sound

    def _note(self) -> int:
        return (self._clock.stretch - 1) // _MARKS_A_NOTE

    def _moment(self, amount: float) -> tuple[float, ...]:
        return (self._note(), *self._clock.places(), amount)

    def _grain(self, amount: float, ahead: float) -> tuple[float, ...]:
        """Middle of a window of noise, which lies ahead of what was made."""
        middle = self._clock.later(ahead, amount)
        return (self._note(), *middle, *self._clock.places(), amount)


def _shares(before: float, target: float) -> list[float]:
    """Amounts at the ends of a step's hops."""
    way = target - before
    return [before + way * i / FRAMES_A_STEP for i in range(1, FRAMES_A_STEP + 1)]


def named(a: Audio, b: Audio) -> tuple[Audio, Audio]:
    """Both sounds with names to be told apart by, refused where their channels do not match."""
    a, b = (replace(x, name=n) if x.name == "audio" else x for x, n in ((a, "a"), (b, "b")))
    if a.n_channels != b.n_channels and 1 not in (a.n_channels, b.n_channels):
        problem = f"has {b.n_channels} channels, and {a.name} has {a.n_channels}"
        raise InputError(b.name, problem, "use as many, or one")
    return a, b


def check_pitch(pitch: str) -> None:
    """Refuse what is no pitch to have."""
    if pitch not in ("between", "a", "b"):
        raise InputError(f"pitch {pitch}", "is unknown", "use between, a or b")


def check_amount(amount: float) -> None:
    """Refuse an amount that is no share."""
    check_numbers(SHARE, amount=amount)
    if not 0 <= amount <= 1:
        raise InputError(f"amount {amount:g}", "is out of range", "use 0 to 1")


def _checked_amounts(amount: float | Array, n_samples: int) -> Array:
    if not isinstance(amount, np.ndarray):
        check_amount(amount)
        return np.full(n_samples, float(amount))
    if amount.shape != (n_samples,):
        cure = "give one number, or one a sample"
        raise InputError("amount", f"holds {amount.size} numbers for {n_samples} samples", cure)
    if not ((amount >= 0) & (amount <= 1)).all():
        raise InputError("amount", "leaves the range", "use 0 to 1")
    return np.asarray(amount, float)


def why_not(name_a: str, name_b: str, a: Notes, b: Notes) -> InputError | None:
    """Why two sounds' notes cannot be morphed one by one; None where they can."""
    cure = "use sounds of one note, or of as many notes one after the other"
    for name, notes in ((name_a, a), (name_b, b)):
        if not notes.spans:
            return InputError(name, notes.reason, cure)
    n_a, n_b = len(a.spans), len(b.spans)
    if n_a != n_b:
        return InputError(name_b, f"has {_counted(n_b)}, and {name_a} {_counted(n_a)}", cure)
    return None


def _counted(n_notes: int) -> str:
    return f"{n_notes} note{'s' * (n_notes != 1)}"


def models_of(
    sounds: tuple[Audio, Audio], notes: tuple[Notes, Notes]
) -> tuple[SoundModel, SoundModel]:
    """Models of both sounds, each made by a thread of its own."""
    with ThreadPoolExecutor(2) as threads:
        a, b = threads.map(model_of, sounds, notes)
    return a, b


def model_of(sound: Audio, notes: Notes) -> SoundModel:
    """Model of a sound, whose rest is exactly what the oscillators leave of it."""
    model = take_apart(sound, notes.spans)
    partials = np.zeros_like(sound.samples)
    for note in model.notes:
        at = 0 if note is None else note.first * model.hop
        for wave in own_waves(note, model.hop, model.sample_rate) if note is not None else ():
            room = partials[:, at : at + wave.shape[1]]
            room += wave[:, : room.shape[1]]
            at += wave.shape[1]
    return with_rest(model, partials)


def _moments(rows: list[tuple[float, ...]]) -> Moments:
    columns: Array = np.array(rows).T
    a, b, amount = (np.asarray(column, np.float64) for column in columns[1:])
    return Moments(columns[0].astype(np.int64), a, b, amount)
