"""Near-duplicates: instruments of different sources that play the same samples.

Sound fonts share samples: one is based on another, or both on the same library. A split of
training and test by font alone would let a model hear, in training, what it is tested on. Samples
cannot be compared in the files (one font is compressed, another resampled, a third has other
loops), but their sound can: the same sample at the same pitch gives the same waveform up to gain,
filter and delay, and no two recordings of a note do.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.audio.source import resample
from cambiata.data.bank import Bank, Instrument
from cambiata.data.soundfont import RENDER_RATE_HZ

Spectra = npt.NDArray[np.complex64]

# Sources that share nothing stay below (sines and flutes come near), shared samples lie above: the
# histograms are in `benchmarks/README.md`.
THRESHOLD = 0.8

# Every third: samples are spread over more keys than that, so that none is missed.
_PITCHES = tuple(range(31, 100, 4))
_VELOCITY = 100  # the loud layer, which fonts share most
# The attack, in which a sample is like no other: later, loops and vibrato differ between fonts.
_RATE_HZ, _LENGTH_S = 16000, 0.25
_MAX_LAG_S = 0.02  # by how much fonts cut the same sample earlier or later
_N_FFT = 8192  # twice the attack's 4000 samples and more: correlation does not wrap around
# Between none (0), where the loudest partial decides and all flutes are one, and full (1), where
# noise does.
_WHITENING = 0.7


@dataclass(frozen=True)
class Duplicate:
    """Two instruments that play a sample in common."""

    source: str  # of the instrument to leave out
    program: int
    name: str
    other: str  # label of the one that it is like
    similarity: float  # the largest of two notes of the same pitch, 0 to 1


def similarity(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Likeness of two notes of one pitch as waveforms, 0 to 1.

    The largest normalised cross-correlation within 20 ms, after both spectra are whitened in part:
    it asks that all partials agree in phase, not just the loudest.
    """
    pair = _whitened_spectra([first, second])
    return float(_max_correlations(pair[:1], pair[1:])[0, 0])


def find_duplicates(
    bank: Bank, others: Iterable[Bank], threshold: float = THRESHOLD
) -> list[Duplicate]:
    """Instruments of a bank that share a sample with an instrument of other banks."""
    best: dict[int, Duplicate] = {}
    for other in others:
        scores = similarities(bank, other)
        for index, instrument in enumerate(bank.instruments):
            nearest = int(scores[index].argmax())
            score = float(scores[index, nearest])
            previous = best.get(instrument.program)
            if score >= threshold and (previous is None or score > previous.similarity):
                best[instrument.program] = Duplicate(
                    bank.source.name,
                    instrument.program,
                    instrument.name,
                    other.instruments[nearest].label,
                    round(score, 3),
                )
    return [best[program] for program in sorted(best)]


def similarities(bank: Bank, other: Bank) -> npt.NDArray[np.float64]:
    """Largest similarity of notes at equal pitch, for every two instruments of two banks."""
    out = np.zeros((len(bank.instruments), len(other.instruments)))
    for pitch in _PITCHES:
        rows, ours = _attacks(bank.instruments, pitch)
        columns, theirs = _attacks(other.instruments, pitch)
        if rows and columns:
            at = np.ix_(rows, columns)
            out[at] = np.maximum(
                out[at], _max_correlations(_whitened_spectra(ours), _whitened_spectra(theirs))
            )
    return out


def _attacks(
    instruments: Sequence[Instrument], pitch: int
) -> tuple[list[int], list[npt.NDArray[np.float32]]]:
    playable = [i for i, instrument in enumerate(instruments) if pitch in instrument.pitches]
    n_samples = round(_LENGTH_S * RENDER_RATE_HZ)
    sounds = [instruments[i].sustained(pitch, _VELOCITY, n_samples).samples for i in playable]
    return playable, [resample(sound, RENDER_RATE_HZ, _RATE_HZ) for sound in sounds]


def _whitened_spectra(sounds: Sequence[npt.NDArray[np.float32]]) -> Spectra:
    """Whitened spectra of unit energy, [N, F]."""
    n_samples = round(_LENGTH_S * _RATE_HZ)
    padded = np.zeros((len(sounds), _N_FFT), np.float32)
    for row, sound in zip(padded, sounds, strict=True):
        taken = sound[:n_samples]
        row[: len(taken)] = taken
    spectra = scipy.fft.rfft(padded)
    magnitude = np.abs(spectra)
    # Bins 60 dB below the loudest are noise or rounding: not to be raised.
    spectra[magnitude < 1e-3 * magnitude.max(axis=1, keepdims=True)] = 0
    spectra /= (magnitude + 1e-20) ** _WHITENING
    energy = 2 * np.sum(np.abs(spectra) ** 2, axis=1, keepdims=True) / _N_FFT
    unit: Spectra = (spectra / np.sqrt(energy + 1e-20)).astype(np.complex64)
    return unit


def _max_correlations(ours: Spectra, theirs: Spectra) -> npt.NDArray[np.float64]:
    max_lag = round(_MAX_LAG_S * _RATE_HZ)
    out = np.zeros((len(ours), len(theirs)))
    for row, spectrum in zip(out, ours, strict=True):
        correlation = scipy.fft.irfft(spectrum * theirs.conj(), axis=1)
        near = np.concatenate([correlation[:, : max_lag + 1], correlation[:, -max_lag:]], axis=1)
        row[:] = np.abs(near).max(axis=1)
    return out


def read_exclusions() -> frozenset[tuple[str, int]]:
    """Instruments that training leaves out, as they share samples with the test font."""
    text = files("cambiata.data").joinpath("exclusions.json").read_text()
    return frozenset((row["source"], row["program"]) for row in json.loads(text))


def write_exclusions(duplicates: Iterable[Duplicate], path: str | Path) -> None:
    """Write a list of duplicates."""
    rows = [json.dumps(asdict(duplicate)) for duplicate in duplicates]
    Path(path).write_text("[\n" + ",\n".join(rows) + "\n]\n")
