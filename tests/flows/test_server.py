"""The server as `make server` starts it: nobody gets in without the password, and no deployment chooses what runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.postgres import as_a_user
from tests.processes import still_running

ROOT = Path(__file__).parents[2]
SETTINGS = "set -a; . ./prefect.env; set +a; "
PASSWORD = "it's a long one: 1%"
LOGIN = ("nightledger", PASSWORD)
FOREIGN = "http://evil.example"


def clean_environment(**added: str) -> dict[str, str]:
    """Return the environment without what the tests themselves set for Prefect."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "NIGHTLEDGER_SERVER"))}
    return kept | added


@pytest.mark.parametrize("password", [{}, {"NIGHTLEDGER_SERVER_PASSWORD": ""}], ids=["none", "empty"])
def test_settings_without_a_password_stop_the_start_in_one_line(password: dict[str, str]) -> None:
    program = f"{SETTINGS} echo started"
    ended = subprocess.run(
        ["sh", "-c", program],
        cwd=ROOT,
        env=clean_environment(**password),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "NIGHTLEDGER_SERVER_PASSWORD: set it to the password of the Prefect server" in ended.stderr


def test_settings_hold_the_password_whatever_it_is_made_of_and_no_other() -> None:
    ended = subprocess.run(
        ["sh", "-c", f"{SETTINGS} env"],
        cwd=ROOT, env=clean_environment(NIGHTLEDGER_SERVER_PASSWORD=PASSWORD, PREFECT_SERVER_API_PORT="4242"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    values = dict(line.split("=", 1) for line in ended.stdout.splitlines() if line.startswith("PREFECT"))
    assert values["PREFECT_SERVER_API_AUTH_STRING"] == values["PREFECT_API_AUTH_STRING"] == ":".join(LOGIN)
    assert values["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://127.0.0.1:4242"
    assert values["PREFECT_API_URL"] == "http://127.0.0.1:4242/api"
    assert values["PREFECT_SERVER_DATABASE_PASSWORD"] == PASSWORD
    assert "PREFECT_SERVER_DATABASE_CONNECTION_URL" not in values


@pytest.mark.parametrize("command", ["server", "worker"])
def test_a_command_without_the_settings_is_refused_in_one_line(command: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flows", command],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "prefect.env" in ended.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(seconds: float, what: str, ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := ready():
            return value
        time.sleep(0.3)
    pytest.fail(f"{what} not within {seconds} s")


class Running:
    """A server that make server would have started, its address, its process and its home."""

    def __init__(self, home: Path, prefix: list[str]) -> None:
        self.home = home
        self.port, self.database_port = free_port(), free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [*prefix, "sh", "-c", f"{SETTINGS} exec {sys.executable} -m flows server"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=clean_environment(
                HOME=str(home), NIGHTLEDGER_HOME=str(home), NIGHTLEDGER_SERVER_PASSWORD=PASSWORD,
                NIGHTLEDGER_THREADS="1",
                PREFECT_SERVER_API_PORT=str(self.port), PREFECT_SERVER_DATABASE_PORT=str(self.database_port),
                PREFECT_WORKER_QUERY_SECONDS="1",
            ),
        )  # fmt: skip

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, f"{self.address}/api{path}", timeout=60, **{"auth": LOGIN, **options})

    def ended_run(self, deployment: str, **parameters: Any) -> dict[str, Any]:
        """Start a deployment and return its run once it has ended."""
        started = self.api(
            "POST", f"/deployments/{deployment}/create_flow_run", json={"parameters": parameters}
        )
        assert started.status_code == 201, started.text

        def ended() -> dict[str, Any] | None:
            run = self.api("GET", f"/flow_runs/{started.json()['id']}").json()
            return run if run["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

        return until(180, f"the end of a run ({self.log()})", ended)

    def processes(self) -> list[psutil.Process]:
        """Return the process of the server and all that it started, none where it has ended."""
        if self.process.poll() is not None:
            return []
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def log(self) -> str:
        return (self.home / "logs" / "worker.txt").read_text()[-1500:]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("server")
    running = Running(home, as_a_user())
    try:
        line = running.process.stdout.readline()
        if not line:
            pytest.fail(running.process.stderr.read())
        assert running.address in line
        yield running
    finally:
        for process in running.processes():
            process.kill()


@pytest.mark.server
@pytest.mark.parametrize("origin", [{}, {"Origin": FOREIGN}], ids=["no origin", "foreign origin"])
@pytest.mark.parametrize("login", [None, ("nightledger", ""), ("nightledger", "guess"), ("admin", PASSWORD)])
def test_without_the_login_nobody_reads_or_writes(
    server: Running, origin: dict[str, str], login: tuple[str, str] | None
) -> None:
    assert server.api("GET", "/health", auth=None).status_code == 200
    for method, path in (
        ("POST", "/deployments/filter"), ("POST", "/deployments/"), ("POST", "/work_pools/filter"),
        ("GET", "/admin/settings"), ("POST", "/flow_runs/"), ("DELETE", "/work_pools/nightledger"),
    ):  # fmt: skip
        answer = server.api(method, path, auth=login, headers=origin, json={} if method == "POST" else None)
        assert answer.status_code == 401, path
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.server
def test_with_the_login_the_own_page_gets_in_and_a_foreign_one_does_not(server: Running) -> None:
    deployments = server.api("POST", "/deployments/filter", json={})
    assert deployments.status_code == 200
    assert {item["name"] for item in deployments.json()} >= {"nightly", "publish"}
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for origin, status in ((FOREIGN, 400), ("null", 400), (server.address, 200)):
        asked = server.api(
            "OPTIONS", "/deployments/filter", auth=None, headers={"Origin": origin, **preflight}
        )
        answer = server.api("POST", "/deployments/filter", headers={"Origin": origin}, json={})
        assert asked.status_code == status, origin
        allowed = server.address if status == 200 else None
        assert asked.headers.get("access-control-allow-origin") == allowed
        assert answer.headers.get("access-control-allow-origin") == allowed
    page = httpx.get(f"{server.address}/ui-settings", timeout=30).json()
    assert (page["auth"], page["api_url"]) == (
        "BASIC",
        f"{server.address}/api",
    )  # the page asks for the login


@pytest.mark.server
def test_a_flow_of_ours_runs(server: Running) -> None:
    name = "deliver/deliver"
    deployment = server.api("GET", f"/deployments/name/{name}").json()["id"]
    run = {"source": "simulated", "enterprises": 100, "through": "2026-06-30"}
    ended = server.ended_run(deployment, run=run)
    assert ended["state_type"] == "COMPLETED", (ended["state"]["message"], server.log())
    assert list((server.home / "landing").rglob("*.csv*"))


@pytest.mark.server
def test_no_deployment_chooses_what_the_worker_runs(server: Running) -> None:
    touched = server.home / "touched"
    flow = server.api("POST", "/flows/", json={"name": "deliver"}).json()["id"]
    shell = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {touched}"}}
    base = {"flow_id": flow, "work_pool_name": "nightledger", "entrypoint": "flows.deliver.deliver"}

    def deploy(name: str, **fields: Any) -> httpx.Response:
        return server.api("POST", "/deployments/", json={**base, "name": name, **fields})

    for variables in ({"command": f"touch {touched}"}, {"env": {"BASH_ENV": "x"}}, {"working_dir": "/"}):
        refused = deploy("variables", job_variables=variables)
        assert refused.status_code in {409, 422}, refused.text

    # with the login the template can be opened again; the worker takes nothing from it
    pool = server.api("GET", "/work_pools/nightledger").json()["base_job_template"]
    properties = {"command": {"type": "string"}, "env": {"type": "object"}, "working_dir": {"type": "string"}}
    opened = {
        "job_configuration": {name: f"{{{{ {name} }}}}" for name in properties},
        "variables": {"type": "object", "properties": properties},
    }
    path = "/work_pools/nightledger"
    assert server.api("PATCH", path, json={"base_job_template": opened}).status_code == 204
    try:
        variables = {"command": f"touch {touched}", "env": {"PYTHONPATH": "/nowhere"}, "working_dir": "/"}
        for name, fields, state in (
            (
                "command",
                {"job_variables": variables},
                "FAILED",
            ),  # it runs our flow, which wants parameters of its own
            ("shell", {"pull_steps": [shell]}, "CRASHED"),
            ("entrypoint", {"entrypoint": "os.system"}, "CRASHED"),
            ("file", {"entrypoint": f"{touched}.py:deliver"}, "CRASHED"),
        ):
            made = deploy(name, **fields)
            assert made.status_code == 201, made.text
            ended = server.ended_run(made.json()["id"], run={"enterprises": 1})
            assert ended["state_type"] == state, (name, ended["state"]["message"], server.log())
            assert not touched.exists(), name
    finally:
        server.api("PATCH", path, json={"base_job_template": pool})


@pytest.mark.server
def test_sigterm_stops_everything(server: Running) -> None:
    """Runs last: it ends the server of the tests above, while a night that its worker started is at work."""
    deployment = server.api("GET", "/deployments/name/nightly/nightly").json()["id"]
    run = {"source": "simulated", "enterprises": 100, "as_of": "2026-06-30"}
    started = server.api(
        "POST", f"/deployments/{deployment}/create_flow_run", json={"parameters": {"run": run}}
    ).json()
    path = f"/flow_runs/{started['id']}"
    until(120, "a night at work", lambda: server.api("GET", path).json()["state_type"] == "RUNNING")
    processes = server.processes()
    assert len(processes) >= 5  # the server itself, PostgreSQL, Prefect, the worker and the night
    server.process.send_signal(signal.SIGTERM)
    _, errors = server.process.communicate(timeout=90)
    assert (server.process.returncode, errors) == (0, "")
    assert still_running(processes, seconds=2) == []
    for port in (server.port, server.database_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
