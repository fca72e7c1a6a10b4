"""Watch a scored night: store readings, alerts and fairness figures, show a page and send events."""

import logging
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import polars as pl
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from models.watching.alerts import Alert, overdue, raised, worst_first
from models.watching.page import page
from models.watching.readings import Reading, as_frame, of_model
from models.watching.settings import WatchSettings
from tasks.send_alerts import send_alerts
from tasks.watch_fairness import fairness_figures
from tasks.watch_headlines import headline_readings
from tasks.watch_outcomes import headline_outcomes, model_outcomes
from tasks.watch_stability import model_stability
from tasks.watch_vintages import vintages_of
from warehouse import findings, reference, registry, watch
from warehouse.connection import transaction, writer
from warehouse.errors import Refused
from warehouse.night import Night
from warehouse.partition import replace_partition
from warehouse.safe_text import in_markdown

SHOWN = 10
MEMORY = 60  # scored nights over which the nights of an alert are counted
ALERT_COLUMNS: dict[str, Any] = {
    "heading": pl.String, "measure": pl.String, "model_family": pl.String, "model_role": pl.String,
    "model_version": pl.String, "subject": pl.String, "severity": pl.String, "nights": pl.Int32, "message": pl.String,
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
        scorers = {day: watch.scorers(con, night.on(day)) for day in dates[: limits.nights + 1]}
        records = {record.key: record for record in registry.records(con, portfolio=portfolio)}
    unknown = [" ".join(model) for model in scorers[as_of_date] if model not in records]
    if unknown:
        raise Refused(
            f"{portfolio} was scored on {as_of_date} by a model that is not registered: {', '.join(unknown)}"
        )
    tonight = [
        records[model].model_copy(update={"role": role}) for model, role in scorers[as_of_date].items()
    ]
    vintages = vintages_of(night, dates, tonight, limits=limits)
    readings = headline_readings(night, dates[1 : limits.nights + 1], limits)
    champions = [record for record in tonight if record.role == "champion"]
    readings += headline_outcomes(night, dates, champions, past=vintages.get(None), limits=limits)
    for record in tonight:
        measured = model_stability(night, dates[1:], record, scorers=scorers, limits=limits)
        past = vintages[record.key]
        measured += model_outcomes(night, dates, record, past=past, records=records, limits=limits)
        family, version = record.key
        readings += of_model(measured, family=family, version=version, role=record.role)
    return readings, fairness_figures(night, tonight, vintages=vintages, limits=limits)


@task(name="write watch", cache_policy=NO_CACHE)
def write_watch(
    night: Night, readings: list[Reading], groups: pl.DataFrame, *, limits: WatchSettings
) -> tuple[Alert, ...]:
    """Replace the night's readings, alerts and fairness in one transaction and return the alerts, the worst first."""
    with writer(purpose="write watch") as con, transaction(con):
        watch.replace(con, "ops.monitoring", as_frame(readings), night)
        watch.replace(con, "ops.fairness", groups, night)
        dates = watch.scored_dates(con, night)[:MEMORY]
        measured = raised(watch.readings(con, portfolio=night.portfolio, dates=dates), dates)
        due = overdue(findings.due(con, night), dates, alarm_after=limits.overdue_alarm)
        alerts = worst_first([*measured, *due])
        rows = pl.DataFrame(alerts, schema=ALERT_COLUMNS, orient="row")
        no_event_yet = pl.lit("not emitted: the run ended before", pl.String)
        watch.replace(con, "ops.alerts", rows.with_columns(event=no_event_yet), night)
    return alerts


def watch_portfolio(night: Night, *, limits: WatchSettings = WatchSettings()) -> dict[str, int]:
    """Watch one scored night and return how many readings are ok, watch, alarm and unknown, and how many alerts."""
    started = time.perf_counter()
    readings, groups = measure_night(night, limits)
    alerts = write_watch(night, readings, groups, limits=limits)
    events = send_alerts(night, alerts) if alerts else {}
    portfolio, as_of_date = night.portfolio, night.as_of_date
    shown = [alert._replace(message=in_markdown(alert.message)) for alert in alerts]
    create_markdown_artifact(
        key="watch",
        markdown=page(readings, shown, events, portfolio=portfolio, as_of_date=as_of_date),
        description=f"{portfolio} as of {as_of_date}: performance, stability, calibration",
    )
    counts = _by_severity(reading for reading in readings if not reading.is_beside)
    beside = _by_severity(reading for reading in readings if reading.is_beside)
    log.info("watch       %s  %.1f s", _told(counts), time.perf_counter() - started)
    if any(beside.values()):
        log.info("            challengers and shadows, beside the headline: %s", _told(beside))
    for alert in alerts[:SHOWN]:
        log.info("            %s: %s", alert.severity, alert.message)
    if len(alerts) > SHOWN:
        log.info("            and %d more in ops.alerts", len(alerts) - SHOWN)
    return {**counts, "alerts": len(alerts)}


def _by_severity(readings: Iterable[Reading]) -> dict[str, int]:
    tally = Counter(reading.severity for reading in readings)
    return {severity: tally[severity] for severity in ("ok", "watch", "alarm", "unknown")}


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {severity}" for severity, count in counts.items())
