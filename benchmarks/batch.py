"""Batches against a shell loop, on Ray, and over many items: ``python benchmarks/batch.py``.

Seconds of processor (of the command and all of its workers) are given beside seconds of wall time,
as the machine may be shared: the cores that others use meanwhile are printed, too. Parts: ``loop``
(a loop of single commands, then batches of 1 and 2 workers), ``lengths`` (files of other lengths,
for the model of a catalogue), ``memory`` (a cheap verb over 1,000 items), ``ray`` (needs the extra
``cluster``).
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import cambiata
from cambiata.engines.engine import opened
from machine import machine, table

EXAMPLES = Path(__file__).parent.parent / "examples"
DURATION_S = 4.0  # of a file; a phrase
_STEP_SAMPLES = 6151  # from file to file; a prime, so that no two are the same
# Lengths of which the model is fitted (the first two) and checked, and how many files of each.
LENGTHS_S = {4.0: 40, 30.0: 10, 240.0: 4}
RAY_FILES, RAY_RUNS = 200, 3


def write_songs(
    folder: Path, n: int, duration_s: float, song: cambiata.Audio | None = None
) -> list[Path]:
    """Files that begin at other places of a song, which is repeated; else of the example."""
    song = song or cambiata.load(EXAMPLES / "trumpet.ogg").mono()
    n_samples = round(duration_s * song.sample_rate)
    places = []
    for i in range(n):
        moved = np.roll(song.samples, -i * _STEP_SAMPLES, axis=1)
        cut = np.tile(moved, -(-n_samples // moved.shape[1]))[:, :n_samples]
        places.append(folder / f"{i:04d}.wav")
        cambiata.Audio(cut, song.sample_rate, "PCM_16").save(places[-1])
    return places


def cost(work: Callable[[], Any]) -> tuple[float, float, float]:
    """Seconds of wall time, of processor of the children that end meanwhile, and others' cores."""
    before, began, busy = children_s(), time.perf_counter(), busy_s()
    work()
    wall_s, cpu_s = time.perf_counter() - began, children_s() - before
    return wall_s, cpu_s, max(0.0, (busy_s() - busy - cpu_s) / wall_s)


def children_s() -> float:
    """Seconds of processor of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def busy_s() -> float:
    """Seconds in which cores of this machine did anything, since it was started."""
    user, nice, system, *_ = Path("/proc/stat").read_text().split()[1:]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def run(*words: str) -> None:
    """One command of the command line."""
    subprocess.run([sys.executable, "-m", "cambiata", *words, "--quiet"], check=True)


def batch_words(songs: Path, out: Path, n_workers: int, engine: str = "local") -> list[str]:
    """Words of a batch up to the verb's own."""
    template, run_csv = str(out / "{stem}.wav"), str(out.with_suffix(".csv"))
    words = ["batch", "transfer", str(songs), "-o", template, "--manifest", run_csv]
    return [*words, "-j", str(n_workers), "--engine", engine, "--quiet"]


def start(words: list[str], *own: str) -> None:
    """A batch as a process of its own."""
    command = [sys.executable, "-m", "cambiata", *words, "--", *own]
    subprocess.run(command, check=True)


