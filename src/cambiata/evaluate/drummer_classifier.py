"""A classifier of drummers, and its accuracy on held-out sessions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cambiata.data.grooves import GrooveRecording
from cambiata.groove.grid import Groove
from cambiata.groove.vae import encode_windows, split_windows

Array = npt.NDArray[np.float32]

# Added to each feature's deviation, so that a drum that hardly anyone plays does not decide.
_MIN_SCALE = 0.05
_PENALTY = 0.01  # on squared weights; the accuracy on held-out sessions is in every table
_MAX_ITERATIONS = 300  # of L-BFGS


class DrummerClassifier:
    """Drummer of a groove, by multinomial logistic regression on windows of two bars."""

    def __init__(self, windows: Array, drummers: Sequence[str], penalty: float = _PENALTY) -> None:
        from scipy.optimize import minimize
        from scipy.special import log_softmax

        self.drummers = sorted(set(drummers))
        self._mean, self._scale = windows.mean(0), windows.std(0) + _MIN_SCALE
        x = self._standard(windows)
        labels = np.array([self.drummers.index(who) for who in drummers])
        # Each drummer counts as much as another, however much there is of them.
        weight = 1 / np.bincount(labels)[labels] / len(self.drummers)
        one_hot = np.eye(len(self.drummers))[labels]
        shape = x.shape[1], len(self.drummers)

        def objective(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            matrix = flat.reshape(shape)
            log_probs = log_softmax(x @ matrix, axis=1)
            loss = -float(weight @ (log_probs * one_hot).sum(1))
            gradient = x.T @ ((np.exp(log_probs) - one_hot) * weight[:, None])
            loss += 0.5 * penalty * float((matrix[:-1] ** 2).sum())
            gradient[:-1] += penalty * matrix[:-1]
            return loss, gradient.ravel()

        result = minimize(
            objective,
            np.zeros(shape).ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": _MAX_ITERATIONS},
        )
        self._matrix = result.x.reshape(shape)

    def _standard(self, windows: Array) -> npt.NDArray[np.float64]:
        scaled = ((windows - self._mean) / self._scale).astype(np.float64)
        return np.concatenate([scaled, np.ones((len(scaled), 1))], 1)

    def log_likelihoods(self, windows: Array) -> npt.NDArray[np.float64]:
        """Log-likelihoods of each drummer, up to a constant [N, D], of windows [N, 864]."""
        return np.asarray(self._standard(windows) @ self._matrix)

    def posterior(self, windows: Array, a: str, b: str) -> float:
        """Probability that B plays and not A, the mean over windows [N, 864]."""
        logits = self.log_likelihoods(windows)
        log_odds = logits[:, self.drummers.index(b)] - logits[:, self.drummers.index(a)]
        return float((1 / (1 + np.exp(-log_odds))).mean())


def window_features(groove: Groove) -> Array:
    """Hits, velocities and offsets of each window of two bars in which anything is struck."""
    windows = encode_windows(groove, split_windows(groove))
    whole = np.concatenate([each.reshape(len(each), -1) for each in windows], 1)
    struck: Array = whole[windows[0].any((1, 2))]
    return struck


def train_classifier(
    beats: Sequence[GrooveRecording], held_out: Sequence[tuple[GrooveRecording, Groove]]
) -> tuple[DrummerClassifier, dict[str, Any]]:
    """Classifier of the sessions that are not held out, and its accuracy on those that are."""
    drummers = {each.drummer for each, _ in held_out}
    training = [x for x in beats if not x.is_held_out and x.drummer in drummers]
    features = [window_features(each.groove()) for each in training]
    names = [x.drummer for x, own in zip(training, features, strict=True) for _ in own]
    classifier = DrummerClassifier(np.concatenate(features), names)
    correct: dict[str, list[bool]] = {}
    files: dict[str, list[bool]] = {}
    for each, groove in held_out:
        logits = classifier.log_likelihoods(window_features(groove))
        at = classifier.drummers.index(each.drummer)
        correct.setdefault(each.drummer, []).extend((logits.argmax(1) == at).tolist())
        whole = (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).sum(0)
        files.setdefault(each.drummer, []).append(bool(whole.argmax() == at))
    return classifier, {
        "drummers": classifier.drummers,
        "n_windows_taught": len(names),
        "n_windows_held_out": sum(map(len, correct.values())),
        "balanced_accuracy": float(np.mean([np.mean(each) for each in correct.values()])),
        "balanced_accuracy_of_files": float(np.mean([np.mean(each) for each in files.values()])),
        "chance": 1 / len(classifier.drummers),
    }
