"""Sound fonts: what is in them, where they come from, and their sound through FluidSynth.

FluidSynth is the renderer because it is the reference implementation of SoundFont 2.04: filters,
modulators and release envelopes as the format defines them. tinysoundfont is two to three
times as fast, but leaves out modulators, and its plain installation fails for want of PortAudio.
"""

import ctypes
import hashlib
import io
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cambiata.arrays import Samples
from cambiata.errors import InputError
from cambiata.score.midi import Note

RENDER_RATE_HZ = 44100
MELODIC_PROGRAMS = range(112)
"""General MIDI programs that play pitches; 112 to 127 are percussion and sound effects."""

PIANO_KEYS = range(21, 109)
# A sample transposed further than an octave no longer sounds like its instrument.
MAX_STRETCH_SEMITONES = 12
# Well under full scale for the loudest single note of any font seen; chords may exceed 1.0.
_GAIN = 0.3
_BLOCK_SAMPLES = 64  # FluidSynth's own: events take effect at its boundaries
_SETTLING_SAMPLES = 16 * _BLOCK_SAMPLES  # more than enough to end all sounds

Use = Literal["train", "test"]


@dataclass(frozen=True)
class SoundSource:
    """A source of sounds, and what may be done with them."""

    name: str  # short, also that of its bank's folder
    licence: str  # of the samples
    use: Use  # whether models may be trained on it
    package: str = ""  # of Debian, that brings it; empty where none does


