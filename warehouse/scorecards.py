"""Store the rows of a model whose PDs are sums of points, and read them back for its page."""

from __future__ import annotations

import duckdb
import polars as pl

from warehouse import sql
from warehouse.connection import transaction
from warehouse.registry import ModelRecord
from warehouse.settings import settings

_MODEL = "portfolio = $portfolio and model_family = $family and model_version = $version"

_READ = f"""
select s.* exclude (portfolio, model_family, model_version, run_id, recorded_at), c.business_name
from wh.ops.scorecard as s
left join wh.ops.feature_catalogue as c on s.feature = c.feature
where {_MODEL}
order by s.place, s.bin
"""

# repeats of one row are averaged first: a row is one observation however often it was dealt
_PAIRED = """
with unseen as (
    select model_family, as_of_date, enterprise_id, label, avg(pd) as pd
    from wh.ops.evaluation_scores
    where
        portfolio = $portfolio
        and (
            (model_family = $family and model_version = $version)
            or (model_family = $other_family and model_version = $other_version)
        )
    group by model_family, as_of_date, enterprise_id, label
)

select a.label, a.pd, b.pd as other_pd
from unseen as a
inner join unseen as b
    on a.as_of_date = b.as_of_date and a.enterprise_id = b.enterprise_id and a.label = b.label
where a.model_family = $family and b.model_family = $other_family
order by a.as_of_date, a.enterprise_id
"""


def record(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, model: ModelRecord) -> None:
    """Replace the rows of one model.

    Args:
        con: a writer's cursor.
        rows: the columns of ops.scorecard between the key of the model and its run.
        model: the registered model that they belong to.
    """
    with transaction(con):
        con.execute(f"delete from wh.ops.scorecard where {_MODEL}", _key(model))
        con.register("scorecard_rows", rows)
        con.execute(
            "insert into wh.ops.scorecard by name select *, $portfolio as portfolio, $family as model_family, "
            "$version as model_version, $run_id as run_id, $now as recorded_at from scorecard_rows",
            {**_key(model), "run_id": model.run_id, "now": settings().local_now()},
        )
        con.unregister("scorecard_rows")


def read(con: duckdb.DuckDBPyConnection, model: ModelRecord) -> pl.DataFrame:
    """Return the rows of one model in order, each with the business name of its feature; none if it has no points."""
    return sql.frame(con, _READ, _key(model))


def paired(con: duckdb.DuckDBPyConnection, model: ModelRecord, other: ModelRecord) -> pl.DataFrame:
    """Return label, pd and other_pd of the rows that neither of two models of different families had seen."""
    return sql.frame(
        con,
        _PAIRED,
        {**_key(model), "other_family": other.model_family, "other_version": other.model_version},
    )


def _key(model: ModelRecord) -> dict[str, str]:
    return {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}
