"""Say what the allowance for credit losses is, by stage, and what moved it since the night before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from models.telling.morning import MorningRows
from models.telling.pages import day
from models.telling.wording import money, number, percent

STAGES = {
    "1": "1: as expected",
    "2": "2: risk has increased",
    "3": "3: in default",
    "poci": "impaired from the start",
}
PARTS = {
    "new": "new loans",
    "repaid": "loans that are gone",
    "written_off": "written off",
    "measured": "what became known or unknown",
    "restated": "the night before told anew",
    "exposure": "exposure and time",
    "pd": "PDs",
    "model": "other models",
    "scenarios": "scenarios",
    "parameters": "loss given default and other parameters",
    "moved_stage": "stages",
}


def allowance(rows: MorningRows) -> dict[str, Any] | None:
    """Return the sentence and the rows of the allowance; None where there are no loans."""
    if rows.allowance.is_empty():
        return None
    unmeasured = int(rows.allowance["unmeasured"].sum())
    return {
        "told": _told(rows),
        "stages": [_stage(row) for row in rows.allowance.iter_rows(named=True)],
        "unmeasured": f"{number(unmeasured, 'loan')} without one: no exposure or no PD is known."
        if unmeasured
        else "",
    }


def _told(rows: MorningRows) -> str:
    now = float(rows.allowance["allowance"].sum())
    moved = rows.allowance_moved.filter(pl.col("change").is_not_null() & (pl.col("change") != 0))
    if rows.before is None or rows.allowance["loans_before"].is_null().all():
        loans = number(int(rows.allowance["loans"].sum()), "loan")
        return f"{money(now)} for {loans}; none is known of a night before."
    if moved.is_empty():
        return f"{money(now)}, unchanged since {day(rows.before)}."
    parts = [
        f"{_signed(change)} {PARTS[part]}"
        for part, change in moved.sort(pl.col("change").abs(), descending=True)
        .select("part", "change")
        .iter_rows()
    ]
    return (
        f"{money(now)}, {_signed(float(moved['change'].sum()))} since {day(rows.before)}: {', '.join(parts)}."
    )


def _stage(row: Mapping[str, Any]) -> dict[str, str]:
    amount, exposure, before = row["allowance"], row["exposure"], row["allowance_before"]
    return {
        "stage": STAGES[row["stage"]],
        "loans": f"{row['loans']:,}",
        "exposure": "unknown" if exposure is None else money(exposure),
        "allowance": "unknown" if amount is None else money(amount),
        "share": percent(amount / exposure) if amount is not None and exposure else "",
        "change": "" if row["loans_before"] is None else _signed((amount or 0) - (before or 0)),
    }


def _signed(change: float) -> str:
    return f"{'+' if change >= 0 else '-'}{money(abs(change))}"
