"""Tell in one line how a command ended that did not end well, and keep the traceback of what nobody expected.

And end the process soon, however it ended.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
import traceback
from datetime import datetime
from pathlib import Path

from warehouse.errors import Refused
from warehouse.safe_text import printable
from warehouse.settings import Settings, settings
from warehouse.shortage import is_full, shortage

ROOT = Path(__file__).parents[1]


def last_line(name: str, error: BaseException) -> str:
    """Return the line that the user sees: refused, interrupted or failed, and what to do about it."""
    return printable(_line(name, error))


class Ending:
    """Ends the process as soon as all other exit handlers have run; made before them, since the first runs last.

    Python would clear every module of Prefect and torch before it ends: more than a second of CPU for nothing.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        atexit.register(self._end)

    def _end(self) -> None:
        """Exit with the code, if there is one; leave to Python what cannot be written any more."""
        if self.code is None:
            return
        logging.shutdown()
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        except OSError:
            return  # Python flushes again as it ends, says what is wrong, and exits with its own code
        os._exit(self.code)


def end_within(seconds: float, code: int) -> None:
    """End this process after so many seconds, should it still be there.

    Prefect hands in its last events when a process ends. To a server that is gone, or whose disk is full, it tries so
    for many minutes.
    """

    def end() -> None:
        time.sleep(seconds)
        os._exit(code)

    threading.Thread(target=end, daemon=True).start()


def _line(name: str, error: BaseException) -> str:
    if isinstance(error, Refused):
        return f"{name} refused: {'; '.join(str(error).splitlines())}"
    # what DuckDB makes of Ctrl-C in the middle of a query has no class of its own
    if isinstance(error, KeyboardInterrupt) or str(error) == "Query interrupted":
        return f"{name} interrupted: nothing half written; run it again"
    conf = settings()
    if lack := shortage(error, conf):
        return f"{name} failed: {lack}"
    return f"{name} failed: {_what(error)} ({_keep_traceback(name, error, conf)})"


def _what(error: BaseException) -> str:
    """Return class and message of an error, or where it was raised if it has no message."""
    message = next((line for line in str(error).splitlines() if line.strip()), "")
    if message:
        return f"{type(error).__name__}: {message.strip()}"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame
        for frame in frames
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    place = (ours or frames or [None])[-1]
    where = f" in {Path(place.filename).name}, line {place.lineno}: {place.line}" if place else ""
    return f"{type(error).__name__} without a message{where}"


def _keep_traceback(name: str, error: BaseException, conf: Settings) -> str:
    """Write the traceback into the home's logs and say where it is, or why it could not be kept."""
    log = conf.home / "logs" / f"{datetime.now():%Y%m%dT%H%M%S}-{name}.txt"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as fault:
        if is_full(fault):
            log.unlink(missing_ok=True)
        return f"no traceback is kept: {fault.strerror}: {log}"
    return f"traceback in {log}"
