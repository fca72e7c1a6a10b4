"""Refuse a file that does not hold its sets of scenarios whole.

The rows of one `decided_on` and one `known_at` are a set: it stands or falls as one, since a weight means something
beside the other weights alone, and a path with a hole says nothing of the months behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import NamedTuple

import duckdb

from warehouse.errors import FileRefused
from warehouse.intake.file_ledger import FileRecord
from warehouse.intake.forms import column_name

WEIGHTS_OFF_BY = 1e-5
"""How far the weights of a set may be from one: they are written with a few decimals."""

RULE = (
    "The rows of one decided_on and one known_at are a set and come in one file: every scenario has the same months "
    "without a gap, each as its first day, the same weight of 0 to 1 in all its rows, and the weights add up to 1."
)

_SCENARIOS = """
with touched as (
    select distinct decided_on, known_at
    from wh.raw.scenarios
    where portfolio = $portfolio and file_hash = $file_hash and run_id = $run_id
)

select
    s.decided_on,
    s.known_at,
    s.scenario,
    min(s.month) as first_month,
    max(s.month) as last_month,
    count(*) as months,
    min(s.month) filter (where day(s.month) <> 1) as no_first_day,
    min(s.weight) as least,
    max(s.weight) as greatest
from wh.raw.scenarios as s
inner join touched as t on s.decided_on = t.decided_on and s.known_at = t.known_at
where s.portfolio = $portfolio
group by s.decided_on, s.known_at, s.scenario
order by s.decided_on, s.known_at, s.scenario
"""


class _Scenario(NamedTuple):
    name: str
    first_month: date
    last_month: date
    months: int
    no_first_day: date | None
    least: float
    greatest: float


def refuse_torn(con: duckdb.DuckDBPyConnection, record: FileRecord) -> None:
    """Refuse a file that leaves a set which it touches with weights or months that do not fit together.

    Args:
        con: a writer's cursor in the transaction that has loaded the rows.
        record: the file.

    Raises:
        FileRefused: naming the set, and the first thing that is wrong with it.
    """
    rows = con.execute(_SCENARIOS, record.model_dump(include={"portfolio", "file_hash", "run_id"})).fetchall()
    for (decided_on, known_at), found in groupby(rows, key=lambda row: row[:2]):
        scenarios = [_Scenario(*row[2:]) for row in found]
        if fault := next(_faults(scenarios), None):
            raise FileRefused(
                f"the scenarios decided on {decided_on}, known at {known_at}, are no whole set: {fault}"
                f"{_set_aside(con, record)}; deliver all their rows again in one file"
            )


def _faults(scenarios: list[_Scenario]) -> Iterator[str]:
    """Yield what is wrong, in the order in which it has to be mended."""
    for one in scenarios:
        name = f"scenario {column_name(one.name)}"
        if one.no_first_day is not None:
            yield f"{name} has the month {one.no_first_day}, a month is its first day"
        if not 0 <= one.least <= one.greatest <= 1:
            yield f"{name} has a weight that is not between 0 and 1"
        if one.least != one.greatest:
            yield f"{name} has the weights {one.least:g} and {one.greatest:g}, a scenario has one"
        if (gap := _months(one.first_month, one.last_month) - one.months) > 0:
            yield (
                f"{name} lacks {gap} of the {gap + one.months} months from {one.first_month:%Y-%m} to "
                f"{one.last_month:%Y-%m}"
            )
        if (one.first_month, one.last_month) != scenarios[0][1:3]:
            yield (
                f"{name} has the months {one.first_month:%Y-%m} to {one.last_month:%Y-%m}, scenario "
                f"{column_name(scenarios[0].name)} {scenarios[0].first_month:%Y-%m} to {scenarios[0].last_month:%Y-%m}"
            )
    total = math.fsum(one.greatest for one in scenarios)
    if abs(total - 1) > WEIGHTS_OFF_BY:
        told = ", ".join(f"{column_name(one.name)} {one.greatest:g}" for one in scenarios)
        yield f"the weights add up to {total:.6g}, not to 1 ({told})"


def _set_aside(con: duckdb.DuckDBPyConnection, record: FileRecord) -> str:
    """Return the first row of the file that cannot be used, which may be what the set lacks; empty if there is none."""
    row = con.execute(
        """select file_row, detail from wh.ops.quarantine
           where portfolio = $portfolio and path = $path and file_hash = $file_hash and run_id = $run_id
           order by file_row limit 1""",
        record.model_dump(include={"portfolio", "path", "file_hash", "run_id"}),
    ).fetchone()
    return f" (row {row[0]:,} cannot be used: {row[1]})" if row else ""


def _months(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1
