"""Keep the history of model roles: each approval is added, none is ever changed."""

from __future__ import annotations

from datetime import date
from typing import Literal

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings

Role = Literal["champion", "challenger", "shadow", "retired"]
TRAINING = "training run"

ON_DATE = """
select portfolio, model_family, model_version, role as role_on_date, effective_from, recorded_at
from wh.ops.model_roles
where portfolio = $portfolio and effective_from <= $as_of_date
qualify row_number() over (
    partition by model_family, model_version order by effective_from desc, recorded_at desc
) = 1
"""
"""The role of each model of a portfolio on a date: its record with the latest effective_from up to that date."""


class RoleRecord(BaseModel):
    """One approval: from which night on a model has which role, why, and who approved it."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    portfolio: str = Field(min_length=1, description="Portfolio of the model.")
    model_family: str = Field(min_length=1, description="Algorithm of the model.")
    model_version: str = Field(min_length=1, description="Version of the model.")
    role: Role = Field(description="What it is used for from then on.")
    effective_from: date = Field(description="First night that the role holds for.")
    reason: str = Field(min_length=1, description="Why it was given.")
    approver: str = Field(min_length=1, description="Who approved it.")
    run_id: str = Field(min_length=1, description="Run that recorded it.")


def record(con: duckdb.DuckDBPyConnection, approval: RoleRecord) -> RoleRecord:
    """Add one approval to the history and return it; it comes after every earlier one, whatever the clock says."""
    values = approval.model_dump()
    names = ", ".join(values)
    placeholders = ", ".join(f"${name}" for name in values)
    con.execute(
        f"insert into wh.ops.model_roles ({names}, recorded_at) select {placeholders}, "
        "greatest($now, (select max(recorded_at) + interval 1 microsecond from wh.ops.model_roles))",
        {**values, "now": settings().local_now()},
    )
    return approval


def since(con: duckdb.DuckDBPyConnection, night: Night, family: str, version: str) -> date:
    """Return the day from which a model has the role that it has on a night.

    Raises:
        Refused: the model has no role on the night.
    """
    row = con.execute(
        f"select effective_from from ({ON_DATE}) where model_family = $family and model_version = $version",
        {**night.key, "family": family, "version": version},
    ).fetchone()
    if row is None:
        raise Refused(f"{family} {version} has no role in {night.portfolio} on {night.as_of_date}")
    day: date = row[0]
    return day
