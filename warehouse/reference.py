"""Reference bins stored with a model, and the borrowers of a night counted in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import duckdb
import polars as pl

from warehouse import matrix, sql
from warehouse.connection import transaction
from warehouse.registry import ModelRecord
from warehouse.settings import settings

ROWS = 50_000

_MODEL = "portfolio = $portfolio and model_family = $family and model_version = $version"
# keys that follow one another, as in warehouse/matrix.py
_RANGES = """
select min(n.enterprise_id) as first, max(n.enterprise_id) as last
from (
    select enterprise_id, ntile($parts) over (order by enterprise_id) as part
    from wh.scores.portfolio_scores
    where
        portfolio = $portfolio and as_of_date = $as_of_date
        and model_family = $family and model_version = $version and in_default is not true
) as n
group by n.part
order by 1
"""
_SCORED = """
enterprise_id in (
    select s.enterprise_id
    from wh.scores.portfolio_scores as s
    where
        s.portfolio = $portfolio and s.as_of_date = $as_of_date
        and s.model_family = $family and s.model_version = $version and s.in_default is not true
)
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
    """The reference bins of one model: subject, bin, kind, lower, upper, category, count and share, in order."""
    return sql.frame(
        con,
        "select subject, bin, kind, lower, upper, category, count, share from wh.ops.reference_bins "
        f"where {_MODEL} order by subject, bin",
        _key(model),
    )


def borrowers(
    con: duckdb.DuckDBPyConnection,
    *,
    portfolio: str,
    as_of_date: date,
    family: str,
    version: str,
    features: list[str],
) -> Iterator[pl.DataFrame]:
    """The features of the borrowers that one model scored on a night, in parts; features that are gone are left out.

    Without borrowers in default, as the training rows that they are compared with.

    Args:
        con: a writer's cursor.
        portfolio: whose borrowers.
        as_of_date: the night.
        family: the model that scored them.
        version: its version on that night.
        features: columns of features.feat_enterprise, and sensitive fields.
    """
    night = {"portfolio": portfolio, "as_of_date": as_of_date}
    who = {**night, "family": family, "version": version}
    held = [row[0] for row in con.execute(f"describe wh.{matrix.RELATION}").fetchall()]
    picked = ", ".join(f'f."{name}"' for name in held if name in features)
    sensitive = matrix.SENSITIVE.intersection(features)
    count = con.execute(f"select count(*) from wh.scores.portfolio_scores where {_where()}", who).fetchone()
    parts = max(1, -(-int((count or (0,))[0]) // ROWS))
    for first, last in con.execute(_RANGES, {**who, "parts": parts}).fetchall():
        frame = sql.frame(
            con,
            f"select f.as_of_date, f.enterprise_id{', ' + picked if picked else ''} from wh.{matrix.RELATION} as f "
            "where f.portfolio = $portfolio and f.as_of_date = $as_of_date "
            f"and f.enterprise_id >= $first and f.enterprise_id <= $last and f.{_SCORED.strip()}",
            {**who, "first": first, "last": last},
        )
        yield matrix.add_sensitive(con, frame, portfolio=portfolio) if sensitive else frame


def pds(
    con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date, family: str, version: str
) -> pl.Series:
    """The PDs that one model gave on a night to borrowers not in default."""
    key = {"portfolio": portfolio, "as_of_date": as_of_date, "family": family, "version": version}
    found = sql.frame(
        con, f"select pd from wh.scores.portfolio_scores where {_where()} and pd is not null", key
    )
    return found["pd"]


def counts(con: duckdb.DuckDBPyConnection, model: ModelRecord, as_of_date: date) -> pl.DataFrame:
    """The borrowers of a night in the bins of a model: subject, bin and count; no row where they were not counted."""
    return sql.frame(
        con,
        f"select subject, bin, count from wh.ops.bin_counts where {_MODEL} and as_of_date = $as_of_date "
        "order by subject, bin",
        {**_key(model), "as_of_date": as_of_date},
    )


def keep_counts(
    con: duckdb.DuckDBPyConnection, found: pl.DataFrame, model: ModelRecord, as_of_date: date
) -> None:
    """Replace the counts of a night in the bins of a model by subject, bin and count."""
    key = {**_key(model), "as_of_date": as_of_date}
    with transaction(con):
        con.execute(f"delete from wh.ops.bin_counts where {_MODEL} and as_of_date = $as_of_date", key)
        con.register("counted_rows", found)
        con.execute(
            "insert into wh.ops.bin_counts by name select *, $portfolio as portfolio, $family as model_family, "
            "$version as model_version, $as_of_date as as_of_date from counted_rows",
            key,
        )
        con.unregister("counted_rows")


def forget_counts(con: duckdb.DuckDBPyConnection, *, portfolio: str, as_of_date: date) -> None:
    """Delete what was counted of a night, in the bins of every model: it is being scored again."""
    con.execute(
        "delete from wh.ops.bin_counts where portfolio = $portfolio and as_of_date = $as_of_date",
        {"portfolio": portfolio, "as_of_date": as_of_date},
    )


def _key(model: ModelRecord) -> dict[str, str]:
    return {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}


def _where() -> str:
    return (
        "portfolio = $portfolio and as_of_date = $as_of_date "
        "and model_family = $family and model_version = $version and in_default is not true"
    )
