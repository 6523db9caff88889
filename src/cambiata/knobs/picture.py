"""Map of a set: its sounds by the two main directions, and the ways of its knobs."""

from collections.abc import Mapping

import numpy as np

from cambiata.drawing.canvas import Canvas, Line, Rect, Text
from cambiata.knobs.directions import POSITIONS, scales_of
from cambiata.knobs.knob_set import MIDDLE, KnobSet
from cambiata.knobs.parameters import Array

_LEFT, _TOP, _SIDE = 40.0, 50.0, 560.0
_BARS = _LEFT + _SIDE + 60
_WIDTH, _ROW = 260.0, 34.0
_INK, _GRID, _SOUND, _HERE = "#444444", "#dddddd", "#333333", "#c0392b"
_COLOURS = ("#e08a00", "#7a4fa5", "#b5523b", "#3b8ea5", "#5a8f29")
_LONGEST_NAME = 18
_MARGIN = 0.12  # of the map, around its sounds and ways


def draw(found: KnobSet, values: Mapping[str, float], title: str) -> Canvas:
    """Map of the sounds, ways of the named knobs from 0 to 1, and where knobs stand."""
    n_rows = max(len(found.names), 1)
    canvas = Canvas(_BARS + _WIDTH + 30, max(_TOP + _SIDE, _TOP + 40 + n_rows * _ROW) + 40)
    canvas.add(Text(_LEFT, 26, 14, title))
    sounds = _places(found, found.parameters)
    ways = [_places(found, path.parameters) for path in found.paths]
    here = _places(found, found.at(values)[None])
    everything = np.concatenate([sounds, here, *ways])
    low, high = everything.min(0), everything.max(0)
    size = np.maximum(high - low, 1e-6).max() * (1 + 2 * _MARGIN)
    corner = (low + high - size) / 2

    def at(point: Array) -> tuple[float, float]:
        x, y = (point - corner) / size
        return _LEFT + _SIDE * x, _TOP + _SIDE * (1 - y)

    for edge in (0.0, _SIDE):
        canvas.add(Line(_LEFT, _TOP + edge, _LEFT + _SIDE, _TOP + edge, _GRID))
        canvas.add(Line(_LEFT + edge, _TOP, _LEFT + edge, _TOP + _SIDE, _GRID))
    x, y = at(np.zeros(2))
    canvas.add(Line(x, _TOP, x, _TOP + _SIDE, _GRID), Line(_LEFT, y, _LEFT + _SIDE, y, _GRID))
    for way, path, colour in zip(ways, found.paths, _COLOURS, strict=False):
        for i in range(4 * (len(POSITIONS) - 1) + 1):
            place = np.array([np.interp(i / 4, np.arange(len(POSITIONS)), c) for c in way.T])
            x, y = at(place)
            thick = 2.0 + 3.0 * i / (4 * (len(POSITIONS) - 1))
            canvas.add(Rect(x - thick / 2, y - thick / 2, thick, thick, colour))
        x, y = at(way[-1])
        canvas.add(Text(x + 5, y - 4, 9, path.name, colour))
    for place, name in zip(sounds, found.sounds, strict=True):
        x, y = at(place)
        canvas.add(Rect(x - 3, y - 3, 6, 6, _SOUND, title=name))
        canvas.add(Text(x + 6, y + 3, 9, name[:_LONGEST_NAME], _INK))
    x, y = at(here[0])
    canvas.add(Rect(x - 6, y - 1.5, 12, 3, _HERE), Rect(x - 1.5, y - 6, 3, 12, _HERE))
    shares = [f"{share:.0%}" for share in found.main.explained[:2]]
    words = (
        "across main-1, upwards main-2: {} of the set's variance; ways are thin at 0, thick at 1"
    )
    canvas.add(Text(_LEFT, _TOP + _SIDE + 16, 9, words.format(" and ".join(shares)), _INK))
    _draw_knobs(canvas, found, values)
    return canvas


def _places(found: KnobSet, parameters: Array) -> Array:
    """Places in the map of sounds [N, N_PARAMETERS], in spreads of the set's [N, 2]."""
    scales = scales_of(found.parameters)
    axes = found.main.directions[:2] / scales
    scores = (parameters - found.main.mean) / scales @ axes.T
    out = np.zeros((len(parameters), 2))
    out[:, : len(axes)] = scores / np.maximum((axes**2).sum(1), 1e-20)
    # As far apart as they differ: the second direction is shorter than the first.
    lengths = np.sqrt((axes**2).sum(1))
    out[:, : len(axes)] *= lengths / max(float(lengths.max(initial=0)), 1e-20)
    return out


def _draw_knobs(canvas: Canvas, found: KnobSet, values: Mapping[str, float]) -> None:
    """A row for each knob: where the set's sounds lie, and where it stands."""
    positions = found.checked(values)
    canvas.add(Text(_BARS, _TOP, 9, "knobs 0 to 1; marks: sounds; red: here", _INK))
    for i, knob in enumerate(found.facts()["knobs"]):
        y = _TOP + 34 + i * _ROW
        colour = _COLOURS[i % len(_COLOURS)] if i < len(found.paths) else _INK
        canvas.add(Text(_BARS, y - 8, 9, str(knob["name"]), colour))
        canvas.add(Line(_BARS, y, _BARS + _WIDTH, y, _GRID))
        for name, position in knob["sounds"].items():
            canvas.add(Rect(_BARS + _WIDTH * position - 1, y - 4, 2, 8, colour, 0.6, name))
        stands = positions.get(str(knob["name"]), MIDDLE)
        canvas.add(Rect(_BARS + _WIDTH * stands - 2, y - 7, 4, 14, _HERE))
