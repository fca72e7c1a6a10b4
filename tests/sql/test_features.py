"""Each feature family gives the values worked out by hand; nothing delivered is missing, none in the window is 0."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from feature_rows import PORTFOLIO, build, warehouse_of

from tasks.features import FEATURE_AUDITS, WIDE, feature_order
from warehouse import sql
from warehouse.errors import Refused
from warehouse.feature_parts import LABEL
from warehouse.intake.feeds import FEEDS
from warehouse.partition import audit

CASES = yaml.safe_load((Path(__file__).parent / "features_cases.yaml").read_text())
NIGHT = date(2026, 6, 30)


def feeds_of(case: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The case's rows for enterprise e, numbered keys where the case names none."""
    profile = case.get("profile", [{"valid_from": date(2020, 1, 1), "founded_on": date(2010, 1, 1)}])
    feeds: dict[str, list[dict[str, Any]]] = {
        "enterprises": [{"enterprise_id": "e", **row} for row in profile]
    }
    for feed, rows in case["feeds"].items():
        key = FEEDS[feed].key[0]
        feeds[feed] = [{key: f"k{n}", "enterprise_id": "e", **row} for n, row in enumerate(rows)]
        if key == "enterprise_id":
            feeds[feed] = [{**row, "enterprise_id": "e"} for row in feeds[feed]]
    return feeds


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_values_worked_out_by_hand(case):
    con = warehouse_of(feeds_of(case))
    night = case.get("night", NIGHT)
    built = build(con, night)
    row = built["feat_enterprise"].row(0, named=True) | built["feat_sensitive"].row(0, named=True)
    for column, expected in case["expected"].items():
        if isinstance(expected, int | float) and not isinstance(expected, bool):
            assert row[column] == pytest.approx(expected, rel=1e-12, abs=1e-9), column
        else:
            assert row[column] == expected, column
    audit(con, FEATURE_AUDITS, {"portfolio": PORTFOLIO, "as_of_date": night})


def test_not_delivered_is_missing_and_none_in_the_window_is_zero():
    feeds = {
        "enterprises": [{"enterprise_id": who, "valid_from": date(2020, 1, 1)} for who in ("idle", "busy")],
        "transactions": [
            {
                "transaction_id": "t",
                "enterprise_id": "busy",
                "occurred_at": datetime(2026, 6, 1),
                "kind": "sale",
                "amount": 5,
            }
        ],
    }
    for night, known in ((date(2026, 5, 31), False), (NIGHT, True)):
        wide = build(warehouse_of(feeds), night)["feat_enterprise"]
        busy, idle = wide.sort("enterprise_id").rows(named=True)
        assert idle["tx_count_30d"] == (0 if known else None)
        assert idle["tx_sales_90d"] == (0 if known else None)
        assert idle["customer_count_30d"] == (0 if known else None)
        assert idle["tx_amount_mean_30d"] is None
        assert idle["tx_gap_std_365d"] is None
        assert idle["tx_days_since_last"] is None
        assert idle["login_count_365d"] is None
        assert idle["loan_count"] is None
        assert busy["tx_count_30d"] == (1 if known else None)


def test_an_event_type_that_was_never_delivered_is_missing():
    feeds = {
        "enterprises": [{"enterprise_id": "e", "valid_from": date(2020, 1, 1)}],
        "operational_events": [
            {
                "event_id": "1",
                "enterprise_id": "e",
                "occurred_at": datetime(2025, 1, 1),
                "event_type": "login",
            }
        ],
    }
    row = build(warehouse_of(feeds), NIGHT)["feat_operations"].row(0, named=True)
    assert (row["login_count_365d"], row["export_count_365d"], row["stock_count_365d"]) == (0, None, None)
    assert (row["event_count_365d"], row["purchase_order_count_365d"]) == (0, None)


def test_portfolios_do_not_mix():
    case = next(case for case in CASES if case["name"] == "operational events")
    feeds = feeds_of(case)
    con = warehouse_of(feeds)
    alone = build(con, NIGHT)["feat_enterprise"]
    for feed in FEEDS:
        con.execute(
            f"insert into wh.staging.stg_{feed} select * replace ('another' as portfolio) from wh.staging.stg_{feed}"
        )
    assert build(con, NIGHT)["feat_enterprise"].equals(alone)


@pytest.mark.parametrize("relation", [*feature_order(), WIDE, LABEL])
def test_heads_and_columns_agree_and_sqlglot_reads_them(relation):
    file = sql.load(relation)
    (statement,) = sqlglot.parse(file.text, dialect="duckdb")
    assert statement is not None
    assert file.key[:2] == ("portfolio", "as_of_date")
    assert all(column.group and column.text for column in file.columns)
    con = warehouse_of({"enterprises": [{"enterprise_id": "e", "valid_from": date(2020, 1, 1)}]})
    build(con, NIGHT)
    params = {
        "portfolio": PORTFOLIO, "as_of_date": NIGHT, "known_by": NIGHT, "definition": "any", "horizon_days": 30
    }  # fmt: skip
    result = sql.query(con, relation, params)
    assert [column[0] for column in result.description] == [column.name for column in file.columns]


def test_the_wide_relation_describes_its_parts_word_for_word():
    described = {column.name: column for column in sql.load(WIDE).columns}
    parts = [one for one in sql.load(WIDE).inputs if one != "features.feat_coverage"]
    for part in parts:
        for column in sql.load(part).columns:
            if column.group != "key":
                assert described.pop(column.name) == column, f"{part}.{column.name}"
    assert set(described) == {"portfolio", "as_of_date", "bucket", "enterprise_id", "coverage"}


def test_sensitive_and_label_columns_stay_out_of_the_wide_relation():
    names = {column.name for column in sql.load(WIDE).columns}
    hidden = {
        column.name for feed in FEEDS.values() for column in feed.columns if column.pii or column.sensitive
    }
    assert not names & (hidden | {"label", "reason"})


def test_audits_find_a_doubled_and_a_missing_row():
    con = warehouse_of(
        {"enterprises": [{"enterprise_id": who, "valid_from": date(2020, 1, 1)} for who in "ab"]}
    )
    build(con, NIGHT)
    params = {"portfolio": PORTFOLIO, "as_of_date": NIGHT}
    con.execute(
        "insert into wh.features.feat_legal select * from wh.features.feat_legal where enterprise_id = 'a'"
    )
    con.execute("delete from wh.features.feat_operations where enterprise_id = 'b'")
    con.execute("update wh.features.feat_transactions set tx_void_share_90d = 1.5")
    for name, told in (
        ("assert_features_key_unique", "feat_legal"),
        ("assert_features_complete", "feat_operations"),
        ("assert_features_in_range", "2 row"),
    ):
        with pytest.raises(Refused, match=told):
            audit(con, name, params)
