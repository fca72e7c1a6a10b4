"""Set the limits of the watch: from which change, shortfall or group size a measure is judged."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class WatchSettings(BaseModel):
    """Limits of the nightly watch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    smoothing: float = Field(
        default=0.5,
        gt=0,
        le=5,
        description="Rows added to each bin of both samples, so that no share is zero",
    )
    rows_a_bin: int = Field(
        default=5, ge=1, le=100, description="Mean rows a bin below which a stability index is unknown"
    )
    index_watch: float = Field(
        default=0.10, gt=0, description="Stability index of PDs or grades from which it is watched"
    )
    index_alarm: float = Field(default=0.25, gt=0, description="The same from which it is an alarm")
    feature_watch: float = Field(
        default=0.25,
        gt=0,
        description="Stability index of a feature from which it is watched; no alarm by itself",
    )
    level_watch: float = Field(
        default=0.10, gt=0, description="Relative change of the mean PD against the last nights to watch"
    )
    level_alarm: float = Field(default=0.25, gt=0, description="The same from which it is an alarm")
    nights: int = Field(default=5, ge=1, le=60, description="Scored nights that make up the last batch")
    usual_nights: int = Field(
        default=28,
        ge=7,
        le=366,
        description="Scored nights before that batch that show how much a feature moves",
    )
    usual_least: int = Field(
        default=7, ge=1, le=366, description="Such nights below which a feature is told and not judged"
    )
    change_nights: int = Field(
        default=60,
        ge=14,
        le=180,
        description="Last nights whose amounts and new defaults are compared with those of the year before them",
    )
    amount_change: float = Field(
        default=0.10,
        gt=0,
        le=1,
        description="Relative change of all amounts that is looked for night by night",
    )
    default_ratio: float = Field(
        default=2.0,
        gt=1,
        le=10,
        description="How many times as many new defaults as in the year before are looked for night by night",
    )
    run_length_watch: int = Field(
        default=365,
        ge=2,
        description="Nights that pass on average, if nothing changes, before amounts or new defaults are watched",
    )
    run_length_alarm: int = Field(default=3650, ge=2, description="The same for an alarm")
    feed_pauses: int = Field(
        default=3,
        ge=1,
        le=24,
        description="Pauses between its deliveries below which the age of a feed is unknown",
    )
    vintages: int = Field(
        default=12, ge=1, le=60, description="Months whose last scored night is measured against its outcomes"
    )
    confidence: float = Field(
        default=0.95, ge=0.5, le=0.999, description="Confidence of intervals and critical values"
    )
    p_watch: float = Field(
        default=0.05, gt=0, lt=1, description="Corrected p of a calibration test below which it is watched"
    )
    p_alarm: float = Field(default=0.01, gt=0, lt=1, description="The same below which it is an alarm")
    asset_correlation: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Asset correlation of borrowers in the tests of one factor; empty: that of Basel for other "
        "retail exposures (CRE31.16), 0.16 for the lowest PDs and 0.03 for the highest; 0: independent",
    )
    prudent_confidence: float = Field(
        default=0.75,
        ge=0.5,
        le=0.999,
        description="Confidence of the bound by Pluto and Tasche of a grade with fewer than minimum_defaults",
    )
    cycle_vintages: int = Field(
        default=12,
        ge=3,
        le=60,
        description="Vintages below which nobody says whether PDs are point in time or through the cycle",
    )
    gini_drop: float = Field(
        default=0.10, gt=0, lt=1, description="Loss of Gini against training, beyond noise, that is an alarm"
    )
    minimum_defaults: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="Defaults, and others, below which AUC, Gini and KS are unknown; defaults of a grade below "
        "which its PD is bounded by Pluto and Tasche",
    )
    minimum_group: int = Field(
        default=50, ge=5, le=10_000, description="Borrowers below which a group's figures are withheld"
    )
    cut_off: float = Field(
        default=0.16,
        gt=0,
        lt=1,
        description="PD below which a borrower counts as selected; 0.16 is the upper bound of grade D1",
    )

    overdue_alarm: int = Field(
        default=30,
        ge=0,
        le=366,
        description="Days after which an overdue finding or review is an alarm; it is watched from the first day on",
    )

    @model_validator(mode="after")
    def _alarm_beyond_watch(self) -> Self:
        """Refuse an alarm limit that is reached before its watch limit."""
        if self.index_alarm < self.index_watch or self.level_alarm < self.level_watch:
            raise ValueError("an alarm limit lies below its watch limit")
        if self.run_length_alarm < self.run_length_watch:
            raise ValueError("run_length_alarm lies below run_length_watch")
        if self.usual_least > self.usual_nights:
            raise ValueError("usual_least lies above usual_nights")
        if self.p_alarm > self.p_watch:
            raise ValueError("p_alarm lies above p_watch")
        return self
