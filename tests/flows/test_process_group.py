"""Processes that live together: the end of one is told with its last words, and all are stopped, the last one first."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from flows import _process_group
from flows._process_group import Group
from tests.processes import still_running
from warehouse.errors import Refused


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Give pytest its handlers back: whoever stops a group ignores further signals."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def member(folder: Path, name: str, script: str) -> tuple[str, subprocess.Popen[bytes], Path]:
    log = folder / f"{name}.txt"
    with log.open("ab") as output:
        process = subprocess.Popen(["sh", "-c", script], stdout=output, stderr=output, start_new_session=True)
    return name, process, log


def test_the_end_of_one_stops_the_others_with_its_last_line(tmp_path: Path) -> None:
    with ExitStack() as stack:
        group = Group(stack)
        lasting = member(tmp_path, "lasting", "trap 'kill $!; wait; exit' TERM; sleep 60 & wait")
        group.add(*lasting, stop=signal.SIGTERM)
        shell = psutil.Process(lasting[1].pid)
        # before it has become sleep, the child loses the signal that its shell hands on
        group.wait(
            lambda: [child.name() for child in shell.children()] == ["sleep"], seconds=30, what="sleep"
        )
        ending = member(tmp_path, "ending", "echo begins; echo no space left >&2; exit 3")
        group.add(*ending, stop=signal.SIGTERM)
        processes = [shell, *shell.children()]
        with pytest.raises(Refused) as refusal:
            group.wait(lambda: False, seconds=30, what="nothing")
    assert str(refusal.value) == f"ending ended with exit code 3, and said last: no space left ({ending[2]})"
    assert still_running(processes, seconds=1) == []


def test_they_are_stopped_the_last_first_and_one_that_will_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_process_group, "STOP_SECONDS", 1.0)
    order = tmp_path / "order"
    script = "trap 'echo {0} >> {1}; exit' TERM; touch {2}; while :; do sleep 0.05; done"
    with ExitStack() as stack:
        group = Group(stack)
        for name in ("database", "server", "worker"):
            ready = tmp_path / f"{name}-ready"
            group.add(*member(tmp_path, name, script.format(name, order, ready)), stop=signal.SIGTERM)
            group.wait(ready.exists, seconds=30, what=name)
        ready = tmp_path / "deaf-ready"
        deaf = member(tmp_path, "deaf", f"trap '' TERM; touch {ready}; while :; do sleep 0.05; done")
        group.add(*deaf, stop=signal.SIGTERM)
        group.wait(ready.exists, seconds=30, what="deaf")
    assert order.read_text().split() == ["worker", "server", "database"]
    assert deaf[1].returncode == -signal.SIGKILL


def test_what_is_not_ready_in_time_is_refused(tmp_path: Path) -> None:
    with ExitStack() as stack:
        group = Group(stack)
        group.add(*member(tmp_path, "slow", "exec sleep 60"), stop=signal.SIGTERM)
        with pytest.raises(Refused, match="the page is not ready after 0 s"):
            group.wait(lambda: False, seconds=0.3, what="the page")
