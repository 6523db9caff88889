"""A run as one folder with a page that reads, sounds and looks by itself, offline."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from cambiata.audio.sound import Audio, load
from cambiata.audio.stft import Stft
from cambiata.errors import InputError
from cambiata.evaluate.runfolder import (
    Outcome,
    PairSide,
    Run,
    RunPair,
    RunRow,
    RunSet,
    find_metric,
    read_run,
)
from cambiata.evaluate.table import (
    Figure,
    Summary,
    Tally,
    compare_rows,
    count_pairs,
    find_best_rows,
    format_figure,
    format_page,
    summarize,
    write_results,
)
from cambiata.files import REPORT, atomic_folder, check_output
from cambiata.system import Progress

Decibels = npt.NDArray[np.float64]
"""Mel spectrum in dB, [M, L]."""

# One rate, one frequency axis and one range for every picture, so that any two compare.
_RATE_HZ, _N_MELS, _N_COLUMNS = 32_000, 160, 320
_STFT = Stft(2048, 256, "hann")
_FLOOR_DB, _CEILING_DB = -100.0, -20.0
_COLOURS, _N_COLOURS = "magma", 40  # 2 dB each: as fine as one sees, and small files

# By which measure examples are the best and the worst: the first that was taken.
_RANKED_BY = ("paper_lsd", "lsd")
_EXTREME_SHARE = 0.05


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
        sounds = _write_sounds(run, sections, built, progress or (lambda _share: None))
        page = _page_html(run, figures, focused, sections, sounds)
        (built / "index.html").write_text(page, "utf-8")
        (built / "table.md").write_text(format_page(run, figures), "utf-8")
        write_results(run, built / "results.json", figures)
    return output / "index.html"


def mel_db(sound: Audio) -> Decibels:
    """Mel spectrum of a sound, as pictures of it show it.

    Frequencies 0 to 16 kHz on Slaney's mel scale (`librosa.filters.mel`), about 0 dB for a sine of
    full scale.

    returns [160, L].
    """
    samples = sound.mono().resampled(_RATE_HZ).samples[0]
    power = np.abs(_STFT.analyse(samples)) ** 2 / (_STFT.samples.sum() / 2) ** 2
    mels = _mel_filters() @ power
    columns = np.array_split(mels, min(_N_COLUMNS, mels.shape[1]), axis=1)
    means = np.stack([column.mean(axis=1) for column in columns], axis=1)
    decibels: Decibels = 10 * np.log10(np.maximum(means, 10 ** (_FLOOR_DB / 10)))
    return decibels


@lru_cache(maxsize=1)
def _mel_filters() -> npt.NDArray[np.float64]:
    import librosa

    filters: npt.NDArray[np.float64] = librosa.filters.mel(
        sr=_RATE_HZ, n_fft=_STFT.n_fft, n_mels=_N_MELS, norm=None, dtype=np.float64
    )
    return filters


# What goes onto the page


@dataclass(frozen=True)
class _Section:
    """Examples under one heading."""

    anchor: str
    title: str
    about: str
    pairs: tuple[RunPair, ...]


@dataclass(frozen=True)
class _Sound:
    """Where a sound and its picture are in the report, or why they are not."""

    audio: str = ""
    image: str = ""
    duration_s: float = 0.0
    problem: str = ""


# By set, pair and role: "content", "style", "target" or a row's name after "row:".
_Sounds = Mapping[tuple[str, str, str], _Sound]


def _choose_focus(run: Run, name: str | None) -> RunRow | None:
    if name is not None:
        return run.row_named(name)
    return next((row for row in run.rows if row.competes), None)


def _is_report(folder: Path, run: Run) -> bool:
    """Whether a folder may be replaced: everything in it goes, and the run must not be in it."""
    is_report = (folder / "index.html").is_file() and (folder / "results.json").is_file()
    return is_report and not run.folder.resolve().is_relative_to(folder.resolve())


def _choose_sections(
    test_set: RunSet, focus: RunRow | None, n_random: int, seed: int
) -> list[_Section]:
    pairs, rng = test_set.pairs, np.random.default_rng(seed)
    chosen = sorted(rng.choice(len(pairs), min(n_random, len(pairs)), replace=False).tolist())
    title = test_set.title
    sections = [
        _Section(
            f"{test_set.name}-random",
            f"{title}: random sample",
            f"{len(chosen)} of {len(pairs)} pairs, drawn with seed {seed}; not chosen by ear.",
            tuple(pairs[index] for index in chosen),
        )
    ]
    if focus is not None:
        sections += _choose_extremes(test_set, focus)
    return [section for section in sections if section.pairs]


def _choose_extremes(test_set: RunSet, focus: RunRow) -> list[_Section]:
    for metric in _RANKED_BY:
        scores = test_set.scores(focus.name, metric)
        if len(scores) < 2:
            continue
        by_id = {pair.id: pair for pair in test_set.pairs}
        ranked = [by_id[pair] for pair in sorted(scores, key=scores.__getitem__)]
        n_shown = math.ceil(_EXTREME_SHARE * len(ranked))
        of = f"{n_shown} of {len(ranked)} pairs, by {find_metric(metric).label} of {focus.label}"
        return [
            _Section(
                f"{test_set.name}-best",
                f"{test_set.title}: best 5 %",
                f"{of}, the best first.",
                tuple(ranked[:n_shown]),
            ),
            _Section(
                f"{test_set.name}-worst",
                f"{test_set.title}: worst 5 %",
                f"{of}, the worst first.",
                tuple(ranked[: -n_shown - 1 : -1]),
            ),
        ]
    return []


def _sound_roles(run: Run, test_set: RunSet) -> list[tuple[str, str]]:
    """Every role of a sound in a pair, and the stem of its file in the run."""
    sides = [(side, side) for side in ("content", "style", "target")]
    return sides + [(f"row:{row.name}", row.file_stem) for row in run.in_use(test_set)]


# Sounds and pictures


def _write_sounds(
    run: Run, sections: Mapping[str, Sequence[_Section]], built: Path, progress: Progress
) -> _Sounds:
    shown = [
        (test_set, pair_id)
        for test_set in run.sets
        for pair_id in dict.fromkeys(
            pair.id for section in sections[test_set.name] for pair in section.pairs
        )
    ]
    sounds = {}
    for done, (test_set, pair_id) in enumerate(shown, start=1):
        source = run.folder / test_set.name / "audio" / pair_id
        place = Path(test_set.name) / pair_id
        for folder in ("audio", "images"):
            (built / folder / place).mkdir(parents=True, exist_ok=True)
        for index, (role, stem) in enumerate(_sound_roles(run, test_set)):
            name = f"{index}-{re.sub('[^A-Za-z0-9]+', '-', stem)[:60]}"
            sounds[test_set.name, pair_id, role] = _write_sound(source, stem, built, place / name)
        progress(done / len(shown))
    readable = (sound for sound in sounds.values() if sound.audio)
    if first := next(readable, None):
        _draw_guide(mel_db(load(built / first.audio)), first.duration_s, built / _GUIDE)
    return sounds


def _write_sound(source: Path, stem: str, built: Path, place: Path) -> _Sound:
    """Copy a sound into the report and draw it."""
    path = source / f"{stem}.flac"
    # A row's name is free text, and must not lead out of the run.
    if path.parent != source or not path.exists():
        return _Sound(problem="no sound kept")
    try:
        sound = load(path)
    except InputError as error:
        return _Sound(problem=f"sound {error.problem}")
    audio, image = Path("audio", f"{place}.ogg"), Path("images", f"{place}.png")
    sound.save(built / audio)
    _draw(mel_db(sound), built / image)
    return _Sound(audio.as_posix(), image.as_posix(), sound.duration_s)


def _draw(picture: Decibels, path: Path) -> None:
    import matplotlib
    from PIL import Image  # matplotlib's own; it writes a palette, a third of the size of RGBA

    share = (picture[::-1] - _FLOOR_DB) / (_CEILING_DB - _FLOOR_DB)
    levels = np.clip(np.floor(share * _N_COLOURS), 0, _N_COLOURS - 1).astype(np.uint8)
    image = Image.fromarray(levels, "L")
    colours = matplotlib.colormaps[_COLOURS].resampled(_N_COLOURS)(range(_N_COLOURS), bytes=True)
    image.putpalette(colours[:, :3].tobytes())
    image.save(path, optimize=True)


_GUIDE = "images/guide.png"


def _draw_guide(picture: Decibels, duration_s: float, path: Path) -> None:
    """One spectrogram with its axes, which all others leave out."""
    import librosa
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(6.4, 2.2), dpi=150, layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    image = axes.imshow(
        picture,
        origin="lower",
        aspect="auto",
        extent=(0, duration_s, 0, _N_MELS),
        vmin=_FLOOR_DB,
        vmax=_CEILING_DB,
        cmap=_COLOURS,
    )
    scale = drawing.colorbar(image, ax=axes, label="dB")
    ticks_khz = np.array([0.25, 0.5, 1, 2, 4, 8, 16])
    mels = librosa.mel_frequencies(_N_MELS + 1, fmin=0, fmax=_RATE_HZ / 2)
    axes.set_yticks(
        np.interp(1000 * ticks_khz, mels, np.arange(_N_MELS + 1)), [f"{f:g}" for f in ticks_khz]
    )
    axes.set_xlabel("s")
    axes.set_ylabel("kHz")
    # A grey that reads on white and on black: the page may be either.
    for part in (axes, scale.ax):
        part.tick_params(colors="#808080", labelsize=8)
        part.xaxis.label.set_color("#808080")
        part.yaxis.label.set_color("#808080")
    drawing.savefig(path, transparent=True)


# The page, from its outside in


def _page_html(
    run: Run,
    figures: Summary,
    focus: RunRow | None,
    sections: Mapping[str, Sequence[_Section]],
    sounds: _Sounds,
) -> str:
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
    return _PAGE.substitute(
        style=_STYLE,
        script=_SCRIPT,
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
        f"<dd>{escape(find_metric(name).about)}</dd></div>"
        for name in names
    )
    return (
        '<section id="measures"><h2>Measures</h2>'
        "<p>An arrow points to the better side. Figures are means over pairs with bootstrap "
        "95&nbsp;% intervals. What could not be measured is counted, never averaged.</p>"
        f'<dl class="about">{entries}</dl></section>'
    )


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
            cells.append(_cell_html(text, figure["mean"] if figure else None))
        body.append(_table_row_html(row, index, cells))
    return _table_html(
        f"{test_set.title}: means",
        ["Row", "Pairs", *(find_metric(metric).heading for metric in metrics)],
        body,
        "Mean [95 % interval]. Bold: the best of those that compete and were measured on at least "
        "80 % of the pairs that the others have. Choose a heading to sort by it.",
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
            cells.append(_cell_html(_figure_html(text), figure["mean"]))
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
        "with the axes and colours of this one; a sine of full scale has about 0&nbsp;dB. Time "
        "runs over the sound's own length.</p>"
        f'<img class="guide" src="{_GUIDE}" width="960" height="330" alt="A spectrogram with its '
        f"axes: seconds from left to right, 0 to 16 kHz upwards, colours from {_FLOOR_DB:.0f} dB, "
        f'dark, to {_CEILING_DB:.0f} dB, bright."></section>'
    )


def _examples_html(run: Run, test_set: RunSet, section: _Section, sounds: _Sounds) -> str:
    examples = "".join(
        _example_html(run, test_set, section, pair, sounds) for pair in section.pairs
    )
    return (
        f'<section id="{section.anchor}"><h2>{escape(section.title)}</h2>'
        f"<p>{escape(section.about)}</p>{examples}</section>"
    )


def _example_html(
    run: Run, test_set: RunSet, section: _Section, pair: RunPair, sounds: _Sounds
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
    row: RunRow, pair: RunPair, outcome: Outcome | None, sound: _Sound, metrics: Iterable[str]
) -> str:
    if outcome is None:
        return _card_html(
            row.label, pair, _Sound(problem="not run on this pair"), "", "absent", row
        )
    if outcome.failed:
        failed = _Sound(problem=f"failed: {outcome.error}")
        return _card_html(row.label, pair, failed, "", "failed", row)
    scores = {
        find_metric(name).label: _format_score(outcome.scores[name], find_metric(name).digits)
        + (f" {find_metric(name).unit}" if find_metric(name).unit else "")
        for name in metrics
        if name in outcome.scores
    }
    return _card_html(row.label, pair, sound, _definitions_html(scores, "scores"), "made", row)


def _card_html(
    label: str, pair: RunPair, sound: _Sound, below: str, kind: str, row: RunRow | None = None
) -> str:
    """A sound, its picture, and what is to be said of it."""
    what = escape(f"{label}, pair {pair.id}")
    if sound.audio:
        media = (
            f'<img src="{quote(sound.image)}" loading="lazy" width="{_N_COLUMNS}" '
            f'height="{_N_MELS}" alt="Spectrogram of {what}, {sound.duration_s:.1f} s">'
            f'<audio controls preload="none" src="{quote(sound.audio)}" aria-label="{what}">'
            "</audio>"
        )
    else:
        media = f'<p class="problem">{escape(sound.problem)}</p>'
    badge = _badge_html(row) if row else ""
    return (
        f'<figure class="card {kind}"><figcaption>{escape(label)}{badge}</figcaption>'
        f"{media}{below}</figure>"
    )


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


_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Cambiata: music style transfer, measured and heard</title>
<style>$style</style>
</head>
<body>
<header>
<h1>Music style transfer, measured and heard</h1>
<p>Each test pair is a content and a style, two short recordings. A system plays the notes and the
timing of the content with the sound of the style. Artificial pairs have a target as well: those
notes with that sound, as a perfect system would return them. Below are the figures over all pairs,
then examples to listen to.</p>
$facts
<nav aria-label="Sections"><ul>$links</ul></nav>
</header>
<main>
$body
</main>
<footer><p>Written by Cambiata. All figures are in <a href="results.json">results.json</a>, the
tables also in <a href="table.md">table.md</a>.</p></footer>
<script>$script</script>
</body>
</html>
""")

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1e22; --soft: #5c636b; --paper: #fff; --panel: #f4f5f7;
  --line: #d9dce0; --accent: #0b5cad; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ec; --soft: #a0a7af; --paper: #14171a;
  --panel: #1e2226; --line: #343a40; --accent: #7db8ff; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 84rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header p, section > p { max-width: 46rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 1rem 0; }
