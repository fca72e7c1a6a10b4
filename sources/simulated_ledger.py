"""Draw the loan ledger: annual rows of all loans, and rows on the day on which a new one opens or is repaid."""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.simulated_calendar import DAY_SECONDS, Month, dates, timestamps
from sources.simulated_lending import (
    INVEST,
    INVEST_ODDS,
    default_days,
    draw_new_loans,
    prolonged,
    terms_of_first_loans,
)
from sources.simulated_world import CHUNK, THICK, SimulationSettings, World, generator

MAX_DELAY_DAYS = 30
_LOANS = 3

Rows = dict[str, np.ndarray]


def draw(settings: SimulationSettings, world: World, month: Month) -> Rows:
    """Draw annual ledger rows of each thick file's loans, the first on the first day of history, and rows of new loans.

    The loans that a file has from the start are prolonged at each review and stay; new ones leave once repaid.
    """
    fixed = generator(settings, chunk=world.chunk, month=0, stream=5)
    rng = generator(settings, chunk=world.chunk, month=month.number, stream=5)
    shape = (CHUNK, _LOANS)
    loans = 1 + (fixed.random(CHUNK) < 0.35).astype(np.int64) + (fixed.random(CHUNK) < 0.15)
    opened = world.start + fixed.integers(-900, 600, shape)
    opened[:, 0] = world.start - fixed.integers(30, 900, CHUNK)
    trait = world.traits
    assets = np.exp(9.6 + 0.9 * trait["size"] + 0.4 * fixed.standard_normal(CHUNK))
    share = np.exp(-1.2 + 0.35 * trait["leverage"] + 0.3 * fixed.standard_normal(CHUNK))
    split = fixed.dirichlet(np.ones(_LOANS), CHUNK)
    rate = np.clip(
        0.085 + 0.012 * trait["opinion"][:, None] + 0.012 * fixed.standard_normal(shape), 0.02, 0.3
    )
    flags = fixed.random((4, *shape)) < np.array([0.35, 0.12, 0.6, 0.7])[:, None, None]
    invest = fixed.choice(len(INVEST), shape, p=INVEST_ODDS)
    day = month.first + rng.integers(0, 28, CHUNK)
    opening = month.first <= world.start < month.first + month.days
    if opening:
        day = np.full(CHUNK, world.start)
    strain = world.strain(day - world.start)
    income = assets * np.exp(0.15 - 0.25 * trait["leverage"] + 0.35 * rng.standard_normal(CHUNK))
    income = income * world.activity(day - world.start)
    past_due = np.maximum(day - world.start - np.floor(np.minimum(world.default_day, 1e6)) + 90, 0)
    known = (day + 1) * DAY_SECONDS + (rng.uniform(1, 25, CHUNK) * DAY_SECONDS).astype(np.int64)
    due = (world.number % 12 == month.month_of_year - 1) | opening
    keep = (
        (due & (world.kind == THICK) & (world.number < settings.enterprises) & (day >= world.start))[:, None]
        & (np.arange(_LOANS)[None, :] < loans[:, None])
        & (opened <= day[:, None])
    )
    who, loan = np.nonzero(keep)
    stated = assets * (1 - 0.15 * strain) * np.exp(0.05 * rng.standard_normal(CHUNK))
    terms = terms_of_first_loans(settings, world, invest=invest, mortgage=flags[0], bill=flags[1])
    default = default_days(world)
    matures = prolonged(opened, terms.months, day=day[:, None], default=default[:, None])
    borrowing = (assets * share)[:, None] * (0.2 + split)
    limit = terms.limit(borrowing, cut=(day >= default)[:, None])
    first = {
        "number": world.number[who], "loan": loan, "day": day[who], "known": known[who],
        "opened": opened[who, loan], "borrowing": borrowing[who, loan],
        "rate": rate[who, loan], "mortgage": flags[0][who, loan], "bill": flags[1][who, loan],
        "autonomous": flags[2][who, loan], "business": flags[3][who, loan], "invest": invest[who, loan],
        "assets": stated[who], "income": income[who], "dpd": past_due[who].astype(np.int64),
        "dirt": rng.random(who.size), "matures": matures[who, loan], "limit": limit[who, loan],
    }  # fmt: skip
    ledger = {"day": day, "known": known, "assets": stated, "income": income}
    new = draw_new_loans(settings, world, month, size=assets * share, due=due, ledger=ledger)
    return {name: np.concatenate([first[name], new[name]]) for name in first}


def finish(rows: Rows) -> pl.DataFrame:
    """Turn the drawn ledger rows into the feed's columns."""
    digits = pl.Series(rows["number"]).cast(pl.String).str.zfill(7)
    money = {
        name: pl.Series(np.round(rows[name], 2)).fill_nan(None).cast(pl.Decimal(18, 2))
        for name in ("borrowing", "assets", "income", "limit")
    }
    return pl.DataFrame(
        {
            "loan_id": "L" + digits + "-" + pl.Series(rows["loan"]).cast(pl.String),
            "enterprise_id": "E" + digits, "ledger_date": dates(rows["day"]),
            "known_at": timestamps(rows["known"]),
            "opened_on": dates(rows["opened"]), "borrowing": money["borrowing"],
            "annual_rate": np.round(rows["rate"], 4), "mortgage": rows["mortgage"],
            "acceptance_bill": rows["bill"], "invest_category": pl.Series(INVEST).gather(rows["invest"]),
            "autonomous_payment": rows["autonomous"], "business_purpose": rows["business"],
            "total_assets": money["assets"], "operating_income": money["income"],
            "days_past_due": rows["dpd"], "matures_on": dates(rows["matures"]), "credit_limit": money["limit"],
            "_known": rows["known"], "_dirt": rows["dirt"],
        }
    )  # fmt: skip
