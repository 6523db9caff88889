"""Drum grooves interpolated: two drum parts in, one between them out.

Either may be a recording of drums, whose hits are heard first.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from cambiata.audio.sound import Audio, AudioFile
from cambiata.audio.source import Source
from cambiata.errors import SCORE, InputError, check_type
from cambiata.files import MIDI, MIDI_INPUT_SUFFIXES, check_not_inputs, check_output
from cambiata.groove.grid import Groove, Strike, drum_strikes, replace_drums
from cambiata.groove.phrases import fit_bars, nearest_phrases
from cambiata.groove.recordings import hear_groove
from cambiata.groove.system import GrooveAmounts, GrooveSystem
from cambiata.keywords import checked_keywords
from cambiata.page.sidecars import Sidecars
from cambiata.registry import find_system, system_names
from cambiata.score.midi import Metre, Score, check_drums, load, save
from cambiata.score.notation import SUFFIXES, is_score, read_score
from cambiata.transcription.tempo import check_tempo
from cambiata.weights import weights_checked

# Metres that `metre` takes: note values that MIDI can write, and as many beats as a bar may have.
_UNITS, _MAX_BEATS = ("1", "2", "4", "8", "16"), 32


@dataclass(frozen=True)
class GrooveReport:
    """Report of `groove_file`.

    Parameters
    ----------
    output : str
        The file written.
    system : str
        "exact" or "vae".
    hits : float
        Amount of the way that hits went, 0 to 1.
    velocity : float
        Likewise, how hard.
    timing : float
        Likewise, when.
    n_bars : int
        Bars that the drums of A play in.
    grid : str
        A's: sixteenths, or triplets of eighths or sixteenths.
    n_notes : int
        Notes of drums that were written.
    quarters_per_minute : float
        The tempo, A's, where it begins.
    n_grooves : int
        How many files B is.
    elapsed_s : float
        Seconds that it took.
    listen, picture : str or None
        Further files that were written.

    Examples
    --------
    >>> GrooveReport("c.mid", "exact", 0.3, 0.3, 0.3, 4, "sixteenths", 64, 120.0, 1, 0.1).n_bars
    4
    """

    output: str
    system: str
    hits: float
    velocity: float
    timing: float
    n_bars: int
    grid: str
    n_notes: int
    quarters_per_minute: float
    n_grooves: int
    elapsed_s: float
    listen: str | None = None
    picture: str | None = None


@checked_keywords
def morph_groove(
    a: Score | Audio,
    b: Score | Audio | Sequence[Score],
    *,
    amount: float = 0.5,
    hits: float | None = None,
    velocity: float | None = None,
    timing: float | None = None,
    system: str = "exact",
    metre: str | None = None,
    tempo: float | Literal["auto"] = "auto",
    tempo_b: float | Literal["auto"] = "auto",
    weights: str = "groove",
    seed: int = 0,
) -> Score:
    """A drum part some part of the way from one groove to another, or to a drummer.

    At amount 0 the drums are A's, note for note. At 1, where B is one groove, they are B's, note
    for note: repeated or cut at a bar to A's length, at A's tempo. Where B is a drummer (several
    scores), each two bars of A go towards the drummer's nearest two bars. With ``exact``, hits that
    stay take velocities and offsets that stand in the drummer's whole playing where they stood in
    A, so that at 1 all strokes are the drummer's, on matched ones with A's accents in the drummer's
    measure; with ``vae``, the nearest bars count as B.

    Parameters
    ----------
    a : Score or Audio
        With drums; its tempos, its metres and its other parts are kept. Of a recording the drums
        are heard, and its bars begin with the music's first.
    b : Score, Audio or sequence of Score
        With drums; several are a drummer.
    amount : float
        How far of the way, 0 to 1; half of it where not given.
    hits : float, optional
        How far with what is struck; `amount` where not given.
    velocity : float, optional
        Likewise, how hard.
    timing : float, optional
        Likewise, when.
    system : {"exact", "vae"}
        Without learning, in the order of metrical salience (`Interpolation`), or through the latent
        space of a small variational autoencoder (`LatentInterpolation`).
    metre : str, optional
        Metre of scores that say none, "4/4", which is a recording's where not given.
    tempo : float or "auto"
        Quarter notes a minute of A, where it is a recording; "auto" finds them.
    tempo_b : float or "auto"
        Likewise of B.
    weights : str
        The autoencoder's weights: shipped ones by name, or a path.
    seed : int
        Taken for uniformity; nothing is random here.

    Returns
    -------
    Score
        A's, with other drums.

    Raises
    ------
    InputError
        A score has no drums or no metre, their metres do not go together, or an amount is out of
        range.

    Examples
    --------
    >>> from cambiata.score.midi import Clock, Note, Part
    >>> four = Clock(metres=((0.0, Metre(4, 4)),))
    >>> a = Score((Part((Note(0.0, 0.1, 36, 90),), is_drum=True),), clock=four)
    >>> b = Score((Part((Note(0.02, 0.1, 36, 50),), is_drum=True),), clock=four)
    >>> [drum] = morph_groove(a, b, amount=0.25).parts[0].notes
    >>> drum.velocity, round(drum.start_s, 3)
    (80, 0.005)
    """
    del seed
    _refuse_unknown(system)
    amounts = GrooveAmounts.of(amount, hits, velocity, timing)
    if isinstance(a, Audio):
        a = _hear(a, tempo, metre)
    if isinstance(b, Audio):
        b = _hear(b, tempo_b, metre)
    check_type("a", a, Score, SCORE)
    others = [b] if isinstance(b, Score | str | Path) else list(b)
    for other in others:
        check_type("b", other, Score, f"{SCORE}, or several")
    drummer = None if isinstance(b, Score) else "drummer"
    return _morph(a, others, drummer, amounts, system, metre, weights)[0]


@checked_keywords
def groove_file(
    a: str | Path,
    b: str | Path,
    output: str | Path,
    *,
    amount: float = 0.5,
    hits: float | None = None,
    velocity: float | None = None,
    timing: float | None = None,
    system: str = "exact",
    metre: str | None = None,
    tempo: float | Literal["auto"] = "auto",
    tempo_b: float | Literal["auto"] = "auto",
    weights: str = "groove",
    drums: int | None = None,
    seed: int = 0,
    listen: str | Path | None = None,
    picture: str | Path | None = None,
    strict: bool = False,
    force: bool = False,
) -> GrooveReport:
    """Like `morph_groove`, from files to a MIDI file.

    Parameters
    ----------
    a : str or pathlib.Path
        MIDI file with drums, a score in MusicXML or ABC with a part of drums, or a recording of
        drums.
    b : str or pathlib.Path
        Another, or a folder of scores: a drummer.
    output : str or pathlib.Path
        MIDI file to write; it appears whole or not at all. It counts 960 ticks in a quarter note:
        what was on a whole tick of these is kept exactly.
    amount : float
        See `morph_groove`.
    hits : float, optional
        Likewise.
    velocity : float, optional
        Likewise.
    timing : float, optional
        Likewise.
    system : {"exact", "vae"}
        Likewise.
    metre : str, optional
        Likewise.
    tempo : float or "auto"
        Likewise.
    tempo_b : float or "auto"
        Likewise.
    weights : str
        Likewise.
    drums : int, optional
        Channel of the drums, 1 to 16, in files that have notes on it; else the tenth.
    seed : int
        Likewise.
    listen : str or pathlib.Path, optional
        Write how it sounds there, as a sketch; .html: a page of before and after.
    picture : str or pathlib.Path, optional
        Draw piano rolls of A and of the output there, .svg or .png.
    strict : bool
        Refuse files that are damaged, instead of reading what can be read.
    force : bool
        Replace an output that exists.

    Returns
    -------
    GrooveReport
        The output and its measures.

    Raises
    ------
    InputError
        A file or the output cannot be used; nothing has been written then.

    Examples
    --------
    >>> groove_file("nowhere.mid", "b.mid", "c.mid", amount=0.3)
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    del seed
    started = time.perf_counter()
    _refuse_unknown(system)
    amounts = GrooveAmounts.of(amount, hits, velocity, timing)
    check_output(output, MIDI, force=force)
    inputs = {"one of the grooves": a, "the other groove": b}
    check_not_inputs(output, inputs)
    sidecars = Sidecars(listen, picture, force, output, inputs)
    check_tempo(tempo)
    check_tempo(tempo_b)
    score = _load(a, drums, tempo, metre, strict)
    sidecars.check_length(str(a), score)
    others = (
        load_drummer(b, drums, strict=strict)
        if Path(b).is_dir()
        else [_load(b, drums, tempo_b, metre, strict)]
    )
    drummer = str(b) if Path(b).is_dir() else None
    output_score, groove = _morph(score, others, drummer, amounts, system, metre, weights)
    save(output_score, output, force=force)
    sidecars.write(
        {"A": _only_drums(score), f"towards {Path(b).name}": _only_drums(output_score)},
        Path(a).name,
    )
    return GrooveReport(
        str(output),
        system,
        amounts.hits,
        amounts.velocity,
        amounts.timing,
        groove.n_bars,
        groove.grid,
        len(drum_strikes(output_score)),
        groove.quarters_per_minute,
        len(others),
        time.perf_counter() - started,
        **sidecars.paths,
    )


