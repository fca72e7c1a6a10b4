"""Small portfolios with a known signal, and settings that fit in a moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from models.operational_risk.settings import OperationalRiskSettings


class Portfolio(NamedTuple):
    frame: pl.DataFrame
    labels: np.ndarray
    groups: dict[str, str]


def make_portfolio(rows: int = 160, *, rate: float = 0.25, seed: int = 0) -> Portfolio:
    """Features of three groups, gaps that are random and gaps that are structural, and two useless columns."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(rows, dtype=np.int64)
    labels[: max(2, int(rows * rate))] = 1
    rng.shuffle(labels)
    shift = labels * 1.2
    thin = rng.random(rows) < 0.2
    gap_std = np.exp(rng.normal(shift, 1.0))
    gap_std[rng.random(rows) < 0.05] = np.nan
    latency = rng.normal(shift, 1.0)
    latency[thin] = np.nan
    frame = pl.DataFrame(
        {
            "enterprise_id": [f"E{number:05d}" for number in range(rows)],
            "coverage": ["thin"] * rows,
            "tx_gap_std_all": gap_std,
            "supplier_latency_mean_365d": latency,
            "supplier_latency_std_365d": np.where(thin, np.nan, rng.gamma(2.0, 1.0, rows)),
            "tx_sales_all": np.exp(rng.normal(10.0, 2.0, rows)),
            "late_payer": rng.random(rows) < 0.2 + 0.4 * labels,
            "channel": rng.choice(["shop", "market", "web"], rows),
            "login_count_90d": [None] * rows,
            "constant_all": np.ones(rows),
            "rating": np.where(labels == 1, "D", "A"),
        },
        schema_overrides={"login_count_90d": pl.Int64},
        nan_to_null=True,
    ).with_columns(
        pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise(pl.col("channel")).alias("channel")
    )
    groups = {
        "enterprise_id": "key",
        "coverage": "key",
        "tx_gap_std_all": "consistency",
        "supplier_latency_mean_365d": "latency",
        "supplier_latency_std_365d": "latency",
        "tx_sales_all": "volume",
        "late_payer": "behaviour",
        "channel": "behaviour",
        "login_count_90d": "digital_intensity",
        "constant_all": "behaviour",
        "rating": "opinion",
    }
    return Portfolio(frame, labels, groups)


def quick(learner: str = "logistic_regression", **changes: object) -> OperationalRiskSettings:
    """Settings whose grid has one point."""
    grid = {
        "xgboost": {"max_depth": (2,)},
        "logistic_regression": {"C": (1.0,)},
        "svm": {"C": (1.0,)},
        "random_forest": {"n_estimators": (20,)},
    }[learner]
    return OperationalRiskSettings(learner=learner, grid=grid, **changes)
