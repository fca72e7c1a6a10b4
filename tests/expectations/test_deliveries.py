"""A delivery is compared with those before it: amounts in another unit, rows restated, times to come, the mean PD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest
import small_portfolio as small
from small_portfolio import given

from expectations.runner import run_suite
from expectations.suite import suites
from warehouse.connection import writer

AMOUNTS = ("amounts_hold_their_unit", "borrowers_hold_their_unit")
LOANS = ("amounts_hold_their_unit", "loans_hold_their_unit")


@pytest.fixture
def con(opened_home: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty warehouse."""
    with writer(purpose="deliveries") as con:
        yield con


def transactions(
    con, run_id, *, amount="100 + 10 * n", borrowers=10, rows=8, first=1, file="", voided="false"
):
    """Load one file of transactions; `amount` may name the borrower's number `i` and the row's number `n`."""
    file_hash = f"transactions-{run_id}{file}"
    con.execute(
        f"""insert into wh.raw.transactions by name
            select '{file_hash}-' || i || '-' || n as transaction_id, 'E' || i as enterprise_id,
                   timestamp '2026-06-01 10:00:00' as occurred_at, {amount} as amount, 'sale' as kind,
                   {voided} as voided, timestamp '2026-06-01 10:00:00' as known_at, 'p' as portfolio,
                   '{file_hash}' as file_hash, n as file_row, '{run_id}' as run_id,
                   timestamp '2026-06-30 20:00:00' as loaded_at
            from range({first}, {first + borrowers}) as t (i), range(1, {rows + 1}) as s (n)"""
    )
    con.execute(
        """insert into wh.ops.file_ledger by name
           select 'p' as portfolio, 'transactions' as feed, $file_hash || '.csv' as path, $file_hash as file_hash,
                  'loaded' as status, 1 as delivered, 1 as loaded, 0 as quarantined, $run_id as run_id""",
        {"file_hash": file_hash, "run_id": run_id},
    )


def events(con, run_id, *, times=1):
    """Load orders with their amounts in the payload."""
    con.execute(
        f"""insert into wh.raw.operational_events by name
            select '{run_id}-' || i || '-' || n as event_id, 'E' || i as enterprise_id,
                   timestamp '2026-06-01 10:00:00' as occurred_at, 'purchase_order' as event_type,
                   json_object('order_id', 'O', 'supplier_id', 'S', 'amount', {times} * (100 + n)) as payload,
                   timestamp '2026-06-01 10:00:00' as known_at, 'p' as portfolio, 'f-{run_id}' as file_hash,
                   n as file_row, '{run_id}' as run_id, timestamp '2026-06-30 20:00:00' as loaded_at
            from range(1, 11) as t (i), range(1, 9) as s (n)"""
    )
    small.record(con, "operational_events", portfolio="p", run_id=run_id)


def ledger(con, run_id, day, *, loans=10, borrowing="1000 * i", assets="9000 * i", income="5000"):
    """Load one ledger; the values may name the loan's number `i`."""
    con.execute(
        f"""insert into wh.raw.loan_ledger by name
            select 'L' || i as loan_id, 'E' || i as enterprise_id, date '{day}' as ledger_date,
                   {borrowing} as borrowing, {assets} as total_assets, {income} as operating_income,
                   timestamp '{day} 08:00:00' as known_at, 'p' as portfolio, 'f-{run_id}' as file_hash,
                   i as file_row, '{run_id}' as run_id, timestamp '2026-06-30 20:00:00' as loaded_at
            from range(1, {loans + 1}) as t (i)"""
    )
    small.record(con, "loan_ledger", portfolio="p", run_id=run_id)


def capital(con, run_id, day, *, value="1000 * i", borrowers=10):
    """Load one description of each borrower."""
    con.execute(
        f"""insert into wh.raw.enterprises by name
            select 'E' || i as enterprise_id, date '{day}' as valid_from, {value} as registered_capital,
                   timestamp '{day} 08:00:00' as known_at, 'p' as portfolio, 'f-{run_id}' as file_hash,
                   i as file_row, '{run_id}' as run_id, timestamp '2026-06-30 20:00:00' as loaded_at
            from range(1, {borrowers + 1}) as t (i)"""
    )
    small.record(con, "enterprises", portfolio="p", run_id=run_id)


