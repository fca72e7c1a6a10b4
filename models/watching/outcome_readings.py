"""Readings of past nights whose outcomes are known: performance and calibration by vintage; promises until then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from models.metrics import Interval, Scores, brier
from models.watching import backtest, discrimination
from models.watching.readings import Reading, Severity
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage

LATEST = "latest vintage"
TESTS = ("hosmer_lemeshow", "spiegelhalter")


def performance(
    vintages: Sequence[Vintage],
    *,
    trained: float | None,
    waiting: str,
    settings: WatchSettings,
    family: str | None,
) -> list[Reading]:
    """Return Gini and KS of every vintage, the latest judged against training, and the slope of the Gini.

    Parameters
    ----------
    vintages : sequence of Vintage
        Oldest first.
    trained : float or None
        Gini on rows that the model had not seen at training.
    waiting : str
        Why there is no vintage, where there is none.
    """
    key: dict[str, Any] = {"heading": "performance", "model_family": family}
    about: dict[str, Any]
    if not vintages:
        names = (("gini", LATEST), ("ks", LATEST), ("brier", LATEST), ("gini_slope", "all vintages"))
        return [
            Reading(measure=name, subject=subject, severity="unknown", note=waiting, **key)
            for name, subject in names
        ]
    readings: list[Reading] = []
    points = []
    for one in vintages:
        subject = one.day.isoformat()
        about = {"model_version": one.version, "sample": one.rows}
        if not one.ranks(settings.minimum_defaults):
            few = _few(one, settings.minimum_defaults)
            readings += [Reading(measure=name, subject=subject, severity="unknown", note=few, **about, **key)
                         for name in ("gini_vintage", "ks_vintage")]  # fmt: skip
            continue
        found = discrimination.gini(one.labels, one.pd, confidence=settings.confidence)
        apart = discrimination.ks_interval(one.labels, one.pd, confidence=settings.confidence)
        points.append((one.day, found))
        for name, value in (("gini_vintage", found), ("ks_vintage", apart)):
            readings.append(Reading(measure=name, subject=subject, **_interval(value), **about, **key))
    readings += _latest(vintages[-1], trained=trained, settings=settings, key=key)
    return [*readings, _slope(points, settings=settings, key=key)]


def promised(
    pd: Scores, *, trained: float | None, settings: WatchSettings, family: str | None, version: str | None
) -> list[Reading]:
    """Return the Gini and Brier score that tonight's PDs promise, marked as estimated."""
    key: dict[str, Any] = {
        "heading": "performance", "subject": "tonight", "model_family": family, "model_version": version,
        "sample": len(pd),
    }  # fmt: skip
    if len(pd) < settings.minimum_group:
        few = f"{len(pd)} borrowers with a PD: at least {settings.minimum_group} are needed"
        return [
            Reading(measure=f"{name}_estimated", severity="unknown", note=few, **key)
            for name in ("gini", "brier")
        ]
    found = discrimination.expected_performance(pd, confidence=settings.confidence)
    note = "estimated from the PDs themselves, taking them as calibrated and borrowers as independent"
    return [
        Reading(measure="gini_estimated", threshold=trained, note=note,
                severity=_fallen(found["gini"], trained, settings), **_interval(found["gini"]), **key),
        Reading(measure="brier_estimated", note=note, **_interval(found["brier"]), **key),
    ]  # fmt: skip


