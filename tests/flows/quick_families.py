"""Families whose trainings are short: fewer members, folds and epochs, and enough with a handful of defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.families import FAMILIES
from models.scorecard.family import SCORECARD
from models.scorecard.settings import ScorecardSettings
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.wide_deep.family import WIDE_DEEP
from models.wide_deep.settings import WideDeepSettings

QUICK = VotingEnsembleSettings(
    members=("gbdt", "lightgbm"), feature_groups=("ledger", "opinion"), bags=2, folds=2, inner_folds=2,
    minimum_positives=4,
)  # fmt: skip
QUICK_WIDE = WideDeepSettings(max_epochs=5, folds=2, minimum_positives=4)
QUICK_CARD = ScorecardSettings(folds=2, minimum_positives=4, minimum_defaults=1)


def train_quickly(patch: pytest.MonkeyPatch) -> None:
    """Let the nights of this process train these, so that a small portfolio has a champion of every family."""
    for family, quick in ((VOTING_ENSEMBLE, QUICK), (WIDE_DEEP, QUICK_WIDE), (SCORECARD, QUICK_CARD)):
        patch.setitem(FAMILIES, family.name, replace(family, settings=lambda quick=quick: quick))
