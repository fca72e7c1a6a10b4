"""Keep what each feed brought in the run of a night, so that a refused or missing feed is told, not found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl

from warehouse import sql
from warehouse.connection import transaction
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult
from warehouse.night import Night
from warehouse.settings import settings

_LAST_DELIVERY = """
select cast(max(known_at) as date)
from wh.raw.{feed}
where portfolio = $portfolio and known_at < cast($as_of_date as date) + interval 1 day
"""

_INSERT = """
insert into wh.ops.feed_deliveries by name
select
    $portfolio as portfolio, $as_of_date as as_of_date, $run_id as run_id, $feed as feed,
    case
        when $files_refused > 0 then 'refused'
        when $last_delivery is null then 'never delivered'
        when $files_loaded > 0 then 'delivered'
        else 'nothing new'
    end as status,
    $files as files, $files_loaded as files_loaded, $files_refused as files_refused,
    $refused_path as refused_path, $refused_reason as refused_reason, $loaded as loaded,
    $quarantined as quarantined, $last_delivery as last_delivery, $now as recorded_at
"""

_MARK_MISSING = """
update wh.ops.feed_deliveries
set status = 'missing'
where
    run_id = $run_id and status in ('delivered', 'nothing new')
    and feed in (
        select subject from wh.ops.monitoring
        where
            portfolio = $portfolio and as_of_date = $as_of_date and measure = 'feed_age' and severity = 'alarm'
    )
"""

# a later score of the night by another flow took in no feeds; the run before it did
_OF_NIGHT = """
select
    feed, status, files, files_loaded, files_refused, refused_path, refused_reason, loaded, quarantined,
    last_delivery
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
    now = settings().local_now()
    with transaction(con):
        con.execute("delete from wh.ops.feed_deliveries where run_id = $run_id", {"run_id": night.run_id})
        for feed in FEEDS:
            last_delivery = con.execute(_LAST_DELIVERY.format(feed=feed), night.key).fetchone()
            of_feed = _counts([file for file in files if file.feed == feed])
            con.execute(
                _INSERT,
                {
                    **night._asdict(),
                    **of_feed,
                    "feed": feed,
                    "last_delivery": last_delivery[0] if last_delivery else None,
                    "now": now,
                },
            )


def mark_missing(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """Call those feeds missing whose age the watch of the night has at alarm; a refused one stays refused."""
    con.execute(_MARK_MISSING, night._asdict())


def of_night(con: duckdb.DuckDBPyConnection, night: Night) -> pl.DataFrame:
    """Return the rows of the night's run, or of the last run before it that took in feeds; the worst first."""
    return sql.frame(con, _OF_NIGHT, night._asdict())


def _counts(files: Sequence[IngestResult]) -> dict[str, Any]:
    loaded = [file for file in files if file.status == "loaded"]
    refused = [file for file in files if file.status == "refused"]
    return {
        "files": len(files),
        "files_loaded": len(loaded),
        "files_refused": len(refused),
        "refused_path": refused[0].path if refused else None,
        "refused_reason": refused[0].message if refused else None,
        "loaded": sum(file.loaded for file in loaded),
        "quarantined": sum(file.quarantined for file in loaded),
    }
