"""Store and read by which thresholds and conventions a night stages its loans and measures their credit losses."""

from __future__ import annotations

import duckdb

from warehouse.errors import Refused
from warehouse.intake.scenario_sets import WEIGHTS_OFF_BY
from warehouse.night import Night
from warehouse.settings import settings

PARAMETERS = "scores.impairment_parameters"
CHANGES = "marts.mart_allowance_changes"
PARTS = (
    "new", "repaid", "written_off", "measured", "restated", "exposure", "pd", "model", "scenarios", "parameters",
    "moved_stage",
)  # fmt: skip
"""The parts of a movement, in the order in which they are taken."""

# the set that holds on a night: the one decided last, as known then
_SET = """
with held as (
    select scenario, month, systematic_factor, weight
    from wh.staging.stg_scenarios
    where
        portfolio = $portfolio and decided_on <= $as_of_date
        and known_at < cast($as_of_date as date) + interval 1 day
    qualify rank() over (order by decided_on desc, known_at desc) = 1
),
scenarios as (
    select scenario, min(weight) as weight, max(weight) as most, count(weight) < count(*) as gaps
    from held
    group by scenario
)
select
    count(*), coalesce(sum(weight order by scenario), 0), bool_or(gaps or weight <> most or weight < 0),
    string_agg(scenario || ' ' || coalesce(cast(weight as varchar), 'none'), ', ' order by scenario)
from scenarios
"""


def loss_given_default(con: duckdb.DuckDBPyConnection, night: Night) -> float:
    """Return the share that is lost in a default where the ledger does not say, as the night's allowance has it.

    A night whose losses were not measured, since it is older than they are, has that of the settings.
    """
    row = con.execute(
        f"select loss_given_default from wh.{PARAMETERS} where portfolio = $portfolio and as_of_date = $as_of_date",
        night.key,
    ).fetchone()
    return settings().impairment.loss_given_default if row is None else float(row[0])


def record_parameters(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Store the parameters of a night, and forget movements against what its allowances were before.

    Args:
        con: a writer's cursor inside the transaction that then measures the losses.
        night: the night, and the run that measures.

    Raises:
        Refused: when the weights of the scenarios that hold that night do not add up to one.
    """
    count, total, is_bad, named = con.execute(_SET, night.key).fetchone() or (0, 0.0, False, "")
    if count and (is_bad or abs(total - 1.0) > WEIGHTS_OFF_BY):
        raise Refused(
            f"scenarios of {night.portfolio} on {night.as_of_date}: their weights ({named}) add up to {total:g}; "
            "deliver a set whose weights are the same in all rows of a scenario and add up to 1"
        )
    con.execute(
        f"delete from wh.{PARAMETERS} where portfolio = $portfolio and as_of_date = $as_of_date", night.key
    )
    values = {**settings().impairment.model_dump(), **night._asdict()}
    con.execute(
        f"insert into wh.{PARAMETERS} ({', '.join(values)}) "
        f"values ({', '.join(f'${name}' for name in values)})",
        values,
    )
    # what later nights told of this one held for the allowances that are replaced
    con.execute(
        f"delete from wh.{CHANGES} where portfolio = $portfolio and against_date = $as_of_date", night.key
    )
