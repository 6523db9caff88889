"""Hits of drums that are computed: swept sines, rings of partials, filtered noise.

After the circuits of the analogue drum machines and the shell modes of real drums, with parameters
drawn at random: no sample, so no licence, and as many kits as there are seeds. All ranges are
chosen by ear and by what drum machines span, not fitted to recordings.
"""

import numpy as np
import numpy.typing as npt

N_SYNTHETIC_HITS = 3  # of each articulation in a kit: soft, middle, hard
_DURATION_S = 1.5

Array = npt.NDArray[np.float32]
# Ratios of a circular membrane's modes to its lowest (Fletcher and Rossing 1998, section 3.1).
_MEMBRANE = np.array([1.0, 1.59, 2.14, 2.30, 2.65, 2.92])
# Ratios of the six square waves of the TR-808's cymbals, about.
_METAL = np.array([2.0, 3.0, 4.16, 5.43, 6.79, 8.21])


def synthetic_hit(name: str, velocity: float, rng: np.random.Generator, rate: int) -> Array:
    """A hit of an articulation; the harder, the brighter."""
    t = np.arange(round(_DURATION_S * rate)) / rate
    family = name.split()[-1]
    if family == "kick":
        sound = _kick(t, velocity, rng)
    elif family in ("snare", "clap", "rim"):
        sound = _snare(t, velocity, rng, name)
    elif family == "tom":
        sound = _tom(t, velocity, rng, name)
    elif family in ("hat", "crash", "ride", "bell"):
        sound = _cymbal(t, velocity, rng, name)
    else:
        sound = _other(t, rng)
    return (sound / max(float(np.abs(sound).max()), 1e-9)).astype(np.float32)


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _decay(t: npt.NDArray[np.float64], seconds: float) -> npt.NDArray[np.float64]:
    """Fall by 60 dB in so many seconds."""
    return np.asarray(np.exp(-6.9 * t / seconds))


def _noise(
    t: npt.NDArray[np.float64],
    rng: np.random.Generator,
    low_hz: float,
    high_hz: float,
    slope: float = 4.0,
) -> npt.NDArray[np.float64]:
    """Noise between two frequencies, of RMS 1; `slope`: order of the edges."""
    spectrum = np.fft.rfft(rng.standard_normal(len(t)))
    hz = np.fft.rfftfreq(len(t), t[1]) + 1e-3
    gain = (
        1 / np.sqrt(1 + (low_hz / hz) ** (2 * slope)) / np.sqrt(1 + (hz / high_hz) ** (2 * slope))
    )
    sound = np.fft.irfft(spectrum * gain, len(t))
    return np.asarray(sound / max(float(sound.std()), 1e-9))


def _swept(
    t: npt.NDArray[np.float64], hz: float, sweep: float, sweep_s: float
) -> npt.NDArray[np.float64]:
    """A sine that falls to a frequency from `sweep` times as high."""
    phase = hz * (t + (sweep - 1) * sweep_s * (1 - np.exp(-t / sweep_s)))
    return np.asarray(np.sin(2 * np.pi * phase))


