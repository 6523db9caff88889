"""Transpose and stretch: a recording at another pitch, or at another speed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.errors import SOUND, InputError, check_numbers, check_type
from cambiata.keywords import checked_keywords
from cambiata.page.sound_output import SoundOutput, Written, in_memory
from cambiata.score.keys import Key, parse_key
from cambiata.transposition.keys import find_move
from cambiata.transposition.rendering import Moved

Formant = Literal["keep", "follow"]

_NUMBER = "a number"
# Two octaves, and four times as slow or as fast: beyond, nothing sounds like what it was.
_MOST_SEMITONES = 24
_LEAST_FACTOR, _MOST_FACTOR = 0.25, 4.0


@dataclass(frozen=True)
class TransposeReport:
    """Report of `transpose_file`.

    Parameters
    ----------
    output : str
        The file written.
    duration_s : float
        Its length in seconds: the recording's.
    n_channels : int
        Its channels.
    semitones : float
        By how many semitones it was moved.
    from_key : str or None
        Key that the recording was found to be in, or that was given; where a key was asked for.
    to_key : str or None
        Key that it is in now, likewise.
    formant : {"keep", "follow"}
        Whether the spectral envelope stayed.
    picture : str or None
        The picture written, if any.
    elapsed_s : float
        Seconds that it took.

    Examples
    --------
    >>> TransposeReport("out.wav", 10.0, 2, 3.0, elapsed_s=0.5).real_time_factor
    0.05
    """

    output: str
    duration_s: float
    n_channels: int
    semitones: float
    from_key: str | None = None
    to_key: str | None = None
    formant: Formant = "keep"
    picture: str | None = None
    elapsed_s: float = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds that a second of sound took."""
        return self.elapsed_s / self.duration_s


@dataclass(frozen=True)
class StretchReport:
    """Report of `stretch_file`.

    Parameters
    ----------
    output : str
        The file written.
    duration_s : float
        Its length in seconds.
    n_channels : int
        Its channels.
    factor : float
        Its length over that of the recording.
    picture : str or None
        The picture written, if any.
    elapsed_s : float
        Seconds that it took.

    Examples
    --------
    >>> StretchReport("out.wav", 10.0, 2, 1.25, elapsed_s=0.5).real_time_factor
    0.05
    """

    output: str
    duration_s: float
    n_channels: int
    factor: float
    picture: str | None = None
    elapsed_s: float = 0.0

    @property
    def real_time_factor(self) -> float:
        """Seconds that a second of the output took."""
        return self.elapsed_s / self.duration_s


@dataclass(frozen=True)
class _Way:
    """How far a sound is moved, as it was asked for; refused before any work."""

    semitones: float | None
    key: str | None
    from_key: str | None
    formant: Formant

    def __post_init__(self) -> None:
        check_numbers(_NUMBER, semitones=self.semitones)
        if (self.semitones is None) == (self.key is None):
            problem = "are not given, nor a key" if self.key is None else "are given, and a key"
            raise InputError("semitones", problem, "give one of them")
        if self.key is not None:
            parse_key(self.key)
        if self.from_key is not None:
            parse_key(self.from_key)
            if self.key is None:
                cure = "leave it out, or give the key to move to instead of semitones"
                raise InputError("from_key", "says where a move to a key begins", cure)
        if self.semitones is not None and not abs(self.semitones) <= _MOST_SEMITONES:
            cure = f"use -{_MOST_SEMITONES} to {_MOST_SEMITONES}"
            raise InputError(f"semitones {self.semitones:g}", "is out of range", cure)
        if self.formant not in get_args(Formant):
            raise InputError(f"formant {self.formant}", "is unknown", "use keep or follow")

    def moved(self, source: Source) -> tuple[Moved, float, Key | None]:
        """The sound moved, by how many semitones, and its key where it matters."""
        if self.key is None:
            assert self.semitones is not None
            semitones, found = float(self.semitones), None
        else:
            # The sound is refused where it is silent or too short before anything is heard in it.
            Moved(source, 1.0, source.n_samples, keeps_envelope=False)
            semitones, found = find_move(source, self.key, self.from_key)
        keeps = self.formant == "keep"
        ratio = 2 ** (semitones / 12)
        return Moved(source, ratio, source.n_samples, keeps_envelope=keeps), semitones, found


