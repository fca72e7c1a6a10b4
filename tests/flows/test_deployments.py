"""prefect.yaml says what runs: every key is known to Prefect, every entrypoint imports, every flow is deployed."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
import yaml
from prefect import Flow
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = FILE["deployments"]

# Prefect ignores a key that it does not know, so that a typing error deploys without its schedule.
TOP_KEYS = {"prefect-version", "name", "definitions", "deployments"}
KEYS = {"name", "description", "version", "tags", "entrypoint", "parameters", "work_pool", "schedules"}
SCHEDULE_KEYS = {"cron", "timezone", "slug", "active"}


def test_keys_are_known() -> None:
    assert set(FILE) <= TOP_KEYS
    for deployment in DEPLOYMENTS:
        assert set(deployment) <= KEYS, deployment["name"]
        for schedule in deployment.get("schedules", []):
            assert set(schedule) == SCHEDULE_KEYS, deployment["name"]


def test_prefect_version_is_the_locked_one() -> None:
    assert f"prefect=={FILE['prefect-version']}" in (ROOT / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_entrypoint_imports_and_takes_its_parameters(deployment: dict[str, Any]) -> None:
    package, module, function = deployment["entrypoint"].split(".")
    assert (package, module, function) == ("flows", deployment["name"], deployment["name"])
    flow = getattr(importlib.import_module(f"flows.{module}"), function)
    assert isinstance(flow, Flow)
    assert flow.name == deployment["name"]
    assert list(flow.parameters.properties) == ["run"]
    given = deployment["parameters"].get("run", {})
    record: type[BaseModel] = get_type_hints(flow.fn)["run"]
    if any(field.is_required() and name not in given for name, field in record.model_fields.items()):
        assert "schedules" not in deployment  # somebody has to fill in the form
    else:
        assert flow.validate_parameters({"run": given})


def test_every_flow_is_deployed() -> None:
    files = {file.stem for file in (ROOT / "flows").glob("[!_]*.py")}
    assert files == {deployment["name"] for deployment in DEPLOYMENTS}


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_form_describes_every_field_and_refuses_unknown_ones(deployment: dict[str, Any]) -> None:
    name = deployment["name"]
    flow = getattr(importlib.import_module(f"flows.{name}"), name)
    record: type[BaseModel] = get_type_hints(flow.fn)["run"]
    assert record.model_config["extra"] == "forbid"
    for field_name, field in record.model_fields.items():
        assert field.description, f"{name}.{field_name} has no description"
    form = flow.parameters.definitions[record.__name__]["properties"]
    assert [field["position"] for field in form.values()] == list(range(len(record.model_fields)))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.server
def test_server_deploys_and_schedules(prefect_database: Path, tmp_path: Path) -> None:
    """Catches the releases with which Prefect does not start, or silently never creates a scheduled run."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    env = os.environ | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
    }
    (tmp_path / "prefect").mkdir()
    shutil.copy(prefect_database, tmp_path / "prefect" / "prefect.db")
    prefect = [str(Path(sys.executable).with_name("prefect")), "--no-prompt"]
    log = (tmp_path / "server.log").open("wb")
    server = subprocess.Popen(
        [*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    try:

        def until(seconds: float, what: str, ready: Any) -> Any:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                assert server.poll() is None, (tmp_path / "server.log").read_text()[-2000:]
                try:
                    if found := ready():
                        return found
                except httpx.TransportError:
                    pass
                time.sleep(0.5)
            pytest.fail(f"{what} not within {seconds} s: {(tmp_path / 'server.log').read_text()[-2000:]}")

        until(180, "a healthy server", lambda: httpx.get(f"{api}/health", timeout=5).status_code == 200)
        for command in (["work-pool", "create", "nightledger", "--type", "process"], ["deploy", "--all"]):
            done = subprocess.run(
                [*prefect, *command],
                check=False,
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        names = {item["name"] for item in httpx.post(f"{api}/deployments/filter", json={}, timeout=30).json()}
        assert names == {deployment["name"] for deployment in DEPLOYMENTS}
        scheduled = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        runs = until(
            120,
            "a scheduled run of nightly",
            lambda: httpx.post(f"{api}/flow_runs/filter", json=scheduled, timeout=30).json(),
        )
        assert all(run["auto_scheduled"] for run in runs)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        log.close()
