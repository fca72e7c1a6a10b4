"""`python -m flows sql` reads and does nothing else: what it refuses, when it stops, how its output is safe to open."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.__main__ import main
from warehouse.connection import reader
from warehouse.errors import Refused
from warehouse.publishing.published import ALLOWED, answer, ask
from warehouse.settings import settings

ENDLESS = [
    "select count(*) from range(1000000000000)",
    "select count(*) from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 5",
    "with recursive r(n) as (select 1 union all select n + 1 from r) select max(n) from r",
    "from range(1000000000000)",
    "select levenshtein(repeat('ab', 100000), repeat('ba', 100000))",  # DuckDB cannot interrupt it
]


@pytest.fixture
def published(home: Path) -> Path:
    file = home / "published" / "portfolio.duckdb"
    file.parent.mkdir(parents=True)
    with duckdb.connect(file) as con:
        con.execute(
            "create schema marts; create table marts.t as select i as n, 'x,' || i as s from range(150) r(i);"
            "create view marts.v as from marts.t; create sequence marts.numbers;"
            "create macro marts.plus(a) as a + 1; create macro marts.first(k) as table from marts.t limit k"
        )
    with duckdb.connect(home / "warehouse.duckdb") as con:
        con.execute("create schema raw; create table raw.enterprises as select 'secret' as name")
    (home / "file.csv").write_text("secret\n1\n")
    return file


def files_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


READING = [
    "select 1",
    "SELECT 1;",
    "  ;; select 1 ;; ",
    "/* a; b */ select 1 -- ; delete from marts.t",
    "from marts.t",
    "table marts.t",
    "with a as (from marts.t) from a",
    "values (1), (2)",
    "describe marts.t",
    "describe select 1",
    "summarize marts.t",
    "show all tables",
    "show tables",
    "explain from marts.t",
    "explain analyze from marts.t",
    "-- why\n/* slow */ EXPLAIN /* ? */ select 1",
    "from marts.v",
    "select marts.plus(1)",
    "from marts.first(3)",
    "from wh.marts.t where s = '; drop table marts.t'",
    "select 'enable_logging', \"query\" from (select 1 as query)",
    "pivot marts.t on s in ('x,1', 'x,2') using sum(n)",
    "unpivot (select 1 as a, 2 as b) on a, b",
    "from query_table('marts.t')",
    "select * from marts.t a join marts.t b on a.n = b.n",
    "select 1 as a, 2 as a",
    f"select {' + '.join(['1'] * 100)}",
]


@pytest.mark.parametrize("query", READING)
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_what_reads_is_answered(published, capsys, query, form):
    assert main(["sql", query, "--format", form]) == 0
    shown = capsys.readouterr()
    assert shown.out
    assert not shown.err
    if form == "json":
        assert isinstance(json.loads(shown.out), list)


NOTHING = ["", " ", ";", ";;", "-- nothing", "/* nothing */", "\n\t;\n"]
OUTSIDE = "file system operations are disabled"
FORBIDDEN = "may not be used here"
WRITES = "this does not only read"
MORE = "these are 2 statements"
ATTEMPTS = [
    *[(query, "there is no query in") for query in NOTHING],
    ("select 1; select 2", MORE),
    ("select 1; delete from marts.t", MORE),
    ("select 1;/* x */drop table marts.t", MORE),
    ("-- select 1\nselect 1;\n-- x\ninsert into marts.t values (1, 'a')", MORE),
    ("attach '{home}/warehouse.duckdb' as w; from w.raw.enterprises", MORE),
    ("begin; select 1", MORE),
    ("pivot marts.t on s using sum(n)", MORE),
    ("delete from marts.t", WRITES),
    ("/* select */ delete from marts.t", WRITES),
    ("update marts.t set n = 1", WRITES),
    ("insert into marts.t values (1, 'a')", WRITES),
    ("insert into marts.t values (1, 'a') returning *", WRITES),
    ("with a as (select 1) insert into marts.t select 1, 'a' from a", WRITES),
    ("with a as (delete from marts.t returning *) from a", "A CTE needs a SELECT"),
    (
        "merge into marts.t using (select 1 as a) on false when not matched then insert values (1, 'b')",
        WRITES,
    ),
    ("truncate marts.t", WRITES),
    ("drop table marts.t", WRITES),
    ("alter table marts.t add column z int", WRITES),
    ("comment on table marts.t is 'x'", WRITES),
    ("create table x as select 1", WRITES),
    ("create table memory.main.x as select 1", WRITES),
    ("create temp table x as select 1", WRITES),
    ("create or replace macro memory.main.f(a) as a", WRITES),
    ("create secret s (type s3)", WRITES),
    ("attach '{home}/warehouse.duckdb' as w (read_only)", WRITES),
    ("attach '{home}/new.duckdb' as w", WRITES),
    ("detach wh", WRITES),
    ("use memory", WRITES),
    ("copy (select 1) to '{home}/out.csv'", WRITES),
    ("copy (select 1) to '{home}/published/portfolio.duckdb'", WRITES),
    ("copy (select 1) to '/dev/stdout'", WRITES),
    ("copy from database wh to memory", "these are 4 statements"),
    ("export database '{home}/out'", WRITES),
    ("import database '{home}/in'", OUTSIDE),
    ("explain analyze delete from marts.t", WRITES),
    ("explain delete from marts.t", WRITES),
    ("explain analyze copy (select 1) to '{home}/published/portfolio.duckdb'", WRITES),
    ("explain analyze copy (select 1) to '{spill}/out.csv'", WRITES),
    ("explain analyze create table memory.main.x as select 1", WRITES),
    ("-- explain select 1 /*\n/* /* */ */ explain analyze copy (select 1) to '{home}/o' --*/", WRITES),
    ("set memory_limit = '100GB'", WRITES),
    ("set enable_external_access = true", WRITES),
    ("set variable x = 1", WRITES),
    ("reset memory_limit", WRITES),
    ("pragma threads = 64", WRITES),
    ("pragma enable_profiling", WRITES),
    ("pragma database_list", WRITES),
    ("install httpfs", WRITES),
    ("load httpfs", WRITES),
    ("load '{home}/x.duckdb_extension'", WRITES),
    ("call enable_logging()", WRITES),
    ("call force_checkpoint('wh')", WRITES),
    ("checkpoint", WRITES),
    ("vacuum", WRITES),
    ("prepare p as select 1", WRITES),
    ("execute p", WRITES),
    ("from enable_logging(storage = 'file', storage_path = '{home}/log')", FORBIDDEN),
    ("from \"Enable_Logging\"(storage = 'stdout')", FORBIDDEN),
    ("from enable_profiling(save_location = '{home}/profile.txt')", FORBIDDEN),
    ("explain analyze from enable_profiling()", FORBIDDEN),
    ("from query('from enable_' || 'logging()')", FORBIDDEN),
    ("from system.main.query('select 1')", FORBIDDEN),
    ("select (select max(1) from query('select 1'))", FORBIDDEN),
    ("from json_execute_serialized_sql(json_serialize_sql('select 1'))", FORBIDDEN),
    ("from checkpoint('wh')", FORBIDDEN),
    ("select write_log('x')", FORBIDDEN),
    ("from read_csv('{home}/file.csv')", FORBIDDEN),
    ("from read_text('/etc/hostname')", FORBIDDEN),
    ("from read_blob('{home}/published/portfolio.duckdb')", FORBIDDEN),
    ("from read_duckdb('{home}/warehouse.duckdb')", FORBIDDEN),
    ("from read_parquet('{home}/published/portfolio_scores/*/*.parquet')", FORBIDDEN),
    ("from parquet_metadata('x')", FORBIDDEN),
    ("from sniff_csv('/etc/passwd')", FORBIDDEN),
    ("from glob('/etc/*')", FORBIDDEN),
    ("from '{home}/file.csv'", FORBIDDEN),
    ("from 'file.csv'", FORBIDDEN),
    ("describe '{home}/file.csv'", FORBIDDEN),
    ("from 'https://example.com/x.parquet'", FORBIDDEN),
    ("from query_table('{home}/file.csv')", OUTSIDE),
    ("from duckdb_secrets()", OUTSIDE),
    ("from duckdb_extensions()", OUTSIDE),
    ("select nextval('marts.numbers')", "read-only"),
    ("explain analyze select nextval('marts.numbers')", "read-only"),
    ("select getenv('HOME')", "getenv does not exist"),
    ("from sqlite_scan('x', 'y')", FORBIDDEN),
    ("from local_frame", "local_frame does not exist"),
    ("from a_list", "a_list does not exist"),
    ("from w.raw.enterprises", "does not exist"),
    ("from marts.nothing", "does not exist"),
    ("selec 1", "syntax error"),
    ("select $name", "parameters: name"),
    ("select '{{' 'x", "unterminated"),
    (f"select {'(' * 20000}1{')' * 20000}", ""),
    ("select interval 1 day as i", "the column 'i' is of a type that cannot be shown"),
    ("select [interval 1 day] as i", "the column 'i' is of a type that cannot be shown"),
    ("select 'x'::blob as b", "the column 'b' is of a type that cannot be shown"),
    ("select union_value(k := 1) as u", "the column 'u' is of a type that cannot be shown"),
    ("select error('\x1b[31mred')", "\\x1b[31mred"),
]


@pytest.mark.parametrize(("query", "reason"), ATTEMPTS, ids=lambda value: value[:60])
def test_anything_else_is_refused_in_one_line_and_leaves_no_trace(published, home, capsys, query, reason):
    local_frame, a_list = pl.DataFrame({"a": [1]}), [1]  # what DuckDB would find by name in the program
    before = files_below(home)
    query = query.replace("{home}", str(home)).replace("{spill}", str(settings().spill_dir))
    assert main(["sql", query]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("sql refused: ")
    assert shown.err.count("\n") == 1
    assert reason in shown.err
    if reason in (MORE, WRITES, FORBIDDEN, "there is no query in"):
        assert ALLOWED in shown.err
    assert files_below(home) == before
    assert (local_frame.height, a_list) == (1, [1])


def test_the_reader_of_every_program_is_closed_too(published, home):
    with reader() as con:
        for query in (f"from '{home}/file.csv'", "set threads = 1", f"attach '{home}/warehouse.duckdb' as w"):
            with pytest.raises(duckdb.Error):
                con.execute(query)
        assert con.execute("select count(*) from marts.t").fetchone() == (150,)


def test_what_another_process_spilled_cannot_be_read(published):
    with reader() as con:
        other = settings().spill_dir / "other"
        other.mkdir(parents=True)
        (other / "file.csv").write_text("secret\n1\n")
        with pytest.raises(duckdb.Error, match=OUTSIDE):
            con.execute(f"from '{other}/file.csv'")


def test_a_query_that_does_not_fit_in_memory_still_spills(published, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_MEMORY_LIMIT", "150MB")
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "1")
    settings().spill_dir.mkdir(parents=True)
    big = "select range as n, repeat('x', 60) || range as s from range(4000000) order by s desc"
    with closing(answer(big)) as pieces:
        assert next(pieces)["n"][0] == 999_999
        assert sum(file.stat().st_size for file in settings().spill_dir.rglob("*.tmp")) > 50_000_000
    assert not list(settings().spill_dir.rglob("*.tmp"))


@pytest.mark.parametrize("query", [*ENDLESS[:4], "select pg_sleep(100)"])
def test_a_query_that_does_not_end_is_stopped_when_its_time_is_over(published, capsys, monkeypatch, query):
    monkeypatch.setattr("flows._sql.GRACE", 9.0)  # a busy machine may take longer; it would end all tests
    started = time.monotonic()
    assert main(["sql", query, "--timeout", "0.5"]) == 1
    assert time.monotonic() - started < 10
    assert capsys.readouterr().err == (
        "sql refused: the query was stopped after 0.5 s; ask for less, or give it more time: --timeout SECONDS\n"
    )
    assert ask("select 1 as a").item() == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "86401", "nan", "inf", "soon", ""])
def test_a_time_limit_out_of_bounds_is_wrong_usage(published, capsys, seconds):
    with pytest.raises(SystemExit) as ended:
        main(["sql", "select 1", f"--timeout={seconds}"])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert "argument --timeout" in shown
    assert shown.count("\n") == 1


WITH_A_SIGN = """
import sys
from warehouse import connection
connected = connection.connect
def connect(conf):
    print("open", file=sys.stderr, flush=True)
    return connected(conf)
