"""Migrations are applied once, whole, in order, and never change afterwards."""

from __future__ import annotations

import hashlib

import pytest

from warehouse import declared, migrations
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.settings import settings

# tables of ops and scores as the seventeen migrations left them, with types, comments and the master scale
DIGEST = "45901aa7565fe1f90e39135bec2c39f907d55f62d799f73cf5f6dc286afdff76"


def enter(purpose: str) -> None:
    """Take the lease and give it back."""
    with writer(purpose=purpose):
        pass


def test_a_fresh_warehouse_has_every_table_and_a_second_start_applies_nothing(con):
    names = {
        row[0]
        for row in con.execute("select table_name from duckdb_tables() where database_name = 'wh'").fetchall()
    }
    assert {
        "enterprises",
        "transactions",
        "run_ledger",
        "portfolio_scores",
        "mart_portfolio_summary",
    } <= names
    assert migrations.migrate(con) == ()
    assert con.execute("select count(*) from wh.marts.mart_portfolio_summary").fetchone() == (0,)


def test_every_table_and_column_of_the_migrations_says_what_it_means(con):
    silent = con.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'wh' and comment is null "
        "and schema_name in ('raw', 'ops', 'scores')"
    ).fetchall()
    assert silent == []


@pytest.fixture
def folded_only(sql_file, monkeypatch):
    """The migrations as they were when the seventeen were folded: none with a later number."""
    monkeypatch.delitem(declared.WAITING, "scores.incoming_curves")
    for migration in migrations.files():
        if migration.number > migrations.FOLDED_UP_TO:
            migration.path.unlink()


def test_the_folded_files_leave_the_tables_that_the_seventeen_left(folded_only, home):
    with writer(purpose="test") as con:
        columns = con.execute(
            "select schema_name, table_name, column_name, data_type, is_nullable, comment from duckdb_columns() "
            "where database_name = 'wh' and schema_name in ('ops', 'scores') and table_name <> 'overrides' "
            "and not starts_with(table_name, 'incoming_') order by 1, 2, column_index"
        ).fetchall()
        scale = con.execute("from wh.ops.master_scale order by notch").fetchall()
    # computed from a warehouse of the seventeen; a migration after them goes into the test that it comes with
    assert hashlib.sha256(repr((columns, scale)).encode()).hexdigest() == DIGEST


@pytest.fixture
def earlier(folded_only, home, monkeypatch):
    """A warehouse whose ledger holds seventeen migrations of other content, known as those that were folded."""
    rows = [(number, f"m{number}", f"{number:064d}") for number in range(1, 18)]
    with writer(purpose="first") as con:
        con.execute("create table wh.ops.kept as select 1 as n")
        con.execute("delete from wh.ops.migrations")
        con.executemany("insert into wh.ops.migrations values (?, ?, ?, now()::timestamp)", rows)
    digest = hashlib.sha256("".join(sha256 for _, _, sha256 in rows).encode()).hexdigest()
    monkeypatch.setattr(migrations, "FOLDED", digest)
    return rows


def test_a_warehouse_of_the_folded_migrations_is_taken_over_with_its_rows(earlier, sql_file):
    sql_file("ddl/0018_more.sql", "create table wh.ops.more (n integer);")
    for _ in range(2):
        with writer(purpose="again") as con:
            assert con.execute("from wh.ops.kept").fetchall() == [(1,)]
            ledger = con.execute("select number, name, sha256 from wh.ops.migrations order by 1").fetchall()
            assert ledger[:-1] == earlier
            assert ledger[-1][:2] == (18, "more")


def test_a_warehouse_that_lacks_one_of_the_folded_migrations_is_refused(earlier):
    with writer(purpose="undo") as con:
        con.execute("delete from wh.ops.migrations where number = 17")
    with pytest.raises(Refused, match=r"is at migration 0016_m16 of an earlier version: open it once with"):
        enter("again")


def test_a_new_migration_is_applied_once(home, sql_file):
    enter("first")
    sql_file(
        "ddl/0900_more.sql", "create table wh.marts.more (n integer); insert into wh.marts.more values (1);"
    )
    for _ in range(2):
        with writer(purpose="again") as con:
            assert con.execute("from wh.marts.more").fetchall() == [(1,)]


def test_a_changed_migration_is_refused(home, sql_file):
    path = sql_file("ddl/0900_more.sql", "create table wh.marts.more (n integer);")
    enter("first")
    path.write_text("create table wh.marts.more (n bigint);")
    with pytest.raises(
        Refused, match=r"0900_more.sql: this migration was already applied with other content"
    ):
        enter("second")
    path.unlink()
    before = settings().warehouse_file.read_bytes()
    with pytest.raises(Refused, match="0900_more, which this version lacks"):
        enter("third")
    assert settings().warehouse_file.read_bytes() == before


def test_migrations_only_go_forward(home, sql_file):
    sql_file("ddl/0900_more.sql", "create table wh.marts.more (n integer);")
    enter("first")
    sql_file("ddl/0899_late.sql", "create table wh.marts.late (n integer);")
    with pytest.raises(Refused, match=r"0899_late.sql: migrations only go forward and 0900 is applied"):
        enter("second")


def test_a_failing_migration_leaves_nothing_behind(home, sql_file):
    path = sql_file("ddl/0900_more.sql", "create table wh.marts.more (n integer); select nonsense;")
    with pytest.raises(Refused, match=r"0900_more.sql: the migration failed and was rolled back"):
        enter("first")
    path.write_text("create table wh.marts.more (n integer);")
    with writer(purpose="second") as con:
        assert con.execute("from wh.marts.more").fetchall() == []


@pytest.mark.parametrize("name", ["more.sql", "12_more.sql", "0900_More.sql"])
def test_a_misnamed_migration_is_refused(name, sql_file):
    sql_file(f"ddl/{name}", "select 1;")
    with pytest.raises(Refused, match=r"NNNN_name.sql"):
        migrations.files()


def test_a_number_is_used_once(sql_file):
    sql_file("ddl/0001_again.sql", "select 1;")
    with pytest.raises(Refused, match="the number 0001 is already used"):
        migrations.files()
