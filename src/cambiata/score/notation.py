"""Written music in files: MIDI, MusicXML and ABC, read and written."""

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cambiata.errors import CambiataWarning, InputError, MissingExtraError
from cambiata.files import (
    MIDI_INPUT_SUFFIXES,
    MIDI_SUFFIXES,
    MUSICXML_SUFFIXES,
    SCORE,
    atomic_file,
    check_output,
)
from cambiata.keywords import checked_keywords
from cambiata.score import midi
from cambiata.score.abc.reader import (
    PlayedTune,
    PlayedVoice,
    count_tunes,
    parse_abc,
    read_text,
)
from cambiata.score.midi import Clock, Metre, Note, Part, Score
from cambiata.score.sheet import GRID, Sheet, Tone, Voice

ABC_SUFFIXES = (".abc",)
SUFFIXES = (*MIDI_INPUT_SUFFIXES, *MUSICXML_SUFFIXES, *ABC_SUFFIXES)


def read(path: str | Path) -> Sheet:
    """Sheet of a MIDI, MusicXML or ABC file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. Repeats are written out; grace notes are left out.

    Returns
    -------
    Sheet
        Its voices that play something.

    Raises
    ------
    InputError
        It is missing, unreadable, of another kind, holds several tunes or no notes.
    MissingExtraError
        It is MusicXML, and music21 (extra ``notes``) is not installed.

    Examples
    --------
    >>> read("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    path = Path(path)
    if path.suffix.lower() in ABC_SUFFIXES and path.is_file():
        return sheet_of_tune(_read_tunes(path, at_most=1)[0], path)
    sheets = read_all(path)
    if len(sheets) > 1:
        raise _too_many(path, len(sheets))
    return sheets[0]


def _too_many(path: str | Path, n_tunes: int) -> InputError:
    return InputError(str(path), f"holds {n_tunes} tunes", "keep the one that is meant in a file")


def read_all(path: str | Path) -> list[Sheet]:
    """Sheets of a file; an ABC file may hold many tunes.

    Parameters
    ----------
    path : str or pathlib.Path
        As for `read`.

    Returns
    -------
    list of Sheet
        At least one. Tunes of a collection that cannot be read are left out.

    Raises
    ------
    InputError
        As for `read`, but for several tunes.
    MissingExtraError
        As for `read`.

    Examples
    --------
    >>> read_all("nowhere.abc")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.abc: no such file; check the path
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in MIDI_INPUT_SUFFIXES:
        score = midi.load(path, keys=True, beats=True)
        if len({metre for _, metre in score.clock.metres}) > 2:
            warnings.warn(f"{path}: changes its metre; read as if it did not", CambiataWarning, 2)
        sheets = [Sheet.of(score)]
        if not sheets[0].voices:
            raise InputError(str(path), "has only drums", "choose a score with pitches")
        return sheets
    if not path.is_file():
        raise InputError(str(path), "no such file", "check the path")
    if suffix not in SUFFIXES:
        suffixes = ", ".join(SUFFIXES)
        raise InputError(str(path), "is no kind of score that is known", f"give one of {suffixes}")
    if suffix in ABC_SUFFIXES:
        return [sheet_of_tune(tune, path) for tune in _read_tunes(path)]
    sheets = list(_parse_file(path))
    if not sheets:
        raise InputError(str(path), "has no notes", "choose a score that plays something")
    return sheets


