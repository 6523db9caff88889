"""One-shot timbre transfer with a vector-quantised autoencoder (Cífka et al. 2021)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Magnitude, Samples, Spectrum
from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import invert_part_way
from cambiata.system import Progress, TransferConfig, TransferSystem
from cambiata.weights import load_model

SAMPLE_RATE_HZ = 16000
# 125 ms Hann windows every 31.25 ms, as published.
STFT = Stft(n_fft=2048, hop_length=500, window="hann", win_length=2000)

# Length of the clips that the style encoder was trained on.
_STYLE_CLIP_S = 8.0
# The most that a soft sound is raised to the network's level: near silence more would only show it
# rounding noise.
_MAX_GAIN_DB = 80.0
# Bound of ln(1 + |X|), far above any music at the network's level: only keeps exp from overflowing.
_CLIP_MAX = 20.0


@dataclass(frozen=True)
class VqVaeConfig(TransferConfig):
    """Settings of `VqVae`."""

    sample_rate: int = SAMPLE_RATE_HZ  # the only one that the network takes
    chunk_s: float = 10.0  # near the 8 s that it was trained on
    weights: str = "vqvae"  # shipped ones by name, or a path (``cambiata train export``)
    phase_iterations: int = 32  # Griffin-Lim projections, as everywhere (`audio.vocoder.invert`)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sample_rate != SAMPLE_RATE_HZ:
            raise ValueError(f"sample_rate must be {SAMPLE_RATE_HZ}: the network knows no other")
        if self.phase_iterations < 0:
            raise ValueError("phase_iterations must be at least 0")


class VqVae(TransferSystem[VqVaeConfig, npt.NDArray[np.float32]]):
    """One-shot timbre transfer by a network that splits sounds into codes and a style vector.

    Cífka, Ozerov, Şimşekli, Richard: "Self-Supervised VQ-VAE for One-Shot Music Style Transfer",
    ICASSP 2021. A content becomes eight codes a second out of 2048 (at most 88 bits a second, so
    that its timbre does not fit through), a style one vector; a decoder makes a spectrogram of
    both. Works at 16 kHz: the result has nothing above 8 kHz.

    We differ in these: sounds are brought to one level before the network, whose output otherwise
    depends on their gain; phases start from phase-gradient integration instead of chance; a style
    longer than 8 s is encoded in clips of 8 s whose vectors are averaged. The card of our weights
    (docs/models/vqvae.md) says what they were trained on.

    `amount` between 0 and 1 morphs from the content's spectrogram to the full transfer's, in dB
    and bin by bin (`cambiata.audio.vocoder.morph`); above the system's band the content fades out.
    """

    name: ClassVar[str] = "vqvae"
    summary: ClassVar[str] = "codes for the notes, a vector for the timbre; one-shot, 16 kHz"
    paper: ClassVar[str] = (
        "Cífka, Ozerov, Şimşekli, Richard: Self-Supervised VQ-VAE for One-Shot Music Style "
        "Transfer, 2021"
    )
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"
    presets: ClassVar[Mapping[str, VqVaeConfig]] = {
        "supervised": VqVaeConfig(),
        "self-supervised": VqVaeConfig(weights="vqvae-self-supervised"),
    }

    def __init__(self, config: VqVaeConfig) -> None:
        super().__init__(config)
        self._model = load_model(config.weights, self.name)
        self._level = 10 ** (float(self._model.about["level_db"]) / 20)

    @property
    def min_samples(self) -> int:
        """Samples of two codes, a quarter of a second."""
        return 8 * STFT.hop_length

    def capture(self, style: Samples) -> npt.NDArray[np.float32]:
        """Vector [D] of a style [T], the mean of its clips' vectors."""
        clip_samples = round(_STYLE_CLIP_S * SAMPLE_RATE_HZ)
        n_clips = max(1, round(len(style) / clip_samples))
        encode_style = self._model.part("style")
        vectors = []
        for clip in np.array_split(style, n_clips):
            if np.abs(clip).max() > 0:
                magnitude, _, _ = self._normalized_spectrogram(clip)
                vectors.append(encode_style(np.log1p(magnitude)[np.newaxis])[0][0])
        mean: npt.NDArray[np.float32] = np.mean(vectors, axis=0, dtype=np.float32)
        return mean

    def render(
        self,
        content: Samples,
        timbre: npt.NDArray[np.float32],
        *,
        amount: float,
        seed: int,
        progress: Progress,
    ) -> Samples:
        """Sound [T] of a content's codes, decoded with a style's vector [D]."""
        magnitude, gain, spectrum = self._normalized_spectrogram(content)
        progress(0.1)
        decoded = self._model.part("")(np.log1p(magnitude)[np.newaxis], timbre[np.newaxis])[0][0]
        progress(0.5)
        # In silence the network's output is a mean of what is possible, louder than what is likely;
        # by how much it is lowered was chosen in validation and is stored with the weights.
        log_magnitude = decoded - np.float32(self._model.about["lowered_by"])
        result = (np.expm1(np.clip(log_magnitude, 0, _CLIP_MAX)) / gain).astype(np.float32)
        sound = invert_part_way(
            spectrum,
            result,
            STFT,
            content.shape[0],
            amount=amount,
            iterations=self.config.phase_iterations,
            seed=seed,
        )
        progress(1.0)
        return sound

    def codes(self, content: Samples) -> npt.NDArray[np.int64]:
        """Codes of a content [T], eight a second: all that the decoder is given of it."""
        magnitude, _, _ = self._normalized_spectrogram(content)
        zero_style = np.zeros((1, int(self._model.about["width"])), np.float32)
        codes: npt.NDArray[np.int64]
        codes = self._model.part("")(np.log1p(magnitude)[np.newaxis], zero_style)[1][0]
        return codes

    def _normalized_spectrogram(self, sound: Samples) -> tuple[Magnitude, float, Spectrum]:
        """Magnitudes at the level of the network's training, the gain to it, and the spectrum."""
        rms = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
        gain = min(self._level / max(rms, 1e-12), 10 ** (_MAX_GAIN_DB / 20))
        spectrum = STFT.analyse(sound)
        return np.abs(spectrum) * np.float32(gain), gain, spectrum
