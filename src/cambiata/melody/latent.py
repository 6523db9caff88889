"""Our melody transfer: what a bar's rhythm and pitches say, said as a style would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.melody.bars import Counting, Line, Pattern
from cambiata.melody.encoding import (
    LOWEST,
    N_BEATS,
    N_PITCHES,
    N_PLACES,
    Numbers,
    Reals,
    Vocabulary,
    numbers_of,
    pitch_number,
)
from cambiata.melody.system import (
    Amounts,
    Draft,
    Restyler,
    bar_of,
    closed,
    drafted,
    granted,
)
from cambiata.weights import load_model

_ALIKE = 0.1  # standard deviations
_UNKNOWN = -30.0  # nats
_FIRST = 1e6  # more than anything is wished for
ATTRIBUTES = ("density", "syncopation", "range", "direction")


@dataclass(frozen=True)
class LatentConfig:
    """Settings of `Latent`.

    Parameters
    ----------
    weights : str
        Shipped weights by name, or the path of an ONNX file of your own.
    rhythm_push, pitch_push : float
        How much more a style is asked for than it was learnt: what it makes likelier than the
        content's own style does counts so much again. Where the metre changes, rhythms are not
        pushed: the content's own style is at home in another.
    pitch_hold : float
        How much likelier, in nats, another pitch must be for a tone on the beat to be changed;
        tones between beats by their place: half of it on the half, none of it elsewhere.
    least_wish : float
        How much likelier, in nats, anything must be than what is there to be wished for: what is
        hardly wanted moves a tune away from itself and not towards the style.
    density, syncopation, range, direction : float
        More or less of it, in standard deviations of the bars of tunes.

    Examples
    --------
    >>> LatentConfig().density
    0.0
    """

    weights: str = "melody"
    rhythm_push: float = 0.25
    pitch_push: float = 0.5
    pitch_hold: float = 4.0
    least_wish: float = 0.0
    density: float = 0.0
    syncopation: float = 0.0
    range: float = 0.0
    direction: float = 0.0


class Latent(Restyler):
    """Bars' latents of rhythm and pitch, decoded in another style.

    The idea is EC2-VAE's (Yang et al. 2019), shrunk, with attributes in order along latents
    (Pati & Lerch 2020). Every distinct bar is encoded once, so that equal bars stay equal; its
    beats' rhythms are decoded in the new style, then the pitches of the new rhythm's tones. Of the
    changes that the style wants, the share that `amount` says is made, those it wants most first:
    0 gives the melody back, and what is changed at an amount is changed at any higher one.

    Parameters
    ----------
    config : LatentConfig
        Settings.

    Raises
    ------
    WeightsError
        The weights are missing or not this system's.

    Examples
    --------
    >>> Latent().styles()["reel"]
    [(4, False)]
    """

    name: ClassVar[str] = "melody"
    summary: ClassVar[str] = "turns a given melody towards a dance type or what other tunes show"
    paper: ClassVar[str] = "this project, after Yang et al. 2019 and Pati & Lerch 2020"

    def __init__(self, config: LatentConfig | None = None) -> None:
        self.config = config or LatentConfig()
        self._model = load_model(self.config.weights, self.name)

    @classmethod
    def configured(cls, settings: Mapping[str, str]) -> "Latent":
        """It, with some settings changed.

        Parameters
        ----------
        settings : mapping of str to str
            Values by name: those of `LatentConfig`.

        Returns
        -------
        Latent
            It.

        Raises
        ------
        InputError
            There is no such setting, or a value is no number.
        """
        known = {field.name: field.type for field in fields(LatentConfig)}
        values: dict[str, Any] = {}
        for name, text in settings.items():
            if name not in known:
                raise InputError(name, "is no setting", f"use one of {', '.join(known)}")
            try:
                values[name] = text if known[name] is str else float(text)
            except ValueError:
                raise InputError(f"{name}={text}", "is no number", "correct the value") from None
        return cls(LatentConfig(**values))

    @cached_property
    def words(self) -> Vocabulary:
        """Rhythms of beats that it knows."""
        return Vocabulary.from_json(self._model.about["words"])

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Styles that it knows by name, and the kinds of bars each is at home in.

        Returns
        -------
        dict
            Beats of a bar and whether they divide into three, the more usual first.
        """
        known: Mapping[str, Any] = self._model.about["styles"]
        return {
            name: [(int(n), bool(compound)) for n, compound in told["kinds"]]
            for name, told in known.items()
        }

    def style(self, shown: str | Sequence[Line]) -> Reals:
        """A style's vector.

        Parameters
        ----------
        shown : str or sequence of Line
            One of `styles`, or melodies that show it.

        Returns
        -------
        numpy.ndarray
            Of the name, or the mean over all bars of the melodies [1, n_style].

        Raises
        ------
        InputError
            There is no style of that name.
        """
        if isinstance(shown, str):
            known = self._model.about["styles"]
            if shown not in known:
                raise InputError(
                    shown,
                    "is no style that is known",
                    f"use one of {', '.join(known)}, or give a file or a folder of tunes",
                )
            return np.array([known[shown]["vector"]], np.float32)
        return np.asarray(np.mean([self._shown(line) for line in shown], axis=0), np.float32)

    def _shown(self, line: Line) -> Reals:
        numbers = numbers_of(line, [group[0] for group in line.groups().values()], self.words)
        found = self._model.part("style")(*numbers.seen)[0]
        return np.asarray(found.mean(axis=0, keepdims=True), np.float32)

    def recounted(self, of_rhythm: Reals, before: Counting, after: Counting) -> Reals:
        """What rhythms say, said in another metre: what is usual in one is usual in the other.

        Parameters
        ----------
        of_rhythm : numpy.ndarray
            Latents of rhythms [B, n_rhythm].
        before, after : Counting
            How their bars were counted, and how they are to be.

        Returns
        -------
        numpy.ndarray
            Each number at the same quantile of the bars of the other kind [B, n_rhythm].
        """
        known: Mapping[str, list[list[float]]] = self._model.about["quantiles"]
        if before.kind == after.kind or {str(before), str(after)} - set(known):
            return of_rhythm
        there, here = (np.array(known[str(each)]) for each in (before, after))
        shares = np.linspace(0, 1, len(there))
        moved = of_rhythm.copy()
        for i in range(moved.shape[1]):
            # Usual bars are said alike: of all the shares that say as much, the middle one counts.
            near = _ALIKE * float(there[:, i].std())
            low = np.searchsorted(there[:, i], of_rhythm[:, i] - near, "left")
            high = np.searchsorted(there[:, i], of_rhythm[:, i] + near, "right")
            middle = np.clip((low + high - 1) / 2, 0, len(there) - 1)
            moved[:, i] = np.interp(middle / (len(there) - 1), shares, here[:, i])
        return moved

    def restyled(
        self,
        line: Line,
        style: str | Sequence[Line],
        amounts: Amounts,
        seed: int = 0,
        source: Line | None = None,
    ) -> Line:
        """A melody turned towards a style.

        Parameters
        ----------
        line : Line
            The melody.
        style : str or sequence of Line
            One of `styles`, or melodies that show it.
        amounts : Amounts
            How far.
        seed : int
            Nothing is drawn.
        source : Line, optional
            The melody in its own metre, where that is another: what its rhythms say is heard there.

        Returns
        -------
        Line
            As many bars, in the same metre and scale; those that were equal still are.

        Raises
        ------
        InputError
            There is no style of that name.
        """
        del seed
        target = self.style(style)
        if amounts.is_nothing:
            return line
        source = source or line
        return _Work(self, line, source, (target, self._shown(source))).done(amounts)


