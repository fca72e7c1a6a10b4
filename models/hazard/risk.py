"""Tell the risk of borrowers on past snapshots by models that never saw these borrowers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import polars as pl
from lightgbm import LGBMClassifier

from models.calibration import Calibrator, Labels
from models.errors import NoFeaturesError, TooFewRowsError

Floats = npt.NDArray[np.float64]

FOLDS = 5
_NO_FEATURES = ("portfolio", "as_of_date", "bucket", "enterprise_id", "coverage")


def unseen_risk(frame: pl.DataFrame, labels: Labels, *, kept_out: Collection[str] = ()) -> Floats:
    """Return the risk of each row, calibrated, from boosted trees that were not fitted on its borrower.

    What shapes a curve tonight is the risk that the headline PD means. Of past snapshots the headline's model has no
    score of rows that it did not see, so its place is taken by these: five fits, each on the borrowers of the other
    four folds, of all snapshots. The fold follows from the borrower's key alone. Platt's map (two numbers)
    is fitted on all these scores together.

    Parameters
    ----------
    frame : polars.DataFrame
        enterprise_id and features; only numbers and booleans are used.
    labels : ndarray of shape (n_samples,), 0 or 1
        Default within the horizon after the snapshot.
    kept_out : collection of str
        Features that would mean something else on another date.

    Raises
    ------
    NoFeaturesError
        No number or boolean has a value.
    TooFewRowsError
        One class only, in all rows or in those that a fold is fitted on.
    """
    names = [
        name
        for name, kind in frame.schema.items()
        if (kind.is_numeric() or kind == pl.Boolean)
        and name not in (*_NO_FEATURES, *kept_out)
        and frame[name].null_count() < frame.height
    ]
    if not names:
        raise NoFeaturesError("no feature that is a number has a value on the snapshots; deliver more feeds")
    features = frame.select(pl.col(names).cast(pl.Float64)).to_numpy()
    folds = np.array([fold_of(borrower) for borrower in frame["enterprise_id"].to_list()])
    raw = np.empty(len(labels))
    for fold in range(FOLDS):
        test = folds == fold
        if not test.any():
            continue
        if len(np.unique(labels[~test])) < 2:
            raise TooFewRowsError(
                f"{int(labels.sum())} defaults among {len(labels)} rows: too few to tell risk from"
            )
        raw[test] = _learner().fit(features[~test], labels[~test]).predict_proba(features[test])[:, 1]
    return risk_of(Calibrator(method="platt").fit(raw, labels).predict(raw))


def risk_of(pd: Floats) -> Floats:
    """Return log(-log(1 - pd)): the logarithm of the hazard that the PD means over its horizon.

    Examples
    --------
    >>> risk_of(np.array([0.01, 0.1])).round(3).tolist()
    [-4.6, -2.25]
    """
    return np.asarray(np.log(-np.log1p(-pd)), dtype=np.float64)


def fold_of(enterprise_id: str) -> int:
    """Return the fold of a borrower, which follows from its key alone.

    Examples
    --------
    >>> [fold_of(borrower) for borrower in ("E0000001", "E0000002", "E0000003")]
    [1, 4, 1]
    """
    return hashlib.sha256(enterprise_id.encode()).digest()[0] % FOLDS


def _learner() -> LGBMClassifier:
    """Return small trees, many rows a leaf; one thread, so that the same rows give the same trees."""
    return LGBMClassifier(
        n_estimators=120, learning_rate=0.05, num_leaves=6, min_child_samples=20, reg_lambda=5.0, n_jobs=1,
        random_state=0, deterministic=True, force_row_wise=True, verbose=-1,
    )  # fmt: skip
