"""Stage a night's scores, then commit them with marts and audits, whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb
import polars as pl

from warehouse import changes, curves, feature_catalogue, impairment, incoming, ledger, older_nights, sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.partition import audit, replace_partition
from warehouse.registry import ModelRecord

_INTERVAL = ("pd_lower", "pd_upper")
_REASONS = ("reason_1", "reason_2", "reason_3", "reason_4")
_EXPLAINED = ("base_value", *_REASONS, *(f"{reason}_strength" for reason in _REASONS))


def as_rows(
    rows: pl.DataFrame, night: Night, *, record: ModelRecord | None, headline: Collection[str]
) -> pl.DataFrame:
    """Return one model's scores of some enterprises as rows of scores.portfolio_scores.

    Args:
        rows: enterprise_id, coverage, pd_raw, pd, score_points and grade, null where the model cannot score;
            pd_lower and pd_upper where the model has an interval; base_value, reason_1 to reason_4 and their
            strengths where the family explains itself.
        night: portfolio of the enterprises, the date that they are scored for, and the run that scores them.
        record: the model; None for enterprises that no model can score.
        headline: the coverage classes whose headline this champion gives. There its row is the champion's; anywhere
            else it is kept beside the headline, a shadow's as shadow and any other as challenger.

    Returns:
        One row for each given one; those without a pd have the status `unscoreable`.
    """
    beside = "shadow" if record is not None and record.role == "shadow" else "challenger"
    return rows.with_columns(
        portfolio=pl.lit(night.portfolio),
        as_of_date=pl.lit(night.as_of_date),
        model_family=pl.lit(None if record is None else record.model_family, pl.String),
        model_version=pl.lit(None if record is None else record.model_version, pl.String),
        model_role=pl.when(pl.col("coverage").is_in(list(headline)))
        .then(pl.lit("champion"))
        .otherwise(pl.lit(beside)),
        score_status=pl.when(pl.col("pd").is_null()).then(pl.lit("unscoreable")).otherwise(pl.lit("fresh")),
        run_id=pl.lit(night.run_id),
    )


def stage_scores(
    con: duckdb.DuckDBPyConnection, parquet_paths: Sequence[str | Path], night: Night, *, more: bool = False
) -> int:
    """Load score partitions into scores.incoming_scores, where they wait, committed, to be validated.

    Rows that wait already for the same portfolio and date are replaced, unless these are `more` of them. portfolio,
    as_of_date, run_id and scored_at are stamped, whatever the files hold; bounds, base_value, reasons and in_default
    may be absent. Fresh rows are scored as of this date.

    Returns:
        The number of rows staged.

    Raises:
        Refused: when there is no file, a column is missing or unknown, or a value does not fit its type.
    """
    if not parquet_paths:
        raise Refused(f"no score partitions for {night.portfolio} on {night.as_of_date}: nothing was scored")
    return incoming.stage(
        con,
        "scores.incoming_scores",
        parquet_paths,
        night,
        what="score partitions",
        optional=(*_INTERVAL, *_EXPLAINED, "in_default"),
        derived={"scored_as_of": "case when score_status = 'fresh' then $as_of_date end"},
        more=more,
    )


def staged_headlines(con: duckdb.DuckDBPyConnection, night: Night) -> dict[tuple[str, str | None], int]:
    """Count a night's staged enterprises by coverage class and the family that gives their headline."""
    rows = con.execute(
        "select coverage, model_family, count(*) from wh.scores.incoming_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion' "
        "group by coverage, model_family order by count(*) desc, coverage, model_family",
        night.key,
    ).fetchall()
    return {(coverage, family): enterprises for coverage, family, enterprises in rows}


def commit_scores(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    *,
    model_roles: Sequence[str] = ("champion",),
) -> dict[str, int]:
    """Move a staged night into scores.portfolio_scores in one transaction, or leave the last good scores there.

    The transaction replaces the partitions (portfolio, as_of_date, model_role) of scores and contributions by
    the rows that this run staged, deletes comparisons with the scores that they replace, runs every score audit,
    stages the loans and measures their expected losses, renews and audits the marts, and gives the run the status
    `scored`.

    Args:
        con: a writer's cursor.
        night: the partition that was scored, and the run that staged its scores.
        model_roles: roles that this run replaces; staged rows of any other role are refused.

    Returns:
        `scores` and `contributions`, the numbers of rows written, and the number of champion rows of each
        score_status and of each model_family.

    Raises:
        Refused: when nothing or another role is staged, or an audit finds bad rows.
    """
    with transaction(con):
        _check_staged(con, night, model_roles)
        older_nights.bring_back_scored(con, night)
        for waiting, target in (
            ("scores.incoming_scores", "scores.portfolio_scores"),
            ("scores.incoming_contributions", "scores.contributions"),
        ):
            incoming.move(con, waiting, target, night, model_roles=model_roles)
        if "champion" in model_roles:
            curves.move_curves(con, night)
        feature_catalogue.record(con)
        changes.forget(con, night)
        # the marts are built from audited scores only
        audit(con, audit_names("assert_scores_"), {**night._asdict(), "model_roles": list(model_roles)})
        impairment.record_parameters(con, night)
        for file in sql.in_order((*sql.catalogue("scores"), *sql.catalogue("marts"))):
            if file.parameters:  # without any it is a view
                replace_partition(con, file.relation, night.key)
        audit(con, audit_names("assert_mart_"), night.key)
        written = _count_written(con, night, model_roles)
        ledger.mark_scored(con, night, counts=written)
    return written


def audit_names(*prefixes: str) -> tuple[str, ...]:
    """Return the audits in sql/audits whose name begins with one of the prefixes, such as `assert_scores_`."""
    names = (file.relation.split(".")[1] for file in sql.catalogue("audits"))
    return tuple(name for name in names if name.startswith(prefixes))


def _check_staged(con: duckdb.DuckDBPyConnection, night: Night, model_roles: Sequence[str]) -> None:
    staged = con.execute(
        "select model_role, count(*) from wh.scores.incoming_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and run_id = $run_id group by model_role",
        night._asdict(),
    ).fetchall()
    where = f"{night.portfolio} on {night.as_of_date}"
    if not staged:
        raise Refused(f"run {night.run_id} has staged no scores for {where}; stage them before committing")
    others = sorted({str(role) for role, _ in staged} - set(model_roles))
    if others:
        raise Refused(
            f"scores of the role(s) {', '.join(others)} are staged for {where}, this run replaces only "
            f"{', '.join(model_roles)}; name every role in model_roles"
        )


def _count_written(
    con: duckdb.DuckDBPyConnection, night: Night, model_roles: Sequence[str]
) -> dict[str, int]:
    where = "where portfolio = $portfolio and as_of_date = $as_of_date and list_contains($model_roles, model_role)"
    params = {**night.key, "model_roles": list(model_roles)}
    rows = con.execute(
        "select count(*), (select count(*) from wh.scores.contributions "
        f"{where}) from wh.scores.portfolio_scores {where}",
        params,
    ).fetchall()
    counts = {"scores": rows[0][0], "contributions": rows[0][1]}
    for column in ("score_status", "model_family"):
        counts |= dict(
            con.execute(
                f"select {column}, count(*) from wh.scores.portfolio_scores {where} "
                f"and model_role = 'champion' and {column} is not null group by {column} order by {column}",
                params,
            ).fetchall()
        )
    return counts
