"""A domain that the user adds: the encoder stays, a decoder is trained on recordings."""

import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cambiata.arrays import Samples
from cambiata.audio.downmix import mono_blocks
from cambiata.audio.loudness import SILENCE
from cambiata.audio.sound import AudioFile
from cambiata.audio.source import SOUND_SUFFIXES, resample
from cambiata.errors import InputError
from cambiata.files import DOMAIN, check_output
from cambiata.partials.posteriors import BANDS
from cambiata.system import Progress
from cambiata.train.band_losses import DB, total_loss
from cambiata.train.config import LoopConfig
from cambiata.train.excerpts import compute_features, load_encoder, pack_excerpt
from cambiata.train.loop import Report, fit, load_weights
from cambiata.train.tasks.translation import (
    TranslationTask,
    TranslationTraining,
    load_shipped_task,
    write_domain,
)
from cambiata.translation.domains import TranslationConfig, domains_folder, shipped_domains
from cambiata.weights import forget_models, load_model

# Clips are as long as the examples that the shipped domains learnt from; what is left at the end of
# a recording is used from 3 s on. How little is enough in all was chosen by hand.
_CLIP_S, _MIN_CLIP_S, _MIN_TOTAL_S = 8.0, 3.0, 30.0
_QUIET_SHARE = 10  # clips whose peak is below ten times silence have nothing to learn from
_VALIDATION_EVERY = 8  # one clip of so many validates and is not learnt from
_N_TRIAL_HALVES = 6  # halves of clips by which the domain to begin as is chosen
_MAX_MINUTES = 24 * 60
# A decoder alone is small and begins near its goal: a larger step than the translator's, a shorter
# average, and validation every minute of the five that it takes by default.
_LOOP = LoopConfig(
    batch_size=4,
    learning_rate=1e-3,
    ema_decay=0.99,
    report_every_steps=20,
    validate_every_s=60.0,
    n_workers=0,
)


@dataclass(frozen=True)
class AddedDomain:
    """Report of `add_domain`."""

    name: str
    path: str
    n_files: int  # recordings that were used
    duration_s: float  # of all of them
    skipped: tuple[str, ...]  # files that were not used, and why
    begun_from: str  # the shipped domain whose decoder it began as
    lsd_db: float  # distance from recordings that were not learnt from
    lsd_before_db: float  # the same, before the training
    elapsed_s: float


class Recordings(Sequence[npt.NDArray[np.float16]]):
    """Packed halves of the user's clips."""

    def __init__(
        self,
        training: Sequence[npt.NDArray[np.float16]],
        validation: Sequence[npt.NDArray[np.float16]],
    ) -> None:
        self._training, self._validation = training, validation

    def __len__(self) -> int:
        return len(self._training)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half."""
        half: npt.NDArray[np.float16] = self._training[index]
        return half

    def validation(self) -> "Recordings":
        """Those to validate with."""
        return Recordings(self._validation, ())


class AddedDomainTask(TranslationTask):
    """One decoder, trained beside a frozen encoder."""

    turns = 1

    def __init__(self, config: TranslationTraining) -> None:
        super().__init__(config)
        self.separate.fill_(True)
        for p in (*self.code.parameters(), *self.classifier.parameters()):
            p.requires_grad_(False)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of the decoder alone."""
        losses: dict[str, list[Tensor]] = {}
        for excerpt in map(self.unpack, batch):
            with torch.no_grad():
                latent = self.latent(excerpt.hidden)
            true = torch.exp(excerpt.target / DB)
            for name, value in self.band_losses(*self.predicted(excerpt, latent), true).items():
                losses.setdefault(name, []).append(value)
        means = {name: torch.stack(values).mean() for name, values in losses.items()}
        return {"loss": total_loss(means), **means}


def add_domain(
    name: str,
    folder: str | Path,
    *,
    minutes: float = 5.0,
    licence: str = "the user's own",
    seed: int = 0,
    strict: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    report: Report | None = None,
) -> AddedDomain:
    """Add a domain learnt from recordings of it: the encoder stays as it is, a decoder is trained.

    Mor et al. 2018: with the encoder frozen, a new domain needs a new decoder and nothing else.
    """
    _check(name, minutes, force)
    began = time.perf_counter()
    folder, skipped = Path(folder), list[str]()
    files = _files(folder)
    clips = [clip for file in files for clip in _clips(file, folder, skipped, strict)]
    total_s = sum(len(clip) for clip in clips) / BANDS.sample_rate
    if total_s < _MIN_TOTAL_S:
        reasons = f"; not used: {'; '.join(skipped)}" if skipped else ""
        raise InputError(
            str(folder),
            f"holds {total_s:.0f} s of sound that can be learnt from{reasons}",
            f"give at least {_MIN_TOTAL_S:.0f} s, and better ten minutes",
        )
    task, training_examples, begun_from, before_db = _prepare(name, clips, seed, progress, folder)
    place = domains_folder()
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".") as scratch:
        run = Path(scratch) / "run"
        loop = replace(_LOOP, minutes=minutes, seed=seed)
        figures = fit(task, training_examples, loop, run, report=report)
        load_weights(task, run)
        encoder = load_model(TranslationConfig().weights, "translation")
        unused = {line.partition(":")[0] for line in skipped}
        names = (str(file.relative_to(folder)) for file in files)
        sources = [source for source in names if source not in unused]
        written = write_domain(
            task,
            Path(scratch) / f"{name}.onnx",
            encoder.sha256,
            {"name": name, "sources": sources, "licence": licence},
        )
        for file in written:  # the main file last: it vouches for the other
            shutil.move(file, place / file.name)
    forget_models()  # this process may have loaded one of the same name
    return AddedDomain(
        name,
        str(place / f"{name}.onnx"),
        len(sources),
        round(total_s, 1),
        tuple(skipped),
        begun_from,
        round(float(figures["lsd_own"]), 2),
        round(before_db, 2),
        round(time.perf_counter() - began, 1),
    )


