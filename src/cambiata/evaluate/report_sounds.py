"""Sounds of a run and their spectrograms, as .ogg and .png files of a report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio, load
from cambiata.audio.stft import Stft
from cambiata.errors import InputError
from cambiata.evaluate.runfolder import Run, RunPair, RunSet
from cambiata.system import Progress

Decibels = npt.NDArray[np.float64]
"""Mel spectrum in dB, [M, L]."""

# One rate, one frequency axis and one range for every picture, so that any two compare: as many
# columns and rows as a card of the page shows, up to 16 kHz, from where partials of sounds at
# -30 LUFS are loudest down to 80 dB below.
_RATE_HZ, N_MELS, N_COLUMNS = 32_000, 160, 320
_STFT = Stft(2048, 256, "hann")
FLOOR_DB, CEILING_DB = -100.0, -20.0
_COLOURS, _N_COLOURS = "magma", 40  # 2 dB each: as fine as one sees, and small files
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
        _draw_guide(mel_db(load(built / first.audio)), first.duration_s, built / GUIDE)
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
    _draw(mel_db(sound), built / image)
    return Sound(audio.as_posix(), image.as_posix(), sound.duration_s)


def _draw(picture: Decibels, path: Path) -> None:
    import matplotlib
    from PIL import Image  # matplotlib's own; it writes a palette, a third of the size of RGBA

    share = (picture[::-1] - FLOOR_DB) / (CEILING_DB - FLOOR_DB)
    levels = np.clip(np.floor(share * _N_COLOURS), 0, _N_COLOURS - 1).astype(np.uint8)
    image = Image.fromarray(levels, "L")
    colours = matplotlib.colormaps[_COLOURS].resampled(_N_COLOURS)(range(_N_COLOURS), bytes=True)
    image.putpalette(colours[:, :3].tobytes())
    image.save(path, optimize=True)


def _draw_guide(picture: Decibels, duration_s: float, path: Path) -> None:
    """One spectrogram with its axes, which all others leave out."""
    import librosa
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(6.4, 2.2), dpi=150, layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    image = axes.imshow(
        picture,
        origin="lower",
        aspect="auto",
        extent=(0, duration_s, 0, N_MELS),
        vmin=FLOOR_DB,
        vmax=CEILING_DB,
        cmap=_COLOURS,
    )
    scale = drawing.colorbar(image, ax=axes, label="dB")
    ticks_khz = np.array([0.25, 0.5, 1, 2, 4, 8, 16])
    mels = librosa.mel_frequencies(N_MELS + 1, fmin=0, fmax=_RATE_HZ / 2)
    axes.set_yticks(
        np.interp(1000 * ticks_khz, mels, np.arange(N_MELS + 1)), [f"{f:g}" for f in ticks_khz]
    )
    axes.set_xlabel("s")
    axes.set_ylabel("kHz")
    # A grey that reads on white and on black: the page may be either.
    for part in (axes, scale.ax):
        part.tick_params(colors="#808080", labelsize=8)
        part.xaxis.label.set_color("#808080")
        part.yaxis.label.set_color("#808080")
    drawing.savefig(path, transparent=True)


def mel_db(sound: Audio) -> Decibels:
    """Mel spectrum of a sound in dB, as in its picture, [160, L].

    Frequencies 0 to 16 kHz on Slaney's mel scale (`librosa.filters.mel`), about 0 dB for a sine of
    full scale.
    """
    samples = sound.mono().resampled(_RATE_HZ).samples[0]
    power = np.abs(_STFT.analyse(samples)) ** 2 / (_STFT.samples.sum() / 2) ** 2
    mels = _mel_filters() @ power
    columns = np.array_split(mels, min(N_COLUMNS, mels.shape[1]), axis=1)
    means = np.stack([column.mean(axis=1) for column in columns], axis=1)
    decibels: Decibels = 10 * np.log10(np.maximum(means, 10 ** (FLOOR_DB / 10)))
    return decibels


@lru_cache(maxsize=1)
def _mel_filters() -> npt.NDArray[np.float64]:
    import librosa

    filters: npt.NDArray[np.float64] = librosa.filters.mel(
        sr=_RATE_HZ, n_fft=_STFT.n_fft, n_mels=N_MELS, norm=None, dtype=np.float64
    )
    return filters
