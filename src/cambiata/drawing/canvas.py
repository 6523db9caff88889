"""A canvas of rectangles, lines, texts and images, written as SVG or as PNG."""

import re
from base64 import b64encode
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.drawing.colours import MAGMA, parse_colour
from cambiata.drawing.font import BASELINE, text_pixels
from cambiata.drawing.png import Pixels, palette_png, rgb_png
from cambiata.files import write_bytes, write_text

# Letters of the font for PNG are 9 pixels high: texts as large as this and larger are doubled.
_DOUBLED_SIZE = 14
# What no XML may hold (XML 1.0, section 2.2), and other control characters; file names may.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Rect:
    """A filled rectangle; its title is what an SVG shows under the pointer."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    opacity: float | None = None
    title: str = ""

    def svg(self) -> str:
        """The shape as an SVG element."""
        opacity = "" if self.opacity is None else f' opacity="{self.opacity:.2f}"'
        end = f"><title>{_escaped(self.title)}</title></rect>" if self.title else "/>"
        return (
            f'<rect x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" '
            f'height="{self.height:.1f}" fill="{self.fill}"{opacity}{end}'
        )

    def paint(self, image: npt.NDArray[np.float64]) -> None:
        """Paint it on an image [H, W, 3]; it is a pixel wide at least."""
        left, top = round(self.x), round(self.y)
        right = max(left + 1, round(self.x + self.width))
        bottom = max(top + 1, round(self.y + self.height))
        share = 1.0 if self.opacity is None else self.opacity
        place = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        place += share * (parse_colour(self.fill) - place)


@dataclass(frozen=True)
class Line:
    """A line, upright or level."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str

    def svg(self) -> str:
        """The shape as an SVG element."""
        return (
            f'<line x1="{self.x1:.1f}" y1="{self.y1:.1f}" x2="{self.x2:.1f}" y2="{self.y2:.1f}" '
            f'stroke="{self.colour}"/>'
        )

    def paint(self, image: npt.NDArray[np.float64]) -> None:
        """Paint it on an image [H, W, 3]."""
        width, height = self.x2 - self.x1, self.y2 - self.y1
        Rect(self.x1, self.y1, width, height, self.colour).paint(image)


@dataclass(frozen=True)
class Text:
    """A line of text; `y` is its baseline, and `x` where it begins, or ends."""

    x: float
    y: float
    size: int
    text: str
    colour: str = "black"
    ends_there: bool = False

    def svg(self) -> str:
        """The shape as an SVG element."""
        colour = "" if self.colour == "black" else f' fill="{self.colour}"'
        anchor = ' text-anchor="end"' if self.ends_there else ""
        return (
            f'<text x="{self.x:g}" y="{self.y:.1f}" font-size="{self.size}"{colour}{anchor}>'
            f"{_escaped(self.text)}</text>"
        )

    def paint(self, image: npt.NDArray[np.float64]) -> None:
        """Paint it on an image [H, W, 3]."""
        zoom = 2 if self.size >= _DOUBLED_SIZE else 1
        pixels = text_pixels(self.text).repeat(zoom, axis=0).repeat(zoom, axis=1)
        start = self.x - pixels.shape[1] if self.ends_there else self.x
        top, left = max(0, round(self.y) - zoom * BASELINE), max(0, round(start))
        place = image[top : top + pixels.shape[0], left : left + pixels.shape[1]]
        place[pixels[: place.shape[0], : place.shape[1]]] = parse_colour(self.colour)


@dataclass(frozen=True)
class Image:
    """Levels [H, W] from dark to bright, stretched to a place."""

    x: float
    y: float
    width: float
    height: float
    levels: Pixels

    def svg(self) -> str:
        """The shape as an SVG element, which holds the image itself."""
        data = b64encode(palette_png(self.levels, MAGMA)).decode()
        return (
            f'<image x="{self.x:.1f}" y="{self.y:.1f}" width="{self.width:.1f}" '
            f'height="{self.height:.1f}" preserveAspectRatio="none" '
            f'href="data:image/png;base64,{data}"/>'
        )

    def paint(self, image: npt.NDArray[np.float64]) -> None:
        """Paint it on an image [H, W, 3]."""
        width, height = max(1, round(self.width)), max(1, round(self.height))
        n_rows, n_columns = self.levels.shape
        rows, columns = np.arange(height) * n_rows // height, np.arange(width) * n_columns // width
        left, top = round(self.x), round(self.y)
        image[top : top + height, left : left + width] = MAGMA[self.levels[rows][:, columns]]


Shape = Rect | Line | Text | Image


def _escaped(text: str) -> str:
    """Text as an SVG may hold it."""
    return escape(_NO_TEXT.sub("?", text))


class Canvas:
    """Shapes, each painted over those before it."""

    def __init__(self, width: float, height: float = 0.0) -> None:
        self.width, self.height = width, height
        self.shapes: list[Shape] = []

    def add(self, *shapes: Shape) -> None:
        """Put shapes on top."""
        self.shapes += shapes

    def svg(self) -> str:
        """The picture as an SVG document, which may also stand in a page."""
        shapes = "\n".join(shape.svg() for shape in self.shapes)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:.0f}" '
            f'height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n'
            f"{shapes}\n</svg>\n"
        )

    def png(self) -> bytes:
        """The picture as a PNG file."""
        image = np.full((round(self.height), round(self.width), 3), 255.0)
        for shape in self.shapes:
            shape.paint(image)
        return rgb_png(image.round().astype(np.uint8))

    def write(self, place: Path, *, force: bool = True) -> None:
        """Write the picture, whole or not at all; the extension chooses SVG or PNG."""
        if place.suffix.lower() == ".png":
            write_bytes(place, self.png(), force=force)
        else:
            write_text(place, self.svg(), force=force)
