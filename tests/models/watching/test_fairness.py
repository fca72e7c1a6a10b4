"""The figures of groups on a frame made by hand; small groups give counts only."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from models.watching.fairness import NOT_STATED, as_frame, selection, within
from models.watching.settings import WatchSettings

LIMITS = WatchSettings(minimum_group=5, minimum_defaults=2, cut_off=0.5)
# a: 6 of 8 selected; b: 3 of 6; c: 1 of 2; nobody says: 4 of 5
FRAME = pl.DataFrame(
    {
        "form": ["a"] * 8 + ["b"] * 6 + ["c"] * 2 + [None] * 5,
        "pd": [0.1] * 6 + [0.9] * 2 + [0.2] * 3 + [0.7] * 3 + [0.1, 0.9] + [0.1] * 4 + [0.8],
        "label": [0] * 6 + [1, 1] + [0, 0, 1, 1, 1, 0] + [0, 1] + [0] * 4 + [1],
    }
)


def figures(found):
    return {(one.group_name, one.measure): one for one in found}


def test_selection_and_impact_by_hand():
    found = figures(selection(FRAME, "form", settings=LIMITS))
    assert found["a", "selection_rate"].value == 0.75
    assert found["b", "selection_rate"].value == 0.5
    assert found["b", "adverse_impact_ratio"].value == pytest.approx(0.5 / 0.75)
    assert found["b", "adverse_impact_ratio"].note == "against a, the highest rate"
    assert found["a", "adverse_impact_ratio"].value == 1.0
    # Katz: exp(+-1.96 sqrt(1/3 - 1/6 + 1/6 - 1/8))
    reach = math.exp(1.959964 * math.sqrt(1 / 3 - 1 / 6 + 1 / 6 - 1 / 8))
    assert found["b", "adverse_impact_ratio"].high == pytest.approx(0.5 / 0.75 * reach, rel=1e-5)


def test_those_of_whom_nothing_is_stated_are_counted_and_are_no_yardstick():
    found = figures(selection(FRAME, "form", settings=LIMITS))
    assert found[NOT_STATED, "selection_rate"].value == 0.8
    assert found[NOT_STATED, "adverse_impact_ratio"].note == "against a, the highest rate"


def test_a_small_group_gives_counts_and_no_figure():
    for found in (
        selection(FRAME, "form", settings=LIMITS),
        within(FRAME, "form", basis="unseen", settings=LIMITS),
    ):
        small = [one for one in found if one.group_name == "c"]
        assert [one.value for one in small if one.measure == "borrowers"] == [2.0]
        assert all(one.value is None and "below 5" in one.note for one in small if one.measure != "borrowers")


def test_within_groups_by_hand():
    found = figures(within(FRAME, "form", basis="matured", settings=LIMITS))
    assert found["a", "auc"].value == 1.0
    assert found["a", "observed_rate"].value == 0.25
    assert found["a", "mean_pd"].value == pytest.approx(0.3)
    assert found["a", "observed_to_expected"].value == pytest.approx(0.25 / 0.3)
    # b: pairs of 3 defaults and 3 others; (0.2 | 0.2 0.2 0.7) = 1, (0.7 | ..) = 2.5, (0.7 | ..) = 2.5
    assert found["b", "auc"].value == pytest.approx(6 / 9)
    assert found[NOT_STATED, "auc"].value is None
    assert found[NOT_STATED, "auc"].note == "1 defaults among 5: 2 of each kind are needed"


def test_nobody_selected_anywhere_has_no_ratio():
    found = figures(selection(FRAME, "form", settings=LIMITS.model_copy(update={"cut_off": 0.01})))
    assert found["a", "selection_rate"].value == 0.0
    assert found["a", "adverse_impact_ratio"].value is None


def test_nobody_scored_is_no_row_and_still_a_frame():
    empty = pl.DataFrame(schema={"pd": pl.Float64, "form": pl.String})
    assert as_frame(selection(empty, "form", settings=LIMITS)).height == 0


def test_groups_treated_alike_have_a_ratio_whose_interval_holds_one():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"pd": rng.random(2000), "form": rng.choice(["a", "b"], 2000)})
    ratios = [one for one in selection(frame, "form", settings=WatchSettings()) if one.low is not None]
    assert all(one.low < 1 < one.high for one in ratios if one.measure == "adverse_impact_ratio")
