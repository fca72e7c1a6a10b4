"""Score enterprises with one fitted and calibrated model version of any family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calibration import Calibrator
from models.errors import ModelError
from models.explanation import Explanation, strongest
from models.master_scale import MasterScale
from models.pd_interval import PdInterval
from models.schema import Schema

Floats = npt.NDArray[np.float64]


class Prepared(Protocol):
    """The fitted first step of a classifier."""

    schema_: Schema

    def check(self, X: pl.DataFrame) -> None:
        """Refuse a frame without the columns of training."""


class Classifier(Protocol):
    """What training and scoring ask of the classifier of any family.

    Its constructor takes ``settings``, ``groups`` and ``runner`` by keyword, and ``directions`` where the family asks
    for them, and only stores them.
    """

    family: ClassVar[str]
    settings: Any
    groups: Mapping[str, str] | None
    preparation_: Prepared
    groups_: tuple[str, ...]
    left_out_: dict[str, str]
    base_rate_: float
    n_samples_: int
    n_features_in_: int
    feature_names_in_: npt.NDArray[Any]
    schema_hash_: str

    def fit(self, X: pl.DataFrame, y: npt.ArrayLike) -> Any:
        """Fit on labelled rows."""

    def predict_proba(self, X: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Return the raw probability of both classes."""

    @property
    def unexplained(self) -> str | None:
        """The reason why this fitted model does not split its PD into contributions, or None if it does."""

    def explain(self, X: pl.DataFrame, calibrator: Calibrator) -> Explanation:
        """Return base value and contributions of the calibrated PD of each row."""

    def unseen_counts(self, X: pl.DataFrame) -> dict[str, int]:
        """Count, for each category, rows with a level that training did not show."""


@dataclass(frozen=True)
class CalibratedModel:
    """One fitted and calibrated version; everything that scoring needs.

    ``interval`` is None for a version that was stored before there were intervals.
    """

    classifier: Classifier
    calibrator: Calibrator
    scale: MasterScale
    calibrated_on: str
    interval: PdInterval | None = None


def score(model: CalibratedModel, frame: pl.DataFrame) -> pl.DataFrame:
    """Return enterprise_id, pd_raw, pd, its bounds, score_points and grade, one row for each row of the frame.

    The bounds pd_lower and pd_upper are null where the model has no interval.

    Parameters
    ----------
    model : CalibratedModel
    frame : polars.DataFrame
        enterprise_id and the features of training; may have no rows.

    Raises
    ------
    SchemaMismatchError
        A feature of training is missing or of another kind, also when there are no rows.
    """
    return _scored(model, frame, raw_scores(model, frame))


def raw_scores(model: CalibratedModel, frame: pl.DataFrame) -> Floats:
    """Return the raw score of each row, shape (n_samples,), as `score` does, and refuse what it refuses."""
    model.classifier.preparation_.check(frame)
    return model.classifier.predict_proba(frame)[:, 1] if frame.height else np.empty(0)


def _scored(model: CalibratedModel, frame: pl.DataFrame, raw: Floats) -> pl.DataFrame:
    pd = model.calibrator.predict(raw)
    unknown = [None] * len(pd)
    lower, upper = (unknown, unknown) if model.interval is None else model.interval.predict(raw, pd)
    return frame.select("enterprise_id").with_columns(
        pl.Series("pd_raw", raw, dtype=pl.Float64),
        pl.Series("pd", pd, dtype=pl.Float64),
        pl.Series("pd_lower", lower, dtype=pl.Float64),
        pl.Series("pd_upper", upper, dtype=pl.Float64),
        pl.Series("score_points", model.scale.score_points(pd), dtype=pl.Float64),
        pl.Series("grade", model.scale.grade(pd), dtype=pl.String),
    )


class Contributions(NamedTuple):
    """Scores of one model, and what moves them: the base value of all rows, contributions, decisions on the way."""

    scores: pl.DataFrame
    base_value: float
    rows: pl.DataFrame
    decisions: tuple[str, ...]


def contributions(model: CalibratedModel, frame: pl.DataFrame, *, top: int) -> Contributions:
    """Score the rows, and split each PD into the base value and the strongest contributions, preparing a row once.

    Parameters
    ----------
    model : CalibratedModel
        One that explains itself.
    frame : polars.DataFrame
        enterprise_id and the features of training; may have no rows.
    top : int
        Features kept for each enterprise; the others are summed under ``other``.

    Returns
    -------
    Contributions
        Its scores are those of `score`. Its rows hold enterprise_id, feature, contribution and rank; for each
        enterprise the contributions add up to its PD less the base value.

    Raises
    ------
    ModelError
        The model does not explain itself.
    """
    explanation = explain(model, frame)
    rows = strongest(explanation, frame["enterprise_id"], top=top)
    scores = _scored(model, frame, explanation.raw)
    return Contributions(scores, explanation.base_value, rows, explanation.decisions)


def explain(model: CalibratedModel, frame: pl.DataFrame) -> Explanation:
    """Return base value and all contributions of the published PD of each row.

    Raises
    ------
    ModelError
        The model does not explain itself.
    """
    if model.classifier.unexplained is not None:
        raise ModelError(f"the model does not explain itself: {model.classifier.unexplained}")
    return model.classifier.explain(frame, model.calibrator)
