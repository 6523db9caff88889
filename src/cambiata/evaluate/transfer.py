"""`cambiata evaluate transfer`: the transfer systems' table, in one call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cambiata.data.scores import corpus_works
from cambiata.data.soundfont import Renderer, SoundFont, font_named
from cambiata.errors import InputError
from cambiata.evaluate.published import LakhSet, MixingSecretsSet
from cambiata.evaluate.recordings import real_set
from cambiata.evaluate.rows import row_named
from cambiata.evaluate.run import TestSet, run
from cambiata.evaluate.testset import (
    N_QUICK_PAIRS,
    TEST_FONT,
    ArtificialSet,
    committed_set,
    draw_set,
    evenly,
)
from cambiata.evaluate.tracking import PitchTracker

ROWS = (
    "target",
    "griffin-lim-target",
    "copy-content",
    "copy-style",
    "oneshot",
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
        Most pairs of each set, of every bin its share.
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
    if not chosen:
        raise InputError("rows", "none is named", "name one, like copy-content")
    if limit is not None and limit < 1:
        raise InputError(f"limit {limit}", "leaves no pair", "give at least 1")
    sets: list[TestSet] = []
    if artificial and not lakh:
        limits = [most for most in (limit, N_QUICK_PAIRS if quick else None) if most]
        sets.append(_artificial(font, seed, min(limits, default=None)))
    if lakh:
        sets.append(LakhSet(*lakh, str(_checked(font).path), limit))
    if real is not None:
        with PitchTracker() as tracker:
            found = real_set(real, tracker, seed=seed)
        pairs = evenly(found.pairs, limit or len(found.pairs))
        sets.append(replace(found, pairs=tuple(pairs)))
    if mixing_secrets:
        sets.append(MixingSecretsSet(*mixing_secrets, limit))
    if not sets:
        raise InputError("evaluate", "no set to run on", "name --real FOLDER")
    return run(output, sets, chosen, n_workers=n_workers, seed=seed, progress=progress)


def _checked(name: str) -> SoundFont:
    """A font that renders: better known at once than pair by pair."""
    font = SoundFont(font_named(name))
    Renderer(font).close()
    return font


def _artificial(name: str, seed: int, n_pairs: int | None) -> ArtificialSet:
    font = _checked(name)
    if font.source.name != TEST_FONT or seed != 0:
        drawn = replace(draw_set(corpus_works(), font, seed=seed), font=str(font.path))
        return drawn if n_pairs is None else drawn.quick(n_pairs)
    committed = committed_set(n_pairs)
    if font.digest != committed.font_sha256:
        raise InputError(
            str(font.path),
            "is not the TimGM6mb that the test set is of",
            f"use that of Debian's {font.source.package}, or --seed 1 to draw pairs for this one",
        )
    return replace(committed, font=str(font.path))
