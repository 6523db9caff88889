"""Model of a recorded note: its partials' amplitudes and phases over time, and the noise beside.

Every partial is demodulated from the recording by its own frequency. The window is four periods of
the note (Hann's has its zeros at the neighbouring partials then), so that attacks of high notes
are as sharp as they are; once the attack is over a longer one tells partials and noise apart. What
the partials do not explain, the rest, is kept as a waveform.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples

# Above, lossy recordings hold nothing and few people hear anything.
_HIGHEST_HZ = 18000.0
MOST_PARTIALS = 160  # of A0 up to 4.4 kHz; what lies above remains in the rest
_PERIODS = 4  # of the window
# Windows are no shorter than 6 ms: shorter ones tell partials of high notes from noise no better
# and cost more frames; after the attack they last 46 ms at least, as long as a trill's note.
_SHORT_S, _LONG_S = 0.006, 0.046
# The attack's window is used until 60 ms after the onset, the longer one from 120 ms on.
_ATTACK_S, _STEADY_S = 0.06, 0.12
_OVERLAP = 4  # frames a window
_BATCH = 1024  # frames demodulated at once, which bounds memory
FLOOR_DB = -120.0
# Stiffness is sought on this grid (Fletcher 1964: a piano's lies between 1e-4 and 1e-2).
_STIFFNESS: npt.NDArray[np.float64] = np.concatenate([[0.0], np.geomspace(2e-5, 1e-2, 50)])

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NoteModel:
    """A recorded note, taken apart."""

    midi: float  # pitch with its fraction
    sample_rate: int
    onset: int  # sample at which it begins
    n_samples: int
    hop: int  # samples between frames
    stiffness: float
    level_db: Array  # of the partials' amplitudes [L, H]
    turn: Array  # phase beyond that of a steady partial, unwrapped, radians [L, H]
    rest: Samples  # what is no partial [T]

    @property
    def hz(self) -> float:
        """Fundamental."""
        return float(440 * 2 ** ((self.midi - 69) / 12))

    @property
    def partials_hz(self) -> Array:
        """Frequencies of the partials [H]."""
        return partials_hz(self.hz, self.stiffness, self.level_db.shape[1])


def partials_hz(hz: float | Array, stiffness: float | Array, count: int) -> Array:
    """Frequencies of a stiff string's partials: ``f_h = h f_1 sqrt((1 + B h^2) / (1 + B))``."""
    h = np.arange(1, count + 1)
    return np.asarray(h * hz * np.sqrt((1 + stiffness * h**2) / (1 + stiffness)))


def count_partials(hz: float, stiffness: float, sample_rate: int) -> int:
    """Number of partials that are modelled of a note."""
    top = min(_HIGHEST_HZ, 0.45 * sample_rate)
    return max(1, int((partials_hz(hz, stiffness, MOST_PARTIALS) < top).sum()))


def model_note(samples: Samples, sample_rate: int, midi: float, onset: int) -> NoteModel:
    """Model of a note [T] whose pitch and onset are known."""
    hz = float(440 * 2 ** ((midi - 69) / 12))
    stiffness = measure_stiffness(samples[onset:], sample_rate, hz)
    frequencies = partials_hz(hz, stiffness, count_partials(hz, stiffness, sample_rate))
    hop = default_hop(hz, sample_rate)
    tracks = track_partials(samples, sample_rate, hz, frequencies, onset, hop)
    level_db = 20 * np.log10(np.maximum(np.abs(tracks), 10 ** (FLOOR_DB / 20)))
    turn = np.unwrap(np.angle(tracks), axis=0)
    partials = synthesize(level_db, turn, frequencies, hop, len(samples), sample_rate)
    rest = (samples - partials).astype(np.float32)
    return NoteModel(midi, sample_rate, onset, len(samples), hop, stiffness, level_db, turn, rest)


