"""Turn a learner's score into a probability of default that agrees with observed rates."""

from __future__ import annotations

from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.errors import TooFewRowsError

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]
Method = Literal["platt", "beta"]

EDGE = 1e-15  # a raw score of exactly 0 or 1 has no logit; far out, so that boosted scores near 0 keep their order
PD_EDGE = 1e-6  # no PD is nearer to 0 or 1
STEEPEST = (
    10.0  # slope a standard deviation of the logit: where a score separates the classes, the best is infinite
)
BETA_POSITIVES = 500  # a third parameter pays only where defaults are many


class Calibrator(BaseEstimator):  # type: ignore[misc]
    """Map raw scores to probabilities: never decreasing, strictly inside (0, 1), right on average.

    Platt: ``logit(pd) = a logit(s) + c``. Beta: ``logit(pd) = a ln(s) - b ln(1 - s) + c`` with ``a, b >= 0``,
    which contains Platt's map (``a = b``). The parameters maximise the likelihood with a free intercept,
    so that on the fitted rows the mean PD equals the observed default rate, and the prior that SMOTE gave
    the scores is gone.

    Parameters
    ----------
    method : {"platt", "beta", None}, default=None
        None: beta from 500 defaults on, Platt below.

    Attributes
    ----------
    slope_low_, slope_high_, intercept_ : float
        ``a``, ``b`` and ``c``.
    method_ : str
    n_samples_ : int

    References
    ----------
    Platt (1999), Probabilistic Outputs for Support Vector Machines.
    Kull, Silva Filho, Flach (2017), Beta calibration. AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> scores, labels = np.array([0.4, 0.5, 0.6, 0.7, 0.8] * 20), np.array([0, 0, 0, 1, 0] * 19 + [1] * 5)
    >>> calibrator = Calibrator().fit(scores, labels)
    >>> round(float(calibrator.predict(scores).mean()), 4), float(labels.mean())
    (0.24, 0.24)
    """

    def __init__(self, *, method: Method | None = None) -> None:
        self.method = method

    def fit(self, scores: Scores, labels: Labels) -> Self:
        """Fit on scores of rows that the scoring model did not see.

        Parameters
        ----------
        scores : ndarray of shape (n_samples,), in [0, 1]
        labels : ndarray of shape (n_samples,), 0 or 1

        Raises
        ------
        TooFewRowsError
            One class only.
        """
        positives = int(labels.sum())
        if positives in (0, len(labels)):
            raise TooFewRowsError(
                f"{positives} defaults among {len(labels)} rows: one class cannot calibrate a PD"
            )
        self.method_: Method = self.method or ("beta" if positives >= BETA_POSITIVES else "platt")
        low, high = _halves(scores)
        shapes = np.stack([low, high]) if self.method_ == "beta" else (low + high)[None, :]
        # Centred shapes keep slope and intercept apart, so that the search ends at the optimum.
        centres = shapes.mean(axis=1)
        spreads = np.where(shapes.std(axis=1) > 0, shapes.std(axis=1), 1.0)
        rate = labels.mean()

        def loss(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            margin = parameters[:-1] @ (shapes - centres[:, None]) + parameters[-1]
            residual = expit(margin) - labels
            value = np.logaddexp(0.0, margin) - labels * margin
            return float(value.mean()), np.append(
                (shapes - centres[:, None]) @ residual, residual.sum()
            ) / len(labels)

        optimum = minimize(
            loss,
            np.append(0.5 / spreads, logit(rate)),
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, STEEPEST / spread) for spread in spreads] + [(None, None)],
            options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 1000},
        )
        slopes = optimum.x[:-1]
        self.slope_low_, self.slope_high_ = float(slopes[0]), float(slopes[-1])
        self.intercept_ = float(optimum.x[-1] - slopes @ centres)
        self.n_samples_ = len(labels)
        return self

    def predict(self, scores: Scores) -> Scores:
        """Return the PD of each score, shape (n_samples,)."""
        check_is_fitted(self, "intercept_")
        low, high = _halves(scores)
        margin = self.slope_low_ * low + self.slope_high_ * high + self.intercept_
        return np.asarray(np.clip(expit(margin), PD_EDGE, 1 - PD_EDGE), dtype=np.float64)


def _halves(scores: Scores) -> tuple[Scores, Scores]:
    """Return ln(s) and -ln(1 - s), whose sum is the logit."""
    clipped = np.clip(np.asarray(scores, dtype=np.float64), EDGE, 1 - EDGE)
    return np.log(clipped), -np.log1p(-clipped)


class ReliabilityBin(NamedTuple):
    """One bin of a reliability curve."""

    mean_pd: float
    default_rate: float
    rows: int


def reliability(labels: Labels, scores: Scores, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Return mean PD and observed default rate in bins of equally many rows, lowest PD first."""
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return tuple(
        ReliabilityBin(float(scores[part].mean()), float(labels[part].mean()), len(part)) for part in parts
    )
