"""Losses of a portfolio if the times turn: each PD shifted by one systematic factor, as Vasicek's model has it.

A borrower defaults when its own luck and the state of the economy together fall below a threshold. Given the state, the
factor, the PD is ``Phi((Phi^-1(PD) - sqrt(rho) factor) / sqrt(1 - rho))``; its mean over all factors is the PD itself.

References
----------
Vasicek (2002), "The distribution of loan portfolio value", Risk 15(12), 160-162.
Basel Committee (2006), "International Convergence of Capital Measurement and Capital Standards", paragraphs 272, 273
and 330: correlations. Gordy (2003), "A risk-factor model foundation for ratings-based bank capital rules", Journal of
Financial Intermediation 12(3): why the loss of many small loans follows from the factor alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtr, ndtri

Vector = npt.NDArray[np.float64]
Correlations = Literal["corporate", "sme", "retail"]
YEAR = 12


class StressSettings(BaseModel):
    """How PDs are shifted, and what a default costs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    correlation: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="Asset correlation of all borrowers; empty = 0.15, unless basel is given"
    )
    basel: Correlations | None = Field(
        default=None,
        description="Correlation by PD, as Basel's formula for corporates, small ones (sme: sales of at most 5 million "
        "euros) or other retail has it",
    )
    quantile: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="The year's severity: its loss is not exceeded with this probability; empty = 0.999",
    )
    factor: Annotated[float, Field(ge=-8, le=8)] | None = Field(
        default=None, description="Instead of the quantile: the year's factor, such as -2 standard deviations"
    )
    lgd: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Loss given default; empty = that of the night's allowance"
    )
    ead_factor: float = Field(
        default=1.0, ge=0, le=10, description="Exposure at default by what is drawn today, 1 = that"
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        """Refuse two correlations and two severities."""
        for one, other in (("correlation", "basel"), ("quantile", "factor")):
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise ValueError(f"give {one} or {other}, not both")
        return self

    @property
    def severity(self) -> float:
        """The year's factor: as given, else that of the quantile."""
        if self.factor is not None:
            return self.factor
        return float(-ndtri(0.999 if self.quantile is None else self.quantile))

    @property
    def level(self) -> float:
        """The probability that a year's loss is not above that of the severity."""
        return float(ndtr(-self.severity))

    @property
    def one_correlation(self) -> float | None:
        """The correlation of all borrowers; None where it goes by the PD."""
        if self.basel is not None:
            return None
        return 0.15 if self.correlation is None else self.correlation


@dataclass(frozen=True)
class Path:
    """A scenario: the factor of the year that holds in each month from the first one after the night on."""

    name: str
    weight: float
    factors: tuple[float, ...]


@dataclass(frozen=True)
class Stressed:
    """What one scenario does to each borrower.

    Attributes
    ----------
    pd_year : numpy.ndarray
        PD of the first 12 months, shape (borrowers,).
    pd_horizon : numpy.ndarray or None
        PD of all months of the path, same shape; None for a scenario of one year.
    """

    pd_year: Vector
    pd_horizon: Vector | None


def correlations(pd: Vector, settings: StressSettings) -> Vector:
    """Return the asset correlation of each borrower.

    Examples
    --------
    >>> correlations(np.array([0.0, 0.01, 1.0]), StressSettings(basel="corporate")).round(4).tolist()
    [0.24, 0.1928, 0.12]
    >>> correlations(np.array([0.01]), StressSettings()).tolist()
    [0.15]
    """
    if settings.basel is None:
        return np.full(pd.shape, settings.one_correlation)
    speed, high_pd, low_pd, less = {
        "corporate": (50.0, 0.12, 0.24, 0.0),
        "sme": (50.0, 0.12, 0.24, 0.04),
        "retail": (35.0, 0.03, 0.16, 0.0),
    }[settings.basel]
    share = np.expm1(-speed * pd) / np.expm1(-speed)
    return np.asarray(high_pd * share + low_pd * (1 - share) - less)


def vasicek_pd(pd: Vector, factor: float, correlation: Vector) -> Vector:
    """Return the PD of a year whose systematic factor is known; 0 and 1 stay what they are.

    Parameters
    ----------
    pd : numpy.ndarray
        Probabilities, shape (borrowers,).
    factor : float
        Standard normal; negative is bad times.
    correlation : numpy.ndarray
        Asset correlations from 0 to below 1, shape (borrowers,).

    Examples
    --------
    >>> vasicek_pd(np.array([0.0, 0.02, 1.0]), -2.0, np.full(3, 0.15)).round(4).tolist()
    [0.0, 0.0827, 1.0]
    """
    threshold = ndtri(pd) - np.sqrt(correlation) * factor
    return np.asarray(ndtr(threshold / np.sqrt(1 - correlation)))


def over_path(cumulative: Vector, path: Path, correlation: Vector) -> Stressed:
    """Return the PDs of a path: each month's probability of default, of those who came so far, shifted by its factor.

    A month's probability is shifted as that of a year with this rate all along: correlations are those of yearly PDs,
    and a factor that stays the same then gives what ``vasicek_pd`` gives of the year. Behind the end of the path the
    months of the first year are as scored.

    Parameters
    ----------
    cumulative : numpy.ndarray
        Probability of default within 1, 2, ... months, never falling, shape (borrowers, months); at least 12 months
        and as many as the path has.
    path : Path
    correlation : numpy.ndarray
        Shape (borrowers,).
    """
    alive = np.ones(len(cumulative))
    before, pd_year, pd_horizon = np.zeros(len(cumulative)), alive * 0, alive * 0
    for month in range(max(YEAR, len(path.factors))):
        left = 1 - before
        now = cumulative[:, month]
        hazard = np.divide(now - before, left, out=np.ones_like(left), where=left > 0)
        if month < len(path.factors):
            year = -np.expm1(YEAR * _log_survival(hazard))
            hazard = -np.expm1(_log_survival(vasicek_pd(year, path.factors[month], correlation)) / YEAR)
        alive = alive * (1 - hazard)
        before = now
        if month + 1 == YEAR:
            pd_year = 1 - alive
        if month + 1 == len(path.factors):
            pd_horizon = 1 - alive
    return Stressed(pd_year=pd_year, pd_horizon=pd_horizon)


def constant_curve(pd: Vector, months: int) -> Vector:
    """Return the curve of a borrower of whom only the PD of a year is known: the same rate in every month.

    Returns
    -------
    numpy.ndarray
        Probability of default within 1 to ``months`` months, shape (borrowers, months).

    Examples
    --------
    >>> constant_curve(np.array([0.19]), 24)[:, [11, 23]].round(4).tolist()
    [[0.19, 0.3439]]
    """
    share_of_year = np.arange(1, months + 1) / YEAR
    curve = -np.expm1(np.outer(_log_survival(pd), share_of_year))
    curve[:, YEAR - 1] = pd  # to the last digit
    return np.asarray(curve)


def effective_number(exposure: Vector) -> float:
    """Return of how many equal loans a portfolio would have this concentration: one by the sum of squared shares.

    Examples
    --------
    >>> [round(effective_number(np.array(sizes)), 2) for sizes in ([1.0, 1.0, 1.0, 1.0], [9.0, 1.0], [0.0])]
    [4.0, 1.22, 0.0]
    """
    total = exposure.sum()
    return float(total**2 / (exposure**2).sum()) if total > 0 else 0.0


def _log_survival(pd: Vector) -> Vector:
    with np.errstate(divide="ignore"):  # a certain default: the logarithm of 0
        return np.asarray(np.log1p(-pd))
