"""The one renderer: a content, or a score, through a system, at the right level and length.

What a user is promised of every system alike is kept here: any rate and channel count, length,
silence, loudness, regions, amounts, long inputs in bounded memory. A `Render` checks what it is
made of when it is constructed, and makes its sound while `blocks` is read: the system plays chunk
by chunk into a scratch file, whose level is matched as it is read back.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import cut, join, process_chunks, splice, split
from cambiata.audio.downmix import mono
from cambiata.audio.loudness import SILENCE, LoudnessMeter, silence_gate
from cambiata.audio.source import (
    BLOCK_SAMPLES,
    Source,
    crop_blocks,
    is_playable,
    pad_or_trim,
    region,
    resample,
)
from cambiata.audio.stereo_image import StereoMeter, with_image
from cambiata.audio.unpitched import unpitched_part
from cambiata.errors import CambiataError, InputError, warn
from cambiata.partials.pitch_evidence import PitchEvidence
from cambiata.partials.tuning import TuningMeter, describe_tuning
from cambiata.score.midi import Part
from cambiata.scratch import scratch_file
from cambiata.style import Style
from cambiata.system import (
    DomainMix,
    PlaySystem,
    Progress,
    StyleSystem,
    TransferSystem,
    TranslateSystem,
    refuse_short,
)
from cambiata.timbre import Timbre
from cambiata.weights import weights_checked

# Crossfade at both borders of a region that is put back: short enough not to smear an attack,
# long enough not to click.
_SPLICE_S = 0.01
# Sound around a region that the system also plays, so that the region's ends are no cuts to it;
# longer than the longest analysis window (125 ms, `vqvae`).
_CONTEXT_S = 0.25
# Where a score's output is cut while a note rings, it fades within this.
_FADE_S = 0.02
# Chunks that are played at once: each takes some 200 MB, and one thread leaves half of a small
# machine idle.
_AT_ONCE = min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class OutputShape:
    """An output as `audio.sound.Destination` wants it described, before a sample of it exists."""

    name: str
    sample_rate: int
    n_channels: int
    n_samples: int
    subtype: str


class Render(ABC):
    """A sound in the making: checked when constructed, made while `blocks` is read."""

    # The most that a level is changed to match: more would only bring up noise.
    max_gain_db: ClassVar[float]

    system: StyleSystem[Any, Any]
    style: Style
    sample_rate: int
    n_channels: int
    n_kept = 0  # rows of `_rendered` after the output's channels, which are added as they are
    gain_db = 0.0  # by how much the system's output was raised; known when `blocks` ends

    def blocks(
        self, progress: Progress | None = None, scratch: str | None = None
    ) -> Iterator[Samples]:
        """The sound [C, T], block by block; its scratch file lies in the folder `scratch`."""
        meter = LoudnessMeter(self.sample_rate)
        at, end = 0, self._n_compared()
        with scratch_file(scratch) as file:
            for block in self._rendered(progress or _no_progress):
                if not is_playable(block):
                    problem = "plays NaN or infinite samples; its weights or a timbre are damaged"
                    raise CambiataError(f"{self.system.name}: {problem}")
                if at < end:
                    meter.add(block[: self.n_channels, : end - at])
                at += block.shape[1]
                file.write(np.ascontiguousarray(block.T, np.float32).tobytes())
            self.gain_db = self._matching_gain_db(meter)
            gain = np.float32(10 ** (self.gain_db / 20))
            file.seek(0)
            n_rows = self.n_channels + self.n_kept
            while raw := file.read(BLOCK_SAMPLES * 4 * n_rows):
                block = np.frombuffer(raw, np.float32).reshape(-1, n_rows)
                played = gain * block.T[: self.n_channels]
                if self.n_kept:
                    played += block.T[self.n_channels :]
                yield np.ascontiguousarray(played)

    @abstractmethod
    def _rendered(self, progress: Progress) -> Iterator[Samples]:
        """The sound as the system plays it [C, T], level as it comes, then `n_kept` rows more."""

    @abstractmethod
    def _n_compared(self) -> int:
        """Samples whose level is compared, from the first."""

    @abstractmethod
    def _reference_db(self) -> tuple[float, float]:
        """Level to match: integrated loudness, and RMS for what the standard does not measure."""

    def _out_of_reach(self) -> str:
        """Warning where the level differs by more than `max_gain_db`; empty for none."""
        return ""

    def _matching_gain_db(self, meter: LoudnessMeter) -> float:
        wanted_db, wanted_rms_db = self._reference_db()
        difference = wanted_db - meter.loudness_db()
        if not np.isfinite(difference):  # below what the standard measures
            difference = wanted_rms_db - meter.rms_db()
        warning = self._out_of_reach()
        if warning and not abs(difference) <= self.max_gain_db:
            warn(warning)
        if not np.isfinite(difference):  # nothing but silence came out
            return 0.0
        return float(np.clip(difference, -self.max_gain_db, self.max_gain_db))

    def _chunk_sizes(self) -> tuple[int, int]:
        """Samples of a chunk and of an overlap."""
        config, rate = self.system.config, self.sample_rate
        return int(config.chunk_s * rate), int(config.overlap_s * rate)


class ContentRender(Render):
    """A content, or a region of it, played chunk by chunk with a style."""

    # A transfer further than this from the content's loudness has found nothing to play.
    max_gain_db = 40.0

    system: TransferSystem[Any, Any]

    def __init__(
        self,
        content: Source,
        style: Source | Timbre | DomainMix,
        system: TransferSystem[Any, Any],
        *,
        amount: float = 1.0,
        start_s: float | None = None,
        end_s: float | None = None,
        style_start_s: float | None = None,
        style_end_s: float | None = None,
        in_place: bool = False,
        tail_s: float = 0.0,
        unpitched: str = "drop",
        seed: int = 0,
    ) -> None:
        self.content, self.system = content, system
        self.amount, self.in_place, self.seed = amount, in_place, seed
        self.sample_rate, self.n_channels = content.sample_rate, content.n_channels
        self.start, self.stop = region(content, start_s, end_s)
        self.n_tail = round(tail_s * content.sample_rate)
        if unpitched == "keep":
            self.n_kept = content.n_channels
        self._pitched = LoudnessMeter(content.sample_rate)  # of the content without what is kept
        self._meter = self._measured()
        self._evidence: PitchEvidence | None = None  # of what was played
        self._heard: dict[int, list[PitchEvidence]] = {}  # by where a chunk begins
        self.octaves_above_style = 0  # of the notes as they are played; known when `blocks` ends
        self.style = Style(style, system, style_start_s, style_end_s)

    def _measured(self) -> LoudnessMeter:
        """Meter of the content's region, read once; refuses what cannot be transferred."""
        name, n_samples = self.content.name, self.stop - self.start
        refuse_short(name, n_samples / self.sample_rate, self.system)
        meter, peak = LoudnessMeter(self.sample_rate), 0.0
        tuning, stereo = TuningMeter(self.sample_rate, n_samples), StereoMeter()
        for block in crop_blocks(self.content.blocks(), self.start, self.stop):
            meter.add(block)
            stereo.add(block)
            if self.system.hears_pitches:
                tuning.add(block)
            peak = max(peak, float(np.abs(block).max()))
        if peak < SILENCE:
            subject = "is" if n_samples == self.content.n_samples else "the region is"
            raise InputError(name, f"{subject} silent", "choose a recording or a region with sound")
        self._is_one_image = stereo.is_one_image
        self.tuning_cents = tuning.cents()
        if self.tuning_cents:
            warn(f"{name}: {describe_tuning(self.tuning_cents)}; its tuning is kept")
        return meter

    @property
    def rendered_s(self) -> float:
        """Seconds of the region and its tail."""
        return (self.stop - self.start + self.n_tail) / self.sample_rate

    @property
    def loudness_db(self) -> float:
        """Integrated loudness of the content's region."""
        return self._meter.loudness_db()

    def blocks(
        self, progress: Progress | None = None, scratch: str | None = None
    ) -> Iterator[Samples]:
        """The sound [C, T]: the region and its tail, or in place the whole content."""
        if self.amount == 0:
            (progress or _no_progress)(1.0)
            played = self._with_tail(self.start, self.stop)
        else:
            played = super().blocks(progress, scratch)
        if not self.in_place:
            return played
        return splice(
            self.content.blocks(),
            self.content.n_samples,
            played,
            self.start,
            self.stop,
            fade_samples=round(_SPLICE_S * self.sample_rate),
        )

    def _with_tail(self, start: int, stop: int) -> Iterator[Samples]:
        """The content from one sample to another, and silence for the tail."""
        yield from crop_blocks(self.content.blocks(), start, stop)
        if self.n_tail:
            yield np.zeros((self.n_channels, self.n_tail), np.float32)

    def _n_compared(self) -> int:
        return self.stop - self.start  # without the tail, which the content does not have

    def _reference_db(self) -> tuple[float, float]:
        meter = self._pitched if self.n_kept else self._meter
        return meter.loudness_db(), meter.rms_db()

    def _out_of_reach(self) -> str:
        if self._evidence is not None and not self._evidence.is_pitched:
            return ""  # that was said
        problem = (
            "hardly a note was heard in it; choose music with pitches"
            if isinstance(self.system, TranslateSystem)
            else "the style has next to nothing to play it with; choose a style with more notes, "
            'or `preset="shifted"`'
        )
        return f"{self.content.name}: {problem}"

    def _rendered(self, progress: Progress) -> Iterator[Samples]:
        # A region is played with what lies around it, so that its ends are no cuts to the system.
        context = round(_CONTEXT_S * self.sample_rate)
        lead = min(self.start, context)
        trail = 0 if self.n_tail else min(self.content.n_samples - self.stop, context)
        n_wanted = self.stop - self.start + self.n_tail
        n_samples = lead + n_wanted + trail
        progress(0.0)
        at_once = _AT_ONCE if self.system.plays_at_once else 1
        if at_once > 1:
            self.style.begin()
        if self.system.listens_ahead:
            evidence = self._listen_ahead()
            self.system = self.system.settled(self.style.timbre(), evidence)
        shares = _Shares(progress)

        def process(chunk: Samples, start: int) -> Samples:
            report = shares.of(start, chunk.shape[1] / n_samples)
            played = self._render_chunk(chunk, start - lead, report)
            if not self.n_kept:
                return played
            return np.concatenate([played, self._unpitched(chunk), chunk])

        chunk_samples, overlap_samples = self._chunk_sizes()
        played = process_chunks(
            self._with_tail(self.start - lead, self.stop + trail),
            n_samples,
            process,
            chunk_samples=chunk_samples,
            overlap_samples=overlap_samples,
            n_at_once=at_once,
        )
        try:
            for block in crop_blocks(played, lead, lead + n_wanted):
                yield self._without_content(block) if self.n_kept else block
        finally:
            shares.stop()
        progress(1.0)
        for _, each in sorted(self._heard.items()):
            for heard in each:
                self._evidence = heard if self._evidence is None else self._evidence + heard
        self._warn_of_pitch()
        if self._evidence is not None:
            above = self.system.octaves_above(self.style.timbre(), self._evidence)
            self.octaves_above_style = above

    @property
    def _tuning(self) -> dict[str, float]:
        """What systems that detect notes get of the content's tuning."""
        return {"tuning_cents": self.tuning_cents} if self.system.hears_pitches else {}

    def _listen_ahead(self) -> PitchEvidence:
        """Notes of all of the content's region, chunk by chunk, its channels together."""
        rate, native = self.sample_rate, self.system.config.sample_rate
        evidence, least = PitchEvidence(), self.system.min_samples
        spans = split(self.stop - self.start, self._chunk_sizes()[0], 0)
        for chunk in cut(crop_blocks(self.content.blocks(), self.start, self.stop), spans):
            samples = resample(mono(chunk, rate)[0], rate, native)
            found = None
            if len(samples) >= least:
                with weights_checked():
                    found = self.system.listen(samples, **self._tuning)
            evidence = evidence if found is None else evidence + found
        return evidence

    def _unpitched(self, chunk: Samples) -> Samples:
        """What is kept of a chunk [C, T]: part of the way, when its morph has the rest of it."""
        kept = np.empty_like(chunk)
        for row, channel in zip(kept, chunk, strict=True):
            gate = silence_gate(channel, self.sample_rate)
            row[:] = unpitched_part(channel, self.sample_rate) * np.float32(self.amount)
            row *= 1 if gate is None else gate
        return kept

    def _without_content(self, block: Samples) -> Samples:
        """Rows that were played and kept; by those of the content [3 C, T] its pitched is measured.

        What is played is matched to it, so that both parts keep the levels that they had.
        """
        kept, content = block[self.n_channels : -self.n_kept], block[-self.n_kept :]
        n_left = self._n_compared() - self._pitched.n_samples
        if n_left > 0:
            self._pitched.add((content - kept)[:, :n_left])
        return block[: -self.n_kept]

    def _warn_of_pitch(self) -> None:
        """Say what becomes of a content that is not made of notes, or not of notes alone."""
        if self._evidence is None or not self._evidence.is_mixed:
            return
        name, keeps = self.content.name, bool(self.n_kept)
        if not self._evidence.is_pitched:
            sound = "its own sound comes out" if keeps else "mostly noise comes out"
            cure = "" if keeps else '; `unpitched="keep"` keeps its own sound'
            warn(f"{name}: hardly a note was heard in it, so that {sound}{cure}")
        elif not keeps:
            percent = 5 * round(20 * (1 - self._evidence.share))
            warn(
                f"{name}: about {percent} % of its power has no pitch that was heard (drums, "
                'breath, noise) and is left out; `unpitched="keep"` keeps it'
            )

    def _render_chunk(self, chunk: Samples, at: int, progress: Progress) -> Samples:
        """One chunk [C, T] through the system, channel by channel.

        By channel rather than by mid and side: two instruments left and right stay two contents,
        and what is in one channel cannot leak into the other. Equal channels are played once.
        Channels that are one image are played once, too, and the image is laid upon that: of each
        by itself other notes would be detected, and what differs would widen the image.
        """
        if self._is_one_image:
            return self._render_image(chunk, at, progress)
        out = np.empty_like(chunk)
        for i, channel in enumerate(chunk):
            twin = next((j for j in range(i) if np.array_equal(chunk[j], channel)), None)
            if twin is not None:
                out[i] = out[twin]
                continue

            def report(done: float, i: int = i) -> None:
                progress((i + done) / chunk.shape[0])

            out[i] = self._render_channel(channel, at, report)
        return out

    def _render_image(self, chunk: Samples, at: int, progress: Progress) -> Samples:
        """Two channels [2, T] that are one image, played once."""
        single = mono(chunk, self.sample_rate)
        out = with_image(
            self._render_channel(single[0], at, progress)[None], chunk, self.sample_rate
        )
        if self.amount < 1:
            # What an image does not keep of the content fades out, so that the result still
            # approaches the content as the amount approaches 0.
            out += np.float32(1 - self.amount) * (
                chunk - with_image(single, chunk, self.sample_rate)
            )
        for row, channel in zip(out, chunk, strict=True):
            gate = self._gate(channel, at)
            row *= 1 if gate is None else gate
        return out

    def _render_channel(self, channel: Samples, at: int, progress: Progress) -> Samples:
        """One channel [T] that begins at a sample of the region, at the system's rate and back."""
        rate, native = self.sample_rate, self.system.config.sample_rate
        gate = self._gate(channel, at)
        if gate is not None and not gate.any():
            return np.zeros_like(channel)
        low = resample(channel, rate, native)
        # Mirrored at both ends: where a recording or a region is cut in the middle of a note, the
        # cut would sound like an attack and be played as one.
        margin = self.system.min_samples
        padded = np.pad(low, (margin, 0), mode="reflect")
        in_tail = self.n_tail > 0 and at + channel.shape[0] > self.stop - self.start
        padded = np.pad(padded, (0, margin), mode="constant" if in_tail else "reflect")
        with weights_checked():
            evidence = self.system.listen(padded, **self._tuning)
        if evidence is not None:
            self._heard.setdefault(at, []).append(evidence)
        timbre = self.style.timbre()
        with weights_checked():
            played = self.system.render(
                padded,
                timbre,
                amount=self.amount,
                seed=self.seed,
                progress=progress,
                **self._tuning,
            )[margin : margin + low.shape[0]]
        out = pad_or_trim(resample(played, native, rate), channel.shape[0])
        if native < rate and self.amount < 1:
            # The system cannot play what lies above its band: the content's fades out instead,
            # so that the result still approaches the content as the amount approaches 0.
            out = out + np.float32(1 - self.amount) * (
                channel - pad_or_trim(resample(low, native, rate), channel.shape[0])
            )
        return out if gate is None else out * gate

    def _gate(self, channel: Samples, at: int) -> Samples | None:
        """Silence stays silence; the tail, silent in the content, is faded to its end instead."""
        gate = silence_gate(channel, self.sample_rate)
        end = self.stop - self.start
        if gate is None or at + channel.shape[0] <= end or not self.n_tail:
            return gate
        where = np.arange(at, at + channel.shape[0])
        left = np.clip((end + self.n_tail - where) / self.n_tail, 0, 1)
        # What has fallen silent before the end does not come back to ring.
        sounding = gate[end - 1 - at] if end > at else np.float32(1)
        fade = sounding * (0.5 - 0.5 * np.cos(np.pi * left))
        return np.where(where < end, gate, fade).astype(np.float32)


