"""Sort what was watched: findings row by row, what is well and what is unknown in few lines."""

from __future__ import annotations

from typing import Any

import polars as pl

from models.telling.pages import MissingFigureError, rows_of

FEW = 10  # rows of a measure that are shown one by one where nothing is wrong with them


def watched(rows: pl.DataFrame) -> dict[str, Any]:
    """Return the rows of ops.monitoring as a page shows them.

    Parameters
    ----------
    rows : polars.DataFrame
        measure, subject, value, low, high, threshold, sample, severity and note.

    Returns
    -------
    dict
        bad: rows at alarm and at watch; good: rows without a finding; quiet: measures with more good rows than a page
        shows, with how many and the largest of them; unknown: measures and reasons, with how many and the first
        subjects; count: how many rows are good and how many are unknown; rows: all of them.

    Raises
    ------
    MissingFigureError
        A value is missing and no note says why.
    """
    silent = rows.filter(pl.col("value").is_null(), pl.col("note").is_null())
    if silent.height:
        raise MissingFigureError(
            f"{silent['measure'][0]} that the page shows is missing and no note says why; measure it before"
        )
    good = rows.filter(severity="ok").with_columns(of_measure=pl.len().over("measure"))
    many = good.filter(pl.col("of_measure") > FEW)
    unknown = rows.filter(severity="unknown")
    return {
        "bad": rows_of(rows.filter(severity="alarm")) + rows_of(rows.filter(severity="watch")),
        "good": rows_of(good.filter(pl.col("of_measure") <= FEW)),
        "quiet": rows_of(
            many.sort("value", descending=True, nulls_last=True)
            .group_by("measure", maintain_order=True)
            .agg(pl.len().alias("rows"), pl.first("subject", "value", "threshold"))
        ),
        "unknown": rows_of(
            unknown.group_by("measure", "note", maintain_order=True).agg(
                pl.len().alias("rows"), pl.col("subject").head(3).str.join(", ").alias("subjects")
            )
        ),
        "rows": rows_of(rows),
        "count": {"good": good.height, "unknown": unknown.height},
    }
