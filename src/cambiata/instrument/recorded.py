"""Recordings of single notes: opened, checked to be one note, and taken apart."""

import re
from pathlib import Path

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio
from cambiata.errors import InputError
from cambiata.instrument.moving import Source
from cambiata.instrument.note_model import model_note
from cambiata.instrument.pitch import measure_pitch, refine_pitch

_SILENCE_DB = -70.0  # below it the peak is noise of a converter
_SHORTEST_S = 0.15  # three periods of the lowest key, and a quarter of a staccato note
# A note begins where its envelope is first within so many dB of its loudest.
_ONSET_DB = -30.0
_LEAD_S = 0.005  # what is left before it: a filter's ringing, and room to fade in
# A sound decays that loses so much a second while it is held, or so much in all: a piano's fast
# first decay is followed by a slow one.
_DECAY_DB_S, _DECAY_DB = 4.0, 12.0
_ENVELOPE_S = 0.01
# MuseScore's velocities of dynamics.
_DYNAMICS = {"ppp": 16, "pp": 33, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 126}
_VELOCITY = re.compile(r"(?:^|[^a-z])v(?:el)?[-_]?(\d{1,3})(?![\d])", re.IGNORECASE)
_DYNAMIC = re.compile(r"(?:^|[-_ .])(ppp|pp|p|mp|mf|fff|ff|f)(?=$|[-_ .])", re.IGNORECASE)


_NAME = re.compile(r"(?:^|[-_ .])([A-Ga-g])([#bs♯♭]?)(-?\d)(?=$|[-_ .v])")
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


