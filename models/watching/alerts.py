"""Raise an alert for each measure at watch or alarm, and for what is overdue; say for how many nights it has been."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

import polars as pl

KEY = ("heading", "measure", "model_family", "model_role", "model_version", "subject")
GATHERED = ("csi_training", "csi_batch")  # hundreds of subjects: one alert a model, which names the newest
FEATURES = "features"
GOVERNANCE = "governance"
NAMED = 5


class Alert(NamedTuple):
    """A measure at watch or alarm: how bad, for how many scored nights in a row, and the message to send.

    `model_version` is None for the measures of a champion: they go on when another version takes its place.
    """

    heading: str
    measure: str
    model_family: str | None
    model_role: str | None
    model_version: str | None
    subject: str
    severity: str
    nights: int
    message: str

    @property
    def is_beside(self) -> bool:
        """True if it is of a model that gives no headline: a challenger, a shadow or one that scored nobody."""
        return self.model_role not in (None, "champion")


def worst_first(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return alerts in order: those of the headline and the champions, then those beside, alarms first in each."""
    return tuple(
        sorted(
            alerts,
            key=lambda alert: (
                alert.is_beside, alert.severity, alert.heading, alert.measure,
                alert.model_family or "", alert.model_version or "", alert.subject,
            ),
        )
    )  # fmt: skip


def raised(readings: pl.DataFrame, nights: Sequence[date]) -> list[Alert]:
    """Return the alerts of the newest night.

    Parameters
    ----------
    readings : polars.DataFrame
        as_of_date, the key of an alert, severity, value, threshold, critical and note of the nights.
    nights : sequence of date
        The scored nights, newest first; a night without a reading interrupts a run of bad nights, as does
        `ok` or `unknown`.

    Returns
    -------
    list of Alert
        One for each measure, with the severity of its reading. The features of a model (CSI), which are watched and
        no alarm by themselves, share one alert, with the longest run of nights among them.
    """
    bad = readings.filter(pl.col("severity").is_in(["watch", "alarm"]))
    by_night = {
        day: {tuple(row[name] for name in KEY): row for row in rows}
        for day, rows in _rows_by_night(bad).items()
    }
    alerts: list[Alert] = []
    by_model: dict[tuple[object, ...], list[tuple[Alert, float]]] = {}
    for key, row in by_night.get(nights[0], {}).items() if nights else ():
        in_a_row = 0
        for day in nights:
            if key not in by_night.get(day, {}):
                break
            in_a_row += 1
        named = {name: row[name] for name in KEY}
        alert = Alert(**named, severity=row["severity"], nights=in_a_row, message=_message(row, in_a_row))
        if alert.measure in GATHERED:
            by_model.setdefault(key[:-1], []).append((alert, row["value"]))
        else:
            alerts.append(alert)
    return alerts + [_gathered(members) for members in by_model.values()]


def overdue(due: pl.DataFrame, nights: Sequence[date], *, alarm_after: int) -> list[Alert]:
    """Return an alert for each open finding and each review whose day is over: watch, and alarm after some days.

    Parameters
    ----------
    due : polars.DataFrame
        measure (finding or review), model_family, model_role, model_version, subject, due_on and about (who has to
        do what), all of them due before the newest night.
    nights : sequence of date
        The scored nights, newest first.
    alarm_after : int
        Days overdue after which it is an alarm.
    """
    alerts = []
    for row in due.iter_rows(named=True):
        due_on, about = row.pop("due_on"), row.pop("about")
        days = (nights[0] - due_on).days
        alerts.append(Alert(
            heading=GOVERNANCE, **row, severity="alarm" if days > alarm_after else "watch",
            nights=sum(day > due_on for day in nights),
            message=f"{row['model_role']} {row['model_family']} {row['model_version']}, {row['measure']} overdue since "
                    f"{due_on}, {days} day{'' if days == 1 else 's'}: {about}",
        ))  # fmt: skip
    return alerts


def _gathered(alerts: list[tuple[Alert, float]]) -> Alert:
    """Return one alert for many features: how many are at watch, and which are new or moved most."""
    # newest first: an alert that has stood for months must not hide a new one
    newest = sorted(alerts, key=lambda pair: (pair[0].nights, -pair[1], pair[0].subject))
    names = ", ".join(
        f"{alert.subject} {value:.4g} ({_since(alert.nights)})" for alert, value in newest[:NAMED]
    )
    more = f" and {len(alerts) - NAMED} more" if len(alerts) > NAMED else ""
    first = newest[0][0]
    owner = _owner(first.model_family, first.model_role, first.model_version)
    return first._replace(
        subject=FEATURES,
        nights=max(alert.nights for alert, _ in alerts),
        message=f"{owner}: {first.measure} of {len(alerts)} feature{'' if len(alerts) == 1 else 's'} at watch, "
        f"newest first: {names}{more}",
    )


def _rows_by_night(rows: pl.DataFrame) -> dict[date, list[dict[str, Any]]]:
    by_night: dict[date, list[dict[str, Any]]] = {}
    for row in rows.iter_rows(named=True):
        by_night.setdefault(row["as_of_date"], []).append(row)
    return by_night


def _message(row: dict[str, Any], nights: int) -> str:
    owner = _owner(row["model_family"], row["model_role"], row["model_version"])
    if row["measure"] == "feed_age":
        owner = "feed"
    limits = [f"{name} {row[name]:.4g}" for name in ("threshold", "critical") if row[name] is not None]
    judged_by = f" ({', '.join(limits)})" if limits else ""
    note = f"; {row['note']}" if row["note"] else ""
    return (
        f"{owner}, {row['subject']}: {row['measure']} {row['value']:.4g}{judged_by}, {_since(nights)}{note}"
    )


def _since(nights: int) -> str:
    return "first night" if nights == 1 else f"{nights} nights"


def _owner(family: str | None, role: str | None, version: str | None) -> str:
    """Return whose measure it is; what is beside the headline says so."""
    if role in (None, "champion"):
        return family or "headline"
    return f"{role} {family} {version} beside the headline"
