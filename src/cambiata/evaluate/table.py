"""A run's scores averaged, compared and written as tables."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from cambiata.evaluate.markdown import escape_markdown, markdown_table
from cambiata.evaluate.metrics import bootstrap_interval
from cambiata.evaluate.runfolder import Metric, Run, RunSet, find_metric
from cambiata.files import RESULTS, check_output, write_text

# A row measured on far fewer pairs than another is no rival: its mean is over other music. At 1 a
# single failed pair would keep a row from being the best; at 0 one easy pair could make it so.
_RIVAL_SHARE = 0.8

_NO_VALUE = "\N{EN DASH}"


class Figure(TypedDict):
    """Mean of a row's scores with its 95 % interval; None where too little was measured.

    Measures whose outliers would decide the mean have their median shown: the interval is of that.
    """

    mean: float | None
    median: NotRequired[float]
    in_goal: NotRequired[float]  # share of pairs, of measures that have a goal
    low: float | None
    high: float | None
    n: int
    n_missing: int


class Tally(TypedDict):
    """Numbers of a row's pairs that are done, failed (with messages by pair) and missing."""

    done: int
    failed: int
    missing: int
    errors: dict[str, str]


Summary = dict[str, dict[str, dict[str, Figure]]]
"""{set: {row: {metric: Figure}}}"""


def summarize(run: Run) -> Summary:
    """Mean or median of every measure of every row, with its bootstrap 95 % interval."""
    return {
        test_set.name: {row.name: _row_figures(test_set, row.name) for row in run.in_use(test_set)}
        for test_set in run.sets
    }


def _row_figures(test_set: RunSet, row: str) -> dict[str, Figure]:
    done = test_set.done(row)
    figures = {}
    for metric in test_set.metrics():
        if any(metric in outcome.scores for outcome in done.values()):
            values = list(test_set.scores(row, metric).values())
            style = find_metric(metric)
            figures[metric] = _figure(values, len(done) - len(values), style)
            if values and style.goal is not None:
                low, high = style.goal
                figures[metric]["in_goal"] = float(np.mean([low <= v <= high for v in values]))
    return figures


def _figure(values: Sequence[float], n_missing: int, style: Metric) -> Figure:
    if not values:
        return Figure(mean=None, low=None, high=None, n=0, n_missing=n_missing)
    # One value says nothing of how others would differ: the interval is then NaN.
    ends = bootstrap_interval(values, median=style.median)
    low, high = (None if math.isnan(end) else end for end in ends)
    figure = Figure(
        mean=float(np.mean(values)), low=low, high=high, n=len(values), n_missing=n_missing
    )
    if style.median:
        figure["median"] = float(np.median(values))
    return figure


def middle(figure: Figure) -> float | None:
    """What is shown of a figure: its median where it has one, else its mean."""
    return figure.get("median", figure["mean"])


def count_pairs(run: Run) -> dict[str, dict[str, Tally]]:
    """Numbers of every row's pairs that are done, failed and missing."""
    return {
        test_set.name: {row.name: _count_row(test_set, row.name) for row in run.in_use(test_set)}
        for test_set in run.sets
    }


def _count_row(test_set: RunSet, row: str) -> Tally:
    done, errors = len(test_set.done(row)), test_set.errors(row)
    missing = len(test_set.pairs) - done - len(errors)
    return Tally(done=done, failed=len(errors), missing=missing, errors=errors)


def compare_rows(run: Run, set_name: str, row: str, other: str, metric: str) -> Figure:
    """Mean (or median) difference of a row from another on the pairs that both have.

    The fair comparison where a row was measured on some of the pairs only.
    """
    test_set = run.set_named(set_name)
    names = run.row_named(row).name, run.row_named(other).name
    ours, theirs = (test_set.scores(name, metric) for name in names)
    both_done = test_set.done(row).keys() & test_set.done(other).keys()
    differences = [value - theirs[pair] for pair, value in ours.items() if pair in theirs]
    return _figure(differences, len(both_done) - len(differences), find_metric(metric))


