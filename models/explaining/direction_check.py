"""Measure where a model's PD goes against the direction that credit sense gives a feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.scoring import CalibratedModel, raw_scores

ROWS = 40  # a model has up to two hundred features with a direction: some seconds of time
POINTS = 6
TOLERANCE = 1e-3  # a tenth of a percentage point of PD: what is smaller changes no grade and no reason

LISTED = 10


class Against(NamedTuple):
    """How a model treats one feature that has a direction, all others as they are.

    Parameters
    ----------
    feature : str
    direction : int
        1 where the risk rises with the feature, -1 where it falls.
    rows : int
        Rows whose value was replaced.
    against : int
        Rows of these whose PD goes against the direction by more than `TOLERANCE` between two values.
    largest : float
        The furthest that the PD of a row goes against it, as a probability.
    whole : float
        Mean change of the PD from the smallest to the largest value, by the direction: below zero if the model has the
        feature the wrong way round as a whole.
    """

    feature: str
    direction: int
    rows: int
    against: int
    largest: float
    whole: float


def check_directions(
    model: CalibratedModel, frame: pl.DataFrame, directions: Mapping[str, int], *, rows: int = ROWS
) -> tuple[Against, ...]:
    """Return for each number of the model that has a direction how the PD follows it, in the order of the model.

    Of each feature, rows with a value, evenly spaced, get `POINTS` values of the training rows one after the other:
    their smallest, largest, and quantiles between. Everything else stays as it is, so that a row may become one that
    cannot be, such as more days past due at most than now; what is measured is the function, as an individual
    conditional expectation (Goldstein et al.).

    Parameters
    ----------
    model : CalibratedModel
    frame : polars.DataFrame of shape (n_samples, n_columns)
        Training rows.
    directions : mapping of str to int
        1 for features that raise the risk as they rise, -1 for those that lower it.
    rows : int, default=40

    References
    ----------
    Goldstein, Kapelner, Bleich, Pitkin (2015), Peeking Inside the Black Box. JCGS 24, 44-65.
    """
    schema = model.classifier.preparation_.schema_
    numbers = [column.name for column in schema if column.kind == "number" and column.name in directions]
    slim = frame.select(column.name for column in schema)
    found = (_against(model, slim, name, directions[name], rows) for name in numbers)
    return tuple(one for one in found if one is not None)


def direction_figures(checked: Sequence[Against]) -> dict[str, Any]:
    """Return how many features have a direction and how many the PD goes against, and each that it does; plain JSON.

    ``whole`` counts those that the model has the wrong way round as a whole. Features come furthest first, at most
    `LISTED` of them.
    """
    broken = sorted((one for one in checked if one.against), key=lambda one: -one.largest)
    return {
        "tolerance": TOLERANCE,
        "features": len(checked),
        "against": len(broken),
        "whole": sum(one.whole < -TOLERANCE for one in checked),
        "furthest": [one._asdict() for one in broken[:LISTED]],
    }


def _against(
    model: CalibratedModel, frame: pl.DataFrame, name: str, direction: int, rows: int
) -> Against | None:
    """Return how the PD follows one feature; None if the training rows hold fewer than two values of it."""
    numbers = frame[name].cast(pl.Float64)
    known = np.flatnonzero(numbers.is_finite().fill_null(value=False).to_numpy())
    quantiles = np.linspace(0, 1, POINTS)
    values = np.unique(np.quantile(numbers.gather(known).to_numpy(), quantiles, method="nearest"))
    if len(values) < 2:
        return None
    picked = known[np.unique(np.linspace(0, len(known) - 1, min(rows, len(known))).astype(np.int64))]
    repeated = frame[np.repeat(picked, len(values))]
    varied = repeated.with_columns(pl.Series(name, np.tile(values, len(picked))))
    pd = model.calibrator.predict(raw_scores(model, varied)).reshape(len(picked), len(values))
    falls = _falls(direction * pd)
    return Against(
        feature=name,
        direction=direction,
        rows=len(picked),
        against=int((falls > TOLERANCE).sum()),
        largest=float(falls.max()),
        whole=float(direction * (pd[:, -1] - pd[:, 0]).mean()),
    )


def _falls(pd: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how far each row falls below an earlier value at most, shape (n_rows,), 0 where it never does."""
    fall: npt.NDArray[np.float64] = (np.maximum.accumulate(pd, axis=1) - pd).max(axis=1)
    return fall
