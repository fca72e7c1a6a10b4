"""Borrowers that every family can learn from, with the true PD of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.special import expit

GROUPS = {
    "enterprise_id": "key",
    "coverage": "key",
    "city": "profile",
    "employees": "profile",
    "identity_verified": "profile",
    "days_overdue_max": "ledger",
    "defendant_cases_all": "legal",
    "evaluation_grade": "opinion",
    "tx_count_365d": "volume",
    "tx_gap_std_365d": "consistency",
    "late_payer": "behaviour",
    "channel": "behaviour",
}

DIRECTIONS = {
    "days_overdue_max": 1, "defendant_cases_all": 1, "evaluation_grade": -1, "tx_gap_std_365d": 1,
}  # fmt: skip


class Borrowers(NamedTuple):
    frame: pl.DataFrame
    labels: np.ndarray
    pd: np.ndarray


def make_borrowers(rows: int = 300, *, seed: int = 0) -> Borrowers:
    """Numbers, flags and categories of six groups, some with gaps; arrears, gaps and city make the true PD."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["north", "south"], rows)
    arrears, cases = rng.exponential(12.0, rows), rng.poisson(0.5, rows)
    irregular, busy = rng.normal(0.0, 1.0, rows), rng.normal(0.0, 1.0, rows)
    late = rng.random(rows) < 0.3
    pd = expit(
        -1.4 + 0.8 * (city == "north") + 0.04 * (arrears - 12.0) + 1.2 * irregular - 0.9 * busy + 0.7 * late
        + 0.4 * cases
    )  # fmt: skip
    frame = pl.DataFrame(
        {
            "enterprise_id": [f"E{number:05d}" for number in range(rows)],
            "coverage": rng.choice(["thick", "transaction", "thin"], rows),
            "city": city,
            "employees": rng.poisson(6, rows),
            "identity_verified": rng.random(rows) < 0.7,
            "days_overdue_max": np.where(rng.random(rows) < 0.1, np.nan, arrears),
            "defendant_cases_all": cases,
            "evaluation_grade": np.clip(np.rint(4.0 - irregular), 1, 6),
            "tx_count_365d": np.rint(60 + 15 * busy),
            "tx_gap_std_365d": np.where(rng.random(rows) < 0.1, np.nan, np.exp(irregular)),
            "late_payer": late,
            "channel": rng.choice(["market", "shop", "web"], rows),
        },
        nan_to_null=True,
    ).with_columns(pl.when(pl.int_range(pl.len()) % 11 == 0).then(None).otherwise("city").alias("city"))
    return Borrowers(frame, (rng.random(rows) < pd).astype(np.int64), pd)
