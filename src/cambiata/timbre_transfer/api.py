"""The main job: a content, a style and a system in; the content with the style's sound out.

Everything a user is promised of every system alike is kept here: any rate and channel count,
length, silence, loudness, regions, amounts, long inputs in bounded memory. What it costs to do so
is two readings of the content and one pass over a scratch file.
"""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.chunks import process_chunks, splice
from cambiata.audio.loudness import SILENCE, LoudnessMeter, silence_gate
from cambiata.audio.sound import (
    BLOCK_SAMPLES,
    Audio,
    AudioFile,
    Destination,
    Source,
    crop_blocks,
    pad_or_trim,
    region,
    resample,
)
from cambiata.errors import CambiataWarning, InputError, MissingExtraError
from cambiata.files import check_not_input
from cambiata.registry import (
    DEFAULT_TRANSFER,
    DEFAULT_TRANSLATOR,
    transfer_system,
    translate_system,
)
from cambiata.system import (
    DomainMix,
    Progress,
    TransferSystem,
    TranslateSystem,
    configure,
    read_style,
    refuse_short,
)
from cambiata.timbre import SUFFIX, Timbre, load_timbre

# A transfer whose loudness is this far from the content's has found nothing to play; beyond it
# the match would only bring up noise.
MAX_GAIN_DB = 40.0
_SPLICE_S = 0.01
_CONTEXT_S = 0.25


@dataclass(frozen=True)
class Options:
    """How to transfer; the keyword arguments of `transfer` and `transfer_file`.

    Parameters
    ----------
    system : str
        Name of the system, as ``cambiata systems`` lists them.
    amount : float
        0 returns the content, 1 the full transfer; each system's docstring says how it goes
        part of the way.
    preset : str, optional
        Named configuration of the system; its first where not given.
    settings : mapping of str to object
        Changes to that configuration, by name.
    dynamics : {"content", "style"}, optional
        Whose loud and soft notes, where the system has this setting.
    octave : int or str, optional
        Octaves by which the notes are moved, or "auto": as near to the style's range as can be;
        where the system has this setting.
    start_s : float, optional
        Where the content's region begins, in seconds.
    end_s : float, optional
        Where it ends.
    style_start_s : float, optional
        Where the style's region begins, in seconds.
    style_end_s : float, optional
        Where it ends.
    in_place : bool
        Return the whole content with the region replaced, rather than the region alone.
    tail_s : float
        Seconds by which the output is longer than the content, so that the last note rings;
        not with `in_place`.
    seed : int
        Seed of everything random: same input and seed, same output.

    Examples
    --------
    >>> Options(amount=0.5).system
    'oneshot'
    """

    system: str = DEFAULT_TRANSFER
    amount: float = 1.0
    preset: str | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    dynamics: str | None = None
    octave: int | str | None = None
    start_s: float | None = None
    end_s: float | None = None
    style_start_s: float | None = None
    style_end_s: float | None = None
    in_place: bool = False
    tail_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= 1:
            raise InputError("amount", f"{self.amount:g} is out of range", "use 0 to 1")
        if not 0 <= self.tail_s <= 60:
            raise InputError("tail", f"{self.tail_s:g} s is out of range", "use 0 to 60 seconds")
        if self.in_place and self.tail_s:
            raise InputError("tail", "does not go with in-place", "leave one of them out")
        if not 0 <= self.seed < 2**32:
            raise InputError("seed", f"{self.seed} is out of range", "use 0 to 4294967295")


