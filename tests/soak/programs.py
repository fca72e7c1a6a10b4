"""Start programs of the command line on a home, follow their lines, and strike at a point of a step."""

from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.soak.schedule import STEPS
from warehouse.intake.feeds import FEEDS

ROOT = Path(__file__).parents[2]
LONGEST_NIGHT = 400.0
LINE = re.compile(r"^\d\d:\d\d:\d\d  (\S+)(?: +gate (\w+))?.*?(?:(\d+\.\d) s)?$")


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code (negative for a signal), what it printed, and its seconds."""

    command: str
    code: int
    out: str
    err: str
    seconds: float


@dataclass(frozen=True)
class Timeline:
    """When each step of a whole night said its first and its last line, in seconds from the start."""

    first: Mapping[str, float]
    last: Mapping[str, float]
    end: float

    def before(self, step: str) -> str | None:
        """Return the step that ends before this one, or None for the first."""
        earlier = [name for name in self.first if STEPS.index(name) < STEPS.index(step)]
        return earlier[-1] if earlier else None


def step_of(line: str) -> str | None:
    """Return the step that a printed line belongs to, or None if it tells of none."""
    match = LINE.match(line)
    if match is None:
        return None
    name = f"validate {match[2]}" if match[1] == "validate" else "ingest" if match[1] in FEEDS else match[1]
    return "validate feeds" if name == "Great" else name if name in STEPS else None


def timeline(lines: Sequence[tuple[float, str]], end: float) -> Timeline:
    """Return the timeline of a night; a line of an earlier step counts for the step that is under way."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    step = ""
    for seconds, line in lines:
        name = step_of(line)
        if name and (not step or STEPS.index(name) > STEPS.index(step)):
            step = name
            first[step] = seconds
            if step == "deliver" and (match := LINE.match(line)) and match[3]:
                last["start"] = max(0.0, seconds - float(match[3]))
        if step:
            last[step] = seconds
    return Timeline({"start": 0.0, **first}, last, end)


class Program:
    """A running program of the command line, in a process group of its own."""

    def __init__(
        self, command: Sequence[str], home: Path, env: Mapping[str, str], *, largest_file: int | None = None
    ) -> None:
        limit = [] if largest_file is None else ["prlimit", f"--fsize={largest_file}"]
        self.command = " ".join(command)
        self.home = home
        self.lines: list[tuple[float, str]] = []
        self.started = time.monotonic()
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  (read when the program has ended)
        self.process = subprocess.Popen(
            [*limit, sys.executable, "-m", "flows", *command],
            env={**env, "NIGHTLEDGER_HOME": str(home)}, cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self._errors, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append((time.monotonic() - self.started, line.rstrip("\n")))

    def reach(self, step: str, fraction: float, usual: Timeline) -> bool:
        """Wait until the program is so far into a step and return whether it is still running.

        A program that skips steps, since an earlier one has done them, is met in the first step that it does not skip.
        """
        before = usual.before(step)
        if before in (None, "start"):
            begin, waited = (0.0 if step == "start" else usual.last["start"]), "start"
        else:
            begin, waited = usual.last[before] - usual.first[before], before
        until = usual.end if step == "end" else usual.last[step]
        pause = begin + fraction * max(0.0, until - usual.first[waited] - begin)
        while self.process.poll() is None and not self._has_begun(waited):
            time.sleep(0.02)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(
                pause if waited != "start" else max(0.0, self.started + pause - time.monotonic())
            )
        return self.process.poll() is None

    def _has_begun(self, step: str) -> bool:
        names = [step_of(line) for _, line in list(self.lines)]
        return step == "start" or any(name and STEPS.index(name) >= STEPS.index(step) for name in names)

    def kill(self, *, group: bool) -> None:
        """End the program without a word, alone or with its whole group."""
        with suppress(ProcessLookupError):
            if group:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def end(self, limit: float = LONGEST_NIGHT) -> Ended:
        """Wait for the end; a program that is still there after the limit is killed and ends with code -9."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill(group=True)
            self.process.wait()
        seconds = time.monotonic() - self.started
        self._reader.join(1.0)  # a child that outlives the program holds the pipe open
        self._errors.seek(0)
        out = "\n".join(line for _, line in self.lines)
        return Ended(self.command, self.process.returncode, out, self._errors.read(), seconds)


def alive(home: Path) -> list[psutil.Process]:
    """Return the processes that work for a home, whoever started them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("NIGHTLEDGER_HOME") == str(home) and process.status() != "zombie":
                found.append(process)
    return found


class Server:
    """A Prefect server of its own for one home, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, *, copy_of: Path | None = None) -> None:
        """Choose a port; the database is made at the start, or copied from that of another server, which is quicker."""
        folder.mkdir(parents=True)
        self.database = folder / "prefect.db"
        if copy_of is not None:
            with closing(sqlite3.connect(copy_of)) as theirs, closing(sqlite3.connect(self.database)) as ours:
                theirs.backup(ours)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "NIGHTLEDGER_"))},
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": str(folder),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        }  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address that programs are told."""
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start", "--port", str(self.port)],
                env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in itertools.takewhile(lambda _: self._process.poll() is None, range(900)):
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=1):
                return
            time.sleep(0.2)
        raise RuntimeError(f"the Prefect server does not answer; see {self.folder / 'server.log'}")

    def kill(self) -> None:
        """End the server without a word."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
