"""Physical models of the Synthesis ToolKit (Cook and Scavone), with random playing.

``pip install synthesistoolkit`` (bindings under GPL-3.0, STK itself under an MIT-like licence).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers.timbres import RenderNote, Timbre

# A model's delay lines are as long as this needs: two octaves under the lowest note.
_LOWEST_HZ = 8.0


@dataclass(frozen=True)
class _Model:
    """A model, the notes it can play, and the controls that may vary (of 0 to 128)."""

    name: str
    pitches: tuple[int, int]
    controls: dict[str, tuple[float, float]] = field(default_factory=dict)
    share: int = 4  # of how many timbres of a turn
    presets: tuple[int, ...] = ()
    takes_lowest: bool = False  # its constructor asks for the lowest frequency
    fixed: dict[str, float] = field(default_factory=dict)


_STILL = {"vibrato_gain": 0.0}
_STILL_FM = {"lfo_depth": 0.0}
# Ranges of controls within which a model speaks; found by rendering, not from its manual.
_MODELS = (
    _Model(
        "Clarinet",
        (50, 91),
        {"reed_stiffness": (20, 90), "noise_gain": (0, 40)},
        8,
        takes_lowest=True,
        fixed=_STILL,
    ),
    _Model(
        "BlowHole",
        (50, 68),
        {"reed_stiffness": (20, 90), "noise_gain": (0, 40)},
        4,
        takes_lowest=True,
        fixed=_STILL,
    ),
    _Model(
        "Saxofony",
        (40, 88),
        {
            "reed_stiffness": (20, 100),
            "reed_aperture": (20, 100),
            "blow_position": (10, 60),
            "noise_gain": (0, 40),
        },
        10,
        takes_lowest=True,
        fixed=_STILL,
    ),
    _Model(
        "Flute",
        (55, 96),
        {"jet_delay": (54, 74), "noise_gain": (0, 60)},
        8,
        takes_lowest=True,
        fixed=_STILL,
    ),
    _Model("BlowBotl", (40, 96), {"noise_gain": (0, 20)}, 3, fixed=_STILL),
    _Model(
        "Bowed",
        (36, 96),
        {"bow_pressure": (30, 110), "bow_motion": (20, 110)},
        10,
        fixed=_STILL,
    ),
    _Model("Plucked", (30, 96), {}, 1, takes_lowest=True),
    _Model("Sitar", (36, 84), {}, 1, takes_lowest=True),
    _Model(
        "StifKarp",
        (30, 96),
        {"pickup_position": (10, 120), "string_sustain": (60, 128), "string_stretch": (0, 25)},
        8,
        takes_lowest=True,
    ),
    _Model(
        "Mandolin",
        (40, 96),
        {
            "body_size": (10, 118),
            "pluck_position": (10, 118),
            "string_sustain": (40, 120),
            "string_detuning": (0, 40),
        },
        10,
        takes_lowest=True,
    ),
    _Model(
        "ModalBar",
        (48, 96),
        {"stick_hardness": (10, 120), "stick_position": (10, 120), "direct_stick_mix": (0, 60)},
        14,
        (0, 1, 4, 6, 7),
        fixed=_STILL,
    ),
    _Model("BandedWG", (48, 90), {}, 4, (0, 1, 2)),
    _Model(
        "Rhodey",
        (30, 96),
        {"modulator_index_one": (10, 120), "crossfade_of_outputs": (10, 120)},
        7,
        fixed=_STILL_FM,
    ),
    _Model(
        "Wurley",
        (30, 96),
        {"modulator_index_one": (10, 120), "crossfade_of_outputs": (10, 120)},
        7,
        fixed=_STILL_FM,
    ),
    _Model(
        "TubeBell",
        (48, 96),
        {"modulator_index_one": (10, 120), "crossfade_of_outputs": (10, 120)},
        4,
        fixed=_STILL_FM,
    ),
    _Model(
        "PercFlut",
        (48, 96),
        {"total_modulator_index": (10, 120), "modulator_crossfade": (10, 120)},
        4,
        fixed=_STILL_FM,
    ),
    _Model(
        "BeeThree",
        (30, 96),
        {"operator_4_feedback_gain": (10, 120), "operator_3_gain": (10, 120)},
        8,
        fixed=_STILL_FM,
    ),
    _Model(
        "HevyMetl",
        (30, 90),
        {"total_modulator_index": (10, 120), "modulator_crossfade": (10, 120)},
        6,
        fixed=_STILL_FM,
    ),
    _Model(
        "FMVoices",
        (40, 84),
        {"vowel": (0, 127), "spectral_tilt": (20, 120)},
        6,
        fixed=_STILL_FM,
    ),
    _Model(
        "VoicForm",
        (40, 84),
        {"vowel_phoneme_selection": (0, 127), "voiced_unvoiced_mix": (0, 30)},
        12,
        fixed=_STILL,
    ),
    _Model(
        "Moog",
        (30, 90),
        {"filter_q": (10, 110), "filter_sweep_rate": (20, 110)},
        8,
        fixed=_STILL,
    ),
    _Model("Simple", (30, 96), {"filter_pole_position": (10, 118)}, 3, fixed={}),
)


def timbre(seed: int, number: int) -> Timbre:
    """A random setting of one of the models, which come in turn."""
    deck = [model for model in _MODELS for _ in range(model.share)]
    turn, place = divmod(number, len(deck))
    model = deck[np.random.default_rng([seed, turn]).permutation(len(deck))[place]]
    rng = np.random.default_rng([seed, number, 1])
    controls = {name: float(rng.uniform(*ends)) for name, ends in model.controls.items()}
    controls |= model.fixed
    preset = int(rng.choice(model.presets)) if model.presets else None
    setting = f" {preset}" if preset is not None else ""
    name = f"{model.name}{setting} #{number}"
    return Timbre(name, model.pitches, _player(model, controls, preset))


def _player(model: _Model, controls: dict[str, float], preset: int | None) -> RenderNote:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> Samples:
        import synthesistoolkit

        build: Any = getattr(synthesistoolkit, model.name)
        synthesistoolkit.set_sample_rate(RENDER_RATE_HZ)
        # Breath is a generator's that all instruments share: the same note is the same sound.
        synthesistoolkit.Noise(1 + round(hz))
        instrument = build(_LOWEST_HZ) if model.takes_lowest else build()
        if preset is not None:
            instrument.set_preset(preset)
        for name, value in controls.items():
            instrument.control_change(instrument.CONTROL_IDS[name], value)
        n_held = round(hold_s * RENDER_RATE_HZ)
        n_rest = round(length_s * RENDER_RATE_HZ) - n_held
        # From 0.3: below, reeds and lips do not speak.
        instrument.note_on(hz, 0.3 + 0.7 * velocity / 127)
        parts = [np.asarray(instrument.tick(n_held))[0]]
        if n_rest > 0:
            # Moog's binding takes what note_on does.
            instrument.key_off() if model.name == "Moog" else instrument.note_off(0.5)
            parts.append(np.asarray(instrument.tick(n_rest))[0])
        return np.concatenate(parts).astype(np.float32)

    return render
