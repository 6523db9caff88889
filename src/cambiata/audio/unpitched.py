"""The part of a sound without pitch: drums, breath, consonants, bow and hammer noise."""

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import process_chunks
from cambiata.audio.stft import Stft

# Driedger, Mueller, Disch 2014 for their harmonic part: windows of 93 ms (4096 samples at 44.1
# kHz), medians over 0.2 s in time and 500 Hz in frequency.
_WINDOW_S, _TIME_S, _FREQUENCY_HZ = 0.093, 0.2, 500.0
# How many times more a bin must be drawn out in time than in frequency to be taken for pitch, as in
# the paper. Of 24 mixes of real instruments with drums it lets 3.1 dB of the drums go, mostly the
# bodies of bass drums, and 18.7 dB below it the instruments through; 1 would be 4.1 and 22.2 dB.
_SEPARATION = 2.0
# What is looked at together, and how much neighbours share: bounds memory, changes nothing else.
_CHUNK_S, _OVERLAP_S = 10.0, 0.5


def unpitched_part(samples: Samples, sample_rate: int) -> Samples:
    """What of a sound is not drawn out in time at steady frequencies.

    Median filtering (FitzGerald 2010): a bin of the spectrogram belongs to a pitch where its median
    along time is higher than that along frequency. As with Driedger, Mueller and Disch ("Extending
    harmonic-percussive separation of audio signals", ISMIR 2014) it must be so by a margin, and
    what is neither pitched nor a stroke (breath, noise) is kept. The result is the sound less its
    pitched part, so that strokes keep their attacks to the sample.

    Parameters
    ----------
    samples : numpy.ndarray
        One channel [T].
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray
        One channel [T].

    Examples
    --------
    >>> t = np.arange(22050) / 22050
    >>> tone = np.sin(2 * np.pi * 440 * t, dtype=np.float32)
    >>> clicks = np.zeros(22050, np.float32)
    >>> clicks[5000::5000] = 1
    >>> rest = unpitched_part(0.3 * tone + clicks, 22050)
    >>> bool(np.abs(rest[clicks > 0]).min() > 0.8), bool(np.std(rest) < 0.1)
    (True, True)
    """
    n_samples, rate = len(samples), sample_rate
    n_fft = max(64, 2 ** round(np.log2(_WINDOW_S * rate)))
    stft = Stft(n_fft, n_fft // 4, "hann")

    def process(chunk: Samples, _start: int) -> Samples:
        return _without_pitch(chunk[0], stft, rate)[None]

    parts = process_chunks(
        iter([samples[None]]),
        n_samples,
        process,
        chunk_samples=round(_CHUNK_S * rate),
        overlap_samples=round(_OVERLAP_S * rate),
    )
    rest: Samples = np.concatenate(list(parts), axis=1)[0]
    return rest


def _without_pitch(samples: Samples, stft: Stft, sample_rate: int) -> Samples:
    from scipy.ndimage import median_filter

    spectrum = stft.analyse(samples)
    level = np.abs(spectrum)
    n_frames = _odd(_TIME_S * sample_rate / stft.hop_length)
    n_bins = _odd(_FREQUENCY_HZ * stft.n_fft / sample_rate)
    along_time = median_filter(level, (1, n_frames), mode="nearest")
    along_frequency = median_filter(level, (n_bins, 1), mode="nearest")
    spectrum *= along_time > np.float32(_SEPARATION) * along_frequency
    rest: Samples = samples - stft.synthesise(spectrum, len(samples))
    return rest


def _odd(width: float) -> int:
    """Nearest odd number of at least 3."""
    return max(3, 2 * round((width - 1) / 2) + 1)
