"""Ours beside the public Let it Bee script, on one pair and at equal settings.

``python benchmarks/musaicing_peer.py CHECKOUT [--python PYTHON]`` where CHECKOUT is a checkout of
github.com/ctralie/LetItBee and PYTHON an interpreter with its requirements. Whole processes are
timed in turn; then both factorise the same spectrograms from the same start, and their
Kullback-Leibler objectives are compared.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import cambiata
from cambiata.timbre_transfer.musaicing import MusaicingConfig, activate, kullback_leibler
from machine import machine, table
from speed import repeated, timed

# The script's own defaults: 22.05 kHz, 2048/512, 60 iterations, r 7, p 10, c 3, no transposition.
CONFIG = replace(MusaicingConfig(), sample_rate=22050, n_fft=2048, hop_length=512)
PEER = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
import scipy.ndimage
# Newer SciPy has dropped the old name of the same function.
if not hasattr(scipy.ndimage, "filters"):
    scipy.ndimage.filters = scipy.ndimage
from NMF import doNMFDriedger
data = np.load(sys.argv[2])
# The one random draw in it is the start: hand it ours.
np.random.rand = lambda k, n: data["start"].T.astype(np.float64)
H = doNMFDriedger(data["V"].astype(np.float64), data["W"].astype(np.float64), 60)
np.save(sys.argv[3], H)
"""
RUN = """
import sys, runpy
import scipy.ndimage
if not hasattr(scipy.ndimage, "filters"):
    scipy.ndimage.filters = scipy.ndimage
import scipy.io.wavfile
sys.path.insert(0, sys.argv[1])
sys.argv = ["Musaicing.py", *sys.argv[2:]]
runpy.run_path(sys.path[0] + "/Musaicing.py", run_name="__main__")
"""


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--content", help="else the example trumpet, repeated to 10 s")
    parser.add_argument("--style", help="else the example cello, repeated to 10 s")
    arguments = parser.parse_args()
    print(f"Machine: {machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = arguments.content or repeated("trumpet.ogg", 10, 1, folder)
        style = arguments.style or repeated("cello.flac", 10, 1, folder)
        ours = [sys.executable, "-m", "cambiata", "transfer", content, style, "--force", "-o"]
        ours += [str(folder / "ours.wav"), "--set", "sample_rate=22050", "--set", "n_fft=2048"]
        ours += ["--set", "hop_length=512"]
        theirs = [arguments.python, "-c", RUN, arguments.checkout, "--source", style]
        theirs += ["--target", content, "--result", str(folder / "theirs.wav")]
        pairs = [(timed(*ours), timed(*theirs)) for _ in range(4)][1:]  # the first warms caches
        wall = [statistics.median(pair[i][0] for pair in pairs) for i in (0, 1)]
        ratio = statistics.median(pair[1][0] / pair[0][0] for pair in pairs)
        peak = [max(pair[i][1] for pair in pairs) for i in (0, 1)]

        stft = CONFIG.stft
        V, W = (
            np.abs(stft.analyse(cambiata.load(path).mono().resampled(22050).samples[0]))
            for path in (content, style)
        )
        start = np.random.default_rng(0).random((V.shape[1], W.shape[1]), np.float32)
        np.savez(folder / "data.npz", V=V, W=W, start=start)
        call = [arguments.python, "-c", PEER, arguments.checkout]
        subprocess.run(
            [*call, str(folder / "data.npz"), str(folder / "H.npy")],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        peer_objective = kullback_leibler(V, W @ np.load(folder / "H.npy"))
        objective = kullback_leibler(V, W @ activate(V, W, CONFIG, start=start).T)
    rows = [
        ["ours", f"{wall[0]:.2f}", f"{peak[0]:.0f}", f"{objective:.0f}"],
        ["public script", f"{wall[1]:.2f}", f"{peak[1]:.0f}", f"{peer_objective:.0f}"],
    ]
    print(table(["", "wall s, whole process", "peak MiB", "KL after 60 iterations"], rows))
    print(f"\nOurs is {ratio:.1f} times as fast (median of the pairs' ratios).")
    print(f"Its objective is {objective / peer_objective:.3f} of the public script's.")


if __name__ == "__main__":
    main()
