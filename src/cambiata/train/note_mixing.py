"""Clips mixed from a pack of notes, with what is to be heard in them, on the batch's device.

All notes of a batch are rendered in one go, sample by sample, from flat arrays: a GPU mixes forty
clips in the time that a processor needs for one note.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cambiata.data.clip_examples import ROOM_SAMPLES
from cambiata.data.clips import EVENT, SETTING, split_clip
from cambiata.data.note_pack import NotePack
from cambiata.data.soundfont import RENDER_RATE_HZ as RATE
from cambiata.partials.posteriors import BANDS, LOWEST_PITCH, N_PITCHES
from cambiata.train.tensors import flatten

HOP = BANDS.hop_length
_MAX_FLAT = {"cpu": 4_000_000, "cuda": 48_000_000}  # samples rendered in one go
_TAIL_DB, _MAX_TAIL_S = 60.0, 1.0  # of a note let go
_FADE_SAMPLES = 2205  # at the end of a sample that dies away
# Of a sustaining sample the stretch from 45 % to its last tenth of a second goes to and fro: no
# joint, and the waveform's slope breaks by no more than a click that nobody hears.
_LOOP_BEGIN, _LOOP_MARGIN = 0.45, 4410
_EQ_LOWEST_HZ, _EQ_OCTAVES = 50.0, 1.2  # knots of a clip's equalizer: 50 Hz to 17 kHz
_UNCUT_HZ = 22000  # a cut above it is none
_N_HUM = 12
_GROWTH_S = 0.2  # over which a vibrato grows
_LEAST_S = 1e-4  # nothing is divided by less
_COLUMN = {name: i for i, name in enumerate(EVENT)}
_CHOICE = {name: i for i, name in enumerate(SETTING)}


class Mixed(NamedTuple):
    """Clips, and what is to be heard in them."""

    sound: Tensor  # [B, T]
    power: Tensor  # of every pitch in every frame, of the dry mixture's mean power [B, 88, L]
    cents: Tensor  # deviation from the pitch, where one sounds [B, 88, L]
    clip: Tensor  # of every note: its clip [N]
    row: Tensor  # its pitch's row, 0 to 87 [N]
    start: Tensor  # its onset in frames [N]
    end: Tensor  # its offset in frames [N]
    slurred: Tensor  # 1 where it is joined to the note before [N]


class NoteMixer(nn.Module):
    """Renders rows of `ClipSampler`."""

    def __init__(self, pack: NotePack, rooms: npt.NDArray[np.float32], n_samples: int) -> None:
        super().__init__()
        self.n_samples, self.n_frames = n_samples, n_samples // HOP
        for name, array in {
            "audio": np.asarray(pack.audio),
            "note_start": pack.notes["start"],
            "note_length": pack.notes["length"].astype(np.int64),
            "note_pitch": pack.notes["pitch"].astype(np.float32),
            "note_sustains": pack.notes["sustains"],
            "rooms": rooms,
        }.items():
            # Copied only where torch asks for it: in one piece, and not read-only.
            tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
            self.register_buffer(name, tensor, persistent=False)

    audio: Tensor
    note_start: Tensor
    note_length: Tensor
    note_pitch: Tensor
    note_sustains: Tensor
    rooms: Tensor

    @torch.no_grad()
    def forward(self, rows: Tensor) -> Mixed:
        """Clips of rows [B, R]."""
        settings, table = split_clip(rows.float())
        clip, number = torch.nonzero(table[:, :, 0] >= 0, as_tuple=True)
        events = table[clip, number]
        sound = torch.zeros(len(rows) * self.n_samples, device=rows.device)
        power = torch.zeros(len(rows) * N_PITCHES * (self.n_frames + 1), device=rows.device)
        lengths = self._lengths(events)
        limit = _MAX_FLAT["cuda" if rows.is_cuda else "cpu"]
        for part in _parts(lengths, limit):
            self._render(events[part], clip[part], lengths[part], sound, power)
        return self._finish(sound.view(len(rows), -1), power, events, clip, settings)

    def _lengths(self, events: Tensor) -> Tensor:
        """Samples of every event, with the tail after it is let go."""
        tail_s = (_TAIL_DB / _of(events, "release_db_s").clamp_min(1)).clamp_max(_MAX_TAIL_S)
        wanted = (_of(events, "gate_s") + tail_s) * RATE
        left = self.n_samples - (_of(events, "start_s") * RATE).round()
        return torch.minimum(wanted.round(), left).clamp_min(0).long()

    def _render(
        self, events: Tensor, clip: Tensor, lengths: Tensor, sound: Tensor, power: Tensor
    ) -> None:
        """Add the sound of events to the clips', and their powers to their pitches'."""
        flat = flatten(lengths)
        note = _of(events, "note").long()
        start = (_of(events, "start_s") * RATE).round().long()
        at_s = flat.offset / RATE
        column = _columns(events, flat.event)
        cents = _cents(column, at_s)
        by = 100 * (_of(events, "pitch") - self.note_pitch[note])
        by = torch.where(_of(events, "pitch") >= 0, by, 0)
        ratio = torch.exp2((cents + by[flat.event]) / 1200).double()
        total = torch.cumsum(ratio, 0)
        position = total - (total[flat.first.clamp_max(len(total) - 1)] - 1)[flat.event]
        position = position - 1 + (_of(events, "skip_s") * RATE)[flat.event]
        samples = self._read(position, note[flat.event])
        samples *= _gain(column, at_s)
        where = start[flat.event] + flat.offset
        sound.index_add_(0, clip[flat.event] * self.n_samples + where, samples)
        pitch = _of(events, "pitch").long()
        heard = (pitch >= LOWEST_PITCH) & (pitch < LOWEST_PITCH + N_PITCHES)
        cell = (clip * N_PITCHES + pitch - LOWEST_PITCH) * (self.n_frames + 1)
        chosen = heard[flat.event]
        index = cell[flat.event][chosen] + torch.div(where[chosen], HOP, rounding_mode="floor")
        power.index_add_(0, index, samples[chosen].square())

    def _read(self, position: Tensor, note: Tensor) -> Tensor:
        """Samples between samples, by a cubic through four; looped where the note sustains."""
        length = self.note_length[note].double()
        end = length - _LOOP_MARGIN
        begin = torch.minimum(length * _LOOP_BEGIN, end - 1)
        over = torch.remainder((position - end).clamp_min(0), 2 * (end - begin))
        back = torch.where(over < end - begin, end - over, begin + over - (end - begin))
        looped = self.note_sustains[note] & (position > end)
        position = torch.where(looped, back, position)
        fade = ((length - 4 - position) / _FADE_SAMPLES).clamp(0, 1).float()
        position = torch.minimum(position, length - 4).clamp_min(0)
        whole = position.long()
        t = (position - whole).float()
        at = self.note_start[note] + whole
        before = (at - 1).clamp_min(0)
        a, b, c, d = (self.audio[x].float() for x in (before, at, at + 1, at + 2))
        slope, other = (c - a) / 2, (d - b) / 2
        cubic = b + t * (
            slope + t * (3 * (c - b) - 2 * slope - other + t * (2 * (b - c) + slope + other))
        )
        return cubic * (fade / 32768)

    def _finish(
        self, dry: Tensor, power: Tensor, events: Tensor, clip: Tensor, settings: Tensor
    ) -> Mixed:
        mean = dry.square().mean(1).clamp_min(1e-12)
        power = power.view(len(dry), N_PITCHES, self.n_frames + 1)
        # Two hops about every frame's centre: the one before it and its own.
        hops = torch.cat([torch.zeros_like(power[:, :, :1]), power], 2)[:, :, : self.n_frames + 1]
        averaged = (hops[:, :, :-1] + hops[:, :, 1:]) / (2 * HOP) / mean[:, None, None]
        pitch = _of(events, "pitch").long()
        heard = (pitch >= LOWEST_PITCH) & (pitch < LOWEST_PITCH + N_PITCHES)
        heard &= _of(events, "start_s") * RATE < self.n_samples
        events, clip, pitch = events[heard], clip[heard], pitch[heard]
        # A note that glides from another's pitch begins where it is nearer to its own.
        glide = torch.where(_of(events, "slurred") > 0, _of(events, "glide_s") / 2, 0)
        frame_s = HOP / RATE
        start = (_of(events, "start_s") + glide) / frame_s
        end = (_of(events, "start_s") + _of(events, "gate_s")) / frame_s
        row = pitch - LOWEST_PITCH
        cents = self._cents_roll(events, clip, row, start, end, len(dry))
        sound = self._treat(dry * mean.rsqrt()[:, None], settings)
        return Mixed(sound, averaged, cents, clip, row, start, end, _of(events, "slurred"))

    def _cents_roll(
        self, events: Tensor, clip: Tensor, row: Tensor, start: Tensor, end: Tensor, n: int
    ) -> Tensor:
        """Deviation in cents of every pitch and frame [B, 88, L]."""
        cents = torch.zeros(n * N_PITCHES * self.n_frames, device=events.device)
        first = start.ceil().clamp(0, self.n_frames - 1).long()
        last = end.floor().clamp_max(self.n_frames - 1).long()
        flat = flatten((last - first + 1).clamp_min(0))
        frame = first[flat.event] + flat.offset
        at_s = frame * (HOP / RATE) - _of(events, "start_s")[flat.event]
        cell = (clip * N_PITCHES + row)[flat.event] * self.n_frames + frame
        cents[cell] = _cents(_columns(events, flat.event), at_s)
        return cents.view(n, N_PITCHES, self.n_frames)

    def _treat(self, dry: Tensor, settings: Tensor) -> Tensor:
        """Rooms, equalizers, noise, hum and clipping of clips of power 1 [B, T]."""
        n = self.n_samples + ROOM_SAMPLES
        spectrum = torch.fft.rfft(dry, n)
        spectrum = spectrum + spectrum * torch.fft.rfft(self._responses(settings), n)
        hz = torch.linspace(0, RATE / 2, spectrum.shape[1], device=dry.device)
        noise = torch.view_as_complex(torch.randn(*spectrum.shape, 2, device=dry.device))
        shape = (hz.clamp_min(20) / 1000) ** (-_set(settings, "noise_slope") / 2)
        shape = shape * shape.square().mean(1, keepdim=True).rsqrt()
        level = 10 ** (_set(settings, "noise_db") / 20) * (n / 2) ** 0.5
        spectrum = (spectrum + noise * shape * level) * _equalizer(hz, settings)
        sound = torch.fft.irfft(spectrum, n)[:, : self.n_samples]
        sound = sound + self._hum(settings)
        drive = 10 ** (_set(settings, "drive_db") / 20)
        sound = torch.where(drive > 1, torch.tanh(sound * drive / 3), sound)
        peak = sound.abs().amax(1, keepdim=True)
        limit = peak * 10 ** (-_set(settings, "crop_db") / 20)
        return torch.minimum(torch.maximum(sound, -limit), limit)

    def _responses(self, settings: Tensor) -> Tensor:
        """Rooms without their direct sound, at their levels [B, 131072]."""
        at_s = torch.arange(ROOM_SAMPLES, device=settings.device) / RATE
        seconds = _set(settings, "room_s")
        # Sixty decibels in the reverberation time, after 5 ms of nothing.
        decay = torch.exp(-6.9 * at_s / seconds.clamp_min(0.05)) * (at_s > 0.005)
        computed = torch.randn(len(settings), ROOM_SAMPLES, device=settings.device) * decay
        number = settings[:, _CHOICE["room"]].long()
        if len(self.rooms):
            recorded = self.rooms[number.clamp_min(0)]
            computed = torch.where(number[:, None] >= 0, recorded, computed)
        computed = computed * computed.square().sum(1, keepdim=True).clamp_min(1e-9).rsqrt()
        present = (seconds > 0) | (number[:, None] >= 0)
        return torch.where(present, computed * 10 ** (_set(settings, "wet_db") / 20), 0)

    def _hum(self, settings: Tensor) -> Tensor:
        at_s = torch.arange(self.n_samples, device=settings.device) / RATE
        level = 10 ** (_set(settings, "hum_db") / 20)
        out = torch.zeros(len(settings), self.n_samples, device=settings.device)
        if not bool((level > 1e-6).any()):
            return out
        for k in range(1, _N_HUM + 1):
            strength = torch.rand(len(settings), 1, device=settings.device) / k
            out += strength * torch.sin(2 * torch.pi * k * _set(settings, "hum_hz") * at_s)
        return out * level


def _of(events: Tensor, name: str) -> Tensor:
    return events[..., _COLUMN[name]]


def _set(settings: Tensor, name: str) -> Tensor:
    return settings[:, _CHOICE[name], None]


def _parts(lengths: Tensor, limit: int) -> list[slice]:
    """Stretches of events of at most so many samples together."""
    total = torch.cumsum(lengths, 0).cpu().numpy()
    parts, at, done = [], 0, 0
    while at < len(total):
        end = max(at + 1, int(np.searchsorted(total, done + limit, side="right")))
        parts.append(slice(at, end))
        at, done = end, int(total[end - 1])
    return parts


def _columns(events: Tensor, event: Tensor) -> Callable[[str], Tensor]:
    """A column of events, row by row of `event`: one at a time, since all would fill a GPU."""
    return lambda name: _of(events, name)[event]


def _cents(column: Callable[[str], Tensor], at_s: Tensor) -> Tensor:
    """Deviation of events' pitches at times since their starts, row by row."""
    grown = ((at_s - column("vibrato_delay_s")) / _GROWTH_S).clamp(0, 1)
    phase = 2 * torch.pi * column("vibrato_hz") * at_s + column("vibrato_phase")
    cents = column("detune_cents") + column("vibrato_cents") * grown * torch.sin(phase)
    come = (1 - at_s / column("glide_s").clamp_min(_LEAST_S)).clamp(0, 1)
    gone = ((at_s - column("bend_at_s")) / column("bend_s").clamp_min(_LEAST_S)).clamp(0, 1)
    return cents + column("glide_cents") * come + column("bend_cents") * gone


