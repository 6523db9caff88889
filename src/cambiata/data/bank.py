"""Banks: every note of an instrument as a sound, so that any score is played by adding them up.

A bank is a folder: ``bank.json`` says where its sounds come from, and each instrument has its
notes one after another in ``NNN.npy`` (int16, each note scaled to full range) and their table in
``NNN.notes.npy``. Both are mapped into memory, so a bank larger than memory is no trouble.
"""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.sound import FORMATS, load, resample
from cambiata.data.soundfont import (
    KNOWN_FONTS,
    MELODIC_PROGRAMS,
    PIANO_KEYS,
    RENDER_RATE_HZ,
    Preset,
    Renderer,
    SoundFont,
    SoundSource,
    Use,
    find_font,
    identify_source,
)
from cambiata.errors import CambiataWarning, InputError
from cambiata.score.midi import Note
from cambiata.system import Progress

HOLD_S = 3.0
VELOCITIES = (40, 80, 120)
BANK_FOLDER = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "cambiata" / "bank"

_VERSION = 2
_SILENCE_AMPLITUDE = 10 ** (-70 / 20)
# Where a note begins to sound, below its peak: fonts have digital silence before it, recordings
# the noise of a room.
_FONT_ONSET_DB, _RECORDING_ONSET_DB = -60.0, -40.0
_ATTACK_DB = -40.0  # below the peak of the 50 ms after it
_TRAILING_DB = -80.0
_N_HOLD = round(HOLD_S * RENDER_RATE_HZ)
_LEAD_S = 0.25  # most samples begin to sound within it
_FASTEST_RELEASE_DB_S = 6000.0
_RECORDED_RELEASE_S = 0.3
_MAX_SHIFT_SEMITONES = 3  # semitones that a recorded note is transposed past the outermost
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
class BankedNote:
    """A note as a bank holds it: held down all the time, beginning where it begins to sound."""

    pitch: int  # MIDI number
    velocity: int  # Velocity at which it was rendered, or the level of a recording
    samples: Samples  # Mono sound [T] at the bank's rate
    # How fast it decays once it is let go, in dB a second, beyond its own decay
    release_db_s: float


class Instrument:
    """One instrument of a bank."""

    def __init__(self, folder: Path, source: SoundSource, facts: dict[str, Any]) -> None:
        self._folder, self.source = folder, source
        self.program, self.name = int(facts["program"]), str(facts["name"])

    @property
    def label(self) -> str:
        """What to call it in a table."""
        return f"{self.source.name}: {self.name} (program {self.program})"

    @cached_property
    def _sound(self) -> npt.NDArray[np.int16]:
        return cast(
            "npt.NDArray[np.int16]", np.load(self._folder / f"{self.program:03}.npy", mmap_mode="r")
        )

    @cached_property
    def table(self) -> npt.NDArray[Any]:
        """Its notes: pitch, velocity, level in dB, release in dB/s, and where they lie."""
        return cast("npt.NDArray[Any]", np.load(self._folder / f"{self.program:03}.notes.npy"))

    @cached_property
    def pitches(self) -> tuple[int, ...]:
        """Pitches that it holds, ascending."""
        return tuple(int(pitch) for pitch in np.unique(self.table["pitch"]))

    @cached_property
    def _table_by_pitch(self) -> dict[int, npt.NDArray[Any]]:
        return {pitch: self.table[self.table["pitch"] == pitch] for pitch in self.pitches}

    def sustained(self, pitch: int, velocity: int, n_samples: int | None = None) -> BankedNote:
        """A note held down as long as the bank has it.

        The layer rendered at the nearest velocity is taken, at a level interpolated between the
        layers' own; softer than the softest and louder than the loudest it does not get.
        """
        if pitch not in self._table_by_pitch:
            raise InputError(self.label, f"has no pitch {pitch}", "keep to its range")
        layers = self._table_by_pitch[pitch]
        nearest = layers[np.argmin(np.abs(layers["velocity"] - velocity))]
        # Over the logarithm of velocity levels are a straight line: that of SoundFont's own curve.
        level_db = np.interp(np.log(velocity), np.log(layers["velocity"]), layers["level_db"])
        gain = nearest["scale"] * 10 ** ((level_db - nearest["level_db"]) / 20)
        length = nearest["length"] if n_samples is None else min(nearest["length"], n_samples)
        sound = self._sound[nearest["start"] : nearest["start"] + length]
        samples = sound.astype(np.float32) * np.float32(gain)
        return BankedNote(pitch, velocity, samples, float(nearest["release_db_s"]))

    def play(self, notes: Iterable[Note], n_samples: int) -> Samples:
        """Notes played by the instrument.

        returns [T].
        """
        out = np.zeros(n_samples, np.float32)
        for _, start, sound in self.sounds(notes, n_samples):
            out[start : start + len(sound)] += sound
        return out

    def sounds(self, notes: Iterable[Note], n_samples: int) -> Iterator[tuple[Note, int, Samples]]:
        """The sound of each note alone.

        yields [T].
        """
        for note in notes:
            start = round(note.start_s * RENDER_RATE_HZ)
            n_available = n_samples - start
            if n_available > 0:
                sustained = self.sustained(note.pitch, note.velocity, n_available)
                yield note, start, _release(sustained, note.duration_s, n_available)


