"""Draw the default curves of the headlines of one part."""

import polars as pl

from models.hazard.curve import curves
from models.hazard.months import month_of
from tasks.load_model import load_curve_model
from warehouse.registry import ModelRecord


def curves_of(rows: pl.DataFrame, horizon_days: int, curve: ModelRecord | None) -> pl.DataFrame:
    """Return the curves of one model's headline scores as rows of scores.pd_curves.

    Args:
        rows: the model's scores of the part, as `warehouse.scores.as_rows` gives them.
        horizon_days: within how many days its PD says default.
        curve: the hazard model; None for a constant hazard.
    """
    month = month_of(horizon_days)
    headlines = rows.filter(pl.col("model_role") == "champion", pl.col("pd").is_not_null())
    model = None if curve is None else load_curve_model(curve)
    return curves(headlines, model, month=month).with_columns(
        model_family=pl.lit(None if curve is None else curve.model_family, pl.String),
        model_version=pl.lit(None if curve is None else curve.model_version, pl.String),
        pd_month=pl.lit(month, pl.Int16),
    )
