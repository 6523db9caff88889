"""Domain information left in the translators' latents, how mixes go, and how fast all is.

    python benchmarks/translation.py --probe RUN [--probe RUN ...]     # of the preset translation
    python benchmarks/translation.py --blend
    python benchmarks/translation.py --speed
    python benchmarks/translation.py --rival SRC

SRC is the folder src of facebookresearch/music-translation (CC BY-NC): it is read where it lies,
and nothing of it is kept. Prints tables for benchmarks/README.md.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata import Audio, load, translate
from cambiata.audio.mel import log_mel
from cambiata.data.domains import DomainExamples
from cambiata.partials.latent import CONDITIONING_FEATURES
from cambiata.partials.note_frames import N_FEATURES, events_from_part, score_note_frames
from cambiata.partials.posteriors import BANDS
from cambiata.score.midi import Part
from cambiata.train.excerpts import precompute_excerpts
from cambiata.train.loop import load_weights
from cambiata.train.run import read_run
from cambiata.train.tasks.mor2018 import Classifier
from cambiata.train.tasks.translation import TranslationTask
from cambiata.translation.domains import shipped_domains
from cambiata.translation.sampling import DecoderWeights, sample_levels, zero_arrays
from machine import machine
from speed import repeated, timed

_HERE = Path(__file__).parent
_EPOCHS, _N_LEARNT = 12, 1200
_N_FRAMES = 128  # note frames of each sound, evenly chosen: more tell no more


# --- what the latent tells ------------------------------------------------------------------------


def sounds_of(
    examples: DomainExamples, listener: str, n: int
) -> list[tuple[dict[str, Tensor], int]]:
    """Features that decoders get of sounds, and the index of each one's domain."""
    folder = precompute_excerpts(examples, listener).folder
    kind = "validation" if examples.is_validation else "training"
    sounds = []
    for number in range(min(n, len(examples))):
        example = examples[number]
        for which, domain in enumerate(example.domains):
            with np.load(folder / f"{kind}-{number:05d}-{which}.npz") as cached:
                queries, hidden = cached["queries"], cached["seen"]
            if not len(queries):
                continue
            score = score_note_frames(
                events_from_part(Part(example.notes)), BANDS.n_frames(example.sounds.shape[1])
            )
            features = {
                "hidden": torch.from_numpy(hidden.astype(np.float32)),
                "conditioning": torch.from_numpy(
                    queries[:, :N_FEATURES].astype(np.float32)[:, CONDITIONING_FEATURES]
                ),
                "score": torch.from_numpy(score.features[:, CONDITIONING_FEATURES].copy()),
            }
            few = {
                name: x[torch.linspace(0, len(x) - 1, min(len(x), _N_FRAMES)).long()]
                for name, x in features.items()
            }
            sounds.append((few, domain))
    return sounds


def accuracy(
    learnt: Sequence[tuple[Tensor, int]], tested: Sequence[tuple[Tensor, int]], n_domains: int
) -> tuple[float, float]:
    """How often a classifier is right that learns anew, and half its 95 % interval."""
    torch.manual_seed(0)
    width = learnt[0][0].shape[1]
    whole = torch.cat([x for x, _ in learnt])
    mean, spread = whole.mean(0), whole.std(0) + 1e-6
    classifier = Classifier(width, n_domains)
    optimizer = torch.optim.Adam(classifier.parameters(), 1e-3)
    rng = np.random.default_rng(0)
    for _ in range(_EPOCHS):
        order = rng.permutation(len(learnt))
        for at in range(0, len(order), 16):
            some = [learnt[i] for i in order[at : at + 16]]
            logits = _mean_logits(classifier, [((x - mean) / spread) for x, _ in some])
            loss = functional.cross_entropy(logits, torch.tensor([d for _, d in some]))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    with torch.no_grad():
        logits = _mean_logits(classifier, [((x - mean) / spread) for x, _ in tested])
    right = (logits.argmax(1) == torch.tensor([d for _, d in tested])).float().mean()
    share = float(right)
    return share, 1.96 * float(np.sqrt(share * (1 - share) / len(tested)))


def _mean_logits(classifier: nn.Module, sounds: Sequence[Tensor]) -> Tensor:
    """Mean logits of each of several sounds [Q, D]."""
    frames = classifier.convs(torch.cat(list(sounds)).t()[None])[0].t()  # type: ignore[operator]
    owner = torch.repeat_interleave(torch.tensor([len(x) for x in sounds]))
    total = frames.new_zeros(len(sounds), frames.shape[1]).index_add(0, owner, frames)
    mean: Tensor = total / torch.bincount(owner, minlength=len(sounds))[:, None]
    return mean


