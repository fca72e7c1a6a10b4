"""What deciding by evidence gains: the voting ensemble always after bagged SMOTE, and after it only where it helps.

Each training part is fitted once without and once after bagged SMOTE; `decide` says which of the two a training would
take, on out-of-fold probabilities of the training part alone. Both are measured on test rows that had no part in fits
or decision: folds of five public sets, and other borrowers of simulated portfolios a year later. Beside that, one first
training of such a portfolio as a night does it, before and after.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.model_selection import train_test_split

from benchmarks.first_rows import ENTERPRISES, first_rows
from benchmarks.night_profile import auc_row
from benchmarks.page import renew
from models.calibration import Calibrator
from models.evaluation import fold_numbers, repeated_folds
from models.metrics import Interval, clustered_interval
from models.training import Training, train
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.oversampling import decide, with_prior
from models.voting_ensemble.settings import VotingEnsembleSettings
from papers import public_sets
from warehouse import matrix
from warehouse.settings import settings

SEEDS = (7, 8, 9)  # of the simulated portfolios
SEED, FOLDS = 7, 5
SIMULATED = "simulated"
PUBLIC = tuple(name for name in public_sets.PUBLIC_SETS if name != "sba")
SETS = (SIMULATED, *PUBLIC)
EVIDENCE = VotingEnsembleSettings(random_state=SEED)
SIDES = {side: EVIDENCE.model_copy(update={"oversample": side}) for side in (False, True)}


def simulated_splits(frame: pl.DataFrame, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows of the first snapshot to learn from, and those of the others' last snapshot, borrower by borrower."""
    last = (frame["as_of_date"] == frame["as_of_date"].max()).to_numpy()
    later = np.flatnonzero(last)
    fold = dict(
        zip(
            frame["enterprise_id"].gather(later).to_list(),
            fold_numbers(labels[later], folds=FOLDS, random_state=SEED).tolist(),
            strict=True,
        )
    )
    folds = np.array([fold.get(name, -1) for name in frame["enterprise_id"]])
    for number in range(FOLDS):
        yield np.flatnonzero(~last & (folds != number)), np.flatnonzero(last & (folds == number))


def parts(name: str, folder: Path, folds: int, most: int):  # noqa: ANN201 - frame, labels, file, rows of both parts
    """Yield every training part of a data set, of at most so many rows, and the other rows, which measure."""
    if name == SIMULATED:
        for seed in SEEDS:
            frame, labels = first_rows(folder, seed)
            for number, (learnt, test) in enumerate(simulated_splits(frame, labels)):
                yield frame, labels, folder / f"fold-{name}-{seed}-{number}.npz", learnt, test
        return
    rows = public_sets.load(settings().data_dir, name)
    for _, number, learnt, _ in repeated_folds(rows.labels, folds=FOLDS, repeats=1, random_state=SEED)[
        :folds
    ]:
        if len(learnt) > most:
            learnt, _ = train_test_split(  # noqa: PLW2901 - fewer of them
                learnt, train_size=most, stratify=rows.labels[learnt], random_state=SEED
            )
        test = np.setdiff1d(np.arange(len(rows.labels)), learnt)
        file = folder / f"fold-{name}-{len(learnt)}-{number}.npz"
        yield rows.frame, rows.labels, file, np.sort(learnt), test


def measure(frame, labels, learnt, test) -> dict:  # noqa: ANN001 - arrays
    """Return labels and scores of the test rows from both sides, the decision, and the CPU seconds of both fits."""
    groups = matrix.feature_groups() if "enterprise_id" in frame.columns else None
    fitted, measured = {}, {"labels": labels[test], "names": names_of(frame, test), "learnt": len(learnt)}
    for side, chosen in SIDES.items():
        started = time.process_time()
        model = VotingEnsembleClassifier(settings=chosen, groups=groups).fit(frame[learnt], labels[learnt])
        measured[f"seconds_{side}"] = time.process_time() - started
        measured["always" if side else "never"] = model.predict_proba(frame[test])[:, 1]
        fitted[side] = model
    borrowers = frame["enterprise_id"].gather(learnt).to_list() if groups else None
    found = decide(fitted[False].selection_, fitted[True].selection_, labels[learnt], borrowers)
    measured["evidence"] = measured["never"]
    if found.taken:  # as a training has it that decides
        model = fitted[True]
        model.combiner_ = with_prior(model.combiner_, model.base_rate_)
        measured["evidence"] = model.predict_proba(frame[test])[:, 1]
    return measured | {"taken": found.taken, "difference": found.difference}


