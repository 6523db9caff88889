"""Subtractive synthesis: the presets that come with amsynth, each without effects and vibrato.

``apt-get install amsynth && pip install dawdreamer`` (amsynth and its banks: GPL-2.0 or later;
DawDreamer, which hosts it: GPL-3.0).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.data.soundfont import RENDER_RATE_HZ
from cambiata.data.synthesisers.timbres import RenderNote, Timbre, pitch_of
from cambiata.errors import InputError

PLUGIN = Path("/usr/lib/vst/amsynth_vst.so")
BANKS = Path("/usr/share/amsynth/banks")
# Ranges of the parameters in the banks' own units (amsynth 1.13, `Parameters`): a host sets 0 to 1.
_RANGES = {
    **dict.fromkeys(
        (
            *("amp_attack", "amp_decay", "amp_release"),
            *("filter_attack", "filter_decay", "filter_release"),
        ),
        (0.0, 2.5),
    ),
    "osc1_waveform": (0.0, 4.0),
    "osc2_waveform": (0.0, 4.0),
    "filter_resonance": (0.0, 0.97),
    "filter_env_amount": (-16.0, 16.0),
    "filter_cutoff": (-0.5, 1.5),
    "osc2_detune": (-1.0, 1.0),
    "lfo_freq": (0.0, 7.5),
    "lfo_waveform": (0.0, 6.0),
    "osc2_range": (-3.0, 4.0),
    "osc_mix": (-1.0, 1.0),
    "freq_mod_amount": (0.0, 1.25992105),
    "filter_mod_amount": (-1.0, 1.0),
    "amp_mod_amount": (-1.0, 1.0),
    "distortion_crunch": (0.0, 0.9),
    "keyboard_mode": (0.0, 2.0),
    "osc2_pitch": (-12.0, 12.0),
    "filter_type": (0.0, 4.0),
    "freq_mod_osc": (0.0, 2.0),
}
# Of every preset: no vibrato and no glide, one voice a key, no room.
_PLAIN = {
    "freq_mod_amount": 0.0,
    "reverb_wet": 0.0,
    "portamento_time": 0.0,
    "keyboard_mode": 0.0,
    "master_vol": 0.5,
    "amp_mod_amount": -1.0,  # the middle of -1 to 1 would be half a tremolo
}
_BLOCK = 512
_LEAD_S = 0.02  # before the key is pressed, in which smoothed controls settle


def timbre(seed: int, number: int) -> Timbre:
    """One of the presets of all banks, in random order."""
    presets = _presets()
    order = np.random.default_rng(seed).permutation(len(presets))
    name, values = presets[order[number % len(order)]]
    return Timbre(name, (30, 96), _player({**values, **_PLAIN}), in_semitones=True)


@cache
def _presets() -> list[tuple[str, dict[str, float]]]:
    if not PLUGIN.exists() or not BANKS.is_dir():
        raise InputError("amsynth", "is not installed", "apt-get install amsynth")
    return [preset for bank in sorted(BANKS.glob("*.bank")) for preset in read_bank(bank)]


def read_bank(path: Path) -> list[tuple[str, dict[str, float]]]:
    """Name and parameters, in the bank's units, of each preset of an amsynth bank."""
    presets: list[tuple[str, dict[str, float]]] = []
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("<preset>"):
            presets.append((f"{path.stem}: {line.partition('<name>')[2].strip()}", {}))
        elif line.startswith("<parameter>") and presets:
            _, name, value = line.split()[:3]
            presets[-1][1][name] = float(value)
    return [(name, values) for name, values in presets if values]


def normalised(name: str, value: float) -> float:
    """A parameter as a plugin's host sets it, 0 to 1."""
    low, high = _RANGES.get(name, (0.0, 1.0))
    return min(1.0, max(0.0, (value - low) / (high - low)))


@cache
def _open() -> tuple[Any, Any, dict[str, int], dict[int, float]]:
    """Engine, plugin, index of each parameter, and the defaults: once in a process."""
    with _quiet():
        import dawdreamer

        engine = dawdreamer.RenderEngine(RENDER_RATE_HZ, _BLOCK)
        plugin = engine.make_plugin_processor("amsynth", str(PLUGIN))
    described = plugin.get_parameters_description()
    index = {str(each["name"]): int(each["index"]) for each in described}
    defaults = {number: float(plugin.get_parameter(number)) for number in index.values()}
    engine.load_graph([(plugin, [])])
    return engine, plugin, index, defaults


@contextmanager
def _quiet() -> Iterator[None]:
    """What a C++ library prints while it starts goes nowhere."""
    kept = [(number, os.dup(number)) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number, _ in kept:
            os.dup2(nowhere, number)
        yield
    finally:
        os.close(nowhere)
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)


def _player(values: dict[str, float]) -> RenderNote:
    def render(hz: float, velocity: int, hold_s: float, length_s: float) -> Samples:
        engine, plugin, index, defaults = _open()
        settings = dict(defaults)
        for name, value in values.items():
            if name in index:
                settings[index[name]] = normalised(name, value)
        for number, value in settings.items():
            plugin.set_parameter(number, value)
        plugin.clear_midi()
        plugin.add_midi_note(pitch_of(hz), velocity, _LEAD_S, hold_s)
        with _quiet():
            engine.render(length_s + _LEAD_S)
        sound = np.asarray(engine.get_audio(), np.float32)[:, round(_LEAD_S * RENDER_RATE_HZ) :]
        return np.asarray(sound.mean(axis=0))

    return render
