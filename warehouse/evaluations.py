"""Store a model's PDs of rows that it had not seen, and compare two models on the rows that both have."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.connection import transaction
from warehouse.partition import replace_partition
from warehouse.registry import ModelRecord

MART = "marts.mart_family_calibration"

# repeats of one row are averaged first: a row is one observation however often it was dealt
_COMPARE = """
with losses as (
    select
        model_family,
        as_of_date,
        enterprise_id,
        label,
        avg(-case label when 1 then ln(pd) else ln(1 - pd) end) as loss
    from wh.ops.evaluation_scores
    where
        portfolio = $portfolio
        and list_contains($coverage, coverage)
        and (
            (model_family = $family and model_version = $version)
            or (model_family = $other_family and model_version = $other_version)
        )
    group by model_family, as_of_date, enterprise_id, label
),

paired as (
    select a.loss - b.loss as difference
    from losses as a
    inner join losses as b
        on a.as_of_date = b.as_of_date and a.enterprise_id = b.enterprise_id and a.label = b.label
    where a.model_family = $family and b.model_family = $other_family
)

select count(*), avg(difference), stddev_samp(difference) from paired
"""


class Comparison(NamedTuple):
    """The log loss of one model less that of another on rows that neither had seen, with its 95% interval."""

    rows: int
    difference: float
    low: float
    high: float


def record(con: duckdb.DuckDBPyConnection, unseen: pl.DataFrame, model: ModelRecord) -> None:
    """Replace the stored PDs of one model's unseen rows, and renew the mart that sets PDs against default rates.

    Args:
        con: a writer's cursor.
        unseen: as_of_date, enterprise_id, repeat, coverage, label, pd_raw and pd.
        model: the registered model that they belong to.
    """
    key = {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}
    with transaction(con):
        con.execute(
            "delete from wh.ops.evaluation_scores where portfolio = $portfolio and model_family = $family "
            "and model_version = $version",
            key,
        )
        con.register("unseen_rows", unseen)
        con.execute(
            "insert into wh.ops.evaluation_scores by name select *, $portfolio as portfolio, "
            "$family as model_family, $version as model_version, $run_id as run_id from unseen_rows",
            {**key, "run_id": model.run_id},
        )
        con.unregister("unseen_rows")
        replace_partition(con, MART, {"portfolio": model.portfolio})


def compare(
    con: duckdb.DuckDBPyConnection, model: ModelRecord, other: ModelRecord, *, coverage: Collection[str]
) -> Comparison | None:
    """Compare two models of different families on the rows of some coverage classes that both were evaluated on.

    The interval takes rows as independent (normal approximation); fits that share training rows are a little less so.

    Returns:
        None where they share fewer than two rows.
    """
    row = con.execute(
        _COMPARE,
        {
            "portfolio": model.portfolio,
            "family": model.model_family,
            "version": model.model_version,
            "other_family": other.model_family,
            "other_version": other.model_version,
            "coverage": list(coverage),
        },
    ).fetchone()
    rows, difference, deviation = row or (0, None, None)
    if difference is None or deviation is None:
        return None
    half = 1.96 * deviation / math.sqrt(rows)
    return Comparison(rows, difference, difference - half, difference + half)
