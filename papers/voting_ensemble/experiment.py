"""Tables 4 to 8 of the voting ensemble's paper, measured one test fold at a time, nested where anything is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from models.calibration import Calibrator
from models.errors import ModelError
from models.evaluation import fold_numbers
from models.metrics import METRICS, Labels, Scores
from models.runner import threads
from models.voting_ensemble.classifier import balance
from models.voting_ensemble.members import (
    PUBLISHED_NAMES,
    Member,
    fit_member,
    make_member,
    member_probability,
    smoothed,
)
from models.voting_ensemble.out_of_fold import OutOfFold, Prepared, out_of_fold
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
    """Return what the members say as a vote takes it, shape (n_samples, n_members)."""
    return np.column_stack(
        [smoothed(fitted, member_probability(name, fitted, matrix)) for name, fitted in members.items()]
    )


def combined(combiner: Combiner, said: Matrix, members: Sequence[str]) -> Scores:
    """Return a combiner's score from the votes of all members."""
    return combiner.combine(said[:, [list(members).index(name) for name in combiner.members]])


def said_after_smote(
    frame: pl.DataFrame, labels: Labels, train: Rows, test: Rows, *, settings: VotingEnsembleSettings
) -> tuple[Matrix, Matrix]:
    """Fit preparation, bagged SMOTE and members on training rows; return what they say of the test rows.

    Returns
    -------
    tuple of ndarray of shape (n_test, n_members)
        Their own probabilities, and the same as a vote takes them (`models.voting_ensemble.members.smoothed`).
    """
    preparation = StandardPreparation().fit(frame[train])
    rows, balanced, _ = balance(preparation.transform(frame[train]), labels[train], settings)
    members, held_out = fitted_members(rows, balanced, settings), preparation.transform(frame[test])
    said = [member_probability(name, member, held_out) for name, member in members.items()]
    return np.column_stack(said), np.column_stack(
        [smoothed(member, column) for member, column in zip(members.values(), said, strict=True)]
    )


def honest_fold(
    frame: pl.DataFrame,
    labels: Labels,
    train: Rows,
    test: Rows,
    *,
    settings: VotingEnsembleSettings,
    without: pl.DataFrame | None = None,
    refit: tuple[Matrix, Matrix] | None = None,
) -> tuple[FoldFigure, ...]:
    """Measure Tables 4, 6, 7 and 8 on one test fold; nothing but the training rows is ever fitted on.

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
    refit : tuple of ndarray, optional
        What `said_after_smote` returned for this very fold, so that nothing is fitted twice.

    Raises
    ------
    ModelError
        A member could not be fitted.
    """
    known, asked, figures = labels[train], labels[test], list[FoldFigure]()
    alone = "4" if without is None else "5"
    for table, rows in ((alone, frame), *((("4", without),) if without is not None else ())):
        preparation = StandardPreparation().fit(rows[train])
        plain = fitted_members(preparation.transform(rows[train]), known, settings)
        for name, member in plain.items():
            said = member_probability(name, member, preparation.transform(rows[test]))
            figures += measured(table, PUBLISHED_NAMES[name], asked, said)
    own, taken = refit or said_after_smote(frame, labels, train, test, settings=settings)
    for name, said in zip(settings.members, own.T, strict=True):
        figures += measured("6", PUBLISHED_NAMES[name], asked, said)
    beside = _inner(frame, labels, train, settings)
    return (*figures, *_table_8(beside, known, taken, asked, settings))


def _table_8(
    beside: OutOfFold, known: Labels, said: Matrix, asked: Labels, settings: VotingEnsembleSettings
) -> list[FoldFigure]:
    """Choose on out-of-fold probabilities by both rules and measure on the test fold."""
    names = settings.members
    paper, ours = (
        select(beside.probabilities, known, members=names, folds=beside.folds, selection=rule)
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
        figures += measured("8", row, asked, combined(combiner, said, names))
    for row, combiner in ((SINGLE_ROW, ours.best_single.combiner), (CHOSEN_ROW, ours.chosen.combiner)):
        calibrator = Calibrator(method="platt").fit(combined(combiner, beside.probabilities, names), known)
        pd = calibrator.predict(combined(combiner, said, names))
        figures += measured("8", row, asked, pd)
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
    known = labels[train]
    prepare = prepared_rows(frame, labels, train, settings)
    beside = out_of_fold(prepare, members, known, inner_folds(known, settings), runner=threads())
    all_there(beside)
    return beside


def inner_folds(known: Labels, settings: VotingEnsembleSettings) -> Rows:
    """Return the inner fold that holds each training row out."""
    return fold_numbers(known, folds=settings.inner_folds, random_state=settings.random_state)


def all_there(beside: OutOfFold) -> None:
    """Refuse figures of fewer members than the table says."""
    if beside.left_out:
        raise ModelError("; ".join(f"{name}: {why}" for name, why in beside.left_out.items()))


def prepared_rows(frame: pl.DataFrame, labels: Labels, train: Rows, settings: VotingEnsembleSettings) -> Any:
    """Return the preparation of inner training rows, numbered within the training rows."""

    def prepare(inner: Rows) -> Prepared:
        rows = frame[train[inner]]
        preparation = StandardPreparation().fit(rows)
        matrix, names, _ = balance(preparation.transform(rows), labels[train[inner]], settings)
        return Prepared(matrix, names, lambda others: preparation.transform(frame[train[others]]))

    return prepare
