"""Layers of a bar as they are written: chords in voices, signs of one value each, beams."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from typing import NamedTuple

from cambiata.score.midi import Metre
from cambiata.score.musicxml.lengths import NoteValue, mark_tuplets, split_length
from cambiata.score.musicxml.measures import Piece


class Chord(NamedTuple):
    """Pieces that begin and end together, or a rest."""

    at: Fraction
    length: Fraction
    pieces: tuple[Piece, ...]


def layers_of(pieces: Sequence[Piece]) -> list[list[Chord]]:
    """Chords of a measure in as few voices as need be, none overlapping in a voice."""
    layers: list[list[Chord]] = []
    order = sorted(pieces, key=lambda piece: (piece.at, -piece.length, piece.pitch))
    for (at, length), chord in groupby(order, key=lambda piece: (piece.at, piece.length)):
        found = Chord(at, length, tuple(chord))
        for layer in layers:
            if layer[-1].at + layer[-1].length <= at:
                layer.append(found)
                break
        else:
            layers.append([found])
    return layers


Sign = tuple[Chord, NoteValue, Fraction, bool, bool]


def signs_of(layer: Sequence[Chord], length: Fraction) -> list[Sign]:
    """What is written of a layer: chord, value, place, whether it is its chord's first and last."""
    chords: list[Chord] = []
    at = Fraction(0)
    for chord in (*layer, Chord(length, Fraction(0), ())):
        if chord.at > at:
            chords.append(Chord(at, chord.at - at, ()))
        if chord.length:
            chords.append(chord)
        at = chord.at + chord.length
    places: list[tuple[Chord, Fraction, bool, bool]] = []
    values: list[NoteValue] = []
    for chord in chords:
        at, found = chord.at, split_length(chord.at, chord.length)
        for i, value in enumerate(found):
            places.append((chord, at, i == 0, i + 1 == len(found)))
            values.append(value)
            at += value.length
    return [
        (chord, value, at, is_first, is_last)
        for (chord, at, is_first, is_last), value in zip(places, mark_tuplets(values), strict=True)
    ]


def beams_of(signs: Sequence[Sign], metre: Metre) -> list[list[str]]:
    """Beams of each sign, level by level: those of notes in one beat are joined."""
    beat = metre.beat
    groups: list[list[int]] = []
    for i, (chord, value, at, _, _) in enumerate(signs):
        is_beamed = bool(chord.pieces) and value.n_beams > 0
        last = groups[-1][-1] if groups and groups[-1] else None
        if not is_beamed:
            groups.append([])
        elif last is not None and last == i - 1 and signs[last][2] // beat == at // beat:
            groups[-1].append(i)
        else:
            groups.append([i])
    beams: list[list[str]] = [[] for _ in signs]
    for group in groups:
        if len(group) > 1:
            for i, levels in zip(
                group, _group_beams([signs[i][1].n_beams for i in group]), strict=True
            ):
                beams[i] = levels
    return beams


def _group_beams(n_beams: Sequence[int]) -> list[list[str]]:
    beams = []
    for i, n in enumerate(n_beams):
        before = n_beams[i - 1] if i else 0
        after = n_beams[i + 1] if i + 1 < len(n_beams) else 0
        levels = []
        for level in range(1, n + 1):
            joins = before >= level, after >= level
            levels.append(
                {
                    (True, True): "continue",
                    (True, False): "end",
                    (False, True): "begin",
                    (False, False): "backward hook" if i else "forward hook",
                }[joins]
            )
        beams.append(levels)
    return beams
