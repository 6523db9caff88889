"""Tunes of ABC files as they are played: notes in quarter notes, repeats written out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from cambiata.errors import InputError
from cambiata.inputs import read_input
from cambiata.score.abc import fields
from cambiata.score.abc.music import MAX_NOTES, VoiceReader
from cambiata.score.abc.text import (
    MAX_BYTES,
    Line,
    Macros,
    clean_title,
    decode,
    head_length,
    split_tunes,
)
from cambiata.score.played import QPM, PlayedTune, WrittenVoice, play_voices
from cambiata.score.repeats import TooManyRepeatsError

_MOST_VOICES = 64


def read_text(path: Path) -> str:
    """Text of an ABC file."""
    return decode(read_input(path, "ABC", most_bytes=MAX_BYTES, too_large="split it"))


def tune_numbers(text: str) -> list[int]:
    """X: numbers of the tunes that have music, not played to see whether they have notes."""
    return [
        _number(lines)
        for lines in split_tunes(text)
        if any(not line.letter and line.text for line in lines)
    ]


def _number(lines: Sequence[Line]) -> int:
    found = next((re.match(r"\d{1,9}", line.text) for line in lines if line.letter == "X"), None)
    return int(found[0]) if found else 0


def parse_abc(text: str, name: str, number: int | None = None) -> Iterator[PlayedTune]:
    """Tunes of a text that play something, one after the other; or those of an X: number."""
    for lines in split_tunes(text):
        if number is not None and _number(lines) != number:
            continue
        try:
            tune = _Tune(lines).played()
        except TooManyRepeatsError:
            problem = "repeats so often that it would never end"
            raise InputError(name, problem, "check its repeat signs and P: field") from None
        except ValueError as error:
            raise InputError(name, str(error), "split it, or check its lengths") from None
        if any(voice.notes for voice in tune.voices):
            yield tune


@dataclass
class _Tune:
    """A tune while it is read."""

    lines: Sequence[Line]
    title: str = ""
    composer: str = ""
    parts: str = ""
    tempo: str = ""
    unit: Fraction | None = None
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.voices: dict[str, VoiceReader] = {}
        self.macros = Macros()
        self.user_signs: dict[str, str] = {}
        self.model = VoiceReader(user_signs=self.user_signs)  # what the head says of every voice
        n_head = head_length(self.lines)
        for line in self.lines[:n_head]:
            self._read_head(line)
        self.model.unit = self.unit or fields.default_unit(self.model.metre)
        for voice in self.voices.values():
            voice.unit = self.model.unit
        self.current = next(iter(self.voices.values()), None)
        for line in self.lines[n_head:]:
            self._read_body(line)

    # Fields -------------------------------------------------------------------------------------

    def _read_head(self, line: Line) -> None:
        if line.letter == "T":
            self.title = self.title or clean_title(line.text)
        elif line.letter == "C":
            self.composer = self.composer or clean_title(line.text)
        elif line.letter == "P":
            self.parts = line.text
        elif line.letter == "Q":
            self.tempo = line.text
        elif line.letter == "L":
            self.unit = fields.parse_unit(line.text) or self.unit
        elif line.letter == "V":
            self._voice(line.text)
        else:
            for voice in [self.model, *self.voices.values()]:
                self._read_field(voice, line.letter, line.text)

    def _read_body(self, line: Line) -> None:
        if not line.letter:
            text = self.macros.written_out(line.text)
            if text is None:
                raise ValueError(f"line {line.number} is too long with its macros written out")
            before = len(self.problems)
            self.current = (self.current or self._voice("1")).read(text, self._on_field)
            for i in range(before, len(self.problems)):
                self.problems[i] = f"line {line.number}: {self.problems[i]}"
            if sum(voice.n_notes for voice in self.voices.values()) > MAX_NOTES:
                raise ValueError(f"has more than {MAX_NOTES} notes")
        else:
            self._on_field(line.letter, line.text)

    def _on_field(self, letter: str, text: str) -> VoiceReader:
        """Obey a field in the music; the voice that is read from there on."""
        if letter == "V":
            if self.current is not None:
                self.current.end_line()
            self.current = self._voice(text)
            return self.current
        voice = self.current = self.current or self._voice("1")
        if letter == "P" and text:
            voice.begin_part(text.strip('"')[0])
        elif letter == "Q":
            if qpm := fields.parse_tempo(text, voice.unit):
                voice.set_tempo(qpm)
        elif letter == "L":
            voice.unit = fields.parse_unit(text) or voice.unit
        else:
            self._read_field(voice, letter, text)
        return voice

    def _read_field(self, voice: VoiceReader, letter: str, text: str) -> None:
        """Obey a field that means the same in the head and in the music."""
        if letter == "K":
            voice.key = fields.parse_key(text, voice.key)
            voice.sounding = fields.parse_sounding(text, voice.sounding)
        elif letter == "M":
            voice.set_metre(fields.parse_metre(text))
        elif letter == "m":
            self.macros.add(text)
        elif letter == "U":
            if sign := re.match(r"([~H-Wh-w])\s*=\s*[!+\"]?([^!+\"]*)", text):
                self.user_signs[sign[1]] = sign[2].strip()
        elif letter == "I":
            self._read_directive(voice, text)

    def _read_directive(self, voice: VoiceReader, text: str) -> None:
        words = re.split(r"[\s=]+", text.strip())
        numbers = [int(word) for word in words[1:] if re.fullmatch(r"[+-]?\d{1,3}", word)]
        if words[0] == "propagate-accidentals" and len(words) > 1:
            voice.propagates = words[1]
        elif words[0] == "MIDI" and len(words) > 2 and numbers:
            if words[1] == "transpose":
                voice.sounding = replace(voice.sounding, midi_transpose=numbers[0])
            elif words[1] == "program" and 0 <= numbers[-1] <= 127:
                voice.program = numbers[-1]
            elif words[1] == "channel":
                voice.sounding = replace(voice.sounding, is_drum=numbers[0] == 10)

    def _voice(self, text: str) -> VoiceReader:
        """Voice that a V field names, made where it is new."""
        name, _, properties = text.strip().partition(" ")
        if name not in self.voices:
            if len(self.voices) >= _MOST_VOICES:
                raise ValueError(f"has more than {_MOST_VOICES} voices")
            model = self.model
            self.voices[name] = VoiceReader(
                key=model.key,
                unit=model.unit,
                metre=model.metre,
                sounding=model.sounding,
                program=model.program,
                propagates=model.propagates,
                user_signs=self.user_signs,
                problems=self.problems,
            )
        voice = self.voices[name]
        if properties:
            voice.sounding = fields.parse_sounding(properties, voice.sounding)
            if title := re.search(r"(?:name|nm)\s*=\s*(?:\"([^\"]*)\"|(\S+))", properties):
                voice.name = clean_title(title[1] or title[2] or "")
        return voice

    # Playing ------------------------------------------------------------------------------------

    def played(self) -> PlayedTune:
        """The tune with its repeats written out."""
        for reader in self.voices.values():
            reader.finish()
        voices = [
            WrittenVoice(each.bars, each.name, each.program, each.is_drum, each.first_key)
            for each in self.voices.values()
            if each.bars
        ]
        qpm = fields.parse_tempo(self.tempo, self.model.unit) or QPM
        return play_voices(
            voices,
            parts=self.parts,
            qpm=qpm,
            title=self.title,
            composer=self.composer,
            problems=self.problems,
        )
