"""Worksheets as sheets: what the tests here share."""

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from cambiata.score.sheet import Sheet, Tone, Voice

FOLDER = Path(__file__).parent / "worksheets"
_WHITE = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
_LENGTHS = {1: 4, 2: 2, 3: 1, 4: 2, 5: 1}


def pitch(name: str) -> int:
    """MIDI number of "C#4"."""
    accidental = {"#": 1, "b": -1}.get(name[1], 0)
    return 12 * (int(name[-1]) + 1) + _WHITE[name[0]] + accidental


def voice(bars: list[str], length: int, name: str) -> Voice:
    """Voice of bars, the last note of which fills its bar."""
    tones: list[Tone] = []
    for index, bar in enumerate(bars):
        place = Fraction(4 * index)
        for token in bar.split():
            text, _, given = token.partition("*")
            duration = Fraction(given) if given else Fraction(length)
            if index + 1 == len(bars):
                duration = Fraction(4)
            if text.startswith("~"):
                last = tones.pop()
                assert last.end == place
                assert last.pitch == pitch(text[1:])
                tones.append(Tone(last.start, last.length + duration, last.pitch))
            elif text != "r":
                tones.append(Tone(place, duration, pitch(text)))
            place += duration
        assert place == 4 * (index + 1), (name, index, bar)
    return Voice(tuple(tones), name)


def cantus(pitches: str) -> Sheet:
    """Sheet of a cantus alone."""
    return Sheet((voice(pitches.split(), 4, "Cantus"),), name="cantus")


def sheet(data: dict[str, Any]) -> Sheet:
    """Sheet of a worksheet."""
    length = _LENGTHS[data["species"]]
    added = [voice(bars, length, "Counterpoint") for bars in data["counterpoints"]]
    own = voice(data["cantus"].split(), 4, "Cantus")
    voices = (*added, own) if data["position"] == "above" else (own, *added)
    return Sheet(voices, name=data["name"])


@cache
def worksheets() -> tuple[dict[str, Any], ...]:
    """All worksheets, in the order of their files."""
    return tuple(json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json")))
