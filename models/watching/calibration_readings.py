"""Read calibration from past nights whose outcomes are known: the latest against its PDs, and all in the long run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from models.watching import backtest, long_run
from models.watching.low_default import prudent_pd
from models.watching.one_factor import asset_correlation, default_rate_quantile, tails
from models.watching.readings import Reading, Severity, of_interval
from models.watching.settings import WatchSettings
from models.watching.vintage import Tally, Vintage

LATEST = "latest vintage"
GRADES = "all grades"
VINTAGES = "all vintages"
PHILOSOPHY = "rating_philosophy"
_OF_GRADE = ("grade_default_rate", "grade_jeffreys", "grade_one_factor")
_OF_LATEST = ("one_factor", "observed_to_expected", "hosmer_lemeshow", "spiegelhalter")
# share of the movement from which on PDs are called point in time, and up to which through the cycle
_MOST, _LEAST = 2 / 3, 1 / 3


def calibration(
    vintages: Sequence[Vintage],
    *,
    grades: Sequence[str],
    waiting: str,
    settings: WatchSettings,
    family: str | None,
) -> list[Reading]:
    """Return the back-test of the latest vintage, by grade and overall, and the long run over all vintages.

    What takes borrowers as independent is told; the tests that allow for correlated defaults judge.

    Parameters
    ----------
    vintages : sequence of Vintage
        Oldest first.
    grades : sequence of str
        All grades, best first.
    waiting : str
        The note of unknown readings if there is no vintage.
    """
    key: dict[str, Any] = {"heading": "calibration", "model_family": family}
    known = [vintage for vintage in vintages if vintage.rows]
    readings = _long_run(known, waiting=waiting, settings=settings, key=key)
    if not vintages or not vintages[-1].rows:
        reason = waiting
        if vintages:
            reason = vintages[-1].unknown or f"no borrower of {vintages[-1].day} has a known label"
        subjects = [(name, GRADES) for name in _OF_GRADE[1:]] + [(name, LATEST) for name in _OF_LATEST]
        unknown = [_unknown(name, subject, reason, key) for name, subject in subjects]
        return [*unknown, *readings]
    latest = vintages[-1]
    key = {**key, "model_version": latest.version}
    by_grade = _by_grade(latest, grades=grades, settings=settings, key=key)
    prudent = _prudent(latest, grades=grades, settings=settings, key=key)
    return [*by_grade, *prudent, *_overall(latest, settings=settings, key=key), *readings]


def _by_grade(
    latest: Vintage, *, grades: Sequence[str], settings: WatchSettings, key: dict[str, Any]
) -> list[Reading]:
    """Return for each grade its default rate, Jeffreys' p and the p that allows for correlated defaults."""
    tests = backtest.by_grade(
        latest.tallies, correlation=settings.asset_correlation, confidence=settings.confidence
    )
    tested = {test.tally.grade: test for test in tests}
    readings: list[Reading] = []
    for grade in grades:
        test = tested.get(grade)
        if test is None:
            reason = f"no borrower of {latest.day} with a known label has the grade"
            readings += [_unknown(name, grade, reason, {**key, "sample": 0}) for name in _OF_GRADE]
            continue
        tally = test.tally
        common = {**key, "subject": grade, "sample": tally.rows}
        rho = float(asset_correlation(tally.mean_pd, settings.asset_correlation))
        counts = f"{tally.defaults} defaults, {tally.mean_pd * tally.rows:.1f} expected"
        readings.append(Reading(
            measure="grade_default_rate", threshold=tally.mean_pd, **of_interval(test.rate), **common,
            critical=default_rate_quantile(tally.mean_pd, settings.confidence, correlation=rho),
            note=f"{tally.defaults} defaults in {tally.rows}; the threshold is the mean PD; one year in "
                 f"{1 / (1 - settings.confidence):.0f} exceeds the critical rate at asset correlation {rho:.3f}",
        ))  # fmt: skip
        readings.append(Reading(
            measure="grade_jeffreys", value=test.jeffreys, **common,
            note=f"{counts}; told: it takes borrowers as independent, and each grade for itself",
        ))  # fmt: skip
        readings.append(Reading(
            measure="grade_one_factor", value=test.corrected, threshold=settings.p_watch, **common,
            severity=_unlikely(test.corrected, settings),
            note=f"p {test.one_factor:.4g} before Holm's correction, at asset correlation {rho:.3f}; {counts}",
        ))  # fmt: skip
    return readings


def _prudent(
    latest: Vintage, *, grades: Sequence[str], settings: WatchSettings, key: dict[str, Any]
) -> list[Reading]:
    """Return the upper bound of the PD of each grade that has few defaults.

    Its pool ends before the first worse grade with defaults enough: beyond it the portfolio is no low default
    portfolio, and the bound of a good grade would be near the default rate of all.
    """
    by_name = {tally.grade: tally for tally in latest.tallies}
    tallies = [by_name[grade] for grade in grades if grade in by_name]
    confidence, enough = settings.prudent_confidence, settings.minimum_defaults
    readings = []
    for place, tally in enumerate(tallies):
        pooled = list(takewhile(lambda worse: worse.defaults < enough, tallies[place:]))
        if not pooled:
            continue
        bound = prudent_pd(pooled, confidence=confidence, correlation=settings.asset_correlation)
        independent = prudent_pd(pooled, confidence=confidence, correlation=0.0)
        pool = f"grades {tally.grade} to {pooled[-1].grade}" if len(pooled) > 1 else "the grade alone"
        readings.append(Reading(
            measure="grade_prudent_pd", subject=tally.grade, value=bound.pd, threshold=tally.mean_pd,
            sample=bound.rows, **key,
            note=f"{tally.defaults} defaults, fewer than {enough}: upper bound of the PD by Pluto and Tasche at "
                 f"{confidence:.1%}, from {bound.defaults} defaults among the {bound.rows} borrowers of {pool}; "
                 f"{independent.pd:.4g} if they were independent; the threshold is the mean PD",
        ))  # fmt: skip
    return readings


