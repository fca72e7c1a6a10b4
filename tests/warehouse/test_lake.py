"""A warehouse that is a lake: one lease that its database keeps, versions that others read, one that is published."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import duckdb
import pytest

from tests.postgres import Postgres
from tests.processes import ROOT, elsewhere
from warehouse import lake, ledger, snapshot, soundness
from warehouse.backups import backup, restore
from warehouse.connection import holder, reader, transaction, writer
from warehouse.errors import Refused
from warehouse.publishing import publish_version
from warehouse.publishing.publish import publish_moved, publish_runs
from warehouse.publishing.published import ask
from warehouse.publishing.version import TABLE
from warehouse.settings import settings

MADE = "lake_made"
WRITE = """
from warehouse.connection import writer
from warehouse.errors import Refused
try:
    with writer(purpose="another night"):
        print("has it")
except Refused as refusal:
    print(refusal)
"""
READ = """
import json, sys
from warehouse.snapshot import Snapshot, at
with at(Snapshot(sys.argv[1], sys.argv[2], int(sys.argv[3]))) as con:
    read = con.execute("select count(*) from wh.ops.run_ledger").fetchone()[0]
    try:
        con.execute("delete from wh.ops.run_ledger")
    except Exception as error:
        read = [read, str(error).splitlines()[0]]
print(json.dumps(read))
"""
# a worker of two steps; after the first part the database ends every session but that of the lease
PARTS = """
import sys
import duckdb
from warehouse import lake
from warehouse.settings import settings
from warehouse.snapshot import Snapshot, at

def runs(version):
    with at(Snapshot(sys.argv[1], sys.argv[2], int(version))) as con:
        return con.execute("select count(*) from wh.ops.run_ledger").fetchone()[0]

def end_sessions():
    with duckdb.connect() as con:
        lake.load(con, lake.POSTGRES)
        place = str(settings().catalogue).removeprefix("ducklake:postgres:")
        con.execute(f"attach '{place}' as db (type postgres)")
        con.execute(
            "from postgres_query('db', 'select pg_terminate_backend(pid) as ended from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid() "
            "and pid not in (select pid from pg_locks where locktype = ''advisory'')')"
        ).fetchall()

first, later = sys.argv[3:]
told = [runs(first)]
end_sessions()
print([*told, runs(first), runs(later), runs(first)])
"""
_numbers = count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"), [MADE])
    yield server
    server.stop()


@pytest.fixture(scope="session")
def empty_lake(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """Gives a home an empty lake with a database of its own, and returns its catalogue.

    It is a copy of one that was opened once, since making one takes seconds.
    """
    made = tmp_path_factory.mktemp("empty-lake")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTLEDGER_HOME", str(made))
        patch.setenv("NIGHTLEDGER_CATALOGUE", postgres.catalogue(MADE))
        with writer(purpose="test"):
            pass

    def copy(home: Path) -> str:
        database = f"lake_{next(_numbers)}"
        shutil.copytree(made / "lake", home / "lake")
        with duckdb.connect() as con:
            lake.load(con, lake.POSTGRES)
            con.execute(f"attach '{place_of(postgres.catalogue('postgres'))}' as server (type postgres)")
            create = f"create database {database} template {MADE}"
            con.execute(f"call postgres_execute('server', '{create}', use_transaction := false)")
            con.execute(f"attach '{place_of(postgres.catalogue(database))}' as db (type postgres)")
            con.execute(
                "update db.ducklake_metadata set value = ? where key = 'data_path'", [f"{home / 'lake'}/"]
            )
        return postgres.catalogue(database)

    return copy


@pytest.fixture
def at_home(home: Path, empty_lake: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose warehouse is a lake with a database of its own."""
    monkeypatch.setenv("NIGHTLEDGER_CATALOGUE", empty_lake(home))
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "0.2")
    return home


