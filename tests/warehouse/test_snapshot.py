"""Parts of a step read what the writer left, in any process, while nobody writes; of other code they read nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.processes import elsewhere
from warehouse import connection, snapshot
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.settings import settings
from warehouse.snapshot import Snapshot

READ = """
import json, sys
from pathlib import Path
from warehouse.errors import Refused
from warehouse.snapshot import Snapshot, at
try:
    with at(Snapshot(sys.argv[1], sys.argv[2])) as con:
        read = con.execute("select count(*) from wh.raw.enterprises").fetchone()[0]
        try:
            con.execute("delete from wh.raw.enterprises")
        except Exception as error:
            read = [read, str(error)]
except Refused as refusal:
    read = str(refusal)
print(json.dumps(read))
"""
WRITE = """
from warehouse.connection import writer
from warehouse.errors import Refused
try:
    with writer(purpose="another"):
        print("written")
except Refused as refusal:
    print(refusal)
"""


@pytest.fixture
def filled(opened_home, monkeypatch):
    """A warehouse with one enterprise, held by this process."""
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "0")
    with writer(purpose="test") as con:
        con.execute(
            "insert into wh.raw.enterprises (portfolio, enterprise_id, valid_from, known_at) "
            "values ('p', 'e1', date '2020-01-01', timestamp '2020-01-01')"
        )
        yield con


def test_on_threads_a_part_reads_beside_the_writer(filled):
    with snapshot.pinned() as now, snapshot.at(now) as con:
        assert con.execute("select count(*) from wh.raw.enterprises").fetchone() == (1,)
    with pytest.raises(duckdb.Error):
        con.execute("select 1")


def test_with_dask_other_processes_read_and_nobody_writes(filled):
    with snapshot.pinned(elsewhere=True) as now:
        read, refusal = json.loads(elsewhere(READ, now.place, now.code))
        assert read == 1
        assert "read-only" in refusal
        # the lease is kept: another night waits as it does at any other time
        assert "is held by 'test'" in elsewhere(WRITE)
    assert filled.execute("select count(*) from wh.raw.enterprises").fetchone() == (1,)
    filled.execute("delete from wh.raw.enterprises")
    with snapshot.pinned(elsewhere=True) as now:
        assert json.loads(elsewhere(READ, now.place, now.code))[0] == 0


def test_a_result_of_which_rows_are_left_does_not_hold_the_file_open(filled):
    filled.execute("select * from wh.raw.enterprises, range(100000)").fetchone()
    with writer(purpose="another thread") as other, snapshot.pinned(elsewhere=True) as now:
        other.execute("select 1")
        assert json.loads(elsewhere(READ, now.place, now.code))[0] == 1


def test_what_was_not_checkpointed_is_read_too(filled):
    log = settings().warehouse_file.with_name("warehouse.duckdb.wal")
    assert log.stat().st_size > 0
    with snapshot.pinned(elsewhere=True) as now:
        assert json.loads(elsewhere(READ, now.place, now.code))[0] == 1


def test_a_worker_with_other_code_reads_nothing_and_says_so(filled):
    with snapshot.pinned(elsewhere=True) as now:
        told = json.loads(elsewhere(READ, now.place, "0123456789abcdef"))
    assert told.startswith(
        "this worker runs other code than the run that it works for; start the workers again"
    )


@pytest.mark.parametrize("there", [True, False])
def test_a_worker_that_does_not_see_the_file_says_what_must_be_shared(home, there):
    file = settings().warehouse_file if there else Path("/nowhere/warehouse.duckdb")
    with pytest.raises(
        Refused, match=r"does not see /.*/warehouse.duckdb, only /.*/home; NIGHTLEDGER_HOME must be"
    ):
        snapshot.at(Snapshot(str(file), snapshot.code())).__enter__()


def test_a_program_that_opens_the_file_meanwhile_is_named(filled):
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()"
    closed = connection.file_closed()
    closed.__enter__()
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(settings().warehouse_file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(Refused, match=r"is open in .*\(PID|pid \d+\); waited 0 s"):
        closed.__exit__(None, None, None)
    holder.communicate(b"\n")


def test_the_fingerprint_of_the_code_changes_with_a_file(tmp_path, monkeypatch):
    for folder in ("models", "sql", "tasks", "warehouse"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(snapshot, "_ROOT", tmp_path)
    told = set()
    for text in ("select 1", "select 2"):
        (tmp_path / "sql" / "x.sql").write_text(text)
        told.add(snapshot.code.__wrapped__())
    (tmp_path / "sql" / "x.pyc").write_text("compiled")
    assert len(told | {snapshot.code.__wrapped__()}) == 2
