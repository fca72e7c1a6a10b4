"""Open and close findings on models, and record their reviews; one line each says what is recorded."""

import logging
from datetime import date

from prefect import task
from prefect.cache_policies import NO_CACHE

from warehouse import findings, registry
from warehouse.connection import writer

log = logging.getLogger("nightledger")


@task(name="open finding", cache_policy=NO_CACHE)
def open_finding(
    portfolio: str, family: str, version: str, *, what: str, owner: str, day: date, due: date, run_id: str
) -> int:
    """Record a finding on a registered model and return its number."""
    with writer(purpose=f"finding on {family} {version}") as con:
        model = registry.registered(con, portfolio=portfolio, family=family, version=version)
        number = findings.open_finding(
            con, model, what=what, owner=owner, opened_on=day, due_on=due, run_id=run_id
        )
    log.info("finding     %d on %s %s of %s: %s", number, family, version, portfolio, what)
    log.info("finding     %s settles it by %s; a night after that day raises an alert", owner, due)
    return number


@task(name="close finding", cache_policy=NO_CACHE)
def close_finding(portfolio: str, number: int, *, day: date, by: str, how: str, run_id: str) -> None:
    """Record who closed a finding, when and how."""
    with writer(purpose=f"close finding {number} of {portfolio}") as con:
        about = findings.close_finding(
            con,
            portfolio=portfolio,
            finding=number,
            closed_on=day,
            closed_by=by,
            closed_how=how,
            run_id=run_id,
        )
    log.info("finding     %d of %s is closed (%s)", number, portfolio, about)
    log.info("finding     closed on %s by %s: %s", day, by, how)


@task(name="record review", cache_policy=NO_CACHE)
def record_review(
    portfolio: str,
    family: str,
    version: str,
    *,
    day: date,
    reviewer: str,
    result: str,
    next_on: date,
    run_id: str,
) -> None:
    """Record a review of a registered model and when the next one is due."""
    with writer(purpose=f"review of {family} {version}") as con:
        model = registry.registered(con, portfolio=portfolio, family=family, version=version)
        findings.record_review(
            con, model, reviewed_on=day, reviewer=reviewer, result=result, next_on=next_on, run_id=run_id
        )
    log.info("review      %s %s of %s on %s by %s: %s", family, version, portfolio, day, reviewer, result)
    log.info("review      the next one is due on %s; a night after that day raises an alert", next_on)
