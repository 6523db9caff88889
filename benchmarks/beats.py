"""Beats and bars on rendered scores whose tempo changes: ``python benchmarks/beats.py [FOLDER]``.

Twenty-four works that nothing is trained on, rendered by training fonts with rubato and with
ritardandi, accelerandi and new tempos, are transcribed with ``tempo="auto"``; mir_eval compares the
beats and the bars of the file's clock with the score's, and those of librosa's tracker. FOLDER
gets the sounds.
"""

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import librosa
import mir_eval
import music21
import numpy as np
import numpy.typing as npt

import cambiata
from cambiata.audio.sound import Audio
from cambiata.data.scores import COLLECTIONS, Work
from cambiata.data.soundfont import Renderer, SoundFont, find_font
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.score import notation
from cambiata.score.clock import Metre
from cambiata.score.midi import Note, Score
from cambiata.score.sheet import Sheet
from cambiata.score.spelling import key_fifths
from machine import table

Curve = npt.NDArray[np.float64]
Written = tuple[float, float, int]  # start and length in quarter notes, pitch

COUNTS = {"chorales": 7, "tunes": 4, "acc": 5, "quartets": 5, "keyboard": 3}
NAMES = {"tunes": "tunes, one voice", "acc": "tunes with chords", "quartets": "string quartets"}
FONTS = ("fluid-r3", "musescore-general", "csound-gm")
PROGRAMS: dict[str, tuple[tuple[int, ...], ...]] = {
    "chorales": (
        (0,) * 4,
        (19,) * 4,
        (40, 41, 42, 42),
        (48,) * 4,
        (73, 68, 71, 70),
        (6,) * 4,
        (24,) * 4,
    ),
    "quartets": ((40, 40, 41, 42),),
    "keyboard": ((0, 0), (6, 6), (4, 4)),
    "tunes": ((40,), (73,), (21,), (24,), (71,), (0,), (105,)),
    "acc": ((40, 24), (73, 0), (0, 0), (21, 24), (71, 0)),
}
SECONDS = 36
CHORDS = {
    False: ((0, 4, 7), (5, 9, 0), (7, 11, 2), (9, 0, 4)),
    True: ((0, 3, 7), (5, 8, 0), (7, 10, 2), (3, 7, 10)),
}


@dataclass(frozen=True)
class Performance:
    """A work as it was played, and where its beats and bars are."""

    parts: list[list[Note]]
    beats_s: Curve
    bars_s: Curve
    tempo: str  # what it does


def files_of(collection: str) -> list[Path]:
    """Files of the works of a collection that are for tests."""
    root = Path(music21.__file__).parent / "corpus"
    known = next(each for each in COLLECTIONS if each.name == collection)
    paths = (path for pattern in known.patterns for path in root.glob(pattern))
    return [
        path
        for path in sorted(paths)
        if path.suffix != ".krn"
        and Work(path.relative_to(root).as_posix(), collection, ()).split == "test"
    ]


def tempo_curve(n_beats: int, rng: np.random.Generator) -> tuple[Curve, str]:
    """Tempo of each beat, in octaves of the work's: rubato, an end, and one more thing."""
    beat = np.arange(n_beats)
    depth, period = rng.uniform(0.02, 0.12), rng.uniform(8, 32)
    curve = depth * np.sin(2 * np.pi * beat / period + rng.uniform(0, 6.28))
    curve += np.convolve(rng.normal(0, 0.03, n_beats), np.ones(4) / 4, "same")
    kind = str(rng.choice(["rit", "step", "accel", "mid-rit"]))
    end = np.clip((beat - (n_beats - rng.integers(4, 8))) / 6, 0, 1)
    curve = curve - rng.uniform(0.3, 0.7) * end
    if kind == "step":
        at = rng.uniform(0.35, 0.65) * n_beats
        curve = curve + rng.choice([-1, 1]) * rng.uniform(0.2, 0.4) * (beat > at)
    if kind == "accel":
        curve = curve + rng.uniform(0.3, 0.5) * beat / n_beats
    if kind == "mid-rit":
        middle = int(rng.uniform(0.35, 0.65) * n_beats)
        dip = np.clip(1 - np.abs(beat - middle) / 3, 0, 1)
        curve = curve - rng.uniform(0.3, 0.5) * dip
    return curve, kind


def accent_of(place: float, metre: Metre) -> float:
    """How strong a place in a bar is, 0.15 to 1."""
    bar, beat = float(metre.bar), float(metre.beat)
    if abs(place % bar) < 1e-6:
        return 1.0
    if abs(place % bar - bar / 2) < 1e-6 and metre.beats % 4 == 0:
        return 0.6
    return 0.4 if abs(place % beat) < 1e-6 else 0.15


