"""Run the gates, store their verdicts, and stop the night where a rule demands it."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.context import get_run_context
from prefect.exceptions import MissingContextError

from expectations import artifact, pages
from expectations.gate import run_gate
from expectations.results import GateResult
from expectations.suite import Gate, Rule, Suite, suites_of
from warehouse import gates, sql
from warehouse.connection import writer
from warehouse.errors import Refused
from warehouse.intake import gate_quarantine
from warehouse.night import Night
from warehouse.safe_text import in_markdown
from warehouse.settings import settings

log = logging.getLogger("nightledger")


@task(name="validate feeds", cache_policy=NO_CACHE)
def validate_feeds(night: Night, *, again: bool = False) -> None:
    """Judge the delivered rows that no gate has passed yet; bad rows are moved to quarantine.

    Raises:
        Refused: in one line, after all suites have run and their verdicts are stored.
    """
    with writer(purpose=f"validate feeds {night.portfolio}") as con:
        loads = {
            suite.name: gates.pending_loads(con, portfolio=night.portfolio, feed=suite.name, again=again)
            for suite in suites_of("feeds")
        }

        def move(suite: Suite, rule: Rule) -> int:
            return gate_quarantine.quarantine_rows(
                con,
                night,
                feed=suite.name,
                loads=loads[suite.name],
                rule=rule.name,
                predicate=rule.quarantine_where or "false",
                detail=rule.why,
            )

        result = run_gate(
            "feeds",
            cursor=con.cursor,
            parameters=lambda suite: {**night.key, "loads": loads[suite.name]},
            show=lambda suite: gates.shown_of(suite.relation),
            move=move,
        )
        _settle(con, result, night, loads=loads)


@task(name="validate features", cache_policy=NO_CACHE)
def validate_features(night: Night) -> None:
    """Judge the feature tables of one night.

    Raises:
        Refused: in one line, after all suites have run and their verdicts are stored.
    """
    _judge_night("features", night)


@task(name="validate scores", cache_policy=NO_CACHE)
def validate_scores(night: Night) -> None:
    """Judge the scores that wait to be written; the last good ones stay where they do not pass.

    Raises:
        Refused: in one line, after all suites have run and their verdicts are stored.
    """
    _judge_night("scores", night)


def _judge_night(gate: Gate, night: Night) -> None:
    with writer(purpose=f"validate {gate} {night.portfolio}") as con:
        result = run_gate(
            gate, cursor=con.cursor, parameters=lambda _: night._asdict(), columns_of=sql.declared_columns
        )
        _settle(con, result, night)


def _settle(
    con: Any, result: GateResult, night: Night, *, loads: Mapping[str, list[str]] | None = None
) -> None:
    """Store the verdicts, write page and artifact, log one line, and stop the night where a rule demands it."""
    portfolio, as_of_date, run_id = night
    gates.store_results(con, result.checks, night, loads=loads)
    page = pages.write_pages(
        Path(settings().home) / "data_docs",
        run_id=run_id,
        verdicts=gates.results(con, run_id),
        runs=gates.judged_runs(con),
    )
    text = artifact.markdown(
        result,
        run_id=run_id,
        portfolio=portfolio,
        as_of_date=str(as_of_date),
        page=str(page),
        escape=in_markdown,
    )
    _show(result.gate, text)
    log.info("validate    %s", result.summary())
    if result.stopped:
        raise Refused(result.refusal())


def _show(gate: Gate, text: str) -> None:
    try:
        get_run_context()
    except MissingContextError:
        return  # called as a plain function there is no run whose page could show it
    create_markdown_artifact(
        key=f"validation-{gate}", markdown=text, description=f"What the gate {gate} found"
    )