def _check(name: str, minutes: float, force: bool) -> None:
    """Refuse a name that cannot be used, and a time that makes no sense."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise InputError(name, "is not a name for a domain", "use letters, digits, - and _")
    if name in [domain.name for domain in shipped_domains()]:
        raise InputError(name, "ships with cambiata", "choose another name")
    check_output(domains_folder() / f"{name}.onnx", DOMAIN, force=force, name=name)
    if not 0 < minutes <= _MAX_MINUTES:
        raise InputError(f"{minutes:g} minutes", "is out of range", "train for up to a day")


def _files(folder: Path) -> list[Path]:
    """Recordings in a folder and below, in order."""
    if not folder.is_dir():
        raise InputError(str(folder), "is not a folder", "give a folder of recordings")
    files = sorted(
        p for p in folder.rglob("*") if p.suffix.lower() in SOUND_SUFFIXES and p.is_file()
    )
    if not files:
        raise InputError(
            str(folder), "holds no recordings", "put wav, flac, ogg, mp3 or aiff files there"
        )
    return files


def _clips(file: Path, folder: Path, skipped: list[str], strict: bool) -> Iterator[Samples]:
    """Mono clips of a recording; why there are none goes into `skipped`, or is raised."""
    name = str(file.relative_to(folder))
    try:
        source = AudioFile(file, strict=strict)
        blocks = mono_blocks(source.blocks(), source.sample_rate)
        mono = np.concatenate([block[0] for block in blocks])
    except InputError as error:
        if strict:
            raise
        skipped.append(f"{name}: {error.problem}")
        return
    if not len(mono) or float(np.abs(mono).max()) < SILENCE:
        skipped.append(f"{name}: is silent")
        return
    sound = resample(mono.astype(np.float32), source.sample_rate, BANDS.sample_rate)
    n, found_any = round(_CLIP_S * BANDS.sample_rate), False
    for at in range(0, len(sound), n):
        clip = sound[at : at + n]
        long_enough = len(clip) >= _MIN_CLIP_S * BANDS.sample_rate
        if long_enough and float(np.abs(clip).max()) > _QUIET_SHARE * SILENCE:
            found_any = True
            yield clip
    if not found_any:
        skipped.append(f"{name}: is shorter than {_MIN_CLIP_S:g} s")


def _prepare(
    name: str, clips: Sequence[Samples], seed: int, progress: Progress | None, folder: Path
) -> tuple[AddedDomainTask, Recordings, str, float]:
    """The task, begun as the nearest shipped domain; its dataset; that domain; its distance in dB.

    The distance is of the shipped domain from recordings that will not be learnt from.
    """
    torch.manual_seed(seed)
    shipped = load_shipped_task()
    halves, inharmonicity, vibrato_cents = _measure(clips, shipped.config.encoder, progress)
    order = np.random.default_rng(seed).permutation(len(halves))
    validation = [half for i in order[::_VALIDATION_EVERY] for half in halves[i]]
    training = [half for at, i in enumerate(order) if at % _VALIDATION_EVERY for half in halves[i]]
    if not training or not validation:
        raise InputError(
            str(folder), "holds hardly a note", "choose recordings of an instrument with pitches"
        )
    config = TranslationTraining(
        (name,), shipped.config.n_latent, shipped.config.width, encoder=shipped.config.encoder
    )
    task = AddedDomainTask(config)
    task.code.load_state_dict(shipped.code.state_dict())
    task.inharmonicities[0] = inharmonicity
    task.wavering_cents[0] = vibrato_cents

    def distance_db(packed: list[npt.NDArray[np.float16]]) -> float:
        batch = torch.stack([torch.from_numpy(half) for half in packed])
        return task.validate([batch], 0.0)["lsd_own"]

    best: tuple[float, int] = (np.inf, 0)
    for domain in range(len(shipped.config.domains)):
        task.decoders = shipped.decoders.extract(domain)
        best = min(best, (distance_db(validation[:_N_TRIAL_HALVES]), domain))
    task.decoders = shipped.decoders.extract(best[1])
    begun_from = shipped.config.domains[best[1]]
    return task, Recordings(training, validation), begun_from, distance_db(validation)


def _measure(
    clips: Sequence[Samples], encoder: str, progress: Progress | None
) -> tuple[list[list[npt.NDArray[np.float16]]], float, float]:
    """Packed halves of each clip that has notes; medians of its inharmonicity and its vibrato."""
    model, threshold = load_encoder(encoder)
    n = round(_CLIP_S * BANDS.sample_rate)
    halves: list[list[npt.NDArray[np.float16]]] = []
    inharmonicities, vibratos_cents = [], []
    for i, clip in enumerate(clips):
        padded = np.pad(clip, (0, n - len(clip)))
        features = compute_features(padded, padded, model, threshold)
        if len(features["queries"]):
            both = [pack_excerpt(features, features["target"], half, (0, 0)) for half in (0, 1)]
            halves.append([half for half in both if half[0] > 0])
            inharmonicities.append(float(features["stiffness"]))
            vibratos_cents.append(float(features["wavering_cents"]))
        if progress is not None:
            progress((i + 1) / len(clips))
    if not halves:
        return [], 0.0, 0.0
    return halves, float(np.median(inharmonicities)), float(np.median(vibratos_cents))
