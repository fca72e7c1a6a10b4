"""Raise an alert for each measure that was at watch or alarm on two scored nights in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import polars as pl

KEY = ("heading", "measure", "model_family", "subject")
GATHERED = ("csi_training", "csi_batch")  # hundreds of subjects: one alert a family, which names the newest
FEATURES = "features"
NAMED = 5
NIGHTS = 2


class Alert(NamedTuple):
    """A measure that stayed at watch or alarm: how bad, for how many scored nights, and the message to send."""

    heading: str
    measure: str
    model_family: str | None
    subject: str
    severity: str
    nights: int
    message: str


def raised(readings: pl.DataFrame, nights: Sequence[date]) -> tuple[Alert, ...]:
    """Return the alerts of the newest night, alarms first.

    Parameters
    ----------
    readings : polars.DataFrame
        as_of_date, heading, measure, model_family, subject, severity, value, threshold and critical of the nights.
    nights : sequence of date
        The scored nights, newest first; a night without a reading interrupts a run of bad nights, as does
        `ok` or `unknown`.

    Returns
    -------
    tuple of Alert
        `alarm` if both of the last two nights were at alarm, else `watch`. The features of a family (CSI) share
        one alert, which takes the worst severity and the longest run of nights among them.
    """
    bad = readings.filter(pl.col("severity").is_in(["watch", "alarm"]))
    by_night = {
        day: {tuple(row[name] for name in KEY): row for row in rows}
        for day, rows in _rows_by_night(bad).items()
    }
    alerts: list[Alert] = []
    by_family: dict[tuple[object, ...], list[tuple[Alert, float]]] = {}
    for key, row in by_night.get(nights[0], {}).items() if nights else ():
        in_a_row = 0
        for day in nights:
            if key not in by_night.get(day, {}):
                break
            in_a_row += 1
        if in_a_row < NIGHTS:
            continue
        last = [by_night[day][key]["severity"] for day in nights[:NIGHTS]]
        severity = "alarm" if set(last) == {"alarm"} else "watch"
        named = {name: row[name] for name in KEY}
        alert = Alert(**named, severity=severity, nights=in_a_row, message=_message(row, in_a_row))
        if alert.measure in GATHERED:
            by_family.setdefault(key[:3], []).append((alert, row["value"]))
        else:
            alerts.append(alert)
    alerts += [_gathered(members) for members in by_family.values()]
    return tuple(
        sorted(alerts, key=lambda alert: (alert.severity, alert.heading, alert.measure, alert.subject))
    )


def _gathered(alerts: list[tuple[Alert, float]]) -> Alert:
    """Return one alert for many features: how many are at alarm and at watch, and which are new or moved most."""
    tally = Counter(alert.severity for alert, _ in alerts)
    # newest first: an alert that has stood for months must not hide a new one
    newest = sorted(alerts, key=lambda pair: (pair[0].nights, -pair[1], pair[0].subject))
    names = ", ".join(
        f"{alert.subject} {value:.4g} ({alert.nights} nights)" for alert, value in newest[:NAMED]
    )
    more = f" and {len(alerts) - NAMED} more" if len(alerts) > NAMED else ""
    first = newest[0][0]
    return first._replace(
        subject=FEATURES,
        severity="alarm" if tally["alarm"] else "watch",
        nights=max(alert.nights for alert, _ in alerts),
        message=f"{first.model_family or 'headline'}: {first.measure} of {tally['alarm']} features at alarm and "
        f"{tally['watch']} at watch for two nights or more, newest first: {names}{more}",
    )


def _rows_by_night(rows: pl.DataFrame) -> dict[date, list[dict[str, Any]]]:
    by_night: dict[date, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        by_night.setdefault(row["as_of_date"], []).append(row)
    return by_night


def _message(row: dict[str, Any], nights: int) -> str:
    owner = row["model_family"] or ("feed" if row["measure"] == "feed_age" else "headline")
    limits = [f"{name} {row[name]:.4g}" for name in ("threshold", "critical") if row[name] is not None]
    judged_by = f" ({', '.join(limits)})" if limits else ""
    value = "" if row["value"] is None else f" {row['value']:.4g}"
    return f"{owner}, {row['subject']}: {row['measure']}{value}{judged_by}, {nights} nights at watch or alarm"
