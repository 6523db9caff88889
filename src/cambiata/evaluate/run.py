"""A run: every row's output for every pair, kept, and its scores; it goes on where it stopped.

Three stages, each over the cores and each skipping what lies there already: the inputs as sound
files, the outputs row by row (so that a process's peak memory is that row's), the scores.
`cambiata.evaluate.table` reads the folder back and says what is in which file.
"""

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.data.processes import Failure, format_error, run_tasks
from cambiata.errors import CambiataError, CambiataWarning, InputError
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
from cambiata.evaluate.rows import Row
from cambiata.evaluate.testset import Clips, Entry
from cambiata.evaluate.timbre_metric import TimbreMetric
from cambiata.evaluate.tracking import PitchTracker, Transcriber
from cambiata.score.midi import Note
from cambiata.system import Progress

FLOOR_DB = -80.0


class TestSet(Protocol):
    """What a run needs to know of a set; picklable, as processes are sent it."""

    @property
    def name(self) -> str:
        """Its folder's name."""

    @property
    def title(self) -> str:
        """Its name in tables."""

    @property
    def about(self) -> str:
        """A paragraph on it."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a reader should know: sources, hashes, counts."""

    @property
    def entries(self) -> Sequence[Entry]:
        """Its pairs."""

    def clips(self, name: str) -> Clips:
        """The sounds of a pair."""


TestSet.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test's

Tools = tuple[PitchTracker, Transcriber, TimbreMetric]
"""What the scores listen with."""


@dataclass(frozen=True)
class PairTask:
    """One pair, and for outputs and scores the rows wanted of it."""

    pair: str  # The pair's name
    rows: tuple[str, ...] = ()  # Rows to score


