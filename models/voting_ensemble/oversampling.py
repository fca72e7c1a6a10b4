"""Oversample training rows by bagged SMOTE, and decide on out-of-fold probabilities whether an ensemble gains by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from models.errors import ModelError
from models.metrics import Interval, Labels, clustered_interval
from models.runner import Runner
from models.voting_ensemble.bagging import BaggedSmote
from models.voting_ensemble.candidates import row_losses
from models.voting_ensemble.selection import Selection
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.voting import Combiner

Matrix = npt.NDArray[Any]


@dataclass(frozen=True)
class Oversampling:
    """What an ensemble loses out of fold without and after bagged SMOTE.

    Parameters
    ----------
    without, after : float
        Mean log loss of the vote that each would choose, after a Platt map; in nats a row.
    difference : Interval
        After less without, with its 95% interval; below zero where bagged SMOTE helps.
    """

    without: float
    after: float
    difference: Interval

    @property
    def taken(self) -> bool:
        """True if bagged SMOTE is better beyond noise; within noise the ensemble goes without, which costs less."""
        return self.difference.high < 0


def decide(
    without: Selection, after: Selection, labels: Labels, borrowers: Sequence[str] | None = None
) -> Oversampling:
    """Compare two ensembles of the same rows and folds by their out-of-fold log loss, row by row.

    Oversampling shifts the prior of every score, so what is compared are probabilities after the same Platt map, which
    is cross-fitted, as the weights of the votes are: neither is judged on rows that it was fitted on. The interval is
    that of the mean difference, with rows summed by borrower: snapshots of one borrower are not independent. It
    describes the fits of these folds (Bayle et al.), not the luck of how the folds were dealt. Each side chose its vote
    among the same candidates on the same rows; what that flatters, it flatters on both sides.

    Parameters
    ----------
    without, after : Selection
        Chosen on the same rows and folds, without and after bagged SMOTE.
    labels : ndarray of shape (n_samples,), 0 or 1
    borrowers : sequence of str, optional
        Borrower of each row; None: each row is one of its own.

    References
    ----------
    Bayle, Bayle, Janson, Mackey (2020), Cross-validation Confidence Intervals for Test Error. NeurIPS.
    """
    losses = [row_losses(selection.out_of_fold, labels) for selection in (without, after)]
    names = np.arange(len(labels)) if borrowers is None else np.asarray(borrowers)
    return Oversampling(
        without=float(losses[0].mean()),
        after=float(losses[1].mean()),
        difference=clustered_interval(losses[1] - losses[0], names),
    )


def with_prior(combiner: Combiner, base_rate: float) -> Combiner:
    """Return the combiner of members fitted on balanced rows, with votes on the scale of the given default rate.

    Folds that take bagged SMOTE and folds that do not are calibrated together; their scores must mean the same. The
    log-odds of a vote are moved by those of the default rate (Elkan, theorem 2, from one half). A stack was fitted
    to the labels and has the right level already.

    References
    ----------
    Elkan (2001), The Foundations of Cost-Sensitive Learning. IJCAI.

    Examples
    --------
    >>> vote = with_prior(Combiner("vote", ("gbdt",), (1.0,)), 0.1)
    >>> vote.combine(np.array([[0.5], [0.9]])).round(6).tolist()
    [0.1, 0.5]
    """
    if combiner.kind == "stack":
        return combiner
    return replace(combiner, intercept=float(logit(base_rate)))


def balance(
    matrix: Matrix, labels: Labels, settings: VotingEnsembleSettings, runner: Runner | None = None
) -> tuple[Matrix, Labels, tuple[str, ...]]:
    """Return training rows after bagged SMOTE with its decisions, or unchanged if the settings switch it off.

    Raises
    ------
    ModelError
        The settings leave it to the evidence, which is for `decide`.
    """
    if settings.oversample is None:
        raise ModelError("whether to oversample is not decided yet; settle it in the settings first")
    if not settings.oversample:
        return matrix, labels, ()
    sampler = BaggedSmote(
        n_bags=settings.bags,
        k_neighbors=settings.smote_neighbors,
        random_state=settings.random_state,
        runner=runner,
    )
    rows, balanced = sampler.fit_resample(matrix, labels)
    return rows, balanced, sampler.decisions_
