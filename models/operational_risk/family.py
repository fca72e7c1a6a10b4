"""The family operational_risk: every borrower with an operational log or payments."""

from models.family import Family
from models.operational_risk import artefact
from models.operational_risk.card import card_lines, choices
from models.operational_risk.classifier import OperationalRiskClassifier
from models.operational_risk.importance import feature_importance, shap_check
from models.operational_risk.settings import OperationalRiskSettings

OPERATIONAL_RISK = Family(
    name="operational_risk",
    settings=OperationalRiskSettings,
    build=lambda settings, groups, directions: OperationalRiskClassifier(
        settings=settings, groups=groups, directions=directions
    ),
    codec=artefact,
    covers=("thick", "transaction", "thin"),
    leads=("thin",),
    choices=choices,
    card_lines=card_lines,
    importance=feature_importance,
    shap_check=shap_check,
    pieces="short",  # the fits of a grid search
)
