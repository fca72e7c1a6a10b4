"""Log the progress of a long step with an estimate of the time left."""

import logging
import time

log = logging.getLogger("nightledger")
SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """A callable that logs the share done and the time left, at most one line every few seconds.

    When the count starts again at a lower number, it is a new pass over the pieces with a pace of its own.
    """

    def __init__(self, step: str) -> None:
        self._step = step
        self._started = self._last_logged = self._last_call = time.perf_counter()
        self._done = 0

    def __call__(self, done: int, total: int, label: str = "") -> None:
        """Note that `done` of `total` pieces are done; the label names the piece."""
        now = time.perf_counter()
        if done < self._done:
            self._started = self._last_call
        self._done, self._last_call = done, now
        if now - self._last_logged < SECONDS_BETWEEN_LINES or done == total:
            return
        self._last_logged = now
        seconds_left = (now - self._started) / done * (total - done)
        suffix = f"  {label}" if label else ""
        log.info("%s%s  %d%% done, about %.0f s left", self._step, suffix, 100 * done // total, seconds_left)
