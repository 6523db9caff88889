"""Test sets, rows and tools small enough that a whole run takes seconds; workers import them."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tiny_fonts import (
    Program,
    Zone,
    fluidsynth,
    plucked,
    write_font,
)

from cambiata.audio.sound import Audio
from cambiata.engines.failure import Failure, format_error
from cambiata.errors import CambiataError, InputError
from cambiata.evaluate.rows import Row
from cambiata.evaluate.testset import Clips, Entry
from cambiata.evaluate.tracking import TrackerError
from cambiata.score.midi import Note

__all__ = ["Program", "Zone", "fluidsynth", "plucked", "write_font"]

RATE = 16000
N_SAMPLES = 12000


def steady(pitch: float, duration_s: float, *gaps: tuple[float, float]) -> Audio:
    """A steady note, silent within `gaps`."""
    t = np.arange(round(duration_s * RATE)) / RATE
    sound = 0.1 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t)
    for begin_s, end_s in gaps:
        sound[round(begin_s * RATE) : round(end_s * RATE)] = 0
    return Audio(sound, RATE, "PCM_16")


def sine(pitch: float, n_partials: int = 1, n_samples: int = N_SAMPLES) -> Audio:
    """A note of so many harmonics, and some noise, which tells rows with equal notes apart."""
    t = np.arange(n_samples) / RATE
    f0_hz = 440 * 2 ** ((pitch - 69) / 12)
    sound = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, n_partials + 1))
    noise = np.random.default_rng(n_partials).normal(0, 0.01, n_samples)
    return Audio(0.1 * sound + 0.1 * noise, RATE)


@dataclass(frozen=True)
class TinySet:
    """Pairs of a sine as content and a note of 6 harmonics as style; pair N plays pitch 60 + N."""

    n_pairs: int = 3
    name: str = "artificial"
    target: bool = True
    broken: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    title = "Tiny"

    @property
    def about(self) -> str:
        return f"{self.n_pairs} pairs."

    @property
    def facts(self) -> dict[str, Any]:
        return {"target": self.target, "seed": 0, **self.extra}

    @property
    def entries(self) -> list[Entry]:
        side = {"label": "sine", "source": self.extra.get("source", "here")}
        return [Entry(f"{n:04}", f"bin{n % 2}", side, side) for n in range(self.n_pairs)]

    def clips(self, name: str) -> Clips:
        if name == self.broken:
            raise InputError("a.wav", "is truncated", "take a whole one")
        pitch = 60 + int(name)
        content, style = sine(pitch), sine(48, 6)
        if not self.target:
            return Clips(content, style)
        return Clips(content, style, sine(pitch, 6), (Note(0.0, 0.75, pitch),))


# --- rows -----------------------------------------------------------------------------------------


def _soft(clips: Clips) -> Audio:
    return Audio(clips.content.samples * np.float32(0.5), RATE)


def _short(clips: Clips) -> Audio:
    return Audio(clips.style.samples[:, : N_SAMPLES // 2], RATE)


def _refusing(clips: Clips) -> Audio:
    if clips.notes and clips.notes[0].pitch == 61:
        raise InputError("content", "is too quiet", "choose another")
    return clips.content


def _dying(clips: Clips) -> Audio:
    if clips.notes and clips.notes[0].pitch == 61:
        os.kill(os.getpid(), signal.SIGKILL)
    return clips.style


def _silent(clips: Clips) -> Audio:
    return Audio(np.zeros_like(clips.content.samples), RATE)


def hanging(_clips: Clips) -> Audio:
    """Leaves word of its process in the folder that TINY_PIDS names, and never ends."""
    Path(os.environ["TINY_PIDS"], f"{os.getpid()}.pid").touch()
    while True:
        time.sleep(0.01)


SOFT = Row("soft:half", "soft (half)", "the content at half its level", "system", _soft)
SHORT = Row("short", "short", "half of the style", "system", _short)
REFUSING = Row("refusing", "refusing", "refuses pair 1", "system", _refusing)
DYING = Row("dying", "dying", "dies of pair 1", "system", _dying)
SILENT = Row("silent", "silent", "nothing to hear", "system", _silent)
HANGING = Row("hanging", "hanging", "never ends", "system", hanging)


# --- tools ----------------------------------------------------------------------------------------


def _loudest(samples: np.ndarray, rate: int) -> list[int]:
    """MIDI number of the greatest peak above 100 Hz; none in silence."""
    if not np.any(samples):
        return []
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    f_hz = np.fft.rfftfreq(8 * len(samples), 1 / rate)
    spectrum[f_hz < 100] = 0
    return [round(69 + 12 * np.log2(f_hz[spectrum.argmax()] / 440))]


class Tracker:
    """A pitch tracker that hears one pitch in every tenth of a second."""

    name = "loudest peak"

    def pitches(self, samples: np.ndarray, rate: int) -> list[list[int]]:
        n = rate // 10
        return [_loudest(samples[at : at + n], rate) for at in range(0, len(samples) - n + 1, n)]

    def close(self) -> None:
        pass


class Failing(Tracker):
    """A tracker that always fails."""

    def pitches(self, samples: np.ndarray, rate: int) -> list[list[int]]:
        raise TrackerError(f"took too long on {len(samples) / rate:g} s")


class Transcriber:
    """One note from begin to end."""

    name = "numpy"  # so that there is a version to be told

    def notes(self, samples: np.ndarray, rate: int) -> list[Note]:
        return [Note(0.0, len(samples) / rate, key) for key in _loudest(samples, rate)]


class Timbre:
    """Magnitudes in 64 bands."""

    def embedding(self, samples: np.ndarray) -> np.ndarray:
        bands = np.array_split(np.abs(np.fft.rfft(samples)), 64)
        return np.array([band.sum() for band in bands], np.float32)


def tools() -> tuple[Tracker, Transcriber, Timbre]:
    return Tracker(), Transcriber(), Timbre()


def failing_tools() -> tuple[Tracker, Transcriber, Timbre]:
    return Failing(), Transcriber(), Timbre()


# --- running --------------------------------------------------------------------------------------


def in_place(
    function: Callable[[Any], Any], tasks: Sequence[Any], _n_workers: int
) -> Iterator[tuple[Any, Any]]:
    """What the pool does, without processes."""
    for task in tasks:
        try:
            yield task, function(task)
        except (CambiataError, ValueError, OSError) as error:
            yield task, Failure(format_error(error))


def lines(folder: Path) -> list[dict[str, Any]]:
    """Lines of a set's scores that are whole."""
    found = []
    for line in (folder / "scores.jsonl").read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
