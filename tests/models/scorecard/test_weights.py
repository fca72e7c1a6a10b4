"""The regression is the maximum of its likelihood, and features enter as the score statistic says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.scorecard.fitting import fit_weights, forward


def rows(count: int = 3000, *, columns: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of which only the first two columns tell of default."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(count, columns))
    return evidence, (rng.random(count) < expit(-1.5 - evidence[:, 0] - 0.5 * evidence[:, 1])).astype(
        np.int64
    )


def test_weights_are_those_of_scikit_learn():
    evidence, labels = rows()
    fit = fit_weights(evidence, labels)
    other = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(evidence, 1 - labels)
    assert fit.weights == pytest.approx(other.coef_[0], abs=1e-6)
    assert fit.intercept == pytest.approx(other.intercept_[0], abs=1e-6)


def test_weights_stay_finite_where_a_column_separates_the_classes():
    labels = (np.arange(200) < 50).astype(np.int64)
    fit = fit_weights((1.0 - 2.0 * labels)[:, None], labels)
    assert np.isfinite(fit.weights).all()
    assert fit.weights[0] > 3


def test_columns_enter_by_what_they_add_and_noise_stays_out():
    evidence, labels = rows()
    path = forward(evidence, labels, most=4)
    assert path.columns[:2] == (0, 1)
    assert set(path.columns) <= {0, 1, 2, 3}
    assert len(path.fit.weights) == len(path.columns)
    assert path.fit.weights.min() > 0
    assert forward(evidence, labels, most=1).columns == (0,)


def test_a_column_that_says_the_opposite_of_its_evidence_never_enters():
    evidence, labels = rows()
    assert 0 not in forward(evidence * np.array([-1.0, 1.0, 1.0, 1.0]), labels, most=4).columns


def test_a_column_whose_twin_is_on_the_card_does_not_enter():
    evidence, labels = rows()
    path = forward(np.column_stack([evidence[:, 0], evidence[:, 0], evidence[:, 1]]), labels, most=3)
    assert set(path.columns) in ({0, 2}, {1, 2})
