"""Timbre transfer: a content, a style and a system in; the content with the style's sound out.

`transfer` works on sounds in memory, `transfer_file` from file to file; how both keep length,
level and memory is `cambiata.render`'s affair. Translation (`cambiata.translation.api`) shares the
options and the report.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, get_args

import numpy as np

from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source, region
from cambiata.audio.writing import Destination, WrittenAudio
from cambiata.errors import SECONDS, SHARE, SOUND, InputError, check_numbers, check_seed, check_type
from cambiata.files import check_not_input
from cambiata.keywords import checked_keywords
from cambiata.page.comparison import Comparison
from cambiata.registry import DEFAULT_TRANSFER, transfer_system
from cambiata.render import ContentRender, OutputShape
from cambiata.style import open_style
from cambiata.system import DomainMix, Progress, make_system
from cambiata.timbre import Timbre
from cambiata.timbre_transfer.exhibits import transfer_exhibits

UnpitchedPart = Literal["drop", "keep"]


@dataclass(frozen=True)
class Options:
    """Options of a transfer: the keyword arguments of `transfer` and `transfer_file`.

    A new one is a field here, a key of `TransferKeywords` (or `ContentKeywords`, where `translate`
    takes it, too) and an option of the command line.

    Parameters
    ----------
    system : str
        Name of the system, as ``cambiata systems`` lists them.
    amount : float
        0 returns the content, 1 the full transfer; each system's docstring says how it goes part
        of the way.
    preset : str, optional
        Named configuration of the system; its first where not given.
    settings : mapping of str to object
        Changes to that configuration, by name.
    dynamics : {"content", "style"}, optional
        Source of the loudness of notes, where the system has this setting.
    octave : int or str, optional
        Octaves by which the notes are moved, or "auto": as near to the style's range as possible;
        where the system has this setting.
    transpose : int, optional
        Semitones by which the notes are moved, where the system has this setting.
    to_key : str, optional
        Key that they are moved to, the shortest way: "D", "Bb", "F#m"; likewise. The content's own
        is found by Krumhansl & Kessler's profiles (1982), among keys of the mode that is named, if
        any.
    start_s : float, optional
        Start of the content's region, in seconds.
    end_s : float, optional
        Its end.
    style_start_s : float, optional
        Start of the style's region, in seconds.
    style_end_s : float, optional
        Its end.
    in_place : bool
        Whether the output is the whole content with the region replaced, not the region alone.
    tail_s : float
        Seconds by which the output is longer than the content, so that the last note rings;
        not with `in_place`.
    unpitched : {"drop", "keep"}
        What becomes of the content's part without pitch (drums of a mix, breath): "keep" adds it to
        the result, at the level that it had.
    seed : int
        Seed of everything random: the same input and seed give the same output.
    strict : bool
        Refuse files that are unfinished or damaged, rather than use what is there of them.

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
    transpose: int | None = None
    to_key: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    style_start_s: float | None = None
    style_end_s: float | None = None
    in_place: bool = False
    tail_s: float = 0.0
    unpitched: str = "drop"
    seed: int = 0
    strict: bool = False

    def __post_init__(self) -> None:
        check_numbers(SHARE, amount=self.amount)
        times = ("start_s", "end_s", "style_start_s", "style_end_s", "tail_s")
        check_numbers(SECONDS, **{name: getattr(self, name) for name in times})
        if not 0 <= self.amount <= 1:
            raise InputError("amount", f"{self.amount:g} is out of range", "use 0 to 1")
        if not 0 <= self.tail_s <= 60:
            raise InputError("tail", f"{self.tail_s:g} s is out of range", "use 0 to 60 seconds")
        if self.unpitched not in get_args(UnpitchedPart):
            raise InputError("unpitched", f"{self.unpitched} is not known", "use keep or drop")
        if self.in_place and self.tail_s:
            raise InputError("tail", "does not go with in-place", "leave one of them out")
        check_seed(self.seed)


class ContentKeywords(TypedDict, total=False):
    """Those of `Options` that need no style: what `translate` takes as well.

    Examples
    --------
    >>> half: ContentKeywords = {"amount": 0.5}
    """

    system: str
    amount: float
    preset: str | None
    settings: Mapping[str, object]
    octave: int | str | None
    start_s: float | None
    end_s: float | None
    in_place: bool
    tail_s: float
    unpitched: str
    seed: int
    strict: bool


