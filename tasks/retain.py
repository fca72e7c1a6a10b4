"""Move older nights to Parquet, put one back, and refuse what needs a night that is there."""

import logging
from datetime import date
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import older_nights, retention
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.publishing.publish import publish_moved

log = logging.getLogger("nightledger")


@task(name="retain nights", cache_policy=NO_CACHE)
def retain_nights(run_id: str, portfolio: str | None, *, keep_nights: int) -> dict[str, Any]:
    """Move the older nights of one portfolio, or of all, to Parquet; readers see at once which they are."""
    totals = {"nights": 0, "files": 0, "rows": 0, "bytes": 0}
    with writer(purpose="retain nights") as con:
        for name in [portfolio] if portfolio else retention.portfolios(con):
            moved = retention.move(con, run_id, name, nights=keep_nights)
            for figure in totals:
                totals[figure] += getattr(moved, figure)
            if moved.since is None:
                log.info("retain      %s has at most %d scored nights: all stay", name, keep_nights)
                continue
            log.info(
                "retain      %s: %s nights before %s moved to Parquet, %s rows in %s files, %.1f MiB",
                name, f"{moved.nights:,}", moved.since, f"{moved.rows:,}", f"{moved.files:,}", moved.bytes / 2**20,
            )  # fmt: skip
        publish_moved(con, run_id)
    return totals


@task(name="put night back", cache_policy=NO_CACHE)
def put_night_back(run_id: str, portfolio: str, as_of_date: date) -> dict[str, int]:
    """Put the rows of one older night back into the warehouse."""
    with writer(purpose=f"put {portfolio} {as_of_date} back") as con:
        rows = retention.put_back(con, portfolio, as_of_date)
        publish_moved(con, run_id)
    log.info("retain      %s as of %s is back: %s rows", portfolio, as_of_date, f"{rows:,}")
    return {"rows": rows}


def refuse_older(night: Night) -> None:
    """Refuse a night whose features lie in Parquet, with the command that puts them back."""
    with writer(purpose="look for the features") as con:
        if older_nights.are_older(con, older_nights.COVERAGE, night):
            raise Refused(older_nights.in_parquet(night.portfolio, night.as_of_date, what="features"))
