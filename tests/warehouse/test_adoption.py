"""Files of parts become a partition of their relations, in the order of the parts, or nothing does."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from warehouse import feature_parts
from warehouse.adoption import Adoption
from warehouse.buckets import ALL, BucketRange
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.partition import replace_partition

NIGHT = Night("p", date(2026, 6, 30), "r")
OTHER = NIGHT.on(date(2026, 5, 31))
RELATIONS = ("features.feat_legal", "features.feat_profile")
NAMES = tuple(f"E{number:02d}" for number in range(20))


@pytest.fixture
def con(opened_home):
    with writer(purpose="test") as cursor:
        for name in NAMES:
            cursor.execute(
                "insert into wh.raw.enterprises (portfolio, enterprise_id, valid_from, known_at) "
                "values ('p', ?, date '2020-01-01', timestamp '2020-01-01')",
                [name],
            )
        for relation in feature_parts.whole_portfolio():
            for day in (OTHER, NIGHT):
                replace_partition(cursor, relation, day.key)
        yield cursor


def built(con: duckdb.DuckDBPyConnection, night: Night, part: BucketRange, folder: Path) -> dict[str, Path]:
    files = feature_parts.build(con, night, part, folder)
    return {relation: files[relation] for relation in RELATIONS}


def stored(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[object, ...]]:
    # as they lie in the file
    return con.execute(
        f"select bucket, enterprise_id from wh.{relation} where as_of_date = ? order by rowid",
        [NIGHT.as_of_date],
    ).fetchall()


def test_parts_lie_in_the_order_of_their_key_and_replace_what_was_there(con, tmp_path):
    halves = (BucketRange(0, 2047), BucketRange(2048, 4095))
    for parts in ((ALL,), halves):
        files = [built(con, NIGHT, part, tmp_path) for part in parts]
        with transaction(con):
            adoption = Adoption(con, RELATIONS, NIGHT.key)
            for of_part in files:
                adoption.add(of_part)
        assert adoption.rows == dict.fromkeys(RELATIONS, len(NAMES))
        for relation in RELATIONS:
            rows = stored(con, relation)
            assert len(rows) == len(NAMES)
            assert rows == sorted(rows)


def test_rows_of_another_night_are_refused_and_nothing_is_stored(con, tmp_path):
    first = built(con, NIGHT, ALL, tmp_path)
    other = built(con, OTHER, ALL, tmp_path)
    with transaction(con):
        Adoption(con, RELATIONS, NIGHT.key).add(first)
    with (
        pytest.raises(
            Refused,
            match=r"feat_profile.sql: 20 of 20 rows lie outside the partition as_of_date=2026-06-30, portfolio=p",
        ),
        transaction(con),
    ):
        Adoption(con, RELATIONS, NIGHT.key).add({**first, RELATIONS[1]: other[RELATIONS[1]]})
    for relation in RELATIONS:
        assert len(stored(con, relation)) == len(NAMES)
