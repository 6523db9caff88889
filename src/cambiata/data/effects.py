"""Seeded treatments of sound, with which the data engine makes its pairs harder and wider.

`sample_paper_chain` draws what SS-VQ-VAE was trained with (Cifka, Ozerov, Simsekli, Richard,
ICASSP 2021; the authors' repository, data/*/prepare.ipynb): overdrive, phaser, reverb and tremolo
of SoX as pysndfx calls them. They are SoX's own algorithms, vectorised, and differ from its output
by rounding alone, but for two things: nothing clips, and an overdriven silence stays silent (SoX
thumps at its start). `sample_wide_chain` adds what recordings add: equalizer, room, noise,
detuning and vibrato.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.audio.source import pad_or_trim, resample

NoiseColour = Literal["white", "pink", "hum"]
BandKind = Literal["peak", "low_shelf", "high_shelf"]

_Floats = npt.NDArray[np.float64]

# How likely 0, 1, 2 and 3 effects are (prepare.ipynb).
_PAPER_COUNT_WEIGHTS = (0.35, 0.40, 0.20, 0.05)

# Freeverb's delays in samples at 44.1 kHz, as SoX has them.
_COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
_ALLPASSES = (225, 341, 441, 556)
_STEREO_SPREAD = 12  # its second channel's are alternately longer and shorter
_WET_GAIN = 0.015
# Where the reverberation is cut: below 16 bits' rounding. Less would be faster, and be heard.
_REVERB_DECAY_DB = 100.0

_PHASER_MIN_WEIGHT = 1e-9  # echoes softer than float32 resolves are left out
_ROOM_RATE_HZ = 44100  # of a room made of noise; others have their own
_N_HUM_PARTIALS = 8  # the mains and seven overtones
_OVERSAMPLING = 4  # of `Vibrato`; at 2 its cubics would be 1.1 dB down at the highest frequency
_MAX_AMPLITUDE = 1e6  # far above any sound; float32 holds what four bands of 12 dB make of it


@dataclass(frozen=True)
class Effect(ABC):
    """A treatment of sound, settled in all its parameters: the same in, the same out.

    Called with mono samples [T] float32 and their rate in Hz, it returns as many samples, a new
    array. Its `sample` makes one with random parameters.
    """

    # Whether pitches change: a target of the old ones would then be wrong.
    changes_pitch: ClassVar[bool] = False
    changes_timing: ClassVar[bool] = False  # by more than a few milliseconds

    @abstractmethod
    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound treated, [T]."""

    @classmethod
    @abstractmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """An effect with random parameters."""

    def describe(self) -> dict[str, Any]:
        """Its name and parameters, for a manifest."""
        return {"effect": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Overdrive(Effect):
    """Overdrive: a cubic soft clip, its constant part removed, with half of the dry sound.

    SoX's overdrive.c, from its rest state.
    """

    gain_db: float  # before the clip
    # Offset before the clip in half percents, 0 to 100: even harmonics. At 0 the effect is odd.
    colour: float = 20.0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Gain uniform from 10 to 40 dB."""
        return cls(rng.uniform(10, 40))

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:  # noqa: ARG002
        """The sound overdriven, [T]."""
        from scipy.signal import lfilter

        offset = self.colour / 200
        driven = np.clip(_db_to_gain(self.gain_db) * samples.astype(np.float64) + offset, -1, 1)
        clipped = driven - driven * driven * driven / 3
        # SoX's blocker of constants, whatever the rate; without the offset it begins at rest.
        alternating = lfilter([1, -1], [1, -0.995], clipped - (offset - offset**3 / 3))
        return _as_float32(0.5 * samples + 0.75 * alternating)


@dataclass(frozen=True)
class Phaser(Effect):
    """Phaser: an echo of the output after a swinging delay of a few milliseconds.

    SoX's phaser.c: ``y[n] = gain_in x[n] + decay y[n - delay[n]]``, ``gain_out y`` is put out, and
    the delay swings between one sample and `delay_ms` in whole samples. Unrolled as the product
    of ``1 + (decay S)^(2^k)``, S the delay, which converges twice as many echoes at each factor.
    """

    gain_in: float
    gain_out: float
    delay_ms: float  # the longest
    decay: float  # gain of one echo, from 0 to below 1
    speed_hz: float  # swings per second
    triangular: bool = False  # swings in straight lines, else as a sine

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1 or self.delay_ms <= 0 or self.speed_hz <= 0:
            raise ValueError("decay must be 0 to below 1, delay and speed more than 0")

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Gains, delay, decay, speed and shape as the paper draws them."""
        return cls(
            gain_in=rng.uniform(0.6, 0.9),
            gain_out=rng.uniform(0.66, 0.85),
            delay_ms=rng.power(0.4) * 3 + 1,
            decay=rng.uniform(0.2, 0.45),
            speed_hz=rng.uniform(0.5, 2),
            triangular=bool(rng.integers(2)),
        )

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound phased, [T]."""
        # Place 0 stands for all that was before the sound: silence, and its own source.
        positions = np.arange(samples.shape[0] + 1)
        source = np.maximum(positions - self._delays(samples.shape[0] + 1, sample_rate), 0)
        output = np.concatenate([[0], self.gain_in * samples.astype(np.float64)])
        echo_gain = self.decay
        while echo_gain > _PHASER_MIN_WEIGHT:
            output += echo_gain * output[source]
            source = source[source]
            echo_gain *= echo_gain
        return _as_float32(self.gain_out * output[1:])

    def _delays(self, n: int, sample_rate: int) -> npt.NDArray[np.intp]:
        """Delay at places 0 (before the sound) to n - 1, in samples."""
        longest = max(1, int(self.delay_ms / 1000 * sample_rate + 0.5))
        period = max(1, int(sample_rate / self.speed_hz + 0.5))
        # SoX's tables of waves, begun at their maximum, which is the shortest delay.
        turn = (np.arange(period) + int(period / 4 + 0.5)) % period / period
        if self.triangular:
            wave = np.where(turn < 0.25, 2 * turn + 0.5, 1.5 - 2 * turn)
            wave = np.where(turn >= 0.75, 2 * turn - 1.5, wave)
        else:
            wave = (1 + np.sin(2 * np.pi * turn)) / 2
        swing = np.floor(wave * (longest - 1) + 1.5).astype(np.intp)
        return np.resize(np.roll(longest + 1 - swing, 1), n)


@dataclass(frozen=True)
class Reverb(Effect):
    """Freeverb, added to the dry sound: eight damped combs side by side, four all-passes in a row.

    SoX's reverb.c, the mean of its two channels. The impulse response, 100 dB down where it is
    cut, comes from the filters' closed form, and is convolved by FFT.
    """

    gain_db: float = -3.0  # before; the paper's
    reverberance: float = 50.0  # percent, 0 to 100: length of the decay
    hf_damping: float = 50.0  # percent, 0 to 100: faster decay of high frequencies
    room_scale: float = 100.0  # percent, 0 to 100: length of the combs
    # Silence before the reverberation; 20 is pysndfx's default, SoX's is 0
    pre_delay_ms: float = 20.0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:  # noqa: ARG003
        """The paper's, the same at every draw."""
        return cls()

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound with its reverberation, [T]."""
        response = _freeverb(sample_rate, self.reverberance, self.hf_damping, self.room_scale)
        wet = _convolve(samples, response)
        delay = min(round(self.pre_delay_ms / 1000 * sample_rate), samples.shape[0])
        out = samples.astype(np.float64)
        out[delay:] += wet[: samples.shape[0] - delay]
        return _as_float32(_db_to_gain(self.gain_db) * out)


@dataclass(frozen=True)
class Tremolo(Effect):
    """Tremolo: loudness that swings as a cosine, from full to `depth` percent less.

    SoX's tremolo.c.
    """

    freq_hz: float  # swings per second
    depth: float = 40.0  # percent, 0 to 100, taken away at the quietest

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Frequency ``power(0.5) * 14 + 1`` Hz, depth uniform from 20 to 60 percent."""
        return cls(rng.power(0.5) * 14 + 1, rng.uniform(20, 60))

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound trembling, [T]."""
        t = np.arange(samples.shape[0]) / sample_rate
        swing = self.depth / 200
        return _as_float32(samples * (1 - swing + swing * np.cos(2 * np.pi * self.freq_hz * t)))


@dataclass(frozen=True)
class Band:
    """One filter of an equalizer."""

    kind: BandKind  # raises what is around the frequency, below it or above it
    # Centre of the peak, or middle of the shelf's slope. Above 0.45 of the rate, it acts there.
    freq_hz: float
    gain_db: float  # at the centre, or on the shelf
    q: float = 0.7071  # quality: the higher, the narrower the peak and the steeper the shelf

    def coefficients(self, sample_rate: int) -> _Floats:
        """Coefficients of the filter, numerator and denominator [6], the latter from 1.

        Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients".
        """
        root = 10 ** (self.gain_db / 40)
        angle = 2 * np.pi * min(self.freq_hz / sample_rate, 0.45)
        cos, alpha = np.cos(angle), np.sin(angle) / (2 * self.q)
        if self.kind == "peak":
            b = np.array([1 + alpha * root, -2 * cos, 1 - alpha * root])
            a = np.array([1 + alpha / root, -2 * cos, 1 - alpha / root])
        else:
            # A high shelf is a low one mirrored at half the Nyquist frequency.
            side = 1 if self.kind == "low_shelf" else -1
            more, less = root + 1, side * (root - 1) * cos
            slope = 2 * np.sqrt(root) * alpha
            turned = side * (root - 1)
            b = root * np.array(
                [more - less + slope, 2 * (turned - more * cos), more - less - slope]
            )
            a = np.array([more + less + slope, -2 * (turned + more * cos), more + less - slope])
        section: _Floats = np.concatenate([b, a]) / a[0]
        return section


@dataclass(frozen=True)
class Equalizer(Effect):
    """Peaks and shelves, one after another."""

    bands: tuple[Band, ...]

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """One to four bands of any kind, 60 Hz to 8 kHz, up to 12 dB either way, q 0.5 to 2."""
        kinds: tuple[BandKind, ...] = get_args(BandKind)
        return cls(
            tuple(
                Band(
                    kinds[rng.integers(len(kinds))],
                    _log_uniform(rng, 60, 8000),
                    rng.uniform(-12, 12),
                    _log_uniform(rng, 0.5, 2),
                )
                for _ in range(rng.integers(1, 5))
            )
        )

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound equalized, [T]."""
        if not self.bands or not samples.size:
            return samples.copy()
        from scipy.signal import sosfilt

        sections = np.stack([band.coefficients(sample_rate) for band in self.bands])
        return _as_float32(sosfilt(sections, samples.astype(np.float64)))


@dataclass(frozen=True)
class Room(Effect):
    """A room, from its impulse response, mixed with the dry sound.

    The response counts from its loudest sample, so that onsets stay, and is scaled to unit
    energy, so that what is wet is about as loud as what is dry.
    """

    impulse: Samples = field(repr=False, compare=False)  # mono [T]
    impulse_rate: int  # in Hz; the response is resampled to the rate of the sound
    wet: float  # share of the room in the sound, 0 to 1
    name: str = "room"  # in manifests; rooms of equal names count as equal

    def __post_init__(self) -> None:
        if self.impulse.ndim != 1 or not 0 < np.square(self.impulse, dtype=float).sum() < np.inf:
            raise ValueError("an impulse response must be mono, finite and not silent")
        if not 0 <= self.wet <= 1:
            raise ValueError("wet must be 0 to 1")

    @classmethod
    def sample(cls, rng: np.random.Generator, rooms: Sequence[Audio] = ()) -> Self:
        """One of `rooms` (impulse responses), 10 to 60 percent wet.

        Without any, decaying noise that falls by 60 dB in 0.15 to 1.2 s.
        """
        wet = rng.uniform(0.1, 0.6)
        if rooms:
            room = rooms[int(rng.integers(len(rooms)))]
            return cls(room.mono().samples[0], room.sample_rate, wet, room.name)
        decay_s, seed = _log_uniform(rng, 0.15, 1.2), int(rng.integers(2**32))
        t = np.arange(round(1.5 * decay_s * _ROOM_RATE_HZ)) / _ROOM_RATE_HZ
        noise = np.random.default_rng(seed).standard_normal(t.shape[0])
        name = f"noise of {decay_s:.3f} s, seed {seed}"
        return cls(_as_float32(noise * 10 ** (-3 * t / decay_s)), _ROOM_RATE_HZ, wet, name)

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound in the room, [T]."""
        response = resample(self.impulse, self.impulse_rate, sample_rate).astype(np.float64)
        response = response[np.abs(response).argmax() :]
        response /= np.sqrt(np.square(response).sum())
        wet = _convolve(samples, _as_float32(response))
        return _as_float32((1 - self.wet) * samples + self.wet * wet)

    def describe(self) -> dict[str, Any]:
        """Its name and parameters, for a manifest."""
        return {"effect": "room", "name": self.name, "wet": self.wet}


@dataclass(frozen=True)
class Noise(Effect):
    """Noise under the sound, at a level relative to it: none under silence.

    Two sounds of one length get the same noise from the same object.
    """

    level_db: float  # RMS of the noise relative to that of the sound
    # Flat; falling by 3 dB an octave above 20 Hz; or the mains with 7 overtones, 1/k each
    colour: NoiseColour = "white"
    seed: int = 0  # of the noise, or of the hum's phases
    mains_hz: float = 50.0  # of the hum

    def __post_init__(self) -> None:
        if self.colour not in get_args(NoiseColour):
            raise ValueError(f"colour must be one of {', '.join(get_args(NoiseColour))}")

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Level from -70 to -35 dB, any colour, mains of 50 or 60 Hz."""
        colours: tuple[NoiseColour, ...] = get_args(NoiseColour)
        return cls(
            rng.uniform(-70, -35),
            colours[rng.integers(len(colours))],
            int(rng.integers(2**32)),
            (50.0, 60.0)[rng.integers(2)],
        )

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound over noise, [T]."""
        level = _rms(samples) * _db_to_gain(self.level_db)
        if level == 0:
            return samples.copy()
        noise = self._noise(samples.shape[0], sample_rate)
        return _as_float32(samples + noise * (level / max(_rms(noise), 1e-30)))

    def _noise(self, n: int, sample_rate: int) -> Samples | _Floats:
        rng = np.random.default_rng(self.seed)
        if self.colour == "hum":
            t = np.arange(n) / sample_rate
            turning = np.exp(2j * np.pi * self.mains_hz * t)
            n_partials = min(_N_HUM_PARTIALS, int(sample_rate / 2 / self.mains_hz))
            phasors = np.exp(1j * rng.uniform(0, 2 * np.pi, _N_HUM_PARTIALS)) / np.arange(
                1, _N_HUM_PARTIALS + 1
            )
            hum = np.zeros(n, np.complex128)
            for phasor in phasors[:n_partials][::-1]:  # Horner's rule: one exponential for all
                hum = (hum + phasor) * turning
            return hum.imag
        if self.colour == "white":
            return rng.standard_normal(n, np.float32)
        n_fft = scipy.fft.next_fast_len(n, real=True)
        spectrum = scipy.fft.rfft(rng.standard_normal(n_fft, np.float32))
        hz = np.arange(spectrum.shape[0], dtype=np.float32) * np.float32(sample_rate / n_fft)
        pink: Samples = scipy.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 20)), n_fft)[:n]
        return pink


@dataclass(frozen=True)
class Detune(Effect):
    """The sound as if on a tape that runs faster or slower, cut or filled up to its length."""

    changes_pitch: ClassVar[bool] = True
    changes_timing: ClassVar[bool] = True

    cents: float  # upwards; time runs faster by as much

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Up to 50 cents either way."""
        return cls(rng.uniform(-50, 50))

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound detuned, [T]."""
        if self.cents == 0:
            return samples.copy()
        faster = resample(samples, sample_rate * 2 ** (self.cents / 1200), sample_rate)
        return pad_or_trim(faster, samples.shape[0])


@dataclass(frozen=True)
class Vibrato(Effect):
    """Pitch that swings as a sine, read from the sound at places that swing by a millisecond.

    It is read from four times its rate, with cubics (Catmull-Rom) in between, which are at worst
    0.1 dB down at its highest frequency.
    """

    changes_pitch: ClassVar[bool] = True

    rate_hz: float  # swings per second
    # How far pitch swings upwards, and very nearly downwards, in hundredths of a semitone
    depth_cents: float
    phase: float = 0.0  # of the swing at the start, in radians

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Self:
        """Rate from 4 to 7 Hz, depth from 5 to 50 cents, any phase."""
        return cls(rng.uniform(4, 7), rng.uniform(5, 50), rng.uniform(0, 2 * np.pi))

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound with vibrato, [T]."""
        if self.depth_cents == 0 or not samples.size:
            return samples.copy()
        oversampled = resample(samples, sample_rate, _OVERSAMPLING * sample_rate)
        angle = 2 * np.pi * self.rate_hz / sample_rate
        # Read at t + a sin(wt), sound runs at 1 + a w cos(wt) of its speed.
        reach = (2 ** (self.depth_cents / 1200) - 1) / angle
        places = np.arange(samples.shape[0])
        shift = _OVERSAMPLING * reach * np.sin(angle * places + self.phase)
        integer = np.floor(shift)
        fraction = _as_float32(shift - integer)
        margin = int(np.ceil(_OVERSAMPLING * reach)) + 2
        padded = np.pad(oversampled, margin)
        at = _OVERSAMPLING * places + integer.astype(np.intp) + margin
        before, here, after, beyond = (padded[at + k] for k in (-1, 0, 1, 2))
        curve = 2 * before - 5 * here + 4 * after - beyond
        bend = beyond - before + 3 * (here - after)
        slope = after - before + fraction * (curve + fraction * bend)
        return _as_float32(here + fraction / 2 * slope)


@dataclass(frozen=True)
class Chain:
    """Effects one after another, the level kept.

    The result is scaled to the RMS of what came in, so that the level does not give the treatment
    away; peaks may pass full scale, as floats can. Silence stays silent. One chain treats every
    sound alike, which is how the paper treats both segments of a pair.
    """

    # In the order in which they act; none leaves a sound as it is
    effects: tuple[Effect, ...] = ()

    @property
    def changes_pitch(self) -> bool:
        """True where any effect changes pitches."""
        return any(effect.changes_pitch for effect in self.effects)

    @property
    def changes_timing(self) -> bool:
        """True where any effect moves onsets."""
        return any(effect.changes_timing for effect in self.effects)

    def __call__(self, samples: Samples, sample_rate: int) -> Samples:
        """The sound treated, [T]."""
        # Four bands of 12 dB must not overflow single precision; a comparison with NaN fails.
        if samples.ndim != 1 or not (np.abs(samples) <= _MAX_AMPLITUDE).all():
            raise ValueError("a chain treats mono sound [T] of finite samples, at most 1e6")
        level = _rms(samples)
        if not self.effects or level == 0:
            return samples.copy()
        processed = samples
        for effect in self.effects:
            processed = effect(processed, sample_rate)
        return _as_float32(processed * np.float64(level / max(_rms(processed), 1e-30)))

    def time_invariant(self) -> "Chain":
        """The chain without the effects that change pitches or move onsets."""
        return Chain(tuple(e for e in self.effects if not (e.changes_pitch or e.changes_timing)))

    def describe(self) -> list[dict[str, Any]]:
        """Its effects and their parameters, for a manifest."""
        return [effect.describe() for effect in self.effects]


def sample_paper_chain(rng: np.random.Generator) -> Chain:
    """A chain as SS-VQ-VAE's training draws it.

    None, one, two or three effects (35, 40, 20 and 5 percent), drawn with replacement from
    overdrive, phaser, reverb and tremolo.
    """
    kinds: tuple[type[Effect], ...] = (Overdrive, Phaser, Reverb, Tremolo)
    count = rng.choice(len(_PAPER_COUNT_WEIGHTS), p=_PAPER_COUNT_WEIGHTS)
    return Chain(tuple(kinds[i].sample(rng) for i in rng.integers(len(kinds), size=count)))


def sample_wide_chain(rng: np.random.Generator, rooms: Sequence[Audio] = ()) -> Chain:
    """A chain of the paper's, with what else happens between an instrument and a file.

    Around the paper's effects, each by its own chance: detuning (20 percent) and vibrato (15)
    before, equalizer (50), room (30) and noise (40) after.
    """
    effects: list[Effect] = []
    if rng.random() < 0.2:
        effects.append(Detune.sample(rng))
    if rng.random() < 0.15:
        effects.append(Vibrato.sample(rng))
    effects += sample_paper_chain(rng).effects
    if rng.random() < 0.5:
        effects.append(Equalizer.sample(rng))
    if rng.random() < 0.3:
        effects.append(Room.sample(rng, rooms))
    if rng.random() < 0.4:
        effects.append(Noise.sample(rng))
    return Chain(tuple(effects))


def _as_float32(samples: npt.NDArray[np.floating[Any]]) -> Samples:
    return samples.astype(np.float32, copy=False)


def _db_to_gain(gain_db: float) -> float:
    return float(10 ** (gain_db / 20))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _rms(samples: npt.NDArray[np.floating[Any]]) -> float:
    if not samples.size:
        return 0.0
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean()))


