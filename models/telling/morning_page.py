"""Lay out the morning: sentences, figures, lines over the nights, grades then and now, whom to call, who moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from models.telling import in_words
from models.telling.allowance import allowance
from models.telling.morning import (
    MorningRows,
    facts,
    mover_reason,
    what_failed,
    what_moved,
    what_to_decide,
    whom_to_call,
)
from models.telling.morning_plots import over_nights
from models.telling.pages import day, picture, rows_of
from models.telling.wording import link, money, number, percent, triggers

_TOLD_REASONS = 2


def morning(
    rows: MorningRows,
    *,
    borrowers: Mapping[str, Mapping[str, Any]],
    feeds: pl.DataFrame,
    gates: pl.DataFrame,
    alerts: pl.DataFrame,
    moves: pl.DataFrame,
    month: pl.DataFrame,
    scale: Sequence[str],
) -> dict[str, Any]:
    """Return what the template of the morning shows.

    Parameters
    ----------
    rows : MorningRows
    borrowers : mapping
        What the page tells of borrowers, as `borrower_page.borrowers` returns it.
    feeds, gates, alerts : polars.DataFrame
        As of `validation_report.NightRows`; of the alerts those of headline and champions.
    moves, month : polars.DataFrame
        grade_before, grade and enterprises against the night before, and against a month ago with as_of_date_from.
    scale : sequence of str
        All grades, best first, and last the state of borrowers in default.
    """
    linked = set(borrowers)
    last = rows.lines.row(-1, named=True)
    matrices = (
        [_matrix(moves, scale, title=f"{day(rows.before)} down, tonight across")]
        if rows.before and moves.height
        else []
    )
    if month.height:
        matrices.append(
            _matrix(
                month,
                scale,
                title=f"A month ago ({day(month['as_of_date_from'][0])}) down, tonight across",
            )
        )
    return {
        "before": rows.before,
        "loss_given_default": rows.loss_given_default,
        "told": [
            whom_to_call(rows, sorted(linked)),
            what_failed(feeds, gates),
            what_moved(rows, moves, scale),
            what_to_decide(rows, alerts, sorted(linked)),
        ],
        "facts": facts(rows),
        "exposure_note": _exposure_note(last),
        "lines_title": f"The last {rows.lines.height} nights" if rows.lines.height > 1 else "Night by night",
        "pictures": _pictures(rows.lines),
        "nights": list(reversed(rows_of(rows.lines))),
        "matrices": matrices,
        "listed": [_listed(row, rows, borrowers) for row in rows.listed.iter_rows(named=True)],
        "unlisted": rows.list_counts["listed"] - rows.listed.height,
        "movers": {
            title: [
                _mover(row, borrowers)
                for row in rows.movers.filter(direction=direction).iter_rows(named=True)
            ]
            for title, direction in (("For the worse", "worse"), ("For the better", "better"))
        },
        "allowance": allowance(rows),
        "refused": _refused(rows, feeds),
        "refused_more": max(0, int(feeds["files_refused"].sum()) - max(rows.refused.height, 1)),
    }


def _exposure_note(last: Mapping[str, Any]) -> str:
    """Return of how many borrowers the exposure is known; empty if of all."""
    known, borrowers = last["exposure_known"] or 0, last["enterprises"]
    if known == borrowers:
        return ""
    return f"The ledger tells the exposure of {known:,} of {number(borrowers, 'borrower')}."


def _pictures(lines: pl.DataFrame) -> list[Any]:
    """Return exposure, expected loss and mean PD as lines, where they are known on two nights at least."""
    drawn = []
    for column, title, shown in (
        ("exposure", "Exposure", money),
        ("expected_loss", "Expected loss", money),
        ("mean_pd", "Mean PD", lambda value: percent(value, 2)),
    ):
        known = lines.filter(pl.col(column).is_not_null())
        if known.height > 1:
            chart = over_nights(known, column, title=title, share=column == "mean_pd")
            drawn.append(picture(chart, about=in_words.over_nights(known, column, name=title, shown=shown)))
    return drawn


def _matrix(moves: pl.DataFrame, scale: Sequence[str], *, title: str) -> dict[str, Any]:
    """Return the grades that occur, and for each pair of them how many borrowers moved so."""
    found = {
        (before, now): count
        for before, now, count in moves.select("grade_before", "grade", "enterprises").iter_rows()
    }
    occurring = {grade for pair in found for grade in pair}
    used = [grade for grade in scale if grade in occurring]
    place = {grade: at for at, grade in enumerate(used)}
    named = ["def." if grade == scale[-1] else grade for grade in used]
    return {
        "title": title,
        "grades": named,
        "rows": [
            {
                "grade": name,
                "cells": [_cell(found.get((before, now)), place[now] - place[before]) for now in used],
            }
            for name, before in zip(named, used, strict=True)
        ],
    }


def _cell(count: int | None, notches: int) -> dict[str, str]:
    if count is None:
        return {"shown": "", "kind": ""}
    return {"shown": f"{count:,}", "kind": "worse" if notches > 0 else "better" if notches < 0 else "stays"}


def _listed(
    row: Mapping[str, Any], rows: MorningRows, borrowers: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    is_told_apart = rows.before is not None and rows.list_counts["before_is_known"]
    reasons = borrowers[row["enterprise_id"]]["reasons"][:_TOLD_REASONS]
    return {
        **row,
        "link": link(row["enterprise_id"]),
        "tag": "new" if row["is_new"] and is_told_apart else "",
        "owes": "" if row["exposure"] is None else money(row["exposure"]) if row["exposure"] else "nothing",
        "also": triggers(row["why"]),
        "reasons": "; ".join(reason["name"] for reason in reasons),
    }


def _mover(row: Mapping[str, Any], borrowers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    cause = mover_reason(borrowers[row["enterprise_id"]]["moved"], row["pd"] - row["pd_before"])
    return {
        **row,
        "link": link(row["enterprise_id"]),
        "cause": cause or "what moved it is not kept any more",
    }


def _refused(rows: MorningRows, feeds: pl.DataFrame) -> list[dict[str, str]]:
    """Return the refused files that the ledger names; of a feed without any there, the one that its delivery tells."""
    named = rows_of(rows.refused.select("feed", "path", "reason"))
    told = {row["feed"] for row in named}
    return named + [
        {"feed": row["feed"], "path": row["refused_path"], "reason": row["refused_reason"]}
        for row in feeds.filter(status="refused").iter_rows(named=True)
        if row["feed"] not in told
    ]
