"""Tell which feeds a night goes without, and stop it where it may not go without one."""

import logging
from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, State

from tasks.ingest import IngestSummary
from warehouse import feed_deliveries
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.feed_deliveries import FeedDelivery, FeedStatus
from warehouse.night import Night
from warehouse.settings import settings

FAILED: tuple[FeedStatus, ...] = ("refused", "missing")
ABSENT: tuple[FeedStatus, ...] = ("refused", "never delivered")
TOLD: tuple[FeedStatus, ...] = ("refused", "missing", "never delivered")
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
        deliveries = feed_deliveries.of_night(con, night)
    line = feeds_line([delivery for delivery in deliveries if delivery.feed in required], ABSENT)
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


def feeds_of(night: Night) -> tuple[FeedDelivery, ...]:
    """Return what each feed brought in a night, the worst first."""
    with writer(purpose="feeds of the night") as con:
        return feed_deliveries.of_night(con, night)


def feeds_line(deliveries: Sequence[FeedDelivery], statuses: Sequence[FeedStatus] = TOLD) -> str:
    """Return in one line which feeds have one of the statuses, each with what is known of it; empty for none."""
    parts = []
    for status in statuses:
        described = [_described(delivery) for delivery in deliveries if delivery.status == status]
        if described:
            parts.append(f"{status}: {', '.join(described)}")
    return "; ".join(parts)


def log_feeds(deliveries: Sequence[FeedDelivery]) -> None:
    """Log which feeds the night went without: a warning if one was refused or is missing, nothing if all is well."""
    line = feeds_line(deliveries)
    if line:
        log.log(logging.WARNING if failed(deliveries) else logging.INFO, "feeds       %s", line)


def failed(deliveries: Sequence[FeedDelivery]) -> list[str]:
    """Return the names of the feeds that were refused or are missing."""
    return [delivery.feed for delivery in deliveries if delivery.status in FAILED]


def ended(night: Night) -> State[str]:
    """Return the state of a night that came to its end, named after the feeds that it went without.

    The caller of a flow that returns it gets the run's key.
    """
    deliveries = feeds_of(night)
    names = failed(deliveries)
    return Completed(
        data=night.run_id,
        name=f"Completed without {', '.join(names)}" if names else "Completed",
        message=feeds_line(deliveries) or None,
    )


def _described(delivery: FeedDelivery) -> str:
    if delivery.status == "refused":
        files = f"{delivery.files_refused} of {delivery.files} file{'' if delivery.files == 1 else 's'}"
        return f"{delivery.feed} ({files}; {delivery.refused_path}: {delivery.refused_reason})"
    if delivery.status == "missing":
        return f"{delivery.feed} (last delivery {delivery.last_delivery})"
    return delivery.feed
