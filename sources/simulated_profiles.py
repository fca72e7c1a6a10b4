"""Draw the profiles of the simulated enterprises, and how they change."""

from __future__ import annotations

import numpy as np
import polars as pl

from sources.simulated_calendar import DAY_SECONDS, Month, dates, maybe, timestamps
from sources.simulated_world import CHUNK, SimulationSettings, World, generator

STREAM = 3
MAX_DELAY_DAYS = 12
# Moves and changes of staff, per enterprise and year.
CHANGE_RATE = 0.06
INDUSTRIES = ("trade", "food", "services", "manufacturing", "construction", "transport", "farming", "crafts")
_SECTORS = (
    ("grocery", "clothing", "hardware", "pharmacy"), ("restaurant", "bakery", "catering", "canteen"),
    ("repair", "beauty", "cleaning", "tutoring"), ("textiles", "furniture", "metalwork", "packaging"),
    ("building", "plumbing", "electrics", "painting"), ("taxi", "haulage", "courier", "storage"),
    ("crops", "dairy", "poultry", "fishing"), ("pottery", "leather", "jewellery", "carpentry"),
)  # fmt: skip
REGIONS = ("north", "coast", "centre", "highlands", "south", "islands")
_REGION_WEIGHTS = np.array([0.24, 0.22, 0.30, 0.10, 0.11, 0.03])
_FIRST = ("Ana", "Luis", "Marta", "Jorge", "Elena", "Pablo", "Rosa", "Diego", "Lucia", "Carlos")
_LAST = (
    "Aguirre",
    "Benitez",
    "Castro",
    "Duarte",
    "Escobar",
    "Flores",
    "Guzman",
    "Herrera",
    "Ibarra",
    "Juarez",
)
_COMPANY_FORMS = ("limited_company", "partnership", "stock_company", "cooperative")


def draw(settings: SimulationSettings, world: World, month: Month) -> dict[str, np.ndarray]:
    """Draw one chunk's profiles: all of them in the first month of history, later those that change."""
    rng = generator(settings, chunk=world.chunk, month=0, stream=STREAM)
    size = world.traits["size"]
    age_days = 200 + rng.gamma(2.0, 1500.0, CHUNK)
    customer_days = rng.uniform(30, 1500, CHUNK)
    workers = np.where(
        world.natural_person, 1 + rng.poisson(0.8, CHUNK), 2 + rng.poisson(np.exp(1.6 + 0.8 * size))
    )
    rows = {
        "number": world.number,
        "valid": world.start - np.minimum(customer_days, age_days - 1).astype(np.int64),
        "founded": world.start - age_days.astype(np.int64),
        "natural": world.natural_person,
        "form": rng.choice(4, CHUNK, p=[0.7, 0.15, 0.05, 0.1]),
        "industry": world.industry,
        "sector": rng.choice(4, CHUNK, p=[0.4, 0.3, 0.2, 0.1]),
        "region": rng.choice(len(REGIONS), CHUNK, p=_REGION_WEIGHTS),
        "city": np.minimum(rng.geometric(0.35, CHUNK), 8),
        "employees": workers,
        "capital": np.round(np.exp(9.5 + 0.9 * size + 0.6 * rng.standard_normal(CHUNK)), -2),
        "state": rng.random(CHUNK) < 0.02,
        "absolute": rng.random(CHUNK) < 0.55,
        "urban": rng.random(CHUNK) < 0.72,
        "identity": rng.random(CHUNK) < 0.97,
        "bank": rng.random(CHUNK) < np.clip(0.9 + 0.03 * world.traits["diligence"], 0, 1),
        "woman": rng.random(CHUNK) < 0.38,
        "name": rng.integers(0, len(_FIRST) * len(_LAST), CHUNK),
        "dirt": rng.random(CHUNK),
    }
    change_day = world.start + rng.exponential(365.0 / CHANGE_RATE, CHUNK).astype(np.int64)
    moves = rng.random(CHUNK) < 0.4
    changed = rows | {
        "valid": change_day,
        "region": np.where(moves, rng.choice(len(REGIONS), CHUNK, p=_REGION_WEIGHTS), rows["region"]),
        "city": np.where(moves, np.minimum(rng.geometric(0.35, CHUNK), 8), rows["city"]),
        "employees": np.where(
            moves, workers, np.maximum(1, workers + rng.integers(1, 4, CHUNK) * rng.choice([-1, 1], CHUNK))
        ),
        "dirt": rng.random(CHUNK),
    }
    later = (rng.uniform(0.4, 10, CHUNK) * DAY_SECONDS).astype(np.int64)
    inside = world.number < settings.enterprises
    opening = inside & (month.first <= world.start < month.first + month.days)
    change = inside & (change_day >= month.first) & (change_day < month.first + month.days)
    parts = [
        {name: values[opening] for name, values in rows.items()}
        | {"known": rows["valid"][opening] * DAY_SECONDS + 9 * 3600},
        {name: values[change] for name, values in changed.items()}
        | {"known": change_day[change] * DAY_SECONDS + later[change]},
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def finish(rows: dict[str, np.ndarray]) -> pl.DataFrame:
    """Turn the drawn rows into the feed's columns; names, numbers and addresses are invented."""
    natural = rows["natural"]
    number = pl.Series(rows["number"])
    digits = number.cast(pl.String).str.zfill(7)
    first = _words(_FIRST, rows["name"] % len(_FIRST))
    last = _words(_LAST, rows["name"] // len(_FIRST))
    industry = _words(INDUSTRIES, rows["industry"])
    sector = _words(tuple(s for group in _SECTORS for s in group), rows["industry"] * 4 + rows["sector"])
    region = _words(REGIONS, rows["region"])
    form = _words(("sole_trader", *_COMPANY_FORMS), np.where(natural, 0, rows["form"] + 1))
    city = pl.Series(rows["city"]).cast(pl.String)
    return pl.DataFrame(
        {
            "enterprise_id": "E" + digits, "valid_from": dates(rows["valid"]),
            "known_at": timestamps(rows["known"]),
            "legal_form": form, "natural_person": natural, "industry_primary": industry,
            "industry_secondary": sector, "region": region, "city": region + "-" + city,
            "founded_on": dates(rows["founded"]), "employees": rows["employees"],
            "registered_capital": maybe(pl.Series(rows["capital"]).cast(pl.Decimal(18, 2)), ~natural),
            "state_holding": rows["state"] & ~natural, "absolute_holding": rows["absolute"] & ~natural,
            "urban": rows["urban"], "identity_verified": rows["identity"],
            "bank_account_verified": rows["bank"],
            "representative_gender": _words(("male", "female"), rows["woman"]),
            "legal_name": first + " " + last + pl.select(
                pl.when(pl.Series(natural)).then(pl.lit("")).otherwise(pl.lit(" & Co"))
            ).to_series(),
            "tax_number": "TX" + digits, "phone": "+00 555 " + digits,
            "address": "Street " + ((number % 250) + 1).cast(pl.String) + ", " + region + "-" + city,
            "_known": rows["known"], "_dirt": rows["dirt"],
        }
    )  # fmt: skip


def _words(words: tuple[str, ...], index: np.ndarray) -> pl.Series:
    return pl.Series(words, dtype=pl.String).gather(index.astype(np.int64))
