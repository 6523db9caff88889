"""The classifier of drummers against that of scikit-learn."""

import numpy as np
import pytest

from cambiata.evaluate.drummer_classifier import DrummerClassifier


def test_the_classifier_is_scikit_learns() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    names = rng.choice(["x", "y", "z"], 120, p=[0.6, 0.3, 0.1])
    x = rng.normal(size=(120, 5)).astype(np.float32)
    x[:, 0] += names == "y"
    x[:, 1] -= names == "z"
    classifier = DrummerClassifier(x, names.tolist(), penalty=0.1)
    scaled = (x - x.mean(0)) / (x.std(0) + 0.05)
    theirs = linear_model.LogisticRegression(
        C=1 / (0.1 * 120), class_weight="balanced", tol=1e-8, max_iter=1000
    ).fit(scaled, names)
    logits = classifier.log_likelihoods(x)
    ours = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    np.testing.assert_allclose(ours, theirs.predict_proba(scaled), atol=2e-3)
