"""From one groove to another through the latent space of a small variational autoencoder.

Two latent vectors for each window of whole bars: one of the hits, one of the performance
(velocities and offsets, given the hits), after the split of Gillick et al. 2019's GrooVAE into
score and performance. Trained by `cambiata.train.tasks.groove`; needs ONNX Runtime alone.
"""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cambiata.errors import InputError
from cambiata.groove.grid import N_DRUMS, STRAIGHT, Groove, Hit, Strike, drum_pitch
from cambiata.groove.matching import (
    HitPair,
    between,
    match_hits,
    regrid,
    strike,
    strike_duration,
    thresholds,
)
from cambiata.groove.system import GrooveAmounts, GrooveSystem
from cambiata.weights import load_model

Array = npt.NDArray[np.float32]

N_STEPS = 32
"""Sixteenths of a window: two bars of 4/4; shorter bars are filled up with silence."""
# How surely an end's own hits are struck there: a logit, of probability 0.73. More: an end's hits
# hold on longer along the line.
_LOGIT_MARGIN = 1.0
# Points of the latent line at which the share of changed hits is measured, a hundredth apart: an
# amount is met within one of them. Each costs a run of the hits' decoder.
_N_PATH_POINTS = 101
_TIE_BREAK = 1e-6  # less than any difference of shares (one hit of a few thousand)
_ADDED_DURATION = 0.125  # quarter notes: of hits that neither groove has, half a sixteenth


def split_windows(groove: Groove) -> list[range]:
    """Bars of each window that the autoencoder can hold, as many as fit in `N_STEPS`."""
    windows, first = [], 0
    for bar, metre in enumerate(groove.metres):
        if metre.bar * STRAIGHT > N_STEPS:
            raise InputError(
                groove.name,
                f"is in {metre}, whose bars are too long for vae",
                "use the system exact",
            )
        if (groove.bar_starts[bar + 1] - groove.bar_starts[first]) * STRAIGHT > N_STEPS:
            windows.append(range(first, bar))
            first = bar
    return [*windows, range(first, groove.n_bars)]


def encode_windows(groove: Groove, windows: list[range]) -> tuple[Array, Array, Array]:
    """Hits, velocities and offsets of windows on the grid of sixteenths, each [B, 32, 9]."""
    stacked = np.zeros((3, len(windows), N_STEPS, N_DRUMS), np.float32)
    groove_arrays = np.stack(groove.arrays(straight=True))
    for i, bars in enumerate(windows):
        first, last = (round(groove.bar_starts[at] * STRAIGHT) for at in (bars[0], bars[-1] + 1))
        stacked[:, i, : last - first] = groove_arrays[:, first:last]
    return stacked[0], stacked[1], stacked[2]


