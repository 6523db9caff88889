"""Train the networks that need a GPU on a machine that is lent for some minutes.

    python benchmarks/lent_machine.py --packs PACKS --runs /tmp/runs --out $OUT --limit-s 600
    python benchmarks/lent_machine.py ... --resume     (again, while the machine is still there)

PACKS holds what `pack_pieces.py` writes: ``melodies`` and ``keyboards``. Each network is a process
of its own, and one that fails stops no other. Training ends by the clock;
every minute, and at the end, each run is written to OUT as NAME.tar: run.json, metrics, averaged
weights. Nothing is drawn on the networks' outputs here: that is done at home.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

SAVE_S, WATCH_S = 60.0, 15.0
# Before the limit: when training ends (a last validation, a checkpoint and curves come after it),
# and when whatever still runs is stopped.
END_S, STOP_S = 48.0, 28.0
MOST_BYTES = 15 * 2**20  # of a file that comes back
N_THREADS = 2  # of each process; the GPU computes
LOOP = {
    "loop.save_every_s": "30",
    "loop.validate_every_s": "40",
    "loop.report_every_steps": "50",
    "loop.n_threads": str(N_THREADS),
    "loop.minutes": "60",
}


@dataclass(frozen=True)
class Job:
    """A network to train."""

    preset: str
    pack: str
    settings: dict[str, str] = field(default_factory=dict)
    stop_share: float = 1.0  # of the time, after which it is stopped: enough to be compared


# The two losses of PerformanceNet for equally many steps, so that they are compared at these.
PERFORMANCENET = {"loop.max_steps": "6000", "loop.weight_decay": "0.02"}
JOBS = {
    "mor2018-small": Job("mor2018-small", "melodies"),
    "wavenet": Job("wavenet", "keyboards"),
    "performancenet": Job("performancenet", "keyboards", PERFORMANCENET),
    "performancenet-l1": Job("performancenet-l1", "keyboards", PERFORMANCENET),
    "wavenet-strikes": Job("wavenet-strikes", "keyboards", stop_share=0.45),
}
# Gone on with in a second call; the copy goes on without confusion, so that both can be compared.
RESUMED = ("mor2018-small", "wavenet")
COPIES = {"mor2018-unconfused": ("mor2018-small", {"confusion": 0.0})}


def say(text: str, log: Any) -> None:
    """Print a line, and keep it; nothing where there is nothing to say."""
    if not text:
        return
    print(text, flush=True)
    log.write(text + "\n")
    log.flush()


def train(call: dict[str, Any]) -> None:
    """Start a run or go on with it, as `cambiata train` would where it is installed."""
    from cambiata.train import run

    def report(line: dict[str, Any]) -> None:
        print(json.dumps(line), flush=True)

    begun = time.perf_counter()
    print(f"torch {torch.__version__}, GPU: {torch.cuda.is_available()}", flush=True)
    run.resume(**call, report=report) if "preset" not in call else run.start(**call, report=report)
    print(f"ended after {time.perf_counter() - begun:.0f} s", flush=True)


def start(name: str, call: dict[str, Any], runs: Path) -> subprocess.Popen[bytes]:
    """A process that trains."""
    environment = os.environ | {"OMP_NUM_THREADS": str(N_THREADS), "PYTHONUNBUFFERED": "1"}
    with (runs / f"{name}.log").open("ab") as file:
        return subprocess.Popen(
            [sys.executable, __file__, "--train", json.dumps(call)],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        )


def new_run(
    name: str, packs: Path, runs: Path, deadline_s: float, extra: list[str]
) -> dict[str, Any]:
    """Arguments of a new run."""
    job = JOBS[name]
    settings = LOOP | {"loop.deadline_s": f"{deadline_s:.0f}"} | job.settings
    settings |= dict(each.split("=", 1) for each in extra)
    return {
        "preset": job.preset,
        "run": str(runs / name),
        "settings": settings,
        "examples": str(packs / job.pack),
        "force": True,
    }


def prepare_resume(name: str, runs: Path, deadline_s: float) -> dict[str, Any]:
    """Arguments by which a run goes on until another deadline."""
    changes: dict[str, Any] = {}
    if name in COPIES:
        origin, changes = COPIES[name]
        shutil.copytree(runs / origin, runs / name, dirs_exist_ok=True)
    place = runs / name / "run.json"
    facts = json.loads(place.read_text())
    facts["training"]["loop"]["deadline_s"] = round(deadline_s)
    facts["training"]["task"] |= changes
    place.write_text(json.dumps(facts, indent=1))
    return {"run": str(runs / name)}


def slim(checkpoint: Path) -> bytes:
    """A checkpoint with the averaged weights alone, in float16 where they are too large."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    average = state["average"] or {}
    weights = {
        key.removeprefix("module."): value
        for key, value in average.items()
        if key.startswith("module.")
    } or state["task"]
    n_bytes = sum(value.numel() * value.element_size() for value in weights.values())
    if n_bytes > MOST_BYTES:
        weights = {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
    kept = {key: state[key] for key in ("step", "elapsed_s", "latest", "random")}
    out = io.BytesIO()
    torch.save({"task": weights, "average": None, "optimizer": {}, **kept}, out)
    return out.getvalue()


def write_out(name: str, runs: Path, out: Path) -> str:
    """A run as NAME.tar; what went wrong, or nothing."""
    run = runs / name
    try:
        files = {"checkpoint.pt": slim(run / "checkpoint.pt")}
        for other in ("run.json", "metrics.jsonl", "curves.png"):
            if (run / other).exists():
                files[other] = (run / other).read_bytes()
        unfinished = out.parent / f"{name}.tar.part"
        with tarfile.open(unfinished, "w") as tar:
            for file, data in files.items():
                entry = tarfile.TarInfo(f"{name}/{file}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        shutil.move(unfinished, out / f"{name}.tar")
    except Exception as error:
        return f"{name} not written: {type(error).__name__} {error}"
    return ""


def latest(name: str, runs: Path) -> str:
    """Last losses and last validation of a run."""
    place = runs / name / "metrics.jsonl"
    lines = place.read_text().splitlines() if place.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("}")]
    training = [row for row in rows if "validation" not in row]
    validation = [row for row in rows if "validation" in row]
    text = f"{name}:"
    if training:
        row = training[-1]
        skip = ("step", "elapsed_s", "rate", "waited")
        losses = " ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in skip)
        text += f" step {row['step']} at {row['elapsed_s']:.0f} s {losses}"
    if validation:
        row = validation[-1]
        figures = " ".join(f"{k} {v:.3f}" for k, v in row["validation"].items())
        text += f" | validation at {row['step']}: {figures}"
    return text


def main() -> None:
    """Start, watch, write out, stop."""
    begun = time.time()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit-s", type=float, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    for folder in (options.runs, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    log = (options.out / "log.txt").open("a")
    # No more threads than the processes need: the machine's processors are theirs.
    torch.set_num_threads(N_THREADS)
    deadline_s, stop_s = begun + options.limit_s - END_S, begun + options.limit_s - STOP_S
    names = (*RESUMED, *COPIES) if options.resume else tuple(JOBS)
    if options.only:
        names = tuple(options.only.split(","))
    processes: dict[str, subprocess.Popen[bytes]] = {}
    for name in names:
        try:
            call = (
                prepare_resume(name, options.runs, deadline_s)
                if options.resume
                else new_run(name, options.packs, options.runs, deadline_s, options.set)
            )
            processes[name] = start(name, call, options.runs)
        except Exception as error:
            say(f"{name} not started: {type(error).__name__} {error}", log)
    say(f"machine: {torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'}", log)
    saved = watched = begun
    ended: set[str] = set()
    while time.time() < stop_s and any(p.poll() is None for p in processes.values()):
        time.sleep(1)
        now = time.time()
        for name, process in processes.items():
            share = JOBS[name].stop_share if name in JOBS else 1.0
            if process.poll() is None and now > begun + share * (deadline_s - begun) and share < 1:
                process.terminate()
            if process.poll() is not None and name not in ended:
                ended.add(name)
                tail = (options.runs / f"{name}.log").read_text(errors="replace")[-1500:]
                say(f"[{now - begun:.0f} s] {name} ended: {process.returncode}\n{tail}", log)
                say(write_out(name, options.runs, options.out), log)
        if now - watched > WATCH_S:
            watched = now
            for name in set(processes) - ended:
                say(f"[{now - begun:.0f} s] {latest(name, options.runs)}", log)
        if now - saved > SAVE_S:
            saved = now
            for name in set(processes) - ended:
                if (options.runs / name / "checkpoint.pt").exists():
                    say(write_out(name, options.runs, options.out), log)
    for process in processes.values():
        if process.poll() is None:
            process.kill()
    for name in processes:
        say(write_out(name, options.runs, options.out) or latest(name, options.runs), log)
    sizes = {place.name: place.stat().st_size for place in sorted(options.out.iterdir())}
    say(f"[{time.time() - begun:.0f} s] {sizes}", log)


if __name__ == "__main__":
    if sys.argv[1] == "--train":
        train(json.loads(sys.argv[2]))
    else:
        main()
