"""One model family as one record: all that the platform asks of it.

A family is one folder of models/ and one line in `models.families`. Code outside the folder asks this record and
never of which class a model or its settings are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from models.explaining.importance import Importance
from models.explaining.shap_check import ShapCheck
from models.scoring import CalibratedModel, Classifier
from models.training import Training

Groups = Mapping[str, str]
Directions = Mapping[str, int]


class FamilySettings(BaseModel):
    """Every choice of one model version; stored with it.

    A family adds its own fields, among them three that training reads in every family: ``folds``, ``random_state``
    (which also draws the rows) and ``minimum_positives``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: ClassVar[str]

    training_rows: int = Field(
        50_000,
        ge=1_000,
        le=2_000_000,
        description="Most labelled rows that a training reads; of more, so many are drawn by snapshot and label.",
    )
    calibration_share: float = Field(
        0.2, gt=0, lt=0.5, description="Share of the rows held out for calibration where there are enough."
    )
    calibration_positives: int = Field(
        50,
        ge=10,
        description="Fewest defaults in the held-out part; with fewer, calibration is cross-fitted.",
    )

    @property
    def uses_sensitive(self) -> bool:
        """True if the model may see the sensitive fields of a borrower."""
        return False

    def adapted(self, *, rows: int, cross_section: bool) -> Self:
        """Return the settings for that many labelled rows, or for outcomes without a date."""
        return self

    def challenger(self) -> Self | None:
        """Return the settings of a model that is measured beside this one, or None."""
        return None


class Codec(Protocol):
    """The module that stores a fitted classifier as text and files, and reads it back."""

    FORMAT: str

    def dump(self, classifier: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Return the description of a fitted classifier and its files."""

    def load(self, about: dict[str, Any], members: dict[str, bytes]) -> Any:
        """Rebuild the fitted classifier from its description and files."""


def no_importance(classifier: Classifier, sample: pl.DataFrame) -> Importance | None:  # noqa: ARG001
    """Return None: the family explains itself by contributions alone."""
    return None


def no_trees(classifier: Classifier, sample: pl.DataFrame) -> ShapCheck | None:  # noqa: ARG001
    """Return None: the family has no trees that shap could read."""
    return None


def no_card_rows(model: CalibratedModel) -> pl.DataFrame | None:  # noqa: ARG001
    """Return None: the family's PDs are no sum of points."""
    return None


@dataclass(frozen=True)
class Family:
    """One model family.

    Parameters
    ----------
    name : str
        As registry, files and forms spell it; ``settings`` and the classifier carry it as ``family``.
    settings : type of FamilySettings
    build : callable
        From settings, the group of each column, and the columns that point one way (1: the risk rises with the value,
        -1: it falls) to the unfitted classifier. A family that asks nothing of directions takes no notice of them.
    codec : module
        Stores and reads a fitted classifier.
    covers : tuple of str
        Coverage classes whose data suffices: the family trains on them and scores them.
    leads : tuple of str
        Of these, the classes that it is meant for: there its champion gives the headline PD, by the rules of
        `models.champion_rule`.
    choices : callable
        From a training to what the family chose on the way, for the registry; plain JSON.
    card_lines : callable
        From a fitted classifier to the lines of its model card that only this family has, in Markdown.
    importance : callable, default=no_importance
        From a fitted classifier and a few training rows to the share of each feature, strongest first, or None.
    shap_check : callable, default=no_trees
        From a fitted classifier and a few training rows to how far the contributions of its trees are from shap's, or
        None.
    card_rows : callable, default=no_card_rows
        From a calibrated model to the rows of ops.scorecard, from which anyone computes its PDs, or None for a family
        whose PDs are no sum of points.
    pieces : {"long", "short"}, default="long"
        Long pieces of a training are worth a task run each; hundreds of short ones run on threads.
    """

    name: str
    settings: type[FamilySettings]
    build: Callable[[Any, Groups | None, Directions | None], Classifier]
    codec: Codec
    covers: tuple[str, ...]
    leads: tuple[str, ...]
    choices: Callable[[Training], dict[str, Any]]
    card_lines: Callable[[Any], list[str]]
    importance: Callable[[Any, pl.DataFrame], Importance | None] = no_importance
    shap_check: Callable[[Any, pl.DataFrame], ShapCheck | None] = no_trees
    card_rows: Callable[[CalibratedModel], pl.DataFrame | None] = no_card_rows
    pieces: Literal["long", "short"] = "long"
