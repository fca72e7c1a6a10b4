"""Give a model another role from a day on, by an approval with reason and approver."""

from __future__ import annotations

from datetime import date

import duckdb

from warehouse import registry, roles
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.roles import RoleRecord


def promote(
    con: duckdb.DuckDBPyConnection, approval: RoleRecord, *, former: roles.Role = "challenger"
) -> tuple[RoleRecord, ...]:
    """Record the approval, and the new role of the champion that it replaces; return the new records.

    Args:
        con: a writer's cursor.
        approval: the model, its role, the first night of that role, reason and approver.
        former: new role of the champion that is replaced, challenger or retired.

    Raises:
        Refused: when there is no such model, it was withdrawn, it was trained on later data than the first night's,
            its file is not the registered one, reason or approver are empty, or it has the role already.
    """
    record = registry.registered(
        con, portfolio=approval.portfolio, family=approval.model_family, version=approval.model_version
    )
    name = f"{approval.model_family} {approval.model_version}"
    for field in ("reason", "approver"):
        if not str(getattr(approval, field)).strip():
            raise Refused(f"{name}: the {field} is empty; an approval says why and who")
    if record.role == "retired":
        raise Refused(f"{name} was withdrawn ({record.note}); train a model and give that one the role")
    if record.knowledge_date > approval.effective_from:
        raise Refused(
            f"{name} knows what happened until {record.knowledge_date}, so no night before that may use it; "
            f"give an --effective-from of {record.knowledge_date} or later, not {approval.effective_from}"
        )
    registry.verify(record)
    night = Night(approval.portfolio, approval.effective_from, approval.run_id)
    champion = registry.champion(con, night, family=approval.model_family)
    if approval.role == "champion":
        has_it = champion is not None and champion.model_version == approval.model_version
    else:
        has_it = any(
            (model.model_family, model.model_version) == (approval.model_family, approval.model_version)
            for model in registry.in_role(con, night, (approval.role,))
        )
    if has_it:
        raise Refused(
            f"{name} is {approval.role} of {approval.portfolio} on {approval.effective_from} already"
        )
    approvals = [approval]
    if approval.role == "champion" and champion is not None:
        replaced = {
            "model_version": champion.model_version,
            "role": former,
            "reason": f"its place went to {approval.model_version}: {approval.reason}",
        }
        approvals.append(approval.model_copy(update=replaced))
    with transaction(con):
        return tuple(roles.record(con, record) for record in approvals)


def next_champion(con: duckdb.DuckDBPyConnection, approval: RoleRecord) -> tuple[date, str] | None:
    """Return day and version of the next record that makes another model champion, or None if there is none."""
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
