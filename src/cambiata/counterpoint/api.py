"""Species counterpoint: worksheets checked and solved, by the rules of `docs/counterpoint.md`."""

import time
from dataclasses import dataclass
from pathlib import Path

from cambiata.counterpoint.solver import CounterpointSolver
from cambiata.counterpoint.three_voices import three_voice_breaches
from cambiata.counterpoint.two_voices import two_voice_breaches
from cambiata.counterpoint.worksheet import (
    Breach,
    Position,
    Worksheet,
    position_named,
    read_cantus,
    refuse_unknown,
    sheet_of,
)
from cambiata.errors import SHEET, InputError, check_seed, check_type
from cambiata.files import MUSICXML, SCORE, check_not_input, check_output
from cambiata.keywords import checked_keywords
from cambiata.page.sidecars import Sidecars
from cambiata.score import notation
from cambiata.score.sheet import Remark, Sheet

# Of `solve`: each solution costs one more run of CP-SAT, and twenty differing by 15 % of their
# notes are more than anybody compares.
MAX_BEST = 20


@dataclass(frozen=True)
class CheckReport:
    """The breaches on a worksheet, and what it was taken for.

    Parameters
    ----------
    breaches : tuple of Breach
        In the order of their bars; none where all is well.
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        Voices, the cantus among them.
    cantus : str
        Name of the voice that was taken for the cantus, or its number.
    mode : str
        Mode of the cantus.
    n_bars : int
        Bars, one for each note of the cantus.

    Examples
    --------
    >>> CheckReport((), 1, "above", 2, "Cantus", "D Dorian", 11).is_correct
    True
    """

    breaches: tuple[Breach, ...]
    species: int
    position: Position
    voices: int
    cantus: str
    mode: str
    n_bars: int

    @property
    def is_correct(self) -> bool:
        """Whether there is no breach."""
        return not self.breaches


@dataclass(frozen=True)
class Solution:
    """A cantus with a counterpoint that keeps every rule, and how likely it is.

    Parameters
    ----------
    sheet : Sheet
        The cantus and what was added, from the highest voice to the lowest.
    score : float
        Mean log-probability of the counterpoint's intervals and moves: higher is likelier.

    Examples
    --------
    >>> Solution(Sheet(()), -1.5).score
    -1.5
    """

    sheet: Sheet
    score: float


@dataclass(frozen=True)
class SolveReport:
    """Report of `solve_file`.

    Parameters
    ----------
    outputs : tuple of str
        The files, the best solution first.
    scores : tuple of float
        Their scores, as in `Solution`.
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        2 or 3.
    mode : str
        Mode of the cantus.
    n_bars : int
        Notes of the cantus.
    seed : int
        Seed of everything random.
    elapsed_s : float
        Seconds that it took.
    listen, picture : str or None
        Further files that were written, of the best solution.

    Examples
    --------
    >>> from dataclasses import fields
    >>> fields(SolveReport)[0].name
    'outputs'
    """

    outputs: tuple[str, ...]
    scores: tuple[float, ...]
    species: int
    position: Position
    voices: int
    mode: str
    n_bars: int
    seed: int
    elapsed_s: float
    listen: str | None = None
    picture: str | None = None