def run(
    folder: str | Path,
    sets: Sequence[TestSet],
    rows: Sequence[Row],
    *,
    n_workers: int | None = None,
    seed: int = 0,
    tools: Callable[[], Tools] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> list[str]:
    """Outputs and scores of rows over the pairs of test sets, in a folder."""
    place = Path(folder)
    _check_place(place)
    n_workers = n_workers or os.cpu_count() or 1
    report = progress or (lambda _stage, _share: None)
    tools = tools or _load_tools
    tracker, transcriber, _ = tools()  # here first: what is missing is better known at once
    tracker.close()
    used = {"pitch": str(tracker.name), "transcriber": _add_version(transcriber.name)}
    _describe_run(place, sets, rows, seed, used)
    failures: list[str] = []
    for test_set in sets:
        here = place / test_set.name
        applicable = _applicable_rows(test_set, rows)
        names = tuple(row.name for row in applicable)
        pairs = [entry.name for entry in test_set.entries]
        stage = partial(report, f"{test_set.name}: inputs")
        failures += _write_inputs(here, test_set, names, n_workers, stage)
        for row in applicable:
            stage = partial(report, f"{test_set.name}: {row.label}")
            failures += _write_outputs(here, row, pairs, n_workers, stage)
        stage = partial(report, f"{test_set.name}: scores")
        failures += _write_scores(here, names, pairs, tools, n_workers, stage)
    return failures


def _add_version(package: str) -> str:
    """A package's name and version; other names as they are."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package


def _applicable_rows(test_set: TestSet, rows: Sequence[Row]) -> list[Row]:
    """Without a target no ceiling can be made of it."""
    has_target = test_set.facts.get("target", True)
    return [row for row in rows if has_target or row.kind != "ceiling"]


def _check_place(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(str(folder), "is a file", "choose another name")
    if folder.exists() and any(folder.iterdir()) and not (folder / "run.json").exists():
        raise InputError(str(folder), "is not empty and no run", "choose another folder")


def _describe_run(
    folder: Path, sets: Sequence[TestSet], rows: Sequence[Row], seed: int, tools: dict[str, str]
) -> None:
    """Write what the run is, or add to what it was; nothing where the two do not agree."""
    place = folder / "run.json"
    facts: dict[str, Any] = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "python": sys.version.split()[0],
        "cambiata": version("cambiata"),
        "seed": seed,
        "tools": tools,
        "sets": {},
        "rows": [],
    }
    if place.exists():
        facts = _read_facts(place)
        _check_tools(folder, facts["tools"], tools)
        facts["tools"] = tools
    known = {row["name"]: row for row in facts["rows"]}
    for row in rows:
        known[row.name] = {
            "name": row.name,
            "label": row.label,
            "about": row.about,
            "kind": row.kind,
        }
    facts["rows"] = list(known.values())
    pairs = {test_set.name: _pair_facts(test_set) for test_set in sets}
    for test_set in sets:
        listed, about, counts = pairs[test_set.name], test_set.about, test_set.facts
        if test_set.name in facts["sets"]:
            before = facts["sets"][test_set.name]
            # A row may be run on a subset: the pairs of earlier calls stay in the table.
            listed = _merge_earlier(folder, test_set, before["facts"], listed)
            if len(listed) > len(pairs[test_set.name]):
                about, counts = before["about"], before["facts"]
            pairs[test_set.name] = listed
        bins: dict[str, int] = {}
        for entry in listed:
            bins[entry["bin"]] = bins.get(entry["bin"], 0) + 1
        facts["sets"][test_set.name] = {
            "title": test_set.title,
            "n_pairs": len(listed),
            "about": about,
            "bins": bins,
            "facts": counts,
        }
    for name, listed in pairs.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        _write(folder / name / "pairs.json", listed)
    _write(place, facts)


def _read_facts(place: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(place.read_text("utf-8"))
        if not {"tools", "rows", "sets"} <= set(facts):
            raise ValueError("no run")
    except (OSError, ValueError, TypeError) as error:
        raise InputError(str(place), "is not what a run writes", "choose another folder") from error
    return facts


def _pair_facts(test_set: TestSet) -> list[dict[str, Any]]:
    return [
        {"id": e.name, "bin": e.bin, "content": e.content, "style": e.style}
        for e in test_set.entries
    ]


def _check_tools(folder: Path, before: dict[str, str], now: dict[str, str]) -> None:
    """Scores by other tools do not belong into one table."""
    for name, tool in now.items():
        # Runs of old named no version of the transcriber.
        if not tool.startswith(before.get(name, "")):
            raise InputError(
                str(folder), f"was scored by {before[name]}, not {tool}", "choose another folder"
            )


def _merge_earlier(
    folder: Path, test_set: TestSet, before: dict[str, Any], listed: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Pairs of this call and of earlier ones, by name; never another set's."""
    place = folder / test_set.name / "pairs.json"
    listed_before = json.loads(place.read_text("utf-8")) if place.exists() else []
    earlier = {entry["id"]: entry for entry in listed_before}
    same = all(earlier.get(entry["id"], entry) == entry for entry in listed)
    # What is counted of a set changes with the number of its pairs.
    counted = {"windows of each instrument", "not used"}
    now = json.loads(json.dumps(test_set.facts))
    same &= all(before.get(name) == now.get(name) for name in {*before, *now} - counted)
    if not same:
        raise InputError(str(folder), f"holds another {test_set.name} set", "choose another folder")
    earlier.update((entry["id"], entry) for entry in listed)
    return [earlier[name] for name in sorted(earlier)]


def machine() -> str:
    """What the run is made on."""
    import platform

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{model}, {os.cpu_count()} cores"


def _write(place: Path, facts: Any) -> None:
    beside = place.with_suffix(".part")
    beside.write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
    beside.replace(place)


@contextmanager
def _one_thread_each(n_workers: int) -> Iterator[None]:
    """Tell processes begun meanwhile to use a thread each: more would wait for one another."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    if n_workers > 1:
        os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


# --- inputs ---------------------------------------------------------------------------------------


def _write_inputs(
    here: Path, test_set: TestSet, rows: tuple[str, ...], n_workers: int, report: Progress
) -> list[str]:
    todo = [e.name for e in test_set.entries if not (here / "audio" / e.name / "done").exists()]
    make = partial(_make_inputs, here, test_set)
    tasks = [PairTask(name, rows) for name in todo]
    return _run_jobs(make, tasks, n_workers, report, here / "scores.jsonl")


def _make_inputs(here: Path, test_set: TestSet, task: PairTask) -> None:
    clips = test_set.clips(task.pair)
    folder = here / "audio" / task.pair
    folder.mkdir(parents=True, exist_ok=True)
    _save_audio(clips.content, folder / "content.flac")
    _save_audio(clips.style, folder / "style.flac")
    if clips.target is not None:
        _save_audio(clips.target, folder / "target.flac")
    if clips.notes is not None:
        rows = [(n.start_s, n.end_s, n.pitch, n.velocity) for n in clips.notes]
        _write(folder / "notes.json", rows)
    (folder / "done").touch()


def _save_audio(audio: Audio, place: Path) -> None:
    with warnings.catch_warnings():  # a worker's are read by nobody
        warnings.simplefilter("ignore", CambiataWarning)
        # 16 bits hold more than any metric hears, in half the room.
        Audio(audio.samples, audio.sample_rate, "PCM_16").save(place, force=True)


def _load_clips(folder: Path) -> Clips:
    target, notes = folder / "target.flac", folder / "notes.json"
    return Clips(
        load(folder / "content.flac"),
        load(folder / "style.flac"),
        load(target) if target.exists() else None,
        tuple(Note(*row) for row in json.loads(notes.read_text())) if notes.exists() else None,
        folder.name,
    )


def _ready_folders(here: Path, pairs: Sequence[str]) -> list[Path]:
    """Folders of the pairs whose inputs are there."""
    folders = [here / "audio" / pair for pair in pairs]
    return [folder for folder in folders if (folder / "done").exists()]


# --- outputs --------------------------------------------------------------------------------------


def _write_outputs(
    here: Path, row: Row, pairs: Sequence[str], n_workers: int, report: Progress
) -> list[str]:
    done = f"{file_stem(row.name)}.json"
    todo = [
        PairTask(place.name) for place in _ready_folders(here, pairs) if not (place / done).exists()
    ]
    make = partial(_make_output, here, row)
    workers = 1 if row.single else n_workers
    return _run_jobs(make, todo, workers, report, here / "scores.jsonl", row.name)


def file_stem(row: str) -> str:
    """What a row's files are called."""
    return re.sub(r"[^\w.-]", "-", row)


def _make_output(here: Path, row: Row, task: PairTask) -> None:
    folder = here / "audio" / task.pair
    clips = _load_clips(folder)
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CambiataWarning)
        out = row.output(clips)
    elapsed_s = time.perf_counter() - begun
    _save_audio(out, folder / f"{file_stem(row.name)}.flac")
    cost = {"elapsed_s": elapsed_s}
    if row.kind == "system":
        cost["real_time_factor"] = elapsed_s / clips.content.duration_s
        cost["peak_mib"] = _peak_mib()
    _write(folder / f"{file_stem(row.name)}.json", cost)