def envelope_db(samples: Samples, sample_rate: int) -> np.ndarray:
    """RMS level of each 10 ms [L], in dB of full scale, -120 at least."""
    size = max(1, round(_ENVELOPE_S * sample_rate))
    n = max(1, len(samples) // size)
    frames = np.resize(samples, n * size) if len(samples) < size else samples[: n * size]
    power = np.mean(frames.reshape(n, size).astype(np.float64) ** 2, axis=1)
    return np.asarray(10 * np.log10(power + 1e-12))


def named_velocity(name: str) -> int | None:
    """Velocity that a file's name tells: v96, vel-96, mf; None where it tells none.

    >>> named_velocity("C4_v96.wav"), named_velocity("piano-A3-ff.flac"), named_velocity("C4.wav")
    (96, 112, None)
    """
    stem = Path(name).stem
    number = _VELOCITY.search(stem)
    if number and 1 <= int(number[1]) <= 127:
        return int(number[1])
    dynamic = _DYNAMIC.search(stem)
    return _DYNAMICS[dynamic[1].lower()] if dynamic else None


def named_key(name: str) -> int | None:
    """MIDI number of the note that a file is named by, C4 being 60; None where it is by none.

    >>> named_key("piano-F#3-mf.wav"), named_key("Bb2.flac"), named_key("take 4.wav")
    (54, 46, None)
    """
    found = _NAME.search(Path(name).stem)
    if found is None:
        return None
    accidental = 1 if found[2] in ("#", "s", "♯") and found[2] else -bool(found[2])
    return 12 * (int(found[3]) + 1) + _STEPS[found[1].lower()] + accidental


def open_note(
    samples: Samples,
    sample_rate: int,
    name: str,
    *,
    velocity: int,
    key: int | None = None,
) -> Source:
    """A recording [T] of one note, checked and taken apart; refused where it is not one note.

    A `key` that is known is believed: bells and stops of organs have other periods than they have
    pitches.
    """
    envelope = envelope_db(samples, sample_rate)
    peak_db = 20 * np.log10(np.abs(samples).max(initial=0.0) + 1e-12)
    if peak_db < _SILENCE_DB:
        raise InputError(name, "is silent", "record the note again, or leave it out")
    sounding = samples[first_sample(samples) :]
    if len(sounding) < _SHORTEST_S * sample_rate:
        raise InputError(
            name, f"sounds for {len(sounding) / sample_rate:.2f} s", "record a longer note"
        )
    held = sounding[: max(1, int(len(sounding) * _held_share(envelope)))]
    if key is None:
        midi = _checked_pitch(held, sample_rate, name)
    else:
        midi = refine_pitch(held, sample_rate, float(key))
    onset = find_onset(samples)
    model = model_note(samples, sample_rate, midi, onset)
    return Source(model, velocity, is_decaying(samples, sample_rate))


def _checked_pitch(held: Samples, sample_rate: int, name: str) -> float:
    pitch = measure_pitch(held, sample_rate)
    cure = "name a single note's file by its note, as in C4.wav"
    if pitch is None:
        raise InputError(name, "has no pitch", f"{cure}, or leave it out")
    if not pitch.is_steady:
        raise InputError(name, "holds more than one note", f"cut it to one, or {cure}")
    if is_polyphonic(held, sample_rate, pitch.hz):
        raise InputError(name, "holds several notes at once", f"cut it to one, or {cure}")
    return pitch.midi


def first_sample(samples: Samples) -> int:
    """Where the sound begins: 60 dB below its peak."""
    return int(np.argmax(np.abs(samples) > 1e-3 * np.abs(samples).max()))


def find_onset(samples: Samples) -> int:
    """Sample at which a note begins."""
    return int(np.argmax(np.abs(samples) > 10 ** (_ONSET_DB / 20) * np.abs(samples).max()))


def _held_share(envelope: np.ndarray) -> float:
    """Share of a recording until it has decayed by 45 dB, beyond which rooms and noise tell."""
    loud = np.flatnonzero(envelope > envelope.max() - 45)
    return (int(loud[-1]) + 1) / len(envelope)


def is_decaying(samples: Samples, sample_rate: int) -> bool:
    """Whether a note dies away while it is held."""
    level = envelope_db(samples, sample_rate)
    top = int(np.argmax(level > level.max() - 1))
    until = top + int(np.flatnonzero(level[top:] > level[top] - 40)[-1]) + 1
    late = level[top + (until - top) // 2 : top + (until - top) * 2 // 3]
    lost_db = level[top] - float(late.mean()) if len(late) else 0.0
    return lost_db > _DECAY_DB or decay_db_s(samples, sample_rate) > _DECAY_DB_S


def decay_db_s(samples: Samples, sample_rate: int) -> float:
    """How fast a note decays, in dB a second, over the middle of what sounds of it."""
    level = envelope_db(samples, sample_rate)
    top = int(np.argmax(level > level.max() - 1))
    until = top + int(np.flatnonzero(level[top:] > level[top] - 40)[-1]) + 1
    # What a player lets go falls at the end: it is left out.
    begin, end = top + (until - top) // 8, top + (until - top) * 2 // 3
    if end - begin < 8:
        return 200.0 if until - top < 20 else 0.0
    t = np.arange(begin, end) * _ENVELOPE_S
    return -float(np.polyfit(t, level[begin:end], 1)[0])


# A second note's partials hold more than this of the power; a semitone's third from all partials
# is what vibrato and stiff strings need.
_SECOND_DB, _WIDTH = -14.0, 0.03
_ABSENT_DB = -50.0


def is_polyphonic(samples: Samples, sample_rate: int, hz: float) -> bool:
    """Whether several notes sound at once, by what is left beside the comb of partials of one.

    What is left has to have a pitch and overtones of its own: single partials of bells do not
    count. A chord in pure intervals fits the comb of a common divisor, whose first partials and
    many others are missing.
    """
    part = samples[sample_rate // 20 : sample_rate // 20 + sample_rate].astype(np.float64)
    if len(part) < 0.1 * sample_rate:
        return False
    n = 2 ** int(np.ceil(np.log2(2 * len(part))))
    spectrum = np.fft.rfft(part * np.hanning(len(part)), n)
    bins_hz = np.fft.rfftfreq(n, 1 / sample_rate)
    power = np.abs(spectrum) ** 2
    lobe_hz = 4 * sample_rate / len(part)
    number = np.maximum(np.round(bins_hz / hz), 1)
    width = np.maximum(np.minimum(_WIDTH * bins_hz, 0.3 * hz), lobe_hz)
    is_own = np.abs(bins_hz - number * hz) <= width
    numbers = np.arange(1, min(12, int(0.4 * sample_rate / hz)) + 1)
    levels = np.array([power[(number == k) & is_own].max(initial=0.0) for k in numbers])
    levels = 10 * np.log10(levels / power.max() + 1e-20)
    if levels[0] < _ABSENT_DB and np.mean(levels < _ABSENT_DB) > 0.3:
        return True
    left = power[~is_own].sum() / power.sum()
    if left < 10 ** (_SECOND_DB / 10):
        return False
    rest = np.fft.irfft(np.where(is_own, 0, spectrum), n)[: len(part)].astype(np.float32)
    second = measure_pitch(rest, sample_rate)
    if second is None:
        return False
    places = [round(k * second.hz * n / sample_rate) for k in (1, 2, 3)]
    around = [power[max(0, p - 3) : p + 4].max(initial=0.0) * bool(p < len(power)) for p in places]
    return bool(min(around[0], max(around[1:])) > 1e-4 * power.max())


def is_one_note(sound: Audio) -> bool:
    """Whether a recording is of one note, as far as can be told: else a timbre is meant."""
    samples = sound.mono().samples[0][: 20 * sound.sample_rate]
    if not np.abs(samples).max(initial=0.0) or named_key(Path(sound.name).name) is not None:
        return True  # silence is refused as a note is
    held = samples[first_sample(samples) :]
    held = held[: max(1, int(len(held) * _held_share(envelope_db(held, sound.sample_rate))))]
    pitch = measure_pitch(held, sound.sample_rate)
    return (
        pitch is not None
        and pitch.is_steady
        and not is_polyphonic(held, sound.sample_rate, pitch.hz)
    )
