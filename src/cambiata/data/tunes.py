"""Traditional tunes for learning melodies: three collections printed before 1930."""

import hashlib
import json
import re
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cambiata.caches import cached
from cambiata.data.scores import SCORE_CACHE
from cambiata.errors import InputError
from cambiata.score.midi import Metre
from cambiata.score.notation import parse_tune
from cambiata.score.sheet import Sheet, Tone, Voice
from cambiata.system import Progress

COLLECTIONS = ("ryansMammoth", "oneills1850", "airdsAirs")

# What a tune's R: field or title calls it, and the dance type that it is.
DANCES = {
    "strathspey": "strathspey",
    "highland fling": "strathspey",
    "slip jig": "slip jig",
    "slipjig": "slip jig",
    "hop jig": "slip jig",
    "double jig": "jig",
    "single jig": "jig",
    "jig": "jig",
    "gigg": "jig",
    "reel": "reel",
    "clog": "hornpipe",
    "hornpipe": "hornpipe",
    "waltz": "waltz",
    "minuet": "minuet",
    "march": "march",
    "air": "air",
}

Split = Literal["train", "validation", "test"]

READER = "abc2"  # in names of what is stored: read anew where tunes are read in another way
_STEPS_PER_QUARTER = 24  # on which tones are stored: exact for triplets of sixteenths
_MIN_BARS, _MIN_TONES = 4, 16  # of a tune: shorter ones are fragments
_NGRAM = 8  # intervals: fewer are shared by chance, more differ between variants of a tune
# What more tunes share is a formula of the style, not a tune.
_MAX_SHARING = 30
# Variants share so many of the shorter tune's n-grams, and at least three.
_VARIANT_SHARE, _MIN_SHARED = 1 / 8, 3


@dataclass(frozen=True)
class Tune:
    """A tune of a collection."""

    name: str  # collection, number and title
    dance: str  # type; empty where neither field nor title tells
    sheet: Sheet  # repeats written out
    # Name of the first tune of its family, which variants of a tune share: a tune that is read
    # or left out elsewhere moves none to another split.
    family: str = ""

    @property
    def split(self) -> Split:
        """Split of its family: eight tenths train, a tenth each for the others."""
        share = hashlib.sha256(self.family.encode()).digest()[0] / 256
        return "train" if share < 0.8 else "validation" if share < 0.9 else "test"


def read_tunes(cache: Path = SCORE_CACHE, *, progress: Progress | None = None) -> list[Tune]:
    """The tunes of three old collections that music21 brings, variants of a tune in a family.

    Ryan's Mammoth Collection (1883), O'Neill's Music of Ireland (1903) and Aird's Airs (1782 on):
    pitches and rhythms only. Transcriptions by Henrik Norbeck are left out.
    """
    import music21

    place = Path(cache) / f"tunes-{READER}-music21-{music21.__version__}.jsonl"

    def parse() -> bytes:
        rows = list(_parse_all(Path(music21.__file__).parent / "corpus", progress))
        return "".join(json.dumps(each) + "\n" for each in rows).encode()

    tunes = [_decode_tune(json.loads(line)) for line in cached(place, parse).splitlines()]
    usable = [tune for tune in tunes if _is_usable(tune.sheet)]
    return [
        Tune(tune.name, tune.dance, tune.sheet, usable[family].name)
        for tune, family in zip(usable, group_families(usable), strict=True)
    ]


def _is_usable(sheet: Sheet) -> bool:
    return (
        len(sheet.voices) == 1
        and sheet.voices[0].is_melody
        and sheet.n_bars >= _MIN_BARS
        and len(sheet.voices[0].tones) >= _MIN_TONES
    )


def _abc_texts(corpus: Path) -> Iterator[tuple[str, str]]:
    """Name and ABC of every tune but Norbeck's transcriptions."""
    for collection in COLLECTIONS:
        for file in sorted((corpus / collection).glob("*.abc")):
            text = file.read_text(encoding="utf-8", errors="replace")
            for tune in re.split(r"(?m)^(?=X:)", text)[1:]:
                if "norbeck" not in tune.lower() and re.search(r"(?m)^K:", tune):
                    yield f"{collection}/{file.stem}", tune


