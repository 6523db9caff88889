"""A sound taken apart for morphing: partials of its notes, the rest, and its levels in bands."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.instrument.note_model import (
    Array,
    count_partials,
    measure_stiffness,
    partials_hz,
    track_partials,
)
from cambiata.morphing.sounds import Span
from cambiata.morphing.vibrato import straighten

# Frames lie 2.9 ms apart: attacks are as sharp as ears tell, and a block of 5.8 ms is two frames.
_HOP_S = 0.0029
# Partials that never come within 80 dB of the loudest are left to the rest.
RANGE_DB = 80.0
# A note fades out so many frames before the next begins.
_FADE_FRAMES = 4
# Noise is shaped in third octaves, by windows of four frames that overlap by half.
N_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 25, 60.0, 18000.0
# Partials fade out below 18 kHz, or below 0.45 of the rate.
_NYQUIST_SHARE, _FADE_SHARE = 0.45, 0.03
BAND_RATIO = (_HIGHEST_HZ / _LOWEST_HZ) ** (1 / (N_BANDS - 1))
FRAMES_A_STEP = 2
_BATCH = 512  # frames of noise measured at once
SILENT = 1e-14  # power of a band that holds nothing

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NoteTracks:
    """Partials of a note in frames of the whole sound."""

    first: int  # its first frame
    hz: float
    stiffness: float
    amplitude: Floats  # [L, C, H]
    phase: Floats  # [L, C, H]
    deviation: Floats  # of the frequency from frame to frame, as a share of it; of all partials [L]

    @property
    def n_partials(self) -> int:
        """Number of partials H."""
        return int(self.amplitude.shape[2])

    @property
    def frequencies(self) -> Array:
        """Frequencies of steady partials [H]."""
        return partials_hz(self.hz, self.stiffness, self.n_partials)

    @property
    def peak(self) -> float:
        """Amplitude of the loudest partial."""
        return float(self.amplitude.max(initial=1e-9))


@dataclass(frozen=True, eq=False)
class SoundModel:
    """A sound, taken apart."""

    name: str
    sample_rate: int
    hop: int  # samples between frames
    n_samples: int
    marks: Array  # landmarks in samples: 0, four for each note, the end
    notes: tuple[NoteTracks | None, ...]  # None where a note has no pitch
    rest: Samples  # what is no partial [C, T]
    noise_log: Floats  # logarithm of its power in bands, in steps [S, C, N_BANDS]

    @property
    def step(self) -> int:
        """Samples between measurements of noise."""
        return FRAMES_A_STEP * self.hop


def frame_hop(sample_rate: int) -> int:
    """Samples between frames: a power of two near to 2.9 ms."""
    return int(2 ** round(math.log2(_HOP_S * sample_rate)))


def take_apart(sound: Audio, spans: tuple[Span, ...]) -> SoundModel:
    """Model of a sound whose notes are known; the rest is still the whole sound."""
    hop = frame_hop(sound.sample_rate)
    tracks = tuple(_note_tracks(sound, span, hop) for span in spans)
    marks = [0.0]
    for span in spans:
        marks += [span.begin, span.onset, span.attacked, span.released]
    marks.append(sound.n_samples)
    model = SoundModel(
        sound.name,
        sound.sample_rate,
        hop,
        sound.n_samples,
        np.maximum.accumulate(np.array(marks, float)),
        tracks,
        sound.samples,
        np.zeros((1, sound.n_channels, N_BANDS), np.float32),
    )
    return model


def with_rest(model: SoundModel, partials: Samples) -> SoundModel:
    """The model whose rest is what its partials [C, T] leave of the sound."""
    rest = model.rest - partials
    return replace(model, rest=rest, noise_log=_noise_log(rest, model.sample_rate, model.step))


def _note_tracks(sound: Audio, span: Span, hop: int) -> NoteTracks | None:
    """Partials of a note; its frames before the onset and after its end are silent."""
    if span.midi is None:
        return None
    rate = sound.sample_rate
    hz = float(440 * 2 ** ((span.midi - 69) / 12))
    first, last = -(-span.begin // hop), max(-(-span.begin // hop) + 2, -(-span.end // hop))
    # Windows reach over both ends, where there is something to see.
    reach = -(-round(rate * 8 / hz) // hop)
    start = max(0, first - reach)
    part = sound.samples[:, start * hop : (last + reach) * hop]
    mono = part.mean(0)
    onset = span.onset - start * hop
    stiffness = measure_stiffness(mono[onset : span.released - start * hop], rate, hz)
    frequencies = partials_hz(hz, stiffness, count_partials(hz, stiffness, rate))
    straight = straighten(part, rate, frequencies, onset, hop)
    tracks = np.stack(
        [
            track_partials(
                each, rate, hz, frequencies, round(straight.warp(onset)), hop, is_steady=True
            )
            for each in straight.sound
        ],
        axis=1,
    )
    at = straight.frames[first - start : last - start]
    tracks = _interpolated(tracks, at)
    frames = np.arange(first, first + len(tracks))
    amplitude = np.abs(tracks).astype(np.float32)
    gate = np.minimum(frames * hop >= span.onset - hop, 1.0)
    if span.end < sound.n_samples:
        gate = np.minimum(gate, np.arange(len(frames), 0, -1) / _FADE_FRAMES)
    amplitude *= gate.astype(np.float32)[:, None, None]
    audible = amplitude.max((0, 1)) > 10 ** (-RANGE_DB / 20) * amplitude.max()
    count = int(np.flatnonzero(audible)[-1]) + 1 if audible.any() else 1
    if count < len(frequencies):
        amplitude[..., count] = 0  # one more, which says that those above are silent
        count += 1
    # From the phases beyond steady ones, counted from where the part begins, to those there are.
    cycles = at[:, None, None] * hop / rate * frequencies[:count]
    phase = np.angle(tracks[..., :count]) + 2 * np.pi * (cycles % 1.0)
    phase = (phase + np.pi) % (2 * np.pi) - np.pi
    note = NoteTracks(
        first,
        hz,
        stiffness,
        amplitude[..., :count].copy(),
        phase.astype(np.float32),
        np.zeros(1, np.float32),
    )
    return replace(note, deviation=_common_deviation(note, hop, rate))


def _interpolated(tracks: npt.NDArray[np.complex128], at: Array) -> npt.NDArray[np.complex128]:
    """Tracks [L, C, H] at frames between two; the last one beyond the end."""
    low = np.clip(np.floor(at + 1e-9).astype(int), 0, len(tracks) - 1)
    high = np.minimum(low + 1, len(tracks) - 1)
    share = np.clip(at - low, 0, 1)[:, None, None]
    return np.asarray((1 - share) * tracks[low] + share * tracks[high])


def top_fade(frequencies: Array, rate: int) -> Array:
    """Gain of partials: none from where there are no partials of any sound (`note_model`) on."""
    top = min(_HIGHEST_HZ, _NYQUIST_SHARE * rate)
    return np.clip((top - frequencies) / (_FADE_SHARE * top), 0, 1)


def deviations(note: NoteTracks, frame: npt.NDArray[np.int64], hop: int, rate: int) -> Array:
    """Deviation of partials' frequencies from a frame to the next, as shares [K, C, H]."""
    steady = 2 * np.pi * hop / rate * note.frequencies
    turned = note.phase[frame + 1].astype(np.float64) - note.phase[frame] - steady
    turned = (turned + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(turned / steady)


def _common_deviation(note: NoteTracks, hop: int, rate: int) -> Floats:
    """Mean of the partials' deviations, by their power, over five frames [L]."""
    each = deviations(note, np.arange(len(note.phase) - 1), hop, rate)
    power = note.amplitude[:-1] ** 2
    kernel = np.full(5, 0.2)
    weighted = np.convolve((each * power).sum((1, 2)), kernel, "same")[: len(power)]
    total = np.convolve(power.sum((1, 2)), kernel, "same")[: len(power)]
    mean = weighted / np.maximum(total, 1e-12 * total.max(initial=1e-12) + 1e-20)
    return np.append(mean, mean[-1:]).astype(np.float32)


def _noise_log(rest: Samples, rate: int, step: int) -> Floats:
    """Logarithm of the rest's power in bands [S, C, N_BANDS], in windows centred on steps."""
    size = 2 * step
    window = noise_window(size) ** 2
    filters = band_filters(rate, size)
    n_steps = rest.shape[1] // step + 2
    padded = np.pad(rest, ((0, 0), (step, 2 * step)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::step]
    out = np.empty((n_steps, rest.shape[0], N_BANDS), np.float32)
    for begin in range(0, n_steps, _BATCH):
        spectrum = np.fft.rfft(frames[:, begin : begin + _BATCH][:, : n_steps - begin] * window)
        power = (np.abs(spectrum) ** 2 @ filters).transpose(1, 0, 2)
        out[begin : begin + _BATCH] = power / (window**2).sum()
    # Three steps, so that the noise's own waves are not taken for its envelope.
    smooth = out.copy()
    smooth[1:-1] = (out[:-2] + 2 * out[1:-1] + out[2:]) / 4
    return np.log(smooth + np.float32(SILENT))


@lru_cache(maxsize=4)
def noise_window(size: int) -> Floats:
    """Window whose square adds up to one at an overlap of half."""
    return np.sin(np.pi * (np.arange(size) + 0.5) / size).astype(np.float32)


@lru_cache(maxsize=4)
def band_filters(rate: int, size: int) -> Floats:
    """Means over bands of a spectrum's bins [F, N_BANDS]."""
    weights = band_interpolation(rate, size).T.astype(np.float64)
    place = _band_place(rate, size)
    # Bands that lie between two bins take the nearest.
    for band in range(N_BANDS):
        if weights[:, band].sum() < 0.5:
            weights[int(np.argmin(np.abs(place - band))), band] = 1.0
    return np.asarray(weights / weights.sum(0), np.float32)


@lru_cache(maxsize=4)
def band_interpolation(rate: int, size: int) -> Floats:
    """Weights from bands to a spectrum's bins [N_BANDS, F], straight over log frequency."""
    place = np.clip(_band_place(rate, size), 0, N_BANDS - 1)
    weights = np.maximum(0, 1 - np.abs(place - np.arange(N_BANDS)[:, None]))
    return np.asarray(weights, np.float32)


def _band_place(rate: int, size: int) -> Array:
    bins_hz = np.maximum(np.fft.rfftfreq(size, 1 / rate), 1.0)
    return np.asarray(np.log(bins_hz / _LOWEST_HZ) / np.log(BAND_RATIO))
