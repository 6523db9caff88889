"""Single voices with vibrato, bends and slides whose pitch is known at every moment.

Half of the clips are sums of partials, half recorded notes played faster and slower, with their
own attacks. The recorded notes are those of Xavier Serra's sms-tools that are steady within 20
cents; nothing is trained on them.
"""

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.signal

from cambiata.arrays import Samples
from cambiata.audio.log_frequency import midi_to_hz
from cambiata.audio.sound import load
from cambiata.errors import InputError
from cambiata.evaluate.markdown import markdown_table
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.score.midi import Score

Curve = npt.NDArray[np.float64]
GESTURES = ("vibrato", "bend", "slide")
SOURCES = ("computed", "recorded")
RATE_HZ = 44100
FRAME_S = 0.01  # of the known pitch, as mir_eval's melody module has it
CLIP_S = 6.0
TOLERANCE_CENTS = 50.0

_N_BREATHS = 4  # of a clip, a gesture each; 0.1 to 0.25 s of silence after each
_BREATH_S = (1.0, 1.35)  # no longer than the shortest recorded note lasts, played 26 % faster
_FADE_S = 0.05
_VOICED = 0.5  # swift-f0's own
# Frames so near to an end of a breath are not judged: windows hold more silence than sound there.
_EDGE_S = 0.03
# Semitones about the middle of a clip's range, and about a recorded note: up to 4 with a gesture.
_BELOW, _ABOVE = -5, 1
# What players do: vibrato of 30 cents (winds) to 150 (opera) at 4.5 to 7 Hz, guitars' bends up to
# two semitones, slides over a third in 0.1 to 0.35 s.
_VIBRATO_CENTS, _VIBRATO_HZ = (30.0, 150.0), (4.5, 7.0)
_BENDS, _BEND_S = (0.5, 1.0, 2.0), (0.08, 0.25)
_SLIDES, _SLIDE_S = (-4, -3, -2, 2, 3), (0.1, 0.35)

# File, pitch in MIDI numbers: steady within 20 cents but for the first and last 50 ms.
_RECORDED = (("flute-A4", 69), ("trumpet-A4", 69), ("violin-B3", 59), ("oboe-A4", 69))


@dataclass(frozen=True)
class KnownContour:
    """A voice whose pitch is known."""

    gesture: str  # what is in it
    source: str  # of its sound
    samples: Samples  # [T] at `RATE_HZ`
    pitch: Curve  # MIDI numbers every `FRAME_S`, not a number where nothing sounds


Tracker = Callable[[Samples], Curve]
"""Pitch of a clip [T] in MIDI numbers every `FRAME_S`, not a number where there is none."""

Voice = Callable[[Curve, np.random.Generator], Samples]
"""Sound [T] of a pitch in MIDI numbers at every sample [T]."""


def make_contours(
    n_each: int = 4, *, recordings: str | Path | None = None, seed: int = 0
) -> list[KnownContour]:
    """Clips of every gesture by computed voices, and as many by recorded ones if there are any."""
    clips = []
    for i, gesture in enumerate(GESTURES):
        for j in range(n_each):
            rng = np.random.default_rng([seed, i, j])
            middle = int(rng.integers(48, 77))
            clips.append(_compose(gesture, "computed", _computed_voice, middle, rng))
            if recordings is not None:
                name, pitch = _RECORDED[j % len(_RECORDED)]
                voice = _RecordedVoice(Path(recordings) / "sms-tools" / f"{name}.wav", pitch)
                rng = np.random.default_rng([seed, i, j, 1])
                clips.append(_compose(gesture, "recorded", voice, pitch, rng))
    return clips


def evaluate_contours(
    clips: Sequence[KnownContour], trackers: dict[str, Tracker]
) -> list[dict[str, Any]]:
    """A row a tracker: accuracy with its interval, over all clips and by gesture and source."""
    rows = []
    for name, tracker in trackers.items():
        accuracy = [contour_accuracy(tracker(clip.samples), clip.pitch) for clip in clips]
        groups = {
            label: [
                share
                for share, clip in zip(accuracy, clips, strict=True)
                if label in (clip.gesture, clip.source)
            ]
            for label in (*GESTURES, *SOURCES)
        }
        means = {label: float(np.mean(each)) for label, each in groups.items() if each}
        overall = [float(np.mean(accuracy)), *bootstrap_interval(accuracy)]
        rows.append({"tracker": name, "n": len(clips), "accuracy": overall, **means})
    return rows