class TransferKeywords(ContentKeywords, total=False):
    """All fields of `Options`, for type checkers and editors.

    Examples
    --------
    >>> TransferKeywords(amount=0.5)
    {'amount': 0.5}
    """

    dynamics: str | None
    transpose: int | None
    to_key: str | None
    style_start_s: float | None
    style_end_s: float | None


@dataclass(frozen=True)
class Report:
    """Report of a transfer or a translation.

    Parameters
    ----------
    output : str
        Path of the file that was written.
    system : str
        Name of the system.
    config : dict
        Its configuration.
    amount : float
        Share of the way from the content to the full transfer.
    seed : int
        Seed of everything random.
    duration_s : float
        Length of the output, in seconds.
    sample_rate : int
        Samples per second of the output.
    n_channels : int
        Channels of the output.
    subtype : str
        Storage of its samples, as libsndfile names it.
    style_s : float
        Seconds of the style's region; 0 for a timbre from a file.
    style_used_s : float
        Seconds of it that were used; `TransferConfig.style_s` bounds them.
    content_loudness_db : float or None
        Loudness of the content's region, in LUFS; None below the -70 that the standard measures,
        where levels are matched by their RMS.
    gain_db : float
        Gain of the system's output that matched it.
    limited_db : float
        The most by which peaks over full scale were turned down.
    elapsed_s : float
        Seconds of work, the program's start not counted.
    real_time_factor : float
        `elapsed_s` over the seconds rendered, those around a region in place not counted; below
        1 is faster than real time.
    to : dict of str to float
        Domains of a translation and their shares.
    transposed : int
        Semitones by which the content's notes were moved, octaves among them.
    key : str or None
        Key that they were found in, where they were moved to another.
    octaves_above_style : int
        How many octaves the notes, as they were played, lie above the style's; 0 where they lie in
        one range.
    picture, listen : str or None
        Paths of the picture and of the page that were written.

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
    transposed: int = 0
    key: str | None = None
    octaves_above_style: int = 0
    picture: str | None = None
    listen: str | None = None


@checked_keywords
def transfer(
    content: Audio,
    style: Audio | Timbre | DomainMix,
    *,
    progress: Progress | None = None,
    **options: Unpack[TransferKeywords],
) -> Audio:
    """Sound of a content's notes and timing, played with the timbre of a style.

    Parameters
    ----------
    content : Audio
        Sound whose notes are played.
    style : Audio, Timbre or DomainMix
        Sound or timbre to play them with; a mix of domains is what `translate` gives.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        The fields of `Options`: ``system``, ``amount``, ``preset``, ``settings``, ``dynamics``,
        ``octave``, ``transpose``, ``to_key``, ``start_s``, ``end_s``, ``style_start_s``,
        ``style_end_s``, ``in_place``, ``tail_s``, ``unpitched``, ``seed``, ``strict``.

    Returns
    -------
    Audio
        As long as the content (or its region, plus the tail), at its rate, channels and
        loudness; digitally silent where it is. Peaks may exceed full scale: saving turns them down.

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
    check_type("content", content, Audio, SOUND)
    check_type("style", style, Audio | Timbre | DomainMix, f"{SOUND}, or a Timbre")
    if isinstance(style, Audio) and style.name == "audio":
        style = replace(style, name="style")
    named = replace(content, name="content") if content.name == "audio" else content
    blocks = _render(named, style, Options(**options)).blocks(progress)
    samples = np.concatenate(list(blocks), axis=1)
    return replace(content, samples=samples, name=f"{Path(named.name).stem} by {_name_of(style)}")


