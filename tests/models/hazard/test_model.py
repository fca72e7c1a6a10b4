"""Hazards equal those of the life table, find a known truth, and refuse what is too little to learn from."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from models.errors import TooFewRowsError
from models.hazard.model import RISK, HazardModel, HazardSettings, check_panel, spans
from models.hazard.months import MONTHS


def followed(log_hazards: np.ndarray, risk: np.ndarray, *, months: int, seed: int) -> pl.DataFrame:
    """Months at risk of borrowers with these hazards until their default, drawn, or the last month."""
    rng = np.random.default_rng(seed)
    hit = rng.random((len(risk), months)) < -np.expm1(-np.exp(log_hazards[:, :months]))
    last = np.where(hit.any(axis=1), hit.argmax(axis=1), months - 1)
    who, month = np.nonzero(np.arange(months) <= last[:, None])
    return pl.DataFrame({RISK: risk[who], "month": month + 1, "event": hit[who, month]})


def test_without_a_score_the_hazards_are_those_of_the_life_table():
    panel = followed(np.full((3000, MONTHS), np.log(0.02)), np.zeros(3000), months=24, seed=1)
    model = HazardModel(HazardSettings()).fit(panel)
    told = -np.expm1(-np.exp(model.log_hazards(np.zeros(1))[0]))
    for span, after in zip(model.spans_, [*(span.first for span in model.spans_[1:]), 25], strict=True):
        np.testing.assert_allclose(told[span.first - 1 : after - 1], span.defaults / span.at_risk, rtol=1e-9)
    # Kaplan and Meier over the whole of each span
    survived = np.prod([(1 - span.defaults / span.at_risk) ** (after - span.first) for span, after in zip(
        model.spans_, [*(span.first for span in model.spans_[1:]), 25], strict=True)])  # fmt: skip
    np.testing.assert_allclose(np.prod(1 - told[:24]), survived, rtol=1e-9)


def test_it_finds_the_slopes_that_the_rows_were_drawn_with():
    risk = np.random.default_rng(0).uniform(-4, 0, 20_000)
    months = np.arange(1, MONTHS + 1)
    truth = -4.5 + (risk + 2)[:, None] * (0.9 - 0.25 * np.log(months / 12))
    model = HazardModel(HazardSettings()).fit(followed(truth, risk, months=24, seed=2))
    slope, drift = (value / model.spread_ for value in model.coefficients_[-2:])
    errors = [error / model.spread_ for error in model.errors_[-2:]]
    assert abs(slope - 0.9) < 4 * errors[0] < 0.1
    assert abs(drift + 0.25) < 4 * errors[1] < 0.1
    assert model.last_month_ == 24


def test_later_months_go_from_the_last_learnt_hazard_to_the_mean():
    panel = followed(np.full((800, MONTHS), np.log(0.03)), np.linspace(-3, 1, 800), months=12, seed=3)
    model = HazardModel(HazardSettings(reversion_months=10)).fit(panel)
    told = model.log_hazards(np.array([1.0]))[0] - model.log_mean_
    np.testing.assert_allclose(told[12:], told[11] * np.exp(-np.arange(1, 49) / 10), rtol=1e-9)


def test_a_borrower_has_the_same_hazards_whoever_is_beside_it():
    panel = followed(np.full((800, MONTHS), np.log(0.03)), np.linspace(-3, 1, 800), months=12, seed=3)
    model = HazardModel(HazardSettings()).fit(panel)
    many = np.random.default_rng(4).normal(-1, 2, 1001)
    alone = np.concatenate([model.log_hazards(many[[place]]) for place in range(len(many))])
    assert np.array_equal(model.log_hazards(many), alone)


def test_a_span_without_defaults_joins_its_neighbour():
    month = np.repeat(np.arange(1, 13), 100)
    event = np.isin(np.arange(1200) % 100, range(6)) & ~np.isin(month, (1, 7, 8, 9))
    panel = pl.DataFrame({RISK: np.linspace(-2, 0, 1200), "month": month, "event": event})
    model = HazardModel(HazardSettings()).fit(panel)
    assert [span.first for span in model.spans_] == [1, 4, 10]  # months 1 and 7 to 9 have none
    assert sum(span.defaults for span in model.spans_) == event.sum()
    assert np.isfinite(model.log_hazards(np.array([-30.0, 30.0]))).all()


def test_spans_with_one_short_of_all_are_one():
    assert [span.first for span in spans(np.array([1, 5, 30]), np.array([1.0, 0, 1]), least=5)] == [1]


@pytest.mark.parametrize(
    ("month", "event", "line"),
    [
        ([1, 2, 3] * 40, [1, 1, 1] + [0] * 117, "3 defaults in 120 months at risk, the shape of a curve needs 30"),
        ([1] * 60, [1, 0] * 30, "defaults are known of 1 months after a snapshot, the shape of a curve needs 6"),
    ],
)  # fmt: skip
def test_too_little_is_refused_in_one_line(month, event, line):
    panel = pl.DataFrame({RISK: [0.0] * len(month), "month": month, "event": [bool(one) for one in event]})
    for refuse in (HazardModel(HazardSettings()).fit, lambda rows: check_panel(rows, HazardSettings())):
        with pytest.raises(TooFewRowsError, match=line):
            refuse(panel)
