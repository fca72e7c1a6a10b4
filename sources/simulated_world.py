"""Draw the latent world behind the simulated portfolio: who defaults, when, and how much of it shows.

Every draw is keyed by (seed, chunk of 1,000 enterprises, calendar month, stream), so that an enterprise and
a date range look the same whatever the size of the portfolio and however far it was generated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sources.simulated_incidents import Incidents

CHUNK = 1000
THICK, TRANSACTION, THIN, UNSCOREABLE = range(4)
KINDS = ("thick", "transaction", "thin", "unscoreable")
YEAR = 365.0
NEVER_DAYS = 3650.0
EPOCH = date(1970, 1, 1)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Shape of the gamma distribution of latent risk. With 0.28, a judge who knew the latent risk itself would
# reach an AUC of 0.90 over one year; the rest is the luck of the draw, which no feature can show.
FRAILTY_SHAPE = 0.28

# Loadings of each trait on the latent risk and on a nuisance factor ("temperament") that is unrelated to
# risk and shared by all traits: correlated sampling, and noise that averaging over traits does not remove.
TRAITS: dict[str, tuple[float, float]] = {
    "irregularity": (0.72, 0.25),
    "concentration": (0.58, 0.25),
    "lateness": (0.75, 0.20),
    "diligence": (-0.76, -0.25),
    "stock": (0.66, 0.25),
    "refunds": (0.55, 0.20),
    "volatility": (0.72, 0.25),
    "supply": (0.68, 0.20),
    "leverage": (0.50, 0.20),
    "opinion": (0.64, 0.20),
    "legal": (0.55, 0.15),
    "size": (-0.20, -0.10),
}


class SimulationSettings(BaseModel):
    """Settings of a simulated portfolio; the same settings give the same files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enterprises: int = Field(2000, ge=100, le=1_000_000, description="Enterprises in the portfolio.")
    seed: int = Field(7, ge=0, le=2**31 - 1, description="Seed of every draw.")
    history_days: int = Field(
        1125, ge=30, le=3650, description="Days of history before the first delivery's last day."
    )
    annual_default_rate: float = Field(
        0.15, gt=0.001, lt=0.6, description="Share of enterprises not in default that default within a year."
    )
    thick_share: float = Field(0.45, ge=0, le=1, description="Share with all seven feeds.")
    transaction_share: float = Field(0.30, ge=0, le=1, description="Share with transactions, few events.")
    thin_share: float = Field(
        0.20, ge=0, le=1, description="Share with operational events only; the rest has a profile only."
    )
    transactions_per_enterprise: float = Field(
        100, gt=0, le=5000, description="Mean transactions per enterprise of the portfolio over 760 days."
    )
    events_per_enterprise: float = Field(
        60, gt=0, le=5000, description="Mean operational events per enterprise over 760 days."
    )
    dirt: float = Field(
        0.0005, ge=0, le=0.2, description="Share of rows spoilt on purpose: doubled, orphaned, untypeable."
    )
    incidents: Incidents = Field(Incidents(), description="What goes wrong on the way.")

    def model_post_init(self, _context: object) -> None:
        """Refuse a mix of file kinds above one."""
        if self.thick_share + self.transaction_share + self.thin_share > 1 + 1e-9:
            msg = "thick_share + transaction_share + thin_share must be at most 1"
            raise ValueError(msg)


@dataclass(frozen=True)
class World:
    """One chunk of 1,000 enterprises; every array has 1,000 entries, days count from the start of history.

    Attributes:
        risk: latent risk, gamma with mean 1; the hazard is proportional to it.
        default_day: day on which 90 days past due are reached.
        charge_off_day: 90 to 150 days after default; a fifth of them become insolvent later.
        warned: how strongly the trouble shows in the 180 days before default, 0 to 1.
        traits: standard normal traits by name (see `TRAITS`).
    """

    chunk: int
    start: int
    number: Ints
    kind: Ints
    risk: Floats
    default_day: Floats
    warned: Floats
    scare_period: Floats
    scare_phase: Floats
    scare_depth: Floats
    billing_day: Ints
    charge_off_day: Floats
    insolvency_day: Floats
    natural_person: NDArray[np.bool_]
    industry: Ints
    traits: dict[str, Floats]

    def strain(self, day: float | Floats | Ints) -> Floats:
        """Return how hard each enterprise is pressed on a day, 0 to 1: before default, or in a scare that passes."""
        near = np.clip((day - (self.default_day - 180.0)) / 180.0, 0.0, 1.0)
        before = np.sqrt(near) * self.warned
        into_scare = np.mod(day - self.scare_phase, self.scare_period)
        scare = np.where(into_scare < 150.0, np.sin(np.pi * into_scare / 150.0), 0.0) * self.scare_depth
        return np.maximum(before, scare)

    def activity(self, day: float | Floats | Ints) -> Floats:
        """Return the share of its usual activity left to each enterprise: less under strain, little after default."""
        after = np.maximum(day - self.default_day, 0.0)
        return (1.0 - 0.5 * self.strain(day)) * np.maximum(np.exp(-after / 120.0), 0.08)


