"""Means of all test folds with their intervals, and differences paired by fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from models.metrics import corrected_interval
from models.voting_ensemble.members import PUBLISHED_NAMES
from papers.voting_ensemble.experiment import CHOSEN_ROW, SINGLE_ROW

TEST_SHARE = 0.2  # five folds
PAIRED = "paired"  # the table of differences in ops.replication
AGAINST_SINGLE = f"{CHOSEN_ROW} less {SINGLE_ROW}"


def against_member(member: str, table: str) -> str:
    """Return the name of the difference between our ensemble and a member of Table 4 or 6."""
    return f"parsimonious less {member} of Table {table}"


def summarised(folds: pl.DataFrame, published: Mapping[tuple[str, str, str], float]) -> dict[str, list[Any]]:
    """Return, for each table, row_name, metric, mean, low, high and the published figure of all folds.

    Under "paired" stand differences of the parsimonious ensemble, taken fold by fold: AUC, log loss and Brier
    less those of the best single member (chosen on the same out-of-fold rows, calibrated likewise), and the AUC less
    that of each member of Tables 4 and 6.

    Parameters
    ----------
    folds : polars.DataFrame
        table_number, row_name, metric and value of each fold, five folds a repeat, folds in the same order.
    published : mapping of (table, row, metric) to figure
    """
    tables: dict[str, list[Any]] = {}
    values: dict[tuple[str, str, str], list[float]] = {}
    groups = folds.group_by("table_number", "row_name", "metric", maintain_order=True)
    for (table, row, metric), part in groups:
        key = (str(table), str(row), str(metric))
        values[key] = part["value"].to_list()
        span = corrected_interval(values[key], test_share=TEST_SHARE)
        tables.setdefault(str(table), []).append((row, metric, *span, published.get(key)))
    pairs = [
        (AGAINST_SINGLE, ("8", CHOSEN_ROW, metric), ("8", SINGLE_ROW, metric))
        for metric in ("auc", "log_loss", "brier")
    ]
    pairs += [
        (against_member(member, table), ("8", "parsimonious", "auc"), (table, member, "auc"))
        for table in ("4", "6")
        for member in PUBLISHED_NAMES.values()
    ]
    for name, ours, theirs in pairs:
        if ours in values and theirs in values:
            gaps = [our - their for our, their in zip(values[ours], values[theirs], strict=True)]
            span = corrected_interval(gaps, test_share=TEST_SHARE)
            tables.setdefault(PAIRED, []).append((name, ours[2], *span, None))
    return tables
