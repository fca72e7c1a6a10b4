"""Fit the feature-enhanced voting ensemble: bagged SMOTE where it helps, seven members, votes (Yang & Xiao, 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from models.calibration import Calibrator
from models.evaluation import borrowers_of, fold_numbers
from models.explanation import Explanation
from models.feature_choice import choose_features
from models.labels import check_labels
from models.metrics import Labels
from models.monotone import held_to, signs_of
from models.runner import Job, Runner, threads
from models.voting_ensemble.explanation import explain
from models.voting_ensemble.members import (
    Profile,
    fit_member,
    make_member,
    member_probability,
    smoothed,
)
from models.voting_ensemble.out_of_fold import Prepared, longest_first, out_of_fold
from models.voting_ensemble.oversampling import balance, decide, with_prior
from models.voting_ensemble.preparation import StandardPreparation, duplicate_columns
from models.voting_ensemble.selection import Selection, select
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.voting_ensemble.tuning import tune
from models.voting_ensemble.vif import enhanced_inflation

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


class VotingEnsembleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Run the whole pipeline of the paper without leakage: prepare, oversample in bags, fit members, weigh votes.

    Votes are weighed and members selected on out-of-fold probabilities: in each fold, preparation, bagged SMOTE and
    members see the training part only. The chosen members are then fitted
    on all rows. Bagged SMOTE is left out unless it helps on these probabilities
    (`models.voting_ensemble.oversampling.decide`), or the settings have it always, as the paper does.

    Parameters
    ----------
    settings : VotingEnsembleSettings or None, default=None
        None: the defaults.
    groups : mapping of str to str, or None, default=None
        Group of each column. Columns of other groups, or without a group, do not enter. None: every column
        that a model can take enters.
    directions : mapping of str to int, or None, default=None
        1 for features that raise the risk as they rise, -1 for those that lower it; None: no feature points one way.
        The score of a monotone ensemble follows them.
    runner : Runner or None, default=None
        Runs bags, folds and members; None: one after the other. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    feature_names_in_ : ndarray of str
        Features trained on.
    groups_ : tuple of str
        Groups trained on, in the order of the settings.
    left_out_ : dict of str to str
        Columns of a wanted group that did not enter, each with its reason.
    decisions_ : tuple of str
        Decisions taken during the fit: infinite values, small bags, members that failed, weights not found.
    base_rate_ : float
        Share of defaults in the training rows, before oversampling.
    held_ : dict of str to int
        The directions that the score is held to; empty unless the settings are monotone.
    oversampled_ : bool
        True if the members were fitted after bagged SMOTE.
    oversampling_ : Oversampling or None
        How that was decided; None where the settings say it.
    selection_ : Selection
        Every combination that was scored, and the chosen one.
    combiner_ : Combiner
        The weighted vote, or stack, of the chosen members.
    members_ : dict of str to fitted classifier
        The chosen members.
    preparation_ : StandardPreparation
    tuned_ : dict of str to Tuned
        Result of the search for each member; empty unless the profile is "tuned".
    vif_ : dict of str to float
        Variance inflation of the enhanced features (equation 1).

    References
    ----------
    Yang & Xiao (2024), Feature Enhanced Ensemble Modeling With Voting Optimization for Credit Risk
    Assessment. IEEE Access, section III.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> rng = np.random.default_rng(0)
    >>> bad = np.arange(200) % 4 == 0
    >>> frame = pl.DataFrame({"debt_to_income": rng.normal(bad, 1.0), "assets": rng.normal(size=200)})
    >>> settings = VotingEnsembleSettings(members=("xgboost", "extra_trees"), bags=2, inner_folds=2)
    >>> model = VotingEnsembleClassifier(settings=settings).fit(frame, bad.astype(int))
    >>> model.predict_proba(frame).shape
    (200, 2)
    """

    family: ClassVar[str] = VotingEnsembleSettings.family

    def __init__(
        self,
        *,
        settings: VotingEnsembleSettings | None = None,
        groups: Mapping[str, str] | None = None,
        directions: Mapping[str, int] | None = None,
        runner: Runner | None = None,
    ) -> None:
        self.settings = settings
        self.groups = groups
        self.directions = directions
        self.runner = runner

    def fit(self, X: pl.DataFrame, y: npt.ArrayLike) -> Self:
        """Fit on labelled rows.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, n_columns)
            Feature frame; keys and other groups may be among its columns. If it has the column
            enterprise_id, all rows of one borrower go to one inner fold.
        y : array-like of shape (n_samples,)
            1 for default, 0 for none; no gaps.

        Raises
        ------
        TooFewRowsError
            Fewer rows of either class than ``minimum_positives`` or than folds.
        NoFeaturesError
            No column of the wanted groups holds two different values.
        ModelError
            No member could be fitted.
        """
        settings = self.settings or VotingEnsembleSettings()
        run = self.runner or threads()
        labels = check_labels(y, rows=X.height, minimum=max(settings.minimum_positives, settings.inner_folds))
        frame, borrowers = self._choose(X, settings), borrowers_of(X)
        folds = fold_numbers(
            labels, folds=settings.inner_folds, random_state=settings.random_state, borrowers=borrowers
        )
        self.tuned_, self.oversampling_ = {}, None
        self.held_ = held_to(frame, self.directions, monotone=settings.monotone)
        measured: dict[bool, tuple[Selection, dict[str, str]]] = {}
        if settings.oversample is None:
            for side in (False, True):
                settled = settings.model_copy(update={"oversample": side})
                measured[side] = self._measure(frame, labels, folds, settled, run)
            self.oversampling_ = decide(measured[False][0], measured[True][0], labels, borrowers)
            settings = settings.model_copy(update={"oversample": self.oversampling_.taken})
        self.oversampled_ = bool(settings.oversample)
        if settings.profile == "tuned":
            self.tuned_ = tune(
                partial(self._prepare, frame, labels, settings),
                settings.voters,
                labels,
                random_state=settings.random_state,
                runner=run,
                borrowers=borrowers,
            )
        if self.tuned_ or not measured:
            measured[self.oversampled_] = self._measure(frame, labels, folds, settings, run)
        self.selection_, left_out = measured[self.oversampled_]
        self.combiner_ = self.selection_.chosen.combiner
        if self.oversampling_ is not None and self.oversampled_:
            self.combiner_ = with_prior(self.combiner_, float(labels.mean()))
        self.preparation_ = StandardPreparation().fit(frame)
        rows, balanced, decisions = balance(self.preparation_.transform(frame), labels, settings, self.runner)
        unfitted, signs = self._unfitted(settings), signs_of(self.preparation_.feature_names_out_, self.held_)
        jobs = [
            Job(name, partial(fit_member, name, unfitted[name], rows, balanced, signs))
            for name in longest_first(self.combiner_.members)
        ]
        fitted = dict(zip(longest_first(self.combiner_.members), run(jobs), strict=True))
        self.members_ = {name: fitted[name] for name in self.combiner_.members}
        self.vif_ = enhanced_inflation(
            self.preparation_.transform(frame), self.preparation_.numbers_, self.groups or {}
        )
        self.decisions_ = (
            *(
                f"{n} infinite values in {name} taken as gaps"
                for name, n in self.preparation_.infinite_.items()
            ),
            *decisions,
            *(f"{name} left out: {reason}" for name, reason in (settings.unheld | left_out).items()),
            *self.selection_.decisions,
        )
        self.classes_ = np.array([0, 1])
        self.base_rate_ = float(labels.mean())
        self.n_samples_ = len(labels)
        self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.n_features_in_ = frame.width
        self.schema_hash_ = self.preparation_.schema_hash_
        used = {self.groups[name] for name in frame.columns} if self.groups is not None else set()
        self.groups_ = tuple(group for group in settings.feature_groups if group in used)
        return self

    def predict_proba(self, X: pl.DataFrame) -> Matrix:
        """Return the vote's probabilities, which oversampling has shifted: calibrate them to get a PD.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, at least n_features_in_)
            Other columns are ignored.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Columns: no default, default.

        Raises
        ------
        SchemaMismatchError
            A feature of training is missing or of another kind.
        """
        check_is_fitted(self, "members_")
        matrix = self.preparation_.transform(X)
        probabilities = np.column_stack(
            [
                smoothed(self.members_[name], member_probability(name, self.members_[name], matrix))
                for name in self.combiner_.members
            ]
        )
        positive = self.combiner_.combine(probabilities)
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: pl.DataFrame) -> npt.NDArray[np.int64]:
        """Return 1 where the vote's own probability is at least one half."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)

    @property
    def unexplained(self) -> None:
        """Every fitted model of this family explains itself."""
        return

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        """Return the contribution of each feature to the calibrated PD of each row; see `models.explanation`."""
        check_is_fitted(self, "members_")
        return explain(
            self.members_,
            self.combiner_,
            calibrator,
            self.preparation_.transform(X),
            sources=self.preparation_.sources_out_,
        )

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category the rows with a level not seen in training; they count as Unknown."""
        check_is_fitted(self, "members_")
        return self.preparation_.unseen_counts(X)

    def _choose(self, X: pl.DataFrame, settings: VotingEnsembleSettings) -> pl.DataFrame:
        """Return the features that enter: not constant, not repeated, and only the grade of graded soft information."""
        names, self.left_out_ = choose_features(
            X, groups=self.groups, wanted=settings.feature_groups, windows=settings.windows
        )
        graded = {name for name in names if f"{name}_grade" in names}
        self.left_out_ |= {name: f"{name}_grade stands for it" for name in graded}
        frame = X.select(name for name in names if name not in graded)
        repeated = duplicate_columns(frame)
        self.left_out_ |= {name: f"the same as {earlier}" for name, earlier in repeated.items()}
        return frame.drop(list(repeated))

    def _prepare(
        self, frame: pl.DataFrame, labels: Labels, settings: VotingEnsembleSettings, rows: Rows
    ) -> Prepared:
        """Return the training rows of one fold in the form that members take, without looking at the held-out fold."""
        preparation = StandardPreparation().fit(frame[rows])
        matrix, balanced, _ = balance(preparation.transform(frame[rows]), labels[rows], settings)
        signs = signs_of(preparation.feature_names_out_, self.held_)
        return Prepared(matrix, balanced, lambda others: preparation.transform(frame[others]), signs)

    def _measure(
        self, frame: pl.DataFrame, labels: Labels, folds: Rows, settings: VotingEnsembleSettings, run: Runner
    ) -> tuple[Selection, dict[str, str]]:
        """Return the vote chosen on out-of-fold probabilities, and the members that failed, each with its reason."""
        after = ", after SMOTE" if settings.oversample else ""
        predictions = out_of_fold(
            partial(self._prepare, frame, labels, settings),
            self._unfitted(settings),
            labels,
            folds,
            runner=lambda jobs: run([job._replace(name=f"{job.name}{after}") for job in jobs]),
        )
        selection = select(
            predictions.probabilities,
            labels,
            members=predictions.members,
            folds=predictions.folds,
            selection=settings.selection,
            monotone=settings.monotone,
        )
        return selection, predictions.left_out

    def _unfitted(self, settings: VotingEnsembleSettings) -> dict[str, Any]:
        """Return the members with the parameters found for them, or with those of a profile that is not searched."""
        plain: Profile = "night" if settings.profile == "tuned" else settings.profile
        found = {name: tuned.parameters for name, tuned in self.tuned_.items()}
        return {
            name: make_member(name, profile=found.get(name, plain), random_state=settings.random_state)
            for name in settings.voters
        }
