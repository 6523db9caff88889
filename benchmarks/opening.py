"""Opening and converting long sound files: ``python benchmarks/opening.py [--against SRC]``.

An hour of the cello in examples/, in two channels, in every common format (ffmpeg makes them). Each
is opened, read once, and written as wav by a process of its own; with ``--against``, the same by
another version of the package, whose ``src`` folder is named, in turn. Seconds are the processor's,
ffmpeg's included, so that other work on the machine hardly counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import cambiata
from machine import machine, table

SOURCE = Path(__file__).parent.parent / "src"
CELLO = SOURCE.parent / "examples" / "cello.flac"
# By file: what ffmpeg is told; without a Xing tag there is nothing in the header to trust.
BARE = ("-write_xing", "0", "-id3v2_version", "0")
FORMATS: dict[str, tuple[str, ...]] = {
    "hour.wav": (),
    "hour.flac": (),
    "hour.mp3": ("-b:a", "128k"),
    "bare.mp3": ("-b:a", "128k", *BARE),
    "variable.mp3": ("-q:a", "5", *BARE),
    "hour.ogg": ("-c:a", "libvorbis"),
    "hour.m4a": ("-c:a", "aac"),
}
PROBE = """
import json, resource, sys, time
from cambiata.audio.sound import AudioFile
from cambiata.audio.writing import Destination

def now():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime

times = [now()]
file = AudioFile(sys.argv[1])
times.append(now())
n = sum(block.shape[1] for block in file.blocks())
times.append(now())
Destination(sys.argv[2], like=file, subtype="PCM_16", force=True).write(file.blocks())
times.append(now())
own, children = (resource.getrusage(who).ru_maxrss / 1024
                 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
spans = [b - a for a, b in zip(times, times[1:])]
print(json.dumps([n, file.n_samples, *spans, own, children]))
"""


def probe(source: Path, path: Path, out: Path) -> list[float] | None:
    """Samples, seconds to open, to read and to convert, and peak MiB; None where it is refused."""
    env = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-W", "ignore", "-c", PROBE, str(path), str(out)]
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def make(folder: Path, duration_s: float) -> None:
    """All files, those that are there left as they are."""
    sound = cambiata.load(CELLO).mono().resampled(44100)
    wav = folder / "hour.wav"
    if not wav.exists():
        n_samples = round(duration_s * sound.sample_rate)
        tiled = np.tile(sound.samples[0], -(-n_samples // sound.n_samples))[:n_samples]
        both = np.stack([tiled, np.roll(tiled, 20000)])
        cambiata.Audio(both, sound.sample_rate, "PCM_16").save(wav)
    for name, options in FORMATS.items():
        if not (folder / name).exists():
            start = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(wav)]
            subprocess.run([*start, *options, str(folder / name)], check=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, help="src folder of another version")
    parser.add_argument("--folder", type=Path, help="where the files are, or are left")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--repeat", type=int, default=1, help="the median is taken")
    arguments = parser.parse_args()
    sources = {"now": SOURCE} | ({"before": arguments.against} if arguments.against else {})
    rows: list[list[str]] = []
    header = ["file", "version", "samples", "promised", "open s", "read s", "to wav s"]
    header += ["peak MiB", "ffmpeg MiB"]
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        make(folder, arguments.seconds)
        for name in FORMATS:
            runs: dict[str, list[list[float] | None]] = {which: [] for which in sources}
            for _ in range(arguments.repeat):
                for which, source in sources.items():
                    runs[which].append(probe(source, folder / name, Path(scratch) / "out.wav"))
            for which, outcomes in runs.items():
                good = [outcome for outcome in outcomes if outcome is not None]
                if not good:
                    rows.append([name, which, "refused", *[""] * 6])
                    print("\t".join(rows[-1]), file=sys.stderr)
                    continue
                n, stated, *numbers = np.median(np.array(good), axis=0)
                seconds = [f"{number:.2f}" for number in numbers[:3]]
                memory = [f"{number:.0f}" for number in numbers[3:]]
                rows.append([name, which, f"{n:.0f}", f"{stated:.0f}", *seconds, *memory])
                print("\t".join(rows[-1]), file=sys.stderr)  # each takes a while
    print(f"Machine: {machine()}\n")
    print(table(header, rows))


if __name__ == "__main__":
    main()
