"""Who is in default already is marked by its model's definition, and counts in no mean PD, sum or watch list."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from warehouse import partition, reference, registry, scores, statuses, watch
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.publishing.published import ask

NIGHT = date(2026, 6, 30)


def outcome(portfolio, enterprise: str, day: str, days_past_due: int, **more: object) -> None:
    row = {
        "portfolio": "lender", "enterprise_id": enterprise, "loan_id": "", "outcome_date": day,
        "days_past_due": days_past_due, "known_at": f"{day} 12:00", **more,
    }  # fmt: skip
    marks = ", ".join(f"${name}" for name in row)
    portfolio.con.execute(f"insert into wh.raw.outcomes ({', '.join(row)}) values ({marks})", row)


def night(portfolio, pds: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4)) -> dict[str, object]:
    """Score the four borrowers that have data as the flow does and return who is marked how."""
    rows = portfolio.rows().with_columns(pl.Series("pd", [*pds, None]))
    scored = pl.when(pl.col("pd").is_not_null())
    rows = rows.with_columns(
        scored.then(pl.col(name)).alias(name) for name in ("model_family", "model_version")
    )
    run_id = portfolio.stage(rows)
    statuses.settle(portfolio.con, Night("lender", NIGHT, run_id), stale_days=90)
    scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    return dict(
        portfolio.con.execute(
            "select enterprise_id, in_default from wh.scores.portfolio_scores order by enterprise_id"
        ).fetchall()
    )


def test_each_borrower_is_marked_by_what_was_known_tonight(portfolio, made):
    registry.register(portfolio.con, made("1"))
    outcome(portfolio, "e0", "2026-05-01", 91)
    outcome(portfolio, "e1", "2026-04-01", 120)
    outcome(portfolio, "e1", "2026-06-01", 0)  # cured
    outcome(portfolio, "e2", "2026-05-01", 90)
    outcome(portfolio, "e2", "2026-06-30", 200, known_at="2026-07-01 00:00")  # not known tonight
    outcome(portfolio, "e4", "2026-05-01", 200)  # no model scores it
    # nothing was ever delivered about e3
    assert night(portfolio) == {"e0": True, "e1": False, "e2": False, "e3": None, "e4": None}


@pytest.mark.parametrize(
    ("definition", "horizon", "marked"),
    [("dpd90", 365, False), ("dpd30", 365, True), ("charge_off", 365, False), ("cross_section", None, None)],
)
def test_the_definition_is_that_of_the_model(definition, horizon, marked, portfolio, made):
    registry.register(portfolio.con, made("1", label_definition=definition, horizon_days=horizon))
    outcome(portfolio, "e0", "2026-05-01", 60)
    assert night(portfolio)["e0"] is marked


def test_a_charge_off_is_never_cured(portfolio, made):
    registry.register(portfolio.con, made("1", label_definition="any"))
    outcome(portfolio, "e0", "2026-04-01", 0, charge_off=True)
    outcome(portfolio, "e0", "2026-06-01", 0)
    assert night(portfolio)["e0"] is True


def test_a_score_that_was_kept_is_marked_by_tonight(portfolio, made):
    registry.register(portfolio.con, made("1"))
    before = NIGHT - timedelta(days=3)
    portfolio.features(before)
    portfolio.score(as_of_date=before)
    outcome(portfolio, "e0", "2026-06-29", 91)
    rows = portfolio.rows()
    said = ("pd", "pd_raw", "grade", "score_points", "model_family", "model_version")
    kept = pl.when(pl.col("enterprise_id") != "e0")
    rows = rows.with_columns(
        kept.then(pl.col("score_status")).otherwise(pl.lit("unscoreable")).alias("score_status"),
        *(kept.then(pl.col(name)).alias(name) for name in said),
    )
    run_id = portfolio.stage(rows)
    statuses.settle(portfolio.con, Night("lender", NIGHT, run_id), stale_days=90)
    scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    assert portfolio.one(
        "select score_status, in_default, pd from wh.marts.mart_portfolio_latest where enterprise_id = 'e0'"
    ) == ("stale", True, 0.1)


def test_who_is_in_default_counts_in_no_mean_and_its_loss_is_certain(portfolio, made):
    registry.register(portfolio.con, made("1"))
    outcome(portfolio, "e0", "2026-05-01", 91)
    night(portfolio)
    expected = (4, 3, pytest.approx(0.9), pytest.approx(0.3))
    assert portfolio.one(
        "select sum(scored), sum(performing), sum(expected_defaults), max(mean_pd) "
        "from wh.marts.mart_portfolio_summary"
    ) == (*expected[:3], pytest.approx(0.3))
    for mart, key in (("mart_concentration", "dimension = 'sector'"), ("mart_vintages", "true")):
        told = "expected_defaults" if mart == "mart_concentration" else "mean_pd * performing"
        assert (
            portfolio.one(f"select scored, performing, {told}, mean_pd from wh.marts.{mart} where {key}")
            == expected
        )
    publish.publish(portfolio.con, "run")
    losses = dict(ask("select enterprise_id, expected_loss from marts.expected_loss(lgd := 0.5)").iter_rows())
    assert losses["e0"] == pytest.approx(50)  # in default: half of 100, whatever its pd
    assert losses["e1"] == pytest.approx(10)


def test_who_is_in_default_is_beyond_a_warning(portfolio, made):
    registry.register(portfolio.con, made("1"))
    outcome(portfolio, "e0", "2026-05-01", 91)
    night(portfolio, (0.3, 0.3, 0.1, 0.1))
    query = (
        "select on_watch_list, why, in_default from wh.marts.mart_early_warning where enterprise_id = 'e0'"
    )
    assert portfolio.one(query) == (False, "high_pd", True)
    assert portfolio.one(query.replace("e0", "e1")) == (True, "high_pd", None)


def test_the_watch_compares_borrowers_that_can_still_default(portfolio, made):
    registry.register(portfolio.con, made("1"))
    outcome(portfolio, "e0", "2026-05-01", 91)
    night(portfolio)
    tonight = Night("lender", NIGHT, "r")
    shown = watch.headlines(portfolio.con, tonight)
    assert sorted(shown["pd"].drop_nulls()) == [0.2, 0.3, 0.4]
    pds = reference.pds(portfolio.con, tonight, family="operational_risk", version="1")
    assert sorted(pds) == [0.2, 0.3, 0.4]


def test_the_audit_finds_a_summary_that_counts_defaults_in(portfolio, made):
    registry.register(portfolio.con, made("1"))
    outcome(portfolio, "e0", "2026-05-01", 91)
    night(portfolio)
    params = {"portfolio": "lender", "as_of_date": NIGHT}
    for harm in ("expected_defaults = expected_defaults + 0.1", "performing = scored"):
        portfolio.con.execute("begin")
        portfolio.con.execute(f"update wh.marts.mart_portfolio_summary set {harm}")
        with pytest.raises(Refused, match="assert_mart_summary_adds_up"):
            partition.audit(portfolio.con, "assert_mart_summary_adds_up", params)
        portfolio.con.execute("rollback")
