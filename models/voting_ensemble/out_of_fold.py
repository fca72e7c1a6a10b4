"""Compute out-of-fold probabilities of several members: prepare once a fold, fit in one pool of jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from models.errors import ModelError
from models.metrics import Labels, Scores
from models.monotone import Signs
from models.runner import Job, Runner
from models.voting_ensemble.members import MemberError, fit_member, member_probability, smoothed

Rows = npt.NDArray[np.int64]
Matrix = npt.NDArray[Any]

# Members by the seconds of a fit with the libraries' defaults: short fits must start last, so that no core waits
# for one long fit at the end.
LONGEST_FIRST = ("gbdt", "bagging", "random_forest", "adaboost", "xgboost", "lightgbm", "extra_trees")


class Prepared(NamedTuple):
    """Training rows in the form that members take, and the function that prepares other rows.

    Parameters
    ----------
    X : ndarray of shape (n_balanced, n_columns)
    y : ndarray of shape (n_balanced,), 0 or 1
    transform : callable
        From the numbers of rows to their matrix, by the rules learned from the training rows.
    signs : tuple of int, default=()
        Direction of each column that members are held to; none: of no column.
    """

    X: Matrix
    y: Labels
    transform: Callable[[Rows], Matrix]
    signs: Signs = ()


Prepare = Callable[[Rows], Prepared]


@dataclass(frozen=True)
class OutOfFold:
    """The probability of each member for every row, from a fit that had not seen the row.

    Parameters
    ----------
    members : tuple of str
        Members that were fitted in every fold, in the given order.
    probabilities : ndarray of shape (n_samples, len(members))
        `models.voting_ensemble.members.smoothed`, as the vote takes them.
    folds : ndarray of shape (n_samples,)
        The fold that held the row out.
    left_out : dict of str to str
        Members that failed, each with its reason.
    """

    members: tuple[str, ...]
    probabilities: Scores
    folds: Rows
    left_out: dict[str, str]


def out_of_fold(
    prepare: Prepare, members: Mapping[str, Any], labels: Labels, folds: Rows, *, runner: Runner
) -> OutOfFold:
    """Fit a clone of every member without each fold in turn and score that fold.

    One job a fold prepares and balances its training rows, for all members; then one job a fold and member,
    all in one pool. The result does not depend on the runner.

    A member that fails in any fold is left out of the result, with its reason in ``left_out``.

    Parameters
    ----------
    prepare : callable
        From the numbers of training rows to `Prepared`; everything learned from rows is learned here.
    members : mapping of str to unfitted classifier
    labels : ndarray of shape (n_samples,), 0 or 1
    folds : ndarray of shape (n_samples,)
        Number of the fold that holds each row out.
    runner : Runner

    Raises
    ------
    ModelError
        Every member failed.
    """
    numbers = [int(number) for number in np.unique(folds)]
    tests = {number: np.flatnonzero(folds == number) for number in numbers}

    def ready(number: int) -> tuple[Prepared, Matrix]:
        prepared = prepare(np.flatnonzero(folds != number))
        return prepared, prepared.transform(tests[number])

    fold_parts = runner([Job(f"prepare fold {number}", partial(ready, number)) for number in numbers])
    prepared = dict(zip(numbers, fold_parts, strict=True))

    def score(name: str, number: int) -> Scores | MemberError:
        (X, y, _, signs), held_out = prepared[number]
        try:
            fitted = fit_member(name, clone(members[name]), X, y, signs)
            return smoothed(fitted, member_probability(name, fitted, held_out))
        except MemberError as error:
            return error

    order = [(name, number) for name in longest_first(tuple(members)) for number in numbers]
    results = runner([Job(f"{name} fold {number}", partial(score, name, number)) for name, number in order])
    left_out: dict[str, str] = {}
    columns = {name: np.empty(len(labels)) for name in members}
    for (name, number), scores in zip(order, results, strict=True):
        if isinstance(scores, MemberError):
            left_out.setdefault(name, f"fold {number}: {scores}")
        else:
            columns[name][tests[number]] = scores
    kept = tuple(name for name in members if name not in left_out)
    if not kept:
        raise ModelError(f"no member could be fitted; the first: {next(iter(left_out.values()))}")
    return OutOfFold(kept, np.column_stack([columns[name] for name in kept]), folds, left_out)


def longest_first(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with the longest fits first, by their first word; unknown names come before all.

    Examples
    --------
    >>> longest_first(("lightgbm", "gbdt"))
    ('gbdt', 'lightgbm')
    """
    places = {name: position for position, name in enumerate(LONGEST_FIRST)}
    return tuple(sorted(names, key=lambda name: places.get(name.split()[0], -1)))
