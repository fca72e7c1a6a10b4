"""Variance inflation against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from models.voting_ensemble.vif import variance_inflation


def test_equals_one_over_one_minus_r_squared():
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5.0
    found = variance_inflation(matrix, ["a", "b", "c", "d"])
    for column, name in enumerate(found):
        others = np.delete(matrix, column, axis=1)
        r2 = LinearRegression().fit(others, matrix[:, column]).score(others, matrix[:, column])
        assert found[name] == pytest.approx(1 / (1 - r2))


def test_independent_columns_are_near_one_and_a_sum_is_infinite():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5000))
    assert all(factor < 1.01 for factor in variance_inflation(np.c_[a, b], "ab").values())
    assert variance_inflation(np.c_[a, b, 2 * a - b], "abc")["c"] == float("inf")


def test_only_the_wanted_columns_are_regressed_and_on_no_more_rows_than_columns(monkeypatch):
    matrix = np.random.default_rng(0).normal(size=(500, 6))
    everything, shapes, solve = variance_inflation(matrix, "abcdef"), [], np.linalg.lstsq

    def counted(left, right, **more):
        shapes.append(left.shape)
        return solve(left, right, **more)

    monkeypatch.setattr(np.linalg, "lstsq", counted)
    assert variance_inflation(matrix, "abcdef", of={"b", "e"}) == {name: everything[name] for name in "be"}
    assert shapes == [(6, 5)] * 2


def test_a_constant_has_no_factor_and_harms_no_other():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100))
    found = variance_inflation(np.c_[a, np.full(100, 3.0), b], "acb")
    assert np.isnan(found["c"])
    assert found["a"] < 1.2
