"""Physical models of Faust's library (Michon, Smith and others), with random playing.

``pip install dawdreamer`` (GPL-3.0, with Faust's compiler; the models are under the LGPL with an
exception for what is made with them).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers.timbres import RenderNote, Timbre

_BLOCK = 64  # samples: how finely the gate's beginning and end fall


@dataclass(frozen=True)
class _Model:
    """A model's expression in Faust; `a` to `d` are what may vary, within these ranges."""

    name: str
    expression: str
    pitches: tuple[int, int]
    ranges: dict[str, tuple[float, float]]
    share: int
    gain: tuple[float, float] = (0.4, 1.0)  # of the softest and the loudest note


# Breath or bow rises within 2 to 32 ms (time constant): tongued to soft.
_BLOWN = "(gate*gain : si.smooth(ba.tau2pole(0.002+d*0.03)))"
# A soft stick is dull, the softer it strikes the more.
_STRUCK = "(gate : ba.impulsify : *(gain) : fi.lowpass(1,b*gain))"
# Ranges within which a model speaks; found by rendering.
_MODELS = (
    _Model(
        "Karplus",
        "gate : pm.impulseExcitation*gain : pm.ks(length,a)",
        (36, 96),
        {"a": (0, 0.4)},
        3,
    ),
    _Model(
        "Electric guitar",
        "pm.elecGuitar(length,a,b,gain,gate)",
        (36, 90),
        {"a": (0.1, 0.9), "b": (0.97, 1)},
        6,
    ),
    _Model("Guitar", "pm.guitar(length,a,gain,gate)", (36, 90), {"a": (0.1, 0.9)}, 5),
    _Model("Nylon guitar", "pm.nylonGuitar(length,a,gain,gate)", (36, 90), {"a": (0.1, 0.9)}, 5),
    _Model(
        "String with a body",
        "pm.modularInterpInstr(length,a,b,c,gain,0,gate)",
        (36, 90),
        {"a": (0.1, 0.9), "b": (0, 2), "c": (0.2, 2)},
        7,
    ),
    _Model(
        "Violin",
        f"pm.violinModel(length,a,{_BLOWN},b)",
        (43, 96),
        {"a": (0.3, 0.8), "b": (0.5, 0.9), "d": (0, 1)},
        10,
        (0.4, 0.8),
    ),
    _Model(
        "Clarinet",
        f"pm.clarinetModel(length,{_BLOWN}*(1+no.noise*c),a,b)",
        (46, 90),
        {"a": (0.3, 0.7), "b": (0.2, 0.8), "c": (0, 0.03), "d": (0, 1)},
        10,
        (0.55, 0.75),
    ),
    _Model(
        "Flute",
        f"pm.fluteModel(length,a,{_BLOWN}*(1+no.noise*c))",
        (50, 96),
        {"a": (0.3, 0.7), "c": (0.005, 0.06), "d": (0, 1)},
        8,
        (0.7, 1.0),
    ),
    _Model(
        "Brass",
        # Lips pass the more of a constant pressure the lower they are tuned, and stay open.
        f"pm.brassModel(length,a,b,{_BLOWN}*(freq/400)*(freq/400))",
        (38, 84),
        {"a": (0.48, 0.56), "b": (0.2, 0.8), "d": (0, 1)},
        10,
        (0.15, 0.35),
    ),
    _Model(
        "Tuned bar",  # of a marimba: partials at 1, 4 and 10.6, an even tube's
        f"{_STRUCK} : pm.modalModel(3,(freq,freq*3.99,freq*10.65),(a,a*c,a*c*c),(1,d,d*d))",
        (48, 96),
        {"a": (0.3, 2.5), "b": (1500, 10000), "c": (0.15, 0.6), "d": (0.1, 0.6)},
        6,
    ),
    _Model(
        "Metal bar",  # free at both ends, as of a vibraphone without tubes and of a glockenspiel
        f"{_STRUCK} : pm.modalModel(4,(freq,freq*2.756,freq*5.404,freq*8.933),"
        "(a,a*c,a*c*c,a*c*c*c),(1,d,d*d,d*d*d))",
        (54, 96),
        {"a": (1, 6), "b": (1500, 12000), "c": (0.3, 0.8), "d": (0.1, 0.5)},
        6,
    ),
    _Model(
        "Voice",
        f"pm.SFFormantModelBP(int(a),b,0,freq,{_BLOWN})",
        (40, 84),
        {"a": (0, 4.99), "b": (0, 4), "d": (0, 1)},
        14,
    ),
)


def timbre(seed: int, number: int) -> Timbre:
    """A random setting of one of the models, which come in turn."""
    deck = [model for model in _MODELS for _ in range(model.share)]
    turn, place = divmod(number, len(deck))
    model = deck[np.random.default_rng([seed, turn]).permutation(len(deck))[place]]
    rng = np.random.default_rng([seed, number, 1])
    values = {name: float(rng.uniform(*ends)) for name, ends in model.ranges.items()}
    return Timbre(f"{model.name} #{number}", model.pitches, _player(model, values))


@cache
def _open(expression: str) -> tuple[Any, Any, dict[str, str]]:
    """Engine, compiled model, and the place of each of its controls: once in a process."""
    import dawdreamer

    names = ("freq", "gain", *"abcd")
    sliders = [f'{name}=hslider("{name}",0,-100000,100000,0.000001);' for name in names]
    code = "\n".join(
        [
            'import("stdfaust.lib");',
            *sliders,
            'gate=button("gate");',
            "length=pm.f2l(freq);",
            f"process={expression};",
        ]
    )
    engine = dawdreamer.RenderEngine(RENDER_RATE_HZ, _BLOCK)
    processor = engine.make_faust_processor("model")
    processor.set_dsp_string(code)
    processor.compile()
    engine.load_graph([(processor, [])])
    places = {
        str(each["name"]).rsplit("/", 1)[-1]: str(each["name"])
        for each in processor.get_parameters_description()
    }
    return engine, processor, places


def _player(model: _Model, values: dict[str, float]) -> RenderNote:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> Samples:
        engine, processor, places = _open(model.expression)
        gain = float(np.interp(velocity, (1, 127), model.gain))
        for name, value in {**values, "freq": hz, "gain": gain}.items():
            if name in places:
                processor.set_parameter(places[name], value)
        lead_s = 0.01  # the gate must rise after the start, and smoothed controls settle
        n = round((length_s + lead_s) * RENDER_RATE_HZ)
        gate = np.zeros(n, np.float32)
        gate[round(lead_s * RENDER_RATE_HZ) : round((lead_s + hold_s) * RENDER_RATE_HZ)] = 1
        processor.set_automation(places["gate"], gate)
        engine.render(length_s + lead_s)
        sound = engine.get_audio()[0, round(lead_s * RENDER_RATE_HZ) :]
        return np.asarray(sound, np.float32)

    return render
