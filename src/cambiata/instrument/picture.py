"""Picture of an instrument: which sample answers to which key and velocity, and their spectra."""

from collections.abc import Sequence

import numpy as np

from cambiata.drawing.canvas import Canvas, Image, Line, Rect, Text
from cambiata.drawing.colours import N_LEVELS
from cambiata.drawing.png import Pixels
from cambiata.instrument.samples import Sample, Zone
from cambiata.score.rolls import note_name

_LEFT, _TOP, _WIDTH, _MAP, _KEYS, _SPECTRA = 50.0, 44.0, 880.0, 160.0, 26.0, 220.0
_RECORDED, _MADE, _INK = "#4a6fa5", "#c7d3e3", "#444444"
_BLACK_KEYS = (1, 3, 6, 8, 10)
# Rows of a third of a semitone each tell partials of all but the lowest octave apart.
_LOWEST_HZ, _HIGHEST_HZ, _ROWS = 27.5, 16000.0, 330
_RANGE_DB = 80.0
_TICKS_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000)


def draw(
    zones: Sequence[Zone], keys: tuple[int, int], recorded: set[tuple[int, int]], title: str
) -> Canvas:
    """Key map, keyboard and spectra; `recorded` are keys and velocities of recordings."""
    canvas = Canvas(_LEFT + _WIDTH + 20, _TOP + _MAP + _KEYS + 30 + _SPECTRA + 30)
    canvas.add(Text(_LEFT, 22, 14, title))
    per_key = _WIDTH / (keys[1] - keys[0] + 1)

    def x_of(key: int) -> float:
        return _LEFT + (key - keys[0]) * per_key

    for zone in zones:
        sample = zone.sample
        is_recorded = (sample.key, sample.velocity) in recorded
        bottom, top = (
            _TOP + _MAP * (1 - v / 127) for v in (zone.velocities[0] - 1, zone.velocities[1])
        )
        left, right = x_of(zone.keys[0]), x_of(zone.keys[1] + 1)
        words = f"{note_name(sample.key)}, velocity {sample.velocity}: "
        words += "recorded" if is_recorded else "made"
        words += ", looped" if sample.loop else ", as long as it sounds"
        fill = _RECORDED if is_recorded else _MADE
        canvas.add(
            Rect(left + 0.5, top + 0.5, right - left - 1, bottom - top - 1, fill, title=words)
        )
    for velocity in (1, 64, 127):
        canvas.add(
            Text(_LEFT - 6, _TOP + _MAP * (1 - velocity / 127) + 4, 9, str(velocity), _INK, True)
        )
    canvas.add(Text(_LEFT, _TOP - 8, 9, "velocity; dark: recordings as they are", _INK))
    _draw_keyboard(canvas, keys, per_key)
    _draw_spectra(canvas, zones, keys)
    return canvas


def _draw_keyboard(canvas: Canvas, keys: tuple[int, int], per_key: float) -> None:
    top = _TOP + _MAP + 2
    for key in range(keys[0], keys[1] + 1):
        x = _LEFT + (key - keys[0]) * per_key
        fill = "#333333" if key % 12 in _BLACK_KEYS else "#eeeeee"
        canvas.add(Rect(x, top, per_key - 0.5, _KEYS - 12, fill))
        if key % 12 == 0 or key == keys[0]:
            canvas.add(Text(x, top + _KEYS - 2, 9, note_name(key), _INK))


def _draw_spectra(canvas: Canvas, zones: Sequence[Zone], keys: tuple[int, int]) -> None:
    """Spectra of the loudest layer, a column a key."""
    top = _TOP + _MAP + _KEYS + 30
    loudest = max(zone.velocities[1] for zone in zones)
    columns = np.zeros((_ROWS, keys[1] - keys[0] + 1), np.uint8)
    for zone in zones:
        if zone.velocities[1] == loudest:
            columns[:, zone.keys[0] - keys[0] : zone.keys[1] - keys[0] + 1] = _column(zone.sample)
    canvas.add(Text(_LEFT, top - 8, 9, "spectrum of each key's sample, loudest layer, Hz", _INK))
    canvas.add(Image(_LEFT, top, _WIDTH, _SPECTRA, columns))
    for hz in _TICKS_HZ:
        y = top + _SPECTRA * (1 - np.log(hz / _LOWEST_HZ) / np.log(_HIGHEST_HZ / _LOWEST_HZ))
        label = f"{hz // 1000}k" if hz >= 1000 else str(hz)
        canvas.add(Line(_LEFT - 4, y, _LEFT, y, _INK), Text(_LEFT - 6, y + 3, 9, label, _INK, True))


def _column(sample: Sample) -> Pixels:
    """Levels of a sample's spectrum from the highest frequency down [rows, 1]."""
    sound = sample.samples[: 2 * sample.sample_rate]
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    edges_hz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _ROWS + 1)
    bins = np.clip(edges_hz * len(sound) / sample.sample_rate, 0, len(power) - 1).astype(int)
    level = np.maximum.reduceat(power, np.minimum(bins[:-1], len(power) - 1))
    level_db = 10 * np.log10(level / max(float(level.max()), 1e-20) + 1e-12)
    steps = np.floor((level_db / _RANGE_DB + 1) * N_LEVELS)
    return np.clip(steps, 0, N_LEVELS - 1).astype(np.uint8)[::-1, None]
