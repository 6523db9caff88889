"""Transcription: audio in, score out: which notes are played when, how long and how hard."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Samples
from cambiata.audio.chunks import cut
from cambiata.audio.downmix import MonoSource
from cambiata.audio.log_frequency import LogFrequency
from cambiata.audio.loudness import SILENCE
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source, resample
from cambiata.errors import SOUND, InputError, check_type, warn
from cambiata.files import MIDI_SUFFIXES, SCORE, check_output
from cambiata.keywords import checked_keywords
from cambiata.partials.hum import HumMeter, describe_hum, without_hum
from cambiata.partials.low_tones import low_pitches, low_tones, with_low_tones
from cambiata.partials.posteriors import (
    BANDS,
    decode_notes,
    is_above_keyboard,
    posteriors,
    tuned_bands,
)
from cambiata.partials.tuning import TuningMeter, describe_tuning
from cambiata.partials.vibrato import is_wavering, straighten
from cambiata.score.midi import Note, Score, save
from cambiata.score.notation import write
from cambiata.system import Progress, SystemFacts
from cambiata.transcription.engraving import engrave
from cambiata.transcription.finishing import Wishes, finish
from cambiata.transcription.onset_events import Flux, flux
from cambiata.transcription.pitch import has_pitch
from cambiata.transcription.tempo import BeatGrid
from cambiata.transcription.velocity import velocities
from cambiata.weights import load_model

InstrumentKind = Literal["any", "piano"]

# 61.44 s are a whole number of frames (2646), and of samples at every common rate. Two seconds
# around a chunk are more than the network and the longest window see to either side, so that chunks
# give what the whole would; an hour needs 270 MB.
_CHUNK_S, _CONTEXT_S = 61.44, 2.048
_MIN_DURATION_S = 0.1
# A note's end moves to the highest posterior of an offset within 4 frames (93 ms), where that
# reaches 0.15: offsets are never as sure as onsets. Chosen by hand.
_OFFSET_REACH_FRAMES, _OFFSET_THRESHOLD = 4, 0.15
_LEAST_BEYOND_S = 0.2  # of sound beyond the keyboard that is worth a line
_WRITTEN_STEP = "1/16"  # of MusicXML: finer steps write a player's timing as note values
_MIN_NOTE_S = 0.02  # anything shorter is no note that could be played

_Roll = npt.NDArray[np.float32]


class Transcriber(SystemFacts):
    """Facts about the network that detects notes, for the registry."""

    name: ClassVar[str] = "transcriber"
    summary: ClassVar[str] = "hears the notes of any instrument, or of a piano; 44.1 kHz"
    paper: ClassVar[str] = "this project: docs/models/transcription.md"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"


@dataclass(frozen=True)
class Transcription:
    """Report of `transcribe_file`.

    Parameters
    ----------
    output : str
        The file written.
    instrument : str
        Kind of instrument that was assumed.
    onset_threshold : float
        Least height of an onset.
    n_notes : int
        How many notes were written.
    duration_s : float
        Length of the recording.
    elapsed_s : float
        Seconds that it took.
    real_time_factor : float
        `elapsed_s` over `duration_s`.
    tempo : float
        Quarter notes a minute, as written; where it changes, the median.
    first_beat_s : float, optional
        When the first beat is, where a tempo was asked for and beats were found.
    tuning_cents : float
        How far the recording's A lies above 440 Hz; pitches are counted from there.
    metre : str
        How bars are counted ("3/4"), where a tempo was asked for and beats were found.
    first_bar_s : float, optional
        When the first bar begins, likewise.

    Examples
    --------
    >>> Transcription("a.mid", "any", 0.3, 12, 8.0, 0.4, 0.05).n_notes
    12
    """

    output: str
    instrument: str
    onset_threshold: float
    n_notes: int
    duration_s: float
    elapsed_s: float
    real_time_factor: float
    tempo: float = 120.0
    first_beat_s: float | None = None
    tuning_cents: float = 0.0
    metre: str = ""
    first_bar_s: float | None = None


@checked_keywords
def transcribe(
    recording: Source,
    *,
    instrument: InstrumentKind = "any",
    onset_threshold: float | None = None,
    tempo: float | str | None = None,
    quantise: str | None = None,
    pedal: bool = False,
    bends: bool = False,
    weights: str = "transcriber",
    progress: Progress | None = None,
) -> Score:
    """The notes of a recording.

    Parameters
    ----------
    recording : Audio or AudioFile
        The music.
    instrument : {"any", "piano"}
        With a piano, notes begin only where an onset is detected, since every piano's note has
        one; any other may begin softly.
    onset_threshold : float, optional
        Least height of an onset, 0 to 1: less finds more notes, true and false. The one that
        served best in validation where not given.
    tempo : float or "auto", optional
        Quarter notes a minute, or "auto" to find the beats, with every change of tempo; 120 where
        not given. Bars are found with either, and notes keep their times in seconds.
    quantise : str, optional
        Note value of a grid that onsets and offsets are moved to ("1/16", "1/8T" for triplets),
        relative to the beats. A tempo of "auto" where none is given.
    pedal : bool
        Find when a piano's sustain pedal is down, for `Part.pedal`; notes last as they sound.
    bends : bool
        Keep how notes bend and waver, for `Part.controls`.
    weights : str
        The transcriber's weights: shipped ones by name, or a path.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    Score
        One part. Where the recording's A is 20 cents or more off 440 Hz, pitches are counted from
        where it is, and the part's `tuning_cents` says so.

    Raises
    ------
    InputError
        The recording is silent or too short, or an option does not fit.

    Examples
    --------
    >>> from cambiata.audio.sound import Audio
    >>> t = np.arange(44100) / 44100
    >>> tone = sum(np.sin(2 * np.pi * 440 * k * t) / k for k in range(1, 7)) * np.exp(-3 * t)
    >>> [note.pitch for note in transcribe(Audio(tone, 44100)).notes]
    [69]
    """
    if isinstance(recording, str | Path | Score) or not hasattr(recording, "blocks"):
        check_type("recording", recording, Audio, SOUND)
    wishes = Wishes.of(tempo, quantise, pedal, bends)
    score, _, _ = _transcribe(recording, instrument, onset_threshold, wishes, weights, progress)
    return score


@checked_keywords
def transcribe_file(
    recording: str | Path,
    output: str | Path,
    *,
    instrument: InstrumentKind = "any",
    onset_threshold: float | None = None,
    tempo: float | str | None = None,
    quantise: str | None = None,
    pedal: bool = False,
    bends: bool = False,
    weights: str = "transcriber",
    strict: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Transcription:
    """Like `transcribe`, from a sound file to a file of MIDI or MusicXML.

    Parameters
    ----------
    recording : str or pathlib.Path
        Sound file; "-" is a wav on standard input.
    output : str or pathlib.Path
        File to write, .mid, .musicxml or .mxl; it appears whole or not at all. MusicXML has bars
        and staves: beats are found and notes quantised to sixteenths where nothing else is said.
    instrument : {"any", "piano"}
        See `transcribe`.
    onset_threshold : float, optional
        Likewise.
    tempo : float or "auto", optional
        Likewise.
    quantise : str, optional
        Likewise.
    pedal, bends : bool
        Likewise.
    weights : str
        Likewise.
    strict : bool
        Refuse a recording that is unfinished or damaged, rather than use what is there of it.
    force : bool
        Replace an output that exists.
    progress : callable, optional
        Called with the share of the work that is done.

    Returns
    -------
    Transcription
        Facts about what was written.

    Raises
    ------
    InputError
        The recording or the output cannot be used; nothing has been written then.

    Examples
    --------
    >>> transcribe_file("nowhere.wav", "out.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    began = time.perf_counter()
    source = AudioFile(recording, strict=strict)
    is_midi = check_output(output, SCORE, force=force).suffix.lower() in MIDI_SUFFIXES
    if not is_midi:
        quantise = quantise or _WRITTEN_STEP
    wishes = Wishes.of(tempo, quantise, pedal, bends)
    score, threshold, grid = _transcribe(
        source, instrument, onset_threshold, wishes, weights, progress
    )
    if is_midi:
        save(score, output, force=force)
    else:
        write(engrave(score, is_piano=instrument == "piano"), output, force=force)
    elapsed_s = time.perf_counter() - began
    duration_s = source.n_samples / source.sample_rate
    return Transcription(
        str(output),
        instrument,
        threshold,
        len(score.notes),
        duration_s,
        elapsed_s,
        elapsed_s / duration_s,
        score.clock.tempos[0][1] if grid is None else grid.qpm,
        None if grid is None else float(grid.beat_s[0]),
        score.parts[0].tuning_cents,
        "" if grid is None else str(grid.metre),
        None if grid is None else grid.first_bar_s,
    )


def _transcribe(
    source: Source,
    instrument: str,
    onset_threshold: float | None,
    wishes: Wishes,
    weights: str,
    progress: Progress | None,
) -> tuple[Score, float, BeatGrid | None]:
    """The score, the threshold that was used, and the beats if a tempo is asked for."""
    if instrument not in get_args(InstrumentKind):
        raise InputError(f"instrument {instrument}", "is not known", "use any or piano")
    if onset_threshold is not None and not 0 < onset_threshold < 1:
        raise InputError(
            f"onset threshold {onset_threshold:g}",
            "is out of range",
            "use more than 0, less than 1",
        )
    source = MonoSource(source)
    model = load_model(weights, "transcriber")
    threshold = float(model.about["threshold"]) if onset_threshold is None else onset_threshold
    rolls, low, tuning_cents, strength, vibrato = _posteriorgram(
        source, model.part(""), threshold, progress or (lambda _share: None)
    )
    onset, activation, level_db, offset = (roll.astype(np.float32) for roll in rolls[:4])
    events = decode_notes(onset, activation, level_db, threshold, soft_onsets=instrument == "any")
    events, below_s = with_low_tones(events, low_tones(low, level_db))
    _say_beyond(source.name, below_s, "below A0, the keyboard's lowest key")
    notes = [
        _note(int(pitch), float(start), float(end), offset, int(velocity))
        for pitch, start, end, velocity in zip(
            events.pitch, events.start, events.end, velocities(events), strict=True
        )
    ]
    events = replace(events, tuning_cents=tuning_cents, vibrato_cents=vibrato)
    # A threshold of the user's own is a wish to see what else may be in it.
    doubtful = onset_threshold is None and not has_pitch(source, events, _mono)
    if not notes or doubtful:
        raise InputError(
            source.name,
            "no note was heard in it",
            "choose music with pitches, or a lower threshold",
        )
    score, grid = finish(source.name, notes, events, strength, wishes)
    return score, threshold, grid


def _note(
    pitch: int, start: float, end: float, offset: npt.NDArray[np.float32], velocity: int
) -> Note:
    """A note in seconds, with the offset that the network gives it."""
    end = _refine_offset(offset[pitch - BANDS.lowest_pitch], end, start)
    start_s = max(0.0, start * BANDS.frame_s)
    return Note(start_s, max(end * BANDS.frame_s, start_s + _MIN_NOTE_S), pitch, velocity)


def _refine_offset(offset: npt.NDArray[np.float32], end: float, start: float) -> float:
    """A note's end in frames, moved to the peak of the offsets' posterior [L] near it."""
    first = max(int(start) + 2, int(end) - _OFFSET_REACH_FRAMES)
    near = offset[first : int(end) + _OFFSET_REACH_FRAMES + 1]
    if not len(near) or near.max() < _OFFSET_THRESHOLD:
        return end
    at = int(near.argmax())
    # The centre of the peak and its neighbours lies between frames.
    around = near[max(0, at - 1) : at + 2]
    places = np.arange(max(0, at - 1), max(0, at - 1) + len(around))
    return first + float(places @ around / around.sum())


def _posteriorgram(
    source: Source, network: Any, threshold: float, progress: Progress
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32], float, Flux, _Roll]:
    """Posteriors and levels [5, 88, L]; low tones [L]; cents off A; flux and vibrato [L]."""
    rate, n_samples = source.sample_rate, source.n_samples
    if n_samples / rate < _MIN_DURATION_S:
        raise InputError(
            source.name, f"lasts {n_samples / rate:.2g} s", f"give at least {_MIN_DURATION_S:g} s"
        )
    power, peak = 0.0, 0.0
    tuning, hum = TuningMeter(rate, n_samples), HumMeter(rate, n_samples)
    for block in source.blocks():
        tuning.add(block)
        hum.add(block)
        mono = _mono(block)
        power += float(np.square(mono, dtype=np.float64).sum())
        peak = max(peak, float(np.abs(mono).max()))
    if peak < SILENCE:
        raise InputError(source.name, "is silent", "choose a recording with sound")
    cents = tuning.cents()
    if cents:
        warn(f"{source.name}: {describe_tuning(cents)}; pitches are counted from there")
    chunks, low, strength, vibrato = [], [], [], []
    if hum_hz := hum.hum_hz():
        warn(f"{source.name}: {describe_hum(hum_hz)}")
        clean = (without_hum(_mono(block), rate, hum_hz) for block in source.blocks())
        power = sum(float(np.square(each, dtype=np.float64).sum()) for each in clean)
    mean = power / n_samples + 1e-12
    bands = tuned_bands(cents)
    above_s = 0.0
    for share, rolls, above, low_pitch, rise, wavers in _posteriors_by_chunk(
        source, network, threshold, mean, bands, hum_hz
    ):
        strength.append(rise)
        vibrato.append(wavers)
        chunks.append(rolls.astype(np.float16))
        low.append(low_pitch)
        above_s += float(above.sum()) * BANDS.frame_s
        progress(share)
    _say_beyond(source.name, above_s, "above C8, the keyboard's highest key")
    tones = np.concatenate(low) - np.float32(cents / 100)
    posteriorgram = np.concatenate(chunks, axis=2)
    return posteriorgram, tones, cents, Flux.joined(strength), np.concatenate(vibrato)


