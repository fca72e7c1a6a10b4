"""The bounded imputer equals scikit-learn's while all rows are donors, and stays bounded beyond."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.impute import KNNImputer

from models.operational_risk.imputation import BoundedKNNImputer, _alike


def gappy(rows: int, columns: int, *, seed: int = 0, share: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = rng.random((rows, columns))
    matrix[rng.random((rows, columns)) < share] = np.nan
    return matrix


@pytest.mark.parametrize(("rows", "share"), [(40, 0.2), (300, 0.2), (300, 0.6)])
def test_equals_scikit_learn_with_all_rows_as_donors(rows, share):
    train, test = gappy(rows, 6, share=share), gappy(80, 6, seed=1, share=share)
    ours = BoundedKNNImputer(n_neighbors=5, reference_rows=rows).fit(train)
    theirs = KNNImputer(n_neighbors=5).fit(train)
    assert np.allclose(ours.transform(test), theirs.transform(test))


def test_a_value_that_only_distant_donors_have_is_found():
    train = np.full((400, 2), np.nan)
    train[:, 0] = np.linspace(0, 1, 400)
    train[-5:, 1] = [1, 2, 3, 4, 5]
    filled = (
        BoundedKNNImputer(n_neighbors=2, reference_rows=400).fit(train).transform(np.array([[0.0, np.nan]]))
    )
    assert filled[0, 1] == pytest.approx(1.5)


def test_columns_that_the_same_rows_lack_are_one_group_and_are_filled_as_by_scikit_learn():
    train = gappy(300, 6)
    train[:200, 3:] = np.nan  # a feed that two thirds never delivered
    train[200:, 3:] = np.random.default_rng(5).random((100, 3))
    group_of, has_value = _alike(~np.isnan(train))
    assert group_of.tolist() == [0, 1, 2, 3, 3, 3]
    assert np.array_equal(has_value[group_of], ~np.isnan(train).T)
    filled = BoundedKNNImputer(reference_rows=300).fit(train).transform(train)
    assert np.allclose(filled, KNNImputer(n_neighbors=5).fit(train).transform(train))


def test_of_donors_at_the_same_distance_the_first_ones_count():
    train = np.array([[0.0, 1.0], [1.0, 2.0], [1.0, 4.0], [1.0, 8.0], [0.5, np.nan]])
    filled = BoundedKNNImputer(n_neighbors=2).fit(train).transform(np.array([[1.0, np.nan]]))
    assert filled[0, 1] == 3.0


def test_a_row_is_filled_alike_whatever_rows_it_comes_with():
    imputer, test = BoundedKNNImputer().fit(gappy(300, 8)), gappy(80, 8, seed=1)
    alone = [imputer.transform(test[row : row + 1])[0] for row in range(len(test))]
    assert np.array_equal(imputer.transform(test), alone)


def test_rows_without_gaps_come_back_as_they_are_and_known_values_never_change():
    train = gappy(100, 4)
    imputer = BoundedKNNImputer().fit(train)
    test = gappy(50, 4, seed=2)
    filled = imputer.transform(test)
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[~np.isnan(test)], test[~np.isnan(test)])


def test_without_any_known_value_the_training_mean_is_taken():
    train = gappy(60, 3)
    filled = BoundedKNNImputer().fit(train).transform(np.full((1, 3), np.nan))
    assert filled[0] == pytest.approx(np.nanmean(train, axis=0))


def test_a_column_without_any_value_becomes_zero():
    train = gappy(60, 3)
    train[:, 1] = np.nan
    assert BoundedKNNImputer().fit(train).transform(train)[:, 1].tolist() == [0.0] * 60


def test_donors_are_bounded_and_seeded():
    train = gappy(500, 3)
    first = BoundedKNNImputer(reference_rows=100, random_state=3).fit(train)
    assert first.reference_.shape == (100, 3)
    assert np.array_equal(
        first.reference_,
        BoundedKNNImputer(reference_rows=100, random_state=3).fit(train).reference_,
        equal_nan=True,
    )
