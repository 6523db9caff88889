"""SoundFont 2.04 files of one preset (E-mu 2006, "SoundFont Technical Specification")."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cambiata.instrument.samples import Sample, Zone

# Generators of section 8.1.2.
_HOLD, _DECAY, _SUSTAIN, _RELEASE = 35, 36, 37, 38
_INSTRUMENT, _KEY_RANGE, _VELOCITY_RANGE = 41, 43, 44
_FINE_TUNE, _SAMPLE, _MODES, _ROOT_KEY = 52, 53, 54, 58
_LOOPED = 1  # sampleModes: as long as the sound lasts, its release too
_SILENCE = 46  # zeros that follow every sample (section 6.1)
_FULL_DB = 100.0  # that decayVolEnv and releaseVolEnv take their time for (8.1.2)
_MOST_CB = 1440  # sustainVolEnv: silence
# Two spellings, of 2.01 and 2.04, of the modulator by which soft notes are dull: layers know that.
_DULL_MODULATORS = ((0x0102, 8, 0, 0x0D02, 0), (0x0102, 8, 0, 0, 0))
# Levels are in the samples, and velocities count by the format's own curve: players do not agree
# on initialAttenuation (some take 0.4 of it), so that it is left at 0.


def write_sf2(place: Path, name: str, zones: Sequence[Zone]) -> None:
    """Write an instrument as the one preset, bank 0 and program 0, of a sound font."""
    samples = list(dict.fromkeys(zone.sample for zone in zones))
    sounds, headers = _sample_data(samples)
    numbers = {sample: number for number, sample in enumerate(samples)}
    bags, generators = [struct.pack("<HH", 0, 0)], b""  # the first bag has the modulators alone
    for zone in zones:
        bags.append(struct.pack("<HH", len(generators) // 4, len(_DULL_MODULATORS)))
        generators += _zone_generators(zone, numbers[zone.sample])
    bags.append(struct.pack("<HH", len(generators) // 4, len(_DULL_MODULATORS)))
    modulators = b"".join(struct.pack("<HHhHH", *each) for each in _DULL_MODULATORS)
    preset = _named(name) + struct.pack("<HHHIII", 0, 0, 0, 0, 0, 0)
    tables = {
        b"phdr": preset + _named("EOP") + struct.pack("<HHHIII", 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<HHHH", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<HH", _INSTRUMENT, 0) + bytes(4),
        b"inst": _named(name)
        + struct.pack("<H", 0)
        + _named("EOI")
        + struct.pack("<H", len(bags) - 1),
        b"ibag": b"".join(bags),
        b"imod": modulators + bytes(10),
        b"igen": generators + bytes(4),
        b"shdr": headers + _named("EOS") + bytes(26),
    }
    about = _chunk(b"ifil", struct.pack("<HH", 2, 4)) + _chunk(b"isng", b"EMU8000\0")
    about += _chunk(b"INAM", _text(name)) + _chunk(b"ISFT", _text("cambiata"))
    body = b"sfbk" + _chunk(b"LIST", b"INFO" + about)
    body += _chunk(b"LIST", b"sdta" + b"".join(_chunk(key, each) for key, each in sounds.items()))
    body += _chunk(b"LIST", b"pdta" + b"".join(_chunk(key, each) for key, each in tables.items()))
    place.write_bytes(_chunk(b"RIFF", body))


def _sample_data(samples: Sequence[Sample]) -> tuple[dict[bytes, bytes], bytes]:
    """The samples' upper 16 and lower 8 bits, and the headers that say where each lies."""
    upper, lower, headers, at = [], [], b"", 0
    for sample in samples:
        scaled = np.round(sample.samples.astype(np.float64) * 2**23)
        whole = np.clip(scaled, -(2**23), 2**23 - 1).astype(np.int32)
        whole = np.concatenate([whole, np.zeros(_SILENCE, np.int32)])
        upper.append((whole >> 8).astype("<i2").tobytes())
        lower.append((whole & 255).astype(np.uint8).tobytes())
        end = at + len(sample.samples)
        # A loop lies 8 samples within; without one it is not played.
        loop = sample.loop or (8, len(sample.samples) - 8)
        headers += _named(sample.name) + struct.pack(
            *("<IIIIIBbHH", at, end, at + loop[0], at + loop[1]),
            *(sample.sample_rate, sample.key, 0, 0, 1),
        )
        at = end + _SILENCE
    return {b"smpl": b"".join(upper), b"sm24": b"".join(lower)}, headers


def _zone_generators(zone: Zone, number: int) -> bytes:
    """Generators of a zone: ranges come first, the sample last (8.1.2)."""
    sample = zone.sample
    out = struct.pack("<HBB", _KEY_RANGE, *zone.keys)
    out += struct.pack("<HBB", _VELOCITY_RANGE, *zone.velocities)
    values = {_RELEASE: _timecents(_FULL_DB / sample.release_db_s)}
    if sample.decay_db_s > 0:
        values |= {
            _HOLD: _timecents(sample.hold_s),
            _DECAY: _timecents(_FULL_DB / sample.decay_db_s),
            _SUSTAIN: _MOST_CB,
        }
    values |= {
        _FINE_TUNE: round(-sample.cents),
        _MODES: _LOOPED if sample.loop else 0,
        _ROOT_KEY: sample.key,
    }
    for generator, value in sorted(values.items()):
        out += struct.pack("<Hh", generator, value)
    return out + struct.pack("<HH", _SAMPLE, number)


def _timecents(seconds: float) -> int:
    return int(np.clip(round(1200 * np.log2(max(seconds, 1e-4))), -12000, 8000))


def _named(name: str) -> bytes:
    return name.encode("ascii", "replace")[:19].ljust(20, b"\0")


def _text(text: str) -> bytes:
    data = text.encode("ascii", "replace")[:254] + b"\0"
    return data + b"\0" * (len(data) % 2)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
