"""The one-screen answer to a gate: what failed, how many rows, three examples, and may I rerun?"""

from __future__ import annotations

from collections.abc import Sequence

from expectations.report import WHAT_TO_DO, Check, GateReport, counted
from expectations.suite import suites

SHOWN = 8
_ORDER = {"stop": 0, "quarantine": 1, "warn": 2}
_DID = {"stop": "stopped the night", "quarantine": "rows set aside", "warn": "warned"}


def why(check: Check) -> str:
    """Return the reason that the suite gives for a rule; empty for the runner's own rules."""
    known = {rule.name: rule.why for rule in suites()[check.suite].rules} if check.suite in suites() else {}
    return known.get(check.rule, "")


def markdown(report: GateReport, *, run_id: str, portfolio: str, as_of_date: str, page: str) -> str:
    """Return the artifact of one gate as Markdown; with nothing wrong it is three lines long."""
    bad = sorted((check for check in report.checks if check.bad), key=lambda check: _ORDER[check.severity])
    lines = [f"# Gate {report.gate}: {_headline(report, bad)}", ""]
    lines += [f"{portfolio}, {as_of_date}. {_capital(report.summary())}. All rules: `{page}`", ""]
    for check in bad[:SHOWN]:
        lines += _one(check)
    if len(bad) > SHOWN:
        lines += [f"And {counted(len(bad) - SHOWN, 'more rule')}, see the page above.", ""]
    lines += [f"**May I rerun?** {_rerun(report)}", "", f"Run `{run_id}`."]
    return "\n".join(lines) + "\n"


def _headline(report: GateReport, bad: Sequence[Check]) -> str:
    if report.stopped:
        return "stopped"
    return f"passed, {counted(len(bad), 'rule')} to look at" if bad else "passed"


def _one(check: Check) -> list[str]:
    did = "could not be evaluated" if check.outcome == "errored" else _DID[check.severity]
    rows = (
        ""
        if check.outcome == "errored"
        else f"{check.unexpected_count:,} of {check.evaluated_count:,} rows, "
    )
    lines = [f"**{check.relation} · {check.rule}**: {rows}{did}. {why(check)}".rstrip(), ""]
    if check.outcome == "errored":
        lines += [f"    {check.observed}", ""]
    for example in check.examples:
        lines.append("    " + ", ".join(f"{name} = {value}" for name, value in example.items()))
    return [*lines, ""] if check.examples else lines


def _rerun(report: GateReport) -> str:
    if report.stopped:
        return f"Yes, once the cause is mended: {WHAT_TO_DO[report.gate]}."
    return "Yes: the same rows are judged and written once."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
