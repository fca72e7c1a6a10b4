"""Draw what the lender itself records: outcomes, court cases, account managers' opinions."""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.simulated_calendar import DAY_SECONDS, Month, dates, maybe, timestamps
from sources.simulated_world import CHUNK, THICK, SimulationSettings, World, generator

MAX_DELAY_DAYS = 30
_RATINGS = ("AAA", "AA", "A", "BBB", "BB", "B", "C", "D")
_EVALUATIONS = ("excellent", "good", "general", "poor", "deterioration", "shutdown")

Rows = dict[str, np.ndarray]


def draw_outcomes(settings: SimulationSettings, world: World, month: Month) -> Rows:
    """Draw one outcome per enterprise and billing day, and one on the day of default, charge-off and insolvency."""
    rng = generator(settings, chunk=world.chunk, month=month.number, stream=4)
    slip = rng.random(CHUNK) < np.clip(0.02 + 0.04 * world.risk**0.6, 0, 0.4)
    slip_days = 1 + (65 * rng.beta(1.2, 2.5, CHUNK)).astype(np.int64)
    delay = (rng.uniform(0.2, 4, (4, CHUNK)) * DAY_SECONDS).astype(np.int64)
    dirt = rng.random((4, CHUNK))
    billing = month.first + world.billing_day - 1
    marks = [world.start + np.floor(np.minimum(d, 1e6)).astype(np.int64)
             for d in (world.default_day, world.charge_off_day, world.insolvency_day)]  # fmt: skip
    parts = []
    for nth, day in enumerate([billing, *marks]):
        taken = np.zeros(CHUNK, dtype=bool)
        for earlier in [billing, *marks][:nth]:
            taken |= day == earlier
        past_due = np.maximum(day - marks[0] + 90, 0)
        keep = (
            (day >= month.first) & (day < month.first + month.days) & (day >= world.start)
            & (world.number < settings.enterprises) & ~taken
        )  # fmt: skip
        part = {
            "number": world.number,
            "thick": world.kind == THICK,
            "day": day,
            "dpd": np.where(past_due > 0, past_due, np.where(slip, slip_days, 0)),
            "charge_off": day >= marks[1],
            "insolvency": day >= marks[2],
            "known": (day + 1) * DAY_SECONDS + delay[nth],
            "dirt": dirt[nth],
        }
        parts.append({name: values[keep] for name, values in part.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def finish_outcomes(rows: Rows) -> pl.DataFrame:
    """Turn the drawn outcomes into the feed's columns."""
    digits = pl.Series(rows["number"]).cast(pl.String).str.zfill(7)
    return pl.DataFrame(
        {
            "enterprise_id": "E" + digits, "loan_id": maybe("L" + digits + "-0", rows["thick"]),
            "outcome_date": dates(rows["day"]), "known_at": timestamps(rows["known"]),
            "days_past_due": rows["dpd"], "charge_off": rows["charge_off"], "insolvency": rows["insolvency"],
            "_known": rows["known"], "_dirt": rows["dirt"],
        }
    )  # fmt: skip


def draw_legal(settings: SimulationSettings, world: World, month: Month) -> Rows:
    """Draw court cases of thick files: risky enterprises are sued more often, large ones sue more often."""
    rng = generator(settings, chunk=world.chunk, month=month.number, stream=6)
    strain = world.strain(month.middle - world.start)
    trait = world.traits
    sued = rng.poisson(0.012 * np.exp(0.7 * trait["legal"] - 0.25) * (1 + 4 * strain))
    sues = rng.poisson(0.008 * np.exp(0.5 * trait["size"] - 0.125))
    count = sued + sues
    who = np.repeat(np.arange(CHUNK), count)
    nth = np.arange(who.size) - np.repeat(np.cumsum(count) - count, count)
    day = month.first + rng.integers(0, month.days, who.size)
    rows = {
        "number": world.number[who], "month": np.full(who.size, month.number), "nth": nth, "day": day,
        "defendant": nth < sued[who],
        "known": (day + 1) * DAY_SECONDS + (rng.uniform(0, 25, who.size) * DAY_SECONDS).astype(np.int64),
        "dirt": rng.random(who.size),
    }  # fmt: skip
    keep = (rows["number"] < settings.enterprises) & (world.kind[who] == THICK) & (day >= world.start)
    return {name: values[keep] for name, values in rows.items()}


def finish_legal(rows: Rows) -> pl.DataFrame:
    """Turn the drawn cases into the feed's columns."""
    digits = pl.Series(rows["number"]).cast(pl.String).str.zfill(7)
    month = pl.Series(rows["month"]).cast(pl.String)
    return pl.DataFrame(
        {
            "case_id": "C" + digits + "-" + month + "-" + pl.Series(rows["nth"]).cast(pl.String),
            "enterprise_id": "E" + digits, "filed_on": dates(rows["day"]),
            "known_at": timestamps(rows["known"]),
            "role": pl.Series(("plaintiff", "defendant")).gather(rows["defendant"].astype(np.int64)),
            "_known": rows["known"], "_dirt": rows["dirt"],
        }
    )  # fmt: skip


def draw_opinions(settings: SimulationSettings, world: World, month: Month) -> Rows:
    """Draw half-yearly opinions on thick files; those written after default are marked as leaking the outcome."""
    rng = generator(settings, chunk=world.chunk, month=month.number, stream=7)
    day = month.first + rng.integers(0, 28, CHUNK)
    strain = world.strain(day - world.start)
    score = world.traits["opinion"] + 1.2 * strain + 0.5 * rng.standard_normal(CHUNK)
    mood = world.traits["opinion"] + 1.4 * strain + 0.7 * rng.standard_normal(CHUNK)
    after = day - world.start >= np.floor(world.default_day)
    rating = np.searchsorted([-1.6, -0.9, -0.2, 0.5, 1.1, 1.8], score)
    evaluation = np.searchsorted([-1.3, -0.2, 0.9, 1.6], mood)
    rows = {
        "number": world.number, "day": day,
        "rating": np.where(after, rng.choice([6, 7], CHUNK), rating),
        "evaluation": np.where(after, rng.choice([4, 5], CHUNK), evaluation),
        "leaks": after,
        "known": (day + 1) * DAY_SECONDS + (rng.uniform(0, 5, CHUNK) * DAY_SECONDS).astype(np.int64),
        "dirt": rng.random(CHUNK),
    }  # fmt: skip
    keep = (
        (world.kind == THICK) & (world.number < settings.enterprises) & (day >= world.start)
        & (world.number % 6 == month.number % 6)
    )  # fmt: skip
    return {name: values[keep] for name, values in rows.items()}


def finish_opinions(rows: Rows) -> pl.DataFrame:
    """Turn the drawn opinions into the feed's columns."""
    return pl.DataFrame(
        {
            "enterprise_id": "E" + pl.Series(rows["number"]).cast(pl.String).str.zfill(7),
            "opinion_date": dates(rows["day"]), "known_at": timestamps(rows["known"]),
            "rating": pl.Series(_RATINGS).gather(rows["rating"]),
            "evaluation": pl.Series(_EVALUATIONS).gather(rows["evaluation"]),
            "leaks_outcome": rows["leaks"], "_known": rows["known"], "_dirt": rows["dirt"],
        }
    )  # fmt: skip
