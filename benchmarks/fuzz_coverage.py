"""Coverage-guided fuzzing of every reader: ``python benchmarks/fuzz_coverage.py [--minutes M]``.

Needs atheris (``pip install atheris``), which is libFuzzer for Python. Readers and whole files are
those of `fuzz_seeds.py`; what is changed in a file is libFuzzer's choice in half of all runs, and
`fuzz_readers.mutated`'s, which knows archives, JSON and words, in the other half. Inputs that reach
a new line stay in the corpus, from which a later run goes on. What is counted as a failure: an
exception that is no `CambiataError`, more than 10 s of a processor, a process that dies, hangs for
ten minutes outside Python, or grows beyond 500 MiB. Failing inputs are kept beside their
tracebacks, one for each place.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np

_LIMIT_S = 10.0
_LIMIT_MIB = 500
# libFuzzer's own clock is that of the wall, on machines that others use, too: it ends what hangs
# outside Python. Inside, a clock of the processor does.
_HUNG_S = 600
# Larger seeds (whole networks) would be all that a run reads; `fuzz_readers.py` damages those.
_MOST_SEED_BYTES = 60_000
_COUNTED_EVERY_S = 2.0


class TooSlowError(Exception):
    """A run has taken more than the limit."""


def _stop(_signal: int, _frame: object) -> None:
    raise TooSlowError(f"more than {_LIMIT_S:g} s of a processor")


class Target:
    """A reader under libFuzzer: inputs are a byte that chooses a file's name, and the file."""

    def __init__(self, name: str, place: Path, seconds: float) -> None:
        self.seconds = seconds  # of a processor, after which it ends
        self.place, self.names = place, json.loads((place / "names.json").read_text())
        self.scratch = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        for beside in (place / "beside").iterdir():
            shutil.copy(beside, self.scratch)
        # Without ffmpeg, whose start takes longer than all else.
        os.environ["PATH"] = ""
        warnings.simplefilter("ignore")
        signal.signal(signal.SIGPROF, _stop)
        import atheris

        sys.path.insert(0, str(Path(__file__).parent))
        with atheris.instrument_imports(include=["cambiata"]):
            from cambiata.errors import CambiataError
            from fuzz_readers import mutated
            from fuzz_seeds import READERS

            self.read, self.mutated, self.refusal = READERS[name].read, mutated, CambiataError
            # Imports that wait until they are needed are instrumented, too.
            self.others = [each.read_bytes() for each in sorted((place / "seeds").iterdir())]
            for seed in self.others:
                self.run(seed)
        self.rng = np.random.default_rng()
        self.counts: dict[str, float] = {"runs": 0, "read": 0, "refused": 0, "slowest_s": 0}
        self.counted_s = 0.0

    def path(self, data: bytes) -> Path:
        """Where an input is put, by the name that its first byte chooses."""
        stem, _, suffix = self.names[data[0] % len(self.names)].rpartition(".")
        return self.scratch / f"{stem}-0.{suffix}"

    def run(self, data: bytes) -> str:
        """What became of an input: "read", "refused", or a traceback."""
        path = self.path(data)
        path.write_bytes(data[1:])
        signal.setitimer(signal.ITIMER_PROF, _LIMIT_S)
        try:
            self.read(path)
        except self.refusal as error:
            return f"several lines: {error}" if "\n" in str(error) else "refused"
        except Exception:
            return traceback.format_exc()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            path.unlink(missing_ok=True)
        return "read"

    def __call__(self, data: bytes) -> None:
        """Run one input, and keep it where it fails."""
        if len(data) < 2:
            return
        began_s = time.process_time()
        outcome = self.run(data)
        took_s = time.process_time() - began_s
        if outcome not in ("read", "refused"):
            self._keep(data, outcome)
        elif took_s > _LIMIT_S:  # in one call of a library
            self._keep(data, f"{took_s:.1f} s of a processor")
        else:
            self.counts[outcome] += 1
        self.counts["runs"] += 1
        self.counts["slowest_s"] = max(self.counts["slowest_s"], took_s)
        now_s = time.process_time()
        if now_s - self.counted_s > _COUNTED_EVERY_S or now_s > self.seconds:
            self.counted_s = now_s
            peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            counts = self.counts | {"cpu_s": now_s, "peak_mib": peak_mib}
            (self.place / "counts.json").write_text(json.dumps(counts))
        if now_s > self.seconds:
            shutil.rmtree(self.scratch)
            os._exit(0)  # libFuzzer has no other end; the corpus is written as it grows

    def _keep(self, data: bytes, outcome: str) -> None:
        lines = outcome.strip().splitlines()
        places = [line for line in lines if "/cambiata/" in line]
        last = (places[-1:] or [""])[0] + lines[-1].split(":")[0]
        mark = hashlib.sha256(last.encode()).hexdigest()[:10]
        kept = self.place / "failures" / mark
        if not kept.exists() or len(data) < kept.stat().st_size:
            kept.write_bytes(data)
            kept.with_suffix(".txt").write_text(f"{self.path(data).name}\n{outcome}")

    def mutate(self, data: bytes, max_size: int, seed: int) -> bytes:
        """A changed input, by the fuzzer of files or by libFuzzer."""
        import atheris

        rng = np.random.default_rng(seed)
        if len(data) < 2 or rng.random() < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        whole = self.others[int(rng.integers(len(self.others)))]
        if rng.random() < 0.5:  # most of the corpus is broken in ways that end a reading early
            data = whole
        try:
            changed = self.mutated(data[1:], whole[1:], rng)
        except Exception:  # what is damaged already need be no archive and have no words
            return bytes(atheris.Mutate(data, max_size))
        return (data[:1] + changed)[:max_size]


