"""Frequency modulation as in Yamaha's DX7 (Dexed), with patches of our own: none of the factory's.

``pip install dexed-py`` (GPL-3.0; its engine msfa under Apache-2.0).
"""

from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers.timbres import RenderNote, Timbre, pitch_of

# Ratios of what is heard, and of what modulates it: mostly whole, so that there is a pitch.
_CARRIER_RATIOS = (1, 1, 1, 1, 1, 2, 3)
_MODULATOR_RATIOS = (1, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7, 9, 11, 14)


def timbre(seed: int, number: int) -> Timbre:
    """A random patch."""
    patch = _patch(np.random.default_rng([seed, number]))
    return Timbre(f"FM #{number}", (30, 96), _player(patch), in_semitones=True)


def _patch(rng: np.random.Generator) -> dict[str, Any]:
    """A patch as plain numbers: an algorithm, and of each operator ratio, level and envelope.

    Ranges are chosen within the DX7's scales, not fitted; of 204 patches four were refused.
    """
    from dexed.algorithms import get_carriers

    algorithm = int(rng.integers(32))
    carriers = set(get_carriers(algorithm))
    plucked = rng.random() < 0.5
    ratios = [
        int(rng.choice(_CARRIER_RATIOS if op in carriers else _MODULATOR_RATIOS)) for op in range(6)
    ]
    # One carrier at least sounds at the pitch itself.
    ratios[min(carriers)] = 1
    operators = []
    for op in range(6):
        heard = op in carriers
        operators.append(
            {
                "ratio": ratios[op],
                # A few hundredths beside a whole ratio: what beats on a real electric piano.
                "detune": int(np.clip(rng.normal(7, 1.5), 4, 10)),
                "level": int(rng.integers(80, 100) if heard else rng.integers(35, 84)),
                "velocity": int(rng.integers(0, 4) if heard else rng.integers(0, 6)),
                "scaling": int(rng.integers(0, 4)),
                "right_depth": 0 if heard else int(rng.integers(0, 50)),
                "envelope": _envelope(rng, plucked=plucked),
            }
        )
    return {"algorithm": algorithm, "feedback": int(rng.integers(0, 7)), "operators": operators}


def _envelope(rng: np.random.Generator, *, plucked: bool) -> tuple[list[int], list[int]]:
    """Rates and levels of an envelope's four stages."""
    release = int(rng.integers(40, 75))
    if plucked:
        rates = [int(rng.integers(80, 100)), int(rng.integers(25, 70)), int(rng.integers(15, 45))]
        levels = [99, int(rng.integers(60, 95)), 0]
    else:
        rates = [int(rng.integers(48, 95)), int(rng.integers(30, 80)), int(rng.integers(30, 80))]
        levels = [99, int(rng.integers(80, 100)), int(rng.integers(70, 100))]
    return [*rates, release], [*levels, 0]


def _player(facts: dict[str, Any]) -> RenderNote:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> Samples:
        from dexed import DexedSynth, Patch

        patch = Patch(name="cambiata")
        patch.algorithm, patch.feedback = facts["algorithm"], facts["feedback"]
        for operator, wanted in zip(patch.op, facts["operators"], strict=True):
            operator.frequency_coarse, operator.frequency_fine = wanted["ratio"], 0
            operator.detune, operator.output_level = wanted["detune"], wanted["level"]
            operator.velocity_sensitivity = wanted["velocity"]
            operator.rate_scaling = wanted["scaling"]
            operator.right_depth = wanted["right_depth"]
            rates, levels = wanted["envelope"]
            operator.envelope.rates, operator.envelope.levels = list(rates), list(levels)
        patch.lfo.pitch_mod_depth = patch.lfo.amp_mod_depth = 0
        synth = DexedSynth(sample_rate=RENDER_RATE_HZ)
        synth.load_patch(patch)
        return np.asarray(synth.render(pitch_of(hz), velocity, hold_s, length_s), np.float32)

    return render
