"""Sensitive fields never train by default: no family asks for them, and the frame that it trains on lacks them."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from models.errors import ModelError
from models.families import FAMILIES
from models.wide_deep.settings import WideDeepSettings
from tasks import train as tasks_train
from warehouse import matrix
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition

DAY = date(2026, 6, 30)


class SeenError(ModelError):
    """Stops a training where it would begin."""


def trained_on(monkeypatch, settings: Any) -> tuple[list[str], Any]:
    """The columns and the estimator that a family would train with."""
    seen: dict[str, Any] = {}
    frame = pl.DataFrame({"enterprise_id": ["a"], "as_of_date": [DAY], "coverage": ["thin"], "label": [0]})

    def stop(estimator: Any, *, frame: pl.DataFrame, **_: Any) -> None:
        seen.update(columns=frame.columns, estimator=estimator)
        raise SeenError("seen")

    monkeypatch.setattr(matrix, "training_matrix", lambda *_, **__: matrix.TrainingRows(frame, None))
    monkeypatch.setattr(
        matrix,
        "add_sensitive",
        lambda _con, frame, **_: frame.with_columns(representative_gender=pl.lit("female")),
    )
    monkeypatch.setattr(tasks_train, "train", stop)
    with pytest.raises(Refused):
        tasks_train.train_model.fn(Night("p", DAY, "r"), (DAY,), OutcomeDefinition("dpd90", 365), settings)
    return seen["columns"], seen["estimator"]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_no_family_trains_on_a_sensitive_field_by_default(opened_home, monkeypatch, family):
    settings = family.settings
    columns, estimator = trained_on(monkeypatch, settings())
    assert matrix.SENSITIVE.isdisjoint(columns)
    asked = settings().model_dump()
    groups = [group for name in asked if name.endswith("groups") for group in asked[name] or ()]
    assert "sensitive" not in groups
    assert {estimator.groups[name] for name in matrix.SENSITIVE} == {"sensitive"}


def test_only_use_hands_them_over(opened_home, monkeypatch):
    columns, _ = trained_on(monkeypatch, WideDeepSettings(sensitive="use"))
    assert set(columns) >= matrix.SENSITIVE


def test_the_wide_relation_holds_no_sensitive_field():
    groups = matrix.feature_groups()
    from warehouse import sql

    assert matrix.SENSITIVE.isdisjoint(column.name for column in sql.load(matrix.RELATION).columns)
    assert {name for name, group in groups.items() if group == "sensitive"} == matrix.SENSITIVE
