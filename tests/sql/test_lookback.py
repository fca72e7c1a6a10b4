"""A feature sees as many days as its head says: with the record cut to them, it is what it is on the whole record."""

from __future__ import annotations

import re
from datetime import date, timedelta

import duckdb
import pytest
from feature_rows import PORTFOLIO, build, warehouse_of
from polars.testing import assert_frame_equal
from test_features_point_in_time import fill

from warehouse import lookback, sql
from warehouse.intake.feeds import FEEDS
from warehouse.sql_head import LOOKBACK

NIGHT = date(2026, 6, 30)
DAYS = 900
RELATIONS = (
    "feat_transactions", "feat_counterparties", "feat_operations", "feat_ledger", "feat_legal", "feat_opinions",
    "feat_coverage",
)  # fmt: skip


def warehouse_with(days: int) -> duckdb.DuckDBPyConnection:
    """Return a warehouse whose record holds so many days up to the night."""
    con = warehouse_of(fill(3, "x", days=DAYS, whom="abcd"))
    con.execute(
        "insert into wh.staging.stg_loan_ledger by name select * replace (loan_id || 'old' as loan_id, "
        "ledger_date - 500 as ledger_date, days_past_due + 60 as days_past_due) from wh.staging.stg_loan_ledger"
    )
    for feed in FEEDS.values():
        if feed.name not in ("enterprises", "overrides"):
            con.execute(
                f"delete from wh.staging.stg_{feed.name} where {feed.business_time} < ?",
                [NIGHT - timedelta(days - 1)],
            )
    return con


@pytest.fixture(scope="module")
def whole():
    return build(warehouse_with(DAYS), NIGHT)


@pytest.mark.parametrize("days", [30, 90, 180, 365, LOOKBACK])
def test_a_feature_is_the_same_on_a_record_of_its_lookback(whole, days):
    cut = build(warehouse_with(days), NIGHT)
    for relation in RELATIONS:
        names = [
            column.name
            for column in sql.load(f"features.{relation}").columns
            if column.lookback is not None and column.lookback <= days
        ]
        assert_frame_equal(cut[relation].select(names), whole[relation].select(names), check_exact=True)


def test_what_looks_back_further_moves_with_the_record_and_has_a_reason(whole):
    con = warehouse_with(LOOKBACK)
    cut, reasons = build(con, NIGHT), lookback.beyond(con, portfolio=PORTFOLIO, day=NIGHT)
    moved = {
        name
        for relation in RELATIONS
        for name in cut[relation].columns
        if not cut[relation][name].equals(whole[relation][name])
    }
    assert {"tx_count_all", "loans_ever", "counterparty_new_share_365d"} <= moved <= set(reasons)
    assert reasons["tx_count_all"] == "it looks back as far as the record, which reaches further every night"
    assert re.fullmatch(
        rf"it looks back 730 days, the record of transactions \d+ on {NIGHT}",
        reasons["counterparty_new_share_365d"],
    )
    assert "tx_count_365d" not in reasons
