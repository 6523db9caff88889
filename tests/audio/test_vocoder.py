import heapq

import librosa
import numpy as np
import pytest
from sounds import RATE, melody

from cambiata.audio.stft import Stft
from cambiata.audio.vocoder import (
    MORPH_ITERATIONS,
    _phase_gradients,
    griffin_lim,
    invert,
    morph,
    pghi_phase,
    random_phase,
    spectral_convergence_db,
    with_phase,
)

SOUND = melody([60, 64, 67, 72, 60])


def _heap_phase(magnitude: np.ndarray, stft: Stft, tolerance: float = 1e-4) -> np.ndarray:
    """Algorithm 1 of Prusa et al. 2017 as printed, with a heap: slow, and the reference."""
    level = magnitude.T
    in_time, in_frequency = _phase_gradients(np.log(np.maximum(level, 1e-30)), stft)
    todo = level > tolerance * level.max()
    phase = np.zeros(level.shape)
    heap: list[tuple[float, int, int]] = []
    n_frames, n_bins = level.shape
    while todo.any():
        if not heap:
            n, m = np.unravel_index(np.argmax(np.where(todo, level, -1)), level.shape)
            todo[n, m] = False
            heapq.heappush(heap, (-level[n, m], int(n), int(m)))
        while heap:
            _, n, m = heapq.heappop(heap)
            for dn, dm, gradient in (
                (1, 0, in_time),
                (-1, 0, in_time),
                (0, 1, in_frequency),
                (0, -1, in_frequency),
            ):
                i, j = n + dn, m + dm
                if 0 <= i < n_frames and 0 <= j < n_bins and todo[i, j]:
                    rise = 0.5 * (gradient[n, m] + gradient[i, j])
                    phase[i, j] = phase[n, m] + (dn + dm) * rise
                    todo[i, j] = False
                    heapq.heappush(heap, (-level[i, j], i, j))
    return phase.T


