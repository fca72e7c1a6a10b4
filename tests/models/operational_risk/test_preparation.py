"""Frame to matrix: Unknown levels, ranges fitted once and clipped, marks of structural gaps, schema."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.errors import SchemaMismatchError
from models.operational_risk.preparation import Preparation
from models.schema import Column, conform, schema_hash, schema_of

TRAIN = pl.DataFrame(
    {
        "amount": [1.0, 2.0, 3.0, None],
        "count": [0, 5, 10, 5],
        "urban": [True, None, False, True],
        "sector": ["food", "retail", None, "food"],
    }
)


def test_every_value_lies_in_the_unit_interval():
    matrix = Preparation().fit(TRAIN).transform(TRAIN)
    assert matrix.min() >= 0
    assert matrix.max() <= 1
    assert np.isfinite(matrix).all()


def test_missing_categories_are_a_level_of_their_own():
    prepared = Preparation().fit(TRAIN)
    names = prepared.feature_names_out_
    matrix = prepared.transform(TRAIN)
    assert names[-3:] == ("sector=food", "sector=retail", "sector=Unknown")
    assert matrix[:, names.index("sector=Unknown")].tolist() == [0, 0, 1, 0]
    assert matrix[:, names.index("urban=Unknown")].tolist() == [0, 1, 0, 0]


def test_the_training_range_scales_other_rows_and_clips_them():
    prepared = Preparation(skew_limit=None).fit(TRAIN)
    night = TRAIN[:2].with_columns(amount=pl.Series([100.0, -100.0]), count=pl.Series([2, 2]))
    assert prepared.transform(night)[:, 0].tolist() == [1.0, 0.0]
    assert prepared.transform(night)[:, 1].tolist() == [0.2, 0.2]


def test_structural_gaps_are_marked_once_a_pattern():
    rows = 100
    gap = np.where(np.arange(rows) < 30, np.nan, 1.0) * np.arange(rows)
    frame = pl.DataFrame({"a": gap, "b": gap * 2, "c": np.arange(rows) * 1.0}, nan_to_null=True)
    prepared = Preparation().fit(frame)
    assert [name for name in prepared.feature_names_out_ if name.startswith("missing:")] == ["missing:a"]
    assert prepared.transform(frame)[:, 3].sum() == 30


def test_infinite_numbers_are_gaps():
    prepared = Preparation().fit(TRAIN)
    night = TRAIN.with_columns(amount=pl.lit(float("inf")))
    assert np.isfinite(prepared.transform(night)).all()


def test_skewed_numbers_are_compressed_and_keep_their_order():
    amounts = np.exp(np.linspace(-3, 12, 50))
    frame = pl.DataFrame({"amount": amounts, "even": np.arange(50.0)})
    assert Preparation(skew_limit=None).fit(frame).compressed_.tolist() == [False, False]
    prepared = Preparation(skew_limit=1.0).fit(frame)
    assert prepared.compressed_.tolist() == [True, False]
    column = prepared.transform(frame)[:, 0]
    assert (np.diff(column) > 0).all()
    assert 0.2 < np.median(column) < 0.6


def test_schema_hash_sees_names_order_and_kinds_but_not_widths():
    base = schema_hash(schema_of(TRAIN))
    assert base == schema_hash(schema_of(TRAIN.with_columns(pl.col("count").cast(pl.Int32))))
    assert base != schema_hash(schema_of(TRAIN.with_columns(pl.col("count").cast(pl.String))))
    assert base != schema_hash(schema_of(TRAIN.rename({"count": "counts"})))
    assert base != schema_hash(schema_of(TRAIN.select(reversed(TRAIN.columns))))


def test_conform_refuses_what_differs_and_takes_untyped_nulls():
    schema = schema_of(TRAIN)
    assert conform(TRAIN.with_columns(count=pl.lit(None)), schema).columns == TRAIN.columns
    with pytest.raises(SchemaMismatchError, match="urban, sector"):
        conform(TRAIN.drop("urban", "sector"), schema)
    with pytest.raises(SchemaMismatchError, match="takes numbers"):
        schema_of(pl.DataFrame({"day": [None]}, schema={"day": pl.Date}), ["day"])
    assert schema_of(pl.DataFrame(schema={"day": pl.Date, "n": pl.Int8})) == (Column("n", "number"),)
