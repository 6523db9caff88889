"""Text of ABC files: encodings, the tunes of a file, their lines, macros written out."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import takewhile

from cambiata.score.charsets import decode_first
from cambiata.score.played import printable

# A book of ten thousand tunes has about ten million letters.
MAX_BYTES = 64_000_000
# A line that macros have made longer than this is no music: macros can double it at each use.
_MAX_LINE = 50_000
# Lines of free text between tunes are not played; these characters are all that music is made of.
_MUSIC = re.compile(r"""[A-Ga-gzxyZXHL-PSTuv\d\s|:\[\](){}<>/,'^_=~.&+!"$*\\-]*""")
_QUOTED = re.compile(r'"[^"]*"|![^!\s]+!|\+[^+\s]+\+|\[[A-Za-z]:[^\]]*\]|\{[^}]*\}')
# "A:|" at a line's beginning is a note that is repeated, "N::" a field.
_FIELD = re.compile(r"\s*(?![A-Ga-gz]:[|:])([A-Za-z+])\s*:\s*(.*)")
_SKIPPED_BLOCK = re.compile(r"%%begin(\w+)")
# The combining mark of each: acute, grave, circumflex, diaeresis, tilde, caron, breve, cedilla, ...
_MARKS = "\u0301\u0300\u0302\u0308\u0303\u030c\u0306\u0327\u0304\u030a"
_ACCENTS = dict(zip("'`^\"~vuc=o", _MARKS, strict=True))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a tune: a field (K, V, ...; I for directives) or music, which has no letter."""

    number: int
    letter: str
    text: str


def decode(data: bytes) -> str:
    """Text of a file by its byte order mark, charset directive or what fits; lines end in LF."""
    encodings = ["utf-8-sig", "cp1252"]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif data[:200].count(0) > len(data[:200]) // 3:  # UTF-16 without its mark
        encodings = ["utf-16-be" if data[:1] == b"\0" else "utf-16-le"]
    elif charset := re.search(rb"(?m)^(?:%%|I:\s*)abc-charset\s+([\w-]+)", data[:5000]):
        encodings.insert(0, charset[1].decode("ascii", "replace"))
    text = decode_first(data, encodings)
    if text is None:
        text = data.decode(encodings[0] if len(encodings) == 1 else "latin-1", "replace")
    return re.sub(r"\r\n?", "\n", text.lstrip("\ufeff").replace("\0", ""))


def clean_title(text: str) -> str:
    """Title as it is printed: ABC's accents and entities as letters, no control characters."""

    def accented(match: re.Match[str]) -> str:
        return unicodedata.normalize("NFC", match[2] + _ACCENTS[match[1]])

    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    text = unescape(re.sub(r"\\(['`^\"~vuc=o])([A-Za-z])", accented, text))
    return printable(text)


def split_tunes(text: str) -> Iterator[list[Line]]:
    """Lines of each tune, those of the file's own head before each; none where there is no ABC."""
    lines = list(_lines(text))
    starts = [i for i, line in enumerate(lines) if line.letter == "X"]
    if not starts:
        if any(line.letter == "K" for line in lines):
            yield [line for line in lines if line.letter or line.text]
        return
    shared = {"I", "L", "M", "U", "m", "Q"}  # what a file's head says of every tune
    head = [line for line in lines[: starts[0]] if line.letter in shared]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield head + list(_up_to_free_text(lines[start:end]))


def _lines(text: str) -> Iterator[Line]:
    """Lines without comments; an empty one stays as such."""
    block = ""
    for number, raw in enumerate(text.split("\n"), 1):
        if block:
            block = "" if raw.strip().lower() == f"%%end{block}" else block
            continue
        if raw.startswith("%%"):
            if begun := _SKIPPED_BLOCK.match(raw):
                block = begun[1].lower()
            else:
                yield Line(number, "I", raw[2:].split("%")[0].strip())
            continue
        stripped = re.sub(r"(?<!\\)%.*", "", raw).rstrip()
        if raw.strip() and not stripped:
            continue  # a comment alone ends no tune
        field = _FIELD.fullmatch(stripped)
        yield Line(number, field[1], field[2]) if field else Line(number, "", stripped.strip())


def _up_to_free_text(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines of a tune; after an empty line, once the key is known, only those that are music."""
    after_gap = has_key = False
    for line in lines:
        if not line.letter and not line.text:
            after_gap = True
        elif after_gap and not _continues(line):
            if has_key:
                return
        else:
            after_gap, has_key = False, has_key or line.letter == "K"
            yield line


def _continues(line: Line) -> bool:
    if line.letter:
        return line.letter in "KLMPQVIwWms"
    return "|" in line.text and _MUSIC.fullmatch(_QUOTED.sub("", line.text)) is not None


def head_length(lines: Sequence[Line]) -> int:
    """Number of lines of a tune's head: up to its first K field, or its first line of music."""
    before = list(takewhile(lambda line: line.letter not in ("K", ""), lines))
    has_key = len(before) < len(lines) and lines[len(before)].letter == "K"
    return len(before) + has_key


class Macros:
    """Macros (m: fields) of a tune, in one pass over a line: none is applied to another's text."""

    def __init__(self) -> None:
        self._made: dict[str, Callable[[re.Match[str]], str]] = {}

    def add(self, field: str) -> None:
        """Take in a macro, "~G2 = GG"; with an n ("~n2 = n/o/n") it stands for every pitch."""
        name, _, text = (part.strip() for part in field.partition("="))
        if not name or len(name) > 40 or len(self._made) >= 200:
            return
        if "n" in name:
            pattern = re.escape(name).replace("n", "([A-Ga-g][,']*)", 1)
            self._made[pattern] = lambda match: _transposed(text, match[0])
        else:
            self._made[re.escape(name)] = lambda _: text

    def written_out(self, text: str) -> str | None:
        """Line with its macros written out; None where it gets too long."""
        if not self._made:
            return text
        patterns = sorted(self._made, key=len, reverse=True)
        together = re.compile("|".join(re.sub(r"\((?=\[A-G)", "(?:", each) for each in patterns))

        def replaced(match: re.Match[str]) -> str:
            for pattern in patterns:
                if whole := re.fullmatch(pattern, match[0]):
                    return self._made[pattern](whole)
            return match[0]

        if len(text) + sum(len(replaced(match)) for match in together.finditer(text)) > _MAX_LINE:
            return None
        return together.sub(replaced, text)


def _transposed(text: str, matched: str) -> str:
    """Text of a macro for a pitch: n is the pitch, o the step above it, m the step below."""
    found = re.search(r"([A-Ga-g])([,']*)", matched)
    if found is None:
        return text
    letter, marks = found.groups()
    step = "CDEFGAB".index(letter.upper()) + 7 * (
        letter.islower() + marks.count("'") - marks.count(",")
    )

    def note(match: re.Match[str]) -> str:
        octave, degree = divmod(step + ord(match[0]) - ord("n"), 7)
        name = "CDEFGAB"[degree]
        return name + "," * -octave if octave < 1 else name.lower() + "'" * (octave - 1)

    return re.sub("[h-z]", note, text)
