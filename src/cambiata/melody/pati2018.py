"""Pati's "Neural Style Transfer for Musical Melodies" (2018): durations by another genre."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from cambiata.errors import InputError
from cambiata.melody.bars import STEPS, MelodyLine
from cambiata.melody.system import MelodyAmounts, MelodySystem, weights_setting
from cambiata.score.sheet import Tone, Voice
from cambiata.weights import load_model

# Two octaves down to two octaves up; wider intervals count as two octaves. Shipped weights are
# built for it.
N_INTERVALS = 49
_A4 = 69  # MIDI number: where melodies that are made up begin
_ALL_KINDS = [(n_beats, is_compound) for n_beats in (2, 3, 4) for is_compound in (False, True)]


def encode_notes(line: MelodyLine) -> list[tuple[int, int]]:
    """Intervals from note to note, and durations in steps; rests belong to the note before."""
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
    def from_settings(cls, settings: Mapping[str, str]) -> "Pati2018":
        """The system with other weights."""
        return cls(**weights_setting(settings))

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Genres, each at home in all kinds of bars: the system does not count them."""
        return dict.fromkeys(self._genres, _ALL_KINDS)

    def restyle(
        self,
        line: MelodyLine,
        style: str | Sequence[MelodyLine],
        amounts: MelodyAmounts,
        seed: int = 0,
        source: MelodyLine | None = None,
    ) -> MelodyLine:
        """A melody's pitches in sampled durations of another genre, as long as the melody."""
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
        """Pitches that a genre's networks make up, as published: MIDI numbers, from A4 on."""
        genre, rng = self._genre(style), np.random.default_rng(seed)
        pitch_state, duration_state = self._start(), self._start()
        interval, duration, pitches = 0, 0, [_A4]
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
        """Index of a genre [1]; a style shown by melodies is refused."""
        if not isinstance(style, str):
            raise InputError(
                self.name, "knows genres only", f"use one of {', '.join(self._genres)}"
            )
        if style not in self._genres:
            raise InputError(style, "is not a known style", f"use one of {', '.join(self._genres)}")
        return np.array([self._genres.index(style)])

    def _start(self) -> list[Any]:
        """Hidden and cell state of an LSTM before the first note."""
        state = np.zeros((1, self._model.about["width"]), np.float32)
        return [state, state]


def _sample(logits: Any, rng: np.random.Generator) -> int:
    """A class drawn by its probability, at temperature 1."""
    probabilities = np.exp(logits.astype(np.float64) - logits.max())
    return int(rng.choice(len(probabilities), p=probabilities / probabilities.sum()))
