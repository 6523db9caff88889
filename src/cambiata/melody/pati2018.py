"""Pati's "Neural Style Transfer for Musical Melodies" (2018): durations by another genre."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from cambiata.errors import InputError
from cambiata.melody.bars import STEPS, Line
from cambiata.melody.system import Amounts, Restyler, weights_of
from cambiata.score.notation import Tone, Voice
from cambiata.weights import load_model

N_INTERVALS = 49  # two octaves down to two octaves up


def notes_of(line: Line) -> list[tuple[int, int]]:
    """A melody as the post has it: intervals from note to note, and durations.

    Parameters
    ----------
    line : Line
        The melody.

    Returns
    -------
    list of tuple of int
        Semitones from the note before, at most two octaves, 0 for the first; and steps as counted
        until the next note begins: rests belong to the note before.

    Examples
    --------
    >>> from cambiata.score.midi import Metre
    >>> tones = tuple(Tone(Fraction(i), Fraction(1), p) for i, p in enumerate((60, 64, 62)))
    >>> notes_of(Line.of(Voice(tones), Metre(3, 4)))
    [(0, 24), (4, 24), (-2, 24)]
    """
    tones = line.voice(Voice(())).tones
    ends = [*(tone.start for tone in tones[1:]), tones[-1].end]
    most = N_INTERVALS // 2
    before = [tones[0].pitch, *(tone.pitch for tone in tones)]
    return [
        (
            int(np.clip(tone.pitch - last, -most, most)),
            max(1, round((end - tone.start) * line.counting.scale * STEPS)),
        )
        for tone, last, end in zip(tones, before, ends, strict=False)
    ]


class Pati2018(Restyler):
    """A melody's pitches, their durations sampled from another genre's network.

    As published, it invents melodies: a genre's own pitches (`invented`) with another genre's
    durations. Given a melody, its pitches are taken instead. What the post names as its failures
    is left as it is: there is no knob (any amount is the whole), and neither bars nor phrases are
    kept; but for the output's length, which is the melody's: what is too long is cut, what is too
    short ends in silence. Genres are the dance types of our own tunes.

    Parameters
    ----------
    weights : str
        Shipped weights by name, or the path of an ONNX file of your own.

    Raises
    ------
    WeightsError
        The weights are missing or not this system's.

    Examples
    --------
    >>> len(Pati2018().invented("reel", 8))
    8
    """

    name: ClassVar[str] = "pati2018"
    summary: ClassVar[str] = (
        "a melody's pitches in durations that another genre's network samples; no knob"
    )
    paper: ClassVar[str] = "Pati 2018, Neural Style Transfer for Musical Melodies (blog post)"

    def __init__(self, weights: str = "pati2018") -> None:
        self._model = load_model(weights, self.name)
        self._genres: list[str] = self._model.about["genres"]
        self._durations: list[int] = self._model.about["durations"]

    @classmethod
    def configured(cls, settings: Mapping[str, str]) -> "Pati2018":
        """It, with other weights.

        Parameters
        ----------
        settings : mapping of str to str
            "weights" or nothing.

        Returns
        -------
        Pati2018
            It.

        Raises
        ------
        InputError
            There is no such setting.
        """
        return cls(**weights_of(settings))

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Styles that it knows by name, and the kinds of bars each is at home in.

        Returns
        -------
        dict
            All kinds: it does not count bars.
        """
        kinds = [(n, compound) for n in (2, 3, 4) for compound in (False, True)]
        return dict.fromkeys(self._genres, kinds)

    def restyled(
        self,
        line: Line,
        style: str | Sequence[Line],
        amounts: Amounts,
        seed: int = 0,
        source: Line | None = None,
    ) -> Line:
        """A melody's pitches in durations of another genre.

        Parameters
        ----------
        line : Line
            The melody.
        style : str
            One of `styles`.
        amounts : Amounts
            Nothing of the rhythm leaves the melody as it is; all else is the whole.
        seed : int
            Of the durations.
        source : Line, optional
            Not used.

        Returns
        -------
        Line
            As long as the melody.

        Raises
        ------
        InputError
            The style is given by example, or there is none of that name.
        """
        del source
        genre = self._genre(style)
        if amounts.rhythm == 0:
            return line
        tones = line.voice(Voice(())).tones
        draws = np.random.default_rng(seed)
        states = self._start()
        before, at = 0, tones[0].start
        made = []
        for tone, (interval, _) in zip(tones, notes_of(line), strict=True):
            logits, *states = self._model.part()(
                genre, np.array([interval + N_INTERVALS // 2 + 1]), np.array([before]), *states
            )
            drawn = _drawn(logits[0], draws)
            length = Fraction(self._durations[drawn], STEPS) / line.counting.scale
            length = min(length, tones[-1].end - at)
            if length <= 0:
                break
            made.append(Tone(at, length, tone.pitch, tone.velocity))
            before, at = drawn + 1, at + length
        new = Line.of(Voice(tuple(made)), line.metre, line.pickup)
        silent = ((),) * (len(line.bars) - len(new.bars))
        return Line(new.bars + silent, line.metre, line.counting, line.pickup)

    def invented(self, style: str, n_notes: int, seed: int = 0) -> list[int]:
        """A genre's own pitches, as published.

        Parameters
        ----------
        style : str
            One of `styles`.
        n_notes : int
            How many.
        seed : int
            Of what is drawn.

        Returns
        -------
        list of int
            MIDI numbers, from A4 on.

        Raises
        ------
        InputError
            There is no style of that name.
        """
        genre, draws = self._genre(style), np.random.default_rng(seed)
        of_pitch, of_duration = self._start(), self._start()
        interval, duration, pitches = 0, 0, [69]
        while len(pitches) < n_notes:
            logits, *of_pitch = self._model.part("pitch")(
                genre, np.array([interval]), np.array([duration]), *of_pitch
            )
            interval = _drawn(logits[0], draws) + 1
            logits, *of_duration = self._model.part()(
                genre, np.array([interval]), np.array([duration]), *of_duration
            )
            duration = _drawn(logits[0], draws) + 1
            pitches.append(pitches[-1] + interval - 1 - N_INTERVALS // 2)
        return pitches

    def _genre(self, style: str | Sequence[Line]) -> Any:
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


def _drawn(logits: Any, draws: np.random.Generator) -> int:
    chances = np.exp(logits.astype(np.float64) - logits.max())
    return int(draws.choice(len(chances), p=chances / chances.sum()))
