"""Recorded examples of two domains, without banks: for tests of translators' training."""

import json
from pathlib import Path

import numpy as np
from tiny_scored import played
from tiny_training import SETTINGS as OF_EVERY_TRAINING

from cambiata.data.domains import DomainExamples, DomainsConfig

TWO = ("grand-piano", "church-organ")
TINY = DomainsConfig(
    banks=(),
    collections=(),
    held_out=(),
    n_examples=4,
    n_validation=2,
    n_shard=2,
    duration_s=2.0,
    domains=TWO,
)
SETTINGS = OF_EVERY_TRAINING | {
    "task.domains": ",".join(TWO),
    "examples.domains": ",".join(TWO),
}


def tiny_domains(folder: Path) -> DomainExamples:
    """Write examples as `record_domains` would: a dull domain and a bright one."""
    rng = np.random.default_rng(0)
    for name, n in (("training", 4), ("validation", 2)):
        for index in range(n // 2):
            sounds, facts = np.zeros((2, 2, TINY.n_samples)), []
            for i in range(2):
                notes = [
                    [0.1 + 0.6 * k, 0.6 + 0.6 * k, int(rng.integers(50, 80)), 100] for k in range(3)
                ]
                for j, n_partials in enumerate((2, 12)):
                    sounds[i, j] = played(notes, n_partials, TINY.n_samples, TINY.sample_rate)
                facts.append({"domains": [0, 1], "notes": notes})
            place = folder / f"{name}-{index:04d}.npy"
            np.save(place, np.round(sounds * 32767).astype(np.int16))
            place.with_suffix(".json").write_text(json.dumps(facts))
    (folder / "examples.json").write_text('{"banks": []}')
    return DomainExamples(folder, TINY)
