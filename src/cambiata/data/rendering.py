"""Scores as many instruments: the same notes in many sounds, with MIDI and licences beside them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.audio.mel import mel_power, power_db
from cambiata.audio.sound import Audio
from cambiata.data.scores import COLLECTION_NAMES, Work, load_corpus, load_midi_works, merge_parts
from cambiata.data.soundfont import (
    RENDER_RATE_HZ,
    Renderer,
    SoundFont,
    find_font,
    installed_fonts,
)
from cambiata.errors import InputError
from cambiata.files import RENDERED_SCORES, atomic_folder, check_output
from cambiata.score import midi
from cambiata.score.midi import Note, Part, Score
from cambiata.system import Progress

PIANOS = tuple(range(8))
"""General MIDI programs of pianos, electric pianos, harpsichord and clavinet."""

SAME_SOUND_DB = 4.0
"""Log-mel distance below which two presets are one instrument to the ear: a piano against itself
with jittered velocities and onsets measures 2 to 4 dB."""

_TAIL_S = 2.0  # after the last note's end, for its release
_PEAK = 0.9  # of full scale, -1 dB
_PROBE_S, _PROBE_RMS = 5.0, 0.05  # length of the comparison, and the level it is made at
_LOUD_DB = 60  # below the loudest bin: softer ones are not compared
# What presets are compared by: a chord and a line over five octaves.
_PROBE = (
    *(Note(0.0, 0.9, pitch, 90) for pitch in (48, 60, 64, 67)),
    *(Note(1.0 + 0.25 * i, 1.2 + 0.25 * i, 40 + 5 * i, 60 + 5 * i) for i in range(12)),
)


@dataclass(frozen=True)
class FontProgram:
    """A program of a sound font."""

    font: str  # short name
    program: int  # of General MIDI
    name: str  # in the font
    licence: str  # of its samples
    use: str  # "train" or "test"

    @property
    def folder(self) -> str:
        """Name of the program in file names."""
        return f"{self.font}-{self.program:03}"


def render_scores(
    scores: str | Path,
    folder: str | Path,
    *,
    fonts: Sequence[str] = (),
    programs: Sequence[int] = PIANOS,
    limit: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Scores rendered by many different-sounding programs, in a new folder.

    Programs that sound like one already chosen (`SAME_SOUND_DB`) are left out and named. Every
    score gets a MIDI file, and a 16-bit wav for each program that can play it, peaks at -1 dB;
    drums are left out, and of unisons one note is left. ``manifest.json`` names every file's
    source and licence.
    """
    place = Path(folder)
    check_output(
        place,
        RENDERED_SCORES,
        force=force,
        is_own=lambda folder: (folder / "manifest.json").exists(),
    )
    opened = _open_fonts([find_font(name) for name in fonts] or installed_fonts())
    for program in programs:
        if not 0 <= program <= 127:
            raise InputError(f"program {program}", "is not 0 to 127", "name a MIDI program")
    works = _load_works(scores)[:limit]
    with atomic_folder(place) as unfinished:
        manifest = _render_all(works, opened, programs, unfinished, progress)
        (unfinished / "manifest.json").write_text(json.dumps(manifest, indent=1))
    return manifest


def _open_fonts(paths: Sequence[Path]) -> list[SoundFont]:
    """The fonts, each once; files are named by their fonts, so names must differ."""
    if not paths:
        raise InputError("sound fonts", "none is installed", "see `cambiata data check`")
    fonts = [SoundFont(path) for path in dict.fromkeys(path.resolve() for path in paths)]
    names = [font.source.name for font in fonts]
    for name in names:
        if names.count(name) > 1:
            raise InputError(name, "is the name of two fonts", "rename one of the files")
    return fonts


def _load_works(scores: str | Path) -> list[Work]:
    if str(scores) in COLLECTION_NAMES and not Path(scores).exists():
        return load_corpus([str(scores)])
    return load_midi_works(scores)


