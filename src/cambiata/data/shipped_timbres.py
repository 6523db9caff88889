"""The recordings that ship as named timbres, made of sound fonts and of recorded single notes.

``python -m cambiata.data.shipped_timbres FOLDER RECORDINGS`` writes the .ogg files and table.json
of `cambiata.named_timbres` into FOLDER; RECORDINGS holds the folders of single notes named below.
It is run when an instrument is added; what it wrote is in the package.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.sound import Audio
from cambiata.data.recorded_notes import build_from_recordings
from cambiata.data.soundfont import RENDER_RATE_HZ, Renderer, SoundFont, SoundSource, find_font
from cambiata.score.midi import Note

# Level of every recording: EBU R 128's, which is also what `play` gives to a timbre from a file.
_LOUDNESS_LUFS = -23.0
# Notes from the lowest pitch to the highest. Of 12 to 24 notes in ten seconds, all alike or mixed,
# this mixture came nearest to the same notes rendered by the font for both systems (four
# instruments, within 0.4 dB of each other): long notes show how a sound goes on, short ones how
# it ends.
_N_NOTES = 14
_DURATIONS_S, _GAP_S = (1.0, 0.5, 0.3, 1.0), 0.05
_VELOCITIES = (100, 60, 80)
_RING_S = 0.3  # after the last note

_FLUID = "Fluid R3 GM sound font (Frank Wen and contributors)"
_FLUID_LICENCE = "MIT"


@dataclass(frozen=True)
class Recipe:
    """An instrument and where its notes come from."""

    instrument: str  # in plain words
    lowest: int  # pitches of the instrument that are played
    highest: int
    program: int | None = None  # of the sound font
    folder: str = ""  # of recorded single notes
    source: str = _FLUID
    licence: str = _FLUID_LICENCE


RECIPES = {
    "violin": Recipe("violin", 55, 88, program=40),
    "cello": Recipe("cello", 36, 72, program=42),
    "double-bass": Recipe("double bass, bowed", 28, 55, program=43),
    "flute": Recipe("flute", 60, 93, program=73),
    "recorder": Recipe("recorder", 60, 91, program=74),
    "oboe": Recipe("oboe", 58, 86, program=68),
    "clarinet": Recipe("clarinet", 50, 86, program=71),
    "bassoon": Recipe("bassoon", 34, 67, program=70),
    "saxophone": Recipe("alto saxophone", 49, 80, program=65),
    "trumpet": Recipe("trumpet", 55, 82, program=56),
    "horn": Recipe("French horn", 41, 74, program=60),
    "trombone": Recipe("trombone", 40, 70, program=57),
    "nylon-guitar": Recipe("nylon-string guitar", 40, 79, program=24),
    "electric-guitar": Recipe("electric guitar, clean", 40, 81, program=27),
    "distorted-guitar": Recipe("electric guitar, distorted", 40, 76, program=30),
    "harp": Recipe("harp", 31, 96, program=46),
    "vibraphone": Recipe("vibraphone", 53, 89, program=11),
    "marimba": Recipe("marimba", 45, 91, program=12),
    "choir": Recipe("choir singing ah", 43, 79, program=52),
    "organ": Recipe("church organ", 36, 84, program=19),
    "piano": Recipe(
        "grand piano (Yamaha C5)",
        28,
        96,
        folder="salamander",
        source="Salamander Grand Piano (Alexander Holm)",
        licence="CC BY 3.0",
    ),
    "upright-piano": Recipe(
        "upright piano (Yamaha)",
        28,
        92,
        folder="discord-gm/bright-acoustic-piano",
        source="Versilian Community Sample Library (Versilian Studios)",
        licence="CC0 1.0",
    ),
    "electric-piano": Recipe(
        "electric piano (Rhodes)",
        29,
        88,
        folder="discord-gm/electric-piano-1",
        source="jRhodes3c (Jeff Learman)",
        licence="CC0 1.0",
    ),
    "steel-guitar": Recipe(
        "steel-string guitar (Martin HD-28)",
        40,
        83,
        folder="discord-gm/acoustic-guitar-steel",
        source="Discord GM Bank, Martin HD28 (Jeff Learman)",
        licence="CC0 1.0",
    ),
    "bass": Recipe(
        "electric bass, fingered",
        28,
        60,
        folder="discord-gm/electric-bass-finger",
        source="Killer Bass (Karoryfer Samples)",
        licence="CC0 1.0",
    ),
}


def spread_notes(lowest: int, highest: int) -> list[Note]:
    """Notes from the lowest pitch to the highest, long and short, loud and soft.

    >>> [note.pitch for note in spread_notes(60, 73)][:3]
    [60, 61, 62]
    """
    notes, at = [], 0.0
    for i, pitch in enumerate(np.linspace(lowest, highest, _N_NOTES).round().astype(int)):
        duration_s = _DURATIONS_S[i % len(_DURATIONS_S)]
        velocity = _VELOCITIES[i % len(_VELOCITIES)]
        notes.append(Note(at, at + duration_s, int(pitch), velocity))
        at += duration_s + _GAP_S
    return notes


def play_notes(
    recipe: Recipe, notes: Sequence[Note], duration_s: float, renderer: Renderer, recordings: Path
) -> Samples:
    """Notes played by an instrument, [T]."""
    if recipe.program is not None:
        stereo = renderer.render(notes, recipe.program, duration_s)
        return np.asarray(stereo.mean(axis=0), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        source = SoundSource(Path(recipe.folder).name, recipe.licence, "train")
        bank = build_from_recordings(recordings / recipe.folder, folder, source, force=True)
        return bank.instruments[0].play(notes, round(duration_s * RENDER_RATE_HZ))


def build_timbres(folder: Path, recordings: Path) -> None:
    """Write every instrument's .ogg, and the table of all."""
    rows: list[dict[str, object]] = []
    with Renderer(SoundFont(find_font("fluid-r3"))) as renderer:
        for name, recipe in sorted(RECIPES.items()):
            notes = spread_notes(recipe.lowest, recipe.highest)
            duration_s = notes[-1].end_s + _RING_S
            samples = play_notes(recipe, notes, duration_s, renderer, recordings)
            place = folder / f"{name}.ogg"
            _at_level(Audio(samples, RENDER_RATE_HZ)).save(place, force=True)
            rows.append(
                {
                    "name": name,
                    "instrument": recipe.instrument,
                    "lowest": recipe.lowest,
                    "highest": recipe.highest,
                    "duration_s": round(duration_s, 2),
                    "source": recipe.source,
                    "licence": recipe.licence,
                    "sha256": hashlib.sha256(place.read_bytes()).hexdigest(),
                }
            )
    (folder / "table.json").write_text(json.dumps(rows, indent=1) + "\n")


def _at_level(sound: Audio) -> Audio:
    meter = LoudnessMeter(sound.sample_rate)
    meter.add(sound.samples)
    gain = np.float32(10 ** ((_LOUDNESS_LUFS - meter.loudness_db()) / 20))
    return replace(sound, samples=gain * sound.samples)


if __name__ == "__main__":
    build_timbres(Path(sys.argv[1]), Path(sys.argv[2]))
