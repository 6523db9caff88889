"""Sounds between two others, against true ones: ``python benchmarks/morph.py``.

What lies truly between is known of formulas (tones and computed pianos whose parameters are
interpolated) and of one instrument's note between two others in pitch or in velocity, as a sound
font has it. FluidR3 is a training font, by which constants were chosen (``--choose``: those rows
alone); TimGM6mb is reported only. Needs FluidSynth with both fonts; WORLD is left out where it is
not installed: ``pip install pyworld`` (with ``setuptools<80``).
"""

import argparse
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
import scipy.signal

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.mel import mel_power, power_db
from cambiata.audio.sound import Audio
from cambiata.audio.source import pad_or_trim
from cambiata.data.procedural import Piano
from cambiata.data.soundfont import Renderer, SoundFont, find_font
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.instrument.pitch import measure_pitch
from cambiata.instrument.recorded import find_onset
from cambiata.score.midi import Note
from cambiata.score.rolls import note_name
from machine import machine, table

RATE = 44100
N_EACH = 12  # pairs of each kind
AMOUNTS = tuple(i / 10 for i in range(11))
PROGRAMS = (0, 4, 11, 19, 24, 32, 40, 42, 56, 60, 65, 71, 73)
HELD_S, LENGTH_S = 1.5, 2.0

Between = Callable[[Audio, Audio, float], Samples]


@dataclass(frozen=True)
class Pair:
    """Two sounds, and the true one between them."""

    kind: str
    a: Audio
    b: Audio
    amount: float
    true: Samples


