"""The estimator: which column goes where, what crosses add, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from wide_deep_frames import GROUPS, make_portfolio, quick

from models.errors import NoFeaturesError, TooFewRowsError
from models.metrics import auc
from models.wide_deep import classifier as wide_deep
from models.wide_deep import network as wide_deep_network
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.settings import WideDeepSettings

FRAME, LABELS = make_portfolio()
NIGHT = make_portfolio(200, seed=9)


def classifier(**changes: object) -> WideDeepClassifier:
    return WideDeepClassifier(settings=quick(**changes), groups=GROUPS)


@pytest.fixture(scope="module")
def model() -> WideDeepClassifier:
    return classifier(max_epochs=20).fit(FRAME, LABELS)


def test_it_ranks_borrowers_it_has_not_seen(model):
    assert auc(NIGHT.labels, model.predict_proba(NIGHT.frame)[:, 1]) > 0.85
    assert model.predict_proba(NIGHT.frame).sum(axis=1) == pytest.approx(1.0)


def test_profile_and_credit_go_wide_and_the_flow_goes_deep(model):
    assert model.preparation_.wide == (
        "city",
        "industry_primary",
        "identity_verified",
        "employees",
        "days_overdue_max",
        "delinquency_count",
    )
    assert model.preparation_.deep == ("tx_count_90d", "tx_net_amount_90d", "tx_gap_std_90d")
    assert model.groups_ == ("profile", "ledger", "volume", "consistency")
    assert "evaluation" not in model.feature_names_in_


def test_gender_enters_only_where_the_settings_say_so():
    assert "representative_gender" not in classifier().fit(FRAME, LABELS).feature_names_in_
    ungrouped = WideDeepClassifier(settings=quick(max_epochs=1)).fit(FRAME, LABELS)
    assert "representative_gender" not in ungrouped.feature_names_in_
    assert "enterprise_id" not in ungrouped.feature_names_in_
    used = classifier(sensitive="use").fit(FRAME, LABELS)
    assert "representative_gender" in used.preparation_.wide
    assert "representative_gender x identity_verified" in used.preparation_.field_names_
    with pytest.raises(ValidationError, match="sensitive"):
        WideDeepSettings(wide_groups=("profile", "sensitive"))


def test_without_groups_numbers_are_deep_and_the_rest_wide():
    model = WideDeepClassifier(settings=quick(max_epochs=1)).fit(FRAME.drop("evaluation"), LABELS)
    assert model.preparation_.wide == ("city", "industry_primary", "identity_verified")
    assert len(model.preparation_.deep) == 6


@pytest.mark.parametrize("crosses", [False, True])
@pytest.mark.parametrize(("wide", "deep"), [(True, False), (False, True), (True, True)])
def test_the_six_rows_see_the_same_inputs(wide, deep, crosses):
    model = classifier(wide=wide, deep=deep, crosses=crosses, max_epochs=20).fit(FRAME, LABELS)
    fields = [name for name in model.preparation_.field_names_ if " x " not in name]
    assert len(fields) == 6
    assert len(model.preparation_.field_names_) == 6 + 2 * crosses
    assert len(model.preparation_.deep) == 3
    assert model.network_.slots.shape[1] == (1 if wide else 16)
    assert len(model.network_.weights) == (2 if deep else 0)
    assert auc(NIGHT.labels, model.predict_proba(NIGHT.frame)[:, 1]) > 0.8


def exclusive_or(rows: int = 2000) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 2, rows), rng.integers(0, 2, rows)
    labels = np.where(rng.random(rows) < 0.1, 1 - (left ^ right), left ^ right)
    frame = pl.DataFrame({"left": np.array(["a", "b"])[left], "right": np.array(["c", "d"])[right]})
    return frame, labels


@pytest.mark.parametrize("crosses", [False, True])
def test_exclusive_or_is_learned_by_the_wide_part_with_the_cross_only(crosses):
    frame, labels = exclusive_or()
    settings = quick(deep=False, crosses=crosses, cross_pairs=(("left", "right"),), max_epochs=30)
    model = WideDeepClassifier(settings=settings).fit(frame, labels)
    found = auc(labels, model.predict_proba(frame)[:, 1])
    assert found > 0.88 if crosses else found < 0.6


def test_an_unseen_category_says_nothing_either_way(model):
    """Its weight is the field's training mean, so that another city moves the logit to the mean over cities."""
    prepared, weights = model.preparation_, model.network_.slots[:, 0].numpy()
    start, end = prepared.offsets_[:2]
    assert weights[end - 1] == pytest.approx(prepared.presence_[start:end] @ weights[start:end])
    unseen = NIGHT.frame.with_columns(pl.lit("atlantis").alias("city"))
    assert np.isfinite(model.predict_proba(unseen)).all()
    assert model.unseen_counts(unseen)["city"] == NIGHT.frame.height