def generator(settings: SimulationSettings, *, chunk: int, month: int, stream: int) -> np.random.Generator:
    """Return the random generator of one chunk, calendar month (year * 12 + month - 1) and stream."""
    return np.random.default_rng([settings.seed, chunk, month, stream])


def epoch_day(day: date) -> int:
    """Return the number of days since 1970-01-01."""
    return (day - EPOCH).days


@lru_cache(maxsize=160)
def world(settings: SimulationSettings, chunk: int, start: int) -> World:
    """Draw the enterprises of a chunk; `start` is the first day of history in days since 1970-01-01."""
    rng = generator(settings, chunk=chunk, month=0, stream=0)
    risk = np.maximum(rng.gamma(FRAILTY_SHAPE, 1.0 / FRAILTY_SHAPE, CHUNK), 1e-12)
    luck = rng.exponential(size=CHUNK)
    # With gamma frailty this time scale keeps the rate among survivors at exactly the stated one, year
    # after year, although the riskiest leave first.
    rate = -np.log1p(-settings.annual_default_rate)
    default_day = YEAR * FRAILTY_SHAPE / rate * np.log1p(luck / (FRAILTY_SHAPE * risk))
    z = _normal_scores(risk)
    temperament = rng.standard_normal(CHUNK)
    traits = {}
    for name, (on_risk, on_temperament) in TRAITS.items():
        rest = np.sqrt(1.0 - on_risk**2 - on_temperament**2)
        traits[name] = on_risk * z + on_temperament * temperament + rest * rng.standard_normal(CHUNK)
    mix = np.cumsum([settings.thick_share, settings.transaction_share, settings.thin_share])
    kind = np.searchsorted(mix, rng.random(CHUNK), side="right")
    warned = np.where(rng.random(CHUNK) < 0.25, 0.0, rng.beta(4.0, 2.0, CHUNK))
    scare_period = rng.uniform(500.0, 1500.0, CHUNK)
    charge_off_day = default_day + 90.0 + rng.uniform(0.0, 60.0, CHUNK)
    return World(
        chunk=chunk,
        start=start,
        number=np.arange(chunk * CHUNK, (chunk + 1) * CHUNK),
        kind=kind.astype(np.int64),
        risk=risk,
        default_day=default_day,
        warned=warned,
        scare_period=scare_period,
        scare_phase=rng.random(CHUNK) * scare_period,
        scare_depth=rng.beta(2.0, 3.0, CHUNK),
        billing_day=rng.integers(1, 29, CHUNK),
        charge_off_day=charge_off_day,
        insolvency_day=np.where(
            rng.random(CHUNK) < 0.2, charge_off_day + rng.uniform(10, 120, CHUNK), np.inf
        ),
        natural_person=rng.random(CHUNK) < 0.4,
        industry=rng.choice(len(INDUSTRY_WEIGHTS), CHUNK, p=INDUSTRY_WEIGHTS),
        traits=traits,
    )


# Trade, food, services, manufacturing, construction, transport, farming, crafts.
INDUSTRY_WEIGHTS = np.array([0.28, 0.16, 0.16, 0.12, 0.10, 0.08, 0.06, 0.04])
_SEASON_SWING = np.array([0.25, 0.15, 0.08, 0.10, 0.30, 0.10, 0.45, 0.35])
_SEASON_PEAK = np.array([12, 7, 10, 9, 7, 11, 9, 12])


def season(industry: Ints, month_of_year: int) -> Floats:
    """Return the factor on turnover by industry and month of the year; its mean over the year is 1."""
    angle = 2.0 * np.pi * (month_of_year - _SEASON_PEAK[industry]) / 12.0
    return 1.0 + _SEASON_SWING[industry] * np.cos(angle)


def _normal_scores(risk: Floats) -> Floats:
    """Return standard normal scores of the latent risk."""
    log_risk, score = _score_table()
    return np.interp(np.log(risk), log_risk, score)


@lru_cache(maxsize=1)
def _score_table() -> tuple[Floats, Floats]:
    """Return normal scores on a grid of log risk, from the gamma density (mean 1) summed over the grid."""
    log_risk = np.linspace(np.log(1e-12), np.log(40.0), 20_001)
    mass = np.exp(FRAILTY_SHAPE * (log_risk - np.exp(log_risk)))
    below = np.cumsum(mass) - mass / 2
    share = np.clip(below / mass.sum(), 1e-6, 1 - 1e-6)
    normal = NormalDist()
    return log_risk, np.array([normal.inv_cdf(value) for value in share])
