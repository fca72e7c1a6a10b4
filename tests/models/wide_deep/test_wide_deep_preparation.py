"""Slots are looked up, never multiplied out; what training did not show has its own place and is counted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from wide_deep_frames import make_portfolio

from models.errors import SchemaMismatchError
from models.wide_deep.numbers import DeepNumbers
from models.wide_deep.preparation import WideDeepPreparation, counts
from models.wide_deep.slots import CategoryField, Cross, NumberField

FRAME = make_portfolio().frame
WIDE = ("city", "industry_primary", "identity_verified", "employees", "delinquency_count")
DEEP = ("tx_count_90d", "tx_net_amount_90d", "tx_gap_std_90d")


@pytest.fixture(scope="module")
def prepared() -> WideDeepPreparation:
    return WideDeepPreparation(WIDE, DEEP, crosses=(("city", "industry_primary"),), rare_below=10).fit(FRAME)


def test_a_row_has_one_slot_in_each_field_within_its_range(prepared):
    slots = prepared.transform(FRAME).slots
    assert slots.shape == (FRAME.height, len(WIDE) + 1)
    assert (slots >= prepared.offsets_[:-1]).all()
    assert (slots < prepared.offsets_[1:]).all()


def test_slots_agree_with_a_dense_one_hot(prepared):
    """The slow way: every level and every pair compared with every row."""
    slots = prepared.transform(FRAME).slots
    names = prepared.fields_[0].slot_names
    for row, city in enumerate(FRAME["city"]):
        wanted = "missing" if city is None else "rare" if city == "hamlet" else city
        assert names[slots[row, 0] - prepared.offsets_[0]] == wanted
    pairs = {}
    for row in range(FRAME.height):
        pairs.setdefault((slots[row, 0], slots[row, 1]), set()).add(slots[row, -1])
    assert all(len(found) == 1 for found in pairs.values())  # a pair is one slot
    frequent = {pair for pair in pairs if sum((slots[:, 0] == pair[0]) & (slots[:, 1] == pair[1])) >= 10}
    assert len(frequent) == prepared.crosses_[0].kept
    assert len({next(iter(pairs[pair])) for pair in frequent}) == len(frequent)  # and frequent pairs differ


def test_unseen_rare_and_missing_have_slots_of_their_own_and_are_counted(prepared):
    night = pl.DataFrame({"city": ["atlantis", "hamlet", None, "north"]}).join(
        FRAME.drop("city").head(1), how="cross"
    )
    slots = prepared.transform(night).slots
    assert len(set(slots[:, 0])) == 4
    assert prepared.unseen_counts(night)["city"] == 1
    assert prepared.rare_counts(night)["city"] == 1
    assert prepared.unseen_counts(night)["city x industry_primary"] >= 1
    assert slots[0, -1] == prepared.n_slots_ - 1
    assert any("levels of city" in line for line in prepared.decisions_)


def test_a_cross_without_its_column_is_left_out_and_said():
    prepared = WideDeepPreparation(("city",), DEEP, crosses=(("city", "region"),)).fit(FRAME)
    assert prepared.field_names_ == ("city",)
    assert prepared.decisions_[0].startswith("cross city x region left out")


def test_a_missing_field_is_refused_and_named(prepared):
    with pytest.raises(SchemaMismatchError, match="tx_gap_std_90d"):
        prepared.transform(FRAME.drop("tx_gap_std_90d"))
    with pytest.raises(SchemaMismatchError, match="employees"):
        prepared.check(FRAME.with_columns(pl.col("employees").cast(pl.String)))


def test_negative_counts_are_missing_and_counted(prepared):
    odd = FRAME.with_columns(
        pl.lit(-3).alias("delinquency_count"),
        pl.lit(-3.0).alias("tx_count_90d"),
        pl.lit(-3).alias("employees"),
    )
    gaps = FRAME.with_columns(
        pl.lit(None, pl.Int64).alias("delinquency_count"),
        pl.lit(None, pl.Float64).alias("tx_count_90d"),
        pl.lit(-3).alias("employees"),
    )
    assert np.array_equal(prepared.transform(odd).slots, prepared.transform(gaps).slots)
    assert np.array_equal(prepared.transform(odd).numbers, prepared.transform(gaps).numbers)
    told = prepared.impossible_counts(odd)
    assert told["delinquency_count"] == told["tx_count_90d"] == FRAME.height
    assert told["employees"] == 0
    trained = WideDeepPreparation(WIDE, DEEP).fit(
        FRAME.with_columns(
            pl.when(pl.int_range(pl.len()) < 3).then(-1).otherwise("tx_count_90d").alias("tx_count_90d")
        )
    )
    assert "3 infinite values or negative counts in tx_count_90d taken as missing" in trained.decisions_


def test_counts_are_known_by_their_name():
    assert [
        counts(name) for name in ("loan_count", "tx_count_all", "count", "account_age", "tx_net_amount_90d")
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_all_missing_transactions_are_a_row_at_the_mean_with_its_marks_set(prepared):
    night = FRAME.head(2).with_columns(pl.lit(None, pl.Float64).alias(name) for name in DEEP)
    numbers = prepared.transform(night).numbers
    assert np.isfinite(numbers).all()
    assert np.array_equal(numbers[:, :3], np.zeros((2, 3), dtype=np.float32))
    assert (numbers[:, 3:] == 1).all()
    assert numbers.shape[1] > 3


def test_a_night_outside_the_training_range_stays_inside(prepared):
    wild = FRAME.with_columns(
        pl.lit(1e12).alias("tx_net_amount_90d"), pl.lit(float("inf")).alias("tx_gap_std_90d")
    )
    numbers = prepared.transform(wild).numbers
    assert np.abs(numbers).max() <= np.abs(prepared.transform(FRAME).numbers).max()


def test_presence_and_means_are_those_of_training(prepared):
    inputs = prepared.transform(FRAME)
    for place in range(inputs.slots.shape[1]):
        start, end = prepared.offsets_[place : place + 2]
        assert prepared.presence_[start:end].sum() == pytest.approx(1.0)
    assert prepared.presence_[inputs.slots[0, 0]] == pytest.approx(
        np.mean(inputs.slots[:, 0] == inputs.slots[0, 0])
    )
    assert prepared.means_ == pytest.approx(inputs.numbers.mean(axis=0), abs=1e-6)


def test_bins_hold_about_equally_many_rows_and_open_ends():
    values = pl.Series("sales", np.random.default_rng(0).lognormal(size=1000))
    field = NumberField.learn(values, bins=4, count=False)
    assert np.bincount(field.code(values).codes).tolist() == [250] * 4
    assert field.code(pl.Series([-1e9, 1e9, None, float("nan")])).codes.tolist() == [0, 3, 4, 4]
    assert len(field.slot_names) == 5


def test_a_bin_never_stands_empty_where_many_values_are_equal():
    field = NumberField.learn(pl.Series("n", [0] * 90 + [5] * 10), bins=10, count=True)
    assert set(field.code(pl.Series([0] * 90 + [5] * 10)).codes.tolist()) == set(range(len(field.edges) + 1))


def test_pairs_never_seen_together_are_unseen_though_both_levels_were_seen():
    left, right = np.array([0, 0, 1]), np.array([0, 0, 1])
    cross = Cross.learn(0, 1, "a x b", left, right, width=2, rare_below=1)
    coded = cross.code(np.array([0, 1, 0]), np.array([0, 1, 1]))
    assert coded.codes.tolist() == [0, 1, cross.size - 1]
    assert coded.unseen == 1


def test_flags_and_categories_of_any_text_type_read_alike():
    texts = pl.Series("verified", ["true", "false", "true"])
    field = CategoryField.learn(texts, rare_below=1)
    assert field == CategoryField.learn(texts == "true", rare_below=1)
    assert field == CategoryField.learn(texts.cast(pl.Categorical), rare_below=1)


def test_a_flag_of_the_flow_is_a_number():
    numbers = DeepNumbers(("late",), frozenset()).fit(pl.DataFrame({"late": [True, False, False, True]}))
    assert numbers.transform(pl.DataFrame({"late": [True, False, None, True]})).tolist()[:2] == [
        [1.0],
        [-1.0],
    ]
