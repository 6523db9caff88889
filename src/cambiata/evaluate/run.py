"""A run: every row's output for every pair, as files, and its scores; it goes on where it stopped.

Three stages, each over the cores and each skipping what lies there already: the inputs as sound
files, the outputs row by row (so that a process's peak memory is that row's), the scores.
`scoring` scores, `run_facts` writes what the run is, `runfolder` reads the folder back.
"""

import json
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cambiata.audio.sound import Audio
from cambiata.engines.engine import n_cores, one_thread_each, run_tasks
from cambiata.engines.failure import Failure
from cambiata.errors import CambiataWarning
from cambiata.evaluate.rows import Row
from cambiata.evaluate.run_facts import describe_run, write_json
from cambiata.evaluate.runfolder import file_stem, load_clips
from cambiata.evaluate.scoring import Tools, load_tools, read_lines, score_pair
from cambiata.evaluate.testset import Clips, TestSet
from cambiata.files import EVALUATION, check_output
from cambiata.system import Progress


@dataclass(frozen=True)
class PairTask:
    """A pair to do, and the rows that it is done for."""

    pair: str
    rows: tuple[str, ...] = ()


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
    """Outputs and scores of rows over the pairs of test sets, in a folder; what failed."""
    place = check_output(folder, EVALUATION, is_own=_is_run)
    n_workers = n_workers or n_cores()
    report = progress or (lambda _stage, _share: None)
    tools = tools or load_tools
    tracker, transcriber, _ = tools()  # here first: what is missing is better known at once
    tracker.close()
    used = {"pitch": str(tracker.name), "transcriber": _add_version(transcriber.name)}
    describe_run(place, sets, rows, seed, used)
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
            applicable_pairs = [pair for pair in pairs if row.applies_to(pair)]
            failures += _write_outputs(here, row, applicable_pairs, n_workers, stage)
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
    """Rows that a set allows: without a target no ceiling can be made of it."""
    has_target = test_set.facts.get("target", True)
    return [row for row in rows if has_target or row.kind != "ceiling"]


def _is_run(folder: Path) -> bool:
    """True where a folder holds a run, or nothing yet."""
    return (folder / "run.json").exists() or not any(folder.iterdir())


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
    subtype = _subtype(clips)
    _save_audio(clips.content, folder / "content.flac", subtype)
    _save_audio(clips.style, folder / "style.flac", subtype)
    if clips.target is not None:
        _save_audio(clips.target, folder / "target.flac", subtype)
    if clips.notes is not None:
        rows = [(n.start_s, n.end_s, n.pitch, n.velocity) for n in clips.notes]
        write_json(folder / "notes.json", rows)
    (folder / "done").touch()


def _subtype(clips: Clips) -> str:
    """16 bits are finer than any distance from a target, in half the room of 24.

    Without a target silences are measured, too, and the noise of 16 bits is as loud as theirs.
    """
    return "PCM_24" if clips.target is None else "PCM_16"


def _save_audio(audio: Audio, place: Path, subtype: str) -> None:
    with warnings.catch_warnings():  # a worker's are read by nobody
        warnings.simplefilter("ignore", CambiataWarning)
        Audio(audio.samples, audio.sample_rate, subtype).save(place, force=True)


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


def _make_output(here: Path, row: Row, task: PairTask) -> None:
    folder = here / "audio" / task.pair
    clips = load_clips(folder)
    start_s = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CambiataWarning)
        out = row.output(clips)
    elapsed_s = time.perf_counter() - start_s
    _save_audio(out, folder / f"{file_stem(row.name)}.flac", _subtype(clips))
    cost = {"elapsed_s": elapsed_s}
    if row.kind == "system":
        cost["real_time_factor"] = elapsed_s / clips.content.duration_s
        cost["peak_mib"] = _peak_mib()
    write_json(folder / f"{file_stem(row.name)}.json", cost)


def _peak_mib() -> float:
    """Peak memory of this process in MiB."""
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
    scored = {(line["pair"], line["row"]) for line in read_lines(place) if "scores" in line}
    todo = []
    for folder in _ready_folders(here, pairs):
        unscored = tuple(
            row
            for row in rows
            if (folder / f"{file_stem(row)}.json").exists() and (folder.name, row) not in scored
        )
        if unscored:
            todo.append(PairTask(folder.name, unscored))
    return _run_jobs(partial(_score_task, here, tools), todo, n_workers, report, place)


def _score_task(here: Path, tools: Callable[[], Tools], task: PairTask) -> list[dict[str, Any]]:
    return score_pair(here, tools, task.pair, task.rows)


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
        one_thread_each() if n_workers > 1 else nullcontext(),
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
    """End of a line that a crash tore, so that the next one stays whole; else nothing."""
    text = place.read_bytes() if place.exists() else b""
    return "\n" if text and not text.endswith(b"\n") else ""
