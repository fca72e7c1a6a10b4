"""Heads are read or refused with file and line; statements get only the parameters that they name."""

from __future__ import annotations

import os

import pytest
import sqlglot
from sqlglot import exp

from warehouse import lineage, sql, views
from warehouse.errors import Refused

HEAD = """\
-- relation: features.feat_x
-- grain: one row per n
-- key: portfolio, n
-- time: none
-- inputs: none
-- parameters: portfolio
-- column portfolio: [key] portfolio
-- column n: [key] number; a number
--     that counts
-- column share: [ratio] share; part; of the whole
"""
BODY = "select $portfolio as portfolio, 1 as n, 0.5 as share\n"
ALL = [file.relation for schema in sql.SCHEMAS for file in sql.catalogue(schema)]


def test_a_head_is_read(sql_file):
    sql_file("features/feat_x.sql", HEAD + "-- a reason\n" + BODY + ";\n")
    file = sql.load("features.feat_x")
    assert (file.grain, file.key, file.inputs, file.parameters) == (
        "one row per n",
        ("portfolio", "n"),
        (),
        ("portfolio",),
    )
    assert file.partition == ("portfolio",)
    assert [(c.name, c.group, c.unit, c.text) for c in file.columns] == [
        ("portfolio", "key", "", "portfolio"),
        ("n", "key", "number", "a number that counts"),
        ("share", "ratio", "share", "part; of the whole"),
    ]
    assert file.text.endswith("as share")
    assert sql.catalogue("features") == (file,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("-- grain: one row per n\n", "") + BODY, ":1: the head lacks the line '-- grain: ...'"),
        (HEAD.replace("feat_x", "feat_y", 1) + BODY, ":1: the head declares features.feat_y"),
        (HEAD.replace("-- inputs: none", "-- imputs: none") + BODY, ":5: the head knows .* not 'imputs'"),
        (HEAD.replace("-- inputs: none", "-- inputs:") + BODY, ":5: the head line 'inputs' says nothing"),
        (
            HEAD.replace("-- time: none", "-- time: a\n-- time: b") + BODY,
            ":5: the head line 'time' is given twice",
        ),
        (HEAD.replace("column n:", "column portfolio:") + BODY, ":8: the column portfolio is declared twice"),
        (HEAD.replace("[ratio] share; part", "part"), ":10: a column line reads"),
        (HEAD.replace("-- time: none", "-- a thought") + BODY, ":5: this head line comes after the head"),
        (HEAD[: HEAD.index("-- column")] + BODY, ":1: the head lacks '-- column NAME"),
        (
            HEAD.replace("column share:", "column share_{weeks}w:") + BODY,
            ":10: .* may hold {window} or {days}",
        ),
        (HEAD + "select {{ nothing }}\n", ": the file cannot be rendered: 'nothing' is undefined"),
        (HEAD + "{% for %}\n", ":11: Expected an expression"),
        (BODY, ":1: the head lacks"),
        ("-- a thought\n" + HEAD + BODY, ":1: the file must begin with its head"),
    ],
)
def test_a_wrong_head_is_refused_with_file_and_line(text, message, sql_file):
    sql_file("features/feat_x.sql", text)
    with pytest.raises(Refused, match=f"feat_x.sql{message}"):
        sql.load("features.feat_x")


def test_a_windowed_column_is_one_column_a_window_in_the_order_of_the_windows(sql_file):
    sql_file(
        "features/feat_x.sql",
        HEAD
        + "-- column n_{window}: [volume] count; rows, {window}\n"
        + "-- column m_{days}d: [volume] count; rows of {days} days, not of {window}s\n"
        + "{% for window in windows if window.days %}\n"
        + "{{ window.name }}: {{ window.days // 30 }}{{ ',' if not loop.last }}\n"
        + "{% endfor %}\n",
    )
    file = sql.load("features.feat_x")
    assert [(c.name, c.comment) for c in file.columns[3:]] == [
        ("n_30d", "[volume] count; rows, 30 days"),
        ("n_90d", "[volume] count; rows, 90 days"),
        ("n_180d", "[volume] count; rows, 180 days"),
        ("n_365d", "[volume] count; rows, 365 days"),
        ("n_all", "[volume] count; rows, known history"),
        ("m_30d", "[volume] count; rows of 30 days, not of 30 dayss"),
        ("m_90d", "[volume] count; rows of 90 days, not of 90 dayss"),
        ("m_180d", "[volume] count; rows of 180 days, not of 180 dayss"),
        ("m_365d", "[volume] count; rows of 365 days, not of 365 dayss"),
    ]
    assert file.text.endswith("30d: 1,\n90d: 3,\n180d: 6,\n365d: 12")


