"""The parts of a scored night wait for their gate whole or not at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tasks.score_part import PartFiles
from tasks.staging import staging
from warehouse import scores
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night

NIGHT = Night("p", date(2026, 6, 30), "r")


@pytest.fixture
def con(opened_home):
    with writer(purpose="test") as cursor:
        yield cursor


def part(folder: Path, *names: str, pd: float | None = 0.1, rows: int | None = None) -> PartFiles:
    """Write the scores of some borrowers; `rows` is how many the part says it wrote."""
    frame = pl.DataFrame(
        {"enterprise_id": names, "coverage": "thin", "pd": pd}, schema_overrides={"pd": pl.Float64}
    )
    told = frame.with_columns(pd_raw=pl.col("pd"), score_points=pl.lit(500.0), grade=pl.lit("D1"))
    file = folder / f"scores-{'-'.join(names)}.parquet"
    scores.as_rows(told, NIGHT, record=None, headline=("thin",)).write_parquet(file)
    return PartFiles(file, len(names) if rows is None else rows, None, None, ())


def waiting(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return con.execute(
        "select enterprise_id, score_status, scored_as_of from wh.scores.incoming_scores order by all"
    ).fetchall()


def stage_all(*parts: PartFiles) -> None:
    with staging(NIGHT) as stage:
        for each in parts:
            stage(each)


def test_later_parts_wait_beside_the_first_and_the_next_night_replaces_them(con, tmp_path):
    for names in (("a", "b"), ("c",)):
        stage_all(part(tmp_path, *names), part(tmp_path, "d", pd=None))
    assert waiting(con) == [("c", "fresh", NIGHT.as_of_date), ("d", "unscoreable", None)]


def test_scores_that_the_file_of_a_part_does_not_hold_are_missed_and_nothing_is_staged(con, tmp_path):
    stage_all(part(tmp_path, "before"))
    short = [part(tmp_path, "a"), part(tmp_path, "b", rows=3)]
    with pytest.raises(Refused, match=r"scores-b.parquet holds 1 scores where 3 were written; score again"):
        stage_all(*short)
    assert waiting(con) == [("before", "fresh", NIGHT.as_of_date)]
