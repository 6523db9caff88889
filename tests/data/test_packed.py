"""Packed pieces: written, read, refused."""

from pathlib import Path

import numpy as np
import pytest

from cambiata import Note, Part
from cambiata.data.packed import PACK_FILE, PackConfig, PackedPieces, Piece, is_pack, write_pack
from cambiata.errors import InputError

RATE, CONFIG = 8000, PackConfig(0.5, 8000, ("a", "b"))
KEYS = Part((Note(0.0, 0.2, 60, 90), Note(0.25, 0.4, 64, 50)), pedal=((0.1, 0.45),))


def _pieces() -> list[Piece]:
    t = np.arange(CONFIG.n_samples) / RATE
    return [
        Piece(
            "ab"[i % 2],
            KEYS,
            (0.3 * np.sin(2 * np.pi * 200 * (i + 1) * t)).astype(np.float32),
            i > 3,
        )
        for i in range(6)
    ]


@pytest.mark.parametrize(("coding", "error"), [({"n_bits": 12}, 3e-4), ({"quality": 0.9}, 0.05)])
def test_pieces_come_back(tmp_path: Path, coding: dict[str, float], error: float) -> None:
    pieces = _pieces()
    write_pack(pieces, tmp_path, CONFIG, [{"name": "sines"}], **coding)  # type: ignore[arg-type]
    assert is_pack(tmp_path)
    assert not is_pack(tmp_path / "none")
    packed = PackedPieces(tmp_path)
    assert (len(packed), len(packed.validation()), packed.config) == (4, 2, CONFIG)
    assert packed.facts["banks"] == [{"name": "sines"}]
    for got, sent in zip((*packed.pieces, *packed.validation().pieces), pieces, strict=True):
        assert (got.player, got.keys.notes, got.keys.pedal) == (sent.player, KEYS.notes, KEYS.pedal)
        assert float(np.abs(got.sound - sent.sound).max()) < error


def test_the_style_is_another_piece_by_the_same_player(tmp_path: Path) -> None:
    write_pack(_pieces(), tmp_path, CONFIG, [], n_bits=16)
    packed = PackedPieces(tmp_path)
    content, style, target = packed[1].sounds
    np.testing.assert_array_equal(content, packed.pieces[1].sound)
    np.testing.assert_array_equal(target, packed.pieces[1].sound)
    np.testing.assert_array_equal(style, packed.pieces[3].sound)
    # The only one by a player is its own style.
    np.testing.assert_array_equal(*packed.validation()[0].sounds[:2])
    assert packed.keys(2).notes == KEYS.notes


def test_a_broken_pack_is_refused(tmp_path: Path) -> None:
    write_pack(_pieces(), tmp_path, CONFIG, [], n_bits=16)
    longer = (tmp_path / PACK_FILE).read_text().replace('"duration_s": 0.5', '"duration_s": 0.75')
    (tmp_path / PACK_FILE).write_text(longer)
    with pytest.raises(InputError, match="lacks some of its sound"):
        PackedPieces(tmp_path)
    (tmp_path / "sounds.flac").write_bytes(b"fLaC")
    with pytest.raises(InputError, match="is not a whole sound file"):
        PackedPieces(tmp_path)
