"""A PostgreSQL of our own: its data under the home, on 127.0.0.1 only, behind a password."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from warehouse.errors import Refused


class Database(NamedTuple):
    """A database, its user, password and port; `elsewhere` says how to name one that runs already."""

    name: str
    user: str
    password: str
    port: int
    elsewhere: str


def _program(name: str, elsewhere: str) -> str:
    # Debian keeps the server's programs off the path, one folder a version
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True
    )
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    program = shutil.which(name, path=path)
    if program is None:
        raise Refused(f"PostgreSQL is not installed ({name} is not found): install it, {elsewhere}")
    return program


def start_postgres(data: Path, log: Path, database: Database) -> subprocess.Popen[bytes]:
    """Start PostgreSQL on a data folder, which is made where there is none; from then on the password is this one.

    Raises:
        Refused: PostgreSQL is not installed, or would run as root, which it does not do.
    """
    postgres, initdb = (_program(name, database.elsewhere) for name in ("postgres", "initdb"))
    if os.geteuid() == 0:
        raise Refused(f"PostgreSQL does not run as root: start this as another user, {database.elsewhere}")
    password = database.password.replace("'", "''")
    statements = [f"alter role {database.user} password '{password}';"]
    with log.open("ab") as output:
        if not (data / "PG_VERSION").exists():
            # nobody gets in by the socket of the machine, by network only with the password that is set below
            subprocess.run(
                [initdb, "--auth-local=reject", "--auth-host=scram-sha-256", "--encoding=UTF8",
                 f"--username={database.user}", str(data)],
                check=True, stdout=output, stderr=output,
            )  # fmt: skip
            statements.append(f"create database {database.name};")
        subprocess.run(
            [postgres, "--single", "-D", str(data), "postgres"],
            input="\n".join(statements).encode(), check=True, stdout=output, stderr=output,
        )  # fmt: skip
        return subprocess.Popen(
            [postgres, "-D", str(data), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
             "-p", str(database.port)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def accepts_connections(data: Path, process: subprocess.Popen[bytes]) -> bool:
    """Return whether the server has written that it is ready, and not one before it."""
    try:
        lines = (data / "postmaster.pid").read_text().split()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(process.pid)] and lines[-1] == "ready"
