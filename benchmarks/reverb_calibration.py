"""Errors of the blind estimate of reverberation by which its numbers were chosen.

    python benchmarks/reverb_calibration.py FOLDER...

FOLDERs hold recordings of single notes that may be trained on (here: instruments/discord-gm and
instruments/salamander of the project's data): they are strung together, as bursts are, and put into
synthetic rooms with noise.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.audio.source import resample
from cambiata.reverb import blind
from cambiata.reverb.blind import CENTRES_HZ, RATE_HZ, TIERS_DB, Falls, estimate_falls, falls_of
from cambiata.reverb.convolution import Convolver
from cambiata.reverb.tail import decaying_noise, with_direct

_DURATION_S = 20
_N_NOTES, _N_BURSTS, _ROOMS_EACH = 18, 6, 6


def notes(paths: Sequence[Path], rng: np.random.Generator) -> Samples:
    """Notes of one folder, cut short and let go as a player does."""
    out = np.zeros((_DURATION_S + 8) * RATE_HZ, np.float32)
    at_s = 0.0
    while at_s < _DURATION_S:
        sound = load(paths[int(rng.integers(len(paths)))])
        note = resample(
            sound.samples.mean(axis=0)[: 4 * sound.sample_rate], sound.sample_rate, RATE_HZ
        )
        length_s = rng.choice([0.15, 0.25, 0.4, 0.6, 1.0])
        release = round(rng.choice([0.02, 0.05, 0.1, 0.2]) * RATE_HZ)
        note = note[: round(length_s * RATE_HZ) + release].copy()
        release = min(release, len(note))
        note[-release:] *= np.cos(np.pi / 2 * np.arange(release) / release) ** 2
        note *= 10 ** (-rng.uniform(0, 12) / 20) / max(float(np.abs(note).max()), 1e-3)
        out[round(at_s * RATE_HZ) :][: len(note)] += note
        at_s += length_s + rng.choice([0, 0.05, 0.3, 0.8], p=[0.6, 0.2, 0.1, 0.1])
    return out[: _DURATION_S * RATE_HZ]


def bursts(rng: np.random.Generator) -> Samples:
    """Syllables of noise and of harmonics, with pauses as of speech."""
    out = np.zeros(_DURATION_S * RATE_HZ)
    at_s = 0.0
    while at_s < _DURATION_S - 1.5:
        length_s = rng.choice([0.06, 0.12, 0.2, 0.4])
        n = round(length_s * RATE_HZ)
        t, f0_hz = np.arange(n) / RATE_HZ, rng.uniform(90, 300)
        voiced = sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 20))
        sound = rng.standard_normal(n) if rng.random() < 0.4 else voiced
        sound = sound * np.hanning(n) ** rng.choice([0.1, 0.5])
        begin = round(at_s * RATE_HZ)
        out[begin : begin + n] += sound / np.std(sound) * 10 ** (-rng.uniform(0, 15) / 20)
        at_s += length_s + rng.choice([0, 0.05, 0.1, 0.3, 0.7])
    return out.astype(np.float32)


def in_room(dry: Samples, rng: np.random.Generator) -> tuple[Samples, dict[float, float]]:
    """The sound in a room with noise, and the room's times by octave."""
    middle_s, tilt = np.exp(rng.uniform(np.log(0.2), np.log(3))), rng.uniform(-0.25, 0.1)
    times_s = {
        c: float(middle_s * 2 ** (tilt * i) * np.exp(rng.normal(0, 0.1)))
        for i, c in enumerate(CENTRES_HZ, -3)
    }
    noise = decaying_noise(times_s, RATE_HZ, seed=int(rng.integers(10**6)))
    room = with_direct(noise, float(rng.uniform(-8, 8)), round(rng.uniform(0, 0.02) * RATE_HZ))
    wet = np.concatenate(list(Convolver(room[None]).process(iter([dry[None]]))), axis=1)[0]
    level = wet.std() * 10 ** (-rng.uniform(35, 65) / 20)
    noisy = (wet + level * rng.standard_normal(len(wet))).astype(np.float32)
    return noisy, times_s


Example = tuple[int, dict[float, Falls], dict[float, float]]


def examples(folders: Sequence[Path]) -> list[Example]:
    """Falls of sounds in rooms, with what the rooms are."""
    rng = np.random.default_rng(7)
    found: list[Example] = []
    sets = [
        sorted(p for p in f.rglob("*") if p.suffix in (".ogg", ".wav", ".flac")) for f in folders
    ]
    for i in range(_N_NOTES + _N_BURSTS):
        dry = notes(sets[i % len(sets)], rng) if i < _N_NOTES else bursts(rng)
        for _ in range(_ROOMS_EACH):
            wet, times_s = in_room(dry, rng)
            found.append((i, falls_of(Audio(wet, RATE_HZ)), times_s))
    return found


def print_errors(data: Sequence[Example], name: str) -> None:
    """Median error, bias and share within 20 % of octaves."""
    ratios: list[float] = []
    for _, falls, times_s in data:
        found = estimate_falls(falls).times_s.items()
        ratios += [float(np.log(t / times_s[c])) for c, t in found if t is not None]
    error, bias = np.abs(np.expm1(ratios)), np.median(ratios)
    n_all = len(data) * len(CENTRES_HZ)
    print(
        f"{name}: {len(ratios)} of {n_all} octaves, median error {np.median(error):.3f}, bias "
        f"{bias:+.2f}, within 20 %: {(error < 0.2).mean():.2f}"
    )


def main() -> None:
    """Print the errors of what ships, and of other choices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    data = examples(parser.parse_args().folders)
    print_errors(data, "as it ships")
    for least_db in TIERS_DB:
        blind.TIERS_DB = (least_db,)
        print_errors(data, f"falls of {least_db:g} dB")
    blind.TIERS_DB = TIERS_DB
    for quantile in (0.2, 0.4, 0.5):
        blind._QUANTILE = quantile
        print_errors(data, f"quantile {quantile:g}")


if __name__ == "__main__":
    main()
