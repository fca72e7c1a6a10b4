"""LightGBM on the columns of the Wide & Deep models, stopped on the same validation part: the row to beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl
from lightgbm import LGBMClassifier, early_stopping

from models.metrics import Labels, Scores
from models.schema import schema_of

LEARNING_RATE, MOST_TREES, PATIENCE = 0.05, 2000, 50


def boosted_scores(
    frame: pl.DataFrame,
    labels: Labels,
    *,
    train: npt.NDArray[np.int64],
    validation: npt.NDArray[np.int64],
    random_state: int,
) -> tuple[Scores, int]:
    """Fit LightGBM on the training and validation part; return its score of every row and its number of trees.

    Categories stay categories, levels that the training part does not show are missing, gaps stay gaps. Trees
    are added until the log loss of the validation part has not fallen for 50 of them; everything else is
    LightGBM's default. One thread, so that the result does not depend on the machine's cores.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_columns)
    labels : ndarray of shape (n_samples,)
    train, validation : ndarray of int
        Rows of the two parts.
    random_state : int

    Returns
    -------
    scores : ndarray of shape (n_samples,)
    trees : int
    """
    columns = schema_of(frame)
    categories = [place for place, column in enumerate(columns) if column.kind == "category"]
    matrix = np.column_stack(
        [
            _codes(frame[column.name], train) if column.kind == "category" else _numbers(frame[column.name])
            for column in columns
        ]
    )
    model = LGBMClassifier(
        n_estimators=MOST_TREES,
        learning_rate=LEARNING_RATE,
        n_jobs=1,
        random_state=random_state,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    )
    model.fit(
        matrix[train],
        labels[train],
        eval_set=[(matrix[validation], labels[validation])],
        eval_metric="binary_logloss",
        categorical_feature=categories,
        callbacks=[early_stopping(PATIENCE, verbose=False)],
    )
    scores = np.asarray(model.predict_proba(matrix)[:, 1], dtype=np.float64)
    return scores, int(model.best_iteration_)


def _codes(column: pl.Series, train: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the place of each level among those of the training rows; others and gaps are NaN."""
    texts = column.cast(pl.String)
    levels = pl.Enum(texts[train].drop_nulls().unique().sort())
    return _numbers(texts.cast(levels, strict=False).to_physical())


def _numbers(column: pl.Series) -> npt.NDArray[np.float64]:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
