"""Set every choice of a voting ensemble, described and bounded."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.family import FamilySettings
from models.feature_groups import OPERATIONAL_GROUPS, TABLE_1_GROUPS
from models.voting_ensemble.members import FREE_ONLY, MEMBERS, Member

ENSEMBLE_GROUPS = (*TABLE_1_GROUPS, *OPERATIONAL_GROUPS)


class VotingEnsembleSettings(FamilySettings):
    """Every choice of one model version, stored with it."""

    family: ClassVar[str] = "voting_ensemble"

    members: tuple[Member, ...] = Field(
        MEMBERS, min_length=2, description="Candidates for the vote; the paper has these seven."
    )
    profile: Literal["night", "paper", "tuned"] = Field(
        "night",
        description="Parameters of the members: library defaults within bounds, as in the paper without them, or "
        "tuned ones.",
    )
    feature_groups: tuple[str, ...] = Field(
        ENSEMBLE_GROUPS,
        min_length=1,
        description="Groups that may enter, as the SQL heads name them: those of the paper and the payment flow.",
    )
    windows: tuple[str, ...] = Field(
        ("365d", "all"),
        description="Windows that may enter, such as 365d, or all for the record of a cross section; empty: every one.",
    )
    oversample: bool | None = Field(
        None,
        description="Bagged SMOTE in the training rows, always or never; none: where it helps, out of fold.",
    )
    bags: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = Field(
        "auto",
        description="Stratified bags that are oversampled on their own; auto: 10, more above 100,000 rows.",
    )
    smote_neighbors: int = Field(5, ge=1, le=50, description="Neighbours of SMOTE; lowered in a small bag.")
    selection: Literal["parsimonious", "paper"] = Field(
        "parsimonious",
        description="The simplest combination within noise of the best, or the paper's rule: best AUC, stacked.",
    )
    monotone: bool = Field(
        False,
        description="The score never falls as a feature rises that raises the risk by the catalogue, nor the other way "
        "round; gbdt, which cannot be held to it, does not vote.",
    )
    folds: int = Field(5, ge=2, le=20, description="Stratified folds that the evaluation is made of.")
    inner_folds: int = Field(
        3, ge=2, le=20, description="Stratified folds that yield the out-of-fold probabilities for the votes."
    )
    random_state: int = Field(7, ge=0, le=2**32 - 1, description="Seed of folds, bags and members.")
    minimum_positives: int = Field(30, ge=2, description="Fewest defaults (and fewest others) to train on.")

    @property
    def voters(self) -> tuple[Member, ...]:
        """The members that may vote."""
        return tuple(name for name in self.members if name not in self.unheld)

    @property
    def unheld(self) -> dict[str, str]:
        """The members that may not vote, each with the reason."""
        barred = (name for name in self.members if self.monotone and name in FREE_ONLY)
        return dict.fromkeys(barred, "it cannot be held to a direction")

    @model_validator(mode="after")
    def _monotone_votes(self) -> Self:
        if self.monotone and len(self.voters) < 2:
            raise ValueError(
                f"monotone leaves {', '.join(self.voters) or 'nobody'} of the members to vote: name two others than "
                f"{', '.join(FREE_ONLY)}"
            )
        if self.monotone and self.selection == "paper":
            raise ValueError(
                "the paper's rule stacks members, with weights below zero too, which turns a direction round: "
                "selection parsimonious goes with monotone"
            )
        return self

    def challenger(self) -> Self | None:
        """Return the same settings without resampling where it is always done; a decision has measured both."""
        return self.model_copy(update={"oversample": False}) if self.oversample else None
