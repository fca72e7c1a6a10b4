"""Nights that no ordinary month has: each has a stated behaviour, docs/hard-cases.md lists them."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from feed_rows import ENTERPRISES, write

from warehouse import matrix, registry
from warehouse.buckets import bucket_of
from warehouse.errors import Refused
from warehouse.intake.ingest import ingest_file
from warehouse.intake.landing import list_landing
from warehouse.night import Night
from warehouse.outcome import STOPPED, OutcomeDefinition

NIGHT = date(2026, 6, 30)
LEAP = date(2028, 2, 29)


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("outcome window still open", "its outcomes are not known yet"),
        (
            STOPPED,
            "the outcomes stopped on 2026-02-03, too early for the window of 2025-06-30 .*: .* as of 2026-02-03$",
        ),
    ],
)
def test_without_any_label_nothing_is_trained_and_the_line_says_why(con, reason, line):
    con.execute(
        "create or replace table wh.features.feat_coverage as select 'p' as portfolio, "
        "date '2025-06-30' as as_of_date, 'E' || n as enterprise_id, 'thin' as coverage from range(10) as r(n)"
    )
    con.execute("create or replace view wh.features.feat_enterprise as from wh.features.feat_coverage")
    con.execute(
        "create or replace table wh.features.feat_label as select portfolio, as_of_date, 'dpd90' as definition, "
        "365 as horizon_days, enterprise_id, cast(null as integer) as label, "
        f"'{reason}' as reason, date '2026-02-03' as told_on from wh.features.feat_coverage"
    )
    wanted = {"portfolio": "p", "outcome": OutcomeDefinition("dpd90", 365)}
    days = [date(2025, 6, 30)]
    with pytest.raises(Refused, match=rf"p has no labelled borrower .*; {line}"):
        matrix.training_matrix(con, snapshot_dates=days, **wanted)
    assert matrix.labelled(con, snapshot_dates=days, coverage=("thin",), **wanted) == (0, 0)


def test_ten_borrowers_in_more_parts_than_borrowers_are_scored_once_each(con):
    con.execute(
        "create or replace table wh.features.feat_coverage as select 'p' as portfolio, "
        "date '2026-06-30' as as_of_date, 'E' || n as enterprise_id, "
        f"{bucket_of('enterprise_id')} as bucket, 'thin' as coverage from range(10) as r(n)"
    )
    con.execute("create or replace view wh.features.feat_enterprise as from wh.features.feat_coverage")
    night = Night("p", NIGHT, "r")
    parts = [
        matrix.scoring_matrix(con, night, part)["enterprise_id"].to_list()
        for part in matrix.parts_of(con, night, at_least=64)
    ]
    assert sorted(parts) == [[f"E{n}"] for n in range(10)]


def test_when_all_borrowers_are_new_there_is_no_change_and_nobody_is_lost(portfolio):
    portfolio.score()
    day = NIGHT + timedelta(days=1)
    portfolio.features(day)
    portfolio.con.execute(
        "update wh.features.feat_profile set enterprise_id = 'new-' || enterprise_id where as_of_date = ?",
        [day],
    )
    portfolio.score(
        portfolio.rows().with_columns(pl.format("new-{}", "enterprise_id").alias("enterprise_id")), day
    )
    assert portfolio.one(
        "select count(*), count(pd), count(pd_previous_night), count(pd_change), min(as_of_date_previous) "
        "from wh.marts.mart_portfolio_latest"
    ) == (5, 4, 0, 0, NIGHT)
    # the night before keeps its borrowers
    assert portfolio.one("select sum(enterprises) from wh.marts.mart_portfolio_summary") == (10,)


def test_a_model_withdrawn_in_the_middle_of_a_backfill_leaves_done_nights_and_the_next_use_the_one_before(
    con, made
):
    def of(day: date) -> str | None:
        found = registry.champion(con, Night("lender", day, "r"), family="operational_risk")
        return found and found.model_version

    registry.register(con, made("old", date(2026, 1, 31)))
    new = registry.register(con, made("new", date(2026, 6, 1)))
    done = [of(date(2026, 6, day)) for day in (1, 2)]
    registry.retire(con, new, note="wrong labels")
    assert (done, of(date(2026, 6, 3))) == (["new", "new"], "old")
    # nights done before are due again: the withdrawn model is no champion of them either
    assert of(date(2026, 6, 1)) == "old"


def test_a_leap_day_is_scored_like_any_other(portfolio):
    portfolio.features(LEAP)
    portfolio.score(as_of_date=LEAP)
    portfolio.features(LEAP + timedelta(days=1))
    portfolio.score(as_of_date=LEAP + timedelta(days=1))
    assert portfolio.one(
        "select min(as_of_date), min(as_of_date_previous) from wh.marts.mart_portfolio_latest"
    ) == (date(2028, 3, 1), LEAP)


def test_a_merged_borrower_stays_under_the_number_that_the_lender_delivers(con, tmp_path):
    """E0 was merged into E1: facts of the old number go on, and one names a number that was never described."""
    write(tmp_path / "landing" / "enterprises" / "a.csv", ENTERPRISES)
    facts = [
        {
            "enterprise_id": who, "loan_id": "", "outcome_date": f"2026-06-{day}", "days_past_due": "120",
            "charge_off": "false", "insolvency": "false",
        }
        for who, day in (("E0", 20), ("E1-and-E0", 20), ("E0", 21), ("E0", 22), ("E0", 23))
    ]  # fmt: skip
    write(tmp_path / "landing" / "outcomes" / "june.csv", facts)
    for file in sorted(list_landing(tmp_path / "landing"), key=lambda file: file.feed):
        ingest_file(con, file, portfolio="lender", run_id="r")
    # the fact of the old number counts for the old number and for nobody else
    assert con.execute("select enterprise_id from wh.staging.stg_outcomes").fetchall() == [("E0",)] * 4
    assert con.execute("select rule, file_row from wh.ops.quarantine").fetchall() == [
        ("unknown_enterprise", 2)
    ]
    # a description has no end: the old number stays in the portfolio until its master data is withdrawn
    assert con.execute(
        "select count(*) from wh.staging.stg_enterprises where enterprise_id = 'E0' and known_to is null"
    ).fetchone() == (1,)
