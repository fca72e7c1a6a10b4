"""The ensemble whole: no leakage, the same for any runner, every hard input refused or decided and said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone

from models import artefact
from models.calibration import Calibrator
from models.errors import ModelError, NoFeaturesError, SchemaMismatchError, TooFewRowsError
from models.evaluation import fold_numbers
from models.master_scale import MasterScale
from models.metrics import auc
from models.runner import threads
from models.scoring import CalibratedModel, contributions, score
from models.telling import training_card as report
from models.training import train
from models.voting_ensemble import classifier as voting_ensemble
from models.voting_ensemble import members
from models.voting_ensemble.classifier import VotingEnsembleClassifier
from models.voting_ensemble.family import VOTING_ENSEMBLE
from models.voting_ensemble.settings import VotingEnsembleSettings

GROUPS = {
    "enterprise_id": "key",
    "debt_to_income": "ledger",
    "assets": "ledger",
    "constant": "ledger",
    "empty": "ledger",
    "assets_again": "ledger",
    "legal_form": "profile",
    "defendant_cases_all": "legal",
    "evaluation": "opinion",
    "evaluation_grade": "opinion",
    "tx_sales_all": "volume",
}
QUICK = VotingEnsembleSettings(
    members=("xgboost", "adaboost", "extra_trees"), bags=3, folds=3, inner_folds=3, minimum_positives=10
)


def thick_files(rows: int = 240, *, rate: float = 0.2, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Rows with a ledger, cases and an opinion; gaps, an infinity, and columns that cannot help."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(rows) < rows * rate).astype(np.int64)
    rng.shuffle(labels)
    grade = np.clip(np.rint(rng.normal(4.0 - 1.5 * labels, 1.0)), 1, 6)
    assets = np.exp(rng.normal(10.0, 1.0, rows))
    assets[rng.random(rows) < 0.1] = np.nan
    ratio = np.exp(rng.normal(-1.0 * labels, 1.0))
    ratio[3] = np.inf
    frame = pl.DataFrame(
        {
            "enterprise_id": [f"E{number:04d}" for number in range(rows)],
            "debt_to_income": ratio,
            "assets": assets,
            "constant": np.ones(rows),
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "assets_again": assets,
            "legal_form": rng.choice(["ltd", "sole trader"], rows),
            "defendant_cases_all": rng.poisson(0.3 + 1.5 * labels),
            "evaluation": [f"grade {int(value)}" for value in grade],
            "evaluation_grade": grade,
            "tx_sales_all": rng.normal(labels * 0.5, 1.0),
        }
    )
    return frame, labels


FRAME, LABELS = thick_files()


@pytest.fixture(scope="module")
def fitted() -> VotingEnsembleClassifier:
    return VotingEnsembleClassifier(settings=QUICK, groups=GROUPS).fit(FRAME, LABELS)


@pytest.fixture(scope="module")
def model(fitted: VotingEnsembleClassifier) -> CalibratedModel:
    rows, labels = thick_files(seed=5)
    calibrator = Calibrator().fit(fitted.predict_proba(rows)[:, 1], labels)
    return CalibratedModel(fitted, calibrator, MasterScale(), "rows of another seed")


def test_only_columns_of_its_groups_that_can_help_enter(fitted):
    assert fitted.feature_names_in_.tolist() == [
        "debt_to_income",
        "assets",
        "legal_form",
        "defendant_cases_all",
        "evaluation_grade",
        "tx_sales_all",
    ]
    assert fitted.left_out_ == {
        "constant": "constant",
        "empty": "nothing delivered",
        "evaluation": "evaluation_grade stands for it",
        "assets_again": "the same as assets",
    }
    assert fitted.groups_ == ("profile", "ledger", "legal", "opinion", "volume")
    assert "1 infinite values in debt_to_income taken as gaps" in fitted.decisions_


def test_it_ranks_unseen_rows_and_no_worse_than_its_best_member(fitted):
    rows, labels = thick_files(seed=9)
    assert auc(labels, fitted.predict_proba(rows)[:, 1]) > 0.8
    found = fitted.selection_
    assert found.chosen.log_loss <= found.best_single.log_loss + found.best_single.gap_error
    assert len([one for one in found.candidates if one.rule == "equal"]) == 4


def test_enhanced_features_have_a_variance_inflation(fitted):
    assert set(fitted.vif_) == {"debt_to_income", "defendant_cases_all", "evaluation_grade"}
    assert all(1.0 <= factor < 5.0 for factor in fitted.vif_.values())


def test_the_result_does_not_depend_on_the_runner(fitted):
    def backwards(jobs):
        return [job.work() for job in reversed(jobs)][::-1]

    for runner in (threads(2), backwards):
        again = VotingEnsembleClassifier(settings=QUICK, groups=GROUPS, runner=runner).fit(FRAME, LABELS)
        assert again.combiner_ == fitted.combiner_
        assert np.array_equal(again.predict_proba(FRAME), fitted.predict_proba(FRAME))


def test_params_and_clone():
    estimator = VotingEnsembleClassifier(settings=QUICK, groups=GROUPS, runner=threads(2))
    assert set(estimator.get_params()) == {"settings", "groups", "runner"}
    assert clone(estimator).get_params()["settings"] == QUICK


def test_nothing_of_a_fold_reaches_what_is_fitted_for_it(monkeypatch):
    """Preparation and SMOTE of a fold see its training rows: altering the fold's rows does not move them."""
    seen: list[np.ndarray] = []
    honest = voting_ensemble.BaggedSmote.fit_resample

    def spy(self, X, y):
        seen.append(np.asarray(X).copy())
        return honest(self, X, y)

    monkeypatch.setattr(voting_ensemble.BaggedSmote, "fit_resample", spy)
    folds = fold_numbers(LABELS, folds=QUICK.inner_folds, random_state=QUICK.random_state)
    held_out = pl.Series(folds == 0)
    altered = FRAME.with_columns(
        pl.when(held_out).then(1e12).otherwise(pl.col(name)).alias(name)
        for name in ("assets", "assets_again")
    )
    for frame in (FRAME, altered):
        VotingEnsembleClassifier(settings=QUICK, groups=GROUPS).fit(frame, LABELS)
    first, second = seen[:3], seen[4:7]  # three folds and the last fit, twice
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


