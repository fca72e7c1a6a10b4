"""Enterprises are seen side by side only once the whole of their night has passed its audits."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from tasks.features import WIDE, adopting, build_facts, build_part, feature_order
from tasks.parts import numbered
from warehouse import matrix
from warehouse.buckets import ALL, BucketRange
from warehouse.connection import reader, writer
from warehouse.errors import Refused
from warehouse.feature_parts import COVERAGE
from warehouse.night import Night
from warehouse.publishing import publish
from warehouse.snapshot import pinned

FIRST, NIGHT = date(2026, 5, 31), date(2026, 6, 30)
# two keys whose 64 bits are the same: of the first eight bytes of a short text DuckDB's hash is a product, to which
# the last four are added bit by bit, so that a partner of any key can be worked out
TWINS = ("E00000000040", "CJVUV7OLJOXC")


def enroll(con, *names: str) -> None:
    for name in names:
        con.execute(
            "insert into wh.raw.enterprises (portfolio, enterprise_id, valid_from, known_at) "
            "values ('p', ?, date '2020-01-01', timestamp '2020-01-01')",
            [name],
        )


def build(day: date, *ranges: BucketRange) -> None:
    """Build a night in parts, a single one unless ranges of buckets are given."""
    night = Night("p", day, "r")
    build_facts.fn(night)
    with pinned() as snapshot, adopting(night) as adopt:
        for part in numbered(ranges or [ALL]):
            adopt(build_part.fn(night, part, snapshot))


def seen(con, night: date) -> list[str]:
    query = f"select enterprise_id from wh.{WIDE} where portfolio = 'p' and as_of_date = ? order by all"
    return [name for (name,) in con.execute(query, [night]).fetchall()]


@pytest.fixture
def con(opened_home):
    with writer(purpose="test") as cursor:
        enroll(cursor, TWINS[0], "another")
        yield cursor


def test_coverage_comes_last_and_the_view_is_no_table_to_build():
    order = feature_order()
    assert order[-1] == COVERAGE
    assert WIDE not in order


def test_a_night_that_was_begun_again_is_not_seen_until_it_has_passed(con):
    build(NIGHT)
    assert seen(con, NIGHT) == [TWINS[0], "another"]
    assert matrix.has_features(con, Night("p", NIGHT, "r"))
    build_facts.fn(Night("p", NIGHT, "r"))
    assert seen(con, NIGHT) == []
    assert not matrix.has_features(con, Night("p", NIGHT, "r"))
    build(NIGHT, BucketRange(0, 2000), BucketRange(2001, 4095))
    assert seen(con, NIGHT) == [TWINS[0], "another"]


def test_only_the_files_that_the_parts_returned_are_adopted(con):
    build(NIGHT)
    whole = con.execute(f"from wh.{WIDE} order by all").fetchall()
    night = Night("p", NIGHT, "r")
    with pinned() as snapshot:
        # a part whose worker was thought dead: both tries have written, one is heard of
        first, again = (build_part.fn(night, numbered([ALL])[0], snapshot) for _ in range(2))
    assert all(path.exists() for path in first.values())
    with adopting(night) as adopt:
        adopt(again)
    assert matrix.enterprises(con, night) == 2
    assert con.execute(f"from wh.{WIDE} order by all").fetchall() == whole


def test_a_file_that_is_gone_leaves_the_night_as_it_was(con):
    build(NIGHT)
    night = Night("p", NIGHT, "r")
    with pinned() as snapshot:
        files = build_part.fn(night, numbered([ALL])[0], snapshot)
    files["features.feat_ledger"].unlink()
    with pytest.raises(duckdb.IOException, match="No files found"), adopting(night) as adopt:
        adopt(files)
    assert seen(con, NIGHT) == [TWINS[0], "another"]


def test_two_enterprises_that_share_64_bits_stop_the_night(con):
    (one, other) = con.execute("select hash(?), hash(?)", list(TWINS)).fetchone()
    assert one == other, "another version of DuckDB hashes otherwise: work out another pair"
    build(FIRST)
    enroll(con, TWINS[1])
    with pytest.raises(Refused, match=r"assert_features_hash_unique: 1 row.*CJVUV7OLJOXC.*E00000000040"):
        build(NIGHT)
    assert seen(con, NIGHT) == []
    assert seen(con, FIRST) == [TWINS[0], "another"]


def test_the_copy_holds_the_wide_rows_of_the_latest_night_that_passed(con):
    build(FIRST)
    enroll(con, TWINS[1])
    with pytest.raises(Refused):
        build(NIGHT)
    publish.publish(con, "run")
    with reader() as published:
        rows = published.execute(
            f"select enterprise_id, as_of_date, coverage from {WIDE} order by all"
        ).fetchall()
        kind = published.execute(
            "select count(*) from duckdb_tables() where table_name = 'feat_enterprise'"
        ).fetchone()
        told = published.execute(
            "select count(*) filter (where comment is null) from duckdb_columns() where table_name = 'feat_enterprise'"
        ).fetchone()
        parts = published.execute("select distinct as_of_date from features.feat_transactions").fetchall()
    assert rows == [(TWINS[0], FIRST, "unscoreable"), ("another", FIRST, "unscoreable")]
    assert (kind, told, parts) == ((1,), (0,), [(FIRST,)])
