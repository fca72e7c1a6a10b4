"""Publish a version of a lake instead of a copy, and let go of versions that nobody reads any more."""

from __future__ import annotations

import duckdb

from warehouse import feature_catalogue, lake, ledger, lineage, tables
from warehouse.connection import transaction
from warehouse.errors import Refused
from warehouse.feature_parts import COVERAGE
from warehouse.publishing.version import TABLE, Published, last
from warehouse.settings import settings

KEPT = 2
"""How many of the last publications stay readable: who reads the one before the last may end."""

_COLUMNS = (
    "run_id varchar, published_at timestamp, version bigint, runs_version bigint, "
    "nights struct(portfolio varchar, as_of_date date)[]"
)
_PASSED = f"select distinct portfolio, as_of_date from wh.{COVERAGE}"


def publish(con: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """Let readers see the warehouse as it is now, and return its version.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: the run that publishes.

    Raises:
        Refused: when another program has written the lake meanwhile.
    """
    lineage.record(con)
    feature_catalogue.record(con)
    passed = COVERAGE in tables.shapes(con, "features")  # its first night makes the table
    nights = dict(sorted(con.execute(_PASSED).fetchall())) if passed else {}  # the latest comes last
    with transaction(con):
        ledger.mark_published(con)
        # only the holder of the lease commits, so the next version is this one
        version = lake.version(con) + 1
        _tell(con, run_id, Published(version, version, nights))
    if (newest := lake.version(con)) != version:
        raise Refused(
            f"the lake is at version {newest}, not {version}: another program writes it although it has no lease; "
            "end that program and publish again"
        )
    return version


def publish_runs(con: duckdb.DuckDBPyConnection, run_id: str) -> None:
    """Let readers see how runs ended, and everything else as it was published last, if it ever was.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: the run that ended.
    """
    known = last(con, "wh")
    published = known[0] if known else Published(None, 0, {})
    with transaction(con):
        _tell(con, run_id, published._replace(runs_version=lake.version(con) + 1))


def let_go(con: duckdb.DuckDBPyConnection) -> int:
    """Remove the versions before the last publications, and the files that only they had; return how many versions.

    Args:
        con: a writer's cursor outside any transaction.
    """
    kept = {lake.version(con)}
    for publication in last(con, "wh", count=KEPT):
        kept |= {publication.runs_version, publication.version or publication.runs_version}
    return lake.expire(con, kept)


def leave_nothing_behind(con: duckdb.DuckDBPyConnection, run_id: str) -> int:
    """Publish the lake as it is now and remove all else of it at once, so that no file keeps what was removed.

    A query that reads an older version fails. Returns the bytes of the files that are left.

    Args:
        con: a writer's cursor outside any transaction.
        run_id: the run that removed something.
    """
    lake.rewrite(con)
    publish(con, run_id)
    return lake.keep_newest(con)


def _tell(con: duckdb.DuckDBPyConnection, run_id: str, published: Published) -> None:
    con.execute(f"create schema if not exists wh.{TABLE.split('.')[0]}")
    con.execute(f"create table if not exists wh.{TABLE} ({_COLUMNS})")
    con.execute(
        f"insert into wh.{TABLE} values ($run_id, $now, $version, $runs, $nights)",
        {
            "run_id": run_id,
            "now": settings().local_now(),
            "version": published.version,
            "runs": published.runs_version,
            "nights": [
                {"portfolio": portfolio, "as_of_date": day} for portfolio, day in published.nights.items()
            ],
        },
    )
