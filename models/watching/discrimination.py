"""Measure with intervals how well PDs rank borrowers, or estimate it while no outcome is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from models.metrics import Interval, Labels, Scores, delong_interval, ks

DRAWS = 200


class Slope(NamedTuple):
    """The yearly change of a measure with its interval, and the number of points it is fitted to."""

    a_year: Interval
    points: int


def gini(labels: Labels, scores: Scores, *, confidence: float = 0.95) -> Interval:
    """Return the Gini coefficient, ``2 AUC - 1``, with DeLong's interval; both classes need two rows."""
    return Interval(*(2 * end - 1 for end in delong_interval(labels, scores, confidence=confidence)))


def ks_interval(labels: Labels, scores: Scores, *, confidence: float = 0.95) -> Interval:
    """Return the Kolmogorov-Smirnov distance of the classes with a conservative interval, kept inside [0, 1].

    The reach is Kolmogorov's quantile times ``sqrt(1/n_bad + 1/n_good)``: the band that holds the whole difference of
    the two distribution functions holds its maximum too. Normal and bootstrap intervals about the maximum are too
    narrow, since a maximum is biased upwards (87% to 93% instead of 95% at 300 to 5,000 rows; docs/experiments.md).

    References
    ----------
    Smirnov (1939), Estimate of deviation between empirical distribution functions in two independent samples.
    """
    bad = int(labels.sum())
    distance = ks(labels, scores)
    reach = float(stats.kstwobign.ppf(confidence)) * float(np.sqrt(1 / bad + 1 / (len(labels) - bad)))
    return Interval(distance, max(0.0, distance - reach), min(1.0, distance + reach))


def slope(
    years: Sequence[float], values: Sequence[float], errors: Sequence[float], *, confidence: float = 0.95
) -> Slope | None:
    """Return the yearly change of a measure by weighted least squares, or None with fewer than three points in time.

    Parameters
    ----------
    years, values, errors : sequence of float
        Time, measure and its standard error (weights are ``1 / error**2``).

    Notes
    -----
    The interval is Student's, with the spread of the points about the line. Vintages whose outcome windows overlap
    share outcomes, so that it is somewhat narrow.

    Examples
    --------
    >>> slope([0.0, 1.0, 2.0], [0.6, 0.5, 0.4], [0.05, 0.05, 0.05]).a_year.mean.__round__(3)
    -0.1
    """
    x, y, error = (np.asarray(series, dtype=np.float64) for series in (years, values, errors))
    if len(np.unique(x)) < 3:
        return None
    weights = 1 / np.maximum(error, 1e-6) ** 2
    centre = float((weights * x).sum() / weights.sum())
    level = float((weights * y).sum() / weights.sum())
    spread = float((weights * (x - centre) ** 2).sum())
    rise = float((weights * (x - centre) * (y - level)).sum() / spread)
    residual = y - level - rise * (x - centre)
    degrees = len(x) - 2
    # never narrower than the points' own errors allow
    scale = max(float((weights * residual**2).sum()) / degrees, 1.0)
    reach = float(stats.t.ppf(0.5 + confidence / 2, degrees) * np.sqrt(scale / spread))
    return Slope(Interval(rise, rise - reach, rise + reach), len(x))


def expected_performance(
    pd: Scores, *, draws: int = DRAWS, random_state: int = 0, confidence: float = 0.95
) -> dict[str, Interval]:
    """Return the Gini and the Brier score to expect if the PDs are calibrated, while no outcome is known.

    The assumption is calibration: each borrower defaults with its own PD, independently of the others. Then the
    expected Brier score is ``mean(p (1 - p))`` and the expected AUC is the chance that, of a borrower who defaults and
    one who does not, the defaulter has the higher PD. The intervals come from outcomes drawn with these PDs.
    The estimate cannot detect PDs that are wrong: the back-test does, once outcomes are known.

    References
    ----------
    Confidence-based performance estimation, as in Białek et al. (2024), Estimating model performance under
    covariate shift without labels, arXiv:2401.08348.

    Raises
    ------
    ValueError
        Fewer than two PDs.

    Examples
    --------
    >>> expected = expected_performance(np.array([0.9, 0.1]), draws=10)
    >>> round(expected["gini"].mean, 4), round(expected["brier"].mean, 4)
    (0.9756, 0.09)
    """
    if len(pd) < 2:
        raise ValueError("two PDs at least promise a rank order")
    p = np.sort(pd)
    _, first, tally = np.unique(p, return_index=True, return_counts=True)
    good = np.concatenate([[0.0], np.cumsum(1 - p)])
    starts, ends = np.repeat(first, tally), np.repeat(first + tally, tally)
    # non-defaulters with a lower PD, and half of those with an equal one; a borrower makes no pair with itself
    pairs_won = p * (good[starts] + 0.5 * (good[ends] - good[starts]) - 0.5 * (1 - p))
    pairs = float(p.sum() * (1 - p).sum() - (p * (1 - p)).sum())
    ranks = stats.rankdata(p)
    rng = np.random.default_rng(random_state)
    areas, briers = [], []
    for _ in range(draws):
        bad = rng.random(len(p)) < p
        count = int(bad.sum())
        briers.append(float(((p - bad) ** 2).mean()))
        if 0 < count < len(p):
            areas.append((ranks[bad].sum() - count * (count + 1) / 2) / (count * (len(p) - count)))
    edges = (50 - confidence * 50, 50 + confidence * 50)
    auc_low, auc_high = np.percentile(areas, edges) if areas else (float("nan"), float("nan"))
    brier_low, brier_high = np.percentile(briers, edges)
    return {
        "gini": Interval(
            2 * float(pairs_won.sum()) / pairs - 1, float(2 * auc_low - 1), float(2 * auc_high - 1)
        ),
        "brier": Interval(float((p * (1 - p)).mean()), float(brier_low), float(brier_high)),
    }


def standard_error(interval: Interval, *, confidence: float = 0.95) -> float:
    """Return the standard error of a symmetric normal interval."""
    return (interval.high - interval.low) / (2 * float(stats.norm.ppf(0.5 + confidence / 2)))
