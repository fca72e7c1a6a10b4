"""Starts PostgreSQL, the Prefect server, all deployments and a worker; Ctrl-C or SIGTERM stops them in order.

What ends by itself stops the others: half a server looks like a whole one until a night does not start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from flows._one_line_parser import OneLineParser
from flows._postgres import Database, accepts_connections, start_postgres
from flows._prefect_server import PrefectServer
from flows._process_group import Group
from warehouse.errors import Refused
from warehouse.settings import settings

ROOT = Path(__file__).parents[1]
PYTHON = [sys.executable, "-m"]
PREFECT = [*PYTHON, "prefect", "--no-prompt"]


def start_all(group: Group, home: Path) -> None:
    """Start each part once the one that it needs is ready."""
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    if "PREFECT_SERVER_DATABASE_CONNECTION_URL" not in os.environ:
        data, log = home / "postgres", logs / "postgres.txt"
        name, user, password, port = (
            os.environ[f"PREFECT_SERVER_DATABASE_{part}"] for part in ("NAME", "USER", "PASSWORD", "PORT")
        )
        elsewhere = "or name a database that runs elsewhere in PREFECT_SERVER_DATABASE_CONNECTION_URL"
        database = start_postgres(data, log, Database(name, user, password, int(port), elsewhere))
        group.add("PostgreSQL", database, log, stop=signal.SIGINT)
        group.wait(lambda: accepts_connections(data, database), seconds=60, what="PostgreSQL")
    server = PrefectServer(
        port=int(os.environ["PREFECT_SERVER_API_PORT"]),
        log=logs / "server.txt",
        environment={
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": os.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"],
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "prefect" / "ui"),
        },
    )
    group.add("the Prefect server", server.process, server.log, stop=signal.SIGTERM)
    server.wait()
    template = ["--base-job-template", str(ROOT / "work-pool.json"), "--overwrite"]
    pool = ["work-pool", "create", "nightledger", "--type", "process", *template]
    for command in (pool, ["deploy", "--all"]):
        group.check()
        done = subprocess.run(
            [*PREFECT, *command],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Refused(
                f"prefect {command[0]} failed: {' '.join((done.stdout + done.stderr).split())[-300:]}"
            )
    log = logs / "worker.txt"
    with log.open("ab") as output:
        worker = subprocess.Popen(
            [*PYTHON, "flows", "worker"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    group.add("the worker", worker, log, stop=signal.SIGTERM)


def run(arguments: list[str]) -> int:
    """Keep everything running until it is told to stop and return the exit code."""
    OneLineParser(
        prog="python -m flows server", description="Start server, worker and deployments."
    ).parse_args(arguments)
    if "PREFECT_SERVER_API_AUTH_STRING" not in os.environ:
        print(
            "server refused: no settings; start it with make server, which loads prefect.env", file=sys.stderr
        )
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        home = settings().home
        os.environ["PREFECT_HOME"] = str(home / "prefect")
        with ExitStack() as stack:
            group = Group(stack)
            start_all(group, home)
            address = os.environ["PREFECT_UI_API_URL"].removesuffix("/api")
            print(f"{address}  log in with nightledger:PASSWORD; Ctrl-C stops everything", flush=True)
            while True:
                group.check()
                time.sleep(0.5)
    except Refused as error:
        print(f"server refused: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("server stopped")
        return 0
