"""Learn how the risk of default runs over the months after a night: a discrete-time hazard model with few numbers."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.errors import TooFewRowsError
from models.hazard.months import MONTHS

Floats = npt.NDArray[np.float64]
Months = npt.NDArray[np.integer]

STARTS = (1, 2, 4, 7, 10, 13, 19, 25, 37, 49)
RISK = "risk"
TAIL = 0.01  # risks further out count as those at this quantile: their shape is known of too few
_STEPS, _TOLERANCE = 100, 1e-9


class HazardSettings(BaseModel):
    """Every choice of one hazard model; stored with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum_defaults: int = Field(
        30, ge=5, description="Fewest defaults in the months at risk; with fewer no shape is learnt."
    )
    minimum_months: int = Field(6, ge=2, le=MONTHS, description="Fewest months that the record must show.")
    defaults_a_span: int = Field(
        5, ge=1, description="Fewest defaults in a span of months with a level of its own."
    )
    shrinkage: float = Field(
        1.0, gt=0, description="Penalty of the standardised slopes, in squared units; the levels have none."
    )
    reversion_months: float = Field(
        48.0,
        gt=0,
        description="Months after the last learnt one in which a hazard goes 63% of the way to the mean.",
    )


class Span(NamedTuple):
    """Months that share a level: the first one, how many months at risk they held and how many defaults."""

    first: int
    at_risk: int
    defaults: int


class HazardModel(BaseEstimator):  # type: ignore[misc]
    """Hazard of default in each month after a night, given that there was none before.

    The complementary log-log model of grouped survival times (proportional hazards, seen by months)::

        log h(k) = level(span of k) + (a + b log(k / 12)) z

    z is the risk as told on the night, ``log(-log(1 - pd))``, standardised; with b below 0 the risky become less so the
    longer they last and the safe more, which any risk that no score shows brings about. Levels are free; a and b are
    shrunk towards 0. A span with too few defaults joins its neighbour. A constant hazard is the case of equal levels,
    b = 0 and the slope that gives the PD back.

    Beyond the last month with a default that the rows hold, k stays in the formula what it was there, and the logarithm
    of the hazard goes exponentially to that of the mean hazard of all rows, with the settings' `reversion_months`.

    Parameters
    ----------
    settings : HazardSettings

    Attributes
    ----------
    spans_ : list of Span
    last_month_ : int
        Last month that was learnt; later ones are extrapolated.
    log_mean_ : float
        Logarithm of the mean monthly hazard of all rows, which later months go to.
    edges_ : list of float
        Least and greatest risk; those outside count as these.
    centre_, spread_ : float
        Of the risks inside.
    coefficients_, errors_ : list of float
        One for each span, then a and b; their standard errors, months of a borrower taken as independent.
    rows_, defaults_ : int

    References
    ----------
    Prentice, Gloeckler (1978), Regression analysis of grouped survival data. Biometrics 34, 57-67.
    Allison (1982), Discrete-time methods for the analysis of event histories. Sociological Methodology 13, 61-98.
    Singer, Willett (1993), It's about time: using discrete-time survival analysis. J Educ Stat 18, 155-195.
    Shumway (2001), Forecasting bankruptcy more accurately: a simple hazard model. J Business 74, 101-124.

    Examples
    --------
    >>> months = pl.DataFrame({"risk": [-2.0, 0.0] * 240, "month": [1 + n // 20 % 12 for n in range(480)]})
    >>> panel = months.with_columns(event=pl.int_range(480) % 13 == 0)
    >>> model = HazardModel(HazardSettings()).fit(panel)
    >>> model.log_hazards(np.array([-1.0])).shape
    (1, 60)
    """

    def __init__(self, settings: HazardSettings) -> None:
        self.settings = settings

    def fit(self, panel: pl.DataFrame) -> Self:
        """Fit on months at risk.

        Parameters
        ----------
        panel : polars.DataFrame
            `month`, `event` and `risk`, as `models.hazard.panel.monthly_panel` returns them.

        Raises
        ------
        TooFewRowsError
            Fewer defaults or months than the settings ask for.
        """
        defaults, last = check_panel(panel, self.settings)
        month, event = panel["month"].to_numpy(), panel["event"].to_numpy().astype(np.float64)
        self.last_month_ = last
        self.spans_ = spans(month, event, least=self.settings.defaults_a_span)
        risk = panel[RISK].to_numpy()
        self.edges_: list[float] = np.quantile(risk, [TAIL, 1 - TAIL]).tolist()
        inside = self._inside(risk)
        self.centre_, self.spread_ = float(inside.mean()), float(inside.std()) or 1.0
        self.log_mean_ = float(np.log(-np.log1p(-event.mean())))
        z = self._standardised(risk)
        levels = self._span_of(month)[:, None] == np.arange(len(self.spans_))
        design = np.column_stack([levels, z, z * np.log(month / 12)]).astype(np.float64)
        penalty = np.append(np.zeros(len(self.spans_)), np.full(2, self.settings.shrinkage))
        start = np.append(np.full(len(self.spans_), self.log_mean_), np.zeros(2))
        coefficients, information = _optimum(design, event, penalty, start)
        self.coefficients_: list[float] = coefficients.tolist()
        self.errors_: list[float] = np.sqrt(np.diag(np.linalg.inv(information))).tolist()
        self.rows_, self.defaults_ = panel.height, defaults
        return self

    def log_hazards(self, risk: Floats) -> Floats:
        """Return the logarithm of the hazard of months 1 to 60, shape (n_samples, 60).

        A borrower has the same to the bit whoever is scored beside it.

        Parameters
        ----------
        risk : ndarray of shape (n_samples,)
            Of the PD told tonight.
        """
        check_is_fitted(self, "coefficients_")
        *levels, slope, drift = self.coefficients_
        months = np.arange(1, MONTHS + 1)
        learnt = np.minimum(months, self.last_month_)
        z = self._standardised(risk)[:, None]
        found = np.array(levels)[self._span_of(learnt)] + z * (slope + drift * np.log(learnt / 12))
        left = np.exp(-(months - learnt) / self.settings.reversion_months)
        return np.asarray(self.log_mean_ + left * (found - self.log_mean_), dtype=np.float64)

    def _span_of(self, month: Months) -> npt.NDArray[np.intp]:
        return np.searchsorted([span.first for span in self.spans_], month, side="right") - 1

    def _inside(self, risk: Floats) -> Floats:
        low, high = self.edges_
        return np.clip(risk, low, high)

    def _standardised(self, risk: Floats) -> Floats:
        return (self._inside(risk) - self.centre_) / self.spread_