# --- sounds ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tone:
    """A tone by a formula: partials under a tilt and a formant, an envelope, vibrato, noise."""

    midi: float
    tilt_db: float  # an octave
    formant_midi: float
    formant_db: float
    attack_log_s: float
    decay_db_s: float
    held_s: float
    vibrato_cents: float
    noise_db: float
    noise_midi: float  # centre of its band
    level_db: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Tone":
        """A random tone; what is not a level or a time is in semitones."""
        return cls(
            midi=float(rng.integers(48, 73)),
            tilt_db=float(rng.uniform(3, 12)),
            formant_midi=float(rng.uniform(70, 100)),
            formant_db=float(rng.uniform(0, 20)),
            attack_log_s=float(rng.uniform(np.log(0.004), np.log(0.15))),
            decay_db_s=float(rng.uniform(0, 20)),
            held_s=float(rng.uniform(0.6, 1.6)),
            vibrato_cents=float(rng.choice([0, rng.uniform(0, 40)])),
            noise_db=float(rng.uniform(-60, -30)),
            noise_midi=float(rng.uniform(80, 115)),
            level_db=float(rng.uniform(-20, -8)),
        )

    def between(self, other: "Tone", amount: float) -> "Tone":
        """The tone whose parameters lie between."""
        mean = (1 - amount) * np.array(astuple(self)) + amount * np.array(astuple(other))
        return Tone(**dict(zip((f.name for f in fields(Tone)), mean.tolist(), strict=True)))

    def sound(self) -> Samples:
        """Samples [T]."""
        attack_s = float(np.exp(self.attack_log_s))
        t = np.arange(round((attack_s + self.held_s + 0.2) * RATE)) / RATE
        hz = 440 * 2 ** ((self.midi - 69) / 12)
        # Vibrato begins late; its rate is the same in all tones.
        depth = self.vibrato_cents * np.clip((t - 0.2) / 0.3, 0, 1)
        course = hz * 2 ** (depth * np.sin(2 * np.pi * 5.5 * t) / 1200)
        phase = 2 * np.pi * np.cumsum(course) / RATE
        tone = np.zeros(len(t))
        for k in range(1, int(min(60, 16000 / hz)) + 1):
            midi = self.midi + 12 * np.log2(k)
            level = -self.tilt_db * np.log2(k)
            level += self.formant_db * np.exp(-(((midi - self.formant_midi) / 8) ** 2))
            tone += 10 ** (level / 20) * np.sin(k * phase + k * k)
        tone *= 10 ** (self.level_db / 20) / np.abs(tone).max()
        centre = 440 * 2 ** ((self.noise_midi - 69) / 12)
        band = scipy.signal.butter(2, [centre / 1.6, min(centre * 1.6, 20000)], "band", fs=RATE)
        noise = scipy.signal.lfilter(*band, np.random.default_rng(3).standard_normal(len(t)))
        tone += noise / noise.std() * 10 ** ((self.level_db + self.noise_db) / 20)
        tone *= np.minimum(1, t / attack_s) * 10 ** (-self.decay_db_s * t / 20)
        tone *= np.clip((attack_s + self.held_s + 0.15 - t) / 0.15, 0, 1)
        return np.pad(tone, (RATE // 50, 0)).astype(np.float32)


def tones(same_pitch: bool) -> Iterator[Pair]:
    """Tones by formula, and those whose parameters lie between."""
    rng = np.random.default_rng(7 + same_pitch)
    for _ in range(N_EACH):
        a, b = Tone.sample(rng), Tone.sample(rng)
        if same_pitch:
            b = Tone(**{**vars(b), "midi": a.midi})
        else:
            b = Tone(**{**vars(b), "midi": a.midi + float(rng.choice([-12, -7, -4, 3, 5, 9]))})
        amount = float(rng.choice([0.25, 0.5, 0.75]))
        kind = "tones of one pitch" if same_pitch else "tones of two pitches"
        true = a.between(b, amount).sound()
        yield Pair(kind, audio(a.sound(), "one"), audio(b.sound(), "other"), amount, true)


def pianos() -> Iterator[Pair]:
    """Computed pianos, and the piano whose parameters lie between (times and Hz by ratio)."""
    rng = np.random.default_rng(11)
    for _ in range(N_EACH):
        a, b = Piano.sample(rng), Piano.sample(rng)
        amount, middle = float(rng.choice([0.25, 0.5, 0.75])), dict[str, Any]()
        for field in fields(Piano):
            x, y = (np.array(getattr(piano, field.name), float) for piano in (a, b))
            is_ratio = field.name.endswith(("_s", "_hz", "factor", "inharmonicity"))
            mean = np.exp if is_ratio else np.asarray
            to = np.log if is_ratio else np.asarray
            value = mean((1 - amount) * to(x) + amount * to(y))
            middle[field.name] = tuple(value.tolist()) if value.ndim else float(value)
        pitch, velocity = int(rng.integers(40, 77)), int(rng.choice([50, 80, 110]))
        notes = [
            piano.note(pitch, velocity, np.random.default_rng(5)).samples[: round(LENGTH_S * RATE)]
            for piano in (a, b, Piano(**middle))
        ]
        yield Pair(
            "computed pianos", audio(notes[0], "one"), audio(notes[1], "other"), amount, notes[2]
        )


def font_notes(name: str, kind: str) -> Iterator[Pair]:
    """One instrument's notes at two keys or velocities, and the one between."""
    rng = np.random.default_rng(len(kind))
    with Renderer(SoundFont(find_font(name))) as renderer:

        def note(program: int, key: int, velocity: int) -> Samples:
            notes = [Note(0.05, HELD_S, key, velocity)]
            return np.asarray(renderer.render(notes, program, LENGTH_S).mean(0), np.float32)

        for program in PROGRAMS:
            key = int(rng.integers(48, 70))
            if kind == "keys":
                wide = int(rng.choice([3, 4, 6]))
                a, b = note(program, key - wide, 96), note(program, key + wide, 96)
                true = note(program, key, 96)
            else:
                a, b, true = (note(program, key, velocity) for velocity in (40, 120, 69))
            label = f"{name}: {kind}"
            keys = (key - wide, key + wide) if kind == "keys" else (key, key)
            names = [f"{program}-{note_name(each)}" for each in keys]
            yield Pair(label, audio(a, names[0]), audio(b, names[1]), 0.5, true)


def audio(samples: Samples, name: str) -> Audio:
    """A sound with a name."""
    return Audio(samples.astype(np.float32), RATE, "FLOAT", name)


# --- rivals --------------------------------------------------------------------------------------


def by_morph(a: Audio, b: Audio, amount: float) -> Samples:
    """Ours."""
    return np.asarray(cambiata.morph(a, b, amount=amount).samples[0])


def by_crossfade(a: Audio, b: Audio, amount: float) -> Samples:
    """Both at once, their onsets together."""
    onsets = [find_onset(each.samples[0]) for each in (a, b)]
    lead = min(onsets)
    parts = [each.samples[0][onset - lead :] for each, onset in zip((a, b), onsets, strict=True)]
    n = max(map(len, parts))
    one, other = (pad_or_trim(part, n) for part in parts)
    return np.asarray((1 - amount) * one + amount * other, np.float32)


def by_world(a: Audio, b: Audio, amount: float) -> Samples:
    """WORLD (Morise et al. 2016): f0 and spectral envelopes by ratio, aperiodicity in dB.

    Both sounds begin together and frames go side by side, by their share of the length.
    """
    import pyworld

    parts = []
    for each in (a, b):
        sound = each.samples[0].astype(np.float64)
        rough, times = pyworld.dio(sound, RATE, f0_floor=50, f0_ceil=1600)
        f0 = pyworld.stonemask(sound, rough, times, RATE)
        f0 = np.where(f0 > 0, f0, np.median(f0[f0 > 0]) if (f0 > 0).any() else 200.0)
        envelope = pyworld.cheaptrick(sound, f0, times, RATE, f0_floor=50)
        size = 2 * (envelope.shape[1] - 1)
        noise = pyworld.d4c(sound, f0, times, RATE, fft_size=size)
        parts.append((f0, envelope, noise))
    n = round((1 - amount) * len(parts[0][0]) + amount * len(parts[1][0]))
    mixed = []
    for one, other in zip(*parts, strict=True):
        logs = []
        for each in (one, other):
            at = np.linspace(0, len(each) - 1, n)
            low = np.minimum(at.astype(int), len(each) - 2)
            share = (at - low).reshape(-1, *[1] * (each.ndim - 1))
            rows = (1 - share) * each[low] + share * each[low + 1]
            logs.append(np.log(np.maximum(rows, 1e-16)))
        mixed.append(np.exp((1 - amount) * logs[0] + amount * logs[1]))
    f0, envelope, noise = (np.ascontiguousarray(each) for each in mixed)
    return np.asarray(pyworld.synthesize(f0, envelope, noise, RATE), np.float32)


def rivals() -> dict[str, Between]:
    """What is compared."""
    found: dict[str, Between] = {
        "nearer of both as it is": lambda a, b, amount: (a if amount < 0.5 else b).samples[0],
        "cross-fade": by_crossfade,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pyworld  # noqa: F401

            found["WORLD, interpolated"] = by_world
    except ImportError:
        pass
    return found | {"`morph`": by_morph}


# --- measures ------------------------------------------------------------------------------------


def mel_db(sound: Samples) -> Samples:
    """Levels in 128 mel bands, 80 dB from the loudest down."""
    return power_db(mel_power(sound, RATE))


def lsd(one: Samples, other: Samples, *, from_onset: bool = True) -> float:
    """Frames' root-mean-square difference over 128 mel bands in dB, from both onsets on."""
    if from_onset:
        one, other = (x[max(0, find_onset(x) - 441) :] for x in (one, other))
    n = max(len(one), len(other))
    levels = [mel_db(pad_or_trim(each, n)) for each in (one, other)]
    return float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=0)).mean())


