"""Writing of banks: notes trimmed, and layers that differ in level alone stored once."""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.data.bank import (
    HOLD_S,
    TRAILING_DB,
    VERSION,
    Bank,
    BankedNote,
    is_stored,
    stored_hashes,
)
from cambiata.data.soundfont import RENDER_RATE_HZ, SoundSource
from cambiata.errors import InputError
from cambiata.files import BANK, check_output, write_array, write_bytes

# A note whose peak is below this counts as silent, and is left out.
SILENCE_AMPLITUDE = 10 ** (-70 / 20)
# Where the attack begins, below the peak of the 50 ms after the first sound: less keeps the breath
# before it, which makes notes late; more cuts into soft attacks.
_ATTACK_DB = -40.0
_ATTACK_WINDOW_SAMPLES = RENDER_RATE_HZ // 20
# A note's level is that of its first half second, in which it is heard as loud or soft.
_LEVEL_SAMPLES = RENDER_RATE_HZ // 2
# Two layers share their sound where what differs is 40 dB below it. Less would store the softer of
# two samples wrongly; more finds rounding to 16 bits a difference, and banks grow.
_SAME_SOUND_ENERGY = 1e-4
_NOTE = np.dtype(
    [
        ("pitch", np.int16),
        ("velocity", np.int16),
        ("start", np.int64),
        ("length", np.int64),
        ("scale", np.float32),
        ("level_db", np.float32),
        ("release_db_s", np.float32),
    ]
)