def contour_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The table."""
    labels = [label for label in (*GESTURES, *SOURCES) if any(label in row for row in rows)]
    heads = ["single voices", "pitch by", "within 50 cents", *labels]
    cells = []
    for row in rows:
        mean, low, high = (f"{x:.3f}" for x in row["accuracy"])
        means = [f"{row[label]:.3f}" for label in labels]
        cells.append([f"{row['n']} clips", row["tracker"], f"{mean} [{low}, {high}]", *means])
    return "\n".join(markdown_table(heads, cells)) + "\n"


def contour_accuracy(found: Curve, known: Curve) -> float:
    """Share of the frames with a known pitch in which another is within 50 cents of it.

    As ``mir_eval.melody.raw_pitch_accuracy``, but that frames in which none is found are wrong.
    """
    sounds = np.isfinite(known)
    near = np.abs(found[sounds] - known[sounds]) * 100 < TOLERANCE_CENTS
    return float(near.mean())


def pitch_of_notes(score: Score) -> Curve:
    """Pitch of the note that sounds at every `FRAME_S`, as it bends; the latest of several."""
    times_s = np.arange(round(CLIP_S / FRAME_S)) * FRAME_S
    pitch = np.full(len(times_s), np.nan)
    for part in score.parts:
        for note in sorted(part.notes):
            inside = (times_s >= note.start_s) & (times_s < note.end_s)
            bend = np.zeros(1)
            if part.controls:
                bend = part.controls[note.channel].bend_semitones(times_s[inside].astype(float))
            pitch[inside] = note.pitch + part.tuning_cents / 100 + bend
    return pitch


def swift_f0_tracker() -> Tracker | None:
    """Pitch by swift-f0 (Nieradzik 2025), where it is installed."""
    if importlib.util.find_spec("swift_f0") is None:
        return None
    detector = importlib.import_module("swift_f0").SwiftF0(threads=1)

    def track(samples: Samples) -> Curve:
        found = detector.detect(samples, RATE_HZ)
        semitones = 69 + 12 * np.log2(found.pitch_hz / 440)
        pitch = np.where(found.confidence >= _VOICED, semitones, np.nan)
        times_s = np.arange(round(CLIP_S / FRAME_S)) * FRAME_S
        return np.asarray(pitch[np.abs(found.timestamps[:, None] - times_s).argmin(axis=0)])

    return track


# --- what is played -------------------------------------------------------------------------------


def _compose(
    gesture: str, source: str, voice: Voice, middle: int, rng: np.random.Generator
) -> KnownContour:
    samples = np.zeros(round(CLIP_S * RATE_HZ), np.float32)
    pitch = np.full(round(CLIP_S / FRAME_S), np.nan)
    at_s = 0.1
    for _ in range(_N_BREATHS):
        breath_s = float(rng.uniform(*_BREATH_S))
        if at_s + breath_s > CLIP_S:
            break
        base = middle + int(rng.integers(_BELOW, _ABOVE + 1))
        times_s = np.arange(round(breath_s * RATE_HZ)) / RATE_HZ
        curve = base + _gesture_semitones(gesture, times_s, rng)
        sound = voice(curve, rng)
        n_fade = round(_FADE_S * RATE_HZ)
        sound[-n_fade:] *= np.linspace(1, 0, n_fade, dtype=np.float32)
        first = round(at_s * RATE_HZ)
        samples[first : first + len(sound)] = sound
        frames = np.arange(
            int(np.ceil((at_s + _EDGE_S) / FRAME_S)),
            int((at_s + breath_s - _FADE_S - _EDGE_S) / FRAME_S),
        )
        pitch[frames] = np.interp(frames * FRAME_S - at_s, times_s, curve)
        at_s += breath_s + float(rng.uniform(0.1, 0.25))
    samples *= np.float32(0.1 / np.sqrt(np.mean(samples**2)))  # -20 dB RMS
    return KnownContour(gesture, source, samples, pitch)


def _gesture_semitones(gesture: str, times_s: Curve, rng: np.random.Generator) -> Curve:
    """Semitones off the first pitch at some times."""
    length_s = float(times_s[-1])
    if gesture == "vibrato":
        depth, rate_hz = rng.uniform(*_VIBRATO_CENTS) / 100, rng.uniform(*_VIBRATO_HZ)
        grown = np.clip((times_s - 0.15) / 0.3, 0, 1)  # it begins after the note, and grows
        return np.asarray(grown * depth * np.sin(2 * np.pi * rate_hz * (times_s - 0.15)))
    if gesture == "bend":
        bend, takes_s = float(rng.choice(_BENDS)), rng.uniform(*_BEND_S)
        up = _glide(times_s, rng.uniform(0.2, 0.4) * length_s, takes_s)
        back = _glide(times_s, rng.uniform(0.65, 0.75) * length_s, takes_s)
        return np.asarray(bend * (up - back * float(rng.random() < 0.5)))
    interval, takes_s = float(rng.choice(_SLIDES)), rng.uniform(*_SLIDE_S)
    return interval * _glide(times_s, 0.5 * length_s - takes_s / 2, takes_s)


def _glide(times_s: Curve, start_s: float, takes_s: float) -> Curve:
    """From 0 to 1, as half a cosine."""
    share = np.clip((times_s - start_s) / takes_s, 0, 1)
    return np.asarray((1 - np.cos(np.pi * share)) / 2)


# --- what sounds ----------------------------------------------------------------------------------


def _computed_voice(pitch: Curve, rng: np.random.Generator) -> Samples:
    """Partials under two resonances, and a little noise."""
    hz = midi_to_hz(pitch)
    phase = 2 * np.pi * np.cumsum(hz) / RATE_HZ
    slope = rng.uniform(0.8, 1.8)
    even = rng.choice((1.0, 0.2))  # of the odd partials' amplitude: a clarinet has little
    resonances_hz = rng.uniform((300, 1200), (1000, 3500))
    sound = np.zeros(len(pitch))
    for h in range(1, 41):
        partial_hz = h * hz
        # Resonances stay where they are while pitches move; half an octave wide.
        octaves = np.log2(partial_hz[:, None] / resonances_hz)
        gain = 0.3 + np.exp(-((octaves / 0.5) ** 2)).sum(axis=1)
        audible = np.clip((16000 - partial_hz) / 1000, 0, 1)
        amplitude = h**-slope * (1.0 if h % 2 else even)
        sound += amplitude * gain * audible * np.sin(h * phase + rng.uniform(0, 2 * np.pi))
    attack_s = rng.uniform(0.01, 0.08)
    envelope = np.minimum(np.arange(len(pitch)) / RATE_HZ / attack_s, 1.0)
    noise = rng.normal(0, 0.005 * np.sqrt(np.mean(sound**2)), len(pitch))  # -46 dB: breath
    return ((sound + noise) * envelope).astype(np.float32)


class _RecordedVoice:
    """A recorded note, played at the speed at which it has the pitch asked for."""

    def __init__(self, path: Path, pitch: int) -> None:
        if not path.is_file():
            raise InputError(str(path), "is missing", "name the folder that holds sms-tools")
        sound = load(path).mono().resampled(RATE_HZ).samples[0].astype(np.float64)
        loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
        self._sound = sound[loud[0] : loud[-1]]
        self._hz = _steady_hz(self._sound, float(midi_to_hz(pitch)))

    def __call__(self, pitch: Curve, _rng: np.random.Generator) -> Samples:
        place = np.concatenate([[0.0], np.cumsum(midi_to_hz(pitch) / self._hz)[:-1]])
        # Read between samples of four times the rate, where a straight line is near enough.
        fine = scipy.signal.resample_poly(self._sound, 4, 1)
        sound = np.interp(4 * place, np.arange(len(fine)), fine, right=0.0)
        return np.asarray(sound, np.float32)


def _steady_hz(sound: Curve, nominal_hz: float) -> float:
    """Frequency of the fundamental in the middle half of a note, a tone within 3 semitones."""
    edges_hz = nominal_hz * 2 ** (np.array([-3, 3]) / 12)
    band = scipy.signal.butter(4, edges_hz, "bandpass", fs=RATE_HZ, output="sos")
    phase = np.unwrap(np.angle(scipy.signal.hilbert(scipy.signal.sosfiltfilt(band, sound))))
    middle = slice(len(sound) // 4, 3 * len(sound) // 4)
    return float(np.median(np.gradient(phase)[middle])) * RATE_HZ / (2 * np.pi)
