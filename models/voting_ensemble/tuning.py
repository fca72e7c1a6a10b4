"""Search the parameters of the `tuned` profile for each member, within the given training rows only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import ParameterSampler, train_test_split

from models.errors import TooFewRowsError
from models.evaluation import fold_numbers
from models.metrics import Labels, auc
from models.runner import Runner
from models.voting_ensemble.members import NIGHT, Member, Parameter, make_member
from models.voting_ensemble.out_of_fold import Prepare, Prepared, out_of_fold

Rows = npt.NDArray[np.int64]
Space = Mapping[str, tuple[Parameter, ...]]

# Few values of each parameter that matters, around what the sets of the paper like best (docs/experiments.md): more
# and slower trees than the defaults, most columns kept, leaves from small to stout, and never without a bound.
SPACES: dict[Member, Space] = {
    "xgboost": {
        "n_estimators": (200, 300, 600),
        "learning_rate": (0.03, 0.05, 0.1),
        "max_depth": (2, 4, 6, 8),
        "min_child_weight": (1, 5, 10),
        "subsample": (0.7, 0.85, 1.0),
        "colsample_bytree": (0.6, 0.8, 1.0),
        "reg_lambda": (0.0, 1.0, 5.0),
    },
    "gbdt": {
        "n_estimators": (100, 200, 300),
        "learning_rate": (0.05, 0.1, 0.2),
        "max_depth": (2, 3, 5),
        "min_samples_leaf": (1, 5, 20),
        "subsample": (0.5, 0.8),
        "max_features": (0.3, 0.6),
    },
    "adaboost": {
        "n_estimators": (50, 150, 300),
        "learning_rate": (0.1, 0.3, 1.0),
        "estimator__max_depth": (1, 2, 4),
    },
    "random_forest": {
        "n_estimators": (200, 400),
        "max_features": ("sqrt", 0.3, 0.6),
        "min_samples_leaf": (1, 3, 10),
        "max_leaf_nodes": (64, 128, 256),
    },
    "lightgbm": {
        "n_estimators": (100, 200, 300, 600),
        "learning_rate": (0.03, 0.05, 0.1),
        "num_leaves": (7, 15, 31, 63),
        "min_child_samples": (5, 20, 50),
        "colsample_bytree": (0.6, 0.8, 1.0),
        "reg_lambda": (0.0, 1.0, 5.0),
    },
    "bagging": {
        "n_estimators": (50, 100),
        "max_samples": (0.5, 1.0),
        "max_features": (0.6, 1.0),
        "estimator__min_samples_leaf": (1, 5, 20),
        "estimator__max_leaf_nodes": (64, 128, 256),
    },
    "extra_trees": {
        "n_estimators": (200, 400),
        "max_features": ("sqrt", 0.3, 1.0),
        "min_samples_leaf": (1, 3, 10),
        "max_leaf_nodes": (64, 128, 256),
    },
}

KEPT_SHARE = 3  # one point in three goes on to all rows, chosen on one row in three
FEWEST_ROWS = 2000  # a third smaller than this decides nothing: every point is then tried on all rows


@dataclass(frozen=True)
class Tuned:
    """The parameters found for one member, and how they compare with its defaults.

    Parameters
    ----------
    parameters : dict
        For `models.voting_ensemble.members.make_member`; those of the profile "night" if no point beat them.
    auc : float
        Mean AUC over the inner folds of these parameters.
    night_auc : float
        The same for the profile "night", on the same folds; NaN if it could not be fitted.
    tried : int
        Points of the space that were tried, that profile among them.
    failed : tuple of str
        Points that could not be fitted, each with its reason.
    """

    parameters: dict[str, Parameter]
    auc: float
    night_auc: float
    tried: int
    failed: tuple[str, ...]


def tune(
    prepare: Prepare,
    members: Sequence[Member],
    labels: Labels,
    *,
    random_state: int,
    runner: Runner,
    points: int = 9,
    folds: int = 3,
    spaces: Mapping[Member, Space] = SPACES,
    borrowers: Sequence[str] | None = None,
) -> dict[Member, Tuned]:
    """Return parameters for each member by a random search with one halving, inside the given rows.

    Each member's points are the profile "night" and random draws from its space. All are tried on a stratified third
    of the rows (where that is at least `FEWEST_ROWS`); the best third of them and the profile go on to all rows,
    and the best mean AUC over the inner stratified folds wins, the profile on a tie. Preparation and
    oversampling happen inside the inner training folds, once a fold for all members and points. The search sees only
    the caller's training rows, never a test fold; the price is one search for each fit.

    The result does not depend on the runner.

    Parameters
    ----------
    prepare : callable
        From the numbers of training rows to `models.voting_ensemble.out_of_fold.Prepared`.
    members : sequence of `models.voting_ensemble.members.Member`
    labels : ndarray of shape (n_samples,), 0 or 1
        Labels of all rows that ``prepare`` knows.
    random_state : int
    runner : Runner
    points : int, default=9
        Points tried for each member, the profile "night" among them.
    folds : int, default=3
    spaces : mapping, optional
        Values to draw from, for each member.
    borrowers : sequence of str, optional
        Borrower of each row; all rows of a borrower go to one inner fold.

    Raises
    ------
    TooFewRowsError
        Fewer rows of either class than folds.
    ModelError
        No point of any member could be fitted.
    """
    all_rows = np.arange(len(labels))
    if min(np.bincount(labels, minlength=2)) < folds:
        raise TooFewRowsError(
            f"{int(labels.sum())} defaults among {len(labels)} rows do not fill {folds} folds of the search"
        )
    profiles = {member: _points(member, spaces[member], points, random_state) for member in members}
    running = {member: list(range(len(profiles[member]))) for member in members}
    failed: dict[str, str] = {}

    def measure(rows: Rows) -> dict[str, float]:
        """Return the mean AUC of every running point over inner folds of the rows."""
        estimators = {
            f"{member} point {point}": make_member(
                member, profile=profiles[member][point], random_state=random_state
            )
            for member in members
            for point in running[member]
        }
        borrowers_of_rows = None if borrowers is None else [borrowers[row] for row in rows]
        numbers = fold_numbers(
            labels[rows], folds=folds, random_state=random_state, borrowers=borrowers_of_rows
        )
        predictions = out_of_fold(_within(prepare, rows), estimators, labels[rows], numbers, runner=runner)
        failed.update(predictions.left_out)
        tests = [numbers == number for number in range(folds)]
        return {
            name: float(np.mean([auc(labels[rows][test], scores[test]) for test in tests]))
            for name, scores in zip(predictions.members, predictions.probabilities.T, strict=True)
        }

    third = len(labels) // KEPT_SHARE
    if third >= FEWEST_ROWS:
        sample, _ = train_test_split(all_rows, train_size=third, stratify=labels, random_state=random_state)
        first = measure(np.sort(sample))
        for member in members:
            ranked = sorted(running[member], key=lambda point: -first.get(f"{member} point {point}", -1.0))
            running[member] = sorted({0, *ranked[: max(1, len(ranked) // KEPT_SHARE)]})
    last = measure(all_rows)
    return {member: _chosen(member, profiles[member], last, failed) for member in members}


def _points(member: Member, space: Space, points: int, random_state: int) -> list[dict[str, Any]]:
    """Return the profile "night" and random draws without repetition, which replace some of its parameters."""
    size = int(np.prod([len(values) for values in space.values()]))
    drawn = ParameterSampler(dict(space), min(points - 1, size), random_state=random_state)
    return [NIGHT.get(member, {}) | point for point in ({}, *drawn)]


def _within(prepare: Prepare, rows: Rows) -> Prepare:
    """Return a preparation that numbers rows within the given part."""

    def part(chosen: Rows) -> Prepared:
        whole = prepare(rows[chosen])
        return whole._replace(transform=lambda others: whole.transform(rows[others]))

    return part


def _chosen(
    member: Member, profiles: list[dict[str, Any]], aucs: Mapping[str, float], failed: Mapping[str, str]
) -> Tuned:
    """Return the best point of a member: the profile "night" if nothing beats it or nothing could be fitted."""
    scores = {
        point: aucs[f"{member} point {point}"]
        for point in range(len(profiles))
        if f"{member} point {point}" in aucs
    }
    best = max(scores, key=lambda point: (scores[point], -point), default=0)
    return Tuned(
        parameters=profiles[best],
        auc=scores.get(best, float("nan")),
        night_auc=scores.get(0, float("nan")),
        tried=len(profiles),
        failed=tuple(f"{name}: {reason}" for name, reason in failed.items() if name.split()[0] == member),
    )
