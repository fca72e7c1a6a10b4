"""Heads are read or refused with file and line; statements get only the parameters that they name."""

from __future__ import annotations

import pytest

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
        (BODY, ":1: the head lacks"),
        ("-- a thought\n" + HEAD + BODY, ":1: the file must begin with its head"),
    ],
)
def test_a_wrong_head_is_refused_with_file_and_line(text, message, sql_file):
    sql_file("features/feat_x.sql", text)
    with pytest.raises(Refused, match=f"feat_x.sql{message}"):
        sql.load("features.feat_x")


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


def test_declared_lineage_is_what_sqlglot_reads():
    assert lineage.declared() == lineage.parsed()


@pytest.mark.parametrize("relation", ALL)
def test_declared_inputs_of_each_file(relation):
    file = sql.load(relation)
    assert sorted(file.inputs) == list(lineage.inputs_of(file))


@pytest.mark.parametrize("relation", ALL)
def test_declared_parameters_of_each_file_are_those_it_names(relation, con):
    file = sql.load(relation)
    named = {name for statement in con.extract_statements(file.text) for name in statement.named_parameters}
    assert set(file.parameters) == named


def test_lineage_sees_through_ctes_and_refuses_bare_names(sql_file):
    text = (
        "with t as (select * from wh.raw.enterprises) "
        "select 1 as n from t join range(3) on true join bare on true\n"
    )
    sql_file("features/feat_x.sql", HEAD + text)
    with pytest.raises(Refused, match="'bare' must be spelled wh"):
        lineage.parsed()
    sql_file("features/feat_x.sql", HEAD + text.replace("join bare on true", ""))
    assert [edge.input for edge in lineage.parsed()] == ["raw.enterprises"]


def test_lineage_is_recorded_anew_each_time(con):
    assert lineage.record(con) == lineage.record(con) == len(lineage.parsed())
    assert con.execute("select count(*) from wh.ops.lineage").fetchone() == (len(lineage.parsed()),)


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
