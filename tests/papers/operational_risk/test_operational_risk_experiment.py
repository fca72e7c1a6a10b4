"""The page shows the rows it is given beside the published ones, and nothing for what was not measured."""

from __future__ import annotations

import polars as pl
import pytest
from labelled_frames import make_portfolio

from models.metrics import METRICS
from models.runner import threads
from papers.operational_risk import experiment
from papers.operational_risk.page import page
from papers.operational_risk.tables import published_table_4


def as_rows(measured: experiment.Replication, dataset: str) -> pl.DataFrame:
    shared = {"dataset": dataset, "protocol": measured.protocol, "run_id": "20261121T000000-replicate-000000"}
    return pl.DataFrame(
        [{**figure._asdict(), **shared} for figure in measured.figures], infer_schema_length=None
    )


def test_published_figures_are_those_of_the_paper():
    table = published_table_4()
    assert table["XGBoost"] == {"accuracy": 0.91, "precision": 0.88, "recall": 0.90, "auc": 0.94}
    assert table["Logistic Regression"] == {"accuracy": 0.78, "precision": 0.72, "recall": 0.65, "auc": 0.75}
    assert set(table) == set(experiment.PUBLISHED_NAMES.values())


@pytest.mark.slow
def test_table_4_has_every_model_and_measure_beside_the_published():
    small = make_portfolio(150)
    measured = experiment.table_4(small.frame, small.labels, groups=small.groups, repeats=2, runner=threads())
    assert len(measured.figures) == 4 * len(METRICS)
    assert {figure.published for figure in measured.figures if figure.metric == "auc"} == {
        0.75,
        0.81,
        0.89,
        0.94,
    }
    assert {figure.published for figure in measured.figures if figure.metric == "ks"} == {None}
    assert all(len(folds) == 1 for folds in measured.curves.values())
    text = page(as_rows(measured, "simulated-5000-7"))
    assert "| XGBoost | AUC | 0.94 | " in text
    assert "the generator is ours" in text.lower()
    assert "Hypothesis 1" not in text


@pytest.mark.slow
def test_hypothesis_1_pairs_the_feature_sets(monkeypatch):
    small = make_portfolio(100)
    groups = {**small.groups, "supplier_latency_mean_365d": "recency"}
    monkeypatch.setattr(experiment, "HYPOTHESIS_LEARNERS", ("logistic_regression",))
    measured = experiment.hypothesis_1(small.frame, small.labels, groups=groups, repeats=1, runner=threads())
    gaps = {figure.row_name: figure for figure in measured.figures if figure.metric == "auc difference"}
    assert len(gaps) == len(experiment.DIFFERENCES)
    aucs = {figure.row_name: figure.mean for figure in measured.figures if figure.metric == "auc"}
    name = "Logistic Regression"
    assert gaps[f"operational less volume, {name}"].mean == pytest.approx(
        aucs[f"operational, {name}"] - aucs[f"volume, {name}"]
    )
    text = page(as_rows(measured, "cumcm2020c"))
    assert "The default flag has no date" in text
    assert "Table 4, on" not in text
