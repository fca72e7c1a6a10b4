"""Judge what became known in the last nights: whether amounts have shifted, whether defaults have become more."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from models.watching.change import change, raised_rate, shifted_mean
from models.watching.readings import Reading, judged
from models.watching.settings import WatchSettings


def amount_reading(days: pl.DataFrame, *, settings: WatchSettings) -> Reading:
    """Return how rarely the amounts of the last nights look like this while borrowers have their usual amounts.

    Parameters
    ----------
    days : polars.DataFrame
        day, rows, total, deviation and borrowers, as `warehouse.arrivals.amounts` returns them.
    settings : WatchSettings
        `amount_change` is the change of all amounts that is looked for, up or down; half of it is never called one.
    """
    about: dict[str, Any] = {"heading": "stability", "measure": "amount_change", "subject": "transactions"}
    if days.is_empty():
        return Reading(**about, severity="unknown", note="no amounts of borrowers whose usual ones are known")
    deviation, borrowers = days.select("deviation", "borrowers").row(0)
    if not deviation or borrowers < settings.minimum_group:
        reason = (
            f"usual amounts are known of {borrowers} borrowers, with five days or more in the year before: "
            f"{settings.minimum_group} are needed"
        )
        return Reading(**about, severity="unknown", note=reason)
    shift = np.log1p(settings.amount_change)
    sides = [
        change(shifted_mean(days["total"], days["rows"], shift=side * shift, deviation=deviation))
        for side in (1, -1)
    ]
    since = max(sides).since
    recent = days[since:]
    count = int(recent["rows"].sum())
    mean, error = float(recent["total"].sum()) / count, deviation / np.sqrt(count)
    by, low, high = (float(np.expm1(mean + step * error)) for step in (0.0, -1.96, 1.96))
    note = (
        f"since {recent['day'][0]} amounts are {by:+.0%} ({low:+.0%} to {high:+.0%}) beside what the same borrowers "
        "had in the year before"
    )
    # odds of either side on average: no more false watches than one side has
    return _judged(about, float(np.mean([side.run_length for side in sides])), note, count, settings)


def default_reading(days: pl.DataFrame, *, nights: int, settings: WatchSettings) -> Reading:
    """Return how rarely so many new defaults come in the last nights at the rate of the year before.

    What is expected of a day is counted from the last day that told of outcomes. Its weight is taken back by as much as
    the days of the year before scatter more than Poisson counts, so that defaults which come in heaps (at the end of a
    month) are not a change.

    Parameters
    ----------
    days : polars.DataFrame
        day, at_risk, defaults and told, as `warehouse.arrivals.new_defaults` returns them.
    nights : int
        How many last days are compared with those before.
    settings : WatchSettings
        `default_ratio` is how many times as many defaults are looked for.
    """
    about: dict[str, Any] = {"heading": "stability", "measure": "new_defaults", "subject": "all"}
    told = days.with_columns(exposure=pl.col("at_risk").cum_sum()).filter("told")
    told = told.with_columns(exposure=pl.col("exposure").diff()).drop_nulls("exposure")
    is_recent = told["day"] > days["day"].max() - pl.duration(days=nights)
    before, recent = told.filter(~is_recent), told.filter(is_recent)
    known, exposure = int(before["defaults"].sum()), float(before["exposure"].sum())
    if known < settings.minimum_defaults or not exposure:
        reason = f"{known} new defaults in the year before: {settings.minimum_defaults} are needed"
        return Reading(**about, severity="unknown", note=reason)
    if recent.is_empty():
        return Reading(**about, severity="unknown", note=f"no outcome became known in the last {nights} days")
    rate = known / exposure
    expected = before["exposure"].to_numpy() * rate
    scatter = (before["defaults"].to_numpy() - expected) ** 2 / np.where(expected > 0, expected, 1)
    dispersion = max(1.0, float(scatter.sum()) / max(len(before) - 1, 1))
    odds = raised_rate(
        recent["defaults"], recent["exposure"] * rate, ratio=settings.default_ratio, dispersion=dispersion
    )
    found = change(odds)
    latest = recent[found.since :]
    count = int(latest["defaults"].sum())
    note = (
        f"since {latest['day'][0]} {count} new default{'' if count == 1 else 's'}, "
        f"{float(latest['exposure'].sum()) * rate:.1f} at the rate of the year before"
    )
    return _judged(about, found.run_length, note, count, settings)


def _judged(
    about: dict[str, Any], run_length: float, note: str, rows: int, settings: WatchSettings
) -> Reading:
    severity = judged(run_length, settings.run_length_watch, settings.run_length_alarm)
    return Reading(
        **about,
        value=run_length,
        threshold=settings.run_length_watch,
        sample=rows,
        severity=severity,
        note=note,
    )
