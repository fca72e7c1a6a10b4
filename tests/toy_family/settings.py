"""Every choice of a toy model."""

from typing import ClassVar

from pydantic import Field

from models.family import FamilySettings


class ToySettings(FamilySettings):
    """Every choice of one model version; stored with it."""

    family: ClassVar[str] = "toy"

    features: tuple[str, str] = Field(
        ("tx_count_365d", "tx_gap_std_365d"), description="The two numbers that it learns from."
    )
    folds: int = Field(2, ge=2)
    random_state: int = Field(7, ge=0)
    minimum_positives: int = Field(2, ge=2)
