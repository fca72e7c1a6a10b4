"""Says now and then how far a long step is, with an honest estimate of the time left."""

import logging
import time

log = logging.getLogger("nightledger")
SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Logs a line at most every few seconds: the share done, and the time left at the pace so far.

    A count that starts again is the next pass over as many pieces; its pace is its own.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._started = self._said = self._last = time.perf_counter()
        self._done = 0

    def __call__(self, done: int, total: int, label: str = "") -> None:
        """Note that `done` of `total` pieces are done; the label names the piece."""
        now = time.perf_counter()
        if done < self._done:
            self._started = self._last
        self._done, self._last = done, now
        if now - self._said < SECONDS_BETWEEN_LINES or done == total:
            return
        self._said = now
        left = (now - self._started) / done * (total - done)
        where = f"  {label}" if label else ""
        log.info("%s%s  %d%% done, about %.0f s left", self._what, where, 100 * done // total, left)
