"""Names of files: made safe to show, to store under and to type; kinds told by content."""

import re
import unicodedata
from pathlib import Path

from cambiata.files import is_midi

_LONGEST = 80  # characters: file systems take 255 bytes, and a letter may have four
# Separators, what Windows forbids, what shells and HTML read, and control characters; not "#",
# for a recording of F#3 is one of its note by its name.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f<>:\"/\\|?*`$;&!'(){}\[\]~^%,=]+")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
_EXTENSION = re.compile(r"^\.[a-z0-9]{1,8}$")


def safe_name(name: str, extension: str, fallback: str = "sound") -> str:
    r"""A name without folders or anything odd, of an extension that says what the file is.

    >>> safe_name("../../etc/passwd", ".wav"), safe_name("C:\\a\\tune.WAV", ".wav")
    ('passwd.wav', 'tune.wav')
    >>> safe_name("-o.mid", ".mid"), safe_name("a\x00b\u202e.ogg", ".flac"), safe_name("", ".wav")
    ('o.mid', 'ab.flac', 'sound.wav')
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name).strip())[-1]
    stem, _, end = last.rpartition(".")
    # What stands behind the last dot is an extension where it looks like one.
    stem = stem if stem and _EXTENSION.match(f".{end.lower()}") else last
    stem = "".join(each for each in _UNSAFE.sub("", stem) if each.isprintable())
    stem = " ".join(stem.split()).strip(". -")[:_LONGEST].strip(". -")
    if not stem or _RESERVED.match(stem):
        stem = fallback
    return f"{stem}{extension}"


def distinct(name: str, taken: set[str]) -> str:
    """A name that is not taken, numbered if need be; it is taken from now on.

    >>> distinct("a.wav", {"a.wav"})
    'a-2.wav'
    """
    place, number, found = Path(name), 1, name
    while found.lower() in {each.lower() for each in taken}:
        number += 1
        found = f"{place.stem}-{number}{place.suffix}"
    taken.add(found)
    return found


def extension_of(head: bytes, name: str) -> str:
    """Extension for a file's content by its first bytes; by its name where these say nothing.

    >>> extension_of(b"RIFF....WAVEfmt ", "tune.mp3"), extension_of(b"MThd", "tune.txt")
    ('.wav', '.mid')
    """
    if is_midi(head):
        return ".mid"
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return ".wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return ".aiff"
    for magic, extension in ((b"fLaC", ".flac"), (b"\x1aE\xdf\xa3", ".webm"), (b"caff", ".caf")):
        if head.startswith(magic):
            return extension
    if head.startswith(b"OggS"):
        return ".opus" if b"OpusHead" in head[:64] else ".ogg"
    if head[4:8] == b"ftyp":
        return ".m4a"
    if head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        return ".mp3"
    return _extension_of_score(head, name)


def _extension_of_score(head: bytes, name: str) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:2] == b"PK":
        return ".mxl"
    if text.startswith(b"<") or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return ".musicxml"
    if re.match(rb"(%.*\s+)*[A-Za-z]:", text) and b"\x00" not in text:
        return ".abc"
    own = Path(name).suffix.lower()
    return own if _EXTENSION.match(own) else ".bin"
