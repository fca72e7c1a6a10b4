"""Data Docs of our own: one HTML page a run and an index of runs, complete without a network or a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from expectations.suite import suites

TEMPLATES = Path(__file__).parent / "templates"
_RANK = {"errored": 0, "failed": 1, "not_applicable": 2, "passed": 3}
_SEVERITY = {"stop": 0, "quarantine": 1, "warn": 2}


def run_page(verdicts: Sequence[Any], *, run_id: str) -> str:
    """Return the HTML of all verdicts of a run, what needs a look first.

    Args:
        verdicts: stored verdicts, each with the fields of ops.validation_results.
        run_id: the run.
    """
    reasons = {
        (suite.name, rule.name): (rule.why, rule.type) for suite in suites().values() for rule in suite.rules
    }
    by_relation: dict[str, list[Any]] = {}
    for verdict in sorted(
        verdicts, key=lambda verdict: (_RANK[verdict.outcome], _SEVERITY[verdict.severity], verdict.rule)
    ):
        by_relation.setdefault(verdict.relation, []).append(verdict)
    bad = [verdict for verdict in verdicts if verdict.outcome in ("failed", "errored")]
    return _render(
        "run.html.jinja",
        run_id=run_id,
        first=verdicts[0] if verdicts else None,
        relations=dict(sorted(by_relation.items())),
        reasons=reasons,
        bad=sorted(bad, key=lambda verdict: (_SEVERITY[verdict.severity], verdict.relation, verdict.rule)),
        counts=_counts(verdicts),
    )


def index_page(runs: Iterable[Any]) -> str:
    """Return the HTML list of runs, newest first, each with a link to its page."""
    return _render("index.html.jinja", runs=list(runs))


def write_pages(folder: Path, *, run_id: str, verdicts: Sequence[Any], runs: Iterable[Any]) -> Path:
    """Write the run's page and the index anew and return the path of the run's page.

    Args:
        folder: where the pages live; made if missing.
        run_id: the run, also the name of its sub-folder.
        verdicts: all stored verdicts of the run.
        runs: all runs that have verdicts.
    """
    page = folder / run_id / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(run_page(verdicts, run_id=run_id), encoding="utf-8")
    (folder / "index.html").write_text(index_page(runs), encoding="utf-8")
    return page


def _counts(verdicts: Sequence[Any]) -> Mapping[str, int]:
    count = dict.fromkeys(("passed", "failed", "errored", "not_applicable"), 0)
    for verdict in verdicts:
        count[verdict.outcome] += 1
    return count


def _render(template: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # What lenders deliver stands in examples, so everything is escaped.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
