"""Choose among single members, equal votes, optimised votes and stacking, on out-of-fold probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.errors import ModelError, TooFewRowsError
from models.metrics import Labels, Scores
from models.voting_ensemble.candidates import (
    RULES,
    Candidate,
    compare,
    score_optimised,
    score_stacks,
    score_votes,
)
from models.voting_ensemble.voting import Matrix

SelectionRule = Literal["parsimonious", "paper"]
Folds = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Selection:
    """The chosen candidate, the ones always reported beside it, and all candidates that were scored.

    ``out_of_fold`` holds the chosen one's probability of each row: cross-fitted weights and Platt map, as its log loss.
    """

    chosen: Candidate
    best_single: Candidate
    equal: Candidate
    optimised: Candidate
    stacked: Candidate
    candidates: tuple[Candidate, ...]
    selection: SelectionRule
    decisions: tuple[str, ...]
    out_of_fold: Scores = field(repr=False, compare=False)


def select(
    probabilities: Matrix,
    labels: Labels,
    *,
    members: Sequence[str],
    folds: Folds,
    selection: SelectionRule = "parsimonious",
    smaller_stacks: bool = True,
    monotone: bool = False,
) -> Selection:
    """Score every candidate on out-of-fold probabilities and choose one.

    Candidates are each member alone, every combination of at least two with equal weights and with
    optimised weights (120 of seven), and stacking on the members of the best optimised combination. A
    combination whose best weights leave members out equals a smaller combination, and is scored once, as that one.
    Under the parsimonious rule the stack is tried again without the member that moves it least, and so on down to two,
    so that no member stays in it that adds nothing beyond noise.

    Everything fitted here is cross-fitted: for each fold, weights, Platt map and stacking come from the other folds
    and score the fold. Only the choice among candidates is not cross-fitted, which is why the default does not simply
    take the best figure.

    - ``"parsimonious"``: among the candidates whose log loss is at most one standard error above the best
      (of the paired differences by row), the simplest: single before equal before optimised before stacked,
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
    smaller_stacks : bool, default=True
        Off for the paper's tables, which know one stack.
    monotone : bool, default=False
        A candidate with a weight below zero is not chosen: its score falls where a member's rises.

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
    return _selected(
        probabilities,
        labels,
        tuple(members),
        folds,
        selection,
        smaller_stacks=smaller_stacks and selection == "parsimonious",
        monotone=monotone,
    )


def _selected(
    probabilities: Matrix,
    labels: Labels,
    names: tuple[str, ...],
    folds: Folds,
    selection: SelectionRule,
    *,
    smaller_stacks: bool,
    monotone: bool,
) -> Selection:
    """Score every candidate and choose; see `select`."""
    tests = [folds == number for number in np.unique(folds)]
    optimised = list(score_optimised(probabilities, labels, names, tests))
    best = _best(compare(optimised, labels, tests), selection).combiner.members
    columns = probabilities[:, [names.index(name) for name in best]]
    votes = list(score_votes(probabilities, labels, names, tests))
    fewest = min(2, len(best)) if smaller_stacks else len(best)
    stacks = score_stacks(columns, labels, best, tests, fewest=fewest)
    scored = [*votes, *optimised, *stacks]
    candidates = compare(scored, labels, tests)
    stacked = candidates[len(votes) + len(optimised)]
    allowed = [one for one in scored if min(one.combiner.weights) >= 0] if monotone else scored
    compared = compare(allowed, labels, tests) if monotone else candidates
    chosen = stacked if selection == "paper" else _simplest(compared)
    return Selection(
        chosen=chosen,
        best_single=_best([candidate for candidate in candidates if candidate.rule == "single"], selection),
        equal=candidates[len(votes) - 1],
        optimised=_best([candidate for candidate in candidates if candidate.rule == "optimised"], selection),
        stacked=stacked,
        candidates=candidates,
        selection=selection,
        decisions=tuple(
            f"the weights of {', '.join(candidate.combiner.members)} did not converge: "
            "equal weights stand in their place"
            for candidate in candidates
            if not candidate.converged
        ),
        out_of_fold=allowed[compared.index(chosen)].probability,
    )


def _check(probabilities: Matrix, labels: Labels, members: Sequence[str], folds: Folds) -> None:
    """Refuse probabilities, members or folds that cannot be scored."""
    if probabilities.shape != (len(labels), len(members)):
        raise ModelError(
            f"probabilities of shape {probabilities.shape} do not fit {len(labels)} rows by {len(members)} members"
        )
    missing = [not np.isfinite(column).all() for column in probabilities.T]
    if any(missing):
        named = ", ".join(name for name, absent in zip(members, missing, strict=True) if absent)
        raise ModelError(f"out-of-fold probabilities are missing for {named}: leave them out first")
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise TooFewRowsError(
            "weights are judged on other folds than they were fitted on: two folds at least"
        )
    for number in numbers:
        if len(np.unique(labels[folds == number])) < 2:
            raise TooFewRowsError(f"fold {number} holds one class only: lower the number of folds")


def _best(candidates: Sequence[Candidate], selection: SelectionRule) -> Candidate:
    """Return the candidate with the best AUC under the paper's rule, else the one with the lowest log loss."""
    return min(
        candidates, key=lambda candidate: -candidate.auc if selection == "paper" else candidate.log_loss
    )


def _simplest(candidates: Sequence[Candidate]) -> Candidate:
    """Return the simplest candidate within one standard error of the lowest log loss."""
    near = [candidate for candidate in candidates if candidate.gap <= candidate.gap_error]
    return min(
        near,
        key=lambda candidate: (
            RULES.index(candidate.rule),
            len(candidate.combiner.members),
            candidate.log_loss,
        ),
    )
