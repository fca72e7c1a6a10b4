"""The form of a training: choices go with the family that knows them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flows.train import TrainParameters
from models.operational_risk.settings import OperationalRiskSettings
from models.voting_ensemble.settings import VotingEnsembleSettings
from models.wide_deep.settings import WideDeepSettings


def test_the_form_makes_the_settings_of_its_family():
    ensemble = TrainParameters(family="voting_ensemble", profile="tuned", selection="paper", oversample=False)
    assert ensemble.settings_of_family() == VotingEnsembleSettings(
        profile="tuned", selection="paper", oversample=False
    )
    plain = TrainParameters(learner="svm").settings_of_family()
    assert plain == OperationalRiskSettings(learner="svm")
    wide = TrainParameters(family="wide_deep", sensitive="use").settings_of_family()
    assert wide == WideDeepSettings(sensitive="use")
    assert [settings.family for settings in (ensemble.settings_of_family(), plain, wide)] == [
        "voting_ensemble",
        "operational_risk",
        "wide_deep",
    ]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"family": "voting_ensemble", "learner": "svm"},
            "--learner goes with --family operational_risk, not",
        ),
        ({"profile": "tuned"}, "--profile goes with --family voting_ensemble, not with operational_risk"),
        ({"selection": "paper"}, "--selection goes with --family voting_ensemble"),
        ({"sensitive": "use"}, "--sensitive goes with --family wide_deep"),
        (
            {"family": "wide_deep", "oversample": False},
            "--oversample goes with --family operational_risk or voting",
        ),
        (
            {"family": "wide_deep", "monotone": True},
            "--monotone goes with --family operational_risk or voting_ensemble, not with wide_deep",
        ),
        (
            {"family": "voting_ensemble", "monotone": True, "selection": "paper"},
            "voting_ensemble: the paper's rule stacks members, with weights below zero too",
        ),
        ({"learner": "svm", "monotone": True}, "operational_risk: monotone is for trees: svm cannot be held"),
        ({"definition": "cross_section", "snapshots": 2}, "has one snapshot"),
        (
            {"family": "pd_curve", "snapshots": 2},
            "--family pd_curve takes up to five snapshots by itself, without",
        ),
        (
            {"family": "pd_curve", "learner": "svm"},
            "--learner goes with --family operational_risk, not with pd_cu",
        ),
        ({"family": "pd_curve", "monotone": True}, "--monotone goes with --family .*, not with pd_curve"),
        (
            {"family": "pd_curve", "sensitive": "use"},
            "--sensitive goes with --family wide_deep, not with pd_curve",
        ),
    ],
)
def test_a_choice_that_the_family_does_not_know_is_refused(given, line):
    with pytest.raises(ValidationError, match=line):
        TrainParameters(**given)


def test_without_a_word_on_oversampling_each_family_does_as_it_does():
    assert TrainParameters(family="voting_ensemble").settings_of_family() == VotingEnsembleSettings()
    assert TrainParameters(oversample=False).settings_of_family() == OperationalRiskSettings(oversample=False)
    assert TrainParameters().settings_of_family().oversample is True


def test_the_ensemble_always_oversampled_is_measured_beside_itself_without():
    always = TrainParameters(family="voting_ensemble", oversample=True).settings_of_family()
    assert always.challenger() == VotingEnsembleSettings(oversample=False)
    assert VotingEnsembleSettings(oversample=False).challenger() is None
    assert VotingEnsembleSettings().challenger() is None  # its training measures both sides itself
    assert OperationalRiskSettings().challenger() is None
