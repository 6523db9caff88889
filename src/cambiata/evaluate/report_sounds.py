"""Sounds of a run and their spectrograms, as .ogg and .png files of a report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cambiata.audio.sound import Audio, load
from cambiata.audio.spectrogram import Spectrogram, draw_spectrogram, levels, measure_spectrogram
from cambiata.drawing.canvas import Canvas
from cambiata.drawing.colours import MAGMA
from cambiata.drawing.png import palette_png
from cambiata.errors import InputError
from cambiata.evaluate.runfolder import Run, RunPair, RunSet
from cambiata.system import Progress

N_COLUMNS = 320
"""Columns of a picture: as many as a card of the page shows."""

_GUIDE_WIDTH, _GUIDE_HEIGHT = 960, 330
GUIDE = "images/guide.png"


@dataclass(frozen=True)
class Section:
    """Examples under one heading."""

    anchor: str
    title: str
    about: str
    pairs: tuple[RunPair, ...]


@dataclass(frozen=True)
class Sound:
    """Paths of a sound and its picture in the report, or why there are none."""

    audio: str = ""
    image: str = ""
    duration_s: float = 0.0
    problem: str = ""


# By set, pair and role: "content", "style", "target" or a row's name after "row:".
Sounds = Mapping[tuple[str, str, str], Sound]


def _sound_roles(run: Run, test_set: RunSet) -> list[tuple[str, str]]:
    """Every role of a sound in a pair, and the stem of its file in the run."""
    sides = [(side, side) for side in ("content", "style", "target")]
    return sides + [(f"row:{row.name}", row.file_stem) for row in run.in_use(test_set)]


def write_sounds(
    run: Run, sections: Mapping[str, Sequence[Section]], built: Path, progress: Progress
) -> Sounds:
    """Copy and draw all sounds of the pairs shown; one that cannot be read has its `problem`."""
    shown = [
        (test_set, pair_id)
        for test_set in run.sets
        for pair_id in dict.fromkeys(
            pair.id for section in sections[test_set.name] for pair in section.pairs
        )
    ]
    sounds = {}
    for done, (test_set, pair_id) in enumerate(shown, start=1):
        source = run.folder / test_set.name / "audio" / pair_id
        place = Path(test_set.name) / pair_id
        for folder in ("audio", "images"):
            (built / folder / place).mkdir(parents=True, exist_ok=True)
        for index, (role, stem) in enumerate(_sound_roles(run, test_set)):
            name = f"{index}-{re.sub('[^A-Za-z0-9]+', '-', stem)[:60]}"
            sounds[test_set.name, pair_id, role] = _write_sound(source, stem, built, place / name)
        progress(done / len(shown))
    readable = (sound for sound in sounds.values() if sound.audio)
    if first := next(readable, None):
        _draw_guide(load(built / first.audio), built / GUIDE)
    return sounds


def _write_sound(source: Path, stem: str, built: Path, place: Path) -> Sound:
    """Copy a sound into the report and draw it."""
    path = source / f"{stem}.flac"
    # A row's name is free text, and must not lead out of the run.
    if path.parent != source or not path.exists():
        return Sound(problem="no sound kept")
    try:
        sound = load(path)
    except InputError as error:
        return Sound(problem=f"sound {error.problem}")
    audio, image = Path("audio", f"{place}.ogg"), Path("images", f"{place}.png")
    sound.save(built / audio)
    _draw(sound, built / image)
    return Sound(audio.as_posix(), image.as_posix(), sound.duration_s)


def _draw(sound: Audio, path: Path) -> None:
    path.write_bytes(palette_png(levels(_measured(sound)), MAGMA))


def _draw_guide(sound: Audio, path: Path) -> None:
    """One spectrogram with its axes, which all others leave out."""
    canvas = Canvas(_GUIDE_WIDTH, _GUIDE_HEIGHT)
    place = {"x": 45.0, "y": 10.0, "width": _GUIDE_WIDTH - 60.0, "height": _GUIDE_HEIGHT - 40.0}
    draw_spectrogram(canvas, _measured(sound), **place)
    path.write_bytes(canvas.png())


def _measured(sound: Audio) -> Spectrogram:
    return measure_spectrogram(sound, N_COLUMNS)
