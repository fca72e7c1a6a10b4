"""Read the groups of borrowers that fairness checks compare; no model ever gets them."""

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
left join (
    select as_of_date, enterprise_id, representative_gender
    from wh.features.feat_sensitive
    where portfolio = $portfolio and as_of_date in (select unnest(cast($days as date[])))
) as s
    on p.as_of_date = s.as_of_date and p.enterprise_id = s.enterprise_id
where p.portfolio = $portfolio and p.as_of_date in (select unnest(cast($days as date[])))
"""

# one repeat only, so that a row counts once however many repeats scored it
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
    """Add the groups of the borrowers on the day to rows with as_of_date and enterprise_id; null means not stated."""
    dates = rows["as_of_date"].unique().to_list()
    groups = sql.frame(con, _GROUPS, {"portfolio": portfolio, "days": dates})
    return rows.join(groups, on=["as_of_date", "enterprise_id"], how="left", maintain_order="left")


def unseen(con: duckdb.DuckDBPyConnection, model: ModelRecord) -> pl.DataFrame:
    """Return the PD of a model on rows it was not trained on: as_of_date, enterprise_id, label and pd."""
    key = {"portfolio": model.portfolio, "family": model.model_family, "version": model.model_version}
    return sql.frame(con, _UNSEEN, key)


def scores_of(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return every PD of a night: as_of_date, enterprise_id, model_family, model_version, model_role and pd."""
    return sql.frame(con, _SCORES, night.key)
