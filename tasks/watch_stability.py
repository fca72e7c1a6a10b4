"""Compares tonight with the model's reference and with the last nights, and tells who moved and what weighs."""

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from models.master_scale import IN_DEFAULT, MasterScaleSettings
from models.watching.readings import Reading, feed_reading, index_reading, level_reading, shares
from models.watching.settings import WatchSettings
from models.watching.stability import SCORE, Counts
from tasks.watch_counts import bins_of, counted, mean_counts
from warehouse import watch as monitoring
from warehouse.connection import writer
from warehouse.registry import ModelRecord

WINDOWS = {0: "previous night", 1: "1 month", 3: "3 months", 6: "6 months", 12: "12 months"}
FIRST = "no night was scored before this one"


def model_stability(
    record: ModelRecord, as_of_date: date, before: tuple[date, ...], limits: WatchSettings
) -> list[Reading]:
    """Return PSI of the scores and CSI of each feature of one model, against training and against the last nights.

    Args:
        record: The model.
        as_of_date: The night that is watched.
        before: The scored nights before it, the newest first: the last ones are the batch, those before them show
            how much each feature usually moves from batch to night (days since a payment go by the calendar).
        limits: What is a change.
    """
    key: dict[str, Any] = {"family": record.model_family, "version": record.model_version, "settings": limits}
    bins = bins_of(record)
    if not bins:
        old = "the model was registered without reference bins: train it again to have them"
        return [
            index_reading(measure, subject, None, None, missing=old, **key)
            for measure, subject in (("psi_training", SCORE), ("csi_training", "all features"))
        ]
    tonight = counted(record, as_of_date, bins)
    nights = [counted(record, day, bins) for day in before[: limits.nights]]
    with writer(purpose="watch usual moves") as con:
        usual = monitoring.usual(
            con,
            portfolio=record.portfolio,
            family=record.model_family,
            nights=before[limits.nights :][: limits.usual_nights],
            least=limits.usual_least,
        )
    readings = []
    for subject, reference in bins.items():
        index = "psi" if subject == SCORE else "csi"
        actual, last = tonight.get(subject), mean_counts(nights, subject)
        compared = 1 if subject == SCORE else len(bins) - 1
        gone = "the feature is gone from features.feat_enterprise"
        said: dict[str, Any] = {
            "compared": compared,
            "note": _note(actual, missing=len(reference) - 1),
            **key,
        }
        readings.append(
            index_reading(
                f"{index}_training", subject, actual, [one.count for one in reference], missing=gone, **said
            )
        )
        why = gone if actual is None else f"{FIRST}, or none by this family"
        if subject != SCORE:
            said["usual"] = usual.get(subject)
        readings.append(index_reading(f"{index}_batch", subject, actual, last, missing=why, **said))
    return [*readings, *_votes(record)]


def portfolio_stability(
    portfolio: str, as_of_date: date, before: tuple[date, ...], limits: WatchSettings
) -> list[Reading]:
    """Return how the headline moved: grades, mean PD, who gives it, its reasons, migration, and late feeds."""
    with writer(purpose="watch headlines") as con:
        tonight = monitoring.headlines(con, portfolio=portfolio, as_of_date=as_of_date)
        nights = [monitoring.headlines(con, portfolio=portfolio, as_of_date=day) for day in before]
        moves = monitoring.moves(con, portfolio=portfolio, as_of_date=as_of_date)
        feeds = monitoring.feed_ages(con, portfolio=portfolio, as_of_date=as_of_date)
    grades = MasterScaleSettings().grades
    last = np.mean([_by_grade(night, grades) for night in nights], axis=0) if nights else None
    readings = [
        index_reading("psi_batch", "grade", _by_grade(tonight, grades), last, settings=limits, missing=FIRST)
    ]
    for family in (None, *sorted(set(tonight.drop_nulls("pd")["model_family"]))):
        here = _pds(tonight, family)
        levels = [mean for night in nights if (mean := _pds(night, family).mean()) is not None]
        readings.append(
            level_reading(
                "headline", here.mean(), float(np.mean(levels)) if levels else None,
                sample=len(here), settings=limits, model_family=family,
            )
        )  # fmt: skip
    readings += shares("headline_share", _tally(tonight["model_family"]), reason="nobody was scored")
    reasons = tonight.drop_nulls("pd")["reason_1"].fill_null("no reason stored")
    readings += shares("reason_1_share", _tally(reasons), reason="nobody has a PD")
    readings += [
        feed_reading(feed, age, usual, deliveries=deliveries, settings=limits)
        for feed, (age, usual, deliveries) in feeds.items()
    ]
    return [*readings, *_migration(moves, (*grades, IN_DEFAULT))]


def _note(actual: Counts | None, *, missing: int) -> str:
    if actual is None or (actual > 0).sum() != 1:
        return ""
    return (
        "no value tonight: has its feed stopped?"
        if actual[missing]
        else "constant tonight, or all in one bin"
    )


def _votes(record: ModelRecord) -> list[Reading]:
    selection = record.metrics.get("selection")
    if selection is None:
        return []  # a family without votes
    combiner = selection["chosen"]["combiner"]
    return [
        Reading("stability", "vote_weight", member, record.model_family, record.model_version, value=weight,
                note=f"{combiner['kind']}, stored with the model")
        for member, weight in zip(combiner["members"], combiner["weights"], strict=True)
    ]  # fmt: skip


def _by_grade(rows: pl.DataFrame, grades: tuple[str, ...]) -> list[int]:
    held = Counter(rows["grade"].drop_nulls())
    return [held[grade] for grade in grades]


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
            none = FIRST if months == 0 else f"no night was scored within 31 days before {subject} ago"
            readings += [Reading("stability", measure, subject, severity="unknown", note=none)
                         for measure in ("grade_worse", "grade_better")]  # fmt: skip
            continue
        steps = [(place[to] - place[start], count) for _, _, start, to, count in rows.iter_rows()]
        note = f"grades of {rows['as_of_date_from'][0]}, among borrowers that had one on both nights"
        for measure, way in (("grade_worse", 1), ("grade_better", -1)):
            moved = sum(count for step, count in steps if step * way > 0)
            readings.append(
                Reading("stability", measure, subject, value=moved / total, sample=total, note=note)
            )
    return readings
