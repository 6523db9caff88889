"""Scores: speed and memory of playing and writing down, and notes as transkun hears them.

``python benchmarks/play.py [--hour]`` times whole cold processes; ``... --judge
RUN [--clips N]`` has transkun (MIT, trained on MAESTRO: installed beside, a judge only) transcribe
clips of a run of ``cambiata evaluate play``.
"""

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.sound import load
from cambiata.evaluate.metrics import bootstrap_interval, note_onset_f1
from cambiata.score.midi import Note, Part, Score
from machine import machine, table
from speed import EXAMPLES, repeated, timed

ROWS = ("target", "nearest-piano", "player")


def long_score(duration_s: float, folder: Path) -> str:
    """The example tune, three notes for each of its own, again and again."""
    part = cambiata.load_score(EXAMPLES / "tune.mid").merged()
    length_s = part.end_s
    notes = [
        note.shifted(i * length_s, semitones=by)
        for i in range(int(duration_s / length_s) + 1)
        for note in part.notes
        for by in (-12, 0, 4)
        if note.start_s + i * length_s < duration_s - 1
    ]
    path = folder / f"{duration_s:g}.mid"
    cambiata.save_score(Score((Part(tuple(sorted(notes))),)), path, force=True)
    return str(path)


def _apart(function: Callable[..., str], *arguments: Any) -> str:
    """What a function returns, called in a process of its own: Linux counts what this one has held
    into the peak of every process that it starts.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def speed(durations_s: list[int]) -> None:
    """Wall seconds and peak memory of whole processes."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = _apart(repeated, "cello.flac", 10, 1, folder)
        jobs: list[tuple[str, int, list[str]]] = []
        for duration_s in durations_s:
            score = _apart(long_score, duration_s, folder)
            out = ["--force", "-o", str(folder / "out.wav")]
            jobs.append(("play (player)", duration_s, ["play", score, sound, *out]))
            if duration_s <= 60:
                call = ["play", score, sound, *out, "--system", "performancenet"]
                jobs.append(("play (performancenet)", duration_s, call))
            recording = _apart(repeated, "cello.flac", duration_s, 1, folder)
            out = ["--force", "-o", str(folder / "out.mid")]
            jobs.append(("transcribe", duration_s, ["transcribe", recording, *out]))
        score = _apart(long_score, 10, folder)
        call = ["play", score, sound, "--force", "-o", str(folder / "out.wav")]
        jobs.append(("play (wavenet)", 10, [*call, "--system", "wavenet"]))
        for what, duration_s, call in jobs:
            wall_s, peak = timed(sys.executable, "-m", "cambiata", *call)
            rows.append(
                [
                    what,
                    f"{duration_s} s",
                    f"{wall_s:.1f}",
                    f"{wall_s / duration_s:.3f}",
                    f"{peak:.0f}",
                ]
            )
            print(rows[-1], file=sys.stderr, flush=True)
    print(table(["what", "length", "wall s", "real-time factor", "peak MiB"], rows))


def mel_filters(
    n_freqs: int, f_min: float, f_max: float, n_mels: int, sample_rate: int, **_rest: Any
) -> Any:
    """What transkun asks of torchaudio: triangles on HTK's scale, not normalised, [F, M]."""
    import torch

    low, high = (2595 * np.log10(1 + hz / 700) for hz in (f_min, f_max))
    edges = 700 * (10 ** (np.linspace(low, high, n_mels + 2) / 2595) - 1)
    slopes = edges[None] - np.linspace(0, sample_rate // 2, n_freqs)[:, None]
    widths = np.diff(edges)
    down, up = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
    return torch.from_numpy(np.maximum(0, np.minimum(down, up))).float()


def transkun() -> Any:
    """The judge, from sounds [T] at 44.1 kHz to notes."""
    import torch

    sys.modules["torchaudio"] = ModuleType("torchaudio")
    sys.modules["torchaudio"].functional = SimpleNamespace(  # type: ignore[attr-defined]
        melscale_fbanks=mel_filters
    )
    import moduleconf  # type: ignore[import-not-found]
    import transkun as package  # type: ignore[import-not-found]

    home = Path(package.__file__).parent / "pretrained"
    conf = moduleconf.parseFromFile(str(home / "2.0.conf"))["Model"]
    network = conf.module.TransKun(conf=conf.config)
    checkpoint = torch.load(home / "2.0.pt", map_location="cpu")
    network.load_state_dict(checkpoint.get("best_state_dict") or checkpoint["state_dict"])
    network.eval()

    def transcribe(samples: Samples) -> list[Note]:
        level = 0.1 / np.sqrt(np.mean(samples**2))
        both = torch.from_numpy(np.repeat(level * samples[:, None], 2, axis=1))
        with torch.no_grad():
            notes = network.transcribe(both, discardSecondHalf=False)
        return [Note(max(0, x.start), x.end, x.pitch) for x in notes if x.pitch > 0]

    return transcribe


def judged(run: Path, n_clips: int) -> None:
    """Note onset F1 of rows, as transkun hears them."""
    transcribe = transkun()
    places = sorted(p.parent for p in run.glob("pianos/audio/*/player.flac"))
    places = places[:: max(1, len(places) // n_clips)][:n_clips]
    scores: dict[str, list[float]] = {row: [] for row in ROWS}
    for place in places:
        true = [Note(*row) for row in json.loads((place / "notes.json").read_text())]
        for row, values in scores.items():
            values.append(note_onset_f1(transcribe(load(place / f"{row}.flac").samples[0]), true))
            print(place.name, row, f"{values[-1]:.3f}", file=sys.stderr, flush=True)
    rows = []
    for row, values in scores.items():
        low, high = bootstrap_interval(values)
        rows.append([row, f"{np.mean(values):.3f} [{low:.3f}, {high:.3f}]"])
    print(table([f"{len(places)} clips, judged by transkun", "onset F1"], rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hour", action="store_true", help="an hour as well")
    parser.add_argument("--judge", type=Path, metavar="RUN")
    parser.add_argument("--clips", type=int, default=9)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"Machine: {machine()}\n")
    if arguments.judge:
        judged(arguments.judge, arguments.clips)
    else:
        speed([10, 60, 600, *([3600] if arguments.hour else [])])


if __name__ == "__main__":
    main()
