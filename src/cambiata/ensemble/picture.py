"""Picture of a section: who stands where, what each sings when, and spectrograms."""

from pathlib import Path

import numpy as np

from cambiata.audio.source import Source
from cambiata.audio.spectrogram import draw_spectrogram, draw_time_axis, measure_spectrogram
from cambiata.drawing.canvas import Canvas, Line, Rect, Text
from cambiata.ensemble.f0 import FRAME_S
from cambiata.ensemble.notes import Tune
from cambiata.ensemble.rendering import Section
from cambiata.score.rolls import note_name

_LEFT, _WIDTH, _PITCHES, _STAGE, _SPECTRUM = 60.0, 900.0, 240.0, 170.0, 150.0
_INK = "#444444"
# Of parts from high to low; of voices of one part, lighter and darker.
_COLOURS = ("#b0413e", "#c98a2b", "#3d7a5a", "#33558b", "#6b4c8a", "#2f8f9f", "#8a6f4c", "#555555")
_METRES = 8.0  # from side to side of the stage as drawn


def draw_section(section: Section, tune: Tune | None, before: Source, after: Source) -> Canvas:
    """Stage, pitches over time, and spectrograms before and after."""
    canvas = Canvas(_LEFT + _WIDTH + 24)
    name = Path(before.name).name
    voices = f"{len(section.singers)} voice{'s' * (len(section.singers) > 1)}"
    canvas.add(Text(_LEFT, 22, 14, f"{name}: {voices}"))
    top = _draw_stage(canvas, section, 40.0)
    if tune is not None:
        top = _draw_pitches(canvas, section, tune, top)
    axis_s = after.n_samples / after.sample_rate
    for role, source in (("before", before), ("after", after)):
        canvas.add(Text(_LEFT, top + 12, 12, role))
        measured = measure_spectrogram(source, int(_WIDTH))
        draw_spectrogram(
            canvas, measured, x=_LEFT, y=top + 20, width=_WIDTH, height=_SPECTRUM, axis_s=axis_s
        )
        top += 20 + _SPECTRUM + 28
    canvas.height = top
    return canvas


def _draw_stage(canvas: Canvas, section: Section, top: float) -> float:
    """Singers seen from above, the listener below in the middle."""
    canvas.add(Text(_LEFT, top, 9, "where they stand, from above; below: the listener", _INK))
    scale = _WIDTH / 2 / _METRES
    middle, floor = _LEFT + _WIDTH / 4, top + _STAGE
    canvas.add(Line(_LEFT, floor, _LEFT + _WIDTH, floor, "#dddddd"))
    canvas.add(Rect(middle - 4, floor - 8, 8, 8, "black", title="the listener"))
    for i, (singer, place) in enumerate(zip(section.singers, section.places, strict=True)):
        angle = np.radians(place.angle)
        x = middle + place.distance_m * np.sin(angle) * scale * 0.8
        y = floor - place.distance_m * np.cos(angle) * scale * 0.4
        words = (
            f"voice {i + 1}: {place.angle:+.0f} degrees, {place.distance_m:.1f} m, "
            f"{singer.detune_cents:+.0f} cents, {1000 * singer.delay_s:+.0f} ms, "
            f"{20 * np.log10(singer.gain):+.1f} dB"
        )
        colour = _COLOURS[singer.part % len(_COLOURS)]
        canvas.add(Rect(x - 4, y - 4, 8, 8, colour, title=words), Text(x + 6, y + 4, 9, str(i + 1)))
        if i < 16:
            column, row = divmod(i, 8)
            at = _LEFT + _WIDTH / 2 + column * _WIDTH / 4, top + 14 + 16 * row
            canvas.add(Rect(at[0] - 10, at[1] - 7, 7, 7, colour))
            canvas.add(Text(at[0], at[1], 9, words.replace("degrees", "deg"), _INK))
    return floor + 30


def _draw_pitches(canvas: Canvas, section: Section, tune: Tune, top: float) -> float:
    """Pitch of every voice over time, late as it is."""
    canvas.add(Text(_LEFT, top, 9, "what each sings, and when", _INK))
    top += 8
    voiced = np.flatnonzero(tune.is_voiced)
    lines = np.stack([singer.pitch[voiced] for singer in section.singers])
    low, high = np.floor(lines.min()) - 1, np.ceil(lines.max()) + 1
    axis_s = len(tune.pitch) * FRAME_S
    # A point every half pixel at most: a long voice is thinned out.
    step = max(1, int(len(tune.pitch) / (2 * _WIDTH)))
    for number in range(int(low), int(high) + 1):
        if number % 12 in (0, 4, 7, 9):
            y = top + _PITCHES * (high - number) / (high - low)
            canvas.add(Line(_LEFT, y, _LEFT + _WIDTH, y, "#e6e6e6"))
            canvas.add(Text(_LEFT - 6, y + 3, 9, note_name(number), _INK, ends_there=True))
    for singer in section.singers:
        frames = voiced[::step]
        # When a frame of the source is sung: as late as the singer is there.
        at_s = np.asarray(frames * FRAME_S, np.float64)
        sung_s = at_s + (at_s - singer.line.source_s(at_s))
        x = _LEFT + _WIDTH * np.clip(sung_s / axis_s, 0, 1)
        y = top + _PITCHES * (high - singer.pitch[frames]) / (high - low)
        colour = _COLOURS[singer.part % len(_COLOURS)]
        width = max(1.0, _WIDTH * step * FRAME_S / axis_s)
        for left, up in zip(x.tolist(), y.tolist(), strict=True):
            canvas.add(Rect(left, up, width, 1.2, colour, opacity=0.5))
    draw_time_axis(canvas, x=_LEFT, y=top + _PITCHES, width=_WIDTH, axis_s=axis_s)
    return top + _PITCHES + 34
