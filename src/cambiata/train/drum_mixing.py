"""Grooves played with random kits in random rooms, on the device that learns from them.

Nothing of it is stored: a clip is another one every time it is drawn. Hits of different lengths
are laid end to end and added where they belong in one operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cambiata.data.drum_grooves import CLIP_S, VALIDATION_KIT
from cambiata.data.drum_hits import ARTICULATIONS, MU, OTHER, RATE_HZ, HitBank
from cambiata.train.tensors import flatten
from cambiata.transcription.drum_bands import DRUM_BANDS
from cambiata.transcription.drum_hits import CYMBAL, GROUPS, ONSET_REACH_FRAMES, TOM

CLIP_SAMPLES = round(CLIP_S * RATE_HZ)
N_FRAMES = 1 + CLIP_SAMPLES // DRUM_BANDS.hop_length
# By articulation: its group (-1: none), and its kind within toms (low, mid, high) or cymbals
# (crash, ride).
_GROUP = (0, 1, 1, 1, 2, 2, 3, TOM, TOM, TOM, CYMBAL, CYMBAL, CYMBAL, -1)
_KIND = (0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 1, 0)
_HATS = (4, 5, 6)
_OPEN_HAT = 6
# Usual levels of drums in a mix, of hits with a peak of 1, in dB; every clip has others about them.
_LEVELS_DB = (0, -1, -6, -4, -10, -14, -8, -2, -2, -3, -5, -11, -9, -8)
_LEVEL_DEVIATION_DB = 4.5
# How often a group of kits is drawn: kits of fonts share many hits, recorded ones are few.
_KIT_WEIGHTS = {"muldjord": 4.0, "sonic-pi": 3.0, "synthetic": 0.6}
_N_EXTRA, _N_TONES = 16, 32
_N_KNOTS = 8  # of an equalizer's curve
_FADE_SAMPLES = 441  # of what is choked
_EVENTS_AT_ONCE = 8


@dataclass
class Clips:
    """Clips and what is struck in them."""

    sound: Tensor  # [B, T]
    onset: Tensor  # [B, 6, L] triangles
    velocity: Tensor  # [B, 6, L] near onsets, else 0
    kind: Tensor  # [B, 6, L] kind of tom or cymbal at an onset


class DrumMixer:
    """A bank of hits and rooms on a device, and what is done with them."""

    def __init__(self, bank: HitBank, rooms: np.ndarray[Any, Any]) -> None:
        codes = torch.from_numpy(bank.samples.astype(np.float32)) / 127
        samples = torch.sign(codes) * torch.expm1(codes.abs() * np.log1p(MU)) / MU
        weights = [
            next((w for name, w in _KIT_WEIGHTS.items() if kit.startswith(name)), 1.0)
            for kit in bank.names
        ]
        validation = [i for i, name in enumerate(bank.names) if name == VALIDATION_KIT]
        self.validation_kit = validation[0] if validation else 0
        if len(bank.names) > 1:
            weights[self.validation_kit] = 0.0
        table = torch.from_numpy(bank.table.astype(np.int64))
        has = (table[:, :, 0] >= 0).T * torch.tensor(weights)  # [14, K]
        n = rooms.shape[1]
        energy = np.sqrt(np.square(rooms).sum(axis=1, keepdims=True))
        self.tensors: dict[str, Tensor] = {
            "samples": functional.pad(samples, (0, 1)),
            "starts": torch.from_numpy(bank.starts),
            "table": table,
            "weights": torch.tensor(weights),
            "has": has,
            "tones": torch.from_numpy(bank.tones.astype(np.int64)),
            "rooms": torch.from_numpy((rooms / energy).astype(np.float32)),
            "group": torch.tensor(_GROUP),
            "kind": torch.tensor(_KIND),
            "levels_db": torch.tensor(_LEVELS_DB, dtype=torch.float32),
            "window": torch.from_numpy(DRUM_BANDS.window),
            "filters": torch.from_numpy(DRUM_BANDS.filters),
        }
        self.n_fft = 1 << (CLIP_SAMPLES + n - 1).bit_length()

    def __deepcopy__(self, memo: Mapping[int, Any]) -> "DrumMixer":
        """Itself: averages of the weights need no second bank."""
        return self

    def _get(self, name: str, device: torch.device) -> Tensor:
        tensor = self.tensors[name]
        if tensor.device != device:
            self.tensors[name] = tensor = tensor.to(device)
        return tensor

    @torch.no_grad()
    def mix(self, windows: Tensor, *, train: bool) -> Clips:
        """Clips of windows of grooves [B, E, 3]; with `train` varied in every way."""
        with torch.autocast(windows.device.type, enabled=False):
            time_s, articulation, velocity = self._vary(windows.float(), train)
            targets = self._targets(time_s, articulation, velocity)
            sound = self._play(time_s, articulation, velocity, train)
            return Clips(self._colour(sound, train), *targets)

    def levels(self, sound: Tensor) -> Tensor:
        """`DRUM_BANDS.levels` of sounds [B, T]."""
        device = sound.device
        with torch.autocast(device.type, enabled=False):
            spectrum = torch.stft(
                sound.float(),
                DRUM_BANDS.n_fft,
                DRUM_BANDS.hop_length,
                window=self._get("window", device),
                pad_mode="constant",
                return_complex=True,
            )
            filters = self._get("filters", device)
            return torch.log1p(DRUM_BANDS.scale * (filters @ spectrum.abs()))

    def _vary(self, windows: Tensor, train: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Times, articulations (-1: none) and velocities of windows, changed."""
        device, n = windows.device, windows.shape[0]
        time_s, articulation, velocity = windows.unbind(2)
        articulation = articulation.long()
        if train:
            time_s = time_s * 0.8 * 1.5625 ** torch.rand(n, 1, device=device)
            # In some clips other drums take over the parts: grooves have few toms and crashes.
            drums = torch.arange(len(ARTICULATIONS), device=device).expand(n, -1)
            other = torch.randint(0, OTHER, drums.shape, device=device)
            change = _chance(0.25, n, 1, device) & (torch.rand(drums.shape, device=device) < 0.5)
            parts = torch.where(change & (drums != OTHER), other, drums)
            changed = parts.gather(1, articulation.clamp_min(0))
            articulation = torch.where(articulation >= 0, changed, articulation)
            velocity = velocity.clamp_min(0) ** (0.6 + 0.8 * torch.rand(n, 1, device=device))
            lost = torch.rand(velocity.shape, device=device) < 0.04
            articulation = articulation.masked_fill(lost, -1)
            # Hits at random places, which no groove has.
            extra_s = CLIP_S * torch.rand(n, _N_EXTRA, device=device)
            extra = torch.randint(0, len(ARTICULATIONS), (n, _N_EXTRA), device=device)
            present = _chance(0.2, n, 1, device) & (torch.rand(extra.shape, device=device) < 0.6)
            extra = torch.where(present, extra, torch.full_like(extra, -1))
            time_s = torch.cat([time_s, extra_s], 1)
            articulation = torch.cat([articulation, extra], 1)
            velocity = torch.cat([velocity, 0.2 + 0.8 * torch.rand_like(extra_s)], 1)
        outside = (time_s < 0) | (time_s > CLIP_S - 0.02)
        return time_s, articulation.masked_fill(outside, -1), velocity.clamp(0, 1)

    def _targets(
        self, time_s: Tensor, articulation: Tensor, velocity: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Triangles, velocities and kinds [B, 6, L] of events."""
        device, n = time_s.device, time_s.shape[0]
        group = self._get("group", device)[articulation.clamp_min(0)]
        valid = (articulation >= 0) & (group >= 0)
        frame = time_s / DRUM_BANDS.frame_s
        reach = torch.arange(-2, 4, device=device)
        near = frame.floor()[..., None] + reach
        height = (1 - (near - frame[..., None]).abs() / ONSET_REACH_FRAMES).clamp_min(0)
        inside = valid[..., None] & (near >= 0) & (near < N_FRAMES)
        row = torch.arange(n, device=device)[:, None] * len(GROUPS) + group.clamp_min(0)
        place = (row[..., None] * N_FRAMES + near.clamp(0, N_FRAMES - 1)).long()
        size = n * len(GROUPS) * N_FRAMES

        def scatter(values: Tensor) -> Tensor:
            flat = torch.zeros(size, device=device)
            values = torch.where(inside, values, torch.zeros_like(values))
            flat.scatter_reduce_(0, place.flatten(), values.flatten(), "amax")
            return flat.view(n, len(GROUPS), N_FRAMES)

        onset = scatter(height)
        kind = self._get("kind", device)[articulation.clamp_min(0)]
        kinds = scatter((kind[..., None] + 0.0).expand(height.shape))
        return onset, scatter(velocity[..., None].expand(height.shape)), kinds.long()

    def _play(self, time_s: Tensor, articulation: Tensor, velocity: Tensor, train: bool) -> Tensor:
        """Sound [B, T] of events."""
        device, n = time_s.device, time_s.shape[0]
        n_drums, table = len(ARTICULATIONS), self._get("table", device)
        if train:
            kit = torch.multinomial(self._get("weights", device), n, replacement=True)[:, None]
            # A drum that the kit lacks, or now and then any, is taken from another kit.
            other = torch.multinomial(self._get("has", device), n, replacement=True).T
            own = self._get("has", device).T[kit[:, 0]] > 0
            mixed = _chance(0.6, n, 1, device) & (torch.rand(n, n_drums, device=device) < 0.4)
            kits = torch.where(own & ~mixed, kit, other)
        else:
            kits = torch.full((n, n_drums), self.validation_kit, device=device)
        drum = articulation.clamp_min(0)
        n_slots = table.shape[2]
        slot = velocity * (n_slots - 1) + 0.8 * torch.randn_like(velocity)
        hit = table[kits.gather(1, drum), drum, slot.round().long().clamp(0, n_slots - 1)]
        semitones = (
            4 * (2 * torch.rand(n, n_drums, device=device) - 1) * _chance(0.7, n, n_drums, device)
        )
        ratio = (semitones * (1.0 if train else 0.4)).gather(1, drum)
        ratio = 2 ** ((ratio + 0.15 * torch.randn_like(velocity)) / 12)
        deviation_db = _LEVEL_DEVIATION_DB * (1.0 if train else 0.5)
        levels_db = self._get("levels_db", device) + deviation_db * torch.randn(
            n, n_drums, device=device
        )
        curve = 0.8 + 1.4 * torch.rand(n, 1, device=device)  # SoundFont 2: 2
        gain = 10 ** (levels_db.gather(1, drum) / 20) * velocity**curve
        decay = torch.exp(3.4 * torch.rand(n, n_drums, device=device) - 0.7)  # nepers a second
        decay = (decay * _chance(0.35 if train else 0.0, n, n_drums, device)).gather(1, drum)
        end_s = self._choke(time_s, articulation)
        valid = (articulation >= 0) & (hit >= 0)
        sound = self._lay(hit, time_s, ratio, gain, decay, end_s, valid)
        return sound + self._tones(time_s, articulation) if train else sound

    def _choke(self, time_s: Tensor, articulation: Tensor) -> Tensor:
        """When events end: open hats at the next stroke of the hat, all others by themselves."""
        is_hat = (articulation >= _HATS[0]) & (articulation <= _HATS[-1])
        later = (time_s[:, None, :] > time_s[:, :, None] + 1e-3) & is_hat[:, None, :]
        never = torch.full_like(time_s, 1e3)
        after = torch.where(later, time_s[:, None, :], never[:, None, :]).amin(2)
        return torch.where(articulation == _OPEN_HAT, after, never)

    def _tones(self, time_s: Tensor, articulation: Tensor) -> Tensor:
        """Pitched instruments beneath some of the clips."""
        device, n = time_s.device, time_s.shape[0]
        tones = self._get("tones", device)
        if not tones.numel():
            return torch.zeros(n, CLIP_SAMPLES, device=device)
        present = _chance(0.25, n, 1, device)
        band = torch.randint(0, len(tones), (n, 3), device=device)
        player = torch.randint(0, 3, (n, _N_TONES), device=device)
        register = torch.randint(0, tones.shape[1], (n, _N_TONES), device=device)
        hit = tones[band.gather(1, player), register]
        # Half of them begin with a drum, which is when they are most likely to hide it.
        drum = torch.randint(0, time_s.shape[1], (n, _N_TONES), device=device)
        with_drum = time_s.gather(1, drum) + 0.008 * torch.randn(n, _N_TONES, device=device)
        alone = CLIP_S * torch.rand(n, _N_TONES, device=device)
        together = (torch.rand(n, _N_TONES, device=device) < 0.5) & (
            articulation.gather(1, drum) >= 0
        )
        begin_s = torch.where(together, with_drum.clamp_min(0), alone)
        ratio = 2 ** (torch.randint(-5, 7, (n, _N_TONES), device=device) / 12)
        level_db = -26 + 24 * torch.rand(n, 1, device=device)
        gain = (10 ** (level_db / 20)) * (0.5 + torch.rand(n, _N_TONES, device=device))
        end_s = begin_s + 0.1 + 0.8 * torch.rand(n, _N_TONES, device=device)
        inside = present & (begin_s < CLIP_S - 0.05)
        return self._lay(hit, begin_s, ratio, gain, torch.zeros_like(gain), end_s, inside)

    def _lay(
        self,
        hit: Tensor,
        time_s: Tensor,
        ratio: Tensor,
        gain: Tensor,
        decay: Tensor,
        end_s: Tensor,
        valid: Tensor,
    ) -> Tensor:
        """Sound [B, T] of hits at times, resampled by ratios, with gains, each cut at its end."""
        device, n = hit.device, hit.shape[0]
        clip = torch.arange(n, device=device)[:, None].expand(hit.shape)
        rows = [x[valid] for x in (clip, hit, time_s, ratio, gain, decay, end_s)]
        out = torch.zeros(n * CLIP_SAMPLES, device=device)
        # A processor works faster on what its cache holds, a GPU on all at once.
        at_once = _EVENTS_AT_ONCE if device.type == "cpu" else len(rows[0])
        for begin in range(0, len(rows[0]), max(1, at_once)):
            self._add(out, *(x[begin : begin + at_once] for x in rows))
        return out.view(n, CLIP_SAMPLES)

    def _add(
        self,
        out: Tensor,
        clip: Tensor,
        hit: Tensor,
        time_s: Tensor,
        ratio: Tensor,
        gain: Tensor,
        decay: Tensor,
        end_s: Tensor,
    ) -> None:
        """Add hits [N] to sounds that lie end to end."""
        device = out.device
        samples, starts = self._get("samples", device), self._get("starts", device)
        first = (time_s * RATE_HZ).round().long().clamp(0, CLIP_SAMPLES - 1)
        lengths = ((starts[hit + 1] - starts[hit] - 1) / ratio).floor().long()
        ends = ((end_s - time_s) * RATE_HZ).clamp(_FADE_SAMPLES, 1e8).long()
        lengths = torch.minimum(torch.minimum(lengths, ends), CLIP_SAMPLES - first).clamp_min(1)
        which, at, _ = flatten(lengths)
        place = at * ratio[which]
        whole = place.long()
        share = place - whole
        index = starts[hit][which] + whole
        sound = torch.lerp(samples[index], samples[index + 1], share)
        left = (ends[which] - at) / _FADE_SAMPLES
        sound = sound * (gain[which] * torch.exp(-decay[which] * at / RATE_HZ))
        sound = sound * left.clamp(0, 1)
        out.index_add_(0, (clip * CLIP_SAMPLES + first)[which] + at, sound)

    def _colour(self, sound: Tensor, train: bool) -> Tensor:
        """Sounds in rooms, equalized, compressed, with noise; each with a peak of at most 1."""
        device, n = sound.device, sound.shape[0]
        rooms = self._get("rooms", device)
        room = rooms[torch.randint(0, len(rooms), (n,), device=device)]
        wet = 0.7 * torch.rand(n, 1, device=device) ** 2 * _chance(0.6, n, 1, device)
        response = wet * room
        response[:, 0] += 1 - wet[:, 0]
        spectrum = torch.fft.rfft(sound, self.n_fft) * torch.fft.rfft(response, self.n_fft)
        spectrum = spectrum * self._equalizer(n, device, 5.0 if train else 3.0)
        sound = torch.fft.irfft(spectrum, self.n_fft)[:, :CLIP_SAMPLES]
        sound = _normalize(sound)
        if train:
            sound = torch.where(_chance(0.35, n, 1, device), _compress(sound), sound)
            drive = torch.exp(2.0 * torch.rand(n, 1, device=device))
            sound = torch.where(
                _chance(0.3, n, 1, device), _normalize(torch.tanh(drive * sound)), sound
            )
        # Coloured noise: random phases need no transform of white noise.
        phases = torch.polar(
            self._equalizer(n, device, 8.0),
            6.2832 * torch.rand(n, self.n_fft // 2 + 1, device=device),
        )
        noise = torch.fft.irfft(phases, self.n_fft)[:, :CLIP_SAMPLES]
        noise = noise / noise.std(1, keepdim=True).clamp_min(1e-6)
        level_db = -80 + 45 * torch.rand(n, 1, device=device)
        sound = _normalize(sound + noise * 10 ** (level_db / 20) * _chance(0.6, n, 1, device))
        # A clip is a part of a recording, whose peak may be elsewhere.
        quieter_db = -16 * torch.rand(n, 1, device=device) * _chance(0.5, n, 1, device)
        return sound * 10 ** (quieter_db / 20)

    def _equalizer(self, n: int, device: torch.device, deviation_db: float) -> Tensor:
        """Gains [B, F] of smooth random curves over the octaves, some with an edge."""
        n_bins = self.n_fft // 2 + 1
        hz = torch.arange(n_bins, device=device) * (RATE_HZ / self.n_fft) + 1.0
        place = ((torch.log2(hz / 30) / 9.4) * (_N_KNOTS - 1)).clamp(0, _N_KNOTS - 1.001)
        knots = deviation_db * torch.randn(n, _N_KNOTS, device=device)
        knots = knots * _chance(0.8, n, 1, device)
        whole = place.long()
        share = place - whole
        curve = knots[:, whole] * (1 - share) + knots[:, whole + 1] * share
        low = 2000 * 8 ** torch.rand(n, 1, device=device)
        high = 30 * 8 ** torch.rand(n, 1, device=device)
        low = torch.where(_chance(0.2, n, 1, device), low, torch.full_like(low, 1e6))
        high = torch.where(_chance(0.15, n, 1, device), high, torch.full_like(high, 1.0))
        edges = 1 / torch.sqrt(1 + (hz / low) ** 6) / torch.sqrt(1 + (high / hz) ** 4)
        return 10 ** (curve / 20) * edges


def _chance(share: float, n: int, m: int, device: torch.device) -> Tensor:
    """True in so many of [n, m] cells."""
    return torch.rand(n, m, device=device) < share


def _normalize(sound: Tensor) -> Tensor:
    """Sounds [B, T] with a peak of 1."""
    return sound / sound.abs().amax(1, keepdim=True).clamp_min(1e-4)


def _compress(sound: Tensor) -> Tensor:
    """Sounds [B, T] through a compressor of random threshold, ratio and release."""
    n, device = sound.shape[0], sound.device
    block = 147  # 3.3 ms: the attack
    power = functional.avg_pool1d(sound.square()[:, None], block, ceil_mode=True)
    release = 5 + 40 * torch.rand(n, 1, device=device)  # blocks: 17 to 150 ms
    kernel = torch.exp(-torch.arange(95, -1, -1, device=device) / release)
    kernel = kernel / kernel.sum(1, keepdim=True)
    padded = functional.pad(power, (95, 0)).transpose(0, 1)
    envelope = functional.conv1d(padded, kernel[:, None], groups=n).transpose(0, 1).sqrt()
    threshold = 0.02 * 12 ** torch.rand(n, 1, 1, device=device)
    slope = 0.4 + 0.5 * torch.rand(n, 1, 1, device=device)
    gain = (envelope.clamp_min(1e-5) / threshold).clamp_min(1) ** -slope
    gain = functional.interpolate(gain, size=sound.shape[1], mode="linear")
    return _normalize(sound * gain[:, 0])
