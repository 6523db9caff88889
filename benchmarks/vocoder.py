"""Which phases sound best: ``python benchmarks/vocoder.py [RECORDING ...]``.

First on magnitudes of real recordings, where a perfect phase exists; then on magnitudes that no
sound has exactly, mosaics and half-way morphs of pairs of them, which is what systems make.
Lower spectral convergence is better; since each transform measures itself, a second column measures
all of them on one. Times are per second of sound. Intervals are 95 % bootstrap
intervals over recordings or pairs.
"""

import argparse
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

import cambiata
from cambiata.arrays import Magnitude, Phase, Samples
from cambiata.audio.stft import Stft, Window
from cambiata.audio.vocoder import (
    griffin_lim,
    morph,
    pghi_phase,
    random_phase,
    spectral_convergence_db,
)
from cambiata.timbre_transfer.musaicing import MusaicingConfig, activate
from machine import machine, table

EXAMPLES = Path(__file__).parent.parent / "examples"
SECONDS = 6.0
RATE = 44100

Start = Callable[[Magnitude, Stft], Phase]
METHODS: dict[str, tuple[Start, int, float]] = {
    "random, Griffin-Lim x 32": (lambda m, _: random_phase(m), 32, 0.0),
    "random, fast Griffin-Lim x 32": (lambda m, _: random_phase(m), 32, 0.99),
    "random, fast Griffin-Lim x 100": (lambda m, _: random_phase(m), 100, 0.99),
    "PGHI alone": (pghi_phase, 0, 0.0),
    "PGHI, Griffin-Lim x 32": (pghi_phase, 32, 0.0),
    "PGHI, fast Griffin-Lim x 8": (pghi_phase, 8, 0.99),
    "PGHI, fast Griffin-Lim x 32": (pghi_phase, 32, 0.99),
}
TRANSFORMS: list[tuple[int, int, Window]] = [
    (2048, 512, "hann"),
    (2048, 256, "hann"),
    (2048, 256, "gauss"),
    (4096, 1024, "blackman"),
    (4096, 512, "gauss"),
]


def interval(values: list[float]) -> str:
    """Mean and its bootstrap interval."""
    rng = np.random.default_rng(0)
    data = np.array(values)
    means = rng.choice(data, (2000, len(data))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{data.mean():.1f} [{low:.1f}, {high:.1f}]"


def real_magnitudes(sounds: list[Samples]) -> str:
    """Table over transforms and methods, on magnitudes that real sounds have."""
    rows = []
    reference = Stft(2048, 512, "hann")
    for n_fft, hop_length, window in TRANSFORMS:
        stft = Stft(n_fft, hop_length, window)
        for name, (start, iterations, momentum) in METHODS.items():
            own, common, elapsed_s = [], [], 0.0
            for sound in sounds:
                magnitude = np.abs(stft.analyse(sound))
                began = time.perf_counter()
                sound_out = griffin_lim(
                    magnitude,
                    stft,
                    len(sound),
                    phase=start(magnitude, stft),
                    iterations=iterations,
                    momentum=momentum,
                )
                elapsed_s += time.perf_counter() - began
                own.append(spectral_convergence_db(magnitude, sound_out, stft))
                reference_magnitude = np.abs(reference.analyse(sound))
                common.append(spectral_convergence_db(reference_magnitude, sound_out, reference))
            total_s = sum(map(len, sounds)) / RATE
            transform = f"{window} {n_fft}/{hop_length}"
            rows.append(
                [transform, name, interval(own), interval(common), f"{elapsed_s / total_s:.3f}"]
            )
    return table(
        ["transform", "method", "convergence, dB", "on hann 2048/512, dB", "s per s"], rows
    )


def modified_magnitudes(sounds: list[Samples]) -> str:
    """Table over starts, on mosaics and morphs of neighbouring recordings."""
    config = MusaicingConfig()
    stft = config.stft
    rows = []
    for amount in (1.0, 0.5):
        found: dict[str, list[float]] = {}
        for content, style in pairwise([*sounds, sounds[0]]):
            spectrum, templates = stft.analyse(content), stft.analyse(style)
            activations = activate(np.abs(spectrum), np.abs(templates), config)
            mosaic = templates @ activations.T.astype(np.complex64)
            mosaic *= np.float32(np.linalg.norm(spectrum) / np.linalg.norm(mosaic))
            magnitude, own = morph(spectrum, mosaic, amount)
            starts = {
                "random": random_phase(magnitude),
                "PGHI": pghi_phase(magnitude, stft),
                "content's phases": np.angle(spectrum),
                "templates' phases, morphed": own,
            }
            for name, phase in starts.items():
                for iterations in (0, 30):
                    label = f"{name}, {'fast Griffin-Lim x 30' if iterations else 'alone'}"
                    sound_out = griffin_lim(
                        magnitude, stft, len(content), phase=phase, iterations=iterations
                    )
                    value = spectral_convergence_db(magnitude, sound_out, stft)
                    found.setdefault(label, []).append(value)
        rows += [[f"{amount:g}", name, interval(values)] for name, values in found.items()]
    return table(["amount", "start", "convergence, dB"], rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", nargs="*", help="else those in examples/")
    arguments = parser.parse_args()
    paths = arguments.recordings or [EXAMPLES / "trumpet.ogg", EXAMPLES / "cello.flac"]
    sounds = []
    for path in paths:
        whole = cambiata.load(path)
        sounds.append(
            whole.cut(0, min(SECONDS, whole.duration_s)).mono().resampled(RATE).samples[0]
        )
    print(f"Machine: {machine()}; {len(sounds)} recordings\n")
    print(real_magnitudes(sounds) + "\n")
    print(modified_magnitudes(sounds))


if __name__ == "__main__":
    main()