def names_of(frame: pl.DataFrame, rows: np.ndarray) -> np.ndarray:
    """Return whose the rows are: a borrower's, or each one its own."""
    if "enterprise_id" not in frame.columns:
        return rows.astype(str)
    whose = frame.select(pl.format("{}-{}", "portfolio", "enterprise_id"))
    return whose.to_series().gather(rows).to_numpy().astype(str)


def measured_folds(name: str, folder: Path) -> list[dict]:
    """Return what was measured of a data set, with a PD of each test row, which had no part in its calibration."""
    files = [dict(np.load(file)) for file in sorted(folder.glob(f"fold-{name}-*.npz"))]
    for found in files:
        dealt = fold_numbers(found["labels"], folds=FOLDS, random_state=SEED)
        for side in ("always", "evidence", "never"):
            found[f"{side}_pd"] = pds(found[side], found["labels"], dealt)
    return files


def pds(scores: np.ndarray, labels: np.ndarray, dealt: np.ndarray) -> np.ndarray:
    """Return the PD of each score, each part calibrated on the other parts, as a training does with later rows."""
    found = np.empty(len(scores))
    for part in np.unique(dealt):
        rows = dealt == part
        found[rows] = Calibrator(method="platt").fit(scores[~rows], labels[~rows]).predict(scores[rows])
    return found


def losses(files: Sequence[dict], side: str) -> dict[str, np.ndarray]:
    """Return the log loss and the Brier score of every test row."""
    labels, pd = (np.concatenate([found[key] for found in files]) for key in ("labels", f"{side}_pd"))
    chance = np.where(labels == 1, pd, 1 - pd)
    return {"log loss": -np.log(chance), "Brier": (1 - chance) ** 2}


def compared(files: Sequence[dict], side: str, other: str) -> dict[str, tuple[float, float, Interval]]:
    """Return for each measure both means, and the difference, side less other, with its 95% interval."""
    renamed = [
        {"labels": found["labels"], "before_score": found[other], "after_score": found[side]}
        for found in files
    ]
    before, after, gap, reach = auc_row(renamed)
    # a borrower of a simulated portfolio, and a row of a public set in every repeat, count once
    whose = np.concatenate([found["names"] for found in files])
    mine, others = losses(files, side), losses(files, other)
    return {"AUC": (after, before, Interval(gap, gap - reach, gap + reach))} | {
        shown: (
            mine[shown].mean(),
            others[shown].mean(),
            clustered_interval(mine[shown] - others[shown], whose),
        )
        for shown in mine
    }


def spanned(interval: Interval) -> str:
    """Return a difference with its interval, or that there is none."""
    if not any(interval):
        return "the same"
    return f"{interval.mean:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def rows_of(name: str, files: Sequence[dict]) -> Iterator[str]:
    """Return the lines of one data set."""
    rows, bad = (
        sum(count(found) for found in files)
        for count in (lambda f: len(f["labels"]), lambda f: int(f["labels"].sum()))
    )
    told = f"{sum(bool(found['taken']) for found in files)} of {len(files)}"
    learnt = round(np.mean([found["learnt"] for found in files]))
    span = f"{name}: fits on {learnt:,} rows, measured on {rows:,}, {bad:,} in default"
    beside = compared(files, "evidence", "never")
    for shown, (after, before, gap) in compared(files, "evidence", "always").items():
        figures = f"{before:.4f} | {after:.4f} | {spanned(gap)}"
        never, less = beside[shown][1:]
        yield f"| {span} | {told} | {shown} | {figures} | {never:.4f} | {spanned(less)} |"
        span = told = ""


def decisions_of(name: str, files: Sequence[dict]) -> str:
    """Return how far the decision was from what the test rows say, and what both sides cost."""
    told = np.mean([found["difference"][0] for found in files])
    seen = compared(files, "always", "never")["log loss"][2]
    seconds = [np.mean([found[f"seconds_{side}"] for found in files]) for side in SIDES]
    return (
        f"| {name} | {told:+.4f} | {spanned(seen)} | {seconds[0]:.1f} | {seconds[1]:.1f} "
        f"| {sum(seconds) / seconds[1]:.2f} |"
    )


def train_first(folder: Path) -> dict:
    """Train on one simulated portfolio as its first night does, before and after, unless the folder has both."""
    file = folder / "first.npz"
    if file.exists():
        return dict(np.load(file))
    frame, labels = first_rows(folder, SEEDS[0])
    before, seconds_before = trained(frame, labels, SIDES[True])
    after, seconds_after = trained(frame, labels, EVIDENCE)
    found = after.model.classifier.oversampling_
    unseen = [training.evaluation.unseen for training in (before, after)]
    seen = {
        "labels": unseen[0]["label"].to_numpy(),
        "names": names_of(frame, unseen[0]["row"].to_numpy()),
        "learnt": len(labels) - unseen[0].height,
        "decided": [found.without, found.after, *found.difference],
        "seconds": [seconds_before, seconds_after],
    }
    for side, rows in zip(("always", "evidence"), unseen, strict=True):
        seen |= {side: rows["pd_raw"].to_numpy(), f"{side}_pd": rows["pd"].to_numpy()}
    np.savez(file, **seen)
    return dict(np.load(file))