class Bank:
    """A folder of instruments, as `build_from_font` or `build_from_recordings` made it."""

    def __init__(self, folder: str | Path, only: Collection[int] | None = None) -> None:
        self.folder = Path(folder)
        try:
            facts = json.loads((self.folder / "bank.json").read_text())
            version, complete = facts.get("version"), facts.get("complete")
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(
                str(folder), "is no bank", "make one: cambiata data bank FONT"
            ) from error
        programs = _programs(facts) - set(facts.get("silent", ())) if version == _VERSION else set()
        if not complete or not programs or not all(_is_stored(self.folder, p) for p in programs):
            raise InputError(
                str(folder), "is not whole or of another version", "make it again: --force"
            )
        self.source = SoundSource(**facts["source"])
        self.facts = facts
        self.instruments = tuple(
            Instrument(self.folder, self.source, each)
            for each in facts["instruments"]
            if each["program"] in programs and (only is None or each["program"] in only)
        )

    def instrument(self, program: int) -> Instrument:
        """The instrument of a program."""
        for instrument in self.instruments:
            if instrument.program == program:
                return instrument
        raise InputError(str(self.folder), f"has no program {program}", "choose one it has")


def _programs(facts: dict[str, Any]) -> set[int]:
    return {int(each["program"]) for each in facts["instruments"]}


def _is_stored(folder: Path, program: int) -> bool:
    return all((folder / f"{program:03}{end}").exists() for end in (".npy", ".notes.npy"))


# --- playing --------------------------------------------------------------------------------------


def _release(sustained: BankedNote, duration_s: float, n_available: int) -> Samples:
    """A held note let go after a time: its own decay goes on under the release's."""
    n_held = min(round(duration_s * RENDER_RATE_HZ), n_available)
    n_release = round(-_TRAILING_DB / max(sustained.release_db_s, 1.0) * RENDER_RATE_HZ)
    n_samples = min(n_held + n_release, n_available)
    samples = sustained.samples
    # A note shorter than all others had decayed before they were let go.
    if len(samples) < n_samples and len(samples) >= _N_HOLD:
        samples = _extend(samples, n_samples)
    samples = samples[:n_samples]
    tail = samples[n_held:]
    if len(tail):
        slope = np.float32(-sustained.release_db_s / 20 * np.log(10) / RENDER_RATE_HZ)
        tail *= np.exp(slope * np.arange(len(tail), dtype=np.float32))
    return samples


