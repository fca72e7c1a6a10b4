"""Fit the operational-risk model: default from how steadily an enterprise works (Pérez-Salazar et al., 2026)."""

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from models.calibration import Calibrator
from models.errors import ModelError
from models.evaluation import borrowers_of
from models.explaining.member_sums import explain_sums, linear_sums, member_sums
from models.explanation import Explanation
from models.feature_choice import choose_features
from models.labels import check_labels
from models.monotone import held_to, hold, signs_of
from models.operational_risk.grid_search import grid_search
from models.operational_risk.learners import GRIDS, make_learner, raw_probability
from models.operational_risk.oversampling import SnappedSmote
from models.operational_risk.preparation import Preparation
from models.operational_risk.settings import OperationalRiskSettings
from models.runner import Runner, threads


class OperationalRiskClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Run the whole pipeline of the paper: prepare, oversample the training rows, fit the best point of a grid.

    Scaling, imputation and interpolation use training rows only: in each fold of the grid search, preparation and
    SMOTE are fitted on the training part, and the winner is then fitted on all rows.

    Parameters
    ----------
    settings : OperationalRiskSettings or None, default=None
        None: the defaults.
    groups : mapping of str to str, or None, default=None
        Group of each column. Columns of other groups, or without a group, do not enter. None: every column
        that a model can take enters.
    directions : mapping of str to int, or None, default=None
        1 for features that raise the risk as they rise, -1 for those that lower it; None: no feature points one way.
        The score of monotone trees follows them.
    runner : Runner or None, default=None
        Runs the fits of the grid search; None: one after the other. The result does not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    feature_names_in_ : ndarray of str
        Features trained on.
    groups_ : tuple of str
        Groups trained on, in the order of the settings.
    left_out_ : dict of str to str
        Columns of a wanted group that did not enter, each with its reason ("nothing delivered", "constant").
    base_rate_ : float
        Share of defaults in the training rows, before oversampling.
    held_ : dict of str to int
        The directions that the score is held to; empty unless the settings are monotone.
    best_params_ : dict
        The choice of the grid search.
    grid_scores_ : tuple of GridPoint
        Mean AUC over the folds for each point of the grid.
    preparation_, learner_ : fitted parts
    means_ : ndarray of shape (n_columns,) or None
        Mean of each prepared column over the rows of the fit: the reference of linear contributions.
        None in a model stored before these means were kept.

    References
    ----------
    Pérez-Salazar, Márquez, Vidal-Silva (2026), Computers 15(2) 135, sections 3.2 to 3.4.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> rng = np.random.default_rng(0)
    >>> bad = np.arange(100) % 5 == 0
    >>> frame = pl.DataFrame({"gap_std_days_90d": rng.gamma(2.0, np.where(bad, 3.0, 1.0))})
    >>> settings = OperationalRiskSettings(learner="logistic_regression")
    >>> model = OperationalRiskClassifier(settings=settings).fit(frame, bad.astype(int))
    >>> model.predict_proba(frame).shape
    (100, 2)
    """

    family: ClassVar[str] = OperationalRiskSettings.family

    def __init__(
        self,
        *,
        settings: OperationalRiskSettings | None = None,
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
            Feature frame; keys and other groups may be among its columns.
        y : array-like of shape (n_samples,)
            1 for default, 0 for none; no gaps.

        Raises
        ------
        TooFewRowsError
            Fewer rows of either class than ``minimum_positives``, or a gap in the labels.
        NoFeaturesError
            No column of the wanted groups holds two different values.
        """
        settings = self.settings or OperationalRiskSettings()
        labels = check_labels(y, rows=X.height, minimum=settings.minimum_positives)
        names, self.left_out_ = choose_features(
            X, groups=self.groups, wanted=settings.feature_groups, windows=settings.windows
        )
        frame = X.select(names)
        preparation, oversampler = self._first_steps(settings)
        learner = make_learner(settings.learner, random_state=settings.random_state)
        self.held_ = held_to(frame, self.directions, monotone=settings.monotone)
        self.grid_scores_ = grid_search(
            frame,
            labels,
            preparation=preparation,
            oversampler=oversampler,
            learner=learner,
            grid=settings.grid if settings.grid is not None else GRIDS[settings.learner],
            folds=min(settings.folds, int(np.bincount(labels).min())),
            random_state=settings.random_state,
            runner=self.runner or threads(),
            borrowers=borrowers_of(X),
            directions=self.held_,
        )
        self.best_params_ = max(self.grid_scores_, key=lambda point: point.mean_auc).parameters
        self.preparation_: Preparation = preparation.fit(frame)
        rows, balanced = self.preparation_.transform(frame), labels
        if oversampler is not None:
            rows, balanced = oversampler.fit_resample(rows, labels)
        signs = signs_of(self.preparation_.feature_names_out_, self.held_)
        self.learner_ = hold(learner.set_params(**self.best_params_), signs).fit(rows, balanced)
        self.means_: npt.NDArray[np.float64] | None = rows.mean(axis=0)
        self.classes_ = np.array([0, 1])
        self.base_rate_ = float(labels.mean())
        self.n_samples_ = len(labels)
        self.feature_names_in_ = np.array(names, dtype=object)
        self.n_features_in_ = len(names)
        self.schema_hash_ = self.preparation_.schema_hash_
        used = {self.groups[name] for name in names} if self.groups is not None else set()
        self.groups_ = tuple(group for group in settings.feature_groups if group in used)
        return self

    def predict_proba(self, X: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Return the learner's probabilities, which SMOTE has shifted: calibrate them to get a PD.

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
        check_is_fitted(self, "learner_")
        positive = raw_probability(self.learner_, self.preparation_.transform(X))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: pl.DataFrame) -> npt.NDArray[np.int64]:
        """Return 1 where the learner's own probability is at least one half, as the paper's Table 4 does."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)

    @property
    def unexplained(self) -> str | None:
        """The reason why the fitted model does not explain itself, or None if it does."""
        check_is_fitted(self, "learner_")
        learner = (self.settings or OperationalRiskSettings()).learner
        if learner == "svm":
            return "a support vector machine's score is no sum over features; another learner explains itself"
        if learner == "logistic_regression" and self.means_ is None:
            return "its file was stored before the means of its columns were kept; train it again"
        return None

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        """Return the contribution of each feature to the calibrated PD of each row; see `models.explanation`.

        Trees are split by exact path-dependent Shapley values, a logistic regression exactly as a linear model.

        Parameters
        ----------
        X : polars.DataFrame of shape (n_samples, at least n_features_in_)
        calibrator : Calibrator
            Fitted.

        Raises
        ------
        ModelError
            The learner does not explain itself; see `unexplained`.
        SchemaMismatchError
        """
        if self.unexplained is not None:
            raise ModelError(f"operational_risk does not explain itself: {self.unexplained}")
        rows = self.preparation_.transform(X)
        probability = raw_probability(self.learner_, rows) if len(rows) else np.empty(0)
        if isinstance(self.learner_, LogisticRegression):
            coefficients, intercept = self.learner_.coef_[0], float(self.learner_.intercept_[0])
            sums = linear_sums(coefficients, intercept, np.asarray(self.means_), rows)
        else:
            learner = (self.settings or OperationalRiskSettings()).learner
            sums = member_sums(learner, self.learner_, rows, probability)
        return explain_sums(sums, probability, calibrator, sources=self.preparation_.sources_out_)

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category the rows with a level not seen in training; they count as Unknown."""
        check_is_fitted(self, "learner_")
        return self.preparation_.unseen_counts(X)

    def _first_steps(self, settings: OperationalRiskSettings) -> tuple[Preparation, SnappedSmote | None]:
        """Return the unfitted steps before the learner."""
        preparation = Preparation(
            n_neighbors=settings.n_neighbors,
            reference_rows=settings.donors,
            skew_limit=settings.skew_limit,
            random_state=settings.random_state,
        )
        if not settings.oversample:
            return preparation, None
        return preparation, SnappedSmote(
            n_neighbors=settings.smote_neighbors, random_state=settings.random_state
        )