class ScoreRender(Render):
    """A part of a score played span by span with a style, at the system's rate."""

    # A system may play softly, as long as it plays: only silence is not raised without end.
    max_gain_db = 80.0

    system: PlaySystem[Any, Any]
    n_channels = 1

    def __init__(
        self,
        part: Part,
        style: Style,
        system: PlaySystem[Any, Any],
        *,
        duration_s: float,
        loudness_db: float,
        seed: int = 0,
    ) -> None:
        self.part, self.style, self.system, self.seed = part, style, system, seed
        self.sample_rate = system.config.sample_rate
        self.n_samples = int(round(duration_s * self.sample_rate))  # noqa: RUF046 (mypy: Any)
        self.loudness_db = loudness_db

    def _n_compared(self) -> int:
        return self.n_samples

    def _reference_db(self) -> tuple[float, float]:
        return self.loudness_db, self.loudness_db

    def _rendered(self, progress: Progress) -> Iterator[Samples]:
        progress(0.0)
        timbre, prepared = self.style.timbre(), self.system.prepare(self.part)
        spans = split(self.n_samples, *self._chunk_sizes())

        def chunks() -> Iterator[Samples]:
            for start, stop in spans:
                with weights_checked():
                    played = self.system.render(
                        prepared, timbre, start, stop - start, seed=self.seed
                    )
                yield played[None]
                progress(stop / self.n_samples)

        n_fade = min(round(_FADE_S * self.sample_rate), self.n_samples)
        at = 0
        for block in join(chunks(), spans):
            left = self.n_samples - at - np.arange(block.shape[1])
            yield block * np.minimum(1, left / n_fade).astype(np.float32)
            at += block.shape[1]


class _Shares:
    """Progress of chunks that are played at once, as that of them all."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._lock = progress, threading.Lock()
        self._done: dict[int, float] = {}
        self._stopped = False

    def stop(self) -> None:
        """End what still runs, of a sound that nobody waits for, where it next reports."""
        self._stopped = True

    def of(self, start: int, share: float) -> Callable[[float], None]:
        """Progress of the chunk that begins at a sample and is so large a share of them all."""

        def report(done: float) -> None:
            with self._lock:
                if self._stopped:
                    raise CancelledError
                self._done[start] = share * done
                self._progress(min(1.0, sum(self._done.values())))

        return report


def _no_progress(_share: float) -> None:
    """Report to nobody."""
