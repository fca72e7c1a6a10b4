"""A night's scores reach the portfolio whole or not at all: staged, then committed with marts and audits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse import changes, feature_catalogue, incoming, ledger, sql, views
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.partition import audit, replace_partition
from warehouse.registry import ModelRecord
from warehouse.settings import settings

_REASONS = ("reason_1", "reason_2", "reason_3", "reason_4")
_EXPLAINED = ("base_value", *_REASONS, *(f"{reason}_strength" for reason in _REASONS))


def as_rows(
    rows: pl.DataFrame,
    *,
    record: ModelRecord | None,
    headline: Collection[str],
    portfolio: str,
    as_of_date: date,
    run_id: str,
) -> pl.DataFrame:
    """The rows of scores.portfolio_scores for what one model said of some enterprises.

    Args:
        rows: enterprise_id, coverage, pd_raw, pd, score_points and grade, null where the model cannot score;
            base_value, reason_1 to reason_4 and their strengths where the family explains itself.
        record: the model; None for enterprises that no model can score.
        headline: the coverage classes whose headline this champion gives. There its row is the champion's; anywhere
            else it is kept beside the headline, a shadow's as shadow and any other as challenger.
        portfolio: portfolio of the enterprises.
        as_of_date: date that they were scored for.
        run_id: run that scored them.

    Returns:
        One row for each given one; those without a pd have the status `unscoreable`.
    """
    beside = "shadow" if record is not None and record.role == "shadow" else "challenger"
    return rows.with_columns(
        portfolio=pl.lit(portfolio),
        as_of_date=pl.lit(as_of_date),
        model_family=pl.lit(None if record is None else record.model_family, pl.String),
        model_version=pl.lit(None if record is None else record.model_version, pl.String),
        model_role=pl.when(pl.col("coverage").is_in(list(headline)))
        .then(pl.lit("champion"))
        .otherwise(pl.lit(beside)),
        score_status=pl.when(pl.col("pd").is_null()).then(pl.lit("unscoreable")).otherwise(pl.lit("fresh")),
        run_id=pl.lit(run_id),
    )


def stage_scores(
    con: duckdb.DuckDBPyConnection,
    parquet_paths: Sequence[str | Path],
    *,
    portfolio: str,
    as_of_date: date,
    run_id: str | None = None,
) -> int:
    """Load score partitions into scores.incoming_scores, where they wait, committed, to be validated.

    What an earlier try left for the same portfolio and date is replaced. portfolio, as_of_date and scored_at
    are stamped here, whatever the files say, and so is run_id where it is given; base_value, reasons
    and in_default may be absent. What is fresh was scored as of this date.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when there is no file, a column is missing or unknown, or a value does not fit its type.
    """
    if not parquet_paths:
        raise Refused(f"no score partitions for {portfolio} on {as_of_date}: nothing was scored")
    staged = incoming.stage(
        con,
        "scores.incoming_scores",
        parquet_paths,
        what="score partitions",
        stamps=stamps(portfolio, as_of_date, run_id),
        optional=(*_EXPLAINED, "scored_as_of", "in_default"),
    )
    con.execute(
        "update wh.scores.incoming_scores set scored_as_of = as_of_date "
        "where portfolio = $portfolio and as_of_date = $as_of_date and score_status = 'fresh'",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    )
    return staged


def stamps(portfolio: str, as_of_date: date, run_id: str | None) -> dict[str, Any]:
    """What the warehouse says of staged rows, whatever their files say."""
    said: dict[str, Any] = {
        "portfolio": portfolio,
        "as_of_date": as_of_date,
        "scored_at": settings().local_now(),
    }
    return said if run_id is None else {**said, "run_id": run_id}


def staged_headlines(
    con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date
) -> dict[tuple[str, str | None], int]:
    """How many of the enterprises that wait have which coverage and get their headline from which family."""
    rows = con.execute(
        "select coverage, model_family, count(*) from wh.scores.incoming_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion' "
        "group by coverage, model_family order by count(*) desc, coverage, model_family",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    ).fetchall()
    return {(coverage, family): enterprises for coverage, family, enterprises in rows}


def commit_scores(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    as_of_date: date,
    run_id: str,
    model_roles: Sequence[str] = ("champion",),
    counts: Mapping[str, Any] | None = None,
) -> dict[str, int]:
    """Move a staged night into scores.portfolio_scores in one transaction, or leave the last good one.

    The transaction replaces the partitions (portfolio, as_of_date, model_role) of scores and contributions by
    what is staged for this run, forgets comparisons with what they replace, runs every score audit, renews and
    audits the marts, and finishes the run-ledger row as done.

    Args:
        con: a writer's cursor.
        portfolio: portfolio that was scored.
        as_of_date: date that it was scored for.
        run_id: run that staged the scores.
        model_roles: roles that this run replaces; staged rows of any other role are refused.
        counts: what else the ledger row shall tell.

    Returns:
        `scores` and `contributions`, the numbers of rows written, and the number of champion rows of each
        score_status and of each model_family.

    Raises:
        Refused: when nothing or another role is staged, or an audit finds bad rows.
    """
    night: dict[str, Any] = {"portfolio": portfolio, "as_of_date": as_of_date}
    this_run = {**night, "model_roles": list(model_roles), "run_id": run_id}
    with transaction(con):
        _check_staged(con, this_run)
        incoming.move(con, "scores.incoming_scores", "scores.portfolio_scores", night=this_run)
        incoming.move(con, "scores.incoming_contributions", "scores.contributions", night=this_run)
        feature_catalogue.record(con)
        changes.forget(con, portfolio=portfolio, as_of_date=as_of_date)
        # the marts are built from audited scores only
        audit(con, audit_names("assert_scores_"), this_run)
        for mart in views.in_order(sql.catalogue("marts")):
            replace_partition(con, mart.relation, night)
        audit(con, audit_names("assert_mart_"), night)
        written = _written(con, this_run)
        told = {**written, **(counts or {})}
        ledger.finish_run(con, run_id, status="done", message="scores committed", counts=told)
    return written


def audit_names(*prefixes: str) -> tuple[str, ...]:
    """The audits in sql/audits whose name begins with one of the prefixes, such as `assert_scores_`."""
    names = (file.relation.split(".")[1] for file in sql.catalogue("audits"))
    return tuple(name for name in names if name.startswith(prefixes))


def _check_staged(con: duckdb.DuckDBPyConnection, params: Mapping[str, Any]) -> None:
    staged = con.execute(
        "select model_role, count(*) from wh.scores.incoming_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and run_id = $run_id group by model_role",
        {name: params[name] for name in ("portfolio", "as_of_date", "run_id")},
    ).fetchall()
    where = f"{params['portfolio']} on {params['as_of_date']}"
    if not staged:
        raise Refused(
            f"run {params['run_id']} has staged no scores for {where}; stage them before committing"
        )
    others = sorted({str(role) for role, _ in staged} - set(params["model_roles"]))
    if others:
        raise Refused(
            f"scores of the role(s) {', '.join(others)} are staged for {where}, this run replaces only "
            f"{', '.join(params['model_roles'])}; name every role in model_roles"
        )


def _written(con: duckdb.DuckDBPyConnection, this_run: Mapping[str, Any]) -> dict[str, int]:
    here = "where portfolio = $portfolio and as_of_date = $as_of_date and list_contains($model_roles, model_role)"
    params = {name: this_run[name] for name in ("portfolio", "as_of_date", "model_roles")}
    rows = con.execute(
        "select count(*), (select count(*) from wh.scores.contributions "
        f"{here}) from wh.scores.portfolio_scores {here}",
        params,
    ).fetchall()
    counts = {"scores": rows[0][0], "contributions": rows[0][1]}
    for column in ("score_status", "model_family"):
        counts |= dict(
            con.execute(
                f"select {column}, count(*) from wh.scores.portfolio_scores {here} "
                f"and model_role = 'champion' and {column} is not null group by {column} order by {column}",
                params,
            ).fetchall()
        )
    return counts
