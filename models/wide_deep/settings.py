"""Set every choice of a Wide & Deep model, described and bounded."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.family import FamilySettings

SENSITIVE_GROUP = "sensitive"
SENSITIVE_COLUMNS = ("representative_gender",)

WIDE_GROUPS = ("profile", "ledger")
DEEP_GROUPS = ("volume", "turnover", "recency", "behaviour", "consistency", "dependency", "latency")

CROSSES = (
    ("city", "industry_primary"),
    ("identity_verified", "industry_primary"),
    ("bank_account_verified", "industry_primary"),
    ("identity_verified", "bank_account_verified"),
    ("legal_form", "region"),
    ("legal_form", "industry_primary"),
)
SENSITIVE_CROSSES = (("representative_gender", "identity_verified"),)


class WideDeepSettings(FamilySettings):
    """Every choice of one model version, stored with it.

    Switching parts off gives the six rows of the paper's Table 2. All six see the same inputs,
    so that rows differ by their form only: without the deep part the numbers enter the output layer directly;
    without the wide part categories and crosses enter the first hidden layer.

    ===================  ======  ======
    row                  wide    deep
    ===================  ======  ======
    logistic regression  True    False
    DNN                  False   True
    Wide & Deep          True    True
    ===================  ======  ======

    each with ``crosses`` False and True.
    """

    family: ClassVar[str] = "wide_deep"

    training_rows: int = Field(
        100_000,
        ge=1_000,
        le=2_000_000,
        description="Most labelled rows that a training reads; twice those of other families, which cost more a row.",
    )
    wide: bool = Field(True, description="The linear part over categories, bins and crosses.")
    deep: bool = Field(True, description="The hidden layers over the numbers.")
    crosses: bool = Field(True, description="Whether the declared crosses enter beside the single fields.")
    cross_pairs: tuple[tuple[str, str], ...] = Field(
        CROSSES,
        description="Declared crosses, each a pair of wide columns; one that lacks a column is left out.",
    )
    wide_groups: tuple[str, ...] = Field(
        WIDE_GROUPS, min_length=1, description="Groups of the wide part: the paper's types 1 and 3."
    )
    deep_groups: tuple[str, ...] = Field(
        DEEP_GROUPS,
        min_length=1,
        description="Groups of the deep part: the paper's type 4, the payment flow.",
    )
    sensitive: Literal["drop", "use"] = Field(
        "drop",
        description="Whether the representative's gender, alone and crossed with verification, may enter.",
    )
    windows: tuple[str, ...] = Field(
        (),
        description="Windows that may enter, such as 365d, or all for the record of a cross section; empty: every one.",
    )
    bins: int = Field(
        10,
        ge=2,
        le=100,
        description="Quantile bins of a number in the wide part; a gap has a slot of its own.",
    )
    rare_below: int = Field(
        10, ge=1, description="A level or crossed pair of fewer training rows shares the slot for rare ones."
    )
    hidden: tuple[int, ...] = Field((256, 128, 64), min_length=1, description="Neurons of the hidden layers.")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Step size of Adam.")
    batch_size: int = Field(256, ge=1, le=1_000_000, description="Rows of a step.")
    max_epochs: int = Field(100, ge=1, le=10_000, description="Most epochs.")
    patience: int = Field(
        8, ge=1, description="Epochs without a lower validation loss after which training stops."
    )
    minimum_steps: int = Field(
        100,
        ge=1,
        description="An epoch goes through the rows as often as makes this many steps, so that few rows train enough.",
    )
    validation_share: float = Field(
        0.2,
        gt=0,
        lt=0.5,
        description="Share of the training rows that decides when to stop, unless rows are given.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where to compute; auto: CUDA if there is one."
    )
    folds: int = Field(5, ge=2, le=20, description="Stratified folds that the evaluation is made of.")
    random_state: int = Field(
        7, ge=0, le=2**32 - 1, description="Seed of folds, first weights and order of rows."
    )
    minimum_positives: int = Field(30, ge=2, description="Fewest defaults (and fewest others) to train on.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        """Refuse a model without any part, and sensitive fields that enter by another way."""
        if not (self.wide or self.deep):
            raise ValueError("wide and deep are both off; leave one of them on")
        if self.sensitive == "drop" and SENSITIVE_GROUP in (*self.wide_groups, *self.deep_groups):
            raise ValueError('the sensitive group enters by sensitive="use" only')
        if any(size < 1 for size in self.hidden):
            raise ValueError("a hidden layer needs at least one neuron")
        return self

    @property
    def uses_sensitive(self) -> bool:
        """True if the gender of the legal representative may enter."""
        return self.sensitive == "use"

    @property
    def declared_crosses(self) -> tuple[tuple[str, str], ...]:
        """The pairs that may be crossed; none if crosses are off."""
        if not self.crosses:
            return ()
        return (*self.cross_pairs, *(SENSITIVE_CROSSES if self.sensitive == "use" else ()))