@pytest.mark.parametrize("window", ["hann", "gauss"])
def test_pghi_agrees_with_the_printed_algorithm(window: str) -> None:
    stft = Stft(512, 64, window)
    magnitude = np.abs(stft.analyse(SOUND[: RATE // 2]))
    tree, heap = pghi_phase(magnitude, stft), _heap_phase(magnitude, stft)
    n = RATE // 2
    ours = spectral_convergence_db(magnitude, stft.synthesise(with_phase(magnitude, tree), n), stft)
    theirs = spectral_convergence_db(
        magnitude, stft.synthesise(with_phase(magnitude, heap.astype(np.float32)), n), stft
    )
    assert abs(ours - theirs) < 1
    # Phase differences along the loudest path are the same numbers.
    loud = magnitude > 0.1 * magnitude.max()
    turn = np.exp(1j * (tree - heap))[loud]
    assert np.abs(turn.mean()) > 0.9


def test_the_phase_gradients_are_those_of_a_sinusoid() -> None:
    stft = Stft(1024, 128, "gauss")
    frequency = 40.3  # bins
    sound = np.cos(2 * np.pi * frequency / 1024 * np.arange(16000)).astype(np.float32)
    spectrum = stft.analyse(sound).T
    in_time, in_frequency = _phase_gradients(np.log(np.abs(spectrum)), stft)
    near = slice(39, 42)
    middle = slice(40, 80)
    true_time = np.angle(spectrum[41:81, near] / spectrum[middle, near])
    error = np.angle(np.exp(1j * (in_time[middle, near] - true_time)))
    assert np.abs(error).max() < 0.05
    true_frequency = np.angle(spectrum[middle, 40:43] / spectrum[middle, near])
    error = np.angle(np.exp(1j * (in_frequency[middle, near] - true_frequency)))
    assert np.abs(error).max() < 0.05


def test_griffin_lim_agrees_with_librosa() -> None:
    stft = Stft(1024, 256, "hann")
    magnitude = np.abs(stft.analyse(SOUND))
    phase = random_phase(magnitude)

    for iterations, momentum in ((16, 0.0), (16, 0.99)):
        ours = griffin_lim(
            magnitude, stft, len(SOUND), phase=phase, iterations=iterations, momentum=momentum
        )
        theirs = [
            spectral_convergence_db(
                magnitude,
                librosa.griffinlim(
                    magnitude,
                    n_iter=iterations,
                    hop_length=256,
                    momentum=momentum,
                    random_state=seed,
                    length=len(SOUND),
                    pad_mode="constant",
                ),
                stft,
            )
            for seed in range(3)
        ]
        mine = spectral_convergence_db(magnitude, ours, stft)
        assert min(theirs) - 1.5 < mine < max(theirs) + 1.5


def test_the_true_phase_is_a_fixed_point() -> None:
    stft = Stft(1024, 256, "hann")
    spectrum = stft.analyse(SOUND)
    again = griffin_lim(
        np.abs(spectrum), stft, len(SOUND), phase=np.angle(spectrum), iterations=5, momentum=0.0
    )
    covered = len(SOUND) - 1024
    np.testing.assert_allclose(again[:covered], SOUND[:covered], atol=1e-4)


def test_the_default_beats_what_it_replaced() -> None:
    stft = Stft(1024, 256, "hann")
    magnitude = np.abs(stft.analyse(SOUND))
    best = spectral_convergence_db(magnitude, invert(magnitude, stft, len(SOUND)), stft)
    usual = invert(magnitude, stft, len(SOUND), start="random")
    assert best < spectral_convergence_db(magnitude, usual, stft) - 3


def test_silence_and_single_frames_are_inverted() -> None:
    stft = Stft(512, 128, "hann")
    silent = np.zeros((257, 9), np.float32)
    assert not invert(silent, stft, 1024).any()
    one = np.abs(stft.analyse(SOUND[:100]))
    assert one.shape[1] == 1
    assert np.isfinite(invert(one, stft, 100)).all()


def test_same_seed_same_sound() -> None:
    stft = Stft(512, 128, "hann")
    magnitude = np.abs(stft.analyse(SOUND[:8000]))
    first, again, other = (
        invert(magnitude, stft, 8000, start="random", seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_morph_is_exact_at_its_ends_and_even_in_between() -> None:
    stft = Stft(512, 128, "hann")
    a, b = stft.analyse(SOUND[:6000]), stft.analyse(SOUND[6000:12000])
    for amount, end in ((0.0, a), (1.0, b)):
        magnitude, phase = morph(a, b, amount)
        np.testing.assert_allclose(with_phase(magnitude, phase), end, atol=1e-4)
    # On the way every bin moves steadily, in dB.
    steps = [np.log(morph(a, b, amount)[0] + 1e-12) for amount in (0.2, 0.4, 0.6, 0.8)]
    differences = np.diff(steps, axis=0)
    loud = np.minimum(np.abs(a), np.abs(b)) > 1e-2 * np.abs(a).max()
    np.testing.assert_allclose(differences[0][loud], differences[2][loud], atol=1e-3)


@pytest.mark.parametrize("amount", [1e-6, 1 - 1e-6])
def test_morph_approaches_its_ends(amount: float) -> None:
    stft = Stft(512, 128, "hann")
    a, b = stft.analyse(SOUND[:6000]), stft.analyse(SOUND[6000:12000])
    end = a if amount < 0.5 else b
    magnitude, _ = morph(a, b, amount)
    floor = 1e-4 * max(np.abs(a).max(), np.abs(b).max())
    np.testing.assert_allclose(magnitude, np.maximum(np.abs(end), 0), atol=1.1 * floor)


def test_a_morph_needs_few_projections_but_some() -> None:
    stft = Stft(1024, 128)
    other = melody([60, 64, 67, 72, 60], partials=12)
    magnitude, phase = morph(stft.analyse(SOUND), stft.analyse(other[::-1].copy()), 0.5)

    def convergence_db(iterations: int) -> float:
        sound = griffin_lim(magnitude, stft, len(SOUND), phase=phase, iterations=iterations)
        return spectral_convergence_db(magnitude, sound, stft)

    none, chosen = (convergence_db(n) for n in (0, MORPH_ITERATIONS))
    assert chosen < none - 2
    assert chosen < -23
