"""Curves come with the scores or not at all: of fresh headlines not in default; the mart tells the latest night's."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from models.hazard.curve import curves as drawn
from warehouse import borrower_rows, curves, examples, migrations, registry, scores, sql, statuses
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.publishing.published import ask

NIGHT = date(2026, 6, 30)


def curves_of(portfolio, key: Night, pd: float = 0.1, **changed: pl.Expr) -> None:
    frame = portfolio.rows(pd).filter(pl.col("pd").is_not_null()).select("enterprise_id", "pd")
    rows = drawn(frame, None, month=12).with_columns(
        model_family=pl.lit(None, pl.String),
        model_version=pl.lit(None, pl.String),
        pd_month=pl.lit(12, pl.Int16),
    )
    file = portfolio.folder / f"curves-{key.run_id}.parquet"
    rows.with_columns(**changed).write_parquet(file)
    assert curves.stage_curves(portfolio.con, [file], key) == 4


def night(portfolio, day: date = NIGHT, pd: float = 0.1, **changed: pl.Expr) -> Night:
    if day != NIGHT:
        portfolio.features(day)
    key = Night("lender", day, portfolio.stage(portfolio.rows(pd), day))
    curves_of(portfolio, key, pd, **changed)
    statuses.settle(portfolio.con, key, stale_days=90)
    scores.commit_scores(portfolio.con, key)
    return key


@pytest.fixture
def known(portfolio, made):
    """A portfolio whose model is registered, so that its PD has a horizon."""
    registry.register(portfolio.con, made("1"))
    return portfolio


def test_a_night_that_is_written_again_has_its_curves_once(known):
    night(known, pd=0.2)
    key = night(known)
    assert known.one(
        "select count(*), min(run_id), max(run_id), min(cumulative_pd[12]), max(len(cumulative_pd)), "
        "bool_and(bucket between 0 and 4095) from wh.scores.pd_curves"
    ) == (4, key.run_id, key.run_id, 0.1, 60, True)
    assert known.one("select count(*) from wh.scores.incoming_curves") == (0,)


def test_the_mart_that_an_older_version_stored_is_a_view_from_the_next_opening_on(
    home, tmp_path, monkeypatch
):
    shutil.copytree(sql.SQL_DIR, tmp_path / "sql")
    monkeypatch.setattr(sql, "SQL_DIR", tmp_path / "sql")
    [view_comes] = [found.number for found in migrations.files() if found.name == "pd_curve_mart"]
    later = {found.path: found.path.read_text() for found in migrations.files() if found.number >= view_comes}
    for path in later:
        path.unlink()
    with writer(purpose="older version") as con:
        con.execute("drop view wh.marts.mart_pd_curve; create table wh.marts.mart_pd_curve (month integer)")
    for path, text in later.items():
        path.write_text(text)
    for _ in range(2):
        with writer(purpose="this version") as con:
            described = con.execute(
                "select comment from duckdb_views() where database_name = 'wh' and view_name = 'mart_pd_curve'"
            ).fetchall()
            assert described == [(sql.load("marts.mart_pd_curve").grain,)]
            assert con.execute("select count(*) from wh.marts.mart_pd_curve").fetchone() == (0,)


def test_who_is_in_default_or_has_a_kept_score_has_no_curve(known):
    night(known, NIGHT - timedelta(days=3))
    known.con.execute(
        "insert into wh.raw.outcomes (portfolio, enterprise_id, loan_id, outcome_date, days_past_due, known_at) "
        "values ('lender', 'e1', '', '2026-06-01', 95, '2026-06-02')"
    )
    rows = known.rows().with_columns(
        pl.when(pl.col("enterprise_id") == "e2").then(pl.lit("unscoreable")).otherwise("score_status").alias(
            "score_status"
        ),
        *(pl.when(pl.col("enterprise_id") != "e2").then(name).alias(name)
          for name in ("pd", "pd_raw", "grade", "score_points", "model_family", "model_version")),
    )  # fmt: skip
    key = Night("lender", NIGHT, known.stage(rows))
    curves_of(known, key)
    statuses.settle(known.con, key, stale_days=90)
    scores.commit_scores(known.con, key)
    found = known.con.execute(
        "select enterprise_id from wh.scores.pd_curves where as_of_date = ? order by 1", [NIGHT]
    ).fetchall()
    assert found == [("e0",), ("e3",)]


CURVE = pl.col("cumulative_pd")


@pytest.mark.parametrize(
    "changed",
    [
        CURVE.list.reverse(),
        CURVE.list.head(59),
        CURVE.list.eval(pl.element() * 1.01),
        CURVE.list.eval(pl.when(pl.int_range(pl.len()) == 40).then(None).otherwise(pl.element())),
    ],
    ids=["falls", "59 months", "not the pd", "a month unknown"],
)
def test_a_curve_that_cannot_be_stops_the_night(changed, known):
    before = night(known)
    with pytest.raises(Refused, match="assert_scores_curve_around_pd"):
        night(known, pd=0.3, cumulative_pd=changed)
    assert known.one("select distinct run_id from wh.scores.pd_curves") == (before.run_id,)


def test_a_borrower_without_a_curve_stops_the_night(known):
    with pytest.raises(Refused, match="assert_scores_curve_around_pd"):
        night(known, enterprise_id=pl.col("enterprise_id").replace("e3", "e9"))


def test_the_mart_takes_the_curve_of_the_latest_night_apart(known):
    night(known, NIGHT - timedelta(days=1), pd=0.5)
    night(known)
    rows = sql.frame(
        known.con, "select * from wh.marts.mart_pd_curve where enterprise_id = 'e0' order by month", {}
    )
    assert rows["month"].to_list() == list(range(1, 61))
    assert rows["cumulative_pd"][11] == pytest.approx(0.1, abs=1e-15)
    assert rows["marginal_pd"].cum_sum().to_list() == pytest.approx(
        rows["cumulative_pd"].to_list(), abs=1e-12
    )
    monthly = 1 - 0.9 ** (1 / 12)
    assert rows["conditional_pd"].to_list() == pytest.approx([monthly] * 60, abs=1e-12)
    assert rows.select("as_of_date", "ends_on", "shape").row(11) == (NIGHT, date(2027, 6, 30), "constant")
    assert rows["cumulative_lower"].null_count() == 60  # these PDs have no interval
    assert known.one("select count(*) from wh.marts.mart_pd_curve") == (240,)


def test_the_page_of_a_borrower_is_given_what_the_mart_has(known):
    key = night(known)
    rows = borrower_rows.borrower_rows(known.con, key, ["e0", "e4"])["curve"]
    columns = ("enterprise_id", "month", "marginal_pd", "cumulative_pd", "shape")
    mart = sql.frame(
        known.con,
        f"select {', '.join(columns)} from wh.marts.mart_pd_curve where enterprise_id = 'e0' order by month",
        {},
    )
    assert rows.select(columns).rows() == mart.rows()


def test_the_interval_of_the_pd_is_carried_along(known):
    key = Night("lender", NIGHT, known.stage(known.rows().with_columns(
        pd_lower=pl.col("pd") * 0.5, pd_upper=pl.col("pd") * 2)))  # fmt: skip
    curves_of(known, key)
    scores.commit_scores(known.con, key)
    found = known.con.execute(
        "select month, cumulative_lower, cumulative_upper from wh.marts.mart_pd_curve "
        "where enterprise_id = 'e0' and month in (12, 24) order by month"
    ).fetchall()
    assert found == [
        (12, pytest.approx(0.05), pytest.approx(0.2)),
        (24, pytest.approx(0.0975), pytest.approx(0.36)),
    ]


def test_the_question_is_answered_from_the_published_copy(known):
    night(known)
    publish.publish(known.con, "run")
    assert ask(examples.example("pd_over_time").query).rows() == [
        (year, 4, pytest.approx(4 * (1 - 0.9**year), abs=0.051), pytest.approx(4 * 0.1 * 0.9 ** (year - 1), abs=0.051),
         pytest.approx(1 - 0.9**year, abs=1e-4), "constant")
        for year in range(1, 6)
    ]  # fmt: skip


def test_settled_is_the_last_day_of_which_nearly_all_is_known(con):
    def outcome(day: int, known: datetime) -> None:
        con.execute(
            "insert into wh.raw.outcomes (portfolio, enterprise_id, loan_id, outcome_date, days_past_due, known_at) "
            "values ('p', ?, '', ?, 0, ?)",
            [f"e{day}", NIGHT - timedelta(days=day), known],
        )

    key = Night("p", NIGHT, "r")
    assert curves.settled(con, key) is None
    for day in range(2, 300):
        outcome(day, datetime(2026, 6, 30) - timedelta(days=day - 2))
    outcome(299, datetime(2026, 6, 29))  # corrected since: the first word counts
    outcome(1, datetime(2026, 7, 1))  # known after the night
    assert curves.settled(con, key) == NIGHT - timedelta(days=2)
    assert curves.outcomes(con, key)["outcome_date"].max() == NIGHT - timedelta(days=2)
