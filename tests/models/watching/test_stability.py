"""Reference bins hold every value once; the index is the one of the books, finite, and rarely cries wolf."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.watching.stability import bin_counts, reference_bins, reference_frame, stability_index

VALUES = st.lists(
    st.one_of(st.none(), st.floats(allow_nan=False, width=32), st.integers(-3, 3)), min_size=1, max_size=80
)


def test_the_index_of_three_bins_by_hand():
    # (0.3 - 0.2) ln 1.5 + (0.3 - 0.3) ln 1 + (0.4 - 0.5) ln 0.8
    by_hand = 0.1 * math.log(1.5) - 0.1 * math.log(0.8)
    found = stability_index([200, 300, 500], [30, 30, 40], smoothing=1e-12)
    assert found.value == pytest.approx(by_hand, abs=1e-9)
    assert found.critical == pytest.approx(5.991465 * (1 / 1000 + 1 / 100), abs=1e-6)
    assert found.bins == 3


def test_half_a_row_in_each_bin_by_hand():
    p, q = (10.5 / 21, 10.5 / 21), (20.5 / 21, 0.5 / 21)
    by_hand = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert stability_index([10, 10], [20, 0]).value == pytest.approx(by_hand)


@pytest.mark.parametrize("actual", [[100, 0], [0, 100]])
def test_an_empty_bin_costs_a_finite_amount(actual):
    found = stability_index([50, 50], actual)
    assert math.isfinite(found.value)
    assert found.value > 0.25


def test_bins_that_nobody_occupies_count_for_nothing():
    assert stability_index([50, 0, 50], [5, 0, 7]) == stability_index([50, 50], [5, 7])


def test_one_bin_has_no_critical_value_and_no_change():
    assert stability_index([50, 0], [3, 0]) == (0.0, None, 1)


def test_an_empty_sample_is_refused():
    with pytest.raises(ValueError, match="an empty sample has no stability index"):
        stability_index([1, 1], [0, 0])


@given(VALUES, VALUES)
def test_every_value_falls_into_exactly_one_bin(reference, later):
    bins = reference_bins(pl.Series("x", reference, dtype=pl.Float64))
    assert sum(one.count for one in bins) == len(reference)
    assert sum(one.share for one in bins) == pytest.approx(1.0)
    counts = bin_counts(pl.Series("x", later, dtype=pl.Float64), bins)
    assert counts.sum() == len(later)
    assert counts[-1] == sum(one is None for one in later)
    assert (counts >= 0).all()


def test_bins_are_those_that_their_bounds_say():
    values = pl.Series("x", np.random.default_rng(0).normal(size=500))
    later = np.random.default_rng(1).normal(size=200)
    bins = reference_bins(values)
    assert [one.count for one in bins] == [50] * 10 + [0]
    for one, count in zip(bins[:-1], bin_counts(pl.Series("x", later), bins), strict=False):
        low = -math.inf if one.lower is None else one.lower
        high = math.inf if one.upper is None else one.upper
        assert count == ((later >= low) & (later < high)).sum()


def test_a_constant_has_a_bin_of_its_own_so_that_a_change_is_seen():
    bins = reference_bins(pl.Series("x", [3.0] * 60))
    assert [(one.kind, one.lower, one.count) for one in bins] == [
        ("value", 3.0, 60), ("other", None, 0), ("missing", None, 0),
    ]  # fmt: skip
    assert bin_counts(pl.Series("x", [3.0, 2.9, 3.1, None]), bins).tolist() == [1, 2, 1]


def test_flags_and_text_have_a_bin_a_value_and_one_for_any_other():
    flags = reference_bins(pl.Series("x", [True, False, True, None]))
    assert bin_counts(pl.Series("x", [True, None, False], dtype=pl.Boolean), flags).tolist() == [1, 1, 0, 1]
    text = reference_bins(pl.Series("x", ["a", "a", "b"]))
    assert bin_counts(pl.Series("x", ["b", "new", None, "a"]), text).tolist() == [1, 1, 1, 1]
    nothing = reference_bins(pl.Series("x", [None, None], dtype=pl.String))
    assert bin_counts(pl.Series("x", ["a", None]), nothing).tolist() == [1, 1]


def test_the_reference_of_a_model_takes_each_unseen_row_once():
    frame = pl.DataFrame({"x": [1.0, 2.0, None], "other": ["a", "b", "c"]})
    unseen = pl.DataFrame({"repeat": [0, 0, 0, 1, 1, 1], "pd": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]})
    found = reference_frame(frame, unseen, features=["x"])
    assert found.group_by("subject", maintain_order=True).agg(pl.col("count").sum()).rows() == [
        ("score", 3),
        ("x", 3),
    ]


@pytest.mark.parametrize(("n", "m"), [(1600, 1800), (400, 150)])
def test_under_no_change_the_critical_value_is_passed_as_often_as_it_says(n, m):
    """1,000 pairs of samples of one distribution: about 5% above the critical value, within the binomial interval."""
    rng, runs = np.random.default_rng(20), 1000
    passed = 0
    for _ in range(runs):
        bins = reference_bins(pl.Series("x", rng.normal(size=n)))
        found = stability_index(
            [one.count for one in bins], bin_counts(pl.Series("x", rng.normal(size=m)), bins)
        )
        passed += found.value > found.critical
    span = stats.binomtest(passed, runs).proportion_ci(0.999)
    assert span.low <= 0.05 <= span.high, passed / runs
