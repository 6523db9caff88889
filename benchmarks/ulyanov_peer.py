"""Ours beside the public code of the SS-VQ-VAE paper's Ulyanov & Lebedev baseline, on one pair.

``python benchmarks/ulyanov_peer.py CHECKOUT [--python PYTHON]`` where CHECKOUT is a checkout of
github.com/cifkao/ss-vq-vae and PYTHON an interpreter with torch, librosa and bidict. The public
code asks for a GPU; here its calls for one are answered by the processor, nothing else of it is
changed. Whole processes are timed; then the objective is measured, in float32, on the sounds that
both wrote, phase reconstruction included.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import cambiata
from cambiata.timbre_transfer.ulyanov import Ulyanov, _gram_distance, _gram_norm
from machine import machine, table
from speed import repeated, timed

RUN = """
import sys, runpy, torch
torch.Tensor.cuda = lambda self: self
torch.nn.Module.cuda = lambda self: self
sys.path.insert(0, sys.argv[1] + "/src")
sys.argv = ["ulyanov", *sys.argv[2:]]
runpy.run_module("ss_vq_vae.models.ulyanov", run_name="__main__")
"""


def objective(sound: Path, content: str, style: str) -> tuple[float, float]:
    """Content loss and style loss of a sound."""
    system = Ulyanov(replace(Ulyanov.presets["tuned"], precision="float32"))
    heard, content_samples, style_samples = (
        cambiata.load(path).mono().resampled(16000).samples[0] for path in (sound, content, style)
    )
    n = min(len(heard), len(content_samples))
    stft = system.config.stft
    features, wanted = (
        system._conv_features(system._spectrogram(np.abs(stft.analyse(x[:n])))[0])
        for x in (heard, content_samples)
    )
    texture = system.capture(style_samples).features
    content_loss = float(0.5 * ((features - wanted) ** 2).sum())
    return content_loss, float(_gram_distance(features, texture, _gram_norm(texture)))


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout")
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = repeated("trumpet.ogg", 10, 1, folder)
        style = repeated("cello.flac", 10, 1, folder)
        (folder / "pairs").write_text(f"{content}\t{style}\n")
        for preset, log_weight in (("tuned", "-2.1"), ("high-style", "1")):
            times = {}
            for precision in ("auto", "float32"):
                call = [sys.executable, "-m", "cambiata", "transfer", content, style, "--force"]
                call += ["-o", str(folder / "ours.wav"), "--system", "ulyanov"]
                call += ["--preset", preset, "--set", f"precision={precision}"]
                # The whole 10 s at once, as the public code does.
                times[precision] = timed(*call, "--set", "chunk_s=11")
                losses = objective(folder / "ours.wav", content, style)
                rows.append([preset, f"ours, {precision}", *_figures(times[precision], losses)])
            call = [arguments.python, "-c", RUN, arguments.checkout, str(folder / "pairs")]
            call += [str(folder / "list"), "theirs"]
            theirs = timed(*call, "--style-weight-log", log_weight)
            losses = objective(folder / "theirs0.wav", content, style)
            rows.append([preset, "public code", *_figures(theirs, losses)])
            print(*rows[-3:], sep="\n", file=sys.stderr, flush=True)
    print(f"Machine: {machine()}\n")
    header = ["weights", "", "wall s, whole process", "peak MiB", "content loss", "style loss"]
    print(table(header, rows))


def _figures(run: tuple[float, float], losses: tuple[float, float]) -> list[str]:
    return [f"{run[0]:.1f}", f"{run[1]:.0f}", f"{losses[0]:.0f}", f"{losses[1]:.0f}"]


if __name__ == "__main__":
    main()
