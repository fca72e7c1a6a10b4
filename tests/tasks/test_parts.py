"""Who computes the parts of a step, and what is said when nobody does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from distributed import Client, LocalCluster
from prefect.task_runners import ThreadPoolTaskRunner

from tasks import parts
from warehouse.errors import Refused


class Runner:
    """A task runner whose client is found when it is asked for, as that of Prefect is."""

    def __init__(self, connect) -> None:
        self.connect = connect

    @property
    def client(self) -> Client:
        return self.connect()


def on(monkeypatch, connect) -> None:
    """Let a flow run on a cluster."""
    monkeypatch.setenv("NIGHTLEDGER_DASK", "tcp://10.0.0.1:8786")
    monkeypatch.setenv("NIGHTLEDGER_LOCK_WAIT_SECONDS", "1")
    run = SimpleNamespace(task_runner=Runner(connect))
    monkeypatch.setattr(parts, "FlowRunContext", SimpleNamespace(get=lambda: run))


def unreachable() -> Client:
    raise OSError("Timed out trying to connect to tcp://10.0.0.1:8786 after 30 s")


def test_without_dask_one_part_is_computed_at_once():
    assert parts.workers() == 1


def test_each_thread_of_a_worker_computes_a_part_and_a_cluster_without_workers_is_refused(monkeypatch):
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        on(monkeypatch, lambda: client)
        assert parts.workers() == 2
        cluster.scale(0)
        client.retire_workers()
        with pytest.raises(
            Refused, match=r"no worker has come to the Dask scheduler \(tcp://10.0.0.1:8786\) within 1"
        ):
            parts.workers()


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch):
    on(monkeypatch, unreachable)
    with pytest.raises(
        Refused, match=r"^no Dask scheduler answers at tcp://10.0.0.1:8786; start it, or change"
    ):
        parts.workers()


def test_a_flow_that_keeps_threads_computes_in_its_own_process_whatever_the_setting(monkeypatch):
    on(monkeypatch, unreachable)
    assert parts.on_dask()
    run = SimpleNamespace(task_runner=ThreadPoolTaskRunner(max_workers=2))
    monkeypatch.setattr(parts, "FlowRunContext", SimpleNamespace(get=lambda: run))
    assert not parts.on_dask()
    assert parts.workers() == 1