def _convolve(samples: Samples, response: Samples) -> Samples:
    """The convolution as far as the sound goes, [T]."""
    from scipy.signal import oaconvolve

    n = samples.shape[0]
    if not n:
        return samples
    convolved: Samples = oaconvolve(samples, response[:n])[:n]
    return convolved


@lru_cache(maxsize=8)
def _freeverb(
    sample_rate: int, reverberance: float, hf_damping: float, room_scale: float
) -> Samples:
    """Impulse response of the reverberation alone, 100 dB down at its end."""
    # SoX's curve from percents to the combs' feedback, reverb_create in reverb.c.
    a = -1 / np.log(1 - 0.3)
    b = 100 / (np.log(1 - 0.98) * a + 1)
    feedback = 1 - np.exp((reverberance - b) / (a * b))
    damping = hf_damping / 100 * 0.3 + 0.2
    rate = sample_rate / 44100
    scale = (room_scale / 100 * 0.9 + 0.1) * rate

    def lengths(spread: int) -> tuple[list[int], list[int]]:
        more = [spread, -spread] * 4
        combs = [int(scale * (_COMBS[i] + more[i]) + 0.5) for i in range(len(_COMBS))]
        allpasses = [int(rate * (_ALLPASSES[i] + more[i]) + 0.5) for i in range(len(_ALLPASSES))]
        return combs, allpasses

    # Sampled in frequency, the response wraps around in time: what wraps is below the floor.
    n_rounds = _REVERB_DECAY_DB / (-20 * np.log10(feedback))
    longest = scale * _COMBS[-1] * (n_rounds + 1) + rate * sum(_ALLPASSES)
    n = scipy.fft.next_fast_len(int(longest), real=True)

    def delay_response(length: int) -> npt.NDArray[np.complex128]:
        # By exact angles: powers of one rounded root of unity would lose digits.
        turns: _Floats = np.arange(n // 2 + 1) * length % n / n
        phasors: npt.NDArray[np.complex128] = np.exp(-2j * np.pi * turns)
        return phasors

    step, response = delay_response(1), np.zeros(n // 2 + 1, np.complex128)
    for spread in (0, _STEREO_SPREAD):
        combs, allpasses = lengths(spread)
        channel = np.zeros_like(response)
        for length in combs:
            delay, damped = delay_response(length), 1 - damping * step
            channel += delay * damped / (damped - feedback * (1 - damping) * delay)
        for length in allpasses:
            delay = delay_response(length)
            channel *= (1.5 * delay - 1) / (1 - 0.5 * delay)
        response += channel / 2
    impulse = _as_float32(_WET_GAIN * scipy.fft.irfft(response, n))
    impulse.flags.writeable = False  # every caller shares it
    return impulse
