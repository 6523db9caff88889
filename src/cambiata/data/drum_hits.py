"""Single hits of drums: kits of sound fonts, recorded hits, and hits that are computed.

A bank of hits is one long array and a table: which hits a kit has for an articulation, softest
first. Training mixes them into grooves (`cambiata.train.drum_mixing`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.data.drum_synthesis import N_SYNTHETIC_HITS, synthetic_hit

RATE_HZ = 44100
ARTICULATIONS = (
    "kick",
    "snare",
    "rim",
    "clap",
    "closed hat",
    "pedal hat",
    "open hat",
    "low tom",
    "mid tom",
    "high tom",
    "crash",
    "ride",
    "ride bell",
    "other",
)
OTHER = ARTICULATIONS.index("other")
# General MIDI's keys of each, and those that the Groove MIDI Dataset's kit adds (22, 26, 58).
KEYS = (
    (36, 35),
    (38, 40),
    (37,),
    (39,),
    (42, 22),
    (44,),
    (46, 26),
    (43, 41, 58),
    (47, 45),
    (50, 48),
    (49, 57, 55, 52),
    (51, 59),
    (53,),
    (54, 56, 60, 61, 62, 63, 64, 65, 67, 69, 70, 75, 76, 81),
)
ARTICULATION_OF_KEY = {key: i for i, keys in enumerate(KEYS) for key in keys}
# Seconds that are kept of a hit. Cymbals ring longer, but what tells them apart is over by then.
MAX_S = (0.6, 0.5, 0.25, 0.35, 0.3, 0.3, 0.9, 0.8, 0.7, 0.6, 1.3, 1.0, 0.9, 0.4)
VELOCITIES = (40, 80, 120)  # at which fonts are struck: most have as many layers, or fewer
_STRUCK_S = 1.5
_BEGINS_DB, _ENDS_DB = -30.0, -42.0  # of the peak: where a hit is taken to begin and to be over
_FADE_S = 0.02
_SAME_DB = -25.0  # difference of two hits, below which one stands for both
MU = 255.0  # mu-law (ITU-T G.711's constant): a hit's own noise lies 38 dB below it at any level

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DrumKit:
    """A kit: for each articulation its hits and their peaks, softest first."""

    name: str
    licence: str
    # By articulation: (velocity 0 to 1, hit [T] with a peak of 1) pairs
    hits: dict[int, list[tuple[float, Array]]] = field(default_factory=dict)

    def add(self, articulation: int, velocity: float, sound: Array) -> None:
        """Keep a hit, unless one is kept that sounds the same."""
        hit = trim_hit(sound, MAX_S[articulation])
        if hit is None:
            return
        kept = self.hits.setdefault(articulation, [])
        if not any(_same(hit, other) for _, other in kept):
            kept.append((velocity, hit))
            kept.sort(key=lambda pair: pair[0])


def trim_hit(sound: Array, max_s: float) -> Array | None:
    """A hit from its onset to where it is over, with a peak of 1; None where it is silent."""
    level = np.abs(sound)
    peak = float(level.max(initial=0.0))
    if peak < 1e-4:
        return None
    begin = int(np.argmax(level > peak * 10 ** (_BEGINS_DB / 20)))
    # A millisecond before: the first samples of an attack belong to it.
    begin = max(0, begin - RATE_HZ // 1000)
    audible = np.flatnonzero(level > peak * 10 ** (_ENDS_DB / 20))
    end = min(int(audible[-1]) + 1, begin + round(max_s * RATE_HZ))
    hit = (sound[begin:end] / peak).astype(np.float32)
    n_fade = min(len(hit), round(_FADE_S * RATE_HZ))
    hit[-n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
    return hit


def _same(first: Array, second: Array) -> bool:
    n = min(len(first), len(second), RATE_HZ // 5)
    difference = np.square(first[:n] - second[:n]).sum()
    return bool(difference < 10 ** (_SAME_DB / 10) * np.square(first[:n]).sum())


def font_kits(path: Path, programs: Sequence[int], licence: str, name: str) -> Iterator[DrumKit]:
    """Kits of a sound font's bank 128."""
    from cambiata.data.soundfont import Renderer, SoundFont
    from cambiata.score.midi import Note

    with Renderer(SoundFont(path), RATE_HZ) as renderer:
        for program in programs:
            kit = DrumKit(f"{name}-{program}", licence)
            for articulation, keys in enumerate(KEYS):
                for key in (key for key in keys if key >= 35 and key not in (58,)):
                    for velocity in VELOCITIES:
                        struck = Note(0.0, 1.0, key, velocity)
                        sound = renderer.render([struck], program, _STRUCK_S, bank=128)
                        kit.add(articulation, velocity / 127, sound.mean(axis=0))
            yield kit


