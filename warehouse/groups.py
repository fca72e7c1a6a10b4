"""Read the groups of borrowers for fairness checks, beside the scores; they are never handed to a model."""

from __future__ import annotations

import duckdb
import polars as pl

from warehouse import sql
from warehouse.night import Night
from warehouse.registry import ModelRecord

ATTRIBUTES = ("natural_person", "region", "legal_form", "representative_gender")

_GROUPS = """
select
    p.as_of_date,
    p.enterprise_id,
    case p.natural_person when true then 'natural person' when false then 'company' end as natural_person,
    p.region,
    p.legal_form,
    s.representative_gender
from wh.features.feat_profile as p
left join wh.features.feat_sensitive as s
    on p.portfolio = s.portfolio and p.as_of_date = s.as_of_date and p.enterprise_id = s.enterprise_id
where p.portfolio = $portfolio and list_contains($days, p.as_of_date)
"""

# one repeat: a row is one observation however often it was dealt
_UNSEEN = """
select as_of_date, enterprise_id, label, pd
from wh.ops.evaluation_scores
where
    portfolio = $portfolio and model_family = $family and model_version = $version
    and repeat = (
        select min(e.repeat)
        from wh.ops.evaluation_scores as e
        where e.portfolio = $portfolio and e.model_family = $family and e.model_version = $version
    )
order by as_of_date, enterprise_id
"""

_SCORES = """
select as_of_date, enterprise_id, model_family, model_version, model_role, pd
from wh.scores.portfolio_scores
where portfolio = $portfolio and as_of_date = $as_of_date and pd is not null
order by enterprise_id, model_family
"""


def with_groups(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, *, portfolio: str) -> pl.DataFrame:
    """Add the groups of their borrowers on that day to rows with as_of_date and enterprise_id; null: not stated."""
    dates = rows["as_of_date"].unique().to_list()
    groups = sql.frame(con, _GROUPS, {"portfolio": portfolio, "days": dates})
    return rows.join(groups, on=["as_of_date", "enterprise_id"], how="left", maintain_order="left")


def unseen(con: duckdb.DuckDBPyConnection, model: ModelRecord) -> pl.DataFrame:
    """Return a model's PDs of rows that it had not seen: as_of_date, enterprise_id, label and pd."""
    key = {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}
    return sql.frame(con, _UNSEEN, key)


def scores_of(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return every PD of a night: as_of_date, enterprise_id, model_family, model_version, model_role and pd."""
    return sql.frame(con, _SCORES, night.key)
