"""Pieces of a training run as tasks of the flow with names, in any order, with the results in theirs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from prefect import flow
from prefect.runtime import task_run
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from models.runner import Job
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.settings import VotingEnsembleSettings
from tasks import jobs


def test_without_a_flow_they_run_on_threads(home):
    runner = jobs.training_runner()
    assert runner is not jobs.as_tasks
    assert runner([Job("one", lambda: 1), Job("two", lambda: 2)]) == [1, 2]


@pytest.mark.server
def test_in_a_flow_they_are_tasks_with_names_and_may_be_asked_for_again_and_again(
    prefect_session: None, home
):
    def work(number: int) -> Any:
        return number, task_run.get_name(), threading.get_ident()

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def training() -> list[Any]:
        runner = jobs.training_runner()
        pieces = [Job(f"fold {number}", lambda number=number: work(number)) for number in range(5)]
        return [runner(pieces), runner(pieces)]

    for found in training():
        assert [(number, name) for number, name, _ in found] == [(n, f"fold {n}") for n in range(5)]
        assert threading.get_ident() not in {thread for *_, thread in found}


@pytest.mark.server
@pytest.mark.parametrize("task_runner", [ThreadPoolTaskRunner, ProcessPoolTaskRunner])
def test_results_come_back_in_the_order_of_the_jobs_from_threads_and_from_other_processes(
    prefect_session: None, home, task_runner: Any
):
    def work(number: int) -> tuple[int, int]:
        time.sleep(0.3 - 0.1 * number)  # the first one asked for ends last
        return number, os.getpid()

    @flow(task_runner=task_runner(max_workers=2))
    def training() -> list[Any]:
        return jobs.as_tasks(
            [Job(f"fold {number}", lambda number=number: work(number)) for number in range(3)]
        )

    numbers, processes = zip(*training(), strict=True)
    assert numbers == (0, 1, 2)
    assert (os.getpid() in processes) == (task_runner is ThreadPoolTaskRunner)


def test_no_more_pieces_wait_than_keep_every_worker_busy(home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "2")
    out, most = set(), []

    def submit(name: str, work: Any) -> SimpleNamespace:
        out.add(name)
        most.append(len(out))

        def result() -> Any:
            out.discard(name)
            return work()

        return SimpleNamespace(result=result)

    monkeypatch.setattr(jobs, "do_piece", SimpleNamespace(submit=submit))
    pieces = [Job(f"fold {number}", lambda number=number: number) for number in range(9)]
    assert jobs.as_tasks(pieces) == list(range(9))
    assert max(most) == 4


@pytest.mark.server
def test_a_piece_that_fails_fails_the_training_with_its_own_error(prefect_session: None, home):
    def fail() -> None:
        raise ValueError("one piece is broken")

    @flow
    def training() -> None:
        jobs.as_tasks([Job("good", lambda: 1), Job("bad", fail)])

    with pytest.raises(ValueError, match="one piece is broken"):
        training()


@pytest.mark.server
@pytest.mark.parametrize("task_runner", [ThreadPoolTaskRunner, ProcessPoolTaskRunner])
def test_task_runs_change_neither_the_decision_to_oversample_nor_the_model(
    prefect_session: None, home, task_runner: Any
):
    rng = np.random.default_rng(0)
    labels = (np.arange(160) % 5 == 0).astype(np.int64)
    frame = pl.DataFrame({f"x{n}": rng.normal(labels, 1.0) for n in range(3)})
    settings = VotingEnsembleSettings(members=("gbdt", "extra_trees"), bags=2, inner_folds=2)
    names: list[str] = []

    def noted(pieces: Sequence[Job]) -> list[Any]:
        names.extend(piece.name for piece in pieces)
        return jobs.as_tasks(pieces)

    @flow(task_runner=task_runner(max_workers=2))
    def training() -> VotingEnsembleClassifier:
        return VotingEnsembleClassifier(settings=settings, runner=noted).fit(frame, labels)

    alone, again = VotingEnsembleClassifier(settings=settings).fit(frame, labels), training()
    assert again.oversampling_ == alone.oversampling_
    assert np.array_equal(again.predict_proba(frame), alone.predict_proba(frame))
    assert {"gbdt fold 0", "gbdt fold 0, after SMOTE"} < set(names)
    assert len(set(names)) == len(names)
