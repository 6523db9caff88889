"""Instruments: a timbre, or recordings of single notes, in; an .sfz or .sf2 for samplers out."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from cambiata.audio.sound import Audio, AudioFile, load
from cambiata.audio.writing import FORMATS
from cambiata.errors import InputError, check_numbers, check_type, warn
from cambiata.files import (
    PICTURE,
    atomic_file,
    atomic_folder,
    check_not_input,
    check_output,
)
from cambiata.instrument.collection import note_samples, open_notes
from cambiata.instrument.picture import draw
from cambiata.instrument.places import check_places, samples_folder
from cambiata.instrument.played import play_notes, played_samples
from cambiata.instrument.recorded import is_one_note
from cambiata.instrument.samples import (
    Sample,
    Zone,
    check_sampling,
    key_ranges,
    middle_velocity,
    spaced_roots,
    velocity_layers,
)
from cambiata.instrument.sf2 import write_sf2
from cambiata.instrument.sfz import write_sfz
from cambiata.keywords import checked_keywords
from cambiata.named_timbres.named import open_recording, stands_for_file
from cambiata.score.rolls import note_name
from cambiata.style import open_style
from cambiata.system import Progress
from cambiata.timbre import SUFFIX, Timbre, capture_timbre

SoundKind = Literal["auto", "timbre", "notes"]

_PEAK = 10 ** (-1 / 20)  # of the loudest sample: 1 dB below full scale, as masters are
_LONGEST_MADE_S = 6.0  # of a note that was not recorded; what decays for longer is looped
_PIANO = (21, 108)


@dataclass(frozen=True)
class InstrumentReport:
    """Report of `make_instrument`.

    Parameters
    ----------
    output : str
        Path of the .sfz or .sf2 file.
    samples : str or None
        Folder of an .sfz's samples.
    made_of : {"timbre", "notes"}
        What the sounds were taken for.
    keys : tuple of int
        First and last key, MIDI numbers.
    velocities : int
        Number of velocity layers.
    roots : tuple of int
        Keys that have samples of their own.
    n_samples : int
        Number of samples.
    n_recorded : int
        Number of those that are recordings as they were given.
    n_looped : int
        Number of those that are looped.
    duration_s : float
        Seconds of all samples together.
    elapsed_s : float
        Seconds of work.
    real_time_factor : float
        `elapsed_s` over `duration_s`.
    picture : str or None
        Path of the picture that was written.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(InstrumentReport)[0].name
    'output'
    """

    output: str
    samples: str | None
    made_of: str
    keys: tuple[int, int]
    velocities: int
    roots: tuple[int, ...]
    n_samples: int
    n_recorded: int
    n_looped: int
    duration_s: float
    elapsed_s: float
    real_time_factor: float
    picture: str | None = None


@checked_keywords
def make_instrument(
    sounds: str | Path | Audio | Timbre | Sequence[str | Path | Audio],
    output: str | Path,
    *,
    kind: SoundKind = "auto",
    keys: tuple[int, int] = _PIANO,
    velocities: int = 4,
    step: int = 3,
    hold_s: float = 2.0,
    strict: bool = False,
    seed: int = 0,
    picture: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> InstrumentReport:
    """Playable instrument for samplers: an .sfz with its samples, or an .sf2.

    A timbre is played note by note. Of recordings of single notes, each plays at its own key as it
    was recorded; notes between them are made of their partials and of their noise. Notes that are
    held are looped, what decays goes on decaying; velocities, tuning and levels are as heard.

    Parameters
    ----------
    sounds : str, pathlib.Path, Audio, Timbre or a sequence of them
        A timbre (".timbre", a name that `timbres` lists, or a recording of a phrase), or
        recordings of single notes, or a folder of them. A file named by its note (C4 is middle C)
        and its velocity (v96, mf) is taken at its word: "piano-F#3-mf.wav".
    output : str or pathlib.Path
        File to write, .sfz or .sf2. The samples of NAME.sfz lie in the folder NAME-samples.
    kind : {"auto", "timbre", "notes"}
        What the sounds are; by default one recording of several notes is a timbre.
    keys : tuple of int
        First and last key of the instrument, MIDI numbers 0 to 127, for a timbre 21 to 108.
    velocities : int
        Number of velocity layers, 1 to 16.
    step : int
        Semitones between samples at most, 1 to 12: a sampler moves them by half of it.
    hold_s : float
        Seconds for which notes of a timbre are held, 0.5 to 20, before they are looped.
    strict : bool
        Refuse files that are unfinished or damaged, rather than use what is there of them.
    seed : int
        Seed of everything random.
    picture : str or pathlib.Path, optional
        Picture to write, .png or .svg: map of keys and velocities, and spectra.
    force : bool
        Replace an output that exists.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    InstrumentReport
        Facts about the instrument.

    Raises
    ------
    InputError
        A sound, the output or an option cannot be used; nothing has been written then.

    Examples
    --------
    >>> make_instrument("nowhere.wav", "out.sfz")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    began = time.perf_counter()
    _check_options(kind, keys, velocities, step, hold_s, seed)
    place, folder = check_places(output, force)
    drawn = None if picture is None else check_output(picture, PICTURE, force=force)
    given = _opened(sounds, output, strict=strict)
    layers = velocity_layers(velocities)
    timbre = _as_timbre(given, kind)
    if timbre is not None:
        _check_playable(keys)
        roots = spaced_roots([], keys, step)
        zones = _timbre_zones(timbre, roots, layers, keys, hold_s, seed, progress)
        recorded: set[tuple[int, int]] = set()
    else:
        zones, recorded = _note_zones(given, layers, keys, step, progress)
        roots = sorted({zone.sample.key for zone in zones})
    zones = _at_levels(zones)
    _write(zones, place, folder, force)
    if drawn is not None:
        draw(zones, keys, recorded, place.name).write(drawn)
    duration_s = sum(len(zone.sample.samples) / zone.sample.sample_rate for zone in zones)
    elapsed_s = time.perf_counter() - began
    return InstrumentReport(
        output=str(output),
        samples=None if folder is None else str(folder),
        made_of="notes" if timbre is None else "timbre",
        keys=keys,
        velocities=velocities,
        roots=tuple(roots),
        n_samples=len(zones),
        n_recorded=sum((zone.sample.key, zone.sample.velocity) in recorded for zone in zones),
        n_looped=sum(zone.sample.loop is not None for zone in zones),
        duration_s=duration_s,
        elapsed_s=elapsed_s,
        real_time_factor=elapsed_s / duration_s,
        picture=None if picture is None else str(picture),
    )