def _render_all(
    works: list[Work],
    fonts: list[SoundFont],
    programs: Sequence[int],
    folder: Path,
    progress: Progress | None,
) -> dict[str, Any]:
    chosen, left_out = select_distinct_programs(fonts, programs)
    if not chosen:
        raise InputError("sound fonts", "none has one of the programs", "name other programs")
    stems = _file_stems(works)
    for work, stem in zip(works, stems, strict=True):
        midi.save(Score((Part(_original_notes(work), name=work.name),)), folder / f"{stem}.mid")
    rows: list[dict[str, Any]] = []
    steps = len(works) * len(chosen)
    for font in fonts:
        voices = [voice for voice in chosen if voice.font == font.source.name]
        if not voices:
            continue
        with Renderer(font) as renderer:
            for work, stem in zip(works, stems, strict=True):
                rows += [_render_work(renderer, work, voice, folder / stem) for voice in voices]
                if progress:
                    progress(len(rows) / steps)
    return {
        "sample_rate": RENDER_RATE_HZ,
        "voices": [asdict(voice) for voice in chosen],
        "left out": left_out,
        "sounds": [row for row in rows if row["file"]],
        "not playable": [row for row in rows if not row["file"]],
    }


def _file_stems(works: Sequence[Work]) -> list[str]:
    """Stem of each work's files; those of "a b.mid" and "a-b.mid" differ by a number."""
    stems: list[str] = []
    for work in works:
        plain = "".join(c if c.isalnum() else "-" for c in work.name)
        numbered = (f"{plain}-{number}" for number in count(2))
        stems.append(next(stem for stem in chain([plain], numbered) if stem not in stems))
    return stems


def _render_work(renderer: Renderer, work: Work, voice: FontProgram, place: Path) -> dict[str, Any]:
    """Write a work by a program; `place` is the file without the program's name and suffix."""
    notes = _original_notes(work)
    row = {"work": work.name, "midi": f"{place.name}.mid", **asdict(voice), "file": ""}
    usable = set(renderer.font.preset(voice.program).pitches)
    outside = sum(note.pitch not in usable for note in notes)
    if outside:  # a wrong or silent note would make the pair a lie
        return {**row, "why": f"{outside} of {len(notes)} notes outside its range"}
    stereo = renderer.render(notes, voice.program, max(n.end_s for n in notes) + _TAIL_S)
    peak = float(np.abs(stereo).max())
    if peak == 0:
        return {**row, "why": "the font renders it silent"}
    name = f"{place.name}.{voice.folder}.wav"
    gain = np.float32(_PEAK / peak)
    Audio(stereo * gain, renderer.sample_rate, "PCM_16").save(place.with_name(name))
    return {**row, "file": name, "gain": float(gain)}


def _original_notes(work: Work) -> tuple[Note, ...]:
    """The notes of a work's own parts, without its reductions, as one player plays them."""
    original = [part for part in work.parts if "+" not in part.name or work.collection == "midi"]
    return merge_parts(original).notes


def select_distinct_programs(
    fonts: Sequence[SoundFont], programs: Sequence[int]
) -> tuple[list[FontProgram], list[dict[str, Any]]]:
    """Programs that sound unlike each other, and those left out with the one each is like."""
    selected: list[tuple[FontProgram, npt.NDArray[np.float32]]] = []
    left_out: list[dict[str, Any]] = []
    for font in fonts:
        with Renderer(font) as renderer:
            for program in programs:
                preset = font.presets.get(program)
                if preset is None:
                    left_out.append({"voice": f"{font.source.name}-{program:03}", "like": None})
                    continue
                source = font.source
                voice = FontProgram(source.name, program, preset.name, source.licence, source.use)
                sound = _probe_mel_db(renderer, program)
                distances = [(_distance_db(sound, other), known) for known, other in selected]
                distance_db, like = min(
                    distances, default=(np.inf, voice), key=lambda pair: pair[0]
                )
                if distance_db < SAME_SOUND_DB:
                    left_out.append(
                        {
                            "voice": voice.folder,
                            "like": like.folder,
                            "distance_db": round(distance_db, 2),
                        }
                    )
                else:
                    selected.append((voice, sound))
    return [voice for voice, _ in selected], left_out


def _probe_mel_db(renderer: Renderer, program: int) -> npt.NDArray[np.float32]:
    sound = renderer.render(_PROBE, program, _PROBE_S).mean(axis=0)
    rms = float(np.sqrt(np.mean(sound**2)))
    return power_db(mel_power(sound * np.float32(_PROBE_RMS / max(rms, 1e-9)), RENDER_RATE_HZ))


def _distance_db(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    """Mean difference of two log-mel spectrograms where either is within 60 dB of the loudest."""
    floor = max(first.max(), second.max()) - _LOUD_DB
    loud = np.maximum(first, second) > floor
    return float(np.abs(np.maximum(first, floor) - np.maximum(second, floor))[loud].mean())
