"""Ask the watch's own readings what they would have said of the model of the design, loan quarter by loan quarter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from benchmarks.sba import CALIBRATED, DAYS, QUARTERS
from models.master_scale import MasterScaleSettings
from models.watching.calibration_readings import calibration
from models.watching.outcome_readings import performance
from models.watching.readings import Reading, index_reading
from models.watching.settings import WatchSettings
from models.watching.stability import bin_counts, reference_bins
from models.watching.vintage import Vintage

LIMITS = WatchSettings()
FEATURES = (
    "industry_primary", "industry_secondary", "region", "employees", "urban", "total_borrowing", "business_purpose",
)  # fmt: skip
"""What the model of the design enters: all that the feeds tell but the days since the disbursement."""

SPOKEN = ("night", "latest closed quarter", "ok", "watch", "alarm", "unknown", "at watch or alarm")
FIRST = ("reading", "first at watch or alarm", "first at alarm", "nights", "what it said first")


def closed_by(day: date, months: int) -> list[date]:
    """Return the quarters whose windows have closed by a night."""
    return [past for past in QUARTERS if past + timedelta(days=DAYS[months]) <= day]


def readings_of(day: date, rows: pl.DataFrame, folder: Path, *, months: int = 24) -> list[Reading]:
    """Return drift of the quarter's loans against training, and the back-test of the quarters known by the night.

    Parameters
    ----------
    rows : polars.DataFrame
        as_of_date, enterprise_id, pd, grade and label of the loans of every quarter; a later label than the night
        knows is not looked at.
    """
    now, learned = (
        pl.read_parquet(folder / name) for name in (f"loans-{day}.parquet", f"learned-{months}.parquet")
    )
    said = dict(rows.group_by("as_of_date").agg("pd").iter_rows())
    kinds = [("psi", "score", pl.Series(said[CALIBRATED]), pl.Series(said[day]))]
    kinds += [("csi", name, learned[name], now[name]) for name in FEATURES]
    drift = []
    for kind, name, before, after in kinds:
        bins = reference_bins(before)
        counts = bin_counts(after, bins), [part.count for part in bins]
        more = {"compared": len(FEATURES), "of_feature": True} if kind == "csi" else {}
        drift.append(index_reading(f"{kind}_training", name, *counts, settings=LIMITS, **more))
    vintages = [Vintage.of(past, "design", rows.filter(as_of_date=past)) for past in closed_by(day, months)]
    waiting = f"no window of {months} months is closed by {day}"
    return [
        *drift,
        *performance(vintages, trained=None, waiting=waiting, settings=LIMITS, family=None),
        *calibration(vintages, grades=MasterScaleSettings().grades, waiting=waiting, settings=LIMITS, family=None),
    ]  # fmt: skip


def all_nights(rows: pl.DataFrame, folder: Path) -> dict[date, list[Reading]]:
    """Return the readings of every night."""
    return {day: readings_of(day, rows, folder) for day in QUARTERS}


def bad(reading: Reading) -> bool:
    """Return whether a reading is at watch or alarm."""
    return reading.severity in ("watch", "alarm")


def spoken(nights: dict[date, list[Reading]]) -> Iterator[tuple[str, ...]]:
    """Yield how many readings of each night were at which severity, and which were bad."""
    for day, readings in nights.items():
        closed = closed_by(day, 24)
        names = ", ".join(f"{one.measure} of {one.subject} ({one.severity})" for one in readings if bad(one))
        counts = [
            sum(one.severity == severity for one in readings)
            for severity in ("ok", "watch", "alarm", "unknown")
        ]
        yield str(day), str(closed[-1]) if closed else "none", *map(str, counts), names or "none"


def first(nights: dict[date, list[Reading]]) -> Iterator[tuple[str, ...]]:
    """Yield each reading that was ever bad, by the night on which it was first."""
    kept: dict[tuple[str, str], list[tuple[date, Reading]]] = {}
    for day, readings in nights.items():
        for one in filter(bad, readings):
            kept.setdefault((one.measure, one.subject), []).append((day, one))
    for (measure, subject), found in kept.items():
        alarms = [day for day, one in found if one.severity == "alarm"]
        day, one = found[0]
        said = f"{one.value:.3g} ({one.note})" if one.note else f"{one.value:.3g}"
        yield (
            f"{measure} of {subject}",
            str(day),
            str(alarms[0]) if alarms else "never",
            str(len(found)),
            said,
        )
