"""Lets the gates decide what may pass, stores what they said, and stops the night where they say so."""

import logging
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import get_run_context
from prefect.exceptions import MissingContextError

from expectations import artifact, pages
from expectations.engine import Parameters
from expectations.gate import run_gate
from expectations.results import GateResult
from expectations.suite import Gate, Rule, Suite, suites_of
from warehouse import gates, sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake import gate_quarantine
from warehouse.settings import settings

log = logging.getLogger("nightledger")


@task(name="validate feeds", cache_policy=NO_CACHE)
def validate_feeds(portfolio: str, run_id: str, as_of_date: date, *, again: bool = False) -> None:
    """Judge the delivered rows that no gate has passed yet; bad rows go to quarantine, the rest is judged on.

    Raises:
        Refused: in one line, after all suites have run and their verdicts are stored.
    """
    with writer(purpose=f"validate feeds {portfolio}") as con:
        loads = {
            suite.name: gates.pending_loads(con, portfolio=portfolio, feed=suite.name, again=again)
            for suite in suites_of("feeds")
        }

        def move(suite: Suite, rule: Rule) -> int:
            return gate_quarantine.quarantine_rows(
                con,
                portfolio=portfolio,
                feed=suite.name,
                loads=loads[suite.name],
                rule=rule.name,
                predicate=rule.quarantine_where or "false",
                detail=rule.why,
                run_id=run_id,
            )

        report = run_gate(
            "feeds",
            cursor=con.cursor,
            parameters=lambda suite: {
                "portfolio": portfolio,
                "as_of_date": as_of_date,
                "loads": loads[suite.name],
            },
            hidden=lambda suite: gates.private_columns(suite.relation),
            move=move,
        )
        _settle(con, report, portfolio=portfolio, as_of_date=as_of_date, run_id=run_id, loads=loads)


@task(name="validate features", cache_policy=NO_CACHE)
def validate_features(portfolio: str, as_of_date: date, run_id: str) -> None:
    """Judge the feature tables of one night.

    Raises:
        Refused: in one line, after all suites have run and their verdicts are stored.
    """
    _judge_night("features", portfolio, as_of_date, run_id)


@task(name="validate scores", cache_policy=NO_CACHE)
def validate_scores(portfolio: str, as_of_date: date, run_id: str) -> None:
    """Judge the scores that wait to be written; the last good ones stay where they do not pass.

    Raises:
        Refused: in one line, after all suites have run and their verdicts are stored.
    """
    _judge_night("scores", portfolio, as_of_date, run_id)


def _judge_night(gate: Gate, portfolio: str, as_of_date: date, run_id: str) -> None:
    given: Parameters = {"portfolio": portfolio, "as_of_date": as_of_date, "run_id": run_id}
    with writer(purpose=f"validate {gate} {portfolio}") as con:
        report = run_gate(
            gate, cursor=con.cursor, parameters=lambda _: given, columns_of=sql.declared_columns
        )
        _settle(con, report, portfolio=portfolio, as_of_date=as_of_date, run_id=run_id)


def _settle(
    con: Any,
    report: GateResult,
    *,
    portfolio: str,
    as_of_date: date,
    run_id: str,
    loads: Mapping[str, list[str]] | None = None,
) -> None:
    """Store the verdicts, write page and artifact, say one line, and stop the night where a rule does."""
    gates.store_results(
        con, report.checks, run_id=run_id, portfolio=portfolio, as_of_date=as_of_date, loads=loads
    )
    page = pages.write_pages(
        Path(settings().home) / "data_docs",
        run_id=run_id,
        verdicts=gates.results(con, run_id),
        runs=gates.judged_runs(con),
    )
    say = partial(artifact.markdown, report, run_id=run_id, portfolio=portfolio, as_of_date=str(as_of_date))
    _show(report.gate, say(page=str(page)))
    log.info("validate    %s", report.summary())
    if report.stopped:
        raise Refused(report.refusal())


def _show(gate: Gate, text: str) -> None:
    try:
        get_run_context()
    except MissingContextError:
        return  # called as a plain function there is no run whose page could show it
    create_markdown_artifact(
        key=f"validation-{gate}", markdown=text, description=f"What the gate {gate} found"
    )
