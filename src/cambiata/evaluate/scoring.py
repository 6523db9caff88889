"""Scores of a run's outputs: against the target where there is one, else content and style."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.engines.engine import run_tasks
from cambiata.engines.failure import Failure, format_error
from cambiata.errors import CambiataError
from cambiata.evaluate.defects import measure_defects, measure_reference
from cambiata.evaluate.metrics import (
    METRIC_RATE_HZ,
    log_spectral_distance,
    loudness_error_db,
    multi_scale_spectral_distance,
    note_onset_f1,
    pad_or_trim,
    paper_lsd,
    pitch_jaccard_distance,
)
from cambiata.evaluate.runfolder import file_stem, load_clips
from cambiata.evaluate.timbre_metric import TimbreMetric
from cambiata.evaluate.tracking import PitchTracker, Transcriber
from cambiata.files import write_text

# Of `mss_floor`, below the reference's loudest bin: what is softer is inaudible beside it. Lower
# gives silence and rounding more weight; without a floor (`mss`) they have most of it.
FLOOR_DB = -80.0

Tools = tuple[PitchTracker, Transcriber, TimbreMetric]
"""Tools that the scores are computed with."""


def write_lines(here: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Scores of a set, in place of those that were there."""
    write_text(here / "scores.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def add_scores(
    here: Path,
    name: str,
    score: Callable[[Sequence[str], str], dict[str, float]],
    n_workers: int,
) -> list[str]:
    """Add a score of a set's own to those of a run; what failed."""
    lines = list(read_lines(here / "scores.jsonl"))
    unscored = [line for line in lines if "scores" in line and name not in line["scores"]]
    pairs = sorted({line["pair"] for line in unscored})
    rows = sorted({line["row"] for line in unscored})
    failures, values = [], {}
    for pair, result in run_tasks(partial(score, rows), pairs, n_workers):
        if isinstance(result, Failure):
            failures.append(f"{here.name}, {pair}: {result.message}")
        else:
            values.update({(pair, row): value for row, value in result.items()})
    for line in lines:
        value = values.get((line["pair"], line["row"]))
        if value is not None and "scores" in line:
            line["scores"][name] = value
    write_lines(here, lines)
    return failures


def read_lines(place: Path) -> Iterator[dict[str, Any]]:
    """Lines of a scores file that are whole."""
    if not place.exists():
        return
    for line in place.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # torn by a crash
            continue


@lru_cache(maxsize=1)
def load_tools() -> Tools:
    """One of each a process; loading them takes longer than a clip."""
    return PitchTracker(), Transcriber(), TimbreMetric()


@dataclass(frozen=True)
class _Features:
    """Samples, timbre embedding and pitches of a sound, at the metrics' rate."""

    samples: Samples
    timbre: Any
    pitches: list[list[int]] | None


def _extract_features(audio: Audio, tools: Tools, n_samples: int | None = None) -> _Features:
    tracker, _, timbre = tools
    samples = audio.mono().resampled(METRIC_RATE_HZ).samples[0]
    if n_samples is not None:
        samples = pad_or_trim(samples, np.zeros(n_samples, np.float32))
    try:
        pitches = tracker.pitches(samples, METRIC_RATE_HZ)
    except CambiataError:
        pitches = None  # shown as missing in the tables
    return _Features(samples, timbre.embedding(samples), pitches)


def score_pair(
    here: Path, tools: Callable[[], Tools], pair: str, rows: Sequence[str]
) -> list[dict[str, Any]]:
    """Scores of one pair's outputs, a line of scores.jsonl each."""
    folder = here / "audio" / pair
    clips = load_clips(folder)
    loaded = tools()
    _, transcriber, _ = loaded
    content = _extract_features(clips.content, loaded)
    n_samples = len(content.samples)
    target = None if clips.target is None else _extract_features(clips.target, loaded, n_samples)
    style = _extract_features(clips.style, loaded)
    true_notes = clips.notes
    if true_notes is None:  # the transcriber's own, of the content
        true_notes = tuple(transcriber.notes(content.samples, METRIC_RATE_HZ))
    # Where there is a target, distances from it tell all that defects would.
    reference = measure_reference(clips.content, clips.style) if target is None else None
    lines = []
    for row in rows:
        line: dict[str, Any] = {"pair": pair, "row": row}
        try:
            name = file_stem(row)
            cost = json.loads((folder / f"{name}.json").read_text())
            sound = load(folder / f"{name}.flac")
            output = _extract_features(sound, loaded, n_samples)
            scores = _compare(output, content, style, target)
            if reference is not None:
                scores |= measure_defects(sound, reference)
            notes = transcriber.notes(output.samples, METRIC_RATE_HZ)
            scores["onset_f1"] = note_onset_f1(notes, true_notes)
            elapsed_s = cost.pop("elapsed_s")
            measured = {key: _finite(value) for key, value in {**scores, **cost}.items()}
            line |= {"scores": measured, "elapsed_s": elapsed_s}
        except Exception as error:  # one output that cannot be judged costs its row alone
            line["error"] = format_error(error)
        lines.append(line)
    return lines


def _compare(
    output: _Features, content: _Features, style: _Features, target: _Features | None
) -> dict[str, float]:
    """Against the target where there is one; else timbre against the style, notes the content."""
    timbre, notes = target or style, target or content
    scores = {
        "timbre": TimbreMetric.distance(output.timbre, timbre.timbre),
        "pitch": _pitch_distance(output, notes),
        "loudness_db": loudness_error_db(output.samples, notes.samples),
    }
    if target is not None:
        out, reference = output.samples, target.samples
        scores |= {
            "paper_lsd": paper_lsd(out, reference),
            "lsd": log_spectral_distance(out, reference),
            "mss": multi_scale_spectral_distance(out, reference),
            "mss_floor": multi_scale_spectral_distance(out, reference, floor_db=FLOOR_DB),
        }
    return scores


def _pitch_distance(output: _Features, notes: _Features) -> float:
    if output.pitches is None or notes.pitches is None:
        return float("nan")
    return pitch_jaccard_distance(output.pitches, notes.pitches)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
