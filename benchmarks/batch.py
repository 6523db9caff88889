"""Batches against a shell loop, on Ray, and over many items: ``python benchmarks/batch.py``.

Seconds of processor (of the command and all of its workers) are given beside seconds of wall time,
as the machine may be shared. Parts: ``loop`` (a loop of single commands, then batches of 1 and 2
workers), ``memory`` (a cheap verb over 1,000 items), ``ray`` (needs the extra ``cluster``).
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


def write_songs(folder: Path, n: int, duration_s: float) -> list[Path]:
    """Short files, each from another place of the example."""
    song = cambiata.load(EXAMPLES / "trumpet.ogg").mono()
    n_samples = round(duration_s * song.sample_rate)
    places = []
    for i in range(n):
        cut = np.roll(song.samples, -i * song.sample_rate // 7, axis=1)[:, :n_samples]
        places.append(folder / f"{i:04d}.wav")
        cambiata.Audio(cut, song.sample_rate, "PCM_16").save(places[-1])
    return places


def cost(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of wall time, and of processor of the children that end meanwhile."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return wall_s, sum(after[:2]) - sum(before[:2])


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
    loop_wall, loop_cpu = figures["loop of single commands"]
    for name, (wall_s, cpu_s) in figures.items():
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
            ]
        )
    header = ["", "wall s", "faster", "core-s", "fewer", "core-s an item", "s of audio a core-s"]
    print(f"\ntransfer of {n} files of {DURATION_S:g} s\n")
    print(table(header, rows))
    same = all(
        (folder / "batch1" / place.name).read_bytes()
        == (folder / "batch2" / place.name).read_bytes()
        for place in places
    )
    print(f"\nthe same bytes by 1 and 2 workers: {same}")


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
    """Ray against the pool of processes: its start, an empty task, and a batch."""
    rows = []
    for name in ("local", "ray"):
        began = time.perf_counter()
        with opened(name) as engine:
            list(engine.run_tasks(same, range(2), 2))
            first_s = time.perf_counter() - began
            began = time.perf_counter()
            list(engine.run_tasks(same, range(n), 2))
            task_ms = 1000 * (time.perf_counter() - began) / n
        rows.append([name, f"{first_s:.1f}", f"{task_ms:.1f}"])
    print(f"\n2 workers, {n} empty tasks\n")
    print(table(["engine", "start and first task, s", "a task, ms"], rows))
    songs = folder / "songs"
    songs.mkdir()
    write_songs(songs, 40, 1.0)
    figures = []
    for name in ("local", "ray"):
        words = batch_words(songs, folder / name, 2, name)
        own = (str(EXAMPLES / "cello.flac"), "--amount=0")
        began = time.perf_counter()
        start(words, *own)
        wall_s = time.perf_counter() - began
        figures.append([name, f"{wall_s:.1f}"])
    print("\nbatch of 40 files, amount 0\n")
    print(table(["engine", "wall s"], figures))


def main() -> None:
    """Print the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["loop", "memory"])
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--items", type=int, default=1000)
    options = parser.parse_args()
    print(machine())
    for part in options.parts:
        with tempfile.TemporaryDirectory() as scratch:
            if part == "loop":
                print_loop(Path(scratch), options.files)
            elif part == "memory":
                print_memory(Path(scratch), options.items)
            else:
                print_ray(Path(scratch), options.items)


if __name__ == "__main__":
    main()
