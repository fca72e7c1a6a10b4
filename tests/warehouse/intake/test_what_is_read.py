"""Of a long record intake reads the hashes of the keys and the rows that it needs, whatever the record's length."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from feed_rows import Lender, Row

from warehouse.intake import versions
from warehouse.intake.feeds import FEEDS
from warehouse.intake.ingest import IngestResult, ingest_file
from warehouse.intake.landing import list_landing

SALES = FEEDS["transactions"]


class Fetched:
    """The rows of a statement that has run to its end, so that its profile is whole."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.rows


class Profiled:
    """A cursor that adds up, by column, the values that DuckDB's profiles say were read of raw.transactions."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con, self.values = con, Counter[str]()

    def execute(self, *arguments: Any) -> Fetched:
        rows = self.con.execute(*arguments).fetchall()
        profile = self.con.get_profiling_information(format="json")
        self._add(json.loads(profile))
        return Fetched(rows)

    def executemany(self, *arguments: Any) -> None:
        self.con.executemany(*arguments)

    def _add(self, step: dict[str, Any]) -> None:
        extra = step.get("extra_info", {})
        if extra.get("Table") == "wh.raw.transactions":
            columns = extra.get("Projections", [])
            for column in [columns] if isinstance(columns, str) else columns:
                self.values[column] += step["operator_cardinality"]
        for child in step.get("children", []):
            self._add(child)


@pytest.fixture
def profiled(con: duckdb.DuckDBPyConnection) -> Iterator[Profiled]:
    con.execute("pragma enable_profiling = 'no_output'")
    yield Profiled(con)
    con.execute("pragma disable_profiling")


def lengthen(lender: Lender, rows: int) -> None:
    """Give the lender a record of so many transactions, in the order of time, as if files had brought it."""
    lender.con.execute(
        f"""insert into wh.raw.transactions by name
            with record as (
                select 'R' || n as transaction_id, 'E0' as enterprise_id,
                    timestamp '2023-01-01' + to_minutes(n) as occurred_at, occurred_at as known_at, 1.25 as amount,
                    'C' as counterparty_id, 'sale' as kind, false as voided, $p as portfolio,
                    'before' as file_hash, n as file_row, 'before' as run_id, occurred_at as loaded_at
                from range($rows) as numbers(n)
            )
            select *, {versions.key_hash(SALES)} as key_hash from record""",
        {"p": lender.portfolio, "rows": rows},
    )


def sale(number: str, **more: str) -> Row:
    return {
        "transaction_id": number,
        "enterprise_id": "E0",
        "occurred_at": "2026-06-30 10:00:00",
        "known_at": "2026-06-30 12:00:00",
        "amount": "1.25",
        "counterparty_id": "C",
        "kind": "sale",
        "due_at": None,
        "paid_at": None,
        "voided": "false",
        **more,
    }


def deliver_a_day(lender: Lender, con: Any) -> IngestResult:
    """Deliver 500 new rows, an old one once more, and restatements of eighty others of that time."""
    old = sale("R7", occurred_at="2023-01-01 00:07:00", known_at="2023-01-01 00:07:00")
    restated = [
        sale(f"R{n}", occurred_at=f"2023-01-01 00:{n % 60:02}:00", amount="2.50") for n in range(11, 91)
    ]
    lender.deliver("transactions/day.csv", [old, *restated, *(sale(f"N{n}") for n in range(500))])
    (file,) = list_landing(lender.landing)
    return ingest_file(con, file, portfolio=lender.portfolio, run_id="run")


def stands_in_order(lender: Lender, result: IngestResult) -> None:
    assert (result.loaded, result.exact_duplicates, result.superseded, result.quarantined) == (580, 1, 80, 0)
    assert lender.ask(
        """select amount::varchar, known_to::varchar from wh.raw.transactions
           where portfolio = $p and transaction_id = 'R11' order by known_at"""
    ) == [("1.25", "2026-06-30 12:00:00"), ("2.50", None)]


def test_a_long_record_is_read_by_its_hashes_alone(con, tmp_path, profiled):
    read = {}
    for rows in (10_000, 500_000):
        lender = Lender(con, tmp_path / str(rows))
        lengthen(lender, rows)
        profiled.values.clear()
        stands_in_order(lender, deliver_a_day(lender, profiled))
        read[rows] = dict(profiled.values)
    (short, long) = read.values()
    assert "key_hash" in short
    assert long.keys() == short.keys()
    # the rest is read vector by vector, 2,048 rows each
    assert all(long[name] <= short[name] + 2 * 2048 for name in long if name != "key_hash")


@pytest.mark.parametrize("outdated", ["null", "xor(key_hash, 1)"], ids=["by none", "by another DuckDB"])
def test_a_record_without_sound_hashes_gets_them_and_no_row_is_taken_twice(lender, outdated):
    lengthen(lender, 100)
    lender.con.execute(f"update wh.raw.transactions set key_hash = {outdated}")
    stands_in_order(lender, deliver_a_day(lender, lender.con))
    assert lender.ask(
        f"select count(*), count(*) filter (key_hash = {versions.key_hash(SALES)}) from wh.raw.transactions "
        "where portfolio = $p"
    ) == [(680, 680)]
