"""Nights whose parts are computed by Dask workers: the same rows as on threads, whoever is killed on the way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest
from night_processes import NEXT_NIGHT, ROOT, TwoNights, finish, start
from polars.testing import assert_frame_equal
from test_crash import LEFT, facts, left_in, pages

from tests.processes import still_running

pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

SCORE = ["score", "--portfolio", "simulated-120-7", "--as-of", "2026-06-30", "--partitions", "24"]
SCORED = (
    "scores.portfolio_scores",
    "scores.contributions",
    "scores.pd_curves",
    "marts.mart_portfolio_latest",
    "marts.mart_pd_curve",
)


@pytest.fixture
def first_night(two_nights: TwoNights, tmp_path: Path) -> Path:
    """A home with the first night alone, to be scored again."""
    return Path(shutil.copytree(two_nights.first, tmp_path / "home", symlinks=True))


def assert_same(home: Path, other: Path, relations: Iterable[str]) -> None:
    """Compare, to the bit, what runs have left in two homes."""
    assert facts(home) == facts(other)
    for file in ("warehouse.duckdb", "published/portfolio.duckdb"):
        ours, expected = left_in(home / file), left_in(other / file)
        for relation in relations:
            assert_frame_equal(ours[relation], expected[relation], check_exact=True)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the processes in which the parts of a night run: those below it that have a parent below it as well."""
    below = psutil.Process(process.pid).children(recursive=True)
    return [child for child in below if "spawn_main" in " ".join(child.cmdline())]


def when_scoring(process: subprocess.Popen[str], home: Path) -> None:
    """Wait until the first part of a night has been scored, and no longer."""
    while process.poll() is None:
        if any((home / "runs").glob("*/scores-*.parquet")):
            return
        time.sleep(0.01)
    pytest.fail("the night ended before a part was scored: " + "".join(process.communicate()))


def test_a_night_on_dask_leaves_the_rows_of_one_on_threads_though_a_worker_is_killed(
    two_nights, first_night, monkeypatch
):
    monkeypatch.setenv("NIGHTLEDGER_DASK", "local")
    process = start(first_night, [*NEXT_NIGHT, "--partitions", "24"])
    when_scoring(process, first_night)
    victim = workers_of(process)[0]
    victim.kill()
    finish(process)
    assert not victim.is_running()
    assert_same(first_night, two_nights.both, LEFT)
    assert pages(first_night) == pages(two_nights.both)


def test_a_run_that_is_killed_takes_its_workers_along_and_leaves_what_was(
    two_nights, first_night, monkeypatch
):
    monkeypatch.setenv("NIGHTLEDGER_DASK", "local")
    process = start(first_night, SCORE)
    when_scoring(process, first_night)
    workers = workers_of(process)
    assert workers
    process.kill()
    process.communicate()
    assert still_running(workers, seconds=60) == []
    assert_same(first_night, two_nights.first, SCORED)


@pytest.fixture
def cluster(first_night: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A Dask cluster of its own processes, which nights are pointed to; yields its scheduler."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    address = f"tcp://{host}:{port}"
    scheduler, worker = (
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *options, "--no-dashboard"],
            env=os.environ | {"NIGHTLEDGER_HOME": str(first_night), "NIGHTLEDGER_THREADS": "1"}, cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        )
        for program, options in (
            ("dask_scheduler", ("--host", host, "--port", str(port))),
            ("dask_worker", (address, "--nworkers", "2", "--nthreads", "1")),
        )
    )  # fmt: skip
    monkeypatch.setenv("NIGHTLEDGER_DASK", address)
    yield scheduler
    for process in (worker, scheduler):
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for victim in (*below, process):
            victim.kill()
        process.wait()


def test_a_scheduler_that_is_killed_ends_the_run_in_one_line_and_nothing_is_half_written(
    two_nights, first_night, cluster
):
    process = start(first_night, SCORE)
    when_scoring(process, first_night)
    cluster.kill()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1
    lost = [line for line in err.splitlines() if line.startswith("score refused")]
    assert len(lost) == 1
    assert "was lost while it had work of this run; what it had is not stored" in lost[0]
    assert_same(first_night, two_nights.first, SCORED)
