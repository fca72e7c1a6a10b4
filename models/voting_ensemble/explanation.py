"""Split the PD of a voting ensemble: members by their trees, then vote or stack and calibration as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from models.calibration import EDGE, Calibrator
from models.errors import ModelError
from models.explaining.member_sums import member_sums
from models.explanation import Curve, Explanation, after, completed, slopes_of, value_at
from models.voting_ensemble.members import member_probability, smoothed
from models.voting_ensemble.voting import Combiner

Matrix = npt.NDArray[np.float64]


def member_contributions(estimator: Any, X: Matrix) -> tuple[float, Matrix]:
    """Return the base of one member's own probability, and the contribution of each column in each row.

    Parameters
    ----------
    estimator : fitted member
    X : ndarray of shape (n_samples, n_columns)

    Returns
    -------
    base : float
    contributions : ndarray of shape (n_samples, n_columns)
        The base plus the row sum is ``estimator.predict_proba(X)[:, 1]``.

    Raises
    ------
    ModelError
        The member has no trees that can be read, or they disagree with its predictions.
    """
    name = type(estimator).__name__
    probability = member_probability(name, estimator, X) if len(X) else np.empty(0)
    sums = member_sums(name, estimator, X, probability)
    contributions = sums.contributions * slopes_of(sums.link, sums.base, sums.totals())
    base = value_at(sums.link, sums.base)
    return base, completed(contributions, probability - base)


def explain(
    members: Mapping[str, Any],
    combiner: Combiner,
    calibrator: Calibrator,
    X: Matrix,
    *,
    sources: Sequence[str],
) -> Explanation:
    """Return the contribution of each feature to the calibrated PD of each row.

    Each member's sum of trees is split by exact path-dependent Shapley values (`models.explaining.tree_shapley`).
    They pass on by the rescale rule: through a curve ``g`` every contribution is multiplied by
    ``(g(f(x)) - g(base)) / (f(x) - base)``, and by the slope of ``g`` at the base where that denominator
    vanishes (closer than `NEAR`). A member's link is one such curve, to its probability for a vote and on to
    the log-odds for a stack; the weighted sum is linear; the second curve leads from there to the calibrated PD,
    clipped ends included.

    Rounding errors (XGBoost adds up in 32 bits, a slope replaces a very short secant) are shared out in
    proportion to the size of the contributions, or evenly if all are zero. So each row adds up to the published
    PD.

    Parameters
    ----------
    members : mapping of str to fitted classifier
        At least those of the combiner.
    combiner : Combiner
    calibrator : Calibrator
        Fitted.
    X : ndarray of shape (n_samples, n_columns)
        Prepared rows.
    sources : sequence of str
        The feature behind each column; columns of one feature (levels, gap marks) are added up.

    Raises
    ------
    ModelError
        A member has no trees that can be read, or they disagree with its predictions.

    References
    ----------
    Chen, Lundberg & Lee (2022), Explaining a series of models by propagating Shapley values. Nature
    Communications 13, 4512.
    Yang & Xiao (2024), section IV.F.

    Examples
    --------
    >>> from models.voting_ensemble.members import make_member
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(200, 3)), np.arange(200) % 2
    >>> members = {"gbdt": make_member("gbdt", random_state=0).fit(X, y)}
    >>> raw = members["gbdt"].predict_proba(X)[:, 1]
    >>> calibrator = Calibrator().fit(raw, y)
    >>> vote = Combiner("vote", ("gbdt",), (1.0,))
    >>> explained = explain(members, vote, calibrator, X, sources=("debt", "sector", "sector"))
    >>> total = explained.base_value + explained.contributions.sum(axis=1)
    >>> explained.features, np.allclose(total, calibrator.predict(raw))
    (('debt', 'sector'), True)
    """
    if len(sources) != X.shape[1]:
        raise ModelError(f"{len(sources)} sources for {X.shape[1]} columns: name the feature of each column")
    features = tuple(dict.fromkeys(sources))
    feature_of = np.array([features.index(source) for source in sources], dtype=np.int64)
    inner, outer = _curves(combiner, calibrator)
    contributions = np.zeros((len(X), len(features)))
    probabilities = np.empty((len(X), len(combiner.members)))
    base, decisions = combiner.intercept if combiner.kind == "stack" else 0.0, list[str]()
    for column, (name, weight) in enumerate(zip(combiner.members, combiner.weights, strict=True)):
        probability = member_probability(name, members[name], X) if len(X) else np.empty(0)
        sums = member_sums(name, members[name], X, probability)
        probabilities[:, column] = smoothed(members[name], probability)
        link = after(after(sums.link, partial(smoothed, members[name])), inner)
        slopes = weight * slopes_of(link, sums.base, sums.totals())
        for feature, values in zip(feature_of, sums.contributions.T, strict=True):
            contributions[:, feature] += values * slopes[:, 0]
        base += weight * value_at(link, sums.base)
        decisions += [sums.decision] if sums.decision else []
    contributions *= slopes_of(outer, base, base + contributions.sum(axis=1))
    base_value = value_at(outer, base)
    raw = combiner.combine(probabilities)
    whole = completed(contributions, calibrator.predict(raw) - base_value)
    return Explanation(base_value, whole, features, raw, tuple(decisions))


def _curves(combiner: Combiner, calibrator: Calibrator) -> tuple[Curve, Curve]:
    """Return two curves: from a member's probability to the quantity that is summed, and from the sum to the PD."""
    if combiner.kind == "vote":
        return lambda probability: probability, lambda vote: calibrator.predict(combiner.shifted(vote))
    return (
        lambda probability: np.asarray(logit(np.clip(probability, EDGE, 1 - EDGE))),
        lambda margin: calibrator.predict(expit(margin)),
    )
