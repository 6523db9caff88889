"""What the page shows of a sound, measured in a worker: length, loudness, peaks, spectrogram."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.audio.loudness import LoudnessMeter
from cambiata.audio.mel import mel_corners_hz
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.audio.spectrogram import (
    LOUDNESS_LUFS,
    N_MELS,
    RATE_HZ,
    levels,
    measure_spectrogram,
)
from cambiata.audio.writing import Destination
from cambiata.caches import note_hash
from cambiata.drawing.colours import MAGMA
from cambiata.drawing.png import palette_png
from cambiata.errors import InputError
from cambiata.score.notation import SUFFIXES, read_score
from cambiata.score.preview import preview
from cambiata.web.limits import Limits

# What browsers play, and what most sound cards run at: higher rates are for files, not for ears.
_PLAYED_RATES_HZ = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
# Files that are made of a sound for the page, beside it.
PLAYABLE, PEAKS, SPECTROGRAM = "playable.wav", "peaks-{}.json", "spectrogram-{}.png"
USUAL_COLUMNS = 1200  # of peaks, as the page asks for them
_MOST_GAIN_DB = 24.0  # for playing: louder, and a recording's noise is all that is heard


def sound_facts(path: Path, limits: Limits) -> dict[str, Any]:
    """Facts about a recording or a score, refused where it is neither or is too long."""
    if path.suffix.lower() in SUFFIXES:
        return _score_facts(path, limits)
    return _recording_facts(path, limits)


def _score_facts(path: Path, limits: Limits) -> dict[str, Any]:
    score = read_score(path, keys=True)
    if len(score) > limits.score_notes:
        raise _too_long(
            path, f"has {len(score)} notes, more than the {limits.score_notes} that are taken"
        )
    _check_length(path, score.end_s, limits)
    tracks = [
        {
            "number": number,
            "name": part.name,
            "program": part.program,
            "is_drum": part.is_drum,
            "n_notes": len(part.notes),
        }
        for number, part in enumerate(score.parts, 1)
    ]
    sketch = preview(score)
    return {
        "kind": "score",
        "duration_s": score.end_s,
        "sample_rate": None,
        "n_channels": None,
        "subtype": None,
        "n_notes": len(score),
        "tracks": tracks,
        **_level_facts(sketch),
    }


def _recording_facts(path: Path, limits: Limits) -> dict[str, Any]:
    file = AudioFile(path)
    duration_s = file.n_samples / file.sample_rate
    _check_length(path, duration_s, limits)
    return {
        "kind": "recording",
        "duration_s": duration_s,
        "sample_rate": file.sample_rate,
        "n_channels": file.n_channels,
        "subtype": file.subtype,
        "n_notes": None,
        "tracks": [],
        **_level_facts(file),
    }


class TooLongError(InputError):
    """A sound is longer than the studio takes."""


def _too_long(path: Path, problem: str) -> TooLongError:
    return TooLongError(path.name, problem, "cut it, or use the command line, which has no limits")


def _check_length(path: Path, duration_s: float, limits: Limits) -> None:
    if duration_s > limits.recording_s:
        most = in_words(limits.recording_s)
        raise _too_long(path, f"lasts {in_words(duration_s)}, more than the {most} that are taken")


def in_words(duration_s: float) -> str:
    """A length of time.

    >>> in_words(20.0), in_words(3600.0)
    ('20 seconds', '60 minutes')
    """
    return f"{duration_s / 60:.3g} minutes" if duration_s >= 120 else f"{duration_s:.3g} seconds"


def _level_facts(source: Source) -> dict[str, Any]:
    """Loudness, peak, and the gain by which it plays as loud as every other sound."""
    meter, peak = LoudnessMeter(source.sample_rate), 0.0
    for block in source.blocks():
        meter.add(block)
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
    loudness_db = meter.loudness_db()
    level_db = loudness_db if np.isfinite(loudness_db) else meter.rms_db()
    gain_db = 0.0
    if np.isfinite(level_db) and peak > 0:
        # Not so far up that peaks are clipped.
        gain_db = min(LOUDNESS_LUFS - level_db, -20 * float(np.log10(peak)), _MOST_GAIN_DB)
    return {
        "loudness_db": float(loudness_db) if np.isfinite(loudness_db) else None,
        "peak": peak,
        "playback_gain_db": round(gain_db, 3),
    }


def open_to_hear(path: Path) -> Source:
    """The sound of a file; of a score a sketch."""
    if path.suffix.lower() in SUFFIXES:
        return preview(read_score(path))
    return AudioFile(path)


def write_playable(path: Path, output: Path) -> None:
    """Write what a browser plays: 16-bit wav, one or two channels, 48 kHz at most."""
    _write_playable(open_to_hear(path), output)


def _write_playable(source: Source, output: Path) -> None:
    rate = next((rate for rate in _PLAYED_RATES_HZ if rate >= source.sample_rate), 48000)
    n_channels = min(source.n_channels, 2)
    Destination(
        output,
        like=source,
        sample_rate=rate,
        n_channels=n_channels,
        subtype="PCM_16",
        force=True,
    ).write(source.blocks())


def write_views(path: Path, folder: Path) -> None:
    """Write what the page asks for first of a result, while it is at hand: sound and peaks."""
    source = open_to_hear(path)
    _write_playable(source, folder / PLAYABLE)
    found = json.dumps(_peaks(source, USUAL_COLUMNS))
    (folder / PEAKS.format(USUAL_COLUMNS)).write_text(found, "utf-8")
    for name in (PLAYABLE, PEAKS.format(USUAL_COLUMNS)):
        note_hash(folder / name)


def convert(path: Path, output: Path) -> None:
    """Write a recording or a score in the format that the output's extension says."""
    if path.suffix.lower() in SUFFIXES:
        from cambiata.score.notation import read, write

        write(read(path), output, force=True)
        return
    source = AudioFile(path)
    Destination(output, like=source, force=True).write(source.blocks())