def _overall(latest: Vintage, *, settings: WatchSettings, key: dict[str, Any]) -> list[Reading]:
    """Return the tests of all borrowers together, of which the one with correlated defaults judges."""
    common = {**key, "subject": LATEST, "sample": latest.rows}
    expected = float(latest.pd.sum())
    counts = f"{latest.day}: {latest.defaults} defaults, {expected:.1f} expected"
    p_value = tails(
        latest.defaults,
        [tally.rows for tally in latest.tallies],
        [tally.mean_pd for tally in latest.tallies],
        correlation=settings.asset_correlation,
    ).two_sided
    stated = settings.asset_correlation
    readings = [
        Reading(
            measure="one_factor", value=p_value, threshold=settings.p_watch, severity=_unlikely(p_value, settings),
            note=f"{counts}; asset correlation {'of Basel by the PD' if stated is None else stated}", **common,
        ),
        Reading(measure="observed_to_expected", value=latest.defaults / expected, note=counts, **common),
    ]  # fmt: skip
    tests = {
        "hosmer_lemeshow": backtest.hosmer_lemeshow(latest.labels, latest.pd, confidence=settings.confidence),
        "spiegelhalter": backtest.spiegelhalter(latest.labels, latest.pd, confidence=settings.confidence),
    }
    for name, test in tests.items():
        if test is None:
            reason = f"{latest.day}: {latest.rows} rows expect too few defaults, or others, to be tested"
            readings.append(_unknown(name, LATEST, reason, {**key, "sample": latest.rows}))
            continue
        counted = "groups" if name == "hosmer_lemeshow" else "rows"
        readings.append(Reading(
            measure=name, value=test.statistic, critical=test.critical, **common,
            note=f"{latest.day}: p {test.p_value:.4g}, {test.groups} {counted}; told: it takes borrowers as "
                 "independent",
        ))  # fmt: skip
    return readings


def _long_run(
    known: Sequence[Vintage], *, waiting: str, settings: WatchSettings, key: dict[str, Any]
) -> list[Reading]:
    """Return the long-run average default rate of each grade and of all, and what the vintages say of the cycle."""
    if not known:
        return [
            _unknown("grade_long_run", GRADES, waiting, key),
            _unknown(PHILOSOPHY, VINTAGES, waiting, key),
        ]
    span = f"{known[0].day} to {known[-1].day}"
    tallies = [vintage.tallies for vintage in known]
    averages = [
        *long_run.by_grade(tallies),
        *long_run.by_grade([(long_run.together(rows),) for rows in tallies]),
    ]
    readings = [
        Reading(
            measure="grade_long_run", subject=grade.grade, value=grade.rate, threshold=grade.mean_pd,
            sample=grade.rows, reference=grade.vintages,
            note=f"mean of the one-year default rates of {grade.vintages} vintages within {span}, which lie between "
                 f"{grade.least:.2%} and {grade.largest:.2%}; the threshold is the mean PD of the same vintages; "
                 "windows of less than a year apart overlap, so there is no interval", **key,
        )
        for grade in averages
    ]  # fmt: skip
    return [*readings, _philosophy(tallies, span=span, settings=settings, key=key)]


def _philosophy(
    tallies: Sequence[Sequence[Tally]], *, span: str, settings: WatchSettings, key: dict[str, Any]
) -> Reading:
    """Return whether PDs are point in time or through the cycle, in words, as far as the vintages tell."""
    about = {
        **key,
        "reference": len(tallies),
        "sample": sum(tally.rows for rows in tallies for tally in rows),
    }
    if len(tallies) < settings.cycle_vintages:
        reason = f"point in time or through the cycle: {len(tallies)} vintages, {settings.cycle_vintages} are needed"
        return _unknown(PHILOSOPHY, VINTAGES, reason, about)
    moved = long_run.movement(tallies)
    rates = f"the default rate lay between {moved.least:.2%} and {moved.largest:.2%} in {len(tallies)} vintages, {span}"
    if moved.between is None:
        reason = (
            f"point in time or through the cycle cannot be told: {rates}; it moved by {moved.moved:.2%} (standard "
            f"deviation), and chance alone moves it by {moved.chance:.2%}"
        )
        return _unknown(PHILOSOPHY, VINTAGES, reason, about)
    words = "between point in time and through the cycle"
    if moved.between >= _MOST:
        words = "point in time"
    elif moved.between <= _LEAST:
        words = "through the cycle"
    return Reading(
        measure=PHILOSOPHY, subject=VINTAGES, value=moved.between, **about,
        note=f"PDs are {words}: {rates}, and {moved.between:.0%} of its movement came with borrowers' grades, the rest "
             "within the grades, where chance counts too",
    )  # fmt: skip


def _unknown(measure: str, subject: str, reason: str, about: dict[str, Any]) -> Reading:
    return Reading(measure=measure, subject=subject, severity="unknown", note=reason, **about)


def _unlikely(p_value: float, settings: WatchSettings) -> Severity:
    return "alarm" if p_value < settings.p_alarm else "watch" if p_value < settings.p_watch else "ok"
