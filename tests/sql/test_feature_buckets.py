"""Each file, run on the rows of one borrower and what had come for the whole portfolio, gives that borrower's rows."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl
import pytest
from feature_rows import PORTFOLIO, build, warehouse_of
from polars.testing import assert_frame_equal
from test_features_point_in_time import fill

from tasks.features import WIDE, feature_order
from warehouse.intake.feeds import FEEDS
from warehouse.partition import replace_partition
from warehouse.views import renew_view

NIGHT = date(2026, 6, 30)
DELIVERED = "features.feat_delivered"
LACKS = {
    "a": (),
    "b": ("legal_cases",),
    "c": ("transactions", "credit_opinions"),
    "d": ("operational_events", "loan_ledger"),
    "e": tuple(feed for feed in FEEDS if feed != "enterprises"),
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


def bucket_of(con: duckdb.DuckDBPyConnection, who: str) -> Built:
    """Build all features where only the rows of one borrower are, and what had come for the whole portfolio."""
    alone = warehouse_of({})
    for feed in FEEDS:
        alone.register("rows", con.execute(f"from wh.staging.stg_{feed} where enterprise_id = ?", [who]).pl())
        alone.execute(f"insert into wh.staging.stg_{feed} by name select * from rows")
    alone.register("delivered", con.execute(f"from wh.{DELIVERED}").pl())
    alone.execute(f"create table wh.{DELIVERED} as select * from delivered")
    names = [relation for relation in feature_order() if relation != DELIVERED]
    for relation in names:
        replace_partition(alone, relation, {"portfolio": PORTFOLIO, "as_of_date": NIGHT})
    renew_view(alone, WIDE)
    return {
        relation.split(".")[1]: alone.execute(f"select * from wh.{relation}").pl()
        for relation in (*names, WIDE)
    }


@pytest.mark.parametrize("who", LACKS)
def test_a_bucket_of_one_borrower_has_the_rows_of_the_whole(portfolio, who):
    con, whole = portfolio
    for name, rows in bucket_of(con, who).items():
        assert_frame_equal(rows, whole[name].filter(pl.col("enterprise_id") == who), check_exact=True)


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
