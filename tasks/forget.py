"""Forget one borrower and say what was removed, and where its rows still are."""

import logging

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from warehouse.connection import writer
from warehouse.intake import forgotten
from warehouse.intake.forgotten import Forgotten
from warehouse.publishing import publish_version
from warehouse.publishing.publish import publish_runs
from warehouse.rewrite import rewrite
from warehouse.safe_text import in_markdown
from warehouse.settings import settings

log = logging.getLogger("nightledger")
_SHOWN = 10


@task(name="forget enterprise", cache_policy=NO_CACHE)
def forget_enterprise(
    portfolio: str, enterprise_id: str, *, requested_by: str, reason: str, run_id: str
) -> Forgotten:
    """Remove the personal fields of a borrower, write the warehouse anew, and log each file of it that is left.

    Readers see at once who asked.
    """
    with writer(purpose=f"forget {portfolio} {enterprise_id}") as con:
        result = forgotten.forget(
            con,
            portfolio=portfolio,
            enterprise_id=enterprise_id,
            requested_by=requested_by,
            reason=reason,
            run_id=run_id,
        )
        if settings().catalogue is None:
            size = rewrite(con)
            publish_runs(con, run_id)
        else:
            size = publish_version.leave_nothing_behind(con, run_id)
    rows = f"{result.rows_changed:,} rows of raw and {result.rows_set_aside:,} of quarantine"
    lines = [f"forgotten   {portfolio} {enterprise_id}: {rows} lost their personal fields"]
    if result.requests_before:
        lines.append(f"before      forgotten already, {result.requests_before} requests before this one")
    lines.append(
        f"warehouse   written anew, {size / 2**20:.1f} MiB; backups made before hold the fields still"
    )
    lines += [f"landing     {path} holds its personal fields" for path in result.files[:_SHOWN]]
    if len(result.files) > _SHOWN:
        lines.append(f"landing     and {len(result.files) - _SHOWN} more")
    if result.other_files:
        lines.append(
            f"landing     {len(result.other_files)} other files hold rows of it, or may hold some that were not loaded"
        )
    for line in lines:
        log.info(line)
    paths = [*(f"{path}: personal fields" for path in result.files), *result.other_files]
    create_markdown_artifact(
        key=f"forgotten-{portfolio}",
        markdown="\n".join(f"- {in_markdown(line)}" for line in (*lines, *paths)),
        description=f"{portfolio}: {enterprise_id} is forgotten",
    )
    return result
