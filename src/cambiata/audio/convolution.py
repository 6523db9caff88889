"""Convolution of sounds with short responses."""

import scipy.fft

from cambiata.arrays import Samples


def convolve(sound: Samples, response: Samples, first: int = 0) -> Samples:
    """Convolution of a sound, as long as it, by one transform of all of it.

    scipy.signal would take a third of a second to import.

    Parameters
    ----------
    sound : numpy.ndarray
        Sound [T].
    response : numpy.ndarray
        Response [N].
    first : int
        Sample of the whole convolution that becomes the first: the response's middle, for one of
        zero phase.

    Returns
    -------
    numpy.ndarray
        Sound [T].

    Examples
    --------
    >>> import numpy as np
    >>> convolve(np.ones(4, np.float32), np.array([1, 2], np.float32)).round(3).tolist()
    [1.0, 3.0, 3.0, 3.0]
    """
    n = scipy.fft.next_fast_len(len(sound) + len(response) - 1, real=True)
    spectrum = scipy.fft.rfft(sound, n) * scipy.fft.rfft(response, n)
    convolved: Samples = scipy.fft.irfft(spectrum, n)[first:][: len(sound)]
    return convolved
