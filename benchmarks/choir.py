"""How near choirs come to true ones: vowels, pitch, beating, width, cost.

    python benchmarks/choir.py formants [--voices FILE...]   singers with exact targets, recordings
    python benchmarks/choir.py sections --fonts FONT...      sections of a font's instruments
    python benchmarks/choir.py width --voices FILE...        stereo width by room and spread
    python benchmarks/choir.py speed [--seconds N]

WORLD's rows need pyworld (MIT), sections FluidSynth. Intervals are 95 % bootstrap intervals over
the items.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, lfilter, sosfilt

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.audio.source import resample
from cambiata.ensemble.f0 import track_pitch
from cambiata.ensemble.grains import Excerpt, Line, VoiceGrains
from cambiata.ensemble.marks import find_marks
from reverb import interval

Array = npt.NDArray[Any]
RATE = 44100
SHIFTS = (-12, -7, -3, 4)
LOWEST = (41, 45, 48, 53, 57, 60)  # of the synthetic singers' octaves
# Formants and bandwidths of five sung vowels (Csound's manual, a tenor; bandwidths of the lowest
# two at least 80 Hz: where a formant is much narrower than the pitch, no voice tells how strong it
# would be elsewhere).
VOWELS = {
    "a": ((650, 80), (1080, 90), (2650, 120), (2900, 130), (3250, 140)),
    "e": ((400, 80), (1700, 80), (2600, 100), (3200, 120), (3580, 120)),
    "i": ((290, 80), (1870, 90), (2800, 100), (3250, 120), (3540, 120)),
    "o": ((400, 80), (800, 80), (2600, 100), (2800, 120), (3000, 120)),
    "u": ((350, 80), (600, 80), (2700, 100), (2900, 120), (3300, 120)),
}


def sing(lowest: int, seed: int, semitones: float = 0.0) -> Samples:
    """Ten notes of a singer [T]: pulses and breath through formants; the same at another pitch."""
    rng = np.random.default_rng(seed)
    degrees = np.array([0, 2, 4, 5, 7, 9, 11, 12])[
        np.clip(np.cumsum(rng.integers(-2, 3, 10)) + 2, 0, 7)
    ]
    lengths = (rng.choice([0.35, 0.5, 0.9], 10) * RATE).astype(int)
    vowels = rng.choice(list(VOWELS), 10)
    line = np.repeat(lowest + degrees, lengths).astype(float)
    kernel = np.hanning(RATE // 16)
    line = np.convolve(np.pad(line, len(kernel), mode="edge"), kernel / kernel.sum(), "same")
    line = line[len(kernel) : -len(kernel)]
    t = np.arange(len(line)) / RATE
    midi = line + 0.4 * np.sin(2 * np.pi * 5.5 * t + rng.uniform(0, 6)) + semitones
    hz = 440 * 2 ** ((midi - 69) / 12)
    phase = np.cumsum(hz) / RATE
    pulses = np.zeros(len(t) + 64)
    at = np.interp(np.arange(1, int(phase[-1])), phase, np.arange(len(t)))
    taps = np.arange(-15, 17)
    offset = taps - (at - np.floor(at))[:, None]
    window = np.sinc(offset) * np.cos(np.pi / 2 * offset / 17) ** 2
    np.add.at(pulses, np.floor(at).astype(int)[:, None] + taps + 16, window)
    source = lfilter(
        [1], [1, -0.96], lfilter([1], [1, -0.9], pulses[16 : 16 + len(t)] / np.sqrt(hz / 200))
    )
    source = sosfilt(butter(2, 60, "high", fs=RATE, output="sos"), source)
    breath = 0.03 * rng.standard_normal(len(t)) * (0.5 + 0.5 * np.cos(2 * np.pi * phase))
    out, fade = np.zeros(len(t)), np.hanning(RATE // 20)
    for name, formants in VOWELS.items():
        where = np.repeat((vowels == name).astype(float), lengths)
        sound = source + breath
        for centre, width in formants:
            r, angle = np.exp(-np.pi * width / RATE), 2 * np.pi * centre / RATE
            sound = lfilter(
                [1 - 2 * r * np.cos(angle) + r * r], [1, -2 * r * np.cos(angle), r * r], sound
            )
        level = np.sqrt(np.mean(sound**2)) + 1e-12
        out += np.convolve(where, fade / fade.sum(), "same") * sound / level
    return as_samples(0.1 * out / out.std())


Mover = Callable[[float], Samples]


def moved(sound: Samples, rate: int) -> Mover:
    """By `choir`'s grains."""
    track = track_pitch(sound, rate, float(np.abs(sound).max()))
    marks, source = find_marks(sound, rate, track), Excerpt(sound, 0, rate)

    def move(semitones: float) -> Samples:
        ratio = 2 ** (semitones / 12)
        line = Line(lambda t: t, lambda t: np.full(len(t), ratio), 1.0)
        out = np.zeros(len(sound))
        VoiceGrains(marks, line).grains(0, len(sound) / rate).add_to(out, 0.0, source)
        return as_samples(out)

    return move


