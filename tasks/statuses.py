"""Give every borrower of the night its status, and log how many have which."""

import logging
from collections.abc import Mapping

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import statuses
from warehouse.connection import writer
from warehouse.night import Night

log = logging.getLogger("nightledger")


@task(name="settle statuses", cache_policy=NO_CACHE)
def settle_statuses(night: Night, *, stale_days: int, outcomes: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """Keep last good scores where no model could score tonight, add quarantined borrowers, and count each status."""
    with writer(purpose="settle statuses") as con:
        counts = statuses.settle(con, night, stale_days=stale_days, read=outcomes)
    listed = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    log.info("status      %s of %s", listed, f"{sum(counts.values()):,}")
    return counts
