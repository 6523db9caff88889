"""Transcription: audio in, score out: which notes are played when, how long and how hard."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, get_args

from cambiata.audio.downmix import MonoSource
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.errors import SOUND, InputError, check_type
from cambiata.files import MIDI, MIDI_SUFFIXES, SCORE, check_not_input, check_output
from cambiata.keywords import checked_keywords
from cambiata.partials.low_tones import low_tones, with_low_tones
from cambiata.partials.posteriors import BANDS, NoteEvents, decode_notes
from cambiata.score.midi import Note, Score, save
from cambiata.score.notation import write
from cambiata.system import Progress, SystemFacts
from cambiata.transcription.drums import DRUM_WEIGHTS, transcribe_drums
from cambiata.transcription.engraving import engrave
from cambiata.transcription.finishing import Wishes, finish
from cambiata.transcription.hearing import hear_recording, mono, say_beyond
from cambiata.transcription.pitch import has_pitch
from cambiata.transcription.tempo import BeatGrid
from cambiata.transcription.velocity import velocities
from cambiata.weights import load_model, weights_checked

InstrumentKind = Literal["any", "piano", "drums"]
PitchedKind = Literal["any", "piano"]

_NOTE_WEIGHTS = "listener"
_WRITTEN_STEP = "1/16"  # of MusicXML: finer steps write a player's timing as note values
_MIN_NOTE_S = 0.02  # anything shorter is no note that could be played


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
    weights: str = _NOTE_WEIGHTS,
    progress: Progress | None = None,
) -> Score:
    """The notes of a recording.

    Parameters
    ----------
    recording : Audio or AudioFile
        The music.
    instrument : {"any", "piano", "drums"}
        With a piano, notes begin only where an onset is detected, since every piano's note has
        one; any other may begin softly. Of drums kick, snare, hats, toms and cymbals are written
        by General MIDI's keys, in a part of drums.
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
        The transcriber's weights: shipped ones by name, or a path. Drums have their own, "drums",
        where none are named.
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
    >>> import numpy as np
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
    weights: str = _NOTE_WEIGHTS,
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
    instrument : {"any", "piano", "drums"}
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
    kind = MIDI if instrument == "drums" else SCORE
    check_not_input(output, "the recording", recording)
    is_midi = check_output(output, kind, force=force).suffix.lower() in MIDI_SUFFIXES
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
        sum(len(part.notes) for part in score.parts),
        duration_s,
        elapsed_s,
        elapsed_s / duration_s,
        score.clock.tempos[0][1] if grid is None else grid.qpm,
        None if grid is None else float(grid.beat_s[0]),
        score.parts[0].tuning_cents,
        "" if grid is None else str(grid.metre),
        None if grid is None else grid.first_bar_s,
    )


@weights_checked()
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
        raise InputError(f"instrument {instrument}", "is not known", "use any, piano or drums")
    if onset_threshold is not None and not 0 < onset_threshold < 1:
        raise InputError(
            f"onset threshold {onset_threshold:g}",
            "is out of range",
            "use more than 0, less than 1",
        )
    if instrument == "drums":
        weights = DRUM_WEIGHTS if weights == _NOTE_WEIGHTS else weights
        return transcribe_drums(source, onset_threshold, wishes, weights, progress)
    source = MonoSource(source)
    model = load_model(weights, "listener")
    threshold = float(model.about["threshold"]) if onset_threshold is None else onset_threshold
    found = hear_recording(source, model.part(""), progress or (lambda _share: None))
    events = decode_notes(found.heard, threshold, soft_onsets=instrument == "any")
    events, below_s = with_low_tones(events, low_tones(found.low_tones, found.heard.level_db))
    say_beyond(source.name, below_s, "below A0, the keyboard's lowest key")
    notes = _notes(events)
    events = replace(events, tuning_cents=found.tuning_cents)
    # A threshold of the user's own is a wish to see what else may be in it.
    doubtful = onset_threshold is None and not has_pitch(source, events, mono)
    if not notes or doubtful:
        raise InputError(
            source.name,
            "no note was heard in it",
            "choose music with pitches, or a lower threshold",
        )
    score, grid = finish(source.name, notes, events, found.flux, wishes)
    return score, threshold, grid


def _notes(events: NoteEvents) -> list[Note]:
    """Notes in seconds, with velocities by their levels."""
    return [
        Note(
            max(0.0, start * BANDS.frame_s),
            max(end * BANDS.frame_s, start * BANDS.frame_s + _MIN_NOTE_S),
            int(pitch),
            int(velocity),
        )
        for pitch, start, end, velocity in zip(
            events.pitch, events.start, events.end, velocities(events), strict=True
        )
    ]
