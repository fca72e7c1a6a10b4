"""Partitions are replaced whole, in any order and number of times; tables change shape only forwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse import partition
from warehouse.connection import transaction, writer
from warehouse.errors import Refused

FEAT = """\
-- relation: features.feat_x
-- grain: one row per portfolio, as_of_date and n
-- key: portfolio, as_of_date, n
-- time: all of marts.source
-- inputs: marts.source
-- parameters: portfolio, as_of_date
-- column portfolio: [key] portfolio
-- column as_of_date: [key] date; date
-- column n: [key] a number
-- column value: [measure] money; what it's worth

select
    cast($portfolio as varchar) as portfolio,
    cast($as_of_date as date) as as_of_date,
    n,
    value
from wh.marts.source
"""
JUNE, JULY = date(2026, 6, 30), date(2026, 7, 31)


@pytest.fixture
def feat(con, sql_file):
    """A file whose select takes everything from wh.marts.source."""
    con.execute("create table wh.marts.source (n integer, value double)")
    sql_file("features/feat_x.sql", FEAT)
    return lambda text: sql_file("features/feat_x.sql", text)


def deliver(con, rows):
    con.execute("delete from wh.marts.source")
    for row in rows:
        con.execute("insert into wh.marts.source values (?, ?)", list(row))


def replace(con, portfolio="p", as_of_date=JUNE, **more):
    return partition.replace_partition(
        con, "features.feat_x", {"portfolio": portfolio, "as_of_date": as_of_date, **more}
    )


def held(con, columns="portfolio, as_of_date, n, value"):
    return con.execute(f"select {columns} from wh.features.feat_x order by all").fetchall()


def test_rows_lie_in_the_order_of_their_key(con, feat):
    deliver(con, [(3, 30.0), (1, 10.0), (2, 20.0)])
    replace(con)
    assert con.execute("select n from wh.features.feat_x order by rowid").fetchall() == [(1,), (2,), (3,)]


def test_the_same_run_twice_leaves_the_same_rows_once(con, feat):
    deliver(con, [(1, 1.0), (2, 2.0)])
    assert replace(con) == replace(con, unused=1) == 2
    assert held(con, "n, value") == [(1, 1.0), (2, 2.0)]


def test_the_table_tells_what_its_head_told(con, feat):
    replace(con)
    assert con.execute(
        "select comment from duckdb_columns() where database_name = 'wh' and table_name = 'feat_x' and "
        "column_name = 'value'"
    ).fetchone() == ("[measure] money; what it's worth",)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from([JUNE, JULY]),
            st.lists(st.tuples(st.integers(0, 3), st.floats(-9, 9)), max_size=3),
        ),
        max_size=6,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_replacements_equals_the_last_content_of_each_partition(con, feat, steps):
    replace(con)
    con.execute("delete from wh.features.feat_x")
    last = {}
    for portfolio, as_of_date, rows in steps:
        deliver(con, rows)
        assert replace(con, portfolio, as_of_date) == len(rows)
        last[portfolio, as_of_date] = rows
    assert held(con) == sorted((*key, *row) for key, rows in last.items() for row in rows)


def test_a_failing_select_leaves_the_old_rows(con, feat):
    deliver(con, [(1, 1.0)])
    replace(con)
    feat(FEAT.replace("    value\nfrom", "    cast(error('boom') as double) as value\nfrom"))
    with pytest.raises(duckdb.Error, match="boom"):
        replace(con)
    assert held(con, "n, value") == [(1, 1.0)]


def test_it_joins_an_open_transaction(con, feat):
    deliver(con, [(1, 1.0)])
    replace(con)
    deliver(con, [(2, 2.0)])
    with pytest.raises(duckdb.Error, match="later"), transaction(con):
        con.execute("select error('later ' || ?)", [replace(con)])
    assert held(con, "n") == [(1,)]


def test_a_new_column_is_added_and_earlier_rows_have_none_of_it(con, feat):
    deliver(con, [(1, 1.0)])
    replace(con, as_of_date=JUNE)
    head, body = FEAT.split("\n\n", 1)
    feat(
        f"{head}\n-- column twice: [measure] money; twice of it\n\n"
        + body.replace("    value\n", "    value,\n    2 * value as twice\n")
    )
    replace(con, as_of_date=JULY)
    assert held(con, "as_of_date, twice") == [(JUNE, None), (JULY, 2.0)]


def test_a_vanished_column_is_refused(con, feat):
    replace(con)
    feat(
        FEAT.replace("-- column value: [measure] money; what it's worth\n", "").replace(
            "    n,\n    value\n", "    n\n"
        )
    )
    with pytest.raises(Refused, match=r"the column\(s\) value of wh.features.feat_x vanished .* sql/ddl"):
        replace(con)


def test_a_retyped_column_is_refused(con, feat):
    replace(con)
    feat(FEAT.replace("    value\nfrom", "    cast(value as decimal(18, 2)) as value\nfrom"))
    with pytest.raises(
        Refused, match=r"the column value of wh.features.feat_x is DOUBLE, .* DECIMAL\(18,2\)"
    ):
        replace(con)


def test_a_head_that_tells_other_columns_than_the_select_is_refused(con, feat):
    feat(FEAT.replace("-- column value", "-- column worth"))
    with pytest.raises(Refused, match="only in the head: worth; only in the select: value"):
        replace(con)


def test_rows_of_another_partition_are_refused_and_rolled_back(con, feat):
    deliver(con, [(1, 1.0), (2, 2.0)])
    feat(
        FEAT.replace(
            "cast($portfolio as varchar)", "case when n = 1 then cast($portfolio as varchar) else 'q' end"
        )
    )
    with pytest.raises(
        Refused, match="1 of 2 rows lie outside the partition as_of_date=2026-06-30, portfolio=p"
    ):
        replace(con)
    assert held(con) == []


def test_missing_parameters_and_wrong_files_are_refused(con, feat):
    with pytest.raises(Refused, match=r"features.feat_x needs the parameter\(s\) as_of_date"):
        partition.replace_partition(con, "features.feat_x", {"portfolio": "p"})
    feat(FEAT.replace("-- key: portfolio, as_of_date, n", "-- key: n"))
    with pytest.raises(Refused, match="has no partition to replace"):
        replace(con)
    feat(FEAT + ";\nselect 1")
    with pytest.raises(Refused, match="a relation is one select, the file holds 2 statements"):
        replace(con)


def test_partitions_of_one_table_may_be_built_in_parallel(con, feat):
    deliver(con, [(number, 1.0) for number in range(10)])

    def build(number: int) -> int:
        with writer(purpose="thread") as mine:
            return replace(mine, portfolio=f"p{number}")

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(build, range(12))) == [10] * 12
    assert con.execute("select count(*), count(distinct portfolio) from wh.features.feat_x").fetchone() == (
        120,
        12,
    )