def _kick(
    t: npt.NDArray[np.float64], velocity: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    hz, seconds = _between(rng, 38, 85), _between(rng, 0.12, 0.9)
    body = _swept(t, hz, _between(rng, 1.2, 7), _between(rng, 0.006, 0.05)) * _decay(t, seconds)
    if rng.random() < 0.5:  # an overtone of the shell
        body += (
            _between(rng, 0.05, 0.4)
            * np.sin(2 * np.pi * hz * rng.uniform(1.5, 2.6) * t)
            * _decay(t, seconds / 2)
        )
    click_hz = _between(rng, 1200, 7000)
    click = _noise(t, rng, 600, click_hz) * _decay(t, _between(rng, 0.006, 0.05))
    return np.tanh(_between(rng, 0.5, 4) * body) + velocity * _between(rng, 0.01, 0.3) * click


def _snare(
    t: npt.NDArray[np.float64], velocity: float, rng: np.random.Generator, name: str
) -> npt.NDArray[np.float64]:
    if name == "rim":
        hz = _between(rng, 380, 2200)
        rings = sum(
            np.sin(2 * np.pi * hz * ratio * t) * _decay(t, _between(rng, 0.02, 0.09)) / ratio
            for ratio in (1.0, rng.uniform(1.3, 2.2), rng.uniform(2.2, 4))
        )
        return np.asarray(
            rings + 0.4 * _noise(t, rng, 800, 9000) * _decay(t, _between(rng, 0.008, 0.04))
        )
    if name == "clap":
        sound = np.zeros_like(t)
        gap_s, n = rng.uniform(0.007, 0.013), int(rng.integers(2, 5))
        for i in range(n):
            later = t - i * gap_s
            seconds = 0.02 if i < n - 1 else _between(rng, 0.1, 0.4)
            sound += np.where(later >= 0, _decay(np.maximum(later, 0), seconds), 0)
        return sound * _noise(t, rng, _between(rng, 500, 1200), _between(rng, 2000, 9000))
    hz, ring_s = _between(rng, 140, 330), _between(rng, 0.05, 0.35)
    shell = sum(
        _swept(t, hz * ratio, _between(rng, 1.0, 1.6), 0.02) * _decay(t, ring_s / ratio) / ratio
        for ratio in _MEMBRANE[: int(rng.integers(1, 5))]
    )
    wires = _noise(t, rng, _between(rng, 300, 2500), _between(rng, 5000, 18000), 2)
    wires *= _decay(t, _between(rng, 0.09, 0.45)) * (0.5 + velocity)
    attack = _noise(t, rng, 1000, 14000) * _decay(t, 0.015) * velocity
    return np.asarray(shell + _between(rng, 0.1, 1.2) * wires + rng.uniform(0, 0.5) * attack)


def _tom(
    t: npt.NDArray[np.float64], velocity: float, rng: np.random.Generator, name: str
) -> npt.NDArray[np.float64]:
    low, high = {"low": (60, 105), "mid": (95, 150), "high": (135, 240)}[name.split()[0]]
    hz, seconds = _between(rng, low, high), _between(rng, 0.2, 1.2)
    sweep, sweep_s = _between(rng, 1.02, 1.8), _between(rng, 0.02, 0.15)
    sound = sum(
        _swept(t, hz * ratio, sweep, sweep_s)
        * _decay(t, seconds / ratio**1.5)
        / ratio ** rng.uniform(1, 3)
        for ratio in _MEMBRANE[: int(rng.integers(1, 6))]
    )
    stick = _noise(t, rng, 500, _between(rng, 2000, 10000)) * _decay(t, _between(rng, 0.01, 0.06))
    return np.asarray(sound + velocity * _between(rng, 0.01, 0.25) * stick)


def _cymbal(
    t: npt.NDArray[np.float64], velocity: float, rng: np.random.Generator, name: str
) -> npt.NDArray[np.float64]:
    seconds = {
        "closed hat": _between(rng, 0.03, 0.16),
        "pedal hat": _between(rng, 0.03, 0.13),
        "open hat": _between(rng, 0.4, 1.6),
        "crash": _between(rng, 1.2, 4),
        "ride": _between(rng, 0.8, 4),
        "ride bell": _between(rng, 0.8, 3),
    }[name]
    low_hz = (
        _between(rng, 300, 3000)
        if name in ("crash", "ride", "ride bell")
        else _between(rng, 1500, 8000)
    )
    wash = _noise(t, rng, low_hz, _between(rng, 9000, 19000), 2)
    base_hz = _between(rng, 150, 420)
    # Many inharmonic partials: square waves of a machine, or the modes of a plate.
    if rng.random() < 0.4:
        metal = sum(np.sign(np.sin(2 * np.pi * base_hz * r * t + i)) for i, r in enumerate(_METAL))
        spectrum = np.fft.rfft(metal)
        spectrum *= 1 / (1 + (low_hz / (np.fft.rfftfreq(len(t), t[1]) + 1)) ** 4)
        metal = np.fft.irfft(spectrum, len(t))
    else:
        hz = np.sort(np.exp(rng.uniform(np.log(low_hz), np.log(15000), 24)))
        metal = sum(
            np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) * _decay(t, seconds * rng.uniform(0.3, 1))
            for f in hz
        )
    metal = metal / max(float(np.std(metal)), 1e-9)
    mix = rng.uniform(0.0, 0.6)
    if name == "ride":  # a stick's ping over a soft wash
        ping = sum(
            np.sin(2 * np.pi * f * t) * _decay(t, _between(rng, 0.1, 0.6))
            for f in np.exp(rng.uniform(np.log(700), np.log(7000), 8))
        )
        return np.asarray(
            0.25 * _decay(t, seconds) * (wash + mix * metal)
            + _between(rng, 0.1, 0.5) * ping
            + 0.5 * _noise(t, rng, 3000, 16000) * _decay(t, 0.03)
        )
    if name == "ride bell":
        f = _between(rng, 500, 1500)
        bell = sum(
            np.sin(2 * np.pi * f * r * t) * _decay(t, seconds / r) for r in (1, 1.48, 2.4, 3.1)
        )
        return np.asarray(bell + 0.2 * _decay(t, seconds) * wash)
    sound = ((1 - mix) * wash + mix * metal) * _decay(t, seconds)
    if name == "crash":
        sound = sound * (1 - np.exp(-t / _between(rng, 0.0005, 0.008)))
        sound += 0.6 * _noise(t, rng, 200, 6000, 2) * _decay(t, 0.15)
    if name == "open hat" and rng.random() < 0.4:  # half open: a sizzle that begins hard
        sound += 0.7 * wash * _decay(t, _between(rng, 0.05, 0.2))
    stick = _noise(t, rng, 2000, 16000) * _decay(t, 0.012)
    return np.asarray(sound + rng.uniform(0, 0.8) * velocity * stick)


def _other(t: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Percussion that is none of a kit's: cowbells, shakers, blocks, congas."""
    kind = rng.integers(0, 3)
    if kind == 0:  # a shaker's rustle
        rise = 1 - np.exp(-t / _between(rng, 0.01, 0.04))
        return rise * _noise(t, rng, 3000, 15000) * _decay(t, _between(rng, 0.05, 0.2))
    hz = _between(rng, 180, 420) if kind == 1 else _between(rng, 500, 2500)
    ratios = (1.0, 1.48, rng.uniform(1.8, 3))
    return np.asarray(
        sum(np.sin(2 * np.pi * hz * r * t) * _decay(t, _between(rng, 0.06, 0.5)) for r in ratios)
    )
