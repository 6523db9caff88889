"""Phases of `oneshot`, and the content as its own style: ``python benchmarks/oneshot.py RUN``.

RUN is a folder of ``cambiata evaluate transfer`` with the row `oneshot`; its inputs and outputs are
read. Onsets are those of notes that basic-pitch hears both in the sound and among the true notes
(of the artificial set) or in the content (of real recordings): same pitch, within 50 ms.
"""

import argparse
import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from mir_eval.transcription import match_notes
from mir_eval.util import midi_to_hz

import cambiata
from cambiata.arrays import Samples
from cambiata.audio.sound import Audio, load
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import griffin_lim, invert, random_phase
from cambiata.evaluate.metrics import (
    bootstrap_interval,
    multi_scale_spectral_distance,
    note_onset_f1,
    paper_lsd,
)
from cambiata.evaluate.tracking import Transcriber
from cambiata.score.midi import Note
from machine import machine, table

RATE_HZ = 16000
STFT = Stft()


def at_metrics(audio: Audio) -> Samples:
    """One channel at the metrics' rate."""
    samples: Samples = audio.mono().resampled(RATE_HZ).samples[0]
    return samples


def with_phases(phases: Callable[[Samples], Samples]) -> Callable[[Audio], Audio]:
    """The magnitudes with phases found anew."""

    def changed(audio: Audio) -> Audio:
        magnitude = np.abs(STFT.analyse(audio.mono().samples[0]))
        return Audio(phases(magnitude)[None][:, : audio.n_samples], audio.sample_rate)

    return changed


def by_griffin_lim(magnitude: Samples) -> Samples:
    """From random phases, 32 iterations."""
    n = (magnitude.shape[1] - 1) * STFT.hop_length
    return griffin_lim(magnitude, STFT, n, phase=random_phase(magnitude, seed=0), iterations=32)


def by_gradient(magnitude: Samples) -> Samples:
    """As the vocoder does without any phase to begin from."""
    return invert(magnitude, STFT, (magnitude.shape[1] - 1) * STFT.hop_length, seed=0)


def shifts_s(detected: Sequence[Note], true: Sequence[Note]) -> list[float]:
    """By how much notes begin later than the true ones of their pitch."""
    if not detected or not true:
        return []
    sides = []
    for notes in (true, detected):
        intervals = np.array([[n.start_s, max(n.end_s, n.start_s + 0.01)] for n in notes])
        sides += [intervals, midi_to_hz(np.array([n.pitch for n in notes]))]
    pairs = match_notes(*sides, onset_tolerance=0.05, offset_ratio=None)
    return [detected[j].start_s - true[i].start_s for i, j in pairs]