def print_loop(folder: Path, n: int) -> None:
    """A loop of single commands against batches."""
    songs = folder / "songs"
    songs.mkdir()
    places = write_songs(songs, n, DURATION_S)
    style = str(folder / "cello.timbre")
    cambiata.capture_timbre([EXAMPLES / "cello.flac"], style)

    def loop() -> None:
        for place in places:
            run("transfer", str(place), style, "-o", str(folder / f"loop-{place.name}"))

    rows = []
    figures = {"loop of single commands": cost(loop)}
    for n_workers in (1, 2):
        words = batch_words(songs, folder / f"batch{n_workers}", n_workers)
        name = f"batch, {n_workers} worker{'s' * (n_workers > 1)}"
        figures[name] = cost(lambda words=words: start(words, style))  # type: ignore[misc]
    loop_wall, loop_cpu, _ = figures["loop of single commands"]
    for name, (wall_s, cpu_s, others) in figures.items():
        audio = n * DURATION_S / cpu_s
        rows.append(
            [
                name,
                f"{wall_s:.1f}",
                f"{loop_wall / wall_s:.2f}",
                f"{cpu_s:.1f}",
                f"{loop_cpu / cpu_s:.2f}",
                f"{cpu_s / n:.2f}",
                f"{audio:.1f}",
                f"{others:.1f}",
            ]
        )
    header = ["", "wall s", "faster", "core-s", "fewer", "an item", "s of audio a core-s", "others"]
    print(f"\ntransfer of {n} files of {DURATION_S:g} s\n")
    print(table(header, rows))
    same = all(
        (folder / "batch1" / place.name).read_bytes()
        == (folder / "batch2" / place.name).read_bytes()
        for place in places
    )
    print(f"\nthe same bytes by 1 and 2 workers: {same}")


