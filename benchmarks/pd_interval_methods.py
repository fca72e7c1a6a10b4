"""Ways to an interval of a PD, each from the scores that calibrate it: what `models.pd_interval` was chosen among."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import beta, norm
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression

from models.calibration import Calibrator
from models.pd_interval import LEVEL, PdInterval

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

POINTS = 51  # scores at which the slower methods are evaluated; between them the bounds are linear
REFITS = 20
DRAWS = 50
HALF = norm.ppf((1 + LEVEL) / 2)


class Bounds(NamedTuple):
    """Lower and upper ends, shape (n_samples,)."""

    lower: Floats
    upper: Floats


class Calibration(NamedTuple):
    """Scores of rows that the model had not seen, what became of them, and the fold that held each out."""

    scores: Floats
    labels: Rows
    folds: Rows


def platt(known: Calibration, scores: Floats) -> Bounds:
    """Take the calibrator for right: its confidence interval, by the information of slope and intercept."""
    calibrator = Calibrator(method="platt").fit(known.scores, known.labels)

    def design(values: Floats) -> Floats:
        return np.stack([logit(np.clip(values, 1e-15, 1 - 1e-15)), np.ones(len(values))], axis=1)

    pd, here = calibrator.predict(known.scores), design(scores)
    fitted = design(known.scores)
    covariance = np.linalg.inv((fitted * (pd * (1 - pd))[:, None]).T @ fitted)
    half = HALF * np.sqrt(np.einsum("ij,jk,ik->i", here, covariance, here))
    middle = logit(calibrator.predict(scores))
    return Bounds(expit(middle - half), expit(middle + half))


def venn_abers(known: Calibration, scores: Floats) -> Bounds:
    """Return p0 and p1 of the inductive Venn-Abers predictor (Vovk & Petej 2014): the object added as 0, and as 1."""
    points = _points(scores)
    ends = []
    for label in (0, 1):
        fits = (
            _isotonic(np.append(known.scores, point), np.append(known.labels, label)).predict([point])[0]
            for point in points
        )
        ends.append(np.fromiter(fits, dtype=np.float64))
    return _between(scores, points, ends[0], ends[1])


def cross_venn_abers(known: Calibration, scores: Floats) -> Bounds:
    """Return the least p0 and the greatest p1 of the folds' Venn-Abers predictors (Vovk, Petej & Fedorova 2015)."""
    parts = []
    for fold in np.unique(known.folds):
        rows = known.folds == fold
        parts.append(
            venn_abers(Calibration(known.scores[rows], known.labels[rows], known.folds[rows]), scores)
        )
    return Bounds(
        np.min([part.lower for part in parts], axis=0), np.max([part.upper for part in parts], axis=0)
    )


def windows(known: Calibration, scores: Floats) -> Bounds:
    """Assume only that the rate never falls: Clopper-Pearson of the n^(2/3) scores below, and of those above."""
    order = np.argsort(known.scores, kind="stable")
    sorted_scores, defaults = known.scores[order], np.append(0, np.cumsum(known.labels[order]))
    rows = len(order)
    width = round(rows ** (2 / 3))
    last = np.searchsorted(sorted_scores, scores, side="right")
    first = np.maximum(last - width, 0)
    below, count = defaults[last] - defaults[first], last - first
    lower = np.where(below > 0, beta.ppf((1 - LEVEL) / 2, np.maximum(below, 1), count - below + 1), 0.0)
    first = np.searchsorted(sorted_scores, scores, side="left")
    last = np.minimum(first + width, rows)
    above, count = defaults[last] - defaults[first], last - first
    upper = np.where(above < count, beta.ppf((1 + LEVEL) / 2, above + 1, np.maximum(count - above, 1)), 1.0)
    return Bounds(lower, upper)


def bootstrap(known: Calibration, scores: Floats) -> Bounds:
    """Draw the rows again and again: percentiles of isotonic fits."""
    rng, points = np.random.default_rng(0), _points(scores)
    fits = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(known.scores), len(known.scores))
        fits.append(_isotonic(known.scores[drawn], known.labels[drawn]).predict(points))
    lower, upper = np.quantile(fits, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return _between(scores, points, lower, upper)


def chosen(known: Calibration, scores: Floats) -> Bounds:
    """Return what the product stores: `models.pd_interval`, stretched to the PD."""
    pd = Calibrator(method="platt").fit(known.scores, known.labels).predict(scores)
    interval = PdInterval().fit(known.scores, known.labels, np.arange(len(known.scores)))
    return Bounds(*interval.predict(scores, pd))


METHODS: dict[str, Callable[[Calibration, Floats], Bounds]] = {
    "Venn-Abers, p0 to p1": venn_abers,
    "cross Venn-Abers, least p0 to greatest p1": cross_venn_abers,
    "the calibrator's own (Platt)": platt,
    "isotonic, bootstrap": bootstrap,
    "monotone, Clopper-Pearson": windows,
    "spline of the score (chosen)": chosen,
}
REFITTED = f"{REFITS} models on rows drawn again"


def refitted(learner: Any, features: Floats, labels: Rows, there: Floats) -> Bounds:
    """Fit whole models on rows drawn again, each calibrated on the rows that were not drawn: percentiles.

    The only one of these ways in which the learner itself is uncertain; a night would score every borrower with all.
    """
    rng, said = np.random.default_rng(0), []
    for _ in range(REFITS):
        drawn = rng.integers(0, len(labels), len(labels))
        others = np.setdiff1d(np.arange(len(labels)), drawn)
        model = clone(learner).fit(features[drawn], labels[drawn])
        calibrator = Calibrator(method="platt").fit(
            model.predict_proba(features[others])[:, 1], labels[others]
        )
        said.append(calibrator.predict(model.predict_proba(there)[:, 1]))
    lower, upper = np.quantile(said, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Bounds(lower, upper)


def _isotonic(scores: Floats, labels: Rows) -> IsotonicRegression:
    return IsotonicRegression(out_of_bounds="clip").fit(scores, labels)


def _points(scores: Floats) -> Floats:
    return np.unique(np.quantile(scores, np.linspace(0, 1, POINTS)))


def _between(scores: Floats, points: Floats, lower: Floats, upper: Floats) -> Bounds:
    return Bounds(np.interp(scores, points, lower), np.interp(scores, points, upper))
