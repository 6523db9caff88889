"""Networks that predict partials and noise of note frames, and correct what is rendered of them.

`cambiata.partials.predictor` runs them from ONNX files; ``oneshot``, ``player`` and ``translation``
are made of them.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from cambiata.partials.note_frames import FEATURES, N_FEATURES, N_NOISE, N_PARTIALS, RELEASED

# Widths of a token's parts: features, partials, mask and noise of a style's note frame.
TOKEN_WIDTHS = [N_FEATURES, N_PARTIALS, N_PARTIALS, N_NOISE]

# The sizes and scalings of this file were chosen by hand, and the shipped weights belong to them.
_KEY_WIDTH, _KEY_HIDDEN, _QUERY_HIDDEN = 16, 256, 128  # of each head; of all heads together
_PITCH, _LOG_AGE = FEATURES.index("pitch"), FEATURES.index("log_age")
# How fast the attention of each head falls at the beginning of the training, per octave and per
# unit of log age: near moments first, at four rates and two.
_SLOPES = (1.0, 3.0, 8.0, 16.0, 1.0, 3.0, 8.0, 16.0), (2.0,) * 4 + (8.0,) * 4
# A frame after the offset is as far from one before it as ages that differ by e^3 are.
_RELEASE_DISTANCE = 3
# Weight of a partial that is not the note's own at all: where no attended frame owns it, it is
# their plain mean.
_LEAST_MASK = 0.02
# Attended partials are trusted over envelopes from a mask of a quarter on; 8 makes it a soft step.
_TRUSTED_MASK, _TRUST_SLOPE, _TRUST_BIAS_SCALE = 0.25, 8, 4
# Envelopes over frequency, in which partials are looked up that notes of other pitches have: 40
# points from 50 Hz to 18 kHz, 4.6 an octave.
_N_ENVELOPE, LOWEST_HZ, HIGHEST_HZ = 40, 50.0, 18000
N_OCTAVES = math.log2(HIGHEST_HZ / LOWEST_HZ)
_BELOW_FIRST = 0.9  # of the fundamental: further below there is nothing to read
# Levels in dB go in as units of 40 and come out as units of 30, which makes both about 1. Without
# attention partials begin at -6 dB an octave, and noise at -60 dB.
_DB_IN, _DB_OUT = 40, 30
_TILT_DB, _NOISE_BIAS_DB = -6, -60
_BACKGROUND_HIDDEN, _BACKGROUND_BIAS = 128, -1 / 3  # it begins 10 dB below the style's quiet level

# The refiner takes -80 to 30 dB as -1 to 1.75, and gives gains in units of 20 dB.
_REFINER_RANGE_DB, _REFINER_DB = (-80, 30), 20
_NEPERS_PER_UNIT = 9.21  # of power, in 40 dB
_N_CELLS = 11  # channels that the refiner is given, see its forward
_RESIDUAL_BIAS = -3.0  # the residual begins at -80 dB, inaudibly


class PartialsPredictor(nn.Module):
    """Partials and noise of note frames, from those measured of a style's note frames."""

    def __init__(
        self, width: int = 384, n_heads: int = 8, n_timbre: int = 64, attends: bool = True
    ) -> None:
        super().__init__()
        self.n_heads, self.n_timbre, self.attends = n_heads, n_timbre, attends
        self.token_encoder = nn.Sequential(
            nn.Linear(sum(TOKEN_WIDTHS), _KEY_HIDDEN),
            nn.ReLU(),
            nn.Linear(_KEY_HIDDEN, n_heads * _KEY_WIDTH + n_timbre),
        )
        self.query_encoder = nn.Sequential(
            nn.Linear(N_FEATURES, _QUERY_HIDDEN),
            nn.ReLU(),
            nn.Linear(_QUERY_HIDDEN, n_heads * _KEY_WIDTH),
        )
        self.slopes = nn.Parameter(torch.tensor([slopes[:n_heads] for slopes in _SLOPES]))
        n_attended = n_heads * (N_PARTIALS + N_NOISE + 1)
        n_input = N_FEATURES + n_timbre + (n_attended if attends else 0)
        self.decoder = nn.Sequential(
            nn.Linear(n_input, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 2 * N_PARTIALS + N_NOISE + 2 * n_heads),
        )
        # It begins by giving what it attends to, uncorrected.
        nn.init.zeros_(self.decoder[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.decoder[-1].bias)  # type: ignore[arg-type]
        self.background = nn.Sequential(
            nn.Linear(n_timbre + N_NOISE, _BACKGROUND_HIDDEN),
            nn.ReLU(),
            nn.Linear(_BACKGROUND_HIDDEN, N_NOISE),
        )
        nn.init.zeros_(self.background[-1].weight)  # type: ignore[arg-type]
        nn.init.constant_(self.background[-1].bias, _BACKGROUND_BIAS)  # type: ignore[arg-type]
        harmonics = torch.arange(1.0, N_PARTIALS + 1)
        octaves = torch.arange(_N_ENVELOPE) / (_N_ENVELOPE - 1) * N_OCTAVES
        self.harmonics: Tensor
        self.register_buffer("harmonics", harmonics)
        self.envelope_hz: Tensor
        self.register_buffer("envelope_hz", LOWEST_HZ * 2**octaves)
        self.tilt_db: Tensor
        self.register_buffer("tilt_db", _TILT_DB * torch.log2(harmonics))

    def encode_style(
        self, features: Tensor, partials: Tensor, mask: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Keys [K, heads * 16] of a style's note frames, and its timbre vector [n_timbre].

        features, partials, mask, noise: [K, ...].
        """
        tokens = torch.cat([features, partials / _DB_IN, mask, noise / _DB_IN], dim=1)
        encoded = self.token_encoder(tokens)
        split = encoded.shape[1] - self.n_timbre
        return encoded[:, :split], encoded[:, split:].mean(dim=0)

    def forward(
        self, features: Tensor, partials: Tensor, mask: Tensor, noise: Tensor, queries: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Partials [Q, N_PARTIALS] and noise [Q, N_NOISE] in dB relative to each note's strength.

        features, partials, mask, noise: [K, ...]; queries: features of note frames [Q, N_FEATURES].
        """
        keys, timbre = self.encode_style(features, partials, mask, noise)
        timbre = timbre.expand(queries.shape[0], -1)
        if not self.attends:
            output = self.decoder(torch.cat([queries, timbre], dim=1))
            noise_db = _DB_OUT * output[:, N_PARTIALS : N_PARTIALS + N_NOISE] + _NOISE_BIAS_DB
            return _DB_OUT * output[:, :N_PARTIALS] + self.tilt_db, noise_db
        weight = self.attention(features, keys, queries)
        # A partial that no attended frame owns, or has at all, is read off the envelopes: what
        # notes of other pitches have at its frequency.
        envelopes, envelope_mask = self.envelopes(features, partials, mask)
        values = [
            mask,
            (_LEAST_MASK + mask) * partials,
            envelope_mask,
            (_LEAST_MASK + envelope_mask) * envelopes,
            noise,
        ]
        attended = torch.split(
            weight @ torch.cat(values, dim=1), [x.shape[1] for x in values], dim=2
        )
        owned, noise_db = attended[0], attended[4]
        attended_db = attended[1] / (_LEAST_MASK + owned)
        envelope_db = self.sample_envelopes(attended[3] / (_LEAST_MASK + attended[2]), queries)

        def mixed(bias: Tensor | float) -> Tensor:
            trust = torch.sigmoid(_TRUST_SLOPE * (owned - _TRUSTED_MASK) + bias)
            return envelope_db + trust * (attended_db - envelope_db)

        def by_query(x: Tensor) -> Tensor:
            return (x / _DB_IN).transpose(0, 1).flatten(1)

        ownership = owned.mean(dim=2).transpose(0, 1)
        inputs = [queries, timbre, by_query(mixed(0.0)), by_query(noise_db), ownership]
        widths = [N_PARTIALS, N_NOISE, N_PARTIALS, self.n_heads, self.n_heads]
        output = torch.split(self.decoder(torch.cat(inputs, dim=1)), widths, dim=1)
        gates, noise_gates = (torch.softmax(x, dim=1).t()[:, :, None] for x in output[3:])
        partials_db = (gates * mixed(_TRUST_BIAS_SCALE * output[2])).sum(dim=0)
        noise_db = (noise_gates * noise_db).sum(dim=0)
        return partials_db + _DB_OUT * output[0], noise_db + _DB_OUT * output[1]

    def attention(self, features: Tensor, keys: Tensor, queries: Tensor) -> Tensor:
        """Weights of the style's note frames for every query, [heads, Q, K]; sums over K are 1."""
        q = self.query_encoder(queries).view(-1, self.n_heads, _KEY_WIDTH).transpose(0, 1)
        k = keys.reshape(-1, self.n_heads, _KEY_WIDTH).transpose(0, 1)

        def distance(feature: int) -> Tensor:
            return (queries[:, None, feature] - features[None, :, feature]).abs()

        octaves = 2 * distance(_PITCH)  # a unit of the feature is two octaves
        ages = distance(_LOG_AGE) * 4 + _RELEASE_DISTANCE * distance(RELEASED)
        slopes = functional.softplus(self.slopes)
        logits = q @ k.transpose(1, 2) / math.sqrt(_KEY_WIDTH)
        logits = logits - slopes[0][:, None, None] * octaves - slopes[1][:, None, None] * ages
        return torch.softmax(logits, dim=2)

    def envelopes(self, features: Tensor, partials: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Levels over frequency, straight lines between partials, and masks, [K, _N_ENVELOPE]."""
        harmonic = self.envelope_hz / fundamental_hz(features)[:, None]
        place = (harmonic - 1).clamp(0.0, N_PARTIALS - 1.001)
        low = place.floor()
        share, index = place - low, low.long()
        below, above = partials.gather(1, index), partials.gather(1, index + 1)
        envelope_mask = torch.minimum(mask.gather(1, index), mask.gather(1, index + 1))
        inside = ((harmonic > _BELOW_FIRST) & (harmonic < N_PARTIALS)).float()
        return below + share * (above - below), envelope_mask * inside

    def sample_envelopes(self, envelopes: Tensor, queries: Tensor) -> Tensor:
        """Envelopes [heads, Q, _N_ENVELOPE] at the queries' partials, [heads, Q, N_PARTIALS]."""
        hz = fundamental_hz(queries)[:, None] * self.harmonics
        place = torch.log2(hz / LOWEST_HZ) / N_OCTAVES * (_N_ENVELOPE - 1)
        place = place.clamp(0.0, _N_ENVELOPE - 1.001)
        low = place.floor()
        index = low.long().expand(envelopes.shape[0], -1, -1)
        below, above = envelopes.gather(2, index), envelopes.gather(2, index + 1)
        return below + (place - low) * (above - below)

    def style_facts(
        self, features: Tensor, partials: Tensor, mask: Tensor, noise: Tensor, floor: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Background noise [N_NOISE] and timbre vector [n_timbre] of a style.

        features, partials, mask, noise: [K, ...]; floor: its quiet level [N_NOISE].
        """
        timbre = self.encode_style(features, partials, mask, noise)[1]
        return self.background_noise(timbre, floor), timbre

    def background_noise(self, timbre: Tensor, floor: Tensor) -> Tensor:
        """Noise that sounds throughout, in dB [N_NOISE]."""
        correction = self.background(torch.cat([timbre, floor / _DB_IN]))
        corrected: Tensor = floor + _DB_OUT * correction
        return corrected


def fundamental_hz(features: Tensor) -> Tensor:
    """Frequencies [M] of note frames, of whose features [M, N_FEATURES] the first is the pitch."""
    return 440 * torch.exp2((24 * features[:, _PITCH] + 64 - 69) / 12)


class Refiner(nn.Module):
    """Correction of rendered bands, seeing all of them: the same convolutions in every band."""

    def __init__(self, n_bands: int, n_timbre: int, width: int = 16) -> None:
        super().__init__()
        self.cell_conv = nn.Conv2d(_N_CELLS, width, 1)
        self.timbre_linear = nn.Linear(n_timbre, width)
        self.near_conv = nn.Conv2d(width, width, (5, 3), padding=(2, 1))
        self.wide_conv = nn.Conv2d(width, width, (3, 3), padding=(2, 2), dilation=2)
        self.hidden_conv = nn.Conv2d(width, 2 * width, 1)
        self.output_conv = nn.Conv2d(2 * width, 2, 1)
        nn.init.zeros_(self.output_conv.weight)
        with torch.no_grad():
            assert self.output_conv.bias is not None
            self.output_conv.bias.copy_(torch.tensor([0.0, _RESIDUAL_BIAS]))
        self.position: Tensor
        self.register_buffer("position", torch.linspace(-1, 1, n_bands)[:, None])

    def forward(
        self, rendered: Tensor, content: Tensor, quantiles: Tensor, timbre: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Gain of what was rendered, and level of the residual noise, in dB [bands, L].

        rendered, content: levels in dB [bands, L]; quantiles: of the style's levels [3, bands].
        """
        alone = content is rendered  # clamped twice, it is more than torch's exporter can write
        rendered = rendered.clamp(*_REFINER_RANGE_DB) / _DB_IN + 1
        content = rendered if alone else content.clamp(*_REFINER_RANGE_DB) / _DB_IN + 1
        mean_level = rendered.mean(dim=1, keepdim=True)
        powers = [_mean_power(rendered, 1), _mean_power(rendered, 0), _mean_power(content, 0)]
        style = quantiles.clamp(*_REFINER_RANGE_DB)[:, :, None] / _DB_IN + 1
        cells = [rendered, content]
        cells += [x.expand_as(rendered) for x in (mean_level, *powers, *style, self.position)]
        cells += [self.position.expand_as(rendered) ** 2]
        # Two bands and two frames at a time, for a quarter of the work: 46 ms are half of the
        # window that they are measured in.
        pairs = functional.avg_pool2d(torch.stack(cells)[None], 2, ceil_mode=True)
        x = functional.relu(self.cell_conv(pairs) + self.timbre_linear(timbre)[:, None, None])
        x = x + functional.relu(self.near_conv(x))
        x = x + functional.relu(self.wide_conv(x))
        output = self.output_conv(functional.relu(self.hidden_conv(x)))[0]
        whole = output.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        gain, residual = whole[:, : rendered.shape[0], : rendered.shape[1]]
        return _REFINER_DB * gain, _REFINER_DB * residual - _REFINER_DB


# Parts of a refiner, as the ONNX files that ship name them.
REFINER_FILE_NAMES = {
    "seen": "cell_conv",
    "style": "timbre_linear",
    "near": "near_conv",
    "around": "wide_conv",
    "thought": "hidden_conv",
    "said": "output_conv",
}


def _mean_power(scaled: Tensor, dim: int) -> Tensor:
    """Level of the mean power over bands or time, of levels in the refiner's units."""
    power = torch.exp(_NEPERS_PER_UNIT * (scaled - 1)).mean(dim=dim, keepdim=True)
    return torch.log(power) / _NEPERS_PER_UNIT + 1


class Discriminator(nn.Module):
    """Whether spectra are true, place by place.

    It learns while the networks that it judges learn to deceive it (Ganin & Lempitsky 2015: one
    loss, its gradient reversed for those judged), by least squares (Mao et al. 2017), so that there
    is something to learn from even where it is sure.
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

    def forward(self, estimate_db: Tensor, target_db: Tensor, weight: float) -> Tensor:
        """Loss of the discriminator; the gradient of what it judges is reversed and weighted."""
        reversed_db = (1 + weight) * estimate_db.detach() - weight * estimate_db
        estimate, target = (
            self.layers(x[None, None] / _DB_IN + 1) for x in (reversed_db, target_db)
        )
        loss: Tensor = ((estimate + 1) ** 2).mean() + ((target - 1) ** 2).mean()
        return loss
