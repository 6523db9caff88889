"""Recordings moved in pitch and in time, against true renders: ``python benchmarks/transpose.py``.

Lines and chords of a sound font, of keys whose samples are others N semitones on (a font itself
moves its samples by resampling), are moved by N and compared with the font's own rendering there;
for stretching, with its rendering at another tempo. FluidR3 is a training font, by which constants
are chosen (``--font fluid-r3``); TimGM6mb is reported only. Needs FluidSynth with both fonts;
rivals that are not installed are left out: ``apt-get install rubberband-cli`` and
``pip install python-stretch``.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import librosa
import numpy as np
import soundfile

import cambiata
from cambiata import Audio
from cambiata.arrays import Samples
from cambiata.audio.mel import mel_power, power_db
from cambiata.audio.source import pad_or_trim, resample
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.instrument.pitch import measure_pitch
from cambiata.score.midi import Note
from cambiata.transposition.api import Formant
from instrument import Bank
from machine import machine, table

RATE = RENDER_RATE_HZ
PROGRAMS = (0, 11, 19, 24, 33, 40, 48, 53, 56, 71, 73)
SHIFTS = (1, 3, 5, 7, 12)
KEYS = range(45, 85)
LINE_S, CHORD_S, RING_S = 0.4, 1.2, 0.6

FACTORS = (0.5, 0.8, 1.25, 2.0)
# Formants of the vowels a, i, u, e and o of men (Peterson & Barney 1952), the fourth by us.
VOWELS_HZ = (
    *((730, 1090, 2440, 3400), (270, 2290, 3010, 3600), (300, 870, 2240, 3300)),
    *((530, 1840, 2480, 3500), (570, 840, 2410, 3300)),
)

Mover = Callable[[Samples, float, float], Samples]
"""Takes a sound [1, T], semitones and a factor of its length."""


@dataclass(frozen=True)
class Item:
    """A phrase, and how far it is moved."""

    program: int
    kind: str
    shift: int
    notes: tuple[Note, ...]

    def moved(self) -> "Item":
        """The phrase as it is to be."""
        notes = tuple(replace(n, pitch=n.pitch + self.shift) for n in self.notes)
        return replace(self, shift=0, notes=notes)

    def at_tempo(self, factor: float) -> "Item":
        """The phrase so many times as long."""
        notes = (replace(n, start_s=n.start_s * factor, end_s=n.end_s * factor) for n in self.notes)
        return replace(self, notes=tuple(notes))

    def played_again(self) -> "Item":
        """The phrase with every note up to 5 ms early or late, and up to 8 softer or louder."""
        rng = np.random.default_rng(1)
        notes = []
        for note in self.notes:
            start_s = max(0.0, note.start_s + rng.uniform(-0.005, 0.005))
            velocity = int(np.clip(note.velocity + rng.integers(-8, 9), 1, 127))
            notes.append(replace(note, start_s=start_s, velocity=velocity))
        return replace(self, notes=tuple(notes))


def drum_loop() -> Item:
    """Two bars of kick, snare and hats."""
    notes = [Note(0.25 * i, 0.25 * i + 0.1, 42, 70 + 20 * (i % 2)) for i in range(16)]
    notes += [Note(0.5 * i, 0.5 * i + 0.1, 38 if i % 2 else 36, 110) for i in range(8)]
    return Item(0, "drums", 0, tuple(sorted(notes)))


def items(bank: Bank, programs: Sequence[int] = PROGRAMS) -> Iterator[Item]:
    """A line or chords for each program and step up or down, of keys with other samples there."""
    rng = np.random.default_rng(0)
    for i, program in enumerate(programs):
        for j, step in enumerate(SHIFTS):
            shift = step if (i + j) % 2 else -step
            keys = [k for k in KEYS if k + shift in KEYS and bank.is_other(program, k, k + shift)]
            if not keys:
                continue
            if (i // 2 + j) % 2:
                notes = [
                    Note(at * LINE_S, (at + 0.9) * LINE_S, int(rng.choice(keys)), int(velocity))
                    for at, velocity in enumerate(rng.integers(60, 120, 8))
                ]
            else:
                notes = [
                    Note(at * CHORD_S, (at + 0.9) * CHORD_S, int(key), int(rng.integers(60, 120)))
                    for at in range(3)
                    for key in rng.choice(keys, min(3, len(keys)), replace=False)
                ]
            kind = "line" if (i // 2 + j) % 2 else "chords"
            yield Item(program, kind, shift, tuple(notes))


def render(bank: Bank, item: Item) -> Samples:
    """A phrase [1, T] as the font plays it."""
    lasts_s = max(note.end_s for note in item.notes) + RING_S
    number = 128 if item.kind == "drums" else 0
    sound = bank.renderer.render(item.notes, item.program, lasts_s, bank=number)
    return np.asarray(sound.mean(0, keepdims=True))


# --- rivals --------------------------------------------------------------------------------------


def ours(formant: Formant) -> Mover:
    """What `cambiata.transpose` and `cambiata.stretch` give."""

    def move(sound: Samples, semitones: float, factor: float) -> Samples:
        audio = Audio(sound, RATE)
        if factor != 1:
            return cambiata.stretch(audio, factor=factor).samples
        return cambiata.transpose(audio, semitones=semitones, formant=formant).samples

    return move


def by_notes(sound: Samples, semitones: float, _factor: float) -> Samples:
    """Our note path: the sound's notes moved and played with its own timbre."""
    audio = Audio(sound, RATE)
    return cambiata.transfer(audio, audio, transpose=round(semitones)).samples


