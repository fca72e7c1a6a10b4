"""What a gate found, as small frozen records that can be stored, shown and acted upon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from expectations.suite import Gate, Severity

Outcome = Literal["passed", "failed", "errored", "not_applicable"]
Example = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one rule.

    ``severity`` is what the verdict does now: an expectation that errored or was not evaluated stops,
    whatever the suite says of its failures, since nobody knows what it would have found.
    """

    suite: str
    relation: str
    rule: str
    expectation: str
    column_name: str
    severity: Severity
    outcome: Outcome
    observed: str
    unexpected_count: int
    evaluated_count: int
    examples: tuple[Example, ...] = ()

    @property
    def bad(self) -> bool:
        """True if somebody should look at it."""
        return self.outcome in ("failed", "errored")

    @property
    def stops(self) -> bool:
        """True if the night may not go on."""
        return self.bad and self.severity == "stop"


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """All verdicts of one suite, in the order of its file."""

    suite: str
    relation: str
    checks: tuple[Check, ...]

    @property
    def stopped(self) -> bool:
        """True if any verdict stops the night."""
        return any(check.stops for check in self.checks)

    def failed(self, severity: Severity) -> tuple[Check, ...]:
        """Return the bad verdicts of one severity."""
        return tuple(check for check in self.checks if check.bad and check.severity == severity)


@dataclass(frozen=True, slots=True)
class GateReport:
    """All suites of one gate, with the seconds that it took."""

    gate: Gate
    suites: tuple[SuiteReport, ...]
    seconds: float

    @property
    def checks(self) -> tuple[Check, ...]:
        """All verdicts of the gate."""
        return tuple(check for suite in self.suites for check in suite.checks)

    @property
    def stopped(self) -> bool:
        """True if any suite stops the night."""
        return any(suite.stopped for suite in self.suites)

    def refusal(self) -> str:
        """Say in one line which suite and rule stopped, how many rows, one of them, and what to do."""
        stops = [check for check in self.checks if check.stops]
        first = stops[0]
        more = f" (and {counted(len(stops) - 1, 'more rule')})" if len(stops) > 1 else ""
        if first.outcome != "failed":
            what = f"not evaluated: {first.observed}"
        elif first.expectation == "unexpected_rows_expectation":
            what = counted(first.unexpected_count, "finding")  # rows of its own query, such as files
        else:
            what = f"{first.unexpected_count:,} of {first.evaluated_count:,} rows"
        if first.examples:
            what += f", such as {', '.join(f'{name} {value}' for name, value in first.examples[0].items())}"
        return (
            f"gate {self.gate} stopped: {first.relation}, rule {first.rule}, {what}{more}; "
            f"{WHAT_TO_DO[self.gate]}"
        )

    def summary(self) -> str:
        """Sum the gate up in one calm line for the log; what only warns is named, since the night goes on."""
        count = dict.fromkeys(("passed", "warned", "failed", "errored", "not_applicable"), 0)
        warned = []
        for check in self.checks:
            if check.outcome == "failed" and check.severity == "warn":
                warned.append(check.rule)
                count["warned"] += 1
            else:
                count[check.outcome] += 1
        outcomes = ", ".join(
            f"{number} {outcome.replace('_', ' ')}"
            + (f" ({', '.join(warned)})" if outcome == "warned" else "")
            for outcome, number in count.items()
            if number
        )
        return f"gate {self.gate}: {counted(len(self.suites), 'suite')}, {outcomes}, {self.seconds:.1f} s"


def counted(number: int, noun: str) -> str:
    """Return the number with its noun, in the plural where it takes one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


WHAT_TO_DO: Mapping[Gate, str] = {
    "feeds": "the published scores stay; deliver a corrected file under the same name, then run again",
    "features": "the published scores stay; see the run's validation page, mend the cause, then run again",
    "scores": "the published scores stay; see the run's validation page, mend the cause, then run again",
}