def failed(con, feed, rules, *loads):
    """The rules of a feed that the loads break, each with what it found."""
    suite = suites()[feed]
    suite = replace(suite, rules=tuple(suite.rule(name) for name in rules))
    checks = run_suite(suite, cursor=con.cursor, parameters=given(loads=list(loads))).checks
    assert all(check.outcome in ("passed", "failed") for check in checks), [c.observed for c in checks]
    return {check.rule: check for check in checks if check.outcome == "failed"}


@pytest.mark.parametrize("times", [100, 1000, 0.01, 0.001])
@pytest.mark.parametrize("rows", [1, 8])
def test_transactions_in_another_unit_stop(con, times, rows):
    transactions(con, "r1")
    transactions(con, "r2", amount=f"(130 + n) * {times}", rows=rows)
    finding = failed(con, "transactions", AMOUNTS, "r2")["amounts_hold_their_unit"]
    assert finding.severity == "stop"
    moved = {example["path"]: example["borrowers_moved"] for example in finding.examples}  # in any order
    assert moved["transactions-r2.csv"] == "10"


@pytest.mark.parametrize("times", [0.1, 0.5, 3, 10, 25])
def test_growth_that_is_real_passes(con, times):
    transactions(con, "r1")
    transactions(con, "r2", amount=f"(130 + n) * {times}")
    assert failed(con, "transactions", AMOUNTS, "r2") == {}


def test_first_delivery_has_nothing_to_be_compared_with(con):
    transactions(con, "r1")
    assert failed(con, "transactions", AMOUNTS, "r1") == {}


def test_all_loads_at_once_leave_nothing_to_compare_them_with(con):
    transactions(con, "r1")
    transactions(con, "r2", amount="100 * n")
    assert failed(con, "transactions", AMOUNTS, "r1", "r2") == {}


def test_corrected_file_is_compared_with_what_stood_before_the_wrong_one(con):
    transactions(con, "r1")
    transactions(con, "r2", amount="100 * (130 + n)")
    con.execute("delete from wh.raw.transactions where run_id = 'r2'")
    con.execute("update wh.ops.file_ledger set status = 'replaced' where run_id = 'r2'")
    transactions(con, "r3", amount="130 + n")
    assert failed(con, "transactions", AMOUNTS, "r3") == {}


@pytest.mark.parametrize("moved", [1, 2])
def test_borrowers_that_grew_are_told_and_pass(con, moved):
    transactions(con, "r1")
    transactions(con, "r2", amount=f"(130 + n) * if(i <= {moved}, 100, 1)")
    findings = failed(con, "transactions", AMOUNTS, "r2")
    assert set(findings) == {"borrowers_hold_their_unit"}
    finding = findings["borrowers_hold_their_unit"]
    assert (finding.severity, finding.unexpected_count) == ("warn", moved)
    assert finding.examples[0]["median_now"] == "13450"


def test_more_than_a_fifth_of_the_borrowers_stop(con):
    transactions(con, "r1")
    transactions(con, "r2", amount="(130 + n) * if(i <= 3, 100, 1)")
    finding = failed(con, "transactions", AMOUNTS, "r2")["amounts_hold_their_unit"]
    assert finding.examples[0]["path"] == "all files"


def test_moves_in_both_directions_are_no_unit(con):
    transactions(con, "r1")
    transactions(con, "r2", amount="(130 + n) * case i % 5 when 0 then 100 when 1 then 0.01 else 1 end")
    assert set(failed(con, "transactions", AMOUNTS, "r2")) == {"borrowers_hold_their_unit"}


def test_small_file_in_cents_is_seen_beside_large_ones(con):
    transactions(con, "r1")
    transactions(con, "r2", amount="130 + n", rows=50)
    transactions(con, "r2", amount="100 * (130 + n)", rows=2, file="-branch")
    finding = failed(con, "transactions", AMOUNTS, "r2")["amounts_hold_their_unit"]
    assert [dict(example)["path"] for example in finding.examples] == ["transactions-r2-branch.csv"]


def test_file_of_one_borrower_is_no_feed(con):
    transactions(con, "r1")
    transactions(con, "r2", amount="100 * (130 + n)", borrowers=1)
    assert set(failed(con, "transactions", AMOUNTS, "r2")) == {"borrowers_hold_their_unit"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"rows": 4}, {}),
        ({}, {"rows": 2, "borrowers": 2}),
        ({}, {"first": 50}),
        ({"amount": "0"}, {}),
        ({"voided": "true"}, {}),
        ({}, {"voided": "true"}),
    ],
    ids=["few before", "few now", "new borrowers", "zero before", "voided before", "voided now"],
)
def test_what_cannot_be_compared_passes(con, before, after):
    transactions(con, "r1", **before)
    transactions(con, "r2", **{"amount": "100 * (130 + n)", **after})
    assert failed(con, "transactions", AMOUNTS, "r2") == {}