# Recordings of the package sonic-pi-samples (CC0) by articulation: beginnings of their names.
_SONIC_PI = {
    "kick": ("bd_", "drum_bass_", "drum_heavy_kick", "elec_hollow_kick", "elec_soft_kick"),
    "snare": ("sn_", "drum_snare_", "elec_snare", "elec_lo_snare", "elec_mid_snare",
              "elec_hi_snare", "elec_filt_snare"),
    "closed hat": ("drum_cymbal_closed",),
    "pedal hat": ("drum_cymbal_pedal",),
    "open hat": ("drum_cymbal_open",),
    "low tom": ("drum_tom_lo",),
    "mid tom": ("drum_tom_mid",),
    "high tom": ("drum_tom_hi",),
    "crash": ("drum_cymbal_hard", "drum_cymbal_soft", "drum_splash"),
    "other": ("drum_cowbell", "elec_blip", "elec_wood", "elec_tick", "elec_pop", "perc_bell",
              "perc_snap", "perc_impact", "tabla_na_o", "tabla_ghe1", "tabla_ke1", "elec_triangle"),
}  # fmt: skip


def sonic_pi_kits(folder: Path) -> Iterator[DrumKit]:
    """The recorded acoustic kit of sonic-pi-samples, and its electronic hits as one more."""
    kits = {name: DrumKit(f"sonic-pi-{name}", "CC0") for name in ("acoustic", "electronic")}
    for articulation, prefixes in _SONIC_PI.items():
        for path in sorted(folder.glob("*.flac")):
            if path.stem.startswith(prefixes):
                velocity = 0.4 if path.stem.endswith("soft") else 0.9
                kit = kits["acoustic" if path.stem.startswith("drum_") else "electronic"]
                sound = _load_mono(path)
                kit.add(ARTICULATIONS.index(articulation), velocity, sound)
    yield from kits.values()


# MuldjordKit (CC BY 4.0): folders by articulation, and the close microphones of each.
_MULDJORD = {
    "kick": (("KdrumL", "KdrumL"), ("KdrumR", "KdrumR")),
    "snare": (("Snare", "Snare_top"),),
    "closed hat": (("HihatClosed", "Hihat"),),
    "open hat": (("HihatOpen", "Hihat"),),
    "low tom": (("Tom4", "Tom4"),),
    "mid tom": (("Tom3", "Tom3"), ("Tom2", "Tom2")),
    "high tom": (("Tom1", "Tom1"),),
    "crash": (("CrashL", "OHL"), ("CrashR", "OHR"), ("China", "OHL")),
    "ride": (("RideL", "RideL"), ("RideR", "RideR")),
    "ride bell": (("RideLBell", "RideL"), ("RideRBell", "RideR")),
}
# Weights of close microphones, overheads and ambience in three mixes of the kit.
_MULDJORD_MIXES = {"close": (1.0, 0.5, 0.0), "overheads": (0.0, 1.0, 0.1), "room": (0.2, 0.2, 1.0)}
_MULDJORD_HITS = 4  # of each drum, from the softest to the loudest


def muldjord_kits(folder: Path) -> Iterator[DrumKit]:
    """The MuldjordKit as three mixes; `folder` is its folder "Samples"."""
    kits = {mix: DrumKit(f"muldjord-{mix}", "CC BY 4.0") for mix in _MULDJORD_MIXES}
    for articulation, drums in _MULDJORD.items():
        for drum, close in drums:
            takes = [
                _muldjord_take(path.parent, path.name.partition("-")[0], drum, close)
                for path in sorted((folder / drum).glob("*-OHL.flac"))
                if path.with_name(path.name.replace("-OHL", f"-{close}")).exists()
            ]
            takes.sort(key=lambda take: float(np.abs(take[1]).max()))
            chosen = np.linspace(0, len(takes) - 1, min(len(takes), _MULDJORD_HITS))
            for place in chosen.round().astype(int):
                velocity = (place + 1) / len(takes)
                for mix, weights in _MULDJORD_MIXES.items():
                    sound = sum(w * x for w, x in zip(weights, takes[place], strict=True))
                    kits[mix].add(ARTICULATIONS.index(articulation), velocity, np.asarray(sound))
    yield from kits.values()


