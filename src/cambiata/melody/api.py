"""Melodies turned towards a style: in memory, and from file to file."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack, cast

from cambiata.errors import SHARE, SHEET, InputError, check_numbers, check_seed, check_type, warn
from cambiata.files import SCORE, check_not_inputs, check_output
from cambiata.keywords import checked_keywords
from cambiata.melody.bars import Counting, MelodyLine, melody_of_sheet
from cambiata.melody.metres import change_metre, target_metre, with_pickup
from cambiata.melody.system import MelodyAmounts, MelodySystem
from cambiata.names import nearest_names, plain_name
from cambiata.page.sidecars import Sidecars
from cambiata.registry import find_system
from cambiata.score import notation
from cambiata.score.notation import SUFFIXES
from cambiata.score.sheet import Sheet
from cambiata.weights import weights_checked


@dataclass(frozen=True)
class MelodyReport:
    """Report of `restyle_file`.

    Parameters
    ----------
    output : str
        The file that was written.
    system : str
        Name of the system.
    style : str
        The style that the melody was turned towards.
    rhythm, pitch : float
        Shares of the changes that were made, 0 to 1.
    metre : str
        Metre of the output.
    n_notes : int
        Notes of the output, all its parts counted.
    n_bars, n_changed_bars : int
        Full bars of the melody, and how many of them are not as they were.
    elapsed_s : float
        Seconds that it took.
    listen, picture : str or None
        Further files that were written.

    Examples
    --------
    >>> MelodyReport("a.mid", "melody", "reel", 1.0, 1.0, "4/4", 64, 8, 6, 0.1).n_changed_bars
    6
    """

    output: str
    system: str
    style: str
    rhythm: float
    pitch: float
    metre: str
    n_notes: int
    n_bars: int
    n_changed_bars: int
    elapsed_s: float
    listen: str | None = None
    picture: str | None = None


@checked_keywords
def melody_system(name: str, settings: Mapping[str, str] | None = None) -> MelodySystem:
    """A system for melodies, by its name.

    Parameters
    ----------
    name : str
        "melody" (ours), "pati2018" or "retrieval".
    settings : mapping of str to str, optional
        Its settings.

    Returns
    -------
    MelodySystem
        The system, with these settings.

    Raises
    ------
    InputError
        There is none of that name, or no such setting.

    Examples
    --------
    >>> "reel" in melody_system("melody").styles()
    True
    """
    system = cast("type[MelodySystem]", find_system(name, "melody"))
    return system.from_settings(settings or {})


class RestyleKeywords(TypedDict, total=False):
    """Keyword arguments of `restyle` that `restyle_file` hands on to it.

    Examples
    --------
    >>> RestyleKeywords(rhythm=0.5)
    {'rhythm': 0.5}
    """

    amount: float
    rhythm: float | None
    pitch: float | None
    metre: str
    pickup: str | None
    track: int | None
    skyline: bool
    system: str
    settings: Mapping[str, str] | None
    seed: int


@checked_keywords
@weights_checked()
def restyle(
    tune: Sheet,
    style: str | Sheet | Sequence[Sheet],
    *,
    amount: float = 1.0,
    rhythm: float | None = None,
    pitch: float | None = None,
    metre: str = "content",
    pickup: str | None = None,
    track: int | None = None,
    skyline: bool = False,
    system: str = "melody",
    settings: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Sheet:
    """A melody turned towards a style.

    Key, phrase lengths and, unless `metre` says otherwise, metre are kept; equal bars stay equal.
    Other voices stay as they are; where the metre changes they are left out.

    Parameters
    ----------
    tune : Sheet
        The melody.
    style : str, Sheet or sequence of Sheet
        A dance type, or melodies that show the style.
    amount : float
        0 is the melody as it is, 1 the whole turn.
    rhythm, pitch : float, optional
        The same for each of them; else as `amount`.
    metre : str
        "content" keeps the metre, "style" takes the style's, "6/8" that.
    pickup : str, optional
        Length of the incomplete first bar in quarter notes, "1/2", or "0" for none; as the tune
        says where not given.
    track : int, optional
        Which voice, from 1.
    skyline : bool
        Take the highest tones where several sound.
    system : str
        See `melody_system`.
    settings : mapping of str to str, optional
        The system's.
    seed : int
        Of what is sampled; only ``pati2018`` samples.

    Returns
    -------
    Sheet
        As long as the tune, in seconds as well.

    Raises
    ------
    InputError
        The tune is no melody, the style is not known or of another metre, or an amount is none.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from cambiata.score.sheet import Tone, Voice
    >>> tones = tuple(Tone(Fraction(i, 2), Fraction(1, 2), 60 + i * i % 9) for i in range(32))
    >>> output = restyle(Sheet((Voice(tones),)), "strathspey")
    >>> output.end, output.voices[0].tones == tones
    (Fraction(16, 1), False)
    """
    check_type("tune", tune, Sheet, SHEET)
    check_seed(seed)
    amounts = _amounts(amount, rhythm, pitch)
    tune = with_pickup(tune, pickup)
    number, line = melody_of_sheet(tune, track=track, skyline=skyline)
    turning = melody_system(system, settings)
    if isinstance(style, str):
        style = _style_named(style, turning.styles()) or style
    style_lines, name = _style_lines(style)
    kinds = _style_kinds(turning, style_lines, name)
    new_metre = target_metre(line, kinds, metre, tune.name, name)
    output = change_metre(line, new_metre) if new_metre is not None else line
    if output.counting.kind not in kinds:
        homes = ", ".join(str(Counting(*kind)) for kind in kinds)
        raise InputError(
            tune.name,
            f"is in {output.metre}, but {name} is in {homes}",
            'add `metre="style"` to change it',
        )
    output = turning.restyle(output, style_lines, amounts, seed, line)
    voice = output.voice(tune.voices[number])
    if new_metre is None:
        voices = (*tune.voices[:number], voice, *tune.voices[number + 1 :])
        return replace(tune, voices=voices)
    if len(tune.voices) > 1:
        warn(f"{tune.name}: its other parts are left out, as the metre changes")
    return replace(tune.counted_anew(output.metre, output.pickup), voices=(voice,))


@checked_keywords
def restyle_file(
    tune: str | Path,
    output: str | Path,
    *,
    style: str | Path,
    tune_number: int | None = None,
    listen: str | Path | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
    **options: Unpack[RestyleKeywords],
) -> MelodyReport:
    """Turn a melody in a file towards a style, and write it.

    Parameters
    ----------
    tune : str or pathlib.Path
        MIDI, MusicXML or ABC.
    output : str or pathlib.Path
        MIDI or MusicXML.
    style : str or pathlib.Path
        A dance type, a file of a melody, or a folder of such files.
    tune_number : int, optional
        X: number of the tune that is meant, where an ABC file holds several.
    listen : str or pathlib.Path, optional
        Write how it sounds there, played by plain oscillators; .html: a page of before and
        after.
    picture : str or pathlib.Path, optional
        Write a piano roll of before and after there, .svg or .png.
    strict : bool
        Refuse MIDI that is damaged, instead of reading what can be read.
    force : bool
        Replace files that exist.
    **options
        As for `restyle`.

    Returns
    -------
    MelodyReport
        The output and how much was changed.

    Raises
    ------
    InputError
        As for `restyle`; or a file cannot be read or written.

    Examples
    --------
    >>> restyle_file("nowhere.mid", "out.mid", style="reel")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    started = time.perf_counter()
    check_output(output, SCORE, force=force)
    inputs = {"the melody": tune, "the style": style}
    check_not_inputs(output, inputs)
    sidecars = Sidecars(listen, picture, force, output, inputs)
    sheet = notation.read(tune, strict=strict, tune_number=tune_number)
    sheet = with_pickup(sheet, options.get("pickup"))
    sidecars.check_length(str(tune), sheet.to_score())
    style_tunes = load_style_tunes(style, options.get("system", "melody"))
    output_sheet = restyle(sheet, style_tunes, **options)
    notation.write(output_sheet, output, force=force)
    sidecars.write(
        {"before": sheet.to_score(), f"after, towards {style}": output_sheet.to_score()},
        Path(tune).name,
    )
    amounts = _amounts(options.get("amount", 1.0), options.get("rhythm"), options.get("pitch"))
    n_bars, n_changed = _count_changed_bars(sheet, output_sheet, options.get("track"))
    return MelodyReport(
        output=str(output),
        system=options.get("system", "melody"),
        style=str(style),
        rhythm=amounts.rhythm,
        pitch=amounts.pitch,
        metre=str(output_sheet.metre),
        n_notes=sum(len(voice.tones) for voice in output_sheet.voices),
        n_bars=n_bars,
        n_changed_bars=n_changed,
        elapsed_s=round(time.perf_counter() - started, 3),
        **sidecars.paths,
    )