connection.connect = connect
from flows.__main__ import main
raise SystemExit(main(["sql", *sys.argv[1:]]))
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    """Return a process of the command that has begun to ask."""
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_A_SIGN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline() == "open\n"
    time.sleep(1)
    return process


@pytest.mark.parametrize("query", ENDLESS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_with_one_line(published, query, number):
    process = started(query)
    process.send_signal(number)
    sent = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert errors == "sql interrupted: the query was stopped\n"
    assert process.returncode == 1
    assert time.monotonic() - sent < 3  # under a second on a machine that is not busy


def test_a_signal_ends_it_while_rows_are_printed(published):
    process = started("from range(1000000000000)", "--format", "csv")
    threading.Timer(1, process.send_signal, [signal.SIGINT]).start()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "sql interrupted: the query was stopped\n")


def test_what_duckdb_cannot_interrupt_ends_with_its_time_too(published):
    process = started(ENDLESS[-1], "--timeout", "2")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "sql refused: the query was stopped after 2 s\n")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_closed_pipe_ends_it_quietly_and_a_large_answer_needs_little_memory(published, form):
    process = started("select range, repeat('x', 100) as text from range(1000000000)", "--format", form)
    shown = process.stdout.read(30_000_000)
    (resident,) = [
        line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in line
    ]
    process.stdout.close()
    assert (process.wait(timeout=60), process.stderr.read()) == (1, "")
    assert len(shown) == 30_000_000
    assert int(resident.split()[1]) < 600_000  # KiB, for the program and all of its libraries