def test_amounts_that_always_scatter_widely_pass(con):
    transactions(con, "r1", amount="([3, 40, 500, 6000, 70000])[n % 5 + 1]", rows=40)
    transactions(con, "r2", amount="60000", rows=5)
    assert failed(con, "transactions", AMOUNTS, "r2") == {}


def test_only_the_last_loads_are_looked_at(con):
    transactions(con, "r000", amount="100 * (130 + n)")
    for load in range(1, 91):
        transactions(con, f"r{load:03}", rows=1)
    transactions(con, "r100", amount="130 + n")
    assert failed(con, "transactions", AMOUNTS, "r100") == {}


@pytest.mark.parametrize("times", [100, 0.001])
def test_orders_in_another_unit_stop(con, times):
    events(con, "r1")
    events(con, "r2")
    events(con, "r3", times=times)
    assert failed(con, "operational_events", AMOUNTS, "r2") == {}
    assert set(failed(con, "operational_events", AMOUNTS, "r3")) == set(AMOUNTS)


@pytest.mark.parametrize("values", [
    {"borrowing": "100000 * i"},
    {"assets": "9 * i"},
    {"assets": "9000000 * i", "borrowing": "null"},
    {"borrowing": "10 * i", "assets": "90 * i", "income": "50"},
    {"borrowing": "if(i <= 3, 100000, 1000) * i"},
    {"borrowing": "100000 * i", "assets": "900000 * i", "income": "null", "loans": 3},
])  # fmt: skip
@pytest.mark.parametrize("day", ["2026-06-15", "2026-05-15"], ids=["new day", "same day restated"])
def test_ledger_in_another_unit_stops(con, values, day):
    ledger(con, "r1", "2026-05-15")
    ledger(con, "r2", day, **values)
    assert "amounts_hold_their_unit" in failed(con, "loan_ledger", LOANS, "r2")


@pytest.mark.parametrize("values", [
    {},
    {"borrowing": "if(i <= 5, 10, 1000) * i", "income": "if(i <= 5, 100, 5000)"},
    {"borrowing": "0", "income": "0"},
    {"borrowing": "20000 * i", "assets": "20000 * i"},
    {"borrowing": "null", "assets": "null", "income": "null"},
])  # fmt: skip
def test_ledger_that_changed_as_ledgers_do_passes(con, values):
    ledger(con, "r1", "2026-05-15")
    ledger(con, "r2", "2026-06-15", **values)
    assert failed(con, "loan_ledger", LOANS, "r1") == {}
    assert failed(con, "loan_ledger", LOANS, "r2") == {}


def test_single_loans_are_told_and_pass(con):
    ledger(con, "r1", "2026-05-15")
    ledger(con, "r2", "2026-06-15", assets="if(i = 2, 900, 9) * 1000 * i")
    findings = failed(con, "loan_ledger", LOANS, "r2")
    assert set(findings) == {"loans_hold_their_unit"}
    assert findings["loans_hold_their_unit"].examples[0]["loan_id"] == "L2"


def test_loan_is_compared_with_its_row_before(con):
    ledger(con, "r1", "2026-04-15")
    ledger(con, "r2", "2026-05-15", assets="200000 * i")
    ledger(con, "r3", "2026-06-15", assets="4000000 * i")
    assert failed(con, "loan_ledger", LOANS, "r2") == {}
    assert failed(con, "loan_ledger", LOANS, "r3") == {}


@pytest.mark.parametrize(
    ("value", "borrowers", "broken"),
    [
        ("100000 * i", 10, set(AMOUNTS)),
        ("i", 10, set(AMOUNTS)),
        ("if(i <= 2, 100000, 1000) * i", 10, {"borrowers_hold_their_unit"}),
        ("2000 * i", 10, set()),
        ("0", 10, set()),
        ("100000 * i", 4, {"borrowers_hold_their_unit"}),
    ],
)
def test_capital_in_another_unit(con, value, borrowers, broken):
    capital(con, "r1", "2026-05-15")
    capital(con, "r2", "2026-06-15", value=value, borrowers=borrowers)
    assert failed(con, "enterprises", AMOUNTS, "r1") == {}
    assert set(failed(con, "enterprises", AMOUNTS, "r2")) == broken