def test_rows_of_one_borrower_are_never_on_both_sides_of_an_inner_fold(monkeypatch):
    """Two snapshots of each borrower: weights and members are chosen on borrowers that no fit had seen."""
    twice, labels = pl.concat([FRAME, FRAME]), np.r_[LABELS, LABELS]
    asked = []
    honest = voting_ensemble.out_of_fold

    def spy(prepare, members, labels, folds, *, runner):
        asked.append(folds)
        return honest(prepare, members, labels, folds, runner=runner)

    monkeypatch.setattr(voting_ensemble, "out_of_fold", spy)
    VotingEnsembleClassifier(settings=QUICK, groups=GROUPS).fit(twice, labels)
    assert np.array_equal(asked[0][: FRAME.height], asked[0][FRAME.height :])


def test_contributions_add_up_to_the_published_pd(model):
    rows, _ = thick_files(40, seed=3)
    assert model.classifier.unexplained is None
    base, told, decisions = contributions(model, rows, top=3)
    assert decisions == ()
    sums = told.group_by("enterprise_id", maintain_order=True).agg(pl.col("contribution").sum())
    together = score(model, rows).join(sums, on="enterprise_id", validate="1:1")
    assert (together["pd"] - base - together["contribution"]).abs().max() < 1e-9
    assert set(told["feature"]) <= {*model.classifier.feature_names_in_.tolist(), "other"}
    assert told.group_by("enterprise_id").len()["len"].max() <= 4
    assert contributions(model, rows[:0], top=3).rows.height == 0


def test_the_stored_model_says_the_same(model, tmp_path):
    path, sha256 = artefact.save(model, tmp_path)
    again = artefact.load(path, sha256=sha256, schema_hash=model.classifier.schema_hash_)
    rows, _ = thick_files(30, seed=4)
    assert score(again, rows).equals(score(model, rows))
    assert contributions(again, rows, top=2).rows.equals(contributions(model, rows, top=2).rows)
    assert again.classifier.decisions_ == model.classifier.decisions_
    assert artefact.save(model, tmp_path) == (path, sha256)


def test_an_unseen_category_is_unknown_and_counted(fitted):
    rows = thick_files(20, seed=2)[0].with_columns(legal_form=pl.lit("cooperative"))
    assert fitted.unseen_counts(rows) == {"legal_form": 20}
    assert np.isfinite(fitted.predict_proba(rows)).all()


def test_a_missing_column_is_refused_by_name(model):
    with pytest.raises(SchemaMismatchError, match="assets"):
        score(model, FRAME.drop("assets"))


@pytest.mark.parametrize("labels", [np.zeros(240), np.ones(240), np.r_[np.ones(5), np.zeros(235)]])
def test_one_class_or_few_defaults_are_refused_with_counts(labels):
    with pytest.raises(TooFewRowsError, match="defaults among 240 labelled rows"):
        VotingEnsembleClassifier(settings=QUICK, groups=GROUPS).fit(FRAME, labels)


def test_no_usable_column_is_refused():
    with pytest.raises(NoFeaturesError):
        VotingEnsembleClassifier(settings=QUICK, groups=GROUPS).fit(FRAME.select("constant", "empty"), LABELS)


def test_a_member_that_fails_is_left_out_and_said(monkeypatch):
    honest = members.AdaBoostClassifier.fit

    def broken(self, X, y, sample_weight=None):
        raise ValueError("weights overflow")

    monkeypatch.setattr(members.AdaBoostClassifier, "fit", broken)
    found = VotingEnsembleClassifier(settings=QUICK, groups=GROUPS).fit(FRAME, LABELS)
    assert "adaboost" not in found.members_
    assert any("adaboost" in decision and "weights overflow" in decision for decision in found.decisions_)
    monkeypatch.setattr(members.AdaBoostClassifier, "fit", honest)
    alone = QUICK.model_copy(update={"members": ("adaboost", "adaboost")})
    monkeypatch.setattr(members.AdaBoostClassifier, "fit", broken)
    with pytest.raises(ModelError, match="no member could be fitted"):
        VotingEnsembleClassifier(settings=alone, groups=GROUPS).fit(FRAME, LABELS)


def test_trained_evaluated_and_told():
    forests = QUICK.model_copy(update={"members": ("extra_trees", "random_forest")})
    estimator = VotingEnsembleClassifier(settings=forests, groups=GROUPS)
    plain = forests.model_copy(update={"oversample": False})
    challenger = VotingEnsembleClassifier(settings=plain, groups=GROUPS)
    result = train(estimator, FRAME, LABELS, repeats=1, challenger=challenger)
    # oversampling shifts the prior, calibration takes the shift back
    assert result.evaluation.scores.mean() > result.challenger.scores.mean() + 0.02
    published = result.model.calibrator.predict(result.evaluation.scores)
    assert abs(published.mean() - LABELS.mean()) < 1e-3
    card = report.card(result, VOTING_ENSEMBLE, title="thick files")
    assert "Without resampling, on the same rows" in card
    assert "| best single |" in card
    assert "variance inflation" in card
    assert set(report.pictures(result, VOTING_ENSEMBLE)) == {"roc", "reliability"}
