"""Keep the lender's choice of the family that leads a coverage class: each approval is added, none is ever changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from warehouse import registry
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings

# of a class its record with the latest effective_from up to the night
_ON_NIGHT = """
select portfolio, coverage, model_family, effective_from, reason, approver, run_id
from wh.ops.class_leaders
where portfolio = $portfolio and effective_from <= $as_of_date
qualify row_number() over (partition by coverage order by effective_from desc, recorded_at desc) = 1
order by coverage
"""

_NEXT = """
select portfolio, coverage, model_family, effective_from, reason, approver, run_id
from wh.ops.class_leaders
where portfolio = $portfolio and coverage = $coverage and effective_from > $effective_from
order by effective_from, recorded_at desc
limit 1
"""

_FIRST_CHAMPION = """
select min(r.effective_from)
from wh.ops.model_roles as r
inner join wh.ops.model_registry as m
    on r.portfolio = m.portfolio and r.model_family = m.model_family and r.model_version = m.model_version
where
    r.portfolio = $portfolio and r.model_family = $family and r.role = 'champion' and m.role <> 'retired'
    and r.effective_from > $as_of_date
"""


class LeaderRecord(BaseModel):
    """One approval: from which night on a family leads a coverage class, why, and who approved it."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), str_strip_whitespace=True)

    portfolio: str = Field(min_length=1, description="Portfolio of the borrowers.")
    coverage: str = Field(min_length=1, description="Coverage class that the family leads.")
    model_family: str = Field(min_length=1, description="Family whose champion gives the headline PD.")
    effective_from: date = Field(description="First night that it holds for.")
    reason: str = Field(min_length=1, description="Why it was chosen.")
    approver: str = Field(min_length=1, description="Who approved it.")
    run_id: str = Field(min_length=1, description="Run that recorded it.")


def on_night(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[LeaderRecord, ...]:
    """Return the choice that holds on a night for each class that has one, by class."""
    return _records(con, _ON_NIGHT, night.key)


def next_choice(con: duckdb.DuckDBPyConnection, choice: LeaderRecord) -> LeaderRecord | None:
    """Return the next choice for the class after one, or None: until then that one holds."""
    key = choice.model_dump(include={"portfolio", "coverage", "effective_from"})
    return next(iter(_records(con, _NEXT, key)), None)


def record(con: duckdb.DuckDBPyConnection, choices: Sequence[LeaderRecord]) -> None:
    """Add approvals to the history, all or none; each comes after every earlier one, whatever the clock says.

    Raises:
        Refused: the family has no champion on the first night of a choice.
    """
    with transaction(con):
        for choice in choices:
            _check_champion(con, choice)
            values = choice.model_dump()
            names = ", ".join(values)
            placeholders = ", ".join(f"${name}" for name in values)
            con.execute(
                f"insert into wh.ops.class_leaders ({names}, recorded_at) select {placeholders}, "
                "greatest($now, (select max(recorded_at) + interval 1 microsecond from wh.ops.class_leaders))",
                {**values, "now": settings().local_now()},
            )


def _check_champion(con: duckdb.DuckDBPyConnection, choice: LeaderRecord) -> None:
    night, family = Night(choice.portfolio, choice.effective_from, choice.run_id), choice.model_family
    if registry.champion(con, night, family=family) is not None:
        return
    (first,) = con.execute(_FIRST_CHAMPION, {**night.key, "family": family}).fetchone() or (None,)
    none = f"{family} has no champion of {choice.portfolio} on {choice.effective_from}"
    if first is None:
        raise Refused(
            f"{none}; train one (python -m flows train --portfolio {choice.portfolio} --family {family}) or promote "
            "one first"
        )
    raise Refused(
        f"{none}; its first night with one is {first}: give an --effective-from of that day or later"
    )


def _records(
    con: duckdb.DuckDBPyConnection, query: str, params: dict[str, object]
) -> tuple[LeaderRecord, ...]:
    names = tuple(LeaderRecord.model_fields)
    rows = con.execute(query, params).fetchall()
    return tuple(LeaderRecord(**dict(zip(names, row, strict=True))) for row in rows)
