"""The ensemble's preparation: what it learns it learns once, and no value is lost silently."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.errors import SchemaMismatchError
from models.voting_ensemble.preparation import StandardPreparation, duplicate_columns

TRAIN = pl.DataFrame(
    {
        "assets": [1.0, 2.0, 3.0, 6.0],
        "income": [10.0, None, float("nan"), 30.0],
        "capital": [5.0, None, None, 15.0],
        "urban": [True, False, None, True],
        "sector": ["b", "a", "b", None],
    }
)


def test_standardised_marked_and_one_hot_by_hand():
    preparation = StandardPreparation().fit(TRAIN)
    assert preparation.feature_names_out_ == (
        "assets",
        "income",
        "capital",
        "missing:income",  # capital has the same gaps, which are marked once
        "urban=false",
        "urban=true",
        "urban=Unknown",
        "sector=a",
        "sector=b",
        "sector=Unknown",
    )
    matrix = preparation.transform(TRAIN)
    spread = np.std([1.0, 2.0, 3.0, 6.0])
    assert matrix[:, 0] == pytest.approx(np.array([-2.0, -1.0, 0.0, 3.0]) / spread)
    assert matrix[:, 1].tolist() == [-1.0, 0.0, 0.0, 1.0]
    assert matrix[:, 3].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert matrix[:, 4:7].tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert matrix[:, 7:].tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert preparation.sources_out_[3] == "income"
    assert set(preparation.sources_out_[7:]) == {"sector"}


def test_a_row_does_not_depend_on_the_rows_beside_it():
    preparation = StandardPreparation().fit(TRAIN)
    alone = np.vstack([preparation.transform(TRAIN[row]) for row in range(4)])
    assert np.array_equal(alone, preparation.transform(TRAIN))
    assert preparation.transform(TRAIN[:0]).shape == (0, 10)


def test_unseen_levels_are_unknown_and_counted():
    preparation = StandardPreparation().fit(TRAIN)
    new = TRAIN.with_columns(sector=pl.Series(["z", "a", None, "y"]))
    assert preparation.unseen_counts(new) == {"urban": 0, "sector": 2}
    assert preparation.transform(new)[:, -1].tolist() == [1.0, 0.0, 1.0, 1.0]


def test_a_rare_level_has_no_column_and_is_not_unseen():
    frame = pl.DataFrame({"sector": ["a"] * 100 + ["b"] * 100 + ["c"], "x": range(201)})
    preparation = StandardPreparation().fit(frame)
    assert preparation.levels_ == {"sector": ["a", "b"]}
    assert preparation.rare_ == {"sector": ["c"]}
    assert preparation.transform(frame)[-1, 1:].tolist() == [0.0, 0.0, 1.0]
    assert preparation.unseen_counts(frame) == {"sector": 0}


def test_infinite_values_are_gaps_and_counted():
    frame = pl.DataFrame({"ratio": [1.0, float("inf"), 3.0, float("-inf")], "x": [1.0, 2.0, 3.0, 4.0]})
    preparation = StandardPreparation().fit(frame)
    assert preparation.infinite_ == {"ratio": 2}
    assert preparation.transform(frame)[:, 0].tolist() == [-1.0, 0.0, 1.0, 0.0]
    assert "missing:ratio" in preparation.feature_names_out_


def test_a_missing_or_changed_column_is_refused_by_name():
    preparation = StandardPreparation().fit(TRAIN)
    with pytest.raises(SchemaMismatchError, match="income"):
        preparation.check(TRAIN.drop("income"))
    with pytest.raises(SchemaMismatchError, match="sector"):
        preparation.transform(TRAIN.with_columns(sector=pl.lit(1.0)))


def test_duplicates_are_found_across_number_types_and_not_across_kinds():
    frame = pl.DataFrame(
        {
            "a": [1, 2, None],
            "b": [1.0, 2.0, float("nan")],
            "c": ["1", "2", None],
            "d": ["1", "2", None],
            "e": [1, 2, 3],
        }
    )
    assert duplicate_columns(frame) == {"b": "a", "d": "c"}
