"""Watch a scored night: store readings, alerts and fairness figures, show a page and send events."""

import logging
import time
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
from tasks.watch_headlines import headline_readings
from tasks.watch_outcomes import outcome_readings
from tasks.watch_stability import model_stability
from tasks.watch_vintages import vintages_of
from warehouse import reference, registry, watch
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.partition import replace_partition

MEMORY = 60  # scored nights over which nights in a row are counted
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
        dates = watch.scored_dates(con, night)
        if not dates or dates[0] != as_of_date:
            raise Refused(
                f"{portfolio} has no scores of {as_of_date} to watch; score it first: python -m flows score"
            )
        # the night renewed it with its scores; a night that it compares with may have been scored again since
        replace_partition(con, "marts.mart_migration", night.key)
        reference.forget_counts(con, night)
        versions = watch.versions(con, night)
        records = {
            (record.model_family, record.model_version): record
            for record in registry.records(con, portfolio=portfolio)
        }
    unknown = [" ".join(model) for model in versions.items() if model not in records]
    if unknown:
        raise Refused(
            f"{portfolio} was scored on {as_of_date} by a model that is not registered: {', '.join(unknown)}"
        )
    tonight = [records[model] for model in versions.items()]
    before = dates[1:]
    readings = headline_readings(night, before[: limits.nights], limits)
    for record in tonight:
        readings += model_stability(night, before, record, limits)
    vintages = vintages_of(night, dates, tonight, limits=limits)
    readings += outcome_readings(night, dates, tonight, vintages=vintages, records=records, limits=limits)
    return readings, fairness_figures(night, tonight, vintages=vintages, limits=limits)


@task(name="write watch", cache_policy=NO_CACHE)
def write_watch(night: Night, readings: list[Reading], groups: pl.DataFrame) -> tuple[Alert, ...]:
    """Replace the night's readings, alerts and fairness in one transaction and return the alerts."""
    with writer(purpose="write watch") as con, transaction(con):
        watch.replace(con, "ops.monitoring", as_frame(readings), night)
        watch.replace(con, "ops.fairness", groups, night)
        dates = watch.scored_dates(con, night)[:MEMORY]
        alerts = raised(watch.readings(con, portfolio=night.portfolio, dates=dates), dates)
        rows = pl.DataFrame(alerts, schema=ALERT_COLUMNS, orient="row")
        no_event_yet = pl.lit("not emitted: the run ended before", pl.String)
        watch.replace(con, "ops.alerts", rows.with_columns(event=no_event_yet), night)
    return alerts


def watch_portfolio(night: Night, *, limits: WatchSettings = WatchSettings()) -> dict[str, int]:
    """Watch one scored night and return how many readings are ok, watch, alarm and unknown, and how many alerts."""
    started = time.perf_counter()
    readings, groups = measure_night(night, limits)
    alerts = write_watch(night, readings, groups)
    events = send_alerts(night, alerts) if alerts else {}
    portfolio, as_of_date = night.portfolio, night.as_of_date
    create_markdown_artifact(
        key="watch",
        markdown=page(readings, alerts, events, portfolio=portfolio, as_of_date=as_of_date),
        description=f"{portfolio} as of {as_of_date}: performance, stability, calibration",
    )
    counts = {
        severity: sum(reading.severity == severity for reading in readings)
        for severity in ("ok", "watch", "alarm", "unknown")
    }
    log.info(
        "watch       %s  %.1f s",
        ", ".join(f"{count:,} {severity}" for severity, count in counts.items()),
        time.perf_counter() - started,
    )
    for alert in alerts[:10]:
        log.info("            %s: %s", alert.severity, alert.message)
    if len(alerts) > 10:
        log.info("            and %d more in ops.alerts", len(alerts) - 10)
    return {**counts, "alerts": len(alerts)}
