"""Alerts: what was at watch or alarm on two scored nights in a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

KEY = ("heading", "measure", "model_family", "subject")
NIGHTS = 2


class Alert(NamedTuple):
    """A measure that stayed at watch or alarm: how bad, for how many scored nights, and in one line."""

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
        The scored nights, newest first; a night without a reading ends a row of nights, as does `ok` or `unknown`.

    Returns
    -------
    tuple of Alert
        `alarm` where both of the last two nights were at alarm, else `watch`.
    """
    bad = readings.filter(pl.col("severity").is_in(["watch", "alarm"]))
    by_night = {
        day: {tuple(row[name] for name in KEY): row for row in rows} for day, rows in _split(bad).items()
    }
    found = []
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
        found.append(Alert(*key, severity, in_a_row, _message(row, in_a_row)))
    return tuple(sorted(found, key=lambda one: (one.severity, one.heading, one.measure, one.subject)))


def _split(rows: pl.DataFrame) -> dict[date, list[dict[str, object]]]:
    split: dict[date, list[dict[str, object]]] = {}
    for row in rows.iter_rows(named=True):
        split.setdefault(row["as_of_date"], []).append(row)
    return split


def _message(row: dict[str, object], nights: int) -> str:
    who = row["model_family"] or "headline"
    limits = [f"{name} {row[name]:.4g}" for name in ("threshold", "critical") if row[name] is not None]
    judged = f" ({', '.join(limits)})" if limits else ""
    value = "" if row["value"] is None else f" {row['value']:.4g}"
    return f"{who}, {row['subject']}: {row['measure']}{value}{judged}, {nights} nights at watch or alarm"
