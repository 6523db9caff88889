"""Pianos that nobody built: strings, hammer and case by formula, each with parameters of its own.

A stiff string's partials (Fletcher 1964) under a comb of the place where it is struck, two strings
a little out of tune of which one decays fast and the other slowly (Weinreich, "Coupled piano
strings", 1977), a hammer's noise and a case's resonances. No sample, so no licence, and as many
timbres as there are seeds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.signal

from cambiata.data.bank import BANK_FOLDER, HOLD_S, Bank, BankedNote
from cambiata.data.bank_writing import BankWriter
from cambiata.data.soundfont import PIANO_KEYS, RENDER_RATE_HZ, SoundSource
from cambiata.engines.engine import run_tasks
from cambiata.engines.failure import Failure
from cambiata.errors import InputError

SOURCE = SoundSource("procedural-pianos", "no samples: computed", "train")
_VELOCITIES = (40, 80, 120)  # as of the fonts' banks
_N_PARTIALS = 64  # up to 18 kHz from D4 upwards; lower notes are dull above theirs
_BLOCK = 512  # samples at once: as fast as the machine's cache allows, no matter to the sound
_HIGHEST_HZ = 18000.0  # partials above are left out; few hear them


@dataclass(frozen=True)
class Piano:
    """Strings, hammer and case of one piano."""

    inharmonicity: float  # B of middle C; twofold every ten semitones
    strike_position: float  # of the hammer, as a share of the string
    tilt_db: float  # by which partials fall in an octave
    brightness_hz: float  # above it, partials fall fast at the middle velocity
    brightness_by_velocity: float  # exponent by which that frequency grows with velocity
    decay_s: float  # to -60 dB, of middle C's slow string
    damping_hz: float  # above it, partials decay faster
    fast_share: float  # of the string that decays fast
    fast_factor: float  # how much faster it decays
    detuning_cents: float  # between the two strings
    attack_s: float
    hammer_db: float  # level of the hammer's noise below the tone's
    hammer_s: float  # in which that noise falls to 1/e
    release_db_s: float  # decay once the key is let go
    case_db: tuple[float, ...]  # slow waves over the octaves, which stand for case and microphone

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Piano":
        """A random piano; the ranges are chosen, not fitted to recordings."""

        def between(low: float, high: float) -> float:
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))

        return cls(
            inharmonicity=between(5e-5, 1e-3),
            strike_position=between(0.06, 0.3),
            tilt_db=float(rng.uniform(1, 8)),
            brightness_hz=between(500, 6000),
            brightness_by_velocity=float(rng.uniform(0, 1.2)),
            decay_s=between(3, 16),
            damping_hz=between(800, 6000),
            fast_share=float(rng.uniform(0.2, 0.9)),
            fast_factor=between(2, 8),
            detuning_cents=between(0.1, 8) if rng.random() < 0.5 else between(0.1, 1),
            attack_s=between(5e-4, 8e-3),
            hammer_db=float(rng.uniform(12, 45)),
            hammer_s=between(5e-3, 0.05),
            release_db_s=between(100, 1200),
            case_db=tuple(rng.normal(0, 5, 6) / np.arange(1, 7) ** 0.5),
        )

    def note(self, pitch: int, velocity: int, rng: np.random.Generator) -> BankedNote:
        """A note held down.

        The partials' frequencies are a stiff string's; the exponents by which pitch and velocity
        change decay, brightness and level are chosen, not fitted to recordings.
        """
        octaves = (pitch - 60) / 12
        h = np.arange(1, _N_PARTIALS + 1)
        f1, b = 440 * 2 ** ((pitch - 69) / 12), self.inharmonicity * 2 ** (1.2 * octaves)
        hz = h * f1 * np.sqrt((1 + b * h**2) / (1 + b))
        strength = velocity / 80
        brightness_hz = (
            self.brightness_hz * strength**self.brightness_by_velocity * 2 ** (0.5 * octaves)
        )
        level_db = (
            self._case_response_db(hz)
            - self.tilt_db * np.log2(h)
            - 12 * (hz / brightness_hz) ** 0.7
        )
        # The hammer does not excite partials that have a node where it strikes; as it is no point,
        # they are 34 dB down (0.02), not silent.
        level_db += 20 * np.log10(np.abs(np.sin(np.pi * h * self.strike_position)) + 0.02)
        amplitude = np.where(hz < _HIGHEST_HZ, 10 ** (level_db / 20), 0)
        decay_s = self.decay_s * 2 ** (-0.8 * octaves) / (1 + (hz / self.damping_hz) ** 1.2)
        detuning = 2 ** (self.detuning_cents / 1200)
        shares = (self.fast_share, 1 - self.fast_share)
        strings = zip(shares, (self.fast_factor, 1.0), (1.0, detuning), strict=True)
        n = round(HOLD_S * RENDER_RATE_HZ)
        tone = np.zeros(n)
        for share, faster, tuning in strings:
            phases = rng.uniform(0, 2 * np.pi, _N_PARTIALS) if share else np.zeros(_N_PARTIALS)
            start_phasors = share * amplitude * np.exp(1j * phases)
            tone += _decaying_sinusoids(
                hz * tuning, faster * np.log(1000) / decay_s, start_phasors, n
            )
        rise = np.minimum(1, np.arange(n) / (self.attack_s * RENDER_RATE_HZ))
        tone *= np.sin(np.pi / 2 * rise) ** 2
        tone += self._hammer(tone, f1, rng)
        # As the square of velocity, to 0.05 of full scale at the middle one.
        tone *= strength**2 / np.sqrt(np.mean(tone[: RENDER_RATE_HZ // 2] ** 2)) * 0.05
        return BankedNote(pitch, velocity, tone.astype(np.float32), self.release_db_s)

    def _case_response_db(self, hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        octaves = np.log2(np.maximum(hz, 25) / 25) / 10  # ten octaves from 25 Hz are half a turn
        waves = np.arange(1, len(self.case_db) + 1)
        return np.asarray(np.cos(np.pi * octaves[:, None] * waves) @ np.array(self.case_db))

    def _hammer(
        self, tone: npt.NDArray[np.float64], f1: float, rng: np.random.Generator
    ) -> npt.NDArray[np.float64]:
        n = round(8 * self.hammer_s * RENDER_RATE_HZ)
        noise = rng.normal(size=n) * np.exp(-np.arange(n) / (self.hammer_s * RENDER_RATE_HZ))
        # A knock of felt and wood, a little brighter the higher the note.
        cutoff = min(0.9, (600 + 2 * f1) / (RENDER_RATE_HZ / 2))
        sos = scipy.signal.butter(2, cutoff, output="sos")
        knock = np.zeros(len(tone))
        knock[:n] = scipy.signal.sosfilt(sos, noise)[: len(tone)]
        gain = np.sqrt(np.mean(tone[:4096] ** 2)) / np.sqrt(np.mean(knock[:4096] ** 2) + 1e-20)
        return np.asarray(knock * gain * 10 ** (-self.hammer_db / 20))


def _decaying_sinusoids(
    hz: npt.NDArray[np.float64],
    decay: npt.NDArray[np.float64],
    start_phasors: npt.NDArray[np.complex128],
    n: int,
) -> npt.NDArray[np.float64]:
    """Sum of decaying sinusoids [n]: phasors within a block, times each block's first."""
    exponent = (2j * np.pi * hz - decay) / RENDER_RATE_HZ
    within = np.exp(exponent[:, None] * np.arange(_BLOCK))
    starts = start_phasors[:, None] * np.exp(
        exponent[:, None] * (_BLOCK * np.arange(-(-n // _BLOCK)))
    )
    return np.asarray((starts.T @ within).real.ravel()[:n])


def build_pianos(
    folder: str | Path | None = None,
    *,
    n_pianos: int = 24,
    seed: int = 0,
    n_workers: int = 2,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Bank:
    """Bank of random pianos."""
    place = BANK_FOLDER / SOURCE.name if folder is None else Path(folder)
    instruments = [{"program": i, "name": f"Piano {i}", "samples": []} for i in range(n_pianos)]
    writer = BankWriter(place, SOURCE, f"seed {seed}", instruments, _VELOCITIES)
    missing = writer.find_missing(force=force)
    if missing:
        writer.start(missing)
    work = partial(_build_piano, writer, seed)
    for done, (_, result) in enumerate(run_tasks(work, sorted(missing), n_workers)):
        if isinstance(result, Failure):
            raise InputError(str(place), result.message, "correct that, then run it again")
        if progress is not None:
            progress((done + 1) / len(missing))
    return writer.finish()


def _build_piano(writer: BankWriter, seed: int, number: int) -> int:
    return writer.store(number, _notes(seed, number))


def _notes(seed: int, number: int) -> Iterator[BankedNote]:
    rng = np.random.default_rng([seed, number])
    piano = Piano.sample(rng)
    for pitch in PIANO_KEYS:
        for velocity in _VELOCITIES:
            yield piano.note(pitch, velocity, rng)
