"""Grade and points of every published score follow from its PD by the macros, which come from ops.master_scale."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.master_scale import MasterScale, MasterScaleSettings
from warehouse import master_scale
from warehouse.connection import reader
from warehouse.errors import Refused
from warehouse.publishing import publish
from warehouse.publishing.published import ask

SCALE = MasterScale()


def on_the_scale(portfolio, pds: list[float]) -> pl.DataFrame:
    """Four scored rows whose grade and points the model's own scale gives."""
    said = np.array(pds)
    return portfolio.rows().with_columns(
        pl.Series("pd", [*pds, None]),
        pl.Series("grade", [*SCALE.grade(said), None]),
        pl.Series("score_points", [*SCALE.score_points(said), None]),
    )


@pytest.mark.parametrize(
    "pds",
    [[0.03, 0.2, 1 / 51, 0.999], [0.0025, 0.01, 0.32, 0.64], [1e-9, 0.0024999999, 0.15999999999, 1 - 1e-12]],
)
def test_every_published_grade_and_number_of_points_is_recomputed_from_its_pd(pds, portfolio):
    publish.publish(portfolio.con, portfolio.score(on_the_scale(portfolio, pds)))
    with reader() as published:
        rows = published.execute(
            "select grade = marts.grade_of(pd), abs(score_points - marts.points_of(pd)) "
            "from scores.portfolio_scores where pd is not null"
        ).fetchall()
    assert len(rows) == 4
    assert all(same and apart < 1e-9 for same, apart in rows)


def test_the_macros_work_in_one_query_and_refuse_what_is_no_pd(portfolio):
    publish.publish(portfolio.con, portfolio.score())
    answer = ask(
        "select marts.grade_of(0.03) as grade, marts.points_of(1 / 51) as points, marts.notch_of('C1') as n"
    )
    assert answer.row(0)[0::2] == ("C1", 5)
    assert answer["points"][0] == pytest.approx(600, abs=1e-9)
    assert ask("select marts.grade_of(null) as g, marts.points_of(null) as p").row(0) == (None, None)
    for wrong in ("0", "1", "-0.1", "'nan'::double"):
        with pytest.raises(Refused, match="not strictly between 0 and 1"):
            ask(f"select marts.grade_of({wrong})")
        with pytest.raises(Refused, match="not strictly between 0 and 1"):
            ask(f"select marts.points_of({wrong})")


def test_the_warehouse_has_the_scale_that_models_carry_unless_told_otherwise(con):
    carried = MasterScaleSettings().model_dump(mode="json")
    assert master_scale.as_settings(master_scale.grades(con)) == carried
    master_scale.check(con, MasterScaleSettings().model_dump(), model="m")
    assert con.execute("select wh.marts.grade_of(0.0025), wh.marts.grade_of(0.64)").fetchone() == ("A2", "E2")


def test_the_macros_follow_the_rows_of_the_table(con):
    con.execute("update wh.ops.master_scale set pd_below = 0.05 where grade = 'C1'")
    con.execute("update wh.ops.master_scale set base_points = 500")
    master_scale.create_macros(con)
    grade, points = con.execute("select wh.marts.grade_of(0.045), wh.marts.points_of(1 / 51.0)").fetchone()
    assert (grade, round(points, 9)) == ("C1", 500)