def test_inputs_and_columns_of_the_head_are_at_hand_for_loops(sql_file):
    head = HEAD.replace("-- inputs: none", "-- inputs: raw.outcomes, raw.transactions")
    sql_file(
        "features/feat_x.sql", head + "{% for relation in inputs %}\n-- wh.{{ relation }}\n{% endfor %}\n"
    )
    assert sql.load("features.feat_x").text.endswith("-- wh.raw.outcomes\n-- wh.raw.transactions")
    path = sql_file("features/feat_x.sql", head + "select {{ columns | join(', ') }}\n")
    os.utime(path, ns=(0, 1))
    assert sql.load("features.feat_x").text.endswith("select portfolio, n, share")


HEIR = """\
-- relation: features.feat_y
-- grain: one row per n
-- key: portfolio, n
-- time: none
-- inputs: features.feat_x
-- parameters: portfolio
-- inherit features.feat_x: n
-- column share: [ratio] share; a share of its own
-- inherit features.feat_x: all
"""


def test_columns_are_inherited_in_the_order_of_the_head_and_once(sql_file):
    path = sql_file("features/feat_x.sql", HEAD + BODY)
    sql_file("features/feat_y.sql", HEIR + "select 1\n")
    assert [(c.name, c.comment) for c in sql.load("features.feat_y").columns] == [
        ("n", "[key] number; a number that counts"),
        ("share", "[ratio] share; a share of its own"),
        ("portfolio", "[key] portfolio"),
    ]
    path.write_text(HEAD + "-- column m: [key] another\n" + BODY)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert [column.name for column in sql.load("features.feat_y").columns][-1] == "m"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("feat_x: n", "feat_x: n, m", ":7: features.feat_x has no column m"),
        ("feat_x: n", "feat_x:", ":7: the head line 'inherit' says nothing"),
        ("feat_x: all", "feat_x: n", ":9: the column n is declared twice"),
        (
            "feat_x: n",
            "feat_z: n",
            ":7: only an input's columns can be inherited, and features.feat_z is none",
        ),
        ("feat_x", "feat_z", ":7: there is no file .*feat_z.sql"),
        (
            "feat_x",
            "feat_y",
            ":7: heads inherit from one another in a circle: features.feat_y, features.feat_y",
        ),
    ],
)
def test_what_cannot_be_inherited_is_refused_with_file_and_line(old, new, message, sql_file):
    sql_file("features/feat_x.sql", HEAD + BODY)
    sql_file("features/feat_y.sql", HEIR.replace(old, new) + "select 1\n")
    with pytest.raises(Refused, match=f"feat_y.sql{message}"):
        sql.load("features.feat_y")


def test_the_command_prints_the_sql_that_runs_or_one_clear_line(capsys):
    assert sql.main(["features.feat_transactions"]) == 0
    printed = capsys.readouterr().out
    assert printed == sql.load("features.feat_transactions").text + "\n"
    assert "{%" not in printed
    for arguments in ([], ["features.feat_nowhere"], ["a", "b"]):
        assert sql.main(arguments) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1


def test_an_unknown_relation_is_refused():
    with pytest.raises(Refused, match=r"no file .*feat_nowhere.sql"):
        sql.load("features.feat_nowhere")
    with pytest.raises(Refused, match=r"give it as schema.name"):
        sql.load("feat_x")


def test_each_statement_gets_only_its_own_parameters(con):
    text = "create or replace temp table t as select $a as a; select a + $b as c from t"
    assert sql.query(con, text, {"a": 1, "b": 2, "unused": 3}).fetchall() == [(3,)]
    assert sql.frame(con, text, {"a": 1, "b": 2})["c"].to_list() == [3]
    with pytest.raises(Refused, match=r"needs the parameter\(s\) b, given: a"):
        sql.query(con, text, {"a": 1})
    with pytest.raises(Refused, match="holds no SQL statement"):
        sql.query(con, "-- nothing", {})


