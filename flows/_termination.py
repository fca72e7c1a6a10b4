"""Ends a process within seconds of SIGTERM, with one line, whatever its threads are at.

SIGTERM raises in the main thread as Ctrl-C does, so that the ledger says how the run ended and transactions are rolled
back. But a fit or a query that another thread is in the middle of cannot be interrupted, and Python waits for its
threads. So a thread that waits for nothing else ends the process when it is still there after the grace.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import NoReturn, Self

GRACE_SECONDS = 8.0


class Terminated(BaseException):
    """The process was asked to end."""


class Termination:
    """A block that SIGTERM ends with one line; it swallows what the end raises, and `requested` says that it came."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.requested = False
        self._told = threading.Lock()

    def request(self, line: str) -> None:
        """End the block as SIGTERM does, from any thread, for a reason with a line of its own."""
        self.line = line
        os.kill(os.getpid(), signal.SIGTERM)

    def __enter__(self) -> Self:
        # Prefect puts a handler of its own in place of ours while a flow runs; the descriptor hears of either
        reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._replaced_descriptor = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._replaced_handler = signal.signal(signal.SIGTERM, self._raise)
        threading.Thread(target=self._end_after_grace, args=(reading,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self.requested:
            signal.set_wakeup_fd(self._replaced_descriptor)
            signal.signal(signal.SIGTERM, self._replaced_handler)
            os.close(self._writing)
            return False
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._tell()
        return not isinstance(error, SystemExit)

    def _raise(self, _number: int, _frame: FrameType | None) -> NoReturn:
        self.requested = True
        raise Terminated

    def _end_after_grace(self, reading: int) -> None:
        while signals := os.read(reading, 64):
            if signal.SIGTERM in signals:
                self.requested = True
                time.sleep(GRACE_SECONDS)
                self._tell()
                os._exit(1)
        os.close(reading)

    def _tell(self) -> None:
        if self._told.acquire(blocking=False):
            print(self.line, file=sys.stderr, flush=True)
