"""Sounds inside a web page: a player whose sound is in the page itself."""

from base64 import b64encode
from html import escape
from io import BytesIO

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.audio.source import BLOCK_SAMPLES, resample

# Every browser plays MP3, and the same sound gives the same bytes, which Ogg's serial number
# prevents. Its rates end at 48 kHz, and it has two channels.
_MAX_RATE_HZ, _MIN_RATE_HZ = 48_000, 16_000
LONGEST_S = 60.0
"""Most of a sound that a page holds, in seconds: 1 MB."""


def mp3_bytes(samples: Samples, sample_rate: int) -> bytes:
    """Sound as an MP3 file; more than two channels become one, and peaks over full scale go.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T].
    sample_rate : int
        Samples per second.

    Returns
    -------
    bytes
        The file.

    Examples
    --------
    >>> len(mp3_bytes(np.zeros((1, 44100), np.float32), 44100)) < 20000
    True
    """
    if samples.shape[0] > 2:
        samples = samples.mean(axis=0, keepdims=True)
    if not _MIN_RATE_HZ <= sample_rate <= _MAX_RATE_HZ or sample_rate not in (44_100, 48_000):
        samples, sample_rate = resample(samples, sample_rate, _MAX_RATE_HZ), _MAX_RATE_HZ
    samples = samples / max(1.0, float(np.abs(samples).max()))
    buffer = BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, samples.shape[0], format="MP3") as file:
        for start in range(0, samples.shape[1], BLOCK_SAMPLES):
            file.write(np.ascontiguousarray(samples[:, start : start + BLOCK_SAMPLES].T))
    return buffer.getvalue()


def data_uri(data: bytes, kind: str) -> str:
    """Address that holds a file itself.

    Parameters
    ----------
    data : bytes
        The file.
    kind : str
        Its media type, "audio/mpeg" or "image/png".

    Returns
    -------
    str
        To be used as the address of a player or an image.

    Examples
    --------
    >>> data_uri(b"abc", "image/png")
    'data:image/png;base64,YWJj'
    """
    return f"data:{kind};base64,{b64encode(data).decode()}"


def player_html(samples: Samples, sample_rate: int, label: str) -> str:
    """A player in HTML, the sound's first minute inside.

    Parameters
    ----------
    samples : numpy.ndarray
        Sound [C, T].
    sample_rate : int
        Samples per second.
    label : str
        What it is called.

    Returns
    -------
    str
        An audio element.

    Examples
    --------
    >>> player_html(np.zeros((1, 44100), np.float32), 44100, "a < b")[:44]
    '<audio controls aria-label="a &lt; b" src="d'
    """
    source = data_uri(
        mp3_bytes(samples[:, : round(LONGEST_S * sample_rate)], sample_rate), "audio/mpeg"
    )
    return f'<audio controls aria-label="{escape(label)}" src="{source}"></audio>'