@pytest.mark.parametrize("relation", ALL)
def test_declared_inputs_of_each_file_are_the_tables_that_sqlglot_finds(relation):
    file = sql.load(relation)
    found = set()
    for statement in filter(None, sqlglot.parse(file.text, dialect="duckdb")):
        local = {expression.alias_or_name.lower() for expression in statement.find_all(exp.CTE)}
        found |= {
            f"{table.catalog}.{table.db}.{table.name}"
            for table in statement.find_all(exp.Table)
            if not isinstance(table.this, exp.Func) and (table.db or table.name.lower() not in local)
        }
    assert found == {f"wh.{relation}" for relation in file.inputs}


@pytest.mark.parametrize("relation", ALL)
def test_declared_parameters_of_each_file_are_those_it_names(relation, con):
    file = sql.load(relation)
    named = {name for statement in con.extract_statements(file.text) for name in statement.named_parameters}
    assert set(file.parameters) == named


@pytest.mark.parametrize("inputs", ["none", "raw.outcomes", "raw.enterprises, raw.outcomes"])
def test_lineage_refuses_a_head_that_names_other_inputs_than_the_text(inputs, sql_file):
    text = "-- not wh.raw.outcomes\nselect 1 as n from wh.raw.enterprises\n"
    sql_file("features/feat_x.sql", HEAD.replace("inputs: none", f"inputs: {inputs}") + text)
    with pytest.raises(Refused, match=r"feat_x.sql: the head's inputs and the text differ in raw\.(ent|out)"):
        lineage.edges()
    sql_file("features/feat_y.sql", HEAD.replace("feat_x", "feat_y") + BODY)
    (sql.SQL_DIR / "features" / "feat_x.sql").unlink()
    assert lineage.edges() == ()


def test_lineage_is_recorded_anew_where_it_changed(con):
    assert lineage.record(con) == len(lineage.edges()) > 100
    con.execute("update wh.ops.lineage set input = 'raw.nowhere' where relation = 'staging.stg_transactions'")
    assert lineage.record(con) == lineage.record(con) == len(lineage.edges())
    recorded = con.execute("select relation, input, sql_file from wh.ops.lineage order by all").fetchall()
    assert [lineage.Edge(*row) for row in recorded] == list(lineage.edges())


def test_staging_views_are_made_inputs_first(con, sql_file):
    head = HEAD.replace("-- parameters: portfolio", "-- parameters: none").replace(
        "features.feat_x", "staging.stg_{}"
    )
    body = "select e.portfolio, 1 as n, 0.5 as share from wh.{} as e\n"
    sql_file(
        "staging/stg_a.sql",
        head.format("a").replace("inputs: none", "inputs: staging.stg_b") + body.format("staging.stg_b"),
    )
    sql_file(
        "staging/stg_b.sql",
        head.format("b").replace("inputs: none", "inputs: raw.outcomes") + body.format("raw.outcomes"),
    )
    assert views.create_views(con) == views.create_views(con) == 2
    assert con.execute("select count(*) from wh.staging.stg_a").fetchone() == (0,)
    sql_file(
        "staging/stg_b.sql",
        head.format("b").replace("inputs: none", "inputs: staging.stg_a") + body.format("staging.stg_a"),
    )
    with pytest.raises(Refused, match="in a circle"):
        views.create_views(con)
    sql_file(
        "staging/stg_b.sql",
        head.format("b").replace("parameters: none", "parameters: portfolio") + body.format("raw.outcomes"),
    )
    with pytest.raises(Refused, match="cannot take parameters"):
        views.create_views(con)


def test_a_frame_keeps_the_order_of_its_query(con):
    # several vectors of rows; the relation API lost the order in about one of 150 such reads
    con.execute("create table wh.ops.many as select i, hash(i) as h from range(10_000) as r(i) order by h")
    for _ in range(200):
        found = sql.frame(con, "select i from wh.ops.many where i >= $first order by i", {"first": 0})["i"]
        assert found.to_list() == list(range(10_000))
