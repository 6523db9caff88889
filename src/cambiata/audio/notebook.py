"""A sound as a notebook shows it: a player and a spectrogram."""

from html import escape

from cambiata.arrays import Samples
from cambiata.audio.embedding import LONGEST_S, data_uri, player_html
from cambiata.audio.source import Source
from cambiata.audio.spectrogram import draw_spectrogram, measure_spectrogram
from cambiata.drawing.canvas import Canvas

_WIDTH, _HEIGHT, _LEFT, _BELOW = 640.0, 128.0, 45.0, 20.0  # pixels of the picture


def sound_html(source: Source, samples: Samples, description: str) -> str:
    """A player with the sound's first minute, and the spectrogram of all of it.

    Parameters
    ----------
    source : Source
        The sound.
    samples : numpy.ndarray
        Its samples [C, T].
    description : str
        One line on it.

    Returns
    -------
    str
        HTML that needs nothing else.

    Examples
    --------
    >>> import numpy as np
    >>> from cambiata.audio.sound import Audio
    >>> tone = Audio(np.sin(np.arange(8000) / 10), 8000)
    >>> sound_html(tone, tone.samples, "a tone")[:30]
    '<figure style="margin:0"><figc'
    """
    canvas = Canvas(_LEFT + _WIDTH + 15, _HEIGHT + _BELOW + 8)
    measured = measure_spectrogram(source, int(_WIDTH))
    draw_spectrogram(canvas, measured, x=_LEFT, y=8, width=_WIDTH, height=_HEIGHT)
    if measured.duration_s > LONGEST_S:
        description += f"; the player has the first {LONGEST_S:g} s"
    image = data_uri(canvas.png(), "image/png")
    return (
        f'<figure style="margin:0"><figcaption>{escape(description)}</figcaption>'
        f"{player_html(samples, source.sample_rate, source.name)}<br>"
        f'<img src="{image}" width="{canvas.width:.0f}" alt="Spectrogram"></figure>'
    )
