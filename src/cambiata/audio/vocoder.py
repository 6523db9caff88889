"""Sound from magnitudes: every decision about phase is made here.

A spectrogram without phases belongs to many sounds. The phases that a system starts from and how
long they are refined decide how it sounds; `invert` holds the project's choice, made by
`benchmarks/vocoder.py` on fourteen real recordings: phase-gradient integration, then 32 steps of
fast Griffin-Lim, on the transform that `Stft` has for its default. On magnitudes that some sound
has it comes within -43 dB of them, where the usual random start on 2048/512 comes within -23 dB.
"""

from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from cambiata.arrays import Magnitude, Phase, Samples, Spectrum
from cambiata.audio.stft import Stft

Start = Literal["random", "pghi"]

# Below this share of the largest magnitude a phase is inaudible and is drawn at random
# (Prusa et al. 2017 use 1e-1 to 1e-10; -80 dB is the floor of the metrics here).
_PGHI_TOLERANCE = 1e-4
# Projections from phases that two sounds gave (`morph`). On 18 spectra between real recordings 8
# come within -28.0 dB of them, 32 within -29.9, none within -23.5; but 32 cost more than all the
# rest of a transfer.
MORPH_ITERATIONS = 8


def random_phase(magnitude: Magnitude, seed: int = 0) -> Phase:
    """Phases sampled uniformly, the usual start of Griffin-Lim.

    Parameters
    ----------
    magnitude : numpy.ndarray
        Spectrogram [F, L].
    seed : int
        Seed of the phases.

    Returns
    -------
    numpy.ndarray
        Phases [F, L] in radians.

    Examples
    --------
    >>> random_phase(np.ones((5, 3), np.float32)).shape
    (5, 3)
    """
    shape = magnitude.T.shape
    draw = np.random.default_rng(seed).random(shape, np.float32)
    return (draw * np.float32(2 * np.pi)).T


def with_phase(magnitude: Magnitude, phase: Phase) -> Spectrum:
    """Complex spectrum of a magnitude and a phase.

    Parameters
    ----------
    magnitude : numpy.ndarray
        Spectrogram [F, L].
    phase : numpy.ndarray
        Phases [F, L] in radians.

    Returns
    -------
    numpy.ndarray
        Complex spectrum [F, L].

    Examples
    --------
    >>> with_phase(np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32))
    array([[1.+0.j]], dtype=complex64)
    """
    spectrum = np.empty(magnitude.T.shape, np.complex64).T
    spectrum.real = magnitude * np.cos(phase)
    spectrum.imag = magnitude * np.sin(phase)
    return spectrum


def griffin_lim(
    magnitude: Magnitude,
    stft: Stft,
    n_samples: int,
    *,
    phase: Phase,
    iterations: int = 32,
    momentum: float = 0.99,
) -> Samples:
    """Sound whose spectrogram approaches the one given, by alternating projections.

    Griffin & Lim 1984, and with `momentum` above zero its fast variant (Perraudin, Balazs,
    Sondergaard 2013, algorithm 2). Same update as ``librosa.griffinlim``.

    Parameters
    ----------
    magnitude : numpy.ndarray
        Spectrogram [F, L].
    stft : Stft
        The transform that it belongs to.
    n_samples : int
        Length of the sound.
    phase : numpy.ndarray
        Phases [F, L] to start from.
    iterations : int
        Projections to make; 0 takes the phases as they are.
    momentum : float
        0 for the classic method, 0.99 for the fast one.

    Returns
    -------
    numpy.ndarray
        Mono sound [n_samples].

    Examples
    --------
    >>> stft = Stft(512, 128)
    >>> x = np.sin(np.arange(4096, dtype=np.float32) / 5)
    >>> magnitude = np.abs(stft.analyse(x))
    >>> y = griffin_lim(magnitude, stft, 4096, phase=random_phase(magnitude), iterations=60)
    >>> spectral_convergence_db(magnitude, y, stft) < -15
    True
    """
    spectrum = with_phase(magnitude, phase)
    previous: Spectrum | None = None
    for _ in range(iterations):
        rebuilt = stft.analyse(stft.synthesise(spectrum, n_samples))
        ahead = rebuilt
        if momentum and previous is not None:
            ahead = rebuilt - np.complex64(momentum / (1 + momentum)) * previous
        previous = rebuilt
        modulus = np.abs(ahead)
        modulus += np.float32(1e-16)  # against division by zero; as librosa, beyond audibility
        spectrum = np.divide(ahead, modulus, dtype=np.complex64)
        spectrum *= magnitude
    return stft.synthesise(spectrum, n_samples)


