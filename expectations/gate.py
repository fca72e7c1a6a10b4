"""Run all suites of a gate; bad rows are moved to quarantine before the rest is judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from expectations.engine import CursorFactory, Parameters
from expectations.results import GateResult, SuiteResult
from expectations.runner import run_suite
from expectations.suite import ColumnsOf, Gate, Rule, Suite, suites_of
from expectations.verdict import Show

MoveRows = Callable[[Suite, Rule], int]

# More than a fifth of bad rows means that the delivery is wrong; one bad row is a slip, unless it is the only row.
LARGEST_SHARE = 0.2
# Rows that break it are not bad: their enterprise is in quarantine, and they are read again once it is mended.
WAITING_RULE = "unknown_enterprise"


def run_gate(
    gate: Gate,
    *,
    cursor: CursorFactory,
    parameters: Callable[[Suite], Parameters],
    columns_of: ColumnsOf | None = None,
    show: Callable[[Suite], Show] = lambda _: lambda _, text: text,
    move: MoveRows | None = None,
) -> GateResult:
    """Return the verdicts of every suite of a gate, after bad rows were moved to quarantine.

    A rule that finds too large a share of a delivery bad moves nothing: it stops the night, and the rows stay as
    they are until the delivery is corrected.

    Args:
        gate: which gate.
        cursor: as in `run_suite`.
        parameters: what ``getvariable`` means in a suite's SQL.
        columns_of: the columns that the head of a relation declares, for suites that read every one of them.
        show: what an example of a suite shows of a column's value.
        move: moves the rows that break a rule out of the suite's relation and returns how many; without it
            nothing is moved.
    """
    started = time.perf_counter()
    results = []
    for suite in suites_of(gate, columns_of):
        judge_suite = partial(run_suite, suite, cursor=cursor, parameters=parameters(suite), show=show(suite))
        result = refuse_large_quarantine(judge_suite())
        if move and (bad := result.failed("quarantine")):
            moved = {check.rule: move(suite, suite.rule(check.rule)) for check in bad}
            result = after_quarantine(result, judge_suite(), moved=moved)
        results.append(result)
    return GateResult(gate, tuple(results), time.perf_counter() - started)


def refuse_large_quarantine(result: SuiteResult) -> SuiteResult:
    """Turn quarantine into stop where so many rows are bad that the delivery itself must be wrong."""
    checks = tuple(
        replace(check, severity="stop", observed=f"{check.observed}, too many to set aside")
        if check.bad
        and check.severity == "quarantine"
        and check.rule != WAITING_RULE
        and check.unexpected_count > LARGEST_SHARE * check.evaluated_count
        and (check.unexpected_count > 1 or check.evaluated_count == 1)
        else check
        for check in result.checks
    )
    return replace(result, checks=checks)


def after_quarantine(first: SuiteResult, second: SuiteResult, *, moved: Mapping[str, int]) -> SuiteResult:
    """Return the verdicts after bad rows were moved: the first verdict of rules that moved rows, else the second.

    A rule that still finds bad rows, or whose own SQL moved more rows than it counted, stops the night: its
    expectation and its predicate disagree.
    """
    checks_before = {check.rule: check for check in first.checks}
    checks = []
    for check in second.checks:
        earlier = checks_before.get(check.rule)
        if earlier is not None and earlier.stops and check.bad:
            checks.append(earlier)
        elif earlier is None or check.rule not in moved:
            checks.append(check)
        elif check.bad:
            checks.append(
                replace(check, severity="stop", outcome="errored", observed="bad rows left by quarantine")
            )
        elif moved[check.rule] > earlier.unexpected_count:
            observed = (
                f"quarantine moved {moved[check.rule]:,} rows, the rule counted {earlier.unexpected_count:,}"
            )
            checks.append(replace(earlier, severity="stop", outcome="errored", observed=observed))
        else:
            checks.append(earlier)
    return replace(second, checks=tuple(checks))
