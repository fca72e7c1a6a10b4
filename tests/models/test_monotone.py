"""With the setting on, the score of a fitted model never goes against a direction; off, it is what it was."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from borrowers import DIRECTIONS, GROUPS, make_borrowers
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit
from sklearn.ensemble import BaggingClassifier, GradientBoostingClassifier

from models import artefact
from models.calibration import Calibrator
from models.errors import ModelError
from models.explaining.direction_check import check_directions
from models.explaining.shap_check import check_with_shap
from models.families import FAMILIES
from models.family import FamilySettings
from models.master_scale import MasterScale
from models.monotone import held_to, hold, signs_of
from models.operational_risk.settings import OperationalRiskSettings
from models.scoring import CalibratedModel, Classifier, raw_scores
from models.voting_ensemble.members import MEMBERS, fit_member, make_member, member_probability
from models.voting_ensemble.selection import select
from models.voting_ensemble.settings import VotingEnsembleSettings

BORROWERS, NIGHT = make_borrowers(), make_borrowers(60, seed=1)
FLAT = 1e-6  # xgboost adds up and squashes 32-bit numbers
# noise that a free tree follows, so that it breaks directions: this is what the setting has to hold
WRONG = {name: -way for name, way in DIRECTIONS.items()}
VOTING = {"folds": 2, "inner_folds": 2, "bags": 2, "minimum_positives": 10}
OPERATIONAL = {"folds": 2, "grid": {"max_depth": (4,)}}


def fitted(settings: FamilySettings, directions: dict[str, int] | None = DIRECTIONS) -> Classifier:
    return (
        FAMILIES[settings.family].build(settings, GROUPS, directions).fit(BORROWERS.frame, BORROWERS.labels)
    )


def model_of(classifier: Classifier) -> CalibratedModel:
    scores = classifier.predict_proba(BORROWERS.frame)[:, 1]
    calibrator = Calibrator(method="platt").fit(scores, BORROWERS.labels)
    return CalibratedModel(classifier, calibrator, MasterScale(), "the rows of the fit")


@pytest.fixture(scope="module", params=["all that can be held", "after SMOTE", "xgboost", "random_forest"])
def held(request: pytest.FixtureRequest) -> Classifier:
    settings: FamilySettings
    match request.param:
        case "all that can be held":
            settings = VotingEnsembleSettings(**VOTING, monotone=True, oversample=False)
        case "after SMOTE":
            members = ("xgboost", "lightgbm", "gbdt", "adaboost")
            settings = VotingEnsembleSettings(**VOTING, monotone=True, oversample=True, members=members)
        case _:
            settings = OperationalRiskSettings(**OPERATIONAL, monotone=True, learner=request.param)
    return fitted(settings)


@settings_of(max_examples=15)
@given(row=st.integers(0, 59), share=st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_a_higher_value_never_lowers_a_score_that_it_has_to_raise(held, row, share):
    for name, way in held.held_.items():
        values = np.quantile(BORROWERS.frame[name].drop_nulls().to_numpy(), sorted(share))
        rows = pl.concat([NIGHT.frame[row]] * len(values)).with_columns(
            pl.Series(name, values.astype(np.float64))
        )
        assert (way * np.diff(held.predict_proba(rows)[:, 1]) >= -FLAT).all()


def test_the_directions_that_it_was_held_to_are_stored_with_it(held, tmp_path):
    of_the_family = {name for name in DIRECTIONS if name in held.feature_names_in_}
    assert set(held.held_) == of_the_family != set()
    path, digest = artefact.save(model_of(held), tmp_path)
    loaded = artefact.load(path, sha256=digest, schema_hash=held.schema_hash_)
    assert loaded.classifier.held_ == held.held_
    assert np.array_equal(raw_scores(loaded, NIGHT.frame), held.predict_proba(NIGHT.frame)[:, 1])


def test_contributions_of_held_trees_are_those_of_shap(held):
    found = FAMILIES[held.family].shap_check(held, BORROWERS.frame[:20])
    assert found.largest < 1e-5


def test_the_check_of_directions_sees_what_a_free_model_breaks_and_nothing_of_a_held_one(held):
    model = model_of(held)
    kept = check_directions(model, BORROWERS.frame, DIRECTIONS)
    assert {one.feature for one in kept} == set(held.held_)
    assert all(one.against == 0 and one.largest < FLAT and one.whole >= 0 for one in kept)
    turned = check_directions(model, BORROWERS.frame, WRONG)
    assert {one.feature: one.whole for one in turned} == {one.feature: -one.whole for one in kept}
    assert any(one.against for one in turned)
    assert all(0 <= one.against <= one.rows for one in turned)


@pytest.mark.parametrize(
    "settings",
    [
        VotingEnsembleSettings(**VOTING, members=("xgboost", "lightgbm"), oversample=False),
        OperationalRiskSettings(**OPERATIONAL),
    ],
    ids=lambda settings: settings.family,
)
def test_off_it_is_what_it_is_without_directions_to_the_bit(settings):
    free, with_directions = fitted(settings, None), fitted(settings)
    assert with_directions.held_ == {}
    codec = FAMILIES[settings.family].codec
    assert codec.dump(free) == codec.dump(with_directions)


def test_a_model_stored_before_there_were_directions_is_held_to_none(tmp_path):
    for settings in (
        VotingEnsembleSettings(**VOTING, members=("xgboost", "lightgbm"), oversample=False),
        OperationalRiskSettings(**OPERATIONAL),
    ):
        codec = FAMILIES[settings.family].codec
        about, files = codec.dump(fitted(settings))
        del about["held"], about["settings"]["monotone"]
        assert codec.load(about, files).held_ == {}


def test_only_numbers_are_held_and_only_on_demand():
    frame = BORROWERS.frame
    assert held_to(frame, {"city": 1, "employees": -1, "elsewhere": 1}, monotone=True) == {"employees": -1}
    assert held_to(frame, DIRECTIONS, monotone=False) == held_to(frame, None, monotone=False) == {}
    for nothing in (None, {}, {"city": 1}):
        with pytest.raises(ModelError, match="none of the 6 numbers of the training rows has a direction"):
            held_to(frame, nothing, monotone=True)
    columns = ("employees", "missing:employees", "city=north")
    assert signs_of(columns, {"employees": -1, "city": 1}) == (-1, 0, 0)


@pytest.mark.parametrize("member", [name for name in MEMBERS if name != "gbdt"])
def test_each_member_is_held_by_its_library(member):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 3))
    y = (X[:, 0] - X[:, 1] + rng.normal(size=400) > 0).astype(np.int64)
    X[:, 2] += y
    wanted = (-1, 1, 0)  # against what the rows say: nothing but the constraint can do that
    fit = fit_member(member, make_member(member, profile="night", random_state=0), X, y, wanted)
    for column, way in enumerate(wanted[:2]):
        grid = np.repeat(X[:40], 7, axis=0)
        grid[:, column] = np.tile(np.linspace(-2, 2, 7), 40)
        scores = member_probability(member, fit, grid).reshape(40, 7)
        assert (way * np.diff(scores, axis=1) >= -FLAT).all()
    assert check_with_shap({member: fit}, X[:20]).largest < 1e-5


def test_what_cannot_be_held_is_refused_in_one_line():
    with pytest.raises(ModelError, match="GradientBoostingClassifier cannot be held to a direction"):
        hold(GradientBoostingClassifier(), (1, 0))
    with pytest.raises(ModelError, match="bagging that draws columns"):
        hold(BaggingClassifier(max_features=0.5), (1, 0))
    free = GradientBoostingClassifier()
    assert hold(free, (0, 0)) is free
    with pytest.raises(
        ValidationError, match="monotone leaves xgboost of the members to vote: name two others"
    ):
        VotingEnsembleSettings(members=("xgboost", "gbdt"), monotone=True)
    with pytest.raises(ValidationError, match="selection parsimonious goes with monotone"):
        VotingEnsembleSettings(selection="paper", monotone=True)
    with pytest.raises(ValidationError, match="svm cannot be held; xgboost or random_forest can"):
        OperationalRiskSettings(learner="svm", monotone=True)


def test_who_cannot_be_held_does_not_vote_and_the_card_says_so():
    model = fitted(
        VotingEnsembleSettings(
            **VOTING, monotone=True, oversample=False, members=("gbdt", "xgboost", "lightgbm")
        )
    )
    assert "gbdt" not in model.members_
    assert "gbdt left out: it cannot be held to a direction" in model.decisions_


def test_a_weight_below_zero_is_not_chosen_where_scores_have_to_rise_with_members():
    # the second member knows more of what both have in common than of the label: a stack takes that off the first
    rng = np.random.default_rng(57)
    labels, folds = np.tile([0, 1], 600), np.repeat(np.arange(4), 300)
    side, shared = 2 * labels - 1, rng.normal(size=1200)
    steep, flat, _ = rng.uniform(0.2, 4), rng.uniform(0.2, 4), rng.uniform(0, 1)
    second = expit(flat * (rng.uniform(-0.2, 0.3) * side + shared)) ** rng.choice([0.2, 1, 5])
    columns = np.column_stack([expit(steep * (side + shared)), second])
    free = select(columns, labels, members=("a", "b"), folds=folds)
    assert min(free.chosen.combiner.weights) < 0
    monotone = select(columns, labels, members=("a", "b"), folds=folds, monotone=True)
    assert min(monotone.chosen.combiner.weights) >= 0
    assert monotone.candidates == free.candidates
