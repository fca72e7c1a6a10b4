"""The family scorecard: points that add up, for files with a profile; it leads no class, and stands in."""

from models.family import Family
from models.scorecard import artefact
from models.scorecard.card import card_lines, card_rows, choices, importance
from models.scorecard.classifier import ScorecardClassifier
from models.scorecard.settings import ScorecardSettings

SCORECARD = Family(
    name="scorecard",
    settings=ScorecardSettings,
    build=lambda settings, groups, directions: ScorecardClassifier(
        settings=settings, groups=groups, directions=directions
    ),
    codec=artefact,
    covers=("thick", "transaction"),
    leads=(),
    choices=choices,
    card_lines=card_lines,
    importance=importance,
    card_rows=card_rows,
    pieces="short",
)
