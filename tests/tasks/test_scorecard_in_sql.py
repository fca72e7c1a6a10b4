"""An analyst recomputes every total and PD of a scorecard in SQL, from ops.scorecard and the features alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from models.calibration import Calibrator
from models.master_scale import MasterScale
from models.scorecard.card import card_rows
from models.scorecard.classifier import ScorecardClassifier
from models.scoring import CalibratedModel, score
from warehouse import examples

DAY = date(2026, 6, 30)
ROWS = 700


def borrowers() -> tuple[pl.DataFrame, np.ndarray]:
    """Numbers, a flag and a category, each with gaps, and one value on each bound."""
    rng = np.random.default_rng(0)
    labels = (rng.random(ROWS) < 0.25).astype(np.int64)
    frame = pl.DataFrame(
        {
            "enterprise_id": [f"E{number:04d}" for number in range(ROWS)],
            "sales": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS) / 3 - labels / 3),
            "events": rng.poisson(3 + 2 * labels),
            "late": rng.random(ROWS) < 0.2 + 0.4 * labels,
            "sector": np.where(
                rng.random(ROWS) < 0.5 * labels, "retail", rng.choice(["farm", "works", "mill"], ROWS)
            ),
        },
        nan_to_null=True,
    ).with_columns(
        pl.when(pl.int_range(pl.len()) % 9 == 0).then(None).otherwise(pl.col(name)).alias(name)
        for name in ("late", "sector")
    )
    return frame, labels


@pytest.fixture(scope="module")
def model() -> CalibratedModel:
    frame, labels = borrowers()
    classifier = ScorecardClassifier(directions={"late": 1, "sales": -1}).fit(frame, labels)
    return CalibratedModel(
        classifier, Calibrator().fit(classifier.predict_proba(frame)[:, 1], labels), MasterScale(), "the same rows"
    )  # fmt: skip


def test_totals_are_the_same_to_the_last_digit_and_pds_to_fifteen(
    model: CalibratedModel, tmp_path: Path
) -> None:
    frame, _ = borrowers()
    bounds = [
        part.lower
        for feature in model.classifier.preparation_.features
        if feature.name == "sales"
        for part in feature.bins
        if part.lower is not None
    ]
    frame = frame.with_columns(
        sales=pl.Series([*bounds, *frame["sales"].to_list()[len(bounds) :]]),
        sector=pl.Series(["atlantis", *frame["sector"].to_list()[1:]]),
    )
    scored = score(model, frame)
    with duckdb.connect(tmp_path / "copy.duckdb") as con:
        for schema in ("features", "scores", "ops"):
            con.execute(f"create schema {schema}")
        key = "'p' as portfolio, 'points' as model_family, '1' as model_version"
        con.register("frame", frame)
        con.register("scored", scored)
        con.register("card", card_rows(model))
        con.execute(
            "create table features.feat_enterprise as "
            f"select 'p' as portfolio, date '{DAY}' as as_of_date, * from frame"
        )
        con.execute(
            "create table scores.portfolio_scores as "
            f"select {key}, date '{DAY}' as as_of_date, 'fresh' as score_status, * from scored"
        )
        con.execute(f"create table ops.scorecard as select {key}, * from card")
        told = con.execute(examples.example("scorecard_score").query).pl()
    assert {"sales", "events", "late", "sector"} == set(model.classifier.feature_names_in_)
    assert told["enterprise_id"].to_list() == frame["enterprise_id"].to_list()
    assert told["score"].to_list() == model.classifier.totals(frame).tolist()
    assert told["difference"].max() < 1e-15
