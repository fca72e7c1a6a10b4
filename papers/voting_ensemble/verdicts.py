"""Sentences on one data set: ours against published, against single members, against our goals, and with leaks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from models.voting_ensemble.members import PUBLISHED_NAMES
from papers.voting_ensemble.experiment import CHOSEN_ROW
from papers.voting_ensemble.recipes import OUR_ROW
from papers.voting_ensemble.summary import AGAINST_SINGLE, PAIRED, against_member
from papers.voting_ensemble.tables import (
    FINAL_ROW,
    LOWER_IS_BETTER,
    MEASURES,
    SIMULATED,
    accuracy_of_nobody,
    published_rows,
    published_set,
)

MEASURE_NAMES = {
    "accuracy": "accuracy",
    "auc": "AUC",
    "log_loss": "log loss",
    "brier": "Brier",
    "ks": "KS",
}
PAIRED_MEASURES = ("auc", "log_loss", "brier")
SWITCHES = {  # of the leaky protocol, and the row that shows what each does
    "choose on the test fold": FINAL_ROW,
    "oversample before the split": "equal weights",
    "both": FINAL_ROW,
}
# AUC that we set out to reach with an honest protocol
GOALS = {"Polish 1": 0.960, "Polish 3": 0.940, "Taiwan": 0.785, "Australian": 0.940}
OURS = (CHOSEN_ROW, "optimised weights", FINAL_ROW)  # of the honest protocol; every row of the tuned one
# rows of ops.replication of one data set by (protocol, table_number, row_name, metric)
Rows = Mapping[tuple[str, str, str, str], Mapping[str, Any]]


def verdict_words(figures: pl.DataFrame) -> str:
    """Return everything that the page says about the figures of one data set, by stated rules.

    Parameters
    ----------
    figures : polars.DataFrame
        Columns of ops.replication.
    """
    dataset = figures["dataset"][0]
    rows = {
        (row["protocol"], row["table_number"], row["row_name"], row["metric"]): row
        for row in figures.iter_rows(named=True)
    }
    lines = [] if dataset.startswith(SIMULATED) else _published_words(rows)
    lines += paired_words(rows)
    recipe = rows.get(("tuned", "8", OUR_ROW, "auc"))
    if recipe:
        shares = [
            f"{row['row_name']} {row['mean']:.0%}"
            for row in figures.filter(table_number="recipe").iter_rows(named=True)
        ]
        lines.append(
            f"Our recipe reaches an AUC of {recipe['mean']:.4f} ({recipe['low']:.4f} to {recipe['high']:.4f}); "
            f"taken inside the training parts: {', '.join(shares)}."
        )
    lines += goal_words(rows, dataset)
    lines += _leak_words(rows)
    return "\n".join(lines) + "\n"


def verdict(ours: Mapping[str, Any], published: float, metric: str) -> str:
    """Return in words where a published figure lies, seen from our interval.

    Examples
    --------
    >>> verdict({"mean": 0.94, "low": 0.92, "high": 0.96}, 0.9589, "auc")
    'inside our interval'
    >>> verdict({"mean": 0.94, "low": 0.92, "high": 0.96}, 0.99, "auc")
    'better than ours beyond noise'
    """
    if ours["low"] <= published <= ours["high"]:
        return "inside our interval"
    better = (published < ours["mean"]) == (metric in LOWER_IS_BETTER)
    return "better than ours beyond noise" if better else "worse than ours beyond noise"


def judged(difference: Mapping[str, Any], metric: str) -> str:
    """Return in words whether a difference, ours less theirs, is beyond noise.

    Examples
    --------
    >>> judged({"low": -0.01, "high": 0.02}, "auc"), judged({"low": 0.01, "high": 0.02}, "auc")
    ('no different beyond noise', 'better beyond noise')
    >>> judged({"low": 0.01, "high": 0.02}, "log_loss")
    'worse beyond noise'
    """
    if difference["low"] <= 0.0 <= difference["high"]:
        return "no different beyond noise"
    better = (difference["high"] < 0.0) == (metric in LOWER_IS_BETTER)
    return "better beyond noise" if better else "worse beyond noise"


def paired_words(rows: Rows) -> list[str]:
    """Return the sentences on the ensemble against single members, from paired honest figures."""
    differences = []
    for metric in PAIRED_MEASURES:
        gap = rows.get(("honest", PAIRED, AGAINST_SINGLE, metric))
        if gap:
            differences.append(f"{MEASURE_NAMES[metric]} {_span(gap)}, {judged(gap, metric)}")
    lines = []
    if differences:
        lines.append(
            "**Against its best single member** (chosen on the training part, calibrated likewise; parsimonious less "
            f"single, paired fold by fold): {'; '.join(differences)}."
        )
    for table, beginning in (
        ("6", "Against the member that turns out best on the test folds, which nobody can choose beforehand"),
        ("4", "Against the best of the members without resampling, likewise in hindsight"),
    ):
        means = {
            member: rows["honest", table, member, "auc"]["mean"]
            for member in PUBLISHED_NAMES.values()
            if ("honest", PAIRED, against_member(member, table), "auc") in rows
        }
        if means:
            best = max(means, key=lambda member: float(means[member]))
            gap = rows["honest", PAIRED, against_member(best, table), "auc"]
            lines.append(f"{beginning} ({best}): AUC {_span(gap)}, {judged(gap, 'auc')}.")
    return lines


def goal_words(rows: Rows, dataset: str) -> list[str]:
    """Return the sentences on our goal and, for log loss and Brier, on the best published row of any table.

    Parameters
    ----------
    rows : mapping of (protocol, table_number, row_name, metric) to row of ops.replication
    dataset : str
        As ops.replication names it.
    """
    lines = []
    ours = _ours(rows, "auc")
    if ours and dataset in GOALS:
        highest = max(ours, key=lambda row: float(row["mean"]))
        gap = highest["mean"] - GOALS[dataset]
        verb = "reached" if gap >= 0 else f"missed by {-gap:.4f}; docs/experiments.md says what was tried"
        lines.append(
            f"**Goal** AUC {GOALS[dataset]:.3f}: {verb}. Highest honest row: {highest['row_name']} with "
            f"{highest['mean']:.4f} ({highest['low']:.4f} to {highest['high']:.4f})."
        )
    comparisons = []
    for metric in ("log_loss", "brier"):
        theirs = [
            (row.figures[metric], f"{row.row_name}, Table {row.table_number}")
            for row in published_rows()
            if row.dataset == published_set(dataset) and metric in row.figures
        ]
        ours = _ours(rows, metric)
        if ours and theirs and dataset in (*GOALS, "Polish 2 (partial)"):
            lowest, (best, place) = min(ours, key=lambda row: float(row["mean"])), min(theirs)
            order = "no worse" if lowest["mean"] <= best else "worse"
            noise = (
                "inside our interval" if lowest["low"] <= best <= lowest["high"] else "beyond our interval"
            )
            comparisons.append(
                f"{MEASURE_NAMES[metric]} {lowest['mean']:.4f} ({lowest['row_name']}) beside {best:.4f} ({place}): "
                f"{order}, {noise}"
            )
    if not comparisons:
        return lines
    return [
        *lines,
        f"Against the best published row of any table: {'; '.join(comparisons)}.",
        base_rate_words(published_set(dataset)),
    ]


def base_rate_words(dataset: str) -> str:
    """Return the sentences that hold the published rows after resampling, Tables 6 and 8, to the base rate.

    Whoever tells everybody the base rate ``p`` has a Brier score of ``p (1 - p)`` and a log loss of its entropy. A row
    misjudged at one half is at least one half off, so that misjudged rows alone make up at least a quarter of their
    share in the Brier score.

    Examples
    --------
    >>> base_rate_words("Taiwan").split(";")[0]
    'Saying the base rate of 22.1% to everybody has a log loss of 0.5284 and a Brier score of 0.1723'
    """
    nobody = accuracy_of_nobody(dataset)
    rate = 1.0 - nobody
    entropy = -rate * math.log(rate) - nobody * math.log(nobody)
    rows = [row for row in published_rows() if row.dataset == dataset and row.table_number in ("6", "8")]
    below = sum(row.figures["accuracy"] < nobody for row in rows)
    best = min(rows, key=lambda row: row.figures["brier"])
    missed = (1.0 - best.figures["accuracy"]) / 4.0 / best.figures["brier"]
    return (
        f"Saying the base rate of {rate:.1%} to everybody has a log loss of {entropy:.4f} and a Brier score of "
        f"{rate * nobody:.4f}; calling nobody a default has an accuracy of {nobody:.3f}, above {below} of the "
        f"{len(rows)} published rows after resampling. Of the best published Brier score there ({best.row_name}, Table "
        f"{best.table_number}) the rows misjudged at one half alone make up at least {missed:.0%}."
    )


def _published_words(rows: Rows) -> list[str]:
    """Return the verdict on the paper's final row, measure by measure; empty where none was published."""
    verdicts = []
    for metric in MEASURES:
        final = rows.get(("honest", "8", FINAL_ROW, metric))
        if final is not None and final["published"] is not None:
            verdicts.append(f"{MEASURE_NAMES[metric]} {verdict(final, final['published'], metric)}")
    if not verdicts:
        return []
    return [f"**Verdict.** Published against the paper's rule measured honestly: {'; '.join(verdicts)}."]


def _leak_words(rows: Rows) -> list[str]:
    """Return how far each leaky switch moves the figures."""
    lines = []
    for switch, name in SWITCHES.items():
        moves = [
            f"the {MEASURE_NAMES[metric]} from {honest['mean']:.4f} to {leaky['mean']:.4f}"
            for metric in PAIRED_MEASURES
            if (leaky := rows.get(("leaky", "8", f"{switch}: {name}", metric)))
            and (honest := rows.get(("honest", "8", name, metric)))
        ]
        if moves:
            lines.append(f'Leaky switch "{switch}" moves, for "{name}", {", ".join(moves)}.')
    return lines


def _ours(rows: Rows, metric: str) -> list[Mapping[str, Any]]:
    """Return the rows that stand for our ensemble, those that were measured."""
    return [
        row
        for (protocol, table, name, measure), row in rows.items()
        if (table, measure) == ("8", metric)
        and (protocol == "tuned" or (protocol == "honest" and name in OURS))
    ]


def _span(gap: Mapping[str, Any]) -> str:
    return f"{gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})"
