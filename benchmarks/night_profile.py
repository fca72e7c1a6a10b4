"""What the bounds of the night's profile cost: voting_ensemble before and after, on the same folds of six data sets.

Before: the members with their libraries' defaults, and one stack. After: the profile "night", and smaller stacks. Both
choose their vote on out-of-fold probabilities of the training rows, and are measured on the same rows unseen by both.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import rankdata

from benchmarks.learning_curve import DAY
from benchmarks.page import renew
from models.calibration import Calibrator, reliability
from models.evaluation import fold_numbers, repeated_folds
from models.runner import threads
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.members import (
    MEMBERS,
    NIGHT,
    Profile,
    fit_member,
    make_member,
    member_probability,
    smoothed,
)
from models.voting_ensemble.out_of_fold import Prepared, out_of_fold
from models.voting_ensemble.oversampling import balance
from models.voting_ensemble.preparation import StandardPreparation
from models.voting_ensemble.selection import select
from models.voting_ensemble.settings import VotingEnsembleSettings
from papers import public_sets
from warehouse import matrix
from warehouse.settings import settings

SEED = 7
FOLDS = 5
SIMULATED = "simulated"
SETS = (SIMULATED, *(name for name in public_sets.PUBLIC_SETS if name != "sba"))
PROFILES: dict[str, Profile] = {"before": "paper", "after": "night"}
SETTINGS = VotingEnsembleSettings(random_state=SEED, oversample=True)


def simulated(folder: Path):  # noqa: ANN201 - frame, labels, splits
    """Return the thick files of two portfolios of the learning curve: two years before the end teach, one measures."""
    rows = pl.concat(
        [
            pl.read_parquet(folder / f"rows-{seed}.parquet").with_columns(
                pl.format("{}-{}", pl.lit(seed), "enterprise_id").alias("enterprise_id")
            )
            for seed in (11, 12)
        ]
    )
    rows = rows.filter(pl.col("coverage") == "thick", pl.col("as_of_date").dt.year() == DAY.year - 1)
    rows = rows.sort("as_of_date", "enterprise_id")
    last = rows["as_of_date"] == rows["as_of_date"].max()
    train, test = np.flatnonzero(~last), np.flatnonzero(last)
    chooser = VotingEnsembleClassifier(groups=matrix.feature_groups())
    names = chooser._choose(rows[train], SETTINGS).columns  # noqa: SLF001 - the features that a night takes
    return rows.select(names), rows["label"].to_numpy().astype(np.int64), ((0, 0, train, test),)


def public(name: str):  # noqa: ANN201 - frame, labels, splits
    """Return a public data set with its folds."""
    rows = public_sets.load(settings().data_dir, name)
    splits = repeated_folds(rows.labels, folds=FOLDS, repeats=1, random_state=SEED)
    return rows.frame, rows.labels, splits


def measure(frame, labels, train, test) -> dict:  # noqa: ANN001 - arrays
    """Return labels, scores and PDs of the test rows, and CPU seconds of fitting all members, before and after."""
    known = labels[train]

    def prepare(inner):  # noqa: ANN001, ANN202
        rows = frame[train[inner]]
        preparation = StandardPreparation().fit(rows)
        numbers, balanced, _ = balance(preparation.transform(rows), known[inner], SETTINGS)
        return Prepared(numbers, balanced, lambda others: preparation.transform(frame[train[others]]))

    unfitted = {name: make_member(name, random_state=SEED) for name in MEMBERS}
    bounded = {f"{name} night": make_member(name, profile="night", random_state=SEED) for name in NIGHT}
    folds = fold_numbers(known, folds=SETTINGS.inner_folds, random_state=SEED)
    inner = out_of_fold(prepare, unfitted | bounded, known, folds, runner=threads(1))
    prepared = prepare(np.arange(len(train)))
    held_out = StandardPreparation().fit(frame[train]).transform(frame[test])
    votes, seconds = {}, {}
    for name, member in (unfitted | bounded).items():
        started = time.process_time()
        fitted = fit_member(name, member, prepared.X, prepared.y)
        seconds[name] = time.process_time() - started
        votes[name] = smoothed(fitted, member_probability(name, fitted, held_out))
    measured = {"labels": labels[test]}
    for when, profile in PROFILES.items():
        names = [f"{name} night" if profile == "night" and name in NIGHT else name for name in MEMBERS]
        unseen = inner.probabilities[:, [inner.members.index(name) for name in names]]
        chosen = select(
            unseen, known, members=MEMBERS, folds=inner.folds, smaller_stacks=profile == "night"
        ).chosen.combiner
        places = [MEMBERS.index(name) for name in chosen.members]
        score = chosen.combine(np.column_stack([votes[names[place]] for place in places]))
        calibrator = Calibrator(method="platt").fit(chosen.combine(unseen[:, places]), known)
        measured[f"{when}_score"], measured[f"{when}_pd"] = score, calibrator.predict(score)
        measured[f"{when}_seconds"] = sum(seconds[name] for name in names)
    return measured


def placements(labels, scores):  # noqa: ANN001, ANN201 - arrays
    """Return for each default the share of others below it, and for each other the share of defaults above it."""
    bad, good = scores[labels == 1], scores[labels == 0]
    ranks = rankdata(np.concatenate([bad, good]))
    above = (ranks[: len(bad)] - rankdata(bad)) / len(good)
    return above, 1 - (ranks[len(bad) :] - rankdata(good)) / len(bad)


def auc_row(folds: list[dict]) -> tuple[float, float, float, float]:
    """Return the mean AUC over folds before and after, and the difference with 1.96 of DeLong's standard errors."""
    areas, variances = [], []
    for fold in folds:
        before, after = (placements(fold["labels"], fold[f"{when}_score"]) for when in PROFILES)
        areas.append((before[0].mean(), after[0].mean()))
        variances.append(sum((b - a).var(ddof=1) / len(a) for a, b in zip(before, after, strict=True)))
    before, after = np.mean(areas, axis=0)
    return before, after, after - before, 1.96 * np.sqrt(np.sum(variances)) / len(folds)


