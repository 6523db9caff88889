"""Texts in the charset that they name themselves, as ABC and MusicXML do."""

import codecs
from collections.abc import Iterable
from contextlib import suppress

# Codecs of Python for other things than files: "undefined" fails always, in its own way, and
# "punycode" takes a time that grows with the square of the text (two minutes for 2 MB).
_NOT_FOR_FILES = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}


def decode_first(data: bytes, charsets: Iterable[str]) -> str | None:
    r"""Text in the first charset that is known and fits.

    Parameters
    ----------
    data : bytes
        The text as it is in a file.
    charsets : iterable of str
        Names, whoever gives them; those that are not for files are passed over.

    Returns
    -------
    str or None
        None where none fits.

    Examples
    --------
    >>> decode_first(b"caf\xe9", ["undefined", "klingon", "utf-8", "latin-1"])
    'caf\xe9'
    """
    for charset in charsets:
        # ValueError: of what does not fit; also of a name that no charset can have.
        with suppress(LookupError, ValueError):
            if codecs.lookup(charset).name not in _NOT_FOR_FILES:
                return data.decode(charset)
    return None
