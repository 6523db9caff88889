"""Wavetable synthesis (Vital, as the package Vita), with waves and settings of our own.

``pip install vita`` (GPL-3.0). It leaves its process in a mode of arithmetic in which denormal
numbers are zero, where Faust's compiler aborts: a bank's workers render one synthesiser only.
"""

import base64
import json
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers.timbres import RenderNote, Timbre, pitch_of

_FLUSH_S = (0.01, 0.1)  # held and whole length; 0.1 s is enough at releases of up to 0.4 s
_WAVE = 2048  # samples of a wave, as Vital stores it
_N_HARMONICS = 128  # of a random wave: up to 16 kHz at C3
# Frequency morphs that keep harmonics where they are: low and high pass, smear, random amplitudes,
# formants, vocoder; and distortions that keep the period.
_MORPHS = (0, 0, 0, 1, 2, 5, 6, 7, 7, 8)
_DISTORTIONS = (0, 0, 0, 1, 2, 3, 4, 5, 6)
_FILTER_MODELS = (0, 0, 1, 2, 3, 4, 5)  # no comb and no phaser, which make pitches of their own


def timbre(seed: int, number: int) -> Timbre:
    """A random setting."""
    preset = _preset(np.random.default_rng([seed, number]))
    return Timbre(f"wavetable #{number}", (30, 96), _player(preset), in_semitones=True)