@dataclass(frozen=True)
class Report:
    """What a transfer did.

    Parameters
    ----------
    output : str
        The file that was written.
    system : str
        The system.
    config : dict
        Its configuration.
    amount : float
        How much of the way it went.
    seed : int
        The seed.
    duration_s : float
        Length of the output, in seconds.
    sample_rate : int
        Samples per second of the output.
    n_channels : int
        Channels of the output.
    subtype : str
        How its samples are stored.
    style_s : float
        Seconds of the style's region; 0 for a kept timbre.
    style_used_s : float
        Seconds of it that were used; `TransferConfig.style_s` bounds them.
    content_loudness_db : float or None
        Loudness of the content's region, in LUFS; None below the -70 that the standard measures,
        where levels are matched by their RMS.
    gain_db : float
        What was added to the system's output to match it.
    limited_db : float
        The most that peaks over full scale were turned down.
    elapsed_s : float
        Seconds that the transfer took, the program's start not counted.
    real_time_factor : float
        `elapsed_s` over the seconds played, those around a region in place not counted; below 1
        is faster than real time.
    to : dict of str to float
        Domains and their shares, of a translation.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(Report)[0].name
    'output'
    """

    output: str
    system: str
    config: dict[str, Any]
    amount: float
    seed: int
    duration_s: float
    sample_rate: int
    n_channels: int
    subtype: str
    style_s: float
    style_used_s: float
    content_loudness_db: float | None
    gain_db: float
    limited_db: float
    elapsed_s: float
    real_time_factor: float
    to: dict[str, float] = field(default_factory=dict)


def transfer(
    content: Audio, style: Audio | Timbre, *, progress: Progress | None = None, **options: Any
) -> Audio:
    """The content's notes and timing, played with the style's sound.

    Parameters
    ----------
    content : Audio
        What is played.
    style : Audio or Timbre
        What it should sound like.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        The fields of `Options`: ``system``, ``amount``, ``preset``, ``settings``, ``dynamics``,
        ``octave``, ``start_s``, ``end_s``, ``style_start_s``, ``style_end_s``, ``in_place``,
        ``tail_s``, ``seed``.

    Returns
    -------
    Audio
        As long as the content (or its region, plus the tail), at its rate, channels and
        loudness; silent where it is silent. Peaks may exceed full scale: saving turns them down.

    Raises
    ------
    InputError
        Content or style is silent or too short, or an option does not fit.

    Examples
    --------
    >>> t = np.arange(22050) / 22050
    >>> low, bright = np.sin(2 * np.pi * 220 * t), np.sign(np.sin(2 * np.pi * 220 * t)) / 2
    >>> mixed = transfer(Audio(low, 22050), Audio(bright, 22050), amount=0.5)
    >>> mixed.samples.shape, mixed.sample_rate
    ((1, 22050), 22050)
    """
    if not isinstance(content, Audio) or not isinstance(style, Audio | Timbre):
        raise TypeError("content and style are Audio: cambiata.load(path) or Audio(samples, rate)")
    if isinstance(style, Audio) and style.name == "audio":
        style = replace(style, name="style")
    return _in_memory(content, style, _options(options), progress)


def _in_memory(
    content: Audio, style: Audio | Timbre | DomainMix, chosen: Options, progress: Progress | None
) -> Audio:
    named = replace(content, name="content") if content.name == "audio" else content
    with _Job(named, style, chosen).run(progress) as blocks:
        samples = np.concatenate(list(blocks), axis=1)
    return replace(content, samples=samples)


