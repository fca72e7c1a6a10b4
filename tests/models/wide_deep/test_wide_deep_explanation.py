"""What each feature adds makes the logit and the published PD; a linear net is explained exactly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from scipy.special import logit
from wide_deep_frames import GROUPS, make_portfolio, quick

from models.calibration import Calibrator
from models.wide_deep import classifier as wide_deep
from models.wide_deep import explanation as wide_deep_explanation
from models.wide_deep.classifier import WideDeepClassifier
from models.wide_deep.explanation import logit_parts
from models.wide_deep.network import logits_of

FRAME, LABELS = make_portfolio()
NIGHT = make_portfolio(150, seed=9).frame


@pytest.fixture(
    scope="module", params=[(True, True), (True, False), (False, True)], ids=["both", "wide", "deep"]
)
def model(request) -> WideDeepClassifier:
    wide, deep = request.param
    settings = quick(wide=wide, deep=deep, max_epochs=12)
    return WideDeepClassifier(settings=settings, groups=GROUPS).fit(FRAME, LABELS)


@pytest.fixture(scope="module")
def calibrator(model) -> Calibrator:
    return Calibrator().fit(model.predict_proba(FRAME)[:, 1], LABELS)


def test_the_parts_add_up_to_the_logit(model):
    parts = logit_parts(model.network_, model.preparation_, model.preparation_.transform(NIGHT))
    total = parts.base + parts.fields.sum(axis=1) + parts.numbers.sum(axis=1)
    assert total == pytest.approx(logit(model.predict_proba(NIGHT)[:, 1]), abs=1e-9)


def test_the_features_add_up_to_the_published_pd(model, calibrator):
    told = model.explain(NIGHT, calibrator)
    published = calibrator.predict(model.predict_proba(NIGHT)[:, 1])
    assert told.features == tuple(model.feature_names_in_)
    assert np.abs(told.base_value + told.contributions.sum(axis=1) - published).max() < 1e-9
    assert np.abs(told.contributions).max() > 0.01


def test_the_base_value_is_one_number_a_model_version(model, calibrator):
    one, other = model.explain(NIGHT.head(3), calibrator), model.explain(NIGHT.tail(3), calibrator)
    assert one.base_value == other.base_value
    inputs, prepared = model.preparation_.transform(FRAME), model.preparation_
    if not model.settings.deep:  # linear: the logit at the reference is the mean logit of the training rows
        parts = logit_parts(model.network_, prepared, inputs)
        trained = fitted_rows(model)
        assert parts.base == pytest.approx(
            logits_of(model.network_, prepared.transform(trained)).mean(), abs=1e-6
        )


def fitted_rows(model: WideDeepClassifier) -> pl.DataFrame:
    (training, _), _ = model._split(FRAME, LABELS, None, model.settings)
    return training


def test_a_linear_model_is_explained_by_weight_times_presence():
    settings = quick(deep=False, crosses=False, max_epochs=12)
    model = WideDeepClassifier(settings=settings, groups=GROUPS).fit(FRAME, LABELS)
    inputs, prepared = model.preparation_.transform(NIGHT), model.preparation_
    parts = logit_parts(model.network_, prepared, inputs)
    weights, out = model.network_.slots[:, 0].numpy(), model.network_.out.numpy()
    for place in range(len(prepared.field_names_)):
        start, end = prepared.offsets_[place : place + 2]
        mean = prepared.presence_[start:end] @ weights[start:end]
        assert parts.fields[:, place] == pytest.approx(weights[inputs.slots[:, place]] - mean, abs=1e-12)
    assert parts.numbers == pytest.approx(out * (inputs.numbers - prepared.means_), abs=1e-6)


def test_the_deep_part_agrees_with_the_rescale_rule_done_one_unit_at_a_time(model):
    """The textbook rule: for each row and unit on its own, difference out over difference in."""
    if not (model.settings.wide and model.settings.deep):
        pytest.skip("of the joint network")
    inputs, prepared = model.preparation_.transform(NIGHT.head(5)), model.preparation_
    parts = logit_parts(model.network_, prepared, inputs)
    weights = [value.numpy().T for value in model.network_.weights]
    biases = [value.numpy() for value in model.network_.biases]
    for row in range(5):
        x, reference = inputs.numbers[row].astype(float), prepared.means_
        shares = np.eye(len(x))  # shares[j, i]: how much of unit j's difference column i brought in
        for weight, bias in zip(weights, biases, strict=True):
            before, at = weight @ x + bias, weight @ reference + bias
            after, there = np.maximum(before, 0), np.maximum(at, 0)
            shares = np.array(
                [
                    (after[unit] - there[unit]) / (before[unit] - at[unit]) * (weight[unit] @ shares)
                    for unit in range(len(bias))
                ]
            )
            x, reference = after, there
        by_hand = model.network_.out.numpy() @ shares * (inputs.numbers[row] - prepared.means_)
        assert parts.numbers[row] == pytest.approx(by_hand, abs=1e-9)


def test_a_cross_is_shared_equally_by_its_fields():
    frame = pl.DataFrame({"left": ["a", "b"] * 200, "right": ["c", "c", "d", "d"] * 100})
    labels = np.tile([1, 0, 0, 1], 100)
    settings = quick(deep=False, cross_pairs=(("left", "right"),), max_epochs=12)
    model = WideDeepClassifier(settings=settings).fit(frame, labels)
    with torch.no_grad():
        model.network_.slots[: model.preparation_.offsets_[2]] = 0.0  # the cross alone
    told = model.explain(frame, Calibrator().fit(model.predict_proba(frame)[:, 1], labels))
    assert told.contributions[:, 0] == pytest.approx(told.contributions[:, 1], abs=1e-12)
    assert np.abs(told.contributions).min() > 0.01


def test_an_unseen_category_and_a_mean_number_add_nothing(model, calibrator):
    night = NIGHT.with_columns(pl.lit("atlantis").alias("city"))
    told = model.explain(night, calibrator)
    prepared = model.preparation_
    parts = logit_parts(model.network_, prepared, prepared.transform(night))
    assert np.abs(parts.fields[:, prepared.field_names_.index("city")]).max() < 1e-6
    assert told.features[0] == "city"


def test_signs_agree_with_the_probability(model, calibrator):
    """More arrears than any other borrower, all else equal: the PD moves by about what the feature says."""
    rows = NIGHT.head(1)
    low, high = (rows.with_columns(pl.lit(value).alias("days_overdue_max")) for value in (0.0, 200.0))
    place = list(model.feature_names_in_).index("days_overdue_max")
    moved = model.explain(high, calibrator).contributions[0, place]
    moved -= model.explain(low, calibrator).contributions[0, place]
    raw = [calibrator.predict(model.predict_proba(frame)[:, 1])[0] for frame in (low, high)]
    assert np.sign(moved) == np.sign(raw[1] - raw[0])


def test_chunks_and_no_rows_agree_with_the_whole(model, calibrator, monkeypatch):
    whole = model.explain(NIGHT, calibrator)
    for module in (wide_deep, wide_deep_explanation):
        monkeypatch.setattr(module, "CHUNK", 7)
    cut = model.explain(NIGHT, calibrator)
    assert cut.contributions == pytest.approx(whole.contributions, abs=1e-12)
    assert cut.raw == pytest.approx(model.predict_proba(NIGHT)[:, 1], abs=1e-12)
    nothing = model.explain(NIGHT.head(0), calibrator)
    assert nothing.contributions.shape == (0, len(whole.features))
    assert nothing.base_value == whole.base_value
