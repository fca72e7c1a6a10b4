"""Snapshots whose windows are closed, a model registered once, refusals as one line."""

from __future__ import annotations

import tempfile
from datetime import date

import numpy as np
import polars as pl
import pytest

from models import artefact
from models.explaining import shap_check
from models.families import FAMILIES
from models.operational_risk.settings import OperationalRiskSettings
from models.scoring import score
from models.telling import training_card
from tasks import register
from tasks import train as tasks_train
from warehouse import matrix, registry, sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition

DAY = date(2026, 6, 30)
NIGHT = Night("p", DAY, "r")
CROSS_SECTION = OutcomeDefinition("cross_section", 0)
QUICK = OperationalRiskSettings(grid={"max_depth": (2,)})


def rows(count: int = 120) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    bad = np.arange(count) % 4 == 0
    return pl.DataFrame(
        {
            "enterprise_id": [f"E{n:03d}" for n in range(count)],
            "as_of_date": [DAY] * count,
            "coverage": ["thin"] * count,
            "tx_gap_std_all": rng.gamma(2.0, np.where(bad, 3.0, 1.0)),
            "tx_sales_all": rng.gamma(2.0, 1000.0, count),
            "label": bad.astype(np.int64),
        }
    )


@pytest.fixture(scope="module")
def trained() -> tasks_train.Trained:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        patch.setenv("NIGHTLEDGER_HOME", home)
        patch.setattr(matrix, "training_matrix", lambda *_, **__: matrix.TrainingRows(rows(), None))
        return tasks_train.train_model.fn(NIGHT, (DAY,), CROSS_SECTION, QUICK)


def test_label_windows_end_by_as_of_date_and_do_not_overlap():
    dates = OutcomeDefinition("dpd90", 365).snapshot_dates(DAY, snapshots=2)
    assert dates == (date(2024, 6, 30), date(2025, 6, 30))
    assert OutcomeDefinition.of("cross_section", horizon_days=365).snapshot_dates(DAY) == (DAY,)


def test_registered_once_with_what_it_said_of_unseen_rows_and_loaded_as_it_was(opened_home, trained):
    first = register.register_model.fn(trained, Night("p", DAY, "r1"), CROSS_SECTION, role="champion")
    again = register.register_model.fn(trained, Night("p", DAY, "r2"), CROSS_SECTION, role="champion")
    assert again.run_id == "r1"
    assert (first.purpose, first.horizon_days, first.feature_groups) == (
        "describe",
        None,
        ("consistency", "volume"),
    )
    assert set(first.metrics["raw"]) == {"accuracy", "precision", "recall", "auc", "ks", "brier", "log_loss"}
    with writer(purpose="test") as con:
        found = registry.champion(con, Night("p", DAY, "r"), family="operational_risk")
        assert registry.champion(con, Night("p", date(2026, 6, 29), "r"), family="operational_risk") is None
        unseen = sql.frame(con, "from wh.ops.evaluation_scores order by repeat, enterprise_id")
    labels = dict(rows().select("enterprise_id", "label").iter_rows())
    assert unseen.filter(repeat=0)["enterprise_id"].to_list() == sorted(labels)
    assert unseen["label"].to_list() == [labels[name] for name in unseen["enterprise_id"]]
    assert set(unseen["run_id"]) == {"r1"}
    model = artefact.load(registry.verify(found), sha256=found.artefact_sha256, schema_hash=found.schema_hash)
    assert score(model, rows()).equals(score(trained.training.model, rows()))


def test_what_was_drawn_is_told_in_the_log_on_the_card_and_in_the_registry(opened_home, monkeypatch, caplog):
    asked = {}

    def drawn(*_, **wanted):
        asked.update(wanted)
        return matrix.TrainingRows(rows(), 4_321)

    monkeypatch.setattr(matrix, "training_matrix", drawn)
    few = QUICK.model_copy(update={"training_rows": 1_000})
    with caplog.at_level("INFO", logger="nightledger"):
        trained = tasks_train.train_model.fn(NIGHT, (DAY,), CROSS_SECTION, few)
    assert (asked["at_most"], asked["random_state"]) == (1_000, few.random_state)
    assert "operational_risk on 120 rows drawn from 4,321: search" in caplog.text
    told = "120 labelled rows (of 4,321, drawn by snapshot and label), 30 defaults"
    assert training_card.lines(trained.training)[0].startswith(told)
    assert told in training_card.card(trained.training, FAMILIES["operational_risk"], title="t")
    record = register.register_model.fn(trained, NIGHT, CROSS_SECTION, role="champion")
    assert (record.metrics["rows"], record.metrics["drawn_from"]) == (120, 4_321)
    assert record.settings["training_rows"] == 1_000


def test_with_all_rows_taken_nothing_is_said_of_a_draw(opened_home, trained):
    record = register.register_model.fn(trained, NIGHT, CROSS_SECTION, role="champion")
    assert "drawn_from" not in record.metrics
    assert training_card.lines(trained.training)[0].startswith("120 labelled rows, 30 defaults")


def test_too_few_defaults_are_refused_in_one_line(opened_home, monkeypatch):
    few = rows().with_columns(label=pl.when(pl.int_range(pl.len()) < 5).then(1).otherwise(0))
    monkeypatch.setattr(matrix, "training_matrix", lambda *_, **__: matrix.TrainingRows(few, None))
    with pytest.raises(
        Refused, match=r"^p, operational_risk, dpd90: 5 defaults among 120 labelled rows; .*widen"
    ) as refusal:
        tasks_train.train_model.fn(NIGHT, (DAY,), OutcomeDefinition("dpd90", 365), QUICK)
    assert "\n" not in str(refusal.value)


def test_a_model_whose_contributions_are_not_those_of_shap_is_refused_in_one_line(opened_home, monkeypatch):
    monkeypatch.setattr(matrix, "training_matrix", lambda *_, **__: matrix.TrainingRows(rows(), None))
    monkeypatch.setattr(shap_check, "shap_values", lambda member, X: np.zeros(X.shape))
    trees = OperationalRiskSettings(folds=2, learner="random_forest", grid={"max_depth": (2,)})
    with pytest.raises(
        Refused,
        match=r"^p, operational_risk, .*: the contributions of random_forest differ from shap's by up to",
    ) as refusal:
        tasks_train.train_model.fn(NIGHT, (DAY,), CROSS_SECTION, trees)
    assert "\n" not in str(refusal.value)