def _check_options(
    kind: str, keys: tuple[int, int], velocities: int, step: int, hold_s: float, seed: int
) -> None:
    if kind not in get_args(SoundKind):
        raise InputError(f"kind {kind}", "is unknown", "use auto, timbre or notes")
    check_numbers("a number of seconds, as in 2.5", hold_s=hold_s)
    first, last = keys
    if not 0 <= first <= last <= 127:
        cure = "use 0 to 127, the lower first, as in 21-108"
        raise InputError(f"keys {first}-{last}", "are out of range", cure)
    check_sampling(velocities, step, hold_s, seed)


def _check_playable(keys: tuple[int, int]) -> None:
    if keys[0] < _PIANO[0] or keys[1] > _PIANO[1]:
        problem = "go beyond the notes that a timbre plays"
        raise InputError(f"keys {keys[0]}-{keys[1]}", problem, "use 21-108 or part of it")


def _opened(
    sounds: str | Path | Audio | Timbre | Sequence[str | Path | Audio],
    output: str | Path,
    *,
    strict: bool,
) -> list[Audio | Timbre]:
    """What was given, read; a folder is the recordings in it."""
    several = [sounds] if isinstance(sounds, str | Path | Audio | Timbre) else list(sounds)
    if not several:
        raise InputError("sounds", "are none", "give a timbre, or recordings of notes")
    found: list[Audio | Timbre] = []
    for each in several:
        check_type("sounds", each, str | Path | Audio | Timbre, "files, sounds or a Timbre")
        if isinstance(each, Audio | Timbre):
            found.append(each)
            continue
        for path in _in_folder(Path(each)) if _is_folder(each) else [each]:
            check_not_input(output, "an input", path)
            _check_not_replaced(output, path)
            found.append(_open(path, strict=strict))
    if len(found) > 1 and any(isinstance(each, Timbre) for each in found):
        cure = "mix them first with `cambiata.mix_timbres`"
        raise InputError("sounds", "are several timbres, or a timbre and recordings", cure)
    return found


def _check_not_replaced(output: str | Path, path: str | Path) -> None:
    """Refuse a recording in the folder that the instrument's samples will replace."""
    folder = samples_folder(Path(output))
    if folder.exists():
        check_not_input(folder, "where an input is", Path(path).absolute().parent)


