"""Sounds of a set's knobs for other uses: a timbre, or an instrument for samplers."""

from pathlib import Path

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.errors import InputError, check_numbers
from cambiata.instrument.api import InstrumentReport, make_instrument
from cambiata.instrument.samples import (
    check_sampling,
    middle_velocity,
    spaced_roots,
    velocity_layers,
)
from cambiata.knobs.parameters import SoundParameters
from cambiata.knobs.playing import HIGHEST_KEY, LOWEST_KEY, play_notes
from cambiata.knobs.rendering import LEAD_S, SAMPLE_RATE, render_note
from cambiata.score.midi import Note
from cambiata.score.rolls import note_name
from cambiata.system import Progress
from cambiata.timbre import Timbre, capture_timbre

# The recording that a timbre is captured from: as the timbres that ship (`data.shipped_timbres`),
# whose mixture of long, short, loud and soft notes was measured to serve best.
_N_NOTES, _GAP_S, _RING_S = 14, 0.05, 0.3
_DURATIONS_S, _VELOCITIES = (1.0, 0.5, 0.3, 1.0), (100, 60, 80)
_RENDERED = 0.6  # progress shown once all notes are rendered: an estimate


def phrase_of(sound: SoundParameters, keys: tuple[int, int], seed: int) -> Samples:
    """Fourteen notes over a range, one after the other [T]."""
    notes, at_s = [], 0.0
    for i in range(_N_NOTES):
        pitch = round(keys[0] + (keys[1] - keys[0]) * i / (_N_NOTES - 1))
        lasts_s = _DURATIONS_S[i % len(_DURATIONS_S)]
        notes.append(Note(at_s, at_s + lasts_s, pitch, _VELOCITIES[i % len(_VELOCITIES)]))
        at_s += lasts_s + _GAP_S
    played = play_notes(sound, notes, seed)
    return played[: round((at_s + _RING_S) * SAMPLE_RATE)]


def export_timbre(
    sound: SoundParameters,
    name: str,
    output: str | Path | None,
    keys: tuple[int, int],
    *,
    seed: int,
    force: bool,
) -> Timbre:
    """A sound as a timbre, captured from notes that it plays."""
    recording = Audio(phrase_of(sound, keys, seed), SAMPLE_RATE, name=name)
    return capture_timbre([recording], output, force=force)


def export_instrument(
    sound: SoundParameters,
    output: str | Path,
    keys: tuple[int, int],
    velocities: int,
    step: int,
    hold_s: float,
    *,
    seed: int,
    force: bool,
    progress: Progress | None,
) -> InstrumentReport:
    """A sound as an instrument: every key that has a sample plays it as it is rendered."""
    places = [
        (root, middle_velocity(layer))
        for root in spaced_roots([], keys, step)
        for layer in velocity_layers(velocities)
    ]
    recordings = []
    for i, (root, velocity) in enumerate(places):
        note = render_note(sound, root, hold_s, velocity, seed)[round(LEAD_S * SAMPLE_RATE) // 2 :]
        name = f"{note_name(root)}_v{velocity}.wav"
        recordings.append(Audio(note, SAMPLE_RATE, name=name))
        if progress is not None:
            progress(_RENDERED * (i + 1) / len(places))
    return make_instrument(
        recordings,
        output,
        kind="notes",
        keys=keys,
        velocities=velocities,
        step=step,
        force=force,
        progress=None if progress is None else lambda s: progress(_RENDERED + (1 - _RENDERED) * s),
    )


def check_range(
    keys: tuple[int, int], velocities: int, step: int, hold_s: float, seed: int
) -> None:
    """Refuse what no instrument may be made of."""
    check_numbers("a number of seconds, as in 2.5", hold_s=hold_s)
    first, last = keys
    if not LOWEST_KEY <= first <= last <= HIGHEST_KEY:
        cure = f"use {LOWEST_KEY}-{HIGHEST_KEY} or part of it, the lower first"
        raise InputError(f"keys {first}-{last}", "are out of range", cure)
    check_sampling(velocities, step, hold_s, seed)