def test_rows_without_any_transaction_are_scored_by_the_rest(model):
    flow = model.preparation_.deep
    empty = NIGHT.frame.with_columns(pl.lit(None, pl.Float64).alias(name) for name in flow)
    found = model.predict_proba(empty)[:, 1]
    assert np.isfinite(found).all()
    assert auc(NIGHT.labels, found) > 0.6


def test_training_without_any_transaction_is_refused():
    flow = ["tx_count_90d", "tx_net_amount_90d", "tx_gap_std_90d"]
    empty = FRAME.with_columns(pl.lit(None, pl.Float64).alias(name) for name in flow)
    with pytest.raises(NoFeaturesError, match="deep part"):
        classifier().fit(empty, LABELS)
    alone = classifier(deep=False, max_epochs=1).fit(empty, LABELS)
    assert alone.left_out_["tx_count_90d"] == "nothing delivered"


def test_validation_rows_of_one_class_are_refused():
    with pytest.raises(TooFewRowsError, match="0 defaults"):
        classifier().fit(FRAME, LABELS, (NIGHT.frame, np.zeros(NIGHT.frame.height)))


def test_a_model_of_no_part_is_refused():
    with pytest.raises(ValidationError, match="both off"):
        WideDeepSettings(wide=False, deep=False)


def test_given_validation_rows_stop_the_training_and_nothing_is_held_out():
    model = classifier().fit(FRAME, LABELS, (NIGHT.frame, NIGHT.labels))
    assert model.n_samples_ == FRAME.height
    assert len(model.preparation_.fields_[0].levels) == 2
    shares = model.preparation_.presence_[: model.preparation_.offsets_[1]] * FRAME.height
    assert shares == pytest.approx(shares.round())  # of all rows, not of four fifths
    other = classifier().fit(FRAME, LABELS, (NIGHT.frame, 1 - NIGHT.labels))
    assert other.history_ != model.history_


def test_rows_of_one_borrower_stay_on_one_side_of_the_split(monkeypatch):
    twice = pl.concat([FRAME, FRAME])
    seen = []
    split = WideDeepClassifier._split

    def watch(self, *given):
        parts = split(self, *given)
        seen.extend(parts)
        return parts

    monkeypatch.setattr(WideDeepClassifier, "_split", watch)
    assert classifier().fit(twice, np.tile(LABELS, 2)).n_samples_ == 2 * FRAME.height
    left, right = (set(part[0]["enterprise_id"]) for part in seen)
    assert not left & right
    assert len(left | right) == FRAME.height


def test_chunks_do_not_change_a_probability(model, monkeypatch):
    whole = model.predict_proba(NIGHT.frame)
    for module in (wide_deep, wide_deep_network):
        monkeypatch.setattr(module, "CHUNK", 7)
    assert np.abs(model.predict_proba(NIGHT.frame) - whole).max() < 1e-14
    assert model.predict_proba(NIGHT.frame.head(0)).shape == (0, 2)


def test_it_calls_default_from_one_half_on(model):
    called = model.predict(NIGHT.frame)
    assert set(called) == {0, 1}
    assert np.array_equal(called == 1, model.predict_proba(NIGHT.frame)[:, 1] >= 0.5)
