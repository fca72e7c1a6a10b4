"""What a score leans on, through shap: exact where the answer is known, and at a bounded cost."""

from __future__ import annotations

import numpy as np
import pytest

from models.explaining.importance import BACKGROUND, group_importance, importance_of, shap_importance

X = np.random.default_rng(0).normal(size=(50, 4))
NAMES = ("age", "debt", "debt", "flat")


def added(rows: np.ndarray) -> np.ndarray:
    return 2.0 * rows[:, 0] + rows[:, 1] - 0.5 * rows[:, 2]


def test_a_sum_of_columns_leans_on_what_each_adds_beyond_the_background():
    found = shap_importance(added, X, sources=NAMES, features=("age", "debt", "flat"))
    away = X[BACKGROUND:] - X[:BACKGROUND].mean(axis=0)
    sizes = np.array([np.abs(2.0 * away[:, 0]).mean(), np.abs(away[:, 1] - 0.5 * away[:, 2]).mean()])
    assert list(found.shares) == ["age", "debt", "flat"]
    np.testing.assert_allclose(list(found.shares.values()), [*sizes / sizes.sum(), 0.0], atol=1e-12)
    assert "40 training rows beside 10 others" in found.how
    assert "seed 7" in found.how


def test_a_row_costs_a_bounded_number_of_scores_and_a_second_time_gives_the_same():
    asked = []

    def curved(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return np.tanh(rows[:, 0] * rows[:, 1]) + rows[:, 2] ** 2

    first, again = (
        shap_importance(curved, X, sources=NAMES, features=("age", "debt", "flat")) for _ in range(2)
    )
    assert first == again
    assert 0 < sum(asked) / 2 <= (len(X) - BACKGROUND) * (2 * X.shape[1] + 1) * BACKGROUND


def test_columns_of_one_feature_count_together_and_a_feature_without_a_column_counts_nothing():
    found = importance_of(
        "splits", np.array([1.0, 3.0, 0.0]), sources=("a", "b", "a"), features=("a", "b", "c")
    )
    assert found == ("splits", {"b": 0.75, "a": 0.25, "c": 0.0})
    assert sum(importance_of("splits", np.zeros(1), sources=("a",), features=("a",)).shares.values()) == 0.0


def test_groups_add_up_their_features():
    shares = {"debt": 0.5, "age": 0.3, "loans": 0.2}
    groups = group_importance(shares, {"debt": "ledger", "loans": "ledger", "age": "profile"})
    assert groups == {"ledger": pytest.approx(0.7), "profile": 0.3}
    assert group_importance(shares, {}) == {"all": pytest.approx(1.0)}
