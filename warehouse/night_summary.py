"""Read what the one screen of a night shows: its grades, its families and the counts of its run."""

from __future__ import annotations

from typing import Any

import duckdb
import polars as pl

from warehouse import sql
from warehouse.night import Night

_GRADES = """
select
    case when s.in_default then 'in default' else coalesce(s.grade, 'no grade') end as grade,
    count(*) as enterprises, cast(sum(l.total_borrowing) as double) as exposure,
    sum(s.pd) filter (s.in_default is not true) as expected_defaults,
    avg(s.pd) filter (s.in_default is not true) as mean_pd
from wh.scores.portfolio_scores as s
left join wh.features.feat_ledger as l using (portfolio, as_of_date, enterprise_id)
where s.portfolio = $portfolio and s.as_of_date = $as_of_date and s.model_role = 'champion'
group by all
order by mean_pd nulls last, grade
"""

_FAMILIES = """
select coverage, model_family, count(*) as enterprises, avg(pd) filter (in_default is not true) as mean_pd
from wh.scores.portfolio_scores
where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion'
group by all
order by enterprises desc, coverage
"""

_RUN = """
select
    (select count(*) from wh.ops.file_ledger as f where f.run_id = r.run_id) as files,
    (select cast(sum(f.loaded) as bigint) from wh.ops.file_ledger as f where f.run_id = r.run_id) as loaded,
    (select count(*) from wh.ops.quarantine as q where q.run_id = r.run_id) as quarantined,
    (select count(*) from wh.ops.file_ledger as f where f.run_id = r.run_id and f.status = 'refused') as refused,
    (select count(*) from wh.ops.validation_results as v where v.run_id = r.run_id and v.outcome = 'failed') as warnings
from wh.ops.run_ledger as r
where r.run_id = $run_id
"""


def grades(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the headlines by grade, the safest first: grade, enterprises, exposure, expected_defaults, mean_pd."""
    return sql.frame(con, _GRADES, night.key)


def families(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return who gives the headlines of each coverage: coverage, model_family, enterprises, mean_pd."""
    return sql.frame(con, _FAMILIES, night.key)


def run_counts(con: duckdb.DuckDBPyConnection, *, run_id: str) -> dict[str, Any]:
    """Return the files, rows, refusals and warnings of one run."""
    return sql.frame(con, _RUN, {"run_id": run_id}).row(0, named=True)
