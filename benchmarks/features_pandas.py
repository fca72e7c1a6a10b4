"""The transaction features as one would write them in pandas, for the comparison only."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

WINDOWS = {"30d": 30, "90d": 90, "180d": 180, "365d": 365, "all": 3653}


def build(data: Path, night: date) -> pd.DataFrame:  # noqa: PLR0915 - straightforward on purpose
    """One row per enterprise: volumes, spreads, gaps, shares, delays, concentration, churn and trend."""
    end = pd.Timestamp(night) + pd.Timedelta(days=1)
    everything = pd.read_parquet(data)
    everything = everything[(everything["known_at"] < end) & (everything["occurred_at"] < end)].copy()
    everything["amount"] = everything["amount"].astype(float)
    everything["size"] = everything["amount"].abs()
    everything["days_ago"] = (pd.Timestamp(night) - everything["occurred_at"].dt.normalize()).dt.days
    everything["refund"] = everything["kind"] == "refund"
    paid = everything["paid_at"].where(everything["paid_at"] < end).dt.normalize()
    at_once = (everything["kind"] == "supplier_payment") & everything["paid_at"].isna()
    paid = paid.where(~at_once, everything["occurred_at"].dt.normalize())
    everything["delay"] = (paid - everything["due_at"].dt.normalize()).dt.days
    valid = everything[~everything["voided"]].sort_values(["enterprise_id", "occurred_at"])
    columns: dict[str, pd.Series] = {}
    for name, days in WINDOWS.items():
        window = valid[valid["days_ago"] < days]
        by = window.groupby("enterprise_id")
        columns[f"tx_count_{name}"] = by.size()
        columns[f"tx_net_amount_{name}"] = by["amount"].sum()
        columns[f"tx_gross_amount_{name}"] = by["size"].sum()
        columns[f"tx_amount_mean_{name}"] = by["size"].mean()
        columns[f"tx_amount_std_{name}"] = by["size"].std()
        columns[f"tx_active_days_{name}"] = by["days_ago"].nunique()
        gap = by["occurred_at"].diff().dt.total_seconds() / 86400
        gaps = gap.groupby(window["enterprise_id"])
        columns[f"tx_gap_std_{name}"] = gaps.std()
        columns[f"tx_gap_mean_{name}"] = gaps.mean()
        columns[f"tx_gap_max_{name}"] = gaps.max()
        columns[f"tx_refund_share_{name}"] = by["refund"].mean()
        refunds = window[window["refund"]].groupby("enterprise_id")["size"].sum()
        columns[f"tx_refund_amount_share_{name}"] = refunds / by["size"].sum()
        every = everything[everything["days_ago"] < days]
        columns[f"tx_void_share_{name}"] = every.groupby("enterprise_id")["voided"].mean()
        for side, kinds in (("pay", ["purchase", "supplier_payment"]), ("collect", ["sale"])):
            due = window[window["kind"].isin(kinds) & window["due_at"].notna()]
            delay = due.groupby("enterprise_id")["delay"]
            columns[f"tx_{side}_delay_mean_{name}"] = delay.mean()
            columns[f"tx_{side}_delay_std_{name}"] = delay.std()
            late = due[due["delay"].notna()]
            columns[f"tx_{side}_late_share_{name}"] = (
                (late["delay"] > 0).groupby(late["enterprise_id"]).mean()
            )
            fallen = due[due["due_at"] < end]
            columns[f"tx_{side}_overdue_share_{name}"] = (
                fallen["delay"].isna().groupby(fallen["enterprise_id"]).mean()
            )
        for side, kind in (("supplier", "supplier_payment"), ("purchase", "purchase"), ("customer", "sale")):
            part = window[window["kind"] == kind]
            totals = part.groupby(["enterprise_id", "counterparty_id"])["size"].sum().groupby("enterprise_id")
            columns[f"{side}_hhi_{name}"] = totals.apply(lambda p: (p**2).sum() / p.sum() ** 2)
            columns[f"{side}_top_share_{name}"] = totals.max() / totals.sum()
            columns[f"{side}_count_{name}"] = totals.size()
            columns[f"tx_{kind}_amount_{name}"] = totals.sum()
    for name, days in list(WINDOWS.items())[:4]:
        for side, kinds in (
            ("all", None),
            ("customer", ["sale"]),
            ("supplier", ["purchase", "supplier_payment"]),
        ):
            trades = valid[~valid["refund"]] if kinds is None else valid[valid["kind"].isin(kinds)]
            key = ["enterprise_id", "kind", "counterparty_id"]
            now = trades.loc[trades["days_ago"] < days, key].drop_duplicates()
            ago = trades["days_ago"]
            before = trades.loc[(ago >= days) & (ago < 2 * days), key].drop_duplicates()
            stayed = now.merge(before, on=key).groupby("enterprise_id").size()
            columns[f"{side}_churn_{name}"] = 1 - stayed / before.groupby("enterprise_id").size()
            columns[f"{side}_new_share_{name}"] = 1 - stayed / now.groupby("enterprise_id").size()
    year = valid[valid["days_ago"] < 360]
    months = year.assign(month=11 - year["days_ago"] // 30)
    for name, rows in (("sales", months[months["kind"] == "sale"]), ("count", months.assign(amount=1))):
        grid = rows.pivot_table(
            index="enterprise_id", columns="month", values="amount", aggfunc="sum", fill_value=0
        )
        grid = grid.reindex(columns=range(12), fill_value=0)
        slope = grid.mul([m - 5.5 for m in range(12)], axis=1).sum(axis=1) / 143
        columns[f"tx_{name}_trend_12m"] = slope / grid.mean(axis=1)
        columns[f"tx_{name}_month_cv_12m"] = grid.std(axis=1) / grid.mean(axis=1)
    columns["tx_days_since_last"] = valid.groupby("enterprise_id")["days_ago"].min()
    columns["tx_tenure_days"] = valid.groupby("enterprise_id")["days_ago"].max()
    return pd.DataFrame(columns)
