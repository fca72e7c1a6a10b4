"""Fit each way to combine members on all out-of-fold rows, and score it on folds that it had not seen."""

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
from models.metrics import Labels, Scores, auc, brier
from models.voting_ensemble.voting import Combiner, Matrix, Optimum, fit_platt, optimise_weights

Rule = Literal["single", "equal", "optimised", "stacked"]
RULES: tuple[Rule, ...] = ("single", "equal", "optimised", "stacked")  # simplest first

PLATT_POINTS = 1000
STACK_C = 1.0  # inverse strength of the L2 penalty on the coefficients of standardised logits


@dataclass(frozen=True)
class Candidate:
    """One way to combine members, fitted on all rows and scored on rows that its parameters had not seen.

    Parameters
    ----------
    combiner : Combiner
        With the weights fitted on all rows; members without weight are left out.
    rule : {"single", "equal", "optimised", "stacked"}
    log_loss, brier : float
        Of the cross-fitted, Platt-mapped probabilities, over all rows.
    auc : float
        Mean over the folds, weights cross-fitted.
    fold_aucs : tuple of float
    gap, gap_error : float
        Mean over rows of its log loss minus that of the best candidate, and the standard error of that mean, as if
        rows were independent: rows of one fold share members and all folds share most training rows, so the true
        error is larger, and the one-standard-error rule simplifies a little less often than its name promises.
    converged : bool
        False if a weight search did not converge and equal weights replace its result.
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


Mask = npt.NDArray[np.bool_]


class Scored(NamedTuple):
    """A candidate before it is compared: its cross-fitted probability of each row."""

    combiner: Combiner
    rule: Rule
    probability: Scores
    converged: bool


def _sizes(members: int) -> range:
    """Return the sizes of combinations from two members up, or one if only one member is left."""
    return range(min(2, members), members + 1)


def score_votes(
    probabilities: Matrix, labels: Labels, members: tuple[str, ...], tests: list[Mask]
) -> Iterator[Scored]:
    """Score single members and equal weights; only their Platt map is fitted."""
    kinds: list[tuple[Rule, int]] = [("single", 1), *(("equal", size) for size in _sizes(len(members)))]
    for rule, size in kinds:
        for chosen in combinations(range(len(members)), size):
            combiner = Combiner("vote", tuple(members[k] for k in chosen), (1.0 / size,) * size)
            vote = combiner.combine(probabilities[:, chosen])
            yield Scored(combiner, rule, _mapped(vote, labels, tests), True)


def _mapped(vote: Scores, labels: Labels, tests: list[Mask]) -> Scores:
    """Return the cross-fitted probability of each row after the Platt map.

    The map is fitted to at most `PLATT_POINTS` groups of rows with neighbouring scores, each at its mean. This
    changes the map far less than its own error and makes the search as fast for many rows as for few.
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


def score_optimised(
    probabilities: Matrix, labels: Labels, members: tuple[str, ...], tests: list[Mask]
) -> Iterator[Scored]:
    """Score optimised weights of every combination, largest first, each search started from a larger result."""
    solved: list[tuple[tuple[int, ...], tuple[int, ...], Optimum]] = []
    for size in reversed(_sizes(len(members))):
        for chosen in combinations(range(len(members)), size):
            larger = [
                (members_of, kept, optimum)
                for members_of, kept, optimum in solved
                if set(chosen) < set(members_of)
            ]
            if any(set(kept) <= set(chosen) for _, kept, _ in larger):
                continue  # the best weights of a larger combination use only these members: they are the best here too
            start = _restricted(larger[-1], chosen) if larger else None
            optimum = optimise_weights(probabilities[:, chosen], labels, start=start)
            kept = tuple(k for k, weight in zip(chosen, optimum.weights, strict=True) if weight > 0)
            solved.append((chosen, kept, optimum))
            yield _cross_fitted(
                probabilities[:, kept], labels, tuple(members[k] for k in kept), optimum, tests
            )


