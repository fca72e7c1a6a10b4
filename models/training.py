"""Train a whole model version: evaluate it on unseen rows, fit and calibrate it, put it on the master scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from models.calibration import Calibrator, ReliabilityBin, reliability
from models.evaluation import (
    Fold,
    Progress,
    calibrated,
    cross_validate,
    fold_numbers,
    out_of_fold,
    repeated_folds,
    summarise,
)
from models.explaining.direction_check import Against
from models.explaining.importance import Importance
from models.explaining.reason_check import ReasonCheck
from models.explaining.shap_check import ShapCheck
from models.labels import check_labels
from models.master_scale import MasterScale
from models.metrics import Interval, Labels, Scores, bootstrap_intervals
from models.pd_interval import PdInterval, Tenth
from models.runner import Runner, threads
from models.scoring import CalibratedModel

Protocol = Literal["repeated_cross_validation", "out_of_time"]
Rows = npt.NDArray[np.int64]

FEW_ROWS = 1000


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on rows that no step of its fit had seen.

    ``unseen`` holds its PDs of them: row (of the training frame), repeat, label, pd_raw and pd; with
    folds, the PD of a row is calibrated on the other folds.
    """

    protocol: Protocol
    folds: int
    repeats: int
    rows: int
    raw: dict[str, Interval]
    pd: dict[str, Interval]
    reliability_raw: tuple[ReliabilityBin, ...]
    reliability_pd: tuple[ReliabilityBin, ...]
    unseen: pl.DataFrame

    @property
    def labels(self) -> Labels:
        """The labels of the unseen rows."""
        return self.unseen["label"].to_numpy()

    @property
    def scores(self) -> Scores:
        """The raw scores of the unseen rows."""
        return self.unseen["pd_raw"].to_numpy()


@dataclass(frozen=True)
class Training:
    """A trained model with its evaluation, and what `models.examination` measured of its explanations.

    ``drawn_from`` is the number of labelled rows that there were, if not all of them were taken.
    """

    model: CalibratedModel
    evaluation: Evaluation
    rows: int
    positives: int
    challenger: Evaluation | None = None
    reasons: ReasonCheck | None = None
    drawn_from: int | None = None
    shap_check: ShapCheck | None = None
    importance: Importance | None = None
    tenths: tuple[Tenth, ...] | None = None
    directions: tuple[Against, ...] | None = None

    @property
    def left_out(self) -> dict[str, list[str]]:
        """The columns that did not enter the model, by the reason."""
        columns: dict[str, list[str]] = {}
        for name, reason in self.model.classifier.left_out_.items():
            columns.setdefault(reason, []).append(name)
        return columns