def chords_to(sheet: Sheet) -> list[Written]:
    """Bass on each first beat (of half bars in slow metres), the chord on the others."""
    metre, tones = sheet.metre, sheet.voices[0].tones
    is_minor = sheet.key.endswith("m")
    tonic = (7 * key_fifths(sheet.key) + 9 * is_minor) % 12
    n_halves = 2 if metre.beats % 2 == 0 and metre.bar >= 3 else 1
    length, beat = float(metre.bar) / n_halves, float(metre.beat)
    chords, begin, end = [], float(sheet.pickup), float(sheet.end)
    while begin < end - 1e-6:
        used = np.zeros(12)
        for tone in tones:
            both = min(begin + length, float(tone.end)) - max(begin, float(tone.start))
            if both > 0:
                first = abs(float(tone.start) - begin) < 1e-6
                used[(tone.pitch - tonic) % 12] += both * (1.5 if first else 1)
        triads = CHORDS[is_minor]
        chord = max(triads, key=lambda c: sum(used[p] for p in c) + 0.1 * (c == triads[0]))
        chords.append((begin, beat * 0.9, 36 + (tonic + chord[0]) % 12))
        at = begin + beat
        while at < min(begin + length, end) - 1e-6:
            chords += [(at, beat * 0.5, 54 + (tonic + p - 54) % 12) for p in chord]
            at += beat
        begin += length
    return chords


def perform(sheet: Sheet, rng: np.random.Generator, *, with_chords: bool) -> Performance:
    """Some bars of a sheet, played."""
    metre, pickup = sheet.metre, float(sheet.pickup)
    bar, beat = float(metre.bar), float(metre.beat)
    bpm = rng.uniform(62, 130 if metre.is_compound else 135)
    bpm = bpm if metre.unit != 2 else rng.uniform(55, 100)
    n_whole = int((float(sheet.end) - pickup) / bar)
    n_bars = max(4, min(n_whole, round(SECONDS * bpm / 60 * beat / bar)))
    first = 0
    if not (pickup or n_whole - n_bars < 1 or rng.random() < 0.5):
        first = int(rng.integers(0, n_whole - n_bars))
    start, end = pickup + first * bar if first else 0.0, pickup + (first + n_bars) * bar
    beats = np.arange(start + (0.0 if first else pickup) % beat, end + 1e-6, beat)
    curve, kind = tempo_curve(len(beats) + 2, rng)
    grid = np.arange(start, end + bar, 1 / 16)
    octaves = np.interp((grid - start) / beat, np.arange(len(curve)), curve)
    times_s = np.append(0, np.cumsum(1 / 16 / (bpm / 60 * beat * 2**octaves))[:-1])
    times_s += rng.uniform(0.1, 1.2)
    written = [[(float(t.start), float(t.length), t.pitch) for t in v.tones] for v in sheet.voices]
    written += [chords_to(sheet)] if with_chords else []
    base, accent = rng.uniform(60, 95), rng.uniform(4, 18)
    jitter_s, legato = rng.uniform(0.004, 0.015), rng.uniform(0.75, 1.0)
    parts = []
    for number, part in enumerate(written):
        level = -12 if with_chords and number == 1 else 0
        played = []
        for at, length, pitch in part:
            if at < start - 1e-9 or at >= end - 1e-6 or not 21 <= pitch <= 108:
                continue
            on_s, off_s = np.interp([at, min(at + length, end)], grid, times_s)
            begin_s = max(0.0, float(on_s) + rng.normal(0, jitter_s))
            until_s = max(begin_s + 0.05, float(on_s + (off_s - on_s) * legato))
            swell = 6 * np.sin((at - start) / (4 * bar) * 2 * np.pi)
            strength = accent * (accent_of(at - pickup, metre) - 0.4) * 1.4
            velocity = base + level + strength + rng.normal(0, 5) + swell
            played.append(Note(begin_s, until_s, pitch, int(np.clip(round(velocity), 20, 120))))
        if played:
            parts.append(sorted(played))
    beats = beats[beats < end - 1e-6]
    is_first = np.abs((beats - pickup + 1e-6) % bar) < 1e-5
    beats_s = np.interp(beats, grid, times_s)
    return Performance(parts, beats_s, beats_s[is_first], kind)