@pytest.fixture(scope="module")
def published_lake(
    empty_lake: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The settings of a home whose lake has a published version."""
    home = tmp_path_factory.mktemp("published-lake")
    settings_of_it = {"NIGHTLEDGER_HOME": str(home), "NIGHTLEDGER_CATALOGUE": empty_lake(home)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings_of_it.items():
            patch.setenv(name, value)
        with writer(purpose="night") as con:
            publish_version.publish(con, run_of(con))
    return settings_of_it


@pytest.fixture
def published_home(published_lake: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The home of a lake with a published version, which tests only read."""
    for name, value in published_lake.items():
        monkeypatch.setenv(name, value)


def place_of(catalogue: str | None) -> str:
    """Return the database of a catalogue as PostgreSQL knows it."""
    return str(catalogue).removeprefix("ducklake:postgres:")


def run_of(con: duckdb.DuckDBPyConnection, flow: str = "nightly") -> str:
    return ledger.start_run(con, flow=flow, portfolio="lender", as_of_date=None)


def scored(con: duckdb.DuckDBPyConnection, run_id: str, enterprise: str) -> None:
    con.execute(
        "insert into wh.scores.portfolio_scores (portfolio, as_of_date, enterprise_id, model_role, run_id, pd) "
        "values ('lender', date '2026-06-30', ?, 'champion', ?, 0.25)",
        [enterprise, run_id],
    )


def test_one_process_writes_and_the_others_are_told_who(at_home):
    with writer(purpose="the night"):
        assert elsewhere(WRITE).startswith("the warehouse ducklake:postgres:host=127.0.0.1")
        assert "is held by 'the night' (pid " in elsewhere(WRITE)
    assert elsewhere(WRITE) == "has it\n"
    assert holder() is None


def test_an_opening_by_the_same_program_makes_no_version(at_home):
    versions = []
    for _ in range(2):
        with writer(purpose="a command") as con:
            versions.append(lake.version(con))
    assert versions[0] == versions[1]


def test_a_lease_ends_with_the_process_that_holds_it(at_home):
    die = "import os\nfrom warehouse.connection import writer\nwith writer(purpose='x'):\n    os._exit(9)"
    assert subprocess.run([sys.executable, "-c", die], cwd=ROOT, check=False).returncode == 9
    assert elsewhere(WRITE) == "has it\n"


def test_a_transaction_whose_lease_was_lost_is_not_committed(at_home):
    with writer(purpose="the night") as con:
        run_id = run_of(con)
        with pytest.raises(Refused, match="the lease of the warehouse is lost"), transaction(con):
            lose_the_lease_after(scored(con, run_id, "E1"))
        with pytest.raises(Refused, match="the lease of the warehouse is lost"):
            writer(purpose="a task of it").__enter__()
        assert elsewhere(WRITE) == "has it\n"
    with writer(purpose="the next night") as con:
        assert con.execute("select count(*) from wh.scores.portfolio_scores").fetchone() == (0,)


def lose_the_lease_after(_work: None) -> None:
    """End the session that holds the lease, as a database that is started again does."""
    with duckdb.connect() as con:
        lake.load(con, lake.POSTGRES)
        con.execute(f"attach '{place_of(settings().catalogue)}' as db (type postgres)")
        con.execute(
            "from postgres_query('db', 'select pg_terminate_backend(l.pid) as ended from pg_locks as l "
            "join pg_database as d on l.database = d.oid where l.locktype = ''advisory'' "
            "and d.datname = current_database()')"
        ).fetchall()


def test_a_version_is_read_elsewhere_while_the_next_is_written(at_home):
    with writer(purpose="the night") as con:
        run_of(con)
        with snapshot.pinned(elsewhere=True) as now:
            run_of(con)
            read, refusal = json.loads(elsewhere(READ, now.place, now.code, str(now.version)))
        assert read == 1
        assert "read-only" in refusal
        assert con.execute("select count(*) from wh.ops.run_ledger").fetchone() == (2,)


def test_a_worker_reads_the_version_of_each_step_also_when_the_database_ended_its_sessions(at_home):
    with writer(purpose="the night") as con:
        run_of(con)
        with snapshot.pinned(elsewhere=True) as first:
            pass
        run_of(con)
        with snapshot.pinned(elsewhere=True) as later:
            read = json.loads(
                elsewhere(PARTS, first.place, first.code, str(first.version), str(later.version))
            )
    assert read == [1, 1, 2, 1]


def test_readers_see_what_was_published_and_how_runs_ended(at_home):
    with pytest.raises(Refused, match="nothing is published yet in ducklake:postgres:"), reader():
        pass
    with writer(purpose="nights") as con:
        first = run_of(con)
        publish_runs(con, first)
        assert ask("select count(*) from scores.portfolio_scores").item() == 0
        assert ask("select run_id from ops.run_ledger").item() == first
        scored(con, first, "E1")
        ledger.finish_run(con, first, status="done")
        version = publish_version.publish(con, first)
        second = run_of(con)
        scored(con, second, "E2")
        assert ask("select enterprise_id from wh.scores.portfolio_scores").item() == "E1"
        ledger.finish_run(con, second, status="failed")
        publish_runs(con, second)
    assert ask("select enterprise_id from scores.portfolio_scores").item() == "E1"
    assert ask("select status from ops.run_ledger order by run_id").to_series().to_list() == [
        "done",
        "failed",
    ]
    assert ask("select marts.grade_of(pd) from scores.portfolio_scores").height == 1
    assert ask("select * from every_night.contributions").height == 0
    states = {part.name: (part.state, part.summary) for part in soundness.parts()}
    assert states["warehouse"][0] == "sound"
    assert states["published"] == ("sound", f"version {version} of the lake; 1 night not published yet")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("from raw.enterprises", "does not exist"),
        ("select raw_text from ops.quarantine", "not found"),
        ("select reason from ops.overrides", "not found"),
        ("from scores.incoming_scores", "does not exist"),
        ("from postgres_query('told', 'select 1')", "postgres_query may not be used"),
        ("from postgres_scan('dbname=lender', 'public', 'ducklake_table')", "may not be used"),
        ("from ducklake_snapshots('scored')", "ducklake_snapshots may not be used"),
    ],
)
def test_readers_see_nothing_else_of_the_lake(published_home, query, why):
    with pytest.raises(Refused, match=why):
        ask(query)


