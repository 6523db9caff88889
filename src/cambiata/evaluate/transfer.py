"""`cambiata evaluate transfer`: the transfer systems' table, in one call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cambiata.errors import InputError
from cambiata.evaluate.published import LakhSet, MixingSecretsSet
from cambiata.evaluate.recordings import RealSet, real_set
from cambiata.evaluate.rows import row_named
from cambiata.evaluate.run import TestSet, run
from cambiata.evaluate.testset import (
    N_QUICK_PAIRS,
    TEST_FONT,
    ArtificialSet,
    committed_set,
    draw_set,
)
from cambiata.evaluate.tracking import PitchTracker
from cambiata.train.scores import corpus_works
from cambiata.train.soundfont import SoundFont, font_named, source_of

ROWS = (
    "target",
    "griffin-lim-target",
    "copy-content",
    "copy-style",
    "musaicing:cifka2021",
    "musaicing",
)


def evaluate_transfer(
    output: str | Path,
    *,
    rows: Sequence[str] = ROWS,
    font: str = TEST_FONT,
    quick: bool = False,
    limit: int | None = None,
    real: str | Path | None = None,
    artificial: bool = True,
    lakh: tuple[str, str] | None = None,
    mixing_secrets: tuple[str, str] | None = None,
    seed: int = 0,
    n_workers: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Rows over test sets, outputs and scores kept in a run folder.

    A run goes on where it stopped, and takes further rows and pairs of the same sets later.

    Parameters
    ----------
    output : str or pathlib.Path
        The run's folder.
    rows : sequence of str
        Baselines and systems, as `row_named` knows them.
    font : str
        Sound font of the artificial set: TimGM6mb gives the project's own 721 pairs, from the
        manifest in the package; any other has its pairs drawn by the seed.
    quick : bool
        The 64-pair subset of the artificial set.
    limit : int, optional
        Most pairs of each set.
    real : str or pathlib.Path, optional
        Folder of recordings that the real set is made of; no real set where not given.
    artificial : bool
        Whether to run the artificial set.
    lakh : tuple of str, optional
        The authors' list of artificial pairs and LMD-full's folder, to run their own set by `font`.
    mixing_secrets : tuple of str, optional
        The authors' list of real segments and the folder of the stems.
    seed : int
        Seed of draws and pairings.
    n_workers : int, optional
        Processes; as many as there are cores where not given.
    progress : callable, optional
        Called with the stage and the share of it that is done.

    Returns
    -------
    list of str
        What failed, a line each.

    Raises
    ------
    InputError
        A row, font, folder or tool is missing, or the folder holds another run.

    Examples
    --------
    >>> evaluate_transfer("/tmp/never", rows=["magic"])
    Traceback (most recent call last):
    cambiata.errors.InputError: magic: is no row; use one of ...
    """
    chosen = [row_named(name) for name in dict.fromkeys(rows)]
    if limit is not None and limit < 1:
        raise InputError(f"limit {limit}", "leaves no pair", "give at least 1")
    sets: list[TestSet] = []
    if artificial and not lakh:
        n_pairs = limit or (N_QUICK_PAIRS if quick else None)
        sets.append(_artificial(font, seed, n_pairs))
    if lakh:
        sets.append(LakhSet(*lakh, font))
    if real is not None:
        with PitchTracker() as tracker:
            found = real_set(real, tracker, seed=seed)
        sets.append(_limited(found, limit))
    if mixing_secrets:
        sets.append(MixingSecretsSet(*mixing_secrets))
    if not sets:
        raise InputError("evaluate", "no set to run on", "name --real FOLDER")
    return run(output, sets, chosen, n_workers=n_workers, seed=seed, progress=progress)


def _artificial(font: str, seed: int, n_pairs: int | None) -> ArtificialSet:
    path = font_named(font)
    if source_of(path).name == TEST_FONT and seed == 0:
        return committed_set(n_pairs)
    drawn = replace(draw_set(corpus_works(), SoundFont(path), seed=seed), font=str(path))
    return drawn if n_pairs is None else drawn.quick(n_pairs)


def _limited(found: RealSet, limit: int | None) -> RealSet:
    return found if limit is None else replace(found, pairs=found.pairs[:limit])