def _peak_mib() -> float:
    """Most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux counts what the parent held into a child's `ru_maxrss`
        [peak] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(peak.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


# --- scores ---------------------------------------------------------------------------------------


def _write_scores(
    here: Path,
    rows: tuple[str, ...],
    pairs: Sequence[str],
    tools: Callable[[], Tools],
    n_workers: int,
    report: Progress,
) -> list[str]:
    place = here / "scores.jsonl"
    scored = {(line["pair"], line["row"]) for line in _read_lines(place) if "scores" in line}
    todo = []
    for folder in _ready_folders(here, pairs):
        unscored = tuple(
            row
            for row in rows
            if (folder / f"{file_stem(row)}.json").exists() and (folder.name, row) not in scored
        )
        if unscored:
            todo.append(PairTask(folder.name, unscored))
    return _run_jobs(partial(_score_pair, here, tools), todo, n_workers, report, place)


def read_scores(here: Path) -> list[dict[str, Any]]:
    """Every score of a set."""
    return list(_read_lines(here / "scores.jsonl"))


def write_lines(here: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Scores of a set, in place of those that were there."""
    place = here / "scores.jsonl"
    beside = place.with_suffix(".part")
    beside.write_text("".join(json.dumps(line) + "\n" for line in lines))
    beside.replace(place)


