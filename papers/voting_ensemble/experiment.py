"""Tables 4 to 8 of the voting ensemble, measured one test fold at a time; every choice is made in its training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calibration import Calibrator
from models.errors import ModelError
from models.evaluation import fold_numbers
from models.metrics import METRICS, Labels, Scores
from models.runner import threads
from models.voting_ensemble.members import (
    PUBLISHED_NAMES,
    Member,
    fit_member,
    make_member,
    member_probability,
    smoothed,
)
from models.voting_ensemble.out_of_fold import OutOfFold, Prepared, out_of_fold
from models.voting_ensemble.oversampling import balance
from models.voting_ensemble.preparation import StandardPreparation
from models.voting_ensemble.selection import select
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.voting import Combiner
from papers.voting_ensemble.tables import FINAL_ROW, MEASURES

Rows = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float64]

SINGLE_ROW, CHOSEN_ROW = "best single, calibrated", "parsimonious, calibrated"


class FoldFigure(NamedTuple):
    """One figure of one test fold."""

    table_number: str
    row_name: str
    metric: str
    value: float


def measured(table_number: str, row_name: str, labels: Labels, scores: Scores) -> list[FoldFigure]:
    """Return the paper's five measures of one row."""
    return [FoldFigure(table_number, row_name, name, METRICS[name](labels, scores)) for name in MEASURES]


def fitted_members(matrix: Matrix, labels: Labels, settings: VotingEnsembleSettings) -> dict[Member, Any]:
    """Return the members fitted on training rows, with the paper's parameters."""
    return {
        name: fit_member(name, make_member(name, random_state=settings.random_state), matrix, labels)
        for name in settings.members
    }


def votes(members: Mapping[Any, Any], matrix: Matrix) -> Matrix:
    """Return the probabilities of the members, smoothed for a vote, shape (n_samples, n_members)."""
    return np.column_stack(
        [smoothed(fitted, member_probability(name, fitted, matrix)) for name, fitted in members.items()]
    )


def combined(combiner: Combiner, scores: Matrix, members: Sequence[str]) -> Scores:
    """Return a combiner's score from one column a member."""
    return combiner.combine(scores[:, [list(members).index(name) for name in combiner.members]])


def scores_after_smote(
    frame: pl.DataFrame, labels: Labels, train: Rows, test: Rows, *, settings: VotingEnsembleSettings
) -> tuple[Matrix, Matrix]:
    """Fit preparation, bagged SMOTE and members on training rows; return the members' scores of the test rows.

    Returns
    -------
    tuple of ndarray of shape (n_test, n_members)
        Their probabilities, and the same smoothed for a vote (`models.voting_ensemble.members.smoothed`).
    """
    preparation = StandardPreparation().fit(frame[train])
    rows, balanced, _ = balance(preparation.transform(frame[train]), labels[train], settings)
    members, held_out = fitted_members(rows, balanced, settings), preparation.transform(frame[test])
    columns = [member_probability(name, member, held_out) for name, member in members.items()]
    return np.column_stack(columns), np.column_stack(
        [smoothed(member, column) for member, column in zip(members.values(), columns, strict=True)]
    )


def honest_fold(
    frame: pl.DataFrame,
    labels: Labels,
    train: Rows,
    test: Rows,
    *,
    settings: VotingEnsembleSettings,
    without: pl.DataFrame | None = None,
    after_smote: tuple[Matrix, Matrix] | None = None,
) -> tuple[FoldFigure, ...]:
    """Measure Tables 4, 6, 7 and 8 on one test fold; everything is fitted on the training rows alone.

    Table 4: the members alone. Table 6: after bagged SMOTE. Tables 7 and 8: votes weighed and chosen on
    out-of-fold probabilities of the training rows, then given to the members of Table 6.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_features)
    labels : ndarray of shape (n_samples,)
    train, test : ndarray of int
        Rows.
    settings : VotingEnsembleSettings
        Members, bags, inner folds and seed; the selections are both measured.
    without : polars.DataFrame, optional
        The same rows without the enhanced features: Table 4 is measured on it, and Table 5 on ``frame``.
    after_smote : tuple of ndarray, optional
        What `scores_after_smote` returned for this very fold, so that nothing is fitted twice.

    Raises
    ------
    ModelError
        A member could not be fitted.
    """
    train_labels, test_labels, figures = labels[train], labels[test], list[FoldFigure]()
    alone = "4" if without is None else "5"
    for table, rows in ((alone, frame), *((("4", without),) if without is not None else ())):
        preparation = StandardPreparation().fit(rows[train])
        plain = fitted_members(preparation.transform(rows[train]), train_labels, settings)
        for name, member in plain.items():
            scores = member_probability(name, member, preparation.transform(rows[test]))
            figures += measured(table, PUBLISHED_NAMES[name], test_labels, scores)
    probabilities, test_votes = after_smote or scores_after_smote(
        frame, labels, train, test, settings=settings
    )
    for name, scores in zip(settings.members, probabilities.T, strict=True):
        figures += measured("6", PUBLISHED_NAMES[name], test_labels, scores)
    inner = _inner(frame, labels, train, settings)
    return (*figures, *_tables_7_and_8(inner, train_labels, test_votes, test_labels, settings))


