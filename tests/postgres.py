"""A PostgreSQL of the tests' own, which can be stopped and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

USER = "lender"


def as_a_user() -> list[str]:
    """Return what a command line begins with that PostgreSQL runs under, which it does not do as root."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")) and shutil.which("initdb") is None:
        pytest.skip("PostgreSQL is not installed: initdb is not found")
    if os.geteuid() != 0:
        return []
    prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("PostgreSQL does not run as root, and no other user can be had here (unshare --user)")
    return prefix


class Postgres:
    """A PostgreSQL with a few databases, on 127.0.0.1 and a port of its own, for a user without a password."""

    def __init__(self, folder: Path, databases: list[str]) -> None:
        self._data, self._log = folder / "postgres", folder / "postgres.txt"
        self._prefix = as_a_user()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._run(
            "initdb", "--auth=trust", "--encoding=UTF8", "--no-sync", f"--username={USER}", str(self._data)
        )
        statements = "\n".join(f"create database {name};" for name in databases)
        self._run("postgres", "--single", "-D", str(self._data), "postgres", text=statements)
        self.start()

    def catalogue(self, database: str) -> str:
        """Return a database as NIGHTLEDGER_CATALOGUE names it."""
        return f"ducklake:postgres:host=127.0.0.1 port={self.port} user={USER} dbname={database}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, _program("postgres"), "-D", str(self._data), "-c", "listen_addresses=127.0.0.1",
                 "-c", "unix_socket_directories=", "-c", "fsync=off", "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            lines = (self._data / "postmaster.pid").read_text().split() if self._is_up() else []
            if lines and lines[-1] == "ready":
                return
            time.sleep(0.1)
        pytest.fail(self._log.read_text()[-1000:])

    def stop(self) -> None:
        """Stop it at once, as a machine that fails would: sessions end in the middle of what they do."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)

    def _is_up(self) -> bool:
        return self._process.poll() is None and (self._data / "postmaster.pid").exists()

    def _run(self, program: str, *options: str, text: str = "") -> None:
        subprocess.run(
            [*self._prefix, _program(program), *options],
            input=text,
            text=True,
            check=True,
            capture_output=True,
        )


def _program(name: str) -> str:
    folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders])) or name
