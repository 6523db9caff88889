"""Fields of ABC: metre, unit length, tempo, key, and how a voice's notes sound."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from cambiata.score.midi import Metre

_SHARPS = "FCGDAEB"  # in the order in which signatures take them
# Sharps of a mode's signature against the major key on the same note.
_MODES = {
    "maj": 0,
    "ion": 0,
    "mix": -1,
    "dor": -2,
    "min": -3,
    "aeo": -3,
    "phr": -4,
    "loc": -5,
    "lyd": 1,
}
_KEY = re.compile(
    r"([A-Ga-g])([#b♯♭]?)\s*(maj\w*|ion\w*|mix\w*|dor\w*|min\w*|aeo\w*|phr\w*|loc\w*|lyd\w*|"
    r"m(?![^\W_]))?(?![^\W_])",
    re.IGNORECASE,
)
_CLEFS = r"treble|bass|alto|tenor|soprano|mezzo\w*|baritone|perc|none|[GFC]\d"
_CLEF = re.compile(rf"(?:clef\s*=\s*\"?)?\b({_CLEFS})\"?\d?([+^_-]\s?(?:8|15))?(?!\w)")
_PROPERTY = re.compile(
    r"\b(?:octave|transpose|t|middle|m|staff\w+|score|sound|shift|cue|strings|style|map|stems?|name|"
    r"nm|sname|snm|instrument)\s*=\s*(?:\"[^\"]*\"|\S+)"
)
_ACCIDENTAL = re.compile(r"(\^\^?|__?|=)([A-Ga-g])(?!\w)")
ALTERATIONS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
# Quarter notes a minute where a tempo is a word alone: the middle of a metronome's range for it.
_TEMPO_WORDS = {
    "larghetto": 63,
    "largo": 50,
    "grave": 42,
    "lento": 56,
    "adagio": 66,
    "andantino": 84,
    "andante": 76,
    "moderato": 104,
    "allegretto": 112,
    "allegro": 132,
    "vivace": 160,
    "prestissimo": 200,
    "presto": 184,
}
_FASTEST_QPM, _SLOWEST_QPM = 2000.0, 2.0


@dataclass(frozen=True)
class Sounding:
    """How a voice's notes sound against how they are written."""

    octaves: int = 0  # octave=
    clef_octaves: int = 0  # the 8 of treble-8
    transpose: int = 0  # transpose=, in semitones
    midi_transpose: int = 0  # %%MIDI transpose
    is_drum: bool = False

    @property
    def semitones(self) -> int:
        """All of it, in semitones."""
        return 12 * (self.octaves + self.clef_octaves) + self.transpose + self.midi_transpose


