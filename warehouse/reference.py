"""Store the reference bins of a model, and the borrowers of a night counted in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import polars as pl

from warehouse import buckets, matrix, older_nights, sql
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.settings import settings

ROWS = 50_000
BIN_COUNTS = "ops.bin_counts"

_MODEL = "portfolio = $portfolio and model_family = $family and model_version = $version"
_SCORED = f"""
select c.bucket, c.enterprise_id
from wh.{matrix.COVERAGE} as c
inner join wh.scores.portfolio_scores as s on c.enterprise_id = s.enterprise_id
where
    c.portfolio = $portfolio and c.as_of_date = $as_of_date
    and s.portfolio = $portfolio and s.as_of_date = $as_of_date
    and s.model_family = $family and s.model_version = $version and s.in_default is not true
"""


def record(con: duckdb.DuckDBPyConnection, bins: pl.DataFrame, model: ModelRecord) -> None:
    """Replace the reference bins of one model.

    Args:
        con: a writer's cursor.
        bins: subject, bin, kind, lower, upper, category, count and share.
        model: the registered model that they belong to.
    """
    with transaction(con):
        con.execute(f"delete from wh.ops.reference_bins where {_MODEL}", _key(model))
        con.register("reference_rows", bins)
        con.execute(
            "insert into wh.ops.reference_bins by name select *, $portfolio as portfolio, $family as model_family, "
            "$version as model_version, $run_id as run_id, $now as recorded_at from reference_rows",
            {**_key(model), "run_id": model.run_id, "now": settings().local_now()},
        )
        con.unregister("reference_rows")


def read(con: duckdb.DuckDBPyConnection, model: ModelRecord) -> pl.DataFrame:
    """Return the reference bins of one model: subject, bin, kind, lower, upper, category, count and share, in order."""
    return sql.frame(
        con,
        "select subject, bin, kind, lower, upper, category, count, share from wh.ops.reference_bins "
        f"where {_MODEL} order by subject, bin",
        _key(model),
    )


def borrowers(
    con: duckdb.DuckDBPyConnection, night: Night, *, family: str, version: str, features: list[str]
) -> Iterator[pl.DataFrame]:
    """Yield in parts the features of the borrowers that one model scored on a night, without columns that are gone.

    Borrowers in default are left out, as they are from the training rows that these are compared with.

    Args:
        con: a writer's cursor.
        night: the night that was scored.
        family: the model that scored it.
        version: its version on that night.
        features: columns of features.feat_enterprise, and sensitive fields.

    Raises:
        Refused: when the features of the night lie in Parquet; the line says how to put it back.
    """
    if older_nights.are_older(con, older_nights.COVERAGE, night):
        raise Refused(older_nights.in_parquet(night.portfolio, night.as_of_date, what="features"))
    columns = [row[0] for row in con.execute(f"describe wh.{matrix.RELATION}").fetchall()]
    picked = ", ".join(f'f."{name}"' for name in columns if name in features)
    sensitive = matrix.SENSITIVE.intersection(features)
    scored = sql.frame(con, _SCORED, {**night.key, "family": family, "version": version})
    sizes = scored.group_by("bucket").len().iter_rows()
    for part in buckets.ranges(sizes, at_least=1, at_most_rows=ROWS):
        con.register("scored_part", scored.filter(pl.col("bucket").is_between(*part)))
        frame = sql.frame(
            con,
            f"select f.as_of_date, f.enterprise_id{', ' + picked if picked else ''} from wh.{matrix.RELATION} as f "
            "semi join scored_part as s on f.bucket = s.bucket and f.enterprise_id = s.enterprise_id "
            "where f.portfolio = $portfolio and f.as_of_date = $as_of_date "
            "and f.bucket >= $first and f.bucket <= $last",
            {**night.key, **part._asdict()},
        )
        con.unregister("scored_part")
        yield matrix.add_sensitive(con, frame, portfolio=night.portfolio) if sensitive else frame


def pds(con: duckdb.DuckDBPyConnection, night: Night, *, family: str, version: str) -> pl.Series:
    """Return the PDs that one model gave on a night to borrowers not in default."""
    query = f"select pd from wh.scores.portfolio_scores where {_where()} and pd is not null"
    return sql.frame(con, query, {**night.key, "family": family, "version": version})["pd"]


def counts(con: duckdb.DuckDBPyConnection, model: ModelRecord, as_of_date: date) -> pl.DataFrame:
    """Return a night's borrowers in the bins of a model: subject, bin and count; empty before they are counted.

    Counts that lie in Parquet are put back first: a night of long ago that is run again compares with them.
    """
    with transaction(con):
        older_nights.bring_back(
            con,
            older_nights.every(
                con,
                "relation = ? and portfolio = ? and as_of_date = ?",
                [BIN_COUNTS, model.portfolio, as_of_date],
            ),
        )
    return sql.frame(
        con,
        f"select subject, bin, count from wh.{BIN_COUNTS} where {_MODEL} and as_of_date = $as_of_date "
        "order by subject, bin",
        {**_key(model), "as_of_date": as_of_date},
    )


def keep_counts(
    con: duckdb.DuckDBPyConnection, counted: pl.DataFrame, model: ModelRecord, as_of_date: date
) -> None:
    """Replace the counts of a night in the bins of a model: subject, bin and count."""
    key = {**_key(model), "as_of_date": as_of_date}
    with transaction(con):
        con.execute(f"delete from wh.ops.bin_counts where {_MODEL} and as_of_date = $as_of_date", key)
        con.register("counted_rows", counted)
        con.execute(
            "insert into wh.ops.bin_counts by name select *, $portfolio as portfolio, $family as model_family, "
            "$version as model_version, $as_of_date as as_of_date from counted_rows",
            key,
        )
        con.unregister("counted_rows")


def forget_counts(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Delete a night's counts in the bins of every model: its scores may have been replaced."""
    of_night = "where portfolio = $portfolio and as_of_date = $as_of_date"
    con.execute(f"delete from wh.{BIN_COUNTS} {of_night}", night.key)
    con.execute(f"delete from wh.ops.older_nights {of_night} and relation = '{BIN_COUNTS}'", night.key)


def _key(model: ModelRecord) -> dict[str, str]:
    return {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}


def _where() -> str:
    return (
        "portfolio = $portfolio and as_of_date = $as_of_date "
        "and model_family = $family and model_version = $version and in_default is not true"
    )
