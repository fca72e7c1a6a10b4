"""Decides which nights of a backfill are done already, and says how far it is and how to go on."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import ledger, run_inputs
from warehouse.connection import writer

log = logging.getLogger("nightledger")


def days(first: date, last: date) -> tuple[date, ...]:
    """Return every day from the first to the last, the oldest first."""
    return tuple(first + timedelta(days=passed) for passed in range((last - first).days + 1))


@task(name="look for a done night", cache_policy=NO_CACHE)
def done_night(portfolio: str, as_of_date: date, parameters: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the run that did a night with the same inputs, or None, and why.

    The inputs are the same where the run that wrote the stored scores had the same parameters and the same models in
    the same roles, and no fact of the date came or was corrected after it.
    """
    with writer(purpose="look for a done night") as con:
        run = ledger.scored_by(con, portfolio=portfolio, as_of_date=as_of_date)
        if run is None:
            return None, "not run yet"
        if run.flow != "nightly":
            return None, f"scored by {run.flow} last"
        given = json.loads(json.dumps(dict(parameters), default=str))
        other = [name for name in given if name != "as_of" and run.parameters.get(name) != given[name]]
        if other:
            return None, f"other parameters then: {', '.join(other)}"
        then = {one for one in run_inputs.stored(con, run.run_id) if one.kind == "model"}
        if then != set(run_inputs.models(con, portfolio=portfolio, as_of_date=as_of_date)):
            return None, "other models or roles then"
        late = run_inputs.late_facts(con, portfolio=portfolio, as_of_date=as_of_date, run_id=run.run_id)
        if late:
            return None, f"facts of the date came later: {', '.join(late)}"
    return run.run_id, "done with the same inputs"


class Course:
    """Counts the nights of a backfill and says, after each, how long the rest will take at the pace so far."""

    def __init__(self, wanted: tuple[date, ...]) -> None:
        self._wanted = wanted
        self._seconds: list[float] = []
        self.skipped = 0
        self._started = time.perf_counter()

    @property
    def ran(self) -> int:
        """Nights that were run now."""
        return len(self._seconds)

    def skip(self, day: date, run_id: str) -> None:
        """Note a night that is done already."""
        self.skipped += 1
        log.info(
            "backfill    %s skipped, done with the same inputs by %s; --again runs it again", day, run_id
        )

    def begin(self, day: date, why: str) -> None:
        """Note that a night begins."""
        self._started = time.perf_counter()
        number = self._wanted.index(day) + 1
        log.info("backfill    %s begins, night %d of %d (%s)", day, number, len(self._wanted), why)

    def finish(self, day: date) -> None:
        """Note that a night ended, and say how long those after it will take."""
        self._seconds.append(time.perf_counter() - self._started)
        log.info("backfill    %s done  %.1f s%s", day, self._seconds[-1], self.left(day))

    def left(self, day: date) -> str:
        """Return what is to be said of the time left; the first night may have trained models, so it is no pace."""
        rest = len(self._wanted) - self._wanted.index(day) - 1
        if rest == 0:
            return ""
        if self.ran == 1:
            return f", {rest} to go, at most about {self._seconds[0] * rest:.0f} s if all were as long"
        later = self._seconds[1:]
        return (
            f", {rest} to go, about {sum(later) / len(later) * rest:.0f} s at the pace since the first night"
        )

    def stopped(self, day: date, error: Exception) -> str:
        """Return the line that says why it stopped, what is done and how to go on."""
        before = self._wanted.index(day)
        done = f"{self._wanted[0]} to {day - timedelta(days=1)} done" if before else "none done"
        line = str(error).split("\n", 1)[0]
        return (
            f"backfill stopped at {day}: {line}; {before} of {len(self._wanted)} nights are there ({done}; "
            f"{self.ran} run now, {self.skipped} skipped); mend the cause and give the same command again, "
            f"it goes on at {day}"
        )
