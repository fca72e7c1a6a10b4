"""Runs a flow or a command on a lake of its own, with a PostgreSQL under the home and Dask workers, which end with it.

It is for a look at how a lake goes: python -m flows lake nightly. A lender's own lake has a database that is kept
(docs/cluster.md).
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from argparse import REMAINDER
from contextlib import ExitStack
from pathlib import Path

from flows._one_line_parser import OneLineParser
from flows._postgres import Database, accepts_connections, start_postgres
from flows._process_group import Group
from warehouse.errors import Refused
from warehouse.settings import settings

ROOT = Path(__file__).parents[1]


def start_catalogue(group: Group, home: Path) -> dict[str, str]:
    """Start the database of the catalogue and return the settings that name it."""
    logs, data = home / "logs", home / "catalogue"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / "catalogue.txt"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    database = Database(
        "lender", "nightledger", secrets.token_urlsafe(32), port, "or name a lake in NIGHTLEDGER_CATALOGUE"
    )
    process = start_postgres(data, log, database)
    group.add("PostgreSQL", process, log, stop=signal.SIGINT)
    group.wait(lambda: accepts_connections(data, process), seconds=60, what="PostgreSQL")
    place = f"host=127.0.0.1 port={port} user={database.user} dbname={database.name}"
    return {"NIGHTLEDGER_CATALOGUE": f"ducklake:postgres:{place}", "PGPASSWORD": database.password}


def run(arguments: list[str]) -> int:
    """Run what the arguments name, as `python -m flows` does, and return its exit code."""
    parser = OneLineParser(
        prog="python -m flows lake",
        description="Run a flow or a command on a lake of its own: a PostgreSQL under the home and Dask workers, which "
        "end with it.",
    )
    parser.add_argument("name", metavar="NAME", help="any flow or command, such as nightly or sql")
    parser.add_argument("options", nargs=REMAINDER, metavar="OPTIONS", help="its options")
    parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            named = start_catalogue(Group(stack), settings().home)
            command = subprocess.Popen(
                [sys.executable, "-m", "flows", *arguments],
                env={"NIGHTLEDGER_DASK": "local", **os.environ, **named}, cwd=ROOT,
            )  # fmt: skip
            try:
                return command.wait()
            except KeyboardInterrupt:
                command.send_signal(signal.SIGTERM)
                return command.wait()
    except Refused as error:
        print(f"lake refused: {error}", file=sys.stderr)
        return 1