@pytest.mark.parametrize(
    ("loaded", "superseded", "earlier", "warns"),
    [
        (100, 21, [], True),
        (100, 20, [], False),
        (40, 10, [], False),
        (40, 11, [], True),
        (0, 11, [], True),
        (100, None, [], False),
        (100, 60, [(100, 30)], True),
        (100, 60, [(100, 30), (10, 3)], False),
        (100, 60, [(100, 29), (10, 3)], True),
        (100, 60, [(100, 0), (0, 0), (100, None)], True),
    ],
)
def test_restatements_are_few(con, loaded, superseded, earlier, warns):
    for day, (rows, stood) in enumerate([*earlier, (loaded, superseded)]):
        con.execute(
            """insert into wh.ops.file_ledger by name
               select 'p' as portfolio, 'outcomes' as feed, 'f' || $day as path, 'f' || $day as file_hash,
                      'loaded' as status, $loaded as delivered, $loaded as loaded, 0 as quarantined,
                      cast($superseded as bigint) as superseded, 'r' || $day as run_id,
                      timestamp '2026-06-01 00:00:00' + to_days($day) as recorded_at""",
            {"day": day, "loaded": rows, "superseded": stood},
        )
    findings = failed_of_files(con, "outcomes", f"r{len(earlier)}")
    assert ("restatements_are_few" in findings) is warns
    assert all(finding.severity == "warn" for finding in findings.values())


def failed_of_files(con, feed, *loads):
    """The rules of files that the loads break; no row of them need be there."""
    checks = run_suite(suites()[feed], cursor=con.cursor, parameters=given(loads=list(loads))).checks
    return {check.rule: check for check in checks if check.outcome == "failed"}


@pytest.mark.parametrize(
    ("known_at", "occurred_at", "warns"),
    [
        ("2026-07-01 19:59:59", "2026-06-01 10:00:00", False),
        ("2026-07-01 20:00:01", "2026-06-01 10:00:00", True),
        ("2062-06-01 10:00:00", "2026-06-01 10:00:00", True),
        ("2026-06-30 10:00:00", "2062-06-01 10:00:00", True),
    ],
)
def test_times_after_the_load_are_told(con, known_at, occurred_at, warns):
    transactions(con, "r1", borrowers=1, rows=1)
    con.execute(
        "update wh.raw.transactions set known_at = cast($k as timestamp), occurred_at = cast($o as timestamp)",
        {"k": known_at, "o": occurred_at},
    )
    findings = failed(con, "transactions", ("known_before_it_was_loaded",), "r1")
    assert bool(findings) is warns
    assert all(finding.severity == "warn" for finding in findings.values())


def test_profile_that_begins_later_is_no_fault(con):
    capital(con, "r1", "2026-05-15", borrowers=1)
    con.execute("update wh.raw.enterprises set valid_from = date '2027-01-01'")
    assert failed(con, "enterprises", ("known_before_it_was_loaded",), "r1") == {}


@pytest.mark.parametrize(
    ("night", "spoilt", "warns"),
    [
        ("incoming_scores", "pd = 0.99, in_default = true where enterprise_id = 'E3'", False),
        ("portfolio_scores", "pd = 0.99, in_default = true where enterprise_id = 'E3'", False),
        ("incoming_scores", "pd = 0.99, in_default = false where enterprise_id = 'E3'", True),
        ("portfolio_scores", "pd = 0.99, in_default = null where enterprise_id = 'E3'", True),
        # the others' PDs rise by more than half; a small PD of one in default must not hide it
        ("incoming_scores", "pd = if(enterprise_id = 'E5', 0.001, 1.6 * pd), in_default = enterprise_id = 'E5'", True),
        ("portfolio_scores", "pd = if(enterprise_id = 'E5', 0.001, 2 * pd), in_default = enterprise_id = 'E5'", True),
    ],
)  # fmt: skip
def test_mean_pd_leaves_those_in_default_out(con, night, spoilt, warns):
    small.score(con)
    con.execute(f"update wh.scores.{night} set {spoilt}")
    suite = suites()["incoming_scores"]
    suite = replace(suite, rules=(suite.rule("mean_pd_holds"),))
    [check] = run_suite(suite, cursor=con.cursor, parameters=given()).checks
    assert (check.outcome == "failed") is warns
