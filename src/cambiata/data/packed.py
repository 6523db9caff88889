"""Packed pieces: rendered music in one small file, with its notes, for training elsewhere.

A machine that is lent for minutes has neither banks nor the time to compose examples from them.
A pack is a folder: ``pieces.json`` (settings, sources, and each piece's player and notes) and one
file of sound in which all pieces lie one after another, FLAC or Ogg Vorbis. `PackedPieces` has
every piece in memory.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.mono import read_mono, write_flac, write_vorbis
from cambiata.data.shards import note_rows, read_notes
from cambiata.errors import InputError
from cambiata.files import write_text
from cambiata.score.midi import Part

PACK_FILE = "pieces.json"


@dataclass(frozen=True, eq=False)
class Piece:
    """A piece by one player."""

    player: str
    keys: Part  # its notes end with their keys; the pedal is apart
    sound: Samples  # mono [T]
    is_validation: bool = False


@dataclass(frozen=True)
class PackConfig:
    """Settings of a pack, as networks ask them of examples."""

    duration_s: float  # of every piece
    sample_rate: int
    domains: tuple[str, ...] = ()  # all players, in the order of their numbers

    @property
    def n_samples(self) -> int:
        """Length of every piece in samples."""
        return round(self.duration_s * self.sample_rate)


def is_pack(folder: str | Path | None) -> bool:
    """True of a folder that holds a pack."""
    return folder is not None and (Path(folder) / PACK_FILE).exists()


def write_pack(
    pieces: Sequence[Piece],
    folder: str | Path,
    config: PackConfig,
    sources: Sequence[dict[str, Any]],
    *,
    n_bits: int | None = None,
    quality: float = 0.2,
) -> None:
    """Write pieces: FLAC of so many bits, or Ogg Vorbis of a quality from 0 to 1.

    12 bits have less noise than mu-law of 256 levels.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    sound = np.concatenate([piece.sound for piece in pieces])
    name = "sounds.ogg" if n_bits is None else "sounds.flac"
    if n_bits is None:
        write_vorbis(place / name, sound, config.sample_rate, quality)
    else:
        write_flac(place / name, sound, config.sample_rate, n_bits)
    facts = {
        "duration_s": config.duration_s,
        "sample_rate": config.sample_rate,
        "domains": config.domains,
        "sounds": name,
        "banks": list(sources),
        "pieces": [
            {
                "player": piece.player,
                "validation": piece.is_validation,
                "notes": note_rows(piece.keys.notes),
                "pedal": piece.keys.pedal,
            }
            for piece in pieces
        ],
    }
    write_text(place / PACK_FILE, json.dumps(facts))


class PackedExample(NamedTuple):
    """Content, style and target of a piece: the content is the target, the style another piece."""

    sounds: npt.NDArray[np.float32]  # [3, T]


class PackedPieces(Sequence[PackedExample]):
    """Pieces of a pack, in memory; each with another piece by its player as the style."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            facts = json.loads((self.folder / PACK_FILE).read_text())
            sound, rate = read_mono(self.folder / facts["sounds"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(str(folder), "is not a whole pack", "pack the pieces again") from error
        self.config = PackConfig(
            float(facts["duration_s"]), int(facts["sample_rate"]), tuple(facts["domains"])
        )
        self.facts = {name: value for name, value in facts.items() if name != "pieces"}
        n = self.config.n_samples
        if rate != self.config.sample_rate or len(sound) < n * len(facts["pieces"]):
            raise InputError(str(folder), "lacks some of its sound", "pack the pieces again")
        everything = [
            Piece(
                row["player"],
                Part(read_notes(row["notes"]), pedal=tuple((a, b) for a, b in row["pedal"])),
                sound[i * n : (i + 1) * n],
                row["validation"],
            )
            for i, row in enumerate(facts["pieces"])
        ]
        self._validation = [piece for piece in everything if piece.is_validation]
        self.pieces = [piece for piece in everything if not piece.is_validation]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: Any) -> PackedExample:  # type: ignore[override]
        """One piece, and the next by its player as the style."""
        n = len(self)
        index = range(n)[index]
        piece = self.pieces[index]
        following = (self.pieces[(index + i) % n] for i in range(1, n + 1))
        style = next(other for other in following if other.player == piece.player)
        return PackedExample(np.stack([piece.sound, style.sound, piece.sound]))

    def keys(self, index: int) -> Part:
        """Part that a piece plays."""
        return self.pieces[index].keys

    def validation(self) -> "PackedPieces":
        """The pieces to validate with."""
        other = object.__new__(PackedPieces)
        other.folder, other.config, other.facts = self.folder, self.config, self.facts
        other.pieces, other._validation = self._validation, []
        return other