def _muldjord_take(folder: Path, number: str, drum: str, close: str) -> tuple[Array, Array, Array]:
    """Close microphone, overheads and ambience of one take, equally long."""
    sounds = [
        sum(_load_mono(folder / f"{number}-{drum}-{mic}.flac") for mic in mics)
        for mics in ((close,), ("OHL", "OHR"), ("AmbL", "AmbR"))
    ]
    n = min(len(sound) for sound in sounds)  # type: ignore[arg-type]
    return tuple(sound[:n] for sound in sounds)  # type: ignore[return-value,index]


def synthetic_kit(seed: int, number: int) -> DrumKit:
    """A kit that is computed; there are as many as one likes."""
    rng = np.random.default_rng([seed, number])
    kit = DrumKit(f"synthetic-{seed}-{number}", "no samples: computed")
    for articulation, name in enumerate(ARTICULATIONS):
        for hit in range(N_SYNTHETIC_HITS):
            velocity = (hit + 1) / N_SYNTHETIC_HITS
            kit.add(articulation, velocity, synthetic_hit(name, velocity, rng, RATE_HZ))
    return kit


def _load_mono(path: Path) -> Array:
    # Imported here: where recorded hits are learnt from, nothing may be there but NumPy and torch.
    from cambiata.audio.sound import load
    from cambiata.audio.source import resample

    sound = load(path)
    mono: Array = sound.samples.mean(axis=0)
    return mono if sound.sample_rate == RATE_HZ else resample(mono, sound.sample_rate, RATE_HZ)


@dataclass(frozen=True)
class HitBank:
    """Hits of many kits in one array."""

    samples: npt.NDArray[np.int8]  # of all hits, mu-law
    starts: npt.NDArray[np.int64]  # [H + 1], where each begins in it, and the last one ends
    # [K, 14, S]: the hits of a kit for an articulation from soft to hard; -1 where it has none
    table: npt.NDArray[np.int32]
    names: tuple[str, ...]  # of the kits
    tones: npt.NDArray[np.int32]  # [I, P] hits that are notes of pitched instruments

    def arrays(self) -> dict[str, Any]:
        """What `numpy.savez` stores."""
        return {**vars(self), "names": np.array(self.names)}

    @classmethod
    def of_arrays(cls, stored: Any) -> "HitBank":
        """A bank that was stored."""
        names = tuple(str(name) for name in stored["names"])
        return cls(stored["samples"], stored["starts"], stored["table"], names, stored["tones"])

    def extended(self, other: "HitBank") -> "HitBank":
        """A bank of its own kits, and another one's after them."""
        n = len(self.starts) - 1
        return HitBank(
            np.concatenate([self.samples, other.samples]),
            np.concatenate([self.starts, other.starts[1:] + self.starts[-1]]),
            np.concatenate([self.table, np.where(other.table < 0, -1, other.table + n)]),
            self.names + other.names,
            self.tones,
        )


N_SLOTS = 6  # hits that a kit can have for an articulation, from soft to hard


def pack_hits(kits: Iterable[DrumKit], instruments: Sequence[Sequence[Array]] = ()) -> HitBank:
    """The hits of kits, and notes of instruments, in one bank; a hit of two kits is kept once."""
    sounds: list[Array] = []
    places: dict[int, list[int]] = {}

    def place(sound: Array, articulation: int) -> int:
        known = places.setdefault(articulation, [])
        for number in known:
            if _same(sound, sounds[number]):
                return number
        known.append(len(sounds))
        sounds.append(sound)
        return len(sounds) - 1

    table, names = [], []
    for kit in kits:
        row = np.full((len(ARTICULATIONS), N_SLOTS), -1, np.int32)
        for articulation, hits in kit.hits.items():
            chosen = np.linspace(0, len(hits) - 1, N_SLOTS).round().astype(int)
            row[articulation] = [place(hits[i][1], articulation) for i in chosen]
        table.append(row)
        names.append(kit.name)
    tones = np.array([[place(sound, -1) for sound in each] for each in instruments], np.int32)
    tones = tones.reshape(len(instruments), len(instruments[0]) if instruments else 0)
    starts = np.cumsum([0, *(len(sound) for sound in sounds)])
    samples = np.concatenate([encode_mu_law(sound) for sound in sounds])
    return HitBank(samples, starts, np.stack(table), tuple(names), tones)


def encode_mu_law(sound: Array) -> npt.NDArray[np.int8]:
    """Samples of -1 to 1 in 8 bits."""
    compressed = np.sign(sound) * np.log1p(MU * np.abs(sound)) / np.log1p(MU)
    code: npt.NDArray[np.int8] = np.round(127 * compressed).astype(np.int8)
    return code
