"""Tell which feeds a night goes without, and stop it where it may not go without one."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, State

from tasks.ingest import IngestSummary
from warehouse import feed_deliveries
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings

Delivery = Mapping[str, Any]
"""One row of ops.feed_deliveries."""

log = logging.getLogger("nightledger")


@task(name="record feeds", cache_policy=NO_CACHE)
def record_feeds(night: Night, summary: IngestSummary) -> None:
    """Store what each feed brought, and stop the night if a required feed was refused or never delivered.

    Raises:
        Refused: naming the required feeds that are not there; the rows are stored.
    """
    required = settings().required_feeds
    with writer(purpose="record feeds") as con:
        feed_deliveries.record(con, night, summary.files)
        deliveries = feed_deliveries.of_night(con, night).to_dicts()
    absent = [row for row in deliveries if row["feed"] in required]
    line = feeds_line(absent, ("refused", "never delivered"))
    if line:
        raise Refused(
            f"the night stops without a required feed: {line}; mend or deliver it, or take it out of "
            f"NIGHTLEDGER_REQUIRED_FEEDS ({','.join(required)})"
        )


@task(name="mark missing feeds", cache_policy=NO_CACHE)
def mark_missing_feeds(night: Night) -> None:
    """Mark the feeds of a watched night whose last delivery lies alarmingly far back."""
    with writer(purpose="mark missing feeds") as con:
        feed_deliveries.mark_missing(con, night)


def feeds_of(night: Night) -> list[dict[str, Any]]:
    """Return the rows of ops.feed_deliveries of a night, the worst first."""
    with writer(purpose="feeds of the night") as con:
        return feed_deliveries.of_night(con, night).to_dicts()


def feeds_line(
    deliveries: Sequence[Delivery], statuses: Sequence[str] = ("refused", "missing", "never delivered")
) -> str:
    """Return in one line which feeds have one of the statuses, each with what is known of it; empty for none."""
    parts = []
    for status in statuses:
        described = [_described(row) for row in deliveries if row["status"] == status]
        if described:
            parts.append(f"{status}: {', '.join(described)}")
    return "; ".join(parts)


def log_feeds(deliveries: Sequence[Delivery]) -> None:
    """Log which feeds the night went without: a warning if one was refused or is missing, nothing if all is well."""
    line = feeds_line(deliveries)
    if line:
        log.log(logging.WARNING if without(deliveries) else logging.INFO, "feeds       %s", line)


def without(deliveries: Sequence[Delivery]) -> list[str]:
    """Return the names of the feeds that were refused or are missing."""
    return [row["feed"] for row in deliveries if row["status"] in {"refused", "missing"}]


def ended(night: Night) -> State[str]:
    """Return the state of a night that came to its end, named after the feeds that it went without.

    The caller of a flow that returns it gets the run's key.
    """
    deliveries = feeds_of(night)
    names = without(deliveries)
    return Completed(
        data=night.run_id,
        name=f"Completed without {', '.join(names)}" if names else "Completed",
        message=feeds_line(deliveries) or None,
    )


def _described(row: Delivery) -> str:
    if row["status"] == "refused":
        files = f"{row['files_refused']} of {row['files']} file{'' if row['files'] == 1 else 's'}"
        return f"{row['feed']} ({files}; {row['refused_path']}: {row['refused_reason']})"
    if row["status"] == "missing":
        return f"{row['feed']} (last delivery {row['last_delivery']})"
    return str(row["feed"])
