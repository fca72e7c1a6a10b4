"""Read the delivered scenarios that hold on a night: the last set that was decided and known by its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from warehouse.night import Night

_IN_FORCE = """
select decided_on, known_at, scenario, weight, month, systematic_factor
from wh.staging.stg_scenarios
where portfolio = $portfolio and known_at < cast($as_of_date as date) + interval 1 day
qualify dense_rank() over (order by decided_on desc, known_at desc) = 1
order by scenario, month
"""


@dataclass(frozen=True)
class Scenario:
    """One scenario: its weight, and the factor of each month from the first to the last of its set."""

    name: str
    weight: float
    factors: tuple[float, ...]


@dataclass(frozen=True)
class ScenarioSet:
    """Scenarios that were decided together; all have the same months, and their weights add up to one."""

    decided_on: date
    known_at: datetime
    first_month: date
    last_month: date
    scenarios: tuple[Scenario, ...]


def in_force(con: duckdb.DuckDBPyConnection, night: Night) -> ScenarioSet | None:
    """Return the set that holds on the night, in the order of its names; None if none was known by its end."""
    rows = con.execute(_IN_FORCE, night.key).fetchall()
    if not rows:
        return None
    by_name: dict[str, tuple[float, list[float]]] = {}
    for _, _, name, weight, _, factor in rows:
        by_name.setdefault(name, (weight, []))[1].append(factor)
    months = [row[4] for row in rows]
    return ScenarioSet(
        decided_on=rows[0][0],
        known_at=rows[0][1],
        first_month=min(months),
        last_month=max(months),
        scenarios=tuple(Scenario(name, weight, tuple(path)) for name, (weight, path) in by_name.items()),
    )
