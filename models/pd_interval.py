"""Put an interval around one borrower's PD: where the default rate of borrowers with its score lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from scipy.stats import binomtest, norm
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from models.calibration import EDGE, PD_EDGE, Labels, Scores
from models.errors import TooFewRowsError
from models.evaluation import fold_numbers

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
KNOTS = (0.05, 0.35, 0.65, 0.95)  # quantiles of the scores, as Harrell (2015), table 2.3, places four
TAIL = 0.01  # scores further out count as the score at this quantile: the rate there is known of too few
SHRINKAGE = 0.01  # of standardised coefficients: keeps them finite where a score separates the classes


class Bounds(NamedTuple):
    """Lower and upper end of the interval of each PD, shape (n_samples,) each."""

    lower: Scores
    upper: Scores


class PdInterval(BaseEstimator):  # type: ignore[misc]
    """Put a 95% interval around each PD: where the default rate of borrowers with the same score lies.

    The rate is a logistic regression on a restricted cubic spline of the score's logit, which bends where the two or
    three parameters of `models.calibration.Calibrator` cannot; its pointwise interval (normal, on the logit) is the
    interval. Where the PD lies outside, the interval is stretched to it, so that it always holds its PD.

    It says how well the rows of the calibration tell the rate at a score. It does not say how far a borrower's own
    probability lies from that of others with its score: no method finds that out from outcomes, each seen once, without
    assumptions on how the probability depends on the features (Barber 2020, theorem 1). Nor does it hold what a
    later year brings to all borrowers at once. docs/decisions/0095 gives the coverage of both.

    Attributes
    ----------
    edges_ : list of float
        Least and greatest logit; scores outside count as these.
    knots_ : list of float
        Of the spline, on the logit; fewer than three where scores are few: then the rate is linear in the logit.
    centres_, spreads_ : list of float
        Of the columns of the spline.
    coefficients_ : list of float
        Intercept first.
    covariance_ : list of list of float
        Of the coefficients: inverse of the information at the optimum.
    n_samples_ : int
        Borrowers.

    References
    ----------
    Harrell (2015), Regression Modeling Strategies, 2nd edition, 2.4.5 (restricted cubic splines).
    Van Calster, Nieboer, Vergouwe, De Cock, Pencina, Steyerberg (2016), A calibration hierarchy for risk models was
    defined: from utopia to empirical data. J Clin Epidemiol 74, 167-176 (flexible calibration curves).
    Barber (2020), Is distribution-free inference possible for binary regression? Electron J Statist 14, 3487-3524.

    Examples
    --------
    >>> import numpy as np
    >>> scores, labels = np.array([0.4, 0.5, 0.6, 0.7, 0.8] * 20), np.array([0, 0, 0, 1, 0] * 19 + [1] * 5)
    >>> interval = PdInterval().fit(scores, labels, borrowers=range(len(labels)))
    >>> lower, upper = interval.predict(np.array([0.4]), np.array([0.2]))
    >>> bool(lower[0] < 0.2 < upper[0])
    True
    """

    def fit(self, scores: Scores, labels: Labels, borrowers: Sequence[Any] | npt.NDArray[Any]) -> Self:
        """Fit on scores of rows that the scoring model did not see, those of its calibration.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,), in [0, 1]
        labels : ndarray of shape (n_samples,), 0 or 1
        borrowers : sequence of shape (n_samples,)
            A borrower with several rows, such as the repeats of a cross-validation, counts once in all.

        Raises
        ------
        TooFewRowsError
            One class only.
        """
        positives = int(labels.sum())
        if positives in (0, len(labels)):
            raise TooFewRowsError(
                f"{positives} defaults among {len(labels)} rows: one class tells no interval of a PD"
            )
        _, who, rows = np.unique(np.asarray(borrowers), return_inverse=True, return_counts=True)
        weights = 1.0 / rows[who]
        logits = _logits(scores)
        self.edges_: list[float] = np.quantile(logits, [TAIL, 1 - TAIL]).tolist()
        inside = self._inside(logits)
        self.knots_: list[float] = np.unique(np.quantile(inside, KNOTS)).tolist()
        columns = _columns(inside, self.knots_)
        self.centres_: list[float] = [float(column.mean()) for column in columns]
        self.spreads_: list[float] = [float(column.std()) or 1.0 for column in columns]
        design = np.stack(self._standardised(inside), axis=1)
        regression = LogisticRegression(
            C=1 / SHRINKAGE, solver="newton-cholesky", tol=1e-8, max_iter=1000
        ).fit(design[:, 1:], labels, sample_weight=weights)
        coefficients = np.append(regression.intercept_, regression.coef_)
        rate = expit(design @ coefficients)
        information = (design * (weights * rate * (1 - rate))[:, None]).T @ design
        information[1:, 1:] += SHRINKAGE * np.eye(len(columns))
        self.coefficients_: list[float] = coefficients.tolist()
        self.covariance_: list[list[float]] = np.linalg.inv(information).tolist()
        self.n_samples_ = len(rows)
        return self

    def predict(self, scores: Scores, pd: Scores) -> Bounds:
        """Return the interval of each PD.

        Column by column, so that a borrower has the same bounds to the bit whoever is scored beside it.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,)
            Raw scores.
        pd : ndarray of shape (n_samples,)
            Their calibrated PDs.
        """
        check_is_fitted(self, "covariance_")
        design = self._standardised(self._inside(_logits(scores)))
        middle, variance = np.zeros(len(scores)), np.zeros(len(scores))
        for column, coefficient, covariances in zip(
            design, self.coefficients_, self.covariance_, strict=True
        ):
            middle += coefficient * column
            for other, covariance in zip(design, covariances, strict=True):
                variance += covariance * column * other
        half = norm.ppf((1 + LEVEL) / 2) * np.sqrt(variance)
        ends = (np.clip(expit(end), PD_EDGE, 1 - PD_EDGE) for end in (middle - half, middle + half))
        return Bounds(np.minimum(next(ends), pd), np.maximum(next(ends), pd))

    def _inside(self, logits: Floats) -> Floats:
        low, high = self.edges_
        return np.clip(logits, low, high)

    def _standardised(self, inside: Floats) -> list[Floats]:
        """Return a column of ones and the standardised columns of the spline."""
        columns = zip(_columns(inside, self.knots_), self.centres_, self.spreads_, strict=True)
        return [
            np.ones(len(inside)),
            *((column - centre) / spread for column, centre, spread in columns),
        ]


class Tenth(NamedTuple):
    """A tenth of the unseen rows by PD: mean bounds, and how many of them defaulted."""

    lower: float
    upper: float
    default_rate: float
    rows: int

    @property
    def holds(self) -> bool:
        """True if the observed rate lies between the mean bounds."""
        return self.lower <= self.default_rate <= self.upper

    @property
    def agrees(self) -> bool:
        """True if Wilson's interval of the observed rate meets the mean bounds: its own luck is allowed for."""
        defaults = round(self.default_rate * self.rows)
        rate = binomtest(defaults, self.rows).proportion_ci(confidence_level=LEVEL, method="wilson")
        return bool(rate.low <= self.upper and self.lower <= rate.high)


