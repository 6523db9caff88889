"""Music code of ABC: the bars of a voice, with their notes and signs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from cambiata.score.abc.fields import ALTERATIONS, Key, Sounding
from cambiata.score.midi import Metre
from cambiata.score.played import DYNAMICS, Bar, WrittenNote
from cambiata.score.spelling import STEPS

MAX_NOTES = 100_000  # of a tune as it is written: the Ring's longest act has fewer
_ONE = Fraction(1)
_LONGEST = 4096  # quarter notes of one note or rest; longer ones are slips
_FINEST = 2**12  # denominator of a length in quarter notes
_MOST_RESTS = 1000  # bars of one Z
# Notes in the time of how many, where a tuplet does not say; 0: two, or three in compound metres.
_TUPLETS = {2: 3, 3: 2, 4: 3, 5: 0, 6: 2, 7: 0, 8: 3, 9: 0}
_LENGTH = r"\d{0,6}/*\d{0,6}"
_ACCIDENTAL, _LETTER = r"(?:\^\^|\^|__|_|=)(?:\d{0,2}/\d{0,2})?", r"[A-Ga-g][,']*"
_NOTE = re.compile(rf"(\^\^|\^|__|_|=)?(\d{{0,2}}/\d{{0,2}})?([A-Ga-g])([,']*)({_LENGTH})(\s*-)?")
_WRITTEN = rf"(?:{_ACCIDENTAL})?{_LETTER}{_LENGTH}"
# The outer group of each alternative closes last, and so names what was found.
_TOKEN = re.compile(
    rf"""
      (?P<text>"[^"]*"?)
    | (?P<sign>!(?:D\.[CS]\.[^!|]{{0,12}}|[^!\s|\[\]"]{{1,30}})!)
    | (?P<oldchord>\+(?!f{{1,4}}\+)(?:{_WRITTEN}){{1,20}}\+{_LENGTH})
    | (?P<oldsign>\+[^+\s|]{{1,30}}\+)
    | (?P<grace>\{{[^}}]*\}})
    | (?P<field>\[(?P<name>[A-Za-z]):(?P<value>[^\]]*)\])
    | (?P<bar>(?P<line>\.?(?:[:|]|\[(?=\|)|(?<=[|:])\])+)(?:\s*\[?"?(?P<ending>\d[\d,.-]*)"?)?)
    | (?P<bracket>\[\s*"?(?P<turns>\d[\d,.-]*)"?)
    | (?P<chord>\[(?P<notes>[^\]|]*)\](?P<chordlength>{_LENGTH}))
    | (?P<note>{_WRITTEN})
    | (?P<rest>(?P<kind>[zxZX])(?P<restlength>{_LENGTH}))
    | (?P<spacer>y[\d/]*)
    | (?P<tuplet>\((?P<many>\d{{1,2}})(?::(?P<time>\d{{0,2}}))?(?::(?P<count>\d{{0,2}}))?)
    | (?P<broken>>+|<+)
    | (?P<tie>-)
    | (?P<overlay>\(?&+\)?)
    | (?P<letter>[~.H-Wh-w])
    | (?P<ignored>[\s()\\`*;?@$#!])
    | (?P<unknown>.)
    """,
    re.VERBOSE,
)


@dataclass(slots=True)
class _Group:
    """A note, chord or rest: what ties and dotted rhythms change."""

    bar: Bar
    notes: list[WrittenNote]
    names: list[tuple[str, int, int]]  # letter, octave and alteration of each
    at: Fraction
    length: Fraction


@dataclass
class VoiceReader:
    """One voice while it is read."""

    name: str = ""
    key: Key = field(default_factory=Key)
    unit: Fraction = Fraction(1, 2)
    metre: Metre | None = None
    sounding: Sounding = field(default_factory=Sounding)
    program: int = 0
    propagates: str = "pitch"  # accidentals, to "octave", "pitch" (all octaves) or "not"
    user_signs: Mapping[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    n_notes: int = 0
    is_drum: bool = False
    first_key: str = ""  # signature, as it sounds, where its first note is

    def __post_init__(self) -> None:
        self.velocity = 100
        self.bars = [Bar(self.metre)]
        self._index = 0  # of the bar being written; not the last one in an overlay
        self._at = Fraction(0)
        self._altered: dict[tuple[str, int | None], int] = {}
        self._tied: dict[tuple[str, int], int] = {}
        self._last: _Group | None = None
        self._next_factor = _ONE  # of the note after > or <
        self._tuplet: tuple[Fraction, int] = Fraction(1), 0
        self._region: tuple[int, Fraction] | None = None  # where an overlay (& began
        self._end_signs: list[str] = []  # at a bar's beginning: of it, or of the bar before

    @property
    def bar(self) -> Bar:
        """The bar being written."""
        return self.bars[self._index]

    @property
    def _bar_length(self) -> Fraction:
        return self.metre.bar if self.metre else Fraction(4)

    def set_metre(self, metre: Metre | None) -> None:
        """Change the metre, from the bar that begins here."""
        self.metre = metre
        if self._at == 0:
            self.bar.metre = metre

    def set_tempo(self, qpm: float) -> None:
        """Change the tempo, here."""
        self.bar.tempos.append((self._at, qpm))

    def begin_part(self, label: str) -> None:
        """Begin a part (P field)."""
        self._split()
        self.bar.label = label

    def read(self, text: str, on_field: Callable[[str, str], "VoiceReader"]) -> "VoiceReader":
        """Take in a line of music; the voice that reads at its end (a field may change it)."""
        voice = self
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "field":
                voice = on_field(match["name"], match["value"].strip())
            elif kind not in ("ignored", "grace", "spacer"):
                getattr(voice, f"_read_{kind}")(match)
        voice.end_line()
        return voice

    def end_line(self) -> None:
        """Signs alone at a line's end belong to the bar before them."""
        if self._end_signs and self._at == 0 and self._index > 0:
            self._apply_end_signs(self.bars[self._index - 1])

    def finish(self) -> list[Bar]:
        """Its bars; endings reach from their number to the line that ends them."""
        self.end_line()
        self.bar.length = max(self.bar.length, self._at)
        self._apply_end_signs(self.bar)
        endings: tuple[int, ...] = ()
        in_endings = False
        for bar in self.bars:
            if bar.marks.begins_ending:
                is_first = not in_endings
                # A first ending that leaves out turn 1 would never be reached.
                missing = range(1, bar.marks.endings[0] if is_first else 1)
                endings = (*missing, *bar.marks.endings)
            elif bar.marks.opens:
                endings = ()
            bar.marks.endings = endings
            in_endings = bool(endings)
            if bar.marks.double or bar.marks.closes:
                endings = ()
        self.bars = [bar for bar in self.bars if bar.length]
        return self.bars

    # Signs --------------------------------------------------------------------------------------

    def _read_text(self, match: re.Match[str]) -> None:
        text = re.sub(r"[\s^_<>@\"]", "", match["text"]).lower()
        if re.fullmatch(r"(d\.?[cs]\.?|dacapo|dalsegno)(al(la)?(fine|coda|segno))?|fine|end", text):
            self._sign("fine" if text == "end" else text)
        if not match["text"].endswith('"') or len(match["text"]) == 1:
            self.problems.append("a quotation mark that is not closed")

    def _read_sign(self, match: re.Match[str]) -> None:
        self._sign(match["sign"][1:-1])

    def _read_oldsign(self, match: re.Match[str]) -> None:
        self._sign(match["oldsign"][1:-1])

    def _read_letter(self, match: re.Match[str]) -> None:
        standard = {"S": "segno", "O": "coda"}
        self._sign(self.user_signs.get(match["letter"], standard.get(match["letter"], "")))

    def _sign(self, name: str) -> None:
        name = name.strip().lower()
        plain = re.sub(r"[\s.]", "", name)
        if name in DYNAMICS:
            self.velocity = DYNAMICS[name]
        elif plain in ("segno", "coda"):
            if self._at:
                self._split()
            setattr(self.bar.marks, plain, True)
        elif plain in ("fine", "dacoda", "tocoda") or re.match(r"d[cs]|dacapo|dalsegno", plain):
            self._end_signs.append(plain)
            if self._at:
                self._apply_end_signs(self.bar)

    def _apply_end_signs(self, bar: Bar) -> None:
        for sign in self._end_signs:
            if sign == "fine":
                bar.marks.fine = True
            elif sign in ("dacoda", "tocoda"):
                bar.marks.to_coda = True
            else:
                bar.marks.jump = "capo" if sign.startswith(("dc", "dacapo")) else "segno"
        self._end_signs = []

    # Bar lines ----------------------------------------------------------------------------------

    def _read_bar(self, match: re.Match[str]) -> None:
        signs = re.sub(r"[\[\].]", "", re.sub(r"\[\|\]", "", match["line"])) or "|"
        if signs == ":":
            self.problems.append("a colon alone")
            return
        if "|" in signs:
            closes = len(signs) - len(signs.lstrip(":"))
            opens = len(signs) - len(signs.rstrip(":"))
        else:
            closes = opens = (len(signs) + 1) // 2
        is_double = signs.count("|") > 1 or bool(re.search(r"[\[\]]", match["line"]))
        self._split()
        self._altered.clear()
        if self._index == len(self.bars) - 1:
            if self._index > 0:
                before = self.bars[self._index - 1]
                before.marks.closes = max(before.marks.closes, closes)
                before.marks.double = before.marks.double or is_double
            self.bar.marks.opens = max(self.bar.marks.opens, opens)
        if match["ending"]:
            self._begin_ending(match["ending"])

    def _read_bracket(self, match: re.Match[str]) -> None:
        self._begin_ending(match["turns"])

    def _begin_ending(self, text: str) -> None:
        turns: set[int] = set()
        for first, last in re.findall(r"(\d{1,2})(?:\s*-\s*(\d{1,2}))?", text):
            turns.update(range(int(first), int(last or first) + 1))
        if turns := {turn for turn in turns if turn > 0}:
            self._split()
            self.bar.marks.endings = tuple(sorted(turns))
            self.bar.marks.begins_ending = True

    def _split(self) -> None:
        """Go on in the next bar, if anything is in this one."""
        self.bar.length = max(self.bar.length, self._at)
        if self._index < len(self.bars) - 1:  # an overlay: the next bar is there
            if self._at:
                self._index, self._at = self._index + 1, Fraction(0)
        elif self.bar.length:
            self.bars.append(Bar(self.metre))
            self._index, self._at = self._index + 1, Fraction(0)

    def _read_overlay(self, match: re.Match[str]) -> None:
        signs = match["overlay"]
        self.bar.length = max(self.bar.length, self._at)
        if signs.startswith("("):
            self._region = self._index, self._at
        elif signs.endswith(")"):
            self._region = None
        elif self._region is not None:
            self._index, self._at = self._region
        else:
            self._index, self._at = max(self._index + 1 - len(signs), 0), Fraction(0)
        self._altered.clear()
        self._tied = {}
        self._last = None

    # Notes --------------------------------------------------------------------------------------

    def _read_note(self, match: re.Match[str]) -> None:
        self._add([match["note"]])

    def _read_chord(self, match: re.Match[str]) -> None:
        text = re.sub(r'"[^"]*"|![^!]*!', "", match["notes"])
        length = _length(match["chordlength"])
        if notes := [each[0] for each in _NOTE.finditer(text)]:
            self._add(notes, length)
        elif rest := re.search(rf"[zx]({_LENGTH})", text):
            self._advance([], [], _length(rest[1]) * length)

    def _read_oldchord(self, match: re.Match[str]) -> None:
        notes, _, length = match["oldchord"][1:].partition("+")
        self._add([each[0] for each in _NOTE.finditer(notes)], _length(length))

    def _read_rest(self, match: re.Match[str]) -> None:
        length = _length(match["restlength"])
        if match["kind"] in "zx":
            self._advance([], [], length)
            return
        for i in range(max(1, min(int(length), _MOST_RESTS))):
            if i:
                self._split()
                self._altered.clear()
            self._rest_of(self._bar_length)

    def _rest_of(self, length: Fraction) -> None:
        self._last = None
        self._move_to(self._at + length)

    def _read_tuplet(self, match: re.Match[str]) -> None:
        n = int(match["many"])
        three = self.metre is not None and self.metre.is_compound
        in_time = int(match["time"] or 0) or _TUPLETS.get(n, 0) or (3 if three else 2)
        count = int(match["count"] or 0) or n
        if n:
            self._tuplet = Fraction(in_time, n), count

    def _read_broken(self, match: re.Match[str]) -> None:
        signs = match["broken"]
        short = Fraction(1, 2 ** min(len(signs), 6))
        first, second = (2 - short, short) if signs[0] == ">" else (short, 2 - short)
        group = self._last
        if group is None or group.bar is not self.bar or group.at + group.length != self._at:
            return
        for note in group.notes:
            note.length *= first
        group.length *= first
        self._at = group.at + group.length
        self._next_factor = second

    def _read_tie(self, _: re.Match[str]) -> None:
        if self._last is not None:
            for note in self._last.notes:
                note.tied = True
            self._tied = {(letter, octave): alter for letter, octave, alter in self._last.names}

    def _add(self, texts: Sequence[str], factor: Fraction = _ONE) -> None:
        """Add notes that begin together, the first of which says how long they last."""
        written, names, tied, first = [], [], {}, Fraction(0)
        for i, text in enumerate(texts):
            match = _NOTE.fullmatch(text)
            assert match is not None, text  # the same pattern found it
            mark, part, letter, octaves, length, tie = match.groups()
            octave = letter.islower() + octaves.count("'") - octaves.count(",")
            letter = letter.upper()
            alter = self._alteration(letter, octave, mark, part)
            pitch = 60 + STEPS[letter] + 12 * octave + alter + self.sounding.semitones
            lasts = _length(length) if factor is _ONE else _length(length) * factor
            first = first if i else lasts
            if 0 <= pitch <= 127:
                written.append(WrittenNote(self._at, lasts, pitch, self.velocity, bool(tie)))
            else:
                self.problems.append(f"a note out of MIDI's range ({text[:12]})")
            names.append((letter, octave, alter))
            if tie:
                tied[letter, octave] = alter
        self._advance(written, names, first)
        self._tied = tied
        if not self.n_notes:
            self.is_drum = self.sounding.is_drum
            self.first_key = self.key.midi_name(self.sounding.semitones)
        self.n_notes += len(texts)

    def _alteration(self, letter: str, octave: int, mark: str | None, part: str | None) -> int:
        """Semitones of a note's own sign, of one before it in the bar, or of the key's."""
        place = letter, octave if self.propagates == "octave" else None
        if mark is not None:
            alter = ALTERATIONS[mark]
            if part:  # a microtone: the nearest semitone towards the natural
                upper, _, lower = part.partition("/")
                alter = int(alter * Fraction(int(upper or 1), int(lower or 2) or 2))
            if self.propagates != "not":
                self._altered[place] = alter
            return alter
        if (letter, octave) in self._tied:
            return self._tied[letter, octave]
        return self._altered.get(place, self.key.alterations.get(letter, 0))

    def _advance(
        self, notes: list[WrittenNote], names: list[tuple[str, int, int]], length: Fraction
    ) -> None:
        """Place a group whose length is given in unit lengths."""
        factor = self.unit if self._next_factor is _ONE else self.unit * self._next_factor
        self._next_factor = _ONE
        if self._tuplet[1]:
            factor *= self._tuplet[0]
            self._tuplet = self._tuplet[0], self._tuplet[1] - 1
        for note in notes:
            note.length = _limited(note.length * factor)
        if self._end_signs:
            self._apply_end_signs(self.bar)
        # The first of a chord says how long it lasts, unless it is out of range and left out.
        length = notes[0].length if len(notes) == len(names) > 0 else _limited(length * factor)
        self._last = _Group(self.bar, notes, names, self._at, length)
        self.bar.notes += notes
        self._move_to(self._at + length)

    def _move_to(self, at: Fraction) -> None:
        self._at = at if at.denominator <= _FINEST**2 else at.limit_denominator(_FINEST)

    def _read_unknown(self, match: re.Match[str]) -> None:
        self.problems.append(repr(match[0]))


@lru_cache(maxsize=1024)
def _length(text: str) -> Fraction:
    """Length written behind a note: "3/2", "/", "//", "4", nothing."""
    upper, slashes, lower = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    below = int(lower) if lower else 2 ** min(len(slashes), 10)
    return Fraction(int(upper or 1), below or 1)


def _limited(length: Fraction) -> Fraction:
    if length <= _LONGEST and length.denominator <= _FINEST:
        return length
    return min(length, Fraction(_LONGEST)).limit_denominator(_FINEST)
