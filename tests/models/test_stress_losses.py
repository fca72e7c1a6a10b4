"""Every borrower is in one cell, once; those of whom no loss is known are counted and in no loss."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.stress import Path, StressSettings, vasicek_pd
from models.stress_losses import AS_SCORED, DELIVERED, SEVERE, added, losses

ROWS = [
    ("a", "C1", "trade", False, 0.02, 100_00, None),
    ("b", "C1", "trade", False, 0.04, 300_00, None),
    ("c", "E1", None, False, 0.50, 50_00, None),
    ("no exposure", "C1", "trade", False, 0.02, None, None),
    ("in default", "in default", "trade", True, 0.9, 1000_00, None),
    ("in default, no pd", "in default", "trade", True, None, 20_00, None),
    ("unscoreable", "no grade", "trade", False, None, 70_00, None),
    ("a stranger", "no grade", None, False, None, None, None),
]
SCHEMA = {
    "enterprise_id": pl.String, "grade": pl.String, "industry_primary": pl.String, "in_default": pl.Boolean,
    "pd": pl.Float64, "exposure_cents": pl.Int64, "cumulative_pd": pl.List(pl.Float64),
}  # fmt: skip
BORROWERS = pl.DataFrame(ROWS, schema=SCHEMA, orient="row")
HOW = StressSettings(lgd=0.5, ead_factor=1.2, factor=-2)
PATHS = [Path("base", 0.7, (0.0,) * 24), Path("bad", 0.3, (-2.0,) * 24)]


def stored(found: pl.DataFrame) -> pl.DataFrame:
    """The cells as the warehouse gives them back."""
    return found.with_columns(
        exposure=pl.col("exposure_cents") / 100, exposure_without_pd=pl.col("exposure_without_pd_cents") / 100
    )


def cell(found: pl.DataFrame, scenario: str, grade: str, industry: str | None) -> dict[str, object]:
    return found.row(
        by_predicate=(pl.col("scenario") == scenario)
        & (pl.col("grade") == grade)
        & pl.col("industry_primary").eq_missing(industry),
        named=True,
    )


def test_losses_are_by_hand():
    found = losses(BORROWERS, HOW, PATHS).cells
    as_scored = cell(found, AS_SCORED, "C1", "trade")
    assert as_scored["loss_year"] == pytest.approx(0.5 * 1.2 * (0.02 * 100 + 0.04 * 300))
    assert as_scored["mean_pd"] == pytest.approx((0.02 + 0.04 + 0.02) / 3)
    assert as_scored["loss_horizon"] == pytest.approx(0.5 * 1.2 * ((1 - 0.98**2) * 100 + (1 - 0.96**2) * 300))
    low, high = vasicek_pd(np.array([0.02, 0.04]), -2.0, np.full(2, 0.15))
    severe = cell(found, SEVERE, "C1", "trade")
    assert severe["loss_year"] == pytest.approx(0.5 * 1.2 * (low * 100 + high * 300))
    assert (severe["factor_year"], severe["loss_horizon"]) == (-2.0, None)
    bad = cell(found, "bad", "C1", "trade")
    assert bad["loss_year"] == pytest.approx(severe["loss_year"])
    assert (bad["kind"], bad["weight"], bad["factor_year"]) == (DELIVERED, 0.3, -2.0)


def test_in_default_is_lost_in_every_scenario_alike_and_has_no_mean_pd():
    found = losses(BORROWERS, HOW, PATHS).cells
    for scenario in (AS_SCORED, SEVERE, "base", "bad"):
        told = cell(found, scenario, "in default", "trade")
        assert told["loss_year"] == pytest.approx(0.5 * 1.2 * 1020)
        assert (told["mean_pd"], told["without_pd"], told["borrowers"]) == (None, 0, 2)


def test_who_is_in_no_loss_is_counted_with_the_exposure():
    found = losses(BORROWERS, HOW, [])
    total = added(stored(found.cells)).row(0, named=True)
    assert total["borrowers"] == 8
    assert (total["without_pd"], total["exposure_without_pd"], total["without_exposure"]) == (2, 70.0, 1)
    assert total["exposure"] == 1470.0
    assert total["mean_pd"] == pytest.approx((0.02 + 0.04 + 0.5 + 0.02) / 4)
    assert total["loss_horizon"] is None
    no_grade = cell(found.cells, SEVERE, "no grade", None)
    assert (no_grade["loss_year"], no_grade["mean_pd"]) == (0.0, None)
    assert found.effective_number == pytest.approx(1470**2 / (1000**2 + 300**2 + 100**2 + 50**2 + 20**2))


def test_a_known_curve_is_used_and_who_has_none_is_counted():
    early = [0.02] * 12 + [0.02 + 0.001 * month for month in range(1, 13)]
    curves = pl.Series("cumulative_pd", [early, *[None] * 7], dtype=pl.List(pl.Float64))
    found = losses(BORROWERS.with_columns(curves), HOW, PATHS)
    assert found.without_curve == 3
    told = cell(found.cells, AS_SCORED, "C1", "trade")
    assert told["loss_horizon"] == pytest.approx(0.5 * 1.2 * (0.032 * 100 + (1 - 0.96**2) * 300))


@pytest.mark.parametrize("order", [None, 3, 4])
def test_the_order_of_the_rows_changes_no_bit(order):
    rows = pl.concat(
        [
            BORROWERS.with_columns(
                enterprise_id=pl.format("{} {}", pl.lit(n), "enterprise_id"), pd=pl.col("pd") / (1 + n / 7)
            )
            for n in range(50)
        ]
    )
    shuffled = rows if order is None else rows.sample(fraction=1, shuffle=True, seed=order)
    assert losses(shuffled, HOW, PATHS).cells.equals(losses(rows.reverse(), HOW, PATHS).cells)


def test_a_portfolio_of_whom_nothing_is_known_loses_nothing():
    nobody = BORROWERS.filter(pl.col("grade") == "no grade")
    found = losses(nobody, HOW, PATHS)
    assert found.cells["loss_year"].sum() == 0
    assert added(stored(found.cells))["mean_pd"].to_list() == [None] * 4
    assert (found.effective_number, found.without_curve) == (0.0, 0)
