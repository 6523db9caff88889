"""Hits of two grooves in pairs, the order in which they change, and values between the two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from cambiata.groove.grid import Groove, Hit, Strike, straighten, swing


@dataclass(frozen=True, slots=True)
class HitPair:
    """A hit of one groove and the one that it becomes in the other."""

    a: Hit | None  # None: it is added
    b: Hit | None  # None: it is dropped

    @property
    def any_hit(self) -> Hit:
        """A's hit, or B's where A has none."""
        any_hit = self.a or self.b
        assert any_hit is not None
        return any_hit


def match_hits(a: Groove, b: Groove, *, straight: bool = False) -> list[HitPair]:
    """Pairs of hits of two grooves: same bar, same step, same drum.

    Of several strokes on one step (flams) those of equal pitch are matched first, the others in
    their order.
    """
    straight = straight or a.steps_per_quarter != b.steps_per_quarter

    def hits_by_cell(groove: Groove) -> dict[tuple[int, int, int], list[Hit]]:
        cells: dict[tuple[int, int, int], list[Hit]] = {}
        for hit in groove.hits:
            step = groove.cell(hit) if straight else hit.step
            cells.setdefault((hit.bar, step, hit.drum), []).append(hit)
        return cells

    hits_a, hits_b = hits_by_cell(a), hits_by_cell(b)
    return [
        pair
        for key in sorted(hits_a.keys() | hits_b.keys())
        for pair in _paired(hits_a.get(key, []), hits_b.get(key, []))
    ]


def _paired(hits_a: Sequence[Hit], hits_b: Sequence[Hit]) -> Iterator[HitPair]:
    """Pairs of the hits of one drum on one step."""
    unmatched_a, unmatched_b = list(hits_a), list(hits_b)
    for hit in hits_a:
        same_pitch = next((hit_b for hit_b in unmatched_b if hit_b.pitch == hit.pitch), None)
        if same_pitch is not None:
            unmatched_a.remove(hit)
            unmatched_b.remove(same_pitch)
            yield HitPair(hit, same_pitch)
    for hit, hit_b in zip_longest(unmatched_a, unmatched_b):
        yield HitPair(hit, hit_b)


def thresholds(a: Groove, b: Groove, pairs: Sequence[HitPair]) -> list[float]:
    """The amount of hits beyond which each pair is as in the other groove.

    Three kinds of change go on evenly: what only B has is added, strong places first; what only A
    has is dropped, weak places first; and a drum of another pitch (rim for head) changes, strong
    places first. So the number of hits moves in a straight line from one groove's
    to the other's, and whatever has come stays, whatever has gone stays away. Equal places of a
    drum follow one another through the bars, so that what repeats goes on repeating.
    """
    kinds: dict[str, list[tuple[tuple[int, ...], int]]] = {"add": [], "drop": [], "turn": []}
    for i, pair in enumerate(pairs):
        hit = pair.any_hit
        salience = (a if pair.a else b).salience(hit)
        order = (hit.drum, hit.step, hit.bar, i)
        if pair.a is None:
            kinds["add"].append(((-salience, *order), i))
        elif pair.b is None:
            kinds["drop"].append(((salience, *order), i))
        elif pair.a.pitch != pair.b.pitch:
            kinds["turn"].append(((-salience, *order), i))
    changes_at = [0.5] * len(pairs)
    # Additions and drops take turns, so that equal amounts change as many hits; changes of pitch go
    # on by themselves.
    for together in (("add", "drop"), ("turn",)):
        merged = sorted(
            ((rank + 0.5) / len(kinds[kind]), kind, i)
            for kind in together
            for rank, (_, i) in enumerate(sorted(kinds[kind]))
        )
        for rank, (_, _, i) in enumerate(merged):
            changes_at[i] = (rank + 0.5) / len(merged)
    return changes_at


def regrid(hit: Hit, own: Groove, other: Groove) -> float:
    """Place in its bar of a hit's step in another groove's feel, in quarter notes."""
    place = hit.step / own.steps_per_quarter
    if own.is_triplet == other.is_triplet:
        return place
    return straighten(place) if own.is_triplet else swing(place)


def between(a: float, b: float, amount: float) -> float:
    """The value some part of the way; at the ends exactly one and the other."""
    return a if a == b else (1 - amount) * a + amount * b


def strike(begin: float, hit: Hit, velocity: float, place: float, duration: float) -> Strike:
    """A hit as a strike, with another velocity, place in its bar and duration."""
    midi_velocity = min(max(int(velocity + 0.5), 1), 127)
    return Strike(max(begin + place, 0.0), duration, hit.pitch, midi_velocity)


def strike_duration(pair: HitPair, amount: float) -> float:
    """Duration of a pair's note some part of the way."""
    if pair.a is None or pair.b is None:
        return pair.any_hit.duration
    return between(pair.a.duration, pair.b.duration, amount)
