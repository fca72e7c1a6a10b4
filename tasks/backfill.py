"""Decide which nights of a backfill are done already, log its progress, and say how to resume it."""

import logging
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import ledger, run_inputs
from warehouse.connection import writer
from warehouse.night import Night

log = logging.getLogger("nightledger")


def days(first: date, last: date) -> tuple[date, ...]:
    """Return every day from the first to the last, the oldest first."""
    return tuple(first + timedelta(days=offset) for offset in range((last - first).days + 1))


@task(name="look for a done night", cache_policy=NO_CACHE)
def done_night(night: Night, parameters: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the run that already did a night with the same inputs to its end, or None, and the reason for the log."""
    with writer(purpose="look for a done night") as con:
        run = ledger.scored_by(con, night)
        if run is None:
            return None, "not run yet"
        reason = run_inputs.changed_since(con, run, night, parameters)
    if reason is None and run.status != "done":
        reason = f"not done: {run.run_id} is {run.status}"
    return (run.run_id, "done with the same inputs") if reason is None else (None, reason)


class BackfillProgress:
    """The progress of a backfill: counts its nights and logs, after each, how long the rest will take."""

    def __init__(self, dates: tuple[date, ...]) -> None:
        self._dates = dates
        self._seconds: list[float] = []
        self.skipped = 0
        self._started = time.perf_counter()

    @property
    def ran(self) -> int:
        """How many nights this backfill has run, without those that it skipped."""
        return len(self._seconds)

    def skip(self, day: date, run_id: str) -> None:
        """Count and log a night that is done already."""
        self.skipped += 1
        log.info(
            "backfill    %s skipped, done with the same inputs by %s; --again runs it again", day, run_id
        )

    def begin(self, day: date, reason: str) -> None:
        """Start the clock of a night and log that it begins."""
        self._started = time.perf_counter()
        number = self._dates.index(day) + 1
        log.info("backfill    %s begins, night %d of %d (%s)", day, number, len(self._dates), reason)

    def finish(self, day: date) -> None:
        """Stop the clock of a night and log how long the nights after it will take."""
        self._seconds.append(time.perf_counter() - self._started)
        log.info("backfill    %s done  %.1f s%s", day, self._seconds[-1], self.time_left(day))

    def time_left(self, day: date) -> str:
        """Return an estimate of the time left in words; the first night may have trained models, so it sets no pace."""
        rest = len(self._dates) - self._dates.index(day) - 1
        if rest == 0:
            return ""
        if self.ran == 1:
            return f", {rest} to go, at most about {self._seconds[0] * rest:.0f} s if all were as long"
        later = self._seconds[1:]
        return (
            f", {rest} to go, about {sum(later) / len(later) * rest:.0f} s at the pace since the first night"
        )

    def stop_message(self, day: date, error: Exception) -> str:
        """Return the error line of a stopped backfill: the cause, the nights that are done and how to resume."""
        before = self._dates.index(day)
        done = f"{self._dates[0]} to {day - timedelta(days=1)} done" if before else "none done"
        line = str(error).split("\n", 1)[0]
        return (
            f"backfill stopped at {day}: {line}; {before} of {len(self._dates)} nights are there ({done}; "
            f"{self.ran} run now, {self.skipped} skipped); mend the cause and give the same command again, "
            f"it goes on at {day}"
        )
