"""`cambiata evaluate transfer`: the transfer systems' table, in one call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from cambiata.data.scores import load_corpus
from cambiata.data.soundfont import Renderer, SoundFont, find_font
from cambiata.errors import InputError
from cambiata.evaluate.published import LakhSet, MixingSecretsSet
from cambiata.evaluate.recordings import real_set
from cambiata.evaluate.rows import find_row
from cambiata.evaluate.run import run
from cambiata.evaluate.testset import (
    N_QUICK_PAIRS,
    TEST_FONT,
    ArtificialSet,
    TestSet,
    load_artificial_set,
    sample_set,
    spread_evenly,
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
    """Rows over test sets, with outputs and scores in a run folder; what failed.

    A run goes on where it stopped, and takes further rows and pairs of the same sets later.
    """
    chosen = [find_row(name) for name in dict.fromkeys(rows)]
    if not chosen:
        raise InputError("rows", "none is named", "name one, like copy-content")
    if limit is not None and limit < 1:
        raise InputError(f"limit {limit}", "leaves no pair", "give at least 1")
    sets: list[TestSet] = []
    if artificial and not lakh:
        limits = [most for most in (limit, N_QUICK_PAIRS if quick else None) if most]
        sets.append(_load_artificial(font, seed, min(limits, default=None)))
    if lakh:
        sets.append(LakhSet(*lakh, str(_open_font(font).path), limit))
    if real is not None:
        with PitchTracker() as tracker:
            recorded = real_set(real, tracker, seed=seed)
        pairs = spread_evenly(recorded.pairs, limit or len(recorded.pairs))
        sets.append(replace(recorded, pairs=tuple(pairs)))
    if mixing_secrets:
        sets.append(MixingSecretsSet(*mixing_secrets, limit))
    if not sets:
        raise InputError("evaluate", "no set to run on", "give `real=FOLDER`")
    return run(output, sets, chosen, n_workers=n_workers, seed=seed, progress=progress)


def _open_font(name: str) -> SoundFont:
    """A font that renders: refused at once rather than pair by pair."""
    font = SoundFont(find_font(name))
    Renderer(font).close()
    return font


def _load_artificial(name: str, seed: int, n_pairs: int | None) -> ArtificialSet:
    font = _open_font(name)
    if font.source.name != TEST_FONT or seed != 0:
        sampled = replace(sample_set(load_corpus(), font, seed=seed), font=str(font.path))
        return sampled if n_pairs is None else sampled.quick(n_pairs)
    shipped = load_artificial_set(n_pairs)
    if font.digest != shipped.font_sha256:
        raise InputError(
            str(font.path),
            "is not the TimGM6mb that the test set is of",
            f"use that of Debian's {font.source.package}, or `seed=1` to draw pairs for this one",
        )
    return replace(shipped, font=str(font.path))
