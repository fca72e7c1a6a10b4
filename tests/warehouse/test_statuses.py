"""Every borrower known on a date has one status, a kept score says of when it is, and the statuses add up."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from warehouse import partition, registry, scores, statuses
from warehouse.errors import Refused
from warehouse.night import Night

NIGHT = date(2026, 6, 30)
E4 = pl.col("enterprise_id") == "e4"


def all_scored(portfolio, pd: float = 0.1) -> pl.DataFrame:
    """The night on which e4 still had data."""
    rows = portfolio.rows(pd)
    said = {
        "coverage": "thin",
        "score_status": "fresh",
        "pd_raw": pd,
        "pd": pd,
        "score_points": 500.0,
        "grade": "B1",
    }
    return rows.with_columns(
        pl.when(E4).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in said.items()
    )


def night(portfolio, day: date, rows: pl.DataFrame | None = None, stale_days: int = 90) -> dict[str, int]:
    """Score a night as the flow does and return how many have which status."""
    portfolio.features(day)
    run_id = portfolio.stage(portfolio.rows() if rows is None else rows, day)
    counts = statuses.settle(portfolio.con, Night("lender", day, run_id), stale_days=stale_days)
    scores.commit_scores(portfolio.con, Night("lender", day, run_id))
    return counts


def quarantine(portfolio, enterprise: str, valid_from: str = "2026-06-29", text: str | None = None) -> None:
    row = text or json.dumps({"enterprise_id": enterprise, "valid_from": valid_from, "employees": "many"})
    portfolio.con.execute(
        "insert into wh.ops.quarantine (portfolio, feed, path, file_row, rule, raw_text, run_id) "
        "values ('lender', 'enterprises', 'enterprises/june.csv', 1, 'wrong_type', ?, 'r')",
        [row],
    )


def of(portfolio, enterprise: str) -> tuple[object, ...] | None:
    return portfolio.con.execute(
        "select score_status, pd, grade, model_version, coverage, scored_as_of from wh.scores.portfolio_scores "
        "where enterprise_id = ? and as_of_date = ? and model_role = 'champion'",
        [enterprise, NIGHT],
    ).fetchone()


def test_who_cannot_be_scored_tonight_keeps_the_last_good_score_with_its_date(fresh):
    before = NIGHT - timedelta(days=10)
    night(fresh, before - timedelta(days=5), all_scored(fresh, 0.3))
    night(fresh, before, all_scored(fresh, 0.2))
    assert night(fresh, NIGHT) == {"fresh": 4, "stale": 1}
    # its data of tonight is still what it is: the coverage says unscoreable
    assert of(fresh, "e4") == ("stale", 0.2, "B1", "1", "unscoreable", before)
    assert of(fresh, "e0") == ("fresh", 0.1, "B1", "1", "thick", NIGHT)
    assert fresh.one(
        "select score_status, pd, scored_as_of from wh.marts.mart_portfolio_latest where enterprise_id = 'e4'"
    ) == ("stale", 0.2, before)


def test_a_kept_score_keeps_its_explanation(fresh):
    from test_contributions import explained, said, stage

    before = NIGHT - timedelta(days=1)
    rows = all_scored(fresh, 0.2).with_columns(base_value=pl.lit(0.15), run_id=pl.lit("r"))
    fresh.features(before)
    run_id = stage(fresh, rows, said(rows), before)
    scores.commit_scores(fresh.con, Night("lender", before, run_id))
    fresh.features(NIGHT)
    tonight = explained(fresh)
    run_id = stage(fresh, tonight, said(tonight))
    statuses.settle(fresh.con, Night("lender", NIGHT, run_id), stale_days=90)
    written = scores.commit_scores(fresh.con, Night("lender", NIGHT, run_id))
    assert written["contributions"] == 15
    assert fresh.one(
        "select max(s.base_value) + sum(c.contribution) - max(s.pd) from wh.scores.portfolio_scores as s "
        "join wh.scores.contributions as c using (as_of_date, enterprise_id) "
        "where enterprise_id = 'e4' and as_of_date = '2026-06-30'"
    )[0] == pytest.approx(0, abs=1e-12)


def test_a_score_kept_from_before_its_model_explained_itself_stays_unexplained(fresh):
    from test_contributions import explained, said, stage

    night(fresh, NIGHT - timedelta(days=1), all_scored(fresh))
    fresh.features(NIGHT)
    tonight = explained(fresh)
    run_id = stage(fresh, tonight, said(tonight))
    statuses.settle(fresh.con, Night("lender", NIGHT, run_id), stale_days=90)
    scores.commit_scores(fresh.con, Night("lender", NIGHT, run_id))
    assert fresh.one(
        "select score_status, base_value from wh.scores.portfolio_scores "
        "where enterprise_id = 'e4' and as_of_date = '2026-06-30'"
    ) == ("stale", None)


@pytest.mark.parametrize(
    ("age", "stale_days", "status"), [(90, 90, "stale"), (91, 90, "unscoreable"), (1, 0, "unscoreable")]
)
def test_a_score_is_kept_so_long_and_no_longer(age, stale_days, status, fresh):
    night(fresh, NIGHT - timedelta(days=age), all_scored(fresh))
    night(fresh, NIGHT, stale_days=stale_days)
    assert of(fresh, "e4")[0] == status


def test_age_is_counted_from_the_night_of_the_score_not_from_a_night_that_kept_it(fresh):
    night(fresh, NIGHT - timedelta(days=100), all_scored(fresh))
    assert night(fresh, NIGHT - timedelta(days=20))["stale"] == 1
    night(fresh, NIGHT)
    assert of(fresh, "e4")[:2] == ("unscoreable", None)
    assert of(fresh, "e4")[-1] is None


def test_a_later_night_is_never_a_source(fresh):
    night(fresh, NIGHT + timedelta(days=1), all_scored(fresh))
    night(fresh, NIGHT)
    assert of(fresh, "e4")[0] == "unscoreable"


def test_what_a_withdrawn_model_said_is_not_kept(fresh, made):
    model = registry.register(fresh.con, made("1"))
    night(fresh, NIGHT - timedelta(days=1), all_scored(fresh))
    registry.retire(fresh.con, model, note="wrong labels")
    night(fresh, NIGHT)
    assert of(fresh, "e4")[0] == "unscoreable"


def test_who_is_described_by_quarantined_rows_only_is_quarantined_without_a_number(fresh):
    quarantine(fresh, "q1")
    quarantine(fresh, "later", "2026-07-15")
    quarantine(fresh, "", text="half a li")
    quarantine(fresh, "e0")  # an older description of it is valid: it is scored on that one
    assert night(fresh, NIGHT) == {"fresh": 4, "quarantined": 1, "unscoreable": 1}
    assert of(fresh, "q1") == ("quarantined", None, None, None, "unscoreable", None)
    assert of(fresh, "e0")[0] == "fresh"
    assert of(fresh, "later") is None
    assert fresh.one("select sum(enterprises), sum(scored) from wh.marts.mart_portfolio_summary") == (6, 4)
    # again, the same rows once
    assert night_again(fresh) == {"fresh": 4, "quarantined": 1, "unscoreable": 1}


def night_again(portfolio) -> dict[str, int]:
    run_id = portfolio.stage(portfolio.rows())
    counts = statuses.settle(portfolio.con, Night("lender", NIGHT, run_id), stale_days=90)
    scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    return counts


@pytest.mark.parametrize(
    "harm",
    [
        "delete from wh.scores.portfolio_scores where enterprise_id = 'e0'",
        "insert into wh.scores.portfolio_scores from wh.scores.portfolio_scores where enterprise_id = 'e0'",
        "update wh.scores.portfolio_scores set scored_as_of = null where enterprise_id = 'e0'",
        "update wh.scores.portfolio_scores set score_status = 'stale' where enterprise_id = 'e0'",
        "update wh.scores.portfolio_scores set score_status = 'quarantined' where enterprise_id = 'e4'",
        "update wh.scores.portfolio_scores set score_status = 'unscoreable' where enterprise_id = 'q1'",
        "update wh.scores.portfolio_scores set enterprise_id = 'stranger' where enterprise_id = 'q1'",
    ],
)
def test_the_audit_finds_what_does_not_add_up(harm, fresh):
    quarantine(fresh, "q1")
    night(fresh, NIGHT)
    params = {"portfolio": "lender", "as_of_date": NIGHT}
    partition.audit(fresh.con, "assert_scores_status_adds_up", params)
    fresh.con.execute(harm)
    with pytest.raises(Refused, match="assert_scores_status_adds_up"):
        partition.audit(fresh.con, "assert_scores_status_adds_up", params)
