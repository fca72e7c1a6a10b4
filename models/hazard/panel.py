"""Expand snapshots into months at risk: one row a borrower, snapshot and month, until its default or what is known."""

from __future__ import annotations

from datetime import date

import polars as pl

from models.errors import ModelError
from models.hazard.months import MONTHS, days_of

KEY = ("as_of_date", "enterprise_id")
_LOAN = ("enterprise_id", "loan_id")


def monthly_panel(
    snapshots: pl.LazyFrame, outcomes: pl.LazyFrame, *, definition: str, settled: date
) -> pl.LazyFrame:
    """Return the months at risk of each borrower after each snapshot, in the order of snapshot, borrower and month.

    A month is a row if the borrower was not in default on the snapshot, had not defaulted in an earlier month, and the
    month ended by `settled`; so the last row of a borrower is its default, or it is censored there. In default
    means as for labels (sql/features/feat_label.sql): past due until a later row of the same loan says otherwise, a
    charge-off or an insolvency for good. A borrower of whom no outcome is known is not known to be good: no row.
    Every month has what was known on the snapshot, as a landmark model has it (van Houwelingen 2007): a forecast
    from tonight knows nothing later either.

    Parameters
    ----------
    snapshots : polars.LazyFrame
        as_of_date, enterprise_id and covariates of that date; unique by the first two.
    outcomes : polars.LazyFrame
        enterprise_id, loan_id (null: the whole enterprise), outcome_date, days_past_due, charge_off and insolvency, in
        the version known tonight; unique by the first three.
    definition : {"dpd30", "dpd90", "charge_off", "insolvency", "any"}
    settled : date
        Last day of which (nearly) all outcomes are known; months that end later are not observed.

    Returns
    -------
    polars.LazyFrame
        The columns of the snapshots, `month` (1 to 60 after the snapshot) and `event` (True: default in that month).

    Raises
    ------
    ModelError
        The definition is none of these; a cross section has no dates.

    References
    ----------
    Allison (1982), Discrete-time methods for the analysis of event histories. Sociological Methodology 13, 61-98.
    Shumway (2001), Forecasting bankruptcy more accurately: a simple hazard model. J Business 74, 101-124.
    van Houwelingen (2007), Dynamic prediction by landmarking in event history analysis. Scand J Statist 34, 70-85.
    """
    states = _states(outcomes, definition)
    at_risk = _at_risk(snapshots, states)
    defaults = (
        states.filter(pl.col("past_due") | pl.col("final"))
        .select("enterprise_id", default_on="outcome_date")
        .sort("default_on")
    )
    ends = pl.LazyFrame(
        {"month": range(1, MONTHS + 1), "ends": [days_of(month) for month in range(1, MONTHS + 1)]},
        schema={"month": pl.Int32, "ends": pl.Int32},
    )
    followed = (
        at_risk.sort("as_of_date")
        .join_asof(
            defaults, left_on="as_of_date", right_on="default_on", by="enterprise_id", strategy="forward",
            allow_exact_matches=False, check_sortedness=False,
        )
        .with_columns(
            known_days=(pl.lit(settled) - pl.col("as_of_date")).dt.total_days().cast(pl.Int32),
            default_days=(pl.col("default_on") - pl.col("as_of_date")).dt.total_days().cast(pl.Int32),
        )
        # the last month that has ended, and the first that ends on the day of default or after it
        .sort("known_days")
        .join_asof(ends, left_on="known_days", right_on="ends", check_sortedness=False)
        .rename({"month": "last_month"})
        .drop("ends")
        .sort("default_days")
        .join_asof(
            ends, left_on="default_days", right_on="ends", strategy="forward", check_sortedness=False
        )
        .rename({"month": "default_month"})
    )  # fmt: skip
    return (
        followed.filter(pl.col("last_month").is_not_null())
        .with_columns(
            month=pl.int_ranges(1, pl.min_horizontal("last_month", "default_month") + 1, dtype=pl.Int32)
        )
        .explode("month", empty_as_null=False)
        .with_columns(event=(pl.col("month") == pl.col("default_month")).fill_null(value=False))
        .drop("known_days", "default_days", "default_on", "ends", "last_month", "default_month")
        .sort(*KEY, "month")
    )


def _states(outcomes: pl.LazyFrame, definition: str) -> pl.LazyFrame:
    """Return what each row says of its loan: past due, or lost for good by that day."""
    past_due = pl.col("days_past_due").fill_null(0) > (90 if definition == "dpd90" else 30)
    charge_off, insolvency = (pl.col(name).fill_null(value=False) for name in ("charge_off", "insolvency"))
    never = pl.lit(value=False)
    rules: dict[str, tuple[pl.Expr, pl.Expr]] = {
        "dpd30": (past_due, never),
        "dpd90": (past_due, never),
        "charge_off": (never, charge_off),
        "insolvency": (never, insolvency),
        "any": (past_due, charge_off | insolvency),
    }
    if definition not in rules:
        raise ModelError(
            f"outcomes of {definition} have no months: only {', '.join(rules)} say on which day a borrower defaulted"
        )
    late, lost = rules[definition]
    return outcomes.select(
        "enterprise_id", pl.col("loan_id").fill_null(""), "outcome_date", past_due=late, final=lost
    )


def _at_risk(snapshots: pl.LazyFrame, states: pl.LazyFrame) -> pl.LazyFrame:
    """Return the snapshots of borrowers with a known outcome who were not in default that day."""
    history = states.sort("outcome_date").with_columns(lost=pl.col("final").cum_max().over(*_LOAN))
    loans = states.select(*_LOAN).unique()
    free = (
        snapshots.select(*KEY)
        .join(loans, on="enterprise_id")
        .sort("as_of_date")
        .join_asof(
            history, left_on="as_of_date", right_on="outcome_date", by=list(_LOAN), check_sortedness=False
        )
        .group_by(*KEY)
        .agg(in_default=(pl.col("past_due") | pl.col("lost")).any())
        .filter(~pl.col("in_default"))
    )
    return snapshots.join(free.select(*KEY), on=list(KEY), how="semi")