def transfer_file(
    content: str | Path,
    style: str | Path,
    output: str | Path,
    *,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Like `transfer`, from file to file: an hour needs no more memory than a minute.

    Parameters
    ----------
    content : str or pathlib.Path
        Sound file to be played; "-" is a wav on standard input.
    style : str or pathlib.Path
        Sound file to be played with; "-" likewise. Or a ".timbre" file.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output. It
        appears whole or not at all.
    sample_rate : int, optional
        Samples per second of the output; the content's where not given.
    n_channels : int, optional
        Channels of the output; the content's where not given.
    subtype : str, optional
        How samples are stored; as in the content where not given, 24 bit for lossy content.
    force : bool
        Replace an output that exists.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        The fields of `Options`.

    Returns
    -------
    Report
        What was done.

    Raises
    ------
    InputError
        An input, the output or an option cannot be used; nothing has been written then.

    Examples
    --------
    >>> transfer_file("nowhere.wav", "style.wav", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    began = time.perf_counter()
    if str(content) == "-" and str(style) == "-":
        raise InputError("-", "is content and style at once", "give a file for one of them")
    inputs = {"the content": content, "the style": style}
    is_kept = Path(style).suffix == SUFFIX
    with_style = partial(load_timbre, style) if is_kept else partial(AudioFile, style)
    shape = sample_rate, n_channels, subtype, force
    return _to_file(inputs, with_style, output, shape, progress, _options(options), began)


def translate(
    content: Audio,
    to: str | Mapping[str, float],
    *,
    progress: Progress | None = None,
    **options: Any,
) -> Audio:
    """A content's notes and timing, as a domain would play them.

    Parameters
    ----------
    content : Audio
        What is played.
    to : str or mapping of str to float
        A domain (`cambiata.domains`), or shares of several, which are brought to a sum of 1.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        The fields of `Options` but those of a style: ``system``, ``amount``, ``preset``,
        ``settings``, ``octave``, ``start_s``, ``end_s``, ``in_place``, ``tail_s``, ``seed``.

    Returns
    -------
    Audio
        As `transfer` returns it.

    Raises
    ------
    InputError
        There is no such domain, the content is silent or too short, or an option does not fit.

    Examples
    --------
    >>> t = np.arange(22050) / 22050
    >>> tone = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 7)) * np.exp(-t)
    >>> played = translate(Audio(tone, 22050), {"church-organ": 0.6, "sitar": 0.4})
    >>> played.samples.shape, played.sample_rate
    ((1, 22050), 22050)
    """
    if not isinstance(content, Audio):
        raise TypeError("content is Audio: cambiata.load(path) or Audio(samples, rate)")
    return _in_memory(content, DomainMix.of(to), _translation_options(options), progress)


def translate_file(
    content: str | Path,
    to: str | Mapping[str, float],
    output: str | Path,
    *,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> Report:
    """Like `translate`, from file to file: an hour needs no more memory than a minute.

    Parameters
    ----------
    content : str or pathlib.Path
        Sound file to be played; "-" is a wav on standard input.
    to : str or mapping of str to float
        A domain, or shares of several.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output. It
        appears whole or not at all.
    sample_rate : int, optional
        Samples per second of the output; the content's where not given.
    n_channels : int, optional
        Channels of the output; the content's where not given.
    subtype : str, optional
        How samples are stored; as in the content where not given, 24 bit for lossy content.
    force : bool
        Replace an output that exists.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        As in `translate`.

    Returns
    -------
    Report
        What was done.

    Raises
    ------
    InputError
        The domain, the input, the output or an option cannot be used; nothing has been written
        then.

    Examples
    --------
    >>> translate_file("nowhere.wav", "church-organ", "out.wav")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.wav: no such file; check the path
    """
    began = time.perf_counter()
    blend, shape = DomainMix.of(to), (sample_rate, n_channels, subtype, force)
    chosen = _translation_options(options)
    return _to_file({"the content": content}, lambda: blend, output, shape, progress, chosen, began)


def _to_file(
    inputs: Mapping[str, str | Path],
    with_style: Callable[[], "AudioFile | Timbre | DomainMix"],
    output: str | Path,
    shape: tuple[int | None, int | None, str | None, bool],
    progress: Progress | None,
    chosen: Options,
    began: float,
) -> Report:
    """A transfer or translation of the first input, written."""
    source = AudioFile(inputs["the content"])
    for role, path in inputs.items():
        check_not_input(output, role, path)
    sample_rate, n_channels, subtype, force = shape
    destination = Destination(
        output,
        like=_shape(source, chosen),
        sample_rate=sample_rate,
        n_channels=n_channels,
        subtype=subtype,
        force=force,
    )
    style = with_style()
    job = _Job(source, style, chosen)
    with job.run(progress, destination.scratch) as blocks:
        written = destination.write(blocks)
    elapsed_s = time.perf_counter() - began
    duration_s = written.n_samples / written.sample_rate
    return Report(
        output=written.path,
        system=chosen.system,
        config=asdict(job.system.config),
        amount=chosen.amount,
        seed=chosen.seed,
        duration_s=duration_s,
        sample_rate=written.sample_rate,
        n_channels=written.n_channels,
        subtype=written.subtype,
        style_s=job.style_s,
        style_used_s=job.style_used_s,
        content_loudness_db=job.loudness_db if np.isfinite(job.loudness_db) else None,
        gain_db=job.gain_db,
        limited_db=written.limited_db,
        elapsed_s=elapsed_s,
        real_time_factor=elapsed_s / job.played_s,
        to=dict(style.shares) if isinstance(style, DomainMix) else {},
    )


def _options(given: dict[str, Any], of: str = "transfer") -> Options:
    try:
        return Options(**given)
    except TypeError as error:
        raise TypeError(f"{of}: {error}") from None


def _translation_options(given: dict[str, Any]) -> Options:
    of_a_style = {"style_start_s", "style_end_s", "dynamics"} & given.keys()
    if of_a_style:
        raise TypeError(f"translate: takes no {', '.join(sorted(of_a_style))}")
    chosen = _options({"system": DEFAULT_TRANSLATOR, **given}, "translate")
    translate_system(chosen.system)  # refused before anything is read
    return chosen


@dataclass(frozen=True)
class _Shape:
    """What the output is like, before a sample of it exists."""

    name: str
    sample_rate: int
    n_channels: int
    n_samples: int
    subtype: str


def _shape(content: Source, options: Options) -> _Shape:
    start, stop = region(content, options.start_s, options.end_s)
    n_samples = stop - start + round(options.tail_s * content.sample_rate)
    if options.in_place:
        n_samples = content.n_samples
    return _Shape(content.name, content.sample_rate, content.n_channels, n_samples, content.subtype)


class _Job:
    """One transfer: checked when made, done when run."""

    def __init__(
        self, content: Source, style: Source | Timbre | DomainMix, options: Options
    ) -> None:
        self.content, self.options = content, options
        self.system = _configured(options)
        self.start, self.stop = region(content, options.start_s, options.end_s)
        self.tail = round(options.tail_s * content.sample_rate)
        self.gain_db = 0.0
        self._heard = self._survey()
        self.loudness_db = self._heard.loudness_db()
        self.style_s = self.style_used_s = 0.0
        self._kept: Any = None
        if isinstance(style, DomainMix):
            assert isinstance(self.system, TranslateSystem)
            self._kept = self.system.blend(style)
        elif isinstance(style, Timbre):
            if options.style_start_s is not None or options.style_end_s is not None:
                raise InputError(
                    style.name, "has no regions", "leave out the style's start and end"
                )
            self._kept = style.for_system(self.system)
        else:
            self._style, self.style_s = read_style(
                style, self.system, options.style_start_s, options.style_end_s
            )
            self.style_used_s = self._style.shape[0] / self.system.config.sample_rate

    def _survey(self) -> LoudnessMeter:
        """The content's region, heard once; refuses what cannot be transferred."""
        name, rate = self.content.name, self.content.sample_rate
        n_samples = self.stop - self.start
        refuse_short(name, n_samples / rate, self.system)
        meter, peak = LoudnessMeter(rate), 0.0
        for block in crop_blocks(self.content.blocks(), self.start, self.stop):
            meter.add(block)
            peak = max(peak, float(np.abs(block).max()))
        if peak < SILENCE:
            part = "is" if n_samples == self.content.n_samples else "the region is"
            raise InputError(name, f"{part} silent", "choose a recording or a region with sound")
        return meter

    @property
    def played_s(self) -> float:
        """Seconds that the system has to play."""
        return (self.stop - self.start + self.tail) / self.content.sample_rate

    def matching_gain_db(self, result: LoudnessMeter) -> float:
        """What brings the result to the content's loudness."""
        levels = self.loudness_db, result.loudness_db()
        if not np.isfinite(levels).all():  # below what the standard measures
            levels = self._heard.rms_db(), result.rms_db()
        difference = levels[0] - levels[1]
        if abs(difference) <= MAX_GAIN_DB:
            return difference
        told = (
            "hardly a note was heard in it; choose music with pitches"
            if isinstance(self.system, TranslateSystem)
            else "the style has next to nothing to play it with; choose a style with more notes, "
            "or --preset shifted"
        )
        warnings.warn(
            f"{self.content.name}: {told}",
            CambiataWarning,
            stacklevel=4,
        )
        if not np.isfinite(difference):
            return 0.0
        return float(np.clip(difference, -MAX_GAIN_DB, MAX_GAIN_DB))

    def run(self, progress: Progress | None, scratch: str | None = None) -> "_Result":
        """The transfer's result, to be used in a `with`; `scratch` is a folder."""
        return _Result(self, progress or (lambda _share: None), scratch)

    def transferred(self, progress: Progress) -> Iterator[Samples]:
        """The region as the system plays it, level not yet matched."""
        rate, config = self.content.sample_rate, self.system.config
        # A region is played with what lies around it, so that its ends are no cuts to the system.
        context = round(_CONTEXT_S * rate)
        lead = min(self.start, context)
        trail = 0 if self.tail else min(self.content.n_samples - self.stop, context)
        n_wanted = self.stop - self.start + self.tail
        n_samples = lead + n_wanted + trail
        progress(0.0)
        timbre = self.system.capture(self._style) if self._kept is None else self._kept

        def blocks() -> Iterator[Samples]:
            yield from crop_blocks(self.content.blocks(), self.start - lead, self.stop + trail)
            if self.tail:
                yield np.zeros((self.content.n_channels, self.tail), np.float32)

        def process(chunk: Samples, at: int) -> Samples:
            share = chunk.shape[1] / n_samples

            def tick(done: float) -> None:
                progress(min(1.0, at / n_samples + share * done))

            return self._rendered(chunk, at - lead, timbre, tick)

        played = process_chunks(
            blocks(),
            n_samples,
            process,
            chunk_samples=int(config.chunk_s * rate),
            overlap_samples=int(config.overlap_s * rate),
        )
        yield from crop_blocks(played, lead, lead + n_wanted)
        progress(1.0)

    def _rendered(self, chunk: Samples, at: int, timbre: Any, progress: Progress) -> Samples:
        """One chunk [C, T] through the system, channel by channel.

        By channel rather than by mid and side: two instruments left and right stay two contents,
        and what is in one channel cannot leak into the other. Equal channels are played once.
        """
        out = np.empty_like(chunk)
        for i, channel in enumerate(chunk):
            first = next((j for j in range(i) if np.array_equal(chunk[j], channel)), None)
            if first is not None:
                out[i] = out[first]
                continue

            def tick(done: float, i: int = i) -> None:
                progress((i + done) / chunk.shape[0])

            out[i] = self._rendered_channel(channel, at, timbre, tick)
        return out

    def _rendered_channel(
        self, channel: Samples, at: int, timbre: Any, progress: Progress
    ) -> Samples:
        rate, native = self.content.sample_rate, self.system.config.sample_rate
        amount = self.options.amount
        gate = self._gate(channel, at)
        if gate is not None and not gate.any():
            return np.zeros_like(channel)
        low = resample(channel, rate, native)
        # Mirrored at both ends: where a recording or a region is cut in the middle of a note, the
        # cut would sound like an attack and be played as one.
        margin = self.system.min_samples
        padded = np.pad(low, (margin, 0), mode="reflect")
        in_tail = self.tail > 0 and at + channel.shape[0] > self.stop - self.start
        padded = np.pad(padded, (0, margin), mode="constant" if in_tail else "reflect")
        played = self.system.render(
            padded,
            timbre,
            amount=amount,
            seed=self.options.seed,
            progress=progress,
        )[margin : margin + low.shape[0]]
        out = pad_or_trim(resample(played, native, rate), channel.shape[0])
        if native < rate and amount < 1:
            # The system cannot play what lies above its band: the content's fades out instead,
            # so that the result still approaches the content as the amount approaches 0.
            out = out + np.float32(1 - amount) * (
                channel - pad_or_trim(resample(low, native, rate), channel.shape[0])
            )
        return out if gate is None else out * gate

    def _gate(self, channel: Samples, at: int) -> Samples | None:
        """Silence stays silence; the tail, silent in the content, is faded to its end instead."""
        gate = silence_gate(channel, self.content.sample_rate)
        end = self.stop - self.start
        if gate is None or at + channel.shape[0] <= end or not self.tail:
            return gate
        where = np.arange(at, at + channel.shape[0])
        left = np.clip((end + self.tail - where) / self.tail, 0, 1)
        # What has fallen silent before the end does not come back to ring.
        sounding = gate[end - 1 - at] if end > at else np.float32(1)
        fade = sounding * (0.5 - 0.5 * np.cos(np.pi * left))
        return np.where(where < end, gate, fade).astype(np.float32)


class _Result:
    """A transfer under way: the system's output on disk, its level matched as it is read back."""

    def __init__(self, job: _Job, progress: Progress, scratch: str | None) -> None:
        self._job, self._progress = job, progress
        self._scratch = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> Iterator[Samples]:
        job = self._job
        if job.options.amount == 0:
            self._progress(1.0)
            played = crop_blocks(job.content.blocks(), job.start, job.stop)
            if job.tail:
                played = _chained(played, np.zeros((job.content.n_channels, job.tail), np.float32))
        else:
            played = self._matched()
        if job.options.in_place:
            rate = job.content.sample_rate
            played = splice(
                job.content.blocks(),
                job.content.n_samples,
                played,
                job.start,
                job.stop,
                fade_samples=round(_SPLICE_S * rate),
            )
        return played

    def __exit__(self, *_exception: object) -> None:
        self._scratch.close()

    def _matched(self) -> Iterator[Samples]:
        job = self._job
        meter = LoudnessMeter(job.content.sample_rate)
        at, end = 0, job.stop - job.start  # the tail is no part of what is compared
        for block in job.transferred(self._progress):
            if at < end:
                meter.add(block[:, : end - at])
            at += block.shape[1]
            self._scratch.write(np.ascontiguousarray(block.T, np.float32).tobytes())
        job.gain_db = job.matching_gain_db(meter)
        gain = np.float32(10 ** (job.gain_db / 20))
        self._scratch.seek(0)
        frame = 4 * job.content.n_channels
        while raw := self._scratch.read(BLOCK_SAMPLES * frame):
            block = np.frombuffer(raw, np.float32).reshape(-1, job.content.n_channels)
            yield np.ascontiguousarray(gain * block.T)


def _chained(blocks: Iterator[Samples], last: Samples) -> Iterator[Samples]:
    yield from blocks
    yield last


def _configured(options: Options) -> TransferSystem[Any, Any]:
    system = transfer_system(options.system)
    asked = {"dynamics": options.dynamics, "octave": options.octave}
    settings = {name: str(value) for name, value in asked.items() if value is not None}
    config = configure(
        options.system, system.presets, options.preset, {**options.settings, **settings}
    )
    try:
        return system(config)
    except ModuleNotFoundError as error:
        if system.extra is None:
            raise
        raise MissingExtraError(options.system, system.extra) from error
