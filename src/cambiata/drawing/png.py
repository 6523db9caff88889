"""PNG images (W3C, third edition) of arrays: a palette where the colours are few, else RGB."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
_MAX_COLOURS = 256  # of a palette


def palette_png(indices: Pixels, palette: Pixels) -> bytes:
    """Image of indices [H, W] into a palette [N, 3].

    >>> palette_png(np.zeros((1, 1), np.uint8), np.zeros((1, 3), np.uint8))[1:4]
    b'PNG'
    """
    return _png(indices, 3, [(b"PLTE", palette.tobytes())])


def rgb_png(image: Pixels) -> bytes:
    """Image of colours [H, W, 3]; with a palette, a third of the size, where it has few enough."""
    packed = (image.astype(np.uint32) << np.array([16, 8, 0], np.uint32)).sum(
        axis=-1, dtype=np.uint32
    )
    colours, indices = np.unique(packed, return_inverse=True)
    if len(colours) <= _MAX_COLOURS:
        palette = (colours[:, None] >> np.array([16, 8, 0], np.uint32)) & 255
        return palette_png(indices.reshape(packed.shape).astype(np.uint8), palette.astype(np.uint8))
    return _png(image, 2, [])


def _png(rows: Pixels, colour_type: int, chunks: list[tuple[bytes, bytes]]) -> bytes:
    height, width = rows.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    # Every row begins with its filter: 0, none, which suits palettes best.
    flat = np.zeros((height, 1 + rows[0].size), np.uint8)
    flat[:, 1:] = rows.reshape(height, -1)
    data = zlib.compress(flat.tobytes(), 9)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
