"""Keep the run ledger: one row for every run with its parameters, how it ended and what it counted."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import duckdb

from warehouse import processes
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.settings import settings

RunStatus = Literal["running", "scored", "published", "done", "refused", "failed", "aborted"]


def start_run(
    con: duckdb.DuckDBPyConnection,
    *,
    flow: str,
    portfolio: str | None,
    as_of_date: date | None,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """Add a ledger row with status `running` and return its run_id, which is unique and sorts by time."""
    conf = settings()
    now = conf.local_now()
    run_id = f"{now:%Y%m%dT%H%M%S}-{flow}-{secrets.token_hex(3)}"
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
    status: RunStatus,
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
            "counts": json.dumps(dict(counts or {}), default=str),
        },
    ).fetchone()
    if changed is None or changed[0] != 1:
        raise Refused(f"run {run_id} is not in ops.run_ledger; start it with start_run before finishing it")


def mark_published(con: duckdb.DuckDBPyConnection, *, database: str = "wh") -> None:
    """Give every run whose scores are published now the status `published`, in the warehouse or in its copy.

    A copy tells so from the moment it can be read; the warehouse once the copy has been swapped in.
    """
    con.execute(f"update {database}.ops.run_ledger set status = 'published' where status = 'scored'")


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
    """Return the run that wrote the stored scores of a night, or None if it did not end as `done`."""
    row = con.execute(
        "select max(run_id) from wh.scores.portfolio_scores "
        "where portfolio = $portfolio and as_of_date = $as_of_date and model_role = 'champion'",
        night.key,
    ).fetchone()
    last_run = run(con, row[0]) if row and row[0] else None
    return last_run if last_run and last_run.status == "done" else None


def abort_dead_runs(con: duckdb.DuckDBPyConnection) -> int:
    """Mark as `aborted` the `running` runs whose process has ended, and return how many.

    Called right after the writer's lease was taken, so a run on another host cannot be alive either.
    """
    running = con.execute("select run_id, process from wh.ops.run_ledger where status = 'running'").fetchall()
    dead = [run_id for run_id, process in running if not processes.runs_here(process)]
    for run_id in dead:
        finish_run(
            con, run_id, status="aborted", message="its process ended without a word; safe to run again"
        )
    return len(dead)


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
