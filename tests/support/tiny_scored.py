"""Recorded examples with their notes, without banks: tones, for tests of listener and player."""

import json
from pathlib import Path

import numpy as np

from cambiata.data.scored_examples import BANDS, N_PITCHES, ScoredConfig, ScoredExamples

TINY = ScoredConfig(
    banks=(), collections=(), held_out=(), n_examples=4, n_validation=2, n_shard=2, duration_s=2.0
)


def tiny_scored(folder: Path, config: ScoredConfig = TINY) -> ScoredExamples:
    """Write examples as `record_scored` would: content plain, style and target bright."""
    rng = np.random.default_rng(0)
    n, rate = config.n_samples, config.sample_rate
    n_frames = BANDS.n_frames(n)
    shards = [("training", i) for i in range(config.n_examples // config.n_shard)]
    shards += [("validation", i) for i in range(config.n_validation // config.n_shard)]
    for name, index in shards:
        place = folder / f"{name}-{index:04d}.npy"
        sounds = np.zeros((config.n_shard, 3, n), np.float32)
        energies = np.zeros((config.n_shard, 2, N_PITCHES, n_frames), np.uint8)
        facts = []
        for i in range(config.n_shard):
            rows = []
            for j, n_partials in enumerate((2, 12)):
                notes = [
                    [0.1 + 0.6 * k, 0.6 + 0.6 * k, int(rng.integers(50, 80)), 100] for k in range(3)
                ]
                rows.append(notes)
                sounds[i, j] = played(notes, n_partials, n, rate)
                for start, end, pitch, _ in notes:
                    at = slice(round(start / BANDS.frame_s), round(end / BANDS.frame_s))
                    energies[i, j, pitch - 21, at] = 180
            sounds[i, 2] = played(rows[0], 12, n, rate)
            facts.append({"content": "plain", "style": "bright", "notes": rows})
        np.save(place, np.round(sounds * 32767).astype(np.int16))
        np.save(place.with_suffix(".energies.npy"), energies)
        place.with_suffix(".json").write_text(json.dumps(facts))
    (folder / "examples.json").write_text('{"banks": []}')
    return ScoredExamples(folder, config)


def played(notes: list[list[float]], n_partials: int, n: int, rate: int) -> np.ndarray:
    """Notes as decaying harmonics."""
    sound = np.zeros(n)
    for start, end, pitch, _ in notes:
        first, last = round(start * rate), round(end * rate)
        t = np.arange(last - first) / rate
        f0 = 440 * 2 ** ((pitch - 69) / 12)
        tones = (np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, n_partials + 1))
        sound[first:last] += 0.2 * sum(tones) * np.exp(-2 * t)
    return sound
