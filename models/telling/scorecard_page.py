"""Write a whole scorecard on one sheet of A4, from warehouse rows alone, with what its simplicity costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from models.metrics import Interval, auc, auc_difference, log_loss, log_loss_difference
from models.telling.pages import render, rows_of

STEPS = 9  # totals whose PD is shown


@dataclass(frozen=True)
class ScorecardRows:
    """The warehouse rows behind the sheet of one model version.

    Attributes
    ----------
    model : mapping
        Its row of ops.model_registry, JSON read.
    rows : polars.DataFrame
        Its rows of ops.scorecard in order, with business_name; at least one.
    beside : mapping of str to polars.DataFrame
        For each other family that is used beside it label, pd and other_pd of the rows that neither had seen.
    """

    model: Mapping[str, Any]
    rows: pl.DataFrame
    beside: Mapping[str, pl.DataFrame]


class Cost(NamedTuple):
    """The card beside another family on rows that neither had seen: AUC and log loss of the card less the other's."""

    family: str
    rows: int
    defaults: int
    auc: float
    other_auc: float
    auc_difference: Interval
    log_loss: float
    other_log_loss: float
    log_loss_difference: Interval

    @property
    def verdict(self) -> str:
        """Whether the log loss tells them apart beyond noise."""
        if self.log_loss_difference.low > 0:
            return "worse beyond noise"
        return "better beyond noise" if self.log_loss_difference.high < 0 else "no difference beyond noise"


def scorecard_page(rows: ScorecardRows) -> str:
    """Return the sheet as an HTML page.

    Raises
    ------
    MissingFigureError
        A figure that the page shows is missing in the warehouse.
    """
    whole = costs(rows.beside)
    features = [_feature(part) for _, part in rows.rows.group_by("place", maintain_order=True)]
    return render(
        "scorecard.html.jinja",
        model=rows.model,
        shared=rows.rows.row(0, named=True),
        features=features,
        totals=totals(rows.rows),
        costs=whole,
        best=whole[0] if whole else None,
    )


def costs(beside: Mapping[str, pl.DataFrame]) -> list[Cost]:
    """Return the card beside each other family with rows of both classes in common, the one it loses most to first."""
    found = []
    for family, rows in beside.items():
        labels, ours, theirs = (rows[name].to_numpy() for name in ("label", "pd", "other_pd"))
        if min((labels == 0).sum(), (labels == 1).sum()) < 2:
            continue
        found.append(
            Cost(
                family,
                len(labels),
                int(labels.sum()),
                auc(labels, ours),
                auc(labels, theirs),
                auc_difference(labels, ours, theirs),
                log_loss(labels, ours),
                log_loss(labels, theirs),
                log_loss_difference(labels, ours, theirs),
            )
        )
    return sorted(found, key=lambda cost: -cost.log_loss_difference.mean)


def totals(rows: pl.DataFrame) -> list[dict[str, float]]:
    """Return the PD of totals in even steps from the lowest to the highest that the card can give.

    Parameters
    ----------
    rows : polars.DataFrame
        Rows of ops.scorecard of one model.
    """
    shared = rows.row(0, named=True)
    ends = rows.group_by("place").agg(low=pl.col("points").min(), high=pl.col("points").max())
    low, high = (shared["base_points"] + int(ends[name].sum()) for name in ("low", "high"))
    shown = np.unique(np.linspace(low, high, STEPS).round().astype(np.int64))
    raw = 1 / (
        1 + shared["anchor_odds"] * np.exp2((shown - shared["anchor_points"]) / shared["points_to_double"])
    )
    log_odds = shared["slope_low"] * np.log(raw) - shared["slope_high"] * np.log1p(-raw) + shared["intercept"]
    return [
        {"points": points, "pd": pd}
        for points, pd in zip(shown.tolist(), (1 / (1 + np.exp(-log_odds))).tolist(), strict=True)
    ]


def _feature(part: pl.DataFrame) -> dict[str, Any]:
    """Return one feature of the card for the page."""
    first = part.row(0, named=True)
    every = int(part["borrowers"].sum())
    bins = [
        {
            **row,
            "holds": holds(row),
            "share": row["borrowers"] / every,
            "rate": row["defaults"] / row["borrowers"] if row["borrowers"] else None,
        }
        for row in rows_of(part)
    ]
    return {**first, "bins": bins}


def holds(row: Mapping[str, Any]) -> str:
    """Return in words what a bin holds, its bounds in full.

    Examples
    --------
    >>> holds({"kind": "interval", "lower": 0.25, "upper": None}), holds({"kind": "missing"})
    ('from 0.25', 'missing')
    """
    if row["kind"] == "missing":
        return "missing"
    if row["kind"] == "other":
        return f"any other, such as {', '.join(row['levels'][:3])}" if row["levels"] else "any other"
    if row["kind"] == "category":
        return ", ".join(row["levels"])
    low, high = (None if row[end] is None else f"{row[end]:,.15g}" for end in ("lower", "upper"))
    if low is None:
        return "any value" if high is None else f"below {high}"
    return f"from {low}" if high is None else f"{low} to below {high}"
