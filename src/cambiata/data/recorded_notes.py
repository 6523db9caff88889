"""Banks made of recorded single notes, whose pitches file names or an .sfz key map tell."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import load
from cambiata.audio.source import SOUND_SUFFIXES, resample
from cambiata.data.bank import N_HOLD, TRAILING_DB, Bank, BankedNote
from cambiata.data.bank_writing import SILENCE_AMPLITUDE, BankWriter, find_onset, trim_note
from cambiata.data.soundfont import PIANO_KEYS, RENDER_RATE_HZ, SoundSource
from cambiata.errors import InputError, warn

_ONSET_DB = -40.0  # below the peak: before a note recordings have the noise of a room
# Time in which a note let go falls by 80 dB: a recording of one that rings out does not tell.
_RELEASE_S = 0.3
# Semitones that the outermost notes are transposed beyond: further, formants that move along would
# make another instrument of them. Chosen, not measured.
_MAX_SHIFT_SEMITONES = 3
# Velocities of the softest and the loudest level recorded, those that most scores lie between; and
# of a single level.
_VELOCITY_RANGE, _ONE_VELOCITY = (40, 120), 80
_NOTE_NAME = re.compile(r"(?<![A-Za-z])([A-G])(#|s|b)?(-?\d)(?!\d)")  # C4, Fs3, Bb-1
_NOTE_NUMBER = re.compile(r"(?<!\d)(\d{2,3})(?!\d)")
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "s": 1, "b": -1, None: 0}
_SFZ_KEY = r"(\d+|[a-g][#b]?-?\d)"  # as .sfz writes it
_LAYER = re.compile(r"(?:LEVEL|[vV]el|v)(\d+)", re.ASCII)


def parse_pitch(name: str) -> int | None:
    """Pitch in the file name of a recorded note, as a name (C#4) or a number; the last counts."""
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
    files = sorted(path for path in place.iterdir() if path.suffix.lower() in SOUND_SUFFIXES)
    keymap = _read_keymap(place)
    writer = BankWriter(
        Path(folder),
        source,
        _digest_names(files),
        [{"program": 0, "name": place.name, "samples": [path.name for path in files]}],
        (),
    )
    missing = writer.find_missing(force=force)
    if missing:
        recorded = _read_recordings(files, keymap)
        if not recorded:
            raise InputError(
                str(recordings),
                "holds no usable note",
                "name files by pitch (C4.wav), or add an .sfz key map",
            )
        writer.start(missing)
        writer.store(0, fill_pitches(recorded, -TRAILING_DB / _RELEASE_S))
    return writer.finish()


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
                number = int(key) if key.isdecimal() else parse_pitch(key.capitalize())
                if number is not None:
                    stem = re.split(r"[\\/]", sample.group(1))[-1].rpartition(".")[0]
                    pitches[stem] = number
    return pitches


def _read_recordings(files: list[Path], keymap: dict[str, int]) -> list[tuple[int, int, Samples]]:
    """Pitch, level and sound of each file that can be used; the others are named."""
    notes, skipped = [], []
    mapped = any(path.stem in keymap for path in files)
    for path in files:
        # A key map that names these files is more reliable than their names.
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
        elif np.abs(sound).max() < SILENCE_AMPLITUDE:
            skipped.append(f"{path.name}: is silent")
        else:
            trimmed = trim_note(sound, find_onset(sound, _ONSET_DB))
            # Twice the length, since what is transposed upwards gets shorter.
            notes.append((pitch, int(level.group(1)) if level else 0, trimmed[: 2 * N_HOLD].copy()))
    if skipped:
        warn(f"{len(skipped)} of {len(files)} files not used: " + "; ".join(skipped[:5]))
    return notes


def fill_pitches(
    recorded: list[tuple[int, int, Samples]], release_db_s: float
) -> Iterator[BankedNote]:
    """Notes of all pitches: each resampled from the nearest (pitch, level, sound) there is."""
    levels = sorted({level for _, level, _ in recorded})
    # In equal steps over the velocities that scores use.
    velocities = np.array([_ONE_VELOCITY])
    if len(levels) > 1:
        velocities = np.linspace(*_VELOCITY_RANGE, len(levels)).round()
    pitches = [pitch for pitch, _, _ in recorded]
    lowest, highest = min(pitches) - _MAX_SHIFT_SEMITONES, max(pitches) + _MAX_SHIFT_SEMITONES
    for pitch in (pitch for pitch in PIANO_KEYS if lowest <= pitch <= highest):
        for level, velocity in zip(levels, velocities, strict=True):
            nearest = min(
                (note for note in recorded if note[1] == level), key=lambda n: abs(n[0] - pitch)
            )
            ratio = 2 ** ((pitch - nearest[0]) / 12)
            # More than is needed, since the resampler's filter spoils the end.
            sound = nearest[2][: round(1.1 * N_HOLD * ratio)]
            sound = resample(sound, RENDER_RATE_HZ * ratio, RENDER_RATE_HZ)[:N_HOLD]
            yield BankedNote(pitch, int(velocity), sound, release_db_s)
