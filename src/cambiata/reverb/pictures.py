"""Decay curves of octaves, drawn without a plotting library."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.spectrogram import draw_time_axis
from cambiata.drawing.canvas import Canvas, Line, Rect, Text
from cambiata.reverb.octaves import octave_bands, octave_centres_hz

_LEFT, _TOP, _WIDTH, _HEIGHT, _RIGHT, _BELOW = 48.0, 40.0, 720.0, 320.0, 150.0, 40.0
_RANGE_DB = 70
# From low to high octaves; they differ in lightness as well, for eyes that see few colours.
_COLOURS = (
    *("#1b2a49", "#33558b", "#2f7fb5", "#2fa59a", "#63b35a", "#b9a52c", "#e07b2a", "#c43b3b"),
)


def draw_decays(
    response: Samples,
    sample_rate: int,
    times_s: Mapping[float, float | None],
    title: str,
    place: Path,
) -> None:
    """Write a picture of the decay [T] of every octave, with its reverberation time."""
    centres_hz = [c for c in octave_centres_hz(sample_rate) if c in times_s]
    bands = octave_bands(response, sample_rate, centres_hz)
    levels = []
    for band in bands:
        integral = np.cumsum((band**2)[::-1])[::-1]
        levels.append(10 * np.log10(integral / max(integral[0], 1e-30) + 1e-12))
    curves = dict(zip(centres_hz, levels, strict=True))
    draw_curves(curves, times_s, len(response) / sample_rate, title).write(place)


def draw_lines(times_s: Mapping[float, float | None], title: str, place: Path) -> None:
    """Write a picture of straight decays of given reverberation times."""
    known = {centre_hz: t for centre_hz, t in times_s.items() if t is not None}
    axis_s = max(known.values(), default=1.0)
    t = np.linspace(0, axis_s, 1000)
    curves = {centre_hz: -60 * t / known[centre_hz] for centre_hz in known}
    draw_curves(curves, times_s, axis_s, title).write(place)


def draw_curves(
    curves: Mapping[float, npt.NDArray[np.float64]],
    times_s: Mapping[float, float | None],
    axis_s: float,
    title: str,
) -> Canvas:
    """Picture of levels in dB over time, by octave."""
    canvas = Canvas(_LEFT + _WIDTH + _RIGHT, _TOP + _HEIGHT + _BELOW)
    canvas.add(Text(_LEFT, 22, 14, title))
    for level_db in range(0, _RANGE_DB + 1, 10):
        y = _TOP + _HEIGHT * level_db / _RANGE_DB
        canvas.add(Line(_LEFT, y, _LEFT + _WIDTH, y, "#dddddd"))
        label = f"{-level_db} dB"
        canvas.add(Text(_LEFT - 4, y + 3, 9, label, "#444444", ends_there=True))
    for i, (centre_hz, level) in enumerate(curves.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        columns = np.linspace(0, len(level) - 1, int(_WIDTH) + 1).astype(int)
        heights = _TOP + _HEIGHT * np.minimum(-level[columns] / _RANGE_DB, 1)
        for x, (y1, y2) in enumerate(pairwise(heights)):
            if y1 < _TOP + _HEIGHT:
                top, height = min(y1, y2), max(abs(y2 - y1), 1.5)
                canvas.add(Rect(_LEFT + x, top, 1.0, height, colour))
        y = _TOP + 14 + 18 * i
        time_s = times_s.get(centre_hz)
        label = f"{centre_hz:g} Hz: " + ("hidden" if time_s is None else f"{time_s:.2f} s")
        canvas.add(Rect(_LEFT + _WIDTH + 12, y - 8, 10, 10, colour))
        canvas.add(Text(_LEFT + _WIDTH + 28, y, 10, label))
    draw_time_axis(canvas, x=_LEFT, y=_TOP + _HEIGHT, width=_WIDTH, axis_s=axis_s)
    note = "Energy left of each octave (Schroeder's integral), and its reverberation time."
    canvas.add(Text(_LEFT, _TOP + _HEIGHT + 34, 9, note, "#444444"))
    return canvas