def mean_and_interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval."""
    low, high = bootstrap_interval(values)
    return f"{np.mean(values):.2f} [{low:.2f}, {high:.2f}]"


def artificial(folder: Path, pairs: list[Path]) -> None:
    """Phases, and transfer to itself."""
    rows = []
    phases_by_name = {
        "inverse transforms (ours)": lambda audio: audio,
        "its magnitudes, phases by integration (the project's vocoder)": with_phases(by_gradient),
        "its magnitudes, Griffin-Lim, 32 iterations": with_phases(by_griffin_lim),
    }
    for name, rephase in phases_by_name.items():
        scores = []
        for pair in pairs:
            out, target = (
                rephase(load(pair / "oneshot.flac")),
                at_metrics(load(pair / "target.flac")),
            )
            sound = at_metrics(out)
            scores.append(
                (paper_lsd(sound, target), multi_scale_spectral_distance(sound, target, -80.0))
            )
        rows.append([name, *map(mean_and_interval, zip(*scores, strict=True))])
    print(table(["phases", "LSD, dB", "multi-scale, -80 dB floor"], rows), "\n")
    itself = []
    for pair in pairs:
        content = load(pair / "content.flac")
        output = cambiata.transfer(content, content)
        itself.append(paper_lsd(at_metrics(output), at_metrics(content)))
    print(f"transfer to itself ({len(pairs)} contents): LSD {mean_and_interval(itself)} dB\n")
    _shifts(folder, pairs)


def _shifts(folder: Path, pairs: list[Path]) -> None:
    transcriber = Transcriber()
    shifts_by_row: dict[str, list[float]] = {"target": [], "oneshot": []}
    for pair in pairs:
        notes = pair / "notes.json"
        content = transcriber.notes(at_metrics(load(pair / "content.flac")), RATE_HZ)
        true = [Note(*row) for row in json.loads(notes.read_text())] if notes.exists() else content
        for name, shifts in shifts_by_row.items():
            place = pair / f"{name}.flac"
            if place.exists():
                detected = transcriber.notes(at_metrics(load(place)), RATE_HZ)
                shifts += shifts_s(detected, true)
    rows = [
        [name, str(len(s)), f"{1e3 * np.median(s):+.1f}", f"{1e3 * np.median(np.abs(s)):.1f}"]
        for name, s in shifts_by_row.items()
        if s
    ]
    print(f"Onsets, {folder.name}:")
    print(table(["sound", "notes", "median shift, ms", "median of |shift|, ms"], rows), "\n")


def by_transkun(folder: Path) -> None:
    """Note onset F1 where the style is a piano, judged by a network for pianos."""
    import sys
    from types import ModuleType, SimpleNamespace

    import torch

    # It wants torchaudio for filters that its weights then replace.
    filters = SimpleNamespace(
        melscale_fbanks=lambda n_freqs, n_mels, **_: torch.zeros(n_freqs, n_mels)
    )
    sys.modules["torchaudio"] = ModuleType("torchaudio")
    sys.modules["torchaudio"].functional = filters  # type: ignore[attr-defined]
    import moduleconf  # type: ignore[import-not-found]
    import transkun  # type: ignore[import-not-found]

    home = Path(transkun.__file__).parent / "pretrained"
    conf = moduleconf.parseFromFile(str(home / "2.0.conf"))["Model"]
    judge = conf.module.TransKun(conf=conf.config)
    checkpoint = torch.load(home / "2.0.pt", map_location="cpu")
    judge.load_state_dict(
        checkpoint.get("best_state_dict") or checkpoint["state_dict"], strict=False
    )
    judge.eval()
    scores: dict[str, list[float]] = {"target": [], "copy-content": [], "oneshot": []}
    pairs = json.loads((folder / "pairs.json").read_text())
    pianos = [p["id"] for p in pairs if p["style"]["label"].startswith("Piano")]
    with torch.no_grad():
        for name in pianos:
            place = folder / "audio" / name
            true = [Note(*row) for row in json.loads((place / "notes.json").read_text())]
            for row, values in scores.items():
                sound = load(place / f"{row}.flac").mono().resampled(44100).samples
                transcribed = judge.transcribe(torch.from_numpy(np.repeat(sound, 2, 0).T.copy()))
                notes = [Note(x.start, x.end, x.pitch) for x in transcribed if x.pitch > 0]
                values.append(note_onset_f1(notes, true))
    rows = [[row, mean_and_interval(values)] for row, values in scores.items()]
    print(f"{len(pianos)} pairs whose style is a piano, judged by transkun:")
    print(table(["sound", "onset F1"], rows), "\n")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--transkun", action="store_true", help="judge pianos; wants transkun")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(machine(), "\n")
    for folder in sorted(arguments.run.iterdir()):
        pairs = sorted(p.parent for p in folder.glob("audio/*/oneshot.flac"))
        pairs = pairs[:: max(1, len(pairs) // arguments.pairs)][: arguments.pairs]
        if not pairs:
            continue
        if arguments.transkun:
            if (folder / "pairs.json").exists() and (pairs[0] / "notes.json").exists():
                by_transkun(folder)
            continue
        if (pairs[0] / "target.flac").exists():
            artificial(folder, pairs)
        else:
            _shifts(folder, pairs)


if __name__ == "__main__":
    main()
