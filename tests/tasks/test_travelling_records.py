"""Nights and outcome definitions reach a task of a flow as the records that they are, and name its runs."""

from __future__ import annotations

from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.runtime import task_run
from prefect.task_runners import ThreadPoolTaskRunner

from tasks.compare_part import compare_part
from tasks.features import build_part
from tasks.lineup import Lineup
from tasks.parts import Part
from tasks.score_part import score_partition
from tasks.train import train_model
from warehouse.buckets import BucketRange
from warehouse.changes import Nights
from warehouse.night import Night
from warehouse.outcome import OutcomeDefinition
from warehouse.snapshot import Snapshot

NIGHT = Night("lender", date(2026, 6, 30), "r1")
NIGHTS = Nights(NIGHT, date(2026, 6, 29))
PART = Part(BucketRange(1024, 2047), 1, 4)
SNAPSHOT = Snapshot("warehouse.duckdb", "code")
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
@pytest.mark.usefixtures("prefect_session", "home")
@pytest.mark.parametrize(
    ("named", "given", "name"),
    [
        (build_part, (NIGHT, PART, SNAPSHOT), "build part 1 of 4"),
        (train_model, (NIGHT, (), OUTCOME, None), "train model of lender"),
        (compare_part, (NIGHTS, (), Path("pairs.parquet"), PART, SNAPSHOT), "compare part 1 of 4"),
        (score_partition, (NIGHT, Lineup({}), PART, SNAPSHOT), "score part 1 of 4"),
    ],
)
def test_a_run_of_a_task_is_named_by_its_records(named, given, name, monkeypatch):
    @wraps(named.fn)
    def tell_name(*_: Any, **__: Any) -> str:
        return task_run.get_name()

    monkeypatch.setattr(named, "fn", tell_name)
    options = {"top_features": 1} if named in (compare_part, score_partition) else {}

    @flow
    def once() -> str:
        return named(*given, **options)

    assert once() == name
