"""Turns what Great Expectations answers into verdicts; what was not answered is never called passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from expectations.engine import EXAMPLES
from expectations.report import Check, Example, Outcome
from expectations.suite import Rule, Suite

LONGEST = 120


def judge(
    suite: Suite,
    results: Sequence[Any],
    *,
    evaluated: int,
    hidden: frozenset[str] = frozenset(),
) -> tuple[Check, ...]:
    """Return a verdict for each declared rule; one without a result of its own is errored, never passed."""
    answered: dict[str, list[Any]] = {}
    for result in results:
        answered.setdefault(result.expectation_config.meta["rule"], []).append(result)
    checks = []
    for rule in suite.rules:
        mine = answered.pop(rule.name, [])
        if len(mine) != 1:
            checks.append(
                check(suite, rule, "errored", observed=f"declared once, evaluated {len(mine)} times")
            )
            continue
        checks.append(_verdict(suite, rule, mine[0], evaluated=evaluated, hidden=hidden))
    checks.extend(
        check(suite, None, "errored", observed="evaluated but not declared", name=name) for name in answered
    )
    return tuple(checks)


def _verdict(suite: Suite, rule: Rule, result: Any, *, evaluated: int, hidden: frozenset[str]) -> Check:
    if message := _exception(result.exception_info or {}):
        return check(suite, rule, "errored", observed=message, evaluated=evaluated)
    if not isinstance(result.success, bool) or not result.result:
        return check(suite, rule, "errored", observed="no verdict came back", evaluated=evaluated)
    evidence = result.result
    observed = evidence.get("observed_value")
    unexpected = evidence.get("unexpected_count")
    if unexpected is None:
        # A rule in SQL observes its bad rows; a rule on the whole table is one observation.
        in_sql = rule.type == "unexpected_rows_expectation"
        unexpected = int(observed) if in_sql else int(not result.success)
    outcome: Outcome = "passed" if result.success else "failed"
    return check(
        suite,
        rule,
        outcome,
        observed=f"{unexpected:,} rows" if observed is None else _plain(observed),
        unexpected=unexpected,
        evaluated=evaluated,
        examples=_examples(evidence, hidden) if outcome == "failed" else (),
    )


def _exception(info: dict[str, Any]) -> str:
    """Return the first line of what was raised, or nothing; at times it is nested under the metric's name."""
    for part in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if part.get("raised_exception"):
            message = str(part.get("exception_message") or "raised without a message")
            lines = [line.strip() for line in message.splitlines() if line.strip()]
            return next((line for line in lines if "Error" in line), lines[0])[:300]
    return ""


def _examples(evidence: dict[str, Any], hidden: frozenset[str]) -> tuple[Example, ...]:
    """Return up to three bad rows: key and the columns at fault, without any column that must stay hidden."""
    rows = (
        evidence.get("unexpected_index_list")
        or evidence.get("details", {}).get("unexpected_rows")
        or [value for value in evidence.get("unexpected_list", []) if isinstance(value, dict)]
    )
    shown = ({k: _plain(v) for k, v in row.items() if k not in hidden} for row in rows[:EXAMPLES])
    return tuple(row for row in shown if row)


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:LONGEST]


def check(
    suite: Suite,
    rule: Rule | None,
    outcome: Outcome,
    *,
    observed: str,
    name: str = "",
    unexpected: int = 0,
    evaluated: int = 0,
    examples: tuple[Example, ...] = (),
) -> Check:
    """A verdict; the runner's own rules (``rule`` is None) and everything errored stop."""
    stops = rule is None or outcome == "errored"
    return Check(
        suite=suite.name,
        relation=suite.relation,
        rule=rule.name if rule else name,
        expectation=rule.type if rule else "runner",
        column_name=rule.column if rule else "",
        severity="stop" if stops or rule is None else rule.severity,
        outcome=outcome,
        observed=observed,
        unexpected_count=unexpected,
        evaluated_count=evaluated,
        examples=examples,
    )


def all_alike(suite: Suite, outcome: Outcome, observed: str) -> tuple[Check, ...]:
    """Return the same verdict for every rule of the suite."""
    return tuple(check(suite, rule, outcome, observed=observed) for rule in suite.rules)