@checked_keywords
def read_score(
    path: str | Path, *, keys: bool = False, drums: int | None = None, strict: bool = False
) -> Score:
    """Score of a MIDI, MusicXML or ABC file: its notes in seconds, as they are performed.

    Parameters
    ----------
    path : str or pathlib.Path
        The file. Notes that the sustain pedal of a MIDI file holds last until it is lifted or the
        pitch is struck again; a part is made for every track, channel and program that plays, or
        every voice. Repeats of MusicXML and ABC are written out.
    keys : bool
        Let notes of MIDI end with their keys, whatever the pedal does; `Part.pedal` says what it
        does.
    drums : int, optional
        Channel of MIDI whose pitches are drums, 1 to 16, or 0 for none; else the tenth.
    strict : bool
        Refuse MIDI that is damaged, instead of reading what can be read.

    Returns
    -------
    Score
        Its notes in seconds. Tempo changes of MIDI and ABC are followed.

    Raises
    ------
    InputError
        It is missing, unreadable, damaged, holds several tunes or no notes.
    MissingExtraError
        It is MusicXML, and music21 (extra ``notes``) is not installed.

    Examples
    --------
    >>> read_score("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in MUSICXML_SUFFIXES:
        return read(path).to_score()
    if suffix not in ABC_SUFFIXES:
        return midi.load(path, keys=keys, drums=drums, strict=strict)
    if not path.is_file():
        raise InputError(str(path), "no such file", "check the path")
    return _score_of_tune(_read_tunes(path, at_most=1)[0], path)


@checked_keywords
def write(sheet: Sheet, path: str | Path, *, force: bool = False) -> None:
    """Write a sheet as MIDI or MusicXML, by the path's extension.

    Parameters
    ----------
    sheet : Sheet
        Sheet to write.
    path : str or pathlib.Path
        File to write, .mid or .musicxml; it appears whole or not at all.
    force : bool
        Replace a file that exists.

    Raises
    ------
    InputError
        The extension is another, the file exists or its folder does not.
    MissingExtraError
        It is MusicXML, and music21 (extra ``notes``) is not installed.

    Examples
    --------
    >>> write(Sheet((Voice((Tone(Fraction(0), Fraction(4), 60),)),)), "out.pdf")
    Traceback (most recent call last):
    cambiata.errors.InputError: out.pdf: is no kind of score that is written; name it .mid or
    .musicxml
    """
    path = check_output(path, SCORE, force=force)
    if path.suffix.lower() in MIDI_SUFFIXES:
        midi.save(sheet.to_score(), path, force=force)
        return
    stream = _to_stream(sheet, _import_music21(path))
    with atomic_file(path) as unfinished:
        stream.write("mxl" if path.suffix.lower() == ".mxl" else "musicxml", fp=unfinished)


def _import_music21(path: object) -> Any:
    try:
        import music21
    except ImportError as error:
        raise MissingExtraError(str(path), "notes") from error
    return music21


def _read_tunes(path: Path, *, at_most: int | None = None) -> list[PlayedTune]:
    """Tunes of an ABC file, at least one; of a single one, what could not be followed is said."""
    text = read_text(path)
    tunes: list[PlayedTune] = []
    for tune in parse_abc(text, str(path)):
        tunes.append(tune)
        if at_most is not None and len(tunes) > at_most:
            # A book is refused before all of it is read.
            raise _too_many(path, max(count_tunes(text), len(tunes)))
    if not tunes:
        problem = "has no notes in ABC"
        raise InputError(str(path), problem, "give a tune with X: and K: fields and notes")
    if len(tunes) == 1 and (problems := tunes[0].problems):
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        warnings.warn(f"{path}: {problems[0]} is left out{more}", CambiataWarning, 4)
    return tunes


def _name_of_tune(tune: PlayedTune, path: str | Path) -> str:
    return f"{path} ({tune.title})" if tune.title else str(path)


def sheet_of_tune(tune: PlayedTune, path: str | Path) -> Sheet:
    """Sheet of an ABC tune; of one that changes its metre, this is said."""
    pitched = [voice for voice in tune.voices if voice.notes and not voice.is_drum]
    if not pitched:
        raise InputError(str(path), "has only drums", "choose a score with pitches")
    if len({metre for _, metre in tune.metres}) > 1:
        warnings.warn(f"{path}: changes its metre; read as if it did not", CambiataWarning, 4)
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
    )


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
        return Part(tuple(notes), voice.program, voice.is_drum, voice.name)

    parts = tuple(part(voice) for voice in tune.voices if voice.notes)
    return Score(parts, _name_of_tune(tune, path), clock)


def _parse_file(path: Path) -> Iterator[Sheet]:
    music21 = _import_music21(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = music21.converter.parse(path, forceSource=True)
            scores = parsed.scores if isinstance(parsed, music21.stream.Opus) else [parsed]
        except Exception as error:  # music21 has many
            raise InputError(str(path), "cannot be read as a score", "export it again") from error
        for score in scores:
            try:
                sheet = sheet_from_stream(score, str(path))
            except Exception as error:
                if len(scores) == 1:
                    raise InputError(
                        str(path), "cannot be read as a score", "export it again"
                    ) from error
                continue
            if sheet is not None:
                yield sheet


def sheet_from_stream(stream: Any, name: str) -> Sheet | None:
    """Sheet of a music21 stream.

    Parameters
    ----------
    stream : music21.stream.Stream
        A score or a part.
    name : str
        Name for messages.

    Returns
    -------
    Sheet or None
        Repeats written out; none where there are no notes.

    Examples
    --------
    >>> import music21  # doctest: +SKIP
    >>> stream = music21.converter.parse("tinyNotation: 3/4 c4 d e")  # doctest: +SKIP
    >>> str(sheet_from_stream(stream, "scale").metre)  # doctest: +SKIP
    '3/4'
    """
    music21 = _import_music21(name)
    parts = list(stream.parts) if hasattr(stream, "parts") else []
    voices: list[Voice] = []
    pickup = Fraction(0)
    for part in parts or [stream]:
        bars = list(part.getElementsByClass(music21.stream.Measure))
        if len(bars) > 1 and not voices:
            first = _to_fraction(bars[1].offset - bars[0].offset)
            pickup = first if first < _find_metre(part, music21).bar else Fraction(0)
        tones = _read_tones(bars or [part], music21)
        if tones:
            voices.append(Voice(tuple(sorted(tones)), str(part.partName or "")))
    if not voices:
        return None
    flat = (parts[0] if parts else stream).flatten()
    tempo_marks = list(flat.getElementsByClass(music21.tempo.MetronomeMark))
    qpm = next((mark.getQuarterBPM() for mark in tempo_marks if mark.getQuarterBPM()), 120.0)
    title = stream.metadata.title if stream.metadata is not None else None
    return Sheet(
        tuple(voices),
        _find_metre(flat, music21),
        _find_key(flat, music21),
        float(qpm),
        pickup,
        f"{name} ({title})" if title else name,
    )


def _to_fraction(quarters: Any) -> Fraction:
    """Quarter notes of music21, exact: a quarter of the grid's step is finer than any score's."""
    return Fraction(quarters).limit_denominator(GRID * 4)


def _read_tones(bars: Sequence[Any], music21: Any) -> list[Tone]:
    """Tones of bars, repeats written out, ties made one."""
    tones: list[Tone] = []
    last: dict[int, int] = {}  # where the last tone of each pitch is
    begin = Fraction(0)
    for number in _bar_order(bars, music21):
        bar = bars[number]
        for note in bar.flatten().notes:
            start, length = begin + _to_fraction(note.offset), _to_fraction(note.quarterLength)
            if length == 0 or isinstance(note, music21.harmony.Harmony):
                continue  # a grace note, or the name of a chord
            is_tied = note.tie is not None and note.tie.type in ("continue", "stop")
            for pitch in getattr(note, "pitches", ()):
                before = last.get(pitch.midi) if is_tied else None
                if before is not None and tones[before].end == start:
                    tones[before] = replace(tones[before], length=tones[before].length + length)
                else:
                    last[pitch.midi] = len(tones)
                    tones.append(Tone(start, length, pitch.midi, note.volume.velocity or 100))
        after = bars[number + 1].offset if number + 1 < len(bars) else None
        begin += _to_fraction(bar.quarterLength if after is None else after - bar.offset)
    return tones


def _bar_order(bars: Sequence[Any], music21: Any) -> list[int]:
    """Numbers of bars in the order they are played.

    Every repeat sign is gone back from once, to the last sign that opens, or the last that closes;
    first endings are left out the second time. music21 copies the music for each, and for each
    copy again: minutes for an old tune of ten parts.
    """
    repeat = music21.bar.Repeat
    first_endings = {
        id(bar)
        for bar in bars
        for bracket in bar.getSpannerSites(music21.spanner.RepeatBracket)
        if "1" in str(bracket.number)
    }
    order: list[int] = []
    start = 0
    for number, bar in enumerate(bars):
        opening, closing = getattr(bar, "leftBarline", None), getattr(bar, "rightBarline", None)
        if isinstance(opening, repeat) and opening.direction == "start":
            start = number
        order.append(number)
        if isinstance(closing, repeat) and closing.direction == "end":
            again = range(start, number + 1)
            order += [i for i in again if id(bars[i]) not in first_endings]
            start = number + 1
    return order


def _find_metre(stream: Any, music21: Any) -> Metre:
    """The metre that governs most of it; music21 writes short ones around repeats in ABC."""
    flat = stream.flatten()
    signatures = list(flat.getElementsByClass(music21.meter.TimeSignature))
    ends = [*(each.offset for each in signatures[1:]), flat.highestTime]
    lengths: defaultdict[Metre, float] = defaultdict(float)
    for each, end in zip(signatures, ends, strict=False):
        lengths[Metre(each.numerator, each.denominator)] += float(end - each.offset)
    return max(lengths, key=lambda metre: lengths[metre], default=Metre())


def _find_key(stream: Any, music21: Any) -> str:
    """The key signature as MIDI has it: its major key, or the minor one where the score says so."""
    signature = next(iter(stream.getElementsByClass(music21.key.KeySignature)), None)
    if signature is None or abs(signature.sharps) > 7:
        return ""
    is_minor = getattr(signature, "mode", "") == "minor"
    tonic = signature.asKey("minor" if is_minor else "major").tonic.name.replace("-", "b")
    return f"{tonic}m" if is_minor else str(tonic)


def _to_stream(sheet: Sheet, music21: Any) -> Any:
    score = music21.stream.Score()
    score.metadata = music21.metadata.Metadata(title=Path(sheet.name).stem)
    for voice in sheet.voices:
        part = music21.stream.Part()
        part.append(music21.meter.TimeSignature(str(sheet.metre)))
        if sheet.key:
            tonic = sheet.key.removesuffix("m").replace("b", "-")
            mode = "minor" if sheet.key.endswith("m") else "major"
            part.append(music21.key.Key(tonic, mode))
        part.insert(0, music21.tempo.MetronomeMark(number=sheet.qpm))
        for start, chord in _group_chords(voice.tones):
            pitches = [tone.pitch for tone in chord]
            note = (
                music21.note.Note(pitches[0]) if len(chord) == 1 else music21.chord.Chord(pitches)
            )
            note.quarterLength = chord[0].length
            note.volume.velocity = chord[0].velocity
            # A pickup lies at the end of a whole bar, which is cut to it afterwards.
            part.insert(start + (sheet.metre.bar - sheet.pickup) % sheet.metre.bar, note)
        part.makeRests(fillGaps=True, inPlace=True)
        part = part.makeMeasures()
        part.partName = voice.name or None  # which is lost on the way
        part.makeTies(inPlace=True)
        if sheet.pickup:
            first = part.getElementsByClass(music21.stream.Measure)[0]
            before = sheet.metre.bar - sheet.pickup
            for element in list(first.notesAndRests):
                if element.offset < before and element.isRest:
                    first.remove(element)
                else:
                    first.setElementOffset(element, element.offset - before)
            first.paddingLeft, first.number = before, 0
        score.insert(0, part)
    return score


def _group_chords(tones: Sequence[Tone]) -> Iterator[tuple[Fraction, list[Tone]]]:
    """Tones that begin and end together."""
    chords: dict[tuple[Fraction, Fraction], list[Tone]] = {}
    for tone in tones:
        chords.setdefault((tone.start, tone.length), []).append(tone)
    for (start, _), chord in sorted(chords.items()):
        yield start, chord
