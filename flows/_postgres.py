"""A PostgreSQL of our own for the Prefect server: its data under the home, on 127.0.0.1 only, behind a password."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from warehouse.errors import Refused

ELSEWHERE = "or name a database that runs elsewhere in PREFECT_SERVER_DATABASE_CONNECTION_URL"


def _program(name: str) -> str:
    # Debian keeps the server's programs off the path, one folder a version
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True
    )
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, folders)])
    program = shutil.which(name, path=path)
    if program is None:
        raise Refused(f"PostgreSQL is not installed ({name} is not found): install it, {ELSEWHERE}")
    return program


def start_postgres(data: Path, log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start PostgreSQL on a data folder, which is made where there is none, with the password of the environment.

    Raises:
        Refused: PostgreSQL is not installed, or would run as root, which it does not do.
    """
    postgres, initdb = _program("postgres"), _program("initdb")
    if os.geteuid() == 0:
        raise Refused(f"PostgreSQL does not run as root: start this as another user, {ELSEWHERE}")
    user, password = (environment[f"PREFECT_SERVER_DATABASE_{name}"] for name in ("USER", "PASSWORD"))
    statements = [f"alter role {user} password '{password.replace(chr(39), chr(39) * 2)}';"]
    with log.open("ab") as output:
        if not (data / "PG_VERSION").exists():
            # nobody gets in by the socket of the machine, by network only with the password that is set below
            subprocess.run(
                [initdb, "--auth-local=reject", "--auth-host=scram-sha-256", "--encoding=UTF8",
                 f"--username={user}", str(data)],
                check=True, stdout=output, stderr=output,
            )  # fmt: skip
            statements.append(f"create database {environment['PREFECT_SERVER_DATABASE_NAME']};")
        subprocess.run(
            [postgres, "--single", "-D", str(data), "postgres"],
            input="\n".join(statements).encode(), check=True, stdout=output, stderr=output,
        )  # fmt: skip
        return subprocess.Popen(
            [postgres, "-D", str(data), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
             "-p", environment["PREFECT_SERVER_DATABASE_PORT"]],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def accepts_connections(data: Path, process: subprocess.Popen[bytes]) -> bool:
    """Return whether the server has written that it is ready, and not one before it."""
    try:
        lines = (data / "postmaster.pid").read_text().split()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(process.pid)] and lines[-1] == "ready"