def train(
    estimator: Any,
    frame: pl.DataFrame,
    labels: npt.ArrayLike,
    *,
    borrowers: Sequence[str] | None = None,
    snapshots: Sequence[date] | None = None,
    kept_out: Mapping[str, str] | None = None,
    repeats: int | None = None,
    scale: MasterScale | None = None,
    runner: Runner | None = None,
    challenger: Any | None = None,
    on_progress: Progress | None = None,
) -> Training:
    """Return a calibrated model and its honest evaluation; the same for any runner.

    Evaluation: with several snapshots, the model is fitted on all but the last one and measured on the last one. With
    one snapshot, stratified folds by borrower (2 repeats below 1,000 rows, 1 from there on). What a family searches
    or selects, it searches inside the training rows.

    Calibration: with several snapshots on what the model says of the last one, out of time, so that every family of a
    portfolio is held to the default rate of the same later date and horizon; it is not fitted again, since the map
    belongs to its scores. PDs of the last snapshot are measured cross-fitted. With one snapshot: where
    ``calibration_share`` of the rows holds at least ``calibration_positives`` defaults, that share is held out, the
    classifier never sees it and the calibrator sees nothing else. Otherwise the calibrator is fitted on out-of-fold
    scores of the whole pipeline, SMOTE and search inside the training folds, and the classifier on all rows. The
    interval of the PD is fitted on the rows of the calibrator.

    Parameters
    ----------
    estimator : unfitted classifier of any family
        Its settings say how much is held out for calibration, and the folds.
    frame : polars.DataFrame of shape (n_samples, n_columns)
        Labelled rows.
    labels : array-like of shape (n_samples,)
    borrowers : sequence of str, optional
        Borrower of each row, where one has several snapshots.
    snapshots : sequence of date, optional
        Date that each row describes.
    kept_out : mapping of str to str, optional
        Columns that must not enter, each with the reason, which the model keeps.
    repeats : int, optional
    scale : MasterScale, optional
    runner : Runner, optional
        Runs the folds, then the jobs of the last fit; None: one after the other.
    challenger : unfitted estimator, optional
        Measured on the same test rows and reported beside, such as the same family without resampling.
    on_progress : callable, optional
        Called with the number of folds measured and of all folds.

    Raises
    ------
    TooFewRowsError, NoFeaturesError
    """
    known = check_labels(labels, rows=frame.height, minimum=estimator.settings.minimum_positives)
    names = np.array(borrowers if borrowers is not None else np.arange(frame.height).astype(str))
    unwanted = {name: reason for name, reason in (kept_out or {}).items() if name in frame.columns}
    fitter = _Fitter(
        frame.drop(unwanted), known, names, scale or MasterScale(), runner or threads(), on_progress
    )
    everything = np.arange(len(known))
    times = repeats or (2 if len(known) < FEW_ROWS else 1)
    days = np.array(snapshots) if snapshots is not None else np.zeros(len(known))
    if len(np.unique(days)) > 1:
        last = days == days.max()
        model, evaluation = fitter.fit_earlier(estimator, last, day=days.max())
        beside = None
        if challenger is not None:
            _, beside = fitter.fit_earlier(challenger, last, day=days.max())
    else:
        folds = fitter.cross_validate(estimator, everything, repeats=times)
        evaluation = _by_folds(folds)
        beside = (
            _by_folds(fitter.cross_validate(challenger, everything, repeats=times))
            if challenger is not None
            else None
        )
        model, _ = fitter.fit(estimator, everything, repeats=times, folds=folds)
    groups, entered = model.classifier.groups, model.classifier.groups_
    model.classifier.left_out_ |= {
        name: reason for name, reason in unwanted.items() if groups is None or groups.get(name) in entered
    }
    return Training(model, evaluation, len(known), int(known.sum()), beside)


@dataclass(frozen=True)
class _Fitter:
    """Fits and calibrates on chosen rows of one frame."""

    frame: pl.DataFrame
    labels: Labels
    borrowers: npt.NDArray[Any]
    scale: MasterScale
    runner: Runner
    on_progress: Progress | None

    def cross_validate(self, estimator: Any, rows: Rows, *, repeats: int) -> tuple[Fold, ...]:
        """Score the rows out of fold; the folds run beside each other, each on one thread."""
        labels = self.labels[rows]
        splits = repeated_folds(
            labels,
            folds=min(estimator.settings.folds, int(np.bincount(labels).min())),
            repeats=repeats,
            random_state=estimator.settings.random_state,
            borrowers=self.borrowers[rows].tolist(),
        )
        return cross_validate(
            clone(estimator).set_params(runner=None),
            self.frame[rows],
            labels,
            splits,
            runner=self.runner,
            on_progress=self.on_progress,
        )

    def fit(
        self, estimator: Any, rows: Rows, *, repeats: int, folds: tuple[Fold, ...] = ()
    ) -> tuple[CalibratedModel, tuple[Fold, ...]]:
        """Fit on the rows and calibrate by the rule of `train`."""
        fit_rows, held_out = self._calibration_split(rows, estimator.settings)
        classifier = clone(estimator).set_params(runner=self.runner)
        classifier.fit(self.frame[fit_rows], self.labels[fit_rows])
        if held_out is not None:
            labels, told = self.labels[held_out], held_out
            scores = classifier.predict_proba(self.frame[held_out])[:, 1]
            calibrator = Calibrator().fit(scores, labels)
            how = f"{len(labels)} rows held out, {int(labels.sum())} defaults, {calibrator.method_}, one snapshot"
        else:
            folds = folds or self.cross_validate(estimator, rows, repeats=repeats)
            labels, scores = out_of_fold(folds)
            told = rows[np.concatenate([fold.rows for fold in folds])]
            calibrator = Calibrator(method="platt").fit(scores, labels)
            defaults = int(self.labels[rows].sum())
            how = f"out-of-fold scores of {len(rows)} rows, {defaults} defaults, platt, one snapshot"
        interval = PdInterval().fit(scores, labels, self.borrowers[told])
        return CalibratedModel(classifier, calibrator, self.scale, how, interval), folds

    def fit_earlier(
        self, estimator: Any, last: npt.NDArray[np.bool_], *, day: Any
    ) -> tuple[CalibratedModel, Evaluation]:
        """Fit on the earlier snapshots, then calibrate and measure on the last one."""
        earlier, later = np.flatnonzero(~last), np.flatnonzero(last)
        settings = estimator.settings
        known = check_labels(self.labels[later], rows=len(later), minimum=settings.minimum_positives)
        classifier = clone(estimator).set_params(runner=self.runner)
        classifier.fit(self.frame[earlier], self.labels[earlier])
        raw = classifier.predict_proba(self.frame[later])[:, 1]
        calibrator = Calibrator(method="platt").fit(raw, known)
        how = f"out-of-time scores of {len(known)} rows of {day}, {int(known.sum())} defaults, platt"
        parts = fold_numbers(known, folds=settings.folds, random_state=settings.random_state)
        measured = _out_of_time(later, known, raw, _cross_fitted(raw, known, parts))
        interval = PdInterval().fit(raw, known, self.borrowers[later])
        return CalibratedModel(classifier, calibrator, self.scale, how, interval), measured

    def _calibration_split(self, rows: Rows, settings: Any) -> tuple[Rows, Rows | None]:
        """Return rows to fit on and rows held out for calibration, None where there are too few."""
        labels, share = self.labels[rows], settings.calibration_share
        if int(np.bincount(labels).min() * share) < settings.calibration_positives:
            return rows, None
        names = self.borrowers[rows]
        repeated = len(set(names)) < len(names)
        kind = StratifiedGroupKFold if repeated else StratifiedKFold
        splitter = kind(round(1 / share), shuffle=True, random_state=settings.random_state)
        parts = splitter.split(np.zeros(len(labels)), labels, names if repeated else None)
        fitted, held_out = next(iter(parts))
        return rows[fitted], rows[held_out]


