"""Every threshold and convention by which loans are staged and their credit losses measured (IFRS 9)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ImpairmentSettings(BaseModel):
    """Conventions of impairment, with their bounds; each night stores those that it used beside its losses.

    Set one as NIGHTLEDGER_IMPAIRMENT__NAME. None of the defaults is an estimate of this lender's: docs/ifrs9.md says
    where each comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_days: int = Field(
        default=425,
        ge=1,
        le=3650,
        description="Days for which a ledger row tells of a loan: from one ledger to the next, and until that arrives. "
        "A loan without a later row counts as repaid.",
    )
    past_due_days_stage_2: int = Field(
        default=30, ge=0, le=365, description="A loan that is more days past due is in stage 2."
    )
    past_due_days_stage_3: int = Field(
        default=90, ge=0, le=730, description="A loan that is more days past due is in stage 3."
    )
    pd_ratio: float = Field(
        default=3.0,
        gt=1,
        le=100,
        description="Stage 2 where the PD of the time that remains is at least so many times what was expected of it "
        "at origination, and has increased by pd_increase.",
    )
    pd_increase: float = Field(
        default=0.005, ge=0, le=1, description="Probability by which that PD must have increased as well."
    )
    pd_without_origination: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Stage 2 from this PD within a year on, where no score of the origination is known.",
    )
    origination_gap_days: int = Field(
        default=31,
        ge=0,
        le=3650,
        description="Days after its opening within which a night stands for a loan's origination.",
    )
    watch_list_counts: bool = Field(
        default=True, description="Whether the loans of a borrower on the watch list are in stage 2."
    )
    probation_stage_2_days: int = Field(
        default=90,
        ge=0,
        le=3650,
        description="Days that a loan stays in stage 2 after the last reason for it.",
    )
    probation_stage_3_days: int = Field(
        default=90,
        ge=0,
        le=3650,
        description="Days that a loan stays in stage 3 after the last reason for it.",
    )
    loss_given_default: float = Field(
        default=0.45,
        ge=0,
        le=1,
        description="Share of the exposure that is lost where the ledger does not say; the morning page, "
        "marts.expected_loss() and a stress without one of its own take it too.",
    )
    recovery_months: int = Field(
        default=0,
        ge=0,
        le=240,
        description="Months from default to recovery, by which what is recovered is discounted; 0 where the loss given "
        "default is one of present values already.",
    )
    credit_conversion: float = Field(
        default=0.4, ge=0, le=1, description="Share of the undrawn limit that is drawn until a default."
    )
    amortises: bool = Field(
        default=True,
        description="Whether a loan with a known maturity is repaid in equal monthly parts, or all of it at the end.",
    )
    months_without_maturity: int = Field(
        default=36,
        ge=1,
        le=60,
        description="Months that remain where the ledger does not say when a loan matures.",
    )
    months_past_maturity: int = Field(
        default=12,
        ge=1,
        le=60,
        description="Months that remain of a loan that has matured and is not repaid.",
    )
    rate_without_ledger: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Effective rate a year where the ledger has none; 0 discounts nothing.",
    )
    correlation: float = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="Correlation of defaults with the systematic factor of the scenarios (Vasicek).",
    )
