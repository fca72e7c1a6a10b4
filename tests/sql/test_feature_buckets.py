"""The features of some buckets, built alone from what had come for the whole portfolio, are the rows of the whole."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest
from feature_rows import PORTFOLIO, build, warehouse_of
from polars.testing import assert_frame_equal
from test_features_point_in_time import fill

from tasks.features import feature_order
from warehouse import buckets, feature_parts
from warehouse.buckets import BucketRange
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.night import Night

NIGHT = date(2026, 6, 30)
DELIVERED = "features.feat_delivered"
LACKS = {
    "a": (),
    "b": ("legal_cases",),
    "c": ("transactions", "credit_opinions"),
    "d": ("operational_events", "loan_ledger"),
    "e": tuple(name for name, feed in FEEDS.items() if feed.of_borrowers and name != "enterprises"),
}

Built = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def portfolio() -> tuple[duckdb.DuckDBPyConnection, Built]:
    """Five borrowers, each without a feed or two; nobody ever counted stock, and 'b' alone exported data."""
    con = warehouse_of(fill(3, "x", days=500, whom="".join(LACKS)))
    for who, feeds in LACKS.items():
        for feed in feeds:
            con.execute(f"delete from wh.staging.stg_{feed} where enterprise_id = ?", [who])
    events = "delete from wh.staging.stg_operational_events where event_type"
    con.execute(f"{events} = 'stock_count' or (event_type = 'export' and enterprise_id <> 'b')")
    return con, build(con, NIGHT)


def bucket_of(con: duckdb.DuckDBPyConnection, who: str) -> int:
    """Return the bucket of a borrower, who is alone in it."""
    rows = con.execute(
        "select bucket, list(enterprise_id) from wh.features.feat_profile group by all"
    ).fetchall()
    return next(bucket for bucket, names in rows if names == [who])


@pytest.mark.parametrize("who", LACKS)
def test_a_bucket_of_one_borrower_has_the_rows_of_the_whole(portfolio, who, tmp_path):
    con, whole = portfolio
    bucket = bucket_of(con, who)
    files = feature_parts.build(con, Night(PORTFOLIO, NIGHT, "r"), BucketRange(bucket, bucket), tmp_path)
    assert list(files) == [name for name in feature_order() if name != DELIVERED]
    for relation, path in files.items():
        rows = whole[relation.split(".")[1]].filter(pl.col("enterprise_id") == who)
        assert_frame_equal(pl.read_parquet(path), rows, check_exact=True)


def test_ranges_of_buckets_have_everybody_once(portfolio, tmp_path):
    con, whole = portfolio
    sizes = con.execute("select bucket, count(*) from wh.features.feat_profile group by all").fetchall()
    ranges = buckets.ranges(sizes, at_least=3, at_most_rows=100)
    assert len(ranges) == 3
    parts = [feature_parts.build(con, Night(PORTFOLIO, NIGHT, "r"), part, tmp_path) for part in ranges]
    for relation in parts[0]:
        rows = pl.concat(pl.read_parquet(part[relation]) for part in parts).sort("enterprise_id")
        assert_frame_equal(rows, whole[relation.split(".")[1]].sort("enterprise_id"), check_exact=True)


def test_a_part_that_is_built_again_writes_over_no_file_and_leaves_nothing_behind(portfolio, tmp_path):
    con, _ = portfolio
    night = Night(PORTFOLIO, NIGHT, "r")
    first, again = (feature_parts.build(con, night, buckets.ALL, tmp_path) for _ in range(2))
    assert not set(first.values()) & set(again.values())
    with pytest.raises(Refused, match="needs the parameter"):
        feature_parts.build(con, SimpleNamespace(portfolio=PORTFOLIO, key={}), buckets.ALL, tmp_path)
    attached = con.execute("select database_name from duckdb_databases() where not internal").fetchall()
    assert sorted(attached) == [("memory",), ("wh",)]


def test_what_had_come_is_told_and_a_bucket_without_it_would_differ(portfolio):
    _, whole = portfolio
    (row,) = whole["feat_delivered"].rows(named=True)
    assert {name for name, came in row.items() if came is False} == {"stock_count_events"}
    nobody = build(
        warehouse_of({"enterprises": [{"enterprise_id": "e", "valid_from": date(2020, 1, 1)}]}), NIGHT
    )
    (before,) = nobody["feat_delivered"].rows(named=True)
    assert not any(came for came in before.values() if isinstance(came, bool))
    of_nobody = whole["feat_legal"].filter(pl.col("enterprise_id") == "e")["defendant_cases_all"].item()
    assert (of_nobody, nobody["feat_legal"]["defendant_cases_all"].item()) == (0, None)
