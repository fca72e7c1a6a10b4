"""What no migration writes follows its declaration: tables of raw, tables where rows wait, views, marts."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from warehouse import declared, dictionary, lineage, sql, tables
from warehouse.connection import reader, writer
from warehouse.errors import Refused
from warehouse.intake.feeds import FEEDS
from warehouse.publishing import publish
from warehouse.settings import settings

MART = """\
-- relation: marts.mart_a_first
-- grain: one row per portfolio and region of the latest night
-- key: portfolio, region
-- time: the latest as_of_date that the portfolio was scored for
-- inputs: marts.mart_portfolio_latest
-- parameters: portfolio
-- inherit marts.mart_portfolio_latest: portfolio, region
-- column enterprises: [count] rows; borrowers

select
    portfolio,
    region,
    count(*) as enterprises
from wh.marts.mart_portfolio_latest
where portfolio = $portfolio
group by portfolio, region
"""


@pytest.fixture
def mart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a mart that no one has heard of, in a copy of all SQL files; it is not written yet."""
    folder = tmp_path / "sql"
    shutil.copytree(sql.SQL_DIR, folder)
    monkeypatch.setattr(sql, "SQL_DIR", folder)
    return folder / "marts" / "mart_a_first.sql"


STAGED = "select sql from duckdb_views() where database_name = 'wh' and view_name = 'stg_outcomes'"


@pytest.fixture
def staged(mart: Path, opened_home: Path) -> Path:
    """The file of a view, in a copy of all SQL files; the home was declared by the real ones, which are the same."""
    return mart.parents[1] / "staging" / "stg_outcomes.sql"


def view_after_an_opening() -> str:
    with writer(purpose="test") as con:
        return str((con.execute(STAGED).fetchone() or ("",))[0])


def test_an_opening_by_the_same_program_writes_nothing(opened_home):
    digests = set()
    for _ in range(3):
        digests.add(hashlib.sha256(settings().warehouse_file.read_bytes()).hexdigest())
        with writer(purpose="test"):
            pass
    assert len(digests) == 1


def test_each_of_two_programs_that_open_in_turn_finds_what_it_declares(staged):
    ours, theirs = staged.read_text(), staged.read_text().rstrip() + "\nlimit 12345\n"
    for text in (ours, theirs, ours, theirs, theirs):
        staged.write_text(text)
        assert ("12345" in view_after_an_opening()) is (text == theirs)


def test_an_opening_by_another_version_of_duckdb_creates_all_anew(opened_home):
    with writer(purpose="test") as con:
        (ours,) = con.execute(f"select fingerprint from wh.{declared.DECLARED}").fetchone()
        con.execute("create or replace view wh.staging.stg_outcomes as select 12345 as n")
    assert "12345" in view_after_an_opening()
    with writer(purpose="test") as con:
        con.execute(f"update wh.{declared.DECLARED} set fingerprint = '1.0.0' || substr(fingerprint, 6)")
    assert "12345" not in view_after_an_opening()
    with writer(purpose="test") as con:
        assert con.execute(f"select fingerprint from wh.{declared.DECLARED}").fetchall() == [(ours,)]


def test_what_a_program_left_half_created_passes_for_no_one(staged, mart):
    ours = staged.read_text()
    assert "12345" not in view_after_an_opening()
    staged.write_text(ours.rstrip() + "\nlimit 12345\n")
    mart.write_text(MART.replace("count(*)", "count(nonsense)"))
    for _ in range(2):
        with pytest.raises(Refused, match="nonsense"):
            view_after_an_opening()
    staged.write_text(ours)
    mart.unlink()
    assert "12345" not in view_after_an_opening()


def test_a_warehouse_of_before_is_declared_once_and_then_left_alone(opened_home):
    with writer(purpose="test") as con:
        con.execute(f"drop table wh.{declared.DECLARED}")
        con.execute("delete from wh.ops.migrations where name = 'declared'")
        con.execute("create or replace view wh.staging.stg_outcomes as select 12345 as n")
    for _ in range(2):
        assert "12345" not in view_after_an_opening()
        with writer(purpose="test") as con:
            assert con.execute(f"select count(*) from wh.{declared.DECLARED}").fetchone() == (1,)