def n_series(sound: Samples, hz: list[float]) -> int:
    """How many of the fundamentals given have a series of partials.

    All of its first three are no more than 25 dB softer than the others' of the same number.
    """
    middle = sound[len(sound) // 4 :][: RATE // 2].astype(np.float64)
    n = 8 * len(middle)
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), n)) ** 2
    levels = np.empty((len(hz), 3))
    for i, each in enumerate(hz):
        for k in range(3):
            low, high = (round((k + 1) * each * 2 ** (c / 1200) * n / RATE) for c in (-20, 20))
            levels[i, k] = 10 * np.log10(power[low : high + 1].max())
    return int((levels > levels.max(0) - 25).all(1).sum())


# --- tables --------------------------------------------------------------------------------------


def row(name: str, values: list[float]) -> tuple[str, str]:
    """A mean and its interval."""
    low, high = bootstrap_interval(np.array(values))
    return name, f"{np.mean(values):.2f} [{low:.2f}, {high:.2f}]"


def truths(chosen_only: bool) -> Iterator[Pair]:
    """All pairs with a truth."""
    yield from tones(True)
    yield from tones(False)
    yield from pianos()
    for font in ("fluid-r3",) if chosen_only else ("fluid-r3", "TimGM6mb.sf2"):
        yield from font_notes(font, "keys")
        yield from font_notes(font, "velocities")


def compare_with_truth(chosen_only: bool) -> None:
    """Table of distances to the true sound between."""
    found: dict[str, dict[str, list[float]]] = {}
    compared = rivals()
    for pair in truths(chosen_only):
        for name, between in compared.items():
            made = between(pair.a, pair.b, pair.amount)
            found.setdefault(name, {}).setdefault(pair.kind, []).append(lsd(made, pair.true))
    kinds = list(next(iter(found.values())))
    rows = [[name, *[row("", values[kind])[1] for kind in kinds]] for name, values in found.items()]
    best = found["`morph`"]
    for name, values in found.items():
        if name != "`morph`":
            differences = [
                row("", [x - y for x, y in zip(values[kind], best[kind], strict=True)])[1]
                for kind in kinds
            ]
            rows.append([f"{name}, less `morph`", *differences])
    print(table(["LSD to the true sound, dB", *kinds], rows))


def by_amounts(pair: Pair) -> Iterator[tuple[str, list[Samples]]]:
    """Sounds at all amounts, ours and cross-faded."""
    player = cambiata.Morph(pair.a, pair.b)
    path = []
    for amount in AMOUNTS:
        player.reset()
        path.append(player.process(player.n_left(amount), amount)[0])
    yield "`morph`", path
    yield "cross-fade", [by_crossfade(pair.a, pair.b, amount) for amount in AMOUNTS]