@dataclass(frozen=True)
class Key:
    """Key of a voice."""

    alterations: Mapping[str, int] = field(default_factory=dict)  # by letter, A to G
    sharps: int | None = None  # of its signature, negative for flats; None: no key
    is_minor: bool = False

    def midi_name(self, semitones: int = 0) -> str:
        """Signature as MIDI has it ("Bb", "F#m"), moved by semitones; empty without a key."""
        if self.sharps is None:
            return ""
        sharps = self.sharps
        if semitones % 12:
            sharps = (sharps + 7 * semitones + 5) % 12 - 5  # five flats to six sharps
        if abs(sharps) > 7:
            return ""
        fifths, letters = sharps + (4 if self.is_minor else 1), len(_SHARPS)
        mark = {0: "", 1: "#", -1: "b"}[fifths // letters]
        return _SHARPS[fifths % letters] + mark + ("m" if self.is_minor else "")


def parse_key(text: str, before: Key) -> Key:
    """Key of a K field; the one before where it names none (K:clef=bass)."""
    text = _PROPERTY.sub(" ", text).strip()
    if re.match(r"H[Pp]\b", text):  # the pipes: signs of D major, whether they are written or not
        return Key({"F": 1, "C": 1, "G": 0}, 2)
    words = text.split()
    explicit = {
        letter.upper(): ALTERATIONS[mark]
        for mark, letter in _ACCIDENTAL.findall(_CLEF.sub(" ", text))
    }
    found = _KEY.match(text)
    if found is None:  # "Bn": a slip behind the note
        found = re.match(r"([A-G])([#b]?)(?:[a-z]{0,2})(?!\w)()", text)
    if not words or words[0] == "none":
        return Key(explicit)
    if found is None or re.match(rf"(?:{_CLEFS})\b|clef", text):
        return Key({**before.alterations, **explicit}, before.sharps, before.is_minor)
    if "exp" in words:
        return Key(explicit)
    mode = (found[3] or "maj").lower()
    mode = "min" if mode == "m" else mode[:3]
    sign = {"#": 7, "♯": 7, "b": -7, "♭": -7}.get(found[2], 0)
    sharps = _SHARPS.index(found[1].upper()) - 1 + sign + _MODES[mode]
    # More than seven are double ones, as in G# major.
    altered = {letter: (sharps + 6 - i) // 7 for i, letter in enumerate(_SHARPS)}
    return Key({**altered, **explicit}, sharps, mode in ("min", "aeo"))


def parse_sounding(text: str, before: Sounding) -> Sounding:
    """Clef, octave and transposition that a K or V field names; what it does not stays."""
    values = {
        "octaves": before.octaves,
        "clef_octaves": before.clef_octaves,
        "transpose": before.transpose,
        "midi_transpose": before.midi_transpose,
    }
    is_drum = before.is_drum
    if clef := _CLEF.search(text):
        mark = (clef[2] or "").replace(" ", "")
        octaves = {"8": 1, "15": 2}.get(mark[1:], 0)
        values["clef_octaves"] = -octaves if mark[:1] in "-_" else octaves
        is_drum = clef[1] == "perc"
    for name, words in (("octaves", r"octave"), ("transpose", r"transpose|t")):
        if number := re.search(rf"(?<!\w)(?:{words})\s*=\s*([+-]?\d{{1,3}})(?!\d)", text):
            values[name] = int(number[1])
    return Sounding(**values, is_drum=is_drum)


def parse_metre(text: str) -> Metre | None:
    """Metre of an M field, additive ones summed; None where it is free or no metre."""
    text = text.strip().strip('"')
    if text.startswith("C|"):
        return Metre(2, 2)
    if text.startswith("C"):
        return Metre(4, 4)
    total, units = Fraction(0), [1]
    # "2+3/8", "(2+3+2)/8" and "3/4+2/8" alike: numbers wait for the unit that follows.
    for beats, unit in re.findall(r"([\d+() ]+)/\s*(\d{1,3})", text.split("  ")[0]):
        if int(unit) not in (1, 2, 4, 8, 16, 32, 64):
            return None
        waiting = sum(int(each) for each in re.findall(r"\d{1,3}", beats))
        total += Fraction(waiting, int(unit))
        units.append(int(unit))
        if "+" not in text:
            break
    n_beats = int(total * max(units))
    return Metre(n_beats, max(units)) if 1 <= n_beats <= 255 else None


def parse_unit(text: str) -> Fraction | None:
    """Unit length of an L field in quarter notes; None where it is none."""
    found = re.match(r"(\d{1,3})(?:\s*/\s*(\d{1,3}))?(?!\d)", text.strip())
    if found is None or not int(found[1]) or not int(found[2] or 1):
        return None
    return Fraction(4 * int(found[1]), int(found[2] or 1))


def default_unit(metre: Metre | None) -> Fraction:
    """Unit length where no L field gives one: a sixteenth below 3/4, else an eighth."""
    return Fraction(1, 4) if metre is not None and metre.bar < 3 else Fraction(1, 2)


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """Quarter notes a minute of a Q field; None where it says nothing of them."""
    words = " ".join(re.findall(r'"([^"]*)"', text)).lower()
    text = re.sub(r'"[^"]*"', " ", text).strip()
    beats, equals, rate = text.rpartition("=")
    number = re.match(r"\s*(\d+(?:\.\d+)?)", rate)
    if number is None:
        known = (qpm for word, qpm in _TEMPO_WORDS.items() if re.search(rf"\b{word}\b", words))
        return next(known, None)
    qpm = float(number[1][:12])
    if equals:
        lengths = [parse_unit(each) for each in re.findall(r"\d+\s*/\s*\d+", beats)]
        if old := re.match(r"\s*[A-Ga-g](\d{0,2})", beats):  # "C3=40": three unit lengths
            lengths = [unit * int(old[1] or 1)]
        qpm *= float(sum(each for each in lengths if each) or 1)
    return qpm if _SLOWEST_QPM <= qpm <= _FASTEST_QPM else None
