"""One writer at a time across real processes; what a killed one leaves; threads; readers."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from tests.processes import elsewhere
from warehouse import ledger
from warehouse.connection import in_file_order, reader, transaction, writer
from warehouse.errors import Refused
from warehouse.publishing import publish
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


def test_processes_may_race_for_an_empty_home(home):
    program = (
        "from warehouse.connection import writer\nwith writer(purpose='race') as con:\n"
        "    print(con.execute('select count(*), max(applied_at) from wh.ops.migrations').fetchall())"
    )
    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(elsewhere, [program, program]))) == 1


@pytest.fixture
def foreign_program(home: Path):
    """Another program that has opened the warehouse file and closes it when it is sent a line."""
    enter("make")
    script = (
        f"import duckdb, sys; c = duckdb.connect({str(settings().warehouse_file)!r}); print(1, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script + "; sys.stdin.readline()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdout.readline()
    yield process
    process.communicate()


def test_a_foreign_program_that_has_the_file_open_is_named_as_the_cause(foreign_program, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "0.5")
    expected = f"is open in .*python.* \\(pid {foreign_program.pid}\\); waited 0.5 s; close the program"
    with pytest.raises(Refused, match=expected):
        enter("night")
    foreign_program.communicate("\n")
    enter("night")


def test_a_foreign_program_is_waited_for(foreign_program):
    threading.Timer(0.5, lambda: (foreign_program.stdin.write("\n"), foreign_program.stdin.flush())).start()
    enter("night")


def damage(file: Path, *, how: str) -> None:
    """Cut a file short, overwrite it, flip bytes of its head, or leave the head alone."""
    content = file.read_bytes()
    flipped = content[:4096] + bytes(255 - byte for byte in content[4096:12288]) + content[12288:]
    behind_the_head = content[:12288] + bytes(255 - byte for byte in content[12288:])
    file.write_bytes(
        {"cut": content[:20000], "emptied": b"", "overwritten": b"text" * 9999, "flipped": flipped,
         "behind the head": behind_the_head}[how]
    )  # fmt: skip


@pytest.mark.parametrize("how", ["cut", "emptied", "overwritten", "flipped", "behind the head"])
def test_a_damaged_warehouse_is_called_damaged(home, how):
    enter("make")
    damage(settings().warehouse_file, how=how)
    with pytest.raises(Refused, match=r"the file is damaged: .*python -m flows restore") as refused:
        enter("night")
    assert "close" not in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_a_warehouse_of_a_newer_duckdb_is_called_so(home):
    enter("make")
    file = settings().warehouse_file
    content = file.read_bytes()
    file.write_bytes(content[:12] + (999).to_bytes(8, "little") + content[20:])
    with pytest.raises(Refused, match="computed checksum") as refused:
        enter("night")
    checksum = int(re.search(r"computed checksum (\d+)", str(refused.value))[1])
    file.write_bytes(checksum.to_bytes(8, "little") + file.read_bytes()[8:])
    with pytest.raises(
        Refused, match=r"version number 999.*install the version of Nightledger that wrote it"
    ):
        enter("night")


def test_a_folder_in_the_place_of_the_warehouse_is_not_called_damaged(home):
    settings().warehouse_file.mkdir(parents=True)
    with pytest.raises(Refused, match="Is a directory; move that folder away"):
        enter("night")


def test_a_home_that_cannot_be_made_is_refused(home):
    home.touch()
    with pytest.raises(
        Refused, match=f"^NIGHTLEDGER_HOME: cannot write to the folder {home} .*file in its place"
    ):
        enter("night")


@pytest.mark.parametrize("beside", ["published/portfolio.duckdb", "warehouse.duckdb.wal"])
def test_a_warehouse_is_not_made_where_there_was_one(home, beside):
    (home / beside).parent.mkdir(parents=True)
    (home / beside).touch()
    with pytest.raises(
        Refused, match=f"is gone, but .*{beside} is there .* move {beside.split('/')[0]} away"
    ):
        enter("night")
    assert not settings().warehouse_file.exists()
    (home / beside).unlink()
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


SPILL = """
import sys
from warehouse.connection import {kind}
with {kind}({purpose}) as con:
    con.execute("create temp table big as select md5(range::varchar) as word from range(1500000)")
    print("spilled", flush=True)
    sys.stdin.readline()
    con.execute("create temp table more as select md5(word) as word from big")
    print(con.execute("select count(*), count(distinct word[:4]) from more").fetchone(), flush=True)
