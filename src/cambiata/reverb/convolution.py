"""Convolution of long sounds with long responses, partition by partition in bounded memory."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft

from cambiata.arrays import Samples

# Samples of a partition: a transform of twice as many; smaller ones cost more products, larger ones
# more memory. A response of 20 s at 48 kHz has 15.
_PARTITION = 1 << 16

Matrix = npt.NDArray[np.float32]
"""Responses from every input to every output, [C_out, C_in, T]."""


class Convolver:
    """Uniformly partitioned overlap-save convolution (Wefers 2015, section 5), in blocks.

    Each input partition is transformed once and multiplied with every partition of the response;
    the products are added in frequency, so that each output partition is one inverse transform.
    """

    def __init__(self, matrix: Matrix, partition: int | None = None) -> None:
        self.matrix = matrix
        n_out, n_in, length = matrix.shape
        shortest = 1 << max(10, int(np.ceil(np.log2(length))))
        self.partition = partition or min(_PARTITION, shortest)
        n_parts = -(-length // self.partition)
        padded = np.zeros((n_out, n_in, n_parts * self.partition), np.float32)
        padded[:, :, :length] = matrix
        parts = padded.reshape(n_out, n_in, n_parts, self.partition)
        self._spectra = scipy.fft.rfft(parts, 2 * self.partition, axis=-1)
        self._past = np.zeros((n_parts, n_in, self.partition + 1), np.complex64)
        self._last = np.zeros((n_in, self.partition), np.float32)

    def process(self, blocks: Iterator[Samples], n_tail: int = 0) -> Iterator[Samples]:
        """Convolved blocks [C_out, T] of blocks [C_in, T], together longer by a tail."""
        n_in = n_out = 0
        buffer = np.zeros((self.matrix.shape[1], 0), np.float32)
        for block in blocks:
            n_in += block.shape[1]
            buffer = np.concatenate([buffer, block], axis=1)
            while buffer.shape[1] >= self.partition:
                yield self._next(buffer[:, : self.partition])
                n_out += self.partition
                buffer = buffer[:, self.partition :]
        while (missing := n_in + n_tail - n_out) > 0:
            piece = np.zeros((buffer.shape[0], self.partition), np.float32)
            piece[:, : buffer.shape[1]] = buffer
            buffer = buffer[:, :0]
            yield self._next(piece)[:, :missing]
            n_out += self.partition

    def _next(self, piece: Samples) -> Samples:
        window = np.concatenate([self._last, piece], axis=1)
        self._last = piece.copy()
        self._past = np.roll(self._past, 1, axis=0)
        self._past[0] = scipy.fft.rfft(window, axis=-1)
        spectrum = np.zeros((self.matrix.shape[0], self.partition + 1), np.complex64)
        for spectra, row in zip(self._spectra, spectrum, strict=True):
            for i, past in enumerate(self._past):
                row += (spectra[:, i] * past).sum(axis=0)
        out: Samples = scipy.fft.irfft(spectrum, axis=-1)[:, self.partition :]
        return out.astype(np.float32, copy=False)


def response_matrix(response: Samples, n_channels: int) -> Matrix | None:
    """Responses from every channel of a sound to every one of the output; None where unknown.

    A room of one channel is every channel's own; of two, one a side (a mono sound becomes stereo);
    of four, "true stereo": from the left to left and right, then from the right to both.

    >>> response_matrix(np.ones((4, 8), np.float32), 2).shape
    (2, 2, 8)
    """
    n_room = response.shape[0]
    if n_room == 4 and n_channels <= 2:
        both = response.reshape(2, 2, -1).transpose(1, 0, 2)  # [out, in, T]
        return both if n_channels == 2 else both.mean(axis=1, keepdims=True)
    if n_channels == 1:
        return response[:, None]
    if n_room not in (1, n_channels):
        return None
    matrix = np.zeros((n_channels, n_channels, response.shape[1]), np.float32)
    for i in range(n_channels):
        matrix[i, i] = response[i if n_room > 1 else 0]
    return matrix