@dataclass(frozen=True)
class BankWriter:
    """A bank that is being made; what an earlier, unfinished call stored is kept."""

    folder: Path
    source: SoundSource
    digest: str  # of the font, the files or the seed: another make is another bank
    instruments: list[dict[str, Any]]  # "program", "name" and "samples" of each
    velocities: tuple[int, ...]  # of every note; none for recordings

    @property
    def _manifest(self) -> dict[str, Any]:
        facts = {
            "version": VERSION,
            "source": asdict(self.source),
            "sha256": self.digest,
            "sample_rate": RENDER_RATE_HZ,
            "hold_s": HOLD_S,
            "velocities": list(self.velocities),
            "instruments": self.instruments,
            "complete": False,
        }
        # Tuples become lists, as they will be when the file is read.
        return cast("dict[str, Any]", json.loads(json.dumps(facts)))

    @property
    def _programs(self) -> set[int]:
        return {int(each["program"]) for each in self.instruments}

    def find_missing(self, *, force: bool = False) -> set[int]:
        """Programs that are still to be stored; a folder that holds something else is refused."""
        existing = self.folder / "bank.json"
        check_output(
            self.folder,
            BANK,
            is_own=lambda folder: existing.exists() or not any(folder.iterdir()),
        )
        if force or not existing.exists():
            return self._programs
        if _read_settings(existing) != _settings(self._manifest):
            raise InputError(
                str(self.folder),
                "holds a bank of another make",
                "choose another folder, or replace it with `force=True`",
            )
        hashes = _read_facts(existing).get("sha256s", {})
        return {p for p in self._programs if not self._is_whole(p, hashes.get(str(p)))}

    def _is_whole(self, program: int, hashes: list[str] | None) -> bool:
        """Whether both files of a program are as they were when the bank was finished."""
        if not is_stored(self.folder, program):
            return False
        return hashes is None or stored_hashes(self.folder, program) == hashes

    def start(self, missing: set[int]) -> None:
        """Clear away what is to be made again, and write what the bank will be."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stored = self._programs - missing
        for old in self.folder.glob("[0-9][0-9][0-9]*.npy"):
            if int(old.name[:3]) not in stored:
                old.unlink()
        write_bytes(self.folder / "bank.json", json.dumps(self._manifest, indent=1).encode())

    def store(self, program: int, notes: Iterable[BankedNote]) -> int:
        """Write one instrument; the number of its notes."""
        return store_notes(self.folder, program, notes)

    def finish(self) -> Bank:
        """The bank, when every instrument is stored."""
        tables = {p: self.folder / f"{p:03}.notes.npy" for p in sorted(self._programs)}
        # A program may have come out silent in every note: it is none of the bank's instruments.
        silent = [program for program, table in tables.items() if not len(np.load(table))]
        if len(silent) == len(tables):
            raise InputError(self.source.name, "is silent in every program", "name another")
        hashes = {str(p): stored_hashes(self.folder, p) for p in sorted(self._programs)}
        facts = {**self._manifest, "silent": silent, "complete": True, "sha256s": hashes}
        manifest = json.dumps(facts, indent=1).encode()
        if (self.folder / "bank.json").read_bytes() != manifest:
            write_bytes(self.folder / "bank.json", manifest)
        return Bank(self.folder)


def _settings(facts: dict[str, Any]) -> dict[str, Any]:
    """Settings of a bank, without what came of it."""
    return {key: facts[key] for key in facts.keys() - {"complete", "silent", "sha256s"}}


def _read_settings(place: Path) -> dict[str, Any]:
    """Settings of a bank on disk; none of a damaged one."""
    return _settings(_read_facts(place))


def _read_facts(place: Path) -> dict[str, Any]:
    """Manifest of a bank on disk; none of a damaged one."""
    with suppress(ValueError, OSError):
        facts = json.loads(place.read_text())
        if isinstance(facts, dict):
            return facts
    return {}


def store_notes(folder: Path, program: int, notes: Iterable[BankedNote]) -> int:
    """Write one instrument; its table last, as the sign that it is whole.

    Most instruments of most fonts have one sample for all velocities: layers that differ by their
    level alone share their sound, which more than halves a bank.
    """
    rows: list[tuple[Any, ...]] = []
    pieces: list[npt.NDArray[np.int16]] = []
    at = 0
    for note in notes:
        level_db = 10 * np.log10(np.mean(note.samples[:_LEVEL_SAMPLES] ** 2) + 1e-20)
        gain = _gain_from(pieces[-1], note.samples) if pieces and rows[-1][0] == note.pitch else 0.0
        if not gain:
            gain = float(np.abs(note.samples).max()) / 32767
            pieces.append(np.round(note.samples / gain).astype(np.int16))
            at += len(pieces[-1])
        length = len(pieces[-1])
        start = at - length
        rows.append((note.pitch, note.velocity, start, length, gain, level_db, note.release_db_s))
    write_array(folder / f"{program:03}.npy", np.concatenate(pieces or [np.zeros(0, np.int16)]))
    write_array(folder / f"{program:03}.notes.npy", np.array(rows, _NOTE))
    return len(rows)


def _gain_from(stored: npt.NDArray[np.int16], samples: Samples) -> float:
    """Factor that turns a stored sound into another, 0 where no factor does to within -40 dB."""
    n_samples = min(len(stored), len(samples))
    before = stored[:n_samples].astype(np.float32)
    after = samples[:n_samples]
    gain = float(after @ before) / (float(before @ before) + 1e-20)
    residual = after - np.float32(gain) * before
    return (
        gain
        if gain > 0 and float(residual @ residual) < _SAME_SOUND_ENERGY * float(after @ after)
        else 0.0
    )


def find_onset(samples: Samples, onset_db: float) -> int:
    """First sample of a note's attack."""
    level = np.abs(samples)
    first = int(np.argmax(level >= level.max() * 10 ** (onset_db / 20)))
    # Some samples breathe for 10 ms before they are struck: the onset is where the attack is.
    attack = level[first : first + _ATTACK_WINDOW_SAMPLES]
    return first + int(np.argmax(attack >= attack.max() * 10 ** (_ATTACK_DB / 20)))


def trim_note(samples: Samples, first: int) -> Samples:
    """A note from its onset to the last sample that is heard."""
    level = np.abs(samples)
    audible = np.flatnonzero(level >= level.max() * 10 ** (TRAILING_DB / 20))
    return samples[first : audible[-1] + 1]
