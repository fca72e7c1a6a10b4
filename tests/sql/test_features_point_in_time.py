"""What became known after as_of_date changes no feature column; what was known before changes every one."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from feature_rows import add, build, labels, restate, warehouse_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tasks.features import WIDE, feature_order
from warehouse import sql
from warehouse.intake.feeds import FEEDS

NIGHT = date(2026, 6, 30)
END = datetime(2026, 7, 1)
RELATIONS = [name.split(".")[1] for name in (*feature_order(), WIDE)]
A_NIGHT = "feat_delivered"  # one row; here all feeds have come, in test_feature_buckets.py not
COLUMNS = [
    (file.relation.split(".")[1], column.name)
    for file in map(sql.load, (*feature_order(), WIDE))
    for column in file.columns
    if column.name not in ("portfolio", "as_of_date", "bucket", "enterprise_id")
    and file.relation != f"features.{A_NIGHT}"
]


def payload(kind: str, order: int, at: datetime, spin: random.Random) -> str:
    supplier = f"s{spin.randrange(99)}"
    amount = spin.randrange(10, 500)
    return json.dumps(
        {
            "purchase_order": {
                "order_id": f"o{order}", "supplier_id": supplier, "amount": amount,
                "promised_at": str(at + timedelta(days=spin.randrange(99))),
            },
            "goods_received": {"order_id": f"o{order}", "supplier_id": supplier, "quantity": 3},
            "stock_count": {"units_on_hand": spin.randrange(5, 50), "units_sold": spin.randrange(1, 40)},
            "supplier_payment": {
                "order_id": f"o{order}", "supplier_id": supplier, "amount": amount,
                "due_at": str(at + timedelta(days=spin.randrange(-9, 9))),
            },
        }.get(kind, {})
    )  # fmt: skip


def fill(
    seed: int, mark: str, *, days: int, whom: str = "abc", known_at: datetime | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Rows of all feeds for the enterprises, from `days` before the night up to it."""
    spin = random.Random(seed)
    late = {} if known_at is None else {"known_at": known_at}
    feeds: dict[str, list[dict[str, Any]]] = {name: [] for name in FEEDS}
    for who in whom:
        valid = NIGHT - timedelta(days=days - spin.randrange(5))
        feeds["enterprises"].append(
            {"enterprise_id": who, "valid_from": valid, "legal_form": f"form {mark}",
             "natural_person": seed % 2 == 0, "industry_primary": f"i{mark}", "industry_secondary": f"j{mark}",
             "region": f"r{mark}", "city": f"c{mark}",
             "founded_on": date(2026, 1, 1) - timedelta(days=30 * (seed % 20)), "employees": seed,
             "registered_capital": seed * 10, "state_holding": seed % 2 == 0, "absolute_holding": seed % 2 == 0,
             "urban": seed % 2 == 0, "identity_verified": seed % 2 == 0, "bank_account_verified": seed % 2 == 0,
             "representative_gender": f"g{mark}", **late}
        )  # fmt: skip
        for n in range(3):
            feeds["loan_ledger"].append(
                {"loan_id": f"{who}{mark}{n}", "enterprise_id": who,
                 "ledger_date": NIGHT - timedelta(days=min(days, 300) - 1 - 90 * n if days > 300 else days - 1 - n),
                 "opened_on": date(2024, 1, 1) + timedelta(days=seed), "borrowing": 1000 * (seed + n),
                 "annual_rate": 0.01 * seed, "mortgage": seed % 2 == 0, "acceptance_bill": seed % 2 == 0,
                 "invest_category": f"v{mark}", "autonomous_payment": seed % 2 == 0,
                 "business_purpose": seed % 2 == 0, "total_assets": 7 * seed, "operating_income": 11 * seed,
                 "days_past_due": (seed * 40 + n) if seed % 2 == 0 else 1, **late}
            )  # fmt: skip
        for n in range(160):
            kind = spin.choice(["sale", "sale", "purchase", "supplier_payment", "refund"])
            sign = 1 if kind == "sale" else -1
            at = END - timedelta(minutes=1 + spin.randrange(days * 1440 - 1))
            feeds["transactions"].append(
                {"transaction_id": f"{who}{mark}{n}", "enterprise_id": who, "occurred_at": at, "kind": kind,
                 "amount": sign * spin.randrange(100, 9000) * seed / 7, "counterparty_id": f"x{spin.randrange(99)}",
                 "due_at": at + timedelta(days=spin.randrange(-9, 9)),
                 "paid_at": None if n % 5 == 0 else at + timedelta(days=spin.randrange(-5, 5)),
                 "voided": n % 11 == seed % 11, **late}
            )  # fmt: skip
        kinds = [
            "login",
            "login",
            "export",
            "purchase_order",
            "goods_received",
            "stock_count",
            "supplier_payment",
        ]
        for n in range(210):
            kind = kinds[n % 7]
            at = END - timedelta(minutes=1 + spin.randrange(days * 1440 - 1))
            feeds["operational_events"].append(
                {"event_id": f"{who}{mark}{n}", "enterprise_id": who, "occurred_at": at, "event_type": kind,
                 "payload": payload(kind, seed * 1000 + n // 7, at, spin), **late}
            )  # fmt: skip
        for n in range(12):
            feeds["legal_cases"].append(
                {"case_id": f"{who}{mark}{n}", "enterprise_id": who, "role": ["plaintiff", "defendant"][n % 2],
                 "filed_on": NIGHT - timedelta(days=spin.randrange(min(days, 28) if n < 6 else days)), **late}
            )  # fmt: skip
        feeds["credit_opinions"].append(
            {"enterprise_id": who, "opinion_date": NIGHT - timedelta(days=days // 5),
             "rating": ["A", "BB"][seed % 2], "evaluation": ["poor", "good"][seed % 2], "leaks_outcome": False, **late}
        )  # fmt: skip
        feeds["outcomes"].append(
            {"enterprise_id": who, "loan_id": f"{who}{mark}", "outcome_date": NIGHT + timedelta(days=20 + seed),
             "days_past_due": 91 if seed % 2 else 0, "charge_off": False, "insolvency": False, **late}
        )  # fmt: skip
    return feeds


def known_first() -> dict[str, list[dict[str, Any]]]:
    """What was known first: a and b with all feeds, c with its profile only."""
    feeds = fill(3, "x", days=800, whom="ab")
    feeds["enterprises"] += fill(3, "x", days=800, whom="c")["enterprises"]
    return feeds


@pytest.fixture(scope="module")
def base() -> dict[str, pl.DataFrame]:
    return build(warehouse_of(known_first()), NIGHT)


@pytest.fixture(scope="module")
def with_later_knowledge() -> dict[str, pl.DataFrame]:
    con = warehouse_of(known_first())
    add(con, fill(4, "y", days=20, known_at=END))  # happened before the night, known from midnight on
    for feed, change in {
        "transactions": {
            "amount": "amount * 3",
            "voided": "not voided",
            "occurred_at": "occurred_at - interval 1 day",
        },
        "operational_events": {"occurred_at": "occurred_at - interval 1 day"},
        "loan_ledger": {"borrowing": "borrowing * 2", "days_past_due": "99"},
        "enterprises": {"employees": "999", "region": "'elsewhere'"},
        "legal_cases": {"role": "'defendant'"},
        "credit_opinions": {"rating": "'D'", "evaluation": "'shutdown'"},
        "outcomes": {"days_past_due": "999"},
    }.items():
        restate(con, feed, known_at=END + timedelta(days=3), **change)
    future = fill(5, "z", days=2)
    for feed, rows in future.items():
        for row in rows:
            time = FEEDS[feed].business_time
            row[time] += timedelta(days=4)
            row["known_at"] = END + timedelta(days=4)
    add(con, future)
    return build(con, NIGHT)


@pytest.fixture(scope="module")
def with_earlier_knowledge() -> list[dict[str, pl.DataFrame]]:
    changed = []
    for seed, days in ((4, 20), (6, 760), (7, 900)):
        con = warehouse_of(known_first())
        add(con, fill(seed, "y", days=days))
        changed.append(build(con, NIGHT))
    return changed


@pytest.mark.parametrize("relation", RELATIONS)
def test_later_knowledge_changes_no_column(base, with_later_knowledge, relation):
    assert base[relation].height == (1 if relation == A_NIGHT else 3)
    assert_frame_equal(base[relation], with_later_knowledge[relation], check_exact=True)


@pytest.mark.parametrize(("relation", "column"), COLUMNS)
def test_earlier_knowledge_changes_the_column(base, with_earlier_knowledge, relation, column):
    before = base[relation][column].to_list()
    assert any(changed[relation][column].to_list() != before for changed in with_earlier_knowledge)


FEED = st.sampled_from(sorted(set(FEEDS) - {"outcomes", "overrides", "scenarios"}))  # no feature reads these


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(late=st.lists(st.tuples(FEED, st.integers(0, 99), st.integers(0, 700)), min_size=1, max_size=20))
def test_any_rows_known_later_change_nothing(base, late):
    con = warehouse_of(known_first())
    pool = fill(8, "late", days=700)
    for number, (feed, pick, delay) in enumerate(late):
        row = dict(pool[feed][pick % len(pool[feed])])
        key = FEEDS[feed].key[0]
        if key != "enterprise_id":
            row[key] = f"{row[key]}-{number}"
        row["known_at"] = END + timedelta(hours=delay)
        add(con, {feed: [row]})
    built = build(con, NIGHT)
    for relation in RELATIONS:
        assert_frame_equal(base[relation], built[relation], check_exact=True)


def test_labels_use_nothing_known_after_known_by():
    con = warehouse_of(known_first())
    end = {
        "enterprise_id": "a",
        "loan_id": "new",
        "outcome_date": NIGHT + timedelta(days=30),
        "days_past_due": 0,
    }
    add(con, {"outcomes": [end]})
    build(con, NIGHT)
    asked = {"known_by": NIGHT + timedelta(days=60), "definition": "dpd90", "horizon_days": 30}
    before = labels(con, NIGHT, **asked)
    assert {who: label for who, (label, _) in before.items()} == {"a": 1, "b": 1, "c": None}
    restate(con, "outcomes", known_at=END + timedelta(days=60), days_past_due="0")
    add(con, {"outcomes": [{"enterprise_id": "a", "outcome_date": NIGHT, "days_past_due": 99,
                            "known_at": END + timedelta(days=60)}]})  # fmt: skip
    assert labels(con, NIGHT, **asked) == before
    assert labels(con, NIGHT, **{**asked, "known_by": NIGHT + timedelta(days=61)}) != before
