"""A whole model version: evaluated on rows it had not seen, fitted, calibrated, and put on the master scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from models.calibration import Calibrator, ReliabilityBin, reliability
from models.evaluation import Fold, calibrated, cross_validate, out_of_fold, repeated_folds, summarise
from models.labels import check_labels
from models.master_scale import MasterScale
from models.metrics import Interval, Labels, bootstrap_intervals
from models.operational_risk import OperationalRiskClassifier, OperationalRiskModel, OperationalRiskSettings

Protocol = Literal["repeated_cross_validation", "out_of_time"]

FEW_ROWS = 1000


@dataclass(frozen=True)
class Evaluation:
    """What the model is worth on rows that no step of its fit had seen."""

    protocol: Protocol
    folds: int
    repeats: int
    rows: int
    raw: dict[str, Interval]
    pd: dict[str, Interval]
    reliability_raw: tuple[ReliabilityBin, ...]
    reliability_pd: tuple[ReliabilityBin, ...]
    labels: Labels
    scores: Any


@dataclass(frozen=True)
class Training:
    """A model version with the account of how it was made."""

    model: OperationalRiskModel
    evaluation: Evaluation
    rows: int
    positives: int


def train(
    frame: pl.DataFrame,
    labels: Any,
    *,
    settings: OperationalRiskSettings | None = None,
    groups: Mapping[str, str] | None = None,
    borrowers: Sequence[str] | None = None,
    later: tuple[pl.DataFrame, Any] | None = None,
    repeats: int | None = None,
    scale: MasterScale | None = None,
    n_jobs: int = 1,
) -> Training:
    """Return a calibrated model and its honest evaluation; the same for any number of threads.

    Evaluation is out of time when later rows are given, else by repeated stratified folds, grid search
    inside the training folds (5 folds; 10 repeats below 1,000 rows, 1 from there on).

    Calibration rule: where ``calibration_share`` of the rows holds at least ``calibration_positives``
    defaults, that share is held out, the classifier never sees it and the calibrator sees nothing else.
    Otherwise the calibrator is fitted on out-of-fold scores of the whole pipeline, SMOTE and grid search
    inside the training folds, and the classifier on all rows.

    Parameters
    ----------
    frame : polars.DataFrame of shape (n_samples, n_columns)
        Labelled rows.
    labels : array-like of shape (n_samples,)
    settings, groups : see `OperationalRiskClassifier`
    borrowers : sequence of str, optional
        Borrower of each row, where one has several snapshots.
    later : tuple of (frame, labels), optional
        A later snapshot with both classes; it is used for evaluation only.
    repeats : int, optional
    scale : MasterScale, optional
    n_jobs : int, default=1

    Raises
    ------
    TooFewRows, NoFeatures
    """
    settings = settings or OperationalRiskSettings()
    known = check_labels(labels, rows=frame.height, minimum=settings.minimum_positives)
    classifier = OperationalRiskClassifier(settings=settings, groups=groups, n_jobs=n_jobs)
    fit_rows, held_out = _calibration_split(known, settings, borrowers)

    folds: tuple[Fold, ...] = ()
    if later is None or held_out is None:
        inner = OperationalRiskClassifier(settings=settings, groups=groups, n_jobs=1)
        times = repeats or (10 if len(known) < FEW_ROWS else 1)
        number = min(settings.folds, int(np.bincount(known).min()))
        splits = repeated_folds(
            known, folds=number, repeats=times, random_state=settings.random_state, borrowers=borrowers
        )
        folds = cross_validate(inner, frame, known, splits, n_jobs=n_jobs)

    classifier.fit(frame[fit_rows], known[fit_rows])
    if held_out is not None:
        raw = classifier.predict_proba(frame[held_out])[:, 1]
        calibrator = Calibrator().fit(raw, known[held_out])
        how = f"{len(held_out)} rows held out ({int(known[held_out].sum())} defaults), {calibrator.method_}"
    else:
        stacked_labels, stacked_scores = out_of_fold(folds)
        calibrator = Calibrator(method="platt").fit(stacked_scores, stacked_labels)
        how = f"out-of-fold scores of {len(known)} rows ({int(known.sum())} defaults), platt"
    model = OperationalRiskModel(classifier, calibrator, scale or MasterScale(), how)
    evaluation = _by_folds(folds) if later is None else _out_of_time(model, *later)
    return Training(model, evaluation, len(known), int(known.sum()))


def _calibration_split(
    labels: Labels, settings: OperationalRiskSettings, borrowers: Sequence[str] | None
) -> tuple[Any, Any]:
    """Return rows to fit on and rows held out for calibration (None where there are too few)."""
    share = settings.calibration_share
    if int(np.bincount(labels).min() * share) < settings.calibration_positives:
        return np.arange(len(labels)), None
    parts = round(1 / share)
    if borrowers is not None and len(set(borrowers)) < len(borrowers):
        splitter: Any = StratifiedGroupKFold(parts, shuffle=True, random_state=settings.random_state)
    else:
        splitter = StratifiedKFold(parts, shuffle=True, random_state=settings.random_state)
    fit_rows, held_out = next(iter(splitter.split(np.zeros(len(labels)), labels, borrowers)))
    return fit_rows, held_out


def _by_folds(folds: tuple[Fold, ...]) -> Evaluation:
    """Summarise folds, before and after cross-fitted calibration."""
    after = calibrated(folds)
    labels, scores = out_of_fold(folds)
    return Evaluation(
        protocol="repeated_cross_validation",
        folds=len({fold.number for fold in folds}),
        repeats=len({fold.repeat for fold in folds}),
        rows=sum(len(fold.rows) for fold in folds if fold.repeat == 0),
        raw=summarise(folds),
        pd=summarise(after),
        reliability_raw=reliability(labels, scores),
        reliability_pd=reliability(*out_of_fold(after)),
        labels=labels,
        scores=scores,
    )


def _out_of_time(model: OperationalRiskModel, frame: pl.DataFrame, labels: Any) -> Evaluation:
    """Measure the finished model on a later snapshot."""
    known = check_labels(labels, rows=frame.height, minimum=2)
    raw = model.classifier.predict_proba(frame)[:, 1]
    pd = model.calibrator.predict(raw)
    return Evaluation(
        protocol="out_of_time",
        folds=1,
        repeats=1,
        rows=len(known),
        raw=bootstrap_intervals(known, raw),
        pd=bootstrap_intervals(known, pd),
        reliability_raw=reliability(known, raw),
        reliability_pd=reliability(known, pd),
        labels=known,
        scores=raw,
    )