def pghi_phase(magnitude: Magnitude, stft: Stft, seed: int = 0) -> Phase:
    """Phases integrated from the gradients that the magnitudes imply, loudest bins first.

    Phase-gradient heap integration (Prusa, Balazs, Sondergaard 2017): for a Gaussian window the
    phase's derivatives in time and frequency are the log magnitude's derivatives in frequency and
    time (eq. 22, 23; for other windows nearly so); they are integrated by the trapezoidal rule
    (algorithm 1) along a tree that reaches every bin over the loudest bins possible. Not
    iterative. Where the paper grows that tree with a heap, we take the maximum spanning tree of
    the time-frequency grid, an edge weighing as much as its quieter end: in a tree grown by a
    heap each bin is likewise reached by the path whose quietest bin is loudest. Compiled graph
    routines then do in about a second what a heap in Python does in ten; the two agree
    (tests/test_vocoder.py).

    Parameters
    ----------
    magnitude : numpy.ndarray
        Spectrogram [F, L].
    stft : Stft
        The transform that it belongs to; wants a redundancy (n_fft / hop_length) of 8, and the
        "gauss" window most of all.
    seed : int
        Seed of the phases of bins too quiet to hear.

    Returns
    -------
    numpy.ndarray
        Phases [F, L] in radians.

    Examples
    --------
    >>> stft = Stft(512, 64, "gauss")
    >>> x = np.sin(np.arange(4096, dtype=np.float32) / 5)
    >>> magnitude = np.abs(stft.analyse(x))
    >>> y = stft.synthesise(with_phase(magnitude, pghi_phase(magnitude, stft)), 4096)
    >>> spectral_convergence_db(magnitude, y, stft) < -25
    True
    """
    level = np.ascontiguousarray(magnitude.T)  # [L, F]
    phase = random_phase(magnitude, seed).T
    audible = level > _PGHI_TOLERANCE * level.max(initial=0.0)
    if not audible.any():
        return phase.T
    # The floor only keeps log(0) away; such bins are not audible.
    log_level = np.log(np.maximum(level, 1e-30, dtype=np.float32))  # no log of 0
    in_time, in_frequency = _phase_gradients(log_level, stft)
    order, parents = _loudest_tree(log_level, audible)
    nodes = np.flatnonzero(audible)
    rise = np.zeros(len(nodes))  # phase of a bin minus its parent's; roots keep their own
    child = order[parents[order] >= 0]
    a, b = nodes[parents[child]], nodes[child]
    n_bins = level.shape[1]
    for offset, gradient in ((n_bins, in_time), (1, in_frequency)):
        flat = gradient.reshape(-1)
        for sign in (1, -1):
            here = b - a == sign * offset
            rise[child[here]] = sign * 0.5 * (flat[a[here]] + flat[b[here]])
    # Sum along each path to its root by doubling the length of the jumps.
    total, ancestor = rise, parents.astype(np.int64)
    while (ancestor >= 0).any():
        inner = ancestor >= 0
        step = np.where(inner, total[ancestor], 0.0)
        total = total + step
        ancestor = np.where(inner, ancestor[ancestor], -1)
    flat_phase = phase.reshape(-1)
    flat_phase[nodes] = np.remainder(total, 2 * np.pi).astype(np.float32)
    return flat_phase.reshape(level.shape).T


def _phase_gradients(log_level: Magnitude, stft: Stft) -> tuple[Magnitude, Magnitude]:
    """Phase advance per frame and per bin, [L, F] each, from the log magnitudes [L, F]."""
    bins = np.arange(log_level.shape[1], dtype=np.float64)
    scale = stft.hop_length * stft.n_fft / stft.gamma
    across_bins = np.gradient(log_level, axis=1)
    across_frames = (
        np.gradient(log_level, axis=0) if log_level.shape[0] > 1 else np.zeros_like(log_level)
    )
    # Every frame advances by the bin's own frequency; wrapped to keep float32 exact.
    advance = np.remainder(2 * np.pi * stft.hop_length * bins / stft.n_fft, 2 * np.pi)
    in_time = scale * across_bins + advance
    # Our frames start half a window before their centre, hence pi per bin.
    in_frequency = -across_frames / scale - np.pi
    return in_time, in_frequency


