"""Recordings of single notes: which key and velocity each is, and the samples they give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.instrument.looping import DEFAULT_RELEASE_DB_S, held_until, make_loop, release_db_s
from cambiata.instrument.moving import Source, choose_sources, make_note
from cambiata.instrument.pitch import measure_pitch
from cambiata.instrument.recorded import (
    decay_db_s,
    envelope_db,
    find_onset,
    named_key,
    named_velocity,
    open_note,
)
from cambiata.instrument.samples import Sample, middle_velocity
from cambiata.system import Progress

# Of recordings that tell nothing of how loud they were played: forte.
_VELOCITY = 96
# Softer than this below the loudest at its key, a recording is another dynamic.
_SAME_DYNAMIC_DB = 3.0
_HIGHEST_RATE_HZ = 48000  # SoundFont 2 goes to 50,000
_LONGEST_S = 20.0  # of a recorded note; a piano's lowest strings are softer by 40 dB then


@dataclass(frozen=True, eq=False)
class RecordedNote:
    """A recording of one note."""

    name: str
    key: int
    samples: Samples  # [T], from shortly before it begins, otherwise as recorded
    source: Source


def open_notes(
    sounds: Sequence[Audio], progress: Progress | None = None
) -> tuple[list[RecordedNote], list[str]]:
    """Recordings of single notes, opened and checked, and what has to be said of them."""
    rate = min(sounds[0].sample_rate, _HIGHEST_RATE_HZ)
    velocities = _named_velocities([sound.name for sound in sounds])
    notes = []
    keys = _named_keys(sounds)
    for i, sound in enumerate(sounds):
        samples = _begun(sound.mono().resampled(rate).samples[0][: round(_LONGEST_S * rate)], rate)
        source = open_note(
            samples, rate, sound.name, velocity=velocities[i] or _VELOCITY, key=keys[i]
        )
        notes.append(RecordedNote(sound.name, round(source.model.midi), samples, source))
        if progress is not None:
            progress((i + 1) / len(sounds))
    if not any(velocities):
        notes = _by_level(notes)
    return _without_doubles(notes)


def _begun(samples: Samples, rate: int) -> Samples:
    """A recording from 5 ms before its note begins."""
    if not np.abs(samples).max(initial=0.0):
        return samples
    return samples[max(0, find_onset(samples) - rate // 200) :]


def _named_velocities(names: Sequence[str]) -> list[int | None]:
    """Velocities by files' names; numbers of layers are spread over all of them."""
    found = [named_velocity(Path(name).name) for name in names]
    known = [velocity for velocity in found if velocity]
    if len(set(known)) < 2 and any("v" in Path(name).stem for name in names):
        # One number for all, as in v16, counts layers of which the others are not here.
        return [None if velocity and velocity < 33 else velocity for velocity in found]
    if max(known, default=127) < 33:
        return [velocity and round(127 * velocity / max(known)) for velocity in found]
    return found


def _named_keys(sounds: Sequence[Audio]) -> list[int | None]:
    """Keys by files' names; where all files sound an octave off, middle C has another number."""
    keys = [named_key(Path(sound.name).name) for sound in sounds]
    octaves = set()
    for sound, key in zip(sounds, keys, strict=True):
        pitch = None if key is None else measure_pitch(sound.mono().samples[0], sound.sample_rate)
        if pitch is not None and key is not None:
            octaves.add(round((pitch.midi - key) / 12))
    if len(sounds) > 1 and octaves in ({1}, {-1}):
        [octave] = octaves
        return [None if key is None else key + 12 * octave for key in keys]
    return keys


def _by_level(notes: Sequence[RecordedNote]) -> list[RecordedNote]:
    """Notes whose velocities follow from their levels, where a key was recorded more than once."""
    levels = [float(envelope_db(n.samples, n.source.model.sample_rate).max()) for n in notes]
    found = []
    for note, level in zip(notes, levels, strict=True):
        loudest = max(x for x, other in zip(levels, notes, strict=True) if other.key == note.key)
        is_alone = sum(other.key == note.key for other in notes) == 1
        softer_db = min(0.0, level - loudest + (_SAME_DYNAMIC_DB if is_alone else 0.0))
        top = _VELOCITY if is_alone else 112
        velocity = int(np.clip(round(top * 10 ** (softer_db / 40)), 1, 127))
        found.append(replace(note, source=replace(note.source, velocity=velocity)))
    return found


def _without_doubles(notes: Sequence[RecordedNote]) -> tuple[list[RecordedNote], list[str]]:
    """Notes of which no two have one key and velocity, and which were left out for what."""
    kept: dict[tuple[int, int], RecordedNote] = {}
    warnings = []
    for note in notes:
        first = kept.setdefault((note.key, note.source.velocity), note)
        if first is not note:
            warnings.append(f"{note.name}: is the same note as {first.name}, and is left out")
    return list(kept.values()), warnings


def note_samples(
    notes: Sequence[RecordedNote],
    roots: Sequence[int],
    layers: Sequence[tuple[int, int]],
    longest_s: float,
    progress: Progress | None = None,
) -> Iterator[tuple[int, tuple[int, int], Sample]]:
    """Samples of an instrument by root and layer: recordings where there are any, else made."""
    sources = [note.source for note in notes]
    count = len(roots) * len(layers)
    for i, root in enumerate(roots):
        for j, layer in enumerate(layers):
            own = [
                note
                for note in notes
                if note.key == root and layer[0] <= note.source.velocity <= layer[1]
            ]
            if own:
                sample = _recorded_sample(max(own, key=lambda note: note.source.velocity))
            else:
                sample = _made_sample(sources, root, middle_velocity(layer), longest_s)
            yield root, layer, sample
            if progress is not None:
                progress((i * len(layers) + j + 1) / count)


def _recorded_sample(note: RecordedNote) -> Sample:
    """A recording as it is, but for the end of its loop."""
    model = note.source.model
    rate = model.sample_rate
    held = held_until(note.samples, rate, decays=note.source.decays)
    release = DEFAULT_RELEASE_DB_S if note.source.decays else release_db_s(note.samples, rate, held)
    cents = 100 * (model.midi - note.key)
    return _sample(note.samples, note.source, note.key, cents, note.source.velocity, held, release)


def _made_sample(sources: Sequence[Source], root: int, velocity: int, longest_s: float) -> Sample:
    """A note between those recorded."""
    chosen = choose_sources(sources, root, velocity)
    nearest = max(chosen, key=lambda each: each[1])[0]
    rate = nearest.model.sample_rate
    sound = make_note(chosen, root, velocity, round(longest_s * rate))
    held = held_until(sound, rate, decays=nearest.decays)
    release = DEFAULT_RELEASE_DB_S if nearest.decays else release_db_s(sound, rate, held)
    return _sample(sound, nearest, root, 0.0, velocity, held, release)


def _sample(
    sound: Samples,
    source: Source,
    key: int,
    cents: float,
    velocity: int,
    held: int,
    release: float,
) -> Sample:
    rate = source.model.sample_rate
    decay = max(decay_db_s(sound, rate), 0.5) if source.decays else 0.0
    hz = 440 * 2 ** ((key + cents / 100 - 69) / 12)
    looped = make_loop(sound, rate, hz, held, decay)
    return Sample(
        f"{key:03d}-v{velocity:03d}",
        looped.samples,
        rate,
        key,
        cents,
        velocity,
        looped.loop,
        looped.loop[0] / rate if looped.loop else 0.0,
        looped.decay_db_s,
        release,
    )