"""


@pytest.fixture
def spilling(home: Path, monkeypatch):
    """Starts another process that has spilled, `writer` or `reader`, and goes on when it is sent a line."""
    monkeypatch.setenv("NIGHTLEDGER_MEMORY_LIMIT", "40MB")
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "1")
    processes = []

    def start(kind: str) -> subprocess.Popen[str]:
        script = SPILL.format(kind=kind, purpose="purpose='spill'" if kind == "writer" else "")
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert "spilled\n" in iter(process.stdout.readline, "")  # DuckDB draws its progress after two seconds
        return process

    with writer(purpose="publish") as con:
        publish.publish(con, "run")
    yield start
    for process in processes:
        process.kill()
        process.communicate()


def spilled() -> list[Path]:
    """Return the files of the spill folder, at any depth."""
    return [path for path in settings().spill_dir.rglob("*") if path.is_file()]


def test_the_next_writer_removes_what_killed_processes_spilled(spilling):
    for kind in ("writer", "reader"):
        process = spilling(kind)
        process.kill()
        process.wait()
        assert spilled()
        enter("next night")
        assert not list(settings().spill_dir.iterdir())


def test_a_reader_keeps_its_spill_while_writers_come_and_go(spilling):
    process = spilling("reader")
    killed = spilling("writer")
    killed.kill()
    killed.wait()
    enter("next night")
    answer, _ = process.communicate("\n")
    assert answer.endswith("(1500000, 65536)\n")
    assert not list(settings().spill_dir.iterdir())


def test_what_dead_processes_left_is_removed_and_nothing_else(home):
    enter("make")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        dead = ended.pid
    kept = [
        "spill/of_the_operator.txt", f"spill/intake-{os.getpid()}-x", "published/of_the_operator.txt",
        f"spill/duckdb-{socket.gethostname()}-elsewhere-{dead}-1-abc123/duckdb_temp_block.tmp",
    ]  # fmt: skip
    left = [
        "spill/duckdb_temp_storage_DEFAULT-0.tmp", f"spill/intake-{dead}-x", ".warehouse-abc123.duckdb",
        f"spill/duckdb-{socket.gethostname()}-{dead}-1-abc123/duckdb_temp_block.tmp",
        f"spill/duckdb-{socket.gethostname()}-{os.getpid()}-1-abc123/of_an_earlier_process.tmp",
        "published/.portfolio-r1-abc123.duckdb", "published/.scores-r1-abc123/portfolio=p/scores.parquet",
        "published/.link-abc123", "runs/r1/scores-000.parquet", "models/p/wide_deep-1.partial", "reports/p/night.new",
    ]  # fmt: skip
    for name in kept + left:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    subprocess.run(
        [sys.executable, "-c", "from warehouse.connection import writer\nwith writer(purpose='next'): pass"],
        check=True,
    )
    assert [name for name in kept if not (home / name).exists()] == []
    assert [name for name in left if (home / name).exists()] == []


def mode(path: Path) -> int:
    """Return the permissions of a file or folder."""
    return path.stat().st_mode & 0o777


def test_an_open_home_becomes_private_with_all_that_is_in_it(home, tmp_path):
    with writer(purpose="publish") as con:
        publish.publish(con, "run")
    outside = Path(shutil.copy(settings().published_file, tmp_path / "portfolio.duckdb"))
    (home / "link").symlink_to(outside)
    paths = [home, outside, *(path for path in home.rglob("*") if not path.is_symlink())]
    for path in paths:
        path.chmod(0o755 if path.is_dir() else 0o644)
    enter("next night")
    assert {mode(path) for path in paths if path.is_dir()} == {0o700}
    assert {mode(path) for path in paths if path.is_file() and path != outside and path.exists()} == {0o600}
    assert mode(outside) == 0o644


def test_a_home_that_all_users_share_is_refused(home):
    home.mkdir()
    home.chmod(0o1777)
    with pytest.raises(Refused, match="a folder that all users share"):
        enter("night")


def test_a_home_of_another_user_is_warned_of(home, monkeypatch, caplog):
    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted", str(self))

    home.mkdir()
    home.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", refuse)
    enter("night")
    assert f"other users may be able to read {home}: Operation not permitted" in caplog.text


BAR = """
from warehouse.connection import connect
from warehouse.settings import settings
print(connect(settings()).execute("select current_setting('enable_progress_bar')").fetchone())
"""


def test_a_long_query_draws_no_bar_into_what_is_printed(home):
    """DuckDB does after two seconds where it takes the program for a person's session: python -c, python -m flows."""
    told = subprocess.run([sys.executable, "-c", BAR], capture_output=True, text=True, check=True)
    assert told.stdout == "(False,)\n"
