"""Contributions are committed with their scores or not at all, add up to the PD, and are published."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from warehouse import contributions, partition, scores
from warehouse.buckets import bucket_of
from warehouse.connection import reader
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.settings import settings

NIGHT = date(2026, 6, 30)
BASE = 0.15


def explained(portfolio, pd: float = 0.1) -> pl.DataFrame:
    return portfolio.rows(pd).with_columns(
        base_value=pl.when(pl.col("pd").is_not_null()).then(BASE),
        run_id=pl.lit("r"),
    )


def said(rows: pl.DataFrame) -> pl.DataFrame:
    """Three features a score: 0.04 and -0.03, the rest under other."""
    parts = [
        rows.filter(pl.col("pd").is_not_null()).select(
            "enterprise_id",
            feature=pl.lit(feature),
            contribution=size if isinstance(size, pl.Expr) else pl.lit(size),
            rank=pl.lit(rank),
        )
        for feature, size, rank in (
            ("debt_to_income", 0.04, 1),
            ("assets", -0.03, 2),
            ("other", pl.col("pd") - BASE - 0.01, 3),
        )
    ]
    return pl.concat(parts)


def stage(portfolio, rows: pl.DataFrame, told: pl.DataFrame, as_of_date: date = NIGHT) -> str:
    run_id = portfolio.stage(rows.drop("run_id"), as_of_date)
    stored = contributions.as_rows(told, rows.with_columns(run_id=pl.lit(run_id)))
    file = portfolio.folder / f"{run_id}-contributions.parquet"
    stored.write_parquet(file)
    contributions.stage_contributions(portfolio.con, [file], Night(portfolio.name, as_of_date, run_id))
    return run_id


def commit(portfolio, run_id: str) -> dict[str, int]:
    return scores.commit_scores(portfolio.con, Night("lender", NIGHT, run_id))


def test_they_are_committed_with_their_scores_and_a_night_twice_gives_them_once(portfolio):
    for pd in (0.1, 0.2):
        rows = explained(portfolio, pd)
        written = commit(portfolio, stage(portfolio, rows, said(rows)))
        assert (written["scores"], written["contributions"]) == (5, 12)
        assert portfolio.one("select count(*), count(distinct run_id) from wh.scores.contributions") == (
            12,
            1,
        )
        assert portfolio.one("select count(*) from wh.scores.incoming_contributions") == (0,)
    assert portfolio.one(
        "select max(abs(s.base_value + c.total - s.pd)) from wh.scores.portfolio_scores as s join ("
        "select enterprise_id, sum(contribution) as total from wh.scores.contributions group by all"
        ") as c using (enterprise_id)"
    )[0] == pytest.approx(0, abs=1e-12)


def test_a_night_whose_family_explains_nothing_leaves_none_behind(portfolio):
    rows = explained(portfolio)
    commit(portfolio, stage(portfolio, rows, said(rows)))
    run_id = portfolio.stage(portfolio.rows())
    assert contributions.stage_contributions(portfolio.con, [], Night("lender", NIGHT, run_id)) == 0
    assert commit(portfolio, run_id)["contributions"] == 0
    assert portfolio.one("select count(*) from wh.scores.contributions") == (0,)


ADD_UP, RANKED = "assert_scores_contributions_add_up", "assert_scores_contributions_ranked"


@pytest.mark.parametrize(
    ("audit", "spoil"),
    [
        (ADD_UP, lambda told: told.with_columns(pl.col("contribution") + 1e-5)),
        (ADD_UP, lambda told: told.with_columns(contribution=pl.lit(float("nan")))),
        (ADD_UP, lambda told: told.with_columns(contribution=pl.lit(None, pl.Float64))),
        (ADD_UP, lambda told: told.filter(pl.col("enterprise_id") != "e0")),
        (ADD_UP, lambda told: told.filter(pl.col("feature") != "other")),
        (RANKED, lambda told: pl.concat([told, told.with_columns(contribution=pl.lit(0.0))])),
        (RANKED, lambda told: told.with_columns(pl.col("rank") + 1)),
        (RANKED, lambda told: told.with_columns(rank=pl.lit(None, pl.Int32))),
        (RANKED, lambda told: told.with_columns(rank=4 - pl.col("rank"))),
        (RANKED, lambda told: told.with_columns(feature=pl.lit(None, pl.String))),
    ],
)
def test_what_does_not_add_up_is_refused_and_the_last_good_night_stays(audit, spoil, portfolio):
    rows = explained(portfolio)
    good = stage(portfolio, rows, said(rows))
    commit(portfolio, good)
    bad = stage(portfolio, explained(portfolio, 0.2), spoil(said(explained(portfolio, 0.2))))
    with pytest.raises(Refused, match=f"^audit {audit}: .*first: "):
        commit(portfolio, bad)
    assert portfolio.one("select min(run_id), max(run_id), count(*) from wh.scores.contributions") == (
        good,
        good,
        12,
    )
    assert portfolio.one("select max(pd) from wh.scores.portfolio_scores") == (0.1,)


@pytest.mark.parametrize(
    "harm",
    [
        "update wh.scores.portfolio_scores set base_value = null where enterprise_id = 'e0'",
        "update wh.scores.portfolio_scores set pd = pd + 2e-6 where enterprise_id = 'e0'",
        "update wh.scores.portfolio_scores set model_version = '2' where enterprise_id = 'e0'",
        "delete from wh.scores.portfolio_scores where enterprise_id = 'e0'",
        "delete from wh.scores.contributions where enterprise_id = 'e0'",
    ],
)
def test_a_score_without_its_contributions_and_contributions_without_their_score_are_found(harm, portfolio):
    rows = explained(portfolio)
    commit(portfolio, stage(portfolio, rows, said(rows)))
    params = {"portfolio": "lender", "as_of_date": NIGHT}
    partition.audit(portfolio.con, ADD_UP, params)
    portfolio.con.execute(harm)
    with pytest.raises(Refused, match=f"audit {ADD_UP}: .*enterprise_id=e0"):
        partition.audit(portfolio.con, ADD_UP, params)


def test_rows_of_another_run_are_found(portfolio):
    rows = explained(portfolio)
    run_id = stage(portfolio, rows, said(rows))
    commit(portfolio, run_id)
    portfolio.con.execute("update wh.scores.contributions set run_id = 'old' where enterprise_id = 'e1'")
    params = {"portfolio": "lender", "as_of_date": NIGHT, "run_id": run_id, "model_roles": ["champion"]}
    with pytest.raises(Refused, match=f"audit {RANKED}: 3 row"):
        partition.audit(portfolio.con, RANKED, params)


def test_parts_that_do_not_fit_are_refused(portfolio):
    rows = explained(portfolio)
    with pytest.raises(
        Refused, match=r"contribution parts of lender on 2026-06-30: missing column\(s\) feature"
    ):
        stage_renamed(portfolio, rows, feature="name")


def stage_renamed(portfolio, rows: pl.DataFrame, **names: str) -> None:
    file = portfolio.folder / "bad.parquet"
    contributions.as_rows(said(rows), rows).rename(names).write_parquet(file)
    contributions.stage_contributions(portfolio.con, [file], Night("lender", NIGHT, "r"))


def test_reasons_are_the_stored_features_that_raise_the_pd_most():
    told = pl.DataFrame(
        {
            "enterprise_id": ["a"] * 7 + ["b"] * 2,
            "feature": ["f1", "f2", "f3", "f4", "f5", "f6", "other", "f1", "other"],
            "contribution": [-0.5, 0.4, 0.3, -0.2, 0.1, 0.05, 0.9, -0.1, 0.2],
            "rank": [1, 2, 3, 4, 5, 6, 7, 1, 2],
        }
    )
    assert contributions.reasons(told).rows() == [("a", "f2", "f3", "f5", "f6", 0.4, 0.3, 0.1, 0.05)]
    one = told.filter(pl.col("feature").is_in(["f2", "f3"]))
    assert contributions.reasons(one).rows() == [("a", "f2", "f3", None, None, 0.4, 0.3, None, None)]
    assert contributions.reasons(told.clear()).columns == [
        "enterprise_id",
        *(f"reason_{place}" for place in range(1, 5)),
        *(f"reason_{place}_strength" for place in range(1, 5)),
    ]


def test_they_are_published_in_the_copy_and_as_parquet_and_replaced_with_their_night(portfolio):
    for pd in (0.1, 0.2):
        rows = explained(portfolio, pd)
        commit(portfolio, stage(portfolio, rows, said(rows)))
        publish.publish(portfolio.con, "run")
        query = "select enterprise_id, feature, contribution, rank from {} order by enterprise_id, rank"
        with reader() as published:
            assert (
                published.execute(query.format("scores.contributions")).fetchall()
                == portfolio.con.execute(query.format("wh.scores.contributions")).fetchall()
            )
            names = {row[0] for row in published.execute("select table_name from duckdb_tables()").fetchall()}
            assert "incoming_contributions" not in names
        pattern = settings().published_dir / "contributions" / "*" / "*" / "*.parquet"
        parquet = pl.read_parquet(pattern, hive_partitioning=True)
        assert parquet["as_of_date"].unique().to_list() == [NIGHT]
        assert parquet.filter(enterprise_id="e0")["feature"].to_list() == [
            "debt_to_income",
            "assets",
            "other",
        ]


def test_what_is_drawn_has_the_value_of_each_number_and_is_the_same_sample_each_time(portfolio, monkeypatch):
    rows = explained(portfolio)
    commit(portfolio, stage(portfolio, rows, said(rows)))
    portfolio.con.execute(
        "create table wh.features.feat_enterprise as select portfolio, as_of_date, "
        f"{bucket_of('enterprise_id')} as bucket, enterprise_id, cast(7 as decimal(18, 2)) as debt_to_income, "
        "'many' as assets from wh.scores.portfolio_scores"
    )
    night = Night("lender", NIGHT, "r")
    every = contributions.drawn(portfolio.con, night, model_family="operational_risk")
    assert every.rows()[:2] == [("e0", "debt_to_income", 0.04, 7.0), ("e0", "assets", -0.03, None)]
    assert every.height == 8
    monkeypatch.setattr(contributions, "DRAWN", 2)
    some = contributions.drawn(portfolio.con, night, model_family="operational_risk")
    assert 0 < some.height < 8
    assert some.equals(contributions.drawn(portfolio.con, night, model_family="operational_risk"))
    assert (
        contributions.drawn(
            portfolio.con, night._replace(portfolio="nobody"), model_family="operational_risk"
        ).columns
        == some.columns
    )
