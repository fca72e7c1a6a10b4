"""Intervals of a PD held against the simulation's true probabilities and against real outcomes.

Three truths are told apart: the default rate of borrowers with the same score, which is what the interval claims to
hold; the probability of one borrower given all that its traits show; and that given its latent risk, which no feature
shows.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import gamma, norm
from scipy.stats import t as student
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.page import renew
from benchmarks.pd_interval_methods import (
    METHODS,
    REFITTED,
    Bounds,
    Calibration,
    Floats,
    Rows,
    refitted,
)
from papers import public_sets
from sources.simulated_world import FRAILTY_SHAPE, TRAITS, YEAR, SimulationSettings, world
from warehouse.settings import settings

LEARNERS: dict[str, Any] = {
    "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)),
    "40 randomised trees": ExtraTreesClassifier(40, min_samples_leaf=8, random_state=0),
}
CHUNKS = 10  # of 1,000 borrowers that are judged
GROUPS = 20
LEARNT = 2_000  # rows of a public set that are learnt from
SBA = ("GrAppv", "NoEmp", "CreateJob", "RetainedJob", "UrbanRural", "NewExist")


class People(NamedTuple):
    """Simulated borrowers: traits, whether they default within a year, and the probability of that by two judges."""

    traits: Floats
    labels: Rows
    by_traits: Floats
    by_risk: Floats


def people(seed: int, *, chunks: int, rows: int | None = None) -> People:
    """Draw borrowers of the simulation on their first day, none of them in default yet."""
    drawn = [world(SimulationSettings(seed=seed), chunk, 0) for chunk in range(chunks)]
    traits = np.concatenate([np.stack([one.traits[name] for name in TRAITS], axis=1) for one in drawn])[:rows]
    days = np.concatenate([one.default_day for one in drawn])[:rows]
    risk = np.concatenate([one.risk for one in drawn])[:rows]
    return People(traits, (days < YEAR).astype(np.int64), given_traits(traits), given_risk(risk))


def given_risk(risk: Floats) -> Floats:
    """Return the probability to default within the first year, as `sources.simulated_world.world` draws the day."""
    rate = -np.log1p(-SimulationSettings().annual_default_rate)
    return -np.expm1(-FRAILTY_SHAPE * risk * np.expm1(rate / FRAILTY_SHAPE))


def given_traits(traits: Floats) -> Floats:
    """Return the mean of `given_risk` over what the traits leave open: a normal posterior of the risk's normal score.

    Each trait is a loading times that score, a loading times the temperament, and noise: a factor model, whose
    posterior is normal with the precision ``1 + l' S^-1 l``, S the covariance of the rest. Gauss-Hermite, 41 nodes.
    """
    on_risk, on_temperament = np.array(list(TRAITS.values())).T
    rest = np.outer(on_temperament, on_temperament) + np.diag(1 - on_risk**2 - on_temperament**2)
    weighed = np.linalg.solve(rest, on_risk)
    precision = 1 + on_risk @ weighed
    grid = np.linspace(-8, 8, 2001)
    risk = np.maximum(gamma.ppf(norm.cdf(grid), FRAILTY_SHAPE, scale=1 / FRAILTY_SHAPE), 1e-12)
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    scores = (traits @ weighed / precision)[:, None] + nodes[None, :] / np.sqrt(precision)
    return np.asarray(np.interp(scores, grid, given_risk(risk)) @ (weights / weights.sum()))


def calibration(learner: Any, features: Floats, labels: Rows) -> Calibration:
    """Return out-of-fold scores of five folds, as training takes them where rows are few."""
    scores, numbers = np.empty(len(labels)), np.empty(len(labels), dtype=np.int64)
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(features, labels)
    for number, (train, test) in enumerate(folds):
        scores[test] = learner.fit(features[train], labels[train]).predict_proba(features[test])[:, 1]
        numbers[test] = number
    return Calibration(scores, labels, numbers)


def simulated(name: str, rows: int, repeats: int, *, later: bool) -> str:
    """Return the table of one learner and size: mean coverage of the truths over repeats, and width.

    Args:
        name: of the learner.
        rows: that it learns from.
        repeats: portfolios of other seeds.
        later: whether it is calibrated on as many rows of other borrowers, as out of time, or out of fold.
    """
    judged = people(1, chunks=CHUNKS)
    learner, held = LEARNERS[name], defaultdict(list)
    for repeat in range(repeats):
        both = people(100 + repeat, chunks=-(-2 * rows // 1000), rows=2 * rows)
        features, labels = both.traits[:rows], both.labels[:rows]
        if later:
            learner.fit(features, labels)
            numbers = np.arange(rows) % 5
            known = Calibration(learner.predict_proba(both.traits[rows:])[:, 1], both.labels[rows:], numbers)
        else:
            known = calibration(learner, features, labels)
            learner.fit(features, labels)
        scores = learner.predict_proba(judged.traits)[:, 1]
        rate = at_score(scores, judged.by_traits)
        bounds = {method: find(known, scores) for method, find in METHODS.items()}
        bounds[REFITTED] = refitted(learner, features, labels, judged.traits)
        for method, found in bounds.items():
            truths = (rate, judged.by_traits, judged.by_risk)
            shares = [share(found, truth) for truth in truths]
            held[method].append([*shares, float(np.mean(found.upper - found.lower))])
    lines = [
        "| interval | holds the rate at its score | the probability by the traits | by the latent risk | mean width |",
        "|---|--:|--:|--:|--:|",
    ]
    for method, values in held.items():
        *shares, width = np.mean(values, axis=0)
        errors = student.ppf(0.975, repeats - 1) * np.std(values, axis=0, ddof=1) / np.sqrt(repeats)
        told = " | ".join(f"{one:.0%} ± {error:.0%}" for one, error in zip(shares, errors, strict=False))
        lines.append(f"| {method} | {told} | {width:.3f} |")
    return "\n".join(lines)


def at_score(scores: Floats, probability: Floats) -> Floats:
    """Return the default rate of borrowers with each score: the mean true probability of the hundredth around it."""
    parts = np.array_split(np.argsort(scores, kind="stable"), 100)
    return np.interp(
        scores, [scores[part].mean() for part in parts], [probability[part].mean() for part in parts]
    )


def share(bounds: Bounds, truth: Floats) -> float:
    """Return the share of truths that the bounds hold."""
    return float(np.mean((bounds.lower <= truth) & (truth <= bounds.upper)))


class Real(NamedTuple):
    """A public set as numbers; `earlier` marks the rows that may be learnt from, where they are told apart by time."""

    name: str
    features: Floats
    labels: Rows
    earlier: np.ndarray | None


def real_sets(folder: Path) -> Iterator[Real]:
    """Yield Taiwan, Polish 3, and the first loans of the national SBA file, drawn at random and split by year."""
    for name in ("Taiwan", "Polish 3"):
        rows = public_sets.load(folder, name)
        yield Real(name, numbers(rows.frame), rows.labels, None)
    loans = pl.read_parquet(folder / "sba" / "SBAnational_first22427.parquet").filter(
        pl.col("ApprovalDate").is_not_null() & pl.col("MIS_Status").is_not_null()
    )
    features = numbers(
        loans.select(
            *SBA,
            guaranteed=pl.col("SBA_Appv") / pl.col("GrAppv"),
            revolving=pl.col("RevLineCr") == "Y",
            low_doc=pl.col("LowDoc") == "Y",
        )
    )
    labels = (loans["MIS_Status"] == "CHGOFF").cast(pl.Int64).to_numpy()
    yield Real("SBA", features, labels, None)
    year = loans["ApprovalDate"].dt.year().to_numpy()
    yield Real("SBA, learnt from loans before 2004, judged on later ones", features, labels, year < 2004)


def numbers(frame: pl.DataFrame) -> Floats:
    """Return the columns as numbers, gaps filled by the median."""
    numeric = frame.with_columns(pl.all().cast(pl.Float64, strict=False))
    return numeric.with_columns(pl.all().fill_null(pl.all().median())).to_numpy()


def real(data: Real, repeats: int) -> str:
    """Return the table of a public set: in how many groups of unseen rows the bounds hold the observed rate."""
    held: dict[str, list[list[float]]] = defaultdict(list)
    learner = LEARNERS["40 randomised trees"]
    sizes = 0
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        may = np.arange(len(data.labels)) if data.earlier is None else np.flatnonzero(data.earlier)
        learnt = rng.choice(may, LEARNT, replace=False)
        judged = (
            np.setdiff1d(np.arange(len(data.labels)), learnt)
            if data.earlier is None
            else np.flatnonzero(~data.earlier)
        )
        known = calibration(learner, data.features[learnt], data.labels[learnt])
        learner.fit(data.features[learnt], data.labels[learnt])
        scores = learner.predict_proba(data.features[judged])[:, 1]
        parts = np.array_split(np.argsort(scores, kind="stable"), GROUPS)
        sizes = len(parts[0])
        rates = np.array([data.labels[judged][part].mean() for part in parts])
        for method, find in METHODS.items():
            found = find(known, scores)
            lower, upper = (np.array([ends[part].mean() for part in parts]) for ends in found)
            # the observed rate of a group has its own luck: normal, at the rate itself
            luck = 1.96 * np.sqrt(rates * (1 - rates) / sizes)
            inside = np.mean((lower <= rates) & (rates <= upper))
            near = np.mean((lower - luck <= rates) & (rates <= upper + luck))
            held[method].append([float(inside), float(near), float(np.mean(upper - lower))])
    lines = [f"**{data.name}**: groups of {sizes:,} rows", "",
             "| interval | groups whose observed rate it holds | within the rate's own luck | mean width |",
             "|---|--:|--:|--:|"]  # fmt: skip
    for method, values in held.items():
        inside, near, width = np.mean(values, axis=0)
        spread = np.std([value[0] for value in values], ddof=1)
        error = student.ppf(0.975, repeats - 1) * spread / np.sqrt(repeats)
        lines.append(f"| {method} | {inside:.0%} ± {error:.0%} | {near:.0%} | {width:.3f} |")
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Measure every way to an interval on the simulation and on real outcomes, and renew the section of the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pd_interval", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="portfolios, and draws of a public set")
    options = parser.parse_args(arguments)
    about = (
        "Level of all intervals: 95%, of Venn-Abers none. Simulated borrowers by their twelve traits; the rate at a "
        f"score is the mean of their true probabilities by the traits, {CHUNKS * 1000:,} judged borrowers; ± is 95% "
        f"(Student) over {options.repeats} portfolios."
    )
    parts = [about]
    for name, rows, later in (
        ("logistic regression", 500, True), ("logistic regression", 2_000, True),
        ("40 randomised trees", 2_000, True), ("40 randomised trees", 2_000, False),
        ("logistic regression", 10_000, True),
    ):  # fmt: skip
        how = f"calibrated on {rows:,} other borrowers" if later else "calibrated out of fold"
        parts += [
            f"**{name} on {rows:,} borrowers**, {how}",
            simulated(name, rows, options.repeats, later=later),
        ]
    folder = settings().data_dir
    if folder is not None:
        parts.append(
            f"Real outcomes: 40 randomised trees on {LEARNT:,} rows, calibrated out of fold; the others in {GROUPS} "
            f"groups by score, {options.repeats} draws."
        )
        parts += [real(data, options.repeats) for data in real_sets(folder)]
    renew(
        "pd-interval",
        title="The interval of a PD",
        command=f"python -m benchmarks.pd_interval --repeats {options.repeats}",
        body="\n\n".join(parts),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