def find_best_rows(run: Run, figures: Mapping[str, Mapping[str, Figure]], metric: str) -> set[str]:
    """Names of the rows whose mean is the best, to the digits shown."""
    style = find_metric(metric)
    rivals = {
        row.name: figures[row.name][metric]
        for row in run.rows
        if row.competes and metric in figures.get(row.name, {})
    }
    most = max((figure["n"] for figure in rivals.values()), default=0)
    means = {
        name: round(value, style.digits)
        for name, figure in rivals.items()
        if (value := middle(figure)) is not None and figure["n"] >= _RIVAL_SHARE * most
    }
    if len(means) < 2 or style.better is None:
        return set()
    best = min(means.values()) if style.better == "lower" else max(means.values())
    return {name for name, mean in means.items() if mean == best}


def format_figure(
    figure: Figure | None, digits: int, n_expected: int | None = None, *, signed: bool = False
) -> str:
    """A figure as text: "2.7 [1.9, 3.4] (n = 27) (48 % in goal)"."""
    if figure is None:
        return _NO_VALUE
    value, low, high = middle(figure), figure["low"], figure["high"]
    over = "" if n_expected in (None, figure["n"]) else f" (n = {figure['n']})"
    if "in_goal" in figure:
        over += f" ({100 * figure['in_goal']:.0f} % in goal)"
    shape = f"{'+' * signed}.{digits}f"
    if value is None:
        return _NO_VALUE + over
    if low is None or high is None:
        return f"{value:{shape}}{over}"
    return f"{value:{shape}} [{low:{shape}}, {high:{shape}}]{over}"


def format_table(run: Run, figures: Summary, set_name: str) -> str:
    """Table of a set: a row each, its number of pairs, then figures of every measure."""
    test_set = run.set_named(set_name)
    rows = run.in_use(test_set)
    if not rows:
        return ""
    metrics = test_set.metrics()
    best = {metric: find_best_rows(run, figures[set_name], metric) for metric in metrics}
    headings = ["Row", "n", *(find_metric(metric).heading for metric in metrics)]
    lines = []
    for row in rows:
        tally = _count_row(test_set, row.name)
        cells = []
        for metric in metrics:
            figure = figures[set_name][row.name].get(metric)
            text = format_figure(figure, find_metric(metric).digits, tally["done"])
            cells.append(f"**{text}**" if row.name in best[metric] else text)
        kind = "" if row.competes else f" *({row.kind})*"
        lines.append([escape_markdown(row.label) + kind, str(tally["done"]), *cells])
    return "\n".join(markdown_table(map(escape_markdown, headings), lines, numeric=True))


def format_page(run: Run, figures: Summary) -> str:
    """Tables of all sets, each under its title."""
    parts = []
    for test_set in run.sets:
        table = format_table(run, figures, test_set.name) or "Not run yet."
        parts.append(f"## {escape_markdown(test_set.title)}\n\n{table}\n")
    return "\n".join(parts)


def collect_results(run: Run, figures: Summary | None = None) -> dict[str, Any]:
    """All results of a run, ready for JSON."""
    return {
        "run": dict(run.facts),
        "rows": [
            {"name": row.name, "label": row.label, "about": row.about, "kind": row.kind}
            for row in run.rows
        ],
        "sets": {
            test_set.name: {
                "title": test_set.title,
                "about": test_set.about,
                "n_pairs": len(test_set.pairs),
                "bins": dict(test_set.bins),
                "facts": dict(test_set.facts),
            }
            for test_set in run.sets
        },
        "summary": summarize(run) if figures is None else figures,
        "tallies": count_pairs(run),
    }


def write_results(run: Run, path: str | Path, figures: Summary | None = None) -> None:
    """Write a run's results to a JSON file, which appears whole or not at all."""
    place = check_output(path, RESULTS)
    text = json.dumps(collect_results(run, figures), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(place, text + "\n")
