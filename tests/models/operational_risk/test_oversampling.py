"""SMOTE balances training rows, lowers its neighbours for a small minority, and never invents a half category."""

from __future__ import annotations

import numpy as np
import pytest

from models.operational_risk.oversampling import SnappedSmote


@pytest.mark.parametrize("minority", [2, 3, 5, 20])
def test_balances_whatever_the_size_of_the_minority(minority):
    rng = np.random.default_rng(0)
    rows, labels = (
        rng.random((60, 3)),
        np.r_[np.ones(minority, dtype=int), np.zeros(60 - minority, dtype=int)],
    )
    more, names = SnappedSmote().fit_resample(rows, labels)
    assert names.mean() == 0.5
    assert np.array_equal(more[:60], rows)
    bad = rows[labels == 1]
    assert (more[60:] >= bad.min(axis=0) - 1e-12).all()
    assert (more[60:] <= bad.max(axis=0) + 1e-12).all()


@pytest.mark.parametrize("labels", [np.r_[1, np.zeros(9)], np.r_[np.ones(5), np.zeros(5)]])
def test_one_row_or_balance_is_left_alone(labels):
    rows = np.random.default_rng(0).random((10, 2))
    more, names = SnappedSmote().fit_resample(rows, labels.astype(int))
    assert more is rows
    assert len(names) == 10


def test_one_level_a_category():
    rng = np.random.default_rng(1)
    levels = np.eye(3)[rng.integers(0, 3, 90)]
    rows = np.column_stack([rng.random(90), levels])
    more, _ = SnappedSmote().fit_resample(rows, (np.arange(90) < 15).astype(int))
    assert set(np.unique(more[:, 1:])) == {0.0, 1.0}
    assert (more[:, 1:].sum(axis=1) == 1).all()
