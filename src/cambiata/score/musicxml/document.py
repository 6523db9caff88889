"""MusicXML's files: packed or not, in any encoding, one measure of a part after the other."""

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.parsers import expat

from cambiata.errors import InputError
from cambiata.inputs import read_input
from cambiata.score.charsets import decode_first

# A Mahler symphony, unpacked, has about 60 million bytes.
_MAX_BYTES = 100_000_000
_MAX_DEPTH = 100  # elements in elements; a score has about ten
_MAX_HEAD = 200_000  # elements outside measures: a list of a thousand parts
_MAX_MEASURE = 200_000  # elements of one measure
_CHUNK = 2**20  # letters that are parsed at once
# What is not played: laid out, engraved or fingered. It is skipped with all that is in it.
_SKIPPED = {
    "accidental", "appearance", "arpeggiate", "articulations", "beam", "bookmark", "concert-score",
    "credit", "defaults", "encoding", "fermata", "figured-bass", "footnote", "frame", "harmony",
    "level", "link", "listening", "lyric", "miscellaneous", "notehead", "ornaments", "part-link",
    "print", "slide", "slur", "stem", "supports", "technical", "tuplet",
}  # fmt: skip
_ROOTS = ("score-partwise", "score-timewise")

# Given what is outside of measures, so far, a part's id and its measure.
OnMeasure = Callable[[Element, str, Element], None]


def read_bytes(path: Path) -> bytes:
    """XML of a MusicXML file, unpacked where it is packed, whatever its name."""
    data = read_input(path, "a score", most_bytes=_MAX_BYTES, too_large="split it")
    return _unpack(data, path) if data[:4] == b"PK\3\4" else data


def _unpack(data: bytes, path: Path) -> bytes:
    """The score in a packed file: the one that its container names."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            name = _find_score(archive)
            if name is None:
                raise InputError(str(path), "holds no score", "export it again as MusicXML")
            with archive.open(name) as file:
                # What a header says of its length may be untrue.
                unpacked = file.read(_MAX_BYTES + 1)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        KeyError,
        NotImplementedError,  # compressed in a way that Python does not know
        OSError,
        RuntimeError,  # encrypted
        ValueError,
    ) as error:
        problem = "is packed, and cannot be unpacked"
        raise InputError(str(path), problem, "export it again as .musicxml") from error
    if len(unpacked) > _MAX_BYTES:
        raise InputError(str(path), "is too large to be a score", "split it")
    return unpacked


def _find_score(archive: zipfile.ZipFile) -> str | None:
    names = archive.namelist()
    container = "META-INF/container.xml"
    if container in names:
        with archive.open(container) as file:
            text = _decode(file.read(100_000))
        rootfiles = re.findall(r"<(?:\w+:)?rootfile\b([^>]*)>", text)
        for attributes in rootfiles:
            kind = re.search(r"""media-type\s*=\s*["']([^"']*)["']""", attributes)
            place = re.search(r"""full-path\s*=\s*["']([^"']*)["']""", attributes)
            # The first is the score; others are pictures of it or its parts.
            if place and place[1] in names and (not kind or "xml" in kind[1]):
                return place[1]
    scores = (
        name
        for name in names
        if name.lower().endswith((".musicxml", ".xml"))
        and not name.startswith(("META-INF/", "__MACOSX/"))
        and not name.rpartition("/")[2].startswith(".")
    )
    return next(scores, None)


def _decode(data: bytes) -> str:
    """Text of XML in the encoding of its mark or declaration, else in what fits."""
    declared = re.search(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""", data[:300])
    encodings = ["utf-8", "cp1252", "latin-1"]
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings.insert(0, "utf-16")
    elif data[:3] == b"\xef\xbb\xbf":
        encodings.insert(0, "utf-8-sig")
    elif data[:4] == b"\0<\0?" or data[:4] == b"\0<\0s":
        encodings.insert(0, "utf-16-be")
    elif data[:4] == b"<\0?\0" or data[:4] == b"<\0s\0":
        encodings.insert(0, "utf-16-le")
    elif declared and not declared[1].lower().startswith((b"utf-16", b"utf-32", b"ucs-2")):
        # A declaration in bytes of eight bits is read here: it is not in UTF-16, as some say.
        encodings.insert(0, declared[1].decode("ascii"))
    text = decode_first(data, encodings)
    return data.decode("latin-1") if text is None else text


class _StopError(Exception):
    """What is read is no score; a sentence says why."""


class _Reader:
    """Measures of a score while its XML goes by: no more than one of them is held."""

    def __init__(self, on_measure: OnMeasure) -> None:
        self.on_measure = on_measure
        self.head = Element("head")  # what is outside of measures
        self.root = ""
        self.part = ""  # whose measures come, in a partwise score
        self.stack: list[Element] = []
        self.depth = self.skipping = self.n_elements = self.n_head = 0
        self.text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise _StopError("is nested too deeply")
        if self.depth == 1:
            self.root = name
            if name not in _ROOTS:
                raise _StopError(f"is XML, but no score (it begins with <{name[:40]}>)")
            self.stack = [self.head]
            return
        if self.skipping or name in _SKIPPED:
            self.skipping += 1
            return
        self.n_elements += 1
        if self.n_elements > _MAX_MEASURE:
            raise _StopError("has a measure that is too long")
        if self.depth == 2 and name == "part" and self.root == "score-partwise":
            self.part = attributes.get("id", "")
        element = Element(name, attributes)
        if self.stack:
            self.stack[-1].append(element)
        self.stack.append(element)
        self.text = []

    def end(self, _name: str) -> None:
        self.depth -= 1
        if self.skipping:
            self.skipping -= 1
            return
        if self.depth == 0:
            return
        element = self.stack.pop()
        # What encloses others has no text that counts.
        element.text = "".join(self.text).strip() if not len(element) else None
        self.text = []
        is_partwise = self.root == "score-partwise"
        if self.depth == 2 and element.tag == ("measure" if is_partwise else "part"):
            self._hand_over(element, self.part if is_partwise else element.get("id", ""))
        elif self.depth == 1:
            if element.tag in ("part", "measure"):
                self.head.remove(element)
            self._count_head()

    def _hand_over(self, element: Element, part: str) -> None:
        self.on_measure(self.head, part, element)
        self.stack[-1].clear()
        self.n_elements = 0

    def _count_head(self) -> None:
        self.n_head += self.n_elements
        self.n_elements = 0
        if self.n_head > _MAX_HEAD:
            raise _StopError("has too long a head")

    def characters(self, text: str) -> None:
        if not self.skipping and self.stack:
            self.text.append(text)

    def entity(self, *_: object) -> None:
        # Entities of entities can be longer than any memory; no score has any.
        raise _StopError("declares entities, which no score needs")


def read_measures(data: bytes, name: str, on_measure: OnMeasure) -> Element:
    """Hand over every measure of every part; return what is outside of them."""
    reader = _Reader(on_measure)
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.EntityDeclHandler = reader.entity
    parser.buffer_text = True
    text = _decode(data).lstrip("\ufeff\0 \t\r\n")
    del data
    try:
        for start in range(0, len(text), _CHUNK):
            parser.Parse(text[start : start + _CHUNK].encode("utf-8", "replace"), False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        problem = (
            f"is not readable as MusicXML (line {error.lineno}: {expat.ErrorString(error.code)})"
        )
        raise InputError(name, problem, "export it again") from error
    except _StopError as error:
        raise InputError(name, str(error), "export it again as MusicXML") from error
    return reader.head