def _fuzz_here(name: str, place: Path, seconds: float) -> None:
    """Fuzz a reader in this process, which ends with it."""
    import atheris

    target = Target(name, place, seconds)
    options = [
        f"-timeout={_HUNG_S}",
        f"-rss_limit_mb={_LIMIT_MIB}",
        f"-artifact_prefix={place / 'failures'}/",
        "-max_len=65536",
        "-verbosity=0",
        "-print_final_stats=0",
    ]
    arguments = [sys.argv[0], *options, str(place / "corpus"), str(place / "seeds")]
    atheris.Setup(arguments, target, custom_mutator=target.mutate)
    atheris.Fuzz()


def _prepare(name: str, place: Path) -> None:
    """Write a reader's whole files, once, and the names that they have."""
    from fuzz_seeds import READERS

    for folder in ("seeds", "corpus", "failures", "beside"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    if (place / "names.json").exists():
        return
    with tempfile.TemporaryDirectory() as parent:
        whole = Path(parent) / "whole"
        whole.mkdir()
        READERS[name].write_seeds(whole)
        seeds = [x for x in sorted(whole.iterdir()) if x.stat().st_size <= _MOST_SEED_BYTES]
        for i, seed in enumerate(seeds):
            (place / "seeds" / seed.name).write_bytes(bytes([i]) + seed.read_bytes())
        for beside in Path(parent).iterdir():
            if beside.is_file() and beside.stat().st_size <= _MOST_SEED_BYTES:
                shutil.copy(beside, place / "beside")
    (place / "names.json").write_text(json.dumps([seed.name for seed in seeds]))


def fuzz(name: str, place: Path, minutes: float) -> dict[str, Any]:
    """Fuzz a reader in processes of its own, for so many minutes of a processor."""
    _prepare(name, place)
    total = dict.fromkeys(("runs", "read", "refused", "cpu_s", "slowest_s", "peak_mib"), 0.0)
    while (left_s := 60 * minutes - total["cpu_s"]) > _COUNTED_EVERY_S:
        (place / "counts.json").unlink(missing_ok=True)
        command = [sys.executable, __file__, "--inside", name, "--folder", str(place.parent)]
        with (place / "log.txt").open("a") as log:
            done = subprocess.run(
                [*command, "--seconds", str(left_s)], stdout=log, stderr=log, check=False
            )
        counts = {}
        if (place / "counts.json").exists():
            counts = json.loads((place / "counts.json").read_text())
        for key, value in counts.items():
            is_sum = key not in ("slowest_s", "peak_mib")
            total[key] = total[key] + value if is_sum else max(total[key], value)
        if not counts:  # it cannot even begin
            raise SystemExit(f"{name}: ended with {done.returncode}; see {place / 'log.txt'}")
    return total


def main() -> None:
    """Print what became of all runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=60, help="of a processor, over all readers"
    )
    parser.add_argument("--only", action="append", help="a reader; repeatable")
    parser.add_argument("--folder", help="of the corpus and of failing inputs, which stay")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    place = Path(arguments.folder or tempfile.mkdtemp(prefix="cambiata-fuzz-"))
    if arguments.inside:
        _fuzz_here(arguments.inside, place / arguments.inside, arguments.seconds)
    from fuzz_seeds import READERS
    from machine import table

    names = arguments.only or list(READERS)
    rows, failures = [], []
    for name in names:
        total = fuzz(name, place / name, arguments.minutes / len(names))
        failures += sorted((place / name / "failures").iterdir())
        a_second = total["runs"] / max(total["cpu_s"], 1)
        counts = [f"{total[key]:,.0f}" for key in ("runs", "read", "refused")]
        corpus = len(list((place / name / "corpus").iterdir()))
        rest = [f"{total['slowest_s']:.1f}", f"{total['peak_mib']:.0f}"]
        rows.append(
            [name, f"{total['cpu_s'] / 60:.1f}", *counts, f"{a_second:.0f}", str(corpus), *rest]
        )
        print(f"{name}: {rows[-1][1:]}", flush=True)
    header = ["reader", "CPU min", "runs", "read", "refused", "a second", "corpus"]
    print(table([*header, "slowest s", "peak MiB"], rows))
    for path in failures:
        if path.suffix != ".txt":
            print(path)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
