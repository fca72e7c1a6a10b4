"""Read performance from past nights whose outcomes are known, and estimate it until then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from models.metrics import Interval, Scores, brier
from models.watching import discrimination
from models.watching.readings import Reading, Severity, of_interval
from models.watching.settings import WatchSettings
from models.watching.vintage import Vintage

LATEST = "latest vintage"


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
        The note for unknown readings if there is no vintage.
    """
    key: dict[str, Any] = {"heading": "performance", "model_family": family}
    common: dict[str, Any]
    if not vintages:
        names = (("gini", LATEST), ("ks", LATEST), ("brier", LATEST), ("gini_slope", "all vintages"))
        return [
            Reading(measure=name, subject=subject, severity="unknown", note=waiting, **key)
            for name, subject in names
        ]
    readings: list[Reading] = []
    points = []
    for vintage in vintages:
        subject = vintage.day.isoformat()
        common = {"model_version": vintage.version, "sample": vintage.rows}
        if not vintage.ranks(settings.minimum_defaults):
            reason = _few(vintage, settings.minimum_defaults)
            readings += [Reading(measure=name, subject=subject, severity="unknown", note=reason, **common, **key)
                         for name in ("gini_vintage", "ks_vintage")]  # fmt: skip
            continue
        gini = discrimination.gini(vintage.labels, vintage.pd, confidence=settings.confidence)
        ks = discrimination.ks_interval(vintage.labels, vintage.pd, confidence=settings.confidence)
        points.append((vintage.day, gini))
        for name, value in (("gini_vintage", gini), ("ks_vintage", ks)):
            readings.append(Reading(measure=name, subject=subject, **of_interval(value), **common, **key))
    readings += _latest(vintages[-1], trained=trained, settings=settings, key=key)
    return [*readings, _slope(points, settings=settings, key=key)]


def promised(
    pd: Scores, *, trained: float | None, settings: WatchSettings, family: str | None, version: str | None
) -> list[Reading]:
    """Return the Gini and Brier score to expect from tonight's PDs, marked as estimated."""
    key: dict[str, Any] = {
        "heading": "performance", "subject": "tonight", "model_family": family, "model_version": version,
        "sample": len(pd),
    }  # fmt: skip
    if len(pd) < settings.minimum_group:
        reason = f"{len(pd)} borrowers with a PD: at least {settings.minimum_group} are needed"
        return [
            Reading(measure=f"{name}_estimated", severity="unknown", note=reason, **key)
            for name in ("gini", "brier")
        ]
    expected = discrimination.expected_performance(pd, confidence=settings.confidence)
    note = "estimated from the PDs themselves, taking them as calibrated and borrowers as independent"
    return [
        Reading(measure="gini_estimated", threshold=trained, note=note,
                severity=_fallen(expected["gini"], trained, settings), **of_interval(expected["gini"]), **key),
        Reading(measure="brier_estimated", note=note, **of_interval(expected["brier"]), **key),
    ]  # fmt: skip


def _latest(
    vintage: Vintage, *, trained: float | None, settings: WatchSettings, key: dict[str, Any]
) -> list[Reading]:
    common = {"subject": LATEST, "model_version": vintage.version, "sample": vintage.rows, **key}
    if not vintage.ranks(settings.minimum_defaults):
        reason = f"{vintage.day}: {_few(vintage, settings.minimum_defaults)}"
        return [
            Reading(measure=name, severity="unknown", note=reason, **common)
            for name in ("gini", "ks", "brier")
        ]
    gini = discrimination.gini(vintage.labels, vintage.pd, confidence=settings.confidence)
    ks = discrimination.ks_interval(vintage.labels, vintage.pd, confidence=settings.confidence)
    note = f"vintage {vintage.day}, {vintage.defaults} defaults"
    gini_note = note if trained is None else f"{note}; threshold: Gini on unseen rows at training"
    return [
        Reading(measure="gini", threshold=trained, severity=_fallen(gini, trained, settings),
                note=gini_note, **of_interval(gini), **common),
        Reading(measure="ks", note=note, **of_interval(ks), **common),
        Reading(measure="brier", value=brier(vintage.labels, vintage.pd), note=note, **common),
    ]  # fmt: skip


def _slope(points: list[tuple[date, Interval]], *, settings: WatchSettings, key: dict[str, Any]) -> Reading:
    about: dict[str, Any] = {
        "measure": "gini_slope",
        "subject": "all vintages",
        "reference": len(points),
        **key,
    }
    years = [(day - points[0][0]).days / 365.25 for day, _ in points]
    fitted = discrimination.slope(
        years,
        [value.mean for _, value in points],
        [discrimination.standard_error(value, confidence=settings.confidence) for _, value in points],
        confidence=settings.confidence,
    ) if points else None  # fmt: skip
    if fitted is None:
        return Reading(
            **about, severity="unknown", note=f"{len(points)} vintages: three are needed for a slope"
        )
    lost = -fitted.a_year.mean * (years[-1] - years[0])
    falls = fitted.a_year.high < 0
    return Reading(
        **about, **of_interval(fitted.a_year), threshold=0.0,
        severity="alarm" if falls and lost >= settings.gini_drop else "watch" if falls else "ok",
        note=f"change of the Gini a year over {len(points)} vintages from {points[0][0]} to {points[-1][0]}",
    )  # fmt: skip


def _fallen(gini: Interval, trained: float | None, settings: WatchSettings) -> Severity:
    if trained is None or not gini.high < trained:
        return "ok"
    return "alarm" if gini.high < trained - settings.gini_drop else "watch"


def _few(vintage: Vintage, minimum: int) -> str:
    counts = (
        f"{vintage.defaults} defaults among {vintage.rows} known labels: {minimum} of each kind are needed"
    )
    return vintage.unknown or counts