def add_scores(
    here: Path,
    name: str,
    score_pair: Callable[[Sequence[str], str], dict[str, float]],
    n_workers: int,
) -> list[str]:
    """Add a score of a set's own to those that a run has given."""
    lines = read_scores(here)
    unscored = [line for line in lines if "scores" in line and name not in line["scores"]]
    pairs = sorted({line["pair"] for line in unscored})
    rows = sorted({line["row"] for line in unscored})
    failures, found = [], {}
    for pair, result in run_tasks(partial(score_pair, rows), pairs, n_workers):
        if isinstance(result, Failure):
            failures.append(f"{here.name}, {pair}: {result.message}")
        else:
            found.update({(pair, row): score for row, score in result.items()})
    for line in lines:
        score = found.get((line["pair"], line["row"]))
        if score is not None and "scores" in line:
            line["scores"][name] = score
    write_lines(here, lines)
    return failures


def _read_lines(place: Path) -> Iterator[dict[str, Any]]:
    if not place.exists():
        return
    for line in place.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:  # torn by a crash
            continue


@lru_cache(maxsize=1)
def _load_tools() -> Tools:
    """One of each a process; loading them takes longer than a clip."""
    return PitchTracker(), Transcriber(), TimbreMetric()


@dataclass(frozen=True)
class _Features:
    """What the metrics need of a sound, at their rate."""

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


def _score_pair(here: Path, tools: Callable[[], Tools], task: PairTask) -> list[dict[str, Any]]:
    folder = here / "audio" / task.pair
    clips = _load_clips(folder)
    loaded = tools()
    _, transcriber, _ = loaded
    content = _extract_features(clips.content, loaded)
    n_samples = len(content.samples)
    target = None if clips.target is None else _extract_features(clips.target, loaded, n_samples)
    style = _extract_features(clips.style, loaded)
    true_notes = clips.notes
    if true_notes is None:  # what the transcriber hears in the content
        true_notes = tuple(transcriber.notes(content.samples, METRIC_RATE_HZ))
    lines = []
    for row in task.rows:
        line: dict[str, Any] = {"pair": task.pair, "row": row}
        try:
            name = file_stem(row)
            cost = json.loads((folder / f"{name}.json").read_text())
            output = _extract_features(load(folder / f"{name}.flac"), loaded, n_samples)
            scores = _compare(output, content, style, target)
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
    like, notes = target or style, target or content
    scores = {
        "timbre": TimbreMetric.distance(output.timbre, like.timbre),
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


# --- all stages -----------------------------------------------------------------------------------


def _run_jobs(
    function: Callable[[PairTask], Any],
    tasks: list[PairTask],
    n_workers: int,
    report: Progress,
    place: Path,
    row: str = "",
) -> list[str]:
    """Do tasks; append what they return, and what failed, to the scores file."""
    failures = []
    with (
        place.open("a", encoding="utf-8") as file,
        _one_thread_each(n_workers),
        closing(run_tasks(function, tasks, n_workers)) as results,
    ):
        file.write(_repair_line_end(place))
        for done, (task, result) in enumerate(results, 1):
            if isinstance(result, Failure):
                named = [row] if row else list(task.rows)
                failures.append(" ".join([task.pair, *named]) + f": {result.message}")
                lines = [{"pair": task.pair, "row": r, "error": result.message} for r in named]
            else:
                lines = result or []
                failed = [line for line in lines if "error" in line]
                failures += [f"{line['pair']} {line['row']}: {line['error']}" for line in failed]
            for line in lines:
                file.write(json.dumps(line) + "\n")
            file.flush()
            report(done / len(tasks))
    return failures


def _repair_line_end(place: Path) -> str:
    """What ends a line that a crash tore, so that the next one stays whole."""
    text = place.read_bytes() if place.exists() else b""
    return "\n" if text and not text.endswith(b"\n") else ""