def _parse_all(corpus: Path, progress: Progress | None) -> Iterator[dict[str, Any]]:
    texts = list(_abc_texts(corpus))
    for i, (place, text) in enumerate(texts):
        if progress is not None:
            progress((i + 1) / len(texts))
        row = _parse_one(place, text)
        if row is not None:
            yield row


def _parse_one(place: str, text: str) -> dict[str, Any] | None:
    fields = dict(re.findall(r"(?m)^([XTR]):\s*(.*?)\s*$", text)[::-1])  # the first of each
    name = f"{place}/{fields.get('X', '?')} {fields.get('T', '')}".strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            sheet = parse_tune(text, name)
        except InputError:  # it repeats without end, or has only drums: left out
            return None
    if sheet is None:
        return None
    return {
        "name": name,
        "dance": _find_dance(fields.get("R", ""), fields.get("T", "")),
        "metre": [sheet.metre.beats, sheet.metre.unit],
        "key": sheet.key,
        "pickup": round(sheet.pickup * _STEPS_PER_QUARTER),
        "qpm": sheet.qpm,
        "tones": [
            [
                round(tone.start * _STEPS_PER_QUARTER),
                round(tone.length * _STEPS_PER_QUARTER),
                tone.pitch,
            ]
            for tone in sheet.voices[0].tones
        ],
    }


def _find_dance(rhythm_field: str, title: str) -> str:
    """Dance type by the R: field, else by the title's last word that names one."""
    for text in (rhythm_field.lower(), title.lower()):
        matches = [
            (text.rfind(word), len(word), dance)
            for word, dance in DANCES.items()
            if re.search(rf"\b{word}\b", text)
        ]
        if matches:
            return max(matches, key=lambda hit: (hit[0] + hit[1], hit[1]))[2]
    return ""


def _decode_tune(row: dict[str, Any]) -> Tune:
    tones = (
        Tone(Fraction(start, _STEPS_PER_QUARTER), Fraction(length, _STEPS_PER_QUARTER), pitch)
        for start, length, pitch in row["tones"]
        if length > 0
    )
    sheet = Sheet(
        (Voice(tuple(tones)),),
        Metre(*row["metre"]),
        row["key"],
        row["qpm"],
        Fraction(row["pickup"], _STEPS_PER_QUARTER),
        row["name"],
    )
    return Tune(row["name"], row["dance"], sheet)


def group_families(tunes: Sequence[Tune]) -> list[int]:
    """Number of the first tune of each tune's family: variants of a tune, across collections.

    Two tunes belong together where they share an eighth of their contours' n-grams of eight
    intervals (key does not matter), or have the same title; families close over such pairs.
    """
    parents = list(range(len(tunes)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    ngrams = [_interval_ngrams(tune.sheet.voices[0].tones) for tune in tunes]
    tunes_by_ngram: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, tune_ngrams in enumerate(ngrams):
        for ngram in tune_ngrams:
            tunes_by_ngram[ngram].append(i)
    shared: defaultdict[tuple[int, int], int] = defaultdict(int)
    for holders in tunes_by_ngram.values():
        if len(holders) <= _MAX_SHARING:
            for a in range(len(holders)):
                for b in range(a):
                    shared[holders[b], holders[a]] += 1
    for (a, b), n in shared.items():
        if n >= max(_MIN_SHARED, min(len(ngrams[a]), len(ngrams[b])) * _VARIANT_SHARE):
            parents[root(b)] = root(a)
    first_by_title: dict[str, int] = {}
    for i, tune in enumerate(tunes):
        title = _normalize_title(tune.name)
        if title:
            parents[root(i)] = root(first_by_title.setdefault(title, i))
    firsts: dict[int, int] = {}
    return [firsts.setdefault(root(i), i) for i in range(len(tunes))]


def _interval_ngrams(tones: Sequence[Tone]) -> set[tuple[int, ...]]:
    steps = np.diff([tone.pitch for tone in tones])
    steps = steps[steps != 0]  # repeated notes differ between variants
    return {tuple(steps[i : i + _NGRAM].tolist()) for i in range(len(steps) - _NGRAM + 1)}


def _normalize_title(name: str) -> str:
    title = name.partition(" ")[2].lower()
    words = re.sub(r"[^a-z ]", "", title.replace("--", " ")).split()
    stop_words = {"the", "a", *" ".join(DANCES).split()}
    return " ".join(word for word in words if word not in stop_words)
