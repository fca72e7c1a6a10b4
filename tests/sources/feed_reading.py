"""Read feed files of any format back, every value as text."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import polars as pl

from sources.feed_columns import FEED_COLUMNS

FEEDS = tuple(FEED_COLUMNS)
LAST = date(2026, 5, 2)
_EVENT = ("event_id", "enterprise_id", "occurred_at", "known_at", "event_type")


def read_file(path: Path) -> pl.DataFrame:
    """Return all rows of one feed file, every value as text."""
    if path.suffix == ".parquet":
        return pl.read_parquet(path).with_columns(pl.all().cast(pl.String))
    if ".ndjson" in path.name:
        return pl.DataFrame({"line": gzip.decompress(path.read_bytes()).decode().splitlines()})
    return pl.read_csv(path, infer_schema=False)


def read_feed(landing: Path, feed: str) -> pl.DataFrame:
    """Return all rows of one feed, every value as text, in an order that does not depend on the files."""
    rows = pl.concat([read_file(path) for path in sorted((landing / feed).iterdir())])
    return rows.sort(rows.columns)


def read_events(landing: Path) -> pl.DataFrame:
    """Return all operational events, without their payload."""
    return (
        read_feed(landing, "operational_events")
        .select(pl.col("line").str.json_decode(pl.Struct(dict.fromkeys(_EVENT, pl.String))))
        .unnest("line")
    )
