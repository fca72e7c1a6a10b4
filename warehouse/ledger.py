"""Keep the run ledger: one row for every run with its parameters, how it ended and what it counted."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import duckdb

from warehouse import processes
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings

RunEnd = Literal["done", "refused", "failed", "aborted"]

_COMMITTED = "scores committed"
_DIED = "its process ended without a word; safe to run again"
_DIED_SCORED = "its process ended after its scores were written"
_AGAIN = "; the night, run again, goes on from there"


def start_run(
    con: duckdb.DuckDBPyConnection,
    *,
    flow: str,
    portfolio: str | None,
    as_of_date: date | None,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """Add a ledger row with status `running` and return its run_id; run ids sort in the order of starting.

    A run_id begins with the local time. Where that is not after the newest one (a second run in the same second, a
    clock that was set back, the hour that comes twice in autumn), it begins with the second after the newest.
    `started_at` is always what the clock says.
    """
    now = settings().local_now()
    run_id = f"{_next_stamp(con, now):%Y%m%dT%H%M%S}-{flow}-{secrets.token_hex(3)}"
    con.execute(
        """insert into wh.ops.run_ledger
             (run_id, flow, portfolio, as_of_date, parameters, status, started_at, revision, process)
           values ($run_id, $flow, $portfolio, $as_of_date, $parameters, 'running', $now, $revision,
                   $process)""",
        {
            "run_id": run_id,
            "flow": flow,
            "portfolio": portfolio,
            "as_of_date": as_of_date,
            "parameters": json.dumps(dict(parameters or {}), default=str, sort_keys=True),
            "now": now,
            "revision": revision(),
            "process": processes.name_of(os.getpid()),
        },
    )
    return run_id


def finish_run(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    *,
    status: RunEnd,
    message: str | None = None,
    counts: Mapping[str, Any] | None = None,
) -> None:
    """Record how a run ended; a message and counts recorded before stay unless they are given again.

    Raises:
        Refused: when there is no such run.
    """
    changed = con.execute(
        """update wh.ops.run_ledger
           set status = $status, finished_at = $now, message = coalesce(nullif($message, ''), message),
               counts = json_merge_patch(coalesce(counts, '{}'), cast($counts as json))
           where run_id = $run_id""",
        {
            "run_id": run_id,
            "status": status,
            "now": settings().local_now(),
            "message": message,
            "counts": _as_json(counts),
        },
    ).fetchone()
    if changed is None or changed[0] != 1:
        raise Refused(f"run {run_id} is not in ops.run_ledger; start it with start_run before finishing it")


def mark_scored(con: duckdb.DuckDBPyConnection, night: Night, *, counts: Mapping[str, Any]) -> None:
    """Give a run the status `scored`, and abort unfinished runs of its night, whose scores it has replaced.

    Called in the transaction that writes the scores. The run has not ended.
    """
    con.execute(
        """update wh.ops.run_ledger
           set status = 'scored', message = $message,
               counts = json_merge_patch(coalesce(counts, '{}'), cast($counts as json))
           where run_id = $run_id""",
        {"run_id": night.run_id, "message": _COMMITTED, "counts": _as_json(counts)},
    )
    con.execute(
        """update wh.ops.run_ledger
           set status = 'aborted', finished_at = $now,
               message = 'ended after its scores were written; run ' || $run_id || ' replaced them'
           where portfolio = $portfolio and as_of_date = $as_of_date and run_id <> $run_id
             and status in ('scored', 'published')""",
        {**night._asdict(), "now": settings().local_now()},
    )


def mark_published(con: duckdb.DuckDBPyConnection, *, database: str = "wh", copy: str | None = None) -> None:
    """Give the runs whose scores are published the status `published`, in the warehouse or in its copy.

    A copy tells so from the moment it can be read; the warehouse once the copy has been swapped in, or, where the
    process died between the two, as soon as the copy is looked at again.

    Args:
        con: a writer's cursor.
        database: where the status is set.
        copy: an attached copy; only runs whose scores it has are meant. None = it has all that the warehouse has.
    """
    scored = f"update {database}.ops.run_ledger set status = 'published' where status = 'scored'"
    if copy is None:
        con.execute(scored)
    elif con.execute(f"select 1 from {database}.ops.run_ledger where status = 'scored' limit 1").fetchone():
        con.execute(f"{scored} and run_id in (select run_id from {copy}.scores.portfolio_scores)")


@dataclass(frozen=True)
class Run:
    """The part of a run ledger row that later runs need."""

    run_id: str
    flow: str
    portfolio: str | None
    as_of_date: date | None
    parameters: Mapping[str, Any]
    status: str
    revision: str | None


def run(con: duckdb.DuckDBPyConnection, run_id: str) -> Run | None:
    """Return the ledger row of a run, or None if there is no such run."""
    row = con.execute(
        "select run_id, flow, portfolio, as_of_date, parameters, status, revision from wh.ops.run_ledger "
        "where run_id = $run_id",
        {"run_id": run_id},
    ).fetchone()
    if row is None:
        return None
    stored_id, flow, portfolio, as_of_date, parameters, status, code_revision = row
    return Run(stored_id, flow, portfolio, as_of_date, json.loads(parameters or "{}"), status, code_revision)


def scored_by(con: duckdb.DuckDBPyConnection, night: Night) -> Run | None:
    """Return the run that wrote the stored scores of a night, however it ended, or None if there are none."""
    row = con.execute(
        "select max(run_id) from wh.scores.portfolio_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion'",
        night.key,
    ).fetchone()
    return run(con, row[0]) if row and row[0] else None


def go_on(con: duckdb.DuckDBPyConnection, run_id: str, *, scored: Run) -> None:
    """Record that a run goes on from the scores of another; if that one was refused or failed, it is `scored` again."""
    con.execute(
        "update wh.ops.run_ledger set status = 'scored', finished_at = null "
        "where run_id = $run_id and status in ('refused', 'failed')",
        {"run_id": scored.run_id},
    )
    _note(con, run_id, f"went on from {scored.run_id}, whose scores are kept")


def finish_scored(con: duckdb.DuckDBPyConnection, run_id: str, *, by: str) -> None:
    """Record that another run did the rest of a scored run; its message keeps why it did not do so itself."""
    row = con.execute("select message from wh.ops.run_ledger where run_id = ?", [run_id]).fetchone()
    before = str(row[0]).removesuffix(_AGAIN) if row else ""
    finish_run(con, run_id, status="done", message=f"{before}; finished by {by}")


def abort_dead_runs(con: duckdb.DuckDBPyConnection) -> int:
    """Mark as `aborted` the `running` runs whose process has ended, and return how many.

    A dead run that is `scored` or `published` stays so, since that is true; its message says how to go on. Called
    right after the writer's lease was taken, so a run on another host cannot be alive either.
    """
    unfinished = con.execute(
        "select run_id, process, status, flow, message from wh.ops.run_ledger "
        "where status in ('running', 'scored', 'published')"
    ).fetchall()
    dead = [row for row in unfinished if not processes.runs_here(row[1])]
    aborted = 0
    for run_id, _, status, flow, message in dead:
        if status == "running":
            finish_run(con, run_id, status="aborted", message=_DIED)
            aborted += 1
        elif message == _COMMITTED:  # otherwise it says already why it did not come to its end
            _note(con, run_id, _DIED_SCORED + (_AGAIN if flow == "nightly" else ""))
    return aborted


@lru_cache(maxsize=1)
def revision() -> str:
    """Return the git revision of the running code, or `unknown` outside a checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607  (the user's own git)
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip() or "unknown"


def _note(con: duckdb.DuckDBPyConnection, run_id: str, message: str) -> None:
    con.execute(
        "update wh.ops.run_ledger set message = $message where run_id = $run_id",
        {"run_id": run_id, "message": message},
    )


def _next_stamp(con: duckdb.DuckDBPyConnection, now: datetime) -> datetime:
    row = con.execute(
        "select max(try_strptime(left(run_id, 15), '%Y%m%dT%H%M%S')) from wh.ops.run_ledger"
    ).fetchone()
    newest = row[0] if row else None
    this_second = now.replace(microsecond=0)
    return this_second if newest is None else max(this_second, newest + timedelta(seconds=1))


def _as_json(counts: Mapping[str, Any] | None) -> str:
    return json.dumps(dict(counts or {}), default=str)
