"""The player: every partial of a wanted note, from the notes that a style plays.

For each moment of a wanted note it finds moments of the style's notes that are like it, takes
their partials and noise as they were measured, and corrects what it took. What it says is drawn as
a spectrum, which is compared with the true target's; so it learns from the notes as the listener
heard them, with its mistakes.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.arrays import Samples
from cambiata.data.examples import save_arrays
from cambiata.data.processes import carry_out
from cambiata.data.scored_examples import ScoredExamples
from cambiata.partials.note_frames import (
    FLOOR,
    N_FEATURES,
    N_NOISE,
    N_PARTIALS,
    NOISE_CENTRES_HZ,
    NoteFrames,
    band_hz,
    bands_db,
    chosen_frames,
    coverage,
    floor_db,
    measure,
    note_frames,
    quantiles_of,
    spectrum_of,
)
from cambiata.partials.posteriors import BANDS, Heard, Roll, listened, notes_of
from cambiata.train.band_losses import DB, Drawing, rms_apart_db, weighed
from cambiata.weights import Model, load_model

Filter = Callable[[Tensor], Tensor]
"""From frequencies in Hz to gain in dB."""

_N_TOKENS, _N_QUERIES = 256, 1536
_N_ASKED = 16  # examples in one go
_WIDTHS = [N_FEATURES, N_PARTIALS, N_PARTIALS, N_NOISE]  # of a token's parts
_N_META = 4  # frame, pitch, strength, coverage
# How fast each head's interest falls at the beginning: per octave, and with age.
_SLOPES = (1.0, 3.0, 8.0, 16.0, 1.0, 3.0, 8.0, 16.0), (2.0,) * 4 + (8.0,) * 4
# Envelopes over frequency, in which partials of other pitches are looked up.
_N_ENVELOPE, _LOWEST_HZ = 40, 50.0
_OCTAVES = math.log2(18000 / _LOWEST_HZ)


@dataclass(frozen=True)
class PlayerTraining:
    """Settings of `PlayerTask`.

    Parameters
    ----------
    width : int
        Of the hidden layers.
    n_heads : int
        Of the attention to the style's note frames.
    n_timbre : int
        Length of the timbre vector.
    plays : bool
        Whether notes are played at all; else the refiner turns the content's spectrum into the
        target's by itself.
    attends : bool
        Whether it takes anything from the style's note frames; else only the vector tells it.
    refines : bool
        Whether a second network corrects what was drawn, seeing all of it at once.
    contrast : float
        Weight of the contrastive loss on timbre vectors.
    equalise_db : float
        How strong the filters are that style and target go through together while it learns: new
        timbres from old ones.
    adversarial : float
        Weight of a second loss, by a network that learns to tell what was drawn from what is true.
    listener : str
        Weights of the listener whose notes are played: shipped ones by name, or a path.

    Examples
    --------
    >>> PlayerTraining().n_heads
    8
    """

    width: int = 384
    n_heads: int = 8
    n_timbre: int = 64
    plays: bool = True
    attends: bool = True
    refines: bool = True
    contrast: float = 0.0
    equalise_db: float = 5.0
    adversarial: float = 0.0
    listener: str = "listener"


class Player(nn.Module):
    """Note frames wanted and note frames known to partials and noise.

    Parameters
    ----------
    config : PlayerTraining
        Its size.

    Examples
    --------
    >>> player = Player(PlayerTraining(width=32))
    >>> style = [torch.zeros(5, n) for n in (18, 48, 48, 24)]
    >>> [x.shape[1] for x in player(*style, torch.zeros(7, 18))]
    [48, 24]
    """

    def __init__(self, config: PlayerTraining) -> None:
        super().__init__()
        self.config = config
        heads, each = config.n_heads, 16
        n_known = sum(_WIDTHS)
        self.known = nn.Sequential(
            nn.Linear(n_known, 256), nn.ReLU(), nn.Linear(256, heads * each + config.n_timbre)
        )
        self.wanted = nn.Sequential(
            nn.Linear(N_FEATURES, 128), nn.ReLU(), nn.Linear(128, heads * each)
        )
        # How much less likely a frame is for every octave, and every unit of log age, away.
        self.slopes = nn.Parameter(torch.tensor([each[:heads] for each in _SLOPES]))
        taken = heads * (N_PARTIALS + N_NOISE + 1)
        given = N_FEATURES + config.n_timbre + (taken if config.attends else 0)
        said = 2 * N_PARTIALS + N_NOISE + 2 * heads
        self.body = nn.Sequential(
            nn.Linear(given, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Linear(config.width, config.width),
            nn.ReLU(),
            nn.Linear(config.width, said),
        )
        nn.init.zeros_(self.body[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.body[-1].bias)  # type: ignore[arg-type]
        self.background = nn.Sequential(
            nn.Linear(config.n_timbre + N_NOISE, 128), nn.ReLU(), nn.Linear(128, N_NOISE)
        )
        nn.init.zeros_(self.background[-1].weight)  # type: ignore[arg-type]
        nn.init.constant_(self.background[-1].bias, -1 / 3)  # type: ignore[arg-type]
        self.numbers: Tensor
        self.register_buffer("numbers", torch.arange(1.0, N_PARTIALS + 1))
        octaves = torch.arange(_N_ENVELOPE) / (_N_ENVELOPE - 1) * _OCTAVES
        self.envelope_hz: Tensor
        self.register_buffer("envelope_hz", _LOWEST_HZ * 2**octaves)
        self.register_buffer("fall", -6 * torch.log2(torch.arange(1, N_PARTIALS + 1)))

    def style(
        self, features: Tensor, partials: Tensor, clean: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys of a style's note frames, and its timbre vector.

        Parameters
        ----------
        features, partials, clean, noise : torch.Tensor
            As in `Measured`, [K, ...].

        Returns
        -------
        tuple of torch.Tensor
            [K, heads * 16] and [n_timbre].
        """
        said = self.known(torch.cat([features, partials / 40, clean, noise / 40], dim=1))
        split = said.shape[1] - self.config.n_timbre
        return said[:, :split], said[:, split:].mean(dim=0)

    def forward(
        self,
        known: Tensor,
        partials: Tensor,
        clean: Tensor,
        noise: Tensor,
        wanted: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """What the wanted note frames sound like.

        Parameters
        ----------
        known : torch.Tensor
            Features of the style's note frames [K, N_FEATURES].
        partials, clean, noise : torch.Tensor
            What was measured of them, [K, ...].
        wanted : torch.Tensor
            Features of the note frames wanted [Q, N_FEATURES].

        Returns
        -------
        tuple of torch.Tensor
            Partials [Q, N_PARTIALS] and noise [Q, N_NOISE] in dB relative to the note's strength.
        """
        heads = self.config.n_heads
        keys, timbre = self.style(known, partials, clean, noise)
        timbre = timbre.expand(wanted.shape[0], -1)
        if not self.config.attends:
            said = self.body(torch.cat([wanted, timbre], dim=1))
            partials_db = 30 * said[:, :N_PARTIALS] + self.fall
            noise_db = 30 * said[:, N_PARTIALS : N_PARTIALS + N_NOISE] - 60
            return partials_db, noise_db
        q = self.wanted(wanted).view(-1, heads, 16).transpose(0, 1)
        k = keys.reshape(-1, heads, 16).transpose(0, 1)
        octaves = 2 * (wanted[:, None, 0] - known[None, :, 0]).abs()
        ages = (wanted[:, None, 2] - known[None, :, 2]).abs() * 4
        ages = ages + 3 * (wanted[:, None, 7] - known[None, :, 7]).abs()
        slopes = functional.softplus(self.slopes)
        logits = q @ k.transpose(1, 2) / 4
        logits = logits - slopes[0][:, None, None] * octaves - slopes[1][:, None, None] * ages
        weight = torch.softmax(logits, dim=2)  # [heads, Q, K]
        # A partial that no near note has clean, or has at all, is read off the envelopes: what
        # notes of other pitches have at its frequency.
        envelopes, known_there = self.envelopes(known, partials, clean)
        looked_up = [
            clean,
            (0.02 + clean) * partials,
            known_there,
            (0.02 + known_there) * envelopes,
            noise,
        ]
        sizes = [x.shape[1] for x in looked_up]
        sure, shared, sure_there, level, hiss = torch.split(
            weight @ torch.cat(looked_up, dim=1), sizes, dim=2
        )
        took = shared / (0.02 + sure)
        there = self.read(level / (0.02 + sure_there), wanted)
        mixed = there + torch.sigmoid(8 * (sure - 0.25)) * (took - there)
        given = torch.cat(
            [
                wanted,
                timbre,
                (mixed / 40).transpose(0, 1).flatten(1),
                (hiss / 40).transpose(0, 1).flatten(1),
                sure.mean(dim=2).transpose(0, 1),
            ],
            dim=1,
        )
        said = self.body(given)
        n = 2 * N_PARTIALS + N_NOISE
        lean = 4 * said[:, N_PARTIALS + N_NOISE : n]
        mixed = there + torch.sigmoid(8 * (sure - 0.25) + lean) * (took - there)
        gates = torch.softmax(said[:, n : n + heads], dim=1).t()[:, :, None]
        noise_gates = torch.softmax(said[:, n + heads :], dim=1).t()[:, :, None]
        partials_db = (gates * mixed).sum(dim=0) + 30 * said[:, :N_PARTIALS]
        noise_db = (noise_gates * hiss).sum(dim=0) + 30 * said[:, N_PARTIALS : N_PARTIALS + N_NOISE]
        return partials_db, noise_db

    def envelopes(self, known: Tensor, partials: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Levels of note frames over frequency, straight between their partials.

        Parameters
        ----------
        known, partials, clean : torch.Tensor
            As in `forward`.

        Returns
        -------
        tuple of torch.Tensor
            Levels and how clean they are, [K, _N_ENVELOPE].
        """
        number = self.envelope_hz / self.fundamental_hz(known)[:, None]
        place = (number - 1).clamp(0.0, N_PARTIALS - 1.001)
        low = place.floor()
        share, index = place - low, low.long()
        below, above = partials.gather(1, index), partials.gather(1, index + 1)
        clear = torch.minimum(clean.gather(1, index), clean.gather(1, index + 1))
        # Below the fundamental and above the last partial there is nothing to read.
        inside = ((number > 0.9) & (number < N_PARTIALS)).float()
        return below + share * (above - below), clear * inside

    def read(self, envelopes: Tensor, wanted: Tensor) -> Tensor:
        """Envelopes at the partials of wanted note frames.

        Parameters
        ----------
        envelopes : torch.Tensor
            [heads, Q, _N_ENVELOPE].
        wanted : torch.Tensor
            Features [Q, N_FEATURES].

        Returns
        -------
        torch.Tensor
            [heads, Q, N_PARTIALS].
        """
        hz = self.fundamental_hz(wanted)[:, None] * self.numbers
        place = torch.log2(hz / _LOWEST_HZ) / _OCTAVES * (_N_ENVELOPE - 1)
        place = place.clamp(0.0, _N_ENVELOPE - 1.001)
        low = place.floor()
        index = low.long().expand(envelopes.shape[0], -1, -1)
        below, above = envelopes.gather(2, index), envelopes.gather(2, index + 1)
        return below + (place - low) * (above - below)

    @staticmethod
    def fundamental_hz(features: Tensor) -> Tensor:
        """Frequency of note frames, which their first feature tells.

        Parameters
        ----------
        features : torch.Tensor
            [M, N_FEATURES].

        Returns
        -------
        torch.Tensor
            In Hz [M].
        """
        return 440 * torch.exp2((24 * features[:, 0] + 64 - 69) / 12)

    def behind(self, timbre: Tensor, floor: Tensor) -> Tensor:
        """Noise that sounds whatever is played.

        Parameters
        ----------
        timbre : torch.Tensor
            The style's vector.
        floor : torch.Tensor
            The style's quiet level in bands, [N_NOISE] in dB of its mean power.

        Returns
        -------
        torch.Tensor
            [N_NOISE], likewise.
        """
        corrected: Tensor = floor + 30 * self.background(torch.cat([timbre, floor / 40]))
        return corrected


class Refiner(nn.Module):
    """What was drawn to how it is to be corrected, the same way in every band.

    Parameters
    ----------
    n_bands : int
        Bands.
    n_timbre : int
        Length of the timbre vector.
    width : int
        Channels.

    Examples
    --------
    >>> refiner = Refiner(210, 64)
    >>> gain, _ = refiner(*torch.zeros(2, 210, 9), torch.zeros(3, 210), torch.zeros(64))
    >>> gain.shape
    torch.Size([210, 9])
    """

    def __init__(self, n_bands: int, n_timbre: int, width: int = 16) -> None:
        super().__init__()
        self.seen = nn.Conv2d(11, width, 1)
        self.style = nn.Linear(n_timbre, width)
        self.near = nn.Conv2d(width, width, (5, 3), padding=(2, 1))
        self.around = nn.Conv2d(width, width, (3, 3), padding=(2, 2), dilation=2)
        self.thought = nn.Conv2d(width, 2 * width, 1)
        self.said = nn.Conv2d(2 * width, 2, 1)
        nn.init.zeros_(self.said.weight)
        with torch.no_grad():
            assert self.said.bias is not None
            self.said.bias.copy_(torch.tensor([0.0, -3.0]))
        self.position: Tensor
        self.register_buffer("position", torch.linspace(-1, 1, n_bands)[:, None])

    def forward(
        self, drawn: Tensor, content: Tensor, quantiles: Tensor, timbre: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Corrections.

        Parameters
        ----------
        drawn, content : torch.Tensor
            Levels in dB [bands, L] of what the player drew and of the content.
        quantiles : torch.Tensor
            Of the style's levels in every band, [3, bands].
        timbre : torch.Tensor
            The style's vector.

        Returns
        -------
        tuple of torch.Tensor
            Gain of what was drawn, and what sounds besides, in dB [bands, L].
        """
        alone = content is drawn  # clamped twice, it is more than torch's exporter can write
        drawn = drawn.clamp(-80, 30) / 40 + 1
        content = drawn if alone else content.clamp(-80, 30) / 40 + 1
        middle = drawn.mean(dim=1, keepdim=True)
        wide = [_mean_power(drawn, 1), _mean_power(drawn, 0), _mean_power(content, 0)]
        style = quantiles.clamp(-80, 30)[:, :, None] / 40 + 1
        cells = [drawn, content]
        cells += [x.expand_as(drawn) for x in (middle, *wide, *style, self.position)]
        cells += [self.position.expand_as(drawn) ** 2]
        # Two bands and two frames at a time, for a quarter of the work: 46 ms are half of the
        # window that they are seen in.
        pairs = functional.avg_pool2d(torch.stack(cells)[None], 2, ceil_mode=True)
        x = functional.relu(self.seen(pairs) + self.style(timbre)[:, None, None])
        x = x + functional.relu(self.near(x))
        x = x + functional.relu(self.around(x))
        said = self.said(functional.relu(self.thought(x)))[0]
        whole = said.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        gain, besides = whole[:, : drawn.shape[0], : drawn.shape[1]]
        return 20 * gain, 20 * besides - 20


def _mean_power(scaled: Tensor, dim: int) -> Tensor:
    """Mean of power over bands or time, of levels as the refiner sees them: 40 dB are 1."""
    return torch.log(torch.exp(9.21 * (scaled - 1)).mean(dim=dim, keepdim=True)) / 9.21 + 1


class Judge(nn.Module):
    """Whether spectra are true, place by place.

    It learns while what it judges learns to deceive it (Ganin & Lempitsky 2015: one loss, its
    gradient reversed for the one who is judged), by least squares (Mao et al. 2017), so that
    there is something to learn from even where it is sure.

    Parameters
    ----------
    width : int
        Channels.

    Examples
    --------
    >>> judge = Judge()
    >>> float(judge(torch.full((210, 16), -60.0), torch.zeros(210, 16), 1.0).detach()) >= 0
    True
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 5, stride=2, padding=2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 3, padding=1),
        )

    def forward(self, ours_db: Tensor, true_db: Tensor, weight: float) -> Tensor:
        """Loss of the judge, and with its gradient reversed of what is judged.

        Parameters
        ----------
        ours_db, true_db : torch.Tensor
            Levels [bands, L].
        weight : float
            Of the reversed gradient.

        Returns
        -------
        torch.Tensor
            2 where it knows nothing, 0 where it is right everywhere.
        """
        reversed_db = (1 + weight) * ours_db.detach() - weight * ours_db
        ours, true = (self.layers(x[None, None] / 40 + 1) for x in (reversed_db, true_db))
        loss: Tensor = ((ours + 1) ** 2).mean() + ((true - 1) ** 2).mean()
        return loss


class PlayerExamples(Sequence[npt.NDArray[np.float16]]):
    """What the player is asked and what is true, each half of every example.

    Parameters
    ----------
    folder : pathlib.Path
        Where `ask` put it.
    n : int
        Examples to learn from.
    n_validation : int
        Examples to validate with.
    validating : bool
        Those to validate with, rather than those to learn from.

    Examples
    --------
    >>> len(PlayerExamples(Path("."), 3, 1))
    6
    """

    def __init__(self, folder: Path, n: int, n_validation: int, validating: bool = False) -> None:
        self.folder, self.n, self.n_validation = folder, n, n_validation
        self._validating = validating

    def __len__(self) -> int:
        return 2 * (self.n_validation if self._validating else self.n)

    def __getitem__(self, index: Any) -> npt.NDArray[np.float16]:  # type: ignore[override]
        """One half, packed; `unpacked` tells its parts."""
        number, half = divmod(range(len(self))[index], 2)
        with np.load(self.folder / asked_name(self._validating, number)) as kept:
            target = kept["target"]
            middle = target.shape[1] // 2
            first = half * middle
            queries = self.queries(number, kept)
            frame = queries[:, N_FEATURES]
            own = queries[(frame >= first) & (frame < first + middle)][:_N_QUERIES].astype(
                np.float32
            )
            own[:, N_FEATURES] -= first
            tokens = kept["tokens"]
            floor, stiffness = kept["floor"], kept["stiffness"]
            content, quantiles = kept["content"], kept["quantiles"]
        packed = [
            np.array([len(tokens), len(own), float(stiffness) * 1e4]),
            floor,
            _padded(tokens, _N_TOKENS),
            _padded(own, _N_QUERIES),
            target[:, first : first + middle],
            content[:, first : first + middle],
            quantiles,
        ]
        return np.concatenate([np.ravel(x).astype(np.float16) for x in packed])

    def queries(self, number: int, kept: Mapping[str, Any]) -> npt.NDArray[Any]:  # noqa: ARG002
        """What the player is asked of an example.

        Parameters
        ----------
        number : int
            Which example.
        kept : mapping
            What `asked` gave.

        Returns
        -------
        numpy.ndarray
            [Q, 22], in order of time.
        """
        found: npt.NDArray[Any] = kept["queries"]
        return found

    def validation(self) -> "PlayerExamples":
        """The examples to validate with.

        Returns
        -------
        Sequence
            As `PlayerExamples`.
        """
        return PlayerExamples(self.folder, self.n, self.n_validation, validating=True)


def _padded(rows: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
    out = np.zeros((n, rows.shape[1]), np.float32)
    out[: len(rows)] = rows
    return out


def asked_name(validating: bool, number: int) -> str:
    """File of an example.

    Parameters
    ----------
    validating : bool
        Of those to validate with.
    number : int
        Which.

    Returns
    -------
    str
        Its name.

    Examples
    --------
    >>> asked_name(False, 7)
    'training-00007.npz'
    """
    return f"{'validation' if validating else 'training'}-{number:05d}.npz"


def ask(
    examples: ScoredExamples,
    listener: str,
    *,
    n_workers: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> PlayerExamples:
    """Let a listener hear examples, and keep what the player is asked of each.

    Parameters
    ----------
    examples : ScoredExamples
        Which.
    listener : str
        The listener's weights: shipped ones by name, or a path.
    n_workers : int, optional
        Processes; as many as there are cores where not given.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    PlayerExamples
        What `fit` reads.

    Raises
    ------
    InputError
        The weights are no listener's.

    Examples
    --------
    >>> ask(None, "nowhere.onnx")
    Traceback (most recent call last):
    cambiata.errors.InputError: nowhere.onnx: cannot be read; give a file of `cambiata train export`
    """
    model = load_model(listener, "listener")
    folder = examples.folder / f"asked-{model.sha256[:12]}"
    folder.mkdir(exist_ok=True)
    config = examples.config
    every = [(True, i) for i in range(config.n_validation)]
    every += [(False, i) for i in range(config.n_examples)]
    left = [each for each in every if not (folder / asked_name(*each)).exists()]
    groups = [tuple(left[i : i + _N_ASKED]) for i in range(0, len(left), _N_ASKED)]
    work = partial(_ask_some, folder, examples, listener)
    carry_out(work, groups, n_workers, str(folder), progress)
    return PlayerExamples(folder, config.n_examples, config.n_validation)


def _ask_some(
    folder: Path, examples: ScoredExamples, listener: str, some: tuple[tuple[bool, int], ...]
) -> None:
    model = load_model(listener, "listener")
    parts = {False: examples, True: examples.validation()}
    for validating, number in some:
        example = parts[validating][number]
        content, style = (
            notes_of(*_listened(bands_db, model), float(model.about["threshold"]))
            for bands_db in example.bands_db
        )
        rng = np.random.default_rng([number, int(validating)])
        place = folder / asked_name(validating, number)
        save_arrays(place, **asked(content, style, example.sounds, rng))


def _listened(bands_db: Roll, model: Model) -> tuple[Roll, Roll, Roll]:
    onset, held, level_db = listened(bands_db, model.part(""))
    return onset, held, level_db


def asked(
    content: Heard, style: Heard, sounds: Samples, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    """What the player is asked of an example, and what is true.

    Parameters
    ----------
    content, style : Heard
        Their notes, as the listener heard them.
    sounds : numpy.ndarray
        Content, style and target [3, T].
    rng : numpy.random.Generator
        Which of the style's note frames are kept.

    Returns
    -------
    dict of str to numpy.ndarray
        "tokens" [K, 138], "queries" [Q, 22], "target" and "content" [bands, L], "floor",
        "quantiles" and "stiffness".

    Examples
    --------
    >>> none = np.zeros(0)
    >>> silent = Heard(none.astype(int), none, none, none, none, np.zeros((88, 9), np.float32))
    >>> told = asked(silent, silent, np.ones((3, 8192), np.float32), np.random.default_rng(0))
    >>> told["target"].shape
    (210, 9)
    """
    power = spectrum_of(sounds[1])
    measured, frames, stiffness = measure(power, style)
    kept = measured[chosen_frames(frames, _N_TOKENS, rng)]
    tokens = np.concatenate([kept.features, kept.partials_db, kept.clean, kept.noise_db], axis=1)
    wanted = note_frames(content, BANDS.n_frames(sounds.shape[1]))
    return {
        "tokens": tokens.astype(np.float16),
        "queries": queries_of(wanted).astype(np.float16),
        "target": bands_db(spectrum_of(sounds[2])).astype(np.float16),
        "content": bands_db(spectrum_of(sounds[0])).astype(np.float16),
        "quantiles": quantiles_of(power).astype(np.float16),
        "floor": floor_db(power).astype(np.float16),
        "stiffness": np.array(stiffness, np.float32),
    }


def queries_of(wanted: NoteFrames) -> npt.NDArray[np.float64]:
    """Note frames as the player is asked about them.

    Parameters
    ----------
    wanted : NoteFrames
        Of a content.

    Returns
    -------
    numpy.ndarray
        Features, frame, pitch, strength and coverage [Q, 22], in order of time.

    Examples
    --------
    >>> one = np.ones(1)
    >>> heard = Heard(69 * one.astype(int), 5 * one, 20 * one, one, 0 * one, np.zeros((88, 43)))
    >>> queries_of(note_frames(heard, 43)).shape[1]
    22
    """
    meta = [wanted.frame, wanted.pitch, wanted.strength_db, coverage(wanted.age_s)]
    queries = np.concatenate([wanted.features, np.stack(meta, axis=1)], axis=1)
    return np.asarray(queries[np.argsort(wanted.frame, kind="stable")])


class Asked(NamedTuple):
    """An example, unpacked.

    Parameters
    ----------
    tokens : torch.Tensor
        The style's note frames, measured [K, 138].
    queries : torch.Tensor
        The content's note frames [Q, 22].
    target, content : torch.Tensor
        Levels in bands, in dB [bands, L].
    floor : torch.Tensor
        The style's quiet level [N_NOISE].
    quantiles : torch.Tensor
        Of the style's levels [3, bands].
    stiffness : torch.Tensor
        Of its strings.

    Examples
    --------
    >>> Asked._fields[0]
    'tokens'
    """

    tokens: Tensor
    queries: Tensor
    target: Tensor
    content: Tensor
    floor: Tensor
    quantiles: Tensor
    stiffness: Tensor


class PlayerTask(Drawing):
    """The player with its losses.

    Parameters
    ----------
    config : PlayerTraining
        Settings.

    Examples
    --------
    >>> PlayerTask(PlayerTraining()).network.config.attends
    True
    """

    def __init__(self, config: PlayerTraining) -> None:
        super().__init__()
        self.config, self.network = config, Player(config)
        self.band_hz: Tensor
        self.noise_hz: Tensor
        if config.refines:
            self.refiner = Refiner(self.n_bands, config.n_timbre)
        if config.adversarial:
            self.judge = Judge()
        for name, array in (
            ("band_hz", band_hz().astype(np.float32)),
            ("noise_hz", NOISE_CENTRES_HZ.astype(np.float32)),
        ):
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)), False)

    def unpacked(self, packed: Tensor) -> "Asked":
        """Parts of what `PlayerExamples` packed.

        Parameters
        ----------
        packed : torch.Tensor
            One example.

        Returns
        -------
        Asked
            Them.
        """
        x = packed.float()
        # A style without notes is one frame of nothing.
        n_tokens, n_queries, stiffness = max(1, int(x[0])), int(x[1]), x[2] * 1e-4
        floor, rest = x[3 : 3 + N_NOISE], x[3 + N_NOISE :]
        width = sum(_WIDTHS)
        tokens = rest[: _N_TOKENS * width].view(_N_TOKENS, width)[:n_tokens]
        rest = rest[_N_TOKENS * width :]
        width = N_FEATURES + _N_META
        queries = rest[: _N_QUERIES * width].view(_N_QUERIES, width)[:n_queries]
        rest = rest[_N_QUERIES * width :]
        rolls, quantiles = rest[: -3 * self.n_bands], rest[-3 * self.n_bands :]
        target, content = rolls.view(2, self.n_bands, -1)
        return Asked(tokens, queries, target, content, floor, quantiles.view(3, -1), stiffness)

    def said(self, asked: "Asked") -> tuple[Tensor, Tensor]:
        """What the player draws of an example, before and after it is refined.

        Parameters
        ----------
        asked : Asked
            One example.

        Returns
        -------
        tuple of torch.Tensor
            Power [bands, L] each.
        """
        features, partials, clean, noise = torch.split(asked.tokens, _WIDTHS, dim=1)
        known = (features, partials, clean, noise)
        queries, n_frames = asked.queries, asked.target.shape[1]
        drawn = torch.zeros_like(asked.target)
        if self.config.plays:
            partials_db, noise_db = self.network(*known, queries[:, :N_FEATURES])
            drawn = self.drawn(partials_db, noise_db, queries, asked.stiffness, n_frames)
        timbre = self.network.style(*known)[1]
        behind = self.network.behind(timbre, asked.floor) @ self.spread
        drawn = drawn + (torch.exp(behind / DB) * self.widths)[:, None]
        if not self.config.refines:
            return drawn, drawn
        drawn_db = DB * torch.log(drawn + FLOOR)
        beside = self.beside(asked, drawn_db)
        gain, besides = self.refiner(drawn_db, beside, asked.quantiles, timbre)
        return drawn, drawn * torch.exp(gain / DB) + torch.exp(besides / DB)

    def beside(self, asked: "Asked", drawn_db: Tensor) -> Tensor:  # noqa: ARG002
        """What the refiner sees beside what was drawn.

        Parameters
        ----------
        asked : Asked
            One example.
        drawn_db : torch.Tensor
            [bands, L].

        Returns
        -------
        torch.Tensor
            The content's levels [bands, L].
        """
        return asked.content

    def forward(self, batch: Tensor, share: float) -> dict[str, Tensor]:  # noqa: ARG002
        """Losses of packed examples.

        Parameters
        ----------
        batch : torch.Tensor
            [B, ...], as `PlayerExamples` packs them.
        share : float
            Not used.

        Returns
        -------
        dict of str to torch.Tensor
            "loss" and its parts.
        """
        losses: dict[str, list[Tensor]] = {}
        vectors: list[Tensor] = []
        for packed in batch:
            asked = self.unpacked(packed)
            if self.training and self.config.equalise_db:
                spread = self.config.equalise_db
                asked = self.equalised(asked, _random_filter(spread), _random_filter(spread))
            if self.config.contrast:
                vectors += self._two_vectors(asked.tokens)
            true = torch.exp(asked.target / DB)
            drawn, refined = self.said(asked)
            for name, value in self.compared(drawn, refined, true).items():
                losses.setdefault(name, []).append(value)
            if self.config.adversarial:
                both = (DB * torch.log(x + FLOOR) for x in (refined, true))
                losses.setdefault("judge", []).append(self.judge(*both, self.config.adversarial))
        found = {name: torch.stack(values).mean() for name, values in losses.items()}
        loss = weighed(found)
        if self.config.adversarial:
            loss = loss + found["judge"]
        if self.config.contrast:
            found["contrast"] = _contrast(torch.stack(vectors))
            loss = loss + self.config.contrast * found["contrast"]
        return {"loss": loss, **found}

    def equalised(self, asked: "Asked", style: Filter, content: Filter) -> "Asked":
        """An example whose sounds have gone through filters.

        Parameters
        ----------
        asked : Asked
            One example.
        style, content : callable
            From frequencies in Hz to gain in dB: of style and target, and of the content.

        Returns
        -------
        Asked
            What would have been asked; what the listener hears is taken to be the same.
        """
        fundamentals = self.network.fundamental_hz(asked.tokens)[:, None]
        features, partials, clean, noise = torch.split(asked.tokens, _WIDTHS, dim=1)
        filtered, hiss = partials + style(fundamentals * self.network.numbers), style(self.noise_hz)
        # Levels are relative to the strength of their note, which is filtered as well.
        stronger = _gained_db(partials, filtered, (1,))
        known = features, filtered - stronger, clean, noise + hiss - stronger
        whole = style(self.band_hz)
        louder = _gained_db(asked.quantiles[2], asked.quantiles[2] + whole, (0,))
        target, heard = (
            asked.target + whole[:, None],
            asked.content + content(self.band_hz)[:, None],
        )
        return asked._replace(
            tokens=torch.cat(known, dim=1),
            target=target - _gained_db(asked.target, target, (0, 1)),
            content=heard - _gained_db(asked.content, heard, (0, 1)),
            floor=asked.floor + hiss - louder,
            quantiles=asked.quantiles + whole - louder,
        )

    def _two_vectors(self, tokens: Tensor) -> list[Tensor]:
        """Timbre vectors of two halves of a style's note frames, drawn by chance."""
        halves = torch.randperm(len(tokens)).chunk(2)
        if len(halves) < 2:
            halves = (halves[0], halves[0])
        return [
            self.network.style(*torch.split(tokens[half], _WIDTHS, dim=1))[1] for half in halves
        ]

    def validate(self, batches: list[Tensor], share: float) -> dict[str, float]:  # noqa: ARG002
        """RMS difference in dB over time and its mean over bands, refined and not.

        Parameters
        ----------
        batches : list of torch.Tensor
            As in `forward`.
        share : float
            Not used.

        Returns
        -------
        dict of str to float
            Names and values.
        """
        found: list[tuple[float, float]] = []
        with torch.no_grad():
            for batch in batches:
                for packed in batch:
                    asked = self.unpacked(packed)
                    true = torch.exp(asked.target / DB)
                    drawn, refined = self.said(asked)
                    found.append((rms_apart_db(drawn, true), rms_apart_db(refined, true)))
        drawn, refined = np.mean(found, axis=0)
        return {"lsd": float(refined), "lsd_player": float(drawn)}


def _contrast(vectors: Tensor) -> Tensor:
    """Each vector must know the other half of its own style among all others (van den Oord 2018).

    Rows 2 i and 2 i + 1 belong together.
    """
    unit = functional.normalize(vectors, dim=1)
    likeness = unit @ unit.t() / 0.1
    likeness = likeness - torch.diag(torch.full((len(unit),), 1e4))
    return functional.cross_entropy(likeness, torch.arange(len(unit)) ^ 1)


def _gained_db(before: Tensor, after: Tensor, dims: tuple[int, ...]) -> Tensor:
    """By how much the power of levels has grown."""
    grown = torch.logsumexp(after / DB, dims, True) - torch.logsumexp(before / DB, dims, True)
    return DB * grown


def _random_filter(spread_db: float) -> Filter:
    """Gain in dB of frequencies in Hz: a few slow waves over the octaves."""
    waves = torch.arange(1, 7)
    depth = spread_db * torch.randn(len(waves)) / waves**0.7
    begins = torch.rand(len(waves))

    def gain_db(hz: Tensor) -> Tensor:
        place = torch.log2(hz.clamp_min(_LOWEST_HZ) / _LOWEST_HZ) / _OCTAVES
        return (depth * torch.cos(math.pi * (waves * place[..., None] + 2 * begins))).sum(dim=-1)

    return gain_db
