"""Pictures as PNG and SVG: read back by other programs, the same shapes in both."""

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from cambiata.drawing.canvas import Canvas, Image, Line, Rect, Text
from cambiata.drawing.colours import MAGMA
from cambiata.drawing.font import text_pixels
from cambiata.drawing.png import rgb_png


def _canvas() -> Canvas:
    canvas = Canvas(60, 40)
    canvas.add(
        Rect(10, 10, 20, 5, "#ff0000", title="a < b"),
        Rect(10, 20, 20, 5, "#0000ff", 0.5),
        Line(50, 0, 50, 40, "#00ff00"),
        Text(2, 8, 9, "I"),
        Image(32, 30, 4, 4, np.array([[0, 39], [39, 0]], np.uint8)),
    )
    return canvas


def _pixels(data: bytes) -> np.ndarray:
    pil = pytest.importorskip("PIL.Image")
    return np.asarray(pil.open(io.BytesIO(data)).convert("RGB"))


def test_a_png_is_read_by_others() -> None:
    image = _pixels(_canvas().png())
    assert image.shape == (40, 60, 3)
    assert image[12, 15].tolist() == [255, 0, 0]
    assert image[22, 15].tolist() == [128, 128, 255]
    assert image[20, 50].tolist() == [0, 255, 0]
    assert image[39, 0].tolist() == [255, 255, 255]
    assert image[30, 32].tolist() == MAGMA[0].tolist()
    assert image[30, 34].tolist() == MAGMA[39].tolist()
    assert (image[1:8, 2:7].sum(axis=2) == 0).sum() == text_pixels("I").sum()


def test_many_colours_are_kept_exactly() -> None:
    rng = np.random.default_rng(0)
    for n_colours in (2, 256, 5000):
        colours = rng.integers(0, 256, (n_colours, 3)).astype(np.uint8)
        image = colours[np.arange(80 * 90) % n_colours].reshape(80, 90, 3)
        assert np.array_equal(_pixels(rgb_png(image)), image)


def test_an_svg_holds_the_same_shapes() -> None:
    root = ET.fromstring(_canvas().svg())
    assert [child.tag.rpartition("}")[2] for child in root] == [
        *("rect", "rect", "rect", "line", "text", "image")
    ]
    assert root[1][0].text == "a < b"
    (image,) = (child for child in root if child.tag.endswith("image"))
    assert image.attrib["href"].startswith("data:image/png;base64,")


def test_letters_are_apart_and_marks_are_dropped() -> None:
    letters = [chr(code) for code in range(33, 127) if chr(code) not in '"$@\\^`{|}~']
    shapes = {text_pixels(letter).tobytes() for letter in letters}
    assert len(shapes) == len(letters)
    assert np.array_equal(text_pixels("Dvořák"), text_pixels("Dvorak"))
    assert np.array_equal(text_pixels("歌"), text_pixels("~"))  # a box: no letter for it


def test_the_extension_chooses_the_format(tmp_path: Path) -> None:
    _canvas().write(tmp_path / "a.PNG")
    _canvas().write(tmp_path / "a.svg")
    assert (tmp_path / "a.PNG").read_bytes()[1:4] == b"PNG"
    assert (tmp_path / "a.svg").read_text().startswith("<svg")


def test_a_label_may_end_at_a_place() -> None:
    canvas = Canvas(60, 12)
    canvas.add(Text(40, 9, 9, "ab", ends_there=True))
    dark = np.flatnonzero((_pixels(canvas.png()).sum(axis=2) == 0).any(axis=0))
    assert dark.min() >= 28
    assert dark.max() < 40
    assert 'text-anchor="end"' in canvas.svg()


def test_any_file_s_name_gives_an_svg_that_opens(tmp_path: Path) -> None:
    canvas = Canvas(100, 20)
    canvas.add(Text(5, 10, 10, "a\x01<\udcff"), Rect(0, 0, 1, 1, "#000000", title="\x1b"))
    canvas.write(tmp_path / "a.svg")
    texts = [element.text for element in ET.parse(tmp_path / "a.svg").iter()]
    assert "a?<?" in texts