def _wave(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """One period of a random sound: partials that fall, with formants, at times odd ones only."""
    h = np.arange(1, _N_HARMONICS + 1)
    octaves = np.log2(h)
    level_db = -rng.uniform(3, 15) * octaves + rng.normal(0, rng.uniform(0, 8), len(h))
    for _ in range(int(rng.integers(0, 4))):
        centre, width = rng.uniform(0, 5), rng.uniform(0.2, 1)
        level_db += rng.uniform(-6, 18) * np.exp(-(((octaves - centre) / width) ** 2))
    if rng.random() < 0.2:
        level_db[1::2] -= rng.uniform(10, 40)
    spectrum = np.zeros(_WAVE // 2 + 1, complex)
    phases = rng.uniform(0, 2 * np.pi, len(h)) if rng.random() < 0.5 else np.zeros(len(h))
    spectrum[1 : len(h) + 1] = 10 ** (level_db / 20) * np.exp(1j * phases)
    wave = np.fft.irfft(spectrum)
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def _wavetable(rng: np.random.Generator) -> dict[str, Any]:
    """Two random waves with a way between them, as Vital's files have it."""
    frames = [
        {"position": at, "wave_data": base64.b64encode(_wave(rng).tobytes()).decode()}
        for at in (0, 256)
    ]
    component = {
        "interpolation": 1,
        "interpolation_style": 1,
        "keyframes": frames,
        "type": "Wave Source",
    }
    return {
        "author": "",
        "full_normalize": True,
        "name": "cambiata",
        "remove_all_dc": True,
        "version": "1.5.5",
        "groups": [{"components": [component]}],
    }


def _oscillator(rng: np.random.Generator, number: int) -> dict[str, float]:
    transpose = 0 if number == 1 else int(rng.choice((0, 0, 12, 12, 24)))
    voices = int(rng.choice((1, 1, 1, 3)))
    settings = {
        "on": 1.0,
        "level": rng.uniform(0.5, 0.8) if number == 1 else rng.uniform(0.15, 0.6),
        "transpose": transpose,
        "tune": 0.0 if number == 1 else rng.normal(0, 0.03),
        "wave_frame": rng.uniform(0, 256),
        "unison_voices": voices,
        "unison_detune": rng.uniform(0.2, 1.8),
        "stereo_spread": 0.0,
        "spectral_morph_type": int(rng.choice(_MORPHS)),
        "spectral_morph_amount": rng.uniform(0.2, 0.8),
        "distortion_type": int(rng.choice(_DISTORTIONS)),
        "distortion_amount": rng.uniform(0.1, 0.7),
        "random_phase": 1.0 if voices > 1 else 0.0,
    }
    return {f"osc_{number}_{key}": float(value) for key, value in settings.items()}


def _envelope(rng: np.random.Generator, number: int, *, plucked: bool) -> dict[str, float]:
    """Times are the fourth powers of what Vital's controls hold."""
    attack_s = rng.uniform(0.001, 0.01) if plucked else rng.choice((0.004, 0.02, 0.06, 0.15))
    settings = {
        "attack": attack_s**0.25,
        "decay": (rng.uniform(0.3, 4) if plucked else rng.uniform(0.1, 1)) ** 0.25,
        "decay_power": rng.uniform(-6, -1),
        "sustain": 0.0 if plucked else rng.uniform(0.4, 1),
        "release": rng.uniform(0.02, 0.4) ** 0.25,
    }
    return {f"env_{number}_{key}": float(value) for key, value in settings.items()}


def _preset(rng: np.random.Generator) -> dict[str, Any]:
    """Controls, wavetables and modulations of a random sound."""
    plucked = bool(rng.random() < 0.5)
    controls = _oscillator(rng, 1)
    if rng.random() < 0.5:
        controls |= _oscillator(rng, 2)
    controls |= _envelope(rng, 1, plucked=plucked) | _envelope(rng, 2, plucked=plucked)
    modulations = []
    if rng.random() < 0.7:
        controls |= {
            "osc_1_destination": 0.0,
            "osc_2_destination": 0.0,
            "filter_1_on": 1.0,
            "filter_1_model": float(rng.choice(_FILTER_MODELS)),
            "filter_1_cutoff": float(rng.uniform(50, 110)),
            "filter_1_resonance": float(rng.uniform(0, 0.6)),
            "filter_1_drive": float(rng.uniform(0, 8)),
            "filter_1_keytrack": float(rng.uniform(0.3, 1)),
        }
        modulations.append(("env_2", "filter_1_cutoff", float(rng.uniform(0, 0.4))))
        modulations.append(("velocity", "filter_1_cutoff", float(rng.uniform(0, 0.3))))
    if rng.random() < 0.4:
        modulations.append(("env_2", "osc_1_wave_frame", float(rng.uniform(-0.6, 0.6))))
    return {
        "controls": controls,
        "wavetables": [_wavetable(rng) for _ in range(3)],
        "modulations": modulations,
    }


@cache
def _open() -> tuple[Any, str]:
    """The synthesiser and its first preset: once in a process."""
    import vita

    synth = vita.Synth()
    synth.set_sample_rate(RENDER_RATE_HZ)
    synth.load_init_preset()
    return synth, synth.to_json()


_LOADED: list[dict[str, Any]] = []  # the preset that the synthesiser has


def _load(facts: dict[str, Any]) -> Any:
    synth, start = _open()
    if _LOADED and _LOADED[0] is facts:
        return synth
    preset = json.loads(start)
    preset["settings"]["wavetables"] = facts["wavetables"]
    synth.load_json(json.dumps(preset))
    synth.clear_modulations()
    for source, destination, _ in facts["modulations"]:
        synth.connect_modulation(source, destination)
    controls = synth.get_controls()
    for number, (_, _, amount) in enumerate(facts["modulations"], 1):
        controls[f"modulation_{number}_amount"].set(amount)
    for name, value in facts["controls"].items():
        controls[name].set(value)
    _LOADED[:] = [facts]
    return synth


def _player(facts: dict[str, Any]) -> RenderNote:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> Samples:
        synth = _load(facts)
        # A note that is still held when rendering ends bursts into the next; a silent one takes it.
        synth.render(pitch_of(hz), 0.0, *_FLUSH_S)
        sound = synth.render(pitch_of(hz), velocity / 127, hold_s, length_s)
        return np.asarray(np.mean(sound, axis=0), np.float32)

    return render