def check_panel(panel: pl.DataFrame, settings: HazardSettings) -> tuple[int, int]:
    """Return how many defaults the months at risk hold, and the last month after a snapshot with one.

    Raises
    ------
    TooFewRowsError
        Fewer defaults or months than the settings ask for.
    """
    months = panel.filter("event")["month"]
    if len(months) < settings.minimum_defaults:
        raise TooFewRowsError(
            f"{len(months)} defaults in {panel.height} months at risk, the shape of a curve needs "
            f"{settings.minimum_defaults}; deliver a longer record of outcomes"
        )
    last = int(months.max())  # type: ignore[arg-type]
    if last < settings.minimum_months:
        raise TooFewRowsError(
            f"defaults are known of {last} months after a snapshot, the shape of a curve needs "
            f"{settings.minimum_months}; deliver a longer record of outcomes"
        )
    return len(months), last


def spans(month: Months, event: Floats, *, least: int) -> list[Span]:
    """Return the spans of `STARTS`, each joined to the one before it until it has enough defaults.

    The first one that is short joins those after it.

    Examples
    --------
    >>> spans(np.array([1, 1, 2, 3, 5, 8]), np.array([0.0, 1, 1, 0, 0, 1]), least=1)
    [Span(first=1, at_risk=2, defaults=1), Span(first=2, at_risk=3, defaults=1), Span(first=7, at_risk=1, defaults=1)]
    """
    found: list[Span] = []
    for first, after in zip(STARTS, (*STARTS[1:], MONTHS + 1), strict=True):
        inside = (month >= first) & (month < after)
        span = Span(first, int(inside.sum()), int(event[inside].sum()))
        if found and min(span.defaults, found[-1].defaults) < least:
            before = found.pop()
            span = Span(before.first, before.at_risk + span.at_risk, before.defaults + span.defaults)
        found.append(span)
    return found


def _optimum(design: Floats, event: Floats, penalty: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Return the coefficients of the greatest penalised likelihood and its information, by Fisher's scoring.

    A step that does not raise the likelihood is halved.
    """
    coefficients, reached = start, _likelihood(design, event, penalty, start)
    for _ in range(_STEPS):
        hazard = _hazard(design, coefficients)
        chance = -np.expm1(-hazard)
        slope = design.T @ (hazard * (event - chance) / chance) - penalty * coefficients
        weights = hazard * hazard * (1 - chance) / chance
        information = (design * weights[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(information, slope)
        while np.abs(step).max() > _TOLERANCE:
            further = _likelihood(design, event, penalty, coefficients + step)
            if further > reached:
                break
            step = step / 2
        else:
            return coefficients, information
        coefficients, reached = coefficients + step, further
    raise TooFewRowsError(
        f"the hazards did not settle in {_STEPS} steps: the months at risk tell no shape of a curve"
    )


def _hazard(design: Floats, coefficients: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(design @ coefficients, -30.0, 3.0)), dtype=np.float64)


def _likelihood(design: Floats, event: Floats, penalty: Floats, coefficients: Floats) -> float:
    """Return the logarithm of the likelihood, less the penalty."""
    hazard = _hazard(design, coefficients)
    told = np.where(event > 0, np.log(-np.expm1(-hazard)), -hazard)
    return float(told.sum() - (penalty * coefficients**2).sum() / 2)
