"""Choirs and ensembles: a section, or a choir in parts, made of one recorded voice."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from cambiata.audio.loudness import SILENCE
from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.audio.unpitched import unpitched_part
from cambiata.ensemble.f0 import FRAME_S, PitchTrack
from cambiata.ensemble.harmony import PARTS, find_key, natural_part, part_pitches
from cambiata.ensemble.notes import Tune, read_tune
from cambiata.ensemble.picture import draw_section
from cambiata.ensemble.rendering import Ensemble, Recording, Section, track_recording
from cambiata.ensemble.singers import Singer, make_copy, make_singer, part_target
from cambiata.ensemble.stage import places
from cambiata.errors import SOUND, InputError, check_between, check_numbers, check_type, warn
from cambiata.keywords import checked_keywords
from cambiata.page.sound_output import SoundOutput
from cambiata.score.keys import Key, parse_key

RoomName = Literal["small", "hall", "none"]

_NUMBER = "a number"
_MOST_VOICES, _MOST_PARTS = 64, 8
# Shorter has no note that could be sung by several.
_SHORTEST_S = 0.25
# One voice repeats itself from one period to the next. Of the frames within 30 dB of the loudest
# that have a pitch, 81 to 98 % are as like as this where instruments of Fluid R3 play one note at a
# time, and at most 54 % where they play chords; a synthetic singer has 87 % with a third of
# consonants, 71 % in a room of 0.8 s. Two notes of one chord share a period: they pass.
_AUDIBLE, _ALIKE, _ONE_VOICE_SHARE = 10**-1.5, 0.8, 0.6
_LEAST_VOICED = 0.3  # speech has a half; drums hardly any
# Of drums hardly any energy is drawn out in time at steady frequencies.
_LEAST_PITCHED, _JUDGED_S = 0.25, 20.0
_FORMANT_LIMITS = (0.8, 1.25)


@dataclass(frozen=True)
class ChoirReport:
    """Report of `choir_file`.

    Parameters
    ----------
    output : str
        The file written.
    duration_s : float
        Its length in seconds.
    n_channels : int
        Its channels.
    voices : int
        Number of voices.
    parts : str or None
        Letters of the parts, highest first; None where all sing the same.
    key : str or None
        Key that the parts follow.
    is_one_voice : bool
        Whether the recording was found to be one voice; else all of it was doubled.
    room : str
        Where they stand.
    picture : str or None
        The picture written, if any.
    elapsed_s : float
        Seconds that it took.

    Examples
    --------
    >>> report = ChoirReport("a.wav", 10.0, 2, 8, "SATB", "D major", True, "hall", elapsed_s=0.5)
    >>> report.real_time_factor
    0.05
    """

    output: str
    duration_s: float
    n_channels: int
    voices: int
    parts: str | None
    key: str | None
    is_one_voice: bool
    room: str
    picture: str | None = None
    elapsed_s: float = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds that a second of sound took."""
        return self.elapsed_s / self.duration_s


@checked_keywords
def choir(
    sound: Audio,
    *,
    voices: int = 8,
    parts: str | None = None,
    key: str | None = None,
    spread: float = 0.5,
    room: RoomName = "small",
    lead: float = 0.0,
    tail_s: float = 0.0,
    seed: int = 0,
) -> Audio:
    """A choir or section made of one recorded voice or instrument.

    Each voice has its own intonation, onsets, vibrato, vocal tract, breath, level and place. It is
    made by pitch-synchronous overlap-add (Moulines and Charpentier 1990), so that vowels stay what
    they are at any pitch, and consonants are moved in time alone. Where several notes sound at
    once, the whole sound is played a little faster and slower instead, and `parts` is refused.

    Parameters
    ----------
    sound : Audio
        One voice or instrument; of several channels one is made.
    voices : int
        How many, 1 to 64.
    parts : str, optional
        Letters of S, A, T and B, as in "SATB" or "TTBB": the highest has the tune, the others tones
        of chords of the key below it. Where not given, all sing the tune.
    key : str, optional
        Key of the parts (D, Bb, F#m); found by the tune where not given.
    spread : float
        How far voices differ, and how wide they stand, 0 to 1: 0.5 is what was measured of choirs.
    room : {"small", "hall", "none"}
        Where they stand.
    lead : float
        Share of the singer as recorded, in the middle, 0 to 1.
    tail_s : float
        Seconds by which the result is longer, for the room to ring out.
    seed : int
        Seed of everything random.

    Returns
    -------
    Audio
        Two channels, at the rate and the loudness of the sound.

    Raises
    ------
    InputError
        The sound is silent, too short or has no pitch; an option is out of range; the tune does not
        fit the parts.

    Examples
    --------
    >>> t = np.arange(16000) / 16000
    >>> voice = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 9))
    >>> choir(Audio(0.1 * voice, 16000), voices=3, room="none")
    <Audio audio: 1 s, 2 channels at 16000 Hz>
    """
    check_type("sound", sound, Audio, SOUND)
    options = _Options(voices, parts, key, spread, room, lead, tail_s, seed)
    made = _make(sound, options).ensemble
    samples = np.concatenate(list(made.blocks()), axis=1)
    return Audio(samples, made.sample_rate, made.subtype, made.name)


