"""The `tuned` profile: parameters of each member, searched within given training rows and nowhere else."""

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
from models.voting_ensemble.members import Member, Parameter, make_member
from models.voting_ensemble.out_of_fold import Prepare, Prepared, out_of_fold

Rows = npt.NDArray[np.int64]
Space = Mapping[str, tuple[Parameter, ...]]

# Few values of each parameter that matters, around what the sets of the paper like best (docs/experiments.md): more
# and slower trees than the defaults, most columns kept, leaves from small to stout.
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
    },
    "extra_trees": {
        "n_estimators": (200, 400),
        "max_features": ("sqrt", 0.3, 1.0),
        "min_samples_leaf": (1, 3, 10),
    },
}

KEPT_SHARE = 3  # one point in three goes on to all rows, judged on one row in three
FEWEST_ROWS = 2000  # fewer rows than this judge nothing: with few rows every point is tried on all


@dataclass(frozen=True)
class Tuned:
    """The parameters found for one member.

    Parameters
    ----------
    parameters : dict
        For `models.voting_ensemble.members.make_member`; empty where no point beat the library's defaults.
    auc : float
        Mean AUC over the inner folds of these parameters.
    paper_auc : float
        The same for the library's defaults, on the same folds; missing (NaN) where they could not be fitted.
    tried : int
        Points of the space that were tried, the defaults among them.
    failed : tuple of str
        Points that could not be fitted, with the reason.
    """

    parameters: dict[str, Parameter]
    auc: float
    paper_auc: float
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

    Each member's points are its defaults and random draws from its space. All are tried on a stratified third of
    the rows (where that is at least `FEWEST_ROWS`); the best third of them and the defaults go on to all rows,
    and the best mean AUC over the inner stratified folds wins, the defaults on a tie. Preparation and
    oversampling happen inside the inner training folds, once a fold for all members and points. The rows are the
    training rows of whoever asks, so that test folds are never seen; the price is one search a fit.

    The same for any runner.

    Parameters
    ----------
    prepare : callable
        From the numbers of training rows to `models.voting_ensemble.out_of_fold.Prepared`.
    members : sequence of `models.voting_ensemble.members.Member`
    labels : ndarray of shape (n_samples,), 0 or 1
        Of all rows that ``prepare`` knows.
    random_state : int
    runner : Runner
    points : int, default=9
        Points tried for each member, the defaults among them.
    folds : int, default=3
    spaces : mapping, optional
        Values to draw from, for each member.
    borrowers : sequence of str, optional
        Borrower of each row; all rows of one go to one inner fold.

    Raises
    ------
    TooFewRowsError
        Fewer rows of either class than folds.
    ModelError
        No point of any member could be fitted.
    """
    everything = np.arange(len(labels))
    if min(np.bincount(labels, minlength=2)) < folds:
        raise TooFewRowsError(
            f"{int(labels.sum())} defaults among {len(labels)} rows do not fill {folds} folds of the search"
        )
    profiles = {member: _points(spaces[member], points, random_state) for member in members}
    running = {member: list(range(len(profiles[member]))) for member in members}
    failed: dict[str, str] = {}

    def measure(rows: Rows) -> dict[str, float]:
        """Return the mean AUC of every running point over inner folds of the rows."""
        estimators = {
            f"{member} point {point}": make_member(
                member, profile=profiles[member][point] or "paper", random_state=random_state
            )
            for member in members
            for point in running[member]
        }
        known = None if borrowers is None else [borrowers[row] for row in rows]
        numbers = fold_numbers(labels[rows], folds=folds, random_state=random_state, borrowers=known)
        found = out_of_fold(_within(prepare, rows), estimators, labels[rows], numbers, runner=runner)
        failed.update(found.left_out)
        tests = [numbers == number for number in range(folds)]
        return {
            name: float(np.mean([auc(labels[rows][test], scores[test]) for test in tests]))
            for name, scores in zip(found.members, found.probabilities.T, strict=True)
        }

    third = len(labels) // KEPT_SHARE
    if third >= FEWEST_ROWS:
        few, _ = train_test_split(everything, train_size=third, stratify=labels, random_state=random_state)
        first = measure(np.sort(few))
        for member in members:
            ranked = sorted(running[member], key=lambda point: -first.get(f"{member} point {point}", -1.0))
            running[member] = sorted({0, *ranked[: max(1, len(ranked) // KEPT_SHARE)]})
    last = measure(everything)
    return {member: _chosen(member, profiles[member], last, failed) for member in members}


def _points(space: Space, points: int, random_state: int) -> list[dict[str, Any]]:
    """Return the defaults (no parameters) and random draws without repetition."""
    size = int(np.prod([len(values) for values in space.values()]))
    drawn = ParameterSampler(dict(space), min(points - 1, size), random_state=random_state)
    return [{}, *drawn]


def _within(prepare: Prepare, rows: Rows) -> Prepare:
    """Return a preparation that counts rows within a part."""

    def part(chosen: Rows) -> Prepared:
        X, y, transform = prepare(rows[chosen])
        return Prepared(X, y, lambda others: transform(rows[others]))

    return part


def _chosen(
    member: Member, profiles: list[dict[str, Any]], found: Mapping[str, float], failed: Mapping[str, str]
) -> Tuned:
    """Return the best point of a member; its defaults where nothing is better or nothing could be fitted."""
    scores = {
        point: found[f"{member} point {point}"]
        for point in range(len(profiles))
        if f"{member} point {point}" in found
    }
    best = max(scores, key=lambda point: (scores[point], -point), default=0)
    return Tuned(
        parameters=profiles[best],
        auc=scores.get(best, float("nan")),
        paper_auc=scores.get(0, float("nan")),
        tried=len(profiles),
        failed=tuple(f"{name}: {why}" for name, why in failed.items() if name.split()[0] == member),
    )
