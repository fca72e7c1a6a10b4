"""A night's scores are written whole or not at all, and each audit finds the rows that it is for."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from warehouse import ledger, partition, registry, scores, sql
from warehouse.errors import Refused
from warehouse.night import Night

NIGHT = date(2026, 6, 30)
ALL_AUDITS = scores.audit_names("assert_scores_", "assert_mart_")
SCORED = pl.col("enterprise_id") == "e0"
UNSCORED = pl.col("enterprise_id") == "e4"


def but(frame: pl.DataFrame, where: pl.Expr, **values: object) -> pl.DataFrame:
    """The frame with other values in some rows."""
    return frame.with_columns(
        pl.when(where).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def test_a_night_reaches_scores_marts_and_ledger(portfolio):
    run_id = portfolio.score()
    assert portfolio.one("select count(*), count(pd) from wh.scores.portfolio_scores") == (5, 4)
    assert portfolio.one("select count(*) from wh.scores.incoming_scores") == (0,)
    assert portfolio.con.execute(
        "select grade, enterprises, scored, exposure, exposure_known, mean_pd, expected_defaults "
        "from wh.marts.mart_portfolio_summary order by grade nulls last"
    ).fetchall() == [("B1", 4, 4, 300, 3, 0.1, 0.4), (None, 1, 0, None, 0, None, None)]
    assert portfolio.one("select status, counts ->> 'scores', counts ->> 'fresh' from wh.ops.run_ledger") == (
        "scored",
        "5",
        "4",
    )
    assert portfolio.one(
        "select exposure, region, pd_previous_night, run_id from wh.marts.mart_portfolio_latest "
        "where enterprise_id = 'e0'"
    ) == (100, "north", None, run_id)


def test_the_night_twice_gives_the_same_rows_once(portfolio):
    portfolio.score()
    first = sql.frame(
        portfolio.con, "select * exclude (run_id) from wh.marts.mart_portfolio_latest order by all"
    )
    portfolio.score()
    assert sql.frame(
        portfolio.con, "select * exclude (run_id) from wh.marts.mart_portfolio_latest order by all"
    ).equals(first)
    assert portfolio.one("select count(*), count(distinct run_id) from wh.scores.portfolio_scores") == (5, 1)


def test_an_earlier_night_after_a_later_one_leaves_the_latest_in_the_mart(portfolio):
    portfolio.score(portfolio.rows(0.2))
    earlier = NIGHT - timedelta(days=1)
    portfolio.features(earlier)
    portfolio.score(portfolio.rows(0.15), earlier)
    assert portfolio.one(
        "select as_of_date, as_of_date_previous, pd, pd_previous_night, round(pd_change, 9) "
        "from wh.marts.mart_portfolio_latest where enterprise_id = 'e0'"
    ) == (NIGHT, earlier, 0.2, 0.15, 0.05)
    assert portfolio.one("select count(distinct as_of_date) from wh.marts.mart_portfolio_summary") == (2,)


@pytest.mark.parametrize(
    ("audit", "spoil"),
    [
        ("assert_scores_one_champion", lambda rows: rows.filter(~SCORED)),
        (
            "assert_scores_one_champion",
            lambda rows: pl.concat([rows, but(rows.head(1), SCORED, enterprise_id="new")]),
        ),
        (
            "assert_scores_one_champion",
            lambda rows: pl.concat([rows, but(rows.head(1), SCORED, model_family="other")]),
        ),
        ("assert_scores_key_unique", lambda rows: pl.concat([rows, rows.head(1)])),
        ("assert_scores_pd_in_range", lambda rows: but(rows, SCORED, pd=0.0)),
        ("assert_scores_pd_in_range", lambda rows: but(rows, SCORED, pd=1.0)),
        ("assert_scores_pd_in_range", lambda rows: but(rows, SCORED, pd=float("nan"))),
        ("assert_scores_pd_in_range", lambda rows: but(rows, SCORED, pd_raw=1.5)),
        ("assert_scores_pd_when_scored", lambda rows: but(rows, SCORED, score_status="quarantined")),
        ("assert_scores_pd_when_scored", lambda rows: but(rows, UNSCORED, score_status="fresh")),
        ("assert_scores_grade_with_pd", lambda rows: but(rows, SCORED, grade=None)),
        ("assert_scores_grade_with_pd", lambda rows: but(rows, UNSCORED, grade="B1")),
        ("assert_scores_grade_with_pd", lambda rows: but(rows, SCORED, score_points=None)),
        ("assert_scores_vocabulary", lambda rows: but(rows, SCORED, coverage="fat")),
        ("assert_scores_vocabulary", lambda rows: but(rows, SCORED, score_status="good")),
    ],
)
def test_each_kind_of_bad_row_is_refused_and_the_last_good_night_stays(audit, spoil, portfolio):
    good = portfolio.score()
    run_id = portfolio.stage(spoil(portfolio.rows(0.3)))
    params = {"portfolio": "lender", "as_of_date": NIGHT, "run_id": run_id, "model_roles": ["champion"]}
    with pytest.raises(Refused, match=r"^audit assert_"):
        scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    assert portfolio.one("select min(run_id), max(run_id), count(*) from wh.scores.portfolio_scores") == (
        good,
        good,
        5,
    )
    assert portfolio.one("select max(pd) from wh.marts.mart_portfolio_latest") == (0.1,)
    assert portfolio.con.execute(
        "select status from wh.ops.run_ledger where run_id = ?", [run_id]
    ).fetchone() == ("running",)
    # the audit itself names the row, whichever audit stopped the night first
    portfolio.con.execute("delete from wh.scores.portfolio_scores")
    portfolio.con.execute("insert into wh.scores.portfolio_scores by name from wh.scores.incoming_scores")
    with pytest.raises(Refused, match=f"audit {audit}: .*first: "):
        partition.audit(portfolio.con, audit, params)


@pytest.mark.parametrize(
    ("audit", "harm"),
    [
        (
            "assert_scores_of_this_run",
            "update wh.scores.portfolio_scores set run_id = 'old' where enterprise_id = 'e1'",
        ),
        (
            "assert_mart_summary_adds_up",
            "update wh.marts.mart_portfolio_summary set enterprises = enterprises + 1",
        ),
        ("assert_mart_summary_adds_up", "update wh.marts.mart_portfolio_summary set expected_defaults = 9"),
        (
            "assert_mart_latest_complete",
            "delete from wh.marts.mart_portfolio_latest where enterprise_id = 'e1'",
        ),
        ("assert_mart_latest_complete", "update wh.marts.mart_portfolio_latest set pd = 0.5"),
        (
            "assert_mart_latest_complete",
            "insert into wh.marts.mart_portfolio_latest from wh.marts.mart_portfolio_latest",
        ),
    ],
)
def test_audits_of_what_the_transaction_wrote(audit, harm, portfolio):
    run_id = portfolio.score()
    params = {"portfolio": "lender", "as_of_date": NIGHT, "run_id": run_id, "model_roles": ["champion"]}
    partition.audit(portfolio.con, ALL_AUDITS, params)
    portfolio.con.execute(harm)
    with pytest.raises(Refused, match=f"audit {audit}"):
        partition.audit(portfolio.con, audit, params)


def test_every_score_audit_has_a_test_of_its_own():
    # the two of contributions, the two of the later marts, that of the interval, of curves and of the
    # allowance are tested beside them
    assert len(ALL_AUDITS) == 17


def test_challengers_are_kept_beside_the_champion(portfolio):
    portfolio.score()
    run_id = portfolio.stage(portfolio.rows(0.3).with_columns(model_role=pl.lit("challenger")))
    with pytest.raises(Refused, match=r"challenger are staged .* replaces only champion"):
        scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))
    written = scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id), model_roles=["challenger"])
    assert written["scores"] == 5
    assert portfolio.one("select count(*) from wh.scores.portfolio_scores") == (10,)
    assert portfolio.one("select sum(enterprises) from wh.marts.mart_portfolio_summary") == (5,)


def test_staging_refuses_what_does_not_fit(portfolio, tmp_path):
    with pytest.raises(Refused, match="nothing was scored"):
        scores.stage_scores(portfolio.con, [], Night("lender", NIGHT, "r"))
    with pytest.raises(Refused, match=r"missing column\(s\) pd, unknown column\(s\) probability"):
        portfolio.stage(portfolio.rows().rename({"pd": "probability"}))
    with pytest.raises(Refused, match="score partitions of lender"):
        portfolio.stage(portfolio.rows().with_columns(pd=pl.lit("many")))
    with pytest.raises(Refused, match="has staged no scores"):
        scores.commit_scores(portfolio.con, Night("lender", NIGHT, "r"))


def test_staging_again_replaces_what_an_earlier_try_left(portfolio):
    portfolio.stage(portfolio.rows())
    portfolio.score()
    assert portfolio.one("select count(*) from wh.scores.portfolio_scores") == (5,)


def test_the_mart_tables_have_the_columns_that_their_files_select(portfolio):
    for file in sql.catalogue("marts"):
        given = {"portfolio": "p", "as_of_date": NIGHT}
        selected = portfolio.con.execute(
            f"describe {file.text}", {name: given[name] for name in file.parameters}
        ).fetchall()
        table = portfolio.con.execute(f"describe wh.{file.relation}").fetchall()
        assert [row[:2] for row in selected] == [row[:2] for row in table]


def record(family: str) -> registry.ModelRecord:
    return registry.ModelRecord(
        model_family=family,
        model_version="7",
        portfolio="lender",
        role="champion",
        purpose="forecast",
        knowledge_date=date(2026, 1, 1),
        label_definition="any",
        settings={},
        feature_groups=(),
        feature_names=(),
        schema_hash="s",
        data_fingerprint="d",
        metrics={},
        artefact_path="m",
        artefact_sha256="0" * 64,
        run_id="r",
    )


def test_the_champion_of_a_coverage_class_gives_the_headline_and_the_others_stand_beside_it(portfolio):
    run_id = ledger.start_run(portfolio.con, flow="score", portfolio="lender", as_of_date=NIGHT)
    night = Night("lender", NIGHT, run_id)
    said = portfolio.rows().select("enterprise_id", "coverage", "pd_raw", "pd", "score_points", "grade")
    said = but(said, pl.col("enterprise_id") == "e3", coverage="thin")
    scored = said.filter(~UNSCORED)
    parts = [
        scores.as_rows(scored, night, record=record("operational_risk"), headline=("transaction", "thin")),
        scores.as_rows(
            scored.filter(coverage="thick"), night, record=record("voting_ensemble"), headline=("thick",)
        ),
        scores.as_rows(said.filter(UNSCORED), night, record=None, headline=("unscoreable",)),
    ]
    pl.concat(parts).write_parquet(portfolio.folder / "rows.parquet")
    files = [portfolio.folder / "rows.parquet"]
    scores.stage_scores(portfolio.con, files, night)
    written = scores.commit_scores(portfolio.con, night, model_roles=("champion", "challenger"))
    assert written == {
        "scores": 8,
        "contributions": 0,
        "fresh": 4,
        "unscoreable": 1,
        "operational_risk": 1,
        "voting_ensemble": 3,
    }
    assert portfolio.con.execute(
        "select enterprise_id, model_role, model_family, score_status from wh.scores.portfolio_scores "
        "where enterprise_id in ('e0', 'e3', 'e4') order by all"
    ).fetchall() == [
        ("e0", "challenger", "operational_risk", "fresh"),
        ("e0", "champion", "voting_ensemble", "fresh"),
        ("e3", "champion", "operational_risk", "fresh"),
        ("e4", "champion", None, "unscoreable"),
    ]
    assert portfolio.one("select sum(enterprises), sum(scored) from wh.marts.mart_portfolio_summary") == (
        5,
        4,
    )
    assert portfolio.con.execute(
        "select model_family, count(*) from wh.marts.mart_portfolio_latest group by all order by all"
    ).fetchall() == [("operational_risk", 1), ("voting_ensemble", 3), (None, 1)]


def test_two_versions_of_one_family_may_stand_beside_each_other_but_not_one_twice(portfolio):
    rows = portfolio.rows()
    beside = rows.filter(SCORED).with_columns(model_role=pl.lit("challenger"))
    other = beside.with_columns(model_version=pl.lit("2"))
    both = ("champion", "challenger")
    run_id = portfolio.stage(pl.concat([rows, beside, other]))
    scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id), model_roles=both)
    run_id = portfolio.stage(pl.concat([rows, beside, beside]))
    with pytest.raises(Refused, match="audit assert_scores_key_unique: 1 row"):
        scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id), model_roles=both)