def by_rubber_band(*options: str) -> Mover:
    """Rubber Band 3 with its finer engine."""

    def move(sound: Samples, semitones: float, factor: float) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            places = [str(Path(folder) / name) for name in ("in.wav", "out.wav")]
            soundfile.write(places[0], sound.T, RATE, "FLOAT")
            amounts = ["-p", str(semitones), "-t", str(factor)]
            command = ["rubberband", "-q", "-3", *amounts, *options, *places]
            subprocess.run(command, check=True, capture_output=True)
            return np.asarray(soundfile.read(places[1], dtype="float32", always_2d=True)[0].T)

    return move


def by_signalsmith(sound: Samples, semitones: float, factor: float) -> Samples:
    """Signalsmith Stretch."""
    import python_stretch

    stretch = python_stretch.Signalsmith.Stretch()
    stretch.preset(sound.shape[0], RATE)
    stretch.setTransposeSemitones(semitones)
    stretch.timeFactor = 1 / factor
    return np.asarray(stretch.process(sound))


def by_plain_vocoder(sound: Samples, semitones: float, factor: float) -> Samples:
    """Librosa's phase vocoder, and resampling."""
    ratio = 2 ** (semitones / 12)
    stretched = librosa.effects.time_stretch(sound, rate=1 / (ratio * factor))
    return resample(np.asarray(stretched), 10000 * ratio, 10000)


def rivals() -> dict[str, Mover]:
    """What is installed of them."""
    found: dict[str, Mover] = {"resampling and a plain vocoder": by_plain_vocoder}
    if shutil.which("rubberband"):
        found["Rubber Band R3"] = by_rubber_band()
        found["Rubber Band R3, formants kept"] = by_rubber_band("-F")
    if find_spec("python_stretch"):
        found["Signalsmith Stretch"] = by_signalsmith
    return found


# --- measures ------------------------------------------------------------------------------------


def log_mel_lsd(made: Samples, true: Samples) -> float:
    """Frames' root-mean-square difference over 128 mel bands in dB, both sounds at unit RMS."""
    mono = [pad_or_trim(made, true.shape[1]).mean(0), true.mean(0)]
    levels = [power_db(mel_power(x / np.sqrt(np.mean(x**2)), RATE)) for x in mono]
    return float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=0)).mean())


