"""Spectrograms to look at: of a sound of any length, in bounded memory, and drawn on a canvas."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.mel import mel_corners_hz, mel_filters
from cambiata.audio.source import Source, crop_blocks, resample_blocks
from cambiata.drawing.canvas import Canvas, Image, Line, Text
from cambiata.drawing.colours import N_LEVELS

Decibels = npt.NDArray[np.float64]
"""Mel spectrum in dB, [M, L]."""

# One rate, one frequency axis and one range for every picture, so that any two compare: up to
# 16 kHz, from 10 dB above the loudness (where partials are loudest) down to 80 dB below that.
RATE_HZ, N_MELS = 32_000, 160
_N_FFT, _HOP = 2048, 256
_CEILING_DB, _RANGE_DB = 10.0, 80.0
LOUDNESS_LUFS = -23.0
"""Loudness of all sounds that are drawn or played side by side: EBU R 128's."""

SCALE = (
    "each sound at -23 LUFS, colours from -93 dB (dark) to -13 dB (bright), where a sine of full "
    "scale has 0 dB"
)
"""What all pictures have in common, in words."""

_LOWEST_DB = -100.0  # of what is silent
# Frames of a long sound are left out so that there are no more than this: eight a column.
_MAX_FRAMES = 8192
_BATCH = 256  # frames transformed at once: 4 MiB
_TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000)
_INK = "#444444"
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Power of a sound in mel bands, and its loudness.

    Parameters
    ----------
    power : numpy.ndarray
        Mean power [M, L] of the channels, 1 for a sine of full scale; L columns of equal time.
    duration_s : float
        Length of the sound, in seconds.
    loudness_db : float
        Its integrated loudness in LUFS; -inf for silence.

    Examples
    --------
    >>> Spectrogram(np.ones((160, 3)), 1.0, -3.0).db(-23.0).max().round()
    np.float64(-20.0)
    """

    power: npt.NDArray[np.float64]
    duration_s: float
    loudness_db: float

    def db(self, loudness_db: float | None = None) -> Decibels:
        """Level of every band in dB.

        Parameters
        ----------
        loudness_db : float, optional
            Loudness to which the sound is brought first; as it is where not given.

        Returns
        -------
        numpy.ndarray
            Levels [M, L], at least -100.
        """
        gain_db = 0.0
        if loudness_db is not None and np.isfinite(self.loudness_db):
            gain_db = loudness_db - self.loudness_db
        levels: Decibels = 10 * np.log10(np.maximum(self.power, 1e-20)) + gain_db
        return np.maximum(levels, _LOWEST_DB)


def measure_spectrogram(
    source: Source, n_columns: int, start: int = 0, stop: int | None = None
) -> Spectrogram:
    """Spectrogram of a sound or of a region of it, in bounded memory.

    Frequencies 0 to 16 kHz on Slaney's mel scale in 160 bands (as ``librosa.filters.mel`` without
    norm), windows of 64 ms; about 0 dB for a sine of full scale. Of long sounds (over a minute)
    not every frame is measured.

    Parameters
    ----------
    source : Source
        The sound.
    n_columns : int
        Columns at most.
    start, stop : int
        The region, in samples.

    Returns
    -------
    Spectrogram
        Power [160, L], L at most `n_columns`.

    Examples
    --------
    >>> from cambiata.audio.sound import Audio
    >>> tone = Audio(np.sin(2 * np.pi * 1000 * np.arange(32000) / 32000), 32000)
    >>> bool(-2 < measure_spectrogram(tone, 100).db().max() < 1)
    True
    """
    stop = source.n_samples if stop is None else stop
    n_samples = round((stop - start) * RATE_HZ / source.sample_rate)
    hop = _HOP * max(1, -(-(n_samples // _HOP) // _MAX_FRAMES))
    n_frames = 1 + n_samples // hop
    n_columns = min(n_columns, n_frames)
    power, meter = np.zeros((N_MELS, n_columns)), LoudnessMeter(source.sample_rate)
    column = np.arange(n_frames) * n_columns // n_frames

    def metered() -> Iterator[Samples]:
        for block in crop_blocks(source.blocks(), start, stop):
            meter.add(block)
            yield block

    frames = _frames(
        resample_blocks(metered(), source.sample_rate, RATE_HZ, source.n_channels), hop, n_frames
    )
    at = 0
    for batch in frames:
        np.add.at(power.T, column[at : at + batch.shape[1]], _mel_power(batch).T)
        at += batch.shape[1]
    power /= np.bincount(column, minlength=n_columns)
    duration_s = (stop - start) / source.sample_rate
    return Spectrogram(power, duration_s, meter.loudness_db())


def _frames(blocks: Iterator[Samples], hop: int, n_frames: int) -> Iterator[Samples]:
    """Frames [C, K, 2048] in batches, the first centred on the first sample, silence around."""
    pending: Samples | None = None
    given = n_skipped = 0
    for block in _with_end(blocks):
        if pending is None:
            pending = np.zeros((block.shape[0], _N_FFT // 2), np.float32)
        pending = np.concatenate([pending, block[:, n_skipped:]], axis=1)
        n_skipped = max(0, n_skipped - block.shape[1])
        n_ready = min((pending.shape[1] - _N_FFT) // hop + 1, n_frames - given)
        for first in range(0, n_ready, _BATCH):
            last = min(n_ready, first + _BATCH)
            region = pending[:, first * hop : (last - 1) * hop + _N_FFT]
            yield np.lib.stride_tricks.sliding_window_view(region, _N_FFT, axis=1)[:, ::hop]
        if n_ready > 0:
            # Frames of a long sound lie further apart than they are long: the next may begin
            # beyond what has come.
            n_skipped = max(0, n_ready * hop - pending.shape[1])
            pending, given = pending[:, n_ready * hop :], given + n_ready


def _with_end(blocks: Iterator[Samples]) -> Iterator[Samples]:
    """Blocks, and enough silence after them for the last frame."""
    n_channels = 1
    for block in blocks:
        n_channels = block.shape[0]
        yield block
    yield np.zeros((n_channels, 2 * _N_FFT), np.float32)


def _mel_power(frames: Samples) -> npt.NDArray[np.float64]:
    """Mean power of the channels in mel bands, [M, K]."""
    window, filters = _analysis()
    power = np.abs(np.fft.rfft(frames * window, axis=-1)) ** 2
    mels: npt.NDArray[np.float64] = filters @ power.mean(axis=0).T
    return mels


@lru_cache(maxsize=1)
def _analysis() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Hann window by which a sine of full scale has a peak of 1, and mel filters of height 1."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_N_FFT) / _N_FFT)
    corners_hz = mel_corners_hz(N_MELS, 0.0, RATE_HZ / 2)
    widths_hz = (corners_hz[2:] - corners_hz[:-2])[:, None]
    filters = mel_filters(RATE_HZ, _N_FFT, N_MELS).astype(np.float64) * widths_hz / 2
    return window / (window.sum() / 2), filters


def levels(spectrogram: Spectrogram) -> npt.NDArray[np.uint8]:
    """Colours of a picture.

    Parameters
    ----------
    spectrogram : Spectrogram
        As measured.

    Returns
    -------
    numpy.ndarray
        Steps [M, L] of 2 dB from the top row (16 kHz) down, at one loudness.

    Examples
    --------
    >>> int(levels(Spectrogram(np.ones((160, 3)), 1.0, -3.0)).max())
    36
    """
    floor_db = LOUDNESS_LUFS + _CEILING_DB - _RANGE_DB
    share = (spectrogram.db(LOUDNESS_LUFS)[::-1] - floor_db) / _RANGE_DB
    return np.clip(np.floor(share * N_LEVELS), 0, N_LEVELS - 1).astype(np.uint8)


def draw_spectrogram(
    canvas: Canvas,
    spectrogram: Spectrogram,
    *,
    x: float,
    y: float,
    width: float,
    height: float,
    axis_s: float | None = None,
) -> None:
    """Draw a spectrogram with its axes, which need 45 pixels to the left and 18 below.

    Parameters
    ----------
    canvas : Canvas
        Where to.
    spectrogram : Spectrogram
        As measured.
    x, y, width, height : float
        Place of the image, in pixels.
    axis_s : float, optional
        Seconds from left to right; the sound's own length where not given.

    Examples
    --------
    >>> canvas = Canvas(400, 200)
    >>> flat = Spectrogram(np.ones((160, 3)), 1.0, -3.0)
    >>> draw_spectrogram(canvas, flat, x=45, y=0, width=350, height=160)
    >>> len(canvas.shapes) > 10
    True
    """
    axis_s = axis_s or spectrogram.duration_s
    canvas.add(Image(x, y, width * spectrogram.duration_s / axis_s, height, levels(spectrogram)))
    corners_hz = mel_corners_hz(N_MELS, 0.0, RATE_HZ / 2)[1:-1]
    for tick_hz in _TICKS_HZ:
        row = float(np.interp(tick_hz, corners_hz, np.arange(N_MELS) + 0.5))
        at = y + height * (1 - row / N_MELS)
        label = f"{tick_hz // 1000}k" if tick_hz >= 1000 else str(tick_hz)
        canvas.add(Line(x - 4, at, x, at, _INK), Text(x - 28, at + 3, 9, label, _INK))
    draw_time_axis(canvas, x=x, y=y + height, width=width, axis_s=axis_s)


def draw_time_axis(canvas: Canvas, *, x: float, y: float, width: float, axis_s: float) -> None:
    """Draw an axis of time below a panel.

    Parameters
    ----------
    canvas : Canvas
        Where to.
    x, y, width : float
        Place of its left end, and its length, in pixels.
    axis_s : float
        Seconds from left to right.

    Examples
    --------
    >>> canvas = Canvas(400, 20)
    >>> draw_time_axis(canvas, x=0, y=0, width=400, axis_s=90.0)
    >>> [shape.text for shape in canvas.shapes if isinstance(shape, Text)][:3]
    ['0 s', '0:10', '0:20']
    """
    # A label every 40 pixels at most: the widest, 1:00:00, has that width.
    step_s = next((s for s in _STEPS_S if width * s / axis_s >= 40), _STEPS_S[-1])
    for i in range(int(axis_s / step_s) + 1):
        at = x + width * i * step_s / axis_s
        label = f"{i * step_s:.3g} s" if step_s < 1 else format_time(i * step_s)
        canvas.add(Line(at, y, at, y + 4, _INK), Text(at, y + 14, 9, label, _INK))


def format_time(seconds: float) -> str:
    """A time as a reader of music writes it.

    Parameters
    ----------
    seconds : float
        Seconds from the beginning.

    Returns
    -------
    str
        Minutes and seconds, or seconds alone below ten.

    Examples
    --------
    >>> format_time(0.5), format_time(75), format_time(3600)
    ('0.5 s', '1:15', '1:00:00')
    """
    if seconds < 10:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
