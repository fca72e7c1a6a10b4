"""The family voting_ensemble: thick files, with a loan ledger and cases, opinions or days past due."""

from models.explaining.shap_check import check_with_shap
from models.family import Family
from models.voting_ensemble import artefact
from models.voting_ensemble.card import card_lines, choices
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.settings import VotingEnsembleSettings

VOTING_ENSEMBLE = Family(
    name="voting_ensemble",
    settings=VotingEnsembleSettings,
    build=lambda settings, groups, directions: VotingEnsembleClassifier(
        settings=settings, groups=groups, directions=directions
    ),
    codec=artefact,
    covers=("thick",),
    leads=("thick",),
    choices=choices,
    card_lines=card_lines,
    shap_check=lambda classifier, sample: check_with_shap(
        classifier.members_, classifier.preparation_.transform(sample)
    ),
)
