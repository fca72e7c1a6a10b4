"""Spoil a given share of delivered rows, so that there are quarantined and duplicate rows to count."""

from __future__ import annotations

import polars as pl

# The column whose value is made unreadable; a Parquet column is typed, so there it is left out instead.
_SPOILT = {
    "loan_ledger": "borrowing",
    "legal_cases": "filed_on",
    "credit_opinions": "opinion_date",
    "outcomes": "days_past_due",
}


def soil(rows: pl.DataFrame, feed: str, *, rate: float) -> pl.DataFrame:
    """Return the rows with a share `rate` of them doubled, of an unknown enterprise, or with a value of a wrong type.

    What happens to a row depends only on its own uniform draw `_dirt`, not on the delivery. Enterprises are only
    doubled: a spoilt profile would orphan all rows of the enterprise.
    """
    fate = pl.when(pl.col("_dirt") < rate).then((pl.col("_dirt") / max(rate, 1e-12) * 3).floor()).otherwise(9)
    doubled = pl.col("_dirt") < rate if feed == "enterprises" else fate == 0
    if feed != "enterprises":
        spoilt = fate == 2
        stranger = pl.concat_str(pl.lit("X"), pl.col("enterprise_id").str.slice(1))
        changes = [
            pl.when(fate == 1).then(stranger).otherwise(pl.col("enterprise_id")).alias("enterprise_id")
        ]
        if feed == "transactions":
            changes.append(pl.when(spoilt).then(None).otherwise(pl.col("amount")).alias("amount"))
        elif feed == "operational_events":
            changes.append(spoilt.alias("spoilt"))
        else:
            name = _SPOILT[feed]
            text = pl.col(name).cast(pl.String)
            changes.append(pl.when(spoilt).then(pl.lit("n/a")).otherwise(text).alias(name))
        rows = rows.with_columns(changes)
    extra = rows.filter(doubled)
    return pl.concat([rows, extra]) if extra.height else rows