def levels_db(sound: Samples) -> Samples:
    """Level of every millisecond, over 3 ms."""
    hop = RATE // 1000
    mono = sound.mean(0)
    power = (mono[: len(mono) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    smooth = np.convolve(power, np.full(3, 1 / 3), "same")
    return np.asarray(10 * np.log10(smooth + 1e-9 * power.max()), np.float32)


def onset_error_ms(made: Samples, true: Samples, onsets_s: Sequence[float]) -> float:
    """Mean distance of onsets: the lag within 40 ms at which levels around them agree best."""
    levels = [levels_db(x) for x in (pad_or_trim(made, true.shape[1]), true)]
    lags = []
    for onset_s in onsets_s:
        at = round(1000 * onset_s)
        if at < 80:
            continue
        part = levels[1][at - 40 : at + 60]
        shifted = [levels[0][at - 40 + lag : at + 60 + lag] for lag in range(-40, 41)]
        apart = [np.std(each - part) for each in shifted]
        lags.append(abs(int(np.argmin(apart)) - 40))
    return float(np.mean(lags))


def pitch_error_cents(made: Samples, true: Samples, notes: Sequence[Note]) -> float:
    """Median distance of the pitches of a line's notes from those of the true line."""
    errors = []
    for note in notes:
        start, stop = round((note.start_s + 0.08) * RATE), round((note.end_s - 0.02) * RATE)
        parts = [pad_or_trim(x, true.shape[1]).mean(0)[start:stop] for x in (made, true)]
        if any(np.abs(part).max() < 1e-3 for part in parts):
            continue  # a pad of "nothing done"
        found = [measure_pitch(part, RATE) for part in parts]
        if found[0] is not None and found[1] is not None:
            errors.append(abs(100 * (found[0].midi - found[1].midi)))
    return float(np.median(errors)) if errors else float("nan")


@dataclass(frozen=True)
class Score:
    """How far a phrase that was made lies from the true one."""

    lsd_db: float
    onset_ms: float
    pitch_cents: float  # of lines; NaN of chords and drums


def compare(made: Samples, true: Samples, item: Item) -> Score:
    """All measures."""
    onsets_s = sorted({n.start_s for n in item.notes})
    cents = pitch_error_cents(made, true, item.notes) if item.kind == "line" else float("nan")
    return Score(log_mel_lsd(made, true), onset_error_ms(made, true, onsets_s), cents)


# --- trials --------------------------------------------------------------------------------------


def transposed_scores(bank: Bank, *, notes: bool = False) -> dict[str, list[tuple[Item, Score]]]:
    """Every phrase moved to another pitch: scores by who did it."""
    movers = {"ours, keep": ours("keep"), "ours, follow": ours("follow")} | rivals()
    if notes:
        movers["ours, by notes"] = by_notes
    found: dict[str, list[tuple[Item, Score]]] = {}
    for item in items(bank):
        wanted = item.moved()
        sound, true = render(bank, item), render(bank, wanted)
        outcomes = {name: move(sound, item.shift, 1.0) for name, move in movers.items()}
        outcomes["nothing done"] = sound
        outcomes["another take of the truth"] = render(bank, wanted.played_again())
        for name, made in outcomes.items():
            found.setdefault(name, []).append((item, compare(made, true, wanted)))
    return found


def stretched_scores(bank: Bank) -> dict[str, list[tuple[Item, Score]]]:
    """Phrases and drums at another tempo; the item's shift is 100 times the factor."""
    movers = {"ours": ours("keep")}
    movers |= {name: move for name, move in rivals().items() if "kept" not in name}
    found: dict[str, list[tuple[Item, Score]]] = {}
    phrases = [item for item in items(bank) if abs(item.shift) == 3] + [drum_loop()]
    for item in phrases:
        for factor in FACTORS:
            wanted = item.at_tempo(factor)
            sound, true = render(bank, item), render(bank, wanted)
            outcomes = {name: move(sound, 0.0, factor) for name, move in movers.items()}
            outcomes["nothing done"] = sound
            outcomes["another take of the truth"] = render(bank, wanted.played_again())
            for name, made in outcomes.items():
                score = compare(made, true, wanted)
                found.setdefault(name, []).append((replace(item, shift=round(100 * factor)), score))
    return found


def vowel(hz: float, formants_hz: Sequence[float], seed: int) -> Samples:
    """A sung vowel [1, T] of 1.2 s with vibrato: partials under four resonances, faint breath."""
    t = np.arange(round(1.2 * RATE)) / RATE
    turn = 2 * np.pi * np.cumsum(hz * (1 + 0.006 * np.sin(2 * np.pi * 5.5 * t + seed))) / RATE
    sound = np.zeros(len(t))
    for k in range(1, int(14000 / hz)):
        response = 1 + 0j
        for formant_hz, width_hz in zip(formants_hz, (80, 100, 120, 180), strict=True):
            square = formant_hz**2 + (width_hz / 2) ** 2
            response *= square / (square - (k * hz) ** 2 + 1j * k * hz * width_hz)
        sound += np.abs(response) / k * np.sin(k * turn + np.angle(response))
    breath = np.random.default_rng(seed).standard_normal(len(t))
    sound = 0.3 * sound / np.abs(sound).max() + 3e-5 * breath
    sound *= np.clip(np.minimum(t / 0.03, (1.2 - t) / 0.05), 0, 1)
    return np.asarray(sound[None], np.float32)


def vowel_scores() -> dict[str, list[tuple[Item, Score]]]:
    """Vowels whose formants stay: a voice, of which the truth is known."""
    movers = {"ours, keep": ours("keep"), "ours, follow": ours("follow")} | rivals()
    found: dict[str, list[tuple[Item, Score]]] = {}
    for i, (hz, formants_hz) in enumerate(product((110, 165, 220, 330), VOWELS_HZ)):
        for shift in ((-5, 3), (-3, 7), (-7, 5), (-12, 1), (-1, 12))[i % 5]:
            sound = vowel(hz, formants_hz, i)
            true = vowel(hz * 2 ** (shift / 12), formants_hz, i)
            item = Item(0, "vowel", shift, ())
            outcomes = {name: move(sound, shift, 1.0) for name, move in movers.items()}
            for name, made in (outcomes | {"nothing done": sound}).items():
                score = Score(log_mel_lsd(made, true), float("nan"), float("nan"))
                found.setdefault(name, []).append((item, score))
    return found


def print_scores(title: str, found: dict[str, list[tuple[Item, Score]]], own: str) -> None:
    """A table of means with 95 % intervals over phrases, and of LSD by kind and distance."""
    print(f"\n{title}\n")
    steps = sorted({abs(item.shift) for item, _ in found[own]})
    ours_db = np.array([score.lsd_db for _, score in found[own]])
    rows = []
    for name, scores in found.items():
        columns = np.array([(s.lsd_db, s.onset_ms, s.pitch_cents) for _, s in scores]).T
        cells = []
        for column in columns:
            known = column[np.isfinite(column)]
            low, high = bootstrap_interval(known) if len(known) else (np.nan, np.nan)
            cells.append(f"{known.mean():.2f} [{low:.2f}, {high:.2f}]" if len(known) else "")
        for step in steps:
            lsds = [s.lsd_db for item, s in scores if abs(item.shift) == step]
            cells.append(f"{np.mean(lsds):.2f}")
        less = ours_db - columns[0]
        low, high = bootstrap_interval(less)
        cells.append("" if name == own else f"{less.mean():+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append([name, *cells])
    header = ["", "log-mel LSD dB", "onset ms", "pitch cents", *(str(step) for step in steps)]
    print(table([*header, "ours less it, LSD dB"], rows))
    print(f"\n{len(ours_db)} phrases", flush=True)


def print_cost() -> None:
    """Time and memory for ten minutes in stereo: whole cold processes."""
    # A child's peak is no lower than this process's, so that the sound is written bit by bit.
    rng, t = np.random.default_rng(0), np.arange(RATE)
    decay = np.exp(-(t % (RATE // 2)) / (0.1 * RATE))
    rows = []
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        place = Path(folder) / "in.wav"
        with soundfile.SoundFile(place, "w", RATE, 2) as file:
            for _ in range(600):
                tones = np.stack([np.sin(t * f) * decay for f in (0.05, 0.07)])
                file.write((0.3 * tones + 0.003 * rng.standard_normal(tones.shape)).T)
        for options in (
            ["transpose", "--semitones", "3"],
            ["transpose", "--semitones", "12", "--formant", "follow"],
            ["transpose", "--to", "D"],
            ["stretch", "--factor", "1.25"],
        ):
            out = str(Path(folder) / "out.wav")
            command = [sys.executable, "-c", _MEASURED, options[0], str(place), *options[1:]]
            done = subprocess.run([*command, "-o", out, "--force"], capture_output=True, text=True)
            wall_s, cpu_s, peak_mib = done.stdout.split()[-3:]
            factor = float(wall_s) / 600
            rows.append([" ".join(options), wall_s, cpu_s, f"{factor:.3f}", peak_mib])
    print("\nten minutes, stereo, 44.1 kHz\n")
    print(table(["", "wall s", "CPU s", "real-time factor", "peak MiB"], rows))


_MEASURED = """
import contextlib, resource, sys, time
from cambiata.cli.main import main
began = time.perf_counter()
with contextlib.suppress(SystemExit):
    main()
used = resource.getrusage(resource.RUSAGE_SELF)
cpu_s, peak_mib = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(f"{time.perf_counter() - began:.1f} {cpu_s:.1f} {peak_mib:.0f}")
"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--font", default="timgm6mb")
    parser.add_argument("--tables", nargs="+", default=["pitch", "time", "vowels", "cost"])
    parser.add_argument("--notes", action="store_true", help="our note path too, which is slow")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(machine())
    font = Bank(options.font)
    if "pitch" in options.tables:
        print_scores(
            f"{options.font}: other pitches",
            transposed_scores(font, notes=options.notes),
            "ours, keep",
        )
    if "time" in options.tables:
        print_scores(f"{options.font}: other tempos, in percent", stretched_scores(font), "ours")
    if "vowels" in options.tables:
        print_scores("vowels", vowel_scores(), "ours, keep")
    if "cost" in options.tables:
        print_cost()
