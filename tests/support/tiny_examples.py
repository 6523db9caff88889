"""Recorded examples without banks: tones of two timbres, for tests of training."""

from pathlib import Path

import numpy as np

from cambiata.data.examples import Examples, ExamplesConfig

TINY = ExamplesConfig(
    banks=(), collections=(), held_out=(), n_examples=8, n_validation=4, n_shard=4, duration_s=1.0
)


def tiny_examples(folder: Path, config: ExamplesConfig = TINY) -> Examples:
    """Write examples as `record` would; content plain, style and target bright."""
    rng = np.random.default_rng(0)
    t = np.arange(config.n_samples) / config.sample_rate
    for name, n_examples in (("training", config.n_examples), ("validation", config.n_validation)):
        sounds = np.empty((n_examples, 3, config.n_samples))
        for example in sounds:
            notes = 220 * 2 ** (rng.integers(0, 12, size=2) / 12)
            for place, (f0, n_partials) in enumerate(
                [(notes[0], 2), (notes[1], 12), (notes[0], 12)]
            ):
                partials = [np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, n_partials + 1)]
                example[place] = 0.2 * np.sum(partials, axis=0)
        shards = np.round(sounds * 32767).astype(np.int16).reshape(-1, config.n_shard, 3, len(t))
        for index, shard in enumerate(shards):
            np.save(folder / f"{name}-{index:04d}.npy", shard)
    (folder / "examples.json").write_text('{"banks": []}')
    return Examples(folder, config)


# Of a training run on them: four steps, in seconds.
SETTINGS = {
    "task.shape.width": "8",
    "task.shape.n_codes": "16",
    "task.shape.n_components": "6",
    "task.crop_s": "0.5",
    "examples.banks": "",
    "examples.collections": "",
    "examples.held_out": "",
    "examples.n_examples": "8",
    "examples.n_validation": "4",
    "examples.n_shard": "4",
    "examples.duration_s": "1",
    "loop.batch_size": "4",
    "loop.max_steps": "4",
    "loop.minutes": "0",
    "loop.n_workers": "0",
    "loop.precision": "32-true",
}