@checked_keywords
def load_style_tunes(style: str | Path, system: str = "melody") -> str | list[Sheet]:
    """The melodies in a style's file or folder; of a dance type, its name.

    Parameters
    ----------
    style : str or pathlib.Path
        A dance type, a file, or a folder of files.
    system : str
        Whose dance types.

    Returns
    -------
    str or list of Sheet
        The dance type, or the melodies.

    Raises
    ------
    InputError
        It is none of these, or no file in the folder can be read.

    Examples
    --------
    >>> load_style_tunes("reel")
    'reel'
    """
    if str(style) in melody_system(system).styles():
        return str(style)
    path = Path(style)
    if path.is_dir():
        sheets: list[Sheet] = []
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES:
                try:
                    sheets += notation.read_all(file)
                except InputError as error:
                    warn(str(error))
        if not sheets:
            raise InputError(str(style), "holds no melody that can be read", "give scores in it")
        return sheets
    if path.suffix.lower() in SUFFIXES:
        return notation.read_all(path)
    styles = melody_system(system).styles()
    name = _style_named(str(style), styles)
    if name is None:
        raise _unknown_style(str(style), styles)
    return name


def _style_named(style: str, styles: Iterable[str]) -> str | None:
    """A dance type as it is written here; capitals, dashes, underscores and spaces do not count."""
    return {plain_name(name): name for name in styles}.get(plain_name(style))