@checked_keywords
def transpose(
    sound: Audio,
    *,
    semitones: float | None = None,
    key: str | None = None,
    from_key: str | None = None,
    formant: Formant = "keep",
) -> Audio:
    """A sound at another pitch, as long as it was.

    A phase vocoder with phases locked to partials (Laroche & Dolson 1999), transients left whole
    (Roebel 2003), all channels in step, and resampling. The envelope is the true envelope (Roebel
    & Rodet 2005) of each moment.

    Parameters
    ----------
    sound : Audio
        Any recording, of any number of voices.
    semitones : float
        How far up, -24 to 24; fractions are for tuning.
    key : str
        Key to move to, instead: "D", "Bb", "F#m". The nearest way is taken, up to 6 semitones.
    from_key : str, optional
        Key that the sound is in; that of its notes, as `transcribe` hears them, where not given.
    formant : {"keep", "follow"}
        Whether the spectral envelope stays where it is, as voices and bodies of instruments do, or
        moves along, as on a tape that runs faster.

    Returns
    -------
    Audio
        Of the sound's rate, channels and length.

    Raises
    ------
    InputError
        The sound is silent or shorter than 0.1 s, no note is heard whose key could be moved, both
        or neither of `semitones` and `key` are given, or one is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    >>> higher = transpose(Audio(0.5 * tone, 44100), semitones=12)
    >>> higher.n_samples, int(np.abs(np.fft.rfft(higher.samples[0])).argmax())
    (44100, 880)
    """
    check_type("sound", sound, Audio, SOUND)
    moved, _, _ = _Way(semitones, key, from_key, formant).moved(sound)
    return in_memory(moved)


