"""NIGHTLEDGER_DASK chooses who runs the tasks that a flow submits, and no other user of the machine gets in."""

from __future__ import annotations

import os
import sys

import pytest
from distributed import Client
from distributed.comm.core import CommClosedError
from prefect.task_runners import ThreadPoolTaskRunner

from flows._task_runner import task_runner
from warehouse.errors import Refused


def test_without_it_threads_run_them(home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "3")
    runner = task_runner()
    assert isinstance(runner, ThreadPoolTaskRunner)
    assert runner._max_workers == 3


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("MALLOC")}


def test_workers_of_its_own_are_reached_by_the_run_alone(home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_DASK", "local")
    monkeypatch.setenv("NIGHTLEDGER_THREADS", "1")
    with task_runner() as runner:
        address = runner.client.scheduler_info()["address"]
        assert address.startswith("tls://127.0.0.1:")
        assert runner.client.submit(environment).result() == {
            "MALLOC_TRIM_THRESHOLD_": "67108864", "MALLOC_MMAP_THRESHOLD_": "33554432",
        }  # fmt: skip
        with pytest.raises(CommClosedError):
            Client(address.replace("tls", "tcp"), timeout=5)
        with pytest.raises(TypeError, match="ssl_context"):
            Client(address, timeout=5)


def test_an_address_is_that_of_a_scheduler_and_nothing_else(home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_DASK", "tcp://10.0.0.1:8786")
    assert task_runner().address == "tcp://10.0.0.1:8786"
    monkeypatch.setenv("NIGHTLEDGER_DASK", "10.0.0.1")
    with pytest.raises(Refused, match=r"^NIGHTLEDGER_DASK: .* \(got '10.0.0.1'\)$"):
        task_runner()


def test_where_dask_is_not_installed_the_line_says_how_it_is(home, monkeypatch):
    monkeypatch.setenv("NIGHTLEDGER_DASK", "local")
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(
        Refused, match=r"but prefect_dask is not installed: pip install 'nightledger\[dask\]'"
    ):
        task_runner()