def default_hop(hz: float, sample_rate: int) -> int:
    """Samples between frames: four a window."""
    return max(1, _short_window(hz, sample_rate) // _OVERLAP)


def _short_window(hz: float, sample_rate: int) -> int:
    return _even(max(_PERIODS / hz, _SHORT_S) * sample_rate)


def track_partials(
    samples: Samples,
    sample_rate: int,
    hz: float,
    frequencies: Array,
    onset: int,
    hop: int,
    *,
    is_steady: bool = False,
) -> npt.NDArray[np.complex128]:
    """Complex amplitudes of a note's partials [L, H], relative to steady ones' phases.

    Frame l is centred on sample ``l * hop``. A pitch that is known to be steady is not asked
    whether it sways.
    """
    short = _short_window(hz, sample_rate)
    long = max(short, _even(max(2 * _PERIODS / hz, _LONG_S) * sample_rate))
    if long <= short:
        return _demodulate(samples, sample_rate, frequencies, short, hop)
    # Of a steady note the short window is needed for the attack alone.
    end = onset + round(_STEADY_S * sample_rate) + short + hop if is_steady else len(samples)
    quick = _demodulate(samples[:end], sample_rate, frequencies, short, hop)
    if not is_steady and _wavers(quick, hop, sample_rate, onset):
        return quick
    tracks = _demodulate(samples, sample_rate, frequencies, long, hop)
    age_s = (np.arange(len(quick)) * hop - onset) / sample_rate
    share = np.clip((age_s - _ATTACK_S) / (_STEADY_S - _ATTACK_S), 0, 1)[:, None]
    tracks[: len(quick)] = (1 - share) * quick + share * tracks[: len(quick)]
    return tracks


def _even(samples: float) -> int:
    return 2 * round(samples / 2)


def _demodulate(
    samples: Samples, sample_rate: int, frequencies: Array, window: int, hop: int
) -> npt.NDArray[np.complex128]:
    """Complex amplitudes of frequencies [H] in frames [L, H], relative to steady ones' phases."""
    half = window // 2
    shape = np.hanning(window + 1)[:-1]
    n_frames = len(samples) // hop + 1
    padded = np.concatenate([np.zeros(half), samples, np.zeros(half + hop)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop][:n_frames]
    t = (np.arange(window) - half) / sample_rate
    basis = shape[:, None] * np.exp(-2j * np.pi * np.outer(t, frequencies)) * (2 / shape.sum())
    basis = basis.astype(np.complex64)
    spectrum = np.empty((n_frames, len(frequencies)), np.complex128)
    for begin in range(0, n_frames, _BATCH):
        framed = frames[begin : begin + _BATCH].astype(np.float32)
        spectrum.real[begin : begin + _BATCH] = framed @ basis.real
        spectrum.imag[begin : begin + _BATCH] = framed @ basis.imag
    at = np.arange(n_frames)[:, None] * hop / sample_rate
    return np.asarray(spectrum * np.exp(-2j * np.pi * ((at * frequencies) % 1.0)))


def _wavers(tracks: npt.NDArray[np.complex128], hop: int, sample_rate: int, onset: int) -> bool:
    """Whether the pitch sways, as with vibrato, by the strongest partial's phase."""
    steady = tracks[onset // hop + round(_STEADY_S * sample_rate / hop) :]
    if len(steady) < 8:
        return False
    power = (np.abs(steady) ** 2).mean(0)
    best = int(np.argmax(power))
    strong = np.abs(steady[:, best]) > 0.1 * np.abs(steady[:, best]).max()
    if strong.sum() < 8:
        return False
    turn = np.unwrap(np.angle(steady[: int(np.flatnonzero(strong)[-1]) + 1, best]))
    slopes_hz = np.diff(turn) * sample_rate / hop / (2 * np.pi)
    smooth = np.convolve(slopes_hz, np.full(5, 0.2), "valid") if len(slopes_hz) > 8 else slopes_hz
    # The phase of the tenth partial turns by a quarter within half of the long window.
    return bool(np.std(smooth) * 10 / (best + 1) * _LONG_S / 2 > 0.25)


def measure_stiffness(samples: Samples, sample_rate: int, hz: float) -> float:
    """Stiffness by which the comb of partials catches most of the sound, in its decibels."""
    part = samples[: round(0.7 * sample_rate)].astype(np.float64)
    if len(part) < 12 * sample_rate / hz:
        return 0.0
    n = 2 ** int(np.ceil(np.log2(2 * len(part))))
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), n))
    level = np.log10(spectrum + spectrum.max() * 1e-4)
    h = np.arange(1, min(25, count_partials(hz, 0.0, sample_rate)) + 1)
    if len(h) < 4:
        return 0.0
    places = h * hz * np.sqrt((1 + _STIFFNESS[:, None] * h**2) / (1 + _STIFFNESS[:, None]))
    bins = np.clip(np.round(places * n / sample_rate).astype(int), 1, len(level) - 2)
    caught = np.maximum(np.maximum(level[bins - 1], level[bins]), level[bins + 1]).mean(1)
    best = int(np.argmax(caught))
    # A stiffness that explains hardly more is none: harmonic sounds stay exactly so.
    return float(_STIFFNESS[best]) if caught[best] > caught[0] + 0.05 else 0.0


def synthesize(
    level_db: Array,
    turn: Array,
    frequencies: Array,
    hop: int,
    n_samples: int,
    sample_rate: int,
) -> Samples:
    """Sound [T] of partials at their frequencies [H]: amplitudes between frames [L, H] are linear.

    Within a hop all partials turn as steady ones do, so that one product of matrices adds them up.
    """
    amplitude = np.where(level_db > FLOOR_DB + 1, 10 ** (level_db / 20), 0.0)
    missing = -(-n_samples // hop) + 1 - len(amplitude)
    if missing > 0:
        amplitude = np.pad(amplitude, ((0, missing), (0, 0)))
        turn = np.pad(turn, ((0, missing), (0, 0)), mode="edge")
    complete = amplitude * np.exp(1j * turn)
    cycles = (np.arange(len(complete))[:, None] * hop * (frequencies / sample_rate)) % 1.0
    carrier = np.exp(2j * np.pi * cycles)
    basis = np.exp(2j * np.pi * np.outer(frequencies / sample_rate, np.arange(hop)))
    basis = basis.astype(np.complex64)
    rise = np.arange(hop, dtype=np.float32) / hop
    here = ((complete[:-1] * carrier[:-1]).astype(np.complex64) @ basis).real
    following = ((complete[1:] * carrier[:-1]).astype(np.complex64) @ basis).real
    sound = ((1 - rise) * here + rise * following).ravel()
    return np.asarray(sound[:n_samples], np.float32)
