"""Begin and end a run: find its day, open its row in the run ledger, and record how it ended."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from prefect.runtime import flow_run
from pydantic import BaseModel

from warehouse import ledger
from warehouse.connection import reader, writer
from warehouse.errors import Refused
from warehouse.publishing.publish import publish_runs
from warehouse.settings import settings

log = logging.getLogger("nightledger")


def last_closed_day() -> date:
    """Return the day before the run's scheduled start, on the lender's calendar.

    Prefect has no logical date; a late or retried run keeps its scheduled start, so it keeps its day.
    """
    zone = ZoneInfo(settings().timezone)
    start = flow_run.scheduled_start_time
    local = start.astimezone(zone) if start is not None else datetime.now(zone)
    return local.date() - timedelta(days=1)


def closed_day(day: date | None, *, option: str = "--as-of") -> date:
    """Return the day that a run asks for, or the last closed day if it asks for none.

    Raises:
        Refused: The day is not over on the lender's calendar; its facts are not known yet.
    """
    last = last_closed_day()
    if day is not None and day > last:
        raise Refused(
            f"{option} {day} is not closed yet: the last closed day is {last} ({settings().timezone}); "
            "ask for that day or an earlier one"
        )
    return day or last


def past_day(day: date | None) -> date:
    """Return the day that a record of a person is of, today on the lender's calendar if none is given.

    Raises:
        Refused: The day has not begun.
    """
    today = settings().local_now().date()
    if day is not None and day > today:
        raise Refused(f"--on {day} has not come yet: today is {today} ({settings().timezone})")
    return day or today


def open_run(flow: str, *, portfolio: str, as_of_date: date | None, parameters: BaseModel) -> str:
    """Write the run's ledger row as running and return its key."""
    with writer(purpose=flow) as con:
        return ledger.start_run(
            con,
            flow=flow,
            portfolio=portfolio,
            as_of_date=as_of_date,
            parameters=parameters.model_dump(mode="json"),
        )


@contextmanager
def end_run(run_id: str, *, at_once: bool = False) -> Iterator[dict[str, Any]]:
    """Finish the ledger row whatever happens: done, refused with its line, or failed with the error's first line.

    The yielded counts are stored with the row. Readers see the end of a refused or failed run, and of every run that
    the published copy tells of.

    Args:
        run_id: The run.
        at_once: Readers see what a run that is done has written into ops, and not with the next night only.
    """
    counts: dict[str, Any] = {}
    try:
        yield counts
    except BaseException as error:
        _end_badly(run_id, error, counts)
        raise
    with writer(purpose="end of run") as con:
        ledger.finish_run(con, run_id, status="done", counts=counts)
        try:
            if at_once or settings().catalogue is not None or _published_as_unfinished(run_id):
                publish_runs(con, run_id)
        except Exception as fault:  # noqa: BLE001 - the run is done all the same
            log.warning(
                "the published copy does not tell that run %s is done: %s; what it wrote stands, and "
                "python -m flows publish shows it", run_id, _line(fault),
            )  # fmt: skip


def _end_badly(run_id: str, error: BaseException, counts: dict[str, Any]) -> None:
    """Record why a run was refused or failed, and tell readers; an error in doing so is logged, not raised."""
    status: Literal["refused", "failed"] = "refused" if isinstance(error, Refused) else "failed"
    message = str(error).split("\n", 1)[0] if status == "refused" else _line(error)
    try:
        with writer(purpose="end of run") as con:
            run = ledger.run(con, run_id)
            if run is not None and run.status in ("scored", "published"):
                message += " (its scores are written)"
            ledger.finish_run(con, run_id, status=status, message=message, counts=counts)
            publish_runs(con, run_id)
    except Exception as fault:  # noqa: BLE001 - the run's own error is the one to raise
        log.warning("the published copy does not tell of run %s: %s", run_id, _line(fault))


def _published_as_unfinished(run_id: str) -> bool:
    """Return whether the published copy tells of a run as if it were still going on."""
    if not settings().published_file.exists():
        return False
    with reader() as con:
        row = con.execute(
            "select 1 from ops.run_ledger where run_id = $run_id and finished_at is null", {"run_id": run_id}
        ).fetchone()
    return row is not None


def _line(error: BaseException) -> str:
    first = str(error).split("\n", 1)[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
