"""Store the verdicts of gates, and remember which loads have passed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Protocol

import duckdb
import polars as pl

from warehouse.connection import transaction
from warehouse.intake.feeds import FEEDS
from warehouse.intake.forms import form
from warehouse.night import Night
from warehouse.settings import settings

LOADS_JUDGED = "loads_judged"
_SHOWN_TYPES = ("date", "timestamp", "boolean")  # which hold no name and no number
# what the queries of the suites call amounts of one borrower
_AMOUNTS = ("value_now", "value_before", "median_now", "median_before")


class Verdict(Protocol):
    """A gate's verdict about one rule; the record itself belongs to expectations/."""

    @property
    def suite(self) -> str: ...  # noqa: D102
    @property
    def relation(self) -> str: ...  # noqa: D102
    @property
    def rule(self) -> str: ...  # noqa: D102
    @property
    def column_name(self) -> str: ...  # noqa: D102
    @property
    def severity(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def observed(self) -> str: ...  # noqa: D102
    @property
    def unexpected_count(self) -> int: ...  # noqa: D102
    @property
    def evaluated_count(self) -> int: ...  # noqa: D102
    @property
    def examples(self) -> Sequence[Mapping[str, Any]]: ...  # noqa: D102


@dataclass(frozen=True)
class StoredVerdict:
    """One row of ops.validation_results, as it was written."""

    run_id: str
    portfolio: str
    as_of_date: date | None
    suite: str
    relation: str
    rule: str
    column_name: str
    severity: str
    outcome: str
    observed: str
    unexpected_count: int
    evaluated_count: int
    examples: tuple[Mapping[str, Any], ...]
    checked_at: datetime


@dataclass(frozen=True)
class JudgedRun:
    """One run that has verdicts, and how many of them are bad."""

    run_id: str
    portfolio: str
    as_of_date: date | None
    checked_at: datetime
    rules: int
    stops: int
    quarantines: int
    warnings: int


def shown_of(relation: str) -> Callable[[str, str], str | None]:
    """Return what an example may show of a column's value: of a feed the borrower, times, and forms of the rest.

    A value that broke a rule may be a name or a number that belongs elsewhere, whatever its column is for.
    """
    schema, name = relation.split(".")
    feed = FEEDS[name] if schema == "raw" else None
    types = {column.name: column.type for column in feed.columns} if feed else {}

    def show(column: str, text: str) -> str | None:
        if feed and column in feed.hidden:
            return None
        if column == "enterprise_id" or types.get(column) in _SHOWN_TYPES or text == "null":
            return text
        return form(text) if column in types or (feed and column in _AMOUNTS) else text

    return show


def pending_loads(
    con: duckdb.DuckDBPyConnection, *, portfolio: str, feed: str, again: bool = False
) -> list[str]:
    """Return the runs whose rows of a feed no gate has passed yet; with ``again`` every run that loaded any.

    Rows of a run that was killed or stopped before they passed stay pending, so that no later night takes them
    unseen.
    """
    rows = con.execute(
        """select distinct run_id from wh.ops.file_ledger
           where portfolio = $portfolio and feed = $feed and status = 'loaded'
             and ($again or run_id not in (
                 select unnest(cast(examples as varchar[])) from wh.ops.validation_results
                 where portfolio = $portfolio and suite = $feed and expectation = $judged))
           order by run_id""",
        {"portfolio": portfolio, "feed": feed, "again": again, "judged": LOADS_JUDGED},
    ).fetchall()
    return [run_id for (run_id,) in rows]


def store_results(
    con: duckdb.DuckDBPyConnection,
    verdicts: Sequence[Verdict],
    night: Night,
    *,
    loads: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Replace this run's verdicts about the same suites, in one transaction.

    Args:
        con: a writer's cursor.
        verdicts: one for each rule.
        night: the night that was judged, and the run that judged it.
        loads: by suite, the runs whose rows were judged; where nothing stopped they are remembered as passed.
    """
    now = settings().local_now()
    stopped = {
        verdict.suite
        for verdict in verdicts
        if verdict.outcome in ("failed", "errored") and verdict.severity == "stop"
    }
    rows = [
        (
            verdict.suite,
            verdict.relation,
            verdict.rule,
            verdict.column_name or None,
            verdict.severity,
            verdict.outcome,
            verdict.observed,
            verdict.unexpected_count,
            verdict.evaluated_count,
            json.dumps([dict(example) for example in verdict.examples]),
        )
        for verdict in verdicts
    ] + [
        (
            suite,
            f"raw.{suite}",
            LOADS_JUDGED,
            None,
            "stop",
            "passed",
            f"{len(runs)} loads",
            0,
            0,
            json.dumps(list(runs)),
        )
        for suite, runs in (loads or {}).items()
        if runs and suite not in stopped
    ]
    frame = pl.DataFrame(  # noqa: F841  (DuckDB reads it by its name)
        rows,
        schema={
            "suite": pl.String,
            "relation": pl.String,
            "expectation": pl.String,
            "column_name": pl.String,
            "severity": pl.String,
            "outcome": pl.String,
            "observed": pl.String,
            "unexpected_count": pl.Int64,
            "evaluated_count": pl.Int64,
            "examples": pl.String,
        },
        orient="row",
    )
    with transaction(con):
        con.execute(
            "delete from wh.ops.validation_results where run_id = $run_id and list_contains($suites, suite)",
            {"run_id": night.run_id, "suites": sorted({verdict.suite for verdict in verdicts})},
        )
        con.execute(
            """insert into wh.ops.validation_results by name
               select $run_id as run_id, $portfolio as portfolio, $as_of_date as as_of_date,
                      * replace (cast(examples as json) as examples), $now as checked_at
               from frame""",
            {**night._asdict(), "now": now},
        )


def results(con: duckdb.DuckDBPyConnection, run_id: str) -> tuple[StoredVerdict, ...]:
    """Return all stored verdicts of a run, in the order of suite and rule."""
    records = con.execute(
        """select run_id, portfolio, as_of_date, suite, relation, expectation, coalesce(column_name, ''),
                  severity, outcome, observed, unexpected_count, evaluated_count, examples, checked_at
           from wh.ops.validation_results
           where run_id = $run_id and expectation <> $judged order by relation, suite, expectation""",
        {"run_id": run_id, "judged": LOADS_JUDGED},
    ).fetchall()
    names = [field.name for field in fields(StoredVerdict)]
    rows = (dict(zip(names, record, strict=True)) for record in records)
    return tuple(StoredVerdict(**row | {"examples": tuple(json.loads(row["examples"]))}) for row in rows)


def judged_runs(con: duckdb.DuckDBPyConnection, *, latest: int = 200) -> tuple[JudgedRun, ...]:
    """Return the latest runs that have verdicts, newest first, each with the number of its bad verdicts."""
    rows = con.execute(
        """with judged as (
               select *, outcome in ('failed', 'errored') as bad from wh.ops.validation_results
               where expectation <> $judged)
           select run_id, any_value(portfolio), any_value(as_of_date), max(checked_at), count(*),
                  count(*) filter (bad and severity = 'stop'),
                  count(*) filter (bad and severity = 'quarantine'),
                  count(*) filter (bad and severity = 'warn')
           from judged group by run_id order by run_id desc limit $latest""",
        {"judged": LOADS_JUDGED, "latest": latest},
    ).fetchall()
    return tuple(JudgedRun(*row) for row in rows)
