"""One writer at a time across real processes; what a killed one leaves; threads; readers."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from warehouse import ledger
from warehouse.connection import in_file_order, reader, transaction, writer
from warehouse.errors import Refused
from warehouse.settings import settings

HOLD = """
import sys
from warehouse import ledger
from warehouse.connection import writer, transaction
with writer(purpose="nightly 2026-06-30") as con:
    con.execute("create or replace table wh.marts.kept as select 1 as n")
    ledger.start_run(con, flow="nightly", portfolio="p", as_of_date=None)
    con.execute("begin transaction")
    con.execute("update wh.marts.kept set n = 2")
    con.execute("insert into wh.marts.kept select 3 from range(300000)")
    print("held", flush=True)
    sys.stdin.readline()
    con.execute("rollback")
"""


def enter(purpose: str) -> None:
    """Take the lease and give it back."""
    with writer(purpose=purpose):
        pass


@pytest.fixture
def holder(home: Path):
    """Another process that holds the lease, in the middle of a transaction."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_waits_and_is_told_who_holds_the_lease(holder, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "0.2")
    with pytest.raises(Refused, match=f"'nightly 2026-06-30' \\(pid {holder.pid} on .*waited 0.2 s"):
        enter("second")
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "30")
    threading.Timer(0.5, lambda: (holder.stdin.write("\n"), holder.stdin.flush())).start()
    with writer(purpose="second") as con:
        assert con.execute("select n from wh.marts.kept").fetchall() == [(1,)]


def test_nothing_is_half_written_when_a_writer_is_killed(holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with writer(purpose="next night") as con:
        assert con.execute("select n from wh.marts.kept").fetchall() == [(1,)]
        assert con.execute("select status, message from wh.ops.run_ledger").fetchall() == [
            ("aborted", "its process ended without a word; safe to run again")
        ]


def test_a_run_of_this_process_is_not_taken_for_dead(home):
    with writer(purpose="start") as con:
        run_id = ledger.start_run(con, flow="nightly", portfolio=None, as_of_date=None)
    with writer(purpose="go on") as con:
        assert con.execute("select run_id, status from wh.ops.run_ledger").fetchall() == [(run_id, "running")]
        ledger.finish_run(con, run_id, status="failed", message="why", counts={"rows": 3})
        assert con.execute("select status, message, counts ->> 'rows' from wh.ops.run_ledger").fetchall() == [
            ("failed", "why", "3")
        ]
        ledger.finish_run(con, run_id, status="done", message="", counts={"more": 1})
        assert con.execute("select status, message, counts from wh.ops.run_ledger").fetchall() == [
            ("done", "why", '{"rows":3,"more":1}')
        ]
        with pytest.raises(Refused, match=r"not in ops.run_ledger"):
            ledger.finish_run(con, "nobody", status="done")


def test_threads_share_the_lease_and_the_last_one_closes_it(home):
    def add(number: int) -> None:
        with writer(purpose="thread") as con:
            con.execute("insert into wh.marts.numbers values (?)", [number])

    with writer(purpose="night") as con:
        con.execute("create table wh.marts.numbers (n integer)")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(40)))
        assert con.execute("select count(*), sum(n) from wh.marts.numbers").fetchone() == (40, 780)
    assert not settings().lock_file.with_suffix(".holder.json").exists()
    assert not settings().warehouse_file.with_suffix(".duckdb.wal").exists()
    with pytest.raises(duckdb.Error):
        con.execute("select 1")


def test_threads_may_race_for_the_first_entry(home):
    gate = threading.Barrier(6)

    def enter(_: int) -> int:
        gate.wait()
        with writer(purpose="race") as con:
            return con.execute("select count(*) from wh.ops.migrations").fetchone()[0]

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(enter, range(6)))) == 1


