"""A night's scores reach the portfolio whole or not at all: staged, then committed with marts and audits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse import ledger, sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.partition import audit, replace_partition
from warehouse.registry import ModelRecord
from warehouse.settings import settings
from warehouse.sql import quoted

MARTS = ("marts.mart_portfolio_summary", "marts.mart_portfolio_latest")
_EXPLAINED = ("base_value", "reason_1", "reason_2", "reason_3", "reason_4")


def as_rows(
    rows: pl.DataFrame, *, record: ModelRecord, portfolio: str, as_of_date: date, run_id: str
) -> pl.DataFrame:
    """The rows of scores.portfolio_scores for what one model said of some enterprises.

    Args:
        rows: enterprise_id, coverage, pd_raw, pd, score_points and grade, null where the model cannot score;
            base_value and reason_1 to reason_4 where the family explains itself.
        record: the model.
        portfolio: portfolio of the enterprises.
        as_of_date: date that they were scored for.
        run_id: run that scored them.

    Returns:
        One row for each given one; those without a pd have the status `unscoreable`.
    """
    return rows.with_columns(
        portfolio=pl.lit(portfolio),
        as_of_date=pl.lit(as_of_date),
        model_family=pl.lit(record.model_family),
        model_version=pl.lit(record.model_version),
        model_role=pl.lit(record.role),
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
    are stamped here, whatever the files say, and so is run_id where it is given; base_value and reasons may
    be absent.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when there is no file, a column is missing or unknown, or a value does not fit its type.
    """
    if not parquet_paths:
        raise Refused(f"no score partitions for {portfolio} on {as_of_date}: nothing was scored")
    files = "[" + ", ".join(quoted(path) for path in parquet_paths) + "]"
    source = f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
    present = [row[0] for row in con.execute(f"describe select * from {source}").fetchall()]
    kinds = {row[0]: row[1] for row in con.execute("describe wh.scores.incoming_scores").fetchall()}
    stamps: dict[str, Any] = {
        "portfolio": portfolio,
        "as_of_date": as_of_date,
        "scored_at": settings().local_now(),
    }
    if run_id is not None:
        stamps["run_id"] = run_id
    missing = [name for name in kinds if name not in (*present, *stamps, *_EXPLAINED)]
    unknown = [name for name in present if name not in kinds]
    if missing or unknown:
        raise Refused(
            f"score partitions of {portfolio} on {as_of_date}: "
            f"missing column(s) {', '.join(missing) or 'none'}, "
            f"unknown column(s) {', '.join(unknown) or 'none'}; the table has {', '.join(kinds)}"
        )
    taken = [name for name in present if name not in stamps]
    picked = ", ".join(f"cast({name} as {kinds[name]}) as {name}" for name in taken)
    stamped = ", ".join(f"cast(${name} as {kinds[name]}) as {name}" for name in stamps)
    with transaction(con):
        con.execute(
            "delete from wh.scores.incoming_scores where portfolio = ? and as_of_date = ?",
            [portfolio, as_of_date],
        )
        try:
            done = con.execute(
                f"insert into wh.scores.incoming_scores by name select {picked}, {stamped} from {source}",
                stamps,
            ).fetchone()
        except duckdb.ConversionException as error:
            raise Refused(f"score partitions of {portfolio} on {as_of_date}: {error}") from error
    return int(done[0]) if done else 0


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

    The transaction deletes the partitions (portfolio, as_of_date, model_role), inserts what is staged for
    this run, runs every score audit, renews and audits the marts, and finishes the run-ledger row as done.

    Args:
        con: a writer's cursor.
        portfolio: portfolio that was scored.
        as_of_date: date that it was scored for.
        run_id: run that staged the scores.
        model_roles: roles that this run replaces; staged rows of any other role are refused.
        counts: what else the ledger row shall tell.

    Returns:
        `scores`, the number of rows written, and the number of champion rows of each score_status.

    Raises:
        Refused: when nothing or another role is staged, or an audit finds bad rows.
    """
    night: dict[str, Any] = {"portfolio": portfolio, "as_of_date": as_of_date}
    roles = {"model_roles": list(model_roles)}
    here = "portfolio = $portfolio and as_of_date = $as_of_date"
    with transaction(con):
        _check_staged(con, {**night, **roles, "run_id": run_id})
        con.execute(
            f"delete from wh.scores.portfolio_scores where {here} "
            "and list_contains($model_roles, model_role)",
            {**night, **roles},
        )
        con.execute(
            "insert into wh.scores.portfolio_scores by name "
            f"select * from wh.scores.incoming_scores where {here} and run_id = $run_id",
            {**night, "run_id": run_id},
        )
        con.execute(f"delete from wh.scores.incoming_scores where {here}", night)
        # the marts are built from audited scores only
        audit(con, audit_names("assert_scores_"), {**night, **roles, "run_id": run_id})
        for mart in MARTS:
            replace_partition(con, mart, night)
        audit(con, audit_names("assert_mart_"), night)
        written = _written(con, {**night, **roles})
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


def _written(con: duckdb.DuckDBPyConnection, night: Mapping[str, Any]) -> dict[str, int]:
    rows = con.execute(
        "select score_status, count(*) filter (where model_role = 'champion'), count(*) "
        "from wh.scores.portfolio_scores where portfolio = $portfolio and as_of_date = $as_of_date "
        "and list_contains($model_roles, model_role) group by score_status order by score_status",
        dict(night),
    ).fetchall()
    return {"scores": sum(row[2] for row in rows), **{status: champions for status, champions, _ in rows}}
