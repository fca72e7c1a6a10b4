"""Suspected shortcuts of the paper, each a named switch, for the page only.

The import contract in pyproject.toml lets nothing but the run of this paper import it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from models.metrics import Labels
from models.voting_ensemble.members import PUBLISHED_NAMES, member_probability
from models.voting_ensemble.oversampling import balance
from models.voting_ensemble.preparation import StandardPreparation
from models.voting_ensemble.selection import select
from models.voting_ensemble.settings import VotingEnsembleSettings
from papers.voting_ensemble.experiment import (
    FoldFigure,
    combined,
    fitted_members,
    measured,
    scores_after_smote,
    votes,
)
from papers.voting_ensemble.tables import FINAL_ROW

Rows = npt.NDArray[np.int64]
Switch = Literal["choose on the test fold", "oversample before the split", "both"]


def leaky_fold(
    frame: pl.DataFrame,
    labels: Labels,
    train: Rows,
    test: Rows,
    *,
    fold: int,
    settings: VotingEnsembleSettings,
    after_smote: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None = None,
) -> dict[Switch, tuple[FoldFigure, ...]]:
    """Measure Tables 6 and 8 on one test fold with each shortcut, and with both.

    ``choose on the test fold``: members are fitted honestly; weights and members are chosen on the labels of the
    test fold. ``oversample before the split``: preparation and bagged SMOTE see every row; synthetic rows are
    dealt into the folds at random, so that training rows are interpolated from test rows and test
    rows from training rows. Its figures count the synthetic test rows, as whoever splits afterwards would.

    Parameters
    ----------
    frame, labels, train, test, settings, after_smote : see `papers.voting_ensemble.experiment.honest_fold`
    fold : int
        Number of the test fold, which takes that part of the synthetic rows.
    """
    _, test_votes = after_smote or scores_after_smote(frame, labels, train, test, settings=settings)
    chosen = _chosen(test_votes, labels[test], settings)

    prepared = StandardPreparation().fit(frame).transform(frame)
    rows, all_labels, _ = balance(prepared, labels, settings)
    held_out = np.zeros(len(rows), dtype=bool)
    held_out[test] = True
    dealt = np.random.default_rng(settings.random_state).permutation(len(rows) - len(labels))
    held_out[len(labels) :] = dealt % round(len(labels) / len(test)) == fold
    leaking = fitted_members(rows[~held_out], all_labels[~held_out], settings)
    test_labels, test_rows = all_labels[held_out], rows[held_out]
    table_6 = [
        figure
        for name, member in leaking.items()
        for figure in measured(
            "6", PUBLISHED_NAMES[name], test_labels, member_probability(name, member, test_rows)
        )
    ]
    leaking_votes = votes(leaking, test_rows)
    equal = measured("8", "equal weights", test_labels, leaking_votes.mean(axis=1))
    return {
        "choose on the test fold": tuple(chosen),
        "oversample before the split": (*table_6, *equal),
        "both": tuple(_chosen(leaking_votes, test_labels, settings)),
    }


def _chosen(
    test_votes: npt.NDArray[np.float64], test_labels: Labels, settings: VotingEnsembleSettings
) -> list[FoldFigure]:
    """Choose by the paper's rule on the very rows that are then measured."""
    halves = np.zeros(len(test_labels), dtype=np.int64)
    for label in (0, 1):
        places = np.flatnonzero(test_labels == label)
        halves[places[::2]] = 1
    selected = select(test_votes, test_labels, members=settings.members, folds=halves, selection="paper")
    scores = combined(selected.chosen.combiner, test_votes, settings.members)
    return measured("8", FINAL_ROW, test_labels, scores)