def test_a_mart_is_one_new_file(mart, portfolio):
    con = portfolio.con
    portfolio.score()
    mart.write_text(MART)
    declared.create(con)
    assert con.execute("describe wh.marts.mart_a_first").fetchall() == [
        ("portfolio", "VARCHAR", "YES", None, None, None),
        ("region", "VARCHAR", "YES", None, None, None),
        ("enterprises", "BIGINT", "YES", None, None, None),
    ]
    comments = tables.comments(con, "marts")
    assert comments["marts.mart_a_first", ""] == "one row per portfolio and region of the latest night"
    assert comments["marts.mart_a_first", "region"] == "[profile] region of the seat"
    assert con.execute("from wh.marts.mart_a_first").fetchall() == []

    portfolio.score()
    publish.publish(con, "run")
    with reader() as published:
        assert published.execute("from marts.mart_a_first").fetchall() == [("lender", "north", 5)]
    assert "### marts.mart_a_first" in dictionary.dictionary()
    assert "marts__mart_portfolio_latest --> marts__mart_a_first" in dictionary.relation_map()
    assert ("marts.mart_a_first", "marts.mart_portfolio_latest") in {
        (edge.relation, edge.input) for edge in lineage.edges()
    }

    mart.unlink()
    declared.create(con)
    publish.publish(con, "run")
    with reader() as published:
        assert "marts.mart_a_first" not in tables.shapes(published, "marts")


def test_a_mart_gains_a_column_with_the_next_night(mart, portfolio):
    mart.write_text(MART)
    portfolio.score()
    mart.write_text(
        MART.replace("borrowers\n", "borrowers\n-- column scored: [count] rows; those with a pd\n").replace(
            "as enterprises\n", "as enterprises,\n    count(pd) as scored\n"
        )
    )
    declared.create(portfolio.con)
    portfolio.score()
    assert portfolio.one("from wh.marts.mart_a_first") == ("lender", "north", 5, 4)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "enterprises: [count]",
            "firms: [count]",
            "only in the head: firms; only in the select: enterprises",
        ),
        ("count(*)", "count(nonsense)", r"mart_a_first.sql: .*nonsense"),
        (
            "inputs: marts.mart_portfolio_latest",
            "inputs: marts.mart_portfolio_latest, marts.mart_a_first",
            "circle",
        ),
    ],
)
def test_a_mart_that_cannot_be_made_is_refused_with_its_file(mart, con, old, new, line):
    mart.write_text(MART.replace(old, new))
    with pytest.raises(Refused, match=line):
        declared.create(con)


def test_comments_of_marts_follow_their_heads(con):
    con.execute("comment on table wh.marts.mart_ifrs9 is 'old'")
    con.execute("comment on column wh.marts.mart_ifrs9.pd is null")
    declared.create(con)
    comments, file = tables.comments(con, "marts"), sql.load("marts.mart_ifrs9")
    assert comments["marts.mart_ifrs9", ""] == file.grain
    assert all(comments["marts.mart_ifrs9", column.name] == column.comment for column in file.columns)


def test_a_table_of_raw_gains_the_columns_that_its_feed_gained(con):
    con.execute("alter table wh.raw.outcomes drop column insolvency")
    declared.create(con)
    assert tables.shapes(con, "raw")["raw.outcomes"]["insolvency"] == "BOOLEAN"
    assert tables.comments(con, "raw")["raw.outcomes", "insolvency"] == "insolvency was opened"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("add column mood varchar", r"feeds.py: the column\(s\) mood of wh.raw.outcomes vanished"),
        (
            "alter column days_past_due type varchar",
            "days_past_due of wh.raw.outcomes is VARCHAR, .* INTEGER",
        ),
    ],
)
def test_a_table_of_raw_that_its_feed_does_not_fit_is_refused(con, change, line):
    con.execute(f"alter table wh.raw.outcomes {change}")
    with pytest.raises(Refused, match=line):
        declared.create(con)


def test_a_comment_of_raw_says_what_the_column_is_for(con):
    comments = tables.comments(con, "raw")
    assert comments["raw.enterprises", ""] == (
        "one row per portfolio, enterprise, valid_from and version: the profile of a borrower"
    )
    assert comments["raw.enterprises", "valid_from"].endswith("(business time)")
    assert comments["raw.legal_cases", "role"] == "plaintiff or defendant"
    for feed in FEEDS.values():
        for column in feed.columns:
            comment = comments[f"raw.{feed.name}", column.name]
            assert comment.startswith("key; ") == (column.name in feed.key)
            assert comment.startswith("(personal) stops at raw; ") == column.pii
            assert comment.startswith("(sensitive) ") == column.sensitive


@pytest.mark.parametrize("waiting", declared.WAITING)
def test_rows_wait_in_a_table_of_the_same_columns(con, waiting):
    target = declared.WAITING[waiting]
    con.execute(f"alter table wh.{target} add column mood varchar")
    con.execute(f"comment on column wh.{target}.mood is 'of the night'")
    declared.create(con)
    shapes, comments = tables.shapes(con, "scores"), tables.comments(con, "scores")
    assert shapes[waiting] == shapes[target]
    assert [comments[waiting, name] for name in shapes[waiting]] == [
        comments[target, name] for name in shapes[target]
    ]