def _unknown_style(style: str, styles: Iterable[str]) -> InputError:
    near = nearest_names(plain_name(style), styles)
    cure = f"{near} use one of {', '.join(styles)}, or a file or a folder of tunes"
    return InputError(style, "is not a known style", cure.strip())


def _amounts(amount: float, rhythm: float | None, pitch: float | None) -> MelodyAmounts:
    """Both amounts; one that is not given follows `amount`."""
    values = {"amount": amount, "rhythm": rhythm, "pitch": pitch}
    check_numbers(SHARE, **values)
    for name, value in values.items():
        if value is not None and not 0 <= value <= 1:
            raise InputError(f"{name} {value:g}", "is out of range", "use 0 to 1")
    return MelodyAmounts(amount if rhythm is None else rhythm, amount if pitch is None else pitch)


def _style_lines(style: str | Sheet | Sequence[Sheet]) -> tuple[str | list[MelodyLine], str]:
    """A style as a system takes it, and its name for messages."""
    if isinstance(style, str):
        return style, style
    sheets = [style] if isinstance(style, Sheet) else list(style)
    for sheet in sheets:
        check_type("style", sheet, Sheet, f"a dance type's name, or {SHEET}")
    lines = []
    for sheet in sheets:
        try:
            lines.append(melody_of_sheet(sheet, skyline=True)[1])
        except InputError:
            if len(sheets) == 1:
                raise
    if not lines:
        raise InputError("style", "shows no melody", "give melodies of two bars at least")
    name = sheets[0].name if len(sheets) == 1 else f"{len(lines)} tunes"
    return lines, name


def _style_kinds(
    turning: MelodySystem, style: str | list[MelodyLine], name: str
) -> list[tuple[int, bool]]:
    """Kinds of bars that a style is at home in, the most usual first."""
    if isinstance(style, str):
        style_kinds = turning.styles()
        if style not in style_kinds:
            raise _unknown_style(name, style_kinds)
        return style_kinds[style]
    kinds = [line.counting.kind for line in style]
    return sorted(set(kinds), key=lambda kind: -kinds.count(kind))


def _count_changed_bars(before: Sheet, after: Sheet, track: int | None) -> tuple[int, int]:
    """Full bars of the melody, before or after, and how many of them are not as they were.

    An output that ends early has fewer bars than the melody: those it lacks have changed.
    """
    number = (track or 1) - 1
    lines = (
        MelodyLine.of(
            sheet.voices[min(number, len(sheet.voices) - 1)].skyline(), sheet.metre, sheet.pickup
        )
        for sheet in (before, after)
    )
    old, new = ([line.bars[i] for i in line.full_bars] for line in lines)
    n_bars = max(len(old), len(new))
    return n_bars, n_bars - sum(a == b for a, b in zip(old, new, strict=False))