@checked_keywords
def choir_file(
    recording: str | Path,
    output: str | Path,
    *,
    voices: int = 8,
    parts: str | None = None,
    key: str | None = None,
    spread: float = 0.5,
    room: RoomName = "small",
    lead: float = 0.0,
    tail_s: float = 0.0,
    seed: int = 0,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> ChoirReport:
    """Like `choir`, from file to file; any length in bounded memory.

    Parameters
    ----------
    recording : str or pathlib.Path
        The voice; "-" is standard input.
    output : str or pathlib.Path
        Sound file to write; "-" is standard output.
    voices : int
        See `choir`.
    parts : str, optional
        Likewise.
    key : str, optional
        Likewise.
    spread : float
        Likewise.
    room : {"small", "hall", "none"}
        Likewise.
    lead : float
        Likewise.
    tail_s : float
        Likewise.
    seed : int
        Likewise.
    sample_rate : int, optional
        Samples per second of the output; else the recording's.
    n_channels : int, optional
        Channels of the output, 1 or 2; two where not given.
    subtype : str, optional
        Storage of its samples.
    picture : str or pathlib.Path, optional
        Draw the voices' pitches, times and places, and spectrograms, .svg or .png.
    strict : bool
        Refuse a file that is damaged.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    ChoirReport
        The output and its measures.

    Raises
    ------
    InputError
        A file or an option cannot be used, as `choir` says; nothing has been written then.

    Examples
    --------
    >>> choir_file("nowhere.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    options = _Options(voices, parts, key, spread, room, lead, tail_s, seed)
    inputs = {"the recording": recording}
    writer = SoundOutput(output, inputs, picture, sample_rate, n_channels, subtype, force)
    source = AudioFile(recording, strict=strict)
    made = _make(source, options)
    section = made.ensemble.section
    written = writer.write(
        made.ensemble, source, lambda after: draw_section(section, made.tune, source, after)
    )
    return ChoirReport(
        output=str(output),
        duration_s=written.duration_s,
        n_channels=written.sound.n_channels,
        voices=voices,
        parts=options.order,
        key=None if made.key is None else str(made.key),
        is_one_voice=section.is_one_voice,
        room=room,
        picture=written.picture,
        elapsed_s=written.elapsed_s,
    )


@dataclass(frozen=True)
class _Options:
    """Options that are the same for sounds and for files; refused where out of range."""

    voices: int
    parts: str | None
    key: str | None
    spread: float
    room: str
    lead: float
    tail_s: float
    seed: int

    def __post_init__(self) -> None:
        check_numbers(
            _NUMBER,
            voices=self.voices,
            spread=self.spread,
            lead=self.lead,
            tail_s=self.tail_s,
            seed=self.seed,
        )
        check_between(1, _MOST_VOICES, voices=self.voices)
        check_between(0, 1, spread=self.spread, lead=self.lead)
        check_between(0, 2**31, seed=self.seed)
        if self.room not in get_args(RoomName):
            raise InputError(f"room {self.room}", "is unknown", "use small, hall or none")
        self._check_parts()

    def _check_parts(self) -> None:
        if self.key is not None:
            parse_key(self.key)
        if self.parts is None:
            if self.key is not None:
                raise InputError("key", "is for parts", "give `parts`, as in SATB, or leave it out")
            return
        letters = self.parts.upper()
        if not letters or not set(letters) <= set(PARTS) or len(letters) > _MOST_PARTS:
            cure = f"write up to {_MOST_PARTS} letters of S, A, T and B, as in SATB"
            raise InputError(f"parts {self.parts}", "are unknown", cure)
        if len(letters) > self.voices:
            cure = f"use {len(letters)} or more, or fewer parts"
            raise InputError(f"voices {self.voices}", f"are fewer than parts {letters}", cure)

    @property
    def order(self) -> str | None:
        """Letters of the parts, highest first."""
        return None if self.parts is None else "".join(sorted(self.parts.upper(), key="SATB".index))


@dataclass(frozen=True, eq=False)
class _Made:
    """An ensemble that can be written, and what it was made by."""

    ensemble: Ensemble
    tune: Tune | None
    key: Key | None


def _make(source: Source, options: _Options) -> _Made:
    duration_s = source.n_samples / source.sample_rate
    if duration_s < _SHORTEST_S:
        cure = f"give {_SHORTEST_S:g} s or more of it"
        raise InputError(source.name, f"lasts {duration_s:.2f} s, too short for a voice", cure)
    recording = Recording(source)
    if recording.peak < SILENCE:
        raise InputError(source.name, "is silent", "choose a recording with sound")
    track = track_recording(recording)
    is_one_voice = _is_one_voice(recording, track)
    tune, key = None, None
    if is_one_voice:
        tune = read_tune(track)
        key = None if options.order is None else find_key(tune, options.key)
        singers = _singers(tune, key, options, source.name)
    else:
        _check_whole(recording, options)
        singers = [
            make_copy(duration_s, options.spread, [options.seed, i]) for i in range(options.voices)
        ]
    rng = np.random.default_rng([options.seed, options.voices])
    stood = places([singer.part for singer in singers], options.spread, options.room, rng)
    section = Section(tuple(singers), tuple(stood), options.room, is_one_voice)
    ensemble = Ensemble(recording, track, section, options.lead, options.tail_s, options.seed)
    return _Made(ensemble, tune, key)


def _singers(tune: Tune, key: Key | None, options: _Options, name: str) -> list[Singer]:
    """Singers of one voice, spread evenly over the parts."""
    order = options.order
    if order is None or key is None:
        targets, ratios = [tune.pitch], [1.0]
    else:
        lines = part_pitches(tune, order, key, name)
        targets = [part_target(tune, line) for line in lines]
        own = PARTS[natural_part(tune)].formant_ratio
        ratios = [
            float(np.clip(PARTS[letter].formant_ratio / own, *_FORMANT_LIMITS)) for letter in order
        ]
        # Who sings what was sung, and where, is the same singer.
        if np.abs(targets[0] - tune.pitch).max() < 0.5:
            ratios[0] = 1.0
    return [
        make_singer(
            tune,
            i % len(targets),
            targets[i % len(targets)],
            ratios[i % len(targets)],
            options.spread,
            [options.seed, i],
        )
        for i in range(options.voices)
    ]


def _is_one_voice(recording: Recording, track: PitchTrack) -> bool:
    """Whether most of what has a pitch repeats itself from one period to the next."""
    hop = round(FRAME_S * recording.sample_rate)
    levels = np.zeros(len(track.hz))
    step = 1000
    for first in range(0, len(levels), step):
        block = recording[first * hop : (first + step) * hop]
        n = len(block) // hop
        levels[first : first + n] = np.abs(block[: n * hop]).reshape(n, hop).max(axis=1)
    audible = levels > _AUDIBLE * recording.peak
    voiced = track.is_voiced & audible
    alike = voiced & (track.likeness > _ALIKE)
    return bool(
        voiced.sum() > _LEAST_VOICED * max(1, audible.sum())
        and alike.sum() > _ONE_VOICE_SHARE * voiced.sum()
    )


def _check_whole(recording: Recording, options: _Options) -> None:
    """Refuse what has no pitch, or parts of what is not one voice; else say what is done."""
    middle, half = recording.n_samples // 2, round(_JUDGED_S / 2 * recording.sample_rate)
    excerpt = recording[max(0, middle - half) : middle + half]
    rest = unpitched_part(excerpt, recording.sample_rate)
    share = 1 - float((rest**2).sum()) / max(float((excerpt**2).sum()), 1e-20)
    if share < _LEAST_PITCHED:
        raise InputError(
            recording.name, "has no pitch", "choose a recording of a voice or an instrument"
        )
    if options.parts is not None:
        raise InputError(
            recording.name,
            "has several notes at once, and parts are made of one voice",
            "leave out `parts`, or give a recording of one voice",
        )
    warn(
        f"{recording.name}: several notes sound at once, so the whole sound is doubled, a little "
        "faster and slower"
    )