def _tables_7_and_8(
    inner: OutOfFold,
    train_labels: Labels,
    test_votes: Matrix,
    test_labels: Labels,
    settings: VotingEnsembleSettings,
) -> list[FoldFigure]:
    """Choose on out-of-fold probabilities by both rules and measure the choices on the test fold."""
    names = settings.members
    paper, ours = (
        select(
            inner.probabilities,
            train_labels,
            members=names,
            folds=inner.folds,
            selection=rule,
            smaller_stacks=False,
        )
        for rule in ("paper", "parsimonious")
    )
    figures = [
        FoldFigure("7", PUBLISHED_NAMES[name], "chosen", float(name in paper.chosen.combiner.members))
        for name in names
    ]
    rows = {
        "best single": ours.best_single.combiner,
        "equal weights": ours.equal.combiner,
        "optimised weights": ours.optimised.combiner,
        FINAL_ROW: paper.chosen.combiner,
        "parsimonious": ours.chosen.combiner,
    }
    for row, combiner in rows.items():
        figures += measured("8", row, test_labels, combined(combiner, test_votes, names))
    for row, combiner in ((SINGLE_ROW, ours.best_single.combiner), (CHOSEN_ROW, ours.chosen.combiner)):
        calibrator = Calibrator(method="platt").fit(
            combined(combiner, inner.probabilities, names), train_labels
        )
        pd = calibrator.predict(combined(combiner, test_votes, names))
        figures += measured("8", row, test_labels, pd)
    return figures


def _inner(
    frame: pl.DataFrame,
    labels: Labels,
    train: Rows,
    settings: VotingEnsembleSettings,
) -> OutOfFold:
    """Return out-of-fold probabilities of the training rows."""
    members: dict[str, Any] = {
        name: make_member(name, random_state=settings.random_state) for name in settings.members
    }
    train_labels = labels[train]
    prepare = preparation_of(frame, labels, train, settings)
    inner = out_of_fold(prepare, members, train_labels, inner_folds(train_labels, settings), runner=threads())
    refuse_missing_members(inner)
    return inner


def inner_folds(train_labels: Labels, settings: VotingEnsembleSettings) -> Rows:
    """Return the inner fold that holds each training row out."""
    return fold_numbers(train_labels, folds=settings.inner_folds, random_state=settings.random_state)


def refuse_missing_members(inner: OutOfFold) -> None:
    """Raise ModelError where a member could not be fitted: the tables have all of them."""
    if inner.left_out:
        raise ModelError("; ".join(f"{name}: {reason}" for name, reason in inner.left_out.items()))


def preparation_of(
    frame: pl.DataFrame, labels: Labels, train: Rows, settings: VotingEnsembleSettings
) -> Callable[[Rows], Prepared]:
    """Return the function that prepares inner training rows, which are numbered within the training rows."""

    def prepare(inner: Rows) -> Prepared:
        rows = frame[train[inner]]
        preparation = StandardPreparation().fit(rows)
        matrix, balanced, _ = balance(preparation.transform(rows), labels[train[inner]], settings)
        return Prepared(matrix, balanced, lambda others: preparation.transform(frame[train[others]]))

    return prepare