def test_another_program_that_writes_is_named_by_the_publish_that_meets_it(at_home, monkeypatch):
    with writer(purpose="night") as con, duckdb.connect() as other:
        run_id = run_of(con)
        lake.attach(other, settings())
        tell = publish_version._tell

        def tell_beside_another(*given: object) -> None:
            tell(*given)
            other.execute("create schema wh.theirs")

        monkeypatch.setattr(publish_version, "_tell", tell_beside_another)
        with pytest.raises(Refused, match=r"the lake is at version \d+, not \d+: another program writes it"):
            publish_version.publish(con, run_id)


def test_versions_that_nobody_reads_are_let_go_and_the_published_ones_never(at_home):
    with writer(purpose="nights") as con:
        for number in range(4):
            run_id = run_of(con)
            scored(con, run_id, f"E{number}")
            publish_version.publish(con, run_id)
        run_of(con)
        assert publish_version.let_go(con) > 10
        versions = {
            row[0] for row in con.execute("select snapshot_id from ducklake_snapshots('wh')").fetchall()
        }
        told = con.execute(f"select version from wh.{TABLE} order by version desc").fetchall()
        assert {told[0][0], told[1][0]} < versions
        assert told[2][0] not in versions
        assert len(versions) <= 4
    assert ask("select count(*) from scores.portfolio_scores").item() == 4


def test_what_is_removed_for_good_is_in_no_file_that_is_left(at_home):
    with writer(purpose="night") as con:
        for number in range(20):
            scored(con, run_of(con), f"E{number}")
        run_id = run_of(con)
        publish_version.publish(con, run_id)
        con.execute("delete from wh.scores.portfolio_scores where enterprise_id = 'E7'")
        assert "E7" in kept_in_files()
        orphan = settings().lake_folder / "scores" / "portfolio_scores" / "left-by-a-killed-run.parquet"
        orphan.parent.mkdir(parents=True, exist_ok=True)
        con.execute(f"copy (select 'E7' as enterprise_id) to '{orphan}'")
        publish_version.leave_nothing_behind(con, run_id)
    assert "E7" not in kept_in_files()
    assert ask("select count(*) from scores.portfolio_scores").item() == 19


def test_what_killed_runs_left_in_the_folder_goes_a_day_later(at_home):
    with writer(purpose="retain") as con:
        run_id = run_of(con)
        fresh, old = (settings().lake_folder / name for name in ("fresh.parquet", "old.parquet"))
        for file in (fresh, old):
            con.execute(f"copy (select 1 as x) to '{file}'")
        os.utime(old, (0, 0))
        publish_moved(con, run_id)
    assert (fresh.exists(), old.exists()) == (True, False)


