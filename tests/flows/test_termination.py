"""Real processes that are told to end: a run in time and with its line, and its Prefect server with it."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import httpx
import psutil
import pytest

from tests.processes import still_running

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
NIGHT = ["-m", "flows", "nightly", "--enterprises", "120", "--as-of", "2026-06-30"]
HOLDS_A_SERVER = """
import os, signal, sys
from pathlib import Path
from flows._prefect_server import own_server
for number in (signal.SIGINT, signal.SIGHUP):  # which a test in the background inherits as ignored
    signal.signal(number, signal.SIG_DFL)
server = own_server(Path(os.environ["NIGHTLEDGER_HOME"]))
if sys.argv[1:] == ["wait"]:
    server.wait()
print(server.process.pid, os.environ["PREFECT_API_URL"], os.environ["PREFECT_API_AUTH_STRING"], flush=True)
match sys.stdin.readline().strip():
    case "exit": sys.exit(0)
    case "fail": raise RuntimeError
    case "leave": os._exit(3)
"""


@pytest.fixture
def home(prefect_database: Path, tmp_path: Path) -> Path:
    """A home in which Prefect's database is made, so that a night comes to its steps sooner."""
    (tmp_path / "prefect").mkdir()
    shutil.copy(prefect_database, tmp_path / "prefect" / "prefect.db")
    return tmp_path


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start Python without a Prefect server of its own, so that the process has to bring one."""
    env = {
        name: value for name, value in os.environ.items() if name not in {"PREFECT_API_URL", "PREFECT_HOME"}
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=env | {"NIGHTLEDGER_HOME": str(home), "NIGHTLEDGER_THREADS": "2"},
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> tuple[float, str]:
    """Wait for the end, and that of both output pipes, and return its seconds and what was said on standard error."""
    started = time.monotonic()
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    try:
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert still_running(children, seconds=5) == []
    return time.monotonic() - started, errors


def wait_for(process: subprocess.Popen[str], step: str) -> None:
    """Read what a night prints until it has done a step."""
    while line := process.stdout.readline():
        if re.match(rf"\d\d:\d\d:\d\d  {step} ", line):
            return
    pytest.fail(f"the night never came to {step}: {process.stderr.read()}")


def in_time(seconds: float) -> bool:
    """Whether an end came within the 20 s that are promised, on a machine with a core free for it."""
    return seconds < 20 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.mark.timeout(1200)  # three starts of a night: a minute on a quiet machine, ten where all else is busy
def test_sigterm_ends_a_night_in_any_phase_with_its_line(home: Path) -> None:
    dice = random.Random(20260630)
    intake = dice.choice(["deliver", "enterprises", "transactions"])
    training = dice.choice(["labels", "champion", "train"])
    scoring = dice.choice(["score", "status", "watch", "publish"])
    for step in (intake, training, scoring):
        process = start(home, *NIGHT)
        wait_for(process, step)
        time.sleep(dice.uniform(0, 0.5))
        process.terminate()
        seconds, errors = end(process)
        assert (process.returncode, errors) == (
            1,
            "nightly terminated: nothing half written; run it again\n",
        ), step
        assert in_time(seconds), (step, seconds)
        with duckdb.connect(home / "warehouse.duckdb", read_only=True) as con:
            status = con.execute(
                "select status from ops.run_ledger order by started_at desc limit 1"
            ).fetchone()
            refused = con.execute(
                "select path, reason from ops.file_ledger where status = 'refused'"
            ).fetchall()
        # a row that could not be written in time says running, until the next writer marks it aborted
        assert status in {("failed",), ("running",)}, step
        assert refused == [], step


def test_a_night_whose_own_server_is_killed_ends_soon_in_one_line(home: Path) -> None:
    process = start(home, *NIGHT)
    wait_for(process, "deliver")
    (server,) = psutil.Process(process.pid).children()
    server.kill()
    seconds, errors = end(process)
    assert process.returncode == 1
    assert errors == (
        "nightly failed: the Prefect server ended with exit code -9; what it said last is in "
        f"{home / 'logs' / 'prefect-server.txt'}; run it again\n"
    )
    assert in_time(seconds)


@pytest.mark.parametrize("way", ["exit", "fail", "leave", "SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_temporary_server_ends_with_its_process_whatever_the_end(tmp_path: Path, way: str) -> None:
    process = start(tmp_path, "-c", HOLDS_A_SERVER)
    number = int(process.stdout.readline().split()[0])
    server = psutil.Process(number)
    if way.startswith("SIG"):
        process.send_signal(getattr(signal, way))
        process.wait(timeout=30)
    else:
        process.stdin.write(way + "\n")
        process.stdin.flush()
    end(process)  # both pipes are closed, else it would wait
    assert still_running([server], seconds=5) == []


def test_a_temporary_server_listens_on_this_machine_and_asks_for_the_login_of_its_process(
    tmp_path: Path,
) -> None:
    process = start(tmp_path, "-c", HOLDS_A_SERVER, "wait")
    number, api, login = process.stdout.readline().split()
    server = psutil.Process(int(number))
    listening = [at for at in server.net_connections() if at.status == psutil.CONN_LISTEN]
    assert [at.laddr.ip for at in listening] == ["127.0.0.1"]
    flows = f"{api}/flows/filter"
    assert httpx.post(flows, json={}, timeout=60).status_code == 401
    user, password = login.split(":")
    answer = httpx.post(
        flows, json={}, auth=(user, password), headers={"Origin": "http://evil.example"}, timeout=60
    )
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    process.kill()
    end(process)
    assert still_running([server], seconds=5) == []
    with pytest.raises(httpx.ConnectError):
        httpx.post(flows, json={}, timeout=60)
