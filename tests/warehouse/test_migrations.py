"""Migrations are applied once, whole, in order, and never change afterwards."""

from __future__ import annotations

import pytest

from warehouse import migrations
from warehouse.connection import writer
from warehouse.errors import Refused


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
    with pytest.raises(Refused, match="0900_more, which this version lacks"):
        enter("third")


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
