"""Notes that were not recorded, against a bank's true ones: ``python benchmarks/instrument.py``.

A note of a sound font is moved by 1 to 12 semitones (to a key whose samples are others: a font
itself moves its samples by resampling), made of notes on both sides, or made at a velocity between
two; what comes out is compared with the note that the font has there. FluidR3 is a training font,
by which constants are chosen (``--choose``); TimGM6mb is reported only. Needs FluidSynth with both
fonts; rivals that are not installed are left out: ``apt-get install rubberband-cli`` and
``pip install pyworld`` (with ``setuptools<80``).
"""

import argparse
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from cambiata.arrays import Samples
from cambiata.audio.mel import mel_power, power_db
from cambiata.audio.sound import load
from cambiata.audio.source import pad_or_trim, resample
from cambiata.data import soundfont
from cambiata.data.soundfont import RENDER_RATE_HZ, Renderer, SoundFont, find_font
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.instrument import moving
from cambiata.instrument.moving import Source, choose_sources, make_note
from cambiata.instrument.recorded import find_onset, open_note
from cambiata.score.midi import Note
from machine import machine, table

PROGRAMS = (0, 11, 19, 24, 40, 56, 71, 73)
SHIFTS = (1, 2, 3, 5, 8, 12)
KEYS = range(50, 85)
# Notes are held; the first two seconds are compared, of which twice as much is there to be moved up
# by an octave as samplers do. Slow rivals get what they need of it.
HELD_S, COMPARED_S, NEEDED_S = 4.5, 2.0, 2.4
GAPS = (4, 8, 12)  # semitones between two recorded notes

Move = Callable[[Samples, int], Samples]


class Bank:
    """Notes of a font, rendered when they are asked for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.font = SoundFont(find_font(name))
        self.renderer = Renderer(self.font)
        self._hydra = soundfont._read_hydra(self.font.path)
        self._notes: dict[tuple[int, int, int], Samples] = {}

    def note(self, program: int, key: int, velocity: int = 96) -> Samples:
        """A note [T]."""
        place = (program, key, velocity)
        if place not in self._notes:
            notes = [Note(0.0, HELD_S, key, velocity)]
            sound = self.renderer.render(notes, program, HELD_S)
            self._notes[place] = sound.mean(0)
        return self._notes[place]

    @cache  # noqa: B019
    def samples(self, program: int, key: int) -> frozenset[str]:
        """Names of the samples that play a key."""
        hydra, found = self._hydra, set()
        for header, following in pairwise(hydra["phdr"]):
            if header[1:3] != (program, 0):
                continue
            for outer in soundfont._iterate_zones(hydra, header[3], following[3], "pbag", "pgen"):
                first, last = (hydra["inst"][outer[41] + i][1] for i in (0, 1))
                for inner in soundfont._iterate_zones(hydra, first, last, "ibag", "igen"):
                    low, high = soundfont._key_range(inner)
                    if low <= key <= high:
                        found.add(soundfont._decode_name(hydra["shdr"][inner[53]][0]))
        return frozenset(found)

    def is_other(self, program: int, one: int, two: int) -> bool:
        """Whether two keys are played by different samples."""
        return not self.samples(program, one) & self.samples(program, two)


def pairs(bank: Bank) -> Iterator[tuple[int, int, int]]:
    """Programs, recorded keys and wanted keys: each shift once, upwards or downwards."""
    rng = np.random.default_rng(0)
    for program in PROGRAMS:
        for shift in SHIFTS:
            side = int(rng.choice([shift, -shift]))
            keys = [k for k in KEYS if k + side in KEYS and bank.is_other(program, k, k + side)]
            if keys:
                key = int(rng.choice(keys))
                yield program, key, key + side


# --- rivals --------------------------------------------------------------------------------------


def beginning(note: Samples, seconds: float = COMPARED_S) -> Samples:
    """The first seconds of a note."""
    return note[: round(seconds * RENDER_RATE_HZ)]


def by_resampling(note: Samples, shift: int) -> Samples:
    """A sampler's way: faster or slower."""
    rate = 10000  # a ratio of whole numbers, as soxr takes it
    return resample(note, rate * 2 ** (shift / 12), rate)


