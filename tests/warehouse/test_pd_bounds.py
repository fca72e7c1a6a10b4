"""The bounds of a PD go where the PD goes: into scores and marts, with a kept score, not into a default."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from warehouse import registry, scores, statuses
from warehouse.errors import Refused
from warehouse.night import Night

NIGHT = date(2026, 6, 30)
SCORED = pl.col("pd").is_not_null()
BOUNDED = "select pd_lower, pd_upper from wh.{} where enterprise_id = '{}'"


def bounded(portfolio, lower: float = 0.05, upper: float = 0.2) -> pl.DataFrame:
    return portfolio.rows().with_columns(
        pl.when(SCORED).then(pl.lit(bound)).alias(name)
        for name, bound in (("pd_lower", lower), ("pd_upper", upper))
    )


def night(portfolio, rows: pl.DataFrame, day: date = NIGHT) -> None:
    portfolio.features(day)
    key = Night("lender", day, portfolio.stage(rows, day))
    statuses.settle(portfolio.con, key, stale_days=90)
    scores.commit_scores(portfolio.con, key)


def test_they_stand_beside_the_pd_in_scores_and_marts(fresh):
    night(fresh, bounded(fresh))
    for relation in ("scores.portfolio_scores", "marts.mart_portfolio_latest", "marts.mart_early_warning"):
        assert fresh.one(BOUNDED.format(relation, "e0")) == (0.05, 0.2)
        assert fresh.one(BOUNDED.format(relation, "e4")) == (None, None)  # no model scores it


def test_a_model_without_an_interval_has_none(fresh):
    night(fresh, fresh.rows())
    assert fresh.one(BOUNDED.format("marts.mart_portfolio_latest", "e0")) == (None, None)


def test_a_kept_score_keeps_them(fresh):
    night(fresh, bounded(fresh), NIGHT - timedelta(days=3))
    e0 = pl.col("enterprise_id") == "e0"
    said = ("pd", "pd_raw", "grade", "score_points", "model_family", "model_version", "pd_lower", "pd_upper")
    rows = bounded(fresh, 0.06, 0.3).with_columns(
        pl.when(e0).then(pl.lit("unscoreable")).otherwise("score_status").alias("score_status"),
        *(pl.when(~e0).then(pl.col(name)).alias(name) for name in said),
    )
    night(fresh, rows)
    latest = "marts.mart_portfolio_latest"
    assert fresh.one(BOUNDED.format(latest, "e0")) == (0.05, 0.2)
    assert fresh.one(BOUNDED.format(latest, "e1")) == (0.06, 0.3)


def test_a_borrower_in_default_has_none_and_keeps_its_pd(fresh, made):
    registry.register(fresh.con, made("1"))
    for enterprise, days in (("e0", 91), ("e1", 10)):
        fresh.con.execute(
            "insert into wh.raw.outcomes (portfolio, enterprise_id, loan_id, outcome_date, days_past_due, known_at) "
            "values ('lender', ?, '', '2026-05-01', ?, '2026-05-02 12:00')",
            [enterprise, days],
        )
    night(fresh, bounded(fresh))
    query = "select pd, pd_lower, pd_upper, in_default from wh.marts.mart_portfolio_latest where enterprise_id = '{}'"
    assert fresh.one(query.format("e0")) == (0.1, None, None, True)
    assert fresh.one(query.format("e1")) == (0.1, 0.05, 0.2, False)


@pytest.mark.parametrize(
    ("lower", "upper"), [(0.11, 0.2), (0.05, 0.09), (None, 0.2), (0.05, None), (0.0, 0.2), (0.05, 1.0)]
)
def test_bounds_that_do_not_hold_the_pd_stop_the_night(fresh, lower, upper):
    with pytest.raises(Refused, match="assert_scores_interval_around_pd"):
        night(fresh, bounded(fresh, lower, upper))


def test_bounds_without_a_pd_stop_the_night(fresh):
    rows = bounded(fresh).with_columns(pl.col("pd_lower").fill_null(0.05), pl.col("pd_upper").fill_null(0.2))
    with pytest.raises(Refused, match="assert_scores_interval_around_pd"):
        night(fresh, rows)
