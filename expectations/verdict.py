"""Turn the results of Great Expectations into verdicts; a rule without a result never counts as passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from expectations.engine import EXAMPLES
from expectations.results import Check, Example, Outcome
from expectations.suite import Rule, Suite

LONGEST_VALUE = 120
Show = Callable[[str, str], str | None]
"""What an example shows of a column's value, given as text; None if nothing."""


def judge(
    suite: Suite,
    results: Sequence[Any],
    *,
    evaluated: int,
    show: Show = lambda _, text: text,
) -> tuple[Check, ...]:
    """Return a verdict for each declared rule; a rule without exactly one result is errored."""
    results_by_rule: dict[str, list[Any]] = {}
    for result in results:
        results_by_rule.setdefault(result.expectation_config.meta["rule"], []).append(result)
    checks = []
    for rule in suite.rules:
        of_rule = results_by_rule.pop(rule.name, [])
        if len(of_rule) != 1:
            checks.append(
                check(suite, rule, "errored", observed=f"declared once, evaluated {len(of_rule)} times")
            )
            continue
        checks.append(_verdict(suite, rule, of_rule[0], evaluated=evaluated, show=show))
    checks.extend(
        check(suite, None, "errored", observed="evaluated but not declared", name=name)
        for name in results_by_rule
    )
    return tuple(checks)


def _verdict(suite: Suite, rule: Rule, result: Any, *, evaluated: int, show: Show) -> Check:
    if message := _exception(result.exception_info or {}):
        return check(suite, rule, "errored", observed=message, evaluated=evaluated)
    if not isinstance(result.success, bool) or not result.result:
        return check(suite, rule, "errored", observed="no verdict came back", evaluated=evaluated)
    details = result.result
    observed = details.get("observed_value")
    unexpected = details.get("unexpected_count")
    if unexpected is None:
        # A rule in SQL counts its bad rows; a rule on the whole table counts once.
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
        examples=_examples(details, show) if outcome == "failed" else (),
    )


def _exception(info: dict[str, Any]) -> str:
    """Return the first line of the exception, or nothing; it may be nested under the name of a metric."""
    for part in [info, *(value for value in info.values() if isinstance(value, dict))]:
        if part.get("raised_exception"):
            message = str(part.get("exception_message") or "raised without a message")
            lines = [line.strip() for line in message.splitlines() if line.strip()]
            return next((line for line in lines if "Error" in line), lines[0])[:300]
    return ""


def _examples(details: dict[str, Any], show: Show) -> tuple[Example, ...]:
    """Return up to three bad rows, with what may be shown of their key and faulty columns."""
    rows = (
        details.get("unexpected_index_list")
        or details.get("details", {}).get("unexpected_rows")
        or [value for value in details.get("unexpected_list", []) if isinstance(value, dict)]
    )
    shown = ({name: show(name, _plain(value)) for name, value in row.items()} for row in rows[:EXAMPLES])
    examples = ({name: text for name, text in row.items() if text is not None} for row in shown)
    return tuple(example for example in examples if example)


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:LONGEST_VALUE]


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
    """Return a verdict; errored ones and those on the runner's own rules (``rule`` is None) stop the night."""
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
