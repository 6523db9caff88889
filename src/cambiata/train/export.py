"""Trained networks as ONNX files that the base install runs, checked against torch."""

import copy
import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cambiata.data.domains import DOMAINS
from cambiata.data.melody_bars import STYLES, TunesConfig, record_tunes
from cambiata.errors import InputError
from cambiata.files import WEIGHTS, atomic_files, check_output
from cambiata.melody.encoding import N_BEAT_POSITIONS, N_BEATS, N_CONTEXT, N_CONTOUR, N_PITCHES
from cambiata.partials.latent import N_CONDITIONING, N_HIDDEN
from cambiata.partials.note_frames import N_FEATURES, N_NOISE, N_PARTIALS
from cambiata.partials.posteriors import BANDS
from cambiata.timbre_transfer.vqvae import STFT
from cambiata.train.config import TrainingConfig
from cambiata.train.loop import load_weights, read_checkpoint
from cambiata.train.run import read_run
from cambiata.train.task import Task
from cambiata.train.tasks.listener import ListenerTask
from cambiata.train.tasks.melody import MelodyNetwork, MelodyTask, measure_styles
from cambiata.train.tasks.mor2018 import POOL, Mor2018Task
from cambiata.train.tasks.mor2018 import SAMPLE_RATE as MOR2018_RATE_HZ
from cambiata.train.tasks.oneshot import OneShotTask, PartialsPredictor
from cambiata.train.tasks.pati2018 import GenreLstm, Pati2018Task
from cambiata.train.tasks.performancenet import GAIN, PerformanceNetTask
from cambiata.train.tasks.player import PlayerTask
from cambiata.train.tasks.rolls import N_MELS, N_ROLL, N_TIMBRE
from cambiata.train.tasks.transcriber import TranscriberTask
from cambiata.train.tasks.translation import Decoders, TranslationTask, encoder_onnx, load_encoder
from cambiata.train.tasks.vqvae import (
    GRUWrapper,
    VqVae,
    VqVaeTask,
    load_published,
    n_parameters,
    nearest_code,
)
from cambiata.train.tasks.wavenet import TRAINING_RMS, WaveNet, WaveNetTask
from cambiata.translation.domains import DOMAIN_SYSTEM
from cambiata.translation.sampling import LAYERS, PER_LAYER
from cambiata.weights import METADATA_KEY, Model

LICENCE = "Apache-2.0"
# Largest difference of ln(1 + |X|) allowed between torch and the file, both in float32: a
# thousandth is 0.009 dB.
MAX_DIFFERENCE = 1e-3
# Arrays smaller than this stay float32: their rounding would be heard and their size is not felt.
_SMALLEST_FLOAT16 = 4096


class _OnnxGRU(nn.Module):
    """`GRUWrapper` as ONNX's own GRU; torch's exporter cannot write one of any length."""

    w: Tensor
    r: Tensor
    b: Tensor

    def __init__(self, layer: GRUWrapper) -> None:
        super().__init__()
        gru = layer.gru

        def ordered(array: object) -> Tensor:
            # Torch has reset, update, new; ONNX update, reset, new.
            assert isinstance(array, Tensor)
            reset, update, new = array.detach().chunk(3)
            return torch.cat([update, reset, new])

        self.register_buffer("w", ordered(gru.weight_ih_l0)[None].clone())
        self.register_buffer("r", ordered(gru.weight_hh_l0)[None].clone())
        both = torch.cat([ordered(gru.bias_ih_l0), ordered(gru.bias_hh_l0)])
        self.register_buffer("b", both[None].clone())
        self.width, self.last = gru.hidden_size, layer.last

    def forward(self, x: Tensor) -> Tensor:
        frames = x.permute(2, 0, 1)
        n_frames, n_batch, _ = frames.shape
        states, last = torch.onnx.ops.symbolic_multi_out(
            "GRU",
            (frames, self.w, self.r, self.b),
            {"hidden_size": self.width, "linear_before_reset": 1},
            dtypes=(x.dtype, x.dtype),
            shapes=((n_frames, 1, n_batch, self.width), (1, n_batch, self.width)),
            version=14,
        )
        return last[0] if self.last else states.squeeze(1).permute(1, 2, 0)