def _by_folds(folds: tuple[Fold, ...]) -> Evaluation:
    """Summarise folds, before and after cross-fitted calibration."""
    after = calibrated(folds)
    labels, scores = out_of_fold(folds)
    _, pds = out_of_fold(after)
    return Evaluation(
        protocol="repeated_cross_validation",
        folds=len({fold.number for fold in folds}),
        repeats=len({fold.repeat for fold in folds}),
        rows=sum(len(fold.rows) for fold in folds if fold.repeat == 0),
        raw=summarise(folds),
        pd=summarise(after),
        reliability_raw=reliability(labels, scores),
        reliability_pd=reliability(labels, pds),
        unseen=_unseen(
            np.concatenate([fold.rows for fold in folds]),
            np.concatenate([np.full(len(fold.rows), fold.repeat) for fold in folds]),
            labels,
            scores,
            pds,
        ),
    )


def _cross_fitted(raw: Scores, labels: Labels, parts: Rows) -> Scores:
    """Return the PDs of all rows, each part calibrated on the other parts."""
    pd = np.empty(len(raw))
    for part in np.unique(parts):
        rows = parts == part
        pd[rows] = Calibrator(method="platt").fit(raw[~rows], labels[~rows]).predict(raw[rows])
    return pd


def _out_of_time(rows: Rows, labels: Labels, raw: Scores, pd: Scores) -> Evaluation:
    """Measure the PDs of the rows of a later snapshot."""
    return Evaluation(
        protocol="out_of_time",
        folds=1,
        repeats=1,
        rows=len(labels),
        raw=bootstrap_intervals(labels, raw),
        pd=bootstrap_intervals(labels, pd),
        reliability_raw=reliability(labels, raw),
        reliability_pd=reliability(labels, pd),
        unseen=_unseen(rows, np.zeros(len(rows), dtype=np.int64), labels, raw, pd),
    )


def _unseen(rows: Rows, repeats: Rows, labels: Labels, raw: Scores, pd: Scores) -> pl.DataFrame:
    """Return one row for each unseen row and repeat."""
    return pl.DataFrame({"row": rows, "repeat": repeats, "label": labels, "pd_raw": raw, "pd": pd})