def calibration(
    vintages: Sequence[Vintage],
    *,
    grades: Sequence[str],
    waiting: str,
    settings: WatchSettings,
    family: str | None,
) -> list[Reading]:
    """Return the back-test of the latest vintage: each grade with Holm's correction, and the two overall tests."""
    key: dict[str, Any] = {"heading": "calibration", "model_family": family}
    measures = (
        ("grade_binomial", "all grades"),
        ("observed_to_expected", LATEST),
        *((name, LATEST) for name in TESTS),
    )
    if not vintages or not vintages[-1].rows:
        reason = waiting if not vintages else f"no borrower of {vintages[-1].day} has a known label"
        return [Reading(measure=name, subject=subject, severity="unknown", note=reason, **key)
                for name, subject in measures]  # fmt: skip
    one = vintages[-1]
    key["model_version"] = one.version
    tested = {
        row.grade: row
        for row in backtest.by_grade(one.labels, one.pd, one.grades, confidence=settings.confidence)
    }
    readings: list[Reading] = []
    for grade in grades:
        row = tested.get(grade)
        if row is None:
            empty = f"no borrower of {one.day} with a known label has the grade"
            readings += [Reading(measure=name, subject=grade, sample=0, severity="unknown", note=empty, **key)
                         for name in ("grade_default_rate", "grade_binomial")]  # fmt: skip
            continue
        readings.append(Reading(
            measure="grade_default_rate", subject=grade, threshold=row.mean_pd, sample=row.rows,
            note=f"{row.defaults} defaults in {row.rows}; the threshold is the mean PD", **_interval(row.rate), **key,
        ))  # fmt: skip
        readings.append(Reading(
            measure="grade_binomial", subject=grade, value=row.corrected, threshold=settings.p_watch, sample=row.rows,
            severity=_unlikely(row.corrected, settings),
            note=f"p {row.p_value:.4g} before Holm's correction; {row.defaults} defaults, "
                 f"{row.mean_pd * row.rows:.1f} expected", **key,
        ))  # fmt: skip
    expected = float(one.pd.sum())
    readings.append(Reading(
        measure="observed_to_expected", subject=LATEST, value=one.defaults / expected, sample=one.rows,
        note=f"{one.day}: {one.defaults} defaults, {expected:.1f} expected", **key,
    ))  # fmt: skip
    found = (
        backtest.hosmer_lemeshow(one.labels, one.pd, confidence=settings.confidence),
        backtest.spiegelhalter(one.labels, one.pd, confidence=settings.confidence),
    )
    for name, test in zip(TESTS, found, strict=True):
        if test is None:
            few = f"{one.day}: {one.rows} rows expect too few defaults, or others, to be tested"
            readings.append(
                Reading(measure=name, subject=LATEST, sample=one.rows, severity="unknown", note=few, **key)
            )
            continue
        readings.append(Reading(
            measure=name, subject=LATEST, value=test.statistic, critical=test.critical, sample=one.rows,
            severity=_unlikely(test.p_value, settings),
            note=f"{one.day}: p {test.p_value:.4g}, {test.groups} {'groups' if name == TESTS[0] else 'rows'}", **key,
        ))  # fmt: skip
    return readings


def _latest(
    one: Vintage, *, trained: float | None, settings: WatchSettings, key: dict[str, Any]
) -> list[Reading]:
    about = {"subject": LATEST, "model_version": one.version, "sample": one.rows, **key}
    if not one.ranks(settings.minimum_defaults):
        few = f"{one.day}: {_few(one, settings.minimum_defaults)}"
        return [
            Reading(measure=name, severity="unknown", note=few, **about) for name in ("gini", "ks", "brier")
        ]
    found = discrimination.gini(one.labels, one.pd, confidence=settings.confidence)
    apart = discrimination.ks_interval(one.labels, one.pd, confidence=settings.confidence)
    note = f"vintage {one.day}, {one.defaults} defaults"
    judged = note if trained is None else f"{note}; threshold: Gini on unseen rows at training"
    return [
        Reading(measure="gini", threshold=trained, severity=_fallen(found, trained, settings),
                note=judged, **_interval(found), **about),
        Reading(measure="ks", note=note, **_interval(apart), **about),
        Reading(measure="brier", value=brier(one.labels, one.pd), note=note, **about),
    ]  # fmt: skip


def _slope(points: list[tuple[date, Interval]], *, settings: WatchSettings, key: dict[str, Any]) -> Reading:
    named: dict[str, Any] = {
        "measure": "gini_slope",
        "subject": "all vintages",
        "reference": len(points),
        **key,
    }
    years = [(day - points[0][0]).days / 365.25 for day, _ in points]
    found = discrimination.slope(
        years,
        [value.mean for _, value in points],
        [discrimination.standard_error(value, confidence=settings.confidence) for _, value in points],
        confidence=settings.confidence,
    ) if points else None  # fmt: skip
    if found is None:
        return Reading(
            **named, severity="unknown", note=f"{len(points)} vintages: three are needed for a slope"
        )
    lost = -found.a_year.mean * (years[-1] - years[0])
    falls = found.a_year.high < 0
    return Reading(
        **named, **_interval(found.a_year), threshold=0.0,
        severity="alarm" if falls and lost >= settings.gini_drop else "watch" if falls else "ok",
        note=f"change of the Gini a year over {len(points)} vintages from {points[0][0]} to {points[-1][0]}",
    )  # fmt: skip


def _fallen(found: Interval, trained: float | None, settings: WatchSettings) -> Severity:
    if trained is None or not found.high < trained:
        return "ok"
    return "alarm" if found.high < trained - settings.gini_drop else "watch"


def _unlikely(p_value: float, settings: WatchSettings) -> Severity:
    return "alarm" if p_value < settings.p_alarm else "watch" if p_value < settings.p_watch else "ok"


def _few(one: Vintage, minimum: int) -> str:
    return f"{one.defaults} defaults among {one.rows} known labels: {minimum} of each kind are needed"


def _interval(found: Interval) -> dict[str, Any]:
    return {
        "value": found.mean,
        "low": None if np.isnan(found.low) else found.low,
        "high": None if np.isnan(found.high) else found.high,
    }
