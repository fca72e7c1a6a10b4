"""What each feature adds to the published PD of each borrower, so that the reasons add up to the number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit, logit

from models.calibration import EDGE, Calibrator
from models.errors import ModelError
from models.member_sums import MemberSums, member_sums
from models.members import smoothed
from models.voting import Combiner

Matrix = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float64]
Curve = Callable[[Floats], Floats]

OTHER = "other"
NEAR = 1e-9  # a value this close to the base is explained by the slope there


@dataclass(frozen=True)
class Explanation:
    """Contributions to the PD: ``base_value`` plus the sum of a row is the PD of that row.

    Parameters
    ----------
    base_value : float
        The published chain (link, vote or stack, calibration) at the members' expected sums, the worth of
        knowing no feature; the same for every row of a model version. It is not the mean PD: the chain is
        curved, and the expectation is over the oversampled training rows as the trees counted them.
    contributions : ndarray of shape (n_samples, n_features)
    features : tuple of str
    decisions : tuple of str
        Members that were not explained by their trees, and why.
    """

    base_value: float
    contributions: Matrix
    features: tuple[str, ...]
    decisions: tuple[str, ...] = ()


def member_contributions(estimator: Any, X: Matrix) -> tuple[float, Matrix]:
    """Return the base of one member's own probability, and what each column adds to it in each row.

    Parameters
    ----------
    estimator : fitted member
    X : ndarray of shape (n_samples, n_columns)

    Returns
    -------
    base : float
    contributions : ndarray of shape (n_samples, n_columns)
        Base and row sum make ``estimator.predict_proba(X)[:, 1]``.

    Raises
    ------
    ModelError
        The member has no trees that can be read, or they do not say what it predicts.
    """
    sums, probability = member_sums(type(estimator).__name__, estimator, X)
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
    """Return what each feature adds to the calibrated PD of each row.

    Each member's sum of trees is split by exact path-dependent Shapley values (`models.tree_shapley`). They go
    on by the rescale rule: through a curve ``g`` every contribution is multiplied by
    ``(g(f(x)) - g(base)) / (f(x) - base)``, and by the slope of ``g`` at the base where that denominator
    vanishes (closer than `NEAR`). A member's link is one such curve, to its probability for a vote and on to
    the log-odds for a stack; the weighted sum is linear; what remains up to the calibrated PD, clipped ends
    included, is the second curve.

    What rounding leaves (XGBoost adds up in 32 bits, a slope stands for a very short secant) is shared out
    in proportion to the size of the contributions, evenly where all are zero. So each row adds up to
    the PD as it is published.

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
        A member has no trees that can be read, or they do not say what the member predicts.

    References
    ----------
    Chen, Lundberg & Lee (2022), Explaining a series of models by propagating Shapley values. Nature
    Communications 13, 4512.
    Yang & Xiao (2024), section IV.F.

    Examples
    --------
    >>> from models.members import make_member
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(200, 3)), np.arange(200) % 2
    >>> members = {"gbdt": make_member("gbdt", random_state=0).fit(X, y)}
    >>> raw = members["gbdt"].predict_proba(X)[:, 1]
    >>> calibrator = Calibrator().fit(raw, y)
    >>> vote = Combiner("vote", ("gbdt",), (1.0,))
    >>> told = explain(members, vote, calibrator, X, sources=("debt", "sector", "sector"))
    >>> told.features, np.allclose(told.base_value + told.contributions.sum(axis=1), calibrator.predict(raw))
    (('debt', 'sector'), True)
    """
    if len(sources) != X.shape[1]:
        raise ModelError(f"{len(sources)} sources for {X.shape[1]} columns: name the feature of each column")
    features = tuple(dict.fromkeys(sources))
    feature_of = np.array([features.index(source) for source in sources], dtype=np.int64)
    inner, outer = _curves(combiner, calibrator)
    contributions = np.zeros((len(X), len(features)))
    probabilities = np.empty((len(X), len(combiner.members)))
    base, decisions = combiner.intercept, list[str]()
    for column, (name, weight) in enumerate(zip(combiner.members, combiner.weights, strict=True)):
        sums, probability = member_sums(name, members[name], X)
        probabilities[:, column] = smoothed(members[name], probability)
        link = _after(_after(sums.link, partial(smoothed, members[name])), inner)
        slopes = weight * slopes_of(link, sums.base, sums.totals())
        for feature, values in zip(feature_of, sums.contributions.T, strict=True):
            contributions[:, feature] += values * slopes[:, 0]
        base += weight * value_at(link, sums.base)
        decisions += [sums.decision] if sums.decision else []
    contributions *= slopes_of(outer, base, base + contributions.sum(axis=1))
    base_value = value_at(outer, base)
    published = calibrator.predict(combiner.combine(probabilities))
    whole = completed(contributions, published - base_value)
    return Explanation(base_value, whole, features, tuple(decisions))


def explain_sums(
    sums: MemberSums, probability: Floats, calibrator: Calibrator, *, sources: Sequence[str]
) -> Explanation:
    """Return what each feature adds to the calibrated PD of each row of a model that is one sum.

    The same rescale rule as in `explain`, from the sum through its link and the calibration as one curve. What the
    classifier itself says goes into the PD, so that rounding in its own arithmetic is shared out.

    Parameters
    ----------
    sums : MemberSums
        Of one fitted learner.
    probability : ndarray of shape (n_samples,)
        What the learner says of each row.
    calibrator : Calibrator
        Fitted.
    sources : sequence of str
        The feature behind each column; columns of one feature are added up.

    Examples
    --------
    >>> sums = MemberSums(-1.0, np.array([[0.5, 0.25, 0.25], [0.0, -1.0, 0.5]]), margin=True, decision=None)
    >>> said = sums.link(sums.totals())
    >>> calibrator = Calibrator().fit(np.array([0.2, 0.4, 0.6, 0.8]), np.array([0, 1, 0, 1]))
    >>> told = explain_sums(sums, said, calibrator, sources=("debt", "sector", "sector"))
    >>> told.features, np.allclose(told.base_value + told.contributions.sum(axis=1), calibrator.predict(said))
    (('debt', 'sector'), True)
    """
    features = tuple(dict.fromkeys(sources))
    contributions = np.zeros((len(sums.contributions), len(features)))
    for source, values in zip(sources, sums.contributions.T, strict=True):
        contributions[:, features.index(source)] += values
    published = _after(sums.link, calibrator.predict)
    contributions *= slopes_of(published, sums.base, sums.totals())
    base_value = value_at(published, sums.base)
    whole = completed(contributions, calibrator.predict(probability) - base_value)
    return Explanation(base_value, whole, features, (sums.decision,) if sums.decision else ())


def strongest(explanation: Explanation, ids: pl.Series, *, top: int) -> pl.DataFrame:
    """Return the strongest contributions of each row, and the rest summed up.

    Parameters
    ----------
    explanation : Explanation
    ids : polars.Series
        The enterprise of each row.
    top : int
        At least 1.

    Returns
    -------
    polars.DataFrame
        enterprise_id, feature, contribution, rank; rows of one borrower together, rank 1 the largest
        absolute contribution (the earlier feature where two are equal), last the rest under ``other``, unless
        there are no more than ``top`` features. The contributions of a borrower and the base value make the PD.

    Examples
    --------
    >>> told = Explanation(0.05, np.array([[0.02, -0.03, 0.01]]), ("age", "debt", "sector"))
    >>> strongest(told, pl.Series(["E1"]), top=1).rows()
    [('E1', 'debt', -0.03, 1), ('E1', 'other', 0.03, 2)]
    """
    values = explanation.contributions
    kept = min(top, len(explanation.features))
    order = np.argsort(-np.abs(values), axis=1, kind="stable")
    shown = np.take_along_axis(values, order[:, :kept], axis=1)
    names = np.array([*explanation.features, OTHER], dtype=object)[order[:, :kept]]
    if kept < len(explanation.features):
        rest = np.take_along_axis(values, order[:, kept:], axis=1).sum(axis=1, keepdims=True)
        shown = np.hstack([shown, rest])
        names = np.hstack([names, np.full((len(values), 1), OTHER, dtype=object)])
    places = shown.shape[1]
    return pl.DataFrame(
        {
            "enterprise_id": ids.gather(np.repeat(np.arange(len(values)), places)),
            "feature": pl.Series(names.ravel(), dtype=pl.String),
            "contribution": shown.ravel(),
            "rank": pl.Series(np.tile(np.arange(1, places + 1), len(values)), dtype=pl.Int32),
        }
    )


def _curves(combiner: Combiner, calibrator: Calibrator) -> tuple[Curve, Curve]:
    """Return the curve from a member's probability to what is added up, and from there to the PD."""
    if combiner.kind == "vote":
        return lambda probability: probability, lambda vote: calibrator.predict(np.clip(vote, 0.0, 1.0))
    return (
        lambda probability: np.asarray(logit(np.clip(probability, EDGE, 1 - EDGE))),
        lambda margin: calibrator.predict(expit(margin)),
    )


def _after(first: Curve, second: Curve) -> Curve:
    return lambda values: second(first(values))


def value_at(curve: Curve, value: float) -> float:
    """Return the height of a curve at one value."""
    return float(curve(np.array([value]))[0])


def slopes_of(curve: Curve, base: float, values: Floats) -> Matrix:
    """Return the secant of a curve from the base to each value, shape (n_values, 1); close by, its slope there."""
    near = np.abs(values - base) < NEAR
    low, high = np.where(near, base - NEAR, base), np.where(near, base + NEAR, values)
    return np.asarray((curve(high) - curve(low)) / (high - low))[:, None]


def completed(contributions: Matrix, wanted: Floats) -> Matrix:
    """Return contributions whose rows sum to what is wanted; what is missing goes by their size."""
    size = np.abs(contributions)
    size[size.sum(axis=1) == 0] = 1.0
    missing = wanted - contributions.sum(axis=1)
    return np.asarray(contributions + size / size.sum(axis=1, keepdims=True) * missing[:, None])