def _is_folder(path: str | Path) -> bool:
    return Path(path).is_dir() and stands_for_file(path)


def _in_folder(folder: Path) -> list[Path]:
    files = sorted(each for each in folder.iterdir() if each.suffix.lower() in FORMATS)
    if not files:
        raise InputError(str(folder), "holds no recordings", "name a folder of notes' recordings")
    return files


def _open(path: str | Path, *, strict: bool) -> Audio | Timbre:
    if Path(path).suffix == SUFFIX:
        opened = open_style(path, strict=strict)
        assert isinstance(opened, Timbre)
        return opened
    if not stands_for_file(path):
        return capture_timbre([path])
    recording = open_recording(path, strict=strict)
    if isinstance(recording, AudioFile):
        sound = load(path, strict=strict)
        return replace(sound, name=str(path))
    return recording


def _as_timbre(given: list[Audio | Timbre], kind: SoundKind) -> Timbre | None:
    """The timbre that is meant; None where recordings of single notes are."""
    first = given[0]
    if isinstance(first, Timbre):
        if kind == "notes":
            raise InputError(first.name, "is a timbre", 'use `kind="timbre"`, or give recordings')
        return first
    if kind == "notes" or (kind == "auto" and (len(given) > 1 or is_one_note(first))):
        return None
    sounds = [each for each in given if isinstance(each, Audio)]
    return capture_timbre(sounds)


def _timbre_zones(
    timbre: Timbre,
    roots: list[int],
    layers: list[tuple[int, int]],
    keys: tuple[int, int],
    hold_s: float,
    seed: int,
    progress: Progress | None,
) -> list[Zone]:
    places = [(root, middle_velocity(layer)) for root in roots for layer in layers]
    notes, rate = play_notes(timbre, places, hold_s, seed=seed, progress=progress)
    ranges = [(span, layer) for span in key_ranges(roots, keys) for layer in layers]
    return [
        Zone(sample, span, layer)
        for sample, (span, layer) in zip(played_samples(notes, rate), ranges, strict=True)
    ]


def _note_zones(
    given: list[Audio | Timbre],
    layers: list[tuple[int, int]],
    keys: tuple[int, int],
    step: int,
    progress: Progress | None,
) -> tuple[list[Zone], set[tuple[int, int]]]:
    """Zones of recordings of single notes, and the recordings' keys and velocities."""
    sounds = [each for each in given if isinstance(each, Audio)]
    notes, warnings = open_notes(sounds)
    for message in warnings:
        warn(message)
    for note in notes:
        if not keys[0] <= note.key <= keys[1]:
            problem = f"its note {note_name(note.key)} ({note.key}) lies outside of keys "
            cure = "leave it out, or widen `keys`"
            raise InputError(note.name, f"{problem}{keys[0]}-{keys[1]}", cure)
    roots = spaced_roots([note.key for note in notes], keys, step)
    spans = dict(zip(roots, key_ranges(roots, keys), strict=True))
    recorded = {(note.key, note.source.velocity) for note in notes}
    made: Iterator[tuple[int, tuple[int, int], Sample]]
    made = note_samples(notes, roots, layers, _LONGEST_MADE_S, progress)
    return [Zone(sample, spans[root], layer) for root, layer, sample in made], recorded


def _at_levels(zones: list[Zone]) -> list[Zone]:
    """Zones whose samples sound as loud as they were when a sampler has applied their velocity.

    Samplers take 40 dB off for each decade of velocity; layers have levels of their own.
    """
    gains = [(127 / zone.sample.velocity) ** 2 for zone in zones]
    peaks = [
        gain * float(np.abs(zone.sample.samples).max(initial=1e-9))
        for gain, zone in zip(gains, zones, strict=True)
    ]
    common = _PEAK / max(peaks)
    return [
        replace(
            zone,
            sample=replace(zone.sample, samples=zone.sample.samples * np.float32(gain * common)),
        )
        for gain, zone in zip(gains, zones, strict=True)
    ]


def _write(zones: list[Zone], place: Path, folder: Path | None, force: bool) -> None:
    """Write the instrument; what lay there stays until all is whole."""
    if folder is None:
        with atomic_file(place, force=force) as unfinished:
            write_sf2(unfinished, place.stem, zones)
        return
    with atomic_file(place, force=force) as unfinished, atomic_folder(folder) as samples:
        write_sfz(unfinished, samples, folder.name, place.stem, zones)
