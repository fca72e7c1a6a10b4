"""Compare tonight's headlines with those of the last nights, and what came in with what usually comes."""

from collections import Counter
from datetime import date

import numpy as np
import polars as pl

from models.master_scale import IN_DEFAULT, MasterScaleSettings
from models.watching.arrival_readings import amount_reading, default_reading
from models.watching.readings import Reading, feed_reading, index_reading, level_reading, shares
from models.watching.settings import WatchSettings
from warehouse import arrivals, watch
from warehouse.connection import writer
from warehouse.night import Night

WINDOWS = {0: "previous night", 1: "1 month", 3: "3 months", 6: "6 months", 12: "12 months"}
FIRST = "no night was scored before this one"


def headline_readings(night: Night, before: tuple[date, ...], limits: WatchSettings) -> list[Reading]:
    """Return how the headlines of a portfolio moved, how late its feeds are, and whether what they bring has changed.

    Args:
        night: The night that is watched.
        before: The last scored dates before it, the newest first.
        limits: The settings of the watch.
    """
    with writer(purpose="watch headlines") as con:
        tonight = watch.headlines(con, night)
        nights = [watch.headlines(con, night.on(day)) for day in before]
        moves = watch.moves(con, night)
        feeds = watch.feed_ages(con, night)
        amounts = arrivals.amounts(con, night, nights=limits.change_nights)
        defaults = arrivals.new_defaults(con, night, nights=limits.change_nights)
    grades = MasterScaleSettings().grades
    last = np.mean([_by_grade(rows, grades) for rows in nights], axis=0) if nights else None
    readings = [
        index_reading("psi_batch", "grade", _by_grade(tonight, grades), last, settings=limits, missing=FIRST)
    ]
    for family in (None, *sorted(set(tonight.drop_nulls("pd")["model_family"]))):
        pds = _pds(tonight, family)
        levels = [mean for rows in nights if (mean := _pds(rows, family).mean()) is not None]
        readings.append(
            level_reading(
                "headline", pds.mean(), float(np.mean(levels)) if levels else None,
                sample=len(pds), settings=limits, model_family=family, model_role=family and "champion",
            )
        )  # fmt: skip
    readings += shares("headline_share", _tally(tonight["model_family"]), reason="nobody was scored")
    reasons = tonight.drop_nulls("pd")["reason_1"].fill_null("no reason stored")
    readings += shares("reason_1_share", _tally(reasons), reason="nobody has a PD")
    readings += [
        feed_reading(feed, age, usual, pauses=pauses, settings=limits)
        for feed, (age, usual, pauses) in feeds.items()
    ]
    readings += [
        amount_reading(amounts, settings=limits),
        default_reading(defaults, nights=limits.change_nights, settings=limits),
    ]
    return [*readings, *_migration(moves, (*grades, IN_DEFAULT))]


def _by_grade(rows: pl.DataFrame, grades: tuple[str, ...]) -> list[int]:
    counts = Counter(rows["grade"].drop_nulls())
    return [counts[grade] for grade in grades]


def _pds(rows: pl.DataFrame, family: str | None) -> pl.Series:
    return (rows if family is None else rows.filter(model_family=family))["pd"].drop_nulls()


def _tally(values: pl.Series) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _migration(moves: pl.DataFrame, grades: tuple[str, ...]) -> list[Reading]:
    readings = []
    place = {grade: number for number, grade in enumerate(grades)}
    for months, subject in WINDOWS.items():
        rows = moves.filter(months=months)
        total = int(rows["enterprises"].sum())
        if not total:
            reason = FIRST if months == 0 else f"no night was scored within 31 days before {subject} ago"
            readings += [Reading("stability", measure, subject, severity="unknown", note=reason)
                         for measure in ("grade_worse", "grade_better")]  # fmt: skip
            continue
        steps = [(place[end] - place[start], count) for _, _, start, end, count in rows.iter_rows()]
        note = f"grades of {rows['as_of_date_from'][0]}, among borrowers that had one on both nights"
        for measure, way in (("grade_worse", 1), ("grade_better", -1)):
            moved = sum(count for step, count in steps if step * way > 0)
            readings.append(
                Reading("stability", measure, subject, value=moved / total, sample=total, note=note)
            )
    return readings
