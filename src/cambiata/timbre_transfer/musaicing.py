"""Let it Bee: the content rebuilt from the style's own spectral frames (Driedger et al. 2015)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Magnitude, Samples, Spectrum
from cambiata.audio.source import resample
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert, morph
from cambiata.errors import InputError
from cambiata.system import Progress, TransferConfig, TransferSystem

Activations = npt.NDArray[np.float32]
"""Strength of each of K templates in each of N content frames, [N, K]."""

# Silence between transposed copies of the style: wider than the diagonals that are supported (7
# frames by default), so that none runs from one copy into the next.
_COPY_GAP_FRAMES = 10
# Digital silence after a change of rate; the noise of a quiet room is louder.
_SILENCE_AMPLITUDE = 1e-6
# A note left to ring falls by 40 dB a second beyond what the style does itself: a choice, not a
# measurement; nearer to 1 it rings longer.
_RING_DECAY_PER_S = 1e-2


@dataclass(frozen=True)
class MusaicingConfig(TransferConfig):
    """Settings of `Musaicing`; lengths in samples are at `sample_rate`."""

    n_fft: int = 4096  # window of 93 ms, as published (2048 at 22.05 kHz)
    hop_length: int = 1024  # a quarter of the window, as published
    iterations: int = 60  # updates of the activations
    # Updates at the end that only fit the strengths of what the constraints have left. 0 is as
    # published; 1 brings the divergence below that of the public script, whose diagonals are a
    # frame shorter and whose frames have a template more (benchmarks/README.md).
    settling: int = 1
    # Constraints as published: the frames within which a template should sound only once,
    # the templates that may sound at once, and half the length in frames of supported diagonals.
    repetition: int = 7
    polyphony: int = 10
    continuity: int = 3
    pitch_shift: int = 0  # the style is also used transposed by up to so many semitones
    phase_iterations: int = 30  # Griffin-Lim projections after the templates' own phases

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.stft  # raises where the hop does not divide the window
        if min(self.iterations, self.repetition, self.polyphony) < 1 or self.continuity < 0:
            raise ValueError("iterations, repetition and polyphony start at 1, continuity at 0")
        if not 0 <= self.settling < self.iterations:
            raise ValueError("settling must be at least 0 and less than iterations")
        if not 0 <= self.pitch_shift <= 24:
            raise ValueError("pitch_shift must be 0 to 24 semitones")
        if self.phase_iterations < 0:
            raise ValueError("phase_iterations start at 0")

    @property
    def stft(self) -> Stft:
        """Transform of content, style and result."""
        return Stft(self.n_fft, self.hop_length, "blackman")


class Musaicing(TransferSystem[MusaicingConfig, Spectrum]):
    """Audio mosaicing by constrained non-negative matrix factorisation.

    Driedger, Praetzlich, Mueller: "Let it Bee: towards NMF-inspired audio mosaicing", ISMIR 2015.
    The style's spectrogram frames are templates W; activations H are fitted so that W H resembles
    the content's spectrogram V in the Kullback-Leibler sense, while repeated activations and those
    beyond a polyphony are damped more and more and activations along diagonals (the style's own
    order in time) are supported (section 3). The result is the templates' complex frames times H,
    its phases refined by Griffin-Lim.

    The preset "driedger2015" has the published settings. The default differs in this: the last
    iteration is spared the constraints (`settling`), and the band is full, 44.1 kHz instead of
    22.05 kHz with windows equal in seconds. In every preset the transposed copies of the style (an
    option that the public script and the SS-VQ-VAE paper's baseline have, +-6 semitones there)
    are made by resampling, which keeps every frame a sound that was recorded, where they use a
    time-stretching pitch shifter; and where the content ends in digital silence, its last frame
    goes on along its diagonals, so that ``tail_s`` lets notes ring.

    `amount` between 0 and 1 morphs from the content's spectrum to the mosaic's, magnitudes in dB
    and bin by bin (`cambiata.audio.vocoder.morph`), starting from the phases in between: where the
    style has the content's pitches, partials meet and the timbre moves, not the mix.
    """

    name: ClassVar[str] = "musaicing"
    summary: ClassVar[str] = "rebuilds the content from the style's own moments; no training"
    paper: ClassVar[str] = "Driedger, Prätzlich, Müller: Let it Bee, ISMIR 2015"
    presets: ClassVar[Mapping[str, MusaicingConfig]] = {
        "full-band": MusaicingConfig(),
        "driedger2015": MusaicingConfig(sample_rate=22050, n_fft=2048, hop_length=512, settling=0),
        # Thirteen copies of a style cost thirteen times the memory and the time: hence less of it.
        "shifted": MusaicingConfig(pitch_shift=6, style_s=30.0),
        "cifka2021": MusaicingConfig(
            sample_rate=16000,
            n_fft=2048,
            hop_length=512,
            settling=0,
            pitch_shift=6,
            style_s=30.0,
        ),
    }

    @property
    def min_samples(self) -> int:
        """One analysis window."""
        return self.config.n_fft

    def capture(self, style: Samples) -> Spectrum:
        """Complex templates [F, K]: frames of the style [T] and of its transposed copies."""
        stft, reach = self.config.stft, self.config.pitch_shift
        gap = np.zeros((_COPY_GAP_FRAMES, stft.n_bins), np.complex64)
        rows: list[Spectrum] = []
        for semitones in range(-reach, reach + 1):
            # Read faster by this ratio, the style is higher by so many semitones.
            ratio = 2 ** (semitones / 12)
            rows += [gap, stft.analyse(resample(style, ratio, 1.0)).T]
        templates = np.concatenate(rows[1:])
        if not np.abs(templates).max() > 0:
            raise InputError("style", "is silent", "choose a recording with sound")
        return templates.T

    def render(
        self,
        content: Samples,
        timbre: Spectrum,
        *,
        amount: float,
        seed: int,
        progress: Progress,
    ) -> Samples:
        """Mosaic [T] of a content [T] from the templates [F, K]."""
        stft = self.config.stft
        nonsilent = np.flatnonzero(np.abs(content) > _SILENCE_AMPLITUDE)
        end = int(nonsilent[-1]) + 1 if nonsilent.size else 0
        spectrum = stft.analyse(self._mirror_end(content, end))
        activations = activate(
            np.abs(spectrum),
            np.abs(timbre),
            self.config,
            seed=seed,
            progress=lambda share: progress(0.9 * share),  # the rest is for the phases
        )
        last = min(end // self.config.hop_length, activations.shape[0] - 1)
        self._extend_diagonals(activations, last)
        # Two real products cost half of a complex one.
        mosaic = np.empty((activations.shape[0], stft.n_bins), np.complex64)
        mosaic.real = activations @ timbre.T.real
        mosaic.imag = activations @ timbre.T.imag
        self._fade_ring(mosaic, last)
        if last + 1 < len(mosaic):
            spectrum[:, last + 1 :] = 0
        # Templates out of phase with one another partly cancel (10 dB is usual): their sum is
        # brought to the content's energy, so that a morph is between sounds of equal level.
        energy = float(np.linalg.norm(mosaic))
        if energy > 0:
            mosaic *= np.float32(np.linalg.norm(spectrum) / energy)
        magnitude, phase = morph(spectrum, mosaic.T, amount)
        result = invert(
            magnitude,
            stft,
            content.shape[0],
            phase=phase,
            iterations=self.config.phase_iterations,
        )
        progress(1.0)
        return result

    def _mirror_end(self, content: Samples, end: int) -> Samples:
        """Content [T], mirrored for half a window into the silence after its end.

        A note cut off by silence has the spectrum of an attack in the frames across the cut.
        """
        reach = min(self.config.n_fft // 2, content.shape[0] - end, end)
        if reach == 0:
            return content
        mirrored = content.copy()
        mirrored[end : end + reach] = content[end - reach : end][::-1]
        return mirrored

    def _extend_diagonals(self, activations: Activations, last: int) -> None:
        """Continue the activations of the last sounding frame along their diagonals, in place."""
        for n in range(last + 1, activations.shape[0]):
            activations[n] = 0
            activations[n, 1:] = activations[n - 1, :-1]

    def _fade_ring(self, mosaic: Spectrum, last: int) -> None:
        """Let what rings in a mosaic [N, F] fall steadily after the last frame, in place.

        The template after a template may be the attack of another note: no frame may be louder
        than the one before it.
        """
        decay = _RING_DECAY_PER_S ** (self.config.hop_length / self.config.sample_rate)
        levels = np.linalg.norm(mosaic[last:], axis=1)
        level_limits = levels[0] * decay ** np.arange(len(levels))
        gain = np.minimum(decay ** np.arange(len(levels)), level_limits / np.maximum(levels, 1e-30))
        mosaic[last:] *= gain[:, None].astype(np.float32)


def activate(
    content: Magnitude,
    templates: Magnitude,
    config: MusaicingConfig,
    *,
    start: Activations | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Activations:
    """Activations [N, K] under which templates [F, K] resemble a content [F, N].

    Driedger et al. 2015, section 3: per iteration repetition, polyphony and continuity, then the
    multiplicative Kullback-Leibler update of Lee & Seung with templates fixed; damping grows
    linearly to removal, and `settling` iterations follow without constraints. Activations start as
    uniform noise where `start` is not given.
    """
    target = np.ascontiguousarray(content.T, np.float32)  # [N, F]
    template_frames = np.ascontiguousarray(templates.T, np.float32)  # [K, F]
    n_frames, n_templates = target.shape[0], template_frames.shape[0]
    template_sums = template_frames.sum(axis=1)
    template_sums[template_sums == 0] = 1
    if start is None:
        start = np.random.default_rng(seed).random((n_frames, n_templates), np.float32)
    H = start.copy()
    n_constrained = config.iterations - config.settling
    for i in range(config.iterations):
        if i < n_constrained:
            damping = np.float32(1 - (i + 1) / n_constrained)
            H = _damp_repetitions(H, config.repetition, damping)
            _restrict_polyphony(H, config.polyphony, damping)
            H = _sum_diagonals(H, config.continuity)
        model = H @ template_frames
        model[model == 0] = 1
        np.divide(target, model, out=model)
        H *= model @ template_frames.T
        H /= template_sums
        if progress:
            progress((i + 1) / config.iterations)
    return H


def _damp_repetitions(H: Activations, width: int, damping: np.float32) -> Activations:
    """Damp what is not the largest of its template within a window of frames."""
    before, after = width // 2, (width - 1) // 2
    padded = np.pad(H, ((before, after), (0, 0)))
    # The running maximum by doubling: three passes for the usual width of seven.
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        padded = np.maximum(padded[: len(padded) - step], padded[step:])
        reach += step
    return np.where(padded > H, damping * H, H)


def _restrict_polyphony(H: Activations, polyphony: int, damping: np.float32) -> None:
    """Damp, in place, all but the `polyphony` largest of each frame."""
    n_templates = H.shape[1]
    if n_templates <= polyphony:
        return
    rank = n_templates - polyphony
    cutoff = np.partition(H, rank, axis=1)[:, rank : rank + 1]
    np.multiply(H, damping, out=H, where=cutoff > H)


def _sum_diagonals(H: Activations, reach: int) -> Activations:
    """Sum of each activation's diagonal neighbours, `reach` frames to both sides."""
    if not reach:
        return H
    n_frames, n_templates = H.shape
    width = n_templates + 2 * reach
    padded = np.zeros((n_frames + 2 * reach, width), np.float32)
    padded[reach:-reach, reach:-reach] = H
    # One frame and one template further is one fixed step along the flattened array.
    flat, step = padded.reshape(-1), width + 1
    out = np.zeros((n_frames, width), np.float32)
    flat_out = out.reshape(-1)
    n = n_frames * width - 2 * reach  # the last row's right margin would run past the end
    for i in range(2 * reach + 1):
        flat_out[:n] += flat[i * step : i * step + n]
    return np.ascontiguousarray(out[:, :n_templates])


def kullback_leibler(target: Magnitude, model: Magnitude) -> float:
    """Generalised Kullback-Leibler divergence of two spectrograms, the objective of `activate`."""
    v, m = target.astype(np.float64), model.astype(np.float64)
    ratio = np.divide(v, m, out=np.ones_like(v), where=m > 0)
    # The floor only keeps log(0) away where v is 0 and the term vanishes.
    return float(np.sum(v * np.log(np.maximum(ratio, 1e-10)) - v + m))
