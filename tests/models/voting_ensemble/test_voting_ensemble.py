"""The ensemble whole, beside the contract of all families: no leakage, every hard input refused or decided and said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.errors import ModelError, NoFeaturesError
from models.evaluation import fold_numbers
from models.metrics import auc
from models.telling import training_card as report
from models.training import train
from models.voting_ensemble import classifier as voting_ensemble
from models.voting_ensemble import members
from models.voting_ensemble.bagging import BaggedSmote
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

ALWAYS = QUICK.model_copy(update={"oversample": True})


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


def test_nothing_of_a_fold_reaches_what_is_fitted_for_it(monkeypatch):
    """Preparation and SMOTE of a fold see its training rows: altering the fold's rows does not move them."""
    seen: list[np.ndarray] = []
    honest = BaggedSmote.fit_resample

    def spy(self, X, y):
        seen.append(np.asarray(X).copy())
        return honest(self, X, y)

    monkeypatch.setattr(BaggedSmote, "fit_resample", spy)
    folds = fold_numbers(LABELS, folds=QUICK.inner_folds, random_state=QUICK.random_state)
    held_out = pl.Series(folds == 0)
    altered = FRAME.with_columns(
        pl.when(held_out).then(1e12).otherwise(pl.col(name)).alias(name)
        for name in ("assets", "assets_again")
    )
    for frame in (FRAME, altered):
        VotingEnsembleClassifier(settings=ALWAYS, groups=GROUPS).fit(frame, LABELS)
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
    assert len(asked) == 2  # without and after SMOTE
    assert np.array_equal(asked[0], asked[1])
    assert np.array_equal(asked[0][: FRAME.height], asked[0][FRAME.height :])


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
    forests = ALWAYS.model_copy(update={"members": ("extra_trees", "random_forest")})
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
    assert "Oversampling: bagged SMOTE, as the settings have it." in card
    assert "| best single |" in card
    assert "variance inflation" in card
    assert set(report.pictures(result)) == {"roc", "reliability"}
