"""Watches a scored night: readings, alerts and fairness as rows, then as an artifact and as Prefect events."""

import logging
import time
from datetime import date
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models.watching.alerts import Alert, raised
from models.watching.page import page
from models.watching.readings import Reading, as_frame
from models.watching.settings import WatchSettings
from tasks.send_alerts import send_alerts
from tasks.watch_fairness import fairness_figures
from tasks.watch_outcomes import outcome_readings
from tasks.watch_stability import model_stability, portfolio_stability
from warehouse import reference, registry
from warehouse import watch as monitoring
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.partition import replace_partition
from warehouse.watch import Night

MEMORY = 60  # scored nights that a row of nights is counted over
ALERT_COLUMNS: dict[str, Any] = {
    "heading": pl.String, "measure": pl.String, "model_family": pl.String, "subject": pl.String,
    "severity": pl.String, "nights": pl.Int32, "message": pl.String,
}  # fmt: skip
log = logging.getLogger("nightledger")


@task(name="measure night", cache_policy=NO_CACHE)
def measure_night(night: Night, limits: WatchSettings) -> tuple[list[Reading], pl.DataFrame]:
    """Return the readings of a scored night, and the figures of its groups."""
    portfolio, as_of_date = night.portfolio, night.as_of_date
    with writer(purpose="watch") as con:
        nights = monitoring.scored_nights(con, portfolio=portfolio, until=as_of_date)
        if not nights or nights[0] != as_of_date:
            raise Refused(
                f"{portfolio} has no scores of {as_of_date} to watch; score it first: python -m flows score"
            )
        replace_partition(con, "marts.mart_migration", night.key)
        reference.forget_counts(con, portfolio=portfolio, as_of_date=as_of_date)
        versions = monitoring.versions(con, portfolio=portfolio, as_of_date=as_of_date)
        records = {
            (one.model_family, one.model_version): one for one in registry.records(con, portfolio=portfolio)
        }
    lost = [" ".join(one) for one in versions.items() if one not in records]
    if lost:
        raise Refused(
            f"{portfolio} was scored on {as_of_date} by a model that is not registered: {', '.join(lost)}"
        )
    tonight = [records[one] for one in versions.items()]
    before = nights[1:]
    readings = portfolio_stability(portfolio, as_of_date, before[: limits.nights], limits)
    for record in tonight:
        readings += model_stability(record, as_of_date, before, limits)
    readings += outcome_readings(
        portfolio, as_of_date, nights=nights, records=records, versions=versions, limits=limits
    )
    return readings, fairness_figures(portfolio, as_of_date, nights=nights, tonight=tonight, limits=limits)


@task(name="write watch", cache_policy=NO_CACHE)
def write_watch(night: Night, readings: list[Reading], groups: pl.DataFrame) -> tuple[Alert, ...]:
    """Replace the night's readings, alerts and fairness in one transaction and return the alerts."""
    with writer(purpose="write watch") as con, transaction(con):
        monitoring.replace(con, "ops.monitoring", as_frame(readings), night)
        monitoring.replace(con, "ops.fairness", groups, night)
        nights = monitoring.scored_nights(con, portfolio=night.portfolio, until=night.as_of_date)[:MEMORY]
        alerts = raised(monitoring.readings(con, portfolio=night.portfolio, nights=nights), nights)
        rows = pl.DataFrame(alerts, schema=ALERT_COLUMNS, orient="row")
        waiting = pl.lit("not emitted: the run ended before", pl.String)
        monitoring.replace(con, "ops.alerts", rows.with_columns(event=waiting), night)
    return alerts


def watch_portfolio(
    portfolio: str, as_of_date: date, *, run_id: str, limits: WatchSettings = WatchSettings()
) -> dict[str, int]:
    """Watch one scored night and return how many readings are ok, watch, alarm and unknown, and how many alerts."""
    started = time.perf_counter()
    night = Night(portfolio, as_of_date, run_id)
    readings, groups = measure_night(night, limits)
    alerts = write_watch(night, readings, groups)
    told = send_alerts(night, alerts) if alerts else {}
    create_markdown_artifact(
        key="watch",
        markdown=page(readings, alerts, told, portfolio=portfolio, as_of_date=as_of_date),
        description=f"{portfolio} as of {as_of_date}: performance, stability, calibration",
    )
    counts = {
        name: sum(one.severity == name for one in readings) for name in ("ok", "watch", "alarm", "unknown")
    }
    log.info(
        "watch       %s  %.1f s",
        ", ".join(f"{count:,} {name}" for name, count in counts.items()),
        time.perf_counter() - started,
    )
    for alert in alerts[:10]:
        log.info("            %s: %s", alert.severity, alert.message)
    if len(alerts) > 10:
        log.info("            and %d more in ops.alerts", len(alerts) - 10)
    return {**counts, "alerts": len(alerts)}
