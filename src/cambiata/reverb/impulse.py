"""Rooms as impulse responses: checked recordings in, cut and cleaned responses out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.loudness import SILENCE
from cambiata.errors import InputError, warn
from cambiata.reverb.decay import LN_60_DB, find_decay
from cambiata.reverb.deconvolution import Deconvolved, deconvolve
from cambiata.reverb.octaves import octave_centres_hz, split_octaves
from cambiata.reverb.sweep import Sweep

# Kept before the direct sound, faded in: what a band-limited impulse rings before itself.
LEAD_S = 0.001
# A response ends where the last band's decay has fallen this far.
_DEPTH_DB = 80.0
LONGEST_S = 20.0  # of a response: cathedrals have 8 to 13 s
# A recording is clipped where its highest steps are fuller than a sine's would be: of a sine 6.3 %
# lie in the highest 0.2 %, 7.8 % in the next 0.8 %; of music and rooms far fewer.
_TOP, _NEXT, _CLIPPED_RATIO, _LEAST_CLIPPED = 0.998, 0.99, 2.0, 40
# Claps: how far above the 20 ms before one, and how early the one before it ends.
_CLAP_ABOVE_DB, _BEFORE_STEPS, _CLAP_WITHIN_S = 20.0, 20, 0.005
# The ridge of a sweep in a spectrogram.
_FRAME_S, _HOP_S, _RIDGE_S, _RISE_FRAMES = 0.085, 0.02, 0.15, 4
_RIDGE_SHARE = 0.2  # of the frames: a phone plays half of the octaves, a long reverb hides more


@dataclass(frozen=True, eq=False)
class Room:
    """An impulse response [C, T], its direct sound at `start`, and how it was measured."""

    response: Samples
    start: int
    raw: Samples  # before its noise was shaped, [C, T]: what is measured
    onset_s: float
    drift_ppm: float | None = None
    harmonics_db: dict[int, float] | None = None


def is_clipped(sound: Samples) -> bool:
    """Whether a sound's highest values are those of a converter's end.

    >>> wave = np.sin(np.arange(48000) / 7)
    >>> is_clipped(wave), is_clipped(np.clip(wave, -0.7, 0.7))
    (False, True)
    """
    level = np.abs(sound)
    peak = level.max()
    n_top = int((level > _TOP * peak).sum())
    n_next = int((level > _NEXT * peak).sum()) - n_top
    return n_top > max(_LEAST_CLIPPED, _CLIPPED_RATIO * n_next)


def room_by_sweep(recording: Samples, sample_rate: int, sweep: Sweep, name: str) -> Room:
    """Room by a recording [C, T] of a sweep in it; bad recordings are refused (`InputError`)."""
    _check_level(recording, name)
    duration_s = recording.shape[1] / sample_rate
    if duration_s < sweep.duration_s:
        raise InputError(
            name,
            f"lasts {duration_s:.1f} s, and the sweep {sweep.duration_s:.1f} s",
            "record until the room has stopped ringing after the whole sweep",
        )
    if is_clipped(recording):
        raise InputError(name, "is clipped", "turn the recorder down, and record it again")
    _check_ridge(recording.mean(axis=0), sample_rate, sweep, name)
    found = deconvolve(recording, sample_rate, sweep)
    if found.onset_s < 0:
        raise InputError(name, "begins within the sweep", "start recording before it is played")
    if sweep.markers is None:
        # Measured rooms have a dispersion of their own: it was off by 90 ppm in three of eight.
        warn(
            f"{name}: the sweep has no chirps around it, so that the drift of the clocks is only "
            f"guessed ({found.drift_ppm:+.0f} ppm, by the sharpest direct sound); sweeps of "
            "`cambiata.reverb_sweep` have them"
        )
    tail_s = duration_s - found.onset_s - sweep.duration_s
    if tail_s < 0:
        raise InputError(name, "ends before the sweep does", "record all of it, and some more")
    return _cut(found, sample_rate, min(tail_s, sweep.tail_s))


def _cut(found: Deconvolved, sample_rate: int, tail_s: float) -> Room:
    """Response from just before the direct sound to where the recording knows no more."""
    lead = min(found.start, round(LEAD_S * sample_rate))
    length_s = min(max(tail_s, 0.2), LONGEST_S)
    first = found.start - lead
    cut = found.response[:, first : found.start + round(length_s * sample_rate)]
    raw = cut.astype(np.float32)
    shaped = shape_noise(raw, sample_rate, lead)
    return Room(shaped, lead, raw, found.onset_s, found.drift_ppm, found.harmonics_db)


def room_by_clap(recording: Samples, sample_rate: int, name: str) -> Room:
    """Room by a recording [C, T] of a clap, a balloon or a starting pistol in it."""
    _check_level(recording, name)
    start, stop = _find_clap(recording, sample_rate, name)
    if is_clipped(recording[:, start:stop]):
        warn(f"{name}: the clap is clipped; the decay is right, what comes first too soft")
    lead = min(start, round(LEAD_S * sample_rate))
    raw = recording[:, start - lead : stop].astype(np.float32)
    return Room(shape_noise(raw, sample_rate, lead), lead, raw, start / sample_rate)


def _find_clap(recording: Samples, sample_rate: int, name: str) -> tuple[int, int]:
    """First sample of the best clap, and where the next one or the recording ends."""
    step = max(1, round(0.001 * sample_rate))
    n = recording.shape[1] // step
    energy = (recording[:, : n * step].astype(np.float64) ** 2).sum(axis=0)
    steps = energy.reshape(n, step).sum(axis=1) + 1e-20
    level_db = 10 * np.log10(steps)
    ahead = max(1, round(_CLAP_WITHIN_S / 0.001))
    sums = np.concatenate([[0.0], np.cumsum(steps)])
    past = np.maximum(np.arange(n) - _BEFORE_STEPS, 0)
    before_db = 10 * np.log10(
        (sums[np.arange(n)] - sums[past]) / np.maximum(np.arange(n) - past, 1) + 1e-12
    )
    rises = level_db - before_db
    loud = level_db > level_db.max() - 12  # a clap among several need not be the loudest
    found = np.flatnonzero((rises > _CLAP_ABOVE_DB) & loud)
    if not len(found):
        cure = "record a clap, a balloon or a sweep in a quiet room"
        raise InputError(name, "has no clap that stands out", cure)
    onsets = found[np.concatenate([[True], np.diff(found) > 200])]
    ends = np.append(onsets[1:] - ahead, n)
    best = int(np.argmax([_depth_db(level_db[a:b]) for a, b in zip(onsets, ends, strict=True)]))
    first = int(onsets[best]) * step
    if _depth_db(level_db[onsets[best] : ends[best]]) < _CLAP_ABOVE_DB:
        cure = "record a clap, a balloon or a sweep in a quiet room"
        raise InputError(name, "no decay is found in it", cure)
    # Within it, the first sample within 20 dB of the highest of its first 20 ms.
    begin = max(0, first - step)
    near = energy[begin : first + round(0.02 * sample_rate)]
    first = begin + int(np.argmax(near >= near.max() / 100))
    return first, min(int(ends[best]) * step, first + round(LONGEST_S * sample_rate))


def _depth_db(level_db: npt.NDArray[np.float64]) -> float:
    """How far what follows an onset falls."""
    n = len(level_db)
    return float(level_db[:20].max() - np.median(level_db[n - max(1, n // 10) :])) if n > 20 else 0


def _check_level(recording: Samples, name: str) -> None:
    if float(np.abs(recording).max()) < 8 * SILENCE:  # a few steps of 16 bits: nothing came in
        raise InputError(name, "is silent", "check the microphone, and record it again")


def _check_ridge(mixed: Samples, sample_rate: int, sweep: Sweep, name: str) -> None:
    """Refuse a recording in which another sweep is heard, or none."""
    times_s, frequency_hz = _ridge(mixed, sample_rate, sweep)
    n_expected = sweep.duration_s / _HOP_S
    begin_s, n = _line(times_s, frequency_hz, sweep.growth_s)
    if n >= _RIDGE_SHARE * n_expected:
        return
    growths_s = np.geomspace(sweep.growth_s / 20, sweep.growth_s * 20, 240)
    lines = [_line(times_s, frequency_hz, growth_s) for growth_s in growths_s]
    best = int(np.argmax([n for _, n in lines]))
    begin_s, n = lines[best]
    on_line = np.abs(times_s - growths_s[best] * np.log(frequency_hz) - begin_s) < _RIDGE_S / 2
    low_hz = frequency_hz.min(where=on_line, initial=np.inf)
    high_hz = frequency_hz.max(where=on_line, initial=0.0)
    heard_s = growths_s[best] * np.log(high_hz / low_hz) if n else 0.0
    if n < max(15, _RIDGE_SHARE * heard_s / _HOP_S) or high_hz < 4 * low_hz:
        raise InputError(name, "no sweep is heard in it", "record the sweep in a quiet room")
    own_s = sweep.growth_s * np.log(high_hz / low_hz)
    raise InputError(
        name,
        f"holds another sweep: from {low_hz:.0f} to {high_hz:.0f} Hz it takes {heard_s:.1f} s, and "
        f"this sweep ({sweep.low_hz:.0f} to {sweep.high_hz:.0f} Hz in {sweep.duration_s:.1f} s) "
        f"{own_s:.1f} s",
        "name the file that was played",
    )


def _line(
    times_s: npt.NDArray[np.float64], frequency_hz: npt.NDArray[np.float64], growth_s: float
) -> tuple[float, int]:
    """Where a sweep of that growth would have 1 Hz, and how many frames of the ridge are of it."""
    if not len(times_s):
        return 0.0, 0
    begins_s = np.sort(times_s - growth_s * np.log(frequency_hz))
    n_within = np.searchsorted(begins_s, begins_s + _RIDGE_S) - np.arange(len(begins_s))
    best = int(np.argmax(n_within))
    return float(begins_s[best] + _RIDGE_S / 2), int(n_within[best])


def _ridge(
    mixed: Samples, sample_rate: int, sweep: Sweep
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Times and frequencies of the bins that rise most, of frames that are not silent.

    What rises is the sweep; what is highest may be a resonance that the sweep has long passed.
    """
    n_fft, hop = round(_FRAME_S * sample_rate), round(_HOP_S * sample_rate)
    if len(mixed) < n_fft:
        return np.zeros(0), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(mixed, n_fft)[::hop]
    window = np.hanning(n_fft).astype(np.float32)
    highest, level = np.empty(len(frames)), np.empty(len(frames))
    # A sweep is white in octaves and falls by 3 dB an octave; noise does not, so bins are raised.
    tilt = np.sqrt(np.arange(n_fft // 2 + 1))
    before = np.zeros((_RISE_FRAMES, len(tilt)))
    for at in range(0, len(frames), 256):
        power = np.abs(np.fft.rfft(frames[at : at + 256] * window)) * tilt
        power = np.concatenate([before, power])
        rise, before = power[_RISE_FRAMES:] - power[:-_RISE_FRAMES], power[-_RISE_FRAMES:]
        highest[at : at + 256] = rise.argmax(axis=1) * sample_rate / n_fft
        level[at : at + 256] = rise.max(axis=1)
    is_loud = (level > level.max() * 1e-3) & (highest > 2 * sample_rate / n_fft)
    is_loud &= highest > sweep.low_hz / 4
    times_s = (np.arange(len(frames)) * hop + n_fft / 2) / sample_rate
    return times_s[is_loud], highest[is_loud]


def shape_noise(response: Samples, sample_rate: int, start: int) -> Samples:
    """Response [C, T] whose noise goes on decaying, octave by octave, where it hid the decay.

    From where a band meets the noise, the noise is faded at the band's own decay: it sounds as the
    reverb would, and no hiss is left. Bands without a decay end within milliseconds.
    """
    centres_hz = octave_centres_hz(sample_rate, 60.0)
    shaped = np.zeros(response.shape)
    after = np.arange(response.shape[1]) / sample_rate
    end = 0
    for row, channel in zip(shaped, response, strict=True):
        for band in split_octaves(channel, sample_rate, centres_hz):
            decay = find_decay(band[start:] ** 2, sample_rate)
            if decay is None:
                row += band * np.exp(-after / 0.02)  # nothing but noise: 20 ms of it
                continue
            knee_s = (start + decay.knee) / sample_rate
            # The energy is the decay's and the noise's, equal at the knee: keep the decay's share.
            excess = np.minimum(LN_60_DB * (after - knee_s) / decay.time_s, 300)
            row += band / np.sqrt(1 + np.exp(excess))
            length_s = start / sample_rate + _DEPTH_DB / 60 * decay.time_s
            end = max(end, round(length_s * sample_rate))
    end = min(max(end, 2 * start + 1), response.shape[1])
    fade = min(end - start, max(1, round(0.02 * sample_rate)))
    shaped = shaped[:, :end]
    shaped[:, :start] *= np.sin(np.pi / 2 * (np.arange(start) + 0.5) / max(start, 1)) ** 2
    shaped[:, end - fade :] *= np.cos(np.pi / 2 * np.arange(fade) / fade) ** 2
    peak = np.abs(shaped).max()
    return (shaped / peak if peak else shaped).astype(np.float32)
