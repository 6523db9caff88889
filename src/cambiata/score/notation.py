"""Written music in files: MIDI, MusicXML and ABC, read and written."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cambiata.errors import InputError, warn
from cambiata.files import (
    MIDI_INPUT_SUFFIXES,
    MIDI_SUFFIXES,
    MUSICXML_SUFFIXES,
    SCORE,
    check_output,
    is_midi,
    is_sound,
    write_bytes,
)
from cambiata.keywords import checked_keywords
from cambiata.score import midi
from cambiata.score.abc.reader import parse_abc, read_text, tune_numbers
from cambiata.score.midi import Clock, Metre, Note, Part, Score
from cambiata.score.musicxml.reader import read_musicxml
from cambiata.score.musicxml.writer import musicxml_of, packed
from cambiata.score.played import PlayedTune, PlayedVoice
from cambiata.score.sheet import Remark, Sheet, Tone, Voice

ABC_SUFFIXES = (".abc",)
_FEW = 12  # numbers of tunes that a message lists
SUFFIXES = (*MIDI_INPUT_SUFFIXES, *MUSICXML_SUFFIXES, *ABC_SUFFIXES)


def is_score(path: str | Path) -> bool:
    """Whether a file is a score, by its name, or by its first bytes where the name says nothing.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; a pipe is not looked into, since it is read once.

    Returns
    -------
    bool
        True for MIDI, MusicXML and ABC, whether or not they are intact.

    Examples
    --------
    >>> is_score("tune.abc"), is_score("tune.wav")
    (True, False)
    """
    if Path(path).suffix.lower() in SUFFIXES:
        return True
    with suppress(OSError, ValueError):
        if Path(path).is_file():
            with Path(path).open("rb") as file:
                return is_midi(file.read(12))
    return False


@checked_keywords
def read(path: str | Path, *, strict: bool = False, tune_number: int | None = None) -> Sheet:
    """Sheet of a MIDI, MusicXML or ABC file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. Repeats are written out; grace notes are left out.
    strict : bool
        Refuse MIDI that is damaged, instead of reading what can be read.
    tune_number : int, optional
        X: number of the tune that is meant, where an ABC file holds several.

    Returns
    -------
    Sheet
        Its voices that play something.

    Raises
    ------
    InputError
        It is missing, unreadable, of another kind, holds several tunes or no notes.

    Examples
    --------
    >>> read("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    path = Path(path)
    if path.suffix.lower() in ABC_SUFFIXES:
        return _sheet_of_tune(_read_tune(path, tune_number), path)
    _refuse_number(path, tune_number)
    return read_all(path, strict=strict)[0]


def _too_many(path: str | Path, numbers: Sequence[int]) -> InputError:
    cure = f"choose one with `tune_number=N`, its X: number ({_list_numbers(numbers)})"
    return InputError(str(path), f"holds {len(numbers)} tunes", cure)


def _list_numbers(numbers: Sequence[int]) -> str:
    """Numbers in words: "1 to 340", or the first ones."""
    known = sorted(set(numbers))
    if len(known) > 1 and known[-1] - known[0] == len(known) - 1:
        return f"{known[0]} to {known[-1]}"
    return ", ".join(map(str, known[:_FEW])) + (", ..." if len(known) > _FEW else "")


def _refuse_missing(path: Path) -> None:
    if path.is_dir():
        raise InputError(str(path), "is a folder", "name a score in it")
    if not path.exists():
        raise InputError(str(path), "no such file", "check the path")


def _refuse_number(path: str | Path, tune_number: int | None) -> None:
    if tune_number is not None:
        problem = "is not an ABC file, which alone holds several tunes"
        raise InputError(str(path), problem, "leave out `tune_number`")


@checked_keywords
def read_all(path: str | Path, *, strict: bool = False) -> list[Sheet]:
    """Sheets of a file; an ABC file may hold many tunes.

    Parameters
    ----------
    path : str or pathlib.Path
        As for `read`.
    strict : bool
        Likewise.

    Returns
    -------
    list of Sheet
        At least one. Tunes of a collection that cannot be read are left out.

    Raises
    ------
    InputError
        As for `read`, but for several tunes.

    Examples
    --------
    >>> read_all("nowhere.abc")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.abc: no such file; check the path
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in MIDI_INPUT_SUFFIXES:
        score = midi.load(path, keys=True, strict=strict, beats=True)
        sheets = [Sheet.of(score)]
        # A pickup is a shorter bar with a metre of its own.
        _warn_of_metres(path, {m for at, m in score.clock.metres if at >= sheets[0].pickup})
        if not sheets[0].voices:
            raise InputError(str(path), "has only drums", "choose a score with pitches")
        return sheets
    _refuse_missing(path)
    if suffix not in SUFFIXES:
        if path.is_file():  # not a pipe, which is read once
            with path.open("rb") as file:
                if is_sound(file.read(12)):
                    raise midi.recording_given(path)
        suffixes = ", ".join(SUFFIXES)
        raise InputError(str(path), "is not a known kind of score", f"give one of {suffixes}")
    if suffix in ABC_SUFFIXES:
        return [_sheet_of_tune(tune, path) for tune in _read_tunes(path)]
    return [_sheet_of_tune(_read_tune(path), path)]


@checked_keywords
def read_score(
    path: str | Path,
    *,
    keys: bool = False,
    drums: int | None = None,
    strict: bool = False,
    tune_number: int | None = None,
) -> Score:
    """Score of a MIDI, MusicXML or ABC file: its notes in seconds, as they are performed.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. Notes that the sustain pedal holds last until it is lifted or the pitch is struck
        again; a part is made for every track, channel and program of MIDI that plays, or every
        voice. Repeats of MusicXML and ABC are written out.
    keys : bool
        Let notes end with their keys, whatever the pedal does; `Part.pedal` says what it
        does.
    drums : int, optional
        Channel of MIDI whose pitches are drums, 1 to 16, or 0 for none; else the tenth.
    strict : bool
        Refuse MIDI that is damaged, instead of reading what can be read.
    tune_number : int, optional
        X: number of the tune that is meant, where an ABC file holds several.

    Returns
    -------
    Score
        Its notes in seconds. Tempo changes are followed.

    Raises
    ------
    InputError
        It is missing, unreadable, damaged, holds several tunes or no notes.

    Examples
    --------
    >>> read_score("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in ABC_SUFFIXES:
        _refuse_number(path, tune_number)
    if suffix not in (*ABC_SUFFIXES, *MUSICXML_SUFFIXES):
        return midi.load(path, keys=keys, drums=drums, strict=strict)
    score = _score_of_tune(_read_tune(path, tune_number), path)
    if keys:
        return score
    return replace(score, parts=tuple(part.with_pedal() for part in score.parts))


def parse_tune(text: str, name: str) -> Sheet | None:
    r"""Sheet of the first tune in a text of ABC.

    Parameters
    ----------
    text : str
        ABC with X: and K: fields.
    name : str
        Name for messages.

    Returns
    -------
    Sheet or None
        None where nothing is played.

    Raises
    ------
    InputError
        It repeats without end, or has only drums.

    Examples
    --------
    >>> parse_tune("X:1\nK:D\nDF|", "tune").voices[0].tones[1].pitch
    66
    """
    tune = next(parse_abc(text, name), None)
    return None if tune is None else _sheet_of_tune(tune, name)


@checked_keywords
def write(
    sheet: Sheet, path: str | Path, *, remarks: Sequence[Remark] = (), force: bool = False
) -> None:
    """Write a sheet as MIDI or MusicXML, by the path's extension.

    Parameters
    ----------
    sheet : Sheet
        Sheet to write.
    path : str or pathlib.Path
        File to write, .mid, .musicxml or .mxl; it appears whole or not at all.
    remarks : sequence of Remark
        Words to write into it, in red; MusicXML only.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The extension is another, the file exists or its folder does not.

    Examples
    --------
    >>> write(Sheet(()), "out.pdf")
    Traceback (most recent call last):
    cambiata.errors.InputError: out.pdf: is not a score format that is written; name it .mid or
    .musicxml
    """
    path = check_output(path, SCORE, force=force)
    if path.suffix.lower() in MIDI_SUFFIXES:
        midi.save(sheet.to_score(), path, force=force)
        return
    score = musicxml_of(sheet, remarks)
    data = packed(score) if path.suffix.lower() == ".mxl" else score
    write_bytes(path, data, force=force)


def _no_tunes(path: Path) -> InputError:
    return InputError(str(path), "has no notes", "choose a score that plays something")


def _read_tune(path: Path, tune_number: int | None = None) -> PlayedTune:
    """The only tune of an ABC or MusicXML file; what could not be followed of it is said."""
    _refuse_missing(path)
    suffix = path.suffix.lower()
    if suffix in MUSICXML_SUFFIXES:
        tune = read_musicxml(path)
        if not any(voice.notes for voice in tune.voices):
            raise _no_tunes(path)
        return tune
    return _read_tunes(path, at_most=1, number=tune_number)[0]


def _read_tunes(
    path: Path, *, at_most: int | None = None, number: int | None = None
) -> list[PlayedTune]:
    """Tunes of an ABC file, at least one; of a single one, what could not be followed is said."""
    text = read_text(path)
    tunes: list[PlayedTune] = []
    for tune in parse_abc(text, str(path), number):
        tunes.append(tune)
        if number is not None:
            break  # of two with one number, the first
        if at_most is not None and len(tunes) > at_most:
            # A book is refused before all of it is read.
            raise _too_many(path, tune_numbers(text))
    if not tunes and number is not None and (numbers := tune_numbers(text)):
        problem, cure = f"has no tune {number}", f"choose one of {_list_numbers(numbers)}"
        raise InputError(str(path), problem, cure)
    if not tunes:
        problem = "has no notes in ABC"
        raise InputError(str(path), problem, "give a tune with X: and K: fields and notes")
    if len(tunes) == 1 and (problems := tunes[0].problems):
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        warn(f"{path}: {problems[0]} is left out{more}")
    return tunes


def _name_of_tune(tune: PlayedTune, path: str | Path) -> str:
    return f"{path} ({tune.title})" if tune.title else str(path)


def _sheet_of_tune(tune: PlayedTune, path: str | Path) -> Sheet:
    """Sheet of a tune; of one that changes its metre, this is said."""
    pitched = [voice for voice in tune.voices if voice.notes and not voice.is_drum]
    if not pitched:
        raise InputError(str(path), "has only drums", "choose a score with pitches")
    _warn_of_metres(path, {metre for _, metre in tune.metres})
    voices = (
        Voice(
            tuple(Tone(each.start, each.length, each.pitch, each.velocity) for each in voice.notes),
            voice.name,
            voice.program,
        )
        for voice in pitched
    )
    return Sheet(
        tuple(voices),
        tune.main_metre,
        tune.key,
        tune.tempos[0][1],
        tune.pickup,
        _name_of_tune(tune, path),
        tune.tempos[1:],
        tune.title,
        tune.composer,
        tune.form,
    )


def _warn_of_metres(path: str | Path, metres: Collection[Metre]) -> None:
    if len(metres) > 1:
        warn(f"{path}: changes its metre; read as if it did not")


def _score_of_tune(tune: PlayedTune, path: Path) -> Score:
    tempos = tuple((float(start), qpm) for start, qpm in tune.tempos)
    metres = [(float(start), metre) for start, metre in tune.metres]
    if tune.pickup:
        short = tune.pickup / 4
        begin = float(tune.pickup)
        later = [each for each in metres[1:] if each[0] > begin]
        governs = next((m for start, m in reversed(metres) if start <= begin), metres[0][1])
        metres = [(0.0, Metre(short.numerator, short.denominator)), (begin, governs), *later]
    clock = Clock(tempos, tuple(metres), tune.key)

    def part(voice: PlayedVoice) -> Part:
        notes = (
            Note(
                clock.seconds(float(each.start)),
                clock.seconds(float(each.start + each.length)),
                each.pitch,
                each.velocity,
            )
            for each in voice.notes
        )
        pedal = tuple(
            (clock.seconds(float(down)), clock.seconds(float(up))) for down, up in voice.pedal
        )
        return Part(tuple(notes), voice.program, voice.is_drum, voice.name, pedal)

    parts = tuple(part(voice) for voice in tune.voices if voice.notes)
    return Score(parts, _name_of_tune(tune, path), clock)
