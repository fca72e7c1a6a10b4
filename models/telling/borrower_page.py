"""Tell of a borrower on one screen: PD night by night, grade, reasons, what moved, age of the data, overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from models.telling import in_words
from models.telling.morning_plots import pd_curve, pd_history
from models.telling.pages import day, picture, render, rows_of
from models.telling.wording import PARTS, anchor, money, percent

FEEDS = ("loan_ledger", "transactions", "operational_events", "legal_cases", "credit_opinions")
BRIEF = 14  # nights of a borrower that a night's page gives as numbers
TOLD_MONTHS = (3, 6, 12, 24, 36, 48, 60)
_STATUS = {
    "fresh": "scored tonight",
    "stale": "not scored tonight, the PD is kept from {scored_as_of}",
    "quarantined": "not scored: its description is in quarantine",
    "unscoreable": "not scored: no model has the data that it needs",
}


@dataclass(frozen=True)
class BorrowerRows:
    """The warehouse rows behind the pages of some borrowers, as of one night; each frame has an enterprise_id.

    Attributes
    ----------
    as_of_date : date
    before : date or None
        The scored night before; None on the first.
    history : polars.DataFrame
        as_of_date, score_status, coverage, grade, pd, pd_lower, pd_upper, in_default, model_family, model_version and
        scored_as_of of the headline, oldest night first.
    reasons : polars.DataFrame
        name and strength of what raises the PD most, the strongest first.
    moved : polars.DataFrame
        part, name and change of what moved the PD since the night before, the largest first; empty if nothing did or
        the parts are not kept.
    data : polars.DataFrame
        industry, region, exposure, and for each feed how many days old its newest row is; null where there is none.
    overrides : polars.DataFrame
        decided_on, old_grade, new_grade and valid_until, newest first; why is free text, which stops at raw.
    curve : polars.DataFrame
        month, marginal_pd, cumulative_pd, its bounds and shape of the 60 months after the night; no row in default,
        where the PD is not of the night, and once the night's curves lie in Parquet.
    """

    as_of_date: date
    before: date | None
    history: pl.DataFrame
    reasons: pl.DataFrame
    moved: pl.DataFrame
    data: pl.DataFrame
    overrides: pl.DataFrame
    curve: pl.DataFrame


def borrowers(rows: BorrowerRows, *, nights: int = BRIEF) -> dict[str, dict[str, Any]]:
    """Return what the template shows of each borrower with a score of the night, by its number.

    The chart has all nights of the history, the table beside it the last few. The curve is `borrower_page`'s alone.
    """
    found = {}
    for (enterprise_id,), history in rows.history.group_by("enterprise_id", maintain_order=True):
        now = history.row(-1, named=True)
        if now["as_of_date"] != rows.as_of_date:
            continue
        of_it = {
            name: rows_of(getattr(rows, name).filter(enterprise_id=enterprise_id))
            for name in ("reasons", "moved", "data", "overrides")
        }
        data = of_it["data"][0] if of_it["data"] else {}
        found[str(enterprise_id)] = {
            "enterprise_id": enterprise_id,
            "anchor": anchor(str(enterprise_id)),
            "now": now,
            "status": _status(now),
            "interval": _interval(now),
            "before": rows.before,
            "facts": _facts(data),
            "picture": picture(pd_history(history), about=_about(history)) if history["pd"].count() else None,
            "nights": [
                {**night, "interval": _interval(night)} for night in reversed(rows_of(history.tail(nights)))
            ],
            "has_intervals": history["pd_lower"].count() > 0,
            "reasons": of_it["reasons"],
            "is_unmoved": _is_unmoved(history, rows.before),
            "moved": [{**part, "told": _part(part)} for part in of_it["moved"]],
            "freshness": [(feed, data.get(feed)) for feed in FEEDS],
            "overrides": of_it["overrides"],
        }
    return found


def borrower_page(rows: BorrowerRows, *, portfolio: str, enterprise_id: str) -> str:
    """Return the page of one borrower that has a row of the night as HTML."""
    curve = rows.curve.filter(enterprise_id=enterprise_id)
    return render(
        "borrower.html.jinja",
        portfolio=portfolio,
        as_of_date=rows.as_of_date,
        borrower=borrowers(rows, nights=rows.history.height)[enterprise_id],
        curve_picture=None if curve.is_empty() else picture(pd_curve(curve), about=_about_curve(curve)),
        curve=rows_of(curve.filter(pl.col("month").is_in(TOLD_MONTHS))),
    )


def _is_unmoved(history: pl.DataFrame, before: date | None) -> bool:
    """Return whether the last night has the same PD as the night before, or neither has any."""
    if before is None:
        return False
    then = history.filter(as_of_date=before)
    return then.height == 1 and then["pd"][0] == history["pd"][-1]


def _status(now: Mapping[str, Any]) -> str:
    if now["in_default"]:
        return "in default; its PD is no forecast"
    if now["score_status"] == "stale":
        return _STATUS["stale"].format(scored_as_of=day(now["scored_as_of"]))
    return _STATUS[now["score_status"]]


def _interval(night: Mapping[str, Any]) -> str:
    """Return the 95% interval of a night's PD; empty where it has none."""
    if night["pd_lower"] is None or night["pd_upper"] is None:
        return ""
    return f"{percent(night['pd_lower'])} to {percent(night['pd_upper'])}"


def _about(history: pl.DataFrame) -> str:
    told = in_words.over_nights(history, "pd", name="PD", shown=percent)
    interval = _interval(history.row(-1, named=True))
    return f"{told} 95% interval on the last night {interval}." if interval else told


def _about_curve(curve: pl.DataFrame) -> str:
    months = curve.filter(pl.col("month").is_in(TOLD_MONTHS)).select("month", "cumulative_pd").rows()
    told = ", ".join(f"{month} {percent(pd)}" for month, pd in months)
    return f"Probability of default within so many months: {told}."


def _facts(data: Mapping[str, Any]) -> list[str]:
    """Return sector, region and exposure, where the profile and the ledger tell them."""
    exposure = data.get("exposure")
    named: Sequence[str | None] = (data.get("industry"), data.get("region"))
    return [
        *(name for name in named if name),
        "exposure unknown" if exposure is None else f"exposure {money(exposure)}",
    ]


def _part(part: Mapping[str, Any]) -> str:
    """Return a part of a change in words: the feature whose value changed, or what changed instead."""
    if part["part"] in PARTS:
        return PARTS[part["part"]]
    return "all other features" if part["name"] == "other" else str(part["name"])
