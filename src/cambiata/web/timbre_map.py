"""Timbres in two dimensions by likeness: classical scaling of how unlike the same notes sound."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.audio.spectrogram import LOUDNESS_LUFS, measure_spectrogram
from cambiata.caches import read_cached, write_cached
from cambiata.errors import InputError
from cambiata.performance.api import play
from cambiata.score.midi import Note, Part, Score
from cambiata.timbre import Timbre, load_timbre

Vector = npt.NDArray[np.float64]

# Four notes over the registers that most instruments share; half a second shows attack and body.
_PITCHES, _NOTE_S = (48, 57, 66, 75), 0.5
_COLUMNS_A_NOTE = 5  # of 0.1 s: the first is the attack
_QUIETEST_DB = -93.0  # what is drawn black in spectrograms


def timbre_vector(timbre: Timbre) -> Vector:
    """Numbers whose distance says how unlike two timbres are: mel levels of the same four notes."""
    notes = tuple(
        Note(i * _NOTE_S, (i + 1) * _NOTE_S - 0.02, pitch, 90) for i, pitch in enumerate(_PITCHES)
    )
    sound = play(Score((Part(notes),)), timbre, tail_s=0.0)
    levels = measure_spectrogram(sound, _COLUMNS_A_NOTE * len(_PITCHES)).db(LOUDNESS_LUFS)
    vector: Vector = np.maximum(levels, _QUIETEST_DB).ravel()
    return vector


def classical_scaling(vectors: Sequence[Vector]) -> tuple[npt.NDArray[np.float64], float]:
    """Points [N, 2] within -1 to 1 whose distances are as near as can be, and what share they keep.

    Torgerson (1952): the largest eigenvectors of the doubly centred squared distances.

    >>> points, kept = classical_scaling([np.array([0.0]), np.array([1.0]), np.array([3.0])])
    >>> np.abs(np.diff(points[:, 0])).round(3).tolist(), round(kept, 3)
    ([0.667, 1.333], 1.0)
    """
    n = len(vectors)
    if n == 0:
        return np.zeros((0, 2)), 1.0
    stacked = np.stack(vectors)
    distances = np.sqrt(((stacked[:, None] - stacked[None]) ** 2).mean(axis=-1))
    centring = np.eye(n) - 1 / n
    values, axes = np.linalg.eigh(-0.5 * centring @ distances**2 @ centring)
    values, axes = np.maximum(values[::-1], 0.0), axes[:, ::-1]
    points = np.zeros((n, 2))
    n_axes = min(2, n)
    points[:, :n_axes] = axes[:, :n_axes] * np.sqrt(values[:n_axes])
    # Signs of eigenvectors are free: the first timbre lies to the right and above.
    points *= np.where(points[0] < 0, -1.0, 1.0)
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    widest = float(np.abs(points).max(initial=0.0))
    kept = float(values[:n_axes].sum() / values.sum()) if values.sum() > 0 else 1.0
    return (points / widest if widest > 0 else points), kept


def timbre_map(
    timbres: Sequence[tuple[str, str, str, Path | None]],
    cache: Path,
    limit_s: float = float("inf"),
) -> dict[str, Any] | None:
    """Places of timbres; None where measuring them takes longer than `limit_s`.

    Each is a reference, a name, "named" or "own", and the file of one's own. What was measured is
    remembered: after None another call goes on.
    """
    found, n_measured = [], 0
    ends_at = time.monotonic() + limit_s
    for reference, name, kind, path in timbres:
        timbre = reference if path is None else path
        vector = _remembered(timbre, cache)
        if vector is None:
            if n_measured and time.monotonic() > ends_at:
                return None
            vector = _measured(timbre, cache)
            n_measured += vector is not None
        if vector is not None:
            found.append((reference, name, kind, vector))
    points, kept = classical_scaling([each[3] for each in found])
    return {
        "points": [
            {"ref": ref, "name": name, "kind": kind, "x": round(x, 4), "y": round(y, 4)}
            for (ref, name, kind, _), (x, y) in zip(found, points.tolist(), strict=True)
        ],
        "explained": round(kept, 3),
    }


def _place(timbre: str | Path, cache: Path) -> Path:
    """File in which a timbre's vector is remembered."""
    from cambiata import __version__

    key = hashlib.sha256(f"{__version__} {timbre}".encode()).hexdigest()[:24]
    return cache / f"{key}.vector"


def _remembered(timbre: str | Path, cache: Path) -> Vector | None:
    """Vector of a timbre that was measured before."""
    stored = read_cached(_place(timbre, cache))
    return None if stored is None else np.frombuffer(stored, np.float64)


def _measured(timbre: str | Path, cache: Path) -> Vector | None:
    """Vector of a timbre, now remembered; none for one that plays no notes."""
    try:
        vector = timbre_vector(load_timbre(timbre))
    except InputError:  # of a system that plays no scores, or of other weights
        return None
    write_cached(_place(timbre, cache), np.asarray(vector, np.float64).tobytes())
    return vector