def first_training(folder: Path) -> list[str]:
    """Return the lines of the first training, before and after."""
    seen = train_first(folder)
    without, after, *found = seen["decided"].tolist()
    gap, (before_seconds, after_seconds) = Interval(*found), seen["seconds"]
    return [
        (
            f"One first training of {ENTERPRISES:,} simulated borrowers (seed {SEEDS[0]}): {seen['learnt']:,} thick "
            f"files teach, {len(seen['labels']):,} of a year later measure, {seen['labels'].sum()} of them in default. "
            f"Decided: {'bagged SMOTE' if gap.high < 0 else 'without'}; out of fold {without:.4f} without and "
            f"{after:.4f} after it, {spanned(gap)}. Before, the ensemble without it was measured beside it."
        ),
        "",
        "| | before | after | after less before |",
        "|---|--:|--:|---|",
        *(
            f"| {shown} | {before:.4f} | {after:.4f} | {spanned(less)} |"
            for shown, (after, before, less) in compared([seen], "evidence", "always").items()
        ),
        f"| CPU s | {before_seconds:.1f} | {after_seconds:.1f} | {after_seconds / before_seconds:.2f} times |",
    ]


def trained(
    frame: pl.DataFrame, labels: np.ndarray, chosen: VotingEnsembleSettings
) -> tuple[Training, float]:
    """Train as a night does, with the challenger that the settings ask for, and return it with its CPU seconds."""
    groups, challenger = matrix.feature_groups(), chosen.challenger()
    started = time.process_time()
    training = train(
        VotingEnsembleClassifier(settings=chosen, groups=groups),
        frame,
        labels,
        borrowers=frame["enterprise_id"].to_list(),
        snapshots=frame["as_of_date"].to_list(),
        challenger=None
        if challenger is None
        else VotingEnsembleClassifier(settings=challenger, groups=groups),
    )
    return training, time.process_time() - started


def page(folder: Path, names: Sequence[str]) -> str:
    """Return the section of the page from the folds that the folder holds."""
    folds = {name: measured_folds(name, folder) for name in names}
    folds = {name: files for name, files in folds.items() if files}
    lines = [
        (
            "| test rows | takes it | measure | before: always | after: by evidence | after less before | never "
            "| by evidence less never |"
        ),
        "|---|---|---|--:|--:|---|--:|---|",
        *(line for name, files in folds.items() for line in rows_of(name, files)),
        "",
        (
            "Folds and seeds are the same on all sides. PDs of the test rows are calibrated crosswise, as a training "
            "does with later rows (Platt). Intervals: 95%, paired by row, AUC by DeLong; folds share training rows and "
            "the rows of a fold share a model, so that they are a little too narrow. On simulated portfolios the first "
            "snapshot of the other borrowers teaches, and the last one of the fold's borrowers, a year later, "
            "measures. On public sets all rows measure that were not drawn to learn from, so that a row may do so in "
            "several folds; it then counts as one, but not for the AUC."
        ),
        "",
        (
            "The log loss after bagged SMOTE less without it, as the decision sees it in the training parts (mean), "
            "and on the test rows; and what both sides cost:"
        ),
        "",
        "| | out of fold | on test rows | CPU s without | CPU s after SMOTE | both, beside after SMOTE alone |",
        "|---|--:|---|--:|--:|--:|",
        *(decisions_of(name, files) for name, files in folds.items()),
        "",
        *first_training(folder),
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure the folds that the folder lacks and renew the section of the page from all that it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oversampling", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="keeps portfolios and folds; a run that was stopped goes on"
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), help="measured in this run")
    parser.add_argument("--folds", type=int, default=FOLDS, help=f"of {FOLDS}, of each public set")
    parser.add_argument("--rows", type=int, default=6_000, help="most rows of a public set to learn from")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        for frame, labels, file, learnt, test in parts(name, options.folder, options.folds, options.rows):
            if not file.exists():
                np.savez(file, **measure(frame, labels, learnt, test))
                print(file.stem, flush=True)
    train_first(options.folder)
    renew(
        "oversampling",
        title="The voting ensemble after bagged SMOTE always, and by evidence",
        command=f"python -m benchmarks.oversampling FOLDER --folds {options.folds} --rows {options.rows}",
        body=page(options.folder, SETS),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
