"""Our melody transfer: latents of bars' rhythms and pitches, decoded in another style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.aliases import current_name
from cambiata.errors import InputError
from cambiata.melody.bars import Counting, MelodyLine, Pattern
from cambiata.melody.edits import Draft, close_last_bar, draft_bar, select_changes, write_bar
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
from cambiata.melody.system import MelodyAmounts, MelodySystem
from cambiata.weights import load_model

# Latents nearer than so many standard deviations count as one when ranks are taken: the usual bars
# are encoded alike, and any difference among them would be blown up.
_TIE_WIDTH = 0.1
# Log-probability of a rhythm that is not in the vocabulary, in nats: less likely than any that is,
# so that such a beat is among the first to change.
_UNKNOWN_LOGIT = -30.0
_ALWAYS_FIRST = 1e6  # a gain greater than any difference of log-probabilities
_FORBIDDEN_LOGIT = -1e9
# The first two numbers of the rhythm's latent and of the pitches', in the order of which they are
# trained.
ATTRIBUTES = ("density", "syncopation", "range", "direction")


@dataclass(frozen=True)
class LatentConfig:
    """Settings of `Latent`; docs/models/melody.md has what the defaults give."""

    weights: str = "melody"  # shipped weights by name, or the path of an ONNX file of your own
    # Guidance: how much the difference of log-probabilities in the new style and in the melody's
    # own counts again. Higher: more of the style and less of the melody. Where the metre changes,
    # rhythms get none: the melody's own style is at home in another metre.
    rhythm_push: float = 0.25
    pitch_push: float = 0.5
    # How much likelier, in nats, another pitch must be for a tone on the beat to be changed; half
    # as much on the half of a beat, nothing elsewhere. Higher: the melody's contour stays.
    pitch_hold: float = 4.0
    # How much likelier, in nats, anything must be than what is there to count as a gain. At 3 the
    # style grows more evenly with the amount, and a reel hardly becomes a hornpipe (the model
    # card).
    min_gain: float = 0.0
    # More or less of an attribute, in standard deviations of the bars of tunes.
    density: float = 0.0
    syncopation: float = 0.0
    range: float = 0.0
    direction: float = 0.0


class Latent(MelodySystem):
    """Bars' latents of rhythm and pitch, decoded in another style.

    The idea is EC2-VAE's (Yang et al. 2019), shrunk, with attributes in order along latents
    (Pati & Lerch 2020). Every distinct bar is encoded once, so that equal bars stay equal; its
    beats' rhythms are decoded in the new style, then the pitches of the new rhythm's tones. Of the
    changes that the style wants, the share `amount` is made, those of the greatest gain first:
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
    def from_settings(cls, settings: Mapping[str, str]) -> "Latent":
        """The system with some settings of `LatentConfig` changed."""
        types = {field.name: field.type for field in fields(LatentConfig)}
        values: dict[str, Any] = {}
        for given_name, text in settings.items():
            name = current_name("setting", given_name)
            if name not in types:
                raise InputError(name, "is not a setting", f"use one of {', '.join(types)}")
            try:
                values[name] = text if types[name] is str else float(text)
            except ValueError:
                raise InputError(f"{name}={text}", "is not a number", "correct the value") from None
        return cls(LatentConfig(**values))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Rhythms of beats that the networks know."""
        return Vocabulary.from_json(self._model.about["words"])

    def styles(self) -> dict[str, list[tuple[int, bool]]]:
        """Dance types, each with the kinds of bars that it is at home in, the more usual first."""
        style_facts: Mapping[str, Any] = self._model.about["styles"]
        return {
            name: [(int(n), bool(compound)) for n, compound in facts["kinds"]]
            for name, facts in style_facts.items()
        }

    def embed_style(self, style: str | Sequence[MelodyLine]) -> Reals:
        """Embedding of a dance type, or the mean over melodies that show a style [1, n_style]."""
        if isinstance(style, str):
            return np.array([self._facts_of(style)["vector"]], np.float32)
        return np.asarray(np.mean([self._embed_line(line) for line in style], axis=0), np.float32)

    def style_rhythms(self, style: str) -> list[tuple[list[int], int]]:
        """Rhythms of a dance type's bars, as indexes of `vocabulary`, and how often each occurs."""
        return [(rhythm, count) for rhythm, count in self._facts_of(style)["rhythms"]]

    def _facts_of(self, style: str) -> Mapping[str, Any]:
        style_facts: Mapping[str, Any] = self._model.about["styles"]
        if style not in style_facts:
            raise InputError(
                style,
                "is not a known style",
                f"use one of {', '.join(style_facts)}, or give a file or a folder of tunes",
            )
        facts: Mapping[str, Any] = style_facts[style]
        return facts

    def _embed_line(self, line: MelodyLine) -> Reals:
        """Mean embedding of a melody's distinct bars [1, n_style]."""
        encoded = encode_bars(line, [group[0] for group in line.groups().values()], self.vocabulary)
        embeddings = self._model.part("style")(*encoded.encoder_inputs)[0]
        return np.asarray(embeddings.mean(axis=0, keepdims=True), np.float32)

    def match_rhythm_quantiles(
        self, rhythm_latents: Reals, before: Counting, after: Counting
    ) -> Reals:
        """Rhythm latents of one metre's bars at the same quantiles of another's [B, n_rhythm].

        So that what is usual in the one is usual in the other.
        """
        quantiles: Mapping[str, list[list[float]]] = self._model.about["quantiles"]
        if before.kind == after.kind or {str(before), str(after)} - set(quantiles):
            return rhythm_latents
        old_quantiles, new_quantiles = (np.array(quantiles[str(each)]) for each in (before, after))
        ranks = np.linspace(0, 1, len(old_quantiles))
        mapped = rhythm_latents.copy()
        for i in range(mapped.shape[1]):
            # Of all the ranks that have as much, the middle one counts.
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
        target = self.embed_style(style)
        if amounts.is_nothing:
            return line
        source = source or line
        return _MelodyTransfer(self, line, source, (target, self._embed_line(source))).run(amounts)


