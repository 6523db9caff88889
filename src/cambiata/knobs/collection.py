"""The sounds of a set: opened, checked, and measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.audio.writing import FORMATS
from cambiata.errors import InputError, check_type, warn
from cambiata.instrument.collection import open_notes
from cambiata.instrument.looping import DEFAULT_RELEASE_DB_S, held_until, release_db_s
from cambiata.instrument.note_model import model_note
from cambiata.instrument.pitch import refine_pitch
from cambiata.instrument.played import PlayedNote, play_notes
from cambiata.instrument.recorded import find_onset, is_decaying, is_one_note
from cambiata.knobs.analysis import NoteMeasures, measure_sound
from cambiata.knobs.parameters import Array
from cambiata.named_timbres.named import stands_for_file
from cambiata.style import open_style
from cambiata.system import Progress
from cambiata.timbre import SUFFIX, Timbre, capture_timbre

SetKind = Literal["auto", "notes", "phrases"]
Sound = str | Path | Audio | Timbre

LEAST_SOUNDS = 3
_MOST_SOUNDS = 1000  # 100 MB of measures, and an afternoon
# Of a note: what is measured of it lies within. Of an instrument's notes so many, spread over all.
_LONGEST_S, _MOST_NOTES = 4.0, 6
# A timbre is told of three of its pitches: all but the extremes, which it may play badly.
_PITCH_SHARES = (0.2, 0.5, 0.8)
_LOWEST_PLAYED, _HIGHEST_PLAYED = 33, 93
_PLAYED_VELOCITY, _HOLD_S, _RATE_HZ = 96, 1.5, 44100
_SAME_SEMITONES = 0.6  # a pitch measured further away is not the one that was played


@dataclass(frozen=True, eq=False)
class MeasuredSound:
    """A sound of a set."""

    name: str
    parameters: Array  # [N_PARAMETERS]
    pitches: tuple[float, ...]  # of the notes that were measured


def open_set(
    sounds: str | Path | Sequence[Sound],
    kind: SetKind = "auto",
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> list[MeasuredSound]:
    """All sounds that can be used; a warning tells of each that cannot, unless `strict`."""
    if kind not in get_args(SetKind):
        raise InputError(f"kind {kind}", "is unknown", "use auto, notes or phrases")
    members, subject = _members(sounds)
    found = []
    for i, (name, member) in enumerate(members):
        try:
            found.append(_measured(name, member, kind, strict=strict))
        except InputError as error:
            if strict or not members[1:]:
                raise
            warn(f"{error.subject}: {error.problem}, and is left out")
        if progress is not None:
            progress((i + 1) / len(members))
    if len(found) < LEAST_SOUNDS:
        problem = f"has {len(found) or 'no'} sound{'s' * (len(found) != 1)} that can be used"
        raise InputError(subject, problem, f"give {LEAST_SOUNDS} or more, that differ")
    return found


def _members(sounds: str | Path | Sequence[Sound]) -> tuple[list[tuple[str, object]], str]:
    """Names of the sounds and what each is of: a file, a folder of its notes, a sound."""
    if isinstance(sounds, str | Path):
        folder = Path(sounds)
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "no such folder"
            raise InputError(str(sounds), problem, "name a folder of sounds")
        entries = sorted(each for each in folder.iterdir() if _is_member(each))
        if not entries:
            cure = "name a folder of recordings or .timbre files"
            raise InputError(str(sounds), "holds no sounds", cure)
        members: list[object] = list(entries)
        subject = str(sounds)
    else:
        takes = "a folder, or files, sounds and timbres"
        check_type("sounds", sounds, Sequence, takes)
        for each in sounds:
            check_type("sounds", each, str | Path | Audio | Timbre, takes)
        members, subject = list(sounds), "sounds"
    if len(members) > _MOST_SOUNDS:
        raise InputError(subject, f"are {len(members)}", f"give {_MOST_SOUNDS} at most")
    names = [_name(each) for each in members]
    # Files that differ by their extensions alone are called by all of it.
    names = [
        Path(str(each)).name if names.count(name) > 1 and isinstance(each, str | Path) else name
        for name, each in zip(names, members, strict=True)
    ]
    return list(zip(names, members, strict=True)), subject


def _is_member(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return any(True for _ in _recordings(path))
    return path.suffix.lower() in (*FORMATS, SUFFIX)


def _recordings(folder: Path) -> Iterator[Path]:
    return (each for each in sorted(folder.iterdir()) if each.suffix.lower() in FORMATS)


def _name(member: object) -> str:
    name = member.name if isinstance(member, Audio | Timbre) else str(member)
    path = Path(name)
    return path.stem if path.suffix.lower() in (*FORMATS, SUFFIX) else path.name


def _measured(name: str, member: object, kind: SetKind, *, strict: bool) -> MeasuredSound:
    """A sound of the set, opened as what it is."""
    opened: Audio | Timbre
    if isinstance(member, Audio | Timbre):
        opened = member
    elif Path(str(member)).is_dir() and stands_for_file(str(member)):
        sounds = [replace(load(p, strict=strict), name=str(p)) for p in _recordings(Path(member))]  # type: ignore[arg-type]
        return _of_notes(name, sounds)
    elif Path(str(member)).suffix == SUFFIX or not stands_for_file(str(member)):
        style = open_style(str(member), strict=strict)
        opened = style if isinstance(style, Timbre) else capture_timbre([str(member)])
    else:
        opened = replace(load(str(member), strict=strict), name=str(member))
    if isinstance(opened, Timbre):
        return _of_timbre(name, opened)
    if kind == "notes" or (kind == "auto" and is_one_note(opened)):
        return _of_notes(name, [opened])
    return _of_timbre(name, _captured(opened))


def _of_notes(name: str, sounds: Sequence[Audio]) -> MeasuredSound:
    """A sound of which single notes were recorded."""
    chosen = np.unique(np.linspace(0, len(sounds) - 1, min(len(sounds), _MOST_NOTES)).astype(int))
    notes, _ = open_notes([_beginning(sounds[i]) for i in chosen])
    measures = []
    for note in notes:
        model = note.source.model
        held = held_until(note.samples, model.sample_rate, decays=note.source.decays)
        release = DEFAULT_RELEASE_DB_S
        if not note.source.decays:
            release = release_db_s(note.samples, model.sample_rate, held)
        measures.append(NoteMeasures(model, (held - model.onset) / model.sample_rate, release))
    pitches = tuple(note.source.model.midi for note in notes)
    return MeasuredSound(name, measure_sound(measures).vector(), pitches)


def _beginning(sound: Audio) -> Audio:
    """The first seconds of a note, from shortly before it begins; silence as it is."""
    samples = sound.mono().samples[0]
    if np.abs(samples).max(initial=0.0):
        first = max(0, find_onset(samples) - sound.sample_rate // 50)
        samples = samples[first : first + round(_LONGEST_S * sound.sample_rate)]
    return replace(sound, samples=samples)


def _captured(sound: Audio) -> Timbre:
    """Timbre of a phrase; refused where there is no pitch."""
    timbre = capture_timbre([sound])
    return replace(timbre, name=sound.name)


def _of_timbre(name: str, timbre: Timbre) -> MeasuredSound:
    """A timbre, played at three of its pitches."""
    known = [arrays.get("pitches") for _, arrays in timbre.voices]
    pitches = np.concatenate([np.zeros(0), *(p for p in known if p is not None)])
    if not len(pitches):
        raise InputError(timbre.name, "has no pitch", "leave it out")
    keys = np.clip(np.quantile(pitches, _PITCH_SHARES), _LOWEST_PLAYED, _HIGHEST_PLAYED)
    places = [(int(key), _PLAYED_VELOCITY) for key in sorted({round(key) for key in keys})]
    notes, rate = play_notes(timbre, places, _HOLD_S)
    measures = [measured for note in notes if (measured := _played(note, rate)) is not None]
    if not measures:
        raise InputError(timbre.name, "plays no note", "leave it out")
    found = tuple(each.model.midi for each in measures)
    return MeasuredSound(name, measure_sound(measures).vector(), found)


def _played(note: PlayedNote, rate: int) -> NoteMeasures | None:
    samples: Samples = note.samples
    held = samples[: note.held]
    if not np.abs(held).max(initial=0.0):
        return None
    onset = find_onset(held)
    midi = refine_pitch(held[onset:], rate, float(note.key))
    if abs(midi - note.key) > _SAME_SEMITONES:
        midi = float(note.key)
    model = model_note(samples, rate, midi, onset)
    decays = is_decaying(held, rate)
    release = DEFAULT_RELEASE_DB_S if decays else release_db_s(samples, rate, note.held)
    return NoteMeasures(model, (note.held - onset) / rate, release)
