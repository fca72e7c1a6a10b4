"""Give a model another role from a day on and log what was recorded."""

import logging
from datetime import date

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from warehouse import promotion, roles
from warehouse.connection import writer
from warehouse.roles import RoleRecord
from warehouse.safe_text import in_markdown

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
    """Record the approval and the new role of the champion that it replaces; log each record."""
    approval = RoleRecord(
        portfolio=portfolio, model_family=family, model_version=version, role=role,
        effective_from=effective_from, reason=reason, approver=approver, run_id=run_id,
    )  # fmt: skip
    with writer(purpose=f"promote {family} {version}") as con:
        records = promotion.promote(con, approval, former=former)
        next_champion = promotion.next_champion(con, approval) if role == "champion" else None
    lines = [
        f"{record.model_family} {record.model_version} is {record.role} of {record.portfolio} "
        f"from {record.effective_from} on"
        for record in records
    ]
    lines.append(f"approved by {approval.approver}: {approval.reason}")
    if next_champion is not None:
        day, next_version = next_champion
        lines.append(f"until {day}, from when {next_version} is champion by a record of its own")
    for line in lines:
        log.info("role        %s", line)
    create_markdown_artifact(
        key=f"approval-{family.replace('_', '-')}",
        markdown="\n".join(f"- {in_markdown(line)}" for line in lines),
        description=f"{portfolio}: {family} {version} is {role} from {effective_from} on",
    )
    return records
