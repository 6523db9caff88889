"""What the note detector says of a whole recording, a minute at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.chunks import cut, split_with_context
from cambiata.audio.loudness import SILENCE
from cambiata.audio.source import Source, resample
from cambiata.errors import InputError, warn
from cambiata.partials.hum import HumMeter, describe_hum, without_hum
from cambiata.partials.low_tones import low_pitches
from cambiata.partials.note_bands import note_bands_db
from cambiata.partials.posteriors import BANDS, Heard, hear, is_above_keyboard
from cambiata.partials.tuning import TuningMeter, describe_tuning
from cambiata.system import Progress
from cambiata.transcription.onset_events import Flux, flux

# 61.44 s are a whole number of frames (2646), and of samples at every common rate. Two seconds
# around a chunk are more than the network and the longest window see to either side, so that chunks
# give what the whole would; an hour needs 330 MB.
_CHUNK_S, _CONTEXT_S = 61.44, 2.048
_MIN_DURATION_S = 0.1
_LEAST_BEYOND_S = 0.2  # of sound beyond the keyboard that is worth a line

_Roll = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HeardRecording:
    """All that is known of a recording before its notes are decoded."""

    heard: Heard
    low_tones: _Roll  # pitches below the keyboard, as `low_pitches` gives them [L]
    tuning_cents: float  # how far its A lies above 440 Hz
    flux: Flux


@dataclass(frozen=True)
class _Plan:
    """What is known of a recording once it was read through."""

    mean: float  # power
    tuning_cents: float
    hum_hz: tuple[float, ...]


def hear_recording(source: Source, network: Any, progress: Progress) -> HeardRecording:
    """What a network says of a recording, tuned to it and without hum.

    A line says what of it lies above the keyboard.
    """
    plan = _read_through(source)
    parts, above_s = [], 0.0
    for share, part, above in _by_chunk(source, network, plan):
        parts.append(part)
        above_s += float(above.sum()) * BANDS.frame_s
        progress(share)
    say_beyond(source.name, above_s, "above C8, the keyboard's highest key")
    return HeardRecording(
        Heard.joined([part.heard for part in parts]),
        np.concatenate([part.low_tones for part in parts]) - np.float32(plan.tuning_cents / 100),
        plan.tuning_cents,
        Flux.joined([part.flux for part in parts]),
    )


def say_beyond(name: str, seconds: float, where: str) -> None:
    """What is left out, since the keyboard does not reach there, in one line."""
    if seconds >= _LEAST_BEYOND_S:
        warn(f"{name}: {seconds:.1f} s of it sound {where}, and are not written")


def refuse_short(source: Source) -> None:
    """Refuse a recording that is too short for a note."""
    duration_s = source.n_samples / source.sample_rate
    if duration_s < _MIN_DURATION_S:
        raise InputError(
            source.name, f"lasts {duration_s:.2g} s", f"give at least {_MIN_DURATION_S:g} s"
        )


def refuse_silent(source: Source, peak: float) -> None:
    """Refuse a recording whose highest sample is that of silence."""
    if peak < SILENCE:
        raise InputError(source.name, "is silent", "choose a recording with sound")


def mono(block: Samples) -> Samples:
    """The one channel [T] of a `MonoSource`."""
    channel: Samples = block[0]
    return channel


def _read_through(source: Source) -> _Plan:
    """Power, tuning and hum of a recording; one that is silent or too short is refused."""
    rate, n_samples = source.sample_rate, source.n_samples
    refuse_short(source)
    power, peak = 0.0, 0.0
    tuning, hum = TuningMeter(rate, n_samples), HumMeter(rate, n_samples)
    for block in source.blocks():
        tuning.add(block)
        hum.add(block)
        samples = mono(block)
        power += float(np.square(samples, dtype=np.float64).sum())
        peak = max(peak, float(np.abs(samples).max()))
    refuse_silent(source, peak)
    cents = tuning.cents()
    if cents:
        warn(f"{source.name}: {describe_tuning(cents)}; pitches are counted from there")
    if hum_hz := hum.hum_hz():
        warn(f"{source.name}: {describe_hum(hum_hz)}")
        clean = (without_hum(mono(block), rate, hum_hz) for block in source.blocks())
        power = sum(float(np.square(each, dtype=np.float64).sum()) for each in clean)
    return _Plan(power / n_samples + 1e-12, cents, hum_hz)


def _by_chunk(
    source: Source, network: Any, plan: _Plan
) -> Iterator[tuple[float, HeardRecording, npt.NDArray[np.bool_]]]:
    """Share of the recording done; what was heard next; frames with a tone above the keyboard."""
    rate, n_samples = source.sample_rate, source.n_samples
    chunks = split_with_context(n_samples, round(_CHUNK_S * rate), round(_CONTEXT_S * rate))
    n_frames = round(_CHUNK_S / BANDS.frame_s)
    cents = plan.tuning_cents
    sounds = cut(source.blocks(), [span for _, span in chunks])
    for (start, (first, last)), chunk in zip(chunks, sounds, strict=True):
        clean = without_hum(mono(chunk), rate, plan.hum_hz)
        resampled = resample(clean, rate, BANDS.sample_rate)
        bands_db = note_bands_db(resampled, cents, plan.mean)
        heard = hear(bands_db, network)
        lead = round((start - first) / rate / BANDS.frame_s)
        inside = slice(lead, None if last == n_samples else lead + n_frames)
        pitch_db = bands_db[: BANDS.n_bins]
        part = HeardRecording(
            heard.frames(inside),
            low_pitches(resampled, pitch_db)[inside],
            cents,
            flux(pitch_db).part(inside),
        )
        yield min(1.0, last / n_samples), part, is_above_keyboard(pitch_db[:, inside])
