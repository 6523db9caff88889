"""Notes of a score as JSON and back, and a region of a recording played anew from its notes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.audio.sound import Audio, load
from cambiata.audio.source import pad_or_trim
from cambiata.errors import InputError
from cambiata.performance.api import play
from cambiata.score.clock import Clock, Metre
from cambiata.score.midi import Note, Part, Score, save
from cambiata.score.notation import read_score
from cambiata.score.spelling import key_fifths
from cambiata.system import Progress

_MOST_BARS = 20_000
# Around a region that is played anew: long enough that no step is heard, shorter than an attack.
_FADE_S = 0.02
# Of the region's last notes, which ring on into what follows.
_RING_S = 0.5


def notes_of(path: Path) -> dict[str, Any]:
    """Notes, pedals, bars, tempos and metres of a score."""
    score = read_score(path, keys=True)
    clock = score.clock
    parts = [
        {
            "number": number,
            "name": part.name,
            "program": part.program,
            "is_drum": part.is_drum,
            "notes": [
                [round(note.start_s, 6), round(note.end_s, 6), note.pitch, note.velocity]
                for note in part.notes
            ],
            "pedal": [[round(down, 6), round(up, 6)] for down, up in part.pedal],
        }
        for number, part in enumerate(score.parts, 1)
    ]
    return {
        "duration_s": score.end_s,
        "parts": parts,
        "bars_s": bars_s(clock, score.end_s),
        "tempos": [[round(clock.seconds(at), 6), qpm] for at, qpm in clock.tempos],
        "metres": [[round(clock.seconds(at), 6), str(metre)] for at, metre in clock.metres],
        "fifths": key_fifths(clock.key),
    }


def bars_s(clock: Clock, end_s: float) -> list[float]:
    """When bars begin, up to the end; four quarter notes each where no metre is given.

    >>> bars_s(Clock(), 5.0)
    [0.0, 2.0, 4.0]
    """
    metres = clock.metres or ((0.0, Metre()),)
    found: list[float] = []
    for i, (start, metre) in enumerate(metres):
        stop = metres[i + 1][0] if i + 1 < len(metres) else clock.quarters(end_s)
        at, bar = float(start), float(metre.bar)
        while at < stop - 1e-6 and len(found) < _MOST_BARS:
            found.append(round(clock.seconds(at), 6))
            at += bar
    return found


def write_score(
    output: Path,
    parts: Sequence[dict[str, Any]],
    like: Path | None,
    tempo: float | None,
    metre: str | None,
) -> None:
    """Write notes as a MIDI file; tempos and metres are those of another score, or are given."""
    clock = Clock() if like is None else read_score(like, keys=True).clock
    if tempo is not None:
        clock = replace(clock, tempos=((0.0, tempo),))
    if metre is not None:
        beats, _, unit = metre.partition("/")
        clock = replace(clock, metres=((0.0, Metre(int(beats), int(unit))),))
    made = tuple(
        Part(
            tuple(sorted(Note(*_times(each), *_ints(each)) for each in part["notes"])),
            part["program"],
            is_drum=part["is_drum"],
            name=part["name"],
            pedal=tuple((float(down), float(up)) for down, up in part["pedal"]),
        )
        for part in parts
    )
    if not any(part.notes for part in made):
        raise InputError("the score", "has no notes", "give one at least")
    save(Score(made, output.name, clock), output, force=True)


def _times(note: Sequence[float]) -> tuple[float, float]:
    return float(note[0]), float(note[1])


def _ints(note: Sequence[float]) -> tuple[int, int]:
    return int(note[2]), int(note[3])


def play_in_place(
    recording: Path,
    score: Path,
    output: Path,
    *,
    start_s: float,
    end_s: float,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Write a recording whose region is played anew from notes, in the recording's own timbre."""
    sound = load(recording)
    if not 0 <= start_s < end_s or start_s >= sound.duration_s:
        raise InputError(
            recording.name,
            f"has no region from {start_s:g} to {end_s:g} s",
            f"choose a start before the end, within its {sound.duration_s:g} s",
        )
    end_s = min(end_s, sound.duration_s)
    region = sound.cut(start_s, end_s)
    notes = read_score(score, keys=True)
    facts = {"output": output.name, "start_s": start_s, "end_s": end_s, "n_notes": 0}
    rendered = np.zeros((1, region.n_samples), np.float32)
    if any(n.end_s > start_s and n.start_s < end_s for part in notes.parts for n in part.notes):
        window = notes[start_s : min(end_s, notes.end_s)]
        played = play(window, sound, tail_s=_RING_S, seed=seed, progress=progress)
        played = played.resampled(sound.sample_rate)
        rendered = pad_or_trim(played.samples, region.n_samples)
        facts["n_notes"] = len(window)
        rendered = rendered * _gain(region, rendered)
    replaced = _crossfaded(sound, np.broadcast_to(rendered, region.samples.shape), start_s)
    Audio(replaced, sound.sample_rate, sound.subtype).save(output, force=True)
    return facts


def _gain(region: Audio, rendered: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """Factor that makes what is played as loud as what was there; none where that was silent."""
    was, is_now = (float(np.sqrt(np.mean(np.square(each)))) for each in (region.samples, rendered))
    # A bar that was nearly silent says nothing about how loud notes put into it are to be.
    return was / is_now if was > 1e-3 and is_now > 0 else 1.0


def _crossfaded(
    sound: Audio, rendered: np.ndarray[Any, np.dtype[np.float32]], start_s: float
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The whole sound, with the region faded over from and to what was there."""
    start = round(start_s * sound.sample_rate)
    rendered = rendered[:, : sound.n_samples - start]
    length = rendered.shape[1]
    n_fade = min(round(_FADE_S * sound.sample_rate), length // 2)
    share = np.ones(length, np.float32)
    ramp = np.sin(np.linspace(0, np.pi / 2, n_fade, dtype=np.float32)) ** 2
    if start > 0:
        share[:n_fade] = ramp
    if start + length < sound.n_samples:
        share[length - n_fade :] = ramp[::-1]
    replaced = sound.samples.copy()
    place = replaced[:, start : start + length]
    place *= 1 - share
    place += share * rendered
    return replaced
