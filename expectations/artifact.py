"""Write the result of a gate as one screen of Markdown: what failed, how many rows, examples, and may I rerun?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expectations.results import WHAT_TO_DO, Check, GateResult, counted
from expectations.suite import suites

CHECKS_SHOWN = 8
_ORDER = {"stop": 0, "quarantine": 1, "warn": 2}
_CONSEQUENCE = {"stop": "stopped the night", "quarantine": "rows set aside", "warn": "warned"}


def reason(check: Check) -> str:
    """Return the reason that the suite gives for a rule; empty for the runner's own rules."""
    reasons = {rule.name: rule.why for rule in suites()[check.suite].rules} if check.suite in suites() else {}
    return reasons.get(check.rule, "")


def markdown(
    result: GateResult,
    *,
    run_id: str,
    portfolio: str,
    as_of_date: str,
    page: str,
    escape: Callable[[str], str],
) -> str:
    """Return the result of one gate as Markdown; if nothing is wrong it is three lines long.

    Args:
        result: the verdicts.
        run_id: the run that they belong to.
        portfolio: what was judged.
        as_of_date: its night.
        page: where all rules are shown.
        escape: makes a value of a delivered row harmless in Markdown.
    """
    bad = sorted((check for check in result.checks if check.bad), key=lambda check: _ORDER[check.severity])
    lines = [f"# Gate {result.gate}: {_headline(result, bad)}", ""]
    lines += [f"{portfolio}, {as_of_date}. {_capital(result.summary())}. All rules: `{page}`", ""]
    for check in bad[:CHECKS_SHOWN]:
        lines += _lines_of(check, escape)
    if len(bad) > CHECKS_SHOWN:
        lines += [f"And {counted(len(bad) - CHECKS_SHOWN, 'more rule')}, see the page above.", ""]
    lines += [f"**May I rerun?** {_rerun(result)}", "", f"Run `{run_id}`."]
    return "\n".join(lines) + "\n"


def _headline(result: GateResult, bad: Sequence[Check]) -> str:
    if result.stopped:
        return "stopped"
    return f"passed, {counted(len(bad), 'rule')} to look at" if bad else "passed"


def _lines_of(check: Check, escape: Callable[[str], str]) -> list[str]:
    consequence = "could not be evaluated" if check.outcome == "errored" else _CONSEQUENCE[check.severity]
    of_rows = f"{check.unexpected_count:,} of {check.evaluated_count:,} rows"
    finding = of_rows if check.evaluated_count else counted(check.unexpected_count, "finding")
    rows = "" if check.outcome == "errored" else f"{finding}, "
    lines = [f"**{check.relation} · {check.rule}**: {rows}{consequence}. {reason(check)}".rstrip(), ""]
    if check.outcome == "errored":
        lines += [escape(check.observed), ""]
    for example in check.examples:
        lines.append("- " + escape(", ".join(f"{name} = {value}" for name, value in example.items())))
    return [*lines, ""] if check.examples else lines


def _rerun(result: GateResult) -> str:
    if result.stopped:
        return f"Yes, once the cause is mended: {WHAT_TO_DO[result.gate]}."
    return "Yes: the same rows are judged and written once."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