def test_no_row_is_kept_in_the_database_nor_left_there_by_an_earlier_version(at_home):
    with writer(purpose="a night") as con:
        run_id = run_of(con)
    with duckdb.connect() as con:
        lake.load(con, lake.POSTGRES, lake.DUCKLAKE)
        con.execute(f"attach '{settings().catalogue}' as wh (data_inlining_row_limit 10)")
        scored(con, run_id, "earlier")
    assert kept_in_database() == {"earlier"}
    with writer(purpose="a night of this version") as con:
        scored(con, run_id, "now")
        assert con.execute("select count(*) from wh.scores.portfolio_scores").fetchone() == (2,)
    assert kept_in_database() == set()


def kept_in_files() -> set[str]:
    """Return the enterprises of all score files and of all rows that the database itself keeps."""
    kept = set()
    with duckdb.connect() as con:
        for file in settings().lake_folder.rglob("portfolio_scores/**/*.parquet"):
            names = [row[0] for row in con.execute(f"describe from '{file}'").fetchall()]
            if "enterprise_id" in names:
                kept |= {row[0] for row in con.execute(f"select enterprise_id from '{file}'").fetchall()}
    return kept | kept_in_database()


def kept_in_database() -> set[str]:
    """Return the enterprises of all rows that the database itself keeps."""
    kept = set()
    with duckdb.connect() as con:
        lake.load(con, lake.POSTGRES)
        con.execute(f"attach '{place_of(settings().catalogue)}' as db (type postgres)")
        tables = con.execute(
            "select distinct table_name from duckdb_columns() where database_name = 'db' "
            "and column_name = 'enterprise_id' and table_name like 'ducklake_inlined_data%'"
        ).fetchall()
        for (table,) in tables:
            kept |= {
                row[0].decode() for row in con.execute(f'select enterprise_id from db."{table}"').fetchall()
            }
    return kept


def test_what_a_lake_is_not_fit_for_is_refused(at_home):
    with pytest.raises(Refused, match="a backup of the home does not hold a lake"), backup.warehouse_source():
        pass
    with pytest.raises(Refused, match="a restore does not hold a lake"):
        restore.restore(Path("nowhere"), parameters={})
    settings().warehouse_file.touch()
    with pytest.raises(Refused, match="a home has one of both"), writer(purpose="x"):
        pass
    settings().warehouse_file.unlink()


@pytest.mark.parametrize(
    "place",
    [
        "ducklake:postgres:host=127.0.0.1 password=guess dbname=x",
        "ducklake:postgres:postgresql://lender:guess@127.0.0.1/x",
        "postgres:host=127.0.0.1 password=guess dbname=x",
    ],
)
def test_no_message_shows_a_password(home, monkeypatch, place):
    monkeypatch.setenv("NIGHTLEDGER_CATALOGUE", place)
    with pytest.raises(Refused, match="NIGHTLEDGER_CATALOGUE: ") as refused:
        settings()
    assert "guess" not in str(refused.value)
    assert ("holds a password" in str(refused.value)) == place.startswith("ducklake:")


def test_a_worker_with_other_code_reads_no_version_of_a_lake(at_home):
    with writer(purpose="night"), snapshot.pinned(elsewhere=True) as now:
        pass
    with pytest.raises(Refused, match="this worker runs other code than the run that it works for"):
        snapshot.at(now._replace(code="0123456789abcdef")).__enter__()


def test_a_database_that_does_not_answer_is_one_line(at_home, monkeypatch):
    monkeypatch.setenv(
        "NIGHTLEDGER_CATALOGUE", "ducklake:postgres:host=127.0.0.1 port=1 user=lender dbname=x"
    )
    started = datetime.now()
    with (
        pytest.raises(Refused, match=r"does not answer \(Connection refused\); nothing is half written"),
        writer(purpose="x"),
    ):
        pass
    assert (datetime.now() - started).total_seconds() >= 0.2
    with pytest.raises(Refused, match="cannot open the lake: Connection refused"), reader():
        pass


def test_a_warehouse_without_the_extensions_says_what_to_install(at_home, monkeypatch):
    monkeypatch.setattr(lake, "find_spec", lambda _: None)
    with pytest.raises(Refused, match=r"which needs: pip install 'nightledger\[lake\]'"), writer(purpose="x"):
        pass
