"""Means over seeds with their intervals, and the paired differences of Table 2."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from models.metrics import Interval, corrected_interval
from papers.wide_deep.experiment import AT_PAPER_RATE, BEST, BOOSTED, RATE_CHOSEN

DIFFERENCES = (
    ("Logistic Regression + Cross", "Logistic Regression"),
    ("DNN + Cross", "DNN"),
    (BEST, "Wide & Deep"),
    (BEST, "Logistic Regression"),
    (BEST, "DNN"),
    (BEST, BOOSTED),
)
TEST_SHARE = 0.25  # test rows among test and training rows

Summary = tuple[str, str, float, float, float, float | None]  # row, metric, mean, low, high, published


def summarised(folds: pl.DataFrame, published: Mapping[str, Mapping[str, float]]) -> dict[str, list[Summary]]:
    """Return the mean of every figure over the seeds with its interval, and the paired differences of Table 2.

    Parameters
    ----------
    folds : polars.DataFrame
        table_number, row_name, metric, repeat (the seed) and value.
    published : mapping of row to mapping of metric to figure
        The paper's precision, recall and F1 are put beside ours averaged over classes.
    """
    tables: dict[str, list[Summary]] = {}
    for (table, row, metric), part in folds.group_by(
        "table_number", "row_name", "metric", maintain_order=True
    ):
        theirs = published.get(str(row), {}).get(str(metric).removeprefix("average "))
        beside = theirs if str(metric) == "auc" or str(metric).startswith("average ") else None
        span = corrected_interval(part["value"].to_list(), test_share=TEST_SHARE)
        tables.setdefault(str(table), []).append((str(row), str(metric), *span, beside))
    for table in (AT_PAPER_RATE, RATE_CHOSEN):
        if table in tables:
            tables[f"{table}, paired"] = [
                (f"{left} less {right}", f"{metric} difference", *_paired(own, left, right, metric), None)
                for own in (folds.filter(table_number=table),)
                for left, right in DIFFERENCES
                if {left, right} <= set(own["row_name"])
                for metric in ("auc", "f1", "average f1")
            ]
    return tables


def _paired(own: pl.DataFrame, left: str, right: str, metric: str) -> Interval:
    """Return the mean difference of two rows of one table over the seeds that both have."""
    ours, theirs = (
        own.filter(metric=metric, row_name=name).select("repeat", "value").sort("repeat")
        for name in (left, right)
    )
    if ours["repeat"].to_list() != theirs["repeat"].to_list():
        raise ValueError("a paired difference needs the same seeds on both sides")
    return corrected_interval((ours["value"] - theirs["value"]).to_list(), test_share=TEST_SHARE)
