"""A logistic regression on two numbers; a gap counts as the mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from models.calibration import Calibrator
from models.explaining.member_sums import MemberSums, explain_sums, linear_sums
from models.explanation import Explanation
from models.feature_choice import choose_features
from models.labels import check_labels
from models.runner import Runner
from models.schema import Schema, conform, schema_hash, schema_of
from toy_family.settings import ToySettings


@dataclass(frozen=True)
class Standardised:
    """The numbers of training in units of their standard deviation."""

    schema_: Schema
    means: tuple[float, ...]
    scales: tuple[float, ...]

    @classmethod
    def of(cls, X: pl.DataFrame) -> Self:
        """Return the preparation of training rows, each column of which holds two different numbers."""
        means = tuple(float(column.mean()) for column in X)
        return cls(schema_of(X), means, tuple(float(column.std()) for column in X))

    def check(self, X: pl.DataFrame) -> None:
        """Refuse a frame without the columns of training."""
        conform(X, self.schema_)

    def transform(self, X: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Return the standardised numbers, 0 for a gap."""
        numbers = conform(X, self.schema_).cast(pl.Float64).fill_null(np.nan).to_numpy()
        return np.nan_to_num((numbers - self.means) / self.scales)


class ToyClassifier(ClassifierMixin, BaseEstimator):
    """A logistic regression on two numbers."""

    family: ClassVar[str] = ToySettings.family

    def __init__(
        self,
        *,
        settings: ToySettings,
        groups: Mapping[str, str] | None = None,
        runner: Runner | None = None,
    ) -> None:
        self.settings = settings
        self.groups = groups
        self.runner = runner

    def fit(self, X: pl.DataFrame, y: npt.ArrayLike) -> Self:
        """Fit on labelled rows."""
        labels = check_labels(y, rows=X.height, minimum=self.settings.minimum_positives)
        delivered = [name for name in self.settings.features if name in X.columns]
        names, self.left_out_ = choose_features(X.select(delivered), groups=None, wanted=("numbers",))
        self.preparation_ = Standardised.of(X.select(names))
        learner = LogisticRegression().fit(self.preparation_.transform(X), labels)
        self.coefficients_, self.intercept_ = learner.coef_[0], float(learner.intercept_[0])
        self.base_rate_, self.n_samples_ = float(labels.mean()), len(labels)
        used = {self.groups[name] for name in names} if self.groups is not None else set()
        self.groups_ = tuple(sorted(used))
        return self.named()

    def named(self) -> Self:
        """Set what scikit-learn calls the features, from the schema of the preparation."""
        schema = self.preparation_.schema_
        self.classes_ = np.array([0, 1])
        self.feature_names_in_ = np.array([column.name for column in schema], dtype=object)
        self.n_features_in_, self.schema_hash_ = len(schema), schema_hash(schema)
        return self

    def predict_proba(self, X: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Return the raw probability of both classes."""
        check_is_fitted(self, "coefficients_")
        sums = self._split(X)
        positive = sums.link(sums.totals())
        return np.column_stack([1.0 - positive, positive])

    @property
    def unexplained(self) -> None:
        """Every fitted model of this family explains itself."""
        return

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        """Return base value and contributions of the calibrated PD of each row."""
        raw = self.predict_proba(X)[:, 1]
        return explain_sums(self._split(X), raw, calibrator, sources=self.feature_names_in_.tolist())

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count nothing: the family takes no category."""
        return {}

    def _split(self, X: pl.DataFrame) -> MemberSums:
        """Return the log-odds of each row, split between the numbers."""
        numbers = self.preparation_.transform(X)
        return linear_sums(self.coefficients_, self.intercept_, np.zeros(numbers.shape[1]), numbers)
