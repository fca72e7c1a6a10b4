"""The latent world: the stated default rate, the stated mix, signals that show the risk but not all of it."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from sources.simulated_calendar import Month, month_of, months_between, to_weekday
from sources.simulated_transactions import draw
from sources.simulated_world import (
    CHUNK,
    INDUSTRY_WEIGHTS,
    THICK,
    TRAITS,
    YEAR,
    SimulationSettings,
    World,
    epoch_day,
    season,
    world,
)

START = epoch_day(date(2024, 5, 31))
CHUNKS = 20


def worlds(settings: SimulationSettings) -> list[World]:
    return [world(settings, chunk, START) for chunk in range(CHUNKS)]


def joined(settings: SimulationSettings, name: str) -> np.ndarray:
    return np.concatenate([getattr(chunk, name) for chunk in worlds(settings)])


def rate_in_year(settings: SimulationSettings, year: int) -> tuple[float, int]:
    """Share of those not in default at the start of the year that default within it, and their number."""
    day = joined(settings, "default_day")
    alive = day >= year * YEAR
    return float((day[alive] < (year + 1) * YEAR).mean()), int(alive.sum())


@pytest.mark.parametrize("year", [0, 1, 2])
def test_default_rate_is_the_stated_one_in_every_year(year: int) -> None:
    rate, count = rate_in_year(SimulationSettings(seed=1), year)
    assert abs(rate - 0.15) < 3.3 * (0.15 * 0.85 / count) ** 0.5


def test_the_interval_would_notice_another_rate() -> None:
    rate, count = rate_in_year(SimulationSettings(seed=1, annual_default_rate=0.17), 0)
    assert abs(rate - 0.15) > 3.3 * (0.15 * 0.85 / count) ** 0.5


def test_latent_risk_has_mean_one_and_drives_default() -> None:
    settings = SimulationSettings(seed=1)
    risk, day = joined(settings, "risk"), joined(settings, "default_day")
    assert abs(risk.mean() - 1.0) < 5 * risk.std() / risk.size**0.5
    tenths = np.array_split((day < YEAR)[np.argsort(risk)], 10)
    rates = [tenth.mean() for tenth in tenths]
    assert rates[0] < 0.01
    assert rates[-1] > 0.45
    assert np.corrcoef(np.arange(10), rates)[0, 1] > 0.75


def test_mix_is_the_stated_one() -> None:
    settings = SimulationSettings(seed=1)
    share = np.bincount(joined(settings, "kind"), minlength=4) / (CHUNKS * CHUNK)
    wanted = [settings.thick_share, settings.transaction_share, settings.thin_share, 0.05]
    assert np.abs(share - wanted).max() < 4 * (0.25 / (CHUNKS * CHUNK)) ** 0.5


@pytest.mark.parametrize("name", TRAITS)
def test_traits_are_standard_normal_and_loaded_as_stated(name: str) -> None:
    settings = SimulationSettings(seed=1)
    trait = np.concatenate([chunk.traits[name] for chunk in worlds(settings)])
    assert abs(trait.mean()) < 0.04
    assert abs(trait.std() - 1.0) < 0.04
    ranks = np.argsort(np.argsort(joined(settings, "risk"))) / trait.size
    spearman = np.corrcoef(ranks, np.argsort(np.argsort(trait)))[0, 1]
    assert abs(spearman - TRAITS[name][0]) < 0.05


def test_strain_rises_before_default_and_activity_falls_after() -> None:
    chunk = world(SimulationSettings(seed=1), 0, START)
    warned = (chunk.warned > 0.5) & (chunk.scare_depth < 0.2)
    early, late = chunk.strain(chunk.default_day - 200.0), chunk.strain(chunk.default_day - 10.0)
    assert (late[warned] > early[warned] + 0.2).all()
    assert (chunk.activity(chunk.default_day + 400.0) < 0.1).all()
    for day in (0.0, 300.0, 700.0):
        assert ((chunk.strain(day) >= 0) & (chunk.strain(day) <= 1)).all()


def test_season_averages_to_one() -> None:
    industries = np.arange(INDUSTRY_WEIGHTS.size)
    mean = np.mean([season(industries, month) for month in range(1, 13)], axis=0)
    assert np.allclose(mean, 1.0)


def test_mean_number_of_transactions_is_the_stated_one() -> None:
    settings = SimulationSettings(seed=1, enterprises=10_000)
    rows = 0
    for month in months_between(date(2024, 6, 1), date(2026, 5, 31)):
        rows += sum(int((~draw(settings, chunk, month)["voided"]).sum()) for chunk in worlds(settings)[:3])
    per_760_days = rows / (3 * CHUNK) / 730 * 760
    assert abs(per_760_days / settings.transactions_per_enterprise - 1) < 0.08


def test_suppliers_of_the_risky_are_more_concentrated() -> None:
    settings = SimulationSettings(seed=1, enterprises=10_000, transactions_per_enterprise=2000)
    chunk = world(settings, 0, START)
    rows = draw(settings, chunk, month_of(date(2025, 3, 1)))
    shares = {}
    for number in range(CHUNK):
        mine = (rows["number"] == number) & (rows["kind"] == 1) & (rows["partner"] >= 0)
        if chunk.kind[number] == THICK and mine.sum() >= 20:
            spent = np.bincount(
                np.unique(rows["partner"][mine], return_inverse=True)[1], -rows["cents"][mine]
            )
            shares[number] = float(((spent / spent.sum()) ** 2).sum())
    hhi, who = np.array(list(shares.values())), np.array(list(shares))
    assert who.size > 200
    assert np.corrcoef(hhi, chunk.traits["concentration"][who])[0, 1] > 0.4


def test_weekend_days_move_inside_their_month() -> None:
    month = month_of(date(2026, 5, 10))  # 30 and 31 May 2026 are a weekend
    days = month.first + np.arange(month.days)
    moved = to_weekday(days, moves=np.ones(days.size, dtype=bool), month=month)
    assert ((moved + 3) % 7 < 5).all()
    assert moved.min() >= month.first
    assert moved.max() < month.first + month.days
    untouched = to_weekday(days, moves=np.zeros(days.size, dtype=bool), month=month)
    assert (untouched == days).all()


def test_months_cross_the_year() -> None:
    months = months_between(date(2025, 11, 30), date(2026, 2, 1))
    assert [month.month_of_year for month in months] == [11, 12, 1, 2]
    assert months[-1] == Month(2026 * 12 + 1, epoch_day(date(2026, 2, 1)), 28)
