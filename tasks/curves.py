"""Draw the default curves of the headlines of one part."""

import polars as pl

from models.hazard.curve import curves
from models.hazard.months import month_of
from tasks.load_model import load_curve_model
from warehouse.registry import ModelRecord

ARREARS = "arrears"
"""The fact that the hazard model is given: the root of the days past due, as the night knows them."""


def with_arrears(frame: pl.DataFrame, arrears: pl.DataFrame) -> pl.DataFrame:
    """Add the fact of arrears to rows of borrowers, null where no outcome was known; the order stays.

    Args:
        frame: enterprise_id and as_of_date where the arrears have one.
        arrears: enterprise_id and days_past_due, of one night or with as_of_date of several.
    """
    on = [name for name in ("as_of_date", "enterprise_id") if name in arrears.columns]
    fact = arrears.select(*on, pl.col("days_past_due").sqrt().alias(ARREARS))
    return frame.join(fact, on=on, how="left", maintain_order="left")


def curves_of(
    rows: pl.DataFrame, horizon_days: int, curve: ModelRecord | None, arrears: pl.DataFrame
) -> pl.DataFrame:
    """Return the curves of one model's headline scores as rows of scores.pd_curves.

    Args:
        rows: the model's scores of the part, as `warehouse.scores.as_rows` gives them.
        horizon_days: within how many days its PD says default.
        curve: the hazard model; None for a constant hazard.
        arrears: of the part, as `warehouse.curves.arrears` gives them.
    """
    month = month_of(horizon_days)
    headlines = rows.filter(pl.col("model_role") == "champion", pl.col("pd").is_not_null())
    model = None if curve is None else load_curve_model(curve)
    return curves(
        with_arrears(headlines.select("enterprise_id", "pd"), arrears), model, month=month
    ).with_columns(
        model_family=pl.lit(None if curve is None else curve.model_family, pl.String),
        model_version=pl.lit(None if curve is None else curve.model_version, pl.String),
        pd_month=pl.lit(month, pl.Int16),
    )