# By file name. TimGM6mb is GPL, and the font that nothing may be trained on.
KNOWN_FONTS = {
    "FluidR3_GM.sf2": SoundSource("fluid-r3", "MIT", "train", "fluid-soundfont-gm"),
    "MuseScore_General_Lite.sf3": SoundSource(
        "musescore-general", "MIT", "train", "musescore-general-soundfont-small"
    ),
    "sf_GMbank.sf2": SoundSource("csound-gm", "public domain", "train", "csound-soundfont"),
    "TimGM6mb.sf2": SoundSource("timgm6mb", "GPL-2.0", "test", "timgm6mb-soundfont"),
    "GeneralUser_GS_v1.471.sf3": SoundSource(
        "generaluser-gs", "GeneralUser GS License v2.0", "train"
    ),
}
FONT_FOLDERS = (Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"))


def identify_source(path: str | Path) -> SoundSource:
    """Source of a sound font, by the name of the file that a link leads to."""
    # Debian's default-GM.sf2 is a link that may lead to the font that nothing may be trained on.
    real = Path(path).resolve()
    known = KNOWN_FONTS.get(real.name)
    name = "".join(c if c.isalnum() else "-" for c in real.stem.lower())
    return known or SoundSource(name, "unknown: the user's own", "train")


def installed_fonts() -> list[Path]:
    """Known fonts that are on this machine.

    Looked for where Debian puts them and in the folders of ``CAMBIATA_FONTS`` (separated like
    ``PATH``).
    """
    named = [Path(part) for part in os.environ.get("CAMBIATA_FONTS", "").split(os.pathsep) if part]
    folders = [*named, *FONT_FOLDERS]
    places = ([folder / name for folder in folders] for name in KNOWN_FONTS)
    first_places = (next((place for place in tried if place.is_file()), None) for tried in places)
    return [place for place in first_places if place is not None]


def find_font(name: str) -> Path:
    """Path of a font given by its path, its file name or its short name."""
    if Path(name).is_file():
        return Path(name)
    for path in installed_fonts():
        if name in (path.name, identify_source(path).name):
            return path
    for file_name, source in KNOWN_FONTS.items():
        if name in (file_name, source.name):
            raise InputError(name, "this sound font is not installed", cure(file_name))
    raise InputError(name, "no such sound font", "name an .sf2 or .sf3 file")


def cure(file_name: str) -> str:
    """Command or advice by which to get a known font."""
    package = KNOWN_FONTS[file_name].package
    if package:
        return f"apt-get install {package}"
    return f"put {file_name} into a folder and name that in CAMBIATA_FONTS"


@dataclass(frozen=True)
class Preset:
    """One instrument of a sound font."""

    program: int  # of General MIDI
    name: str  # in the font
    # Usable pitches: piano keys at most an octave outside of where the preset's samples meet, or
    # of the root key where one sample is all there is.
    pitches: tuple[int, ...]
    samples: tuple[str, ...]  # names of its samples

    @property
    def lowest(self) -> int:
        """Lowest usable pitch."""
        return self.pitches[0]

    @property
    def highest(self) -> int:
        """Highest usable pitch."""
        return self.pitches[-1]


class SoundFont:
    """A sound font's table of contents."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise InputError(str(path), "no such file", "check the path")
        if not self.path.is_file() or not os.access(self.path, os.R_OK):
            raise InputError(str(path), "is not a readable file", "name an .sf2 or .sf3 file")
        self.source = identify_source(path)
        try:
            self.presets = {
                preset.program: preset for preset in _read_presets(_read_hydra(self.path))
            }
        except (struct.error, KeyError, IndexError, ValueError, EOFError) as error:
            raise InputError(
                str(path), "is not a whole sound font", "name an intact .sf2 or .sf3 file"
            ) from error
        if not self.presets:
            raise InputError(str(path), "holds no instrument in bank 0", "name another font")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def preset(self, program: int) -> Preset:
        """The preset of a program."""
        if program not in self.presets:
            raise InputError(
                self.source.name, f"has no program {program}", "choose a program it has"
            )
        return self.presets[program]


class Renderer:
    """Sound of a font by FluidSynth, in floats: without reverb, chorus or limiting.

    Every sound gets a synthesizer of its own (1 ms), and all of them the font: FluidSynth's voices
    begin with what their last note left in them, so that one used for several sounds would not
    give the same samples for the same notes.
    """

    def __init__(self, font: SoundFont, sample_rate: int = RENDER_RATE_HZ) -> None:
        fluidsynth = fluidsynth_bindings()
        self.font, self.sample_rate = font, sample_rate
        self._library = fluidsynth
        self._functions = {
            name: fluidsynth.cfunc(
                name, result, *((argument, kind, 1) for argument, kind in arguments)
            )
            for name, (result, *arguments) in _FUNCTIONS.items()
        }
        # Its warnings are of presets that a font lacks: we play none of those.
        self._call("fluid_set_log_function", _WARNINGS, None, None)
        self._owner = fluidsynth.Synth(channels=_CHANNELS)
        number = self._owner.sfload(os.fspath(font.path))
        if number < 0:
            self.close()
            raise InputError(str(font.path), "FluidSynth cannot load it", "name an intact font")
        self._samples = self._call("fluid_synth_get_sfont_by_id", self._owner.synth, number)

    def close(self) -> None:
        """Give the font's memory back."""
        self._owner.delete()

    def __enter__(self) -> "Renderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def render(
        self, notes: Iterable[Note], program: int, duration_s: float, *, bank: int = 0
    ) -> Samples:
        """Notes played by a program, [2, T]; bank 128 has the kits of drums.

        Events take effect at FluidSynth's own block boundaries, at most 64 samples (1.5 ms at
        44.1 kHz) late. What still sounds at the end is cut.
        """
        if bank == 0:
            self.font.preset(program)
        with self._synthesizer() as synth:
            number = self._call("fluid_synth_add_sfont", synth.synth, self._samples)
            if synth.program_select(0, number, bank, program) != 0:
                raise InputError(
                    str(self.font.path), f"FluidSynth cannot play program {program}", "play another"
                )
            return self._synthesize(synth, notes, round(duration_s * self.sample_rate))

    @contextmanager
    def _synthesizer(self) -> Iterator[Any]:
        synth = self._library.Synth(
            gain=_GAIN, samplerate=float(self.sample_rate), channels=_CHANNELS, **_SETTINGS
        )
        try:
            yield synth
        finally:
            # No voice may hold a sample, nor the synthesizer the font, when it is deleted.
            synth.all_sounds_off(0)
            self._write_samples(synth, _SETTLING_SAMPLES)
            self._call("fluid_synth_remove_sfont", synth.synth, self._samples)
            synth.delete()

    def _synthesize(self, synth: Any, notes: Iterable[Note], n_samples: int) -> Samples:
        pieces, position = [], 0
        for onset, note, begins in self._events(notes):
            if onset >= n_samples:
                break
            pieces.append(self._write_samples(synth, onset - position))
            position = onset
            if begins:
                synth.noteon(0, note.pitch, note.velocity)
            else:
                synth.noteoff(0, note.pitch)
        pieces.append(self._write_samples(synth, n_samples - position))
        return np.concatenate(pieces, axis=1)

    def _events(self, notes: Iterable[Note]) -> Iterator[tuple[int, Note, bool]]:
        events = []
        for note in notes:
            start = round(note.start_s * self.sample_rate)
            end = max(start + _BLOCK_SAMPLES, round(note.end_s * self.sample_rate))
            events += [(start, True, note), (end, False, note)]
        # At the same time, ends come before beginnings.
        for when, begins, note in sorted(events):
            yield when, note, begins

    def _write_samples(self, synth: Any, n_samples: int) -> Samples:
        out = np.zeros((2, n_samples), np.float32)
        left, right = (channel.ctypes.data_as(ctypes.c_void_p) for channel in out)
        self._call("fluid_synth_write_float", synth.synth, n_samples, left, 0, 1, right, 0, 1)
        return out

    def _call(self, function: str, *arguments: Any) -> Any:
        return self._functions[function](*arguments)


