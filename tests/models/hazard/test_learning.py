"""What is learnt holds on borrowers that were not seen; no borrower's own outcome tells its risk; files come back."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from models.errors import ArtefactError, NoFeaturesError, TooFewRowsError
from models.hazard import stored
from models.hazard.learning import check_outcomes, learn
from models.hazard.model import HazardSettings
from models.hazard.risk import fold_of, unseen_risk

NIGHT = date(2026, 6, 30)
SNAPSHOTS = (NIGHT - timedelta(days=730), NIGHT - timedelta(days=365))
ASKED = {"definition": "dpd90", "settled": NIGHT - timedelta(days=4)}


def a_record(defaults: int, borrowers: int = 600) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labelled snapshots and outcomes of borrowers of whom the first default, the riskier sooner."""
    rng = np.random.default_rng(1)
    names = [f"e{number:03d}" for number in range(borrowers)]
    lost = [
        (names[number], SNAPSHOTS[0] + timedelta(days=2 + number * 700 // defaults))
        for number in range(defaults)
    ]
    outcomes = pl.DataFrame(
        [(who, SNAPSHOTS[0], 0) for who in names] + [(who, day, 95) for who, day in lost],
        schema={"enterprise_id": pl.String, "outcome_date": pl.Date, "days_past_due": pl.Int32}, orient="row",
    ).with_columns(
        loan_id=pl.lit(None, pl.String), charge_off=pl.lit(value=False), insolvency=pl.lit(value=False)
    )  # fmt: skip
    days, frames = dict(lost), []
    for snapshot in SNAPSHOTS:
        there = [who for who in names if days.get(who, NIGHT) > snapshot]
        label = [int(who in days and days[who] <= snapshot + timedelta(days=365)) for who in there]
        risk = np.array(label) + rng.normal(0, 1, len(there))
        frames.append(
            pl.DataFrame(
                {"as_of_date": snapshot, "enterprise_id": there, "gap": risk, "city": "x", "label": label}
            )
        )
    return pl.concat(frames), outcomes


def learnt_of(defaults: int):
    frame, outcomes = a_record(defaults)
    return learn(frame, outcomes, month=12, kept_out=(), settings=HazardSettings(), **ASKED)


def test_the_figures_of_the_registry_add_up():
    learnt = learnt_of(150)
    metrics = learnt.metrics()
    assert (
        metrics["defaults"]
        == sum(span["defaults"] for span in metrics["spans"])
        == learnt.panel["event"].sum()
    )
    assert metrics["months_at_risk"] == learnt.panel.height
    assert (metrics["snapshots"], metrics["last_month"]) == (["2024-06-30", "2025-06-30"], 23)
    assert np.isfinite([metrics["gain"], metrics["gain_error"]]).all()
    assert learnt.lines()[0].endswith("through 2026-06-26; months after 23 are extrapolated")


def test_three_defaults_are_refused_before_any_feature_is_asked_for():
    _, outcomes = a_record(3)
    with pytest.raises(TooFewRowsError, match=r"^[34] defaults in \d+ months at risk"):
        check_outcomes(outcomes, SNAPSHOTS, settings=HazardSettings(), **ASKED)
    check_outcomes(a_record(150)[1], SNAPSHOTS, settings=HazardSettings(), **ASKED)
    with pytest.raises(TooFewRowsError):
        learnt_of(3)


def test_the_risk_of_a_borrower_does_not_know_its_own_outcome():
    frame, _ = a_record(150)
    labels = frame["label"].to_numpy().astype(np.int64)
    mine = np.array([fold_of(who) for who in frame["enterprise_id"]]) == 0
    turned = np.where(mine & (np.arange(len(labels)) % 4 == 0), 1 - labels, labels)
    before, after = (unseen_risk(frame.drop("label"), told) for told in (labels, turned))
    # Platt's two numbers are of all rows; the order of the borrowers' raw scores is their own
    assert (np.argsort(before[mine]) == np.argsort(after[mine])).all()
    assert (np.argsort(before[~mine]) != np.argsort(after[~mine])).any()


def test_features_that_mean_something_else_on_another_date_are_kept_out():
    frame, _ = a_record(150)
    with pytest.raises(NoFeaturesError, match="no feature that is a number has a value"):
        unseen_risk(frame.drop("label"), frame["label"].to_numpy(), kept_out=("gap",))


def test_a_stored_model_comes_back_and_a_changed_file_does_not(tmp_path):
    model = learnt_of(150).model
    path, sha256 = stored.save(model, tmp_path)
    assert stored.save(model, tmp_path) == (path, sha256)
    again = stored.load(path, sha256=sha256)
    risk = np.linspace(-5, 1, 7)
    assert np.array_equal(again.log_hazards(risk), model.log_hazards(risk))
    assert again.spans_ == model.spans_
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ArtefactError, match="is not the one registered"):
        stored.load(path, sha256=sha256)
    path.unlink()
    with pytest.raises(ArtefactError, match="is missing in"):
        stored.load(path, sha256=sha256)