def by_rubber_band(*options: str) -> Move:
    """Rubber Band 3 with its finer engine."""

    def move(note: Samples, shift: int) -> Samples:
        with tempfile.TemporaryDirectory() as folder:
            places = [str(Path(folder) / name) for name in ("in.wav", "out.wav")]
            soundfile.write(places[0], beginning(note, NEEDED_S), RENDER_RATE_HZ, "FLOAT")
            command = ["rubberband", "-q", "-3", "-p", str(shift), *options, *places]
            subprocess.run(command, check=True, capture_output=True)
            return np.asarray(soundfile.read(places[1], dtype="float32")[0])

    return move


def by_world(note: Samples, shift: int) -> Samples:
    """WORLD (Morise et al. 2016): the spectral envelope and aperiodicity stay where they are."""
    import pyworld

    sound = beginning(note, NEEDED_S).astype(np.float64)
    rough, times = pyworld.dio(sound, RENDER_RATE_HZ, f0_floor=60, f0_ceil=1600)
    f0 = pyworld.stonemask(sound, rough, times, RENDER_RATE_HZ)
    envelope = pyworld.cheaptrick(sound, f0, times, RENDER_RATE_HZ, f0_floor=60)
    size = 2 * (envelope.shape[1] - 1)
    noise = pyworld.d4c(sound, f0, times, RENDER_RATE_HZ, fft_size=size)
    moved = pyworld.synthesize(f0 * 2 ** (shift / 12), envelope, noise, RENDER_RATE_HZ)
    return np.asarray(moved, np.float32)


def rivals() -> dict[str, Move]:
    """What is installed of them."""
    found: dict[str, Move] = {"resampling": by_resampling}
    if shutil.which("rubberband"):
        found["Rubber Band R3"] = by_rubber_band()
        found["Rubber Band R3, formants kept"] = by_rubber_band("-F")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyworld  # noqa: F401
    except ImportError:
        return found
    return found | {"WORLD": by_world}


# --- measures ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Score:
    """Differences between a note that was made and the true one."""

    lsd_db: float
    attack_ms: float
    decay_db_s: float
    brightness_semitones: float

    @property
    def numbers(self) -> tuple[float, ...]:
        """In the order of the table."""
        return (self.lsd_db, self.attack_ms, self.decay_db_s, self.brightness_semitones)


def log_mel_lsd(made: Samples, true: Samples) -> float:
    """Frames' root-mean-square difference over 128 mel bands in dB, both sounds at unit RMS."""
    true = beginning(true)
    made = pad_or_trim(made, len(true))
    levels = [power_db(mel_power(x / np.sqrt(np.mean(x**2)), RENDER_RATE_HZ)) for x in (made, true)]
    return float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=0)).mean())


def envelope_db(note: Samples, hop: int = 220) -> Samples:
    """Level in frames of 5 ms, smoothed over 15."""
    n = len(note) // hop
    power = np.convolve((note[: n * hop].reshape(n, hop) ** 2).mean(1), np.full(3, 1 / 3), "same")
    return np.asarray(10 * np.log10(power + 1e-12), np.float32)


def attack_s(note: Samples) -> float:
    """From 20 dB below the loudest of the first half second to 3 dB below it."""
    level = envelope_db(note)[:100]
    top = level.max()
    return 0.005 * float(np.argmax(level > top - 3) - np.argmax(level > top - 20))


def decay_db_s(note: Samples) -> float:
    """How fast the note decays from 0.3 s on, at most 60 dB down."""
    level = envelope_db(note)[60:]
    usable = level > max(level.max() - 60, -100)
    t = np.arange(len(level))[usable] * 0.005
    return -float(np.polyfit(t, level[usable], 1)[0]) if usable.sum() > 20 else 0.0


def brightness(note: Samples) -> float:
    """Spectral centroid of power, in semitones."""
    power = np.abs(np.fft.rfft(note)) ** 2
    hz = np.fft.rfftfreq(len(note), 1 / RENDER_RATE_HZ)
    return float(12 * np.log2(hz @ power / power.sum()))


def compare(made: Samples, true: Samples) -> Score:
    """Both notes' measures, one less the other."""
    true = beginning(true)
    made = pad_or_trim(made, len(true))
    return Score(
        log_mel_lsd(made, true),
        1000 * abs(attack_s(made) - attack_s(true)),
        abs(decay_db_s(made) - decay_db_s(true)),
        abs(brightness(made) - brightness(true)),
    )


