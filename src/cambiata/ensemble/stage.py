"""Places of singers: a bow before the listener, in a room or in none."""

from dataclasses import dataclass

import numpy as np

from cambiata.arrays import Samples
from cambiata.reverb.image_source import SPEED_M_S, Point, Shoebox

# Sizes in metres and reverberation times: a rehearsal room, and a hall of 4,000 cubic metres (for
# choirs 1.5 to 2.2 s are liked, Barron 2009).
ROOMS = {
    "small": Shoebox.of_time((8.0, 6.5, 3.0), 0.5),
    "hall": Shoebox.of_time((26.0, 18.0, 9.0), 1.8),
}
_DISTANCE_M, _ROW_M = {"none": 3.0, "small": 2.6, "hall": 5.0}, 0.8
# Half of the bow's angle at spread 0.5, in degrees; at spread 1 singers stand all around the front.
_HALF_ANGLE = 40.0
_HEIGHT_M, _LISTENER_M = 1.6, 1.7
# Two microphones, as far apart as ears and turned outwards by 55 degrees (ORTF): cardioids, of
# which the room's own model has no directions.
_EARS_M, _TURNED = 0.17, np.radians(55.0)


@dataclass(frozen=True)
class Place:
    """Where a singer stands, seen from the listener."""

    angle: float  # degrees to the right of the middle
    distance_m: float


def places(parts: list[int], spread: float, room: str, rng: np.random.Generator) -> list[Place]:
    """A place for each singer, given the number of its part: parts stand together, left to right.

    Neighbours are in different rows, and nobody stands where another does.
    """
    n = len(parts)
    order = sorted(range(n), key=lambda i: (parts[i], i))
    half = min(90.0, 2 * spread * _HALF_ANGLE)
    found: list[Place] = [Place(0.0, _DISTANCE_M[room])] * n
    for place, i in enumerate(order):
        share = 0.0 if n == 1 else 2 * place / (n - 1) - 1
        jitter = rng.uniform(-0.35, 0.35) * 2 * half / max(1, n)
        row = (place % 2) * min(1.0, 2 * spread)
        distance_m = _DISTANCE_M[room] + _ROW_M * row + rng.uniform(0, 0.3) * spread
        found[i] = Place(float(np.clip(share * half + jitter, -90, 90)), distance_m)
    return found


def responses(stood: list[Place], room: str, sample_rate: int, seed: int) -> tuple[Samples, int]:
    """Responses [2, N, T] from every singer to two microphones, and when the first one arrives."""
    rows = [_response(place, room, sample_rate, seed) for place in stood]
    longest = max(row.shape[1] for row in rows)
    matrix = np.zeros((2, len(rows), longest), np.float32)
    for i, row in enumerate(rows):
        matrix[:, i, : row.shape[1]] = row
    nearest_m = min(place.distance_m for place in stood) - _EARS_M / 2
    return matrix, max(0, int(nearest_m / SPEED_M_S * sample_rate))


def _response(place: Place, room: str, sample_rate: int, seed: int) -> Samples:
    angle = np.radians(place.angle)
    gains = [0.5 + 0.5 * np.cos(angle + side * _TURNED) for side in (1, -1)]
    box = ROOMS.get(room)
    if box is None:
        return _direct(place, gains, sample_rate)
    length, width, _ = box.size_m
    # The listener is in the middle of the width, at a third of the length, and looks along it.
    middle = (length * 0.3, width / 2)
    x = middle[0] + place.distance_m * np.cos(angle)
    y = middle[1] - place.distance_m * np.sin(angle)
    source: Point = (
        float(np.clip(x, 0.3, length - 0.3)),
        float(np.clip(y, 0.3, width - 0.3)),
        _HEIGHT_M,
    )
    ears = [(middle[0], middle[1] + side * _EARS_M / 2, _LISTENER_M) for side in (1, -1)]
    response = box.response(source, ears, sample_rate, seed)
    # Behind the singer's own sound the room comes from all around: turned, it loses half as much.
    turned: Samples = response * np.sqrt(np.array(gains, np.float32))[:, None]
    return turned


def _direct(place: Place, gains: list[float], sample_rate: int) -> Samples:
    """Without a room: the direct sound alone."""
    taps = np.arange(-15, 17)
    rows = []
    for side, gain in zip((1, -1), gains, strict=True):
        # The left microphone lies nearer to who stands on the left.
        way_m = place.distance_m + side * _EARS_M / 2 * np.sin(np.radians(place.angle))
        at = way_m / SPEED_M_S * sample_rate
        row = np.zeros(int(at) + 40)
        offset = taps - (at - int(at))
        window = np.cos(np.pi / 2 * offset / 17) ** 2
        first = int(at) - 15
        taken = max(0, -first)
        tap = gain / place.distance_m * np.sinc(offset) * window
        row[first + taken : first + 32] += tap[taken:]
        rows.append(row)
    length = max(len(row) for row in rows)
    stacked: Samples = np.stack([np.pad(row, (0, length - len(row))) for row in rows])
    return stacked.astype(np.float32)
