"""Lay out how groups of borrowers are treated as one matrix: groups down, measures across."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from models.telling.pages import MissingFigureError, count, figure, known, rows_of, share

Shown = Callable[[Any], str]
TONIGHT: Mapping[str, Shown] = {"borrowers": count, "selection_rate": share, "adverse_impact_ratio": figure}
OUTCOME: Mapping[str, Shown] = {
    "borrowers": count, "auc": figure, "observed_rate": share, "mean_pd": share, "observed_to_expected": figure,
}  # fmt: skip
_BASES = {
    "matured": "of the latest vintage whose outcomes are known",
    "unseen": "of rows that training had not seen",
}


def fairness_matrix(rows: pl.DataFrame) -> dict[str, Any] | None:
    """Return one line a group, under its attribute, with a cell for each measure; None without rows.

    Parameters
    ----------
    rows : polars.DataFrame
        attribute, group_name, basis, measure, value, low, high, sample and note of ops.fairness, of one model.

    Returns
    -------
    dict or None
        attributes: of each its name and lines, a line being the group and its cells (value, interval, note; empty
        where there is none); about: what the columns are measured on.

    Raises
    ------
    MissingFigureError
        A value is missing and no note says why.
    """
    if rows.is_empty():
        return None
    outcome = rows.filter(pl.col("basis") != "tonight")["basis"].unique().sort().to_list()
    attributes = [
        {
            "name": str(attribute).replace("_", " "),
            "lines": [
                {"group": str(name), "cells": _cells(part)}
                for (name,), part in of_it.group_by("group_name", maintain_order=True)
            ],
        }
        for (attribute,), of_it in rows.group_by("attribute", maintain_order=True)
    ]
    selected = (
        rows.filter(measure="selection_rate").filter(pl.col("value").is_not_null())["note"].unique().to_list()
    )
    told = [f"Selected: {', '.join(note for note in selected if note)}."] if selected else []
    told.append("Ratio: to the group that is selected most often.")
    told += [f"Default rate, mean PD and AUC: {_BASES[basis]}." for basis in outcome]
    return {"attributes": attributes, "about": " ".join(told)}


def _cells(part: pl.DataFrame) -> list[dict[str, str]]:
    found = {(row["basis"] == "tonight", row["measure"]): row for row in rows_of(part)}
    cells = []
    for is_tonight, measures in ((True, TONIGHT), (False, OUTCOME)):
        told: set[str] = set()  # reasons that this part of the line gives already
        for measure, shown in measures.items():
            row = found.get((is_tonight, measure))
            cells.append(
                {"value": "", "interval": "", "note": ""} if row is None else _cell(row, shown, told)
            )
    return cells


def _cell(row: Mapping[str, Any], shown: Shown, told: set[str]) -> dict[str, str]:
    """Return one figure, or why there is none; a reason that stands in the line already is not said again."""
    if known(row["value"]):
        has_interval = known(row["low"]) and known(row["high"])
        interval = f"{shown(row['low'])} to {shown(row['high'])}" if has_interval else ""
        return {"value": shown(row["value"]), "interval": interval, "note": ""}
    if not row["note"]:
        raise MissingFigureError(f"{row['measure']} of {row['group_name']} that the page shows is missing")
    note = "" if row["note"] in told else row["note"]
    told.add(row["note"])
    return {"value": "", "interval": "", "note": note}