def _extend(samples: Samples, n_samples: int) -> Samples:
    """A sound that goes on: its last second again and again, overlapped by a tenth of one."""
    loop, overlap = RENDER_RATE_HZ, RENDER_RATE_HZ // 10
    fade = np.linspace(0, 1, overlap, dtype=np.float32)
    loop_samples = samples[-loop:].copy()
    # Keep to the trend: a string still decaying goes on doing so.
    before, after = (np.sqrt(np.mean(half**2) + 1e-20) for half in np.split(loop_samples, 2))
    trend = np.float32(min(1.0, after / before) ** 2)
    out, gain = samples, np.float32(1.0)
    while len(out) < n_samples:
        gain *= trend
        piece = loop_samples * gain
        joint = out[-overlap:] * (1 - fade) + piece[:overlap] * fade
        out = np.concatenate([out[:-overlap], joint, piece[overlap:]])
    return out


# --- making ---------------------------------------------------------------------------------------


def build_bank(
    source: str | Path,
    folder: str | Path | None = None,
    *,
    programs: Sequence[int] | None = None,
    velocities: Sequence[int] | None = None,
    licence: str = "unknown: the user's own",
    use: Use = "train",
    n_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Bank:
    """Bank of a sound font, of a folder of recorded notes, or of computed pianos."""
    if Path(source).is_dir():
        if programs or velocities:
            raise InputError(str(source), "is a folder of recordings", "leave programs out")
        place = Path(source).resolve()
        provenance = SoundSource(place.name, licence, use)
        return build_from_recordings(
            place, folder or BANK_FOLDER / provenance.name, provenance, force=force
        )
    if str(source) == "procedural-pianos":
        from cambiata.data.procedural import build_pianos

        if programs or velocities:
            raise InputError(str(source), "are always the same", "leave programs out")
        return build_pianos(folder, n_workers=n_workers or 2, force=force, progress=progress)
    font = find_font(str(source))
    known = identify_source(font)
    if known not in KNOWN_FONTS.values():
        known = replace(known, licence=licence, use=use)
    return build_from_font(
        font,
        folder or BANK_FOLDER / known.name,
        source=known,
        programs=programs,
        velocities=velocities or VELOCITIES,
        n_workers=n_workers,
        force=force,
        progress=progress,
    )


def build_from_font(
    font: str | Path,
    folder: str | Path,
    *,
    programs: Sequence[int] | None = None,
    velocities: Sequence[int] = VELOCITIES,
    source: SoundSource | None = None,
    n_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Bank:
    """Bank of a sound font's melodic programs, rendered note by note.

    An unfinished build goes on where it stopped; a finished one of the same font and settings is
    returned as it is. Notes that the font renders silent are left out.
    """
    sound_font = SoundFont(font)
    chosen = [sound_font.preset(program) for program in programs or ()] or [
        sound_font.presets[p] for p in MELODIC_PROGRAMS if p in sound_font.presets
    ]
    if not chosen:
        raise InputError(str(font), "has no melodic program", "name --programs, or another font")
    _check_velocities(velocities)
    facts = _manifest(
        source or sound_font.source,
        sound_font.digest,
        [{"program": p.program, "name": p.name, "samples": p.samples} for p in chosen],
        velocities,
    )
    place = Path(folder)
    missing = _missing_programs(place, facts, force)
    if missing:
        # What FluidSynth refuses is refused here, before anything is written.
        with Renderer(sound_font) as renderer:
            _start(place, facts, missing)
            todo = [preset for preset in chosen if preset.program in missing]
            n_workers = min(n_workers or os.cpu_count() or 1, len(todo))
            render = partial(_render_program, place, tuple(velocities))
            for done, _ in enumerate(_render_each(render, renderer, todo, n_workers), 1):
                if progress:
                    progress(done / len(todo))
    return _finish(place, facts)


@dataclass(frozen=True)
class BankWriter:
    """A bank being made by instruments of one's own."""

    folder: Path  # Where
    source: SoundSource  # Where its sounds come from
    digest: str  # What tells one make from another
    instruments: list[dict[str, Any]]  # "program", "name" and "samples" of each
    velocities: tuple[int, ...]  # That every note has

    @property
    def _manifest(self) -> dict[str, Any]:
        return _manifest(self.source, self.digest, self.instruments, self.velocities)

    def begin(self, *, force: bool = False) -> set[int]:
        """Say what the bank will be."""
        missing = _missing_programs(self.folder, self._manifest, force)
        if missing:
            _start(self.folder, self._manifest, missing)
        return missing

    def store(self, program: int, notes: Iterable[BankedNote]) -> int:
        """Keep the notes of one instrument."""
        return _store(self.folder, program, notes)

    def finish(self) -> Bank:
        """The bank, when every instrument is stored."""
        return _finish(self.folder, self._manifest)


def _check_velocities(velocities: Sequence[int]) -> None:
    if not velocities or list(velocities) != sorted(set(velocities)):
        raise InputError("velocities", "must ascend", "write them like 40 80 120")
    if not 1 <= velocities[0] <= velocities[-1] <= 127:
        raise InputError("velocities", "must be 1 to 127", "write them like 40 80 120")


def _manifest(
    source: SoundSource, digest: str, instruments: list[dict[str, Any]], velocities: Sequence[int]
) -> dict[str, Any]:
    facts = {
        "version": _VERSION,
        "source": asdict(source),
        "sha256": digest,
        "sample_rate": RENDER_RATE_HZ,
        "hold_s": HOLD_S,
        "velocities": list(velocities),
        "instruments": instruments,
        "complete": False,
    }
    return cast("dict[str, Any]", json.loads(json.dumps(facts)))


def _missing_programs(folder: Path, facts: dict[str, Any], force: bool) -> set[int]:
    """Programs that are still to be made; a folder that holds something else is refused."""
    programs, found = _programs(facts), folder / "bank.json"
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "is a file", "name a folder")
    if not found.exists():
        if folder.exists() and any(folder.iterdir()):
            raise InputError(str(folder), "holds something other than a bank", "name another")
        return programs
    if force:
        return programs
    if _settings(found) != _settings(facts):
        raise InputError(
            str(folder), "holds a bank of another make", "choose another folder, or --force"
        )
    return {program for program in programs if not _is_stored(folder, program)}


def _settings(bank: Path | dict[str, Any]) -> dict[str, Any]:
    """What a bank was to be, without what came of it."""
    with suppress(ValueError, AttributeError):
        facts = json.loads(bank.read_text()) if isinstance(bank, Path) else bank
        return {key: facts[key] for key in facts.keys() - {"complete", "silent"}}
    return {}


def _start(folder: Path, facts: dict[str, Any], missing: set[int]) -> None:
    """Clear away what is to be made again, and say what the bank will be."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = _programs(facts) - missing
    for old in folder.glob("[0-9][0-9][0-9]*.npy"):
        if int(old.name[:3]) not in stored:
            old.unlink()
    _write(folder / "bank.json", json.dumps(facts, indent=1).encode())


def _finish(folder: Path, facts: dict[str, Any]) -> Bank:
    tables = {p: folder / f"{p:03}.notes.npy" for p in sorted(_programs(facts))}
    # A program may have come out silent in every note: it is none of the bank's instruments.
    silent = [program for program, table in tables.items() if not len(np.load(table))]
    if len(silent) == len(tables):
        raise InputError(facts["source"]["name"], "is silent in every program", "name another")
    manifest = json.dumps({**facts, "silent": silent, "complete": True}, indent=1).encode()
    if (folder / "bank.json").read_bytes() != manifest:
        _write(folder / "bank.json", manifest)
    return Bank(folder)


def _write(place: Path, data: bytes) -> None:
    beside = place.with_suffix(".part")
    beside.write_bytes(data)
    beside.replace(place)


def _render_each(
    render: Callable[[Renderer, Preset], int],
    renderer: Renderer,
    presets: list[Preset],
    n_workers: int,
) -> Iterator[int]:
    if n_workers == 1:
        yield from (render(renderer, preset) for preset in presets)
        return
    # Spawned, since forking a process that has threads may hang.
    with ProcessPoolExecutor(
        n_workers, get_context("spawn"), _open_renderer, (renderer.font.path,)
    ) as pool:
        yield from pool.map(partial(_render_in_worker, render), presets)


_RENDERERS: list[Renderer] = []


def _open_renderer(font: Path) -> None:
    """One renderer for all that a worker does, as loading takes time; it ends with the process."""
    _RENDERERS.append(Renderer(SoundFont(font)))


def _render_in_worker(render: Callable[[Renderer, Preset], int], preset: Preset) -> int:
    return render(_RENDERERS[0], preset)


def _render_program(
    folder: Path, velocities: tuple[int, ...], renderer: Renderer, preset: Preset
) -> int:
    return _store(folder, preset.program, _render_notes(renderer, preset, velocities))


def _render_notes(
    renderer: Renderer, preset: Preset, velocities: tuple[int, ...]
) -> Iterator[BankedNote]:
    for pitch in preset.pitches:
        release_db_s = None
        for velocity in velocities:
            sustained, first = _render_sustained(renderer, preset.program, pitch, velocity)
            if np.abs(sustained).max() < _SILENCE_AMPLITUDE:
                continue
            if release_db_s is None:  # the font's envelope: the same for all velocities
                release_db_s = _release_db_s(renderer, preset.program, pitch, velocity, sustained)
            yield BankedNote(pitch, velocity, _trim(sustained, first)[:_N_HOLD], release_db_s)


def _render_sustained(
    renderer: Renderer, program: int, pitch: int, velocity: int
) -> tuple[Samples, int]:
    """A note held down, and where it begins to sound; at least `HOLD_S` follow that."""
    note = Note(0.0, 3 * HOLD_S, pitch, velocity)
    for lead_s in (_LEAD_S, HOLD_S):
        sustained = renderer.render([note], program, HOLD_S + lead_s).mean(axis=0)
        first = _find_onset(sustained, _FONT_ONSET_DB)
        if first + _N_HOLD <= len(sustained):
            break
    return sustained, first


def _release_db_s(
    renderer: Renderer, program: int, pitch: int, velocity: int, sustained: Samples
) -> float:
    """How fast a note decays once let go, measured against the same note held.

    FluidSynth's release is a straight line in dB over the sample, which goes on. So the gain that
    turns the held note into the released one, taken over 10 ms frames, falls along that line.
    """
    let_go_s, length_s = 0.5, 1.5
    released = renderer.render([Note(0.0, let_go_s, pitch, velocity)], program, length_s).mean(
        axis=0
    )
    frame = RENDER_RATE_HZ // 100
    begin = round(let_go_s * RENDER_RATE_HZ)
    n_frames = (len(released) - begin) // frame
    after = released[begin : begin + n_frames * frame].reshape(n_frames, frame)
    before = sustained[begin : begin + n_frames * frame].reshape(n_frames, frame)
    energy = (before**2).sum(1)
    gain = np.abs((after * before).sum(1)) / (energy + 1e-20)
    usable = (energy > 1e-9 * frame) & (gain > 10 ** (-50 / 20))
    t = (np.arange(n_frames) + 0.5) * frame / RENDER_RATE_HZ
    if usable.sum() < 3:
        return _FASTEST_RELEASE_DB_S
    # Through 0 dB at the moment it is let go.
    fall = -20 * np.log10(np.minimum(gain[usable], 1.0))
    return float(np.clip((fall @ t[usable]) / (t[usable] @ t[usable]), 0, _FASTEST_RELEASE_DB_S))


def _find_onset(samples: Samples, onset_db: float) -> int:
    """Where a note begins to sound."""
    level = np.abs(samples)
    first = int(np.argmax(level >= level.max() * 10 ** (onset_db / 20)))
    # Some samples breathe for 10 ms before they are struck: the onset is where the attack is.
    attack = level[first : first + RENDER_RATE_HZ // 20]
    return first + int(np.argmax(attack >= attack.max() * 10 ** (_ATTACK_DB / 20)))


def _trim(samples: Samples, first: int) -> Samples:
    """A note from its onset to where it no longer sounds."""
    level = np.abs(samples)
    audible = np.flatnonzero(level >= level.max() * 10 ** (_TRAILING_DB / 20))
    return samples[first : audible[-1] + 1]


def _store(folder: Path, program: int, notes: Iterable[BankedNote]) -> int:
    """Write one instrument; its table last, as the sign that it is whole.

    Most instruments of most fonts have one sample for all velocities: layers that differ by their
    level alone share their sound, which more than halves a bank.
    """
    rows: list[tuple[Any, ...]] = []
    pieces: list[npt.NDArray[np.int16]] = []
    at = 0
    for note in notes:
        level_db = 10 * np.log10(np.mean(note.samples[: RENDER_RATE_HZ // 2] ** 2) + 1e-20)
        gain = _gain_from(pieces[-1], note.samples) if pieces and rows[-1][0] == note.pitch else 0.0
        if not gain:
            gain = float(np.abs(note.samples).max()) / 32767
            pieces.append(np.round(note.samples / gain).astype(np.int16))
            at += len(pieces[-1])
        length = len(pieces[-1])
        start = at - length
        rows.append((note.pitch, note.velocity, start, length, gain, level_db, note.release_db_s))
    _save(folder / f"{program:03}.npy", np.concatenate(pieces or [np.zeros(0, np.int16)]))
    _save(folder / f"{program:03}.notes.npy", np.array(rows, _NOTE))
    return len(rows)


def _gain_from(stored: npt.NDArray[np.int16], samples: Samples) -> float:
    """Factor that turns a stored sound into another, 0 where no factor does to within -40 dB."""
    n_samples = min(len(stored), len(samples))
    before = stored[:n_samples].astype(np.float32)
    after = samples[:n_samples]
    gain = float(after @ before) / (float(before @ before) + 1e-20)
    residual = after - np.float32(gain) * before
    return gain if gain > 0 and float(residual @ residual) < 1e-4 * float(after @ after) else 0.0


def _save(place: Path, array: npt.NDArray[Any]) -> None:
    beside = place.with_name(place.name + ".part")
    with beside.open("wb") as file:
        np.save(file, array)
    beside.replace(place)


# --- banks of recorded notes ----------------------------------------------------------------------

_NOTE_NAME = re.compile(r"(?<![A-Za-z])([A-G])(#|s|b)?(-?\d)(?!\d)")
_NOTE_NUMBER = re.compile(r"(?<!\d)(\d{2,3})(?!\d)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "s": 1, "b": -1, None: 0}
_SFZ_KEY = r"(\d+|[a-g][#b]?-?\d)"  # as .sfz writes it
_LAYER = re.compile(r"(?:LEVEL|[vV]el|v)(\d+)", re.ASCII)


def parse_pitch(name: str) -> int | None:
    """Pitch that the file name of a recorded note speaks of."""
    names = _NOTE_NAME.findall(name)
    if names:
        letter, accidental, octave = names[-1]
        pitch = 12 * (int(octave) + 1) + _SEMITONES[letter] + _ACCIDENTALS[accidental or None]
    else:
        pitch = int(next(reversed(_NOTE_NUMBER.findall(name)), -1))
    return pitch if 0 <= pitch <= 127 else None


def build_from_recordings(
    recordings: str | Path,
    folder: str | Path,
    source: SoundSource,
    *,
    force: bool = False,
) -> Bank:
    """Bank of one instrument from a folder of recorded single notes.

    Pitches come from an .sfz key map in the folder where there is one, else from file names
    (`parse_pitch`). Pitches between recorded ones, and up to three semitones beyond them, are
    resampled from the nearest. Levels ("LEVEL3", "v16") become velocities in equal steps.
    """
    place = Path(recordings)
    if not place.is_dir():
        raise InputError(str(recordings), "no such folder", "check the path")
    files = sorted(path for path in place.iterdir() if path.suffix.lower() in FORMATS)
    keymap = _read_keymap(place)
    facts = _manifest(
        source,
        _digest_names(files),
        [{"program": 0, "name": place.name, "samples": [path.name for path in files]}],
        [],
    )
    bank = Path(folder)
    missing = _missing_programs(bank, facts, force)
    if missing:
        recorded = _read_recordings(files, keymap)
        if not recorded:
            raise InputError(
                str(recordings),
                "holds no usable note",
                "name files by pitch (C4.wav), or add an .sfz key map",
            )
        _start(bank, facts, missing)
        _store(bank, 0, _fill_pitches(recorded))
    return _finish(bank, facts)


def _digest_names(files: list[Path]) -> str:
    text = "\n".join(f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_keymap(folder: Path) -> dict[str, int]:
    """Pitch of each sample by the folder's .sfz, by stem; extensions there may be another's."""
    pitches: dict[str, int] = {}
    for sfz in sorted(folder.glob("*.sfz")):
        text = re.sub(r"//.*", "", sfz.read_text(errors="replace"))
        for region in re.split(r"<region>", text)[1:]:
            opcodes = region.partition("<")[0]
            sample = re.search(r"(?i)\bsample=(.+?\.\w+)", opcodes)
            pitch = re.search(rf"(?i)\bpitch_keycenter={_SFZ_KEY}", opcodes) or re.search(
                rf"(?i)\bkey={_SFZ_KEY}", opcodes
            )
            if sample and pitch:
                key = pitch.group(1)
                number = int(key) if key.isdigit() else parse_pitch(key.capitalize())
                if number is not None:
                    stem = re.split(r"[\\/]", sample.group(1))[-1].rpartition(".")[0]
                    pitches[stem] = number
    return pitches


def _read_recordings(files: list[Path], keymap: dict[str, int]) -> list[tuple[int, int, Samples]]:
    """Pitch, level and sound of each file that can be used; the others are named."""
    notes, skipped = [], []
    mapped = any(path.stem in keymap for path in files)
    for path in files:
        # A key map that speaks of these files knows better than their names.
        pitch = keymap.get(path.stem) if mapped else parse_pitch(path.stem)
        level = _LAYER.search(path.stem)
        try:
            sound = load(path).mono().resampled(RENDER_RATE_HZ).samples[0]
        except InputError as error:
            skipped.append(str(error))
            continue
        if pitch is None:
            skipped.append(f"{path.name}: neither its name nor a key map tells its pitch")
        elif pitch not in PIANO_KEYS:
            skipped.append(f"{path.name}: pitch {pitch} is not a piano's")
        elif np.abs(sound).max() < _SILENCE_AMPLITUDE:
            skipped.append(f"{path.name}: is silent")
        else:
            trimmed = _trim(sound, _find_onset(sound, _RECORDING_ONSET_DB))
            # Twice the length, since what is transposed upwards gets shorter.
            notes.append(
                (pitch, int(level.group(1)) if level else 0, trimmed[: 2 * _N_HOLD].copy())
            )
    if skipped:
        warnings.warn(
            f"{len(skipped)} of {len(files)} files not used: " + "; ".join(skipped[:5]),
            CambiataWarning,
            stacklevel=3,
        )
    return notes


def _fill_pitches(recorded: list[tuple[int, int, Samples]]) -> Iterator[BankedNote]:
    levels = sorted({level for _, level, _ in recorded})
    # In equal steps over the velocities that scores use.
    velocities = np.linspace(40, 120, len(levels)).round() if len(levels) > 1 else np.array([80])
    pitches = [pitch for pitch, _, _ in recorded]
    lowest, highest = min(pitches) - _MAX_SHIFT_SEMITONES, max(pitches) + _MAX_SHIFT_SEMITONES
    for pitch in (pitch for pitch in PIANO_KEYS if lowest <= pitch <= highest):
        for level, velocity in zip(levels, velocities, strict=True):
            nearest = min(
                (note for note in recorded if note[1] == level), key=lambda n: abs(n[0] - pitch)
            )
            ratio = 2 ** ((pitch - nearest[0]) / 12)
            # More than is kept, since the resampler's filter spoils the end.
            sound = nearest[2][: round(1.1 * _N_HOLD * ratio)]
            sound = resample(sound, RENDER_RATE_HZ * ratio, RENDER_RATE_HZ)[:_N_HOLD]
            yield BankedNote(pitch, int(velocity), sound, -_TRAILING_DB / _RECORDED_RELEASE_S)
