"""The rows of a scorecard are kept once, read with the names of their features, and paired with those of another."""

from __future__ import annotations

from datetime import date

import polars as pl
from polars.testing import assert_frame_equal

from warehouse import evaluations, feature_catalogue, scorecards, tables
from warehouse.registry import ModelRecord

DAY = date(2025, 6, 30)


def model(family: str, version: str = "1") -> ModelRecord:
    return ModelRecord.model_construct(
        portfolio="lender", model_family=family, model_version=version, run_id="r"
    )


CARD = model("points")


def rows(points: int = 5) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "place": [1, 1, 2],
            "feature": ["employees", "employees", "gone"],
            "bin": [1, 2, 1],
            "kind": ["interval", "missing", "category"],
            "lower": [0.5, None, None],
            "levels": [[], [], ["a", "b"]],
            "points": [points, -points, 0],
        }
    )


def unseen(pds: list[float], labels: list[int], *, repeat: int = 0) -> pl.DataFrame:
    count = len(pds)
    return pl.DataFrame(
        {
            "as_of_date": [DAY] * count,
            "enterprise_id": [f"E{number}" for number in range(count)],
            "repeat": [repeat] * count,
            "coverage": ["thick"] * count,
            "label": labels,
            "pd_raw": pds,
            "pd": pds,
        }
    )


def test_rows_replace_those_of_the_same_model_and_have_the_names_of_their_features(con):
    feature_catalogue.record(con)
    other = model("points", "2")
    for points in (9, 5):
        scorecards.record(con, rows(points), CARD)
    scorecards.record(con, rows(7), other)
    told = scorecards.read(con, CARD)
    kept = ("place", "feature", "bin", "kind", "lower", "levels", "points")
    assert_frame_equal(told.select(kept), rows(5), check_dtypes=False)
    assert told["business_name"].to_list() == ["Employees", "Employees", None]
    assert scorecards.read(con, other)["points"].to_list() == [7, -7, 0]
    assert scorecards.read(con, model("operational_risk")).is_empty()


def test_every_column_of_the_card_is_in_the_table(con):
    from models.scorecard.card import ROWS

    shared = {"portfolio", "model_family", "model_version", "run_id", "recorded_at"}
    assert set(tables.shapes(con, "ops")["ops.scorecard"]) - shared == set(ROWS)


def test_rows_of_two_models_are_paired_and_repeats_averaged(con):
    evaluations.record(
        con, pl.concat([unseen([0.1, 0.5], [0, 1]), unseen([0.3, 0.7], [0, 1], repeat=1)]), CARD
    )
    evaluations.record(con, unseen([0.2, 0.4, 0.9], [0, 1, 1]), model("wide_deep"))
    told = scorecards.paired(con, CARD, model("wide_deep"))
    assert told.columns == ["label", "pd", "other_pd"]
    assert [tuple(round(value, 9) for value in row) for row in told.rows()] == [(0, 0.2, 0.2), (1, 0.6, 0.4)]
    assert scorecards.paired(con, CARD, model("voting_ensemble")).is_empty()
