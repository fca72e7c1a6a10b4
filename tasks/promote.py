"""Gives a model another role from a day on, and says what was recorded."""

import logging
from datetime import date

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from warehouse import promotion, roles
from warehouse.connection import writer
from warehouse.roles import RoleRecord

log = logging.getLogger("nightledger")


@task(name="promote model", cache_policy=NO_CACHE)
def promote_model(
    portfolio: str,
    family: str,
    version: str,
    *,
    role: roles.Role,
    former: roles.Role,
    effective_from: date,
    reason: str,
    approver: str,
    run_id: str,
) -> tuple[RoleRecord, ...]:
    """Record the approval and what becomes of the former champion; say it line by line."""
    approval = RoleRecord(
        portfolio=portfolio, model_family=family, model_version=version, role=role,
        effective_from=effective_from, reason=reason, approver=approver, run_id=run_id,
    )  # fmt: skip
    with writer(purpose=f"promote {family} {version}") as con:
        written = promotion.promote(con, approval, former=former)
        later = promotion.next_champion(con, approval) if role == "champion" else None
    lines = [
        f"{one.model_family} {one.model_version} is {one.role} of {one.portfolio} from {one.effective_from} on"
        for one in written
    ]
    lines.append(f"approved by {approval.approver}: {approval.reason}")
    if later is not None:
        lines.append(f"until {later[0]}, from when {later[1]} is champion by a record of its own")
    for line in lines:
        log.info("role        %s", line)
    create_markdown_artifact(
        key=f"approval-{family.replace('_', '-')}",
        markdown="\n".join(f"- {line}" for line in lines),
        description=f"{portfolio}: {family} {version} is {role} from {effective_from} on",
    )
    return written
