"""Read the suites of ``expectations/suites`` once, and check them when they are read.

A file is a Great Expectations suite with a few fields that Great Expectations does not know: which
relation, which rows of it, which columns may be read, and for each expectation a stable rule name, a severity
and a reason. A suite that reads every column of its relation says so instead of listing them; the head of the
relation's SQL file declares them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

Severity = Literal["stop", "quarantine", "warn"]
Gate = Literal["feeds", "features", "scores"]
WhenEmpty = Literal["stop", "normal", "optional"]
ColumnsOf = Callable[[str], tuple[str, ...]]

SUITES_DIR = Path(__file__).parent / "suites"
GATE_OF_SCHEMA: Mapping[str, Gate] = {"raw": "feeds", "features": "features", "scores": "scores"}
EVERY_COLUMN = "every column of the head"
_SEVERITIES = ("stop", "quarantine", "warn")


class SuiteError(ValueError):
    """A suite file is not a valid suite; the message names file and rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation: what is demanded, what a failure does, and why.

    A rule ``of_files`` reads the file ledger, so it is judged even if no row of the delivered files is left.
    """

    name: str
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    why: str
    quarantine_where: str | None = None
    of_files: bool = False

    @property
    def column(self) -> str:
        """The columns that the expectation is about; empty for rules in SQL and for whole tables."""
        named = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        return ", ".join(named or self.kwargs.get("column_list", ()))

    def as_great_expectations(self) -> dict[str, Any]:
        """Return the expectation as Great Expectations writes it; ``meta.rule`` leads its result back to this rule."""
        return {"type": self.type, "kwargs": dict(self.kwargs), "meta": {"rule": self.name}}


@dataclass(frozen=True, slots=True)
class Suite:
    """The rules that one relation must keep, and the only columns of it that a gate reads.

    ``rows`` is the SQL predicate of the rows that are judged. ``when_empty`` says what it means if there
    are none: ``stop``, ``normal`` (nothing was delivered), or ``optional`` (nor need the relation exist yet).
    """

    name: str
    relation: str
    rows: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    rules: tuple[Rule, ...]
    when_empty: WhenEmpty

    @property
    def gate(self) -> Gate:
        """The gate that runs this suite."""
        return GATE_OF_SCHEMA[self.relation.split(".")[0]]

    def rule(self, name: str) -> Rule:
        """Return the rule of that name."""
        return next(rule for rule in self.rules if rule.name == name)


def _rule(where: str, declared: Mapping[str, Any], gate: Gate) -> Rule:
    meta = declared.get("meta", {})
    name = meta.get("rule")
    if not name or not meta.get("why"):
        raise SuiteError(f"{where}: every expectation needs meta.rule and meta.why, got {meta}")
    if meta.get("severity") not in _SEVERITIES:
        raise SuiteError(f"{where}, rule {name}: meta.severity must be one of {', '.join(_SEVERITIES)}")
    movable = meta["severity"] == "quarantine"
    if movable != ("quarantine_where" in meta):
        raise SuiteError(
            f"{where}, rule {name}: quarantine_where belongs to severity quarantine, and only there"
        )
    if movable and gate != "feeds":
        raise SuiteError(f"{where}, rule {name}: only rows of a feed can be moved to quarantine")
    return Rule(
        name=name,
        type=declared["type"],
        kwargs=declared["kwargs"],
        severity=meta["severity"],
        why=meta["why"],
        quarantine_where=meta.get("quarantine_where"),
        of_files=meta.get("of_files", False),
    )


def parse(text: str, *, where: str, columns_of: ColumnsOf | None = None) -> Suite:
    """Return the suite that a file's text declares.

    Args:
        text: the file's text.
        where: how a message names the file.
        columns_of: yields the columns that the head of a relation declares. Without it a suite of every column
            can be looked at, but names no column and cannot be run.

    Raises:
        SuiteError: if a severity, a reason or a rule's name is missing, or a rule's name comes twice.
    """
    declared = json.loads(text)
    schema = declared["relation"].split(".")[0]
    if schema not in GATE_OF_SCHEMA:
        raise SuiteError(f"{where}: no gate stands before {declared['relation']}")
    rules = tuple(_rule(where, rule, GATE_OF_SCHEMA[schema]) for rule in declared["expectations"])
    names = [rule.name for rule in rules]
    if len(set(names)) != len(names) or not names:
        raise SuiteError(f"{where}: rule names must be there and be unique, got {names}")
    columns = declared["columns"]
    if isinstance(columns, str) and columns != EVERY_COLUMN:
        raise SuiteError(f"{where}: columns must be a list or '{EVERY_COLUMN}', got '{columns}'")
    if columns == EVERY_COLUMN:
        columns = columns_of(declared["relation"]) if columns_of else ()
    suite = Suite(
        name=declared["name"],
        relation=declared["relation"],
        rows=declared["rows"],
        key=tuple(declared["key"]),
        columns=tuple(columns),
        rules=rules,
        when_empty=declared["when_empty"],
    )
    if suite.when_empty not in ("stop", "normal", "optional"):
        raise SuiteError(f"{where}: when_empty must be stop, normal or optional, got {suite.when_empty}")
    if suite.columns and (unread := set(suite.key) - set(suite.columns)):
        raise SuiteError(f"{where}: key columns {sorted(unread)} are missing in columns")
    return suite


@lru_cache
def suites(columns_of: ColumnsOf | None = None) -> Mapping[str, Suite]:
    """Return all suites by name; the file's name is the suite's name, `columns_of` as in `parse`."""
    by_name = {
        path.stem: parse(path.read_text(encoding="utf-8"), where=path.name, columns_of=columns_of)
        for path in sorted(SUITES_DIR.glob("*.json"))
    }
    for stem, suite in by_name.items():
        if stem != suite.name:
            raise SuiteError(f"{stem}.json: the suite calls itself {suite.name}")
    return by_name


def suites_of(gate: Gate, columns_of: ColumnsOf | None = None) -> tuple[Suite, ...]:
    """Return the suites of one gate, that of enterprises first, since the other feeds depend on it."""
    of_gate = [suite for suite in suites(columns_of).values() if suite.gate == gate]
    return tuple(sorted(of_gate, key=lambda suite: (suite.name != "enterprises", suite.name)))
