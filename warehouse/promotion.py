"""A model gets another role from a day on, by an approval that says why and who; nothing else may change a role."""

from __future__ import annotations

from datetime import date

import duckdb

from warehouse import registry, roles
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.registry import ModelRecord
from warehouse.roles import RoleRecord


def promote(
    con: duckdb.DuckDBPyConnection, approval: RoleRecord, *, former: roles.Role = "challenger"
) -> tuple[RoleRecord, ...]:
    """Record what was approved, and what becomes of the champion whose place is taken; return the new records.

    Args:
        con: a writer's cursor.
        approval: the model, its role, the first night of it, reason and approver.
        former: role of the champion whose place is taken, challenger or retired.

    Raises:
        Refused: when there is no such model, it was withdrawn, its knowledge is newer than the first night, its
            file is not the registered one, reason or approver say nothing, or it has the role already.
    """
    record = _found(con, approval)
    name = f"{approval.model_family} {approval.model_version}"
    for what in ("reason", "approver"):
        if not str(getattr(approval, what)).strip():
            raise Refused(f"{name}: the {what} is empty; an approval says why and who")
    if record.role == "retired":
        raise Refused(f"{name} was withdrawn ({record.note}); train a model and give that one the role")
    if record.knowledge_date > approval.effective_from:
        raise Refused(
            f"{name} knows what happened until {record.knowledge_date}, so no night before that may use it; "
            f"give an --effective-from of {record.knowledge_date} or later, not {approval.effective_from}"
        )
    registry.verify(record)
    night = Night(approval.portfolio, approval.effective_from, approval.run_id)
    before = registry.champion(con, night, family=approval.model_family)
    now = registry.in_role(con, night, (approval.role,))
    mine = (approval.model_family, approval.model_version)
    if approval.role == "champion":
        has_it = before is not None and before.model_version == approval.model_version
    else:
        has_it = any((one.model_family, one.model_version) == mine for one in now)
    if has_it:
        raise Refused(
            f"{name} is {approval.role} of {approval.portfolio} on {approval.effective_from} already"
        )
    written = [approval]
    if approval.role == "champion" and before is not None:
        replaced = {
            "model_version": before.model_version,
            "role": former,
            "reason": f"its place went to {approval.model_version}: {approval.reason}",
        }
        written.append(approval.model_copy(update=replaced))
    with transaction(con):
        return tuple(roles.record(con, one) for one in written)


def next_champion(con: duckdb.DuckDBPyConnection, approval: RoleRecord) -> tuple[date, str] | None:
    """The day and version of a record that makes another model champion after this one, if there is one already."""
    row = con.execute(
        "select effective_from, model_version from wh.ops.model_roles where portfolio = $portfolio "
        "and model_family = $family and model_version <> $version and role = 'champion' "
        "and effective_from > $day order by effective_from limit 1",
        {
            "portfolio": approval.portfolio,
            "family": approval.model_family,
            "version": approval.model_version,
            "day": approval.effective_from,
        },
    ).fetchone()
    return None if row is None else (row[0], row[1])


def _found(con: duckdb.DuckDBPyConnection, approval: RoleRecord) -> ModelRecord:
    family = [
        one
        for one in registry.records(con, portfolio=approval.portfolio)
        if one.model_family == approval.model_family
    ]
    for one in family:
        if one.model_version == approval.model_version:
            return one
    known = ", ".join(one.model_version for one in family[:5]) or "none"
    raise Refused(
        f"{approval.portfolio} has no {approval.model_family} {approval.model_version}; "
        f"registered versions, the newest first: {known}"
    )
