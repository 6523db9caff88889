import dataclasses

import numpy as np
import pytest
from scipy.special import kl_div
from sounds import melody, tone

from cambiata.timbre_transfer.musaicing import (
    Musaicing,
    MusaicingConfig,
    _damp_repetitions,
    _restrict_polyphony,
    _sum_diagonals,
    activate,
    kullback_leibler,
)

SMALL = MusaicingConfig(sample_rate=22050, n_fft=1024, hop_length=256, iterations=20)


def _as_printed(V: np.ndarray, W: np.ndarray, H: np.ndarray, config: MusaicingConfig) -> np.ndarray:
    """Section 3 of the paper as we read it, one loop an index, [K, N] activations.

    That we read it rightly is shown by benchmarks/musaicing_peer.py: with diagonals and polyphony
    counted as there, the public script's unshifted_hz divergence comes out to the last digit.
    """
    K, N = H.shape
    r, p, c, L = config.repetition, config.polyphony, config.continuity, config.iterations
    for iteration in range(L):
        if iteration >= L - config.settling:
            model = W @ H
            H = H * (W.T @ (V / np.where(model == 0, 1, model))) / W.sum(axis=0)[:, None]
            continue
        damping = 1 - (iteration + 1) / (L - config.settling)
        R = H.copy()
        for n in range(N):
            around = H[:, max(0, n - r // 2) : n + (r - 1) // 2 + 1].max(axis=1)
            R[:, n] = np.where(H[:, n] < around, damping * H[:, n], H[:, n])
        P = R.copy()
        for n in range(N):
            least = np.sort(R[:, n])[::-1][p - 1] if p < K else -1
            P[:, n] = np.where(R[:, n] < least, damping * R[:, n], R[:, n])
        C = np.zeros_like(P)
        for k in range(K):
            for n in range(N):
                for i in range(-c, c + 1):
                    if 0 <= k + i < K and 0 <= n + i < N:
                        C[k, n] += P[k + i, n + i]
        model = W @ C
        model[model == 0] = 1
        H = C * (W.T @ (V / model)) / W.sum(axis=0)[:, None]
    return H


@pytest.mark.parametrize(
    "config",
    [
        MusaicingConfig(iterations=12, settling=0),
        MusaicingConfig(iterations=12, settling=3),
        MusaicingConfig(iterations=7, repetition=4, polyphony=3, continuity=2),
        MusaicingConfig(iterations=5, repetition=1, polyphony=50, continuity=0),
    ],
)
def test_activations_are_the_papers(config: MusaicingConfig) -> None:
    rng = np.random.default_rng(0)
    V, W = rng.random((33, 17)) + 0.01, rng.random((33, 25)) + 0.01
    start = rng.random((17, 25)).astype(np.float32)
    ours = activate(V.astype(np.float32), W.astype(np.float32), config, start=start)
    printed = _as_printed(V, W, start.T.astype(np.float64), config).T
    np.testing.assert_allclose(ours, printed, rtol=2e-3, atol=1e-5)


def test_without_constraints_the_divergence_never_rises() -> None:
    rng = np.random.default_rng(0)
    V, W = rng.random((33, 17)).astype(np.float32), rng.random((33, 9)).astype(np.float32)
    divergences = []
    for iterations in range(1, 12):
        free = MusaicingConfig(
            iterations=iterations, repetition=1, polyphony=99, continuity=0, settling=0
        )
        H = activate(V, W, free, seed=3)
        divergences.append(kullback_leibler(V, W @ H.T))
    assert (np.diff(divergences) <= 1e-6).all()
    assert divergences[-1] < 0.9 * divergences[0]


def test_the_divergence_is_scipys() -> None:
    rng = np.random.default_rng(0)
    v, m = rng.random((5, 7)), rng.random((5, 7)) + 0.1
    theirs = float(kl_div(v, m).sum())
    assert kullback_leibler(v.astype(np.float32), m.astype(np.float32)) == pytest.approx(
        theirs, rel=1e-5
    )


def test_the_last_iteration_keeps_only_what_the_constraints_allow() -> None:
    rng = np.random.default_rng(0)
    H = rng.random((40, 60)).astype(np.float32)
    damped = _damp_repetitions(H, 7, np.float32(0))
    for column in damped.T:
        assert np.diff(np.flatnonzero(column)).min(initial=99) > 3
    _restrict_polyphony(H, 10, np.float32(0))
    assert (np.count_nonzero(H, axis=1) == 10).all()


def test_continuity_runs_along_diagonals() -> None:
    H = np.zeros((7, 9), np.float32)
    H[3, 4] = 1
    expected = np.zeros((7, 9), np.float32)
    for i in (-2, -1, 0, 1, 2):
        expected[3 + i, 4 + i] = 1
    assert np.array_equal(_sum_diagonals(H, 2), expected)


def test_a_transposed_style_reaches_the_contents_pitch() -> None:
    rate = SMALL.sample_rate
    content, style = tone(66, 1.0, rate=rate), tone(60, 1.0, partials=12, rate=rate)

    def pitch_hz(config: MusaicingConfig) -> float:
        system = Musaicing(config)
        sound = system.render(
            content, system.capture(style), amount=1.0, seed=0, progress=lambda _share: None
        )
        spectrum = np.abs(np.fft.rfft(sound[rate // 10 : rate // 2], 2**16))
        return float(np.argmax(spectrum)) * rate / 2**16

    expected_hz, unshifted_hz = 440 * 2 ** (-3 / 12), 440 * 2 ** (-9 / 12)
    assert pitch_hz(SMALL) == pytest.approx(unshifted_hz, rel=0.02)
    assert pitch_hz(dataclasses.replace(SMALL, pitch_shift=6)) == pytest.approx(
        expected_hz, rel=0.02
    )


def test_the_tail_rings_with_the_style() -> None:
    rate = SMALL.sample_rate
    system = Musaicing(SMALL)
    style = tone(60, 2.0, rate=rate)
    content = np.concatenate([tone(60, 0.5, rate=rate), np.zeros(rate // 2, np.float32)])
    sound = system.render(
        content, system.capture(style), amount=1.0, seed=0, progress=lambda _share: None
    )
    ring = np.abs(sound[int(0.55 * rate) : int(0.7 * rate)]).max()
    assert ring > 0.02 * np.abs(sound).max()
    assert np.abs(sound[int(0.9 * rate) :]).max() < ring


def test_a_quiet_room_does_not_ring() -> None:
    rate = SMALL.sample_rate
    system = Musaicing(SMALL)
    style = np.tile(tone(60, 0.5, rate=rate), 4)
    room = 1e-5 * np.random.default_rng(0).normal(size=rate).astype(np.float32)
    sound = system.render(
        np.concatenate([tone(60, 0.5, rate=rate), room]),
        system.capture(style),
        amount=1.0,
        seed=0,
        progress=lambda _share: None,
    )
    after = np.abs(sound[int(0.6 * rate) :]).max()
    assert after < 30 * np.abs(room).max()


def test_the_published_preset_is_the_published_one() -> None:
    config = Musaicing.presets["driedger2015"]
    assert (config.sample_rate, config.n_fft, config.pitch_shift) == (22050, 2048, 0)
    assert (config.iterations, config.settling) == (60, 0)
    assert (config.repetition, config.polyphony, config.continuity) == (7, 10, 3)


def test_every_template_is_a_sound_of_the_style() -> None:
    style = melody([60, 62, 64])
    templates = Musaicing(SMALL).capture(style)
    assert np.array_equal(templates, SMALL.stft.analyse(style))


@pytest.mark.parametrize(
    "changes",
    [
        {"settling": 60},
        {"hop_length": 1000},
        {"iterations": 0},
        {"polyphony": 0},
        {"pitch_shift": 99},
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"n_fft|start at|pitch_shift|settling"):
        MusaicingConfig(**changes)