class _Work:
    """A melody being turned: its distinct bars, encoded."""

    def __init__(
        self, latent: Latent, line: Line, source: Line, styles: tuple[Reals, Reals]
    ) -> None:
        self.line, self.words, self.config = line, latent.words, latent.config
        self.rhythm_push = self.config.rhythm_push if source is line else 0.0
        self.groups = list(line.groups().values())
        self.firsts = [group[0] for group in self.groups]
        self.weights = np.array([len(group) for group in self.groups], float)
        self.styles = styles  # the wanted one, and the melody's own
        self._beat, self._tone = latent._model.part("beat"), latent._model.part("tone")
        self.numbers: Numbers = numbers_of(line, self.firsts, self.words)
        encode = latent._model.part()
        self.of_rhythm, self.of_pitch = map(np.array, encode(*self.numbers.seen))
        if source is not line:
            # What rhythms say is heard in the metre that they were made for.
            own = encode(*numbers_of(source, self.firsts, self.words).seen)[0]
            self.of_rhythm = latent.recounted(np.array(own), source.counting, line.counting)
        places = ((self.of_rhythm, 0), (self.of_rhythm, 1), (self.of_pitch, 0), (self.of_pitch, 1))
        for name, (latents, at) in zip(ATTRIBUTES, places, strict=True):
            latents[:, at] += getattr(self.config, name) * latent._model.about["spread"][name]

    def done(self, amounts: Amounts) -> Line:
        drafts = self._drafts(amounts.rhythm)
        pitches = self._pitches(drafts, amounts.pitch)
        bars = list(self.line.bars)
        for draft, chosen, group in zip(drafts, pitches, self.groups, strict=True):
            if draft is None and chosen is None:
                continue
            kept = bars[group[0]]
            if draft is None:
                # In its own rhythm to the last detail; only pitches are new.
                tones = iter(pitch for pitch in chosen or () if pitch is not None)
                made = tuple(
                    replace(event, pitch=next(tones)) if event.is_tone else event for event in kept
                )
            else:
                made = bar_of(self.line.counting, draft, chosen or ())
                if len(bars) - 1 in group:
                    made = closed(kept, made)
            for index in group:
                bars[index] = made
        return Line(tuple(bars), self.line.metre, self.line.counting, self.line.pickup)

    # Rhythm

    def _beat_logits(self, before: npt.NDArray[np.int64], beat: int) -> npt.NDArray[np.float64]:
        n = len(self.firsts)
        one = np.zeros((n, N_BEATS), np.float32)
        one[:, beat] = 1
        target, own = (
            self._beat(
                self.of_rhythm, np.repeat(style, n, axis=0), before, one, self.numbers.frame
            )[0]
            for style in self.styles
        )
        logits = _log_softmax(target) + self.rhythm_push * (
            _log_softmax(target) - _log_softmax(own)
        )
        known = self.words.kinds[int(self.line.counting.is_compound)]
        return np.where(known, logits, -1e9)

    def _drafts(self, amount: float) -> list[Draft | None]:
        """Each distinct bar in its new rhythm; none where the rhythm stays."""
        content = self.numbers.rhythm
        n, n_beats = len(content), self.line.counting.n_beats
        # The whole bar as the style would have it, so that what is granted of it is the same at
        # every amount.
        wanted = np.zeros((n, 2 + N_BEATS), np.int64)
        wishes = np.zeros((n, n_beats))
        rows = np.arange(n)
        known = np.array([self._known(first) for first in self.firsts])
        for beat in range(n_beats):
            logits = self._beat_logits(wanted[:, [beat + 1, beat]], beat)
            wanted[:, beat + 2] = logits.argmax(axis=1)
            # A rhythm that is not known could not be said at all.
            own = np.where(known[:, beat], logits[rows, content[:, beat]], _UNKNOWN)
            wishes[:, beat] = logits.max(axis=1) - own - self.config.least_wish
        made = granted(wishes, np.repeat(self.weights[:, None], n_beats, axis=1), amount)
        drafts: list[Draft | None] = []
        for row, first in enumerate(self.firsts):
            if not made[row].any():
                drafts.append(None)
                continue
            bar = self.line.bars[first]
            as_it_is = self.line.patterns(bar)
            patterns: list[Pattern] = [
                self.words.pattern(int(wanted[row, beat + 2]))
                if made[row, beat]
                else as_it_is[beat]
                for beat in range(n_beats)
            ]
            drafts.append(drafted(self.line, bar, self.line.sounding(first), patterns))
        return drafts

    def _known(self, index: int) -> list[bool]:
        is_compound = self.line.counting.is_compound
        return [
            self.words.pattern(self.words.number(pattern, is_compound)) == pattern
            for pattern in self.line.patterns(self.line.bars[index])
        ]

    # Pitch

    def _pitches(
        self, drafts: Sequence[Draft | None], amount: float
    ) -> list[list[int | None] | None]:
        """Pitches of each distinct bar's events; none where nothing changes."""
        line = self.line
        whole = [
            draft
            or Draft(
                tuple(step for step, _ in line.steps(line.bars[first])),
                tuple(event if event.is_tone else None for event in line.bars[first]),
                tuple(False for _ in line.bars[first]),
            )
            for draft, first in zip(drafts, self.firsts, strict=True)
        ]
        most = max(draft.n_tones for draft in whole)
        n = len(whole)
        content = np.zeros((n, most), np.int64)
        places = np.zeros((n, most, N_BEATS + N_PLACES + 2), np.float32)
        there = np.zeros((n, most), bool)
        added = np.zeros((n, most), bool)
        fixed = np.zeros((n, most), bool)
        held = np.zeros((n, most))
        for row, draft in enumerate(whole):
            tones = [
                (step, tone, is_new)
                for step, tone, is_new in zip(draft.steps, draft.tones, draft.added, strict=True)
                if tone is not None
            ]
            begins = [step for step, _, _ in tones] + [line.counting.bar_steps]
            for place, (step, tone, is_new) in enumerate(tones):
                content[row, place] = pitch_number(line, tone.pitch or 0)
                places[row, place] = _place(line, step, begins[place + 1], is_first=place == 0)
                there[row, place], added[row, place] = True, is_new
                held[row, place] = _weight(line, step)
            if tones and len(line.bars) - 1 in self.groups[row]:
                fixed[row, len(tones) - 1] = True  # a tune ends on the tone that it ends on
        wishes = np.zeros((n, most))
        rows = np.arange(n)
        history = np.concatenate([self.numbers.before[:, ::-1], content], axis=1)
        for place in range(most):
            logits = self._tone_logits(history[:, [place + 1, place]], places[:, place])
            wishes[:, place] = logits.max(axis=1) - logits[rows, content[:, place]]
        # Tones that were not there have no pitch of their own to keep: they come first.
        held = np.where(added, -_FIRST, self.config.pitch_hold * held + self.config.least_wish)
        wishes = np.where(there & ~fixed & (wishes > 0), wishes - held, 0.0)
        made = granted(wishes, np.repeat(self.weights[:, None], most, axis=1), amount)
        chosen = content.copy()
        for place in range(most):
            history[:, 2:] = chosen
            logits = self._tone_logits(history[:, [place + 1, place]], places[:, place])
            chosen[:, place] = np.where(made[:, place], logits.argmax(axis=1), content[:, place])
        return [
            None
            if draft is None and not made[row].any()
            else self._named(made_of, chosen[row], made[row])
            for row, (draft, made_of) in enumerate(zip(drafts, whole, strict=True))
        ]

    def _named(
        self, draft: Draft, chosen: npt.NDArray[np.int64], made: npt.NDArray[np.bool_]
    ) -> list[int | None]:
        """MIDI numbers of a draft's events; tones that keep their pitch keep it to the octave."""
        found: list[int | None] = []
        place = 0
        for tone in draft.tones:
            if tone is None:
                found.append(None)
                continue
            own = tone.pitch or 0
            found.append(int(chosen[place]) + LOWEST + self.line.tonic if made[place] else own)
            place += 1
        return found

    def _tone_logits(
        self, before: npt.NDArray[np.int64], place: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        n = len(self.firsts)
        target, own = (
            self._tone(
                self.of_pitch,
                np.repeat(style, n, axis=0),
                before,
                place,
                self.numbers.frame,
                self.numbers.scale,
            )[0]
            for style in self.styles
        )
        logits = _log_softmax(target) + self.config.pitch_push * (
            _log_softmax(target) - _log_softmax(own)
        )
        degrees = (np.arange(N_PITCHES) + LOWEST) % 12
        return np.where(self.numbers.scale[:, degrees] > 0, logits, -1e9)


def _log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _weight(line: Line, step: int) -> float:
    """How much a place of the bar weighs: beats 1, their halves or thirds a half."""
    within = step % line.counting.beat_steps
    return 1.0 if within == 0 else 0.5 * (within % 12 == 0)


def _place(line: Line, step: int, end: int, *, is_first: bool) -> Reals:
    """Where a tone is in its bar, as the network was taught to see it."""
    counting = line.counting
    found = np.zeros(N_BEATS + N_PLACES + 2, np.float32)
    at, after = (each * 36 // counting.beat_steps for each in (step, end))
    found[at // 36] = 1
    found[N_BEATS + at % 36 // 3] = 1
    found[-2] = is_first
    found[-1] = (after - at) / 36
    return found