class LatentInterpolation(GrooveSystem):
    """Interpolator through the latent space of an autoencoder, exact at both ends.

    Latent vectors move in a straight line. The decoders' errors at the ends are corrected, and the
    corrections fade with distance: to the logits of hits, as much as makes an end's own hits come
    out at that end; to velocities and offsets, what each played note differs from its decoding. So
    at 0 the notes are A's and at 1 B's whatever the network knows, and between them the network
    decides in which order hits change, which ones of neither groove are struck on the way, and how
    notes bend. The place on the line is the one at which the share of changed hits is nearest to
    the amount. Unlike in `Interpolation`, a hit may come and go again.
    """

    name: ClassVar[str] = "vae"
    summary: ClassVar[str] = "the same through small latent spaces of hits and of performance"
    paper: ClassVar[str] = "this project, after Gillick et al. 2019"
    trained: ClassVar[bool] = True
    weights_licence: ClassVar[str] = "Apache-2.0"

    def __init__(self, a: Groove, b: Groove, weights: str = "groove") -> None:
        self.a, self.b = a, b
        model = load_model(weights, "groove")
        self._decode_hits = model.part("decode_hits")
        self._decode_performance = model.part("decode_performance")
        self._windows = split_windows(a)
        self._window = {
            bar: (i, round((a.bar_starts[bar] - a.bar_starts[bars[0]]) * STRAIGHT))
            for i, bars in enumerate(self._windows)
            for bar in bars
        }
        self.pairs = match_hits(a, b, straight=True)
        self._thresholds = thresholds(a, b, self.pairs)
        ends = [encode_windows(groove, self._windows) for groove in (a, b)]
        self._ends = [hits > 0.5 for hits, _, _ in ends]
        self._hit_latents = [_flat(model.part("")(_flat(hits))[0]) for hits, _, _ in ends]
        self._performance_latents = [
            _flat(model.part("encode_performance")(*(_flat(x) for x in end))[0]) for end in ends
        ]
        self._logit_corrections = [self._correction(end) for end in (0, 1)]
        self._path = self._measure_path()
        self._pitches = Counter((hit.drum, hit.pitch) for hit in (*a.hits, *b.hits))

    @classmethod
    def between(
        cls, a: Groove, b: Groove, drummer: Sequence[Groove], weights: str
    ) -> "LatentInterpolation":
        """The interpolator from A to B; of a drummer it knows the nearest phrases alone."""
        del drummer
        return cls(a, b, weights)

    def _correction(self, end: int) -> Array:
        """Differences that make an end's logits say its own hits [B, 288]."""
        logits = self._decode_hits(self._hit_latents[end])[0]
        own_hits = _flat(self._ends[end])
        correction = np.where(
            own_hits, np.maximum(0, _LOGIT_MARGIN - logits), np.minimum(0, -_LOGIT_MARGIN - logits)
        )
        return correction.astype(np.float32)

    def _hits(self, place: float) -> npt.NDArray[np.bool_]:
        """Hits at a place on the latent line [B, 32, 9]."""
        logits = self._decode_hits(_between_latents(self._hit_latents, place))[0]
        return (logits + _between_latents(self._logit_corrections, place) > 0).reshape(
            -1, N_STEPS, N_DRUMS
        )

    def _measure_path(self) -> npt.NDArray[np.float64]:
        """Share of changed hits at each of `_N_PATH_POINTS` places [101]."""
        a, b = self._ends
        path = []
        for place in np.linspace(0, 1, _N_PATH_POINTS):
            hits = self._hits(float(place))
            n_changed, n_to_change = np.count_nonzero(hits != a), np.count_nonzero(hits != b)
            path.append(n_changed / (n_changed + n_to_change) if n_changed + n_to_change else place)
        return np.array(path, np.float64)

    def _path_point(self, amount: float) -> float:
        """The place on the latent line whose share of changed hits is nearest to an amount."""
        points = np.linspace(0, 1, _N_PATH_POINTS)
        # Of places with equal shares the one that lies nearest, so that ends are ends.
        distance = np.abs(self._path - amount) + _TIE_BREAK * np.abs(points - amount)
        return float(points[int(np.argmin(distance))])

    def at(self, amounts: GrooveAmounts) -> tuple[Strike, ...]:
        """The groove that lies some part of the way."""
        hits = self._hits(self._path_point(amounts.hits))
        velocity = self._decoded_performance(hits, amounts.velocity, 0, 127.0)
        offset = self._decoded_performance(hits, amounts.timing, 1, 1 / STRAIGHT)
        remaining = hits.copy()
        strikes = []
        for pair, threshold in zip(self.pairs, self._thresholds, strict=True):
            at = self._cell_of(pair)
            if at is not None:
                remaining[at] = False
                both = self._ends[0][at] and self._ends[1][at]
                if not hits[at]:
                    continue
                # Of what is on one cell only one side is alone where both have hits there.
                hit = (pair.b if amounts.hits > threshold else pair.a) if both else pair.any_hit
            else:
                hit = pair.b if amounts.hits > threshold else pair.a
            if hit is None:
                continue
            strikes.append(self._strike(pair, hit, amounts, at, velocity, offset))
        strikes += self._added_strikes(remaining, amounts, velocity, offset)
        return tuple(sorted(strikes))

    def _cell_of(self, pair: HitPair) -> tuple[int, int, int] | None:
        """The cell of a pair; None for drums that are none of the nine."""
        hit = pair.any_hit
        if hit.drum >= N_DRUMS:
            return None
        window, first = self._window[hit.bar]
        return window, first + (self.a if pair.a else self.b).cell(hit), hit.drum

    def _decoded_performance(
        self, hits: npt.NDArray[np.bool_], amount: float, which: int, scale: float
    ) -> tuple[Array, Array, Array]:
        """Velocities (`which` 0) or offsets (1) at the amount and at both ends [B, 32, 9]."""
        hit_vector = _flat(hits)

        def decode(place: float) -> Array:
            decoded: Array = self._decode_performance(
                _between_latents(self._performance_latents, place), hit_vector
            )[which]
            return decoded.reshape(-1, N_STEPS, N_DRUMS) * np.float32(scale)

        return decode(amount), decode(0.0), decode(1.0)

    def _strike(
        self,
        pair: HitPair,
        hit: Hit,
        amounts: GrooveAmounts,
        at: tuple[int, int, int] | None,
        velocity: tuple[Array, Array, Array],
        offset: tuple[Array, Array, Array],
    ) -> Strike:
        a, b = pair.a, pair.b
        velocities = [float(each.velocity) for each in (a, b) if each is not None]
        places = [each.onset for each in (a, b) if each is not None]
        if a is not None and b is None:
            places.append(a.onset + regrid(a, self.a, self.b) - a.step / self.a.steps_per_quarter)
        elif a is None and b is not None:
            moved = regrid(b, self.b, self.a) - b.step / self.b.steps_per_quarter
            places.insert(0, b.onset + moved)
        velocity_now = between(velocities[0], velocities[-1], amounts.velocity)
        place_now = between(places[0], places[-1], amounts.timing)
        if at is not None:
            # A note of one groove alone differs from its decoding at that groove's end.
            end = None if a is not None and b is not None else 0.0 if b is None else 1.0
            velocity_now += _decoding_residual(
                velocity, at, amounts.velocity if end is None else end
            )
            place_now += _decoding_residual(offset, at, amounts.timing if end is None else end)
        begin = self.a.bar_starts[hit.bar]
        return strike(begin, hit, velocity_now, place_now, strike_duration(pair, amounts.timing))

    def _added_strikes(
        self,
        remaining: npt.NDArray[np.bool_],
        amounts: GrooveAmounts,
        velocity: tuple[Array, Array, Array],
        offset: tuple[Array, Array, Array],
    ) -> list[Strike]:
        """Strikes of hits that neither groove has."""
        bars = {
            (window, first + cell): (bar, cell)
            for bar, (window, first) in self._window.items()
            for cell in range(int(self.a.metres[bar].bar * STRAIGHT))
        }
        strikes = []
        for window, step, drum in zip(*np.nonzero(remaining), strict=True):
            if (int(window), int(step)) not in bars:  # the silence that fills a window up
                continue
            bar, cell = bars[int(window), int(step)]
            pitches = [(n, pitch) for (own, pitch), n in self._pitches.items() if own == drum]
            pitch = max(pitches)[1] if pitches else drum_pitch(int(drum))
            straight = Groove(self.a.metres, STRAIGHT, ())
            hit = Hit(bar, cell, cell / STRAIGHT, _ADDED_DURATION, pitch, 1)
            ends = [regrid(hit, straight, groove) for groove in (self.a, self.b)]
            place = between(ends[0], ends[1], amounts.timing)
            at = window, step, drum
            place += float(offset[0][at])
            strikes.append(
                strike(self.a.bar_starts[bar], hit, float(velocity[0][at]), place, hit.duration)
            )
        return strikes


def _decoding_residual(
    decodings: tuple[Array, Array, Array], at: tuple[int, int, int], amount: float
) -> float:
    """Difference of a decoding from the straight line between those of the ends."""
    now, first, last = (float(x[at]) for x in decodings)
    return now - between(first, last, amount)


def _between_latents(ends: list[Array], place: float) -> Array:
    """Vectors at a place on the straight line between two; at its ends exactly these."""
    first, last = ends
    if place in (0.0, 1.0):
        return last if place else first
    return ((1 - place) * first + place * last).astype(np.float32)


def _flat(array: npt.NDArray[np.float32] | npt.NDArray[np.bool_]) -> Array:
    return array.reshape(len(array), -1).astype(np.float32)
