"""Cut the borrowers of a night into ranges of buckets, so that any thread, process or machine can compute one alone.

A bucket is a number that follows from the key of a borrower alone. It is stored beside the features, whose rows are in
its order, so that a range of buckets is read without the others (docs/decisions/0086).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import duckdb

from warehouse import sql, tables

BUCKETS = 4096


class BucketRange(NamedTuple):
    """The buckets `first` to `last`, both included."""

    first: int
    last: int


ALL = BucketRange(0, BUCKETS - 1)


def bucket_of(enterprise_id: str) -> str:
    """Return the SQL of the bucket of a borrower, given that of its key; the same in every version of DuckDB."""
    return f"cast(md5_number_lower({enterprise_id}) % {BUCKETS} as smallint)"


def ranges(sizes: Iterable[tuple[int, int]], *, at_least: int, at_most_rows: int) -> list[BucketRange]:
    """Cut all buckets into ranges of like size.

    Args:
        sizes: each bucket that has borrowers, and how many.
        at_least: how many ranges, as long as there are so many buckets with borrowers.
        at_most_rows: so many more ranges that none holds more borrowers, but for those of one bucket.

    Returns:
        Ranges that follow one another and hold every bucket once; a single one if there are no borrowers.
    """
    by_bucket = sorted(sizes)
    rows = sum(size for _, size in by_bucket)
    of = min(max(at_least, -(-rows // at_most_rows)), len(by_bucket))
    starts, before, open_to = [0], 0, 0
    for place, (bucket, size) in enumerate(by_bucket):
        # each of the ranges to come needs a bucket of its own
        if before * of >= rows * (open_to + 1) or len(by_bucket) - place < of - open_to:
            starts.append(bucket)
            open_to += 1
        before += size
    ends = [start - 1 for start in starts[1:]]
    return [BucketRange(*both) for both in zip(starts, [*ends, ALL.last], strict=True)]


def known(con: duckdb.DuckDBPyConnection, portfolio: str) -> list[tuple[int, int]]:
    """Return the buckets of all enterprises that a portfolio ever delivered, and how many are in each."""
    return con.execute(
        f"select {bucket_of('e.enterprise_id')}, count(*) "
        "from (select distinct enterprise_id from wh.raw.enterprises where portfolio = ?) as e group by all",
        [portfolio],
    ).fetchall()


def relations() -> tuple[str, ...]:
    """Return the feature tables whose rows have a bucket."""
    return tuple(
        file.relation for file in sql.catalogue("features") if file.partition and "bucket" in file.key
    )


def add(con: duckdb.DuckDBPyConnection) -> None:
    """Add the bucket to the feature tables of an older version, and to each of their rows."""
    present = tables.shapes(con, "features")
    for relation in relations():
        if relation in present and "bucket" not in present[relation]:
            con.execute(f"alter table wh.{relation} add column bucket smallint")
            fill(con, relation)


def fill(con: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Give the rows of a feature table that an older version wrote their bucket."""
    con.execute(f"update wh.{relation} set bucket = {bucket_of('enterprise_id')} where bucket is null")
