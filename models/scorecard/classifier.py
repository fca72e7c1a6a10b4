"""Fit a scorecard: a few binned features with whole points that add up to a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from models.calibration import Calibrator
from models.errors import NoFeaturesError
from models.explaining.member_sums import MemberSums, explain_sums
from models.explanation import Explanation
from models.feature_choice import choose_features
from models.labels import check_labels
from models.metrics import Labels
from models.runner import Runner
from models.schema import Schema, conform, schema_hash, schema_of
from models.scorecard.bins import FeatureBins
from models.scorecard.fitting import Path, forward
from models.scorecard.merging import Demands
from models.scorecard.points import Card, Points, Scale
from models.scorecard.settings import ScorecardSettings

Matrix = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

ENTERPRISE = "enterprise_id"
PREDICTS = 0.02  # information value below which a feature tells nothing (Siddiqi 2006, chapter 6)
CANDIDATES = 100  # those with the largest information value are tried; bounds the cost of a training
AGAINST_DIRECTION = "default rates run against the direction that the catalogue gives, beyond noise"
ONE_BIN = "one bin: its values do not tell borrowers apart"
TELLS_LITTLE = f"information value below {PREDICTS}"
TOO_WEAK = f"not among the {CANDIDATES} columns with the largest information value"
TURNS = "beside features that tell more, a weight would have the wrong sign"
ADDS_LITTLE = "adds too little to the features on the card"


@dataclass(frozen=True)
class Binned:
    """The features of the card with their bins, in the order in which they entered."""

    schema_: Schema
    features: tuple[FeatureBins, ...]

    def check(self, X: pl.DataFrame) -> None:
        """Refuse a frame without the columns of training."""
        conform(X, self.schema_)

    def codes(self, X: pl.DataFrame) -> npt.NDArray[np.int64]:
        """Return the place of each value's bin, shape (n_samples, n_features)."""
        frame = conform(X, self.schema_)
        return np.column_stack([feature.code(frame[feature.name]) for feature in self.features])


class ScorecardClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fit bins, weights of evidence, a logistic regression on them, and whole points.

    Each feature is binned on the training rows (`models.scorecard.merging`); one that tells nothing, or runs against
    its direction beyond noise, stays out. The others enter one by one while one of them adds something beyond noise, up
    to the number that may be on the card (`models.scorecard.fitting`).

    Parameters
    ----------
    settings : ScorecardSettings or None, default=None
        None: the defaults.
    groups : mapping of str to str, or None, default=None
        Group of each column. Columns of other groups, or without a group, do not enter. None: every column may.
    directions : mapping of str to int, or None, default=None
        1 where risk rises with the value of a column, -1 where it falls; a column that is not named is free.
    runner : Runner or None, default=None
        Not used, since a card is fitted in a second; every family's classifier takes a runner.

    Attributes
    ----------
    preparation_ : Binned
    card_ : Card
    left_out_ : dict of str to str
        Columns of a wanted group that are not on the card, each with its reason.
    classes_, feature_names_in_, n_features_in_, groups_, base_rate_, n_samples_, schema_hash_
        As in every family.

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards. Wiley. Thomas (2009), Consumer Credit Models. Oxford.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> late = rng.random(600) < 0.3
    >>> frame = pl.DataFrame({"late": late, "sales": rng.normal(size=600)})
    >>> labels = (rng.random(600) < np.where(late, 0.5, 0.1)).astype(np.int64)
    >>> model = ScorecardClassifier().fit(frame, labels)
    >>> model.feature_names_in_.tolist(), sorted(set(model.totals(frame).tolist()))[0] < model.card_.base
    (['late'], True)
    """

    family: ClassVar[str] = ScorecardSettings.family

    def __init__(
        self,
        *,
        settings: ScorecardSettings | None = None,
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
            Fewer rows of either class than ``minimum_positives``.
        NoFeaturesError
            No column of the wanted groups tells borrowers apart.
        """
        settings = self.settings or ScorecardSettings()
        labels = check_labels(y, rows=X.height, minimum=settings.minimum_positives)
        names, self.left_out_ = choose_features(
            X.drop(ENTERPRISE, strict=False),
            groups=self.groups,
            wanted=settings.feature_groups,
            windows=settings.windows,
        )
        frame = X.select(names)
        bins = self._bins(frame, labels, settings)
        candidates = _candidates(bins)
        evidence = [feature.evidence(feature.code(frame[feature.name])) for feature in candidates]
        path = forward(
            np.column_stack([np.empty((X.height, 0)), *evidence]), labels, most=settings.most_features
        )
        if not path.columns:
            raise NoFeaturesError(
                f"no column of the groups {', '.join(settings.feature_groups)} tells defaults from others in "
                f"{X.height} training rows; deliver more feeds or a longer history, or train another family"
            )
        chosen = tuple(candidates[place] for place in path.columns)
        self.left_out_ |= _left_out(bins, candidates, path)
        self.card_ = Card.of(chosen, path.fit, Scale.of(settings))
        self.preparation_ = Binned(schema_of(X, [feature.name for feature in chosen]), chosen)
        self.base_rate_, self.n_samples_ = float(labels.mean()), len(labels)
        used = {self.groups[feature.name] for feature in chosen} if self.groups is not None else set()
        self.groups_ = tuple(group for group in settings.feature_groups if group in used)
        return self.named()

    def named(self) -> Self:
        """Set what scikit-learn calls the features, from the schema of the preparation."""
        schema = self.preparation_.schema_
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array([column.name for column in schema], dtype=object)
        self.n_features_in_, self.schema_hash_ = len(schema), schema_hash(schema)
        return self

    @property
    def scale(self) -> Scale:
        """What a point means."""
        return Scale.of(self.settings or ScorecardSettings())

    def points(self, X: pl.DataFrame) -> Points:
        """Return the points of each feature of each row, shape (n_samples, n_features).

        Raises
        ------
        SchemaMismatchError
            A feature of training is missing or of another kind.
        """
        check_is_fitted(self, "card_")
        codes = self.preparation_.codes(X)
        return np.column_stack(
            [np.array(points)[codes[:, place]] for place, points in enumerate(self.card_.points)]
        )

    def totals(self, X: pl.DataFrame) -> Points:
        """Return the points of each row, those that everybody begins with among them, shape (n_samples,)."""
        points = self.points(X)
        return np.asarray(self.card_.base + points.sum(axis=1), dtype=np.int64)

    def predict_proba(self, X: pl.DataFrame) -> Matrix:
        """Return the probability that the points of each row stand for, before calibration.

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
        positive = self.scale.probability(self.totals(X))
        return np.column_stack([1.0 - positive, positive])

    def predict(self, X: pl.DataFrame) -> npt.NDArray[np.int64]:
        """Return 1 where the card's own probability is at least one half."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)

    @property
    def unexplained(self) -> None:
        """Every fitted model of this family explains itself."""
        return

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        """Return the contribution of each feature to the calibrated PD: its points, as the curve to the PD has them."""
        raw, scale = self.predict_proba(X)[:, 1], self.scale
        base = float(scale.log_odds(np.array(self.card_.base)))
        sums = MemberSums(base, -self.points(X) / scale.factor, True, None)
        return explain_sums(sums, raw, calibrator, sources=self.feature_names_in_.tolist())

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count for each category the rows with a level that training did not show."""
        check_is_fitted(self, "card_")
        frame = conform(X, self.preparation_.schema_)
        return {
            feature.name: feature.unseen(frame[feature.name])
            for feature, column in zip(self.preparation_.features, self.preparation_.schema_, strict=True)
            if column.kind == "category"
        }

    def _bins(self, X: pl.DataFrame, labels: Labels, settings: ScorecardSettings) -> list[FeatureBins]:
        """Learn the bins of every column."""
        demands = Demands(settings.minimum_share * X.height, settings.minimum_defaults, settings.most_bins)
        return [
            FeatureBins.learn(
                column,
                labels,
                demands,
                fine=settings.fine_bins,
                smoothing=settings.smoothing,
                direction=(self.directions or {}).get(column.name, 0),
            )
            for column in X
        ]


def _useless(feature: FeatureBins) -> str | None:
    """Return why a feature cannot be on a card, whatever else is on it, or None."""
    if feature.against:
        return AGAINST_DIRECTION
    if feature.used < 2:
        return ONE_BIN
    return None if feature.information >= PREDICTS else TELLS_LITTLE


def _candidates(bins: Sequence[FeatureBins]) -> list[FeatureBins]:
    """Return the features that are tried, in the order of the columns."""
    useful = [feature for feature in bins if _useless(feature) is None]
    tried = {feature.name for feature in sorted(useful, key=lambda one: -one.information)[:CANDIDATES]}
    return [feature for feature in useful if feature.name in tried]


def _left_out(bins: Sequence[FeatureBins], candidates: Sequence[FeatureBins], path: Path) -> dict[str, str]:
    """Return why each column is not on the card."""
    places = {feature.name: place for place, feature in enumerate(candidates)}
    on_card = {candidates[place].name for place in path.columns}
    refused = {candidates[place].name for place in path.refused}
    return {
        feature.name: _useless(feature)
        or (TURNS if feature.name in refused else ADDS_LITTLE if feature.name in places else TOO_WEAK)
        for feature in bins
        if feature.name not in on_card
    }
