"""Our melody transfer: what a bar's rhythm and pitches say, said as a style would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.melody.bars import Counting, MelodyLine, Pattern
from cambiata.melody.encoding import (
    LOWEST,
    N_BEAT_POSITIONS,
    N_BEATS,
    N_PITCHES,
    EncodedBars,
    Reals,
    Vocabulary,
    encode_bars,
    encode_pitch,
)
from cambiata.melody.system import (
    Draft,
    MelodyAmounts,
    MelodySystem,
    close_last_bar,
    draft_bar,
    select_changes,
    write_bar,
)
from cambiata.weights import load_model

_TIE_WIDTH = 0.1  # standard deviations
_UNKNOWN_LOGIT = -30.0  # nats
_ALWAYS_FIRST = 1e6  # more than anything is wished for
ATTRIBUTES = ("density", "syncopation", "range", "direction")


@dataclass(frozen=True)
class LatentConfig:
    """Settings of `Latent`."""

    weights: str = "melody"  # Shipped weights by name, or the path of an ONNX file of your own
    # How much more a style is asked for than it was learnt: what it makes likelier than the
    # content's own style does counts so much again. Where the metre changes, rhythms are not
    # pushed: the content's own style is at home in another.
    rhythm_push: float = 0.25
    pitch_push: float = 0.5
    # How much likelier, in nats, another pitch must be for a tone on the beat to be changed;
    # tones between beats by their place: half of it on the half, none of it elsewhere
    pitch_hold: float = 4.0
    # How much likelier, in nats, anything must be than what is there to be wished for: what is
    # hardly wanted moves a tune away from itself and not towards the style
    least_wish: float = 0.0
    # More or less of it, in standard deviations of the bars of tunes
    density: float = 0.0
    syncopation: float = 0.0
    range: float = 0.0
    direction: float = 0.0


class Latent(MelodySystem):
    """Bars' latents of rhythm and pitch, decoded in another style.

    The idea is EC2-VAE's (Yang et al. 2019), shrunk, with attributes in order along latents
    (Pati & Lerch 2020). Every distinct bar is encoded once, so that equal bars stay equal; its
    beats' rhythms are decoded in the new style, then the pitches of the new rhythm's tones. Of the
    changes that the style wants, the share that `amount` says is made, those it wants most first:
    0 gives the melody back, and what is changed at an amount is changed at any higher one.
    """

    name: ClassVar[str] = "melody"
    summary: ClassVar[str] = "turns a given melody towards a dance type or what other tunes show"
    paper: ClassVar[str] = "this project, after Yang et al. 2019 and Pati & Lerch 2020"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"

    def __init__(self, config: LatentConfig | None = None) -> None:
        self.config = config or LatentConfig()
        self._model = load_model(self.config.weights, self.name)

    @classmethod
    def configured(cls, settings: Mapping[str, str]) -> "Latent":
        """It, with some settings changed."""
        settings_types = {field.name: field.type for field in fields(LatentConfig)}
        values: dict[str, Any] = {}
        for name, text in settings.items():
            if name not in settings_types:
                raise InputError(name, "is no setting", f"use one of {', '.join(settings_types)}")
            try:
                values[name] = text if settings_types[name] is str else float(text)
            except ValueError:
                raise InputError(f"{name}={text}", "is no number", "correct the value") from None
        return cls(LatentConfig(**values))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Rhythms of beats that it knows."""
        return Vocabulary.from_json(self._model.about["words"])

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Styles that it knows by name, and the kinds of bars each is at home in."""
        style_facts: Mapping[str, Any] = self._model.about["styles"]
        return {
            name: [(int(n), bool(compound)) for n, compound in facts["kinds"]]
            for name, facts in style_facts.items()
        }

    def style(self, shown: str | Sequence[MelodyLine]) -> Reals:
        """A style's vector.

        returns [1, n_style].
        """
        if isinstance(shown, str):
            style_facts = self._model.about["styles"]
            if shown not in style_facts:
                raise InputError(
                    shown,
                    "is no style that is known",
                    f"use one of {', '.join(style_facts)}, or give a file or a folder of tunes",
                )
            return np.array([style_facts[shown]["vector"]], np.float32)
        return np.asarray(np.mean([self._embed_line(line) for line in shown], axis=0), np.float32)

    def _embed_line(self, line: MelodyLine) -> Reals:
        encoded = encode_bars(line, [group[0] for group in line.groups().values()], self.vocabulary)
        embeddings = self._model.part("style")(*encoded.encoder_inputs)[0]
        return np.asarray(embeddings.mean(axis=0, keepdims=True), np.float32)

    def match_rhythm_quantiles(
        self, rhythm_latents: Reals, before: Counting, after: Counting
    ) -> Reals:
        """What rhythms say, said in another metre: what is usual in one is usual in the other.

        rhythm_latents: [B, n_rhythm]; returns [B, n_rhythm].
        """
        quantiles: Mapping[str, list[list[float]]] = self._model.about["quantiles"]
        if before.kind == after.kind or {str(before), str(after)} - set(quantiles):
            return rhythm_latents
        old_quantiles, new_quantiles = (np.array(quantiles[str(each)]) for each in (before, after))
        ranks = np.linspace(0, 1, len(old_quantiles))
        mapped = rhythm_latents.copy()
        for i in range(mapped.shape[1]):
            # Usual bars are said alike: of all the shares that say as much, the middle one counts.
            tie_width = _TIE_WIDTH * float(old_quantiles[:, i].std())
            low = np.searchsorted(old_quantiles[:, i], rhythm_latents[:, i] - tie_width, "left")
            high = np.searchsorted(old_quantiles[:, i], rhythm_latents[:, i] + tie_width, "right")
            middle = np.clip((low + high - 1) / 2, 0, len(old_quantiles) - 1)
            mapped[:, i] = np.interp(middle / (len(old_quantiles) - 1), ranks, new_quantiles[:, i])
        return mapped

    def restyle(
        self,
        line: MelodyLine,
        style: str | Sequence[MelodyLine],
        amounts: MelodyAmounts,
        seed: int = 0,
        source: MelodyLine | None = None,
    ) -> MelodyLine:
        """A melody turned towards a style."""
        del seed
        target = self.style(style)
        if amounts.is_nothing:
            return line
        source = source or line
        return _MelodyTransfer(self, line, source, (target, self._embed_line(source))).run(amounts)


class _MelodyTransfer:
    """A melody being turned: its distinct bars, encoded."""

    def __init__(
        self, latent: Latent, line: MelodyLine, source: MelodyLine, styles: tuple[Reals, Reals]
    ) -> None:
        self.line, self.vocabulary, self.config = line, latent.vocabulary, latent.config
        self.rhythm_push = self.config.rhythm_push if source is line else 0.0
        self.groups = list(line.groups().values())
        self.first_bars = [group[0] for group in self.groups]
        self.weights = np.array([len(group) for group in self.groups], float)
        self.styles = styles  # the wanted one, and the melody's own
        self._beat, self._tone = latent._model.part("beat"), latent._model.part("tone")
        self.encoded: EncodedBars = encode_bars(line, self.first_bars, self.vocabulary)
        encode = latent._model.part()
        self.rhythm_latents, self.pitch_latents = map(
            np.array, encode(*self.encoded.encoder_inputs)
        )
        if source is not line:
            # What rhythms say is heard in the metre that they were made for.
            own = encode(*encode_bars(source, self.first_bars, self.vocabulary).encoder_inputs)[0]
            self.rhythm_latents = latent.match_rhythm_quantiles(
                np.array(own), source.counting, line.counting
            )
        places = (
            (self.rhythm_latents, 0),
            (self.rhythm_latents, 1),
            (self.pitch_latents, 0),
            (self.pitch_latents, 1),
        )
        for name, (latents, at) in zip(ATTRIBUTES, places, strict=True):
            latents[:, at] += getattr(self.config, name) * latent._model.about["spread"][name]

    def run(self, amounts: MelodyAmounts) -> MelodyLine:
        drafts = self._draft_rhythms(amounts.rhythm)
        pitches = self._choose_pitches(drafts, amounts.pitch)
        bars = list(self.line.bars)
        for draft, pitches_of_bar, group in zip(drafts, pitches, self.groups, strict=True):
            if draft is None and pitches_of_bar is None:
                continue
            old_bar = bars[group[0]]
            if draft is None:
                # In its own rhythm to the last detail; only pitches are new.
                tones = iter(pitch for pitch in pitches_of_bar or () if pitch is not None)
                new_bar = tuple(
                    replace(event, pitch=next(tones)) if event.is_tone else event
                    for event in old_bar
                )
            else:
                new_bar = write_bar(self.line.counting, draft, pitches_of_bar or ())
                if len(bars) - 1 in group:
                    new_bar = close_last_bar(old_bar, new_bar)
            for index in group:
                bars[index] = new_bar
        return MelodyLine(tuple(bars), self.line.metre, self.line.counting, self.line.pickup)

    # Rhythm

    def _beat_logits(self, before: npt.NDArray[np.int64], beat: int) -> npt.NDArray[np.float64]:
        n = len(self.first_bars)
        beat_one_hot = np.zeros((n, N_BEATS), np.float32)
        beat_one_hot[:, beat] = 1
        target, source = (
            self._beat(
                self.rhythm_latents,
                np.repeat(style, n, axis=0),
                before,
                beat_one_hot,
                self.encoded.context,
            )[0]
            for style in self.styles
        )
        logits = _log_softmax(target) + self.rhythm_push * (
            _log_softmax(target) - _log_softmax(source)
        )
        allowed = self.vocabulary.kinds[int(self.line.counting.is_compound)]
        return np.where(allowed, logits, -1e9)

    def _draft_rhythms(self, amount: float) -> list[Draft | None]:
        """Each distinct bar in its new rhythm; none where the rhythm stays."""
        content = self.encoded.rhythm
        n, n_beats = len(content), self.line.counting.n_beats
        # The whole bar as the style would have it, so that what is granted of it is the same at
        # every amount.
        decoded = np.zeros((n, 2 + N_BEATS), np.int64)
        gains = np.zeros((n, n_beats))
        rows = np.arange(n)
        is_known = np.array([self._is_known(first) for first in self.first_bars])
        for beat in range(n_beats):
            logits = self._beat_logits(decoded[:, [beat + 1, beat]], beat)
            decoded[:, beat + 2] = logits.argmax(axis=1)
            # A rhythm that is not known could not be said at all.
            own_logits = np.where(is_known[:, beat], logits[rows, content[:, beat]], _UNKNOWN_LOGIT)
            gains[:, beat] = logits.max(axis=1) - own_logits - self.config.least_wish
        selected = select_changes(gains, np.repeat(self.weights[:, None], n_beats, axis=1), amount)
        drafts: list[Draft | None] = []
        for row, first in enumerate(self.first_bars):
            if not selected[row].any():
                drafts.append(None)
                continue
            bar = self.line.bars[first]
            own_patterns = self.line.patterns(bar)
            patterns: list[Pattern] = [
                self.vocabulary.pattern(int(decoded[row, beat + 2]))
                if selected[row, beat]
                else own_patterns[beat]
                for beat in range(n_beats)
            ]
            drafts.append(draft_bar(self.line, bar, self.line.sounding(first), patterns))
        return drafts

    def _is_known(self, index: int) -> list[bool]:
        is_compound = self.line.counting.is_compound
        return [
            self.vocabulary.pattern(self.vocabulary.number(pattern, is_compound)) == pattern
            for pattern in self.line.patterns(self.line.bars[index])
        ]

    # Pitch

    def _choose_pitches(
        self, drafts: Sequence[Draft | None], amount: float
    ) -> list[list[int | None] | None]:
        """Pitches of each distinct bar's events; none where nothing changes."""
        line = self.line
        full_drafts = [
            draft
            or Draft(
                tuple(step for step, _ in line.steps(line.bars[first])),
                tuple(event if event.is_tone else None for event in line.bars[first]),
                tuple(False for _ in line.bars[first]),
            )
            for draft, first in zip(drafts, self.first_bars, strict=True)
        ]
        max_tones = max(draft.n_tones for draft in full_drafts)
        n = len(full_drafts)
        content = np.zeros((n, max_tones), np.int64)
        places = np.zeros((n, max_tones, N_BEATS + N_BEAT_POSITIONS + 2), np.float32)
        is_present = np.zeros((n, max_tones), bool)
        added = np.zeros((n, max_tones), bool)
        is_fixed = np.zeros((n, max_tones), bool)
        hold = np.zeros((n, max_tones))
        for row, draft in enumerate(full_drafts):
            tones = [
                (step, tone, is_new)
                for step, tone, is_new in zip(draft.steps, draft.tones, draft.added, strict=True)
                if tone is not None
            ]
            bar_starts = [step for step, _, _ in tones] + [line.counting.bar_steps]
            for place, (step, tone, is_new) in enumerate(tones):
                content[row, place] = encode_pitch(line, tone.pitch or 0)
                places[row, place] = _encode_position(
                    line, step, bar_starts[place + 1], is_first=place == 0
                )
                is_present[row, place], added[row, place] = True, is_new
                hold[row, place] = _beat_weight(line, step)
            if tones and len(line.bars) - 1 in self.groups[row]:
                is_fixed[row, len(tones) - 1] = True  # a tune ends on the tone that it ends on
        gains = np.zeros((n, max_tones))
        rows = np.arange(n)
        history = np.concatenate([self.encoded.before[:, ::-1], content], axis=1)
        for place in range(max_tones):
            logits = self._tone_logits(history[:, [place + 1, place]], places[:, place])
            gains[:, place] = logits.max(axis=1) - logits[rows, content[:, place]]
        # Tones that were not there have no pitch of their own to keep: they come first.
        hold = np.where(
            added, -_ALWAYS_FIRST, self.config.pitch_hold * hold + self.config.least_wish
        )
        gains = np.where(is_present & ~is_fixed & (gains > 0), gains - hold, 0.0)
        selected = select_changes(
            gains, np.repeat(self.weights[:, None], max_tones, axis=1), amount
        )
        chosen = content.copy()
        for place in range(max_tones):
            history[:, 2:] = chosen
            logits = self._tone_logits(history[:, [place + 1, place]], places[:, place])
            chosen[:, place] = np.where(
                selected[:, place], logits.argmax(axis=1), content[:, place]
            )
        return [
            None
            if draft is None and not selected[row].any()
            else self._midi_pitches(full_draft, chosen[row], selected[row])
            for row, (draft, full_draft) in enumerate(zip(drafts, full_drafts, strict=True))
        ]

    def _midi_pitches(
        self, draft: Draft, chosen: npt.NDArray[np.int64], selected: npt.NDArray[np.bool_]
    ) -> list[int | None]:
        """MIDI numbers of a draft's events; tones that keep their pitch keep it to the octave."""
        pitches: list[int | None] = []
        place = 0
        for tone in draft.tones:
            if tone is None:
                pitches.append(None)
                continue
            own = tone.pitch or 0
            pitches.append(
                int(chosen[place]) + LOWEST + self.line.tonic if selected[place] else own
            )
            place += 1
        return pitches

    def _tone_logits(
        self, before: npt.NDArray[np.int64], place: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        n = len(self.first_bars)
        target, own = (
            self._tone(
                self.pitch_latents,
                np.repeat(style, n, axis=0),
                before,
                place,
                self.encoded.context,
                self.encoded.scale,
            )[0]
            for style in self.styles
        )
        logits = _log_softmax(target) + self.config.pitch_push * (
            _log_softmax(target) - _log_softmax(own)
        )
        degrees = (np.arange(N_PITCHES) + LOWEST) % 12
        return np.where(self.encoded.scale[:, degrees] > 0, logits, -1e9)


def _log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _beat_weight(line: MelodyLine, step: int) -> float:
    """How much a place of the bar weighs: beats 1, their halves or thirds a half."""
    within = step % line.counting.beat_steps
    return 1.0 if within == 0 else 0.5 * (within % 12 == 0)


def _encode_position(line: MelodyLine, step: int, end: int, *, is_first: bool) -> Reals:
    """Where a tone is in its bar, as the network was taught to see it."""
    counting = line.counting
    encoded = np.zeros(N_BEATS + N_BEAT_POSITIONS + 2, np.float32)
    onset_36, after = (each * 36 // counting.beat_steps for each in (step, end))
    encoded[onset_36 // 36] = 1
    encoded[N_BEATS + onset_36 % 36 // 3] = 1
    encoded[-2] = is_first
    encoded[-1] = (after - onset_36) / 36
    return encoded
