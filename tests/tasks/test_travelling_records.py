"""Nights and outcome definitions reach a task of a flow as the records that they are, and name its runs."""

from __future__ import annotations

from datetime import date
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run
from prefect.task_runners import ThreadPoolTaskRunner

from models.calibration import Calibrator
from models.master_scale import MasterScale
from models.scoring import CalibratedModel
from tasks.compare_part import Part, compare_part
from tasks.features import build_relation
from tasks.lineup import Lineup
from tasks.load_model import Models
from tasks.score_part import Part as PartOfNight
from tasks.score_part import score_partition
from tasks.train import train_model
from warehouse.changes import Nights
from warehouse.matrix import KeyRange
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition

NIGHT = Night("lender", date(2026, 6, 30), "r1")
NIGHTS = Nights(NIGHT, date(2026, 6, 29))
OUTCOME = OutcomeDefinition("dpd90", 365)


@task
def receive(night: Night, nights: Nights, outcome: OutcomeDefinition) -> tuple[Any, ...]:
    return night, nights, outcome


@pytest.mark.server
def test_they_arrive_as_they_were_sent_called_or_submitted(prefect_session: None, home):
    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def send() -> list[tuple[Any, ...]]:
        return [receive(NIGHT, NIGHTS, OUTCOME), receive.submit(NIGHT, NIGHTS, OUTCOME).result()]

    for night, nights, outcome in send():
        assert (night, nights, outcome) == (NIGHT, NIGHTS, OUTCOME)
        assert (type(night), type(nights), type(nights.night)) == (Night, Nights, Night)
        assert nights.earlier.key == {"portfolio": "lender", "as_of_date": date(2026, 6, 29)}


@pytest.mark.server
def test_models_are_handed_over_and_not_walked_through(prefect_session: None, home):
    """Prefect looks for futures in every collection; what is inside a classifier or an array it leaves alone."""

    class Unwalked(list):
        def __iter__(self):
            raise AssertionError("walked through")

    classifier = SimpleNamespace(members=Unwalked([1, 2]))
    models = {("wide_deep", "1"): CalibratedModel(classifier, Calibrator(), MasterScale(), "the test")}

    @task(cache_policy=NO_CACHE)
    def take(models: Models) -> bool:
        return models["wide_deep", "1"].classifier is classifier

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def send() -> list[bool]:
        return [take(models), take.submit(models).result()]

    assert send() == [True, True]


@pytest.mark.server
@pytest.mark.usefixtures("prefect_session", "home")
@pytest.mark.parametrize(
    ("named", "given", "name"),
    [
        (build_relation, ("features.feat_ledger", NIGHT), "build features.feat_ledger of 2026-06-30"),
        (train_model, (NIGHT, (), OUTCOME, None), "train model of lender"),
        (compare_part, (NIGHTS, {}, Path("pairs.parquet"), Part(500, 1000, 1, 4)), "compare part 1 of 4"),
        (
            score_partition,
            (NIGHT, Lineup({}), {}, PartOfNight(KeyRange("a", "f"), 1, 4)),
            "score part 1 of 4",
        ),
    ],
)
def test_a_run_of_a_task_is_named_by_its_records(named, given, name, monkeypatch):
    @wraps(named.fn)
    def tell_name(*_: Any, **__: Any) -> str:
        return task_run.get_name()

    monkeypatch.setattr(named, "fn", tell_name)
    options = {
        compare_part: {"top_features": 1, "file": Path("part.parquet")},
        score_partition: {"top_features": 1},
    }.get(named, {})

    @flow
    def once() -> str:
        return named(*given, **options)

    assert once() == name