def tenths(scores: Scores, labels: Labels, pd: Scores, borrowers: npt.NDArray[Any]) -> tuple[Tenth, ...]:
    """Return tenths of unseen rows, lowest PD first, each bound fitted on the rows of other borrowers.

    Parameters
    ----------
    scores, labels, pd : ndarray of shape (n_samples,)
        Raw scores of rows that the model had not seen, what became of them, their PDs.
    borrowers : ndarray of shape (n_samples,)
    """
    lower, upper = np.empty(len(pd)), np.empty(len(pd))
    folds = min(10, int(np.bincount(labels, minlength=2).min()))
    numbers = fold_numbers(labels, folds=folds, random_state=0, borrowers=borrowers.tolist())
    for number in range(folds):
        test = numbers == number
        interval = PdInterval().fit(scores[~test], labels[~test], borrowers[~test])
        lower[test], upper[test] = interval.predict(scores[test], pd[test])
    return tuple(
        Tenth(float(lower[part].mean()), float(upper[part].mean()), float(labels[part].mean()), len(part))
        for part in np.array_split(np.argsort(pd, kind="stable"), 10)
    )


def _logits(scores: Scores) -> Floats:
    return np.asarray(logit(np.clip(np.asarray(scores, dtype=np.float64), EDGE, 1 - EDGE)), dtype=np.float64)


def _columns(inside: Floats, knots: Sequence[float]) -> list[Floats]:
    """Return the columns of a restricted cubic spline: linear outside the knots, no bend with fewer than three."""
    columns = [inside]
    if len(knots) < 3:
        return columns
    *others, before, last = knots
    for knot in others:
        bend = (
            _cubed(inside - knot)
            - _cubed(inside - before) * ((last - knot) / (last - before))
            + _cubed(inside - last) * ((before - knot) / (last - before))
        )
        columns.append(bend / (last - knots[0]) ** 2)
    return columns


def _cubed(distance: Floats) -> Floats:
    """Return the third power of what is above 0, and 0 below."""
    above = np.maximum(distance, 0.0)
    return above * above * above