def test_all_pieces_of_an_answer_make_one_table_one_csv_and_one_json(published, capsys):
    query = (
        "select i as n, 'x' || i as s, [i] as l, i / 4 as q, i::decimal(9, 1) as d "
        "from range(120000) r(i) order by n desc"
    )
    assert len(list(answer(query))) > 1
    whole = ask(query)
    assert whole["n"].to_list() == list(range(119_999, -1, -1))
    assert main(["sql", query, "--format", "json"]) == 0
    assert capsys.readouterr().out == whole.write_json() + "\n"
    assert main(["sql", query, "--format", "csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["n", "s", "l", "q", "d"]
    assert rows[-1] == ["0", "x0", "[0]", "0.0", "0.0"]
    assert len(rows) == 120_001
    assert main(["sql", query]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "120,000 rows, the first 100 shown; --format csv prints all"
    assert len(lines) == 103


def test_an_answer_without_rows_has_its_columns(published, capsys):
    query = "select n, s, [n] as l from marts.t where false"
    shown = {}
    for form in ("table", "csv", "json"):
        assert main(["sql", query, "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    assert shown["csv"] == "n,s,l\n"
    assert shown["json"] == "[]\n"
    assert shown["table"].endswith("0 rows\n")
    assert ask(query).columns == ["n", "s", "l"]


EVIL = (
    "'=cmd|''/c calc''!A0' as \"@name\", chr(27) || '[31m' || chr(8238) || 'txt' as \"a\x1b[2J\", -1 as n, "
)
EVIL += "[{'k': chr(155) || '=1'}] as l, ' +1' as p, 'a' || chr(10) || '=1' as lines"


def test_hostile_values_are_harmless_in_every_format(published, capsys):
    shown = {}
    for form in ("table", "csv", "json"):
        assert main(["sql", f"select {EVIL}", "--format", form]) == 0
        shown[form] = capsys.readouterr().out
    for text in shown.values():
        assert not set(text) & set("\x1b\x9b\u202e\r\t")
    names, cells = csv.reader(io.StringIO(shown["csv"]))
    assert names == ["'@name", "a\\x1b[2J", "n", "l", "p", "lines"]
    assert cells == [
        "'=cmd|'/c calc'!A0", "\\x1b[31m\\u202etxt", "-1", '[{"k":"\\x9b=1"}]', "' +1", "a\\n'=1"
    ]  # fmt: skip
    assert json.loads(shown["json"]) == [
        {
            "@name": "=cmd|'/c calc'!A0", "a\x1b[2J": "\x1b[31m\u202etxt", "n": -1, "l": [{"k": "\x9b=1"}], "p": " +1",
            "lines": "a\n=1",
        }
    ]  # fmt: skip
    assert len(shown["table"].splitlines()) == 4


def test_an_example_that_does_not_exist_is_refused(published, capsys):
    assert main(["sql", "--example", "nothing\x1b"]) == 1
    assert capsys.readouterr().err.startswith("sql refused: there is no example 'nothing\\x1b'; there are ")


def test_ask_refuses_as_the_command_does(published):
    with pytest.raises(Refused, match="this does not only read"):
        ask("delete from marts.t")
    with pytest.raises(Refused, match="stopped after"):
        ask(ENDLESS[0], seconds=0.2)


def test_pieces_that_are_no_longer_wanted_stop_the_query(published):
    before = threading.active_count()
    with closing(answer("from range(1000000000000)")) as pieces:
        assert next(pieces).height
    assert threading.active_count() <= before
