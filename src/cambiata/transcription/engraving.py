"""A transcription as it is written down: bars, staves, key signature and few marks of tempo."""

from bisect import bisect_right
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import log

import numpy as np

from cambiata.score.clock import Clock, Metre
from cambiata.score.keys import key_fits
from cambiata.score.midi import Part, Score
from cambiata.score.repeats import Form, Marks
from cambiata.score.sheet import Sheet, Tone, Voice
from cambiata.score.spelling import key_name
from cambiata.transcription.staves import MOST_VOICES, count_voices, split_hands, split_voices

# A bar whose tempo differs by so much from the last that was marked gets a mark: less is a player's
# timing.
_MARKED = 0.1


def engrave(score: Score, *, is_piano: bool) -> Sheet:
    """Sheet of a transcription of one part, whose clock has its bars.

    Two hands for a piano and for more than four voices; else a staff for every voice. It begins
    with the bar in which music begins, or with the beat where a bar does not begin with music.
    """
    parts = [part for part in score.parts if not part.is_drum]
    staves = [each for part in parts for each in _staves_of(part, is_piano=is_piano)]
    sheet = Sheet.of(replace(score, parts=tuple(part for part, _ in staves)))
    voices = [
        replace(voice, staff=staff) for voice, (_, staff) in zip(sheet.voices, staves, strict=True)
    ]
    begins = _bar_begins(score.clock, sheet.end)
    metre = _main_metre(score.clock, sheet.end)
    first = min(tone.start for voice in voices for tone in voice.tones)
    bar = bisect_right(begins, first) - 1
    start = begins[bar] + (first - begins[bar]) // metre.beat * metre.beat
    lengths = [after - before for before, after in pairwise([start, *begins[bar + 1 :]])]
    pickup = lengths[0] if lengths[0] < metre.bar else Fraction(0)
    is_regular = all(length == metre.bar for length in lengths[bool(pickup) :])
    form = Form(tuple(Marks() for _ in lengths), tuple(range(len(lengths))), tuple(lengths))
    tempos = _marked_tempos(score.clock, [start, *begins[bar + 1 :]])
    return Sheet(
        tuple(replace(voice, tones=_moved(voice, start)) for voice in voices),
        metre,
        _key(score),
        tempos[0][1],
        pickup,
        score.name,
        tuple((at - start, qpm) for at, qpm in tempos[1:]),
        form=None if is_regular else form,
    )


def _staves_of(part: Part, *, is_piano: bool) -> list[tuple[Part, int]]:
    """Parts of a part, one for each staff, and the number of the staff in its part."""
    n_voices = count_voices(part.notes)
    if is_piano or n_voices > MOST_VOICES:
        hands = [hand for hand in split_hands(part.notes) if hand]
        return [(replace(part, notes=tuple(hand)), i) for i, hand in enumerate(hands, 1)]
    voices = split_voices(part.notes, n_voices)
    names = [
        f"{part.name} {i}" if len(voices) > 1 else part.name for i in range(1, len(voices) + 1)
    ]
    return [
        (replace(part, notes=tuple(sorted(voice)), name=name), 1)
        for voice, name in zip(voices, names, strict=True)
    ]


def _bar_begins(clock: Clock, end: Fraction) -> list[Fraction]:
    """Where bars begin, in quarter notes, to the one after the end."""
    metres = clock.metres or ((0.0, Metre()),)
    begins: list[Fraction] = []
    changes = [Fraction(at).limit_denominator(64) for at, _ in metres]
    for (begin, after), (_, metre) in zip(pairwise([*changes, None]), metres, strict=True):
        at = begin
        while at is not None and (after is None or at < after):
            begins.append(at)
            if at >= end:
                return begins
            at += metre.bar
    return begins


def _main_metre(clock: Clock, end: Fraction) -> Metre:
    """The metre that lasts longest."""
    metres = clock.metres or ((0.0, Metre()),)
    ends = [*(at for at, _ in metres[1:]), float(end)]
    lasting: dict[Metre, float] = {}
    for (begin, metre), until in zip(metres, ends, strict=True):
        lasting[metre] = lasting.get(metre, 0.0) + until - begin
    return max(lasting, key=lambda metre: lasting[metre])


def _moved(voice: Voice, start: Fraction) -> tuple[Tone, ...]:
    return tuple(replace(tone, start=tone.start - start) for tone in voice.tones)


def _key(score: Score) -> str:
    """Key signature by how long each pitch class sounds."""
    sounds_s = np.zeros(12)
    for note in score.notes:
        sounds_s[note.pitch % 12] += note.duration_s
    mode, tonic = np.unravel_index(int(key_fits(sounds_s).argmax()), (2, 12))
    # Of a major key, the tonic is 7 semitones a fifth from C; a minor one has the signature of the
    # major key three semitones above.
    major = (int(tonic) + 3 * int(mode)) % 12
    fifths = (7 * major + 5) % 12 - 5
    return key_name(fifths, is_minor=bool(mode))


def _marked_tempos(clock: Clock, begins: list[Fraction]) -> list[tuple[Fraction, float]]:
    """Tempo of the first bar, and of those that differ from what was marked before."""
    marked: list[tuple[Fraction, float]] = []
    for begin, end in pairwise(begins):
        lasts_s = clock.seconds(float(end)) - clock.seconds(float(begin))
        qpm = 60 * float(end - begin) / lasts_s
        if not marked or abs(log(qpm / marked[-1][1])) > _MARKED:
            marked.append((begin, round(qpm)))
    return marked