h2 { font-size: 1.35rem; margin: 3rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
small, .note, .interval, footer { color: var(--soft); font-weight: normal; font-size: .85rem; }
a, summary { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
nav ul { padding-left: 1.2rem; columns: 18rem; }
details { margin: .75rem 0; }
summary { cursor: pointer; }
dl { margin: .75rem 0; }
dd { margin: 0; }
dt { color: var(--soft); }
.facts { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; font-size: .9rem; }
.about { columns: 24rem; column-gap: 2.5rem; }
.about div { break-inside: avoid; padding-bottom: .5rem; }
.about dt { color: inherit; font-weight: 600; }
.scroll { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums;
  overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .45rem .6rem; text-align: right; vertical-align: top;
  border-bottom: 1px solid var(--line); }
thead th { vertical-align: bottom; border-bottom: 2px solid var(--soft); }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--paper);
  min-width: 8.5rem; }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0;
  text-align: inherit; cursor: pointer; }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }
td .interval { display: block; white-space: nowrap; }
.reference { font-style: italic; }
.badge { display: inline-block; padding: 0 .4rem; border: 1px solid var(--line);
  border-radius: 1rem; color: var(--soft); font: .75rem/1.4 system-ui, sans-serif; }
.guide { width: 100%; max-width: 40rem; height: auto; }
.cards { display: grid; gap: .75rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
.card { margin: 0; padding: .6rem; background: var(--panel); border-radius: .4rem;
  border-top: 3px solid var(--line); min-width: 0; height: 100%; font-size: .85rem; }
.card.given { border-top-color: var(--accent); }
.card.failed { border-top-color: var(--bad); }
.card p { margin: .3rem 0; color: var(--soft); }
.card.failed .problem { color: var(--bad); }
.card img { display: block; width: 100%; height: auto; aspect-ratio: 2; background: #000; }
.card audio { display: block; width: 100%; height: 2.4rem; margin-top: .4rem; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
.scores div { display: flex; justify-content: space-between; gap: .5rem; }
.scores dd { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
.failures { font-size: .9rem; }
@media (max-width: 34rem) { .cards { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .card { padding: .4rem; } .scores { font-size: .8rem; } h1 { font-size: 1.5rem; }
  th, td { padding: .4rem .35rem; } th:first-child { min-width: 6.5rem; } }
"""

_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falls = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const value = row => row.cells[column].dataset.value;
      const rows = [...table.tBodies[0].rows].sort((a, b) =>
        (value(a) === "") - (value(b) === "") || (value(a) - value(b)) * (falls ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}
document.addEventListener("play", event => {
  for (const audio of document.querySelectorAll("audio"))
    if (audio !== event.target) audio.pause();
}, true);
"""