def loss_row(before, after) -> tuple[float, float, float, float]:  # noqa: ANN001 - arrays
    """Return the mean loss before and after, and the difference paired by row with 1.96 standard errors."""
    gaps = after - before
    return before.mean(), after.mean(), gaps.mean(), 1.96 * gaps.std(ddof=1) / np.sqrt(len(gaps))


def rows_of(name: str, folds: list[dict]) -> Iterator[str]:
    """Return the rows of one data set."""
    labels = np.concatenate([fold["labels"] for fold in folds])
    pds = [np.concatenate([fold[f"{when}_pd"] for fold in folds]) for when in PROFILES]
    chance = [np.where(labels == 1, pd, 1 - pd) for pd in pds]
    span = f"{name}: {len(labels):,} rows, {labels.sum():,} defaults, {len(folds)} of {FOLDS} folds"
    if name == SIMULATED:
        span = f"{name}: {len(labels):,} rows a year later, {labels.sum():,} defaults"
    for measure_name, (before, after, gap, reach) in {
        "AUC": auc_row(folds),
        "log loss": loss_row(*(-np.log(p) for p in chance)),
        "Brier": loss_row(*((1 - p) ** 2 for p in chance)),
    }.items():
        yield f"| {span} | {measure_name} | {before:.4f} | {after:.4f} | {gap:+.4f} ± {reach:.4f} |"
        span = ""
    bins = [reliability(labels, pd) for pd in pds]
    off = [sum(abs(b.mean_pd - b.default_rate) * b.rows for b in parts) / len(labels) for parts in bins]
    yield f"| | PD off the default rate, mean of ten bins | {off[0]:.4f} | {off[1]:.4f} | {off[1] - off[0]:+.4f} |"
    rate = labels.mean()
    yield f"| | mean PD less default rate | {pds[0].mean() - rate:+.4f} | {pds[1].mean() - rate:+.4f} | |"
    seconds = [np.mean([fold[f"{when}_seconds"] for fold in folds]) for when in PROFILES]
    yield f"| | one fit of all members, CPU s | {seconds[0]:.1f} | {seconds[1]:.1f} | |"


def main(arguments: list[str]) -> None:
    """Measure the folds that the folder lacks and renew the section of the page from all that it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night_profile", description=__doc__)
    parser.add_argument("folder", type=Path, help="that of benchmarks.learning_curve; keeps the folds")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--folds", type=int, default=1, help=f"of {FOLDS}, of each public set")
    options = parser.parse_args(arguments)
    for name in options.sets:
        load = partial(simulated, options.folder) if name == SIMULATED else partial(public, name)
        frame, labels, splits = load()
        for _, fold, train, test in splits[: options.folds]:
            file = options.folder / f"profile-{name}-{fold}.npz"
            if not file.exists():
                np.savez(file, **measure(frame, labels, train, test))
                print(file.stem, flush=True)
    rows = []
    for name in SETS:
        files = sorted(options.folder.glob(f"profile-{name}-*.npz"))
        if files:
            rows += rows_of(name, [dict(np.load(file)) for file in files])
    renew(
        "night-profile",
        title="voting_ensemble with the libraries' defaults and with the night's bounds",
        command="python -m benchmarks.night_profile FOLDER",
        body="| rows measured | measure | before | after | after less before |\n|---|---|--:|--:|---|\n"
        + "\n".join(rows)
        + "\n\nBefore: the libraries' defaults and one stack; after: the profile `night`, and smaller stacks. Each is "
        "chosen on out-of-fold probabilities of the training rows and calibrated on them (Platt). Folds and seeds are "
        "the same; differences are paired by row, with 1.96 standard errors (AUC: DeLong). Folds share training rows "
        "and rows of one fold share a model, so that these spans are a little too narrow.",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
