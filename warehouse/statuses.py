"""Give every borrower of a night one status; a borrower who cannot be scored may keep its last good score."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import duckdb
import polars as pl

from warehouse import older_nights, sql
from warehouse.connection import transaction
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.settings import settings

_PARTITION = "portfolio = $portfolio and as_of_date = $as_of_date"
_PARTITION_I = "i.portfolio = $portfolio and i.as_of_date = $as_of_date"
_WAITING = (
    f"select enterprise_id from wh.scores.incoming_scores where {_PARTITION} and model_role = 'champion'"
)

# scores of a withdrawn model are not good
_LAST_GOOD = f"""
create or replace temp table last_good as
select s.*
from wh.scores.portfolio_scores as s
inner join ({_WAITING} and score_status = 'unscoreable') as w on s.enterprise_id = w.enterprise_id
left join wh.ops.model_registry as m
    on s.portfolio = m.portfolio and s.model_family = m.model_family and s.model_version = m.model_version
where
    s.portfolio = $portfolio and s.as_of_date >= $oldest and s.as_of_date < $as_of_date
    and s.model_role = 'champion' and s.score_status = 'fresh' and m.role is distinct from 'retired'
qualify row_number() over (partition by s.enterprise_id order by s.as_of_date desc) = 1
"""

_KEPT = (
    "model_family", "model_version", "pd_raw", "pd", "pd_lower", "pd_upper", "base_value", "score_points", "grade",
    "reason_1", "reason_2", "reason_3", "reason_4", "scored_at", "scored_as_of",
)  # fmt: skip

_KEEP = f"""
update wh.scores.incoming_scores as i
set score_status = 'stale', {", ".join(f"{name} = l.{name}" for name in _KEPT)}
from last_good as l
where {_PARTITION_I} and i.model_role = 'champion' and i.enterprise_id = l.enterprise_id
"""

_KEEP_CONTRIBUTIONS = """
insert into wh.scores.incoming_contributions by name
select c.* replace (cast($as_of_date as date) as as_of_date, $run_id as run_id)
from wh.scores.contributions as c
inner join last_good as l
    on
        c.portfolio = l.portfolio and c.as_of_date = l.as_of_date and c.enterprise_id = l.enterprise_id
        and c.model_role = l.model_role and c.model_family = l.model_family and c.model_version = l.model_version
"""

_QUARANTINED = f"""
insert into wh.scores.incoming_scores by name
select distinct
    q.portfolio, cast($as_of_date as date) as as_of_date, q.enterprise_id, 'champion' as model_role,
    'unscoreable' as coverage, 'quarantined' as score_status, $run_id as run_id, $now as scored_at
from wh.staging.stg_enterprises_quarantined as q
where
    q.portfolio = $portfolio and q.enterprise_id not in ({_WAITING})
    and coalesce(q.valid_from <= $as_of_date, true)
    and coalesce(q.known_at < cast($as_of_date as date) + interval 1 day, true)
"""

_DEFINITIONS = f"""
select distinct m.label_definition
from wh.scores.incoming_scores as i
inner join wh.ops.model_registry as m
    on i.portfolio = m.portfolio and i.model_family = m.model_family and i.model_version = m.model_version
where {_PARTITION_I} and m.label_definition is distinct from 'cross_section'
order by all
"""

# who is in default tonight, by what is known tonight; the interval tells of borrowers that are not
_MARKED = f"""
create or replace temp table marked as
select i.* replace (
    case when m.known then l.in_default else i.in_default end as in_default,
    case when m.known and l.in_default then null else i.pd_lower end as pd_lower,
    case when m.known and l.in_default then null else i.pd_upper end as pd_upper
)
from wh.scores.incoming_scores as i
left join (
    select enterprise_id, reason = 'in default on as_of_date' as in_default
    from outcomes
    where reason not in ('no outcomes delivered', 'no outcome delivered for the borrower')
) as l on i.enterprise_id = l.enterprise_id
left join (
    select model_family, model_version, true as known
    from wh.ops.model_registry
    where portfolio = $portfolio and label_definition = $definition
) as m on i.model_family = m.model_family and i.model_version = m.model_version and l.enterprise_id is not null
where {_PARTITION_I}
"""


def outcomes(con: duckdb.DuckDBPyConnection, night: Night, definition: str) -> pl.DataFrame:
    """Return who is in default on a night by a definition, by the label's own SQL with a window of no days."""
    outcome = OutcomeDefinition(definition, horizon_days=0)
    return sql.frame(con, "features.feat_label", {**night.key, **outcome.key, "known_by": night.as_of_date})


def settle(
    con: duckdb.DuckDBPyConnection,
    night: Night,
    *,
    stale_days: int,
    read: Mapping[str, pl.DataFrame] = MappingProxyType({}),
) -> dict[str, int]:
    """Give every staged row of a night its status, mark who is in default, and count the rows of each status.

    A borrower whom no model can score tonight keeps its last good champion score, with its contributions, where
    that is at most `stale_days` old: its status is `stale`, and `scored_as_of` is the date of that score. A borrower
    with nothing but quarantined rows of master data gets a row without a pd, `quarantined`. docs/decisions/0053 is
    the rule. Default is marked by the definition of each row's model: docs/decisions/0060.

    Args:
        con: a writer's cursor.
        night: the partition that was scored, and the run that staged its scores.
        stale_days: the greatest age of a score that is kept; 0 keeps none.
        read: the outcomes that were read already, by definition.
    """
    with transaction(con):
        con.execute(_LAST_GOOD, {**night.key, "oldest": night.as_of_date - timedelta(days=stale_days)})
        con.execute(_KEEP, night.key)
        kept_from = con.execute("select distinct as_of_date from last_good").fetchall()
        older_nights.bring_back_contributions(
            con, portfolio=night.portfolio, dates=[day for (day,) in kept_from]
        )
        con.execute(_KEEP_CONTRIBUTIONS, {"as_of_date": night.as_of_date, "run_id": night.run_id})
        con.execute(_QUARANTINED, {**night._asdict(), "now": settings().local_now()})
        con.execute("drop table last_good")
        _mark_defaults(con, night, read)
        rows = con.execute(
            f"select score_status, count(*) from wh.scores.incoming_scores where {_PARTITION} "
            "and model_role = 'champion' group by score_status order by count(*) desc, score_status",
            night.key,
        ).fetchall()
    return dict(rows)


def _mark_defaults(con: duckdb.DuckDBPyConnection, night: Night, read: Mapping[str, pl.DataFrame]) -> None:
    for (definition,) in con.execute(_DEFINITIONS, night.key).fetchall():
        known = read[definition] if definition in read else outcomes(con, night, definition)
        con.register("outcomes", known)
        con.execute(_MARKED, {**night.key, "definition": definition})
        con.unregister("outcomes")
        # DuckDB takes thirty times as long to update so many rows in place
        con.execute(f"delete from wh.scores.incoming_scores where {_PARTITION}", night.key)
        con.execute("insert into wh.scores.incoming_scores by name from marked")
        con.execute("drop table marked")
