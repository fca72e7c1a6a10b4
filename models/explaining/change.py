"""Split the change of each borrower's PD between two nights into parts that add up to it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.errors import ModelError
from models.explanation import OTHER, completed, strongest
from models.scoring import CalibratedModel, explain, raw_scores

Floats = npt.NDArray[np.float64]

DATA, MODEL, CALIBRATION = "data", "model", "calibration"
COVERAGE_DATA, COVERAGE_MODEL = "coverage_data", "coverage_model"


class Change(NamedTuple):
    """The PDs of both nights, computed again by the models, and the parts of their difference.

    ``rows`` holds enterprise_id, part, feature (null for a part that is not split by feature) and change; the
    changes of a borrower add up to its ``pd_now`` minus its ``pd_before``.
    """

    pd_before: Floats
    pd_now: Floats
    rows: pl.DataFrame


def within_family(
    before: CalibratedModel, now: CalibratedModel, x_before: pl.DataFrame, x_now: pl.DataFrame, *, top: int
) -> Change:
    """Split the differences of borrowers whose PD came from the same family on both nights.

    With ``r`` the raw score, ``c`` the calibration and ``f = c(r)`` of the earlier model (A) and the later model (B):

        data        = f_A(x_B) - f_A(x_A), by feature: its contribution in model A now minus that before
        model       = c_A(r_B(x_B)) - c_A(r_A(x_B))
        calibration = c_B(r_B(x_B)) - c_A(r_B(x_B))

    The earlier model scores the new values first, so that with one model version (pass the same object twice) the
    whole difference is data, and ``model`` and ``calibration`` are exactly 0.

    Parameters
    ----------
    before, now : CalibratedModel
        Of the same family.
    x_before, x_now : polars.DataFrame
        enterprise_id and features of the same borrowers in the same order.
    top : int
        Features kept for each borrower; the rest is summed under ``other``. Features without a change have no row.
        All of ``data`` is ``other`` if model A does not explain itself.

    Raises
    ------
    ModelError
        The frames are of different borrowers, or lack a feature.

    Examples
    --------
    >>> from models.calibration import Calibrator
    >>> from models.master_scale import MasterScale
    >>> from models.operational_risk.classifier import OperationalRiskClassifier
    >>> from models.operational_risk.settings import OperationalRiskSettings
    >>> rng = np.random.default_rng(0)
    >>> bad = np.arange(200) % 5 == 0
    >>> then = pl.DataFrame({"gap": rng.gamma(2.0, np.where(bad, 3.0, 1.0))})
    >>> settings = OperationalRiskSettings(learner="logistic_regression")
    >>> classifier = OperationalRiskClassifier(settings=settings).fit(then, bad.astype(int))
    >>> calibrator = Calibrator().fit(classifier.predict_proba(then)[:, 1], bad.astype(int))
    >>> model = CalibratedModel(classifier, calibrator, MasterScale(), "the same rows, for the example")
    >>> then = then.with_columns(enterprise_id=pl.Series([f"{row:03}" for row in range(200)]))
    >>> moved = within_family(model, model, then, then.with_columns(pl.col("gap") + 1), top=3)
    >>> sums = moved.rows.group_by("enterprise_id").agg(pl.col("change").sum()).sort("enterprise_id")
    >>> np.allclose(sums["change"], moved.pd_now - moved.pd_before), set(moved.rows["feature"].drop_nulls())
    (True, {'gap'})
    """
    _same_borrowers(x_before, x_now)
    pd_before, pd_between, data = _by_feature(before, x_before, x_now, top=top)
    if now is before:
        pd_mixed = pd_now = pd_between
    else:
        raw_now = raw_scores(now, x_now)
        pd_mixed, pd_now = before.calibrator.predict(raw_now), now.calibrator.predict(raw_now)
    ids = x_now["enterprise_id"]
    rest = [_part(ids, MODEL, pd_mixed - pd_between), _part(ids, CALIBRATION, pd_now - pd_mixed)]
    return Change(pd_before, pd_now, pl.concat([data, *rest]))


def within_class(
    before: CalibratedModel, now: CalibratedModel, x_before: pl.DataFrame, x_now: pl.DataFrame, *, top: int
) -> Change:
    """Split the differences of borrowers of one coverage class whose PD came from different families.

    The earlier family's model (A) covers the class, and scores the new values first:

        data  = f_A(x_B) - f_A(x_A), by feature
        model = f_B(x_B) - f_A(x_B)

    Raw scores of two families mean different things, so nothing is told of their calibrations apart.

    Parameters
    ----------
    before, now, x_before, x_now, top
        As `within_family` takes them, of different families.

    Raises
    ------
    ModelError
        The frames are of different borrowers, or lack a feature.
    """
    _same_borrowers(x_before, x_now)
    pd_before, pd_between, data = _by_feature(before, x_before, x_now, top=top)
    pd_now = _pd(now, x_now)
    model = _part(x_now["enterprise_id"], MODEL, pd_now - pd_between)
    return Change(pd_before, pd_now, pl.concat([data, model]))


def across_families(
    before: CalibratedModel,
    now: CalibratedModel,
    x_before: pl.DataFrame,
    x_now: pl.DataFrame,
    *,
    data_first: bool,
) -> Change:
    """Split the differences of borrowers of another coverage class than before, whose PD came from another family.

    If the earlier family (A) covers the data that the borrower delivers now, it scores the new values first:

        coverage_data  = f_A(x_B) - f_A(x_A),  coverage_model = f_B(x_B) - f_A(x_B)

    Otherwise the later family (B) scores the old values first:

        coverage_model = f_B(x_A) - f_A(x_A),  coverage_data  = f_B(x_B) - f_B(x_A)

    Parameters
    ----------
    before, now : CalibratedModel
    x_before, x_now : polars.DataFrame
        enterprise_id and features of the same borrowers in the same order.
    data_first : bool
        True if the earlier family covers the borrower's coverage class of now.
    """
    _same_borrowers(x_before, x_now)
    pd_before, pd_now = _pd(before, x_before), _pd(now, x_now)
    between = _pd(before, x_now) if data_first else _pd(now, x_before)
    first, second = (COVERAGE_DATA, COVERAGE_MODEL) if data_first else (COVERAGE_MODEL, COVERAGE_DATA)
    ids = x_now["enterprise_id"]
    parts = [_part(ids, first, between - pd_before), _part(ids, second, pd_now - between)]
    return Change(pd_before, pd_now, pl.concat(parts))


def _by_feature(
    model: CalibratedModel, x_before: pl.DataFrame, x_now: pl.DataFrame, *, top: int
) -> tuple[Floats, Floats, pl.DataFrame]:
    """Return what one model makes of both nights: PD then, PD now, and the effect of each feature's new value.

    The effect is one ``other`` row if the model does not explain itself.
    """
    # the same values have the same PD and contributions, which on most nights spares the work for many borrowers
    changed = _differ(x_before, x_now, model.classifier.feature_names_in_.tolist())
    moved_before, moved_now = x_before.filter(changed), x_now.filter(changed)
    explained = model.classifier.unexplained is None
    if explained:
        earlier, later = explain(model, moved_before), explain(model, moved_now)
        raw_before, raw_now = earlier.raw, later.raw
    else:
        raw_before, raw_now = raw_scores(model, moved_before), raw_scores(model, moved_now)
    mask, ids = changed.to_numpy(), x_now["enterprise_id"]
    pd_before = np.empty(len(mask))
    pd_before[~mask] = _pd(model, x_now.filter(~changed))
    pd_now = pd_before.copy()
    pd_before[mask], pd_now[mask] = model.calibrator.predict(raw_before), model.calibrator.predict(raw_now)
    whole = pd_now - pd_before
    if not explained:
        return pd_before, pd_now, _part(ids, DATA, whole, feature=OTHER).filter(pl.col("change") != 0)
    # both nights have the model's base value, which cancels
    effects = completed(later.contributions - earlier.contributions, whole[mask])
    rows = strongest(replace(later, base_value=0.0, contributions=effects), ids.filter(changed), top=top)
    rows = rows.filter(pl.col("contribution") != 0).select(
        "enterprise_id", part=pl.lit(DATA), feature="feature", change="contribution"
    )
    return pd_before, pd_now, rows


def _differ(x_before: pl.DataFrame, x_now: pl.DataFrame, names: list[str]) -> pl.Series:
    """Return a mask of the rows that differ in at least one of the columns."""
    paired = pl.concat(
        [x_before.select(names), x_now.select(pl.col(names).name.suffix(" now"))], how="horizontal"
    )
    return paired.select(
        other=pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name} now")) for name in names)
    )["other"]


def _pd(model: CalibratedModel, frame: pl.DataFrame) -> Floats:
    return model.calibrator.predict(raw_scores(model, frame))


def _part(ids: pl.Series, part: str, change: Floats, *, feature: str | None = None) -> pl.DataFrame:
    return pl.DataFrame({"enterprise_id": ids}).with_columns(
        part=pl.lit(part), feature=pl.lit(feature, pl.String), change=pl.Series(change, dtype=pl.Float64)
    )


def _same_borrowers(x_before: pl.DataFrame, x_now: pl.DataFrame) -> None:
    if not x_before["enterprise_id"].equals(x_now["enterprise_id"]):
        raise ModelError("the two nights' rows are not of the same borrowers in the same order")