# Reverb and chorus would blur notes into one another; 512 voices, so that none is stolen.
_SETTINGS = {"synth.reverb.active": 0, "synth.chorus.active": 0, "synth.polyphony": 512}
_CHANNELS = 16  # the fewest that FluidSynth takes; one is used
_WARNINGS = 2  # FluidSynth's number for them
# What pyfluidsynth does not pass on: result, then arguments.
_FUNCTIONS: dict[str, tuple[Any, *tuple[tuple[str, Any], ...]]] = {
    "fluid_synth_write_float": (
        ctypes.c_int,
        ("synth", ctypes.c_void_p),
        ("len", ctypes.c_int),
        ("lout", ctypes.c_void_p),
        ("loff", ctypes.c_int),
        ("lincr", ctypes.c_int),
        ("rout", ctypes.c_void_p),
        ("roff", ctypes.c_int),
        ("rincr", ctypes.c_int),
    ),
    "fluid_synth_get_sfont_by_id": (
        ctypes.c_void_p,
        ("synth", ctypes.c_void_p),
        ("id", ctypes.c_int),
    ),
    "fluid_synth_add_sfont": (
        ctypes.c_int,
        ("synth", ctypes.c_void_p),
        ("sfont", ctypes.c_void_p),
    ),
    "fluid_synth_remove_sfont": (
        ctypes.c_int,
        ("synth", ctypes.c_void_p),
        ("sfont", ctypes.c_void_p),
    ),
    "fluid_set_log_function": (
        ctypes.c_void_p,
        ("level", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
    ),
}


def fluidsynth_bindings() -> Any:
    """The module pyfluidsynth, imported in silence."""
    try:
        # Where CI is set in the environment it prints which library it found.
        with redirect_stdout(io.StringIO()):
            import fluidsynth
    except ModuleNotFoundError as error:
        raise InputError(
            "sound fonts", "pyfluidsynth is not installed", 'pip install "cambiata[train]"'
        ) from error
    except ImportError as error:  # its own words for a missing shared library
        raise InputError(
            "sound fonts",
            "FluidSynth's library is not installed",
            "apt-get install libfluidsynth3 (macOS: brew install fluid-synth)",
        ) from error
    return fluidsynth


# --- the "hydra" of a sound font: its lists of presets, instruments, zones and samples ----------

# Generators and record layouts of SoundFont 2.04, sections 8.1.2 and 7.
_KEY_RANGE, _INSTRUMENT, _SAMPLE, _ROOT_KEY = 43, 41, 53, 58
_MIDDLE_C = 60
_RECORDS = {
    "phdr": "<20sHHHIII",
    "pbag": "<HH",
    "pgen": "<HH",
    "inst": "<20sH",
    "ibag": "<HH",
    "igen": "<HH",
    "shdr": "<20sIIIIIBbHH",
}
Hydra = dict[str, list[tuple[Any, ...]]]


def _read_hydra(path: Path) -> Hydra:
    """The records of the font's last list, "pdta" (SoundFont 2.04, section 7)."""
    records: Hydra = {}
    size = path.stat().st_size
    with path.open("rb") as file:
        riff, _length, kind = struct.unpack("<4sI4s", file.read(12))
        if (riff, kind) != (b"RIFF", b"sfbk"):
            raise ValueError("no sound font")
        while header := file.read(8):
            name, length = struct.unpack("<4sI", header)
            end = file.tell() + length
            if end > size:
                raise EOFError("truncated")
            if name == b"LIST" and file.read(4) == b"pdta":
                records = dict(_iterate_chunks(file.read(length - 4)))
                break
            # RIFF pads odd chunks with a zero; MuseScore's .sf3 writer does not.
            file.seek(end)
            if length & 1 and file.read(1) != b"\0":
                file.seek(end)
    if set(_RECORDS) - set(records):
        raise ValueError("lists are missing")
    return records


def _iterate_chunks(data: bytes) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    at = 0
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        layout = _RECORDS.get(name.decode("latin-1"))
        if layout:
            yield name.decode(), list(struct.iter_unpack(layout, data[at + 8 : at + 8 + length]))
        at += 8 + length + (length & 1)


def _iterate_zones(
    hydra: Hydra, first: int, last: int, bags: str, gens: str
) -> Iterator[dict[int, int]]:
    """Generators of each zone, the global zone's (one without a target) under them."""
    target = _INSTRUMENT if gens == "pgen" else _SAMPLE
    common: dict[int, int] = {}
    for bag in range(first, last):
        begin, end = hydra[bags][bag][0], hydra[bags][bag + 1][0]
        zone: dict[int, int] = dict(hydra[gens][begin:end])
        if target in zone:
            yield common | zone
        elif bag == first:
            common = zone


def _read_presets(hydra: Hydra) -> Iterator[Preset]:
    headers = hydra["phdr"]
    for header, following in pairwise(headers):
        name, program, bank, first = header[:4]
        if bank != 0:
            continue
        ranges: list[tuple[int, int]] = []
        samples: set[str] = set()
        root: int = _MIDDLE_C
        for outer in _iterate_zones(hydra, first, following[3], "pbag", "pgen"):
            instrument = outer[_INSTRUMENT]
            bags = hydra["inst"][instrument][1], hydra["inst"][instrument + 1][1]
            for inner in _iterate_zones(hydra, *bags, "ibag", "igen"):
                sample = hydra["shdr"][inner[_SAMPLE]]
                low = max(_key_range(outer)[0], _key_range(inner)[0])
                high = min(_key_range(outer)[1], _key_range(inner)[1])
                if low <= high:
                    ranges.append((low, high))
                    samples.add(_decode_name(sample[0]))
                    root = inner[_ROOT_KEY] if _ROOT_KEY in inner else sample[6]
        pitches = tuple(key for key in _usable_keys(ranges, root) if key in PIANO_KEYS)
        if pitches:
            yield Preset(program, _decode_name(name), pitches, tuple(sorted(samples)))


def _key_range(zone: dict[int, int]) -> tuple[int, int]:
    packed = zone.get(_KEY_RANGE, 127 << 8)
    return packed & 255, packed >> 8


def _usable_keys(ranges: list[tuple[int, int]], root: int) -> range:
    """Keys at most an octave outside of where samples meet, or of a lone sample's root.

    The outermost samples of most fonts cover all keys that are left. Root keys would tell how far
    that is too far, but old fonts give them for another sample rate than they state.
    """
    if not ranges:
        return range(0)
    bottom, top = min(ranges)[0], max(high for _, high in ranges)
    first_edge = min(high for low, high in ranges if low == bottom)
    last_edge = max(low for low, high in ranges if high == top)
    if first_edge == top or last_edge == bottom:  # one sample for all keys
        root = root if bottom <= root <= top and root <= 127 else _MIDDLE_C
        first_edge = last_edge = root
    lowest = max(bottom, first_edge - MAX_STRETCH_SEMITONES)
    highest = min(top, last_edge + MAX_STRETCH_SEMITONES)
    return range(lowest, highest + 1)


def _decode_name(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("latin-1").strip()
