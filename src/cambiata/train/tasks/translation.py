"""The translator: one encoder of notes for all domains, a decoder of one's own for each.

Mor et al. 2018 in its parts and its training (a shared encoder, a classifier of domains that it
confuses, a decoder for every domain), but of notes rather than samples, so that it plays at once
what they sample one by one, and learns in minutes what takes them days. The encoder is the
transcriber as far as it sees, with a latent of a few numbers beside every moment of every note it
hears (43 frames a second); a decoder says partials and noise of each, and corrects what it drew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.arrays import Samples
from cambiata.data.domains import DOMAINS, DomainExamples
from cambiata.data.effects import wide_chain
from cambiata.data.examples import save_arrays
from cambiata.data.processes import carry_out
from cambiata.partials.latent import N_SEEN, N_TOLD, TOLD, overheard, seen_at
from cambiata.partials.note_frames import (
    FLOOR,
    N_FEATURES,
    N_NOISE,
    N_PARTIALS,
    bands_db,
    bends_cents,
    measure,
    note_frames,
    spectrum_of,
)
from cambiata.partials.posteriors import BANDS
from cambiata.train.band_losses import DB, Drawing, rms_apart_db, weighed
from cambiata.train.tasks.mor2018 import Classifier
from cambiata.train.tasks.oneshot import Refiner, queries_of
from cambiata.weights import Model, files_of, load_model

_N_QUERIES = 1536
_N_ASKED = 8  # examples in one go
_TREATED = 0.5  # share of what is heard that has gone through effects
_N_OBSERVED = 240  # examples of which strings and wavering are measured
_WIDTH = N_FEATURES + 4
# The classifier learns from so many sounds at a time of the last so many, of each so many moments:
# taught by the few of a batch alone it stays so weak that confusing it means nothing.
_N_JUDGED, _N_REMEMBERED, _N_MOMENTS = 64, 1024, 64
_N_LESSONS = 5  # turns of the classifier to one of its opponents
# Pitches that sound alike lie side by side, and a sampled instrument changes every few semitones.
_WAVES = (1, 2, 4, 8)


@dataclass(frozen=True)
class TranslationTraining:
    """Settings of `TranslationTask`.

    Parameters
    ----------
    domains : tuple of str
        Names of the domains, in the examples' order.
    n_latent : int
        Numbers beside every moment of a note.
    width : int
        Of a decoder's hidden layers.
    confusion : float
        Weight of the classifier's error, which the encoder raises.
    pairs : bool
        Whether a piece heard in one domain is also learnt to be played in another; else every
        decoder learns from its own domain alone, as published.
    listener : str
        Weights of the transcriber whose notes are played: shipped ones by name, or a path.
    together : float
        Share of the training in which all domains have one decoder, which is then given to each:
        what is common to all of them is learnt once.

    Examples
    --------
    >>> TranslationTraining().n_latent
    8
    """

    domains: tuple[str, ...] = tuple(DOMAINS)
    n_latent: int = 8
    width: int = 160
    confusion: float = 1.0
    pairs: bool = True
    listener: str = "transcriber"
    together: float = 0.15


class Decoders(nn.Module):
    """A decoder for every domain: note frames to partials and noise, and to their correction.

    Parameters
    ----------
    n_domains, n_latent, width : int
        Sizes.
    n_bands : int
        Bands in which it corrects what it drew.

    Examples
    --------
    >>> decoders = Decoders(2, 8, 32, 210)
    >>> [x.shape[1] for x in decoders(torch.zeros(5, 24), torch.tensor(1))]
    [48, 24]
    >>> decoders.refined(torch.zeros(210, 9), torch.tensor(0))[0].shape
    torch.Size([210, 9])
    """

    def __init__(self, n_domains: int, n_latent: int, width: int, n_bands: int) -> None:
        super().__init__()
        n_given = N_TOLD + 2 * len(_WAVES) + n_latent
        sizes = [n_given, width, width, width, N_PARTIALS + N_NOISE]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for n_in, n_out in pairwise(sizes):
            # As torch's own linear layers begin.
            bound = n_in**-0.5 if n_out == width else 0.0
            weight = (2 * torch.rand(n_in, n_out) - 1) * bound
            # All domains begin alike.
            self.weights.append(nn.Parameter(weight.repeat(n_domains, 1, 1)))
            self.biases.append(nn.Parameter(torch.zeros(n_domains, n_out)))
        self.refiner = Refiner(n_bands, 1)
        names = [name for name, _ in self.refiner.named_parameters()]
        self.stacked = nn.ParameterDict(
            {
                name.replace(".", "/"): nn.Parameter(
                    p.detach().repeat(n_domains, *[1] * p.dim()).clone()
                )
                for name, p in self.refiner.named_parameters()
            }
        )
        self._names = names
        for p in self.refiner.parameters():
            p.requires_grad_(False)  # a mould only
        self.waves: Tensor
        self.register_buffer("waves", torch.tensor(_WAVES) * torch.pi)
        self.fall: Tensor
        self.register_buffer("fall", -6 * torch.log2(torch.arange(1, N_PARTIALS + 1)))

    def forward(self, known: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """What note frames sound like in a domain.

        Parameters
        ----------
        known : torch.Tensor
            What is told of each, and its latent [Q, N_TOLD + n_latent].
        domain : torch.Tensor
            Which domain, a scalar.

        Returns
        -------
        tuple of torch.Tensor
            Partials [Q, N_PARTIALS] and noise [Q, N_NOISE] in dB relative to the note's strength.
        """
        turns = known[:, :1] * self.waves
        x = torch.cat([known, torch.sin(turns), torch.cos(turns)], dim=1)
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ _row(weight, domain) + _row(bias, domain)
            if i < last:
                x = functional.relu(x)
        return 30 * x[:, :N_PARTIALS] + self.fall, 30 * x[:, N_PARTIALS:] - 60

    def refined(self, drawn_db: Tensor, domain: Tensor) -> tuple[Tensor, Tensor]:
        """How what was drawn is to be corrected.

        Parameters
        ----------
        drawn_db : torch.Tensor
            [bands, L].
        domain : torch.Tensor
            Which domain, a scalar.

        Returns
        -------
        tuple of torch.Tensor
            Gain of what was drawn, and what sounds besides, in dB [bands, L].
        """
        own = {name: _row(self.stacked[name.replace(".", "/")], domain) for name in self._names}
        nothing = drawn_db.new_zeros(1)
        quantiles = drawn_db.new_zeros(3, drawn_db.shape[0])
        said: tuple[Tensor, Tensor] = torch.func.functional_call(
            self.refiner, own, (drawn_db, drawn_db, quantiles, nothing)
        )
        return said

    def part(self) -> None:
        """Give the first decoder's weights to all."""
        with torch.no_grad():
            for p in (*self.weights, *self.biases, *self.stacked.values()):
                p.copy_(p[:1].expand_as(p).clone())

    def only(self, domain: int) -> "Decoders":
        """A decoder of its own, begun as one of these.

        Parameters
        ----------
        domain : int
            Which of them.

        Returns
        -------
        Decoders
            One.
        """
        n_given, width = self.weights[0].shape[1:]
        n_latent = n_given - N_TOLD - 2 * len(_WAVES)
        made = Decoders(1, n_latent, width, len(self.refiner.position))
        state = self.state_dict()
        for name in state:
            if name.split(".")[0] in ("weights", "biases", "stacked"):
                state[name] = state[name][domain : domain + 1].clone()
        made.load_state_dict(state)
        return made


