"""Picture of a morph: both sounds, the result, and the path of its partials."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import AudioFile
from cambiata.audio.spectrogram import draw_time_axis
from cambiata.drawing.canvas import Canvas, Image, Line, Rect, Text
from cambiata.drawing.colours import N_LEVELS
from cambiata.instrument.note_model import Array
from cambiata.morphing.streaming import Amounts, Morph
from cambiata.page.comparison import Exhibit
from cambiata.page.comparison import draw as draw_exhibits
from cambiata.score.rolls import LABEL_PIXELS

_WIDTH, _HEIGHT, _RIGHT = 1000, 220, 24.0  # as the spectrograms' panels, but higher
_LOWEST_HZ, _HIGHEST_HZ, _RANGE_DB = 50.0, 10000.0, 70.0
_TICKS_HZ = (100, 200, 500, 1000, 2000, 5000)
_A, _B, _INK = "#4a6fa5", "#c0652f", "#444444"


def draw(
    player: Morph, amounts: Amounts, n_samples: int, files: Sequence[AudioFile], output: str
) -> Canvas:
    """Spectrograms of both sounds and of the result, and its partials' frequencies over time."""
    exhibits = [
        Exhibit("A", files[0].name, files[0]),
        Exhibit("B", files[1].name, files[1]),
        Exhibit("result", output, AudioFile(output)),
    ]
    names = [Path(each.name).name for each in files]
    canvas = draw_exhibits(exhibits, f"between {names[0]} and {names[1]}")
    axis_s = max(each.duration_s for each in exhibits)
    duration_s = n_samples / player.sample_rate
    top = canvas.height + 24
    note = "partials of the result, Hz; blue: A's own, orange: B's own, at their places in time"
    canvas.add(Text(LABEL_PIXELS, top - 8, 12, note))
    width = _WIDTH * duration_s / axis_s
    canvas.add(Rect(LABEL_PIXELS, top, _WIDTH, _HEIGHT, "#000004"))
    canvas.add(Image(LABEL_PIXELS, top, width, _HEIGHT, _paths(player, amounts, n_samples)))
    _draw_own(canvas, player, top)
    for hz in _TICKS_HZ:
        y = top + _HEIGHT * (1 - _place(np.array([hz]))[0])
        label = f"{hz // 1000}k" if hz >= 1000 else str(hz)
        canvas.add(Line(LABEL_PIXELS - 4, y, LABEL_PIXELS, y, _INK))
        canvas.add(Text(LABEL_PIXELS - 28, y + 3, 9, label, _INK))
    draw_time_axis(canvas, x=LABEL_PIXELS, y=top + _HEIGHT, width=_WIDTH, axis_s=axis_s)
    canvas.height = top + _HEIGHT + 28
    return canvas


def _place(hz: Array) -> Array:
    """Places of frequencies from the bottom, 0, to the top, 1."""
    return np.asarray(np.log(hz / _LOWEST_HZ) / np.log(_HIGHEST_HZ / _LOWEST_HZ))


def _paths(player: Morph, amounts: Amounts, n_samples: int) -> npt.NDArray[np.uint8]:
    """Levels of partials at their frequencies [rows, columns], from the highest down."""
    image = np.zeros((_HEIGHT, min(_WIDTH, n_samples)), np.uint8)
    notes = list(player.partial_paths(amounts, n_samples, image.shape[1]))
    loudest = max((float(level.max(initial=1e-9)) for _, _, level in notes), default=1e-9)
    for moments, hz, level in notes:
        inside = (hz > _LOWEST_HZ) & (hz < _HIGHEST_HZ) & (level > 1e-9)
        column = np.broadcast_to(np.arange(moments.start, moments.stop)[:, None], hz.shape)[inside]
        row = ((1 - _place(hz[inside])) * _HEIGHT).astype(int).clip(0, _HEIGHT - 1)
        share = 1 + 20 * np.log10(level[inside] / loudest) / _RANGE_DB
        shade = (np.clip(share, 0, 1) * (N_LEVELS - 1)).astype(np.uint8)
        for each in (row, np.minimum(row + 1, _HEIGHT - 1)):  # two pixels high
            np.maximum.at(image, (each, column), shade)
    return image


def _draw_own(canvas: Canvas, player: Morph, top: float) -> None:
    """Marks of both sounds' own partials: of their first notes at the left and at the right."""
    for model, colour, x in zip(
        player.models, (_A, _B), (LABEL_PIXELS + 1, LABEL_PIXELS + _WIDTH - 11), strict=True
    ):
        first = next((note for note in model.notes if note is not None), None)
        if first is None:
            continue
        hz = first.frequencies
        for place in _place(hz[(hz > _LOWEST_HZ) & (hz < _HIGHEST_HZ)]):
            canvas.add(Rect(x, top + _HEIGHT * (1 - place), 10, 1, colour))