@checked_keywords
def check(sheet: Sheet, *, species: int | None = None, position: str | None = None) -> CheckReport:
    """The breaches in a worksheet.

    Parameters
    ----------
    sheet : Sheet
        A cantus and one or two voices, each a part of its own.
    species : int, optional
        1 to 5; by default what the rhythm says.
    position : {"above", "below"}, optional
        Where the counterpoint lies; by default where the voices are.

    Returns
    -------
    CheckReport
        The breaches, and what the sheet was taken for.

    Raises
    ------
    InputError
        There are not two or three voices, one of them sounds several notes at once, none is a
        cantus, or an option is out of range.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from cambiata.score.sheet import Tone, Voice
    >>> def whole(pitches, name):
    ...     tones = (Tone(Fraction(4 * bar), Fraction(4), p) for bar, p in enumerate(pitches))
    ...     return Voice(tuple(tones), name)
    >>> cantus = whole([60, 64, 62, 67, 65, 64, 62, 60], "cantus")
    >>> report = check(Sheet((whole([67, 71, 69, 71, 69, 72, 71, 72], "upper"), cantus)))
    >>> print(report.breaches[0])
    bar 2: parallel-fifths: C4-G4 to E4-B4 between cantus and counterpoint
    """
    check_type("sheet", sheet, Sheet, SHEET)
    worksheet = Worksheet.of(sheet, species=species, position=position)
    cantus, lines = worksheet.cantus, worksheet.lines
    if len(lines) == 2:
        breaches = three_voice_breaches(cantus, lines, worksheet.position)
    else:
        breaches = two_voice_breaches(cantus, lines[0], worksheet.species, worksheet.position)
    return CheckReport(
        breaches,
        worksheet.species,
        worksheet.position,
        1 + len(lines),
        worksheet.cantus_name,
        cantus.mode,
        len(cantus.pitches),
    )