def _loudest_tree(
    log_level: Magnitude, audible: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Bins from root to leaf, and parents of bins (-1: a root), numbered among the audible."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import (
        breadth_first_order,
        connected_components,
        minimum_spanning_tree,
    )

    n_frames, n_bins = log_level.shape
    n = int(audible.sum())
    number = np.cumsum(audible.reshape(-1)) - 1
    grid = np.arange(n_frames * n_bins).reshape(n_frames, n_bins)
    later, higher = audible[:-1] & audible[1:], audible[:, :-1] & audible[:, 1:]
    a = np.concatenate([grid[:-1][later], grid[:, :-1][higher]])
    b = np.concatenate([grid[1:][later], grid[:, 1:][higher]])
    flat = log_level.reshape(-1)
    quieter, louder = np.minimum(flat[a], flat[b]), np.maximum(flat[a], flat[b])
    # The louder end decides between edges that are equal otherwise, hence its small weight. The
    # costs must be positive, hence the 1.
    cost = (flat.max() + 1 - quieter).astype(np.float64) + 1e-6 * (flat.max() - louder)
    a, b = number[a], number[b]
    tree = minimum_spanning_tree(coo_matrix((cost, (a, b)), shape=(n, n)).tocsr())
    n_parts, part = connected_components(tree, directed=False)
    # One root above all: joined to the loudest bin of every connected part.
    audible_level = flat[audible.reshape(-1)]
    by_level = np.argsort(audible_level, kind="stable")
    roots = np.empty(n_parts, np.intp)
    roots[part[by_level]] = by_level  # the last written is the loudest
    tree = tree.tocoo()
    rows = np.concatenate([tree.row, np.full(n_parts, n)])
    columns = np.concatenate([tree.col, roots])
    ones = np.ones(len(rows), np.float32)
    rooted = coo_matrix((ones, (rows, columns)), shape=(n + 1, n + 1)).tocsr()
    order, parents = breadth_first_order(rooted, n, directed=False)
    parents = parents[:n].astype(np.intp)
    parents[roots] = -1
    return cast(Any, order[1:]).astype(np.intp), parents


def invert(
    magnitude: Magnitude,
    stft: Stft,
    n_samples: int,
    *,
    phase: Phase | None = None,
    start: Start = "pghi",
    iterations: int = 32,
    momentum: float = 0.99,
    seed: int = 0,
) -> Samples:
    """Sound of a spectrogram, by the method that `benchmarks/vocoder.py` found best.

    Parameters
    ----------
    magnitude : numpy.ndarray
        Spectrogram [F, L].
    stft : Stft
        The transform that it belongs to.
    n_samples : int
        Length of the sound.
    phase : numpy.ndarray, optional
        Phases [F, L] to start from, where a system has any (the style's templates', the
        content's); else `start` decides.
    start : {"pghi", "random"}
        Method that finds phases where none are given.
    iterations : int
        Griffin-Lim projections after that; 8 of them come 3 dB less close than 32 after "pghi",
        and 2 dB after the phases of `morph`.
    momentum : float
        See `griffin_lim`.
    seed : int
        Seed of phases that are drawn at random.

    Returns
    -------
    numpy.ndarray
        Mono sound [n_samples].

    Examples
    --------
    >>> stft = Stft(512, 128)
    >>> x = np.sin(np.arange(4096, dtype=np.float32) / 5)
    >>> y = invert(np.abs(stft.analyse(x)), stft, 4096)
    >>> spectral_convergence_db(np.abs(stft.analyse(x)), y, stft) < -30
    True
    """
    if phase is None:
        phase = (
            pghi_phase(magnitude, stft, seed) if start == "pghi" else random_phase(magnitude, seed)
        )
    return griffin_lim(
        magnitude, stft, n_samples, phase=phase, iterations=iterations, momentum=momentum
    )


