"""The scorecard held against optbinning and skorecard on two public sets: AUC, number of features, seconds.

The peers are no packages of the project: each has an environment of its own, whose Python is named. skorecard asks for
numpy below 2.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from benchmarks.page import renew
from models.evaluation import fold_numbers
from models.metrics import Interval, auc, corrected_interval, log_loss
from models.scorecard.classifier import ScorecardClassifier
from models.scorecard.settings import ScorecardSettings
from papers import public_sets
from papers.public_sets import PublicSet
from warehouse.settings import settings

SETS = ("Taiwan", "Polish 3")
FOLDS, SEED = 5, 7
NAMES = {
    "optbinning_all": "optbinning, every feature with an information value of 0.02",
    "optbinning_few": "optbinning, the 12 features with the largest information values",
    "skorecard_all": "skorecard as it comes, every feature",
}


class Measured(NamedTuple):
    """The scores of one method out of fold; of each fold the features used and the CPU seconds to fit and to score."""

    name: str
    scores: np.ndarray
    features: Sequence[int]
    seconds: Sequence[float]
    scoring: Sequence[float]


def ours(rows: PublicSet, numbers: np.ndarray, *, most: int = 12) -> Measured:
    """Return the scorecard of this project, out of fold."""
    scores, features, seconds, scoring = np.empty(len(rows.labels)), [], [], []
    for fold in range(FOLDS):
        train, test = np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold)
        begun = time.process_time()
        card = ScorecardClassifier(settings=ScorecardSettings(most_features=most))
        card.fit(rows.frame[train], rows.labels[train])
        fitted = time.process_time()
        scores[test] = card.predict_proba(rows.frame[test])[:, 1]
        scoring.append(time.process_time() - fitted)
        seconds.append(fitted - begun)
        features.append(card.n_features_in_)
    return Measured(f"**Nightledger**, at most {most} features", scores, features, seconds, scoring)


def peer(name: str, python: Path, rows: PublicSet, numbers: np.ndarray) -> Iterator[Measured]:
    """Yield the methods of one peer, measured on the same folds in an environment of its own."""
    with TemporaryDirectory() as folder:
        frame, folds, job, answer = (
            Path(folder) / file for file in ("rows.csv", "folds.npz", "job.json", "told.json")
        )
        rows.frame.write_csv(frame)
        np.savez(folds, labels=rows.labels, numbers=numbers)
        texts = [column for column, kind in rows.frame.schema.items() if kind == pl.String]
        told = {
            "peer": name, "frame": str(frame), "folds": str(folds), "categories": texts, "answer": str(answer),
        }  # fmt: skip
        job.write_text(json.dumps(told))
        script = Path(__file__).with_name("scorecard_peers.py")
        subprocess.run([str(python), str(script), str(job)], check=True)
        for method, found in json.loads(answer.read_text()).items():
            yield Measured(
                NAMES[method],
                np.array(found["scores"]),
                found["features"],
                found["seconds"],
                found["scoring"],
            )


def by_fold(rows: PublicSet, numbers: np.ndarray, scores: np.ndarray, metric: Any) -> list[float]:
    """Return a measure of each fold."""
    return [metric(rows.labels[numbers == fold], scores[numbers == fold]) for fold in range(FOLDS)]


def line(rows: PublicSet, numbers: np.ndarray, measured: Measured, first: Measured) -> str:
    """Return the row of one method in the table."""
    aucs = by_fold(rows, numbers, measured.scores, auc)
    span = _span(corrected_interval(aucs, test_share=1 / FOLDS))
    against = "|"
    if measured is not first:
        ours_by_fold = by_fold(rows, numbers, first.scores, auc)
        gaps = [mine - other for mine, other in zip(ours_by_fold, aucs, strict=True)]
        gap = corrected_interval(gaps, test_share=1 / FOLDS)
        against = f"{gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}) |"
    loss = sum(by_fold(rows, numbers, measured.scores, log_loss)) / FOLDS
    few, many = min(measured.features), max(measured.features)
    return (
        f"| {measured.name} | {few if few == many else f'{few} to {many}'} | {span} | {against} {loss:.4f} | "
        f"{_mean(measured.seconds):.1f} | {_mean(measured.scoring):.2f} |"
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _span(interval: Interval) -> str:
    return f"{interval.mean:.4f} ({interval.low:.4f} to {interval.high:.4f})"


def table(name: str, pythons: dict[str, Path]) -> str:
    """Return the table of one public set."""
    rows = public_sets.load(settings().data_dir, name)
    numbers = fold_numbers(rows.labels, folds=FOLDS, random_state=SEED)
    first = ours(rows, numbers)
    measured = [first, ours(rows, numbers, most=6)]
    for package, python in pythons.items():
        measured += peer(package, python, rows, numbers)
    lines = "\n".join(line(rows, numbers, one, first) for one in measured)
    return (
        f"{rows.name}, {len(rows.labels):,} rows, {int(rows.labels.sum()):,} of them in default, {rows.frame.width} "
        "features:\n\n"
        "| card | features | AUC (95%) | Nightledger less it (95%) | log loss | CPU s to fit | CPU s to score |\n"
        f"|---|--:|--:|--:|--:|--:|--:|\n{lines}"
    )


def main(given: list[str]) -> None:
    """Measure, and renew the section of the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scorecard", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--optbinning", type=Path, help="Python of an environment with optbinning")
    parser.add_argument("--skorecard", type=Path, help="Python of an environment with skorecard")
    asked = parser.parse_args(given)
    pythons = {name: path for name, path in vars(asked).items() if path is not None}
    body = "\n\n".join(table(name, pythons) for name in SETS)
    renew(
        "scorecard",
        title="The scorecard beside optbinning and skorecard",
        command="python -m benchmarks.scorecard --optbinning PYTHON --skorecard PYTHON",
        body=(
            f"{FOLDS} stratified folds, the same for all; AUC and differences by fold, with the corrected resampled-t "
            "interval. Log loss of what each gives out, not calibrated. Seconds are those of one fold. optbinning "
            "1.0.0 takes all or the strongest of its features and rounds its points; skorecard 1.6.9 (numpy 1.26, "
            "scikit-learn 1.3, optbinning 0.19, which it needs) has neither a choice of features nor points. "
            "No directions are given to anybody. Nightledger's rule of entry and its smoothing were chosen on samples "
            f"of public sets, Taiwan among them, which flatters it a little.\n\n{body}"
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