class _MelodyTransfer:
    """A melody on its way to a style: its distinct bars, their latents, and the decoders."""

    def __init__(
        self, latent: Latent, line: MelodyLine, source: MelodyLine, styles: tuple[Reals, Reals]
    ) -> None:
        self.line, self.vocabulary, self.config = line, latent.vocabulary, latent.config
        self.rhythm_push = self.config.rhythm_push if source is line else 0.0
        self.groups = list(line.groups().values())
        self.first_bars = [group[0] for group in self.groups]
        self.weights = np.array([len(group) for group in self.groups], float)
        self.styles = styles  # the target's embedding, and the melody's own
        self._beat, self._tone = latent._model.part("beat"), latent._model.part("tone")
        self.encoded: EncodedBars = encode_bars(line, self.first_bars, self.vocabulary)
        encode = latent._model.part()
        self.rhythm_latents, self.pitch_latents = map(
            np.array, encode(*self.encoded.encoder_inputs)
        )
        if source is not line:
            # Rhythms are encoded in the metre that they were made for.
            own = encode(*encode_bars(source, self.first_bars, self.vocabulary).encoder_inputs)[0]
            self.rhythm_latents = latent.match_rhythm_quantiles(
                np.array(own), source.counting, line.counting
            )
        columns = [
            (latents, i) for latents in (self.rhythm_latents, self.pitch_latents) for i in (0, 1)
        ]
        for name, (latents, i) in zip(ATTRIBUTES, columns, strict=True):
            latents[:, i] += getattr(self.config, name) * latent._model.about["spread"][name]

    def run(self, amounts: MelodyAmounts) -> MelodyLine:
        """The melody with the shares of its changes made."""
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

    def _beat_logits(self, before: npt.NDArray[np.int64], beat: int) -> npt.NDArray[np.float64]:
        """Logits of a beat's rhythm in every bar, given the two beats before [B, n_words]."""
        n = len(self.first_bars)
        beat_one_hot = np.zeros((n, N_BEATS), np.float32)
        beat_one_hot[:, beat] = 1
        target, own = (
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
            _log_softmax(target) - _log_softmax(own)
        )
        allowed = self.vocabulary.kinds[int(self.line.counting.is_compound)]
        return np.where(allowed, logits, _FORBIDDEN_LOGIT)

    def _draft_rhythms(self, amount: float) -> list[Draft | None]:
        """Drafts of the distinct bars in new rhythms; None where the rhythm stays."""
        content = self.encoded.rhythm
        n, n_beats = len(content), self.line.counting.n_beats
        # The whole bar is decoded in the style first, so that gains are the same at every amount.
        decoded = np.zeros((n, 2 + N_BEATS), np.int64)
        gains = np.zeros((n, n_beats))
        rows = np.arange(n)
        in_vocabulary = np.array([self._in_vocabulary(first) for first in self.first_bars])
        for beat in range(n_beats):
            logits = self._beat_logits(decoded[:, [beat + 1, beat]], beat)
            decoded[:, beat + 2] = logits.argmax(axis=1)
            own_logits = np.where(
                in_vocabulary[:, beat], logits[rows, content[:, beat]], _UNKNOWN_LOGIT
            )
            gains[:, beat] = logits.max(axis=1) - own_logits - self.config.min_gain
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

    def _in_vocabulary(self, index: int) -> list[bool]:
        """Whether the rhythm of each beat of a bar is in the vocabulary."""
        is_compound = self.line.counting.is_compound
        return [
            self.vocabulary.pattern(self.vocabulary.index(pattern, is_compound)) == pattern
            for pattern in self.line.patterns(self.line.bars[index])
        ]

    def _choose_pitches(
        self, drafts: Sequence[Draft | None], amount: float
    ) -> list[list[int | None] | None]:
        """Pitches of each distinct bar's events; None where nothing changes."""
        full_drafts = [
            draft or self._draft_as_it_is(first)
            for draft, first in zip(drafts, self.first_bars, strict=True)
        ]
        tones = self._tone_table(full_drafts)
        n, max_tones = tones.pitches.shape
        gains = np.zeros((n, max_tones))
        rows = np.arange(n)
        history = np.concatenate([self.encoded.before[:, ::-1], tones.pitches], axis=1)
        for i in range(max_tones):
            logits = self._tone_logits(history[:, [i + 1, i]], tones.positions[:, i])
            gains[:, i] = logits.max(axis=1) - logits[rows, tones.pitches[:, i]]
        # Tones that were not there have no pitch of their own to keep: they come first.
        hold = np.where(
            tones.is_added,
            -_ALWAYS_FIRST,
            self.config.pitch_hold * tones.hold + self.config.min_gain,
        )
        gains = np.where(tones.may_change & (gains > 0), gains - hold, 0.0)
        selected = select_changes(
            gains, np.repeat(self.weights[:, None], max_tones, axis=1), amount
        )
        chosen = tones.pitches.copy()
        for i in range(max_tones):
            history[:, 2:] = chosen
            logits = self._tone_logits(history[:, [i + 1, i]], tones.positions[:, i])
            chosen[:, i] = np.where(selected[:, i], logits.argmax(axis=1), tones.pitches[:, i])
        return [
            None
            if draft is None and not selected[row].any()
            else self._midi_pitches(full_draft, chosen[row], selected[row])
            for row, (draft, full_draft) in enumerate(zip(drafts, full_drafts, strict=True))
        ]

    def _draft_as_it_is(self, index: int) -> Draft:
        """A bar in its own rhythm, as a draft."""
        bar = self.line.bars[index]
        return Draft(
            tuple(step for step, _ in self.line.steps(bar)),
            tuple(event if event.is_tone else None for event in bar),
            tuple(False for _ in bar),
        )

    def _tone_table(self, drafts: Sequence[Draft]) -> "_ToneTable":
        """The tones of all drafts as arrays."""
        line = self.line
        table = _ToneTable.empty(len(drafts), max(draft.n_tones for draft in drafts))
        for row, draft in enumerate(drafts):
            tones = [
                (step, tone, is_added)
                for step, tone, is_added in zip(draft.steps, draft.tones, draft.added, strict=True)
                if tone is not None
            ]
            starts = [step for step, _, _ in tones] + [line.counting.bar_steps]
            for i, (step, tone, is_added) in enumerate(tones):
                table.pitches[row, i] = encode_pitch(line, tone.pitch or 0)
                table.positions[row, i] = _encode_position(
                    line, step, starts[i + 1], is_first=i == 0
                )
                table.may_change[row, i], table.is_added[row, i] = True, is_added
                table.hold[row, i] = _beat_weight(line, step)
            if tones and len(line.bars) - 1 in self.groups[row]:
                table.may_change[row, len(tones) - 1] = False  # a tune's last tone stays
        return table

    def _midi_pitches(
        self, draft: Draft, chosen: npt.NDArray[np.int64], selected: npt.NDArray[np.bool_]
    ) -> list[int | None]:
        """MIDI numbers of a draft's events; tones that keep their pitch keep it to the octave."""
        pitches: list[int | None] = []
        i = 0
        for tone in draft.tones:
            if tone is None:
                pitches.append(None)
                continue
            new = int(chosen[i]) + LOWEST + self.line.tonic
            pitches.append(new if selected[i] else tone.pitch or 0)
            i += 1
        return pitches

    def _tone_logits(
        self, before: npt.NDArray[np.int64], place: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """Logits of a tone's pitch in every bar, given the two before [B, N_PITCHES].

        Pitches outside the melody's own scale are forbidden.
        """
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
        return np.where(self.encoded.scale[:, degrees] > 0, logits, _FORBIDDEN_LOGIT)


@dataclass(frozen=True)
class _ToneTable:
    """Tones of bars as arrays, bar by bar [B, n_tones]."""

    pitches: npt.NDArray[np.int64]  # as `encode_pitch` has them
    positions: Reals  # see `_encode_position` [B, n_tones, ...]
    may_change: npt.NDArray[np.bool_]
    is_added: npt.NDArray[np.bool_]
    hold: npt.NDArray[np.float64]  # see `_beat_weight`

    @classmethod
    def empty(cls, n_bars: int, n_tones: int) -> "_ToneTable":
        shape = (n_bars, n_tones)
        return cls(
            np.zeros(shape, np.int64),
            np.zeros((*shape, N_BEATS + N_BEAT_POSITIONS + 2), np.float32),
            np.zeros(shape, bool),
            np.zeros(shape, bool),
            np.zeros(shape),
        )


def _log_softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _beat_weight(line: MelodyLine, step: int) -> float:
    """Share of the hold at a step: 1 on beats, a half on their halves or thirds, else 0."""
    within = step % line.counting.beat_steps
    return 1.0 if within == 0 else 0.5 * (within % 12 == 0)


def _encode_position(line: MelodyLine, step: int, end: int, *, is_first: bool) -> Reals:
    """A tone's place in its bar, as the decoder takes it: beat, place in it, first, length."""
    counting = line.counting
    encoded = np.zeros(N_BEATS + N_BEAT_POSITIONS + 2, np.float32)
    onset_36, after = (each * 36 // counting.beat_steps for each in (step, end))
    encoded[onset_36 // 36] = 1
    encoded[N_BEATS + onset_36 % 36 // 3] = 1
    encoded[-2] = is_first
    encoded[-1] = (after - onset_36) / 36
    return encoded