# --- trials --------------------------------------------------------------------------------------


def source_of(note: Samples, key: int, velocity: int = 96) -> Source:
    """A note as `make_instrument` opens it."""
    return open_note(note, RENDER_RATE_HZ, f"key {key}", velocity=velocity, key=key)


def ours(sources: list[tuple[Source, float]], key: int, velocity: int = 96) -> Samples:
    """A note made of others, begun where they begin."""
    return make_note(sources, key, velocity, round(NEEDED_S * RENDER_RATE_HZ))


def moved_scores(bank: Bank) -> dict[str, dict[int, list[Score]]]:
    """One recorded note moved: scores by who did it and by how far."""
    movers = rivals()
    found: dict[str, dict[int, list[Score]]] = {}
    for program, key, wanted in pairs(bank):
        note, true = bank.note(program, key), bank.note(program, wanted)
        outcomes = {name: move(note, wanted - key) for name, move in movers.items()}
        outcomes["ours"] = ours([(source_of(note, key), 1.0)], wanted)
        for name, made in outcomes.items():
            scores = found.setdefault(name, {}).setdefault(abs(wanted - key), [])
            scores.append(compare(made, true))
    return found


def between_scores(bank: Bank) -> dict[str, dict[int, list[Score]]]:
    """A note halfway between two recorded ones: ours of both, the rivals' of the nearer, lower."""
    movers = rivals()
    rng = np.random.default_rng(1)
    found: dict[str, dict[int, list[Score]]] = {}
    for program in PROGRAMS:
        for gap in GAPS:
            half = gap // 2
            keys = [
                k
                for k in KEYS
                if k + gap in KEYS
                and bank.is_other(program, k, k + half)
                and bank.is_other(program, k + gap, k + half)
            ]
            if not keys:
                continue
            low = int(rng.choice(keys))
            true = bank.note(program, low + half)
            notes = [bank.note(program, low), bank.note(program, low + gap)]
            outcomes = {name: move(notes[0], half) for name, move in movers.items()}
            both = [source_of(note, low + i * gap) for i, note in enumerate(notes)]
            outcomes["ours"] = ours([(both[0], 0.5), (both[1], 0.5)], low + half)
            for name, made in outcomes.items():
                scores = found.setdefault(name, {}).setdefault(gap, [])
                scores.append(compare(made, true))
    return found


def velocity_scores(bank: Bank) -> dict[str, dict[int, list[Score]]]:
    """A velocity between two recorded ones, and the rival: the louder note, made softer."""
    found: dict[str, dict[int, list[Score]]] = {}
    for program in PROGRAMS:
        for key in (57, 72):
            low, high = (source_of(bank.note(program, key, v), key, v) for v in (40, 120))
            true = bank.note(program, key, 76)
            chosen = choose_sources([low, high], low.model.midi, 76)
            outcomes = {"louder note": bank.note(program, key, 120), "ours": ours(chosen, key, 76)}
            for name, made in outcomes.items():
                found.setdefault(name, {}).setdefault(0, []).append(compare(made, true))
    return found