def _gain(column: Callable[[str], Tensor], at_s: Tensor) -> Tensor:
    """Gain of events at times since their starts, row by row."""
    gate_s = column("gate_s").clamp_min(_LEAST_S)
    level_db = column("gain_db") + column("swell_db") * (at_s / gate_s - 0.5).clamp(-0.5, 0.5)
    level_db = level_db - column("release_db_s") * (at_s - gate_s).clamp_min(0)
    tremolo = torch.sin(2 * torch.pi * column("tremolo_hz") * at_s)
    level_db = level_db + column("tremolo_db") * tremolo
    rise = (at_s / column("attack_s").clamp_min(_LEAST_S)).clamp_max(1)
    gain: Tensor = 10 ** (level_db / 20) * rise
    return gain


def _equalizer(hz: Tensor, settings: Tensor) -> Tensor:
    """Gain of clips' equalizers and band limits at frequencies [B, F]."""
    first = _CHOICE["eq_0_db"]
    knots = settings[:, first : first + 8]
    place = torch.log2(hz.clamp_min(1) / _EQ_LOWEST_HZ) / _EQ_OCTAVES
    place = place.clamp(0, knots.shape[1] - 1.001)
    left = place.long()
    level_db = torch.lerp(knots[:, left], knots[:, left + 1], (place - left)[None])
    # Butterworth slopes of the fourth order.
    low, high = _set(settings, "low_cut_hz"), _set(settings, "high_cut_hz")
    cut = 1 / (1 + (low / hz.clamp_min(1)) ** 8)
    cut = torch.where(high > _UNCUT_HZ, cut, cut / (1 + (hz / high.clamp_min(1)) ** 8))
    return 10 ** (level_db / 20) * cut.sqrt()
