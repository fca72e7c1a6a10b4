"""Set every choice of a scorecard, described and bounded."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field

from models.family import FamilySettings
from models.feature_groups import OPERATIONAL_GROUPS, TABLE_1_GROUPS

SCORECARD_GROUPS = (*TABLE_1_GROUPS, *OPERATIONAL_GROUPS)


class ScorecardSettings(FamilySettings):
    """Every choice of one model version, stored with it."""

    family: ClassVar[str] = "scorecard"

    feature_groups: tuple[str, ...] = Field(
        SCORECARD_GROUPS,
        min_length=1,
        description="Groups of features that may enter, as the SQL heads name them.",
    )
    windows: tuple[str, ...] = Field(
        (),
        description="Windows that may enter, such as 365d, or all for the record of a cross section; empty: every one.",
    )
    most_features: int = Field(
        12, ge=1, le=12, description="Most features on the card, so that it is one sheet."
    )
    fine_bins: int = Field(20, ge=2, le=100, description="Quantile bins of a number before they are merged.")
    most_bins: int = Field(
        6, ge=2, le=6, description="Most bins of a feature, without those of missing and of other values."
    )
    minimum_share: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="Least share of the training rows in a bin; missing values are exempt.",
    )
    minimum_defaults: int = Field(
        5, ge=1, description="Fewest defaults in a bin; bins of missing and of other values are exempt."
    )
    smoothing: float = Field(
        10.0,
        gt=0,
        le=1000,
        description="Average borrowers that each bin is given before its weight of evidence is taken.",
    )
    points_to_double: int = Field(
        20, ge=1, le=1000, description="Points that double the odds of no default, before calibration."
    )
    anchor_points: int = Field(600, ge=0, le=100_000, description="Points at the anchor odds.")
    anchor_odds: float = Field(
        50.0, gt=0, description="Odds of no default to default that earn the anchor points."
    )
    folds: int = Field(
        5,
        ge=2,
        le=20,
        description="Stratified folds of the evaluation, and of the choice of how many features.",
    )
    random_state: int = Field(7, ge=0, le=2**32 - 1, description="Seed of the folds.")
    minimum_positives: int = Field(30, ge=2, description="Fewest defaults (and fewest others) to train on.")

    def adapted(self, *, rows: int, cross_section: bool) -> Self:
        """Return the settings with the known history alone for outcomes without a date, unless windows are named."""
        if self.windows or not cross_section:
            return self
        return self.model_copy(update={"windows": ("all",)})