def print_piano(folder: Path) -> None:
    """Tables for a recorded piano of five levels: files LEVELn_CLOSE_KEY.ogg, a key in three."""

    def note(level: int, key: int) -> Samples:
        sound = load(folder / f"LEVEL{level}_CLOSE_{key}.ogg").mono().resampled(RENDER_RATE_HZ)
        samples = sound.samples[0]
        return beginning(samples[max(0, find_onset(samples) - RENDER_RATE_HZ // 200) :], HELD_S)

    movers = rivals()
    moved: dict[str, dict[int, list[Score]]] = {}
    between: dict[str, dict[int, list[Score]]] = {}
    layered: dict[str, dict[int, list[Score]]] = {}
    for key in range(36, 97, 12):
        true = note(3, key)
        for shift in (3, -6, 9, -12):
            other = note(3, key - shift)
            outcomes = {name: move(other, shift) for name, move in movers.items()}
            outcomes["ours"] = ours([(source_of(other, key - shift), 1.0)], key)
            for name, made in outcomes.items():
                moved.setdefault(name, {}).setdefault(abs(shift), []).append(compare(made, true))
        for gap in (6, 12):
            notes = [note(3, key - gap // 2), note(3, key + gap // 2)]
            sides = [
                (source_of(each, key + (2 * i - 1) * gap // 2), 0.5) for i, each in enumerate(notes)
            ]
            outcomes = {"resampling": by_resampling(notes[0], gap // 2), "ours": ours(sides, key)}
            for name, made in outcomes.items():
                between.setdefault(name, {}).setdefault(gap, []).append(compare(made, true))
        soft, loud = note(2, key), note(4, key)
        sides = [(source_of(soft, key, 50), 0.5), (source_of(loud, key, 110), 0.5)]
        pitch = sides[0][0].model.midi
        middle = make_note(sides, pitch, 80, round(NEEDED_S * RENDER_RATE_HZ))
        for name, made in (("louder note", loud), ("softer note", soft), ("ours", middle)):
            layered.setdefault(name, {}).setdefault(0, []).append(compare(made, true))
    print_scores("piano: one note moved", moved, ["<= 4", "> 4 semitones"])
    print_scores("piano: between two", between, [])
    print_scores("piano: between two velocities", layered, [])


def print_scores(title: str, found: dict[str, dict[int, list[Score]]], groups: list[str]) -> None:
    """A table of means with intervals, and of log-mel LSD by distance."""
    print(f"\n{title}\n")
    rows = []
    own = np.array([s.lsd_db for each in found["ours"].values() for s in each])
    for name, by_distance in found.items():
        scores = np.array([s.numbers for each in by_distance.values() for s in each])
        cells = []
        for column in scores.T:
            low, high = bootstrap_interval(column)
            cells.append(f"{column.mean():.2f} [{low:.2f}, {high:.2f}]")
        for is_far in (False, True) if len(groups) == 2 else ():
            lsds = [s.lsd_db for d, each in by_distance.items() for s in each if (d > 4) == is_far]
            cells.append(f"{np.mean(lsds):.2f}")
        less = own - scores[:, 0]
        low, high = bootstrap_interval(less)
        cells.append("" if name == "ours" else f"{less.mean():+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append([name, *cells])
    header = ["", "log-mel LSD dB", "attack ms", "decay dB/s", "brightness semitones", *groups]
    header.append("ours less it, LSD dB")
    print(table(header, rows))
    print(f"\n{len(scores)} notes", flush=True)


def choose(bank: Bank) -> None:
    """Log-mel LSD over the constants that are chosen."""
    chosen = [(bank.note(p, k), bank.note(p, w), k, w) for p, k, w in pairs(bank)]
    opened = [source_of(note, key) for note, _, key, _ in chosen]
    plain = [log_mel_lsd(by_resampling(note, w - k), true) for note, true, k, w in chosen]
    print(f"resampling: {np.mean(plain):.3f}; {len(chosen)} notes")
    for name, values in {
        "BY_FREQUENCY": (0.0, 0.25, 0.5, 0.75, 1.0),
        "DECAY_POWER": (0.0, 0.25, 0.5, 1.0),
    }.items():
        before = getattr(moving, name)
        for value in values:
            setattr(moving, name, value)
            scores = [
                log_mel_lsd(ours([(source, 1.0)], wanted), true)
                for source, (_, true, _, wanted) in zip(opened, chosen, strict=True)
            ]
            low, high = bootstrap_interval(scores)
            print(f"{name} {value}: {np.mean(scores):.3f} [{low:.3f}, {high:.3f}]", flush=True)
        setattr(moving, name, before)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", action="store_true", help="constants, by FluidR3")
    parser.add_argument("--fonts", nargs="+", default=["fluid-r3", "timgm6mb"])
    parser.add_argument("--piano", type=Path, help="Headroom Piano's folder, and nothing else")
    options = parser.parse_args()
    if options.choose:
        choose(Bank("fluid-r3"))
        raise SystemExit
    print(machine())
    if options.piano:
        print_piano(options.piano)
        raise SystemExit
    for font in options.fonts:
        bank = Bank(font)
        print_scores(f"{font}: one note moved", moved_scores(bank), ["<= 4", "> 4 semitones"])
        print_scores(f"{font}: between two", between_scores(bank), ["<= 4", "> 4 apart"])
        print_scores(f"{font}: between two velocities", velocity_scores(bank), [])