def test_a_foreign_program_that_has_the_file_open_is_named_as_the_cause(home):
    enter("make")
    script = (
        f"import duckdb, sys; c = duckdb.connect({str(settings().warehouse_file)!r}); print(1, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script + "; sys.stdin.readline()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        with pytest.raises(Refused, match="close the program that has it open"):
            enter("night")
    finally:
        process.communicate("\n")
    enter("night")


def test_a_transaction_is_all_or_nothing_and_joins_an_open_one(con):
    con.execute("create table wh.marts.n (n integer)")

    def fail_at_the_end() -> None:
        with transaction(con):
            con.execute("insert into wh.marts.n values (1)")
            with transaction(con):
                con.execute("insert into wh.marts.n values (2)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_the_end()
    assert con.execute("select count(*) from wh.marts.n").fetchone() == (0,)
    with transaction(con), transaction(con):
        con.execute("insert into wh.marts.n values (3)")
    assert con.execute("from wh.marts.n").fetchall() == [(3,)]


def test_a_transaction_left_open_is_rolled_back_at_exit(home):
    with writer(purpose="outer") as outer:
        outer.execute("create table wh.marts.n (n integer)")
        with writer(purpose="inner") as inner:
            inner.execute("begin transaction")
            inner.execute("insert into wh.marts.n values (1)")
        assert outer.execute("select count(*) from wh.marts.n").fetchone() == (0,)


def test_file_order_is_kept_only_inside_the_block(con):
    setting = "select current_setting('preserve_insertion_order')"
    with in_file_order(con), in_file_order(con):
        assert con.execute(setting).fetchone() == (True,)
    assert con.execute(setting).fetchone() == (False,)


def test_joins_of_one_view_that_are_read_for_other_columns_are_not_taken_for_the_same(con):
    key = "portfolio, as_of_date, enterprise_id"
    for part in ("base", "a", "b", "c"):
        con.execute(
            f"create table wh.features.{part} as select 'p' as portfolio, date '2026-06-30' as as_of_date, "
            f"n as enterprise_id, n * {ord(part[0])} as {part}_size from range(100) as r(n)"
        )
    joined = " ".join(f"inner join wh.features.{part} using ({key})" for part in "abc")
    con.execute(f"create view wh.features.wide as select * from wh.features.base {joined}")
    here = "where portfolio = 'p' and as_of_date = date '2026-06-30'"
    differs = " union all ".join(
        f"(select enterprise_id, {part}_size from wh.features.wide {here} "
        f"except select enterprise_id, {part}_size from wh.features.{part} {here})"
        for part in "ab"
    )
    assert con.execute(differs).fetchall() == []
    con.execute("set disabled_optimizers = ''")
    assert con.execute(differs).fetchall(), (
        "this DuckDB reads it right: let it share joins again (duckdb#25819)"
    )


def test_a_reader_is_told_when_nothing_is_published(home):
    with pytest.raises(Refused, match="nothing is published yet"), reader():
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THREADS", "0"),
        ("MEMORY_LIMIT", "much"),
        ("LOCK_WAIT_SECONDS", "-1"),
        ("TIMEZONE", "Mars/Olympus"),
        ("REQUIRED_FEEDS", "enterprises,payments"),
    ],
)
def test_a_setting_out_of_bounds_is_refused_by_name(name, value, monkeypatch):
    monkeypatch.setenv(f"NIGHTLEDGER_{name}", value)
    with pytest.raises(Refused, match=f"^NIGHTLEDGER_{name}: .*{value}"):
        settings()


@pytest.mark.parametrize(
    ("value", "feeds"),
    [
        (None, ("enterprises",)),
        ("", ()),
        ("transactions", ("transactions",)),
        (" enterprises, outcomes ,", ("enterprises", "outcomes")),
    ],
)
def test_required_feeds_have_commas_between_them(value, feeds, monkeypatch):
    if value is not None:
        monkeypatch.setenv("NIGHTLEDGER_REQUIRED_FEEDS", value)
    assert settings().required_feeds == feeds