def as_samples(sound: Array) -> Samples:
    """Sound as float32."""
    return np.asarray(sound, np.float32)


def by_world(sound: Samples, rate: int) -> Mover:
    """By WORLD (Morise et al. 2016): harvest, CheapTrick, D4C."""
    import pyworld

    x = sound.astype(np.float64)
    f0, t = pyworld.harvest(x, rate, f0_floor=60.0, f0_ceil=1200.0)
    envelope, noise = pyworld.cheaptrick(x, f0, t, rate), pyworld.d4c(x, f0, t, rate)
    return lambda semitones: as_samples(
        pyworld.synthesize(f0 * 2 ** (semitones / 12), envelope, noise, rate)[: len(sound)]
    )


def by_resampling(sound: Samples, rate: int) -> Mover:
    """Played faster or slower, as a tape is; grains of 80 ms keep the time."""
    length, hop = round(0.08 * rate), round(0.02 * rate)
    window, place = np.hanning(length), np.arange(length) - length / 2

    def move(semitones: float) -> Samples:
        out = np.zeros(len(sound) + length)
        for centre in range(0, len(sound), hop):
            at = centre + place * 2 ** (semitones / 12)
            out[centre : centre + length] += window * np.interp(at, np.arange(len(sound)), sound)
        return as_samples(out[length // 2 :][: len(sound)])

    return move


def envelopes(sound: Samples, rate: int) -> tuple[Array, Array]:
    """Envelopes in dB [L, 60] of voiced frames, by the highest peaks within a period, and which."""
    track = track_pitch(sound, rate, float(np.abs(sound).max()))
    n, hop = 2048 if rate > 30000 else 1024, round(0.01 * rate)
    padded = np.pad(sound, (n // 2, n))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n)[::hop][: len(track.hz)]
    level = 20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(n))) + 1e-7)
    hz = np.fft.rfftfreq(n, 1 / rate)
    centres = np.geomspace(200, 6000, 60)
    rows = np.zeros((len(level), 60))
    for i, row in enumerate(level):
        if track.hz[i]:
            width = max(3, round(1.2 * track.hz[i] * n / rate) | 1)
            top = maximum_filter1d(row, width)
            top = np.convolve(np.pad(top, width // 2, mode="edge"), np.ones(width) / width, "valid")
            rows[i] = np.interp(centres, hz, top)
    return rows, track.hz


def envelope_db(made: Samples, target: Samples, rate: int) -> float:
    """Distance of spectral envelopes in dB, over frames that sound in both, down to -40 dB."""
    (a, a_hz), (b, b_hz) = envelopes(made, rate), envelopes(target, rate)
    n = min(len(a), len(b))
    loud = b[:n].max(axis=1) > b.max() - 35
    both = (a_hz[:n] > 0) & (b_hz[:n] > 0) & loud
    a, b = a[:n][both], b[:n][both]
    a = a - np.median(a - b)
    floor = b.max(axis=1, keepdims=True) - 40
    off = np.maximum(a, floor) - np.maximum(b, floor)
    return float(np.sqrt((off**2).mean(axis=1)).mean())


def methods() -> dict[str, Callable[[Samples, int], Mover]]:
    """Ways to move a voice."""
    found: dict[str, Callable[[Samples, int], Mover]] = {
        "`choir`": moved,
        "resampling": by_resampling,
    }
    if importlib.util.find_spec("pyworld"):
        found["WORLD"] = by_world
    return found


def formant_table(voices: Sequence[Path]) -> None:
    """Distances of envelopes, and errors of pitch, by method and shift."""
    synthetic = [(sing(low, i), RATE, partial(sing, low, i)) for i, low in enumerate(LOWEST)]
    print_formants("synthetic", synthetic)
    recorded = []
    for path in voices:
        sound = load(path).mono()
        mono = sound.samples[0]
        recorded.append((mono, sound.sample_rate, partial(unmoved, mono)))
    if recorded:
        print_formants("recordings", recorded)


def unmoved(sound: Samples, _semitones: float) -> Samples:
    """What a recording's envelope is to be after any shift: its own."""
    return sound


def print_formants(kind: str, items: Sequence[tuple[Samples, int, Mover]]) -> None:
    """Rows of a set of voices."""
    print(f"{kind}, {len(items)} items: envelope dB; pitch, median |cents| and 95th percentile")
    for name, method in methods().items():
        rows: list[list[float]] = [[] for _ in SHIFTS]
        cents = []
        for sound, rate, exact in items:
            move = method(sound, rate)
            for row, shift in zip(rows, SHIFTS, strict=True):
                made = move(shift)
                row.append(envelope_db(made, exact(shift), rate))
                cents.append(pitch_errors(made, sound, rate, shift))
        for row, shift in zip(rows, SHIFTS, strict=True):
            print(f"  {name} {shift:+d}: {interval(row, 'mean')}")
        off = np.concatenate(cents)
        each = np.mean(rows, axis=0)
        print(
            f"  {name}, all: {interval(each, 'mean')} dB; "
            f"{np.median(off):.1f}, {np.percentile(off, 95):.1f} cents",
            flush=True,
        )


def pitch_errors(made: Samples, sound: Samples, rate: int, semitones: float) -> Array:
    """Sizes of errors in cents of each voiced frame."""
    tracks = [track_pitch(x, rate, float(np.abs(x).max())).midi for x in (made, sound)]
    n = min(map(len, tracks))
    off = 100 * (tracks[0][:n] - tracks[1][:n] - semitones)
    return np.abs(off[np.isfinite(off)])


def section_table(fonts: Sequence[Path], program: int) -> None:
    """Beating of sections: `choir` of one player beside eight players of the font."""
    from cambiata.data.soundfont import Renderer, SoundFont
    from cambiata.score.midi import Note

    for font in fonts:
        rows: dict[str, list[Array]] = {}
        with Renderer(SoundFont(font), RATE) as renderer:
            for pitch in range(57, 84, 3):

                def play(seed: int, pitch: int = pitch, renderer: Any = renderer) -> Samples:
                    rng = np.random.default_rng(seed)
                    late_s, cents = rng.normal(0, 0.03), rng.normal(0, 11)
                    ratio = 2 ** (cents / 1200)
                    note = Note(0.3 + late_s, 4.8 + late_s, pitch, 90)
                    sound = renderer.render([note], program, 5.2).mean(axis=0)
                    return as_samples(resample(sound, RATE * ratio, RATE)[: 5 * RATE])

                def section(seed: int, play: Any = play) -> Samples:
                    return as_samples(np.sum([play(seed * 100 + i) for i in range(8)], axis=0))

                true = modulation(section(1), pitch)
                one = play(7)
                audio = Audio(one / np.abs(one).max() / 2, RATE)
                made = {
                    "another true section": section(2),
                    "`choir`": cambiata.choir(audio, room="none").samples.sum(axis=0),
                    "eight copies, delayed": delayed(one),
                    "chorus effect": chorus(one),
                    "the player alone": one,
                }
                rows.setdefault("true", []).append(true)
                for name, sound in made.items():
                    rows.setdefault(name, []).append(modulation(sound, pitch))
        print(f"{font.name}, program {program}: depth 1-8 Hz in dB | distance of spectra in dB")
        target = np.array(rows["true"])
        for name, each in rows.items():
            found = np.array(each)
            depth = np.sqrt((found**2).sum(axis=-1)).mean(axis=1)
            distance = np.abs(20 * np.log10((found + 0.02) / (target + 0.02))).mean(axis=(1, 2))
            print(f"  {name}: {interval(depth, 'mean')} | {interval(distance, 'mean')}", flush=True)


def delayed(sound: Samples) -> Samples:
    """Eight copies, each late by up to 60 ms."""
    late = np.random.default_rng(0).uniform(0, 0.06 * RATE, 8).astype(int)
    return as_samples(np.sum([np.pad(sound, (n, 0))[: len(sound)] for n in late], axis=0))


def chorus(sound: Samples) -> Samples:
    """Eight copies whose delays swing by 3 ms around 20 at 0.3 to 1 Hz, as chorus pedals do."""
    rng, t = np.random.default_rng(0), np.arange(len(sound)) / RATE
    total = np.zeros(len(sound))
    for _ in range(8):
        swing = np.sin(2 * np.pi * (rng.uniform(0.3, 1.0) * t + rng.uniform()))
        total += np.interp(t - 0.02 - 0.003 * swing, t, sound)
    return total.astype(np.float32)


def modulation(sound: Samples, pitch: int) -> Array:
    """Modulation of the level of partials 1 to 8 in dB, in bands of 1 Hz from 1 to 8 [8, 7]."""
    hz = 440 * 2 ** ((pitch - 69) / 12)
    part = sound[RATE : round(4.5 * RATE)].astype(np.float64)
    t = np.arange(len(part)) / RATE
    rows = []
    for number in range(1, 9):
        turned = part * np.exp(-2j * np.pi * number * hz * t)
        # Bands of 25 Hz around each partial hold its vibrato's and its beating's side bands.
        kernel = np.hanning(RATE // 25)
        level = np.abs(np.convolve(turned, kernel / kernel.sum(), "valid"))[:: RATE // 50]
        level_db = 20 * np.log10(level / level.mean() + 1e-3)
        spectrum = np.abs(np.fft.rfft((level_db - level_db.mean()) * np.hanning(len(level_db))))
        spectrum *= np.sqrt(8 / 3 * 2) / len(level_db)
        at = np.fft.rfftfreq(len(level_db), 1 / 50)
        rows.append(
            [np.sqrt((spectrum[(at >= low) & (at < low + 1)] ** 2).sum()) for low in range(1, 8)]
        )
    return np.array(rows)


def width_table(voices: Sequence[Path]) -> None:
    """Energy of the sides over the middle, and correlation of the channels."""
    for room in ("none", "small", "hall"):
        for spread in (0.2, 0.5, 1.0):
            sides, alike = [], []
            for path in voices:
                left, right = cambiata.choir(load(path), room=room, spread=spread).samples
                middle, side = ((left + s * right) for s in (1, -1))
                sides.append(10 * np.log10((side**2).sum() / (middle**2).sum()))
                alike.append(np.corrcoef(left, right)[0, 1])
            print(
                f"{room}, spread {spread}: side {interval(sides)} dB, correlation {interval(alike)}"
            )


def speed_table(seconds: float) -> None:
    """Whole processes: the processor's seconds, and memory."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        voice = np.concatenate([sing(55, i) for i in range(4)])
        Audio(np.resize(voice, round(seconds * RATE)), RATE, "PCM_16").save(folder / "in.wav")
        many = ("--voices 32", "--voices 64 --room hall") if seconds < 120 else ()
        for typed in ("", "--parts SATB --room hall", *many):
            command = [
                sys.executable,
                "-m",
                "cambiata",
                "choir",
                "in.wav",
                "-o",
                "o.wav",
                "--force",
            ]
            code = (
                "import resource as r, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
                "capture_output=True); u = r.getrusage(r.RUSAGE_CHILDREN); "
                "print(u.ru_maxrss, u.ru_utime + u.ru_stime)"
            )
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code, *command, *typed.split()],
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
            )
            wall_s = time.perf_counter() - started
            peak_kib, cpu_s = map(float, done.stdout.split())
            print(
                f"| {typed or 'default'} | {seconds:.0f} | {wall_s:.1f} | {cpu_s:.1f} | "
                f"{cpu_s / seconds:.3f} | {peak_kib / 1024:.0f} |",
                flush=True,
            )


def main() -> None:
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=("formants", "sections", "width", "speed"))
    parser.add_argument("--voices", type=Path, nargs="*", default=[])
    parser.add_argument("--fonts", type=Path, nargs="*", default=[])
    parser.add_argument("--program", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    if options.table == "formants":
        formant_table(options.voices)
    elif options.table == "sections":
        section_table(options.fonts, options.program)
    elif options.table == "width":
        width_table(options.voices)
    else:
        speed_table(options.seconds)


if __name__ == "__main__":
    main()
