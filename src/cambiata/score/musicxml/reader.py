"""Scores of MusicXML files as they are played: at sounding pitch, repeats written out."""

from collections import Counter
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element

from cambiata.errors import InputError
from cambiata.score.musicxml.document import read_bytes, read_measures
from cambiata.score.musicxml.part import PartReader
from cambiata.score.played import QPM, PlayedTune, WrittenVoice, play_voices, printable
from cambiata.score.repeats import TooManyRepeatsError

_MOST_PARTS = 500
# Of all parts together, rests too; as many notes as in ABC. Their reading takes six seconds and 130
# MiB, that of so many empty measures two.
_MOST_NOTES, _MOST_MEASURES = 100_000, 100_000


def read_musicxml(path: Path) -> PlayedTune:
    """What a file plays."""
    return parse_musicxml(read_bytes(path), str(path))


def parse_musicxml(data: bytes, name: str) -> PlayedTune:
    """What a text of MusicXML plays."""
    parts: dict[str, PartReader] = {}
    counts: Counter[str] = Counter()

    def read_measure(head: Element, part: str, measure: Element) -> None:
        if part not in parts:
            if len(parts) >= _MOST_PARTS:
                raise ValueError(f"has more than {_MOST_PARTS} parts")
            parts[part] = PartReader(_find_part(head, part))
        counts["measures"] += 1
        counts["notes"] += len(measure.findall("note"))
        for kind, most in (("measures", _MOST_MEASURES), ("notes", _MOST_NOTES)):
            if counts[kind] > most:
                raise ValueError(f"has more than {most:,} {kind}")
        parts[part].read(measure)

    try:
        head = read_measures(data, name, read_measure)
        voices = [voice for part in parts.values() for voice in part.finish()]
        return play_voices(
            _fill_empty_bars(voices),
            title=_find_title(head),
            composer=_find_composer(head),
            qpm=QPM,
        )
    except TooManyRepeatsError:
        problem = "repeats so often that it would never end"
        raise InputError(name, problem, "check its repeat signs") from None
    except (ValueError, ArithmeticError) as error:
        problem = str(error) if isinstance(error, ValueError) else "counts time in no numbers"
        raise InputError(name, problem, "export it again as MusicXML") from None


def _find_part(head: Element, part: str) -> Element:
    """Entry of a part in the list of parts; an empty one where there is none."""
    entries = head.findall("./part-list/score-part")
    return next((entry for entry in entries if entry.get("id") == part), Element("score-part"))


def _fill_empty_bars(voices: list[WrittenVoice]) -> list[WrittenVoice]:
    """Bars in which no voice has a note or rest last as long as the metre says."""
    for number in range(max((len(voice.bars) for voice in voices), default=0)):
        bars = [voice.bars[number] for voice in voices if number < len(voice.bars)]
        if not any(bar.length for bar in bars):
            metre = next((bar.metre for bar in bars if bar.metre), None)
            for bar in bars:
                bar.length = metre.bar if metre else Fraction(4)
    return voices


def _find_title(head: Element) -> str:
    for place in ("./work/work-title", "./movement-title"):
        if title := printable(head.findtext(place) or ""):
            return title
    return ""


def _find_composer(head: Element) -> str:
    creators = head.findall("./identification/creator")
    composers = [each for each in creators if each.get("type", "composer") == "composer"]
    return printable(composers[0].text or "") if composers else ""