@checked_keywords
def transfer_file(
    content: str | Path,
    style: str | Path | DomainMix,
    output: str | Path,
    *,
    sample_rate: int | None = None,
    n_channels: int | None = None,
    subtype: str | None = None,
    picture: str | Path | None = None,
    listen: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
    **options: Unpack[TransferKeywords],
) -> Report:
    """Like `transfer`, from file to file: an hour needs little more memory than two minutes.

    Parameters
    ----------
    content : str or pathlib.Path
        Sound file whose notes are played; "-" is a wav on standard input.
    style : str, pathlib.Path or DomainMix
        Sound file to play them with, "-" likewise, or a ".timbre" file; a mix of domains is what
        `translate_file` gives.
    output : str or pathlib.Path
        File to write, its extension choosing the format; "-" is a wav on standard output. It
        appears whole or not at all.
    sample_rate : int, optional
        Samples per second of the output; the content's where not given.
    n_channels : int, optional
        Channels of the output; the content's where not given.
    subtype : str, optional
        How samples are stored; as in the content where not given, 24 bit for lossy content.
    picture : str or pathlib.Path, optional
        Picture to write, .png or .svg: spectrograms of content, style and result.
    listen : str or pathlib.Path, optional
        Web page to write, .html: players and spectrograms of them, in one file.
    force : bool
        Replace outputs that exist.
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1.
    **options : object
        The fields of `Options`.

    Returns
    -------
    Report
        Facts about the output and the work.

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
    chosen = Options(**options)
    source = AudioFile(content, strict=chosen.strict)
    check_not_input(output, "the content", content)
    if not isinstance(style, DomainMix):
        check_not_input(output, "the style", style)
    destination = Destination(
        output,
        like=_output_shape(source, chosen),
        sample_rate=sample_rate,
        n_channels=n_channels,
        subtype=subtype,
        force=force,
    )
    named = _name_of(style) if isinstance(style, DomainMix) else str(style)
    inputs = {"the content": content, "the style": named}
    comparison = Comparison(picture, listen, output=output, inputs=inputs, force=force)
    sound: Source | Timbre | DomainMix
    sound = style if isinstance(style, DomainMix) else open_style(style, strict=chosen.strict)
    render = _render(source, sound, chosen)
    written = destination.write(render.blocks(progress, destination.scratch))
    elapsed_s = time.perf_counter() - began
    if comparison.is_wanted:
        facts = {"system": chosen.system, "amount": f"{chosen.amount:g}"}
        exhibits = transfer_exhibits(render, named, written.path)
        comparison.write(exhibits, source.name, named, facts)
    to = dict(style.shares) if isinstance(style, DomainMix) else {}
    return _report(render, written, chosen, comparison, elapsed_s, to)


def _name_of(style: Audio | Timbre | DomainMix) -> str:
    """What a style is called in the name of what it plays."""
    if isinstance(style, DomainMix):
        return " + ".join(dict(style.shares))
    return Path(style.name).stem


def _output_shape(content: Source, options: Options) -> OutputShape:
    start, stop = region(content, options.start_s, options.end_s)
    n_samples = stop - start + round(options.tail_s * content.sample_rate)
    if options.in_place:
        n_samples = content.n_samples
    return OutputShape(
        content.name, content.sample_rate, content.n_channels, n_samples, content.subtype
    )


def _render(content: Source, style: Source | Timbre | DomainMix, options: Options) -> ContentRender:
    names = ("dynamics", "octave", "transpose", "to_key")
    extra = {name: getattr(options, name) for name in names}
    settings = {name: str(value) for name, value in extra.items() if value is not None}
    system = make_system(
        transfer_system(options.system), options.preset, {**options.settings, **settings}
    )
    return ContentRender(
        content,
        style,
        system,
        amount=options.amount,
        start_s=options.start_s,
        end_s=options.end_s,
        style_start_s=options.style_start_s,
        style_end_s=options.style_end_s,
        in_place=options.in_place,
        tail_s=options.tail_s,
        unpitched=options.unpitched,
        seed=options.seed,
    )


def _report(
    render: ContentRender,
    written: WrittenAudio,
    options: Options,
    comparison: Comparison,
    elapsed_s: float,
    to: dict[str, float],
) -> Report:
    return Report(
        output=written.path,
        system=options.system,
        config=asdict(render.system.config),
        amount=options.amount,
        seed=options.seed,
        duration_s=written.n_samples / written.sample_rate,
        sample_rate=written.sample_rate,
        n_channels=written.n_channels,
        subtype=written.subtype,
        style_s=render.style.region_s,
        style_used_s=render.style.used_s,
        content_loudness_db=render.loudness_db if np.isfinite(render.loudness_db) else None,
        gain_db=render.gain_db,
        limited_db=written.limited_db,
        elapsed_s=elapsed_s,
        real_time_factor=elapsed_s / render.rendered_s,
        to=to,
        transposed=render.system.semitones,
        key=None if render.system.key is None else str(render.system.key),
        octaves_above_style=render.octaves_above_style,
        picture=None if comparison.picture is None else str(comparison.picture),
        listen=None if comparison.page is None else str(comparison.page),
    )