def ends_and_path() -> None:
    """How near the ends are, whether the path is even, and how many pitches are heard."""
    print(table(["", "`morph`", "cross-fade"], [*_paths_of_one_pitch(), *_paths_of_two_pitches()]))


def _paths_of_one_pitch() -> Iterator[list[str]]:
    found: dict[str, dict[str, list[float]]] = {}
    for pair in (*tones(True), *pianos()):
        for name, path in by_amounts(pair):
            from_a = np.array([lsd(x, pair.a.samples[0]) for x in path])
            to_b = np.array([lsd(x, pair.b.samples[0]) for x in path])
            steps = np.diff(from_a - to_b)
            right = np.concatenate([np.diff(from_a) > 0, np.diff(to_b) < 0])
            for what, value in (
                ("LSD of amount 0 to A, dB", from_a[0]),
                ("LSD of amount 1 to B, dB", to_b[-1]),
                ("steps of 0.1 that go away from A and towards B, %", 100 * right.mean()),
                ("largest step over the mean one", np.abs(steps).max() / np.abs(steps).mean()),
                ("way done at amount 0.5, %", 50 * (1 + (from_a - to_b)[5] / from_a[-1])),
            ):
                found.setdefault(what, {}).setdefault(name, []).append(float(value))
    for what, values in found.items():
        yield [what, *(row("", values[name])[1] for name in ("`morph`", "cross-fade"))]


def _paths_of_two_pitches() -> Iterator[list[str]]:
    series: dict[str, list[float]] = {"`morph`": [], "cross-fade": []}
    cents = []
    for pair in (*tones(False), *font_notes("TimGM6mb.sf2", "keys")):
        a, b = (measured(each.samples[0]) for each in (pair.a, pair.b))
        if abs(a - b) % 12 < 1 or a % 12 == b % 12:
            continue  # an octave: one series is part of the other
        hz = [440 * 2 ** ((midi - 69) / 12) for midi in (a, (a + b) / 2, b)]
        for name, path in by_amounts(pair):
            series[name].append(float(n_series(path[5], hz)))
            if name == "`morph`":
                for amount, sound in zip(AMOUNTS, path, strict=True):
                    cents.append(100 * abs(measured(sound) - (a + amount * (b - a))))
    rows = [row("", series[name])[1] for name in ("`morph`", "cross-fade")]
    yield ["series of partials at amount 0.5 (of A's pitch, the middle, B's)", *rows]
    yield ["pitch off the line between, cents (median)", f"{np.median(cents):.1f}", ""]


def measured(sound: Samples) -> float:
    """Pitch of a sound, a MIDI number."""
    pitch = measure_pitch(sound[find_onset(sound) :], RATE)
    assert pitch is not None
    return pitch.midi


def speed() -> None:
    """Real-time factors and the time of a block by one core's time, and memory."""
    tone = Tone(48.0, 4.0, 85.0, 12.0, -4.0, 2.0, 8.0, 20.0, -40.0, 100.0, -10.0)
    bright = Tone(60.0, 3.0, 90.0, 6.0, -3.0, 0.0, 8.0, 0.0, -45.0, 90.0, -12.0)
    cambiata.morph(*(audio(each.sound()[:RATE], "tone") for each in (tone, bright)))  # imports
    for channels in (1, 2):
        a, b = (
            Audio(np.tile(each.sound(), (channels, 1)), RATE, "FLOAT", "tone")
            for each in (tone, bright)
        )
        began = time.process_time()
        sound = cambiata.morph(a, b, amount=(0.0, 1.0), over_s=4.0)
        whole = sound.duration_s / (time.process_time() - began)
        began = time.process_time()
        player = cambiata.Morph(a, b)
        analysis = 2 * a.duration_s / (time.process_time() - began)
        blocks, amount = [], 0.0
        while not player.has_ended:
            amount = min(1.0, amount + 0.01 / 4)
            began = time.process_time()
            player.process(441, amount)
            blocks.append(1000 * (time.process_time() - began))
        times = np.array(blocks)
        print(
            f"{channels} channel(s), {a.duration_s:.1f} s: {whole:.0f} times real time, analysis "
            f"({analysis:.0f} times) included; blocks of 10 ms: median {np.median(times):.2f} ms, "
            f"99 % {np.quantile(times, 0.99):.2f} ms, longest {times.max():.2f} ms"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", action="store_true", help="the training font's rows alone")
    parser.add_argument("--path", action="store_true", help="ends and paths alone")
    parser.add_argument("--speed", action="store_true", help="times and memory alone")
    arguments = parser.parse_args()
    print(f"Machine: {machine()}\n")
    if arguments.speed:
        speed()
        return
    if arguments.path:
        ends_and_path()
        return
    compare_with_truth(arguments.choose)
    if not arguments.choose:
        print()
        ends_and_path()
        print()
        speed()


if __name__ == "__main__":
    main()
