"""In words: the ensemble against single members, paired fold by fold, against our goals and the best published row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from models.voting_ensemble.members import PUBLISHED_NAMES

from papers.voting_ensemble.experiment import CHOSEN_ROW
from papers.voting_ensemble.summary import AGAINST_SINGLE, PAIRED, against_member
from papers.voting_ensemble.tables import (
    FINAL_ROW,
    LOWER_IS_BETTER,
    accuracy_of_nobody,
    published_rows,
    published_set,
)

_NAMES = {"auc": "AUC", "log_loss": "log loss", "brier": "Brier"}
# what we set out to reach with an honest protocol; the quick figures of the first evening were about there
GOALS = {"Polish 1": 0.960, "Polish 3": 0.940, "Taiwan": 0.785, "Australian": 0.940}
OURS = (CHOSEN_ROW, "optimised weights", FINAL_ROW)  # of the honest protocol; every row of the tuned one
Found = Mapping[tuple[str, str, str, str], Mapping[str, Any]]


def judged(difference: Mapping[str, Any], metric: str) -> str:
    """Return in words where zero lies beside the interval of a difference, ours less theirs.

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


def paired_words(found: Found) -> list[str]:
    """Return the sentences on one data set, from its honest figures.

    Parameters
    ----------
    found : mapping of (protocol, table_number, row_name, metric) to row of ops.replication
    """
    told = []
    for metric, name in _NAMES.items():
        gap = found.get(("honest", PAIRED, AGAINST_SINGLE, metric))
        if gap:
            told.append(f"{name} {_span(gap)}, {judged(gap, metric)}")
    lines = []
    if told:
        lines.append(
            "**Against its best single member** (chosen on the training part, calibrated likewise; parsimonious less "
            f"single, paired fold by fold): {'; '.join(told)}."
        )
    for table, what in (
        ("6", "Against the member that turns out best on the test folds, which nobody can choose beforehand"),
        ("4", "Against the best of the members without resampling, likewise in hindsight"),
    ):
        known = {
            member: found["honest", table, member, "auc"]["mean"]
            for member in PUBLISHED_NAMES.values()
            if ("honest", PAIRED, against_member(member, table), "auc") in found
        }
        if known:
            best = max(known, key=lambda member: float(known[member]))
            gap = found["honest", PAIRED, against_member(best, table), "auc"]
            lines.append(f"{what} ({best}): AUC {_span(gap)}, {judged(gap, 'auc')}.")
    return lines


def goal_words(found: Found, dataset: str) -> list[str]:
    """Return the sentences on our goal and, for log loss and Brier, on the best published row of any table.

    Parameters
    ----------
    found : mapping of (protocol, table_number, row_name, metric) to row of ops.replication
    dataset : str
        As ops.replication names it.
    """
    lines = []
    reached = _ours(found, "auc")
    if reached and dataset in GOALS:
        row = max(reached, key=lambda one: float(one["mean"]))
        gap = row["mean"] - GOALS[dataset]
        verb = "reached" if gap >= 0 else f"missed by {-gap:.4f}; docs/experiments.md says what was tried"
        lines.append(
            f"**Goal** AUC {GOALS[dataset]:.3f}: {verb}. Highest honest row: {row['row_name']} with {row['mean']:.4f} "
            f"({row['low']:.4f} to {row['high']:.4f})."
        )
    told = []
    for metric in ("log_loss", "brier"):
        theirs = [
            (row.figures[metric], f"{row.row_name}, Table {row.table_number}")
            for row in published_rows()
            if row.dataset == published_set(dataset) and metric in row.figures
        ]
        ours = _ours(found, metric)
        if ours and theirs and dataset in (*GOALS, "Polish 2 (partial)"):
            row, (best, where) = min(ours, key=lambda one: float(one["mean"])), min(theirs)
            what = "no worse" if row["mean"] <= best else "worse"
            noise = "inside our interval" if row["low"] <= best <= row["high"] else "beyond our interval"
            told.append(
                f"{_NAMES[metric]} {row['mean']:.4f} ({row['row_name']}) beside {best:.4f} ({where}): {what}, {noise}"
            )
    if not told:
        return lines
    return [
        *lines,
        f"Against the best published row of any table: {'; '.join(told)}.",
        base_rate_words(published_set(dataset)),
    ]


def base_rate_words(dataset: str) -> str:
    """Return what the base rate says of the published rows after resampling, Tables 6 and 8.

    Who tells everybody the base rate ``p`` has a Brier score of ``p (1 - p)`` and a log loss of its entropy. A row
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


def _ours(found: Found, metric: str) -> list[Mapping[str, Any]]:
    """Return the rows that stand for our ensemble, those that were measured."""
    return [
        row
        for (protocol, table, name, measure), row in found.items()
        if (table, measure) == ("8", metric)
        and (protocol == "tuned" or (protocol == "honest" and name in OURS))
    ]


def _span(gap: Mapping[str, Any]) -> str:
    return f"{gap['mean']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})"