def _load(
    path: str | Path, drums: int | None, tempo: float | str, metre: str | None, strict: bool
) -> Score:
    """Drums of a score, or of a recording."""
    if is_score(path) or not Path(path).is_file():
        return load_drums(path, drums, strict=strict)
    return _hear(AudioFile(path, strict=strict), tempo, metre)


def _hear(source: Source, tempo: float | str, metre: str | None) -> Score:
    return hear_groove(source, tempo=tempo, metre=None if metre is None else _parse_metre(metre))


def _only_drums(score: Score) -> Score:
    return replace(score, parts=tuple(part for part in score.parts if part.is_drum))


@checked_keywords
def load_drums(path: str | Path, drums: int | None = None, *, strict: bool = False) -> Score:
    """Score of a file that counts in beats: MIDI, MusicXML or ABC.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.
    drums : int, optional
        Channel of the drums, 1 to 16, if there are notes on it; else the tenth.
    strict : bool
        Refuse a file that is damaged.

    Returns
    -------
    Score
        Its notes end with their keys.

    Raises
    ------
    InputError
        As for `cambiata.load_score`, or it counts SMPTE frames.

    Examples
    --------
    >>> load_drums("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    check_drums(drums)
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES and suffix not in MIDI_INPUT_SUFFIXES:
        try:
            return read_score(path, keys=True)
        except InputError as error:
            if "tune_number" not in error.cure:
                raise
            cure = "keep the one that is meant in a file"
            raise InputError(error.subject, error.problem, cure) from None
    score = load(path, keys=True, drums=drums, strict=strict, beats=True)
    if drums is not None and not drum_strikes(score):
        score = load(path, keys=True, strict=strict, beats=True)
    return score


@checked_keywords
def load_drummer(
    folder: str | Path, drums: int | None = None, *, strict: bool = False
) -> list[Score]:
    """The playing of a drummer: the scores with drums in a folder and the folders in it.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder.
    drums : int, optional
        Channel of the drums, 1 to 16, in files that have notes on it; else the tenth.
    strict : bool
        Refuse files that are damaged.

    Returns
    -------
    list of Score
        In the order of their names. Files without notes or without drums are left out.

    Raises
    ------
    InputError
        There is none, or a file is no MIDI file although it is named so.

    Examples
    --------
    >>> load_drummer("/nowhere")
    Traceback (most recent call last):
    cambiata.errors.InputError: /nowhere: has no MIDI files with drums; choose a drummer's folder
    """
    scores = []
    for path in sorted(Path(folder).rglob("*")):
        if (
            path.suffix.lower() in MIDI_INPUT_SUFFIXES
            and path.is_file()
            and not path.name.startswith(".")
        ):
            try:
                score = load_drums(path, drums, strict=strict)
            except InputError as error:
                if error.problem != "has no notes":
                    raise
                continue
            if drum_strikes(score):
                scores.append(score)
    if not scores:
        raise InputError(str(folder), "has no MIDI files with drums", "choose a drummer's folder")
    return scores


@checked_keywords
def interpolator_between(
    a: Groove,
    b: Sequence[Groove],
    *,
    drummer: str | None = None,
    system: str = "exact",
    weights: str = "groove",
) -> tuple[GrooveSystem, float]:
    """The interpolator between two grooves, which gives the groove at any amounts.

    Parameters
    ----------
    a : Groove
        Where it begins.
    b : sequence of Groove
        Where it ends.
    drummer : str, optional
        Name of the drummer that B is, for messages; without, B is one groove.
    system : {"exact", "vae"}
        See `morph_groove`.
    weights : str
        Likewise.

    Returns
    -------
    tuple
        The interpolator, and how much longer A's quarter notes are than its strikes' (1 but where
        compound and plain metres meet).

    Raises
    ------
    InputError
        Their metres do not go together.

    Examples
    --------
    >>> from cambiata.groove.grid import Hit
    >>> groove = Groove((Metre(),), 4, (Hit(0, 0, 0.0, 0.1, 36, 90),))
    >>> interpolator_between(groove, [groove])[0].at(GrooveAmounts.of(0.3)) == groove.strikes
    True
    """
    system_class = cast("type[GrooveSystem]", find_system(system, "groove"))
    if drummer is None:
        a, other, stretch = fit_bars(a, b[0])
        return system_class.between(a, other, (), weights), stretch
    return system_class.between(a, nearest_phrases(a, b, drummer), b, weights), 1.0


@weights_checked()
def _morph(
    score: Score,
    others: Sequence[Score],
    drummer: str | None,
    amounts: GrooveAmounts,
    system: str,
    metre: str | None,
    weights: str,
) -> tuple[Score, Groove]:
    default_metre = None if metre is None else _parse_metre(metre)
    a = Groove.of(score, metre=default_metre)
    b = [Groove.of(other, metre=default_metre) for other in others]
    interpolator, stretch = interpolator_between(
        a, b, drummer=drummer, system=system, weights=weights
    )
    strikes = interpolator.at(amounts)
    if stretch != 1:
        strikes = tuple(Strike(s.onset * stretch, s.duration * stretch, *s[2:]) for s in strikes)
    output_score = replace_drums(score, strikes)
    return replace(output_score, name=score.name), a


def _refuse_unknown(system: str) -> None:
    names = system_names("groove")
    if system not in names:
        raise InputError(f"system {system}", "is not known", f"use {' or '.join(names)}")


def _parse_metre(text: str) -> Metre:
    beats, _, unit = text.partition("/")
    if not (beats.isdecimal() and unit in _UNITS and 1 <= int(beats) <= _MAX_BEATS):
        raise InputError(f"metre {text}", "is not known", "write it as 4/4 or 6/8")
    return Metre(int(beats), int(unit))
