"""Fit scorecards the way optbinning and skorecard do, for the comparison only, in an environment of the peer's own.

`benchmarks.scorecard` starts this file with the Python of that environment: what it takes and returns are files.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

MOST = 12  # features, where only so many may be on the card
PDO, ODDS, POINTS = 20, 50, 600


def optbinning_all(frame: pd.DataFrame, labels: np.ndarray, categories: list[str]):  # noqa: ANN201 - a fitted model
    """Return optbinning's scorecard as its tutorial has it: every variable with an information value of 0.02."""
    return _optbinning(frame, labels, categories, {"iv": {"min": 0.02}})


def optbinning_few(frame: pd.DataFrame, labels: np.ndarray, categories: list[str]):  # noqa: ANN201
    """Return optbinning's scorecard of the variables with the largest information values."""
    return _optbinning(frame, labels, categories, {"iv": {"min": 0.02, "strategy": "highest", "top": MOST}})


def _optbinning(frame: pd.DataFrame, labels: np.ndarray, categories: list[str], criteria: dict):  # noqa: ANN202
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    process = BinningProcess(
        list(frame.columns), categorical_variables=categories, selection_criteria=criteria
    )
    card = Scorecard(
        binning_process=process,
        estimator=LogisticRegression(max_iter=1000),
        scaling_method="pdo_odds",
        scaling_method_params={"pdo": PDO, "odds": ODDS, "scorecard_points": POINTS},
        rounding=True,
    )
    card.fit(frame, labels, metric_missing="empirical")
    count = int(card.binning_process_.get_support().sum())
    return (lambda rows: card.predict_proba(rows)[:, 1]), count


def skorecard_all(frame: pd.DataFrame, labels: np.ndarray, categories: list[str]):  # noqa: ANN201
    """Return skorecard's model as it comes: its own buckets, weights of evidence, logistic regression on all."""
    from skorecard import Skorecard

    card = Skorecard(calculate_stats=False, lr_kwargs={"max_iter": 1000})
    texts = {name: frame[name].astype(object) for name in categories}
    card.fit(frame.assign(**texts), labels)
    return (lambda rows: card.predict_proba(rows)[:, 1]), frame.shape[1]


METHODS = {
    "optbinning": (optbinning_all, optbinning_few),
    "skorecard": (skorecard_all,),
}


def main() -> None:
    """Read the job of the command line, fit each method on each fold, and write scores and seconds beside it."""
    warnings.filterwarnings("ignore")
    job = json.loads(Path(sys.argv[1]).read_text())
    texts = dict.fromkeys(job["categories"], str)
    frame, folds = pd.read_csv(job["frame"], dtype=texts), np.load(job["folds"])
    labels, numbers = folds["labels"], folds["numbers"]
    told = {}
    for method in METHODS[job["peer"]]:
        scores, features, seconds, scoring = np.empty(len(labels)), [], [], []
        for fold in np.unique(numbers):
            train, test = numbers != fold, numbers == fold
            begun = time.process_time()
            predict, count = method(frame[train].reset_index(drop=True), labels[train], job["categories"])
            fitted = time.process_time()
            scores[test] = predict(frame[test].reset_index(drop=True))
            scoring.append(time.process_time() - fitted)
            seconds.append(fitted - begun)
            features.append(count)
        told[method.__name__] = {
            "scores": scores.tolist(), "features": features, "seconds": seconds, "scoring": scoring,
        }  # fmt: skip
    Path(job["answer"]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