def render(parts: Sequence[list[Note]], programs: Sequence[int], font: SoundFont) -> Audio:
    """The parts by programs of a font; by its piano where it cannot play them."""
    end_s = max(note.end_s for part in parts for note in part) + 1
    mixture = np.zeros((2, 1), np.float32)
    with Renderer(font) as renderer:
        for number, part in enumerate(parts):
            program = programs[min(number, len(programs) - 1)]
            usable = font.presets[program].pitches if program in font.presets else ()
            if any(note.pitch not in usable for note in part):
                program = 0
            mixture = mixture + renderer.render(part, program, end_s)
    return Audio(mixture * np.float32(0.5 / np.abs(mixture).max()), renderer.sample_rate)


def make_set() -> list[tuple[str, str, Performance, Audio]]:
    """Group, name, performance and sound of every clip."""
    rng = np.random.default_rng(1)
    clips = []
    for group, n in COUNTS.items():
        paths = files_of("tunes" if group == "acc" else group)
        kinds: list[bool] = []  # whether each has two or four beats
        for i in rng.permutation(len(paths)):
            if len(kinds) == n:
                break
            try:
                sheet = notation.read_all(paths[i])[0]
            except cambiata.InputError:
                continue
            metre = sheet.metre
            is_duple = metre.beats in (2, 4)
            if metre.beats not in (2, 3, 4, 6, 9, 12) or len(sheet.tempos) > 6:
                continue
            if is_duple and kinds.count(True) >= 0.6 * n:
                continue
            if group == "chorales" and len(sheet.voices) != 4:
                continue
            kinds.append(is_duple)
            performance = perform(sheet, rng, with_chords=group == "acc")
            if len(performance.beats_s) < 16:
                kinds.pop()
                continue
            programs = PROGRAMS[group][int(rng.integers(len(PROGRAMS[group])))]
            font = SoundFont(find_font(FONTS[int(rng.integers(3))]))
            sound = render(performance.parts, programs, font)
            clips.append((group, f"{paths[i].stem} {metre}", performance, sound))
    return clips


def beats_of(score: Score) -> tuple[Curve, Curve]:
    """Beats and beginnings of bars that a score's clock has, from its first note on."""
    clock = score.clock
    last = clock.quarters(score.end_s)
    starts = [at for at, _ in clock.metres]
    bars: list[float] = []
    lasting: dict[Metre, float] = {}
    for (at, metre), end in zip(clock.metres, [*starts[1:], last], strict=True):
        bars += np.arange(at, end - 1e-6, float(metre.bar)).tolist()
        lasting[metre] = lasting.get(metre, 0.0) + end - at
    metre = max(lasting, key=lambda each: lasting[each])
    origin = next(at for at, each in clock.metres if each == metre)
    beat = float(metre.beat)
    places = origin + beat * np.arange(-int(origin / beat + 1e-6), int((last - origin) / beat) + 1)
    first_s = score.notes[0].start_s - 0.1
    both = (np.array([clock.seconds(q) for q in each]) for each in (places.tolist(), bars))
    beats_s, bars_s = (times[times >= first_s] for times in both)
    return beats_s, bars_s


def measure(performance: Performance, sound: Audio) -> tuple[float, float, float]:
    """F-measure of our beats, of librosa's, and of our bars."""
    beats_s, bars_s = beats_of(cambiata.transcribe(sound, tempo="auto"))
    samples = sound.mono().resampled(22050).samples[0]
    _, theirs_s = librosa.beat.beat_track(y=samples, sr=22050, units="time")
    f_measure: Any = mir_eval.beat.f_measure
    return (
        f_measure(performance.beats_s, beats_s),
        f_measure(performance.beats_s, theirs_s),
        f_measure(performance.bars_s, bars_s),
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="for the sounds")
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore")
    lines = []
    for i, (group, name, performance, sound) in enumerate(make_set()):
        if folder is not None:
            sound.save(Path(folder) / f"{i:02}.wav", force=True)
        lines.append((group, name, performance.tempo, *measure(performance, sound)))
        print(*lines[-1][:3], *(f"{x:.2f}" for x in lines[-1][3:]), flush=True)
    rows = []
    for group in (*COUNTS, "all"):
        values = np.array([line[3:] for line in lines if group in (line[0], "all")])
        ends = [bootstrap_interval(column.tolist()) for column in values.T]
        cells = [
            f"{mean:.3f} [{low:.3f}, {high:.3f}]"
            for mean, (low, high) in zip(values.mean(axis=0), ends, strict=True)
        ]
        rows.append([f"{NAMES.get(group, group)} ({len(values)})", *cells])
    print(table(["music", "beats, ours", "beats, librosa", "bars, ours"], rows))


if __name__ == "__main__":
    main()
