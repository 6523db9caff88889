"""A writer of SoundFont 2 files, as little of the format as FluidSynth asks for, and a tiny font.

The tests then need no font of the system's, and know exactly what is in the one they play.
"""

import io
import struct
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

RATE_HZ = 44100
_SILENCE = np.zeros(46, np.int16)  # that the format wants after each sample


def fluidsynth() -> ModuleType:
    """The package, or a skipped test where it or FluidSynth's library is missing."""
    # Where CI is set in the environment, pyfluidsynth prints which library it found.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return pytest.importorskip(
            "fluidsynth", reason="pyfluidsynth or FluidSynth is missing", exc_type=ImportError
        )


@dataclass(frozen=True, eq=False)
class Zone:
    """A sample and the keys that play it; looped where `loop` says from where to where."""

    samples: npt.NDArray[np.float64]
    root: int
    keys: tuple[int, int] = (0, 127)
    loop: tuple[int, int] | None = None
    release_s: float | None = None
    sends: bool = False  # all of it to chorus and reverb


@dataclass(frozen=True, eq=False)
class Program:
    """A preset."""

    number: int
    name: str
    zones: tuple[Zone, ...]
    bank: int = 0


def plucked(pitch: int, duration_s: float = 1.0, decay_s: float = 0.3) -> npt.NDArray[np.float64]:
    """Harmonics struck at once, dying away, faded out at the end."""
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 6)) * np.exp(-t / decay_s)
    return 0.4 * sound * np.minimum(1, (t[-1] - t) / 0.05)


def sustained(
    n_partials: int = 4, period: int = 100, n_attack: int = 200
) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """A steady tone of a whole number of samples a period (441 Hz), and its loop."""
    n = np.arange(60 * period)
    sound = sum(np.cos(2 * np.pi * k * n / period + k * k) / k for k in range(1, n_partials + 1))
    return 0.3 * sound * np.minimum(1, n / n_attack), (20 * period, 50 * period)


def tiny_programs() -> tuple[Program, ...]:
    """A plucked program in two zones, a sustained one, and one that releases slowly."""
    bowed, bowed_loop = sustained()
    blown, blown_loop = sustained(n_partials=2)
    return (
        Program(
            0,
            "Pluck",
            (Zone(plucked(55), 55, (55, 59)), Zone(plucked(62), 62, (60, 64), release_s=0.2)),
        ),
        Program(40, "Bow", (Zone(bowed, 69, (62, 75), bowed_loop, release_s=0.5),)),
        Program(73, "Pipe", (Zone(blown, 69, (60, 72), blown_loop, release_s=2.0),)),
    )


def write_font(path: Path, programs: Sequence[Program], *, odd_unpadded: bool = False) -> Path:
    """An .sf2 file; `odd_unpadded` leaves out the zero after a list of odd length, as .sf3 does."""
    smpl, shdr, inst, ibag, igen, phdr, pbag, pgen = (bytearray() for _ in range(8))
    n_samples = 0
    for number, program in enumerate(programs):
        phdr += _named(program.name) + struct.pack(
            "<HHHIII", program.number, program.bank, len(pbag) // 4, 0, 0, 0
        )
        pbag += struct.pack("<HH", len(pgen) // 4, 0)
        pgen += struct.pack("<HH", 41, number)
        inst += _named(program.name) + struct.pack("<H", len(ibag) // 4)
        for index, zone in enumerate(program.zones):
            sound = np.round(32767 * zone.samples).astype(np.int16)
            end = n_samples + len(sound)
            loop = zone.loop or (0, len(sound))
            shdr += _named(f"{program.name} {index}") + struct.pack(
                "<IIIIIBbHH",
                n_samples,
                end,
                n_samples + loop[0],
                n_samples + loop[1],
                RATE_HZ,
                zone.root,
                0,
                0,
                1,
            )
            smpl += sound.tobytes() + _SILENCE.tobytes()
            n_samples = end + len(_SILENCE)
            ibag += struct.pack("<HH", len(igen) // 4, 0)
            igen += struct.pack("<HBB", 43, *zone.keys)
            if zone.release_s is not None:
                igen += struct.pack("<Hh", 38, round(1200 * np.log2(zone.release_s)))
            if zone.sends:
                igen += struct.pack("<HHHH", 15, 1000, 16, 1000)
            igen += struct.pack("<HH", 54, 1 if zone.loop else 0)
            igen += struct.pack("<HH", 53, len(shdr) // 46 - 1)
    phdr += _named("EOP") + struct.pack("<HHHIII", 0, 0, len(pbag) // 4, 0, 0, 0)
    pbag += struct.pack("<HH", len(pgen) // 4, 0)
    inst += _named("EOI") + struct.pack("<H", len(ibag) // 4)
    ibag += struct.pack("<HH", len(igen) // 4, 0)
    shdr += _named("EOS") + bytes(26)
    none = bytes(10)  # the last of a list of modulators
    tables = [
        _chunk(b"phdr", phdr),
        _chunk(b"pbag", pbag),
        _chunk(b"pmod", none),
        _chunk(b"pgen", pgen + bytes(4)),
        _chunk(b"inst", inst),
        _chunk(b"ibag", ibag),
        _chunk(b"imod", none),
        _chunk(b"igen", igen + bytes(4)),
        _chunk(b"shdr", shdr),
    ]
    about = _chunk(b"ifil", struct.pack("<HH", 2, 4)) + _chunk(b"INAM", b"tiny\0\0")
    if odd_unpadded:
        about += b"ICMT" + struct.pack("<I", 3) + b"odd"
    body = b"sfbk" + b"".join(
        [
            _chunk(b"LIST", b"INFO" + about, pad=not odd_unpadded),
            _chunk(b"LIST", b"sdta" + _chunk(b"smpl", smpl)),
            _chunk(b"LIST", b"pdta" + b"".join(tables)),
        ]
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def _chunk(name: bytes, data: bytes | bytearray, *, pad: bool = True) -> bytes:
    padding = b"\0" if pad and len(data) % 2 else b""
    return name + struct.pack("<I", len(data)) + bytes(data) + padding


def _named(name: str) -> bytes:
    return name.encode().ljust(20, b"\0")
