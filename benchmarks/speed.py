"""Time and memory of whole processes: ``python benchmarks/speed.py [--quick]``.

Contents and styles are the recordings in examples/, repeated to length. Every figure is of a cold
process, its start and imports included; where a row was run several times the median is shown.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import cambiata
from machine import machine, table

EXAMPLES = Path(__file__).parent.parent / "examples"


def timed(*command: str) -> tuple[float, float]:
    """Wall seconds and peak memory in MiB of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        assert process.stderr is not None
        raise SystemExit(process.stderr.read().decode())
    return elapsed_s, usage.ru_maxrss / 1024


def repeated(name: str, duration_s: float, n_channels: int, folder: Path) -> str:
    """Path of an example repeated to a length, with so many channels."""
    sound = cambiata.load(EXAMPLES / name).mono()
    n_samples = round(duration_s * sound.sample_rate)
    tiled = np.tile(sound.samples, -(-n_samples // sound.n_samples))[:, :n_samples]
    # Channels that differ, since equal ones are transferred once.
    channels = np.concatenate([np.roll(tiled, 20000 * i, axis=1) for i in range(n_channels)])
    path = folder / f"{Path(name).stem}-{duration_s:g}-{n_channels}.wav"
    cambiata.Audio(channels, sound.sample_rate, "PCM_16").save(path, force=True)
    return str(path)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10 s rows only")
    systems = ["oneshot", "musaicing", "ulyanov", "vqvae"]
    parser.add_argument("--systems", nargs="*", default=systems)
    arguments = parser.parse_args()
    print(f"Machine: {machine()}\n")
    start = [
        [what, f"{statistics.median(timed(sys.executable, *call)[0] for _ in range(7)):.2f}"]
        for what, call in (
            ("`import cambiata`", ("-c", "import cambiata")),
            ("`cambiata --help`", ("-m", "cambiata", "--help")),
        )
    ]
    print(table(["start", "s"], start) + "\n")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        style = repeated("cello.flac", 10, 1, folder)
        for system, preset in (
            ("oneshot", "default"),
            ("musaicing", "full-band"),
            ("musaicing", "shifted"),
            ("ulyanov", "tuned"),
            ("vqvae", "supervised"),
        ):
            if system not in arguments.systems:
                continue
            for duration_s, n_channels, runs in ((10, 1, 3), (10, 2, 3), (60, 1, 1), (600, 1, 1)):
                if arguments.quick and duration_s > 10:
                    continue
                content = repeated("trumpet.ogg", duration_s, n_channels, folder)
                call = ["-m", "cambiata", "transfer", content, style, "--force"]
                call += ["-o", str(folder / "out.wav"), "--system", system, "--preset", preset]
                figures = [timed(sys.executable, *call) for _ in range(runs)]
                wall_s = statistics.median(figure[0] for figure in figures)
                peak = max(figure[1] for figure in figures)
                rows.append(
                    [
                        f"{system} ({preset})",
                        f"{duration_s} s {'mono' if n_channels == 1 else 'stereo'}",
                        f"{wall_s:.1f}",
                        f"{wall_s / duration_s:.2f}",
                        f"{peak:.0f}",
                    ]
                )
                print(rows[-1], file=sys.stderr, flush=True)
    header = ["system", "content", "wall s", "real-time factor", "peak MiB"]
    print(table(header, rows))


if __name__ == "__main__":
    main()
