"""Corrections, restatements and late files: each delivered row is loaded once, its versions are in order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from feed_rows import Lender, Row, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.intake.feeds import FEEDS

SALES = rows_of(FEEDS["transactions"], 4)
MORE_SALES = rows_of(FEEDS["transactions"], 16, start=100)


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
        bad = [{**SALES[0], "amount": "n/a"}, *SALES[1:3], *MORE_SALES[:2]]
        lender.deliver("transactions/a.csv", bad)
        old = lender.ingest("one")["transactions/a.csv"]
        assert (old.loaded, old.quarantined) == (4, 1)
        lender.deliver("transactions/a.csv", [{**SALES[0], "amount": "7.00"}, SALES[1], SALES[3]])
        new = lender.ingest("two")["transactions/a.csv"]
        assert (new.status, new.replaced, new.loaded, new.quarantined) == ("loaded", True, 3, 0)
        assert new.message.endswith("which had delivered 5 rows (4 loaded, 1 quarantined)")
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
        assert ledger == [("replaced", 4, False), ("loaded", 3, True)]

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
        lender.deliver("transactions/a.csv", [*rows, *MORE_SALES])
        assert lender.ingest("one")["transactions/a.csv"].quarantined == 4
        assert lender.ingest("two")["transactions/a.csv"].status == "already_loaded"
        firm = {**rows_of(FEEDS["enterprises"], 1)[0], "enterprise_id": "late-0"}
        lender.deliver("enterprises/late.csv", [firm])
        again = lender.ingest("three")["transactions/a.csv"]
        assert (again.status, again.loaded, again.quarantined, again.replaced) == ("loaded", 18, 2, False)
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
        others = [outcome(f"M{n}", "2026-02-01", "0") for n in range(3)]
        repeated = [outcome("L", "2026-02-01", "9"), outcome("L", "2026-02-01", "2")]
        lender.deliver("outcomes/b.csv", [*repeated, *others])
        result = lender.ingest()["outcomes/b.csv"]
        assert (result.loaded, result.quarantined, result.exact_duplicates) == (3, 1, 1)

    def test_portfolios_do_not_see_each_other(self, lender, con, tmp_path):
        other = Lender(con, tmp_path / "_other")
        for either, days in ((lender, "1"), (other, "2")):
            either.deliver("outcomes/a.csv", [outcome("L", f"2026-02-0{days}", days)])
            either.ingest()
        assert [row[3] for row in versions(lender) + versions(other)] == [None, None]


def sale(number: str, borrower: str, known_at: str | None, amount: str = "1.00", day: int = 1) -> Row:
    return {
        "transaction_id": number,
        "enterprise_id": borrower,
        "occurred_at": f"2026-06-{day:02d} 10:00:00",
        "known_at": known_at,
        "amount": amount,
        "counterparty_id": "C",
        "kind": "sale",
        "due_at": None,
        "paid_at": None,
        "voided": "false",
    }


def numbered(feed: str, key: str, value: str) -> Row:
    """A row of the feed that has `value` in its key column and borrower E0."""
    return {**rows_of(FEEDS[feed], 1)[0], key: value}


class TestWhatIsNoRestatement:
    """A number is not a restatement: the borrower stays, and the lender says so by `known_at`."""

    @pytest.mark.parametrize("in_one_file", [True, False])
    @pytest.mark.parametrize("known_at", [None, "2026-06-10 12:00:00", "2026-12-01", "2026-06-01 12:00:00"])
    @pytest.mark.parametrize(
        ("feed", "key"),
        [("transactions", "transaction_id"), ("operational_events", "event_id"), ("loan_ledger", "loan_id")],
    )
    def test_a_number_of_another_borrower_is_repeated_whatever_its_known_at(
        self, lender, feed, key, known_at, in_one_file
    ):
        first = numbered(feed, key, "1001")
        second = {**first, "enterprise_id": "E1", "known_at": known_at}
        good = rows_of(FEEDS[feed], 9, start=100)
        if in_one_file:
            lender.deliver(f"{feed}/a.csv", [first, second, *good])
        else:
            lender.deliver(f"{feed}/a.csv", [first])
            lender.deliver(f"{feed}/b.csv", [second, *good])
        result = list(lender.ingest().values())[-1]
        assert (result.quarantined, result.superseded) == (1, 0)
        ((_, rule, detail),) = lender.quarantine()
        assert rule == "key_repeated"
        assert detail.startswith(f"The key ({', '.join(FEEDS[feed].key)}) belongs")
        assert "1001" not in detail
        assert "belongs to another borrower" in detail
        assert lender.ask(
            f"select enterprise_id, known_to from wh.raw.{feed} where portfolio = $p and {key} = '1001'"
        ) == [("E0", None)]

    def test_a_feed_whose_key_names_the_borrower_has_no_such_number(self, lender):
        case = rows_of(FEEDS["legal_cases"], 1)[0]
        lender.deliver("legal_cases/a.csv", [case, {**case, "enterprise_id": "E1", "role": "defendant"}])
        assert lender.ingest()["legal_cases/a.csv"].loaded == 2

    @pytest.mark.parametrize("column", ["occurred_at", "amount", "counterparty_id"])
    @pytest.mark.parametrize("in_one_file", [True, False])
    @pytest.mark.parametrize("left_out", [True, False])
    def test_without_known_at_no_change_is_a_restatement(self, lender, column, in_one_file, left_out):
        first = sale("1001", "E0", None)
        changed = {**first, column: {"occurred_at": "2026-06-09 10:00:00", "amount": "9"}.get(column, "D")}
        good = [sale(f"G{n}", "E1", None) for n in range(8)]
        columns = [name for name in first if name != "known_at"] if left_out else None
        if in_one_file:
            lender.deliver("transactions/a.csv", [first, changed, *good, first], columns=columns)
        else:
            lender.deliver("transactions/a.csv", [first], columns=columns)
            lender.deliver("transactions/b.csv", [changed, *good, first], columns=columns)
        result = list(lender.ingest().values())[-1]
        assert (result.quarantined, result.exact_duplicates, result.superseded) == (1, 1, 0)
        assert "brings no known_at of its own" in lender.quarantine()[0][2]
        assert lender.ask(
            """select amount::varchar, known_to from wh.raw.transactions
               where portfolio = $p and transaction_id = '1001'"""
        ) == [("1.00", None)]

    def test_a_row_with_known_at_restates_one_without(self, lender):
        lender.deliver("transactions/a.csv", [sale("1001", "E0", None, "1.00")])
        lender.deliver("transactions/b.csv", [sale("1001", "E0", "2026-06-05 00:00:00", "2.00", day=3)])
        assert lender.ingest()["transactions/b.csv"].superseded == 1
        assert lender.ask(
            """select amount::varchar, known_at::date::varchar, known_to::date::varchar
               from wh.raw.transactions where portfolio = $p order by known_at"""
        ) == [("1.00", "2026-06-01", "2026-06-05"), ("2.00", "2026-06-05", None)]

    @pytest.mark.parametrize(
        ("amount", "counts"),
        [("1.00", (9, 0, 1)), ("2.00", (9, 1, 0))],
        ids=["the same content is a duplicate", "other content is repeated"],
    )
    def test_a_row_without_known_at_says_nothing_of_one_with(self, lender, amount, counts):
        lender.deliver("transactions/a.csv", [sale("1001", "E0", "2026-06-05 00:00:00", "1.00")])
        good = [sale(f"G{n}", "E1", "2026-06-05 00:00:00") for n in range(9)]
        lender.deliver("transactions/b.csv", [sale("1001", "E0", None, amount), *good])
        result = lender.ingest()["transactions/b.csv"]
        assert (result.loaded, result.quarantined, result.exact_duplicates) == counts
        assert lender.held("transactions") == 10


class TestSuperseded:
    def superseded(self, lender: Lender) -> list[int | None]:
        return [
            count
            for (count,) in lender.ask(
                """select superseded from wh.ops.file_ledger
                   where portfolio = $p and feed = 'outcomes' and status = 'loaded' order by path"""
            )
        ]

    def test_rows_that_stood_are_counted_once_for_the_file_that_restates_them(self, lender):
        days = [f"2026-02-{day:02d}" for day in (1, 2, 3, 4)]
        lender.deliver("outcomes/a.csv", [outcome("L", days[0], "0"), outcome("M", days[1], "0")])
        # L twice in one file: one row that stood is superseded; the version of M comes too late to supersede
        lender.deliver(
            "outcomes/b.csv",
            [outcome("L", days[1], "1"), outcome("L", days[2], "2"), outcome("M", days[0], "9")],
        )
        lender.deliver("outcomes/c.csv", [outcome("L", days[3], "3"), outcome("M", days[3], "3")])
        results = lender.ingest()
        assert [result.superseded for result in results.values()] == [0, 1, 2]
        assert self.superseded(lender) == [0, 1, 2]

    def test_a_correction_counts_what_would_stand_without_it(self, lender):
        lender.deliver("outcomes/a.csv", [outcome("L", "2026-02-01", "0")])
        lender.deliver("outcomes/b.csv", [outcome("L", "2026-03-01", "1")])
        lender.ingest()
        lender.deliver("outcomes/b.csv", [outcome("L", "2026-03-02", "2")])
        assert lender.ingest()["outcomes/b.csv"].superseded == 1
        assert versions(lender) == [
            ("L", 0, "2026-02-01", "2026-03-02"),
            ("L", 2, "2026-03-02", None),
        ]


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
    st.sampled_from(["good"] * 16 + list(KINDS)),
)
DELIVERIES = st.lists(
    st.tuples(st.sampled_from("abc"), st.lists(ONE_ROW, min_size=1, max_size=8)), min_size=1, max_size=5
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=DELIVERIES)
def test_whatever_is_delivered_nothing_is_lost_and_versions_stand_in_order(con, base, deliveries):
    with tempfile.TemporaryDirectory() as folder:
        lender = Lender(con, Path(folder), base=base)
        corrected, taken = False, []
        for name, rows in deliveries:
            path = f"outcomes/{name}.csv"
            lender.deliver(path, rows)
            result = lender.ingest()[path]
            assert result.delivered == (0 if result.status == "refused" else len(rows))
            taken += rows if result.delivered else []
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
            for row in taken
            if row["enterprise_id"] == "E0"
            and row["days_past_due"] != "many"
            and row["known_at"] > "2026-01-31"
        }
        loaded_keys = lender.ask(
            "select loan_id, known_at::date::varchar from wh.raw.outcomes where portfolio = $p"
        )
        assert set(loaded_keys) == sound


NUMBERED = st.builds(
    sale,
    number=st.sampled_from("123"),
    borrower=st.sampled_from(["E0", "E0", "E0", "E1"]),
    known_at=st.sampled_from([None, "2026-06-20 00:00:00", "2026-06-21 00:00:00", "2026-06-22 00:00:00"]),
    amount=st.sampled_from(["1.00", "2.00"]),
    day=st.integers(1, 2),
)
FILLED = st.lists(NUMBERED, min_size=1, max_size=5).map(  # enough good rows, so that few files are refused
    lambda rows: [*rows, *(sale(f"G{n}", "E2", "2026-06-20 00:00:00") for n in range(16))]
)
NUMBERED_FILES = st.one_of(FILLED, FILLED, st.lists(NUMBERED, min_size=1, max_size=5))


def known(row: Row) -> str:
    return row["known_at"] or row["occurred_at"]


def taken_rows(rows: list[Row], others: list[Row]) -> tuple[list[Row], int]:
    """Say in plain Python which rows of a file become versions beside the others, and how many are exact duplicates."""
    taken: list[Row] = []
    duplicates = 0
    for row in rows:
        same_key = [other for other in [*others, *taken] if other["transaction_id"] == row["transaction_id"]]
        content = {**row, "known_at": None}
        if any(
            {**other, "known_at": None} == content and (not row["known_at"] or known(other) == known(row))
            for other in same_key
        ):
            duplicates += 1
        elif all(
            other["enterprise_id"] == row["enterprise_id"] and row["known_at"] and known(other) != known(row)
            for other in same_key
        ):
            taken.append(row)
    return taken, duplicates


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(st.tuples(st.sampled_from("abc"), NUMBERED_FILES), min_size=1, max_size=6))
def test_what_stands_is_what_the_rules_say_row_by_row(con, base, deliveries):
    """Files arrive, are corrected, refused and delivered again; `raw` holds what the rules leave, versions in order."""
    live: dict[str, list[Row]] = {}
    loaded: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        lender = Lender(con, Path(folder), base=base)
        for number, (name, rows) in enumerate(deliveries):
            path = f"transactions/{name}.csv"
            file = lender.deliver(path, rows)
            result = lender.ingest(f"run {number}")[path]
            file.unlink()
            if loaded.get(name) == rows:
                assert result.status == "already_loaded"
                continue
            taken, duplicates = taken_rows(
                rows, [row for other in live if other != name for row in live[other]]
            )
            lost_known_at = not any(row["known_at"] for row in rows) and any(
                row["known_at"] for file_rows in loaded.values() for row in file_rows
            )
            if lost_known_at or (len(taken) + duplicates) * 5 < len(rows) * 4:
                assert result.status == "refused", result
                continue
            assert (result.loaded, result.exact_duplicates) == (len(taken), duplicates), result
            live[name], loaded[name] = taken, rows
            standing = sorted(
                (row["transaction_id"], known(row), row["enterprise_id"], row["amount"])
                for file_rows in live.values()
                for row in file_rows
            )
            in_raw = lender.ask(
                """select transaction_id, known_at::varchar, enterprise_id, amount::varchar, known_to::varchar
                   from wh.raw.transactions where portfolio = $p order by all"""
            )
            assert [row[:4] for row in in_raw] == standing
            for row, after in zip(in_raw, [*in_raw[1:], (None,)], strict=True):
                assert row[4] == (after[1] if after[0] == row[0] else None)