def probe(runs: Sequence[str]) -> None:
    """Print what a fresh classifier makes of the latents of runs."""
    facts, config = read_run(runs[0])
    examples = DomainExamples(Path(facts["examples"]), config.examples)
    listener, n = config.task.listener, len(config.task.domains)
    learnt = sounds_of(examples, listener, _N_LEARNT)
    tested = sounds_of(examples.validation(), listener, 10**6)
    print(f"{len(learnt)} sounds learnt from, {len(tested)} tested; chance {1 / n:.2f}\n")
    print("| what the classifier is given | accuracy |")
    print("|---|---|")

    def row(name: str, of: Callable[[dict[str, Tensor]], Tensor]) -> None:
        first, second = ([(of(features), d) for features, d in some] for some in (learnt, tested))
        share, half = accuracy(first, second, n)
        print(f"| {name} | {share:.3f} ± {half:.3f} |", flush=True)

    row("the true notes (pitches, times, strengths)", lambda features: features["score"])
    row(
        "the notes as detected: what every decoder is given",
        lambda features: features["conditioning"],
    )
    row("the encoder's hidden state, before the latent", lambda features: features["hidden"])
    for run in runs:
        facts, config = read_run(run)
        task = TranslationTask(config.task)
        load_weights(task, run)
        task.eval()

        def latent(features: dict[str, Tensor], task: TranslationTask = task) -> Tensor:
            with torch.no_grad():
                return task.latent(features["hidden"])

        name = f"{Path(run).name}: confusion {config.task.confusion:g}, pairs {config.task.pairs}"
        row(f"latent of {name}", latent)
        row(
            "the same, and the notes as detected",
            lambda features, of=latent: torch.cat([features["conditioning"], of(features)], dim=1),  # type: ignore[misc]
        )


# --- blends ---------------------------------------------------------------------------------------


def blend(content: Audio) -> None:
    """Print how far blends are from either domain."""
    names = [domain.name for domain in shipped_domains()]
    pairs = [(names[i], names[(i + 3) % len(names)]) for i in range(0, len(names), 2)]
    shares = np.linspace(0, 1, 6)
    print("| from, to | " + " | ".join(f"{x:.1f}" for x in shares) + " | monotone |")
    print("|---|" + "---|" * (len(shares) + 1))
    for first, second in pairs:
        made = []
        for x in shares:
            out = translate(content, {first: 1 - x, second: x}, seed=0)
            made.append(log_mel(out.samples[0], out.sample_rate))
        whole = float(np.abs(made[-1] - made[0]).mean())
        along = [float(np.abs(each - made[0]).mean()) / whole for each in made]
        back = [float(np.abs(each - made[-1]).mean()) / whole for each in made]
        rises = bool((np.diff(along) > 0).all() and (np.diff(back) < 0).all())
        print(f"| {first}, {second} | " + " | ".join(f"{x:.2f}" for x in along) + f" | {rises} |")


# --- speed ----------------------------------------------------------------------------------------


def speed() -> None:
    """Print how long whole cold processes take."""
    print("| preset | seconds of sound | s | times real time | MiB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for preset, lengths in (("default", (10, 60, 600)), ("mor2018-small", (10,))):
            for length in lengths:
                place = repeated("cello.flac", length, 1, Path(folder))
                call = ["-m", "cambiata", "translate", place, "--to", "string-quartet", "--preset"]
                output = f"{folder}/out-{preset}-{length}.wav"
                took, peak = timed(sys.executable, *call, preset, "--quiet", "-o", output)
                rate = f"{length / took:.2f}"
                print(f"| {preset} | {length} | {took:.1f} | {rate} | {peak:.0f} |", flush=True)


def rival(source: str) -> None:
    """Print samples a second of ours and of the public code's Python path, of one size."""
    sys.path.insert(0, source)
    bar = ModuleType("tqdm")  # theirs wants it only to show how far it is
    bar.tqdm = lambda steps, **_: steps  # type: ignore[attr-defined]
    sys.modules.setdefault("tqdm", bar)
    WaveNet = import_module("wavenet").WaveNet
    WavenetGenerator = import_module("wavenet_generator").WavenetGenerator

    print("| layers x channels | sampler | samples/s | seconds of audio per second |")
    print("|---|---|---|---|")
    rng = np.random.default_rng(0)
    for blocks, layers, width in ((2, 10, 32), (3, 10, 32), (4, 10, 128)):
        n_frames = 4 if width == 32 else 1
        latent = rng.normal(size=(n_frames, 64)).astype(np.float32)
        arrays = zero_arrays(width, blocks * layers, 64)
        arrays = {
            name: rng.normal(0, 0.1, x.shape).astype(np.float32) for name, x in arrays.items()
        }
        decoder = DecoderWeights(arrays, [2**i for i in range(layers)] * blocks)
        for name, compiled in (("ours, compiled", True), ("ours, NumPy alone", False)):
            sample_levels([(1.0, decoder)], latent[:1], 8, rng, compiled=compiled)  # compiled once
            begun = time.perf_counter()
            sample_levels([(1.0, decoder)], latent, 800, rng, compiled=compiled)
            _line(f"{blocks * layers} x {width}", name, n_frames * 800, begun)
        args = SimpleNamespace(
            blocks=blocks,
            layers=layers,
            kernel_size=2,
            skip_channels=width,
            residual_channels=width,
            latent_d=64,
        )
        generator = WavenetGenerator(WaveNet(args), 1)
        begun = time.perf_counter()
        generator.generate(torch.from_numpy(latent.T[None, :, :1].copy()))
        _line(f"{blocks * layers} x {width}", "theirs, Python", 800, begun)


def _line(size: str, name: str, n: int, begun: float) -> None:
    rate = n / (time.perf_counter() - begun)
    print(f"| {size} | {name} | {rate:,.0f} | {rate / 16000:.3f} |", flush=True)


def main() -> None:
    """Run the parts that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probe", action="append", default=[], metavar="RUN")
    parser.add_argument("--blend", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rival", metavar="SRC")
    arguments = parser.parse_args()
    print(f"{machine()}\n")
    content = load(_HERE.parent / "examples" / "cello.flac")
    if arguments.probe:
        probe(arguments.probe)
    if arguments.blend:
        blend(content)
    if arguments.speed:
        speed()
    if arguments.rival:
        rival(arguments.rival)


if __name__ == "__main__":
    main()