def _say_beyond(name: str, seconds: float, where: str) -> None:
    """What is left out, since the keyboard does not reach there, in one line."""
    if seconds >= _LEAST_BEYOND_S:
        warn(f"{name}: {seconds:.1f} s of it sound {where}, and are not written")


def _posteriors_by_chunk(
    source: Source,
    network: Any,
    threshold: float,
    mean: float,
    bands: LogFrequency,
    hum_hz: tuple[float, ...],
) -> Iterator[tuple[float, _Roll, npt.NDArray[np.bool_], _Roll, Flux, _Roll]]:
    """Share of the recording done; of the next chunk what `_posteriorgram` gives of the whole.

    `mean` is the recording's power.
    """
    rate, n_samples = source.sample_rate, source.n_samples
    starts = [round(_CHUNK_S * rate * i) for i in range(int(n_samples / rate / _CHUNK_S) + 1)]
    starts = [start for start in starts if start < n_samples]
    context = round(_CONTEXT_S * rate)
    spans = [
        (max(0, start - context), min(n_samples, start + round(_CHUNK_S * rate) + context))
        for start in starts
    ]
    n_frames = round(_CHUNK_S / BANDS.frame_s)
    for start, (first, last), chunk in zip(starts, spans, cut(source.blocks(), spans), strict=True):
        resampled = resample(without_hum(_mono(chunk), rate, hum_hz), rate, BANDS.sample_rate)
        bands_db = bands.level_db(resampled, mean)
        rolls = np.stack(posteriors(bands_db, network))
        onset, activation, level_db = rolls[:3]
        vibrato = np.zeros(rolls.shape[2], np.float32)
        if is_wavering(decode_notes(onset, activation, level_db, threshold)):
            straight = straighten(resampled)
            if straight is not None:
                rolls = np.stack(posteriors(bands.level_db(straight[0], mean), network))
                vibrato = straight[1]
        lead = round((start - first) / rate / BANDS.frame_s)
        inside = slice(lead, None if last == n_samples else lead + n_frames)
        above = is_above_keyboard(bands_db[:, inside])
        low = low_pitches(resampled, bands_db)[inside]
        share = min(1.0, last / n_samples)
        rise = flux(bands_db).part(inside)
        yield share, rolls[:, :, inside], above, low, rise, vibrato[inside]
        if last == n_samples:
            return


def _mono(block: Samples) -> Samples:
    """The one channel [T] of a `MonoSource`."""
    channel: Samples = block[0]
    return channel
