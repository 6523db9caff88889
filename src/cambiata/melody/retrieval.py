"""A baseline: each bar in the style's most usual rhythm that fits it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from cambiata.errors import InputError
from cambiata.melody.bars import MelodyLine, Pattern
from cambiata.melody.edits import close_last_bar, draft_bar, select_changes, write_bar
from cambiata.melody.encoding import Vocabulary
from cambiata.melody.latent import Latent, LatentConfig
from cambiata.melody.system import MelodyAmounts, MelodySystem, weights_setting

# Occurrences in the style that a bar's own rhythm is taken to have beyond those counted, so that
# one that never occurs has a finite gain, greater than one that occurs once.
_UNSEEN_COUNT = 0.5


class Retrieval(MelodySystem):
    """Rhythms of a style's bars, looked up; the melody's own pitches in order.

    For every distinct bar: of the rhythms of the style's bars, those with the nearest number of
    tones, and of these the most usual. Bars whose rhythm is least usual in the style are changed
    first.
    """

    name: ClassVar[str] = "retrieval"
    summary: ClassVar[str] = "each bar in the style's most usual rhythm that fits it: a baseline"
    paper: ClassVar[str] = "a baseline of our own"

    def __init__(self, weights: str = "melody") -> None:
        self._latent = Latent(LatentConfig(weights))

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> "Retrieval":
        """The system with other weights."""
        return cls(**weights_setting(settings))

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Dance types, as `Latent.styles`."""
        return self._latent.styles()

    def restyle(
        self,
        line: MelodyLine,
        style: str | Sequence[MelodyLine],
        amounts: MelodyAmounts,
        seed: int = 0,
        source: MelodyLine | None = None,
    ) -> MelodyLine:
        """A melody in the rhythms of a style; of the amounts only the rhythm's counts."""
        del seed, source
        rhythms = self._rhythms(line, style)
        if not rhythms:
            raise InputError(
                str(style), f"has no bars like those of {line.metre}", "choose another style"
            )
        groups = line.groups()
        counts = dict(rhythms)
        chosen: list[tuple[Pattern, ...]] = []
        gains = []
        for bar in groups:
            own = tuple(line.patterns(bar))
            nearest = min(abs(_n_tones(own) - _n_tones(rhythm)) for rhythm in counts)
            candidates = [r for r in counts if abs(_n_tones(own) - _n_tones(r)) == nearest]
            chosen.append(max(candidates, key=lambda rhythm: counts[rhythm]))
            gains.append(np.log(counts[chosen[-1]] / (counts.get(own, 0) + _UNSEEN_COUNT)))
            if chosen[-1] == own:
                gains[-1] = 0.0
        weights = np.array([len(group) for group in groups.values()], float)
        selected = select_changes(np.array(gains), weights, amounts.rhythm)
        bars = list(line.bars)
        for (bar, group), rhythm, is_selected in zip(groups.items(), chosen, selected, strict=True):
            if not is_selected:
                continue
            draft = draft_bar(line, bar, line.sounding(group[0]), rhythm)
            pitches = [None if tone is None else tone.pitch for tone in draft.tones]
            new = write_bar(line.counting, draft, pitches)
            if len(bars) - 1 in group:
                new = close_last_bar(bar, new)
            for index in group:
                bars[index] = new
        return MelodyLine(tuple(bars), line.metre, line.counting, line.pickup)

    def _rhythms(
        self, line: MelodyLine, style: str | Sequence[MelodyLine]
    ) -> list[tuple[tuple[Pattern, ...], int]]:
        """Rhythms of bars of the line's kind, and how often the style has them."""
        vocabulary: Vocabulary = self._latent.vocabulary
        n_beats, is_compound = line.counting.kind
        if not isinstance(style, str):
            counts: dict[tuple[Pattern, ...], int] = {}
            for example in style:
                if example.counting.kind == line.counting.kind:
                    for i in example.full_bars:
                        rhythm = tuple(example.patterns(example.bars[i]))
                        counts[rhythm] = counts.get(rhythm, 0) + 1
            return list(counts.items())
        return [
            (tuple(vocabulary.pattern(index) for index in rhythm if index), count)
            for rhythm, count in self._latent.style_rhythms(style)
            if sum(index > 0 for index in rhythm) == n_beats
            and bool(vocabulary.kinds[1][rhythm[0]]) == is_compound
        ]


def _n_tones(rhythm: Sequence[Pattern]) -> int:
    """Tones that begin in a bar of a rhythm."""
    return sum(is_tone for pattern in rhythm for _, is_tone in pattern)