def _row(stacked: Tensor, domain: Tensor) -> Tensor:
    """One of what is stacked; a scalar as an index would become a constant of an exported file."""
    return stacked.index_select(0, domain.reshape(1)).squeeze(0)


class Asked(NamedTuple):
    """One half of a sound, unpacked.

    Parameters
    ----------
    queries : torch.Tensor
        Note frames heard in it [Q, 22].
    seen : torch.Tensor
        What the encoder saw at each [Q, N_SEEN].
    heard, wanted : int
        The domain that was heard, and the one that is to be played.
    target : torch.Tensor
        Levels in bands, in dB [bands, L].

    Examples
    --------
    >>> Asked._fields[2:4]
    ('heard', 'wanted')
    """

    queries: Tensor
    seen: Tensor
    heard: int
    wanted: int
    target: Tensor


class AskedDomains(Sequence[npt.NDArray[np.float16]]):
    """What decoders are asked: halves of sounds, each with itself as the target, or its pair.

    Parameters
    ----------
    folder : pathlib.Path
        Where `ask_domains` put it.
    examples : DomainExamples
        What it was asked of.
    pairs : bool
        Whether the targets are pairs as well.

    Examples
    --------
    >>> issubclass(AskedDomains, Sequence)
    True
    """

    def __init__(self, folder: Path, examples: DomainExamples, pairs: bool) -> None:
        self.folder, self.examples, self.pairs = folder, examples, pairs

    def __len__(self) -> int:
        return (8 if self.pairs else 4) * len(self.examples)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half, packed; `TranslationTask.unpacked` tells its parts."""
        number, rest = divmod(range(len(self))[index], 8 if self.pairs else 4)
        half, content = rest % 2, rest // 2 % 2
        target = content if rest < 4 else 1 - content
        with np.load(self.folder / _name(self.examples.validating, number, content)) as kept:
            queries, seen = kept["queries"], kept["seen"]
            levels = kept["target"] if target == content else None
        if levels is None:
            with np.load(self.folder / _name(self.examples.validating, number, target)) as kept:
                levels = kept["target"]
        domains = self.examples.kept(number)[1]["domains"]
        asked = {"queries": queries, "seen": seen}
        return packed_half(asked, levels, half, (domains[content], domains[target]))

    def validation(self) -> "AskedDomains":
        """Those to validate with.

        Returns
        -------
        Sequence
            As `AskedDomains`, pairs among them.
        """
        return AskedDomains(self.folder, self.examples.validation(), True)


def packed_half(
    asked: Mapping[str, npt.NDArray[Any]],
    levels: npt.NDArray[Any],
    half: int,
    domains: tuple[int, int],
) -> npt.NDArray[np.float16]:
    """Half of what decoders are asked of a sound, packed.

    Parameters
    ----------
    asked : mapping
        "queries" and "seen", as `asked_of` gives them.
    levels : numpy.ndarray
        What is to be played, in bands [bands, L].
    half : int
        0 or 1.
    domains : tuple of int
        The one that was heard, and the one that is to be played.

    Returns
    -------
    numpy.ndarray
        What `TranslationTask.unpacked` takes.

    Examples
    --------
    >>> asked = {"queries": np.zeros((0, 22)), "seen": np.zeros((0, 32))}
    >>> packed_half(asked, np.zeros((210, 8)), 0, (0, 1))[:3].tolist()
    [0.0, 0.0, 1.0]
    """
    middle = levels.shape[1] // 2
    first = half * middle
    frame = asked["queries"][:, N_FEATURES]
    own = np.flatnonzero((frame >= first) & (frame < first + middle))[:_N_QUERIES]
    rows = np.zeros((_N_QUERIES, _WIDTH + N_SEEN), np.float32)
    rows[: len(own), :_WIDTH] = asked["queries"][own]
    rows[: len(own), N_FEATURES] -= first
    rows[: len(own), _WIDTH:] = asked["seen"][own]
    packed = [np.array([len(own), *domains]), rows, levels[:, first : first + middle]]
    return np.concatenate([np.ravel(x).astype(np.float16) for x in packed])


def learnt(weights: str = "translation") -> "TranslationTask":
    """The translator that ships, as torch has it.

    Parameters
    ----------
    weights : str
        A key of `WEIGHTS`, whose decoders lie beside it as "...-domains".

    Returns
    -------
    TranslationTask
        Its encoder and decoders; the classifier is not shipped.

    Examples
    --------
    >>> len(learnt().config.domains) >= 6
    True
    """
    import onnx
    from onnx import numpy_helper

    encoder = load_model(weights, "translation")
    model = load_model(f"{weights}-domains", "translation-domains")
    known = encoder.about["training"]["task"]
    task = TranslationTask(TranslationTraining(**known | {"domains": tuple(known["domains"])}))
    state = task.state_dict()
    for prefix, name, known_as, part in (
        ("code.", weights, encoder, "code"),
        ("decoders.", f"{weights}-domains", model, ""),
        ("", f"{weights}-domains", model, "refine"),
    ):
        main, read = files_of(name)
        data = read(*known_as.about["parts"][part]) if part else main
        for array in onnx.load_from_string(data).graph.initializer:
            own = prefix + array.name.removesuffix(".half")
            if own in state:
                state[own] = torch.from_numpy(numpy_helper.to_array(array).astype(np.float32))
    for i, domain in enumerate(model.about["domains"]):
        for name in ("stiffness", "wavering_cents"):
            state[name][i] = domain[name]
    state["parted"] = torch.tensor(True)
    task.load_state_dict(state)
    return task.eval()


def _name(validating: bool, number: int, which: int) -> str:
    return f"{'validation' if validating else 'training'}-{number:05d}-{which}.npz"


def ask_domains(
    examples: DomainExamples,
    listener: str,
    *,
    pairs: bool = True,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> AskedDomains:
    """Let the encoder's ears hear examples of domains, and keep what decoders are asked of each.

    Parameters
    ----------
    examples : DomainExamples
        Which.
    listener : str
        The transcriber's weights: shipped ones by name, or a path.
    pairs : bool
        Whether a piece heard in one domain is to be played in the other, too.
    n_workers : int, optional
        Processes; as many as there are cores where not given.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    AskedDomains
        What `fit` reads.

    Raises
    ------
    InputError
        The weights are no transcriber's.

    Examples
    --------
    >>> ask_domains(None, "nowhere.onnx")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.onnx: cannot be read; give a file of `cambiata train export`
    """
    model = load_model(listener, "transcriber")
    folder = examples.folder / f"asked-{model.sha256[:12]}"
    folder.mkdir(exist_ok=True)
    config = examples.config
    every = [(True, i) for i in range(config.n_validation)]
    every += [(False, i) for i in range(config.n_examples)]
    left = [(v, i) for v, i in every if not (folder / _name(v, i, 1)).exists()]
    groups = [tuple(left[i : i + _N_ASKED]) for i in range(0, len(left), _N_ASKED)]
    work = partial(_ask_some, folder, examples, listener)
    carry_out(work, groups, n_workers, str(folder), progress)
    return AskedDomains(folder, examples, pairs)


def _ask_some(
    folder: Path, examples: DomainExamples, listener: str, some: tuple[tuple[bool, int], ...]
) -> None:
    model, threshold = ears(listener)
    parts = {False: examples, True: examples.validation()}
    for validating, number in some:
        sounds = parts[validating][number].sounds
        for which, sound in enumerate(sounds):
            rng = np.random.default_rng([number, which, int(validating)])
            heard = sound
            if rng.random() < _TREATED:
                heard = wide_chain(rng).still()(sound, BANDS.sample_rate)
            place = folder / _name(validating, number, which)
            asked = asked_of(heard, sound, model, threshold, observed=number < _N_OBSERVED)
            save_arrays(place, **asked)


def asked_of(
    heard: Samples, true: Samples, model: Model, threshold: float, *, observed: bool = True
) -> dict[str, npt.NDArray[Any]]:
    """What decoders are asked of a sound, and what is true of it.

    Parameters
    ----------
    heard : numpy.ndarray
        What the encoder hears, mono [T] at the rate of `BANDS`.
    true : numpy.ndarray
        What is to be played where it is the same sound, [T].
    model : Model
        What `ears` returned.
    threshold : float
        Likewise.
    observed : bool
        Whether strings and wavering are measured, too.

    Returns
    -------
    dict of str to numpy.ndarray
        "queries" [Q, 22], "seen" [Q, N_SEEN], "target" [bands, L]; where it is observed,
        "stiffness" of its strings and "wavering_cents" of its notes.

    Examples
    --------
    >>> model, threshold = ears("transcriber")
    >>> sorted(asked_of(np.ones(8192, np.float32), np.ones(8192, np.float32), model, threshold))
    ['queries', 'seen', 'stiffness', 'target', 'wavering_cents']
    """
    notes, seen = overheard(BANDS.level_db(heard), model.part(""), threshold)
    n_frames, power = BANDS.n_frames(len(true)), spectrum_of(true)
    frames = note_frames(notes, n_frames)
    # In order of time, as `queries_of` sorts them.
    frames = frames[np.argsort(frames.frame, kind="stable")]
    found: dict[str, npt.NDArray[Any]] = {
        "queries": queries_of(frames).astype(np.float16),
        "seen": seen_at(seen, frames).astype(np.float16),
        "target": bands_db(power).astype(np.float16),
    }
    if not observed:
        return found
    bends = bends_cents(power, notes, n_frames)
    wavering = [float(np.abs(row - np.median(row)).mean()) for row in bends]
    return found | {
        "stiffness": np.array(measure(power, notes)[2], np.float32),
        "wavering_cents": np.array(np.median(wavering) if wavering else 0, np.float32),
    }


@lru_cache(maxsize=2)
def ears(listener: str) -> tuple[Model, float]:
    """A transcriber that also tells what it saw, and its threshold.

    Parameters
    ----------
    listener : str
        Weights: shipped ones by name, or a path.

    Returns
    -------
    tuple
        The model, whose network gives [1, 3 + N_SEEN, 88, L], and the least height of an onset.

    Examples
    --------
    >>> model, threshold = ears("transcriber")
    >>> model.part("")(np.zeros((1, 312, 9), np.float32))[0].shape
    (1, 35, 88, 9)
    """
    threshold = float(load_model(listener, "transcriber").about["threshold"])
    return Model(opened(listener), lambda *_: b""), threshold


def opened(listener: str) -> bytes:
    """A transcriber's file, changed to give its first three rolls and, below them, what it saw.

    Parameters
    ----------
    listener : str
        Weights: shipped ones by name, or a path.

    Returns
    -------
    bytes
        An ONNX file without metadata.

    Examples
    --------
    >>> len(opened("transcriber")) > 100_000
    True
    """
    import onnx

    model = onnx.load_from_string(files_of(listener)[0])
    graph, output = model.graph, model.graph.output[0]
    made_by = {name: node for node in graph.node for name in node.output}
    whole = made_by[output.name]
    heads = made_by[whole.input[0]]
    del whole.input[:]
    whole.input.extend([heads.output[0], heads.input[0]])
    output.type.tensor_type.shape.dim[1].dim_value = 3 + N_SEEN
    # What nothing needs any more goes.
    needed, kept = {output.name}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    arrays = [array for array in graph.initializer if array.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(arrays)
    del model.metadata_props[:], graph.value_info[:]
    onnx.checker.check_model(model)
    found: bytes = model.SerializeToString()
    return found


class TranslationTask(Drawing):
    """Encoder, classifier and decoders with their losses.

    Parameters
    ----------
    config : TranslationTraining
        Settings.

    Examples
    --------
    >>> TranslationTask(TranslationTraining(("a", "b"))).turns
    6
    """

    turns = _N_LESSONS + 1
    own_parts = ("memory",)

    def __init__(self, config: TranslationTraining) -> None:
        super().__init__()
        self.config = config
        n = len(config.domains)
        # What was seen of the last sounds, and their domains; in the checkpoint, so that a run
        # that goes on judges by the same.
        self.memory: Tensor
        self.register_buffer("memory", torch.zeros(_N_REMEMBERED, _N_MOMENTS, N_SEEN))
        self.memory_domains: Tensor
        self.register_buffer("memory_domains", torch.full((_N_REMEMBERED,), -1))
        self.memory_next: Tensor
        self.register_buffer("memory_next", torch.zeros((), dtype=torch.long))
        self.code = nn.Sequential(
            nn.Linear(N_SEEN, 64), nn.ReLU(), nn.Linear(64, config.n_latent), nn.Tanh()
        )
        self.classifier = Classifier(config.n_latent, n)
        self.decoders = Decoders(n, config.n_latent, config.width, self.n_bands)
        self.parted: Tensor
        self.register_buffer("parted", torch.tensor(not config.together))
        # Of each domain, from its own sounds.
        self.stiffness: Tensor
        self.wavering_cents: Tensor
        for name in ("stiffness", "wavering_cents"):
            self.register_buffer(name, torch.zeros(n))

    def observe(self, asked: AskedDomains) -> None:
        """Learn of each domain how stiff its strings are and how much its notes waver.

        Parameters
        ----------
        asked : AskedDomains
            Examples; some hundreds are looked at.
        """
        found: dict[int, list[tuple[float, float]]] = {}
        for number in range(min(_N_OBSERVED, len(asked.examples))):
            domains = asked.examples.kept(number)[1]["domains"]
            for which, domain in enumerate(domains):
                with np.load(asked.folder / _name(False, number, which)) as kept:
                    pair = float(kept["stiffness"]), float(kept["wavering_cents"])
                found.setdefault(domain, []).append(pair)
        for domain, pairs in found.items():
            self.stiffness[domain], self.wavering_cents[domain] = torch.tensor(
                np.median(pairs, axis=0)
            )

    def unpacked(self, packed: Tensor) -> Asked:
        """Parts of what `AskedDomains` packed.

        Parameters
        ----------
        packed : torch.Tensor
            One half of a sound.

        Returns
        -------
        Asked
            Them.
        """
        x = packed.float()
        n, heard, wanted = (int(value) for value in x[:3])
        rows = x[3 : 3 + _N_QUERIES * (_WIDTH + N_SEEN)].view(_N_QUERIES, -1)[:n]
        target = x[3 + _N_QUERIES * (_WIDTH + N_SEEN) :].view(self.n_bands, -1)
        return Asked(rows[:, :_WIDTH], rows[:, _WIDTH:], heard, wanted, target)

    def latent(self, seen: Tensor) -> Tensor:
        """The latent of note frames.

        Parameters
        ----------
        seen : torch.Tensor
            [Q, N_SEEN].

        Returns
        -------
        torch.Tensor
            [Q, n_latent], -1 to 1.
        """
        found: Tensor = self.code(seen)
        return found

    def said(self, asked: Asked, latent: Tensor) -> tuple[Tensor, Tensor]:
        """What a decoder draws, before and after it is refined.

        Parameters
        ----------
        asked : Asked
            One half of a sound.
        latent : torch.Tensor
            [Q, n_latent].

        Returns
        -------
        tuple of torch.Tensor
            Power [bands, L] each.
        """
        domain = torch.tensor(asked.wanted if self.parted else 0)
        known = torch.cat([asked.queries[:, TOLD], latent], dim=1)
        partials_db, noise_db = self.decoders(known, domain)
        stiffness = self.stiffness[asked.wanted]
        n_frames = asked.target.shape[1]
        drawn = self.drawn(partials_db, noise_db, asked.queries, stiffness, n_frames)
        gain, besides = self.decoders.refined(DB * torch.log(drawn + FLOOR), domain)
        return drawn, drawn * torch.exp(gain / DB) + torch.exp(besides / DB)

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:
        """Losses of a turn: the classifier's, and in the last that of encoder and decoders.

        Parameters
        ----------
        batch : torch.Tensor
            As `AskedDomains` packs it.
        share : float
            Share of the training that is done.

        Returns
        -------
        dict of str to torch.Tensor
            "loss" and its parts.
        """
        if not self.parted and share >= self.config.together:
            self.decoders.part()
            self.parted.fill_(True)
        if self.turn == 0:
            self.remember(self.sounding(batch))
        known = min(int(self.memory_next), _N_REMEMBERED)
        if not known:  # all has been silent so far
            return {"loss": 0 * self.decoders.weights[0].sum()}
        judged = torch.randint(0, known, (_N_JUDGED,))
        if self.turn < _N_LESSONS:
            with torch.no_grad():
                latents = self.latent(self.memory[judged])
            domains = self.memory_domains[judged]
            said = self.classifier(latents.transpose(1, 2))
            told = functional.cross_entropy(said, domains)
            return {"loss": told, "told apart": told}
        losses: dict[str, list[Tensor]] = {}
        for each in self.sounding(batch):
            true = torch.exp(each.target / DB)
            said = self.said(each, self.latent(each.seen))
            for name, value in self.compared(*said, true).items():
                losses.setdefault(name, []).append(value)
        found = {name: torch.stack(values).mean() for name, values in losses.items()}
        guessed = self.classifier.frozen(self.latent(self.memory[judged]).transpose(1, 2))
        confused = functional.cross_entropy(guessed, self.memory_domains[judged])
        loss = weighed(found) if found else 0.0  # a batch of silence teaches no decoder
        return {"loss": loss - self.config.confusion * confused, **found}

    def sounding(self, batch: Tensor) -> list[Asked]:
        """Halves of sounds in which a note was heard.

        Parameters
        ----------
        batch : torch.Tensor
            As `AskedDomains` packs it.

        Returns
        -------
        list of Asked
            Unpacked.
        """
        return [each for each in map(self.unpacked, batch) if len(each.queries)]

    def remember(self, asked: Sequence[Asked]) -> None:
        """Keep what was seen of sounds, for the classifier.

        Parameters
        ----------
        asked : sequence of Asked
            Those of a batch.
        """
        for each in asked:
            at = int(self.memory_next) % _N_REMEMBERED
            moments = torch.linspace(0, len(each.seen) - 1, _N_MOMENTS).long()
            self.memory[at] = each.seen[moments]
            self.memory_domains[at] = each.heard
            self.memory_next += 1

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:  # noqa: ARG002
        """RMS difference in dB over time and its mean over bands: translated, and heard again.

        Parameters
        ----------
        batches : list of torch.Tensor
            As in `forward`.
        share : float
            Not used.

        Returns
        -------
        dict of str to float
            "lsd" of pieces heard in another domain, "lsd_own" of those heard in the same, each
            also before it is refined; and "told_apart", 0 to 1, how often the classifier is right.
        """
        found: dict[str, list[float]] = {}
        with torch.no_grad():
            for asked in (each for batch in batches for each in self.sounding(batch)):
                latent = self.latent(asked.seen)
                true = torch.exp(asked.target / DB)
                kind = "lsd" if asked.heard != asked.wanted else "lsd_own"
                for end, ours in zip(("_drawn", ""), self.said(asked, latent), strict=True):
                    found.setdefault(kind + end, []).append(rms_apart_db(ours, true))
                guess = int(self.classifier(latent.t()[None]).argmax())
                found.setdefault("told_apart", []).append(float(guess == asked.heard))
        return {name: float(np.mean(values)) for name, values in found.items()}
