"""The report's web page, from its outside in; report.html, .css and .js are its frame."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import quote

from cambiata.audio.spectrogram import N_MELS, SCALE
from cambiata.evaluate.report_sounds import (
    GUIDE,
    N_COLUMNS,
    Section,
    Sound,
    Sounds,
)
from cambiata.evaluate.runfolder import (
    Metric,
    Outcome,
    PairSide,
    Run,
    RunPair,
    RunRow,
    RunSet,
    find_metric,
)
from cambiata.evaluate.table import (
    Figure,
    Summary,
    Tally,
    compare_rows,
    count_pairs,
    find_best_rows,
    format_figure,
    middle,
)
from cambiata.page.cards import card_html, media_html, read_asset


def page_html(
    run: Run,
    figures: Summary,
    focus: RunRow | None,
    sections: Mapping[str, Sequence[Section]],
    sounds: Sounds,
) -> str:
    """The whole page; needs the sounds and pictures that `write_sounds` has written."""
    counts = count_pairs(run)
    links = [(f"set-{test_set.name}", test_set.title) for test_set in run.sets]
    links += [("rows", "Systems and baselines"), ("measures", "Measures")]
    body = [
        _set_html(run, test_set, figures, counts[test_set.name], focus) for test_set in run.sets
    ]
    body += [_rows_html(run), _measures_html(run)]
    if any(sound.audio for sound in sounds.values()):
        body.append(_guide_html())
    for test_set in run.sets:
        for section in sections[test_set.name]:
            links.append((section.anchor, section.title))
            body.append(_examples_html(run, test_set, section, sounds))
    return Template(
        files("cambiata.evaluate").joinpath("report.html").read_text("utf-8")
    ).substitute(
        style="\n" + read_asset("page.css"),
        script="\n" + read_asset("page.js"),
        facts=_definitions_html(_flatten(run.facts)),
        links="".join(f'<li><a href="#{anchor}">{escape(text)}</a></li>' for anchor, text in links),
        body="\n".join(body),
    )


def _rows_html(run: Run) -> str:
    entries = "".join(
        f"<div><dt>{escape(row.label)}{_badge_html(row)}</dt><dd>{escape(row.about)}</dd></div>"
        for row in run.rows
    )
    return (
        '<section id="rows"><h2>Systems and baselines</h2>'
        "<p>A <em>ceiling</em> knows what a system cannot know and shows what the scale allows; "
        "a <em>copy</em> changes nothing. Neither competes for the best value.</p>"
        f'<dl class="about">{entries}</dl></section>'
    )


def _measures_html(run: Run) -> str:
    names = dict.fromkeys(name for test_set in run.sets for name in test_set.metrics())
    entries = "".join(
        f"<div><dt>{escape(find_metric(name).heading)}</dt>"
        f"<dd>{escape(_about(find_metric(name)))}</dd></div>"
        for name in names
    )
    return (
        '<section id="measures"><h2>Measures</h2>'
        "<p>An arrow points to the better side. Figures are means over pairs (medians "
        "where the heading says so) with bootstrap 95&nbsp;% intervals. "
        "What could not be measured is counted, never averaged.</p>"
        f'<dl class="about">{entries}</dl></section>'
    )


def _about(metric: Metric) -> str:
    return metric.about + (f" Goal of a pair: {metric.goal_text}." if metric.goal else "")


def _set_html(
    run: Run,
    test_set: RunSet,
    figures: Summary,
    counts: Mapping[str, Tally],
    focus: RunRow | None,
) -> str:
    parts = [
        f'<section id="set-{test_set.name}"><h2>{escape(test_set.title)}</h2>',
        f"<p>{escape(test_set.about)}</p>" if test_set.about else "",
        _definitions_html({"pairs": len(test_set.pairs), **_flatten(test_set.facts)}),
    ]
    if test_set.bins:
        parts.append(
            f"<details><summary>Pairs by group ({len(test_set.bins)} groups)</summary>"
            + _definitions_html(test_set.bins)
            + "</details>"
        )
    if run.in_use(test_set):
        parts += [
            _means_html(run, test_set, figures[test_set.name], counts),
            _failures_html(run, test_set, counts),
            _differences_html(run, test_set, focus),
        ]
    else:
        parts.append("<p>Not run yet.</p>")
    return "".join(parts) + "</section>"


def _means_html(
    run: Run,
    test_set: RunSet,
    figures: Mapping[str, Mapping[str, Figure]],
    counts: Mapping[str, Tally],
) -> str:
    metrics = test_set.metrics()
    best = {metric: find_best_rows(run, figures, metric) for metric in metrics}
    body = []
    for index, row in enumerate(run.in_use(test_set)):
        tally = counts[row.name]
        cells = [_cell_html(_count_html(tally), tally["done"])]
        for metric in metrics:
            figure = figures[row.name].get(metric)
            text = _figure_html(format_figure(figure, find_metric(metric).digits, tally["done"]))
            if row.name in best[metric]:
                text = f"<strong>{text}</strong>"
            cells.append(_cell_html(text, middle(figure) if figure else None))
        body.append(_table_row_html(row, index, cells))
    return _table_html(
        f"{test_set.title}: figures",
        ["Row", "Pairs", *(find_metric(metric).heading for metric in metrics)],
        body,
        "Mean or median [95 % interval] (share of pairs that meet the goal). Bold: the best of "
        "those that compete and were measured on at least 80 % of the pairs that the others have. "
        "Choose a heading to sort by it.",
    )


def _differences_html(run: Run, test_set: RunSet, focus: RunRow | None) -> str:
    rows = run.in_use(test_set)
    if focus not in rows or len(rows) < 2 or focus is None:
        return ""
    metrics = test_set.metrics()
    body = []
    for index, row in enumerate(rows):
        if row.name == focus.name:
            continue
        common = len(test_set.done(row.name).keys() & test_set.done(focus.name).keys())
        cells = [_cell_html(str(common), common)]
        for metric in metrics:
            figure = compare_rows(run, test_set.name, row.name, focus.name, metric)
            text = format_figure(figure, find_metric(metric).digits, common, signed=True)
            cells.append(_cell_html(_figure_html(text), middle(figure)))
        body.append(_table_row_html(row, index, cells))
    table = _table_html(
        f"{test_set.title}: differences from {focus.label}",
        ["Row", "Common pairs", *(find_metric(metric).heading for metric in metrics)],
        body,
        f"Each row minus {focus.label}, on the pairs that both have.",
    )
    return f"<details><summary>Differences from {escape(focus.label)}</summary>{table}</details>"


def _failures_html(run: Run, test_set: RunSet, counts: Mapping[str, Tally]) -> str:
    items = [
        f"<li>{escape(row.label)}, {n_pairs} {'pair' if n_pairs == 1 else 'pairs'}: "
        f"{escape(message)}</li>"
        for row in run.in_use(test_set)
        for message, n_pairs in Counter(counts[row.name]["errors"].values()).most_common()
    ]
    if not items:
        return ""
    n_failed = sum(tally["failed"] for tally in counts.values())
    return (
        f"<details><summary>What failed ({n_failed})</summary>"
        f'<ul class="failures">{"".join(items)}</ul></details>'
    )


def _guide_html() -> str:
    return (
        '<section id="guide"><h2>Reading the pictures</h2><p>Every picture is a mel spectrogram '
        f"with the axes and colours of this one, {escape(SCALE)}. Time runs over the sound's own "
        "length.</p>"
        f'<img class="guide" src="{GUIDE}" width="960" height="330" alt="A spectrogram with its '
        'axes: time from left to right, 0 to 16 kHz upwards, bright where it is loud."></section>'
    )


def _examples_html(run: Run, test_set: RunSet, section: Section, sounds: Sounds) -> str:
    examples = "".join(
        _example_html(run, test_set, section, pair, sounds) for pair in section.pairs
    )
    return (
        f'<section id="{section.anchor}"><h2>{escape(section.title)}</h2>'
        f"<p>{escape(section.about)}</p>{examples}</section>"
    )


def _example_html(
    run: Run, test_set: RunSet, section: Section, pair: RunPair, sounds: Sounds
) -> str:
    anchor = f"{section.anchor}-{pair.id}"
    group = f" <small>{escape(pair.bin)}</small>" if pair.bin else ""
    cards = []
    for role, side in (("content", pair.content), ("style", pair.style), ("target", PairSide())):
        sound = sounds[test_set.name, pair.id, role]
        if role == "target" and not sound.audio:
            continue
        lines = "".join(f"<p>{escape(line)}</p>" for line in (side.label, side.source) if line)
        cards.append(_card_html(role.capitalize(), pair, sound, lines, "given"))
    for row in run.in_use(test_set):
        outcome = test_set.outcomes.get((pair.id, row.name))
        sound = sounds[test_set.name, pair.id, f"row:{row.name}"]
        cards.append(_outcome_html(row, pair, outcome, sound, test_set.metrics()))
    return (
        f'<article id="{anchor}"><h3><a href="#{anchor}">{escape(pair.id)}</a>{group}</h3>'
        f'<div class="cards">{"".join(cards)}</div></article>'
    )


def _outcome_html(
    row: RunRow, pair: RunPair, outcome: Outcome | None, sound: Sound, metrics: Iterable[str]
) -> str:
    if outcome is None:
        return _card_html(row.label, pair, Sound(problem="not run on this pair"), "", "absent", row)
    if outcome.failed:
        failed = Sound(problem=f"failed: {outcome.error}")
        return _card_html(row.label, pair, failed, "", "failed", row)
    scores = {
        find_metric(name).label: _format_score(outcome.scores[name], find_metric(name).digits)
        + (f" {find_metric(name).unit}" if find_metric(name).unit else "")
        for name in metrics
        if name in outcome.scores
    }
    return _card_html(row.label, pair, sound, _definitions_html(scores, "scores"), "made", row)


def _card_html(
    label: str, pair: RunPair, sound: Sound, below: str, kind: str, row: RunRow | None = None
) -> str:
    """A sound, its picture, and scores or a source below."""
    what = f"{label}, pair {pair.id}"
    if sound.audio:
        size = (N_COLUMNS, N_MELS)
        media = media_html(quote(sound.image), quote(sound.audio), what, size, sound.duration_s)
    else:
        media = f'<p class="problem">{escape(sound.problem)}</p>'
    caption = escape(label) + (_badge_html(row) if row else "")
    return card_html(caption, media, below, kind)


# Pieces of a page


def _table_html(caption: str, headings: Sequence[str], body: Sequence[str], note: str) -> str:
    # An arrow stays on the line of the word before it.
    glued = (re.sub(r" (?=[↓↑])", "\N{NO-BREAK SPACE}", heading) for heading in headings)
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in glued)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f'<table class="sortable"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        f'<p class="note">{escape(note)}</p>'
    )


def _table_row_html(row: RunRow, index: int, cells: Iterable[str]) -> str:
    kind = "" if row.competes else ' class="reference"'
    head = f'<th scope="row" data-value="{index}">{escape(row.label)}{_badge_html(row)}</th>'
    return f"<tr{kind}>{head}{''.join(cells)}</tr>"


def _cell_html(html: str, value: float | None) -> str:
    return f'<td data-value="{"" if value is None else f"{value:.10g}"}">{html}</td>'


def _count_html(tally: Tally) -> str:
    rest = ", ".join(
        f"{count} {word}"
        for count, word in ((tally["failed"], "failed"), (tally["missing"], "not run"))
        if count
    )
    return str(tally["done"]) + (f' <span class="interval">{rest}</span>' if rest else "")


def _figure_html(text: str) -> str:
    """A figure's mean in full, its interval and its number of pairs smaller, below."""
    mean, *rest = re.split(r" (?=[\[(])", text)
    return escape(mean) + "".join(f' <span class="interval">{escape(part)}</span>' for part in rest)


def _format_score(value: float | None, digits: int) -> str:
    return "not measurable" if value is None else f"{value:.{digits}f}"


def _badge_html(row: RunRow) -> str:
    return "" if row.competes else f' <span class="badge">{escape(row.kind)}</span>'


def _definitions_html(entries: Mapping[str, Any], kind: str = "facts") -> str:
    items = "".join(
        f"<div><dt>{escape(str(key))}</dt><dd>{escape(str(value))}</dd></div>"
        for key, value in entries.items()
    )
    return f'<dl class="{kind}">{items}</dl>' if items else ""


def _flatten(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with those of a group in the group's place."""
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}, {inner}": fact for inner, fact in value.items()})
        else:
            flat[key] = value
    return flat
