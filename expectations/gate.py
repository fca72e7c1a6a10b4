"""Runs all suites of a gate and lets bad rows go to quarantine before the rest is judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from expectations.engine import CursorFactory, Parameters
from expectations.report import GateReport, SuiteReport
from expectations.runner import run_suite
from expectations.suite import ColumnsOf, Gate, Rule, Suite, suites_of

MoveRows = Callable[[Suite, Rule], int]

# More bad rows than a fifth say that the delivery is wrong, unless there are just a few rows in all.
LARGEST_SHARE = 0.2
FEW_ROWS = 10


def run_gate(
    gate: Gate,
    *,
    cursor: CursorFactory,
    parameters: Callable[[Suite], Parameters],
    columns_of: ColumnsOf | None = None,
    hidden: Callable[[Suite], frozenset[str]] = lambda _: frozenset(),
    move: MoveRows | None = None,
) -> GateReport:
    """Return the verdicts of every suite of a gate, after bad rows have gone to quarantine.

    A rule that finds too large a part of a delivery bad moves nothing: it stops, and the rows stay as they
    came until the delivery is corrected.

    Args:
        gate: which gate.
        cursor: as in `run_suite`.
        parameters: what ``getvariable`` means in a suite's SQL.
        columns_of: the columns that the head of a relation declares, for suites that read every one of them.
        hidden: the columns of a suite whose values never reach an example.
        move: moves the rows that break a rule out of the suite's relation and returns how many; without it
            nothing is moved and the verdict alone is given.
    """
    started = time.perf_counter()
    reports = []
    for suite in suites_of(gate, columns_of):
        judged = partial(run_suite, suite, cursor=cursor, parameters=parameters(suite), hidden=hidden(suite))
        report = refuse_large_quarantine(judged())
        if move and (bad := report.failed("quarantine")):
            moved = {check.rule: move(suite, suite.rule(check.rule)) for check in bad}
            report = after_quarantine(report, judged(), moved=moved)
        reports.append(report)
    return GateReport(gate, tuple(reports), time.perf_counter() - started)


def refuse_large_quarantine(report: SuiteReport) -> SuiteReport:
    """Turn quarantine to stop where so many rows are bad that the delivery itself must be."""
    checks = tuple(
        replace(check, severity="stop", observed=f"{check.observed}, too many to set aside")
        if check.bad
        and check.severity == "quarantine"
        and check.unexpected_count > max(FEW_ROWS, LARGEST_SHARE * check.evaluated_count)
        else check
        for check in report.checks
    )
    return replace(report, checks=checks)


def after_quarantine(first: SuiteReport, second: SuiteReport, *, moved: Mapping[str, int]) -> SuiteReport:
    """Return the verdicts after bad rows were moved: what was moved stays told, the rest is judged anew.

    A rule that still finds bad rows, or whose own SQL moved more rows than it counted, stops: rule and
    predicate do not say the same.
    """
    before = {check.rule: check for check in first.checks}
    checks = []
    for check in second.checks:
        earlier = before.get(check.rule)
        if earlier is not None and earlier.stops and check.bad:
            checks.append(earlier)
        elif earlier is None or check.rule not in moved:
            checks.append(check)
        elif check.bad:
            checks.append(
                replace(check, severity="stop", outcome="errored", observed="bad rows left by quarantine")
            )
        elif moved[check.rule] > earlier.unexpected_count:
            message = (
                f"quarantine moved {moved[check.rule]:,} rows, the rule counted {earlier.unexpected_count:,}"
            )
            checks.append(replace(earlier, severity="stop", outcome="errored", observed=message))
        else:
            checks.append(earlier)
    return replace(second, checks=tuple(checks))