class _TransferPart(nn.Module):
    """Content and style vector to spectrogram and code numbers."""

    table: Tensor

    def __init__(self, network: VqVae) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("table", network.codebook.table.detach().clone())

    def forward(self, content: Tensor, timbre: Tensor) -> tuple[Tensor, Tensor]:
        encoded = self.network.encode(self.network.encoder_inputs(content))
        codes = nearest_code(encoded, self.table)
        quantised = nn.functional.embedding(codes, self.table)
        decoded = self.network.decode(quantised, timbre, content.shape[2])
        return self.network.decoded(decoded), codes


class _Style(nn.Module):
    """Style to vector."""

    def __init__(self, network: VqVae) -> None:
        super().__init__()
        self.network = network

    def forward(self, style: Tensor) -> Tensor:
        vector: Tensor = self.network.style_encoder(self.network.encoder_inputs(style))
        return vector


def export(
    source: str | Path, output: str | Path, *, half: bool = True, force: bool = False
) -> dict[str, Any]:
    """Write a run's network, or the authors' checkpoint, as ONNX.

    Besides the file itself, "NAME.style.onnx" holds the style encoder and "NAME.json" all that is
    known of both.
    """
    place = check_output(output, WEIGHTS, force=force)
    network: nn.Module
    if Path(source).is_file():
        network, metadata = _load_published_run(source)
    else:
        metadata, task = _load_run(source)
        network = task.network if isinstance(task, VqVaeTask) else task
    network = network.eval().float()
    if half:
        round_to_float16(network)
    facts = _write_network(network, place, metadata, half=half)
    if isinstance(network, TranslationTask | Mor2018Task):
        facts["domains"] = _write_network(
            network,
            place.with_name(f"{place.stem}-domains.onnx"),
            metadata | {"system": DOMAIN_SYSTEM, "encoder": facts["sha256"], **_told(network)},
            half=half,
            decoders=True,
        )
    place.with_suffix(".json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    return facts


def _write_network(
    network: nn.Module,
    place: Path,
    metadata: Mapping[str, Any],
    *,
    half: bool,
    decoders: bool = False,
) -> dict[str, Any]:
    """A network's parts in files, compared; and what is known of them."""
    parts = _decoder_parts(network) if decoders else _parts(network)
    if isinstance(network, VqVae):
        return write_parts(parts, place, metadata, half=half, compare=partial(parity, network))
    return write_parts(parts, place, metadata, half=half)


def write_parts(
    parts: Mapping[str, "OnnxPart"],
    place: Path,
    metadata: Mapping[str, Any],
    *,
    half: bool,
    compare: Callable[[Path], dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Write networks into files that lie beside each other, compared with torch."""
    metadata = dict(metadata)
    names = [*(name for name in parts if name), ""]  # the main file last: it vouches for the others
    places = [place.with_name(f"{place.stem}.{name}.onnx") if name else place for name in names]
    with atomic_files(*places) as unfinished:
        files = dict(zip(names, unfinished, strict=True))
        for name, part in parts.items():
            _write(part, files[name], half=half)
            if name:
                _describe(files[name], {"part of": place.name})
        others = {name: file for name, file in files.items() if name}
        metadata["parts"] = {name: [file.name, _sha256(file)] for name, file in others.items()}
        main = files[""]
        _describe(main, metadata)
        facts = metadata | {
            "sha256": _sha256(main),
            "size_mb": round(sum(p.stat().st_size for p in files.values()) / 1e6, 2),
            "parity": compare(main)
            if compare is not None
            else {"max_difference": _largest_difference(parts, main)},
        }
        if facts["parity"]["max_difference"] > MAX_DIFFERENCE:
            raise InputError(
                str(place),
                f"differs from torch by {facts['parity']['max_difference']:.2g}",
                "report this with the versions of torch and onnxruntime",
            )
    return facts


def _load_run(run: str | Path) -> tuple[dict[str, Any], Task]:
    facts, config = read_run(run)
    state = read_checkpoint(run)
    if not state["latest"]:
        raise InputError(
            str(run), "has not been validated yet", "go on with it: cambiata train resume"
        )
    task = config.make_task()
    load_weights(task, run)
    metadata = {
        "system": _SYSTEMS[type(task)],
        "preset": facts["preset"],
        "licence": LICENCE,
        **_system_facts(task, config, state["latest"]),
        "n_parameters": n_parameters(task),
        "training": facts["training"],
        "data": facts["data"],
        "begun from": facts.get("begun from"),
        "commit": facts["commit"],
        "machine": facts["machine"],
        "step": state["step"],
        "elapsed_s": round(state["elapsed_s"], 1),
        "validation": state["latest"],
    }
    return metadata, task


_SYSTEMS: dict[type[Task], str] = {
    VqVaeTask: "vqvae",
    ListenerTask: "listener",
    TranscriberTask: "transcriber",
    OneShotTask: "oneshot",
    PlayerTask: "player",
    PerformanceNetTask: "performancenet",
    WaveNetTask: "wavenet",
    TranslationTask: "translation",
    Mor2018Task: "translation",
    MelodyTask: "melody",
    Pati2018Task: "pati2018",
}


def _system_facts(task: Task, config: TrainingConfig, latest: Mapping[str, Any]) -> dict[str, Any]:
    """What the system must know to use the networks."""
    if isinstance(task, VqVaeTask):
        shape = config.task.shape
        return {
            "level_db": config.task.level_db,
            "lowered_by": latest["lowered_by"],
            "width": shape.width,
            "n_codes": shape.n_codes,
        }
    if isinstance(task, ListenerTask):
        return {"threshold": latest["threshold"]}
    if isinstance(task, PerformanceNetTask):
        return {"frames_multiple": 2 ** (len(task.config.widths) - 1), "gain": GAIN}
    if isinstance(task, WaveNetTask):
        return {
            "dilations": list(task.config.dilations),
            "width": task.config.width,
            "level": TRAINING_RMS,
        }
    if isinstance(task, TranslationTask):
        _, threshold = load_encoder(config.task.listener)
        return {"kind": "notes", "sample_rate": BANDS.sample_rate, "threshold": threshold}
    if isinstance(task, Pati2018Task):
        return {
            "genres": list(STYLES),
            "durations": task.durations,
            "width": task.config.width,
        }
    if isinstance(task, MelodyTask):
        assert isinstance(config.examples, TunesConfig)
        return measure_styles(task, record_tunes(config.examples))
    if isinstance(task, Mor2018Task):
        return {
            "kind": "samples",
            "sample_rate": MOR2018_RATE_HZ,
            "dilations": list(config.task.dilations),
        }
    return {}


def _told(task: TranslationTask | Mor2018Task) -> dict[str, Any]:
    """What is known of domains and their decoders."""
    domains: list[dict[str, Any]] = []
    for i, name in enumerate(task.config.domains):
        programs = [f"{member.bank}:{member.program}" for member in DOMAINS.get(name, ())]
        domains.append({"name": name, "sources": programs, "licence": LICENCE})
        if isinstance(task, TranslationTask):
            # The files' own word for the strings' inharmonicity is "stiffness".
            domains[-1]["stiffness"] = float(task.inharmonicities[i])
            domains[-1]["wavering_cents"] = float(task.wavering_cents[i])
    if isinstance(task, Mor2018Task):
        return {"domains": domains, "arrays": list(_DecoderArrays(task.decoders).names)}
    return {"domains": domains}


@dataclass(frozen=True)
class OnnxPart:
    """A network of several, as it is written."""

    module: nn.Module  # The network
    inputs: Mapping[str, Tensor]  # Examples of its inputs, each an array of its own
    # Which axes of the inputs are of any length, and what to call these
    lengths: Mapping[str, Mapping[int, str]]
    outputs: Sequence[str]  # Names of its outputs
    data: bytes = b""  # The file itself, where there is one already


class _StylePart(nn.Module):
    """A style's note frames to its background noise and its vector."""

    def __init__(self, player: PartialsPredictor) -> None:
        super().__init__()
        self.player = player

    def forward(
        self, known: Tensor, partials: Tensor, clean: Tensor, noise: Tensor, floor: Tensor
    ) -> tuple[Tensor, Tensor]:
        timbre = self.player.style(known, partials, clean, noise)[1]
        return self.player.background_noise(timbre, floor), timbre


def _parts(task: nn.Module) -> dict[str, OnnxPart]:
    """What is written of a task, or of SS-VQ-VAE's network, by the name of the part."""
    if isinstance(task, VqVae):
        frames = torch.zeros(1, STFT.n_bins, 64)
        content = {"content": frames, "timbre": torch.zeros(1, task.shape.width)}
        outputs = ["spectrogram", "codes"]
        return {
            "": OnnxPart(_TransferPart(task), content, {"content": {2: "frames"}}, outputs),
            "style": OnnxPart(
                _Style(task), {"style": frames}, {"style": {2: "frames"}}, ["timbre"]
            ),
        }
    if isinstance(task, ListenerTask):
        bands = torch.zeros(1, BANDS.n_bins, 64)
        return {"": OnnxPart(task.network, {"bands": bands}, {"bands": {2: "frames"}}, ["heard"])}
    if isinstance(task, PerformanceNetTask | WaveNetTask):
        return _on_rolls(task)
    if isinstance(task, MelodyTask):
        return _of_bars(task)
    if isinstance(task, Pati2018Task):
        return _of_notes(task)
    if isinstance(task, TranslationTask):
        seen = {"seen": torch.zeros(48, N_HIDDEN)}
        transcriber = OnnxPart(nn.Identity(), {}, {}, [], encoder_onnx(task.config.listener))
        return {
            "": transcriber,
            "code": OnnxPart(task.code, seen, {"seen": {0: "moments"}}, ["latent"]),
        }
    if isinstance(task, Mor2018Task):
        groups = {"groups": torch.zeros(1, 6, POOL)}
        return {
            "": OnnxPart(
                _GroupedSamples(task.encoder), groups, {"groups": {1: "groups"}}, ["latent"]
            )
        }
    assert isinstance(task, OneShotTask)
    widths = {
        "known": N_FEATURES,
        "partials": N_PARTIALS,
        "clean": N_PARTIALS,
        "noise": N_NOISE,
    }
    style = {name: torch.zeros(32, width) for name, width in widths.items()}
    of_style = {name: {0: "known"} for name in style}
    wanted = {"wanted": torch.zeros(48, N_FEATURES)}
    rolls = {name: torch.zeros(task.n_bands, 64) for name in ("drawn", "content")}
    quantiles = torch.zeros(3, task.n_bands)
    timbre = torch.zeros(task.config.n_timbre)
    return {
        "": OnnxPart(
            task.network,
            style | wanted,
            of_style | {"wanted": {0: "wanted"}},
            ["partials_db", "noise_db"],
        ),
        "style": OnnxPart(
            _StylePart(task.network),
            style | {"floor": torch.zeros(N_NOISE)},
            of_style,
            ["behind_db", "timbre"],
        ),
        "refine": OnnxPart(
            task.refiner,
            rolls | {"quantiles": quantiles, "timbre": timbre},
            {name: {1: "frames"} for name in rolls},
            ["gain_db", "besides_db"],
        ),
    }


class _EncoderPart(nn.Module):
    """The means of a bar's latents."""

    def __init__(self, network: MelodyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        of_rhythm, _, of_pitch, _ = self.network.encode(rhythm, curve, frame, scale)
        return of_rhythm, of_pitch


class _StyleOfBars(nn.Module):
    """The style that each bar shows."""

    def __init__(self, network: MelodyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, rhythm: Tensor, curve: Tensor, frame: Tensor, scale: Tensor) -> Tensor:
        return self.network.encode_style(rhythm, curve, frame, scale)


class _Beat(nn.Module):
    """How likely each rhythm of a beat is."""

    def __init__(self, network: MelodyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, latent: Tensor, style: Tensor, before: Tensor, beat: Tensor, frame: Tensor
    ) -> Tensor:
        return self.network.beat(latent, style, before, beat, frame)


class _Tone(nn.Module):
    """How likely each pitch of a tone is."""

    def __init__(self, network: MelodyNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        latent: Tensor,
        style: Tensor,
        before: Tensor,
        place: Tensor,
        frame: Tensor,
        scale: Tensor,
    ) -> Tensor:
        return self.network.tone(latent, style, before, place, frame, scale)


def _of_bars(task: MelodyTask) -> dict[str, OnnxPart]:
    n, network, config = 3, task.network, task.config
    frame, scale = torch.zeros(n, N_CONTEXT), torch.zeros(n, 12)
    bars = {
        "rhythm": torch.full((n, N_BEATS), len(task.words) - 1),
        "curve": torch.full((n, N_CONTOUR), N_PITCHES),
        "frame": frame,
        "scale": scale,
    }
    style = {"style": torch.zeros(n, config.n_style)}
    beat = {
        "latent": torch.zeros(n, config.n_rhythm),
        **style,
        "before": torch.full((n, 2), len(task.words) - 1),
        "beat": torch.zeros(n, N_BEATS),
        "frame": frame,
    }
    tone = {
        "latent": torch.zeros(n, config.n_pitch),
        **style,
        "before": torch.full((n, 2), N_PITCHES),
        "place": torch.zeros(n, N_BEATS + N_BEAT_POSITIONS + 2),
        "frame": frame,
        "scale": scale,
    }

    def part(module: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str]) -> OnnxPart:
        return OnnxPart(module, inputs, {name: {0: "bars"} for name in inputs}, outputs)

    return {
        "": part(_EncoderPart(network), bars, ["of_rhythm", "of_pitch"]),
        "style": part(_StyleOfBars(network), bars, ["shown"]),
        "beat": part(_Beat(network), beat, ["logits"]),
        "tone": part(_Tone(network), tone, ["logits"]),
    }


class _Note(nn.Module):
    """A note of a genre's network."""

    def __init__(self, network: GenreLstm) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, genre: Tensor, first: Tensor, second: Tensor, output: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return self.network.step(genre, first, second, output, cell)


def _of_notes(task: Pati2018Task) -> dict[str, OnnxPart]:
    width = task.config.width

    def part(network: GenreLstm) -> OnnxPart:
        inputs = {
            "genre": torch.full((3,), len(STYLES) - 1),
            "first": torch.full((3,), network.sizes[0] - 1),
            "second": torch.full((3,), network.sizes[1] - 1),
            # Two arrays: of one given twice, torch's exporter makes one input.
            "output": torch.zeros(3, width),
            "cell": torch.zeros(3, width),
        }
        lengths = {name: {0: "notes"} for name in inputs}
        return OnnxPart(_Note(network), inputs, lengths, ["logits", "output_after", "cell_after"])

    return {"": part(task.duration), "pitch": part(task.pitch)}


def _decoder_parts(task: nn.Module) -> dict[str, OnnxPart]:
    """What is written of a translator's decoders."""
    domain = torch.zeros((), dtype=torch.int64)
    if isinstance(task, Mor2018Task):
        arrays = _DecoderArrays(task.decoders)
        return {"": OnnxPart(arrays, {"one": torch.ones(1), "domain": domain}, {}, arrays.names)}
    assert isinstance(task, TranslationTask)
    known = torch.zeros(48, N_CONDITIONING + task.config.n_latent)
    drawn = torch.zeros(task.n_bands, 64)
    return {
        "": OnnxPart(
            task.decoders,
            {"known": known, "domain": domain},
            {"known": {0: "moments"}},
            ["partials_db", "noise_db"],
        ),
        "refine": OnnxPart(
            _RefinerPart(task.decoders),
            {"drawn": drawn, "domain": domain},
            {"drawn": {1: "frames"}},
            ["gain_db", "besides_db"],
        ),
    }


def write_domain(
    task: TranslationTask, place: Path, encoder: str, metadata: Mapping[str, Any]
) -> list[Path]:
    """Write the only decoder of a task."""
    task = task.eval().float()
    round_to_float16(task)
    domain = _told(task)["domains"][0] | dict(metadata)
    facts = {"system": DOMAIN_SYSTEM, "encoder": encoder, "domains": [domain]}
    facts_written = _write_network(task, place, facts, half=True, decoders=True)
    return [place.parent / file for file, _ in facts_written["parts"].values()] + [place]


class _RefinerPart(nn.Module):
    """What corrects what decoders drew."""

    def __init__(self, decoders: Decoders) -> None:
        super().__init__()
        self.decoders = decoders

    def forward(self, drawn: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        return self.decoders.refine(drawn, domain)


class _GroupedSamples(nn.Module):
    """An encoder told how many groups of samples there are, as it makes a frame of each."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, groups: Tensor) -> Tensor:
        found: Tensor = self.encoder(groups.flatten(1))
        return found


# What the files call a decoder's layers (since 0.1), and what the network does.
class _DecoderArrays(nn.Module):
    """WaveNet decoders' own arrays, which are run by `translation.sampling`."""

    def __init__(self, decoders: nn.ModuleList) -> None:
        super().__init__()
        self.names: list[str] = []
        for name, attribute in LAYERS.items():
            for kind in ("weight", "bias"):
                found = []
                for decoder in decoders:
                    layer = getattr(decoder, attribute)
                    each = list(layer) if name in PER_LAYER else [layer]
                    arrays = [getattr(one, kind).detach() for one in each]
                    whole = torch.stack(arrays) if name in PER_LAYER else arrays[0]
                    if kind == "weight" and whole.shape[-1] == 1:
                        whole = whole[..., 0]
                    if name == "first" and kind == "weight":
                        whole = whole[:, 0]
                    found.append(whole)
                self.names.append(name if kind == "weight" else f"{name}_bias")
                self.register_buffer(f"all_{self.names[-1]}", torch.stack(found).clone())

    def forward(self, one: Tensor, domain: Tensor) -> tuple[Tensor, ...]:
        index = domain.reshape(1)
        found = (getattr(self, f"all_{name}") for name in self.names)
        return tuple(one * array.index_select(0, index).squeeze(0) for array in found)


class _Step(nn.Module):
    """A WaveNet, one sample at a time."""

    def __init__(self, network: WaveNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, sample: Tensor, past: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.step(sample, past, condition)


class _ConditionPart(nn.Module):
    """What a WaveNet's layers are told."""

    def __init__(self, network: WaveNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, roll: Tensor, timbre: Tensor) -> Tensor:
        return self.network.condition(roll, timbre)


class _GroupedFrames(nn.Module):
    """A network told how many groups of frames there are, as its U-Net halves them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, groups: Tensor, timbre: Tensor) -> Tensor:
        # [1, N_ROLL, groups, frames in a group]
        found: Tensor = self.network(groups.flatten(2), timbre)
        return found


def _on_rolls(task: PerformanceNetTask | WaveNetTask) -> dict[str, OnnxPart]:
    mel, timbre = torch.zeros(1, N_MELS, 64), torch.zeros(1, N_TIMBRE)
    style = OnnxPart(task.encoder, {"mel": mel}, {"mel": {2: "frames"}}, ["timbre"])
    if isinstance(task, PerformanceNetTask):
        multiple = 2 ** (len(task.config.widths) - 1)
        groups = torch.zeros(1, N_ROLL, 6, multiple)
        return {
            "": OnnxPart(
                _GroupedFrames(task.network),
                {"groups": groups, "timbre": timbre},
                {"groups": {2: "groups"}},
                ["log_power"],
            ),
            "style": style,
        }
    n, width = len(task.config.dilations), task.config.width
    inputs = {
        "sample": torch.zeros(3, 1),
        "past": torch.zeros(3, n, width),
        "condition": torch.zeros(3, n, 2 * width),
    }
    roll = torch.zeros(1, N_ROLL, 64)
    return {
        "": OnnxPart(
            _Step(task.network),
            inputs,
            {name: {0: "batch"} for name in inputs},
            ["logits", "given"],
        ),
        "condition": OnnxPart(
            _ConditionPart(task.network),
            {"roll": roll, "timbre": timbre},
            {"roll": {2: "frames"}},
            ["told"],
        ),
        "style": style,
    }


def _largest_difference(parts: Mapping[str, OnnxPart], place: Path) -> float:
    """Largest difference between torch and the files, of what is not small relative to itself."""
    model = Model(place.read_bytes(), lambda file, _: (place.parent / file).read_bytes())
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for trial in range(3):
        for name, part in parts.items():
            if part.data:
                continue
            inputs = []
            for key, example in part.inputs.items():
                shape = list(example.shape)
                for axis in part.lengths.get(key, {}):
                    shape[axis] += 17 * trial
                inputs.append(
                    torch.rand(shape, generator=generator)
                    if example.is_floating_point()
                    else torch.randint(int(example.max()) + 1, shape, generator=generator)
                )
            with torch.no_grad():
                expected_outputs = part.module(*inputs)
            expected_outputs = (
                expected_outputs if isinstance(expected_outputs, tuple) else (expected_outputs,)
            )
            actual_outputs = model.part(name)(*(x.numpy() for x in inputs))
            for actual, expected in zip(actual_outputs, expected_outputs, strict=True):
                scale = max(1.0, float(expected.abs().max()))
                worst = max(worst, float(np.abs(actual - expected.numpy()).max()) / scale)
    return worst


def _load_published_run(path: str | Path) -> tuple[VqVae, dict[str, Any]]:
    network = load_published(path)
    return network, {
        "system": "vqvae",
        "preset": "cifka2021",
        "licence": "not stated by the authors",
        # What FluidSynth's default gain makes of one instrument; their sounds were not levelled.
        "level_db": -25.0,
        "lowered_by": 0.0,
        "width": network.shape.width,
        "n_codes": network.shape.n_codes,
        "n_parameters": n_parameters(network),
        "training": {"task": {"shape": asdict(network.shape)}},
        "data": "Lakh MIDI by three sound fonts, and RealTracks: Cífka et al. 2021",
    }


def round_to_float16(network: nn.Module) -> None:
    """Round what will be kept as float16, in place."""
    with torch.no_grad():
        for array in (*network.parameters(), *network.buffers()):
            if array.is_floating_point() and array.numel() >= _SMALLEST_FLOAT16:
                array.copy_(array.half().float())


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without the exporter's remarks on packages that it does not need."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _write(part: OnnxPart, place: Path, *, half: bool) -> None:
    if part.data:
        place.write_bytes(part.data)
        return
    module = copy.deepcopy(part.module).eval()
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, GRUWrapper):
                setattr(parent, name, _OnnxGRU(child))
    names = {length for axes in part.lengths.values() for length in axes.values()}
    dynamic = {name: torch.export.Dim(name, min=1) for name in names}
    shapes = tuple(
        {axis: dynamic[length] for axis, length in part.lengths.get(name, {}).items()}
        for name in part.inputs
    )
    with _quiet_exporter():
        program = torch.onnx.export(
            module,
            tuple(part.inputs.values()),
            input_names=list(part.inputs),
            output_names=part.outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    if half:
        _to_float16(model)
    place.write_bytes(model.SerializeToString())


def _to_float16(model: Any) -> None:
    """Large arrays as float16, each cast back before its use."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for array in model.graph.initializer:
        values = numpy_helper.to_array(array)
        if array.data_type != TensorProto.FLOAT or values.size < _SMALLEST_FLOAT16:
            continue
        name = array.name
        array.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + ".half"))
        casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _describe(place: Path, metadata: Mapping[str, Any]) -> None:
    import onnx

    model = onnx.load(str(place))
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(metadata, ensure_ascii=False)
    # Where the exporter ran is nobody's business, and would make every file another.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model)
    place.write_bytes(model.SerializeToString())


def _sha256(place: Path) -> str:
    return hashlib.sha256(place.read_bytes()).hexdigest()


def parity(network: VqVae, place: Path, n_trials: int = 4) -> dict[str, float]:
    """How far a file's answers are from torch's, both in float32."""
    model = Model(place.read_bytes(), lambda file, _: (place.parent / file).read_bytes())
    rng = np.random.default_rng(0)
    worst, equal = 0.0, []
    for trial in range(n_trials):
        n_frames = 65 + 64 * trial + trial
        slope = np.linspace(6, 0.5, STFT.n_bins, dtype=np.float32)[None, :, None]
        content, style = (
            (slope * rng.random((1, STFT.n_bins, n_frames))).astype(np.float32) for _ in range(2)
        )
        with torch.no_grad():
            encoder_inputs = [network.encoder_inputs(torch.from_numpy(x)) for x in (content, style)]
            decoded, numbers, _, _ = network(*encoder_inputs)
            expected_spectrogram = network.decoded(decoded)
        [timbre] = model.part("style")(style)
        spectrogram, codes = model.part()(content, timbre)
        equal.append(float((codes == numbers.numpy()).mean()))
        if equal[-1] == 1:
            worst = max(worst, float(np.abs(spectrogram - expected_spectrogram.numpy()).max()))
    if max(equal) < 1:
        worst = np.inf
    return {"max_difference": worst, "equal_codes": float(np.mean(equal))}
