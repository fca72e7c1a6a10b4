"""Small portfolios with a profile and a payment flow, and settings that train in a moment."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from models.wide_deep.settings import WideDeepSettings

GROUPS = {
    "enterprise_id": "key",
    "city": "profile",
    "industry_primary": "profile",
    "identity_verified": "profile",
    "employees": "profile",
    "days_overdue_max": "ledger",
    "delinquency_count": "ledger",
    "tx_count_90d": "volume",
    "tx_net_amount_90d": "volume",
    "tx_gap_std_90d": "consistency",
    "representative_gender": "sensitive",
    "evaluation": "opinion",
}


class Portfolio(NamedTuple):
    frame: pl.DataFrame
    labels: np.ndarray


def make_portfolio(rows: int = 600, *, seed: int = 0) -> Portfolio:
    """Defaults that follow from city, arrears and payment flow, with gaps of both kinds and one rare city."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.4).astype(np.int64)
    city = np.where(rng.random(rows) < 0.3 + 0.4 * labels, "north", "south").astype(object)
    city[:4] = "hamlet"
    quiet = rng.random(rows) < 0.1
    amounts = rng.normal(-labels, 1.0) * 1000
    frame = pl.DataFrame(
        {
            "enterprise_id": [f"E{number:05d}" for number in range(rows)],
            "city": city,
            "industry_primary": rng.choice(["farm", "shop", "works"], rows),
            "identity_verified": rng.random(rows) < 0.7,
            "employees": rng.poisson(6, rows),
            "days_overdue_max": rng.exponential(10 + 20 * labels),
            "delinquency_count": rng.poisson(0.5 + labels),
            "tx_count_90d": np.where(quiet, np.nan, rng.poisson(np.where(labels == 1, 20, 35))),
            "tx_net_amount_90d": np.where(quiet, np.nan, amounts),
            "tx_gap_std_90d": np.exp(rng.normal(labels * 0.7, 0.5)),
            "representative_gender": rng.choice(["f", "m"], rows),
            "evaluation": np.where(labels == 1, "poor", "good"),
        },
        nan_to_null=True,
    ).with_columns(pl.when(pl.int_range(pl.len()) % 11 == 0).then(None).otherwise("city").alias("city"))
    return Portfolio(frame, labels)


def quick(**changes: object) -> WideDeepSettings:
    """Small layers, large steps, few epochs."""
    usual: dict[str, object] = {
        "hidden": (16, 8),
        "learning_rate": 3e-3,
        "batch_size": 64,
        "max_epochs": 4,
        "minimum_steps": 8,
        "device": "cpu",
        "cross_pairs": (("city", "industry_primary"), ("identity_verified", "industry_primary")),
    }
    return WideDeepSettings(**usual | changes)
