"""Corrections, restatements and late files: each delivered row is loaded once, its versions are in order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from feed_rows import Lender, Row, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.connection import writer
from warehouse.intake.feeds import FEEDS

SALES = rows_of(FEEDS["transactions"], 4)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(tmp_path_factory.mktemp("intake")))
        with writer(purpose="test") as con:
            yield con


@pytest.fixture
def lender(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Lender:
    return Lender(con, tmp_path)


def outcome(loan: str | None, known_at: str, days: str) -> Row:
    return {
        "enterprise_id": "E0",
        "loan_id": loan,
        "outcome_date": "2026-01-31",
        "known_at": known_at,
        "days_past_due": days,
        "charge_off": "false",
        "insolvency": None,
    }


def versions(lender: Lender) -> list[tuple[str | None, ...]]:
    return lender.ask(
        """select loan_id, days_past_due, known_at::date::varchar, known_to::date::varchar
           from wh.raw.outcomes where portfolio = $p order by loan_id nulls first, known_at"""
    )


class TestFiles:
    def test_the_same_file_twice_is_loaded_once(self, lender):
        lender.deliver("transactions/a.csv", [*SALES, SALES[0]])
        first = lender.ingest("one")["transactions/a.csv"]
        before = lender.ask("select * from wh.ops.file_ledger where portfolio = $p order by path")
        second = lender.ingest("two")["transactions/a.csv"]
        assert (first.status, second.status) == ("loaded", "already_loaded")
        assert (second.delivered, second.loaded, second.exact_duplicates) == (5, 4, 1)
        assert lender.ask("select * from wh.ops.file_ledger where portfolio = $p order by path") == before

    def test_a_corrected_file_replaces_its_predecessor_and_says_so(self, lender):
        bad = [{**SALES[0], "amount": "n/a"}, *SALES[1:3]]
        lender.deliver("transactions/a.csv", bad)
        old = lender.ingest("one")["transactions/a.csv"]
        assert (old.loaded, old.quarantined) == (2, 1)
        lender.deliver("transactions/a.csv", [{**SALES[0], "amount": "7.00"}, SALES[1], SALES[3]])
        new = lender.ingest("two")["transactions/a.csv"]
        assert (new.status, new.replaced, new.loaded, new.quarantined) == ("loaded", True, 3, 0)
        assert new.message.endswith("which had delivered 3 rows (2 loaded, 1 quarantined)")
        assert new.message.startswith("replaces ")
        rows = lender.ask(
            "select transaction_id, run_id from wh.raw.transactions where portfolio = $p order by 1"
        )
        assert rows == [(f"transaction_id-{n}", "two") for n in (0, 1, 3)]
        assert not lender.quarantine()
        ledger = lender.ask(
            """select status, loaded, replaces is not null from wh.ops.file_ledger
               where portfolio = $p and feed = 'transactions' order by recorded_at"""
        )
        assert ledger == [("replaced", 2, False), ("loaded", 3, True)]

    def test_back_to_the_first_content(self, lender):
        for rows in (SALES[:2], SALES[2:], SALES[:2]):
            lender.deliver("transactions/a.csv", rows)
            assert lender.ingest()["transactions/a.csv"].loaded == 2
        assert lender.held("transactions") == 2
        statuses = lender.ask(
            "select status from wh.ops.file_ledger where portfolio = $p and feed = 'transactions'"
        )
        assert sorted(statuses) == [("loaded",), ("replaced",)]

    def test_a_refused_correction_leaves_the_predecessor(self, lender):
        path = lender.deliver("transactions/a.csv", SALES)
        lender.ingest()
        path.write_bytes(path.read_bytes()[:-9])
        assert lender.ingest()["transactions/a.csv"].status == "refused"
        assert lender.held("transactions") == 4
        statuses = lender.ask(
            "select status from wh.ops.file_ledger where portfolio = $p and feed = 'transactions'"
        )
        assert sorted(statuses) == [("loaded",), ("refused",)]

    def test_the_same_content_under_another_path_brings_nothing_and_takes_nothing(self, lender):
        lender.deliver("transactions/a.csv", SALES)
        lender.deliver("transactions/b.csv", SALES)
        copy = lender.ingest()["transactions/b.csv"]
        assert (copy.loaded, copy.exact_duplicates) == (0, 4)
        assert copy.message == "same content as transactions/a.csv"
        lender.deliver("transactions/b.csv", [{**SALES[0], "transaction_id": "other"}])
        assert lender.ingest()["transactions/b.csv"].replaced
        assert lender.held("transactions") == 5

    def test_rows_that_wait_for_their_enterprise_come_in_when_it_does(self, lender):
        rows = [{**row, "enterprise_id": f"late-{n % 2}"} for n, row in enumerate(SALES)]
        lender.deliver("transactions/a.csv", rows)
        assert lender.ingest("one")["transactions/a.csv"].quarantined == 4
        assert lender.ingest("two")["transactions/a.csv"].status == "already_loaded"
        firm = {**rows_of(FEEDS["enterprises"], 1)[0], "enterprise_id": "late-0"}
        lender.deliver("enterprises/late.csv", [firm])
        again = lender.ingest("three")["transactions/a.csv"]
        assert (again.status, again.loaded, again.quarantined, again.replaced) == ("loaded", 2, 2, False)
        assert again.message == "loaded again: rows had waited for an enterprise that has come since"
        assert lender.ingest("four")["transactions/a.csv"].status == "already_loaded"
        assert len(lender.quarantine()) == 2


class TestVersions:
    def test_a_restatement_closes_the_version_before_it(self, lender):
        lender.deliver("outcomes/a.csv", [outcome("L", "2026-02-01", "0"), outcome(None, "2026-02-01", "5")])
        lender.deliver("outcomes/b.csv", [outcome("L", "2026-03-01", "30"), outcome(None, "2026-03-02", "6")])
        lender.ingest()
        assert versions(lender) == [
            (None, 5, "2026-02-01", "2026-03-02"),
            (None, 6, "2026-03-02", None),
            ("L", 0, "2026-02-01", "2026-03-01"),
            ("L", 30, "2026-03-01", None),
        ]

    def test_versions_that_arrive_out_of_order_and_in_one_file(self, lender):
        lender.deliver("outcomes/a.csv", [outcome("L", "2026-04-01", "4"), outcome("L", "2026-02-01", "2")])
        lender.ingest()
        lender.deliver("outcomes/b.csv", [outcome("L", "2026-03-01", "3")])
        lender.deliver("outcomes/c.csv", [outcome("L", "2026-01-31", "1")])
        lender.ingest()
        assert versions(lender) == [
            ("L", 1, "2026-01-31", "2026-02-01"),
            ("L", 2, "2026-02-01", "2026-03-01"),
            ("L", 3, "2026-03-01", "2026-04-01"),
            ("L", 4, "2026-04-01", None),
        ]

    def test_a_correction_that_withdraws_a_version_opens_the_one_before(self, lender):
        lender.deliver("outcomes/a.csv", [outcome("L", "2026-02-01", "2")])
        lender.deliver("outcomes/b.csv", [outcome("L", "2026-03-01", "3"), outcome("M", "2026-03-01", "3")])
        lender.ingest()
        lender.deliver("outcomes/b.csv", [outcome("M", "2026-03-01", "3")])
        lender.ingest()
        assert versions(lender) == [("L", 2, "2026-02-01", None), ("M", 3, "2026-03-01", None)]

    def test_equal_content_known_later_is_a_version_of_its_own(self, lender):
        lender.deliver("outcomes/a.csv", [outcome("L", "2026-02-01", "2"), outcome("L", "2026-03-01", "2")])
        assert lender.ingest()["outcomes/a.csv"].loaded == 2
        assert versions(lender)[0][3] == "2026-03-01"

    def test_a_row_equal_to_a_loaded_one_is_a_duplicate_even_behind_a_contradiction(self, lender):
        lender.deliver("outcomes/a.csv", [outcome("L", "2026-02-01", "2")])
        lender.ingest()
        lender.deliver("outcomes/b.csv", [outcome("L", "2026-02-01", "9"), outcome("L", "2026-02-01", "2")])
        result = lender.ingest()["outcomes/b.csv"]
        assert (result.loaded, result.quarantined, result.exact_duplicates) == (0, 1, 1)

    def test_portfolios_do_not_see_each_other(self, lender, con, tmp_path):
        other = Lender(con, tmp_path / "_other")
        for either, days in ((lender, "1"), (other, "2")):
            either.deliver("outcomes/a.csv", [outcome("L", f"2026-02-0{days}", days)])
            either.ingest()
        assert [row[3] for row in versions(lender) + versions(other)] == [None, None]


KINDS = {
    "good": {},
    "type": {"days_past_due": "many"},
    "hole": {"enterprise_id": None},
    "stranger": {"enterprise_id": "nobody"},
    "early": {"known_at": "2026-01-01"},
}
ONE_ROW = st.builds(
    lambda loan, day, days, kind: {**outcome(loan, f"2026-02-{day:02d}", days), **KINDS[kind]},
    st.sampled_from(["L", "M", None]),
    st.integers(1, 3),
    st.sampled_from(["0", "30"]),
    st.sampled_from(["good", "good", "good", "good", *KINDS]),
)
DELIVERIES = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(ONE_ROW, min_size=1, max_size=8)), min_size=1, max_size=5
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=DELIVERIES)
def test_whatever_is_delivered_nothing_is_lost_and_versions_stand_in_order(con, deliveries):
    with tempfile.TemporaryDirectory() as folder:
        lender = Lender(con, Path(folder))
        corrected = False
        for name, rows in deliveries:
            path = f"outcomes/{name}.csv"
            lender.deliver(path, rows)
            result = lender.ingest()[path]
            assert result.delivered == len(rows)
            corrected = corrected or result.replaced
    for hash_, path, loaded, quarantined in lender.ask(
        """select l.file_hash, l.path, l.loaded, l.quarantined from wh.ops.file_ledger as l
           where l.portfolio = $p and l.status = 'loaded' and l.feed = 'outcomes'"""
    ):
        in_quarantine = lender.ask(
            "select count(*) from wh.ops.quarantine where portfolio = $p and file_hash = $h and path = $f",
            h=hash_,
            f=path,
        )
        assert in_quarantine == [(quarantined,)]
        if loaded:
            rows_in_raw = "select count(*) from wh.raw.outcomes where portfolio = $p and file_hash = $h"
            assert lender.ask(rows_in_raw, h=hash_) == [(loaded,)]
    total = (
        "select coalesce(sum(loaded), 0) from wh.ops.file_ledger where portfolio = $p and status = 'loaded'"
    )
    assert lender.ask(f"{total} and feed = 'outcomes'") == [(lender.held("outcomes"),)]
    assert not lender.ask(
        """select 1 from wh.raw.outcomes where portfolio = $p
           group by enterprise_id, loan_id, outcome_date, known_at having count(*) > 1"""
    )
    assert not lender.ask(
        """select 1 from (select known_to, lead(known_at) over (
               partition by enterprise_id, loan_id, outcome_date order by known_at) as until
             from wh.raw.outcomes where portfolio = $p) where known_to is distinct from until"""
    )
    if not corrected:
        sound = {
            (row["loan_id"], row["known_at"])
            for _, rows in deliveries
            for row in rows
            if row["enterprise_id"] == "E0"
            and row["days_past_due"] != "many"
            and row["known_at"] > "2026-01-31"
        }
        loaded_keys = lender.ask(
            "select loan_id, known_at::date::varchar from wh.raw.outcomes where portfolio = $p"
        )
        assert set(loaded_keys) == sound