def _restricted(
    larger: tuple[tuple[int, ...], tuple[int, ...], Optimum], chosen: tuple[int, ...]
) -> Optimum | None:
    """Return the starting weights for a combination: those of a larger one without the members that are missing."""
    weights = np.array(
        [weight for k, weight in zip(larger[0], larger[2].weights, strict=True) if k in chosen]
    )
    return larger[2]._replace(weights=weights / weights.sum()) if weights.sum() > 0 else None


def _cross_fitted(
    columns: Matrix, labels: Labels, names: tuple[str, ...], optimum: Optimum, tests: list[Mask]
) -> Scored:
    """Fit the weights of a combination without each fold in turn, and score that fold."""
    weights = optimum.weights[optimum.weights > 0]
    start = optimum._replace(weights=weights)
    probability, converged = np.empty(len(labels)), optimum.converged
    for test in tests:
        refitted = optimise_weights(columns[~test], labels[~test], start=start)
        probability[test] = refitted.probability(columns[test])
        converged &= refitted.converged
    combiner = Combiner("vote", names, tuple(weights.tolist()))
    return Scored(combiner, "optimised", probability, converged)


def score_stack(columns: Matrix, labels: Labels, names: tuple[str, ...], tests: list[Mask]) -> Scored:
    """Fit logistic regression on the members' logits, cross-fitted, and on all rows.

    Logits are standardised first, so that the L2 penalty (`STACK_C`) does not fall harder on a member of narrow range,
    such as AdaBoost, than on the others; the combiner holds the coefficients of the plain logits.
    """

    def fit(rows: Mask) -> Combiner:
        logits = logit(np.clip(columns[rows], EDGE, 1 - EDGE))
        scaler = StandardScaler().fit(logits)
        regression = LogisticRegression(C=STACK_C, max_iter=1000).fit(scaler.transform(logits), labels[rows])
        weights = regression.coef_[0] / scaler.scale_
        return Combiner(
            "stack", names, tuple(weights.tolist()), float(regression.intercept_[0] - weights @ scaler.mean_)
        )

    probability = np.empty(len(labels))
    for test in tests:
        probability[test] = fit(~test).combine(columns[test])
    return Scored(fit(np.ones(len(labels), dtype=bool)), "stacked", probability, True)


def score_stacks(
    columns: Matrix, labels: Labels, names: tuple[str, ...], tests: list[Mask], *, fewest: int
) -> Iterator[Scored]:
    """Score the stack of all members, then without the member that moves it least, down to the fewest members."""
    kept = list(range(len(names)))
    spread = logit(np.clip(columns, EDGE, 1 - EDGE)).std(axis=0)
    while True:
        scored = score_stack(columns[:, kept], labels, tuple(names[k] for k in kept), tests)
        yield scored
        if len(kept) <= fewest:
            return
        del kept[int(np.argmin(np.abs(scored.combiner.weights) * spread[kept]))]


def row_losses(probability: Scores, labels: Labels) -> Scores:
    """Return the negative log-likelihood of each row, shape (n_samples,)."""
    clipped = np.clip(probability, EDGE, 1 - EDGE)
    return np.asarray(-np.log(np.where(labels == 1, clipped, 1.0 - clipped)), dtype=np.float64)


def compare(scored: Sequence[Scored], labels: Labels, tests: list[Mask]) -> tuple[Candidate, ...]:
    """Measure every candidate, and its distance to the candidate with the lowest log loss."""
    losses = [row_losses(candidate.probability, labels) for candidate in scored]
    best = min(losses, key=lambda loss: float(loss.mean()))
    candidates = []
    for candidate, loss in zip(scored, losses, strict=True):
        aucs = tuple(auc(labels[test], candidate.probability[test]) for test in tests)
        gap = loss - best
        candidates.append(
            Candidate(
                combiner=candidate.combiner,
                rule=candidate.rule,
                log_loss=float(loss.mean()),
                brier=brier(labels, candidate.probability),
                auc=float(np.mean(aucs)),
                fold_aucs=aucs,
                gap=float(gap.mean()),
                gap_error=float(gap.std(ddof=1) / np.sqrt(len(gap))),
                converged=candidate.converged,
            )
        )
    return tuple(candidates)