def peaks(path: Path, n_columns: int) -> dict[str, Any]:
    """Extremes of a sound in columns of equal time, all channels together."""
    return _peaks(open_to_hear(path), n_columns)


def _peaks(source: Source, n_columns: int) -> dict[str, Any]:
    n_columns = min(n_columns, source.n_samples)
    highest, lowest = np.full(n_columns, -np.inf), np.full(n_columns, np.inf)
    at = 0
    for block in source.blocks():
        column = (np.arange(at, at + block.shape[1]) * n_columns) // source.n_samples
        np.maximum.at(highest, column, block.max(axis=0))
        np.minimum.at(lowest, column, block.min(axis=0))
        at += block.shape[1]
    return {
        "duration_s": source.n_samples / source.sample_rate,
        "columns": n_columns,
        "max": [round(float(each), 4) for each in highest],
        "min": [round(float(each), 4) for each in lowest],
        "peak": round(float(max(highest.max(), -lowest.min())), 4),
    }


def spectrogram_png(path: Path, n_columns: int) -> bytes:
    """Picture of a sound's spectrogram without axes, as all others are scaled."""
    picture = levels(measure_spectrogram(_at_least(open_to_hear(path)), n_columns))
    if picture.shape[1] < n_columns:  # shorter than that many frames
        picture = picture[:, np.arange(n_columns) * picture.shape[1] // n_columns]
    return palette_png(picture, MAGMA)


def _at_least(source: Source) -> Source:
    """A sound of one sample or more, as one with nothing has no spectrum."""
    return source if source.n_samples else Audio(np.zeros((1, 1), np.float32), source.sample_rate)


def spectrogram_rows_hz() -> list[float]:
    """Centre frequency of each row of the picture, from its top."""
    centres = mel_corners_hz(N_MELS, 0.0, RATE_HZ / 2)[1:-1][::-1]
    return [round(float(each), 1) for each in centres]
