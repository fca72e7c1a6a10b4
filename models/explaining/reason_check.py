"""Check the first reason of a score: set to its reference value, its feature must lower the PD."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import stats

from models.metrics import Interval
from models.scoring import CalibratedModel, explain, score

Value = float | bool | str | None

SAMPLE = 500  # enough for an interval of some four points either side, seconds of time


@dataclass(frozen=True)
class ReasonCheck:
    """The share of rows whose PD falls when the feature of the first reason takes its reference value.

    Parameters
    ----------
    rows : int
        Sampled training rows.
    raised : int
        Sampled rows with a feature that raises the PD: the rows that were checked.
    passed : int
        Checked rows whose PD was lower afterwards. A row whose feature already has the reference value does not
        pass.
    share : Interval or None
        passed / raised with its Wilson interval of 95%; None if nothing was checked.
    references : mapping of str to value
        Reference value of every feature of the model.
    """

    rows: int
    raised: int
    passed: int
    share: Interval | None
    references: Mapping[str, Value]


def reference_values(frame: pl.DataFrame, labels: npt.ArrayLike, features: Iterable[str]) -> dict[str, Value]:
    """Return the typical value of each feature among borrowers without default.

    Parameters
    ----------
    frame : polars.DataFrame
        Training rows.
    labels : array-like of shape (n_samples,)
        1 = default.
    features : iterable of str

    Returns
    -------
    dict
        The median of a number, the most frequent value of a flag or category (the first of equals), None if no
        such row has a value.

    Examples
    --------
    >>> frame = pl.DataFrame({"debt": [1.0, 3.0, None, 90.0], "town": ["b", "b", "a", "a"]})
    >>> reference_values(frame, [0, 0, 0, 1], ["debt", "town"])
    {'debt': 2.0, 'town': 'b'}
    """
    ordinary = frame.filter(pl.Series(np.asarray(labels) == 0))
    return {name: _typical(ordinary[name]) for name in features}


def check_reasons(
    model: CalibratedModel, frame: pl.DataFrame, labels: npt.ArrayLike, *, rows: int = SAMPLE
) -> ReasonCheck:
    """Return how often the strongest reason lowers the PD once its feature is set to its reference value.

    Parameters
    ----------
    model : CalibratedModel
        Of a family that explains itself.
    frame : polars.DataFrame of shape (n_samples, n_columns)
        Training rows; of more than ``rows``, that many are taken, evenly spaced.
    labels : array-like of shape (n_samples,)
        1 = default.
    rows : int, default=500

    Raises
    ------
    ModelError
        The model does not explain itself.

    Notes
    -----
    A contribution is the effect of a feature averaged over the orders in which features can become known; a changed
    value shows the effect of that feature alone, with all others as they are. The two need not agree: the share
    measures how often they do.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.
    """
    picked = np.unique(np.linspace(0, frame.height - 1, min(rows, frame.height)).astype(np.int64))
    sample = frame[picked]
    explanation = explain(model, sample)
    references = reference_values(frame, labels, explanation.features)
    first = explanation.contributions.argmax(axis=1)
    raises = explanation.contributions[np.arange(len(first)), first] > 0
    before = score(model, sample)["pd"].to_numpy()
    after = score(model, _replaced(sample, np.where(raises, first, -1), explanation.features, references))[
        "pd"
    ]
    checked, passed = int(raises.sum()), int((after.to_numpy() < before)[raises].sum())
    return ReasonCheck(sample.height, checked, passed, _wilson(passed, checked), references)


def _replaced(
    sample: pl.DataFrame,
    first: npt.NDArray[np.int64],
    features: tuple[str, ...],
    references: Mapping[str, Value],
) -> pl.DataFrame:
    """Return the rows with one feature each set to its reference value; -1 in ``first`` leaves a row as it is."""
    numbered = sample.with_columns(pl.Series("__first", first))
    for number in sorted(set(first.tolist()) - {-1}):
        name = features[number]
        # the median of integers may lie between two of them; models take any number
        kind: pl.DataType = pl.Float64() if sample.schema[name].is_numeric() else sample.schema[name]
        reference = pl.lit(references[name]).cast(kind)
        kept = pl.col(name).cast(kind)
        numbered = numbered.with_columns(
            pl.when(pl.col("__first") == number).then(reference).otherwise(kept).alias(name)
        )
    return numbered.drop("__first")


def _typical(values: pl.Series) -> Value:
    known = values.drop_nulls()
    if values.dtype.is_numeric():
        numbers = known.cast(pl.Float64).drop_nans()
        return float(np.median(numbers.to_numpy())) if len(numbers) else None
    if not len(known):
        return None
    if values.dtype != pl.Boolean:
        known = known.cast(pl.String)
    typical: Value = known.mode().sort()[0]
    return typical


def _wilson(passed: int, checked: int) -> Interval | None:
    """Return the share with its 95% interval."""
    if not checked:
        return None
    interval = stats.binomtest(passed, checked).proportion_ci(confidence_level=0.95, method="wilson")
    return Interval(passed / checked, float(interval.low), float(interval.high))
