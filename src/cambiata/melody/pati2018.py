"""Pati's "Neural Style Transfer for Musical Melodies" (2018): durations by another genre."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from cambiata.errors import InputError
from cambiata.melody.bars import STEPS, MelodyLine
from cambiata.melody.system import MelodyAmounts, MelodySystem, weights_setting
from cambiata.score.notation import Tone, Voice
from cambiata.weights import load_model

N_INTERVALS = 49  # two octaves down to two octaves up


def encode_notes(line: MelodyLine) -> list[tuple[int, int]]:
    """A melody as the post has it: intervals from note to note, and durations."""
    tones = line.voice(Voice(())).tones
    ends = [*(tone.start for tone in tones[1:]), tones[-1].end]
    max_interval = N_INTERVALS // 2
    before = [tones[0].pitch, *(tone.pitch for tone in tones)]
    return [
        (
            int(np.clip(tone.pitch - last, -max_interval, max_interval)),
            max(1, round((end - tone.start) * line.counting.scale * STEPS)),
        )
        for tone, last, end in zip(tones, before, ends, strict=False)
    ]


class Pati2018(MelodySystem):
    """A melody's pitches, their durations sampled from another genre's network.

    As published, it invents melodies: a genre's own pitches (`generate`) with another genre's
    durations. Given a melody, its pitches are taken instead. What the post names as its failures
    is left as it is: there is no knob (any amount is the whole), and neither bars nor phrases are
    kept; but for the output's length, which is the melody's: what is too long is cut, what is too
    short ends in silence. Genres are the dance types of our own tunes.
    """

    name: ClassVar[str] = "pati2018"
    summary: ClassVar[str] = (
        "a melody's pitches in durations that another genre's network samples; no knob"
    )
    paper: ClassVar[str] = "Pati 2018, Neural Style Transfer for Musical Melodies (blog post)"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"

    def __init__(self, weights: str = "pati2018") -> None:
        self._model = load_model(weights, self.name)
        self._genres: list[str] = self._model.about["genres"]
        self._durations: list[int] = self._model.about["durations"]

    @classmethod
    def configured(cls, settings: Mapping[str, str]) -> "Pati2018":
        """It, with other weights."""
        return cls(**weights_setting(settings))

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Styles that it knows by name, and the kinds of bars each is at home in."""
        kinds = [(n, compound) for n in (2, 3, 4) for compound in (False, True)]
        return dict.fromkeys(self._genres, kinds)

    def restyle(
        self,
        line: MelodyLine,
        style: str | Sequence[MelodyLine],
        amounts: MelodyAmounts,
        seed: int = 0,
        source: MelodyLine | None = None,
    ) -> MelodyLine:
        """A melody's pitches in durations of another genre."""
        del source
        genre = self._genre(style)
        if amounts.rhythm == 0:
            return line
        tones = line.voice(Voice(())).tones
        rng = np.random.default_rng(seed)
        states = self._start()
        before, onset = 0, tones[0].start
        new_tones = []
        for tone, (interval, _) in zip(tones, encode_notes(line), strict=True):
            logits, *states = self._model.part()(
                genre, np.array([interval + N_INTERVALS // 2 + 1]), np.array([before]), *states
            )
            sampled = _sample(logits[0], rng)
            length = Fraction(self._durations[sampled], STEPS) / line.counting.scale
            length = min(length, tones[-1].end - onset)
            if length <= 0:
                break
            new_tones.append(Tone(onset, length, tone.pitch, tone.velocity))
            before, onset = sampled + 1, onset + length
        new = MelodyLine.of(Voice(tuple(new_tones)), line.metre, line.pickup)
        silent = ((),) * (len(line.bars) - len(new.bars))
        return MelodyLine(new.bars + silent, line.metre, line.counting, line.pickup)

    def generate(self, style: str, n_notes: int, seed: int = 0) -> list[int]:
        """A genre's own pitches, as published."""
        genre, rng = self._genre(style), np.random.default_rng(seed)
        pitch_state, duration_state = self._start(), self._start()
        interval, duration, pitches = 0, 0, [69]
        while len(pitches) < n_notes:
            logits, *pitch_state = self._model.part("pitch")(
                genre, np.array([interval]), np.array([duration]), *pitch_state
            )
            interval = _sample(logits[0], rng) + 1
            logits, *duration_state = self._model.part()(
                genre, np.array([interval]), np.array([duration]), *duration_state
            )
            duration = _sample(logits[0], rng) + 1
            pitches.append(pitches[-1] + interval - 1 - N_INTERVALS // 2)
        return pitches

    def _genre(self, style: str | Sequence[MelodyLine]) -> Any:
        if not isinstance(style, str):
            raise InputError(
                self.name, "knows genres only", f"use one of {', '.join(self._genres)}"
            )
        if style not in self._genres:
            raise InputError(
                style, "is no style that is known", f"use one of {', '.join(self._genres)}"
            )
        return np.array([self._genres.index(style)])

    def _start(self) -> list[Any]:
        state = np.zeros((1, self._model.about["width"]), np.float32)
        return [state, state]


def _sample(logits: Any, rng: np.random.Generator) -> int:
    probabilities = np.exp(logits.astype(np.float64) - logits.max())
    return int(rng.choice(len(probabilities), p=probabilities / probabilities.sum()))