@checked_keywords
def check_file(
    path: str | Path,
    *,
    species: int | None = None,
    position: str | None = None,
    output: str | Path | None = None,
    tune_number: int | None = None,
    force: bool = False,
) -> CheckReport:
    """The breaches in a worksheet's file.

    Parameters
    ----------
    path : str or pathlib.Path
        MIDI, MusicXML or ABC file of two or three voices.
    species : int, optional
        1 to 5; by default what the rhythm says.
    position : {"above", "below"}, optional
        Where the counterpoint lies; by default where the voices are.
    output : str or pathlib.Path, optional
        MusicXML file to write: the worksheet, each breach in red above its bar.
    tune_number : int, optional
        X: number of the worksheet, where an ABC file holds several tunes.
    force : bool
        Replace a file that exists.

    Returns
    -------
    CheckReport
        The breaches, and what the sheet was taken for.

    Raises
    ------
    InputError
        The file cannot be read, or is no worksheet; or the output cannot be written.

    Examples
    --------
    >>> check_file("nowhere.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    if output is not None:
        check_output(output, MUSICXML, force=force)
        check_not_input(output, "the worksheet", path)
    sheet = notation.read(path, tune_number=tune_number)
    report = check(sheet, species=species, position=position)
    if output is not None:
        cantus = Worksheet.of(sheet, species=species, position=position).cantus
        remarks = [
            Remark(cantus.start + (each.bar - 1) * cantus.length, f"{each.rule}: {each.words}")
            for each in report.breaches
        ]
        notation.write(sheet, output, remarks=remarks, force=force)
    return report


@checked_keywords
def solve(
    cantus_sheet: Sheet,
    *,
    species: int = 1,
    position: str = "above",
    voices: int = 2,
    best: int = 1,
    seed: int = 0,
) -> tuple[Solution, ...]:
    """Solutions of a cantus, the best first.

    Parameters
    ----------
    cantus_sheet : Sheet
        A single voice of equal notes.
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        2, or 3 in first species.
    best : int
        How many solutions, each different from the others in several notes; fewer are returned
        where there are no more.
    seed : int
        Same seed, same solutions.

    Returns
    -------
    tuple of Solution
        At least one; every one keeps all rules of `docs/counterpoint.md`.

    Raises
    ------
    InputError
        The sheet is no cantus, an option is out of range, or nothing satisfies the rules.
    MissingExtraError
        OR-tools is not installed.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from cambiata.score.sheet import Tone, Voice
    >>> pitches = (62, 65, 64, 69, 67, 65, 64, 62)
    >>> tones = (Tone(Fraction(4 * bar), Fraction(4), p) for bar, p in enumerate(pitches))
    >>> (solution,) = solve(Sheet((Voice(tuple(tones)),)))
    >>> [tone.pitch for tone in solution.sheet.voices[0].tones][-2:]
    [73, 74]
    """
    check_type("cantus_sheet", cantus_sheet, Sheet, SHEET)
    refuse_unknown(species=species, position=position, voices=voices)
    _refuse_too_many(best)
    check_seed(seed)
    cantus = read_cantus(cantus_sheet)
    where = position_named(position)
    solutions, is_exhausted = CounterpointSolver().solve(cantus, species, where, voices, best, seed)
    if not solutions:
        keeps = "keeps" if is_exhausted else "was found that keeps"
        raise InputError(
            cantus.name,
            f"no counterpoint {where} it {keeps} every rule of species {species}",
            "choose another position or species, or a cantus with fewer leaps",
        )
    return tuple(
        Solution(sheet_of(cantus, lines, where, cantus_sheet), score) for score, lines in solutions
    )


@checked_keywords
def solve_file(
    path: str | Path,
    output: str | Path,
    *,
    species: int = 1,
    position: str = "above",
    voices: int = 2,
    best: int = 1,
    seed: int = 0,
    tune_number: int | None = None,
    listen: str | Path | None = None,
    picture: str | Path | None = None,
    force: bool = False,
) -> SolveReport:
    """Solve a cantus from a file, and write the solutions into files.

    Parameters
    ----------
    path : str or pathlib.Path
        MIDI, MusicXML or ABC file of a cantus.
    output : str or pathlib.Path
        MIDI or MusicXML file to write. Where several solutions are asked for, each is a file of
        its own, numbered from the best: out-1.mid, out-2.mid, ...
    species : int
        1 to 5.
    position : {"above", "below"}
        Where the counterpoint lies.
    voices : int
        2, or 3 in first species.
    best : int
        How many solutions.
    seed : int
        Same seed, same solutions.
    tune_number : int, optional
        X: number of the cantus, where an ABC file holds several tunes.
    listen : str or pathlib.Path, optional
        Write how the best one sounds there, as a sketch; .html: a page of it and the cantus.
    picture : str or pathlib.Path, optional
        Draw the cantus and the best solution there, .svg or .png.
    force : bool
        Replace outputs that exist.

    Returns
    -------
    SolveReport
        The files, their scores, and what was solved.

    Raises
    ------
    InputError
        The file is no cantus, an option or an output cannot be used, or nothing satisfies the
        rules. Nothing has been written then.
    MissingExtraError
        OR-tools is not installed.

    Examples
    --------
    >>> solve_file("nowhere.mid", "out.mid")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.mid: no such file; check the path
    """
    started = time.perf_counter()
    refuse_unknown(species=species, position=position, voices=voices)
    _refuse_too_many(best)
    sheet = notation.read(path, tune_number=tune_number)
    path_out = Path(output)
    numbered = [path_out.with_stem(f"{path_out.stem}-{number}") for number in range(1, best + 1)]
    outputs = [path_out] if best == 1 else numbered
    for each in outputs:
        check_output(each, SCORE, force=force)
        check_not_input(each, "the cantus", path)
    sidecars = Sidecars(listen, picture, force, outputs[0], {"the cantus": path})
    solved = solve(sheet, species=species, position=position, voices=voices, best=best, seed=seed)
    for each, solution in zip(outputs, solved, strict=False):
        notation.write(solution.sheet, each, force=force)
    rolls = {"cantus": sheet.to_score(), "with counterpoint": solved[0].sheet.to_score()}
    sidecars.write(rolls, Path(path).name)
    cantus = read_cantus(sheet)
    return SolveReport(
        outputs=tuple(str(each) for each in outputs[: len(solved)]),
        scores=tuple(round(solution.score, 4) for solution in solved),
        species=species,
        position=position_named(position),
        voices=voices,
        mode=cantus.mode,
        n_bars=len(cantus.pitches),
        seed=seed,
        elapsed_s=time.perf_counter() - started,
        **sidecars.paths,
    )


def _refuse_too_many(best: int) -> None:
    if not 1 <= best <= MAX_BEST:
        raise InputError(f"best {best}", "is out of range", f"use 1 to {MAX_BEST}")
