"""The choice among single members, equal votes, optimised votes and stacking, on out-of-fold probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from models.calibration import EDGE
from models.errors import ModelError, TooFewRowsError
from models.metrics import Labels, Scores, auc, brier
from models.voting import Combiner, Matrix, Optimum, fit_platt, optimise_weights

Rule = Literal["single", "equal", "optimised", "stacked"]
RULES: tuple[Rule, ...] = ("single", "equal", "optimised", "stacked")  # simplest first
SelectionRule = Literal["parsimonious", "paper"]
Folds = npt.NDArray[np.int64]

PLATT_POINTS = 1000
STACK_C = 1.0  # inverse strength of the L2 penalty on the coefficients of standardised logits


@dataclass(frozen=True)
class Candidate:
    """One way to combine members, fitted on all rows and scored on rows that its parameters had not seen.

    Parameters
    ----------
    combiner : Combiner
        With the weights of all rows; members without weight are gone.
    rule : {"single", "equal", "optimised", "stacked"}
    log_loss, brier : float
        Of the cross-fitted, Platt-mapped probabilities, over all rows.
    auc : float
        Mean over the folds, weights cross-fitted.
    fold_aucs : tuple of float
    gap, gap_error : float
        Mean over rows of its log loss less that of the best candidate, and the standard error of that mean.
    converged : bool
        False: a weight search did not converge, and equal weights stand in its place.
    """

    combiner: Combiner
    rule: Rule
    log_loss: float
    brier: float
    auc: float
    fold_aucs: tuple[float, ...]
    gap: float
    gap_error: float
    converged: bool


@dataclass(frozen=True)
class Selection:
    """The chosen candidate, those always reported beside it, and all that were scored."""

    chosen: Candidate
    best_single: Candidate
    equal: Candidate
    optimised: Candidate
    stacked: Candidate
    candidates: tuple[Candidate, ...]
    selection: SelectionRule
    decisions: tuple[str, ...]


Mask = npt.NDArray[np.bool_]


class _Scored(NamedTuple):
    """A candidate before it is compared: its cross-fitted probability of each row."""

    combiner: Combiner
    rule: Rule
    probability: Scores
    converged: bool


def select(
    probabilities: Matrix,
    labels: Labels,
    *,
    members: Sequence[str],
    folds: Folds,
    selection: SelectionRule = "parsimonious",
) -> Selection:
    """Score every candidate on out-of-fold probabilities and choose one.

    Candidates are each member alone, every combination of at least two with equal weights and with
    optimised weights (120 of seven), and stacking on the members of the best optimised combination. A
    combination whose best weights leave members out is the smaller combination, and is scored once, as that.

    Cross-fitted is all that is fitted here: for each fold, weights, Platt map and stacking come
    from the other folds and score the fold. Not cross-fitted is the choice among candidates, which is why
    the default asks for more than the best figure.

    - ``"parsimonious"``: among the candidates whose log loss is at most one standard error above the best
      (of the paired difference of each row), the simplest: single before equal before optimised before stacked,
      fewer members before more, then the lower loss.
    - ``"paper"``: the optimised combination with the best AUC, then stacking on its members.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples, n_members)
        Out of fold, in the order of ``members``.
    labels : ndarray of shape (n_samples,), 0 or 1
    members : sequence of str
    folds : ndarray of shape (n_samples,)
        Number of the fold in which the row was held out.
    selection : {"parsimonious", "paper"}, default="parsimonious"

    Raises
    ------
    TooFewRowsError
        A fold holds one class only, or there are fewer than two folds.
    ModelError
        A probability is missing.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> labels, folds = np.tile([0, 1], 200), np.repeat(np.arange(4), 100)
    >>> good = np.clip(0.5 + 0.2 * (2 * labels - 1) + 0.2 * rng.normal(size=400), 0.01, 0.99)
    >>> both = np.column_stack([good, rng.uniform(size=400)])
    >>> select(both, labels, members=("good", "noise"), folds=folds).chosen.combiner.members
    ('good',)
    """
    _check(probabilities, labels, members, folds)
    tests = [folds == number for number in np.unique(folds)]
    names = tuple(members)
    tests = [folds == number for number in np.unique(folds)]
    optimised = list(_optimised(probabilities, labels, names, tests))
    best = _best(_compared(optimised, labels, tests), selection).combiner.members
    columns = probabilities[:, [names.index(name) for name in best]]
    votes = list(_votes(probabilities, labels, names, tests))
    candidates = _compared([*votes, *optimised, _stacked(columns, labels, best, tests)], labels, tests)
    stacked = candidates[-1]
    return Selection(
        chosen=stacked if selection == "paper" else _simplest(candidates),
        best_single=_best([one for one in candidates if one.rule == "single"], selection),
        equal=candidates[len(votes) - 1],
        optimised=_best([one for one in candidates if one.rule == "optimised"], selection),
        stacked=stacked,
        candidates=candidates,
        selection=selection,
        decisions=tuple(
            f"the weights of {', '.join(one.combiner.members)} did not converge: equal weights stand in their place"
            for one in candidates
            if not one.converged
        ),
    )


def _check(probabilities: Matrix, labels: Labels, members: Sequence[str], folds: Folds) -> None:
    """Refuse what cannot be scored."""
    if probabilities.shape != (len(labels), len(members)):
        raise ModelError(
            f"probabilities of shape {probabilities.shape} do not fit {len(labels)} rows by {len(members)} members"
        )
    missing = [not np.isfinite(column).all() for column in probabilities.T]
    if any(missing):
        named = ", ".join(name for name, gone in zip(members, missing, strict=True) if gone)
        raise ModelError(f"out-of-fold probabilities are missing for {named}: leave them out first")
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise TooFewRowsError(
            "weights are judged on other folds than they were fitted on: two folds at least"
        )
    for number in numbers:
        if len(np.unique(labels[folds == number])) < 2:
            raise TooFewRowsError(f"fold {number} holds one class only: lower the number of folds")


def _sizes(members: int) -> range:
    """Return the sizes of combinations, two and more; one where only one member is left."""
    return range(min(2, members), members + 1)


def _votes(
    probabilities: Matrix, labels: Labels, members: tuple[str, ...], tests: list[Mask]
) -> Iterator[_Scored]:
    """Score single members and equal weights, of which only the Platt map is fitted."""
    kinds: list[tuple[Rule, int]] = [("single", 1), *(("equal", size) for size in _sizes(len(members)))]
    for rule, size in kinds:
        for chosen in combinations(range(len(members)), size):
            combiner = Combiner("vote", tuple(members[k] for k in chosen), (1.0 / size,) * size)
            vote = combiner.combine(probabilities[:, chosen])
            yield _Scored(combiner, rule, _mapped(vote, labels, tests), True)


def _mapped(vote: Scores, labels: Labels, tests: list[Mask]) -> Scores:
    """Return the cross-fitted Platt-mapped probability of each row.

    The map is fitted to at most `PLATT_POINTS` groups of rows with neighbouring scores, each at its mean, which
    moves it far less than its own error and makes the search as fast for many rows as for few.
    """
    order = np.argsort(vote, kind="stable")
    group = np.empty(len(vote), dtype=np.int64)
    group[order] = np.arange(len(vote)) * PLATT_POINTS // max(len(vote), PLATT_POINTS)
    groups = int(group.max()) + 1

    def count(rows: Mask) -> tuple[Scores, Scores]:
        kept = group[rows]
        defaults = np.bincount(kept, labels[rows].astype(np.float64), minlength=groups)
        return np.bincount(kept, minlength=groups).astype(np.float64), defaults.astype(np.float64)

    rows, defaults = count(np.ones(len(vote), dtype=bool))
    mean = np.bincount(group, vote) / rows
    start = fit_platt(mean, rows, defaults)
    mapped = np.empty(len(vote))
    for test in tests:
        mapped[test] = fit_platt(mean, *count(~test), start=start).probability(vote[test][:, None])
    return mapped


def _optimised(
    probabilities: Matrix, labels: Labels, members: tuple[str, ...], tests: list[Mask]
) -> Iterator[_Scored]:
    """Score optimised weights of every combination, largest first, each search begun where a larger one ended."""
    solved: list[tuple[tuple[int, ...], tuple[int, ...], Optimum]] = []
    for size in reversed(_sizes(len(members))):
        for chosen in combinations(range(len(members)), size):
            larger = [(all_of, kept, found) for all_of, kept, found in solved if set(chosen) < set(all_of)]
            if any(set(kept) <= set(chosen) for _, kept, _ in larger):
                continue  # the larger one's best weights lie inside this combination: they are its best too
            start = _restricted(larger[-1], chosen) if larger else None
            found = optimise_weights(probabilities[:, chosen], labels, start=start)
            kept = tuple(k for k, weight in zip(chosen, found.weights, strict=True) if weight > 0)
            solved.append((chosen, kept, found))
            yield _cross_fitted(probabilities[:, kept], labels, tuple(members[k] for k in kept), found, tests)


def _restricted(
    larger: tuple[tuple[int, ...], tuple[int, ...], Optimum], chosen: tuple[int, ...]
) -> Optimum | None:
    """Return where to begin in a combination: the weights of a larger one without the members that are gone."""
    weights = np.array(
        [weight for k, weight in zip(larger[0], larger[2].weights, strict=True) if k in chosen]
    )
    return larger[2]._replace(weights=weights / weights.sum()) if weights.sum() > 0 else None


def _cross_fitted(
    columns: Matrix, labels: Labels, names: tuple[str, ...], found: Optimum, tests: list[Mask]
) -> _Scored:
    """Fit the weights of a combination without each fold in turn, and score that fold."""
    weights = found.weights[found.weights > 0]
    start = found._replace(weights=weights)
    probability, converged = np.empty(len(labels)), found.converged
    for test in tests:
        without = optimise_weights(columns[~test], labels[~test], start=start)
        probability[test] = without.probability(columns[test])
        converged &= without.converged
    combiner = Combiner("vote", names, tuple(weights.tolist()))
    return _Scored(combiner, "optimised", probability, converged)


def _stacked(columns: Matrix, labels: Labels, names: tuple[str, ...], tests: list[Mask]) -> _Scored:
    """Fit logistic regression on the members' logits, cross-fitted, and on all rows.

    Logits are standardised first, so that the L2 penalty (`STACK_C`) meets a member of narrow range such as AdaBoost
    no harder than the others; the combiner holds the coefficients of the plain logits.
    """

    def fit(rows: Mask) -> Combiner:
        logits = logit(np.clip(columns[rows], EDGE, 1 - EDGE))
        scaler = StandardScaler().fit(logits)
        found = LogisticRegression(C=STACK_C, max_iter=1000).fit(scaler.transform(logits), labels[rows])
        weights = found.coef_[0] / scaler.scale_
        return Combiner(
            "stack", names, tuple(weights.tolist()), float(found.intercept_[0] - weights @ scaler.mean_)
        )

    probability = np.empty(len(labels))
    for test in tests:
        probability[test] = fit(~test).combine(columns[test])
    return _Scored(fit(np.ones(len(labels), dtype=bool)), "stacked", probability, True)


def _compared(scored: Sequence[_Scored], labels: Labels, tests: list[Mask]) -> tuple[Candidate, ...]:
    """Measure every candidate, and its distance to the one with the lowest log loss."""
    losses = [-np.log(np.where(labels == 1, one.probability, 1.0 - one.probability)) for one in scored]
    best = min(losses, key=lambda loss: float(loss.mean()))
    candidates = []
    for one, loss in zip(scored, losses, strict=True):
        aucs = tuple(auc(labels[test], one.probability[test]) for test in tests)
        gap = loss - best
        candidates.append(
            Candidate(
                combiner=one.combiner,
                rule=one.rule,
                log_loss=float(loss.mean()),
                brier=brier(labels, one.probability),
                auc=float(np.mean(aucs)),
                fold_aucs=aucs,
                gap=float(gap.mean()),
                gap_error=float(gap.std(ddof=1) / np.sqrt(len(gap))),
                converged=one.converged,
            )
        )
    return tuple(candidates)


def _best(candidates: Sequence[Candidate], selection: SelectionRule) -> Candidate:
    """Return the best by the AUC of the paper, or by the loss that is optimised."""
    return min(candidates, key=lambda one: -one.auc if selection == "paper" else one.log_loss)


def _simplest(candidates: Sequence[Candidate]) -> Candidate:
    """Return the simplest of those within one standard error of the lowest log loss."""
    near = [one for one in candidates if one.gap <= one.gap_error]
    return min(near, key=lambda one: (RULES.index(one.rule), len(one.combiner.members), one.log_loss))
