"""The model families, one line each; a night trains, scores and shows them in this order."""

from models.family import Family
from models.operational_risk.family import OPERATIONAL_RISK
from models.scorecard.family import SCORECARD
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.wide_deep.family import WIDE_DEEP

FAMILIES: dict[str, Family] = {
    OPERATIONAL_RISK.name: OPERATIONAL_RISK,
    VOTING_ENSEMBLE.name: VOTING_ENSEMBLE,
    WIDE_DEEP.name: WIDE_DEEP,
    SCORECARD.name: SCORECARD,
}
