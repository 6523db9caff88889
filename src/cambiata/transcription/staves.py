"""Notes on the staves of a score: two hands of a piano, or voices that each go on near by."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cambiata.score.midi import Note
from cambiata.transcription.onset_events import group_chords

Array = npt.NDArray[np.float64]

MOST_VOICES = 4
# Voices are as many as sound together in all but a twentieth of the time: reverberation and ghosts
# make more for moments.
_BUSY_SHARE = 0.95

# Of the two hands: cost of a semitone that a hand spans beyond a ninth, of a note beyond five, of a
# semitone that the border lies off middle C and of one that it moves by from chord to chord. The
# border lies better in a wide gap. By hand; a hand's span weighs most, as it is what players have.
_SPAN, _BEYOND_SPAN, _BEYOND_FIVE = 14, 1.0, 2.0
_MIDDLE_C, _OFF_MIDDLE, _MOVE, _GAP = 60, 0.05, 0.12, 0.15
_BORDERS = np.arange(40, 82)

# Of voices: how a semitone from the voice's last note weighs beside one from where the voice lies
# on the whole, and what it costs that its last note sounds on (as much as an octave and a half).
_NEAR, _OWN_PLACE, _SOUNDS_ON = 0.5, 0.5, 18.0
_LEGATO_S = 0.06  # a voice's note may end so late


def split_hands(notes: Sequence[Note]) -> tuple[list[Note], list[Note]]:
    """Right and left hand of a piano's notes, by the best border from chord to chord."""
    notes = sorted(notes)
    groups = group_chords(np.array([note.start_s for note in notes], np.float64))
    sounding = _sounding(notes, groups)
    costs = np.array([_border_costs(pitches) for pitches in sounding])
    moves = _MOVE * np.abs(_BORDERS[:, None] - _BORDERS[None])
    total, came_from = costs[0], []
    for own in costs[1:]:
        ways = total[None] + moves
        came_from.append(ways.argmin(axis=1))
        total = ways.min(axis=1) + own
    at = int(total.argmin())
    path = [at]
    for sources in reversed(came_from):
        path.append(int(sources[path[-1]]))
    hands: tuple[list[Note], list[Note]] = ([], [])
    for group, border in zip(groups, _BORDERS[path[::-1]], strict=True):
        for i in group:
            hands[int(notes[i].pitch < border)].append(notes[i])
    return hands


def _sounding(notes: Sequence[Note], groups: Sequence[npt.NDArray[np.int64]]) -> list[Array]:
    """Pitches that sound when each group begins, its own among them."""
    found: list[Array] = []
    still: list[Note] = []
    for group in groups:
        own = [notes[i] for i in group]
        begin_s = max(note.start_s for note in own)
        still = [note for note in still if note.end_s > begin_s + _LEGATO_S] + own
        found.append(np.array(sorted(note.pitch for note in still), np.float64))
    return found


def _border_costs(pitches: Array) -> Array:
    """Cost of every border: what lies on it or above is the right hand's."""
    n_left = np.searchsorted(pitches, _BORDERS)
    costs = _OFF_MIDDLE * np.abs(_BORDERS - _MIDDLE_C)
    for i, n in enumerate(n_left):
        for hand in (pitches[:n], pitches[n:]):
            if len(hand):
                costs[i] += _BEYOND_SPAN * max(0.0, hand[-1] - hand[0] - _SPAN)
                costs[i] += _BEYOND_FIVE * max(0, len(hand) - 5)
        if 0 < n < len(pitches):
            costs[i] -= _GAP * min(float(pitches[n] - pitches[n - 1]), 12.0)
    return np.asarray(costs)


def count_voices(notes: Sequence[Note]) -> int:
    """How many notes sound together, but for moments."""
    edges = sorted(
        [(note.start_s, 1) for note in notes]
        + [(max(note.end_s - _LEGATO_S, note.start_s + 1e-3), -1) for note in notes]
    )
    lasting: dict[int, float] = {}
    n, last_s = 0, 0.0
    for at_s, change in edges:
        if n:
            lasting[n] = lasting.get(n, 0.0) + at_s - last_s
        n, last_s = n + change, at_s
    left, total = 0.0, sum(lasting.values())
    for count in sorted(lasting):
        left += lasting[count]
        if left >= _BUSY_SHARE * total:
            return count
    return 1


def split_voices(notes: Sequence[Note], n_voices: int) -> list[list[Note]]:
    """Voices from high to low; each note goes to one near by that is free, all at once best."""
    from scipy.optimize import linear_sum_assignment  # here: it takes half a second to import

    notes = sorted(notes)
    groups = group_chords(np.array([note.start_s for note in notes], np.float64))
    places = _voice_places(_sounding(notes, groups), n_voices)
    last_pitch, free_s = places.copy(), np.zeros(n_voices)
    voices: list[list[Note]] = [[] for _ in range(n_voices)]
    for group in groups:
        own = sorted((notes[i] for i in group), key=lambda note: -note.pitch)
        pitch = np.array([note.pitch for note in own], np.float64)[:, None]
        begin_s = min(note.start_s for note in own)
        cost = _NEAR * np.abs(pitch - last_pitch) + _OWN_PLACE * np.abs(pitch - places)
        cost = cost + _SOUNDS_ON * (free_s > begin_s + _LEGATO_S)
        rows, columns = linear_sum_assignment(cost)
        chosen = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        for i, note in enumerate(own):
            # More notes than voices: the nearest has a chord.
            voice = chosen.get(i, int(cost[i].argmin()))
            voices[voice].append(note)
            if i in chosen:
                last_pitch[voice], free_s[voice] = note.pitch, note.end_s
    return [voice for voice in voices if voice]


def _voice_places(sounding: Sequence[Array], n_voices: int) -> Array:
    """Where each voice lies on the whole, from high to low: where all sound, else by shares."""
    whole = [pitches[::-1][:n_voices] for pitches in sounding if len(pitches) == n_voices]
    if whole:
        return np.asarray(np.median(np.array(whole), axis=0))
    every = np.concatenate(sounding)
    return np.asarray(np.quantile(every, (np.arange(n_voices, 0, -1) - 0.5) / n_voices))
