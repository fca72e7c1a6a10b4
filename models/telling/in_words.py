"""Say in words and numbers what each chart shows, for readers who hear the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from models.calibration import ReliabilityBin
from models.metrics import Labels, Scores, auc, ks
from models.telling.pages import day

Shown = Callable[[Any], str]


def over_nights(rows: pl.DataFrame, column: str, *, name: str, shown: Shown) -> str:
    """Return the first, last, lowest and highest value of a figure over the nights.

    Examples
    --------
    >>> from datetime import date
    >>> rows = pl.DataFrame({"as_of_date": [date(2026, 1, 1), date(2026, 1, 2)], "pd": [0.1, 0.2]})
    >>> over_nights(rows, "pd", name="PD", shown="{:.0%}".format)
    'PD on 2 nights: 10% on 2026-01-01, 20% on 2026-01-02; lowest 10% on 2026-01-01, highest 20% on 2026-01-02.'
    """
    known = rows.filter(pl.col(column).is_not_null()).select("as_of_date", column)
    if known.is_empty():
        return f"{name}: not known on any of these nights."
    first, last = known.row(0), known.row(-1)
    ordered = known.sort(column, "as_of_date")
    low, high = ordered.row(0), ordered.row(-1)
    told = [f"{shown(value)} on {day(when)}" for when, value in (first, last, low, high)]
    if known.height == 1:
        return f"{name} on one night: {told[0]}."
    return f"{name} on {known.height} nights: {told[0]}, {told[1]}; lowest {told[2]}, highest {told[3]}."


def lines(rows: pl.DataFrame, *, name: str) -> str:
    """Return the first and last value of each line of `report_plots.history`."""
    parts = []
    for (subject,), part in rows.group_by("subject", maintain_order=True):
        ends = part.select("as_of_date", "value")
        (first, then), (last, now) = ends.row(0), ends.row(-1)
        parts.append(f"{subject} {then:.3f} on {day(first)}, {now:.3f} on {day(last)}")
    return f"{name}: {'; '.join(parts)}."


def grades(rows: pl.DataFrame) -> str:
    """Return the number of borrowers in each grade."""
    named = (f"{grade} {count:,}" for grade, count in rows.select("grade", "enterprises").iter_rows())
    return f"Borrowers by grade: {', '.join(named)}."


def roc(labels: Labels, scores: Scores) -> str:
    """Return the AUC and what the curve reaches at a tenth and at three tenths of false alarms."""
    order = np.argsort(-scores, kind="stable")
    bad, good = np.cumsum(labels[order]) / labels.sum(), np.cumsum(1 - labels[order]) / (1 - labels).sum()
    reached = (f"{bad[good <= rate].max(initial=0.0):.0%} at {rate:.0%}" for rate in (0.1, 0.3))
    return (
        f"ROC curve, AUC {auc(labels, scores):.3f}; share of defaults found by share of non-defaults called default: "
        f"{', '.join(reached)}."
    )


def ks_curves(labels: Labels, scores: Scores) -> str:
    """Return the largest gap between the classes, and the median PD of each."""
    good, bad = (float(np.median(scores[labels == label])) for label in (0, 1))
    return (
        f"Share of each class below every PD; the largest gap (KS) is {ks(labels, scores):.3f}; median PD {good:.1%} "
        f"without default, {bad:.1%} with default."
    )


def reliability(curves: Mapping[str, Sequence[ReliabilityBin]]) -> str:
    """Return mean PD and observed default rate of each bin."""
    parts = (
        f"{name}: " + ", ".join(f"{part.mean_pd:.1%} and {part.default_rate:.1%}" for part in bins)
        for name, bins in curves.items()
    )
    return f"Mean PD and observed default rate of each bin. {'; '.join(parts)}."


def contributions(rows: pl.DataFrame, *, top: int = 20) -> str:
    """Return the mean absolute contribution of the strongest features."""
    sizes = (
        rows.group_by("feature")
        .agg(size=pl.col("contribution").abs().sum() / max(rows["enterprise_id"].n_unique(), 1))
        .sort("size", "feature", descending=[True, False])
        .head(top)
    )
    named = ", ".join(f"{name} {size:.2%}" for name, size in sizes.iter_rows())
    return f"Mean absolute contribution to the PD: {named}."


def swarm(rows: pl.DataFrame, *, top: int = 20) -> str:
    """Return from where to where the contributions of the strongest features reach."""
    ranges = (
        rows.group_by("feature")
        .agg(
            strength=pl.col("contribution").abs().sum(),
            low=pl.col("contribution").min(),
            high=pl.col("contribution").max(),
        )
        .sort("strength", "feature", descending=[True, False])
        .head(top)
    )
    named = ", ".join(f"{name} {low:+.1%} to {high:+.1%}" for name, _, low, high in ranges.iter_rows())
    return f"Contribution to the PD, lowest to highest among the borrowers drawn: {named}."


def shares(bins: pl.DataFrame) -> str:
    """Return the share of rows of each bin, at training and on the last night."""
    named = ", ".join(
        f"bin {name}: {before:.1%} and {now:.1%}"
        for name, before, now in bins.select("bin", "reference", "tonight").iter_rows()
    )
    return f"Share of rows at training and on the last night. {named}."
