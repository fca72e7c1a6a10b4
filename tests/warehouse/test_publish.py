"""The published copy is complete, holds nothing private, and readers never notice that it is replaced."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from datetime import date, timedelta

import duckdb
import pytest

from warehouse import ledger, partition, sql
from warehouse.connection import reader, writer
from warehouse.publishing import manifest, publish, published_copy
from warehouse.settings import settings

NIGHT = date(2026, 6, 30)
MARTS, LOSSES = sql.SQL_DIR / "marts", sql.SQL_DIR / "scores"
COUNT = "select count(*), max(pd) from scores.portfolio_scores"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def parquet():
    pattern = settings().published_dir / "portfolio_scores" / "*" / "*" / "*.parquet"
    return duckdb.sql(
        "select portfolio, as_of_date, count(*), max(pd) "
        f"from read_parquet('{pattern}', hive_partitioning = true) group by all order by all"
    ).fetchall()


def test_a_fresh_warehouse_publishes_empty_marts(con):
    publish.publish(con, "run")
    with reader() as published:
        assert published.execute("from marts.mart_portfolio_summary").fetchall() == []
        assert published.execute("from wh.marts.mart_portfolio_latest").fetchall() == []


def test_a_portfolio_whose_name_has_a_hundred_letters_is_published_beside_others(portfolio):
    portfolio.score()
    portfolio.con.execute(
        "insert into wh.scores.portfolio_scores by name "
        "select * replace (repeat('a', 100) as portfolio) from wh.scores.portfolio_scores"
    )
    publish.publish(portfolio.con, "run")
    assert [(name, rows) for name, _, rows, _ in parquet()] == [("a" * 100, 5), ("lender", 5)]


def test_after_a_run_that_did_not_end_well_only_what_is_told_of_runs_is_renewed(portfolio):
    con = portfolio.con
    portfolio.score()
    publish.publish(con, "run")
    before = parquet()
    con.execute(
        "update wh.scores.portfolio_scores set pd = 0.5 where pd is not null"
    )  # not audited, not ours
    con.execute("update wh.marts.mart_portfolio_latest set pd = 0.5")
    run_id = ledger.start_run(con, flow="nightly", portfolio="lender", as_of_date=NIGHT)
    ledger.finish_run(con, run_id, status="refused", message="the gate said no")
    publish.publish_runs(con, run_id)
    with reader() as published:
        said = published.execute("select status, message from ops.run_ledger where run_id = ?", [run_id])
        assert said.fetchall() == [("refused", "the gate said no")]
        assert published.execute(COUNT).fetchone() == (5, 0.1)
        assert published.execute("select max(pd) from marts.mart_portfolio_latest").fetchone() == (0.1,)
        assert published.execute("select marts.grade_of(0.1)").fetchone() == ("D1",)
    assert parquet() == before
    assert not list(settings().published_dir.glob(".portfolio-*"))


def test_a_first_run_that_did_not_end_well_is_told_too(con):
    run_id = ledger.start_run(con, flow="nightly", portfolio="lender", as_of_date=NIGHT)
    publish.publish_runs(con, run_id)
    with reader() as published:
        assert published.execute("select run_id from ops.run_ledger").fetchall() == [(run_id,)]
        assert published.execute("from marts.mart_portfolio_latest").fetchall() == []


def test_what_is_published_and_what_is_not(portfolio, sql_file):
    shutil.copytree(MARTS, sql.SQL_DIR / "marts")
    shutil.copytree(LOSSES, sql.SQL_DIR / "scores")
    for table in ("feat_profile", "feat_ledger"):
        sql_file(
            f"features/{table}.sql",
            f"""\
            -- relation: features.{table}
            -- grain: g
            -- key: portfolio, as_of_date
            -- time: t
            -- inputs: none
            -- parameters: none
            -- column portfolio: [key] portfolio
            -- column region: [{"profile" if table == "feat_profile" else "sensitive"}] region
            -- column total_borrowing: [sensitive] money; secret
            select 1
            """,
        )
    con = portfolio.con
    portfolio.features(NIGHT - timedelta(days=1))
    con.execute("create view wh.staging.stg_x as select 1 as n")
    con.execute("create table wh.features.feat_orphan as select 'no file stands for it' as text")
    con.execute(
        "insert into wh.raw.outcomes (portfolio, enterprise_id, outcome_date, known_at) "
        "values ('lender', 'e1', date '2026-01-01', timestamp '2026-01-01')"
    )
    publication = publish.publish(con, "run")
    assert publication.path == settings().published_file
    assert publication.bytes == settings().published_file.stat().st_size
    with reader() as published:
        held = {
            f"{schema}.{table}"
            for schema, table in published.execute(
                "select schema_name, table_name from duckdb_tables() union all "
                "select schema_name, view_name from duckdb_views() where not internal"
            ).fetchall()
        }
        assert {name.split(".")[0] for name in held} == {"marts", "scores", "ops", "features"}
        assert "scores.incoming_scores" not in held
        assert {name for name in held if name.startswith("features.")} == {"features.feat_profile"}
        assert published.execute("select distinct as_of_date from features.feat_profile").fetchall() == [
            (NIGHT,)
        ]
        assert (
            published.execute(
                "select comment from duckdb_columns() "
                "where table_name = 'portfolio_scores' and column_name = 'pd'"
            )
            .fetchone()[0]
            .startswith("probability of default")
        )


def test_a_column_of_the_group_sensitive_is_left_out(con, sql_file):
    sql_file(
        "features/feat_x.sql",
        """\
        -- relation: features.feat_x
        -- grain: one row per portfolio
        -- key: portfolio
        -- time: none
        -- inputs: none
        -- parameters: portfolio
        -- column portfolio: [key] portfolio
        -- column gender: [sensitive] gender
        -- column size: [profile] size
        select cast($portfolio as varchar) as portfolio, 'f' as gender, 1 as size
        """,
    )
    partition.replace_partition(con, "features.feat_x", {"portfolio": "p"})
    publish.publish(con, "run")
    with reader() as published:
        assert published.execute("from features.feat_x").description[1][0] == "size"
        assert published.execute("from features.feat_x").fetchall() == [("p", 1)]


def test_no_log_and_no_leftover_stays_beside_the_copy(portfolio):
    folder = settings().published_dir
    folder.mkdir(parents=True)
    for leftover in (".portfolio-dead.duckdb", ".portfolio-dead.duckdb.wal", ".link-dead", ".manifest-dead"):
        (folder / leftover).write_text("half")
    for leftover in (".scores-dead", ".contributions-dead"):
        (folder / leftover / "portfolio=x").mkdir(parents=True)
    run_id = portfolio.score()
    for _ in range(3):
        publish.publish(portfolio.con, run_id)
    assert [name.split("-")[0] for name in names(folder)] == [
        ".changes",
        ".changes",
        ".contributions",
        ".contributions",
        ".curves",
        ".curves",
        ".scores",
        ".scores",
        "contributions",
        "manifest.json",
        "pd_curves",
        "portfolio.duckdb",
        "portfolio_scores",
        "score_changes",
    ]
    assert portfolio.one("select count(*) from duckdb_databases() where database_name like 'pub%'") == (0,)


def test_a_publish_that_fails_leaves_the_old_copy_and_nothing_attached(portfolio, monkeypatch):
    publish.publish(portfolio.con, portfolio.score())
    before = settings().published_file.read_bytes()

    def fail(*_: object) -> int:
        raise duckdb.IOException("disk full")

    monkeypatch.setattr(published_copy, "_copy", fail)
    with pytest.raises(duckdb.IOException, match="disk full"):
        publish.publish(portfolio.con, "next")
    assert settings().published_file.read_bytes() == before
    assert not list(settings().published_dir.glob(".portfolio-*"))
    assert portfolio.one("select count(*) from duckdb_databases() where database_name like 'pub%'") == (0,)


def test_a_reader_open_throughout_keeps_its_rows_and_new_ones_see_the_new(portfolio):
    publish.publish(portfolio.con, portfolio.score(portfolio.rows(0.1)))
    script = (
        "import sys\nfrom warehouse.connection import reader\nwith reader() as con:\n"
        f"    for _ in range(2):\n        print(con.execute({COUNT!r}).fetchone(), flush=True)\n"
        "        sys.stdin.readline()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "(5, 0.1)\n"
        with reader() as mine:
            publish.publish(portfolio.con, portfolio.score(portfolio.rows(0.2)))
            assert mine.execute(COUNT).fetchone() == (5, 0.1)
            with reader() as fresh:
                assert fresh.execute(COUNT).fetchone() == (5, 0.2)
    finally:
        said, _ = process.communicate("\n\n")
    assert said == "(5, 0.1)\n"


def test_readers_that_come_while_it_is_replaced_again_and_again_always_see_a_whole_night(portfolio):
    publish.publish(portfolio.con, portfolio.score())
    stop, seen, errors = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            try:
                with reader() as published:
                    seen.add(published.execute("select count(*) from scores.portfolio_scores").fetchone()[0])
                seen.add(sum(row[2] for row in parquet()))
            except Exception as error:  # noqa: BLE001  (collected to be shown by the main thread)
                errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(6):
        publish.publish(portfolio.con, portfolio.score())
    stop.set()
    thread.join()
    assert errors == []
    assert seen == {5}


PUBLISH = """
from warehouse.connection import writer
from warehouse.publishing.publish import publish
with writer(purpose="publish") as con:
    if con.execute("select count(*) from wh.scores.portfolio_scores").fetchone() == (0,):
        con.execute("insert into wh.scores.portfolio_scores by name select 'p' as portfolio, "
                    "date '2026-06-30' - cast(i % 20 as integer) as as_of_date, 'e' || i as enterprise_id, "
                    "'champion' as model_role, random() as pd, 'r' as run_id from range(40000) as t (i)")
    while True:
        con.execute("update wh.scores.portfolio_scores set run_id = run_id || 'x' "
                    "where as_of_date = '2026-06-30'")
        publish(con, "run")
        print("published", flush=True)
