"""Simulate incidents on request: amounts that change, a feed that fails to arrive."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

FeedName = Literal[
    "loan_ledger", "transactions", "operational_events", "legal_cases", "credit_opinions", "outcomes"
]
DAY_SECONDS = 86_400
EPOCH = date(1970, 1, 1)


class Incidents(BaseModel):
    """Incidents on the way of the feeds; none unless asked for. They change neither risk nor outcomes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    drift_from: date | None = Field(
        None, description="First day whose transactions have their amounts multiplied by drift_factor."
    )
    drift_factor: float = Field(0.5, gt=0, le=100, description="What amounts are multiplied by from then on.")
    outage_feed: FeedName | None = Field(None, description="Feed that fails to arrive for some days.")
    outage_from: date | None = Field(None, description="First day on which it does not arrive.")
    outage_through: date | None = Field(
        None, description="Last such day; what was held up arrives the day after, all at once."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Refuse an outage without feed or days, or one that ends before it begins."""
        outage = (self.outage_feed, self.outage_from, self.outage_through)
        if any(part is None for part in outage) and any(part is not None for part in outage):
            raise ValueError("an outage needs outage_feed, outage_from and outage_through")
        if self.outage_from and self.outage_through and self.outage_through < self.outage_from:
            raise ValueError("outage_through must not lie before outage_from")
        return self

    def longest_delay(self, feed: str) -> int:
        """Return by how many days a row of the feed may be late because of an outage."""
        if feed != self.outage_feed or self.outage_from is None or self.outage_through is None:
            return 0
        return (self.outage_through - self.outage_from).days + 1

    def happen(self, feed: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of a feed as they arrive; `_known` is `known_at` in seconds since 1970-01-01."""
        if feed == "transactions" and self.drift_from is not None:
            changed = (pl.col("amount").cast(pl.Float64) * self.drift_factor).round(2)
            rows = rows.with_columns(
                amount=pl.when(pl.col("occurred_at").dt.date() >= self.drift_from)
                .then(changed.cast(pl.Decimal(18, 2)))
                .otherwise(pl.col("amount"))
            )
        if feed == self.outage_feed and self.outage_from and self.outage_through:
            again = self.outage_through + timedelta(days=1)
            first, after = ((day - EPOCH).days * DAY_SECONDS for day in (self.outage_from, again))
            delayed = (pl.col("_known") >= first) & (pl.col("_known") < after)
            rows = rows.with_columns(
                known_at=pl.when(delayed)
                .then(pl.lit(again).cast(rows.schema["known_at"]))
                .otherwise(pl.col("known_at")),
                _known=pl.when(delayed).then(pl.lit(after)).otherwise(pl.col("_known")),
            )
        return rows