def print_lengths(folder: Path, content: Path) -> None:
    """Core-seconds of files of several lengths, and what a line through the first two foretells."""
    song = cambiata.load(content)
    style = str(folder / "cello.timbre")
    cambiata.capture_timbre([EXAMPLES / "cello.flac"], style)
    points: list[tuple[float, float]] = []
    rows = []
    for duration_s, n in LENGTHS_S.items():
        figures = []
        for n_files in (1, n):  # the difference is without the start of the command and its worker
            songs = folder / f"songs-{duration_s:g}-{n_files}"
            songs.mkdir()
            write_songs(songs, n_files, duration_s, song)
            words = batch_words(songs, folder / f"out-{songs.name}", 1)
            figures.append(cost(lambda words=words: start(words, style)))  # type: ignore[misc]
        (_, one_s, _), (_, all_s, others) = figures
        each_s = (all_s - one_s) / (n - 1)
        points.append((duration_s, each_s))
        foretold = "fitted"
        if len(points) > 2:
            (x0, y0), (x1, y1) = points[:2]
            foretold = f"{y0 + (y1 - y0) / (x1 - x0) * (duration_s - x0):.2f}"
        rows.append(
            [
                f"{duration_s:g}",
                f"{n}",
                f"{one_s - each_s:.2f}",
                f"{each_s:.2f}",
                foretold,
                f"{duration_s / each_s:.1f}",
                f"{others:.1f}",
            ]
        )
    header = [
        "s",
        "files",
        "start",
        "core-s a file",
        "by the line",
        "s of audio a core-s",
        "others",
    ]
    channels = "stereo" if song.samples.shape[0] == 2 else "mono"
    print(f"\ntransfer of {content.name}, {channels}, {song.sample_rate} Hz, by one worker\n")
    print(table(header, rows))


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def print_memory(folder: Path, n: int) -> None:
    """Memory of the command and of its worker over many cheap items."""
    songs = folder / "songs"
    songs.mkdir()
    write_songs(songs, n, 0.25)
    style = str(EXAMPLES / "cello.flac")
    seen: list[tuple[int, float, float]] = []

    def children() -> list[int]:
        me = os.getpid()
        return [int(x) for x in Path(f"/proc/{me}/task/{me}/children").read_text().split()]

    def show(_item: cambiata.BatchItem) -> None:
        if len(seen) % (n // 10) == 0 or len(seen) == n - 1:
            workers = max((resident_mib(pid) for pid in children()), default=0.0)
            seen.append((len(seen) + 1, resident_mib(os.getpid()), workers))
        else:
            seen.append((0, 0.0, 0.0))

    began = time.perf_counter()
    report = cambiata.batch(
        "transfer",
        songs,
        str(folder / "out" / "{stem}.wav"),
        arguments={"style": style, "amount": 0},
        manifest=folder / "run.csv",
        n_workers=1,
        report=show,
    )
    wall_s = time.perf_counter() - began
    inside = statistics.median(item.seconds for item in report.items)
    rows = [[str(at), f"{own:.0f}", f"{worker:.0f}"] for at, own, worker in seen if at]
    print(f"\namount 0 over {n} files of 0.25 s, {report.n_done} done: MiB\n")
    print(table(["after items", "command", "worker"], rows))
    print(f"\nwall {1000 * wall_s / n:.0f} ms an item, of which {1000 * inside:.0f} ms in the verb")


def same(number: int) -> int:
    """A task of nothing."""
    return number


def print_ray(folder: Path, n: int) -> None:
    """Ray against the pool of processes: its start, an empty task, and the items of batches."""
    songs = folder / "songs"
    songs.mkdir()
    write_songs(songs, RAY_FILES, 1.0)
    rows, loads = [], []
    for name in ("local", "ray"):
        began = time.perf_counter()
        with opened(name) as engine:
            list(engine.run_tasks(same, range(2), 2))
            first_s = time.perf_counter() - began
            began = time.perf_counter()
            list(engine.run_tasks(same, range(n), 2))
            task_ms = 1000 * (time.perf_counter() - began) / n
            figures = []
            for run_number in range(RAY_RUNS):
                figures.append(item_times(songs, folder / f"{name}-{run_number}", name))
                loads.append(os.getloadavg()[0])
        walls, inside, beside = zip(*figures, strict=True)
        columns = [spread(list(each), 1000, 0) for each in (walls, inside, beside)]
        rows.append([name, f"{first_s:.1f}", f"{task_ms:.1f}", *columns])
    header = ["engine", "start and first task, s", "an empty task, ms"]
    header += ["an item, ms of wall", "in the verb", "beside it"]
    print(
        f"\n2 workers; {n} empty tasks; {RAY_RUNS} batches of {RAY_FILES} files of 1 s, amount 0\n"
    )
    print(table(header, rows))
    print(f"\nload of the machine: {min(loads):.0f} to {max(loads):.0f}")


def item_times(songs: Path, out: Path, engine: str) -> tuple[float, float, float]:
    """Seconds an item once both workers are warm: of wall time, in the verb, beside it a worker."""
    ends: list[float] = []
    report = cambiata.batch(
        "transfer",
        songs,
        str(out / "{stem}.wav"),
        arguments={"style": str(EXAMPLES / "cello.flac"), "amount": 0},
        manifest=out.with_suffix(".csv"),
        n_workers=2,
        engine=engine,  # type: ignore[arg-type]
        report=lambda _item: ends.append(time.perf_counter()),
    )
    assert report.n_failed == 0, report
    # By then both have loaded what they need.
    first = len(ends) // 4
    wall_s = (ends[-1] - ends[first]) / (len(ends) - 1 - first)
    inside_s = statistics.mean(item.seconds for item in report.items[first:])
    return wall_s, inside_s, 2 * wall_s - inside_s


def spread(values: list[float], scale: float, digits: int) -> str:
    """Median of values, and the least and greatest."""
    low, middle, high = (
        f"{scale * each:.{digits}f}"
        for each in (min(values), statistics.median(values), max(values))
    )
    return f"{middle} ({low} to {high})"


def main() -> None:
    """Print the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["loop", "lengths", "memory"])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--items", type=int, default=1000)
    help_of_content = "what files of `lengths` are made of"
    example = EXAMPLES / "trumpet.ogg"
    parser.add_argument("--content", type=Path, default=example, help=help_of_content)
    options = parser.parse_args()
    print(machine())
    for part in options.parts:
        with tempfile.TemporaryDirectory() as scratch:
            if part == "loop":
                print_loop(Path(scratch), options.files)
            elif part == "lengths":
                print_lengths(Path(scratch), options.content)
            elif part == "memory":
                print_memory(Path(scratch), options.items)
            else:
                print_ray(Path(scratch), options.items)


if __name__ == "__main__":
    main()