"""


def test_a_killed_publish_leaves_a_whole_copy_and_the_next_one_cleans_up(home):
    for moment in (0.03, 0.1):
        process = subprocess.Popen([sys.executable, "-c", PUBLISH], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "published\n"
        time.sleep(moment)
        process.kill()
        process.communicate()
        known = manifest.read(settings().published_dir)
        assert list(known.faults(settings().published_dir)) == []
        with reader() as published:
            assert published.execute("select count(*) from scores.portfolio_scores").fetchone() == (40_000,)
        assert sum(row[2] for row in parquet()) == 40_000
    with writer(purpose="next") as con:
        publish.publish(con, "next")
    left = {name.split("-")[0] for name in names(settings().published_dir)}
    assert left == {
        ".changes",
        ".contributions",
        ".curves",
        ".scores",
        "contributions",
        "manifest.json",
        "pd_curves",
        "portfolio.duckdb",
        "portfolio_scores",
        "score_changes",
    }


def test_the_published_history_equals_the_warehouse_whatever_changed(portfolio):
    con, every = portfolio.con, "select * from {}scores.portfolio_scores order by all"

    def published_equals_warehouse() -> bool:
        publish.publish(con, "run", fewer=True)
        with reader() as published:
            return (
                published.execute(every.format("")).fetchall() == con.execute(every.format("wh.")).fetchall()
            )

    before = NIGHT - timedelta(days=1)
    portfolio.features(before)
    portfolio.score(portfolio.rows(0.1), before)
    assert published_equals_warehouse()
    portfolio.score(portfolio.rows(0.2))
    assert published_equals_warehouse()
    portfolio.score(portfolio.rows(0.3))
    portfolio.score(portfolio.rows(0.4), before)
    assert published_equals_warehouse()
    con.execute("delete from wh.scores.portfolio_scores where as_of_date = ?", [before])
    assert published_equals_warehouse()
    con.execute("alter table wh.scores.portfolio_scores add column more varchar")
    assert published_equals_warehouse()
    settings().published_file.write_bytes(b"not a database")
    assert published_equals_warehouse()


@pytest.mark.parametrize(
    ("relation", "change"),
    [
        ("ops.validation_results", "set outcome = 'failed', checked_at = checked_at + interval 1 second"),
        ("marts.mart_portfolio_summary", "set exposure = 17"),
        ("marts.mart_portfolio_summary", "set industry = 'other'"),
    ],
)
def test_a_night_that_changed_is_replaced_in_the_copy_and_the_others_stay(portfolio, relation, change):
    con, before = portfolio.con, NIGHT - timedelta(days=1)
    portfolio.features(before)
    for day in (before, NIGHT):
        portfolio.score(portfolio.rows(0.1), day)
        con.execute(
            "insert into wh.ops.validation_results by name select 'lender' as portfolio, 'r' as run_id, "
            "? as as_of_date, 'raw' as suite, 'passed' as outcome, timestamp '2026-07-01' as checked_at",
            [day],
        )
    publish.publish(con, "one")
    con.execute(f"update wh.{relation} {change} where as_of_date = ?", [before])
    publish.publish(con, "two")
    rows = con.execute(f"from wh.{relation} order by all").fetchall()
    assert len(rows) >= 2
    with reader() as published:
        assert published.execute(f"from {relation} order by all").fetchall() == rows


def test_the_copy_has_the_counts_in_bins_of_the_last_nights_only(con):
    first, counted = date(2026, 1, 1), "insert into wh.ops.bin_counts by name select 'p' as portfolio, "
    con.execute(
        f"{counted} date '{first}' + cast(i as integer) as as_of_date, i as count from range(103) as t (i)"
    )
    for more in (0, 1):
        if more:
            con.execute(f"{counted} date '{first}' + 103 as as_of_date, 103 as count")
        publish.publish(con, "run")
        with reader() as published:
            counts = published.execute("select count from ops.bin_counts order by 1").fetchall()
        assert counts == [(i,) for i in range(3 + more, 103 + more)]
    assert con.execute("select count(*) from wh.ops.bin_counts").fetchone() == (104,)


def test_a_table_that_is_gone_or_has_another_shape_is_not_taken_over(con, sql_file):
    con.execute("create table wh.ops.gone as select 1 as n; create table wh.ops.kept as select 1 as n")
    publish.publish(con, "run")
    con.execute("drop table wh.ops.gone; alter table wh.ops.kept add column more integer default 2")
    con.execute("comment on column wh.ops.kept.more is 'why'")
    for _ in range(2):
        publish.publish(con, "run")
        with reader() as published:
            assert published.execute("from ops.kept").fetchall() == [(1, 2)]
            assert published.execute(
                "select table_name from duckdb_tables() where schema_name = 'ops' and table_name in ('gone', 'kept')"
            ).fetchall() == [("kept",)]


def test_history_is_taken_over_and_free_space_is_given_back(con, monkeypatch):
    con.execute(
        "insert into wh.scores.portfolio_scores by name select 'p' as portfolio, 'r' as run_id, "
        "date '2026-06-30' - cast(i // 250000 as integer) as as_of_date, random() as pd from range(1000000) as t (i)"
    )
    tried = []
    real = published_copy._write

    def write(*given, from_previous, **more):
        tried.append(from_previous)
        return real(*given, from_previous=from_previous, **more)

    monkeypatch.setattr(published_copy, "_write", write)
    whole = publish.publish(con, "run").bytes
    publish.publish(con, "run")
    assert tried == [False, True]
    con.execute("delete from wh.scores.portfolio_scores where as_of_date > date '2026-06-27'")
    publish.publish(con, "run", fewer=True)
    # a quarter of the rows, and what empty tables take
    assert publish.publish(con, "run").bytes < 0.6 * whole
    assert tried[-1] is False