@checked_keywords
def transpose_file(
    recording: str | Path,
    output: str | Path,
    *,
    semitones: float | None = None,
    key: str | None = None,
    from_key: str | None = None,
    formant: Formant = "keep",
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> TransposeReport:
    """Like `transpose`, from file to file; any length in bounded memory.

    Parameters
    ----------
    recording : str or pathlib.Path
        The sound; "-" is standard input.
    output : str or pathlib.Path
        Sound file to write; "-" is standard output.
    semitones : float
        See `transpose`.
    key : str
        Likewise.
    from_key : str, optional
        Likewise.
    formant : {"keep", "follow"}
        Likewise.
    sample_rate : int, optional
        Samples per second of the output; else the recording's.
    n_channels : int, optional
        Channels of the output; likewise.
    subtype : str, optional
        Storage of its samples.
    picture : str or pathlib.Path, optional
        Draw spectrograms of before and after there, .svg or .png.
    strict : bool
        Refuse a file that is damaged.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    TransposeReport
        The output, how far it was moved, and between which keys.

    Raises
    ------
    InputError
        A file cannot be used, or as `transpose` says; nothing has been written then.

    Examples
    --------
    >>> transpose_file("nowhere.wav", "out.wav", semitones=2)
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    way = _Way(semitones, key, from_key, formant)
    inputs = {"the recording": recording}
    writer = SoundOutput(output, inputs, picture, sample_rate, n_channels, subtype, force)
    source = AudioFile(recording, strict=strict)
    moved, by, found = way.moved(source)
    written = writer.write(moved, source)
    return TransposeReport(
        *_facts(writer, written),
        semitones=by,
        from_key=None if found is None else str(found),
        to_key=None if found is None or key is None else str(_with_mode(parse_key(key), found)),
        formant=formant,
        picture=written.picture,
        elapsed_s=written.elapsed_s,
    )


def _with_mode(wanted: Key, found: Key) -> Key:
    """A key with the mode that the music has, where none was asked for."""
    return wanted if wanted.is_minor is not None else Key(wanted.tonic, found.is_minor)


def _facts(writer: SoundOutput, written: Written) -> tuple[str, float, int]:
    return str(writer.output), written.duration_s, written.sound.n_channels


@dataclass(frozen=True)
class _Length:
    """How long a sound is to be, as it was asked for; refused before any work."""

    factor: float | None
    duration_s: float | None
    tempo: tuple[float, float] | None

    def __post_init__(self) -> None:
        check_numbers(_NUMBER, factor=self.factor, duration_s=self.duration_s)
        given = [each for each in (self.factor, self.duration_s, self.tempo) if each is not None]
        if len(given) != 1:
            problem = "is not given, nor a duration or tempos" if not given else "is not alone"
            raise InputError("factor", problem, "give one of factor, duration and tempo")
        if self.tempo is not None:
            if len(self.tempo) != 2:
                raise InputError(
                    "tempo", f"has {len(self.tempo)} numbers", "give two, as in 120=90"
                )
            check_numbers(_NUMBER, tempo=self.tempo[0])
            check_numbers(_NUMBER, tempo=self.tempo[1])
            for each in self.tempo:
                if not 1 <= each <= 1000:
                    raise InputError(f"tempo {each:g}", "is out of range", "use 1 to 1000")

    def stretched(self, source: Source) -> Moved:
        """The sound, as long as it is to be."""
        if self.duration_s is not None:
            n_samples = round(self.duration_s * source.sample_rate)
        else:
            factor = self.factor if self.tempo is None else self.tempo[0] / self.tempo[1]
            assert factor is not None
            n_samples = round(factor * source.n_samples)
        factor = n_samples / source.n_samples
        # A sample more or less is a matter of rounding.
        slack = 1 / source.n_samples
        if not _LEAST_FACTOR - slack <= factor <= _MOST_FACTOR + slack:
            cure = f"use {_LEAST_FACTOR:g} to {_MOST_FACTOR:g} times its length"
            raise InputError(f"factor {factor:.4g}", "is out of range", cure)
        return Moved(source, 1.0, n_samples, keeps_envelope=False)


@checked_keywords
def stretch(
    sound: Audio,
    *,
    factor: float | None = None,
    duration_s: float | None = None,
    tempo: tuple[float, float] | None = None,
) -> Audio:
    """A sound that is longer or shorter, at the pitch that it had.

    As `transpose` does it, without resampling: transients are as fast as they were, and lie where
    the new speed has them; between them, time goes evenly.

    Parameters
    ----------
    sound : Audio
        Any recording.
    factor : float
        Its new length over its length, 0.25 to 4: 2 is half as fast.
    duration_s : float
        Its new length in seconds, instead.
    tempo : tuple of float
        Its tempo and the one that it is to have, instead: (120, 90) makes 4/3 of its length.

    Returns
    -------
    Audio
        Of the sound's rate and channels.

    Raises
    ------
    InputError
        The sound is silent or shorter than 0.1 s; not one of the three is given, or it is out of
        range.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    >>> stretch(Audio(0.5 * tone, 44100), factor=1.5).duration_s
    1.5
    """
    check_type("sound", sound, Audio, SOUND)
    return in_memory(_Length(factor, duration_s, tempo).stretched(sound))


@checked_keywords
def stretch_file(
    recording: str | Path,
    output: str | Path,
    *,
    factor: float | None = None,
    duration_s: float | None = None,
    tempo: tuple[float, float] | None = None,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> StretchReport:
    """Like `stretch`, from file to file; any length in bounded memory.

    Parameters
    ----------
    recording : str or pathlib.Path
        The sound; "-" is standard input.
    output : str or pathlib.Path
        Sound file to write; "-" is standard output.
    factor : float
        See `stretch`.
    duration_s : float
        Likewise.
    tempo : tuple of float
        Likewise.
    sample_rate : int, optional
        Samples per second of the output; else the recording's.
    n_channels : int, optional
        Channels of the output; likewise.
    subtype : str, optional
        Storage of its samples.
    picture : str or pathlib.Path, optional
        Draw spectrograms of before and after there, .svg or .png.
    strict : bool
        Refuse a file that is damaged.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    StretchReport
        The output and its length.

    Raises
    ------
    InputError
        A file cannot be used, or as `stretch` says; nothing has been written then.

    Examples
    --------
    >>> stretch_file("nowhere.wav", "out.wav", factor=2)
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    length = _Length(factor, duration_s, tempo)
    inputs = {"the recording": recording}
    writer = SoundOutput(output, inputs, picture, sample_rate, n_channels, subtype, force)
    source = AudioFile(recording, strict=strict)
    made = length.stretched(source)
    written = writer.write(made, source)
    return StretchReport(
        *_facts(writer, written),
        factor=made.n_samples / source.n_samples,
        picture=written.picture,
        elapsed_s=written.elapsed_s,
    )
