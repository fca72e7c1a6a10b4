"""Learn a hazard model from snapshots and outcomes, and measure it on borrowers that it did not see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.hazard.model import RISK, HazardModel, HazardSettings, check_panel
from models.hazard.panel import KEY, monthly_panel
from models.hazard.risk import FOLDS, fold_of, unseen_risk

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Learnt:
    """A hazard model, the months at risk it was fitted on, and its gain in log-likelihood.

    Attributes
    ----------
    model : HazardModel
    panel : polars.DataFrame
    settled : date
        Last day whose outcomes were known.
    gain, gain_error : float
        By how much the hazards of a model that had not seen a borrower tell its months better than a constant hazard
        does (sum of the logarithms of the likelihood), and the standard error over borrowers.
    """

    model: HazardModel
    panel: pl.DataFrame
    settled: date
    gain: float
    gain_error: float

    def metrics(self) -> dict[str, Any]:
        """Return what the registry keeps."""
        return {
            "months_at_risk": self.panel.height,
            "defaults": self.model.defaults_,
            "borrowers": self.panel["enterprise_id"].n_unique(),
            "snapshots": [str(day) for day in self.panel["as_of_date"].unique().sort()],
            "settled": str(self.settled),
            "last_month": self.model.last_month_,
            "spans": [span._asdict() for span in self.model.spans_],
            "coefficients": self.model.coefficients_,
            "standard_errors": self.model.errors_,
            "gain": self.gain,
            "gain_error": self.gain_error,
        }

    def lines(self) -> list[str]:
        """Return what a log tells."""
        days = ", ".join(str(day) for day in self.panel["as_of_date"].unique().sort())
        low, high = (self.gain + 1.96 * side * self.gain_error for side in (-1, 1))
        source = (
            f"learnt from {self.panel.height:,} months at risk after {days}, {self.model.defaults_:,} of them with a "
            f"default, through {self.settled}; months after {self.model.last_month_} are extrapolated"
        )
        gain = f"{self.gain:+.1f} ({low:+.1f} to {high:+.1f})"
        return [source, f"log-likelihood of unseen borrowers {gain} against a constant hazard"]


def check_outcomes(
    outcomes: pl.DataFrame, dates: Sequence[date], *, definition: str, settled: date, settings: HazardSettings
) -> None:
    """Refuse outcomes that hold too few defaults or months after the dates, before any feature is built.

    Raises
    ------
    TooFewRowsError
        As `learn` would, whatever the features.
    """
    borrowers = outcomes.lazy().select("enterprise_id").unique()
    snapshots = borrowers.join(pl.LazyFrame({"as_of_date": list(dates)}), how="cross")
    panel = monthly_panel(snapshots, outcomes.lazy(), definition=definition, settled=settled)
    check_panel(panel.select("month", "event").collect(engine="streaming"), settings)


def learn(
    frame: pl.DataFrame,
    outcomes: pl.DataFrame,
    *,
    definition: str,
    settled: date,
    month: int,
    kept_out: Collection[str],
    settings: HazardSettings,
) -> Learnt:
    """Fit a hazard model, and five more to measure it, each on the borrowers of four folds.

    Parameters
    ----------
    frame : polars.DataFrame
        as_of_date, enterprise_id, features and `label` (default within the horizon) of snapshots.
    outcomes : polars.DataFrame
        As `models.hazard.panel.monthly_panel` takes them.
    definition : str
    settled : date
    month : int
        Month at whose end the horizon of the labels lies.
    kept_out : collection of str
        Features that would mean something else on another date.
    settings : HazardSettings

    Raises
    ------
    ModelError
        Too few defaults or months, or no feature.
    """
    labels = frame["label"].to_numpy().astype(np.int64)
    told = unseen_risk(frame.drop("label"), labels, kept_out=kept_out)
    snapshots = frame.select(*KEY, pl.Series(RISK, told)).lazy()
    panel = monthly_panel(snapshots, outcomes.lazy(), definition=definition, settled=settled).collect(
        engine="streaming"
    )
    model = HazardModel(settings).fit(panel)
    gains = _unseen_gain(panel, settings, month=month)
    by_borrower = panel.select("enterprise_id", gain=pl.Series(gains)).group_by("enterprise_id").agg(
        pl.col("gain").sum()
    )["gain"].sort()  # fmt: skip
    error = float(np.sqrt(len(by_borrower)) * np.std(by_borrower.to_numpy()))
    return Learnt(model, panel, settled, float(by_borrower.sum()), error)


def _unseen_gain(panel: pl.DataFrame, settings: HazardSettings, *, month: int) -> Floats:
    """Return for each month at risk how much better a model that had not seen its borrower tells it."""
    folds = np.array([fold_of(borrower) for borrower in panel["enterprise_id"].to_list()])
    hazards = np.empty(panel.height)
    fewer = settings.model_copy(update={"minimum_defaults": 5})  # four fifths of the borrowers have fewer
    for fold in range(FOLDS):
        test = folds == fold
        if not test.any():
            continue
        unseen = panel.filter(test)
        found = HazardModel(fewer).fit(panel.filter(~test)).log_hazards(unseen[RISK].to_numpy())
        hazards[test] = np.exp(found[np.arange(unseen.height), unseen["month"].to_numpy() - 1])
    constant = np.exp(panel[RISK].to_numpy()) / month
    event = panel["event"].to_numpy()
    return _told(hazards, event) - _told(constant, event)


def _told(hazards: Floats, event: npt.NDArray[np.bool_]) -> Floats:
    return np.asarray(np.where(event, np.log(-np.expm1(-hazards)), -hazards), dtype=np.float64)
