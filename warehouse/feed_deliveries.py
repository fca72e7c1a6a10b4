"""Keep what each feed brought in the run of a night, so that a refused or missing feed is told, not found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import duckdb
import polars as pl
from pydantic import BaseModel, ConfigDict

from warehouse import sql
from warehouse.connection import transaction
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult
from warehouse.night import Night
from warehouse.settings import settings

FeedStatus = Literal["refused", "missing", "never delivered", "delivered", "nothing new"]


class FeedDelivery(BaseModel):
    """One row of `ops.feed_deliveries` without its run: what a feed brought, and when it came last."""

    model_config = ConfigDict(frozen=True)

    feed: str
    status: FeedStatus
    files: int = 0
    files_loaded: int = 0
    files_refused: int = 0
    refused_path: str | None = None
    refused_reason: str | None = None
    loaded: int = 0
    quarantined: int = 0
    last_delivery: date | None = None


_COLUMNS = tuple(FeedDelivery.model_fields)

_LAST_DELIVERY = """
select cast(max(known_at) as date)
from wh.raw.{feed}
where portfolio = $portfolio and known_at < cast($as_of_date as date) + interval 1 day
"""

_INSERT = f"""
insert into wh.ops.feed_deliveries (portfolio, as_of_date, run_id, recorded_at, {", ".join(_COLUMNS)})
values ($portfolio, $as_of_date, $run_id, $now, {", ".join(f"${name}" for name in _COLUMNS)})
"""

_MARK_MISSING = """
update wh.ops.feed_deliveries
set status = 'missing'
where
    portfolio = $portfolio and as_of_date = $as_of_date and run_id >= $run_id
    and status in ('delivered', 'nothing new')
    and feed in (
        select subject from wh.ops.monitoring
        where
            portfolio = $portfolio and as_of_date = $as_of_date and measure = 'feed_age' and severity = 'alarm'
    )
"""

# a later score of the night by another flow took in no feeds; the run before it did
_OF_NIGHT = f"""
select {", ".join(_COLUMNS)}
from wh.ops.feed_deliveries
where
    run_id = (
        select max(run_id) from wh.ops.feed_deliveries
        where portfolio = $portfolio and as_of_date = $as_of_date and run_id <= $run_id
    )
order by list_position(['refused', 'missing', 'never delivered'], status) nulls last, feed
"""


def record(con: duckdb.DuckDBPyConnection, night: Night, files: Sequence[IngestResult]) -> None:
    """Store one row a feed: what the run's intake did with its files, and when it came last as of the night."""
    stamp = {**night._asdict(), "now": settings().local_now()}
    with transaction(con):
        con.execute("delete from wh.ops.feed_deliveries where run_id = $run_id", {"run_id": night.run_id})
        for feed in FEEDS:
            row = con.execute(_LAST_DELIVERY.format(feed=feed), night.key).fetchone()
            of_feed = [file for file in files if file.feed == feed]
            delivery = _delivery(feed, of_feed, last_delivery=row[0] if row else None)
            con.execute(_INSERT, {**stamp, **delivery.model_dump()})


def mark_missing(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Call those feeds missing whose age the watch of the night has at alarm; a refused one stays refused.

    So it is told of the run that scored the night and of those that went on from its scores.
    """
    con.execute(_MARK_MISSING, night._asdict())


def of_night(con: duckdb.DuckDBPyConnection, night: Night) -> tuple[FeedDelivery, ...]:
    """Return what each feed brought in the night's run, or in the last run before it that took in feeds.

    The worst come first; none where no run of the night took in feeds.
    """
    return tuple(FeedDelivery(**row) for row in frame(con, night).iter_rows(named=True))


def frame(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the same as rows."""
    return sql.frame(con, _OF_NIGHT, night._asdict())


def _delivery(feed: str, files: Sequence[IngestResult], *, last_delivery: date | None) -> FeedDelivery:
    loaded = [file for file in files if file.status == "loaded"]
    refused = [file for file in files if file.status == "refused"]
    status: FeedStatus = "delivered" if loaded else "nothing new"
    if last_delivery is None:
        status = "never delivered"
    if refused:
        status = "refused"
    return FeedDelivery(
        feed=feed,
        status=status,
        files=len(files),
        files_loaded=len(loaded),
        files_refused=len(refused),
        refused_path=refused[0].path if refused else None,
        refused_reason=refused[0].message if refused else None,
        loaded=sum(file.loaded for file in loaded),
        quarantined=sum(file.quarantined for file in loaded),
        last_delivery=last_delivery,
    )
