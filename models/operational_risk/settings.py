"""Set every choice of an operational-risk model, described and bounded."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from models.family import FamilySettings
from models.feature_groups import OPERATIONAL_GROUPS
from models.operational_risk.learners import TREES, Grid, Learner

LONG_WINDOWS_BELOW = 500
LONG_WINDOWS = ("365d", "all")


class OperationalRiskSettings(FamilySettings):
    """Every choice of one model version, stored with it."""

    family: ClassVar[str] = "operational_risk"

    learner: Learner = Field("xgboost", description="The learner at the end of the pipeline.")
    feature_groups: tuple[str, ...] = Field(
        OPERATIONAL_GROUPS,
        min_length=1,
        description="Groups of features that may enter, as the SQL heads name them.",
    )
    windows: tuple[str, ...] = Field(
        (),
        description="Windows that may enter, such as 365d, or all for the record of a cross section; empty: every one.",
    )
    n_neighbors: int = Field(5, ge=1, le=50, description="Donors averaged for a gap in a number.")
    reference_rows: int = Field(
        1000, ge=10, le=10_000, description="Most training rows kept as donors; bounds the cost of scoring."
    )
    skew_limit: float | None = Field(
        1.0,
        ge=0,
        description="Compress numbers that are more skewed than this; none follows the paper literally.",
    )
    oversample: bool = Field(
        True, description="SMOTE in the training folds; off for the challenger without it."
    )
    monotone: bool = Field(
        False,
        description="The score never falls as a feature rises that raises the risk by the catalogue, nor the other way "
        "round; gaps then take the mean of their feature, since neighbours change with a value.",
    )
    smote_neighbors: int = Field(5, ge=1, le=50, description="Neighbours of SMOTE; lowered to minority - 1.")
    folds: int = Field(5, ge=2, le=20, description="Stratified folds of the grid search.")
    grid: Grid | None = Field(
        None, description="Values to search for each parameter; none: the learner's own grid."
    )
    random_state: int = Field(7, ge=0, le=2**32 - 1, description="Seed of folds, SMOTE and learner.")
    minimum_positives: int = Field(10, ge=2, description="Fewest defaults (and fewest others) to train on.")

    @property
    def donors(self) -> int:
        """Most training rows kept as donors of gaps; without any, a gap takes the mean of its feature."""
        return 0 if self.monotone else self.reference_rows

    @model_validator(mode="after")
    def _monotone_learner(self) -> Self:
        if self.monotone and self.learner not in TREES:
            raise ValueError(
                f"monotone is for trees: {self.learner} cannot be held; {' or '.join(TREES)} can"
            )
        return self

    def adapted(self, *, rows: int, cross_section: bool) -> Self:
        """Return the settings with fewer windows where all of them would mislead, unless some are named.

        Outcomes without a date: the known history alone, since the last year may hold their consequences. Below
        500 rows: the longest windows, since four nested windows of one quantity are four chances to fit noise
        (docs/decisions/0021).
        """
        if self.windows or not (cross_section or rows < LONG_WINDOWS_BELOW):
            return self
        return self.model_copy(update={"windows": ("all",) if cross_section else LONG_WINDOWS})
