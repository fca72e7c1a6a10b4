"""What a bin holds, which bin a value is in, and its weight of evidence."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from models.scorecard.bins import FeatureBins, evidence
from models.scorecard.merging import Demands, Group

DEMANDS = Demands(rows=20, defaults=2, most=5)
RNG = np.random.default_rng(0)
LABELS = (np.arange(400) % 4 == 0).astype(np.int64)
BAD = LABELS == 1


def learn(column: pl.Series, **changed: object) -> FeatureBins:
    given = {"fine": 20, "smoothing": 10.0, **changed}
    return FeatureBins.learn(column, LABELS, DEMANDS, **given)


def number(shift: float = 2.0) -> pl.Series:
    return pl.Series("number", RNG.normal(size=400) + shift * LABELS)


def test_a_number_is_in_the_interval_that_holds_it_its_lower_bound_in_it():
    column = number()
    bins = learn(column)
    codes = bins.code(column)
    assert [part.kind for part in bins.bins] == ["interval"] * (len(bins.bins) - 1) + ["missing"]
    assert len(bins.bins) > 2
    for value, code in zip(column.to_list(), codes.tolist(), strict=True):
        part = bins.bins[code]
        assert part.lower is None or value >= part.lower
        assert part.upper is None or value < part.upper
    bounds = [part.lower for part in bins.bins[1:-1]]
    assert bins.code(pl.Series(bounds)).tolist() == list(range(1, len(bins.bins) - 1))
    assert [(part.rows, part.defaults) for part in bins.bins] == [
        (int((codes == place).sum()), int(BAD[codes == place].sum())) for place in range(len(bins.bins))
    ]


def test_bounds_are_short_where_so_few_digits_keep_them_apart():
    assert all(
        len(f"{part.lower:g}".strip("-0.").replace(".", "")) <= 4 for part in learn(number()).bins[1:-1]
    )
    fine = learn(1e6 + number() / 1e3)  # four digits would make one bound of all
    assert len(fine.bins) > 2


def test_missing_is_a_bin_of_its_own_and_what_is_no_finite_number_is_missing():
    column = number().scatter([0, 1, 2], [None, math.nan, math.inf])
    bins = learn(column)
    assert bins.bins[-1].kind == "missing"
    assert bins.bins[-1].rows == 3
    assert bins.code(column)[:3].tolist() == [len(bins.bins) - 1] * 3


def test_a_bin_without_defaults_has_a_finite_weight_and_one_without_rows_none():
    gone = pl.Series("gone", np.where(BAD | (np.arange(400) % 3 > 0), 1.0, np.nan))
    bins = learn(gone)
    missing = bins.bins[-1]
    assert missing.rows > 50
    assert missing.defaults == 0
    rate = 0.25
    good, bad = missing.rows + 10 * (1 - rate), 10 * rate
    assert missing.evidence == pytest.approx(math.log(good / 300 / (bad / 100)))
    assert learn(number()).bins[-1].evidence == 0.0
    assert evidence(Group(5, 0), Group(400, 100), smoothing=1000.0) == pytest.approx(0.0, abs=0.01)


def test_an_interval_without_defaults_joins_its_neighbour():
    column = pl.Series("clean", np.where(BAD, 5.0, RNG.integers(0, 10, 400).astype(float)))
    assert all(part.defaults >= 2 for part in learn(column).bins[:-1])


def test_bins_follow_a_direction_and_say_when_the_rows_run_against_it():
    column = number()
    along, against = (learn(column, direction=direction) for direction in (1, -1))
    rates = [part.defaults / part.rows for part in along.bins[:-1]]
    assert rates == sorted(rates)
    assert not along.against
    assert against.against
    assert against.used == 1  # all of it is one bin


def test_a_flag_follows_its_direction_too():
    flag = pl.Series("late", np.where(RNG.random(400) < 0.9, BAD, ~BAD))
    assert [part.levels for part in learn(flag).bins[:2]] == [("false",), ("true",)]
    assert not learn(flag, direction=1).against
    assert learn(flag, direction=-1).against
    assert learn(flag, direction=-1).bins[0].levels == ("false", "true")


def test_levels_of_one_default_rate_share_a_bin_and_rare_ones_are_other():
    city = np.empty(400, dtype=object)
    city[BAD], city[~BAD] = [*"a" * 45, *"b" * 44, *"c" * 6, *"d" * 5], [*"abcd" * 75]
    city[:6] = "village"
    bins = learn(pl.Series("city", city))
    assert [part.kind for part in bins.bins] == ["category", "category", "other", "missing"]
    assert [part.levels for part in bins.bins[:3]] == [("c", "d"), ("a", "b"), ("village",)]
    seen = pl.Series("city", ["a", "village", "atlantis", None])
    assert bins.code(seen).tolist() == [1, 2, 2, 3]
    assert bins.unseen(seen) == 1


def test_text_of_rare_levels_alone_has_no_category():
    bins = learn(pl.Series("name", [f"n{place}" for place in range(400)]))
    assert [part.kind for part in bins.bins] == ["other", "missing"]
    assert bins.used == 1
    assert learn(pl.Series("none", [None] * 400, dtype=pl.String)).code(pl.Series(["x", None])).tolist() == [
        0,
        1,
    ]


def test_a_number_without_any_value_is_one_bin():
    bins = learn(pl.Series("empty", [math.nan] * 400))
    assert bins.used == 1
    assert bins.information == 0.0


def test_the_information_value_is_that_of_the_counts():
    bins = learn(number())
    expected = sum(
        ((part.rows - part.defaults) / 300 - part.defaults / 100) * part.evidence for part in bins.bins
    )
    assert bins.information == pytest.approx(expected)
    assert bins.information > 1
