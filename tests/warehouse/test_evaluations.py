"""What models said of unseen rows is kept once, and compared on the rows that both have."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from warehouse import evaluations
from warehouse.registry import ModelRecord

DAY = date(2025, 6, 30)


def model(family: str, version: str = "1") -> ModelRecord:
    return ModelRecord.model_construct(
        portfolio="lender", model_family=family, model_version=version, run_id="r"
    )


def said(
    pds: list[float], labels: list[int], *, repeat: int = 0, coverage: str = "transaction"
) -> pl.DataFrame:
    count = len(pds)
    return pl.DataFrame(
        {
            "as_of_date": [DAY] * count,
            "enterprise_id": [f"E{number}" for number in range(count)],
            "repeat": [repeat] * count,
            "coverage": [coverage] * count,
            "label": labels,
            "pd_raw": pds,
            "pd": pds,
        }
    )


def test_the_difference_is_the_mean_of_paired_log_losses(con):
    labels, left, right = [1, 0, 0, 1], [0.8, 0.3, 0.1, 0.6], [0.5, 0.2, 0.3, 0.9]
    evaluations.record(con, said(left, labels), model("wide_deep"))
    # the other one knows one borrower more, and one of another class
    more = pl.concat(
        [
            said([*right, 0.5], [*labels, 1]),
            said([0.5], [1], coverage="thin").with_columns(enterprise_id=pl.lit("T")),
        ]
    )
    evaluations.record(con, more, model("operational_risk"))
    found = evaluations.compare(con, model("wide_deep"), model("operational_risk"), coverage=("transaction",))

    def losses(pds):
        return np.array([-np.log(pd if label else 1 - pd) for pd, label in zip(pds, labels, strict=True)])

    gaps = losses(left) - losses(right)
    half = 1.96 * gaps.std(ddof=1) / 2
    assert found is not None
    assert found.rows == 4
    assert tuple(found[1:]) == pytest.approx((gaps.mean(), gaps.mean() - half, gaps.mean() + half))


def test_one_model_is_worse_than_the_other_as_the_other_is_better(con):
    labels = [0, 1] * 50
    good = [0.1 + 0.001 * n if not label else 0.9 - 0.001 * n for n, label in enumerate(labels)]
    evaluations.record(con, said([0.5] * 100, labels), model("wide_deep"))
    evaluations.record(con, said(good, labels), model("operational_risk"))
    bad = evaluations.compare(con, model("wide_deep"), model("operational_risk"), coverage=("transaction",))
    back = evaluations.compare(con, model("operational_risk"), model("wide_deep"), coverage=("transaction",))
    assert bad is not None
    assert back is not None
    assert 0 < bad.low < bad.high
    assert back.low < back.high < 0
    assert bad.difference == pytest.approx(-back.difference)


def test_repeats_of_a_row_are_one_observation_and_a_second_record_replaces_the_first(con):
    labels = [0, 1, 1]
    evaluations.record(con, said([0.2, 0.7, 0.9], labels), model("operational_risk"))
    evaluations.record(con, said([0.9, 0.9, 0.9], labels), model("wide_deep"))
    twice = pl.concat([said([0.3, 0.6, 0.8], labels, repeat=n) for n in range(2)])
    evaluations.record(con, twice, model("wide_deep"))
    assert con.execute(
        "select count(*) from wh.ops.evaluation_scores where model_family = 'wide_deep'"
    ).fetchone() == (6,)
    found = evaluations.compare(con, model("wide_deep"), model("operational_risk"), coverage=("transaction",))
    assert found is not None
    assert found.rows == 3


def test_models_that_share_no_row_are_not_compared(con):
    evaluations.record(con, said([0.2, 0.7], [0, 1]), model("operational_risk"))
    later = said([0.2, 0.7], [0, 1]).with_columns(as_of_date=pl.lit(date(2026, 6, 30)))
    evaluations.record(con, later, model("wide_deep"))
    assert (
        evaluations.compare(con, model("wide_deep"), model("operational_risk"), coverage=("transaction",))
        is None
    )


def test_each_family_is_held_to_the_default_rate_of_each_class(con):
    labels = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    twice = [said([0.1] * 10, labels), said([0.5] * 10, labels, repeat=1)]
    thin = said([0.02], [0], coverage="thin").with_columns(enterprise_id=pl.lit("T"))
    evaluations.record(con, pl.concat([*twice, thin]), model("wide_deep"))
    evaluations.record(con, said([0.2] * 10, labels), model("operational_risk"))
    rows = con.execute(
        "select model_family, coverage, rows, defaults, round(observed_rate, 9), round(observed_low, 5), "
        "round(observed_high, 5), round(mean_pd, 9), round(ratio, 9) from wh.marts.mart_family_calibration order by all"
    ).fetchall()
    # Wilson's interval of 2 in 10 and of 0 in 1; repeats of a row count once
    assert rows == [
        ("operational_risk", "transaction", 10, 2, 0.2, 0.05668, 0.50984, 0.2, 1.0),
        ("wide_deep", "thin", 1, 0, 0.0, 0.0, 0.79345, 0.02, None),
        ("wide_deep", "transaction", 10, 2, 0.2, 0.05668, 0.50984, 0.3, 1.5),
    ]
