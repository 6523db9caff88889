"""The picture of an instrument."""

import numpy as np
from tiny_notes import RATE_HZ, note

from cambiata.drawing.canvas import Image, Rect
from cambiata.instrument.picture import draw
from cambiata.instrument.samples import Sample, Zone


def zone(key: int, keys: tuple[int, int], velocities: tuple[int, int]) -> Zone:
    sound = note(key, duration_s=0.5)
    sample = Sample("x", sound, RATE_HZ, key, 0.0, velocities[1], None, 0.0, 0.0, 100.0)
    return Zone(sample, keys, velocities)


def test_every_zone_and_every_key_is_there() -> None:
    zones = [
        zone(60, (58, 61), (1, 64)),
        zone(60, (58, 61), (65, 127)),
        zone(64, (62, 66), (1, 127)),
    ]
    canvas = draw(zones, (58, 66), {(60, 127)}, "x.sfz")
    titles = [shape.title for shape in canvas.shapes if isinstance(shape, Rect) and shape.title]
    assert [title.split(":")[1].split(",")[0].strip() for title in titles] == [
        "made",
        "recorded",
        "made",
    ]
    assert sum(isinstance(shape, Rect) for shape in canvas.shapes) == 3 + 9
    [image] = [shape for shape in canvas.shapes if isinstance(shape, Image)]
    # The fundamental of E4 lies above that of C4: at a smaller row.
    first = [int(np.flatnonzero(image.levels[:, column] > 25)[-1]) for column in (0, 8)]
    assert first[1] < first[0]
    assert canvas.png().startswith(b"\x89PNG")
