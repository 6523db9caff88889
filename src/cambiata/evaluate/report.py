"""A run as one folder with a web page of tables, sounds and pictures, offline."""

import math
from pathlib import Path

import numpy as np

from cambiata.evaluate.report_page import page_html
from cambiata.evaluate.report_sounds import Section, write_sounds
from cambiata.evaluate.runfolder import Run, RunRow, RunSet, find_metric, read_run
from cambiata.evaluate.table import format_page, summarize, write_results
from cambiata.files import REPORT, atomic_folder, check_output
from cambiata.system import Progress

# By which measure examples are the best and the worst: the first that was taken.
_RANKED_BY = ("paper_lsd", "lsd")
_EXTREME_SHARE = 0.05  # of the pairs: 37 of 721, as many as one may listen to


def write_report(
    run_folder: str | Path,
    output_folder: str | Path,
    *,
    n_random: int = 12,
    seed: int = 0,
    focus: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write a run's figures and examples as a folder with a web page that needs nothing else.

    The folder holds index.html, results.json, table.md, audio/ and images/, and appears whole or
    not at all. Examples are a random sample of every set, and the best and worst 5 % of the sets
    that have a log-spectral distance.
    """
    run, output = read_run(run_folder), Path(output_folder)
    focused = _choose_focus(run, focus)
    check_output(output, REPORT, force=force, is_own=lambda place: _is_report(place, run))
    figures = summarize(run)
    with atomic_folder(output) as built:
        sections = {
            test_set.name: _choose_sections(test_set, focused, n_random, seed)
            for test_set in run.sets
        }
        sounds = write_sounds(run, sections, built, progress or (lambda _share: None))
        page = page_html(run, figures, focused, sections, sounds)
        (built / "index.html").write_text(page, "utf-8")
        (built / "table.md").write_text(format_page(run, figures), "utf-8")
        write_results(run, built / "results.json", figures)
    return output / "index.html"


def _choose_focus(run: Run, name: str | None) -> RunRow | None:
    if name is not None:
        return run.row_named(name)
    return next((row for row in run.rows if row.competes), None)


def _is_report(folder: Path, run: Run) -> bool:
    """True where a folder may be replaced: all in it goes, and the run must not be in it."""
    is_report = (folder / "index.html").is_file() and (folder / "results.json").is_file()
    return is_report and not run.folder.resolve().is_relative_to(folder.resolve())


def _choose_sections(
    test_set: RunSet, focus: RunRow | None, n_random: int, seed: int
) -> list[Section]:
    pairs, rng = test_set.pairs, np.random.default_rng(seed)
    chosen = sorted(rng.choice(len(pairs), min(n_random, len(pairs)), replace=False).tolist())
    title = test_set.title
    sections = [
        Section(
            f"{test_set.name}-random",
            f"{title}: random sample",
            f"{len(chosen)} of {len(pairs)} pairs, drawn with seed {seed}; not chosen by ear.",
            tuple(pairs[index] for index in chosen),
        )
    ]
    if focus is not None:
        sections += _choose_extremes(test_set, focus)
    return [section for section in sections if section.pairs]


def _choose_extremes(test_set: RunSet, focus: RunRow) -> list[Section]:
    for metric in _RANKED_BY:
        scores = test_set.scores(focus.name, metric)
        if len(scores) < 2:
            continue
        by_id = {pair.id: pair for pair in test_set.pairs}
        ranked = [by_id[pair] for pair in sorted(scores, key=scores.__getitem__)]
        n_shown = math.ceil(_EXTREME_SHARE * len(ranked))
        of = f"{n_shown} of {len(ranked)} pairs, by {find_metric(metric).label} of {focus.label}"
        return [
            Section(
                f"{test_set.name}-best",
                f"{test_set.title}: best 5 %",
                f"{of}, the best first.",
                tuple(ranked[:n_shown]),
            ),
            Section(
                f"{test_set.name}-worst",
                f"{test_set.title}: worst 5 %",
                f"{of}, the worst first.",
                tuple(ranked[: -n_shown - 1 : -1]),
            ),
        ]
    return []
