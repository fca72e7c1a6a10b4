"""Draw the curve of each borrower: the shape from the hazards, the level from its calibrated PD."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calibration import PD_EDGE
from models.hazard.model import HazardModel
from models.hazard.months import MONTHS
from models.hazard.risk import risk_of

Floats = npt.NDArray[np.float64]
Shape = Literal["learnt", "constant"]


def cumulative(pd: Floats, log_hazards: Floats | None, *, month: int) -> Floats:
    """Return the probability of default within 1 to 60 months, which is the calibrated PD at one of them.

    With H(k) the sum of the hazards of months 1 to k, the curve is ``1 - (1 - pd) ** (H(k) / H(month))``: all hazards
    of a borrower are multiplied by the one number that makes its curve agree with its PD, a shift of log(-log(1 - F)).
    So the curve never falls and stays inside (0, 1), whatever the PD. Without hazards they are constant.

    Parameters
    ----------
    pd : ndarray of shape (n_samples,), inside (0, 1)
    log_hazards : ndarray of shape (n_samples, 60) or None
    month : int
        Month at whose end the horizon of the PD lies.

    Returns
    -------
    ndarray of shape (n_samples, 60)

    Examples
    --------
    >>> curve = cumulative(np.array([0.1]), None, month=12)
    >>> curve[0, [0, 11, 23]].round(4).tolist()
    [0.0087, 0.1, 0.19]
    """
    if log_hazards is None:
        log_hazards = np.zeros((len(pd), MONTHS))
    # the greatest of each borrower is 1: whatever its level, it drops out
    hazards = np.exp(log_hazards - log_hazards.max(axis=1, keepdims=True))
    sums = np.add.accumulate(hazards, axis=1)
    share = sums / sums[:, [month - 1]]
    curve = np.minimum(-np.expm1(np.log1p(-pd)[:, None] * share), 1 - PD_EDGE)
    curve[:, : month - 1] = np.minimum(curve[:, : month - 1], pd[:, None])
    curve[:, month - 1] = pd
    curve[:, month:] = np.maximum(curve[:, month:], pd[:, None])
    return np.asarray(curve, dtype=np.float64)


def curves(frame: pl.DataFrame, model: HazardModel | None, *, month: int) -> pl.DataFrame:
    """Return enterprise_id, shape and cumulative_pd (months 1 to 60) of each row, in order.

    Parameters
    ----------
    frame : polars.DataFrame
        enterprise_id and pd.
    model : HazardModel or None
        None: a constant hazard, shape `constant`.
    month : int
        Month at whose end the horizon of the PD lies.
    """
    pd = frame["pd"].to_numpy().astype(np.float64)
    shape: Shape = "constant" if model is None else "learnt"
    told = cumulative(pd, None if model is None else model.log_hazards(risk_of(pd)), month=month)
    return frame.select("enterprise_id").with_columns(
        shape=pl.lit(shape),
        cumulative_pd=pl.Series(told, dtype=pl.Array(pl.Float64, MONTHS)).cast(pl.List(pl.Float64)),
    )
