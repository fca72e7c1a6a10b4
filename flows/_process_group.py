"""Processes that live together: the end of one is noticed, and all are stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from warehouse.errors import Refused

STOP_SECONDS = 30.0


class Group:
    """Processes that live together, each with its log; they are stopped the last one first."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._members: list[tuple[str, subprocess.Popen[bytes], Path]] = []

    def add(self, name: str, process: subprocess.Popen[bytes], log: Path, *, stop: signal.Signals) -> None:
        """Take a process in; it leads a process group of its own, which holds what it starts."""
        self._members.append((name, process, log))
        self._stack.callback(self._end, process, stop)

    def check(self) -> None:
        """Refuse with the last line of its log when one has ended."""
        for name, process, log in self._members:
            if (code := process.poll()) is not None:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing"]
                raise Refused(f"{name} ended with exit code {code}, and said last: {lines[-1]} ({log})")

    def wait(self, ready: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Return when what is waited for is ready; refuse when it takes too long or one has ended."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Refused(
                    f"{what} is not ready after {seconds:.0f} s; see the logs beside {self._members[-1][2]}"
                )
            time.sleep(0.2)

    @staticmethod
    def _end(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C must not leave half of it running
            signal.signal(number, signal.SIG_IGN)
        process.send_signal(stop)
        deadline = time.monotonic() + STOP_SECONDS
        with suppress(ProcessLookupError):  # the group is gone
            while time.monotonic() < deadline:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.1)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
