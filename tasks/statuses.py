"""Gives every borrower of the night its status, and says how many have which."""

import logging
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import statuses
from warehouse.connection import writer

log = logging.getLogger("nightledger")


@task(name="settle statuses", cache_policy=NO_CACHE)
def settle_statuses(portfolio: str, as_of_date: date, *, run_id: str, stale_days: int) -> dict[str, int]:
    """Keep the last good score where no model could score tonight, name who is in quarantine, and count."""
    with writer(purpose="settle statuses") as con:
        counts = statuses.settle(
            con, portfolio=portfolio, as_of_date=as_of_date, run_id=run_id, stale_days=stale_days
        )
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    log.info("status      %s of %s", told, f"{sum(counts.values()):,}")
    return counts