def morph(
    content: Spectrum, result: Spectrum, amount: float, floor_db: float = -80.0
) -> tuple[Magnitude, Phase]:
    """Spectrum part of the way from the content to the result.

    Magnitudes move along a straight line in dB, bin by bin, so that at 0.5 a partial is heard at
    the geometric mean of its two levels: one instrument between two, not two instruments at once.
    Phases move along the chord between the two, which weighs the louder of both at any amount.
    At 0 it is the content's spectrum exactly, at 1 the result's.

    Parameters
    ----------
    content : numpy.ndarray
        Complex spectrum [F, L].
    result : numpy.ndarray
        Complex spectrum [F, L] of the full transfer.
    amount : float
        0 to 1.
    floor_db : float
        Level below the louder spectrum's maximum under which bins count as equally silent;
        without it a bin that is empty on one side would vanish at any amount.

    Returns
    -------
    magnitude : numpy.ndarray
        Spectrogram [F, L].
    phase : numpy.ndarray
        Phases [F, L] in radians.

    Examples
    --------
    >>> a, b = np.full((1, 1), 1 + 0j, np.complex64), np.full((1, 1), 0.01 + 0j, np.complex64)
    >>> magnitude, _ = morph(a, b, 0.5)
    >>> round(float(magnitude[0, 0]), 3)
    0.1
    """
    ends = np.abs(content), np.abs(result)
    if amount <= 0 or amount >= 1:
        chosen = content if amount <= 0 else result
        return ends[0 if amount <= 0 else 1], np.angle(chosen)
    floor = 10 ** (floor_db / 20) * max(float(end.max(initial=0.0)) for end in ends)
    if floor == 0:
        return ends[0], np.angle(content)
    logs = [np.log(np.maximum(end, floor)) for end in ends]
    magnitude = np.exp((1 - amount) * logs[0] + amount * logs[1])
    # What is below the floor on both sides stays as silent as it was.
    silent = (ends[0] <= floor) & (ends[1] <= floor)
    magnitude[silent] = ((1 - amount) * ends[0] + amount * ends[1])[silent]
    chord = (1 - amount) * content + amount * result
    return magnitude.astype(np.float32), np.angle(chord)


def invert_part_way(
    content: Spectrum,
    magnitude: Magnitude,
    stft: Stft,
    n_samples: int,
    *,
    amount: float,
    iterations: int = 32,
    seed: int = 0,
) -> Samples:
    """Sound of a transfer's spectrogram, part of the way from its content.

    Parameters
    ----------
    content : numpy.ndarray
        Complex spectrum [F, L] of the content.
    magnitude : numpy.ndarray
        Spectrogram [F, L] of the full transfer.
    stft : Stft
        The transform of both.
    n_samples : int
        Length of the sound.
    amount : float
        Above 0 and up to 1: see `morph`.
    iterations : int
        Griffin-Lim projections.
    seed : int
        Seed of phases that are drawn at random.

    Returns
    -------
    numpy.ndarray
        Mono sound [n_samples].

    Examples
    --------
    >>> stft = Stft(512, 128)
    >>> content = stft.analyse(np.sin(np.arange(4096, dtype=np.float32) / 5))
    >>> invert_part_way(content, np.abs(content), stft, 4096, amount=0.5).shape
    (4096,)
    """
    phase = None
    if amount < 1:
        # Part of the way the content's phases are worth more than integrated ones.
        magnitude, phase = morph(content, with_phase(magnitude, np.angle(content)), amount)
    return invert(magnitude, stft, n_samples, phase=phase, iterations=iterations, seed=seed)


def spectral_convergence_db(magnitude: Magnitude, sound: Samples, stft: Stft) -> float:
    """Spectral convergence: how far a sound's spectrogram is from its target.

    Parameters
    ----------
    magnitude : numpy.ndarray
        Target spectrogram [F, L].
    sound : numpy.ndarray
        Mono sound [T].
    stft : Stft
        The transform.

    Returns
    -------
    float
        20 log10 of the Frobenius norm of the difference over that of the target; lower is better,
        -inf is perfect (Sturmel & Daudet 2011).

    Examples
    --------
    >>> stft = Stft(512, 128)
    >>> x = np.sin(np.arange(4096, dtype=np.float32))
    >>> spectral_convergence_db(2 * np.abs(stft.analyse(x)), x, stft).__round__(2)
    -6.02
    """
    rebuilt = np.abs(stft.analyse(sound))
    error = float(np.linalg.norm(rebuilt - magnitude) / np.linalg.norm(magnitude))
    return 20 * float(np.log10(error)) if error > 0 else -np.inf
